// SPDX-License-Identifier: MIT
// Members of a JSON object, in one line each, for the formats that are JSON. Text that is not UTF-8 is made so.
#ifndef TRENZA_JSON_PARTS_H
#define TRENZA_JSON_PARTS_H

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

// An element of an array; NULL becomes null.
void json_add_text(JsonBuilder *builder, const char *value);
void json_add_string(JsonBuilder *builder, const char *name, const char *value);
void json_add_number(JsonBuilder *builder, const char *name, int64_t value);
void json_add_bool(JsonBuilder *builder, const char *name, bool value);
void json_begin_array(JsonBuilder *builder, const char *name);
void json_begin_object(JsonBuilder *builder, const char *name);
// The whole, indented; the caller frees it.
char *json_to_text(JsonBuilder *builder);

#endif
