//! How many bytes the protocol looks at, counted in tests only: reading costs in proportion to
//! what is read, however it is cut. Elsewhere nothing is counted and nothing is compiled.

/// A loop goes over so many bytes, or does what costs as much.
#[cfg(not(test))]
pub(crate) const fn did(_bytes_len: usize) {}

/// A loop goes over so many bytes, or does what costs as much.
#[cfg(test)]
pub(crate) fn did(bytes_len: usize) {
    DONE.set(DONE.get() + bytes_len);
}

/// What `act` costs.
#[cfg(test)]
pub(crate) fn of(act: impl FnOnce()) -> usize {
    let before = DONE.get();
    act();
    DONE.get() - before
}

#[cfg(test)]
std::thread_local! {
    static DONE: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}
