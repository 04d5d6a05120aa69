//! `SocketFlags`: what holds for a socket, a bit for each.

/// The flags of a socket: a set of [`SocketFlag`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SocketFlags(u16);

/// A flag of a socket.
#[derive(Clone, Copy, Debug)]
#[repr(u16)]
pub(super) enum SocketFlag {
    /// A write is among the outputs.
    Touched = 1 << 0,
    /// Its service was notified that the outbox is full.
    Full = 1 << 1,
    /// The host was asked not to read it, and waits for a resume.
    Held = 1 << 2,
    /// It is beyond the limits, and is kept to be refused.
    Surplus = 1 << 3,
    /// Its answer comes from a file.
    Fetches = 1 << 4,
    /// The next part of the file has been asked for.
    Fetching = 1 << 5,
    /// Its service has paused it.
    Paused = 1 << 6,
    /// The log has a warning that one of its labels was left out.
    Unlabeled = 1 << 7,
    /// It is in the list of sockets that are read again when the mail of its service has capacity.
    Queued = 1 << 8,
    /// The log has a line that it was held back by the rate of its messages.
    Slowed = 1 << 9,
    /// It is a listener that was full, and has not drained since: [`Hub::pace`].
    ///
    /// [`Hub::pace`]: crate::hub::Hub::pace
    Slow = 1 << 10,
    /// It is not read because its listeners are full.
    Waits = 1 << 11,
    /// Its address connects too often, and it is kept to be refused.
    Hasty = 1 << 12,
    /// It was dropped because its peer was late.
    Late = 1 << 13,
    /// It waited for capacity in the mail, is read again, and has not had its turn.
    Due = 1 << 14,
    /// Its listener is on loopback.
    Local = 1 << 15,
}

impl SocketFlags {
    /// Sets a flag. Returns whether it was clear.
    pub(super) const fn set(&mut self, flag: SocketFlag) -> bool {
        let news = !self.has(flag);
        self.0 |= flag as u16;
        news
    }

    /// Clears a flag. Returns whether it was set.
    pub(super) const fn clear(&mut self, flag: SocketFlag) -> bool {
        let news = self.has(flag);
        self.0 &= !(flag as u16);
        news
    }

    pub(super) const fn has(self, flag: SocketFlag) -> bool {
        self.0 & flag as u16 != 0
    }
}
