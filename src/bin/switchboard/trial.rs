//! `--try`: a single program at `/`, for authors of programs; recorded or replayed on request.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::path::{self, Path};

use switchboard::config::{Exit, Script, Trial};
use switchboard::host::Terminal;
use switchboard::process::{DocumentRoot, Executable, Recording, ReplayCheck};
use switchboard::programs::Transcript;
use switchboard::{Host, Page};

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::databases::Databases;
use super::greeting::{addresses, url_of};
use super::listen::resolve;
use super::logger;
use super::messages::{complain, say};
use super::reload::on_hangup_but;
use super::run::{bare_server, begin, fit, serve};
#[cfg(feature = "tls")]
use super::tls::with_tls;
#[cfg(feature = "admin")]
use switchboard::admin::Admin;

/// Runs the trial.
pub(crate) fn run(trial: &Trial, terminal: Terminal) -> Exit {
    if let Err(exit) = begin(&trial.config) {
        return exit;
    }
    // A program that cannot be served is reported before anything is written.
    if trial.program.is_dir() {
        let text = "is a folder: name a file in it, or serve all of them with --document-root";
        return fail(trial, &format!("--try is {:?}, which {text}", trial.program));
    }
    let program = match DocumentRoot::of_file(&trial.program).and_then(|root| root.find("/")) {
        Ok(program) => program,
        Err(error) => return fail(trial, &format!("--try is {:?}: {error}", trial.program)),
    };
    let done = match &trial.script {
        Script::None => Ok(serve_alone(trial, terminal, None)),
        Script::Record(file) => {
            let body_bytes_max = trial.config.all.limits.outbox_bytes_max;
            let created = Recording::create(file, body_bytes_max);
            let created = created.map_err(|error| format!("--record is {file:?}, which {error}"));
            created.map(|recording| serve_alone(trial, terminal, Some(recording)))
        }
        Script::Replay(file) => {
            read(file).map(|transcript| replay(trial, &program, file, transcript))
        }
    };
    done.unwrap_or_else(|text| fail(trial, &text))
}

/// Serves it until the host is stopped.
fn serve_alone(trial: &Trial, terminal: Terminal, recording: Option<Recording>) -> Exit {
    let mut config = trial.config.clone();
    if !trial.has_port {
        config.port = Some(port_of(trial));
    }
    let mut server = bare_server(&config, fit(&config));
    server.program_options(config.all_programs.clone()).only_program(&trial.program);
    server.program("/").page(Page::talk());
    if let Some(recording) = recording {
        server.record(recording);
    }
    #[cfg(feature = "tls")]
    let server = match with_tls(server, &config) {
        Ok((server, _)) => server,
        Err(text) => {
            complain(&config, &text);
            return Exit::Configuration;
        }
    };
    let prepare = |host: &Host| {
        let reloader = host.reloader();
        #[cfg(feature = "unix")]
        let reporter = host.reload_reporter();
        let hangups = on_hangup_but(host, terminal, move || {
            #[cfg(feature = "unix")]
            let _reloading = reporter.begin();
            reloader.reload();
        })?;
        Ok((greeting(trial, host), hangups))
    };
    serve(
        server,
        &config,
        #[cfg(feature = "admin")]
        Admin::new(),
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        Databases::default(),
        #[cfg(feature = "processes")]
        None,
        prepare,
    )
}

/// The port of the program: the first unused one of those that follow from its path. If all are
/// used, any free port.
fn port_of(trial: &Trial) -> u16 {
    // FNV-1a, whose result is the same in each run and on each machine.
    let hash = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    };
    let path = path::absolute(&trial.program).unwrap_or_else(|_| trial.program.clone());
    let first = hash(path.as_os_str().as_encoded_bytes());
    let ports = (0..PORTS_TRIED).map(|number| {
        let place = first.wrapping_add(number) % PORTS_LEN;
        PORTS_BEGIN + u16::try_from(place).unwrap_or(0)
    });
    let mut ports = ports.filter(|&port| {
        let addresses = resolve(&trial.config, Some(port)).unwrap_or_default();
        addresses.iter().all(|address| TcpListener::bind(address).is_ok())
    });
    ports.next().unwrap_or(0)
}

fn greeting(trial: &Trial, host: &Host) -> String {
    let mut text = format!("trying {}\n", trial.program.display());
    if let Script::Record(file) = &trial.script {
        text += &format!("recording to {}\n", file.display());
    }
    text += &addresses(host);
    match url_of(host) {
        Some(url) => {
            let socket = url.replacen("http", "ws", 1);
            text + &format!("open {url}/ in a browser, or connect to {socket}/\n")
        }
        None => text,
    }
}

/// Compares it with a transcript.
fn replay(trial: &Trial, program: &Executable, file: &Path, transcript: Transcript) -> Exit {
    let all = &trial.config.all;
    let messages = transcript.entries().len();
    let check = ReplayCheck { options: &trial.config.all_programs, limits: &all.limits };
    let outcome = check.run(program, transcript);
    logger::finish();
    match outcome {
        Ok(()) => {
            let said = say(&format!("{}: {messages} messages, all as expected\n", file.display()));
            if said.is_ok() { Exit::Clean } else { Exit::Failure }
        }
        Err(error) => {
            complain(&trial.config, &format!("{}: {error}", file.display()));
            Exit::Failure
        }
    }
}

/// Reads a transcript.
fn read(file: &Path) -> Result<Transcript, String> {
    let unreadable = |error| format!("--replay is {file:?}, which cannot be read: {error}");
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(TRANSCRIPT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > TRANSCRIPT_BYTES_MAX {
        return Err(format!("{}: is longer than 64 MiB, cut it", file.display()));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("{}: is not UTF-8, which transcripts are", file.display()))?;
    Transcript::parse(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn fail(trial: &Trial, text: &str) -> Exit {
    complain(&trial.config, text);
    Exit::CommandLine
}

/// The maximum that is read into memory.
const TRANSCRIPT_BYTES_MAX: u64 = 64 << 20;
/// The ports for trials: below the ephemeral ports of systems.
const PORTS_BEGIN: u16 = 21_000;
const PORTS_LEN: u32 = 8_000;
/// How many of them are tried for one program.
const PORTS_TRIED: u32 = 16;
