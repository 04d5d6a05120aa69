//! `CurrentRoot`: the document root of a host that runs, which a reload may replace.

use std::sync::{Arc, Mutex, PoisonError};

use crate::process::lookup::DocumentRoot;

/// The current document root, shared by all its users. If it was given as a link, the link is
/// followed again only at a reload, so that a deployment switches all programs together.
#[derive(Clone, Debug)]
pub(crate) struct CurrentRoot(Arc<Mutex<Arc<DocumentRoot>>>);

impl CurrentRoot {
    pub(crate) fn new(root: DocumentRoot) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(root))))
    }

    /// The current one.
    pub(crate) fn now(&self) -> Arc<DocumentRoot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces it with another one that was given as the same path.
    pub(crate) fn replace(&self, root: DocumentRoot) {
        let now = self.now();
        if !root.is_given_as(&now) {
            let text = "the document root has changed, and needs another start of the server";
            return log::warn!(target: TARGET, "{text}");
        }
        if root.path != now.path {
            log::info!(target: TARGET, "the document root is {:?} now", root.path);
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(root);
    }

    /// Follows the links to it again, which reads the disk.
    pub(crate) fn resolve(&self) {
        match self.now().again() {
            Ok(root) => self.replace(root),
            Err(error) => log::error!(target: TARGET, "the document root stays as it is: {error}"),
        }
    }
}

const TARGET: &str = "switchboard::config";
