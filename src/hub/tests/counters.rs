//! What is counted: the sums are what services, peers and the log see of the same events.

use std::collections::BTreeMap;
use std::time::Duration;

use super::storm::long_storm;
use super::*;
use crate::limits::Rate;
use crate::pages::{Metrics, ServiceMetrics};
use crate::ws::tests::random::Random;

/// All metrics of a rig.
pub(super) fn metrics(rig: &Rig) -> Metrics {
    let mut collection = rig.hub().begin_collecting(rig.now);
    loop {
        match rig.hub().collect(collection) {
            Ok(metrics) => return metrics,
            Err(more) => collection = more,
        }
    }
}

/// Those of the service `/a`.
fn of_a(rig: &Rig) -> ServiceMetrics {
    let all = metrics(rig).services;
    all.into_iter().find(|service| service.path == "/a").expect("it is mounted")
}

/// The closes that were counted, without the codes that none had.
fn closes(service: &ServiceMetrics) -> BTreeMap<&'static str, u64> {
    service.closes().filter(|(_, count)| *count > 0).collect()
}

/// The sum over both services.
fn sum(metrics: &Metrics, of: fn(&ServiceMetrics) -> u64) -> u64 {
    metrics.services.iter().map(of).sum()
}

/// Whatever peers and services do, and however sockets end.
#[test]
fn the_sums_over_services_are_what_services_got() {
    let limits = Limits { mail_messages_max: 8, sockets_max: 40, ..Limits::SERVER };
    let (mut opened, mut unheard, mut waits) = (0, 0, false);
    for seed in 0..20 {
        let mut rig = Rig::new(limits);
        long_storm(&mut rig, seed);
        let metrics = metrics(&rig);
        let (mut opens, mut messages, mut closed) = (0, 0, BTreeMap::<u16, u64>::new());
        for transaction in &rig.io.mail {
            match transaction {
                Inbound::Open { .. } => opens += 1,
                Inbound::Data { .. } => messages += 1,
                Inbound::Close { close, .. } => {
                    *closed.entry(close.code.number()).or_default() += 1;
                }
                _ => {}
            }
        }
        assert_eq!(sum(&metrics, |of| of.sockets_opened), opens, "seed {seed}");
        assert_eq!(sum(&metrics, |of| of.messages_received), messages, "seed {seed}");
        let all_closes = sum(&metrics, |of| of.closes().map(|(_, count)| count).sum());
        assert_eq!(all_closes + sum(&metrics, |of| of.sockets), opens, "seed {seed}");
        for code in 1000..=1015 {
            let count = closed.remove(&code).unwrap_or(0);
            let name = code.to_string();
            let of = |of: &ServiceMetrics| closes(of).remove(&*name).unwrap_or(0);
            let counted: u64 = metrics.services.iter().map(of).sum();
            // A service that has ended gets no close for its sockets.
            unheard += if code == 1012 { counted - count } else { 0 };
            assert!(counted == count || code == 1012, "seed {seed}: {code}: {counted}, {count}");
        }
        let connections = metrics.listeners[0].connections;
        assert_eq!(connections, rig.hub().sockets_len() as u64, "seed {seed}");
        let answered: u64 = metrics.responses.iter().map(|(_, count)| count).sum();
        assert!(answered >= opens, "each open socket has got a 101");
        opened += opens;
        let ids = rig.hub().sockets.ids().into_iter();
        let sockets = ids.filter_map(|id| rig.hub().sockets.get(id));
        let members = sockets.filter(|socket| socket.worker.is_some());
        let waiting = members.map(|socket| socket.session.unsent_len() as u64).sum::<u64>();
        waits |= waiting > 0;
        assert_eq!(sum(&metrics, |of| of.outbox_bytes), waiting, "seed {seed}");
    }
    assert!(opened > 500 && unheard > 0 && waits, "{opened} {unheard}: it happens");
}

/// Where no byte is lost, the sums are what went over the connections.
#[test]
fn bytes_and_messages_are_those_of_the_connections() {
    let mut rig = Rig::new(Limits::SERVER);
    let ids = [rig.ask("/a"), rig.ask("/b"), rig.ask("/a")];
    [0, 1].into_iter().for_each(|service| rig.ready(service));
    let (mut random, mut received, mut said) = (Random::new(7), 0, 0);
    for _ in 0..200 {
        let id = random.pick(&ids);
        let service = usize::from(id == ids[1]);
        match random.below(3) {
            0 => {
                let bytes = frame(0x81, b"word").repeat(1 + random.below(5));
                rig.receive(id, &bytes);
                (received, said) = (received + bytes.len() as u64, said + bytes.len() as u64 / 10);
            }
            1 => {
                let batch = vec![taken(9), send(id, "to one"), send(ids[1], "not its own")];
                rig.apply(service, batch);
            }
            _ => rig.apply(service, vec![taken(9), send(Audience::all(), "to all")]),
        }
    }
    // The rest of a long message is read to its place.
    let bytes = frame(0x82, &vec![b'x'; 300_000]);
    rig.receive(ids[1], &bytes);
    assert!(rig.is_read(ids[1]));
    (received, said) = (received + bytes.len() as u64, said + 1);
    let metrics = metrics(&rig);
    assert_eq!(sum(&metrics, |of| of.received_bytes), received);
    assert_eq!(sum(&metrics, |of| of.messages_received), said);
    let written: usize = rig.io.written.values().map(Vec::len).sum();
    assert_eq!(sum(&metrics, |of| of.sent_bytes), written as u64);
    let frames = |text: &str| {
        let has =
            |bytes: &Vec<u8>| bytes.windows(text.len()).filter(|w| *w == text.as_bytes()).count();
        rig.io.written.values().map(has).sum::<usize>() as u64
    };
    assert_eq!(
        sum(&metrics, |of| of.messages_sent),
        frames("to one") + frames("to all") + frames("not its own")
    );
    assert_eq!(metrics.responses, [(101, 3)]);
}

#[test]
fn messages_to_a_socket_that_is_being_closed_are_not_counted() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    let close = Close::new(CloseCode::new(4_321).expect("it is one"), "");
    let close = Outbound::Close { to: id.into(), close };
    rig.apply(0, vec![send(id, "before"), close, send(id, "after"), send(Audience::all(), "too")]);
    assert_eq!(of_a(&rig).messages_sent, 1);
    rig.receive(id, &frame(0x88, b"\x03\xE8"));
    assert_eq!(closes(&of_a(&rig)), [("4xxx", 1)].into(), "the code of the side that was first");
}

#[test]
fn each_close_has_its_code() {
    let mut rig = Rig::new(Limits::SERVER);
    for (bytes, code) in [
        (frame(0x88, b"\x03\xE8"), "1000"),
        (frame(0x88, b"\x0F\x9F"), "3xxx"),
        (frame(0x88, b"\x0F\xA0"), "4xxx"),
        (frame(0x88, b"\x03\xF6"), "1014"),
        (frame(0x88, b""), "1005"),
        (frame(0x83, b""), "1002"),
    ] {
        let before = of_a(&rig);
        let id = rig.open("/a");
        rig.receive(id, &bytes);
        let after = of_a(&rig);
        let changed = after.closes().zip(before.closes()).filter(|(a, b)| a != b);
        assert_eq!(changed.map(|(a, _)| a.0).collect::<Vec<_>>(), [code]);
    }
}

#[test]
fn a_slow_reader_is_counted_however_it_is_found() {
    let limits = Limits { outbox_high_bytes: 1_000, outbox_bytes_max: 10_000, ..Limits::SERVER };
    // Its outbox is full.
    let mut rig = Rig::new(limits);
    let id = rig.open("/a");
    rig.io.stalled.push(id);
    (0..30).for_each(|_| rig.apply(0, vec![send(id, &"x".repeat(400))]));
    assert_eq!((of_a(&rig).slow_closes, closes(&of_a(&rig))), (1, [("1013", 1)].into()));
    // It takes nothing for too long.
    let mut rig = Rig::new(limits);
    let id = rig.open("/a");
    rig.io.stalled.push(id);
    rig.apply(0, vec![send(id, "x")]);
    assert_eq!((of_a(&rig).outbox_bytes, metrics(&rig).memory.outbox > 0), (3, true));
    rig.wait(limits.write_ms_max + Wheel::TICK_MS);
    assert_eq!((of_a(&rig).slow_closes, closes(&of_a(&rig))), (1, [("1006", 1)].into()));
    // Others send more than it reads.
    let limits = Limits { outbox_low_bytes: 300, ..limits };
    let mut rig = Rig::new(limits);
    let (sender, id) = (rig.open("/a"), rig.open("/a"));
    rig.io.stalled.push(id);
    for _ in 0..10 {
        let message = Message::from("x".repeat(500));
        let to = Audience::all().slowing(sender);
        rig.apply(0, vec![Outbound::Send { to, message }]);
        rig.may_read(sender);
    }
    assert_eq!((of_a(&rig).paused_sockets, of_a(&rig).pauses), (1, 1), "the sender waits");
    rig.wait(2_000);
    rig.write(id);
    assert_eq!((of_a(&rig).slow_closes, closes(&of_a(&rig))), (1, [("1013", 1)].into()));
    // One that is closed for something else is not slow.
    rig.fail(sender);
    rig.turn();
    assert_eq!(of_a(&rig).slow_closes, 1);
}

#[test]
fn a_socket_that_is_not_read_is_paused() {
    let mut rig = Rig::new(Limits { mail_messages_max: 4, ..Limits::SERVER });
    let (first, second) = (rig.open("/a"), rig.open("/a"));
    rig.receive(first, &frame(0x81, b"x").repeat(9));
    assert!(!rig.may_read(first) && !rig.may_read(first) && !rig.may_read(second));
    let a = of_a(&rig);
    assert_eq!((a.paused_sockets, a.pauses, a.mail_messages), (2, 2, 4));
    assert!(a.mail_bytes > 0 && metrics(&rig).memory.mail == a.mail_bytes);
    assert!(metrics(&rig).memory.input > 0, "the rest of its read waits");
    rig.apply(0, vec![taken(4)]);
    assert!(rig.may_read(second));
    assert_eq!((of_a(&rig).paused_sockets, of_a(&rig).pauses), (0, 2));
}

/// Each counts as much as its entry in the list, up to the one that reaches the limit.
#[test]
fn short_messages_count_in_the_bytes_of_the_mail() {
    let mut rig = Rig::new(Limits::SERVER);
    let socket = rig.open("/a");
    let before = of_a(&rig).mail_bytes;
    rig.receive(socket, &frame(0x81, b"x").repeat(3));
    let more = 3 * Limits::MAIL_ITEM_BYTES;
    assert_eq!(of_a(&rig).mail_bytes, before + more as u64);
    let mail_bytes_max = usize::try_from(before).expect("it is one open") + more;
    let mut rig = Rig::new(Limits { mail_bytes_max, ..Limits::SERVER });
    let socket = rig.open("/a");
    rig.receive(socket, &frame(0x81, b"x").repeat(9));
    assert_eq!(of_a(&rig).mail_bytes, before + more as u64);
}

#[test]
fn runs_and_failures_of_a_service_are_counted() {
    let mut rig = Rig::new(Limits::SERVER);
    let service = ServiceId::new(0);
    rig.open("/a");
    assert_eq!((of_a(&rig).is_up(), of_a(&rig).starts, of_a(&rig).failures), (true, 1, 0));
    rig.end_run(service, 1);
    assert_eq!((of_a(&rig).is_up(), of_a(&rig).starts, of_a(&rig).failures), (false, 1, 1));
    rig.open("/a");
    let run = RunId { worker: rig.hub().first_of(service), number: 2 };
    let replaced = RunEnd::Replaced("its file has changed".to_owned());
    rig.engine.hub_mut().ended(run, &replaced, rig.now);
    assert_eq!((of_a(&rig).starts, of_a(&rig).failures), (2, 1), "that is no fault");
    assert_eq!(closes(&of_a(&rig)), [("1012", 2)].into());
}

#[test]
fn refusals_have_their_reasons() {
    let reason = |rig: &Rig| {
        let refused = metrics(rig).refused.into_iter().filter(|(_, count)| *count > 0);
        refused.collect::<Vec<_>>()
    };
    let peer = SocketAddr::from(([10, 0, 0, 1], 1));
    let mut rig = Rig::new(Limits { sockets_max: 1, ..Limits::SERVER });
    rig.open("/a");
    let id = rig.ask("/a");
    assert_eq!((rig.status(id), reason(&rig)), ("503".to_owned(), vec![("full", 1)]));
    (0..Limits::REFUSALS_MAX + 2).for_each(|_| _ = rig.accept(peer, Reach::Network));
    assert_eq!(reason(&rig), [("full", Limits::REFUSALS_MAX as u64 + 3)], "also without an answer");
    let mut rig = Rig::new(Limits { sockets_per_ip_max: 1, ..Limits::SERVER });
    (0..3).for_each(|_| _ = rig.accept(peer, Reach::Network));
    assert_eq!(reason(&rig), [("per_ip", 2)]);
    let rate = Some(Rate { per_s: 1, burst: 1 });
    let mut rig = Rig::new(Limits { connection_rate: rate, ..Limits::SERVER });
    (0..30).for_each(|_| _ = rig.accept(peer, Reach::Network));
    assert_eq!(reason(&rig), [("rate", 29)]);
}

/// A reason that a build cannot have would be a count of zero for ever.
#[test]
fn the_reasons_are_those_of_the_build() {
    let metrics = metrics(&Rig::new(Limits::SERVER));
    let mut reasons = vec!["full", "per_ip", "rate"];
    reasons.extend(cfg!(feature = "proxy").then_some("proxy"));
    reasons.extend(cfg!(feature = "tls").then_some("handshakes"));
    reasons.push("descriptors");
    assert_eq!(metrics.refused.iter().map(|(reason, _)| *reason).collect::<Vec<_>>(), reasons);
    assert_eq!(metrics.tls_handshakes.len(), if cfg!(feature = "tls") { 3 } else { 0 });
}

#[test]
fn lost_lines_of_the_log_are_known_to_a_function() {
    let mut rig = Rig::new(Limits::SERVER);
    assert_eq!(metrics(&rig).log_lines_dropped, None);
    rig.engine.hub_mut().count_log_lines_dropped(|| 7);
    assert_eq!(metrics(&rig).log_lines_dropped, Some(7));
}

#[cfg(feature = "proxy")]
#[test]
fn what_breaks_the_proxy_protocol_is_counted() {
    use crate::ws::{Forwarded, TrustedProxies};
    let mut rig = Rig::new(Limits::SERVER);
    let trusted: TrustedProxies = "10.0.0.0/8".parse().expect("it is a list");
    rig.engine.hub_mut().trust(Proxies { trusted, forwarded: Forwarded::XForwardedFor });
    rig.protocol = ProxyProtocol::On;
    assert_eq!(rig.accept(([11, 0, 0, 1], 1).into(), Reach::Network), None);
    let id = rig.accept(([10, 0, 0, 1], 1).into(), Reach::Network).expect("it is trusted");
    rig.engine.hub_mut().identify(id, None, rig.now);
    assert!(metrics(&rig).refused.contains(&("proxy", 2)));
}

#[test]
fn answers_are_counted_by_status() {
    let mut rig = Rig::new(Limits::SERVER);
    rig.open("/a");
    let missing = rig.ask("/nothing");
    assert_eq!(rig.status(missing), "404");
    let asked = rig.ask("/b");
    rig.apply(1, vec![Outbound::Ready(Admission::Asked)]);
    let status = Status::new(418).expect("it is in the range");
    let verdict = Verdict::Refuse(Response::text(status, "short and stout"));
    rig.apply(1, vec![Outbound::Admit { id: asked, verdict }]);
    assert_eq!(rig.status(asked), "418");
    let metrics = metrics(&rig);
    assert_eq!((metrics.responses, metrics.other_responses), (vec![(101, 1), (404, 1)], 1));
}

#[test]
fn the_time_from_a_ping_to_the_pong_is_counted_once() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    rig.say(id, "before any ping");
    rig.wait(Limits::SERVER.ping_interval_ms + Wheel::TICK_MS);
    assert_eq!(rig.got(id), b"\x89\x04ping");
    rig.now = rig.now.after(40);
    rig.receive(id, &frame(0x8A, b"ping"));
    rig.say(id, "after it");
    let pings = metrics(&rig).pings;
    assert_eq!((pings.count, pings.sum), (1, Duration::from_millis(40)));
    let counts: Vec<_> = pings.buckets.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [0, 1, 1, 1, 1]);
}

#[test]
fn turns_are_counted_in_buckets() {
    let mut rig = Rig::new(Limits::SERVER);
    for us in [0, 100, 101, 1_000, 4_000, 30_000, 600_000] {
        rig.engine.hub_mut().count_turn(Duration::from_micros(us));
    }
    let turns = metrics(&rig).turns;
    let bounds: Vec<_> = turns.buckets.iter().map(|(bound, _)| bound.as_micros()).collect();
    let counts: Vec<_> = turns.buckets.iter().map(|(_, count)| *count).collect();
    assert_eq!(bounds, [100, 1_000, 5_000, 25_000, 100_000, 500_000]);
    assert_eq!((counts, turns.count), (vec![2, 4, 5, 5, 6, 6], 7));
    assert_eq!(turns.sum, Duration::from_micros(635_201));
}

/// Each listener has its own connections, also when places are used again.
#[test]
fn connections_are_those_of_their_listeners() {
    let mut rig = Rig::new(Limits::SERVER);
    let (mut random, mut ids) = (Random::new(3), Vec::new());
    let mut model = [0_u64, 0, 0];
    for _ in 0..2_000 {
        let listener = random.below(3);
        if ids.len() < 20 || listener == 0 {
            let hub = rig.engine.hub_mut();
            hub.accept_from(listener, |index| format!("listener {index}"));
            let id = hub.accept(Some(rig.peer), ListenerTraits::plain(Reach::Network), rig.now);
            ids.push((id.expect("there is space"), listener));
            model[listener] += 1;
        } else {
            let (id, of) = ids.swap_remove(random.below(ids.len()));
            rig.remove(id);
            model[of] -= 1;
        }
        let open = metrics(&rig).listeners.into_iter().map(|of| of.connections);
        let open: Vec<_> = open.collect();
        assert_eq!(open, model[..open.len()]);
    }
    assert!(model.iter().all(|open| *open > 0), "{model:?}");
}

#[test]
fn topics_and_subscriptions_are_counted() {
    let mut rig = Rig::new(Limits::SERVER);
    let ids = [rig.open("/a"), rig.open("/a")];
    let subscribe = |id, topic: &str| Outbound::Subscribe { id, topic: topic.to_owned() };
    rig.apply(0, vec![subscribe(ids[0], "x"), subscribe(ids[0], "x"), subscribe(ids[0], "y")]);
    rig.apply(0, vec![subscribe(ids[1], "x")]);
    assert_eq!((of_a(&rig).topics, of_a(&rig).subscriptions), (2, 3));
    rig.fail(ids[0]);
    rig.turn();
    assert_eq!((of_a(&rig).topics, of_a(&rig).subscriptions), (1, 1));
    rig.apply(0, vec![Outbound::Unsubscribe { id: ids[1], topic: "x".to_owned() }]);
    assert_eq!((of_a(&rig).topics, of_a(&rig).subscriptions), (0, 0));
}

/// What sockets hold is added up in steps, and each socket is in one of them.
#[test]
fn many_sockets_are_looked_at_in_steps() {
    let mut rig = Rig::new(Limits { sockets_max: 20_000, ..Limits::SERVER });
    let ids: Vec<_> = (0..20_000).map(|_| rig.connect()).collect();
    for &id in ids.iter().step_by(1_000) {
        rig.io.stalled.push(id);
        rig.engine.hub_mut().respond(id, &Response::text(Status::OK, "x"), rig.now);
    }
    let (mut collection, mut steps) = (rig.hub().begin_collecting(rig.now), 0);
    let metrics = loop {
        steps += 1;
        match rig.hub().collect(collection) {
            Ok(metrics) => break metrics,
            Err(more) => collection = more,
        }
    };
    assert_eq!(steps, 3);
    let one = rig.hub().sockets.get(ids[0]).map_or(0, |socket| socket.session.held_bytes().0);
    assert_eq!(metrics.memory.outbox, 20 * one as u64);
}
