# SPDX-License-Identifier: MIT
"""Runs the tests of a build folder through meson and counts their cases.

run.py BUILD [PATTERN]. A test that speaks TAP counts as its cases, any other as one. A case that was skipped has not
passed, so it counts as failed; so does a test that ended badly although none of its cases did, or that had none.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

LOG_LINES = 100
CASE = re.compile(r'^(not ok|ok)\b(.*)$', re.MULTILINE)


def full_name(test):
    """As meson's log has it: `project:suite / name`."""
    return '+'.join(test['suite']) + ' / ' + test['name']


def selected_tests(build, pattern):
    tests = json.loads(subprocess.check_output(['meson', 'introspect', '--tests', str(build)]))
    return [test for test in tests if re.search(pattern, full_name(test))]


def count_cases(result, speaks_tap):
    """(passed, failed) of one line of meson's log."""
    ended_well = result['result'] == 'OK'
    if not speaks_tap:
        return (1, 0) if ended_well else (0, 1)
    passed = failed = 0
    for outcome, rest in CASE.findall(result['stdout'] or ''):
        if outcome == 'ok' and not re.search(r'#\s*skip', rest, re.IGNORECASE):
            passed += 1
        else:
            failed += 1
    if not failed and (not ended_well or not passed):
        failed = 1
    return passed, failed


def show_log(result, speaks_tap):
    """What a failed test said, without the cases that passed, at most the last lines of it."""
    lines = (result['stdout'] or '').splitlines()
    if speaks_tap:
        lines = [line for line in lines if not line.startswith('ok ')]
    lines += (result.get('stderr') or '').splitlines()
    print(f'\n--- {result["name"]}: {result["result"]} after {result["duration"]:.1f} s')
    print('\n'.join(lines[-LOG_LINES:]))


def main():
    build = Path(sys.argv[1])
    pattern = sys.argv[2] if len(sys.argv) > 2 else ''
    tests = selected_tests(build, pattern)
    if not tests:
        print(f'no test matches {pattern!r}')
        print('0 passed, 0 failed')
        return 1
    log = build / 'meson-logs' / 'testlog.json'
    log.unlink(missing_ok=True)
    command = ['meson', 'test', '-C', str(build), '--no-rebuild']
    status = subprocess.run(command + ([test['name'] for test in tests] if pattern else [])).returncode

    tap = {full_name(test) for test in tests if test['protocol'] == 'tap'}
    unseen = {full_name(test) for test in tests}
    passed = failed = 0
    for line in log.read_text().splitlines() if log.exists() else []:
        result = json.loads(line)
        unseen.discard(result['name'])
        cases = count_cases(result, result['name'] in tap)
        passed += cases[0]
        failed += cases[1]
        if cases[1]:
            show_log(result, result['name'] in tap)
    for name in sorted(unseen):
        print(f'{name}: did not run')
        failed += 1
    print(f'\n{passed} passed, {failed} failed')
    return 1 if failed or status else 0


if __name__ == '__main__':
    sys.exit(main())
