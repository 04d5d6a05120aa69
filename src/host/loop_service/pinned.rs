//! `PinnedService`: a service on the loop, which the thread keeps that made it. So a service need
//! not be fit for other threads, while a host is: it may be made on one thread and run on another.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use crate::host::factory::Make;
use crate::host::panic::catch_panic;
use crate::service::Callbacks;

/// A service that this thread keeps, or another one if the host has been moved.
#[derive(Debug)]
pub(super) struct PinnedService(u64);

thread_local! {
    /// By a number that no other service has; they grow.
    static SERVICES: RefCell<Vec<(u64, QuietEnd)>> = const { RefCell::new(Vec::new()) };
}

/// A service whose end is quiet: where a thread ends with it, a panic would end the process. It
/// is out while it is called, so that it may run a host of its own.
struct QuietEnd(Option<Box<dyn Callbacks>>);

impl PinnedService {
    /// Makes a service, and calls `act` with it.
    ///
    /// # Errors
    /// How it panicked; it has been dropped.
    pub(super) fn make<T>(
        make: &Make<dyn Callbacks>,
        act: impl FnOnce(&mut dyn Callbacks) -> T,
    ) -> Result<(Self, T), String> {
        let mut service = QuietEnd(None);
        let made = catch_panic(|| act(service.0.insert(make()).as_mut()))?;
        let number = new_number();
        // A thread that is at its end keeps nothing any more; it calls nothing either.
        let _ = SERVICES.try_with(|all| all.borrow_mut().push((number, service)));
        Ok((Self(number), made))
    }

    /// Calls the service.
    ///
    /// # Errors
    /// How it panicked, or that it is not here.
    pub(super) fn call<T>(&self, act: impl FnOnce(&mut dyn Callbacks) -> T) -> Result<T, String> {
        let mut service = self.swap(None).ok_or("the host has moved to another thread")?;
        let called = catch_panic(|| act(service.as_mut()));
        self.swap(Some(service));
        called
    }

    /// Drops the service.
    ///
    /// # Errors
    /// How it panicked.
    pub(super) fn end(self) -> Result<(), String> {
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

/// A number that no service had before. Not every target has an atomic one that cannot run out.
fn new_number() -> u64 {
    static LAST: Mutex<u64> = Mutex::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last += 1;
    *last
}
