// SPDX-License-Identifier: MIT
// sudden_end HOW MICROSECONDS TALLY: two threads lock and unlock a mutex of their own and count each completed pair in
// TALLY; after so long the program ends in the middle of it, as HOW says. The trace must have every counted pair.
#include "tally.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#define WORKERS 2

static pthread_mutex_t locks[WORKERS] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER };
static struct tally *tally;
static _Atomic int crash_now; // worker 0 is to crash while it holds its lock

static void *worker(void *argument)
{
    uintptr_t index = (uintptr_t)argument;
    for (;;) {
        pthread_mutex_lock(&locks[index]);
        if (index == 0 && atomic_load_explicit(&crash_now, memory_order_relaxed))
            *(volatile int *)8 = 1;
        pthread_mutex_unlock(&locks[index]);
        atomic_fetch_add_explicit(&tally->pairs[index], 1, memory_order_relaxed);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const char *how = argv[1];
    tally = tally_map(argv[3]);
    for (uintptr_t index = 0; index < WORKERS; index++) {
        pthread_t id;
        if (pthread_create(&id, NULL, worker, (void *)index) != 0)
            return 3;
    }
    usleep((useconds_t)atoi(argv[2]));
    if (strcmp(how, "exit") == 0)
        exit(17);
    if (strcmp(how, "_exit") == 0)
        _exit(18);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(19);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "sigkill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(how, "sigterm") == 0)
        raise(SIGTERM);
    if (strcmp(how, "sigsegv") == 0) {
        crash_now = 1;
        pause();
    }
    return 2;
}
