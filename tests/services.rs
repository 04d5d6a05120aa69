//! Services and their sockets: which events a service gets in which order, and which sockets it can
//! reach.

#![cfg(feature = "host")]

mod support;

use std::collections::BTreeMap;

use switchboard::{
    Audience, CloseCode, Context, Handler, Inbound, Limits, Message, Peer, Server, Service,
    SocketId, Thread, handler,
};
use tungstenite::protocol::frame::coding::CloseCode as Code;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};

use support::raw::{BINARY, CLOSE, CONTINUATION, PING, TEXT, close, frame, header, piece};
use support::services::{Seen, mount_echo, mount_probe};
use support::{Client, LIMITS, Raw, Running, next, on_each_thread, server_on};

/// Does what texts say, so that a test can move it from outside.
struct Puppet;

impl Handler for Puppet {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let text = message.as_text().expect("orders are texts").to_owned();
        let (verb, rest) = text.split_once(' ').unwrap_or((text.as_str(), ""));
        let (name, words) = rest.split_once(' ').unwrap_or((rest, ""));
        let id = |text: &str| SocketId::from_u64(text.parse().expect("an id is a number"));
        let me = peer.id();
        match verb {
            "id" => peer.send(me.as_u64().to_string()),
            "echo" => peer.send(rest),
            "to" => peer.send_to(id(name), words),
            "list" => peer.send_to(name.split(',').map(id).collect::<Vec<_>>(), words),
            "all" => peer.send_to(Audience::all(), rest),
            "others" => peer.send_to(Audience::all().but(me), rest),
            "topic" => peer.send_to(Audience::topic(name), words),
            "topic-others" => peer.send_to(Audience::topic(name).but(me), words),
            "subscribe" => peer.subscribe(name),
            "unsubscribe" => peer.unsubscribe(name),
            "subscribe-other" => peer.context().subscribe(id(name), words),
            "close" => peer.context().close(id(name), CloseCode::NORMAL, words),
            "close-topic" => peer.context().close(Audience::topic(name), CloseCode::NORMAL, words),
            _ => panic!("an order: {text}"),
        }
    }
}

/// One of the sockets that give orders.
struct Player(Raw);

impl Player {
    fn join(server: &Running, path: &str) -> Self {
        Self(server.open(path))
    }

    fn id(&mut self) -> u64 {
        self.tell("id")[0].parse().expect("an id is a number")
    }

    /// Gives an order, and returns what this socket gets until it has been carried out.
    fn tell(&mut self, order: &str) -> Vec<String> {
        self.0.send_text(order);
        self.seen()
    }

    /// What this socket has got.
    fn seen(&mut self) -> Vec<String> {
        self.0.send_text("echo that is all");
        let texts = std::iter::repeat_with(|| self.0.read_text());
        texts.take_while(|text| text != "that is all").collect()
    }
}

fn puppets(thread: Thread) -> Running {
    let mut server = server_on(thread, LIMITS);
    server.mount("/one", || handler(Puppet));
    server.mount("/two", || handler(Puppet));
    Running::start(server)
}

#[test]
fn a_service_is_told_in_order() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let told = mount_probe(&mut server, "/probe", |_, _| {});
        let server = Running::start(server);
        let mut client = server.connect("/probe");
        let messages = ["", "one", "two"].map(tungstenite::Message::text);
        for message in messages {
            client.send(message).expect("it is open");
        }
        client.send(tungstenite::Message::binary(vec![0, 255])).expect("it is open");
        client
            .close(Some(CloseFrame { code: Code::Library(4_001), reason: "bye".into() }))
            .expect("it is");
        assert_eq!(next(&told), Seen::Start);
        let Seen::Open(id) = next(&told) else { panic!("the open comes first") };
        for text in ["", "one", "two"] {
            assert_eq!(next(&told), Seen::Message(id, text.into()));
        }
        assert_eq!(next(&told), Seen::Message(id, vec![0, 255].into()));
        assert_eq!(next(&told), Seen::Close(id, 4_001));
        while client.read().is_ok() {}
        server.stop();
        assert_eq!(next(&told), Seen::Stop);
        assert!(told.recv().is_err(), "nothing comes after the stop");
    });
}

#[test]
fn close_codes_of_peers_reach_the_service_and_come_back() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let told = mount_probe(&mut server, "/probe", |_, _| {});
        let server = Running::start(server);
        let code_seen = || {
            loop {
                if let Seen::Close(_, code) = next(&told) {
                    return code;
                }
            }
        };
        for code in [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999] {
            let mut raw = server.open("/probe");
            raw.send(&close(code, "why"));
            assert_eq!(raw.read_close().0, code);
            raw.expect_end();
            assert_eq!(code_seen(), code);
        }
        let mut raw = server.open("/probe");
        raw.send(&frame(CLOSE, b""));
        assert_eq!(raw.read_close().0, 1005);
        raw.expect_end();
        assert_eq!(code_seen(), 1005);
        // Without a close frame it is lost, whichever way.
        let raw = server.open("/probe");
        raw.end_writing();
        assert_eq!(code_seen(), 1006);
        drop(server.open("/probe"));
        assert_eq!(code_seen(), 1006);
    });
}

#[test]
fn faults_of_peers_are_answered_with_their_code() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
        let server = Running::start(server);
        let too_long = header(0x80 | BINARY, (1 << 20) + 1);
        let fragments = [piece(TEXT, &[b'x'; 1 << 20]), header(CONTINUATION, 1)].concat();
        let rows = [
            ("reserved bits", piece(0xC0 | TEXT, b""), 1002),
            ("a reserved opcode", frame(0x3, b""), 1002),
            ("a reserved control opcode", frame(0xB, b""), 1002),
            ("no mask", vec![0x81, 0x00], 1002),
            ("a fragmented ping", piece(PING, b""), 1002),
            ("a long ping", frame(PING, &[0; 126]), 1002),
            ("a length of 5 in two bytes", vec![0x81, 0xFE, 0, 5], 1002),
            ("a length of 5 in eight bytes", vec![0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5], 1002),
            ("a negative length", vec![0x82, 0xFF, 0x80], 1002),
            ("a lone continuation", frame(CONTINUATION, b""), 1002),
            ("a message within a message", [piece(TEXT, b"a"), frame(TEXT, b"b")].concat(), 1002),
            ("no UTF-8", frame(TEXT, b"\xC0\x80"), 1007),
            ("half a character", frame(TEXT, b"\xE2\x82"), 1007),
            ("a surrogate", frame(TEXT, b"\xED\xA0\x80"), 1007),
            ("a close of one byte", frame(CLOSE, b"\x03"), 1002),
            ("a close code of nobody", close(1005, ""), 1002),
            ("a close code too low", close(999, ""), 1002),
            ("a close reason without UTF-8", frame(CLOSE, b"\x03\xE8\xFF"), 1007),
            ("a long message", too_long, 1009),
            ("a long message in fragments", fragments, 1009),
        ];
        for (name, bytes, code) in rows {
            let mut raw = server.open("/probe");
            // What came before in the same segment is answered before the close frame.
            raw.send(&[frame(TEXT, b"one"), frame(TEXT, b"two"), bytes].concat());
            assert_eq!((raw.read_text(), raw.read_text()), ("one".into(), "two".into()), "{name}");
            assert_eq!(raw.read_close().0, code, "{name}");
            raw.expect_end();
            let mut seen = std::iter::repeat_with(|| next(&told));
            let closed = seen.find(|seen| matches!(seen, Seen::Close(..)));
            assert!(
                matches!(closed, Some(Seen::Close(_, seen)) if seen == code),
                "{name}: {closed:?}"
            );
        }
    });
}

#[test]
fn too_many_fragments_are_1008() {
    let mut server = Server::new(Limits { fragments_max: 3, ..LIMITS });
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut raw = server.open("/echo");
    let three = [piece(TEXT, b"a"), piece(0, b"b"), piece(0, b""), frame(0, b"c")].concat();
    raw.send(&three);
    assert_eq!(raw.read_text(), "abc");
    raw.send(
        &[piece(TEXT, b"a"), piece(0, b""), piece(0, b""), piece(0, b""), piece(0, b"")].concat(),
    );
    assert_eq!(raw.read_close().0, 1008);
    raw.expect_end();
}

#[test]
fn sizes_around_the_forms_of_lengths_come_back() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut client = server.connect("/echo");
    client.set_config(|config: &mut WebSocketConfig| config.max_message_size = None);
    for size in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        for message in [
            tungstenite::Message::binary(bytes.clone()),
            tungstenite::Message::text("\u{E9}".repeat(size / 2) + &"x".repeat(size % 2)),
        ] {
            client.send(message.clone()).expect("it is open");
            assert!(client.read().expect("an echo comes") == message, "{size} bytes come back");
        }
    }
    // In fragments, with a ping between them.
    let mut raw = server.open("/echo");
    let text = "\u{1F600}".repeat(100);
    let (first, rest) = text.as_bytes().split_at(201);
    let (second, last) = rest.split_at(101);
    raw.send(&[piece(TEXT, first), frame(PING, b"?"), piece(CONTINUATION, second)].concat());
    let pong = raw.read_frame();
    assert_eq!((pong.first, pong.payload.as_slice()), (0x8A, b"?".as_slice()));
    raw.send(&frame(CONTINUATION, last));
    assert_eq!(raw.read_text(), text);
}

#[test]
fn messages_go_to_one_several_or_all() {
    on_each_thread(|thread| {
        let server = puppets(thread);
        let mut players: Vec<_> = (0..4).map(|_| Player::join(&server, "/one")).collect();
        let mut stranger = Player::join(&server, "/two");
        let ids: Vec<_> = players.iter_mut().map(Player::id).collect();
        let own = |order: String, got: [usize; 4], players: &mut Vec<Player>| {
            let mut seen = vec![players[0].tell(&order)];
            seen.extend(players[1..].iter_mut().map(Player::seen));
            let lens: Vec<_> = seen.iter().map(Vec::len).collect();
            assert_eq!(lens, got, "{order}: {seen:?}");
            assert!(seen.iter().flatten().all(|text| text == "hello all"), "{order}: {seen:?}");
        };
        own(format!("to {} hello all", ids[2]), [0, 0, 1, 0], &mut players);
        own(format!("list {},{} hello all", ids[0], ids[3]), [1, 0, 0, 1], &mut players);
        own("all hello all".to_owned(), [1, 1, 1, 1], &mut players);
        own("others hello all".to_owned(), [0, 1, 1, 1], &mut players);
        for player in [0, 1, 3] {
            assert_eq!(players[player].tell("subscribe news"), [""; 0]);
            assert_eq!(players[player].tell("subscribe news"), [""; 0], "twice is as good as once");
        }
        own("topic news hello all".to_owned(), [1, 1, 0, 1], &mut players);
        own("topic-others news hello all".to_owned(), [0, 1, 0, 1], &mut players);
        own("topic others hello all".to_owned(), [0, 0, 0, 0], &mut players);
        players[1].tell("unsubscribe news");
        players[2].tell("unsubscribe news");
        own("topic news hello all".to_owned(), [1, 0, 0, 1], &mut players);
        assert_eq!(stranger.seen(), [""; 0], "another service has its own sockets");
        players[2].tell("close-topic news for today");
        assert_eq!(players[0].0.read_close(), (1000, "for today".to_owned()));
        assert_eq!(players[3].0.read_close(), (1000, "for today".to_owned()));
        assert_eq!(players[2].seen(), [""; 0]);
    });
}

#[test]
fn a_service_reaches_its_own_sockets_only() {
    on_each_thread(|thread| {
        let server = puppets(thread);
        let mut one = Player::join(&server, "/one");
        let mut two = Player::join(&server, "/two");
        let id = one.id();
        two.tell("subscribe news");
        for order in
            ["to {} x", "list {},{} x", "close {} x", "subscribe-other {} news", "topic news x"]
        {
            let got = two.tell(&order.replace("{}", &id.to_string()));
            assert_eq!(got.len(), usize::from(order.starts_with("topic")), "{order}");
            assert_eq!(one.seen(), [""; 0], "{order}");
        }
    });
}

#[test]
fn the_id_of_a_socket_that_has_gone_is_nobodys() {
    on_each_thread(|thread| {
        let server = puppets(thread);
        let mut first = Player::join(&server, "/one");
        let old = first.id();
        first.0.send(&close(1000, ""));
        first.0.read_close();
        first.0.expect_end();
        let mut second = Player::join(&server, "/one");
        let new = second.id();
        let index = |id| SocketId::from_u64(id).index();
        assert_eq!(index(old), index(new), "it stands in the same place");
        assert_ne!(old, new);
        second.tell("subscribe news");
        let orders = [format!("to {old} x"), format!("close {old} x"), format!("list {old} x")];
        for order in orders {
            assert_eq!(second.tell(&order), [""; 0], "{order}");
        }
        second.tell(&format!("subscribe-other {old} news"));
        assert_eq!(second.tell("topic news x"), ["x"], "once");
        for garbage in [0, 1, u64::MAX, new ^ 1, new ^ (1 << 24), new ^ (1 << 63)] {
            assert_eq!(second.tell(&format!("to {garbage} x")), [""; 0]);
        }
        assert_eq!(second.tell(&format!("to {new} x")), ["x"]);
    });
}

#[test]
fn services_close_their_sockets() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let told = mount_probe(&mut server, "/close", |peer, message| {
            let text = message.as_text().expect("it is a text");
            let (code, reason) = text.split_once(' ').expect("a code and a reason");
            let code = CloseCode::new(code.parse().expect("a number")).expect("a code");
            peer.send("last words");
            peer.close(code, reason);
            peer.send("nothing comes after the close frame");
            peer.close(CloseCode::NORMAL, "nor another one");
        });
        let server = Running::start(server);
        drop(server.open("/close"));
        assert!(matches!(next(&told), Seen::Start));
        assert!(matches!((next(&told), next(&told)), (Seen::Open(_), Seen::Close(_, 1006))));
        let long = "\u{E9}".repeat(100);
        for (code, reason) in
            [(1000, ""), (1001, "bye"), (1013, "later"), (3000, "x"), (4999, &long)]
        {
            let mut raw = server.open("/close");
            raw.send_text(&format!("{code} {reason}"));
            assert_eq!(raw.read_text(), "last words");
            let (seen, words) = raw.read_close();
            assert_eq!(seen, code);
            assert_eq!(words, reason[..reason.floor_char_boundary(123)]);
            // Until it answers the peer may go on.
            raw.send_text("1000 still talking");
            raw.send(&close(code, "well then"));
            raw.expect_end();
            let seen: Vec<_> = std::iter::repeat_with(|| next(&told)).take(4).collect();
            let [Seen::Open(id), Seen::Message(..), Seen::Message(..), last] = &seen[..] else {
                panic!("an open, two messages and a close come, not {seen:?}");
            };
            assert_eq!(*last, Seen::Close(*id, code));
        }
    });
}

/// A service with a loop of its own: it counts the messages of each socket.
struct Counting;

impl Service for Counting {
    fn run(&mut self, context: &mut Context) {
        let mut counts = BTreeMap::new();
        while let Some(transaction) = context.receive() {
            let id = transaction.id();
            match transaction {
                Inbound::Open { request, .. } => {
                    counts.insert(id, 0);
                    context.send(id, format!("{} {}", request.path(), request.query()));
                    context.send(id, request.header("x-name").unwrap_or("nobody"));
                }
                Inbound::Data { .. } => {
                    let count = counts.get_mut(&id).expect("the open comes first");
                    *count += 1;
                    context.send(id, count.to_string());
                }
                Inbound::Close { .. } => {
                    counts.remove(&id).expect("one close for each open");
                }
                other => panic!("nothing was asked for, and nothing is full: {other:?}"),
            }
        }
        assert!(counts.is_empty(), "all sockets are closed before the end");
    }
}

#[test]
fn a_service_may_have_a_loop_of_its_own() {
    let mut server = Server::new(LIMITS);
    server.mount("/dir/", || Counting);
    let server = Running::start(server);
    let open = |path: &str, more: &str| {
        let mut raw = server.raw();
        raw.send(&support::http::upgrade(path, more));
        raw.read_101();
        raw
    };
    let mut first = open("/dir/?x=%20y", "X-Name: Zo\u{EB}\r\n");
    let mut second = open("/dir/ws_service", "");
    assert_eq!((first.read_text(), first.read_text()), ("/dir/ x=%20y".into(), "Zo\u{EB}".into()));
    assert_eq!(
        (second.read_text(), second.read_text()),
        ("/dir/ws_service ".into(), "nobody".into())
    );
    for count in 1..10 {
        first.send_text("x");
        assert_eq!(first.read_text(), count.to_string());
    }
    second.send_text("x");
    assert_eq!(second.read_text(), "1");
    drop((first, second));
    server.stop();
}

/// Receives on a thread of its own.
struct Lender;

impl Service for Lender {
    fn run(&mut self, context: &mut Context) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while let Some(transaction) = context.receive() {
                    if let Inbound::Data { id, message } = transaction {
                        context.send(id, message);
                    }
                }
            });
        });
    }
}

#[test]
fn a_service_may_lend_its_line_to_another_thread() {
    let mut server = Server::new(LIMITS);
    server.mount("/lent", || Lender);
    let server = Running::start(server);
    let mut raw = server.open("/lent");
    for number in 0..100 {
        raw.send_text(&number.to_string());
        assert_eq!(raw.read_text(), number.to_string());
    }
    drop(raw);
    server.stop();
}

#[test]
fn clients_of_many_services_do_not_meet() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        for number in 0..20 {
            let name = format!("service {number}");
            let told = mount_probe(&mut server, &format!("/{number}"), move |peer, message| {
                let text = message.as_text().expect("it is a text");
                peer.send_to(Audience::all(), format!("{name} says {text}"));
            });
            drop(told);
        }
        let server = Running::start(server);
        let mut clients: Vec<Client> = (0..20).map(|n| server.connect(&format!("/{n}"))).collect();
        for round in 0..10 {
            for (number, client) in clients.iter_mut().enumerate() {
                let text = format!("{round} to {number}");
                client.send(tungstenite::Message::text(text)).expect("it is open");
            }
            for (number, client) in clients.iter_mut().enumerate() {
                let message = client.read().expect("an answer comes");
                assert_eq!(
                    message.to_text().expect("it is a text"),
                    format!("service {number} says {round} to {number}")
                );
            }
        }
    });
}
