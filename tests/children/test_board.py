"""The helpers in the real host, with real peers: the results of paths, queries and messages that are
made to be more than that."""

import functools
import json
import re
import shutil
import socket
import tempfile
import unittest
from pathlib import Path
from urllib.parse import quote

from board import Board, Client, Refused
from host import DEADLINE_SECONDS, PROGRAMS

# A poll for each path, whose sockets hear of it. The query is a subprotocol to be agreed.
POLLS = {
    "poll.py": """#!/usr/bin/env python3
import json
from urllib.parse import unquote
from _switchboard import Service, topic

class Polls(Service):
    def __init__(self):
        self.polls = {}

    def on_ask(self, id, info):
        self.accept(id, unquote(info["QUERY_STRING"]))

    def on_open(self, id, info):
        if info["PATH_INFO"] == "/fail":
            raise RuntimeError("there is no such poll")
        self.polls[id] = info["PATH_INFO"]
        self.subscribe(id, self.polls[id])

    def on_message(self, id, message):
        wish = json.loads(message)
        self.send(wish.get("to", topic(self.polls[id])), wish["text"])

Polls().run()
""",
    "poll_async.py": """#!/usr/bin/env python3
import asyncio, json
from urllib.parse import unquote
from _switchboard_async import Server, topic

async def ask(id, info):
    server.accept(id, unquote(info["QUERY_STRING"]))

async def serve(socket):
    poll = socket.info["PATH_INFO"]
    if poll == "/fail":
        raise RuntimeError("there is no such poll")
    socket.subscribe(poll)
    async for message in socket:
        wish = json.loads(message)
        server.send(wish.get("to", topic(poll)), wish["text"])

server = Server(serve, ask)
asyncio.run(server.run())
""",
    "poll_node.js": """#!/usr/bin/env node
const { accept, send, serve, subscribe, topic } = require("./_switchboard.cjs");
const polls = new Map();

serve({
  ask: (id, info) => accept(id, decodeURIComponent(info.QUERY_STRING)),
  open(id, info) {
    if (info.PATH_INFO === "/fail") throw new Error("there is no such poll");
    polls.set(id, info.PATH_INFO);
    subscribe(id, info.PATH_INFO);
  },
  message(id, message) {
    const wish = JSON.parse(message);
    send(wish.to ?? topic(polls.get(id)), wish.text);
  },
});
""",
    "poll_esm.mjs": """#!/usr/bin/env node
import { accept, send, serve, subscribe, topic } from "./_switchboard.cjs";
const polls = new Map();

serve({
  ask: async (id, info) => accept(id, decodeURIComponent(info.QUERY_STRING)),
  async open(id, info) {
    if (info.PATH_INFO === "/fail") throw new Error("there is no such poll");
    polls.set(id, info.PATH_INFO);
    subscribe(id, info.PATH_INFO);
  },
  async message(id, message) {
    const wish = JSON.parse(message);
    send(wish.to ?? topic(polls.get(id)), wish.text);
  },
});
""",
    "poll_bash.bash": """#!/usr/bin/env bash
set -euo pipefail
. "$(dirname "$0")/_switchboard.bash"
declare -A polls

on_open() {
  polls[$1]=${info[PATH_INFO]}
  subscribe "$1" "${info[PATH_INFO]}"
}
on_message() {
  if [[ $2 = '{"text": "'*'"}' ]]; then
    send_topic "${polls[$1]}" "${2:10:-2}"
  else
    send "${2%%:*}" "${2#*:}"
  fi
}

serve
""",
}
RAISING = [name for name in POLLS if name != "poll_bash.bash"]
# Below /poll; each is another topic.
PATHS = [
    "", "/", "/cats", "/cats,!1", "/cats,", "/+", "/a b", "/a%20b", "/*", "/@all", "/!", "/%",
    "/\u00e4", "/\u00a0", "/\u2028", "/" + "x" * 250,
]  # fmt: skip


def polls(names):
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for name in names:
                with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                    for helper in PROGRAMS.glob("*/_*.*"):
                        shutil.copy(helper, folder)
                    program = Path(folder, name)
                    program.write_text(POLLS[name])
                    program.chmod(0o755)
                    with Board(folder) as board:
                        test(self, board, f"/{program.stem}")

        return run

    return decorate


class RealHost(unittest.TestCase):
    @polls(POLLS)
    def test_each_path_is_a_topic_of_its_own(self, board, service):
        pairs = [[Client(board, service + quote(path)) for _ in "ab"] for path in PATHS]
        for number, (one, _) in enumerate(pairs):
            one.send(json.dumps({"text": f"poll {number}"}))
        for number, pair in enumerate(pairs):
            for client in pair:
                self.assertEqual(client.next(), f"poll {number}", PATHS[number])
        for client in sum(pairs, []):
            self.assertEqual(client.close(), [1000])
        board.stop()
        self.clean(board)

    @polls(RAISING)
    def test_an_audience_of_a_peer_costs_that_peer_alone(self, board, service):
        other = Client(board, f"{service}/cats")
        wishes = ["*", "@/cats", "*,!1", 1, "1", ["1"], [1], True, {"all": True}]
        for wish in wishes:
            peer = Client(board, f"{service}/cats")
            peer.send(json.dumps({"to": wish, "text": "forged"}))
            self.assertEqual(peer.rest(), [1011], wish)
        rubbishes = ["", "{", "[" * 100_000, "null", '{"text":5}', "\0", b"\xff"]
        for rubbish in rubbishes:
            peer = Client(board, f"{service}/cats")
            peer.send(rubbish)
            self.assertEqual(peer.rest(), [1011], rubbish)
        other.send('{"text": "still here"}')
        self.assertEqual(other.next(), "still here")
        board.stop()
        self.assertEqual(other.rest(), [1001])
        self.clean(board, len(wishes + rubbishes))

    @polls(["poll_bash.bash"])
    def test_an_audience_of_a_peer_is_nobody_in_bash(self, board, service):
        other, peer = Client(board, f"{service}/cats"), Client(board, f"{service}/dogs")
        wishes = ["*", "@/cats", "*,!1", "", "all", "1,*", "1 2"]
        for wish in wishes:
            peer.send(f"{wish}:forged")
        peer.send('{"text": "still here"}')
        self.assertEqual(peer.next(), "still here")
        board.stop()
        self.assertEqual((other.rest(), peer.rest()), ([1001], [1001]))
        self.clean(board, len(wishes), by="TEXT -: no ids: ")

    @polls(RAISING)
    def test_what_cannot_be_agreed_is_refused_at_once(self, board, service):
        queries = ["a b", "a,b", "\nCLOSE * 4666", "\u00e4", "x" * 129]
        for query in queries:
            with self.assertRaises(Refused) as refused:
                Client(board, f"{service}?{quote(query)}")
            self.assertEqual(refused.exception.args, (500,))
        client = Client(board, f"{service}?chat.v1", "chat.v1")
        self.assertEqual(client.headers["Sec-WebSocket-Protocol"], "chat.v1")
        # The 101 has been sent when the program gets the OPEN.
        self.assertEqual(Client(board, f"{service}/fail").rest(), [1011])
        client.send('{"text": "still here"}')
        self.assertEqual(client.next(), "still here")
        board.stop()
        self.assertEqual(client.rest(), [1001])
        self.clean(board, len(queries) + 1)

    @polls(["poll_node.js"])
    def test_why_a_program_in_node_has_died_is_quoted(self, board, service):
        board.root.joinpath("dies.js").write_text(DIES)
        board.root.joinpath("dies.js").chmod(0o755)
        client = Client(board, "/dies")
        client.send("go")
        self.assertEqual(client.rest(), [1012])
        board.stop()
        (why,) = [line["message"] for line in board.log() if line["level"] == "warn"]
        self.assertIn(" / Error: what it was", why)
        self.assertNotRegex(why, r"Node\.js v|/ at ")

    # The peer takes nothing at all, and waits for nothing.
    def test_a_coroutine_that_sends_without_end_holds_up_nobody_and_ends_with_its_peer(self):
        with tempfile.TemporaryDirectory() as folder:
            for helper in PROGRAMS.glob("python/_*.py"):
                shutil.copy(helper, folder)
            program = Path(folder, "endless.py")
            program.write_text(ENDLESS)
            program.chmod(0o755)
            with Board(folder) as board:
                peer = socket.create_connection(("127.0.0.1", board.port), DEADLINE_SECONDS)
                peer.sendall(HANDSHAKE)
                self.assertEqual(peer.recv(12, socket.MSG_WAITALL), b"HTTP/1.1 101")
                other = Client(board, "/endless?asks")
                for _ in range(100):
                    other.send("how many?")
                    self.assertEqual(other.next(), "2")
                peer.close()
                other.send("how many?")
                while other.next() != "1":
                    other.send("how many?")
                board.stop()
                self.assertEqual(other.rest(), [1001])
                self.clean(board)
                self.assertNotIn("Traceback", "".join(board.lines))

    def clean(self, board, warnings=0, by=r"socket \d+: an exception in .*Error: "):
        """No line of the program was wrong, and it has not died. It has warned so often."""
        faults = [
            line
            for line in board.log()
            # A 500 is a warning, too, and here it is what is asked for.
            if line["level"] in ("warn", "error") and line.get("status") != 500
        ]
        of_program = [line for line in faults if re.match(by, line["message"])]
        self.assertEqual([line for line in faults if line not in of_program], [])
        self.assertEqual(len(of_program), warnings, of_program)


HANDSHAKE = (
    b"GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
ENDLESS = """#!/usr/bin/env python3
import asyncio
from _switchboard_async import Server

alive = set()

async def serve(socket):
    alive.add(socket)
    try:
        if not socket.info["QUERY_STRING"]:
            while True:
                await socket.send("x" * 1000)
        async for _ in socket:
            await socket.send(str(len(alive)))
    finally:
        alive.discard(socket)

asyncio.run(Server(serve).run())
"""
DIES = """#!/usr/bin/env node
const { serve } = require("./_switchboard.cjs");
serve({
  message: () => setTimeout(() => { throw new Error("what it was"); }, 1),
});
"""

if __name__ == "__main__":
    unittest.main()
