//! `LinkQueue`: what a process sends to its parent. A thread writes it, so that no other one waits.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::host::thread::spawn;
use crate::prefork::line::{LinkLine, MISSED};

/// Lines on their way to the parent. Clones are for the same link.
#[derive(Clone, Debug)]
pub(super) struct LinkQueue {
    lines: Sender<Vec<u8>>,
    state: Arc<LinkState>,
}

#[derive(Debug, Default)]
struct LinkState {
    /// How many bytes wait.
    bytes: AtomicUsize,
    /// Whether a line was left out, and the parent does not know it.
    has_missed: AtomicBool,
}

impl LinkQueue {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(link: UnixStream) -> io::Result<Self> {
        let (sender, lines) = unbounded();
        let state = Arc::<LinkState>::default();
        let queue = Self { lines: sender, state: state.clone() };
        spawn("to parent".to_owned(), move || write(link, &lines, &state))?;
        Ok(queue)
    }

    /// Sends a line in any case.
    pub(super) fn push(&self, line: Vec<u8>) {
        self.state.bytes.fetch_add(line.len(), Ordering::SeqCst);
        // If the thread has ended, the parent has gone.
        let _ = self.lines.send(line);
    }

    /// Sends a line, unless the queue is full: then the parent learns that a line is missing.
    pub(super) fn push_or_miss(&self, line: Vec<u8>) {
        if self.state.bytes.load(Ordering::SeqCst) < WAITING_BYTES_MAX {
            return self.push(line);
        }
        self.state.has_missed.store(true, Ordering::SeqCst);
        // The thread may have looked at the flag before it was set, and have no more to write.
        if self.state.bytes.load(Ordering::SeqCst) < WAITING_BYTES_MAX
            && self.state.has_missed.swap(false, Ordering::SeqCst)
        {
            self.push(LinkLine::encode(&[MISSED], b""));
        }
    }
}

fn write(mut link: UnixStream, lines: &Receiver<Vec<u8>>, state: &LinkState) {
    for mut bytes in lines {
        // What waits goes with it: a call of the system costs more than a copy.
        while bytes.len() < TOGETHER_BYTES
            && let Ok(line) = lines.try_recv()
        {
            bytes.extend_from_slice(&line);
        }
        if link.write_all(&bytes).is_err() {
            return;
        }
        let left = state.bytes.fetch_sub(bytes.len(), Ordering::SeqCst) - bytes.len();
        if left < WAITING_BYTES_MAX
            && state.has_missed.swap(false, Ordering::SeqCst)
            && link.write_all(&LinkLine::encode(&[MISSED], b"")).is_err()
        {
            return;
        }
    }
}

/// Lines are written together until they have so many bytes.
const TOGETHER_BYTES: usize = 16 << 10;
/// What waits may exceed this by one line.
const WAITING_BYTES_MAX: usize = 1 << 20;
