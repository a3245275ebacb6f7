# SPDX-License-Identifier: MIT
"""`trenza check --confirm`: a deadlock that can happen is brought about, one that cannot is not, and nothing else changes.
"""

import json
import os

import harness
from harness import FOUND_SOMETHING, PROGRAMS, TRENZA, Trace, case, program, require, require_equal, run

SAMPLES = PROGRAMS.parent.parent / 'samples'


def confirm(folder, argv, *options, status=FOUND_SOMETHING):
    """(how `check --confirm -o t.db` of argv ended, its lock-order-cycles)"""
    ended = run([TRENZA, 'check', '--confirm', '-o', folder / 't.db', f'--format=json:{folder / "report.json"}',
                 '--format=text', *options, '--', *argv], timeout=120)
    require_equal(ended.status, status, f'exit of {argv}: {ended}')
    report = json.loads((folder / 'report.json').read_text())
    return ended, [finding for finding in report['findings'] if finding['rule'] == 'lock-order-cycle']


def require_confirmed(folder, argv, cycles=1):
    ended, findings = confirm(folder, argv)
    require_equal([(finding['verdict'], finding['level'], finding['note']) for finding in findings],
                  [('confirmed', 'error', None)] * cycles, f'{argv}: {ended}')
    require(b'verdict: confirmed (a steered re-run' in ended.err, f'text: {ended}')
    # What the first run found keeps its name and its place in the trace, for every reader of it.
    again = Trace(folder / 't.db').findings()
    require_equal([(finding['id'], finding['verdict']) for finding in again if finding['rule'] == 'lock-order-cycle'],
                  [(finding['id'], 'confirmed') for finding in findings], 'the trace, read again')
    steered = Trace(folder / f't.db.{findings[0]["id"]}')
    require_equal([(finding['rule'], finding['verdict']) for finding in steered.findings()], [('deadlock', 'observed')],
                  'the trace of the steered run')
    steered.require_whole()
    steered.require_order()
    return ended


@case
def two_locks(folder):
    ended = require_confirmed(folder, [SAMPLES / 'abba', 'hurried'])
    require_equal(ended.out, b'balance 70 after 1 payment\n', 'output: that of the first run alone')


@case
def three_threads(folder):
    require_confirmed(folder, [SAMPLES / 'three_cycle', 'hurried'])


@case
def one_place_in_the_code(folder):
    require_confirmed(folder, [SAMPLES / 'transfer', 'hurried'])


@case
def the_end_of_a_thread(folder):
    require_confirmed(folder, [SAMPLES / 'lock_over_join', 'hurried'])


@case
def the_routine_of_pthread_once(folder):
    require_confirmed(folder, [SAMPLES / 'once_cycle', 'hurried'])


@case
def locks_of_python_are_not_tried(folder):
    (folder / 'script.py').write_text("""
import threading
a, b = threading.Lock(), threading.Lock()
def take(first, second):
    with first:
        with second:
            pass
threads = [threading.Thread(target=take, args=locks) for locks in ((a, b), (b, a))]
for thread in threads: thread.start()
for thread in threads: thread.join()
""")
    ended, findings = confirm(folder, ['/usr/bin/python3', folder / 'script.py'])
    require_equal([finding['verdict'] for finding in findings], ['predicted'], f'verdicts: {ended}')
    require('steered' not in findings[0]['note'], findings[0]['note'])
    require(b'confirm: not tried, because Python' in ended.err, f'why not: {ended}')


@case
def readers_and_writers(folder):
    require_confirmed(folder, [SAMPLES / 'rwlock_cycle', 'hurried'])


@case
def readers_behind_a_writer(folder):
    require_confirmed(folder, [SAMPLES / 'readers_behind_writer', 'hurried'])


@case
def semaphores_as_locks(folder):
    require_confirmed(folder, [SAMPLES / 'semaphore_cycle', 'hurried'])


@case
def one_side_has_to_begin(folder):
    require_confirmed(folder, program('detour'))


@case
def std_mutexes(folder):
    require_confirmed(folder, program('confirm_cxx'))


@case
def a_finding_keeps_its_id(folder):
    _, confirmed = confirm(folder, [SAMPLES / 'abba', 'hurried'])
    ended, predicted = run([TRENZA, 'check', '-o', folder / 'plain.db', '--', SAMPLES / 'abba'], timeout=60), \
        Trace(folder / 'plain.db').findings()
    require_equal(ended.status, FOUND_SOMETHING, str(ended))
    require_equal([finding['id'] for finding in predicted], [finding['id'] for finding in confirmed], 'ids')


@case
def forbidden_by_data(folder):
    """Its threads wait for each other through an atomic that nobody records: no timing leads into the deadlock."""
    ended, findings = confirm(folder, [SAMPLES / 'abba'])
    require_equal([finding['verdict'] for finding in findings], ['predicted'], f'{ended}')
    require_equal(findings[0]['note'], 'data flow not recorded; not reached in a steered run', 'note')
    require(b'trenza: confirm: not reached' in ended.err, str(ended))
    require_equal(ended.out, b'balance 70 after 1 payment\n', 'output')
    require_equal(sorted(path.name for path in folder.iterdir()), ['report.json', 't.db'], 'files')
    require_equal([finding['note'] for finding in Trace(folder / 't.db').findings()], [findings[0]['note']],
                  'note of the trace, read again')
    shown = run([TRENZA, 'show', folder / 't.db', findings[0]['id']])
    require(b'Steered re-runs did not come to it' in shown.out, str(shown))


@case
def a_class_of_locks_that_never_meets(folder):
    """Its pairs of accounts differ, so holding up cannot make them meet: a warning it was, and a warning it stays."""
    ended, findings = confirm(folder, [SAMPLES / 'transfer_pairs'], status=0)
    require_equal([(finding['verdict'], finding['level'], finding['note']) for finding in findings],
                  [('potential', 'warning', 'not reached in a steered run')], str(ended))


@case
def in_children_and_by_configuration(folder):
    (folder / 'options').write_text('[check]\nconfirm=true\n')
    ended = run([TRENZA, 'check', '--', 'sh', '-c', f'cat; {SAMPLES / "abba"} hurried; exit 3'], timeout=60,
                input=b'once\n', environment={'TRENZA_CONFIG': str(folder / 'options')})
    require_equal(ended.status, FOUND_SOMETHING, str(ended))
    require_equal(ended.out, b'once\nbalance 70 after 1 payment\n', 'output')
    require(b'verdict: confirmed' in ended.err, str(ended))


@case
def busy_places_are_passed(folder):
    """Many visits at places whose threads never meet: the pauses end, and so does the run."""
    ended, findings = confirm(folder, program('detour', 50_000), status=0)
    require_equal([(finding['verdict'], finding['note']) for finding in findings],
                  [('potential', 'not reached in a steered run')], str(ended))
    require(ended.seconds < 60, str(ended))


@case
def impossible_ones_are_not_tried(folder):
    for name in ('gate_lock', 'ordered_by_join', 'trylock_backoff', 'one_thread_inversion'):
        ended, findings = confirm(folder, [SAMPLES / name], status=0)
        require(b'steered' not in ended.err, f'{name}: {ended}')
        require(not findings, f'{name}: {findings}')


@case
def suppressed_ones_are_not_tried(folder):
    run([TRENZA, 'check', f'--gen-suppressions={folder / "known"}', '--', SAMPLES / 'abba', 'hurried'], timeout=60)
    ended, findings = confirm(folder, [SAMPLES / 'abba', 'hurried'], f'--suppressions={folder / "known"}', status=0)
    require_equal([finding['verdict'] for finding in findings], ['predicted'], str(ended))
    require(b'steered' not in ended.err, str(ended))


@case
def without_a_trace_nothing_is_left(folder):
    ended = run([TRENZA, 'check', '--confirm', '--', SAMPLES / 'abba', 'hurried'], timeout=60, cwd=folder,
                environment={'TMPDIR': str(folder)})
    require_equal(ended.status, FOUND_SOMETHING, str(ended))
    require(b'verdict: confirmed' in ended.err, str(ended))
    require_equal(os.listdir(folder), [], 'left behind')


@case
def a_thread_held_up_notices_nothing(folder):
    """Signals, a fork, cancellation and errno, in a thread that is held up."""
    ended, findings = confirm(folder, program('held_up', folder / 'results'))
    require_equal([finding['note'] for finding in findings],
                  ['data flow not recorded; not reached in a steered run'], str(ended))
    lines = (folder / 'results').read_text().splitlines()
    require_equal(lines, ['handled 1, child 0, deadline kept 1, errno 77, again 1, cleaned 1, cancelled 1'] * 4, 'runs')
    # It was held up, in each of three runs, for as long as the first one took at least.
    require(ended.seconds > 1 + 3 * 2 * 1.5, f'nothing was held up: {ended}')


@case
def an_interruption_ends_it(folder):
    started = harness.Started([TRENZA, 'check', '--confirm', '-o', folder / 't.db', '--', SAMPLES / 'abba'])
    harness.wait_until(lambda: b'steered' in started.output(2), 'the steered run')
    harness.wait_until(lambda: (folder / 't.db.steered').exists(), 'its trace')
    started.signal(15)
    ended = started.wait(20)
    require_equal(ended.status, FOUND_SOMETHING, str(ended))
    require(b'verdict: predicted' in ended.err and b'not reached' not in ended.err, str(ended))
    require_equal(os.listdir(folder), ['t.db'], 'files')


if __name__ == '__main__':
    harness.main()
