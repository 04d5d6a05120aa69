#!/usr/bin/env python3
"""Sends every message to all sockets, the sender too. However many they are, it says it once. A
sender waits for slow listeners."""

from _switchboard import Service, topic


class Broadcast(Service):
    def on_open(self, id, info):
        self.subscribe(id, "all")

    def on_message(self, id, message):
        self.send(topic("all").slowing(id), message)


Broadcast().run()
