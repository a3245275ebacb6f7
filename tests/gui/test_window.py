# SPDX-License-Identifier: MIT
"""The window as a person uses it, as TAP: the findings, the witness, the views.

test_window.py TRENZA_GUI MAKE_TRACE TRENZA
"""

import re
import subprocess
import time

from screen import (PATIENCE, TRENZA, Window, case, difference, dimensions, export, key, main, output, until)


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
    subprocess.run(['xdotool', 'type', 'book'], check=True, timeout=30)  # a function
    key('Return')
    until(lambda: 'in book (program.c:16)' in window.description('Timeline of threads'), 'a span of the function')
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


if __name__ == '__main__':
    main()
