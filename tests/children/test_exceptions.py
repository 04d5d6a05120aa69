"""An exception in a callback costs one socket, and nobody else notices; and sending from another
thread works or raises."""

import os
import tempfile
import unittest
from pathlib import Path

from host import PROGRAMS, Host, Line, encode
from test_helpers import NODE, PYTHON, RAISING, Case, probes, told

# What a probe logs of the end of socket 17; a coroutine that has failed gets nothing of it.
GONE = told("close 17 1011 ")


def program(text):
    """A Python program with the helpers beside it."""
    head = "import sys\nsys.path.insert(0, sys.argv[1])\n"
    return Host("python3", "-c", head + text, PROGRAMS / "python")


class Exceptions(Case):
    @probes(*RAISING)
    def test_in_a_message_it_closes_its_socket(self, host):
        self.enter(host, 18)
        host.say("TEXT 17", "fail now")
        self.failed(host, 17)
        host.say("TEXT 18", "one 18 here I am")
        self.assertEqual(host.next(), Line("TEXT 18", b"here I am"))
        self.assertEqual(host.end()[1], 0)
        self.assertRegex(host.log(), r"(?s)(Traceback.*RuntimeError: now|Error: now\n +at )")

    # A promise is rejected later, when others have been heard; those that come then are not.
    @probes("node, async")
    def test_after_a_rejection_nothing_of_its_peer_is_heard(self, host):
        host.say("TEXT 17", "fail now")
        self.failed(host, 17)
        host.say("TEXT 17", "all still here")
        host.say("CLOSE 17 1011", "")
        host.say("RELOAD")
        line = host.next()
        self.assertEqual(host.next() if line == GONE else line, told("reload"))
        self.ends(host)

    @probes("node, async")
    def test_a_rejection_after_the_end_closes_nothing(self, host):
        said = [encode("TEXT 17", "fail now"), encode("CLOSE 17 1000", "")]
        host.write(b"".join(said) + b"RELOAD\n")
        self.assertEqual(host.next(), told("close 17 1000 "))
        self.assertEqual(host.next(), told("reload"))
        self.warned(host, r"socket 17: an exception in message\(\)", "now")
        self.ends(host)

    @probes(*PYTHON, "node")
    def test_what_the_peer_sent_meanwhile_is_not_heard(self, host):
        said = [encode("TEXT 17", text) for text in ("fail now", "all still here", "fail again")]
        host.write(b"".join(said) + encode("BIN 17", b"\0") + b"FULL 17 70000\nDRAIN 17\n")
        self.failed(host, 17)
        host.say("CLOSE 17 1011", "")
        host.say("RELOAD")
        line = host.next()
        self.assertEqual(host.next() if line == GONE else line, told("reload"))
        self.ends(host)
        self.assertEqual(host.log().count("Error: "), 1, host.log())

    @probes(*RAISING)
    def test_in_an_open_it_closes_its_socket(self, host):
        host.open(18, QUERY_STRING="fail")
        self.assertEqual(host.next(), told("open 18 127.0.0.1 fail"))
        self.failed(host, 18)
        host.say("TEXT 17", "one 17 here I am")
        self.assertEqual(host.next(), Line("TEXT 17", b"here I am"))

    @probes(*RAISING, flags=["asks"], ready="READY 1 admission=ask")
    def test_in_an_ask_it_refuses(self, host):
        host.say("ASK 18", "REMOTE_ADDR=fail\nQUERY_STRING=\n")
        self.assertEqual(host.next(), told("ask 18 fail"))
        self.warned(host, r"socket 18: an exception in (on_)?ask(\(\))?", "fail")
        self.assertEqual(host.next(), Line("REJECT 18 500", b"\n"))
        host.say("TEXT 17", "one 17 here I am")
        self.assertEqual(host.next(), Line("TEXT 17", b"here I am"))
        self.assertRegex(host.log(), "Error: fail")

    @probes("python", *NODE)
    def test_in_what_is_told_of_a_slow_peer_it_closes_its_socket(self, host):
        host.say("FULL 17 4444")
        self.assertEqual(host.next(), told("full 17 4444"))
        self.failed(host, 17)

    @probes("python", *NODE)
    def test_elsewhere_it_is_logged_and_that_is_all(self, host):
        for words, body, news, where in [
            ("CLOSE 17 1000", "fail", "close 17 1000 fail", "socket 17: an exception in (on_)?close"),
            ("ERR TEXT 17", "fail", "error TEXT 17 fail", "an exception in (on_)?error"),
            ("STOP 4444", None, "stop 4444", "an exception in (on_)?stop"),
        ]:
            host.say(words, body)
            self.assertEqual(host.next(), told(news))
            self.warned(host, where + r"(\(\))?", "fail")
        host.say("RELOAD")
        self.assertEqual(host.next(), told("reload"))
        self.ends(host)
        self.assertEqual(host.log().count("Error: fail"), 3)

    def test_an_ask_that_is_cancelled_refuses(self):
        text = """
import asyncio
from _switchboard_async import Server

async def ask(id, info):
    waiting = asyncio.ensure_future(asyncio.sleep(3600))
    waiting.cancel()
    await waiting

asyncio.run(Server(None, ask).run())
"""
        with program(text) as host:
            host.ready("READY 1 admission=ask")
            host.say("ASK 17", "REMOTE_ADDR=192.0.2.7\n")
            self.warned(host, "socket 17: an exception in ask", "")
            self.assertEqual(host.next(), Line("REJECT 17 500", b"\n"))
            self.ends(host)

    def test_a_coroutine_that_is_cancelled_closes_its_socket(self):
        text = """
import asyncio
from _switchboard_async import Server

async def serve(socket):
    async for message in socket:
        waiting = asyncio.ensure_future(asyncio.sleep(3600))
        waiting.cancel()
        await waiting

asyncio.run(Server(serve).run())
"""
        with program(text) as host:
            host.ready()
            host.open(17)
            host.say("TEXT 17", "wait")
            self.failed(host, 17)
            self.ends(host)


    # Its lines are the host's.
    def test_nothing_else_is_read_from_the_standard_input(self):
        text = """
from _switchboard import Service

class Asks(Service):
    def on_message(self, id, message): self.send(id, input())

Asks().run()
"""
        with program(text) as host:
            host.ready()
            host.open(17)
            host.write(encode("TEXT 17", "hello") + b"RELOAD\n")
            self.failed(host, 17, "EOF")
            self.ends(host)


class Ticks(Case):
    def test_asyncio_has_them(self):
        for word in ("def", "async def"):
            with self.subTest(word), program(TICKS.format(word)) as host:
                host.ready()
                for _ in range(3):
                    self.assertEqual(host.next(), Line("TEXT *", b"tick"))
                    self.warned(host, "an exception in on_tick", "after a tick")
                self.assertEqual(host.end()[1], 0, host.log())
                self.assertIn("RuntimeError: after a tick", host.log())

    def test_one_that_fails_is_logged_and_the_next_one_comes(self):
        text = """
from _switchboard import Service, all

class Clock(Service):
    tick_seconds = 0.001
    def on_tick(self):
        self.send(all(), "tick")
        raise RuntimeError("after a tick")

Clock().run()
"""
        with program(text) as host:
            host.ready()
            for _ in range(3):
                self.assertEqual(host.next(), Line("TEXT *", b"tick"))
                self.warned(host, "an exception in on_tick", "after a tick")
            self.assertEqual(host.end()[1], 0, host.log())
            self.assertIn("RuntimeError: after a tick", host.log())


TICKS = """
import asyncio
from _switchboard_async import Server, all

class Clock(Server):
    tick_seconds = 0.001
    {} on_tick(self):
        self.send(all(), "tick")
        raise RuntimeError("after a tick")

asyncio.run(Clock(None).run())
"""


class Threads(Case):
    # The thread that serves is not back before the line has come.
    @probes(*PYTHON)
    def test_what_a_thread_sends_does_not_wait_for_others(self, host):
        with tempfile.TemporaryDirectory() as folder:
            pipe = Path(folder, "pipe")
            os.mkfifo(pipe)
            said = encode("TEXT 17", "one 17 before"), encode("TEXT 17", f"thread {pipe}")
            host.write(b"".join(said))
            self.assertEqual(host.next(), Line("TEXT 17", b"before"))
            self.assertEqual(host.next(), Line("TEXT 17", b"by a thread"))
            pipe.write_text("go on")
        host.say("TEXT 17", "one 17 after")
        self.assertEqual(host.next(), Line("TEXT 17", b"after"))

    def test_many_threads_send_whole_lines(self):
        for text in MANY_THREADS:
            with self.subTest(text), program(text) as host:
                host.ready()
                host.open(17)
                found = [host.next().body for _ in range(8 * 50)]
                for n in range(8):
                    self.assertEqual(found.count(b"%d" % n * 30_000), 50)

    # Which Python runs between any two steps of a write, here after some bytes of it.
    def test_a_signal_handler_sends_behind_what_is_being_written(self):
        text = """
import os, signal
from _switchboard import Service, all

class Interrupted(Service):
    def on_message(self, id, message):
        signal.signal(signal.SIGUSR1, lambda *_: self.send(id, "b" * 100_000))
        os.write = interrupted
        self.send(id, "a" * 100_000)

def interrupted(file, data):
    os.write = write
    written = write(file, data[:3])
    signal.raise_signal(signal.SIGUSR1)
    return written

write = os.write
Interrupted().run()
"""
        with program(text) as host:
            host.ready()
            host.open(17)
            host.say("TEXT 17", "go")
            for letter in (b"a", b"b"):
                self.assertEqual(host.next(), Line("TEXT 17", letter * 100_000))
            self.ends(host)

    def test_a_thread_sends_before_and_after_the_service_runs(self):
        text = """
import threading
from _switchboard import Service, all

service = Service()
send = lambda text: threading.Thread(target=service.send, args=[all(), text]).run()
send("before")
service.run()
send("after")
"""
        with program(text) as host:
            host.ready()
            self.assertEqual(host.next(), Line("TEXT *", b"before"))
            self.assertEqual(host.end(), ([Line("TEXT *", b"after")], 0), host.log())

    def test_a_coroutine_of_another_loop_raises(self):
        text = """
import asyncio, threading
from _switchboard_async import Server

async def serve(socket):
    def work():
        try:
            asyncio.run(socket.send("by a thread"))
        except RuntimeError as fault:
            server.send(socket.id, str(fault))
    await asyncio.get_running_loop().run_in_executor(None, work)

server = Server(serve)
asyncio.run(server.run())
"""
        with program(text) as host:
            host.ready()
            host.open(17)
            self.assertIn(b"another thread has another loop", host.next().body)

    @probes("node")
    def test_a_worker_of_node_raises(self, host):
        host.say("TEXT 17", "worker")
        self.assertIn(b"worker a worker does not speak to the host", host.next().body)


MANY_THREADS = [
    """
import threading
from _switchboard import Service

class Many(Service):
    def on_open(self, id, info):
        for n in range(8):
            threading.Thread(target=self.work, args=[id, str(n)]).start()

    def work(self, id, text):
        for _ in range(50):
            self.send(id, text * 30_000)

Many().run()
""",
    """
import asyncio, threading
from _switchboard_async import Server

def work(id, text):
    for _ in range(50):
        server.send(id, text * 30_000)

async def serve(socket):
    for n in range(8):
        threading.Thread(target=work, args=[socket.id, str(n)]).start()
    async for message in socket: pass

server = Server(serve)
asyncio.run(server.run())
""",
]

if __name__ == "__main__":
    unittest.main()
