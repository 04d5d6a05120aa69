#!/usr/bin/env python3
"""Sends the time to all, each second."""

import time

from _switchboard import Service, all


class Clock(Service):
    tick_seconds = 1

    def on_tick(self):
        self.send(all(), time.strftime("%H:%M:%S"))


Clock().run()
