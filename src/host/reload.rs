//! `Reloader`: other settings for a host that runs, from any thread. They reach the loop as one
//! event, so that they hold all together.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::HostEvent;
use crate::host::events::{EventSender, Notice};
use crate::host::files::{FileBounds, FileReader, StaticRoot};
use crate::host::resolver::Refresh;
use crate::hub::Hub;
use crate::time::Time;

/// Reloads a host, from any thread. [`Server::reload`](crate::Server::reload) gives it the settings
/// of another server.
#[derive(Clone)]
pub struct Reloader {
    pub(super) events: EventSender,
    /// What a reload does on its own thread, since it may read a disk.
    pub(super) refresh: Option<Arc<Refresh>>,
    /// Whether the host has a thread that reads files.
    pub(super) has_reader: Arc<AtomicBool>,
    /// Whether a listener has the PROXY protocol.
    pub(super) has_protocol: bool,
    /// The port of TLS that plain requests may be sent to.
    pub(super) tls_port: Option<u16>,
}

impl Reloader {
    /// Looks at the files again. Links on the way to the document root and to the static root are
    /// followed again, for which this reads the disk. Programs that run and whose files have
    /// changed are replaced, and the others get RELOAD. A program with a process for each socket
    /// starts the new file for the next socket anyway.
    ///
    /// Sockets of a program that is replaced are closed with 1012, unless they are kept
    /// (`OnDeath::Keep`). This does not wait for the programs, and has no effect on a host that
    /// has ended.
    pub fn reload(&self) {
        if let Some(refresh) = &self.refresh {
            refresh();
        }
        self.send(HostReload { rules: None, files: FileChange::Resolve, plan: None });
    }

    /// Sends what a reload changes.
    pub(crate) fn send(&self, reload: HostReload) {
        self.events.send(HostEvent::Notice(Box::new(reload)));
    }

    /// What becomes of the files if those below `root` are to be served. If none were served
    /// before, this starts the thread that reads them.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn serve_files(
        &self,
        root: StaticRoot,
        bounds: FileBounds,
    ) -> io::Result<FileChange> {
        if self.has_reader.load(Ordering::SeqCst) {
            return Ok(FileChange::Serve(root, bounds));
        }
        let reader = FileReader::start(root, bounds, self.events.clone())?;
        self.has_reader.store(true, Ordering::SeqCst);
        Ok(FileChange::Start(reader))
    }

    /// Whether a listener has the PROXY protocol, which needs trusted proxies.
    #[doc(hidden)]
    #[must_use]
    pub const fn has_protocol(&self) -> bool {
        self.has_protocol
    }

    /// The port of TLS that plain requests may be sent to.
    #[doc(hidden)]
    #[must_use]
    pub const fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}

/// What a reload changes, for the loop.
pub(crate) struct HostReload {
    /// Changes the rules of the hub.
    pub(crate) rules: Option<Rules>,
    pub(crate) files: FileChange,
    /// Other settings for the resolver, of a type of its own; `None` if only its files may have
    /// changed.
    pub(crate) plan: Option<Notice>,
}

/// Changes the rules of a hub.
pub(crate) type Rules = Box<dyn FnOnce(&mut Hub, Time) + Send>;

/// What a reload changes of the files for plain GET.
pub(crate) enum FileChange {
    /// Links on the way to the root are followed again.
    Resolve,
    /// The thread that reads files serves those below another root, or below the same.
    Serve(StaticRoot, FileBounds),
    /// This thread serves files.
    Start(FileReader),
    /// The rules say that there are none any more. Those that are being sent are finished.
    Stop,
}
