# SPDX-License-Identifier: MIT
"""trenza.h: names reach the reports, and without Trenza nothing happens."""

from pathlib import Path

import harness
from harness import case, program, record, require_equal, run

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
def any_compiler_and_any_link_take_it(folder):
    source = Path(__file__).resolve().parent / 'named_locks.c'
    for compiler, *options in (('cc', '-std=c99', '-Wall', '-Wextra', '-Werror', '-pedantic', '-D_GNU_SOURCE'),
                               ('cc', '-no-pie', '-fno-pie', '-O2'), ('cc', '-static'), ('cc', '-O2')):
        built = folder / 'built'
        ended = run([compiler, *options, '-I', HEADER, '-o', built, source, '-pthread'])
        require_equal((ended.status, ended.err), (0, b''), f'{options}')
        require_equal(run([built]).out, b'not heard\n', f'{options}: natively')
        heard = not {'-static', '-no-pie'} & set(options)
        recorded, _ = record(folder, [built])
        require_equal(recorded.out, b'heard\n' if heard else b'not heard\n', f'{options}: recorded')
    (folder / 'a.cpp').write_text('#include <mutex>\n#include "trenza.h"\nint main() { std::mutex m;\n'
                                  '  TRENZA_NAME_MUTEX(m.native_handle(), "m"); std::lock_guard<std::mutex> held(m); }\n')
    ended = run(['g++', '-Wall', '-Wextra', '-Werror', '-I', HEADER, '-o', folder / 'a', folder / 'a.cpp', '-pthread'])
    require_equal((ended.status, ended.err), (0, b''), 'C++')
    _, trace = record(folder, [folder / 'a'])
    require_equal(trace.rows('name', 'FROM object WHERE name IS NOT NULL'), [('m',)], 'C++: names')


if __name__ == '__main__':
    harness.main()
