"""The real host, which is the binary, or another program with the library; and clients of it."""

import base64
import json
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

from host import DEADLINE_SECONDS, ROOT

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute() / "debug"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
# No time limit that a well-behaved program or client would miss on a slow machine; so whatever is
# refused or closed has not waited for one. No limit of what waits for a client that reads later.
CONFIGURATION = """
[server]
log-format: json
subpaths: yes
stop-timeout: 3600s

[limits]
handshake-timeout: 3600s
admission-timeout: 3600s
ping-interval: 3600s
pong-timeout: 3600s
write-timeout: 3600s
close-timeout: 3600s
drain-timeout: 3600s
drain-spread: 0s
outbox-max: 64m
"""


class Board:
    """Serves the programs of a folder, or is a command that prints its address. Use it in a `with`;
    it is killed at the end if it is still there."""

    def __init__(self, root=None, command=None):
        self.folder, self.lines, address = tempfile.TemporaryDirectory(), [], queue.Queue()
        self.root = root and Path(root)
        if root:
            conf = Path(self.folder.name, "server.conf")
            conf.write_text(CONFIGURATION)
            command = [TARGET / "switchboard", "-c", conf, "-d", root, "--port", "0"]
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.reader = threading.Thread(target=self._read, args=[address], daemon=True)
        self.reader.start()
        self.port = address.get(timeout=DEADLINE_SECONDS)
        assert self.port, f"it does not start: {self.lines}"

    def stop(self):
        """As it should be stopped: the programs read all that was sent, and end."""
        self.child.send_signal(signal.SIGTERM)
        status = self.child.wait(DEADLINE_SECONDS)
        self.reader.join()
        assert status == 0, f"it ended with {status}: {self.lines}"

    def log(self):
        """Its lines, each a dict."""
        return [json.loads(line) for line in self.lines]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.reader.join()
        self.child.stdout.close()
        self.folder.cleanup()

    def _read(self, address):
        for line in self.child.stdout:
            self.lines.append(line.decode(errors="replace"))
            if found := re.search(r"://127\.0\.0\.1:(\d+)", self.lines[-1]):
                address.put(int(found[1]))
        address.put(None)


class Refused(Exception):
    """The answer to a request for a socket was another one than 101; it has the status."""


class Client:
    """A peer with a thread that reads, so that it never holds up what it is sent."""

    def __init__(self, board, path, protocol=None):
        self.stream = socket.create_connection(("127.0.0.1", board.port), DEADLINE_SECONDS)
        self.input, self.heard = self.stream.makefile("rb"), queue.Queue()
        self.writing = threading.Lock()
        key = base64.b64encode(bytes(16)).decode()
        offer = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Upgrade: websocket\r\nConnection: upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{offer}\r\n"
        )
        self.stream.sendall(head.encode("latin-1"))
        status = int(self.input.readline().split()[1])
        self.headers = dict(line.split(": ", 1) for line in iter(self._header, ""))
        if status != 101:
            self.input.close()
            self.stream.close()
            raise Refused(status)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def send(self, message):
        """A str as text, bytes as they are. False if the host has closed meanwhile."""
        if isinstance(message, str):
            return self._write(TEXT, message.encode())
        return self._write(BINARY, message)

    def next(self):
        """The next message, or the code that it is closed with."""
        return self.heard.get(timeout=DEADLINE_SECONDS)

    def close(self):
        """Says that it goes; then as `rest`."""
        self._write(CLOSE, struct.pack("!H", 1000))
        return self.rest()

    def rest(self):
        """The messages up to the close, and its code behind them."""
        heard = [self.next()]
        while not isinstance(heard[-1], int):
            heard.append(self.next())
        self.reader.join()
        self.input.close()
        self.stream.close()
        return heard

    def _header(self):
        return self.input.readline().decode("latin-1").strip()

    def _write(self, opcode, data):
        if len(data) < 126:
            length = bytes([0x80 | len(data)])
        elif len(data) < 1 << 16:
            length = struct.pack("!BH", 0x80 | 126, len(data))
        else:
            length = struct.pack("!BQ", 0x80 | 127, len(data))
        try:
            with self.writing:
                # A mask of zeros is one, too.
                self.stream.sendall(bytes([0x80 | opcode]) + length + bytes(4) + data)
            return True
        except OSError:
            return False

    def _read(self):
        try:
            while head := self.input.read(2):
                opcode, length = head[0] & 0xF, head[1]
                if length == 126:
                    (length,) = struct.unpack("!H", self.input.read(2))
                elif length == 127:
                    (length,) = struct.unpack("!Q", self.input.read(8))
                data = self.input.read(length)
                if opcode == PING:
                    self._write(PONG, data)
                    continue
                if opcode == CLOSE:
                    self._write(CLOSE, data)
                    return self.heard.put(struct.unpack("!H", data[:2])[0])
                self.heard.put(data.decode() if opcode == TEXT else data)
            self.heard.put(1006)
        except OSError:
            self.heard.put(1006)
