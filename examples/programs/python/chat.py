#!/usr/bin/env python3
"""A chat: the first message of a socket is its name, all others go to everybody."""

from _switchboard import Service, all


class Chat(Service):
    def __init__(self):
        self.names = {}

    def on_open(self, id, info):
        self.send(id, "Your name?")

    def on_message(self, id, message):
        if not isinstance(message, str):
            return self.close(id, 1003, "text only")
        if id in self.names:
            return self.send(all(), f"{self.names[id]}: {message}")
        self.names[id] = message
        self.send(all(), f"{message} has come")

    def on_close(self, id, code, reason):
        if id in self.names:
            self.send(all(), f"{self.names.pop(id)} has gone")


Chat().run()
