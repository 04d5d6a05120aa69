//! `origin` and `allowed-hosts` over real sockets, for handshakes, pages and files: `auto` depends
//! on the address of the listener.

#![cfg(feature = "host")]

mod support;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use switchboard::{AllowedHosts, ListenAddress, Page, Server};

use support::folder::{folder, write};
use support::http::UPGRADE;
use support::raw::Raw;
use support::services::{Echo, mount_echo};
use support::{LIMITS, Running};

const REBOUND: &str = "Origin: http://evil.example\r\n";

/// A server with a page, a service, and a file.
fn server(allowed: &str, origin: &str) -> Server {
    let root = folder("root");
    write(&root, "file.txt", "a file", "644");
    let mut server = Server::new(LIMITS);
    server.allowed_hosts(allowed.parse().expect("it is a rule"));
    server.origin(origin.parse().expect("it is a rule"));
    server.mount("/page", || switchboard::handler(Echo)).page(Page::html("<p>a page"));
    mount_echo(&mut server, "/echo");
    server.static_root(root);
    server
}

/// The statuses of a handshake of a page, of one without a page, of a page and of a file.
fn statuses(address: SocketAddr, host: &str, more: &str) -> [u16; 4] {
    let requests = [
        ("/echo", format!("{UPGRADE}{REBOUND}")),
        ("/echo", UPGRADE.to_owned()),
        ("/page", String::new()),
        ("/file.txt", String::new()),
    ];
    requests.map(|(path, lines)| {
        let mut raw = Raw::connect(address);
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}{more}\r\n").as_bytes());
        raw.read_head().status
    })
}

#[test]
fn a_name_that_others_made_up_is_refused_on_loopback() {
    let loopback = ["127.0.0.1:0", "127.5.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0"];
    for address in loopback.map(|text| text.parse::<SocketAddr>().expect("it is an address")) {
        // A machine may have no IPv6, or only one loopback address.
        if TcpListener::bind(address).is_err() {
            assert_ne!(address.to_string(), "127.0.0.1:0");
            continue;
        }
        let server = Running::start_at(server("auto", "same"), address);
        let ask = |host: &str, more: &str| statuses(server.address(), host, more);
        assert_eq!(ask("evil.example", ""), [421, 101, 421, 421], "{address}");
        assert_eq!(ask("evil.example", "Via: 1.1 a\r\n"), [101, 101, 200, 200], "{address}");
        assert_eq!(ask("localhost", ""), [403, 101, 200, 200], "{address}");
        assert_eq!(ask("192.0.2.1", ""), [403, 101, 200, 200], "{address}");
    }
    let server = Running::start(server("auto", "same, http://evil.example"));
    assert_eq!(statuses(server.address(), "evil.example", ""), [101, 101, 200, 200], "named");
}

/// The address that a listener is bound to decides, not the one that the connection came to.
#[test]
fn other_listeners_have_any_host() {
    let address = "0.0.0.0:0".parse().expect("it is an address");
    let server = Running::start_at(server("auto", "same"), address);
    let here = (Ipv4Addr::LOCALHOST, server.address().port()).into();
    assert_eq!(statuses(here, "evil.example", ""), [101, 101, 200, 200]);
}

#[test]
fn each_listener_has_a_rule_of_its_own() {
    let server = server("auto", "same");
    let addresses: Vec<SocketAddr> =
        ["127.0.0.1:0", "0.0.0.0:0"].map(|text| text.parse().expect("it is one")).to_vec();
    let host = server.bind(&addresses[..]).expect("the ports are free");
    let bound: Vec<SocketAddr> = host.addresses().filter_map(ListenAddress::tcp).collect();
    let stopper = host.stopper();
    let thread = std::thread::spawn(move || host.run());
    let outside = ([127, 0, 0, 1], bound[1].port()).into();
    assert_eq!(statuses(bound[0], "evil.example", ""), [421, 101, 421, 421]);
    assert_eq!(statuses(outside, "evil.example", ""), [101, 101, 200, 200]);
    stopper.stop_now();
    thread.join().expect("the host does not panic").expect("it ends without an error");
}

#[test]
fn a_list_is_strict() {
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let server = server("evil.example, 192.0.2.1", "same, http://evil.example");
        let server = Running::start_at(server, address.parse().expect("it is an address"));
        let here = (Ipv4Addr::LOCALHOST, server.address().port()).into();
        let ask = |host: &str, more: &str| statuses(here, host, more);
        assert_eq!(ask("evil.example:80", ""), [101, 101, 200, 200], "{address}");
        assert_eq!(ask("192.0.2.1", ""), [101, 101, 200, 200], "{address}");
        assert_eq!(ask("localhost", ""), [421; 4], "{address}");
        assert_eq!(ask("a.example", "X-Forwarded-For: 192.0.2.9\r\n"), [421; 4], "{address}");
    }
}

#[test]
fn any_host_may_be_allowed() {
    let mut server = server("auto", "same");
    server.allowed_hosts(AllowedHosts::Any);
    let server = Running::start(server);
    assert_eq!(statuses(server.address(), "evil.example", ""), [101, 101, 200, 200]);
}

/// As nginx asks by default, by the name of its upstream; a list holds for it all the same.
#[test]
fn http_1_0_is_excused_under_auto() {
    let rows = [("auto", "backend", 200), ("auto, a.example", "backend", 200)];
    let strict = [("a.example", "backend", 421), ("a.example", "a.example", 200)];
    for (allowed, host, status) in rows.into_iter().chain(strict) {
        let server = Running::start(server(allowed, "same"));
        for path in ["/page", "/file.txt"] {
            let mut raw = server.raw();
            let head = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            raw.send(head.as_bytes());
            assert_eq!(raw.read_answer().status, status, "{allowed}: {path} of {host}");
        }
    }
}

/// HTTP/1.0 needs no Host.
#[test]
fn without_a_host_nothing_is_refused_for_it() {
    let server = Running::start(server("a.example", "same"));
    let mut raw = server.raw();
    raw.send(b"GET /page HTTP/1.0\r\n\r\n");
    assert_ne!(raw.read_answer().status, 421);
}
