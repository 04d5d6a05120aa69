//! The state as JSON.

use std::time::Duration;

use super::*;
use crate::pages::{ListenerMetrics, MemoryMetrics, ServiceKind, ServiceState};

#[test]
fn the_state_is_one_object() {
    let mut service =
        ServiceMetrics::new("/a\"\n".to_owned(), ServiceKind::Program, ServiceState::Running);
    (service.sockets, service.paused_sockets, service.mail_messages) = (4, 1, 2);
    (service.topics, service.restarts, service.pids) = (3, 4, vec![7, 8]);
    service.workers = vec![WorkerMetrics {
        state: ServiceState::Starting,
        sockets: 4,
        mail_messages: 2,
        mail_bytes: 99,
        starts: 1,
        failures: 0,
    }];
    let metrics = Metrics {
        uptime: Duration::from_millis(61_500),
        listeners: vec![ListenerMetrics {
            address: "[::1]:80".to_owned(),
            connections: 6,
            connections_accepted: 9,
        }],
        refused: vec![("full", 1), ("rate", 2)],
        tls_handshakes: vec![("full", 7), ("resumed", 8)],
        log_lines_dropped: Some(5),
        services: vec![service.clone(), service],
        databases: vec![DatabaseMetrics {
            name: "main".to_owned(),
            address: "sqlite:a.db".to_owned(),
            is_up: true,
            connections: 5,
            queue: 6,
            reads: 7,
            writes: 8,
            errors: vec![("busy", 9)],
            ..DatabaseMetrics::default()
        }],
        memory: MemoryMetrics { outbox: 10, mail: 11, input: 12, batches: 13, max: None },
        ..Metrics::default()
    };
    let text = metrics.to_json();
    let version = env!("CARGO_PKG_VERSION");
    let one = "{\"path\":\"/a\\\"\\n\",\"kind\":\"program\",\"state\":\"running\",\"sockets\":4,\
        \"paused\":1,\"mail\":2,\"topics\":3,\"restarts\":4,\"pids\":[7,8],\
        \"workers\":[{\"state\":\"starting\",\"sockets\":4,\"mail\":2,\"restarts\":0}]}";
    let base = "{\"name\":\"main\",\"address\":\"sqlite:a.db\",\"state\":\"up\",\
        \"connections\":5,\"queue\":6,\"reads\":7,\"writes\":8,\"errors\":{\"busy\":9}}";
    let (before, after) = text.split_once("\"limits\":").expect("it has limits");
    assert_eq!(
        before,
        format!(
            "{{\"version\":\"{version}\",\"pid\":null,\"uptime_seconds\":61,\"state\":\"running\",\
             \"listeners\":[{{\"address\":\"[::1]:80\",\"connections\":6,\"accepted\":9}}],\
             \"totals\":{{\"connections\":6,\"connections_refused\":3,\"sockets\":8,\
             \"sockets_opened\":0,\"messages_received\":0,\"messages_sent\":0,\
             \"received_bytes\":0,\"sent_bytes\":0,\"tls_handshakes\":{{\"full\":7,\"resumed\":8}},\
             \"log_lines_dropped\":5}},\"services\":[{one},{one}],\
             \"databases\":[{base}],"
        )
    );
    assert!(after.contains("\"memory-max\":null"), "{after}");
    assert!(after.ends_with(
        "\"memory\":{\"outbox\":10,\"mail\":11,\"input\":12,\"batches\":13,\"max\":null}}"
    ));
}

/// They are there in each build, so that scripts find them.
#[test]
fn what_nobody_counts_is_null() {
    let text = Metrics::default().to_json();
    assert!(text.contains(",\"tls_handshakes\":null,\"log_lines_dropped\":null}"), "{text}");
}

/// The limits are those that the host has, by the names of their keys.
#[test]
fn limits_have_the_names_of_their_keys() {
    let limits = Limits { sockets_max: 12, held_bytes_max: 34, ..Limits::SERVER };
    let text = Metrics { limits, ..Metrics::default() }.to_json();
    assert!(text.contains("\"max-connections\":12,"), "{text}");
    assert!(text.contains("\"memory-max\":34}"), "{text}");
}
