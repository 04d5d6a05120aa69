//! Listening sockets, with the options that the standard library and mio cannot set between
//! `socket`, `bind` and `listen`; and those that this process has inherited.

use std::io;
use std::net::{SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Whether other sockets may listen on the same address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortUse {
    /// No.
    Alone,
    /// Yes, if they are of the same user and allow it as well.
    Shared,
}

/// Listens on an address without blocking. The IPv6 wildcard also accepts IPv4. By default
/// `net.ipv6.bindv6only` decides that.
///
/// # Errors
/// The error of the system.
pub(crate) fn listen_on(address: SocketAddr, port_use: PortUse) -> io::Result<OwnedFd> {
    let domain = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let socket = new_socket(domain)?;
    super::set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if port_use == PortUse::Shared {
        super::set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    }
    match address {
        SocketAddr::V4(address) => {
            let name = libc::sockaddr_in {
                sin_family: family(domain),
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            };
            bind(&socket, &name)?;
        }
        SocketAddr::V6(address) => {
            super::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0)?;
            let name = libc::sockaddr_in6 {
                sin6_family: family(domain),
                sin6_port: address.port().to_be(),
                sin6_flowinfo: address.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            };
            bind(&socket, &name)?;
        }
    }
    listen(&socket)?;
    Ok(socket)
}

/// Starts to listen on a socket that was bound.
///
/// # Errors
/// The error of the system.
pub(crate) fn listen(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: the call takes numbers and uses no memory.
    number(unsafe { libc::listen(socket.as_raw_fd(), QUEUE_LONGEST) }).map(drop)
}

/// Accepts a connection, which does not block. A peer of a Unix socket has no address.
///
/// # Errors
/// The error of the system.
pub(crate) fn accept(listener: &OwnedFd) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let (mut name, mut len) = (SocketName::EMPTY, length_of(&SocketName::EMPTY));
    let (listener, place) = (listener.as_raw_fd(), (&raw mut name).cast());
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the pointers are to locals; the call writes numbers there, of at most this length.
    let stream = number(unsafe { libc::accept4(listener, place, &raw mut len, flags) })?;
    // SAFETY: the descriptor is new, so that it has no other owner.
    Ok((unsafe { OwnedFd::from_raw_fd(stream) }, name.address()))
}

/// The name of a socket of any family.
#[repr(C)]
pub(crate) union SocketName {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
    unix: libc::sockaddr_un,
}

impl SocketName {
    const EMPTY: Self = Self { unix: libc::sockaddr_un { sun_family: 0, sun_path: [0; 108] } };

    /// The name of a socket.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn of(socket: &OwnedFd) -> io::Result<Self> {
        let (mut name, mut len) = (Self::EMPTY, length_of(&Self::EMPTY));
        let (socket, place) = (socket.as_raw_fd(), (&raw mut name).cast());
        // SAFETY: the pointers are to locals; the call writes numbers there, of at most this
        // length.
        number(unsafe { libc::getsockname(socket, place, &raw mut len) })?;
        Ok(name)
    }

    /// The address of TCP, if it is one.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        // SAFETY: all bytes are set, and each field is of numbers, which may have any value.
        let (family, v4, v6) = unsafe { (self.family, self.v4, self.v6) };
        match libc::c_int::from(family) {
            libc::AF_INET => {
                let octets = v4.sin_addr.s_addr.to_ne_bytes();
                Some(SocketAddr::new(octets.into(), u16::from_be(v4.sin_port)))
            }
            libc::AF_INET6 => {
                let (ip, port) = (v6.sin6_addr.s6_addr.into(), u16::from_be(v6.sin6_port));
                let address = SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id);
                Some(address.into())
            }
            _ => None,
        }
    }

    /// The path of a Unix socket, or its abstract name (unix(7)) with an `@` in place of the zero
    /// in front. Zeros at the end of a name are left out.
    pub(crate) fn path(&self) -> Vec<u8> {
        // SAFETY: as above.
        let mut bytes: Vec<u8> = unsafe { self.unix.sun_path }.map(|c| c.to_ne_bytes()[0]).into();
        while bytes.pop_if(|byte| *byte == 0).is_some() {}
        if let Some(first @ 0) = bytes.first_mut() {
            *first = b'@';
        }
        bytes
    }
}

/// Takes a descriptor that this process has inherited, if it is a stream socket that listens.
/// Programs do not inherit it. To be called once for each descriptor, for those alone that the
/// parent process has named.
///
/// # Errors
/// What it is instead. It is left open then.
pub(crate) fn take_inherited(descriptor: RawFd) -> Result<OwnedFd, &'static str> {
    let option = |name| {
        let mut value: libc::c_int = 0;
        let mut len = length_of(&value);
        let level = libc::SOL_SOCKET;
        let place = (&raw mut value).cast();
        // SAFETY: the call writes one number, to a local of its type. It fails for a descriptor
        // that is not open or no socket.
        number(unsafe { libc::getsockopt(descriptor, level, name, place, &raw mut len) })?;
        Ok::<_, io::Error>(value)
    };
    match option(libc::SO_TYPE) {
        Ok(libc::SOCK_STREAM) => {}
        Ok(libc::SOCK_DGRAM) => return Err("a datagram socket"),
        Ok(_) => return Err("a socket that is no stream"),
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => return Err("not open"),
        Err(_) => return Err("no socket"),
    }
    if !matches!(option(libc::SO_ACCEPTCONN), Ok(1)) {
        return Err("a socket that does not listen (Accept=yes of systemd passes such ones)");
    }
    if !matches!(option(libc::SO_DOMAIN), Ok(libc::AF_INET | libc::AF_INET6 | libc::AF_UNIX)) {
        return Err("a socket of another family than TCP and Unix sockets");
    }
    super::seal(descriptor).map_err(|_| "not open")?;
    // SAFETY: it is open, and its parent process gave it to this one, which has no other owner for
    // it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Whether this machine lacks an address, or all of IPv6, which an administrator may have left out.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT))
}

/// Whether this process, or the whole system, has as many descriptors open as it may.
pub(crate) fn lacks_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// A stream socket that does not block.
pub(super) fn new_socket(domain: libc::c_int) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the call takes numbers and uses no memory.
    let socket = number(unsafe { libc::socket(domain, kind, 0) })?;
    // SAFETY: the descriptor is new, so that it has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Binds a socket to the name of a `sockaddr` of its family.
pub(super) fn bind<T>(socket: &OwnedFd, name: &T) -> io::Result<()> {
    let (len, name) = (length_of(name), &raw const *name);
    // SAFETY: the pointer and the length are those of a value that is borrowed, and the call only
    // reads it.
    number(unsafe { libc::bind(socket.as_raw_fd(), name.cast(), len) }).map(drop)
}

/// An address family, as names of sockets have it. All of them are small.
pub(super) fn family(domain: libc::c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(domain).unwrap_or_default()
}

/// The length of a small value.
pub(super) fn length_of<T>(value: &T) -> libc::socklen_t {
    libc::socklen_t::try_from(size_of_val(value)).unwrap_or_default()
}

pub(super) fn number(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// As long as `net.core.somaxconn` allows, as mio does.
const QUEUE_LONGEST: libc::c_int = -1;
