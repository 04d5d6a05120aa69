//! The rate of messages: how many a service gets of a socket in a time, and what happens to more.
//! And that of new connections of an address.

use super::*;
use crate::limits::{Rate, RatePolicy};
use crate::ws::work;

/// Lets what a peer has sent in for so long. Returns when each of its messages was delivered, and
/// its words.
fn deliver(rig: &mut Rig, ms: u64) -> Vec<(u64, String)> {
    let (begin, end) = (rig.now, rig.now.after(ms));
    let mut told = Vec::new();
    loop {
        let words = rig.mail();
        rig.apply(0, vec![taken(words.len())]);
        told.extend(words.into_iter().map(|word| (rig.now.since(begin), word)));
        if !rig.engine.has_work(&rig.io) && rig.io.mail.is_empty() {
            let is_done = rig.engine.deadline().is_none_or(|next| next > rig.now);
            assert!(is_done, "what is due is done");
            match rig.engine.deadline() {
                Some(next) if next <= end => rig.now = next,
                _ => break,
            }
        }
        rig.turn();
    }
    rig.now = end;
    told
}

fn limits(per_s: u32, burst: u32) -> Limits {
    Limits { message_rate: Some(Rate { per_s, burst }), ..Limits::SERVER }
}

fn numbered(count: usize, padding: usize) -> Vec<u8> {
    let text = |number| frame(0x81, format!("{number}{}", ".".repeat(padding)).as_bytes());
    (0..count).flat_map(text).collect()
}

/// In each window of time there are at most so many messages as the rate allows, and in the whole
/// of it exactly as many. They come in order, and nothing is owed meanwhile.
#[test]
fn a_flood_is_delivered_at_its_rate() {
    for (per_s, burst, padding, read_bytes_max, ms) in [
        (100, 200, 0, 65_536, 60_000),
        (100, 1, 8, 5, 20_000),
        (7, 20, 8, 65_536, 60_000),
        (1, 1, 8, 65_536, 60_000),
        (3, 5, 70_000, 65_536, 10_000),
        (1_000, 9, 0, 65_536, 3_000),
    ] {
        let row = format!("{per_s}/s burst {burst}, {padding}, {read_bytes_max}");
        let quick = Limits { ping_interval_ms: 20_000, pong_ms_max: 1, ..limits(per_s, burst) };
        let mut rig = Rig::new(Limits { read_buffer_bytes: read_bytes_max, ..quick });
        let id = rig.open("/a");
        rig.apply(0, vec![taken(1)]);
        let expected = u64::from(burst) + u64::from(per_s) * ms / 1_000;
        let expected = usize::try_from(expected).expect("they are in memory");
        rig.receive(id, &numbered(expected + 9, padding));
        let told = deliver(&mut rig, ms);
        assert_eq!(told.len(), expected, "{row}");
        for (number, (_, word)) in told.iter().enumerate() {
            let dots = ".".repeat(padding);
            assert!(*word == format!("data 1 {number}{dots}"), "{row}: {number}");
        }
        for (place, (from, _)) in told.iter().enumerate() {
            for (len, (to, _)) in (1..).zip(&told[place..]) {
                let max = u64::from(burst) * 1_000 + (to - from) * u64::from(per_s);
                assert!(len * 1_000 <= max, "{row}: {len} from {from} to {to}");
            }
        }
        assert!(rig.got(id).is_empty() && rig.io.dropped.is_empty(), "{row}: it owes nothing");
    }
}

/// A read costs in proportion to its length, though it is taken up again and again.
#[test]
fn what_waits_is_not_looked_at_again() {
    let mut rig = Rig::new(limits(100, 1));
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    let (flood, mut told) = (numbered(500, 50), Vec::new());
    let work = work::of(|| {
        rig.receive(id, &flood);
        told = deliver(&mut rig, 5_000);
    });
    assert_eq!(told.len(), 500);
    assert!(work <= 9 * flood.len(), "{work} for {} bytes", flood.len());
}

/// After a silence there is a whole burst again, and never more.
#[test]
fn a_silence_fills_the_bucket() {
    let mut rig = Rig::new(limits(10, 3));
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    for (silence_ms, expected) in [(0, 3), (99, 0), (1, 1), (250, 2), (50, 1), (9_000_000, 3)] {
        rig.wait(silence_ms);
        let mut count = 0;
        while rig.may_read(id) {
            rig.say(id, "x");
            count += rig.mail().len();
            rig.apply(0, vec![taken(1)]);
        }
        assert_eq!(count, expected, "after {silence_ms} ms");
    }
}

/// A peer that has waited and sends no more is asked for a sign of life, as from then on.
#[test]
fn a_wait_ends_with_all_deadlines() {
    let mut rig = Rig::new(Limits { ping_interval_ms: 300, ..limits(1, 1) });
    let id = rig.open("/a");
    rig.receive(id, &numbered(1, 0));
    assert!(!rig.may_read(id), "there is no other token");
    for _ in 0..9 {
        rig.wait(100);
        assert!(rig.got(id).is_empty(), "it owes nothing");
    }
    assert!(rig.io.resumed.is_empty());
    rig.wait(100);
    assert_eq!(rig.io.resumed, [id]);
    rig.wait(299);
    assert!(rig.got(id).is_empty(), "silence counts from then on");
    rig.wait(1 + Wheel::TICK_MS);
    assert_eq!(rig.got(id), b"\x89\x04ping");
}

#[test]
fn a_close_frame_behind_messages_that_wait_is_answered() {
    let mut rig = Rig::new(limits(2, 1));
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    let bytes = [numbered(3, 0), frame(0x88, &[3, 232])].concat();
    rig.receive(id, &bytes);
    let told = deliver(&mut rig, 3_000);
    let told: Vec<_> = told.iter().map(|(ms, word)| (*ms, word.as_str())).collect();
    let expected = [(0, "data 1 0"), (500, "data 1 1"), (1_000, "data 1 2")];
    assert_eq!(told[..3], expected);
    assert_eq!(told[3..], [(1_500, "close 1 1000")]);
    assert_eq!((rig.got(id), rig.io.dropped.clone()), (close_frame(1000), vec![id]));
    assert!(rig.hub().metered.is_empty());
}

/// A socket that its service closes is read to its close frame, without waiting for a token: so it
/// ends in time.
#[test]
fn a_socket_that_is_being_closed_does_not_wait() {
    let mut rig = Rig::new(limits(1, 1));
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    let bytes = [numbered(9, 0), frame(0x88, &[3, 233])].concat();
    rig.receive(id, &bytes);
    assert_eq!(rig.mail(), ["data 1 0"]);
    rig.apply(0, vec![taken(1), Outbound::Close { to: id.into(), close: lost() }]);
    assert_eq!(rig.io.resumed, [id]);
    rig.turn();
    let told = rig.mail();
    assert_eq!((told.len(), told[8].as_str()), (9, "close 1 1001"));
    assert_eq!(rig.io.dropped, [id]);
}

/// With the other policy the first message that is too many ends its socket.
#[test]
fn the_policy_close_is_1008() {
    let strict = Limits { rate_policy: RatePolicy::Close, ..limits(10, 3) };
    let mut rig = Rig::new(strict);
    let (id, other) = (rig.open("/a"), rig.open("/a"));
    rig.apply(0, vec![taken(2)]);
    rig.say(id, "x");
    rig.now = rig.now.after(100);
    rig.receive(id, &numbered(9, 0));
    assert_eq!(rig.mail(), ["data 1 x", "data 1 0", "data 1 1", "data 1 2", "close 1 1008"]);
    assert!(rig.got(id).is_empty(), "what came before is answered first");
    rig.apply(0, vec![send(id, "bye"), taken(5)]);
    let got = rig.got(id);
    assert_eq!(got[..5], *b"\x81\x03bye");
    assert_eq!(got[7..9], 1008_u16.to_be_bytes());
    let reason = std::str::from_utf8(&got[9..]).expect("a reason is text");
    assert_eq!(reason, "more messages than message-rate allows, which is 10/s burst 3");
    rig.say(other, "x");
    assert_eq!(rig.mail(), ["data 2 x"], "others have their own");
    rig.wait(Limits::SERVER.close_ms_max + Wheel::TICK_MS);
    assert_eq!(rig.io.dropped, [id]);
}

/// Another rate holds for open sockets at once, for those that wait as well.
#[test]
fn a_reload_changes_the_rate_of_open_sockets() {
    let mut rig = Rig::new(limits(1, 2));
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    rig.receive(id, &numbered(20_000, 0));
    assert_eq!(deliver(&mut rig, 3_500).len(), 5);
    let mut count = 5;
    // A part of a token is lost.
    for (rate, ms, expected) in [(Some((100, 2)), 1_000, 100), (Some((2, 2)), 1_000, 2)] {
        let message_rate = rate.map(|(per_s, burst)| Rate { per_s, burst });
        let limits = Limits { message_rate, ..Limits::SERVER };
        rig.engine.hub_mut().remount(ServiceId::new(0), mount(limits), rig.now);
        assert!(rig.hub().metered.is_empty(), "it does not wait by the old rate");
        let more = deliver(&mut rig, ms).len();
        assert_eq!(more, expected, "{rate:?}");
        count += more;
    }
    rig.engine.hub_mut().remount(ServiceId::new(0), mount(Limits::SERVER), rig.now);
    assert_eq!(count + deliver(&mut rig, 0).len(), 20_000, "none is lost");
    // A rate where there was none, and a smaller burst than what is missing.
    rig.engine.hub_mut().remount(ServiceId::new(0), mount(limits(10, 5)), rig.now);
    let next = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    rig.receive(next, &numbered(99, 0));
    assert_eq!(deliver(&mut rig, 0).len(), 5);
    rig.engine.hub_mut().remount(ServiceId::new(0), mount(limits(10, 1)), rig.now);
    let told = deliver(&mut rig, 1_000);
    assert_eq!(told.len(), 10);
    assert_eq!(told[0].0, 100);
}

/// A peer that has sent nothing costs nothing; control frames are no messages; one that goes leaves
/// no deadline behind.
#[test]
fn what_does_not_count() {
    let mut rig = Rig::new(limits(1, 1));
    let (id, silent) = (rig.open("/a"), rig.open("/a"));
    rig.receive(id, &frame(0x89, b"ping").repeat(50));
    assert!(rig.got(id).ends_with(b"\x8A\x04ping") && rig.may_read(id));
    for id in [id, silent] {
        assert!(rig.hub().sockets.get(id).is_some_and(|socket| socket.cold.is_none()));
    }
    rig.receive(id, &numbered(2, 0));
    assert_eq!(rig.hub().deadline(), Some(rig.now.after(1_000)));
    assert_eq!(rig.hub().metered.len(), 1);
    rig.fail(id);
    rig.turn();
    assert!(rig.hub().metered.is_empty() && rig.mail().len() == 2);
}

/// What an address gets that connects so often at once: a socket, a refusal, or nothing.
fn connect_from(rig: &mut Rig, ip: &str, len: usize) -> [usize; 3] {
    let mut counts = [0; 3];
    for _ in 0..len {
        let peer = SocketAddr::new(ip.parse().expect("it is one"), 1);
        let what = match rig.accept(peer, Reach::Network) {
            Some(id) => {
                rig.receive(id, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
                let answer = String::from_utf8(rig.got(id)).expect("an answer is text");
                let is_refused = answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n");
                assert_eq!(is_refused, answer.contains("\r\nRetry-After: 1\r\n"), "{answer}");
                rig.fail(id);
                rig.turn();
                usize::from(is_refused)
            }
            None => 2,
        };
        counts[what] += 1;
    }
    counts
}

#[test]
fn who_connects_too_often_is_told_and_then_dropped() {
    let mut rig = Rig::new(Limits::SERVER);
    assert_eq!(connect_from(&mut rig, "192.0.2.1", 300), [120, 16, 164]);
    assert_eq!(connect_from(&mut rig, "192.0.2.2", 1), [1, 0, 0]);
    for ip in ["2001:db8::1", "2001:db8::2"] {
        assert_eq!(connect_from(&mut rig, ip, 60), [60, 0, 0]);
    }
    assert_eq!(connect_from(&mut rig, "2001:db8::3", 20), [0, 16, 4]);
    assert_eq!(connect_from(&mut rig, "2001:db8:0:1::1", 1), [1, 0, 0]);
    for ip in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(connect_from(&mut rig, ip, 300), [300, 0, 0], "{ip}");
    }
    rig.wait(1_000);
    assert_eq!(connect_from(&mut rig, "192.0.2.1", 300), [30, 0, 270]);
    let mut rig = Rig::new(Limits { connection_rate: None, ..Limits::SERVER });
    assert_eq!(connect_from(&mut rig, "192.0.2.1", 300), [300, 0, 0]);
    assert!(rig.hub().addresses.is_empty());
}
