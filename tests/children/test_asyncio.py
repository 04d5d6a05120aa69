"""What only the asyncio helper does: a coroutine for each socket, which waits and is waited for."""

import unittest

from host import PROGRAMS, Host, Line, encode

PROGRAM = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from _switchboard_async import Server, all

async def serve(socket):
    {}

server = Server(serve)
asyncio.run(server.run())
"""


def serving(body):
    return Host("python3", "-c", PROGRAM.format(body.strip()), PROGRAMS / "python")


class Asyncio(unittest.TestCase):
    def test_a_coroutine_that_returns_closes_its_socket(self):
        with serving("await socket.send('bye')") as host:
            host.ready()
            host.open(17)
            self.assertEqual(host.next(), Line("TEXT 17", b"bye"))
            self.assertEqual(host.next(), Line("CLOSE 17 1000", b""))
            # A task that does not know it yet may still say something.
            host.say("TEXT 17", "wait")
            host.say("CLOSE 17 1000", "")
            self.assertEqual(host.end(), ([], 0), host.log())

    def test_one_that_closed_it_does_not_close_it_again(self):
        with serving("socket.close(4000, 'so')") as host:
            host.ready()
            host.open(17)
            self.assertEqual(host.next(), Line("CLOSE 17 4000", b"so"))
            self.assertEqual(host.end(), ([], 0), host.log())

    def test_an_exception_closes_one_socket_and_is_logged(self):
        body = """
    async for message in socket:
        await socket.send(str(1 // int(message)))
"""
        with serving(body) as host:
            host.ready()
            host.open(17)
            host.open(18)
            host.say("TEXT 17", "0")
            warning = b"socket 17: an exception in its coroutine: ZeroDivisionError: "
            line = host.next()
            self.assertEqual((line.words, line.body[: len(warning)]), ("LOG warn", warning))
            self.assertEqual(host.next(), Line("CLOSE 17 1011", b"an exception in its coroutine"))
            host.say("TEXT 18", "1")
            self.assertEqual(host.next(), Line("TEXT 18", b"1"))
            self.assertEqual(host.end()[1], 0)
            self.assertIn("ZeroDivisionError", host.log())

    def test_send_waits_for_a_slow_peer_and_not_for_a_dead_one(self):
        body = """
    try:
        async for message in socket:
            await socket.send(message)
    finally:
        print(f"{socket.id} has gone with {socket.close_code} {socket.close_reason}")
"""
        with serving(body) as host:
            host.ready()
            host.open(17)
            host.open(18)
            host.say("FULL 17 70000")
            host.say("TEXT 17", "later")
            host.say("TEXT 18", "now")
            self.assertEqual(host.next(), Line("TEXT 18", b"now"))
            host.say("DRAIN 17")
            self.assertEqual(host.next(), Line("TEXT 17", b"later"))
            host.say("FULL 17 70000")
            host.say("TEXT 17", "never")
            host.say("CLOSE 17 1013", "slow")
            self.assertEqual(host.end(), ([], 0), host.log())
            self.assertIn("17 has gone with 1013 slow", host.log())
            self.assertNotIn("Traceback", host.log())

    def test_a_loop_of_sends_leaves_the_input_read_and_ends_with_its_socket(self):
        body = """
    async for message in socket:
        while message == "for ever":
            await socket.send("x" * 1000)
        await socket.send(message)
"""
        with serving(body) as host:
            host.ready()
            host.open(17)
            host.open(18)
            host.say("TEXT 17", "for ever")
            self.assertEqual(host.next(), Line("TEXT 17", b"x" * 1000))
            host.say("FULL 17 70000")
            host.say("TEXT 18", "hello")
            # What was sent before it has read that: it reads whenever it has sent 16 KiB, so most
            # of this is the delay of this test's own thread.
            heard = [host.next()]
            while heard[-1].words == "TEXT 17" and len(heard) < 300_000:
                heard.append(host.next())
            self.assertEqual(heard[-1], Line("TEXT 18", b"hello"))
            host.say("CLOSE 17 1013", "slow")
            self.assertEqual(host.end(), ([], 0), host.log())
            self.assertEqual(host.log(), "")

    def test_who_sends_to_a_socket_that_has_gone_gets_an_exception(self):
        for body, is_quiet in GONE:
            with self.subTest(body), serving(body) as host:
                host.ready()
                host.open(17)
                self.assertEqual(host.next(), Line("TEXT 17", b"hello"))
                host.say("CLOSE 17 1001", "away")
                host.open(18)
                while (line := host.next()) != Line("TEXT 18", b"hello"):
                    self.assertEqual(line, Line("TEXT 17", b"hello"))
                lines, code = host.end()
                others = [line for line in lines if line != Line("TEXT 18", b"hello")]
                self.assertEqual((others, code), ([], 0), host.log())
                log = host.log()
                self.assertEqual("Closed: socket 17 has gone: 1001 away" in log, not is_quiet, log)

    def test_what_a_peer_sent_before_it_went_is_taken(self):
        body = """
    async for message in socket:
        print("got", message)
        await socket.send("x" * 20_000)
        await socket.send("thanks")
"""
        with serving(body) as host:
            host.ready()
            said = [encode("OPEN 17", ""), *(encode("TEXT 17", str(n)) for n in range(200))]
            host.write(b"".join(said) + encode("CLOSE 17 1001", ""))
            lines, code = host.end()
            self.assertEqual((lines, code), ([], 0), host.log())
            self.assertEqual(host.log(), "".join(f"got {n}\n" for n in range(200)))

    def test_another_socket_that_has_gone_costs_nothing(self):
        body = """
    sockets.append(socket)
    async for message in socket:
        for each in sockets: await each.send(message)

sockets = []
"""
        with serving(body) as host:
            host.ready()
            host.open(17)
            host.open(18)
            host.say("CLOSE 17 1001", "")
            host.say("TEXT 18", "hello")
            self.assertEqual(host.next(), Line("TEXT 18", b"hello"))
            host.say("TEXT 18", "again")
            self.assertEqual(host.next(), Line("TEXT 18", b"again"))
            self.assertEqual(host.end(), ([], 0), host.log())

    def test_a_socket_whose_coroutine_is_busy_is_paused(self):
        body = """
    gate = asyncio.Event()
    if socket.id == "18":
        async for message in socket: gates["17"].set()
        return
    gates[socket.id] = gate
    await gate.wait()
    async for message in socket: pass
"""
        with serving(body.strip() + "\n\ngates = {}\n") as host:
            host.ready()
            host.open(17)
            host.open(18)
            for _ in range(12):
                host.say("TEXT 17", "x" * 100_000)
            self.assertEqual(host.next(), Line("PAUSE 17"))
            host.say("TEXT 18", "go on")
            self.assertEqual(host.next(), Line("RESUME 17"))

    def test_the_end_waits_for_what_the_coroutines_have_to_do(self):
        body = """
    async for message in socket: pass
    await asyncio.sleep(0)
    server.send(all(), "last words")
"""
        with serving(body) as host:
            host.ready()
            host.open(17)
            host.open(18)
            lines, code = host.end()
            self.assertEqual(code, 0, host.log())
            self.assertEqual(lines, [Line("TEXT *", b"last words")] * 2)


FOR_EVER = """
async def for_ever(socket):
    while True:
        await socket.send("hello")
        await asyncio.sleep(0.001)
"""
# It goes on until the other socket has gone as well.
IGNORES = """
    told.add(socket)
    while told:
        try:
            await socket.send("hello")
            await asyncio.sleep(0.001)
        except Exception as fault:
            if socket in told: print(f"{type(fault).__name__}: {fault}")
            told.discard(socket)

told = set()
"""
# The body of a coroutine that is sending when its peer goes, and whether nothing is logged of it.
GONE = [
    ("await for_ever(socket)\n" + FOR_EVER, True),
    ("await asyncio.gather(for_ever(socket), for_ever(socket))\n" + FOR_EVER, True),
    (IGNORES, False),
]

if __name__ == "__main__":
    unittest.main()
