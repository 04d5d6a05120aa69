"""What the Python clients of this folder share: what they send, and how their checks are run."""

import asyncio

# For each check as a whole, and so for every wait in it, however slow the machine is. What the
# packages wait for by themselves must not be shorter.
DEADLINE_SECONDS = 120
MESSAGE_BYTES_MAX = 2 << 20
# Around the lengths where the frame header takes another form.
SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20]
# One to four bytes per character, and a family of emoji that only joiners hold together.
UNICODE = "a\u00e9\u20ac\u4e16\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467"
# The longest that fits into a close frame beside the code.
LONG_REASON = "\u00e9" * 61 + "!"


def equal(found, wanted, what):
    assert type(found) is type(wanted) and found == wanted, (
        f"{what} is {shortened(found)}, not {shortened(wanted)}"
    )


def shortened(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}... of length {len(value)}"


def in_flight():
    """Messages that a client sends before it reads their echoes."""
    return [f"{n} {'x' * n}" if n % 2 else bytes([n]) * n for n in range(200)]


def pattern(size):
    return bytes(n % 251 for n in range(size))


def run(checks):
    """Runs pairs of a name and a coroutine, one after the other. Returns the exit status."""

    async def run_each():
        failed = 0
        for name, check in checks:
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await check
            except TimeoutError:
                failed += 1
                print(f"FAILED {name}: no end within {DEADLINE_SECONDS} s")
            except Exception as error:
                failed += 1
                print(f"FAILED {name}: {error or type(error).__name__}")
            else:
                print(f"ok {name}")
        print(f"{len(checks) - failed} passed, {failed} failed")
        return 1 if failed else 0

    return asyncio.run(run_each())
