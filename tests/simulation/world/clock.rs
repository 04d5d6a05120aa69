//! Deadlines of sockets, stated from the records alone: none fires early, and none later than a
//! tick of the wheel after it is due.

use switchboard::Limits;
use switchboard::time::Time;

use super::peer::Goal;
use super::{Link, Place, World};

impl World {
    /// Nothing is overdue for this socket.
    pub(super) fn check_times(&self, index: usize) {
        let Some((due, what)) = self.due(index) else { return };
        let now = self.now;
        assert!(
            now <= due.after(TICK_MS),
            "peer {index}: {what} was due at {due:?}, it is {now:?}"
        );
    }

    /// What is due next for a socket, and when, as far as it can be seen from outside.
    fn due(&self, index: usize) -> Option<(Time, &'static str)> {
        let Link { peer, record: Some(record), .. } = &self.links[index] else { return None };
        let (limits, times) = (&self.limits, &record.times);
        // A turn may have no time to drop it.
        if record.stuck || record.failed {
            return None;
        }
        if record.unsent_len > 0 {
            let moved = times.carried.max(times.unsent);
            let paid = record.paid.filter(|_| record.ahead.is_answered());
            // It was looked at within that time, and what it had taken gives it three times that.
            let ahead = moved.after(4 * limits.write_ms_max);
            let since = paid.map_or(moved, |[_, most]| most.min(ahead));
            return Some((since.after(limits.write_ms_max), "a write"));
        }
        let is_over = record.reader.is_closed() || record.reader.is_answered();
        if is_over {
            // A file's answer goes on for as long as its parts come.
            if record.held || peer.goal == Goal::File {
                return None;
            }
            let since = times.carried.max(times.resumed).max(times.fatal);
            return Some((since.after(limits.close_ms_max), "an end"));
        }
        if record.reader.is_open() {
            return self.due_while_open(index);
        }
        match times.head {
            None => Some((times.accepted.after(limits.handshake_ms_max), "a head")),
            Some(_) if peer.goal == Goal::File => None,
            Some(head) => Some((head.after(limits.admission_ms_max), "a verdict")),
        }
    }

    fn due_while_open(&self, index: usize) -> Option<(Time, &'static str)> {
        let Link { peer, record: Some(record), .. } = &self.links[index] else { return None };
        let Goal::Service(place) = peer.goal else { return None };
        // Other limits hold from when they were given.
        let Place { limits, remounted, .. } = &self.places[place];
        let times = &record.times;
        if record.held {
            let left = times.left?.max(times.carried);
            return Some((left.after(limits.write_ms_max), "the end of one who has left"));
        }
        if record.closed.is_some() {
            return Some((times.closed[1].after(limits.close_ms_max), "a close frame"));
        }
        let life = times.open.max(times.fed).max(times.resumed).max(times.life);
        // No ping goes out behind what the peer has not taken yet.
        let silence = life.after(limits.ping_interval_ms).max(*remounted).max(times.carried);
        let sign = match times.ping {
            Some(ping) if ping > life => (ping.after(limits.pong_ms_max), "a pong"),
            Some(_) | None => (silence, "a ping"),
        };
        if limits.idle_ms_max == Limits::OFF_MS {
            return Some(sign);
        }
        let message = times.message.max(times.open).max(times.resumed).max(times.carried);
        let idle = (message.after(limits.idle_ms_max).max(*remounted), "a close for idleness");
        Some(if idle.0 < sign.0 { idle } else { sign })
    }

    /// A socket was lost: its service gets the true reason.
    pub(super) fn check_loss(&self, index: usize, reason: &str) {
        let Link { peer, record: Some(record), .. } = &self.links[index] else { return };
        let (limits, times, now) = (&self.limits, &record.times, self.now);
        let cause = reason.split(" (closing with ").next().unwrap_or(reason);
        let (since, least_ms) = match cause {
            "no answer to a ping" => {
                assert!(!record.held, "peer {index}: pausing never looks like death");
                (times.fed.max(times.resumed).max(times.ping.unwrap_or(now)), limits.pong_ms_max)
            }
            "the peer reads too slowly (write-timeout)" => {
                (times.carried.max(times.unsent), limits.write_ms_max)
            }
            "the peer does not close (close-timeout)" => (times.carried, limits.close_ms_max),
            "the peer has gone, and its service is behind" => {
                (times.left.unwrap_or(now), limits.write_ms_max)
            }
            "the server has stopped" => (self.drained.unwrap_or(now), limits.drain_ms_max),
            _ => {
                let is_true = match cause {
                    "the peer ended the connection without a close frame" => record.ended,
                    "the peer reset the connection" => record.reset,
                    "the peer has closed the connection" => record.refuses,
                    _ if cause.starts_with("TLS: ") => record.broken,
                    _ => false,
                };
                return assert!(is_true, "peer {index}: {reason}");
            }
        };
        let ms = now.since(since);
        assert!(ms >= least_ms, "peer {index}: {reason}, after {ms} of {least_ms} ms");
        let is_stop = cause == "the server has stopped";
        // Its close frame is behind messages that a slow service has not taken yet. That extends
        // its time by each pause, and no more.
        let is_behind = cause == "the peer does not close (close-timeout)"
            && peer.fatal.is_some_and(|fatal| peer.written < fatal.end);
        // Answers of the layer below do not leave, as long as which its end is not read.
        let has_gone = peer.has_left && self.links[index].pipe.tunnel.is_some();
        let is_excused = is_stop || is_behind || has_gone || times.left.is_some();
        assert!(is_excused || !peer.is_good(), "peer {index}: {reason}");
    }
}

/// How late a deadline may be noticed.
const TICK_MS: u64 = 64;
