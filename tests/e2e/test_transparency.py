# SPDX-License-Identifier: MIT
"""Programs that print everything they are told by pthread: the same with and without recording."""

import harness
from harness import case, compare, program, require, require_equal

# What return_codes does wrong on purpose.
MISUSE = ('double-lock', 'unreleased-lock', 'foreign-unlock', 'unlock-unheld', 'invalid-object', 'cond-unheld-mutex')


@case
def every_return_value_and_errno_is_the_same(folder):
    native, _, trace = compare(folder, program('return_codes'))
    require(native.out.count(b'\n') > 1500, f'natively: {native}')
    trace.require_whole(processes=1)
    trace.require_order()
    require(all(finding['rule'] in MISUSE or finding['level'] != 'error' for finding in trace.findings()),
            'a finding that is not what the program does')


@case
def cancelled_threads_and_destructors_do_the_same(folder):
    native, _, trace = compare(folder, program('cancellation'))
    require_equal(native.status, 0, 'exit status, natively')
    trace.require_sound(processes=1, threads=20)
    cancelled = trace.value('count(*)', "FROM event WHERE kind = 'cond-wake' AND code = 125")
    require_equal(cancelled, 3, 'condition waits that were cancelled')
    # Two times four threads and one: four rounds of a key's destructor and one of a thread_local in each.
    acquired = trace.rows('count(*)', "FROM event JOIN object ON object.id = event.subject "
                          "WHERE event.kind = 'acquire' AND object.name = 'destructor_lock'")
    require_equal(acquired, [(9 * 5 + 4,)], 'locks taken in destructors and cleanup handlers')


@case
def dead_owners_are_told_the_same(folder):
    native, _, trace = compare(folder, program('owner_death'))
    told = native.out.count(b'acquire 130') + native.out.count(b'lock 130') + native.out.count(b'wait 130')
    require(told >= 24, f'natively: {native}')
    trace.require_whole(processes=11)
    trace.require_order()
    require(trace.events('owner-died') >= told - 1, 'dead owners are missing in the trace')


@case
def posts_in_a_signal_handler_do_the_same(folder):
    native, recorded, trace = compare(folder, program('signal_posts'))
    require_equal(native.out, b'posts all there, errno kept\n', 'natively')
    trace.require_sound(processes=1, threads=4)
    posts = trace.events('post')
    require(1500 <= posts <= 1700, f'{posts} posts in the trace')
    require(recorded.seconds < 20, f'took {recorded.seconds} s')


@case
def recording_blocking_calls_changes_nothing_either(folder):
    for argv in (program('return_codes'), program('cancellation'), program('children', 'shell'), ['sleep', '0.01']):
        _, _, trace = compare(folder, argv, options=['--blocking-calls'])
        trace.require_whole()
        trace.require_order()
        require(trace.events('block-begin') > 0, f'{argv}: no blocking call')
        require(trace.events('block-end') <= trace.events('block-begin'), f'{argv}: ends without a beginning')


harness.main()
