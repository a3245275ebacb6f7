# SPDX-License-Identifier: MIT
"""Damages a trace in many ways and reads it with every command.

fuzz_trace.py TRENZA PROGRAM [ROUNDS [SEED]]

PROGRAM is recorded once. Then bytes of the file, bytes of the events and values of the tables are changed at random. Whatever
comes of it, a command ends in time with 0, 66 or 125, and with 125 it says so in one line. With a sanitizer's report it
would not.
"""

import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

COMMANDS = (['check', '--all'], ['export', '--format=csv'], ['export', '--format=std'], ['export', '--format=perfetto'], ['stats'], ['show'])
ODD_VALUES = [0, 1, 2, 255, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -1, -2**63, None, 'x', '', b'\0\xff']


def damage_bytes(data, chance):
    data = bytearray(data)
    for _ in range(chance.choice([1, 2, 5, 40])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def damage_file(path, chance):
    data = damage_bytes(path.read_bytes(), chance)
    path.write_bytes(data[:chance.randrange(len(data))] if chance.random() < 0.1 else data)


def damage_table(connection, chance):
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    table = chance.choice(tables + ['chunk'] * len(tables))
    columns = [row[1] for row in connection.execute(f'PRAGMA table_info({table})')]
    rows = connection.execute(f'SELECT * FROM {table}').fetchall()
    if not rows:
        return
    row = chance.choice(rows)
    column = chance.randrange(len(columns))
    value = chance.choice(ODD_VALUES)
    if isinstance(row[column], bytes) and chance.random() < 0.8:
        value = damage_bytes(row[column], chance)
    same_row = ' AND '.join(f'{name} IS ?' for name in columns)
    try:
        connection.execute(f'UPDATE {table} SET {columns[column]} = ? WHERE {same_row}', (value, *row))
    except sqlite3.Error:
        pass  # the schema itself refuses it


def damage_tables(path, chance):
    connection = sqlite3.connect(path)
    for _ in range(chance.choice([1, 1, 3, 8])):
        damage_table(connection, chance)
    connection.commit()
    connection.close()


def complaint(command, path):
    try:
        ended = subprocess.run([*command, path], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return 'hangs'
    lines = ended.stderr.decode(errors='replace').splitlines()
    if ended.returncode not in (0, 66, 125):
        return f'exit {ended.returncode}: {lines}'
    if ended.returncode == 125 and (len(lines) != 1 or not lines[0].startswith('trenza: ')):
        return f'says {lines}'
    if ended.returncode != 125 and lines:
        return f'exit {ended.returncode}, but says {lines}'
    return None


def main():
    trenza, program = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    failed = 0
    with tempfile.TemporaryDirectory(prefix='trenza-fuzz-') as folder:
        whole, damaged = Path(folder) / 'whole.db', Path(folder) / 'damaged.db'
        subprocess.run([trenza, 'record', '-q', '-o', whole, '--', program], stdout=subprocess.DEVNULL, timeout=60)
        for round_number in range(rounds):
            chance = random.Random(seed * 1_000_003 + round_number)
            shutil.copy(whole, damaged)
            chance.choice([damage_file, damage_tables, damage_tables])(damaged, chance)
            for words in COMMANDS:
                wrong = complaint([trenza, *words], damaged)
                if wrong:
                    failed += 1
                    print(f'round {round_number} of seed {seed}, {" ".join(words)}: {wrong}')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
