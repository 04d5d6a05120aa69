//! The rooms of the demo chat with people of other processes: what comes from there, and what is
//! reported there.

#![cfg(all(feature = "chatroom", feature = "processes"))]

use switchboard::Context;

use super::_chat_messages::{Event, Name};
use super::_chat_news::News;
use super::_chat_rooms::{NAMES_MAX, ROOMS_MAX, Rooms};

impl Rooms {
    /// Somebody in another process has made a room.
    pub(crate) fn made(&mut self, context: &mut Context, name: Name) {
        if self.places.contains_key(&name) {
            return;
        }
        if let Some(place) = self.take_place(context) {
            self.make(context, name, place);
        }
    }

    /// There is a room in another process. It does not take the place of one here.
    pub(crate) fn known(&mut self, context: &mut Context, name: Name) {
        if self.list.len() < ROOMS_MAX {
            self.made(context, name);
        }
    }

    /// So many people of other processes are in a room, after these have gone and come.
    pub(crate) fn set_others(
        &mut self,
        context: &mut Context,
        name: &Name,
        len: usize,
        (gone, new): (&[Name], &[Name]),
    ) {
        if len > 0 {
            self.made(context, name.clone());
        }
        let Some(&place) = self.places.get(name) else { return };
        let room = &mut self.list[place];
        if room.others == len && gone.is_empty() && new.is_empty() {
            return;
        }
        let had_people = room.len() > 0;
        room.others = len;
        for user in gone {
            context.send(room.here(), Event::Logoff { name: &user.0 });
        }
        for user in new {
            context.send(room.here(), Event::NewUser { name: &user.0 });
        }
        match (had_people, room.len() > 0) {
            (false, true) => drop(self.empty.remove(&room.empty_since)),
            (true, false) => self.note_empty(place),
            (true, true) | (false, false) => {}
        }
        self.send_count(context, place);
    }

    /// The rooms with members.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn with_members(&self) -> impl Iterator<Item = Name> {
        let rooms = self.list.iter().filter(|room| !room.members.is_empty());
        rooms.map(|room| room.name.clone())
    }

    /// The rooms and people of this process. Beyond a number of names, it has only counts.
    pub(crate) fn report(&self) -> Vec<News> {
        let (mut news, mut part, mut part_bytes) = (vec![News::Begin], Vec::new(), 0);
        let mut bytes_left = REPORT_NAMES_BYTES_MAX;
        for room in &self.list {
            let names = room.members.values().take(NAMES_MAX).take_while(|name| {
                let bytes = name.0.len() + ENTRY_BYTES;
                let fits = bytes <= bytes_left;
                bytes_left = if fits { bytes_left - bytes } else { 0 };
                part_bytes += bytes;
                fits
            });
            let names = names.cloned().collect();
            let len = u32::try_from(room.members.len()).unwrap_or(u32::MAX);
            part.push((room.name.clone(), len, names));
            part_bytes += room.name.0.len() + ENTRY_BYTES;
            if part_bytes >= PART_BYTES {
                news.push(News::People(std::mem::take(&mut part)));
                part_bytes = 0;
            }
        }
        if !part.is_empty() {
            news.push(News::People(part));
        }
        news.push(News::End);
        news
    }
}

/// How much of a report is in one message: the last room may exceed it.
const PART_BYTES: usize = 16 << 10;
/// The names in a report, so that all of it fits a queue of 1 MiB to the other processes.
const REPORT_NAMES_BYTES_MAX: usize = 128 << 10;
/// What an entry has besides its text.
const ENTRY_BYTES: usize = 8;
