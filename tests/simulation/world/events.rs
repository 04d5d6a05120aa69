//! What the engine gets of connections: that they have come, and the events of the poll.

use switchboard::engine::Ready;
use switchboard::service::SocketId;

use super::io::Listener;
use super::pipe::Event;
use super::{Link, World};

impl World {
    /// Whether anything waits for the engine.
    pub(super) fn has_news(&self) -> bool {
        let inbox = &self.inbox;
        let is_told = |link: &Link| link.stream.is_some() && link.pipe.has_event();
        !inbox.ticks.is_empty()
            || !inbox.files.is_empty()
            || self.disk.as_ref().is_some_and(|disk| !disk.is_idle())
            || !inbox.backlog.is_empty() && !matches!(inbox.listener, Listener::Pausing(_))
            || self.layer.backlog_len() > 0 && !self.has_all_handshakes()
            || self.live.iter().any(|&index| is_told(&self.links[index]))
    }

    pub(super) fn connect(&mut self, index: usize) {
        match self.inbox.listener {
            Listener::Closed => self.links[index].pipe.host_drops(),
            _ if self.links[index].pipe.tunnel.is_some() => self.layer.arrives(index),
            Listener::Ready | Listener::Pausing(_) => self.inbox.backlog.push_back(index),
        }
    }

    /// The events of the poll: each connection, by the index of its socket.
    pub(super) fn poll(&mut self) -> Vec<(SocketId, Ready)> {
        let mut events = Vec::new();
        for at in 0..self.live.len() {
            let index = self.live[at];
            let link = &mut self.links[index];
            let (Some(stream), Some(record)) = (&mut link.stream, &link.record) else { continue };
            let id = record.id;
            let Some((event, end)) = link.pipe.event() else { continue };
            self.inbox.moved = true;
            stream.writable |= event.writable;
            stream.end = stream.end.max(end);
            let Event { mut readable, writable } = event;
            if writable {
                readable |= self.flush_sealed(index);
            }
            events.push((id, Ready { readable, writable, end }));
        }
        events
    }

    /// Whether no more connections may begin with a handshake.
    pub(super) fn has_all_handshakes(&self) -> bool {
        self.handshakes_len() >= self.limits.handshakes_max
    }

    /// How many handshakes are not over.
    pub(super) fn handshakes_len(&self) -> usize {
        self.live.iter().filter(|index| self.links[**index].shakes_hands()).count()
    }
}
