# SPDX-License-Identifier: MIT
"""The house rules, as TAP: who may include whom, what the preload exports and needs, what stands where,
what the manual page tells.

house.py SOURCE_ROOT LIBTRENZA_PRELOAD TRENZA
"""

import os
import re
import subprocess
import sys
from pathlib import Path

TOP_LEVEL = {'tracer', 'analyzer', 'gui', 'samples', 'tests', 'meson.build', 'meson_options.txt', 'README.md', 'LICENSE'}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# Folder -> (folders whose headers it may include, system headers it may not), most particular folder first.
GTK = r'gtk|gdk|gsk|adwaita'
OUTSIDE = r'glib|gio|gmodule|json-glib'
SYMBOLS = r'elfutils|dwarf|libelf|gelf'
RULES = [
    ('tracer/format', ['tracer/format'], [OUTSIDE, GTK, SYMBOLS]),
    ('tracer/preload', ['tracer/preload', 'tracer/format'], [OUTSIDE, GTK, SYMBOLS, 'sqlite3', 'stdio']),
    ('tracer/recorder', ['tracer/recorder', 'tracer/format'], [GTK, SYMBOLS]),
    ('analyzer/detectors', ['analyzer/detectors', 'analyzer/model', 'tracer/format'], [GTK, SYMBOLS, 'sqlite3', 'json-glib']),
    ('analyzer/commands', ['analyzer', 'tracer/format', 'tracer/recorder'], [GTK, 'sqlite3']),
    ('analyzer', ['analyzer', 'tracer/format'], [GTK, 'sqlite3']),
    ('gui', ['gui', 'analyzer/model', 'analyzer/detectors', 'analyzer/report'], ['sqlite3']),
    ('samples', ['samples'], [OUTSIDE, GTK, SYMBOLS, 'sqlite3']),
]
# Of format/, the preload knows the layouts and the kinds of events; only the store knows SQLite.
# What trenza.h declares.
ANNOTATIONS = {'trenza_ignore', 'trenza_name_object', 'trenza_order_by_address'}
PRELOAD_FORMAT = {'wire.h', 'events.h', 'event_list.h', 'blocking_list.h'}
SQLITE_FILES = re.compile(r'tracer/format/(store\w*|sql_table)\.[ch]$')


def tracked_files(root):
    """Files that belong to the project: what git tracks or would, or without git everything outside build folders."""
    listed = subprocess.run(['git', '-c', 'safe.directory=*', '-C', str(root), 'ls-files', '--cached', '--others',
                             '--exclude-standard'], capture_output=True, text=True)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:
        names = [str(path.relative_to(root)) for path in root.rglob('*') if path.is_file()]
        names = [name for name in names if not name.startswith(('build', '.git/'))]
    return [name for name in names if (root / name).is_file()]


def in_folder(name, folder):
    return name.startswith(folder + '/')


def bad_includes(root, names):
    headers = {}
    for name in names:
        if name.endswith('.h') and not in_folder(name, 'tests'):
            headers.setdefault(Path(name).name, []).append(name)
    for name in names:
        rule = next((rule for rule in RULES if in_folder(name, rule[0])), None)
        if not rule or not name.endswith(('.c', '.h')):
            continue
        for bracket, included in INCLUDE.findall((root / name).read_text()):
            if bracket == '<' or included not in headers:
                if any(re.match(rf'({forbidden})[./]|({forbidden})$', included) for forbidden in rule[2]):
                    yield f'{name} includes {included}'
                elif included == 'sqlite3.h' and in_folder(name, 'tracer/format') and not SQLITE_FILES.search(name):
                    yield f'{name} includes {included}'
                continue
            own = str(Path(name).parent / included)
            candidates = [own] if own in headers[included] else headers[included]
            allowed = [path for path in candidates if any(in_folder(path, folder) for folder in rule[1])]
            target = (allowed or candidates)[0]
            if not allowed:
                yield f'{name} includes {target}'
            elif rule[0] == 'tracer/preload' and in_folder(target, 'tracer/format') and included not in PRELOAD_FORMAT:
                yield f'{name} includes {target}'


def bad_top_level(root, names):
    for top in sorted({name.split('/')[0] for name in names}):
        if top not in TOP_LEVEL and not top.startswith('.'):
            yield f'{top} does not belong at the top level'


def bad_first_lines(root, names):
    for name in names:
        path = root / name
        script = not path.suffix and path.read_bytes()[:2] == b'#!'
        if not script and path.suffix not in ('.c', '.h', '.cc', '.cpp', '.py', '.sh', '.sql'):
            continue
        lines = path.read_text().splitlines()
        if lines and lines[0].startswith('#!'):
            lines.pop(0)
        if not lines or 'SPDX-License-Identifier: MIT' not in lines[0]:
            yield f'{name} has no SPDX line'
        elif path.suffix == '.c' and not (len(lines) > 1 and lines[1].startswith(('//', '/*'))):
            yield f'{name} does not say what it is'


def dynamic_names(library):
    output = subprocess.check_output(['nm', '-D', '--defined-only', library], text=True)
    return {line.split()[-1].split('@')[0] for line in output.splitlines() if line.split()[-2] not in 'Aa'}


def bad_exports(library):
    libc = next(path for path in re.findall(r'=> (\S+)', subprocess.check_output(['ldd', '/bin/sh'], text=True))
                if 'libc.so' in path)
    exported = dynamic_names(library)
    if 'pthread_mutex_lock' not in exported:
        yield 'pthread_mutex_lock is not exported'
    for name in sorted(exported - dynamic_names(libc) - ANNOTATIONS):
        yield f'{name} is exported and is not a name of libc'


def bad_needs(library):
    output = subprocess.check_output(['readelf', '-d', library], text=True)
    for needed in re.findall(r'\(NEEDED\).*\[(.*)\]', output):
        if not re.match(r'(libc\.so\.6|ld-linux.*)$', needed):
            yield f'needs {needed}'


def missing_in_manual(root, trenza):
    manual = (root / 'analyzer/commands/trenza.1').read_text().replace('\\-', '-')
    commands = re.findall(r'^  (\w+) ', subprocess.check_output([trenza, 'help'], text=True), re.MULTILINE)
    if not commands:
        yield 'trenza help names no command'
    for command in commands:
        if f'.SS {command}\n' not in manual:
            yield f'trenza.1 lacks the command {command}'
            continue
        section = manual.split(f'.SS {command}\n')[1].split('\n.S')[0]
        usage = subprocess.check_output([trenza, 'help', command], text=True)
        for option in re.findall(r'^  (?:-\w, |    )(--[\w-]+)', usage, re.MULTILINE):
            if not re.search(re.escape(option) + r'\b(?!-)', section):
                yield f'trenza.1 lacks {option} of {command}'


def main():
    root, library, trenza = Path(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])
    names = tracked_files(root)
    cases = [
        ('each part includes only what it may know', bad_includes(root, names)),
        ('the top level holds what it should', bad_top_level(root, names)),
        ('each source file opens with its licence and what it is', bad_first_lines(root, names)),
        ('the preload exports only names it interposes', bad_exports(library)),
        ('the preload needs libc only', bad_needs(library)),
        ('the manual page has every command and option', missing_in_manual(root, trenza)),
    ]
    print(f'1..{len(cases)}')
    for number, (title, complaints) in enumerate(cases, 1):
        complaints = list(complaints)
        print('not ok' if complaints else 'ok', number, '-', title)
        for complaint in complaints:
            print('#', complaint)


if __name__ == '__main__':
    main()
