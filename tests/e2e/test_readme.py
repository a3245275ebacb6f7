# SPDX-License-Identifier: MIT
"""The README's lines, taken from it and run as they stand: what it shows of a sample, what it says to do with one's own program,
and the lines for CI, in a project that has a bug and one that has none."""

import json
import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import harness
from harness import FOUND_SOMETHING, PROGRAMS, TRENZA, TRENZA_FAILED, case, require, require_equal, run

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / 'README.md').read_text()
SAMPLES = PROGRAMS.parent.parent / 'samples'
MAKEFILE = '''all: your-test
your-test: your-test.c
\tcc -g -pthread -o $@ your-test.c
check: all
\t./your-test
'''
CMAKE = '''cmake_minimum_required(VERSION 3.16)
project(yours C)
find_package(Threads REQUIRED)
enable_testing()
add_executable(your-test your-test.c)
target_compile_options(your-test PRIVATE -g)
target_link_libraries(your-test Threads::Threads)
add_test(NAME your-test COMMAND your-test)
'''
MESON = '''project('yours', 'c')
test('your-test', executable('your-test', 'your-test.c', dependencies: dependency('threads')))
'''
# One module that starts a program, as the tests of a command-line tool do, and one that loads a library into pytest itself.
PYTEST = '''import ctypes, subprocess

def test_program():
    assert subprocess.run(['./your-test'], check=True, capture_output=True).stdout

def test_library():
    assert ctypes.CDLL('./your-library.so').main(1, (ctypes.c_char_p * 2)(b'library')) == 0
'''


def block(language, word):
    """The one fenced block of this language that has the word in it."""
    found = [text for text in re.findall(rf'^```{language}\n(.*?)^```$', README, re.MULTILINE | re.DOTALL) if word in text]
    require_equal(len(found), 1, f'blocks of {language} with {word}')
    return found[0]


def project(folder, sample, **files):
    """A project whose test is the sample; -> a function that runs a line of shell in it."""
    folder.mkdir()
    source = (ROOT / 'samples' / f'{sample}.c').read_text()
    (folder / 'your-test.c').write_text(source)
    (folder / 'luck.h').write_text((ROOT / 'samples/luck.h').read_text())
    (folder / '.git').mkdir()
    for name, text in files.items():
        (folder / re.sub('_(?=[^_]*$)', '.', name)).write_text(text)
    path = f'{Path(TRENZA).parent}:{os.environ["PATH"]}'
    return lambda line, **more: run(['/bin/sh', '-ec', line], cwd=folder, environment={'PATH': path}, timeout=120, **more)


def both(folder, **files):
    """The same project with a bug and without: (name, runner, the exit status `trenza check` must have)."""
    yield 'bug', project(folder / 'bug', 'abba', **files), FOUND_SOMETHING
    yield 'none', project(folder / 'none', 'abba_fixed', **files), 0


@case
def what_it_shows_first(_):
    shown = block('', '$ trenza check -- build/samples/abba')
    ended = run([TRENZA, 'check', '--', SAMPLES / 'abba'], cwd=ROOT)
    got = f'$ trenza check -- build/samples/abba\n{ended.out.decode()}{ended.err.decode()}'
    require_equal(got.splitlines(), shown.splitlines(), 'lines')


@case
def your_own_program(folder):
    shell = project(folder / 'yours', 'abba')
    shell('cc -g -pthread -o your-program your-test.c')
    require_equal(shell(block('', 'trenza check -- ./your-program')).status, FOUND_SOMETHING, 'check')
    for line in block('', 'trenza stats').splitlines():
        if line.startswith('trenza-gui'):  # is for a person; the window has tests of its own
            continue
        ended = shell(line)
        require_equal(ended.status, FOUND_SOMETHING if line == 'trenza check run.db' else 0, f'{line}: {ended}')
        require(ended.out or ended.err or '-o run' in line, f'{line} says nothing')
    require(json.loads((folder / 'yours/run.json').read_text())['traceEvents'], 'the export is empty')


@case
def the_one_line(folder):
    line = block('', 'trenza check -- make check')
    for name, shell, status in both(folder, Makefile=MAKEFILE):
        require_equal(shell(line).status, status, name)


@case
def pytest(folder):
    """Its children and what it loads itself; its own failures stay its own."""
    line, = re.findall(r'`(trenza check -- pytest)`', README)
    for name, shell, status in both(folder, test_yours_py=PYTEST):
        built = shell('cc -g -pthread -o your-test your-test.c; cc -g -pthread -shared -fPIC -o your-library.so your-test.c')
        require_equal(built.status, 0, f'{name}: {built}')
        ended = shell(f'{line} --version && {line.replace("trenza check", "trenza check --format=json:report.json")}')
        require_equal(ended.status, status, f'{name}: {ended}')
        require(b'2 passed' in ended.out, f'{name}: {ended}')
        found = json.loads((folder / name / 'report.json').read_text())['findings']
        programs = sorted(Path(program).name for finding in found for program in finding['programs'])
        require_equal([program.rstrip('.0123456789') for program in programs], ['python', 'your-test'] if status else [],
                      f'{name}: found in')
    (folder / 'none/test_theirs.py').write_text('def test_it():\n    assert False\n')
    ended = shell(line)
    require_equal(ended.status, 1, f'a test that fails: {ended}')
    require(b'1 failed, 2 passed' in ended.out, str(ended))


@case
def github_actions(folder):
    lines = re.findall(r'- run: (trenza .*)', block('yaml', 'github'))
    require_equal(len(lines), 1, 'lines that run trenza')
    for name, shell, status in both(folder, Makefile=MAKEFILE):
        ended = shell(lines[0])
        require_equal(ended.status, status, f'{name}: {ended}')
        results = json.loads((folder / name / 'trenza.sarif').read_text())['runs'][0]['results']
        require_equal(len(results), status != 0, f'{name}: results')
        require_equal(b'::error file=your-test.c,line=' in ended.out, status != 0, f'{name}: annotation')


@case
def gitlab(folder):
    line, = re.findall(r'- (trenza .*)', block('yaml', 'junit'))
    require('junit: trenza.xml' in block('yaml', 'junit'), 'the file it names')
    for name, shell, status in both(folder, Makefile=MAKEFILE):
        ended = shell(line)
        require_equal(ended.status, status, f'{name}: {ended}')
        root = ElementTree.parse(folder / name / 'trenza.xml').getroot()
        require_equal(int(root.get('failures')), int(status != 0), f'{name}: failures')


@case
def make(folder):
    for name, shell, status in both(folder, Makefile=MAKEFILE + block('make', 'trenza')):
        ended = shell('make -j2 check-threads')
        require_equal(ended.status, 2 if status else 0, f'{name}: {ended}')
        require_equal(b'lock-order-cycle' in ended.err, status != 0, f'{name}: report')
        require(b'jobserver' not in ended.err, f'{name}: the jobs of make: {ended}')


@case
def cmake_and_ctest(folder):
    for name, shell, status in both(folder, CMakeLists_txt=CMAKE + block('cmake', 'trenza')):
        require_equal(shell('cmake -S . -B build && cmake --build build').status, 0, f'{name}: build')
        ended = shell('ctest --test-dir build')
        require_equal(ended.status, 8 if status else 0, f'{name}: {ended}')
        failed = re.findall(rb'\d+ - (\S+) \(Failed\)', ended.out)
        require_equal(failed, [b'threads'] if status else [], f'{name}: tests that failed')
        line, = re.findall(r'`(trenza check -- ctest [^`]*)`', README)
        require_equal(shell(line.replace('ctest', 'ctest -E threads')).status, status, f'{name}: around all')


@case
def meson(folder):
    single, together = block('sh', 'meson test').split('\n\n')
    for name, shell, status in both(folder, meson_build=MESON):
        require_equal(shell('meson setup build').status, 0, f'{name}: setup')
        ended = shell(single)
        require_equal(ended.status, 1 if status else 0, f'{name}: {ended}')
        for _ in range(2):  # what an earlier time left there does not count
            ended = shell(together)
            require_equal(ended.status, status, f'{name}: {ended}')
        require_equal(len(list((folder / name / 'traces').glob('*.db'))), 1, f'{name}: traces')


@case
def the_configuration(folder):
    shell = project(folder / 'bug', 'abba', Makefile=MAKEFILE)
    (folder / 'bug/.trenza').write_text(block('ini', 'check'))
    ended = shell('trenza check -- make check')
    require_equal(ended.status, TRENZA_FAILED, f'a file that is not there: {ended}')
    require(b'ci/trenza.supp' in ended.err, str(ended))
    (folder / 'bug/ci').mkdir()
    shell('mv .trenza aside; trenza check --gen-suppressions=ci/trenza.supp -- make check || mv aside .trenza')
    require_equal(shell('trenza check -- make check').status, 0, 'with suppressions')
    (folder / 'bug/ci/trenza.supp').write_text('')
    require_equal(shell('trenza check -- make check').status, FOUND_SOMETHING, 'without')


if __name__ == '__main__':
    harness.main()
