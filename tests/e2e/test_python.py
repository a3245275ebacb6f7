# SPDX-License-Identifier: MIT
"""CPython's own tests of threads, locks and queues: the same result for every single test."""

import xml.etree.ElementTree

import harness
from harness import Started, case, require, require_equal, record_command

PYTHON = '/usr/bin/python3'
TESTS = ['test_threading', 'test_queue', 'test_thread']


def results(report):
    """{test: passed, failed or skipped} from the runner's XML."""
    found = {}
    for test in xml.etree.ElementTree.parse(report).getroot().iter('testcase'):
        outcomes = [child.tag for child in test if child.tag in ('failure', 'error', 'skipped')]
        outcome = outcomes[0] if outcomes else test.get('result', 'passed')
        found[test.get('name')] = outcome
    return found


def command(report, folder):
    return [PYTHON, '-m', 'test', '-v', '--tempdir', folder, '--junit-xml', report, *TESTS]


@case
def python_passes_its_own_tests(folder):
    for name in ('native', 'recorded'):
        (folder / name).mkdir()
    trace = harness.Trace(folder / 'trace.db')
    # Side by side: most of the time is waiting.
    native = Started(command(folder / 'native.xml', folder / 'native'), cwd=folder)
    recorded = Started(record_command(trace.path, command(folder / 'recorded.xml', folder / 'recorded')), cwd=folder)
    native_end = native.wait(120)
    recorded_end = recorded.wait(200)
    expected, got = results(folder / 'native.xml'), results(folder / 'recorded.xml')
    require(len(expected) > 180, f'only {len(expected)} tests ran natively: {native_end}')
    differing = {name: (got.get(name), expected.get(name)) for name in {**expected, **got}
                 if got.get(name) != expected.get(name)}
    require(not differing, f'(recorded, natively): {differing}\n{recorded_end}')
    require_equal(recorded_end.status, native_end.status, 'exit status')
    # Many of the tests run an interpreter of their own. Some of those are killed on purpose, or leave daemon threads
    # behind in the middle of things.
    trace.require_sound(processes=(20, 400), threads=(400, 5000))


harness.main()
