"""Runs two hosts that share over Redis, behind HAProxy, with the configurations of a folder; `run`
starts this.

Each file is used as it is, but for paths of this machine. The test adds one service, which tells
the host and the address of the client.
"""

import contextlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from machines import machines

HOST = "chat.example"
ADDRESSES = {"balancer": "1", "redis": "5", "client": "9", "one": "11", "two": "12"}
DEADLINE_S = 60
SOCKETS = 8


def main():
    recipe, binary = Path(sys.argv[1]), sys.argv[2]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = World(stack, recipe, binary, folder, machines(stack, ADDRESSES))
        steps = [clients_are_known, topics_reach_both, redis_restarts, a_host_is_killed,
                 a_host_stops]
        steps += [a_host_is_cut_off] if world.machines.are_apart else []
        for step in steps:
            step(world)
            print(f"ok      {step.__name__.replace('_', ' ')}", flush=True)
        print(f"{len(steps)} passed")


# The steps.


def clients_are_known(world):
    """Each host gets sockets, and knows the address of the client, and that it has TLS."""
    seen = {world.who() for _ in range(SOCKETS)}
    address = world.machines.addresses["client"]
    assert seen == {f"{address} on {name}" for name in ("one", "two")}, seen


def topics_reach_both(world):
    with world.listeners() as listeners:
        world.spread(listeners)


def redis_restarts(world):
    """Without Redis, sockets of the same host hear each other; with it again, all do."""
    with world.listeners() as listeners:
        world.spread(listeners)
        world.end("redis", signal.SIGKILL)
        sender, *others = listeners
        sender.send("alone")
        assert sender.next() == "alone"
        with_it = [other for other in others if other.hears("alone", 1)]
        assert len(with_it) == SOCKETS // 2 - 1, f"{len(with_it)} have heard it"
        world.start_redis()
        world.spread(listeners)


def a_host_is_killed(world):
    """Its sockets end, those of the other one do not, and all new ones are of the other one."""
    with world.listeners() as listeners:
        world.spread(listeners)
        world.end("one", signal.SIGKILL)
        world.all_new_are_of("two")
        ended = [listener for listener in listeners if listener.has_ended()]
        assert len(ended) == SOCKETS // 2, f"{len(ended)} have ended"
        world.start_host("one")
        world.until_both_serve()


def a_host_stops(world):
    with world.listeners() as listeners:
        world.end("one", signal.SIGTERM)
        world.all_new_are_of("two")
        codes = [listener.close_code() for listener in listeners if listener.has_ended()]
        assert codes == [1001] * (SOCKETS // 2), codes
        world.start_host("one")
        world.until_both_serve()


def a_host_is_cut_off(world):
    """No packet comes any more, as after a loss of power: nobody is refused for it."""
    world.machines.cut("one")
    world.all_new_are_of("two")
    world.machines.join("one")
    world.until_both_serve()


class World:
    """All processes."""

    def __init__(self, stack, recipe, binary, folder, of):
        self.stack, self.recipe, self.binary = stack, recipe, binary
        self.folder, self.machines = folder, of
        self.running = {}
        certificate(folder)
        (folder / "admin-token").write_text("0123456789abcdef\n")
        (folder / "admin-token").chmod(0o600)
        password = re.search(r"^requirepass (\S+)$", (recipe / "redis.conf").read_text(), re.M)
        (folder / "redis-password").write_text(f"{password[1]}\n")
        self.paths = {
            "/etc/ssl/private/chat.example.pem": folder / "both.pem",
            "/etc/switchboard/admin-token": folder / "admin-token",
            "/etc/switchboard/redis-password": folder / "redis-password",
        }
        stack.callback(lambda: [self.end(name, signal.SIGKILL) for name in [*self.running]])
        self.start_redis()
        for name in ("one", "two"):
            self.start_host(name)
        conf = self.conf("balancer", "haproxy.cfg")
        self.start("balancer", ["haproxy", "-db", "-f", conf])
        self.until_both_serve()

    def start_redis(self):
        self.start("redis", ["redis-server", self.conf("redis", "redis.conf")])

    def start_host(self, name):
        services = self.folder / name / "services"
        services.mkdir(parents=True, exist_ok=True)
        program = services / "who"
        program.write_text(f'#!/bin/sh\necho "$REMOTE_ADDR ${{HTTPS-none}} {name}"\nexec cat\n')
        program.chmod(0o755)
        # One client asks again and again until a host serves, which no rate is to end.
        more = "\n[limits]\nnew-per-ip: off\n\n[service /who]\nmode: per-socket\n"
        conf = self.conf(name, "server.conf", more)
        self.start(name, [self.binary, "--config", conf])

    def conf(self, name, file, more=""):
        """Writes a configuration of the recipe for a machine."""
        text = self.machines.text(name, (self.recipe / file).read_text()) + more
        for path, instead in self.paths.items():
            text = text.replace(path, str(instead))
        (self.folder / name).mkdir(exist_ok=True)
        path = self.folder / name / file
        path.write_text(text)
        return path

    def start(self, name, command):
        with open(self.folder / name / "log", "ab") as log:
            self.running[name] = subprocess.Popen(
                self.machines.command(name, command), cwd=self.folder / name, stdout=log,
                stderr=log, start_new_session=True)

    def end(self, name, number):
        """Ends a process; those that it has started end with it."""
        process = self.running.pop(name)
        process.send_signal(number)
        process.wait(DEADLINE_S)

    def connect(self):
        """A connection to the balancer from the machine of the client."""
        address, own = (self.machines.addresses[name] for name in ("balancer", "client"))
        with self.machines.at("client"):
            port = 443 if self.machines.are_apart else 8443
            stream = socket.create_connection((address, port), DEADLINE_S, (own, 0))
        context = ssl.create_default_context(cafile=self.folder / "cert.pem")
        return context.wrap_socket(stream, server_hostname=HOST)

    def who(self):
        """The address of the client, as a host sees it, and which host that is."""
        with Client(self.connect(), "/who") as client:
            return client.next()

    def until_both_serve(self):
        seen = set()

        def both():
            # Until the balancer listens.
            with contextlib.suppress(OSError, Refused):
                seen.add(self.who().split()[-1])
            return seen == {"one", "two"}

        self.until("both hosts get sockets", both)

    def all_new_are_of(self, name):
        """Connections are never refused, and come to this host alone."""
        seen = {self.who().split()[-1] for _ in range(SOCKETS)}
        assert seen == {name}, seen

    @contextlib.contextmanager
    def listeners(self):
        """Sockets, half of them at each host."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(Client(self.connect(), "/broadcast"))
                   for _ in range(SOCKETS)]

    def spread(self, listeners):
        """Has one send until all have heard it: hosts connect to Redis when they can."""
        sender = listeners[0]

        def all_hear():
            text = f"message {time.monotonic()}"
            sender.send(text)
            return all([listener.hears(text, 0.5) for listener in listeners])

        self.until("all sockets hear", all_hear)

    def until(self, what, condition):
        end = time.monotonic() + DEADLINE_S
        while not condition():
            for name, process in self.running.items():
                log = (self.folder / name / "log").read_text(errors="replace")
                assert process.poll() is None, f"{name} has ended: {log}"
            assert time.monotonic() < end, f"it does not happen: {what}"


# The client.


class Refused(Exception):
    """Another answer than 101."""


class Client:
    """A socket that sends short texts and reads frames of a server."""

    def __init__(self, stream, path):
        self.stream, self.bytes, self.end = stream, b"", None
        lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: https://{HOST}"]
        stream.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self.bytes:
            if not self.read(DEADLINE_S):
                raise Refused(self.bytes)
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Refused(head)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def send(self, text):
        payload = text.encode()
        assert len(payload) < 126
        self.stream.sendall(bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload)

    def next(self, seconds=DEADLINE_S):
        """The next text; nothing if the time or the socket ends before."""
        end = time.monotonic() + seconds
        while True:
            if len(self.bytes) >= 2 and len(self.bytes) >= 2 + self.bytes[1]:
                first, size = self.bytes[:2]
                payload, self.bytes = self.bytes[2:2 + size], self.bytes[2 + size:]
                if first == 0x81:
                    return payload.decode().strip()
                if first == 0x88:
                    self.end = int.from_bytes(payload[:2], "big")
                continue
            if not self.read(end - time.monotonic()):
                return None

    def hears(self, text, seconds):
        """Whether this text comes within the time; others before it are older."""
        end = time.monotonic() + seconds
        while (found := self.next(end - time.monotonic())) is not None:
            if found == text:
                return True
        return False

    def has_ended(self):
        self.next(1)
        return self.end is not None

    def close_code(self):
        return self.end

    def read(self, seconds):
        """Reads more; false if the time is over or the stream has ended."""
        if self.end == 0 or seconds <= 0:
            return False
        self.stream.settimeout(seconds)
        try:
            more = self.stream.recv(65_536)
        except TimeoutError:
            return False
        except OSError:
            more = b""
        self.bytes += more
        if not more and self.end is None:
            self.end = 0
        return bool(more)


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
                    "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=folder, check=True, capture_output=True)
    both = (folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes()
    (folder / "both.pem").write_bytes(both)


main()
