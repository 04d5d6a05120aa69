//! The text for Prometheus: its names, its syntax, and its parts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::pages::samples::Family;
use crate::pages::{
    BackplaneMetrics, DatabaseMetrics, Histogram, ListenerMetrics, MemoryMetrics, ProcessMetrics,
    ServiceKind, ServiceMetrics, ServiceState, WorkerMetrics,
};

/// The names that dashboards and alerts use: to change one is a break.
const NAMES: &str = "
build_info connections connections_total connections_refused_total responses_total
sockets sockets_total closes_total messages_received_total messages_sent_total
received_bytes_total sent_bytes_total outbox_bytes mail_messages mail_bytes paused_sockets
pauses_total slow_closes_total topics subscriptions up starts_total failures_total
worker_up worker_sockets worker_mail_bytes worker_starts_total worker_failures_total processes
loop_turns_total loop_busy_seconds_total loop_turn_seconds slow_callbacks_total
unheard_messages_total
memory_bytes memory_bytes_max log_lines_dropped_total ping_seconds
tls_handshakes_total database_connections database_connections_total database_queue
database_jobs_total database_errors_total
backplane_up backplane_published_total backplane_received_total backplane_dropped_total
backplane_gaps_total backplane_queue_bytes backplane_lag_seconds
";
const PROCESS_NAMES: &str = "
process_resident_memory_bytes process_open_fds process_max_fds process_cpu_seconds_total
process_start_time_seconds
";

fn of_service(path: &str) -> ServiceMetrics {
    let mut service =
        ServiceMetrics::new(path.to_owned(), ServiceKind::Mounted, ServiceState::Running);
    (service.closes[0], service.closes[6], service.closes[17]) = (3, 2, 1);
    (service.sockets, service.messages_received) = (4, 5);
    service.workers = vec![WorkerMetrics {
        state: ServiceState::Running,
        sockets: 4,
        mail_messages: 0,
        mail_bytes: 0,
        starts: 1,
        failures: 0,
    }];
    service
}

/// Metrics in which each metric has a value.
fn full(services: Vec<ServiceMetrics>) -> Metrics {
    let bounds = [Duration::from_micros(100), Duration::from_secs(5)].into_iter();
    let histogram = Histogram::new(bounds, [1, 2, 4].into_iter(), Duration::from_millis(1_500));
    Metrics {
        listeners: vec![ListenerMetrics {
            address: "127.0.0.1:80".to_owned(),
            connections: 1,
            connections_accepted: 2,
        }],
        refused: vec![("full", 3)],
        tls_handshakes: vec![("full", 5), ("failed", 0)],
        backplane: Some(BackplaneMetrics { dropped_out: 1, ..Default::default() }),
        databases: vec![DatabaseMetrics { errors: vec![("busy", 1)], ..Default::default() }],
        responses: vec![(101, 7), (404, 1)],
        other_responses: 2,
        services,
        turns: histogram.clone(),
        pings: histogram,
        memory: MemoryMetrics { max: Some(9), ..MemoryMetrics::default() },
        log_lines_dropped: Some(0),
        process: ProcessMetrics {
            pid: Some(1),
            resident_memory_bytes: Some(1),
            open_fds: Some(2),
            max_fds: Some(3),
            cpu: Some(Duration::from_millis(2_030)),
            started: Some(Duration::from_secs(1_700_000_000)),
        },
        ..Metrics::default()
    }
}

#[test]
fn each_name_is_there_once_with_its_help_and_type() {
    let page: String = full(vec![of_service("/a")]).into_text().collect();
    let is_built = |name: &&str| *name != "processes" || cfg!(feature = "programs");
    let own = NAMES.split_whitespace().filter(is_built);
    let own = own.map(|name| format!("switchboard_{name}"));
    let names: Vec<_> = own.chain(PROCESS_NAMES.split_whitespace().map(str::to_owned)).collect();
    let kinds: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let named = kinds.iter().map(|kind| kind.split(' ').next().unwrap_or_default());
    assert_eq!(named.collect::<Vec<_>>(), names);
    for kind in kinds {
        let (name, kind) = kind.split_once(' ').expect("it has a type");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        let help = format!("# HELP {name} ");
        assert_eq!(page.matches(&help).count(), 1, "{name}");
        let suffix = if kind == "histogram" { "_count" } else { "" };
        let has = |line: &str| {
            let rest = line.strip_prefix(&format!("{name}{suffix}"));
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
        };
        assert!(page.lines().any(has), "{name} has a sample");
    }
}

/// The table of docs/operation.md is the one of the program. `tests/exchange.rs` compares the rows
/// of what the parent of several processes counts.
#[test]
fn the_document_lists_each_metric() {
    let document = include_str!("../../../docs/operation.md");
    let of_host = |line: &&str| {
        line.starts_with("| `switchboard_") && !line.starts_with("| `switchboard_exchange_")
    };
    let rows: Vec<_> = document.lines().filter(of_host).collect();
    let process = document.lines().filter(|line| line.starts_with("| `process_"));
    let listed: Vec<_> = rows.into_iter().chain(process).map(str::to_owned).collect();
    let row = |of: &Family| format!("| `{}` | {} | {} |", of.name, of.kind, of.help);
    assert_eq!(listed, FAMILIES.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn samples_are_written_as_the_format_wants_them() {
    let page: String = full(vec![of_service("/a")]).into_text().collect();
    for line in [
        "switchboard_connections{listener=\"127.0.0.1:80\"} 1",
        "switchboard_connections_refused_total{reason=\"full\"} 3",
        "switchboard_tls_handshakes_total{result=\"full\"} 5",
        "switchboard_tls_handshakes_total{result=\"failed\"} 0",
        "switchboard_responses_total{status=\"101\"} 7",
        "switchboard_responses_total{status=\"other\"} 2",
        "switchboard_sockets{service=\"/a\"} 4",
        "switchboard_closes_total{service=\"/a\",code=\"1006\"} 2",
        "switchboard_closes_total{service=\"/a\",code=\"4xxx\"} 1",
        "switchboard_up{service=\"/a\"} 1",
        "switchboard_loop_turns_total 7",
        "switchboard_loop_busy_seconds_total 1.5",
        "switchboard_loop_turn_seconds_bucket{le=\"0.0001\"} 1",
        "switchboard_loop_turn_seconds_bucket{le=\"5\"} 3",
        "switchboard_loop_turn_seconds_bucket{le=\"+Inf\"} 7",
        "switchboard_loop_turn_seconds_sum 1.5",
        "switchboard_loop_turn_seconds_count 7",
        "process_cpu_seconds_total 2.03",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}\nin\n{page}");
    }
    assert!(!page.contains("code=\"1001\""), "a code that no socket had");
}

#[test]
fn what_is_not_known_is_left_out() {
    let page: String = Metrics::default().into_text().collect();
    for name in [
        "process_open_fds",
        "log_lines_dropped",
        "memory_bytes_max",
        "switchboard_sockets",
        "tls_handshakes",
    ] {
        assert!(!page.contains(name), "{name}");
    }
}

/// A name in the document root may have any bytes but a slash and a zero.
#[test]
fn no_path_can_make_another_line_or_label() {
    let path = "/a\"b\\c\nswitchboard_up 7";
    let page: String = full(vec![of_service(path)]).into_text().collect();
    let line = "switchboard_sockets{service=\"/a\\\"b\\\\c\\nswitchboard_up 7\"} 4";
    assert!(page.lines().any(|other| other == line), "{page}");
    assert!(!page.lines().any(|line| line.starts_with("switchboard_up 7")));
}

/// However many services there are, no part is long, and each family stays together.
#[test]
fn parts_are_short_and_together_the_page() {
    let services = |len| (0..len).map(|number| of_service(&format!("/folder/service-{number}")));
    let parts: Vec<_> = full(services(3_000).collect()).into_text().collect();
    let longest = parts.iter().map(String::len).max().unwrap_or_default();
    assert!(longest < 34 << 10 && parts.len() > 90, "{longest}, {}", parts.len());
    let page = parts.concat();
    let mut families = BTreeMap::<&str, usize>::new();
    let (mut current, mut lines) = ("", 0);
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            current = kind.split(' ').next().unwrap_or_default();
            assert!(!families.contains_key(current), "{current} comes once");
        } else if !line.starts_with('#') {
            assert!(line.starts_with(current), "{line} is of {current}");
            *families.entry(current).or_default() += 1;
            lines += 1;
        }
    }
    let of_programs = families.get("switchboard_processes").copied();
    assert_eq!(of_programs, cfg!(feature = "programs").then_some(3_000));
    assert_eq!(families["switchboard_sockets"], 3_000);
    assert_eq!(families["switchboard_closes_total"], 9_000);
    let one: String = full(services(1).collect()).into_text().collect();
    let per_service = 24 + usize::from(cfg!(feature = "programs")) + 3;
    let rest = one.lines().filter(|line| !line.starts_with('#')).count() - per_service;
    assert_eq!(lines, rest + 3_000 * per_service);
}
