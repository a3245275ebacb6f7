// SPDX-License-Identifier: MIT
// System calls without libc's wrappers: no errno, no cancellation point, no function that could itself be hooked.
// Each returns what the kernel does: a result, or a negative errno.
#ifndef TRENZA_PRELOAD_SYS_H
#define TRENZA_PRELOAD_SYS_H

#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

static inline long sys_call6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define SYS6(number, a, b, c, d, e, f)                                                                       \
    sys_call6((number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS3(number, a, b, c) SYS6(number, a, b, c, 0, 0, 0)

static inline long sys_futex_wait(void *word, uint32_t value, const struct timespec *timeout)
{
    return SYS6(SYS_futex, word, FUTEX_WAIT, value, timeout, 0, 0);
}

static inline long sys_futex_wake(void *word, int count)
{
    return SYS3(SYS_futex, word, FUTEX_WAKE, count);
}

static inline void *sys_mmap(size_t size, int protection, int flags, int fd, size_t offset)
{
    return (void *)SYS6(SYS_mmap, 0, size, protection, flags, fd, offset);
}

// True for what sys_mmap returns on failure.
static inline int sys_is_error(const void *pointer)
{
    return (uintptr_t)pointer > (uintptr_t)-4096;
}

// Children find the memory wiped, and core dumps leave it out. False where the kernel cannot do it.
static inline int sys_private_to_process(void *memory, size_t size)
{
    SYS3(SYS_madvise, memory, size, MADV_DONTDUMP);
    return SYS3(SYS_madvise, memory, size, MADV_WIPEONFORK) == 0;
}

static inline long sys_close(int fd)
{
    return SYS3(SYS_close, fd, 0, 0);
}

static inline uint32_t sys_gettid(void)
{
    return (uint32_t)SYS3(SYS_gettid, 0, 0, 0);
}

static inline uint32_t sys_getpid(void)
{
    return (uint32_t)SYS3(SYS_getpid, 0, 0, 0);
}

// Blocks every signal and keeps the old mask (the kernel's 64-bit one).
static inline void sys_block_signals(uint64_t *ret_mask)
{
    const uint64_t all = ~UINT64_C(0);
    SYS6(SYS_rt_sigprocmask, SIG_BLOCK, &all, ret_mask, sizeof all, 0, 0);
}

static inline void sys_restore_signals(const uint64_t *mask)
{
    SYS6(SYS_rt_sigprocmask, SIG_SETMASK, mask, 0, sizeof *mask, 0, 0);
}

#endif
