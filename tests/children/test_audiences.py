"""Nothing that a peer sends becomes an audience, a topic of others, or a line of its own."""

import re
import unittest
from urllib.parse import unquote

from host import PROGRAMS, Host, Line
from test_helpers import RAISING, Case, probes, told

# None of them is an audience, whatever they would be on the wire.
STRINGS = [
    "*", "@news", "*,!18", "@news,!18", "17,18,!18", "all", "[18]", "18n", "0x11", "1e1", "-18",
    "+18", "", "18,", ",18", "18,,18", "18;18", "$(echo 18)", "18\nCLOSE * 4666", "\u0661\u0668",
]  # fmt: skip
# These are ids, which Bash cannot tell from text: its lists are digits and commas.
DIGITS = ["18", "17,18", "018"]
# What a JSON text may bring where the program expects an id.
WISHES = ['"*"', '"18"', "18", "[18]", '["*"]', '["18"]', "true", "1.5", '{"who":"*"}']
TOPICS = [
    "news", "cats,!1", "a b", " ", "a,b", ",", "+", "+1", "a+1", "%", "%20", "a%20b", "", "*", "!",
    "@news", "\t", "a\nCLOSE * 4666", "\r", "\0", "\x01\x1f\x7f", "\x85", "\u00e4", "\u00a0",
    "\u2028", "\U0001f600", "x" * 256, "%" * 85, "-n", "$HOME", "~", "\\", "'", '"',
]  # fmt: skip
LONG = ["x" * 257, "%" * 86, "\n" * 86, "+" + "x" * 254, "x" * 100_000]


class Audiences(Case):
    @probes(*RAISING)
    def test_a_string_is_no_audience(self, host):
        # One that has failed gets nothing more: a socket for each.
        orders = ["raw", "raw-close", "raw-subscribe", "raw-but"]
        for id, words in enumerate([(o, s) for o in orders for s in STRINGS + DIGITS], 100):
            self.enter(host, id)
            host.say(f"TEXT {id}", " ".join(words))
            self.failed(host, id)
        # The others are still served.
        host.say("TEXT 17", "one 17 hello")
        self.assertEqual(host.next(), Line("TEXT 17", b"hello"))
        self.assertIn("TypeError", host.log())
        self.assertIn("is no audience", host.log())

    @probes(*RAISING)
    def test_json_has_no_audience(self, host):
        for id, wish in enumerate(WISHES, 100):
            self.enter(host, id)
            host.say(f"TEXT {id}", f'json {{"to": {wish}}}')
            self.failed(host, id)
        # A list that is empty is nobody.
        host.say("TEXT 17", 'json {"to": []}')
        host.say("TEXT 17", "json rubbish")
        self.failed(host, 17)

    # The line of what is no message is not even begun, so that the next one is whole.
    @probes(*RAISING)
    def test_json_has_messages_of_text_alone(self, host):
        objects = ["{}", '{"buffer": [1], "byteOffset": 0, "byteLength": 1}']
        hint = r"not (dict|list|int|bool); for JSON: json\.dumps\("
        if "node" in host.child.args:
            hint = r"not (Object|Array|Number|Boolean); for JSON: JSON\.stringify\("
        for id, text in enumerate(["5", "true", "[]", '["a"]', *objects], 100):
            self.enter(host, id)
            host.say(f"TEXT {id}", f'json {{"text": {text}}}')
            self.failed(host, id, hint)
        host.say("TEXT 17", 'json {"text": "\\ud800"}')
        self.assertEqual(host.next().words, "TEXT 17")

    @probes("bash")
    def test_bash_takes_digits_and_commas(self, host):
        for order in ("raw", "raw-close", "raw-subscribe", "raw-but"):
            for text in STRINGS:
                # An empty third word is none.
                if (order, text) != ("raw-but", ""):
                    host.say("TEXT 17", f"{order} {text}")
                    self.wrong(host, "ids" if order != "raw-but" else "but")
        for text in DIGITS:
            host.say("TEXT 17", f"raw {text}")
            self.assertEqual(host.next(), Line(f"TEXT {text}", b"raw"))
        self.ends(host)

    # As the audiences of earlier helpers were, and those of the lines are.
    @probes("bash")
    def test_bash_names_what_reaches_others(self, host):
        for order in ("raw *", "raw @news", "raw *,!17", "raw-close *"):
            host.say("TEXT 17", order)
            body = host.next().body.decode()
            self.assertIn("there are send_all and close_all, for a topic send_topic", body)
        for order in ("raw 1;2", "raw-subscribe *"):
            host.say("TEXT 17", order)
            self.assertNotIn("send_all", host.next().body.decode())
        self.ends(host)

    def test_bash_warns_of_what_is_wrong_unless_the_program_does_something_else(self):
        text = f"""
. {PROGRAMS}/bash/_switchboard.bash
on_message() {{ send '*' text; }}
serve
"""
        with Host("bash", "-c", text) as host:
            host.ready()
            host.open(17)
            host.say("TEXT 17", "go")
            line = host.next()
            self.assertEqual(line.words, "LOG warn")
            self.assertRegex(line.body.decode(), r"^TEXT -: no ids: '\*' ")
            # The host has warned of this one.
            host.say("ERR SET 17", "too long")
            self.ends(host)
            self.assertNotIn("too long", host.log())

    @probes()
    def test_any_text_is_a_topic_of_its_own(self, host):
        words = {}
        for name in TOPICS:
            if "bash" in host.child.args and "\0" in name:
                continue
            for order, form in [
                (f"subscribe {name}", "SUB 17 (.*)"),
                (f"unsubscribe {name}", "UNSUB 17,18 (.*)"),
                (f"topic {name}", "TEXT @(.*)"),
                (f"topic-but {name}", "TEXT @(.*),!17"),
            ]:
                host.say("TEXT 17", order)
                words.setdefault(name, set()).add(re.fullmatch(form, host.next().words)[1])
        for name, forms in words.items():
            (word,) = forms
            # As the host wants it: src/programs/audience.rs.
            self.assertRegex(word, r"\A(?!\+)[^\x00-\x20,\x7f-\x9f]+\Z")
            self.assertLessEqual(len(word.encode()), 256)
            self.assertEqual(unquote(word), name or "%")
        self.assertEqual(len({frozenset(forms) for forms in words.values()}), len(words))
        self.ends(host)

    @probes()
    def test_a_plain_topic_is_said_as_it_is(self, host):
        for name in ["a/b", "a+b", "room-7", "~x", "100$"]:
            host.say("TEXT 17", f"subscribe {name}")
            self.assertEqual(host.next(), Line(f"SUB 17 {name}"))

    @probes(*RAISING)
    def test_what_no_topic_can_be_raises(self, host):
        orders = ["surrogate-topic"] + [f"subscribe {name}" for name in LONG]
        for id, order in enumerate(orders, 100):
            self.enter(host, id)
            host.say(f"TEXT {id}", order)
            self.failed(host, id)
        self.assertIn("256 bytes at most", host.log())

    @probes("bash")
    def test_bash_says_no_topic_that_is_too_long(self, host):
        for name in LONG:
            host.say("TEXT 17", f"subscribe {name}")
            self.assertRegex(host.next().body.decode(), "^error SUB 17 no topic: ")
        self.ends(host)

    # Whatever else becomes a word of a line.
    @probes(*RAISING)
    def test_no_word_of_a_peer_is_a_line_of_its_own(self, host):
        for id, order in enumerate(WORDS, 100):
            self.enter(host, id)
            host.say(f"TEXT {id}", order)
            self.failed(host, id)
        self.enter(host, 99)

    @probes("bash")
    def test_no_word_of_a_peer_is_a_line_of_its_own_in_bash(self, host):
        for order in WORDS:
            if not order.startswith("headers"):
                host.say("TEXT 17", order)
                line = host.next()
                self.assertEqual(line.words, "LOG info", order)
                self.assertRegex(line.body, b"^error ", order)
        self.ends(host)

    # They have memory of their own, so that what they say never leaves them.
    @probes("bash")
    def test_a_subshell_fails_to_send(self, host):
        host.say("TEXT 17", "subshell")
        self.assertEqual(host.next(), told("subshell 1"))
        self.ends(host)
        self.assertIn("TEXT is not said: a subshell", host.log())

    def failed(self, host, id, what=""):
        super().failed(host, id, what)
        host.say(f"CLOSE {id} 1011", "")
        if "async" not in host.child.args or "node" in host.child.args:  # a coroutine has ended
            self.assertEqual(host.next(), told(f"close {id} 1011 "))

    def wrong(self, host, kind):
        line = host.next()
        self.assertEqual(line.words, "LOG info")
        self.assertRegex(line.body.decode(), rf"^error [A-Z]+ - no {kind}: ")


WORDS = [
    f"{order} {word}"
    for order in ["accept", "key", "level", "code", "headers"]
    for word in ["a\nCLOSE * 4666", "a\rb", "a\n"]
    + (["a b", "a,b", "\x85", "a\x01"] if order != "headers" else [])
]

if __name__ == "__main__":
    unittest.main()
