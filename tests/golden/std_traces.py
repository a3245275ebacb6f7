# SPDX-License-Identifier: MIT
"""Traces in STD form: what is found in them, that they come back as they were, and what is said of bad ones. TAP.

std_traces.py TRENZA FILE.std...     A file's first line says what to expect: `# patterns 1, predicted 0: why`

Patterns are cycles of different threads without a common outer lock, whatever orders them; those that lead through the end of
a thread are not counted.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_SECONDS = 30

# Lines, and what the message must say. Nothing may be left behind.
BAD = [
    ('T0|acq(L1)|1\nT1|acq(L1)|2\n', 'line 2: T1 acquires L1, which T0 holds'),
    ('T0|rel(L1)|1\n', 'line 1: T0 releases L1, which it does not hold'),
    ('T0|acq(L1)|1\n\nT0|lock(L2)|2\n', "line 3: there is no operation 'lock'"),
    ('T0|acq(L1)\n', 'line 1: three fields are needed'),
    ('T0|acq(L1)|1|2\n', 'line 1: three fields are needed'),
    ('T0|acq(L1)|here\n', "line 1: the location is a number, not 'here'"),
    ('T0|acq(L1)|99999999999999999999\n', 'line 1: the location is a number'),
    ('T0|acq|1\n', 'line 1: acq needs a name'),
    ('T0|acq()|1\n', 'line 1: acq needs a name'),
    ('T0|acq(L1|1\n', "line 1: 'acq(L1' does not end in ')'"),
    ('|acq(L1)|1\n', 'line 1: the thread has no name'),
    ('T1|acq(L1)|1\nT0|fork(T1)|2\n', 'line 2: T1 is forked although it has begun'),
    ('T0|fork(T1)|1\nT0|fork(1)|2\n', 'line 2: T1 is forked although it was before'),
    ('T0|fork(T0)|1\n', 'line 1: T0 cannot fork itself'),
    ('T0|fork(T1)|1\nT0|join(T1)|2\nT1|r(V)|3\n', 'line 3: T1 goes on after it has been joined'),
    ('T0|fork(T1)|1\nT0|join(T1)|2\nT0|join(T1)|3\n', 'line 3: T1 is joined twice'),
    ('T0|req(L1)|1\nT0|acq(L2)|2\n', 'line 2: T0 was about to acquire L1'),
    ('T0|acq(L1\x00)|1\n', 'line 1: this is no text'),
    ('# nothing\n\n', 'there is no operation in it'),
]

number = 0


def case(title, good, *details):
    global number
    number += 1
    print('ok' if good else 'not ok', number, '-', title)
    if not good:
        for detail in details:
            for line in str(detail).splitlines():
                print('#', line)


def run(command, folder, **options):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_SECONDS,
                          stdin=options.pop('stdin', subprocess.DEVNULL), **options)


def count(report):
    """(patterns, predicted) of a report with everything in it."""
    patterns = predicted = 0
    for finding in report['findings']:
        if finding['rule'] != 'lock-order-cycle':
            continue
        predicted += finding['verdict'] == 'predicted'
        real = finding['verdict'] in ('predicted', 'potential') or finding['reason'] == 'ordered'
        patterns += real and all(step['action'] != 'join-request' for step in finding['steps'])
    return patterns, predicted


def plain(lines):
    """A file's operations as `trenza export` writes them."""
    for line in lines:
        if line.startswith('#') or re.search(r'\|(begin|end)\b', line):
            continue
        line = re.sub(r'^(\d+)\|', r'T\1|', line)
        yield re.sub(r'(fork|join)\((\d+)\)', r'\1(T\2)', line)


def check_file(trenza, path, folder):
    lines = path.read_text().splitlines()
    wanted = tuple(map(int, re.match(r'# patterns (\d+), predicted (\d+): ', lines[0]).groups()))
    imported = run([trenza, 'import', '-o', 'trace.db', path], folder)
    checked = run([trenza, 'check', '--all', '--format=json', 'trace.db'], folder)
    exported = run([trenza, 'export', '--format=std', 'trace.db'], folder)
    found = count(json.loads(checked.stdout)) if not imported.returncode else None
    case(f'{path.stem}: patterns and predictions', found == wanted, found, wanted, imported.stderr, checked.stdout)
    case(f'{path.stem}: fails the check when predicted', checked.returncode == (66 if wanted[1] else 0), checked.stderr)
    case(f'{path.stem}: comes back as it was', exported.stdout.splitlines() == list(plain(lines)), exported.stdout)


def check_bad(trenza, text, message, folder):
    (folder / 'bad.std').write_bytes(text.encode())
    (folder / 'trace.db').write_text('precious')
    result = run([trenza, 'import', '-o', 'trace.db', 'bad.std'], folder)
    good = (result.returncode == 125 and message in result.stderr and result.stderr.count('\n') == 1
            and (folder / 'trace.db').read_text() == 'precious' and not (folder / 'trace.db.old').exists())
    case(f'bad: {message}', good, result.returncode, result.stderr)


def check_pipe(trenza, path, folder):
    with subprocess.Popen(['cat', path], stdout=subprocess.PIPE) as writer:
        result = run([trenza, 'import', '-'], folder, stdin=writer.stdout)
    exported = run([trenza, 'export', '--format=std', 'trenza.db'], folder)
    case('from a pipe to the default place', not result.returncode and
         exported.stdout.splitlines() == list(plain(path.read_text().splitlines())), result.stderr)


def main():
    trenza = str(Path(sys.argv[1]).resolve())
    paths = [Path(path).resolve() for path in sys.argv[2:]]
    print(f'1..{3 * len(paths) + len(BAD) + 1}')
    for path in paths:
        with tempfile.TemporaryDirectory(prefix='trenza-std-') as folder:
            check_file(trenza, path, Path(folder))
    for text, message in BAD:
        with tempfile.TemporaryDirectory(prefix='trenza-std-') as folder:
            check_bad(trenza, text, message, Path(folder))
    with tempfile.TemporaryDirectory(prefix='trenza-std-') as folder:
        check_pipe(trenza, paths[0], Path(folder))


if __name__ == '__main__':
    main()
