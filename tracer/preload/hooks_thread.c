// SPDX-License-Identifier: MIT
// The life of threads: create, join, detach, cancel, names; for pthreads and C11. A new thread starts in thread_main,
// which records its start and then becomes the program's routine; its end is recorded by a thread-specific destructor
// (runtime.c), which pthread_exit and cancellation pass through as well.
#include <stdarg.h>
#include <string.h>

#include "record.h"

static void *thread_main(void *data)
{
    struct thread *thread = data;
    void *(*routine)(void *) = (void *(*)(void *))thread->start_routine;
    void *argument = thread->start_argument;
    thread_begin(thread, thread->stack_size);
    return routine(argument);
}

static int thread_main_c11(void *data)
{
    struct thread *thread = data;
    int (*routine)(void *) = (int (*)(void *))thread->start_routine;
    void *argument = thread->start_argument;
    thread_begin(thread, thread->stack_size);
    return routine(argument);
}

// Before the real call: takes a slot for the child and records CREATE. NULL: it will attach by itself, if it can.
static struct thread *create_begin(
    const struct call *call, void *routine, void *argument, size_t stack_size, bool detached)
{
    struct thread *child = thread_prepare();
    if (child == NULL)
        return NULL;
    child->start_routine = routine;
    child->start_argument = argument;
    child->stack_size = stack_size;
    child->creator = call->thread->serial;
    event_emit(call->thread, EVENT_CREATE, child->serial, call->stack, detached);
    return child;
}

#define SIGNAL_CANCEL 32 // glibc's own, which it lets through to every new thread

// The thread starts with the signals of its creator, so it starts with all blocked; thread_begin sets the right mask.
// Not where its attributes name a mask of its own.
static uint64_t create_block_signals(struct thread *child, const pthread_attr_t *attributes)
{
    uint64_t mask;
    sigset_t own;
    sys_block_signals(&mask);
    child->start_signals = mask & ~(UINT64_C(1) << (SIGNAL_CANCEL - 1));
    child->starts_blocked =
        attributes == NULL || pthread_attr_getsigmask_np(attributes, &own) == PTHREAD_ATTR_NO_SIGMASK_NP;
    return mask;
}

static void create_end(
    const struct call *call, struct thread *child, uint32_t serial, int error, pthread_t handle)
{
    if (error == 0) {
        object_set_thread(handle, serial, false);
        return;
    }
    event_emit(call->thread, EVENT_CREATE_FAILED, serial, call->stack, (uint16_t)error);
    thread_discard(child);
}

EXPORT int pthread_create(pthread_t *restrict handle, const pthread_attr_t *restrict attributes,
    void *(*routine)(void *), void *restrict argument)
{
    struct call call;
    size_t stack_size = 0;
    int detach_state = PTHREAD_CREATE_JOINABLE;
    if (attributes != NULL) {
        pthread_attr_getstacksize(attributes, &stack_size);
        pthread_attr_getdetachstate(attributes, &detach_state);
    }
    struct thread *child = NULL;
    if (call_begin_plain(&call))
        child = create_begin(
            &call, (void *)routine, argument, stack_size, detach_state == PTHREAD_CREATE_DETACHED);
    if (child == NULL)
        return REAL(pthread_create)(handle, attributes, routine, argument);
    // The child may be gone, and its slot another's, before we are back.
    const uint32_t serial = child->serial;
    const uint64_t mask = create_block_signals(child, attributes);
    const int rc = REAL(pthread_create)(handle, attributes, thread_main, child);
    sys_restore_signals(&mask);
    create_end(&call, child, serial, rc, rc == 0 ? *handle : 0);
    return rc;
}

EXPORT int thrd_create(thrd_t *handle, thrd_start_t routine, void *argument)
{
    struct call call;
    struct thread *child = NULL;
    if (call_begin_plain(&call))
        child = create_begin(&call, (void *)routine, argument, 0, false);
    if (child == NULL)
        return REAL(thrd_create)(handle, routine, argument);
    const uint32_t serial = child->serial;
    const uint64_t mask = create_block_signals(child, NULL);
    const int result = REAL(thrd_create)(handle, thread_main_c11, child);
    sys_restore_signals(&mask);
    create_end(
        &call, child, serial, result == thrd_success ? 0 : EAGAIN, result == thrd_success ? *handle : 0);
    return result;
}

// --- join ---

struct join {
    struct thread *thread;
    uint32_t subject;
    uint16_t stack;
};

static void join_cancelled(void *data)
{
    const struct join *join = data;
    event_emit(join->thread, EVENT_JOIN_FAILED, join->subject, join->stack, ECANCELED);
}

static inline __attribute__((always_inline)) bool join_begin(
    struct join *join, pthread_t handle, bool bounded)
{
    struct call call;
    if (!call_begin_plain(&call))
        return false;
    *join = (struct join){ call.thread, object_get_thread(handle), call.stack };
    event_emit(join->thread, EVENT_JOIN_REQUEST, join->subject, join->stack, bounded);
    return true;
}

static int join_end(const struct join *join, int error)
{
    event_emit(join->thread, error == 0 ? EVENT_JOIN : EVENT_JOIN_FAILED, join->subject, join->stack,
        (uint16_t)error);
    return error;
}

EXPORT int pthread_join(pthread_t handle, void **value)
{
    struct join join;
    if (!join_begin(&join, handle, false))
        return REAL(pthread_join)(handle, value);
    int rc;
    CLEANUP_PUSH(join_cancelled, &join);
    rc = REAL(pthread_join)(handle, value);
    CLEANUP_POP();
    return join_end(&join, rc);
}

EXPORT int pthread_tryjoin_np(pthread_t handle, void **value)
{
    struct join join;
    if (!join_begin(&join, handle, true))
        return REAL(pthread_tryjoin_np)(handle, value);
    return join_end(&join, REAL(pthread_tryjoin_np)(handle, value));
}

EXPORT int pthread_timedjoin_np(pthread_t handle, void **value, const struct timespec *abstime)
{
    struct join join;
    if (!join_begin(&join, handle, true))
        return REAL(pthread_timedjoin_np)(handle, value, abstime);
    int rc;
    CLEANUP_PUSH(join_cancelled, &join);
    rc = REAL(pthread_timedjoin_np)(handle, value, abstime);
    CLEANUP_POP();
    return join_end(&join, rc);
}

EXPORT int pthread_clockjoin_np(
    pthread_t handle, void **value, clockid_t clock, const struct timespec *abstime)
{
    struct join join;
    if (!join_begin(&join, handle, true))
        return REAL(pthread_clockjoin_np)(handle, value, clock, abstime);
    int rc;
    CLEANUP_PUSH(join_cancelled, &join);
    rc = REAL(pthread_clockjoin_np)(handle, value, clock, abstime);
    CLEANUP_POP();
    return join_end(&join, rc);
}

EXPORT int thrd_join(thrd_t handle, int *value)
{
    struct join join;
    if (!join_begin(&join, handle, false))
        return REAL(thrd_join)(handle, value);
    int result;
    CLEANUP_PUSH(join_cancelled, &join);
    result = REAL(thrd_join)(handle, value);
    CLEANUP_POP();
    join_end(&join, result == thrd_success ? 0 : EINVAL);
    return result;
}

// --- the rest ---

EXPORT int pthread_detach(pthread_t handle)
{
    struct call call;
    if (!call_begin_plain(&call))
        return REAL(pthread_detach)(handle);
    const uint32_t subject = object_get_thread(handle);
    const int rc = REAL(pthread_detach)(handle);
    if (rc == 0)
        event_emit(call.thread, EVENT_DETACH, subject, call.stack, 0);
    return rc;
}

EXPORT int thrd_detach(thrd_t handle)
{
    struct call call;
    if (!call_begin_plain(&call))
        return REAL(thrd_detach)(handle);
    const uint32_t subject = object_get_thread(handle);
    const int result = REAL(thrd_detach)(handle);
    if (result == thrd_success)
        event_emit(call.thread, EVENT_DETACH, subject, call.stack, 0);
    return result;
}

EXPORT int pthread_cancel(pthread_t handle)
{
    struct call call;
    if (call_begin_plain(&call))
        event_emit(call.thread, EVENT_CANCEL, object_get_thread(handle), call.stack, 0);
    return REAL(pthread_cancel)(handle);
}

static void name_event(struct thread *thread, uint32_t subject, const char *name)
{
    union {
        char text[16];
        uint64_t words[2];
    } payload = { 0 };
    strncpy(payload.text, name, sizeof payload.text - 1);
    event_emit_payload(thread, EVENT_THREAD_NAME, subject, 0, 0, payload.words, 1);
}

EXPORT int pthread_setname_np(pthread_t handle, const char *name)
{
    struct thread *thread = thread_current();
    const int rc = REAL(pthread_setname_np)(handle, name);
    if (rc == 0 && thread != NULL)
        name_event(thread, object_get_thread(handle), name);
    return rc;
}

EXPORT int prctl(int option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    unsigned long values[4];
    for (int i = 0; i < 4; i++)
        values[i] = va_arg(arguments, unsigned long);
    va_end(arguments);
    // libseccomp sets its filters by syscall(), but first allows nobody new privileges.
    if (option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS)
        process_may_be_filtered();
    const int rc = REAL(prctl)(option, values[0], values[1], values[2], values[3]);
    if (option == PR_SET_NAME && rc == 0) {
        struct thread *thread = thread_current();
        if (thread != NULL)
            name_event(thread, thread->serial, (const char *)values[0]);
    }
    return rc;
}
