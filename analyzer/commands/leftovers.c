// SPDX-License-Identifier: MIT
// Removes what is noted from a signal handler, and lets the signal do what it would have done.
// Blind spot: SIGKILL.
#include "leftovers.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LEFTOVERS_MAX 16u

// A slot is free while its path is empty; the first byte is written last.
static char paths[LEFTOVERS_MAX][PATH_MAX];
static pid_t owner;

void leftovers_add(const char *path)
{
    for (unsigned i = 0; i < LEFTOVERS_MAX && strlen(path) < PATH_MAX; i++)
        if (!paths[i][0]) {
            strcpy(paths[i] + 1, *path ? path + 1 : path);
            __atomic_store_n(&paths[i][0], *path, __ATOMIC_RELEASE);
            return;
        }
}

void leftovers_forget(const char *path)
{
    for (unsigned i = 0; i < LEFTOVERS_MAX; i++)
        if (strcmp(paths[i], path) == 0)
            __atomic_store_n(&paths[i][0], 0, __ATOMIC_RELEASE);
}

static void clear_up(int signal_number)
{
    // Not in a child that has not become its program yet.
    for (unsigned i = LEFTOVERS_MAX; i-- > 0 && getpid() == owner;)
        if (paths[i][0] && unlink(paths[i]) != 0)
            rmdir(paths[i]);
    // The handler was for one time: now the signal ends the process.
    raise(signal_number);
}

void leftovers_watch(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    owner = getpid();
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL)
            continue;
        action = (struct sigaction){ .sa_handler = clear_up, .sa_flags = SA_RESETHAND };
        sigaction(numbers[i], &action, NULL);
    }
}
