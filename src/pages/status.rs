//! The page `/status`: the state of a host as JSON (RFC 8259), for people and scripts.

use std::fmt::Write;

use crate::limits::Limits;
use crate::pages::escape::json;
use crate::pages::{DatabaseMetrics, Metrics, ServiceMetrics, WorkerMetrics};

impl Metrics {
    /// The state of the host as one JSON object: version, listeners, totals, services, databases,
    /// limits and memory. What is not known, a limit that is off, and what a build lacks, is
    /// `null`.
    ///
    /// ```
    /// let status = switchboard::Metrics::default().to_json();
    /// assert!(status.starts_with("{\"version\":\""));
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let services = self.services.iter().map(service);
        let listeners = self.listeners.iter().map(|of| {
            object(&[
                ("address", json(&of.address)),
                ("connections", of.connections.to_string()),
                ("accepted", of.connections_accepted.to_string()),
            ])
        });
        let state = if self.is_stopping { "stopping" } else { "running" };
        object(&[
            ("version", json(env!("CARGO_PKG_VERSION"))),
            ("pid", known(self.process.pid)),
            ("uptime_seconds", self.uptime.as_secs().to_string()),
            ("state", json(state)),
            ("listeners", array(listeners)),
            ("totals", self.totals()),
            ("services", array(services)),
            ("databases", array(self.databases.iter().map(database))),
            ("limits", limits(&self.limits)),
            ("memory", self.memory()),
        ])
    }

    fn totals(&self) -> String {
        let sum = |of: fn(&ServiceMetrics) -> u64| {
            self.services.iter().map(of).fold(0, u64::saturating_add).to_string()
        };
        let connections = self.listeners.iter().map(|of| of.connections).sum::<u64>();
        let refused = self.refused.iter().map(|(_, count)| count).sum::<u64>();
        object(&[
            ("connections", connections.to_string()),
            ("connections_refused", refused.to_string()),
            ("sockets", sum(|of| of.sockets)),
            ("sockets_opened", sum(|of| of.sockets_opened)),
            ("messages_received", sum(|of| of.messages_received)),
            ("messages_sent", sum(|of| of.messages_sent)),
            ("received_bytes", sum(|of| of.received_bytes)),
            ("sent_bytes", sum(|of| of.sent_bytes)),
            ("tls_handshakes", self.handshakes()),
            ("log_lines_dropped", known(self.log_lines_dropped)),
        ])
    }

    /// By how they ended.
    fn handshakes(&self) -> String {
        let counts = self.tls_handshakes.iter().map(|(end, count)| (*end, count.to_string()));
        match &*counts.collect::<Vec<_>>() {
            [] => NULL.to_owned(),
            counts => object(counts),
        }
    }

    fn memory(&self) -> String {
        let of = &self.memory;
        object(&[
            ("outbox", of.outbox.to_string()),
            ("mail", of.mail.to_string()),
            ("input", of.input.to_string()),
            ("batches", of.batches.to_string()),
            ("max", known(of.max)),
        ])
    }
}

fn service(of: &ServiceMetrics) -> String {
    object(&[
        ("path", json(&of.path)),
        ("kind", json(of.kind.name())),
        ("state", json(of.state.name())),
        ("sockets", of.sockets.to_string()),
        ("paused", of.paused_sockets.to_string()),
        ("mail", of.mail_messages.to_string()),
        ("topics", of.topics.to_string()),
        ("restarts", of.restarts.to_string()),
        ("pids", array(of.pids.iter().map(u32::to_string))),
        ("workers", array(of.workers.iter().map(worker))),
    ])
}

fn worker(of: &WorkerMetrics) -> String {
    object(&[
        ("state", json(of.state.name())),
        ("sockets", of.sockets.to_string()),
        ("mail", of.mail_messages.to_string()),
        ("restarts", of.starts.saturating_sub(1).to_string()),
    ])
}

fn database(of: &DatabaseMetrics) -> String {
    let errors = of.errors.iter().map(|(kind, count)| (*kind, count.to_string()));
    object(&[
        ("name", json(&of.name)),
        ("address", json(&of.address)),
        ("state", json(if of.is_up { "up" } else { "down" })),
        ("connections", of.connections.to_string()),
        ("queue", of.queue.to_string()),
        ("reads", of.reads.to_string()),
        ("writes", of.writes.to_string()),
        ("errors", object(&errors.collect::<Vec<_>>())),
    ])
}

/// By the names of their keys in `server.conf`.
fn limits(of: &Limits) -> String {
    let count = |max: usize| match max {
        Limits::OFF_COUNT => NULL.to_owned(),
        max => max.to_string(),
    };
    object(&[
        ("max-connections", count(of.sockets_max)),
        ("max-per-ip", count(of.sockets_per_ip_max)),
        ("new-per-ip", of.connection_rate.map_or(NULL.to_owned(), |rate| json(&rate.to_string()))),
        ("max-message", count(of.message_bytes_max)),
        ("outbox-max", count(of.outbox_bytes_max)),
        ("memory-max", count(of.held_bytes_max)),
    ])
}

/// A number, if it is known.
fn known(number: Option<impl ToString>) -> String {
    number.map_or(NULL.to_owned(), |number| number.to_string())
}

/// An object of these members, whose values are JSON.
fn object(members: &[(&str, String)]) -> String {
    let mut text = String::from("{");
    for (index, (name, value)) in members.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(text, "{comma}\"{name}\":{value}").expect("a string takes every text");
    }
    text.push('}');
    text
}

/// An array of these values.
fn array(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(","))
}

const NULL: &str = "null";

#[cfg(test)]
mod tests;
