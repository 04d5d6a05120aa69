"""A host for one program: starts it, says counted lines, and tells what it says.

It reads always, whatever else it waits for, as the real one does; so a program that fills one
pipe before it empties the other is no deadlock here either.
"""

import os
import queue
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "examples" / "programs"
# For each single wait, however slow the machine is. Nothing waits so long unless something is wrong.
DEADLINE_SECONDS = 120
BLOCK_BYTES = 1 << 16


class Line(NamedTuple):
    words: str
    body: Optional[bytes] = None


class Host:
    """Use it in a `with`; the program is killed at the end if it is still there."""

    def __init__(self, *command, hello=True, **environment):
        # Only what the real one gives, and what a test adds.
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SWITCHBOARD_PROTOCOL": "1",
            "SWITCHBOARD_SERVICE": "/test",
            **environment,
        }
        self.begin = time.monotonic()
        self.log_file = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log_file,
            bufsize=0,
            cwd=ROOT,
            env=environment,
        )
        self.to_write, self.heard, self.raw = queue.Queue(), queue.Queue(), bytearray()
        works = self._write, self._read
        self.threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in self.threads:
            thread.start()
        if hello:
            self.say("HELLO 1 service=/test max-message=1048576")

    def say(self, words, body=None):
        self.write(encode(words, body))

    def write(self, data):
        self.to_write.put(data)

    def open(self, id, **facts):
        facts = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50312", "QUERY_STRING": "a=b", **facts}
        self.say(f"OPEN {id}", "".join(f"{name}={value}\n" for name, value in facts.items()))

    def next(self):
        """The next line of the program, or None at its end."""
        line = self.heard.get(timeout=DEADLINE_SECONDS)
        if isinstance(line, Exception):
            raise line
        return line

    def ready(self, words="READY 1"):
        line = self.next()
        assert line == Line(words), f"{line} and not {words}; the log: {self.log()!r}"

    def end(self):
        """Ends the input. Returns all lines that are left, and the exit code."""
        self.to_write.put(None)
        lines = list(iter(self.next, None))
        return lines, self.child.wait(DEADLINE_SECONDS)

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read().decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.to_write.put(None)
        for thread in self.threads:
            thread.join()
        self.child.stdout.close()
        self.log_file.close()

    def _write(self):
        try:
            for data in iter(self.to_write.get, None):
                left = memoryview(data)
                while left:
                    left = left[os.write(self.child.stdin.fileno(), left) :]
        except BrokenPipeError:
            pass
        finally:
            self.child.stdin.close()

    def _read(self):
        try:
            while data := os.read(self.child.stdout.fileno(), BLOCK_BYTES):
                self.raw += data
                for line in decode(self.raw):
                    self.heard.put(line)
            if self.raw:
                raise ValueError(f"the program ended within a line: {bytes(self.raw[:80])}")
            self.heard.put(None)
        except ValueError as fault:
            self.heard.put(fault)


def encode(words, body=None):
    if body is None:
        return f"{words}\n".encode()
    body = body.encode() if isinstance(body, str) else body
    return b"%s +%d\n%s\n" % (words.encode(), len(body), body)


def decode(buffer):
    """The lines that are whole, which are taken from the buffer."""
    at = 0
    while (end := buffer.find(b"\n", at)) >= 0:
        if end - at > 1024:
            raise ValueError(f"a header of {end - at} bytes: {bytes(buffer[at:at + 80])}")
        words, body = buffer[at:end].decode().split(" "), None
        end += 1
        if "" in words:
            raise ValueError(f"blanks without a word: {words}")
        if words[-1].startswith("+"):
            length = int(words.pop())
            if end + length >= len(buffer):
                break
            body = bytes(buffer[end : end + length])
            if buffer[end + length] != ord("\n"):
                raise ValueError(f"no newline after the body of {words}: {body[:80]}")
            end += length + 1
        at = end
        yield Line(" ".join(words), body)
    del buffer[:at]
