//! A server that is reloaded with other values, and the rows of the table.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::Receiver;

use crate::support::binary::{Binary, TIME_LIMITS};
use crate::support::folder::{folder, socket_path};
use crate::support::{Raw, http, next};

/// A key of the class Live.
pub struct Row {
    pub key: &'static str,
    /// Its value at the start; nothing for the default.
    pub before: &'static str,
    /// Its value after the reload.
    pub after: &'static str,
    /// Other keys.
    pub more: &'static [(&'static str, &'static str)],
    /// Shows what holds before, calls [`Tried::apply`], and shows what holds then.
    pub show: fn(&mut Tried),
}

impl Row {
    pub fn check(&self) {
        let Self { key, before, after, more, show } = *self;
        println!("{key}: {before} -> {after}");
        let mut tried = Tried::start(key, more);
        if !before.is_empty() {
            // The file of the start has it already.
            drop(tried);
            tried = Tried::start(key, &[more, &[(key, before)]].concat());
        }
        tried.next = Some((key, after));
        show(&mut tried);
        assert!(tried.next.is_none(), "{key}: it was reloaded");
    }
}

/// The binary with a configuration that may change.
pub struct Tried {
    binary: Binary,
    pub lines: Receiver<String>,
    pub folder: PathBuf,
    values: BTreeMap<String, String>,
    /// What follows the two sections.
    more: String,
    /// The change of the row.
    next: Option<(&'static str, &'static str)>,
}

impl Tried {
    /// Starts it in a folder, with these values. `FOLDER` in one is that folder, whose folder
    /// `programs` is the document root, and `SOCKET` the path of a socket.
    pub fn start(name: &str, values: &[(&str, &str)]) -> Self {
        let folder = folder(name);
        fs::create_dir(folder.join("programs")).expect("it can be made");
        crate::programs::install(&folder.join("programs"));
        fs::create_dir(folder.join("public")).expect("it can be made");
        fs::write(folder.join("public/file"), "content").expect("it can be written");
        #[cfg(feature = "tls")]
        crate::server::install(&folder);
        let patient = TIME_LIMITS.iter().map(|key| (*key, "3600s"));
        let usual = [("port", "0"), ("dumpable", "yes"), ("document-root", "FOLDER/programs")];
        let all = usual.into_iter().chain(patient).chain(values.iter().copied());
        let values = all.map(|(key, value)| (key.to_owned(), full(value, &folder))).collect();
        let text = text_of(&values, "");
        fs::write(folder.join("conf"), text).expect("it can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.arg("--config").arg(folder.join("conf")).env("SWITCHBOARD_TRIED", "passed");
        let (binary, lines) = Binary::run_loud(&mut command);
        Self { binary, lines, folder, values, more: String::new(), next: None }
    }

    /// Sets a key, from the next reload on.
    pub fn set(&mut self, key: &str, value: &str) {
        self.values.insert(key.to_owned(), full(value, &self.folder));
    }

    pub fn unset(&mut self, key: &str) {
        match ["port", "dumpable"].iter().position(|usual| *usual == key) {
            Some(0) => self.set(key, "0"),
            Some(_) => self.set(key, "yes"),
            None => _ = self.values.remove(key),
        }
    }

    /// Sets what follows the two sections.
    pub fn more(&mut self, text: &str) {
        text.clone_into(&mut self.more);
    }

    /// Writes the file and asks for a reload.
    pub fn ask(&mut self) {
        fs::write(self.folder.join("conf"), text_of(&self.values, &self.more)).expect("it can be");
        self.binary.signal("HUP");
    }

    /// Reloads. Returns the lines of the log up to the last one about it.
    pub fn reload(&mut self) -> Vec<String> {
        self.ask();
        self.lines_to("the configuration was read again")
    }

    /// The same for a file with a fault.
    pub fn reload_in_vain(&mut self) -> Vec<String> {
        self.ask();
        self.lines_to("the configuration stays as it is")
    }

    /// Applies the change of the row.
    pub fn apply(&mut self) {
        let key = self.change();
        let lines = self.reload();
        let line = lines.last().expect("one");
        let (_, applied) = line.split_once("; applied: ").expect("something has changed");
        let applied = applied.trim_end_matches("\"}");
        assert!(applied.split(", ").any(|name| name == key), "{key}: {line}");
        let waits = lines.iter().any(|line| line.contains("restart the server"));
        assert!(!waits, "{key}: {lines:?}");
    }

    /// Sets the change of the row. Returns the key.
    pub fn change(&mut self) -> &'static str {
        let (key, value) = self.next.take().expect("it is once");
        self.set(key, value);
        key
    }

    /// The lines of the log up to the next one that has this in it.
    pub fn lines_to(&self, part: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(next(&self.lines));
            if lines.last().is_some_and(|line| line.contains(part)) {
                return lines;
            }
        }
    }

    pub fn signal(&self, name: &str) {
        self.binary.signal(name);
    }

    pub fn exit_code(&mut self) -> Option<i32> {
        self.binary.exit_code()
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.binary.address()
    }

    pub fn raw(&self) -> Raw {
        Raw::connect(self.binary.address())
    }

    /// An open socket.
    pub fn open(&self, path: &str) -> Raw {
        let mut raw = self.raw();
        raw.upgrade(path);
        raw
    }

    /// A socket that comes and goes: its line is the last one of the log.
    pub fn come_and_go(&self) -> Vec<String> {
        drop(self.open("/echo"));
        self.lines_to(ENDED)
    }

    /// The status of the answer to a request.
    pub fn status_of(&self, request: &[u8]) -> u16 {
        self.head_of(request).status
    }

    pub fn head_of(&self, request: &[u8]) -> http::Answer {
        let mut raw = self.raw();
        raw.send(request);
        raw.read_head()
    }

    /// A handshake of a page of another site.
    pub fn from_page(path: &str) -> Vec<u8> {
        http::upgrade(path, "Origin: http://other.example\r\n")
    }
}

impl Raw {
    /// Sends a text, and returns the next one that comes.
    pub fn read_answer_to(&mut self, text: &str) -> String {
        self.send_text(text);
        self.read_text()
    }
}

/// A value with the paths that it means.
fn full(value: &str, folder: &Path) -> String {
    let [folder, socket] = [folder.to_owned(), socket_path("reload")]
        .map(|path| path.into_os_string().into_string().expect("it is text"));
    value.replace("FOLDER", &folder).replace("SOCKET", &socket)
}

/// A configuration with these values.
fn text_of(values: &BTreeMap<String, String>, more: &str) -> String {
    let classes = classes();
    let mut text = String::new();
    for title in ["[server]", "[limits]"] {
        text += &format!("{title}\n");
        for (key, value) in values {
            if classes.get(key).is_some_and(|(section, _)| section == title) {
                text += &format!("{key}: {value}\n");
            }
        }
    }
    text + more
}

/// The section and the class of each key, as `--print-config` has them.
pub fn classes() -> &'static BTreeMap<String, (String, String)> {
    static CLASSES: OnceLock<BTreeMap<String, (String, String)>> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        let output = command.args(["--config", "/dev/null", "--print-config"]).output();
        let text = String::from_utf8(output.expect("it runs").stdout).expect("it is text");
        let (mut section, mut classes) = (String::new(), BTreeMap::new());
        for line in text.lines() {
            if line.starts_with('[') {
                line.clone_into(&mut section);
            } else if let Some((key, rest)) =
                line.strip_prefix('#').and_then(|l| l.split_once(": "))
                && !key.contains(' ')
            {
                let class = if rest.ends_with("; restart") { "restart" } else { "live" };
                classes.insert(key.to_owned(), (section.clone(), class.to_owned()));
            }
        }
        assert!(classes.len() > 50, "the keys are found");
        classes
    })
}

/// A word of the line about a socket that has ended, in each format.
pub const ENDED: &str = "received";
