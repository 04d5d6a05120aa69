//! `ChildPlace`: what a child process gets from its parent. One variable of the environment has the
//! numbers of the descriptors; the first line of the link has secrets.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::os::fd::RawFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::parent_id;
use std::{env, fs};

use crate::host::{ListenerSource, Notifier};
use crate::net::listener_set::take_passed;
use crate::sys::passing::take;

/// The place of this process among those of its server. The parent has passed its descriptors.
#[derive(Debug)]
pub struct ChildPlace {
    number: usize,
    count: usize,
    listeners: Vec<ListenerSource>,
    reports: Option<Notifier>,
    pub(super) link: UnixStream,
    #[cfg(feature = "tls")]
    hello: String,
}

/// The numbers in the variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlaceText {
    pub(super) parent: u32,
    pub(super) number: usize,
    pub(super) count: usize,
    pub(super) watchdog_ms: u64,
    pub(super) link: RawFd,
    pub(super) reports: RawFd,
    pub(super) listeners: Vec<(RawFd, String)>,
}

impl ChildPlace {
    /// The place of this process, if a parent has started it. To be called once, at the beginning
    /// of `main`.
    ///
    /// # Errors
    /// The variable is set, and is not for this process. Or a descriptor is not what it should be.
    pub fn take() -> io::Result<Option<Self>> {
        let Ok(text) = env::var(PLACE) else { return Ok(None) };
        // The system has named it after the link that it was started by (`/proc/self/exe`).
        let _ = fs::write("/proc/self/comm", "switchboard");
        let fault = |what: &str| {
            let cure = "only a server sets it, for a process of its own; unset it";
            io::Error::new(ErrorKind::InvalidInput, format!("{PLACE} is set, and {what}: {cure}"))
        };
        let place = PlaceText::read(&text).ok_or_else(|| fault("cannot be read"))?;
        if place.parent != parent_id() {
            return Err(fault("names a process that is not the parent"));
        }
        let listeners = place.listeners.iter().map(|(number, role)| take_passed(*number, role));
        let listeners = listeners.collect::<Result<_, _>>().map_err(fault)?;
        let reports = UnixDatagram::from(take(place.reports)?);
        let mut link = BufReader::new(UnixStream::from(take(place.link)?));
        let mut hello = String::new();
        link.read_line(&mut hello)?;
        Ok(Some(Self {
            number: place.number,
            count: place.count,
            listeners,
            reports: Some(Notifier::connected(reports, place.watchdog_ms)?),
            // No line follows before this process is ready.
            link: link.into_inner(),
            #[cfg(feature = "tls")]
            hello,
        }))
    }

    /// Its number, from 0.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }

    /// How many processes there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Takes its listeners.
    pub fn take_listeners(&mut self) -> Vec<ListenerSource> {
        std::mem::take(&mut self.listeners)
    }

    /// Takes what reports to the parent.
    pub fn take_reports(&mut self) -> Option<Notifier> {
        self.reports.take()
    }

    /// The secret of the tickets of all processes, if the parent has one.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ticket_secret(&self) -> Option<crate::net::tls::TicketSecret> {
        crate::net::tls::TicketSecret::from_text(self.hello.trim_end().strip_prefix(TICKETS)?)
    }
}

impl PlaceText {
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let [parent, own, count, watchdog_ms] = [number()?, number()?, number()?, number()?];
        let [link, reports] = [number()?, number()?].map(RawFd::try_from);
        let listener = |word: &str| {
            let (number, role) = word.split_once(':')?;
            Some((number.parse().ok()?, role.to_owned()))
        };
        Some(Self {
            parent: parent.try_into().ok()?,
            number: own.try_into().ok()?,
            count: count.try_into().ok()?,
            watchdog_ms,
            link: link.ok()?,
            reports: reports.ok()?,
            listeners: words.map(listener).collect::<Option<_>>()?,
        })
    }

    pub(super) fn write(&self) -> String {
        let Self { parent, number, count, watchdog_ms, link, reports, listeners } = self;
        let mut text = format!("{parent} {number} {count} {watchdog_ms} {link} {reports}");
        for (descriptor, role) in listeners {
            text += &format!(" {descriptor}:{role}");
        }
        text
    }
}

/// The variable.
pub(super) const PLACE: &str = "SWITCHBOARD_PROCESS";
/// The first word of a line with the secret of tickets.
#[cfg(feature = "tls")]
pub(super) const TICKETS: &str = "TICKETS ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = PlaceText {
            parent: 4_000_000,
            number: 1,
            count: 2,
            watchdog_ms: u64::MAX,
            link: 9,
            reports: 10,
            listeners: vec![(5, "tls".to_owned()), (7, String::new())],
        };
        assert_eq!(PlaceText::read(&place.write()), Some(place.clone()));
        assert_eq!(place.write(), format!("4000000 1 2 {} 9 10 5:tls 7:", u64::MAX));
        for text in ["", "1 2 3", "1 2 3 4 5 x", "1 2 3 4 5 -6", "1 2 3 4 5 6 7", "1 2 3 4 5 6 "] {
            assert_eq!(PlaceText::read(text), None, "{text:?}");
        }
    }
}
