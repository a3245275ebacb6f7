# SPDX-License-Identifier: MIT
"""Ctrl-C, kill and a hang-up: everything the program has started ends, wherever it has gone, and the report is there."""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import harness
from harness import TRENZA, Trace, case, left_behind, program, require, require_equal, wait_until

# hostile.c: who does not end by itself is killed after 3 s of patience and 2 s of grace, or 5 s after SIGTERM.
LONGEST = 14
SCRIPT = 'setsid sleep 1000 & (setsid sh -c "trap \\"\\" INT TERM HUP; sleep 1000" &) ; sleep 1000; exit 3'
COUNTS_INTERRUPTS = '''
import signal, sys, time
count, until = 0, time.monotonic() + float(sys.argv[2])
def interrupted(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
open(sys.argv[1], 'w').close()
while time.monotonic() < until and not (count and sys.argv[3] == 'ends'):
    time.sleep(0.01)
time.sleep(0.3)
print('interrupts:', count, flush=True)
sys.exit(7)
'''


def hanging(mark, word):
    return sum(word in line for _, line in left_behind(mark) if TRENZA not in line)


def start_check(folder, argv, *options):
    return harness.Started([TRENZA, 'check', f'--format=json:{folder}/report.json', '--format=text', *options, '--', *argv],
                           environment={'TRENZA_TEST_MARK': folder.name}, cwd=folder)


def require_nobody_left(folder):
    try:
        left = left_behind(folder.name)
        require(not left, f'left behind: {left}')
    finally:
        for pid, _ in left_behind(folder.name):
            os.kill(pid, signal.SIGKILL)


def require_interrupted(folder):
    incidents = json.loads((folder / 'report.json').read_text())['runs'][0]['incidents']
    require_equal({incident['what'] for incident in incidents}, {'interrupted'}, 'incidents')
    return incidents[0]['threads']


def interrupt_and_look(folder, number, argv, word, count, *options, status, threads=0):
    started = start_check(folder, argv, *options)
    try:
        wait_until(lambda: hanging(folder.name, word) >= count, f'{argv}: it hangs')
        time.sleep(0.2)
        started.signal(number)
        ended = started.wait(LONGEST)
        require_equal(ended.status, status, f'{signal.Signals(number).name} {argv}: {ended}')
        doing = require_interrupted(folder)
        require(len(doing) >= threads, f'{argv}: what {threads} threads did, not {doing}')
    finally:
        started.kill()
        require_nobody_left(folder)


@case
def what_is_in_other_sessions_ends_too(folder):
    for number in (signal.SIGINT, signal.SIGTERM):
        interrupt_and_look(folder, number, program('hostile', 'session', 'hang'), 'hang', 2, status=128 + number, threads=1)


@case
def who_ignores_everything_is_killed(folder):
    for number in (signal.SIGINT, signal.SIGTERM):
        interrupt_and_look(folder, number, program('hostile', 'ignore', 'session', 'hang'), 'hang', 2,
                           status=128 + signal.SIGKILL, threads=1)


@case
def daemons_that_outlive_the_program_end_with_the_recording(folder):
    for number in (signal.SIGINT, signal.SIGTERM):
        interrupt_and_look(folder, number, program('hostile', 'daemon', 'daemon', 'hang'), 'hang', 1, '--linger=-1', status=0,
                           threads=1)
    interrupt_and_look(folder, signal.SIGINT, program('hostile', 'daemon', 'ignore', 'daemon', 'hang'), 'hang', 1,
                       '--linger=-1', status=0, threads=1)


@case
def a_script_with_children_everywhere_ends_whole(folder):
    # What a shell has in the background ignores SIGINT; two of the sleepers are in sessions of their own.
    interrupt_and_look(folder, signal.SIGINT, ['/bin/sh', '-c', SCRIPT], 'sleep', 4, status=128 + signal.SIGINT)


@case
def record_ends_everything_and_its_trace_is_whole(folder):
    trace = Trace(folder / 'trace.db')
    for number in (signal.SIGINT, signal.SIGTERM):
        started = harness.Started(harness.record_command(trace.path, program('hostile', 'session', 'hang')),
                                  environment={'TRENZA_TEST_MARK': folder.name})
        wait_until(lambda: hanging(folder.name, 'hang') >= 2, 'it hangs')
        started.signal(number)
        ended = started.wait(LONGEST)
        require_nobody_left(folder)
        require_equal(ended.status, 128 + number, str(ended))
        require_equal((trace.meta('ended'), trace.meta('complete')), ('interrupted', '1'), 'meta')


@case
def a_second_request_hurries(folder):
    for first, status in ((signal.SIGINT, 128 + signal.SIGKILL), (signal.SIGTERM, 128 + signal.SIGKILL)):
        started = start_check(folder, program('hostile', 'ignore', 'hang'))
        wait_until(lambda: hanging(folder.name, 'hang') >= 1, 'it hangs')
        begun = time.monotonic()
        for number in (first, signal.SIGTERM, signal.SIGTERM):
            time.sleep(0.4)
            started.signal(number)
        ended = started.wait(LONGEST)
        require_nobody_left(folder)
        require_equal(ended.status, status, str(ended))
        require_interrupted(folder)
        require(time.monotonic() - begun < 4.5, f'not hurried: {ended}')


@case
def a_program_that_handles_it_is_asked_once(folder):
    """Its own status, its own time; kill() reaches only the recorder, which passes it on."""
    argv = [sys.executable, '-c', COUNTS_INTERRUPTS, folder / 'ready', 60, 'ends']
    started = start_check(folder, argv)
    wait_until((folder / 'ready').exists, 'it is ready')
    started.signal(signal.SIGINT)
    ended = started.wait(LONGEST)
    require_nobody_left(folder)
    require_equal((ended.status, ended.out), (7, b'interrupts: 1\n'), str(ended))


@case
def what_is_to_be_ignored_is_ignored(folder):
    """As a background job of a script, or under nohup."""
    argv = [TRENZA, 'check', '--', *program('hostile', 'hang')]
    started = harness.Started(['/bin/sh', '-c', 'trap "" INT HUP; exec "$@"', 'sh', *argv],
                              environment={'TRENZA_TEST_MARK': folder.name})
    wait_until(lambda: hanging(folder.name, 'hang') >= 1, 'it hangs')
    for number in (signal.SIGINT, signal.SIGHUP):
        started.signal(number)
    time.sleep(0.5)
    require(started.process.poll() is None, 'it has ended')
    started.signal(signal.SIGTERM)
    ended = started.wait(LONGEST)
    require_nobody_left(folder)
    require_equal(ended.status, 128 + signal.SIGTERM, str(ended))


@case
def what_a_program_sends_to_its_group_is_its_own(folder):
    """As `kill 0` in a shell; the recorder is in the group, and no part of the program."""
    script = 'trap "" TERM INT HUP QUIT USR1 USR2; for s in TERM INT HUP QUIT USR1 USR2; do kill -$s 0; sleep 0.15; done; ' \
             'echo alive; exit 3'
    ended = start_check(folder, ['/bin/sh', '-c', script]).wait(LONGEST)
    require_nobody_left(folder)
    require_equal((ended.status, ended.out), (3, b'alive\n'), str(ended))
    require_equal(json.loads((folder / 'report.json').read_text())['runs'][0]['incidents'], [], 'incidents')


@case
def signals_that_mean_nothing_here_are_the_programs(folder):
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGQUIT):
        name = signal.Signals(number).name[3:]
        (folder / 'ready').unlink(missing_ok=True)
        started = start_check(folder, ['/bin/sh', '-c', f'trap "echo {name}; exit 6" {name}; : >ready; '
                                       'while :; do sleep 0.05; done'])
        wait_until((folder / 'ready').exists, 'it is ready')
        started.signal(number)
        ended = started.wait(LONGEST)
        require_nobody_left(folder)
        require_equal((ended.status, ended.out), (6, f'{name}\n'.encode()), str(ended))


@case
def who_was_there_before_stays(folder):
    """A shell that has become the recorder had a child."""
    script = 'TRENZA_TEST_MARK= sleep 60 & echo $!; exec "$@"'
    ended = harness.run(['/bin/sh', '-c', script, 'sh', TRENZA, 'check', f'--format=json:{folder}/report.json', '--timeout=1',
                         '--', *program('hostile', 'session', 'hang')], environment={'TRENZA_TEST_MARK': folder.name})
    before = int(ended.out)
    try:
        require_nobody_left(folder)
        require_equal(ended.status, 128 + signal.SIGTERM, str(ended))
        require(ended.seconds < LONGEST, str(ended))
        with open(f'/proc/{before}/comm', encoding='utf-8') as name:
            require_equal(name.read(), 'sleep\n', 'the child from before')
    finally:
        os.kill(before, signal.SIGKILL)


class Terminal:
    """A command in the foreground of a terminal of its own."""

    def __init__(self, folder, argv):
        self.master, slave = pty.openpty()
        environment = {**os.environ, 'TRENZA_TEST_MARK': folder.name, 'NO_COLOR': '1'}
        self.process = subprocess.Popen([str(word) for word in argv], stdin=slave, stdout=slave, stderr=slave, cwd=folder,
                                        env=environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.text = b''

    def press(self, keys):
        os.write(self.master, keys)

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            piece = b''
        self.text += piece
        return piece != b''

    def wait(self, seconds):
        """The exit status as a shell says it."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        while self.read(0):
            pass
        status = self.process.poll()
        if status is None:
            self.process.kill()
            raise AssertionError(f'not over after {seconds} s: {harness.shortened(self.text)}')
        return 128 - status if status < 0 else status

    def close(self):
        os.close(self.master)


def in_terminal(folder, argv):
    return Terminal(folder, [TRENZA, 'check', f'--format=json:{folder}/report.json', '--format=text', '--', *argv])


@case
def a_terminal_interrupts_once(folder):
    terminal = in_terminal(folder, [sys.executable, '-c', COUNTS_INTERRUPTS, folder / 'ready', 60, 'ends'])
    wait_until((folder / 'ready').exists, 'it is ready')
    terminal.press(b'\x03')
    status = terminal.wait(LONGEST)
    terminal.close()
    require_nobody_left(folder)
    require(status == 7 and b'interrupts: 1\r\n' in terminal.text, f'status {status}, {terminal.text}')
    require_interrupted(folder)


@case
def an_interactive_program_goes_on_unless_somebody_insists(folder):
    """Patience would be over after 3 s."""
    argv = [sys.executable, '-c', COUNTS_INTERRUPTS, folder / 'ready', 5, 'goes on']
    terminal = in_terminal(folder, argv)
    wait_until((folder / 'ready').exists, 'it is ready')
    terminal.press(b'\x03')
    status = terminal.wait(LONGEST)
    terminal.close()
    require(status == 7 and b'interrupts: 1\r\n' in terminal.text, f'status {status}, {terminal.text}')

    (folder / 'ready').unlink()
    argv[-2] = 1000
    terminal = in_terminal(folder, argv)
    wait_until((folder / 'ready').exists, 'it is ready')
    for _ in range(3):
        terminal.press(b'\x03')
        time.sleep(0.3)
    status = terminal.wait(LONGEST)
    terminal.close()
    require_nobody_left(folder)
    require_equal(status, 128 + signal.SIGTERM, terminal.text)
    require_interrupted(folder)


@case
def a_terminal_interrupt_ends_who_ignores_it_and_who_has_left(folder):
    for words, status in ((['ignore', 'hang'], 128 + signal.SIGKILL), (['session', 'hang'], 128 + signal.SIGINT)):
        terminal = in_terminal(folder, program('hostile', *words))
        wait_until(lambda: hanging(folder.name, 'hang') >= 1 + ('session' in words), 'it hangs')
        time.sleep(0.2)
        terminal.press(b'\x03')
        got = terminal.wait(LONGEST)
        terminal.close()
        require_nobody_left(folder)
        require_equal(got, status, f'{words}: {terminal.text}')
        require_interrupted(folder)


@case
def a_closed_terminal_ends_what_has_left_it(folder):
    # No text: there is nowhere to write it.
    argv = [TRENZA, 'check', f'--format=json:{folder}/report.json', '--', *program('hostile', 'session', 'hang')]
    terminal = Terminal(folder, ['/bin/sh', '-c', '"$@"; :', 'sh', *argv])
    wait_until(lambda: hanging(folder.name, 'hostile') >= 2, 'it hangs')
    time.sleep(0.2)
    terminal.close()
    terminal.process.wait(LONGEST)
    wait_until((folder / 'report.json').exists, 'the report', LONGEST)
    wait_until(lambda: not left_behind(folder.name), 'all have ended', 2)
    require_interrupted(folder)


if __name__ == '__main__':
    harness.main()
