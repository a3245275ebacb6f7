# SPDX-License-Identifier: MIT
"""Several runs of one program looked at together: what each of them has in order may be a cycle over all of them."""

import json
from pathlib import Path

import jsonschema

import harness
from harness import FOUND_SOMETHING, PROGRAMS, TRENZA, case, require, require_equal, run

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = PROGRAMS.parent.parent / 'samples'
SCHEMA = json.loads((ROOT / 'analyzer/report/trenza-report-1.schema.json').read_text())


def recorded(folder, sample, argument, name):
    run([TRENZA, 'record', '-q', '-o', folder / name, '--', SAMPLES / sample, argument])
    require((folder / name).exists(), 'no trace')
    return folder / name


def findings(*traces):
    ended = run([TRENZA, 'check', '--format=json', *traces], cwd=ROOT)
    require_equal(ended.status, 0, 'status')
    report = json.loads(ended.out)
    jsonschema.validate(report, SCHEMA)
    return report['findings']


@case
def opposite_orders_in_two_runs_are_one_cycle(folder):
    payment = recorded(folder, 'two_runs', 'payment', 'payment.db')
    statement = recorded(folder, 'two_runs', 'statement', 'statement.db')
    for alone in ([payment], [statement], [payment, payment]):
        require_equal(findings(*alone), [], f'findings of {alone}')
    found = findings(payment, statement)
    require_equal([(one['rule'], one['verdict'], one['level']) for one in found],
                  [('lock-order-cycle', 'potential', 'warning')], 'findings')
    require_equal(sorted(lock['name'] for lock in found[0]['locks']), ['accounts', 'journal'], 'locks')
    require_equal(sorted(thread['name'] for thread in found[0]['threads']), ['book_payment', 'print_statement'], 'threads')
    require_equal([(step['action'], step['lock'], step['holding']) for step in found[0]['steps']],
                  [('acquire', 'accounts', []), ('request', 'journal', ['accounts']),
                   ('acquire', 'journal', []), ('request', 'accounts', ['journal'])], 'steps')
    for step, function in zip(found[0]['steps'], ['book_payment'] * 2 + ['print_statement'] * 2):
        require_equal(step['stack'][0]['function'], function, 'where')
    for trace in (payment, statement):
        require(str(trace) in found[0]['message'], found[0]['message'])
    require_equal(findings(statement, payment), found, 'findings in the other order')
    require_equal(findings(folder), found, 'findings of the folder')


@case
def the_finding_is_the_same_in_other_runs(folder):
    ids = set()
    for i in range(2):
        pair = [recorded(folder, 'two_runs', word, f'{word}{i}.db') for word in ('payment', 'statement')]
        ids.update(one['id'] for one in findings(*pair))
    require_equal(len(ids), 1, 'ids')
    require_equal({one['id'] for one in findings(folder)}, ids, 'id over all four')


@case
def every_format_tells_it(folder):
    pair = [recorded(folder, 'two_runs', word, f'{word}.db') for word in ('payment', 'statement')]
    for form in ('text', 'sarif', 'junit', 'github'):
        ended = run([TRENZA, 'check', '--fail-on=warning', f'--format={form}', *pair], cwd=ROOT)
        require_equal(ended.status, FOUND_SOMETHING, form)
        require(b'opposite orders in different runs' in ended.out, f'{form}: {ended}')
    text = run([TRENZA, 'check', *pair], cwd=ROOT).out
    require(b'verdict: potential (nothing recorded rules it out; the orders were seen in different runs)' in text, text)


@case
def one_order_in_all_runs_is_none(folder):
    require_equal(findings(*[recorded(folder, 'two_runs_fixed', word, f'{word}.db') for word in ('payment', 'statement')]), [],
                  'findings')


@case
def runs_of_different_programs_have_nothing_in_common(folder):
    pair = [recorded(folder, 'two_runs', 'statement', 'a.db'), recorded(folder, 'two_runs_fixed', 'payment', 'b.db')]
    require_equal(findings(*pair), [], 'findings')


@case
def what_cannot_happen_in_one_run_cannot_over_several(folder):
    for sample in ('gate_lock', 'ordered_by_join', 'one_thread_inversion', 'readers_only', 'trylock_backoff'):
        pair = [recorded(folder, sample, 'again', f'{sample}{i}.db') for i in range(2)]
        require_equal(findings(*pair), [], sample)


def findings_of_orders(folder, how, *orders):
    traces = []
    for order in orders:
        traces.append(folder / f'{how}{order[0]}{order[1]}.db')
        run([TRENZA, 'record', '-q', '-o', traces[-1], '--', *harness.program('either_order', how, *order)])
        require_equal(findings(traces[-1]), [], f'{how} {order} alone')
    return findings(*traces)


@case
def locks_made_by_their_own_init_calls_are_known_again(folder):
    found = findings_of_orders(folder, 'made', (0, 1), (1, 0))
    require_equal([one['rule'] for one in found], ['lock-order-cycle'], 'findings')
    require_equal(sorted(lock['created'][0]['function'] for lock in found[0]['locks']), ['make_green', 'make_red'], 'locks')


@case
def a_cycle_of_three_locks_takes_three_runs(folder):
    found = findings_of_orders(folder, 'plain', (0, 1), (1, 2), (2, 0))
    require_equal([sorted(lock['name'] for lock in one['locks']) for one in found], [['blue', 'green', 'red']], 'locks')
    require('orders that form a cycle in different runs' in found[0]['message'], found[0]['message'])
    require_equal(findings_of_orders(folder, 'plain', (0, 1), (1, 2), (0, 2)), [], 'findings without a cycle')


@case
def what_keeps_the_sides_apart_does_so_over_several_runs(folder):
    require_equal(len(findings_of_orders(folder, 'plain', (0, 1), (1, 0))), 1, 'findings with nothing between them')
    for how in ('gate', 'try', 'single', 'alone', 'phase', 'row'):
        require_equal(findings_of_orders(folder, how, (0, 1), (1, 0)), [], how)


@case
def hand_offs_keep_the_sides_apart(folder):
    require_equal(len(findings_of_orders(folder, 'beside', (0, 1), (1, 0))), 1, 'findings with the hand-off beside them')
    for how in ('signal', 'post', 'meet', 'touch'):
        require_equal(findings_of_orders(folder, how, (0, 1), (1, 0)), [], how)


@case
def a_flag_found_set_without_waiting_is_named(folder):
    flag = findings_of_orders(folder, 'flag', (0, 1), (1, 0))
    require_equal([one['verdict'] for one in flag], ['potential'], 'findings')
    require("a condition's flag that was found set without waiting" in flag[0]['note'], flag[0]['note'])
    plain = findings_of_orders(folder, 'beside', (0, 1), (1, 0))
    require_equal(plain[0]['note'], 'the orders were seen in different runs', 'note where nobody signals')


@case
def semaphores_used_as_locks_take_part(folder):
    found = findings_of_orders(folder, 'permits', (0, 1), (1, 0))
    require_equal([(one['rule'], sorted(lock['name'] for lock in one['locks'])) for one in found],
                  [('lock-order-cycle', ['green_permit', 'red_permit'])], 'findings')


@case
def locks_that_processes_share_take_part(folder):
    found = findings_of_orders(folder, 'shared', (0, 1), (1, 0))
    require_equal([one['rule'] for one in found], ['lock-order-cycle'], 'findings')
    require('in different runs' in found[0]['message'], found[0]['message'])


@case
def processes_of_one_recording_are_runs_of_their_own(folder):
    traces = {name: folder / f'{name}.db' for name in ('one', 'both')}
    for name, orders in (('one', ['0', '1']), ('both', ['0', '1', '0'])):
        run([TRENZA, 'record', '-q', '-o', traces[name], '--', *harness.program('either_order', 'children', *orders)])
    require_equal(findings(traces['one']), [], 'findings of one order')
    found = findings(traces['both'])
    require_equal([(one['rule'], one['verdict'], one['level']) for one in found],
                  [('lock-order-cycle', 'potential', 'warning')], 'findings of both')
    require('opposite orders in different processes' in found[0]['message'], found[0]['message'])
    shown = run([TRENZA, 'show', traces['both'], found[0]['id']], cwd=ROOT)
    require_equal(shown.status, 0, 'show')
    require(b'the orders were seen in different processes' in shown.out, shown.out)
    require_equal([one['id'] for one in findings(*traces.values())], [found[0]['id']], 'findings with another run beside')


if __name__ == '__main__':
    harness.main()
