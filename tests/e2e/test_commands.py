# SPDX-License-Identifier: MIT
"""The command line: exit codes that never mix, one clear line for every misuse, and what each command prints."""

import csv
import json
import os
import shutil
import sqlite3
import stat

import harness
from harness import CANNOT_RUN, FOUND_SOMETHING, NOT_FOUND, TRENZA, TRENZA_FAILED, case, require, require_equal, run

LEFT_LOCKED = harness.program('left_locked')  # its argument is the exit status; it ends a thread that holds a lock
HARMLESS = harness.program('lock_pairs', 2, 100)


def check(*words, **more):
    return run([TRENZA, 'check', *words], **more)


def recorded(folder, argv, name='trace.db'):
    trace = folder / name
    run([TRENZA, 'record', '-q', '-o', trace, '--', *argv])
    require(trace.exists(), 'no trace')
    return trace


def fails(ended, *words):
    """Trenza's own failure: 125 and one line that says what is wrong."""
    require_equal(ended.status, TRENZA_FAILED, 'exit code')
    lines = ended.err.decode().splitlines()
    require(len(lines) == 1 and lines[0].startswith('trenza: ') and all(word in lines[0] for word in words), str(ended))
    require_equal(ended.out, b'', 'standard output')


@case
def exit_codes_of_a_check_do_not_mix(folder):
    require_equal(check('--', *HARMLESS).status, 5, 'status of a program without findings')
    require_equal(check('--', *LEFT_LOCKED, 3).status, FOUND_SOMETHING, 'a finding')
    require_equal(check('--error-exitcode=7', '--', *LEFT_LOCKED, 3).status, 7, 'a finding with --error-exitcode')
    require_equal(check('--', folder / 'missing').status, NOT_FOUND, 'a program that is not there')
    text = folder / 'text'
    text.write_text('hello\n')
    require_equal(check('--', text).status, CANNOT_RUN, 'a program that cannot be run')


@case
def the_level_decides(folder):
    trace = recorded(folder, [*LEFT_LOCKED, 'exit'])  # only a warning
    require_equal(check(trace).status, 0, 'without --fail-on')
    require_equal(check('--fail-on=warning', trace).status, FOUND_SOMETHING, '--fail-on=warning')
    require_equal(check('--fail-on=note', trace).status, FOUND_SOMETHING, '--fail-on=note')


@case
def misuse_is_told_in_one_line(folder):
    trace = recorded(folder, HARMLESS)
    fails(run([TRENZA]), 'no command')
    fails(run([TRENZA, 'braid']), 'braid')
    fails(check(), 'no trace')
    fails(check('--colour=blue', trace), 'colour')
    fails(check('--format=xml', trace), 'xml')
    fails(check('--format=json:', trace), 'json:')
    fails(check('--fail-on=never', trace), 'never')
    fails(check('--error-exitcode=256', trace), '256')
    fails(check('--on-deadlock=pray', '--', *HARMLESS), 'pray')
    fails(check('--'), 'no program')
    fails(check(trace, '--', *HARMLESS), 'not both')
    fails(check(folder / 'missing.db'), 'missing.db')
    fails(run([TRENZA, 'export', trace]), '--format')
    fails(run([TRENZA, 'export', '--format=otf', trace]), 'otf')
    fails(run([TRENZA, 'export', '--format=std', '-o', folder / 'no' / 'such', trace]), 'such')
    fails(run([TRENZA, 'sql', trace, 'SELECT nothing']), 'nothing')
    fails(run([TRENZA, 'show', trace, 'ffff']), 'ffff')
    fails(run([TRENZA, 'stats']), 'one trace')


@case
def what_is_no_trace_is_refused_and_left_alone(folder):
    trace = recorded(folder, HARMLESS)
    bad = {
        'empty': b'',
        'text': b'not a trace\n' * 1000,
        'half': trace.read_bytes()[:trace.stat().st_size // 2],
    }
    for name, content in bad.items():
        path = folder / name
        path.write_bytes(content)
        for words in (['check'], ['show'], ['stats'], ['sql'], ['export', '--format=std']):
            fails(run([TRENZA, *words, path]), name)
        require(path.read_bytes() == content, f'{name} was changed')
    newer = folder / 'newer.db'
    shutil.copy(trace, newer)
    with sqlite3.connect(newer) as connection:
        connection.execute('PRAGMA user_version = 999')
    connection.close()
    content = newer.read_bytes()
    fails(check(newer), 'newer')
    require(newer.read_bytes() == content, 'the newer trace was changed')


@case
def a_trace_of_which_events_are_damaged_is_refused(folder):
    trace = recorded(folder, HARMLESS)
    with sqlite3.connect(trace) as connection:
        connection.execute("UPDATE chunk SET data = x'ffffffffffffffffffffffff'")
    connection.close()
    content = trace.read_bytes()
    fails(check(trace))
    require(trace.read_bytes() == content, 'the trace was changed')


@case
def reports_go_where_they_are_sent(folder):
    ended = check('--format=text', '--format=json', f'--format=json:{folder}/a.json', f'--format=text:{folder}/a.txt', '--',
                  *LEFT_LOCKED, 0)
    require(b': error: unreleased-lock: ' in ended.err, 'text goes to standard error beside a program')
    require(ended.out.startswith(b'said by the program\n{'), 'the program comes first, then what was asked for')
    from_output = json.loads(ended.out[ended.out.index(b'{'):])
    from_file = json.loads((folder / 'a.json').read_text())
    require_equal(from_output, from_file, 'JSON in the file')
    require_equal(from_file['findings'][0]['rule'], 'unreleased-lock', 'rule')
    require(': error: unreleased-lock: ' in (folder / 'a.txt').read_text(), 'text in the file')
    require(b'\033' not in ended.err, 'no colour where no terminal is')


@case
def a_device_stays_a_device(folder):
    trace = recorded(folder, HARMLESS)
    pipe = folder / 'pipe'
    os.mkfifo(pipe)
    reader = harness.Started(['cat', pipe])
    require_equal(run([TRENZA, 'export', '--format=std', '-o', pipe, trace]).status, 0, 'export into a pipe')
    require(b'|acq(L' in reader.wait().out, 'nothing came through the pipe')
    require(stat.S_ISFIFO(pipe.lstat().st_mode), 'the pipe is gone')
    target = folder / 'target'
    target.write_text('old')
    link = folder / 'link'
    link.symlink_to(target)
    require_equal(check(f'--format=json:{link}', trace).status, 0, 'report through a link')
    require(link.is_symlink() and json.loads(target.read_text())['findings'] == [], 'the link was replaced')


@case
def several_traces_make_one_report(folder):
    first = recorded(folder, [*LEFT_LOCKED, 0], 'first.db')
    second = recorded(folder, [*LEFT_LOCKED, 0], 'second.db')
    ended = check('--format=json', first, second)
    report = json.loads(ended.out)
    require_equal(len(report['runs']), 2, 'runs')
    require_equal([finding['instances'] for finding in report['findings']], [2], 'instances of the one finding')


@case
def findings_are_kept_in_the_trace(folder):
    ended = check('-o', folder / 'kept.db', '--format=json', '--', *LEFT_LOCKED, 0)
    finding = json.loads(ended.out[ended.out.index(b'{'):])['findings'][0]
    with sqlite3.connect(folder / 'kept.db') as connection:
        rows = connection.execute('SELECT id, rule, level, json FROM finding').fetchall()
    connection.close()
    require_equal([row[:3] for row in rows], [(finding['id'], 'unreleased-lock', 'error')], 'rows')
    require_equal(json.loads(rows[0][3]), finding, 'JSON in the row')


@case
def show_lists_findings_and_tells_one(folder):
    trace = recorded(folder, [*LEFT_LOCKED, 0])
    listed = run([TRENZA, 'show', trace]).out.decode()
    name = listed.split()[0]
    require('unreleased-lock' in listed and len(listed.splitlines()) == 2, listed)
    told = run([TRENZA, 'show', trace, name[:6]])
    require(told.status == 0 and b"takes 'left_locked'" in told.out and b'left_locked.c' in told.out, str(told))
    lines = told.out.decode().splitlines()
    marked = [number for number, line in enumerate(lines) if line.lstrip().startswith('> ')]
    require(marked and 'pthread_mutex_lock' in lines[marked[0]], 'the line of a step is not marked')
    numbers = [int(line.lstrip(' >').split()[0]) for line in lines[marked[0] - 1:marked[0] + 2]]
    require_equal(numbers, list(range(numbers[0], numbers[0] + 3)), 'lines around the step')
    require("holds 'left_locked'" in told.out.decode().split('after these steps:')[1], 'who holds what at the end')


@case
def sql_is_tab_separated_where_no_terminal_is(folder):
    trace = recorded(folder, HARMLESS)
    ended = run([TRENZA, 'sql', trace, "SELECT kind, count(*) AS n FROM event WHERE kind = 'acquire' GROUP BY kind"])
    header, row = ended.out.decode().splitlines()
    require_equal(header, 'kind\tn', 'header')
    require(row.startswith('acquire\t') and int(row.split('\t')[1]) > 100, row)
    piped = run([TRENZA, 'sql', trace], input=b'SELECT 1 AS one;\nSELECT 2\nAS two;')
    require_equal(piped.out, b'one\n1\ntwo\n2\n', 'queries from standard input')
    before = trace.read_bytes()
    require_equal(run([TRENZA, 'sql', trace, 'DELETE FROM thread']).status, TRENZA_FAILED, 'a change')
    require(trace.read_bytes() == before, 'the trace was changed')


@case
def stats_count_what_the_program_did(folder):
    trace = recorded(folder, HARMLESS)
    lines = run([TRENZA, 'stats', trace]).out.decode().splitlines()
    line = next(line for line in lines if 'counter_lock' in line)
    require(int(line.split()[0]) >= 202, line)  # two threads, 100 pairs and one more each
    sites = [line for line in lines if 'worker (' in line and "takes 'counter_lock'" in line]
    require(all('lock_pairs.c:' in site for site in sites), str(sites))
    require_equal(sum(int(site.split()[0]) for site in sites), int(line.split()[0]), 'acquisitions of all sites')
    require('by waiter and owner' in lines, str(lines))


@case
def stats_take_no_free_lock_for_contended(folder):
    trace = recorded(folder, harness.program('only_tries'))
    by_class, rest = run([TRENZA, 'stats', '--all', trace]).out.decode().split('by call site')
    shares = [line.split()[1] for line in by_class.splitlines() if '%' in line]
    require(len(shares) >= 5 and set(shares) == {'0.00%'}, by_class)
    require('waits for \'' not in rest, rest)


@case
def stats_tell_who_waits_for_whom(folder):
    std = folder / 'waits.std'
    lines = []
    for lock in range(12):
        lines += [f'T1|acq(L{lock})|{lock}1', f'T2|req(L{lock})|{lock}2', f'T1|rel(L{lock})|{lock}3',
                  f'T2|acq(L{lock})|{lock}4', f'T2|rel(L{lock})|{lock}5']
    std.write_text('\n'.join(lines) + '\n')
    trace = folder / 'waits.db'
    require_equal(run([TRENZA, 'import', '-o', trace, std]).status, 0, 'import')
    short = run([TRENZA, 'stats', trace]).out.decode()
    whole = run([TRENZA, 'stats', '--all', trace]).out.decode()
    waits = [line for line in whole.split('by waiter and owner')[1].splitlines() if 'waits for' in line][1:]
    require_equal(len(waits), 12, 'waits with --all')
    require(all(line.split()[0] == '1' and 'T2' in line.split('waits for')[0] and 'T1' in line.split('owned by')[1]
                for line in waits), str(waits))
    require_equal(short.count('owned by'), 10, 'waits without --all')
    require_equal((short.count('and 2 more (--all)'), whole.count('(--all)')), (2, 0), 'what is left out is told')


@case
def csv_has_every_event_in_order(folder):
    trace = recorded(folder, HARMLESS)
    run([TRENZA, 'export', '--format=csv', '-o', folder / 'events.csv', trace])
    with open(folder / 'events.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    with sqlite3.connect(trace) as connection:
        events = connection.execute('SELECT sum(events) FROM thread').fetchone()[0]
    connection.close()
    require_equal(len(rows), events, 'rows')
    sequences = [int(row['sequence']) for row in rows]
    require_equal(sequences, sorted(sequences), 'sequence')
    acquired = [row for row in rows if row['event'] == 'acquire' and row['subject_name'] == 'counter_lock']
    require(len(acquired) > 100 and all(row['function'] == 'worker' for row in acquired), 'names and places')


@case
def help_is_there_for_every_command(folder):
    overview = run([TRENZA, '--help'])
    require_equal(overview.status, 0, 'exit code')
    for name in ('record', 'check', 'show', 'stats', 'export', 'sql'):
        require(f'\n  {name} '.encode() in overview.out, f'{name} in the overview')
        by_name = run([TRENZA, 'help', name])
        require(by_name.out.startswith(f'usage: trenza {name} '.encode()), str(by_name))
        require_equal(run([TRENZA, name, '--help']).out, by_name.out, f'{name} --help')
    require(run([TRENZA, '--version']).out.startswith(b'trenza '), 'version')


if __name__ == '__main__':
    harness.main()
