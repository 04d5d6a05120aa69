"""Runs the cases of the Autobahn|Testsuite and compares with expected.txt.

    tests/autobahn/run [--original] [--deflate|--loop|--tls] [URL] [CASES]

URL    ws://HOST:PORT/PATH of a service that echoes messages of up to 16 MiB. Without it, this
       project's server is started (its release build), and has to stop cleanly at the end.
CASES  comma-separated patterns such as 1.*,5.3,-5.1*; a leading minus sign excludes. The default,
       core, is *,-12.*,-13.*: everything but compression. With --deflate it is everything, *.
--deflate   means compression, with the build in target/full, which has all features.
--loop      means the echo service on the thread that polls.
--tls       means TLS alone, with that build; stunnel and openssl have to be there.
--original  runs the suite itself, as a cross-check, which takes half an hour with --deflate. It
            needs Python 2.7, taken from $AUTOBAHN_PYTHON, PATH, or pyenv.

Prints one line per case that is not OK, and last "N passed, N failed". A case fails when it ends
in another way than expected.txt has it: OK, unless it is listed there. Listed ones do not count
as passed. Exit status: 0 as expected, 1 different, 2 could not run, 75 if the machine cannot have
what it takes.

kosoku, which drives the suite's own cases, is installed into target/autobahn for a Python since
3.10: $PYTHON, or one on PATH. deflate.py runs the cases that it cannot.
"""
import contextlib, fcntl, fnmatch, os, re, shutil, signal, socket, subprocess, sys, urllib.parse
import driver, original, tls
from process import BUILD_SECONDS, HERE, OUT, ROOT, child, fail, require, stop_on_signals

CORE = "*,-12.*,-13.*"
USAGE = "usage: tests/autobahn/run [--original] [--deflate|--loop|--tls] [URL] [CASES]"
# All deadlines are for a machine that is busy with much else.
START_SECONDS = 120
STOP_SECONDS = 120   # A drain may take 40 s by default; with no socket left it takes no time.
GROUP_SECONDS = 900
# Their cases may last up to eight minutes each.
COMPRESSED_GROUP_SECONDS = 5400


def main():
    stop_on_signals()
    words = sys.argv[1:]
    if words[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    suite = driver
    if words[:1] == ["--original"]:
        suite = original
        del words[0]
    kind = words.pop(0)[2:] if words[:1] in (["--deflate"], ["--loop"], ["--tls"]) else ""
    url = words.pop(0) if words and "://" in words[0] else None
    patterns = words.pop(0) if words else "*" if kind == "deflate" else "core"
    if words or patterns.startswith("--"):
        fail(USAGE)
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)   # Two runs would write the same reports.
        suite.install()
        with contextlib.nullcontext(url) if url else started_server(kind) as address:
            passed, failed = compare(suite, address, patterns)
    print(f"{passed} passed, {failed} failed")   # Not before the server has stopped cleanly.
    return 1 if failed else 0


def compare(suite, url, patterns):
    with open(os.path.join(HERE, "expected.txt")) as file:
        lines = file.read().splitlines()
    expected = dict(line.split(" ", 1) for line in lines if ":" not in line)
    summaries = dict(line.split(": ", 1) for line in lines if ":" in line)
    cases = select(suite, CORE if patterns == "core" else patterns)
    passed = failed = ours = 0
    # Each group is a run of its own, so that a server that hangs costs one group and not all.
    for name in dict.fromkeys(map(group, cases)):
        members = [case for case in cases if group(case) == name]
        results, by_us = run_group(suite, url, name, members)
        ours += by_us
        for case in members:
            result, wanted = results.get(case, "MISSING"), expected.get(case, "OK")
            passed += result == wanted == "OK"
            failed += result != wanted
            if result != "OK" or wanted != "OK":
                note = "" if result == wanted else f" (expected {wanted})"
                print(case, result + note, flush=True)
    if ours:
        print(f"{ours} cases of groups 12 and 13 were run by tests/autobahn/deflate.py")
    summary = summaries.get(patterns, f"{passed} passed, {failed} failed")
    if failed == 0 and f"{passed} passed, 0 failed" != summary:
        print(f"the suite has other cases than expected.txt, which has {patterns}: {summary}")
        failed = 1
    return passed, failed


def run_group(suite, url, name, cases):
    """The outcome of each case that came to an end, and how many deflate.py has run."""
    reports = os.path.join(OUT, "reports", name)
    shutil.rmtree(reports, ignore_errors=True)
    os.makedirs(reports)
    compressed = name.startswith(("12.", "13."))
    seconds = COMPRESSED_GROUP_SECONDS if compressed else GROUP_SECONDS
    try:
        host = urllib.parse.urlsplit(url)
        socket.create_connection((host.hostname, host.port or 80), START_SECONDS).close()
        return suite.run_cases(url, cases, reports, seconds)
    except (FileNotFoundError, ValueError):
        print(f"group {name}: no result within {seconds} s, see {reports}/log.txt")
    except OSError as error:
        print(f"group {name}: nobody accepts connections at {url}: {error}")
    return {}, 0


def group(case):
    """The cases with compression are slow, so they go by subgroup."""
    parts = case.split(".")
    return ".".join(parts[:2]) if parts[0] in ("12", "13") else parts[0]


def select(suite, patterns):
    every = require(suite.names(), START_SECONDS, os.path.join(OUT, "cases.txt")).split()
    chosen = set(every) if patterns.startswith("-") else set()
    for pattern in patterns.split(","):
        matches = fnmatch.filter(every, pattern.lstrip("-"))
        if not matches:
            fail(f"no case is named {pattern}")
        chosen = chosen.difference(matches) if pattern[0] == "-" else chosen.union(matches)
    return [case for case in every if case in chosen]


@contextlib.contextmanager
def started_server(kind):
    is_full = kind in ("deflate", "tls")
    target = os.path.join(ROOT, "target", "full" if is_full else "")
    server = os.path.join(target, "release", "switchboard")
    conf = os.path.join(HERE, f"server-{kind}.conf" if kind else "server.conf")
    if kind == "tls":
        conf = tls.configuration()
    options = ["--target-dir", target, *(["--all-features"] if is_full else [])]
    build, log = os.path.join(OUT, "build.txt"), os.path.join(OUT, "server.txt")
    if not os.path.exists(server):
        require(["cargo", "build", "--release", *options], BUILD_SECONDS, build)
    command = [server, *([] if kind == "tls" else ["-p", "0"]), "-c", conf]
    with open(log, "w") as file, child(command, stdout=subprocess.PIPE, stderr=file) as process:
        signal.signal(signal.SIGALRM, lambda *_: fail(f"the server takes too long, see {log}"))
        signal.alarm(START_SECONDS)
        listening = re.compile(rb"listening on https?://(127\.0\.0\.1:\d+)")
        address = next(filter(None, map(listening.search, process.stdout)), None)
        signal.alarm(0)
        if not address:
            fail(f"the server did not say where it listens, see {log}")
        address = address[1].decode()
        between = tls.unsealed if kind == "tls" else contextlib.nullcontext
        with between(address) as address:
            yield f"ws://{address}/echo"
        process.terminate()
        signal.alarm(STOP_SECONDS)
        status = process.wait()
        signal.alarm(0)
        if status != 0:
            fail(f"the server's exit status after SIGTERM is {status}, see {log}")


sys.exit(main())
