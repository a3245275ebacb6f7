# SPDX-License-Identifier: MIT
"""What looks like a deadlock to come and is none: calls that do not wait for ever, locks that never meet, and what others raise alarms about."""

import json
import re

import harness
from harness import TRENZA, case, program, require, require_equal, run


def check(folder, argv, *options):
    """(how a check of argv ended, its findings)"""
    report = folder / 'report.json'
    ended = run([TRENZA, 'check', f'--format=json:{report}', *options, '--', *argv], timeout=100)
    return ended, json.loads(report.read_text())['findings']


def require_quiet(folder, argv, events=20):
    ended, findings = check(folder, argv)
    require_equal(findings, [], f'findings of {argv}')
    require_equal(ended.status, 0, f'{argv}: {ended}')
    run_of = json.loads((folder / 'report.json').read_text())['runs'][0]
    require(run_of['events'] > events, f'{argv}: only {run_of["events"]} events')


@case
def calls_that_do_not_wait_for_ever(folder):
    ended, findings = check(folder, program('only_tries'), '--all')
    require_equal(ended.status, 0, f'status: {ended}')
    ways = int(re.match(rb'(\d+) ways, 0 failures', ended.out).group(1))
    cycles = [finding['reason'] for finding in findings if finding['rule'] == 'lock-order-cycle']
    require_equal(cycles, ['trylock'] * ways, 'reasons of the cycles')


@case
def locks_of_a_class_that_meet_by_data_alone(folder):
    ended, findings = check(folder, program('lock_class', 'data'))
    require_equal([(finding['rule'], finding['level']) for finding in findings], [('lock-order-cycle', 'warning')],
                  f'findings: {ended}')
    require_equal(ended.status, 0, 'status')


@case
def locks_of_a_class_with_parts_of_their_own(folder):
    require_quiet(folder, program('lock_class', 'places'))


@case
def locks_of_a_class_in_two_processes(folder):
    require_quiet(folder, program('lock_class', 'processes'))


def add_case(how):
    def run_case(folder):
        require_quiet(folder, program('looks_like', how), events=5)
    run_case.__name__ = f'looks_like_{how}'
    case(run_case)


for name in ('released', 'stack', 'construction', 'daemon', 'once'):
    add_case(name)

harness.main()
