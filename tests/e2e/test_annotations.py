# SPDX-License-Identifier: MIT
"""trenza.h: names reach the reports, and without Trenza nothing happens."""

from pathlib import Path

import harness
from harness import case, program, record, require, require_equal, run

HEADER = Path(__file__).resolve().parent.parent.parent / 'tracer/preload'
NAMES = [('barrier', 'the barrier'), ('cond', 'the condition'), ('mutex', 'first generation'), ('mutex', 'not in_data'),
         ('mutex', None), ('rwlock', 'the rwlock'), ('semaphore', 'the semaphore, with 47 bytes and some more of t'),
         ('spinlock', 'the spinlock')]


@case
def names_are_told_once_for_each_generation(folder):
    ended, trace = record(folder, program('named_locks'))
    require_equal((ended.status, ended.out), (0, b'heard\n'), 'recorded')
    rows = trace.rows('kind, name', 'FROM object ORDER BY kind, coalesce(name, char(0x10ffff))')
    require_equal(rows, NAMES, 'objects')
    trace.require_sound(processes=1, threads=1)


@case
def nothing_happens_without_trenza(folder):
    ended = run(program('named_locks'))
    require_equal((ended.status, ended.out, ended.err), (0, b'not heard\n', b''), 'natively')


@case
def what_is_to_be_ignored_is_no_part_of_a_cycle(folder):
    """Two orders, the second one in a region; then the same again outside of it."""
    for outside, rules in ((0, []), (1, ['lock-order-cycle'])):
        ended, trace = record(folder, program('ignored_locks', outside), name=f'{outside}.db')
        require_equal(ended.status, 0, 'status')
        require_equal([finding['rule'] for finding in trace.findings()], rules, f'outside {outside}')
        trace.require_order()
        require_equal(trace.events('acquire-timed'), 2, 'acquisitions that were ignored')


@case
def locks_that_are_ordered_by_address_are_not_guessed_about(folder):
    """Whatever does not wait for a lower lock is right, whatever does is wrong, whether or not it met anybody."""
    for *how, found in (('up', 'up', None), ('meet', 'up', 'up', None), ('up', 'try', 'timed', 'ignored', None),
                        ('meet', 'other-down', 'up', None), ('down', 'alone'), ('up', 'down', 'alone'),
                        ('down', 'down', 'alone'), ('down', 'late', 'alone'), ('meet', 'up', 'down', 'circle')):
        ended, trace = record(folder, program('stated_order', *how), name=f'{"_".join(how)}.db')
        require_equal(ended.status, 0, f'{how}: status')
        findings = trace.findings()
        require_equal([(finding['rule'], finding['level'], finding['verdict']) for finding in findings],
                      [('lock-order-cycle', 'error', 'predicted' if found == 'circle' else None)] if found else [], f'{how}')
        for finding in findings:
            require('the program says that locks of one class (items[].lock) are taken in the order of their addresses'
                    in finding['message'], finding['message'])
            require_equal("'items[0].lock' while it holds 'items[1].lock'" in finding['message'], found == 'alone',
                          finding['message'])
        told = [(finding['level'], finding['id'], finding['message']) for finding in trace.findings('--all') if finding['level'] == 'error']
        require_equal(told, [(finding['level'], finding['id'], finding['message']) for finding in findings],
                      f'{how}: with those that cannot happen')
        flags = trace.rows('name, flags >> 12 & 1', "FROM object WHERE kind = 'mutex' ORDER BY name")
        require(all(stated == name.startswith('items') for name, stated in flags) and flags, str(flags))
        trace.require_order()


@case
def rwlocks_and_spinlocks_are_ordered_too(folder):
    for how, locks in (('read-down', None), ('write-down', 'rwlocks'), ('spin-down', 'spinlocks')):
        _, trace = record(folder, program('stated_order', how), name=f'{how}.db')
        messages = [finding['message'] for finding in trace.findings()]
        require_equal(len(messages), 1 if locks else 0, f'{how}: {messages}')
        require(all(f"'{locks}[0]' while it holds '{locks}[1]'" in message for message in messages), str(messages))


COMPILERS = [('cc', '-std=c99', '-Wall', '-Wextra', '-Wshadow', '-Werror', '-pedantic', '-D_GNU_SOURCE'),
             *(('cc', *kind, level) for kind in ((), ('-no-pie', '-fno-pie'), ('-fno-plt',), ('-masm=intel',))
               for level in ('-O0', '-O2')),
             ('cc', '-static'), ('cc', '-static-pie')]


@case
def any_compiler_and_any_link_take_it(folder):
    source = Path(__file__).resolve().parent / 'named_locks.c'
    for compiler, *options in COMPILERS:
        built = folder / 'built'
        ended = run([compiler, *options, '-I', HEADER, '-o', built, source, '-pthread'])
        require_equal((ended.status, ended.err), (0, b''), f'{options}')
        require_equal(run([built]).out, b'not heard\n', f'{options}: natively')
        heard = not {'-static', '-static-pie'} & set(options)
        recorded, _ = record(folder, [built])
        require_equal(recorded.out, b'heard\n' if heard else b'not heard\n', f'{options}: recorded')


@case
def cxx_takes_it(folder):
    (folder / 'a.cpp').write_text('#include <mutex>\n#include "trenza.h"\nint main() { std::mutex m[2];\n'
                                  '  TRENZA_NAME_MUTEX(m[0].native_handle(), "m"); for (auto &one : m)\n'
                                  '  TRENZA_ORDER_MUTEX_BY_ADDRESS(one.native_handle());\n'
                                  '  std::lock_guard<std::mutex> held(m[0]), also(m[1]); }\n')
    for options in (['-O0'], ['-O2'], ['-O2', '-no-pie', '-fno-pie'], ['-O2', '-flto']):
        ended = run(['g++', '-Wall', '-Wextra', '-Wshadow', '-Werror', *options, '-I', HEADER, '-o', folder / 'a', folder / 'a.cpp',
                     '-pthread'])
        require_equal((ended.status, ended.err), (0, b''), f'{options}')
        _, trace = record(folder, [folder / 'a'])
        rows = trace.rows('name, flags >> 12 & 1', "FROM object WHERE kind = 'mutex' ORDER BY address")
        require_equal(rows, [('m', 1), (None, 1)], f'{options}: locks')


if __name__ == '__main__':
    harness.main()
