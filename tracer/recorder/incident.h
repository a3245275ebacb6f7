// SPDX-License-Identifier: MIT
// What every thread holds and waits for at one moment: looked at for a deadlock, and written down when there is one or when the
// user asks. Drain thread only.
#ifndef TRENZA_RECORDER_INCIDENT_H
#define TRENZA_RECORDER_INCIDENT_H

#include "process.h"

// Looks for a deadlock among the processes (of struct process), and for threads that are stuck: they wait for what nobody
// is left to do. True: there is something new, and the trace has it as an incident ('deadlock', 'stuck'). It must be the same in two looks, so call it several times a second, after draining.
bool incident_look(struct recording *recording, GPtrArray *processes);

// Writes an incident with every thread of the processes.
void incident_write(struct recording *recording, GPtrArray *processes, const char *what);

#endif
