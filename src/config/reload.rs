//! The changes of a configuration that a running server does not apply. They follow from the
//! `ReloadTime` of each key.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::config::key::{Key, ReloadTime};
use crate::config::keys;

impl Config {
    /// The changes in `new` that need a restart, with the names for the log: keys of the server,
    /// and changes for compiled-in services (`is_compiled`), by path. All other changes apply at
    /// once.
    #[must_use]
    pub fn needs_restart(&self, new: &Self, is_compiled: impl Fn(&str) -> bool) -> Vec<String> {
        let (mut old, mut new) = (self.clone(), new.clone());
        let of_server = keys::all().filter(|key| !key.is_for_services());
        let needs_start = of_server.filter(|key| key.reload == ReloadTime::NextStart);
        let changed = needs_start.filter(|key| key.differs(&mut old, &mut new));
        let mut needs: Vec<_> = changed.map(|key| key.name.to_owned()).collect();
        if services_differ(&mut old, &mut new) {
            needs.push(ALL.to_owned());
        }
        let paths: BTreeSet<_> = [&old, &new]
            .iter()
            .flat_map(|c| &c.services)
            .map(|service| service.path.clone())
            .collect();
        let all = [old.all.clone(), new.all.clone()];
        for path in paths.into_iter().filter(|path| is_compiled(path)) {
            for (config, all) in [&mut old, &mut new].into_iter().zip(&all) {
                config.all = config.service(&path).map_or(all, |service| &service.options).clone();
            }
            if services_differ(&mut old, &mut new) {
                needs.push(format!("[service {path}]"));
            }
        }
        needs
    }
}

/// Whether an option differs that applies to compiled-in services only at the next start.
fn services_differ(old: &mut Config, new: &mut Config) -> bool {
    let is_late = |key: &&Key| key.is_for_services() && key.reload != ReloadTime::Live;
    keys::all().filter(is_late).any(|key| key.differs(old, new))
}

const ALL: &str = "what holds for all services, such as origin, for those that are compiled in";
