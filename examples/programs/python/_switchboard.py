"""Serves all sockets of a Switchboard service over standard input and output.

Copy this file beside your program, derive from Service, and run it:

    class Echo(Service):
        def on_message(self, id, message):
            self.send(id, message)

    Echo().run()

An id is a string. Where `ids` are asked for, there may be an id, a list of them, "*" for all
sockets, "@topic" for those who subscribed; a string of these may leave one out: "*,!17". A
message is a str or bytes, both ways. From this import on, what is printed goes to the log. So
does the traceback of an exception, which ends the program with code 1. Threads of your own must
not call a service; if it has to do several things at once, take _switchboard_async.py.
"""

import os
import re
import select
import time


class Service:
    protocols = ()  # the subprotocols that are spoken
    on_ask = None  # on_ask(self, id, info), if there, has to accept or reject, at once or later
    tick_seconds = None  # how often on_tick is called

    def on_open(self, id, info): pass  # info is a dict of CGI's names, such as REMOTE_ADDR
    def on_message(self, id, message): pass
    def on_close(self, id, code, reason): pass
    def on_full(self, id, waiting): pass  # the peer takes less than it is sent: hold back
    def on_drained(self, id): pass
    def on_error(self, verb, id, text): print(f"{verb} {id}: {text}")  # it could not be done
    def on_reload(self): pass
    def on_stop(self, milliseconds): pass  # so long until the end; input ends before
    def on_tick(self): pass

    def send(self, ids, message):
        self._say(b"TEXT" if isinstance(message, str) else b"BIN", ids, body=message)

    def close(self, ids, code=1000, reason=""): self._say(b"CLOSE", ids, code, body=reason)
    def subscribe(self, ids, topic): self._say(b"SUB", ids, topic)
    def unsubscribe(self, ids, topic): self._say(b"UNSUB", ids, topic)
    def pause(self, ids): self._say(b"PAUSE", ids)
    def resume(self, ids): self._say(b"RESUME", ids)
    def label(self, id, key, value): self._say(b"SET", id, key, body=value)
    def log(self, level, text): self._say(b"LOG", level, body=text)

    def accept(self, id, protocol=None):
        self._say(b"ACCEPT", id, *([f"protocol={protocol}"] if protocol else []))

    def reject(self, id, status=403, text="", headers=""):  # each header ends with a newline
        self._say(b"REJECT", id, status, body=f"{headers}\n{text}")

    def run(self):
        """Serves until the host ends the input."""
        self.begin()
        due = time.monotonic() + (self.tick_seconds or 0)
        try:
            while True:
                # All that one read brought is answered by one write, which may wait: the host
                # reads on, even while what it writes itself is not read.
                self.flush()
                if self.tick_seconds and not ready(due):
                    due = max(due + self.tick_seconds, time.monotonic())
                    self.on_tick()
                    continue
                data = os.read(SOURCE, BLOCK_BYTES)
                if not data:
                    return
                self.receive(data)
        finally:
            self.flush()

    def begin(self):
        """The first line, for a loop other than `run`, around `receive` and `flush`."""
        protocols = f" protocols={','.join(self.protocols)}" if self.protocols else ""
        self._out[:0] = f"READY 1{protocols}{' admission=ask' if self.on_ask else ''}\n".encode()
        self._is_ready = True
        self.flush()

    def receive(self, data):
        """Calls back for each line that is whole. The bytes may be cut anywhere."""
        self._in += data
        buffer, at = self._in, 0
        while (end := buffer.find(b"\n", at)) >= 0:
            words, body = buffer[at:end].decode().split() or [""], b""
            end += 1
            if words[-1].startswith("+"):
                start, end = end, end + int(words.pop()) + 1
                if end > len(buffer):
                    break
                if buffer[end - 1] != NEWLINE:
                    raise ValueError(f"out of step: no newline after the body of {words}")
                body = buffer[start : end - 1]
            at = end
            self._hear(body, *words)
        del buffer[:at]

    def flush(self):
        try:
            while self._out and self._is_ready:
                del self._out[: os.write(SINK, self._out)]
        except BrokenPipeError:
            raise SystemExit from None  # the host has gone, and nothing is left to be done

    def __new__(cls, *args, **kwargs):  # and not __init__, which yours need not call then
        self = super().__new__(cls)
        self._in, self._out, self._is_ready = bytearray(), bytearray(), False
        return self

    def _say(self, verb, ids, *words, body=None):
        try:
            audience = words_of(ids)
            rest = b"".join([b" " + word(str(each)) for each in words])
        except ValueError as fault:
            return self.on_error(verb.decode(), ids, str(fault))  # as if the host had said it
        if isinstance(body, str):
            # Half a surrogate pair, which JSON can bring in, becomes a question mark.
            body = body.encode(errors="replace")
        rest += b"\n" if body is None else b" +%d\n%s\n" % (len(body), body)
        for names in audience:
            self._out += b"%s %s%s" % (verb, names, rest)
        if len(self._out) >= BLOCK_BYTES:
            self.flush()

    def _hear(self, body, verb, id="", number="0", *_):
        if verb == "TEXT":
            self.on_message(id, body.decode())
        elif verb == "BIN":
            self.on_message(id, bytes(body))
        elif verb == "OPEN":
            self.on_open(id, info_of(body))
        elif verb == "ASK":
            self.on_ask(id, info_of(body))
        elif verb == "CLOSE":
            self.on_close(id, int(number), body.decode())
        elif verb == "FULL":
            self.on_full(id, int(number))
        elif verb == "DRAIN":
            self.on_drained(id)
        elif verb == "ERR":
            self.on_error(id, number, body.decode(errors="replace"))
        elif verb == "RELOAD":
            self.on_reload()
        elif verb == "STOP":
            self.on_stop(int(id))


def info_of(body):
    lines = body.decode(errors="replace").split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def words_of(ids):
    """The words that name `ids`. They are several if ids are many, since lines are short."""
    if isinstance(ids, str):
        return (word(ids),)
    ids = list(ids)
    return [word(",".join(ids[at : at + IDS_MAX])) for at in range(0, len(ids), IDS_MAX)]


def word(text):
    """What a peer has a say in, such as a topic, must not become a line of its own."""
    if WORD(text):
        return text.encode()
    raise ValueError(f"a word has no blanks and no + in front, and is not long: {text!r}")


def ready(due):
    """Waits for input. False if none came before it was due."""
    left = due - time.monotonic()
    return left > 0 and bool(select.select([SOURCE], [], [], left)[0])


CONTROLS = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
WORD = re.compile(rf"[^\s+{CONTROLS}][^\s{CONTROLS}]{{,255}}").fullmatch
NEWLINE = ord("\n")
IDS_MAX = 12  # of 20 digits at most, so that they are a word
BLOCK_BYTES = 1 << 16  # what a pipe holds

# The lines have descriptors of their own, so that nothing else is printed or read between them.
SOURCE, SINK = os.dup(0), os.dup(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
