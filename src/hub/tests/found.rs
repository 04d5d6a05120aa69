//! What the simulation and reviews have found, each as a row of its own.

use super::*;

/// A service that sends and takes no mail does not get a notice each time an outbox fills and
/// drains: its mail would grow without a limit.
#[test]
fn full_mail_takes_no_word_of_full_outboxes() {
    let limits = Limits {
        outbox_low_bytes: 10,
        outbox_high_bytes: 20,
        mail_messages_max: 4,
        ..Limits::SERVER
    };
    let mut rig = Rig::new(limits);
    let id = rig.open("/a");
    for _ in 0..100 {
        rig.io.stalled.push(id);
        rig.apply(0, vec![send(id, &"x".repeat(30))]);
        rig.io.stalled.clear();
        rig.write(id);
    }
    let told = rig.mail();
    assert_eq!(told, ["full 1", "drained 1", "full 1", "drained 1"], "the open is the first of 4");
}

/// A socket that is admitted while the mail is full opens when there is capacity, with all that it
/// has sent.
#[test]
fn an_admitted_socket_waits_for_capacity_in_the_mail() {
    let mut rig = Rig::new(Limits { mail_messages_max: 4, ..Limits::SERVER });
    let ids = [rig.ask("/a"), rig.ask("/a")];
    rig.apply(0, vec![Outbound::Ready(Admission::Asked)]);
    rig.say(ids[1], "early");
    let admit = |id| Outbound::Admit { id, verdict: Verdict::AcceptProtocol("y".into()) };
    rig.apply(0, vec![admit(ids[0])]);
    rig.receive(ids[0], &frame(0x81, b"x").repeat(2));
    rig.apply(0, vec![admit(ids[1])]);
    assert_eq!(rig.mail(), ["ask 1", "ask 2", "open 1", "data 1 x"]);
    rig.apply(0, vec![taken(4)]);
    assert_eq!(rig.mail(), ["open 2", "data 2 early"]);
    assert!(rig.may_read(ids[0]));
    rig.turn();
    assert_eq!(rig.mail(), ["data 1 x"]);
    let answer = String::from_utf8(rig.got(ids[1])).expect("an answer is text");
    assert!(answer.contains("Sec-WebSocket-Protocol: y\r\n"), "{answer}");
}

/// A clean stop waits for a file that has been asked for, as for any answer.
#[test]
fn a_clean_stop_lets_files_be_answered() {
    let mut hub = Hub::new(Limits::SERVER, FilePolicy::Served, Time::ZERO);
    let id = hub
        .accept(Some(([127, 0, 0, 1], 1).into()), ListenerTraits::plain(Reach::Network), Time::ZERO)
        .expect("there is space");
    hub.receive(id, &mut b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), Time::ZERO);
    hub.drain(Time::ZERO);
    let is_fetch = |output: Output| matches!(output, Output::Fetch(_));
    assert!(std::iter::from_fn(|| hub.poll()).any(is_fetch));
    hub.respond(id, &Response::text(Status::OK, "file"), Time::ZERO);
    let answer: Vec<u8> = hub.unsent(id).flatten().copied().collect();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

/// An answer to a ping makes the next deadline an earlier one, where pings are close and answers
/// have time.
#[test]
fn a_pong_brings_the_next_ping_closer() {
    let limits = Limits { ping_interval_ms: 1_000, pong_ms_max: 20_000, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    let id = rig.open("/a");
    for _ in 0..3 {
        rig.wait(1_000 + Wheel::TICK_MS);
        assert_eq!(rig.got(id), b"\x89\x04ping");
        rig.receive(id, &frame(0x8A, b""));
    }
}

/// A socket that was read on before the service had taken its share is not closed by that share:
/// its close frame waits for what came after it, too.
#[test]
fn a_share_that_was_waited_for_closes_nobody() {
    let limits = Limits {
        message_bytes_max: 20_000,
        outbox_low_bytes: 1_000,
        outbox_high_bytes: 15_000,
        outbox_bytes_max: 20_000,
        ..Limits::SERVER
    };
    let mut rig = Rig::new(limits);
    let id = rig.open("/a");
    rig.io.stalled.push(id);
    rig.apply(0, vec![taken(1), send(id, &"x".repeat(9_000))]);
    rig.say(id, "one");
    assert!(!rig.may_read(id), "its answer might fill the outbox");
    rig.engine.hub_mut().wrote(id, 5_000, rig.now);
    rig.apply(0, vec![Outbound::Pause { id }, Outbound::Resume { id }]);
    assert!(rig.may_read(id));
    rig.say(id, "two");
    rig.receive(id, &frame(0x88, &[3, 232]));
    rig.io.stalled.clear();
    rig.apply(0, vec![taken(1)]);
    rig.write(id);
    assert!(!rig.got(id).ends_with(&close_frame(1000)), "the second is not answered");
    rig.apply(0, vec![taken(1)]);
    assert_eq!(rig.got(id), close_frame(1000));
}
