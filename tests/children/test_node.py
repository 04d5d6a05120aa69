"""The helper for Node.js is one file for both kinds of modules, whatever a package.json says."""

import shutil
import tempfile
import unittest
from pathlib import Path

from host import PROGRAMS, Host, Line

NAMES = "{ send, serve, all, topic, socketId }"
REQUIRE = f'const {NAMES} = require("./_switchboard.cjs");'
IMPORT = f'import {NAMES} from "./_switchboard.cjs";'
IMPORT_ALL = f'import board from "./_switchboard.cjs"; const {NAMES} = board;'
CREATE = """import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
"""
LATER = f'import("./_switchboard.cjs").then(({NAMES}) => {{%s}});'
BODY = """
serve({
  message(id, message) {
    send([id, socketId("18")], message);
    send(all().but(id), message);
    send(topic("a b"), message);
  },
});
"""
ANSWER = ["TEXT 17,18", "TEXT *,!17", "TEXT @a%20b"]

MODULES = {
    "import": IMPORT + BODY,
    "import of all": IMPORT_ALL + BODY,
    "import and require": CREATE + REQUIRE + BODY,
    "import()": LATER % BODY,
}
SCRIPTS = {"require": REQUIRE + BODY, "import()": LATER % BODY}
# A package.json, the extensions of programs, and what they may be.
FOLDERS = [
    (None, "mjs", MODULES),
    (None, "cjs", SCRIPTS),
    (None, "js", SCRIPTS),
    (None, "", SCRIPTS),
    ('{"type": "module"}', "mjs", MODULES),
    ('{"type": "module"}', "cjs", SCRIPTS),
    ('{"type": "module"}', "js", MODULES),
    ('{"type": "commonjs"}', "js", SCRIPTS),
    ("{}", "js", SCRIPTS),
]


class Modules(unittest.TestCase):
    def test_it_loads_in_both_ways_in_every_folder(self):
        for package, extension, programs in FOLDERS:
            for name, text in programs.items():
                with self.subTest(f"{name} from a file .{extension} beside {package}"):
                    with tempfile.TemporaryDirectory() as folder:
                        self.check(Path(folder), package, f"chat.{extension}".strip("."), text)

    def test_a_pipe_that_does_not_block_loses_nothing(self):
        # A library that looks at the standard output has Node.js make it so.
        text = f"""process.stdout.isTTY;
process.stdout.write("a library is there\\n");
{REQUIRE}
process.stdout.write("and prints\\n");
serve({{ message: (id, message) => {{ for (let n = 0; n < 20; n += 1) send(id, message); }} }});
"""
        with tempfile.TemporaryDirectory() as folder:
            program = self.program(Path(folder), "flood.cjs", text)
            with Host(program) as host:
                # Written before the helper was loaded, it is out of its hands.
                self.assertEqual(host.next(), Line("a library is there"))
                host.ready()
                host.open(17)
                host.say("TEXT 17", "x" * 300_000)
                for _ in range(20):
                    self.assertEqual(host.next(), Line("TEXT 17", b"x" * 300_000), host.log())
                self.assertEqual(host.end(), ([], 0), host.log())
                self.assertIn("and prints", host.log())

    def check(self, folder, package, name, text):
        # It counts for folders below as well, which is where services stand.
        if package:
            (folder / "package.json").write_text(package)
        with Host(self.program(folder, name, text)) as host:
            host.ready()
            host.open(17)
            host.say("TEXT 17", "hello")
            for words in ANSWER:
                self.assertEqual(host.next(), Line(words, b"hello"), host.log())
            self.assertEqual(host.end(), ([], 0), host.log())

    def program(self, folder, name, text):
        services = folder / "services"
        services.mkdir()
        shutil.copy(PROGRAMS / "node/_switchboard.cjs", services)
        program = services / name
        program.write_text(f"#!/usr/bin/env node\n{text}")
        program.chmod(0o755)
        return program


if __name__ == "__main__":
    unittest.main()
