//! A server whose host is one of a test: see [`TestHost`](crate::testing::TestHost).

use crate::host::Factory;
use crate::hub::{FilePolicy, Hub};
use crate::limits::Limits;
use crate::server::Server;
use crate::server::error::BindError;
use crate::server::mounted::Mounting;
use crate::service::shared_values::SharedValues;
use crate::time::Time;

/// What a host in memory is made of.
pub(crate) struct TestPlan {
    /// The hub, with all services mounted.
    pub(crate) hub: Hub,
    /// The bounds of the host.
    pub(crate) limits: Limits,
    /// The factories of the services, by the index of the service.
    pub(crate) factories: Vec<Factory>,
    /// What services find by name.
    pub(crate) values: SharedValues,
}

impl Server {
    /// Mounts all services, to be called on one thread. Files, programs and listeners are left out.
    pub(crate) fn into_test_plan(self) -> Result<TestPlan, BindError> {
        self.limits.check().map_err(BindError::Limits)?;
        let mut hub = Hub::new(self.limits, FilePolicy::None, Time::ZERO);
        self.rules.apply(self.options.origin, &mut hub);
        let mut factories = Vec::new();
        for Mounting { path, options, callbacks, .. } in self.mounts {
            options.limits.check().map_err(BindError::Limits)?;
            #[cfg(feature = "workers")]
            options.check_workers(&path).map_err(BindError::Workers)?;
            hub.mount(&path, options).map_err(BindError::Path)?;
            let callbacks = callbacks.ok_or(BindError::Thread(path))?;
            factories.push(Factory::Loop(callbacks));
        }
        #[cfg(feature = "database")]
        let values = self.databases.into_values();
        #[cfg(not(feature = "database"))]
        let values = SharedValues::default();
        Ok(TestPlan { hub, limits: self.limits, factories, values })
    }
}
