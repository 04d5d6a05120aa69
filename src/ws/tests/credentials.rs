//! What an `Authorization` says, and how secrets are compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ws::credentials::{BasicCredentials, basic, bearer, constant_time_eq};

#[test]
fn tokens() {
    let rows: [(&[u8], Option<&str>); 24] = [
        // RFC 6750, 2.1: its own example.
        (b"Bearer mF_9.B5f-4.1JqM", Some("mF_9.B5f-4.1JqM")),
        (b"Bearer a", Some("a")),
        (b"Bearer aA0-._~+/==", Some("aA0-._~+/==")),
        // RFC 9110, 11.1: the name of a scheme is in any case.
        (b"bearer a", Some("a")),
        (b"BEARER a", Some("a")),
        (b"bEaReR a", Some("a")),
        // RFC 6750, 2.1: `1*SP`.
        (b"Bearer    a", Some("a")),
        (b"Bearera", None),
        (b"Bearer\ta", None),
        (b"Bearer \ta", None),
        (b"Bearer", None),
        (b"Bearer ", None),
        (b"Bearer   ", None),
        (b"", None),
        (b"a", None),
        (b" Bearer a", None),
        (b"Basic a", None),
        (b"Bearer: a", None),
        // One word of visible ASCII, whatever its characters are.
        (b"Bearer a b", None),
        (b"Bearer a ", None),
        (b"Bearer a\x00", None),
        (b"Bearer \xc3\xa9", None),
        (b"Bearer 1|aB", Some("1|aB")),
        (b"Bearer a,b=\"c\"", Some("a,b=\"c\"")),
    ];
    for (value, expected) in rows {
        assert_eq!(bearer(value), expected, "{:?}", value.escape_ascii().to_string());
    }
}

/// A value, and what it says.
type Row<'a> = (&'a [u8], Option<(&'a str, &'a str)>);

#[test]
fn users_and_passwords() {
    let rows: [Row<'_>; 25] = [
        // RFC 7617, 2 and 2.1: its own examples.
        (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
        (b"Basic dGVzdDoxMjPCow==", Some(("test", "123\u{a3}"))),
        (b"basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
        (b"BASIC    QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
        // `:`, `a:`, `:a`, `a:b:c`: the first colon divides.
        (b"Basic Og==", Some(("", ""))),
        (b"Basic YTo=", Some(("a", ""))),
        (b"Basic OmE=", Some(("", "a"))),
        (b"Basic YTpiOmM=", Some(("a", "b:c"))),
        // `a`: no colon.
        (b"Basic YQ==", None),
        (b"Basic", None),
        (b"Basic ", None),
        (b"", None),
        (b"BasicYTo=", None),
        (b"Bearer YTo=", None),
        // Base64 has its padding, its own characters, and nothing behind it.
        (b"Basic YTo", None),
        (b"Basic YTo==", None),
        (b"Basic YTo= ", None),
        (b"Basic YT o=", None),
        (b"Basic YTo=YTo=", None),
        (b"Basic Y", None),
        (b"Basic !!!!", None),
        // The last bits of what is cut are zero.
        (b"Basic YTp=", None),
        // `\xff:`, in no UTF-8; `a:\n` and `a\x7f:`, with control characters.
        (b"Basic /zo=", None),
        (b"Basic YToK", None),
        (b"Basic YX86", None),
    ];
    for (value, expected) in rows {
        let found = basic(value).map(|found| (found.user, found.password));
        let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
        assert_eq!(found, expected, "{:?}", value.escape_ascii().to_string());
    }
}

/// Whatever a client encodes is read again.
#[test]
fn what_is_encoded_is_read() {
    for (user, password) in [("ida", "a:b"), ("", "\u{1f600}"), ("\u{e9}", ""), ("x", " +/=&")] {
        let mut encoded = [0; 64];
        let len = STANDARD.encode_slice(format!("{user}:{password}"), &mut encoded);
        let value = [b"Basic ", &encoded[..len.expect("it is short")]].concat();
        let expected = BasicCredentials { user: user.to_owned(), password: password.to_owned() };
        assert_eq!(basic(&value), Some(expected));
    }
}

#[test]
fn a_password_is_in_no_log() {
    let found = basic(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").expect("it is right");
    let text = format!("{found:?}");
    assert!(text.contains("Aladdin") && !text.contains("sesame"), "{text}");
}

/// The comparison is equality, for all pairs of texts that differ in a byte or in their length.
#[test]
fn secrets_are_equal_or_not() {
    let texts = ["", "\0", "\0\0", "a", "b", "aa", "ab", "ba", "aaa", "aab", "aba", "abab", "A"];
    for secret in texts {
        for given in texts {
            assert_eq!(constant_time_eq(secret, given), secret == given, "{secret:?} {given:?}");
        }
    }
    let long = vec![0xA5; 10_000];
    assert!(constant_time_eq(&long, &long));
    for at in [0, 1, 5_000, 9_999] {
        let mut other = long.clone();
        other[at] ^= 1;
        assert!(!constant_time_eq(&long, &other));
        assert!(!constant_time_eq(&other[..at], &long));
    }
    // A multiple of the length is another text, although its bytes are those of the secret.
    assert!(!constant_time_eq(&long[..100], &long[..200]));
}
