#!/usr/bin/env python3
# Tells all sockets what it gets about sockets, and RELOAD; sends a text back with the version of
# this file before it. A text that begins with ! is Python. It reads byte by byte, so that it has
# taken no more than it has acted on.
import os, signal, sys, time

VERSION = b"1"


def write(data):
    while data:
        data = data[os.write(1, data) :]


def say(words, body):
    write(b"%s +%d\n%s\n" % (words, len(body), body))


def read(length):
    data = b""
    while len(data) < length:
        more = os.read(0, length - len(data))
        if not more:
            sys.exit()
        data += more
    return data


def line():
    data = b""
    while not data.endswith(b"\n"):
        data += read(1)
    return data.split()


write(b"READY 1\n")
while True:
    words, body = line(), b""
    if words[-1].startswith(b"+"):
        length = int(words.pop())
        body = read(length + 1)[:length]
    if words[0] == b"TEXT" and body.startswith(b"!"):
        exec(body[1:].decode())
    elif words[0] == b"TEXT":
        say(b"TEXT " + words[1], VERSION + b" " + body)
    elif words[0] in (b"OPEN", b"CLOSE", b"RELOAD"):
        resumed = b" again" if b"\nRESUMED=1\n" in body else b""
        say(b"TEXT *", b" ".join(words[:2]) + resumed)
