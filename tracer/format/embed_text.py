#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes a text file as a C string: embed_text.py NAME INPUT OUTPUT."""
import sys

name, source, target = sys.argv[1:]
with open(source, encoding="utf-8") as text, open(target, "w", encoding="utf-8") as c:
    c.write(f"static const char {name}[] =\n")
    for line in text:
        escaped = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
        c.write(f'    "{escaped}\\n"\n')
    c.write(";\n")
