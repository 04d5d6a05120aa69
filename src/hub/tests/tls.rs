//! TLS connections: which handshakes are admitted, what becomes of them, what requests say of them,
//! and what waits below the hub.

use std::collections::VecDeque;

use super::*;
use crate::engine::{Left, TlsRead};
use crate::service::{Request, TlsInfo, TlsVersion};
use crate::ws::Transport;

const MANY: Limits = Limits { connection_rate: None, ..Limits::SERVER };

/// A hub whose next connection begins with a handshake.
fn rig(limits: Limits) -> Rig {
    let mut rig = Rig::new(limits);
    rig.transport = Transport::Secure;
    rig
}

fn from(host: u8) -> SocketAddr {
    ([10, 0, 0, host], 1).into()
}

fn head(path: &str, lines: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
    .into_bytes()
}

impl Rig {
    /// A TLS connection comes from this address.
    fn begin(&mut self, host: u8) -> Option<SocketId> {
        let id = self.accept(from(host), Reach::Network)?;
        self.io.sealed.insert(id.serial(), VecDeque::new());
        Some(id)
    }

    /// The next reads of a connection result in these.
    fn read(&mut self, id: SocketId, reads: impl IntoIterator<Item = TlsRead>) {
        self.io.sealed.entry(id.serial()).or_default().extend(reads);
        self.receive(id, b"");
    }

    /// Its handshake is over.
    fn secure(&mut self, id: SocketId) {
        self.read(id, [TlsRead::Secured(Box::new(info()))]);
    }

    /// Bytes come over TLS.
    fn decrypt(&mut self, id: SocketId, bytes: &[u8]) {
        let read = TlsRead::Bytes { len: bytes.len(), records: 1, left: Left::Nothing };
        self.io.sealed.entry(id.serial()).or_default().push_back(read);
        self.receive(id, bytes);
    }

    /// Why a socket ends, as far as it is known.
    fn reason(&self, id: SocketId) -> String {
        let cold = self.hub().sockets.get(id).and_then(|socket| socket.cold.as_ref());
        cold.map(|cold| cold.reason.clone()).unwrap_or_default()
    }

    /// The request that a service got last.
    fn request(&mut self) -> std::sync::Arc<Request> {
        let mut opened = self.io.mail.drain(..).rev().filter_map(|transaction| match transaction {
            Inbound::Open { request, .. } => Some(request),
            _ => None,
        });
        opened.next().expect("a socket has opened")
    }
}

fn info() -> TlsInfo {
    TlsInfo { server_name: Some("h".to_owned()), ..TlsInfo::of_version(TlsVersion::Tls12) }
}

#[test]
fn an_address_with_a_quarter_gets_no_handshake_of_the_last_quarter() {
    let mut rig = rig(Limits { handshakes_max: 8, ..MANY });
    let first: Vec<_> = (0..6).map(|_| rig.begin(1).expect("three quarters")).collect();
    assert_eq!(rig.begin(1), None);
    let other = rig.begin(2).expect("the last quarter is for others");
    // When two of the first are over, the address gets one more.
    first[..2].iter().for_each(|id| rig.secure(*id));
    assert!(rig.begin(1).is_some());
    rig.remove(other);
    assert!(!rig.hub().has_all_handshakes());
}

#[test]
fn addresses_that_count_for_nothing_may_have_all_handshakes() {
    for (limits, peer) in [
        (MANY, SocketAddr::from(([127, 0, 0, 1], 1))),
        (Limits { sockets_per_ip_max: Limits::OFF_COUNT, ..MANY }, from(1)),
    ] {
        let mut rig = rig(Limits { handshakes_max: 8, ..limits });
        for _ in 0..8 {
            assert!(!rig.hub().has_all_handshakes());
            assert!(rig.accept(peer, Reach::Network).is_some(), "{peer}");
        }
        assert!(rig.hub().has_all_handshakes());
    }
}

/// A connection beyond the maximum is not accepted, and nobody else has to wait.
#[test]
fn connections_wait_in_the_system_until_a_handshake_is_over() {
    let mut rig = rig(Limits { handshakes_max: 2, ..MANY });
    let ids = [1, 2].map(|host| rig.begin(host).expect("there are two"));
    assert!(rig.hub().has_all_handshakes());
    assert_eq!(rig.begin(3), None);
    assert_eq!(rig.io.arrivals.len(), 1, "it waits");
    let waiting = rig.io.arrivals.pop_front().expect("it waits");
    rig.transport = Transport::Unknown;
    assert!(rig.accept(from(3), Reach::Network).is_some(), "plain ones come");
    rig.io.arrivals.push_back(waiting);
    // A failure ends a handshake as well.
    rig.fail(ids[0]);
    rig.turn();
    rig.turn();
    assert_eq!(rig.io.arrivals.len(), 0);
    assert!(rig.hub().has_all_handshakes());
    rig.secure(ids[1]);
    assert!(!rig.hub().has_all_handshakes());
    // That it is over counts once.
    rig.secure(ids[1]);
    rig.remove(ids[1]);
    rig.transport = Transport::Secure;
    assert!(rig.begin(4).is_some());
    assert!(rig.hub().has_all_handshakes());
}

/// An answer would need a handshake.
#[test]
fn a_tls_connection_beyond_the_limits_is_dropped() {
    let mut rig = rig(Limits { sockets_max: 1, ..MANY });
    rig.begin(1).expect("there is space");
    assert_eq!(rig.begin(2), None);
    rig.transport = Transport::Unknown;
    rig.peer = from(2);
    let id = rig.ask("/a");
    assert_eq!(rig.status(id), "503");
}

#[test]
fn no_answer_is_given_before_the_handshake_is_over() {
    for ends in [
        (|rig: &mut Rig| rig.wait(Limits::SERVER.handshake_ms_max + 100)) as fn(&mut Rig),
        Rig::stop,
    ] {
        let mut rig = rig(MANY);
        let id = rig.begin(1).expect("there is space");
        rig.read(id, [TlsRead::Bytes { len: 0, records: 1, left: Left::Nothing }]);
        ends(&mut rig);
        assert_eq!(rig.io.dropped, [id]);
        assert!(rig.got(id).is_empty());
        assert!(!rig.hub().shakes_hands(id));
    }
    // What a request would get.
    let mut rig = rig(MANY);
    let id = rig.begin(1).expect("there is space");
    rig.engine.hub_mut().respond(id, &Response::text(Status::FORBIDDEN, "no"), Time::ZERO);
    assert!(rig.reason(id).starts_with("TLS: the handshake was not over"), "{}", rig.reason(id));
}

#[test]
fn a_request_tells_of_its_tls_connection() {
    let mut rig = rig(MANY);
    let id = rig.begin(1).expect("there is space");
    rig.secure(id);
    rig.decrypt(id, &head("/a", ""));
    rig.ready(0);
    let request = rig.request();
    assert!(request.is_secure());
    assert_eq!(request.peer().tls(), Some(&info()));
    assert_eq!(request.peer().address(), Some(from(1)));
    // A plain one does not.
    rig.transport = Transport::Unknown;
    rig.ask("/a");
    let request = rig.request();
    assert_eq!((request.is_secure(), request.peer().tls()), (false, None));
}

#[test]
fn pages_of_the_same_origin_are_those_over_tls() {
    let rows = [("https://h", "101"), ("http://h", "403"), ("https://other", "403")];
    for (origin, status) in rows {
        let mut rig = rig(MANY);
        let id = rig.begin(1).expect("there is space");
        rig.secure(id);
        rig.decrypt(id, &head("/a", &format!("Origin: {origin}\r\n")));
        rig.ready(0);
        assert_eq!((origin, rig.status(id).as_str()), (origin, status));
    }
}

#[cfg(feature = "proxy")]
mod proxied {
    use super::*;
    use crate::ws::proxy::{ProxiedPeer, ProxyHeader};
    use crate::ws::{Forwarded, TrustedProxies};

    const CLIENT: [u8; 4] = [192, 0, 2, 7];

    /// The same with 10.0.0.0/8 as trusted proxies.
    fn rig(limits: Limits, protocol: ProxyProtocol) -> Rig {
        let mut rig = super::rig(limits);
        let trusted: TrustedProxies = "10.0.0.0/8".parse().expect("it is a list");
        let forwarded = Forwarded::XForwardedFor;
        rig.engine.hub_mut().trust(Proxies { trusted, forwarded });
        rig.protocol = protocol;
        rig
    }

    fn identify(rig: &mut Rig, id: SocketId) {
        let peer = ProxiedPeer::Address((CLIENT, 5).into());
        let header = ProxyHeader { len: 16, peer, is_secure: false };
        rig.engine.hub_mut().identify(id, Some(&header), rig.now);
        rig.turn();
    }

    #[test]
    fn a_handshake_behind_the_header_of_a_proxy_is_that_of_its_client() {
        let mut rig = rig(Limits { handshakes_max: 8, ..MANY }, ProxyProtocol::On);
        // A proxy counts for no share.
        let ids: Vec<_> = (0..7).map(|_| rig.begin(1).expect("there is space")).collect();
        ids[..2].iter().for_each(|id| identify(&mut rig, *id));
        rig.secure(ids[0]);
        rig.decrypt(ids[0], &head("/a", ""));
        rig.ready(0);
        let request = rig.request();
        assert_eq!(request.peer_address(), Some((CLIENT, 5).into()));
        assert!(request.is_secure() && request.peer().tls().is_some());
        // Another peer than a proxy is dropped before its handshake.
        rig.peer = (CLIENT, 5).into();
        assert_eq!(rig.accept(rig.peer, Reach::Network), None);
    }

    #[test]
    fn a_client_beyond_the_limits_is_dropped_without_a_handshake() {
        let mut rig = rig(Limits { sockets_per_ip_max: 1, ..MANY }, ProxyProtocol::On);
        let ids = [1, 1].map(|host| rig.begin(host).expect("there is space"));
        ids.iter().for_each(|id| identify(&mut rig, *id));
        assert_eq!(rig.io.dropped, [ids[1]]);
        assert!(rig.got(ids[1]).is_empty());
        #[cfg(feature = "admin")]
        {
            // It is refused, and no handshake has failed.
            let metrics = counters::metrics(&rig);
            assert!(metrics.refused.contains(&("per_ip", 1)), "{:?}", metrics.refused);
            assert!(metrics.tls_handshakes.iter().all(|(_, count)| *count == 0));
        }
    }

    /// The client has connected to the proxy, whose word counts.
    #[test]
    fn a_trusted_proxy_says_how_its_client_has_connected() {
        for (proto, is_secure) in [("https", true), ("http", false)] {
            let mut rig = rig(MANY, ProxyProtocol::Off);
            let id = rig.begin(1).expect("there is space");
            rig.secure(id);
            let lines = format!("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: {proto}\r\n");
            rig.decrypt(id, &head("/a", &lines));
            rig.ready(0);
            let request = rig.request();
            assert_eq!((proto, request.is_secure()), (proto, is_secure));
            assert_eq!(request.peer_address().map(|peer| peer.ip()), Some(CLIENT.into()));
        }
        // Another peer's word does not.
        let mut rig = super::rig(MANY);
        let id = rig.begin(1).expect("there is space");
        rig.secure(id);
        rig.decrypt(id, &head("/a", "X-Forwarded-Proto: http\r\n"));
        rig.ready(0);
        assert!(rig.request().is_secure());
    }
}

/// What is counted of handshakes, and what of the reasons for refusals.
#[cfg(feature = "admin")]
mod counted {
    use super::super::counters::metrics;
    use super::*;

    /// Full and resumed handshakes, those that have failed, and connections that were refused.
    fn ends(rig: &Rig) -> [u64; 4] {
        let metrics = metrics(rig);
        let of = |all: &[(&str, u64)], name| {
            all.iter().find(|(is, _)| *is == name).expect("it is counted").1
        };
        let [full, resumed, failed] =
            ["full", "resumed", "failed"].map(|name| of(&metrics.tls_handshakes, name));
        [full, resumed, failed, of(&metrics.refused, "handshakes")]
    }

    #[test]
    fn each_handshake_ends_once() {
        let mut rig = rig(Limits { handshakes_max: 4, ..MANY });
        let mut begin = |host| (rig.begin(host).expect("there is space"), ends(&rig));
        let ((first, one), (second, two)) = (begin(1), begin(2));
        assert_eq!([one, two], [[0; 4]; 2], "they have only begun");
        rig.secure(first);
        assert_eq!(ends(&rig), [1, 0, 0, 0]);
        rig.secure(first);
        rig.remove(first);
        assert_eq!(ends(&rig), [1, 0, 0, 0], "it is over already");
        let resumed = TlsInfo { is_resumed: true, ..info() };
        rig.read(second, [TlsRead::Secured(Box::new(resumed))]);
        assert_eq!(ends(&rig), [1, 1, 0, 0]);
        // What ends a connection later is no failure of its handshake.
        rig.fail(second);
        rig.turn();
        assert_eq!(ends(&rig), [1, 1, 0, 0]);
        for (end, failed) in [
            (Rig::fail as fn(&mut Rig, SocketId), 1),
            (|rig, _| rig.wait(Limits::SERVER.handshake_ms_max + 100), 2),
            (Rig::remove, 3),
        ] {
            let id = rig.begin(3).expect("there is space");
            end(&mut rig, id);
            rig.turn();
            assert_eq!(ends(&rig), [1, 1, failed, 0]);
        }
        // A plain connection has none.
        rig.transport = Transport::Unknown;
        let id = rig.accept(from(5), Reach::Network).expect("there is space");
        rig.remove(id);
        assert_eq!(ends(&rig), [1, 1, 3, 0]);
    }

    #[test]
    fn a_connection_that_may_not_begin_one_is_refused() {
        let mut rig = rig(Limits { handshakes_max: 4, ..MANY });
        (0..3).for_each(|_| _ = rig.begin(1).expect("three quarters"));
        assert_eq!((rig.begin(1), ends(&rig)), (None, [0, 0, 0, 1]));
        // Beyond the limits of connections, it is refused for that.
        let mut rig = super::rig(Limits { sockets_max: 1, ..MANY });
        rig.begin(1).expect("there is space");
        assert_eq!((rig.begin(2), ends(&rig)), (None, [0; 4]));
    }
}

const MIB: usize = 1 << 20;

/// How much is held for all sockets together.
fn held(rig: &Rig) -> usize {
    let held = |id| rig.hub().sockets.get(id).map_or(0, |socket| socket.held_bytes(0));
    rig.hub().sockets.ids().into_iter().map(held).sum()
}

#[test]
fn records_that_are_not_whole_are_held() {
    let mut rig = rig(MANY);
    let id = rig.begin(1).expect("there is space");
    rig.secure(id);
    rig.decrypt(id, &head("/a", ""));
    rig.ready(0);
    rig.apply(0, vec![taken(1)]);
    assert_eq!(held(&rig), 0);
    rig.read(id, [TlsRead::Drained(9_000)]);
    assert_eq!(held(&rig), 9_000);
    rig.read(id, [TlsRead::Drained(12_000)]);
    assert_eq!(held(&rig), 12_000);
    // The record is whole with what comes, and nothing is left.
    rig.decrypt(id, &frame(0x81, b"whole"));
    assert_eq!(held(&rig), 0);
    assert_eq!(rig.mail(), ["open 1", "data 1 whole"]);
}

#[test]
fn the_address_that_has_most_of_records_that_are_not_whole_loses_first() {
    let mut rig = rig(Limits { held_bytes_max: 20 * MIB, ..MANY });
    let open = |rig: &mut Rig, host| {
        let id = rig.begin(host).expect("there is space");
        rig.secure(id);
        rig.decrypt(id, &head("/a", ""));
        if rig.hub().workers[WorkerId::new(0)].state == RunState::Starting {
            rig.ready(0);
        }
        rig.apply(0, vec![taken(1)]);
        rig.got(id);
        id
    };
    let [calm, greedy] = [1, 2].map(|host| open(&mut rig, host));
    let handshake = rig.begin(3).expect("there is space");
    rig.read(calm, [TlsRead::Drained(MIB)]);
    rig.read(greedy, [TlsRead::Drained(9 * MIB)]);
    rig.read(handshake, [TlsRead::Drained(8 * MIB)]);
    rig.turn();
    assert!(rig.io.dropped.is_empty(), "that fits");
    rig.read(calm, [TlsRead::Drained(5 * MIB)]);
    rig.turn();
    assert_eq!(rig.got(greedy)[2..4], 1013_u16.to_be_bytes());
    // A handshake holds as well, and gets no answer.
    rig.read(calm, [TlsRead::Drained(7 * MIB)]);
    rig.read(handshake, [TlsRead::Drained(14 * MIB)]);
    rig.turn();
    assert_eq!(rig.io.dropped, [handshake]);
    assert!(rig.got(calm).is_empty());
    assert!(rig.got(handshake).is_empty());
}

#[test]
fn plain_requests_are_sent_to_tls() {
    const UPGRADE: &str = "Upgrade: websocket\r\nConnection: upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    // The port of TLS, the target, the lines of the head, the status, and where it leads.
    let rows = [
        (12_443, "/x?q=1", "Host: h\r\n", "308", "https://h:12443/x?q=1"),
        (443, "/x", "Host: h\r\n", "308", "https://h/x"),
        (443, "/x", "Host: h:8080\r\n", "308", "https://h/x"),
        (12_443, "/x", "Host: h:8080\r\n", "308", "https://h:12443/x"),
        (443, "/x", "Host: [2001:db8::1]\r\n", "308", "https://[2001:db8::1]/x"),
        (12_443, "/x", "Host: [2001:db8::1]:80\r\n", "308", "https://[2001:db8::1]:12443/x"),
        // RFC 9112, 3.2.2: the authority of the target replaces the Host.
        (443, "http://other:80/x?q", "Host: h\r\n", "308", "https://other/x?q"),
        (443, "/", "Host: h\r\n", "308", "https://h/"),
        (443, "http://other?q", "Host: h\r\n", "308", "https://other/?q"),
        // Only a target in absolute form has an authority.
        (443, "/x?u=http://evil/y", "Host: h\r\n", "308", "https://h/x?u=http://evil/y"),
        (443, "/x", "Host: h:\r\n", "308", "https://h/x"),
        // Sockets of browsers follow no redirect.
        (12_443, "/a", "Host: h\r\nUPGRADE", "426", "wss://h:12443/a"),
    ];
    for (port, target, lines, status, place) in rows {
        let mut rig = Rig::new(MANY);
        rig.engine.hub_mut().redirect_to_tls(Some(port));
        let id = rig.connect();
        let lines = lines.replace("UPGRADE", UPGRADE);
        rig.receive(id, format!("GET {target} HTTP/1.1\r\n{lines}\r\n").as_bytes());
        let answer = String::from_utf8(rig.got(id)).expect("an answer is text");
        let row = format!("{port} {target} {lines}: {answer}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{row}");
        match status {
            "308" => assert!(answer.contains(&format!("Location: {place}\r\n")), "{row}"),
            _ => {
                assert!(answer.contains("Upgrade: TLS/1.2\r\n") && answer.contains(place), "{row}");
            }
        }
    }
}

#[test]
fn requests_are_not_sent_to_hosts_that_are_not_allowed() {
    let mut rig = Rig::new(MANY);
    let hub = rig.engine.hub_mut();
    hub.redirect_to_tls(Some(443));
    hub.allow_hosts("h".parse().expect("it is a rule"), crate::service::OriginRule::Same);
    for target in ["/x", "http://evil/x"] {
        let id = rig.connect();
        rig.receive(id, format!("GET {target} HTTP/1.1\r\nHost: evil\r\n\r\n").as_bytes());
        assert_eq!(rig.status(id), "421", "{target}");
    }
}

#[test]
fn requests_that_name_no_host_are_not_sent_elsewhere() {
    for lines in ["Host: \r\n", "Host: a b\r\n", "Host: h/x\r\n", ""] {
        let mut rig = Rig::new(MANY);
        rig.engine.hub_mut().redirect_to_tls(Some(443));
        let id = rig.connect();
        rig.receive(id, format!("GET /x HTTP/1.1\r\n{lines}\r\n").as_bytes());
        let answer = String::from_utf8(rig.got(id)).expect("an answer is text");
        assert!(!answer.contains("Location"), "{lines:?}: {answer}");
        assert!(["400", "426"].contains(&answer.split(' ').nth(1).unwrap_or_default()), "{answer}");
    }
}

#[test]
fn requests_over_tls_are_served() {
    let mut rig = rig(MANY);
    rig.engine.hub_mut().redirect_to_tls(Some(443));
    let id = rig.begin(1).expect("there is space");
    rig.secure(id);
    rig.decrypt(id, &head("/a", ""));
    rig.ready(0);
    assert_eq!(rig.status(id), "101");
}
