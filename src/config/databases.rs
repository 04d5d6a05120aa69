//! The sections of databases: their keys, and what these have to fit.

use crate::config::Config;
use crate::config::database_config::{DatabaseConfig, DatabaseKind, URLS};
use crate::config::error::{ConfigFault, Problem};
use crate::config::masked::{has_password, masked};
use crate::config::raw_config::NamedSection;
use crate::config::setting::Setting;
use crate::config::value_source::ValueSource;
#[cfg(feature = "postgres")]
use crate::database::postgres::Postgres;
#[cfg(feature = "sqlite")]
use crate::database::sqlite::Sqlite;

/// The databases of these sections.
pub(super) fn databases(
    sections: &[NamedSection],
    faults: &mut Vec<ConfigFault>,
) -> Vec<DatabaseConfig> {
    let mut all = Vec::new();
    for section in sections {
        let databases = vec![DatabaseConfig::new(section.path.clone())];
        let mut one = Config { databases, ..Config::default() };
        let is_refused = |setting: &&Setting| setting.key.set(&mut one, &setting.value).is_none();
        faults.extend(section.settings.iter().filter(is_refused).map(Setting::refusal));
        one.databases.iter().for_each(|of| check(of, section, faults));
        all.append(&mut one.databases);
    }
    all
}

/// Why a URL of this kind names no database, if this build has the kind.
fn fault_of(url: &str, kind: DatabaseKind) -> Option<String> {
    #[cfg(feature = "sqlite")]
    if kind == DatabaseKind::Sqlite {
        return Sqlite::from_url(url).err().map(|error| error.to_string());
    }
    #[cfg(feature = "postgres")]
    if kind == DatabaseKind::Postgres {
        return Postgres::new(url).err().map(|error| error.to_string());
    }
    let _ = (url, kind);
    None
}

/// What does not fit in a section.
fn check(of: &DatabaseConfig, section: &NamedSection, faults: &mut Vec<ConfigFault>) {
    let find = |name: &str| section.settings.iter().find(|setting| setting.is_of(name));
    let mut refuse = |place: ValueSource, problem| faults.push(ConfigFault { place, problem });
    let Some(url) = find("url") else {
        let text = format!("[database {}] has no url: add one, such as {URLS}", of.name);
        return refuse(ValueSource::Line(section.line), Problem::Section(text));
    };
    // A URL that could not be read has been refused already.
    let Some(kind) = of.kind() else { return };
    if let (feature, false) = kind.feature() {
        let name = format!("url {}", masked(&of.url));
        return refuse(url.place, Problem::Unbuilt { name, feature });
    }
    if let Some(fault) = fault_of(&of.url, kind) {
        refuse(url.place, Problem::Section(format!("url: {fault}")));
    }
    let of_postgres = ["password-file", "ca-file", "sslmode"];
    for setting in &section.settings {
        let name = setting.key.name;
        let owner = match kind {
            DatabaseKind::Postgres if name == "synchronous" => "SQLite",
            DatabaseKind::Sqlite if of_postgres.contains(&name) => "PostgreSQL",
            DatabaseKind::Sqlite | DatabaseKind::Postgres => continue,
        };
        let text = format!("{name} is a key of {owner}, and this url is another: leave it out");
        refuse(setting.place, Problem::Section(text));
    }
    let twice = "url has a password, and there is a password-file: leave out one of them";
    if let (Some(file), true) = (find("password-file"), has_password(&of.url)) {
        refuse(file.place, Problem::Section(twice.to_owned()));
    }
}
