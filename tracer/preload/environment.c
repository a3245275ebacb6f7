// SPDX-License-Identifier: MIT
// Builds environments with LD_PRELOAD and TRENZA_SESSION in them. No allocation, no lock: see environment_change().
#include "environment.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "handshake.h"
#include "runtime.h"

#define PRELOAD_NAME "LD_PRELOAD="
#define SESSION_NAME WIRE_SESSION_ENV "="

static char library[PATH_MAX];

void environment_setup(void)
{
    Dl_info info;
    if (dladdr((void *)environment_setup, &info) == 0 || info.dli_fname == NULL)
        return;
    char absolute[PATH_MAX];
    if (realpath(info.dli_fname, absolute) != NULL)
        strcpy(library, absolute);
}

const char *environment_library(void)
{
    return library;
}

static const char *value_of(char *const envp[], const char *name)
{
    for (; envp != NULL && *envp != NULL; envp++)
        if (strncmp(*envp, name, strlen(name)) == 0)
            return *envp + strlen(name);
    return NULL;
}

bool environment_needs_change(char *const envp[])
{
    if (process == NULL || atomic_load(&process->state) != PROCESS_ON || library[0] == '\0')
        return false;
    const char *preload = value_of(envp, PRELOAD_NAME);
    const char *session = value_of(envp, SESSION_NAME);
    // A recording begun inside this one, as by tests that use Trenza: its programs are its own.
    if (session != NULL && strcmp(session, session_path()) != 0)
        return false;
    return preload == NULL || strstr(preload, library) == NULL || session == NULL;
}

static size_t count(char *const envp[])
{
    size_t n = 0;
    while (envp != NULL && envp[n] != NULL)
        n++;
    return n;
}

size_t environment_bytes(char *const envp[])
{
    const char *preload = value_of(envp, PRELOAD_NAME);
    return (count(envp) + 3) * sizeof(char *) + sizeof PRELOAD_NAME + strlen(library) + 1 +
           (preload != NULL ? strlen(preload) : 0) + sizeof SESSION_NAME + strlen(session_path()) + 2;
}

char **environment_change(char *const envp[], void *memory)
{
    char **result = memory;
    const size_t n = count(envp);
    char *text = (char *)(result + n + 3);
    const char *preload = value_of(envp, PRELOAD_NAME);
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(envp[i], PRELOAD_NAME, strlen(PRELOAD_NAME)) != 0 &&
            strncmp(envp[i], SESSION_NAME, strlen(SESSION_NAME)) != 0)
            result[at++] = envp[i];
    result[at++] = text;
    text = stpcpy(stpcpy(text, PRELOAD_NAME), library);
    if (preload != NULL && strstr(preload, library) != NULL)
        text = stpcpy(stpcpy(result[at - 1], PRELOAD_NAME), preload);
    else if (preload != NULL && preload[0] != '\0')
        text = stpcpy(stpcpy(text, ":"), preload);
    result[at++] = ++text;
    stpcpy(stpcpy(text, SESSION_NAME), session_path());
    result[at] = NULL;
    return result;
}
