"""Visits a server as a browser does: the page of the chat, and its socket.

  visit.py PORT
"""

import sys
import types
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sandbox"))
from client import DEADLINE_SECONDS, Socket, until  # noqa: E402


def main():
    port = int(sys.argv[1])
    page = f"http://127.0.0.1:{port}/demo_chatroom"

    def answer():
        try:
            with urllib.request.urlopen(page, timeout=DEADLINE_SECONDS) as found:
                return found.read()
        except urllib.error.HTTPError:
            raise
        except OSError:
            return None  # It does not listen yet.

    assert b"<html" in until("it answers", answer).lower()
    server = types.SimpleNamespace(port=port)
    chat = Socket(server, "/demo_chatroom")
    assert '"query"' in chat.read()
    chat.drop()
    echo = Socket(server, "/echo")
    assert echo.ask("hello") == "hello"
    echo.drop()


main()
