// SPDX-License-Identifier: MIT
// Holds a thread up before it takes a lock at one of the session's places. It enters itself in the session's table of
// pauses with who has that lock; when those in the table wait for each other in a circle, all of it goes on, and the
// deadlock is real. Where the lock tells its owner that counts, else that somebody waits at the next place.
//
// The table is shared by all processes and has no lock: a thread enters itself before it looks for a circle, so the last
// of a circle sees the others, and each looks again all the while. A thread may leave at any moment: what it does then,
// take its lock, is all that a circle needs of it.
//
// The gate is for circles that holding up at the places alone keeps from closing: where one side has to go through what
// another one locks before it comes to its place, that other one waits before it has locked anything.
//
// Time limits keep a program going whose order forbids the circle: a pause is half as long as the one before it at the
// same place, and after some there are no more.
// Blind: calls that only try, which Python's locks begin with (and holding its global lock); which of several threads at
// one place owns a read lock, a spinlock or a semaphore; places that are reached by other ways than recorded.
#include "steer.h"

#include <string.h>

#include "memory.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define SHORTEST_NS (20 * MILLISECOND_NS)
#define PAUSES_MAX 32u // at one place
#define LOOK_AGAIN_NS (2 * MILLISECOND_NS)
#define STALE_NS (1000 * MILLISECOND_NS) // past its end, a pause is one whose thread will not come back

static uint64_t now_ns(void)
{
    struct timespec now;
    SYS3(SYS_clock_gettime, CLOCK_MONOTONIC, &now, 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// --- places ---

static const struct wire_module *find_module(uintptr_t pc)
{
    const struct wire_segment *segment = atomic_load(&process->segments[0].shared);
    const uint32_t used = atomic_load(&segment->modules_used);
    for (uint32_t i = 0; i < used && i < WIRE_MODULES; i++) {
        const struct wire_module *module = &segment->modules[i];
        const bool is_loaded = atomic_load(&module->state) == 2;
        if (is_loaded && pc >= module->map_start && pc < module->map_end)
            return module;
    }
    return NULL;
}

static bool is_frame(const struct wire_steer_place *place, unsigned i, uintptr_t pc)
{
    const struct wire_module *module = find_module(pc);
    return module != NULL && pc - module->bias == place->frames[i].offset &&
           wire_module_key(module->build_id, module->build_id_size, module->path) == place->frames[i].module;
}

static bool is_open(const struct wire_steer_place *place)
{
    return atomic_load(&place->pauses) < PAUSES_MAX;
}

static bool is_place(const struct wire_steer_place *place, const uintptr_t *frames, unsigned depth)
{
    if (place->n_frames > depth || place->n_frames > WIRE_STEER_FRAMES)
        return false;
    for (unsigned i = 0; i < place->n_frames; i++)
        if (!is_frame(place, i, frames[i]))
            return false;
    return true;
}

// frame - 1 is in the instruction meant (stack.h): the signal trampoline's first.
static bool is_signal_trampoline(uintptr_t frame)
{
    static const unsigned char code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 }; // rt_sigreturn
    const uintptr_t start = frame - 1;
    return memory_readable_range(start, start + sizeof code) &&
           memcmp((const void *)start, code, sizeof code) == 0;
}

static bool is_in_handler(const uintptr_t *frames, unsigned depth)
{
    for (unsigned i = 1; i < depth; i++)
        if (is_signal_trampoline(frames[i]))
            return true;
    return false;
}

// The place this stack is at, or n, how many there are.
static uint32_t find_place(
    struct thread *thread, const struct caller *caller, const struct wire_steer *steer, uint32_t n)
{
    uint32_t place = 0;
    while (place < n && (!is_open(&steer->places[place]) || !is_frame(&steer->places[place], 0, caller->pc)))
        place++;
    if (place == n)
        return n;
    uint64_t mask;
    sys_block_signals(&mask);
    struct stack_new stack;
    stack_cache_walk(thread->stacks, caller, &stack);
    while (place < n &&
           (!is_open(&steer->places[place]) || !is_place(&steer->places[place], stack.frames, stack.depth)))
        place++;
    if (is_in_handler(stack.frames, stack.depth))
        place = n;
    sys_restore_signals(&mask);
    return place;
}

// --- owners ---

// The lock that is about to be taken.
struct target {
    const void *object;
    enum object_kind kind;
    bool shared;
};

// Of __readers; nptl/pthread_rwlock_common.c of glibc.
#define RWLOCK_WRITER_WAITS 2u
#define RWLOCK_READERS_SHIFT 3

// Readers let readers in, unless a writer waits and comes first.
static uint32_t rwlock_owner(const volatile pthread_rwlock_t *rwlock, bool shared)
{
    const uint32_t writer = (uint32_t)rwlock->__data.__cur_writer, readers = rwlock->__data.__readers;
    const bool writer_first = rwlock->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
    if (writer != 0)
        return writer;
    if (readers >> RWLOCK_READERS_SHIFT == 0)
        return 0;
    return !shared || (writer_first && (readers & RWLOCK_WRITER_WAITS)) ? WIRE_STEER_SOMEBODY : 0;
}

// Who stands in the way of taking it: a tid, nobody (0), or somebody.
static uint32_t owner_of(const struct target *target)
{
    const void *object = target->object;
    const enum object_kind kind = target->kind;
    if (kind == OBJECT_MUTEX)
        return (uint32_t)((const volatile pthread_mutex_t *)object)->__data.__owner;
    if (kind == OBJECT_RWLOCK)
        return rwlock_owner(object, target->shared);
    if (kind == OBJECT_SPINLOCK)
        return *(const volatile pthread_spinlock_t *)object == 1 ? 0 : WIRE_STEER_SOMEBODY;
    int value = 0;
    sem_getvalue((sem_t *)object, &value);
    return value > 0 ? 0 : WIRE_STEER_SOMEBODY;
}

// --- pauses ---

static bool claim(struct wire_steer_pause *pause, uint64_t now)
{
    uint32_t state = atomic_load(&pause->state);
    const bool is_stale = now >= atomic_load(&pause->until_ns) + STALE_NS;
    if (state == WIRE_PAUSE_CLAIMED || (state != WIRE_PAUSE_FREE && !is_stale))
        return false;
    return atomic_compare_exchange_strong(&pause->state, &state, WIRE_PAUSE_CLAIMED);
}

static bool waits_for(const struct wire_steer *steer, unsigned from, unsigned to)
{
    const struct wire_steer_pause *waiter = &steer->pauses[from];
    const uint32_t owner = atomic_load(&waiter->owner);
    if (owner == WIRE_STEER_SOMEBODY)
        return (atomic_load(&waiter->place) + 1) % steer->n_places == atomic_load(&steer->pauses[to].place);
    return owner == atomic_load(&steer->pauses[to].tid);
}

static void let_go(struct wire_steer_pause *pause)
{
    uint32_t waiting = WIRE_PAUSE_WAITING;
    if (atomic_compare_exchange_strong(&pause->state, &waiting, WIRE_PAUSE_GO))
        sys_futex_wake(&pause->state, 1);
}

// Lets the circle go on that this pause is on, if it is. Breadth first; came_from leads back.
static void close_circle(struct wire_steer *steer, unsigned self)
{
    uint8_t came_from[WIRE_STEER_PAUSES], queue[WIRE_STEER_PAUSES];
    uint32_t seen = 0;
    unsigned first = 0, last = 0;
    queue[last++] = (uint8_t)self;
    while (first < last) {
        const unsigned at = queue[first++];
        for (unsigned next = 0; next < WIRE_STEER_PAUSES; next++) {
            if (atomic_load(&steer->pauses[next].state) != WIRE_PAUSE_WAITING || seen >> next & 1 ||
                !waits_for(steer, at, next))
                continue;
            seen |= 1u << next;
            came_from[next] = (uint8_t)at;
            if (next != self) {
                queue[last++] = (uint8_t)next;
                continue;
            }
            if (at == self)
                return;
            for (unsigned on = at; on != self; on = came_from[on])
                let_go(&steer->pauses[on]);
            let_go(&steer->pauses[self]);
            return;
        }
    }
}
_Static_assert(WIRE_STEER_PAUSES <= 32, "a bit each in close_circle");

// Until it is closed or time is up.
static void wait_for_circle(struct wire_steer *steer, unsigned self, const struct target *target)
{
    struct wire_steer_pause *pause = &steer->pauses[self];
    const uint64_t until = atomic_load(&pause->until_ns);
    for (;;) {
        atomic_store(&pause->owner, owner_of(target));
        close_circle(steer, self);
        const uint64_t now = now_ns();
        if (atomic_load(&pause->state) != WIRE_PAUSE_WAITING || now >= until)
            return;
        const struct timespec nap = { .tv_nsec =
                                          (long)(until - now < LOOK_AGAIN_NS ? until - now : LOOK_AGAIN_NS) };
        sys_futex_wait(&pause->state, WIRE_PAUSE_WAITING, &nap);
    }
}

// When a pause that begins now is over. Those before it were in vain: from a deadlock nobody comes back.
static uint64_t end_of_pause(struct wire_steer *steer, uint32_t place)
{
    const uint32_t before = atomic_fetch_add(&steer->places[place].pauses, 1);
    const uint64_t patience = before < 32 ? steer->patience_ms * MILLISECOND_NS >> before : 0;
    return now_ns() + (patience > SHORTEST_NS ? patience : SHORTEST_NS);
}

static void pause_at(
    struct thread *thread, struct wire_steer *steer, uint32_t place, const struct target *target)
{
    const uint64_t now = now_ns();
    unsigned self = 0;
    while (self < WIRE_STEER_PAUSES && !claim(&steer->pauses[self], now))
        self++;
    if (self == WIRE_STEER_PAUSES)
        return;
    struct wire_steer_pause *pause = &steer->pauses[self];
    atomic_store(&pause->tid, thread->tid);
    atomic_store(&pause->place, place);
    atomic_store(&pause->owner, 0);
    atomic_store(&pause->until_ns, end_of_pause(steer, place));
    atomic_store(&pause->state, WIRE_PAUSE_WAITING);
    wait_for_circle(steer, self, target);
    atomic_store(&pause->state, WIRE_PAUSE_FREE);
}

// --- the gate ---

static bool others_wait(const struct wire_steer *steer)
{
    uint32_t waiting = 0;
    for (unsigned i = 0; i < WIRE_STEER_PAUSES; i++)
        waiting += atomic_load(&steer->pauses[i].state) == WIRE_PAUSE_WAITING;
    return waiting + 1 >= steer->n_places;
}

// One at a time: where all sides lock at the same place in the code, the others have to get by.
static void wait_at_gate(struct wire_steer *steer)
{
    if (atomic_exchange(&steer->gate_busy, 1) != 0)
        return;
    const uint64_t until = end_of_pause(steer, steer->n_places);
    while (!others_wait(steer) && now_ns() < until) {
        const struct timespec nap = { .tv_nsec = (long)LOOK_AGAIN_NS };
        sys_futex_wait(&steer->gate_busy, 1, &nap);
    }
    atomic_store(&steer->gate_busy, 0);
}

void steer_hold_up(struct thread *thread, const struct caller *caller, const void *object,
    enum object_kind kind, bool shared)
{
    const struct target target = { .object = object, .kind = kind, .shared = shared };
    struct wire_steer *steer = &process->session->steer;
    // Waiting in the middle of an event (in a handler), or for oneself, would be for nothing.
    if (thread_is_left_behind(thread) || thread->depth != RING_IDLE || owner_of(&target) == thread->tid)
        return;
    const uint32_t n = steer->n_places + steer->has_gate;
    const uint32_t place = find_place(thread, caller, steer, n);
    if (place < steer->n_places)
        pause_at(thread, steer, place, &target);
    else if (place < n)
        wait_at_gate(steer);
}
