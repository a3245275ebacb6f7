# SPDX-License-Identifier: MIT
"""Other libraries: such as use locks before this library's constructor and fork handler have run, or bring an allocator."""

import signal

import harness
from harness import PRELOAD, Trace, case, compare, program, require, require_equal, run, wait_until

OUT = b'status 3\nstatus 4\n'


def require_family(trace):
    trace.require_sound(processes=3, threads=3)
    require_equal(trace.value('count(*)', 'FROM process WHERE forked_by = 1'), 2, 'processes forked by the main thread')
    acquired = [count for (count,) in trace.rows(
        "(SELECT count(*) FROM event WHERE event.thread_id = thread.id AND kind = 'acquire')", 'FROM thread ORDER BY id')]
    require_equal(acquired[1:], [2, 1], 'acquisitions of the children')
    return acquired[0]


@case
def constructors_that_lock(folder):
    native, _, trace = compare(folder, program('early_use'))
    require_equal((native.status, native.out), (0, OUT), 'natively')
    require_equal(require_family(trace), 2, 'acquisitions of the parent')


@case
def constructors_that_lock_before_there_is_a_recorder(folder):
    ended = run(program('early_use'), environment={'LD_PRELOAD': PRELOAD, 'TRENZA_PROGRAM': harness.TRENZA}, cwd=folder)
    require_equal((ended.status, ended.out), (0, OUT), 'the program')
    trace = Trace(folder / 'trenza.db')
    wait_until(lambda: trace.path.exists() and trace.meta('complete') == '1', 'the trace is complete')
    require_equal(require_family(trace), 1, 'acquisitions of the parent after the start of the recorder')


@case
def names_that_only_old_programs_use(folder):
    native, _, trace = compare(folder, program('old_names'))
    require_equal((native.status, native.out), (0, b'errors 0, busy 16, ran 1, status 7\n'), 'natively')
    trace.require_sound(processes=2, threads=2)
    counts = {kind: trace.events(kind) for kind in ('acquire', 'fail', 'release', 'acquire-shared', 'once-begin', 'fork')}
    require_equal(counts, {'acquire': 2, 'fail': 1, 'release': 3, 'acquire-shared': 1, 'once-begin': 1, 'fork': 1}, 'events')


@case
def no_signal_tells_of_the_recorder(folder):
    def block_signals():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    for environment in {}, {'LD_PRELOAD': PRELOAD, 'TRENZA_PROGRAM': harness.TRENZA}:
        ended = run(['grep', 'Pnd', '/proc/self/status'], environment=environment, cwd=folder, preexec_fn=block_signals)
        require_equal(ended.out, b'SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n', 'pending signals')
    require((folder / 'trenza.db').exists(), 'no trace')


@case
def no_recorder_costs_little_address_space(folder):
    sizes = []
    for environment in {}, {'LD_PRELOAD': PRELOAD, 'TRENZA_SESSION': str(folder / 'nobody')}:
        ended = run(['grep', 'VmSize', '/proc/self/status'], environment=environment)
        sizes.append(int(ended.out.split()[1]))
    require(sizes[1] - sizes[0] < 20_000, f'kB of address space natively and preloaded: {sizes}')


@case
def allocators_that_do_not_tell_sizes(folder):
    native, _, trace = compare(folder, program('own_allocations'))
    require_equal((native.status, native.out), (0, b'done\n'), 'natively')
    trace.require_sound(processes=1, threads=1)
    require_equal(trace.value('count(*)', "FROM object WHERE kind = 'mutex' AND ended_how = 'freed'"), 1000, 'freed')


harness.main()
