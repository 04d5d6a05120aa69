"""What each helper hears and says, verb by verb, by a probe in its language."""

import functools
import unittest

from host import ROOT, Host, Line, encode

FOLDER = ROOT / "tests" / "children"
PROBES = {
    "python": ["python3", FOLDER / "probe.py"],
    "asyncio": ["python3", FOLDER / "probe.py", "async"],
    "node": ["node", FOLDER / "probe.js"],
    "bash": ["bash", FOLDER / "probe.bash"],
}

# What a text asks for, and the line that comes of it.
ORDERS = [
    ("send 17 hello", "TEXT 17", b"hello"),
    ("send 17,18 gr\u00fc\u00dfe \U0001f600", "TEXT 17,18", "gr\u00fc\u00dfe \U0001f600".encode()),
    ("send * +5 is no length\nhere", "TEXT *", b"+5 is no length\nhere"),
    ("send *,!17 all but you", "TEXT *,!17", b"all but you"),
    ("send @news,!17 extra", "TEXT @news,!17", b"extra"),
    ("subscribe news", "SUB 17 news", None),
    ("unsubscribe news", "UNSUB 17,18 news", None),
    ("close so long", "CLOSE 17 4001", b"so long"),
    ("pause", "PAUSE 17", None),
    ("resume", "RESUME 17", None),
    ("label Ida B.", "SET 17 user", b"Ida B."),
    ("accept chat.v2", "ACCEPT 18 protocol=chat.v2", None),
]
# What the host says, and what the probe tells of it.
NEWS = [
    ("RELOAD", None, "reload"),
    ("ERR SUB 17", "no such topic", "error SUB 17 no such topic"),
    ("STOP 5000", None, "stop 5000"),
]


def probes(*names, flags=(), ready="READY 1"):
    """Runs a test with a probe of each language, ready, with socket 17 open."""

    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for name in names or PROBES:
                with self.subTest(name), Host(*PROBES[name], *flags) as host:
                    host.ready(ready)
                    host.open(17)
                    self.assertEqual(host.next(), told("open 17 127.0.0.1 a=b"))
                    test(self, host)

        return run

    return decorate


class Helpers(unittest.TestCase):
    @probes()
    def test_each_order_is_one_line(self, host):
        for order, words, body in ORDERS:
            host.say("TEXT 17", order)
            self.assertEqual(host.next(), Line(words, body), order)
        self.assertEqual(host.end()[1], 0, host.log())

    @probes()
    def test_what_the_host_says_is_heard(self, host):
        for words, body, news in NEWS:
            host.say(words, body)
            self.assertEqual(host.next(), told(news))
        host.say("CLOSE 17 1006", "")
        self.assertEqual(host.next(), told("close 17 1006 "))
        self.assertEqual(host.end(), ([], 0), host.log())

    # To the asyncio helper it is what `send` waits for: test_asyncio.py.
    @probes("python", "node", "bash")
    def test_full_and_drained(self, host):
        for words, news in [("FULL 17 70000", "full 17 70000"), ("DRAIN 17", "drained 17")]:
            host.say(words)
            self.assertEqual(host.next(), told(news))

    @probes()
    def test_carriage_returns_and_unknown_verbs_are_skipped(self, host):
        host.write(b"RELOAD\r\n")
        self.assertEqual(host.next(), told("reload"))
        host.say("WEATHER 17 fair", "TEXT 17 +4\npause\n")
        host.say("WEATHER")
        host.say("RELOAD soon")
        self.assertEqual(host.next(), told("reload"))
        self.assertEqual(host.end()[1], 0, host.log())

    @probes("python", "asyncio", "node")
    def test_binary_messages(self, host):
        host.say("TEXT 17", "binary")
        self.assertEqual(host.next(), Line("BIN 17", b"\x00\xff\n"))

    @probes("python", "asyncio", "node")
    def test_half_a_surrogate_pair_is_no_fault(self, host):
        host.say("TEXT 17", "surrogate")
        line = host.next()
        self.assertEqual(line.words, "TEXT 17")
        self.assertRegex(line.body.decode(), "^a[?\ufffd]b$")

    @probes("python", "asyncio", "node")
    def test_a_long_list_is_several_lines_and_an_empty_one_none(self, host):
        host.say("TEXT 17", "many 0")
        host.say("TEXT 17", "many 100")
        ids = []
        while len(ids) < 100:
            line = host.next()
            self.assertEqual(line.body, b"all of you")
            ids += line.words.removeprefix("TEXT ").split(",")
        self.assertEqual(ids, [str(10**19 + n) for n in range(100)])

    @probes(flags=["asks"], ready="READY 1 admission=ask")
    def test_admission(self, host):
        host.say("ASK 18", "REMOTE_ADDR=192.0.2.7\nQUERY_STRING=\n")
        self.assertEqual(host.next(), told("ask 18 192.0.2.7"))
        host.say("TEXT 17", "reject members only")
        self.assertEqual(host.next(), Line("REJECT 18 401", b"\nmembers only"))

    @probes()
    def test_what_is_printed_is_logged(self, host):
        host.say("TEXT 17", "print TEXT 17 here I am")
        self.assertEqual(host.end()[1], 0)
        self.assertIn("TEXT 17 here I am", host.log())

    @probes()
    def test_a_topic_cannot_be_a_line_of_its_own(self, host):
        for topic in ("a\nTEXT * +1\nx", "a b", "+5", "\t", "a\x01b", "a\x7fb", "\x85", "x" * 257):
            host.say("TEXT 17", "subscribe " + topic)
            line = host.next()
            self.assertEqual(line.words, "LOG info")
            self.assertEqual(line.body.split()[:3], [b"error", b"SUB", b"17"])
        host.say("TEXT 17", "subscribe +")
        host.say("TEXT 17", "subscribe \u00e4-1")
        self.assertEqual(host.next().words, "LOG info")
        self.assertEqual(host.next(), Line("SUB 17 \u00e4-1"))
        self.assertEqual(host.end()[1], 0, host.log())

    @probes("python", "node", "bash")
    def test_a_fault_is_logged_and_ends_the_program_after_what_was_said(self, host):
        host.write(encode("TEXT 17", "send 17 last words") + encode("TEXT 17", "fail now"))
        lines, code = host.end()
        self.assertEqual((lines, code), ([Line("TEXT 17", b"last words")], 1))
        self.assertIn("now", host.log())

    @probes()
    def test_out_of_step_ends_the_program(self, host):
        host.write(b"TEXT 17 +5\npauseTEXT 17 +5\npause\n")
        lines, code = host.end()
        self.assertEqual((code, [line for line in lines if "PAUSE" in line.words]), (1, []))
        self.assertIn("out of step", host.log())

    @probes()
    def test_a_line_cut_short_by_the_end_is_not_heard(self, host):
        host.write(b"TEXT 17 +5\npaus")
        lines, code = host.end()
        self.assertEqual((code, [line for line in lines if "PAUSE" in line.words]), (0, []))


def told(news):
    return Line("LOG info", news.encode())


if __name__ == "__main__":
    unittest.main()
