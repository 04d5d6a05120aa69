"""The echo in Rust, which is compiled as its users compile it."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from host import PROGRAMS, Host, Line
from test_programs import BYTES, MEBIBYTE, TEXTS


class Echo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.program = Path(folder.name) / "echo"
        source = PROGRAMS / "rust" / "echo.rs"
        subprocess.run(["rustc", "--edition", "2024", "-o", cls.program, source], check=True)

    def test_what_comes_goes_back(self):
        with Host(self.program) as host:
            host.ready()
            host.open(17)
            for verb, bodies in [("TEXT 17", TEXTS), ("BIN 17", [*BYTES, b"x" * MEBIBYTE])]:
                for body in bodies:
                    host.say(verb, body)
                    body = body if isinstance(body, bytes) else body.encode()
                    self.assertEqual(host.next(), Line(verb, body))
            self.assertEqual(host.end(), ([], 0), host.log())

    def test_what_it_does_not_know_is_skipped(self):
        with Host(self.program) as host:
            host.ready()
            host.say("LATER 17 or never", b"TEXT 17 +1\nx\n")
            host.say("RELOAD")
            host.say("CLOSE 17 1000", "")
            host.say("TEXT 18 more words", "hello")
            self.assertEqual(host.next(), Line("TEXT 18", b"hello"))
            self.assertEqual(host.end(), ([], 0), host.log())
