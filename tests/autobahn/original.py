"""The Autobahn|Testsuite itself, as a cross-check where a Python 2.7 is found."""
import contextlib, glob, json, os, subprocess, sys
from process import (HERE, INSTALL_SECONDS, OUT, SKIPPED, call, fail, installed, require,
                     set_installed)

PINS = os.path.join(HERE, "original.txt")
SUITE = [os.path.join(OUT, "original", "bin", "python"), "-W", "ignore"]
# The last version that makes environments for Python 2.7. It runs on any current Python, so the
# old one needs no pip of its own.
VIRTUALENV = "virtualenv==20.21.1"


def install():
    stamp, log = os.path.join(OUT, "original.txt"), os.path.join(OUT, "install-original.txt")
    with open(PINS) as file:
        wanted = [*SUITE, VIRTUALENV, file.read()]
    if installed(stamp, *wanted):
        return
    python, maker, suite = python27(), os.path.join(OUT, "maker"), os.path.join(OUT, "original")
    print("installing the original Autobahn|Testsuite into", suite, file=sys.stderr)
    for command in (["rm", "-rf", suite, stamp],
                    [sys.executable, "-m", "venv", "--clear", maker],
                    [maker + "/bin/pip", "install", "-q", VIRTUALENV],
                    [maker + "/bin/virtualenv", "-q", "-p", python, suite],
                    [*SUITE, "-m", "pip", "install", "-q", "-r", PINS],
                    ["rm", "-rf", maker]):
        require(command, INSTALL_SECONDS, log)
    set_installed(stamp, *wanted)


def python27():
    own, pyenv = os.environ.get("AUTOBAHN_PYTHON"), os.environ.get("PYENV_ROOT") or "~/.pyenv"
    versions = os.path.join(os.path.expanduser(pyenv), "versions", "2.7*", "bin", "python2.7")
    # Whether it is there says little: pyenv puts a python2.7 on PATH that may merely complain.
    probe = "import ssl, sys, zlib; print(sys.executable if sys.version_info[:2] == (2, 7) else '')"
    for python in [own] if own else ["python2.7", "python2", *sorted(glob.glob(versions))]:
        with contextlib.suppress(OSError):
            found = subprocess.run([python, "-c", probe], capture_output=True, text=True).stdout
            if found.strip():
                return found.strip()
    looked = f"AUTOBAHN_PYTHON={own}" if own else f"python2.7 and python2 on PATH, {versions}"
    fail(f"skipped, the original suite needs a Python 2.7 with ssl and zlib; looked for {looked}. "
         "Without --original none is needed", SKIPPED)


def names():
    """The command that prints the names of all cases."""
    return [*SUITE, "-c", "from autobahntestsuite.case import Cases\n"
            "for case in Cases: print(case.__name__[4:].replace('_', '.'))"]


def run_cases(url, cases, reports, seconds):
    """How each case ended, and that none was run by deflate.py."""
    task = os.path.join(reports, "task.json")
    with open(task, "w") as file:
        json.dump({"servers": [{"agent": "server", "url": url}], "outdir": reports, "cases": cases,
                   "exclude-cases": [], "exclude-agent-cases": {}}, file)
    call([*SUITE, "-m", "autobahntestsuite.wstest", "-m", "fuzzingclient", "-s", task],
         seconds, os.path.join(reports, "log.txt"))
    with open(os.path.join(reports, "index.json")) as file:
        results = json.load(file)["server"]
    return {case: outcome(result) for case, result in results.items()}, 0


def outcome(result):
    """The words of expected.txt, as in cases.py."""
    if result["behaviorClose"] in ("OK", "INFORMATIONAL"):
        return result["behavior"]
    return "{behavior}, close {behaviorClose} with {remoteCloseCode}".format(**result)
