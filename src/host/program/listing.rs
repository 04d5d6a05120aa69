//! `Listing`: what a document root would serve, for people. Nothing is decided by it: each path is
//! looked up anew when somebody asks for it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::host::program::found::LookupError;
use crate::host::program::lookup::{DocumentRoot, Folder, is_script};
use crate::host::program::names;

/// The programs below a document root, as far as they are looked for.
#[derive(Debug, Default)]
pub struct Listing {
    /// By path: the file below the root, or why there is something that cannot serve.
    pub programs: BTreeMap<String, Result<PathBuf, LookupError>>,
    /// How many there are besides.
    pub more_len: usize,
    /// Whether the folders were too many, too large or too slow to be looked into to the end.
    pub is_cut: bool,
    entries_len: usize,
}

impl DocumentRoot {
    /// The programs of this root, of which so many are named. It looks at ten thousand files at
    /// most, for a second at most.
    #[must_use]
    pub fn list(&self, named_max: usize) -> Listing {
        let (mut listing, until) = (Listing::default(), Instant::now() + LOOK_MAX);
        // Each folder is looked into once, so that links in a circle end.
        let mut seen = HashSet::from([self.path.clone()]);
        let mut folders = VecDeque::from([String::new()]);
        while let Some(url) = folders.pop_front() {
            // What cannot be looked into serves nothing.
            let Ok(folder) = self.folder(&url) else { continue };
            let mut stems = HashSet::new();
            for name in folder.names.iter().filter(|name| names::is_name(name)) {
                listing.entries_len += 1;
                if listing.entries_len > ENTRIES_MAX || Instant::now() > until {
                    listing.is_cut = true;
                    return listing;
                }
                let Ok((place, metadata)) = self.entry(&folder, name) else { continue };
                let is_own = || !self.is_packaged(&place.join(name));
                if metadata.is_dir() && is_own() && seen.insert(place.clone()) {
                    folders.push_back(format!("{url}/{name}"));
                }
                let stem = names::stem_of(name);
                if metadata.is_file() && stems.insert(stem) {
                    self.add(&mut listing, &folder, stem, named_max);
                }
            }
        }
        // A section may name what lies where nobody would look for it.
        for path in &self.named {
            if let Ok(program) = self.find(path)
                && program.key() == path
            {
                let file = self.below(program.path()).to_owned();
                listing.programs.insert(path.clone(), Ok(file));
            }
        }
        listing
    }

    /// Adds what a name without extension means in a folder.
    fn add(&self, listing: &mut Listing, folder: &Folder<'_>, stem: &str, named_max: usize) {
        let found = match self.only(folder, stem) {
            Ok(Some((own, place))) if own == stem => Ok(self.below(&place).to_owned()),
            // It is listed by the name that it has itself.
            Ok(Some(_) | None) | Err(LookupError::Nothing | LookupError::Outside(_)) => return,
            // Much that is not executable is not meant to be.
            Err(LookupError::NotExecutable(place)) if !is_script(&place) => return,
            Err(error) => Err(error),
        };
        if listing.programs.len() >= named_max {
            listing.more_len += 1;
            return;
        }
        listing.programs.insert(names::key(folder.url, stem), found);
    }
}

/// So many files are looked at.
const ENTRIES_MAX: usize = 10_000;
/// For so long.
const LOOK_MAX: Duration = Duration::from_secs(1);
