# SPDX-License-Identifier: MIT
"""Threads by the thousand, threads inside the loader, and locks that come and go at the same addresses."""

import os

import harness
from harness import PROGRAMS, case, compare, program, require, require_equal


@case
def ten_thousand_short_lived_threads(folder):
    native, _, trace = compare(folder, program('many_threads', 'short', 10000))
    require_equal((native.status, native.out), (0, b'20000\n'), 'natively')
    trace.require_sound(processes=1, threads=10001)
    require(trace.events('acquire') + trace.events('acquire-try') >= 20000, 'acquisitions are missing')
    require_equal(trace.events('create'), 10000, 'creations')
    require_equal(trace.events('join'), 5000, 'joins')
    require_equal(trace.events('detach'), 5000, 'detachments')
    require_equal(trace.events('thread-end'), 10000, 'ends of the threads it made')


@case
def four_hundred_threads_at_once(folder):
    native, _, trace = compare(folder, program('many_threads', 'at-once', 400))
    require_equal((native.status, native.out), (0, b'40000\n'), 'natively')
    trace.require_sound(processes=1, threads=401)
    require_equal(trace.events('barrier-arrive'), 800, 'arrivals')
    require_equal(trace.events('barrier-leave'), 800, 'departures')


@case
def more_threads_than_a_segment_has_room_for(folder):
    native, _, trace = compare(folder, program('many_threads', 'at-once', 1500))
    require_equal((native.status, native.out), (0, b'150000\n'), 'natively')
    trace.require_sound(processes=1, threads=1501)


@case
def crowds_that_need_more_room_at_the_same_time(folder):
    native, _, trace = compare(folder, program('crowd', 8, 300))
    require_equal((native.status, native.out), (0, b'2400\n'), 'natively')
    trace.require_whole(processes=1, threads=2409)
    require_equal(trace.events('acquire'), 2400, 'acquisitions')


@case
def threads_of_a_program_that_locks_its_memory(folder):
    native, _, trace = compare(folder, program('lock_memory'))
    require_equal(native.status, 0, 'natively')
    if os.geteuid() == 0:
        require_equal(native.out, b'mlockall 0, little 1, threads 30\n', 'natively')
    trace.require_sound(processes=1, threads=31)
    require_equal(trace.events('acquire'), 31, 'acquisitions')


@case
def odd_stacks(folder):
    native, recorded, trace = compare(folder, program('odd_stacks'))
    require(native.out.endswith(b'given 1700\n'), f'natively: {native}')
    trace.require_sound(processes=1, threads=5)
    acquired = trace.value('count(*)', "FROM event JOIN object ON object.id = subject WHERE name = 'lock' AND event.kind = 'acquire'")
    require_equal(acquired, 1700, 'acquisitions')
    require(recorded.seconds < 10, f'took {recorded.seconds} s')


@case
def slow_constructor_delays_nobody(folder):
    native, recorded, trace = compare(folder, program('slow_constructor', PROGRAMS / 'slow_library.so'),
                                      mask=lambda out: b'' if b'pairs while' in out else out)
    require_equal(native.out, b'the other thread went on\n', 'natively')
    require_equal(recorded.out, native.out, 'recorded')
    trace.require_sound(processes=1, threads=2)
    # Each load is a life of its own for the library's mutex.
    lives = trace.value('count(*)', "FROM object WHERE name = 'library_lock'")
    require_equal(lives, 31, 'lives of the mutex in the library')


@case
def reused_addresses_are_different_locks(folder):
    native, _, trace = compare(folder, program('generations'))
    require_equal(native.out, b'memory used again\n', 'natively')
    trace.require_sound(processes=1)
    found = dict(trace.rows('kind, count(*)', 'FROM object GROUP BY kind'))
    # The heap 500 and 150 to 200, mapped 100, initialised 500, retyped 100, handed over 1000, and one that stays. On the
    # stack 1600 more at most: of a frame that is entered again from the same place with nothing recorded in between,
    # nobody can tell, and nothing follows from it.
    require(2450 <= found['mutex'] <= 4001, f'objects: {found}')
    freed = trace.value('count(*)', "FROM object WHERE ended_how = 'freed'")
    require(1650 <= freed <= 1700, f'{freed} freed')
    alive = trace.value('count(*)', "FROM object WHERE kind = 'mutex' AND ended_how IS NULL")
    require_equal(alive, 1, 'mutexes without an end')
    for kind, count in (('cond', 500), ('semaphore', 500), ('barrier', 500), ('rwlock', 100), ('spinlock', 100)):
        require_equal(found[kind], count, kind)
    ends = {how for (how,) in trace.rows('ended_how', 'FROM object WHERE ended_how IS NOT NULL GROUP BY ended_how')}
    require({'destroyed', 'freed', 'unmapped', 'frame', 'retyped'} <= ends, f'ends of objects: {ends}')


harness.main()
