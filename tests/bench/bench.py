# SPDX-License-Identifier: MIT
"""Measures what recording costs, side by side with no recording and with other tools. Never passes or fails by time.

bench.py capture       a lock and unlock pair, twelve frames deep: natively, under trenza record, helgrind, drd,
                       ThreadSanitizer and LTTng's pthread wrapper
bench.py throughput    pbzip2 and redis-server, natively and under trenza record
bench.py growth [N]    recording and checking 1e5 events and ten times as many, up to N (1e7)

Everything of one table is measured in one run, in turns, and the medians are compared: on a machine whose speed wanders
only the ratios mean something. Whatever cannot be run is said in the table. From the environment: TRENZA, and
TRENZA_BENCH_PROGRAMS, the folder of lock_pair and lock_pair_tsan.
"""

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

TRENZA = os.environ.get('TRENZA', 'trenza')
PROGRAMS = Path(os.environ.get('TRENZA_BENCH_PROGRAMS', '.'))
LIMIT_SECONDS = 300
NOBODY = 65534


class CannotRun(Exception):
    pass


def run(argv, *, environment=None, limit=LIMIT_SECONDS, **more):
    """(seconds, output) of a program that must succeed."""
    begun = time.monotonic()
    try:
        process = subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, **(environment or {})}, start_new_session=True, **more)
    except OSError as error:
        raise CannotRun(f'{argv[0]}: {error.strerror}') from None
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise CannotRun(f'{argv[0]}: not done after {limit} s') from None
    seconds = time.monotonic() - begun
    if process.returncode != 0:
        last = err.decode(errors='replace').strip().splitlines()[-1:]
        raise CannotRun(f'{Path(argv[0]).name}: status {process.returncode} {" ".join(last)}')
    return seconds, out


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

def generated_file(path, size):
    generator = random.Random(1)
    words = [generator.randbytes(generator.randint(2, 12)) for _ in range(5000)]
    with open(path, 'wb') as file:
        while file.tell() < size:
            file.write(b' '.join(generator.choices(words, k=20000)))


def pbzip2_seconds(prefix, folder):
    return run([*prefix, 'pbzip2', '-p2', '-k', '-f', folder / 'data'])[0]


def redis_seconds(prefix, folder):
    """Seconds that redis-benchmark needs for a fixed number of pipelined requests."""
    socket = folder / 'redis.sock'
    server = subprocess.Popen([*map(str, prefix), 'redis-server', '--port', '0', '--unixsocket', str(socket), '--save', '',
                               '--io-threads', '2', '--io-threads-do-reads', 'yes', '--dir', str(folder)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(200):
            if socket.exists():
                break
            time.sleep(0.05)
        _, out = run(['redis-benchmark', '-s', socket, '-t', 'set,get', '-n', '200000', '-P', '16', '-c', '40', '--csv'])
        rates = [float(line.split(b',')[1].strip(b'"')) for line in out.splitlines()[1:]]
        run(['redis-cli', '-s', socket, 'SHUTDOWN', 'NOSAVE'])
        server.wait(60)
        return sum(200000 / rate for rate in rates)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def throughput(folder, rounds=5):
    generated_file(folder / 'data', 30_000_000)
    prefix = [TRENZA, 'record', '-o', folder / 'trace.db', '--']
    print(f'Real programs, natively and under trenza record in turns; medians of {rounds} rounds.\n')
    print(f'{"":34}{"native":>10}{"recorded":>10}{"ratio":>8}')
    for name, measure in (('pbzip2, 30 MB, 2 threads', pbzip2_seconds), ('redis, io-threads 2, pipelined', redis_seconds)):
        native, recorded = [], []
        try:
            for _ in range(rounds):
                native.append(measure([], folder))
                recorded.append(measure(prefix, folder))
                for leftover in folder.glob('trace.db*'):
                    leftover.unlink()
        except (CannotRun, OSError, subprocess.TimeoutExpired) as error:
            print(f'{name:34}could not be run: {error}')
            continue
        print(f'{name:34}{median(native):>8.2f} s{median(recorded):>8.2f} s{median(recorded) / median(native):>8.3f}')


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
    folder = Path(tempfile.mkdtemp(prefix='trenza-bench-'))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        if what == 'capture':
            capture(folder)
        elif what == 'throughput':
            throughput(folder)
        elif what == 'growth':
            growth(folder, float(sys.argv[2]) if len(sys.argv) > 2 else 1e7)
        else:
            sys.exit(__doc__)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
