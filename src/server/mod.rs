//! `Server`: builds a running host. It collects services, files and rules; what happens afterwards
//! is in `host`.
//!
//! - `programs`: the document root, with the feature `programs`
//! - `listeners`: what it listens on
//! - `mounted`: options of a mounted service; `page`, with the feature `pages`: pages that a
//!   closure makes
//! - `rules`: what a start and a reload set alike; `reload`: what a host that runs takes over from
//!   another server
//! - `status`, with the feature `admin`: the state of a host in the log
//! - `secret`, with the feature `workers`: what keys of workers are hashed with
//! - `senders`, with the feature of that name: senders of its services
//! - `testing`, with the feature of that name: what a host in memory is made of
//! - `databases`, with the feature `database`: databases for its services
//! - `error`, `programs_error`: why a server cannot start

#[cfg(feature = "database")]
mod databases;
mod error;
mod listeners;
mod mounted;
#[cfg(feature = "pages")]
mod page;
#[cfg(feature = "programs")]
mod programs;
#[cfg(feature = "programs")]
mod programs_error;
mod reload;
mod rules;
#[cfg(feature = "workers")]
mod secret;
#[cfg(feature = "senders")]
mod senders;
#[cfg(feature = "admin")]
mod status;
#[cfg(feature = "testing")]
mod testing;

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "admin")]
use crate::admin::Admin;
use crate::host::{Host, HostPlan, Make, MakeListener, PortUse, StaticRoot};
use crate::hub::{AccessLog, AllowedHosts, Hub, ProxyProtocol, Spellings};
use crate::limits::Limits;
#[cfg(feature = "tls")]
use crate::net::tls::{PlainRequests, Tls, TlsPlan};
use crate::server::mounted::Mounting;
use crate::server::rules::HubRules;
use crate::service::{Callbacks, Compression, OriginRule, Service, ServiceOptions, Thread};
use crate::time::Time;
use crate::ws::Transport;
#[cfg(feature = "proxy")]
use crate::ws::{Forwarded, TrustedProxies};
#[cfg(feature = "programs")]
use crate::{host::resolver::ResolverPlan, process::ProgramsResolver};

pub use error::BindError;
pub use mounted::Mounted;
#[cfg(feature = "programs")]
pub use programs::MountedProgram;
#[cfg(feature = "programs")]
pub use programs_error::ProgramsError;
#[cfg(feature = "senders")]
pub use senders::NoService;
#[cfg(feature = "testing")]
pub(crate) use testing::TestPlan;

/// A server before it listens: limits, options, and the services with their paths. [`Server::bind`]
/// makes a [`Host`] of it, which runs. No method before that fails or touches the system.
///
/// ```
/// use switchboard::{Handler, Limits, Message, Peer, Server, handler};
///
/// struct Echo;
///
/// impl Handler for Echo {
///     fn message(&mut self, peer: &mut Peer, message: Message) {
///         peer.send(message);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut server = Server::new(Limits::SERVER);
/// server.mount("/echo", || handler(Echo));
/// let host = server.bind("127.0.0.1:0")?;
/// println!("listening on {}", host.address());
/// let stopper = host.stopper();
/// let thread = std::thread::spawn(move || host.run());
/// stopper.stop();
/// thread.join().expect("the host does not panic")?;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    limits: Limits,
    /// The options of services that are mounted from now on.
    options: ServiceOptions,
    rules: HubRules,
    protocol: ProxyProtocol,
    /// Whether a listener has the PROXY protocol.
    #[cfg(feature = "proxy")]
    has_protocol: bool,
    static_root: Option<PathBuf>,
    #[cfg(feature = "admin")]
    log_lines_dropped: Option<fn() -> u64>,
    addresses: Vec<(SocketAddr, Transport)>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    /// Whether a listener of the caller's own has TLS.
    #[cfg(feature = "tls")]
    has_tls: bool,
    /// What plain requests get.
    #[cfg(feature = "tls")]
    plain: PlainRequests,
    port_use: PortUse,
    /// Other listeners.
    listeners: Vec<MakeListener>,
    #[cfg(feature = "admin")]
    admin: Option<Admin>,
    mounts: Vec<Mounting>,
    #[cfg(feature = "database")]
    databases: databases::ServerDatabases,
    #[cfg(feature = "programs")]
    programs: programs::ProgramsSetup,
}

impl Server {
    /// A server without services. `limits` are the bounds of the host, and the default of each
    /// service. [`Server::bind`] checks them.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            options: ServiceOptions::new(limits),
            rules: HubRules::DEFAULT,
            protocol: ProxyProtocol::Off,
            #[cfg(feature = "proxy")]
            has_protocol: false,
            static_root: None,
            #[cfg(feature = "admin")]
            log_lines_dropped: None,
            addresses: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            has_tls: false,
            #[cfg(feature = "tls")]
            plain: PlainRequests::Served,
            port_use: PortUse::Alone,
            listeners: Vec::new(),
            #[cfg(feature = "admin")]
            admin: None,
            mounts: Vec::new(),
            #[cfg(feature = "database")]
            databases: databases::ServerDatabases::NONE,
            #[cfg(feature = "programs")]
            programs: programs::ProgramsSetup::NONE,
        }
    }

    /// Sets the hosts that requests may name; others get a 421. By default they are those of
    /// [`AllowedHosts::AUTO`]: any on a listener that other machines can reach, and on loopback
    /// those that are known to be local.
    pub fn allowed_hosts(&mut self, hosts: AllowedHosts) -> &mut Self {
        self.rules.allowed_hosts = hosts;
        self
    }

    /// Sets which proxies are trusted, so that they say who their clients are; by default none is.
    /// [`Server::forwarded`] says in which header. The address of a client is in
    /// [`Request::peer_address`](crate::Request::peer_address) and in the log, and counts for
    /// [`Limits::sockets_per_ip_max`] and [`Limits::connection_rate`]. That of a trusted proxy
    /// counts for neither.
    ///
    /// A proxy that is trusted has to set this header, or a client sets it.
    #[cfg(feature = "proxy")]
    pub fn trusted_proxies(&mut self, proxies: TrustedProxies) -> &mut Self {
        self.rules.proxies.trusted = proxies;
        self
    }

    /// Sets the header in which trusted proxies name their clients: by default `X-Forwarded-For`.
    #[cfg(feature = "proxy")]
    pub const fn forwarded(&mut self, forwarded: Forwarded) -> &mut Self {
        self.rules.proxies.forwarded = forwarded;
        self
    }

    /// Sets whether each connection has to come from a trusted proxy and to begin with a header of
    /// the PROXY protocol. By default none has one, unless its listener says so
    /// ([`ListenerSource::proxy_protocol`](crate::ListenerSource::proxy_protocol)).
    ///
    /// The address in it is that of the client. The header that [`Server::forwarded`] names counts
    /// only if this address is that of a trusted proxy, too. A header that is longer than
    /// [`Limits::read_buffer_bytes`] is not read.
    #[cfg(feature = "proxy")]
    pub const fn proxy_protocol(&mut self, protocol: ProxyProtocol) -> &mut Self {
        self.protocol = protocol;
        self
    }

    /// Sets by which spellings of their paths services are served: by default, all.
    pub const fn spellings(&mut self, spellings: Spellings) -> &mut Self {
        self.rules.spellings = spellings;
        self
    }

    /// Sets all options of the services that are mounted after this call. By default they are
    /// [`ServiceOptions::new`] with the limits of the server.
    pub fn options(&mut self, options: ServiceOptions) -> &mut Self {
        self.options = options;
        self
    }

    /// Sets which pages may open sockets to the services that are mounted after this call; by
    /// default, pages from the same host and port. Others get a 403. The last rule also says which
    /// hosts [`AllowedHosts::Auto`] accepts for paths without a service.
    pub fn origin(&mut self, origin: OriginRule) -> &mut Self {
        self.options.origin = origin;
        self
    }

    /// Sets whether the services that are mounted after this call compress; by default they do not.
    pub fn compression(&mut self, compression: Compression) -> &mut Self {
        self.options.compression = compression;
        self
    }

    /// Sets the thread of the services that are mounted after this call; by default each has one of
    /// its own.
    pub fn thread(&mut self, thread: Thread) -> &mut Self {
        self.options.thread = thread;
        self
    }

    /// Serves the files below a folder to plain GET and HEAD requests for paths without a service.
    /// By default there are none. A second call replaces the folder.
    ///
    /// Names that begin with a dot, except `.well-known` at the root, and links that lead out of
    /// the folder get a 404. [`Limits::files_open_max`] bounds how many are sent at a time.
    pub fn static_root(&mut self, folder: impl Into<PathBuf>) -> &mut Self {
        self.static_root = Some(folder.into());
        self
    }

    /// Answers a plain GET or HEAD of this path with 200, for load balancers; by default there is
    /// no such path. It takes precedence over services and files, and is given percent-decoded.
    ///
    /// Once a clean stop begins, the answer is 503. The port is closed then, so only connections
    /// that are open already get it, for a second.
    pub fn health_path(&mut self, path: impl Into<String>) -> &mut Self {
        self.rules.health_path = Some(path.into());
        self
    }

    /// Sets what is logged of sockets and requests: by default a line for each socket, and for each
    /// request that is refused.
    pub const fn access_log(&mut self, access: AccessLog) -> &mut Self {
        self.rules.access_log = access;
        self
    }

    /// Mounts a service at a path: `/dir/name`, or `/dir/` for the service of a folder. What
    /// differs from the options of the server is set on the [`Mounted`] that it returns.
    /// [`Server::bind`] returns an error for a path that is malformed or taken.
    ///
    /// The factory is called when the first socket asks for the service, or in the first turn of
    /// the host if the service is [eager](crate::Start::Eager). It is called again after the
    /// service has ended. It runs on the thread of the service, so the service itself need not be
    /// `Send`. Sockets wait for it up to [`Limits::admission_ms_max`], then they get a 500. They
    /// also get one if the factory panics.
    pub fn mount<S, F>(&mut self, path: &str, factory: F) -> Mounted<'_>
    where
        S: Service,
        F: Fn() -> S + Send + Sync + 'static,
    {
        let factory = Arc::new(factory);
        let callbacks = S::callbacks().map(|callbacks| -> Make<dyn Callbacks> {
            let factory = factory.clone();
            Arc::new(move || callbacks(factory()))
        });
        self.mount_made(path, Arc::new(move || Box::new(factory())), callbacks)
    }

    // One instance for services of all types.
    fn mount_made(
        &mut self,
        path: &str,
        own: Make<dyn Service>,
        callbacks: Option<Make<dyn Callbacks>>,
    ) -> Mounted<'_> {
        let options = self.options.clone();
        self.mounts.push(Mounting { path: path.to_owned(), options, own, callbacks });
        let last = self.mounts.len() - 1;
        Mounted { options: &mut self.mounts[last].options, program: () }
    }

    /// Listens on all of the addresses; with port 0 the system chooses one. Connections are
    /// accepted once the host runs, and wait in the system until then. Of a name with several
    /// addresses, those that this machine does not have are left out.
    ///
    /// It also listens on what was set before: [`Server::unix_socket`], [`Server::listen_on`], and
    /// with TLS `Server::listen_tls`.
    ///
    /// # Errors
    /// A [`BindError`]: limits that contradict each other, a path that cannot be mounted, a service
    /// on the loop without callbacks, a folder that cannot be used, or an address that cannot be
    /// listened on. No service has been started then, and the server is dropped: [`BindError`] has
    /// an example that binds again.
    pub fn bind(mut self, addresses: impl ToSocketAddrs) -> Result<Host, BindError> {
        let addresses = addresses.to_socket_addrs().map_err(BindError::Address)?;
        // They come before those of TLS.
        let plain = addresses.map(|address| (address, Transport::Unknown));
        self.addresses.splice(..0, plain);
        self.listen()
    }

    /// Listens on what was set before: [`Server::unix_socket`], [`Server::listen_on`]. Otherwise it
    /// is like [`Server::bind`].
    ///
    /// # Errors
    /// As for [`Server::bind`], or there is nothing to listen on.
    pub fn listen(self) -> Result<Host, BindError> {
        self.limits.check().map_err(BindError::Limits)?;
        self.check_listeners()?;
        let files = self.files();
        #[cfg(feature = "programs")]
        let programs = {
            let taken = self.mounts.iter().map(|mounting| mounting.path.clone()).collect();
            self.programs.into_plan(&self.options, taken)?
        };
        let mut hub = Hub::new(self.limits, files, Time::ZERO);
        #[cfg(feature = "workers")]
        hub.hash_keys_with(secret::new_secret());
        self.rules.apply(self.options.origin, &mut hub);
        #[cfg(feature = "admin")]
        if let Some(count) = self.log_lines_dropped {
            hub.count_log_lines_dropped(count);
        }
        #[cfg(all(feature = "admin", feature = "database"))]
        hub.watch_databases(self.databases.watches());
        #[cfg(feature = "programs")]
        if let Some(programs) = &programs {
            hub.look_up();
            hub.name_programs(programs.named());
        }
        let mut factories = Vec::new();
        for mounting in self.mounts {
            factories.push(mounting.mount(&mut hub)?);
        }
        let static_root = self.static_root.as_deref().map(StaticRoot::new).transpose();
        let static_root = static_root.map_err(BindError::StaticRoot)?;
        #[cfg(feature = "programs")]
        let resolver: Option<Box<dyn ResolverPlan>> = Some(Box::new(ProgramsResolver(programs)));
        #[cfg(not(feature = "programs"))]
        let resolver = None;
        #[cfg(feature = "tls")]
        let tls = self.tls.map(|tls| TlsPlan::new(tls, self.plain));
        #[cfg(not(feature = "tls"))]
        let tls = None;
        let plan = HostPlan {
            hub,
            limits: self.limits,
            factories,
            static_root,
            resolver,
            addresses: self.addresses,
            port_use: self.port_use,
            protocol: self.protocol,
            others: self.listeners,
            tls,
            #[cfg(feature = "database")]
            values: self.databases.into_values(),
            #[cfg(not(feature = "database"))]
            values: crate::service::shared_values::SharedValues::default(),
        };
        #[cfg(feature = "admin")]
        let admin = self.admin.map(Admin::open).transpose().map_err(BindError::Admin)?;
        #[cfg_attr(not(feature = "admin"), expect(unused_mut, reason = "nothing is attached"))]
        let mut host = Host::new(plan).map_err(BindError::Listen)?;
        #[cfg(feature = "admin")]
        if let Some(admin) = admin {
            admin.attach_to(&mut host).map_err(BindError::Admin)?;
        }
        Ok(host)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.mounts.iter().map(|mounting| &mounting.path);
        f.debug_struct("Server").field("paths", &Vec::from_iter(paths)).finish_non_exhaustive()
    }
}
