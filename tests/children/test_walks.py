"""The first program of each document that begins with one: its files are written, and its commands
executed, as a reader does it. The program has to be served, and its page as it is printed."""

import re
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from board import TARGET, Board, Client
from host import DEADLINE_SECONDS, ROOT

# The section of the document, a message, and the answer to it. `None` if a socket gets a message at
# once.
WALKS = {
    ("README.md", "A program with a page"): ("hello", "HELLO"),
    ("docs/first-steps.md", "A program in 5 minutes"): (None, "1 here"),
}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVE = 'cd "$0" && exec "$@" --port 0'


class Walks(unittest.TestCase):
    def test_first_programs_are_served_as_it_is_said(self):
        for (document, heading), (message, answer) in WALKS.items():
            with self.subTest(document), tempfile.TemporaryDirectory() as folder:
                self.walk(Path(folder), section(document, heading), message, answer)

    def walk(self, folder, text, message, answer):
        (folder / "examples").symlink_to(ROOT / "examples")
        (folder / "services").mkdir()
        commands, files = [], {}
        for found in BLOCK.finditer(text):
            if found[1] == "sh":
                commands += [line.split(" #")[0].strip() for line in found[2].splitlines()]
            elif found[1] in ("python", "html"):
                name = re.findall(r"`(services/\S+?)`", text[: found.start()])[-1]
                files[name] = found[2]
                (folder / name).write_text(found[2])
        program = next(name for name in files if name.endswith(".py"))
        page = next(files[name] for name in files if name.endswith(".html"))
        path = program.removeprefix("services").removesuffix(".py")
        served = 0
        for command in [*commands, f"switchboard --try {program}"]:
            self.assertIn(f"`{command}`" if "--try" in command else command, text)
            words = command.split()
            if words[0] == "switchboard":
                words[0] = str(TARGET / "switchboard")
            if words[0] != str(TARGET / "switchboard") or "--list-services" in words:
                output = run(words, folder)
                self.assertTrue("--list-services" not in words or f" {path} " in output, output)
                continue
            with Board(command=["sh", "-c", SERVE, folder, *words]) as board:
                at = "/" if "--try" in words else path
                peer = Client(board, at)
                if message:
                    peer.send(message)
                self.assertEqual(peer.next(), answer)
                if at == path:
                    self.assertEqual(get(board, path), page)
                peer.close()
                board.stop()
            served += 1
        self.assertEqual(served, 2, f"{commands} have one that serves")


def section(document, heading):
    text = (ROOT / document).read_text()
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def run(words, folder):
    done = subprocess.run(
        words, cwd=folder, stdout=subprocess.PIPE, timeout=DEADLINE_SECONDS, check=True
    )
    return done.stdout.decode()


def get(board, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{board.port}{path}") as answer:
        return answer.read().decode()


if __name__ == "__main__":
    unittest.main()
