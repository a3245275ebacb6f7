// SPDX-License-Identifier: MIT
// The library's constructor. Where no recorder is named in the environment it starts one, so that
// LD_PRELOAD=libtrenza-preload.so ./program alone works. Other libraries' constructors may call hooks before this one
// has run: those attach by themselves when a recorder is named, and are forwarded otherwise.
#include "library.h"

#include <errno.h>
#include <stdlib.h>

#include "environment.h"
#include "handshake.h"
#include "runtime.h"
#include "spawn_recorder.h"

static void exit_handler(int status, void *data)
{
    (void)data;
    process_exit_event(status);
}

__attribute__((constructor(101))) static void library_start(void)
{
    const int error = errno;
    real_resolve();
    environment_setup();
    if (session_path()[0] == '\0')
        spawn_recorder();
    if (process_begin()) {
        process_watch_forks();
        // First registered, so last called: the program's own handlers come before the end.
        on_exit(exit_handler, NULL);
    }
    errno = error;
}
