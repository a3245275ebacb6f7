# SPDX-License-Identifier: MIT
"""The Debian packages: each has its own files, knows what it needs, and works from where it is unpacked."""

import shutil
import subprocess
from pathlib import Path

import harness
from harness import FOUND_SOMETHING, PROGRAMS, case, require, require_equal, run

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = PROGRAMS.parent.parent / 'samples'


def field(package, name):
    return subprocess.check_output(['dpkg-deb', '-f', str(package), name], text=True).strip()


@case
def packages_are_whole_and_work(folder):
    ended = run([ROOT / 'tests/package.sh', folder / 'packages'], timeout=580)
    require_equal(ended.status, 0, f'package.sh: {ended}')
    packages = {path.name.split('_')[0]: path for path in (folder / 'packages').glob('*.deb')}
    require_equal(sorted(map(Path, ended.out.decode().split())), sorted(packages.values()), 'what it says it made')
    has_gtk = subprocess.run(['pkg-config', '--exists', 'gtk4'], check=False).returncode == 0
    require_equal(set(packages), {'trenza', 'libtrenza-preload'} | ({'trenza-gui'} if has_gtk else set()), 'packages')
    version = field(packages['trenza'], 'Version')
    require(f'libtrenza-preload (= {version})' in field(packages['trenza'], 'Depends'), 'trenza needs its preload')
    require(field(packages['libtrenza-preload'], 'Depends').startswith('libc6 (>='), 'the preload needs libc')
    require(',' not in field(packages['libtrenza-preload'], 'Depends'), 'the preload needs nothing but libc')
    for package in packages.values():
        run(['dpkg-deb', '-x', package, folder / 'root'])
        ended = run(['dpkg-deb', '-c', package])
        require(b'/usr/local' not in ended.out and b'root/root' in ended.out, str(ended))
    for name in ('bin/trenza', 'share/man/man1/trenza.1.gz', 'share/man/man5/trenza-trace.5.gz', 'share/doc/trenza/copyright'):
        require((folder / 'root/usr' / name).is_file(), f'{name} is missing')
    shutil.copy(SAMPLES / 'abba', folder / 'abba')
    ended = run([folder / 'root/usr/bin/trenza', 'check', '--', folder / 'abba'], cwd=folder)
    require_equal(ended.status, FOUND_SOMETHING, f'check: {ended}')


if __name__ == '__main__':
    harness.main()
