//! Tests of databases, over one in memory that fails when a test wants it.

mod faults;
mod jobs;
mod memory;
mod waits;
