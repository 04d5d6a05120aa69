"""The programs that the documents print, each as it stands there, and those of examples/programs:
whatever a hostile peer sends, other peers get nothing that they would not get otherwise.

A block of a document is a program if it begins with `#!`, or is in Rust and has a `main` or a
service; it is found here and run by that alone. A part of a program is printed as `text`, so that
none is left out because its first line is missing.
"""

import re
import shutil
import subprocess
import tempfile
import textwrap
import unittest
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from board import TARGET, Board, Client
from host import PROGRAMS, ROOT, Host

# What the bodies would have the program say, if it took them for lines.
FORGED = "forged"
LINES = f"TEXT * +{len(FORGED)}\n{FORGED}\nSUB 18 {FORGED}\nCLOSE * 4666\nSHOUT\n"
# Each is sent as text; what is no UTF-8, or has a zero byte, as bytes, too.
TEXTS = [
    "", " ", "\n", "\r\n", "\t", "*", "!", "*,!17", "@all", ",", "17,18", "+", "+0", "+5", "-n",
    "a\tb\tc", "a,b,,c", "\0", "\0" * 5, "a\0b", "\u0000\n\u0000", "%s%n$(id)`id`$HOME\\0\\n",
    "TEXT", "READY 1", "STOP 0", "RELOAD", "OPEN 17 +0\n", "ERR - - +0\n\n", LINES, "\n" + LINES,
    "\r\n" + LINES, "x\n" + LINES + "x", f"TEXT 17 +{len(LINES)}\n{LINES}", '{"to":"*"}', '["*"]',
    '{"to":18}', "\u2028\u2029\x85\x1c\x1e", "\ufeff", "\u202e", "\x7f\x1b[2J", "x" * 1023,
    "x" * 1024, "x " * 40_000, "\n" * 70_000, LINES * 1000, "\U0001f600" * 20_000, "x" * 500_000,
]  # fmt: skip
# A reader that does not count zero bytes waits for as many more, which are the lines behind them.
# The lengths are about those that the header of the next message, or this one's lines, have.
TEXTS += ["\0" * zeros + "\n" + LINES for zeros in (1, 2, 8, 20, 40, len(LINES), 200)]
TEXTS += ["x" * len(LINES) + "\0" * zeros for zeros in (1, len(LINES), len(LINES) + 20)]
BYTES = [b"\xff", b"\x80\n\xc3", b"\xff\n" + LINES.encode(), bytes(range(256)) * 300]
BYTES += [text.encode() for text in TEXTS if len(text) < 1000]
HARMLESS = "harmless"


class Program(NamedTuple):
    place: str  # the file, and the line of it
    language: str
    text: str

    @property
    def name(self):
        return re.sub(r"\W+", "-", self.place).lower()

    def write(self, folder):
        """The program as a file of this folder, which has the helpers."""
        path = Path(folder, self.name + EXTENSIONS.get(self.language, ""))
        path.write_text(self.text)
        path.chmod(0o755)
        return path

    def compile(self, folder):
        """The program in Rust as a command that prints its address. A service is mounted first."""
        source, command = Path(folder, f"{self.name}.rs"), Path(folder, self.name)
        is_service = "fn main()" not in self.text
        source.write_text(SERVER.format(self.text) if is_service else self.text)
        library = TARGET / "libswitchboard.rlib"
        subprocess.run(
            ["rustc", "--edition", "2024", "-A", "warnings", "-o", command, source]
            + ["--extern", f"switchboard={library}", "-L", f"dependency={TARGET / 'deps'}"],
            check=True,
        )
        return command


# What `Server` does for a service that is mounted; examples/embed.rs.
SERVER = """
mod printed {{
{}
}}

fn main() -> Result<(), Box<dyn std::error::Error>> {{
    let mut server = switchboard::Server::new(switchboard::Limits::SERVER);
    server.mount("/echo", printed::service);
    let mut host = server.bind("127.0.0.1:0")?;
    println!("ws://{{}}/echo", host.address());
    host.stop_on_signals()?;
    Ok(host.run()?)
}}
"""


def blocks():
    """All blocks of all documents."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    for document in sorted(documents):
        text = document.read_text()
        for found in re.finditer(r"^ *(```+|~~~+)(.*)\n((?:.*\n)*?) *\1$", text, re.MULTILINE):
            line = text.count("\n", 0, found.start()) + 1
            place = f"{document.relative_to(ROOT)}:{line}"
            yield Program(place, found[2].split(" ")[0], textwrap.dedent(found[3]))


def is_script(block):
    return block.text.startswith("#!")


# With crates of others; `tests/examples.rs` runs it.
LOBBY = re.sub("^(//!.*\n)+\n", "", (ROOT / "examples/lobby.rs").read_text())


def is_rust(block):
    # Tests of their own have these: what needs a database is compiled by tests/run sqlite.
    if block.text.strip() == LOBBY.strip() or block.place.startswith("docs/databases.md:"):
        return False
    is_whole = "fn main()" in block.text or "pub fn service()" in block.text
    return block.language.split(",")[0] == "rust" and is_whole


SCRIPTS = [block for block in blocks() if is_script(block)]
EXAMPLES = [
    path
    for language in ("python", "node", "bash")
    for path in sorted((PROGRAMS / language).iterdir())
    if path.is_file() and not path.name.startswith("_")
]


class Documents(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for helper in PROGRAMS.glob("*/_*.*"):
            shutil.copy(helper, self.folder)

    def enterContext(self, context):  # which unittest has since Python 3.11
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def test_they_are_found(self):
        found = {(block.place.split(":")[0], block.language) for block in SCRIPTS}
        for document, languages in {
            "README.md": ["python"],
            "docs/helpers.md": ["python", "js", "bash"],
            "docs/programs.md": ["python", "bash"],
        }.items():
            for language in languages:
                self.assertIn((document, language), found)
        self.assertGreater(len([block for block in blocks() if is_rust(block)]), 1)

    def test_no_program_is_left_out(self):
        left_out = [
            block.place
            for block in blocks()
            if block.language.split(",")[0].lower() in LANGUAGES and not is_script(block)
        ]
        self.assertEqual(left_out, [], "a program begins with #!, a part of one is `text`")

    def test_programs_say_to_others_what_they_say_for_harmless_bodies(self):
        bodies = [*TEXTS, *BYTES]
        for block in SCRIPTS:
            with self.subTest(block.place):
                program = block.write(self.folder)
                usual = Counter(said_to_others(program, [harmless(body) for body in bodies]))
                self.assertNotIn("CLOSE B 1011", usual, "it fails, whatever it is sent")
                found = Counter(said_to_others(program, bodies))
                self.assertEqual(found - usual, Counter(), "it says more than for harmless bodies")
                owed = Counter({words: n for words, n in usual.items() if " B" in words})
                self.assertEqual(owed - found, Counter(), "others are not served any more")

    def test_other_sockets_of_scripts_notice_nothing(self):
        paths = [f"/{block.write(self.folder).name}" for block in SCRIPTS]
        shutil.copytree(PROGRAMS, self.folder / "examples")
        paths += [f"/examples/{path.relative_to(PROGRAMS)}" for path in EXAMPLES]
        for path in paths:
            with self.subTest(path), Board(self.folder) as board:
                self.attack(board, path)
                faults = [line for line in board.log() if line["level"] in ("warn", "error")]
                self.assertEqual(faults, [])

    def test_other_sockets_of_services_in_rust_notice_nothing(self):
        for block in filter(is_rust, blocks()):
            with self.subTest(block.place), Board(command=[block.compile(self.folder)]) as board:
                self.attack(board, "/echo")

    def attack(self, board, path):
        other = Client(board, path)
        for body in (*TEXTS, *BYTES):
            peer = Client(board, path)
            peer.send(body)
            peer.send(body)
            code = peer.close()[-1]
            # Not by a program that has died (1012), nor by the line in the body.
            self.assertIn(code, (1000, 1003, 1011), repr(body[:80]))
        board.stop()
        *messages, code = other.rest()
        self.assertEqual(code, 1001)
        self.assertNotIn(FORGED, messages)


def harmless(body):
    """Something harmless of the same kind: Bash, for one, skips what has a zero byte."""
    if isinstance(body, bytes):
        return HARMLESS.encode()
    return HARMLESS + ("\0" if "\0" in body else "")


def said_to_others(program, bodies):
    """What it says that is not for the peer alone which sends a body, over pipes: the words of the
    lines, in which that peer is A, and the other one, which says hello after each body, is B."""
    with Host(program) as host:
        host.ready()
        for id, body in zip(range(1_000, 9_000, 2), bodies):
            host.open(id)
            host.open(id + 1)
            verb = "BIN" if isinstance(body, bytes) else "TEXT"
            host.say(f"{verb} {id}", body)
            host.say(f"{verb} {id}", body)
            host.say(f"TEXT {id + 1}", "hello")
        lines, code = host.end()
        assert code == 0, f"it ended with {code}: {host.log()}"
    bodies = [line.body for line in lines]
    assert FORGED.encode() not in bodies, "a line in the body of a peer was taken for one"
    name_of = lambda id: "AB"[int(id[0]) % 2]
    words = [re.sub(r"\b[1-8]\d{3}\b", name_of, line.words) for line in lines]
    # A warning tells of the exception that a body has brought about.
    return [each for each in words if each != "LOG warn" and each.split()[1:2] != ["A"]]


EXTENSIONS = {"python": ".py", "js": ".js", "javascript": ".js", "mjs": ".mjs", "bash": ".bash"}
# Blocks in these are programs.
LANGUAGES = """
    bash c c++ cjs cpp csharp elixir erlang go golang haskell java javascript js jsx kotlin lua mjs
    node perl php py python python3 ruby scala shell swift ts tsx typescript zsh
""".split()

if __name__ == "__main__":
    unittest.main()
