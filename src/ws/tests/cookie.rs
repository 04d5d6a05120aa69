//! Cookies.

use crate::ws::cookie::value;
use crate::ws::work;

/// Fields, and the first cookie called `n` in them.
type Row<'a> = (&'a [&'a [u8]], Option<&'a [u8]>);

#[test]
fn rows() {
    let rows: [Row<'_>; 31] = [
        (&[], None),
        (&[b""], None),
        (&[b"n=1"], Some(b"1")),
        (&[b"n="], Some(b"")),
        (&[b"m=1; n=2"], Some(b"2")),
        (&[b"n=1; n=2"], Some(b"1")),
        // RFC 6265, 5.4: one field, and RFC 9113, 8.2.3: a proxy may make several of it.
        (&[b"m=1", b"n=2"], Some(b"2")),
        (&[b"n=1", b"n=2"], Some(b"1")),
        // RFC 6265, 5.4, has one blank between them; other clients have none, or more.
        (&[b"m=1;n=2"], Some(b"2")),
        (&[b"m=1 ;\t n =\t2 ; o=3"], Some(b"2")),
        (&[b"m=1;;;n=2;"], Some(b"2")),
        (&[b"m=1,n=2"], None),
        (&[b"m=1&n=2"], None),
        // What has no equals sign is none.
        (&[b"n"], None),
        (&[b"n; n=2"], Some(b"2")),
        (&[b"=n"], None),
        (&[b"=; n=2"], Some(b"2")),
        // Only the first equals sign divides.
        (&[b"n=a=b=="], Some(b"a=b==")),
        (&[b"n=="], Some(b"=")),
        // Names are not those of others.
        (&[b"N=1"], None),
        (&[b"nn=1"], None),
        (&[b"m=n=1"], None),
        (&[b"$n=1"], None),
        (&[b"m=\"; n=2\""], Some(b"2\"")),
        // RFC 6265, 5.2: quotation marks are a part of the value, and nothing is decoded.
        (&[b"n=\"a b\""], Some(b"\"a b\"")),
        (&[b"n=%41+b"], Some(b"%41+b")),
        (&[b"%6E=1"], None),
        (&[b"n=\xc3\xa9"], Some(b"\xc3\xa9")),
        (&[b"n=\xff"], Some(b"\xff")),
        (&[b"n=\xff; n=2"], Some(b"\xff")),
        (&[b"\xff=\xff; \xfe; n=2"], Some(b"2")),
    ];
    for (fields, expected) in rows {
        let found = value(fields.iter().copied(), "n");
        assert_eq!(found, expected, "{fields:?}");
    }
}

/// However many there are, each byte is read once.
#[test]
fn cookies_cost_in_proportion_to_their_length() {
    for text in [&b";"[..], b"n;", b"m=1; ", b"n==", b" ;", b"="] {
        let field = text.repeat(1_000);
        let cost = work::of(|| {
            let _ = value([&field[..], &field].into_iter(), "nobody");
        });
        assert!(cost <= 2 * field.len(), "{cost} for {}", field.len());
    }
}
