# SPDX-License-Identifier: MIT
"""Children of forks that do nothing, or not at once: they begin without a word to the recorder, and all are in the trace."""

import os
import signal
import subprocess

import harness
from harness import case, compare, program, require, require_equal

PAIRS = 10


def acquisitions(trace):
    """Of each forked process that has any."""
    return [count for (count,) in trace.rows(
        'acquired', "FROM (SELECT process.id AS id, sum(event.kind = 'acquire') AS acquired FROM process "
        'JOIN thread ON process_id = process.id JOIN event ON event.thread_id = thread.id '
        'WHERE process.parent_id IS NOT NULL GROUP BY process.id) WHERE acquired > 0 ORDER BY id')]


def require_children(trace, count):
    """All have a parent, a program, one thread, and lived for a time."""
    children = trace.rows('executable, parent_id, forked_by, started_ticks, ended_ticks', 'FROM process WHERE id > 1')
    require_equal(len(children), count, 'children')
    executable = trace.value('executable', 'FROM process WHERE id = 1')
    for child in children:
        require(child[0] == executable and child[1] and child[2] and 0 < child[3] <= child[4], f'a child: {child}')
    threads = trace.rows('count(*)', 'FROM thread WHERE process_id > 1 AND started_ticks > 0 AND ended_ticks >= started_ticks '
                         'GROUP BY process_id')
    require_equal(threads, [(1,)] * count, 'their threads')


@case
def children_that_do_nothing(folder):
    _, _, trace = compare(folder, program('newborns', 'silent'))
    trace.require_sound(processes=61, threads=61)
    require_children(trace, 60)
    ends = trace.rows('ended_how, exit_status', 'FROM process WHERE id > 1 ORDER BY started_ticks')
    require_equal(ends, [('gone', None) if i % 4 == 3 else ('exit', i) for i in range(60)], 'their ends')


@case
def more_children_at_once_than_there_are_cradles(folder):
    _, _, trace = compare(folder, program('newborns', 'crowd'))
    trace.require_sound(processes=101, threads=101)
    require_children(trace, 100)
    require_equal(acquisitions(trace), [PAIRS] * 100, 'acquisitions')


@case
def a_child_that_gives_everything_up_before_its_first_lock(folder):
    _, _, trace = compare(folder, program('newborns', 'late'))
    trace.require_sound(processes=2, threads=2)
    require_children(trace, 1)
    require_equal(acquisitions(trace), [PAIRS], 'acquisitions')


@case
def children_of_children(folder):
    _, _, trace = compare(folder, program('newborns', 'line'))
    trace.require_sound(processes=4, threads=4)
    require_children(trace, 3)
    require_equal(acquisitions(trace), [PAIRS] * 3, 'acquisitions')
    require_equal(trace.rows('parent_id', 'FROM process ORDER BY id'), [(None,), (1,), (2,), (3,)], 'parents')


@case
def a_vfork_child_of_one_that_has_done_nothing_yet(folder):
    _, _, trace = compare(folder, program('newborns', 'guest'))
    trace.require_sound(processes=3, threads=3)
    require_equal(sorted(acquisitions(trace)), [PAIRS] * 2, 'acquisitions')
    require_equal(sorted(trace.rows('exit_status', 'FROM process')), [(0,), (7,), (8,)], 'exit statuses')


@case
def a_child_that_becomes_another_program(folder):
    _, _, trace = compare(folder, program('newborns', 'replaced'))
    trace.require_sound(processes=3, threads=3)
    ends = trace.rows('ended_how, exit_status, json_extract(arguments, "$[1]")', 'FROM process WHERE id > 1 ORDER BY id')
    require_equal(ends, [('exec', None, 'replaced'), ('exit', 7, 'leaf')], 'before and after')


@case
def memory_that_is_only_kept_is_given_back(folder):
    for how in ('locked', 'limited'):
        _, _, trace = compare(folder, program('newborns', how))
        trace.require_sound(processes=2, threads=2)
        require_equal(acquisitions(trace), [PAIRS], f'acquisitions, {how}')


@case
def a_child_that_lives_on_in_silence_is_waited_for(folder):
    _, recorded, trace = compare(folder, program('newborns', 'lasting'))
    trace.require_sound(processes=2, threads=2)
    require_children(trace, 1)
    lived = trace.value('(ended_ticks - started_ticks) * 1.0 / (SELECT value FROM meta WHERE name = "ticks_per_second")',
                        'FROM process WHERE id = 2')
    require(0.9 < lived < recorded.seconds, f'it lived for {lived} s')


@case
def a_child_that_outlives_the_recording(folder):
    """What it uses is its own for as long as it lives."""
    sign = folder / 'sign'
    ended, _ = harness.record(folder, program('newborns', 'outliving', sign), options=('--linger', '0'))
    require_equal(ended.status, 0, 'status')
    harness.wait_until(lambda: sign.exists() and sign.read_text() == 'well\n', 'the child is well')


@case
def children_that_have_gone_before_their_parents_are_heard_of(folder):
    _, _, trace = compare(folder, program('newborns', 'lines', '150'))
    trace.require_sound(processes=301, threads=301)
    require_children(trace, 300)


@case
def children_of_parents_that_ended_at_once(folder):
    _, _, trace = compare(folder, program('newborns', 'leaving', '100'))
    trace.require_sound(processes=201, threads=201)
    require_children(trace, 200)


@case
def silent_children_that_become_daemons(folder):
    _, _, trace = compare(folder, program('newborns', 'daemons'))
    trace.require_sound(processes=11, threads=11)
    require_children(trace, 10)
    require_equal(trace.value('count(*)', 'FROM process WHERE forked_by NOT IN (SELECT id FROM thread)'), 0, 'made by nobody')


@case
def signals_while_children_begin(folder):
    _, _, trace = compare(folder, program('newborns', 'signals', '300'))
    processes = trace.rows('count(*), count(DISTINCT pid), sum(ended_ticks > 0)', 'FROM process')
    require_equal(processes, [(302, 302, 302)], 'processes, different ones, that ended')


@case
def forks_while_the_nursery_closes(folder):
    _, _, trace = compare(folder, program('newborns', 'forkers'))
    children = trace.value('count(*)', 'FROM process WHERE id > 1')
    require_equal(acquisitions(trace), [PAIRS] * children, 'acquisitions')


@case
def address_space_that_was_limited_before(folder):
    argv = ['sh', '-c', 'ulimit -v 1100000; exec "$@"', 'sh', *program('newborns', 'eat')]
    native, (recorded, _) = harness.run(argv), harness.record(folder, argv)
    require(int(recorded.out) > int(native.out) // 3, f'8 MB given: {recorded.out} times, natively {native.out}')


@case
def a_filter_that_is_set_by_syscall(folder):
    _, _, trace = compare(folder, program('newborns', 'filter'))
    require_equal(acquisitions(trace), [PAIRS], 'acquisitions')


@case
def a_pid_namespace_made_by_clone(folder):
    _, _, trace = compare(folder, program('newborns', 'spaces'))
    require_equal(trace.value('count(*)', 'FROM process WHERE pid < 3'), 0, 'pids that are of another namespace')
    acquired = trace.rows('count(*)', "FROM event JOIN thread ON thread.id = event.thread_id WHERE event.kind = 'acquire' "
                          'GROUP BY process_id ORDER BY 1')
    require_equal(acquired, [(PAIRS,), (PAIRS,), (2 * PAIRS,)], 'acquisitions')


@case
def the_recorder_dies_before_children_begin(folder):
    started = harness.Started(harness.record_command(folder / 'trace.db', program('newborns', 'filling', '60')))
    harness.wait_until(lambda: (folder / 'trace.db').exists(), 'the recording begins')
    os.kill(started.process.pid, signal.SIGKILL)
    harness.wait_until(lambda: b'slow' in started.output(1), 'the program goes on', 60)
    slow = int(started.output(1).split()[0])
    started.wait()
    require(slow <= 2, f'{slow} children waited for the recorder')


def peak_kilobytes(folder, children):
    """Of the recorder, which runs in the process that is begun."""
    argv = harness.record_command(folder / f'{children}.db', program('newborns', 'locking', str(children)))
    with open(os.devnull, 'wb') as null:
        started = subprocess.Popen([str(word) for word in argv], stdout=null, stderr=null)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = status
    require_equal(status, 0, 'status of the recording')
    return usage.ru_maxrss


@case
def the_recorder_forgets_children_that_have_gone(folder):
    few, many = peak_kilobytes(folder, 100), peak_kilobytes(folder, 2000)
    trace = harness.Trace(folder / '2000.db')
    require_equal(trace.value('count(*)', 'FROM process'), 2001, 'processes')
    require_equal(acquisitions(trace), [PAIRS] * 2000, 'acquisitions')
    require(many < few + 16 * 1024, f'{few} KB with 100 children, {many} KB with 2000')


harness.main()
