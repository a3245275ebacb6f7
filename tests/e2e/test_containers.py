# SPDX-License-Identifier: MIT
"""Where CI runs: a user without rights, a root that cannot be written, a small /dev/shm, a seccomp filter. All of it works
there, or says what does not."""

import json
import os
import shutil
from pathlib import Path

import harness
from harness import FOUND_SOMETHING, PROGRAMS, case, require, require_equal, run

NOBODY = 65534
PAIRS = 5000
OUTPUT, STATUS = f'{2 * PAIRS}\n'.encode(), 5
CAPABILITIES_OF_CONTAINERS = {'chown', 'dac_override', 'fsetid', 'fowner', 'mknod', 'net_raw', 'setgid', 'setuid', 'setfcap',
                              'setpcap', 'net_bind_service', 'sys_chroot', 'kill', 'audit_write'}

# In a root where nothing can be written: ROOT STAGE SHM COMMAND... has STAGE as /mnt, only /tmp can be written, /dev/shm is of
# size SHM.
CONTAINER = '''
set -e
root=$1 stage=$2 shm=$3
shift 3
mount --bind "$stage" "$root/mnt"
mount -o remount,ro,bind "$root/mnt"
mount -t tmpfs -o mode=1777,size=16m tmpfs "$root/tmp"
mount -t tmpfs -o "mode=1777,size=$shm" tmpfs "$root/dev/shm"
cd "$root/tmp"
exec chroot "$root" /usr/bin/env -C /tmp "$@"
'''


class Place:
    """Commands that lead into a place: all but the programs themselves, which are in programs."""

    def __init__(self, folder, *, read_only=False, user=False, profile=None, capabilities=None):
        folder.chmod(0o755)
        self.stage, self.work = folder / 'stage', folder / 'work'
        for path in (self.stage, self.work, folder / 'root'):
            path.mkdir()
        self.work.chmod(0o777)
        harness.trenza_for_anybody(self.stage)
        for name in ('lock_pairs', 'hostile', 'waits', 'sandbox'):
            shutil.copy(PROGRAMS / name, self.stage)
        unshare = harness.own_mounts() if read_only else None
        self.programs = Path('/mnt') if unshare else self.stage
        self.prefix = []
        root = os.geteuid() == 0
        if unshare:
            self.prefix += [*unshare, 'sh', '-c', harness.READ_ONLY, 'sh', folder / 'root',
                            'sh', '-c', CONTAINER, 'sh', folder / 'root', self.stage, '64k']
        if user and root:
            self.prefix += ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--inh-caps=-all']
        if capabilities is not None and root:
            dropped = ','.join(['-all', *(f'+{name}' for name in sorted(capabilities))])
            self.prefix += ['setpriv', f'--bounding-set={dropped}', f'--inh-caps={dropped}']
        if profile:
            self.prefix += [self.programs / 'sandbox', profile]
        self.environment = {'XDG_RUNTIME_DIR': '', 'HOME': '/nonexistent'}

    def run(self, *argv):
        argv = [self.programs / argv[0], *argv[1:]]
        return run([*self.prefix, *argv], environment=self.environment, cwd=self.work, timeout=60)

    def run_script(self, script):
        return run([*self.prefix, 'sh', '-c', script, 'sh', self.programs], environment=self.environment, cwd=self.work, timeout=60)


def works_whole(place):
    """Recorded as anywhere else, analysed as anywhere else. One script: what is written there is gone after it."""
    native = place.run('lock_pairs', 2, PAIRS)
    require_equal((native.status, native.out), (STATUS, OUTPUT), f'natively ({native})')
    ended = place.run_script('"$1/trenza" record -o trace.db -- "$1/lock_pairs" 2 %d; echo "status $?"; '
                             '"$1/trenza" check --format=json trace.db' % PAIRS)
    head = OUTPUT + f'status {STATUS}\n'.encode()
    require(ended.status == 0 and ended.out.startswith(head), str(ended))
    whole = json.loads(ended.out[len(head):])
    require_equal((whole['runs'][0]['threads'], whole['runs'][0]['processes'], whole['runs'][0]['lost']), (3, 1, 0), 'recorded')
    require(whole['runs'][0]['events'] > 4 * PAIRS, f'{whole["runs"][0]["events"]} events')
    require_equal(whole['findings'], [], 'findings')
    require(b'warning' not in ended.err, str(ended))
    ends_and_finds(place, ['hostile', 'deadlock'], 'deadlock')
    ends_and_finds(place, ['hostile', 'ignore', 'session', 'deadlock'], 'deadlock', '--linger=-1')
    ends_and_finds(place, ['waits', 'lost-worker'], 'stuck')


def ends_and_finds(place, words, rule, *options):
    ended = place.run('trenza', 'check', '--format=json', *options, '--timeout=40', '--', place.programs / words[0], *words[1:])
    require_equal(ended.status, FOUND_SOMETHING, f'{words}: {ended}')
    found = [finding for finding in json.loads(ended.out)['findings'] if finding['level'] == 'error']
    require_equal([finding['rule'] for finding in found], [rule], f'{words}: rules')
    functions = [frame['function'] for step in found[0]['steps'] for frame in step['stack']]
    require('main' in functions, f'{words}: {functions}')
    require(ended.seconds < 20, f'{words}: {ended}')


@case
def a_user_without_rights(folder):
    works_whole(Place(folder, user=True))


@case
def a_root_that_cannot_be_written(folder):
    works_whole(Place(folder, read_only=True))


@case
def the_seccomp_filter_of_a_container(folder):
    works_whole(Place(folder, profile='container', capabilities=CAPABILITIES_OF_CONTAINERS))


@case
def an_older_seccomp_filter(folder):
    works_whole(Place(folder, profile='older', capabilities=set()))


@case
def what_cannot_be_seen_is_told(folder):
    """A process that forbids looking at it: whether its threads sleep for ever is not to be known."""
    place = Place(folder, user=True)
    for words, told in ((['stuck'], False), (['secret', 'stuck'], True)):
        ended = place.run('trenza', 'check', '--format=json', '--format=text', '--timeout=3', '--',
                          place.programs / 'hostile', *words)
        report = json.loads(ended.out)
        require_equal('hidden' in [gap['what'] for gap in report['runs'][0]['coverage']], told, f'{words}: told')
        require_equal('not recorded: hidden' in ended.err.decode(), told, f'{words}: told in the text, {ended}')
        require_equal([finding['rule'] for finding in report['findings']], [] if told else ['stuck'], f'{words}: rules')


@case
def a_program_with_process_numbers_of_its_own(folder):
    """It makes a namespace of its own and forks there: who made whom is known all the same."""
    rights = [] if os.geteuid() == 0 else ['--map-root-user']
    apart = ['unshare', *rights, '--pid', '--fork'] if harness.own_mounts() else []
    argv = [*apart, *harness.program('children', 'fork')]
    ended, trace = harness.record(folder, argv)
    require_equal(ended.status, 0, str(ended))
    trace.require_sound()
    report = json.loads(run([harness.TRENZA, 'check', '--format=json', trace.path]).out)
    require_equal(report['runs'][0]['order_unresolved'], 0, 'events without an order')
    require_equal(trace.value('count(*)', 'FROM process WHERE forked_by IS NOT NULL') >= 20, True, 'forked processes')


@case
def all_of_it_at_once(folder):
    works_whole(Place(folder, read_only=True, user=True, profile='older'))


if __name__ == '__main__':
    harness.main()
