// SPDX-License-Identifier: MIT
// make_events SHAPE EVENTS THREADS LOCKS OUT: writes a trace of about so many events for the measuring of readers, straight
// through the store, always the same for the same arguments.
//
//   private    each thread has locks of its own and goes round them: what a repetitive program does
//   nested     threads take one to three random locks inside each other, in one order: lock-heavy, no cycle
//   cyclic     the same, but every 1000th section takes two locks of the first ten in the wrong order
//   orders     pairs of locks, every pair both ways, by a thread at random
//   held       each section holds all locks at once, in one order
//   ring       thread i takes lock i and inside it lock i + 1, the last one's is the first: one cycle of all, again and again
//   ordered    the same, but each round begins when the one before it has ended: a cycle that is none, with all its instances
//
// A thread begins a section only when all its locks are free, and takes them one by one while others do the same: no lock
// has two owners. Every 16th acquisition of a shared lock was preceded by a request. Blind to all that is no mutex,
// but for the joins at the end and, in `ordered`, semaphores.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

#define CHUNK_BYTES 65536u
#define PLACES 64u
#define DEPTHS 4u // places of a section's acquisitions differ by depth, up to here
#define STACKS (2 * PLACES * DEPTHS)

struct thread {
    struct chunk_encoder encoder;
    uint32_t chunks;
    uint64_t events;
    uint32_t *locks; // of the section, in order
    unsigned n_locks;
    unsigned at; // steps done of it: n_locks acquisitions, n_locks releases
    unsigned place;
    uint64_t rounds;
};

struct maker {
    struct store *store;
    struct thread *threads; // by thread id; 1 is main
    unsigned n_threads;     // with main
    unsigned n_locks;
    unsigned char *busy; // by object id
    const char *shape;
    uint64_t ticks;
    uint64_t random;
    uint64_t done; // events
    uint64_t next_pair;
};

static uint64_t next_random(struct maker *maker)
{
    maker->random ^= maker->random << 13;
    maker->random ^= maker->random >> 7;
    maker->random ^= maker->random << 17;
    return maker->random;
}

static void check(const struct maker *maker, int r)
{
    if (r >= 0)
        return;
    fprintf(stderr, "make_events: %s\n", store_message(maker->store));
    exit(1);
}

static void write_chunk(struct maker *maker, uint32_t id)
{
    struct thread *thread = &maker->threads[id];
    struct trace_chunk chunk = {
        .thread_id = id,
        .sequence = thread->chunks++,
        .first_ticks = thread->encoder.first_ticks,
        .last_ticks = thread->encoder.last_ticks,
        .events = thread->encoder.events,
        .data = thread->encoder.data,
        .size = thread->encoder.size,
    };
    check(maker, store_put_chunk(maker->store, &chunk));
    chunk_encoder_restart(&thread->encoder);
}

static void put(struct maker *maker, uint32_t id, unsigned kind, uint32_t subject, uint32_t stack)
{
    struct thread *thread = &maker->threads[id];
    maker->ticks += 20 + (next_random(maker) & 63);
    struct trace_event event = {
        .ticks = maker->ticks, .subject = subject, .stack = stack, .kind = (uint8_t)kind
    };
    chunk_encode(&thread->encoder, &event);
    thread->events++;
    maker->done++;
    if (!chunk_encoder_has_room(&thread->encoder))
        write_chunk(maker, id);
}

// --- sections ---

static bool is(const struct maker *maker, const char *shape)
{
    return strcmp(maker->shape, shape) == 0;
}

static uint32_t random_lock(struct maker *maker, unsigned below)
{
    return 1 + (uint32_t)((next_random(maker) >> 20) % below);
}

static void choose_nested(struct maker *maker, struct thread *thread)
{
    thread->n_locks = 1 + next_random(maker) % 3;
    uint32_t last = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < thread->n_locks && last < maker->n_locks; i++)
        thread->locks[n++] = last += random_lock(maker, maker->n_locks - last);
    thread->n_locks = n;
    if (is(maker, "cyclic") && next_random(maker) % 1000 == 0 && maker->n_locks >= 2) {
        unsigned few = maker->n_locks < 10 ? maker->n_locks : 10;
        thread->locks[1] = random_lock(maker, few - 1);
        thread->locks[0] = thread->locks[1] + 1 + (uint32_t)next_random(maker) % (few - thread->locks[1]);
        thread->n_locks = 2;
    }
}

static void choose_pair(struct maker *maker, struct thread *thread)
{
    const uint64_t pair = maker->next_pair++ % ((uint64_t)maker->n_locks * (maker->n_locks - 1));
    const uint32_t first = (uint32_t)(pair / (maker->n_locks - 1)),
                   other = (uint32_t)(pair % (maker->n_locks - 1));
    thread->locks[0] = 1 + first;
    thread->locks[1] = 1 + other + (other >= first);
    thread->n_locks = 2;
}

static void choose(struct maker *maker, uint32_t id)
{
    struct thread *thread = &maker->threads[id];
    thread->place = (unsigned)(next_random(maker) >> 8) % PLACES;
    thread->at = 0;
    if (is(maker, "private")) {
        const unsigned each = maker->n_locks / (maker->n_threads - 1);
        thread->locks[0] = 1 + (id - 2) * each + (uint32_t)(thread->rounds % (each ? each : 1));
        thread->locks[0] = 1 + (thread->locks[0] - 1) % maker->n_locks;
        thread->place = thread->rounds % PLACES;
        thread->n_locks = 1;
    } else if (is(maker, "orders")) {
        choose_pair(maker, thread);
    } else if (is(maker, "held")) {
        for (unsigned i = 0; i < maker->n_locks; i++)
            thread->locks[i] = 1 + i;
        thread->n_locks = maker->n_locks;
    } else if (is(maker, "ring") || is(maker, "ordered")) {
        thread->locks[0] = id - 1;
        thread->locks[1] = 1 + (id - 1) % (maker->n_threads - 1);
        thread->place = 0;
        thread->n_locks = 2;
    } else {
        choose_nested(maker, thread);
    }
}

static bool reserve(struct maker *maker, const struct thread *thread)
{
    for (unsigned i = 0; i < thread->n_locks; i++)
        if (maker->busy[thread->locks[i]])
            return false;
    for (unsigned i = 0; i < thread->n_locks; i++)
        maker->busy[thread->locks[i]] = 1;
    return true;
}

static uint32_t stack_of(const struct thread *thread, unsigned depth, bool release)
{
    return 1 + (thread->place * DEPTHS + depth % DEPTHS) * 2 + release;
}

// One step of the thread's section, the first of the next one when it has come to its end.
static void step(struct maker *maker, uint32_t id)
{
    struct thread *thread = &maker->threads[id];
    if (thread->at == 2 * thread->n_locks) {
        choose(maker, id);
        if (!reserve(maker, thread)) {
            thread->at = thread->n_locks = 0;
            return;
        }
        thread->rounds++;
    }
    const bool release = thread->at >= thread->n_locks;
    const unsigned depth = release ? 2 * thread->n_locks - 1 - thread->at : thread->at;
    const uint32_t lock = thread->locks[depth], stack = stack_of(thread, depth, release);
    if (!release && !is(maker, "private") && next_random(maker) % 16 == 0)
        put(maker, id, EVENT_REQUEST, lock, stack);
    put(maker, id, release ? EVENT_RELEASE : EVENT_ACQUIRE, lock, stack);
    if (release)
        maker->busy[lock] = 0;
    thread->at++;
}

// Thread by thread, each let on by a semaphore that the one before it has posted.
static void step_round(struct maker *maker)
{
    for (uint32_t id = 2; id <= maker->n_threads; id++) {
        put(maker, id, EVENT_ACQUIRE, maker->n_locks + id - 1, 1 + 2 * DEPTHS);
        do
            step(maker, id);
        while (maker->threads[id].at < 2 * maker->threads[id].n_locks);
        put(maker, id, EVENT_POST, maker->n_locks + (id == maker->n_threads ? 1 : id), 2 + 2 * DEPTHS);
    }
}

// --- the trace ---

static void write_code(struct maker *maker)
{
    struct trace_module module = { .id = 1, .path = "/src/program" };
    check(maker, store_put_module(maker->store, &module));
    for (uint32_t id = 1; id <= STACKS; id++) {
        char function[32];
        snprintf(function, sizeof function, "work_%u", id);
        struct trace_frame frame = { .id = id, .module_id = 1, .offset = 16 * id };
        struct trace_symbol symbol = { id, 0, function, 1, "/src/program.c", id, false };
        check(maker, store_put_frame(maker->store, &frame));
        check(maker, store_put_symbol(maker->store, &symbol));
        check(maker, store_put_stack(maker->store, id, &id, 1, false));
    }
}

static void write_rows(struct maker *maker)
{
    struct store *store = maker->store;
    struct trace_process process = { .id = 1, .pid = 1000, .executable = "/src/program", .ended_ticks = -1 };
    store_set_number(store, "ticks_per_second", 1000000000);
    store_set_number(store, "complete", 1);
    store_set_number(store, "symbolized", 1);
    store_set_number(store, "exit_status", 0);
    store_set_text(store, "command_line", "[\"./program\"]");
    check(maker, store_put_process(store, &process));
    write_code(maker);
    // In `orders` and so on a class of its own for each lock: where they were made differs.
    for (uint32_t id = 1; id <= maker->n_locks + (is(maker, "ordered") ? maker->n_threads - 1 : 0); id++) {
        const bool semaphore = id > maker->n_locks;
        struct trace_object object = { .id = id,
            .process_id = 1,
            .flags = OBJECT_BY_INIT,
            .address = 4096 + 64 * id,
            .kind = semaphore ? OBJECT_SEMAPHORE : OBJECT_MUTEX,
            .value = semaphore && id == maker->n_locks + 1,
            .created_by = 1,
            .create_stack = 1 + id % STACKS,
            .ended_ticks = -1 };
        check(maker, store_put_object(store, &object));
    }
}

static void write_threads(struct maker *maker)
{
    for (uint32_t id = 1; id <= maker->n_threads; id++) {
        struct thread *thread = &maker->threads[id];
        if (thread->encoder.events)
            write_chunk(maker, id);
        struct trace_thread row = { .id = id,
            .process_id = 1,
            .serial = id,
            .tid = 1000 + id,
            .creator_id = id > 1,
            .start_frame = 1,
            .create_stack = id > 1,
            .ended_ticks = (int64_t)maker->ticks,
            .events = thread->events,
            .started_ticks = 0 };
        check(maker, store_put_thread(maker->store, &row));
        free(thread->encoder.data);
        free(thread->locks);
    }
}

static void run_threads(struct maker *maker, uint64_t wanted)
{
    const unsigned workers = maker->n_threads - 1;
    while (maker->done < wanted && is(maker, "ordered"))
        step_round(maker);
    while (maker->done < wanted)
        step(maker, 2 + (uint32_t)(next_random(maker) >> 16) % workers);
    for (uint32_t id = 2; id <= maker->n_threads; id++)
        while (maker->threads[id].at < 2 * maker->threads[id].n_locks)
            step(maker, id);
}

int main(int argc, char **argv)
{
    static const char *const shapes[] = { "private", "nested", "cyclic", "orders", "held", "ring",
        "ordered" };
    bool known = false;
    for (size_t i = 0; argc == 6 && i < sizeof shapes / sizeof *shapes; i++)
        known |= strcmp(argv[1], shapes[i]) == 0;
    struct maker maker = { .random = 88172645463325252u };
    if (!known || (maker.n_threads = (unsigned)atoi(argv[3]) + 1) < 2 ||
        (maker.n_locks = (unsigned)atoi(argv[4])) < 1)
        return 2;
    maker.shape = argv[1];
    if (is(&maker, "ring") || is(&maker, "ordered"))
        maker.n_locks = maker.n_threads - 1;
    check(&maker, store_create(argv[5], &maker.store));
    maker.threads = calloc(maker.n_threads + 1, sizeof *maker.threads);
    maker.busy = calloc(maker.n_locks + 1, 1);
    for (uint32_t id = 1; id <= maker.n_threads; id++) {
        struct thread *thread = &maker.threads[id];
        thread->locks = calloc(maker.n_locks + 3, sizeof *thread->locks);
        chunk_encoder_init(&thread->encoder, malloc(CHUNK_BYTES), CHUNK_BYTES);
    }
    write_rows(&maker);
    put(&maker, 1, EVENT_THREAD_START, 1, 1);
    for (uint32_t id = 2; id <= maker.n_threads; id++) {
        put(&maker, 1, EVENT_CREATE, id, 1);
        put(&maker, id, EVENT_THREAD_START, id, 1);
    }
    run_threads(&maker, strtoull(argv[2], NULL, 10));
    for (uint32_t id = 2; id <= maker.n_threads; id++) {
        put(&maker, id, EVENT_THREAD_END, id, 1);
        put(&maker, 1, EVENT_JOIN, id, 1);
    }
    write_threads(&maker);
    check(&maker, store_close(maker.store));
    free(maker.threads);
    free(maker.busy);
    return 0;
}
