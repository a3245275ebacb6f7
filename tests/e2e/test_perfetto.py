# SPDX-License-Identifier: MIT
"""`trenza export --format=perfetto`: what it writes is trace-event JSON that a viewer can only read one way."""

import json
import os
import random
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

from harness import TRENZA, TRENZA_FAILED, case, main, require, require_equal, run

SAMPLES = Path(os.environ['TRENZA_BUILD']) / 'samples'


def imported(folder, lines, name='trace'):
    """A trace in which everything happens just as the lines say."""
    (folder / f'{name}.std').write_text('\n'.join(lines) + '\n')
    require_equal(run([TRENZA, 'import', '-o', folder / f'{name}.db', folder / f'{name}.std']).status, 0, 'import')
    return folder / f'{name}.db'


def recorded(folder, sample):
    run([TRENZA, 'record', '-q', '-o', folder / 'trace.db', '--', SAMPLES / sample])
    return folder / 'trace.db'


def exported(folder, trace):
    output = folder / 'trace.json'
    result = run([TRENZA, 'export', '--format=perfetto', '-o', output, trace])
    require_equal((result.status, result.err), (0, b''), 'export')
    whole = json.loads(output.read_text())
    require_equal((sorted(whole), whole['displayTimeUnit']), (['displayTimeUnit', 'traceEvents'], 'ns'), 'the file')
    complain(whole['traceEvents'])
    return whole['traceEvents']


def in_ns(event, key='ts'):
    return round(event[key] * 1000)


def complain_of_fields(events):
    wanted = {'M': {'args'}, 'X': {'ts', 'dur', 'cat', 'args'}, 'b': {'ts', 'cat', 'id'}, 'e': {'ts', 'cat', 'id'},
              's': {'ts', 'cat', 'id'}, 'f': {'ts', 'cat', 'id', 'bp'}, 'i': {'ts', 'cat', 's', 'args'}}
    for event in events:
        require(event.get('ph') in wanted, f'unknown: {event}')
        require({'pid', 'tid', 'name'} | wanted[event['ph']] <= event.keys(), f'incomplete: {event}')
        for key in ('ts', 'dur'):
            require(type(event.get(key, 0)) in (int, float) and event.get(key, 0) >= 0, f'{key}: {event}')
        require(all(type(event[key]) is int for key in ('pid', 'tid')), f'numbers: {event}')


def complain_of_names(events):
    processes = [event['pid'] for event in events if event['name'] == 'process_name' and event['ph'] == 'M']
    threads = [event['tid'] for event in events if event['name'] == 'thread_name' and event['ph'] == 'M']
    require_equal((len(processes), len(threads)), (len(set(processes)), len(set(threads))), 'names given once')
    require({event['pid'] for event in events} == set(processes), 'a process has no name')
    require({event['tid'] for event in events} <= set(threads), 'a thread has no name')
    process_of = {}
    for event in events:
        require_equal(process_of.setdefault(event['tid'], event['pid']), event['pid'], f'the process of {event["tid"]}')


def complain(events):
    """Fails unless all that is referred to is there, spans nest, pairs are pairs, and arrows go from a span to a span and not back
    in time."""
    complain_of_fields(events)
    complain_of_names(events)
    spans = defaultdict(list)
    for event in events:
        if event['ph'] == 'X':
            spans[event['tid']].append((in_ns(event), in_ns(event) + in_ns(event, 'dur'), event['name']))
    for of_thread in spans.values():
        above = []
        for begin, end, name in sorted(of_thread, key=lambda span: (span[0], -span[1])):
            while above and above[-1] <= begin:
                above.pop()
            require(not above or end <= above[-1], f'{name} does not nest at {begin}')
            above.append(end)
    for first, last in ('be', 'sf'):
        begins = {event['id']: event for event in events if event['ph'] == first}
        ends = {event['id']: event for event in events if event['ph'] == last}
        require_equal(begins.keys(), ends.keys(), f'{first} and {last}')
        for i in begins:
            same = ('name', 'cat', 'pid', 'tid') if first == 'b' else ('name', 'cat')
            require_equal([begins[i][key] for key in same], [ends[i][key] for key in same], f'{first} and {last} of {i}')
        require_equal(len(begins), sum(event['ph'] == first for event in events), f'ids of {first}')
        require(all(in_ns(begins[i]) <= in_ns(ends[i]) for i in begins), f'{last} before its {first}')
    for event in events:
        if event['ph'] in 'sf':
            at = in_ns(event)
            require(any(begin <= at <= end for begin, end, _ in spans[event['tid']]), f'leads nowhere: {event}')


def arrows(events):
    ends = {event['id']: event['tid'] for event in events if event['ph'] == 'f'}
    return Counter((event['name'], event['tid'], ends[event['id']]) for event in events if event['ph'] == 's')


def names(events, phase):
    return [event['name'] for event in events if event['ph'] == phase]


@case
def nested_holds_are_spans_of_the_thread(folder):
    events = exported(folder, imported(folder, ['T1|acq(a)|1', 'T1|acq(b)|2', 'T1|rel(b)|3', 'T1|rel(a)|4']))
    require_equal(sorted(names(events, 'X')), ['a', 'b'], 'spans')
    require_equal(names(events, 'b'), [], 'pairs')


@case
def what_does_not_nest_is_not_forced_to(folder):
    events = exported(folder, imported(folder, ['T1|acq(a)|1', 'T1|acq(b)|2', 'T1|rel(a)|3', 'T1|acq(c)|4', 'T1|rel(b)|5',
                                                'T1|rel(c)|6']))
    require_equal(names(events, 'X'), ['c'], 'spans')
    require_equal(names(events, 'b'), ['T1: a', 'T1: b'], 'pairs')


@case
def a_lock_is_handed_over(folder):
    lines = ['T1|fork(T2)|1', 'T1|acq(a)|2', 'T2|req(a)|3', 'T1|rel(a)|4', 'T2|acq(a)|5', 'T2|rel(a)|6', 'T1|join(T2)|7']
    found = arrows(exported(folder, imported(folder, lines)))
    require_equal(found[('release', 1, 2)], 1, 'release')
    require_equal(found[('create', 1, 2)], 1, 'create')


@case
def an_arrow_leaves_what_does_not_nest(folder):
    lines = ['T1|acq(a)|1', 'T1|acq(b)|2', 'T2|req(a)|3', 'T1|rel(a)|4', 'T2|acq(a)|5', 'T1|rel(b)|6', 'T2|rel(a)|7']
    events = exported(folder, imported(folder, lines))
    require_equal(arrows(events)[('release', 1, 2)], 1, 'release')
    require('releases' in names(events, 'X'), names(events, 'X'))


@case
def what_never_ends_lasts_to_the_end(folder):
    events = exported(folder, imported(folder, ['T1|acq(a)|1', 'T2|acq(b)|2', 'T1|req(b)|3', 'T2|req(a)|4']))
    require_equal(sorted(names(events, 'X')), ['a', 'b', 'waits for a', 'waits for b'], 'spans')


@case
def findings_are_marked_step_by_step(folder):
    events = exported(folder, recorded(folder, 'abba'))
    marks = [event for event in events if event['ph'] == 'i']
    require_equal([(mark['name'], mark['args']['step'], mark['args']['of']) for mark in marks],
                  [('lock-order-cycle', step, 4) for step in (1, 2, 3, 4)], 'marks')
    for mark in marks:
        require('abba.c' in mark['args']['at'], mark)
        lock = mark['args']['does'].split("'")[1]
        require(any(event['ph'] == 'X' and event['name'] == lock and event['tid'] == mark['tid'] and event['ts'] == mark['ts']
                    for event in events), f'no hold begins there: {mark}')


def random_lines(chance, length=60):
    """Four threads that take, wait for and give back four locks, in any order that locks allow."""
    owner, wants = {}, {}
    lines = []
    for _ in range(length):
        thread = chance.randrange(1, 5)
        if thread in wants:
            lock = wants[thread]
            if lock in owner:
                continue
            del wants[thread]
            owner[lock] = thread
            what = f'acq({lock})'
        else:
            held = [lock for lock, by in owner.items() if by == thread]
            lock = chance.choice('abcd')
            if held and chance.random() < 0.5:
                lock = chance.choice(held)
                del owner[lock]
                what = f'rel({lock})'
            elif lock in owner:
                if lock in held:
                    continue
                wants[thread] = lock
                what = f'req({lock})'
            else:
                owner[lock] = thread
                what = f'acq({lock})'
        lines.append(f'T{thread}|{what}|{chance.randrange(1, 30)}')
    return lines


@case
def any_order_of_locks_is_sound(folder):
    forced = 0
    for seed in range(25):
        events = exported(folder, imported(folder, random_lines(random.Random(seed)), f'random{seed}'))
        forced += len(names(events, 'b'))
    require(forced > 25, f'too tame: {forced}')


@case
def recordings_of_all_kinds_are_sound(folder):
    seen = Counter()
    for sample in ('bounded_buffer', 'queue', 'semaphore', 'barrier', 'event', 'shared_memory', 'cancelled_wait',
                   'robust_lock', 'foreign_unlock', 'rwlock_cycle', 'join_cycle', 'trylock_backoff'):
        events = exported(folder, recorded(folder, sample))
        seen.update(name for name, _, _ in arrows(events))
        if sample == 'shared_memory':
            require_equal(len({event['pid'] for event in events}), 2, 'processes')
    require({'create', 'end', 'signal'} <= seen.keys(), seen)


@case
def system_calls_have_their_names(folder):
    trace = folder / 'trace.db'
    run([TRENZA, 'record', '-q', '--blocking-calls', '-o', trace, '--', SAMPLES / 'lock_across_blocking_call'])
    require({'read', 'nanosleep'} <= set(names(exported(folder, trace), 'X')), 'the calls')


@case
def names_of_any_kind_stay_json(folder):
    exported(folder, imported(folder, ['T1|acq("a\\b\té)|1', 'T1|rel("a\\b\té)|2']))


@case
def the_file_is_whole_or_as_it_was(folder):
    trace = imported(folder, ['T1|acq(a)|1', 'T1|rel(a)|2'])
    output = folder / 'trace.json'
    output.write_text('old')
    content = bytearray(trace.read_bytes())
    (folder / 'half.db').write_bytes(content[:len(content) // 2])
    result = run([TRENZA, 'export', '--format=perfetto', '-o', output, folder / 'half.db'])
    require_equal((result.status, result.err.count(b'\n')), (TRENZA_FAILED, 1), 'a damaged trace')
    require_equal(output.read_text(), 'old', 'the file')
    full = run([TRENZA, 'export', '--format=perfetto', '-o', '/dev/full', trace])
    require_equal((full.status, full.err.count(b'\n')), (TRENZA_FAILED, 1), 'a full device')
    require_equal(sorted(path.name for path in folder.iterdir() if path.name.startswith('trace.json')), ['trace.json'], 'files')


def peak_kilobytes(trace):
    process = subprocess.Popen([TRENZA, 'export', '--format=perfetto', '-o', '/dev/null', str(trace)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    require_equal(process.returncode, 0, 'export')
    return usage.ru_maxrss


@case
def memory_does_not_grow_with_the_events(folder):
    pair = ['T1|acq(a)|1', 'T1|acq(b)|2', 'T1|rel(a)|3', 'T1|rel(b)|4']
    few = peak_kilobytes(imported(folder, pair * 1000, 'few'))
    many = peak_kilobytes(imported(folder, pair * 50000, 'many'))
    require(many < few + 8000, f'{few} kB, then {many} kB')


if __name__ == '__main__':
    main()
