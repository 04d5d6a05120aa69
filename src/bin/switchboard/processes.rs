//! A run with several processes. The first process is the parent of the others: it listens, and
//! starts them. Each of them is a run of the server with the same command line.

use std::net::SocketAddr;
use std::thread::Builder;
use std::time::Duration;

use switchboard::ListenAddress;
use switchboard::config::{Config, Exit};
use switchboard::host::ListenerSource;
use switchboard::host::Terminal;
use switchboard::prefork::{ChildPlace, Parent, ParentEnd, ParentPlan};
#[cfg(feature = "tls")]
use switchboard::tls::TicketSecret;

use super::admin::{listen_with, operators};
use super::check::misplaced;
use super::greeting::{Listens, announce, greeting};
use super::listen::{hint, inherit, resolve};
use super::log_line::PROCESS;
use super::logger;
use super::messages::complain;
use super::reload::ParentReload;
use super::reports::notifier;
use super::run::{self, PROCESSES, begin, refuse, warn_of};
use super::services::ALL;

/// Runs this process: the only one of the server, the parent of several, or one of these.
pub(crate) fn run(config: &Config, terminal: Terminal) -> Exit {
    match ChildPlace::take() {
        Ok(None) if config.processes > 1 => parent(config, terminal),
        Ok(None) => run::run(config, terminal, None),
        Ok(Some(place)) => {
            // This is the only call.
            let _ = (PROCESS.set(place.number()), PROCESSES.set(place.count()));
            run::run(config, Terminal::none(), Some(place))
        }
        Err(error) => {
            complain(config, &error.to_string());
            Exit::Failure
        }
    }
}

fn parent(config: &Config, terminal: Terminal) -> Exit {
    if let Err(exit) = begin(config) {
        return exit;
    }
    warn_of(config);
    let misplaced = misplaced(ALL, config);
    if !misplaced.is_empty() {
        return refuse(config, &misplaced);
    }
    let parent = plan(config, terminal).and_then(|plan| {
        Parent::open(plan, notifier())
            .map_err(|error| (Exit::Bind, format!("{error}{}", hint(config, &error))))
    });
    let parent = match parent {
        Ok(parent) => parent,
        Err((exit, text)) => {
            complain(config, &text);
            return exit;
        }
    };
    let ended = parent.run(|parent| announce(config, parent, greeting(config, parent), ""));
    let exit = match ended {
        Ok(ParentEnd::Clean) => Exit::Clean,
        // It has said why.
        Ok(ParentEnd::Failed(code)) => exit_of(code),
        Err(error) => {
            log::error!(target: TARGET, "the parent of the processes failed: {error}");
            Exit::Failure
        }
    };
    logger::finish();
    exit
}

/// What the parent listens on.
fn plan(config: &Config, terminal: Terminal) -> Result<ParentPlan, (Exit, String)> {
    let mut plan = ParentPlan::new(config.processes);
    plan.terminal(terminal).drain(Duration::from_millis(config.all.limits.drain_ms_max));
    plan.refusal_code(Exit::Configuration.code());
    let inherited = inherit()?;
    let inherited = serve_operators(&mut plan, config, inherited)?;
    if inherited.is_empty() {
        let addresses = |port| resolve(config, port).map_err(|text| (Exit::Bind, text));
        plan.listen(&addresses(config.port)?);
        #[cfg(feature = "tls")]
        plan.listen_tls(&addresses(config.tls.port)?);
        for path in &config.unix_sockets {
            plan.unix_socket(path, config.unix_socket_mode);
        }
    } else {
        log::info!(
            target: TARGET,
            "the listeners are inherited (LISTEN_FDS), so that all processes accept at the same \
             ones: host, port and unix-socket are not used"
        );
        plan.listen_on(inherited);
    }
    #[cfg(feature = "tls")]
    if !config.tls.certificates.is_empty() {
        let secret = TicketSecret::new().map_err(|text| (Exit::Failure, text))?;
        plan.ticket_secret(secret);
    }
    Ok(plan)
}

/// Adds the listeners for operators, and what a reload changes in this process. Returns the other
/// listeners that are inherited.
fn serve_operators(
    plan: &mut ParentPlan,
    config: &Config,
    inherited: Vec<ListenerSource>,
) -> Result<Vec<ListenerSource>, (Exit, String)> {
    let (for_operators, inherited) =
        inherited.into_iter().partition(ListenerSource::is_for_operators);
    let (mut admin, links) = operators(config).map_err(|text| (Exit::Configuration, text))?;
    listen_with(&mut admin, config, for_operators);
    if !admin.is_empty() {
        let own = config.services.iter().map(|own| &own.options);
        let all = own.chain([&config.all]).map(|options| options.limits.message_bytes_max);
        plan.admin(admin, all.max().unwrap_or(0));
    }
    plan.open_log(logger::open_again);
    let reload = ParentReload::new(config, links.token);
    let later = reload.clone();
    plan.on_start_again(move |process| {
        let later = later.clone();
        start_thread("compare", move || later.compare(process));
    });
    plan.on_reload(move || {
        logger::open_again();
        let reload = reload.clone();
        start_thread("reload", move || reload.run());
    });
    Ok(inherited)
}

/// Starts a thread for what reads files, for which the parent must not wait.
fn start_thread(name: &str, act: impl FnOnce() + Send + 'static) {
    if let Err(error) = Builder::new().name(name.to_owned()).spawn(act) {
        log::warn!(target: TARGET, "there is no thread to {name} configurations: {error}");
    }
}

impl Listens for Parent {
    fn all_addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.addresses()
    }

    fn has_tls_at(&self, address: SocketAddr) -> bool {
        self.tls_addresses().any(|own| own == address)
    }

    fn for_operators(&self) -> impl Iterator<Item = &ListenAddress> {
        self.admin_addresses()
    }
}

/// The exit of a process, as that of the server.
fn exit_of(code: Option<i32>) -> Exit {
    let all = [Exit::CommandLine, Exit::Bind, Exit::Configuration];
    let is_same = |exit: &Exit| code == Some(i32::from(exit.code()));
    all.into_iter().find(is_same).unwrap_or(Exit::Failure)
}

const TARGET: &str = "switchboard::server";
