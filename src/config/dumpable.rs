//! `Dumpable`: whether other processes may read the memory of the process.

/// Whether other processes of the same user may read the memory and the environment of the server,
/// and whether it leaves core dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dumpable {
    /// Only root may.
    No,
    /// They may, and debuggers and profilers can attach.
    Yes,
}
