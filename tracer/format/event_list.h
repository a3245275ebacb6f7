// SPDX-License-Identifier: MIT
// Every kind of event there is, in one list: enum, names and payload sizes follow from it (events.h, chunk.c,
// the SQL table `event`). To add a kind, add a line at the end: the numbers are part of the trace's format.
//
// TRENZA_EVENT(ID, "name", payload, meaning)
//   payload: how many 16-byte payload slots follow the event in the ring: a number, or VARIABLE when the
//            event's `arg` says how many.
//   subject: what the event's `subject` field names: an object, a thread serial, or nothing.
// Times: a request is stamped before the call may block, an acquisition after it succeeded, a release before
// the real release. See wire.h for the slots, DESIGN section 4 for the promises.

// Locks (mutex, rwlock, spinlock) and semaphores. subject: the object.
TRENZA_EVENT(REQUEST, "request", 0, "found it taken and is about to block for it, exclusively (sem_wait too)")
TRENZA_EVENT(REQUEST_SHARED, "request-shared", 0, "the same, as a reader")
TRENZA_EVENT(REQUEST_TIMED, "request-timed", 0, "the same, exclusively, with a time-out: cannot deadlock for good")
TRENZA_EVENT(REQUEST_TIMED_SHARED, "request-timed-shared", 0, "the same, as a reader, with a time-out")
TRENZA_EVENT(ACQUIRE, "acquire", 0, "owns it now, exclusively; a semaphore: took one permit")
TRENZA_EVENT(ACQUIRE_SHARED, "acquire-shared", 0, "owns it now, as one reader of several")
TRENZA_EVENT(ACQUIRE_TIMED, "acquire-timed", 0, "owns it through a call with a time-out")
TRENZA_EVENT(ACQUIRE_TIMED_SHARED, "acquire-timed-shared", 0, "the same, as a reader")
TRENZA_EVENT(ACQUIRE_TRY, "acquire-try", 0, "owns it through a call that never blocks (trylock)")
TRENZA_EVENT(ACQUIRE_TRY_SHARED, "acquire-try-shared", 0, "the same, as a reader")
TRENZA_EVENT(FAIL, "fail", 0, "the request or try ended without it; arg: errno")
TRENZA_EVENT(RELEASE, "release", 0, "gives it back (before it is really free); a reader's or a writer's")
TRENZA_EVENT(RELEASE_FAILED, "release-failed", 0, "the release just before was refused; arg: errno")
TRENZA_EVENT(OWNER_DIED, "owner-died", 0, "the acquisition just before returned EOWNERDEAD")
TRENZA_EVENT(CONSISTENT, "consistent", 0, "pthread_mutex_consistent")
TRENZA_EVENT(POST, "post", 0, "sem_post, before it takes effect")

// Conditions. subject: the condition.
TRENZA_EVENT(COND_WAIT, "cond-wait", 1, "gives back the mutex and waits; payload a: the mutex's object id, b: 1 when timed")
TRENZA_EVENT(COND_WAKE, "cond-wake", 1, "has the mutex again; payload a: the mutex's object id; arg: 0, ETIMEDOUT, or ECANCELED when cancelled")
TRENZA_EVENT(COND_SIGNAL, "cond-signal", 0, "before the signal")
TRENZA_EVENT(COND_BROADCAST, "cond-broadcast", 0, "before the broadcast")

// Barriers and once. subject: the object.
TRENZA_EVENT(BARRIER_ARRIVE, "barrier-arrive", 0, "before waiting")
TRENZA_EVENT(BARRIER_LEAVE, "barrier-leave", 0, "after waiting; arg: 1 for the serial thread")
TRENZA_EVENT(ONCE_REQUEST, "once-request", 0, "calls pthread_once on a control not yet done")
TRENZA_EVENT(ONCE_BEGIN, "once-begin", 0, "runs the routine")
TRENZA_EVENT(ONCE_END, "once-end", 0, "the routine has returned")
TRENZA_EVENT(ONCE_DONE, "once-done", 0, "pthread_once has returned")

// Life of objects. subject: the object.
TRENZA_EVENT(OBJECT, "object", 3, "first event of an object; payload: struct wire_object")
TRENZA_EVENT(INIT, "init", 0, "pthread_*_init or sem_init has succeeded (an OBJECT event precedes it)")
TRENZA_EVENT(DESTROY, "destroy", 0, "before destroy; ends the generation unless DESTROY_FAILED follows")
TRENZA_EVENT(DESTROY_FAILED, "destroy-failed", 0, "the destroy just before was refused; arg: errno")
TRENZA_EVENT(OBJECT_END, "object-end", 0, "its memory is gone; arg: enum wire_object_end")

// Life of threads. subject: a thread serial of the same process.
TRENZA_EVENT(THREAD_START, "thread-start", 2, "first event of a thread; payload: struct wire_thread_start")
TRENZA_EVENT(THREAD_END, "thread-end", 0, "its last destructors run (late ones may still add events after it)")
TRENZA_EVENT(THREAD_NAME, "thread-name", 1, "payload: 16 bytes, NUL-padded; subject: the thread named")
TRENZA_EVENT(CREATE, "create", 0, "before pthread_create gives anyone control; subject: the child; arg: 1: made detached")
TRENZA_EVENT(CREATE_FAILED, "create-failed", 0, "the create just before was refused; arg: errno")
TRENZA_EVENT(JOIN_REQUEST, "join-request", 0, "is about to wait for the end of subject; arg: 1 when timed or try")
TRENZA_EVENT(JOIN, "join", 0, "has joined subject")
TRENZA_EVENT(JOIN_FAILED, "join-failed", 0, "arg: errno")
TRENZA_EVENT(DETACH, "detach", 0, "has detached subject")
TRENZA_EVENT(CANCEL, "cancel", 0, "asks subject to end")

// Life of the process. subject: 0.
TRENZA_EVENT(FORK, "fork", 1, "in the parent, after fork; payload a: child's pid")
TRENZA_EVENT(EXEC, "exec", 0, "before exec")
TRENZA_EVENT(EXEC_FAILED, "exec-failed", 0, "arg: errno")
TRENZA_EVENT(EXIT, "exit", 0, "_exit, exit or quick_exit begins; arg: status & 255")

// Calls that block, recorded on request. subject: enum wire_blocking_call.
TRENZA_EVENT(BLOCK_BEGIN, "block-begin", 0, "before a system call that may block")
TRENZA_EVENT(BLOCK_END, "block-end", 0, "after it")

// About the ring itself; these never reach a trace as events, except LOST.
TRENZA_EVENT(STACK, "stack", VARIABLE, "defines stack slot `stack`; payload: the frames, innermost first, 0-padded")
TRENZA_EVENT(LOST, "lost", 1, "payload a: how many events were dropped here because the ring was full")

// Accesses to memory, in traces that come from elsewhere (STD); nothing here records them. subject: the variable.
TRENZA_EVENT(READ, "read", 0, "reads what was written last")
TRENZA_EVENT(WRITE, "write", 0, "writes")

// What the program says of itself (trenza.h). A name becomes a column of its object, and no event of a trace.
TRENZA_EVENT(OBJECT_NAME, "object-name", 3, "subject: the object; payload: its name, 48 bytes, NUL-padded")
TRENZA_EVENT(IGNORE, "ignore", 0, "arg 1: until arg 0, requests and acquisitions of this thread are told as timed ones: they cannot deadlock for good")

// In the parent. subject: 0.
TRENZA_EVENT(
    SPAWN, "spawn", 3, "posix_spawn has begun a process; payload: struct wire_spawn; arg in a trace: its pid")

// As OBJECT_NAME: becomes a flag of its object, and no event of a trace.
TRENZA_EVENT(OBJECT_ORDERED, "object-ordered", 0,
    "subject: a lock; those of its class are taken in the order of their addresses")
