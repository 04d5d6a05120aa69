"""Tells by log lines what it hears, and says what a text asks it to. With `asks` as an argument
it asks for admission; with `async`, it is the asyncio helper that is probed."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples/programs/python"))

from _switchboard import Service  # noqa: E402
from _switchboard_async import Server  # noqa: E402


def obey(service, id, text):
    word, _, rest = text.partition(" ")
    if word == "send":
        ids, _, message = rest.partition(" ")
        service.send(ids, message)
    elif word == "many":
        service.send([str(n) for n in range(10**19, 10**19 + int(rest))], "all of you")
    elif word == "binary":
        service.send(id, b"\x00\xff\n")
    elif word == "surrogate":
        service.send(id, "a\ud800b")
    elif word == "subscribe":
        service.subscribe(id, rest)
    elif word == "unsubscribe":
        service.unsubscribe([id, "18"], rest)
    elif word == "close":
        service.close(id, 4001, rest)
    elif word == "pause":
        service.pause(id)
    elif word == "resume":
        service.resume(id)
    elif word == "label":
        service.label(id, "user", rest)
    elif word == "accept":
        service.accept("18", rest)
    elif word == "reject":
        service.reject("18", 401, rest)
    elif word == "print":
        print(rest)
    elif word == "fail":
        raise RuntimeError(rest)


class Probe(Service):
    if "asks" in sys.argv:
        def on_ask(self, id, info): self.tell("ask", id, info["REMOTE_ADDR"])

    def tell(self, *words):
        self.log("info", " ".join(map(str, words)))

    def on_open(self, id, info): self.tell("open", id, info["REMOTE_ADDR"], info["QUERY_STRING"])
    def on_close(self, id, code, reason): self.tell("close", id, code, reason)
    def on_full(self, id, waiting): self.tell("full", id, waiting)
    def on_drained(self, id): self.tell("drained", id)
    def on_error(self, verb, id, text): self.tell("error", verb, id, text)
    def on_reload(self): self.tell("reload")
    def on_stop(self, milliseconds): self.tell("stop", milliseconds)
    def on_message(self, id, message): obey(self, id, message)


async def probe(socket):
    tell("open", socket.id, socket.info["REMOTE_ADDR"], socket.info["QUERY_STRING"])
    async for message in socket:
        obey(server, socket.id, message)
    tell("close", socket.id, socket.close_code, socket.close_reason)


async def ask(id, info):
    tell("ask", id, info["REMOTE_ADDR"])


def tell(*words):
    server.log("info", " ".join(map(str, words)))


if "async" in sys.argv:
    server = Server(probe, ask="asks" in sys.argv and ask)
    for name in ("error", "reload", "stop"):
        setattr(server, f"on_{name}", lambda *words, name=name: tell(name, *words))
    asyncio.run(server.run())
else:
    Probe().run()
