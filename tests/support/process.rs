//! What the system tells about a process: its threads, its descriptors, its memory.

use std::fs;
use std::time::Duration;

/// How many threads a process has.
pub fn threads(process: &str) -> usize {
    fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").count()
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
