//! A loop of the program's own, in one thread: a simulation that steps at a fixed rate, standard
//! input, and the host. The loop waits in `poll` for all three. `Host::poll_timeout` says for how
//! long, and the callbacks run within `Host::turn`. A program that waits for nothing else calls
//! `turn` with a timeout instead, as `guarded.rs` does.
//!
//! A number sets the speed of the simulated car, and `where` asks for its place. Standard input, or
//! its end, stops the host.

use std::io::{Stdin, stdin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use switchboard::{Handler, Host, Limits, Message, Peer, Server, Thread, Turn, handler};

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

    // `None` once it has come.
    let mut input = Some(stdin());
    let mut next = Instant::now() + STEP;
    loop {
        if wait(&host, input.as_ref(), next)? {
            input = None;
            host.stopper().stop();
        }
        // Sockets are closed in the turns after a stop. The last one says so.
        if host.turn(Some(Duration::ZERO))? == Turn::Last {
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

/// Waits until the host has work, until the next step, or for input. Returns whether that has come.
fn wait(
    host: &Host,
    input: Option<&Stdin>,
    next: Instant,
) -> Result<bool, Box<dyn std::error::Error>> {
    let step = next.saturating_duration_since(Instant::now());
    // Directly before the wait.
    let timeout = host.poll_timeout().map_or(step, |timeout| timeout.min(step));
    let mut watched = vec![PollFd::new(host, PollFlags::IN)];
    watched.extend(input.map(|input| PollFd::new(input, PollFlags::IN)));
    match poll(&mut watched, Some(&Timespec::try_from(timeout)?)) {
        // A signal, such as one that stops the host.
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(watched.get(1).is_some_and(|input| !input.revents().is_empty())),
    }
}

const STEP: Duration = Duration::from_millis(10);
