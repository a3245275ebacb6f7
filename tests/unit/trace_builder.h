// SPDX-License-Identifier: MIT
// Traces written by hand, one line per event, for tests:
//
//     T1 create T2
//     T1 acquire a @f:10       in function f, line 10
//     T2 request a
//     T1 cond-wait c a         condition and mutex; an error code may follow
//     T1 fail a 35             arg
//     =5000 T1 release a       at 5000 ns; without it, each event comes a millisecond after the one before
//
// Objects are mutexes unless declared; threads are made by their first event, and T1 is the main thread.
#ifndef TRENZA_TRACE_BUILDER_H
#define TRENZA_TRACE_BUILDER_H

#include "model.h"

struct trace_builder;
struct trace_builder *trace_builder_new(void);
// Removes the trace, too; store and model made from it must be closed before.
void trace_builder_free(struct trace_builder *builder);

void trace_builder_object(
    struct trace_builder *builder, const char *name, enum object_kind kind, uint32_t flags, uint64_t value);
// Aborts on a line it does not understand.
void trace_builder_script(struct trace_builder *builder, const char *script);
// The number of an object or thread of the script.
uint32_t trace_builder_id(const struct trace_builder *builder, const char *name);
// A deadlock as the recorder notes it: "T1 a @f:1 b @f:2; T2 b @g:1 a @g:2": thread, lock held, where, lock wanted, where.
void trace_builder_deadlock(struct trace_builder *builder, const char *script);

// Threads that are stuck, as the recorder notes it: "T1 cond-wait c @f:1 a @f:2; T2 join-request T1 @g:1": what each waits for
// and where, then the locks it holds and where it took them. They wait since the script's last event so far.
void trace_builder_stuck(struct trace_builder *builder, const char *script);

// Writes the trace and loads it. The store belongs to the builder and is closed with it.
struct model *trace_builder_model(struct trace_builder *builder);
const char *trace_builder_path(const struct trace_builder *builder);

#endif
