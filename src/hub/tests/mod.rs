//! The hub without a host. Its tests run whole turns of an engine (`rig`), except where they call
//! the hub alone.

mod answers;
#[cfg(feature = "processes")]
mod backplane;
#[cfg(feature = "admin")]
mod counters;
#[cfg(feature = "deflate")]
mod deflate;
mod eager;
mod files;
mod found;
mod hosts;
#[cfg(feature = "proxy")]
mod identity;
mod lookup;
mod memory;
#[cfg(feature = "admin")]
mod operate;
mod pace;
mod rate;
mod reading;
mod reset;
mod rig;
mod shares;
#[cfg(feature = "admin")]
mod status;
mod storm;
#[cfg(feature = "tls")]
mod tls;
mod trim;
mod warnings;
#[cfg(feature = "workers")]
mod workers;

use std::net::SocketAddr;

use super::*;
use crate::service::{Admission, Audience, Outbound, Verdict};
use crate::session::tests::frame;
use crate::ws::{Close, CloseCode, Message, Response, Status};
use rig::Rig;

fn mount(limits: Limits) -> ServiceOptions {
    ServiceOptions::new(limits)
}

fn send(to: impl Into<Audience>, text: &str) -> Outbound {
    Outbound::Send { to: to.into(), message: Message::from(text) }
}

fn taken(messages: usize) -> Outbound {
    Outbound::Taken { messages, bytes: 0 }
}

fn close_frame(code: u16) -> Vec<u8> {
    [&[0x88, 0x02][..], &code.to_be_bytes()].concat()
}

#[test]
fn a_life() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.ask("/a");
    assert_eq!(rig.io.started, [(ServiceId::new(0), 1)]);
    assert!(rig.got(id).is_empty(), "the service is not ready");
    rig.ready(0);
    assert!(rig.got(id).starts_with(b"HTTP/1.1 101 "));
    rig.say(id, "hello");
    assert_eq!(rig.mail(), ["open 1", "data 1 hello"]);
    rig.apply(0, vec![send(id, "hi"), taken(2)]);
    assert_eq!(rig.got(id), b"\x81\x02hi");
    rig.receive(id, &frame(0x88, &1000_u16.to_be_bytes()));
    assert_eq!(rig.mail(), ["close 1 1000"]);
    assert_eq!(rig.got(id), close_frame(1000));
    assert_eq!((rig.io.dropped.clone(), rig.hub().sockets_len()), (vec![id], 0));
    assert!(rig.hub().wheel.is_empty(), "no deadline is left");
    assert_eq!(
        rig.engine.hub_mut().wrote(id, 0, rig.now),
        Next::Keep,
        "another may be in its place"
    );
    rig.apply(0, vec![send(id, "late"), Outbound::Close { to: id.into(), close: lost() }]);
    assert!(rig.got(id).is_empty() && rig.mail().is_empty());
}

fn lost() -> Close {
    Close::new(CloseCode::GOING_AWAY, "")
}

#[test]
fn early_frames_come_after_the_open() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.ask("/a");
    rig.say(id, "early");
    assert!(!rig.may_read(id), "one read behind the head is enough");
    rig.ready(0);
    assert_eq!(rig.mail(), ["open 1", "data 1 early"]);
    assert_eq!(rig.io.resumed, [id]);
    assert!(rig.may_read(id));
}

#[test]
fn answers_go_out_before_the_close_frame() {
    for (bytes, code) in [(frame(0x88, &[3, 232]), 1000), (frame(0x83, b""), 1002)] {
        let mut rig = Rig::new(Limits::SERVER);
        let id = rig.open("/a");
        rig.receive(id, &[frame(0x81, b"last"), bytes].concat());
        assert_eq!(rig.mail(), ["data 1 last".to_owned(), format!("close 1 {code}")]);
        assert!(rig.got(id).is_empty(), "the service has not answered");
        rig.apply(0, vec![send(id, "bye"), taken(2)]);
        let got = rig.got(id);
        assert!(got.starts_with(b"\x81\x03bye\x88"), "{got:?}");
        rig.apply(0, vec![send(id, "too late")]);
        assert!(rig.got(id).is_empty());
    }
}

#[test]
fn a_close_frame_does_not_wait_for_ever() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    rig.receive(id, &[frame(0x81, b"last"), frame(0x88, &[3, 232])].concat());
    rig.wait(Limits::SERVER.close_ms_max - 1);
    assert!(rig.got(id).is_empty());
    rig.wait(1 + Wheel::TICK_MS);
    assert_eq!(rig.got(id), close_frame(1000));
    assert_eq!(rig.io.dropped, [id]);
}

#[test]
fn services_reach_their_own_sockets_only() {
    let mut rig = Rig::new(Limits::SERVER);
    let (a, b) = (rig.open("/a"), rig.open("/b"));
    let wishes = |to: Audience| vec![send(to.clone(), "x"), Outbound::Close { to, close: lost() }];
    rig.apply(0, wishes(b.into()));
    rig.apply(0, wishes(vec![b].into()));
    rig.apply(0, vec![Outbound::Subscribe { id: b, topic: "t".into() }]);
    rig.apply(0, wishes(Audience::topic("t")));
    rig.apply(0, vec![Outbound::Admit { id: b, verdict: Verdict::Accept }]);
    assert!(rig.got(b).is_empty());
    rig.apply(0, vec![send(Audience::all(), "x")]);
    assert_eq!((rig.got(a), rig.got(b)), (b"\x81\x01x".to_vec(), Vec::new()));
}

#[test]
fn audiences() {
    let mut rig = Rig::new(Limits::SERVER);
    let ids: Vec<_> = (0..4).map(|_| rig.open("/a")).collect();
    for &id in &ids[1..] {
        rig.apply(0, vec![Outbound::Subscribe { id, topic: "t".into() }]);
    }
    rig.apply(0, vec![Outbound::Unsubscribe { id: ids[3], topic: "t".into() }]);
    let rows = [
        (Audience::from(ids[0]), vec![0]),
        (Audience::from(ids[0]).but(ids[0]), vec![]),
        (Audience::from(&ids[1..3]), vec![1, 2]),
        (Audience::all(), vec![0, 1, 2, 3]),
        (Audience::all().but(ids[2]), vec![0, 1, 3]),
        (Audience::topic("t"), vec![1, 2]),
        (Audience::topic("t").but(ids[1]), vec![2]),
        (Audience::topic("none"), vec![]),
    ];
    for (audience, expected) in rows {
        rig.apply(0, vec![send(audience.clone(), "x")]);
        let mut got: Vec<usize> = Vec::new();
        for (place, &id) in ids.iter().enumerate() {
            got.extend(std::iter::repeat_n(place, rig.got(id).len() / 3));
        }
        assert_eq!(got, expected, "{audience:?}");
    }
}

#[test]
fn deliveries_of_a_turn_are_bounded() {
    let mut rig = Rig::new(Limits::SERVER);
    let ids: Vec<_> = (0..10).map(|_| rig.open("/a")).collect();
    let run = RunId { worker: WorkerId::new(0), number: 1 };
    let mut batch = vec![send(Audience::all(), "x"); 100].into_iter();
    let left = rig.engine.hub_mut().apply(run, &mut batch, 25, rig.now);
    rig.turn();
    assert_eq!((left, batch.len()), (0, 97), "the third message is past the bound");
    assert!(ids.iter().all(|&id| rig.got(id).len() == 3 * 3), "all get the same");
}

#[test]
fn outboxes_tell_their_marks_and_their_end() {
    let limits = Limits {
        outbox_low_bytes: 10,
        outbox_high_bytes: 20,
        outbox_bytes_max: 60,
        message_bytes_max: 60,
        ..Limits::SERVER
    };
    let mut rig = Rig::new(limits);
    let (slow, other) = (rig.open("/a"), rig.open("/a"));
    rig.io.stalled.push(slow);
    rig.apply(0, vec![send(slow, &"x".repeat(18))]);
    assert!(rig.mail().is_empty());
    rig.apply(0, vec![send(slow, "x")]);
    assert_eq!(rig.mail(), ["full 1"]);
    rig.io.stalled.clear();
    rig.write(slow);
    assert_eq!(rig.mail(), ["drained 1"]);
    rig.io.stalled.push(slow);
    rig.got(slow);
    for _ in 0..8 {
        rig.apply(0, vec![send(Audience::all(), "123456789")]);
    }
    assert_eq!(rig.mail(), ["full 1", "close 1 1013"]);
    assert_eq!(rig.got(other).len(), 8 * 11, "others get everything");
    rig.io.stalled.clear();
    rig.write(slow);
    let got = rig.got(slow);
    assert_eq!(got[..5 * 11], b"\x81\x09123456789".repeat(5), "what was queued still leaves");
    assert_eq!(got[5 * 11], 0x88);
}

#[test]
fn a_service_that_ends_takes_only_its_own_sockets_along() {
    let mut rig = Rig::new(Limits::SERVER);
    let (a, b) = (rig.open("/a"), rig.open("/b"));
    rig.receive(a, &[frame(0x81, b"x"), frame(0x88, &[3, 232])].concat());
    let other = rig.open("/a");
    rig.end_run(ServiceId::new(0), 1);
    assert_eq!(rig.got(a), close_frame(1000), "its close frame waits for nobody");
    assert_eq!(rig.got(other)[..4], [0x88, 23, 0x03, 0xF4]);
    assert!(rig.got(b).is_empty());
    assert!(rig.hub().workers[WorkerId::new(0)].mail.batch.is_empty());
    let late = vec![send(Audience::all(), "x")];
    // What the old run sends late is ignored, and the next socket starts a new one.
    rig.apply_of(ServiceId::new(0), 1, late.clone());
    let next = rig.open("/a");
    assert_eq!(rig.io.started.last(), Some(&(ServiceId::new(0), 2)));
    rig.apply_of(ServiceId::new(0), 1, late);
    assert!(rig.got(next).is_empty());
    // The old sockets' ends are no news to the new run.
    rig.receive(other, &frame(0x88, &[3, 244]));
    assert!(rig.mail().is_empty());
}

#[test]
fn failing_services_pause_longer_and_longer() {
    let mut rig = Rig::new(Limits::SERVER);
    let mut pauses = Vec::new();
    for run in 1..=4 {
        let id = rig.ask("/a");
        assert_eq!(rig.io.started.len(), run, "it is started");
        rig.end_run(ServiceId::new(0), u32::try_from(run).expect("few"));
        assert_eq!(rig.status(id), "500");
        let mut pause = 0;
        loop {
            let id = rig.connect();
            let head = "GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
                        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
            rig.receive(id, head.as_bytes());
            let retry = rig.hub().workers[WorkerId::new(0)].retry;
            if retry <= rig.now {
                break rig.fail(id);
            }
            rig.receive(id, b"\r\n\r\n");
            let answer = String::from_utf8(rig.got(id)).expect("an answer is text");
            assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: "));
            pause += 500;
            rig.wait(500);
        }
        pauses.push(pause);
        rig.turn();
    }
    assert_eq!(pauses, [0, 1_000, 2_000, 4_000]);
}

#[test]
fn services_that_are_asked_decide() {
    let mut rig = Rig::new(Limits::SERVER);
    let ids = [rig.ask("/a"), rig.ask("/a"), rig.ask("/a")];
    rig.apply(0, vec![Outbound::Ready(Admission::Asked)]);
    assert_eq!(rig.mail(), ["ask 1", "ask 2", "ask 3"]);
    let refusal = Response::text(Status::FORBIDDEN, "no");
    let verdicts = [Verdict::AcceptProtocol("y".into()), Verdict::Refuse(refusal)];
    let admit = |(id, verdict)| Outbound::Admit { id, verdict };
    rig.apply(0, ids.into_iter().zip(verdicts).map(admit).collect());
    let answer = String::from_utf8(rig.got(ids[0])).expect("an answer is text");
    assert!(answer.contains("Sec-WebSocket-Protocol: y\r\n"), "{answer}");
    assert_eq!(rig.status(ids[1]), "403");
    assert_eq!(rig.mail(), ["open 1"]);
    rig.wait(Limits::SERVER.admission_ms_max + Wheel::TICK_MS);
    assert_eq!(rig.status(ids[2]), "503");
    rig.apply(0, vec![Outbound::Admit { id: ids[2], verdict: Verdict::Accept }]);
    assert!(rig.mail().is_empty() && rig.got(ids[2]).is_empty());
}

/// A service that begins something for each socket hears of the end of what it has begun.
#[test]
fn who_goes_while_it_is_asked_about_is_closed() {
    let mut rig = Rig::new(Limits::SERVER);
    let [lost, refused, late] = [rig.ask("/a"), rig.ask("/a"), rig.ask("/a")];
    rig.apply(0, vec![Outbound::Ready(Admission::AskedAndClosed)]);
    assert_eq!(rig.mail(), ["ask 1", "ask 2", "ask 3"]);
    rig.fail(lost);
    rig.turn();
    assert_eq!(rig.mail(), ["close 1 1006"]);
    let verdict = Verdict::Refuse(Response::text(Status::FORBIDDEN, "no"));
    rig.apply(0, vec![Outbound::Admit { id: refused, verdict }]);
    assert!(rig.mail().is_empty(), "it has said so itself");
    rig.wait(Limits::SERVER.admission_ms_max + Wheel::TICK_MS);
    assert_eq!(rig.mail(), ["close 3 1006"]);
    assert_eq!(rig.status(late), "503");
}

/// The same if the hub answers it, also if it has been accepted and waits for capacity in the mail.
#[test]
fn who_is_refused_while_it_is_asked_about_is_closed() {
    let mut rig = Rig::new(Limits { mail_messages_max: 2, ..Limits::SERVER });
    let ids = [rig.ask("/a"), rig.ask("/a"), rig.ask("/a")];
    rig.apply(0, vec![Outbound::Ready(Admission::AskedAndClosed)]);
    assert_eq!(rig.mail(), ["ask 1", "ask 2"]);
    rig.apply(0, vec![Outbound::Admit { id: ids[0], verdict: Verdict::Accept }]);
    assert!(rig.got(ids[0]).is_empty(), "the mail is full");
    rig.stop();
    assert_eq!(ids.map(|id| rig.status(id)), ["503"; 3]);
    assert_eq!(rig.mail(), ["close 1 1006", "close 2 1006"]);
}

#[test]
fn listed_subprotocols_are_agreed() {
    for (listed, agreed) in [(vec!["z", "y", "x"], Some("y")), (vec!["z"], None)] {
        let mut rig = Rig::new(Limits::SERVER);
        let id = rig.ask("/a");
        let protocols = listed.into_iter().map(str::to_owned).collect();
        rig.apply(0, vec![Outbound::Ready(Admission::Everyone { protocols })]);
        let answer = String::from_utf8(rig.got(id)).expect("an answer is text");
        let line = answer.lines().find_map(|l| l.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!(line, agreed);
    }
}

#[test]
fn too_many_sockets_are_told_so() {
    let mut rig = Rig::new(Limits { sockets_max: 2, sockets_per_ip_max: 3, ..Limits::SERVER });
    let (first, _second) = (rig.open("/a"), rig.open("/a"));
    let third = rig.ask("/a");
    assert_eq!(rig.status(third), "503");
    for _ in 1..Limits::REFUSALS_MAX {
        rig.connect();
    }
    assert_eq!(rig.accept(([127, 0, 0, 1], 1).into(), Reach::Network), None);
    rig.fail(first);
    rig.fail(third);
    rig.turn();
    assert!(rig.open("/a").serial() > 3, "there is space again");

    let mut rig = Rig::new(Limits { sockets_per_ip_max: 1, ..Limits::SERVER });
    for (ip, expected) in [
        ("10.0.0.1", false),
        ("10.0.0.1", true),
        ("10.0.0.2", false),
        ("2001:db8:0:1::1", false),
        ("2001:db8:0:1:8000::2", true),
        ("2001:db8:0:2::1", false),
        ("::ffff:10.0.0.2", true),
        ("::1", false),
        ("::1", false),
    ] {
        let peer = SocketAddr::new(ip.parse().expect("it is one"), 1);
        let id = rig.accept(peer, Reach::Network).expect("there is space");
        assert_eq!(
            rig.hub().sockets.get(id).map(|socket| socket.flags.has(SocketFlag::Surplus)),
            Some(expected),
            "{ip}"
        );
    }
}

#[test]
fn a_clean_stop_is_spread_and_ends() {
    let mut rig = Rig::new(Limits { drain_spread_ms: 1_000, ..Limits::SERVER });
    let ids: Vec<_> = (0..1_000).map(|_| rig.open("/a")).collect();
    let mute = rig.connect();
    rig.stop();
    let closed =
        |rig: &Rig| ids.iter().filter(|id| rig.io.written.contains_key(&id.serial())).count();
    assert_eq!(closed(&rig), 101, "a tenth at a time");
    for _ in 0..9 {
        rig.wait(100);
    }
    assert_eq!(closed(&rig), 1_000);
    for &id in &ids[1..] {
        assert_eq!(rig.got(id)[2..4], 1001_u16.to_be_bytes());
        rig.receive(id, &frame(0x88, &1001_u16.to_be_bytes()));
    }
    rig.wait(100);
    assert!(rig.io.dropped.contains(&mute) && !rig.hub().is_drained(), "one does not answer");
    rig.wait(Limits::SERVER.close_ms_max + Wheel::TICK_MS);
    assert!(rig.hub().is_drained());
    assert_eq!(rig.mail().iter().filter(|word| word.starts_with("close ")).count(), 1_000);
    assert_eq!(rig.io.stopped, [WorkerId::new(0)]);
}

#[test]
fn a_clean_stop_reaches_the_last_place_of_the_table() {
    let mut rig = Rig::new(Limits::SERVER);
    let ids: Vec<_> = (0..1_000).map(|_| rig.open("/a")).collect();
    for &id in &ids[..999] {
        rig.fail(id);
    }
    rig.turn();
    rig.stop();
    assert_eq!(rig.got(ids[999])[2..4], 1001_u16.to_be_bytes());
}

#[test]
fn close_frames_wait_for_their_own_messages_only() {
    let mut rig = Rig::new(Limits::SERVER);
    let (early, late) = (rig.open("/a"), rig.open("/a"));
    rig.apply(0, vec![taken(2)]);
    rig.say(early, "1");
    rig.say(late, "2");
    rig.receive(late, &frame(0x88, &[3, 232]));
    rig.receive(early, &frame(0x88, &[3, 232]));
    rig.apply(0, vec![taken(1)]);
    assert_eq!((rig.got(early), rig.got(late)), (close_frame(1000), Vec::new()));
    rig.apply(0, vec![taken(1)]);
    assert_eq!(rig.got(late), close_frame(1000));
}
