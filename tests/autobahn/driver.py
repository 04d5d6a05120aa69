"""The cases of the Autobahn|Testsuite as kosoku drives them, from a wheel."""
import json, os, sys
from process import (HERE, INSTALL_SECONDS, OUT, SKIPPED, call, fail, installed, require,
                     set_installed)

PYTHON = os.path.join(OUT, "venv", "bin", "python")
CASES = [PYTHON, "-B", os.path.join(HERE, "cases.py")]
PINS = os.path.join(HERE, "requirements.txt")


def install():
    """Once; the stamp tells whether the pins have changed or the folder has moved since."""
    stamp, log = os.path.join(OUT, "installed.txt"), os.path.join(OUT, "install.txt")
    with open(PINS) as file:
        wanted = [*CASES, sys.version, file.read()]
    if installed(stamp, *wanted):
        return
    print("installing kosoku into", OUT, file=sys.stderr)
    require(["rm", "-f", stamp], INSTALL_SECONDS, log)
    venv = os.path.join(OUT, "venv")
    require([sys.executable, "-m", "venv", "--clear", venv], INSTALL_SECONDS, log)
    # A source archive would need more tools and much time.
    status, text = call([PYTHON, "-m", "pip", "install", "-q", "--only-binary", ":all:",
                         "-r", PINS], INSTALL_SECONDS, log)
    # Without a network, pip says so as well, but after some "Retrying".
    if status != 0 and "(from versions: none)" in text and "Retrying" not in text:
        fail(f"skipped, kosoku has no wheel for this machine and Python, see {log}", SKIPPED)
    if status != 0:
        fail(f"cannot install kosoku\n{text[-2000:]}")
    set_installed(stamp, *wanted)


def names():
    """The command that prints the names of all cases."""
    return CASES


def run_cases(url, cases, reports, seconds):
    """How each case ended, and how many were run by deflate.py."""
    _, text = call([*CASES, url, *cases], seconds, os.path.join(reports, "log.txt"))
    results = json.loads((text.splitlines() or [""])[-1])
    return results["outcomes"], results["ours"]
