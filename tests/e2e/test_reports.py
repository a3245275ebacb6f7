# SPDX-License-Identifier: MIT
"""Reports for machines: valid against their schemas, complete, and the same findings in each; what is known already."""

import copy
import json
import os
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema

import harness
from harness import FOUND_SOMETHING, PROGRAMS, TRENZA, TRENZA_FAILED, case, require, require_equal, run

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = PROGRAMS.parent.parent / 'samples'
REPORT_SCHEMA = json.loads((ROOT / 'analyzer/report/trenza-report-1.schema.json').read_text())
# The standard's own schema is not part of this repository: it is used where it lies beside it.
SARIF_SCHEMA = Path(os.environ.get('TRENZA_SARIF_SCHEMA', ROOT.parent / 'shared/schemas/sarif-schema-2.1.0.json'))
RULES = 17


def recorded(folder, argv, name='trace.db', **more):
    run([TRENZA, 'record', '-q', '--on-deadlock=stop', '-o', folder / name, '--', *argv], **more)
    require((folder / name).exists(), 'no trace')
    return folder / name


def check(*words, **more):
    return run([TRENZA, 'check', *words], **{'cwd': ROOT, **more})


def report_of(form, *words, **more):
    return check(f'--format={form}', *words, **more).out.decode()


def strict(schema):
    """The schema with every member that it does not name forbidden."""
    schema = copy.deepcopy(schema)
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if 'properties' in part and part.get('type') == 'object':
                part['additionalProperties'] = False
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)
    return schema


def require_valid(document, schema):
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    wrong = [f'{"/".join(map(str, error.absolute_path))}: {error.message[:200]}'
             for error in validator(schema).iter_errors(document)]
    require(not wrong, '\n'.join(wrong[:10]))


@case
def json_is_as_its_schema_says(folder):
    for argv in ([SAMPLES / 'abba'], [SAMPLES / 'abba', 'unlucky'], [SAMPLES / 'event'], harness.program('left_locked', 0),
                 ['/bin/sh', '-c', f'{SAMPLES}/abba; {PROGRAMS}/lock_pairs_static 1 1; true']):
        ended = check(f'--format=json:{folder}/report.json', '--all', '--', *argv)
        require(ended.status in (0, FOUND_SOMETHING, 5), str(ended))
        require_valid(json.loads((folder / 'report.json').read_text()), strict(REPORT_SCHEMA))
    ended = check(f'--format=json:{folder}/report.json', '--timeout=1', '--', 'sleep', '30')
    report = json.loads((folder / 'report.json').read_text())
    require_valid(report, strict(REPORT_SCHEMA))
    require_equal([incident['what'] for incident in report['runs'][0]['incidents']], ['timeout'], 'incidents')


def sarif_run(folder, argv, *words):
    trace = recorded(folder, argv)
    document = json.loads(report_of('sarif', *words, trace))
    require_equal(document['version'], '2.1.0', 'version')
    if SARIF_SCHEMA.exists():
        require_valid(document, json.loads(SARIF_SCHEMA.read_text()))
    require_equal(len(document['runs']), 1, 'runs')
    return document['runs'][0]


def flow_of(result):
    """Every step of a result's one code flow as (order, thread, text), in order."""
    flows = result['codeFlows']
    require_equal(len(flows), 1, 'code flows')
    return sorted((location['executionOrder'], flow['id'], location['location']['message']['text'])
                  for flow in flows[0]['threadFlows'] for location in flow['locations'])


@case
def sarif_tells_where_what_and_in_which_order(folder):
    sarif = sarif_run(folder, [SAMPLES / 'abba'])
    rules = sarif['tool']['driver']['rules']
    require(len(rules) >= RULES, f'{len(rules)} rules')
    for rule in rules:
        require(rule['help']['text'] and rule['shortDescription']['text'] and rule['properties']['precision']
                and rule['properties']['problem.severity'] in ('error', 'warning', 'recommendation'), str(rule))
    result, = sarif['results']
    require_equal((rules[result['ruleIndex']]['id'], result['level']), ('lock-order-cycle', 'error'), 'rule')
    place = result['locations'][0]['physicalLocation']
    require_equal(place['artifactLocation'], {'uri': 'samples/abba.c', 'uriBaseId': 'SRCROOT'}, 'file')
    require('pthread_mutex_lock' in place['region']['snippet']['text'], 'snippet')
    require_equal(sarif['originalUriBaseIds']['SRCROOT']['uri'], ROOT.as_uri() + '/', 'root')
    steps = flow_of(result)
    require_equal([order for order, _, _ in steps], list(range(1, len(steps) + 1)), 'execution order')
    wants = [at for at, (_, _, text) in enumerate(steps) if text.startswith('wants')]
    require_equal(wants, [len(steps) - 2, len(steps) - 1], 'the two blocked requests come last')
    require_equal(len({thread for _, thread, text in steps if 'takes' in text or 'wants' in text}), 2, 'threads')
    finding = json.loads(report_of('json', folder / 'trace.db'))['findings'][0]
    require_equal(result['partialFingerprints'], {'trenza/v1': finding['id']}, 'fingerprint')
    invocation, = sarif['invocations']
    notes = [note['message']['text'] for note in invocation['toolExecutionNotifications']]
    require(any('3 threads in 1 process' in note for note in notes), str(notes))


@case
def sarif_stays_valid_when_little_is_known(folder):
    stripped = folder / 'stripped with a blank'
    run(['strip', '-o', stripped, SAMPLES / 'abba'])
    sarif = sarif_run(folder, [stripped])
    result, = sarif['results']
    place = result['locations'][0]['physicalLocation']
    require_equal(place['artifactLocation']['uri'], stripped.as_uri(), 'without any file the place is in the program')
    require('region' not in place and place['address']['relativeAddress'] > 0, str(place))
    require(any('stacks have no names' in note['message']['text']
                for note in sarif['invocations'][0]['toolExecutionNotifications']), 'stacks without names are not told')
    sarif_run(folder, [SAMPLES / 'abba', 'unlucky'], '--all')
    sarif_run(folder, [SAMPLES / 'gate_lock'], '--all')


@case
def sarif_of_every_sample_can_be_uploaded(folder):
    """Services refuse a whole file for one result without a place, or with steps in no order."""
    samples = sorted(path for path in SAMPLES.iterdir()
                     if path.is_file() and os.access(path, os.X_OK) and not path.name.endswith('_fixed'))
    require(len(samples) > 40, f'{len(samples)} samples')
    results = 0
    for sample in samples:
        formats = [f'--format={name}:{folder}/report.{name}' for name in ('sarif', 'json')]
        check('--all', '--blocking-calls', *formats, '--', sample)
        document = json.loads((folder / 'report.sarif').read_text())
        require_valid(json.loads((folder / 'report.json').read_text()), strict(REPORT_SCHEMA))
        if SARIF_SCHEMA.exists():
            require_valid(document, json.loads(SARIF_SCHEMA.read_text()))
        for result in document['runs'][0]['results']:
            results += 1
            for place in result['locations'] + result['relatedLocations']:
                uri = place['physicalLocation']['artifactLocation']
                require(uri['uri'].startswith('samples/') and uri['uriBaseId'] == 'SRCROOT', f'{sample.name}: {place}')
            orders = sorted(step['executionOrder'] for flow in result['codeFlows'][0]['threadFlows'] for step in flow['locations'])
            require_equal(orders, list(range(1, len(orders) + 1)), f'{sample.name}: order')
            require_equal(set(result['partialFingerprints']), {'trenza/v1'}, f'{sample.name}: fingerprints')
            require(result['properties']['precision'] in ('very-high', 'high', 'medium', 'low'), f'{sample.name}: precision')
    require(results > 30, f'{results} results')


@case
def junit_has_a_case_for_each_rule_and_program(folder):
    ended = check(f'--format=junit:{folder}/junit.xml', '--timeout=60', '--',
                  '/bin/sh', '-c', f'{SAMPLES}/abba; {SAMPLES}/gate_lock')
    require_equal(ended.status, FOUND_SOMETHING, 'status')
    root = ElementTree.parse(folder / 'junit.xml').getroot()
    suites = {Path(suite.get('name')).name: suite for suite in root}
    require({'abba', 'gate_lock', 'trenza'} <= set(suites), str(list(suites)))
    for suite in root:
        counts = [len(suite.findall('testcase')), len(suite.findall('.//failure')), len(suite.findall('.//error'))]
        require_equal([int(suite.get(name)) for name in ('tests', 'failures', 'errors')], counts, f'counts of {suite.get("name")}')
    require_equal([int(root.get(name)) for name in ('tests', 'failures')],
                  [sum(int(suite.get(name)) for suite in root) for name in ('tests', 'failures')], 'totals')
    failed = [entry.get('name') for entry in suites['abba'] if entry.find('failure') is not None]
    require_equal(failed, ['lock-order-cycle'], 'failures of abba')
    places = {(entry.get('file'), entry.get('line')) for suite in root for entry in suite}
    require_equal(places, {('samples/abba.c', '18'), (None, None)}, 'places')
    body = suites['abba'].find('.//failure').text
    require('print_statement' in body and 'abba.c:' in body, body)
    require_equal(suites['gate_lock'].findall('.//failure'), [], 'failures of gate_lock')
    require('programs recorded' in suites['trenza'].find('.//system-out').text, 'coverage')


@case
def junit_tells_of_programs_that_did_not_end(folder):
    check(f'--format=junit:{folder}/junit.xml', '--timeout=1', '--', 'sleep', '30')
    root = ElementTree.parse(folder / 'junit.xml').getroot()
    error = root.find(".//testsuite[@name='trenza']//error")
    require(error is not None and error.get('type') == 'timeout' and "thread 'main'" in error.text, 'no error')


@case
def names_from_the_program_break_no_format(folder):
    source = folder / 'odd.c'
    source.write_text('#define _GNU_SOURCE\n#include <pthread.h>\nstatic pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;\n'
                      'static void *f(void *a) { pthread_setname_np(pthread_self(), "a]]><&\\"\\x01%\\n::x\\xff");\n'
                      '  pthread_mutex_lock(&m); return a; }\n'
                      'int main(void) { pthread_t t; pthread_create(&t, 0, f, 0); return pthread_join(t, 0); }\n')
    run(['cc', '-g', '-o', folder / 'odd', source])
    trace = recorded(folder, [folder / 'odd'])
    require(json.loads(report_of('json', trace))['findings'], 'nothing found')
    require(ElementTree.fromstring(report_of('junit', trace)).find('.//failure') is not None, 'no failure')
    lines = report_of('github', trace).splitlines()
    require(all(re.match(r'::(error|warning|notice) [^:]*::', line) for line in lines), str(lines))
    require('%25%0A::x' in lines[0] or '%25 ::x' in lines[0], lines[0])
    if SARIF_SCHEMA.exists():
        require_valid(json.loads(report_of('sarif', trace)), json.loads(SARIF_SCHEMA.read_text()))


@case
def github_shows_the_line_of_the_repository(folder):
    trace = recorded(folder, [SAMPLES / 'abba'])
    lines = report_of('github', trace).splitlines()
    require(lines[0].startswith('::error file=samples/abba.c,line='), lines[0])
    require(',title=lock-order-cycle::' in lines[0] and '%0A' in lines[0], lines[0])
    require(lines[-1].startswith('::notice title=trenza::') and '1 program recorded: abba' in lines[-1], lines[-1])
    outside = report_of('github', '--source-root', folder, trace).splitlines()
    require(f'file={SAMPLES}' not in outside[0] and 'samples/abba.c' in outside[0], outside[0])


@case
def a_report_appears_whole_or_not_at_all(folder):
    trace = recorded(folder, [SAMPLES / 'abba'])
    old = folder / 'report.json'
    old.write_text('old')
    # A limit that the report does not fit into; the shell ignores the signal so that writing fails.
    script = f'trap "" XFSZ; ulimit -f 1; exec {TRENZA} check --format=json:{old} {trace}'
    ended = run(['/bin/bash', '-c', script])
    require_equal(ended.status, TRENZA_FAILED, f'status: {ended}')
    require_equal(old.read_text(), 'old', 'the old report')
    require_equal(sorted(path.name for path in folder.glob('report*')), ['report.json'], 'files left')
    ended = check(f'--format=json:{folder}/full', '--format=sarif:/dev/full', trace)
    require_equal(ended.status, TRENZA_FAILED, 'status with a full device')
    require(b'/dev/full' in ended.err and (folder / 'full').exists(), str(ended))


@case
def generated_suppressions_silence_what_they_were_made_from(folder):
    trace = recorded(folder, [SAMPLES / 'transfer'])
    other = recorded(folder, [SAMPLES / 'abba'], 'other.db')
    file = folder / 'known.supp'
    require_equal(check(f'--gen-suppressions={file}', trace).status, FOUND_SOMETHING, 'before')
    ended = check(f'--suppressions={file}', '--format=text', f'--format=json:{folder}/report.json', trace)
    require_equal(ended.status, 0, f'after: {ended}')
    require(b'error:' not in ended.out and b'1 known finding' in ended.out, str(ended))
    report = json.loads((folder / 'report.json').read_text())
    require_equal([finding['suppressed'] for finding in report['findings']], [True], 'flag')
    require_equal([entry['matched'] for entry in report['suppressions']], [1], 'entries matched')
    ended = check(f'--suppressions={file}', other)
    require_equal(ended.status, FOUND_SOMETHING, 'another program')
    require(f'{file}:1: the suppression '.encode() in ended.out and b'matched nothing' in ended.out, str(ended))
    both = check(f'--gen-suppressions={folder}/both.supp', trace, other)
    require_equal((both.status, check(f'--suppressions={folder}/both.supp', trace, other).status), (FOUND_SOMETHING, 0), 'both')


def suppressed(folder, trace, body):
    file = folder / 'one.supp'
    file.write_text('# a comment\n\n{\n   a name\n' + ''.join(f'   {line}\n' for line in body) + '}\n')
    return check(f'--suppressions={file}', trace).status == 0


@case
def suppressions_match_as_patterns(folder):
    trace = recorded(folder, [SAMPLES / 'abba'])
    rule = 'Trenza:lock-order-cycle'
    for body in ([rule], ['trenza:lock-*'], [rule, 'lock:accounts'], [rule, 'lock:acc*', 'lock:journal'],
                 [rule, 'fun:book_payment'], [rule, 'fun:print_*'], [rule, '...', 'fun:book_payment'],
                 [rule, 'obj:*/abba'], [rule, 'src:abba.c'], [rule, 'src:samples/abba.c'], [rule, 'src:abba.c:18'],
                 [rule, 'stack:', 'fun:book_payment', 'stack:', '...', 'fun:print_statement']):
        require(suppressed(folder, trace, body), f'does not match: {body}')
    for body in (['Trenza:deadlock'], [rule, 'lock:a'], [rule, 'lock:accounts', 'lock:missing'], [rule, 'fun:main'],
                 [rule, 'fun:book_payment', 'fun:main'], [rule, '...', 'fun:main'], [rule, 'obj:libc*'],
                 [rule, 'src:other/abba.c'], [rule, 'src:abba.c:1'], ['Memcheck:Leak', 'fun:book_payment'],
                 [rule, 'stack:', 'fun:book_payment', 'stack:', 'fun:missing']):
        require(not suppressed(folder, trace, body), f'matches: {body}')


@case
def mistakes_in_suppressions_are_told_before_anything_runs(folder):
    for text, line in (('{\n name\n Trenza:deadlock\n fan:f\n}\n', 4), ('fun:f\n', 1), ('{\n name\n}\n', 3),
                       ('{\n name\n deadlock\n}\n', 3), ('{\n name\n Trenza:deadlock\n', 4)):
        file = folder / 'bad.supp'
        file.write_text(text)
        ended = check(f'--suppressions={file}', '--', 'touch', folder / 'ran')
        require(ended.status == TRENZA_FAILED and f'{file}:{line}: '.encode() in ended.err, f'{text!r}: {ended}')
    require_equal(check('--suppressions', folder / 'missing', '--', 'true').status, TRENZA_FAILED, 'a file that is not there')
    require(not (folder / 'ran').exists(), 'the program ran')


@case
def only_what_is_not_in_the_baseline_fails(folder):
    trace = recorded(folder, [SAMPLES / 'abba'])
    other = recorded(folder, [SAMPLES / 'transfer'], 'other.db')
    base = folder / 'base.json'
    check(f'--format=json:{base}', trace)
    for baseline in (base, trace):
        require_equal(check(f'--baseline={baseline}', trace).status, 0, f'{baseline}: the same')
        ended = check(f'--baseline={baseline}', f'--format=json:{folder}/report.json', trace, other)
        require_equal(ended.status, FOUND_SOMETHING, f'{baseline}: one more')
        flags = {finding['message']: finding['baseline'] for finding in json.loads((folder / 'report.json').read_text())['findings']}
        require_equal(sorted(flags.values()), [False, True], f'{baseline}: flags')
    result = json.loads(report_of('sarif', f'--baseline={base}', trace))['runs'][0]['results'][0]
    require_equal(result['baselineState'], 'unchanged', 'SARIF')
    (folder / 'bad').write_text('{"schema": "other"}')
    for bad in (folder / 'bad', folder / 'missing'):
        require_equal(check(f'--baseline={bad}', trace).status, TRENZA_FAILED, f'{bad}')


@case
def a_folder_stands_for_its_traces(folder):
    (folder / 'a' / 'deep').mkdir(parents=True)
    recorded(folder / 'a', [SAMPLES / 'abba'], 'one.db')
    shutil.copy(folder / 'a' / 'one.db', folder / 'a' / 'deep' / 'two.db')
    recorded(folder / 'a', [SAMPLES / 'transfer'], 'three.db')
    (folder / 'a' / 'no-trace.db').write_text('hello')
    report = json.loads(report_of('json', folder / 'a'))
    require_equal(len(report['runs']), 3, 'runs')
    require_equal(sorted(finding['instances'] for finding in report['findings']), [1, 2], 'instances')
    programs = {Path(program).name for finding in report['findings'] for program in finding['programs']}
    require_equal(programs, {'abba', 'transfer'}, 'programs')
    (folder / 'empty').mkdir()
    require_equal(check(folder / 'empty').status, TRENZA_FAILED, 'a folder without traces')


@case
def a_test_suite_makes_one_report(folder):
    (folder / 'Makefile').write_text('check: one two three\n' + ''.join(
        f'{target}:\n\t@{SAMPLES}/{name}\n' for target, name in (('one', 'abba'), ('two', 'gate_lock'), ('three', 'transfer'))))
    ended = check(f'--format=json:{folder}/report.json', '--format=text', '--', 'make', '-j2', 'check', cwd=folder)
    require_equal(ended.status, FOUND_SOMETHING, f'status: {ended}')
    report = json.loads((folder / 'report.json').read_text())
    found = {Path(program).name for finding in report['findings'] for program in finding['programs']}
    require_equal(found, {'abba', 'transfer'}, 'programs with findings')
    names = {Path(program['path']).name for program in report['runs'][0]['programs']}
    require({'abba', 'gate_lock', 'transfer', 'make'} <= names, str(names))
    require(b'found in abba\n' in ended.err, str(ended))


@case
def what_was_not_recorded_is_told_in_every_format(folder):
    """A program that a fork replaced, twice: it is static, so nothing of it is recorded."""
    static = f'{PROGRAMS}/lock_pairs_static 1 1'
    names = ('text', 'json', 'sarif', 'junit', 'github')
    check(*(f'--format={name}:{folder}/{name}' for name in names), '--', 'bash', '-c', f'{static}; {static}; {SAMPLES}/gate_lock')
    for name in names:
        text = (folder / name).read_text()
        require('static' in text and 'gate_lock' in text, f'{name}: {text}')
        require_equal('static: ' in text and '(2 times)' in text, name != 'json', f'{name} counts')
    run_of_json = json.loads((folder / 'json').read_text())['runs'][0]
    require_equal([gap['what'] for gap in run_of_json['coverage']], ['static'] * 2, 'gaps')


@case
def a_static_test_of_a_suite_is_told_by_name(folder):
    (folder / 'Makefile').write_text(f'check:\n\t-{PROGRAMS}/lock_pairs_static 1 1\n\t-{PROGRAMS}/lock_pairs_static 1 1\n'
                                     f'\t{SAMPLES}/gate_lock\n')
    ended = check('--format=text', '--', 'make', 'check', cwd=folder)
    require_equal(ended.status, 0, str(ended))
    told = [line for line in ended.err.decode().splitlines() if 'not recorded' in line]
    require_equal(told, ["trenza: note: not recorded: static: 'lock_pairs_static' is statically linked, "
                         "nothing can be preloaded into it (2 times)"], 'coverage')


@case
def options_come_from_a_file_and_the_environment(folder):
    trace = recorded(folder, harness.program('left_locked', 'exit'))  # a warning
    project = folder / 'project'
    (project / 'src').mkdir(parents=True)
    (project / '.git').mkdir()
    (project / 'known.supp').write_text('{\n all\n Trenza:*\n}\n')
    config = project / '.trenza'

    def status(text, *words, environment=None):
        config.write_text(text)
        return check(*words, trace, cwd=project / 'src', environment=environment).status

    warning = '[check]\nfail-on=warning\n'
    require_equal(status(''), 0, 'nothing told')
    require_equal(status(warning), FOUND_SOMETHING, 'the file')
    require_equal(status(warning, '--fail-on=error'), 0, 'the command line wins over the file')
    require_equal(status(warning, environment={'TRENZA_CHECK_OPTIONS': '--fail-on=error'}), 0, 'so does the environment')
    require_equal(status('', '--fail-on=warning', environment={'TRENZA_CHECK_OPTIONS': '--fail-on=error'}), FOUND_SOMETHING,
                  'the command line wins over the environment')
    require_equal(status(warning, environment={'TRENZA_CONFIG': ''}), 0, 'no file')
    require_equal(status(warning + 'suppressions=known.supp\n'), 0, 'a path from the folder of the file')
    require_equal(status('[record]\nblocking-calls=true\n'), 0, 'another command')
    for text in ('[check]\ncolour=blue\n', 'nonsense', '[check]\nfail-on=never\n', '[check]\nall=perhaps\n'):
        require_equal(status(text), TRENZA_FAILED, text)
    require_equal(status('', environment={'TRENZA_CHECK_OPTIONS': '"'}), TRENZA_FAILED, 'a quote that does not end')


if __name__ == '__main__':
    harness.main()
