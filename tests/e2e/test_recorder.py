# SPDX-License-Identifier: MIT
"""The recorder's own manners: targets that cannot be run, old traces, links, its own death, preloading without it."""

import json
import os
import shutil
import signal
import sqlite3
import stat
import time

import harness
from harness import CANNOT_RUN, NOT_FOUND, PRELOAD, TRENZA_FAILED, Started, Trace, case, compare, own_lines, program, \
    record, record_command, require, require_equal, run, wait_until

PAIRS = 5000
OUTPUT, STATUS = f'{2 * PAIRS}\n'.encode(), 5
TARGET = ('lock_pairs', 2, PAIRS)


def require_refused(folder, argv, status, *words):
    """Refused with one line that has all the words, and no trace is left where there was none."""
    ended, trace = record(folder, argv)
    require_equal(ended.status, status, f'exit status ({ended})')
    lines = ended.err.decode().splitlines()
    require(len(lines) == 1 and all(word in lines[0] for word in words), f'not one clear line: {ended}')
    require(not trace.path.exists(), 'a trace was left')


@case
def program_that_is_not_there(folder):
    require_refused(folder, [folder / 'nothing'], NOT_FOUND, 'nothing')
    require_refused(folder, ['no-such-program-anywhere'], NOT_FOUND, 'no-such-program-anywhere')


@case
def program_that_cannot_be_run(folder):
    plain = folder / 'plain'
    plain.write_text('no program')
    require_refused(folder, [plain], CANNOT_RUN, 'plain')
    plain.chmod(0o755)
    require_refused(folder, [folder], CANNOT_RUN, str(folder))


@case
def static_program(folder):
    native, recorded, trace = compare(folder, program('lock_pairs_static', 2, PAIRS))
    require_equal((native.status, native.out), (STATUS, OUTPUT), 'natively')
    require(any('static' in line for line in own_lines(recorded.err)), f'not said: {recorded}')
    require_equal(trace.rows('what', "FROM coverage WHERE what = 'static'"), [('static',)], 'coverage')


@case
def setuid_program(folder):
    # su is setuid on every Debian; as root it would not matter, so the test becomes nobody.
    def become_nobody():
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    folder.chmod(0o777)
    argv = ['su', '--help']
    native = run(argv, preexec_fn=become_nobody)
    path = folder / 'trace.db'
    ended = run([harness.trenza_for_anybody(folder), 'record', '-o', path, '--', *argv], preexec_fn=become_nobody, cwd=folder)
    trace = Trace(path)
    require_equal((ended.status, ended.out), (native.status, native.out), 'status and output')
    require(any('setuid' in line for line in own_lines(ended.err)), f'not said: {ended}')
    require_equal(trace.rows('what', "FROM coverage WHERE what = 'setuid'"), [('setuid',)], 'coverage')


@case
def script_as_a_program(folder):
    script = folder / 'script'
    script.write_text('#!/bin/sh\nexec "$@"\n')
    script.chmod(0o755)
    _, _, trace = compare(folder, [script, *program(*TARGET)])
    trace.require_sound(processes=2, threads=4)


@case
def old_trace_is_kept(folder):
    path = folder / 'trace.db'
    path.write_bytes(b'precious')
    first, trace = record(folder, program(*TARGET))
    require_equal(first.status, STATUS, 'exit status')
    require_equal((folder / 'trace.db.old').read_bytes(), b'precious', 'the old file')
    trace.require_sound(threads=3)
    # A target that cannot be run takes nothing away.
    content = path.read_bytes()
    record(folder, [folder / 'nothing'])
    require_equal((path.read_bytes() == content, (folder / 'trace.db.old').read_bytes()), (True, b'precious'), 'files')


@case
def link_as_output_is_refused(folder):
    precious = folder / 'precious'
    precious.write_bytes(b'precious')
    (folder / 'trace.db').symlink_to(precious)
    ended, _ = record(folder, program(*TARGET))
    require_equal((ended.status, ended.out), (TRENZA_FAILED, b''), f'refused ({ended})')
    require_equal(precious.read_bytes(), b'precious', 'what the link pointed to')
    require((folder / 'trace.db').is_symlink(), 'the link is gone')


@case
def trace_is_its_owners_alone(folder):
    old = os.umask(0)
    try:
        _, trace = record(folder, program(*TARGET))
    finally:
        os.umask(old)
    require_equal(oct(stat.S_IMODE(trace.path.stat().st_mode)), oct(0o600), 'mode')
    require_equal(sorted(os.listdir(folder)), ['trace.db'], 'files left')


@case
def trace_is_a_plain_database(folder):
    _, trace = record(folder, program(*TARGET))
    with sqlite3.connect(f'file:{trace.path}?mode=ro', uri=True) as connection:
        require_equal(connection.execute('PRAGMA application_id').fetchone()[0], 0x54727A61, 'application_id')
        require_equal(connection.execute('PRAGMA integrity_check').fetchone()[0], 'ok', 'integrity')
        require_equal(connection.execute('PRAGMA foreign_key_check').fetchall(), [], 'foreign keys')
        names = connection.execute('SELECT DISTINCT function FROM symbol').fetchall()
        require(('worker',) in names, f'no symbols: {names}')
        locks = connection.execute("SELECT name FROM object WHERE kind = 'mutex' AND name IS NOT NULL").fetchall()
        require(('counter_lock',) in locks, f'no lock names: {locks}')
        lines = connection.execute("SELECT count(*) FROM source WHERE text LIKE '%pthread_mutex_lock(&counter_lock)%'")
        require(lines.fetchone()[0] >= 1, 'no source lines')


@case
def recording_inside_a_recording(folder):
    inner = folder / 'inner.db'
    ended, outer = record(folder, record_command(inner, program(*TARGET)))
    require((ended.status, ended.out) == (STATUS, OUTPUT), str(ended))
    Trace(inner).require_sound(processes=1, threads=3)
    names = outer.rows('arguments', 'FROM process')
    require(not any('lock_pairs' in json.loads(arguments)[0] for (arguments,) in names), f'recorded twice: {names}')


@case
def other_preloaded_libraries_and_sanitizers(folder):
    other = {'LD_PRELOAD': 'libm.so.6'}
    _, _, trace = compare(folder, program(*TARGET), environment=other)
    trace.require_sound(processes=1, threads=3)
    _, _, trace = compare(folder, program('lock_pairs_asan', 2, PAIRS))
    trace.require_sound(processes=1, threads=3)


@case
def signals_to_the_program_are_its_own(folder):
    ended, trace = record(folder, ['sh', '-c', 'kill -USR1 $$; echo not reached'])
    require_equal((ended.status, ended.out), (128 + signal.SIGUSR1, b''), 'killed by a signal')
    ended, trace = record(folder, ['sh', '-c', 'trap "echo got it; exit 3" TERM; kill -TERM $$'])
    require_equal((ended.status, ended.out), (3, b'got it\n'), 'handles a signal')
    trace.require_whole(processes=1)


@case
def preloaded_without_a_recorder(folder):
    ended = run(program(*TARGET), environment={'LD_PRELOAD': PRELOAD, 'PATH': f'{os.path.dirname(harness.TRENZA)}:/usr/bin:/bin'},
                cwd=folder)
    require((ended.status, ended.out) == (STATUS, OUTPUT), str(ended))
    wait_until(lambda: list(folder.glob('*.db')), 'a trace appears')
    trace = Trace(list(folder.glob('*.db'))[0])
    wait_until(lambda: not list(folder.glob('*-journal')) and not list(folder.glob('*-wal')), 'the trace is closed')
    wait_until(lambda: trace.meta('complete') == '1', 'the trace is complete')
    trace.require_sound(processes=1, threads=3)


@case
def preloaded_where_no_recorder_can_be(folder):
    alone = folder / 'alone.so'
    shutil.copy(PRELOAD, alone)
    ended = run(program(*TARGET), environment={'LD_PRELOAD': str(alone), 'PATH': '/nonexistent'}, cwd=folder)
    require((ended.status, ended.out) == (STATUS, OUTPUT), str(ended))


@case
def recorder_killed_in_the_middle(folder):
    recorder = Started(record_command(folder / 'trace.db', program('lock_pairs', 2, 3_000_000, folder / 'tally')))
    wait_until(lambda: (folder / 'tally').exists() and sum(harness.tally(folder / 'tally')[0]) > 20000, 'it runs')
    recorder.signal(signal.SIGKILL)
    wait_until(lambda: harness.tally(folder / 'tally')[1] == 1, 'the program goes on to its end', seconds=40)
    wait_until(lambda: recorder.output(1) == b'6000000\n', 'its output')
    recorder.wait(10)
    # What had been written is readable, or refused in one clear line.
    checked = run([harness.TRENZA, 'check', folder / 'trace.db'])
    require(checked.status in (0, TRENZA_FAILED) and len(checked.err.splitlines()) <= 2, str(checked))


@case
def recorder_stopped_for_a_while(folder):
    recorder = Started(record_command(folder / 'trace.db', program('lock_pairs', 2, 300_000, folder / 'tally')))
    wait_until(lambda: (folder / 'tally').exists() and sum(harness.tally(folder / 'tally')[0]) > 2000, 'it runs')
    recorder.signal(signal.SIGSTOP)
    time.sleep(0.5)
    recorder.signal(signal.SIGCONT)
    ended = recorder.wait(60)
    require((ended.status, ended.out) == (STATUS, b'600000\n'), str(ended))
    Trace(folder / 'trace.db').require_whole(processes=1, threads=3)


@case
def interrupted_recorder_ends_the_program(folder):
    recorder = Started(record_command(folder / 'trace.db', ['sleep', '60']))
    wait_until(lambda: run(['ps', '-o', 'args=', '--ppid', recorder.process.pid]).out.startswith(b'sleep'), 'it runs')
    recorder.signal(signal.SIGTERM)
    ended = recorder.wait(20)
    require(ended.status != 0 and ended.seconds < 20, str(ended))
    require_equal(Trace(folder / 'trace.db').meta('ended'), 'interrupted', 'meta ended')


@case
def dropping_is_counted(folder):
    argv = program('lock_pairs', 2, 400_000)
    ended, trace = record(folder, argv, options=['--on-full=drop'])
    require((ended.status, ended.out) == (STATUS, b'800000\n'), str(ended))
    lost, events = trace.rows('sum(lost), sum(events)', 'FROM thread')[0]
    require(lost + events >= 2 * 800_000, f'{events} events and {lost} lost')
    require(lost == 0 or any('lost' in line for line in own_lines(ended.err)), f'{lost} lost, not said: {ended}')


harness.main()
