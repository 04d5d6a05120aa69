"""Checks a server with the Python package aiohttp, which nobody here wrote.

    target/clients/venv/bin/python tests/clients/aiohttp_client.py ws://127.0.0.1:PORT [deflate]

Expects the services that python_client.py describes. Prints a line per check, and last "N passed,
N failed"; the exit status is 1 if one failed.
"""

import contextlib
import sys

from aiohttp import ClientSession, ClientTimeout, ClientWSTimeout, WSMsgType, WSServerHandshakeError

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
)

BASE = sys.argv[1].rstrip("/")
OWN = BASE.replace("ws://", "http://")


@contextlib.asynccontextmanager
async def open_socket(path, **options):
    settings = {
        # As a page of the server itself.
        "origin": OWN,
        # Pongs come to the checks.
        "autoping": False,
        "max_msg_size": 2 * MESSAGE_BYTES_MAX,
        "timeout": ClientWSTimeout(ws_close=DEADLINE_SECONDS),
    }
    async with ClientSession(timeout=ClientTimeout(DEADLINE_SECONDS)) as session:
        async with session.ws_connect(BASE + path, **settings | options) as socket:
            yield socket


async def send(socket, message):
    await (socket.send_str if isinstance(message, str) else socket.send_bytes)(message)


async def echoes(message):
    async with open_socket("/echo") as socket:
        await send(socket, message)
        equal((await socket.receive()).data, message, "the echo")


async def order():
    async with open_socket("/echo") as socket:
        for message in in_flight():
            await send(socket, message)
        for n, message in enumerate(in_flight()):
            equal((await socket.receive()).data, message, f"echo {n}")


async def ping(payload):
    async with open_socket("/echo") as socket:
        await socket.ping(payload)
        answer = await socket.receive()
        equal(answer.type, WSMsgType.PONG, "the answer")
        equal(bytes(answer.data), payload, "the pong")


async def closes_from_here(code, reason):
    async with open_socket("/echo") as socket:
        assert await socket.close(code=code, message=reason.encode())
        # What the server has answered; 1006 if it has not.
        equal(socket.close_code, code, "the answer's code")


async def closes_from_there(code, reason):
    async with open_socket("/close") as socket:
        await socket.send_str(f"{code} {reason}")
        await closed_by_server(socket, code, reason)


async def closed_by_server(socket, code, reason=None):
    closed = await socket.receive()
    equal(closed.type, WSMsgType.CLOSE, "what comes")
    equal(closed.data, code, "the code")
    if reason is not None:
        equal(closed.extra, reason, "the reason")


async def agrees_on_subprotocol(offer, wanted):
    async with open_socket("/protocol", protocols=offer) as socket:
        equal(socket.protocol, wanted, "the subprotocol")


async def refuses(path, status, **options):
    try:
        async with open_socket(path, **options):
            raise AssertionError("the socket opened")
    except WSServerHandshakeError as refused:
        equal(refused.status, status, "the status")


async def too_long_message():
    async with open_socket("/echo") as socket:
        # The server need not read all of it before it closes.
        with contextlib.suppress(ConnectionError):
            await socket.send_bytes(b"m" * (MESSAGE_BYTES_MAX + 1))
        await closed_by_server(socket, 1009)


async def declines_compression():
    async with open_socket("/echo", compress=15) as socket:
        equal(socket.compress, 0, "the agreed window")
        await socket.send_str(UNICODE)
        equal((await socket.receive()).data, UNICODE, "the echo")


async def compresses(bits):
    async with open_socket("/deflate", compress=bits) as socket:
        assert socket.compress, "compression is agreed on"
        for number in range(20):
            text = f"{number} {UNICODE} " * (7 ** (number % 5))
            for message in (text, text.encode(), "short"):
                await send(socket, message)
                equal((await socket.receive()).data, message, f"echo {number}")


CHECKS = [
    *((f"text of {size} bytes", echoes("t" * size)) for size in SIZES),
    *((f"binary of {size} bytes", echoes(pattern(size))) for size in SIZES),
    ("text of many alphabets", echoes(UNICODE * 1000)),
    ("200 messages in flight", order()),
    ("ping without payload", ping(b"")),
    ("ping with 125 bytes", ping(pattern(125))),
    ("close with 1000", closes_from_here(1000, "")),
    ("close with 4001 and reason", closes_from_here(4001, "so long")),
    ("close with 4999 and reason", closes_from_here(4999, LONG_REASON)),
    ("closed with 1000", closes_from_there(1000, "done")),
    ("closed with 4001", closes_from_there(4001, "so long")),
    ("closed with 4999", closes_from_there(4999, LONG_REASON)),
    ("compression is declined", declines_compression()),
    ("subprotocol in common", agrees_on_subprotocol(["nonsense", "chat.v1"], "chat.v1")),
    ("no subprotocol in common", agrees_on_subprotocol(["nonsense"], None)),
    ("refused with 403", refuses("/private", 403)),
    ("refused as a page of others", refuses("/echo", 403, origin="https://evil.example")),
    ("not found", refuses("/nowhere", 404)),
    ("longest message", echoes(b"m" * MESSAGE_BYTES_MAX)),
    ("too long a message", too_long_message()),
]

if sys.argv[2:] == ["deflate"]:
    CHECKS += [(f"windows of {bits} bits", compresses(bits)) for bits in (9, 15)]

sys.exit(run(CHECKS))
