"""What containers add: a server that is process 1, kernels without IPv6, no locale, few descriptors."""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import refuse
from client import DEADLINE_SECONDS, Refused, Server, Socket, until

# Each leaves children behind, says so by a line, and ends at STOP.
ORPHANS = {
    "pipe": """#!/bin/bash
sleep 600 | cat &
echo left
read -r _
""",
    "popen.py": """#!/usr/bin/env python3
import subprocess, sys
for _ in range(3):
    subprocess.Popen(["sleep", "600"])
print("left")
sys.stdin.readline()
""",
    "spawn.js": """#!/usr/bin/env node
require("child_process").spawn("sleep", ["600"]);
console.log("left");
process.stdin.on("data", () => process.exit(0)).on("end", () => process.exit(0));
""",
    # The child of a child, which has a session of its own, so that nobody ends it.
    "daemon.py": """#!/usr/bin/env python3
import os, sys
child = os.fork()
if child == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "600"])
    os._exit(0)
os.waitpid(child, 0)
print("left")
sys.stdin.readline()
""",
}
# One process for all: it runs each of these, which end, and lives on.
SHARED = r"""#!/usr/bin/env python3
import pathlib, subprocess, sys
print("READY 1", flush=True)
receive = sys.stdin.buffer
for line in receive:
    words = line.decode().split()
    body = receive.read(int(words.pop()) + 1)[:-1] if words[-1][0] == "+" else b""
    if words[0] == "TEXT":
        name = body.decode()
        # What it leaves behind holds its output open, so that this does not wait for the end of it.
        child = subprocess.Popen(["lines/" + name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said = child.stdout.readline().decode()[:-1]
        child.stdin.close()
        child.wait()
        print(f"TEXT {words[1]} +{len(said)}\n{said}", flush=True)
"""
# Its orphans end together with it, and its status is its own.
STATUS = """#!/bin/bash
for _ in {1..5}; do (true & true &); done
read -r status
exit "$status"
"""
PROCESS_1 = """[server]
port: 0
document-root: {root}/programs
[service /lines/pipe]
mode: per-socket
[service /lines/popen]
mode: per-socket
[service /lines/spawn]
mode: per-socket
[service /lines/daemon]
mode: per-socket
[service /status]
mode: per-socket
"""
# Reads a line and says it in capitals, as far as it can tell what the capital of a letter is.
CAPITALS = {
    "bash": ("bash", '#!{}\nwhile read -r line; do echo "${{line^^}}"; done\n'),
    "python3": ("python", "#!{}\nimport sys\nfor line in sys.stdin: print(line.upper(), end='')\n"),
    "node": (
        "node",
        '#!{}\nconst {{ createInterface }} = require("readline");\n'
        'createInterface({{ input: process.stdin }}).on("line", l => console.log(l.toUpperCase()));\n',
    ),
    "perl": (
        "perl",
        "#!{}\nuse open qw(:std :locale);\n$| = 1;\nwhile (my $line = <STDIN>) {{ print uc $line }}\n",
    ),
    "ruby": ("ruby", "#!{}\n$stdout.sync = true\n$stdin.each_line {{ |line| puts line.upcase }}\n"),
    "tclsh": (
        "tcl",
        "#!{}\nwhile {{[gets stdin line] >= 0}} {{ puts [string toupper $line]; flush stdout }}\n",
    ),
    "javac": (
        "java",
        "#!{}/java --source 11\nimport java.util.Scanner;\n"
        "class Capitals {{ public static void main(String[] words) {{\n"
        "  Scanner in = new Scanner(System.in);\n"
        "  while (in.hasNextLine()) System.out.println(in.nextLine().toUpperCase());\n"
        "}} }}\n",
    ),
}
VARIABLES = """#!/bin/sh
echo "$LANG/$LC_ALL/$GIVEN/$QUOTED"
read -r _
"""
LOCALES = """[server]
port: 0
document-root: {root}/programs
mode: per-socket
env: GIVEN=1
[service /passed]
pass-env: LANG, LC_ALL, NOWHERE
env: QUOTED="a # b" # not this
[service /set]
pass-env: LANG
env: LANG=C
env: GIVEN=2
"""
FEW = """[server]
port: 0
document-root: {root}/programs
mode: per-socket
"""


class Site:
    """A folder with programs and a configuration, and servers for it."""

    def __init__(self, machine, programs, configuration):
        self.machine, self.place = machine, Path(tempfile.mkdtemp(dir=machine.folder))
        for name, text in programs.items():
            program = self.place / "programs" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(text)
            program.chmod(0o755)
        (self.place / "server.conf").write_text(configuration.format(root=self.place))

    def command(self, *flags):
        return [self.machine.binary, "-c", str(self.place / "server.conf"), *flags]


def orphans_are_waited_for(machine):
    """Of what programs leave behind, nothing stays, neither of one for all nor of one for each."""
    lines = {f"lines/{name}": text for name, text in ORPHANS.items()}
    site = Site(machine, {"shared.py": SHARED, "status": STATUS, **lines}, PROCESS_1)
    with Server([*namespace(), *site.command()]) as server:
        server.pid = first = only_child_of(server.pid)
        # A process for all, and one for each; none of them leads what the last one leaves.
        for name in ["pipe", "popen", "spawn", "daemon"]:
            raw = Socket(server, f"/lines/{name}")
            assert raw.read() == "left"
            sleeping = until("it is there", lambda: [p for p in inner(first) if is_sleep(p)])
            raw.send("end")
            assert raw.read_close() == 1000, name
            if name == "daemon":
                end(sleeping)
            until(f"nothing of {name} is left", lambda: inner(first) == [first])
        shared = Socket(server, "/shared")
        for name in ORPHANS:
            assert shared.ask(name) == "left"
            alone = lambda: len(inner(first)) == 2
            until("the orphan is there", lambda: [p for p in inner(first) if is_sleep(p)])
            # As long as their leader lives they do, too.
            end([p for p in inner(first) if is_sleep(p)])
            until(f"nothing of {name} is left", alone)
        statuses_are_told(server)
        until("nothing is left", lambda: len(inner(first)) == 2)
        os.kill(first, signal.SIGTERM)
        assert shared.read_close() == 1001
        assert server.child.wait(DEADLINE_SECONDS) == 0, server.text()
    with Server(site.command()) as server:
        # Elsewhere it adopts what its own programs leave.
        statuses_are_told(server)
        until("nothing is left", lambda: not children_of(server.pid))
        raw = Socket(server, "/lines/daemon")
        assert raw.read() == "left"
        raw.send("end")
        assert raw.read_close() == 1000
        sleeping = until("it is there", lambda: [p for p in children_of(server.pid) if is_sleep(p)])
        end(sleeping)
        until("nothing is left", lambda: not children_of(server.pid))


def statuses_are_told(server):
    """Waiting for orphans takes no exit status from others."""
    for status in [0, 3] * 20:
        raw = Socket(server, "/status")
        raw.send(str(status))
        assert raw.read_close() == (1011 if status else 1000)
    assert "with an unknown status" not in server.text(), server.text()
    assert server.threads_named("orphans") == 1


def namespace():
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--pid", "--fork", "--mount-proc", "--kill-child"]


def only_child_of(process):
    return int(Path(f"/proc/{process}/task/{process}/children").read_text())


def children_of(process):
    """Those of all of its threads, zombies as well."""
    lists = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    return [int(child) for text in lists for child in text.split()]


def inner(first):
    """All processes of the namespace whose process 1 this one is, zombies as well."""
    found = []
    for process in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            continue
        # A zombie has no namespaces to look at, and is numbered in each that it was in.
        numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
        if len(numbers) > 2 and (process == first or is_below(process, first)):
            found.append(process)
    return sorted(found)


def is_below(process, ancestor):
    while process > 1:
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            return False
        process = int(stat.rsplit(")", 1)[1].split()[1])
        if process == ancestor:
            return True
    return False


def is_sleep(process):
    try:
        return Path(f"/proc/{process}/comm").read_text() == "sleep\n"
    except OSError:
        return False


def end(processes):
    for process in processes:
        os.kill(process, signal.SIGKILL)


def ipv6_is_not_there(machine):
    """What is left of the addresses is served, and the log has what is not."""
    site = Site(machine, {}, "[server]\ndocument-root: {root}\n")
    (site.place / "page.txt").write_text("a page")
    port, files = str(free_port()), ["-s", str(site.place / "files")]
    (site.place / "files").mkdir()
    (site.place / "files" / "page.txt").write_text("a page")
    filtered = [sys.executable, str(Path(refuse.__file__)), refuse.NO_IPV6]
    for hosts, missing in [("localhost", None), ("0.0.0.0 ::", "[::]"), (":: 0.0.0.0", "[::]"),
                           ("127.0.0.1 ::1", "[::1]"), ("::1 127.0.0.1", "[::1]")]:
        flags = [flag for host in hosts.split() for flag in ("-o", host)]
        with Server([*filtered, *site.command(*flags, "-p", port, *files)]) as server:
            assert server.get("/page.txt") == (200, b"a page"), hosts
            if missing:
                line = f"{missing}:{port} is left out, which this machine does not have: Address family"
                until(f"the log has {line}", lambda: line in server.text())
    for host in ["::", "::1"]:
        command = [*filtered, *site.command("-o", host, "-p", port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
        assert ended.returncode == 3, ended
        assert f"cannot bind [{host}]:{port}: " in ended.stderr, ended
        assert "where there is no IPv6, listen on 0.0.0.0" in ended.stderr, ended


def free_port():
    """One that nobody else takes, in a network of its own."""
    with socket.socket() as stream:
        stream.bind(("127.0.0.1", 0))
        return stream.getsockname()[1]


def the_wildcard_is_for_both(machine):
    """Whatever the system has been set to."""
    Path("/proc/sys/net/ipv6/bindv6only").write_text("1\n")
    site = Site(machine, {}, "[server]\ndocument-root: {root}\n")
    for hosts in [["::"], ["0.0.0.0", "::"]]:
        port, flags = free_port(), [flag for host in hosts for flag in ("-o", host)]
        with Server(site.command(*flags, "-p", str(port))) as server:
            for address in ["127.0.0.1", "::1"]:
                with socket.create_connection((address, port), timeout=DEADLINE_SECONDS) as stream:
                    stream.sendall(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert stream.recv(100).startswith(b"HTTP/1.1 204 "), address
            assert "left out" not in server.text(), server.text()


def in_a_network(run):
    """Runs it in a network of its own, of which only the loopback is there."""

    def alone():
        child = os.fork()
        if child == 0:
            status = 1
            try:
                enter_network()
                run()
                status = 0
            finally:
                sys.stderr.flush()
                if status:
                    import traceback

                    traceback.print_exc()
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "see above"

    return alone


def enter_network():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "there is no network of its own")
    with socket.socket() as stream:
        up = struct.pack("16sh", b"lo", IFF_UP)
        fcntl.ioctl(stream, SIOCSIFFLAGS, up)


def texts_are_utf_8(machine, name):
    """A program that goes by its locale reads and writes what sockets have."""
    word, text = CAPITALS[name]
    place = shutil.which(name)
    # The compiler stands for what runs a source.
    place = os.path.dirname(place) if name == "javac" else place
    site = Site(machine, {word: text.format(place)}, FEW)
    with Server(site.command()) as server:
        raw = Socket(server, f"/{word}")
        assert raw.ask("gr\u00fcn \u2192") == "GR\u00dcN \u2192", server.text()


def locales_and_variables_are_given(machine):
    programs = {"plain": VARIABLES, "passed": VARIABLES, "set": VARIABLES}
    site = Site(machine, programs, LOCALES)
    unset = ["env", "-u", "LANG", "-u", "LC_ALL"]
    for given, rows in [
        ([], {"plain": "C.UTF-8//1/", "passed": "C.UTF-8//1/a # b", "set": "C//2/"}),
        (
            ["LANG=C", "LC_ALL=POSIX"],
            {"plain": "C.UTF-8//1/", "passed": "C/POSIX/1/a # b", "set": "C//2/"},
        ),
    ]:
        with Server([*unset, *given, *site.command()]) as server:
            for path, expected in rows.items():
                assert Socket(server, f"/{path}").read() == expected, (path, given)


def descriptors_are_left_for_programs(machine):
    """Each socket that is admitted has its process, however many come."""
    site = Site(machine, {"cat": "#!/bin/sh\nexec cat\n"}, FEW)
    limited = ["sh", "-c", 'ulimit -n 256 && exec "$@"', "sh"]
    with Server([*limited, *site.command()]) as server:
        let_in, refused = [], []
        for _ in range(60):
            try:
                let_in.append(Socket(server, "/cat"))
            except Refused as head:
                refused.append(str(head).split(" ")[1])
        assert len(let_in) > 20 and set(refused) == {"503"}, (len(let_in), refused)
        assert "open files" not in server.text(), server.text()
        assert [raw.ask("hello") for raw in let_in] == ["hello"] * len(let_in)


def succeeds(command):
    try:
        return subprocess.run(command, capture_output=True, timeout=DEADLINE_SECONDS).returncode == 0
    except OSError:
        return False


def cases(machine, no_filter):
    """Each with its name, and what it lacks on this machine if it cannot be run."""
    can_unshare = succeeds([*namespace(), "true"])
    no_namespace = None if can_unshare else "a namespace of processes needs root or user namespaces"
    yield "process 1", no_namespace, lambda: orphans_are_waited_for(machine)
    no_network = None if succeeds(["unshare", "--net", "true"]) else "a network of its own needs root"
    machine_lacks = no_filter or no_network
    if not refuse.SOCKET or sys.byteorder != "little":
        machine_lacks = "no-ipv6 is for x86-64 and aarch64"
    yield "no IPv6", machine_lacks, in_a_network(lambda: ipv6_is_not_there(machine))
    has_ipv6 = Path("/proc/sys/net/ipv6/bindv6only").exists()
    lacks = no_network or (None if has_ipv6 else "this kernel has no IPv6")
    yield "IPv6 alone", lacks, in_a_network(lambda: the_wildcard_is_for_both(machine))
    for name in CAPITALS:
        lacks = None if shutil.which(name) else f"{name} is not installed"
        yield f"a locale for {name}", lacks, lambda name=name: texts_are_utf_8(machine, name)
    yield "variables", None, lambda: locales_and_variables_are_given(machine)
    yield "few descriptors", None, lambda: descriptors_are_left_for_programs(machine)


CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
