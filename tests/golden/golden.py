# SPDX-License-Identifier: MIT
"""Runs one sample under `trenza check` and compares what is found with what is expected.

golden.py TRENZA SAMPLE EXPECTED|- [ARGUMENT...]        EXPECTED `-`: nothing must be found
With GOLDEN_UPDATE=1 in the environment, EXPECTED is written instead of compared. GOLDEN_OPTIONS are for `trenza check`.

A report is compared as text from which ids, addresses and times have gone. Line numbers are shown as the source line
they name, so that an expectation outlives an edit above it and still fails when the line is wrong. Besides that, every
run must lose no event and leave a trace in which no lock has two owners.
"""

import difflib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import std_order

SAMPLES = Path(__file__).resolve().parent.parent.parent / 'samples'
HARD_LIMIT_SECONDS = 60


def fail(message):
    print(message)
    sys.exit(1)


def run_bounded(command, folder):
    """(exit status, output) of command; it and all it started are killed when the hard limit is over."""
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=HARD_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        fail(f'{command} hung for {HARD_LIMIT_SECONDS} s\n{output}')
    return process.returncode, output


def source_line(frame):
    path = SAMPLES / Path(frame['file'] or '?').name
    if not frame['line'] or not path.exists():
        return None
    lines = path.read_text().splitlines()
    return lines[frame['line'] - 1].strip() if frame['line'] <= len(lines) else 'no such line'


def place(stack):
    """The innermost frame of a stack that is in a sample's source, as ` in function: source line`; '' for none."""
    for frame in stack or []:
        line = source_line(frame)
        if line:
            return f' in {frame["function"]}: {line}'
    return ''


class Mask:
    """Numbers that differ from run to run become letters, the same ones within a finding; line numbers go."""

    def __init__(self, finding):
        numbers = {int(number) for lock in finding['locks'] for number in re.findall(r'#(\d+)', lock['name'])}
        self.letters = {str(number): chr(ord('A') + i) for i, number in enumerate(sorted(numbers))}

    def __call__(self, text):
        text = re.sub(r'0x[0-9a-f]+', '0x..', text)
        text = re.sub(r'(\.c):\d+', r'\1:..', text)
        text = re.sub(r'\d+\.\d\d s\b', '.. s', text)
        text = re.sub(r'waited for \d+ times', 'waited for .. times', text)
        return re.sub(r'#(\d+)', lambda match: '#' + self.letters.get(match[1], '..'), text)


def step_text(step, names, mask):
    holding = ' and '.join(mask(name) for name in step['holding'])
    return (f'    {mask(names[step["thread"]])}: {step["action"]} {mask(step["lock"] or names.get(step.get("other_thread")) or "-")}'
            + (f' holding {holding}' if holding else '') + place(step['stack']))


def finding_text(finding):
    """The finding as lines. A cycle begins nowhere: what each thread does stands together, and the threads are sorted."""
    mask = Mask(finding)
    yield ' '.join(part for part in (finding['level'], finding['rule'], finding['verdict'], finding['reason']) if part)
    yield '  ' + mask(finding['message'])
    yield from sorted(f'    {lock["kind"]} {mask(lock["name"])}, made{place(lock["created"])}'
                      for lock in finding['locks'])
    yield from sorted(f'    thread {thread["name"]}, made{place(thread["created"]) or " by nobody"}'
                      for thread in finding['threads'])
    names = {thread['id']: thread['name'] for thread in finding['threads']}
    yield '  steps'
    yield from sorted('\n'.join(step_text(step, names, mask) for step in steps)
                      for _, steps in itertools.groupby(finding['steps'], key=lambda step: step['thread']))
    if finding['witness']:
        yield '  witness'
        yield from (step_text(step, names, mask) for step in finding['witness'])


def report_text(report, status):
    findings = sorted('\n'.join(finding_text(finding)) for finding in report['findings'])
    return '\n'.join([f'exit {status}'] + (findings or ['nothing found'])) + '\n'


def check_runs(report):
    if report['schema'] != 'trenza-report/1':
        fail(f'schema is {report["schema"]}')
    for run in report['runs']:
        if run['lost'] or not run['events']:
            fail(f'events {run["events"]}, lost {run["lost"]}')


def check_order(trenza, folder):
    status, output = run_bounded([trenza, 'export', '--format=std', '-o', 'trace.std', 'trace.db'], folder)
    if status:
        fail(f'export: exit {status}\n{output}')
    complaints = std_order.complaints((folder / 'trace.std').read_text().splitlines())
    if complaints:
        fail('\n'.join(complaints))


def main():
    trenza, sample, expected = (path if path == '-' else os.path.abspath(path) for path in sys.argv[1:4])
    with tempfile.TemporaryDirectory(prefix='trenza-golden-') as folder:
        folder = Path(folder)
        status, output = run_bounded([trenza, 'check', '-o', 'trace.db', '--format=json:report.json']
                                     + os.environ.get('GOLDEN_OPTIONS', '').split() + ['--', sample] + sys.argv[4:],
                                     folder)
        if not (folder / 'report.json').exists():
            fail(f'no report; exit {status}\n{output}')
        report = json.loads((folder / 'report.json').read_text())
        check_runs(report)
        text = report_text(report, status)
        check_order(trenza, folder)
    if expected == '-':
        wanted = 'exit 0\nnothing found\n'
    elif os.environ.get('GOLDEN_UPDATE'):
        Path(expected).write_text(text)
        return
    else:
        wanted = Path(expected).read_text()
    if text != wanted:
        print(output)
        fail('\n'.join(difflib.unified_diff(wanted.splitlines(), text.splitlines(), 'expected', 'found', lineterm='')))


if __name__ == '__main__':
    main()
