# SPDX-License-Identifier: MIT
"""Locks that live in memory shared between processes: one object in the trace, and never two owners."""

import os

import harness
from harness import case, compare, program, record, require, require_equal

OBJECTS_OF_THE_TABLE = ['barrier', 'cond', 'mutex', 'rwlock', 'semaphore', 'semaphore', 'spinlock']


def shared_kinds(trace):
    return sorted(kind for (kind,) in trace.rows('kind', 'FROM object WHERE shared_key IS NOT NULL AND NOT flags & 256'))


def processes_using(trace, kind):
    return trace.value('count(DISTINCT thread.process_id)', 'FROM event JOIN thread ON thread.id = event.thread_id '
                       f"JOIN object ON object.id = event.subject WHERE object.kind = '{kind}' AND "
                       f"(event.kind LIKE 'acquire%' OR event.kind LIKE 'cond%')")


@case
def related_processes_share_one_object(folder):
    native, _, trace = compare(folder, program('shared_objects', 'fork'))
    require_equal(native.out, b'turns 2000, sum 4000, child 9\n', 'natively')
    trace.require_sound(processes=2, threads=2)
    require_equal(shared_kinds(trace), OBJECTS_OF_THE_TABLE, 'shared objects')
    for kind in ('mutex', 'cond', 'rwlock', 'semaphore', 'spinlock'):
        require_equal(processes_using(trace, kind), 2, f'processes that use the {kind}')


@case
def unrelated_processes_share_one_object(folder):
    name = f'/trenza-e2e-{os.getpid()}'
    both = '"$0" meet "$1" 0 & "$0" meet "$1" 1; wait'
    shell = ['sh', '-c', both, *program('shared_objects'), name]
    native, recorded, trace = compare(folder, shell)
    require_equal(native.out, b'turns 2000, sum 6000\n' * 2, 'natively')
    trace.require_sound(processes=(3, 4))
    require_equal(shared_kinds(trace), OBJECTS_OF_THE_TABLE, 'shared objects')
    named = trace.rows('count(*)', "FROM object WHERE kind = 'semaphore' AND flags & 256")
    require_equal(named, [(1,)], 'named semaphores')
    for kind in ('mutex', 'cond', 'rwlock', 'semaphore', 'spinlock'):
        require_equal(processes_using(trace, kind), 2, f'processes that use the {kind}')


harness.main()
