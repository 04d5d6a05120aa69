//! `ListenerSource`: a listener that somebody else has made.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

/// A listening socket of one's own, for [`Server::listen_on`](crate::Server::listen_on). It is made
/// of a [`TcpListener`] or a [`UnixListener`].
#[derive(Debug)]
pub struct ListenerSource(pub(super) OwnedFd);

impl From<TcpListener> for ListenerSource {
    fn from(listener: TcpListener) -> Self {
        Self(listener.into())
    }
}

impl From<UnixListener> for ListenerSource {
    fn from(listener: UnixListener) -> Self {
        Self(listener.into())
    }
}
