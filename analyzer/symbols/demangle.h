// SPDX-License-Identifier: MIT
// Names of C++ (and of Rust's older scheme) as people write them.
#ifndef TRENZA_DEMANGLE_H
#define TRENZA_DEMANGLE_H

// The readable form of a linker name, newly allocated (g_free), or NULL when the name is not mangled or cannot be
// read: then it is best shown as it is.
char *demangle(const char *name);

#endif
