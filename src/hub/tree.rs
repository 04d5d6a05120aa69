//! `ServiceTree`: which service a path names. Each service has one path. The few other spellings of
//! it are listed here; all other paths name no service. [`Spellings`] says whether those spellings
//! are served.

use std::collections::HashMap;
use std::fmt;

use crate::hub::ids::ServiceId;
use crate::limits::Limits;
use crate::ws::Target;

/// The services by path.
#[derive(Debug, Default)]
pub(crate) struct ServiceTree {
    by_path: HashMap<String, ServiceId>,
    pub(super) spellings: Spellings,
}

/// By which spellings of its path a service is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spellings {
    /// By the path itself; with the extension of the file; by the name of a folder's `ws_service`;
    /// through links to folders inside the document root; with any character percent-encoded. This
    /// is the default.
    #[default]
    All,
    /// By the path itself, in which no letter, digit, hyphen, period, underscore or tilde is
    /// percent-encoded. All others are paths without a service: a file of the static root, or 404.
    One,
}

impl ServiceTree {
    /// Adds a service.
    ///
    /// # Errors
    /// The path can name no service, or names one already.
    pub(crate) fn add(&mut self, path: &str, service: ServiceId) -> Result<(), PathError> {
        if !Target::is_path(path) {
            return Err(PathError::NoPath(path.to_owned()));
        }
        let path = canonical(path);
        if self.by_path.contains_key(path) {
            return Err(PathError::Taken(path.to_owned()));
        }
        self.by_path.insert(path.to_owned(), service);
        Ok(())
    }

    /// Adds a program by the decoded path that was found for it. The path may contain characters
    /// that a request has to percent-encode.
    ///
    /// # Errors
    /// Another spelling is the canonical one, or the path names a service already.
    pub(crate) fn add_found(&mut self, path: &str, service: ServiceId) -> Result<(), PathError> {
        if canonical(path) != path {
            return Err(PathError::NoPath(path.to_owned()));
        }
        if self.by_path.contains_key(path) {
            return Err(PathError::Taken(path.to_owned()));
        }
        self.by_path.insert(path.to_owned(), service);
        Ok(())
    }

    /// Whether a decoded path is the spelling by which a service with this key is served, or lies
    /// below it. Links and percent-encoding are looked at elsewhere.
    pub(super) fn is_spelled(path: &str, key: &str) -> bool {
        let rest = || path.strip_prefix(key).filter(|_| !spellings(path).contains(&key));
        path == key || rest().is_some_and(|rest| key.ends_with('/') || rest.starts_with('/'))
    }

    /// Removes a path that was given to [`ServiceTree::add_found`].
    pub(super) fn remove(&mut self, path: &str) {
        self.by_path.remove(path);
    }

    /// The service that `path` names, which is a decoded one. Asking leaves nothing behind.
    #[must_use]
    pub(crate) fn find(&self, path: &str) -> Option<ServiceId> {
        self.by_path.get(canonical(path)).copied()
    }
}

/// Why a path cannot be given to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// It is malformed: it does not begin with a slash, is percent-encoded, or has a query, an
    /// empty segment, or one that begins with a dot.
    NoPath(String),
    /// Another service has this path.
    Taken(String),
    /// [`Limits::PROGRAMS_MAX`] programs run. One without sockets is asked to finish, if there is
    /// one.
    TooMany,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPath(path) => write!(
                f,
                "the path {path:?} can name no service: it has to begin with a slash and to stand \
                 as it will be decoded, without query, empty or hidden segments"
            ),
            Self::Taken(path) => write!(f, "the path {path:?} has a service already"),
            Self::TooMany => {
                let max = Limits::PROGRAMS_MAX;
                write!(f, "{max} programs run, which is the most; one without sockets is stopped")
            }
        }
    }
}

impl std::error::Error for PathError {}

/// The one spelling of a path: without the extension of its file, and a folder instead of
/// the folder's index service.
fn canonical(path: &str) -> &str {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.strip_suffix(INDEX).filter(|folder| folder.ends_with('/')).unwrap_or(path)
}

/// The paths that a path may be a spelling of: itself, and itself without an extension.
pub(super) fn spellings(path: &str) -> [&str; 2] {
    let bare = path.rsplit_once('.').filter(|(_, end)| !end.contains('/'));
    [path, bare.map_or(path, |(bare, _)| bare)].map(canonical)
}

/// The service of a folder.
const INDEX: &str = "ws_service";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_meaning() {
        let mut tree = ServiceTree::default();
        for (service, path) in ["/name", "/dir/name", "/dir/", "/", "/my.svc"].iter().enumerate() {
            assert_eq!(tree.add(path, ServiceId::new(service)), Ok(()));
        }
        let rows = [
            ("/name", Some(0)),
            ("/name.rs", Some(0)),
            ("/name.py", None),
            ("/Name", None),
            ("/name/", None),
            ("/dir/name", Some(1)),
            ("/dir/name.rs", Some(1)),
            ("/dir/", Some(2)),
            ("/dir/ws_service", Some(2)),
            ("/dir/ws_service.rs", Some(2)),
            ("/dir", None),
            ("/", Some(3)),
            ("/ws_service", Some(3)),
            ("/xws_service", None),
            ("/my.svc", Some(4)),
            ("/my.svc.rs", Some(4)),
            ("/my", None),
        ];
        for (path, service) in rows {
            assert_eq!(tree.find(path).map(ServiceId::index), service, "{path}");
        }
    }

    #[test]
    fn one_spelling_is_the_path_itself() {
        let rows = [
            ("/name", "/name", true),
            ("/name.rs", "/name", false),
            ("/name.py", "/name", false),
            ("/names", "/name", false),
            ("/name/", "/name", true),
            ("/name/more.py", "/name", true),
            ("/name.py/more", "/name", false),
            ("/dir/", "/dir/", true),
            ("/dir/ws_service", "/dir/", false),
            ("/dir/ws_service.rs", "/dir/", false),
            ("/dir/ws_service.py", "/dir/", false),
            ("/dir/more", "/dir/", true),
            ("/dir", "/dir/", false),
            ("/", "/", true),
            ("/ws_service.py", "/", false),
            ("/link/name", "/dir/name", false),
        ];
        for (path, key, is_spelled) in rows {
            assert_eq!(ServiceTree::is_spelled(path, key), is_spelled, "{path} {key}");
        }
    }

    #[test]
    fn improper_paths_are_refused() {
        let mut tree = ServiceTree::default();
        assert_eq!(tree.add("/a", ServiceId::new(0)), Ok(()));
        for path in ["", "a", "//a", "/../a", "/.a", "/a?b", "/a%20b", "/a/../b", "/a\\b"] {
            assert!(
                matches!(tree.add(path, ServiceId::new(1)), Err(PathError::NoPath(_))),
                "{path}"
            );
        }
        for path in ["/a", "/a.rs"] {
            assert!(
                matches!(tree.add(path, ServiceId::new(1)), Err(PathError::Taken(_))),
                "{path}"
            );
        }
    }
}
