//! Programs as child processes: which file a path names, how a child begins, talks, and ends.
//! All are real ones: shells, Python, and what every Linux has.
#![cfg(feature = "programs")]

mod beginnings;
mod bench;
mod chat;
mod eager;
mod endings;
mod faults;
mod fire;
mod hangup;
mod harm;
mod hostile;
mod keep;
mod listing;
mod logged;
mod lookup;
mod names;
mod pages;
mod per_socket;
mod reloads;
mod replace;
mod reports;
mod service;
mod shared;
mod spellings;
#[path = "../support/mod.rs"]
mod support;
mod talk;
mod unfit;
mod verdicts;
mod versions;
#[cfg(feature = "workers")]
mod workers;
