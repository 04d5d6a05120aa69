#!/usr/bin/env python3
"""Sends the time to all, each second, and answers whoever asks for it."""

import asyncio
import time

from _switchboard_async import Server


async def answer(socket):
    async for _ in socket:
        await socket.send(now())


async def tick():
    while True:
        await asyncio.sleep(1)
        server.send("*", now())


async def main():
    ticking = asyncio.create_task(tick())
    await server.run()
    ticking.cancel()


def now():
    return time.strftime("%H:%M:%S")


server = Server(answer)
asyncio.run(main())
