# SPDX-License-Identifier: MIT
"""Findings keep their ids: with any number of workers, wherever the program is built and loaded, and when lines move. So a
baseline of one such run holds for all of them."""

import json
import re
from pathlib import Path

import harness
from harness import FOUND_SOMETHING, TRENZA, case, require, require_equal, run

SOURCE = Path(__file__).resolve().parent / 'workers.c'
MISTAKES = {'lock-order-cycle', 'unlock-unheld', 'double-lock', 'unreleased-lock', 'thread-leak'}


def check(folder, argv, *options):
    """-> (exit status, {id: rule}) of a check."""
    ended = run([TRENZA, 'check', f'--format=json:{folder}/report.json', *options, '--', *argv])
    findings = json.loads((folder / 'report.json').read_text())['findings']
    return ended.status, {finding['id']: finding['rule'] for finding in findings}


def built(place, *options, source=SOURCE.read_text()):
    place.mkdir(parents=True)
    (place / 'workers.c').write_text(source)
    ended = run(['cc', '-g', '-D_GNU_SOURCE', '-pthread', *options, '-o', place / 'workers', place / 'workers.c'])
    require_equal(ended.status, 0, f'{options}: {ended}')
    return place / 'workers'


@case
def whatever_the_number_of_workers(folder):
    program = built(folder / 'a')
    for how, least, rules in (('mistakes', 2, MISTAKES), ('ring', 2, {'lock-order-cycle'}), ('meet', 2, {'deadlock'}),
                              ('wait', 1, {'stuck'}), ('late', 2, {'stuck', 'cond-wait-holding-lock'})):
        _, first = check(folder, [program, how, least])
        require_equal(set(first.values()), rules, how)
        for workers in (2, 3, 4, 16):
            require_equal(check(folder, [program, how, workers]), (FOUND_SOMETHING, first), f'{how} {workers}')
    _, alone = check(folder, [program, 'mistakes', 1])
    _, several = check(folder, [program, 'mistakes', 2])
    require(set(alone) < set(several), f'one worker: {alone} of {several}')
    require_equal(set(alone.values()), MISTAKES - {'lock-order-cycle'}, 'one worker: rules')


@case
def wherever_it_is_built_and_loaded(folder):
    moved = re.sub(r'^#include', '// one\n// more\n\n#include', SOURCE.read_text(), count=1, flags=re.M)
    _, first = check(folder, [built(folder / 'first'), 'mistakes', 2])
    require_equal(set(first.values()), MISTAKES, 'rules')
    elsewhere = built(folder / 'elsewhere', f'-ffile-prefix-map={folder}=/builds/17/project')
    for name, argv in (('again', [folder / 'first/workers']),
                       ('no load address', ['setarch', '-R', folder / 'first/workers']),
                       ('a fixed address', [built(folder / 'fixed', '-no-pie', '-fno-pie')]),
                       ('other lines', [built(folder / 'moved', source=moved)]),
                       ('another compiler flag', [built(folder / 'dwarf', '-gdwarf-4', '-fno-omit-frame-pointer')]),
                       ('a machine with other paths', [elsewhere]),
                       ('a deep folder', [built(folder / 'very/deep/down')])):
        require_equal(check(folder, [*argv, 'mistakes', 2])[1], first, name)


@case
def whoever_uses_a_lock_first(folder):
    """A std::mutex on the heap has no call that makes it: all that is known of its beginning is its first use."""
    source = '''#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <unistd.h>
struct both { std::mutex a, b; };
static std::atomic<int> turn;
static void wait_for(int mine) { while (turn != mine) usleep(500); }
static void forward(both *x, int mine) { wait_for(mine); x->a.lock(); x->b.lock(); x->b.unlock(); x->a.unlock(); turn++; }
static void backward(both *x, int mine) { wait_for(mine); x->b.lock(); x->a.lock(); x->a.unlock(); x->b.unlock(); turn++; }
int main(int, char **argv) {
  int swapped = std::atoi(argv[1]);
  both *x = new both;
  std::thread one(forward, x, swapped), two(backward, x, !swapped);
  one.join(); two.join();
}
'''
    (folder / 'first.cpp').write_text(source)
    require_equal(run(['g++', '-g', '-pthread', '-o', folder / 'first', folder / 'first.cpp']).status, 0, 'build')
    found = [check(folder, [folder / 'first', swapped]) for swapped in (0, 1)]
    require_equal(found[1], found[0], 'the other one first')
    require_equal(list(found[0][1].values()), ['lock-order-cycle'], 'found')
    check(folder, [folder / 'first', 0], f'--gen-suppressions={folder}/first.supp')
    require_equal(check(folder, [folder / 'first', 1], f'--suppressions={folder}/first.supp')[0], 0, 'suppressed')


@case
def so_one_baseline_holds_for_all(folder):
    program = built(folder / 'first')
    moved = built(folder / 'moved', '-no-pie', source='\n\n' + SOURCE.read_text())
    for how in ('mistakes', 'meet', 'late'):
        status, _ = check(folder, [program, how, 2], '--output', folder / f'{how}.db', f'--format=json:{folder}/{how}.json')
        require_equal(status, FOUND_SOMETHING, how)
        for base in (f'{how}.json', f'{how}.db'):
            status, _ = check(folder, [moved, how, 16], f'--baseline={folder}/{base}')
            require(status not in (FOUND_SOMETHING, harness.TRENZA_FAILED), f'{base}: {status}')
            report = json.loads((folder / 'report.json').read_text())
            require(all(finding['baseline'] for finding in report['findings']) and report['findings'], f'{base}: flags')
    status, _ = check(folder, [program, 'mistakes', 4], f'--baseline={folder}/meet.json')
    require_equal(status, FOUND_SOMETHING, 'what is not in the baseline')


@case
def what_could_not_happen_is_no_baseline_for_what_can(folder):
    """The same two orders, first kept apart by a join, then not."""
    source = '''#include <pthread.h>
static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static volatile int one_is_over;
static void *one(void *unused) { pthread_mutex_lock(&a); pthread_mutex_lock(&b); pthread_mutex_unlock(&b); pthread_mutex_unlock(&a);
  one_is_over = 1; return unused; }
static void *two(void *unused) { while (!one_is_over) { }
  pthread_mutex_lock(&b); pthread_mutex_lock(&a); pthread_mutex_unlock(&a); pthread_mutex_unlock(&b); return unused; }
int main(void) { pthread_t t, u; pthread_create(&t, 0, one, 0);
  if (APART) pthread_join(t, 0); pthread_create(&u, 0, two, 0); if (!APART) pthread_join(t, 0); pthread_join(u, 0); return 0; }
'''
    apart = built(folder / 'apart', '-DAPART=1', source=source)
    together = built(folder / 'together', '-DAPART=0', source=source)
    status, impossible = check(folder, [apart], '--all', '--output', folder / 'a.db', f'--format=json:{folder}/a.json')
    require_equal((status, len(impossible)), (0, 1), f'apart: {impossible}')
    for base in ('a.json', 'a.db'):
        baseline = f'--baseline={folder}/{base}'
        require_equal(check(folder, [together], baseline), (FOUND_SOMETHING, impossible), f'{base}: together')
        require_equal(check(folder, [apart], '--all', '--fail-on=note', baseline), (0, impossible), f'{base}: still apart')


@case
def and_so_do_suppressions(folder):
    program = built(folder / 'first')
    moved = built(folder / 'moved', source='\n\n' + SOURCE.read_text())
    for how in ('ring', 'mistakes', 'meet'):
        status, _ = check(folder, [program, how, 16], f'--gen-suppressions={folder}/{how}.supp')
        require_equal(status, FOUND_SOMETHING, how)
        for workers in (2, 3):
            status, _ = check(folder, [moved, how, workers], f'--suppressions={folder}/{how}.supp')
            require(status not in (FOUND_SOMETHING, harness.TRENZA_FAILED), f'{how} {workers}: {status}')


if __name__ == '__main__':
    harness.main()
