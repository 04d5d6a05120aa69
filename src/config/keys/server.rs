//! The keys of the server: where it listens, what it serves, what it logs; and of all services,
//! whatever they are.

use crate::config::keys::{Key, Section, Setter};
use crate::config::value::Kind;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: Section::Server,
        name: "host",
        default: "127.0.0.1",
        meaning: "Listen on this address; may be repeated; :: is for IPv4 too",
        setter: Setter::Server(Kind::Hosts(|config| &mut config.hosts)),
    },
    Key {
        section: Section::Server,
        name: "port",
        default: "12345",
        meaning: "The TCP port of all addresses; with 0 the system chooses one for each",
        setter: Setter::Server(Kind::Port(|config| &mut config.port)),
    },
    Key {
        section: Section::Server,
        name: "static-root",
        default: "none",
        meaning: "Answer plain GET requests with the files in this directory",
        setter: Setter::Server(Kind::DirectoryOrNone(|config| &mut config.static_root)),
    },
    Key {
        section: Section::Server,
        name: "health-path",
        default: "none",
        meaning: "Answer plain GETs of this path with 200, or 503 while stopping or full",
        setter: Setter::Server(Kind::PathOrNone(|config| &mut config.health_path)),
    },
    Key {
        section: Section::Server,
        name: "allowed-hosts",
        default: "auto",
        meaning: "Requests may name these hosts in Host; auto is against DNS rebinding",
        setter: Setter::Server(Kind::AllowedHosts(|config| &mut config.allowed_hosts)),
    },
    Key {
        section: Section::Server,
        name: "spellings",
        default: "all",
        meaning: "A service has its path alone, or also /name.py, /ws_service and paths by links",
        setter: Setter::Server(Kind::Spellings(|config| &mut config.spellings)),
    },
    Key {
        section: Section::Server,
        name: "origin",
        default: "same",
        meaning: "Pages of these origins may open sockets; same is the host and port asked for",
        setter: Setter::Service(Kind::Origin(|service| &mut service.origin)),
    },
    Key {
        section: Section::Server,
        name: "compression",
        default: "off",
        meaning: "Compress messages for clients that offer it; read on it in the README first",
        setter: Setter::Service(Kind::Compression(|service| &mut service.compression)),
    },
    Key {
        section: Section::Server,
        name: "thread",
        default: "own",
        meaning: "Each service has a thread of its own, or is called by the loop that polls",
        setter: Setter::Service(Kind::Thread(|service| &mut service.thread)),
    },
    Key {
        section: Section::Server,
        name: "log-level",
        default: "info",
        meaning: "How much is logged on standard error",
        setter: Setter::Server(Kind::LogLevel(|config| &mut config.log_level)),
    },
    Key {
        section: Section::Server,
        name: "log-format",
        default: "text",
        meaning: "How it is logged: for people, or one JSON object per line",
        setter: Setter::Server(Kind::LogFormat(|config| &mut config.log_format)),
    },
    Key {
        section: Section::Server,
        name: "access-log",
        default: "sockets",
        meaning: "A line for each socket and refused request, or for answered requests as well",
        setter: Setter::Server(Kind::AccessLog(|config| &mut config.access_log)),
    },
    Key {
        section: Section::Server,
        name: "dumpable",
        default: "no",
        meaning: "Others of the same user, such as programs, may read the memory of the server",
        setter: Setter::Server(Kind::Dumpable(|config| &mut config.dumpable)),
    },
];
