//! The thread that subscribes. It waits in a read. A sign of life, which the publisher sends to its
//! own host, wakes it to look for topics that have come or gone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::Value;

use crate::backplane::channel;
use crate::backplane::connection::{PAUSE_MS_MAX, RedisConnection, unexpected};
use crate::backplane::counts::Half;
use crate::backplane::redis_shared::RedisShared;
use crate::backplane::topics::TopicChange;
use crate::backplane::wire::{NodeOrigin, Published, decode};
use crate::connecting::Pauses;
use crate::hub::SharedEvent;

/// Subscribes until the end.
pub(super) fn run(shared: &RedisShared) {
    let mut pauses = Pauses::up_to(PAUSE_MS_MAX);
    let mut last = LastNumbers::default();
    let mut attempt = Attempt::First;
    while !shared.outgoing.has_ended() {
        let subscribed = RedisConnection::open(&shared.options)
            .and_then(|of| subscribe(of, shared, &mut last, attempt));
        attempt = Attempt::Later;
        let why = match subscribed {
            Ok(mut subscriber) => {
                let begun = subscriber.beaten_at;
                let why = subscriber.read_all(&mut last);
                pauses.stood(begun.elapsed());
                shared.outgoing.doubt();
                why
            }
            Err(why) => why,
        };
        if !shared.outgoing.has_ended() {
            shared.counts.down(Half::Subscriber, &why);
            shared.outgoing.wait_for_end(Instant::now() + pauses.next());
        }
    }
}

/// Which attempt to connect it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    First,
    Later,
}

/// A connection with subscriptions.
struct Subscriber<'a> {
    connection: RedisConnection,
    shared: &'a RedisShared,
    own: String,
    /// When the last sign of life of this host has come back, or when it was subscribed.
    beaten_at: Instant,
}

/// Something that Redis has sent.
enum Pushed {
    /// A subscription has begun, or ended.
    Confirmed,
    /// A message in a channel.
    Message { channel: String, bytes: Vec<u8> },
}

/// Subscribes to all channels. What comes meanwhile is delivered behind a gap, if something may
/// have been missed.
fn subscribe<'a>(
    connection: RedisConnection,
    shared: &'a RedisShared,
    last: &mut LastNumbers,
    attempt: Attempt,
) -> Result<Subscriber<'a>, String> {
    let (own, beaten_at) = (shared.own_channel(), Instant::now());
    let mut subscriber = Subscriber { connection, shared, own, beaten_at };
    let topics = shared.topics.all();
    let has_gap = attempt == Attempt::Later || !topics.is_empty();
    let own = [subscriber.own.clone(), channel::of_all(&shared.options.prefix)];
    let mut held = Vec::new();
    let mut held_bytes = 0;
    for batch in [topics, own.into()].concat().chunks(BATCH_LEN) {
        subscriber.command("SUBSCRIBE", batch)?;
        let mut left = batch.len();
        while left > 0 {
            match subscriber.next()? {
                Pushed::Confirmed => left -= 1,
                Pushed::Message { channel, bytes } => {
                    held_bytes += channel.len() + bytes.len();
                    held.push((channel, bytes));
                }
            }
            if held_bytes > shared.options.queue_bytes_max {
                // There is a gap before it in any case.
                shared.counts.dropped_in.add(held.len());
                (held, held_bytes) = (Vec::new(), 0);
            }
        }
    }
    if has_gap {
        shared.deliver(SharedEvent::Gap);
    }
    for (channel, bytes) in held {
        subscriber.take(&channel, bytes, last)?;
    }
    // What has changed before the own channel was there.
    subscriber.apply_changes()?;
    subscriber.connection.wait_for(SILENCE)?;
    shared.counts.up(Half::Subscriber);
    Ok(subscriber)
}

impl Subscriber<'_> {
    /// Takes what comes. Returns why that has ended.
    fn read_all(&mut self, last: &mut LastNumbers) -> String {
        loop {
            let taken = self.next().and_then(|pushed| match pushed {
                Pushed::Confirmed => Ok(()),
                Pushed::Message { channel, bytes } => self.take(&channel, bytes, last),
            });
            if let Err(why) = taken {
                return why;
            }
            // The two connections may have come to different servers, which other messages hide.
            if self.beaten_at.elapsed() >= SILENCE {
                self.shared.outgoing.renew();
                return "signs of life do not come back".to_owned();
            }
            if self.shared.outgoing.has_ended() {
                return "the host has ended".to_owned();
            }
        }
    }

    /// Takes a message.
    fn take(
        &mut self,
        channel: &str,
        bytes: Vec<u8>,
        last: &mut LastNumbers,
    ) -> Result<(), String> {
        let shared = self.shared;
        // Others may publish what they like.
        let Some((origin, what)) = decode(bytes) else { return Ok(()) };
        if origin.node == shared.node {
            if channel == self.own {
                shared.counts.beaten(origin.number);
                self.beaten_at = Instant::now();
                self.apply_changes()?;
            }
            return Ok(());
        }
        if !last.is_next(origin) {
            return Ok(());
        }
        let event = match what {
            Published::ToTopic(message) => {
                let topic = channel::topic(&shared.options.prefix, channel);
                let Some((service, topic)) = topic else { return Ok(()) };
                let (service, topic) = (service.to_owned(), Some(topic.to_owned()));
                SharedEvent::Message { service, topic, message }
            }
            Published::ToAll(service, message) => {
                SharedEvent::Message { service, topic: None, message }
            }
            Published::Missed => SharedEvent::Gap,
            Published::Beat => return Ok(()),
        };
        if matches!(event, SharedEvent::Message { .. }) {
            shared.counts.received.add(1);
        }
        shared.deliver(event);
        Ok(())
    }

    /// Subscribes to topics that have come, and ends those that have gone, in this order.
    fn apply_changes(&mut self) -> Result<(), String> {
        let changes = self.shared.topics.changes();
        let kind = |change: &TopicChange| matches!(change, TopicChange::Subscribe(_));
        for run in changes.chunk_by(|a, b| kind(a) == kind(b)) {
            let verb = if kind(&run[0]) { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
            let name = |change: &TopicChange| match change {
                TopicChange::Subscribe(channel) | TopicChange::Unsubscribe(channel) => {
                    channel.clone()
                }
            };
            for batch in run.chunks(BATCH_LEN) {
                self.command(verb, &batch.iter().map(name).collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }

    /// Sends a command, whose answers come among the messages.
    fn command(&mut self, verb: &str, channels: &[String]) -> Result<(), String> {
        let mut command = redis::cmd(verb);
        for channel in channels {
            command.arg(channel);
        }
        self.connection.send(&command)
    }

    /// Waits for what comes next.
    fn next(&mut self) -> Result<Pushed, String> {
        let value = self.connection.receive()?;
        let Value::Array(parts) = value else { return Err(unexpected(&value)) };
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(kind), Some(Value::BulkString(channel)), Some(Value::BulkString(bytes)))
                if is_word(&kind, "message") =>
            {
                Ok(Pushed::Message {
                    channel: String::from_utf8(channel).unwrap_or_default(),
                    bytes,
                })
            }
            (Some(kind), ..) if is_word(&kind, "subscribe") || is_word(&kind, "unsubscribe") => {
                Ok(Pushed::Confirmed)
            }
            other => Err(unexpected(&other)),
        }
    }
}

fn is_word(value: &Value, word: &str) -> bool {
    matches!(value, Value::BulkString(bytes) if bytes == word.as_bytes())
}

/// The last number of each host. Redis may still carry out what a host has sent over a connection
/// that the host has replaced, behind what the host has sent since then.
#[derive(Debug, Default)]
struct LastNumbers(BTreeMap<u64, u64>);

impl LastNumbers {
    /// Whether this is later than all before it, of this host.
    fn is_next(&mut self, origin: NodeOrigin) -> bool {
        if self.0.len() >= NODES_MAX && !self.0.contains_key(&origin.node) {
            // Hosts that have ended are still in it.
            self.0.clear();
        }
        let is_next = self.0.get(&origin.node).is_none_or(|last| *last < origin.number);
        if is_next {
            self.0.insert(origin.node, origin.number);
        }
        is_next
    }
}

/// Channels of one command.
const BATCH_LEN: usize = 1_000;
/// The connection is dead after so long without a message. The publisher sends one each 5 s.
const SILENCE: Duration = Duration::from_secs(15);
/// Most hosts whose last number is known.
const NODES_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_is_left_out() {
        let mut last = LastNumbers::default();
        let mut take = |node, number| last.is_next(NodeOrigin { node, number });
        assert!(take(1, 0) && take(1, 2) && take(2, 1));
        assert!(!take(1, 1) && !take(1, 2));
        assert!(take(1, 3));
        for node in 3..10_000 {
            assert!(take(node, 0));
        }
        assert!(last.0.len() <= NODES_MAX);
    }
}
