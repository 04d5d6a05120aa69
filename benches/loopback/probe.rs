//! How far apart two processors are: the time that a cache line takes from one to the other. On a
//! virtual machine it changes, as the host moves the processors about, and all that one processor
//! hands to the other changes with it.

use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::pin;

/// The time of one way, the shortest that was seen.
pub fn probe(one: usize, other: usize) -> Duration {
    let ball = AtomicU32::new(0);
    thread::scope(|scope| {
        let answers = scope.spawn(|| {
            // If a processor cannot be reserved, the figure has no meaning, and does no harm.
            let _ = pin(other);
            for round in 0..SERIES * ROUNDS {
                wait_for(&ball, 2 * round + 1);
                ball.store(2 * round + 2, Ordering::Release);
            }
        });
        let asks = scope.spawn(|| {
            let _ = pin(one);
            // The shortest series is one that no other process interrupted.
            let series = (0..SERIES).map(|series| {
                let begin = Instant::now();
                for round in series * ROUNDS..(series + 1) * ROUNDS {
                    ball.store(2 * round + 1, Ordering::Release);
                    wait_for(&ball, 2 * round + 2);
                }
                begin.elapsed()
            });
            series.min().expect("there are some")
        });
        answers.join().expect("it does not panic");
        asks.join().expect("it does not panic") / (2 * ROUNDS)
    })
}

fn wait_for(ball: &AtomicU32, value: u32) {
    let mut begin = None;
    while ball.load(Ordering::Acquire) != value {
        hint::spin_loop();
        // Both may run on one processor, where nothing happens until one of them sleeps.
        if begin.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            thread::yield_now();
        }
    }
}

const SERIES: u32 = 40;
const ROUNDS: u32 = 200;
const PATIENCE: Duration = Duration::from_micros(50);
