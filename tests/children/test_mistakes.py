"""What beginners write by mistake is an error or a warning that says what is allowed."""

import unittest

from host import DEADLINE_SECONDS, PROGRAMS, Host, Line
from test_exceptions import program

CALLS = """
from _switchboard import Service, all, socket_id, topic

class Calls(Service):
    def on_open(self, id, info):
        {}

Calls().run()
"""
# A call, and what its TypeError says.
WRONG = [
    ('self.send(16777216, "x")', "16777216 (int) is no audience"),
    ('self.send(None, "x")', "None (NoneType) is no audience"),
    ('self.send(1.5, "x")', "1.5 (float) is no audience"),
    ('self.send(True, "x")', "True (bool) is no audience"),
    ('self.send({}, "x")', "{} (dict) is no audience"),
    ('self.send({id: 1}, "x")', "{'17': 1} (dict) is no audience"),
    ('self.send(b"", "x")', "b'' (bytes) is no audience"),
    ('self.send("17", "x")', "'17' (str) is no audience"),
    ('self.send([17], "x")', "17 (int) is no socket id"),
    ('self.send(all().but(17), "x")', "17 (int) is no socket id"),
    ("self.subscribe(id, 5)", "a topic is a str, not 5 (int)"),
    ('self.send(topic(None), "x")', "a topic is a str, not None (NoneType)"),
    ("self.close(id, 1000.5)", "a code or status is an int, not 1000.5 (float)"),
    ('self.close(id, "1000")', "a code or status is an int, not '1000' (str)"),
    ("self.close(id, True)", "a code or status is an int, not True (bool)"),
    ("self.close(id, 1000, 5)", "a text is a str, not 5 (int)"),
    ("self.reject(id, None)", "a code or status is an int, not None (NoneType)"),
    ('self.reject(id, 503, "", {"Retry-After": 5})', "a header is a str, not 5 (int)"),
    ('self.label(id, "age", 5)', "a text is a str, not 5 (int)"),
    ('self.label(id, 5, "x")', "5 is no token"),
    ("self.accept(id, 5)", "5 is no token"),
    ("socket_id(17)", "a socket id is made of a str, not 17 (int)"),
]
KNOWN_IN_NODE = "There are open, message, close, full, drained, error, gap, reload, stop, ask, protocols"
# What `serve` is given, and what its TypeError says.
WRONG_IN_NODE = [
    ("{ on_message() {} }", f'"on_message" is no handler: do you mean message? {KNOWN_IN_NODE}'),
    ("{ onMessage() {} }", '"onMessage" is no handler: do you mean message? '),
    ("{ mesage() {} }", '"mesage" is no handler: do you mean message? '),
    ("{ opne() {} }", '"opne" is no handler: do you mean open? '),
    ("{ joined() {} }", f'"joined" is no handler: {KNOWN_IN_NODE}'),
    ("{ message: 'text' }", 'the handler message is a function, not "text"'),
    ("new (class { message() {} })()", "serve takes a plain object of handlers"),
    ("", "serve takes a plain object of handlers"),
]
MISSPELLED = """
from {module} import {base}

class Misspelled({base}):
    on_sale = True
    def on_mesage(self, id, message): pass
    def on_friday(self): pass

{run}
"""
COROUTINE = """
from {module} import {base}

class Waits({base}):
    async def {name}(self, *_): pass

{run}
"""
PLAIN = {"module": "_switchboard", "base": "Service"}
ASYNCIO = {"module": "_switchboard_async", "base": "Server"}


def run(name, helper):
    if helper is PLAIN:
        return f"{name}().run()"
    return f"import asyncio\nasyncio.run({name}(None).run())"


class Mistakes(unittest.TestCase):
    def test_a_wrong_argument_in_python_is_named(self):
        for call, text in WRONG:
            with self.subTest(call), program(CALLS.format(call)) as host:
                host.ready()
                host.open(17)
                line = host.next()
                self.assertEqual(line.words, "LOG warn")
                self.assertIn(f"TypeError: {text}", line.body.decode())

    def test_a_list_reaches_each_socket_once(self):
        python = 'self.send([id] * 100 + [socket_id("18"), id], "x")'
        node = 'serve({ open: (id) => send([...Array(100).fill(id), socketId("18"), id], "x") });'
        for host in (program(CALLS.format(python)), in_node(node)):
            with host:
                host.ready()
                host.open(17)
                self.assertEqual(host.next(), Line("TEXT 17,18", b"x"), host.log())
                self.assertEqual(host.end(), ([], 0), host.log())

    def test_a_misspelled_callback_is_warned_of(self):
        for helper in (PLAIN, ASYNCIO):
            text = MISSPELLED.format(run=run("Misspelled", helper), **helper)
            with self.subTest(helper["base"]), program(text) as host:
                host.ready()
                lines = sorted([host.next(), host.next()])
                self.assertEqual([line.words for line in lines], ["LOG warn"] * 2)
                self.assertIn(b"on_friday is no callback, and is not called: there are", lines[0].body)
                self.assertIn(b"on_mesage is no callback, and is not called: do you mean on_message?",
                              lines[1].body)
                self.assertEqual(host.end(), ([], 0), host.log())

    def test_a_misspelled_callback_is_warned_of_in_bash(self):
        text = f". {PROGRAMS}/bash/_switchboard.bash\non_mesage() {{ :; }}\nserve\n"
        with Host("bash", "-euc", text) as host:
            host.ready()
            line = host.next()
            self.assertEqual(line.words, "LOG warn")
            self.assertIn(b"on_mesage is no callback, and is not called: there are on_open", line.body)
            self.assertEqual(host.end(), ([], 0), host.log())

    def test_what_is_no_handler_in_node_is_named(self):
        for given, text in WRONG_IN_NODE:
            with self.subTest(given), in_node(f"serve({given});") as host:
                self.assertIsNone(host.next())
                self.assertEqual(host.child.wait(DEADLINE_SECONDS), 1)
                self.assertIn(f"TypeError: {text}", host.log())

    def test_a_callback_that_nobody_awaits_ends_the_program_at_its_start(self):
        for helper, name, text in [
            (PLAIN, "on_message", "use Server of _switchboard_async, or def"),
            (PLAIN, "on_ask", "use Server of _switchboard_async, or def"),
            (PLAIN, "on_tick", "use Server of _switchboard_async, or def"),
            (ASYNCIO, "on_stop", "use def, and asyncio.create_task for what takes long"),
        ]:
            code = COROUTINE.format(run=run("Waits", helper), name=name, **helper)
            with self.subTest(name), program(code) as host:
                self.assertIsNone(host.next())
                self.assertEqual(host.child.wait(DEADLINE_SECONDS), 1)
                self.assertIn(f"TypeError: {name} is a coroutine function, ", host.log())
                self.assertIn(text, host.log())

    # The host warns of it.
    def test_a_line_that_is_not_done_is_not_logged_twice(self):
        bash = f". {PROGRAMS}/bash/_switchboard.bash\nserve\n"
        for host in (program(CALLS.format("pass")), in_node("serve({});"), Host("bash", "-c", bash)):
            with host:
                host.ready()
                host.say("ERR SET 17", "too long")
                self.assertEqual(host.end(), ([], 0), host.log())
                self.assertEqual(host.log(), "")


def in_node(text):
    helper = PROGRAMS / "node" / "_switchboard.cjs"
    return Host("node", "-e", f"const {{ send, serve, socketId }} = require('{helper}');\n{text}")


if __name__ == "__main__":
    unittest.main()
