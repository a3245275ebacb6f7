# SPDX-License-Identifier: MIT
"""Looking around in the window, as TAP: lanes by keys and by mouse, the views of locks, the graph, the table, processes.

test_looking.py TRENZA_GUI MAKE_TRACE TRENZA EITHER_ORDER CROSSED PINCH TWO_RUNS
"""

import os
import re
import subprocess
import time

from screen import MORE, TRENZA, Window, answer, case, difference, key, main, output, type_text, until

EITHER_ORDER, CROSSED, PINCH, TWO_RUNS = MORE
THREADS, LOCKS = 'Timeline of threads', 'Timeline of locks'
GUTTER, OVERVIEW, RULER = 140, 40, 26  # px, in a window as wide as this


def opened(screen, folder, trace, sees):
    window = Window(screen, folder / f'{trace}.db')
    window.sees(sees)
    until(lambda: window.find(THREADS), 'the timeline')
    return window


def told(window, *keys, view=THREADS):
    """What the view says after some keys."""
    before = window.description(view)
    key(*keys)
    try:
        return until(lambda: window.description(view) != before and window.description(view), 'a change')
    except AssertionError:
        return window.description(view)


def begin_ms(text):
    number, unit = re.search(r'from ([\d.]+) (s|ms|µs)', text).groups()
    return float(number) * {'s': 1000, 'ms': 1, 'µs': 0.001}[unit]


def mouse(window, *steps):
    subprocess.run(['xdotool', *(word for step in steps for word in step)], check=True, timeout=30)
    time.sleep(0.2)


def at(window, view, x, y):
    box = window.extents(window.find(view))
    return ['mousemove', '--window', window.id, str(round(box.x + x)), str(round(box.y + y))]


def pull(window, view, begin, end):
    mouse(window, at(window, view, *begin), ['mousedown', '1'])
    for share in (0.2, 0.5, 0.8, 1):
        mouse(window, at(window, view, *(a + (b - a) * share for a, b in zip(begin, end))))
    mouse(window, ['mouseup', '1'])


def size_of(window, view):
    return tuple(window.find(view).queryComponent().getSize())


def status_line(window):
    return next(widget for widget in window.widgets() if ' events of ' in window.name_of(widget))


def point_about(window, view, step_x, step_y):
    """Points at one place after the other; where, and what the status line says."""
    status = status_line(window)
    box = window.extents(window.find(view))
    for y in range(OVERVIEW + RULER + 4, box.height - 30, step_y):
        for x in range(GUTTER + 20, box.width - 10, step_x):
            subprocess.run(['xdotool', 'mousemove', '--window', window.id, str(box.x + x), str(box.y + y)], check=True, timeout=30)
            time.sleep(0.03)
            yield x, y, window.name_of(status)


@case
def left_and_right_go_through_the_lane(screen, folder):
    window = opened(screen, folder, 'deadlock', '2 threads wait')
    first = told(window, 'f', 'Home', 'Right')
    seen = [first]
    for _ in range(3):
        seen.append(told(window, 'Right'))
    thread = first.split(' ')[0]
    assert all(text.startswith(thread) for text in seen), seen
    times = [begin_ms(text) for text in seen]
    assert times == sorted(times) and len(set(seen)) > 2, seen
    back = [told(window, 'Left') for _ in range(len(set(seen)) - 1)]
    assert back[-1] == first, (seen, back)
    window.close()


@case
def comma_and_period_go_through_all_threads(screen, folder):
    window = opened(screen, folder, 'chain', '3 threads wait')
    seen = [told(window, 'f', 'Right', 'Up', 'Up', 'Up', 'Home')]
    for _ in range(8):
        seen.append(told(window, 'period'))
    times = [begin_ms(text) for text in seen]
    assert times == sorted(times), seen
    assert len({text.split(' ')[0] for text in seen}) == 3, seen
    last = seen[-1]
    before = told(window, 'comma')
    assert before != last and told(window, 'period') == last, (before, last)
    window.close()


@case
def the_chain_is_followed_from_victim_to_owner_to_its_owner(screen, folder):
    window = opened(screen, folder, 'chain', '3 threads wait')
    key('ctrl+l')
    type_text('thread-2')
    key('Return', 'Return', 'Escape')
    until(lambda: "'thread-2' waits for mutex 'b'" in window.description(THREADS), 'a victim')
    expected = ["'thread-3' holds mutex 'b'", "'thread-3' waits for mutex 'c'", "'thread-4' holds mutex 'c'",
                "'thread-4' waits for mutex 'a'", "'thread-2' holds mutex 'a'", "'thread-2' waits for mutex 'b'"]
    for words in expected:
        text = told(window, 'o')
        assert text.startswith(words), (words, text)
    # At each step: who holds and who waits.
    assert "Then 'thread-2' holds 'a', waits for 'b'; 'thread-3' holds 'b'; 'thread-4' holds 'c'" in text, text
    window.close()


@case
def a_stretch_is_measured_by_keys(screen, folder):
    window = opened(screen, folder, 'chain', '3 threads wait')
    told(window, 'f', 'Right')
    told(window, 'Right')
    one = told(window, 'm')
    assert one.startswith('Selected: '), one
    window.sees(one)
    told(window, 'Left')
    two = told(window, 'm')
    assert two.startswith('Selected: ') and two != one, (one, two)
    marked = window.picture(folder / 'marked.png')
    key('Escape')
    assert difference(marked, window.picture(folder / 'unmarked.png')) > 0.01
    window.close()


@case
def a_stretch_is_measured_by_mouse_and_zoomed_to(screen, folder):
    window = opened(screen, folder, 'chain', '3 threads wait')
    key('f')
    ruler = OVERVIEW + RULER / 2
    width, _ = size_of(window, THREADS)
    pull(window, THREADS, (GUTTER + 100, ruler), (width - 200, ruler))
    text = next(name for name in window.names() if name.startswith('Selected: '))
    length, unit, begin, begin_unit = re.match(r'Selected: ([\d.]+) (\w+), from ([\d.]+) (\w+)', text).groups()
    assert float(length) > 0, text
    before = window.picture(folder / 'before.png')
    key('z')
    assert difference(before, window.picture(folder / 'after.png')) > 0.02
    pull(window, THREADS, (GUTTER + 10, ruler), (width - 10, ruler))
    again = next(name for name in window.names() if name.startswith('Selected: '))
    assert again.split(' ')[2] == text.split(' ')[2], (text, again)
    assert abs(float(again.split(' ')[1]) - float(length)) < 0.1 * float(length), (text, again)
    window.close()


@case
def the_lanes_are_dragged(screen, folder):
    window = opened(screen, folder, 'chain', '3 threads wait')
    mouse(window, ['mousemove', '0', '0'])  # what is below the pointer stays where it is
    key('f', 'plus', 'plus')
    before = window.picture(folder / 'before.png', of=THREADS)
    pull(window, THREADS, (GUTTER + 400, 150), (GUTTER + 150, 150))
    there = difference(before, window.picture(folder / 'after.png', of=THREADS))
    pull(window, THREADS, (GUTTER + 150, 150), (GUTTER + 400, 150))
    back = difference(before, window.picture(folder / 'back.png', of=THREADS))
    assert there > 0.01 and back < there / 3, (there, back)
    window.close()


@case
def two_fingers_zoom(screen, folder):
    # No X server without a real touch screen has fingers: the gesture is told what it would have seen.
    done = subprocess.run([PINCH, str(folder / 'chain.db')], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@case
def the_overview_is_clicked_to_go_there(screen, folder):
    window = opened(screen, folder, 'chain', '3 threads wait')
    key('f', 'plus', 'plus', 'plus', 'Home')
    before = window.picture(folder / 'before.png')
    width, _ = size_of(window, THREADS)
    mouse(window, at(window, THREADS, width - 30, 20), ['click', '1'])
    assert difference(before, window.picture(folder / 'after.png')) > 0.01
    window.close()


@case
def what_is_pointed_at_is_told(screen, folder):
    window = opened(screen, folder, 'deadlock', '2 threads wait')
    x, y, _ = next(place for place in point_about(window, THREADS, 60, 12) if "'thread-2' waits for mutex 'journal'" in place[2])
    mouse(window, at(window, THREADS, x, y), ['click', '1'])
    until(lambda: "held by 'thread-3'" in window.description(THREADS), 'the owner')
    window.close()


@case
def the_lane_of_a_lock_shows_owners_and_queue(screen, folder):
    window = opened(screen, folder, 'queue', 'Nothing found')
    key('alt+2')
    until(lambda: window.is_focused(LOCKS), 'the locks')
    key('f')
    tracks = set()
    for _, y, text in point_about(window, LOCKS, 40, 14):
        words = re.match(r"'(\S+)' (holds|waits for) mutex 'door'", text)
        if words:
            tracks.add((words[1], words[2], y))
    waiting = {thread: {y for name, what, y in tracks if name == thread and what == 'waits for'} for thread, _, _ in tracks}
    waiting = {thread: rows for thread, rows in waiting.items() if rows}
    assert len(waiting) == 3, tracks
    rows = list(waiting.values())
    assert not (rows[0] & rows[1] or rows[1] & rows[2] or rows[0] & rows[2]), waiting
    owners = {y for _, what, y in tracks if what == 'holds'}
    assert owners and max(owners) < min(min(ys) for ys in rows), tracks
    window.close()


@case
def keys_go_through_the_lane_of_a_lock(screen, folder):
    window = opened(screen, folder, 'queue', 'Nothing found')
    key('alt+2')
    seen = [told(window, 'f', 'Right', view=LOCKS)]
    for _ in range(5):
        seen.append(told(window, 'Right', view=LOCKS))
    assert all("mutex 'door'" in text for text in seen), seen
    assert len({text.split(' ')[0] for text in seen}) >= 3, seen
    window.close()


@case
def the_view_of_locks_marks_the_steps_of_the_finding(screen, folder):
    for trace, marked in (('deadlock', True), ('queue', False)):
        window = Window(screen, folder / f'{trace}.db')
        until(lambda: window.find(THREADS), 'the timeline')
        key('alt+2')
        until(lambda: window.is_focused(LOCKS), 'the locks')
        window.picture(folder / 'locks.png')
        box = window.extents(window.find(LOCKS))
        crop = f'{box.width}x{box.height - OVERVIEW - RULER}+{box.x}+{box.y + OVERVIEW + RULER}'
        text = output('convert', str(folder / 'locks.png'), '-crop', crop, '-fill', 'white', '+opaque', '#c01c28',
                      '-fill', 'black', '-opaque', '#c01c28', '-format', '%[fx:round((1-mean)*w*h)]', 'info:')
        assert (int(text) > 800) == marked, (trace, text)
        key('alt+1')
        window.close()


@case
def an_edge_of_the_graph_lists_its_stacks(screen, folder):
    window = opened(screen, folder, 'several', 'opposite orders')
    key('alt+3')
    window.sees('Click an arrow')
    seen = []
    for _ in range(4):
        key('Right')
        seen.append(until(lambda: window.description('Graph of locks'), 'an edge'))
    text = next(one for one in seen if "'second' was taken while 'first' was held, 2 times" in one)
    while window.description('Graph of locks') != text:
        key('Right')
    window.sees('Where the locks were taken')
    names = window.names()
    for place in ('program.c:1)', 'program.c:2)', 'program.c:5)', 'program.c:6)'):
        assert any(place in name for name in names), place
    assert "holds 'first', taken in" in names and "then takes 'second' in" in names
    window.close()


@case
def an_edge_of_the_graph_is_clicked(screen, folder):
    window = opened(screen, folder, 'deadlock', '2 threads wait')
    key('alt+3')
    window.sees('Click an arrow')
    width, height = size_of(window, 'Graph of locks')
    for y in range(40, height, 16):
        mouse(window, at(window, 'Graph of locks', width / 4, y), ['click', '1'])
        if 'was taken while' in window.description('Graph of locks'):
            break
    until(lambda: 'was taken while' in window.description('Graph of locks'), 'an edge')
    window.sees('then takes ')
    window.close()


@case
def a_cycle_that_cannot_happen_is_told_with_the_reason(screen, folder):
    window = opened(screen, folder, 'gate', 'Nothing found')
    key('alt+3')
    seen = set()
    window.sees('Click an arrow')
    for _ in range(6):
        key('Right')
        seen.add(until(lambda: window.description('Graph of locks'), 'an edge'))
    assert any('The cycle cannot happen: gate lock' in text for text in seen), seen
    key('alt+1')
    window.click(window.sees_one('Show 1 that cannot happen'))
    finding = until(lambda: next((widget for widget in window.widgets()
                                  if window.name_of(widget).startswith('lock-order-cycle')), None), 'the finding')
    window.click(finding)
    window.sees('impossible: gate lock')
    window.close()


@case
def findings_are_filtered_by_whatever_they_say(screen, folder):
    window = opened(screen, folder, 'several', 'opposite orders')

    def shown():
        return sorted(window.name_of(widget).split(',')[0] for widget in window.widgets()
                      if re.match(r'[a-z-]+, (error|warning|note), ', window.name_of(widget)))
    everything = until(shown, 'findings')
    assert 'lock-order-cycle' in everything and 'unlock-unheld' in everything, everything
    for text, rule in (('unlock-unheld', 'unlock-unheld'), ('predicted', 'lock-order-cycle'), ('lonely', 'unlock-unheld'),
                       ('thread-3', 'lock-order-cycle'), ('opposite', 'lock-order-cycle')):
        key('ctrl+f', 'ctrl+a')
        type_text(text)
        until(lambda: shown() == [rule], f'{rule} by {text}')
    window.close()


@case
def a_chosen_finding_moves_the_timeline_and_tells_its_story(screen, folder):
    window = opened(screen, folder, 'several', 'opposite orders')
    first = window.picture(folder / 'first.png')
    finding = next(widget for widget in window.widgets() if window.name_of(widget).startswith('unlock-unheld'))
    window.click(finding)
    window.sees("'main' gives 'lonely' back")
    assert difference(first, window.picture(folder / 'second.png')) > 0.02
    window.close()


@case
def the_steps_of_a_finding_are_gone_through_by_keys(screen, folder):
    window = opened(screen, folder, 'several', 'opposite orders')
    seen = [told(window, 'alt+Down') for _ in range(4)]
    assert ["'thread-2' holds mutex 'first'" in seen[0], "'thread-2' holds mutex 'second'" in seen[1],
            "'thread-3' holds mutex 'second'" in seen[2], "'thread-3' holds mutex 'first'" in seen[3]] == [True] * 4, seen
    assert told(window, 'alt+Up') == seen[2]
    window.close()


@case
def the_table_is_sorted_and_leads_to_the_timeline(screen, folder):
    window = opened(screen, folder, 'deadlock', '2 threads wait')
    key('alt+4')
    window.sees('Max. wait')

    def order():
        rows = [name for name in window.names() if name in ('accounts', 'journal', 'log', 'news')]
        return list(dict.fromkeys(rows[-8:]))
    header = until(lambda: next((widget for widget in window.widgets() if window.name_of(widget) == 'Lock'), None), 'a heading')
    window.click(header)
    until(lambda: order()[:4] == sorted(order()[:4]), 'sorted by name')
    window.click(header)
    until(lambda: order()[:4] == sorted(order()[:4], reverse=True), 'the other way round')
    window.click(next(widget for widget in window.widgets() if window.name_of(widget) == 'journal'))
    key('Return')
    until(lambda: window.is_focused(THREADS), 'the timeline')
    key('o')
    assert 'journal' in until(lambda: window.description(THREADS), 'a span')
    window.close()


@case
def a_cycle_over_several_processes_is_shown(screen, folder):
    trace = folder / 'processes.db'
    subprocess.run([TRENZA, 'record', '-q', '-o', str(trace), '--', EITHER_ORDER, 'children', '0', '1', '0'], check=True,
                   timeout=60)
    window = opened(screen, folder, 'processes', 'opposite orders in different processes')
    told_of = told(window, 'alt+Down')
    assert "'worker' holds mutex" in told_of, told_of
    key('alt+3')
    window.sees('Click an arrow')
    seen = set()
    for _ in range(6):
        key('Right')
        seen.add(until(lambda: window.description('Graph of locks'), 'an edge'))
    assert sum('was taken while' in text for text in seen) == 2, seen
    assert sum('waits for' in text for text in seen) == 2, seen
    window.close()


@case
def a_deadlock_of_two_processes_is_told_and_stepped(screen, folder):
    trace = folder / 'crossed.db'
    subprocess.run([TRENZA, 'record', '-q', '--on-deadlock=stop', '-o', str(trace), '--', CROSSED, 'unlucky'], timeout=60)
    window = opened(screen, folder, 'crossed', '2 threads wait')
    until(lambda: 'Nobody can go on.' in window.description('Witness'), 'the end')
    key('alt+Left', 'alt+Left', 'alt+Left', 'alt+Left', 'alt+Right')
    until(lambda: "holds 'mutex at" in window.description('Witness') and 'waits' not in window.description('Witness'),
          'the first step')
    window.close()


def record_two_runs(folder):
    for run in ('payment', 'statement'):
        subprocess.run([TRENZA, 'record', '-q', '-o', str(folder / f'{run}.db'), '--', TWO_RUNS, run], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)


@case
def a_cycle_over_two_runs_is_shown(screen, folder):
    record_two_runs(folder)
    window = Window(screen, f'--with={folder}/statement.db', folder / 'payment.db')
    window.sees('opposite orders in different runs')
    window.sees('compared with statement.db')
    assert "'book_payment' holds mutex 'accounts'" in told(window, 'alt+Down')
    key('alt+3')
    window.sees('Click an arrow')
    seen = set()
    for _ in range(6):
        key('Right')
        seen.add(until(lambda: window.description('Graph of locks'), 'an edge'))
    assert "'accounts' was taken while 'journal' was held in another run" in seen, seen
    assert any("'journal' was taken while 'accounts' was held, 2 times" in text for text in seen), seen
    window.close()


def appears(window, text, seconds=8):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(text in name for name in window.names()):
            return True
        time.sleep(0.1)
    return False


@case
def another_run_is_chosen_in_a_dialog(screen, folder):
    record_two_runs(folder)
    window = opened(screen, folder, 'payment', 'Nothing found')
    # A letter that is lost on the way into the dialog may choose another file: then it is asked again.
    for _ in range(3):
        key('ctrl+m')
        answer('Compare with another run', folder / 'statement.db')
        if appears(window, 'opposite orders in different runs'):
            break
    window.sees('opposite orders in different runs')
    window.sees('statement.db')
    window.close()


@case
def another_run_that_cannot_be_read_is_told(screen, folder):
    record_two_runs(folder)
    window = Window(screen, f'--with={folder}/nowhere.db', folder / 'payment.db')
    window.sees("not compared: cannot open")
    window.sees('events of 3 threads')
    window.close()


@case
def light_and_dark_are_chosen_and_remembered(screen, folder):
    os.environ.pop('GTK_THEME', None)

    def brightness(name):
        window.picture(folder / name)
        return float(output('convert', str(folder / name), '-colorspace', 'Gray', '-format', '%[fx:mean]', 'info:'))
    window = opened(screen, folder, 'deadlock', '2 threads wait')
    light = brightness('light.png')
    key('F10')
    window.sees('About Trenza')
    window.click_menu('Dark')
    until(lambda: brightness('dark.png') < light - 0.3, 'the dark')
    window.close()
    window = opened(screen, folder, 'deadlock', '2 threads wait')
    assert brightness('again.png') < light - 0.3
    window.close()
    os.environ['GTK_THEME'] = 'Adwaita'


@case
def whatever_can_be_reached_by_keys_has_a_name(screen, folder):
    window = opened(screen, folder, 'deadlock', '2 threads wait')
    for view in ('1', '2', '3', '4'):
        key(f'alt+{view}')
        time.sleep(0.3)
        for widget in window.widgets():
            state = widget.getState()
            if state.contains(window.pyatspi.STATE_FOCUSABLE):
                role = widget.getRoleName()
                inside = [window.name_of(child) for child in window.widgets(widget)]
                assert window.name_of(widget) or any(inside), (view, role)
    window.close()


@case
def the_keyboard_reaches_every_part(screen, folder):
    window = opened(screen, folder, 'deadlock', '2 threads wait')
    reached = set()
    for _ in range(30):
        for widget in window.widgets():
            if widget.getState().contains(window.pyatspi.STATE_FOCUSED):
                reached.add(window.name_of(widget) or widget.getRoleName())
        key('Tab')
    for part in ('Open a trace', THREADS, 'Filter findings', 'Search the timeline', 'Witness'):
        assert any(part in name for name in reached), (part, reached)
    window.close()


if __name__ == '__main__':
    main()
