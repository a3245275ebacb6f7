// SPDX-License-Identifier: MIT
// What the constructor asks of the hooks.
#ifndef TRENZA_PRELOAD_LIBRARY_H
#define TRENZA_PRELOAD_LIBRARY_H

// Registers the fork handlers.
void process_watch_forks(void);
// Records that the process ends with this status.
void process_exit_event(int status);

#endif
