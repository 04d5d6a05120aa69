//! The demo chat with `share`: what it sends to the chats of other processes and hosts, and how it
//! follows what they send.

#![cfg(all(feature = "chatroom", feature = "processes"))]

use std::time::Instant;

use switchboard::Context;

use super::_chat_messages::Name;
use super::_chat_news::{self as news, Letter, News, Said};
use super::_chat_others::{Change, Due};
use super::demo_chatroom::Chat;

impl Chat {
    /// The process shares, or may have missed something.
    pub(super) fn begin_sharing(&mut self) {
        self.others.begin();
        self.rooms.news.get_or_insert_default();
        self.take_slot();
    }

    /// Ids end with the slot of the process.
    fn take_slot(&mut self) {
        let slot = self.others.slot();
        self.rooms.history.share(slot);
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let (Some(archive), Some(slot)) = (&mut self.archive, slot) {
            archive.share(slot);
        }
    }

    pub(super) fn read(&mut self, context: &mut Context, letter: Letter) {
        let now = Instant::now();
        if let Some(gone) = self.others.renumber(letter.0, now) {
            news::send(context, &gone);
            self.take_slot();
        }
        let changes = self.others.take(letter, now);
        self.follow(context, changes);
    }

    /// People of processes that are silent go.
    pub(super) fn expire(&mut self, context: &mut Context) {
        let changes = self.others.expire(Instant::now());
        self.follow(context, changes);
    }

    pub(super) fn send_news(&mut self, context: &mut Context, news: News) {
        news::send(context, &self.others.letter(news, Instant::now()));
    }

    fn follow(&mut self, context: &mut Context, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Made(room) => {
                    self.rooms.made(context, room.clone());
                    self.count(context, &room, (&[], &[]));
                }
                Change::Known(room) => {
                    self.rooms.known(context, room.clone());
                    self.count(context, &room, (&[], &[]));
                }
                Change::Said(said) => self.hear(context, &said),
                Change::People { room, gone, new } => self.count(context, &room, (&gone, &new)),
            }
        }
    }

    /// Counts the people of a room, after these have gone and come in other processes.
    fn count(&mut self, context: &mut Context, room: &Name, changed: (&[Name], &[Name])) {
        let len = self.others.len(room);
        self.rooms.set_others(context, room, len, changed);
    }

    fn hear(&mut self, context: &mut Context, said: &Said) {
        let Said { room, name, text, id, at } = said;
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(archive) = &mut self.archive {
            if archive.hear((*id, *at), &room.0, &name.0, text) {
                self.rooms.show(context, room, &name.0, text);
            }
            return;
        }
        self.rooms.show(context, room, &name.0, text);
        if self.rooms.places.contains_key(room) {
            self.rooms.history.hear(*id, *at, &room.0, &name.0, text);
        }
    }

    /// Shows what was missed, if the database has it: one room after the other.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn resume(&mut self, context: &mut Context) {
        self.missed = self.rooms.with_members().collect();
        if !self.is_resuming {
            self.resume_next(context);
        }
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn resume_next(&mut self, context: &mut Context) {
        self.is_resuming = false;
        let (Some(archive), Some(room)) = (&mut self.archive, self.missed.pop()) else { return };
        let Some(job) = archive.missed(&room.0) else { return self.missed.clear() };
        self.is_resuming = true;
        let room = room.0.to_string();
        context.later(job, move |chat: &mut Self, context: &mut Context, page| {
            let found = chat.archive.as_mut().map(|archive| archive.found(page));
            let room = Name(room.into());
            for (id, name, text, at) in found.unwrap_or_default() {
                let (room, name) = (room.clone(), Name(name.into()));
                chat.hear(context, &Said { room, name, text, id, at });
            }
            chat.resume_next(context);
        });
    }

    /// Sends other processes what is new here, and what is due.
    pub(super) fn write(&mut self, context: &mut Context) {
        let Some(all) = self.rooms.news.as_mut().map(std::mem::take) else { return };
        for news in all {
            let made = if let News::Room(room) = &news { Some(room.clone()) } else { None };
            self.send_news(context, news);
            if let Some(room) = made {
                self.count(context, &room, (&[], &[]));
            }
        }
        while let Some(due) = self.others.due(Instant::now()) {
            let all = match due {
                Due::Ask => vec![News::Ask],
                Due::Report => self.rooms.report(),
                Due::Alive => vec![News::Alive],
            };
            for news in all {
                self.send_news(context, news);
            }
        }
    }
}
