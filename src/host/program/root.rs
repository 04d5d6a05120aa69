//! `Root`: the document root of a host that runs, which may be led elsewhere meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use crate::host::program::lookup::DocumentRoot;

/// The document root as it lies now, for all that look into it. A root that was given as a link is
/// settled until somebody reads the configuration again, so that all programs see the switch of a
/// deployment together.
#[derive(Clone, Debug)]
pub(crate) struct Root(Arc<Mutex<Arc<DocumentRoot>>>);

impl Root {
    pub(crate) fn new(root: DocumentRoot) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(root))))
    }

    /// As it lies now.
    pub(crate) fn now(&self) -> Arc<DocumentRoot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on with another one. Where it was given as is settled.
    pub(crate) fn replace(&self, root: DocumentRoot) {
        let now = self.now();
        if !root.is_given_as(&now) {
            let text = "where the document root is is settled until the next start";
            return log::warn!(target: TARGET, "{text}");
        }
        if root.path != now.path {
            log::info!(target: TARGET, "the document root is {:?} now", root.path);
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(root);
    }

    /// Looks where it lies, which takes a disk.
    pub(crate) fn resolve(&self) {
        match self.now().again() {
            Ok(root) => self.replace(root),
            Err(error) => log::error!(target: TARGET, "the document root stays as it is: {error}"),
        }
    }
}

const TARGET: &str = "switchboard::config";
