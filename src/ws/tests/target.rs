//! Request targets: which name something, and what that is.

use std::collections::BTreeSet;

use crate::ws::Status;
use crate::ws::target::{Target, TargetError, encode_path, is_canonical};

use TargetError::{Hidden, Malformed, Nowhere};

/// A path, a query, an authority.
type Outcome = Result<(&'static str, &'static str, Option<&'static str>), TargetError>;

const ROWS: &[(&str, Outcome)] = &[
    ("/", Ok(("/", "", None))),
    ("/foo", Ok(("/foo", "", None))),
    ("/foo/bar", Ok(("/foo/bar", "", None))),
    // The last segment may be empty: it names the folder's own service.
    ("/foo/", Ok(("/foo/", "", None))),
    ("/Foo", Ok(("/Foo", "", None))),
    ("/a:b@c;d=e,f!$&'()*+~_-", Ok(("/a:b@c;d=e,f!$&'()*+~_-", "", None))),
    ("/a.b", Ok(("/a.b", "", None))),
    ("/a..", Ok(("/a..", "", None))),
    // The query is kept as it came, whatever is in it.
    ("/foo?", Ok(("/foo", "", None))),
    ("/foo?a=b&c", Ok(("/foo", "a=b&c", None))),
    ("/foo?a?b", Ok(("/foo", "a?b", None))),
    ("/foo?%zz%2f%00/../", Ok(("/foo", "%zz%2f%00/../", None))),
    ("?a", Err(Malformed)),
    // Percent-encoding is decoded once.
    ("/%66oo", Ok(("/foo", "", None))),
    ("/a%20b", Ok(("/a b", "", None))),
    ("/%3f%23", Ok(("/?#", "", None))),
    ("/%3F%3a", Ok(("/?:", "", None))),
    ("/%252e%252e", Ok(("/%2e%2e", "", None))),
    ("/%252f", Ok(("/%2f", "", None))),
    ("/%C3%A9", Ok(("/é", "", None))),
    ("/%f0%9f%98%80", Ok(("/😀", "", None))),
    ("/é", Ok(("/é", "", None))),
    ("/%", Err(Malformed)),
    ("/%2", Err(Malformed)),
    ("/%zz", Err(Malformed)),
    ("/%2g", Err(Malformed)),
    ("/%g2", Err(Malformed)),
    ("/%%41", Err(Malformed)),
    ("/%+1", Err(Malformed)),
    ("/% 1", Err(Malformed)),
    ("/%?41", Err(Malformed)),
    // What no name can be.
    ("/%2f", Err(Nowhere)),
    ("/a%2Fb", Err(Nowhere)),
    ("/%5c", Err(Nowhere)),
    ("/a\\b", Err(Nowhere)),
    ("/%00", Err(Nowhere)),
    ("/a%00b", Err(Nowhere)),
    ("/%0a", Err(Nowhere)),
    ("/%1f", Err(Nowhere)),
    ("/%7f", Err(Nowhere)),
    ("/%c2%85", Err(Nowhere)),
    ("/%ff", Err(Nowhere)),
    ("/%c3", Err(Nowhere)),
    ("/%c0%af", Err(Nowhere)),
    ("/%ed%a0%80", Err(Nowhere)),
    // Upwards, hidden, or a second spelling.
    ("/.", Err(Hidden)),
    ("/..", Err(Hidden)),
    ("/./a", Err(Hidden)),
    ("/../a", Err(Hidden)),
    ("/a/..", Err(Hidden)),
    ("/a/../b", Err(Hidden)),
    ("/%2e", Err(Hidden)),
    ("/%2e%2E/a", Err(Hidden)),
    ("/.%2e/a", Err(Hidden)),
    ("/.hidden", Err(Hidden)),
    ("/a/.hidden", Err(Hidden)),
    ("/%2ehidden", Err(Hidden)),
    ("/...", Err(Hidden)),
    ("//", Err(Nowhere)),
    ("//a", Err(Nowhere)),
    ("/a//b", Err(Nowhere)),
    ("/a//", Err(Nowhere)),
    // RFC 8615: well-known addresses begin at the root, and nowhere else.
    ("/.well-known", Ok(("/.well-known", "", None))),
    ("/.well-known/", Ok(("/.well-known/", "", None))),
    ("/%2ewell-known/a/b?c", Ok(("/.well-known/a/b", "c", None))),
    ("http://h/.well-known/a", Ok(("/.well-known/a", "", Some("h")))),
    ("/.well-known/.hidden", Err(Hidden)),
    ("/.well-known/../a", Err(Hidden)),
    ("/.well-known//a", Err(Nowhere)),
    ("/.well-known/.well-known", Err(Hidden)),
    ("/a/.well-known/b", Err(Hidden)),
    ("//.well-known/b", Err(Nowhere)),
    ("/.well-knownx", Err(Hidden)),
    ("/.Well-Known/a", Err(Hidden)),
    // A fragment, and forms that no service has.
    ("/a#b", Err(Malformed)),
    ("/a?b#c", Err(Malformed)),
    ("/#", Err(Malformed)),
    ("", Err(Malformed)),
    ("*", Err(Malformed)),
    ("a", Err(Malformed)),
    ("h:80", Err(Malformed)),
    ("\\a", Err(Malformed)),
    ("%2fa", Err(Malformed)),
    // Absolute form.
    ("http://h/a?b", Ok(("/a", "b", Some("h")))),
    ("https://h:443/a", Ok(("/a", "", Some("h:443")))),
    ("ws://h/a", Ok(("/a", "", Some("h")))),
    ("WSS://H/A", Ok(("/A", "", Some("H")))),
    ("http://[::1]:80/", Ok(("/", "", Some("[::1]:80")))),
    ("http://h", Ok(("/", "", Some("h")))),
    ("http://h?a", Ok(("/", "a", Some("h")))),
    ("http://h/a/../b", Err(Hidden)),
    ("http://h//", Err(Nowhere)),
    ("http://h#a", Err(Malformed)),
    ("http://h/#a", Err(Malformed)),
    ("http:///a", Err(Malformed)),
    ("http://", Err(Malformed)),
    ("http://?a", Err(Malformed)),
    ("http://user@h/a", Err(Malformed)),
    ("http:/h/a", Err(Malformed)),
    ("http:h", Err(Malformed)),
    ("ftp://h/a", Err(Malformed)),
    ("://h/a", Err(Malformed)),
];

#[test]
fn rows() {
    for (text, expected) in ROWS {
        let target = Target::parse(text);
        let outcome = target.as_ref().map_err(|error| *error);
        let outcome = outcome.map(|t| (&*t.path, &*t.query, t.authority.as_deref()));
        assert_eq!(outcome, *expected, "{text:?}");
    }
}

/// Law: each path has one spelling. What a path decodes to is its own meaning again, unless it
/// has characters that only their encoding can bring in.
#[test]
fn a_decoded_path_means_itself() {
    for (text, _) in ROWS {
        let Ok(target) = Target::parse(text) else { continue };
        if !target.path.contains(['%', '?', '#']) {
            let again = Target::parse(&target.path).map(|target| target.path);
            assert_eq!(again.as_deref(), Ok(&*target.path), "{text:?}");
        }
    }
}

/// Law: no path leads upwards, hides anything, or has a control character.
#[test]
fn whatever_is_accepted_is_proper() {
    let parts = ["/", ".", "a", "%2e", "%2f", "%5c", "\\", "%", "?", "é", "%00", "%C3"];
    let mut count = 0;
    for number in 0..parts.len().pow(4) {
        let place = |n: u32| parts[number / parts.len().pow(n) % parts.len()];
        let text = format!("/{}{}{}{}", place(0), place(1), place(2), place(3));
        let Ok(Target { path, .. }) = Target::parse(&text) else { continue };
        count += 1;
        assert!(path.starts_with('/') && !path.contains(['\\', '\0']), "{text:?}");
        assert!(!path.contains("//") && !path.contains("/."), "{text:?}");
    }
    assert!(count > 100, "some are accepted");
}

#[test]
fn every_error_has_its_status() {
    assert_eq!(Malformed.status(), Status::BAD_REQUEST);
    assert_eq!(Nowhere.status(), Status::NOT_FOUND);
    // The answer does not say what is hidden; the log does.
    assert_eq!((Hidden.status(), Hidden.to_string()), (Status::NOT_FOUND, Nowhere.to_string()));
    assert_ne!(Hidden.reason(), Nowhere.reason());
}

#[test]
fn a_path_has_one_canonical_spelling() {
    // What is sent, and whether it is the canonical spelling of what it means.
    let rows = [
        ("/", true),
        ("/a/b-c.d_e~f", true),
        ("/a!$&'()*+,;=:@b", true),
        ("/a%20b", true),
        ("/caf%C3%A9", true),
        ("/a%25b%3Fc%23", true),
        ("/%22%3C%3E%5B%5D%5E%60%7B%7C%7D", true),
        ("/a?%61", true),
        ("http://h/a+b?%2B", true),
        ("http://[::1]:80/a", true),
        ("http://h", true),
        ("http://h?a", true),
        ("/%61", false),
        ("/a/%7e", false),
        ("/%2D", false),
        ("/x%5f", false),
        ("/a%21", false),
        ("/a%2Bb", false),
        ("/a%40b", false),
        ("/a%3Ab", false),
        ("/a%27", false),
        ("/a%2C", false),
        ("/caf%c3%a9", false),
        ("/caf%C3%a9", false),
        ("/a%3fb", false),
        ("/caf\u{e9}", false),
        ("/a|b", false),
        ("/a\"b", false),
        ("/[a]", false),
        ("http://h/%41?", false),
        ("http://[::1]/a%2b", false),
    ];
    for (target, expected) in rows {
        let Target { path, .. } = Target::parse(target).expect("it is right");
        assert_eq!(is_canonical(target, &path), expected, "{target}");
        // It comes to the same path.
        let spelled = encode_path(&path);
        assert_eq!(Target::parse(&spelled).map(|target| target.path), Ok(path.clone()));
        assert!(is_canonical(&spelled, &path), "{spelled}");
    }
    // Each character has one canonical spelling of all that mean it.
    for number in 0x20..=0xff_u8 {
        let character = char::from(number);
        let (mut upper, mut lower) = ("/a".to_owned(), "/a".to_owned());
        for byte in character.to_string().bytes() {
            upper += &format!("%{byte:02X}");
            lower += &format!("%{byte:02x}");
        }
        let spellings = BTreeSet::from([format!("/a{character}"), upper, lower]);
        let means = |spelled: &String| {
            let target = Target::parse(spelled).ok()?;
            Some(is_canonical(spelled, &target.path))
                .filter(|_| target.path == format!("/a{character}"))
        };
        let meant: Vec<_> = spellings.iter().filter_map(means).collect();
        let canonical_len = meant.iter().filter(|is_canonical| **is_canonical).count();
        // A backslash and a control character mean nothing.
        assert_eq!(canonical_len, usize::from(!meant.is_empty()), "{character:?}: {meant:?}");
    }
}
