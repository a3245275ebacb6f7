// SPDX-License-Identifier: MIT
// How the fixtures of test_symbolize.c say where things are, as a recording would: "code LABEL OFFSET MODULE" for the
// return address of a call of report_code(), "data LABEL OFFSET MODULE" for a variable.
#ifndef FIXTURE_REPORT_H
#define FIXTURE_REPORT_H

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static void report_address(const char *what, const char *label, const void *address)
{
    Dl_info info;
    struct link_map *module = NULL;
    char self[PATH_MAX] = "";
    if (!dladdr1(address, &info, (void **)&module, RTLD_DL_LINKMAP) || !module ||
        readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
        return;
    const char *path = module->l_name[0] ? module->l_name : self;
    printf("%s %s 0x%lx %s\n", what, label, (unsigned long)((uintptr_t)address - module->l_addr), path);
}

__attribute__((noinline, unused)) static void report_code(const char *label)
{
    report_address("code", label, __builtin_return_address(0));
}

static inline void report_data(const char *label, const void *address)
{
    report_address("data", label, address);
}

// As the recorder does for a start routine: one more than the address.
static inline void report_start(const char *label, const void *function)
{
    report_address("code", label, (const char *)function + 1);
}

#endif
