// SPDX-License-Identifier: MIT
// The oracles are libunwind's cursor and libgcc's _Unwind_Backtrace, both of which read the same call frame
// information with code that is not ours. Of interrupted frames the cache tells pc + 1, so that is expected.
#define UNW_LOCAL_ONLY
#include "stack_check.h"

#include <dlfcn.h>
#include <libunwind.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unwind.h>

#include "stack.h"

#define FRAMES_MAX (WIRE_STACK_FRAMES + 64)
#define TOLD_MAX 5

struct frames {
    unsigned depth;
    unsigned interrupted;
    bool last_interrupted;
    uintptr_t at[FRAMES_MAX];
};

struct told_stack {
    unsigned depth;
    bool truncated;
    uintptr_t frames[WIRE_STACK_FRAMES];
};

// Mapped, so that memory nobody touches costs nothing, and a signal handler needs no malloc.
struct thread_state {
    struct told_stack told[WIRE_STACK_SLOTS]; // what a recorder would know
    struct frames ours, libunwind, libgcc;
};

struct stack_check_counts stack_check_counts;
__thread bool stack_check_paused;
static __thread struct thread_state *state;
static __thread struct stack_cache *cache;

void stack_check_code_changed(void)
{
    unw_flush_cache(unw_local_addr_space, 0, 0);
}

static void *map(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void stack_check_begin(uintptr_t low, uintptr_t high)
{
    if (!state) {
        cache = map(stack_cache_bytes(STACK_CACHE_BLOCKS));
        state = map(sizeof *state);
    }
    stack_cache_init(cache, low, high);
}

void stack_check_begin_thread(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    stack_check_begin((uintptr_t)low, (uintptr_t)low + size);
}

void stack_check_end(void)
{
    munmap(cache, stack_cache_bytes(STACK_CACHE_BLOCKS));
    munmap(state, sizeof *state);
    state = NULL;
}

// Both oracles mark the interrupted frame, not the trampoline before it (which may itself have been interrupted).
static void add_frame(struct frames *frames, uintptr_t pc, bool interrupted)
{
    if (interrupted && frames->depth > 0 && !frames->last_interrupted)
        frames->at[frames->depth - 1]++;
    frames->at[frames->depth++] = pc + interrupted;
    frames->last_interrupted = interrupted;
    frames->interrupted += interrupted;
}

static void unwind_with_libunwind(const struct caller *caller, struct frames *ret_frames)
{
    unw_context_t context;
    unw_cursor_t cursor;
    unw_getcontext(&context);
    unw_init_local(&cursor, &context);
    bool reached = false;
    ret_frames->depth = 0;
    ret_frames->interrupted = 0;
    ret_frames->last_interrupted = false;
    do {
        unw_word_t ip, sp;
        unw_get_reg(&cursor, UNW_REG_IP, &ip);
        unw_get_reg(&cursor, UNW_REG_SP, &sp);
        reached |= ip == caller->pc && sp == caller->sp;
        if (!reached)
            continue;
        if (ip == 0 || ret_frames->depth == FRAMES_MAX)
            break;
        add_frame(ret_frames, ip, unw_is_signal_frame(&cursor) > 0);
    } while (unw_step(&cursor) > 0);
}

struct libgcc_walk {
    const struct caller *caller;
    struct frames *frames;
    bool reached;
};

static _Unwind_Reason_Code add_libgcc_frame(struct _Unwind_Context *context, void *data)
{
    struct libgcc_walk *walk = data;
    struct frames *frames = walk->frames;
    int exact;
    uintptr_t ip = _Unwind_GetIPInfo(context, &exact);
    // libgcc's CFA of a frame is the stack pointer in it.
    walk->reached |= ip == walk->caller->pc && _Unwind_GetCFA(context) == walk->caller->sp;
    if (!walk->reached)
        return _URC_NO_REASON;
    if (ip == 0 || frames->depth == FRAMES_MAX)
        return _URC_END_OF_STACK;
    add_frame(frames, ip, exact);
    return _URC_NO_REASON;
}

static void unwind_with_libgcc(const struct caller *caller, struct frames *ret_frames)
{
    struct libgcc_walk walk = { .caller = caller, .frames = ret_frames };
    ret_frames->depth = 0;
    ret_frames->interrupted = 0;
    ret_frames->last_interrupted = false;
    _Unwind_Backtrace(add_libgcc_frame, &walk);
}

// The slot is the caller's stack; a new one is kept as a recorder would.
static const struct told_stack *take_stack(const struct caller *caller)
{
    uint16_t slot = stack_cache_find(cache, caller);
    struct told_stack *told = &state->told[slot];
    if (slot) {
        __atomic_fetch_add(&stack_check_counts.hits, 1, __ATOMIC_RELAXED);
        return told;
    }
    struct stack_new fresh;
    stack_cache_fill(cache, caller, &fresh);
    told = &state->told[fresh.slot];
    told->depth = fresh.depth;
    told->truncated = fresh.truncated;
    memcpy(told->frames, fresh.frames, fresh.depth * sizeof *told->frames);
    __atomic_fetch_add(&stack_check_counts.fills, 1, __ATOMIC_RELAXED);
    return told;
}

static bool is_as(const struct told_stack *ours, const struct frames *oracle)
{
    unsigned depth = oracle->depth < WIRE_STACK_FRAMES ? oracle->depth : WIRE_STACK_FRAMES;
    return ours->depth == depth && (ours->truncated || oracle->depth <= WIRE_STACK_FRAMES) &&
           memcmp(ours->frames, oracle->at, depth * sizeof *ours->frames) == 0;
}

static void tell(const char *name, const uintptr_t *frames, unsigned depth)
{
    fprintf(stderr, "# %s, %u frames:", name, depth);
    for (unsigned i = 0; i < depth && i < 40; i++) {
        Dl_info info;
        if (dladdr((void *)(frames[i] - 1), &info) && info.dli_sname)
            fprintf(stderr, " %s+%#lx", info.dli_sname, frames[i] - (uintptr_t)info.dli_saddr);
        else
            fprintf(stderr, " %#lx", frames[i]);
    }
    fprintf(stderr, "\n");
}

static void compare(const struct caller *caller)
{
    struct stack_check_counts *counts = &stack_check_counts;
    const struct told_stack *ours = take_stack(caller);
    unwind_with_libunwind(caller, &state->libunwind);
    unwind_with_libgcc(caller, &state->libgcc);
    __atomic_fetch_add(&counts->checks, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counts->frames, ours->depth, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counts->interrupted, state->libgcc.interrupted > 0, __ATOMIC_RELAXED);
    if (ours->depth > counts->deepest)
        counts->deepest = ours->depth;
    bool as_libunwind = is_as(ours, &state->libunwind);
    bool as_libgcc = is_as(ours, &state->libgcc);
    if (as_libgcc && !as_libunwind && stack_check_paused) {
        __atomic_fetch_add(&counts->libunwind_alone, 1, __ATOMIC_RELAXED);
        return;
    }
    if (as_libgcc && as_libunwind)
        return;
    if (__atomic_fetch_add(&counts->mismatches, 1, __ATOMIC_RELAXED) < TOLD_MAX) {
        tell("ours", ours->frames, ours->depth);
        tell(as_libunwind ? "libunwind agrees" : "libunwind", state->libunwind.at, state->libunwind.depth);
        tell(as_libgcc ? "libgcc agrees" : "libgcc", state->libgcc.at, state->libgcc.depth);
    }
}

__attribute__((noinline)) void stack_check(void)
{
    const struct caller caller = CALLER();
    if (state && !stack_check_paused)
        compare(&caller);
}

// The same for a handler that checks what it has interrupted while stack_check() is paused.
__attribute__((noinline)) void stack_check_always(void)
{
    const struct caller caller = CALLER();
    compare(&caller);
}

__attribute__((noinline)) unsigned stack_check_take(const uintptr_t **ret_frames, bool *ret_truncated)
{
    const struct caller caller = CALLER();
    const struct told_stack *ours = take_stack(&caller);
    *ret_frames = ours->frames;
    *ret_truncated = ours->truncated;
    return ours->depth;
}
