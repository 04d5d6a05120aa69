#!/usr/bin/env python3
"""Sends the time to all, each second, and answers each client that asks for it."""

import asyncio
import time

from _switchboard_async import Server, all


class Clock(Server):
    tick_seconds = 1

    def on_tick(self):
        self.send(all(), now())


async def answer(socket):
    async for _ in socket:
        await socket.send(now())


def now():
    return time.strftime("%H:%M:%S")


asyncio.run(Clock(answer).run())
