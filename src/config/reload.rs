//! The changes from one configuration to another, by the names of their keys: those that a running
//! server applies, and those that wait for a restart. They follow from the `ReloadTime` of keys.

use crate::config::key::ReloadTime;
use crate::config::keys;
use crate::config::{Config, ServiceConfig};

impl Config {
    /// The keys that differ in `new` and that a running server applies, in the order of
    /// `server.conf`. That of a single service has its section in front: `[service /a] origin`.
    #[must_use]
    pub fn applied_changes(&self, new: &Self) -> Vec<String> {
        self.changes(new, ReloadTime::Live)
    }

    /// Likewise those that need a restart.
    #[must_use]
    pub fn waiting_changes(&self, new: &Self) -> Vec<String> {
        self.changes(new, ReloadTime::NextStart)
    }

    fn changes(&self, new: &Self, class: ReloadTime) -> Vec<String> {
        // Plain loops: with chains of closures, the smallest binary has 700 bytes more.
        let keys: Vec<_> = keys::all().filter(|key| key.reload == class).collect();
        let (mut old_all, mut new_all) = (self.clone(), new.clone());
        let mut names = Vec::new();
        for key in &keys {
            if key.differs(&mut old_all, &mut new_all) {
                names.push(key.name.to_owned());
            }
        }
        let mut paths: Vec<&str> = Vec::new();
        for ServiceConfig { path, .. } in self.services.iter().chain(&new.services) {
            if paths.contains(&path.as_str()) {
                continue;
            }
            paths.push(path);
            let (mut old_own, mut new_own) = (self.seen_by(path), new.seen_by(path));
            for key in &keys {
                // What a service has from all others is named once.
                if key.is_for_services()
                    && key.differs(&mut old_own, &mut new_own)
                    && (key.differs(&mut old_own, &mut old_all)
                        || key.differs(&mut new_own, &mut new_all))
                {
                    names.push(format!("[service {path}] {}", key.name));
                }
            }
        }
        #[cfg(feature = "database")]
        if class == ReloadTime::NextStart {
            let are_same = |name: &&str| {
                let find =
                    |all: &'_ Self| all.databases.iter().find(|of| of.name == **name).cloned();
                find(self) == find(new)
            };
            let mut all: Vec<_> =
                self.databases.iter().chain(&new.databases).map(|of| of.name.as_str()).collect();
            all.sort_unstable();
            all.dedup();
            let changed = all.iter().filter(|name| !are_same(name));
            names.extend(changed.map(|name| format!("[database {name}]")));
        }
        #[cfg(feature = "redis")]
        if class == ReloadTime::NextStart && self.backplane != new.backplane {
            names.push("[backplane]".to_owned());
        }
        names
    }

    /// The same configuration, in which what one service has is what all have.
    fn seen_by(&self, path: &str) -> Self {
        let mut config = self.clone();
        if let Some(own) = self.service(path) {
            config.all = own.options.clone();
            #[cfg(feature = "programs")]
            {
                config.all_programs = own.program.clone();
            }
        }
        config
    }
}
