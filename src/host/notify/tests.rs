//! What a service manager gets, and when, in the time of the test.

use super::*;

const QUIET: Facts = Facts { sockets_len: 0, services_len: 0 };
const BUSY: Facts = Facts { sockets_len: 3, services_len: 2 };

/// Reports to a socket of the test.
fn pair(name: &str, watchdog: Option<Duration>) -> (Datagrams, UnixDatagram) {
    let name = format!("@switchboard-{}-{name}", process::id());
    let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).expect("a name");
    let socket = UnixDatagram::bind_addr(&address).expect("no other test has it");
    socket.set_nonblocking(true).expect("it can");
    let notifier = Notifier::new(OsStr::new(&name), watchdog).expect("an address");
    (Datagrams::new(notifier), socket)
}

/// The datagrams that are there.
fn taken(socket: &UnixDatagram) -> Vec<String> {
    let mut bytes = [0; 1_000];
    let next = || socket.recv(&mut bytes).ok().map(|len| bytes[..len].to_vec());
    std::iter::from_fn(next).map(|bytes| String::from_utf8(bytes).expect("text")).collect()
}

fn report(reports: &mut Datagrams, facts: Facts, ms: u64) {
    reports.report(&|| facts, Time::from_ms(ms));
}

fn reload(reports: &mut Datagrams, state: &str, ms: u64) {
    let notice: Notice = Box::new(ReloadState(state.to_owned()));
    assert!(reports.has_taken(&notice, Time::from_ms(ms)));
}

#[test]
fn a_status_comes_each_ten_seconds_if_it_has_changed() {
    let (mut reports, socket) = pair("status", None);
    assert_eq!(reports.deadline(), Time::ZERO);
    report(&mut reports, QUIET, 5);
    assert_eq!(taken(&socket), ["READY=1\nSTATUS=0 sockets, 0 services\n"]);
    assert_eq!(reports.deadline(), NEVER, "nothing has happened since");
    report(&mut reports, BUSY, 10_004);
    assert_eq!(taken(&socket), [""; 0]);
    assert_eq!(reports.deadline(), Time::from_ms(10_005));
    report(&mut reports, BUSY, 10_005);
    assert_eq!(taken(&socket), ["STATUS=3 sockets, 2 services\n"]);
    // What is as before is looked at once more.
    report(&mut reports, BUSY, 10_006);
    assert_eq!(reports.deadline(), Time::from_ms(20_005));
    report(&mut reports, BUSY, 30_000);
    assert_eq!((taken(&socket), reports.deadline()), (Vec::new(), NEVER));
    report(&mut reports, QUIET, 30_001);
    assert_eq!(reports.deadline(), Time::from_ms(40_000));
}

#[test]
fn a_sign_of_life_comes_each_third() {
    let (mut reports, socket) = pair("alive", Some(Duration::from_millis(300)));
    report(&mut reports, QUIET, 0);
    assert_eq!(taken(&socket), ["READY=1\nSTATUS=0 sockets, 0 services\n"]);
    for ms in [100, 200, 300] {
        report(&mut reports, QUIET, ms - 1);
        assert_eq!(taken(&socket), [""; 0]);
        assert_eq!(reports.deadline(), Time::from_ms(ms));
        report(&mut reports, QUIET, ms);
        assert_eq!(taken(&socket), ["WATCHDOG=1\n"]);
    }
    let (reports, _socket) = pair("short", Some(Duration::from_micros(1)));
    assert_eq!(reports.notifier.watchdog_ms, 1, "the loop has to sleep in between");
}

#[test]
fn a_stop_asks_for_more_time_and_ends_reloads() {
    let (mut reports, socket) = pair("stop", None);
    report(&mut reports, QUIET, 0);
    reload(&mut reports, "RELOADING=1", 1);
    reload(&mut reports, READY, 1);
    report(&mut reports, QUIET, 1);
    let expected = ["READY=1\nSTATUS=0 sockets, 0 services\n", "RELOADING=1", READY];
    assert_eq!(taken(&socket), expected);
    for ms in [10, 11, 1_010, 1_500, 2_010] {
        reports.stop();
        report(&mut reports, BUSY, ms);
        reload(&mut reports, READY, ms);
    }
    let more = "EXTEND_TIMEOUT_USEC=10000000\n";
    let first = format!("STOPPING=1\nSTATUS=stopping: 3 sockets, 2 services\n{more}");
    assert_eq!(taken(&socket), [&first, more, more]);
    assert_eq!(reports.deadline(), Time::from_ms(3_010));
}

#[test]
fn a_full_queue_is_tried_again() {
    let (mut reports, socket) = pair("full", None);
    while reports.notifier.send("FULL=1").is_ok() {}
    report(&mut reports, QUIET, 5);
    assert_eq!(reports.deadline(), Time::from_ms(105));
    assert!(taken(&socket).iter().all(|text| text == "FULL=1"));
    report(&mut reports, QUIET, 104);
    assert_eq!(taken(&socket), [""; 0]);
    report(&mut reports, QUIET, 105);
    assert_eq!(taken(&socket), ["READY=1\nSTATUS=0 sockets, 0 services\n"]);
    // What came meanwhile is not forgotten, and a state replaces an older one.
    while reports.notifier.send("FULL=1").is_ok() {}
    reload(&mut reports, "RELOADING=1", 200);
    reload(&mut reports, READY, 201);
    report(&mut reports, BUSY, 202);
    assert!(taken(&socket).iter().all(|text| text == "FULL=1"));
    report(&mut reports, BUSY, 301);
    assert_eq!((taken(&socket), reports.deadline()), (vec![READY.to_owned()], Time::from_ms(301)));
    report(&mut reports, BUSY, 302);
    assert_eq!(taken(&socket), ["STATUS=3 sockets, 2 services\n"]);
    // Where the manager has gone, nothing is tried again.
    drop(socket);
    reload(&mut reports, READY, 303);
    report(&mut reports, BUSY, 304);
    assert!(reports.unsent.is_empty());
    assert_eq!(reports.deadline(), Time::from_ms(10_302));
}

#[test]
fn addresses_where_nothing_listens() {
    for address in ["", "run/notify", "vsock:2:1", "@x\0y", &format!("/{}", "x".repeat(200))] {
        assert!(Notifier::new(OsStr::new(address), None).is_err(), "{address}");
    }
}
