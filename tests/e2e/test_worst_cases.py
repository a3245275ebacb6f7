# SPDX-License-Identifier: MIT
"""Traces that are worst for the analysis end in a time that depends on their length, not on what could be combined in them.

The bounds are processor time, ten times what is needed and a fifth of what it took without the limits on the search, the hash
of all bits of a key, and sets that answer without looking at everything that is held.
"""

import os
import subprocess

from harness import FOUND_SOMETHING, TRENZA, case, main, program, require, require_equal

MAKE_EVENTS = program('../bench/make_events')
EVENTS = 600_000
CPU_S = 15
FINDINGS_MAX = 2000
BOUND = 'a bound was reached'


def checked(folder, shape, threads, locks):
    """Exit code, report and processor time of a check of a made trace."""
    trace = folder / f'{shape}.db'
    subprocess.run([*MAKE_EVENTS, shape, str(EVENTS), str(threads), str(locks), trace], check=True, timeout=60)
    before = os.times()
    done = subprocess.run([TRENZA, 'check', trace], capture_output=True, text=True, timeout=120)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    require(used < CPU_S, f'{used:.1f} s of processor time')
    return done.returncode, done.stdout + done.stderr


def require_bounded(code, report):
    require_equal(code, FOUND_SOMETHING, 'exit code')
    require(BOUND in report, 'the report does not say that a bound was reached')
    findings = report.count('lock-order-cycle: ')
    require(0 < findings <= FINDINGS_MAX, f'{findings} cycles')


@case
def wrong_orders_by_few_threads(folder):
    require_bounded(*checked(folder, 'cyclic', 16, 100))


@case
def wrong_orders_by_two_hundred_threads(folder):
    require_bounded(*checked(folder, 'cyclic', 200, 1000))


@case
def a_thousand_locks_in_all_orders(folder):
    require_bounded(*checked(folder, 'orders', 8, 1000))


@case
def a_thousand_locks_held_at_once(folder):
    code, report = checked(folder, 'held', 8, 1000)
    require_equal(code, 0, 'exit code')
    require('nothing found' in report, report)


@case
def one_cycle_again_and_again(folder):
    code, report = checked(folder, 'ring', 8, 100)
    require_equal(code, FOUND_SOMETHING, 'exit code')
    require_equal(report.count('lock-order-cycle: '), 1, 'cycles')
    require('verdict: predicted' in report, report)


@case
def one_cycle_that_is_ordered_each_time(folder):
    code, report = checked(folder, 'ordered', 8, 100)
    require_equal(code, 0, 'exit code')


main()
