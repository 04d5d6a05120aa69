//! The negotiation of compression: all offers of RFC 7692, 7.1, including odd ones, and the grammar
//! of RFC 6455, 9.1.

use crate::ws::extension::{ContextTakeover, Offer};
use crate::ws::tests::random::Random;

/// The values of the header, and the answer to them while there is memory for contexts, and
/// while there is none; `None` for a conversation without compression.
type Row = (&'static [&'static str], Option<(&'static str, &'static str)>);

/// The answer to an offer without parameters.
const PLAIN: Option<(&str, &str)> = Some(("", NONE));
const NONE: &str = "; server_no_context_takeover; client_no_context_takeover";

const ROWS: &[Row] = &[
    (&[], None),
    (&[""], None),
    (&["permessage-deflate"], PLAIN),
    (&["\tpermessage-deflate "], PLAIN),
    (&[",, permessage-deflate ,"], PLAIN),
    (&["x", "permessage-deflate"], PLAIN),
    // What the clients of today send.
    (&["permessage-deflate; client_max_window_bits"], Some(("; client_max_window_bits=15", NONE))),
    (
        &["permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"],
        Some((
            "; server_max_window_bits=12; client_max_window_bits=12",
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
        )),
    ),
    // A client that wants no context gets none.
    (
        &["permessage-deflate; server_no_context_takeover"],
        Some(("; server_no_context_takeover", NONE)),
    ),
    (
        &["permessage-deflate;client_no_context_takeover"],
        Some(("; client_no_context_takeover", NONE)),
    ),
    // Windows are never wider than is asked for, and of four widths.
    (&["permessage-deflate; server_max_window_bits=8"], SERVER_8),
    (&["permessage-deflate; server_max_window_bits=9"], SERVER_9),
    (&["permessage-deflate; server_max_window_bits=\"9\""], SERVER_9),
    (&["permessage-deflate; server_max_window_bits=\"\\9\""], SERVER_9),
    (&["permessage-deflate\t;\tserver_max_window_bits\t=\t9\t"], SERVER_9),
    (&["permessage-deflate; server_max_window_bits=11"], SERVER_9),
    (
        &["permessage-deflate; server_max_window_bits=15"],
        Some((
            "; server_max_window_bits=15",
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15",
        )),
    ),
    (&["permessage-deflate; client_max_window_bits=8"], Some(("; client_max_window_bits=8", NONE))),
    // Declined: unknown, there twice, or with a value that it cannot have.
    (&["permessage-deflates"], None),
    (&["PerMessage-Deflate"], None),
    (&["x-webkit-deflate-frame, permessage-bzip2; a=1"], None),
    (&["permessage-deflate; a"], None),
    (&["permessage-deflate; Server_no_context_takeover"], None),
    (&["permessage-deflate; server_no_context_takeover=1"], None),
    (&["permessage-deflate; client_no_context_takeover=true"], None),
    (&["permessage-deflate; server_no_context_takeover; server_no_context_takeover"], None),
    (&["permessage-deflate; client_no_context_takeover; client_no_context_takeover"], None),
    (&["permessage-deflate; server_max_window_bits"], None),
    (&["permessage-deflate; server_max_window_bits=7"], None),
    (&["permessage-deflate; server_max_window_bits=16"], None),
    (&["permessage-deflate; server_max_window_bits=010"], None),
    (&["permessage-deflate; server_max_window_bits=09"], None),
    (&["permessage-deflate; server_max_window_bits=1e1"], None),
    (&["permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"], None),
    (&["permessage-deflate; client_max_window_bits=0"], None),
    (&["permessage-deflate; client_max_window_bits=150"], None),
    (&["permessage-deflate; client_max_window_bits; client_max_window_bits=15"], None),
    // The first that can be accepted counts.
    (&["permessage-deflate; server_max_window_bits=7, permessage-deflate"], PLAIN),
    (
        &[
            "permessage-deflate; a=\"b\"",
            "x; y=\"z\", permessage-deflate; server_max_window_bits=9",
        ],
        SERVER_9,
    ),
    (&["permessage-deflate, permessage-deflate; server_max_window_bits=9"], PLAIN),
    (&["permessage-deflate", "permessage-deflate; a"], PLAIN),
];

const SERVER_8: Option<(&str, &str)> = Some((
    "; server_max_window_bits=8",
    "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8",
));
const SERVER_9: Option<(&str, &str)> = Some((
    "; server_max_window_bits=9",
    "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9",
));

/// RFC 6455, 9.1: texts that are no offers, alone and beside others.
const MALFORMED: &[&str] = &[
    ";",
    "=",
    "permessage-deflate;",
    "permessage-deflate; ",
    "permessage-deflate; =1",
    "permessage-deflate; a=",
    "permessage-deflate; a=,",
    "permessage-deflate; a=b c",
    "permessage-deflate; a b",
    "permessage-deflate a",
    "permessage deflate",
    "permessage-deflate; a=\"",
    "permessage-deflate; a=\"\"",
    "permessage-deflate; a=\"b c\"",
    "permessage-deflate; a=\"b\\",
    "permessage-deflate; a=\"b\\\"",
    "permessage-deflate; a=\"b\"c",
    "permessage-deflate; \"a\"",
    "\"permessage-deflate\"",
    "permessage-deflate; a=(b)",
    "é",
    "permessage-deflate; a;; b",
];

#[test]
fn rows() {
    for (values, expected) in ROWS {
        let offer = parse(values);
        let answers = offer.map(|offer| (answer(offer, usize::MAX), answer(offer, 0)));
        let whole = |text: &str| format!("permessage-deflate{text}");
        assert_eq!(answers, expected.map(|(a, b)| (whole(a), whole(b))), "{values:?}");
    }
}

/// They are no offers, in a header of their own and beside others: the handshake goes on as it
/// would in a build that reads none.
#[test]
fn malformed_headers() {
    let plain = parse(&["permessage-deflate"]);
    assert!(plain.is_some());
    for value in MALFORMED {
        assert_eq!(parse(&[value]), None, "{value:?}");
        assert_eq!(parse(&["permessage-deflate", value]), plain, "{value:?}");
        assert_eq!(parse(&[value, "permessage-deflate"]), plain, "{value:?}");
        assert_eq!(parse(&[&format!("permessage-deflate,{value}")]), plain, "{value:?}");
    }
    let beside = [
        // What an agent of USP sends, whose value in quotes is no token.
        ("bbf-usp-protocol; eid=\"os::x\"", None),
        ("bbf-usp-protocol; eid=\"os::x\", permessage-deflate", plain),
        ("a; b=\"c, permessage-deflate\"", None),
        ("a; b=\"c\\\", permessage-deflate\"", None),
        ("a; b=\"c\\\\\", permessage-deflate", plain),
        ("a; b=\"\\\", permessage-deflate, c\"", None),
        ("a; b=\"c, permessage-deflate", None),
        ("permessage-deflate; a=\", permessage-deflate", None),
        ("permessage-deflate a, permessage-deflate", plain),
        ("permessage-deflate, é", plain),
        // A value that a filter has replaced by blanks.
        ("xxxxxxxxxxxxxxxxxx xxxxxxxxx", None),
        ("??????????????????", None),
        ("~~~~~~~~~~~~~~~~~~", None),
    ];
    for (value, expected) in beside {
        assert_eq!(parse(&[value]), expected, "{value:?}");
    }
}

/// The contexts that are kept fit what is left, that of the server first.
#[test]
fn contexts_fit_their_memory() {
    let offer = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=11";
    let offer = parse(&[offer]).expect("it is right");
    let (kept, fresh) = (ContextTakeover::Kept, ContextTakeover::Fresh);
    let rows = [
        (usize::MAX, kept, kept),
        (4_096 + 2_048, kept, kept),
        (4_096 + 2_047, kept, fresh),
        (4_096, kept, fresh),
        (4_095, fresh, kept),
        (2_048, fresh, kept),
        (2_047, fresh, fresh),
        (0, fresh, fresh),
    ];
    for (max, server, client) in rows {
        let agreed = offer.agree(max);
        assert_eq!((agreed.server.context, agreed.client.context), (server, client), "{max}");
        assert!(agreed.context_bytes() <= max);
    }
}

/// Law: any header has an outcome, and adding an offer behind one that is accepted changes
/// nothing.
#[test]
fn any_header_has_an_outcome() {
    const WORDS: [&str; 14] = [
        "permessage-deflate",
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
        "; ",
        "; ",
        "=",
        ", ",
        "9",
        "15",
        "\"10\"",
        "\\",
        "\"",
    ];
    let mut random = Random::new(0x7692);
    let mut seen = [0; 2];
    for _ in 0..20_000 {
        let words: String = (0..random.below(9)).map(|_| random.pick(&WORDS)).collect();
        let text = format!("permessage-deflate{words}");
        match parse(&[&text]) {
            None => seen[0] += 1,
            Some(offer) => {
                seen[1] += 1;
                let more = format!("{text}, permessage-deflate; server_max_window_bits=10");
                assert_eq!(parse(&[&more]), Some(offer), "{more:?}");
                assert!(answer(offer, usize::MAX).is_ascii());
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}

fn parse(values: &[&str]) -> Option<Offer> {
    let field = |value: &&str| format!("Sec-WebSocket-Extensions: {value}\r\n");
    let fields: String = values.iter().map(field).collect();
    Offer::parse(&super::head(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")))
}

fn answer(offer: Offer, context_bytes_max: usize) -> String {
    let mut out = Vec::new();
    offer.agree(context_bytes_max).encode(&mut out);
    String::from_utf8(out).expect("it is ASCII")
}
