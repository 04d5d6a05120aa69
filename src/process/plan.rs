//! `ProgramsPlan`: what the programs of a host are made from.

use std::collections::HashMap;

use crate::process::lookup::DocumentRoot;
use crate::process::recording::Tape;
use crate::programs::ProgramOptions;
use crate::service::ServiceOptions;

/// What the programs of a host are made from.
#[derive(Debug)]
pub(crate) struct ProgramsPlan {
    /// Where they are.
    pub(crate) root: DocumentRoot,
    /// What holds for each that is not among `own`, as for any service, and how it is run.
    pub(crate) all: (ServiceOptions, ProgramOptions),
    /// What holds for single ones instead, by path.
    pub(crate) own: HashMap<String, (ServiceOptions, ProgramOptions)>,
    /// What is recorded of them.
    pub(crate) tape: Tape,
    /// The paths of other services, which hide them.
    pub(crate) taken: Vec<String>,
}

impl ProgramsPlan {
    /// The paths of single programs that something is said of.
    pub(crate) fn named(&self) -> impl Iterator<Item = String> + use<'_> {
        self.own.keys().cloned()
    }
}
