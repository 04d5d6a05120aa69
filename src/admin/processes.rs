//! `ParentAdmin`: the listeners for operators of several processes, in the parent of these. Their
//! thread does not ask a loop: what is asked for waits for the parent.

use std::io;
use std::sync::Arc;

use crossbeam_channel::{Receiver, unbounded};
use mio::Waker;

use crate::admin::Admin;
use crate::admin::queue::{AdminQueue, AdminRequest};
use crate::admin::reply::RunningAdmin;
use crate::admin::target::AdminTarget;
use crate::admin::thread::AdminThread;
use crate::host::ListenAddress;

/// The listeners for operators of several processes, while they are served.
pub(crate) struct ParentAdmin {
    running: RunningAdmin,
    pub(crate) requests: Receiver<AdminRequest>,
}

impl ParentAdmin {
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.running.addresses.iter()
    }
}

impl Admin {
    /// Serves the listeners for several processes. `waker` tells that there are requests.
    ///
    /// # Errors
    /// As for a host: a listener cannot be opened, or needs a token. Or the system lacks a thread.
    pub(crate) fn serve_processes(
        self,
        message_bytes_max: usize,
        waker: Arc<Waker>,
    ) -> io::Result<ParentAdmin> {
        let open = self.open()?;
        let (sender, requests) = unbounded();
        let queue = AdminQueue { message_bytes_max, requests: sender, waker };
        let (listeners, token) = open.into_parts();
        let running = AdminThread::start(listeners, token, AdminTarget::Processes(queue))?;
        Ok(ParentAdmin { running, requests })
    }
}
