# SPDX-License-Identifier: MIT
"""Programs that cannot be recorded are named, each with its reason, in every format and however they were begun."""

import json
import os
import re
import shutil
import struct

import harness
from harness import TRENZA, case, program, require, require_equal, run

NOBODY = 65534
STATIC = "'{}' is statically linked, nothing can be preloaded into it"
SETUID = "'{}' is set-user-id or set-group-id, the loader preloads nothing into it"
CAPABLE = "'{}' has file capabilities, the loader preloads nothing into it"
PYTHON_WAYS = '''
import os, sys
how, path = sys.argv[1:]
words = [path, '1', '5']
def child(function, *arguments):
    pid = os.fork()
    if pid == 0:
        function(*arguments)
    os.waitpid(pid, 0)
if how == 'fork-execve':
    child(os.execve, path, words, os.environ)
elif how == 'fork-execvp':
    os.environ['PATH'] = '/nonexistent:' + os.path.dirname(path) + ':/usr/bin'
    child(os.execvp, os.path.basename(path), words)
elif how == 'fork-fexecve':
    child(os.execve, os.open(path, os.O_RDONLY), words, os.environ)
elif how == 'spawn':
    os.waitpid(os.posix_spawn(path, words, os.environ), 0)
elif how == 'spawnp':
    os.environ['PATH'] = os.path.dirname(path)
    os.waitpid(os.posix_spawnp(os.path.basename(path), words, {}), 0)
elif how == 'subprocess':
    import subprocess
    subprocess.run(words)
elif how == 'exec':
    os.execv(path, words)
'''


def gaps(folder, argv, *, prefix=(), trenza=TRENZA, status=0):
    """(what, detail) of everything not recorded, once, as the JSON report has them; all other formats must tell the same."""
    formats = {name: folder / f'report.{name}' for name in ('json', 'text', 'sarif', 'junit', 'github')}
    ended = run([*prefix, trenza, 'check', *(f'--format={name}:{path}' for name, path in formats.items()), '--', *argv], cwd=folder)
    require_equal(ended.status, status, str(ended))
    told = [(gap['what'], gap['detail']) for gap in json.loads(formats['json'].read_text())['runs'][0]['coverage']]
    for name, path in formats.items():
        text = path.read_text().replace('&apos;', "'").replace('%25', '%').replace('&quot;', '"')
        for what, detail in told:
            require(detail in text and what in text, f'{name} does not say {detail}: {harness.shortened(text)}')
    return told


@case
def static_programs_however_they_are_begun(folder):
    path = program('lock_pairs_static')[0]
    name = os.path.basename(path)
    for how in ('fork-execve', 'fork-execvp', 'fork-fexecve', 'spawn', 'spawnp', 'subprocess', 'exec'):
        told = gaps(folder, ['/usr/bin/python3', '-c', PYTHON_WAYS, how, path], status=5 if how == 'exec' else 0)
        require_equal(told, [('static', STATIC.format(name))], how)
    # dash and bash begin programs by vfork and by fork.
    for shell in ('/bin/sh', '/bin/bash'):
        told = gaps(folder, [shell, '-c', f'{path} 1 5; {path} 1 5; {name} 1 5; exit 0'])
        require_equal(told, [('static', STATIC.format(name))] * 2, shell)


@case
def what_cannot_be_run_is_no_gap(folder):
    (folder / 'no-program').write_text('nothing')
    script = 'nonexistent; ./no-program; ./nonexistent; PATH=/nonexistent:/usr/bin:/bin; true; env true; exit 0'
    for shell in ('/bin/sh', '/bin/bash'):
        require_equal(gaps(folder, [shell, '-c', script]), [], shell)
    require_equal(gaps(folder, program('children', 'vfork')), [], 'vfork and a failing exec')


@case
def scripts_are_what_their_interpreter_is(folder):
    script = folder / 'script'
    script.write_text(f'#! {program("lock_pairs_static")[0]} 1\n')
    script.chmod(0o755)
    told = gaps(folder, ['/bin/sh', '-c', './script 5; exit 0'])
    require_equal(told, [('static', STATIC.format('script'))], 'script')


@case
def programs_with_other_rights(folder):
    folder.chmod(0o777)
    user = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups'] if os.geteuid() == 0 else []
    trenza = harness.trenza_for_anybody(folder)
    told = gaps(folder, ['/bin/sh', '-c', '/usr/bin/su --version >/dev/null; exit 0'], prefix=user, trenza=trenza)
    require_equal(told, [('setuid', SETUID.format('su'))], 'set-user-id')
    # Where no rights are given, it is a program like others.
    told = gaps(folder, ['/bin/sh', '-c', '/usr/bin/su --version >/dev/null; exit 0'], trenza=trenza,
                prefix=[*(user or ['setpriv']), '--no-new-privs'])
    require_equal(told, [], 'set-user-id without new rights')
    told = gaps(folder, ['/usr/bin/su', '--version'], prefix=user, trenza=trenza)
    require_equal(('setuid', SETUID.format('/usr/bin/su')) in told, True, f'the program itself: {told}')
    if os.geteuid() == 0:
        capable = folder / 'capable'
        shutil.copy('/bin/true', capable)
        os.setxattr(capable, 'security.capability', struct.pack('<IIIII', 0x02000001, 1 << 10, 0, 0, 0))
        told = gaps(folder, ['/bin/sh', '-c', './capable; exit 0'], prefix=user, trenza=trenza)
        require_equal(told, [('setuid', CAPABLE.format('capable'))], 'file capabilities')


@case
def who_cannot_reach_the_recorder(folder):
    """Another user may not look into the recorder's folder. Where there is no other user to be, the folder is taken away."""
    become = f'setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups' if os.geteuid() == 0 else \
        'rm -rf "$(dirname "$TRENZA_SESSION")"; env'
    told = gaps(folder, ['/bin/sh', '-c', f'{become} /bin/true; exit 0'])
    require_equal([what for what, _ in told], ['out-of-reach'], f'{told}')
    require(re.match(r"'(true|env)' ", told[0][1]), f'{told}')


PAST_THE_HOOKS = '''
import ctypes, os, sys
libc = ctypes.CDLL(None)
def words(*strings):
    return (ctypes.c_char_p * (len(strings) + 1))(*strings, None)
def begin(*argv):
    if os.fork() == 0:
        libc.syscall(59, argv[0], words(*argv), words(b'PATH=/usr/bin'))
        os._exit(1)
begin(b'/bin/sleep', b'3.5')
begin(b'/usr/bin/env', b'sh', b'-c', b'sleep 3.7; exit 0')
for _ in range(2):
    os.wait()
'''


@case
def what_begins_past_the_hooks_with_another_environment(folder):
    """By a system call of its own, as Go's programs do. What lives for some seconds is seen all the same."""
    told = gaps(folder, ['/usr/bin/python3', '-c', PAST_THE_HOOKS])
    require_equal({what for what, _ in told}, {'environment'}, f'{told}')
    require({detail.split("'")[1] for _, detail in told} >= {'sleep', 'dash'}, f'{told}')


if __name__ == '__main__':
    harness.main()
