# SPDX-License-Identifier: MIT
"""How the cost of reading traces grows with events, threads, locks and the number of traces.

Each line is one run on a trace of make_events. Processor time is shown beside the clock's: a check uses two processors, and on
a busy machine the clock measures the others.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from programs import CannotRun

TRENZA = os.environ.get('TRENZA', 'trenza')
PROGRAMS = Path(os.environ.get('TRENZA_BENCH_PROGRAMS', '.'))
WINDOW = Path(TRENZA).parent.parent / 'gui' / 'trenza-gui'
TRACES = 1000
TIMEOUT_S = 600


def make(trace, shape, events, threads, locks):
    subprocess.run([PROGRAMS / 'make_events', shape, str(events), str(threads), str(locks), trace], check=True, timeout=TIMEOUT_S)


def cost(argv):
    """Seconds by the clock, seconds of processor time, and peak memory in MB of a program that may find something."""
    begin = time.monotonic()
    process = subprocess.Popen([*map(str, argv)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    timer = time.monotonic() + TIMEOUT_S
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > timer:
            process.kill()
            os.wait4(process.pid, 0)
            raise CannotRun(f'did not end in {TIMEOUT_S} s')
        time.sleep(0.002)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 66):
        raise CannotRun(f'exit {process.returncode}')
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def line(what, folder, argv_of, shape, events, threads, locks):
    trace = folder / 'trace.db'
    try:
        make(trace, shape, events, threads, locks)
        seconds, processor, peak = cost(argv_of(trace))
        print(f'{what:>24}{seconds:>9.2f} s{processor:>9.2f} s{events / seconds / 1e6:>9.1f}{peak:>9.0f}', flush=True)
    except (CannotRun, subprocess.SubprocessError) as error:
        print(f'{what:>24}  could not be run: {error}', flush=True)
    trace.unlink(missing_ok=True)


def check(trace):
    return [TRENZA, 'check', trace]


def head(title, column):
    print(f'\n{title}\n{column:>24}{"clock":>11}{"cpu":>11}{"M ev/s":>9}{"peak MB":>9}')


def powers(first, last):
    while first <= last:
        yield first
        first *= 10


def by_events(folder, most):
    for shape, says in (('private', 'each thread has its own locks'), ('nested', 'three deep, in one order'),
                        ('cyclic', 'and now and then in the wrong one')):
        head(f'Checking, by events: 8 threads, 100 locks, {says}', 'events')
        for events in powers(10_000, most):
            line(f'{events:,}', folder, check, shape, events, 8, 100)


def by_threads(folder):
    head('Checking, by threads: 1 million events, 1,000 locks, nested', 'threads')
    for threads in (1, 4, 16, 64, 256):
        line(str(threads), folder, check, 'nested', 1_000_000, threads, 1000)


def by_locks(folder):
    head('Checking, by locks: 1 million events, 16 threads, nested', 'locks')
    for locks in powers(10, 100_000):
        line(f'{locks:,}', folder, check, 'nested', 1_000_000, 16, locks)


def worst(folder):
    head('Checking what can be combined in many ways: 1.2 million events', '')
    for what, shape, threads, locks in (('1,000 locks, all orders', 'orders', 8, 1000), ('1,000 held at once', 'held', 8, 1000),
                                        ('wrong orders, 200 thr.', 'cyclic', 200, 1000), ('one cycle, 100,000 times', 'ring', 8, 100),
                                        ('the same, ordered', 'ordered', 8, 100)):
        line(what, folder, check, shape, 1_200_000, threads, locks)


def many_traces(folder):
    """One trace as often as there are names for it: reading is what costs."""
    for shape, locks, says in (('nested', 10, '45 orders of locks'), ('cyclic', 100, '1,000 orders, the most that is kept')):
        print(f'\nChecking {TRACES:,} traces of 10,000 events with {says} each: one by one, and all of them united')
        trace, many = folder / 'trace.db', folder / 'many'
        many.mkdir()
        make(trace, shape, 10_000, 8, locks)
        for i in range(TRACES):
            os.link(trace, many / f'{i}.db')
        alone = [cost(check(trace)) for _ in range(20)]
        seconds, processor, peak = cost(check(many))
        print(f'{"one":>24}{sum(a[0] for a in alone) / len(alone) * 1000:>9.1f} ms{sum(a[1] for a in alone) / len(alone) * 1000:>8.1f} ms cpu')
        print(f'{"of all, each":>24}{seconds / TRACES * 1000:>9.1f} ms{processor / TRACES * 1000:>8.1f} ms cpu, {peak:.0f} MB', flush=True)
        shutil.rmtree(many)
        trace.unlink()


def window(folder, most):
    if not WINDOW.exists():
        return
    head('Opening and drawing in the window: 8 threads, 100 locks, nested', 'events')
    picture = folder / 'picture.png'
    for events in powers(10_000, most):
        line(f'{events:,}', folder, lambda trace: [WINDOW, f'--render={picture}', '--size=1600x900', trace], 'nested', events, 8, 100)


def readers(folder, most):
    by_events(folder, most)
    by_threads(folder)
    by_locks(folder)
    worst(folder)
    many_traces(folder)
    window(folder, most)
