//! What is answered without a service: methods, and the date.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// RFC 9110, 9.3.7: OPTIONS is about the server, for each target; nothing is looked up.
#[test]
fn options_need_no_lookup() {
    let mut rig = Rig::new(Limits::SERVER);
    rig.engine.hub_mut().look_up();
    for target in ["*", "/", "/a", "/none", "/.hidden", "%", "http://h/none"] {
        let id = rig.connect();
        let request = format!("OPTIONS {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        rig.receive(id, request.as_bytes());
        let answer = String::from_utf8(rig.got(id)).expect("an answer is text");
        assert!(answer.starts_with("HTTP/1.1 204 No Content\r\n"), "{target}: {answer}");
        assert!(answer.contains("\r\nAllow: GET, HEAD, OPTIONS\r\n"), "{target}: {answer}");
    }
    assert_eq!((rig.io.lookups.len(), rig.io.started.len()), (0, 0));
    rig.stop();
    let id = rig.connect();
    rig.receive(id, b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(rig.status(id), "503", "the state of the host comes first");
}

fn healthy(limits: Limits) -> Rig {
    let mut rig = Rig::new(limits);
    rig.engine.hub_mut().look_up();
    rig.engine.hub_mut().set_health_path(Some("/health".to_owned()));
    rig
}

fn ask_plainly(rig: &mut Rig, line: &str) -> String {
    let id = rig.connect();
    rig.receive(id, format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
    rig.status(id)
}

#[test]
fn the_health_path_comes_before_all_else() {
    let mut rig = healthy(Limits::SERVER);
    rig.engine
        .hub_mut()
        .mount("/health", mount(Limits::SERVER))
        .expect("it may have a service, too");
    for line in ["GET /health", "HEAD /health", "GET /health?x", "GET /%68ealth"] {
        assert_eq!(ask_plainly(&mut rig, line), "200", "{line}");
    }
    assert_eq!((rig.io.lookups.len(), rig.io.started.len()), (0, 0));
    rig.ask("/health");
    assert_eq!(rig.io.started.len(), 1, "a handshake meets the service");
    for line in ["GET /health/", "GET /Health", "GET /health.html"] {
        assert_eq!(ask_plainly(&mut rig, line), "", "{line} is looked up");
    }
}

/// A connection that is open when a clean stop begins may send a request for a second.
#[test]
fn the_health_of_a_server_that_stops_is_503() {
    let mut rig = healthy(Limits::SERVER);
    let [asks, asks_late, silent] = [rig.connect(), rig.connect(), rig.connect()];
    rig.stop();
    let request = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n";
    rig.receive(asks, request);
    rig.wait(900);
    rig.receive(asks_late, request);
    assert_eq!((rig.status(asks), rig.status(asks_late)), ("503".into(), "503".into()));
    assert!(!rig.io.dropped.contains(&silent));
    rig.wait(100);
    assert_eq!(rig.io.dropped, [silent], "what says nothing is not waited for");
    for id in [asks, asks_late] {
        rig.engine.hub_mut().end(id, rig.now);
        rig.turn();
    }
    assert!(rig.hub().is_drained());
    // Without the key, the stop does not wait.
    let mut rig = Rig::new(Limits::SERVER);
    let silent = rig.connect();
    rig.stop();
    assert_eq!(rig.io.dropped, [silent]);
}

/// RFC 8615: nothing is looked up there.
#[test]
fn no_program_is_well_known() {
    let mut rig = healthy(Limits::SERVER);
    assert_eq!(ask_plainly(&mut rig, "GET /.well-known/x.sh"), "404");
    let id = rig.ask("/.well-known/x.sh");
    assert_eq!((rig.status(id), rig.io.lookups.len()), ("404".into(), 0));
}

/// The clock is read when an answer needs it, at most once a second.
#[test]
fn dates_are_written_once_a_second() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let mut rig = Rig::new(Limits { sockets_max: 1_000, ..Limits::SERVER });
    rig.engine.hub_mut().date_by(|| 784_111_777 + u64::from(ASKED.fetch_add(1, Ordering::Relaxed)));
    let date = |rig: &mut Rig| {
        let id = rig.connect();
        rig.receive(id, b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
        let answer = String::from_utf8(rig.got(id)).expect("an answer is text");
        let line = answer.lines().find_map(|line| line.strip_prefix("Date: ")).map(str::to_owned);
        line.expect("it has a date")
    };
    rig.wait(5_000);
    assert_eq!(ASKED.load(Ordering::Relaxed), 0, "there is no timer");
    for _ in 0..100 {
        assert_eq!(date(&mut rig), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
    rig.wait(999);
    assert_eq!(date(&mut rig), "Sun, 06 Nov 1994 08:49:37 GMT");
    rig.wait(1);
    assert_eq!(date(&mut rig), "Sun, 06 Nov 1994 08:49:38 GMT");
    // A clean stop refuses all waiting sockets at once.
    let waiting: Vec<_> = (0..500).map(|_| rig.ask("/a")).collect();
    rig.wait(1_000);
    rig.stop();
    let mut answers = 0;
    let drained = rig.now;
    while answers < 500 && rig.now.since(drained) < 60_000 {
        rig.wait(100);
        answers += waiting.iter().filter(|id| rig.io.written.contains_key(&id.serial())).count();
        waiting.iter().for_each(|id| drop(rig.io.written.remove(&id.serial())));
    }
    assert_eq!(answers, 500);
    let asked = u64::from(ASKED.load(Ordering::Relaxed)) - 2;
    let seconds = 1 + rig.now.since(drained) / 1_000;
    assert!((1..=seconds).contains(&asked), "{asked} dates in {seconds} seconds");
}

/// Answers of a hub without a clock have no Date.
#[test]
fn without_a_clock_there_is_no_date() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.connect();
    rig.receive(id, b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    let answer = String::from_utf8(rig.got(id)).expect("an answer is text");
    assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains("Date"), "{answer}");
}
