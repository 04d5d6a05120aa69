//! `Listings`: the names in folders. Those of a large folder are kept for a moment, since reading
//! and sorting them takes long, and any peer may request any number of paths there. A small folder
//! is read for each lookup, so that new files are found at once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::process::file_names::stem_of;

/// The names in a folder, sorted, without those that are not UTF-8.
#[derive(Debug)]
pub(super) struct Names(Vec<String>);

/// Large folders that were read a moment ago.
#[derive(Debug)]
pub(crate) struct Listings {
    now: Instant,
    kept: Vec<CachedNames>,
    /// Small folders, during a lookup that may need them again.
    small: Option<Vec<(PathBuf, Rc<Names>)>>,
    #[cfg(test)]
    pub(super) reads_len: usize,
}

#[derive(Debug)]
struct CachedNames {
    place: PathBuf,
    names: Rc<Names>,
    until: Instant,
}

impl Listings {
    /// How long the names in a large folder are kept; longer if it took longer to read them.
    pub(crate) const KEPT: Duration = Duration::from_millis(500);

    /// None.
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::now(),
            kept: Vec::new(),
            small: None,
            #[cfg(test)]
            reads_len: 0,
        }
    }

    /// Sets the time to `now`.
    pub(crate) fn turn(&mut self, now: Instant) {
        self.now = now;
        self.kept.retain(|kept| now < kept.until);
    }

    /// Drops all.
    pub(crate) fn clear(&mut self) {
        self.kept = Vec::new();
    }

    /// Begins a lookup in which small folders are read once as well.
    pub(super) fn keep_small(&mut self) {
        self.small = Some(Vec::new());
    }

    /// Ends it: small folders are read each time again.
    pub(super) fn drop_small(&mut self) {
        self.small = None;
    }

    /// Whether nothing is kept.
    pub(crate) const fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The names in the folder at a place without links.
    ///
    /// # Errors
    /// It is no folder, or cannot be read.
    pub(super) fn names(&mut self, place: &Path) -> io::Result<Rc<Names>> {
        if let Some(kept) = self.kept.iter().find(|kept| kept.place == place) {
            return Ok(kept.names.clone());
        }
        let small = self.small.iter().flatten().find(|(known, _)| known == place);
        if let Some((_, names)) = small {
            return Ok(names.clone());
        }
        let began = Instant::now();
        let names = Rc::new(Names::read(place)?);
        #[cfg(test)]
        {
            self.reads_len += 1;
        }
        if names.0.len() > SMALL_LEN_MAX {
            let took = began.elapsed();
            let until = self.now + took + took.max(Self::KEPT);
            self.kept.truncate(FOLDERS_MAX - 1);
            self.kept
                .insert(0, CachedNames { place: place.to_owned(), names: names.clone(), until });
        } else if let Some(small) = &mut self.small {
            small.truncate(FOLDERS_MAX - 1);
            small.insert(0, (place.to_owned(), names.clone()));
        }
        Ok(names)
    }

    /// Drops a folder, so that it is read again.
    pub(super) fn forget(&mut self, place: &Path) {
        self.kept.retain(|kept| kept.place != place);
        self.small.iter_mut().for_each(|small| small.retain(|(known, _)| known != place));
    }
}

impl Names {
    fn read(place: &Path) -> io::Result<Self> {
        let mut names = Vec::new();
        for entry in fs::read_dir(place)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(Self(names))
    }

    /// All.
    pub(super) fn iter(&self) -> impl Iterator<Item = &String> {
        self.0.iter()
    }

    /// Those that a name means: itself, and itself with an extension.
    pub(super) fn meant(&self, name: &str) -> impl Iterator<Item = &String> {
        let from = |begin: &str| &self.0[self.0.partition_point(|file| file.as_str() < begin)..];
        let longer = format!("{name}.");
        let extended = from(&longer).iter().take_while(move |file| file.starts_with(&longer));
        let own = from(name).iter().take_while(move |file| *file == name);
        own.chain(extended.filter(move |file| stem_of(file) == name))
    }
}

/// The most names in a folder that is read each time, which takes about a millisecond.
const SMALL_LEN_MAX: usize = 1_000;
/// The most folders that are kept. A name takes about 50 bytes.
const FOLDERS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs::File;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::process::executable::LookupError;
    use crate::process::lookup::DocumentRoot;
    use crate::ws::tests::random::Random;

    /// A folder with so many pages.
    fn folder(name: &str, len: usize) -> PathBuf {
        let folder = env::temp_dir().join(format!("switchboard-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("it can be made");
        for number in 0..len {
            File::create(folder.join(format!("{number}.txt"))).expect("it can be made");
        }
        folder
    }

    fn add(folder: &Path, name: &str) {
        fs::write(folder.join(name), "#!/bin/sh\n").expect("it can be written");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.join(name), mode).expect("it is ours");
    }

    #[test]
    fn a_large_folder_is_read_once_in_a_moment() {
        let folder = folder("large", SMALL_LEN_MAX + 1);
        add(&folder, "one.sh");
        let root = DocumentRoot::new(&folder).expect("it is a folder");
        let mut listings = Listings::new();
        let find = |listings: &mut Listings, path: &str| match root.find_in(path, listings) {
            Ok(program) => Some(program.path().file_name().expect("it has one").to_owned()),
            Err(LookupError::Nothing) => None,
            Err(error) => panic!("{path}: {error}"),
        };
        for number in 0..250 {
            assert_eq!(find(&mut listings, &format!("/none{number}")), None);
            assert_eq!(find(&mut listings, &format!("/none/{number}")), None);
            assert_eq!(find(&mut listings, "/one").as_deref(), Some("one.sh".as_ref()));
        }
        assert_eq!(listings.reads_len, 1);
        // What appears is found when the moment is over.
        add(&folder, "two.sh");
        assert_eq!((find(&mut listings, "/two"), listings.reads_len), (None, 1));
        let later = listings.kept[0].until;
        listings.turn(later - Duration::from_nanos(1));
        assert_eq!((find(&mut listings, "/two"), listings.reads_len), (None, 1));
        listings.turn(later);
        assert!(listings.is_empty());
        assert_eq!(find(&mut listings, "/two").as_deref(), Some("two.sh".as_ref()));
        assert_eq!(listings.reads_len, 2);
        // What has another name is found at once, and what has gone is not.
        fs::rename(folder.join("two.sh"), folder.join("two.py")).expect("it can be renamed");
        assert_eq!(find(&mut listings, "/two").as_deref(), Some("two.py".as_ref()));
        assert_eq!(listings.reads_len, 3);
        fs::remove_file(folder.join("two.py")).expect("it can be removed");
        assert_eq!((find(&mut listings, "/two"), listings.reads_len), (None, 4));
        // A broken link does not make the folder be read again.
        symlink("nothing", folder.join("broken")).expect("it can be made");
        listings.clear();
        for _ in 0..9 {
            assert_eq!((find(&mut listings, "/broken"), listings.reads_len), (None, 5));
        }
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    #[test]
    fn a_small_folder_is_read_each_time() {
        let folder = folder("small", SMALL_LEN_MAX - 1);
        let root = DocumentRoot::new(&folder).expect("it is a folder");
        let mut listings = Listings::new();
        assert!(root.find_in("/one", &mut listings).is_err());
        add(&folder, "one.sh");
        assert!(root.find_in("/one", &mut listings).is_ok());
        assert!(listings.is_empty());
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    #[test]
    fn folders_have_a_bound() {
        let folder = folder("many", SMALL_LEN_MAX + 1);
        let mut listings = Listings::new();
        symlink(".", folder.join("self")).expect("it can be made");
        let mut place = folder.clone();
        for number in 1..=2 * FOLDERS_MAX {
            listings.names(&place).expect("it is there");
            listings.names(&place).expect("it is there");
            assert_eq!(
                (listings.kept.len(), listings.reads_len),
                (number.min(FOLDERS_MAX), number)
            );
            place.push("self");
        }
        // Those that were read last are kept.
        place.pop();
        listings.names(&place).expect("it is there");
        assert_eq!(listings.reads_len, 2 * FOLDERS_MAX);
        listings.names(&folder).expect("it is there");
        assert_eq!(listings.reads_len, 2 * FOLDERS_MAX + 1);
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    /// The binary search finds what a test of each name finds.
    #[test]
    fn names_mean_what_they_say() {
        let mut random = Random::new(1);
        let mut name = || -> String {
            let len = 1 + random.below(5);
            (0..len).map(|_| ['a', 'b', '.', '-', '!', 'é'][random.below(6)]).collect()
        };
        let mut names: Vec<_> = (0..2_000).map(|_| name()).collect();
        names.sort_unstable();
        names.dedup();
        let names = Names(names);
        for _ in 0..500 {
            let name = name();
            let is_meant = |file: &&String| **file == name || stem_of(file) == name;
            let expected: Vec<_> = names.iter().filter(is_meant).collect();
            assert_eq!(names.meant(&name).collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
