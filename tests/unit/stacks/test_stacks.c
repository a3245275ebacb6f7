// SPDX-License-Identifier: MIT
// Every stack the cache tells is the one a full unwinding gives, frame by frame, however it came about.
// No tolerance: also the frames outside main are compared, up to _start or the thread's clone.
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <cmocka.h>

#include "stack.h"
#include "stack_check.h"
#include "stack_shapes.h"

#define NOINLINE __attribute__((noinline))

static const char *library_paths[2];

static int begin(void **ret_state)
{
    (void)ret_state;
    memset(&stack_check_counts, 0, sizeof stack_check_counts);
    stack_check_begin_thread();
    return 0;
}

static void assert_all_match(uint64_t checks_min)
{
    printf("# %lu checks, %lu from the cache, %lu frames, deepest %lu, %lu interrupted\n",
        stack_check_counts.checks, stack_check_counts.hits, stack_check_counts.frames,
        stack_check_counts.deepest, stack_check_counts.interrupted);
    assert_int_equal(stack_check_counts.mismatches, 0);
    assert_true(stack_check_counts.checks >= checks_min);
}

static void grow(stack_tree tree, unsigned seeds)
{
    for (unsigned seed = 0; seed < seeds; seed++)
        for (unsigned again = 0; again < 3; again++)
            tree(seed, 3 + seed % 16);
}

static void trees_match(void **state)
{
    (void)state;
    for (const stack_tree *tree = stack_trees; *tree; tree++) {
        uint64_t hits = stack_check_counts.hits, checks = stack_check_counts.checks;
        grow(*tree, 64);
        // The second and third time a tree grows, its stacks are known unless there are very many.
        assert_true((stack_check_counts.hits - hits) * 3 > stack_check_counts.checks - checks);
    }
    assert_all_match(100000);
}

// --- recursion ---

static NOINLINE unsigned recurse(unsigned depth)
{
    if (depth == 0 || depth == 7)
        stack_check();
    unsigned below = depth == 0 ? 0 : recurse(depth - 1);
    __asm__ volatile("" : "+r"(below));
    return below + 1;
}

static void recursion_matches(void **state)
{
    (void)state;
    for (unsigned again = 0; again < 2; again++)
        for (unsigned depth = 1; depth < 1400; depth += depth < 100 ? 1 : 61)
            recurse(depth);
    assert_int_equal(stack_check_counts.deepest, WIRE_STACK_FRAMES);
    assert_all_match(200);
}

// --- one place, several ways to it ---

static NOINLINE void leaf(void)
{
    stack_check();
    __asm__ volatile("");
}
static NOINLINE void parent_one(void)
{
    leaf();
    __asm__ volatile("");
}
static NOINLINE void parent_two(void)
{
    leaf();
    __asm__ volatile("");
}

static void two_parents_do_not_thrash(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        parent_one();
        parent_two();
    }
    assert_int_equal(stack_check_counts.fills, 2);
    assert_int_equal(stack_check_counts.hits, 1998);
    assert_all_match(2000);
}

#define WAY(n)                                                                                               \
    case n:                                                                                                  \
        leaf();                                                                                              \
        __asm__ volatile("# way " #n);                                                                       \
        break;
#define WAYS_8(n) WAY(n##0) WAY(n##1) WAY(n##2) WAY(n##3) WAY(n##4) WAY(n##5) WAY(n##6) WAY(n##7)

static NOINLINE void one_of_many_ways(unsigned way)
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

static void many_ways_do_not_thrash(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 64 * 20; i++)
        one_of_many_ways(i % 64);
    assert_int_equal(stack_check_counts.fills, 64);
    assert_all_match(64 * 20);
}

// The same pc and sp, and in the old places the old return addresses left over: only rbp tells that it is another frame.
// (Sizes of 8 modulo 16 take size + 8 bytes.)
static NOINLINE void take_space(volatile unsigned size)
{
    char *space = alloca(size);
    __asm__ volatile("" : : "r"(space) : "memory");
    stack_check();
    __asm__ volatile("");
}

static NOINLINE void call_with_same_sp(volatile unsigned size)
{
    if (size > 0) {
        char *untouched = alloca(size);
        __asm__ volatile("" : : "r"(untouched));
        take_space(1016 - 8 - size);
        __asm__ volatile("nop"); // else the two calls become one
    } else {
        take_space(1016);
        __asm__ volatile("");
    }
}

static void frame_pointer_decides(void **state)
{
    (void)state;
    for (volatile unsigned i = 0; i < 8; i = i + 1)
        call_with_same_sp(i % 2 * 248);
    assert_int_equal(stack_check_counts.fills, 2);
    assert_all_match(8);
}

static void nothing_is_remembered_while_code_goes(void **state)
{
    (void)state;
    for (volatile unsigned i = 0; i < 7; i = i + 1) {
        if (i == 1)
            stack_unload_begin();
        if (i == 4)
            stack_unload_end();
        parent_one();
    }
    assert_int_equal(stack_check_counts.fills, 1 + 3 + 1);
    assert_all_match(7);
}

// From the thread's stack to another one and back to the first, further in: what is on the other one decides too.
static char other_stack[64 << 10];
static char *further_in;

static void check_on_first_stack(void)
{
    stack_check();
    __asm__ volatile("");
}
static NOINLINE void there_one(void)
{
    shapes_on_stack(check_on_first_stack, further_in);
    __asm__ volatile("");
}
static NOINLINE void there_two(void)
{
    shapes_on_stack(check_on_first_stack, further_in);
    __asm__ volatile("");
}

static void switched_stacks_match(void **state)
{
    (void)state;
    further_in = (char *)__builtin_frame_address(0) - (64 << 10);
    for (unsigned i = 0; i < 4; i++) {
        shapes_on_stack(there_one, other_stack + sizeof other_stack);
        shapes_on_stack(there_two, other_stack + sizeof other_stack);
    }
    assert_int_equal(stack_check_counts.hits, 0);
    assert_all_match(8);
}

// --- threads ---

static void *grow_in_thread(void *data)
{
    (void)data;
    stack_check_begin_thread();
    for (const stack_tree *tree = stack_trees; *tree; tree++)
        grow(*tree, 5);
    stack_check_end();
    return NULL;
}

static void threads_match_while_code_changes(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, grow_in_thread, NULL);
    for (unsigned i = 0; i < 100; i++) {
        usleep(1000);
        stack_unload_begin();
        usleep(100);
        stack_unload_end();
        for (unsigned k = 0; k < 400; k++) // generations come round
            stack_forget_all();
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_all_match(10000);
}

// --- signals ---

static void check_in_handler(int number)
{
    (void)number;
    stack_check_always();
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigaction(number, &action, NULL);
}

static void raise_twice(int number)
{
    (void)number;
    stack_check();
    raise(SIGUSR1);
}

static void handlers_match(void **state)
{
    (void)state;
    static char signal_stack[256 << 10];
    sigaltstack(&(stack_t){ .ss_sp = signal_stack, .ss_size = sizeof signal_stack }, NULL);
    for (unsigned flags = 0; flags < 4; flags++) {
        handle(SIGUSR1, check_in_handler, flags & 1 ? SA_ONSTACK : 0);
        handle(SIGUSR2, raise_twice, flags & 2 ? SA_ONSTACK : 0);
        for (unsigned i = 0; i < 20; i++)
            raise(SIGUSR2);
    }
    sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
    assert_int_equal(stack_check_counts.interrupted, 4 * 20 * 2);
    // On the signal stack nothing is remembered: the first way knows both stacks, the second the outer one.
    assert_int_equal(stack_check_counts.hits, 19 + 19 + 20);
    assert_all_match(160);
}

static unsigned steps, steps_untold;

// gcc 12 says wrongly where rbp is, on the last two instructions (lea -8(%r10),%rsp; ret) of a function that has realigned
// its stack: it has been restored by then. No unwinder can know (libgcc crashes on it), so these are left out.
static bool is_untold(const uint8_t *pc)
{
    static const uint8_t ending[] = { 0x49, 0x8d, 0x62, 0xf8, 0xc3 };
    return memcmp(pc, ending, 5) == 0 || (*pc == 0xc3 && memcmp(pc - 4, ending, 5) == 0);
}

// While an exception lands, libgcc overwrites the registers its own frames have saved, and the stack is two stacks at once.
static bool is_landing(void)
{
    struct dl_find_object libgcc;
    const uintptr_t *frames;
    bool truncated;
    unsigned depth = stack_check_take(&frames, &truncated);
    _dl_find_object((void *)_Unwind_Backtrace, &libgcc);
    for (unsigned i = 0; i < depth; i++)
        if (frames[i] >= (uintptr_t)libgcc.dlfo_map_start && frames[i] < (uintptr_t)libgcc.dlfo_map_end)
            return true;
    return false;
}

static void check_step(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    const ucontext_t *interrupted = context;
    steps++;
    if (is_untold((const uint8_t *)interrupted->uc_mcontext.gregs[REG_RIP]) || is_landing())
        steps_untold++;
    else
        stack_check_always();
}

// Sets or clears the processor's trap flag: SIGTRAP after each instruction.
static inline __attribute__((always_inline)) void single_step(bool on)
{
    if (on)
        __asm__ volatile(
            "leaq -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; leaq 128(%%rsp), %%rsp" ::
                : "cc", "memory");
    else
        __asm__ volatile(
            "leaq -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; leaq 128(%%rsp), %%rsp" ::
                : "cc", "memory");
}

static void every_instruction_matches(void **state)
{
    (void)state;
    struct sigaction action = { .sa_sigaction = check_step, .sa_flags = SA_SIGINFO };
    sigaction(SIGTRAP, &action, NULL);
    stack_check_paused = true;
    for (const stack_tree *tree = stack_trees_exact; *tree; tree++) {
        for (unsigned seed = 0; seed < 1; seed++) {
            single_step(true);
            (*tree)(seed, 7);
            single_step(false);
        }
    }
    single_step(true);
    shapes_through_libraries();
    single_step(false);
    stack_check_paused = false;
    handle(SIGTRAP, SIG_DFL, 0);
    printf("# %u instructions, %u left out, %lu beyond libunwind\n", steps, steps_untold,
        stack_check_counts.libunwind_alone);
    assert_true(steps > 20000);
    assert_true(steps - steps_untold > 20000);
    // libunwind 1.6 cannot do longjmp (rsp kept in another register).
    assert_true(stack_check_counts.libunwind_alone < steps / 50);
    assert_all_match(steps - steps_untold);
}

// --- a handler that fills the cache over and over, between any two instructions of a search ---

static struct stack_cache *own_cache;
static uintptr_t made_up_stack[128]; // every word the return address of a frame of 32 bytes
static unsigned step_wanted, step_now;

static struct caller made_up_caller(unsigned word)
{
    return (struct caller){ .pc = made_up_stack[0], .sp = (uintptr_t)&made_up_stack[word] };
}

// Fills the stack of made_up_caller(0) as it would be if it ended after so many frames: another one of the same pc and sp.
static void fill_shorter(unsigned frames)
{
    struct stack_new fresh;
    const struct caller caller = made_up_caller(0);
    uintptr_t *slot = &made_up_stack[4 * frames - 1];
    uintptr_t kept = *slot;
    *slot = 0;
    stack_cache_fill(own_cache, &caller, &fresh);
    assert_int_equal(fresh.depth, frames);
    *slot = kept;
}

static void flush_at_wanted_step(int number)
{
    (void)number;
    struct stack_new fresh;
    if (step_now++ == step_wanted) {
        for (unsigned i = 0; i < 6000; i++) {
            const struct caller other = made_up_caller(1 + i % 64);
            stack_cache_fill(own_cache, &other, &fresh);
            if (i % 16 == 0)
                fill_shorter(2 + i / 16 % 28);
        }
    }
}

static void search_survives(bool forked)
{
    own_cache = calloc(1, stack_cache_bytes(STACK_CACHE_BLOCKS));
    for (unsigned i = 0; i < 128; i++)
        made_up_stack[i] = i < 120 ? shapes_plain_return : 0;
    stack_cache_init(own_cache, (uintptr_t)made_up_stack, (uintptr_t)(made_up_stack + 128));
    handle(SIGTRAP, flush_at_wanted_step, 0);
    const struct caller caller = made_up_caller(0);
    unsigned found = 0, gone = 0;
    for (step_wanted = 0;; step_wanted++) {
        struct stack_new fresh;
        for (unsigned frames = 10; forked && frames < 20; frames++)
            fill_shorter(frames);
        stack_cache_fill(own_cache, &caller, &fresh);
        assert_int_equal(fresh.depth, 31);
        step_now = 0;
        single_step(true);
        uint16_t slot = stack_cache_find(own_cache, &caller);
        single_step(false);
        if (step_now <= step_wanted) { // it was not interrupted any more
            assert_int_equal(slot, fresh.slot);
            break;
        }
        assert_true(slot == 0 || slot == fresh.slot);
        found += slot != 0;
        gone += slot == 0;
    }
    handle(SIGTRAP, SIG_DFL, 0);
    printf("# interrupted after each of %u instructions: %u found, %u gone\n", step_wanted, found, gone);
    assert_true(gone > 50);
    free(own_cache);
}

static void search_survives_handlers(void **state)
{
    (void)state;
    search_survives(false);
    search_survives(true);
}

// --- many stacks that end in the same place ---

#define ROUTES 1500u

// Of 12 frames, of which the bits of `route` tell the return addresses. It is filled if it is not found. True: it was.
static bool route_is_found(struct stack_cache *cache, unsigned route, uint16_t *ret_slot)
{
    for (unsigned frame = 1; frame < 12; frame++)
        made_up_stack[4 * frame - 1] = shapes_plain_return + (route >> (frame - 1) & 1);
    const struct caller caller = made_up_caller(0);
    *ret_slot = stack_cache_find(cache, &caller);
    if (*ret_slot != 0)
        return true;
    struct stack_new fresh;
    stack_cache_fill(cache, &caller, &fresh);
    assert_int_equal(fresh.depth, 12);
    for (unsigned frame = 1; frame < 12; frame++)
        assert_int_equal(fresh.frames[frame], made_up_stack[4 * frame - 1]);
    *ret_slot = fresh.slot;
    return false;
}

static void many_routes_to_one_place_are_remembered(void **state)
{
    (void)state;
    struct stack_cache *cache = calloc(1, stack_cache_bytes(STACK_CACHE_BLOCKS));
    static uint16_t slots[ROUTES];
    for (unsigned i = 0; i < 128; i++)
        made_up_stack[i] = shapes_plain_return;
    made_up_stack[4 * 12 - 1] = 0;
    stack_cache_init(cache, (uintptr_t)made_up_stack, (uintptr_t)(made_up_stack + 128));
    unsigned found = 0;
    for (unsigned pass = 0; pass < 8; pass++) {
        found = 0;
        for (unsigned route = 0; route < ROUTES; route++) {
            uint16_t slot;
            bool again = route_is_found(cache, route, &slot);
            assert_true(!again || slot == slots[route]);
            slots[route] = slot;
            found += again;
        }
    }
    assert_int_equal(found, ROUTES);
    free(cache);
}

// --- code that comes and goes ---

static void *open_library(const char *path, stack_tree *ret_tree)
{
    void *handle = dlopen(path, RTLD_NOW);
    assert_non_null(handle);
    *ret_tree = (stack_tree)dlsym(handle, "library_tree");
    assert_non_null(*ret_tree);
    return handle;
}

static void reloaded_libraries_match(void **state)
{
    (void)state;
    uintptr_t places[2] = { 0 };
    unsigned same_place = 0;
    for (unsigned i = 0; i < 40; i++) {
        stack_tree tree;
        void *library = open_library(library_paths[i % 2], &tree);
        struct dl_find_object found;
        _dl_find_object((void *)tree, &found);
        places[i % 2] = (uintptr_t)found.dlfo_map_start;
        same_place += places[0] == places[1];
        grow(tree, 8);
        stack_unload_begin();
        dlclose(library);
        stack_unload_end();
        stack_check_code_changed();
    }
    assert_true(same_place > 10);
    assert_all_match(1000);
}

// --- stacks that end early ---

static void stack_ends_at_code_without_cfi(void **state)
{
    (void)state;
    // push rbx; call rdi; pop rbx; ret
    static const unsigned char code[] = { 0x53, 0xff, 0xd7, 0x5b, 0xc3 };
    unsigned char *jit =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(jit, MAP_FAILED);
    memcpy(jit, code, sizeof code);
    for (unsigned i = 0; i < 3; i++) {
        ((void (*)(void (*)(void)))jit)(shapes_take_stack);
        assert_int_equal(shapes_taken_depth, 2);
        assert_true(shapes_taken_truncated);
        assert_int_equal(shapes_taken_frames[1], (uintptr_t)jit + 3);
    }
    munmap(jit, 4096);
}

static void shapes_match(void **state)
{
    (void)state;
    shapes_run();
    assert_all_match(20);
}

// --- nonsense ---

static void nonsense_never_faults(void **state)
{
    (void)state;
    struct stack_cache *cache = calloc(1, stack_cache_bytes(STACK_CACHE_BLOCKS));
    char *low = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *words = (uint64_t *)low;
    struct dl_find_object found;
    _dl_find_object((void *)grow, &found);
    uintptr_t text = (uintptr_t)found.dlfo_map_start;
    uintptr_t text_size = (uintptr_t)found.dlfo_map_end - text;
    _dl_find_object((void *)qsort, &found);
    uintptr_t libc_text = (uintptr_t)found.dlfo_map_start;
    uintptr_t libc_size = (uintptr_t)found.dlfo_map_end - libc_text;
    srand(7);
    for (unsigned i = 0; i < (1 << 20) / 8; i++) {
        uintptr_t pc =
            rand() % 2 ? text + (uintptr_t)rand() % text_size : libc_text + (uintptr_t)rand() % libc_size;
        words[i] = rand() % 3 ? pc : (uintptr_t)low + (uintptr_t)rand() % (2 << 20);
    }
    stack_cache_init(cache, (uintptr_t)low, (uintptr_t)low + (1 << 20));
    uint64_t frames = 0;
    for (unsigned i = 0; i < 200000; i++) {
        struct caller caller = {
            .pc =
                rand() % 2 ? text + (uintptr_t)rand() % text_size : libc_text + (uintptr_t)rand() % libc_size,
            .sp = (uintptr_t)low + (uintptr_t)rand() % (2 << 20) / 8 * 8,
            .fp = rand() % 2 ? (uintptr_t)rand() : (uintptr_t)low + (uintptr_t)rand() % (2 << 20),
        };
        struct stack_new fresh;
        stack_cache_fill(cache, &caller, &fresh);
        assert_in_range(fresh.depth, 1, WIRE_STACK_FRAMES);
        frames += fresh.depth;
    }
    printf("# %lu frames\n", frames);
    assert_true(frames > 200000);
    munmap(low, 1 << 20);
    free(cache);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    library_paths[0] = argv[1];
    library_paths[1] = argv[2];
    if (argc > 3)
        cmocka_set_test_filter(argv[3]);
    stack_setup(false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(trees_match, begin),
        cmocka_unit_test_setup(recursion_matches, begin),
        cmocka_unit_test_setup(two_parents_do_not_thrash, begin),
        cmocka_unit_test_setup(many_ways_do_not_thrash, begin),
        cmocka_unit_test_setup(frame_pointer_decides, begin),
        cmocka_unit_test_setup(nothing_is_remembered_while_code_goes, begin),
        cmocka_unit_test_setup(switched_stacks_match, begin),
        cmocka_unit_test_setup(threads_match_while_code_changes, begin),
        cmocka_unit_test_setup(handlers_match, begin),
        cmocka_unit_test_setup(every_instruction_matches, begin),
        cmocka_unit_test_setup(search_survives_handlers, begin),
        cmocka_unit_test_setup(many_routes_to_one_place_are_remembered, begin),
        cmocka_unit_test_setup(reloaded_libraries_match, begin),
        cmocka_unit_test_setup(stack_ends_at_code_without_cfi, begin),
        cmocka_unit_test_setup(shapes_match, begin),
        cmocka_unit_test_setup(nonsense_never_faults, begin),
    };
    return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
