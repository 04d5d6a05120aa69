//! The canonical path of a folder. A link to a folder that lies inside the root names that folder,
//! so that a program has one key, however many links lead to it. A link to a hidden folder is the
//! only name that this folder has, and stays in the path.
//!
//! A path is followed name by name, and a link as the system follows it. The place that this comes
//! to has no links; it is opened by `nofollow`, which follows none that was put there since.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::process::executable::LookupError;
use crate::process::file_names;

/// A folder, or another file at its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spelled {
    /// Without links.
    pub(super) place: PathBuf,
    /// Its URL path, without the slash at its end. `None` if only hidden names lead to it.
    url: Option<String>,
}

/// Follows the folders of a URL path, which has no slash at its end, from a root without links.
/// Returns the place that it leads to, and the one spelling of the path.
///
/// # Errors
/// It is not there, or not below `root`.
pub(super) fn spell(root: &Path, url: &str) -> Result<(PathBuf, String), LookupError> {
    let (mut walk, mut at) = Walk::new(root);
    for name in url.split('/').skip(1) {
        at = walk.enter(&at, OsStr::new(name))?;
    }
    if !at.place.starts_with(root) {
        return Err(LookupError::Outside(at.place));
    }
    Ok((at.place, at.url.ok_or(LookupError::Nothing)?))
}

/// The one spelling of each folder that a URL path leads through, from the root on: of the part
/// before its first slash, of that before its second, up to the first that is no folder below
/// `root`. The path is followed once.
pub(super) fn folders(root: &Path, url: &str) -> Vec<String> {
    let (mut walk, at) = Walk::new(root);
    let (mut at, mut folders) = (Ok(at), Vec::new());
    for name in url.split('/').skip(1) {
        let Ok(Spelled { place, url: Some(url) }) = &at else { break };
        if !place.starts_with(root) || !place.is_dir() {
            break;
        }
        folders.push(url.clone());
        at = at.and_then(|at| walk.enter(&at, OsStr::new(name)));
    }
    folders
}

/// A path that is followed.
struct Walk {
    /// The root, and the hidden folders below it that a link has given a name; in this order, so
    /// that a folder which can be named from the root is.
    known: Vec<Spelled>,
    links_left: usize,
}

impl Walk {
    /// A path that begins at a root.
    fn new(root: &Path) -> (Self, Spelled) {
        let at_root = Spelled { place: root.to_owned(), url: Some(String::new()) };
        (Self { known: vec![at_root.clone()], links_left: LINKS_MAX }, at_root)
    }

    /// Goes from a folder to an entry in it.
    fn enter(&mut self, from: &Spelled, name: &OsStr) -> io::Result<Spelled> {
        #[cfg(test)]
        crate::process::lookup::tests::count_step();
        let place = from.place.join(name);
        let own = from.url.as_ref().and_then(|url| Some(format!("{url}/{}", proper(name)?)));
        let target = match fs::read_link(&place) {
            Ok(target) => target,
            // It is no link.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                let url = self.url_of(&place).or(own);
                return Ok(Spelled { place, url });
            }
            Err(error) => return Err(error),
        };
        // A circle ends here, as it does for the system.
        let left = self.links_left.checked_sub(1);
        self.links_left = left.ok_or_else(|| io::Error::from_raw_os_error(libc::ELOOP))?;
        let mut at = from.clone();
        for part in target.components() {
            at = match part {
                Component::Normal(name) => self.enter(&at, name)?,
                Component::RootDir => self.at(Path::new("/")),
                Component::ParentDir => self.at(at.place.parent().unwrap_or(&at.place)),
                Component::CurDir | Component::Prefix(_) => at,
            };
        }
        if at.url.is_none() && own.is_some() {
            at.url = own;
            self.known.push(at.clone());
        }
        Ok(at)
    }

    fn at(&self, place: &Path) -> Spelled {
        Spelled { place: place.to_owned(), url: self.url_of(place) }
    }

    /// The URL path of a place without links, if there is one.
    fn url_of(&self, place: &Path) -> Option<String> {
        self.known.iter().find_map(|known| {
            let mut url = known.url.clone()?;
            for name in place.strip_prefix(&known.place).ok()? {
                url.push('/');
                url.push_str(proper(name)?);
            }
            Some(url)
        })
    }
}

/// A name that may be part of a URL path.
fn proper(name: &OsStr) -> Option<&str> {
    name.to_str().filter(|name| file_names::is_name(name))
}

/// The most links on the way to a folder, as on Linux.
const LINKS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::ws::tests::random::Random;

    fn root(name: &str) -> PathBuf {
        let root = env::temp_dir().join(format!("switchboard-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).expect("it can be made");
        root.canonicalize().expect("it is there")
    }

    /// Folders, with links from one to the other, and out of the root, which is `in`.
    fn link(root: &Path) {
        let inside = root.join("in");
        for folder in ["in/dir/deep", "in/.h/sub", "in/.g/sub", "in/..1/sub", "out/x"] {
            fs::create_dir_all(root.join(folder)).expect("it can be made");
        }
        let absolute = inside.join("dir");
        for (link, target) in [
            ("alias", "dir"),
            ("absolute", absolute.to_str().expect("it is text")),
            ("twice", "alias/deep"),
            ("dir/up", "../alias"),
            ("dir/self", "."),
            ("circle", "circle"),
            ("other", "circle/x"),
            ("hidden", ".h"),
            ("also", ".h"),
            ("through", "hidden"),
            ("below", "hidden/sub"),
            (".h/back", "../dir"),
            (".h/self", "."),
            (".h/next", "../.g"),
            (".g/next", "../.h"),
            ("..data", "..1"),
            ("mounted", "..data/sub"),
            ("named", "mounted"),
            ("away", "../out"),
            ("round", "../in/dir"),
            ("../out/home", "../in/dir"),
            ("broken", "nothing"),
        ] {
            symlink(target, inside.join(link)).expect("it can be made");
        }
    }

    #[test]
    fn a_folder_has_one_spelling() {
        let root = root("spelling");
        link(&root);
        let inside = root.join("in");
        let rows = [
            ("", Some("")),
            ("/dir", Some("/dir")),
            ("/alias", Some("/dir")),
            ("/absolute/deep", Some("/dir/deep")),
            ("/twice", Some("/dir/deep")),
            ("/dir/up/up/up", Some("/dir")),
            ("/dir/self/self/deep", Some("/dir/deep")),
            // What is hidden has the names of its links; there is no other.
            ("/hidden/sub", Some("/hidden/sub")),
            ("/also/sub", Some("/also/sub")),
            ("/through/sub", Some("/hidden/sub")),
            ("/below", Some("/hidden/sub")),
            ("/hidden/back", Some("/dir")),
            ("/hidden/self/self", Some("/hidden")),
            ("/hidden/next/next/next", Some("/hidden/next")),
            ("/mounted", Some("/mounted")),
            ("/named", Some("/mounted")),
            ("/round/deep", Some("/dir/deep")),
            ("/away/home/deep", Some("/dir/deep")),
            ("/away", None),
            ("/away/x", None),
            ("/circle", None),
            ("/other", None),
            ("/broken", None),
            ("/nothing", None),
        ];
        for (url, expected) in rows {
            let found = spell(&inside, url);
            assert_eq!(found.as_ref().ok().map(|found| &*found.1), expected, "{url}: {found:?}");
            if let Ok((place, spelled)) = found {
                let real = inside.join(url.trim_start_matches('/')).canonicalize();
                assert_eq!(place, real.expect("it is there"), "{url}");
                let again = spell(&inside, &spelled).expect("it is there as well");
                assert_eq!(again, (place, spelled), "{url}");
            }
        }
        assert!(matches!(spell(&inside, "/away/x"), Err(LookupError::Outside(_))));
        let far = |len: usize| spell(&inside, &format!("/dir{}", "/self".repeat(len))).is_ok();
        assert_eq!((far(LINKS_MAX), far(LINKS_MAX + 1)), (true, false));
        fs::remove_dir_all(&root).expect("it can be removed");
    }

    /// Any folders and links: the place is the system's, the spelling comes to the same place and
    /// to itself, and a folder that has a path without links has no other.
    #[test]
    fn spellings_are_those_of_the_system() {
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let outside = root("spellings");
            // Links may lead up to here, and no further.
            let root = outside.join("1/2/3/4/5/6");
            fs::create_dir_all(&root).expect("it can be made");
            let mut folders = vec![PathBuf::new()];
            for _ in 0..30 {
                let at = folders[random.below(folders.len())].clone();
                let name = ["a", "b", "c", ".h", "_i"][random.below(5)];
                let place = root.join(&at).join(name);
                let to = &folders[random.below(folders.len())];
                let made = match random.below(3) {
                    0 => fs::create_dir(&place),
                    1 => symlink(root.join(to), &place),
                    _ => symlink(
                        Path::new(&"../".repeat(at.iter().count())).join(to).join("."),
                        &place,
                    ),
                };
                if made.is_ok() && at.iter().count() < 4 {
                    folders.push(at.join(name));
                }
            }
            for _ in 0..200 {
                let mut url = String::new();
                for _ in 0..=random.below(6) {
                    url = format!("{url}/{}", ["a", "b", "c"][random.below(3)]);
                }
                let real = root.join(&url[1..]).canonicalize();
                let found = spell(&root, &url);
                let what = format!("seed {seed}: {url}: {real:?}, {found:?}");
                let Some(real) = real.ok().filter(|real| real.starts_with(&root)) else {
                    assert!(found.is_err(), "{what}");
                    continue;
                };
                let Ok((place, spelled)) = &found else { panic!("{what}") };
                assert_eq!(*place, real, "{what}");
                let again = spell(&root, spelled).expect("it is there as well");
                assert_eq!((&again.0, &again.1), (place, spelled), "{what}");
                let below = real.strip_prefix(&root).expect("nothing leads out");
                if below.iter().all(|name| proper(name).is_some()) {
                    assert_eq!(*spelled, url_of(below), "{what}");
                }
            }
            fs::remove_dir_all(&outside).expect("it can be removed");
        }
    }

    fn url_of(below: &Path) -> String {
        below.iter().map(|name| format!("/{}", name.to_string_lossy())).collect()
    }
}
