//! How many workers a service has.

use crate::config::value::numbers::count;
use crate::service::Workers;

/// A number of workers; `cores` are those that this process may use.
pub(super) fn workers(text: &str) -> Option<Workers> {
    if text.eq_ignore_ascii_case("cores") {
        return Some(Workers::cores());
    }
    let count = count(text).filter(|count| *count <= Workers::MAX);
    count.map(Workers::new)
}
