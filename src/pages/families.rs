//! All metrics: their names, what they are, and where their values come from. Labels are paths of
//! services, numbers of workers, names of databases, addresses of listeners and words of this file.
//! They are never texts of peers, so that no peer can make the page long.

use crate::pages::ServiceState;
use crate::pages::samples::Rows::{Each, Once};
use crate::pages::samples::{Family, Rows, Samples, seconds};
use crate::pages::{BackplaneMetrics, DatabaseMetrics, Metrics};

/// All metrics, in the order of the page.
pub(super) const FAMILIES: [Family; 56] = [
    gauge(
        "switchboard_build_info",
        "The version and the features of the program; always 1.",
        Once(|_, samples| {
            let features = features();
            let labels = [("version", env!("CARGO_PKG_VERSION")), ("features", &*features)];
            samples.sample("", &labels, 1);
        }),
    ),
    gauge(
        "switchboard_connections",
        "Connections, those included whose requests are not answered.",
        Once(|metrics, samples| {
            for of in &metrics.listeners {
                samples.sample("", &[("listener", &of.address)], of.connections);
            }
        }),
    ),
    counter(
        "switchboard_connections_total",
        "Connections that were accepted.",
        Once(|metrics, samples| {
            for of in &metrics.listeners {
                samples.sample("", &[("listener", &of.address)], of.connections_accepted);
            }
        }),
    ),
    counter(
        "switchboard_connections_refused_total",
        "Connections that were not served; for descriptors, how often accepting had to pause.",
        Once(|metrics, samples| {
            for (reason, count) in &metrics.refused {
                samples.sample("", &[("reason", reason)], count);
            }
        }),
    ),
    counter(
        "switchboard_responses_total",
        "Answers to requests, 101 for sockets that opened.",
        Once(|metrics, samples| {
            for (status, count) in &metrics.responses {
                samples.sample("", &[("status", &status.to_string())], count);
            }
            samples.sample("", &[("status", "other")], metrics.other_responses);
        }),
    ),
    gauge("switchboard_sockets", "Open sockets.", Each(|of, s| s.of(of, of.sockets))),
    counter(
        "switchboard_sockets_total",
        "Sockets that have opened.",
        Each(|of, s| s.of(of, of.sockets_opened)),
    ),
    counter(
        "switchboard_closes_total",
        "Sockets that have closed, by the code of the side that closed first.",
        Each(|of, samples| {
            for (code, count) in of.closes().filter(|(_, count)| *count > 0) {
                samples.sample("", &[("service", &of.path), ("code", code)], count);
            }
        }),
    ),
    counter(
        "switchboard_messages_received_total",
        "Messages of peers that the service was given.",
        Each(|of, s| s.of(of, of.messages_received)),
    ),
    counter(
        "switchboard_messages_sent_total",
        "Messages of the service, once for each socket that gets them.",
        Each(|of, s| s.of(of, of.messages_sent)),
    ),
    counter(
        "switchboard_received_bytes_total",
        "Bytes that were read from sockets, after their requests.",
        Each(|of, s| s.of(of, of.received_bytes)),
    ),
    counter(
        "switchboard_sent_bytes_total",
        "Bytes that were written to sockets, with answers to requests.",
        Each(|of, s| s.of(of, of.sent_bytes)),
    ),
    gauge(
        "switchboard_outbox_bytes",
        "Bytes that wait for peers.",
        Each(|of, s| s.of(of, of.outbox_bytes)),
    ),
    gauge(
        "switchboard_mail_messages",
        "Messages and other events that the service has not taken.",
        Each(|of, s| s.of(of, of.mail_messages)),
    ),
    gauge(
        "switchboard_mail_bytes",
        "Bytes of events that the service has not taken.",
        Each(|of, s| s.of(of, of.mail_bytes)),
    ),
    gauge(
        "switchboard_paused_sockets",
        "Open sockets that are not read because the service or a listener is behind, or by a rate.",
        Each(|of, s| s.of(of, of.paused_sockets)),
    ),
    counter(
        "switchboard_pauses_total",
        "How often a socket became a paused one.",
        Each(|of, s| s.of(of, of.pauses)),
    ),
    counter(
        "switchboard_slow_closes_total",
        "Sockets that were closed because their peers read too slowly.",
        Each(|of, s| s.of(of, of.slow_closes)),
    ),
    gauge("switchboard_topics", "Topics with a subscription.", Each(|of, s| s.of(of, of.topics))),
    gauge(
        "switchboard_subscriptions",
        "Subscriptions to topics.",
        Each(|of, s| s.of(of, of.subscriptions)),
    ),
    gauge(
        "switchboard_up",
        "Whether the service is ready.",
        Each(|of, s| s.of(of, u8::from(of.is_up()))),
    ),
    counter(
        "switchboard_starts_total",
        "Starts of the service, also under sockets that stayed open.",
        Each(|of, s| s.of(of, of.starts)),
    ),
    counter(
        "switchboard_failures_total",
        "Ends of the service, or of its process, by a fault; starts that failed are among them.",
        Each(|of, s| s.of(of, of.failures)),
    ),
    gauge(
        "switchboard_worker_up",
        "Whether one of several workers of the service is ready.",
        Each(|of, s| s.of_workers(of, |worker| (worker.state == ServiceState::Running).into())),
    ),
    gauge(
        "switchboard_worker_sockets",
        "Open sockets of one of several workers.",
        Each(|of, s| s.of_workers(of, |worker| worker.sockets)),
    ),
    gauge(
        "switchboard_worker_mail_bytes",
        "Bytes of events that one of several workers has not taken.",
        Each(|of, s| s.of_workers(of, |worker| worker.mail_bytes)),
    ),
    counter(
        "switchboard_worker_starts_total",
        "Starts of one of several workers, also under sockets that stayed open.",
        Each(|of, s| s.of_workers(of, |worker| worker.starts)),
    ),
    counter(
        "switchboard_worker_failures_total",
        "Ends of one of several workers by a fault; starts that failed are among them.",
        Each(|of, s| s.of_workers(of, |worker| worker.failures)),
    ),
    gauge(
        "switchboard_processes",
        "Processes of the service.",
        Each(|of, s| {
            if cfg!(feature = "programs") {
                s.of(of, of.pids.len());
            }
        }),
    ),
    counter(
        "switchboard_loop_turns_total",
        "Turns of the loop.",
        Once(|metrics, s| s.only(metrics.turns.count)),
    ),
    counter(
        "switchboard_loop_busy_seconds_total",
        "Time in which the loop did not wait.",
        Once(|metrics, s| s.only(seconds(metrics.turns.sum))),
    ),
    histogram(
        "switchboard_loop_turn_seconds",
        "Time of turns of the loop, from the end of one wait to the begin of the next.",
        Once(|metrics, s| s.histogram(&metrics.turns)),
    ),
    counter(
        "switchboard_slow_callbacks_total",
        "Callbacks on the loop, and pages of closures, that took longer than max-callback.",
        Each(|of, s| s.of(of, of.slow_callbacks)),
    ),
    counter(
        "switchboard_unheard_messages_total",
        "Messages of other processes or hosts that a listening service missed: its mail was full.",
        Each(|of, s| s.of(of, of.unheard)),
    ),
    gauge(
        "switchboard_memory_bytes",
        "Memory that grows with what peers and services do.",
        Once(|metrics, samples| {
            let of = &metrics.memory;
            let (outbox, mail) = (("outbox", of.outbox), ("mail", of.mail));
            let (input, batches) = (("input", of.input), ("batches", of.batches));
            for (kind, bytes) in [outbox, mail, input, batches] {
                samples.sample("", &[("kind", kind)], bytes);
            }
        }),
    ),
    gauge(
        "switchboard_memory_bytes_max",
        "The budget of that memory, memory-max.",
        Once(|metrics, s| s.known(metrics.memory.max)),
    ),
    counter(
        "switchboard_log_lines_dropped_total",
        "Lines of the log that were not written.",
        Once(|metrics, s| s.known(metrics.log_lines_dropped)),
    ),
    histogram(
        "switchboard_ping_seconds",
        "Time from a ping to the next bytes of the peer, most often the pong.",
        Once(|metrics, s| s.histogram(&metrics.pings)),
    ),
    counter(
        "switchboard_tls_handshakes_total",
        "TLS handshakes, by how they ended; failed are those whose connection ended before.",
        Once(|metrics, samples| {
            for (result, count) in &metrics.tls_handshakes {
                samples.sample("", &[("result", result)], count);
            }
        }),
    ),
    gauge(
        "switchboard_database_connections",
        "Connections of a database.",
        Once(|metrics, samples| databases(metrics, samples, |of| of.connections)),
    ),
    counter(
        "switchboard_database_connections_total",
        "Connections of a database that were opened.",
        Once(|metrics, samples| databases(metrics, samples, |of| of.connects)),
    ),
    gauge(
        "switchboard_database_queue",
        "Jobs that wait for a connection of a database.",
        Once(|metrics, samples| databases(metrics, samples, |of| of.queue)),
    ),
    counter(
        "switchboard_database_jobs_total",
        "Jobs of a database that have ended, errors included.",
        Once(|metrics, samples| {
            for of in &metrics.databases {
                for (kind, count) in [("read", of.reads), ("write", of.writes)] {
                    samples.sample("", &[("database", &of.name), ("kind", kind)], count);
                }
            }
        }),
    ),
    counter(
        "switchboard_database_errors_total",
        "Jobs of a database that have failed.",
        Once(|metrics, samples| {
            for of in &metrics.databases {
                for (kind, count) in &of.errors {
                    samples.sample("", &[("database", &of.name), ("kind", kind)], count);
                }
            }
        }),
    ),
    gauge(
        "switchboard_backplane_up",
        "Whether the connections to the backplane stand.",
        Once(|metrics, samples| backplane(metrics, samples, |of| u64::from(of.is_up))),
    ),
    counter(
        "switchboard_backplane_published_total",
        "Messages that were published for other hosts.",
        Once(|metrics, samples| backplane(metrics, samples, |of| of.published)),
    ),
    counter(
        "switchboard_backplane_received_total",
        "Messages of other hosts that have come.",
        Once(|metrics, samples| backplane(metrics, samples, |of| of.received)),
    ),
    counter(
        "switchboard_backplane_dropped_total",
        "Messages that were dropped: out, for other hosts, and in, of them.",
        Once(|metrics, samples| {
            if let Some(of) = &metrics.backplane {
                for (way, count) in [("out", of.dropped_out), ("in", of.dropped_in)] {
                    samples.sample("", &[("way", way)], count);
                }
            }
        }),
    ),
    counter(
        "switchboard_backplane_gaps_total",
        "How often this host has found that messages of other hosts may be missing.",
        Once(|metrics, samples| backplane(metrics, samples, |of| of.gaps)),
    ),
    gauge(
        "switchboard_backplane_queue_bytes",
        "Bytes that wait to be published for other hosts.",
        Once(|metrics, samples| backplane(metrics, samples, |of| of.queue_bytes)),
    ),
    gauge(
        "switchboard_backplane_lag_seconds",
        "How long the last sign of life took to the backplane and back.",
        Once(|metrics, s| s.known(metrics.backplane.as_ref().map(|of| seconds(of.lag)))),
    ),
    gauge(
        "process_resident_memory_bytes",
        "Resident memory of the process.",
        Once(|metrics, s| s.known(metrics.process.resident_memory_bytes)),
    ),
    gauge(
        "process_open_fds",
        "Open descriptors of the process.",
        Once(|metrics, s| s.known(metrics.process.open_fds)),
    ),
    gauge(
        "process_max_fds",
        "How many descriptors the process may open.",
        Once(|metrics, s| s.known(metrics.process.max_fds)),
    ),
    counter(
        "process_cpu_seconds_total",
        "Time of all threads of the process on processors.",
        Once(|metrics, s| s.known(metrics.process.cpu.map(seconds))),
    ),
    gauge(
        "process_start_time_seconds",
        "When the process started, since 1970.",
        Once(|metrics, s| s.known(metrics.process.started.map(seconds))),
    ),
];

/// One value of each database.
fn databases(metrics: &Metrics, samples: &mut Samples<'_>, of: fn(&DatabaseMetrics) -> u64) {
    for database in &metrics.databases {
        samples.sample("", &[("database", &database.name)], of(database));
    }
}

/// One value of the backplane, if there is one.
fn backplane(metrics: &Metrics, samples: &mut Samples<'_>, of: fn(&BackplaneMetrics) -> u64) {
    samples.known(metrics.backplane.as_ref().map(of));
}

/// What this program was built with.
fn features() -> String {
    let all = [
        ("chatroom", cfg!(feature = "chatroom")),
        ("deflate", cfg!(feature = "deflate")),
        ("json", cfg!(feature = "json")),
        ("pages", cfg!(feature = "pages")),
        ("postgres", cfg!(feature = "postgres")),
        ("processes", cfg!(feature = "processes")),
        ("programs", cfg!(feature = "programs")),
        ("proxy", cfg!(feature = "proxy")),
        ("redis", cfg!(feature = "redis")),
        ("senders", cfg!(feature = "senders")),
        ("simd", cfg!(feature = "simd")),
        ("sqlite", cfg!(feature = "sqlite")),
        ("state", cfg!(feature = "state")),
        ("tls", cfg!(feature = "tls")),
        ("unix", cfg!(feature = "unix")),
        ("workers", cfg!(feature = "workers")),
    ];
    let built = all.iter().filter(|(_, is_built)| *is_built).map(|(name, _)| *name);
    [&["admin"][..], &built.collect::<Vec<_>>()].concat().join(",")
}

const fn counter(name: &'static str, help: &'static str, rows: Rows) -> Family {
    Family { name, kind: "counter", help, rows }
}

const fn gauge(name: &'static str, help: &'static str, rows: Rows) -> Family {
    Family { name, kind: "gauge", help, rows }
}

const fn histogram(name: &'static str, help: &'static str, rows: Rows) -> Family {
    Family { name, kind: "histogram", help, rows }
}
