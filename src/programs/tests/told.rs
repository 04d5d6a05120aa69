//! The input of a program, byte by byte.

use std::sync::Arc;

use super::{at, request};
use crate::programs::environment::is_own_variable;
use crate::programs::{
    LineError, LineErrorKind, Mode, ProgramEvent, ProgramPlace, Variable, WorkerNumber,
    own_variables, request_variables,
};
#[cfg(feature = "processes")]
use crate::service::Share;
use crate::service::{Inbound, PeerInfo, Request, SocketId};
use crate::ws::{Close, CloseCode, Head, Message, Transport};

const ID: SocketId = SocketId::from_u64(17);

fn place(service: &str) -> ProgramPlace {
    ProgramPlace {
        service: service.to_owned(),
        address: Some("[::1]:12345".parse().expect("an address")),
    }
}

fn bytes(told: ProgramEvent<'_>, place: &ProgramPlace) -> String {
    let mut out = Vec::new();
    told.encode(place, &mut out);
    String::from_utf8(out).expect("the rows are UTF-8")
}

#[test]
fn rows() {
    let hello = |worker| ProgramEvent::Hello {
        message_bytes_max: 10,
        send_bytes_max: 20,
        worker,
        #[cfg(feature = "processes")]
        share: Share::None,
    };
    let of_many = hello(Some(WorkerNumber { number: 2, len: 4 }));
    let mistake =
        |verb: &str, id| LineError { verb: verb.to_owned(), id, kind: LineErrorKind::Utf8(3) };
    let (known, unknown) = (mistake("TEXT", Some(ID)), mistake("", None));
    let data = |message| Inbound::Data { id: ID, message };
    let (text, binary) = (data(Message::from("h\u{e9}")), data(Message::from(&b"\n\n"[..])));
    let close = |close| Inbound::Close { id: ID, close };
    let lost = close(Close::new(CloseCode::LOST, ""));
    let left = close(Close::new(CloseCode::NORMAL, "bye\nbye"));
    let (full, drained) = (Inbound::Full { id: ID, bytes: 70_000 }, Inbound::Drained { id: ID });
    let rows = [
        (hello(None), "HELLO 1 service=/chat max-message=10 max-send=20\n"),
        (of_many, "HELLO 1 service=/chat max-message=10 max-send=20 worker=2/4\n"),
        (ProgramEvent::Inbound(&text), "TEXT 17 +3\nh\u{e9}\n"),
        (ProgramEvent::Inbound(&binary), "BIN 17 +2\n\n\n\n"),
        (ProgramEvent::Inbound(&full), "FULL 17 70000\n"),
        (ProgramEvent::Inbound(&drained), "DRAIN 17\n"),
        (ProgramEvent::Inbound(&lost), "CLOSE 17 1006 +0\n\n"),
        (ProgramEvent::Inbound(&left), "CLOSE 17 1000 +7\nbye\nbye\n"),
        (ProgramEvent::Reload, "RELOAD\n"),
        (ProgramEvent::Stop { ms: 30_000 }, "STOP 30000\n"),
        (ProgramEvent::Mistake(&known), "ERR TEXT 17 +36\nthe body is not UTF-8 from byte 3 on\n"),
        (ProgramEvent::Mistake(&unknown), "ERR - - +36\nthe body is not UTF-8 from byte 3 on\n"),
    ];
    for (told, expected) in rows {
        assert_eq!(bytes(told, &place("/chat")), expected);
    }
    let path = "/a b/\u{e9}%20";
    assert_eq!(
        bytes(hello(None), &place(path)),
        "HELLO 1 service=/a%20b/%C3%A9%2520 max-message=10 max-send=20\n"
    );
    assert!(bytes(hello(None), &place(&"\u{e9}".repeat(9000))).len() < 1024, "it is a header");
}

const HEAD: &str = "GET /chat/r%20m?q=%20&x HTTP/1.1\r\nHost: example.org:80\r\n\
    Cookie: a=1\r\nX-Twice: 1\r\nPROXY: evil\r\nX_Under: no\r\nx-twice:2\r\nCookie: b=2\r\n\r\n";

#[test]
fn requests() {
    let request = Arc::new(request(HEAD, &["chat.v2", "chat.v1"]));
    let software = concat!("SERVER_SOFTWARE=switchboard/", env!("CARGO_PKG_VERSION"), "\n");
    let lines = [
        "GATEWAY_INTERFACE=CGI/1.1\nPATH_INFO=/r m\nQUERY_STRING=q=%20&x\n",
        "REMOTE_ADDR=192.0.2.7\nREMOTE_HOST=192.0.2.7\nREMOTE_PORT=5000\nREQUEST_METHOD=GET\n",
        "REQUEST_URI=/chat/r%20m?q=%20&x\nSCRIPT_NAME=/chat\nSERVER_NAME=example.org\n",
        "SERVER_PORT=12345\nSERVER_PROTOCOL=HTTP/1.1\n",
        software,
        "WS_SUBPROTOCOLS=chat.v2,chat.v1\n",
        "HTTP_COOKIE=a=1; b=2\nHTTP_HOST=example.org:80\nHTTP_X_TWICE=1, 2\n",
    ]
    .concat();
    let place = place("/chat");
    let (ask, open) =
        (Inbound::Ask { id: ID, request: request.clone() }, Inbound::Open { id: ID, request });
    let len = lines.len();
    assert_eq!(bytes(ProgramEvent::Inbound(&ask), &place), format!("ASK 17 +{len}\n{lines}\n"));
    assert_eq!(bytes(ProgramEvent::Inbound(&open), &place), format!("OPEN 17 +{len}\n{lines}\n"));
    let resumed = format!("OPEN 17 +{}\n{lines}RESUMED=1\n\n", len + 10);
    let resume = ProgramEvent::Resumed { id: ID, variables: lines.as_bytes() };
    assert_eq!(bytes(resume, &place), resumed);
}

#[test]
fn a_peer_of_a_unix_socket_has_no_address() {
    let head = request(HEAD, &[]).head().clone();
    let request = Request::new(
        head,
        "/chat".into(),
        String::new(),
        PeerInfo::default(),
        Vec::new(),
        Transport::Unknown,
    );
    let variables = request_variables(&request, &place("/chat"));
    for (name, expected) in [("REMOTE_ADDR", "unix"), ("REMOTE_HOST", "unix"), ("REMOTE_PORT", "0")]
    {
        let variable = variables.iter().find(|variable| variable.name == name).expect(name);
        assert_eq!(variable.value, expected.as_bytes(), "{name}");
    }
}

#[test]
fn programs_know_whether_the_client_came_over_tls() {
    for (transport, expected) in [(Transport::Secure, Some(&b"on"[..])), (Transport::Unknown, None)]
    {
        let head = request(HEAD, &[]).head().clone();
        let request = Request::new(
            head,
            "/chat".into(),
            String::new(),
            PeerInfo::default(),
            Vec::new(),
            transport,
        );
        let variables = request_variables(&request, &place("/chat"));
        let found = variables.iter().find(|variable| variable.name == "HTTPS");
        assert_eq!(found.map(|variable| &*variable.value), expected);
    }
    let https = Variable { name: "HTTPS".to_owned(), value: b"on".into() };
    assert!(!https.is_free());
}

#[test]
fn names_of_hosts() {
    let rows = [
        ("example.org", "example.org"),
        ("example.org:80", "example.org"),
        ("[::1]", "[::1]"),
        ("[::1]:80", "[::1]"),
        ("", "::1"),
        (":80", "::1"),
    ];
    for (host, name) in rows {
        let request = request(&format!("GET /chat HTTP/1.1\r\nHost: {host}\r\n\r\n"), &[]);
        assert_eq!(value(&request, "SERVER_NAME").as_deref(), Some(name), "{host}");
        assert_eq!(value(&request, "PATH_INFO").as_deref(), Some(""), "nothing is below");
    }
}

/// RFC 3875, 4.1.5: it begins with a slash, if there is one.
#[test]
fn what_lies_below_a_service() {
    let rows = [
        ("/chat", "/chat", ""),
        ("/chat", "/chat.py", ""),
        ("/chat", "/chat/", "/"),
        ("/chat", "/chat/room/7", "/room/7"),
        ("/chat", "/chat.py/room", "/room"),
        ("/dir/chat", "/dir/chat.py/_a/", "/_a/"),
        ("/", "/", ""),
        ("/", "/ws_service.py", ""),
        ("/", "/room", "/room"),
        ("/dir/", "/dir/", ""),
        ("/dir/", "/dir/ws_service", ""),
        ("/dir/", "/dir/room/7", "/room/7"),
        ("/dir/", "/dir/ws_service/room", "/ws_service/room"),
    ];
    for (service, path, info) in rows {
        let request = request(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"), &[]);
        let variables = request_variables(&request, &place(service));
        let found = variables.iter().find(|variable| variable.name == "PATH_INFO");
        let found = found.map(|variable| String::from_utf8_lossy(&variable.value).into_owned());
        assert_eq!(found.as_deref(), Some(info), "{path} of {service}");
    }
}

/// A program's input is at most twice what the mail counts for it, so that the limits of the mail
/// bound the unread input.
#[test]
fn what_is_told_is_at_most_twice_what_it_counts() {
    let fields = |len: usize| "A:\r\n".repeat(len);
    let long = "x".repeat(4_000);
    let rows = [
        (format!("GET /chat HTTP/1.1\r\nHost: h\r\n{}\r\n", fields(0)), Vec::new()),
        (format!("GET /chat HTTP/1.1\r\nHost: h\r\n{}\r\n", fields(60)), Vec::new()),
        (format!("GET /chat/{long} HTTP/1.1\r\nHost: h\r\n\r\n"), Vec::new()),
        (format!("GET /chat?{long} HTTP/1.1\r\nHost: {long}\r\n\r\n"), Vec::new()),
        (format!("GET /chat HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n"), vec!["a"; 64]),
    ];
    for (head, protocols) in rows {
        let request = Arc::new(request(&head, &protocols));
        let held = size_of::<Request>() + Head::PARTS_BYTES + request.head().capacity();
        let open = Inbound::Open { id: SocketId::from_u64(u64::MAX), request };
        let told = bytes(ProgramEvent::Inbound(&open), &place("/chat")).len();
        let counts = open.mail_bytes();
        assert!(counts >= held, "{counts} count, {held} are held: {head:.80}");
        assert!(told <= 2 * counts, "{told} bytes of input, {counts} count: {head:.80}");
    }
    let text = Inbound::Data { id: SocketId::from_u64(u64::MAX), message: Message::from("") };
    assert!(bytes(ProgramEvent::Inbound(&text), &place("/chat")).len() <= 2 * text.mail_bytes());
}

/// RFC 3875, 4.1: the variables that every script may rely on.
#[test]
fn required_variables_are_there_once() {
    let request = request("GET /other HTTP/1.1\r\nHost: h\r\n\r\n", &[]);
    let variables = request_variables(&request, &place("/chat"));
    for name in [
        "GATEWAY_INTERFACE",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
    ] {
        let found = variables.iter().filter(|variable| variable.name == name);
        assert_eq!(found.count(), 1, "{name}");
    }
}

/// A value that would be two lines is left out, since it cannot be sent.
#[test]
fn values_have_no_control_characters() {
    let head = request("GET /chat HTTP/1.1\r\nHost: h\r\nA: \tb\tc\r\n\r\n", &[]).head().clone();
    let peer = "192.0.2.7:5000".parse().expect("an address");
    let request = Request::new(
        head,
        "/chat/a\nB=c".into(),
        "a\0b".into(),
        at(peer),
        Vec::new(),
        Transport::Unknown,
    );
    assert_eq!(value(&request, "PATH_INFO"), None);
    assert_eq!(value(&request, "QUERY_STRING"), None);
    assert_eq!(value(&request, "HTTP_A").as_deref(), Some("b\tc"));
}

#[test]
fn variables_of_our_own() {
    let rows =
        [(Mode::Shared, "1"), (Mode::Lines, "lines"), (Mode::Text, "text"), (Mode::Bytes, "bytes")];
    for (mode, protocol) in rows {
        let variables = own_variables(mode, "/chat", None);
        let shown: Vec<_> = variables
            .iter()
            .map(|variable| (variable.name.as_str(), &variable.value[..]))
            .collect();
        let expected = [
            ("SWITCHBOARD_PROTOCOL", protocol.as_bytes()),
            ("SWITCHBOARD_SERVICE", b"/chat"),
            ("PYTHONUNBUFFERED", b"1"),
        ];
        assert_eq!(shown, expected);
    }
    let worker = Some(WorkerNumber { number: 2, len: 4 });
    let own = own_variables(Mode::Shared, "/chat", worker);
    let last = own.last().map(|variable| (variable.name.as_str(), &variable.value[..]));
    assert_eq!(last, Some(("SWITCHBOARD_WORKER", &b"2"[..])));
}

/// No other party can set them.
#[test]
fn what_the_host_sets_is_its_own() {
    let text = "GET /chat HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\nX-Forwarded-For: c\r\n\r\n";
    let set = request_variables(&request(text, &[]), &place("/chat"));
    let all: Vec<_> = set.into_iter().chain(own_variables(Mode::Lines, "/chat", None)).collect();
    assert!(all.len() > 18, "{all:?}");
    for variable in all {
        assert!(is_own_variable(&variable.name) && !variable.is_free(), "{}", variable.name);
    }
    for name in ["PATH", "LANG", "HOME", "HTTP_PROXY", "http_proxy", "_", "Servername"] {
        assert!(!is_own_variable(name), "{name}");
        assert!(Variable { name: name.to_owned(), value: b"\xff".into() }.is_free(), "{name}");
        assert!(!Variable { name: name.to_owned(), value: b"a\0b".into() }.is_free(), "{name}");
    }
    for name in ["", "1A", "A=B", "A-B", "A B", "A\0"] {
        assert!(!Variable { name: name.to_owned(), value: Vec::new() }.is_free(), "{name:?}");
    }
}

fn value(request: &Request, name: &str) -> Option<String> {
    let variables = request_variables(request, &place("/chat"));
    let found = variables.into_iter().find(|variable| variable.name == name)?;
    Some(String::from_utf8_lossy(&found.value).into_owned())
}

/// What a program gets that shares.
#[cfg(feature = "processes")]
#[test]
fn rows_of_programs_that_share() {
    let hello = |worker, share| ProgramEvent::Hello {
        message_bytes_max: 10,
        send_bytes_max: 20,
        worker,
        share,
    };
    let worker = Some(WorkerNumber { number: 2, len: 4 });
    let gap = |topic: Option<&str>| Inbound::Gap { topic: topic.map(str::to_owned) };
    let (any, one) = (gap(None), gap(Some("news")));
    let begin = "HELLO 1 service=/chat max-message=10 max-send=20";
    for (told, expected) in [
        (hello(None, Share::Topics), format!("{begin} share=topics\n")),
        (hello(worker, Share::All), format!("{begin} worker=2/4 share=all\n")),
        (ProgramEvent::Inbound(&any), "GAP *\n".to_owned()),
        (ProgramEvent::Inbound(&one), "GAP @news\n".to_owned()),
    ] {
        assert_eq!(bytes(told, &place("/chat")), expected);
    }
}
