//! What a program that embeds the server relies on, beyond what any client sees.

#![cfg(feature = "host")]

mod support;

use std::io::ErrorKind;

use log::LevelFilter;
use switchboard::{Handler, Message, Peer, Request, SocketId, handler};

use support::raw::close;
use support::{LIMITS, Running, logged, on_each_thread, server_on};

/// The first socket is under the commands of all: it is paused, read again and labeled.
#[derive(Default)]
struct First(Option<SocketId>);

impl Handler for First {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        self.0.get_or_insert(peer.id());
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        match (message.as_text(), self.0) {
            (Some("pause"), _) => peer.pause(),
            (Some("briefly"), _) => {
                peer.pause();
                peer.resume();
            }
            (Some("resume"), Some(first)) => peer.context().resume(first),
            (text, _) => {
                if let Some((key, value)) = text.and_then(|text| text.split_once('=')) {
                    peer.label(key, value);
                }
            }
        }
        peer.send(message);
    }
}

#[test]
fn a_peer_is_paused_and_labeled_in_its_own_callbacks() {
    on_each_thread(|thread| {
        let _lines = logged::keep(LevelFilter::Info);
        let mut server = server_on(thread, LIMITS);
        server.mount("/first", || handler(First::default()));
        let running = Running::start(server);
        let (mut first, mut other) = (running.open("/first"), running.open("/first"));
        for text in ["user=ida", "gone=soon", "gone=", "user=otto", "briefly", "pause"] {
            first.send_text(text);
            assert_eq!(first.read_text(), text);
        }
        first.send_text("late");
        // The host has turns in which it would read the first one.
        for number in 0..5 {
            other.send_text(&number.to_string());
            assert_eq!(other.read_text(), number.to_string());
        }
        first.stream().set_nonblocking(true).expect("it can be");
        let nothing = first.stream().peek(&mut [0]).expect_err("it is not read");
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        first.stream().set_nonblocking(false).expect("it can be");
        other.send_text("resume");
        assert_eq!(first.read_text(), "late");
        first.send(&close(1000, ""));
        assert_eq!(first.read_close().0, 1000);
        let line = logged::line_with("user=\"otto\"");
        assert!(!line.text.contains("gone"), "{line:?}");
    });
}
