//! The shipped file, and a file with every key: what there is in a build with all that is default.

#![cfg(all(
    feature = "admin",
    feature = "processes",
    feature = "programs",
    feature = "proxy",
    feature = "unix"
))]

use super::*;
use crate::config::{AdminAddress, AdminConfig, Dumpable, LogFormat, ServiceConfig};
use crate::hub::{AccessLog, ProxyProtocol, Spellings};
use crate::limits::RatePolicy;
use crate::programs::{Mode, OnChange, OnDeath, ProgramOptions, ReplaceWhen, Subpaths, Variable};
use crate::service::{Start, Thread, WorkerKey, Workers};
use crate::ws::Forwarded;

#[test]
fn the_shipped_file_gives_the_defaults() {
    let limits = Limits { message_bytes_max: 64 << 10, ..Limits::SERVER };
    let file = Some(PathBuf::from("server.conf"));
    let line = SHIPPED.lines().position(|line| line == "[service /demo_chatroom]");
    let line = 1 + line.expect("the chat has a section");
    let services = vec![ServiceConfig {
        path: "/demo_chatroom".to_owned(),
        line,
        #[cfg(feature = "admin")]
        file: None,
        options: ServiceOptions { limits, origin: OriginRule::Any, ..Config::default().all },
        program: ProgramOptions::SHARED,
    }];
    let expected = Config { file, services, ..Config::default() };
    assert_eq!(parse(SHIPPED), Ok(expected.clone()));
    let is_key = |line: &&str| {
        let name = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
        name.is_some_and(|rest| rest.split(':').next().and_then(keys::unbuilt).is_none())
    };
    let uncommented: Vec<&str> =
        SHIPPED.lines().map(|line| if is_key(&line) { &line[1..] } else { line }).collect();
    assert_eq!(parse(&uncommented.join("\n")), Ok(expected));
}

#[test]
fn the_shipped_file_documents_every_key() {
    let mut rest = SHIPPED;
    let mut section = None;
    for key in keys::all() {
        if section != Some(key.section) {
            section = Some(key.section);
            rest = after(rest, &format!("\n{}\n", key.section.title()));
        }
        let (meaning, allowed) = (key.meaning, key.allowed());
        let entry =
            format!("\n# {meaning}.\n# Allowed: {allowed}.\n#{}: {}\n", key.name, key.default);
        rest = after(rest, &entry);
    }
    let names = keys::all().filter(|key| key.is_for_services()).map(|key| key.name);
    let names = names.collect::<Vec<_>>().join(", ");
    let rest = rest.replace("\n# ", " ");
    after(&rest, &format!("It may have {names}.\n\n[service "));
    let keys = SHIPPED.lines().filter(|line| line.starts_with('#') && line.contains(": "));
    let keys = keys.filter_map(|line| line.strip_prefix('#')?.split_once(':')).map(|key| key.0);
    let keys = keys.filter(|name| !name.starts_with(' ') && keys::unbuilt(name).is_none());
    assert_eq!(keys.count(), keys::all().count());
}

/// What follows the first `part` of `text`, and the line feed that ends it.
fn after<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.find(part).unwrap_or_else(|| panic!("server.conf lacks, here: {part}"));
    &text[at + part.trim_end().len()..]
}

#[test]
fn a_file_of_the_original_works() {
    let text = "[server]\nhost: 127.0.0.1\nport: 12345\ndocument-root: services/\n";
    let config = config(&[], &[("server.config", text)]);
    let file = Some(PathBuf::from("server.config"));
    assert_eq!(config, Config { file, ..Config::default() });
}

const EVERY_KEY: &str = "\u{feff}; all of it
        [Server]
        HOST = 0.0.0.0, [::1]   # two
        host: localhost
        host: ::1
        Port: 0
        unix-socket: /a.sock, src/b.sock
        unix-socket-mode: 600
        processes: 3
        static-root: src/config
        health-path: /.well-known/health
        allowed-hosts: auto, *.A.example 10.0.0.1
        trusted-proxy: 10.0.0.0/8, ::1 UNIX
        forwarded: Forwarded
        proxy-protocol: On
        spellings: One
        origin: same, https://A.example:443, http://b:* null
        compression: OFF
        thread: LOOP
        workers: 3
        worker-key: Query  Room
        share: Topics
        start: Eager
        log-level: Trace
        log-format: JSON
        log-file: src/Log
        admin: 127.0.0.1:9345, unix:src/admin.sock
        admin-token: src/Token
        access-log: All
        dumpable: Yes
        document_root: src
        mode: Per-Socket
        framing: text
        protocols: chat.v2, chat.v1
        pass-env: HOME, LANG
        env: GREETING=\" # hello\" # and a comment
        env: EMPTY=
        stop-timeout: 0s
        max-processes: 9
        on-death: keep
        on-change: REPLACE
        replace-when: After-Exit
        subpaths: yes
        [LIMITS]\r
        max-message: 32m\r
        max-fragments: 7
        max-head: 32k
        max-headers: 8
        max-request-line: 32768
        handshake-timeout: 1s
        admission-timeout: 2s
        ping-interval: off
        pong-timeout: 3s
        idle-timeout: 1h
        write-timeout: 4s
        close-timeout: 500ms
        outbox-high: 10k
        outbox-low: 9k
        outbox-max: 64m
        message-rate: 14/s burst 15
        rate-policy: Close
        mail-max: 10 messages
        max-callback: 15ms
        max-connections: 1000
        memory-max: 3g
        max-per-ip: off
        new-per-ip: 16/s burst 17
        max-topics: 11
        max-topics-per-socket: 12
        compression-threshold: 13
        compression-context: 14m
        drain-timeout: 2m
        drain-spread: 0s";

/// The limits of it.
fn every_limit() -> Limits {
    Limits {
        message_bytes_max: 32 << 20,
        fragments_max: 7,
        head_bytes_max: 32 << 10,
        headers_max: 8,
        request_line_bytes_max: 32_768,
        handshake_ms_max: 1_000,
        admission_ms_max: 2_000,
        ping_interval_ms: Limits::OFF_MS,
        pong_ms_max: 3_000,
        idle_ms_max: 3_600_000,
        write_ms_max: 4_000,
        close_ms_max: 500,
        outbox_high_bytes: 10 << 10,
        outbox_low_bytes: 9 << 10,
        outbox_bytes_max: 64 << 20,
        message_rate: Some(Rate { per_s: 14, burst: 15 }),
        rate_policy: RatePolicy::Close,
        mail_messages_max: 10,
        callback_ms_max: 15,
        sockets_per_ip_max: Limits::OFF_COUNT,
        connection_rate: Some(Rate { per_s: 16, burst: 17 }),
        topics_max: 11,
        topics_per_socket_max: 12,
        deflate_threshold_bytes: 13,
        deflate_context_bytes_max: 14 << 20,
        drain_ms_max: 120_000,
        drain_spread_ms: 0,
        ..Limits::SERVER
    }
}

#[test]
fn every_key_is_set() {
    let expected = Config {
        file: Some(PathBuf::from("server.conf")),
        hosts: ["0.0.0.0", "::1", "localhost"].map(str::to_owned).to_vec(),
        port: Some(0),
        unix_sockets: ["/a.sock", "src/b.sock"].map(str::to_owned).to_vec(),
        unix_socket_mode: 0o600,
        #[cfg(feature = "processes")]
        processes: 3,
        #[cfg(feature = "tls")]
        tls: crate::config::TlsConfig::default(),
        document_root: PathBuf::from("src"),
        static_root: Some(PathBuf::from("src/config")),
        health_path: Some("/.well-known/health".to_owned()),
        allowed_hosts: "auto, *.A.example 10.0.0.1".parse().expect("it is a rule"),
        trusted_proxies: "10.0.0.0/8, ::1, unix".parse().expect("it is a list"),
        forwarded: Forwarded::Forwarded,
        proxy_protocol: ProxyProtocol::On,
        spellings: Spellings::One,
        log_level: LevelFilter::Trace,
        log_format: LogFormat::Json,
        log_file: Some(PathBuf::from("src/Log")),
        admin: AdminConfig {
            addresses: vec![
                AdminAddress::Tcp(([127, 0, 0, 1], 9_345).into()),
                AdminAddress::Unix(PathBuf::from("src/admin.sock")),
            ],
            token: Some(PathBuf::from("src/Token")),
        },
        access_log: AccessLog::All,
        dumpable: Dumpable::Yes,
        sockets_max: Some(1_000),
        memory_max: Some(3 << 30),
        all: ServiceOptions {
            limits: every_limit(),
            origin: "same, https://A.example:443, http://b:* null".parse().expect("it is a rule"),
            thread: Thread::Loop,
            #[cfg(feature = "processes")]
            share: crate::service::Share::Topics,
            workers: Workers::new(3).by(WorkerKey::Query("Room".to_owned())),
            start: Start::Eager,
            ..Config::default().all
        },
        all_programs: ProgramOptions {
            mode: Mode::Text,
            pass_env: vec!["HOME".to_owned(), "LANG".to_owned()],
            env: [("GREETING", " # hello"), ("EMPTY", "")]
                .map(|(name, value)| Variable { name: name.into(), value: value.into() })
                .into(),
            protocols: vec!["chat.v2".to_owned(), "chat.v1".to_owned()],
            stop_ms: 0,
            processes_max: 9,
            on_death: OnDeath::Keep,
            on_change: OnChange::Replace,
            replace_when: ReplaceWhen::AfterExit,
            subpaths: Subpaths::Served,
        },
        services: Vec::new(),
        #[cfg(feature = "database")]
        databases: Vec::new(),
        #[cfg(feature = "redis")]
        backplane: None,
        #[cfg(feature = "admin")]
        included: Vec::new(),
    };
    assert_eq!(parse(EVERY_KEY), Ok(expected));
}
