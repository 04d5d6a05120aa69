//! `Listeners`: which listener each socket has come through, for the log and the counters.

use crate::hub::trim::cut;
use crate::service::SocketId;

/// The names of the listeners, and the listener of each socket.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    /// By index.
    names: Vec<String>,
    /// The one that accepts now.
    current: u8,
    /// The index of the listener of each socket, by the place of the socket. Without an entry, it
    /// is the first: a server with one listener keeps nothing for its sockets.
    of: Vec<u8>,
}

impl Listeners {
    /// The listener with this index accepts now. It has one name for all time.
    pub(super) fn accept_from(&mut self, index: usize, name: impl Fn(usize) -> String) {
        self.current = u8::try_from(index).unwrap_or(u8::MAX);
        while self.names.len() <= index {
            self.names.push(name(self.names.len()));
        }
    }

    /// A socket has come. Returns the index of its listener; that of the last one stands for more.
    pub(super) fn join(&mut self, id: SocketId) -> usize {
        let place = id.index();
        if self.current > 0 && place >= self.of.len() {
            self.of.resize(place + 1, 0);
        }
        if let Some(of) = self.of.get_mut(place) {
            *of = self.current;
        }
        usize::from(self.current)
    }

    /// The index of the listener of a socket.
    pub(super) fn index_of(&self, id: SocketId) -> usize {
        self.of.get(id.index()).copied().unwrap_or_default().into()
    }

    /// The name of the listener of a socket; nothing if there are too many listeners.
    pub(super) fn name_of(&self, id: SocketId) -> &str {
        let index = self.index_of(id);
        let name = self.names.get(index).filter(|_| index < usize::from(u8::MAX));
        name.map_or("", String::as_str)
    }

    /// The name of the listener that accepts now.
    pub(super) fn current(&self) -> &str {
        self.names.get(usize::from(self.current)).map_or("", String::as_str)
    }

    /// Frees the entries from `places_len` on, which have no sockets.
    pub(super) fn trim(&mut self, places_len: usize) {
        cut(&mut self.of, places_len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_listener_costs_nothing_for_each_socket() {
        let mut listeners = Listeners::default();
        let id = |place| SocketId::new(place, 1).expect("it is one");
        let name = |index: usize| format!("listener {index}");
        assert_eq!((listeners.name_of(id(0)), listeners.current()), ("", ""));
        listeners.accept_from(0, name);
        (0..100).for_each(|place| _ = listeners.join(id(place)));
        assert_eq!((listeners.of.capacity(), listeners.name_of(id(99))), (0, "listener 0"));
        listeners.accept_from(2, name);
        listeners.join(id(50));
        let names = [49, 50, 51].map(|place| listeners.name_of(id(place)).to_owned());
        assert_eq!(names, ["listener 0", "listener 2", "listener 0"]);
        // The place is used again.
        listeners.accept_from(0, name);
        listeners.join(id(50));
        assert_eq!(listeners.name_of(id(50)), "listener 0");
        listeners.accept_from(1, name);
        listeners.join(id(3));
        listeners.trim(4);
        assert_eq!((listeners.of.len(), listeners.name_of(id(3))), (4, "listener 1"));
        // Beyond what a byte holds.
        listeners.accept_from(300, name);
        listeners.join(id(3));
        assert_eq!(listeners.name_of(id(3)), "");
    }
}
