//! The rate of messages over real sockets: a peer that floods is served at its rate, or closed, and
//! no other socket notices. The number of messages is compared with the time that has passed, so
//! that a slow machine only makes it easier to keep to the rate.

#![cfg(feature = "host")]

mod support;

use std::time::Instant;

use log::LevelFilter;
use switchboard::limits::{Limits, Rate, RatePolicy};

use support::logged::{forget, keep, line_with};
use support::raw::{TEXT, close, decode_close, frame};
use support::services::mount_echo;
use support::{Raw, Running, SOON, on_each_thread, server_on};

const fn limits(per_s: u32, burst: u32, rate_policy: RatePolicy) -> Limits {
    Limits { message_rate: Some(Rate { per_s, burst }), rate_policy, ..SOON }
}

/// How many messages a service may have got since then. The host counts whole milliseconds.
fn allowed(per_s: u32, burst: u32, since: Instant) -> u128 {
    u128::from(burst) + (since.elapsed().as_millis() + 1) * u128::from(per_s) / 1_000
}

#[test]
fn a_flood_is_served_at_its_rate() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, limits(100, 20, RatePolicy::Wait));
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        serve_a_flood(&mut server.open("/echo"), |number| {
            let text = format!("{number:012}");
            (text.clone(), text)
        });
        server.stop();
    });
}

/// A peer that floods is served at its rate, in order, and nothing is lost.
fn serve_a_flood(raw: &mut Raw, message: impl Fn(u32) -> (String, String)) {
    const PER_S: u32 = 100;
    const BURST: u32 = 20;
    let begun = Instant::now();
    let messages = (0..BURST + PER_S).map(message).collect::<Vec<_>>();
    let bytes: Vec<u8> =
        messages.iter().flat_map(|(text, _)| frame(TEXT, text.as_bytes())).collect();
    raw.send(&bytes);
    for (number, (_, answer)) in (1..).zip(&messages) {
        assert_eq!(raw.read_text(), *answer);
        assert!(number <= allowed(PER_S, BURST, begun), "{number} in {:?}", begun.elapsed());
    }
    raw.send(&close(1000, ""));
    assert_eq!(raw.read_close().0, 1000, "its close frame is heard");
}

#[test]
fn a_flood_disturbs_nobody() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, limits(1, 5, RatePolicy::Wait));
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let text = |number| {
            let text = format!("{number:012}");
            (text.clone(), text)
        };
        stand_a_flood([&mut server.open("/echo"), &mut server.open("/echo")], text);
        server.stop();
    });
}

/// Beside a flood that takes hours at its rate, a peer that keeps to the rate is answered at once.
fn stand_a_flood([flood, good]: [&mut Raw; 2], message: impl Fn(u32) -> (String, String)) {
    const PER_S: u32 = 1;
    const BURST: u32 = 5;
    let begun = Instant::now();
    let bytes: Vec<u8> =
        (0..10_000).flat_map(|number| frame(TEXT, message(number).0.as_bytes())).collect();
    flood.send(&bytes);
    for number in 0..BURST {
        assert_eq!(flood.read_text(), message(number).1);
    }
    for number in 0..BURST {
        let (text, answer) = message(number);
        good.send_text(&text);
        assert_eq!(good.read_text(), answer);
    }
    // The next answer is the one that comes at the rate.
    assert_eq!(flood.read_text(), message(BURST).1);
    assert!(u128::from(BURST) < allowed(PER_S, BURST, begun), "in {:?}", begun.elapsed());
}

#[test]
fn a_flood_is_closed_where_that_is_the_policy() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let mut server = server_on(thread, limits(1, 5, RatePolicy::Close));
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let (mut flood, mut good) = (server.open("/echo"), server.open("/echo"));
        let begun = Instant::now();
        flood.send(&frame(TEXT, b"twelve bytes").repeat(1_000));
        let mut echoes = 0;
        let end = loop {
            let next = flood.read_frame();
            if next.first == 0x88 {
                break decode_close(&next.payload);
            }
            assert_eq!(next.payload, b"twelve bytes");
            echoes += 1;
        };
        assert!((5..=allowed(1, 5, begun)).contains(&echoes), "{echoes} echoes");
        let reason = "more messages than message-rate allows, which is 1/s burst 5";
        assert_eq!(end, (1008, reason.to_owned()));
        drop(flood);
        assert!(line_with(reason).fields.contains("1008"));
        forget();
        good.send_text("I am still here");
        assert_eq!(good.read_text(), "I am still here");
        server.stop();
    });
}

#[cfg(feature = "programs")]
mod programs {
    use switchboard::Server;
    use switchboard::programs::{OnDeath, ProgramOptions};

    use super::*;
    use crate::support::folder::programs;

    /// It does what its sockets say.
    const OBEY: &str = include_str!("programs/obey.py");

    fn server(name: &str, limits: Limits) -> Server {
        let options = ProgramOptions { on_death: OnDeath::Keep, ..ProgramOptions::SHARED };
        let mut server = Server::new(limits);
        server.document_root(programs(name, &[("obey.py", OBEY)])).program_options(options);
        server
    }

    fn serve(name: &str, limits: Limits) -> Running {
        Running::start(server(name, limits))
    }

    /// Twelve bytes or so, and the result.
    fn order(number: u32) -> (String, String) {
        let digit = (number % 10).to_string();
        (format!("TEXT {{}} +1\n{digit}"), digit)
    }

    #[test]
    fn a_flood_of_a_program_is_served_at_its_rate() {
        let server = serve("rate", limits(100, 20, RatePolicy::Wait));
        serve_a_flood(&mut server.open("/obey"), order);
        server.stop();
    }

    /// At its first rate the flood would take hours.
    #[test]
    fn a_reload_changes_the_rate_of_open_sockets() {
        let before = limits(1, 1, RatePolicy::Wait);
        let running = serve("rate-reload", before);
        let mut raw = running.open("/obey");
        let flood: Vec<u8> =
            (0..20_000).flat_map(|number| frame(TEXT, order(number).0.as_bytes())).collect();
        raw.stream().set_nonblocking(true).expect("it can be set");
        let sent = std::io::Write::write(&mut raw.stream(), &flood).expect("some of it is taken");
        raw.stream().set_nonblocking(false).expect("it can be set");
        assert_eq!(raw.read_text(), "0");
        server("rate-reload", SOON).reload(running.reloader()).expect("it is right");
        raw.send(&flood[sent..]);
        for number in 1..20_000 {
            assert_eq!(raw.read_text(), (number % 10).to_string());
        }
        running.stop();
    }

    #[test]
    fn a_flood_of_a_program_disturbs_nobody() {
        let server = serve("rate-beside", limits(1, 5, RatePolicy::Wait));
        stand_a_flood([&mut server.open("/obey"), &mut server.open("/obey")], order);
        server.stop();
    }
}
