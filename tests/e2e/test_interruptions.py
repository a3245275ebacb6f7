# SPDX-License-Identifier: MIT
"""Threads that signals and cancellation take out of the middle of a call: nothing hangs, and what comes later is recorded."""

import signal

import harness
from harness import Started, case, compare, program, record_command, require, require_equal, wait_until


def step_through(folder, how):
    native, _, trace = compare(folder, program('stepped', how))
    require_equal((native.status, native.out), (0, b'every instruction: 1, wrong 0\n'), 'natively')
    instructions = trace.value('count(*)', "FROM event WHERE kind = 'acquire' AND thread_id = 1")
    require(instructions > 50, f'only {instructions} instructions were interrupted')
    return trace, instructions


@case
def handlers_after_each_instruction(folder):
    trace, instructions = step_through(folder, 'post')
    trace.require_sound(processes=1, threads=1)
    require_equal(trace.events('post'), 2 * instructions, 'posts')


@case
def handlers_that_jump_away_after_each_instruction(folder):
    trace, instructions = step_through(folder, 'jump')
    trace.require_sound(processes=1, threads=1)
    # Of the interrupted posts themselves it depends on how far they were.
    require(instructions <= trace.events('post') < 2 * instructions, 'posts')


@case
def handlers_that_fork_after_each_instruction(folder):
    trace, instructions = step_through(folder, 'fork')
    trace.require_sound(processes=instructions, threads=instructions)
    children = 'FROM thread WHERE thread.process_id > 1'
    acquired = trace.rows("(SELECT count(*) FROM event WHERE event.thread_id = thread.id AND kind = 'acquire')", children)
    require_equal(acquired, [(2,)] * (instructions - 1), 'acquisitions of the children')


@case
def handlers_that_jump_out_of_calls(folder):
    native, _, trace = compare(folder, program('interruptions', 'jump'))
    require_equal((native.status, native.out), (0, b'jumped\n'), 'natively')
    trace.require_whole(processes=1, threads=2)
    require_equal(trace.events('acquire'), 20000, 'acquisitions after the last jump')
    require(trace.events('post') > 1000, 'posts')
    require_equal(trace.events('thread-end'), 1, 'ends')


@case
def handlers_that_jump_out_of_waits(folder):
    native, _, trace = compare(folder, program('interruptions', 'jump-wait'))
    require_equal((native.status, native.out), (0, b'jumped out and left: 1, cleanups 1\n'), 'natively')
    trace.require_whole(processes=1, threads=2)
    require_equal([trace.events(kind) for kind in ('fail', 'join-failed')], [2, 1], 'waits that were left')


@case
def cancellation_in_the_middle_of_calls(folder):
    native, _, trace = compare(folder, program('interruptions', 'cancel'))
    require_equal((native.status, native.out), (0, b'cleanups 100\n'), 'natively')
    trace.require_whole(processes=1, threads=101)
    by_threads = 'FROM event JOIN thread ON thread.id = event.thread_id WHERE thread.creator_id IS NOT NULL AND kind ='
    require_equal(trace.value('count(*)', f"{by_threads} 'acquire'"), 100, 'acquisitions in cleanup handlers')
    require_equal(trace.events('thread-end'), 100, 'ends')


@case
def recorder_killed_while_a_timer_ticks(folder):
    recorder = Started(record_command(folder / 'trace.db', program('interruptions', 'ticks')))
    wait_until(lambda: recorder.output(1) == b'begun\n', 'it has begun')
    recorder.signal(signal.SIGKILL)
    wait_until(lambda: recorder.output(1) == b'begun\ndone\n', 'the program goes on to its end')
    recorder.wait(10)


@case
def signals_to_threads_that_have_hardly_begun(folder):
    native, _, trace = compare(folder, program('interruptions', 'start'))
    require_equal((native.status, native.out), (0, b'wrong masks 0\n'), 'natively')
    trace.require_whole(processes=1, threads=2001)
    require_equal(trace.events('thread-end'), 2000, 'ends')


@case
def signals_to_threads_with_masks_of_their_own(folder):
    native, _, trace = compare(folder, program('interruptions', 'start-masked'))
    require_equal((native.status, native.out), (0, b'wrong masks 0\n'), 'natively')
    # Where a handler comes first, it is told as a thread.
    trace.require_whole(processes=1, threads=(1001, 2001))
    starts, ends = trace.events('thread-start'), trace.events('thread-end')
    require_equal(ends, starts - 1, 'ends')


@case
def locks_where_there_is_no_memory(folder):
    native, _, trace = compare(folder, program('interruptions', 'fault'))
    require_equal((native.status, native.out), (0, b'caught 3\n'), 'natively')
    trace.require_whole(processes=1, threads=1)
    require_equal(trace.events('acquire'), 1, 'acquisitions afterwards')


harness.main()
