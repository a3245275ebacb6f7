# SPDX-License-Identifier: MIT
"""How traces come into the window, what it says when they cannot, and how pictures leave it, as TAP.

test_opening.py TRENZA_GUI MAKE_TRACE TRENZA DRAG_SOURCE BUSY
"""

import os
import shutil
import subprocess
import time

from screen import GUI, MORE, PATIENCE, TRENZA, Window, answer, case, dimensions, export, key, main, output, until, windows_of

DRAG_SOURCE, BUSY = MORE


def titles(window):
    return [window.name_of(frame) for frame in window.application]


def middle_of(window_id):
    shell = dict(line.split('=') for line in output('xdotool', 'getwindowgeometry', '--shell', window_id).split() if '=' in line)
    return int(shell['X']) + int(shell['WIDTH']) // 2, int(shell['Y']) + int(shell['HEIGHT']) // 2


def drag(from_point, to_point):
    """Slowly enough for both programs to notice."""
    subprocess.run(['xdotool', 'mousemove', *map(str, from_point), 'mousedown', '1'], check=True, timeout=30)
    for share in range(1, 11):
        at = [round(a + (b - a) * share / 10) for a, b in zip(from_point, to_point)]
        subprocess.run(['xdotool', 'mousemove', *map(str, at)], check=True, timeout=30)
        time.sleep(0.05)
    time.sleep(0.3)
    subprocess.run(['xdotool', 'mouseup', '1'], check=True, timeout=30)


def drop_source(screen, *files):
    source = screen.start([DRAG_SOURCE, *map(str, files)])
    window = until(lambda: windows_of(source.pid), 'the source of files')[-1]
    subprocess.run(['xdotool', 'windowmove', '--sync', window, '1200', '700'], timeout=30)
    subprocess.run(['xdotool', 'windowactivate', '--sync', window], timeout=30)
    time.sleep(0.3)
    return source, middle_of(window)


@case
def a_file_is_dropped_on_the_window(screen, folder):
    window = Window(screen)
    window.sees('See how threads cross')
    source, place = drop_source(screen, folder / 'deadlock.db')
    drag(place, (500, 300))
    window.sees('2 threads wait for each other for ever')
    source.kill()
    source.wait()
    window.activate()
    window.close()


@case
def each_of_several_dropped_files_gets_a_window(screen, folder):
    window = Window(screen)
    window.sees('See how threads cross')
    source, place = drop_source(screen, folder / 'deadlock.db', folder / 'quiet.db')
    drag(place, (500, 300))
    until(lambda: sorted(title[:8] for title in titles(window)) == ['deadlock', 'quiet.db'], 'two windows')
    source.kill()
    source.wait()
    key('ctrl+q')
    assert window.process.wait(PATIENCE) == 0


@case
def a_trace_is_opened_by_the_dialog(screen, folder):
    window = Window(screen)
    window.sees('See how threads cross')
    key('ctrl+o')
    answer('Open a trace', folder / 'deadlock.db')
    window.sees('2 threads wait for each other for ever')
    window.close()


@case
def a_dialog_that_is_cancelled_changes_nothing(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    key('ctrl+o')
    until(lambda: output('xdotool', 'search', '--onlyvisible', '--name', 'Open a trace').split(), 'the dialog')
    key('Escape')
    until(lambda: not output('xdotool', 'search', '--onlyvisible', '--name', 'Open a trace').split(), 'its end')
    window.sees('2 threads wait')
    window.close()


@case
def what_was_opened_is_in_the_list_of_recent_files(screen, folder):
    shutil.copy(folder / 'deadlock.db', folder / 'remembered.db')
    window = Window(screen, folder / 'remembered.db')
    window.sees('2 threads wait')
    window.close()
    window = Window(screen)
    window.sees('Recent')
    window.click(window.sees_one('remembered.db'))
    window.sees('2 threads wait for each other for ever')
    window.close()


@case
def a_recent_file_that_is_gone_is_not_listed(screen, folder):
    shutil.copy(folder / 'deadlock.db', folder / 'remembered.db')
    window = Window(screen, folder / 'remembered.db')
    window.sees('2 threads wait')
    window.close()
    (folder / 'remembered.db').unlink()
    window = Window(screen)
    window.sees('See how threads cross')
    time.sleep(1)
    assert 'remembered.db' not in window.names()
    window.close()


@case
def each_trace_has_a_window_in_one_process(screen, folder):
    window = Window(screen, folder / 'deadlock.db', folder / 'quiet.db')
    until(lambda: sorted(title[:8] for title in titles(window)) == ['deadlock', 'quiet.db'], 'two windows')
    # Started again, the program asks the one that runs.
    shutil.copy(folder / 'quiet.db', folder / 'third.db')
    subprocess.run([GUI, str(folder / 'third.db')], check=True, timeout=PATIENCE)
    until(lambda: 'third.db' in ' '.join(titles(window)) and len(titles(window)) == 3, 'the third')
    key('ctrl+n')
    until(lambda: len(titles(window)) == 4, 'an empty one')
    window.sees('See how threads cross')
    key('ctrl+w')
    until(lambda: len(titles(window)) == 3, 'it closed alone')
    key('ctrl+q')
    assert window.process.wait(PATIENCE) == 0


@case
def a_choice_in_one_window_leaves_the_other_alone(screen, folder):
    window = Window(screen, folder / 'deadlock.db', folder / 'quiet.db')
    until(lambda: len(titles(window)) == 2, 'two windows')
    first = next(wid for wid in windows_of(window.process.pid) if 'quiet' in output('xdotool', 'getwindowname', wid))
    subprocess.run(['xdotool', 'windowactivate', '--sync', first], timeout=30)
    key('alt+4')
    window.sees('Max. wait')
    witness = [widget for widget in window.widgets() if window.name_of(widget) == 'Witness']
    assert any('Nobody can go on.' in widget.description for widget in witness)
    key('ctrl+q')
    assert window.process.wait(PATIENCE) == 0


def refused(screen, folder, name, *words):
    window = Window(screen, folder / name)
    window.sees('This trace cannot be shown')
    for word in words:
        window.sees(word)
    window.sees('Open another')
    window.close()


@case
def an_empty_file_is_refused(screen, folder):
    (folder / 'empty.db').write_bytes(b'')
    refused(screen, folder, 'empty.db', "empty.db' is not a Trenza trace")


@case
def a_foreign_database_is_refused(screen, folder):
    subprocess.run(['sqlite3', str(folder / 'foreign.db'), 'CREATE TABLE birds (name); INSERT INTO birds VALUES (1);'], check=True)
    refused(screen, folder, 'foreign.db', "foreign.db' is a SQLite file, but not a Trenza trace")


@case
def a_missing_file_is_refused(screen, folder):
    refused(screen, folder, 'missing.db', "missing.db': No such file or directory")


@case
def a_folder_is_refused(screen, folder):
    (folder / 'folder.db').mkdir()
    refused(screen, folder, 'folder.db', "folder.db'")


@case
def a_newer_trace_is_refused(screen, folder):
    shutil.copy(folder / 'deadlock.db', folder / 'newer.db')
    subprocess.run(['sqlite3', str(folder / 'newer.db'), 'PRAGMA user_version = 1000;'], check=True)
    refused(screen, folder, 'newer.db', 'was written by a newer Trenza (format 1000')


@case
def damaged_traces_are_refused_or_shown_but_never_crash(screen, folder):
    whole = (folder / 'deadlock.db').read_bytes()
    pieces = {'cut': whole[:len(whole) // 2], 'hole': whole[:4096] + bytes(8192) + whole[12288:],
              'noise': whole[:8192] + bytes(byte ^ 0x5a for byte in whole[8192:20480]) + whole[20480:]}
    for name, content in pieces.items():
        (folder / f'{name}.db').write_bytes(content)
        window = Window(screen, folder / f'{name}.db')
        until(lambda: any('This trace cannot be shown' in text or 'events of' in text for text in window.names()), name)
        window.close()


@case
def after_a_refusal_another_trace_can_be_opened(screen, folder):
    (folder / 'empty.db').write_bytes(b'')
    window = Window(screen, folder / 'empty.db')
    window.sees('This trace cannot be shown')
    window.activate()
    subprocess.run([GUI, str(folder / 'deadlock.db')], check=True, timeout=PATIENCE)
    window.sees('2 threads wait')
    assert len(titles(window)) == 1, titles(window)
    window.close()


@case
def a_long_trace_shows_how_far_it_is_and_can_be_cancelled(screen, folder):
    trace = folder / 'long.db'
    subprocess.run([TRENZA, 'record', '-q', '-o', str(trace), '--', BUSY, '2500000'], check=True, timeout=120)
    window = Window(screen, trace)
    bar = until(lambda: next((widget for widget in window.widgets() if widget.getRoleName() == 'progress bar'), None), 'progress')
    until(lambda: 0 < bar.queryValue().currentValue <= 1, 'how far it is')
    key('Return')
    window.sees('See how threads cross')
    assert not any('events of' in name for name in window.names())
    window.close()
    trace.unlink()


@case
def pictures_are_written_in_each_format(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    until(lambda: 'Nobody can go on.' in window.description('Witness'), 'the witness')
    for view, ending in (('1', 'svg'), ('1', 'pdf'), ('2', 'png'), ('2', 'svg'), ('3', 'svg'), ('3', 'png')):
        key(f'alt+{view}')
        path = folder / f'view{view}.{ending}'
        export(window, path)
        if ending == 'pdf':
            assert path.read_bytes().startswith(b'%PDF-')
        else:
            width, height = dimensions(path)
            assert width > 500 and height > 300, (path, width, height)
    window.close()


@case
def a_name_without_an_ending_is_told(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    export(window, folder / 'picture.gif', says='does not end in .png, .svg or .pdf')
    assert not (folder / 'picture.gif').exists()
    window.close()


@case
def the_about_dialog_says_what_this_is(screen, folder):
    window = Window(screen)
    window.sees('See how threads cross')
    key('F10')
    window.sees('About Trenza')
    key('Up', 'Return')
    until(lambda: output('xdotool', 'search', '--onlyvisible', '--name', 'About Trenza').split(), 'the dialog')
    version = output(GUI, '--version').split()[1]
    window.sees(version)
    key('Escape')
    until(lambda: not output('xdotool', 'search', '--onlyvisible', '--name', 'About Trenza').split(), 'its end')
    window.close()


@case
def sizes_are_remembered(screen, folder):
    window = Window(screen, folder / 'deadlock.db')
    window.sees('2 threads wait')
    subprocess.run(['xdotool', 'windowsize', '--sync', window.id, '1100', '640'], timeout=30)
    time.sleep(0.5)
    key('F9')  # without the findings
    until(lambda: not window.is_showing('Filter findings'), 'no findings')
    before = dimensions_of(window.id)
    window.close()
    window = Window(screen, folder / 'deadlock.db', size=None)
    until(lambda: 'Nobody can go on.' in window.description('Witness'), 'the witness')
    until(lambda: dimensions_of(window.id) == before, f'a window of {before}')
    assert not window.is_showing('Filter findings')
    key('F9')
    until(lambda: window.is_showing('Filter findings'), 'the findings')
    window.close()


def dimensions_of(window_id):
    shell = dict(line.split('=') for line in output('xdotool', 'getwindowgeometry', '--shell', window_id).split() if '=' in line)
    return int(shell['WIDTH']), int(shell['HEIGHT'])


@case
def the_desktop_knows_the_program(screen, folder):
    data = os.environ['TRENZA_GUI_DATA']
    subprocess.run(['desktop-file-validate', f'{data}/org.trenza.Trenza.desktop'], check=True, timeout=30)
    subprocess.run(['appstreamcli', 'validate', '--no-net', f'{data}/org.trenza.Trenza.metainfo.xml'], check=True, timeout=30,
                   stdout=subprocess.DEVNULL)


if __name__ == '__main__':
    main()
