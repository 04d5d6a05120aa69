"""What each helper hears and says, verb by verb, by a probe in its language."""

import functools
import re
import unittest

from host import DEADLINE_SECONDS, ROOT, Host, Line, encode

FOLDER = ROOT / "tests" / "children"
PROBES = {
    "python": ["python3", FOLDER / "probe.py"],
    "asyncio": ["python3", FOLDER / "probe.py", "async"],
    "node": ["node", FOLDER / "probe.js"],
    "node, async": ["node", FOLDER / "probe.js", "async"],
    "bash": ["bash", FOLDER / "probe.bash"],
}
PYTHON = ["python", "asyncio"]
NODE = ["node", "node, async"]
# In these, what is wrong raises; in Bash on_error gets it.
RAISING = PYTHON + NODE

# What a text asks for, and the line that follows.
ORDERS = [
    ("one 17 hello", "TEXT 17", b"hello"),
    ("send 17,18 gr\u00fc\u00dfe \U0001f600", "TEXT 17,18", "gr\u00fc\u00dfe \U0001f600".encode()),
    ("all +5 is no length\nhere", "TEXT *", b"+5 is no length\nhere"),
    ("others all but you", "TEXT *,!17", b"all but you"),
    ("topic news", "TEXT @news", b"for a topic"),
    ("topic-but news", "TEXT @news,!17", b"for a topic"),
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
    ("GAP *", None, "gap"),
    ("GAP @news", None, "gap"),
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
                    self.enter(host, 17)
                    test(self, host)

        return run

    return decorate


class Case(unittest.TestCase):
    def enter(self, host, id):
        host.open(id)
        self.assertEqual(host.next(), told(f"open {id} 127.0.0.1 a=b"))

    def warned(self, host, where, what):
        """One warning tells of an exception: where it was, such as `socket 17: an exception in
        on_open`, and what."""
        line = host.next()
        self.assertEqual(line.words, "LOG warn", host.log()[-2000:])
        self.assertRegex(line.body.decode(), rf"(?s)^{where}: [A-Za-z.]*Error\b.*{what}")
        return line.body.decode()

    def failed(self, host, id, what=""):
        """There is such a warning, then the socket is closed; nothing else is said. The peer hears
        where the exception was, and not what it says."""
        where = r"an exception in (on_[a-z]+|[a-z]+\(\)|its coroutine)"
        warning = self.warned(host, f"socket {id}: {where}", what)
        reason = re.search(where, warning)[0].encode()
        self.assertEqual(host.next(), Line(f"CLOSE {id} 1011", reason), host.log()[-2000:])

    def ends(self, host, code=0):
        """The program ends with this code, and says nothing more, but for the ends of sockets that
        coroutines see then."""
        lines, found = host.end()
        lines = [line for line in lines if not (line.body or b"").endswith(b" 1006 ")]
        self.assertEqual((lines, found), ([], code), host.log())


class Helpers(Case):
    @probes()
    def test_each_order_is_one_line(self, host):
        for order, words, body in ORDERS:
            host.say("TEXT 17", order)
            self.assertEqual(host.next(), Line(words, body), order)
        self.assertEqual(host.end()[1], 0, host.log())

    @probes()
    def test_all_may_be_closed(self, host):
        host.say("TEXT 17", "close-all")
        self.assertIn(host.next(), [Line("CLOSE *,!17 4000", b""), Line("CLOSE * 4000", b"")])

    @probes()
    def test_what_the_host_says_is_heard(self, host):
        for words, body, news in NEWS:
            host.say(words, body)
            self.assertEqual(host.next(), told(news))
        host.say("CLOSE 17 1006", "")
        self.assertEqual(host.next(), told("close 17 1006 "))
        self.ends(host)

    # To the asyncio helper it is what `send` waits for: test_asyncio.py.
    @probes("python", *NODE, "bash")
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

    @probes(*RAISING)
    def test_binary_messages(self, host):
        host.say("TEXT 17", "binary")
        self.assertEqual(host.next(), Line("BIN 17", b"\x00\xff\n"))

    # Their length in words is no length in bytes, and what is changed later is not sent.
    @probes(*RAISING)
    def test_other_arrays_than_of_bytes(self, host):
        host.say("TEXT 17", "words")
        self.assertEqual(host.next(), Line("BIN 17", b"\0\0\n\n"))
        self.ends(host)

    @probes(*RAISING)
    def test_half_a_surrogate_pair_is_no_fault(self, host):
        host.say("TEXT 17", "surrogate")
        line = host.next()
        self.assertEqual(line.words, "TEXT 17")
        self.assertRegex(line.body.decode(), "^a[?\ufffd]b$")

    @probes(*RAISING)
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

    @probes(*RAISING)
    def test_headers_of_a_refusal(self, host):
        host.say("TEXT 17", "headers Basic")
        body = b"WWW-Authenticate: Basic\n\nmembers only"
        self.assertEqual(host.next(), Line("REJECT 18 401", body))

    @probes()
    def test_a_reason_is_cut_between_characters(self, host):
        for reason in ["\ufeff", "x" * 124, "x" * 122 + "\u20ac", "\U0001f600" * 300, "\u00e4" * 61 + "xx"]:
            host.say("TEXT 17", f"close {reason}")
            cut = reason.encode()[:123].decode(errors="ignore").encode()
            self.assertEqual(host.next(), Line("CLOSE 17 4001", cut))
        self.ends(host)

    @probes()
    def test_what_is_printed_is_logged(self, host):
        host.say("TEXT 17", "print TEXT 17 here I am")
        self.assertEqual(host.end()[1], 0)
        self.assertIn("TEXT 17 here I am", host.log())

    @probes()
    def test_the_program_may_end_itself_after_what_was_said(self, host):
        host.write(encode("TEXT 17", "one 17 last words") + encode("TEXT 17", "exit 3"))
        lines, code = host.end()
        self.assertEqual((lines[0], code), (Line("TEXT 17", b"last words"), 3))

    @probes("bash")
    def test_a_fault_ends_a_program_in_bash_after_what_was_said(self, host):
        host.write(encode("TEXT 17", "one 17 last words") + encode("TEXT 17", "fail now"))
        lines, code = host.end()
        self.assertEqual((lines, code), ([Line("TEXT 17", b"last words")], 1))
        self.assertIn("now", host.log())

    @probes("node")
    def test_a_fault_outside_of_handlers_ends_a_program_in_node(self, host):
        host.write(encode("TEXT 17", "one 17 last words") + encode("TEXT 17", "later now"))
        lines = [host.next(), host.next()]
        self.assertEqual(lines, [Line("TEXT 17", b"last words"), None])
        self.assertEqual(host.child.wait(DEADLINE_SECONDS), 1)
        self.assertIn("Error: now", host.log())

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
