// SPDX-License-Identifier: MIT
// Demangles through the C++ runtime that is on nearly every machine; it is looked up when first needed, so that
// building and running Trenza does not depend on it. Without it, and for Rust's v0 scheme, names stay mangled.
#include "demangle.h"

#include <dlfcn.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

typedef char *cxa_demangle(const char *name, char *buffer, size_t *length, int *status);

static cxa_demangle *runtime_demangle(void)
{
    static gsize looked_up;
    static cxa_demangle *function;
    if (g_once_init_enter(&looked_up)) {
        void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
        if (!library)
            library = dlopen("libc++abi.so.1", RTLD_LAZY | RTLD_LOCAL);
        if (library)
            function = (cxa_demangle *)dlsym(library, "__cxa_demangle");
        g_once_init_leave(&looked_up, 1);
    }
    return function;
}

// Rust's older scheme looks like C++, with a hash as the last part: "...::h0123456789abcdef".
static void drop_rust_hash(char *name)
{
    size_t length = strlen(name);
    if (length < 20 || strncmp(name + length - 19, "::h", 3) != 0)
        return;
    if (strspn(name + length - 16, "0123456789abcdef") == 16)
        name[length - 19] = '\0';
}

// What a compiler made of a function: "f(int) [clone .part.0]".
static void drop_clone(char *name)
{
    char *clone = strstr(name, " [clone ");
    if (clone)
        *clone = '\0';
}

char *demangle(const char *name)
{
    // __cxa_demangle also takes bare type names: "i" would become "int".
    if (strncmp(name, "_Z", 2) != 0 || !runtime_demangle())
        return NULL;
    int status = -1;
    char *readable = runtime_demangle()(name, NULL, NULL, &status);
    if (!readable || status != 0) {
        free(readable);
        return NULL;
    }
    drop_clone(readable);
    drop_rust_hash(readable);
    char *copy = g_strdup(readable);
    free(readable);
    return copy;
}
