// SPDX-License-Identifier: MIT
// One process as the drain thread knows it. Its memory is what the target can scribble over: nothing read from there is
// used as a size or an index without a look.
//
// Blind spot: an address is placed by what the target has announced; code made at run time belongs to no module.
#include "process.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "objects.h"
#include "proc.h"
#include "program.h"
#include "threads.h"

void recording_init(struct recording *recording, struct store *store, struct session *session)
{
    *recording = (struct recording){
        .writer.store = store,
        .session = session,
        .pending_objects = g_ptr_array_new(),
        .given_back = g_hash_table_new_full(NULL, NULL, NULL, g_free),
        .semaphores = g_hash_table_new(NULL, NULL),
        .orphans = g_hash_table_new_full(NULL, NULL, NULL, g_free),
        .spawned = g_hash_table_new_full(NULL, NULL, NULL, g_free),
        .own_pids = g_hash_table_new(NULL, NULL),
        .own_lock = PTHREAD_MUTEX_INITIALIZER,
    };
    ids_init(&recording->ids, &recording->writer);
}

void recording_done(struct recording *recording)
{
    recording->finishing = true;
    recording->writer.failed = true; // the store may be closed already
    objects_flush(recording);
    objects_flush(recording);
    objects_forget_places(recording);
    g_ptr_array_free(recording->pending_objects, TRUE);
    g_hash_table_destroy(recording->given_back);
    g_hash_table_destroy(recording->semaphores);
    g_hash_table_destroy(recording->orphans);
    g_hash_table_destroy(recording->spawned);
    g_hash_table_destroy(recording->own_pids);
    ids_done(&recording->ids);
    writer_done(&recording->writer);
}

void recording_add_spawned(
    struct recording *recording, uint32_t pid, uint32_t process_id, enum wire_unseen unseen, const char *name)
{
    const struct spawned *before = g_hash_table_lookup(recording->spawned, GUINT_TO_POINTER(pid));
    if (before && before->unseen != WIRE_SEEN && unseen == WIRE_SEEN)
        return;
    struct spawned *spawned = g_new0(struct spawned, 1);
    spawned->process_id = process_id;
    spawned->unseen = unseen;
    memcpy(spawned->name, name, sizeof spawned->name - 1);
    g_hash_table_insert(recording->spawned, GUINT_TO_POINTER(pid), spawned);
}

struct process *process_new(pid_t pid, char *executable, char *arguments)
{
    struct process *process = g_new0(struct process, 1);
    process->pid = pid;
    process->executable = executable;
    process->arguments = arguments;
    process->exit_said = -1;
    process->exit_seen = -1;
    process->live_objects = g_hash_table_new(NULL, NULL);
    process->early_ends = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    process->early_names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    process->places = g_ptr_array_new();
    process->live_threads = g_ptr_array_new();
    return process;
}

static void segment_free(struct segment *segment)
{
    for (uint32_t i = 0; i < segment->slots_known; i++)
        g_free(segment_ring(segment, i)->stacks);
    for (uint32_t i = 0; i < segment->slots_known; i += RING_BLOCK)
        g_free(segment->rings[i / RING_BLOCK]);
    if (!segment->borrowed)
        munmap(segment->shared, WIRE_SEGMENT_BYTES(segment->slots));
    g_free(segment);
}

static uint32_t cradle_index(const struct process *process)
{
    return (uint32_t)(process->cradle - process->nursery->shared->cradles);
}

void process_find_segment(struct process *process)
{
    if (!process->cradle || process->in_segment)
        return;
    struct segment *segment = nursery_segment(process->nursery, cradle_index(process));
    process->in_segment = segment != NULL;
    if (segment)
        process_add_segment(process, segment);
}

void process_free(struct process *process)
{
    if (!process)
        return;
    while (process->segments) {
        struct segment *segment = process->segments;
        process->segments = segment->next;
        segment_free(segment);
    }
    // Whoever outlives the recording keeps what it has.
    if (process->cradle && process->over)
        nursery_recycle(process->nursery, cradle_index(process));
    for (guint i = 0; i < process->live_threads->len; i++)
        thread_free(process->live_threads->pdata[i]);
    g_ptr_array_free(process->live_threads, TRUE);
    for (uint32_t i = 0; i < process->n_pages; i++)
        g_free(process->pages[i].refs);
    g_hash_table_destroy(process->live_objects);
    g_hash_table_destroy(process->early_ends);
    g_hash_table_destroy(process->early_names);
    g_ptr_array_free(process->places, TRUE);
    g_free(process->pages);
    g_free(process->threads);
    g_free(process->mappings);
    g_free(process->frame_cache);
    g_free(process->executable);
    g_free(process->arguments);
    g_free(process);
}

struct segment *segment_new(int fd, uint32_t slots)
{
    void *memory =
        mmap(NULL, WIRE_SEGMENT_BYTES(slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED)
        return NULL;
    struct segment *segment = g_new0(struct segment, 1);
    segment->shared = memory;
    segment->slots = slots;
    return segment;
}

void process_add_segment(struct process *process, struct segment *segment)
{
    segment->next = process->segments;
    process->segments = segment;
}

void recording_note_pid(struct recording *recording, uint32_t own_pid, pid_t pid)
{
    if (pid == 0 || own_pid == (uint32_t)pid)
        return;
    pthread_mutex_lock(&recording->own_lock);
    g_hash_table_insert(recording->own_pids, GUINT_TO_POINTER(own_pid), GINT_TO_POINTER(pid));
    pthread_mutex_unlock(&recording->own_lock);
}

static pid_t noted_pid(struct recording *recording, uint32_t own_pid)
{
    pthread_mutex_lock(&recording->own_lock);
    pid_t pid = GPOINTER_TO_INT(g_hash_table_lookup(recording->own_pids, GUINT_TO_POINTER(own_pid)));
    pthread_mutex_unlock(&recording->own_lock);
    return pid;
}

// Only in another pid namespace do they differ. A child that has not come yet is alive; if it is gone from /proc when that
// has been read, it has come meanwhile.
pid_t process_child_pid(struct recording *recording, const struct process *process, uint32_t own_pid)
{
    const struct segment *segment = process->segments;
    uint32_t own = segment ? atomic_load_explicit(&segment->shared->pid, memory_order_relaxed) : 0;
    if (own == 0 || own == (uint32_t)process->pid)
        return (pid_t)own_pid;
    pid_t pid = noted_pid(recording, own_pid);
    if (pid == 0)
        pid = proc_child(process->pid, own_pid);
    if (pid == 0)
        pid = noted_pid(recording, own_pid);
    return pid ? pid : (pid_t)own_pid;
}

static void put_mapping(
    struct recording *recording, const struct process *process, const struct mapping *mapping)
{
    uint64_t unloaded = atomic_load_explicit(&mapping->wire->unloaded_ticks, memory_order_acquire);
    struct trace_mapping row = {
        .id = mapping->id,
        .process_id = process->id,
        .module_id = mapping->module,
        .start = mapping->start,
        .end = mapping->end,
        .bias = mapping->bias,
        .loaded_ticks = (int64_t)atomic_load_explicit(&mapping->wire->loaded_ticks, memory_order_relaxed),
        .unloaded_ticks = unloaded ? (int64_t)unloaded : -1,
    };
    WRITER_PUT(&recording->writer, store_put_mapping, &row);
}

static void add_mapping(struct recording *recording, struct process *process, const struct wire_module *wire)
{
    char path[WIRE_MODULE_PATH + 1] = { 0 };
    memcpy(path, wire->path, WIRE_MODULE_PATH);
    uint32_t id_size = wire->build_id_size <= sizeof wire->build_id ? wire->build_id_size : 0;
    process->mappings = g_renew(struct mapping, process->mappings, process->n_mappings + 1);
    struct mapping *mapping = &process->mappings[process->n_mappings++];
    *mapping = (struct mapping){
        .wire = wire,
        .id = recording->ids.next_mapping++,
        .module = ids_module(&recording->ids, path, wire->build_id, id_size),
        .start = wire->map_start,
        .end = wire->map_end,
        .bias = wire->bias,
    };
    put_mapping(recording, process, mapping);
    if (process->frame_cache)
        memset(process->frame_cache, 0, FRAME_CACHE * sizeof *process->frame_cache);
}

static void poll_segment(struct recording *recording, struct process *process, struct segment *segment)
{
    uint32_t used = atomic_load_explicit(&segment->shared->modules_used, memory_order_acquire);
    for (uint32_t i = 0; i < used && i < WIRE_MODULES; i++) {
        const struct wire_module *wire = &segment->shared->modules[i];
        if (segment->module_seen[i] || atomic_load_explicit(&wire->state, memory_order_acquire) < 2)
            continue;
        segment->module_seen[i] = 1;
        segment->modules_known++;
        add_mapping(recording, process, wire);
    }
}

void process_poll_modules(struct recording *recording, struct process *process)
{
    for (struct segment *segment = process->segments; segment; segment = segment->next) {
        uint32_t used = atomic_load_explicit(&segment->shared->modules_used, memory_order_acquire);
        if (MIN(used, WIRE_MODULES) > segment->modules_known)
            poll_segment(recording, process, segment);
    }
}

const struct mapping *process_find_mapping(const struct process *process, uint64_t address, uint64_t ticks)
{
    // A module is announced when the first of its frames is seen, so its time may be later than the event's: such a
    // mapping is second choice.
    const struct mapping *second = NULL;
    for (uint32_t i = process->n_mappings; i-- > 0;) {
        const struct mapping *mapping = &process->mappings[i];
        if (address < mapping->start || address >= mapping->end)
            continue;
        uint64_t unloaded = atomic_load_explicit(&mapping->wire->unloaded_ticks, memory_order_acquire);
        if (atomic_load_explicit(&mapping->wire->loaded_ticks, memory_order_relaxed) <= ticks &&
            (unloaded == 0 || unloaded > ticks))
            return mapping;
        if (!second)
            second = mapping;
    }
    return second;
}

uint32_t process_frame(struct recording *recording, struct process *process, uint64_t address, uint64_t ticks)
{
    if (!process->frame_cache)
        process->frame_cache = g_new0(struct frame_cache, FRAME_CACHE);
    size_t at = (address ^ address >> 10) % FRAME_CACHE;
    if (process->frame_cache[at].address == address && address)
        return process->frame_cache[at].frame;
    const struct mapping *mapping = process_find_mapping(process, address, ticks);
    uint32_t frame = mapping ? ids_frame(&recording->ids, mapping->module, address - mapping->bias)
                             : ids_frame(&recording->ids, 0, address);
    if (mapping) {
        process->frame_cache[at].address = address;
        process->frame_cache[at].frame = frame;
    }
    return frame;
}

static const char *why_stopped(const struct process *process)
{
    for (const struct segment *segment = process->segments; segment; segment = segment->next)
        switch (atomic_load_explicit(&segment->shared->stopped, memory_order_relaxed)) {
        case WIRE_STOP_RECORDER_GONE:
            return "recorder-gone";
        case WIRE_STOP_NO_MEMORY:
            return "no-memory";
        }
    return NULL;
}

static void count_unrecorded(const struct process *process, uint64_t *ret_threads, uint64_t *ret_objects)
{
    *ret_threads = 0;
    *ret_objects = 0;
    for (const struct segment *segment = process->segments; segment; segment = segment->next) {
        *ret_threads += atomic_load_explicit(&segment->shared->threads_unrecorded, memory_order_relaxed);
        *ret_objects += atomic_load_explicit(&segment->shared->objects_unrecorded, memory_order_relaxed);
    }
}

void process_put(
    struct recording *recording, struct process *process, int64_t ended_ticks, const char *ended_how)
{
    struct trace_process row = {
        .id = process->id,
        .pid = process->pid,
        .parent_id = process->parent_id,
        .forked_by = process->forked_by,
        .executable = process->executable,
        .arguments = process->arguments,
        .started_ticks = process->started_ticks,
        .ended_ticks = ended_ticks,
        .ended_how = ended_how,
        .exit_status = process->exit_seen >= 0 ? process->exit_seen : process->exit_said,
        .stopped = why_stopped(process),
    };
    count_unrecorded(process, &row.threads_unrecorded, &row.objects_unrecorded);
    WRITER_PUT(&recording->writer, store_put_process, &row);
    process->unwritten = false;
}

static void put_count(struct recording *recording, const struct process *process, uint64_t count,
    const char *what, const char *format)
{
    if (count == 0)
        return;
    g_autofree char *detail = g_strdup_printf("%" G_GUINT64_FORMAT " %s", count, format);
    WRITER_PUT(&recording->writer, store_put_coverage, process->id, what, detail);
}

void spawned_put_coverage(struct recording *recording, const struct spawned *spawned, const char *otherwise)
{
    const char *what = program_unseen_what(spawned->unseen);
    g_autofree char *name = g_utf8_make_valid(*spawned->name ? spawned->name : "another program", -1);
    g_autofree char *detail =
        what ? program_unseen_detail(spawned->unseen, name)
             : g_strdup_printf("'%s' %s, and did not come to the recorder", name, otherwise);
    WRITER_PUT(
        &recording->writer, store_put_coverage, spawned->process_id, what ? what : "not-followed", detail);
}

void process_put_coverage(struct recording *recording, struct process *process)
{
    for (uint32_t i = 0; i < process->n_mappings; i++)
        if (atomic_load_explicit(&process->mappings[i].wire->unloaded_ticks, memory_order_relaxed))
            put_mapping(recording, process, &process->mappings[i]);
    uint64_t threads, objects;
    count_unrecorded(process, &threads, &objects);
    put_count(
        recording, process, process->lost, "lost-events", "events were dropped because a ring was full");
    put_count(recording, process, process->damaged_events, "damaged-events", "ring slots held no event");
    put_count(recording, process, threads, "threads", "threads got no ring");
    put_count(recording, process, objects, "objects", "objects got no number");
    if (process->hidden)
        WRITER_PUT(&recording->writer, store_put_coverage, process->id, "hidden",
            "the kernel does not show whether its threads sleep: what is stuck without a cycle was not "
            "noticed");
    const char *stopped = why_stopped(process);
    if (stopped)
        WRITER_PUT(&recording->writer, store_put_coverage, process->id, "stopped", stopped);
    if (process->execs && !process->exec_followed && process->over) {
        process->next.process_id = process->id;
        spawned_put_coverage(recording, &process->next, "took a process's place");
    }
}
