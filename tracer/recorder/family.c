// SPDX-License-Identifier: MIT
// Relations outlive their processes, since a child may be heard of after its parent has gone. What is kept of one is a line, for the
// last process of each pid.
//
// Blind spot: of a process that became another program while a child of it was not heard of yet, the child is told to be the new
// program's.
#include "family.h"

#include "proc.h"
#include "threads.h"

static struct process *process_by_id(const struct family *family, uint32_t id)
{
    for (guint i = 0; i < family->processes->len; i++) {
        struct process *process = family->processes->pdata[i];
        if (process->id == id)
            return process;
    }
    return NULL;
}

// What stays known of a process when it is gone.
struct relation {
    uint32_t id;           // process.id
    uint32_t parent_id;    // process.id
    uint32_t first_thread; // thread.id of its THREADS_FIRST, once it is gone; 0: it has had none
    char *executable;      // once it is gone
    char *arguments;
};

static void relation_free(gpointer pointer)
{
    struct relation *relation = pointer;
    g_free(relation->executable);
    g_free(relation->arguments);
    g_free(relation);
}

static uint32_t find_parent(const struct family *family, const struct process *process, uint32_t own_pid)
{
    const struct relation *before = g_hash_table_lookup(family->by_pid, GUINT_TO_POINTER(own_pid));
    if (process->continues && before)
        return before->parent_id;
    const struct relation *parent =
        g_hash_table_lookup(family->by_pid, GUINT_TO_POINTER(process->parent_pid));
    return parent ? parent->id : 0;
}

static void find_program(struct process *process, const char *executable, const char *arguments)
{
    process->executable = executable ? g_strdup(executable) : proc_executable(process->pid);
    process->arguments = arguments ? g_strdup(arguments) : proc_arguments(process->pid);
}

// Who made it; and the child of a fork runs what its parent runs, unless that has become something else since.
static void find_origin(struct family *family, struct recording *recording, struct process *process)
{
    struct process *parent = process_by_id(family, process->parent_id);
    const struct relation *gone = g_hash_table_lookup(family->by_pid, GUINT_TO_POINTER(process->parent_pid));
    if (parent && process->forked_from)
        process->forked_by = thread_id(recording, parent, process->forked_from);
    else if (gone && process->forked_from == THREADS_FIRST)
        process->forked_by = gone->first_thread;
    if (!process->cradle)
        return;
    if (parent && parent->started_ticks <= process->started_ticks)
        find_program(process, parent->executable, parent->arguments);
    else
        find_program(process, gone ? gone->executable : NULL, gone ? gone->arguments : NULL);
}

void family_add(struct family *family, struct recording *recording, struct process *process, uint32_t own_pid)
{
    process->id = recording->ids.next_process++;
    process->own_pid = own_pid;
    recording->processes++;
    process->parent_id = find_parent(family, process, own_pid);
    if (process->forked)
        find_origin(family, recording, process);
    struct relation *relation = g_new0(struct relation, 1);
    relation->id = process->id;
    relation->parent_id = process->parent_id;
    g_hash_table_insert(family->by_pid, GUINT_TO_POINTER(own_pid), relation);
    g_ptr_array_add(family->processes, process);
    // Most children in the nursery are gone again before anybody can have read of them.
    process->unwritten = process->cradle != NULL;
    if (!process->unwritten)
        process_put(recording, process, -1, NULL);
}

void family_remove(struct family *family, struct process *process)
{
    g_ptr_array_remove(family->processes, process);
    struct relation *relation = g_hash_table_lookup(family->by_pid, GUINT_TO_POINTER(process->own_pid));
    if (!relation || relation->id != process->id)
        return;
    if (process->n_threads > THREADS_FIRST)
        relation->first_thread = process->threads[THREADS_FIRST].id;
    relation->executable = g_steal_pointer(&process->executable);
    relation->arguments = g_steal_pointer(&process->arguments);
}

void family_init(struct family *family)
{
    *family = (struct family){
        .by_pid = g_hash_table_new_full(NULL, NULL, NULL, relation_free),
        .processes = g_ptr_array_new(),
    };
}

void family_done(struct family *family)
{
    g_ptr_array_free(family->processes, TRUE);
    g_hash_table_destroy(family->by_pid);
}

uint32_t family_id(const struct family *family, uint32_t own_pid)
{
    const struct relation *relation = g_hash_table_lookup(family->by_pid, GUINT_TO_POINTER(own_pid));
    return relation ? relation->id : 0;
}

struct process *family_find(const struct family *family, uint32_t own_pid)
{
    return process_by_id(family, family_id(family, own_pid));
}
