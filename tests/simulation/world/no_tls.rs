//! What stands for connections in records in builds without TLS: there are none.
#![expect(clippy::unused_self, reason = "with TLS, there is something")]

use std::io::IoSlice;

use switchboard::engine::{CloseMode, ReadResult};
use switchboard::service::SocketId;

use super::choice::Chooser;
use super::pipe::Queue;
use super::{Link, World};

/// There is none.
#[derive(Debug)]
pub enum Tunnel {}

/// No connections in records.
pub struct Layer;

impl Tunnel {
    pub const fn shakes_hands(&self) -> bool {
        match *self {}
    }

    pub const fn owes(&self) -> bool {
        match *self {}
    }

    pub const fn seal(&mut self, _: &mut Queue) -> &mut Queue {
        match *self {}
    }

    pub const fn wrote(&mut self, _: usize) -> usize {
        match *self {}
    }

    pub const fn end(&mut self) -> Option<Vec<u8>> {
        match *self {}
    }

    pub const fn lingers(&self) -> bool {
        match *self {}
    }

    pub const fn read(&mut self, _: usize) -> usize {
        match *self {}
    }
}

impl Layer {
    pub const fn new() -> Self {
        Self
    }

    pub const fn has_listener(&self) -> bool {
        false
    }

    pub const fn backlog_len(&self) -> usize {
        0
    }

    pub const fn arrives(&mut self, _: usize) {}

    pub const fn next_arrival(&mut self) -> Option<usize> {
        None
    }

    pub const fn begin_turn(&mut self) {}

    pub const fn has(&self, _: SocketId) -> bool {
        false
    }

    pub const fn tunnel(&self, _: bool, _: &mut Chooser) -> Option<Box<Tunnel>> {
        None
    }
}

impl Link {
    pub(super) fn shakes_hands(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.secured)
    }
}

impl World {
    pub(super) const fn begin_sealed(&mut self, _: SocketId, _: usize) {}

    pub(super) const fn read_sealed(&mut self, _: SocketId, _: &mut [u8]) -> ReadResult {
        ReadResult::WouldBlock
    }

    pub(super) const fn write_sealed(
        &mut self,
        _: SocketId,
        _: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        Ok(0)
    }

    pub(super) const fn flush_sealed(&mut self, _: usize) -> bool {
        false
    }

    pub(super) const fn end_sealed(&mut self, _: SocketId) {}

    pub(super) const fn close_sealed(&mut self, _: SocketId, _: CloseMode) {}

    pub(super) const fn check_sealed_turn(&mut self) {}

    pub(super) const fn check_sealed_quiet(&self, _: usize, _: bool) {}
}
