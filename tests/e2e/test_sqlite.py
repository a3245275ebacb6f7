# SPDX-License-Identifier: MIT
"""The sqlite3 command line, with helper threads for sorting, on a database that a second one then reads."""

import harness
from harness import case, compare, record, require, require_equal, run

WRITE = b"""
PRAGMA journal_mode=wal;
PRAGMA threads=2;
PRAGMA cache_size=50;
CREATE TABLE sample (number INTEGER, text TEXT);
WITH RECURSIVE counting(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 60000)
  INSERT INTO sample SELECT (n * 7919) % 60013, printf('%064d', (n * 104729) % 60013) FROM counting;
CREATE INDEX by_text ON sample (text, number);
SELECT count(*), sum(number), min(text), max(text) FROM sample;
SELECT number FROM sample ORDER BY text DESC, number LIMIT 5;
PRAGMA integrity_check;
SELECT no_such_column FROM sample;
"""


@case
def sqlite_answers_the_same(folder):
    argv = ['sqlite3', '-batch']
    native = run([*argv, folder / 'native.db'], input=WRITE)
    ended, trace = record(folder, [*argv, folder / 'recorded.db'], input=WRITE)
    require_equal((ended.status, ended.out), (native.status, native.out), 'status and output')
    require(b'ok' in native.out and b'60000|' in native.out, f'natively: {native}')
    events = trace.require_sound(processes=1, threads=(5, 80))
    require(events > 1000, f'only {events} events')
    dump = b'SELECT * FROM sample ORDER BY number, text LIMIT 1000; PRAGMA integrity_check;'
    native = run([*argv, folder / 'native.db'], input=dump)
    require_equal(run([*argv, folder / 'recorded.db'], input=dump).out, native.out, 'the databases')


@case
def sqlite_reads_the_same(folder):
    database = folder / 'data.db'
    run(['sqlite3', '-batch', database], input=WRITE)
    _, _, trace = compare(folder, ['sqlite3', '-json', database, 'SELECT * FROM sample WHERE text > 5 LIMIT 100'])
    trace.require_sound(processes=1)


harness.main()
