#!/usr/bin/env python3
"""Says what it finds of a secret in the memory of its parent."""
import os
import sys

found = "nothing"
try:
    with open(f"/proc/{os.getppid()}/maps") as maps, open(f"/proc/{os.getppid()}/mem", "rb") as memory:
        for line in maps:
            if "[stack]" in line:
                start, end = (int(word, 16) for word in line.split()[0].split("-"))
                memory.seek(start)
                found = "SECRET=" if b"SECRET=" in memory.read(end - start) else found
except OSError as error:
    found = f"{found}: {error.strerror}"
print(found, flush=True)
sys.stdin.read()
