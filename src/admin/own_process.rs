//! What the system says of this process: `/proc`, as far as it is mounted.

use std::fs;
use std::time::Duration;

use crate::pages::ProcessMetrics;
use crate::sys::own_process::{cpu_time, ticks_per_second};

/// All of it. It reads some files of `/proc`, which takes some 100 µs.
pub(super) fn metrics() -> ProcessMetrics {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (of_process, of_system) = (read("/proc/self/stat"), read("/proc/stat"));
    ProcessMetrics {
        pid: Some(std::process::id()),
        resident_memory_bytes: resident_bytes(&read("/proc/self/status")),
        open_fds: open_fds(),
        max_fds: max_fds(&read("/proc/self/limits")),
        cpu: Some(cpu_time()),
        started: started(&of_process, &of_system, ticks_per_second()),
    }
}

/// `VmRSS:      1234 kB`
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1_024)
}

/// `Max open files            1024                 4096                 files`
fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_fds() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        // Before Linux 6.2. The folder itself is open meanwhile.
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as u64),
        len => Some(len),
    }
}

/// When the process started: so many ticks after the system (proc_pid_stat(5), field 22), which
/// started at `btime` (proc_stat(5)).
fn started(of_process: &str, of_system: &str, ticks_per_second: u64) -> Option<Duration> {
    // The name of the program, which may have any characters, ends with the last parenthesis.
    let (_, fields) = of_process.rsplit_once(')')?;
    let ticks: u64 = fields.split_whitespace().nth(22 - 3)?.parse().ok()?;
    let boot = of_system.lines().find_map(|line| line.strip_prefix("btime "))?;
    let ms = ticks.checked_mul(1_000)?.checked_div(ticks_per_second)?;
    Some(Duration::from_secs(boot.trim().parse().ok()?) + Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn files_of_the_system_are_read() {
        let status = "Name:\tx\nVmHWM:\t   99 kB\nVmRSS:\t    1234 kB\nThreads:\t2\n";
        assert_eq!(resident_bytes(status), Some(1_234 * 1_024));
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max processes             5                    6                    processes\n\
            Max open files            1024                 4096                 files\n";
        assert_eq!(max_fds(limits), Some(1_024));
        assert_eq!(max_fds(&limits.replace("1024", "unlimited")), None);
        let of_process = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 250 9 9";
        let of_system = "cpu  1 2 3\nbtime 1700000000\nprocesses 9\n";
        let started = started(of_process, of_system, 100);
        assert_eq!(started, Some(Duration::from_millis(1_700_000_002_500)));
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        assert_eq!((resident_bytes(""), max_fds(""), started("", "", 100)), (None, None, None));
        assert_eq!(started("7 (a) S 1", "btime 1", 100), None);
        assert_eq!(started("7 (a) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 2", "btime 1", 0), None);
    }

    #[test]
    fn this_process_is_there() {
        let held = [(); 20].map(|()| fs::File::open("/dev/null").expect("each system has it"));
        let metrics = metrics();
        assert!(metrics.resident_memory_bytes > Some(100_000), "{metrics:?}");
        assert!(metrics.open_fds >= Some(3 + held.len() as u64), "{metrics:?}");
        assert!(metrics.open_fds <= metrics.max_fds, "{metrics:?}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
        assert!(metrics.started.is_some_and(|at| at <= now + Duration::from_secs(2)));
        assert!(metrics.cpu > Some(Duration::ZERO));
    }
}
