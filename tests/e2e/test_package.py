# SPDX-License-Identifier: MIT
"""The Debian packages: each has its own files and knows what it needs; dpkg installs them, they work, and nothing stays."""

import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import harness
from harness import FOUND_SOMETHING, PROGRAMS, case, require, require_equal, run

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = PROGRAMS.parent.parent / 'samples'
BUILT = tempfile.TemporaryDirectory(prefix='trenza-packages-')


@functools.lru_cache
def packages():
    """Builds them once: name -> file."""
    ended = run([ROOT / 'tests/package.sh', BUILT.name], timeout=580)
    require_equal(ended.status, 0, f'package.sh: {ended}')
    found = {path.name.split('_')[0]: path for path in Path(BUILT.name).glob('*.deb')}
    require_equal(sorted(map(Path, ended.out.decode().split())), sorted(found.values()), 'what it says it made')
    return found


def field(package, name):
    return subprocess.check_output(['dpkg-deb', '-f', str(package), name], text=True).strip()


def dpkg(root, *words):
    """dpkg on a root of its own that believes to have what is installed here, so that dependencies count. Not as root: in a
    namespace where one is, for the owners of the files."""
    alone = [] if os.geteuid() == 0 else ['unshare', '--map-root-user']
    return run([*alone, 'dpkg', f'--root={root}', '--no-triggers', *words], environment={'LC_ALL': 'C'})


def files_in(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob('*') if not path.is_dir())


@case
def packages_are_whole(_):
    has_gtk = subprocess.run(['pkg-config', '--exists', 'gtk4'], check=False).returncode == 0
    require_equal(set(packages()), {'trenza', 'libtrenza-preload'} | ({'trenza-gui'} if has_gtk else set()), 'packages')
    version = field(packages()['trenza'], 'Version')
    require(f'libtrenza-preload (= {version})' in field(packages()['trenza'], 'Depends'), 'trenza needs its preload')
    require(field(packages()['libtrenza-preload'], 'Depends').startswith('libc6 (>='), 'the preload needs libc')
    require(',' not in field(packages()['libtrenza-preload'], 'Depends'), 'the preload needs nothing but libc')
    for package in packages().values():
        ended = run(['dpkg-deb', '-c', package])
        require(b'/usr/local' not in ended.out and b'root/root' in ended.out, str(ended))


@case
def they_install_work_and_leave_nothing(folder):
    root = folder / 'root'
    (root / 'var/lib/dpkg/info').mkdir(parents=True)
    (root / 'var/lib/dpkg/updates').mkdir()
    shutil.copy('/var/lib/dpkg/status', root / 'var/lib/dpkg')
    # One that was installed here before would be upgraded; nobody but it knows these names.
    dpkg(root, '--purge', *packages())
    before = files_in(root)
    ended = dpkg(root, '-i', packages()['trenza'])
    require(ended.status != 0 and b'libtrenza-preload' in ended.err, f'without what it needs: {ended}')
    ended = dpkg(root, '-i', *packages().values())
    require_equal(ended.status, 0, f'installing: {ended}')
    for name in ('bin/trenza', 'share/man/man1/trenza.1.gz', 'share/man/man5/trenza-trace.5.gz', 'share/doc/trenza/copyright',
                 'include/trenza.h', 'share/bash-completion/completions/trenza'):
        require((root / 'usr' / name).is_file(), f'{name} is missing')
    shutil.copy(SAMPLES / 'abba', folder / 'abba')
    path = {'PATH': f'{root}/usr/bin:{os.environ["PATH"]}'}
    ended = run(['/bin/sh', '-c', 'trenza check -o t.db -- ./abba'], cwd=folder, environment=path)
    require_equal(ended.status, FOUND_SOMETHING, f'check: {ended}')
    if 'trenza-gui' in packages():
        ended = run(['/bin/sh', '-c', 'trenza-gui --render=t.svg t.db'], cwd=folder, environment=path)
        require_equal(ended.status, 0, f'the window: {ended}')
        require((folder / 't.svg').read_text().startswith('<?xml'), 'a picture')
    ended = dpkg(root, '--purge', *packages())
    require_equal(ended.status, 0, f'removing: {ended}')
    left = [name for name in set(files_in(root)) - set(before) if not name.startswith('var/lib/dpkg/')]
    require_equal((left, (root / 'usr').exists()), ([], False), 'files left')


@case
def the_lines_for_ci_install_them(folder):
    """As far as apt goes without installing: it finds the files and all that they need."""
    packages()
    shutil.copytree(BUILT.name, folder / 'ci')
    lines = re.findall(r'- (?:run: )?apt-get update && (apt-get install .*)', (ROOT / 'README.md').read_text())
    require_equal(len(lines), 2, 'lines of the README')
    for line in (*lines, 'apt-get install -y ./ci/*.deb'):
        expected = set(packages()) if '*.deb' in line.split('/') else {'trenza', 'libtrenza-preload'}
        ended = run(['/bin/sh', '-c', line.replace('install', 'install -s')], cwd=folder, environment={'LC_ALL': 'C'})
        require_equal(ended.status, 0, f'{line}: {ended}')
        installs = set(re.findall(r'^Inst (\S*trenza\S*)', ended.out.decode(), re.MULTILINE))
        require_equal(installs, expected, line)


if __name__ == '__main__':
    harness.main()
