"""What benches/compare and benches/programs share: they have `loopback` measure servers in turn."""
import csv
import subprocess

from servers import Failed, cargo, run


def build_own(more=()):
    """Builds the load generator and this server; returns the paths of both."""
    return cargo("bench", "--no-run", "--bench", "loopback", *more,
                 names=["loopback", "switchboard"])


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
