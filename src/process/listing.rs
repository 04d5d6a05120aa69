//! `Listing`: the programs of a document root, for people. It has no effect on what is served: each
//! request looks its path up again.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::host::thread::spawn;
use crate::process::executable::LookupError;
use crate::process::file_names;
use crate::process::listings::Listings;
use crate::process::lookup::{DocumentRoot, Folder, is_script};

/// The programs below a document root, as far as the search went.
#[derive(Debug, Default)]
pub struct Listing {
    /// By path: the file below the root, or why its file cannot serve.
    pub programs: BTreeMap<String, Result<PathBuf, LookupError>>,
    /// How many more there are.
    pub more_len: usize,
    /// Whether the search ended early, at a limit of files or of time.
    pub is_cut: bool,
    entries_len: usize,
}

impl DocumentRoot {
    /// The programs of this root, `named_max` of them by name. It looks at 10,000 files at most,
    /// for a second at most. A disk may hang, so a separate thread looks. If it does not end within
    /// three seconds it is left behind, and the list is empty.
    #[must_use]
    pub fn list(&self, named_max: usize) -> Listing {
        let (root, (sender, found)) = (self.clone(), crossbeam_channel::bounded(1));
        let thread = spawn("listing".to_owned(), move || {
            // The reader may have gone.
            let _ = sender.try_send(root.search(named_max));
        });
        let found = thread.ok().and_then(|_| found.recv_timeout(WAIT_MAX).ok());
        found.unwrap_or_else(|| Listing { is_cut: true, ..Listing::default() })
    }

    fn search(&self, named_max: usize) -> Listing {
        let (mut listing, until) = (Listing::default(), Instant::now() + LOOK_MAX);
        // Each folder is looked into once, so that links in a circle end.
        let mut seen = HashSet::from([self.path.clone()]);
        let mut folders = VecDeque::from([String::new()]);
        while let Some(url) = folders.pop_front() {
            // A folder that cannot be read serves nothing.
            let Ok(folder) = self.folder(&url, &mut Listings::new()) else { continue };
            let mut stems = HashSet::new();
            for name in folder.names.iter().filter(|name| file_names::is_name(name)) {
                listing.entries_len += 1;
                if listing.entries_len > ENTRIES_MAX || Instant::now() > until {
                    listing.is_cut = true;
                    return listing;
                }
                let Ok((place, metadata)) = self.entry(&folder, name) else { continue };
                let is_own = || !self.is_packaged(&place.join(name));
                if metadata.is_dir() && is_own() && seen.insert(place.clone()) {
                    folders.push_back(format!("{}/{name}", folder.url));
                }
                let stem = file_names::stem_of(name);
                if metadata.is_file() && stems.insert(stem) {
                    self.add(&mut listing, &folder, stem, named_max);
                }
            }
        }
        // A section may name a program in a place that is not searched.
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
    fn add(&self, listing: &mut Listing, folder: &Folder, stem: &str, named_max: usize) {
        let found = match self.only(folder, stem) {
            Ok(Some((own, place))) if own == stem => Ok(self.below(&place).to_owned()),
            // It is listed by its own name.
            Ok(Some(_) | None) | Err(LookupError::Nothing | LookupError::Outside(_)) => return,
            // Most files that are not executable are not meant to be.
            Err(LookupError::NotExecutable(place)) if !is_script(&place) => return,
            Err(error) => Err(error),
        };
        if listing.programs.len() >= named_max {
            listing.more_len += 1;
            return;
        }
        listing.programs.insert(file_names::key(&folder.url, stem), found);
    }
}

/// The most files that are looked at.
const ENTRIES_MAX: usize = 10_000;
/// The longest time of a search of a disk that answers.
const LOOK_MAX: Duration = Duration::from_secs(1);
/// How long a search is waited for.
const WAIT_MAX: Duration = Duration::from_secs(3);
