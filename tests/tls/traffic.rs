//! Messages over TLS: large and small ones, back-pressure, and the end of a connection.

use std::io::Read;
use std::net::Shutdown;

use log::LevelFilter;
use switchboard::{Context, Handler, Limits, Message, Peer, SocketId, handler};

use crate::support::logged::{forget, keep, line_with};
use crate::support::raw::{BINARY, CLOSE, PING, PONG, TEXT, close, decode_close, frame};
use crate::support::services::{Seen, mount_echo, mount_probe};
use crate::support::tls::{VERSIONS, client, open, start, tls};
use crate::support::{LIMITS, Raw, SOON, next, on_each_thread, server_on, until_quick_enough};

#[test]
fn an_echo_with_each_version() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let server = start(server, &tls(&["first"]));
        for version in VERSIONS {
            let mut raw = open(&server, client(&[version]), "/echo");
            assert_eq!(raw.tls().rustls().protocol_version(), Some(version.version));
            raw.send_text("word");
            assert_eq!(raw.read_text(), "word");
            let large: Vec<u8> = (0..1_u32 << 20).map(|at| at.to_le_bytes()[1] ^ 0x5a).collect();
            for _ in 0..3 {
                raw.send(&frame(BINARY, &large));
                let answer = raw.read_frame();
                assert_eq!((answer.first, answer.payload == large), (0x80 | BINARY, true));
            }
            raw.send(&frame(PING, b"ping"));
            assert_eq!(raw.read_frame().payload, b"ping");
            raw.send(&close(1000, "bye"));
            assert_eq!(raw.read_close(), (1000, "bye".to_owned()));
            raw.expect_notified_end();
        }
    });
}

#[test]
fn many_messages_in_one_record() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let server = start(server, &tls(&["first"]));
        let mut raw = open(&server, client(&VERSIONS), "/echo");
        let texts: Vec<_> = (0..1_000).map(|number| format!("{number}")).collect();
        let messages: Vec<u8> =
            texts.iter().flat_map(|text| frame(TEXT, text.as_bytes())).collect();
        assert!(messages.len() < 16_384);
        for _ in 0..10 {
            let records = raw.tls().seal(&messages);
            assert!(records.len() < messages.len() + 100, "it is one record");
            raw.send_below(&records);
            for text in &texts {
                assert_eq!(&raw.read_text(), text);
            }
        }
    });
}

#[test]
fn a_message_that_is_cut_over_records() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let server = start(server, &tls(&["first"]));
        let mut raw = open(&server, client(&VERSIONS), "/echo");
        let message = frame(TEXT, &[b'x'; 200]);
        for cut in 0..=message.len() {
            let (begin, end) = message.split_at(cut);
            let mut records = raw.tls().seal(begin);
            records.extend(raw.tls().seal(end));
            raw.send_below(&records);
            assert_eq!(raw.read_text().len(), 200, "{cut}");
        }
        // Each byte in a record of its own.
        let records: Vec<u8> = message.iter().flat_map(|byte| raw.tls().seal(&[*byte])).collect();
        raw.send_below(&records);
        assert_eq!(raw.read_text().len(), 200);
    });
}

/// Sends what it is asked for: so many messages of 100,000 bytes.
fn send_many(peer: &mut Peer, message: Message) {
    let count = message.as_text().and_then(|text| text.parse().ok()).expect("a number");
    (0..count).for_each(|_| peer.send(vec![b'x'; 100_000]));
}

/// The bytes of one of these messages.
const MESSAGE: usize = 100_000 + 10;

#[test]
fn a_client_that_does_not_read_is_closed_with_1013() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        for version in VERSIONS {
            let mut server = server_on(thread, LIMITS);
            let told = mount_probe(&mut server, "/probe", send_many);
            let server = start(server, &tls(&["first"]));
            forget();
            let mut raw = open(&server, client(&[version]), "/probe");
            // As many as a kernel with large buffers holds, and more.
            raw.send_text("400");
            let id = loop {
                if let Seen::Close(id, code) = next(&told) {
                    assert_eq!(code, 1013);
                    break id;
                }
            };
            // What was not lost comes in order, and all of it is counted.
            let mut got = 0;
            loop {
                let frame = raw.read_frame();
                if frame.first == 0x80 | CLOSE {
                    assert_eq!(decode_close(&frame.payload).0, 1013);
                    got += 2 + frame.payload.len();
                    break;
                }
                assert_eq!(frame.payload.len(), 100_000);
                got += MESSAGE;
            }
            raw.expect_notified_end();
            let address = raw.stream().local_addr().expect("it has one");
            drop(raw);
            let line = line_with(&format!("socket={} peer={address}", id.as_u64()));
            // The head of the 101 is the rest.
            let sent = number_of(&line.fields, "sent");
            let head = sent.checked_sub(got).expect("no more comes than is counted");
            assert!((100..400).contains(&head), "{sent} bytes are counted, {got} came");
        }
    });
}

/// The number of a field of a line.
pub(crate) fn number_of(fields: &str, name: &str) -> usize {
    let value = fields.split(';').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in {fields}"))
}

#[test]
fn a_service_is_told_when_an_outbox_is_full_and_when_it_has_drained() {
    on_each_thread(|thread| {
        let limits = Limits {
            outbox_low_bytes: 100_000,
            outbox_high_bytes: 400_000,
            outbox_bytes_max: 50 << 20,
            ..LIMITS
        };
        let mut server = server_on(thread, limits);
        let told = mount_probe(&mut server, "/probe", send_many);
        let server = start(server, &tls(&["first"]));
        let mut sockets = Vec::new();
        for round in 0..3 {
            let mut raw = open(&server, client(&VERSIONS), "/probe");
            assert!(round > 0 || next(&told) == Seen::Start);
            let Seen::Open(id) = next(&told) else { panic!("somebody comes") };
            raw.send_text("200");
            assert!(matches!(next(&told), Seen::Message(..)));
            assert_eq!(next(&told), Seen::Full(id));
            for _ in 0..200 {
                assert_eq!(raw.read_frame().payload.len(), 100_000);
            }
            let mut is_full = true;
            raw.send_text("0");
            loop {
                match next(&told) {
                    Seen::Full(_) => assert!(!std::mem::replace(&mut is_full, true)),
                    Seen::Drained(_) => assert!(std::mem::replace(&mut is_full, false)),
                    Seen::Message(..) => break,
                    seen => panic!("not {seen:?}"),
                }
            }
            assert!(!is_full);
            sockets.push(raw);
        }
    });
}

/// The time limit of a write is over, and nothing else ends the socket.
#[test]
fn a_client_that_takes_nothing_for_too_long_is_dropped() {
    let limits = Limits { outbox_bytes_max: 80 << 20, write_ms_max: 100, ..LIMITS };
    on_each_thread(|thread| {
        let mut server = server_on(thread, limits);
        let told = mount_probe(&mut server, "/probe", send_many);
        let server = start(server, &tls(&["first"]));
        let mut raw = open(&server, client(&VERSIONS), "/probe");
        raw.send_text("400");
        let code = loop {
            if let Seen::Close(_, code) = next(&told) {
                break code;
            }
        };
        assert_eq!(code, 1006);
        let rest = raw.stream().read_to_end(&mut Vec::new());
        println!("what the system has still passed on: {rest:?} bytes");
    });
}

/// One that reads, though slowly, keeps its connection: what it takes counts.
#[test]
fn a_client_that_reads_slowly_stays() {
    on_each_thread(|thread| {
        until_quick_enough("a slow reader gets all", |ms| {
            let limits = Limits { outbox_bytes_max: 80 << 20, write_ms_max: ms, ..LIMITS };
            let mut server = server_on(thread, limits);
            let told = mount_probe(&mut server, "/probe", send_many);
            mount_echo(&mut server, "/echo");
            let server = start(server, &tls(&["first"]));
            let mut raw = open(&server, client(&VERSIONS), "/probe");
            raw.send_text("200");
            let begin = std::time::Instant::now();
            let mut got = 0;
            while got < 200 {
                // Three time limits in all, spread over the messages.
                let due = std::time::Duration::from_millis(3 * ms * got / 200);
                if begin.elapsed() < due {
                    std::thread::yield_now();
                    continue;
                }
                match raw.next_frame() {
                    Some(frame) => assert_eq!(frame.payload.len(), 100_000),
                    None => return false,
                }
                got += 1;
            }
            !told.try_iter().any(|seen| matches!(seen, Seen::Close(..)))
        });
    });
}

/// Pauses a socket at its first message, and resumes it at the word of another one.
#[derive(Default)]
struct Pausing {
    paused: Option<SocketId>,
    count: usize,
}

impl Handler for Pausing {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        match message.as_text() {
            Some("pause") => {
                self.paused = Some(peer.id());
                let id = peer.id();
                peer.context().pause(id);
                peer.send("paused");
            }
            Some("resume") => {
                let paused = self.paused.take().expect("one is paused");
                peer.context().resume(paused);
            }
            Some("count") => peer.send(self.count.to_string()),
            _ => self.count += 1,
        }
    }

    fn stop(&mut self, _: &mut Context) {}
}

#[test]
fn a_paused_socket_is_not_read_and_then_all_comes() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/pausing", || handler(Pausing::default()));
        let server = start(server, &tls(&["first"]));
        let mut raw = open(&server, client(&VERSIONS), "/pausing");
        let mut other = open(&server, client(&VERSIONS), "/pausing");
        let count = |other: &mut Raw| {
            other.send_text("count");
            other.read_text().parse::<usize>().expect("it is a number")
        };
        raw.send_text("pause");
        // What it sends behind the pause comes after it.
        assert_eq!(raw.read_text(), "paused");
        // A part of a record waits, and whole ones do.
        let mut sent = 0;
        for _ in 0..20 {
            let records = raw.tls().seal(&frame(BINARY, &[0; 1_000]).repeat(50));
            let (begin, end) = records.split_at(records.len() / 2);
            raw.send_below(begin);
            assert_eq!(count(&mut other), 0);
            raw.send_below(end);
            sent += 50;
            assert_eq!(count(&mut other), 0);
        }
        other.send_text("resume");
        crate::support::until("all has come", || count(&mut other) == sent);
        raw.send_text("count");
        assert_eq!(raw.read_text(), sent.to_string());
    });
}

/// The close frame, close_notify, the end: in this order, and nothing else.
#[test]
fn a_clean_stop_ends_tls_before_the_connection() {
    on_each_thread(|thread| {
        for version in VERSIONS {
            let mut server = server_on(thread, LIMITS);
            mount_echo(&mut server, "/echo");
            let server = start(server, &tls(&["first"]));
            let mut raw = open(&server, client(&[version]), "/echo");
            server.stopper().stop();
            let (code, _) = raw.read_close();
            assert_eq!(code, 1001);
            assert!(!raw.tls().has_notified(), "close_notify is not sent before the answer");
            raw.send(&close(1001, ""));
            raw.expect_notified_end();
            server.join();
        }
    });
}

#[test]
fn an_answer_ends_with_close_notify() {
    let server = start(server_on(switchboard::Thread::Own, LIMITS), &tls(&["first"]));
    for version in VERSIONS {
        let mut raw =
            crate::support::tls::secure(server.address(), client(&[version]), "first.example");
        raw.send(&crate::support::http::get("/nothing", ""));
        assert_eq!(raw.read_head().status, 404);
        while raw.next_byte().is_some() {}
        raw.expect_notified_end();
    }
}

/// The client's end of TLS is the end of its half of the connection.
#[test]
fn close_notify_of_a_client_is_an_end_and_so_is_none() {
    on_each_thread(|thread| {
        for (is_notified, version) in [(true, VERSIONS[0]), (true, VERSIONS[1])]
            .into_iter()
            .chain(VERSIONS.map(|version| (false, version)))
        {
            let mut server = server_on(thread, SOON);
            let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
            let server = start(server, &tls(&["first"]));
            let mut raw = open(&server, client(&[version]), "/probe");
            // What came before is received.
            let mut records = raw.tls().seal(&frame(TEXT, b"last"));
            if is_notified {
                raw.tls().rustls().send_close_notify();
                records.extend(raw.tls().records());
                // What follows is nothing.
                records.extend(b"garbage of some length".repeat(1_000));
            }
            raw.send_below(&records);
            if !is_notified {
                raw.stream().shutdown(Shutdown::Write).expect("it stands");
            }
            let mut texts = Vec::new();
            loop {
                match next(&told) {
                    Seen::Start | Seen::Open(_) => {}
                    Seen::Message(_, message) => texts.push(message),
                    Seen::Close(_, code) => break assert_eq!(code, 1006),
                    seen => panic!("not {seen:?}"),
                }
            }
            assert_eq!(texts, [Message::from("last")], "{is_notified} {:?}", version.version);
        }
    });
}

/// A pong comes through while the client's own records are not whole.
#[test]
fn half_a_record_holds_up_no_answer() {
    let mut server = server_on(switchboard::Thread::Loop, LIMITS);
    mount_echo(&mut server, "/echo");
    let server = start(server, &tls(&["first"]));
    for version in VERSIONS {
        let mut raw = open(&server, client(&[version]), "/echo");
        let mut records = raw.tls().seal(&frame(PING, b"1"));
        let next = raw.tls().seal(&frame(PING, b"2"));
        let (begin, end) = next.split_at(next.len() - 1);
        records.extend(begin);
        raw.send_below(&records);
        let pong = raw.read_frame();
        assert_eq!((pong.first, &pong.payload[..]), (0x80 | PONG, &b"1"[..]));
        raw.send_below(end);
        assert_eq!(raw.read_frame().payload, b"2");
    }
}
