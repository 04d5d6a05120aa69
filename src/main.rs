//! The binary: the services of the folder `services/` behind one port. It reads the command
//! line and the configuration, says what it serves, and runs until it is stopped.

mod logger;
mod reload;
mod trial;

use std::env;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;

use switchboard::config::{self, Command, Config, Exit};
use switchboard::host::program::DocumentRoot;
use switchboard::host::{raise_descriptor_limit, seal_descriptors};
use switchboard::server::{BindError, Mounted};
use switchboard::{Host, Limits, Page, Server, Service, Thread};

/// The services that `build.rs` found.
mod services {
    use super::{Compiled, has_callbacks};

    include!(concat!(env!("OUT_DIR"), "/services.rs"));
}

/// A service that is compiled in.
struct Compiled {
    path: &'static str,
    about: &'static str,
    page: Option<&'static [u8]>,
    mount: for<'a> fn(&'a mut Server, &str) -> Mounted<'a>,
    /// Whether the loop may call it.
    has_callbacks: fn() -> bool,
}

/// Whether the loop may call what this makes.
fn has_callbacks<S: Service>(_service: fn() -> S) -> bool {
    S::callbacks().is_some()
}

fn main() -> ExitCode {
    let command = match Command::parse(env::args_os().skip(1), config::read_file) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("switchboard: {error}");
            return error.exit().into();
        }
    };
    let said = match command {
        Command::Run(config) => return run(&config).into(),
        Command::Try(trial) => return trial::run(&trial).into(),
        Command::CheckConfig(config) => return check(&config).into(),
        Command::ListServices => say(&list()),
        Command::Help(text) => say(&text),
        Command::Version => say(concat!("switchboard ", env!("CARGO_PKG_VERSION"), "\n")),
    };
    if said.is_ok() { Exit::Clean.into() } else { Exit::Failure.into() }
}

/// A section for a service that is not there does not keep the server from starting, but who
/// asks is told that something is wrong.
fn check(config: &Config) -> Exit {
    let unknown = unknown_services(config).chain(idle_keys(services::ALL, config));
    let faults: Vec<_> = unknown.chain(misplaced(services::ALL, config)).collect();
    for text in &faults {
        eprintln!("switchboard: {text}");
    }
    if !faults.is_empty() {
        return Exit::Configuration;
    }
    let file = config.file.as_ref().map(|file| file.display().to_string());
    let what = file.unwrap_or_else(|| "no file here, so the defaults".to_owned());
    if say(&format!("{what}: the configuration is good\n")).is_ok() {
        Exit::Clean
    } else {
        Exit::Failure
    }
}

fn run(config: &Config) -> Exit {
    begin(config);
    let unknown = unknown_services(config).chain(idle_keys(services::ALL, config));
    unknown.for_each(|text| log::warn!("{text}"));
    let misplaced: Vec<_> = misplaced(services::ALL, config).collect();
    if !misplaced.is_empty() {
        misplaced.iter().for_each(|text| eprintln!("switchboard: {text}"));
        return Exit::Configuration;
    }
    serve(server(config, fit(config)), config, |host| {
        let server = |new: &Config| server(new, new.limits_for(raise_descriptor_limit()));
        let hangups = reload::start(config, host.reloader(), server, is_compiled)?;
        Ok((greeting(config, host), hangups))
    })
}

/// What comes before any service.
fn begin(config: &Config) {
    logger::start(config.log_level, config.log_format);
    if let Err(error) = seal_descriptors() {
        log::warn!("programs inherit the descriptors that this process was started with: {error}");
    }
}

/// The limits of the configuration, as far as descriptors go.
fn fit(config: &Config) -> Limits {
    let limits = config.limits_for(raise_descriptor_limit());
    log::info!("at most {} sockets at a time", limits.sockets_max);
    limits
}

/// Runs a server until it is stopped. `prepare` gives the greeting, and what is held meanwhile.
fn serve<T>(
    server: Server,
    config: &Config,
    prepare: impl FnOnce(&Host) -> io::Result<(String, T)>,
) -> Exit {
    let mut host = match listen(server, config) {
        Ok(host) => host,
        Err((exit, text)) => {
            eprintln!("switchboard: {text}");
            return exit;
        }
    };
    // What is held is so until the end: a SIGHUP would be what the process ends by, after a clean
    // stop.
    let ended = host.stop_on_signals().and_then(|()| {
        let (greeting, held) = prepare(&host)?;
        // Whoever started the server may have closed its output; it serves all the same.
        let _ = say(&greeting);
        host.run().map(|()| held)
    });
    let exit = match &ended {
        Ok(_) => Exit::Clean,
        Err(error) => {
            log::error!("the poll loop failed: {error}");
            Exit::Failure
        }
    };
    logger::finish();
    exit
}

/// A server without services, as the configuration wants it for all of them.
fn bare_server(config: &Config, limits: Limits) -> Server {
    let mut server = Server::new(limits);
    let all = &config.all;
    server.origin(all.origin.clone()).compression(all.compression).thread(all.thread);
    server.manner(all.program.manner());
    if let Some(root) = &config.static_root {
        server.static_root(root);
    }
    server
}

/// A server with the services that are compiled in, and the programs.
fn server(config: &Config, limits: Limits) -> Server {
    let mut server = bare_server(config, limits);
    for service in services::ALL {
        let mut mounted = (service.mount)(&mut server, service.path);
        if let Some(page) = service.page {
            mounted = mounted.page(Page::html(page));
        }
        if let Some(own) = config.services.get(service.path) {
            let mounted = mounted.limits(own.limits).origin(own.origin.clone());
            mounted.compression(own.compression).thread(own.thread);
        }
    }
    if config.document_root.is_dir() {
        server.document_root(&config.document_root);
        for (path, own) in config.services.iter().filter(|(path, _)| !is_compiled(path)) {
            let program = server.program(path).limits(own.limits).origin(own.origin.clone());
            program.compression(own.compression).manner(own.program.manner());
        }
    }
    server
}

fn listen(server: Server, config: &Config) -> Result<Host, (Exit, String)> {
    let addresses = resolve(config).map_err(|text| (Exit::Bind, text))?;
    server.bind(addresses.as_slice()).map_err(|error| {
        let exit = match error {
            BindError::Address(_) | BindError::Listen(_) => Exit::Bind,
            BindError::Limits(_)
            | BindError::Path(_)
            | BindError::Thread(_)
            | BindError::DocumentRoot(_)
            | BindError::StaticRoot(_) => Exit::Configuration,
            BindError::Program(..) => Exit::CommandLine,
        };
        let hint = match &error {
            BindError::Listen(error) if error.kind() == io::ErrorKind::AddrInUse => {
                "; -p chooses another port, and 0 a free one"
            }
            _ => "",
        };
        (exit, format!("{error}{hint}"))
    })
}

/// The addresses of all hosts; a name may have several.
fn resolve(config: &Config) -> Result<Vec<SocketAddr>, String> {
    let mut addresses = Vec::new();
    for host in &config.hosts {
        let found = (host.as_str(), config.port).to_socket_addrs();
        let found = found.map_err(|error| format!("cannot find the host {host:?}: {error}"))?;
        addresses.extend(found);
    }
    Ok(addresses)
}

fn greeting(config: &Config, host: &Host) -> String {
    let mut text = String::new();
    if let Some(file) = &config.file {
        text += &format!("configuration: {}\n", file.display());
    }
    text += &format!("services:\n{}", list());
    if config.document_root.is_dir() {
        text += &format!("programs below {}\n", config.document_root.display());
    }
    for address in host.addresses() {
        text += &format!("listening on http://{address}\n");
    }
    let pages = services::ALL.iter().filter(|service| service.page.is_some());
    let name = name_of(host);
    for page in pages {
        text += &format!("open http://{name}{} in a browser\n", page.path);
    }
    text
}

/// Where a browser on this machine finds a host.
fn name_of(host: &Host) -> String {
    let address = host.address();
    match address.ip().is_unspecified() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    }
}

/// The services, one in each line.
fn list() -> String {
    let width = services::ALL.iter().map(|service| service.path.len()).max().unwrap_or(0);
    let line = |service: &Compiled| format!("  {:width$}  {}\n", service.path, service.about);
    services::ALL.iter().map(line).collect()
}

/// What to say of each section for a service that is not there.
fn unknown_services(config: &Config) -> impl Iterator<Item = String> {
    let root = DocumentRoot::new(&config.document_root).ok();
    let is_program = move |path: &str| {
        let found = root.as_ref().and_then(|root| root.find(path).ok());
        found.is_some_and(|program| program.key() == path)
    };
    let unknown =
        config.services.keys().filter(move |path| !is_compiled(path) && !is_program(path));
    unknown.map(|path| {
        format!(
            "[service {path}] configures no service: neither one of --list-services nor a program \
             of this path without its extension"
        )
    })
}

/// What to say of each section that tells a service how to be run as a program, which it is not.
fn idle_keys(all: &[Compiled], config: &Config) -> impl Iterator<Item = String> {
    let own = |service: &Compiled| config.services.get(service.path).map(|own| &own.program);
    let idle =
        all.iter().filter(move |service| own(service).is_some_and(|p| *p != config.all.program));
    idle.map(|service| {
        format!(
            "[service {}] has keys of programs, such as mode or on-death, without effect: this \
             service is compiled in; leave them out",
            service.path
        )
    })
}

/// Whether the service at a path is compiled in.
fn is_compiled(path: &str) -> bool {
    services::ALL.iter().any(|service| service.path == path)
}

/// What to say of each service that is to be on the loop and cannot be.
fn misplaced(all: &[Compiled], config: &Config) -> impl Iterator<Item = String> {
    let own = |path| config.services.get(path).unwrap_or(&config.all);
    let on_loop = all.iter().filter(move |service| own(service.path).thread == Thread::Loop);
    on_loop.filter(|service| !(service.has_callbacks)()).map(|service| {
        format!(
            "[service {}] thread is \"loop\", allowed is \"own\": this service has a loop of its \
             own; only what handler or gated makes has callbacks instead",
            service.path
        )
    })
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use switchboard::{Line, handler};

    use super::*;

    struct Looping;

    impl Service for Looping {
        fn run(&mut self, _: &mut Line) {}
    }

    struct Called;

    impl switchboard::Handler for Called {}

    #[test]
    fn a_service_with_a_loop_of_its_own_is_misplaced_on_the_loop() {
        let service = |path, has_callbacks| Compiled {
            path,
            about: "",
            page: None,
            mount: |server, path| server.mount(path, || handler(Called)),
            has_callbacks,
        };
        let all = [
            service("/called", || has_callbacks(|| handler(Called))),
            service("/looping", || has_callbacks(|| Looping)),
        ];
        let rows = [
            ("", 0),
            ("[server]\nthread: own", 0),
            ("[service /called]\nthread: loop", 0),
            ("[server]\nthread: loop\n[service /looping]\nthread: own", 0),
            ("[server]\nthread: loop", 1),
            ("[service /looping]\nthread: loop", 1),
        ];
        for (text, count) in rows {
            let config = Config::parse(Path::new("server.conf"), text).expect("it is right");
            let faults: Vec<_> = misplaced(&all, &config).collect();
            assert_eq!(faults.len(), count, "{text}: {faults:?}");
            let names_it =
                |text: &String| text.starts_with("[service /looping] thread is \"loop\"");
            assert!(faults.iter().all(names_it), "{faults:?}");
        }
    }
}
