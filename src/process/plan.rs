//! `ProgramsPlan`: the settings of the programs of a host.

use std::collections::HashMap;

use crate::process::lookup::DocumentRoot;
use crate::process::recording::Tape;
use crate::programs::ProgramOptions;
use crate::service::ServiceOptions;

/// The settings of the programs of a host.
#[derive(Debug)]
pub(crate) struct ProgramsPlan {
    /// Where they are.
    pub(crate) root: DocumentRoot,
    /// The options of each program that is not in `own`.
    pub(crate) all: (ServiceOptions, ProgramOptions),
    /// The options of single programs, by path.
    pub(crate) own: HashMap<String, (ServiceOptions, ProgramOptions)>,
    /// The recording.
    pub(crate) tape: Tape,
    /// The paths of other services, which hide them.
    pub(crate) taken: Vec<String>,
}

/// The settings that a reload has for programs; `None` if there is no document root.
#[derive(Debug)]
pub(crate) struct PlanChange(pub(crate) Option<ProgramsPlan>);

impl ProgramsPlan {
    /// The paths of single programs that are configured.
    pub(crate) fn named(&self) -> impl Iterator<Item = String> + use<'_> {
        self.own.keys().cloned()
    }
}

/// The host begins: programs that are eager start. A resolver sends it to itself.
#[derive(Debug)]
pub(super) struct EagerBegin;
