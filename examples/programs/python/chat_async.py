#!/usr/bin/env python3
"""A chat: the first message of a socket is its name, all others go to everybody."""

import asyncio

from _switchboard_async import Server, all


async def chat(socket):
    await socket.send("Your name?")
    name = None
    async for message in socket:
        if not isinstance(message, str):
            socket.close(1003, "text only")
        elif name is None:
            name = message
            server.send(all(), f"{name} has come")
        else:
            server.send(all(), f"{name}: {message}")
    if name is not None:
        server.send(all(), f"{name} has gone")


server = Server(chat)
asyncio.run(server.run())
