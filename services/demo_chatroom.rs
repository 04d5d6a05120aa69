//! Chat rooms: the demo, with a page of its own.
//!
//! Messages are JSON objects, one per text message. A client is asked for its name on connecting.
//! With a name it makes rooms, is in one of them at a time, and talks to the others in it. All
//! clients get new rooms, and how many clients are in each. A room without members stays until its
//! place is needed. Only a member that asks gets the names in its room, and what was said there
//! last, since the page of the original does not know these answers. `docs/chat.md` describes all
//! messages.
//!
//! With the key `share`, it is one chat in all processes and hosts that share. Each process sends
//! its own clients what they get, and hears from the others what they have to get of those.
//!
//! Whatever is not a proper message is answered with the question for the name as long as that
//! is open, and is ignored afterwards.

#![cfg(feature = "chatroom")]

use std::collections::HashMap;
use std::time::Duration;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use switchboard::DatabaseError;
use switchboard::{Close, Context, Handler, Message, Peer, Request, Service, SocketId, handler};

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::_chat_archive::{Answered, Archive};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::_chat_database::Stored;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::_chat_history::Recalled;
use super::_chat_messages::{Event, Name, Reply, Wish};
#[cfg(feature = "processes")]
use super::_chat_news::{self as news, News};
#[cfg(feature = "processes")]
use super::_chat_others::Others;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::_chat_pending::Due;
use super::_chat_rooms::{EVERYBODY, Rooms, User};

/// Why it has one worker: `build.rs` finds it, and `workers` of its section is refused with it.
#[cfg(feature = "workers")]
pub const ONE_WORKER: &str = "rooms that are in the memory of one thread";

/// The service.
pub fn service() -> impl Service {
    handler(Chat::default())
}

/// Its state grows with the rooms, up to their limit, and with each client that has a name.
#[derive(Default)]
pub(super) struct Chat {
    /// The clients with a name. An id that is missing has none yet, or has gone.
    users: HashMap<SocketId, User>,
    pub(super) rooms: Rooms,
    /// The database, if there is one.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) archive: Option<Archive>,
    /// The people in other processes, if it shares.
    #[cfg(feature = "processes")]
    pub(super) others: Others,
    /// The rooms of which some messages may have been missed.
    #[cfg(all(feature = "processes", any(feature = "sqlite", feature = "postgres")))]
    pub(super) missed: Vec<Name>,
    /// Whether one of them is read.
    #[cfg(all(feature = "processes", any(feature = "sqlite", feature = "postgres")))]
    pub(super) is_resuming: bool,
}

impl Handler for Chat {
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "processes"))]
    fn start(&mut self, context: &mut Context) {
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        {
            self.archive = Archive::find(context);
        }
        // It is answered with a gap, if the service shares.
        #[cfg(feature = "processes")]
        context.listen(news::TOPIC);
    }

    fn open(&mut self, peer: &mut Peer, _request: &Request) {
        // The first ones wait until the rooms are known.
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(job) = self.archive.as_mut().and_then(Archive::opening) {
            return peer.later(job, |chat: &mut Self, peer: &mut Peer, opened| {
                chat.opened(peer.context(), opened);
                chat.greet(peer);
            });
        }
        self.greet(peer);
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        self.answer(peer, &message);
        #[cfg(feature = "processes")]
        self.write(peer.context());
    }

    fn close(&mut self, context: &mut Context, id: SocketId, _close: &Close) {
        if let Some(User { seat: Some(seat), .. }) = self.users.remove(&id) {
            self.rooms.leave(context, id, seat);
        }
        #[cfg(feature = "processes")]
        self.write(context);
    }

    #[cfg(feature = "processes")]
    fn gap(&mut self, context: &mut Context, _topic: Option<&str>) {
        // The first one says that it shares.
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if self.others.is_on() {
            self.resume(context);
        }
        self.begin_sharing();
        self.write(context);
    }

    #[cfg(feature = "processes")]
    fn heard(&mut self, context: &mut Context, _topic: &str, message: Message) {
        if let Ok(letter) = message.json() {
            self.read(context, letter);
            self.write(context);
        }
    }

    fn tick(&mut self, context: &mut Context) {
        self.rooms.send_waiting(context);
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        self.tend(context);
        #[cfg(feature = "processes")]
        {
            self.expire(context);
            self.write(context);
        }
    }

    /// That of the rooms is the shortest.
    fn tick_interval(&self) -> Option<Duration> {
        let interval = self.rooms.tick_interval();
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        let interval = interval.or_else(|| self.archive.as_ref()?.tick_interval());
        #[cfg(feature = "processes")]
        let interval = interval.or_else(|| self.others.tick_interval());
        interval
    }

    #[cfg(feature = "processes")]
    fn stop(&mut self, context: &mut Context) {
        if self.others.is_on() {
            self.send_news(context, News::Gone);
        }
    }
}

impl Chat {
    fn answer(&mut self, peer: &mut Peer, message: &Message) {
        let wish = Wish::decode(message);
        let Some(user) = self.users.get_mut(&peer.id()) else {
            let Some(Wish::Name { name }) = wish else { return peer.send(Reply::NAME_QUERY) };
            self.users.insert(peer.id(), User::new(name));
            return;
        };
        match wish {
            Some(Wish::Create { chatroom }) => self.rooms.create(peer, user, chatroom),
            Some(Wish::Join { chatroom }) => self.rooms.join(peer, user, &chatroom),
            Some(Wish::Message { message }) => self.tell(peer, message),
            Some(Wish::Who) => self.list_members(peer),
            Some(Wish::History { chatroom, before, limit }) => {
                let limit = usize::from(limit);
                if self.rooms.may_recall(user, &chatroom, limit) {
                    self.recall(peer, &chatroom, before, limit);
                }
            }
            // The first name stays.
            Some(Wish::Name { .. }) | None => {}
        }
    }

    fn list_members(&self, peer: &mut Peer) {
        let Some(user) = self.users.get(&peer.id()) else { return };
        #[cfg(feature = "processes")]
        let others = self.rooms.room_of(user).into_iter().flat_map(|room| self.others.names(room));
        #[cfg(not(feature = "processes"))]
        let others = std::iter::empty();
        self.rooms.list_members(peer, user, others);
    }

    fn greet(&self, peer: &mut Peer) {
        peer.send(Reply::NAME_QUERY);
        let chatrooms = self.rooms.entries().collect();
        peer.send(Event::Listing { chatrooms });
        // To the host, the socket was open before the service came to hear of it. So `all`
        // could send it news before its listing; this topic cannot.
        peer.subscribe(EVERYBODY);
    }
}

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
impl Chat {
    fn tell(&mut self, peer: &mut Peer, message: String) {
        if let Some(user) = self.users.get(&peer.id()) {
            self.rooms.tell(peer, user, &message);
        }
    }

    fn recall(&self, peer: &mut Peer, room: &Name, before: Option<u64>, limit: usize) {
        self.rooms.recall(peer, room, before, limit);
    }
}

/// With the database, the members of a room get what is stored. The client that has said it
/// waits for that, and nobody else.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl Chat {
    fn tell(&mut self, peer: &mut Peer, message: String) {
        let Some(user) = self.users.get(&peer.id()) else { return };
        let Some(archive) = &mut self.archive else {
            return self.rooms.tell(peer, user, &message);
        };
        let Some(room) = self.rooms.room_of(user) else { return };
        let Some((id, job)) = archive.store(peer.id(), &room.0, &user.name.0, message) else {
            // It is read again with the notice. So few refusals wait, however much it sends.
            peer.pause();
            return self.send_due(peer.context());
        };
        peer.later(job, move |chat: &mut Self, peer: &mut Peer, stored| {
            let Some(archive) = &mut chat.archive else { return };
            let is_stored = archive.stored(id, stored);
            chat.send_due(peer.context());
            if !is_stored {
                chat.tend(peer.context());
            }
            #[cfg(feature = "processes")]
            chat.write(peer.context());
        });
    }

    fn send_due(&mut self, context: &mut Context) {
        while let Some(due) = self.archive.as_mut().and_then(Archive::next_due) {
            match due {
                Due::Show(_id, said) => {
                    let (room, name) = (Name(said.room), Name(said.name));
                    self.rooms.show(context, &room, &name.0, &said.text);
                    #[cfg(feature = "processes")]
                    {
                        let (text, at) = (said.text, said.at);
                        self.rooms
                            .note(|| News::Said(news::Said { room, name, text, id: _id, at }));
                    }
                }
                Due::Refuse(sender) => {
                    context.send(sender, Reply::NOT_STORED);
                    context.resume(sender);
                }
            }
        }
    }

    fn recall(&mut self, peer: &mut Peer, room: &Name, before: Option<u64>, limit: usize) {
        let Some(archive) = &mut self.archive else {
            return self.rooms.recall(peer, room, before, limit);
        };
        let Some((question, job)) = archive.ask(&room.0, before, limit) else {
            return peer.send(Reply::NOT_READ);
        };
        peer.later(job, move |chat: &mut Self, peer: &mut Peer, page| {
            let Some(archive) = &mut chat.archive else { return };
            let chatroom = &*question.room;
            let answered = archive.answer(&question, page, |Recalled { messages, more }| {
                peer.send(Reply::History { chatroom, messages, more });
            });
            match answered {
                Answered::Now => {}
                Answered::NotNow => peer.send(Reply::NOT_READ),
                Answered::Again => chat.recall(peer, &Name(chatroom.into()), before, limit),
            }
        });
    }

    fn opened(&mut self, context: &mut Context, opened: Result<Stored, DatabaseError>) {
        let stored = self.archive.as_mut().and_then(|archive| archive.opened(opened));
        if let Some(stored) = stored {
            self.rooms.know(context, stored.rooms);
        }
    }

    /// Begins what the archive itself has to do.
    fn tend(&mut self, context: &mut Context) {
        let Some(archive) = &mut self.archive else { return };
        if let Some(job) = archive.reopening() {
            context.later(job, |chat: &mut Self, context: &mut Context, opened| {
                chat.opened(context, opened);
            });
        } else if let Some((ids, job)) = archive.removal() {
            context.later(job, move |chat: &mut Self, _: &mut Context, removed| {
                if let Some(archive) = &mut chat.archive {
                    archive.removed(&ids, removed);
                }
            });
        }
    }
}
