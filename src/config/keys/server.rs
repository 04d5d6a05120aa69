//! The keys of the server: where it listens, what it serves, what it logs; and the keys of all
//! kinds of services.

#[cfg(any(feature = "proxy", feature = "tls"))]
use crate::config::Config;
use crate::config::key::{Key, ReloadTime, Setter};
use crate::config::section::Section;
use crate::config::value::ValueKind;
#[cfg(feature = "admin")]
use crate::config::value::admin::AdminValue;
#[cfg(feature = "proxy")]
use crate::config::value::proxies::ProxyValue;
#[cfg(feature = "tls")]
use crate::config::value::tls::TlsValue;
#[cfg(feature = "unix")]
use crate::config::value::unix::UnixValue;
#[cfg(feature = "workers")]
use crate::config::value::workers::WorkersValue;
#[cfg(feature = "workers")]
use crate::service::ServiceOptions;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: Section::Server,
        name: "host",
        default: "127.0.0.1",
        meaning: "Listen on this address; may be repeated; :: is for IPv4 too",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::Hosts(|config| &mut config.hosts)),
    },
    Key {
        section: Section::Server,
        name: "port",
        default: "12345",
        meaning: "The TCP port of all addresses; 0: the system chooses; none: no TCP",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::PortOrNone(|config| &mut config.port)),
    },
    #[cfg(feature = "unix")]
    Key {
        section: Section::Server,
        name: "unix-socket",
        default: "none",
        meaning: "Listen on Unix sockets at these paths, too; stale files are replaced",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::Unix(UnixValue::Sockets(|config| {
            &mut config.unix_sockets
        }))),
    },
    #[cfg(feature = "unix")]
    Key {
        section: Section::Server,
        name: "unix-socket-mode",
        default: "0660",
        meaning: "The permissions of these files: who may write one can connect",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::Unix(UnixValue::Mode(|config| {
            &mut config.unix_socket_mode
        }))),
    },
    #[cfg(feature = "processes")]
    Key {
        section: Section::Server,
        name: "processes",
        default: "1",
        meaning: "How many processes serve the same addresses, each with services of its own",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::Unix(UnixValue::Processes(|config| {
            &mut config.processes
        }))),
    },
    #[cfg(feature = "tls")]
    Key {
        section: Section::Server,
        name: "tls-port",
        default: "none",
        meaning: "Listen with TLS on this port of all addresses; 0: the system chooses",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::PortOrNone(|config| &mut config.tls.port)),
    },
    #[cfg(feature = "tls")]
    Key {
        section: Section::Server,
        name: "tls-certificate",
        default: "none",
        meaning: "Files of certificates, each followed by its issuers; the name chooses one (SNI)",
        reload: ReloadTime::Live,
        setter: tls(TlsValue::Files(|config| &mut config.tls.certificates)),
    },
    #[cfg(feature = "tls")]
    Key {
        section: Section::Server,
        name: "tls-key",
        default: "none",
        meaning: "Files of their keys, in the same order; none: in the files of the certificates",
        reload: ReloadTime::Live,
        setter: tls(TlsValue::Files(|config| &mut config.tls.keys)),
    },
    #[cfg(feature = "tls")]
    Key {
        section: Section::Server,
        name: "tls-client-ca",
        default: "none",
        meaning: "File of the authorities that issue certificates of clients",
        reload: ReloadTime::Live,
        setter: tls(TlsValue::FileOrNone(|config| &mut config.tls.client_ca)),
    },
    #[cfg(feature = "tls")]
    Key {
        section: Section::Server,
        name: "tls-client",
        default: "require",
        meaning: "With tls-client-ca: a client has to show a certificate, or may show one",
        reload: ReloadTime::Live,
        setter: tls(TlsValue::Clients(|config| &mut config.tls.client)),
    },
    #[cfg(feature = "tls")]
    Key {
        section: Section::Server,
        name: "tls-redirect",
        default: "no",
        meaning: "Plain requests are sent to tls-port (308), or refused if they upgrade (426)",
        reload: ReloadTime::Live,
        setter: tls(TlsValue::Redirect(|config| &mut config.tls.redirect)),
    },
    Key {
        section: Section::Server,
        name: "static-root",
        default: "none",
        meaning: "Answer plain GET requests with the files in this directory",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::DirectoryOrNone(|config| &mut config.static_root)),
    },
    Key {
        section: Section::Server,
        name: "health-path",
        default: "none",
        meaning: "Answer plain GETs of this path with 200, or 503 while stopping or full",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::PathOrNone(|config| &mut config.health_path)),
    },
    Key {
        section: Section::Server,
        name: "allowed-hosts",
        default: "auto",
        meaning: "Requests may name these hosts in Host; auto protects from DNS rebinding",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::AllowedHosts(|config| &mut config.allowed_hosts)),
    },
    #[cfg(feature = "proxy")]
    Key {
        section: Section::Server,
        name: "trusted-proxy",
        default: "none",
        meaning: "These proxies say who their clients are: addresses, networks, unix",
        reload: ReloadTime::Live,
        setter: proxy(ProxyValue::Trusted(|config| &mut config.trusted_proxies)),
    },
    #[cfg(feature = "proxy")]
    Key {
        section: Section::Server,
        name: "forwarded",
        default: "x-forwarded-for",
        meaning: "The header in which trusted proxies name their clients",
        reload: ReloadTime::Live,
        setter: proxy(ProxyValue::Forwarded(|config| &mut config.forwarded)),
    },
    #[cfg(feature = "proxy")]
    Key {
        section: Section::Server,
        name: "proxy-protocol",
        default: "off",
        meaning: "Each connection begins with a header of the PROXY protocol, version 1 or 2",
        reload: ReloadTime::NextStart,
        setter: proxy(ProxyValue::Protocol(|config| &mut config.proxy_protocol)),
    },
    Key {
        section: Section::Server,
        name: "spellings",
        default: "all",
        meaning: "A service has only its path, or also /name.py, /ws_service and paths by links",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::Spellings(|config| &mut config.spellings)),
    },
    Key {
        section: Section::Server,
        name: "origin",
        default: "same",
        meaning: "Pages of these origins may open sockets; same is the requested host and port",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Origin(|service| &mut service.origin)),
    },
    Key {
        section: Section::Server,
        name: "compression",
        default: "off",
        meaning: "Compress messages for clients that offer it; read docs/configuration.md first",
        reload: ReloadTime::NextStart,
        setter: Setter::Service(ValueKind::Compression(|service| &mut service.compression)),
    },
    Key {
        section: Section::Server,
        name: "thread",
        default: "own",
        meaning: "Each service runs on a thread of its own, or on the loop that polls",
        reload: ReloadTime::NextStart,
        setter: Setter::Service(ValueKind::Thread(|service| &mut service.thread)),
    },
    #[cfg(feature = "workers")]
    Key {
        section: Section::Server,
        name: "workers",
        default: "1",
        meaning: "A service has so many threads, or a program so many processes, in mode shared",
        reload: ReloadTime::NextStart,
        setter: workers(WorkersValue::Count(|service| &mut service.workers)),
    },
    #[cfg(feature = "workers")]
    Key {
        section: Section::Server,
        name: "worker-key",
        default: "socket",
        meaning: "Sockets of the same value have the same worker; socket: the one with fewest",
        reload: ReloadTime::NextStart,
        setter: workers(WorkersValue::Key(|service| &mut service.workers)),
    },
    #[cfg(feature = "processes")]
    Key {
        section: Section::Server,
        name: "share",
        default: "none",
        meaning: "With processes: these messages of a service reach its sockets in all of them",
        reload: ReloadTime::NextStart,
        setter: Setter::Service(ValueKind::Unix(UnixValue::Share(|service| &mut service.share))),
    },
    Key {
        section: Section::Server,
        name: "start",
        default: "lazy",
        meaning: "A service starts with its first socket, or with the server and after each end",
        reload: ReloadTime::Live,
        setter: Setter::Service(ValueKind::Start(|service| &mut service.start)),
    },
    Key {
        section: Section::Server,
        name: "log-level",
        default: "info",
        meaning: "The level of the log",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::LogLevel(|config| &mut config.log_level)),
    },
    Key {
        section: Section::Server,
        name: "log-format",
        default: "text",
        meaning: "The format of the log: for people, or one JSON object per line",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::LogFormat(|config| &mut config.log_format)),
    },
    #[cfg(feature = "admin")]
    Key {
        section: Section::Server,
        name: "admin",
        default: "none",
        meaning: "Serve operators on these addresses: metrics, readiness, status, commands",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::Admin(AdminValue(|config| &mut config.admin.addresses))),
    },
    #[cfg(feature = "admin")]
    Key {
        section: Section::Server,
        name: "admin-token",
        default: "none",
        meaning: "File with the token that commands over TCP need",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::FileOrNone(|config| &mut config.admin.token)),
    },
    #[cfg(feature = "admin")]
    Key {
        section: Section::Server,
        name: "log-file",
        default: "none",
        meaning: "Write the log to the end of this file; SIGHUP and SIGUSR1 open it again",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::FileOrNone(|config| &mut config.log_file)),
    },
    Key {
        section: Section::Server,
        name: "access-log",
        default: "sockets",
        meaning: "A line for each socket and refused request, or for answered requests as well",
        reload: ReloadTime::Live,
        setter: Setter::Server(ValueKind::AccessLog(|config| &mut config.access_log)),
    },
    Key {
        section: Section::Server,
        name: "dumpable",
        default: "no",
        meaning: "Other processes of the same user, such as programs, may read the server's memory",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::Dumpable(|config| &mut config.dumpable)),
    },
];

#[cfg(feature = "proxy")]
const fn proxy(kind: ProxyValue<Config>) -> Setter {
    Setter::Server(ValueKind::Proxy(kind))
}

#[cfg(feature = "workers")]
const fn workers(kind: WorkersValue<ServiceOptions>) -> Setter {
    Setter::Service(ValueKind::Workers(kind))
}

#[cfg(feature = "tls")]
const fn tls(kind: TlsValue<Config>) -> Setter {
    Setter::Server(ValueKind::Tls(kind))
}
