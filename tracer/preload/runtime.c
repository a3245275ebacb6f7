// SPDX-License-Identifier: MIT
// The preload's set-up and its life: the handshake with the recorder, ring slots for threads.
//
// Whatever fails here ends recording (or never begins it) and leaves the program alone: hooks then only forward.
// Blind: a thread that got no slot, or whose process could not reach the recorder, is not recorded; the segment's
// counters say so where there is a segment.
#include "runtime.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "handshake.h"
#include "modules.h"
#include "nursery.h"
#include "object.h"
#include "spawn_recorder.h"
#include "torn.h"

struct process *process;
__thread struct thread *current_thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

static __thread bool attaching __attribute__((tls_model("initial-exec")));
// The calling thread's serial, or in the child of a fork the one it had in the parent. 0: it had none.
static __thread uint32_t own_serial __attribute__((tls_model("initial-exec")));
// The process (its pid) in which the calling thread got no slot, and stopped asking for one.
static __thread uint32_t gave_up_in __attribute__((tls_model("initial-exec")));
// During a fork, in the place of current_thread: earlier fork handlers may use locks, in parent and child.
static __thread struct thread *forking __attribute__((tls_model("initial-exec")));
// During a fork: the process that forks; also in the child, until that is known by its own pid.
static __thread uint32_t forking_pid __attribute__((tls_model("initial-exec")));
static bool constructed;   // our constructor knows by now whether there is a recorder
static bool attached_once; // this process or one it was forked from
static bool filtered;      // system calls that the program itself does not make may kill it
static pthread_key_t end_key;
static bool end_key_made;

extern void *__libc_stack_end;

static void *wiped_memory(size_t size)
{
    void *memory = sys_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_is_error(memory))
        return NULL;
    if (!sys_private_to_process(memory, size)) {
        SYS3(SYS_munmap, memory, size, 0);
        return NULL;
    }
    return memory;
}

// --- the process ---

// The first segment: its cradle's, in the child of a fork, or one that the recorder makes.
static bool get_segment(
    uint32_t hello_kind, uint32_t forked, uint32_t forked_from, bool first, struct handshake_result *result)
{
    if (first && process->cradle != 0) {
        *result = (struct handshake_result){ .segment = nursery_segment(process->cradle),
            .session = nursery_session(),
            .slots = WIRE_CRADLE_SLOTS };
        return result->segment != NULL;
    }
    const uint32_t slots = process->shrunk ? WIRE_SLOTS_MIN : WIRE_SLOTS;
    return handshake(hello_kind, forked, forked_from, slots, first, result);
}

// True also when another thread added one in the meantime.
static bool segment_add(uint32_t hello_kind, uint32_t forked, uint32_t forked_from)
{
    const uint32_t index = atomic_load(&process->segments_used);
    if (index == PROCESS_SEGMENTS)
        return false;
    struct process_segment *segment = &process->segments[index];
    if (atomic_load(&segment->shared) != NULL) {
        SYS3(SYS_sched_yield, 0, 0, 0);
        return true;
    }
    struct handshake_result result;
    if (!get_segment(hello_kind, forked, forked_from, index == 0, &result))
        return false;
    if (index == 0) {
        process->session = result.session;
        process->zero_ticks = result.session->zero_ticks;
        process->clock_monotonic = result.session->clock == WIRE_CLOCK_MONOTONIC;
        process->blocking_calls = result.session->blocking_calls;
        process->steered = result.session->steer.n_places != 0;
    }
    struct wire_segment *none = NULL;
    if (!atomic_compare_exchange_strong(&segment->shared, &none, result.segment)) {
        SYS3(SYS_munmap, result.segment, WIRE_SEGMENT_BYTES(result.slots), 0);
        return true;
    }
    segment->slots = result.slots;
    atomic_store(&process->segments_used, index + 1);
    return true;
}

// The child of a fork keeps what its parent found: libc takes a lock to tell, which a thread that is not there any more
// may have held.
static size_t default_stack_size(void)
{
    static size_t size;
    pthread_attr_t attributes;
    if (size == 0 && pthread_attr_init(&attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &size);
        pthread_attr_destroy(&attributes);
    }
    return size != 0 ? size : 8u << 20;
}

static void thread_finish(struct thread *thread)
{
    stack_objects_expire(thread, thread->stack_high);
    // The stack will be another thread's.
    thread->stack_low = thread->stack_high = 0;
    event_emit(thread, EVENT_THREAD_END, thread->serial, 0, 0);
    atomic_store(&thread->control->state, WIRE_RING_ENDED);
}

static void thread_end(void *value)
{
    struct thread *thread = value;
    if (thread->ring == NULL)
        return;
    // The last of the destructors' rounds, so that the others' events still come before the end.
    if (++thread->end_rounds < PTHREAD_DESTRUCTOR_ITERATIONS && pthread_setspecific(end_key, thread) == 0)
        return;
    thread_finish(thread);
}

// A vfork child: what it does is not its parent's doing, and its parent has not done anything yet.
static bool is_guest_in_cradle(void)
{
    return process->cradle != 0 && process->born_pid != sys_getpid();
}

static void process_attach(void)
{
    uint32_t state = PROCESS_NEW;
    if (is_guest_in_cradle())
        return;
    if (!atomic_compare_exchange_strong(&process->state, &state, PROCESS_ATTACHING))
        return;
    process->pid = sys_getpid();
    // Once attached, a process only becomes new again in the child of a fork, in whatever way it was made.
    process->forked = attached_once;
    bool on = segment_add(WIRE_HELLO_PROCESS, attached_once, own_serial);
    // After it: where there is no recorder, the table's address space is spared.
    if (on && !object_table_setup()) {
        atomic_store(&atomic_load(&process->segments[0].shared)->stopped, WIRE_STOP_NO_MEMORY);
        on = false;
    }
    if (on && !end_key_made)
        on = end_key_made = pthread_key_create(&end_key, thread_end) == 0;
    if (on) {
        process->default_stack_size = default_stack_size();
        stack_setup(process->forked);
        const struct thread clock = { .zero_ticks = process->zero_ticks,
            .clock_monotonic = process->clock_monotonic };
        modules_announce_loaded(atomic_load(&process->segments[0].shared), ticks_now(&clock));
    }
    // In the child of a fork, what is only read need not be copied.
    if (on && !attached_once)
        attached_once = true;
    atomic_store(&process->state, on ? PROCESS_ON : PROCESS_OFF);
}

static bool process_ready(void)
{
    if (process == NULL) {
        // Two first threads may race here; the loser's memory stays unused.
        struct process *fresh = wiped_memory(sizeof *fresh);
        if (fresh == NULL)
            return false;
        struct process *none = NULL;
        __atomic_compare_exchange_n(&process, &none, fresh, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    // Other libraries' constructors run before ours, which may yet start a recorder.
    if (!constructed && session_path()[0] == '\0')
        return false;
    if (atomic_load(&process->state) == PROCESS_NEW)
        process_attach();
    return atomic_load(&process->state) == PROCESS_ON;
}

bool process_begin(void)
{
    constructed = true;
    return thread_current() != NULL;
}

// Slots that are left unused when memory is locked: threads that start meanwhile.
#define SLOTS_SPARE 4u

void process_shrink(void)
{
    if (!process_is_recorded())
        return;
    process->shrunk = true;
    object_table_shrink();
    nursery_close();
    for (uint32_t i = 0; i < atomic_load(&process->segments_used); i++) {
        struct process_segment *segment = &process->segments[i];
        struct wire_segment *shared = atomic_load(&segment->shared);
        const uint32_t keep = atomic_load(&shared->slots_used) + SLOTS_SPARE, slots = segment->slots;
        if (keep >= slots)
            continue;
        segment->slots = keep;
        SYS3(SYS_munmap, (char *)shared + WIRE_SEGMENT_BYTES(keep), (slots - keep) * WIRE_SLOT_BYTES, 0);
    }
}

void process_give_up_nursery(void)
{
    if (process_is_recorded())
        nursery_close();
}

void process_stop(enum wire_stop why)
{
    struct wire_segment *segment = atomic_load(&process->segments[0].shared);
    if (segment != NULL)
        atomic_store(&segment->stopped, why);
    atomic_store(&process->state, PROCESS_OFF);
}

static bool process_is_on(void)
{
    return !filtered && process != NULL && atomic_load(&process->state) == PROCESS_ON;
}

static bool process_is_in_cradle(void)
{
    return !filtered && process != NULL && process->cradle != 0 &&
           atomic_load(&process->state) == PROCESS_NEW;
}

bool process_is_recorded(void)
{
    if (process_is_in_cradle() && process->born_pid == sys_getpid())
        thread_current();
    return process_is_on() && process->pid == sys_getpid();
}

void process_may_be_filtered(void)
{
    process_is_recorded();
    filtered = true;
}

AFTER_FORK bool process_ends_in_cradle(int status)
{
    if (!process_is_in_cradle() || process->born_pid != sys_getpid())
        return false;
    nursery_say_exit(process->cradle, status);
    return true;
}

bool process_is_borrowed(void)
{
    return (process_is_on() && process->pid != sys_getpid()) ||
           (process_is_in_cradle() && process->born_pid != sys_getpid());
}

// --- threads ---

static bool slot_is_claimable(struct wire_ring *ring)
{
    uint32_t state = atomic_load(&ring->state);
    if (state == WIRE_RING_LIVE)
        return false;
    // Late destructors may still write into an ended thread's ring, until the kernel no longer knows it.
    if (state == WIRE_RING_ENDED && SYS3(SYS_tgkill, process->pid, atomic_load(&ring->tid), 0) != -ESRCH)
        return false;
    return atomic_compare_exchange_strong(&ring->state, &state, WIRE_RING_LIVE);
}

static struct wire_ring *ring_of(struct wire_segment *segment, uint32_t slot)
{
    return (struct wire_ring *)((char *)segment + WIRE_SEGMENT_HEADER + (size_t)slot * WIRE_SLOT_BYTES);
}

#define STATE_BYTES ((sizeof(struct thread) + 63) & ~(size_t)63)

static struct thread *private_state(struct process_segment *segment, uint32_t slot)
{
    struct thread *thread = atomic_load(&segment->threads[slot]);
    if (thread == NULL) {
        const uint32_t blocks = process->shrunk ? STACK_CACHE_BLOCKS_SMALL : STACK_CACHE_BLOCKS;
        thread = wiped_memory(STATE_BYTES + stack_cache_bytes(blocks));
        if (thread == NULL)
            return NULL;
        stack_cache_limit((struct stack_cache *)((char *)thread + STATE_BYTES), blocks);
        atomic_store(&segment->threads[slot], thread);
    } else {
        memset(thread, 0, sizeof *thread);
    }
    thread->stacks = (struct stack_cache *)((char *)thread + STATE_BYTES);
    return thread;
}

static struct thread *slot_open(struct process_segment *segment, uint32_t slot)
{
    struct wire_segment *shared = atomic_load(&segment->shared);
    struct wire_ring *ring = ring_of(shared, slot);
    if (!slot_is_claimable(ring))
        return NULL;
    struct thread *thread = private_state(segment, slot);
    if (thread == NULL) {
        atomic_store(&ring->state, WIRE_RING_FREE);
        return NULL;
    }
    thread->control = ring;
    thread->head = atomic_load(&ring->head);
    ring_look_for_room(thread);
    thread->bell = thread->head + WIRE_RING_EVENTS / 4;
    thread->depth = RING_IDLE;
    thread->zero_ticks = process->zero_ticks;
    thread->clock_monotonic = process->clock_monotonic;
    thread->steered = process->steered;
    thread->slot = slot;
    thread->serial = atomic_fetch_add(&process->next_serial, 1) + 1;
    atomic_store(&thread->lowest_stack_object, UINTPTR_MAX);
    atomic_store(&ring->tid, 0);
    atomic_store(&ring->serial, thread->serial);
    return thread;
}

static struct thread *claim_in(struct process_segment *segment)
{
    struct wire_segment *shared = atomic_load(&segment->shared);
    uint32_t used = atomic_load(&shared->slots_used);
    for (uint32_t slot = 0; slot < used; slot++) {
        struct thread *thread = slot_open(segment, slot);
        if (thread != NULL)
            return thread;
    }
    while (used < segment->slots)
        if (atomic_compare_exchange_weak(&shared->slots_used, &used, used + 1)) {
            struct thread *thread = slot_open(segment, used);
            if (thread != NULL)
                return thread;
            used++;
        }
    return NULL;
}

static struct thread *claim(void)
{
    for (;;) {
        const uint32_t segments = atomic_load(&process->segments_used);
        for (uint32_t i = 0; i < segments; i++) {
            struct thread *thread = claim_in(&process->segments[i]);
            if (thread != NULL) {
                thread->segment = i;
                return thread;
            }
        }
        if (!segment_add(WIRE_HELLO_SEGMENT, 0, 0))
            return NULL;
    }
}

struct thread *thread_prepare(void)
{
    uint64_t mask;
    sys_block_signals(&mask);
    struct thread *thread = claim();
    sys_restore_signals(&mask);
    return thread;
}

void thread_discard(struct thread *thread)
{
    atomic_store(&thread->control->state, WIRE_RING_FREE);
}

// The bounds of the stack the thread runs on. glibc keeps a thread's descriptor at the top of its stack, and tells
// where the main thread's begins; pthread_getattr_np would allocate, and read /proc.
static void find_stack(struct thread *thread, size_t size)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    const uintptr_t main_top = (uintptr_t)__libc_stack_end;
    const uintptr_t descriptor = (uintptr_t)__builtin_thread_pointer();
    // Before the main thread's: a program may have raised the limit so far that the others' stacks are within it.
    if (here < descriptor && descriptor - here <= size) {
        thread->stack_high = descriptor;
        thread->stack_low = descriptor - size;
        return;
    }
    struct rlimit limit = { .rlim_cur = 8u << 20 };
    SYS6(SYS_prlimit64, 0, RLIMIT_STACK, 0, &limit, 0, 0);
    const size_t main_size = limit.rlim_cur < (1u << 30) ? limit.rlim_cur : 1u << 30;
    if (here < main_top && main_top - here <= main_size) {
        thread->stack_high = main_top;
        thread->stack_low = main_top - main_size;
    }
}

void thread_begin(struct thread *thread, size_t stack_size)
{
    uint64_t mask;
    sys_block_signals(&mask);
    // A signal handler was here first, in a thread whose attributes name a mask: that was a life of its own.
    if (current_thread != NULL && current_thread->ring != NULL)
        thread_finish(current_thread);
    thread->tid = sys_gettid();
    atomic_store(&thread->control->tid, thread->tid);
    find_stack(thread, stack_size != 0 ? stack_size : process->default_stack_size);
    stack_cache_init(thread->stacks, thread->stack_low, thread->stack_high);
    struct wire_segment *shared = atomic_load(&process->segments[thread->segment].shared);
    thread->ring = (union wire_slot *)((char *)ring_of(shared, thread->slot) + WIRE_PAGE);
    current_thread = thread;
    own_serial = thread->serial;
    union {
        struct wire_thread_start start;
        uint64_t words[4];
    } payload = { .start = {
                      .tid = thread->tid,
                      .creator = thread->creator,
                      .start_routine = (uintptr_t)thread->start_routine,
                      .stack_low = thread->stack_low,
                      .stack_high = thread->stack_high,
                  } };
    event_emit_payload(thread, EVENT_THREAD_START, thread->serial, 0, 0, payload.words, 2);
    object_set_thread(pthread_self(), thread->serial, true);
    pthread_setspecific(end_key, thread);
    sys_restore_signals(thread->starts_blocked ? &thread->start_signals : &mask);
}

void thread_before_fork(void)
{
    struct thread *thread = current_thread;
    if (thread == NULL || thread->ring == NULL ||
        SYS3(SYS_madvise, thread, STATE_BYTES + stack_cache_size(thread->stacks), MADV_KEEPONFORK) != 0)
        return;
    forking = thread;
    atomic_signal_fence(memory_order_seq_cst);
    current_thread = NULL;
}

void thread_after_fork(void)
{
    struct thread *thread = forking;
    if (thread == NULL)
        return;
    current_thread = thread;
    atomic_signal_fence(memory_order_seq_cst);
    forking = NULL;
    SYS3(SYS_madvise, thread, STATE_BYTES + stack_cache_size(thread->stacks), MADV_WIPEONFORK);
}

// In the child: what the thread was in the parent stays for hooks that a handler's fork has interrupted. They end what
// they were doing, on a ring that nobody reads.
AFTER_FORK static void leave_behind(struct thread *thread)
{
    SYS6(SYS_mmap, thread->control, WIRE_SLOT_BYTES, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    thread->limit = thread->bell = LIMIT_LEFT_BEHIND;
}

AFTER_FORK uint32_t process_parent_pid(void)
{
    const uint32_t parent = (uint32_t)SYS3(SYS_getppid, 0, 0, 0);
    return parent != 0 && forking_pid != 0 ? forking_pid : parent;
}

void process_before_fork(void)
{
    if (process != NULL && atomic_load(&process->state) == PROCESS_ON)
        forking_pid = process->pid;
    else if (process != NULL && process->cradle != 0)
        forking_pid = process->born_pid;
}

void process_after_fork(void)
{
    forking_pid = 0;
}

AFTER_FORK static bool begin_in_cradle(void)
{
    // Fork handlers before ours may have used locks already. Written even so: memory that is only read at first costs two page
    // faults.
    uint32_t state = PROCESS_NEW;
    if (attached_once && process != NULL &&
        atomic_compare_exchange_strong(&process->state, &state, PROCESS_NEW)) {
        struct thread *before = forking;
        if (before != NULL) {
            forking = NULL;
            leave_behind(before);
        }
        process->cradle = nursery_be_born(process_parent_pid(), own_serial);
        process->born_pid = process->cradle != 0 ? sys_getpid() : 0;
        // What it will be at its first event; until then it may fork.
        if (process->cradle != 0)
            own_serial = 1;
    }
    return process != NULL && process->cradle != 0;
}

AFTER_FORK void thread_is_born(void)
{
    // A handler's hook would attach the process in the middle of it.
    uint64_t mask;
    sys_block_signals(&mask);
    const bool born = begin_in_cradle();
    sys_restore_signals(&mask);
    if (!born) {
        const int error = errno;
        thread_current();
        errno = error;
    }
    forking_pid = 0;
}

struct thread *thread_attach(void)
{
    struct thread *before = forking;
    if (before != NULL) {
        if (atomic_load(&process->state) != PROCESS_NEW)
            return before;
        forking = NULL;
        leave_behind(before);
    }
    if (attaching || (process != NULL && atomic_load(&process->state) == PROCESS_OFF))
        return NULL;
    if (gave_up_in != 0 && gave_up_in == process->pid)
        return NULL;
    uint64_t mask;
    sys_block_signals(&mask);
    attaching = true;
    struct thread *thread = NULL;
    if (process_ready()) {
        thread = claim();
        if (thread != NULL) {
            thread_begin(thread, 0);
        } else {
            gave_up_in = process->pid;
            atomic_fetch_add(&process->segments[0].shared->threads_unrecorded, 1);
        }
    }
    attaching = false;
    sys_restore_signals(&mask);
    return thread;
}
