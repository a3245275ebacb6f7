# SPDX-License-Identifier: MIT
"""A C++ program that uses what the standard library makes of pthreads."""

import harness
from harness import case, compare, program, require, require_equal


@case
def cxx_locks_work_the_same(folder):
    native, _, trace = compare(folder, program('cxx_locks'))
    require_equal(native.status, 11, 'exit status, natively')
    events = trace.require_sound(processes=1, threads=(50, 80))
    require(events > 20000, f'only {events} events')
    require(trace.events('acquire-shared') >= 2000 / 2, 'readers are missing')
    require(trace.events('cond-wait') > 0, 'condition waits are missing')


harness.main()
