#!/usr/bin/env python3
"""A chat in the style of the original: the first message of a socket is its name."""

from _transactions import CLOSE, DATA, NEWSOCKET, Event, Service, Subscribable, Transaction, serve


class Chat(Service):
    def run(self):
        self.talk, self.clients, self.names = Subscribable(), {}, {}
        for transaction in iter(self.recvQueue.get, None):
            type, id, data = transaction
            if type == NEWSOCKET:
                told = lambda event, id=id: self.tell(id, event)
                self.clients[id] = self.talk.subscribe(id, told)
                self.sendQueue.put(Transaction(DATA, id, "Your name?"))
            elif type == CLOSE:
                self.talk.unsubscribe(self.clients.pop(id))
                self.say(f"{self.names.pop(id, 'somebody')} has gone")
            elif id in self.names:
                self.say(f"{self.names[id]}: {data}")
            else:
                self.names[id] = data
                self.say(f"{data} has come")

    def say(self, text):
        self.talk.sendEvent(Event("said", text))

    def tell(self, id, event):
        self.sendQueue.put(Transaction(DATA, id, event.data))


serve(Chat())
