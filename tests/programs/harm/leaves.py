#!/usr/bin/env python3
"""Leaves a process in a session of its own, by two forks, that ignores what it can, and says its number."""
import os
import signal
import sys
import time

read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        os.write(write, str(os.getpid()).encode())
        os.close(write)
        # So that a test that fails leaves nothing for good.
        time.sleep(100)
    os._exit(0)
os.close(write)
os.wait()
print(os.read(read, 20).decode(), flush=True)
sys.stdin.read()
