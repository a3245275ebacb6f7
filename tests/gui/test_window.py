# SPDX-License-Identifier: MIT
"""The window as a person uses it, as TAP: under Xvfb with a window manager, by real keys and clicks, seen through accessibility and
in pictures of the screen.

test_window.py TRENZA_GUI MAKE_TRACE TRENZA
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GUI, MAKE_TRACE, TRENZA = sys.argv[1:4]
PATIENCE = 15  # seconds, for anything to appear
SIZE = (1400, 800)
CASES = []


def case(function):
    CASES.append(function)
    return function


def until(question, what):
    """The first true answer; fails when there is none for too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f'not seen: {what}')


class Screen:
    """An X server with a window manager, a session bus with accessibility, and everything started on it."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        read_end, write_end = os.pipe()
        self.start(['Xvfb', '-displayfd', str(write_end), '-screen', '0', '1500x900x24', '-nolisten', 'tcp'], pass_fds=[write_end])
        os.close(write_end)
        with os.fdopen(read_end) as display:
            number = display.readline().strip()
        assert number, 'Xvfb does not start'
        os.environ.update(DISPLAY=f':{number}', GDK_BACKEND='x11', GSK_RENDERER='cairo', NO_AT_BRIDGE='0', GTK_A11Y='atspi',
                          GTK_THEME='Adwaita', LC_ALL='C.UTF-8')
        os.environ.pop('WAYLAND_DISPLAY', None)
        self.start(['openbox'])
        until(lambda: 'window id' in output('xprop', '-root', '_NET_SUPPORTING_WM_CHECK') if shutil.which('xprop') else True,
              'a window manager')

    def start(self, command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   **options)
        self.processes.append(process)
        return process

    def end(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout


def key(*names):
    subprocess.run(['xdotool', 'key', '--clearmodifiers', *names], check=True, timeout=30)
    time.sleep(0.2)


class Window:
    def __init__(self, screen, *arguments):
        import pyatspi
        self.pyatspi = pyatspi
        self.process = screen.start([GUI, *map(str, arguments)])
        self.id = until(lambda: output('xdotool', 'search', '--onlyvisible', '--pid', str(self.process.pid)).split()[-1:],
                        'a window')[0]
        subprocess.run(['xdotool', 'windowsize', '--sync', self.id, *map(str, SIZE)], timeout=30)
        subprocess.run(['xdotool', 'windowmove', self.id, '0', '0'], timeout=30)
        subprocess.run(['xdotool', 'windowactivate', '--sync', self.id], timeout=30)
        self.application = until(self.find_application, 'the application in accessibility')

    def find_application(self):
        desktop = self.pyatspi.Registry.getDesktop(0)
        for application in desktop:
            if application and application.get_process_id() == self.process.pid:
                return application
        return None

    def widgets(self, at=None):
        try:
            children = list(at or self.application)
        except Exception:  # noqa: BLE001: a dialog that closes is walked through in vain
            children = []
        for child in children:
            if child:
                yield child
                yield from self.widgets(child)

    def names(self):
        return [self.name_of(widget) for widget in self.widgets()]

    @staticmethod
    def name_of(widget):
        try:
            return widget.name
        except Exception:  # noqa: BLE001: it may have gone meanwhile
            return ''

    def find(self, name):
        return next((widget for widget in self.widgets() if self.name_of(widget) == name), None)

    def sees(self, text):
        return until(lambda: any(text in name for name in self.names()), text)

    def description(self, name):
        widget = self.find(name)
        return widget.description if widget else ''

    def picture(self, path):
        subprocess.run(['xdotool', 'mousemove', '0', '0'], timeout=30)
        time.sleep(0.5)
        subprocess.run(['import', '-window', self.id, str(path)], check=True, timeout=30)
        return subprocess.run(['convert', str(path), '-depth', '8', 'rgb:-'], check=True, capture_output=True, timeout=30).stdout

    def close(self):
        key('ctrl+w')
        self.process.wait(PATIENCE)
        assert self.process.returncode == 0, self.process.returncode


def difference(a, b):
    assert len(a) == len(b)
    return sum(x != y for x, y in zip(a[::7], b[::7])) / len(a[::7])


@case
def a_deadlock_is_told_at_once(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees("2 threads wait for each other for ever")
    window.sees("'thread-2' takes 'accounts'")
    window.sees('program.c:18)')
    window.sees('Timeline of threads')
    assert 'Nobody can go on.' in until(lambda: window.description('Witness'), 'the state of the witness')
    window.close()


@case
def keys_zoom_and_fit(screen, folder):
    window = Window(screen, folder / 'quiet.db')
    window.sees('Timeline of threads')
    window.sees('Nothing found')
    whole = window.picture(folder / 'whole.png')
    key('plus', 'plus')
    near = window.picture(folder / 'near.png')
    assert difference(whole, near) > 0.01, difference(whole, near)
    key('f')
    again = window.picture(folder / 'again.png')
    # The ring that shows the keyboard's focus has come; nothing else is new.
    assert difference(whole, again) < difference(whole, near) / 4, difference(whole, again)
    window.close()


@case
def the_wheel_zooms_with_control(screen, folder):
    window = Window(screen, folder / 'quiet.db')
    window.sees('Timeline of threads')
    before = window.picture(folder / 'before.png')
    subprocess.run(['xdotool', 'mousemove', '--window', window.id, '900', '200', 'keydown', 'Control_L', 'click', '4', 'click', '4',
                    'keyup', 'Control_L'], check=True, timeout=30)
    assert difference(before, window.picture(folder / 'after.png')) > 0.01
    window.close()


@case
def keys_walk_from_waiter_to_owner(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    seen = []
    key('f', 'Right')
    key('Down')
    for _ in range(2):
        key('o')
        seen.append(window.description('Timeline of threads'))
    assert "'thread-2' waits for mutex 'journal'" in seen[0], seen
    assert "'thread-3' holds mutex 'journal'" in seen[1], seen
    window.close()


@case
def keys_walk_through_the_events_of_a_lock(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    key('ctrl+l')
    subprocess.run(['xdotool', 'type', 'accounts'], check=True, timeout=30)
    key('Return')
    first = until(lambda: window.description('Timeline of threads'), 'a span')
    assert "'thread-2' holds mutex 'accounts'" in first, first
    key('Escape')
    key('ctrl+Right')
    until(lambda: "'thread-3' waits for mutex 'accounts'" in window.description('Timeline of threads'), 'the next one')
    key('ctrl+Right')
    assert "'thread-3' waits for mutex 'accounts'" in window.description('Timeline of threads'), 'there is no other'
    key('ctrl+Left')
    until(lambda: window.description('Timeline of threads') == first, 'the one before')
    key('ctrl+question')
    window.sees('Next event of the lock')
    key('Escape')
    window.close()


def export(window, path):
    key('ctrl+e')
    # Its tree of widgets is too large to walk through.
    until(lambda: output('xdotool', 'search', '--onlyvisible', '--name', 'Export the picture').split(), 'the dialog')
    time.sleep(0.5)
    key('ctrl+a')
    subprocess.run(['xdotool', 'type', '--delay', '20', str(path)], check=True, timeout=30)
    key('Return')
    window.sees(f'Written: {path}')


def dimensions(path):
    if path.suffix == '.svg':  # not everywhere can ImageMagick read it
        head = re.search(r'<svg[^>]*>', path.read_text())[0]
        return tuple(round(float(re.search(side + r'="([\d.]+)', head)[1])) for side in ('width', 'height'))
    return tuple(map(int, output('identify', '-format', '%w %h ', str(path)).split()[:2]))


@case
def what_is_seen_is_exported(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    until(lambda: 'Nobody can go on.' in window.description('Witness'), 'the witness')
    export(window, folder / 'threads.png')
    alone = window.find('Timeline of threads').queryComponent().getSize()
    width, height = dimensions(folder / 'threads.png')
    assert width == alone[0] and height > alone[1] + 80, (width, height, alone)  # with the witness below it
    key('alt+4')
    window.sees('Max. wait')
    export(window, folder / 'table.svg')
    export(window, folder / 'table.png')
    colours = int(output('identify', '-format', '%k', str(folder / 'table.png')))
    assert colours > 20, colours  # the letters of its rows
    assert '<image' not in (folder / 'table.svg').read_text()
    assert dimensions(folder / 'table.svg') == dimensions(folder / 'table.png'), dimensions(folder / 'table.svg')
    key('alt+3')
    window.sees('Graph of locks')
    export(window, folder / 'graph.pdf')
    assert (folder / 'graph.pdf').read_bytes().startswith(b'%PDF-')
    window.close()


@case
def the_witness_is_stepped_by_keys(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    until(lambda: 'Nobody can go on.' in window.description('Witness'), 'the last step')
    for _ in range(4):
        key('alt+Left')
    until(lambda: 'Before the first step' in window.description('Witness'), 'the beginning')
    key('alt+Right')
    until(lambda: "'thread-2' takes 'accounts'" in window.description('Witness'), 'the first step')
    window.close()


@case
def findings_are_filtered(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    key('ctrl+f')
    subprocess.run(['xdotool', 'type', 'nothing like that'], check=True, timeout=30)
    window.sees('No finding has this text')
    window.close()


@case
def threads_and_locks_are_searched(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    key('ctrl+l')
    subprocess.run(['xdotool', 'type', 'journal'], check=True, timeout=30)
    key('Return')
    until(lambda: "'thread-3' holds mutex 'journal'" in window.description('Timeline of threads'), 'the first match')
    key('Return')
    until(lambda: "'thread-2' waits for mutex 'journal'" in window.description('Timeline of threads'), 'the next match')
    key('ctrl+a')
    subprocess.run(['xdotool', 'type', 'nowhere'], check=True, timeout=30)
    key('Return')
    window.sees('Nothing has this in its name')
    window.close()


@case
def views_are_reached_by_keys(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    key('alt+4')
    window.sees('Max. wait')
    window.sees('journal')
    key('alt+3')
    window.sees('Graph of locks')
    key('alt+2')
    window.sees('Timeline of locks')
    window.close()


@case
def everything_fits_a_small_window(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    subprocess.run(['xdotool', 'windowsize', '--sync', window.id, '1000', '600'], timeout=30)

    def extents(name):
        return window.find(name).queryComponent().getExtents(window.pyatspi.WINDOW_COORDS)
    key('alt+4')
    window.sees('Max. hold')
    last, table = extents('Max. hold'), extents('Table of locks')
    assert last.x + last.width <= table.x + table.width, (last, table)
    until(lambda: extents('Table of locks').height > 450, 'a table down to the status line')
    key('alt+3')
    until(lambda: extents('Graph of locks').height > 420, 'a graph down to the status line')
    key('ctrl+question')
    pid = str(window.process.pid)
    others = until(lambda: [other for other in output('xdotool', 'search', '--onlyvisible', '--pid', pid).split()
                            if other != window.id], 'the shortcuts')
    geometry = output('xdotool', 'getwindowgeometry', '--shell', others[-1])
    width, height = (int(re.search(name + r'=(\d+)', geometry)[1]) for name in ('WIDTH', 'HEIGHT'))
    assert width <= 1000 and height <= 600, geometry
    key('Escape')
    window.close()


@case
def a_foreign_file_is_refused_in_the_window(screen, folder):
    (folder / 'foreign.db').write_text('this is no trace')
    window = Window(screen, folder / 'foreign.db')
    window.sees('This trace cannot be shown')
    window.close()


@case
def without_a_trace_it_says_how_to_get_one(screen, folder):
    window = Window(screen)
    window.sees('See how threads cross')
    window.close()


@case
def sizes_and_views_are_remembered(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    key('alt+4')
    window.close()
    window = Window(screen, folder / 'deadlock.db')
    window.sees('Max. wait')
    window.close()


# Begins a thread every now and then until its standard input ends.
GROWING = """
import select, sys, threading
while not select.select([sys.stdin], [], [], 0.05)[0]:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
"""


@case
def a_recording_is_followed_as_it_grows(screen, folder):
    trace = folder / 'growing.db'
    window = Window(screen, '--follow', trace)  # it is not there yet
    window.sees('This trace cannot be shown')
    recording = subprocess.Popen([TRENZA, 'record', '-q', '-o', str(trace), '--', '/usr/bin/python3', '-c', GROWING],
                                 stdin=subprocess.PIPE)
    screen.processes.append(recording)

    def threads():
        found = [re.search(r'events of (\d+) threads', name) for name in window.names()]
        return max((int(match[1]) for match in found if match), default=0)

    def followed():
        return any('followed as it is recorded' in name for name in window.names())
    first = until(threads, 'the first look')
    until(lambda: followed() and threads() > first + 10, 'more threads')
    key('F8')
    until(lambda: not followed(), 'the end of following')
    stopped = threads()
    time.sleep(2.5)
    assert threads() == stopped, 'it goes on'
    key('F8')
    until(lambda: followed() and threads() > stopped, 'more threads again')
    recording.stdin.close()
    recording.wait(PATIENCE)
    until(lambda: not followed() and threads(), 'the end of the recording')
    shown = output(TRENZA, 'sql', str(trace), 'SELECT count(*) FROM thread')
    assert str(threads()) in shown, (threads(), shown)
    window.close()


def run_cases(folder):
    screen = Screen(folder)
    failed = 0
    try:
        print(f'1..{len(CASES)}')
        for number, function in enumerate(CASES, 1):
            title = function.__name__.replace('_', ' ')
            shutil.rmtree(folder / 'config', ignore_errors=True)
            try:
                function(screen, folder)
                print('ok', number, '-', title, flush=True)
            except Exception as problem:  # noqa: BLE001: any failure is this case's
                failed += 1
                print('not ok', number, '-', title)
                print('#', repr(problem).replace('\n', ' '), flush=True)
                for process in screen.processes[2:]:
                    if process.poll() is None:
                        process.kill()
                        process.wait()
    finally:
        screen.end()
    return failed


def main():
    if 'TRENZA_WINDOW_TEST' not in os.environ:
        # A session bus of its own: nothing of the user's is seen or changed.
        with tempfile.TemporaryDirectory(prefix='trenza-window-') as name:
            runtime = Path(name) / 'run'
            runtime.mkdir(mode=0o700)
            environment = dict(os.environ, TRENZA_WINDOW_TEST=name, XDG_CONFIG_HOME=f'{name}/config', XDG_DATA_HOME=f'{name}/data',
                               XDG_RUNTIME_DIR=str(runtime), HOME=name)
            environment.pop('DBUS_SESSION_BUS_ADDRESS', None)
            # What the bus's own helpers say on the way is no result.
            result = subprocess.run(['dbus-run-session', '--', sys.executable, *sys.argv], env=environment, text=True,
                                    stdout=subprocess.PIPE, stderr=None if os.environ.get('VERBOSE') else subprocess.DEVNULL)
            print(''.join(line for line in result.stdout.splitlines(True) if line.startswith(('1..', 'ok ', 'not ok ', '#'))))
            sys.exit(result.returncode)
    folder = Path(os.environ['TRENZA_WINDOW_TEST'])
    for trace in ('deadlock', 'quiet'):
        subprocess.run([MAKE_TRACE, trace, str(folder / f'{trace}.db')], check=True, timeout=60)
    sys.exit(run_cases(folder) > 0)


if __name__ == '__main__':
    main()
