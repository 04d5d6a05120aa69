"""Services as they were written for the original: a loop between two queues of transactions.

Copy this file and _switchboard.py beside your program, derive from Service, and serve it:

    class Echo(Service):
        def run(self):
            for transaction in iter(self.recvQueue.get, None):
                if transaction.type == DATA:
                    self.sendQueue.put(transaction)

    serve(Echo())

    type        to the service                          from the service
    NEWSOCKET   data is the address, (host, port)       -
    DATA        data is a message, a str or bytes       send it
    CLOSE       data is (code, reason)                  close with that, or None for 1000

A CLOSE by the service is answered with one to it. Both queues may be used by any thread. The last
that recvQueue brings is None, when the host stops; `stopping` is set from then on, or earlier.

A socketId is a SocketId, an int of a type of its own; `socket_id(number)` makes one of what was
stored. In its place, the service may put a list of them, `all()`, or `all().but(id)`. No other
number and no string is an audience, so that nothing that a peer sends becomes one: `put` raises
TypeError, as for data that is no message.
"""

import itertools
import os
import queue
import threading
import traceback
from typing import NamedTuple

import _switchboard
from _switchboard import all  # noqa: F401, for services to import from here

NEWSOCKET, DATA, CLOSE = 0, 1, 2


class SocketId(int, _switchboard.Id):
    """The id of one socket. No id is used twice while the host runs."""


def socket_id(number):
    """The id whose number, or its digits, was stored. Raises ValueError if it is none. Never give
    it what a peer has sent, unless that peer may address any socket of the service."""
    return SocketId(_switchboard.SocketId(str(number)))


class Transaction(NamedTuple):
    type: int
    socketId: SocketId
    data: object = None


class Service:
    def __new__(cls, *args, **kwargs):  # and not __init__, which yours need not call then
        self = super().__new__(cls)
        # When the queue is full, putting blocks, and the host reads the sockets no further.
        self.recvQueue, self.sendQueue = queue.Queue(QUEUE_MAX), Outgoing(QUEUE_MAX)
        self.stopping = threading.Event()
        return self

    def run(self):
        raise NotImplementedError("a service has a loop: def run(self)")


class Outgoing(queue.Queue):
    """Takes transactions, and holds the lines that they are to the host."""

    def put(self, transaction, block=True, timeout=None):
        type, to, data = transaction
        if type == DATA:
            lines = _switchboard.message_lines(to, data)
        elif type == CLOSE:
            if data is not None and not isinstance(data, (tuple, list)):
                raise TypeError(f"a CLOSE has (code, reason) or None, not {data!r:.80}")
            lines = _switchboard.close_lines(to, *(data or ()))
        else:
            raise ValueError(f"a service puts DATA and CLOSE, not a transaction of type {type!r}")
        super().put(lines, block, timeout)

    def end(self):
        super().put(None)


def serve(service):
    """Runs the service until its loop returns. An exception of it ends the program with 1."""
    wire = Wire(service)
    writer = threading.Thread(target=or_exit, args=[wire.write], daemon=True)
    writer.start()
    threading.Thread(target=or_exit, args=[wire.read], daemon=True).start()
    try:
        service.run()
    finally:
        service.sendQueue.end()
        writer.join()


class Wire(_switchboard.Service):
    """Between the queues and the host: one thread reads, another one writes."""

    def __init__(self, service):
        self.service = service

    def on_open(self, id, info):
        address = info.get("REMOTE_ADDR", ""), int(info.get("REMOTE_PORT", 0))
        self.service.recvQueue.put(Transaction(NEWSOCKET, SocketId(id), address))

    def on_message(self, id, message):
        self.service.recvQueue.put(Transaction(DATA, SocketId(id), message))

    def on_close(self, id, code, reason):
        self.service.recvQueue.put(Transaction(CLOSE, SocketId(id), (code, reason)))

    def on_stop(self, milliseconds):
        self.service.stopping.set()

    def read(self):
        while data := os.read(_switchboard.SOURCE, _switchboard.BLOCK_BYTES):
            self.receive(data)
        self.service.stopping.set()
        self.service.recvQueue.put(None)

    def write(self):
        self.begin()
        outgoing = self.service.sendQueue
        for lines in iter(outgoing.get, None):
            self._say(lines)
            if outgoing.empty():
                self.flush()
        self.flush()


def or_exit(work):
    """Python ends a thread only, where the program is useless without it."""
    try:
        work()
    except SystemExit:
        os._exit(0)  # the host has gone
    except BaseException:
        traceback.print_exc()
        os._exit(1)


class Event(NamedTuple):
    id: object  # its meaning is between the source and its subscribers
    data: object = None


class Subscribable:
    """A source of events, for one thread. Callbacks may subscribe and unsubscribe."""

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self._ids, self._subscribers, self._silent = itertools.count(), {}, {}
        return self

    def subscribe(self, object, callback):
        return self._add(self._subscribers, object, callback)

    def subscribeSilent(self, object, callback):
        """Gets events, and is not counted."""
        return self._add(self._silent, object, callback)

    def unsubscribe(self, id):
        """Returns the object that was subscribed, or None."""
        found = self._subscribers.pop(id, None) or self._silent.pop(id, None)
        return found and found[0]

    def getNumSubscribers(self):
        return len(self._subscribers)

    def sendEvent(self, event):
        """Calls those that are subscribed now, except those that go meanwhile. If a callback fails,
        the others are still called, and then its exception is raised."""
        fault = None
        for those, ids in [(those, list(those)) for those in (self._subscribers, self._silent)]:
            for id in ids:
                try:
                    if id in those:
                        those[id][1](event)
                except Exception as raised:
                    fault = fault or raised
        if fault:
            raise fault

    def _add(self, those, object, callback):
        id = next(self._ids)
        those[id] = object, callback
        return id


QUEUE_MAX = 4096
