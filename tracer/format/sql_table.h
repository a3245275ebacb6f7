// SPDX-License-Identifier: MIT
// The table `event` for SQL: the events in the chunks, one row each. Inside of the trace file module.
#ifndef TRENZA_FORMAT_SQL_TABLE_H
#define TRENZA_FORMAT_SQL_TABLE_H

struct sqlite3;

// Makes the table `event` known to a connection on a trace. Returns an SQLite result code.
int sql_table_register(struct sqlite3 *db);

#endif
