# SPDX-License-Identifier: MIT
"""Tests of the tests' own tools, as TAP: the counting of tests/run and the order check."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import run
import std_order


def result(outcome, stdout=''):
    return {'result': outcome, 'stdout': stdout}


def order(text):
    return std_order.complaints(text.split())


CASES = [
    ('a plain test counts as one', run.count_cases(result('OK'), False) == (1, 0)),
    ('a plain test that timed out has failed', run.count_cases(result('TIMEOUT'), False) == (0, 1)),
    ('a plain test that was skipped has failed', run.count_cases(result('SKIP'), False) == (0, 1)),
    ('each case of TAP counts', run.count_cases(result('FAIL', '1..3\nok 1 - a\nnot ok 2 - b\nok 3\n'), True) == (2, 1)),
    ('a skipped case has failed', run.count_cases(result('OK', '1..2\nok 1 # SKIP no\nok 2\n'), True) == (1, 1)),
    ('a crash after good cases is a failure', run.count_cases(result('ERROR', '1..2\nok 1\n'), True) == (1, 1)),
    ('TAP without cases is a failure', run.count_cases(result('OK', '1..0\n'), True) == (0, 1)),
    ('a clean order', order('T0|fork(T1)|0 T1|acq(L1)|1 T1|acq(L1)|1 T1|rel(L1)|2 T1|rel(L1)|3 T0|acq(L1)|4') == []),
    ('two owners', len(order('T1|acq(L1)|1 T2|acq(L1)|2')) == 1),
    ('an inner release keeps the lock', len(order('T1|acq(L1)|1 T1|acq(L1)|1 T1|rel(L1)|2 T2|acq(L1)|2')) == 1),
    ('a release by another', len(order('T1|acq(L1)|1 T2|rel(L1)|2')) == 1),
    ('created after its first step', len(order('T1|acq(L1)|1 T0|fork(T1)|2')) == 1),
    ('not the format', len(order('T1,acq,L1')) == 1),
]

print(f'1..{len(CASES)}')
for number, (title, holds) in enumerate(CASES, 1):
    print('ok' if holds else 'not ok', number, '-', title)
