// SPDX-License-Identifier: MIT
// dlclose: remembered stacks and unwind rules of the code that went must be forgotten, and its static locks end. dlopen
// is not hooked: a forwarded call would look up $ORIGIN and RUNPATH of this library instead of the caller's, and new
// modules are noticed when their code or data is first met.
#include "modules.h"
#include "object.h"
#include "runtime.h"

static void end_objects(uintptr_t start, uintptr_t end, void *data)
{
    object_end_range(data, (const void *)start, end - start, WIRE_END_UNLOADED);
}

EXPORT int dlclose(void *handle)
{
    struct thread *thread = thread_current();
    // Also where this thread is not recorded: others are.
    stack_unload_begin();
    const int rc = REAL(dlclose)(handle);
    stack_unload_end();
    if (thread != NULL)
        modules_drop_unloaded(
            atomic_load(&process->segments[0].shared), ticks_now(thread), end_objects, thread);
    return rc;
}
