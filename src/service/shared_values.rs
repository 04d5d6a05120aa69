//! `SharedValues`: what a host has for its services, by name. Without the feature `database`, there
//! is nothing.

#[cfg(feature = "database")]
use std::any::Any;
#[cfg(feature = "database")]
use std::collections::BTreeMap;
#[cfg(feature = "database")]
use std::sync::Arc;

/// What a host has for all of its services, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedValues {
    #[cfg(feature = "database")]
    list: Arc<BTreeMap<String, Arc<dyn Any + Send + Sync>>>,
}

#[cfg(feature = "database")]
impl SharedValues {
    /// These values.
    pub(crate) fn new(list: BTreeMap<String, Arc<dyn Any + Send + Sync>>) -> Self {
        Self { list: Arc::new(list) }
    }

    /// The value of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&(dyn Any + Send + Sync)> {
        self.list.get(name).map(AsRef::as_ref)
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.keys().map(String::as_str)
    }
}
