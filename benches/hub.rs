//! Transactions through the engine without sockets: what a turn of the loop costs beside its system
//! calls and the way to the worker and back. A thousand sockets are there in all of it.

mod measure;
mod world;

use std::hint::black_box;

use switchboard::service::{Audience, Outbound};

use measure::{At, Bench, Effort, Rate, timed};
use world::{BINARY, CLOSE, From, PONG, TURN_EVENTS, WIDE, World, frame, send};

fn main() {
    let mut bench = Bench::new("hub", Rate::Events);
    let sockets_len = if bench.effort() == Effort::Full { 1_000 } else { TURN_EVENTS };
    let mut world = World::new(WIDE, 1);
    world.populate(sockets_len, From::Everywhere);
    echo(&mut bench, &mut world);
    fan_out(&mut bench, &mut world);
    topics(&mut bench, &mut world);
    deadlines(&mut bench, &mut world);
    visits(&mut bench, &mut world);
    bench.finish();
}

/// Read, mail, answer, outbox, write; so many sockets in a turn.
fn echo(bench: &mut Bench, world: &mut World) {
    let group = "echo by events in a turn";
    for (case, payload_len) in [("20 bytes", 20), ("1 KiB", 1_024), ("16 KiB", 16_384)] {
        let bytes = frame(BINARY, &vec![b'x'; payload_len]);
        for x in [1, 16, TURN_EVENTS] {
            let mut next = world.ids.clone().into_iter().cycle();
            bench.time(At { group, case, x }, || {
                timed(ROUND_EVENTS, || {
                    for _ in 0..ROUND_EVENTS / x {
                        world.receive_all(next.by_ref().take(x).map(|id| (id, &bytes[..])));
                    }
                })
            });
        }
    }
    let bytes = frame(BINARY, &[b'x'; 20]).repeat(64);
    bench.time(At { group, case: "20 bytes all in one read", x: 64 }, || {
        timed(ROUND_EVENTS, || {
            for _ in 0..ROUND_EVENTS / 64 {
                world.receive(world.ids[0], &bytes);
            }
        })
    });
}

/// One message of a service to many; the time is that of one delivery.
fn fan_out(bench: &mut Bench, world: &mut World) {
    let (group, x) = ("fan-out of 64 bytes by sockets", world.ids.len());
    let subscribe = |&id| Outbound::Subscribe { id, topic: "news".to_owned() };
    world.apply(0, world.ids.iter().map(subscribe).collect());
    for (case, to) in [
        ("all", Audience::all()),
        ("a topic", Audience::topic("news")),
        ("a list", world.ids.clone().into()),
    ] {
        bench.time(At { group, case, x }, || {
            let batches = (0..10).map(|_| vec![send(to.clone(), 64)]).collect::<Vec<_>>();
            timed(10 * x, || batches.into_iter().for_each(|batch| world.apply(0, batch)))
        });
    }
    let unsubscribe = |&id| Outbound::Unsubscribe { id, topic: "news".to_owned() };
    world.apply(0, world.ids.iter().map(unsubscribe).collect());
}

/// Each socket subscribes to eight topics of a hundred, and takes that back.
fn topics(bench: &mut Bench, world: &mut World) {
    let numbers = 0..8 * world.ids.len();
    let pair = |number| (world.ids[number / 8], format!("topic {}", number * 7 % 100));
    let pairs: Vec<_> = numbers.map(pair).collect();
    for case in ["subscribe", "unsubscribe"] {
        bench.time(At { group: "topics by subscriptions", case, x: pairs.len() }, || {
            let come = |(id, topic)| Outbound::Subscribe { id, topic };
            let come = pairs.iter().cloned().map(come).collect();
            let subscribed = timed(pairs.len(), || world.apply(0, come));
            let go = |(id, topic)| Outbound::Unsubscribe { id, topic };
            let go = pairs.iter().cloned().map(go).collect();
            let unsubscribed = timed(pairs.len(), || world.apply(0, go));
            if case == "subscribe" { subscribed } else { unsubscribed }
        });
    }
}

fn deadlines(bench: &mut Bench, world: &mut World) {
    let (group, x) = ("deadlines by sockets", world.ids.len());
    let pong = frame(PONG, b"");
    bench.time(At { group, case: "a ping is due", x }, || {
        world.now = world.now.after(WIDE.ping_interval_ms + TICK_MS);
        let pings = timed(x, || world.settle());
        world.receive_all(world.ids.clone().into_iter().map(|id| (id, &pong[..])));
        pings
    });
    bench.time_each(At { group, case: "none is due", x }, || {
        world.settle();
        black_box(world.engine.deadline());
    });
}

/// A peer comes, is admitted, and leaves with a close frame; so many in a turn.
fn visits(bench: &mut Bench, world: &mut World) {
    let close = frame(CLOSE, &1_000_u16.to_be_bytes());
    for x in [1, TURN_EVENTS] {
        bench.time(At { group: "visits", case: "accept to close", x }, || {
            timed(ROUND_EVENTS, || {
                for _ in 0..ROUND_EVENTS / x {
                    let visitors = world.connect_all(0, From::Everywhere, x);
                    world.receive_all(visitors.into_iter().map(|id| (id, &close[..])));
                }
            })
        });
    }
}

/// How many events a round has: a multiple of all that a turn has here.
const ROUND_EVENTS: usize = 16 * TURN_EVENTS;
/// A deadline may be noticed so much later.
const TICK_MS: u64 = 64;
