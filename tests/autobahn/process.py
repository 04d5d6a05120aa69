"""Child processes that do not outlive us, and the ways to end."""
import contextlib, os, signal, subprocess, sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "target", "autobahn")
INSTALL_SECONDS = BUILD_SECONDS = 3600
SIGNALS = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}
# The machine cannot have what the tests need, so nothing failed and nothing passed. Other statuses:
# 0 as expected, 1 different, 2 could not run.
SKIPPED = 75


def call(command, seconds, log):
    """Runs a command until it ends or its time is up; its status, and what it wrote."""
    with open(log, "w+") as file:
        with child(command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        file.seek(0)
        return process.returncode, file.read()


def require(command, seconds, log):
    """What a command wrote that has to succeed."""
    status, text = call(command, seconds, log)
    if status != 0:
        fail(f"failed: {' '.join(command)}\n{text[-2000:]}")
    return text


@contextlib.contextmanager
def child(command, **options):
    """A process that does not outlive the block, and neither do its own children."""
    def unblock():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    # A signal that comes between the start and the block must not leave the process behind.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process = subprocess.Popen(command, start_new_session=True, preexec_fn=unblock, **options)
    except OSError as error:
        fail(f"cannot start {command[0]}: {error.strerror}")
    try:
        unblock()
        yield process
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        unblock()


def stop_on_signals():
    for number in SIGNALS:
        signal.signal(number, lambda number, _: fail(f"stopped by {signal.strsignal(number)}"))


def fail(reason, status=2):
    print("tests/autobahn/run:", reason, file=sys.stderr)
    sys.exit(status)


def installed(stamp, *wanted):
    """Whether the stamp holds what is wanted: not if pins changed or the folder moved since."""
    with contextlib.suppress(OSError), open(stamp) as file:
        return file.read() == "\n".join(wanted)
    return False


def set_installed(stamp, *wanted):
    with open(stamp, "w") as file:
        file.write("\n".join(wanted))
