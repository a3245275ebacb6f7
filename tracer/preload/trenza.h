// SPDX-License-Identifier: MIT
// For programs that want their locks called by name in Trenza's reports: #include <trenza.h>, and nothing to link with.
//
//     pthread_mutex_init(&queue->lock, NULL);
//     TRENZA_NAME_MUTEX(&queue->lock, "input queue");
//
// The name belongs to the lock until it is destroyed or its memory goes; at most 47 bytes of it are kept. Without Trenza
// each line is the test of an address that is zero. In code that is not position-independent (-fno-pie; Debian's gcc makes
// it so by default) the linker settles that for good: names are not told then, and nothing else changes.
// Threads are named with pthread_setname_np.
//
// Between TRENZA_IGNORE_BEGIN() and TRENZA_IGNORE_END(), which may stand one inside the other, what the calling thread
// locks counts as a call with a time-out: it holds its locks, but is no part of a deadlock, nor of a cycle of locks.
#ifndef TRENZA_H
#define TRENZA_H

#ifdef __cplusplus
extern "C" {
#endif

extern __attribute__((weak)) void trenza_name_object(const volatile void *object, int kind, const char *name);
extern __attribute__((weak)) void trenza_ignore(int begin);

#ifdef __cplusplus
}
#endif

// As a trace counts kinds.
#define TRENZA_NAME_(object, kind, name)                                                                     \
    do {                                                                                                     \
        if (trenza_name_object)                                                                              \
            trenza_name_object((object), (kind), (name));                                                    \
    } while (0)
#define TRENZA_NAME_MUTEX(mutex, name) TRENZA_NAME_((mutex), 1, (name)) // C++: mutex.native_handle()
#define TRENZA_NAME_RWLOCK(rwlock, name) TRENZA_NAME_((rwlock), 2, (name))
#define TRENZA_NAME_SPINLOCK(spinlock, name) TRENZA_NAME_((spinlock), 3, (name))
#define TRENZA_NAME_COND(cond, name) TRENZA_NAME_((cond), 4, (name))
#define TRENZA_NAME_BARRIER(barrier, name) TRENZA_NAME_((barrier), 5, (name))
#define TRENZA_NAME_SEMAPHORE(semaphore, name) TRENZA_NAME_((semaphore), 6, (name))

#define TRENZA_IGNORE_(begin)                                                                                \
    do {                                                                                                     \
        if (trenza_ignore)                                                                                   \
            trenza_ignore(begin);                                                                            \
    } while (0)
#define TRENZA_IGNORE_BEGIN() TRENZA_IGNORE_(1)
#define TRENZA_IGNORE_END() TRENZA_IGNORE_(0)

#endif
