//! The keys of the limits.

use crate::config::keys::{Key, Section, Setter};
use crate::config::value::Kind;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: Section::Limits,
        name: "max-message",
        default: "1m",
        meaning: "Longest message from a peer, over all its fragments; over it: close 1009",
        setter: Setter::Service(Kind::Size(|service, bytes| {
            service.limits.message_bytes_max = bytes;
        })),
    },
    Key {
        section: Section::Limits,
        name: "max-fragments",
        default: "65536",
        meaning: "Most continuation frames of one message; over it: close 1008",
        setter: Setter::Service(Kind::Count(|service, count| {
            service.limits.fragments_max = u32::try_from(count).unwrap_or(u32::MAX);
        })),
    },
    Key {
        section: Section::Limits,
        name: "max-head",
        default: "16k",
        meaning: "Longest request head; over it: 431",
        setter: Setter::Server(Kind::Size(|config, bytes| {
            config.all.limits.head_bytes_max = bytes;
        })),
    },
    Key {
        section: Section::Limits,
        name: "max-headers",
        default: "100",
        meaning: "Most headers of a request; over it: 431",
        setter: Setter::Server(Kind::Count(|config, count| config.all.limits.headers_max = count)),
    },
    Key {
        section: Section::Limits,
        name: "max-request-line",
        default: "8k",
        meaning: "Longest request line, which max-head has to hold; over it: 414",
        setter: Setter::Server(Kind::Size(|config, bytes| {
            config.all.limits.request_line_bytes_max = bytes;
        })),
    },
    Key {
        section: Section::Limits,
        name: "handshake-timeout",
        default: "10s",
        meaning: "Longest time from the connection to the end of the request head; over it: 408",
        setter: Setter::Server(Kind::Time(|config, ms| config.all.limits.handshake_ms_max = ms)),
    },
    Key {
        section: Section::Limits,
        name: "admission-timeout",
        default: "10s",
        meaning: "Longest time for a service to start (over it: 500) and to admit a socket (503)",
        setter: Setter::Service(Kind::Time(|service, ms| service.limits.admission_ms_max = ms)),
    },
    Key {
        section: Section::Limits,
        name: "ping-interval",
        default: "25s",
        meaning: "A peer that has sent nothing for so long is sent a ping",
        setter: Setter::Service(Kind::TimeOrOff(|service, ms| {
            service.limits.ping_interval_ms = ms;
        })),
    },
    Key {
        section: Section::Limits,
        name: "pong-timeout",
        default: "20s",
        meaning: "A peer that sends nothing for so long after a ping is dropped",
        setter: Setter::Service(Kind::Time(|service, ms| service.limits.pong_ms_max = ms)),
    },
    Key {
        section: Section::Limits,
        name: "idle-timeout",
        default: "off",
        meaning: "Longest time without a message in either direction; over it: close 1001",
        setter: Setter::Service(Kind::TimeOrOff(|service, ms| service.limits.idle_ms_max = ms)),
    },
    Key {
        section: Section::Limits,
        name: "write-timeout",
        default: "30s",
        meaning: "A peer that takes nothing for so long, or is so far behind 1 KiB/s, is dropped",
        setter: Setter::Service(Kind::Time(|service, ms| service.limits.write_ms_max = ms)),
    },
    Key {
        section: Section::Limits,
        name: "close-timeout",
        default: "5s",
        meaning: "Longest time for a peer to answer the closing handshake",
        setter: Setter::Service(Kind::Time(|service, ms| service.limits.close_ms_max = ms)),
    },
    Key {
        section: Section::Limits,
        name: "outbox-high",
        default: "64k",
        meaning: "With more than this waiting for a peer, its service is told to hold back",
        setter: Setter::Service(Kind::Size(|service, bytes| {
            service.limits.outbox_high_bytes = bytes;
        })),
    },
    Key {
        section: Section::Limits,
        name: "outbox-low",
        default: "16k",
        meaning: "With no more than this left of it, the service is told to go on",
        setter: Setter::Service(Kind::Size(|service, bytes| {
            service.limits.outbox_low_bytes = bytes;
        })),
    },
    Key {
        section: Section::Limits,
        name: "outbox-max",
        default: "2m",
        meaning: "Most bytes waiting for a peer, by default two max-message or more; over it: 1013",
        setter: Setter::Service(Kind::Size(|service, bytes| {
            service.limits.outbox_bytes_max = bytes;
        })),
    },
    Key {
        section: Section::Limits,
        name: "message-rate",
        default: "off",
        meaning: "Most messages of one socket in a time; over it: rate-policy",
        setter: Setter::Service(Kind::RateOrOff(|service, rate| {
            service.limits.message_rate = rate;
        })),
    },
    Key {
        section: Section::Limits,
        name: "rate-policy",
        default: "wait",
        meaning: "A socket over message-rate is not read for a while, or closed with 1008",
        setter: Setter::Service(Kind::RatePolicy(|service, policy| {
            service.limits.rate_policy = policy;
        })),
    },
    Key {
        section: Section::Limits,
        name: "mail-max",
        default: "4096 messages or 4m",
        meaning: "With this waiting for a service, its sockets are not read; a part left out stays",
        setter: Setter::Service(Kind::Mail(|service, mail| {
            let limits = &mut service.limits;
            limits.mail_messages_max = mail.messages_max.unwrap_or(limits.mail_messages_max);
            limits.mail_bytes_max = mail.bytes_max.unwrap_or(limits.mail_bytes_max);
        })),
    },
    Key {
        section: Section::Limits,
        name: "max-callback",
        default: "50ms",
        meaning: "Longest time of a callback on the loop, where all wait; over it: a warning",
        setter: Setter::Service(Kind::Time(|service, ms| service.limits.callback_ms_max = ms)),
    },
    Key {
        section: Section::Limits,
        name: "max-connections",
        default: "auto",
        meaning: "Most sockets at a time; auto fits it to the descriptor limit; over it: 503",
        setter: Setter::Server(Kind::CountOrAuto(|config, count| config.sockets_max = count)),
    },
    Key {
        section: Section::Limits,
        name: "memory-max",
        default: "auto",
        meaning: "Most memory for what waits; auto is half of what there is; over it: 1013",
        setter: Setter::Server(Kind::MemoryOrAuto(|config, bytes| config.memory_max = bytes)),
    },
    Key {
        section: Section::Limits,
        name: "max-per-ip",
        default: "256",
        meaning: "Most sockets from one address or /64 of IPv6 that is not loopback; over it: 503",
        setter: Setter::Server(Kind::CountOrOff(|config, count| {
            config.all.limits.sockets_per_ip_max = count;
        })),
    },
    Key {
        section: Section::Limits,
        name: "new-per-ip",
        default: "30/s burst 120",
        meaning: "Most new connections from it in a time; off if max-per-ip is; over it: 429",
        setter: Setter::Server(Kind::RateOrOff(|config, rate| {
            config.all.limits.connection_rate = rate;
        })),
    },
    Key {
        section: Section::Limits,
        name: "max-topics",
        default: "131072",
        meaning: "Most topics of one service; over it the subscribing socket is closed with 1013",
        setter: Setter::Service(Kind::Count(|service, count| service.limits.topics_max = count)),
    },
    Key {
        section: Section::Limits,
        name: "max-topics-per-socket",
        default: "1024",
        meaning: "Most topics that one socket subscribes to; over it: close 1013",
        setter: Setter::Service(Kind::Count(|service, count| {
            service.limits.topics_per_socket_max = count;
        })),
    },
    Key {
        section: Section::Limits,
        name: "compression-threshold",
        default: "512",
        meaning: "Shorter messages are not compressed",
        setter: Setter::Service(Kind::Size(|service, bytes| {
            service.limits.deflate_threshold_bytes = bytes;
        })),
    },
    Key {
        section: Section::Limits,
        name: "compression-context",
        default: "off",
        meaning: "Most memory for what compressed messages may refer to, 64k for each socket",
        setter: Setter::Server(Kind::SizeOrOff(|config, bytes| {
            config.all.limits.deflate_context_bytes_max = bytes;
        })),
    },
    Key {
        section: Section::Limits,
        name: "drain-timeout",
        default: "30s",
        meaning: "Longest time of a clean stop; then what is left is dropped",
        setter: Setter::Server(Kind::TimeOrZero(|config, ms| config.all.limits.drain_ms_max = ms)),
    },
    Key {
        section: Section::Limits,
        name: "drain-spread",
        default: "10s",
        meaning: "A clean stop spreads the closing of its sockets over this time",
        setter: Setter::Server(Kind::TimeOrZero(|config, ms| {
            config.all.limits.drain_spread_ms = ms;
        })),
    },
];
