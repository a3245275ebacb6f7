// SPDX-License-Identifier: MIT
// Where the sources of a report live, so that files are named as their repository names them.
#ifndef TRENZA_SOURCE_ROOT_H
#define TRENZA_SOURCE_ROOT_H

// The nearest folder upwards from folder that holds a `.git`, or folder itself; the caller frees it.
char *source_root_find(const char *folder);
// The file's path below root, without "." and ".."; NULL: it is not below it. The caller frees it.
char *source_root_relative(const char *root, const char *file);

#endif
