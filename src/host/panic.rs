//! Panics in the code of a service. They end that service only.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls code of a service; a panic in it is an error with its text.
pub(crate) fn catch_panic<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let how = format!("it panicked: {}", text(panic.as_ref()));
        // Dropping the panic's value runs code of the service, which may panic again; only that
        // value is left behind.
        catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(std::mem::forget);
        how
    })
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}
