# SPDX-License-Identifier: MIT
"""The pictures of --render, as TAP: each view is drawn without a display and compared with the one kept in pictures/.

test_pictures.py TRENZA_GUI MAKE_TRACE

Compared are small versions: what is drawn where in which colour counts, not how a font's letters are shaped.
GOLDEN_UPDATE=1 keeps new ones.
"""

import os
import subprocess
import sys
import tempfile
import xml.dom.minidom
from pathlib import Path

GUI, MAKE_TRACE = sys.argv[1:3]
KEPT = Path(__file__).parent / 'pictures'
SMALL = '80x45'
# Mean difference of a channel, of 255: the same picture in another font stays below it, a missing lane does not.
TOLERANCE = 2.5
CASES = []


def case(function):
    CASES.append(function)
    return function


def run(*arguments, environment=None):
    environment = environment or {key: value for key, value in os.environ.items() if key not in ('DISPLAY', 'WAYLAND_DISPLAY')}
    return subprocess.run([GUI, *map(str, arguments)], capture_output=True, text=True, timeout=60, env=environment)


def render(folder, name, *options, trace='deadlock'):
    output = folder / name
    result = run(f'--render={output}', *options, folder / f'{trace}.db')
    assert result.returncode == 0, result.stderr
    assert not result.stderr, result.stderr
    return output


def pixels(picture):
    data = subprocess.run(['convert', str(picture), '-resize', SMALL + '!', '-depth', '8', 'rgb:-'], check=True,
                          capture_output=True, timeout=60).stdout
    return data


def difference(a, b):
    first, second = pixels(a), pixels(b)
    assert len(first) == len(second)
    return sum(abs(x - y) for x, y in zip(first, second)) / len(first)


def compare(folder, name, *options, trace='deadlock'):
    picture = render(folder, name + '.png', *options, trace=trace)
    kept = KEPT / (name + '.png')
    if os.environ.get('GOLDEN_UPDATE'):
        KEPT.mkdir(exist_ok=True)
        subprocess.run(['convert', str(picture), '-resize', SMALL + '!', '-strip', str(kept)], check=True)
    apart = difference(picture, kept)
    assert apart < TOLERANCE, f'{name} differs by {apart:.1f}'


@case
def the_timeline(folder):
    compare(folder, 'timeline', '--size=1600x900')
    compare(folder, 'timeline_dark_small', '--size=1000x600', '--dark')


@case
def a_trace_without_findings(folder):
    compare(folder, 'quiet', '--size=1000x600', trace='quiet')


@case
def the_locks(folder):
    compare(folder, 'locks', '--view=locks', '--size=1000x600')


@case
def the_graph(folder):
    compare(folder, 'graph', '--view=graph', '--size=1000x600')


@case
def the_table(folder):
    compare(folder, 'table', '--view=table', '--size=1000x400')
    svg = render(folder, 'table.svg', '--view=table', '--size=1000x400').read_text()
    assert '<image' not in svg and '<svg' in svg, 'not drawn as vectors'


@case
def the_witness(folder):
    compare(folder, 'witness', '--view=witness', '--size=1000x400')


@case
def the_comparison_sees_what_is_missing(folder):
    whole = render(folder, 'whole.png', '--finding=none')
    for options in (['--dark'], ['--view=locks'], ['--from=3ms', '--to=5ms']):
        other = render(folder, 'other.png', '--finding=none', *options)
        assert difference(whole, other) > TOLERANCE, options


@case
def the_same_trace_gives_the_same_picture(folder):
    assert render(folder, 'one.png').read_bytes() == render(folder, 'two.png').read_bytes()


@case
def vector_formats(folder):
    svg = render(folder, 'timeline.svg').read_text()
    assert xml.dom.minidom.parseString(svg).documentElement.tagName == 'svg'
    assert render(folder, 'timeline.pdf').read_bytes().startswith(b'%PDF-')


@case
def mistakes_are_told_in_a_line(folder):
    (folder / 'foreign.db').write_bytes(b'SQLite format 3\0' + bytes(4096))
    (folder / 'empty.db').write_bytes(b'')
    damaged = bytearray((folder / 'deadlock.db').read_bytes())
    damaged[4096:] = bytes(len(damaged) - 4096)
    (folder / 'damaged.db').write_bytes(damaged)
    good = folder / 'deadlock.db'
    for arguments in ([folder / 'foreign.db'], [folder / 'empty.db'], [folder / 'damaged.db'], [folder / 'missing.db'], [],
                      [good, good], ['--size=0x0', good], ['--size=big', good], ['--view=upside-down', good],
                      ['--finding=zzz', good], ['--from=yesterday', good], ['--from=5ms', '--to=2ms', good],
                      ['--view=witness', folder / 'quiet.db']):
        result = run(f'--render={folder}/out.png', *arguments)
        assert result.returncode == 125, (arguments, result)
        assert result.stderr.startswith('trenza-gui: ') and result.stderr.count('\n') == 1, (arguments, result.stderr)
    assert run(f'--render={folder}/out.gif', good).returncode == 125
    assert run(f'--render={folder}/no/such/out.png', good).returncode == 125


def main():
    failed = 0
    print(f'1..{len(CASES)}')
    with tempfile.TemporaryDirectory(prefix='trenza-pictures-') as name:
        folder = Path(name)
        for trace in ('deadlock', 'quiet'):
            subprocess.run([MAKE_TRACE, trace, str(folder / f'{trace}.db')], check=True, timeout=60)
        for number, function in enumerate(CASES, 1):
            title = function.__name__.replace('_', ' ')
            try:
                function(folder)
                print('ok', number, '-', title)
            except Exception as problem:  # noqa: BLE001: any failure is this case's
                failed += 1
                print('not ok', number, '-', title)
                print('#', repr(problem).replace('\n', ' '))
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
