//! Files for plain GET, read on a thread of their own: a disk may block, the loop may not.
//! Each socket has one part of a file under way at most, asked for when it has room.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Take};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, PathBuf};
use std::thread;

use crossbeam_channel::{Receiver, Sender};

use crate::host::bell::Alarm;
use crate::host::nofollow;
use crate::limits::Limits;
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
    Head(Response),
    /// A part of the body; an empty one ends it.
    Body(Vec<u8>),
}

impl Files {
    /// Serves the files below `root`, which is a path without links, in parts of
    /// `outbox_high_bytes`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(root: PathBuf, limits: &Limits, alarm: Alarm) -> io::Result<Self> {
        let (orders, inbox) = crossbeam_channel::unbounded();
        let (outbox, replies) = crossbeam_channel::unbounded();
        let mut library = Library {
            root,
            part_bytes: limits.outbox_high_bytes as u64,
            open_max: limits.files_open_max,
            open: HashMap::new(),
        };
        thread::Builder::new().name("files".to_owned()).spawn(move || {
            for order in inbox {
                if let Some(reply) = library.answer(order) {
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

/// The thread's side: the files that are being sent.
struct Library {
    root: PathBuf,
    /// How much of a file one part has.
    part_bytes: u64,
    open_max: usize,
    open: HashMap<SocketId, Take<File>>,
}

impl Library {
    fn answer(&mut self, order: Order) -> Option<(SocketId, Reply)> {
        match order {
            Order::Open { id, path, if_none_match } => {
                let begun = self.begin(id, &path, if_none_match.as_deref());
                Some((id, begun.unwrap_or_else(|error| refusal(&path, &error))))
            }
            Order::More(id) => {
                let mut body = Vec::new();
                // A file that has become shorter ends early, which the client notices.
                let read = self.open.get_mut(&id)?.take(self.part_bytes).read_to_end(&mut body);
                if read.is_err() || body.is_empty() {
                    self.open.remove(&id);
                    body = Vec::new();
                }
                Some((id, Reply::Body(body)))
            }
            Order::Close(id) => {
                self.open.remove(&id);
                None
            }
        }
    }

    /// Answers with a file: with all of it, if that is no more than a part.
    fn begin(&mut self, id: SocketId, path: &str, tags: Option<&str>) -> io::Result<Reply> {
        let name = self.find(path)?;
        // It may have become a link, or a folder on the way, since it was looked at. And a pipe
        // that was put there is not waited for.
        let file = nofollow::open(&name, libc::O_NONBLOCK)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() && !path.ends_with('/') {
            return Ok(Reply::Response(moved(path)));
        }
        if !metadata.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        let (len, seconds, fraction) = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        let tag = format!("\"{len:x}-{seconds:x}-{fraction:x}\"");
        // RFC 9110, 13.1.2: the client has this very file. 15.4.5: the fields are those of a 200.
        if tags.is_some_and(|tags| tags == "*" || tags.split(',').any(|t| weak(t) == tag)) {
            let response = Response::empty(Status::NOT_MODIFIED);
            return Ok(Reply::Response(described(response, &tag)));
        }
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        if len <= self.part_bytes {
            let mut body = Vec::new();
            file.take(len).read_to_end(&mut body)?;
            let response = Response::new(Status::OK, media_type(&name), body);
            return Ok(Reply::Response(described(response, &tag)));
        }
        if self.open.len() >= self.open_max {
            let text = "too many files are being sent";
            let response = Response::text(Status::UNAVAILABLE, text).header("Retry-After", "1");
            return Ok(Reply::Response(response));
        }
        self.open.insert(id, file.take(len));
        let response = Response::empty(Status::OK).header("Content-Type", media_type(&name));
        Ok(Reply::Head(described(response, &tag).with_content_of(len)))
    }

    /// What a path names. The path has no dot segments; links may lead anywhere, so what they
    /// come to has to be below the root, and not hidden there.
    fn find(&self, path: &str) -> io::Result<PathBuf> {
        let mut name = self.root.join(path.trim_start_matches('/'));
        if path.ends_with('/') {
            name.push("index.html");
        }
        let name = name.canonicalize()?;
        let inner = name.strip_prefix(&self.root).map_err(|_| ErrorKind::NotFound)?;
        let hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
        if inner.components().any(hidden) {
            return Err(ErrorKind::NotFound.into());
        }
        Ok(name)
    }
}

/// The fields that tell which state of a file an answer is about.
fn described(response: Response, tag: &str) -> Response {
    response.header("ETag", tag).header("Cache-Control", "no-cache")
}

/// An entity tag without the mark of a weak one (RFC 9110, 8.8.3.2).
fn weak(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// A folder is shown under its name with a slash, so that its links hold.
fn moved(path: &str) -> Response {
    let encode = |byte: u8| match byte {
        b'/' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let location: String = path.bytes().map(encode).collect();
    Response::text(Status::PERMANENT_REDIRECT, "a folder ends in a slash")
        .header("Location", &format!("{location}/"))
}

fn refusal(path: &str, error: &io::Error) -> Reply {
    // A socket, a device without a driver, and links in a circle are no files either.
    let no_file = matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ELOOP));
    Reply::Response(match error.kind() {
        ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidInput
        | ErrorKind::InvalidFilename => {
            Response::text(Status::NOT_FOUND, &format!("nothing is at {path}"))
        }
        _ if no_file => Response::text(Status::NOT_FOUND, &format!("nothing is at {path}")),
        _ => {
            log::warn!("cannot serve the file at {path:?}: {error}");
            Response::text(Status::INTERNAL_ERROR, "the file cannot be read")
        }
    })
}
