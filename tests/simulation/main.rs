//! Whole histories of a hub, each from one seed: peers, services, deaths and time act at random,
//! and the promises of the README are checked by input and output.
//!
//! A failure prints its seed, and `SIMULATION_SEED=... cargo test --test simulation fresh` repeats
//! it. `SIMULATION_WORLDS=...` sets how many fresh seeds are tried. `tests/mutations` shows that
//! the checks find bugs.
#![cfg(feature = "host")]

mod world;

use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use world::choice::{Listed, Seeded};
use world::{Simulation, Tally};

/// Seeds that found a bug, in the hub or in a check, which has been fixed since.
const NAMED: &[(&str, u64, Kind)] = &[
    ("a service that sends and takes no mail gets full outboxes without end", 1, as_it_is),
    ("an admitted socket opens though the mail is full", 6, as_it_is),
    (
        "a socket that is given up in the turn in which its service ends gets no close frame",
        6_922_145_294_520_841_512,
        Simulation::on_the_loop,
    ),
    (
        "a service that is called a turn late has a turn less until the close frame",
        796_705_557_779_273_015,
        Simulation::on_the_loop,
    ),
    (
        "a peer that has left, and had not read all, gets no echo until it is dropped",
        3_227_322_262_074_257_981,
        Simulation::on_the_loop,
    ),
    (
        "a message came before the stop, and its service gets it in the turn of the stop",
        3_261_386_834_290_435_760,
        Simulation::on_the_loop,
    ),
    #[cfg(all(feature = "database", feature = "workers"))]
    (
        "a socket is answered in a turn that has no time for the count of what was taken",
        687,
        Simulation::with_workers_and_jobs,
    ),
    #[cfg(feature = "deflate")]
    (
        "a message that its service gets a turn late was too many when it was read",
        2_962_779_494_180_607_574,
        Simulation::compressing,
    ),
];

/// In this many worlds, more than a million messages are checked.
const WORLDS: u64 = 230;
const MESSAGES_MIN: u64 = 1_000_000;
/// How many worlds have their services on the loop.
const ON_THE_LOOP: u64 = 24;
/// How many worlds have services that start without a socket.
const EAGER: u64 = 24;
/// How many worlds have programs, and how many messages are judged there at least.
const PROGRAMS: u64 = 120;
const PROGRAM_MESSAGES_MIN: u64 = 350_000;
/// How many worlds compress.
#[cfg(feature = "deflate")]
const COMPRESSING: u64 = 64;
/// How many worlds have other threads that send.
#[cfg(feature = "senders")]
const WITH_SENDERS: u64 = 64;
/// How many worlds have services with several workers.
#[cfg(feature = "workers")]
const WITH_WORKERS: u64 = 64;
/// How many worlds have sockets that are answered later.
#[cfg(feature = "database")]
const WITH_JOBS: u64 = 64;
/// How many worlds have several hosts.
#[cfg(feature = "processes")]
const OF_SEVERAL_HOSTS: u64 = 16;
/// How many worlds have connections in records.
#[cfg(feature = "tls")]
const IN_RECORDS: u64 = 48;
/// How many fresh seeds are tried, unless the environment says otherwise.
const FRESH: u64 = 24;
/// How many choices a world has.
const CHOICES: usize = 60_000;

/// What a world of a seed is made into.
type Kind = fn(Simulation) -> Simulation;

const KINDS: &[Kind] = &[
    as_it_is,
    Simulation::on_the_loop,
    Simulation::mixed,
    Simulation::with_programs,
    Simulation::eager,
    #[cfg(feature = "senders")]
    Simulation::with_senders,
    #[cfg(feature = "workers")]
    Simulation::with_workers,
    #[cfg(all(feature = "workers", feature = "senders"))]
    Simulation::with_workers_and_senders,
    #[cfg(feature = "database")]
    Simulation::with_jobs,
    #[cfg(all(feature = "database", feature = "workers"))]
    Simulation::with_workers_and_jobs,
    #[cfg(feature = "processes")]
    Simulation::sharing,
    #[cfg(feature = "deflate")]
    Simulation::compressing,
    #[cfg(feature = "tls")]
    Simulation::in_records,
];

#[test]
fn a_million_messages() {
    let total = live_all(0, WORLDS, &[as_it_is]);
    println!("{total:?}");
    assert!(total.messages >= MESSAGES_MIN, "{total:?}");
    let rare = [total.ends, total.overflows, total.losses, total.restarts];
    let rare = [&rare[..], &[total.holds, total.waits]].concat();
    assert!(rare.iter().all(|count| *count > 100), "the worlds are eventful: {total:?}");
    assert!(total.laggards > 0, "senders have waited for some: {total:?}");
    assert!(total.hasty > 0 && total.drops > 0, "some connect too often: {total:?}");
}

/// The worlds of other seeds, with services on the loop.
#[test]
fn services_on_the_loop() {
    let mut total = Tally::default();
    for seed in WORLDS..WORLDS + ON_THE_LOOP {
        total.add(&live_in(seed, Simulation::on_the_loop));
    }
    println!("{total:?}");
    assert!(total.messages >= ON_THE_LOOP * 3_500, "{total:?}");
}

/// The worlds of the same seeds, with services that start without a socket.
#[test]
fn services_that_are_eager() {
    let total = live_all(WORLDS, EAGER, &[Simulation::eager]);
    println!("{total:?}");
    assert!(total.messages >= EAGER * 3_500 && total.restarts > 50, "{total:?}");
}

/// The worlds of other seeds, with programs. They are looked for while the worlds live; they stall,
/// break in the middle of their mail, or are never ready; the sockets of some are kept then.
#[test]
fn programs_live_and_die() {
    let from = WORLDS + ON_THE_LOOP;
    let total = live_all(from, PROGRAMS, &[Simulation::with_programs]);
    println!("{total:?}");
    assert!(total.messages >= PROGRAM_MESSAGES_MIN, "{total:?}");
    let deaths = [total.ends, total.restarts, total.resets];
    let rare = [&deaths[..], &[total.lookups, total.pauses, total.holds]].concat();
    assert!(rare.iter().all(|count| *count > 100), "the worlds are eventful: {total:?}");
    assert!(total.questions > 9, "some are asked about again: {total:?}");
}

/// The worlds of other seeds, in which most services compress, most peers offer it, and some send
/// data that cannot be inflated.
#[test]
#[cfg(feature = "deflate")]
fn worlds_that_compress() {
    let from = WORLDS + ON_THE_LOOP + PROGRAMS;
    let total = live_all(from, COMPRESSING, &[Simulation::compressing]);
    println!("{total:?}");
    let ways = [total.inflated, total.deflated];
    assert!(ways.iter().all(|len| *len >= COMPRESSING * 500), "{total:?}");
    let rare = [total.agreements, total.broken, total.overflows, total.holds];
    assert!(rare.iter().all(|count| *count > 50), "the worlds are eventful: {total:?}");
}

/// The worlds of other seeds, in which most connections are in records like those of TLS: they
/// shake hands, come and leave in pieces, renew keys, and end in several ways.
#[test]
#[cfg(feature = "tls")]
fn connections_in_records() {
    let from = WORLDS + ON_THE_LOOP + PROGRAMS + 64;
    let total = live_all(from, IN_RECORDS, &[Simulation::in_records]);
    println!("{total:?}");
    assert!(total.messages >= IN_RECORDS * 2_000, "{total:?}");
    let rare = [total.handshakes, total.cuts, total.answers, total.holds, total.drops];
    assert!(rare.iter().all(|count| *count > 100), "the worlds are eventful: {total:?}");
    assert!(total.delays > 5, "some handshakes wait for the next turn: {total:?}");
}

/// The worlds of other seeds, in which other threads send to the sockets of services.
#[test]
#[cfg(feature = "senders")]
fn threads_that_send() {
    let from = WORLDS + ON_THE_LOOP + PROGRAMS + 128;
    let total = live_all(from, WITH_SENDERS, &[Simulation::with_senders]);
    println!("{total:?}");
    assert!(total.messages >= WITH_SENDERS * 2_000, "{total:?}");
    let rare = [total.sent, total.fulls, total.ends, total.restarts];
    assert!(rare.iter().all(|count| *count > 100), "the worlds are eventful: {total:?}");
}

/// The worlds of other seeds, in which services have several workers: their sockets keep their
/// order, audiences reach those of all workers, and an end takes those of one worker along.
#[test]
#[cfg(feature = "workers")]
fn services_with_several_workers() {
    let from = WORLDS + ON_THE_LOOP + PROGRAMS + 192;
    let kinds: &[Kind] = &[
        Simulation::with_workers,
        #[cfg(feature = "senders")]
        Simulation::with_workers_and_senders,
    ];
    let total = live_all(from, WITH_WORKERS, kinds);
    println!("{total:?}");
    assert!(total.messages >= WITH_WORKERS * 2_000, "{total:?}");
    let rare = [total.ends, total.restarts, total.holds, total.crossings];
    assert!(rare.iter().all(|count| *count > 100), "the worlds are eventful: {total:?}");
}

/// The worlds of other seeds, in which services have jobs done before they answer a socket: their
/// results come in any order over sockets, some after their socket or their service has gone.
#[test]
#[cfg(feature = "database")]
fn sockets_that_are_answered_later() {
    let from = WORLDS + ON_THE_LOOP + PROGRAMS + 256;
    let kinds: &[Kind] = &[
        Simulation::with_jobs,
        #[cfg(feature = "workers")]
        Simulation::with_workers_and_jobs,
    ];
    let total = live_all(from, WITH_JOBS, kinds);
    println!("{total:?}");
    assert!(total.messages >= WITH_JOBS * 1_000, "{total:?}");
    let rare = [total.ends, total.restarts, total.jobs, total.late_jobs, total.lost_jobs];
    assert!(rare.iter().all(|count| *count > 100), "the worlds are eventful: {total:?}");
}

/// The worlds of other seeds, with two or three hosts, whose services share over a broker that
/// takes its time, loses messages and is cut off.
#[test]
#[cfg(feature = "processes")]
fn hosts_that_share() {
    let from = WORLDS + ON_THE_LOOP + PROGRAMS + 320;
    let kinds: &[Kind] = &[
        Simulation::sharing,
        Simulation::sharing_on_the_loop,
        #[cfg(all(feature = "workers", feature = "senders"))]
        Simulation::sharing_with_workers_and_senders,
    ];
    let total = live_all(from, OF_SEVERAL_HOSTS, kinds);
    println!("{total:?}");
    assert!(total.far >= OF_SEVERAL_HOSTS * 1_000, "{total:?}");
    let rare = [total.far_deliveries, total.gaps, total.told_gaps, total.link_cuts];
    assert!(rare.iter().all(|count| *count > 100), "the worlds are eventful: {total:?}");
}

#[test]
fn seeds_that_once_failed() {
    for &(name, seed, kind) in NAMED {
        println!("{name}");
        live_in(seed, kind);
    }
}

#[test]
fn fresh_seeds() {
    let number = |name: &str| {
        let text = env::var(name).ok()?;
        Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, allowed is a number")))
    };
    if let Some(seed) = number("SIMULATION_SEED") {
        for change in KINDS {
            println!("{:?}", live_in(seed, change));
        }
        return;
    }
    let from = RandomState::new().build_hasher().finish() >> 1;
    println!("seeds from {from}");
    live_all(from, number("SIMULATION_WORLDS").unwrap_or(FRESH), KINDS);
}

#[test]
fn a_history_repeats() {
    for seed in 0..6 {
        for change in KINDS {
            assert_eq!(live_in(seed, change), live_in(seed, change), "seed {seed}");
        }
    }
}

/// A fuzzer makes its choices byte by byte.
#[test]
fn choices_may_be_listed() {
    let tally = Simulation::new(Listed::new(&[5; 20_000])).live();
    assert!(tally.sockets > 0 && tally == Simulation::new(Listed::new(&[5; 20_000])).live());
}

const fn as_it_is(world: Simulation) -> Simulation {
    world
}

/// Lives through the world of a seed.
fn live_in(seed: u64, change: impl Fn(Simulation) -> Simulation) -> Tally {
    let world = || change(Simulation::new(Seeded::new(seed, CHOICES)));
    let lived = catch_unwind(AssertUnwindSafe(|| world().live()));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        panic!("{text}\nto repeat it: SIMULATION_SEED={seed} cargo test --test simulation fresh")
    })
}

/// Lives through the worlds of so many seeds, each of these kinds of them, on all processors.
/// Returns what came about in all of them.
fn live_all(from: u64, len: u64, kinds: &[Kind]) -> Tally {
    let seeds = Mutex::new(from..from + len);
    let next = || seeds.lock().expect("its holders do not panic").next();
    let work = || {
        let mut total = Tally::default();
        while let Some(seed) = next() {
            for change in kinds {
                total.add(&live_in(seed, change));
            }
        }
        total
    };
    let threads_len = thread::available_parallelism().map_or(1, |len| len.get().min(8));
    let mut total = Tally::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads_len).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            match thread.join() {
                Ok(of) => total.add(&of),
                Err(panic) => {
                    // The others finish the worlds that they are in.
                    seeds.lock().expect("its holders do not panic").end = from;
                    std::panic::resume_unwind(panic)
                }
            }
        }
    });
    total
}
