//! What the system tells about a process: its threads, its descriptors, its memory.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many threads a process has.
pub fn threads(process: &str) -> usize {
    fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").count()
}

/// Waits until no thread of a process has anything to do. A start goes on until then, behind the
/// line that says where the server listens: threads look for programs, with folders open.
pub fn wait_for_rest(process: &str) {
    super::until("all threads are asleep", || {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
        tasks.flatten().all(|task| is_asleep(&task.path().join("stat")))
    });
}

/// Whether a thread waits for an event, as the `stat` of its folder says.
fn is_asleep(stat: &Path) -> bool {
    let stat = fs::read_to_string(stat).unwrap_or_default();
    // The state comes behind the name, which may have blanks.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
}

/// A thread of this process that waits for a pipe's reader, to write to it.
pub struct PipeWriter {
    thread: JoinHandle<()>,
    state: PathBuf,
    is_open: Arc<AtomicBool>,
    pipe: PathBuf,
}

impl PipeWriter {
    /// Makes a pipe with a mode, whose writer waits.
    pub fn new(pipe: PathBuf, mode: &str) -> Self {
        let made = Command::new("mkfifo").args(["-m", mode]).arg(&pipe).status();
        assert!(made.expect("it runs").success());
        let (sender, begun) = mpsc::channel();
        let is_open = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (pipe, is_open) = (pipe.clone(), Arc::clone(&is_open));
            move || {
                let own = fs::read_link("/proc/thread-self").expect("a thread has a name there");
                sender.send(Path::new("/proc").join(own).join("stat")).expect("it is awaited");
                let opened = OpenOptions::new().write(true).open(pipe);
                is_open.store(true, Ordering::SeqCst);
                drop(opened);
            }
        });
        let writer = Self { thread, state: begun.recv().expect("it has begun"), is_open, pipe };
        super::until("the writer waits", || writer.waits());
        writer
    }

    /// Whether no reader has opened the pipe. A reader that opens it makes the thread run before it
    /// has opened it.
    pub fn waits(&self) -> bool {
        is_asleep(&self.state) && !self.is_open.load(Ordering::SeqCst)
    }

    /// Lets the writer go.
    pub fn end(self) {
        let reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&self.pipe);
        self.thread.join().expect("it only opens");
        drop(reader);
    }
}

/// How many descriptors a process has open.
pub fn descriptors(process: &str) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).expect("the process runs").count()
}

/// The memory of a process that is its own and resident, in bytes.
pub fn resident(process: &str) -> usize {
    memory(process, "RssAnon:")
}

/// The memory of a process that is resident, in bytes, its code included.
pub fn resident_all(process: &str) -> usize {
    memory(process, "VmRSS:")
}

fn memory(process: &str, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("it has memory");
    kib.parse::<usize>().expect("it is a number") * 1_024
}

/// How long a process has been busy, to 20 ms.
pub fn cpu(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // Behind the name, which may have blanks: the state is the first, the times are 12 and 13.
    let (_, rest) = stat.rsplit_once(") ").expect("it has a name");
    let times = rest.split(' ').skip(11).take(2);
    let ticks: u64 = times.map(|time| time.parse::<u64>().expect("it is a number")).sum();
    // Linux counts hundredths of a second.
    Duration::from_millis(10 * ticks)
}

/// How long the threads of a process that are there now have been busy, to the microsecond or so.
pub fn cpu_of_threads(process: &str) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let busy = |task: fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.filter_map(busy).sum())
}

/// The numbers of the processes that a process has started, on whichever thread.
pub fn children(process: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// How many descriptors this process may have open.
pub fn descriptors_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("the system tells");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).expect("there is a limit");
    soft.parse().unwrap_or(usize::MAX)
}
