//! `Socket`: what the hub keeps for one connection beside its session.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::hub::StationId;
use crate::service::{Request, SocketId, Verdict};
use crate::session::Session;
use crate::time::Time;

/// One connection.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) id: SocketId,
    pub(super) session: Session,
    /// Its address and port; kept apart they are smaller.
    pub(super) peer: (IpAddr, u16),
    pub(super) accepted: Time,
    pub(super) standing: Standing,
    pub(super) station: Option<StationId>,
    /// Its place in the station's list of those who wait, or of its members.
    pub(super) place: u32,
    /// What is rarely there.
    pub(super) rare: Option<Box<Rare>>,
    pub(super) received: u64,
    pub(super) sent: u64,
    /// The number of its last transaction in the mail of its service.
    pub(super) mailed: u64,
    pub(super) flags: Flags,
}

/// How a socket stands with the station that its path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not asked for a service yet, or was refused.
    Stranger,
    /// It waits until the service has started, or has room for more mail.
    Waiting,
    /// It waits for the service's verdict.
    Asked,
    /// Its service knows it: an open has been delivered, and a close has to be.
    Member,
    /// Its service has been told of its end.
    Left,
}

/// What is remembered of a socket from turn to turn.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    /// A write is among the outputs.
    pub(super) touched: bool,
    /// Its service was told that the outbox is full.
    pub(super) full: bool,
    /// The host was told not to read, and waits to be told otherwise.
    pub(super) held: bool,
    /// It is beyond the limits, and is here to be told so.
    pub(super) surplus: bool,
    /// Its answer comes from a file.
    pub(super) fetches: bool,
    /// The next part of the file has been asked for.
    pub(super) fetching: bool,
}

/// What a socket has while it waits, and when it ends.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// What it asked for, until its service has been told.
    pub(super) request: Option<Arc<Request>>,
    /// The service's verdict, while there is no room in the mail for an open.
    pub(super) verdict: Option<Verdict>,
    /// The path that it asked for; empty if it is that of the station.
    pub(super) path: String,
    /// How it ended, for the log.
    pub(super) reason: String,
    /// What had to wait of its last read.
    #[cfg(feature = "deflate")]
    pub(super) unread: Vec<u8>,
}

impl Socket {
    pub(super) fn new(id: SocketId, peer: SocketAddr, now: Time) -> Self {
        Self {
            id,
            session: Session::new(now),
            peer: (peer.ip(), peer.port()),
            accepted: now,
            standing: Standing::Stranger,
            station: None,
            place: 0,
            rare: None,
            received: 0,
            sent: 0,
            mailed: 0,
            flags: Flags::default(),
        }
    }

    /// Whether it stands like this with that station.
    pub(super) fn stands(&self, standing: Standing, station: StationId) -> bool {
        self.standing == standing && self.station == Some(station)
    }

    /// Whether the service may send to it: also to one whose end is on its way to the service,
    /// so that what was asked before the end is answered.
    pub(super) fn hears(&self, station: StationId) -> bool {
        self.stands(Standing::Member, station) || self.stands(Standing::Left, station)
    }
}
