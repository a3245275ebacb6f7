// SPDX-License-Identifier: MIT
// For programs that want their locks called by name in Trenza's reports: #include <trenza.h>, and nothing to link with.
//
//     pthread_mutex_init(&queue->lock, NULL);
//     TRENZA_NAME_MUTEX(&queue->lock, "input queue");
//
// The name belongs to the lock until it is destroyed or its memory goes; at most 47 bytes of it are kept. Names that
// differ in a number in brackets only ("queue[3]") are those of one class of locks. Threads are named with
// pthread_setname_np. A child made by fork knows none of this until it says it again.
//
// TRENZA_ORDER_MUTEX_BY_ADDRESS(&account->lock) says of a lock, for as long: among such locks that were made at the same place in
// the code, whoever holds one and waits for another takes the lower address first. Nothing is guessed any more from the orders
// that a run happens to show: a thread that waits for one while it holds a higher one is an error (lock-order-cycle), also
// when nobody was there to meet it. Calls that do not wait for good are not counted: trylock, those with a time-out, what is to
// be ignored (below), and readers inside readers.
//
// Between TRENZA_IGNORE_BEGIN() and TRENZA_IGNORE_END(), which may stand one inside the other, what the calling thread
// locks counts as a call with a time-out: it holds its locks, but is no part of a deadlock, nor of a cycle of locks.
//
// Without Trenza each line is the test of an address that is zero. Programs linked statically are not heard.
#ifndef TRENZA_H
#define TRENZA_H

#ifdef __cplusplus
extern "C" {
#endif

// Not to be called or compared: where code is not position-independent, the linker then settles that they are nowhere.
extern __attribute__((weak)) void trenza_name_object(const volatile void *object, int kind, const char *name);
extern __attribute__((weak)) void trenza_order_by_address(const volatile void *object, int kind);
extern __attribute__((weak)) void trenza_ignore(int begin);

#ifdef __cplusplus
}
#endif

// Where the function is at run time; 0: nowhere. From the table that the loader fills in, also in code built with -fno-pie.
#if defined(__x86_64__) && defined(__LP64__)
#define TRENZA_FIND_(function, ret_found)                                                                    \
    __asm__(".weak " #function "\n\t{movq " #function "@GOTPCREL(%%rip), %0|mov %0, QWORD PTR " #function    \
            "@GOTPCREL[rip]}"                                                                                \
            : "=r"(ret_found))
#else
#define TRENZA_FIND_(function, ret_found) ((ret_found) = function)
#endif

// As a trace counts kinds.
#define TRENZA_NAME_(object, kind, name)                                                                     \
    do {                                                                                                     \
        void (*trenza_found_)(const volatile void *, int, const char *);                                     \
        TRENZA_FIND_(trenza_name_object, trenza_found_);                                                     \
        if (trenza_found_)                                                                                   \
            trenza_found_((object), (kind), (name));                                                         \
    } while (0)
#define TRENZA_NAME_MUTEX(mutex, name) TRENZA_NAME_((mutex), 1, (name)) // C++: mutex.native_handle()
#define TRENZA_NAME_RWLOCK(rwlock, name) TRENZA_NAME_((rwlock), 2, (name))
#define TRENZA_NAME_SPINLOCK(spinlock, name) TRENZA_NAME_((spinlock), 3, (name))
#define TRENZA_NAME_COND(cond, name) TRENZA_NAME_((cond), 4, (name))
#define TRENZA_NAME_BARRIER(barrier, name) TRENZA_NAME_((barrier), 5, (name))
#define TRENZA_NAME_SEMAPHORE(semaphore, name) TRENZA_NAME_((semaphore), 6, (name))

#define TRENZA_ORDER_(object, kind)                                                                          \
    do {                                                                                                     \
        void (*trenza_found_)(const volatile void *, int);                                                   \
        TRENZA_FIND_(trenza_order_by_address, trenza_found_);                                                \
        if (trenza_found_)                                                                                   \
            trenza_found_((object), (kind));                                                                 \
    } while (0)
#define TRENZA_ORDER_MUTEX_BY_ADDRESS(mutex) TRENZA_ORDER_((mutex), 1)
#define TRENZA_ORDER_RWLOCK_BY_ADDRESS(rwlock) TRENZA_ORDER_((rwlock), 2)
#define TRENZA_ORDER_SPINLOCK_BY_ADDRESS(spinlock) TRENZA_ORDER_((spinlock), 3)

#define TRENZA_IGNORE_(begin)                                                                                \
    do {                                                                                                     \
        void (*trenza_found_)(int);                                                                          \
        TRENZA_FIND_(trenza_ignore, trenza_found_);                                                          \
        if (trenza_found_)                                                                                   \
            trenza_found_(begin);                                                                            \
    } while (0)
#define TRENZA_IGNORE_BEGIN() TRENZA_IGNORE_(1)
#define TRENZA_IGNORE_END() TRENZA_IGNORE_(0)

#endif
