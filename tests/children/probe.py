"""Tells by log lines what it hears, and says what a text asks it to. With `asks` as an argument
it asks for admission; with `async`, it is the asyncio helper that is probed. A query string or
address `fail` makes the callback fail that hears of it."""

import array
import asyncio
import json
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples/programs/python"))

from _switchboard import Service, all, socket_id, topic  # noqa: E402
from _switchboard_async import Server  # noqa: E402


def obey(service, id, text):
    word, _, rest = text.partition(" ")
    first, _, message = rest.partition(" ")
    if word == "send":
        service.send([socket_id(each) for each in first.split(",")], message)
    elif word == "one":
        service.send(socket_id(first), message)
    elif word == "raw":
        service.send(rest, "raw")
    elif word == "raw-close":
        service.close(rest)
    elif word == "raw-subscribe":
        service.subscribe(rest, "news")
    elif word == "raw-but":
        service.send(all().but(rest), "raw")
    elif word == "json":
        wish = json.loads(rest)
        service.send(wish.get("to", id), wish.get("text", "text"))
    elif word == "all":
        service.send(all(), rest)
    elif word == "others":
        service.send(all().but(socket_id("18")).but(id), rest)
    elif word == "close-all":
        service.close(all().but(id), 4000)
    elif word == "topic":
        service.send(topic(rest), "for a topic")
    elif word == "topic-but":
        service.send(topic(rest).but(id), "for a topic")
    elif word == "many":
        service.send((socket_id(str(10**19 + n)) for n in range(int(rest))), "all of you")
    elif word == "binary":
        service.send(id, b"\x00\xff\n")
    elif word == "words":
        service.send(id, memoryview(array.array("H", [0, 0x0A0A])))
    elif word == "surrogate":
        service.send(id, "a\ud800b")
    elif word == "surrogate-topic":
        service.subscribe(id, "a\ud800b")
    elif word == "subscribe":
        service.subscribe(id, rest)
    elif word == "unsubscribe":
        service.unsubscribe([id, socket_id("18")], rest)
    elif word == "close":
        service.close(id, 4001, rest)
    elif word == "code":
        service.close(id, rest)
    elif word == "pause":
        service.pause(id)
    elif word == "resume":
        service.resume(id)
    elif word == "label":
        service.label(id, "user", rest)
    elif word == "key":
        service.label(id, rest, "value")
    elif word == "level":
        service.log(rest, "text")
    elif word == "accept":
        service.accept(socket_id("18"), rest)
    elif word == "reject":
        service.reject(socket_id("18"), 401, rest)
    elif word == "headers":
        service.reject(socket_id("18"), 401, "members only", {"WWW-Authenticate": rest})
    elif word == "thread":
        thread = threading.Thread(target=service.send, args=[id, "by a thread"])
        thread.start()
        thread.join()
        Path(rest).read_text()  # which waits until the host has heard it
    elif word == "print":
        print(rest)
    elif word == "exit":
        sys.exit(int(rest))
    else:
        raise RuntimeError(rest)


class Probe(Service):
    if "asks" in sys.argv:
        def on_ask(self, id, info):
            self.tell("ask", id, info["REMOTE_ADDR"])
            fail_at(info["REMOTE_ADDR"])

    def tell(self, *words):
        self.log("info", " ".join(map(str, words)))

    def on_open(self, id, info):
        self.tell("open", id, info["REMOTE_ADDR"], info["QUERY_STRING"])
        fail_at(info["QUERY_STRING"])

    def on_close(self, id, code, reason):
        self.tell("close", id, code, reason)
        fail_at(reason)

    def on_full(self, id, waiting):
        self.tell("full", id, waiting)
        fail_at("fail" if waiting == 4444 else "")

    def on_drained(self, id): self.tell("drained", id)
    def on_message(self, id, message): obey(self, id, message)

    def on_error(self, verb, id, text):
        self.tell("error", verb, id, text)
        fail_at(text)

    def on_gap(self): self.tell("gap")
    def on_reload(self): self.tell("reload")

    def on_stop(self, milliseconds):
        self.tell("stop", milliseconds)
        fail_at("fail" if milliseconds == 4444 else "")


def fail_at(word):
    if word == "fail":
        raise RuntimeError(word)


async def probe(socket):
    tell("open", socket.id, socket.info["REMOTE_ADDR"], socket.info["QUERY_STRING"])
    fail_at(socket.info["QUERY_STRING"])
    async for message in socket:
        obey(server, socket.id, message)
    tell("close", socket.id, socket.close_code, socket.close_reason)


async def ask(id, info):
    tell("ask", id, info["REMOTE_ADDR"])
    fail_at(info["REMOTE_ADDR"])


def tell(*words):
    server.log("info", " ".join(map(str, words)))


if "async" in sys.argv:
    server = Server(probe, ask="asks" in sys.argv and ask)
    for name in ("error", "gap", "reload", "stop"):
        setattr(server, f"on_{name}", lambda *words, name=name: tell(name, *words))
    asyncio.run(server.run())
else:
    Probe().run()
