# SPDX-License-Identifier: MIT
"""Tight limits, little memory, closed descriptors, full disks: the program runs as without Trenza, whatever it costs."""

import resource
import signal

import harness
from harness import TRENZA_FAILED, Trace, case, compare, program, record, record_command, require, require_equal, run

PAIRS = 5000
TARGET = ('lock_pairs', 2, PAIRS)
OUTPUT, STATUS = f'{2 * PAIRS}\n'.encode(), 5


def with_limit_in_target(name, amount, argv):
    """The limit for the target alone, not for the recorder."""
    return ['prlimit', f'--{name}={amount}', *argv]


def with_mounts(script):
    """argv that runs script with mounts of its own; None where the machine forbids it."""
    unshare = harness.own_mounts()
    return unshare and [*unshare, 'sh', '-c', script]


def require_ran(ended, status=STATUS):
    require((ended.status, ended.out) == (status, OUTPUT), str(ended))


@case
def shared_memory_of_one_megabyte(folder):
    argv = record_command(folder / 'trace.db', program(*TARGET))
    small = with_mounts('mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"')
    ended = run([*small, 'sh', *argv] if small else argv, timeout=60)
    require_ran(ended)
    Trace(folder / 'trace.db').require_sound(processes=1, threads=3)
    # What makes it independent of its size: nothing the target has mapped is there.
    maps, _ = record(folder, ['cat', '/proc/self/maps'])
    require(b'/dev/shm' not in maps.out, f'something in /dev/shm is mapped: {maps}')


@case
def file_systems_that_cannot_be_written(folder):
    inside, root = folder / 'inside', folder / 'root'
    for path in (inside, root):
        path.mkdir()
    argv = record_command('trace.db', program(*TARGET))
    unshare = harness.own_mounts()
    if unshare:
        # Only where the trace goes can be written.
        script = 'mount -t tmpfs tmpfs "$1$2" && cd "$1$2" && exec chroot "$1" sh -c \'cd "$1"; shift; "$@"; status=$?; ' \
                 '"$TRENZA" sql trace.db "SELECT count(*) AS n FROM thread" || exit; exit $status\' sh "$2" "${@:3}"'
        ended = run([*unshare, 'sh', '-c', harness.READ_ONLY, 'sh', root, 'bash', '-c', script, 'bash', root, inside, *argv],
                    environment={'TMPDIR': '/nonexistent'})
        require((ended.status, ended.out) == (STATUS, OUTPUT + b'n\n3\n'), str(ended))
    # Without a namespace, only the temporary folder is taken away.
    ended = run(argv, environment={'TMPDIR': '/nonexistent', 'XDG_RUNTIME_DIR': '/nonexistent'}, cwd=inside)
    require_ran(ended)


@case
def little_address_space(folder):
    for megabytes in (40, 80, 200):
        argv = with_limit_in_target('as', megabytes * 1024 * 1024, program(*TARGET))
        native = run(argv)
        ended, trace = record(folder, argv, name=f'{megabytes}.db')
        require((ended.status, ended.out) == (native.status, native.out), f'{megabytes} MB: {ended}\nnatively: {native}')
    trace.require_sound(threads=(3, 4))


@case
def little_address_space_for_the_recorder(folder):
    """Each process would have some 270 MB of it at best."""
    target = ' '.join(program('lock_pairs', 20, 500))
    path = folder / 'trace.db'
    ended = run(with_limit_in_target('as', 1_000_000_000, record_command(
        path, ['sh', '-c', f'for i in 1 2 3 4 5 6 7 8; do {target} & done; wait; exit 4'])))
    require_equal((ended.status, ended.out), (4, b'10000\n' * 8), str(ended))
    # A process counts again when it becomes another program.
    Trace(path).require_sound(processes=17, threads=1 + 8 + 8 * 21)


@case
def few_descriptors(folder):
    for descriptors in (3, 4, 6, 16):
        argv = with_limit_in_target('nofile', descriptors, program(*TARGET))
        native = run(argv)
        ended, trace = record(folder, argv, name=f'{descriptors}.db')
        require((ended.status, ended.out) == (native.status, native.out),
                f'{descriptors} descriptors: {ended}\nnatively: {native}')
    trace.require_sound(threads=(3, 4))


@case
def few_locked_pages_and_processes(folder):
    argv = with_limit_in_target('memlock', 0, with_limit_in_target('stack', 256 * 1024, program(*TARGET)))
    _, _, trace = compare(folder, argv)
    trace.require_sound()


@case
def closed_standard_descriptors(folder):
    for closed in ('0<&-', '1>&-', '2>&-', '0<&- 1>&- 2>&-'):
        shell = ['sh', '-c', f'exec "$@" {closed}', 'sh']
        native = run([*shell, *program(*TARGET)])
        trace = Trace(folder / f'{len(closed)}{closed[0]}.db')
        ended = run([*shell, *record_command(trace.path, program(*TARGET))])
        require((ended.status, ended.out) == (native.status, native.out), f'{closed}: {ended}\nnatively: {native}')
        trace.require_sound(processes=1, threads=3)


@case
def full_disk(folder):
    # The trace of so many pairs is larger; the program itself writes no file.
    target, out = program('lock_pairs', 2, 400000), b'800000\n'
    inside = folder / 'inside'
    inside.mkdir()
    small = with_mounts('mount -t tmpfs -o size=300k tmpfs "$1" && shift && exec "$@"')
    if small:
        require_failed_clearly(run([*small, 'sh', inside, *record_command(inside / 'trace.db', target)]), out)
    # A limit on the size of files meets the shared memory, too: then nothing can be recorded, and that is said.
    require_failed_clearly(run(record_command(folder / 'trace.db', target), preexec_fn=small_files), out)


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200 * 1024, 200 * 1024))


def require_failed_clearly(ended, out):
    """The program ran through; that its trace is not whole is said once, and in the exit status."""
    require_equal(ended.out, out, 'output of the program')
    require_equal(ended.status, TRENZA_FAILED, f'exit status ({ended})')
    require(len(harness.own_lines(ended.err)) >= 1, f'nothing said: {ended}')


@case
def unwritable_output(folder):
    for output in ('/nonexistent/folder/trace.db', '/proc/trace.db', folder):
        ended = run(record_command(output, program(*TARGET)))
        require_equal((ended.status, ended.out), (TRENZA_FAILED, b''), f'output {output}')
        lines = ended.err.decode().splitlines()
        require(len(lines) == 1 and str(output) in lines[0], f'not one clear line: {ended}')


harness.main()
