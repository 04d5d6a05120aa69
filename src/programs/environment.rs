//! The variables that tell of a socket's request, with the names of RFC 3875: lines in the body
//! of an OPEN, and the environment of a program that serves one socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::programs::VERSION;
use crate::service::Request;

/// A variable. That of a request has a name of capital letters, digits and `_`, and a value without
/// control characters but tabs, as the peer sent it, which need not be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Vec<u8>,
}

/// Where a program serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProgramPlace {
    /// The path of its service.
    pub service: String,
    /// The address that its sockets connect to.
    pub address: SocketAddr,
}

/// How a program is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// One program for all sockets of the service, in counted lines.
    Shared,
    /// A program for each socket, in plain lines.
    Lines,
    /// A program for each socket, in text as it comes.
    Text,
    /// A program for each socket, in bytes as they come.
    Bytes,
}

/// The variables of a request, in a fixed order: first those that RFC 3875 asks for, then the
/// headers by name.
#[must_use]
pub(crate) fn request_variables(request: &Request, place: &ProgramPlace) -> Vec<Variable> {
    let host = request.header("Host").unwrap_or_default();
    let name = Some(host_name(host)).filter(|name| !name.is_empty());
    let address = place.address.ip().to_string();
    let path_info = path_info(request.path(), &place.service);
    let peer = request.peer_address();
    let software = concat!("switchboard/", env!("CARGO_PKG_VERSION"));
    let own = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("PATH_INFO", path_info),
        ("QUERY_STRING", request.query()),
        ("REMOTE_ADDR", &peer.ip().to_string()),
        // RFC 3875, 4.1.9: the address stands in for a name that is not looked up.
        ("REMOTE_HOST", &peer.ip().to_string()),
        ("REMOTE_PORT", &peer.port().to_string()),
        ("REQUEST_METHOD", request.head().method()),
        ("REQUEST_URI", request.head().target()),
        ("SCRIPT_NAME", &place.service),
        ("SERVER_NAME", name.unwrap_or(&address)),
        ("SERVER_PORT", &place.address.port().to_string()),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_SOFTWARE", software),
        ("WS_SUBPROTOCOLS", &request.protocols().join(",")),
    ]
    .map(|(name, value)| Variable { name: name.to_owned(), value: value.into() });
    let headers = headers(request).into_iter().map(|(name, value)| Variable { name, value });
    own.into_iter().chain(headers).filter(|variable| is_line(&variable.value)).collect()
}

/// The variables that every program has in its environment, whatever it serves.
#[must_use]
pub(crate) fn own_variables(mode: Mode, service: &str) -> Vec<Variable> {
    let protocol = match mode {
        Mode::Shared => VERSION.to_string(),
        Mode::Lines => "lines".to_owned(),
        Mode::Text => "text".to_owned(),
        Mode::Bytes => "bytes".to_owned(),
    };
    [
        ("SWITCHBOARD_PROTOCOL", protocol.as_str()),
        ("SWITCHBOARD_SERVICE", service),
        // What a Python program prints would otherwise wait for a full buffer.
        ("PYTHONUNBUFFERED", "1"),
    ]
    .map(|(name, value)| Variable { name: name.to_owned(), value: value.into() })
    .into()
}

/// Whether a variable of this name is set by the host, for a request or for all programs.
#[must_use]
pub(super) fn is_own_variable(name: &str) -> bool {
    // Programs that fetch something over HTTP know this one; no peer can set it.
    let is_header = name.starts_with("HTTP_") && name != "HTTP_PROXY";
    is_header || OWN_VARIABLES.contains(&name)
}

/// What a path has behind that of its service: nothing, or a slash and the rest. The path may
/// have the extension of the program's file, or the name of that of a folder's program.
fn path_info<'p>(path: &'p str, service: &str) -> &'p str {
    // RFC 3875, 4.1.5: it begins with a slash. That of a folder counts for what is below.
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
        // A name with an underscore would be the same variable as one with a hyphen, so that a
        // peer could set what a proxy in front of us means to be its own.
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
    /// Whether a program can be given it besides those that the host sets: its name is of letters,
    /// digits and `_` with no digit in front, as POSIX has them, and not one of the
    /// host's; its value has no NUL.
    #[must_use]
    pub fn is_free(&self) -> bool {
        is_variable_name(&self.name) && !is_own_variable(&self.name) && !self.value.contains(&0)
    }
}

/// Whether shells and POSIX take a word for the name of a variable.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.chars().all(is_plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a value fits a line. The rules for heads and targets leave no other.
fn is_line(value: &[u8]) -> bool {
    !value.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t')
}

const OWN_VARIABLES: [&str; 18] = [
    "GATEWAY_INTERFACE",
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
    "WS_SUBPROTOCOLS",
];
/// The name of the service of a folder.
pub(crate) const INDEX: &str = "ws_service";
