//! What an `Authorization` says (RFC 9110, 11.6.2), and how secrets are compared.

use alloc::string::String;
use alloc::vec;
use core::fmt;
use core::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A user and a password (RFC 7617). `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicCredentials {
    /// The name of the user. It has no colon, and may be empty.
    pub user: String,
    /// The password, which may have colons, and may be empty.
    pub password: String,
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The token of an `Authorization: Bearer TOKEN` (RFC 6750, 2.1). Characters that its grammar does
/// not have are accepted if they are visible ASCII: there are issuers that use them.
#[must_use]
pub fn bearer(value: &[u8]) -> Option<&str> {
    of_scheme(value, b"bearer")
}

/// The user and the password of an `Authorization: Basic BASE64` (RFC 7617, 2).
#[must_use]
pub fn basic(value: &[u8]) -> Option<BasicCredentials> {
    let encoded = of_scheme(value, b"basic")?;
    let mut bytes = vec![0; encoded.len()];
    let len = STANDARD.decode_slice(encoded, &mut bytes).ok()?;
    bytes.truncate(len);
    // RFC 7617, 2.1: clients encode them in UTF-8, if they know which encoding is meant.
    let text = String::from_utf8(bytes).ok()?;
    // RFC 7617, 2: neither has control characters.
    if text.contains(|c: char| c.is_ascii_control()) {
        return None;
    }
    let (user, password) = text.split_once(':')?;
    Some(BasicCredentials { user: user.into(), password: password.into() })
}

/// Compares a secret with what a peer has sent, such as a token, in a time that does not show how
/// many of its bytes are right.
///
/// It takes as many steps as `given` has bytes, which the peer knows, whatever those bytes are and
/// also if the lengths differ. [`black_box`] keeps the compiler from ending the loop early. That is
/// what safe Rust can do, and no proof: the language promises nothing about time. The time in which
/// a program finds the secret of a user is not covered, either.
///
/// Two empty texts are equal: check that a secret is set before it is compared.
///
/// ```
/// use switchboard::constant_time_eq;
///
/// let secret = "8a7c5d3e1f60b924";
/// assert!(constant_time_eq(secret, "8a7c5d3e1f60b924"));
/// assert!(!constant_time_eq(secret, "8a7c5d3e1f60b925"));
/// assert!(!constant_time_eq(secret, "8a7c"));
/// ```
#[must_use]
pub fn constant_time_eq(secret: impl AsRef<[u8]>, given: impl AsRef<[u8]>) -> bool {
    let (secret, given) = (secret.as_ref(), given.as_ref());
    // An empty secret has no byte to compare with.
    let own = if secret.is_empty() { &[0][..] } else { secret };
    let lens_differ = given.len() ^ secret.len();
    let differs = given.iter().enumerate().fold(lens_differ, |differs, (at, byte)| {
        black_box(differs | usize::from(byte ^ own[at % own.len()]))
    });
    differs == 0
}

/// What stands behind the name of a scheme, in visible ASCII and without blanks. RFC 9110, 11.1 and
/// 11.4: the name is in any case, and blanks follow it.
fn of_scheme<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a str> {
    let (name, rest) = value.split_at_checked(scheme.len())?;
    let start = rest.iter().position(|&byte| byte != b' ')?;
    let is_right = name.eq_ignore_ascii_case(scheme) && start > 0;
    let word = &rest[start..];
    if !is_right || !word.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    core::str::from_utf8(word).ok()
}
