//! The limits.

use std::thread;
use std::time::Duration;

use switchboard::{Handler, Limits, Message, Peer, Server, handler};

use crate::support::http::{get, upgrade};
use crate::support::raw::{frame, piece};
use crate::support::{Raw, Running, SOON, logged, until};
use crate::tried::{ENDED, Row, Tried};

/// A request of the client at 192.0.2.7, whose proxy is trusted.
fn from_client() -> Vec<u8> {
    upgrade("/echo", "X-Forwarded-For: 192.0.2.7\r\n")
}

/// Opens a socket of that client.
fn open_from_client(tried: &Tried) -> Raw {
    let mut raw = tried.raw();
    raw.send(&from_client());
    raw.read_101();
    raw
}

/// How many messages wait for the service `/holds`.
fn mail(tried: &Tried) -> usize {
    tried.signal("USR1");
    let line = tried.lines_to("service=\"/holds\"").pop().expect("one");
    let (_, rest) = line.split_once(" mail=").expect("it says how many");
    rest.split(' ').next().expect("a word").parse().expect("a number")
}

/// Sends a text, and expects the same.
fn echo(raw: &mut Raw, text: &str) {
    assert_eq!(raw.read_answer_to(text), text);
}

/// The socket is closed with this code, whatever comes before.
fn closed_with(raw: &mut Raw, code: u16) {
    loop {
        let frame = raw.read_frame();
        if frame.first == 0x88 {
            assert_eq!(frame.payload[..2], code.to_be_bytes());
            return;
        }
    }
}

const MIB: usize = 1 << 20;

pub const ROWS: &[Row] = &[
    Row {
        key: "max-message",
        before: "",
        after: "10",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/echo");
            echo(&mut raw, "eleven chars");
            tried.apply();
            raw.send_text("eleven chars");
            assert_eq!(raw.read_close().0, 1009);
        },
    },
    Row {
        key: "max-fragments",
        before: "",
        after: "1",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/echo");
            let pieces = [piece(0x01, b"a"), piece(0x00, b"b"), piece(0x80, b"c")].concat();
            raw.send(&pieces);
            assert_eq!(raw.read_text(), "abc");
            tried.apply();
            raw.send(&pieces);
            assert_eq!(raw.read_close().0, 1008);
        },
    },
    Row {
        key: "max-head",
        before: "",
        after: "300",
        more: &[("max-request-line", "200")],
        show: |tried| {
            let request = upgrade("/echo", &format!("X-Long: {}\r\n", "x".repeat(300)));
            assert_eq!(tried.status_of(&request), 101);
            // Also for a request that has begun.
            let mut raw = tried.raw();
            raw.send(&request[..310]);
            tried.apply();
            assert_eq!(tried.status_of(&request), 431);
            raw.send(&request[310..]);
            assert_eq!(raw.read_head().status, 431);
        },
    },
    Row {
        key: "max-headers",
        before: "",
        after: "3",
        more: &[],
        show: |tried| {
            assert_eq!(tried.status_of(&upgrade("/echo", "")), 101);
            tried.apply();
            assert_eq!(tried.status_of(&upgrade("/echo", "")), 431);
        },
    },
    Row {
        key: "max-request-line",
        before: "",
        after: "20",
        more: &[],
        show: |tried| {
            assert_eq!(tried.status_of(&get("/a-long-path", "")), 404);
            tried.apply();
            assert_eq!(tried.status_of(&get("/a-long-path", "")), 414);
        },
    },
    Row {
        key: "handshake-timeout",
        before: "3600s",
        after: "50ms",
        more: &[],
        show: |tried| {
            let mut raw = tried.raw();
            raw.send(b"GET /");
            tried.apply();
            assert_eq!(raw.read_head().status, 408);
        },
    },
    Row {
        key: "admission-timeout",
        before: "3600s",
        after: "50ms",
        more: &[],
        show: |tried| {
            let mut raw = tried.raw();
            raw.send(&upgrade("/undecided", ""));
            // It runs, and is ready.
            tried.lines_to("/undecided");
            tried.apply();
            assert!([500, 503].contains(&raw.read_head().status));
        },
    },
    Row {
        key: "ping-interval",
        before: "3600s",
        after: "50ms",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/echo");
            echo(&mut raw, "no ping before");
            tried.apply();
            assert_eq!(raw.read_frame().first, 0x89);
        },
    },
    Row {
        key: "pong-timeout",
        before: "3600s",
        after: "50ms",
        more: &[("ping-interval", "50ms")],
        show: |tried| {
            let mut raw = tried.open("/echo");
            assert_eq!(raw.read_frame().first, 0x89);
            tried.apply();
            let line = tried.lines_to(ENDED).pop().expect("one");
            assert!(line.contains("no answer to a ping"), "{line}");
        },
    },
    Row {
        key: "idle-timeout",
        before: "",
        after: "50ms",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/echo");
            echo(&mut raw, "no close before");
            tried.apply();
            assert_eq!(raw.read_close().0, 1001);
        },
    },
    Row {
        key: "write-timeout",
        before: "3600s",
        after: "100ms",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/echo");
            let address = tried.address();
            let mut other = Raw::connect(address);
            other.upgrade("/echo");
            let text = frame(2, &[7; 60_000]);
            raw.fill(&text, 200 * MIB, || echo(&mut other, "?"));
            tried.apply();
            let line = tried.lines_to("write-timeout").pop().expect("one");
            assert!(line.contains("/echo"), "{line}");
        },
    },
    Row {
        key: "close-timeout",
        before: "3600s",
        after: "50ms",
        more: &[("idle-timeout", "50ms")],
        show: |tried| {
            let mut raw = tried.open("/echo");
            assert_eq!(raw.read_close().0, 1001);
            tried.apply();
            raw.expect_closed();
        },
    },
    Row {
        key: "outbox-high",
        before: "2m",
        after: "64k",
        more: &[("log-level", "debug")],
        show: |tried| {
            let fill = |tried: &Tried| {
                let mut raw = tried.open("/echo");
                let mut other = tried.open("/echo");
                raw.fill(&frame(2, &[7; 9_000]), 200 * MIB, || echo(&mut other, "?"));
                raw
            };
            let raw = fill(tried);
            drop(raw);
            // The line of that socket, and those before.
            let lines = tried.lines_to(ENDED);
            assert!(!lines.iter().any(|line| line.contains("(outbox-high)")), "{lines:?}");
            tried.apply();
            let _raw = fill(tried);
            tried.lines_to("(outbox-high)");
        },
    },
    Row {
        key: "outbox-low",
        before: "1k",
        after: "19m",
        more: &[("outbox-high", "20m"), ("outbox-max", "64m")],
        show: |tried| {
            // The system holds a few of the mebibytes for the peer.
            let mut raw = tried.open("/many");
            raw.send_text("40");
            tried.lines_to("it full");
            raw.read_some(16 * MIB);
            tried.apply();
            raw.read_some(8 * MIB);
            tried.lines_to("it drain");
        },
    },
    Row {
        key: "outbox-max",
        before: "64m",
        after: "2m",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/many");
            raw.send_text("24");
            (0..24).for_each(|_| assert_eq!(raw.read_text().len(), MIB));
            // HELLO says it, so that the program is replaced.
            tried.apply();
            closed_with(&mut raw, 1012);
            let mut raw = tried.open("/many");
            raw.send_text("24");
            tried.lines_to("it close");
            closed_with(&mut raw, 1013);
        },
    },
    Row {
        key: "message-rate",
        before: "",
        after: "1/s burst 1",
        more: &[("rate-policy", "close")],
        show: |tried| {
            let mut raw = tried.open("/echo");
            let three = frame(1, b"x").repeat(3);
            raw.send(&three);
            (0..3).for_each(|_| assert_eq!(raw.read_text(), "x"));
            tried.apply();
            raw.send(&three);
            closed_with(&mut raw, 1008);
        },
    },
    Row {
        key: "rate-policy",
        before: "",
        after: "close",
        more: &[("message-rate", "100/s burst 1")],
        show: |tried| {
            let mut raw = tried.open("/echo");
            let many = frame(1, b"x").repeat(20);
            raw.send(&many);
            (0..20).for_each(|_| assert_eq!(raw.read_text(), "x"));
            tried.apply();
            raw.send(&many);
            closed_with(&mut raw, 1008);
        },
    },
    Row {
        key: "mail-max",
        before: "20 messages",
        after: "200 messages",
        more: &[],
        show: |tried| {
            // The first messages fill the pipes of the program.
            let mut sockets = [(); 4].map(|()| tried.open("/holds"));
            let messages = frame(1, &[b'x'; 1_000]).repeat(500);
            sockets.iter_mut().for_each(|raw| raw.send(&messages));
            until("there is mail", || mail(tried) > 10);
            assert!(mail(tried) < 40);
            tried.apply();
            until("there is more mail", || mail(tried) > 100);
        },
    },
    Row {
        key: "max-connections",
        before: "",
        after: "2",
        more: &[],
        show: |tried| {
            let mut sockets = [(); 3].map(|()| tried.open("/echo"));
            tried.apply();
            assert_eq!(tried.status_of(&upgrade("/echo", "")), 503);
            sockets.iter_mut().for_each(|raw| echo(raw, "still here"));
            drop(sockets);
            until("others may come", || tried.status_of(&upgrade("/echo", "")) == 101);
        },
    },
    Row {
        key: "memory-max",
        before: "",
        after: "1m",
        more: &[],
        show: |tried| {
            let mut sockets = [(); 4].map(|()| tried.open("/echo"));
            let message = frame(2, &[7; 900_000]);
            sockets.iter_mut().for_each(|raw| raw.send(&message[..600_000]));
            tried.apply();
            // One at least is closed, and takes no more.
            sockets.iter_mut().for_each(|raw| _ = raw.try_send(&message[600_000..700_000]));
            tried.lines_to("memory-max is 1048576");
        },
    },
    Row {
        key: "max-per-ip",
        before: "",
        after: "2",
        more: &[("trusted-proxy", "127.0.0.1"), ("new-per-ip", "off")],
        show: |tried| {
            let mut sockets = [(); 3].map(|()| open_from_client(tried));
            tried.apply();
            assert_eq!(tried.status_of(&from_client()), 503);
            sockets.iter_mut().for_each(|raw| echo(raw, "still here"));
            drop(sockets);
            until("others may come", || tried.status_of(&from_client()) == 101);
        },
    },
    Row {
        key: "new-per-ip",
        before: "off",
        after: "1/s burst 1",
        more: &[("trusted-proxy", "127.0.0.1")],
        show: |tried| {
            let _sockets = [(); 3].map(|()| open_from_client(tried));
            tried.apply();
            until("it connects too often", || tried.status_of(&from_client()) == 429);
        },
    },
    Row {
        key: "max-topics",
        before: "",
        after: "2",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/topics");
            ["a", "b", "c"].iter().for_each(|topic| assert_eq!(raw.read_answer_to(topic), "ok"));
            tried.apply();
            raw.send_text("d");
            closed_with(&mut raw, 1013);
        },
    },
    Row {
        key: "max-topics-per-socket",
        before: "",
        after: "2",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/topics");
            ["a", "b", "c"].iter().for_each(|topic| assert_eq!(raw.read_answer_to(topic), "ok"));
            tried.apply();
            raw.send_text("d");
            closed_with(&mut raw, 1013);
        },
    },
    #[cfg(feature = "deflate")]
    Row {
        key: "compression-threshold",
        before: "",
        after: "10",
        more: &[("compression", "on")],
        show: |tried| {
            let mut raw = tried.raw();
            raw.send(&upgrade("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
            raw.read_head();
            let text = frame(1, &[b'x'; 100]);
            raw.send(&text);
            assert_eq!(raw.read_frame().first, 0x81);
            tried.apply();
            raw.send(&text);
            assert_eq!(raw.read_frame().first, 0xC1);
        },
    },
    #[cfg(feature = "deflate")]
    Row {
        key: "compression-context",
        before: "",
        after: "1m",
        more: &[("compression", "on")],
        show: |tried| {
            let request = upgrade("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
            let agreed = |tried: &Tried| {
                let head = tried.head_of(&request);
                head.header("sec-websocket-extensions").expect("it compresses").to_owned()
            };
            assert!(agreed(tried).contains("server_no_context_takeover"));
            tried.apply();
            assert!(!agreed(tried).contains("server_no_context_takeover"));
        },
    },
    Row {
        key: "drain-timeout",
        before: "3600s",
        after: "0s",
        more: &[],
        show: |tried| {
            // It never answers the close.
            let _raw = tried.open("/echo");
            tried.apply();
            tried.signal("TERM");
            assert_eq!(tried.exit_code(), Some(0));
        },
    },
    Row {
        key: "drain-spread",
        before: "3600s",
        after: "0s",
        more: &[],
        show: |tried| {
            // A handful of sockets is not spread.
            let mut sockets: Vec<_> = (0..130).map(|_| tried.open("/echo")).collect();
            tried.apply();
            tried.signal("TERM");
            sockets.iter_mut().for_each(|raw| assert_eq!(raw.read_close().0, 1001));
        },
    },
];

/// No service of the binary has callbacks that take long.
struct Slow;

impl Handler for Slow {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        // A wait that ends by itself, which is what is measured.
        thread::park_timeout(Duration::from_millis(100));
        peer.send(message);
    }
}

#[test]
fn a_service_on_the_loop_gets_another_max_callback() {
    let _logged = logged::keep(log::LevelFilter::Warn);
    let server = |callback_ms_max| {
        let mut server = Server::new(Limits { callback_ms_max, ..SOON });
        server.mount("/slow", || handler(Slow)).thread(switchboard::Thread::Loop);
        server
    };
    let running = Running::start(server(3_600_000));
    let mut raw = running.open("/slow");
    let is_logged = || !logged::lines_with("max-callback").is_empty();
    echo(&mut raw, "slow");
    assert!(!is_logged());
    server(1).reload(running.reloader()).expect("it is right");
    until("a slow callback is in the log", || {
        echo(&mut raw, "slow");
        is_logged()
    });
    running.stop();
}
