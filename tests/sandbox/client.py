"""The server as a process, and as much of a client as the tests need. Nothing sleeps: each wait has
an end that is far away."""

import base64
import os
import queue
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

# For each single wait. Nothing waits so long unless something is wrong.
DEADLINE_SECONDS = 60


def until(what, is_so):
    """Looks again and again; returns the last result."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (found := is_so()):
        assert time.monotonic() < end, f"never: {what}"
        os.sched_yield()
    return found


class Server:
    """Use it in a `with`; it is killed at the end if it is still there."""

    def __init__(self, command, descriptors=(), cwd=None):
        self.child = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=descriptors,
        )
        self.pid, self.log, self.lines = self.child.pid, [], queue.Queue()
        # The addresses for operators.
        self.operators = []
        works = self._read_output, self._read_log
        self.threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in self.threads:
            thread.start()
        line = self.lines.get(timeout=DEADLINE_SECONDS)
        assert line is not None, f"it does not start: {self.text()}"
        self.port = int(line.rsplit(":", 1)[1])

    def _read_output(self):
        for line in self.child.stdout:
            if line.startswith("listening on "):
                self.lines.put(line)
            elif line.startswith("for operators on "):
                self.operators.append(line.split()[-1])
        self.lines.put(None)

    def _read_log(self):
        for line in self.child.stderr:
            self.log.append(line)

    def text(self):
        return "".join(self.log)

    def get(self, path):
        """The status and the body of a page."""
        address = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=DEADLINE_SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read()

    def threads_named(self, name):
        """How many of its threads are called so."""
        found = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                found += (task / "comm").read_text() == f"{name}\n"
            except OSError:
                pass  # It has ended meanwhile.
        return found

    def stop(self, sockets):
        """Stops it as it should be stopped, with these sockets open."""
        self.child.send_signal(signal.SIGTERM)
        for raw in sockets:
            assert raw.read_close() == 1001
        status = self.child.wait(DEADLINE_SECONDS)
        assert status == 0, f"it ended with {status}: {self.text()}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        for thread in self.threads:
            thread.join()
        self.child.stdout.close()
        self.child.stderr.close()


class Refused(Exception):
    """The answer to a request for a socket was another one than 101: its head."""


class Socket:
    def __init__(self, server, path):
        address = ("127.0.0.1", server.port)
        self.stream = socket.create_connection(address, timeout=DEADLINE_SECONDS)
        self.input = self.stream.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        status = head = self.input.readline().decode()
        while (line := self.input.readline().decode()).strip():
            head += line
        if " 101 " not in status:
            self.drop()
            raise Refused(head)

    def send(self, *texts):
        """All by one write."""
        self.stream.sendall(b"".join(frame(1, text.encode()) for text in texts))

    def _frame(self):
        first, length = self.input.read(2)
        assert length < 126
        return first & 0xF, self.input.read(length)

    def read(self):
        opcode, data = self._frame()
        assert opcode == 1, f"no text but {opcode}: {data}"
        return data.decode()

    def ask(self, text):
        self.send(text)
        return self.read()

    def read_close(self):
        """The code that it is closed with, after whatever texts."""
        opcode = 1
        while opcode == 1:
            opcode, data = self._frame()
        assert opcode == 8, f"no close but {opcode}: {data}"
        self.stream.sendall(frame(8, data))
        self.drop()
        return struct.unpack("!H", data[:2])[0]

    def drop(self):
        self.input.close()
        self.stream.close()


def frame(opcode, data):
    assert len(data) < 126
    # A mask of zeros is one, too.
    return bytes([0x80 | opcode, 0x80 | len(data), 0, 0, 0, 0]) + data
