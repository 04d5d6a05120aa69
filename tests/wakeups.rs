//! No wake-up is lost over real threads either: a message goes to a service and back, one at a
//! time, so that each way depends on its own wake-up. `tests/model.rs` tries all orders of few
//! events; this one tries the real parts very often.
#![cfg(feature = "host")]

mod support;

use std::time::{Duration, Instant};

use switchboard::Server;

use support::services::mount_echo;
use support::{LIMITS, Running};

#[test]
fn a_long_ping_pong_never_stalls() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut raw = server.open("/echo");
    // Nothing else wakes the loop, such as a ping: after a wake-up that is lost, reading fails.
    let (start, mut worst) = (Instant::now(), Duration::ZERO);
    for number in 0..ROUND_TRIPS {
        let begun = Instant::now();
        raw.send_text(&number.to_string());
        assert_eq!(raw.read_text(), number.to_string());
        worst = worst.max(begun.elapsed());
    }
    println!("{ROUND_TRIPS} round trips in {:?}, the worst in {worst:?}", start.elapsed());
    drop(raw);
    server.stop();
}

const ROUND_TRIPS: usize = 100_000;
