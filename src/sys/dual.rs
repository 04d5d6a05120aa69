//! IPv6 listeners that take IPv4 as well, whatever the system's default is.

use std::io;
use std::net::{SocketAddrV6, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Listens on an IPv6 address without blocking. The wildcard also accepts IPv4. By default
/// `net.ipv6.bindv6only` decides that, and neither the standard library nor mio can set it between
/// `socket` and `bind`.
///
/// # Errors
/// The error of the system.
pub(crate) fn listen(address: SocketAddrV6) -> io::Result<TcpListener> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the call takes numbers and uses no memory.
    let socket = number(unsafe { libc::socket(libc::AF_INET6, kind, 0) })?;
    // SAFETY: the descriptor is new, so that it has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    super::set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    super::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0)?;
    let name = libc::sockaddr_in6 {
        sin6_family: libc::sa_family_t::try_from(libc::AF_INET6).map_err(io::Error::other)?,
        sin6_port: address.port().to_be(),
        sin6_flowinfo: address.flowinfo(),
        sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
        sin6_scope_id: address.scope_id(),
    };
    let len = libc::socklen_t::try_from(size_of_val(&name)).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length are those of a local that the call only reads.
    number(unsafe { libc::bind(socket.as_raw_fd(), (&raw const name).cast(), len) })?;
    // SAFETY: the call takes numbers and uses no memory.
    number(unsafe { libc::listen(socket.as_raw_fd(), QUEUE_LONGEST) })?;
    Ok(socket.into())
}

/// Whether this machine lacks an address, or all of IPv6, which an administrator may have left out.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT))
}

fn number(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// As long as `net.core.somaxconn` allows, as mio does.
const QUEUE_LONGEST: libc::c_int = -1;
