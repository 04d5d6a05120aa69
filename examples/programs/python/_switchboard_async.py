"""Serves all sockets of a Switchboard service with asyncio: a coroutine for each socket.

Copy this file and _switchboard.py beside your program, and run:

    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    asyncio.run(Server(echo).run())

A socket is closed when its coroutine returns; an exception closes it with 1011, is logged with a
warning, and harms nobody else. When the host ends the input, every socket ends, and run returns
after the last coroutine. A Server is a Service as well: it sends to ids, `all()` and `topic(name)`,
from any thread, and may override on_stop and the like. With tick_seconds, its on_tick is called,
which may be a coroutine function.
"""

import asyncio
import inspect
import os
import threading
from collections import deque

from _switchboard import BLOCK_BYTES, SOURCE, Service
from _switchboard import all, socket_id, topic  # noqa: F401, for programs to import from here


class Server(Service):
    def __init__(self, serve, ask=None):
        """`serve(socket)` is a coroutine function. `ask(id, info)`, if there, is one that has to
        accept or reject the socket; an exception in it refuses the socket with 500."""
        self.serve = serve
        if ask:
            self.on_ask = lambda id, info: self._start(self._ask(ask, id, info))
        self.sockets, self._tasks, self._is_flush_due = {}, set(), False

    async def run(self):
        self.begin()
        loop = asyncio.get_running_loop()
        end = loop.create_future()
        loop.add_reader(SOURCE, self._read, end)
        ticking = self.tick_seconds and loop.create_task(self._tick())
        try:
            await end
            for socket in self.sockets.values():
                socket._end(1006, "")
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            loop.remove_reader(SOURCE)
            if ticking:
                ticking.cancel()
            self.end()

    def on_open(self, id, info):
        self.sockets[id] = socket = Socket(self, id, info)
        self._start(socket._live())

    def _start(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on_message(self, id, message): self.sockets[id]._put(message)
    def on_close(self, id, code, reason): self.sockets.pop(id)._end(code, reason)
    def on_full(self, id, waiting): self.sockets[id]._room.clear()
    def on_drained(self, id): self.sockets[id]._room.set()

    async def _ask(self, ask, id, info):
        try:
            await ask(id, info)
        except (Exception, asyncio.CancelledError) as fault:
            self._fault(fault, "ask", id)
            self.reject(id, 500)

    async def _tick(self):
        now = asyncio.get_running_loop().time
        due = now()
        while True:
            due = max(due + self.tick_seconds, now())
            await asyncio.sleep(due - now())
            try:
                ticked = self.on_tick()
                if inspect.isawaitable(ticked):
                    await ticked
            except Exception as fault:
                self._fault(fault, "on_tick")

    def _read(self, end):
        try:
            data = os.read(SOURCE, BLOCK_BYTES)
            self.receive(data)
        except Exception as fault:
            asyncio.get_running_loop().remove_reader(SOURCE)
            return end.set_exception(fault)
        if not data:
            asyncio.get_running_loop().remove_reader(SOURCE)
            end.set_result(None)

    def _say(self, data):
        super()._say(data)
        # After all that is ready to run now, so that what is said at a time is one write.
        if self._thread == threading.get_ident() and not self._is_flush_due:
            asyncio.get_running_loop().call_soon(self._flush_due)
            self._is_flush_due = True

    def _flush_due(self):
        self._is_flush_due = False
        self.flush()


class Socket:
    """A socket as its coroutine sees it: it is iterated for its messages, until it has gone."""

    def __init__(self, server, id, info):
        self.server, self.id, self.info = server, id, info
        self.close_code, self.close_reason = None, None  # there when it is gone
        self._mail, self._mail_cost, self._is_paused, self._is_leaving = deque(), 0, False, False
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()

    async def send(self, message):
        """Waits as long as the peer takes less than it is sent. For coroutines of its server's
        loop; other threads call server.send(socket.id, message)."""
        if threading.get_ident() != self.server._thread:
            raise RuntimeError("another thread has another loop: call server.send(socket.id, ...)")
        if not self._room.is_set():
            await self._room.wait()
        if self.close_code is None:
            self.server.send(self.id, message)

    def close(self, code=1000, reason=""):
        self.server.close(self.id, code, reason)
        self._is_leaving = True

    def subscribe(self, name): self.server.subscribe(self.id, name)
    def unsubscribe(self, name): self.server.unsubscribe(self.id, name)
    def label(self, key, value): self.server.label(self.id, key, value)

    def __aiter__(self):
        return self

    async def __anext__(self):
        while not self._mail:
            if self.close_code is not None:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        message = self._mail.popleft()
        self._mail_cost -= len(message) + MESSAGE_COST
        if self._is_paused and self._mail_cost < MAIL_COST_MAX // 2:
            self._is_paused = False
            self.server.resume(self.id)
        return message

    def _put(self, message):
        self._mail.append(message)
        self._mail_cost += len(message) + MESSAGE_COST
        self._news.set()
        if self._mail_cost > MAIL_COST_MAX and not self._is_paused:
            self._is_paused = True
            self.server.pause(self.id)

    def _is_open(self):
        return self.close_code is None and not self._is_leaving

    def _end(self, code, reason):
        self.close_code, self.close_reason = code, reason
        self._news.set()
        self._room.set()

    async def _live(self):
        code, reason = 1011, "an exception in its coroutine"
        try:
            await self.server.serve(self)
            code, reason = 1000, ""
        except Exception as fault:
            self.server._fault(fault, "its coroutine", self.id)
        except asyncio.CancelledError as fault:
            # At the end of the loop, all that are left are cancelled.
            if self.server._thread and self._is_open():
                self.server._fault(fault, "its coroutine", self.id)
            raise
        finally:
            if self._is_open():
                self.close(code, reason)
            self._put = lambda message: None  # nobody is there to take it


MESSAGE_COST = 64  # bytes that a message takes, however short it is
MAIL_COST_MAX = 1 << 20  # then the socket is paused until half of it is taken
