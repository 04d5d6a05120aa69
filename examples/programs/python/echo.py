#!/usr/bin/env python3
"""Sends every message back."""

from _switchboard import Service


class Echo(Service):
    def on_message(self, id, message):
        self.send(id, message)


Echo().run()
