//! Clients behind trusted proxies: what counts for whom, and when.

use super::*;
use crate::hub::address_key::AddressKey;
use crate::hub::socket_flags::SocketFlag;
use crate::limits::Rate;
use crate::ws::proxy::{ProxiedPeer, ProxyHeader};
use crate::ws::{Forwarded, TrustedProxies};

const MANY: Limits = Limits { connection_rate: None, ..Limits::SERVER };

/// A hub that trusts the proxies of 10.0.0.0/8, one of which connects next.
fn rig(limits: Limits, protocol: ProxyProtocol) -> Rig {
    let mut rig = Rig::new(limits);
    let trusted: TrustedProxies = "10.0.0.0/8".parse().expect("it is a list");
    let forwarded = Forwarded::XForwardedFor;
    rig.engine.hub_mut().trust(Proxies { trusted, forwarded });
    rig.protocol = protocol;
    rig.peer = ([10, 0, 0, 1], 1).into();
    rig
}

fn address(text: &str) -> Option<SocketAddr> {
    Some(text.parse().expect("it is an address"))
}

impl Rig {
    /// A handshake that a proxy has passed on for this client.
    fn ask_for(&mut self, client: &str) -> SocketId {
        self.ask_with("/a", &format!("X-Forwarded-For: {client}"))
    }

    /// The header of the PROXY protocol comes.
    fn identify(&mut self, id: SocketId, peer: ProxiedPeer) {
        let header = ProxyHeader { len: 16, peer, is_secure: false };
        self.engine.hub_mut().identify(id, Some(&header), self.now);
        self.turn();
    }

    /// The address that is known of a socket.
    fn known(&self, id: SocketId) -> Option<SocketAddr> {
        self.hub().sockets.get(id).and_then(|socket| self.hub().addresses.of(socket.peer))
    }

    /// How many sockets count for an address.
    fn count(&self, client: &str) -> usize {
        self.hub().addresses.count(AddressKey::of(address(&format!("{client}:0"))))
    }

    /// Whether nothing is left behind when all have gone.
    fn is_clean(&mut self) -> bool {
        self.hub().sockets.ids().into_iter().for_each(|id| self.remove(id));
        self.hub().addresses.is_empty() && self.hub().surplus_len == 0
    }
}

#[test]
fn clients_count_and_their_proxy_does_not() {
    let mut rig = rig(Limits { sockets_per_ip_max: 2, ..MANY }, ProxyProtocol::Off);
    let silent: Vec<_> = (0..20).map(|_| rig.connect()).collect();
    assert_eq!(rig.count("10.0.0.1"), 0);
    let open: Vec<_> = (0..2).map(|_| rig.ask_for("192.0.2.1")).collect();
    assert_eq!(rig.known(open[0]), address("192.0.2.1:0"));
    assert_eq!((rig.count("192.0.2.1"), rig.count("10.0.0.1")), (2, 0));
    let refused = rig.ask_for("192.0.2.1");
    assert_eq!(rig.status(refused), "503");
    assert_eq!(rig.count("192.0.2.1"), 2, "one that is refused does not count");
    let other = rig.ask_for("192.0.2.2");
    assert_eq!(rig.status(other), "");
    // All of a /64 of IPv6 are one.
    for (host, status) in [(1, ""), (2, ""), (3, "503")] {
        let id = rig.ask_for(&format!("[2001:db8::{host}]:{host}"));
        assert_eq!((host, rig.status(id).as_str()), (host, status));
    }
    // The place of one that goes is free.
    rig.remove(open[1]);
    assert_eq!(rig.count("192.0.2.1"), 1);
    let next = rig.ask_for("192.0.2.1");
    assert_eq!(rig.status(next), "");
    // What the proxy asks for itself does not count.
    rig.receive(silent[0], b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(rig.status(silent[0]), "404");
    assert!(rig.is_clean());
}

#[test]
fn clients_of_a_proxy_have_rates_of_their_own() {
    let connection_rate = Some(Rate { per_s: 1, burst: 5 });
    let mut rig = rig(Limits { connection_rate, ..Limits::SERVER }, ProxyProtocol::Off);
    let mut counts = [0; 3];
    for _ in 0..50 {
        let id = rig.ask_for("192.0.2.1");
        let status = rig.status(id);
        let place = match status.as_str() {
            "" => usize::from(rig.io.dropped.contains(&id)) * 2,
            "429" => 1,
            other => panic!("{other}"),
        };
        counts[place] += 1;
        rig.fail(id);
        rig.turn();
    }
    assert_eq!(counts, [5, 16, 29]);
    let other = rig.ask_for("192.0.2.2");
    assert_eq!(rig.status(other), "");
    // So are those whose address the PROXY protocol tells.
    let id = rig.connect();
    rig.identify(id, ProxiedPeer::Address(([192, 0, 2, 1], 5).into()));
    assert!(rig.io.dropped.contains(&id));
    rig.remove(other);
    rig.wait(60_000);
    let id = rig.ask_for("192.0.2.1");
    assert_eq!(rig.status(id), "");
}

/// A socket does not count for itself when its address becomes known.
#[test]
fn all_places_can_be_taken_through_a_proxy() {
    for max in [1, 4] {
        let mut rig = rig(Limits { sockets_max: max, ..MANY }, ProxyProtocol::Off);
        for host in 1..=max {
            let id = rig.ask_for(&format!("192.0.2.{host}"));
            assert_eq!(rig.status(id), "", "{host} of {max}");
        }
        // Beyond them, the address becomes known as well, and counts for nothing.
        let id = rig.ask_for("192.0.2.99");
        assert_eq!(rig.status(id), "503");
        assert_eq!((rig.known(id), rig.count("192.0.2.99")), (address("192.0.2.99:0"), 0));
        assert!(rig.is_clean());
    }
    let mut rig = rig(Limits { sockets_max: 8, ..MANY }, ProxyProtocol::Off);
    let statuses = (0..8).map(|_| {
        let id = rig.ask_for("192.0.2.1");
        rig.status(id)
    });
    let open = statuses.filter(String::is_empty).count();
    assert_eq!(open, 6, "the last quarter is for others");
    assert!(rig.is_clean());
}

#[test]
fn whose_word_counts() {
    let client = ProxiedPeer::Address(([192, 0, 2, 1], 5000).into());
    let proxy = ProxiedPeer::Address(([10, 0, 0, 2], 5000).into());
    // What the PROXY header says, the head, and the address of the client.
    let rows = [
        (None, "192.0.2.9", "192.0.2.9:0"),
        (None, "192.0.2.9, 10.0.0.3", "192.0.2.9:0"),
        (None, "unknown", "10.0.0.1:1"),
        (Some(client), "192.0.2.9", "192.0.2.1:5000"),
        (Some(proxy), "192.0.2.9", "192.0.2.9:0"),
        (Some(proxy), "_hidden", "10.0.0.2:5000"),
        // Anybody may have connected to the proxy.
        (Some(ProxiedPeer::Own), "192.0.2.9", "10.0.0.1:1"),
        (Some(ProxiedPeer::Unknown), "192.0.2.9", "10.0.0.1:1"),
    ];
    for (header, forwarded, expected) in rows {
        let mut rig = rig(MANY, ProxyProtocol::Off);
        let id = rig.connect();
        if let Some(peer) = header {
            rig.identify(id, peer);
        }
        let head = format!("GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: {forwarded}\r\n\r\n");
        rig.receive(id, head.as_bytes());
        assert_eq!(rig.known(id), address(expected), "{header:?} {forwarded}");
        let is_counted = !expected.starts_with("10.");
        let held = rig.count(expected.split(':').next().expect("it has one"));
        assert_eq!(held, usize::from(is_counted), "{header:?} {forwarded}");
        assert!(rig.is_clean());
    }
    // From another peer, it is a header like all others.
    let mut rig = rig(MANY, ProxyProtocol::Off);
    rig.peer = ([192, 0, 2, 7], 1).into();
    let id = rig.ask_for("192.0.2.9");
    assert_eq!((rig.known(id), rig.count("192.0.2.7")), (address("192.0.2.7:1"), 1));
    rig.identify(id, client);
    assert_eq!((rig.known(id), rig.count("192.0.2.7")), (address("192.0.2.7:1"), 1));
    assert!(rig.is_clean());
}

#[test]
fn with_the_proxy_protocol_others_are_dropped() {
    let mut rig = rig(MANY, ProxyProtocol::On);
    assert_eq!(rig.accept(([192, 0, 2, 1], 1).into(), Reach::Network), None);
    assert_eq!(rig.accept(([127, 0, 0, 1], 1).into(), Reach::Machine), None);
    let id = rig.connect();
    rig.engine.hub_mut().identify(id, None, rig.now);
    rig.turn();
    assert_eq!((rig.got(id), &rig.io.dropped), (vec![], &vec![id]));
    assert!(rig.hub().sockets.get(id).is_none_or(|s| !s.flags.has(SocketFlag::Surplus)));
    assert!(rig.is_clean());
}

/// Of several proxies, the log has the one whose connection it is.
#[cfg(feature = "admin")]
#[test]
fn the_log_has_the_proxy_that_connects() {
    let mut rig = rig(MANY, ProxyProtocol::On);
    let noted = |rig: &Rig, id| {
        let cold = rig.hub().sockets.get(id).and_then(|socket| socket.cold.as_ref());
        cold.and_then(|cold| cold.notes.as_ref()).map(|notes| notes.proxy.clone())
    };
    let id = rig.connect();
    assert_eq!(noted(&rig, id), None);
    rig.identify(id, ProxiedPeer::Address(([10, 0, 0, 2], 5).into()));
    let head = "GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\n\
                Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    rig.receive(id, head.as_bytes());
    assert_eq!(rig.known(id), address("192.0.2.1:0"));
    assert_eq!(noted(&rig, id).as_deref(), Some("10.0.0.1:1"));
    // An open socket keeps nothing of it.
    rig.ready(0);
    assert_eq!((rig.status(id).as_str(), noted(&rig, id)), ("101", None));
    // Without lines, nothing is kept for them.
    rig.engine.hub_mut().access_log(AccessLog::Off);
    let id = rig.ask_for("192.0.2.1");
    assert_eq!(noted(&rig, id), None);
}
