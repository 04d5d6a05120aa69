//! How much memory the server may use: the memory of the machine, and the limits of the control
//! groups of the process.

use std::fs;

/// The smallest limit in bytes. `None` if the system reports none.
pub(crate) fn limit() -> Option<u64> {
    limit_below("")
}

/// The same, where the files of the system lie below `root`.
fn limit_below(root: &str) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(format!("{root}{path}")).unwrap_or_default();
    let number = |text: &str| text.trim().parse().ok();
    let meminfo = read("/proc/meminfo");
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.strip_suffix("kB"));
    let mut least = total.and_then(number).map(|kib: u64| kib.saturating_mul(1_024));
    let mut look = |path: &str| least = least.into_iter().chain(number(&read(path))).min();
    // In version 1 of control groups, the limit at the visible root is read.
    look("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    // Version 2 has one tree. The limits of parent groups apply, too. In a container the own group
    // may be at the root, whatever its path is.
    let groups = read("/proc/self/cgroup");
    let mut group = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    loop {
        look(&format!("/sys/fs/cgroup{group}/memory.max"));
        let Some(end) = group.rfind('/') else { return least };
        group = &group[..end];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit where these files are.
    fn limit_of(name: &str, files: &[(&str, &str)]) -> Option<u64> {
        let root = std::env::temp_dir().join(format!("switchboard-{}", std::process::id()));
        let root = root.join(name);
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        }
        let limit = limit_below(root.to_str().expect("it is text"));
        // A missing file means that the limit was not set.
        let _ = fs::remove_dir_all(root);
        limit
    }

    #[test]
    fn the_least_limit_counts() {
        let machine = ("proc/meminfo", "MemFree: 1 kB\nMemTotal:       8000 kB\n");
        let (v2, v1) = ("0::/a/b\n", "5:cpu,memory:/a/b\n2:cpu:/x\n");
        let rows: [(&str, &[(&str, &str)], _); 7] = [
            ("nothing", &[], None),
            ("machine", &[machine], Some(8_192_000)),
            (
                "own",
                &[machine, ("proc/self/cgroup", v2), ("sys/fs/cgroup/a/b/memory.max", "5000\n")],
                Some(5_000),
            ),
            (
                "around",
                &[
                    machine,
                    ("proc/self/cgroup", v2),
                    ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                    ("sys/fs/cgroup/a/memory.max", "7000\n"),
                ],
                Some(7_000),
            ),
            (
                "in a container",
                &[machine, ("proc/self/cgroup", v2), ("sys/fs/cgroup/memory.max", "6000\n")],
                Some(6_000),
            ),
            (
                "version 1",
                &[
                    machine,
                    ("proc/self/cgroup", v1),
                    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "4000\n"),
                ],
                Some(4_000),
            ),
            (
                "without a limit",
                &[
                    machine,
                    ("proc/self/cgroup", v1),
                    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ],
                Some(8_192_000),
            ),
        ];
        for (name, files, expected) in rows {
            assert_eq!(limit_of(name, files), expected, "{name}");
        }
    }
}
