//! Queries as forms write them.

use crate::ws::form::{decode, pairs, value};
use crate::ws::work;

/// The first value called `n`.
#[test]
fn rows() {
    let rows: [(&str, Option<&str>); 38] = [
        ("n=1", Some("1")),
        ("n", Some("")),
        ("n=", Some("")),
        ("", None),
        ("&", None),
        ("=", None),
        ("=n", None),
        ("N=1", None),
        ("nn=1", None),
        ("m=n", None),
        ("m=1&n=2", Some("2")),
        // The first one counts, and an empty pair is none.
        ("n=1&n=2", Some("1")),
        ("n&n=2", Some("")),
        ("&&n=1&&", Some("1")),
        // Only the first equals sign divides, and a semicolon does not.
        ("n=a=b", Some("a=b")),
        ("n==", Some("=")),
        ("n=1;m=2", Some("1;m=2")),
        ("n=1?m=2", Some("1?m=2")),
        // A plus sign is a blank, in names as well.
        ("n=a+b", Some("a b")),
        ("n=a%20b", Some("a b")),
        ("n=a%2Bb", Some("a+b")),
        ("n=+", Some(" ")),
        ("+n=1", None),
        // Encoded delimiters do not divide.
        ("n=a%26m%3Db", Some("a&m=b")),
        ("n%3D1", None),
        ("%6E=1", Some("1")),
        ("%6e=1", Some("1")),
        ("n=%C3%A9", Some("\u{e9}")),
        ("n=%c3%a9", Some("\u{e9}")),
        ("n=%00", Some("\0")),
        // Decoded once.
        ("n=%2525", Some("%25")),
        // URL, 5.1 and 1.3: what is no encoding stays as it is.
        ("n=%", Some("%")),
        ("n=%4", Some("%4")),
        ("n=%4g%zz%%41", Some("%4g%zz%A")),
        // Encoding, 6: a byte order mark is kept; what is no UTF-8 is replaced, once for each part
        // that could have begun a character.
        ("n=%EF%BB%BFa", Some("\u{feff}a")),
        ("n=%FF%C3", Some("\u{fffd}\u{fffd}")),
        ("n=%F0%9F%98.", Some("\u{fffd}.")),
        ("n=%ED%A0%80", Some("\u{fffd}\u{fffd}\u{fffd}")),
    ];
    for (query, expected) in rows {
        assert_eq!(value(query, "n").as_deref(), expected, "{query:?}");
    }
    assert_eq!(value("caf%C3%A9+au=lait", "caf\u{e9} au").as_deref(), Some("lait"));
    assert_eq!(value("%FF=1", "\u{fffd}").as_deref(), Some("1"));
    assert_eq!(value("=1&a=2", "").as_deref(), Some("1"));
}

#[test]
fn broken_encoding_is_seen() {
    for text in ["%", "a%", "%4", "%4g", "%g4", "%%41", "%41%"] {
        assert!(!decode(text).is_whole, "{text}");
    }
    for text in ["", "a", "+", "%41", "%2525", "%FF"] {
        assert!(decode(text).is_whole, "{text}");
    }
}

/// However long the query is, each byte is decoded once.
#[test]
fn a_query_costs_in_proportion_to_its_length() {
    for text in ["a&", "%", "%41=%4", "=+&", "&", "a=1&"] {
        let query = text.repeat(1_000);
        let cost = work::of(|| assert_eq!(value(&query, "n"), None));
        assert!(cost <= query.len(), "{cost} for {}", query.len());
        assert!(pairs(&query).count() <= query.len());
    }
}
