// SPDX-License-Identifier: MIT
// Looking at memory that may not be there.
//
// memory_readable() asks the kernel: rt_sigprocmask with an impossible `how` copies its set in (EFAULT when it cannot)
// before it refuses the call (EINVAL), so it changes nothing. process_vm_readv would do in one step, but a seccomp
// filter may kill a process for it; every filter lets the signal mask be. Blind: another thread may unmap the memory
// between the answer and the read, so this is for memory that is in use, such as a stack one runs on.
#ifndef TRENZA_PRELOAD_MEMORY_H
#define TRENZA_PRELOAD_MEMORY_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "sys.h"

#define MEMORY_PAGE 4096u

// True when the 8 bytes at address can be read. Any thread, any time; about 100 ns.
static inline bool memory_readable(uintptr_t address)
{
    // 0 would be no set at all. The first page is nobody's.
    return address >= MEMORY_PAGE && SYS6(SYS_rt_sigprocmask, -1, address, 0, 8, 0, 0) != -EFAULT;
}

// True when [start, end) can be read: one question a page.
static inline bool memory_readable_range(uintptr_t start, uintptr_t end)
{
    for (uintptr_t page = start & ~(uintptr_t)(MEMORY_PAGE - 1); page < end; page += MEMORY_PAGE)
        if (!memory_readable(page))
            return false;
    return true;
}

#endif
