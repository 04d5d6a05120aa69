"""A machine of its own: systemd in namespaces, over a view of the files of this one."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sandbox"))
from client import DEADLINE_SECONDS, until  # noqa: E402

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
}
ALONE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc"]


class Impossible(Exception):
    """This machine cannot have one."""


class Running:
    """A machine that runs, by its first process."""

    def __init__(self, first):
        self.first = first

    def run(self, *words, check=True, text=None):
        """Runs a command in it, as root."""
        done = subprocess.run(
            self.within(*words), env=ENVIRONMENT, input=text, capture_output=True, text=True,
            timeout=3 * DEADLINE_SECONDS,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def within(self, *words):
        namespaces = ["--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net", "--root", "--wd"]
        return ["nsenter", "--target", str(self.first), *namespaces, *words]

    def path(self, path):
        """A file of it, as it is called here."""
        return Path(f"/proc/{self.first}/root{path}")

    def show(self, unit, name):
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def processes(self, name):
        """The processes in it that are called so."""
        return self.run("pgrep", "--exact", name, check=False).stdout.split()


class Machine(Running):
    """Use it in a `with`; whatever happens in it is gone at the end."""

    def __init__(self):
        super().__init__(None)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        boot = Path(__file__).with_name("machine")
        command = [*ALONE, "--cgroup", "--mount-proc", boot, self.folder.name]
        self.log = tempfile.TemporaryFile("w+")
        self.outer = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT
        )
        try:
            until("systemd runs", self._is_booted)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _is_booted(self):
        if self.outer.poll() is not None:
            self.log.seek(0)
            raise Impossible(f"systemd does not boot here: {self.log.read().strip()}")
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text()
        if not children:
            return False
        self.first = int(children)
        if Path(f"/proc/{self.first}/comm").read_text() != "systemd\n":
            return False
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in (
            "running", "degraded")

    def __exit__(self, *_):
        # The end of its first process ends all others.
        self.outer.kill()
        self.outer.wait()
        self.log.close()
        self.folder.cleanup()


def visit(process, port):
    """Has the server on this port, in the network of a process, looked at by a browser."""
    script = str(Path(__file__).with_name("visit.py"))
    subprocess.run(["nsenter", "--target", str(process), "--net", sys.executable, script, str(port)],
                   check=True, timeout=3 * DEADLINE_SECONDS)


def spend_a_day(process, package):
    """Has an operator use the package, in the network of a machine. See day.py."""
    script = str(Path(__file__).with_name("day.py"))
    command = ["nsenter", "--target", str(process), "--net", sys.executable, script]
    done = subprocess.run([*command, str(process), package], capture_output=True, text=True,
                          timeout=20 * DEADLINE_SECONDS)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def own_network_is_up():
    """Where there is no systemd, which does it."""
    import fcntl
    import socket
    import struct

    with socket.socket() as stream:
        fcntl.ioctl(stream, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def enter(configuration, root):
    """Becomes the process that a container begins with, without most of the walls around it."""
    own_network_is_up()
    Path(root, "proc").mkdir()
    subprocess.run(["mount", "-t", "proc", "proc", f"{root}/proc"], check=True)
    process = configuration["process"]
    os.chroot(root)
    os.chdir(process["cwd"])
    os.setgroups([])
    os.setgid(process["user"]["gid"])
    os.setuid(process["user"]["uid"])
    environment = dict(pair.split("=", 1) for pair in process["env"])
    os.execve(process["args"][0], process["args"], environment)
