//! The variables of a socket's request, with the names of RFC 3875. They are lines in the body of
//! an OPEN, and the environment of a program that serves one socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::programs::VERSION;
use crate::programs::worker_number::WorkerNumber;
use crate::service::{ClientCertificate, Request, UNIX_NAME};

/// A variable. In a request, its name has capital letters, digits and `_`; its value is as the peer
/// sent it, without control characters except tabs, and may not be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Vec<u8>,
}

/// The path and address that a program serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProgramPlace {
    /// The path of its service.
    pub service: String,
    /// The address that its sockets connect to by TCP.
    pub address: Option<SocketAddr>,
}

/// How a program is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// One program for all sockets of the service, in counted lines.
    Shared,
    /// A program for each socket, in plain lines.
    Lines,
    /// A program for each socket; each read of its output is a text message.
    Text,
    /// A program for each socket; each read of its output is a binary message.
    Bytes,
}

/// The variables of a request, in a fixed order: first those of RFC 3875, then the headers by name.
#[must_use]
pub(crate) fn request_variables(request: &Request, place: &ProgramPlace) -> Vec<Variable> {
    let host = request.header("Host").unwrap_or_default();
    let name = Some(host_name(host)).filter(|name| !name.is_empty());
    let path_info = path_info(request.path(), &place.service);
    let peer = request.peer_address();
    // RFC 3875, 4.1.15: the port is a number.
    let of = |address: Option<SocketAddr>| match address {
        Some(address) => (address.ip().to_string(), address.port().to_string()),
        None => (UNIX_NAME.to_owned(), 0.to_string()),
    };
    let ((peer, port), (address, own_port)) = (of(peer), of(peer.and(place.address)));
    let software = concat!("switchboard/", env!("CARGO_PKG_VERSION"));
    let own = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("PATH_INFO", path_info),
        ("QUERY_STRING", request.query()),
        ("REMOTE_ADDR", &peer),
        // RFC 3875, 4.1.9: the address replaces the name, which is not looked up.
        ("REMOTE_HOST", &peer),
        ("REMOTE_PORT", &port),
        ("REQUEST_METHOD", request.head().method()),
        ("REQUEST_URI", request.head().target()),
        ("SCRIPT_NAME", &place.service),
        ("SERVER_NAME", name.unwrap_or(&address)),
        ("SERVER_PORT", &own_port),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_SOFTWARE", software),
        ("WS_SUBPROTOCOLS", &request.protocols().join(",")),
    ]
    .map(|(name, value)| Variable { name: name.to_owned(), value: value.into() });
    let https = Variable { name: "HTTPS".to_owned(), value: b"on".into() };
    let https = request.is_secure().then_some(https);
    let tls = if cfg!(feature = "tls") { tls_variables(request) } else { Vec::new() };
    let headers = headers(request).into_iter().map(|(name, value)| Variable { name, value });
    own.into_iter()
        .chain(https)
        .chain(tls)
        .chain(headers)
        .filter(|variable| is_line(&variable.value))
        .collect()
}

/// What is known of the TLS connection of a client, if it ends in this server.
fn tls_variables(request: &Request) -> Vec<Variable> {
    let Some(tls) = request.peer().tls() else { return Vec::new() };
    let certificate = tls.certificate.as_ref();
    let all = [
        ("TLS_CLIENT_DNS", certificate.map(|certificate| certificate.dns_names.join(","))),
        ("TLS_CLIENT_SHA256", certificate.map(ClientCertificate::sha256_hex)),
        ("TLS_SNI", tls.server_name.clone()),
        ("TLS_VERSION", Some(tls.version.to_string())),
    ];
    let known = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known.map(|(name, value)| Variable { name: name.to_owned(), value: value.into() }).collect()
}

/// The variables in the environment of every program.
#[must_use]
pub(crate) fn own_variables(
    mode: Mode,
    service: &str,
    worker: Option<WorkerNumber>,
) -> Vec<Variable> {
    let protocol = match mode {
        Mode::Shared => VERSION.to_string(),
        Mode::Lines => "lines".to_owned(),
        Mode::Text => "text".to_owned(),
        Mode::Bytes => "bytes".to_owned(),
    };
    let number = worker.map(|worker| worker.number.to_string());
    let number = number.as_deref().map(|number| ("SWITCHBOARD_WORKER", number));
    let own = [
        ("SWITCHBOARD_PROTOCOL", protocol.as_str()),
        ("SWITCHBOARD_SERVICE", service),
        // Otherwise the output of a Python program would wait until a buffer is full.
        ("PYTHONUNBUFFERED", "1"),
    ];
    let own = own.into_iter().chain(number);
    own.map(|(name, value)| Variable { name: name.to_owned(), value: value.into() }).collect()
}

/// Whether a variable of this name is set by the host, for a request or for all programs.
#[must_use]
pub(crate) fn is_own_variable(name: &str) -> bool {
    // HTTP clients use this variable as their proxy; no peer can set it.
    let is_header = name.starts_with("HTTP_") && name != "HTTP_PROXY";
    is_header || OWN_VARIABLES.contains(&name)
}

/// The rest of a path behind that of its service: nothing, or a slash and more. The path may have
/// the extension of the program's file, or the name of a folder's program.
fn path_info<'p>(path: &'p str, service: &str) -> &'p str {
    // RFC 3875, 4.1.5: it begins with a slash. The slash of a folder's path belongs to the rest.
    let names = service.trim_end_matches('/').matches('/').count();
    let rest = path.match_indices('/').nth(names).map_or("", |(at, _)| &path[at..]);
    let is_folder = service.ends_with('/');
    let is_index = |name: &str| name == INDEX || name.starts_with(&format!("{INDEX}."));
    match rest.strip_prefix('/') {
        Some(name) if is_folder && !name.contains('/') && (name.is_empty() || is_index(name)) => "",
        Some(_) | None => rest,
    }
}

/// The headers as variables, those of one name joined (RFC 3875, 4.1.18).
fn headers(request: &Request) -> BTreeMap<String, Vec<u8>> {
    let mut variables: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, value) in request.head().fields() {
        // A header with an underscore in its name would be the same variable as one with a hyphen,
        // so that a peer could forge a header that a proxy sets.
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        // HTTP_PROXY tells many programs which proxy to use.
        if !is_plain || name.eq_ignore_ascii_case("Proxy") {
            continue;
        }
        // RFC 6265, 5.4: cookies are separated by semicolons, all else by commas.
        let separator = if name.eq_ignore_ascii_case("Cookie") { b"; " } else { b", " };
        let variable = format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_"));
        let joined = variables.entry(variable);
        joined
            .and_modify(|joined| {
                joined.extend_from_slice(separator);
                joined.extend_from_slice(value);
            })
            .or_insert_with(|| value.to_vec());
    }
    variables
}

/// The host of a Host header, without its port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}

impl Variable {
    /// Whether the configuration may set it for a program: its name has letters, digits and `_` and
    /// does not begin with a digit (as in POSIX), the host does not set it, and its value has no
    /// NUL.
    #[must_use]
    pub fn is_free(&self) -> bool {
        is_variable_name(&self.name) && !is_own_variable(&self.name) && !self.value.contains(&0)
    }
}

/// Whether a word is a valid name of a variable in shells and POSIX.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.chars().all(is_plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a value fits one line. The rules for heads and targets allow no other.
fn is_line(value: &[u8]) -> bool {
    !value.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t')
}

const OWN_VARIABLES: [&str; 24] = [
    "GATEWAY_INTERFACE",
    "HTTPS",
    "PATH_INFO",
    "PYTHONUNBUFFERED",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "REQUEST_METHOD",
    "REQUEST_URI",
    "RESUMED",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
    "SWITCHBOARD_PROTOCOL",
    "SWITCHBOARD_SERVICE",
    "SWITCHBOARD_WORKER",
    "TLS_CLIENT_DNS",
    "TLS_CLIENT_SHA256",
    "TLS_SNI",
    "TLS_VERSION",
    "WS_SUBPROTOCOLS",
];
/// The name of the service of a folder.
pub(crate) const INDEX: &str = "ws_service";
