//! What operators do with the sockets of a service.

use super::*;
use crate::ws::Message;

/// Publishes a text at `/a`; the next turn writes it.
fn publish(rig: &mut Rig, to: Audience, text: &str) -> Option<u64> {
    let now = rig.now;
    let sent = rig.engine.hub_mut().publish("/a", to, Message::from(text), now);
    rig.turn();
    sent
}

fn close_sockets(rig: &mut Rig, to: Audience) -> Option<u64> {
    let close = Close::new(CloseCode::new(4_000).expect("it may be sent"), "");
    let now = rig.now;
    let closed = rig.engine.hub_mut().close_sockets("/a", to, &close, now);
    rig.turn();
    closed
}

fn counted(rig: &Rig) -> u64 {
    rig.hub().workers[WorkerId::new(0)].counters.messages_sent.get()
}

#[test]
fn what_is_published_reaches_the_audience() {
    let mut rig = Rig::new(Limits::SERVER);
    let [one, two, three] = [(); 3].map(|()| rig.open("/a"));
    let other = rig.open("/b");
    let topic = "t".to_owned();
    rig.apply(0, vec![taken(3), Outbound::Subscribe { id: two, topic }]);
    let frame = |text: &str| [&b"\x81\x05"[..], text.as_bytes()].concat();
    for (to, heard) in [
        (Audience::all(), vec![one, two, three]),
        (Audience::all().but(two), vec![one, three]),
        (Audience::topic("t"), vec![two]),
        (Audience::topic("t").but(two), vec![]),
        (Audience::topic("nobody"), vec![]),
        (one.into(), vec![one]),
        (Audience::from(&[one, three, other][..]), vec![one, three]),
        // Each service has its own sockets.
        (other.into(), vec![]),
    ] {
        let before = counted(&rig);
        let sent = publish(&mut rig, to.clone(), "hello");
        assert_eq!(sent, Some(heard.len() as u64), "{to:?}");
        assert_eq!(counted(&rig), before + heard.len() as u64, "{to:?}");
        for id in [one, two, three, other] {
            let expected = if heard.contains(&id) { frame("hello") } else { Vec::new() };
            assert_eq!(rig.got(id), expected, "{to:?} to {id}");
        }
    }
    assert_eq!(rig.mail(), [""; 0], "the service hears nothing of it");
}

#[test]
fn paths_without_a_service_have_no_sockets() {
    let mut rig = Rig::new(Limits::SERVER);
    let now = rig.now;
    let hub = rig.engine.hub_mut();
    for path in ["/none", "", "/a/", "/A", "a"] {
        assert_eq!(hub.publish(path, Audience::all(), Message::from("x"), now), None, "{path}");
        let close = Close::new(CloseCode::NORMAL, "");
        assert_eq!(hub.close_sockets(path, Audience::all(), &close, now), None, "{path}");
        assert_eq!(hub.message_bytes_max(path), None, "{path}");
    }
    assert_eq!(hub.message_bytes_max("/a"), Some(Limits::SERVER.message_bytes_max));
    // One that has not started has none.
    assert_eq!(publish(&mut rig, Audience::all(), "x"), Some(0));
    assert_eq!(close_sockets(&mut rig, Audience::all()), Some(0));
    assert!(rig.io.started.is_empty(), "nothing starts for it");
    let id = rig.ask("/a");
    assert_eq!(publish(&mut rig, Audience::all(), "x"), Some(0), "it waits for its service");
    rig.ready(0);
    let got = String::from_utf8(rig.got(id)).expect("a head is ASCII");
    assert!(got.starts_with("HTTP/1.1 101 ") && got.ends_with("\r\n\r\n"), "{got}");
}

#[test]
fn sockets_that_are_closing_are_not_counted() {
    let mut rig = Rig::new(Limits::SERVER);
    let [one, two, three] = [(); 3].map(|()| rig.open("/a"));
    rig.apply(0, vec![taken(3)]);
    assert_eq!(close_sockets(&mut rig, one.into()), Some(1));
    assert_eq!(rig.got(one), close_frame(4_000));
    assert_eq!(close_sockets(&mut rig, one.into()), Some(0), "it is closing");
    assert_eq!(publish(&mut rig, Audience::all(), "x"), Some(2));
    assert_eq!(publish(&mut rig, one.into(), "x"), Some(0));
    assert!(rig.got(one).is_empty());
    assert_eq!(close_sockets(&mut rig, Audience::all().but(two)), Some(1));
    assert_eq!(close_sockets(&mut rig, Audience::all()), Some(1));
    assert!(rig.got(three).ends_with(&close_frame(4_000)));
    rig.receive(one, &frame(0x88, &4_000_u16.to_be_bytes()));
    assert_eq!(close_sockets(&mut rig, Audience::all()), Some(0));
    let other = rig.open("/b");
    assert_eq!(close_sockets(&mut rig, other.into()), Some(0), "it is of another service");
    rig.say(other, "here");
    assert_eq!(rig.mail().pop().as_deref(), Some("data 4 here"));
}

/// What waits for slow peers counts as that of the service itself, and so do its bounds.
#[test]
fn slow_peers_are_closed_as_by_their_service() {
    let limits = Limits { outbox_bytes_max: 10_000, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    let (slow, quick) = (rig.open("/a"), rig.open("/a"));
    rig.apply(0, vec![taken(2)]);
    rig.io.stalled.push(slow);
    let text = "x".repeat(4_000);
    assert_eq!(publish(&mut rig, Audience::all(), &text), Some(2));
    assert_eq!(publish(&mut rig, Audience::all(), &text), Some(2));
    assert_eq!(publish(&mut rig, Audience::all(), &text), Some(1), "one outbox is full");
    assert_eq!(rig.got(quick).len(), 3 * (4 + 4_000));
    assert!(rig.mail().iter().any(|word| word.starts_with("close 1 ")));
}

/// With a budget of memory, what is published is part of it at once.
#[test]
fn what_is_published_counts_for_the_budget() {
    let mib = 1 << 20;
    let limits = Limits { held_bytes_max: 8 * mib, outbox_bytes_max: 64 * mib, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    let slow = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    rig.io.stalled.push(slow);
    for _ in 0..8 {
        assert_eq!(publish(&mut rig, Audience::all(), &"x".repeat(mib)), Some(1));
    }
    assert_eq!(rig.mail(), ["full 1", "close 1 1013"]);
    assert_eq!(publish(&mut rig, Audience::all(), "x"), Some(0), "it has been closed");
}
