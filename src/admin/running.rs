//! How a host has listeners for operators.

use std::io;

use crate::admin::Admin;
use crate::admin::access::AdminWay;
use crate::admin::actions::Actions;
use crate::admin::reply::RunningAdmin;
use crate::admin::target::AdminTarget;
use crate::admin::thread::AdminThread;
#[cfg(feature = "processes")]
use crate::admin::token::TokenSlot;
use crate::host::{Host, ListenAddress};
use crate::net::listener::Listener;

/// Listeners for operators that are open, and wait for their host.
pub(crate) struct OpenAdmin {
    admin: Admin,
    listeners: Vec<Listener>,
}

impl Admin {
    /// Opens the listeners.
    ///
    /// # Errors
    /// One cannot be opened. Or other machines reach it, and there is no token.
    pub(crate) fn open(mut self) -> io::Result<OpenAdmin> {
        let make = std::mem::take(&mut self.listeners);
        let listeners = make.into_iter().map(|make| make()).collect::<io::Result<Vec<_>>>()?;
        let is_open = |of: &&Listener| AdminWay::of(of.address()) == AdminWay::Network;
        if self.token.get().is_none()
            && let Some(listener) = listeners.iter().find(is_open)
        {
            let text = format!(
                "other machines reach {}, and there is no token: set admin-token, or listen on \
                 loopback or a Unix socket",
                listener.address()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(OpenAdmin { admin: self, listeners })
    }
}

impl Admin {
    /// What carries out the requests of operators for a host.
    pub(super) fn actions(&self, host: &Host) -> Actions {
        Actions {
            notices: host.notice_sender(),
            stopper: host.stopper(),
            handle: host.metrics_handle(),
            reload: self.reload.clone(),
        }
    }
}

impl OpenAdmin {
    /// The listeners, and the secret of requests.
    #[cfg(feature = "processes")]
    pub(super) fn into_parts(self) -> (Vec<Listener>, TokenSlot) {
        (self.listeners, self.admin.token)
    }

    /// Serves them, about this host, until it is dropped.
    ///
    /// # Errors
    /// The system lacks a descriptor or a thread.
    pub(crate) fn attach_to(self, host: &mut Host) -> io::Result<()> {
        let (token, actions) = (self.admin.token.clone(), self.admin.actions(host));
        let running = AdminThread::start(self.listeners, token, AdminTarget::Host(actions))?;
        host.attach(Box::new(running));
        Ok(())
    }
}

impl Host {
    /// The addresses of its listeners for operators, with the actual ports:
    /// [`Server::admin`](crate::Server::admin).
    pub fn admin_addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        let running = self.attached::<RunningAdmin>();
        running.into_iter().flat_map(|running| &running.addresses)
    }
}
