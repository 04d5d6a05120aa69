//! Nothing is left when all sockets have gone, and a stale id has no effect.

use super::*;
use crate::limits::Rate;
use crate::ws::tests::random::Random;

/// Peers of all kinds come, do one thing or another, and go: by themselves, by a fault, lost, by a
/// deadline, by their service, with its end. The seed decides.
pub(super) fn storm(rig: &mut Rig, random: &mut Random, sockets: &mut Vec<SocketId>) {
    let roll = random.below(1 << 24);
    let path = if roll.is_multiple_of(2) { "/a" } else { "/b" };
    let id = match sockets.len() {
        0 => rig.ask(path),
        len => sockets.swap_remove(roll / 32 % len),
    };
    let service = usize::from(path == "/b");
    let now = rig.now;
    match roll / 2 % 16 {
        0 => rig.receive_late(id, b"GET / HTTP/1.1\r\n"),
        1 => rig.engine.hub_mut().end(id, now),
        2 => rig.fail(id),
        3 => rig.receive_late(id, b"\x83"),
        4 => rig.receive_late(id, &frame(0x88, b"\x03\xE8")),
        5 => rig.apply(service, vec![Outbound::Close { to: id.into(), close: lost() }]),
        6 => rig.wait(roll as u64 % 3_000),
        7 => rig.engine.hub_mut().peer_leaves(id, now),
        8 if roll.is_multiple_of(7) => {
            let run = rig.hub().workers[WorkerId::new(service)].run;
            rig.end_run(ServiceId::new(service), run);
        }
        9 => rig.io.stalled.push(id),
        10 => {
            let topic = format!("topic {}", roll % 5);
            rig.apply(service, vec![Outbound::Subscribe { id, topic }]);
        }
        11 => rig.ready(service),
        12 => {
            let to = Audience::topic("topic 1").slowing(id);
            rig.apply(service, vec![taken(roll % 4), send(to, &"x".repeat(40_000))]);
        }
        13 => sockets.push(rig.ask(path)),
        14 => sockets.push(rig.connect()),
        _ => rig.say(id, "word"),
    }
    if !roll.is_multiple_of(3) {
        sockets.push(id);
    }
    rig.turn();
}

/// A thousand steps of a storm. All sockets go whenever there are many.
pub(super) fn long_storm(rig: &mut Rig, seed: u64) {
    let (mut random, mut sockets) = (Random::new(seed), Vec::new());
    for _ in 0..1_000 {
        storm(rig, &mut random, &mut sockets);
        if rig.hub().sockets_len() > 40 {
            sockets.clear();
            rig.engine.hub_mut().drop_all(rig.now);
            rig.turn();
        }
    }
}

#[test]
fn a_storm_leaves_nothing_behind() {
    let rate = Rate { per_s: 3, burst: 2 };
    let limits = Limits {
        mail_messages_max: 8,
        sockets_max: 40,
        message_rate: Some(rate),
        ..Limits::SERVER
    };
    for seed in 0..50 {
        let mut rig = Rig::new(limits);
        long_storm(&mut rig, seed);
        rig.engine.hub_mut().drop_all(rig.now);
        rig.turn();
        let hub = rig.hub();
        assert_eq!(hub.sockets_len(), 0, "seed {seed}");
        assert_eq!(hub.deadline(), None, "seed {seed}");
        assert!(hub.wheel.is_empty() && hub.metered.is_empty(), "seed {seed}");
        assert_eq!((hub.surplus_len, hub.addresses.is_empty()), (0, true), "seed {seed}");
        for service in &[0, 1].map(ServiceId::new) {
            let service = &hub.services[*service];
            assert!(service.topics.is_empty(), "seed {seed}: {:?}", service.topics);
            assert!(service.pace.is_empty(), "seed {seed}: {:?}", service.pace);
        }
        for worker in hub.workers.iter() {
            assert!(worker.waiting.is_empty(), "seed {seed}: {:?}", worker.waiting);
            assert!(worker.members.is_empty(), "seed {seed}: {:?}", worker.members);
        }
        // Mail that a service has not taken, and sockets that wait for that, go when it has taken
        // it.
        for service in 0..2 {
            let all = Outbound::Taken { messages: usize::MAX, bytes: usize::MAX };
            rig.apply(service, vec![all]);
            let worker = &rig.hub().workers[WorkerId::new(service)];
            assert!(worker.mail.is_empty() && worker.held.is_empty(), "seed {seed}");
        }
    }
}

/// The mail of each run is numbered from 1, so that a number of the last run must not stand in
/// for one of this.
#[test]
fn who_is_left_of_the_last_run_delays_nobody() {
    let mut rig = Rig::new(Limits::SERVER);
    let old = rig.open("/a");
    rig.say(old, "one");
    rig.end_run(ServiceId::new(0), 1);
    let new = rig.open("/a");
    rig.say(new, "one");
    rig.got(new);
    rig.receive(new, &frame(0x88, b"\x03\xE8"));
    assert_eq!(rig.got(new), b"", "its word has not been taken");
    rig.receive(old, &frame(0x88, b"\x03\xF4"));
    rig.apply(0, vec![taken(2)]);
    assert_eq!(rig.got(new), close_frame(1000));
}

/// What is done with the id of a socket that has gone.
type Way = fn(&mut Rig, SocketId);

/// Whatever is still under way for a socket that has gone, in the list of those to be read, in a
/// batch of a service, in an answer from files: it does not reach the socket that has its place
/// now.
#[test]
fn a_stale_id_reaches_nobody() {
    let mut rig = Rig::new(Limits::SERVER);
    let gone = rig.open("/a");
    rig.apply(0, vec![Outbound::Subscribe { id: gone, topic: "t".into() }]);
    rig.fail(gone);
    rig.turn();
    rig.mail();
    let ways: [(&str, Way); 10] = [
        ("bytes", |rig, gone| rig.receive_late(gone, &frame(0x81, b"word"))),
        ("a fault", |rig, gone| rig.receive_late(gone, b"\x83")),
        ("an end", |rig, gone| rig.engine.hub_mut().end(gone, rig.now)),
        ("an end while it is paused", |rig, gone| rig.engine.hub_mut().peer_leaves(gone, rig.now)),
        ("a loss", |rig, gone| rig.fail(gone)),
        ("a write", |rig, gone| {
            assert_eq!(rig.engine.hub_mut().wrote(gone, 5, rig.now), Next::Keep);
            assert!(!rig.may_read(gone));
            assert_eq!((rig.hub().unsent_len(gone), rig.hub().unsent(gone).count()), (0, 0));
        }),
        ("a removal", |rig, gone| rig.remove(gone)),
        ("an answer", |rig, gone| {
            let response = Response::text(Status::NOT_FOUND, "x");
            rig.engine.hub_mut().respond(gone, &response, rig.now);
            rig.engine.hub_mut().respond_head(gone, &response, rig.now);
            rig.engine.hub_mut().respond_body(gone, vec![b'x'], rig.now);
            rig.engine.hub_mut().respond_body(gone, Vec::new(), rig.now);
        }),
        ("words of its service", |rig, gone| {
            let close = Close::new(CloseCode::NORMAL, "");
            rig.apply(
                0,
                vec![
                    send(gone, "x"),
                    send(Audience::topic("t"), "x"),
                    Outbound::Subscribe { id: gone, topic: "t".into() },
                    Outbound::Admit { id: gone, verdict: Verdict::Accept },
                    Outbound::Close { to: gone.into(), close },
                ],
            );
        }),
        ("a topic that it was given", |rig, _| {
            rig.apply(0, vec![send(Audience::topic("t"), "x")]);
        }),
    ];
    for (name, way) in ways {
        let heir = rig.open("/a");
        assert_eq!(heir.index(), gone.index(), "it has the same place");
        way(&mut rig, gone);
        rig.turn();
        assert_eq!(rig.mail(), [""; 0], "{name}");
        assert_eq!(rig.got(heir), b"", "{name}");
        assert!(rig.may_read(heir), "{name}");
        rig.say(heir, "still me");
        assert_eq!(rig.mail(), [format!("data {} still me", heir.serial())], "{name}");
        rig.fail(heir);
        rig.turn();
        assert_eq!(rig.mail(), [format!("close {} 1006", heir.serial())], "{name}");
    }
}
