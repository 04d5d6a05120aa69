"""Uses the packages as their users do; `run` builds them and starts this."""

import filecmp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import ALONE, Impossible, Machine, enter, spend_a_day, until, visit
from terminal import Terminal
from client import DEADLINE_SECONDS, Server, Socket

CONFIGURATION = "/etc/switchboard/server.conf"
UNIT = "switchboard.service"
# The changes of the administrator.
CHANGED = "[server]\nport: 8080\nstatic-root: none\n"


def main():
    first, old, new, image, arm = map(Path, sys.argv[1:])
    results = [
        check("what is built again has the same bytes", lambda: is_reproduced(first, old, image)),
        check("the package is what lintian accepts", lambda: lintian(old)),
        check("the image is started", lambda: starts(image)),
        check("the image has what is in the Dockerfile", lambda: follows_the_dockerfile(image)),
        check("the binary for aarch64 serves", lambda: serves_elsewhere(arm)),
    ]
    try:
        with Machine() as machine:
            for name, body in CASES:
                results.append(check(name, lambda: body(machine, old, new)))
    except Impossible as error:
        print(f"skipped {len(CASES)} cases of apt: {error}", file=sys.stderr)
        results += [None] * len(CASES)
    passed, failed, skipped = (results.count(kind) for kind in (True, False, None))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 75 if skipped else 0


def check(name, body):
    try:
        body()
    except Exception as error:  # whatever it is, the others are tried as well
        print(f"FAILED  {name}\n        {type(error).__name__}: {error}", flush=True)
        return False
    print(f"ok      {name}", flush=True)
    return True


def output(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


# Files.


def is_reproduced(first, *packages):
    for package in packages:
        assert filecmp.cmp(first / package.name, package, shallow=False), package.name


def lintian(package):
    said = output("lintian", "--allow-root", "--fail-on", "error,warning", str(package))
    assert said == "", said
    files = output("dpkg-deb", "--contents", str(package))
    for path in ["usr/bin/switchboard", "etc/switchboard/server.conf", "man1/switchboard.1.gz",
                 "man5/server.conf.5.gz", "system/switchboard.service", "docs/operation.md",
                 "system/switchboard.socket", "sysusers.d/switchboard.conf", "doc/switchboard/notices"]:
        assert path in files, f"it lacks {path}"


# The image.


def unpacked(image, folder):
    """Its files, and how a container of it begins."""
    layout = f"{image.with_suffix('')}:switchboard:{version()}"
    output("umoci", "unpack", "--image", layout, str(folder / "bundle"))
    bundle = folder / "bundle"
    return bundle / "rootfs", json.loads((bundle / "config.json").read_text())


def starts(image):
    with tempfile.TemporaryDirectory() as folder:
        root, configuration = unpacked(image, Path(folder))
        child = subprocess.Popen(
            [*ALONE, sys.executable, __file__, "--enter", str(root), json.dumps(configuration)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        try:
            lines = iter(child.stdout.readline, "")
            assert any("listening on http://0.0.0.0:12345" in line for line in lines), "it ends"
            children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text()
            server = int(children)
            status = Path(f"/proc/{server}/status").read_text()
            user, = re.findall(r"^Uid:\s+(\d+)", status, re.M)
            assert user == "65532", user
            visit(server, 12345)
            os.kill(server, signal.SIGTERM)
            assert child.wait(DEADLINE_SECONDS) == 0
        finally:
            child.kill()
            child.wait()


def follows_the_dockerfile(image):
    archive = f"oci-archive:{image}:switchboard:{version()}"
    assert json.loads(output("skopeo", "inspect", archive))["Architecture"] == "amd64"
    found = json.loads(output("skopeo", "inspect", "--config", archive))["config"]
    said = dict(re.findall(r"^([A-Z]+) (.*)$", Path("packaging/Dockerfile").read_text(), re.M))
    assert said["FROM"] == "scratch" and said["COPY"] == ". /"
    expected = {
        "User": said["USER"], "WorkingDir": said["WORKDIR"], "StopSignal": said["STOPSIGNAL"],
        "Env": [said["ENV"]], "Entrypoint": json.loads(said["ENTRYPOINT"]),
        "Cmd": json.loads(said["CMD"]), "ExposedPorts": {f"{said['EXPOSE']}/tcp": {}},
    }
    assert found == expected, f"{found} is not {expected}"


# Another processor.


def serves_elsewhere(arm):
    assert "ARM aarch64" in output("file", str(arm)) and "statically" in output("file", str(arm))
    with tempfile.TemporaryDirectory() as folder:
        with Server(["qemu-aarch64-static", str(arm.resolve()), "-p", "0"], cwd=folder) as server:
            echo = Socket(server, "/echo")
            assert echo.ask("hello") == "hello"
            assert server.get("/demo_chatroom")[0] == 200
            server.stop([echo])


# The package of Debian.


def install(machine, package):
    shutil.copy(package, machine.path("/root/switchboard.deb"))
    machine.run("apt-get", "install", "--yes", "--no-install-recommends", "/root/switchboard.deb")


def is_installed(machine, old, _):
    """apt starts the service as a user of its own, and enables it."""
    install(machine, old)
    assert machine.run("systemctl", "is-enabled", UNIT).stdout == "enabled\n"
    assert machine.run("systemctl", "is-active", UNIT).stdout == "active\n"
    assert machine.run("systemctl", "is-enabled", "switchboard.socket", check=False).stdout == \
        "disabled\n"
    user = machine.run("ps", "-o", "user:20=", "-p", machine.show(UNIT, "MainPID")).stdout
    assert user.strip() == "switchboard", user
    said = machine.run("ldd", "/usr/bin/switchboard", check=False)
    assert re.search("statically linked|not a dynamic", said.stdout + said.stderr), said
    visit(machine.first, 12345)


ADMIN_SOCKET = """[Socket]
ListenStream=/run/switchboard-admin.sock
FileDescriptorName=admin
SocketMode=0660
SocketGroup=adm
Service=switchboard.service

[Install]
WantedBy=sockets.target
"""


def serves_operators(machine, *_):
    """Root and the group of the server by a Unix socket, and all that only look on loopback."""
    unix = "--unix-socket", "/run/switchboard/admin.sock", "http://localhost/log-level?level=info"
    tcp = "http://127.0.0.1:9345"

    def curl(*words, within=()):
        words = "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", *words
        return machine.run(*within, *words, check=False).stdout

    def user(name, *groups):
        groups = ("--groups", ",".join(groups)) if groups else ("--clear-groups",)
        return "setpriv", "--reuid", name, "--regid", "nogroup", *groups

    post = "--request", "POST", *unix
    assert curl(*post) == "200"
    assert curl(*post, within=user("nobody", "switchboard")) == "200"
    assert curl(*post, within=user("nobody")) == "000"
    for path in ["/healthz", "/readyz", "/status", "/metrics"]:
        assert curl(f"{tcp}{path}", within=user("nobody")) == "200", path
    assert curl("--request", "POST", f"{tcp}/drain") == "403"
    # The socket of docs/operators.md that programs cannot reach.
    machine.path("/etc/systemd/system/switchboard-admin.socket").write_text(ADMIN_SOCKET)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "stop", UNIT)
    machine.run("systemctl", "enable", "--now", "switchboard-admin.socket", UNIT)
    post = [word.replace("switchboard/admin", "switchboard-admin") for word in post]
    assert curl(*post) == "200"
    assert curl(*post, within=user("nobody", "adm")) == "200"
    assert curl(*post, within=user("switchboard", "switchboard")) == "000"
    assert curl(f"{tcp}/healthz") == "000", "it is in place of those of the configuration"
    visit(machine.first, 12345)
    machine.run("systemctl", "disable", "--now", "switchboard-admin.socket")
    machine.path("/etc/systemd/system/switchboard-admin.socket").unlink()
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", UNIT)


def pages_are_shown(machine, *_):
    for words, expected in [
        (("switchboard",), "--list-services"), (("5", "server.conf"), "max-message: 1m"),
    ]:
        shown = machine.run("man", "--warnings", *words)
        assert shown.stderr == "", shown.stderr
        assert expected in shown.stdout, shown.stdout
    for page in ["man1/switchboard.1.gz", "man5/server.conf.5.gz"]:
        machine.run("lexgrog", f"/usr/share/man/{page}")


def completions_are_given(machine, *_):
    """bash and zsh at a terminal; fish says what it would show."""
    bash = "bash", "--norc", "--noprofile", "-i"
    load = "source /usr/share/bash-completion/bash_completion"
    zsh = "zsh", "-f", "-i"
    for shell, line in [(bash, load), (zsh, "autoload -Uz compinit; compinit -u -d /tmp/dump")]:
        with Terminal(machine.within(*shell), line, "cd /etc/switchboard") as terminal:
            terminal.type("switchboard --list-s\t\n", "/demo_chatroom")
            # With an incomplete word, these would be errors.
            terminal.type("switchboard --mode=per\t--framing by\t--check-config\n", "is good")
            terminal.type("switchboard -c /etc/switchboard/ser\t--check-config\n", "is good")
            terminal.type("switchboard -s /usr/sha\t --check-config\n", "is good")
    help = machine.run("switchboard", "--help").stdout
    flags = {word for word in re.findall(r"--[a-z-]+", help.split("\n\nA flag")[0])}
    assert len(flags) > 10

    def candidates(line):
        shown = machine.run("fish", "-c", f"complete -C '{line}'").stdout
        return {line.split("\t")[0] for line in shown.splitlines()}

    assert candidates("switchboard --") == flags
    assert candidates("switchboard --mode ") == {"per-socket", "shared"}
    assert candidates("switchboard -s /usr/sha") == {"/usr/share/"}


def configuration_is_reloaded(machine, *_):
    """The unit refuses a file with a fault, and goes on."""
    machine.run("systemctl", "reload", UNIT)
    before = machine.show(UNIT, "MainPID")
    shipped = machine.path(CONFIGURATION).read_text()
    machine.path(CONFIGURATION).write_text("nonsense\n")
    assert machine.run("systemctl", "reload", UNIT, check=False).returncode != 0
    assert machine.show(UNIT, "MainPID") == before
    machine.path(CONFIGURATION).write_text(shipped.replace("[server]\n", CHANGED, 1))
    machine.run("systemctl", "restart", UNIT)
    visit(machine.first, 8080)


def is_upgraded(machine, _, new):
    """The new server runs at once, with the configuration of the administrator."""
    before, changed = machine.show(UNIT, "MainPID"), machine.path(CONFIGURATION).read_text()
    install(machine, new)
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "switchboard").stdout.endswith("-2")
    assert machine.path(CONFIGURATION).read_text() == changed
    assert machine.show(UNIT, "MainPID") not in (before, "0")
    assert machine.run("systemctl", "is-active", UNIT).stdout == "active\n"
    visit(machine.first, 8080)


def stays_disabled(machine, *_):
    """What the administrator has stopped and disabled is not started by an upgrade."""
    machine.run("systemctl", "disable", "--now", UNIT)
    machine.run("apt-get", "install", "--yes", "--reinstall", "/root/switchboard.deb")
    assert machine.run("systemctl", "is-enabled", UNIT, check=False).stdout == "disabled\n"
    assert machine.processes("switchboard") == []


def socket_starts_it(machine, *_):
    """The port of the other unit, which the first connection takes."""
    machine.run("systemctl", "enable", "--now", "switchboard.socket")
    assert machine.processes("switchboard") == []
    visit(machine.first, 12345)
    assert len(machine.processes("switchboard")) == 1


def is_removed(machine, *_):
    """The server ends, also with a socket that would start it, and what was changed stays."""
    machine.run("apt-get", "remove", "--yes", "switchboard")
    assert machine.processes("switchboard") == []
    assert not machine.path("/usr/bin/switchboard").exists()
    assert machine.path(CONFIGURATION).exists()
    state = machine.run("systemctl", "show", "--value", "-p", "LoadState", UNIT).stdout
    assert state == "not-found\n", state


def is_purged(machine, old, _):
    """Nothing of it is left but its user. Until then it is disabled, as before."""
    install(machine, old)
    assert machine.processes("switchboard") == []
    machine.run("systemctl", "enable", "--now", UNIT)
    visit(machine.first, 8080)
    machine.run("apt-get", "purge", "--yes", "switchboard")
    assert machine.processes("switchboard") == []
    for folder in ["/etc/switchboard", "/var/lib/switchboard", "/usr/share/doc/switchboard"]:
        assert not machine.path(folder).exists(), folder
    left = machine.run("find", "/etc/systemd", "/var/lib/systemd", "/usr/lib/systemd", "-name",
                       "switchboard*").stdout
    assert left == "", left
    machine.run("getent", "passwd", "switchboard")


def is_used_for_a_day(machine, old, _):
    spend_a_day(machine.first, str(old))


def version():
    return re.search(r'^version = "(.*)"', Path("Cargo.toml").read_text(), re.M)[1]


CASES = [
    ("apt installs it, and it serves", is_installed),
    ("operators are served, and nobody else commands", serves_operators),
    ("its manual pages have no warnings", pages_are_shown),
    ("three shells complete its flags", completions_are_given),
    ("a configuration is reloaded", configuration_is_reloaded),
    ("an upgrade starts the new server", is_upgraded),
    ("an upgrade starts nothing that is disabled", stays_disabled),
    ("the socket unit starts it", socket_starts_it),
    ("its removal ends it", is_removed),
    ("a purge leaves nothing", is_purged),
    ("an operator has a day with it", is_used_for_a_day),
]

if __name__ == "__main__":
    if sys.argv[1] == "--enter":
        enter(json.loads(sys.argv[3]), sys.argv[2])
    sys.exit(main())
