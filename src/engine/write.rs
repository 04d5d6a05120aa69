//! Writing: the engine carries out the outputs of the hub, and writes sockets, each up to its share
//! of a turn.

use std::io::IoSlice;

use crate::engine::Engine;
use crate::engine::io::{CloseMode, Connections, FileOrder, Io};
use crate::engine::readiness::Readiness;
use crate::engine::step::TurnStep;
use crate::hub::{Hub, Output};
use crate::service::SocketId;
use crate::session::Next;
use crate::time::Time;

impl Engine {
    /// Goes on with the writes that were left from the last turn.
    pub(super) fn write_on(&mut self, io: &mut impl Io, now: Time) {
        for _ in 0..self.writes.len() {
            if !self.budget.may_write() {
                return;
            }
            let Some(id) = self.writes.pop_front() else { return };
            let Some(readiness) = self.readiness.get_mut(id) else { continue };
            readiness.clear_writing();
            self.write(id, io, now);
        }
    }

    /// Carries out the outputs of the hub.
    pub(super) fn carry_out(&mut self, io: &mut impl Io, now: Time) {
        while let Some(output) = self.held.pop_front().or_else(|| self.hub.poll()) {
            self.carry_out_one(output, io, now);
        }
    }

    fn carry_out_one(&mut self, output: Output, io: &mut impl Io, now: Time) {
        match output {
            Output::Write(id) => self.write(id, io, now),
            Output::Measure(id) => {
                let is_present = self.readiness.get_mut(id).is_some();
                let queued = if is_present { io.queued_len(id) } else { 0 };
                self.hub.measured(id, queued, now);
            }
            Output::Resume(id) => {
                io.observe(TurnStep::Resumes(id), &self.hub, now);
                self.read_later(id);
            }
            Output::Mail(worker) if io.is_on_loop(worker) => self.call_soon(worker),
            Output::Mail(worker) => io.deliver(worker, &mut self.hub),
            Output::Start(run) => self.start(run, io, now),
            Output::Stop(worker) => self.finish(worker, io),
            Output::Lookup(lookup) => io.look_up(*lookup),
            Output::Fetch(fetch) => io.order_file(FileOrder::Open(fetch)),
            Output::FetchMore(id) => io.order_file(FileOrder::More(id)),
            Output::FetchEnd(id) => io.order_file(FileOrder::Close(id)),
        }
    }

    /// Writes the unsent bytes of a socket, up to its share of this turn, and then ends or drops
    /// the connection if that is next. If the socket has used its share, or the turn has no time,
    /// it continues in the next turn.
    fn write(&mut self, id: SocketId, io: &mut impl Io, now: Time) {
        let Some(readiness) = self.readiness.get_mut(id) else { return };
        let has_unsent = self.hub.unsent_len(id) > 0;
        if has_unsent && (readiness.is_writing() || !self.budget.may_write()) {
            return self.write_later(id);
        }
        let is_tried = has_unsent && readiness.is_writable();
        let mut left = self.limits.turn_write_bytes_max;
        let next = loop {
            let Some(readiness) = self.readiness.get_mut(id) else { return };
            let written = match readiness.is_writable() {
                true => {
                    io.observe(TurnStep::Writes(id), &self.hub, now);
                    write_once(id, io, &self.hub, left)
                }
                false => Ok(WriteResult::NOTHING),
            };
            let WriteResult { len, is_short } = match written {
                Ok(written) => written,
                Err(reason) => {
                    self.hub.fail(id, reason, now);
                    break Next::Drop;
                }
            };
            if is_short {
                // An event follows when more fits.
                readiness.clear_writable();
            }
            let is_writable = readiness.is_writable();
            if is_tried {
                self.budget.wrote(len);
            }
            let next = self.hub.wrote(id, len, now);
            io.observe(TurnStep::Wrote(id), &self.hub, now);
            left = left.saturating_sub(len);
            if self.hub.unsent_len(id) == 0 || !is_writable {
                break next;
            }
            if left == 0 {
                self.write_later(id);
                break next;
            }
        };
        match next {
            Next::Keep => {}
            Next::EndWriting => {
                if self.readiness.get_mut(id).is_some_and(Readiness::set_shut) {
                    io.end_writing(id);
                }
            }
            Next::Drop => {
                io.observe(TurnStep::Drops(id), &self.hub, now);
                let is_late = self.hub.is_late(id);
                io.close(id, if is_late { CloseMode::Abort } else { CloseMode::Graceful });
                self.readiness.remove(id);
                self.hub.remove(id, now);
            }
        }
    }

    /// Writes to a socket in the next turn, even if no event comes.
    fn write_later(&mut self, id: SocketId) {
        if self.readiness.get_mut(id).is_some_and(Readiness::set_writing) {
            self.writes.push_back(id);
        }
    }
}

/// The result of a write.
struct WriteResult {
    len: usize,
    /// The system took less than it was given.
    is_short: bool,
}

impl WriteResult {
    const NOTHING: Self = Self { len: 0, is_short: false };
}

/// Writes once, up to `left` bytes.
fn write_once(
    id: SocketId,
    io: &mut impl Connections,
    hub: &Hub,
    mut left: usize,
) -> Result<WriteResult, &'static str> {
    if let Some(bytes) = hub.unsent_alone(id) {
        let bytes = &bytes[..bytes.len().min(left)];
        if bytes.is_empty() {
            return Ok(WriteResult::NOTHING);
        }
        let len = io.write(id, bytes)?;
        return Ok(WriteResult { len, is_short: len < bytes.len() });
    }
    let mut chunks = [IoSlice::new(&[]); CHUNKS_MAX];
    let (mut chunks_len, mut bytes_len) = (0, 0);
    for (slot, chunk) in chunks.iter_mut().zip(hub.unsent(id)) {
        *slot = IoSlice::new(&chunk[..chunk.len().min(left)]);
        left -= slot.len();
        bytes_len += slot.len();
        chunks_len += 1;
    }
    if bytes_len == 0 {
        return Ok(WriteResult::NOTHING);
    }
    let len = io.write_vectored(id, &chunks[..chunks_len])?;
    Ok(WriteResult { len, is_short: len < bytes_len })
}

/// The maximum of chunks in one write.
const CHUNKS_MAX: usize = 16;
