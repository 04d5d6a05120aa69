//! A loop of the program's own: a simulation that steps at a fixed rate, and the host in the same
//! thread. `Host::turn` fills the time between two steps; the callbacks run within it.
//!
//! A number sets the speed of the simulated car, and `where` asks for its place. A line on standard
//! input, or its end, stops the host.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use switchboard::{Handler, Limits, Message, Peer, Server, Stopper, Thread, Turn, handler};

/// What the program simulates.
#[derive(Clone, Copy, Default)]
struct Car {
    steps: u64,
    place: i64,
    speed: i32,
}

/// The lock is never contended, since all of its users are on one thread. Services are made by a
/// factory that may be called on any thread, so the compiler asks for it.
type Shared = Arc<Mutex<Car>>;

struct Road(Shared);

impl Handler for Road {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let mut car = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match message.as_text().map(|text| (text, text.parse())) {
            Some((_, Ok(speed))) => car.speed = speed,
            Some(("where", _)) => {}
            _ => return peer.send("send a number, which is the speed, or: where"),
        }
        peer.send(format!("step {} place {}", car.steps, car.place));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let car = Shared::default();
    let mut server = Server::new(Limits::SERVER);
    let shared = car.clone();
    // On the loop, callbacks run within `turn`. They must not block.
    server.mount("/road", move || handler(Road(shared.clone()))).thread(Thread::Loop);
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/road", host.address());
    host.stop_on_signals()?;
    stop_on_input(host.stopper());

    let mut next = Instant::now() + STEP;
    loop {
        // The turn waits until a socket has something, or until the next step.
        let left = next.saturating_duration_since(Instant::now());
        // Sockets are closed in the turns after a stop. The last one says so.
        if host.turn(Some(left))? == Turn::Last {
            break;
        }
        if Instant::now() >= next {
            let mut car = car.lock().unwrap_or_else(PoisonError::into_inner);
            car.place += i64::from(car.speed);
            car.steps += 1;
            // A step that came late is not made up for.
            next = Instant::now() + STEP;
        }
    }
    let car = *car.lock().unwrap_or_else(PoisonError::into_inner);
    println!("stopped at step {} place {}", car.steps, car.place);
    Ok(())
}

/// A stopper works from any thread.
fn stop_on_input(stopper: Stopper) {
    std::thread::spawn(move || {
        // At the end of the input, or if it cannot be read, the host has to stop: there is no other
        // way to stop it.
        let _ = std::io::stdin().read_line(&mut String::new());
        stopper.stop();
    });
}

const STEP: Duration = Duration::from_millis(10);
