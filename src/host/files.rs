//! Files for plain GET, read on a thread of their own: a disk may block, the loop may not. Each
//! socket has at most one part of a file under way. It is requested when the outbox has space.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::{self, Thread};

use crossbeam_channel::{Receiver, Sender, TryRecvError};

use crate::engine::{FileOrder, FilePart, HostEvent};
use crate::host::clock::unix_seconds;
use crate::host::events::EventSender;
use crate::host::nofollow::{self, OpenError};
use crate::host::thread::spawn;
use crate::hub::{Fetch, Holder, Pool};
use crate::limits::Limits;
use crate::pages::file::FileState;
use crate::service::SocketId;
use crate::ws::syntax::cut;
use crate::ws::{Response, Status, Target, encode_path};

/// The loop's side of the thread that reads files.
#[derive(Debug)]
pub(crate) struct FileReader {
    /// `None` only while this is dropped.
    orders: Option<Sender<Order>>,
    /// The thread parks while there is no order.
    thread: Thread,
}

/// A request of the loop.
#[derive(Debug)]
enum Order {
    /// An order of the engine.
    File(FileOrder),
    /// Follow the links on the way to the root again.
    Resolve,
    /// Serve the files below another root, or the same, within these bounds.
    // Boxed, since the queue moves orders.
    Serve(Box<(StaticRoot, FileBounds)>),
}

/// The folder whose files are served.
#[derive(Debug)]
pub(crate) struct StaticRoot {
    /// As configured; it may lead through links.
    given: PathBuf,
    /// Without links.
    path: PathBuf,
}

/// The bounds of files that are served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileBounds {
    /// The size of one part of a file.
    part_bytes: u64,
    /// How many files are sent at a time.
    files_max: usize,
}

impl FileBounds {
    /// Those of a host.
    pub(crate) const fn of(limits: &Limits) -> Self {
        Self { part_bytes: limits.outbox_high_bytes as u64, files_max: limits.files_open_max }
    }

    const fn pool(self) -> Pool {
        Pool { name: "the limit of files at a time", places_max: self.files_max }
    }
}

impl StaticRoot {
    /// The folder at `given`.
    ///
    /// # Errors
    /// There is nothing at the path, or it is no folder.
    pub(crate) fn new(given: &Path) -> io::Result<Self> {
        Ok(Self { given: std::path::absolute(given)?, path: nofollow::resolve_folder(given)? })
    }

    /// Follows the links on the way to it again. Until then the files come from the folder that was
    /// found last, so that a deployment decides when they change.
    fn resolve(&mut self) {
        let Self { given, path } = self;
        match nofollow::resolve_folder(given) {
            Ok(found) => self.lead_to(found),
            Err(error) => log::error!(
                target: TARGET,
                "the static root stays {path:?}: {given:?} is no folder that can be used: {error}"
            ),
        }
    }

    fn lead_to(&mut self, path: PathBuf) {
        if path != self.path {
            log::info!(target: TARGET, "the static root is {path:?} now");
            self.path = path;
        }
    }
}

impl FileReader {
    /// Serves the files below `root`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        root: StaticRoot,
        bounds: FileBounds,
        events: EventSender,
    ) -> io::Result<Self> {
        let (orders, inbox) = crossbeam_channel::unbounded();
        let mut library = OpenFiles { root, bounds, open: HashMap::new() };
        let thread = spawn("files".to_owned(), move || {
            while let Some(order) = next(&inbox) {
                if let Some((id, part)) = library.answer(order) {
                    events.send(HostEvent::File(id, part));
                }
            }
        })?;
        Ok(Self { orders: Some(orders), thread: thread.thread().clone() })
    }

    /// Sends an order. The number of orders is bounded: the hub requests few files at a time, one
    /// part of each open file, and the end of each file that was found or is looked for.
    pub(super) fn order(&self, order: FileOrder) {
        self.send(Order::File(order));
    }

    /// Orders the thread to follow the links on the way to the root again.
    pub(super) fn resolve(&self) {
        self.send(Order::Resolve);
    }

    /// Orders the thread to serve other files. Those that are being sent are finished.
    pub(super) fn serve(&self, root: StaticRoot, bounds: FileBounds) {
        self.send(Order::Serve(Box::new((root, bounds))));
    }

    fn send(&self, order: Order) {
        // The thread ends when this is dropped, and not earlier.
        let _ = self.orders.as_ref().map(|orders| orders.try_send(order));
        self.thread.unpark();
    }
}

impl Drop for FileReader {
    fn drop(&mut self) {
        self.orders = None;
        self.thread.unpark();
    }
}

/// Waits for the next order; `None` if there will be no other. The thread parks, since the
/// channel's own wait has 2 kB of code.
fn next(inbox: &Receiver<Order>) -> Option<Order> {
    loop {
        match inbox.try_recv() {
            Ok(order) => return Some(order),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => thread::park(),
        }
    }
}

/// The thread's side: the files that are being sent.
struct OpenFiles {
    root: StaticRoot,
    bounds: FileBounds,
    open: HashMap<SocketId, (Take<File>, Holder)>,
}

impl OpenFiles {
    fn answer(&mut self, order: Order) -> Option<(SocketId, FilePart)> {
        match order {
            Order::File(FileOrder::Open(fetch)) => {
                let begun = self.begin(&fetch);
                let part = begun.unwrap_or_else(|error| refusal(&fetch.target.path, &error));
                Some((fetch.id, part))
            }
            Order::File(FileOrder::More(id)) => {
                let mut body = Vec::new();
                // A file that has become shorter, or cannot be read to its end, ends early. The
                // client notices.
                let (file, _) = self.open.get_mut(&id)?;
                let _ = file.take(self.bounds.part_bytes).read_to_end(&mut body);
                if body.is_empty() {
                    self.open.remove(&id);
                }
                Some((id, FilePart::Body(body)))
            }
            Order::File(FileOrder::Close(id)) => {
                self.open.remove(&id);
                None
            }
            Order::Resolve => {
                self.root.resolve();
                None
            }
            Order::Serve(other) => {
                let (root, bounds) = *other;
                self.bounds = bounds;
                self.root.given = root.given;
                self.root.lead_to(root.path);
                None
            }
        }
    }

    /// Answers with a file: completely, if it is no longer than one part.
    fn begin(&mut self, fetch: &Fetch) -> io::Result<FilePart> {
        let Fetch { id, head, target: Target { path, query, .. }, holder } = fetch;
        let (name, mut file) = self.find(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() && !path.ends_with('/') {
            return Ok(FilePart::Response(moved(path, query)));
        }
        if !metadata.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        let (len, seconds, fraction) = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        let tag = format!("\"{len:x}-{seconds:x}-{fraction:x}\"");
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        let modified = u64::try_from(seconds).unwrap_or(0);
        let state = FileState { name: &name, len, tag: &tag, modified };
        let (response, part) = state.answer(head, unix_seconds());
        let Some(part) = part else { return Ok(FilePart::Response(response)) };
        let part_len = part.end - part.start;
        if part.start > 0 {
            file.seek(SeekFrom::Start(part.start))?;
        }
        if part_len <= self.bounds.part_bytes {
            let mut body = Vec::new();
            file.take(part_len).read_to_end(&mut body)?;
            // A client notices a shorter file by its length. It does not notice a shorter range.
            if part_len < len && body.len() as u64 != part_len {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            return Ok(FilePart::Response(response.with_content(body)));
        }
        if let Err(refusal) =
            self.bounds.pool().admit(*holder, self.open.values().map(|(_, of)| *of))
        {
            return Ok(FilePart::Response(refusal));
        }
        self.open.insert(*id, (file.take(part_len), *holder));
        Ok(FilePart::Head(response))
    }

    /// Opens the file that a path names. Links may lead anywhere, so the file that they lead to has
    /// to be below the root. `Target` allows no hidden names in a path. Links may lead to hidden
    /// names: that is how Kubernetes mounts files.
    fn find(&self, path: &str) -> io::Result<(PathBuf, File)> {
        let root = &self.root.path;
        let mut name = root.join(path.trim_start_matches('/'));
        if path.ends_with('/') {
            name.push("index.html");
        }
        nofollow::open_below(root, &name).map_err(|error| match error {
            OpenError::Outside(place) => {
                let text = format!("a link leads to {place:?}, which is out of static-root");
                io::Error::new(ErrorKind::NotFound, text)
            }
            OpenError::System(error) => error,
        })
    }
}

/// A folder is served under its name with a slash, so that relative links in its page work.
fn moved(path: &str, query: &str) -> Response {
    let location = encode_path(path);
    Response::text(Status::PERMANENT_REDIRECT, "a folder ends in a slash").header(
        "Location",
        &format!("{location}/{}{query}", if query.is_empty() { "" } else { "?" }),
    )
}

fn refusal(path: &str, error: &io::Error) -> FilePart {
    // A circle of links is no file.
    let no_file = error.raw_os_error() == Some(libc::ELOOP);
    let is_nothing = match error.kind() {
        ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidInput
        | ErrorKind::InvalidFilename => true,
        _ => no_file,
    };
    let response = match is_nothing {
        true => Response::text(Status::NOT_FOUND, &format!("nothing is at {}", cut(path))),
        false => Response::text(Status::INTERNAL_ERROR, "the file cannot be read"),
    };
    FilePart::Response(response.note(&format!("static-root has no file there: {error}")))
}

const TARGET: &str = "switchboard::config";
