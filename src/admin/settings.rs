//! `Admin`: what the listeners for operators are made of.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::admin::token::{AdminToken, TokenSlot};
use crate::host::{ListenerSource, MakeListener, own_listener, unix_socket};
use crate::net::listener::tcp_listener;

/// Listeners for the operators of a server, for [`Server::admin`](crate::Server::admin). A thread
/// of their own serves them; they have no part in [`Limits`](crate::Limits), and go on until the
/// host is dropped.
///
/// - `GET /healthz`: 200 while the loop turns; `GET /readyz`: 200, or 503 with the reasons
/// - `GET /status`: the state as JSON; `GET /metrics`: the metrics for Prometheus
/// - `POST /send?service=/chat&to=@news`: sends the content to sockets; `type=binary` for bytes.
///   `to` is `*` for all, a topic or ids
/// - `POST /close?service=/chat&to=17&code=4000&reason=bye`: closes sockets
/// - `POST /reload`, `POST /drain`, `POST /log-level?level=debug`
///
/// Over TCP, a POST needs the token; without a token there is none. An address that other machines
/// reach needs it for all but `/healthz` and `/readyz`. What a page in a browser sends is refused,
/// and on loopback the `Host` has to be a name of loopback.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// use switchboard::admin::Admin;
/// use switchboard::{Limits, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut admin = Admin::new();
/// admin.listen("127.0.0.1:0".parse()?);
/// let mut server = Server::new(Limits::SERVER);
/// server.admin(admin);
/// let host = server.bind("127.0.0.1:0")?;
/// let address = host.admin_addresses().next().expect("it listens").clone();
/// let stopper = host.stopper();
/// let runs = std::thread::spawn(|| host.run());
/// let mut operator = TcpStream::connect(&address)?;
/// operator.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
/// let mut answer = String::new();
/// operator.read_to_string(&mut answer)?;
/// assert!(answer.ends_with("\r\n\r\nok\n"));
/// stopper.stop();
/// runs.join().expect("it does not panic")?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Admin {
    pub(super) listeners: Vec<MakeListener>,
    pub(super) token: TokenSlot,
    pub(super) reload: Option<ReloadCall>,
}

/// What a reload calls. One at a time is under way.
pub(super) type ReloadCall = Arc<Mutex<dyn FnMut() -> Result<String, String> + Send>>;

impl Admin {
    /// Without listeners.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens on an address of TCP. With port 0 the system chooses one.
    pub fn listen(&mut self, address: SocketAddr) -> &mut Self {
        self.listeners.push(tcp_listener(address));
        self
    }

    /// Listens on a Unix socket at this path, as
    /// [`Server::unix_socket`](crate::Server::unix_socket) does: who may write its file may do
    /// everything.
    pub fn unix_socket(&mut self, path: impl Into<PathBuf>, mode: u32) -> &mut Self {
        self.listeners.push(unix_socket(path.into(), mode));
        self
    }

    /// Listens on a listener of one's own, such as an inherited one.
    pub fn listen_on(&mut self, listener: impl Into<ListenerSource>) -> &mut Self {
        self.listeners.push(own_listener(listener.into()));
        self
    }

    /// Sets the token for requests over TCP.
    pub fn token(&mut self, token: AdminToken) -> &mut Self {
        self.token.set(Some(token));
        self
    }

    /// Where the token is kept, to replace it while the host runs.
    #[must_use]
    pub fn token_slot(&self) -> TokenSlot {
        self.token.clone()
    }

    /// Sets what `POST /reload` calls, on a thread of its own. It returns the text of the answer,
    /// or why nothing has changed. Without it, `/reload` gets a 501.
    pub fn on_reload(
        &mut self,
        act: impl FnMut() -> Result<String, String> + Send + 'static,
    ) -> &mut Self {
        self.reload = Some(Arc::new(Mutex::new(act)));
        self
    }

    /// Whether nothing listens.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("listeners", &self.listeners.len()).finish_non_exhaustive()
    }
}
