# SPDX-License-Identifier: MIT
"""What a check is to the program and to whoever watches it: nothing in the way, and progress for people only."""

import json
import os
import pty
import shutil
import subprocess

import harness
from harness import FOUND_SOMETHING, PROGRAMS, TRENZA, case, require, require_equal, run

SAMPLES = PROGRAMS.parent.parent / 'samples'


def on_a_terminal(argv, **more):
    """Runs argv with a terminal as all three streams: (status, what it showed)."""
    master, slave = pty.openpty()
    with subprocess.Popen([str(word) for word in argv], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                          env={**os.environ, 'TERM': 'xterm', 'NO_COLOR': ''}, **more) as process:
        os.close(slave)
        shown = b''
        try:
            while piece := os.read(master, 65536):
                shown += piece
        except OSError:  # the last one has closed it
            pass
        os.close(master)
        return process.wait(60), shown.decode(errors='replace')


@case
def streams_pass_through_untouched(folder):
    data = harness.generated_bytes(300_000)
    ended = run([TRENZA, 'check', f'--format=text:{folder}/t', '--', 'sh', '-c', 'tee /dev/stderr; exit 9'], input=data)
    require_equal((ended.status, ended.out == data, ended.err == data), (9, True, True), 'status, output, errors')
    script = 'for f in 0 1 2; do test -t $f || exit 8; done; stty size >/dev/null && exit 7'
    status, shown = on_a_terminal([TRENZA, 'check', f'--format=text:{folder}/t', '--', 'sh', '-c', script])
    require_equal((status, shown), (7, ''), 'a terminal')


@case
def colour_and_progress_are_for_terminals(folder):
    (folder / 'traces').mkdir()
    run([TRENZA, 'record', '-q', '-o', folder / 'traces/0.db', '--', SAMPLES / 'abba'])
    for number in range(1, 8):
        shutil.copy(folder / 'traces/0.db', folder / f'traces/{number}.db')
    status, shown = on_a_terminal([TRENZA, 'check', folder / 'traces'])
    require_equal(status, FOUND_SOMETHING, 'status')
    require('8 of 8 traces' in shown and '\033[1;31m' in shown, f'on a terminal: {shown[:300]!r}')
    require('\r\033[K' in shown and shown.index('8 of 8') < shown.index('lock-order-cycle'), 'the line of progress goes')
    ended = run([TRENZA, 'check', folder / 'traces'])
    require(b'of 8 traces' not in ended.err and b'\033' not in ended.out + ended.err, f'elsewhere: {ended}')


if __name__ == '__main__':
    harness.main()
