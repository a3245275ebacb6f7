# SPDX-License-Identifier: MIT
"""What the tests of the window have in common: an X server with a window manager, real keys and clicks, and what is seen, through
accessibility and in pictures of the screen.

A test file defines cases with @case and ends in main(); the outcome is TAP. Arguments: TRENZA_GUI MAKE_TRACE TRENZA and then
what the file says.
"""

import contextlib
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
MORE = sys.argv[4:]
PATIENCE = 30  # seconds, for anything to appear
SIZE = (1400, 800)
CASES = []


def case(function):
    """WINDOW_CASES, a regular expression, runs only those that it matches."""
    if re.search(os.environ.get('WINDOW_CASES', ''), function.__name__):
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


def type_text(text):
    subprocess.run(['xdotool', 'type', '--delay', '20', text], check=True, timeout=30)


def windows_of(pid):
    return output('xdotool', 'search', '--onlyvisible', '--pid', str(pid)).split()


class Window:
    def __init__(self, screen, *arguments, size=SIZE):
        import pyatspi
        self.pyatspi = pyatspi
        self.process = screen.start([GUI, *map(str, arguments)])
        self.id = until(lambda: windows_of(self.process.pid)[-1:], 'a window')[0]
        if size:
            subprocess.run(['xdotool', 'windowsize', '--sync', self.id, *map(str, size)], timeout=30)
        subprocess.run(['xdotool', 'windowmove', self.id, '0', '0'], timeout=30)
        self.activate()
        self.application = until(self.find_application, 'the application in accessibility')

    def activate(self):
        subprocess.run(['xdotool', 'windowactivate', '--sync', self.id], timeout=30)

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

    def sees_one(self, name):
        return until(lambda: self.find(name), name)

    def is_showing(self, name):
        widget = self.find(name)
        return bool(widget) and widget.getState().contains(self.pyatspi.STATE_VISIBLE)

    def is_focused(self, name):
        widget = self.find(name)
        return bool(widget) and widget.getState().contains(self.pyatspi.STATE_FOCUSED)

    def extents(self, widget):
        return widget.queryComponent().getExtents(self.pyatspi.WINDOW_COORDS)

    def point(self, widget, share_x=0.5, share_y=0.5):
        """A point of a widget on the screen."""
        box = self.extents(widget)
        return round(box.x + box.width * share_x), round(box.y + box.height * share_y)

    def click(self, widget, share_x=0.5, share_y=0.5):
        at = self.point(widget, share_x, share_y)
        subprocess.run(['xdotool', 'mousemove', '--window', self.id, *map(str, at), 'click', '1'], check=True, timeout=30)
        time.sleep(0.2)

    def click_menu(self, name):
        """Menus are surfaces of their own: an item is chosen by its key."""
        items = [self.name_of(widget) for widget in self.widgets() if 'menu item' in widget.getRoleName()]
        for _ in range(items.index(name) if name in items else 0):
            key('Down')
        key('Return')

    def description(self, name):
        widget = self.find(name)
        return widget.description if widget else ''

    def picture(self, path, of=None):
        """What is on the screen, of the window or of the inside of a widget."""
        subprocess.run(['xdotool', 'mousemove', '0', '0'], timeout=30)
        time.sleep(0.5)
        subprocess.run(['import', '-window', self.id, str(path)], check=True, timeout=30)
        crop = []
        if of:
            box = self.extents(self.find(of))
            crop = ['-crop', f'{box.width - 12}x{box.height - 12}+{box.x + 6}+{box.y + 6}', '+repage']
        return subprocess.run(['convert', str(path), *crop, '-depth', '8', 'rgb:-'], check=True, capture_output=True,
                              timeout=30).stdout

    def close(self):
        key('ctrl+w')
        self.process.wait(PATIENCE)
        assert self.process.returncode == 0, self.process.returncode


def difference(a, b):
    assert len(a) == len(b)
    return sum(x != y for x, y in zip(a[::7], b[::7])) / len(a[::7])


def is_asked(title):
    return bool(output('xdotool', 'search', '--onlyvisible', '--name', title).split())


def answer(title, path):
    """Types the path into the dialog. One that is slow to come loses the first letters; then it is still there."""
    until(lambda: is_asked(title), 'the dialog')
    for _ in range(4):
        time.sleep(0.7)
        key('ctrl+a', 'slash')  # the first letter makes the field for all others appear
        time.sleep(0.7)
        type_text(str(path)[1:])
        time.sleep(0.7)
        key('Return')
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if not is_asked(title):
                return
            time.sleep(0.1)
    raise AssertionError(f'{title}: still there')


def export(window, path, says=None):
    key('ctrl+e')
    # Its tree of widgets is too large to walk through.
    answer('Export the picture', path)
    window.sees(says or f'Written: {path}')


def dimensions(path):
    if path.suffix == '.svg':  # not everywhere can ImageMagick read it
        head = re.search(r'<svg[^>]*>', path.read_text())[0]
        return tuple(round(float(re.search(side + r'="([\d.]+)', head)[1])) for side in ('width', 'height'))
    return tuple(map(int, output('identify', '-format', '%w %h ', str(path)).split()[:2]))


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


@contextlib.contextmanager
def plain_folder():
    """A folder for a while. Its name is typed into dialogs, so nothing in it needs Shift, which a busy machine may let go of."""
    name = f'{tempfile.gettempdir()}/trenza-window-{os.getpid()}'
    os.mkdir(name, 0o700)
    try:
        yield name
    finally:
        shutil.rmtree(name, ignore_errors=True)


def main():
    if 'TRENZA_WINDOW_TEST' not in os.environ:
        # A session bus of its own: nothing of the user's is seen or changed.
        with plain_folder() as name:
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
    for trace in ('deadlock', 'quiet', 'chain', 'gate', 'several', 'queue'):
        subprocess.run([MAKE_TRACE, trace, str(folder / f'{trace}.db')], check=True, timeout=60)
    sys.exit(run_cases(folder) > 0)

