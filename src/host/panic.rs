//! Panics in the code of others, such as that of a service, which end that service only.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::hub::RunEnd;

/// Calls code of a service; a panic in it is an error, [`RunEnd::Panicked`].
pub(crate) fn catch_panic<T>(call: impl FnOnce() -> T) -> Result<T, RunEnd> {
    catch_text(call).map_err(RunEnd::Panicked)
}

/// Calls code of others; the error is the text of its panic.
pub(crate) fn catch_text<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(text_of)
}

fn text_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("without a text").to_owned();
    // Dropping the panic's value runs code of others, which may panic again; only that value is
    // left behind.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(std::mem::forget);
    text
}
