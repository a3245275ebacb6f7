# SPDX-License-Identifier: MIT
"""A program that ends in the middle of things, in every way: the trace has what it had done until then, exactly."""

import harness
from harness import Trace, case, program, record, require, require_equal, tally

EXPECTED_STATUS = {'exit': 17, '_exit': 18, 'quick_exit': 19, 'abort': 134, 'sigkill': 137, 'sigterm': 143, 'sigsegv': 139}


def end_suddenly(folder, how, microseconds):
    counted = folder / f'tally-{microseconds}'
    ended, trace = record(folder, program('sudden_end', how, microseconds, counted), name=f'{microseconds}.db')
    require_equal(ended.status, EXPECTED_STATUS[how], f'exit status after {microseconds} us')
    pairs, _ = tally(counted)
    trace.require_whole(processes=1, threads=(1, 3))
    trace.require_order()
    recorded = {serial: counts for serial, *counts in trace.rows(
        "serial, (SELECT count(*) FROM event WHERE thread_id = thread.id AND kind LIKE 'acquire%'), "
        "(SELECT count(*) FROM event WHERE thread_id = thread.id AND kind = 'release')", 'FROM thread')}
    for index, done in enumerate(pairs[:2]):
        # The main thread is the first; one that has not come to its first lock may not be there at all.
        acquired, released = recorded.get(index + 2, (0, 0))
        # One pair may have been under way, or done and not yet counted.
        require(done <= released <= done + 1 and done <= acquired <= done + 1,
                f'{how} after {microseconds} us: {done} pairs done, {acquired} acquires and {released} releases recorded')
    return sum(pairs)


def end_at_several_moments(folder, how):
    done = [end_suddenly(folder, how, microseconds) for microseconds in (0, 300, 7000, 60000)]
    require(done[-1] > 1000, f'{how}: only {done} pairs')


@case
def exit_loses_nothing(folder):
    end_at_several_moments(folder, 'exit')


@case
def underscore_exit_loses_nothing(folder):
    end_at_several_moments(folder, '_exit')


@case
def quick_exit_loses_nothing(folder):
    end_at_several_moments(folder, 'quick_exit')


@case
def abort_loses_nothing(folder):
    end_at_several_moments(folder, 'abort')


@case
def sigsegv_loses_nothing(folder):
    end_at_several_moments(folder, 'sigsegv')


@case
def sigkill_loses_nothing(folder):
    end_at_several_moments(folder, 'sigkill')


@case
def sigterm_loses_nothing(folder):
    end_at_several_moments(folder, 'sigterm')


@case
def two_threads_that_only_lock_are_kept_up_with(folder):
    counted = folder / 'tally'
    ended, trace = record(folder, program('sudden_end', 'exit', 1_000_000, counted))
    require_equal(ended.status, 17, 'exit status')
    events = trace.require_whole(processes=1, threads=3)
    pairs, _ = tally(counted)
    require(events >= 2 * sum(pairs), f'{events} events for {sum(pairs)} pairs')
    size = Trace(trace.path).path.stat().st_size
    require(size <= 8 * events + 200_000, f'{size} bytes for {events} events')


harness.main()
