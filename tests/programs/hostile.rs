//! Programs and peers that mean harm: what they write to the log, how much memory they take, what
//! they put into environments, and which sockets they can reach.

use std::process::Command;
use std::time::Instant;

use switchboard::programs::{Mode, ProgramOptions};
use switchboard::{Limits, Server};

use crate::bench::{is_alive, serve};
use crate::logged::{self, lines_of, warnings_of};
use crate::shared::{OBEY, request, status};
use crate::support::binary::Binary;
use crate::support::folder::{folder, write};
use crate::support::process::resident;
use crate::support::{Raw, Running, SOON, until};

#[test]
fn a_program_that_logs_without_end_leaves_lines_out() {
    logged::keep();
    let (server, _) = serve("logs", &[("logger.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut raw = server.open("/logger");
    let begun = Instant::now();
    raw.send_text("!write(b'LOG info +2\\nhi\\n' * 20000 + b'LOG debug +2\\nno\\n' * 20000)");
    raw.send_text("TEXT {} +4\ndone");
    assert_eq!(raw.read_text(), "done");
    let told = lines_of("/logger").iter().filter(|line| line.ends_with(": hi")).count();
    // So many at once, and one more in each 50 ms.
    let told_max = 200 + begun.elapsed().as_millis() / 50 + 1;
    assert!((200..=told_max).contains(&(told as u128)), "{told} lines");
    raw.send_text("!sys.exit()");
    until("what was left out is counted", || {
        lines_of("/logger").iter().any(|line| line.contains("[lines left out, since"))
    });
    server.stop();
}

#[test]
fn labels_without_room_are_told_once() {
    logged::keep();
    let (server, _) = serve("labels", &[("labels.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut raw = server.open("/labels");
    raw.send_text(
        "![write(f'SET {words[1]} key{n} +200\\n{\"x\" * 200}\\n'.encode()) for n in range(1000)]",
    );
    raw.send_text("TEXT {} +4\ndone");
    assert_eq!(raw.read_text(), "done");
    let why = "all labels together are too long";
    let told = lines_of("/labels").iter().filter(|line| line.contains(why)).count();
    assert_eq!(told, 1);
    server.stop();
}

/// A peer chooses what its service subscribes it to, and how often.
#[test]
fn subscriptions_beyond_the_limit_are_told_once_for_each_socket() {
    logged::keep();
    let (server, _) = serve("subscribers", &[("topics.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut raws: Vec<_> = (0..20).map(|_| server.open("/topics")).collect();
    for raw in &mut raws {
        raw.send_text("![write(f'SUB {words[1]} {n}\\n'.encode()) for n in range(3000)]");
    }
    for raw in &mut raws {
        assert_eq!(raw.read_close().0, 1013);
    }
    server.stop();
    let lines = warnings_of("/topics");
    let told = lines.iter().filter(|line| line.contains(" cannot subscribe to ")).count();
    let more = lines.iter().filter_map(|line| {
        let (count, kind) = line.strip_prefix("and ")?.split_once(" more like this in 1 s: ")?;
        assert_eq!(kind, "the socket has as many subscriptions as it may (max-topics-per-socket)");
        count.parse::<usize>().ok()
    });
    assert_eq!(told + more.sum::<usize>(), 20, "{lines:#?}");
    assert!(told >= 10, "{lines:#?}");
}

#[test]
fn what_is_declared_costs_nothing_and_what_has_no_end_is_refused_early() {
    let folder = folder("large");
    for name in ["large.py", "other.py"] {
        write(&folder, name, OBEY, "755");
    }
    // In a separate process, so that its memory is measured alone.
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let binary = Binary::run(command.arg("--document-root").arg(&folder));
    let open = |path: &str| {
        let mut raw = Raw::connect(binary.address());
        raw.upgrade(path);
        raw
    };
    let mut raw = open("/large");
    raw.send_text("SUB {} heard");
    let before = resident(&binary.pid());
    // A line that is too long is skipped and reported; the next line is read.
    raw.send_text(
        "!write(b'TEXT * +%d\\n' % (1 << 28)); [write(bytes(1 << 20)) for _ in range(1 << 8)]; \
         write(b'\\n')",
    );
    let told = raw.read_text();
    assert!(told.starts_with("ERR TEXT") && told.contains("a body of 268435456 bytes"), "{told}");
    raw.send_text("TEXT {} +4\nwell");
    assert_eq!(raw.read_text(), "well");
    // A body that may be, and never comes.
    raw.send_text("!write(b'TEXT * +%d\\nx' % (1 << 20))");
    // A header of a gibibyte ends its program long before it is whole.
    let (mut one, mut two) = (open("/other"), open("/other"));
    one.send_text("![write(bytes([120]) * (1 << 20)) for _ in range(1 << 10)]");
    assert_eq!((one.read_close().0, two.read_close().0), (1012, 1012));
    let more = resident(&binary.pid()).saturating_sub(before);
    println!("{more} bytes more");
    assert!(more < 2 << 20, "{more} bytes more");
}

#[test]
fn a_line_without_end_closes_its_own_socket() {
    let folder = folder("endless");
    write(&folder, "endless", "#!/bin/sh\necho $$\nexec cat /dev/zero\n", "755");
    write(&folder, "cat", "#!/bin/sh\nexec cat\n", "755");
    let mut server = Server::new(SOON);
    server
        .document_root(&folder)
        .program_options(ProgramOptions { mode: Mode::Lines, ..ProgramOptions::SHARED });
    let server = Running::start(server);
    let mut cat = server.open("/cat");
    let mut raw = server.open("/endless");
    let process = raw.read_text().parse().expect("it is a number");
    assert_eq!(raw.read_close().0, 1011);
    until("the process has gone", || !is_alive(process));
    cat.send_text("well");
    assert_eq!(cat.read_text(), "well");
    drop(server);
}

/// What a peer sends gets into the environment under names that mean nothing else.
#[test]
fn a_peer_sets_no_variable_but_its_own() {
    let folder = folder("injection");
    let script =
        "#!/bin/sh\ntr '\\0' '\\n' </proc/$$/environ | LC_ALL=C sort | tr '\\n' '|'\necho\n";
    write(&folder, "env", script, "755");
    let mut server = Server::new(SOON);
    server
        .document_root(&folder)
        .program_options(ProgramOptions { mode: Mode::Lines, ..ProgramOptions::SHARED });
    let server = Running::start(server);
    let more = "PATH: /evil\r\nProxy: evil\r\npRoXy: evil\r\nX_Real: evil\r\nLD-PRELOAD: evil\r\n\
                X-Tab: a\tb\r\nX-Two: 1\r\nx-two: 2\r\nX.Dot: evil\r\nX-Bytes: \u{fe}=\r\nHost:";
    let mut raw = server.raw();
    raw.send(request("/env?$(id)&A=1").replacen("Host:", more, 1).as_bytes());
    raw.read_101();
    let text = raw.read_text();
    let found: Vec<_> = text.split_terminator('|').collect();
    let names: Vec<_> = found.iter().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(
        names.iter().filter(|name| name.starts_with("HTTP_")).copied().collect::<Vec<_>>(),
        [
            "HTTP_CONNECTION",
            "HTTP_HOST",
            "HTTP_LD_PRELOAD",
            "HTTP_PATH",
            "HTTP_SEC_WEBSOCKET_KEY",
            "HTTP_SEC_WEBSOCKET_VERSION",
            "HTTP_UPGRADE",
            "HTTP_X_BYTES",
            "HTTP_X_TAB",
            "HTTP_X_TWO",
        ]
    );
    for line in ["QUERY_STRING=$(id)&A=1", "HTTP_X_TWO=1, 2", "HTTP_X_TAB=a\tb"] {
        assert!(found.contains(&line), "{line}: {found:?}");
    }
    for name in ["LD_PRELOAD", "HTTP_PROXY", "HTTP_X_REAL"] {
        assert!(!names.contains(&name), "{name}: {found:?}");
    }
    assert_eq!(names.iter().filter(|name| **name == "PATH").count(), 1);
    assert!(!text.contains("/evil|PATH") && !found.contains(&"PATH=/evil"), "{text}");
    drop(server);
}

/// The system has a limit for a single variable, of 128 KiB, and one for all of them.
#[test]
fn what_no_environment_holds_is_a_500() {
    let folder = folder("e2big");
    write(&folder, "env", "#!/bin/sh\necho \"${#HTTP_X}\"\n", "755");
    let limits = Limits { head_bytes_max: 1 << 20, ..SOON };
    let mut server = Server::new(limits);
    server
        .document_root(&folder)
        .program_options(ProgramOptions { mode: Mode::Lines, ..ProgramOptions::SHARED });
    let server = Running::start(server);
    let with = |len: usize| {
        request("/env").replacen("Host:", &format!("X: {}\r\nHost:", "x".repeat(len)), 1)
    };
    assert_eq!(server.ask(with(200_000).as_bytes()).status, 500);
    let mut raw = server.raw();
    raw.send(with(100_000).as_bytes());
    raw.read_101();
    assert_eq!(raw.read_text(), "100000");
    drop(server);
}

#[test]
fn other_services_sockets_are_out_of_reach() {
    let (server, _) =
        serve("strangers", &[("one.py", OBEY), ("two.py", OBEY)], ProgramOptions::SHARED, SOON);
    let (mut mine, mut other) = (server.open("/one"), server.open("/two"));
    other.send_text("TEXT {} +2\n{}");
    let id = "!p = words[1]; write(f'TEXT {p} +{len(p)}\\n{p}\\n'.encode())";
    // What it had said was out of step, so that this is another run of it.
    assert_eq!(other.read_close().0, 1012);
    let mut other = server.open("/two");
    other.send_text(id);
    let stranger = other.read_text();
    for line in [
        "TEXT {id} +4\nevil",
        "TEXT {},{id} +2\nus",
        "CLOSE {id} 1000",
        "SUB {id} evil",
        "PAUSE {id}",
        "SET {id} user=evil",
        "ACCEPT {id}",
        "REJECT {id} 403",
        "TEXT @evil +4\nevil",
        "TEXT 18446744073709551615,0 +4\nevil",
    ] {
        mine.send_text(&line.replace("{id}", &stranger));
    }
    mine.send_text("TEXT {} +4\ndone");
    assert_eq!((mine.read_text(), mine.read_text()), ("us".into(), "done".into()));
    other.send_text("TEXT {} +4\nwell");
    assert_eq!(other.read_text(), "well", "it is there, read, and has heard nothing");
    server.stop();
}

/// Unknown paths cost a lookup each, and leave nothing.
#[test]
fn unknown_paths_hold_nobody_up() {
    let (server, _) = serve("unknown", &[("obey.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut raw = server.open("/obey");
    for number in 0..500 {
        let status = status(&server, &format!("/no/{number}/%F0%9F%98%80{number}"));
        assert!(matches!(status, 404 | 503), "{status}");
        raw.send_text("TEXT {} +4\nwell");
        assert_eq!(raw.read_text(), "well");
    }
    server.stop();
}
