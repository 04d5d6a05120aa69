//! One service to ten thousand, one topic to a hundred thousand, one subscription of a socket to
//! as many.

use switchboard::hub::{FilePolicy, Hub};
use switchboard::service::{Audience, Outbound, SocketId};
use switchboard::time::Time;

use crate::measure::{At, Bench, Effort, timed};
use crate::world::{BINARY, CLOSE, From, WIDE, World, frame, mount, send, shuffled};

pub fn measure(bench: &mut Bench) {
    let full = bench.effort() == Effort::Full;
    let counts: &[usize] = if full { &[1, 10, 100, 1_000, 10_000] } else { &[1, 10] };
    counts.iter().for_each(|&x| services(bench, x));
    let counts: &[usize] = if full { &[1, 10, 100, 1_000, 10_000, 100_000] } else { &[1, 10] };
    counts.iter().for_each(|&x| topics(bench, x));
    counts.iter().for_each(|&x| subscriptions(bench, x));
}

/// Services have one socket each, and take turns in an order that looks like none.
fn services(bench: &mut Bench, x: usize) {
    let group = "services";
    bench.time(At { group, case: "mount", x }, || {
        let paths: Vec<_> = (0..x).map(|number| format!("/{number}")).collect();
        let mut hub = Hub::new(WIDE, FilePolicy::None, Time::ZERO);
        timed(x, || {
            for path in &paths {
                hub.mount(path, mount(WIDE)).expect("paths differ");
            }
        })
    });
    let mut world = World::new(WIDE, x);
    for service in 0..x {
        let id = world.connect(service, From::Loopback);
        world.ids.push(id);
    }
    let order = shuffled(x);
    let mut next = order.iter().cycle();
    let bytes = frame(BINARY, &[b'x'; 20]);
    bench.time(At { group, case: "echo", x }, || {
        timed(ROUND_EVENTS, || {
            for &service in next.by_ref().take(ROUND_EVENTS) {
                world.receive(world.ids[service], &bytes);
            }
        })
    });
    let close = frame(CLOSE, &1_000_u16.to_be_bytes());
    let mut next = order.iter().cycle();
    bench.time(At { group, case: "accept and leave", x }, || {
        timed(ROUND_EVENTS / 4, || {
            for &service in next.by_ref().take(ROUND_EVENTS / 4) {
                let id = world.connect(service, From::Loopback);
                world.receive(id, &close);
            }
        })
    });
}

/// Each topic has ten subscribers, and now and then one more.
fn topics(bench: &mut Bench, x: usize) {
    let group = "topics";
    let mut world = World::new(WIDE, 1);
    world.populate(RESIDENTS + VISITORS, From::Loopback);
    let names: Vec<_> = (0..x).map(|number| format!("topic {number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let id = |member| world.ids[(number * 7 + member * 101) % RESIDENTS];
        let batch = (0..MEMBERS).map(|member| subscribe(id(member), name)).collect();
        world.apply(0, batch);
    }
    let order = shuffled(x);
    let mut next = order.iter().map(|&number| &names[number]).cycle();
    bench.time(At { group, case: "delivery to one of ten", x }, || {
        let chosen: Vec<_> = next.by_ref().take(VISITORS).collect();
        let batch = chosen.iter().map(|&name| send(Audience::topic(name), 64)).collect();
        timed(VISITORS * MEMBERS, || {
            world.apply(0, batch);
        })
    });
    let close = frame(CLOSE, &1_000_u16.to_be_bytes());
    for case in ["subscribe", "unsubscribe", "leave with a subscription"] {
        bench.time(At { group, case, x }, || {
            let visitors = world.ids.split_off(RESIDENTS);
            let pairs: Vec<_> = visitors.into_iter().zip(next.by_ref()).collect();
            let come = pairs.iter().map(|(id, name)| subscribe(*id, name)).collect();
            let subscribed = timed(VISITORS, || world.apply(0, come));
            let go = pairs.iter().map(|(id, name)| unsubscribe(*id, name)).collect();
            let unsubscribed = timed(VISITORS, || {
                if case == "unsubscribe" {
                    world.apply(0, go);
                }
            });
            let left = timed(VISITORS, || {
                world.receive_all(pairs.iter().map(|(id, _)| (*id, &close[..])));
            });
            world.populate(RESIDENTS + VISITORS, From::Loopback);
            match case {
                "subscribe" => subscribed,
                "unsubscribe" => unsubscribed,
                _ => left,
            }
        });
    }
}

/// Sockets subscribe to so many topics each, and take that back in an order that looks like none.
fn subscriptions(bench: &mut Bench, x: usize) {
    let group = "subscriptions of a socket";
    let mut world = World::new(WIDE, 1);
    world.populate(1 + (VISITORS / x).max(1), From::Loopback);
    let names: Vec<_> = (0..x).map(|number| format!("topic {number}")).collect();
    // One stays, and so do the topics.
    let resident = world.ids.remove(0);
    world.apply(0, names.iter().map(|name| subscribe(resident, name)).collect());
    let order = shuffled(x);
    let events = x * world.ids.len();
    for case in ["subscribe", "unsubscribe"] {
        bench.time(At { group, case, x }, || {
            let ids = world.ids.iter();
            let come = ids.flat_map(|&id| names.iter().map(move |name| subscribe(id, name)));
            let come = come.collect();
            let subscribed = timed(events, || world.apply(0, come));
            let ids = world.ids.iter();
            let chosen = || order.iter().map(|&number| &names[number]);
            let go = ids.flat_map(|&id| chosen().map(move |name| unsubscribe(id, name)));
            let go = go.collect();
            let unsubscribed = timed(events, || world.apply(0, go));
            if case == "subscribe" { subscribed } else { unsubscribed }
        });
    }
}

fn subscribe(id: SocketId, name: &str) -> Outbound {
    Outbound::Subscribe { id, topic: name.to_owned() }
}

fn unsubscribe(id: SocketId, name: &str) -> Outbound {
    Outbound::Unsubscribe { id, topic: name.to_owned() }
}

const ROUND_EVENTS: usize = 10_000;
/// The sockets that stay.
const RESIDENTS: usize = 1_000;
/// The sockets that come and go.
const VISITORS: usize = 1_000;
/// The subscribers of each topic.
const MEMBERS: usize = 10;
