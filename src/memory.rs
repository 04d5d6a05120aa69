//! How much memory the server may use, as far as the system limits it: that of the machine, and of
//! the control groups that the process is in.

use std::fs;
use std::path::Path;

/// The least limit in bytes, and what sets it. `None` if the system tells none.
pub(crate) fn limit() -> Option<(u64, &'static str)> {
    limit_below(Path::new("/"))
}

/// The same, where the files of the system lie below `root`.
fn limit_below(root: &Path) -> Option<(u64, &'static str)> {
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let machine = read("proc/meminfo").and_then(|text| total(&text));
    let groups = read("proc/self/cgroup").unwrap_or_default();
    let of_groups = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        // Version 2 has one tree without a name; in version 1 one of several is for memory.
        let (tree, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            name if name.split(',').any(|name| name == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // Each group keeps to the limits of those around it. In a container, the own group may be
        // the root of what is seen, whatever its path is.
        let around = Path::new(path.trim_start_matches('/')).ancestors();
        let limits = around.filter_map(|group| {
            let path = Path::new(tree).join(group).join(file);
            fs::read_to_string(root.join(path)).ok()?.trim().parse().ok()
        });
        limits.min()
    });
    let of_groups = of_groups.min().map(|bytes: u64| (bytes, "the limit of the control group"));
    machine.map(|bytes| (bytes, "the memory of the machine")).into_iter().chain(of_groups).min()
}

/// The memory of the machine in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit where these files are.
    fn limit_of(name: &str, files: &[(&str, &str)]) -> Option<(u64, &'static str)> {
        let root = std::env::temp_dir().join(format!("switchboard-{}", std::process::id()));
        let root = root.join(name);
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        }
        let limit = limit_below(&root);
        // What is not there was not made.
        let _ = fs::remove_dir_all(root);
        limit
    }

    #[test]
    fn the_least_limit_counts() {
        let machine = ("proc/meminfo", "MemFree: 1 kB\nMemTotal:       8000 kB\n");
        let group = "the limit of the control group";
        let (v2, v1) = ("0::/a/b\n", "5:cpu,memory:/a/b\n2:cpu:/x\n");
        let rows: [(&str, &[(&str, &str)], _); 7] = [
            ("nothing", &[], None),
            ("machine", &[machine], Some((8_192_000, "the memory of the machine"))),
            (
                "own",
                &[machine, ("proc/self/cgroup", v2), ("sys/fs/cgroup/a/b/memory.max", "5000\n")],
                Some((5_000, group)),
            ),
            (
                "around",
                &[
                    machine,
                    ("proc/self/cgroup", v2),
                    ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                    ("sys/fs/cgroup/a/memory.max", "7000\n"),
                ],
                Some((7_000, group)),
            ),
            (
                "in a container",
                &[machine, ("proc/self/cgroup", v2), ("sys/fs/cgroup/memory.max", "6000\n")],
                Some((6_000, group)),
            ),
            (
                "version 1",
                &[
                    machine,
                    ("proc/self/cgroup", v1),
                    ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "4000\n"),
                ],
                Some((4_000, group)),
            ),
            (
                "without a limit",
                &[
                    machine,
                    ("proc/self/cgroup", v1),
                    ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n"),
                ],
                Some((8_192_000, "the memory of the machine")),
            ),
        ];
        for (name, files, expected) in rows {
            assert_eq!(limit_of(name, files), expected, "{name}");
        }
    }
}
