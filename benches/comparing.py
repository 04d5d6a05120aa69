"""What benches/compare and benches/programs share: they build servers, have `loopback` measure
them in turn, and print what came of it."""
import csv
import os
import platform
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(HERE)
BUILT = os.path.join(ROOT, "target", "peers")
RESULTS = os.path.join(HERE, "results")


class Skipped(Exception):
    """A server that cannot be measured, and why."""


class Failed(Skipped):
    """A command that failed, with what it had said until then."""

    def __init__(self, text, output):
        super().__init__(text)
        self.output = output


def script(name, main):
    """Runs a script's `main`, which gives back the exit status, and exits."""
    for number in [signal.SIGHUP, signal.SIGTERM]:
        # Whoever has a signal ignored, as nohup does, means us to go on.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(main())
    except Skipped as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def arguments(words, about, servers):
    """The options, each with its value; --quick has none."""
    options = {"--servers": list(servers)}
    words = iter(words)
    for word in words:
        if word == "--quick":
            options[word] = None
        elif word in ["--servers", "--scenarios", "--rounds", "--seconds"]:
            options[word] = next(words, "")
        else:
            raise Skipped(about.replace("SERVERS", ", ".join(servers)))
    if isinstance(options["--servers"], str):
        options["--servers"] = options["--servers"].split(",")
    unknown = [name for name in options["--servers"] if name not in servers]
    if unknown:
        raise Skipped(f"{unknown} are none of {list(servers)}")
    return options


def build_own():
    """Builds the load generator and this server; returns the paths of both."""
    command = ["cargo", "bench", "--locked", "--no-run", "--bench", "loopback"]
    text = run([*command, "--message-format=json-render-diagnostics"], stdout=subprocess.PIPE)
    paths = {}
    for name, path in re.findall(r'"name":"(\w+)".*?"executable":"(.*?)"', text):
        paths[name] = path
    try:
        return paths["loopback"], paths["switchboard"]
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
        raise Skipped("there is no server left to measure")
    return servers


def own(_name, binary):
    version = run([binary, "--version"], stdout=subprocess.PIPE).split()[-1]
    return f"{binary} --quiet --port {{port}}", version


def measure(loopback, servers, options, out):
    """Has everything measured. Returns whether no run failed, and a table of the medians."""
    command = [loopback, "--bench", "--out", out]
    for name, (start, _) in servers.items():
        command += ["--server", f"{name}={start}"]
    for option, value in options.items():
        command += [option] if value is None else [option, value]
    try:
        return True, run(command, stdout=subprocess.PIPE)
    except Failed as error:
        return False, error.output


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


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
