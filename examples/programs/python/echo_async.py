#!/usr/bin/env python3
"""Sends every message back, with a coroutine for each socket."""

import asyncio

from _switchboard_async import Server


async def echo(socket):
    async for message in socket:
        await socket.send(message)


asyncio.run(Server(echo).run())
