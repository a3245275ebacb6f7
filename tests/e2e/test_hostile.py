# SPDX-License-Identifier: MIT
"""Programs and places that make a check difficult: it ends in time, leaves nobody behind and says what it knows."""

import json
import os
import signal
from pathlib import Path

import harness
from harness import FOUND_SOMETHING, TRENZA, TRENZA_FAILED, case, left_behind, program, record, require, require_equal, run, wait_until

NOBODY = 65534


def check(folder, argv, *options, timeout=60, prefix=(), trenza=TRENZA, **more):
    """(how it ended, its report or None); nothing of the program may be left."""
    mark = folder.name
    ended = run([*prefix, trenza, 'check', f'--format=json:{folder}/report.json', '--format=text', *options, '--', *argv],
                timeout=timeout, environment={'TRENZA_TEST_MARK': mark}, cwd=folder, **more)
    try:
        wait_until(lambda: not left_behind(mark), 'the whole process tree is gone', 5)
    finally:
        for pid, _ in left_behind(mark):
            os.kill(pid, signal.SIGKILL)
    path = folder / 'report.json'
    return ended, json.loads(path.read_text()) if path.exists() else None


def rules(report):
    return sorted(finding['rule'] for finding in report['findings'] if finding['level'] == 'error')


@case
def deadlocks_are_found_and_ended_whatever_a_program_does_before(folder):
    for words in ([], ['close'], ['ignore'], ['session'], ['daemon'], ['close', 'ignore', 'session']):
        ended, report = check(folder, program('hostile', *words, 'deadlock'), '--timeout=40', '--linger=-1')
        require_equal(ended.status, FOUND_SOMETHING, f'{words}: {ended}')
        require_equal(rules(report), ['deadlock'], f'{words}')
        require(ended.seconds < 20, f'{words}: {ended}')


@case
def what_hangs_is_ended_when_time_is_up_and_tells_what_it_did(folder):
    for words in (['hang'], ['close', 'hang'], ['ignore', 'hang'], ['session', 'hang'], ['ignore', 'close', 'session', 'hang']):
        ended, report = check(folder, program('hostile', *words), '--timeout=1')
        require(ended.seconds < 15, f'{words}: {ended}')
        require(ended.status not in (0, TRENZA_FAILED), f'{words}: {ended}')
        incidents = report['runs'][0]['incidents']
        require_equal([incident['what'] for incident in incidents], ['timeout'], f'{words}: incidents')
        require(any('hang' in [frame['function'] for frame in thread['stack']] or thread['holding'] == ['first']
                    for thread in incidents[0]['threads']), f'{words}: {incidents}')


@case
def a_fork_bomb_is_ended_with_all_its_children(folder):
    folder.chmod(0o777)
    is_root = os.geteuid() == 0
    user = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups'] if is_root else []
    others = 0 if is_root else len(run(['ps', '-L', '-u', str(os.geteuid()), '-o', 'pid=']).out.split())
    ended, report = check(folder, ['bash', '-c', 'bomb() { bomb | bomb & }; bomb; sleep 1000'], '--timeout=2',
                          prefix=[*user, 'prlimit', f'--nproc={others + 150}'],
                          trenza=harness.trenza_for_anybody(folder), timeout=60)
    require(ended.status not in (0, TRENZA_FAILED), str(ended))
    require_equal([incident['what'] for incident in report['runs'][0]['incidents']], ['timeout'], 'incidents')
    require(report['runs'][0]['processes'] > 10, f'{report["runs"][0]["processes"]} processes')


@case
def a_thousand_short_processes_are_all_recorded(folder):
    script = folder / 'short.sh'
    script.write_text('i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i + 1)); done; exit 4\n')
    ended, trace = record(folder, ['/bin/sh', script], timeout=300)
    require_equal(ended.status, 4, str(ended))
    # A process that takes no lock leaves no more than its row.
    trace.require_whole(processes=(1000, 2001))
    ended = run([TRENZA, 'check', '--format=json', trace.path], timeout=60)
    report = json.loads(ended.out)
    counted = {Path(entry['path']).name: entry['processes'] for entry in report['runs'][0]['programs']}
    require_equal(counted.get('true'), 1000, f'programs {counted}')


@case
def a_trace_cut_off_anywhere_is_refused_in_one_line(folder):
    _, trace = record(folder, program('lock_pairs', 2, 5000))
    whole = trace.path.read_bytes()
    cut = folder / 'cut.db'
    for percent in (1, 10, 30, 50, 70, 90, 99):
        cut.write_bytes(whole[:len(whole) * percent // 100])
        ended = run([TRENZA, 'check', f'--format=sarif:{folder}/cut.sarif', cut])
        require(ended.status == TRENZA_FAILED and len(ended.err.splitlines()) == 1, f'{percent} %: {ended}')
        require(not (folder / 'cut.sarif').exists(), f'{percent} %: a report of nothing')


@case
def a_full_disk_is_told_and_stops_nobody(folder):
    """A trace on a file system of 200 KiB: the program ends as it would, and the check says that it failed."""
    script = 'mkdir -p small && mount -t tmpfs -o size=200k none small && exec "$@"'
    namespace = ['unshare', *([] if os.geteuid() == 0 else ['--map-root-user']), '--mount', '/bin/sh', '-c', script, 'sh']
    argv = program('lock_pairs', 2, 300000)
    native = run(argv)
    ended = run([*namespace, TRENZA, 'check', '-o', 'small/trace.db', '--', *argv], cwd=folder, timeout=120)
    require_equal(ended.status, TRENZA_FAILED, str(ended))
    require_equal(ended.out, native.out, 'output of the program')
    told = harness.own_lines(ended.err)
    require(told and any('small/trace.db' in line or 'full' in line or 'space' in line for line in told), str(ended))


if __name__ == '__main__':
    harness.main()
