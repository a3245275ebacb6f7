# SPDX-License-Identifier: MIT
"""Reports and traces are whole or not there, whenever the tool is ended and however full the disk is; and nothing is left
in the way of the next run."""

import json
import os
import random
import signal
import subprocess
import time

import harness
from harness import FOUND_SOMETHING, PROGRAMS, TRENZA, TRENZA_FAILED, case, program, require, require_equal, run, wait_until

SAMPLES = PROGRAMS.parent.parent / 'samples'
FORMATS = ('text', 'json', 'sarif', 'junit', 'github')


def leftovers(folder, *expected):
    return sorted(name for name in os.listdir(folder) if name not in expected)


def long_trace(folder):
    """A trace whose analysis takes some time, and whose report has something in it."""
    ended = run([TRENZA, 'record', '-q', '-o', folder / 'long.db', '--', 'sh', '-c',
                 f'{SAMPLES}/abba; {PROGRAMS}/lock_pairs 2 200000'], timeout=90)
    require(ended.status in (0, 5), str(ended))
    return folder / 'long.db'


@case
def a_report_is_whole_whenever_the_tool_is_killed(folder):
    trace = long_trace(folder)
    out = folder / 'out'
    out.mkdir()
    paths = [out / f'report.{name}' for name in FORMATS]
    argv = [TRENZA, 'check', *(f'--format={name}:{path}' for name, path in zip(FORMATS, paths)), trace]
    native = run(argv)
    require_equal(native.status, FOUND_SOMETHING, str(native))
    whole = {path: path.read_bytes() for path in paths}
    generator = random.Random(7)
    seen_old = 0
    for _ in range(30):
        for path in paths:
            path.write_text('old')
        started = harness.Started(argv)
        time.sleep(generator.uniform(0.2, 1.05) * native.seconds)
        started.kill()
        started.wait()
        for path in paths:
            text = path.read_bytes()
            require(text in (b'old', whole[path]), f'{path.name}: {len(text)} bytes of {len(whole[path])}')
            seen_old += text == b'old'
    require(seen_old > 0, 'it was never killed in time')


@case
def a_check_that_is_told_to_end_while_it_analyses_leaves_nothing(folder):
    temporary = folder / 'tmp'
    temporary.mkdir()
    argv = [TRENZA, 'check', f'--format=json:{folder}/report.json', '--', *program('lock_pairs', 2, 400000)]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        in_analysis = False
        for delay in (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1):
            (folder / 'report.json').unlink(missing_ok=True)
            started = harness.Started(argv, environment={'TMPDIR': str(temporary)})
            wait_until(lambda: b'800000' in started.output(1), 'the program is done')
            time.sleep(delay)
            started.signal(number)
            ended = started.wait(30)
            require(ended.status in (5, 128 + number), str(ended))
            require_equal(leftovers(temporary), [], f'left in TMPDIR after {delay} s ({ended})')
            require_equal(leftovers(folder, 'tmp', 'report.json'), [], f'left beside the report after {delay} s ({ended})')
            in_analysis = ended.status == 128 + number and not (folder / 'report.json').exists()
            if in_analysis:
                break
        require(in_analysis, f'{number}: never ended while it analysed')


@case
def who_has_ended_the_program_gets_the_report_however_impatient(folder):
    """A runner that sends SIGINT, and then SIGTERM again and again."""
    # Enough events for an analysis that takes a while.
    script = f'{PROGRAMS}/lock_pairs 2 300000; echo ready; exec sleep 100'
    started = harness.Started([TRENZA, 'check', f'--format=json:{folder}/report.json', '--', 'sh', '-c', script])
    wait_until(lambda: b'ready' in started.output(1), 'the program is done')
    started.signal(signal.SIGINT)
    for _ in range(300):
        if started.process.poll() is not None:
            break
        time.sleep(0.01)
        started.signal(signal.SIGTERM)
    ended = started.wait(30)
    report = json.loads((folder / 'report.json').read_text())
    require_equal(report['runs'][0]['incidents'][0]['what'], 'interrupted', str(ended))
    require(ended.status in (128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGKILL), str(ended))


@case
def a_report_that_nobody_reads_is_an_error(folder):
    temporary = folder / 'tmp'
    temporary.mkdir()
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run([TRENZA, 'check', '--format=json', '--', SAMPLES / 'abba'], stdout=writer, stderr=subprocess.PIPE,
                           env={**os.environ, 'TMPDIR': str(temporary)}, timeout=60)
    os.close(writer)
    require_equal(ended.returncode, TRENZA_FAILED, f'{ended}')
    require_equal(leftovers(temporary), [], 'left in TMPDIR')
    # The program itself dies of it, as it would alone.
    ended = run(['bash', '-c', '"$@" | true; exit ${PIPESTATUS[0]}', 'bash', TRENZA, 'check', f'--format=text:{folder}/t', '--',
                 'sh', '-c', 'sleep 0.3; while :; do echo line; done'])
    require_equal(ended.status, 128 + signal.SIGPIPE, str(ended))


@case
def reports_of_many_checks_into_one_log_are_not_mixed(folder):
    log = folder / 'log'
    with open(log, 'ab') as stream:
        running = [subprocess.Popen([TRENZA, 'check', '--format=json', '--', SAMPLES / 'abba'], stdout=stream,
                                    stderr=subprocess.DEVNULL) for _ in range(8)]
        for process in running:
            status = process.wait(60)
            require_equal(status, FOUND_SOMETHING, f'status; the log: {log.read_text()[-4000:]}')
    decoder, text, reports = json.JSONDecoder(), log.read_text(), 0
    lines = [line for line in text.split('\n') if not line.startswith('balance ')]
    text = '\n'.join(lines)
    while text.strip():
        _, end = decoder.raw_decode(text.lstrip())
        text = text.lstrip()[end:]
        reports += 1
    require_equal(reports, 8, 'reports')


def small_disk(folder, kilobytes, argv):
    """(how it ended, what is on the disk then)."""
    listing = folder / 'listing'
    script = 'mkdir -p small; mount -t tmpfs -o size="$1"k none small || exit 99; listing=$2; shift 2; "$@"; status=$?; ' \
             'ls -A small >"$listing"; cp small/report.json "$listing.json" 2>/dev/null; exit $status'
    ended = run([*harness.own_mounts(), 'sh', '-c', script, 'sh', str(kilobytes), listing, *argv], cwd=folder, timeout=90)
    require(ended.status != 99, str(ended))
    return ended, listing.read_text().split()


@case
def a_report_to_dev_stdout_comes_behind_what_the_program_wrote(folder):
    for path, other in (('/dev/stdout', 'out'), ('/dev/fd/1', 'out'), ('/dev/stderr', 'err')):
        ended = run([TRENZA, 'check', f'--format=json:{path}', '--', 'sh', '-c', 'echo written; echo written >&2'])
        text = getattr(ended, other).decode()
        require(text.startswith('written\n{'), f'{path}: {ended}')
        json.loads(text[len('written\n'):])


@case
def a_disk_of_any_size_is_enough_or_told(folder):
    """The trace, its names, the report: whatever does not fit ends in 125 and one line, the rest is whole."""
    if not harness.own_mounts():
        return a_file_size_limit_is_told(folder)
    argv = [TRENZA, 'check', '--format=json:small/report.json', '-o', 'small/trace.db', '--', SAMPLES / 'abba']
    outcomes = set()
    for kilobytes in (4, 40, 80, 100, 120, 140, 150, 160, 170, 180, 190, 200, 220, 240, 280, 320, 400, 600, 4000):
        (folder / 'listing.json').unlink(missing_ok=True)
        ended, files = small_disk(folder, kilobytes, argv)
        require(ended.status in (FOUND_SOMETHING, TRENZA_FAILED), f'{kilobytes} KiB: {ended}')
        require(not [name for name in files if '.json.' in name or '.new-' in name], f'{kilobytes} KiB: {files}')
        if (folder / 'listing.json').exists():
            json.loads((folder / 'listing.json').read_text())
        if ended.status == FOUND_SOMETHING:
            require_equal(files, ['report.json', 'trace.db'], f'{kilobytes} KiB')
        else:
            require(len(harness.own_lines(ended.err)) == 1, f'{kilobytes} KiB: {ended}')
        outcomes.add(ended.status)
    require_equal(outcomes, {FOUND_SOMETHING, TRENZA_FAILED}, 'outcomes')


def a_file_size_limit_is_told(folder):
    for kilobytes in (4, 40, 100, 200):
        ended = run(['prlimit', f'--fsize={kilobytes * 1024}', TRENZA, 'check', f'--format=json:{folder}/report.json', '-o',
                     folder / 'trace.db', '--', SAMPLES / 'abba'])
        require(ended.status in (FOUND_SOMETHING, TRENZA_FAILED), f'{kilobytes} KiB: {ended}')


@case
def a_program_on_a_full_disk_is_still_ended_in_time(folder):
    target = ['sh', '-c', f'{PROGRAMS}/lock_pairs 2 200000; exec {PROGRAMS}/hostile hang']
    argv = [TRENZA, 'check', '--timeout=3', '-o', 'small/trace.db', '--', *target]
    if harness.own_mounts():
        ended, _ = small_disk(folder, 300, argv)
    else:
        (folder / 'small').mkdir()
        ended = run(['prlimit', '--fsize=300000', *argv], cwd=folder)
    require_equal(ended.status, TRENZA_FAILED, str(ended))
    require(ended.seconds < 15 and ended.out == b'400000\n', str(ended))


@case
def an_old_report_stays_when_there_is_no_room_for_a_new_one(folder):
    report = folder / 'report.json'
    report.write_text('old')
    trace = folder / 'trace.db'
    run([TRENZA, 'record', '-q', '-o', trace, '--', SAMPLES / 'abba'])
    ended = run(['prlimit', '--fsize=1000', 'sh', '-c', 'trap "" XFSZ; exec "$@"', 'sh', TRENZA, 'check',
                 f'--format=json:{report}', trace])
    require_equal((ended.status, report.read_text()), (TRENZA_FAILED, 'old'), str(ended))
    require_equal(leftovers(folder), ['report.json', 'trace.db'], 'files')


if __name__ == '__main__':
    harness.main()
