//! `PinnedService`: a service on the loop, owned by the thread that made it. So a service need not
//! be `Send`, although a host is: a host may be made on one thread and run on another.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use crate::host::factory::Make;
use crate::host::panic::catch_panic;
use crate::hub::RunEnd;
use crate::service::Callbacks;

/// A service that this thread owns, or another thread if the host has been moved.
#[derive(Debug)]
pub(super) struct PinnedService(u64);

thread_local! {
    /// The services of this thread, by their numbers, which only grow.
    static SERVICES: RefCell<Vec<(u64, QuietEnd)>> = const { RefCell::new(Vec::new()) };
}

/// A service whose drop does not panic: a panic while its thread ends would end the process. It is
/// taken out while it is called, so that it may run a host of its own.
struct QuietEnd(Option<Box<dyn Callbacks>>);

impl PinnedService {
    /// Makes a service, and calls `act` with it.
    ///
    /// # Errors
    /// The text of its panic; the service has been dropped.
    pub(super) fn make<T>(
        make: &Make<dyn Callbacks>,
        act: impl FnOnce(&mut dyn Callbacks) -> T,
    ) -> Result<(Self, T), RunEnd> {
        let mut service = QuietEnd(None);
        let made = catch_panic(|| act(service.0.insert(make()).as_mut()))?;
        let number = new_number();
        // A thread that is ending owns no services and calls none.
        let _ = SERVICES.try_with(|all| all.borrow_mut().push((number, service)));
        Ok((Self(number), made))
    }

    /// Calls the service.
    ///
    /// # Errors
    /// How it panicked, or that this thread does not own it.
    pub(super) fn call<T>(&self, act: impl FnOnce(&mut dyn Callbacks) -> T) -> Result<T, RunEnd> {
        let mut service = self.swap(None).ok_or_else(|| RunEnd::Failed(MOVED.to_owned()))?;
        let called = catch_panic(|| act(service.as_mut()));
        self.swap(Some(service));
        called
    }

    /// Drops the service.
    ///
    /// # Errors
    /// How it panicked.
    pub(super) fn end(self) -> Result<(), RunEnd> {
        let service = self.swap(None);
        let _ = SERVICES.try_with(|all| all.borrow_mut().retain(|(number, _)| *number != self.0));
        catch_panic(|| drop(service))
    }

    fn swap(&self, service: Option<Box<dyn Callbacks>>) -> Option<Box<dyn Callbacks>> {
        let swap = |all: &mut Vec<(u64, QuietEnd)>| {
            let place = all.binary_search_by_key(&self.0, |(number, _)| *number).ok()?;
            std::mem::replace(&mut all[place].1.0, service)
        };
        SERVICES.try_with(|all| swap(&mut all.borrow_mut())).ok().flatten()
    }
}

impl Drop for QuietEnd {
    fn drop(&mut self) {
        let service = self.0.take();
        let _ = catch_panic(|| drop(service));
    }
}

/// A number that no service had before. It is no atomic counter: not every target has a 64-bit one.
fn new_number() -> u64 {
    static LAST: Mutex<u64> = Mutex::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last += 1;
    *last
}

const MOVED: &str = "the host has moved to another thread";
