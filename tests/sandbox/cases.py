"""What has to hold wherever the server runs, and what differs: run by tests/sandbox/run."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import containers
import refuse
import troubles
from client import DEADLINE_SECONDS, Refused, Server, Socket, until

HERE = Path(__file__).resolve().parent
# One process for all sockets: it answers texts, and `pid` with its number. After `deaf` it neither
# reads nor says anything more.
SHARED = r"""#!/bin/sh
echo 'READY 1'
while read -r verb id rest; do
  case $verb in
    OPEN) while read -r line && [ -n "$line" ]; do :; done ;;
    TEXT)
      read -r text
      [ "$text" != deaf ] || { exec >&-; read -r _ <_never; }
      [ "$text" != pid ] || text=$$
      printf 'TEXT %s +%d\n%s\n' "$id" ${#text} "$text" ;;
  esac
done
"""
# One for each: `end` ends it as it should.
LINES = r"""#!/bin/sh
while read -r line; do
  case $line in
    pid) echo $$ ;;
    end) exit 0 ;;
    *) echo "$line" ;;
  esac
done
"""
CONFIGURATION = """[server]
port: 0
host: 127.0.0.1
document-root: {root}/programs
static-root: {root}/files

[service /kept]
on-death: keep

[service /deep/lines]
mode: per-socket
"""
# Nobody's, so that its threads are the server's alone.
USER = 54321


def lay_out(folder, root):
    """What is served, in a folder whose path is `root` for the server."""
    for name, text in [("shared", SHARED), ("kept", SHARED), ("deep/lines", LINES)]:
        program = folder / "programs" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    # Who reads it waits for ever.
    os.mkfifo(folder / "programs" / "_never")
    inner = folder / "files" / "a" / "b"
    inner.mkdir(parents=True)
    for place in [folder / "files", inner]:
        (place / "page.txt").write_text("a page")
    (folder / "outside").mkdir()
    (folder / "outside" / "page.txt").write_text("a secret")
    (folder / "files" / "inner").symlink_to("a/b")
    (folder / "files" / "out").symlink_to("../outside")
    (folder / "files" / "out.txt").symlink_to("../outside/page.txt")
    (folder / "server.conf").write_text(CONFIGURATION.format(root=root))


def lay_out_chroot(folder, binary):
    """A root with the server, a shell, their libraries, and no device but one. Before Linux 3.17 the
    standard library has its random numbers from there; a file of them does for a test."""
    lay_out(folder, "")
    (folder / "dev").mkdir()
    for name in ["random", "urandom"]:
        (folder / "dev" / name).write_bytes(os.urandom(4096))
    for place, file in [("switchboard", binary), ("bin/sh", "/bin/sh")]:
        copy(file, folder / place)
        listed = subprocess.run(["ldd", file], capture_output=True, text=True)
        for library in set(re.findall(r"(/\S+) \(0x", listed.stdout)):
            copy(library, folder / library.lstrip("/"))
    # Any user that runs it has to get in.
    folder.chmod(0o755)


def copy(source, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(os.path.realpath(source), place)


def is_alive(process):
    """Also a zombie."""
    return Path(f"/proc/{process}").exists()


def descriptors_of(process):
    return sorted(int(number) for number in os.listdir(f"/proc/{process}/fd"))


def programs_live(server, by_threads):
    """Programs are served, seen to die, and started again. `by_threads`: how many threads wait for a
    program."""
    one, two = Socket(server, "/shared"), Socket(server, "/shared")
    assert one.ask("hello") == "hello"
    process = int(one.ask("pid"))
    assert process == int(two.ask("pid")), "there is one for all"
    expect_threads(server, by_threads)
    lines = [Socket(server, "/deep/lines") for _ in range(3)]
    own = [int(line.ask("pid")) for line in lines]
    assert len({process, *own}) == 4, "each has its own"
    expect_threads(server, 4 * by_threads)
    for program in [process, own[0]]:
        # The shell keeps its script open, closed to whatever it executes.
        inherited = [number for number in descriptors_of(program) if number not in (10, 255)]
        assert inherited == [0, 1, 2], f"{program} inherits {inherited}"
    os.kill(process, signal.SIGKILL)
    assert [one.read_close(), two.read_close()] == [1012, 1012]
    until("the program has gone", lambda: not is_alive(process))
    again = Socket(server, "/shared")
    assert int(again.ask("pid")) != process
    assert [line.ask("still") for line in lines] == ["still"] * 3
    os.kill(own[0], signal.SIGKILL)
    lines[1].send("end")
    assert [lines[0].read_close(), lines[1].read_close()] == [1011, 1000]
    lines[2].drop()
    until("they have gone", lambda: not any(is_alive(process) for process in own))
    expect_threads(server, by_threads)
    last = int(again.ask("pid"))
    # So that it has not read all when its input ends: the shell reads byte by byte.
    again.send(*["x" * 100] * 100)
    server.stop([again])
    until("the last has gone", lambda: not is_alive(last))
    # It has read all, and then seen the end of its input.
    gone = f"process {last}: it has gone: it exited with exit status: 0"
    until(f"the log has {gone!r}", lambda: gone in server.text())


def expect_threads(server, count):
    """A thread takes its name, and ends, a moment after what it is for."""
    until(f"{count} threads wait for programs", lambda: server.threads_named("exit") == count)


def files_are_served(server):
    for path in ["/page.txt", "/a/b/page.txt", "/inner/page.txt"]:
        assert server.get(path) == (200, b"a page"), f"{path}: {server.get(path)}"
    for path in ["/out/page.txt", "/out.txt", "/nothing", "/outside/page.txt", "/a/b/"]:
        assert server.get(path)[0] == 404, f"{path}: {server.get(path)}"


def sockets_outlive_their_program(server):
    raw = Socket(server, "/kept")
    process = int(raw.ask("pid"))
    # Both are in its pipe before its output has ended; the next one gets what it has not read.
    raw.send("deaf", "pid")
    assert int(raw.read()) != process


class Machine:
    """How the server is started."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def plain(self, *filters):
        """Under filters, and with descriptors that it should not pass on."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        lay_out(place, place)
        read, write = os.pipe()
        # One with a number that no table of descriptors begins with.
        high = os.dup2(read, 900)
        command = [self.binary, "-c", place / "server.conf"]
        try:
            return Server(refused(filters, command), [read, write, high])
        finally:
            for descriptor in [read, write, high]:
                os.close(descriptor)

    def chroot(self, *filters, user=None):
        place = Path(tempfile.mkdtemp(dir=self.folder))
        lay_out_chroot(place, self.binary)
        as_user = [f"--userspec={user}:{user}"] if user else []
        command = [chroot(), *as_user, place, "/switchboard", "-c", "/server.conf"]
        return Server(refused(filters, [*as_root(), *command]))


def refused(filters, command):
    for name in filters:
        command = [sys.executable, HERE / "refuse.py", name, *command]
    return [str(word) for word in command]


def chroot():
    return shutil.which("chroot", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "chroot"


def as_root():
    return [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]


def succeeds(command):
    try:
        return subprocess.run(command, capture_output=True, timeout=DEADLINE_SECONDS).returncode == 0
    except OSError:
        return False


def the_process_is_as_it_was(machine):
    """What cannot be asked for is warned of once, and everything works; otherwise nothing is warned of."""
    warnings = ["programs of this user can read the memory", "outlives the server, since this system"]
    for filters, count in [([refuse.NO_PRCTL], 1), ([], 0)]:
        with machine.plain(*filters) as server:
            programs_live(server, 0)
            assert [server.text().count(text) for text in warnings] == [count] * 2, server.text()


def no_thread_is_left(machine):
    """A program whose end could not be noticed is not run, and the log says why."""
    with machine.chroot("missing", user=USER) as server:
        first = Socket(server, "/deep/lines")
        assert first.ask("hello") == "hello"
        tasks = sum(tasks_of(process) for process in [server.pid, int(first.ask("pid"))])
        # The limit lets the process start, but not its thread.
        limit_tasks(server.pid, tasks + 1)
        try:
            Socket(server, "/deep/lines")
            raise AssertionError("it is served")
        except Refused as refused:
            assert " 503 " in str(refused) and "Retry-After: " in str(refused), refused
        until("it is logged", lambda: "no thread left that could wait" in server.text())
        assert first.ask("still") == "still"
        limit_tasks(server.pid, tasks + 100)
        second = Socket(server, "/deep/lines")
        assert second.ask("again") == "again"
        server.stop([first, second])


def no_process_is_left(machine):
    """A program that the system has no capacity for is refused for now, and the log names the limits."""
    with machine.chroot(user=USER) as server:
        first = Socket(server, "/deep/lines")
        assert first.ask("hello") == "hello"
        tasks = sum(tasks_of(process) for process in [server.pid, int(first.ask("pid"))])
        for path, room in [("/deep/lines", 0), ("/shared", 0), ("/shared", 1)]:
            # The second one lacks a thread for its service, the third one its process.
            limit_tasks(server.pid, tasks + room)
            refused = until(f"{path} is refused as it should be", lambda: refusal(server, path))
            assert " 503 " in refused and "Retry-After: " in refused, f"{path}, {room}: {refused}"
        for line in ["the system starts no other process: it cannot be started: ",
                     "service /shared: it has ended: there is no thread for it: ",
                     "service /shared: it has ended: it cannot be started: "]:
            until(f"the log has: {line}", lambda: line in server.text())
        for limit in ["ulimit -u", "--pids-limit", "TasksMax"]:
            assert limit in server.text(), server.text()
        assert first.ask("still") == "still"
        limit_tasks(server.pid, tasks + 100)
        second = Socket(server, "/deep/lines")
        # The pause after two failures has an end.
        third = until("it starts", lambda: opened(server, "/shared"))
        assert [second.ask("again"), third.ask("again")] == ["again"] * 2
        server.stop([first, second, third])


def opened(server, path):
    try:
        return Socket(server, path)
    except Refused:
        return None


def refusal(server, path):
    """How a socket is refused, by something else than the pause after a failure."""
    try:
        raise AssertionError(f"it is served: {Socket(server, path)}")
    except Refused as refused:
        return str(refused)


def limit_tasks(process, most):
    """How many processes and threads the user of a process may have for it to begin another."""
    child = os.fork()
    if child == 0:
        # Root may do so only with a capability, and the user anyway.
        try:
            os.setgid(USER)
            os.setuid(USER)
            _, hard = resource.prlimit(process, resource.RLIMIT_NPROC)
            resource.prlimit(process, resource.RLIMIT_NPROC, (most, hard))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the limit cannot be set"


def tasks_of(process):
    return len(os.listdir(f"/proc/{process}/task"))


def cases(machine):
    """Each with its name, and what it lacks on this machine if it cannot be run."""

    def served(start, by_threads):
        def run():
            with start() as server:
                files_are_served(server)
                sockets_outlive_their_program(server)
                expect_threads(server, by_threads)
            with start() as server:
                programs_live(server, by_threads)

        return run

    filtered = succeeds(refused(["missing"], ["true"]))
    no_filter = None if filtered else "the system takes no filters of seccomp"
    can_chroot = succeeds([*as_root(), chroot(), "/", "true"])
    no_chroot = None if can_chroot else "a chroot needs root or user namespaces"
    no_users = None if os.geteuid() == 0 else "another user needs root"
    yield "nothing is refused", None, served(machine.plain, 0)
    for name in refuse.FILTERS:
        reason = no_filter if name in refuse.known() else f"{name} is for x86-64"
        yield name, reason, served(lambda name=name: machine.plain(name), 1)
    yield "chroot", no_chroot, served(machine.chroot, 0)
    has_prctl = refuse.PRCTL and sys.byteorder == "little"
    lacks = no_filter or (None if has_prctl else "no-prctl is for x86-64 and aarch64")
    yield "no prctl", lacks, lambda: the_process_is_as_it_was(machine)
    oldest = refuse.known()[-1]
    inner = served(lambda: machine.chroot(oldest), 1)
    yield f"chroot, {oldest}", no_chroot or no_filter, inner
    no_limit = no_chroot or no_filter or no_users
    yield "no thread is left", no_limit, lambda: no_thread_is_left(machine)
    yield "no process is left", no_chroot or no_users, lambda: no_process_is_left(machine)
    yield from containers.cases(machine, no_filter)
    troubles_of = lambda: troubles.lines_are_as_they_stand_there(machine.binary)
    yield "the log lines of docs/troubleshooting.md and docs/close-codes.md", None, troubles_of


def main():
    binary = os.path.realpath(sys.argv[1])
    passed, failed, lacking = 0, 0, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, reason, run in cases(Machine(binary, folder)):
            if reason:
                print(f"{name}: not run: {reason}")
                lacking[reason] = True
                continue
            try:
                run()
                passed += 1
                print(f"{name}: passed")
            except Exception:
                failed += 1
                traceback.print_exc()
                print(f"{name}: FAILED", flush=True)
    if lacking:
        print(f"sandbox tests: {'; '.join(lacking)}", file=sys.stderr)
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 75 if lacking else 0)


main()
