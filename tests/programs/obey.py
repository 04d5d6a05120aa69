#!/usr/bin/env python3
# Does what its sockets say: a text is written to the host as it is, with each {} in it replaced by
# the socket's id. All other input goes to the topic `heard`, as text. A text that begins with ! is
# Python.
import os, signal, subprocess, sys, time

receive, send = sys.stdin.buffer, sys.stdout.buffer


def write(data):
    send.write(data)
    send.flush()


write(b"READY 1\n")
for line in receive:
    words, body = line.decode().split(), b""
    if words[-1].startswith("+"):
        length = int(words.pop())
        body = receive.read(length + 1)[:length]
    if words[0] != "TEXT":
        text = " ".join(words).encode() + (b"\n" + body if body and words[0] != "OPEN" else b"")
        write(b"TEXT @heard +%d\n%s\n" % (len(text), text))
    elif body.startswith(b"!"):
        exec(body[1:].decode())
    else:
        write(body.replace(b"{}", words[1].encode()) + b"\n")
