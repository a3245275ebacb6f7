# SPDX-License-Identifier: MIT
"""What Helgrind, DRD and ThreadSanitizer say of each sample, beside what Trenza says.

peers.py SAMPLES_BUILD_DIR [SAMPLE...]      TRENZA in the environment: the program, else `trenza`

A table in Markdown: per sample the rules that Trenza reports, and the kinds of reports of the others; `hangs` when a tool
was still running after the limit. Data races are left out: they are not what the samples are about.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent.parent / 'samples'
TRENZA = os.environ.get('TRENZA', 'trenza')
LIMIT_SECONDS = 12

VALGRIND_KINDS = (
    ('lock order', r'lock order "'),
    ('already locked', r'Attempt to (re-)?lock a|Recursive locking not allowed|already locked|Mutex is already'),
    ('exits holding', r'Exiting thread still holds|thread exit.*lock|still locked'),
    ('bad unlock', r'unlocked a (not-locked|lock.*not held|.*held by)|Mutex not locked|not locked by calling thread|unlocked lock'),
    ('destroyed while locked', r'destroy of a (locked|.*being waited)|Destroying locked|destruction of .*waiter|Memory freed contains a locked'),
    ('condition', r'cond_(timed)?wait.*(without|mutex)|associated lock is not held|Condition variable|different mutex|Inconsistent association'),
    ('invalid', r'with invalid|not (yet )?initialized|reinitializ|unknown lock|bogus|uninit|invalid argument'),
    ('error returned', r"failed|with error code"),
)
TSAN_KINDS = (
    ('lock order', r'lock-order-inversion'),
    ('already locked', r'double lock'),
    ('bad unlock', r'unlock of an unlocked|unlock by wrong|read unlock'),
    ('destroyed while locked', r'destroy of a locked'),
    ('invalid', r'use of an invalid mutex|uninitialized'),
    ('thread leak', r'thread leak'),
)


def bounded(command, folder, environment=None):
    """Output of command, or None when it was still running at the limit."""
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors='replace', start_new_session=True,
                               env={**os.environ, **(environment or {})})
    try:
        return process.communicate(timeout=LIMIT_SECONDS)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return (process.communicate()[0] or '') + '\nHANGS\n'


def kinds(output, known):
    found = [name for name, pattern in known if re.search(pattern, output)]
    if output.endswith('HANGS\n'):
        found.append('**hangs**')
    return ', '.join(found) or '-'


def of_trenza(sample, folder):
    output = bounded([TRENZA, 'check', '--blocking-calls', '--', str(sample)], folder)
    rules = re.findall(r'^\S+ (error|warning|note): ([a-z-]+):', output, re.M)
    return ', '.join(dict.fromkeys(rule for _, rule in rules)) or '-'


def of_valgrind(tool, sample, folder):
    return kinds(bounded(['valgrind', f'--tool={tool}', str(sample)], folder), VALGRIND_KINDS)


def of_tsan(name, folder):
    program = folder / f'{name}.tsan'
    built = subprocess.run(['gcc', '-g', '-O1', '-fsanitize=thread', '-pthread', '-o', program, SOURCES / f'{name}.c'],
                           capture_output=True)
    if built.returncode != 0:
        return 'cannot be built'
    return kinds(bounded(['setarch', '-R', str(program)], folder, {'TSAN_OPTIONS': 'detect_deadlocks=1:second_deadlock_stack=1'}),
                 TSAN_KINDS)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = Path(sys.argv[1]).resolve()
    names = sys.argv[2:] or sorted(path.stem for path in SOURCES.glob('*.c') if (build / path.stem).exists())
    folder = Path(tempfile.mkdtemp(prefix='trenza-peers-'))
    print('| sample | Trenza | Helgrind | DRD | ThreadSanitizer |\n|---|---|---|---|---|')
    try:
        for name in names:
            sample = build / name
            print(f'| {name} | {of_trenza(sample, folder)} | {of_valgrind("helgrind", sample, folder)} | '
                  f'{of_valgrind("drd", sample, folder)} | {of_tsan(name, folder)} |', flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
