# SPDX-License-Identifier: MIT
"""Children in every way a program can make them, replaced programs and daemons: all are in the trace, whole."""

import harness
from harness import case, compare, program, record, require, require_equal, run, tally, wait_until

LEAF_PAIRS = 1000


def leaves(trace):
    """Acquisitions per process that ran `children leaf`, by count."""
    return [acquired for (acquired,) in trace.rows(
        "(SELECT count(*) FROM event JOIN thread ON thread.id = event.thread_id "
        "WHERE thread.process_id = process.id AND event.kind = 'acquire')",
        "FROM process WHERE json_extract(arguments, '$[1]') = 'leaf'")]


def require_leaves(trace, count):
    found = leaves(trace)
    require(len(found) == count and all(LEAF_PAIRS <= acquired <= LEAF_PAIRS + 20 for acquired in found),
            f'acquisitions of the leaves: {found}, expected {count} times {LEAF_PAIRS}')


@case
def fork_while_others_lock(folder):
    native, _, trace = compare(folder, program('children', 'fork'))
    require(native.out.endswith(b'fork: status 29\nend\n'), f'natively: {native}')
    trace.require_sound(processes=21, threads=3 + 20 * 2)
    require_equal(trace.value('count(*)', 'FROM process WHERE forked_by IS NOT NULL'), 20, 'forked processes')
    statuses = sorted(status for (status,) in trace.rows('exit_status', 'FROM process WHERE forked_by IS NOT NULL'))
    require_equal(statuses, list(range(10, 30)), 'their exit statuses')
    require_equal(len(set(trace.rows('executable || arguments', 'FROM process'))), 1, 'programs they run')
    modules = trace.rows('process_id, group_concat(name)',
                         'FROM (SELECT process_id, path || start || build_id AS name FROM mapping '
                         'JOIN module ON module.id = module_id ORDER BY process_id, path) GROUP BY process_id')
    require_equal(len(modules), 21, 'processes with modules')
    require_equal(len({names for _, names in modules}), 1, 'sets of modules')


@case
def forks_inside_of_calls(folder):
    native, _, trace = compare(folder, program('forks_inside'))
    require_equal(native.out, b''.join(b'%s %d: status %d\n' % (what, way, 40 + way) for way in range(3)
                                       for what in (b'once', b'sem_wait')), 'natively')
    trace.require_sound(processes=7, threads=7)
    acquired = trace.rows("(SELECT count(*) FROM event WHERE event.thread_id = thread.id AND kind = 'acquire')",
                          'FROM thread WHERE process_id > 1')
    require_equal(acquired, [(2,)] * 6, 'acquisitions of the children')
    require_equal(trace.value('count(*)', 'FROM process WHERE forked_by = 1'), 6, 'forked processes')


@case
def filter_of_system_calls(folder):
    native, _, trace = compare(folder, program('filtered'))
    require_equal((native.status, native.out), (9, b'locked\n'), 'natively')
    trace.require_sound(processes=1, threads=1)
    require_equal(trace.events('acquire'), 3 * 3000, 'acquisitions')
    require_equal(trace.value('exit_status', 'FROM process'), 9, 'exit status')


@case
def vfork_and_exec(folder):
    native, _, trace = compare(folder, program('children', 'vfork'))
    require(native.out.count(b'leaf\n') == 5, f'natively: {native}')
    trace.require_sound(processes=6)
    require_leaves(trace, 5)


@case
def posix_spawn_also_with_a_cleaned_environment(folder):
    native, _, trace = compare(folder, program('children', 'spawn'))
    require(native.out.count(b'leaf\n') == 4, f'natively: {native}')
    trace.require_sound(processes=(5, 6))
    require_leaves(trace, 4)


@case
def shells_between(folder):
    native, _, trace = compare(folder, program('children', 'shell'))
    require(native.out.count(b'leaf\n') == 2, f'natively: {native}')
    trace.require_sound(processes=(3, 5))
    require_leaves(trace, 2)


def exec_in_the_same_process(folder, how, images=2):
    native, _, trace = compare(folder, program('children', how))
    require_equal((native.status, native.out), (7, b'leaf\n'), 'natively')
    trace.require_sound(processes=images)
    require_leaves(trace, 1)
    require_equal(trace.value('count(DISTINCT pid)', 'FROM process'), 1, 'process ids')
    require_equal(trace.value('count(*)', "FROM process WHERE ended_how = 'exec'"), images - 1, 'images replaced')


@case
def exec_keeps_on_recording(folder):
    for how in ('execv', 'execl', 'execvp'):
        exec_in_the_same_process(folder, how)


@case
def exec_with_a_cleaned_environment_keeps_on_recording(folder):
    for how in ('execve-clean', 'execle-clean', 'execvpe-clean', 'clearenv'):
        exec_in_the_same_process(folder, how)
    exec_in_the_same_process(folder, 'execlp-env', images=3)


@case
def exec_from_another_thread(folder):
    exec_in_the_same_process(folder, 'from-a-thread')


@case
def daemon_that_closes_everything(folder):
    pairs = 20000
    for name in ('native', 'recorded'):
        argv = program('daemon', pairs, folder / name)
        if name == 'native':
            ended = run(argv)
        else:
            ended, trace = record(folder, argv)
        require_equal((ended.status, ended.out, harness.own_lines(ended.err) if name == 'native' else []), (0, b'', []), name)
        wait_until(lambda name=name: tally(folder / name)[1] == 1, f'the daemon is done, {name}')
    trace.require_sound(processes=3)
    done = sum(tally(folder / 'recorded')[0])
    require_equal(done, 2 * pairs, 'pairs done')
    acquired = trace.value('count(*)', "FROM event WHERE kind = 'acquire' AND thread_id IN "
                           '(SELECT id FROM thread WHERE creator_id IS NOT NULL)')
    require_equal(acquired, done, 'acquisitions of the daemon')


harness.main()
