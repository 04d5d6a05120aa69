#!/usr/bin/env python3
"""Sends every line back, in capitals. One process for each socket; each line is a message."""

import sys

for line in sys.stdin:
    print(line.rstrip("\n").upper(), flush=True)
