# SPDX-License-Identifier: MIT
"""stress-ng's stressors of mutexes, semaphores, futexes and threads: they run through, and nothing is lost."""

import re

import harness
from harness import case, compare, require

MASK = re.compile(rb'\d+')


def stress(folder, *options, processes, threads, seconds=30):
    argv = ['stress-ng', *options, '--timeout', seconds, '--temp-path', folder, '--no-rand-seed']
    return compare(folder, argv, timeout=60, cwd=folder, mask=lambda out: MASK.sub(b'N', out))[2].require_sound(
        processes=processes, threads=threads)


@case
def stress_ng_mutexes(folder):
    # Ended by time alone: with a number of operations it says at random that it could make no threads.
    events = stress(folder, '--mutex', '2', processes=3, threads=(5, 40), seconds=2)
    require(events > 10000, f'only {events} events')


@case
def stress_ng_posix_semaphores(folder):
    # This stressor takes its whole time, however few operations it is given.
    events = stress(folder, '--sem', '2', '--sem-ops', '4000', processes=3, threads=(5, 20), seconds=3)
    require(events > 4000, f'only {events} events')


@case
def stress_ng_futexes(folder):
    # Raw system calls: there is nothing to record but the processes.
    stress(folder, '--futex', '2', '--futex-ops', '4000', processes=(3, 6), threads=(3, 10))


@case
def stress_ng_threads(folder):
    stress(folder, '--pthread', '2', '--pthread-ops', '500', processes=3, threads=(500, 5000))


harness.main()
