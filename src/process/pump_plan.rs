//! `PumpPlan`: the parameters of a pump.

use crate::hub::Subject;
use crate::process::groups::Groups;
use crate::programs::WorkerNumber;

/// The parameters of a pump.
#[derive(Clone, Debug)]
pub struct PumpPlan {
    /// The path of the service, for the log.
    pub service: String,
    /// Which of its workers this is, if it has several.
    pub worker: Option<WorkerNumber>,
    /// How many programs may run at a time.
    pub programs_max: usize,
    /// An input is full when so many bytes wait for its program. More can still be appended; the
    /// service has to stop taking mail.
    pub input_high_bytes: usize,
    /// The process groups of the host.
    pub groups: Groups,
}

impl PumpPlan {
    /// The subject of log lines about the service.
    pub(super) fn about(&self) -> Subject<'_> {
        let subject = Subject::service(&self.service);
        #[cfg(feature = "workers")]
        let subject = Subject { worker: self.worker.map(|of| of.number), ..subject };
        subject
    }
}
