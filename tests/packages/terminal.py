"""A shell at a terminal, and a user who presses the tabulator."""

import os
import pty
import re
import select
import time

from machine import ENVIRONMENT, DEADLINE_SECONDS


class Terminal:
    """Use it in a `with`; the shell is killed at the end."""

    def __init__(self, command, *lines):
        self.said, self.command, self.lines = "", command, lines

    def __enter__(self):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execvpe(self.command[0], self.command, {**ENVIRONMENT, "TERM": "xterm"})
        for line in self.lines:
            self.type(f"{line}\n", "")
        return self

    def __exit__(self, *_):
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.terminal)

    def type(self, keys, answer):
        """Types keys, the last of which ends a line, and waits for an answer behind the echo."""
        self.said = ""
        # The shell says when it is ready for the next line.
        os.write(self.terminal, keys.encode() + b"echo ok-$((1 + 1))\n")
        end = time.monotonic() + DEADLINE_SECONDS
        while "ok-2" not in self.said:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            assert ready, f"the shell does not answer {keys!r}: {self.said}"
            self.said += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "",
                                os.read(self.terminal, 65536).decode(errors="replace"))
        assert answer in self.said, f"no {answer!r} after {keys!r}: {self.said}"
