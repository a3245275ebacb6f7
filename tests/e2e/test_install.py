# SPDX-License-Identifier: MIT
"""What `meson install` puts in place, and that it works from there: without the build folder, for any user, and from a
read-only place. test_install.py has the build folder from $TRENZA_BUILD."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import harness
from harness import FOUND_SOMETHING, PROGRAMS, case, require, require_equal, run

BUILD = Path(os.environ.get('TRENZA_BUILD', PROGRAMS.parent.parent))
SAMPLES = BUILD / 'samples'
NOBODY = 65534


def installed(folder):
    """Installs into folder; -> the prefix there."""
    options = json.loads(subprocess.check_output(['meson', 'introspect', '--buildoptions', str(BUILD)]))
    prefix = next(option['value'] for option in options if option['name'] == 'prefix')
    ended = run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--destdir', folder / 'root'], timeout=120)
    require_equal(ended.status, 0, f'meson install: {ended}')
    return folder / 'root' / prefix.lstrip('/')


@case
def everything_is_in_its_place(folder):
    prefix = installed(folder)
    for name in ('bin/trenza', 'share/man/man1/trenza.1', 'share/man/man5/trenza-suppressions.5',
                 'share/man/man5/trenza-trace.5', 'share/trenza/trenza-report-1.schema.json',
                 'share/bash-completion/completions/trenza'):
        require((prefix / name).is_file(), f'{name} is missing')
    require(len(list(prefix.glob('lib/**/trenza/libtrenza-preload.so'))) == 1, 'the preload is missing')
    for page in prefix.glob('share/man/man*/*'):
        ended = run(['groff', '-man', '-Tutf8', '-ww', page])
        require(ended.status == 0 and not ended.err and len(ended.out) > 1000, f'{page.name}: {ended}')


@case
def it_works_from_there(folder):
    prefix = installed(folder)
    shutil.copy(SAMPLES / 'abba', folder / 'abba')
    environment = {'PATH': f'{prefix}/bin:/usr/bin:/bin', 'TRENZA': '', 'TRENZA_PRELOAD': ''}
    ended = run(['/bin/sh', '-c', 'trenza check -o t.db -- ./abba'], cwd=folder, environment=environment)
    require_equal(ended.status, FOUND_SOMETHING, f'check: {ended}')
    require(b'lock-order-cycle' in ended.err and b'abba.c:' in ended.err, str(ended))
    preload, = prefix.glob('lib/**/trenza/libtrenza-preload.so')
    ended = run(['./abba'], cwd=folder, environment={
        **environment, 'LD_PRELOAD': str(preload), 'TRENZA_PROGRAM': f'{prefix}/bin/trenza', 'TRENZA_OUTPUT': 'alone.db'})
    require(ended.status == 0 and b'balance' in ended.out, str(ended))
    harness.wait_until((folder / 'alone.db').exists, 'a trace by the preload alone')


@case
def a_plain_user_with_little_room_can_use_it(folder):
    """Read-only root, only /tmp writable, no capabilities, a small /dev/shm, in namespaces of its own."""
    prefix = installed(folder)
    shutil.copy(SAMPLES / 'abba', folder / 'abba')
    for path in (folder, folder / 'abba', *folder.rglob('*')):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044))
    is_root = os.geteuid() == 0
    drop = f'--reuid {NOBODY} --regid {NOBODY} --clear-groups' if is_root else ''
    script = (f'set -e; mount --make-rprivate /; mkdir -p /dev/shm; mount -t tmpfs -o size=1m,mode=1777 none /dev/shm; '
              f'mount -t tmpfs -o size=64m,mode=1777 none /mnt; '
              f'mount -o remount,ro,bind /; '
              f'cd /mnt; exec setpriv {drop} --no-new-privs --bounding-set=-all env TMPDIR=/mnt HOME=/nonexistent {prefix}/bin/trenza check --format=json:/mnt/r.json --format=text -- {folder}/abba')
    ended = run(['unshare', *([] if is_root else ['--map-root-user']), '--mount', '/bin/sh', '-c', script], timeout=60)
    require_equal(ended.status, FOUND_SOMETHING, f'check: {ended}')
    require(b'lock-order-cycle' in ended.err and b'balance' in ended.out, str(ended))


def completions(prefix, *lines):
    """What bash offers at the end of each line, given as its words."""
    script = '''
source "$1"
while read -ra COMP_WORDS; do
    [[ ${COMP_WORDS[-1]} == EMPTY ]] && COMP_WORDS[-1]=
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "_${COMP_WORDS[0]//-/_}"; echo "${COMPREPLY[*]}"
done
'''
    ended = run(['bash', '-c', script, 'bash', prefix / 'share/bash-completion/completions/trenza'],
                environment={'PATH': f'{prefix}/bin:/usr/bin:/bin'}, input=''.join(f'{line}\n' for line in lines).encode())
    offered = ended.out.decode().splitlines()
    require_equal(len(offered), len(lines), f'lines: {ended}')
    return offered


@case
def completion_knows_commands_options_and_values(folder):
    prefix = installed(folder)
    offered = completions(prefix, 'trenza ch', 'trenza check --supp', 'trenza check --fail-on = w', 'trenza help re',
                          'trenza export --format = pe', 'trenza check --format = EMPTY', 'trenza check -- tru')
    require_equal(offered[:5], ['check', '--suppressions=', 'warning', 'record', 'perfetto'], 'completions')
    require_equal(offered[5].split(), ['text', 'json', 'sarif', 'junit', 'github', 'suppressions'], 'formats of a report')
    require('true' in offered[6].split(), offered[6])


@case
def completion_knows_every_command_and_option(folder):
    prefix = installed(folder)
    said = run([prefix / 'bin/trenza', 'help']).out.decode()
    commands = re.findall(r'^  ([a-z]+) ', said, re.MULTILINE)
    require(len(commands) >= 8, f'commands: {said}')
    require_equal(completions(prefix, 'trenza EMPTY')[0].split(), [*commands, 'help'], 'commands')
    for command, offered in zip(commands, completions(prefix, *(f'trenza {command} --' for command in commands))):
        said = run([prefix / 'bin/trenza', 'help', command]).out.decode()
        options = re.findall(r'^ +(?:-., )?(--[a-z-]+=?)', said.partition('options:')[2], re.MULTILINE)
        require_equal(offered.split(), options, command)
        page = (prefix / 'share/man/man1/trenza.1').read_text().replace('\\-', '-')
        missing = [option for option in options if not re.search(rf'{re.escape(option.rstrip("="))}\b', page)]
        require_equal(missing, [], f'{command}: not in the manual')


@case
def completion_knows_the_window(folder):
    prefix = installed(folder)
    window = prefix / 'bin/trenza-gui'
    if not window.exists():  # built without GTK
        require_equal(completions(prefix, 'trenza-gui --'), [''], 'options')
        return
    said = run([window, '--help'], environment={'LC_ALL': 'C'}).out.decode()
    options = re.findall(r'^ +(--[a-z-]+=?)', said.partition('Application Options:')[2], re.MULTILINE)
    require(len(options) >= 9, said)
    require_equal(completions(prefix, 'trenza-gui --')[0].split(), options, 'options')
    require_equal(completions(prefix, 'trenza-gui --view = w'), ['witness'], 'values')
    require((prefix / 'share/bash-completion/completions/trenza-gui').is_file(), 'the file bash looks for')


if __name__ == '__main__':
    harness.main()
