#!/usr/bin/env python3
"""Chat rooms, in the style of the original: the demo, whose page works with it unchanged."""

import itertools
import json

from _transactions import DATA, NEWSOCKET, Event, Service, Subscribable, Transaction, serve

NAME_CHARS_MAX = 64
ROOMS_MAX = 1024
NAMES_MAX = 256


class Room(Subscribable):
    """Its subscribers are its members, who hear who comes and goes."""

    def __init__(self, name, lobby):
        self.name, self.lobby, self.members = name, lobby, {}

    def subscribe(self, client, callback):
        self.sendEvent(Event("newuser", {"name": client.name}))
        id = super().subscribe(client, callback)
        self.members[id] = client.name
        self.announce()
        return id

    def unsubscribe(self, id):
        client = super().unsubscribe(id)
        del self.members[id]
        self.sendEvent(Event("logoff", {"name": client.name}))
        self.announce()

    def announce(self):
        self.lobby.sendEvent(Event("update", {"data": self.entry()}))

    def entry(self):
        return [self.name, self.getNumSubscribers()]

    def names(self):
        return list(itertools.islice(self.members.values(), NAMES_MAX))


class Client:
    def __init__(self, service, id):
        self.service, self.id, self.name, self.room = service, id, None, None
        self.say(type="query", query="name")
        self.tell(Event("listing", {"chatrooms": [r.entry() for r in service.rooms.values()]}))
        self.place = service.lobby.subscribe(self, self.tell)

    def say(self, **reply):
        self.service.sendQueue.put(Transaction(DATA, self.id, json.dumps(reply, ensure_ascii=False)))

    def tell(self, event):
        self.say(type="event", event={"type": event.id, **event.data})

    def hear(self, message):
        wish, text = decode(message)
        if self.name is None and wish != "name":
            self.say(type="query", query="name")
        elif self.name is None:
            self.name = text
        elif wish == "create":
            self.service.create(text, self)
        elif wish == "join":
            self.join(text)
        elif wish == "message" and self.room:
            self.room.sendEvent(Event("message", {"name": self.name, "message": text}))
        elif wish == "who" and self.room:
            self.say(type="who", chatroom=self.room.name, names=self.room.names())

    def join(self, name):
        room = self.service.rooms.get(name)
        if room is None:
            return self.say(type="notice", notice=f"Chatroom {name} not found.")
        self.leave()
        self.room, self.seat = room, room.subscribe(self, self.tell)
        self.say(type="join", chatroom=name)

    def leave(self):
        if self.room:
            self.room.unsubscribe(self.seat)
            self.room = None

    def gone(self):
        self.service.lobby.unsubscribe(self.place)
        self.leave()


class Chat(Service):
    def __init__(self):
        self.lobby, self.rooms, self.clients = Subscribable(), {}, {}

    def run(self):
        for type, id, data in iter(self.recvQueue.get, None):
            if type == NEWSOCKET:
                self.clients[id] = Client(self, id)
            elif type == DATA:
                self.clients[id].hear(data)
            else:
                self.clients.pop(id).gone()

    def create(self, name, client):
        if name in self.rooms:
            return
        if len(self.rooms) == ROOMS_MAX:
            return client.say(type="notice", notice=f"No more than {ROOMS_MAX} chatrooms.")
        self.rooms[name] = Room(name, self.lobby)
        self.lobby.sendEvent(Event("newchatroom", {"name": name}))


def decode(message):
    """A client's wish and the text of it, or None twice for what is not a proper message."""
    try:
        fields = json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        fields = None
    wish = fields.get("type") if isinstance(fields, dict) else None
    if wish == "who":
        return wish, ""
    field = {"name": "name", "create": "chatroom", "join": "chatroom", "message": "message"}
    text = fields.get(field[wish]) if isinstance(wish, str) and wish in field else None
    if not isinstance(text, str) or (wish != "message" and len(text) > NAME_CHARS_MAX):
        return None, None
    return wish, text


serve(Chat())
