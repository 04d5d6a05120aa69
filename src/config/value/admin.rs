//! `AdminValue`: the kind of values of the key about listeners for operators.

use std::path::PathBuf;

use crate::config::admin_address::AdminAddress;
use crate::config::value::words::FieldOf;
use crate::ws::syntax::items;

/// Addresses, and their place in a `T`.
pub(crate) struct AdminValue<T>(pub(crate) FieldOf<T, Vec<AdminAddress>>);

impl<T> AdminValue<T> {
    /// Reads the value and sets it; `None` if it is not allowed.
    pub(super) fn set(&self, target: &mut T, text: &str) -> Option<()> {
        self.0(target).clone_from(&addresses(text)?);
        Some(())
    }

    /// Whether the values of two targets differ.
    pub(super) fn differs(&self, one: &mut T, other: &mut T) -> bool {
        self.0(one) != self.0(other)
    }

    /// The allowed values, as a text after "allowed is".
    pub(super) const ALLOWED: &str = "none, or a list such as 127.0.0.1:9345, [::1]:9345, and \
                                      unix:PATH in a directory that exists";
}

/// `none`, or addresses, separated by commas or blanks, none of them twice.
fn addresses(text: &str) -> Option<Vec<AdminAddress>> {
    let mut addresses = Vec::new();
    if text.eq_ignore_ascii_case("none") {
        return Some(addresses);
    }
    for item in items(text) {
        let address = match item.strip_prefix("unix:") {
            // An @ is usual for abstract names, which have no permissions.
            Some("") => return None,
            Some(path) if path.len() > PATH_BYTES_MAX || path.starts_with('@') => return None,
            Some(path) => AdminAddress::Unix(PathBuf::from(path)),
            None => AdminAddress::Tcp(item.parse().ok()?),
        };
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    (!addresses.is_empty()).then_some(addresses)
}

/// The longest path of a Unix socket (unix(7)): a zero follows it.
const PATH_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_addresses() {
        let shown = |text: &str| {
            let addresses = addresses(text)?;
            Some(addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        for (text, expected) in [
            ("None", ""),
            ("127.0.0.1:9345", "127.0.0.1:9345"),
            ("[::1]:0, unix:/a b.sock", ""),
            ("[::1]:0, unix:/run/a.sock [::1]:0", "[::1]:0 unix:/run/a.sock"),
            ("0.0.0.0:1,unix:a", "0.0.0.0:1 unix:a"),
        ] {
            let expected = (text == "None" || !expected.is_empty()).then(|| expected.to_owned());
            assert_eq!(shown(text), expected, "{text}");
        }
        let long = format!("unix:{}", "x".repeat(108));
        for text in ["", ",", "localhost:9345", "127.0.0.1", ":9345", "unix:", "unix:@a", &long] {
            assert_eq!(addresses(text), None, "{text:?}");
        }
    }
}
