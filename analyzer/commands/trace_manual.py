# SPDX-License-Identifier: MIT
"""Writes trenza-trace(5) from the one place where the trace is described: trace_manual.py SCHEMA.SQL VERSION >PAGE"""

import re
import sys

HEAD = r'''.\" SPDX-License-Identifier: MIT
.TH TRENZA-TRACE 5 "" "Trenza {version}" "File Formats"
.SH NAME
trenza\-trace \- what a recording of Trenza holds
.SH DESCRIPTION
.B trenza record
writes a trace, by default
.IR trenza.db .
It is one SQLite database, readable with any SQLite; the table
.B event
is there in
.B trenza sql
and in a sqlite3 that has loaded the extension
.IR libtrenza\-sqlite .'''

TAIL = r'''.SH SEE ALSO
.BR trenza (1),
.BR sqlite3 (1)'''


def quoted(text):
    text = text.replace('\\', r'\e').replace('-', r'\-')
    return r'\&' + text if text.startswith(('.', "'")) else text


def paragraph(lines):
    """Comment lines as text; those that are indented stay as they are."""
    text = []
    is_list = False
    for line in lines:
        if line.startswith('  ') != is_list:
            is_list = not is_list
            text.append('.nf' if is_list else '.fi')
        text.append(quoted(line) if line else '.PP')
    return text + (['.fi'] if is_list else [])


def statements(schema):
    """(comment lines, statement lines) one after the other; the statement of the first is empty."""
    comment, statement = [], []
    for line in schema.splitlines():
        if statement:
            statement.append(line)
        elif line.startswith('--'):
            comment.append(line[2:].removeprefix(' '))
        elif line.strip():
            statement.append(line)
        elif comment:
            yield comment, []
            comment = []
        if statement and line.split('--')[0].rstrip().endswith(';'):
            yield comment, statement
            comment, statement = [], []


def page(schema, version):
    yield HEAD.format(version=version)
    begun = False
    for comment, statement in statements(schema):
        comment = [line for line in comment if 'SPDX' not in line]
        if statement and not re.match(r'CREATE (TABLE|VIEW)', statement[0]):
            continue
        if not statement:
            yield '.PP'
            yield from paragraph(comment)
            continue
        if not begun:
            yield '.SH TABLES'
            begun = True
        yield '.SS ' + re.match(r'CREATE \w+ (\w+)', statement[0])[1]
        yield from paragraph(comment)
        yield '.PP'
        yield '.nf'
        yield from map(quoted, statement)
        yield '.fi'
    yield TAIL


if __name__ == '__main__':
    with open(sys.argv[1], encoding='utf-8') as file:
        print('\n'.join(page(file.read(), sys.argv[2])))
