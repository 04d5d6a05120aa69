//! `Reserve`: descriptors that are kept, so that a process that has no other left can answer its
//! operator.

use std::os::fd::{AsFd, OwnedFd};

/// Descriptors to give up.
#[derive(Debug)]
pub(super) struct Reserve {
    held: Vec<OwnedFd>,
    /// What they are copies of.
    of: OwnedFd,
}

impl Reserve {
    /// Takes them, as copies of this one.
    ///
    /// # Errors
    /// There is none left.
    pub(super) fn new(of: impl AsFd) -> std::io::Result<Self> {
        let of = of.as_fd().try_clone_to_owned()?;
        let mut reserve = Self { held: Vec::with_capacity(HELD_LEN), of };
        reserve.refill();
        Ok(reserve)
    }

    /// Gives one up. Returns whether there was one.
    pub(super) fn give_up(&mut self) -> bool {
        self.held.pop().is_some()
    }

    /// Whether none is left, nor to be had.
    pub(super) fn is_spent(&mut self) -> bool {
        self.refill();
        self.held.is_empty()
    }

    /// Takes back as many as are missing, if there are so many.
    pub(super) fn refill(&mut self) {
        while self.held.len() < HELD_LEN
            && let Ok(copy) = self.of.try_clone()
        {
            self.held.push(copy);
        }
    }

    /// Calls `act`, which opens a file at a time.
    pub(super) fn lend<T>(&mut self, act: impl FnOnce() -> T) -> T {
        self.give_up();
        let done = act();
        self.refill();
        done
    }
}

const HELD_LEN: usize = 4;
