//! The document root while the host runs: paths that no service has are looked up there, on a
//! thread of their own, since disks block; and what is found becomes a service.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use crate::host::bell::{Alarm, Tower};
use crate::host::program::{
    DocumentRoot, Groups, Listings, LookupError, Manner, Root, Served, Site, Subpaths, Tape,
};
use crate::host::reload::Reloads;
use crate::host::turn::Host;
use crate::host::worker::Factory;
use crate::hub::{Goal, Looked, Lookup, Mount, StationId};
use crate::limits::Limits;
use crate::pages::Page;
use crate::service::SocketId;
use crate::time::Time;
use crate::ws::{Response, Status};

/// What the programs of a host are made from.
#[derive(Debug)]
pub(crate) struct ProgramsPlan {
    /// Where they are.
    pub(crate) root: DocumentRoot,
    /// What holds for each that is not among `own`.
    pub(crate) all: Terms,
    /// What holds for single ones instead, by path.
    pub(crate) own: HashMap<String, Terms>,
    /// What is recorded of them.
    pub(crate) tape: Tape,
    /// The paths of other services, which hide them.
    pub(crate) taken: Vec<String>,
}

/// What holds for a program.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// What it is mounted with, as any service.
    pub(crate) mount: Mount,
    /// How it is run.
    pub(crate) manner: Manner,
}

/// The loop's side of programs.
pub(super) struct Programs {
    /// The document root, if there is one.
    pub(super) lookups: Option<Lookups>,
    pub(super) reloads: Reloads,
}

/// The loop's side of the document root.
pub(super) struct Lookups {
    /// Bounded by the lookups that the hub has under way.
    errands: Sender<Errand>,
    replies: Receiver<Reply>,
    site: Arc<Site>,
    all: Terms,
    own: HashMap<String, Terms>,
}

/// For the thread that looks.
enum Errand {
    /// To look up what a socket asks for.
    Find(Lookup),
    /// From here on this holds.
    Heed(Below),
}

/// What a lookup has come to.
struct Reply {
    id: SocketId,
    found: Result<Found, LookupError>,
    /// The path that was asked for without the links on the way, if there are any.
    direct: Option<String>,
    /// The page beside the program that was found, if a page was asked for, or why it cannot be
    /// shown.
    page: Option<io::Result<Page>>,
}

/// A program, by the one spelling of its path.
enum Found {
    /// The path that was asked for is its own.
    At(String),
    /// The path is below its own.
    Above(String),
}

impl ProgramsPlan {
    /// The paths of single programs that something is said of.
    pub(crate) fn named(&self) -> impl Iterator<Item = String> + use<'_> {
        self.own.keys().cloned()
    }
}

impl Programs {
    /// Serves the programs of a plan from here on; `address` is where the host listens.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        plan: Option<ProgramsPlan>,
        address: SocketAddr,
        tower: &Tower,
    ) -> io::Result<Self> {
        let lookups = plan.map(|plan| Lookups::start(plan, address, tower.alarm())).transpose()?;
        let root = lookups.as_ref().map(|lookups| lookups.site.root.clone());
        Ok(Self { lookups, reloads: Reloads::new(tower.alarm(), root) })
    }

    /// Whether something has come that no event tells.
    pub(super) fn has_work(&self) -> bool {
        let replied = |lookups: &Lookups| !lookups.replies.is_empty();
        self.lookups.as_ref().is_some_and(replied) || !self.reloads.is_empty()
    }

    /// The process groups of all programs.
    pub(super) fn groups(&self) -> Groups {
        self.lookups.as_ref().map(|lookups| lookups.site.groups.clone()).unwrap_or_default()
    }

    /// Ends all programs at once, and what they have left to this process.
    pub(super) fn end_all(&self) {
        if let Some(lookups) = &self.lookups {
            lookups.site.groups.kill_all();
            lookups.site.groups.end_orphans();
        }
    }
}

impl Lookups {
    /// Looks paths up from here on.
    ///
    /// # Errors
    /// The system gives no thread.
    fn start(plan: ProgramsPlan, address: SocketAddr, alarm: Alarm) -> io::Result<Self> {
        let ProgramsPlan { root, all, own, tape, taken } = plan;
        let (errands, inbox) = crossbeam_channel::unbounded();
        let (outbox, replies) = crossbeam_channel::unbounded();
        let root = Root::new(root);
        let site = Arc::new(Site { root, groups: Groups::default(), address, tape });
        let (place, mut below) = (site.clone(), Below::of(&all, &own));
        thread::Builder::new().name("lookups".to_owned()).spawn(move || {
            warn_of_hidden(&place.root.now(), &taken);
            let mut listings = Listings::new();
            while let Some(errand) = next(&inbox, &mut listings) {
                match errand {
                    Errand::Heed(other) => below = other,
                    Errand::Find(lookup) => {
                        // A loop that has gone reads nothing; its errands end as well.
                        let _ =
                            outbox.try_send(below.reply(&place.root.now(), lookup, &mut listings));
                        alarm.wake();
                    }
                }
            }
        })?;
        Ok(Self { errands, replies, site, all, own })
    }

    /// Applies other settings to programs from here on. The document root has to be given as the
    /// same path; links on the way to it are followed again.
    pub(super) fn renew(&mut self, plan: ProgramsPlan) {
        let ProgramsPlan { root, all, own, .. } = plan;
        self.site.root.replace(root);
        // The thread ends only when this is dropped.
        let _ = self.errands.try_send(Errand::Heed(Below::of(&all, &own)));
        (self.all, self.own) = (all, own);
    }

    /// What holds for the program with this key.
    pub(super) fn terms(&self, key: &str) -> &Terms {
        self.own.get(key).unwrap_or(&self.all)
    }
}

impl Found {
    fn key(&self) -> &str {
        match self {
            Self::At(key) | Self::Above(key) => key,
        }
    }
}

/// Which programs answer the paths below their own.
struct Below {
    /// What holds for each that is not among `own`.
    all: Subpaths,
    own: HashMap<String, Subpaths>,
    /// The longest page that is shown, which has to fit an outbox.
    page_bytes_max: usize,
}

impl Below {
    fn of(all: &Terms, own: &HashMap<String, Terms>) -> Self {
        let own = own.iter().map(|(path, own)| (path.clone(), own.manner.subpaths));
        let page_bytes_max = all.mount.limits.outbox_bytes_max.min(Limits::PAGE_BYTES_MAX);
        Self { all: all.manner.subpaths, own: own.collect(), page_bytes_max }
    }

    fn reply(&self, root: &DocumentRoot, lookup: Lookup, listings: &mut Listings) -> Reply {
        listings.turn(Instant::now());
        let Lookup { id, path, goal } = lookup;
        let (found, direct) = match self.find(root, &path, listings) {
            Ok((found, direct)) => (Ok(found), Some(direct).filter(|direct| *direct != path)),
            Err(error) => (Err(error), None),
        };
        let key = found.as_ref().ok().filter(|_| goal == Goal::Page).map(Found::key);
        let page = key.and_then(|key| root.page(key, self.page_bytes_max).transpose());
        Reply { id, found, direct, page: page.map(|page| page.map(Page::html)) }
    }

    /// The program that answers a path, and the path without links.
    fn find(
        &self,
        root: &DocumentRoot,
        path: &str,
        listings: &mut Listings,
    ) -> Result<(Found, String), LookupError> {
        let is_served = |subpaths: &Subpaths| *subpaths == Subpaths::Served;
        match root.find_in(path, listings) {
            Ok(program) => {
                let key = program.key().to_owned();
                let direct = direct(&key, path);
                Ok((Found::At(key), direct))
            }
            // What nobody asked for takes no time.
            Err(LookupError::Nothing | LookupError::Outside(_))
                if self.own.values().chain([&self.all]).any(is_served) =>
            {
                let serves = |key: &str| is_served(self.own.get(key).unwrap_or(&self.all));
                let (program, above) = root.find_above_in(path, serves, listings)?;
                let key = program.key().to_owned();
                let direct = direct(&key, above) + &path[above.len()..];
                Ok((Found::Above(key), direct))
            }
            Err(error) => Err(error),
        }
    }
}

/// Waits for the next errand. What is kept of folders goes if there is none for a moment.
fn next(inbox: &Receiver<Errand>, listings: &mut Listings) -> Option<Errand> {
    if !listings.is_empty() {
        match inbox.recv_timeout(Listings::KEPT) {
            Ok(errand) => return Some(errand),
            Err(_) => listings.clear(),
        }
    }
    inbox.recv().ok()
}

/// The path of a program with this key, in its own folder, with the name that `path` ends in.
fn direct(key: &str, path: &str) -> String {
    let [folder, name] = [key, path].map(|path| path.rfind('/').map_or(0, |at| at + 1));
    format!("{}{}", &key[..folder], &path[name..])
}

/// Warns of programs whose path has a compiled-in service.
fn warn_of_hidden(root: &DocumentRoot, taken: &[String]) {
    for path in taken {
        if let Ok(program) = root.find(path) {
            log::warn!(
                target: "switchboard::program",
                "{:?} is not served: {path} is a service that is compiled in, which counts first; \
                 rename the file to serve it",
                program.path()
            );
        }
    }
}

impl Host {
    /// Has a path looked up.
    pub(super) fn look_up(&mut self, lookup: Lookup, now: Time) {
        match &self.programs.lookups {
            // The thread ends only when this is dropped.
            Some(lookups) => drop(lookups.errands.try_send(Errand::Find(lookup))),
            None => self.hub.looked_up(lookup.id, Looked::Nothing, now),
        }
    }

    /// Takes up what was found, and what is to be read again.
    pub(super) fn apply_programs(&mut self, now: Time) {
        self.apply_lookups(now);
        self.apply_reloads(now);
    }

    fn apply_lookups(&mut self, now: Time) {
        let reply = |lookups: &Lookups| lookups.replies.try_recv().ok();
        while let Some(reply) = self.programs.lookups.as_ref().and_then(reply) {
            let Reply { id, found, direct, page } = reply;
            if let Some(path) = direct {
                self.hub.lead(id, path);
            }
            let page = match (&found, page) {
                (Ok(found), Some(Err(error))) => {
                    let what = "its page cannot be shown";
                    self.hub.warn(Some(found.key()), what, format_args!("{what}: {error}"), now);
                    None
                }
                (_, page) => page.and_then(Result::ok),
            };
            let looked = match found {
                Ok(found) => match (self.station_of(found.key(), now), found, page) {
                    // The page beside a program is not shown for a service that hides the program.
                    (Looked::Found(station), Found::At(_), Some(page))
                        if self.is_program(station) =>
                    {
                        Looked::Page(station, page)
                    }
                    (Looked::Found(station), Found::Above(_), page) => self.below(station, page),
                    (looked, ..) => looked,
                },
                Err(LookupError::Nothing) => Looked::Nothing,
                Err(error @ LookupError::Outside(_)) => {
                    self.hub.note(id, &error.to_string());
                    Looked::Nothing
                }
                Err(error) => {
                    let refusal = Response::text(error.status(), "the program cannot be served");
                    Looked::Refused(refusal.note(&format!("no program can serve it: {error}")))
                }
            };
            self.hub.looked_up(id, looked, now);
        }
    }

    /// What a path below that of a service means. One that is compiled in hides the program of
    /// its path, and has no paths below. A file comes before the page of a program above it.
    fn below(&self, station: StationId, page: Option<Page>) -> Looked {
        match page.filter(|_| self.files.is_none()) {
            _ if !self.is_program(station) => Looked::Nothing,
            Some(page) => Looked::Page(station, page),
            None => Looked::Below(station),
        }
    }

    fn is_program(&self, station: StationId) -> bool {
        match self.factories[station.index()] {
            Factory::Program(_) => true,
            Factory::Own(_) | Factory::Loop(_) => false,
        }
    }

    /// The service of a program, which gets one if it has none yet.
    fn station_of(&mut self, key: &str, now: Time) -> Looked {
        if let Some(station) = self.hub.find(key) {
            return Looked::Found(station);
        }
        let Some(lookups) = &self.programs.lookups else { return Looked::Nothing };
        let Terms { mount, manner } = lookups.terms(key).clone();
        let program = Served::new(lookups.site.clone(), key.to_owned(), manner);
        match self.hub.mount_program(key, mount) {
            Ok(station) => {
                // Both have a place for each service, in the order of the hub.
                let factory = Factory::Program(Arc::new(program));
                match self.factories.get_mut(station.index()) {
                    // It was that of a program that does not run.
                    Some(place) => *place = factory,
                    None => {
                        self.factories.push(factory);
                        self.workers.push(None);
                    }
                }
                Looked::Found(station)
            }
            Err(error) => {
                let what = "it cannot be served";
                self.hub.warn(Some(key), what, format_args!("{what}: {error}"), now);
                let response = Response::text(Status::UNAVAILABLE, "there are too many programs");
                Looked::Refused(response.header("Retry-After", "60"))
            }
        }
    }
}
