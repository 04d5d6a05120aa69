"""Everything that docs/troubleshooting.md and docs/close-codes.md tell of is brought about, and the
log has to have the lines that stand there, but for numbers, times and paths.

    troubles.py PATH-TO-SWITCHBOARD-BINARY    what the log has, to be put there
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from client import DEADLINE_SECONDS, Refused, Server, Socket, frame, until

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / "troubleshooting.md", ROOT / "docs" / "close-codes.md"]
HELPER = ROOT / "examples" / "programs" / "python" / "_switchboard.py"
PYTHON = "#!/usr/bin/env python3\n"
READY = PYTHON + "import sys\nprint('READY 1', flush=True)\n"
PROGRAMS = {
    "cat": "#!/bin/sh\nexec cat\n",
    "one": "#!/bin/sh\nexec cat\n",
    "fails": PYTHON + "input()\nraise ValueError('what it was')\n",
    "latin": "#!/bin/sh\nprintf 'gr\\374n\\n'\nexec cat\n",
    "silent": PYTHON + "import sys\nsys.stdin.read()\n",
    "plain": PYTHON + "print('hello')\n",
    "dies": READY + "for line in sys.stdin.buffer:\n    if line.startswith(b'TEXT'): raise KeyError('name')\n",
    "wrong.py": "#!/usr/bin/env python3\r\nprint('READY 1')\r\n",
    "lacks": "#!/usr/bin/no-python3\n",
    "stale": READY + "sys.stdin.read()\n",
    "empty": PYTHON + "from _switchboard import Service\n",
    "raises": PYTHON + "from _switchboard import Service\nclass Raises(Service):\n"
    "    def on_message(self, id, message): raise ValueError('what it was')\nRaises().run()\n",
    "floods": READY + "for line in sys.stdin.buffer:\n    words = line.split()\n"
    "    if words[:1] == [b'OPEN']:\n        for _ in range(100):\n"
    "            sys.stdout.write(f'TEXT {words[1].decode()} +60000\\n{\"x\" * 60000}\\n')\n"
    "        sys.stdout.flush()\n",
}
CONFIGURATION = """[server]
port: 0
document-root: programs
static-root: files
[limits]
max-connections: 50
handshake-timeout: 500ms
[service /cat]
mode: per-socket
[service /one]
mode: per-socket
max-processes: 1
[service /fails]
mode: per-socket
[service /latin]
mode: per-socket
[service /silent]
admission-timeout: 200ms
[service /stale]
on-change: replace
[service /echo]
max-message: 64
max-fragments: 2
idle-timeout: off
[service /clock]
ping-interval: 100ms
pong-timeout: 100ms
[service /broadcast]
idle-timeout: 200ms
[service /floods]
max-message: 60000
outbox-max: 120000
[service /demo_chatroom]
message-rate: 20/s burst 50
rate-policy: close
"""


class Troubles:
    """A server, and what is done to it."""

    def __init__(self, binary, folder):
        self.binary, self.place = binary, Path(folder)
        for name, text in PROGRAMS.items():
            program = self.place / "programs" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(text)
            program.chmod(0o755)
        shutil.copy(HELPER, self.place / "programs")
        (self.place / "programs" / "forgotten.py").write_text(READY)
        (self.place / "files").mkdir()
        (self.place / "server.conf").write_text(CONFIGURATION)
        self.lines = []

    def ask(self, head, body=b""):
        """The answer to a request, as bytes."""
        with socket.create_connection(("127.0.0.1", self.server.port), DEADLINE_SECONDS) as stream:
            stream.sendall(head.replace("\n", "\r\n").encode() + body)
            answer = b""
            while read := stream.recv(65_536):
                answer += read
            return answer

    def see(self, status, head):
        answer = self.ask(head)
        assert answer.startswith(b"HTTP/1.1 %d " % status), f"{status}: {answer} to {head}"

    def refused(self, status, path):
        try:
            Socket(self.server, path)
        except Refused as head:
            assert f" {status} " in str(head), f"{path}: {head}"
            return
        raise AssertionError(f"{path} is served")

    def is_paused(self, path):
        """A pause may be over before it is noticed, and the next one is longer."""
        try:
            Socket(self.server, path)
        except Refused as head:
            assert " 500 " in str(head) or " 503 " in str(head), f"{path}: {head}"
            return " 503 " in str(head)
        raise AssertionError(f"{path} is served")

    def closed(self, code, path, *frames):
        raw = Socket(self.server, path)
        raw.stream.sendall(b"".join(frames))
        assert read_code(raw) == code, path

    def run(self):
        command = [self.binary, "-c", "server.conf"]
        with Server(command, cwd=self.place) as self.server:
            self.requests()
            self.closes()
            self.programs()
            # The line of a socket comes when it has ended, which is a moment later.
            until("all has been logged", self.is_told)
            self.lines += self.server.text().splitlines()
        empty = self.place / "empty"
        empty.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            for flags in [["-p", port], ["--list-services"]]:
                ended = subprocess.run(
                    [self.binary, *flags], cwd=empty, capture_output=True, text=True,
                    timeout=DEADLINE_SECONDS,
                )
                self.lines += (ended.stdout + ended.stderr).splitlines()

    def is_told(self):
        found = {plain(line) for line in self.server.text().splitlines()}
        return all(plain(line) in found for line in of_page() if is_logged(line))

    def requests(self):
        port = self.server.port
        upgrade = "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
        upgrade += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
        local = f"Host: localhost:{port}\n"
        self.see(403, f"GET /echo HTTP/1.1\n{local}{upgrade}Origin: http://localhost:5173\n\n")
        self.see(421, f"GET /echo HTTP/1.1\nHost: chat.example\n{upgrade}Origin: http://chat.example\n\n")
        self.see(500, f"GET /forgotten HTTP/1.1\n{local}{upgrade}\n")
        self.see(404, f"GET /chat HTTP/1.1\n{local}{upgrade}\n")
        self.see(426, f"GET /echo HTTP/1.1\n{local}\n")
        self.see(426, f"GET /echo HTTP/1.0\n{local}{upgrade}\n")
        version = upgrade.replace("13", "8")
        self.see(426, f"GET /echo HTTP/1.1\n{local}{version}\n")
        self.see(400, f"GET /echo HTTP/1.1\n{local}{upgrade.replace('Upgrade: websocket', 'A: b')}\n")
        self.see(431, f"GET /echo HTTP/1.1\n{local}A: {'b' * 20000}\n\n")
        self.see(414, f"GET /{'b' * 9000} HTTP/1.1\n{local}\n")
        self.see(405, f"POST /echo HTTP/1.1\n{local}\n")
        self.see(408, "GET /echo HTTP/1.1\n")

    def closes(self):
        self.closed(1001, "/broadcast")
        self.closed(1002, "/echo", b"\x81\x01a")
        self.closed(1007, "/echo", b"\x81\x81\0\0\0\0\xff")
        self.closed(1008, "/echo", b"\x01\x80\0\0\0\0" + 3 * b"\x00\x80\0\0\0\0")
        self.closed(1009, "/echo", frame(1, b"x" * 100))
        self.closed(1008, "/demo_chatroom", 60 * frame(1, b"{}"))
        raw = Socket(self.server, "/cat")
        raw.drop()
        # It answers nothing, and sees no close frame either.
        raw = Socket(self.server, "/clock")
        while raw.input.read(1):
            pass
        raw.drop()
        raw = Socket(self.server, "/floods")
        until("it is closed", lambda: 'path="/floods" reason="1013' in self.server.text())
        raw.drop()

    def programs(self):
        first = Socket(self.server, "/one")
        self.refused(503, "/one")
        first.drop()
        raw = Socket(self.server, "/fails")
        raw.send("go on")
        assert raw.read_close() == 1011
        raw = Socket(self.server, "/raises")
        raw.send("go on")
        assert raw.read_close() == 1011
        self.closed(1011, "/latin")
        raw = Socket(self.server, "/dies")
        raw.send("go on")
        assert raw.read_close() == 1012
        raw = Socket(self.server, "/stale")
        (self.place / "programs" / "stale").chmod(0o644)
        until("it is not replaced", lambda: "it is not replaced" in self.server.text())
        raw.drop()
        for path in ["/silent", "/plain", "/wrong", "/lacks", "/empty"]:
            self.refused(500, path)
        # The second end within a minute makes a pause.
        until("it has to wait", lambda: self.is_paused("/plain"))
        many, text = [], ""
        while "503" not in text:
            assert len(many) < 60, text
            try:
                many.append(Socket(self.server, "/echo"))
            except Refused as head:
                text = str(head)
        for raw in many:
            raw.drop()


def read_code(raw):
    """The code of a close frame, however long what comes before it is."""
    while True:
        first, length = raw.input.read(2)
        if length == 126:
            length = int.from_bytes(raw.input.read(2), "big")
        data = raw.input.read(length)
        if first & 0xF == 8:
            raw.stream.sendall(frame(8, data))
            raw.drop()
            return int.from_bytes(data[:2], "big")


def plain(line):
    """What has to be the same each time."""
    line = re.sub(r"^\S+Z (\w+) +", r"\1 ", line.strip())
    line = re.sub(r'"/[^" ]*/(programs/[^" ]*)"', r'"\1"', line)
    line = re.sub(r"no folder /[^ ;]*/services;", "no folder /srv/services;", line)
    keep = r"(status=\d+|reason=\"1\d{3}|HTTP/\d\.\d|utf-8|python3)"
    parts = re.split(keep, line)
    return "".join(p if at % 2 else re.sub(r"\d+", "0", p) for at, p in enumerate(parts))


def of_page():
    """The lines of the blocks of output."""
    text = "\n".join(page.read_text() for page in PAGES)
    blocks = re.findall(r"```text\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.splitlines()]


def is_logged(line):
    return re.match(r"\d{4}-\S+Z ", line) is not None


def lines_are_as_they_stand_there(binary):
    with tempfile.TemporaryDirectory() as folder:
        troubles = Troubles(binary, folder)
        troubles.run()
        found = {plain(line) for line in troubles.lines}
        lines = of_page()
        assert len(lines) > 25, "the pages have them"
        missing = [line for line in lines if plain(line) not in found]
        assert not missing, "\n".join(["the log has no such lines:", *missing, "but:", *troubles.lines])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        shown = Troubles(str(Path(sys.argv[1]).resolve()), place)
        try:
            shown.run()
        finally:
            print("\n".join(shown.lines or shown.server.log))
