"""Checks a server with the Python package websocket-client, which nobody here wrote.

    target/clients/venv/bin/python tests/clients/websocket_client.py ws://127.0.0.1:PORT

Expects the services that python_client.py describes, but for /deflate, since it does not compress.
Prints a line per check, and last "N passed, N failed"; the exit status is 1 if one failed.
"""

import asyncio
import contextlib
import sys

from websocket import ABNF, WebSocketBadStatusException, create_connection

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


def open_socket(path, **options):
    # By itself it sends "Origin: http://127.0.0.1:PORT".
    socket = create_connection(BASE + path, timeout=DEADLINE_SECONDS, **options)
    return contextlib.closing(socket)


def send(socket, message):
    (socket.send if isinstance(message, str) else socket.send_bytes)(message)


def echoes(message):
    with open_socket("/echo") as socket:
        send(socket, message)
        equal(socket.recv(), message, "the echo")


def fragments(opcode, parts, wanted):
    with open_socket("/echo") as socket:
        for n, part in enumerate(parts):
            kind = ABNF.OPCODE_CONT if n else opcode
            socket.send_frame(ABNF.create_frame(part, kind, int(n == len(parts) - 1)))
            if n == 0:
                ping_over(socket, b"between")
        equal(socket.recv(), wanted, "the echo")


def order():
    with open_socket("/echo") as socket:
        for message in in_flight():
            send(socket, message)
        for n, message in enumerate(in_flight()):
            equal(socket.recv(), message, f"echo {n}")


def ping(payload):
    with open_socket("/echo") as socket:
        ping_over(socket, payload)


def ping_over(socket, payload):
    socket.ping(payload)
    opcode, frame = socket.recv_data_frame(control_frame=True)
    equal((opcode, frame.data), (ABNF.OPCODE_PONG, payload), "the pong")


def closes_from_here(code, reason):
    with open_socket("/echo") as socket:
        socket.send_close(code, reason.encode())
        closed_by_server(socket, code)


def closes_from_there(code, reason):
    with open_socket("/close") as socket:
        socket.send(f"{code} {reason}")
        closed_by_server(socket, code, reason)


def closed_by_server(socket, code, reason=None):
    opcode, frame = socket.recv_data_frame(control_frame=True)
    equal(opcode, ABNF.OPCODE_CLOSE, "what comes")
    equal(int.from_bytes(frame.data[:2], "big"), code, "the code")
    if reason is not None:
        equal(frame.data[2:].decode(), reason, "the reason")


def agrees_on_subprotocol():
    with open_socket("/protocol", subprotocols=["nonsense", "chat.v1"]) as socket:
        equal(socket.subprotocol, "chat.v1", "the subprotocol")


def refuses(path, status, body=None, **options):
    try:
        with open_socket(path, **options):
            raise AssertionError("the socket opened")
    except WebSocketBadStatusException as refused:
        equal(refused.status_code, status, "the status")
        if body is not None:
            equal(refused.resp_body.decode().strip(), body, "the body")


def too_long_message():
    with open_socket("/echo") as socket:
        # The server need not read all of it before it closes.
        with contextlib.suppress(OSError):
            socket.send_bytes(b"m" * (MESSAGE_BYTES_MAX + 1))
        closed_by_server(socket, 1009)


CHECKS = [
    *((f"text of {size} bytes", echoes, "t" * size) for size in SIZES),
    *((f"binary of {size} bytes", echoes, pattern(size)) for size in SIZES),
    ("text of many alphabets", echoes, UNICODE * 1000),
    ("fragments of text", fragments, ABNF.OPCODE_TEXT, ["one, ", "", "two"], "one, two"),
    ("fragments of bytes", fragments, ABNF.OPCODE_BINARY, [b"\x00\xff"] * 100, b"\x00\xff" * 100),
    ("200 messages in flight", order),
    ("ping without payload", ping, b""),
    ("ping with 125 bytes", ping, pattern(125)),
    ("close with 1000", closes_from_here, 1000, ""),
    ("close with 4001 and reason", closes_from_here, 4001, "so long"),
    ("close with 4999 and reason", closes_from_here, 4999, LONG_REASON),
    ("closed with 1000", closes_from_there, 1000, "done"),
    ("closed with 4001", closes_from_there, 4001, "so long"),
    ("closed with 4999", closes_from_there, 4999, LONG_REASON),
    ("subprotocol in common", agrees_on_subprotocol),
    ("refused with 403", refuses, "/private", 403, "members only"),
    ("not found", refuses, "/nowhere", 404),
    ("longest message", echoes, b"m" * MESSAGE_BYTES_MAX),
    ("too long a message", too_long_message),
]

sys.exit(run([(name, asyncio.to_thread(check, *rest)) for name, check, *rest in CHECKS]))
