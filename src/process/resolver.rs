//! `Programs`: the document root while the host runs. Paths without a service are looked up there,
//! on a separate thread, since disks block. A program that is found becomes a service.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use crate::host::resolver::{
    Mounts, Notice, NoticeSender, ProgramFacts, Refresh, Resolver, ResolverPlan,
};
use crate::host::thread::spawn;
use crate::hub::{LookupGoal, LookupJob, LookupResult, ServiceId};
use crate::limits::Limits;
use crate::process::current_root::CurrentRoot;
use crate::process::executable::LookupError;
use crate::process::groups::Groups;
use crate::process::listings::Listings;
use crate::process::lookup::DocumentRoot;
use crate::process::plan::{EagerBegin, ProgramsPlan};
use crate::process::program_service::{ProgramService, ProgramsShared};
use crate::programs::{ProgramOptions, Subpaths};
use crate::service::{Page, ServiceOptions, SocketId};
use crate::time::Time;
use crate::ws::{Response, Status};

/// The loop's side of programs.
pub(crate) struct Programs {
    /// The document root, if there is one.
    pub(super) lookups: Option<LookupThread>,
    /// The programs that have become services, by the index of the service.
    pub(super) served: Vec<Option<Arc<ProgramService>>>,
}

/// The loop's side of the document root.
pub(super) struct LookupThread {
    /// Bounded by the lookups that the hub has under way.
    tasks: Sender<LookupTask>,
    shared: Arc<ProgramsShared>,
    all: (ServiceOptions, ProgramOptions),
    pub(super) own: HashMap<String, (ServiceOptions, ProgramOptions)>,
}

/// For the thread that looks.
enum LookupTask {
    /// Look up the request of a socket.
    Find(LookupJob),
    /// Use these settings for lookups.
    Apply(SubpathRules),
}

/// The result of a lookup.
struct LookupReply {
    id: SocketId,
    found: Result<FoundAt, LookupError>,
    /// The requested path without links, if it has any.
    direct: Option<String>,
    /// The page beside the program that was found, if a page was requested, or why it cannot be
    /// shown.
    page: Option<io::Result<Page>>,
}

/// A program, by its canonical path.
enum FoundAt {
    /// The requested path is its own.
    At(String),
    /// The path is below its own.
    Above(String),
}

/// The settings of programs, if there is a document root.
pub(crate) struct ProgramsResolver(pub(crate) Option<ProgramsPlan>);

impl ResolverPlan for ProgramsResolver {
    fn start(
        self: Box<Self>,
        address: Option<SocketAddr>,
        notices: NoticeSender,
    ) -> io::Result<Box<dyn Resolver>> {
        let start = |plan| LookupThread::start(plan, address, notices.clone());
        let lookups = self.0.map(start).transpose()?;
        if lookups.as_ref().is_some_and(LookupThread::has_eager) {
            notices.send(EagerBegin);
        }
        Ok(Box::new(Programs { lookups, served: Vec::new() }))
    }
}

impl Resolver for Programs {
    fn look_up(&mut self, lookup: LookupJob) {
        if let Some(lookups) = &self.lookups {
            // The thread ends only when this is dropped.
            let _ = lookups.tasks.try_send(LookupTask::Find(lookup));
        }
    }

    fn apply(&mut self, notice: Notice, mounts: &mut Mounts<'_>, now: Time) {
        if notice.is::<EagerBegin>() {
            self.mount_eager(mounts, now);
        } else if let Ok(reply) = notice.downcast::<LookupReply>() {
            self.apply_reply(*reply, mounts, now);
        }
    }

    fn reload(&mut self, plan: Option<Notice>, mounts: &mut Mounts<'_>, now: Time) {
        let change = plan.and_then(|plan| plan.downcast().ok());
        self.apply_reload(change.map(|change| *change), mounts, now);
    }

    /// Links on the way to the document root are followed again.
    fn refresh(&self) -> Option<Arc<Refresh>> {
        let root = self.lookups.as_ref()?.shared.root.clone();
        Some(Arc::new(move || root.resolve()))
    }

    fn adopt_orphans(&self) -> io::Result<()> {
        self.groups().adopt_orphans_from_now_on()
    }

    fn reap_orphans(&self) -> io::Result<()> {
        self.groups().reap_orphans_from_now_on()
    }

    fn programs(&self) -> Vec<ProgramFacts> {
        let facts = |of: &Option<Arc<ProgramService>>| of.as_ref().map(|of| of.processes.facts());
        self.served.iter().map(|of| facts(of).unwrap_or_default()).collect()
    }

    /// Ends all programs at once, and what they have left to this process.
    fn end(&mut self) {
        let groups = self.groups();
        groups.kill_all();
        groups.end_orphans();
    }
}

impl LookupThread {
    /// Starts the thread that looks paths up.
    ///
    /// # Errors
    /// The system gives no thread.
    fn start(
        plan: ProgramsPlan,
        address: Option<SocketAddr>,
        notices: NoticeSender,
    ) -> io::Result<Self> {
        let ProgramsPlan { root, all, own, tape, taken } = plan;
        let (tasks, inbox) = crossbeam_channel::unbounded();
        let root = CurrentRoot::new(root);
        let shared = Arc::new(ProgramsShared { root, groups: Groups::default(), address, tape });
        let (place, mut below) = (shared.clone(), SubpathRules::of(&all, &own));
        spawn("lookups".to_owned(), move || {
            warn_of_hidden(&place.root.now(), &taken);
            let mut listings = Listings::new();
            while let Some(task) = next(&inbox, &mut listings) {
                match task {
                    LookupTask::Apply(other) => below = other,
                    LookupTask::Find(lookup) => {
                        notices.send(below.reply(&place.root.now(), lookup, &mut listings));
                    }
                }
            }
        })?;
        Ok(Self { tasks, shared, all, own })
    }

    /// Applies other settings to programs. The document root has to be given as the same path;
    /// links on the way to it are followed again.
    pub(super) fn renew(&mut self, plan: ProgramsPlan) {
        let ProgramsPlan { root, all, own, .. } = plan;
        self.shared.root.replace(root);
        // The thread ends only when this is dropped.
        let _ = self.tasks.try_send(LookupTask::Apply(SubpathRules::of(&all, &own)));
        (self.all, self.own) = (all, own);
    }

    /// The options of the program with this key.
    pub(super) fn options(&self, key: &str) -> &(ServiceOptions, ProgramOptions) {
        self.own.get(key).unwrap_or(&self.all)
    }
}

impl FoundAt {
    fn key(&self) -> &str {
        match self {
            Self::At(key) | Self::Above(key) => key,
        }
    }
}

/// Which programs answer the paths below their own.
struct SubpathRules {
    /// The options of each program that is not in `own`.
    all: Subpaths,
    own: HashMap<String, Subpaths>,
    /// The longest page that is shown, which has to fit an outbox.
    page_bytes_max: usize,
}

impl SubpathRules {
    fn of(
        (service, all): &(ServiceOptions, ProgramOptions),
        own: &HashMap<String, (ServiceOptions, ProgramOptions)>,
    ) -> Self {
        let own = own.iter().map(|(path, (_, own))| (path.clone(), own.subpaths));
        let page_bytes_max = service.limits.outbox_bytes_max.min(Limits::PAGE_BYTES_MAX);
        Self { all: all.subpaths, own: own.collect(), page_bytes_max }
    }

    fn reply(
        &self,
        root: &DocumentRoot,
        lookup: LookupJob,
        listings: &mut Listings,
    ) -> LookupReply {
        listings.turn(Instant::now());
        let LookupJob { id, path, goal } = lookup;
        let (found, direct) = match self.find(root, &path, listings) {
            Ok((found, direct)) => (Ok(found), Some(direct).filter(|direct| *direct != path)),
            Err(error) => (Err(error), None),
        };
        let key = found.as_ref().ok().filter(|_| goal == LookupGoal::Page).map(FoundAt::key);
        let page = key.and_then(|key| root.page(key, self.page_bytes_max).transpose());
        LookupReply { id, found, direct, page: page.map(|page| page.map(Page::html)) }
    }

    /// The program that answers a path, and the path without links.
    fn find(
        &self,
        root: &DocumentRoot,
        path: &str,
        listings: &mut Listings,
    ) -> Result<(FoundAt, String), LookupError> {
        let is_served = |subpaths: &Subpaths| *subpaths == Subpaths::Served;
        match root.find_in(path, listings) {
            Ok(program) => {
                let key = program.key().to_owned();
                let direct = direct(&key, path);
                Ok((FoundAt::At(key), direct))
            }
            // A page that was not requested is not read.
            Err(LookupError::Nothing | LookupError::Outside(_))
                if self.own.values().chain([&self.all]).any(is_served) =>
            {
                let serves = |key: &str| is_served(self.own.get(key).unwrap_or(&self.all));
                let (program, above) = root.find_above_in(path, serves, listings)?;
                let key = program.key().to_owned();
                let direct = direct(&key, above) + &path[above.len()..];
                Ok((FoundAt::Above(key), direct))
            }
            Err(error) => Err(error),
        }
    }
}

/// Waits for the next task. Kept listings are dropped if there is none for a moment.
fn next(inbox: &Receiver<LookupTask>, listings: &mut Listings) -> Option<LookupTask> {
    if !listings.is_empty() {
        match inbox.recv_timeout(Listings::KEPT) {
            Ok(task) => return Some(task),
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

impl Programs {
    /// The process groups of all programs.
    fn groups(&self) -> Groups {
        self.lookups.as_ref().map(|lookups| lookups.shared.groups.clone()).unwrap_or_default()
    }

    /// Applies the result of a lookup.
    fn apply_reply(&mut self, reply: LookupReply, mounts: &mut Mounts<'_>, now: Time) {
        let LookupReply { id, found, direct, page } = reply;
        if let Some(path) = direct {
            mounts.hub.lead(id, path);
        }
        let page = match (&found, page) {
            (Ok(found), Some(Err(error))) => {
                let what = "its page cannot be shown";
                mounts.hub.warn(Some(found.key()), what, format_args!("{what}: {error}"), now);
                None
            }
            (_, page) => page.and_then(Result::ok),
        };
        let looked = match found {
            Ok(found) => match (self.service_of(found.key(), mounts, now), found, page) {
                // The page beside a program is not shown for a service that hides the program.
                (LookupResult::Found(service), FoundAt::At(_), Some(page))
                    if self.is_program(service) =>
                {
                    LookupResult::Page(service, page)
                }
                (LookupResult::Found(service), FoundAt::Above(_), page) => {
                    self.below(service, page, mounts)
                }
                (looked, ..) => looked,
            },
            Err(LookupError::Nothing) => LookupResult::Nothing,
            Err(error @ LookupError::Outside(_)) => {
                mounts.hub.record_end(id, &error.to_string());
                LookupResult::Nothing
            }
            Err(error) => {
                let refusal = Response::text(error.status(), "the program cannot be served");
                LookupResult::Refused(refusal.note(&format!("no program can serve it: {error}")))
            }
        };
        mounts.hub.looked_up(id, looked, now);
    }

    /// The meaning of a path below that of a service. A compiled-in service hides the program at
    /// its path, and has no paths below. A file has priority over the page of a program above it.
    fn below(&self, service: ServiceId, page: Option<Page>, mounts: &Mounts<'_>) -> LookupResult {
        match page.filter(|_| !mounts.hub.has_files()) {
            _ if !self.is_program(service) => LookupResult::Nothing,
            Some(page) => LookupResult::Page(service, page),
            None => LookupResult::Below(service),
        }
    }

    fn is_program(&self, service: ServiceId) -> bool {
        self.served.get(service.index()).is_some_and(Option::is_some)
    }

    /// The service of a program, which gets one if it has none yet.
    pub(super) fn service_of(
        &mut self,
        key: &str,
        mounts: &mut Mounts<'_>,
        now: Time,
    ) -> LookupResult {
        if let Some(service) = mounts.hub.find(key) {
            return LookupResult::Found(service);
        }
        let Some(lookups) = &self.lookups else { return LookupResult::Nothing };
        let (service, options) = lookups.options(key).clone();
        let program = ProgramService::new(lookups.shared.clone(), key.to_owned(), options);
        #[cfg(feature = "processes")]
        let program = program.sharing(service.share);
        match mounts.hub.mount_program(key, service) {
            Ok(service) => {
                // It may replace a program that does not run.
                self.set_served(service, program, mounts);
                LookupResult::Found(service)
            }
            Err(error) => {
                let what = "it cannot be served";
                mounts.hub.warn(Some(key), what, format_args!("{what}: {error}"), now);
                let response = Response::text(Status::UNAVAILABLE, "there are too many programs");
                // An unused program is about to be replaced.
                LookupResult::Refused(response.header("Retry-After", "1"))
            }
        }
    }

    /// Sets this program for a service, from its next run on.
    pub(super) fn set_served(
        &mut self,
        service: ServiceId,
        program: ProgramService,
        mounts: &mut Mounts<'_>,
    ) {
        let (program, index) = (Arc::new(program), service.index());
        if index >= self.served.len() {
            self.served.resize(index + 1, None);
        }
        self.served[index] = Some(program.clone());
        mounts.set_service(service, program);
    }
}
