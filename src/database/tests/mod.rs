//! Tests of databases, over one in memory that fails as it is told to.

mod faults;
mod jobs;
mod memory;
mod waits;
