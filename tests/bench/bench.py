# SPDX-License-Identifier: MIT
"""Measures what recording costs, side by side with no recording and with other tools. Never passes or fails by time.

bench.py capture       a lock and unlock pair, twelve frames deep: natively, under trenza record, helgrind, drd,
                       ThreadSanitizer and LTTng's pthread wrapper
bench.py throughput    redis, memcached, pbzip2, a C++ thread pool, CPython threads, contended locks, and all of `short`:
                       natively and under trenza record, in balanced order, with an interval of the ratio
bench.py short         threads and processes that live for nothing, and the start of a recording
bench.py peers         the programs of the two above that a peer can run, once under helgrind and drd
bench.py growth [N]    recording 1e5 events and ten times as many, up to N (1e7); reading traces of so many events, of more
                       and more threads and locks, the worst ones, and a thousand at once
bench.py window [N]    opening traces of 1e4, 1e6 ... up to N (1e7) events in the window, and its frames while one moves about

Everything of one table is measured in one run, in turns, and the medians are compared: on a machine whose speed wanders
only the ratios mean something. Whatever cannot be run is said in the table. From the environment: TRENZA, and
TRENZA_BENCH_PROGRAMS, the folder of lock_pair and the other programs; TRENZA_BENCH_ROUNDS=0.2 makes a fifth of the rounds of
throughput and short.
"""

import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import growth as reading
import paired
import programs
import window
from programs import CannotRun, run

TRENZA = os.environ.get('TRENZA', 'trenza')
PROGRAMS = Path(os.environ.get('TRENZA_BENCH_PROGRAMS', '.'))
NOBODY = 65534


# --- capture ----------------------------------------------------------------------------------------------------

class Tool:
    """Runs lock_pair in one way. `share`: what part of the pairs it does, because some are very slow."""

    def __init__(self, name, share, prefix=(), binary='lock_pair', environment=None):
        self.name, self.share, self.prefix, self.binary, self.environment = name, share, prefix, binary, environment
        self.identity = {}
        self.problem = None
        # (threads, way) -> of each round:
        self.ns = {}      # ns per pair by the clock
        self.cpu = {}     # ns of the thread's own processor time per pair
        self.seconds = {} # seconds per pair of the whole run

    def measure(self, variant, pairs):
        threads, way = variant
        pairs = max(1000, int(pairs * self.share))
        argv = [*self.prefix, PROGRAMS / self.binary, threads, pairs, way]
        try:
            seconds, out = run(argv, environment=self.environment, **self.identity)
            nanoseconds, cpu = map(float, out.split()[-2:])
        except (CannotRun, ValueError) as error:
            self.problem = str(error)
            return
        self.ns.setdefault(variant, []).append(nanoseconds)
        self.cpu.setdefault(variant, []).append(cpu)
        self.seconds.setdefault(variant, []).append(seconds / pairs)


class LttngSession:
    """A session daemon of our own in a temporary home, recording the events of LTTng's pthread wrapper to disk."""

    def __init__(self, folder):
        self.home = folder / 'lttng'
        self.home.mkdir()
        self.daemon = None
        # Root's daemon would be the machine's; a plain user's is its own.
        self.identity = {}
        if os.getuid() == 0:
            for path in (folder, self.home):
                os.chown(path, NOBODY, NOBODY)
            self.identity = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        self.environment = {'HOME': str(self.home), 'LTTNG_HOME': str(self.home), 'LTTNG_UST_REGISTER_TIMEOUT': '-1',
                            'LANG': 'C'}

    def lttng(self, *words):
        run(['lttng', '--no-sessiond', *words], environment=self.environment, limit=30, **self.identity)

    def begin(self):
        try:
            self.daemon = subprocess.Popen(['lttng-sessiond', '--no-kernel'], env={**os.environ, **self.environment},
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                           **self.identity)
        except OSError as error:
            raise CannotRun(f'lttng-sessiond: {error.strerror}') from None
        for attempt in range(50):
            try:
                self.lttng('create', 'bench', f'--output={self.home}/trace')
                break
            except CannotRun:
                if attempt == 49:
                    raise
                time.sleep(0.1)
        self.lttng('enable-event', '-u', 'lttng_ust_pthread:*')
        self.lttng('start')

    def end(self):
        if not self.daemon:
            return
        try:
            self.lttng('destroy', 'bench')
        except CannotRun:
            pass
        self.daemon.terminate()
        try:
            self.daemon.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.daemon.pid, signal.SIGKILL)
            self.daemon.wait()


def lttng_wrapper():
    for folder in Path('/usr/lib').glob('*-linux-gnu'):
        for name in ('liblttng-ust-pthread-wrapper.so', 'liblttng-ust-pthread-wrapper.so.1'):
            if (folder / name).exists():
                return folder / name
    return None


def capture(folder, rounds=5, pairs=4_000_000):
    folder.chmod(0o755)
    native = Tool('native', 1)
    trace = folder / 'trace.db'
    tools = [native,
             Tool('trenza record', 1, [TRENZA, 'record', '-o', trace, '--']),
             Tool('ThreadSanitizer', 0.1, ['setarch', '-R'], 'lock_pair_tsan', {'TSAN_OPTIONS': 'report_bugs=0'}),
             Tool('helgrind', 0.003, ['valgrind', '-q', '--tool=helgrind']),
             Tool('drd', 0.003, ['valgrind', '-q', '--tool=drd'])]
    wrapper = lttng_wrapper()
    session = LttngSession(folder)
    lttng = Tool('LTTng pthread wrapper', 0.05, environment={**session.environment, 'LD_PRELOAD': str(wrapper)})
    lttng.identity = session.identity
    tools.append(lttng)
    try:
        if not wrapper:
            lttng.problem = 'liblttng-ust-pthread-wrapper.so is not installed'
        else:
            try:
                session.begin()
            except CannotRun as error:
                lttng.problem = str(error)
        for _ in range(rounds):
            for variant in CAPTURE_VARIANTS:
                for tool in tools:
                    if not tool.problem:
                        tool.measure(variant, pairs)
                    trace.unlink(missing_ok=True)
                    trace.with_name('trace.db.old').unlink(missing_ok=True)
    finally:
        session.end()
    print(f'A lock and unlock pair, uncontended, 12 frames deep, full stacks; medians of {rounds} rounds, ratios to native.')
    print('call: every pair goes down the 12 calls anew. loop: nothing but lock and unlock in the innermost one.')
    print('time: by the clock around the pairs. cpu: of that, the processor time of the locking thread itself.')
    print('whole: the whole run per pair, for trenza to a complete trace on disk; for the tools that do fewer pairs their')
    print(f'start is in it. Native does {pairs:,} pairs per thread.')
    for variant in CAPTURE_VARIANTS:
        threads, way = variant
        title = f'{threads} thread{"s" if threads > 1 else ""}, {way}'
        print(f'\n{title:24}{"time":>12}{"ratio":>9}{"cpu":>9}{"whole":>9}')
        for tool in tools:
            print(f'{tool.name:24}{capture_columns(tool, native, variant)}' if not tool.problem else
                  f'{tool.name:24}could not be run: {tool.problem}')


CAPTURE_VARIANTS = ((1, 'call'), (2, 'call'), (1, 'loop'))


def capture_columns(tool, native, variant):
    if not tool.ns.get(variant) or not native.ns.get(variant):
        return f'{"-":>39}'
    ratios = [median(of_tool[variant]) / median(of_native[variant]) for of_tool, of_native in
              ((tool.ns, native.ns), (tool.cpu, native.cpu), (tool.seconds, native.seconds))]
    return f'{median(tool.ns[variant]):>9.1f} ns' + ''.join(f'{ratio:>9.2f}' for ratio in ratios)


# --- throughput -------------------------------------------------------------------------------------------------

def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def recorder_seconds(trace):
    with closing(sqlite3.connect(f'file:{trace}?mode=ro', uri=True)) as connection:
        return int(connection.execute("SELECT value FROM meta WHERE name = 'recorder_cpu_us'").fetchone()[0]) / 1e6


def print_row(name, measure, count, prefix, folder):
    used, own = {(): [], tuple(prefix): []}, []

    def once(way):
        before = processor_seconds()
        milliseconds = measure(way, folder)
        used[tuple(way)].append(processor_seconds() - before)
        if way:
            own.append(used[tuple(way)][-1] - recorder_seconds(folder / 'trace.db'))
        return milliseconds

    try:
        rounds = paired.compare(lambda: once([]), lambda: once(prefix), count)
    except CannotRun as error:
        print(f'{name:36}could not be run: {error}', flush=True)
        return
    native, recorded = paired.medians(rounds)
    least, most = paired.interval(rounds)
    native_cpu = max(median(used[()]), 1e-4)
    cpu, own_cpu = median(used[tuple(prefix)]) / native_cpu, median(own) / native_cpu
    print(f'{name:36}{native:>10.1f}{recorded:>10.1f}{recorded / native:>8.2f}   {least:>5.2f} to {most:<5.2f}{own_cpu:>7.2f}'
          f'{cpu:>7.2f}', flush=True)


def throughput(folder, workloads, scale):
    prefix = [TRENZA, 'record', '-q', '-o', folder / 'trace.db', '--']
    print('Natively and under trenza record, each round in the order r n n r. Milliseconds, medians; the ratio with its 95 %')
    print('interval by bootstrap over the rounds. own: the ratio of processor time, starts and ends and clients included, without')
    print('the recorder\'s; all: with it. Where all cores are busy, what the recorder takes is missing elsewhere.\n')
    print(f'{"":36}{"native":>10}{"recorded":>10}{"ratio":>8}   {"95 %":<14}{"own":>7}{"all":>7}')
    for name, rounds, measure in workloads:
        print_row(name, measure, max(2, round(rounds * scale)), prefix, folder)


def peers(folder):
    """Once each: they are so slow that more would tell nothing else."""
    tools = {'helgrind': ['valgrind', '-q', '--tool=helgrind'], 'drd': ['valgrind', '-q', '--tool=drd']}
    print('Once each, ratios to native.\n')
    print(f'{"":36}' + ''.join(f'{tool:>12}' for tool in tools))
    for name, _, measure in [*programs.contended(PROGRAMS), *programs.short(PROGRAMS)]:
        cells = []
        for prefix in tools.values():
            try:
                cells.append(f'{measure(prefix, folder) / measure([], folder):.0f}')
            except CannotRun as error:
                cells.append(str(error))
        print(f'{name:36}' + ''.join(f'{cell:>12}' for cell in cells), flush=True)


# --- growth -----------------------------------------------------------------------------------------------------

def peak_kilobytes(argv):
    """(seconds, peak memory of the largest process) of argv, told by a process of its own that waits for it."""
    script = ('import resource, subprocess, sys, time; begun = time.monotonic(); '
              'status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode; '
              'print(time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, status)')
    _, out = run([sys.executable, '-c', script, *argv], limit=1800)
    seconds, kilobytes, status = out.split()
    if int(status) not in (0, 66):
        raise CannotRun(f'{argv[1]}: status {int(status)}')
    return float(seconds), int(kilobytes)


def growth(folder, most):
    print('Recording and checking, by number of events: two threads that only lock and unlock.\n')
    print(f'{"events":>12}{"record":>10}{"ns/event":>10}{"peak MB":>9}{"bytes/event":>13}{"check":>10}{"peak MB":>9}')
    wanted = 100_000
    while wanted <= most:
        trace = folder / 'trace.db'
        try:
            # A pair is two events.
            recorded, record_peak = peak_kilobytes([TRENZA, 'record', '-o', trace, '--', PROGRAMS / 'lock_pair', 2, wanted // 4, 'loop'])
            _, counted = run([TRENZA, 'sql', trace, 'SELECT sum(events) FROM thread'])
            events = int(re.findall(rb'\d+', counted)[-1])
            size = trace.stat().st_size
            checked, check_peak = peak_kilobytes([TRENZA, 'check', trace])
            print(f'{events:>12,}{recorded:>8.2f} s{recorded / events * 1e9:>10.1f}{record_peak / 1024:>9.0f}'
                  f'{size / events:>13.2f}{checked:>8.2f} s{check_peak / 1024:>9.0f}', flush=True)
        except CannotRun as error:
            print(f'{wanted:>12,}  could not be run: {error}', flush=True)
        trace.unlink(missing_ok=True)
        wanted *= 10


def main():
    what = sys.argv[1] if len(sys.argv) > 1 else 'capture'
    scale = float(os.environ.get('TRENZA_BENCH_ROUNDS', '1'))
    folder = Path(tempfile.mkdtemp(prefix='trenza-bench-'))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        if what == 'capture':
            capture(folder)
        elif what == 'throughput':
            throughput(folder, [*programs.real(PROGRAMS), *programs.contended(PROGRAMS), *programs.short(PROGRAMS)], scale)
        elif what == 'short':
            throughput(folder, programs.short(PROGRAMS), scale)
        elif what == 'peers':
            peers(folder)
        elif what == 'growth':
            most = int(float(sys.argv[2])) if len(sys.argv) > 2 else 10_000_000
            growth(folder, most)
            reading.readers(folder, most)
        elif what == 'window':
            window.opening(folder, int(float(sys.argv[2])) if len(sys.argv) > 2 else 10_000_000)
        else:
            sys.exit(__doc__)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
