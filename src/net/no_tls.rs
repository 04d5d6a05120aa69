//! What stands for `tls/` in builds without the feature: no connection is one of TLS.

use std::io::{self, IoSlice};

use mio::net::TcpStream;

use crate::engine::{CloseMode, ReadResult};

/// No TLS connections.
#[derive(Debug)]
pub(super) struct NoTlsTable(());

/// There is no plan for TLS.
#[derive(Debug)]
pub(crate) enum NoTlsPlan {}

pub(crate) use NoTlsPlan as TlsPlan;
pub(super) use NoTlsTable as TlsTable;

impl NoTlsPlan {
    pub(crate) const fn redirects(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn read_buffer_bytes_min(&self) -> usize {
        match *self {}
    }
}

#[expect(clippy::unused_self, reason = "with TLS, it is a table")]
impl NoTlsTable {
    pub(super) const fn new(_: Option<NoTlsPlan>) -> Self {
        Self(())
    }

    pub(super) const fn begin_turn(&self) {}

    pub(super) const fn begin(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    pub(super) const fn has(&self, _: usize) -> bool {
        false
    }

    pub(super) const fn read(&self, _: usize, _: &mut TcpStream, _: &mut [u8]) -> ReadResult {
        ReadResult::WouldBlock
    }

    pub(super) const fn write(
        &self,
        _: usize,
        _: &mut TcpStream,
        _: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        Ok(0)
    }

    pub(super) const fn flush(&self, _: usize, _: &mut TcpStream) -> bool {
        false
    }

    pub(super) const fn end_writing(&self, _: usize, _: &mut TcpStream) {}

    pub(super) const fn end(&self, _: usize, _: &mut TcpStream, _: CloseMode) {}

    pub(super) const fn trim(&self, _: usize) {}
}
