//! Compression in the hub: which sockets have it, what is compressed once, and how much a read may
//! inflate to.

use flate2::{Compress, Compression as Level, Decompress};

use super::*;
use crate::session::tests::codec::{self, inflate};

#[test]
fn services_compress_if_they_are_told_to() {
    let mut rig = Rig::new(Limits::SERVER);
    let extensions = |rig: &mut Rig, path: &str, service: usize| {
        let id = rig.offer(path, "");
        rig.ready(service);
        rig.mail();
        let answer = String::from_utf8(rig.got(id)).expect("a head is ASCII");
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        answer.split_once("Extensions: ").map(|(_, rest)| rest.trim().to_owned())
    };
    assert_eq!(extensions(&mut rig, "/a", 0), None);
    rig.compress();
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(extensions(&mut rig, "/a", 0).as_deref(), Some(agreed));
    assert_eq!(extensions(&mut rig, "/b", 1), None);
    let plain = rig.open("/a");
    assert!(rig.hub().sockets.get(plain).is_some_and(|s| s.session.agreement().is_none()));
}

#[test]
fn malformed_offers_are_none() {
    let mut rig = Rig::new(Limits::SERVER);
    rig.compress();
    let id = rig.offer("/a", ";");
    rig.ready(0);
    let answer = String::from_utf8(rig.got(id)).expect("a head is ASCII");
    assert!(answer.starts_with("HTTP/1.1 101 ") && !answer.contains("Extensions"), "{answer}");
}

/// Contexts are granted while there is memory for them. Each socket that goes frees its memory.
#[test]
fn the_memory_for_contexts_is_shared() {
    let limits = Limits { deflate_context_bytes_max: 100_000, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    rig.compress();
    let granted = |rig: &Rig, id| {
        let socket = rig.hub().sockets.get(id).expect("it is there");
        socket.session.agreement().map(|agreed| agreed.context_bytes())
    };
    let first = rig.compressing("");
    let second = rig.compressing("");
    let third = rig.compressing("; server_max_window_bits=9");
    assert_eq!(granted(&rig, first), Some(65_536));
    assert_eq!(granted(&rig, second), Some(32_768), "one way only");
    assert_eq!(granted(&rig, third), Some(512));
    assert_eq!(rig.hub().context_bytes(), 65_536 + 32_768 + 512);
    rig.fail(first);
    rig.turn();
    assert_eq!(rig.hub().context_bytes(), 32_768 + 512);
    let fourth = rig.compressing("");
    assert_eq!(granted(&rig, fourth), Some(65_536));
    for id in [second, third, fourth] {
        rig.fail(id);
    }
    rig.turn();
    assert_eq!(rig.hub().context_bytes(), 0);
}

/// An address that has a quarter of the memory for contexts has nothing of its last quarter.
#[test]
fn the_last_quarter_of_the_contexts_is_for_others() {
    let mut rig = Rig::new(Limits {
        deflate_context_bytes_max: 1 << 20,
        sockets_per_ip_max: 1_000,
        connection_rate: None,
        ..Limits::SERVER
    });
    rig.compress();
    let mut ids = Vec::new();
    // How many KiB each address has that asks for more than there are.
    for (host, kib) in [(1, 768), (2, 256), (3, 0)] {
        rig.peer = ([192, 0, 2, host], 1).into();
        let before = rig.hub().context_bytes();
        ids.extend((0..20).map(|_| rig.compressing("")));
        assert_eq!(rig.hub().context_bytes() - before, kib << 10, "address {host}");
    }
    for id in ids.drain(..40) {
        rig.fail(id);
    }
    rig.turn();
    assert_eq!(rig.hub().context_bytes(), 0);
    // What does not count for `max-per-ip` has no such share.
    rig.peer = ([127, 0, 0, 1], 1).into();
    ids.extend((0..20).map(|_| rig.compressing("")));
    assert_eq!(rig.hub().context_bytes(), 1 << 20);
}

/// For many sockets, a message is compressed once for each width of windows, and not at all if no
/// socket takes it compressed.
#[test]
fn a_message_for_many_is_compressed_once() {
    let limits = Limits { deflate_context_bytes_max: 70_000, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    rig.compress();
    let plain: Vec<_> = (0..3).map(|_| rig.open("/a")).collect();
    let text = "news ".repeat(500);
    rig.apply(0, vec![send(Audience::all(), &text)]);
    assert_eq!(rig.hub().deflated_len(), 0);
    // The first of them has contexts. Messages for many do not refer to them.
    let wide: Vec<_> = (0..5).map(|_| rig.compressing("")).collect();
    let narrow: Vec<_> = (0..4).map(|_| rig.compressing("; server_max_window_bits=9")).collect();
    plain.iter().for_each(|&id| drop(rig.got(id)));
    let mut readers: Vec<_> = wide.iter().chain(&narrow).map(|_| Decompress::new(false)).collect();
    for (round, text) in [&text, &text, &"other news ".repeat(300)].into_iter().enumerate() {
        rig.apply(0, vec![send(Audience::all(), text)]);
        assert_eq!(rig.hub().deflated_len(), 2 * (round as u64 + 1));
        for &id in &plain {
            assert_eq!(payload(&rig.got(id)), (0x81, text.as_bytes()));
        }
        for (place, &id) in wide.iter().chain(&narrow).enumerate() {
            let got = rig.got(id);
            let (first, payload) = payload(&got);
            assert_eq!(first, 0xC1);
            if place > 0 {
                readers[place].reset(false);
            }
            assert_eq!(inflate(&mut readers[place], payload), text.as_bytes());
        }
    }
    // A message to one socket refers to what it got before.
    let before = rig.hub().deflated_len();
    rig.apply(0, vec![send(wide[0], &text)]);
    assert_eq!(rig.hub().deflated_len(), before + 1);
    let got = rig.got(wide[0]);
    assert_eq!(inflate(&mut readers[0], payload(&got).1), text.as_bytes());
    rig.apply(0, vec![send(Audience::all(), "short")]);
    assert_eq!(rig.got(wide[1]), b"\x81\x05short");
}

/// Compression is work, and counts in the bound of a turn.
#[test]
fn compression_counts_as_deliveries() {
    let mut rig = Rig::new(Limits::SERVER);
    rig.compress();
    let (id, other) = (rig.compressing(""), rig.compressing(""));
    let text = "x".repeat(25_600);
    let run = RunId { worker: WorkerId::new(0), number: 1 };
    let mut left = |to: Audience| {
        let mut batch = vec![send(to, &text)].into_iter();
        rig.engine.hub_mut().apply(run, &mut batch, 1_000, rig.now)
    };
    assert_eq!(left(id.into()), 1_000 - 1 - 416);
    assert_eq!(left(vec![id, other].into()), 1_000 - 2 - 416);
}

/// One read of many messages, each of which inflates to the longest allowed. The mail has one at a
/// time, and the rest of the read waits for the service.
#[test]
fn many_small_bombs_wait_for_the_share_of_their_socket() {
    let limits = Limits { message_bytes_max: 1 << 20, mail_bytes_max: 4 << 20, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    rig.compress();
    let (bomber, other) = (rig.compressing(""), rig.open("/a"));
    rig.apply(0, vec![taken(1)]);
    let bomb = frame(0xC2, &deflate(&vec![0; 1 << 20]));
    assert!(bomb.len() < 1_100);
    let bombs = 60;
    rig.receive(bomber, &bomb.repeat(bombs));
    let (mut came, mut turns, mut waited) = (0, 0, 0);
    while came < bombs {
        let sizes = rig.sizes();
        assert!(sizes.len() <= 2, "a turn inflates about as much as it may");
        came += sizes.len();
        turns += 1;
        assert!(turns < 1_000, "it goes on");
        rig.turn();
        if std::mem::take(&mut rig.io.resumed).contains(&bomber) {
            rig.may_read(bomber);
            rig.turn();
            continue;
        }
        // The bomber has its share of the mail: others are read.
        assert!(!rig.may_read(bomber) && rig.may_read(other));
        assert_eq!(came - waited, 1, "so many messages wait");
        waited += 1;
        rig.apply(0, vec![Outbound::Taken { messages: 1, bytes: 1 << 20 }]);
        assert!(rig.io.resumed.contains(&bomber), "turn {turns}");
    }
    assert_eq!((came, rig.hub().deadline().is_some()), (bombs, true));
    rig.apply(0, vec![Outbound::Taken { messages: 1, bytes: 1 << 20 }]);
    assert!(rig.may_read(bomber), "all of it has been taken up");
    assert!(rig.hub().sockets.get(bomber).is_some_and(|socket| socket.cold.is_none()));
}

/// One read of data that costs more to inflate than a turn has. Each turn inflates a part of it,
/// though no event comes, and all of it fits the share of the mail.
#[test]
fn a_read_that_is_too_much_for_a_turn_goes_on_in_the_next() {
    let mut rig = Rig::new(Limits::SERVER);
    rig.compress();
    let id = rig.compressing("");
    let noise =
        (0..1_000_u32).map(|n| n.wrapping_mul(n | 1).wrapping_mul(0x9E37_79B9).to_be_bytes()[0]);
    let message = frame(0xC2, &deflate(&noise.collect::<Vec<_>>()));
    assert!(message.len() > 900, "it has become no shorter");
    rig.receive(id, &message.repeat(60));
    let mut came = 0;
    for _ in 0..2 {
        came += rig.sizes().len();
        assert!((1..60).contains(&came), "{came} of 60 have come");
        rig.turn();
        assert_eq!(std::mem::take(&mut rig.io.resumed), [id]);
        rig.may_read(id);
        rig.turn();
        came += rig.sizes().len();
        if came == 60 {
            return;
        }
    }
    panic!("{came} of 60 have come");
}

/// No length makes the work of a message look small.
#[test]
fn the_work_of_inflating_never_runs_over() {
    use crate::hub::deflate::work_of;

    let mut last = 0;
    for shift in (0..usize::BITS).rev() {
        let work = work_of(usize::MAX >> shift, 1 << 15);
        assert!(work >= last && work >= usize::MAX >> shift, "{work} for {shift} bits less");
        last = work;
    }
}

/// A socket that inflated nothing in a turn comes first in the next.
#[test]
fn inflating_goes_round() {
    let mut rig = Rig::new(Limits { mail_bytes_max: 1 << 30, ..Limits::SERVER });
    rig.compress();
    let [first, second, third] = [(); 3].map(|()| rig.compressing(""));
    let bombs = frame(0xC2, &deflate(&vec![0; 1 << 20])).repeat(4);
    [first, second, third].iter().for_each(|&id| rig.send(id, &bombs));
    rig.io.takes_mail = true;
    let round = [[first, second], [third, first], [second, third]];
    for (turn, expected) in round.iter().chain(&round).enumerate() {
        rig.turn();
        let came: Vec<_> = std::mem::take(&mut rig.io.mail).iter().map(Inbound::id).collect();
        assert_eq!(came, expected, "turn {turn}");
    }
}

/// The rest of a read keeps its order, whatever it contains. A close frame in it ends the socket.
#[test]
fn what_waits_of_a_read_comes_in_its_order() {
    let limits = Limits { mail_messages_max: 3, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    rig.compress();
    let id = rig.compressing("");
    let long = frame(0xC1, &deflate(&[b'x'; 1_500]));
    let parts: [&[u8]; 6] = [
        &long,
        &frame(0x81, b"1"),
        &long,
        &frame(0x81, b"2"),
        &frame(0x88, &[3, 232]),
        &frame(0x81, b"late"),
    ];
    rig.receive(id, &parts.concat());
    let x = format!("data {} {}", id.serial(), "x".repeat(1_500));
    let data = |text: &str| format!("data {} {text}", id.serial());
    assert_eq!(rig.mail(), [x.clone(), data("1"), x]);
    rig.is_held(id);
    rig.apply(0, vec![taken(3)]);
    assert_eq!(std::mem::take(&mut rig.io.resumed), [id]);
    rig.may_read(id);
    rig.turn();
    assert_eq!(rig.mail(), [data("2"), format!("close {} 1000", id.serial())]);
    assert!(rig.io.resumed.is_empty());
}

/// A read stops where the mail is full. It goes on when the mail has capacity, though no event
/// comes.
#[test]
fn full_mail_cuts_a_read() {
    let limits = Limits { mail_messages_max: 4, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    rig.compress();
    let id = rig.compressing("");
    let messages: Vec<u8> = (0..10)
        .flat_map(|number: u8| match number % 2 {
            0 => frame(0xC1, &deflate(&[b'0' + number])),
            _ => frame(0x81, &[b'0' + number]),
        })
        .collect();
    rig.receive(id, &messages);
    let mut came = rig.mail();
    assert_eq!(came.len(), 4);
    rig.is_held(id);
    // While it is not read, it owes no pong.
    rig.wait(Limits::SERVER.ping_interval_ms + Limits::SERVER.pong_ms_max);
    assert!(rig.io.dropped.is_empty());
    for len in [8, 10] {
        rig.apply(0, vec![taken(4)]);
        assert_eq!(std::mem::take(&mut rig.io.resumed), [id]);
        rig.may_read(id);
        rig.turn();
        came.extend(rig.mail());
        assert_eq!(came.len(), len);
        if len < 10 {
            rig.is_held(id);
        }
    }
    let expected: Vec<_> = (0..10).map(|number| format!("data {} {number}", id.serial())).collect();
    assert_eq!(came, expected);
}

/// A connection that is lost takes with it what waits: it counts as not read.
#[test]
fn what_waits_goes_with_its_connection() {
    let mut rig = Rig::new(Limits { mail_messages_max: 1, ..Limits::SERVER });
    rig.compress();
    let id = rig.compressing("");
    rig.receive(id, &frame(0xC1, &deflate(&[b'x'; 1_000])).repeat(3));
    assert_eq!(rig.mail().len(), 1);
    rig.fail(id);
    rig.turn();
    assert_eq!(rig.mail(), [format!("close {} 1006", id.serial())]);
    rig.may_read(id);
    assert!(rig.mail().is_empty() && rig.io.dropped == [id]);
}

/// Messages of a closed socket, or of one whose service has ended, are not inflated.
#[test]
fn nobody_inflates_for_nobody() {
    let mut rig = Rig::new(Limits { mail_messages_max: 1, ..Limits::SERVER });
    rig.compress();
    let id = rig.compressing("");
    rig.receive(id, &frame(0xC1, &deflate(&[b'x'; 1_000])).repeat(3));
    rig.end_run(ServiceId::new(0), 1);
    rig.mail();
    rig.may_read(id);
    rig.turn();
    assert!(rig.mail().is_empty());
    assert!(rig.may_read(id), "its close frame is awaited");
}

#[test]
fn bombs_and_broken_data_end_their_own_socket() {
    let limits = Limits { message_bytes_max: 1_000, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    rig.compress();
    let other = rig.compressing("");
    for (payload, code) in [(deflate(&[0; 1_001]), 1009), (vec![0x06], 1007)] {
        let id = rig.compressing("");
        rig.receive(id, &frame(0xC2, &payload));
        let word = format!("close {} {code}", id.serial());
        assert_eq!(rig.mail(), [word]);
        rig.receive(other, &frame(0xC1, &deflate(b"well")));
        assert_eq!(rig.mail(), [format!("data {} well", other.serial())]);
    }
}

impl Rig {
    /// The first service compresses.
    fn compress(&mut self) {
        self.engine.hub_mut().services[ServiceId::new(0)].options.compression = Compression::On;
    }

    /// A peer that asks for a service, and offers to compress.
    fn offer(&mut self, path: &str, offer: &str) -> SocketId {
        self.ask_with(path, &format!("Sec-WebSocket-Extensions: permessage-deflate{offer}"))
    }

    /// A socket that is open at the first service, and compresses.
    fn compressing(&mut self, offer: &str) -> SocketId {
        let id = self.offer("/a", offer);
        if self.hub().workers[WorkerId::new(0)].state == RunState::Starting {
            self.ready(0);
        }
        let opened = self.mail().len();
        self.apply(0, vec![taken(opened)]);
        self.io.written.remove(&id.serial());
        id
    }

    /// A socket has unread bytes, and is held until its service has taken some of its mail.
    fn is_held(&mut self, id: SocketId) {
        assert!(!self.may_read(id));
        self.turn();
        assert!(self.io.resumed.is_empty() && self.io.mail.is_empty());
    }

    /// The lengths of the messages that have come since they were last asked for.
    fn sizes(&mut self) -> Vec<usize> {
        let size = |transaction| match transaction {
            Inbound::Data { message, .. } => message.len(),
            other => panic!("{other:?}"),
        };
        std::mem::take(&mut self.io.mail).into_iter().map(size).collect()
    }
}

/// A message by itself, compressed by another implementation.
fn deflate(plain: &[u8]) -> Vec<u8> {
    codec::deflate(&mut Compress::new(Level::new(6), false), plain)
}

/// The first byte and the payload of a server's only frame.
fn payload(bytes: &[u8]) -> (u8, &[u8]) {
    (bytes[0], &bytes[if bytes[1] == 126 { 4 } else { 2 }..])
}
