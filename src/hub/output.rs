//! `Output`: an action for the host. The host takes outputs until there is none.

use crate::hub::ids::{RunId, WorkerId};
use crate::hub::shares::Holder;
use crate::service::SocketId;
use crate::ws::{Head, Target};

/// One thing for the host to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start this run of a worker, whose batches carry it.
    Start(RunId),
    /// Pass its mail to a worker: [`crate::hub::Hub::take_mail`].
    Mail(WorkerId),
    /// Ask a worker to finish: no mail follows.
    Stop(WorkerId),
    /// Write the unsent bytes, report how many were written, and do as [`crate::hub::Hub::wrote`]
    /// says.
    Write(SocketId),
    /// Report how many of the bytes written to the socket have not been acknowledged:
    /// [`crate::hub::Hub::measured`].
    Measure(SocketId),
    /// Read a socket that was held back.
    Resume(SocketId),
    /// Look for a program, and answer with [`crate::hub::Hub::looked_up`].
    Lookup(Box<LookupJob>),
    /// Answer a socket with a file, and call [`crate::hub::Hub::fetched`] once its beginning is
    /// there.
    Fetch(Box<Fetch>),
    /// Go on with the file.
    FetchMore(SocketId),
    /// No socket waits for the file any more.
    FetchEnd(SocketId),
}

/// A request for a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupJob {
    /// The socket.
    pub id: SocketId,
    /// The decoded path.
    pub path: String,
    /// What the request is for.
    pub goal: LookupGoal,
}

/// The purpose of a request for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupGoal {
    /// A handshake.
    Socket,
    /// A plain GET, for its page.
    Page,
}

/// A request for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The socket.
    pub id: SocketId,
    /// The request, with its conditions.
    pub head: Head,
    /// Its decoded path is below the root of files.
    pub target: Target,
    /// The address that an open file counts for. `None`: it is not counted by address.
    pub(crate) holder: Holder,
}

// A turn may have several outputs for each of a thousand sockets.
const _: () = assert!(size_of::<Output>() <= 16, "outputs are small, as most of them are an id");
