//! Files for plain GET, read on a thread of their own: a disk may block, the loop may not.
//! Each socket has one part of a file under way at most, asked for when it has room.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Take};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use crossbeam_channel::{Receiver, Sender};

use crate::host::bell::Alarm;
use crate::pages::media::media_type;
use crate::service::SocketId;
use crate::ws::{Response, Status};

/// The loop's side of the thread that reads files.
#[derive(Debug)]
pub struct Files {
    orders: Sender<Order>,
    replies: Receiver<(SocketId, Reply)>,
}

/// What the loop asks for.
#[derive(Debug)]
pub enum Order {
    /// The file at a decoded path below the root.
    Open {
        /// For whom.
        id: SocketId,
        /// The path.
        path: String,
        /// The entity tags that the client has.
        if_none_match: Option<String>,
    },
    /// The next part of the file.
    More(SocketId),
    /// Nobody waits for the file any more.
    Close(SocketId),
}

/// What the thread answers.
#[derive(Debug)]
pub enum Reply {
    /// A whole answer.
    Response(Response),
    /// The head of an answer whose body follows.
    Head(Vec<u8>),
    /// A part of the body; an empty one ends it.
    Body(Vec<u8>),
}

impl Files {
    /// Serves the files below `root`, which is a path without links.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(root: PathBuf, alarm: Alarm) -> io::Result<Self> {
        let (orders, inbox) = crossbeam_channel::unbounded();
        let (outbox, replies) = crossbeam_channel::unbounded();
        thread::Builder::new().name("files".to_owned()).spawn(move || {
            let mut open = HashMap::new();
            for order in inbox {
                if let Some(reply) = answer(&root, order, &mut open) {
                    // A loop that has gone reads nothing; its orders end as well.
                    let _ = outbox.send(reply);
                    alarm.wake();
                }
            }
        })?;
        Ok(Self { orders, replies })
    }

    /// Asks for something. Orders are bounded by the number of sockets.
    pub fn order(&self, order: Order) {
        // The thread ends only when this is dropped.
        let _ = self.orders.send(order);
    }

    /// The next answer.
    #[must_use]
    pub fn take(&self) -> Option<(SocketId, Reply)> {
        self.replies.try_recv().ok()
    }

    /// Whether no answer is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }
}

type Open = HashMap<SocketId, Take<File>>;

fn answer(root: &Path, order: Order, open: &mut Open) -> Option<(SocketId, Reply)> {
    match order {
        Order::Open { id, path, if_none_match } => match find(root, &path) {
            Ok(Found::File(file, name)) => {
                Some((id, begin(id, file, &name, if_none_match.as_deref(), open)))
            }
            Ok(Found::Folder) => Some((id, Reply::Response(moved(&path)))),
            Err(error) => Some((id, Reply::Response(refusal(&path, &error)))),
        },
        Order::More(id) => {
            let mut body = Vec::new();
            // A file that has become shorter ends early, which the client notices.
            let read = open.get_mut(&id)?.take(PART_BYTES).read_to_end(&mut body);
            if read.is_err() || body.is_empty() {
                open.remove(&id);
                return Some((id, Reply::Body(Vec::new())));
            }
            Some((id, Reply::Body(body)))
        }
        Order::Close(id) => {
            open.remove(&id);
            None
        }
    }
}

enum Found {
    File(File, PathBuf),
    Folder,
}

/// Opens what a path names. The path has no dot segments; links may lead anywhere, so what
/// they come to has to be below the root.
fn find(root: &Path, path: &str) -> io::Result<Found> {
    let mut name = root.join(path.trim_start_matches('/'));
    if path.ends_with('/') {
        name.push("index.html");
    }
    let name = name.canonicalize()?;
    if !name.starts_with(root) {
        return Err(ErrorKind::NotFound.into());
    }
    // Neither a pipe that was put there nor a link that was put there just now is followed.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&name)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() && !path.ends_with('/') {
        return Ok(Found::Folder);
    }
    if !kind.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    Ok(Found::File(file, name))
}

fn begin(
    id: SocketId,
    file: File,
    name: &Path,
    if_none_match: Option<&str>,
    open: &mut Open,
) -> Reply {
    let Ok(metadata) = file.metadata() else {
        return Reply::Response(Response::text(Status::INTERNAL_ERROR, "the file cannot be read"));
    };
    let (len, seconds, fraction) = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    let tag = format!("\"{len:x}-{seconds:x}-{fraction:x}\"");
    // RFC 9110, 13.1.2: the client has this very file.
    if if_none_match.is_some_and(|tags| tags == "*" || tags.split(',').any(|t| weak(t) == tag)) {
        return Reply::Response(Response::empty(Status::NOT_MODIFIED).header("ETag", &tag));
    }
    open.insert(id, file.take(len));
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let response = Response::empty(Status::OK)
        .header("Content-Type", media_type(&name))
        .header("ETag", &tag)
        .header("Cache-Control", "no-cache")
        .header("X-Content-Type-Options", "nosniff");
    Reply::Head(response.encode_head(len))
}

/// An entity tag without the mark of a weak one (RFC 9110, 8.8.3.2).
fn weak(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// A folder is shown under its name with a slash, so that its links hold.
fn moved(path: &str) -> Response {
    let status = Status::new(308).unwrap_or(Status::NOT_FOUND);
    let encode = |byte: u8| match byte {
        b'/' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let location: String = path.bytes().map(encode).collect();
    Response::text(status, "a folder ends in a slash").header("Location", &format!("{location}/"))
}

fn refusal(path: &str, error: &io::Error) -> Response {
    match error.kind() {
        ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidInput
        | ErrorKind::InvalidFilename => {
            Response::text(Status::NOT_FOUND, &format!("nothing is at {path}"))
        }
        _ => {
            log::warn!("cannot serve the file at {path:?}: {error}");
            Response::text(Status::INTERNAL_ERROR, "the file cannot be read")
        }
    }
}

const PART_BYTES: u64 = 64 * 1_024;
