"""What benches/compare, benches/programs and benches/small share: how servers are built, this one
and those of others, and what a script is.

Servers of others are built in target/peers, from pinned versions. One whose package manager or
compiler is missing is skipped, and a line says so.
"""
import os
import platform
import re
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(HERE)
BUILT = os.path.join(ROOT, "target", "peers")
RESULTS = os.path.join(HERE, "results")


class Unmeasured(Exception):
    """Why nothing can be measured, such as words of the command line that mean nothing."""


class Skipped(Unmeasured):
    """A server that cannot be measured, and why."""


class Failed(Skipped):
    """A command that failed, with what it had said until then."""

    def __init__(self, text, output):
        super().__init__(text)
        self.output = output


def script(name, main):
    """Runs a script's `main`, which returns the exit status, and exits."""
    for number in [signal.SIGHUP, signal.SIGTERM]:
        # A parent that ignores a signal, as nohup does, wants us to go on.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(main())
    except Unmeasured as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def arguments(about, servers, valued):
    """The options of the command line, each with its value; some have none."""
    options = {"--servers": list(servers)}
    words = iter(sys.argv[1:])
    for word in words:
        if word in ["--quick", "--tls", "--deflate"]:
            options[word] = None
        elif word in ["--servers", *valued]:
            options[word] = next(words, "")
        else:
            raise Unmeasured(about.replace("SERVERS", ", ".join(servers)))
    if isinstance(options["--servers"], str):
        options["--servers"] = options["--servers"].split(",")
    unknown = [name for name in options["--servers"] if name not in servers]
    if unknown:
        raise Unmeasured(f"{unknown} are none of {list(servers)}")
    return options


def cargo(*words, names):
    """Has cargo build what the words say; returns the paths of the programs of these names."""
    command = ["cargo", *words, "--locked", "--message-format=json-render-diagnostics"]
    text = run(command, stdout=subprocess.PIPE)
    paths = dict(re.findall(r'"name":"(\w+)".*?"executable":"(.*?)"', text))
    try:
        return [paths[name] for name in names]
    except KeyError as name:
        raise Skipped(f"cargo did not say where it has put {name}") from None


def build(names, builders, binary):
    """Builds the servers of these names; returns their commands and versions by name."""
    servers = {}
    for name in names:
        print(f"building {name}", file=sys.stderr)
        try:
            servers[name] = builders[name](name, binary)
        except Skipped as reason:
            print(f"{name}: skipped: {reason}", file=sys.stderr)
    if not servers:
        raise Unmeasured("there is no server left to measure")
    return servers


def own(_name, binary):
    version = run([binary, "--version"], stdout=subprocess.PIPE).split()[-1]
    return f"{binary} --quiet --port {{port}}", version


def crate(name, _binary):
    """A Rust program with a lock file, compiled as our release build is."""
    source, target = os.path.join(HERE, "peers", name), os.path.join(BUILT, name)
    run(["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", target,
         "--manifest-path", os.path.join(source, "Cargo.toml")])
    with open(os.path.join(source, "Cargo.lock")) as lock:
        version = re.search(rf'name = "{name}"\nversion = "(.*)"', lock.read())[1]
    return f"{target}/release/peer {{port}}", version


def package(name):
    """Installs the packages of a folder, unless they are there; returns that folder, and the one
    where they are."""
    source, target = os.path.join(HERE, "peers", name), os.path.join(BUILT, name)
    os.makedirs(target, exist_ok=True)
    pins, installed = [os.path.join(path, "package-lock.json") for path in (source, target)]
    stamp = os.path.join(target, "node_modules", ".pins")
    if read(pins) != read(stamp):
        for path in ["package.json", "package-lock.json"]:
            shutil.copy(os.path.join(source, path), target)
        run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=target)
        shutil.copy(installed, stamp)
    return source, target


def node(name, _binary):
    source, target = package(name)
    version = run(["node", "--version"], stdout=subprocess.PIPE).strip()
    pinned = re.search(r'"ws": "(.*)"', read(os.path.join(source, "package.json")))[1]
    return f"node {source}/server.mjs {{port}} {target}", f"{pinned} on Node {version}"


def bun(name, _binary):
    source, target = package(name)
    program = f"{target}/node_modules/.bin/bun"
    version = run([program, "--version"], stdout=subprocess.PIPE).strip()
    return f"{program} {source}/server.js {{port}}", version


def libwebsockets(name, _binary):
    target = os.path.join(BUILT, name)
    os.makedirs(target, exist_ok=True)
    try:
        run(["gcc", "-O3", "-flto", "-o", f"{target}/peer",
             os.path.join(HERE, "peers", name, "server.c"), "-lwebsockets"])
        version = run(["pkg-config", "--modversion", name], stdout=subprocess.PIPE).strip(" \n-")
    except Skipped as reason:
        needed = "it needs gcc, pkg-config and libwebsockets-dev (apt-get install)"
        raise Skipped(f"{reason}; {needed}") from None
    return f"{target}/peer {{port}}", version


# By the names that tables have; what builds them.
PEERS = {
    "fastwebsockets": crate,
    "tokio-tungstenite": crate,
    "libwebsockets": libwebsockets,
    "bun": bun,
    "node-ws": node,
}


def conditions(servers):
    """What was measured, and where."""
    processor = re.search(r"model name\s*: (.*)", read("/proc/cpuinfo") or "")
    versions = ", ".join(f"{name} {version}" for name, (_, version) in servers.items())
    return (f"{versions}. {processor[1] if processor else platform.machine()}, "
            f"{os.cpu_count()} processors, Linux {platform.release().split('-')[0]}.\n")


def run(command, cwd=ROOT, stdout=sys.stderr):
    """Runs a command to its end, which an interruption of ours brings about, and returns what it
    wrote where that is asked for."""
    try:
        child = subprocess.Popen(command, cwd=cwd, stdout=stdout, text=True)
    except OSError as error:
        raise Skipped(f"{command[0]}: {error.strerror}") from None
    try:
        output, _ = child.communicate()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
    if child.returncode != 0:
        raise Failed(f"{' '.join(command[:3])} failed", output or "")
    return output or ""


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None
