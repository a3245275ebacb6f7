# SPDX-License-Identifier: MIT
"""Checks the order of a trace in RAPID's format: no lock is acquired by a thread while another one owns it.

std_order.py FILE...       `T1|acq(L3)|17` a line; acq, rel, fork and join count, anything else is passed over.
"""

import re
import sys

LINE = re.compile(r'^([^|]+)\|(\w+)\(([^)]*)\)\|')


def complaints(lines):
    """What is wrong, as sentences; [] when the order is good."""
    found = []
    owner = {}     # lock -> (thread, depth)
    started = set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith('#'):
            continue
        match = LINE.match(line)
        if not match:
            found.append(f'line {number}: cannot be read: {line}')
            continue
        thread, operation, operand = match.groups()
        started.add(thread)
        if operation == 'acq':
            held_by, depth = owner.get(operand, (thread, 0))
            if held_by != thread:
                found.append(f'line {number}: {thread} acquires {operand}, which {held_by} owns')
            owner[operand] = (thread, depth + 1 if held_by == thread else 1)
        elif operation == 'rel':
            held_by, depth = owner.pop(operand, (None, 0))
            if held_by != thread:
                found.append(f'line {number}: {thread} releases {operand}, which {held_by or "nobody"} owns')
            elif depth > 1:
                owner[operand] = (thread, depth - 1)
        elif operation == 'fork':
            if operand in started:
                found.append(f'line {number}: {operand} is created after it has begun')
        elif operation == 'join':
            pass
    return found


def main():
    status = 0
    for path in sys.argv[1:]:
        with open(path, encoding='utf-8') as lines:
            for complaint in complaints(lines):
                print(f'{path}: {complaint}')
                status = 1
    return status


if __name__ == '__main__':
    sys.exit(main())
