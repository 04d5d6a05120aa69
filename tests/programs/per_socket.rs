//! Programs that have a process for each socket, over real sockets: what was written for websocketd
//! runs unchanged, and whoever is slow holds up nobody but the other end.

use switchboard::Server;
use switchboard::host::program::Manner;
use switchboard::programs::Mode;

use crate::bench::{folder, is_alive, write};
use crate::shared::{request, status};
use crate::support::raw::close;
use crate::support::{LIMITS, Raw, Running, until};

fn serve(name: &str, programs: &[(&str, &str)], manner: Manner) -> Running {
    let folder = folder(name);
    for (program, text) in programs {
        write(&folder, program, text, "755");
    }
    let mut server = Server::new(LIMITS);
    server.document_root(&folder).manner(manner);
    Running::start(server)
}

fn lines() -> Manner {
    Manner { mode: Mode::Lines, stop_ms: 1_000, ..Manner::SHARED }
}

fn leader(raw: &mut Raw) -> u32 {
    raw.read_text().parse().expect("it says its number first")
}

#[test]
fn lines_are_messages() {
    let programs = [
        ("cat", "#!/bin/sh\nexec cat\n"),
        ("sum", "#!/bin/sh\nwhile read -r a b; do echo $((a + b)); done\n"),
        ("loop.sh", "#!/bin/bash\nfor i in {1..3}; do echo $i; done\nprintf last\n"),
        (
            "upper.py",
            "#!/usr/bin/env python3\nimport sys\nfor line in sys.stdin: print(line.upper()[:-1])\n",
        ),
    ];
    let server = serve("lines", &programs, lines());
    for (path, told, heard) in
        [("/cat", "hello", "hello"), ("/sum", "40 2", "42"), ("/upper", "hello", "HELLO")]
    {
        let (mut one, mut two) = (server.open(path), server.open(path));
        for raw in [&mut one, &mut two] {
            raw.send_text(told);
            assert_eq!(raw.read_text(), heard, "{path}");
        }
    }
    let mut raw = server.open("/loop");
    let said: Vec<_> = (0..4).map(|_| raw.read_text()).collect();
    assert_eq!(said, ["1", "2", "3", "last"]);
    assert_eq!(raw.read_close().0, 1000);
}

#[test]
fn bytes_are_messages_as_they_come() {
    let manner = Manner { mode: Mode::Bytes, ..lines() };
    let server = serve("bytes", &[("cat", "#!/bin/sh\nexec cat\n")], manner);
    let mut raw = server.open("/cat");
    raw.send(&crate::support::raw::frame(2, b"\xff\x00\n"));
    let frame = raw.read_frame();
    assert_eq!((frame.first & 0x0f, frame.payload), (2, b"\xff\x00\n".to_vec()));
}

#[test]
fn a_process_knows_what_was_asked_for() {
    let text = "#!/bin/sh\necho \"$REMOTE_ADDR $QUERY_STRING $SCRIPT_NAME $SWITCHBOARD_PROTOCOL\"\n\
                echo \"$HOME$CARGO$HTTP_PROXY.\"\n";
    let server = serve("variables", &[("env.sh", text)], lines());
    let mut raw = server.raw();
    raw.send(request("/env.sh?a=b%20c").replace("Host:", "Proxy: x\r\nHost:").as_bytes());
    assert_eq!(raw.read_101().status, 101);
    assert_eq!(raw.read_text(), "127.0.0.1 a=b%20c /env lines");
    assert_eq!(raw.read_text(), ".");
    assert_eq!(raw.read_close().0, 1000);
}

#[test]
fn an_end_has_the_code_of_its_status() {
    let programs = [
        ("fails", "#!/bin/sh\nexit 3\n"),
        ("killed", "#!/bin/sh\nkill -9 $$\n"),
        ("binary", "#!/bin/sh\nprintf '\\377\\n'\nexec cat\n"),
        ("broken", "#!/no/such/interpreter\n"),
    ];
    let server = serve("statuses", &programs, lines());
    for path in ["/fails", "/killed", "/binary"] {
        assert_eq!(server.open(path).read_close().0, 1011, "{path}");
    }
    assert_eq!((status(&server, "/broken"), status(&server, "/none")), (500, 404));
}

#[test]
fn a_process_ends_with_its_socket() {
    let programs = [
        ("good", "#!/bin/sh\necho $$\nexec cat\n"),
        ("stubborn", "#!/bin/bash\ntrap '' TERM\necho $$\nwhile :; do sleep 1; done\n"),
    ];
    let server = serve("ends", &programs, Manner { stop_ms: 100, ..lines() });
    for path in ["/good", "/stubborn"] {
        let mut raw = server.open(path);
        let process = leader(&mut raw);
        assert!(is_alive(process));
        raw.send(&close(1000, ""));
        assert_eq!(raw.read_close().0, 1000);
        until("the process has gone", || !is_alive(process));
    }
    let mut left = server.open("/stubborn");
    let process = leader(&mut left);
    server.stopper().stop();
    assert_eq!(left.read_close().0, 1001);
    left.send(&close(1001, ""));
    server.join();
    assert!(!is_alive(process));
}

#[test]
fn a_program_has_so_many_processes_at_most() {
    let manner = Manner { processes_max: 2, ..lines() };
    let server = serve("bound", &[("cat", "#!/bin/sh\necho $$\nexec cat\n")], manner);
    let (mut one, mut two) = (server.open("/cat"), server.open("/cat"));
    let process = leader(&mut one);
    assert_ne!(leader(&mut two), process);
    let answer = server.ask(request("/cat").as_bytes());
    assert_eq!(answer.status, 503);
    assert!(answer.headers.iter().any(|(name, _)| name == "retry-after"));
    one.send(&close(1000, ""));
    until("there is room again", || status(&server, "/cat") != 503);
    drop(two);
}

#[test]
fn a_peer_that_reads_slowly_makes_its_process_wait() {
    let text = "#!/bin/sh\nexec seq 1 200000\n";
    let server = serve("flood", &[("seq", text), ("cat", "#!/bin/sh\nexec cat\n")], lines());
    let mut slow = server.open("/seq");
    let mut other = server.open("/cat");
    // By the time that this comes back, the other one has long been full.
    for number in 0..1_000 {
        other.send_text(&number.to_string());
        assert_eq!(other.read_text(), number.to_string());
    }
    for number in 1..=200_000 {
        assert_eq!(slow.read_text(), number.to_string());
    }
    assert_eq!(slow.read_close().0, 1000);
}

#[test]
fn a_process_that_reads_nothing_makes_its_peer_wait() {
    let programs = [
        ("late", "#!/bin/sh\nread first\nsleep 1\necho $first\nexec cat\n"),
        ("deaf", "#!/bin/sh\nwhile :; do echo tick; sleep 1; done\n"),
    ];
    let server = serve("late", &programs, lines());
    let mut raw = server.open("/late");
    let mut deaf = server.open("/deaf");
    let text = "x".repeat(1_000);
    for _ in 0..2_000 {
        raw.send_text(&text);
    }
    for _ in 0..200 {
        deaf.send_text(&text);
    }
    assert_eq!(deaf.read_text(), "tick");
    for _ in 0..2_000 {
        assert_eq!(raw.read_text(), text);
    }
    assert_eq!(deaf.read_text(), "tick");
    drop(deaf);
}
