//! A folder as Kubernetes mounts a ConfigMap, by the steps of the kubelet: the entries are links
//! to `..data/NAME`, `..data` is a link to a folder of one version, and a rename of that link
//! replaces all files at once.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::folder::write;

/// A mount, whose files are those of its latest version.
pub struct Mount {
    folder: PathBuf,
    files: Vec<String>,
    version: usize,
}

impl Mount {
    /// Mounts these files in an empty folder, each by its name, its text and its mode.
    pub fn new(folder: PathBuf, files: &[(&str, &str)], mode: &str) -> Self {
        let names = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mount = Self { folder, files: names, version: 0 };
        for (name, text) in files {
            write(&mount.place(0), name, text, mode);
        }
        mount.lead(0);
        for (name, _) in files {
            let top = name.split('/').next().expect("a name has a part");
            // Files of one folder have one link.
            let _ = symlink(format!("..data/{top}"), mount.folder.join(top));
        }
        mount
    }

    /// Switches to copies of all files, of which `changed` have another text.
    pub fn switch(&mut self, changed: &[(&str, &str)]) {
        self.prepare(changed);
        self.finish();
    }

    /// Calls an act so many times, while another thread switches at any moment of it, at most once
    /// in each call.
    pub fn switch_between(mut self, times: usize, mut act: impl FnMut(usize)) {
        // How many acts have begun, and how long the last one has taken.
        let (begun, microseconds) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ended = AtomicBool::new(false);
        let switches = thread::scope(|scope| {
            let switching = scope.spawn(|| {
                let mut seen = 0;
                while !ended.load(Ordering::Relaxed) {
                    self.prepare(&[]);
                    while begun.load(Ordering::Relaxed) == seen && !ended.load(Ordering::Relaxed) {
                        thread::yield_now();
                    }
                    let (start, part) = (Instant::now(), self.version % PHASES);
                    let wait = microseconds.load(Ordering::Relaxed) * part / PHASES;
                    while start.elapsed() < Duration::from_micros(wait as u64) {
                        thread::yield_now();
                    }
                    self.finish();
                    seen = begun.load(Ordering::Relaxed);
                }
                self.version
            });
            // The other thread ends even if this one fails.
            let acted = panic::catch_unwind(AssertUnwindSafe(|| {
                for time in 0..times {
                    let start = Instant::now();
                    begun.fetch_add(1, Ordering::Relaxed);
                    act(time);
                    let took = usize::try_from(start.elapsed().as_micros()).unwrap_or(0);
                    microseconds.store(took, Ordering::Relaxed);
                }
            }));
            ended.store(true, Ordering::Relaxed);
            if let Err(panicked) = acted {
                panic::resume_unwind(panicked);
            }
            switching.join().expect("it switches")
        });
        assert!(switches > 1, "it is switched meanwhile");
    }

    /// Copies the files to the folder of the next version.
    fn prepare(&self, changed: &[(&str, &str)]) {
        let (old, new) = (self.place(self.version), self.place(self.version + 1));
        for name in &self.files {
            let copy = new.join(name);
            fs::create_dir_all(copy.parent().expect("it has one")).expect("it can be made");
            // A copy keeps the mode, and takes no process.
            fs::copy(old.join(name), copy).expect("it can be copied");
        }
        for (name, text) in changed {
            fs::write(new.join(name), text).expect("it can be written");
        }
    }

    /// Goes on with the next version, and removes the one before.
    fn finish(&mut self) {
        let old = self.place(self.version);
        self.version += 1;
        self.lead(self.version);
        // All files are gone at once, so that a reader meets that more often.
        let gone = self.folder.join("..gone");
        fs::rename(old, &gone).expect("it can be moved");
        fs::remove_dir_all(gone).expect("it can be removed");
    }

    fn lead(&self, version: usize) {
        let (new, data) = (self.folder.join("..data_tmp"), self.folder.join("..data"));
        let name = self.place(version);
        let name = name.file_name().expect("it has one");
        symlink(name, &new).expect("it can be linked");
        fs::rename(new, data).expect("it can be moved");
    }

    fn place(&self, version: usize) -> PathBuf {
        self.folder.join(format!("..2026_01_02_03_04_05.{version}"))
    }
}

/// At so many moments of an act.
const PHASES: usize = 16;
