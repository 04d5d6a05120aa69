//! `--check-config`: whether the configuration fits the services.

use std::path::{Path, PathBuf};

use switchboard::Thread;
use switchboard::config::{Config, nearest};
#[cfg(feature = "tls")]
use switchboard::tls::Tls;

#[cfg(feature = "admin")]
use super::admin::{known_token, token};
#[cfg(feature = "redis")]
use super::backplane;
use super::builtin::is_compiled;
use super::compiled::BuiltinService;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::databases::{self, plans};
#[cfg(feature = "programs")]
use super::programs;
use super::services::ALL;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::services::DATABASE_WORDS;
#[cfg(feature = "processes")]
use super::several;
#[cfg(feature = "tls")]
use super::tls::certificates;
#[cfg(feature = "workers")]
use super::workers;

/// The warnings and the faults of a configuration that could be read, and a line that it is good,
/// if a server starts with it. Warnings of a server's log are warnings here as well.
pub(crate) fn verdict(config: &Config) -> (Vec<String>, Option<String>) {
    let mut told: Vec<_> = warnings(config).iter().map(|text| warning(text)).collect();
    let faults = misplaced(ALL, config);
    #[cfg(feature = "tls")]
    let faults = match certificates(config) {
        Ok(tls) => {
            told.extend(tls.iter().flat_map(Tls::warnings).map(|text| warning(&text)));
            faults
        }
        Err(fault) => [faults, vec![fault]].concat(),
    };
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    let faults = match plans(config) {
        Ok(plans) => {
            let texts = plans.iter().filter_map(|(of, plan)| Some((of, plan.warning()?)));
            told.extend(texts.map(|(of, text)| warning(&format!("[database {}] {text}", of.name))));
            faults
        }
        Err(more) => [faults, more].concat(),
    };
    #[cfg(feature = "admin")]
    let faults = [faults, token(config).err().into_iter().collect()].concat();
    let warnings = match told.len() {
        0 => String::new(),
        1 => ", with a warning".to_owned(),
        len => format!(", with {len} warnings"),
    };
    let is_good = faults.is_empty();
    told.extend(faults);
    let file = config.file.as_ref().map(|file| file.display().to_string());
    let what = file.unwrap_or_else(|| "no file here, so the defaults".to_owned());
    #[cfg(feature = "admin")]
    let what = what + &included(config);
    (told, is_good.then(|| format!("{what}: the configuration is good{warnings}\n")))
}

fn warning(text: &str) -> String {
    format!("warning: {text}")
}

/// The number of included files, as a text behind the name of the first. It shows that a pattern
/// matches what it should.
#[cfg(feature = "admin")]
pub(crate) fn included(config: &Config) -> String {
    match config.included.len() {
        0 => String::new(),
        1 => " and 1 included file".to_owned(),
        len => format!(" and {len} included files"),
    }
}

/// The faults of a configuration that do not keep a server from starting.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = unknown_services(config);
    #[cfg(feature = "programs")]
    warnings.extend(programs::idle_keys(ALL, config));
    warnings.extend(exposed(config));
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    warnings.extend(databases::unused(config, DATABASE_WORDS));
    #[cfg(feature = "admin")]
    warnings.extend(known_token(config));
    #[cfg(feature = "unix")]
    warnings.extend(unreachable(config));
    #[cfg(feature = "processes")]
    warnings.extend(several::idle_shares(config));
    #[cfg(feature = "redis")]
    warnings.extend(backplane::warnings(config));
    warnings
}

/// The warning about a configuration without an address.
#[cfg(feature = "unix")]
fn unreachable(config: &Config) -> Option<String> {
    #[cfg(feature = "tls")]
    if config.tls.port.is_some() {
        return None;
    }
    (config.port.is_none() && config.unix_sockets.is_empty()).then(|| {
        "port is none, and so is unix-socket: the server starts only with sockets that it inherits \
         (LISTEN_FDS)"
            .to_owned()
    })
}

/// Whether the databases of a configuration can be used. None is opened.
///
/// # Errors
/// Why some of them cannot be, a text for each.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn check_databases(config: &Config) -> Result<(), Vec<String>> {
    plans(config).map(|_| ())
}

/// Warnings about sections of missing services. A program may be added later.
fn unknown_services(config: &Config) -> Vec<String> {
    let named = config.services.iter().map(|own| &own.path).filter(|path| !is_compiled(path));
    #[cfg(feature = "programs")]
    let named = named.map(|path| (path, programs::key_of(config, path)));
    #[cfg(not(feature = "programs"))]
    let named = named.map(|path| (path, None::<String>));
    let unknown: Vec<_> = named.filter(|(path, key)| key.as_ref() != Some(*path)).collect();
    if unknown.is_empty() {
        return Vec::new();
    }
    let names = ALL.iter().map(|service| service.path);
    #[cfg(feature = "programs")]
    let programs = programs::names(config);
    #[cfg(feature = "programs")]
    let names = names.chain(programs.iter().map(String::as_str));
    // A service has one section.
    let names = names.filter(|name| config.service(name).is_none());
    let text = |(path, key): (&String, Option<String>)| {
        let near = || nearest(path, names.clone());
        let cure = match key.as_deref().or_else(near) {
            Some(meant) => format!("did you mean [service {meant}]?"),
            None => "correct its path, or leave it out".to_owned(),
        };
        let place = config.place_of(path);
        #[cfg(feature = "programs")]
        if let Some(why) = programs::why_not(config, path) {
            return format!("{place}: [service {path}] configures no service: {why}");
        }
        format!("{place}: [service {path}] configures no service: {NOT_FOUND}; {cure}")
    };
    unknown.into_iter().map(text).collect()
}

/// Warnings about files below the static root that should not be public.
fn exposed(config: &Config) -> Vec<String> {
    let Some(root) = &config.static_root else { return Vec::new() };
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    let (real_root, mut faults) = (real(root), Vec::new());
    let cure = "any client can download its files; keep the two apart";
    #[cfg(feature = "programs")]
    {
        let programs = real(&config.document_root);
        let overlap = programs.starts_with(&real_root) || real_root.starts_with(&programs);
        if overlap && programs.is_dir() {
            let (root, programs) = (root.display(), config.document_root.display());
            faults.push(format!("static-root {root} and document-root {programs} overlap: {cure}"));
        }
    }
    let mut expose = |file: &PathBuf| {
        if real(file).starts_with(&real_root) {
            let (root, file) = (root.display(), file.display());
            faults.push(format!("{file} lies inside of static-root {root}: {cure}"));
        }
    };
    if let Some(file) = &config.file {
        expose(file);
    }
    #[cfg(feature = "admin")]
    config.included.iter().chain(&config.admin.token).for_each(expose);
    // The file may be missing still, while its folder is there.
    #[cfg(feature = "admin")]
    if let Some(file) = &config.log_file {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let is_inside = |path: &Path| real(path).starts_with(&real_root);
        if is_inside(file) || is_inside(parent.unwrap_or(Path::new("."))) {
            let (root, file) = (root.display(), file.display());
            faults.push(format!("{file} lies inside of static-root {root}: {cure} (log-file)"));
        }
    }
    faults
}

/// The error for each service that is configured to run on the loop, or to start with the server,
/// and cannot, and for what else a server cannot start with.
pub(crate) fn misplaced(all: &[BuiltinService], config: &Config) -> Vec<String> {
    let own = |path| config.service(path).map_or(&config.all, |own| &own.options);
    let on_loop = all.iter().filter(move |service| own(service.path).thread == Thread::Loop);
    let misplaced = on_loop.filter(|service| !(service.has_callbacks)()).map(|service| {
        format!(
            "{}: [service {}] thread is \"loop\", allowed is \"own\": this service has a loop of \
             its own; only what handler or gated makes has callbacks instead",
            config.place_of(service.path),
            service.path
        )
    });
    let misplaced = misplaced.collect();
    #[cfg(feature = "workers")]
    let misplaced = [misplaced, workers::impossible(all, config)].concat();
    #[cfg(feature = "programs")]
    let misplaced = [misplaced, programs::never_eager(config)].concat();
    #[cfg(feature = "processes")]
    let misplaced = [misplaced, several::impossible(config)].concat();
    #[cfg(feature = "redis")]
    let misplaced = [misplaced, backplane::fault(config).into_iter().collect()].concat();
    misplaced
}

#[cfg(feature = "programs")]
const NOT_FOUND: &str =
    "neither one of --list-services nor a program of this path without its extension";
#[cfg(not(feature = "programs"))]
const NOT_FOUND: &str = "none of --list-services";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use switchboard::{Context, Service, handler};

    use super::super::compiled::has_callbacks;
    use super::*;

    struct Looping;

    impl Service for Looping {
        fn run(&mut self, _: &mut Context) {}
    }

    struct Called;

    impl switchboard::Handler for Called {}

    #[test]
    fn a_service_with_a_loop_of_its_own_is_misplaced_on_the_loop() {
        let service = |path, has_callbacks| BuiltinService {
            path,
            about: "",
            page: None,
            policy: "",
            mount: |server, path| server.mount(path, || handler(Called)),
            has_callbacks,
            #[cfg(feature = "workers")]
            one_worker: None,
        };
        let all = [
            service("/called", || has_callbacks(|| handler(Called))),
            service("/looping", || has_callbacks(|| Looping)),
        ];
        let rows = [
            ("", None),
            ("[server]\nthread: own", None),
            ("[service /called]\nthread: loop", None),
            ("[server]\nthread: loop\n[service /looping]\nthread: own", None),
            ("[server]\nthread: loop", Some("server.conf: ")),
            ("[server]\n[service /looping]\nthread: loop", Some("server.conf:2: ")),
        ];
        for (text, place) in rows {
            let config = Config::parse(Path::new("server.conf"), text).expect("it is right");
            let faults = misplaced(&all, &config);
            assert_eq!(faults.len(), usize::from(place.is_some()), "{text}: {faults:?}");
            let begin = format!("{}[service /looping] thread is \"loop\"", place.unwrap_or(""));
            assert!(faults.iter().all(|fault| fault.starts_with(&begin)), "{faults:?}");
        }
    }

    /// With and without programs.
    #[test]
    fn a_section_for_no_service_names_the_nearest_without_one() {
        for (text, cure) in [
            ("[service /clokc]", "did you mean [service /clock]?"),
            ("[service /clokc]\n[service /clock]", "correct its path, or leave it out"),
            ("[service /nosuch]", "correct its path, or leave it out"),
        ] {
            let config = Config::parse(Path::new("server.conf"), text).expect("it is right");
            let (told, good) = verdict(&config);
            let [warning] = &told[..] else { panic!("{told:?}") };
            assert!(warning.starts_with("warning: server.conf:1: [service /"), "{warning}");
            assert!(warning.ends_with(cure), "{warning}");
            let good = good.expect("a server starts with it");
            assert_eq!(good, "server.conf: the configuration is good, with a warning\n");
        }
    }

    #[test]
    fn what_anybody_could_download_is_told() {
        let folder =
            std::env::temp_dir().join(format!("switchboard-exposed-{}", std::process::id()));
        for inner in ["public/services", "services", "public-too"] {
            std::fs::create_dir_all(folder.join(inner)).expect("it can be made");
        }
        std::fs::write(folder.join("public/server.conf"), "").expect("it can be written");
        std::os::unix::fs::symlink("public", folder.join("link")).expect("it can be made");
        let place = |name: &str| folder.join(name);
        // A configuration file, a static root, a document root, and the number of faults.
        let rows = [
            ("server.conf", "public", "services", 0),
            ("server.conf", "public", "public-too", 0),
            ("server.conf", "public", "missing", 0),
            ("public/server.conf", "public", "services", 1),
            ("link/server.conf", "public", "services", 1),
            ("public/server.conf", "link", "services", 1),
            ("public/server.conf", "public-too", "services", 0),
            ("server.conf", "public", "public/services", usize::from(PROGRAMS)),
            ("server.conf", "public", "link/services", usize::from(PROGRAMS)),
            ("server.conf", "public", "public", usize::from(PROGRAMS)),
            ("server.conf", "public/services", "public", usize::from(PROGRAMS)),
            ("public/server.conf", "public", "public", 1 + usize::from(PROGRAMS)),
        ];
        for (file, root, programs, faults_len) in rows {
            let mut config = Config {
                file: Some(place(file)),
                static_root: Some(place(root)),
                #[cfg(feature = "programs")]
                document_root: place(programs),
                ..Config::default()
            };
            let faults = exposed(&config);
            #[cfg(feature = "admin")]
            {
                // A file that is included is one as well.
                let included = config.file.iter().cloned().collect();
                let config = Config { file: None, included, ..config.clone() };
                assert_eq!(exposed(&config), faults);
            }
            assert_eq!(faults.len(), faults_len, "{file} {root} {programs}: {faults:?}");
            let helps = |fault: &String| fault.contains("download") && fault.contains(root);
            assert!(faults.iter().all(helps), "{faults:?}");
            config.static_root = None;
            assert!(exposed(&config).is_empty());
        }
        std::fs::remove_dir_all(&folder).expect("it can be removed");
    }

    const PROGRAMS: bool = cfg!(feature = "programs");
}
