// SPDX-License-Identifier: MIT
// Files that go with this process when it is told to end before they are whole, or before they are of no more use.
#ifndef TRENZA_LEFTOVERS_H
#define TRENZA_LEFTOVERS_H

// Notes a file or folder; what was noted last goes first. Too many or too long ones are left where they are. Main thread.
void leftovers_add(const char *path);
// It is whole now, or gone.
void leftovers_forget(const char *path);
// From here on SIGINT, SIGTERM and SIGHUP take everything noted with them, where they were not ignored.
void leftovers_watch(void);

#endif
