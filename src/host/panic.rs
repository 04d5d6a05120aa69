//! Panics in the code of a service, which end that service only.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::hub::RunEnd;

/// Calls code of a service; a panic in it is an error, [`RunEnd::Panicked`].
pub(crate) fn catch_panic<T>(call: impl FnOnce() -> T) -> Result<T, RunEnd> {
    catch_unwind(AssertUnwindSafe(call)).map_err(end_by)
}

fn end_by(panic: Box<dyn Any + Send>) -> RunEnd {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let end = RunEnd::Panicked(text.unwrap_or("without a text").to_owned());
    // Dropping the panic's value runs code of the service, which may panic again; only that value
    // is left behind.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(std::mem::forget);
    end
}
