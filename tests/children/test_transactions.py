"""The programming model of the original: queues of transactions, sources of events, the demo."""

import json
import unittest

from host import DEADLINE_SECONDS, PROGRAMS, Host, Line

LOOP = """
import sys
sys.path.insert(0, sys.argv[1])
from _transactions import *

class Test(Service):
    def run(self):
        {}

serve(Test())
"""
SOURCES = """
import sys
sys.path.insert(0, sys.argv[1])
from _transactions import Event, Subscribable

class Source(Subscribable):
    def __init__(self, name):
        self.name = name

heard, source = [], Source("clock")
hear = lambda name: lambda event: heard.append((name, event.id, event.data))
assert source.subscribeSilent("s0", hear("s0")) == 0
assert source.subscribe("a", hear("a")) == 1
assert source.subscribe("a", hear("again")) == 2
assert source.getNumSubscribers() == 2
source.sendEvent(Event(7, "x"))
assert heard == [("a", 7, "x"), ("again", 7, "x"), ("s0", 7, "x")], heard
assert source.unsubscribe(1) == "a" and source.unsubscribe(1) is None
assert source.unsubscribe(0) == "s0" and source.unsubscribe(99) is None
assert source.getNumSubscribers() == 1

# Who comes during an event hears the next one, who goes hears nothing more, and a callback that
# fails keeps nobody from hearing.
heard.clear()
def change(event):
    heard.append("change")
    source.subscribe("late", hear("late"))
    source.unsubscribe(2)
    source.unsubscribe(4)
    raise KeyError("this one")
source.unsubscribe(2)
assert source.subscribe("c", change) == 3
assert source.subscribe("d", hear("d")) == 4
assert source.subscribe("e", hear("e")) == 5
try:
    source.sendEvent(Event(8))
    raise SystemExit("the exception is lost")
except KeyError:
    pass
assert heard == ["change", ("e", 8, None)], heard
assert source.subscribe("f", print) == 7, "no id is used again"

other = Source("bell")
other.subscribe("first", lambda event: other.unsubscribe(1))
other.subscribe("second", print)
other.sendEvent(Event(9))
"""


def running(body):
    return Host("python3", "-c", LOOP.format(body.strip()), PROGRAMS / "python")


class Transactions(unittest.TestCase):
    def test_both_ways(self):
        body = """
        for t in iter(self.recvQueue.get, None):
            print(t.type, t.socketId, t.data)
            if t.type == DATA and t.data == "close":
                self.sendQueue.put(Transaction(CLOSE, t.socketId))
            elif t.type == DATA and t.data == "away":
                self.sendQueue.put(Transaction(CLOSE, t.socketId, (4000, "so")))
            elif t.type == DATA: self.sendQueue.put(t)
        print("stopping", self.stopping.is_set())
"""
        with running(body) as host:
            host.ready()
            host.open(17)
            for message in ("hello", b"\x00\xff"):
                verb = "TEXT" if isinstance(message, str) else "BIN"
                host.say(f"{verb} 17", message)
                raw = message.encode() if isinstance(message, str) else message
                self.assertEqual(host.next(), Line(f"{verb} 17", raw))
            host.say("TEXT 17", "close")
            self.assertEqual(host.next(), Line("CLOSE 17 1000", b""))
            host.say("TEXT 17", "away")
            self.assertEqual(host.next(), Line("CLOSE 17 4000", b"so"))
            host.say("CLOSE 17 4000", "so")
            self.assertEqual(host.end(), ([], 0), host.log())
            for told in ("0 17 ('127.0.0.1', 50312)", "2 17 (4000, 'so')", "stopping True"):
                self.assertIn(told, host.log())

    def test_an_exception_ends_the_program_after_what_was_said(self):
        body = """
        self.sendQueue.put(self.recvQueue.get()._replace(type=DATA, data="one"))
        raise RuntimeError("the loop is broken")
"""
        with running(body) as host:
            host.ready()
            host.open(17)
            self.assertEqual(host.end(), ([Line("TEXT 17", b"one")], 1))
            self.assertIn("the loop is broken", host.log())

    def test_what_cannot_be_sent_raises_where_it_is_put(self):
        body = """
        id = self.recvQueue.get().socketId
        for wish in ["*", "17", 17, "@news", 17.0, True, None, ["17"], [17], [id, "*"], b"*"]:
            for type, data in [(DATA, "text"), (CLOSE, None)]:
                try:
                    self.sendQueue.put(Transaction(type, wish, data))
                    raise SystemExit(f"{wish!r} is an audience")
                except TypeError:
                    pass
        for fault, transaction in [
            (TypeError, Transaction(DATA, id, 5)),
            (TypeError, Transaction(CLOSE, id, ("4000",))),
            (ValueError, Transaction(NEWSOCKET, id)),
        ]:
            try:
                self.sendQueue.put_nowait(transaction)
                raise SystemExit(f"{transaction} was put")
            except fault:
                pass
        self.sendQueue.put(Transaction(DATA, id, "still here"), timeout=3600)
"""
        with running(body) as host:
            host.ready()
            host.open(17)
            self.assertEqual(host.end(), ([Line("TEXT 17", b"still here")], 0), host.log())

    def test_audiences(self):
        body = """
        id = self.recvQueue.get().socketId
        for to in [all(), all().but(id), [id, socket_id("18")], [], socket_id(19)]:
            self.sendQueue.put(Transaction(DATA, to, "text"))
        self.sendQueue.put(Transaction(CLOSE, all().but(id), (4000,)))
        for number in ["*", "017", "-1", 1 << 64, True, 1.5, "17,18", ""]:
            try:
                raise SystemExit(f"{socket_id(number)!r} is an id")
            except ValueError:
                pass
"""
        with running(body) as host:
            host.ready()
            host.open(17)
            lines = [Line(f"TEXT {to}", b"text") for to in ("*", "*,!17", "17,18", "19")]
            lines.append(Line("CLOSE *,!17 4000", b""))
            self.assertEqual(host.end(), (lines, 0), host.log())

    def test_sources(self):
        with Host("python3", "-c", SOURCES, PROGRAMS / "python", hello=False) as host:
            self.assertEqual(host.child.wait(DEADLINE_SECONDS), 0, host.log())

    def test_chat(self):
        with Host(PROGRAMS / "python/chat_transactions.py") as host:
            host.ready()
            host.open(17)
            host.open(18)
            host.say("TEXT 17", "Ida")
            told = [host.next() for _ in range(4)]
            for id in (17, 18):
                mine = [line.body for line in told if line.words == f"TEXT {id}"]
                self.assertEqual(mine, [b"Your name?", b"Ida has come"])
            host.say("CLOSE 17 1001", "")
            self.assertEqual(host.next(), Line("TEXT 18", b"Ida has gone"))
            self.assertEqual(host.end(), ([], 0), host.log())


class DemoChatroom(unittest.TestCase):
    def setUp(self):
        self.host = Host(PROGRAMS / "python/demo_chatroom.py")
        self.addCleanup(self.host.__exit__)
        self.host.ready()

    def told(self, *expected):
        """Each is an id and what that socket gets next; the order is over all of them."""
        for id, reply in expected:
            line = self.host.next()
            self.assertEqual((line.words, json.loads(line.body)), (f"TEXT {id}", reply))

    def say(self, id, **wish):
        self.host.say(f"TEXT {id}", json.dumps(wish, ensure_ascii=False))

    def come(self, id, rooms, name=None):
        self.host.open(id)
        self.told((id, QUERY), (id, event("listing", chatrooms=rooms)))
        if name:
            self.say(id, type="name", name=name)

    def test_the_story_of_a_room(self):
        self.come(1, [], "Ida")
        self.say(1, type="create", chatroom="g\u00e4rten")
        self.told((1, event("newchatroom", name="g\u00e4rten")))
        self.come(2, [["g\u00e4rten", 0]], "Olaf")
        self.say(1, type="join", chatroom="g\u00e4rten")
        one = event("update", data=["g\u00e4rten", 1])
        joined = {"type": "join", "chatroom": "g\u00e4rten"}
        self.told((1, one), (2, one), (1, joined))
        self.say(2, type="join", chatroom="g\u00e4rten")
        two = event("update", data=["g\u00e4rten", 2])
        self.told((1, event("newuser", name="Olaf")), (1, two), (2, two), (2, joined))
        self.say(2, type="who")
        self.told((2, {"type": "who", "chatroom": "g\u00e4rten", "names": ["Ida", "Olaf"]}))
        self.say(2, type="message", message="")
        said = event("message", name="Olaf", message="")
        self.told((1, said), (2, said))
        self.say(2, type="join", chatroom="cellar")
        self.told((2, {"type": "notice", "notice": "Chatroom cellar not found."}))
        self.say(2, type="join", chatroom="g\u00e4rten")
        self.told((1, event("logoff", name="Olaf")), (1, one), (2, one))
        self.told((1, event("newuser", name="Olaf")), (1, two), (2, two), (2, joined))
        self.host.say("CLOSE 2 1006", "")
        self.told((1, event("logoff", name="Olaf")), (1, one))
        self.say(1, type="who")
        self.told((1, {"type": "who", "chatroom": "g\u00e4rten", "names": ["Ida"]}))
        self.assertEqual(self.host.end(), ([], 0), self.host.log())

    def test_improper_messages(self):
        improper = ["", "5", "null", '["name","Ida"]', "[" * 100_000, '{"type":["name"],"name":""}']
        improper += ['{"type":"name"}', '{"type":"name","name":5}', '{"type":"join","chatroom":[]}']
        self.come(1, [])
        for message in improper:
            self.host.say("TEXT 1", message)
            self.told((1, QUERY))
        self.host.say("BIN 1", b'{"type":"name","name":"Ida"}')
        self.told((1, QUERY))
        self.say(1, type="who")
        self.told((1, QUERY))
        self.say(1, type="name", name="Ida")
        for message in improper:
            self.host.say("TEXT 1", message)
        self.say(1, type="who")
        self.say(1, type="create", chatroom="x" * 65)
        self.say(1, type="create", chatroom="")
        self.told((1, event("newchatroom", name="")))


QUERY = {"type": "query", "query": "name"}


def event(type, **data):
    return {"type": "event", "event": {"type": type, **data}}


if __name__ == "__main__":
    unittest.main()
