# SPDX-License-Identifier: MIT
"""How long the window takes to open traces of more and more events, and to draw a frame while one zooms and moves about in them.

The window itself (window_frames.c) runs at 1600x900 under Xvfb and draws in software, as on a machine without a graphics card.
"""

import os
import subprocess
from pathlib import Path

from programs import CannotRun

PROGRAMS = Path(os.environ.get('TRENZA_BENCH_PROGRAMS', '.'))
SHAPES = (('nested', 64, 32), ('private', 8, 64))
TIMEOUT_S = 600


class Display:
    """An X server of our own, as big as the window."""

    def __enter__(self):
        read_end, write_end = os.pipe()
        try:
            self.server = subprocess.Popen(['Xvfb', '-displayfd', str(write_end), '-screen', '0', '1600x900x24', '-nolisten', 'tcp'],
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[write_end])
        except OSError as error:
            os.close(read_end)
            raise CannotRun(f'Xvfb: {error.strerror}') from None
        finally:
            os.close(write_end)
        with os.fdopen(read_end) as told:
            self.name = ':' + told.readline().strip()
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()


def environment(display, folder):
    return {**os.environ, 'DISPLAY': display.name, 'GDK_BACKEND': 'x11', 'GSK_RENDERER': 'cairo', 'GTK_A11Y': 'none',
            'GSETTINGS_BACKEND': 'memory', 'HOME': str(folder), 'XDG_CONFIG_HOME': str(folder), 'XDG_DATA_HOME': str(folder),
            'DBUS_SESSION_BUS_ADDRESS': 'disabled:', 'LC_ALL': 'C.UTF-8'}


def measure(trace, display, folder):
    """What window_frames says, by the first word of its lines and then by position."""
    try:
        result = subprocess.run([PROGRAMS / 'window_frames', trace], capture_output=True, text=True, timeout=TIMEOUT_S,
                                env=environment(display, folder))
    except OSError as error:
        raise CannotRun(f'window_frames: {error.strerror}') from None
    except subprocess.TimeoutExpired:
        raise CannotRun(f'not done in {TIMEOUT_S} s') from None
    if result.returncode:
        raise CannotRun((result.stderr.strip().splitlines() or [f'status {result.returncode}'])[-1])
    return {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}


def row(events, threads, told):
    frames = ''
    for view in ('timeline', 'locks'):
        # "clock_ms" median 95th longest "processor_ms" median 95th longest
        numbers = told[f'frames_{view}']
        frames += f'{float(numbers[1]):>8.1f}{float(numbers[2]):>7.1f}{float(numbers[6]):>7.1f}'
    opened = told['opened_s']
    return (f'{events:>12,}{threads:>8}{float(opened[0]):>8.2f}{float(opened[2]):>9.2f}{float(told["shown_s"][0]):>8.2f}'
            f'{float(told["ready_s"][0]):>8.2f}{told["peak_mb"][0]:>7}{frames}')


def opening(folder, most):
    print('The window at 1600x900, drawn in software. Seconds from its start until the timeline is there (opened; cpu: processor time')
    print('of all threads), is on the screen (shown), and the findings are there too (findings); MB: peak memory when opened. Then')
    print('milliseconds of a frame while zooming in and moving about, by thread and by lock: median, 95th percentile, and the 95th')
    print("percentile of the drawing thread's own processor time.\n")
    print(f'{"":>52}{"by thread, ms":>22}{"by lock, ms":>22}')
    print(f'{"events":>12}{"threads":>8}{"opened":>8}{"cpu":>9}{"shown":>8}{"findings":>9}{"MB":>6}' + f'{"median":>8}{"95 %":>7}{"cpu":>7}' * 2)
    events = 10_000
    with Display() as display:
        while events <= most:
            for shape, threads, locks in SHAPES:
                trace = folder / 'trace.db'
                try:
                    subprocess.run([PROGRAMS / 'make_events', shape, str(events), str(threads), str(locks), trace], check=True,
                                   timeout=TIMEOUT_S)
                    print(row(events, threads, measure(trace, display, folder)), flush=True)
                except (CannotRun, subprocess.SubprocessError, KeyError) as error:
                    print(f'{events:>12,}{threads:>8}  could not be run: {error}', flush=True)
                trace.unlink(missing_ok=True)
            events *= 100 if events == 10_000 else 10
