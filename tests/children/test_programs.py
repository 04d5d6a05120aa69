"""The programs of examples/programs: each echo, chat and clock, and those for one socket."""

import os
import subprocess
import time
import unittest

from host import PROGRAMS, Host, Line, encode

ECHOES = ["python/echo.py", "python/echo_async.py", "node/echo.js", "bash/echo.bash"]
CHATS = ["python/chat.py", "python/chat_async.py", "node/chat.js", "bash/chat.bash"]
CLOCKS = ["python/clock.py", "python/clock_async.py", "node/clock.js", "bash/clock.bash"]

# One to four bytes for a character, and what is special to shells, regexes or other readers.
TEXTS = [
    "",
    "hello",
    "+5",
    "*",
    "\n",
    "\n\nTEXT 18 +1\nx\n",
    " \t two  blanks ",
    "\r\n",
    "-n -e \\n $HOME `id` 'quoted' \"twice\"",
    "gr\u00fc\u00dfe \u20ac \U0001f600",
    "".join(chr(code) for code in range(1, 256)),
]
BYTES = [b"", b"\x00", b"\n", bytes(range(256)), b"\xff\xfe\x00\n" * 1000]
MEBIBYTE = 1 << 20


def programs(names):
    """Runs a test with each of these programs, ready."""

    def decorate(test):
        def run(self):
            for name in names:
                with self.subTest(name), Host(PROGRAMS / name) as host:
                    host.ready()
                    test(self, host)

        run.__name__ = test.__name__
        return run

    return decorate


class Echoes(unittest.TestCase):
    @programs(ECHOES)
    def test_texts(self, host):
        host.open(17)
        for text in TEXTS:
            host.say("TEXT 17", text)
            self.assertEqual(host.next(), Line("TEXT 17", text.encode()))
        self.assertEqual(host.end(), ([], 0), host.log())

    @programs(ECHOES[:3])
    def test_bytes(self, host):
        host.open(17)
        host.say("TEXT 17", "zero \0 zero")
        self.assertEqual(host.next(), Line("TEXT 17", b"zero \0 zero"))
        for body in BYTES:
            host.say("BIN 17", body)
            self.assertEqual(host.next(), Line("BIN 17", body))
        self.assertEqual(host.end(), ([], 0), host.log())

    @programs(ECHOES[3:])
    def test_what_bash_cannot_hold_is_skipped_and_logged(self, host):
        host.open(17)
        for body in BYTES[1:]:
            host.say("BIN 17", body)
            host.say("TEXT 17", b"\0" + body + b"\0\0")
        host.say("TEXT 17", "still here")
        self.assertEqual(host.next(), Line("TEXT 17", b"still here"))
        self.assertEqual(host.end(), ([], 0), host.log())
        self.assertEqual(host.log().count("a BIN message is skipped"), len(BYTES) - 1)
        self.assertEqual(host.log().count("a TEXT message is skipped"), len(BYTES) - 1)

    @programs(ECHOES)
    def test_input_is_cut_anywhere(self, host):
        host.open(17)
        said = b"".join(encode("TEXT 17", text) for text in TEXTS[:10])
        # A write for each byte: what the program reads is cut wherever it is not slower.
        for byte in said:
            host.write(bytes([byte]))
        for text in TEXTS[:10]:
            self.assertEqual(host.next(), Line("TEXT 17", text.encode()))
        self.assertEqual(host.end(), ([], 0), host.log())

    # Bash answers when nothing waits to be read: a host leaves no line half said.
    @programs(ECHOES[:3])
    def test_half_a_line_holds_up_no_answer(self, host):
        host.open(17)
        line = encode("TEXT 17", "second half")
        for cut in range(1, len(line)):
            host.write(encode("TEXT 17", "first") + line[:cut])
            self.assertEqual(host.next(), Line("TEXT 17", b"first"))
            host.write(line[cut:])
            self.assertEqual(host.next(), Line("TEXT 17", b"second half"))
        self.assertEqual(host.end(), ([], 0), host.log())

    @programs(ECHOES)
    def test_a_mebibyte(self, host):
        host.open(17)
        text = ("\u20ac123456\n" * MEBIBYTE)[: MEBIBYTE // 10 * 8]
        host.say("TEXT 17", text)
        self.assertTrue(host.next() == Line("TEXT 17", text.encode()), "it is another text")
        self.assertEqual(host.end(), ([], 0), host.log())

    @programs(ECHOES)
    def test_ten_thousand_messages_at_once(self, host):
        host.open(17)
        host.write(b"".join(encode("TEXT 17", f"message {n}") for n in range(10_000)))
        lines, code = host.end()
        self.assertEqual(code, 0, host.log())
        self.assertEqual([line.body for line in lines], [b"message %d" % n for n in range(10_000)])

    @programs(ECHOES)
    def test_both_pipes_may_be_full(self, host):
        host.open(17)
        texts = [str(n) * 50_000 for n in range(8)]
        host.write(b"".join(encode("TEXT 17", text) for text in texts))
        for text in texts:
            self.assertTrue(host.next() == Line("TEXT 17", text.encode()), "it is another text")

    def test_a_host_that_is_gone_ends_the_program(self):
        for name in ECHOES:
            with self.subTest(name):
                pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                with subprocess.Popen([PROGRAMS / name], bufsize=0, **pipes) as program:
                    self.assertEqual(program.stdout.readline(), b"READY 1\n")
                    program.stdout.close()
                    program.stdin.write(encode("OPEN 17", "") + encode("TEXT 17", "anybody?"))
                    self.assertNotIn(b"Traceback", program.stderr.read())


class Chats(unittest.TestCase):
    @programs(CHATS)
    def test_it_tells_everybody(self, host):
        host.open(17)
        self.assertEqual(host.next(), Line("TEXT 17", b"Your name?"))
        host.open(18)
        self.assertEqual(host.next(), Line("TEXT 18", b"Your name?"))
        for words, body, told in [
            ("TEXT 17", "Ida", "Ida has come"),
            ("TEXT 17", "hello", "Ida: hello"),
            ("TEXT 18", "J\u00f6rg", "J\u00f6rg has come"),
            ("TEXT 18", "Ida", "J\u00f6rg: Ida"),
            ("CLOSE 17 1001", "", "Ida has gone"),
            ("TEXT 18", "", "J\u00f6rg: "),
        ]:
            host.say(words, body)
            self.assertEqual(host.next(), Line("TEXT *", told.encode()))

    @programs(CHATS)
    def test_who_had_no_name_leaves_in_silence(self, host):
        host.open(17)
        host.next()
        host.say("CLOSE 17 1006", "")
        self.assertEqual(host.end(), ([], 0), host.log())

    @programs(CHATS[:3])
    def test_it_takes_text_only(self, host):
        host.open(17)
        host.next()
        host.say("BIN 17", b"Ida")
        self.assertEqual(host.next(), Line("CLOSE 17 1003", b"text only"))


class Clocks(unittest.TestCase):
    @programs(CLOCKS)
    def test_it_ticks_while_nothing_comes_and_while_something_does(self, host):
        for _ in range(2):
            line = host.next()
            self.assertEqual(line.words, "TEXT *")
            self.assertRegex(line.body, rb"^\d\d:\d\d:\d\d$")
            host.say("RELOAD")
        # The end comes between two ticks, not after the next one: there is one for each second that
        # has passed, and one may be on its way.
        lines, code = host.end()
        self.assertEqual(code, 0, host.log())
        self.assertLessEqual(2 + len(lines), time.monotonic() - host.begin + 1)


class PerSocket(unittest.TestCase):
    def test_count(self):
        found = self.run_program("count.bash", "", PAUSE_SECONDS="0")
        self.assertEqual(found, "".join(f"{n}\n" for n in range(1, 11)))

    def test_lines(self):
        found = self.run_program("lines.py", "hello\nyou, gr\u00fc\u00df dich\n\n")
        self.assertEqual(found, "HELLO\nYOU, GR\u00dcSS DICH\n\n")

    def run_program(self, name, said, **environment):
        program = [PROGRAMS / "per-socket" / name]
        environment = {"PATH": os.environ["PATH"], **environment}
        result = subprocess.run(
            program, input=said, capture_output=True, encoding="utf-8", env=environment
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout


if __name__ == "__main__":
    unittest.main()
