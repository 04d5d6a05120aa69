//! The keys of the limits.

use crate::config::key::{Key, ReloadTime, Setter};
use crate::config::section::Section;
use crate::config::value::ValueKind;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: Section::Limits,
        name: "max-message",
        default: "1m",
        meaning: "Longest message from a peer, over all its fragments; over it: close 1009",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Size(|service| &mut service.limits.message_bytes_max)),
    },
    Key {
        section: Section::Limits,
        name: "max-fragments",
        default: "65536",
        meaning: "Most continuation frames of one message; over it: close 1008",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Count32(|service| &mut service.limits.fragments_max)),
    },
    Key {
        section: Section::Limits,
        name: "max-head",
        default: "16k",
        meaning: "Longest request head; over it: 431",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::Size(|config| &mut config.all.limits.head_bytes_max)),
    },
    Key {
        section: Section::Limits,
        name: "max-headers",
        default: "100",
        meaning: "Most headers of a request; over it: 431",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::Count(|config| &mut config.all.limits.headers_max)),
    },
    Key {
        section: Section::Limits,
        name: "max-request-line",
        default: "8k",
        meaning: "Longest request line, which max-head has to hold; over it: 414",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::Size(|config| {
            &mut config.all.limits.request_line_bytes_max
        })),
    },
    Key {
        section: Section::Limits,
        name: "handshake-timeout",
        default: "10s",
        meaning: "Longest time from the connection to the end of the request head; over it: 408",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::Time(|config| &mut config.all.limits.handshake_ms_max)),
    },
    Key {
        section: Section::Limits,
        name: "admission-timeout",
        default: "10s",
        meaning: "Longest time for a service to start (over it: 500) and to admit a socket (503)",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Time(|service| &mut service.limits.admission_ms_max)),
    },
    Key {
        section: Section::Limits,
        name: "ping-interval",
        default: "25s",
        meaning: "A peer that has sent nothing for this long gets a ping",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::TimeOrOff(|service| {
            &mut service.limits.ping_interval_ms
        })),
    },
    Key {
        section: Section::Limits,
        name: "pong-timeout",
        default: "20s",
        meaning: "A peer that sends nothing for this long after a ping is dropped",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Time(|service| &mut service.limits.pong_ms_max)),
    },
    Key {
        section: Section::Limits,
        name: "idle-timeout",
        default: "off",
        meaning: "Longest time without a message in either direction; over it: close 1001",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::TimeOrOff(|service| &mut service.limits.idle_ms_max)),
    },
    Key {
        section: Section::Limits,
        name: "write-timeout",
        default: "30s",
        meaning: "A peer that takes nothing this long, or is this far behind 1 KiB/s, is dropped",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Time(|service| &mut service.limits.write_ms_max)),
    },
    Key {
        section: Section::Limits,
        name: "close-timeout",
        default: "5s",
        meaning: "Longest time for a peer to answer the closing handshake",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Time(|service| &mut service.limits.close_ms_max)),
    },
    Key {
        section: Section::Limits,
        name: "outbox-high",
        default: "64k",
        meaning: "With more than this waiting for a peer, its service is asked to pause",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Size(|service| &mut service.limits.outbox_high_bytes)),
    },
    Key {
        section: Section::Limits,
        name: "outbox-low",
        default: "16k",
        meaning: "Once only this much is left of it, the service is asked to go on",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Size(|service| &mut service.limits.outbox_low_bytes)),
    },
    Key {
        section: Section::Limits,
        name: "outbox-max",
        default: "2m",
        meaning: "Most bytes waiting for a peer, by default two max-message or more; over it: 1013",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Size(|service| &mut service.limits.outbox_bytes_max)),
    },
    Key {
        section: Section::Limits,
        name: "message-rate",
        default: "off",
        meaning: "Most messages of one socket in a time; over it: rate-policy",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::RateOrOff(|service| &mut service.limits.message_rate)),
    },
    Key {
        section: Section::Limits,
        name: "rate-policy",
        default: "wait",
        meaning: "A socket over message-rate is not read for a while, or closed with 1008",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::RatePolicy(|service| &mut service.limits.rate_policy)),
    },
    Key {
        section: Section::Limits,
        name: "mail-max",
        default: "4096 messages or 4m",
        meaning: "With this much mail for a service, its sockets are not read; omitted parts stay",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Mail(|service| {
            (&mut service.limits.mail_messages_max, &mut service.limits.mail_bytes_max)
        })),
    },
    Key {
        section: Section::Limits,
        name: "max-callback",
        default: "50ms",
        meaning: "Longest callback on the loop, while all sockets wait; over it: a warning",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Time(|service| &mut service.limits.callback_ms_max)),
    },
    Key {
        section: Section::Limits,
        name: "max-connections",
        default: "auto",
        meaning: "Most sockets at a time, 3/4 of one address; auto fits descriptors; over it: 503",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::CountOrAuto(|config| &mut config.sockets_max)),
    },
    Key {
        section: Section::Limits,
        name: "memory-max",
        default: "auto",
        meaning: "Most memory for waiting data; auto is half of the system's; over it: 1013",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::MemoryOrAuto(|config| &mut config.memory_max)),
    },
    Key {
        section: Section::Limits,
        name: "max-per-ip",
        default: "256",
        meaning: "Most sockets from one address or /64 of IPv6 that is not loopback; over it: 503",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::CountOrOff(|config| {
            &mut config.all.limits.sockets_per_ip_max
        })),
    },
    Key {
        section: Section::Limits,
        name: "new-per-ip",
        default: "30/s burst 120",
        meaning: "New connections from one address: N in a second, M at once; over it: 429",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::RateOrOff(|config| {
            &mut config.all.limits.connection_rate
        })),
    },
    #[cfg(feature = "tls")]
    Key {
        section: Section::Limits,
        name: "max-handshakes",
        default: "256",
        meaning: "Most TLS handshakes at a time, 3/4 of one address; others wait in the system",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::Count(|config| &mut config.all.limits.handshakes_max)),
    },
    Key {
        section: Section::Limits,
        name: "max-topics",
        default: "131072",
        meaning: "Most topics of one service, 3/4 of one address; over it: close 1013",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Count(|service| &mut service.limits.topics_max)),
    },
    Key {
        section: Section::Limits,
        name: "max-topics-per-socket",
        default: "1024",
        meaning: "Most topics that one socket subscribes to; over it: close 1013",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Count(|service| {
            &mut service.limits.topics_per_socket_max
        })),
    },
    Key {
        section: Section::Limits,
        name: "compression-threshold",
        default: "512",
        meaning: "Shorter messages are not compressed",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Size(|service| {
            &mut service.limits.deflate_threshold_bytes
        })),
    },
    Key {
        section: Section::Limits,
        name: "compression-context",
        default: "off",
        meaning: "Most memory for compression contexts, 64k for each socket",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::SizeOrOff(|config| {
            &mut config.all.limits.deflate_context_bytes_max
        })),
    },
    Key {
        section: Section::Limits,
        name: "drain-timeout",
        default: "30s",
        meaning: "Longest time of a clean stop; then remaining sockets are dropped",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::TimeOrZero(|config| &mut config.all.limits.drain_ms_max)),
    },
    Key {
        section: Section::Limits,
        name: "drain-spread",
        default: "10s",
        meaning: "A clean stop spreads the closing of its sockets over this time",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::TimeOrZero(|config| {
            &mut config.all.limits.drain_spread_ms
        })),
    },
];
