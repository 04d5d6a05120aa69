"""Checks a server with the Python package websockets, which nobody here wrote.

    target/clients/venv/bin/python tests/clients/python_client.py ws://127.0.0.1:PORT [deflate]

Expects these services, and messages of at most 2 MiB:

    /echo      sends every message back
    /close     closes with the code and the reason that a text such as "4001 so long" names
    /protocol  speaks chat.v2 and chat.v1
    /private   refuses with 403 and the body "members only"
    /nowhere   does not exist: 404
    /deflate   sends every message back and compresses, with contexts; only with "deflate"

Prints a line per check, and last "N passed, N failed"; the exit status is 1 if one failed.
"""

import os
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from checks import (
    DEADLINE_SECONDS,
    LONG_REASON,
    MESSAGE_BYTES_MAX,
    SIZES,
    UNICODE,
    equal,
    in_flight,
    pattern,
    run,
    shortened,
)

BASE = sys.argv[1].rstrip("/")


def open_socket(path, **options):
    settings = {
        "compression": None,
        "open_timeout": DEADLINE_SECONDS,
        "close_timeout": DEADLINE_SECONDS,
        "max_size": 2 * MESSAGE_BYTES_MAX,
        # A full queue would stop the reading, and with it the close after a check that failed.
        "max_queue": None,
        # No pings but those of the checks, and no proxy of the environment in between.
        "ping_interval": None,
        "proxy": None,
    }
    return connect(BASE + path, **settings | options)


async def echoes(message):
    async with open_socket("/echo") as socket:
        await socket.send(message)
        equal(await socket.recv(), message, "the echo")


async def fragments():
    async with open_socket("/echo") as socket:
        await socket.send(["one, ", "", UNICODE, ", three"])
        equal(await socket.recv(), f"one, {UNICODE}, three", "the echo of text")
        await socket.send([b"\x00\xff"] * 100)
        equal(await socket.recv(), b"\x00\xff" * 100, "the echo of bytes")


async def fragments_within_characters():
    async with open_socket("/echo") as socket:
        encoded = UNICODE.encode()
        await socket.send((encoded[i : i + 1] for i in range(len(encoded))), text=True)
        equal(await socket.recv(), UNICODE, "the echo")


async def ping_between_fragments():
    async with open_socket("/echo") as socket:

        async def parts():
            yield "before"
            await (await socket.ping(b"between"))
            yield " and after"

        await socket.send(parts())
        equal(await socket.recv(), "before and after", "the echo")


async def order():
    async with open_socket("/echo") as socket:
        messages = in_flight()
        for message in messages:
            await socket.send(message)
        for n, message in enumerate(messages):
            equal(await socket.recv(), message, f"echo {n}")


async def ping(payload):
    async with open_socket("/echo") as socket:
        # The package compares payloads: another pong does not end this wait.
        await (await socket.ping(payload))


async def closes_from_here(code, reason):
    async with open_socket("/echo") as socket:
        await socket.close(code, reason)
        closed = socket.protocol
        assert closed.close_rcvd, "the close is not answered"
        equal(int(closed.close_rcvd.code), code, "the answer's code")
        assert not closed.close_rcvd_then_sent, "the server closed before it was asked to"


async def closes_from_there(code, reason):
    async with open_socket("/close") as socket:
        await socket.send(f"{code} {reason}")
        await closed_by_server(socket, code, reason)


async def closed_by_server(socket, code, reason=None):
    try:
        message = await socket.recv()
    except ConnectionClosed as closed:
        assert closed.rcvd, "the connection ended without a close frame"
        equal(int(closed.rcvd.code), code, "the code")
        assert closed.rcvd_then_sent, "the server did not close first"
        if reason is not None:
            equal(closed.rcvd.reason, reason, "the reason")
    else:
        raise AssertionError(f"received {shortened(message)} instead of a close")


async def declines_compression():
    async with open_socket("/echo", compression="deflate") as socket:
        assert "permessage-deflate" in socket.request.headers["Sec-WebSocket-Extensions"]
        equal(socket.response.headers.get_all("Sec-WebSocket-Extensions"), [], "the agreement")
        await socket.send(UNICODE)
        equal(await socket.recv(), UNICODE, "the echo")


async def compresses(**offer):
    factory = ClientPerMessageDeflateFactory(**offer)
    async with open_socket("/deflate", extensions=[factory]) as socket:
        [agreed] = socket.protocol.extensions
        for option in ("server_no_context_takeover", "client_no_context_takeover"):
            here = option.replace("server", "remote").replace("client", "local")
            equal(getattr(agreed, here), offer.get(option, False), option)
        for number in range(20):
            text = f"{number} {UNICODE} " * (7 ** (number % 5))
            await socket.send(text)
            equal(await socket.recv(), text, f"echo {number}")
            await socket.send([text[:100].encode(), text[100:].encode()])
            equal(await socket.recv(), text.encode(), f"echo {number} as bytes")
            await socket.send("short")
            equal(await socket.recv(), "short", "a short echo")
        # What cannot be compressed comes back as it is, and leaves nothing behind.
        for length in (48_000, 48_000, 500_000):
            noise = os.urandom(length)
            await socket.send(noise)
            equal(await socket.recv(), noise, f"the echo of {length} random bytes")
        await socket.send(UNICODE * 100)
        equal(await socket.recv(), UNICODE * 100, "the echo after them")


async def inflates_no_bomb():
    async with open_socket("/deflate", compression="deflate") as socket:
        await socket.send(b"\0" * (MESSAGE_BYTES_MAX + 1))
        await closed_by_server(socket, 1009)


async def agrees_on_subprotocol(offer, wanted):
    async with open_socket("/protocol", subprotocols=offer) as socket:
        equal(socket.subprotocol, wanted, "the subprotocol")


async def refuses(path, status, body=None):
    try:
        async with open_socket(path):
            raise AssertionError("the socket opened")
    except InvalidStatus as refused:
        found = refused.response.body.decode().strip()
        equal(refused.response.status_code, status, "the status")
        assert found, "there is no body"
        if body is not None:
            equal(found, body, "the body")


async def longest_message():
    await echoes(b"m" * MESSAGE_BYTES_MAX)


async def too_long_message(message):
    async with open_socket("/echo") as socket:
        try:
            await socket.send(message)
        except ConnectionClosed:
            pass  # The server need not read all of it before it closes.
        await closed_by_server(socket, 1009)


CHECKS = [
    *((f"text of {size} bytes", echoes("t" * size)) for size in SIZES),
    *((f"binary of {size} bytes", echoes(pattern(size))) for size in SIZES),
    ("text of many alphabets", echoes(UNICODE * 1000)),
    ("fragments", fragments()),
    ("fragments within characters", fragments_within_characters()),
    ("ping between fragments", ping_between_fragments()),
    ("200 messages in flight", order()),
    ("ping without payload", ping(b"")),
    ("ping with payload", ping(b"are you there?")),
    ("ping with 125 bytes", ping(bytes(range(125)))),
    ("close with 1000", closes_from_here(1000, "")),
    ("close with 1000 and reason", closes_from_here(1000, "done")),
    ("close with 3000 and reason", closes_from_here(3000, "of a registered kind")),
    ("close with 4999 and reason", closes_from_here(4999, LONG_REASON)),
    *(
        (f"closed with {code}", closes_from_there(code, reason))
        for code, reason in [
            (1000, "done"),
            (1001, "going away"),
            (1011, "out of order"),
            (3000, "of a registered kind"),
            (4001, "so long"),
            (4999, LONG_REASON),
        ]
    ),
    ("compression is declined", declines_compression()),
    ("subprotocol in common", agrees_on_subprotocol(["nonsense", "chat.v1"], "chat.v1")),
    ("no subprotocol in common", agrees_on_subprotocol(["nonsense"], None)),
    ("refused with 403", refuses("/private", 403, "members only")),
    ("not found", refuses("/nowhere", 404)),
    ("longest message", longest_message()),
    ("too long a message", too_long_message(b"m" * (MESSAGE_BYTES_MAX + 1))),
    ("too long in fragments", too_long_message([b"m" * (1 << 20), b"m" * (1 << 20), b"m"])),
]


if sys.argv[2:] == ["deflate"]:
    CHECKS += [
        # The library does not compress with a window of 8 bits, and inflates with one.
        *(
            (
                f"windows of {bits} bits",
                compresses(server_max_window_bits=bits, client_max_window_bits=max(bits, 9)),
            )
            for bits in range(8, 16)
        ),
        ("window of the server's choice", compresses(client_max_window_bits=True)),
        ("no context of the server", compresses(server_no_context_takeover=True)),
        ("no context of the client", compresses(client_no_context_takeover=True)),
        (
            "no context at all",
            compresses(server_no_context_takeover=True, client_no_context_takeover=True),
        ),
        ("a message that inflates to too much", inflates_no_bomb()),
    ]


sys.exit(run(CHECKS))
