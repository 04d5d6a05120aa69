//! Ranges of bytes: what they come to for contents of different lengths.

use crate::ws::range::Selection::{self, Part, Unsatisfiable, Whole};

#[test]
fn rows() {
    let rows = [
        // RFC 9110, 14.1.2: its own examples.
        ("bytes=0-499", 10_000, Part(0..500)),
        ("bytes=500-999", 10_000, Part(500..1_000)),
        ("bytes=-500", 10_000, Part(9_500..10_000)),
        ("bytes=9500-", 10_000, Part(9_500..10_000)),
        ("bytes=0-", 10, Part(0..10)),
        ("bytes=0-0", 10, Part(0..1)),
        ("bytes=9-9", 10, Part(9..10)),
        ("BYTES=-1", 10, Part(9..10)),
        // A range beyond the end is cut there.
        ("bytes=5-10", 10, Part(5..10)),
        ("bytes=5-99999999999999999999999999", 10, Part(5..10)),
        ("bytes=-99999999999999999999999999", 10, Part(0..10)),
        ("bytes=0-18446744073709551615", u64::MAX, Part(0..u64::MAX)),
        ("bytes=00-01", 10, Part(0..2)),
        // A range that begins at the end cannot be satisfied.
        ("bytes=10-", 10, Unsatisfiable),
        ("bytes=10-20", 10, Unsatisfiable),
        ("bytes=99999999999999999999999999-", 10, Unsatisfiable),
        // Positions beyond 2^64 are all treated as one.
        ("bytes=50000000000000000000-40000000000000000000", 10, Unsatisfiable),
        ("bytes=-0", 10, Unsatisfiable),
        ("bytes=0-", 0, Unsatisfiable),
        ("bytes=0-0", 0, Unsatisfiable),
        ("bytes=-0", 0, Unsatisfiable),
        ("bytes=-5", 0, Whole),
        // RFC 9110, 14.2: several ranges, other units and what is invalid may be ignored.
        ("bytes=0-1,3-4", 10, Whole),
        ("bytes=0-1,", 10, Whole),
        ("bytes=5-4", 10, Whole),
        ("bytes=20-15", 10, Whole),
        ("lines=0-1", 10, Whole),
        ("bytes=", 10, Whole),
        ("bytes=-", 10, Whole),
        ("bytes=--1", 10, Whole),
        ("bytes=1", 10, Whole),
        ("bytes=+1-2", 10, Whole),
        ("bytes=1-+2", 10, Whole),
        ("bytes= 1-2", 10, Whole),
        ("bytes=1 -2", 10, Whole),
        ("bytes =1-2", 10, Whole),
        ("bytes=0x1-2", 10, Whole),
        ("bytes=1-2-3", 10, Whole),
        ("bytes 1-2", 10, Whole),
        ("bytes=a-b", 10, Whole),
        ("bytes=\u{661}-2", 10, Whole),
        ("", 10, Whole),
    ];
    for (value, len, expected) in rows {
        assert_eq!(Selection::of(value, len), expected, "{value:?} of {len}");
    }
}
