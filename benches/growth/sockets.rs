//! From a thousand sockets to a million: memory, and what an event costs one of them.

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use switchboard::Limits;
use switchboard::service::{Audience, SocketId};

use crate::measure::{At, Bench, Effort, Timed, cpu_time, timed};
use crate::world::{BINARY, CLOSE, From, PONG, TURN_EVENTS, WIDE, World};
use crate::world::{frame, send, shuffled};

pub fn measure(bench: &mut Bench) {
    let populations: &[usize] = match bench.effort() {
        Effort::Full => &[1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
        Effort::Quick => &[500],
    };
    for &x in populations {
        for (case, from) in [("one address", LOOPBACK), ("an address each", "everywhere")] {
            let bytes = memory(&format!("{x} {from}")) / x as f64;
            bench.count(At { group: "memory of a socket", case, x }, "bytes", bytes);
        }
    }
    for &x in populations {
        let mut world = World::new(WIDE, 1);
        grow(bench, &mut world, x);
        publish(bench, &mut world);
        idle_turn(bench, &mut world);
        for (group, order) in [
            ("sockets in order", (0..x).collect::<Vec<_>>()),
            ("sockets in random order", shuffled(x)),
        ] {
            echo(bench, &mut world, group, &order);
            deadlines(bench, &mut world, group, &order);
            visits(bench, &mut world, group, &order);
        }
        drop(world);
        cache_miss(bench, x);
    }
    populations.iter().for_each(|&x| rush(bench, x));
}

/// Sockets come one by one; the longest accept is one that makes a table grow.
fn grow(bench: &mut Bench, world: &mut World, x: usize) {
    let mut longest = Duration::ZERO;
    for _ in 0..x {
        let begin = cpu_time();
        let id = world.connect(0, From::Everywhere);
        longest = longest.max(cpu_time() - begin);
        world.ids.push(id);
    }
    let at = At { group: "coming one by one", case: "longest accept", x };
    bench.count(at, "ns", longest.as_secs_f64() * 1e9);
}

fn echo(bench: &mut Bench, world: &mut World, group: &'static str, order: &[usize]) {
    let bytes = frame(BINARY, &[b'x'; 20]);
    let mut next = order.iter().cycle();
    bench.time(At { group, case: "echo", x: order.len() }, || {
        timed(ROUND_TURNS * TURN_EVENTS, || {
            for _ in 0..ROUND_TURNS {
                let ids: Vec<_> =
                    next.by_ref().take(TURN_EVENTS).map(|&at| world.ids[at]).collect();
                world.receive_all(ids.into_iter().map(|id| (id, &bytes[..])));
            }
        })
    });
}

/// Sockets are silent until a ping is due, and answer it. They spoke last in `order`, spread over
/// the time between two pings, and so their deadlines come in it.
fn deadlines(bench: &mut Bench, world: &mut World, group: &'static str, order: &[usize]) {
    let pong = frame(PONG, b"");
    let steps = (order.len() / TURN_EVENTS).clamp(1, STEPS_MAX);
    let step_ms = WIDE.ping_interval_ms / steps as u64;
    // Twice: what was due before this began has to come about first.
    for _ in 0..2 {
        for places in order.chunks(order.len().div_ceil(steps)) {
            expire(world, step_ms, &pong);
            let ids: Vec<_> = places.iter().map(|&place| world.ids[place]).collect();
            world.receive_all(ids.into_iter().map(|id| (id, &pong[..])));
        }
    }
    let events_min = (order.len() / 16).clamp(1, 4_000);
    bench.time(At { group, case: "ping that is due", x: order.len() }, || {
        let mut all = Timed { took: Duration::ZERO, events: 0 };
        while all.events < events_min {
            let Timed { took, events } = expire(world, step_ms, &pong);
            all = Timed { took: all.took + took, events: all.events + events };
        }
        all
    });
}

/// Time passes, and pings are sent; the events are those. All of them are answered.
fn expire(world: &mut World, step_ms: u64, pong: &[u8]) -> Timed {
    world.now = world.now.after(step_ms);
    world.outside.written = Some(Vec::with_capacity(world.ids.len()));
    let Timed { took, .. } = timed(0, || world.settle());
    let pinged = world.outside.written.take().unwrap_or_default();
    world.receive_all(pinged.iter().map(|&id| (id, pong)));
    Timed { took, events: pinged.len() }
}

/// One leaves, and another comes; as many are there as before.
fn visits(bench: &mut Bench, world: &mut World, group: &'static str, order: &[usize]) {
    let close = frame(CLOSE, &1_000_u16.to_be_bytes());
    let mut next = order.iter().cycle();
    bench.time(At { group, case: "leave and accept", x: order.len() }, || {
        timed(ROUND_TURNS / 4 * TURN_EVENTS, || {
            for _ in 0..ROUND_TURNS / 4 {
                let places: Vec<usize> = next.by_ref().take(TURN_EVENTS).copied().collect();
                let ids: Vec<_> = places.iter().map(|&place| world.ids[place]).collect();
                world.receive_all(ids.into_iter().map(|id| (id, &close[..])));
                let ids = world.connect_all(0, From::Everywhere, places.len());
                places.into_iter().zip(ids).for_each(|(place, id)| world.ids[place] = id);
            }
        })
    });
}

/// One message for all; the time is that of one delivery.
fn publish(bench: &mut Bench, world: &mut World) {
    let x = world.ids.len();
    bench.time(At { group: "sockets in order", case: "delivery to all", x }, || {
        let times = (20_000 / x).max(1);
        timed(times * x, || {
            (0..times).for_each(|_| world.apply(0, vec![send(Audience::all(), 64)]));
        })
    });
}

/// What a turn costs in which nothing happens.
fn idle_turn(bench: &mut Bench, world: &mut World) {
    let at = At { group: "sockets in order", case: "turn without events", x: world.ids.len() };
    bench.time_each(at, || {
        world.settle();
        black_box(world.engine.deadline());
    });
}

/// Reads from random places of a table that is as large as that of the sockets, each of which
/// tells where the next one is, so that no two of them overlap.
fn cache_miss(bench: &mut Bench, x: usize) {
    let order = shuffled(x);
    let mut table = vec![[0_usize; ENTRY_BYTES / size_of::<usize>()]; x];
    for (&from, &to) in order.iter().zip(order.iter().cycle().skip(1)) {
        table[from][0] = to;
    }
    let mut place = 0;
    let at = At { group: "sockets in random order", case: "one read from a table as large", x };
    bench.time(at, || {
        timed(ROUND_TURNS * TURN_EVENTS, || {
            (0..ROUND_TURNS * TURN_EVENTS).for_each(|_| place = black_box(&table)[place][0]);
        })
    });
}

/// So many come before the service has started, and are admitted as its mail has capacity.
fn rush(bench: &mut Bench, x: usize) {
    let limits = Limits { mail_messages_max: Limits::SERVER.mail_messages_max, ..WIDE };
    bench.time(At { group: "coming at once", case: "before the service starts", x }, || {
        let mut world = World::new(limits, 1);
        world.outside.starting = Some(Vec::new());
        timed(x, || {
            world.ids = world.connect_all(0, From::Everywhere, x);
            world.start_services();
        })
    });
}

/// What so many sockets add to the memory of a new process.
fn memory(population: &str) -> f64 {
    let own = env::current_exe().expect("a process knows its file");
    let told = Command::new(own).env(POPULATION, population).output().expect("it runs again");
    let text = String::from_utf8_lossy(&told.stdout);
    text.trim().parse().unwrap_or_else(|_| panic!("a number of bytes, not {text:?}"))
}

/// The same in that process: sockets come, and each has one message echoed.
pub fn tell_memory(population: &str) {
    let (sockets_len, from) = population.split_once(' ').expect("a number and a word");
    let sockets_len = sockets_len.parse().expect("a number");
    let from = if from == LOOPBACK { From::Loopback } else { From::Everywhere };
    let mut world = World::new(WIDE, 1);
    // What the benchmark itself keeps is there before.
    world.ids = vec![SocketId::from_u64(1); sockets_len];
    black_box(&mut world.ids).clear();
    let before = resident_bytes();
    world.populate(sockets_len, from);
    let bytes = frame(BINARY, &[b'x'; 20]);
    for begin in (0..sockets_len).step_by(TURN_EVENTS) {
        let ids = world.ids[begin..sockets_len.min(begin + TURN_EVENTS)].to_vec();
        world.receive_all(ids.into_iter().map(|id| (id, &bytes[..])));
    }
    println!("{}", resident_bytes() - before);
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    1_024 * kib.and_then(|kib| kib.parse::<usize>().ok()).expect("a number of kB")
}

/// The variable that makes a process one whose memory is looked at: of how many, from where.
pub const POPULATION: &str = "BENCH_POPULATION";
const LOOPBACK: &str = "loopback";
const ROUND_TURNS: usize = 64;
/// The interval of pings has about so many ticks of the wheel.
const STEPS_MAX: usize = 390;
/// About what the table has for each socket.
const ENTRY_BYTES: usize = 256;
