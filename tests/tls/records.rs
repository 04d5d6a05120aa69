//! Records that no library sends: empty ones, broken ones, new keys at the wrong time.

use log::LevelFilter;
use rustls::ContentType;
use switchboard::{Handler, Limits, Message, Peer, Server, Thread, handler};

use crate::forger::{Forger, config};
use crate::support::http::upgrade;
use crate::support::logged::{keep, line_with};
use crate::support::raw::{TEXT, close, frame};
use crate::support::services::mount_echo;
use crate::support::tls::{VERSIONS, client, open, start, tls};
use crate::support::{LIMITS, Raw, Running, on_each_thread, server_on};
use crate::traffic::number_of;

fn echo(thread: Thread, limits: Limits) -> Server {
    let mut server = server_on(thread, limits);
    mount_echo(&mut server, "/echo");
    server
}

fn forger(server: &Running) -> Forger {
    Forger::new(open(server, config(), "/echo"))
}

/// Whether the server echoes a word.
fn expect_echo(forger: &mut Forger) {
    let record = forger.data(&frame(TEXT, b"word"));
    forger.send(&record);
    assert_eq!(forger.read(6), [0x81, 4, b'w', b'o', b'r', b'd']);
}

#[test]
fn records_without_a_byte_are_nothing() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let server = start(echo(thread, LIMITS), &tls(&["first"]));
        let mut forger = forger(&server);
        expect_echo(&mut forger);
        let message = frame(TEXT, b"word");
        for count in [1, 2, 32] {
            let mut records = Vec::new();
            for byte in &message {
                for _ in 0..count {
                    records.extend(forger.data(&[]));
                }
                records.extend(forger.data(&[*byte]));
            }
            forger.send(&records);
            assert_eq!(forger.read(6), [0x81, 4, b'w', b'o', b'r', b'd']);
        }
        // A flood of them is refused.
        let address = forger.address();
        let records: Vec<u8> = (0..33).flat_map(|_| forger.data(&[])).collect();
        forger.send(&records);
        assert_eq!(forger.read_record(), None);
        let line = line_with(&format!("peer={address}"));
        assert!(line.text.contains("the client breaks the protocol"), "{line:?}");
    });
}

/// Makes a record that is wrong.
type Fault = fn(&mut Forger) -> Vec<u8>;

#[test]
fn a_broken_record_ends_the_connection_and_what_came_before_counts() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let server = start(echo(thread, LIMITS), &tls(&["first"]));
        let bad_mac = 20;
        let rows: [(&str, Fault, u8, &str); 6] = [
            (
                "a byte is changed",
                |forger| {
                    let mut record = forger.data(b"word");
                    record[7] ^= 1;
                    record
                },
                bad_mac,
                "cannot be decrypted",
            ),
            (
                "a record is missing",
                |forger| {
                    forger.data(b"1");
                    forger.data(b"2")
                },
                bad_mac,
                "cannot be decrypted",
            ),
            (
                "garbage",
                |_| b"\x17\x03\x03\x00\x20garbagegarbagegarbagegarbage1234".to_vec(),
                bad_mac,
                "cannot be decrypted",
            ),
            // record_overflow (RFC 8446, 5.2).
            ("a record is too long", |_| vec![23, 3, 3, 0x60, 0], 22, "TLS: "),
            ("plain text", |_| b"GET / HTTP/1.1\r\n\r\n".to_vec(), 50, "TLS: "),
            // unexpected_message.
            (
                "a hello behind the handshake",
                |forger| forger.record(ContentType::Handshake, &[1, 0, 0, 2, 3, 3]),
                50,
                "TLS: ",
            ),
        ];
        for (what, broken, alert, said) in rows {
            let mut forger = forger(&server);
            let address = forger.address();
            expect_echo(&mut forger);
            let mut records = forger.data(&frame(TEXT, b"last"));
            records.extend(broken(&mut forger));
            forger.send(&records);
            let seen = forger.read_alert();
            assert!(seen == alert || said == "TLS: ", "{what}: alert {seen}");
            assert!(forger.read_record().is_none(), "{what}: nothing follows the alert");
            let line = line_with(&format!("peer={address}"));
            assert!(line.text.contains(said), "{what}: {line:?}");
            let received = number_of(&line.fields, "received");
            let head = upgrade("/echo", "").len();
            // The message before the fault has come whole.
            assert_eq!(received, head + 2 * frame(TEXT, b"word").len(), "{what}: {line:?}");
        }
    });
}

/// Sends many messages to the first client at the word of the second.
#[derive(Default)]
struct Sender(Option<switchboard::SocketId>);

impl Handler for Sender {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        match (message.as_text(), self.0) {
            (Some("me"), _) => self.0 = Some(peer.id()),
            (Some(_), Some(first)) => {
                peer.context().send(first, vec![b'x'; 100]);
                peer.send("sent");
            }
            _ => {}
        }
    }
}

/// The update of keys (RFC 8446, 4.6.3) comes in pieces while the server writes: no record of the
/// client is lost, and the server does not panic.
#[test]
fn new_keys_in_pieces_while_the_server_writes() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/sender", || handler(Sender::default()));
        let server = start(server, &tls(&["first"]));
        // An update that asks for none: the keys of the server stay.
        let update = [24, 0, 0, 1, 0];
        for cut in 0..=update.len() {
            for tail in [0, 3] {
                let mut forger = Forger::new(open(&server, config(), "/sender"));
                let record = forger.data(&frame(TEXT, b"me"));
                forger.send(&record);
                let mut other = open(&server, client(&VERSIONS), "/sender");
                let mut demand = |forger: &mut Forger| {
                    for _ in 0..3 {
                        other.send_text("more");
                        assert_eq!(other.read_text(), "sent");
                        assert_eq!(forger.read(102).len(), 102);
                    }
                };
                demand(&mut forger);
                let (begin, end) = update.split_at(cut);
                let mut records = Vec::new();
                if !begin.is_empty() {
                    records.extend(forger.record(ContentType::Handshake, begin));
                }
                let mut rest = Vec::new();
                if !end.is_empty() {
                    rest.extend(forger.record(ContentType::Handshake, end));
                }
                // A part of the second record may be there already.
                let tail = tail.min(rest.len());
                records.extend(&rest[..tail]);
                forger.send(&records);
                demand(&mut forger);
                forger.send(&rest[tail..]);
                demand(&mut forger);
                // The old key is not used any more.
                let record = forger.data(b"word");
                forger.send(&record);
                assert_eq!(forger.read_alert(), 20);
            }
        }
        assert!(server.is_running());
    });
}

#[test]
fn new_keys_as_often_as_a_client_likes_within_bounds() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let server = start(echo(thread, LIMITS), &tls(&["first"]));
        let mut raw = open(&server, client(&[VERSIONS[1]]), "/echo");
        for round in 0..50 {
            for _ in 0..32 {
                raw.tls().rustls().refresh_traffic_keys().expect("it is of 1.3");
                let records = raw.tls().records();
                raw.send_below(&records);
            }
            raw.send_text(&format!("{round}"));
            assert_eq!(raw.read_text(), format!("{round}"));
        }
        let address = raw.stream().local_addr().expect("it has one");
        for _ in 0..40 {
            raw.tls().rustls().refresh_traffic_keys().expect("it is of 1.3");
            let records = raw.tls().records();
            // It may have been refused by now.
            raw.try_send_below(&records);
        }
        raw.read_rest();
        drop(raw);
        let line = line_with(&format!("peer={address}"));
        assert!(line.text.contains("asks for too many new keys"), "{line:?}");
    });
}

/// A close frame is answered though the client ends TLS right behind it.
#[test]
fn a_close_frame_and_close_notify_at_once() {
    on_each_thread(|thread| {
        let server = start(echo(thread, LIMITS), &tls(&["first"]));
        let mut forger = forger(&server);
        expect_echo(&mut forger);
        let mut records = forger.data(&close(1000, ""));
        records.extend(forger.record(ContentType::Alert, &[1, 0]));
        forger.send(&records);
        forger.end();
        assert_eq!(forger.read(4), [0x88, 2, 3, 232]);
        assert_eq!(forger.read_record(), Some((ContentType::Alert, vec![1, 0])));
        assert_eq!(forger.read_record(), None);
    });
}

/// The law of all parsers: cut anywhere, it is the same. Here each byte of a session is read alone.
#[test]
fn a_session_byte_by_byte() {
    on_each_thread(|thread| {
        let server = start(echo(thread, LIMITS), &tls(&["first"]));
        let mut other = open(&server, client(&VERSIONS), "/echo");
        for version in VERSIONS {
            let mut raw = server.raw();
            let mut sealed = crate::support::tls::Sealed::new(client(&[version]), "first.example");
            let mut stream = raw.stream().try_clone().expect("there is a descriptor");
            let mut drip = |raw: &mut Raw, bytes: &[u8]| {
                for byte in bytes {
                    raw.send_below(&[*byte]);
                    // The server has had a turn.
                    other.send_text("turn");
                    assert_eq!(other.read_text(), "turn");
                }
            };
            while sealed.rustls().is_handshaking() {
                let records = sealed.records();
                drip(&mut raw, &records);
                if sealed.rustls().is_handshaking() {
                    assert!(sealed.read(&mut stream, &mut Vec::new()).expect("it goes on"));
                }
            }
            let mut records = sealed.records();
            records.extend(sealed.seal(&upgrade("/echo", "")));
            for text in ["one", "two"] {
                records.extend(sealed.seal(&frame(TEXT, text.as_bytes())));
            }
            records.extend(sealed.seal(&close(1000, "bye")));
            drip(&mut raw, &records);
            raw.resume(sealed);
            raw.read_101();
            assert_eq!(raw.read_text(), "one");
            assert_eq!(raw.read_text(), "two");
            assert_eq!(raw.read_close(), (1000, "bye".to_owned()));
            raw.expect_notified_end();
        }
    });
}
