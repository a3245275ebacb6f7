// SPDX-License-Identifier: MIT
// Which field of which structure is which column: the one place where the schema meets C. What the columns mean is in
// schema.sql; a column that is missing here is neither written nor read.
#include "store_private.h"

#define COLUMN(structure, field, type) \
    { \
        #field, type, offsetof(struct structure, field) \
    }
#define NESTED(structure, field, type) \
    { \
        #field, type, offsetof(struct structure, row.field) \
    }

const struct store_table store_tables[STORE_TABLES] = {
    [STORE_META_TEXT] = { "meta", "name", "name", {
        COLUMN(store_meta_text, name, STORE_STRING),
        COLUMN(store_meta_text, value, STORE_TEXT),
    } },
    [STORE_META_NUMBER] = { "meta", "name", "name", {
        COLUMN(store_meta_number, name, STORE_STRING),
        COLUMN(store_meta_number, value, STORE_I64),
    } },
    [STORE_PROCESS] = { "process", "id", NULL, {
        COLUMN(trace_process, id, STORE_U32),
        COLUMN(trace_process, pid, STORE_I64),
        COLUMN(trace_process, parent_id, STORE_ID),
        COLUMN(trace_process, forked_by, STORE_ID),
        COLUMN(trace_process, executable, STORE_TEXT),
        COLUMN(trace_process, arguments, STORE_TEXT),
        COLUMN(trace_process, started_ticks, STORE_TICKS),
        COLUMN(trace_process, ended_ticks, STORE_TICKS),
        COLUMN(trace_process, ended_how, STORE_TEXT),
        COLUMN(trace_process, exit_status, STORE_TICKS),
        COLUMN(trace_process, threads_unrecorded, STORE_U64),
        COLUMN(trace_process, objects_unrecorded, STORE_U64),
        COLUMN(trace_process, stopped, STORE_TEXT),
    } },
    [STORE_THREAD] = { "thread", "id", NULL, {
        COLUMN(trace_thread, id, STORE_U32),
        COLUMN(trace_thread, process_id, STORE_U32),
        COLUMN(trace_thread, serial, STORE_U32),
        COLUMN(trace_thread, tid, STORE_I64),
        COLUMN(trace_thread, name, STORE_TEXT),
        COLUMN(trace_thread, start_frame, STORE_ID),
        COLUMN(trace_thread, creator_id, STORE_ID),
        COLUMN(trace_thread, create_stack, STORE_ID),
        COLUMN(trace_thread, started_ticks, STORE_TICKS),
        COLUMN(trace_thread, ended_ticks, STORE_TICKS),
        COLUMN(trace_thread, events, STORE_U64),
        COLUMN(trace_thread, lost, STORE_U64),
    } },
    [STORE_OBJECT] = { "object", "id", NULL, {
        COLUMN(trace_object, id, STORE_U32),
        COLUMN(trace_object, process_id, STORE_U32),
        COLUMN(trace_object, kind, STORE_KIND),
        COLUMN(trace_object, flags, STORE_U32),
        COLUMN(trace_object, address, STORE_U64),
        COLUMN(trace_object, value, STORE_U64),
        COLUMN(trace_object, created_ticks, STORE_TICKS),
        COLUMN(trace_object, created_by, STORE_ID),
        COLUMN(trace_object, create_stack, STORE_ID),
        COLUMN(trace_object, ended_ticks, STORE_TICKS),
        COLUMN(trace_object, ended_how, STORE_TEXT),
        COLUMN(trace_object, module_id, STORE_ID),
        COLUMN(trace_object, module_offset, STORE_U64),
        COLUMN(trace_object, shared_key, STORE_TEXT),
        COLUMN(trace_object, name, STORE_TEXT),
    } },
    [STORE_MODULE] = { "module", "id", NULL, {
        COLUMN(trace_module, id, STORE_U32),
        COLUMN(trace_module, path, STORE_STRING),
        COLUMN(trace_module, build_id, STORE_TEXT),
    } },
    [STORE_MAPPING] = { "mapping", "id", NULL, {
        COLUMN(trace_mapping, id, STORE_U32),
        COLUMN(trace_mapping, process_id, STORE_U32),
        COLUMN(trace_mapping, module_id, STORE_U32),
        COLUMN(trace_mapping, start, STORE_U64),
        COLUMN(trace_mapping, end, STORE_U64),
        COLUMN(trace_mapping, bias, STORE_U64),
        COLUMN(trace_mapping, loaded_ticks, STORE_TICKS),
        COLUMN(trace_mapping, unloaded_ticks, STORE_TICKS),
    } },
    [STORE_FRAME] = { "frame", "id", NULL, {
        COLUMN(trace_frame, id, STORE_U32),
        COLUMN(trace_frame, module_id, STORE_ID),
        COLUMN(trace_frame, offset, STORE_U64),
    } },
    [STORE_SYMBOL] = { "symbol", "frame_id, depth", NULL, {
        COLUMN(trace_symbol, frame_id, STORE_U32),
        COLUMN(trace_symbol, depth, STORE_U32),
        COLUMN(trace_symbol, function, STORE_TEXT),
        COLUMN(trace_symbol, function_offset, STORE_TICKS),
        COLUMN(trace_symbol, file, STORE_TEXT),
        COLUMN(trace_symbol, line, STORE_LINE),
        COLUMN(trace_symbol, inlined, STORE_BOOL),
    } },
    [STORE_SOURCE] = { "source", "file, line", NULL, {
        COLUMN(store_source, file, STORE_STRING),
        COLUMN(store_source, line, STORE_I64),
        COLUMN(store_source, text, STORE_STRING),
    } },
    [STORE_STACK] = { "stack", "id", NULL, {
        COLUMN(store_stack, id, STORE_U32),
        COLUMN(store_stack, depth, STORE_U32),
        COLUMN(store_stack, truncated, STORE_BOOL),
        COLUMN(store_stack, node_id, STORE_ID),
    } },
    [STORE_STACK_NODE] = { "stack_node", "id", NULL, {
        COLUMN(store_stack_node, id, STORE_U32),
        COLUMN(store_stack_node, parent_id, STORE_ID),
        COLUMN(store_stack_node, frame_id, STORE_U32),
    } },
    [STORE_CHUNK] = { "chunk", "sequence", "thread_id", {
        COLUMN(trace_chunk, thread_id, STORE_U32),
        COLUMN(trace_chunk, sequence, STORE_U32),
        COLUMN(trace_chunk, first_ticks, STORE_U64),
        COLUMN(trace_chunk, last_ticks, STORE_U64),
        COLUMN(trace_chunk, events, STORE_U32),
        COLUMN(trace_chunk, data, STORE_BLOB),
    } },
    [STORE_COVERAGE] = { "coverage", "id", NULL, {
        COLUMN(store_coverage, id, STORE_ID),
        COLUMN(store_coverage, process_id, STORE_ID),
        COLUMN(store_coverage, what, STORE_STRING),
        COLUMN(store_coverage, detail, STORE_TEXT),
    } },
    [STORE_INCIDENT] = { "incident", "id", NULL, {
        COLUMN(store_incident, id, STORE_ID),
        COLUMN(store_incident, ticks, STORE_I64),
        COLUMN(store_incident, what, STORE_STRING),
    } },
    [STORE_INCIDENT_THREAD] = { "incident_thread", "thread_id", "incident_id", {
        COLUMN(store_incident_thread, incident_id, STORE_U32),
        NESTED(store_incident_thread, thread_id, STORE_U32),
        NESTED(store_incident_thread, since_ticks, STORE_TICKS),
        NESTED(store_incident_thread, request, STORE_STRING),
        NESTED(store_incident_thread, object_id, STORE_ID),
        NESTED(store_incident_thread, joined_id, STORE_ID),
        NESTED(store_incident_thread, stack_id, STORE_ID),
        NESTED(store_incident_thread, in_cycle, STORE_BOOL),
    } },
    [STORE_INCIDENT_HOLD] = { "incident_hold", "thread_id, position", "incident_id", {
        COLUMN(store_incident_hold, incident_id, STORE_U32),
        NESTED(store_incident_hold, thread_id, STORE_U32),
        NESTED(store_incident_hold, position, STORE_U32),
        NESTED(store_incident_hold, object_id, STORE_U32),
        NESTED(store_incident_hold, since_ticks, STORE_TICKS),
        NESTED(store_incident_hold, stack_id, STORE_ID),
        NESTED(store_incident_hold, shared, STORE_BOOL),
    } },
    [STORE_FINDING] = { "finding", "id", NULL, {
        COLUMN(store_finding, id, STORE_STRING),
        COLUMN(store_finding, rule, STORE_STRING),
        COLUMN(store_finding, verdict, STORE_TEXT),
        COLUMN(store_finding, level, STORE_STRING),
        COLUMN(store_finding, message, STORE_STRING),
        COLUMN(store_finding, json, STORE_STRING),
    } },
};
