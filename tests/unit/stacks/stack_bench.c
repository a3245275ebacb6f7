// SPDX-License-Identifier: MIT
// What a stack costs, in nanoseconds, beside the call itself and beside libunwind's fastest way. Prints, never fails.
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stack.h"

#define NOINLINE __attribute__((noipa))
#define ROUNDS 2000000

extern void *__libc_stack_end;

static struct stack_cache *cache;
static struct stack_new fresh;
static unsigned sink;

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static NOINLINE void hook_nothing(void)
{
    const struct caller caller = CALLER();
    sink += (unsigned)caller.sp;
}

static NOINLINE void hook_find(void)
{
    const struct caller caller = CALLER();
    if (stack_cache_find(cache, &caller) == 0)
        stack_cache_fill(cache, &caller, &fresh);
}

static NOINLINE void hook_fill(void)
{
    const struct caller caller = CALLER();
    stack_cache_fill(cache, &caller, &fresh);
}

static NOINLINE void hook_fill_unknown_rows(void)
{
    const struct caller caller = CALLER();
    stack_forget_all();
    stack_cache_fill(cache, &caller, &fresh);
}

static NOINLINE void hook_libunwind(void)
{
    void *frames[64];
    sink += (unsigned)unw_backtrace(frames, 64);
}

static NOINLINE double measure(void (*hook)(void), unsigned rounds)
{
    double best = 1e9;
    for (unsigned again = 0; again < 7; again++) {
        double begin = now_ns();
        for (unsigned i = 0; i < rounds; i++)
            hook();
        double each = (now_ns() - begin) / rounds;
        best = each < best ? each : best;
    }
    return best;
}

static NOINLINE void measure_all(void)
{
    double nothing = measure(hook_nothing, ROUNDS);
    double find = measure(hook_find, ROUNDS);
    printf("%2u frames: find %.1f ns", fresh.depth, find - nothing);
    printf(", fill %.0f ns", measure(hook_fill, ROUNDS / 20) - nothing);
    printf(", fill without rows %.0f ns", measure(hook_fill_unknown_rows, ROUNDS / 200) - nothing);
    printf(", unw_backtrace %.0f ns (call alone %.1f)\n", measure(hook_libunwind, ROUNDS / 20) - nothing,
        nothing);
}

static NOINLINE void descend(unsigned depth)
{
    volatile unsigned local[4] = { depth };
    if (depth == 0)
        measure_all();
    else
        descend(local[0] - 1);
    sink += local[1];
}

static NOINLINE void descend_framed(unsigned depth)
{
    char *volatile space = __builtin_alloca(depth + 1);
    *space = 0;
    if (depth == 0)
        measure_all();
    else
        descend_framed(depth - 1);
    sink += (unsigned)*space;
}

// One lock function called from many places at the same depth: how much the search among like entries costs.
static NOINLINE void wrapper(void)
{
    hook_find();
    __asm__ volatile("");
}

#define WAY(n)                                                                                               \
    case n:                                                                                                  \
        wrapper();                                                                                           \
        __asm__ volatile("# way " #n);                                                                       \
        break;
#define WAYS_8(n) WAY(n##0) WAY(n##1) WAY(n##2) WAY(n##3) WAY(n##4) WAY(n##5) WAY(n##6) WAY(n##7)

static NOINLINE void one_of_64(unsigned way)
{
    switch (way) {
        WAYS_8(0)
        WAYS_8(01)
        WAYS_8(02)
        WAYS_8(03)
        WAYS_8(04)
        WAYS_8(05)
        WAYS_8(06)
        WAYS_8(07)
    }
}

static void measure_ways(unsigned ways)
{
    double begin = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i == 1000)
            begin = now_ns();
        one_of_64(i % ways);
    }
    printf("%2u ways to one place in turn: %.1f ns each, call included\n", ways,
        (now_ns() - begin) / (ROUNDS - 1000));
}

int main(void)
{
    stack_setup(false);
    cache = calloc(1, stack_cache_bytes(STACK_CACHE_BLOCKS));
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    stack_cache_init(cache, here - (1 << 20), (uintptr_t)__libc_stack_end);
    printf("%zu bytes for a thread\nframes found by rsp:\n", stack_cache_bytes(STACK_CACHE_BLOCKS));
    static const unsigned depths[] = { 5, 12, 28, 60 };
    for (unsigned i = 0; i < 4; i++)
        descend(depths[i] - 5);
    printf("frames found by rbp:\n");
    for (unsigned i = 0; i < 4; i++)
        descend_framed(depths[i] - 5);
    stack_forget_all();
    measure_ways(1);
    measure_ways(8);
    measure_ways(64);
    return sink == 0x12345678;
}
