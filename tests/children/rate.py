"""Messages per second that each echo reaches through pipes: texts of 20 bytes, written 100 at a
time. Prints the median of three runs, and the CPU time that the program took, its start included.
"""

import os
import resource
import statistics
import subprocess
import threading
import time

from host import BLOCK_BYTES, PROGRAMS, encode

BATCH = encode("TEXT 17", "abcdefghijklmnopqrst") * 100
READY = b"READY 1\n"
RUNS = 3
MESSAGES = {
    "python/echo.py": 500_000,
    "python/echo_async.py": 500_000,
    "node/echo.js": 500_000,
    "bash/echo.bash": 10_000,
}


def main():
    for name, messages in MESSAGES.items():
        rates, costs = zip(*[run(name, messages) for _ in range(RUNS)])
        rate, cost = statistics.median(rates), statistics.median(costs)
        print(f"{name:22} {rate:9,.0f} messages/s {cost:7.2f} us of CPU each", flush=True)


def run(name, messages):
    used = cpu_seconds()
    program = subprocess.Popen(
        [PROGRAMS / name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    assert os.read(program.stdout.fileno(), len(READY)) == READY
    os.write(program.stdin.fileno(), encode("OPEN 17", ""))
    begin = time.monotonic()
    writer = threading.Thread(target=write, args=[program, messages])
    writer.start()
    left = messages // 100 * len(BATCH)
    while left:
        left -= len(os.read(program.stdout.fileno(), BLOCK_BYTES))
    seconds = time.monotonic() - begin
    writer.join()
    program.stdin.close()
    assert program.wait() == 0
    program.stdout.close()
    return messages / seconds, (cpu_seconds() - used) / messages * 1e6


def write(program, messages):
    for _ in range(messages // 100):
        left = BATCH
        while left:
            left = left[os.write(program.stdin.fileno(), left) :]


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
