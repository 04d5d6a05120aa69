//! `SocketStates`: the states of the sockets of a service, for its callbacks.

use std::fmt;

use crate::service::SocketId;
use crate::service::state_places::StatePlaces;

/// The states of sockets of a service, by their ids: in a callback about a socket, those of all
/// others. A socket is among them between its `open` and its `close`.
///
/// A state without a size, such as `()`, is not kept by id, so that it costs no memory. To look at
/// such states does not compile.
pub struct SocketStates<'a, S> {
    /// The members before and after the socket of the callback.
    parts: [&'a mut [(SocketId, S)]; 2],
    places: Option<&'a StatePlaces>,
}

impl<S> SocketStates<'_, S> {
    /// All of them, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (SocketId, &S)> {
        const { assert!(size_of::<S>() > 0, "a state without a size is not kept by id") };
        let [before, after] = &self.parts;
        before.iter().chain(after.iter()).map(|(id, state)| (*id, state))
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (SocketId, &mut S)> {
        const { assert!(size_of::<S>() > 0, "a state without a size is not kept by id") };
        let [before, after] = &mut self.parts;
        before.iter_mut().chain(after.iter_mut()).map(|(id, state)| (*id, state))
    }

    /// The state of one socket. `None`: it has gone, or the callback is about it.
    #[must_use]
    pub fn get(&self, id: SocketId) -> Option<&S> {
        let (part, place) = self.place(id)?;
        self.parts[part].get(place).filter(|(own, _)| *own == id).map(|(_, state)| state)
    }

    /// The state of one socket, to be changed. `None`: it has gone, or the callback is about it.
    pub fn get_mut(&mut self, id: SocketId) -> Option<&mut S> {
        let (part, place) = self.place(id)?;
        self.parts[part].get_mut(place).filter(|(own, _)| *own == id).map(|(_, state)| state)
    }

    fn place(&self, id: SocketId) -> Option<(usize, usize)> {
        const { assert!(size_of::<S>() > 0, "a state without a size is not kept by id") };
        let place = self.places?.get(id)?;
        let before_len = self.parts[0].len();
        if place < before_len {
            return Some((0, place));
        }
        // In a callback about a socket, that one is between the two parts. In others the second
        // part is empty.
        Some((1, place.checked_sub(before_len + 1)?))
    }
}

impl<S: fmt::Debug> fmt::Debug for SocketStates<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts.iter().flat_map(|part| part.iter())).finish()
    }
}

impl<'a, S> SocketStates<'a, S> {
    /// No states.
    pub(super) const fn none() -> Self {
        Self { parts: [&mut [], &mut []], places: None }
    }

    /// The members of a service before and after the one whose callback it is, and the place of
    /// each.
    pub(super) const fn new(parts: [&'a mut [(SocketId, S)]; 2], places: &'a StatePlaces) -> Self {
        Self { parts, places: Some(places) }
    }
}
