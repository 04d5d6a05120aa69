//! Cookies of a request (RFC 6265, 4.2.1).

use crate::ws::syntax::trim;
use crate::ws::work;

/// The value of the first cookie called `name` in these fields, as it came. What has no equals sign
/// is no cookie.
pub fn value<'a>(fields: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<&'a [u8]> {
    // RFC 6265, 5.4: a client has one field. A proxy may split it (RFC 9113, 8.2.3).
    let mut pairs = fields.flat_map(|field| field.split(|&byte| byte == b';'));
    pairs.find_map(|pair| {
        work::did(pair.len());
        let end = pair.iter().position(|&byte| byte == b'=')?;
        let (found, value) = (trim(&pair[..end]), trim(&pair[end + 1..]));
        (found == name.as_bytes()).then_some(value)
    })
}
