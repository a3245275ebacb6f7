# SPDX-License-Identifier: MIT
"""What the end-to-end tests have in common: run a program natively and under `trenza record`, compare, look at the trace.

Every test file defines cases with @case and ends in main(); the outcome is TAP, one line a case. A case gets a folder of
its own and fails by an exception. Nothing runs without a time limit. From the environment: TRENZA (the command),
TRENZA_PRELOAD (the library), TRENZA_E2E_PROGRAMS (where meson puts the programs built from this folder).
"""

import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import std_order

TRENZA = os.environ.get('TRENZA', 'trenza')
PRELOAD = os.environ.get('TRENZA_PRELOAD', '')
PROGRAMS = Path(os.environ.get('TRENZA_E2E_PROGRAMS', '.'))

TRENZA_FAILED, CANNOT_RUN, NOT_FOUND, FOUND_SOMETHING = 125, 126, 127, 66
# Reading a large trace line by line in Python would take minutes: the order is then checked on its beginning.
ORDER_LINES = 400_000

_cases = []


def case(function):
    _cases.append(function)
    return function


def require(condition, message):
    if not condition:
        raise AssertionError(message)


def require_equal(got, expected, what):
    require(got == expected, f'{what}: {shortened(got)} instead of {shortened(expected)}')


def shortened(value, length=2000):
    text = value.decode(errors='replace') if isinstance(value, bytes) else str(value)
    return text if len(text) <= length else f'{text[:length // 2]} [...] {text[-length // 2:]}'


def program(name, *arguments):
    return [str(PROGRAMS / name), *map(str, arguments)]


class Ended:
    """How a program ended: status as a shell says it, out and err as bytes, seconds."""

    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    def __str__(self):
        return f'status {self.status} after {self.seconds:.1f} s\nout: {shortened(self.out)}\nerr: {shortened(self.err)}'


class Started:
    """A running program in a process group of its own; its output goes to files, so that a daemon that keeps them open
    delays nobody."""

    def __init__(self, argv, *, environment=None, input=b'', **more):
        self.argv = [str(word) for word in argv]
        self.files = [tempfile.TemporaryFile() for _ in range(3)]
        self.files[0].write(input)
        self.files[0].seek(0)
        self.begun = time.monotonic()
        self.process = subprocess.Popen(self.argv, stdin=self.files[0], stdout=self.files[1], stderr=self.files[2],
                                        env={**os.environ, **(environment or {})}, start_new_session=True, **more)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def output(self, number):
        # Through /proc: the program's own position in the file must not move.
        with open(f'/proc/self/fd/{self.files[number].fileno()}', 'rb') as copy:
            return copy.read()

    def wait(self, timeout=60):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
            raise AssertionError(f'{self.argv} hung for {timeout} s\nout: {shortened(self.output(1))}\n'
                                 f'err: {shortened(self.output(2))}') from None
        ended = Ended(128 - code if code < 0 else code, self.output(1), self.output(2), time.monotonic() - self.begun)
        for file in self.files:
            file.close()
        return ended


def run(argv, *, timeout=60, **more):
    return Started(argv, **more).wait(timeout)


def trenza_for_anybody(folder):
    """A trenza in folder: the build may lie where other users cannot go, as in /root. It finds the library beside itself."""
    for file in (TRENZA, PRELOAD):
        shutil.copy(file, folder)
    return folder / Path(TRENZA).name


def own_mounts():
    """argv that goes before a command to give it mounts of its own; None where the machine forbids it."""
    for unshare in (['unshare', '-m'], ['unshare', '-rm']):
        if run([*unshare, 'mount', '-t', 'tmpfs', 'tmpfs', '/dev/shm']).status == 0:
            return unshare
    return None


# sh -c READ_ONLY sh ROOT COMMAND...: goes on as COMMAND with nothing that can be written, to which it adds what it likes, at
# ROOT. All is bound there, for the present root need not be a mount point. That it holds is looked at, not believed.
READ_ONLY = '''
root=$1
shift
mount --rbind / "$root" || exit 99
for point in $(cut -d' ' -f5 /proc/self/mountinfo | grep "^$root" | grep -v "^$root/\\(proc\\|sys\\|dev\\)"); do
    mount -o remount,ro,bind "$point" 2>/dev/null
done
for folder in / /etc /tmp /var/tmp /root "$PWD"; do
    if (: >"$root$folder/written-by-a-test") 2>/dev/null; then
        echo "$folder can be written" >&2
        exit 99
    fi
done
exec "$@"
'''


def record_command(trace, argv, *options):
    return [TRENZA, 'record', '-o', str(trace), *options, '--', *map(str, argv)]


def record(folder, argv, *, options=(), timeout=90, name='trace.db', **more):
    """Runs argv under trenza record: (how it ended, its trace)."""
    path = folder / name
    ended = run(record_command(path, argv, *options), timeout=timeout, **more)
    return ended, Trace(path)


def compare(folder, argv, *, timeout=60, options=(), mask=lambda out: out, **more):
    """Runs argv natively and recorded, and requires the same exit status and output. -> (native, recorded, trace)"""
    native = run(argv, timeout=timeout, **more)
    recorded, trace = record(folder, argv, timeout=timeout * 2, options=options, **more)
    require(recorded.status == native.status, f'{argv}: recorded: {recorded}\nnatively: {native}')
    require_equal_output(mask(recorded.out), mask(native.out), str(argv))
    require_same_errors(recorded, native, mask)
    return native, recorded, trace


def require_equal_output(got, expected, what):
    if got == expected:
        return
    lines = itertools.zip_longest(got.splitlines(), expected.splitlines(), fillvalue=b'(end)')
    differing = [f'line {number}: {a.decode(errors="replace")} instead of {b.decode(errors="replace")}'
                 for number, (a, b) in enumerate(lines, 1) if a != b]
    raise AssertionError(f'{what}: output differs\n' + '\n'.join(differing[:10]))


def own_lines(err):
    """The lines of a recorded program's stderr that are Trenza's."""
    return [line for line in err.decode(errors='replace').splitlines() if line.startswith('trenza')]


def require_same_errors(recorded, native, mask):
    others = [line for line in recorded.err.splitlines() if not line.startswith(b'trenza')]
    require_equal_output(mask(b'\n'.join(others)), mask(b'\n'.join(native.err.splitlines())), 'stderr')


class Trace:
    def __init__(self, path):
        self.path = path

    def rows(self, columns, rest=''):
        """SELECT columns rest, through `trenza sql`, as tuples."""
        ended = run([TRENZA, 'sql', self.path, f'SELECT json_array({columns}) {rest}'], timeout=120)
        require(ended.status == 0, f'trenza sql {columns} {rest}: {ended}')
        return [tuple(json.loads(line)) for line in ended.out.decode().splitlines() if line.startswith('[')]

    def value(self, column, rest=''):
        rows = self.rows(column, rest)
        require(len(rows) == 1, f'{column} {rest}: {len(rows)} rows')
        return rows[0][0]

    def meta(self, name):
        return self.value('value', f"FROM meta WHERE name = '{name}'")

    def events(self, kind):
        return self.value('count(*)', f"FROM event WHERE kind = '{kind}'")

    def require_whole(self, *, processes=None, threads=None, stopped=False):
        """Nothing lost, everything accounted for. processes, threads: a number, or a (least, most)."""
        require(self.path.exists(), f'no trace {self.path}')
        require_equal(self.meta('complete'), '1', 'meta complete')
        lost, counted = self.rows('coalesce(sum(lost), 0), coalesce(sum(events), 0)', 'FROM thread')[0]
        require_equal(lost, 0, 'events lost')
        require_equal(self.value('coalesce(sum(events), 0)', 'FROM chunk'), counted, 'events in chunks')
        if counted < 5_000_000:
            require_equal(self.value('count(*)', 'FROM event'), counted, 'rows of the table event')
        unrecorded = self.rows('pid, threads_unrecorded, objects_unrecorded, stopped',
                               'FROM process WHERE threads_unrecorded OR objects_unrecorded OR stopped IS NOT NULL')
        if not stopped:
            require_equal(unrecorded, [], 'processes recorded in part')
        self.require_count(processes, 'process')
        self.require_count(threads, 'thread')
        return counted

    def require_count(self, expected, table):
        count = self.value('count(*)', f'FROM {table}')
        if expected is not None:
            least, most = expected if isinstance(expected, tuple) else (expected, expected)
            require(least <= count <= most, f'{count} rows in {table} instead of {expected}')

    def require_order(self, lines=ORDER_LINES):
        """No lock has two owners in the merged order."""
        exporter = subprocess.Popen([TRENZA, 'export', '--format=std', str(self.path)], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        complaints = std_order.complaints(itertools.islice(exporter.stdout, lines))
        whole = exporter.stdout.read(1) == ''
        exporter.stdout.close()
        if not whole:
            exporter.kill()
        errors = exporter.stderr.read()
        exporter.stderr.close()
        status = exporter.wait()
        require(not whole or status == 0, f'trenza export: status {status}, {errors}')
        require(not complaints, f'order ({len(complaints)} complaints): ' + '; '.join(complaints[:5]))

    def findings(self, *options):
        """The JSON report's findings; requires that the report is well-formed and its numbers those of the trace."""
        ended = run([TRENZA, 'check', '--format=json', *options, self.path], timeout=120)
        require(ended.status in (0, FOUND_SOMETHING), f'trenza check: {ended}')
        report = json.loads(ended.out)
        require_equal(report['schema'], 'trenza-report/1', 'schema')
        require_equal(report['runs'][0]['events'], self.value('coalesce(sum(events), 0)', 'FROM thread'), 'events in the report')
        errors = [finding for finding in report['findings'] if finding['level'] == 'error' and not finding['suppressed']]
        require_equal(ended.status, FOUND_SOMETHING if errors else 0, 'exit status of trenza check')
        return report['findings']

    def require_clean(self, *, except_rules=()):
        """No finding of level error, save by the rules named: what the program does on purpose."""
        errors = [f'{finding["rule"]} ({finding["verdict"]}): {finding["message"]} {places(finding)}'
                  for finding in self.findings() if finding['level'] == 'error' and finding['rule'] not in except_rules]
        require(not errors, 'findings:\n' + '\n'.join(errors[:5]))

    def require_sound(self, *, except_rules=(), **expected):
        events = self.require_whole(**expected)
        self.require_order()
        self.require_clean(except_rules=except_rules)
        return events


def places(finding):
    return [' < '.join(f'{frame["function"]}:{frame["line"]}' for frame in step['stack'][:6]) for step in finding['steps']]


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        require(time.monotonic() < end, f'{what}: not after {seconds} s')
        time.sleep(0.02)


def left_behind(mark):
    """Processes with TRENZA_TEST_MARK=mark in their environment. Zombies are somebody's, but no longer there."""
    found = []
    for path in Path('/proc').glob('[0-9]*'):
        try:
            if f'TRENZA_TEST_MARK={mark}'.encode() in (path / 'environ').read_bytes().split(b'\0'):
                found.append((int(path.name), (path / 'cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace')))
        except OSError:
            pass
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def generated_bytes(size, seed=1):
    """Data that compresses neither well nor badly, the same each time."""
    generator = random.Random(seed)
    words = [generator.randbytes(generator.randint(2, 12)) for _ in range(2000)]
    pieces, length = [], 0
    while length < size:
        piece = b' '.join(generator.choices(words, k=500))
        pieces.append(piece)
        length += len(piece)
    return b''.join(pieces)[:size]


def tally(path):
    """(pairs per thread, done) as tally.h has them."""
    numbers = path.read_bytes()
    words = [int.from_bytes(numbers[at:at + 8], 'little') for at in range(0, len(numbers), 8)]
    return words[:8], words[8]


def main():
    # What nohup and background jobs ignore, the programs would ignore as well.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chosen = sys.argv[1:]
    selected = [function for function in _cases if not chosen or any(part in function.__name__ for part in chosen)]
    print(f'1..{len(selected)}', flush=True)
    failed = 0
    for number, function in enumerate(selected, 1):
        name = function.__name__.replace('_', ' ')
        folder = Path(tempfile.mkdtemp(prefix='trenza-e2e-'))
        begun = time.monotonic()
        try:
            function(folder)
            print(f'ok {number} - {name} # {time.monotonic() - begun:.1f} s', flush=True)
        except Exception as error:
            failed += 1
            print(f'not ok {number} - {name}')
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            print('\n'.join('# ' + re.sub(r'[^\x20-\x7e]', '?', line) for line in text.splitlines()), flush=True)
        if failed and os.environ.get('TRENZA_E2E_KEEP'):
            print(f'# kept {folder}', flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed else 0)
