"""Serves all sockets of a Switchboard service with asyncio: a coroutine for each socket.

Copy this file and _switchboard.py beside your program, and run:

    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    asyncio.run(Server(echo).run())

A socket is closed when its coroutine returns; an exception closes it with 1011, is logged with a
warning, and harms nobody else. `send` waits for a peer that reads slowly, and raises Closed once
the socket has gone; a coroutine that ends by it ends quietly. What it has to do at the end belongs
into a `finally`. When the host ends the input, every socket ends, and run returns
after the last coroutine. A Server is a Service as well: it sends to ids, `all()` and `topic(name)`,
from any thread, and may override on_stop and the like. With tick_seconds, its on_tick is called,
which may be a coroutine function.
"""

import asyncio
import builtins
import inspect
import os
import threading
from collections import deque

from _switchboard import BLOCK_BYTES, SOURCE, Service
from _switchboard import all, socket_id, topic  # noqa: F401, for programs to import from here


class Server(Service):
    _may_await = frozenset(["on_tick"])
    _use_instead = "which is not awaited: use def, and asyncio.create_task for what takes long"

    def __init__(self, serve, ask=None):
        """`serve(socket)` is a coroutine function. `ask(id, info)`, if there, is one that has to
        accept or reject the socket; an exception in it refuses the socket with 500."""
        self.serve = serve
        if ask:
            self.on_ask = lambda id, info: self._start(self._ask(ask, id, info))
        self.sockets, self._tasks, self._lives, self._is_flush_due = {}, set(), {}, False

    async def run(self):
        self.begin()
        loop = asyncio.get_running_loop()
        end = loop.create_future()
        loop.add_reader(SOURCE, self._read, end)
        ticking = self.tick_seconds and loop.create_task(self._tick())
        try:
            await end
            # What came before is answered, by those that go on taking it: a coroutine that is held
            # up by what it has sent needs fewer steps than these to go on.
            left = None
            while (waiting := sum([len(each._mail) for each in self.sockets.values()])) != left:
                left = waiting
                for _ in range(END_STEPS):
                    await asyncio.sleep(0)
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
    def on_full(self, id, waiting): self.sockets[id]._hold_back()
    def on_drained(self, id): self.sockets[id]._go_on()

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


class Closed(ConnectionError):
    """A socket that is sent to has gone."""


class Socket:
    """A socket as its coroutine sees it: it is iterated for its messages, until it has gone."""

    def __init__(self, server, id, info):
        self.server, self.id, self.info = server, id, info
        self.close_code, self.close_reason = None, None  # there when it is gone
        self._mail, self._mail_cost, self._is_paused, self._is_leaving = deque(), 0, False, False
        self._news, self._room, self._is_full = asyncio.Event(), asyncio.Event(), False
        self._lost = 0  # messages to a peer that had gone, since one of it was taken
        self._ahead = 0  # bytes that were sent since the input was read last
        self._room.set()

    async def send(self, message):
        """Waits as long as the peer takes less than it is sent. Raises Closed once the socket has
        gone, and what its peer had sent is taken; in the coroutine of another socket it does
        nothing then. For coroutines of its server's loop; other threads call
        server.send(socket.id, message)."""
        if threading.get_ident() != self.server._thread:
            raise RuntimeError("another thread has another loop: call server.send(socket.id, ...)")
        while not self._room.is_set():
            await self._room.wait()
        if self.close_code is not None:
            await asyncio.sleep(0)  # a loop that ignores the exception does not hold up the others
            # What the peer had sent before is taken first, unless the coroutine takes nothing.
            self._lost += 1
            is_own = self.server._lives.get(asyncio.current_task(), self) is self
            if is_own and (not self._mail or self._lost > LOST_MAX):
                raise Closed(f"socket {self.id} has gone: {self.close_code} {self.close_reason}")
            return
        self.server.send(self.id, message)
        self._ahead += len(message) + MESSAGE_COST
        if self._ahead > AHEAD_COST_MAX and self._room.is_set():
            # The host says FULL meanwhile if the peer takes less. A callback that another one
            # calls soon runs after the next poll, and after what that has brought was read.
            self._room.clear()
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._look_up)

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
        self._lost = 0
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

    def _hold_back(self):
        self._is_full = True
        self._room.clear()

    def _go_on(self):
        self._is_full, self._ahead = False, 0
        self._room.set()

    def _look_up(self):
        if not self._is_full:
            self._go_on()

    def _is_open(self):
        return self.close_code is None and not self._is_leaving

    def _end(self, code, reason):
        self.close_code, self.close_reason = code, reason
        self._news.set()
        self._go_on()

    async def _live(self):
        code, reason = 1011, "an exception in its coroutine"
        self.server._lives[asyncio.current_task()] = self
        try:
            await self.server.serve(self)
            code, reason = 1000, ""
        except Exception as fault:
            if self.close_code is None or not is_closed(fault):
                self.server._fault(fault, "its coroutine", self.id)
        except asyncio.CancelledError as fault:
            # At the end of the loop, all that are left are cancelled.
            if self.server._thread and self._is_open():
                self.server._fault(fault, "its coroutine", self.id)
            raise
        finally:
            del self.server._lives[asyncio.current_task()]
            if self._is_open():
                self.close(code, reason)
            self._put = lambda message: None  # nobody is there to take it


def is_closed(fault):
    """Whether it is Closed, or a group of nothing else, as a TaskGroup raises it."""
    group = getattr(fault, "exceptions", ())
    return isinstance(fault, Closed) or bool(group) and builtins.all(map(is_closed, group))


MESSAGE_COST = 64  # bytes that a message takes, however short it is
MAIL_COST_MAX = 1 << 20  # then the socket is paused until half of it is taken
END_STEPS = 8
LOST_MAX = 64
AHEAD_COST_MAX = 1 << 14  # then a socket is sent more only after the input was read
