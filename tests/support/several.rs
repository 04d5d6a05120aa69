//! A server with several processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::Receiver;

use super::binary::{Binary, patience};
use super::folder::folder;
use super::process::children;
use super::{next, until};

/// The configuration of a server with so many processes.
pub fn conf(name: &str, processes: usize, more: &str) -> PathBuf {
    let folder = folder(name);
    let text = text(processes, more);
    fs::write(folder.join("conf"), text).expect("it can be written");
    folder
}

pub fn text(processes: usize, more: &str) -> String {
    let limits = patience(&[("drain-spread", "0s")]);
    format!("{limits}[server]\nprocesses: {processes}\ndumpable: yes\n{more}")
}

pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("--config").arg(folder.join("conf"));
    command
}

/// A server with so many processes, and the lines of its log.
pub fn start(name: &str, processes: usize) -> (Binary, Receiver<String>) {
    Binary::run_logged(&mut command(&conf(name, processes, "")))
}

/// The numbers of its processes, all of which run.
pub fn pids(server: &Binary, processes: usize) -> Vec<String> {
    let mut pids = Vec::new();
    until("all processes run", || {
        pids = children(&server.pid());
        pids.len() == processes
    });
    pids
}

pub fn signal(pid: &str, name: &str) {
    let sent = Command::new("kill").args(["-s", name, pid]).status();
    assert!(sent.expect("there is a kill").success());
}

/// The next line of a log that has this in it.
pub fn next_with(lines: &Receiver<String>, part: &str) -> String {
    std::iter::repeat_with(|| next(lines)).find(|line| line.contains(part)).expect("it is endless")
}
