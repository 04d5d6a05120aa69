//! What a host that runs takes over from another server.

use crate::host::{FileBounds, FileChange, HostReload, Reloader, StaticRoot};
use crate::hub::{FilePolicy, Hub};
#[cfg(feature = "tls")]
use crate::net::tls::PlainRequests;
#[cfg(feature = "programs")]
use crate::process::{PlanChange, Tape};
use crate::server::Server;
use crate::server::error::BindError;
use crate::service::ServiceOptions;
use crate::time::Time;

impl Server {
    /// Gives a running host the settings of this server, all together or, with an error, none:
    ///
    /// - limits, those of the host included. Open sockets keep to the new limits, too, but none is
    ///   closed because there are more than now may be
    /// - the options of mounted services, found by their paths, except `compression` and `thread`
    /// - the hosts that requests may name, trusted proxies and their header, the static root, the
    ///   health path, spellings, the access log, and whether plain requests are sent to TLS. Open
    ///   sockets are not checked again
    /// - how programs are run. Those that run are replaced if their settings or their file have
    ///   changed, and others get RELOAD. They keep their compression
    ///
    /// Links on the way to the document root and to the static root are followed again. All other
    /// settings are ignored and need a new start: listeners, certificates (`tls::Tls` renews them),
    /// services that the host does not have, another document root, and the fields of limits that
    /// a thread, a table or a buffer was made with: `read_buffer_bytes`, `spare_bytes_max`, the
    /// turn, and, until its next run, the batches of a service.
    ///
    /// This does not wait for the loop. Connections that are accepted later meet the new settings.
    ///
    /// # Errors
    /// The limits contradict each other, an option of a program is not allowed, a folder cannot be
    /// used, or no proxy is trusted while a listener has the PROXY protocol. Then nothing changes.
    pub fn reload(&self, reloader: &Reloader) -> Result<(), BindError> {
        self.limits.check().map_err(BindError::Limits)?;
        #[cfg(feature = "proxy")]
        if reloader.has_protocol() && self.rules.proxies.trusted.is_none() {
            return Err(BindError::Proxies);
        }
        let services: Vec<(String, ServiceOptions)> =
            self.mounts.iter().map(|mount| (mount.path.clone(), mount.options.clone())).collect();
        for (_, options) in &services {
            options.limits.check().map_err(BindError::Limits)?;
        }
        let root = self.static_root.as_deref().map(StaticRoot::new).transpose();
        let root = root.map_err(BindError::StaticRoot)?;
        #[cfg(feature = "programs")]
        let plan = {
            let plan = PlanChange(self.programs.plan(&self.options, Tape::default())?);
            let plan: Box<dyn std::any::Any + Send> = Box::new(plan);
            Some(plan)
        };
        #[cfg(not(feature = "programs"))]
        let plan = None;
        // It may start a thread, so it is the last that may fail.
        let bounds = FileBounds::of(&self.limits);
        let files = root.map(|root| reloader.serve_files(root, bounds)).transpose();
        let files = files.map_err(BindError::Listen)?.unwrap_or(FileChange::Stop);
        let (limits, rules, origin) =
            (self.limits, self.rules.clone(), self.options.origin.clone());
        let files_policy = self.files();
        #[cfg(feature = "tls")]
        let redirect = reloader.tls_port().filter(|_| self.plain == PlainRequests::Redirected);
        #[cfg(not(feature = "tls"))]
        let redirect = None;
        let change = move |hub: &mut Hub, now: Time| {
            hub.set_limits(limits, now);
            hub.set_files(files_policy);
            rules.apply(origin, hub);
            hub.redirect_to_tls(redirect);
            for (path, options) in services {
                if let Some(id) = hub.find(&path) {
                    hub.remount(id, options, now);
                }
            }
        };
        reloader.send(HostReload { rules: Some(Box::new(change)), files, plan });
        Ok(())
    }

    /// Whether there are files for plain GET.
    pub(super) const fn files(&self) -> FilePolicy {
        if self.static_root.is_some() { FilePolicy::Served } else { FilePolicy::None }
    }
}
