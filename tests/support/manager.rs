//! A service manager, whose socket is the test's own.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{self, Command};
use std::{env, fs, iter};

use super::DEADLINE;

/// A service manager: its socket, and the address of it.
pub struct NotifySocket {
    socket: UnixDatagram,
    pub address: String,
}

impl NotifySocket {
    /// One with an abstract name.
    pub fn new(name: &str) -> Self {
        let name = format!("switchboard-notify-{}-{name}", process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("it is short");
        let socket = UnixDatagram::bind_addr(&address).expect("no other test has it");
        Self { socket, address: format!("@{name}") }
    }

    /// One with a path.
    pub fn at_path(name: &str) -> Self {
        let path = env::temp_dir().join(format!("switchboard-notify-{}-{name}", process::id()));
        let socket = UnixDatagram::bind(&path).expect("no other test has it");
        Self { socket, address: path.into_os_string().into_string().expect("it is text") }
    }

    /// The binary, for it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.env("NOTIFY_SOCKET", &self.address);
        command
    }

    /// The next datagram, for which this waits.
    pub fn next(&self) -> String {
        self.socket.set_nonblocking(false).expect("it can");
        self.socket.set_read_timeout(Some(DEADLINE)).expect("it can");
        loop {
            let mut bytes = [0; 1_000];
            match self.socket.recv(&mut bytes) {
                Ok(len) => return String::from_utf8(bytes[..len].to_vec()).expect("it is text"),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("nothing comes: {error}"),
            }
        }
    }

    /// The next one that has this in it. Others may come before, such as a status.
    pub fn next_with(&self, part: &str) -> String {
        iter::repeat_with(|| self.next()).find(|text| text.contains(part)).expect("it is endless")
    }

    /// The datagrams that are there.
    pub fn waiting(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).expect("it can");
        let mut bytes = [0; 1_000];
        let next = || self.socket.recv(&mut bytes).ok().map(|len| bytes[..len].to_vec());
        iter::from_fn(next).map(|text| String::from_utf8(text).expect("it is text")).collect()
    }
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        if self.address.starts_with('/') {
            // A test that has failed leaves none either.
            let _ = fs::remove_file(&self.address);
        }
    }
}
