"""A day in the life of an operator with the package of Debian, as in docs/operators.md.

It runs in the network of a machine, and has commands run within that machine: see machine.py.

  day.py PROCESS PACKAGE
"""

import contextlib
import json
import re
import shutil
import sys
import types

from machine import Running, until
from client import Refused, Socket

CONFIGURATION = "/etc/switchboard/server.conf"
LOG = "/var/log/switchboard/log"
UNIT = "switchboard.service"
PORT, TLS_PORT = 12345, 12443
ADMIN = "unix:/run/switchboard/admin.sock, 127.0.0.1:9345"
# Nothing here is to end because the machine is busy.
CHANGED = f"""[server]
log-file: {LOG}
access-log: all
tls-port: {TLS_PORT}
tls-certificate: chain.pem
tls-key: key.pem
"""
SERVICE = """
[service /say]
mode: per-socket
max-processes: 1

[service /broadcast]
max-message: 10

[limits]
close-timeout: 1h
drain-timeout: 1h
drain-spread: 0s
write-timeout: 1h
"""
# That of docs/operation.md.
ROTATION = f"""{LOG} {{
  weekly
  rotate 8
  compress
  delaycompress
  missingok
  nocreate
  postrotate
    systemctl kill -s USR1 --kill-whom=main switchboard
  endscript
}}
"""


class Day:
    def __init__(self, machine, package):
        self.machine, self.package = machine, package
        self.server = types.SimpleNamespace(port=PORT)
        self.sockets = contextlib.ExitStack()
        # Its socket stays open over all of the day.
        self.guest = None

    def open(self, path):
        socket = Socket(self.server, path)
        self.sockets.callback(socket.drop)
        return socket

    def curl(self, *words, text=None):
        command = "curl", "--silent", "--show-error", "--fail-with-body"
        return self.machine.run(*command, *words, text=text).stdout

    def ask(self, target):
        return self.curl(f"http://127.0.0.1:9345{target}")

    def command(self, target, *words, text=None):
        words = "--unix-socket", "/run/switchboard/admin.sock", *words
        return self.curl(*words, f"http://localhost{target}", text=text)

    def metric(self, name):
        """The value of a metric, by its whole name with labels."""
        return float(re.search(f"^{re.escape(name)} (.*)$", self.ask("/metrics"), re.M)[1])

    def log(self):
        return self.machine.path(LOG).read_text()

    def write(self, path, text, mode=0o644):
        path = self.machine.path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def make_certificate(self, name):
        """A certificate of this name, and its key, in place of those that are there."""
        folder = "/etc/switchboard"
        self.machine.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "30", "-subj", f"/CN={name}", "-keyout", f"{folder}/key.new",
            "-addext", f"subjectAltName=DNS:{name}", "-out", f"{folder}/chain.new",
        )
        self.machine.run("chgrp", "switchboard", f"{folder}/key.new")
        self.machine.run("chmod", "0640", f"{folder}/key.new")
        for file in ["key", "chain"]:
            self.machine.run("mv", f"{folder}/{file}.new", f"{folder}/{file}.pem")

    def shown_name(self):
        """The name in the certificate that the server shows."""
        words = "s_client", "-connect", f"127.0.0.1:{TLS_PORT}"
        said = self.machine.run("openssl", *words, check=False, text="").stdout
        found = re.search(r"^subject=CN ?= ?(.*)$", said, re.M)
        return found and found[1]


def installs(day):
    shutil.copy(day.package, day.machine.path("/root/switchboard.deb"))
    words = "apt-get", "install", "--yes", "--no-install-recommends", "/root/switchboard.deb"
    day.machine.run(*words)
    assert day.machine.run("systemctl", "is-active", UNIT).stdout == "active\n"
    # systemd waits for READY=1, so it serves operators, too.
    assert f"admin: {ADMIN}\n" in day.machine.path(CONFIGURATION).read_text()
    assert day.ask("/healthz") == day.command("/healthz") == "ok\n"


def configures(day):
    """A program, TLS, and a log in a file."""
    day.write("/etc/switchboard/services/say", "#!/bin/sh\nexec cat\n", 0o755)
    day.write(f"/etc/systemd/system/{UNIT}.d/log.conf", "[Service]\nLogsDirectory=switchboard\n")
    day.write("/etc/logrotate.d/switchboard", ROTATION)
    day.make_certificate("old.example")
    shipped = day.machine.path(CONFIGURATION).read_text()
    day.write(CONFIGURATION, shipped.replace("[server]\n", CHANGED, 1) + SERVICE)
    day.machine.run("systemctl", "daemon-reload")
    day.machine.run("systemctl", "restart", UNIT)
    day.guest = day.open("/say")
    assert day.guest.ask("good morning") == "good morning"


def looks(day):
    assert day.ask("/readyz") == "ready\n"
    status = json.loads(day.command("/status"))
    assert str(status["pid"]) == day.machine.show(UNIT, "MainPID")
    assert (status["state"], status["totals"]["sockets"]) == ("running", 1)
    service, = [service for service in status["services"] if service["path"] == "/say"]
    assert (service["kind"], service["sockets"], len(service["pids"])) == ("program", 1, 1)
    assert day.metric('switchboard_up{service="/say"}') == 1
    assert day.metric("process_open_fds") > 0


def pushes(day):
    """A message by curl, to all sockets of a service."""
    readers = [day.open("/echo") for _ in range(2)]
    said = day.command("/send?service=/echo&to=*", "--data-binary", "@-", text="news")
    assert json.loads(said) == {"sockets": 2}
    assert [reader.read() for reader in readers] == ["news", "news"]
    day.command("/close?service=/echo&to=*&code=4000&reason=bye", "--request", "POST")
    assert [reader.read_close() for reader in readers] == [4000, 4000]
    until("they have gone", lambda: day.metric('switchboard_sockets{service="/echo"}') == 0)


def finds_the_slow_socket(day):
    """The metrics name its service, and the log its peer."""
    slow = day.open("/echo")
    peer = slow.stream.getsockname()
    closed = 'switchboard_slow_closes_total{service="/echo"}'
    seen = 0
    while day.metric(closed) == 0:
        day.command("/send?service=/echo&to=*", "--data-binary", "@-", text="x" * 500_000)
        seen = max(seen, day.metric('switchboard_outbox_bytes{service="/echo"}'))
    assert seen > 0, "it was seen before it was closed"
    slow.stream.close()
    slow.drop()
    line = f'peer={peer[0]}:{peer[1]} path="/echo" reason="1013 '
    until("the log has its peer", lambda: line in day.log())


def raises_limits(day):
    """Of a program and of a compiled-in service, without a socket less."""
    early, late = day.open("/broadcast"), day.open("/broadcast")
    late.send("too long for 10")
    assert late.read_close() == 1009
    try:
        day.open("/say")
        raise AssertionError("it was not full")
    except Refused as refusal:
        assert "503" in str(refusal), refusal
    text = day.machine.path(CONFIGURATION).read_text()
    text = text.replace("max-processes: 1\n", "max-processes: 2\n")
    day.write(CONFIGURATION, text.replace("max-message: 10\n", "max-message: 100\n"))
    said = day.command("/reload", "--request", "POST")
    assert "was read again; applied: " in said and "[service /broadcast] max-message" in said, said

    def second():
        try:
            return day.open("/say")
        except Refused:
            return None  # The plan of programs comes a little later.

    more = until("there are places", second)
    assert more.ask("hello") == "hello"
    more.drop()
    # A connection that came after it has met the new limits, and so has the loop.
    assert early.ask("too long for 10") == "too long for 10"
    early.drop()
    assert day.guest.ask("still here") == "still here"


def rotates_the_log(day):
    before = day.log()
    day.machine.run("logrotate", "--force", "/etc/logrotate.d/switchboard")
    assert day.machine.path(f"{LOG}.1").read_text().startswith(before)

    def visits():
        day.open("/echo").drop()
        return day.machine.path(LOG).exists() and 'path="/echo"' in day.log()

    until("the new file has lines", visits)
    assert not day.log().startswith(before)


def logs_more(day):
    assert day.command("/log-level?level=debug", "--request", "POST") == "the log level is debug\n"
    day.command("/send?service=/echo&to=*", "--data-binary", "@-", text="news")
    until("it logs more", lambda: "POST /send" in day.log())
    day.command("/log-level?level=info", "--request", "POST")


def renews_a_certificate(day):
    assert day.shown_name() == "old.example"
    day.make_certificate("new.example")
    day.machine.run("systemctl", "reload", UNIT)
    until("it shows the new one", lambda: day.shown_name() == "new.example")
    assert day.guest.ask("still here") == "still here"


def drains(day):
    """Operators see it until its end, which is a clean one."""
    silent = day.open("/echo")
    day.command("/drain", "--request", "POST")
    assert day.guest.read_close() == 1001
    assert day.ask("/healthz") == "ok\n"
    refused = day.machine.run("curl", "--silent", "http://127.0.0.1:9345/readyz").stdout
    assert refused == "draining\n", refused
    assert json.loads(day.ask("/status"))["state"] == "stopping"
    assert silent.read_close() == 1001
    until("it has ended", lambda: day.machine.show(UNIT, "ActiveState") == "inactive")
    assert day.machine.show(UNIT, "Result") == "success"


def removes(day):
    day.machine.run("systemctl", "start", UNIT)
    day.machine.run("apt-get", "purge", "--yes", "switchboard")
    assert day.machine.processes("switchboard") == []
    assert not day.machine.path("/run/switchboard").exists()


STEPS = [
    installs, configures, looks, pushes, finds_the_slow_socket, raises_limits, rotates_the_log,
    logs_more, renews_a_certificate, drains, removes,
]


def main():
    day = Day(Running(int(sys.argv[1])), sys.argv[2])
    with day.sockets:
        for step in STEPS:
            print(f"{step.__name__}...", flush=True)
            step(day)


main()
