//! A server that is measured: a process of its own, with those that it starts, on a processor of
//! its own, which ends with us.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A running server.
pub struct Server {
    child: Child,
    address: SocketAddrV4,
}

impl Server {
    /// Starts a command, in whose words `{port}` stands for the port and `{contexts}` for whether
    /// compressed messages refer to earlier ones, and waits until it listens.
    ///
    /// # Errors
    /// When it ends, or does not listen.
    pub fn start(command: &[String], contexts: &str, processor: usize) -> Result<Self, String> {
        let address = free_address()?;
        let port = address.port().to_string();
        let words = command
            .iter()
            .map(|word| word.replace("{port}", &port).replace("{contexts}", contexts));
        let child = Command::new(OWN_PROGRAM)
            .args([LAUNCH, &processor.to_string()])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("it does not start: {error}"))?;
        let mut server = Self { child, address };
        let deadline = Instant::now() + START_TIME_MAX;
        while TcpStream::connect(address).is_err() {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("it ended at its start: {status}"));
            }
            if Instant::now() > deadline {
                return Err(format!("it does not listen at {address}"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not the signal that asks for a clean stop: that may take its time, and has no witness.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the process that `Server::start` starts does: it becomes the command, on its processor,
/// and dies with the process that started it, however that ends.
///
/// # Errors
/// When the command does not start.
pub fn launch(words: &[String]) -> Result<(), String> {
    let [processor, program, rest @ ..] = words else {
        return Err(format!("{LAUNCH} takes a processor and a command"));
    };
    let processor = processor.parse().map_err(|_| format!("{processor} is no processor"))?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("no signal at the end of its parent: {error}"))?;
    pin(processor)?;
    Err(format!("{program}: {}", Command::new(program).args(rest).exec()))
}

/// Keeps this thread, and what it starts, on one processor.
///
/// # Errors
/// When there is no such processor.
pub fn pin(processor: usize) -> Result<(), String> {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).map_err(|error| format!("processor {processor}: {error}"))
}

/// As many descriptors as the system lets us have, which the servers inherit.
///
/// # Errors
/// The system refuses.
pub fn raise_descriptor_limit() -> Result<usize, String> {
    let limit = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit })
        .map_err(|error| format!("the limit of descriptors cannot be raised: {error}"))?;
    Ok(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)))
}

/// The first two processors that we may use.
///
/// # Errors
/// There is none.
pub fn choose_processors() -> Result<[usize; 2], String> {
    let allowed = sched_getaffinity(None).map_err(|error| format!("no processor: {error}"))?;
    let mut processors = (0..).filter(|&processor| allowed.is_set(processor));
    let count = allowed.count();
    let first = processors.next().ok_or("no processor is allowed")?;
    if count > 1 {
        return Ok([first, processors.next().unwrap_or(first)]);
    }
    eprintln!("one processor for server and generator: the figures hold for such a machine only");
    Ok([first, first])
}

/// What a server has used of a processor so far, all threads of all of its processes together.
/// The scheduler counts nanoseconds, while `/proc/PID/stat` counts ticks.
///
/// # Errors
/// When the server is gone.
pub fn cpu_time(pid: u32) -> Result<Duration, String> {
    let mut sum = Duration::ZERO;
    for thread in threads(pid)? {
        // A thread may end while we look.
        let Ok(text) = fs::read_to_string(thread.join("schedstat")) else { continue };
        let nanoseconds = text.split(' ').next().and_then(|word| word.parse().ok());
        sum += Duration::from_nanos(nanoseconds.ok_or("the kernel keeps no schedstat")?);
    }
    Ok(sum)
}

/// The bytes of memory that all processes of a server have resident. Of a page that several
/// processes share, such as libc's, each has its part.
///
/// # Errors
/// When the server is gone.
pub fn resident_bytes(pid: u32) -> Result<f64, String> {
    let processes: BTreeSet<_> = threads(pid)?
        .iter()
        .filter_map(|path| path.ancestors().nth(2))
        .map(Path::to_owned)
        .collect();
    let mut sum = 0.0;
    for process in processes {
        let Ok(text) = fs::read_to_string(process.join("smaps_rollup")) else { continue };
        let kibibytes = text
            .lines()
            .find_map(|line| line.strip_prefix("Pss:")?.strip_suffix("kB"))
            .and_then(|number| number.trim().parse::<f64>().ok());
        sum += kibibytes.ok_or("the kernel tells no resident memory")? * 1024.0;
    }
    Ok(sum)
}

/// The folders of all threads of a process and of those that it has started, directly or not.
fn threads(pid: u32) -> Result<Vec<PathBuf>, String> {
    let mut threads = Vec::new();
    let mut processes = vec![pid.to_string()];
    while let Some(process) = processes.pop() {
        let folder = match fs::read_dir(format!("/proc/{process}/task")) {
            Ok(folder) => folder,
            Err(error) if threads.is_empty() => return Err(format!("the server is gone: {error}")),
            // A child may end while we look.
            Err(_) => continue,
        };
        for thread in folder.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            processes.extend(children.split_whitespace().map(str::to_owned));
            threads.push(thread.path());
        }
    }
    Ok(threads)
}

/// The system chooses a port, which is free a moment later, when the server asks for it.
fn free_address() -> Result<SocketAddrV4, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    let port = address.map_err(|error| format!("no free port: {error}"))?.port();
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

/// The word that makes this program become another one.
pub const LAUNCH: &str = "--launch";

/// This program, even when it has been built again since it was started.
pub const OWN_PROGRAM: &str = "/proc/self/exe";

const START_TIME_MAX: Duration = Duration::from_secs(60);
