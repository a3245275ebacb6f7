// SPDX-License-Identifier: MIT
// Memory that goes away takes its locks with it: free, realloc, munmap, mremap. A std::mutex has neither an init nor a
// destroy call, so this is how its end is known. Allocations themselves are not hooked.
// Blind: allocators that neither call free() nor munmap() (arenas inside a program, operator delete of an allocator of
// its own); their locks end when they are initialised again. Of an allocator that has no malloc_usable_size() only locks at
// the very beginning of a block.
#include <stdarg.h>

#include "object.h"
#include "runtime.h"

// Inside real_resolve() dlsym may free; there is nothing yet to forward to, and leaking a few bytes once is the safe way.
static void free_forward(void *memory)
{
    static __thread bool resolving __attribute__((tls_model("initial-exec")));
    if (UNLIKELY(real_functions.free == NULL)) {
        if (resolving)
            return;
        resolving = true;
        real_resolve();
        resolving = false;
    }
    real_functions.free(memory);
}

static size_t size_of_block(void *memory)
{
    return real_sizes_known() ? REAL(malloc_usable_size)(memory) : 1;
}

static void end_block(void *memory)
{
    if (memory == NULL || !object_any_alive())
        return;
    const size_t size = size_of_block(memory);
    if (LIKELY(!object_maybe_in(memory, size)))
        return;
    struct thread *thread = thread_current();
    if (thread != NULL)
        object_end_range(thread, memory, size, WIRE_END_FREED);
}

EXPORT void free(void *memory)
{
    end_block(memory);
    free_forward(memory);
}

EXPORT void *realloc(void *memory, size_t size)
{
    size_t old_size = 0;
    if (memory != NULL && object_any_alive()) {
        old_size = size_of_block(memory);
        if (LIKELY(!object_maybe_in(memory, old_size)))
            old_size = 0;
    }
    void *result = REAL(realloc)(memory, size);
    // Known only now whether the block has moved (or, with size 0, is gone).
    if (UNLIKELY(old_size != 0) && result != memory && (result != NULL || size == 0)) {
        struct thread *thread = thread_current();
        if (thread != NULL)
            object_end_range(thread, memory, old_size, WIRE_END_FREED);
    }
    return result;
}

EXPORT void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t bytes;
    // glibc's own answer, ENOMEM, where the product is too large.
    if (__builtin_mul_overflow(count, size, &bytes))
        return REAL(reallocarray)(memory, count, size);
    return realloc(memory, bytes);
}

EXPORT int munmap(void *memory, size_t size)
{
    if (object_maybe_in(memory, size)) {
        struct thread *thread = thread_current();
        if (thread != NULL)
            object_end_range(thread, memory, size, WIRE_END_UNMAPPED);
    }
    return REAL(munmap)(memory, size);
}

// What is locked counts as used: by limits, and by the machine.
EXPORT int mlockall(int flags)
{
    process_shrink();
    return REAL(mlockall)(flags);
}

EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    if (resource == RLIMIT_AS)
        process_give_up_nursery();
    return REAL(setrlimit)(resource, limit);
}

EXPORT int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit, struct rlimit *old)
{
    if (resource == RLIMIT_AS && limit != NULL)
        process_give_up_nursery();
    return REAL(prlimit)(pid, resource, limit, old);
}

EXPORT void *mremap(void *memory, size_t old_size, size_t new_size, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    void *wanted = flags & MREMAP_FIXED ? va_arg(arguments, void *) : NULL;
    va_end(arguments);
    void *result = REAL(mremap)(memory, old_size, new_size, flags, wanted);
    if (result != MAP_FAILED && result != memory && object_maybe_in(memory, old_size)) {
        struct thread *thread = thread_current();
        if (thread != NULL)
            object_end_range(thread, memory, old_size, WIRE_END_UNMAPPED);
    }
    return result;
}

EXPORT_ALIAS(cfree, free);
EXPORT_ALIAS(setrlimit64, setrlimit);
EXPORT_ALIAS(prlimit64, prlimit);
