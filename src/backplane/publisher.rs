//! The thread that publishes. It sends what waits together, and a sign of life to its own host.

use std::time::{Duration, Instant};

use redis::Cmd;

use crate::backplane::channel;
use crate::backplane::connection::{PAUSE_MS_MAX, RedisConnection};
use crate::backplane::counts::Half;
use crate::backplane::outgoing::{Publication, TakenBatch};
use crate::backplane::redis_shared::RedisShared;
use crate::backplane::wire::{Published, encode};
use crate::connecting::Pauses;

/// Publishes until the end.
pub(super) fn run(shared: &RedisShared) {
    let mut pauses = Pauses::up_to(PAUSE_MS_MAX);
    loop {
        let why = match RedisConnection::open(&shared.options) {
            Ok(connection) => match publish(connection, shared, &mut pauses) {
                Ok(()) => return,
                Err(why) => why,
            },
            Err(why) => why,
        };
        shared.counts.down(Half::Publisher, &why);
        shared.outgoing.wait_for_end(Instant::now() + pauses.next());
        if shared.outgoing.has_ended() {
            return;
        }
    }
}

/// Publishes over a connection until the end.
fn publish(
    mut connection: RedisConnection,
    shared: &RedisShared,
    pauses: &mut Pauses,
) -> Result<(), String> {
    let begun = Instant::now();
    let mut beat_at = begun;
    // Others may have to connect again, too. They would miss what is published before that.
    let mut hold = pauses.of_others().map(|pause| begun + pause);
    let mut may_miss = false;
    loop {
        if shared.topics.expire(Instant::now()) {
            shared.outgoing.wake();
        }
        let until = shared.topics.due().map_or(beat_at, |due| due.min(beat_at));
        hold = hold.filter(|until| Instant::now() < *until);
        let taken = shared.outgoing.take(until, hold);
        if taken.renews {
            return Err("signs of life do not come back".to_owned());
        }
        let now = Instant::now();
        let is_due = beat_at <= now || taken.wakes || taken.has_ended;
        if is_due {
            beat_at = now + BEAT;
        }
        let has_ended = taken.has_ended;
        may_miss |= taken.has_missed || !taken.publications.is_empty();
        if let Err(why) = send(&mut connection, shared, taken, is_due.then(|| beat(shared))) {
            // Others have missed what was sent last. They may also have missed all before it: if
            // the address has moved, they may have been at the new server already.
            if may_miss {
                shared.outgoing.miss();
            }
            return Err(why);
        }
        pauses.stood(begun.elapsed());
        shared.counts.up(Half::Publisher);
        if has_ended {
            return Ok(());
        }
    }
}

/// Sends all of it together. What fails may have happened, so it is not sent again.
fn send(
    connection: &mut RedisConnection,
    shared: &RedisShared,
    taken: TakenBatch,
    beat: Option<(String, Vec<u8>)>,
) -> Result<(), String> {
    let mut commands = Vec::new();
    if taken.has_missed {
        let missed = encode(shared.origin(), &Published::Missed);
        commands.push(publication(&channel::of_all(&shared.options.prefix), &missed));
    }
    let len = taken.publications.len();
    for Publication { channel, what } in taken.publications {
        commands.push(publication(&channel, &encode(shared.origin(), &what)));
    }
    if let Some((channel, bytes)) = beat {
        commands.push(publication(&channel, &bytes));
    }
    if commands.is_empty() {
        return Ok(());
    }
    match connection.call(&commands) {
        Ok(()) => {
            shared.counts.published.add(len);
            Ok(())
        }
        Err(why) => {
            shared.counts.dropped_out.add(len);
            Err(why)
        }
    }
}

fn publication(channel: &str, bytes: &[u8]) -> Cmd {
    let mut command = redis::cmd("PUBLISH");
    command.arg(channel).arg(bytes);
    command
}

/// A sign of life for the subscriber, which then looks for changes.
fn beat(shared: &RedisShared) -> (String, Vec<u8>) {
    let origin = shared.origin();
    shared.counts.beat(origin.number);
    (shared.own_channel(), encode(origin, &Published::Beat))
}

/// The time between signs of life.
const BEAT: Duration = Duration::from_secs(5);
