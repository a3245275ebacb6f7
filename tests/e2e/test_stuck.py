# SPDX-License-Identifier: MIT
"""Programs that idle are left alone; programs that are stuck are told so within a second, and ended."""

import harness
from harness import FOUND_SOMETHING, TRENZA, Trace, case, program, record, require, require_equal, run

IDLE = ['pool-and-sleeper', 'server-and-pool', 'time-out', 'signal-handler', 'signal-waiter', 'timer-thread', 'stranger',
        'child-signals', 'named-semaphore', 'slow-owner', 'routine-left']
# What happened, the requests of those it is about.
# Their strangers must not be recorded, or they would be none.
STRANGERS = ['stranger', 'named-semaphore']
STUCK = {
    'lost-worker': ('stuck', ['cond-wait', 'join-request']),
    'main-is-gone': ('stuck', ['cond-wait']),
    'nobody-posts': ('stuck', ['join-request', 'request']),
    'short-barrier': ('stuck', ['barrier-arrive', 'barrier-arrive', 'join-request']),
    'dead-owner': ('stuck', ['request']),
    'reader-waits': ('stuck', ['cond-wait', 'request']),
    'stuck-once': ('stuck', ['cond-wait', 'once-request']),
    'family': ('stuck', ['cond-wait', 'cond-wait']),
    'woken-into-deadlock': ('deadlock', ['cond-wait', 'request-shared']),
    'two-controls': ('deadlock', ['once-request', 'once-request']),
    'control-and-mutex': ('deadlock', ['once-request', 'request']),
    'control-and-join': ('deadlock', ['join-request', 'once-request']),
    'control-in-itself': ('deadlock', ['once-request']),
}


def incidents(trace):
    return trace.rows('what, (SELECT json_group_array(request) FROM (SELECT request FROM incident_thread WHERE '
                      'incident_id = incident.id AND in_cycle ORDER BY request))', 'FROM incident')


def stays_untroubled(folder, how):
    ended, trace = record(folder, program('waits', how), options=['--on-deadlock=stop'], timeout=30)
    require_equal(ended.status, 0, f'status of {how}')
    require_equal(incidents(trace), [], f'incidents of {how}')
    if how in STRANGERS:
        strangers = trace.value('count(*)', "FROM process WHERE executable LIKE '%/waits' AND arguments LIKE '%post-%'")
        require_equal(strangers, 0, 'strangers recorded')


def is_told(folder, how):
    what, requests = STUCK[how]
    path = folder / 'trace.db'
    ended = run([TRENZA, 'check', '-t', '20', '-o', path, '--', *program('waits', how)], timeout=40)
    require_equal(ended.status, FOUND_SOMETHING, f'status of {how}')
    # Nor do frames of what is between a routine and pthread_once tell anything.
    require(b'hooks_' not in ended.out and b'pthread_once_slow' not in ended.out, f'{how}: {ended}')
    found = incidents(Trace(path))
    require_equal(found, [(what, requests)], f'incidents of {how}')
    waited = Trace(path).value('(ticks - (SELECT max(since_ticks) FROM incident_thread WHERE in_cycle)) * 1.0 / '
                               "(SELECT value FROM meta WHERE name = 'ticks_per_second')", 'FROM incident')
    # A second on a machine with nothing else to do.
    require(waited < 3, f'{how}: told after {waited:.2f} s')


def add_case(function, prefix, how):
    def run_case(folder):
        function(folder, how)
    run_case.__name__ = f'{prefix}_{how.replace("-", "_")}'
    case(run_case)


for name in IDLE:
    add_case(stays_untroubled, 'idle', name)
for name in STUCK:
    add_case(is_told, 'stuck', name)

harness.main()
