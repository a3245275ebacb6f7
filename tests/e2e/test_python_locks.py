# SPDX-License-Identifier: MIT
"""threading.Lock is a semaphore that is tried first: its cycles are found all the same, and only those that can happen."""

import json

from harness import TRENZA, Started, case, main, require, require_equal

INVERSION = '''
import threading
a, b = threading.Lock(), threading.Lock()
def left():
    with a:
        with b:
            pass
def right():
    with b:
        with a:
            pass
threads = [threading.Thread(target=f) for f in (left, right)]
'''
TOGETHER = INVERSION + 'for t in threads: t.start()\nfor t in threads: t.join()\n'
ONE_BY_ONE = INVERSION + 'for t in threads:\n    t.start()\n    t.join()\n'
HANDED_ON = '''
import queue, threading
a, b, done = threading.Lock(), threading.Lock(), queue.Queue()
def left():
    with a:
        with b:
            pass
    done.put(1)
def right():
    done.get()
    with b:
        with a:
            pass
threads = [threading.Thread(target=f) for f in (right, left)]
for t in threads: t.start()
for t in threads: t.join()
'''
# It has failed once without a wait, so it merely tries.
TRIED = '''
import threading
a, b = threading.Lock(), threading.Lock()
def left():
    with a:
        with b:
            pass
def right():
    with b:
        if a.acquire(False):
            a.release()
with a:
    first = threading.Thread(target=right)
    first.start()
    first.join()
threads = [threading.Thread(target=f) for f in (left, right)]
for t in threads: t.start()
for t in threads: t.join()
'''
TIMED = TRIED.replace('a.acquire(False)', 'a.acquire(timeout=0.01)')


def cycles(script, folder):
    """(exit status, [(verdict, reason)]) of the lock-order cycles of a script, the impossible ones too."""
    (folder / 'script.py').write_text(script)
    ended = Started([TRENZA, 'check', '--all', '--format=json:report.json', '-o', 'trace.db', '--',
                     '/usr/bin/python3', 'script.py'], cwd=folder).wait(60)
    require((folder / 'report.json').exists(), ended)
    findings = json.loads((folder / 'report.json').read_text())['findings']
    return ended.status, [(finding['verdict'], finding['reason']) for finding in findings
                          if finding['rule'] == 'lock-order-cycle' and finding['reason'] != 'same thread']


@case
def an_inversion_is_predicted(folder):
    require_equal(cycles(TOGETHER, folder), (66, [('predicted', None)]), 'status and cycles')


@case
def a_join_orders(folder):
    require_equal(cycles(ONE_BY_ONE, folder), (0, [('impossible', 'ordered')]), 'status and cycles')


@case
def a_queue_orders(folder):
    require_equal(cycles(HANDED_ON, folder), (0, [('impossible', 'ordered')]), 'status and cycles')


@case
def what_is_only_tried_never_waits(folder):
    for script in (TRIED, TIMED):
        status, found = cycles(script, folder)
        require_equal((status, set(found)), (0, {('impossible', 'trylock')}), 'status and cycles')


@case
def the_verdict_says_what_a_try_looks_like(folder):
    require_equal(cycles(TOGETHER, folder)[0], 66, 'status')
    note = json.loads((folder / 'report.json').read_text())['findings'][0]['note']
    require('acquire(False) looks like acquire()' in note, note)


main()
