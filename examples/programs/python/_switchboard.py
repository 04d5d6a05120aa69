"""Serves all sockets of a Switchboard service over standard input and output.

Copy this file beside your program, derive from Service, and run it:

    class Echo(Service):
        def on_message(self, id, message):
            self.send(id, message)

    Echo().run()

Each socket has a SocketId, which is a str of a type of its own. An audience is a value, too:

    self.send(id, message)                        one socket
    self.send([id, other], message)               a list, or another iterable
    self.send(all(), message)                     all sockets of the service
    self.send(topic("news").but(id), message)     those who subscribed, less one

Anything else raises TypeError, and so does a string, so that nothing that a peer sends becomes an
audience. Where ids are stored, `socket_id(text)` makes one of the text. A message is a str or bytes,
both ways.

An exception in a callback is logged: its traceback at info, and one warning with the socket. It
closes the socket that it was for with 1011; in on_ask it refuses the socket with 500. Other sockets
notice nothing. From this import on, what is printed goes to the log, and the standard input is
empty for all else. Any thread may send; what another thread than that of `run` sends is written at
once.
"""

import difflib
import inspect
import os
import re
import select
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from threading import get_ident


class Id:
    """What addresses one socket, of whichever type: its str is the id in decimal digits."""

    __slots__ = ()


class SocketId(str, Id):
    """The id of one socket. No id is used twice while the host runs."""

    __slots__ = ()

    def __new__(cls, text):
        if not isinstance(text, str):
            raise TypeError(f"a socket id is made of a str, not {shown(text)}")
        if not DIGITS(text) or int(text) >= 1 << 64:
            raise ValueError(f"{text!r:.80} is no socket id, which is a number of up to 64 bits")
        return super().__new__(cls, text)


def socket_id(text):
    """The id whose text was stored. Raises ValueError if it is none. Never give it what a peer has
    sent, unless that peer may address any socket of the service."""
    return SocketId(text)


class Audience:
    """All sockets of the service, or those of a topic: see `all` and `topic`."""

    def __init__(self, who, left_out=b"", slowed=b""):
        self._who, self._left_out, self._slowed = who, left_out, slowed

    def but(self, id):
        """The same audience without one socket. A second call leaves out that one instead."""
        return Audience(self._who, b",!" + name_of(id), self._slowed)

    def slowing(self, id):
        """The same audience, for whose slow members the socket waits whose message they get."""
        return Audience(self._who, self._left_out, b",~" + name_of(id))

    def _names(self):
        return (self._who + self._left_out + self._slowed,)


def all():
    """All sockets of the service."""
    return Audience(b"*")


def topic(name):
    """The sockets that are subscribed to a topic. Raises as Service.subscribe does."""
    return Audience(b"@" + encoded_topic(name))


class Service:
    protocols = ()  # the subprotocols that are spoken
    on_ask = None  # on_ask(self, id, info), if there, has to accept or reject, at once or later
    tick_seconds = None  # how often on_tick is called

    def on_open(self, id, info): pass  # info is a dict of CGI's names, such as REMOTE_ADDR
    def on_message(self, id, message): pass
    def on_close(self, id, code, reason): pass  # once for each on_open
    def on_full(self, id, waiting): pass  # the peer takes less than it is sent: hold back
    def on_drained(self, id): pass
    # The host has not done a line, which it has warned of in the log. The id is None unless the
    # line was for one socket.
    def on_error(self, verb, id, text): pass
    def on_gap(self): pass  # messages of other processes or hosts may be missing: docs/scale.md
    def on_reload(self): pass
    def on_stop(self, milliseconds): pass  # so long until the end; input ends before
    def on_tick(self): pass

    def send(self, to, message):
        """Sends a str as text, bytes and the like as they are. A socket that has gone is silence.
        Raises TypeError for what is no audience or no message."""
        self._say(message_lines(to, message))

    def close(self, to, code=1000, reason=""):
        """Closes after what was sent before. The reason is cut to 123 bytes of UTF-8."""
        self._say(close_lines(to, code, reason))

    def subscribe(self, ids, name):
        """Subscribes an id, or several, to a topic. Its name is any text that is not above 256
        bytes once it is encoded, which triples what cannot stand in a line: blanks, commas,
        percent signs, controls, a plus sign in front. Others raise ValueError."""
        self._say(lines(b"SUB", names_of(ids), encoded_topic(name)))

    def unsubscribe(self, ids, name):
        """Takes a subscription back."""
        self._say(lines(b"UNSUB", names_of(ids), encoded_topic(name)))

    def pause(self, ids):
        """Has nothing more read of an id, or of several, until `resume`."""
        self._say(lines(b"PAUSE", names_of(ids)))

    def resume(self, ids):
        self._say(lines(b"RESUME", names_of(ids)))

    def label(self, id, key, value):
        """A label for the log line of a socket; an empty value takes it away."""
        self._say(lines(b"SET", [name_of(id)], token(key), body=text_bytes(value)))

    def log(self, level, text):
        """A line for the log: error, warn, info, debug or trace."""
        self._say(lines(b"LOG", [token(level)], body=text_bytes(text)))

    def accept(self, id, protocol=None):
        """Lets in a socket that on_ask was called for. A protocol that is no token is a ValueError."""
        words = [b"protocol=" + token(protocol)] if protocol else []
        self._say(lines(b"ACCEPT", [name_of(id)], *words))

    def reject(self, id, status=403, text="", headers=()):
        """Answers with a status, 200 to 599, instead. `headers` is a dict, or pairs; a line end in
        one of them is a ValueError."""
        pairs = headers.items() if isinstance(headers, dict) else headers
        head = "".join([f"{header_part(name)}: {header_part(value)}\n" for name, value in pairs])
        body = text_bytes(f"{head}\n{text}")
        self._say(lines(b"REJECT", [name_of(id)], integer(status), body=body))

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
                    try:
                        self.on_tick()
                    except Exception as fault:
                        self._fault(fault, "on_tick")
                    continue
                data = os.read(SOURCE, BLOCK_BYTES)
                if not data:
                    return
                self.receive(data)
        finally:
            self.end()

    def begin(self):
        """The first line, for a loop other than `run`, around `receive` and `flush`. What this
        thread says after this waits for `flush`, or for a block of it. Raises TypeError for a
        callback that is a coroutine function."""
        unknown = self._check_callbacks()
        protocols = f" protocols={','.join(self.protocols)}" if self.protocols else ""
        self._out[:0] = f"READY 1{protocols}{' admission=ask' if self.on_ask else ''}\n".encode()
        self._is_ready, self._thread = True, get_ident()
        for name in unknown:
            nearest = difflib.get_close_matches(name, KNOWN, 1)
            hint = f"do you mean {nearest[0]}?" if nearest else f"there are {', '.join(KNOWN)};"
            self.log("warn", f"{name} is no callback, and is not called: {hint} other methods of "
                             f"{type(self).__name__} should not begin with on_")
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
        """Writes all that was said. It waits while the pipe is full."""
        with self._lock:
            if self._is_writing or not self._is_ready:
                return  # a signal handler sends within the write below, which goes on with it
            self._is_writing = True
            try:
                while self._out:
                    del self._out[: os.write(SINK, self._out[:BLOCK_BYTES])]
            except BrokenPipeError:
                self._is_ready = False  # the host has gone, and nothing is left to be done
                raise SystemExit from None
            finally:
                self._is_writing = False

    def end(self):
        """After the last `receive`: what is said after this is written at once."""
        self._thread = None
        self.flush()

    def __new__(cls, *args, **kwargs):  # and not __init__, which yours need not call then
        self = super().__new__(cls)
        self._in, self._out, self._lock = bytearray(), bytearray(), threading.RLock()
        self._is_ready, self._is_writing, self._thread, self._failed = False, False, None, set()
        return self

    def _check_callbacks(self):
        """The names of methods that look like callbacks, and are none."""
        names = [name for name in dir(self) if name.startswith("on_")]
        for name in set(names) & (set(KNOWN) - self._may_await):
            if inspect.iscoroutinefunction(getattr(self, name)):
                raise TypeError(f"{name} is a coroutine function, {self._use_instead}")
        return [name for name in names if name not in KNOWN and callable(getattr(self, name))]

    _may_await = frozenset()
    _use_instead = "which this helper does not await: use Server of _switchboard_async, or def"

    def _say(self, data):
        self._out += data
        if len(self._out) >= BLOCK_BYTES or self._thread != get_ident():
            self.flush()

    def _hear(self, body, verb, id="", number="0", *_):
        if verb in OF_A_SOCKET:
            id = str.__new__(SocketId, id)
            # What its peer had sent before it learned of the 1011.
            if self._failed and id in self._failed and verb != "CLOSE":
                return
        try:
            if verb == "TEXT":
                self.on_message(id, body.decode())
            elif verb == "BIN":
                self.on_message(id, bytes(body))
            elif verb == "OPEN":
                self.on_open(id, info_of(body))
            elif verb == "ASK":
                self.on_ask(id, info_of(body))
            elif verb == "CLOSE":
                self._failed.discard(id)
                self.on_close(id, int(number), body.decode())
            elif verb == "FULL":
                self.on_full(id, int(number))
            elif verb == "DRAIN":
                self.on_drained(id)
            elif verb == "ERR":
                of = SocketId(number) if DIGITS(number) else None
                self.on_error(id, of, body.decode(errors="replace"))
            elif verb == "GAP":
                self.on_gap()
            elif verb == "RELOAD":
                self.on_reload()
            elif verb == "STOP":
                self.on_stop(int(id))
        except Exception as fault:
            where = f"on_{CALLBACKS[verb]}"
            self._fault(fault, where, id if verb in OF_A_SOCKET else None)
            if verb == "ASK":
                self.reject(id, 500)
            elif verb in OF_A_SOCKET and verb != "CLOSE":
                self._failed.add(id)
                self.close(id, 1011, f"an exception in {where}")

    def _fault(self, fault, where, id=None):
        """Logs an exception: the traceback, which the host has at info, and a warning."""
        traceback.print_exception(type(fault), fault, fault.__traceback__)
        # What comes before the exception itself is indented; what its notes say follows.
        only = traceback.format_exception_only(type(fault), fault)
        name = next((line for line in only if not line.startswith(" ")), "").rstrip("\n")
        socket = f"socket {id}: " if id else ""
        text = f"{socket}an exception in {where}: {name[:FAULT_CHARS_MAX]}"
        self._say(lines(b"LOG", [b"warn"], body=text_bytes(text)))


def info_of(body):
    lines = body.decode(errors="replace").split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def message_lines(to, message):
    if isinstance(message, str):
        return lines(b"TEXT", names_of(to, Audience), body=text_bytes(message))
    if not isinstance(message, bytes):
        try:
            message = bytes(memoryview(message))  # whose length may not count bytes
        except TypeError:
            raise TypeError(f"a message is str or bytes, not {type(message).__name__}; "
                            "for JSON: json.dumps(...)") from None
    return lines(b"BIN", names_of(to, Audience), body=message)


def close_lines(to, code=1000, reason=""):
    reason = text_bytes(reason)[:REASON_BYTES_MAX].decode(errors="ignore").encode()
    return lines(b"CLOSE", names_of(to, Audience), integer(code), body=reason)


def lines(verb, names, *words, body=None):
    """A line for each of `names`, which are several where ids are many: a line is short."""
    end = b"\n" if body is None else b" +%d\n%s\n" % (len(body), body)
    if words:
        end = b" " + b" ".join(words) + end
    data = bytearray()
    for name in names:
        data += b"%s %s%s" % (verb, name, end)
    return data


def names_of(ids, others=()):
    """The words that name an id, several, or an audience where that may stand (`others`)."""
    if isinstance(ids, Id):
        return (str(ids).encode(),)
    if isinstance(ids, others):
        return ids._names()
    if isinstance(ids, NO_LIST) or not isinstance(ids, Iterable):
        raise TypeError(f"{shown(ids)} is no audience here: take ids as they came, a list of them, "
                        "or socket_id of what was stored; send and close also take all() and "
                        "topic(name)")
    # Each once, also where they are several lines.
    names = list(dict.fromkeys([name_of(id) for id in ids]))
    return [b",".join(names[at : at + IDS_MAX]) for at in range(0, len(names), IDS_MAX)]


def name_of(id):
    if isinstance(id, Id):
        return str(id).encode()
    raise TypeError(f"{shown(id)} is no socket id: take it as it came, or use socket_id")


def encoded_topic(name):
    """The name as one word. No two names become the same word, and the empty one is a percent sign,
    which no other becomes."""
    if not isinstance(name, str):
        raise TypeError(f"a topic is a str, not {shown(name)}")
    word = NO_TOPIC.sub(percent, name).encode() or b"%"
    if len(word) > TOPIC_BYTES_MAX:
        raise ValueError(f"a topic has {TOPIC_BYTES_MAX} bytes at most, and {len(word)} encoded "
                         f"are too many: {name!r:.80}")
    return word


def percent(found):
    return "".join([f"%{byte:02X}" for byte in found[0].encode()])


def token(text):
    is_text = isinstance(text, str)
    if is_text and TOKEN(text):
        return text.encode()
    raise (ValueError if is_text else TypeError)(
        f"{text!r:.80} is no token: 1 to 128 letters, digits and !#$%&'*+-.^_`|~"
    )


def header_part(text):
    if not isinstance(text, str):
        raise TypeError(f"a header is a str, not {shown(text)}")
    if "\n" in text or "\r" in text:
        raise ValueError(f"a header has no line ends: {text!r:.80}")
    return text


def integer(number):
    if isinstance(number, int) and not isinstance(number, bool):
        return b"%d" % number
    raise TypeError(f"a code or status is an int, not {shown(number)}")


def shown(value):
    """For an error: a value and its type, which tells "17" from an id."""
    return f"{value!r:.80} ({type(value).__name__})"


def text_bytes(text):
    if not isinstance(text, str):
        raise TypeError(f"a text is a str, not {shown(text)}")
    # Half a surrogate pair, which JSON can bring in, becomes a question mark.
    return text.encode(errors="replace")


def ready(due):
    """Waits for input. False if none came before it was due."""
    left = due - time.monotonic()
    return left > 0 and bool(select.select([SOURCE], [], [], left)[0])


CALLBACKS = {
    "TEXT": "message", "BIN": "message", "OPEN": "open", "ASK": "ask", "CLOSE": "close",
    "FULL": "full", "DRAIN": "drained", "ERR": "error", "GAP": "gap", "RELOAD": "reload",
    "STOP": "stop",
}
# What may be defined, in the order of the class Service.
KNOWN = [
    "on_ask", "on_open", "on_message", "on_close", "on_full", "on_drained", "on_error", "on_gap",
    "on_reload", "on_stop", "on_tick",
]
NO_LIST = (str, bytes, bytearray, memoryview, Mapping, Audience)
OF_A_SOCKET = {"TEXT", "BIN", "OPEN", "ASK", "CLOSE", "FULL", "DRAIN"}
DIGITS = re.compile(r"0|[1-9][0-9]{0,19}").fullmatch
NO_TOPIC = re.compile(r"^\+|[\x00-\x20%,\x7f-\x9f]")
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}").fullmatch  # RFC 9110, 5.6.2
NEWLINE = ord("\n")
IDS_MAX = 32  # of 20 digits at most, so that a topic still fits the line of 1024 bytes
TOPIC_BYTES_MAX = 256
REASON_BYTES_MAX = 123
FAULT_CHARS_MAX = 1000
BLOCK_BYTES = 1 << 16  # what a pipe holds

# The lines have descriptors of their own, so that nothing else is printed or read between them.
SOURCE, SINK = os.dup(0), os.dup(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
