//! The list of all keys, in the order of `server.conf`, and what there is to know about each.
//! A new key is one more entry here and one more comment there; a test holds the two against
//! each other, and nothing else lists keys. How values are read is said in `value`.

use std::ffi::OsStr;

use crate::config::value::Kind;
use crate::config::{Config, ServiceConfig};

/// One key.
pub(super) struct Key {
    /// The section that it belongs to.
    pub(super) section: Section,
    /// Its name, as no other key has it in any section.
    pub(super) name: &'static str,
    /// The value that it has when it is not given.
    pub(super) default: &'static str,
    /// What it does, in one line.
    pub(super) meaning: &'static str,
    /// Where its value goes.
    pub(super) setter: Setter,
}

impl Key {
    /// Sets the value for all; `None` if it is not allowed.
    pub(super) fn set(&self, config: &mut Config, value: &OsStr) -> Option<()> {
        match &self.setter {
            Setter::Server(kind) => kind.set(config, value),
            Setter::Service(kind) => kind.set(&mut config.all, value),
        }
    }

    /// Sets the value for one service; `None` if it is not allowed.
    pub(super) fn set_for(&self, service: &mut ServiceConfig, value: &OsStr) -> Option<()> {
        match &self.setter {
            Setter::Server(_) => None,
            Setter::Service(kind) => kind.set(service, value),
        }
    }

    /// Whether one service may have a value of its own.
    pub(super) const fn is_for_services(&self) -> bool {
        match self.setter {
            Setter::Server(_) => false,
            Setter::Service(_) => true,
        }
    }

    /// Whether it may be given several times, where each time adds to the others.
    pub(super) const fn repeats(&self) -> bool {
        match &self.setter {
            Setter::Server(kind) => kind.repeats(),
            Setter::Service(kind) => kind.repeats(),
        }
    }

    /// What is allowed, to be read after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match &self.setter {
            Setter::Server(kind) => kind.allowed(),
            Setter::Service(kind) => kind.allowed(),
        }
    }
}

/// Where a value goes.
pub(super) enum Setter {
    /// To the server, which has one value.
    Server(Kind<Config>),
    /// To all services, or in a section of its own to one of them.
    Service(Kind<ServiceConfig>),
}

/// The sections that are there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// `[server]`
    Server,
    /// `[limits]`
    Limits,
}

impl Section {
    /// The section as it is written.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Server => "[server]",
            Self::Limits => "[limits]",
        }
    }
}

/// The key called `name`, which is a plain one.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key called `name`, a name that stands in this program. A wrong one is a fault of the
/// program and panics, which the list of flags does while it is compiled.
pub(super) const fn known(name: &str) -> &'static Key {
    let mut keys = KEYS;
    while let [key, others @ ..] = keys {
        if is_same(key.name.as_bytes(), name.as_bytes()) {
            return key;
        }
        keys = others;
    }
    panic!("a name in the program is that of a key")
}

/// What `==` says, which cannot be asked while compiling.
const fn is_same(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([first, a @ ..], [second, b @ ..]) => *first == *second && is_same(a, b),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

pub(super) static KEYS: &[Key] = &[
    Key {
        section: Section::Server,
        name: "host",
        default: "127.0.0.1",
        meaning: "Listen on this address; may be repeated; :: is for IPv4 too",
        setter: Setter::Server(Kind::Hosts(|config, hosts| {
            // The same address twice could be listened on once only.
            for host in hosts {
                if !config.hosts.contains(&host) {
                    config.hosts.push(host);
                }
            }
        })),
    },
    Key {
        section: Section::Server,
        name: "port",
        default: "12345",
        meaning: "The TCP port of all addresses; with 0 the system chooses one for each",
        setter: Setter::Server(Kind::Port(|config, port| config.port = port)),
    },
    Key {
        section: Section::Server,
        name: "document-root",
        default: "services",
        meaning: "Executables below this directory are services: docs/programs.md",
        setter: Setter::Server(Kind::Directory(|config, root| config.document_root = root)),
    },
    Key {
        section: Section::Server,
        name: "static-root",
        default: "none",
        meaning: "Answer plain GET requests with the files in this directory",
        setter: Setter::Server(Kind::DirectoryOrNone(|config, root| config.static_root = root)),
    },
    Key {
        section: Section::Server,
        name: "origin",
        default: "same",
        meaning: "Pages of these origins may open sockets; same is the host and port asked for",
        setter: Setter::Service(Kind::Origin(|service, rule| service.origin = rule)),
    },
    Key {
        section: Section::Server,
        name: "compression",
        default: "off",
        meaning: "Compress messages for clients that offer it; read on it in the README first",
        setter: Setter::Service(Kind::Compression(|service, on| service.compression = on)),
    },
    Key {
        section: Section::Server,
        name: "thread",
        default: "own",
        meaning: "Each service has a thread of its own, or is called by the loop that polls",
        setter: Setter::Service(Kind::Thread(|service, thread| service.thread = thread)),
    },
    Key {
        section: Section::Server,
        name: "log-level",
        default: "info",
        meaning: "How much is logged on standard error",
        setter: Setter::Server(Kind::LogLevel(|config, level| config.log_level = level)),
    },
    Key {
        section: Section::Server,
        name: "log-format",
        default: "text",
        meaning: "How it is logged: for people, or one JSON object per line",
        setter: Setter::Server(Kind::LogFormat(|config, format| config.log_format = format)),
    },
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
        meaning: "A peer that takes none of the bytes waiting for it for so long is dropped",
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
        name: "max-per-ip",
        default: "256",
        meaning: "Most sockets from one address that is not loopback; over it: 503",
        setter: Setter::Server(Kind::CountOrOff(|config, count| {
            config.all.limits.sockets_per_ip_max = count;
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
