//! Programs that have a process for each socket, over real sockets: programs for websocketd run
//! unchanged, and a slow side delays only its other end.

use std::fs;
use std::os::unix::fs::symlink;

use switchboard::programs::{Mode, ProgramOptions, Variable};

use crate::bench::{is_alive, serve};
use crate::keep::put;
use crate::shared::{request, status};
use crate::support::raw::close;
use crate::support::{LIMITS, Raw, until};

fn lines() -> ProgramOptions {
    ProgramOptions { mode: Mode::Lines, stop_ms: 1_000, ..ProgramOptions::SHARED }
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
    let (server, _) = serve("lines", &programs, lines(), LIMITS);
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

/// Programs of every system, which were not written for this.
#[test]
fn programs_that_know_nothing_of_sockets_serve_them() {
    let programs = [
        ("bc", "#!/bin/sh\nexec bc -q\n"),
        ("vmstat", "#!/bin/sh\nexec vmstat 1 3\n"),
        ("count", include_str!("../../examples/programs/per-socket/count.bash")),
        ("lines", include_str!("../../examples/programs/per-socket/lines.py")),
    ];
    let (server, _) = serve("plain", &programs, lines(), LIMITS);
    let (mut one, mut two) = (server.open("/bc"), server.open("/bc"));
    one.send_text("x = 6");
    two.send_text("x = 2^64");
    for (raw, product) in [(&mut one, "42"), (&mut two, "129127208515966861312")] {
        raw.send_text("x * 7");
        assert_eq!(raw.read_text(), product);
        raw.send_text("quit");
        assert_eq!(raw.read_close().0, 1000);
    }
    // Two lines of headings, and one for each second.
    let mut raw = server.open("/vmstat");
    let said: Vec<_> = (0..5).map(|_| raw.read_text()).collect();
    assert!(said[0].starts_with("procs ") && said[1].contains(" us sy id"), "{said:?}");
    let is_row = |row: &String| row.split_whitespace().all(|word| word.parse::<u64>().is_ok());
    assert!(said[2..].iter().all(is_row), "{said:?}");
    assert_eq!(raw.read_close().0, 1000);
    let mut raw = server.open("/lines");
    raw.send_text("gr\u{fc}\u{df} dich");
    assert_eq!(raw.read_text(), "GR\u{dc}SS DICH");
    let mut raw = server.open("/count");
    assert_eq!(raw.read_text(), "1");
}

/// The same where each read is a message, however the program has cut its lines.
#[test]
fn programs_of_lines_are_bytes_as_well() {
    let programs = [("bc", "#!/bin/sh\nexec bc -q\n"), ("loop", LOOP)];
    let (server, _) =
        serve("plainbytes", &programs, ProgramOptions { mode: Mode::Bytes, ..lines() }, LIMITS);
    let mut raw = server.open("/bc");
    raw.send(&crate::support::raw::frame(2, b"6 * "));
    raw.send(&crate::support::raw::frame(2, b"7\n"));
    let frame = raw.read_frame();
    assert_eq!((frame.first, frame.payload), (0x82, b"42\n".to_vec()));
    let (mut raw, mut said) = (server.open("/loop"), Vec::new());
    while said.len() < 12 {
        let frame = raw.read_frame();
        assert_eq!(frame.first, 0x82);
        said.extend(frame.payload);
    }
    assert_eq!(said, b"1\n2\n3\n\xff\0last");
    assert_eq!(raw.read_close().0, 1000);
}

#[test]
fn bytes_are_messages_as_they_come() {
    let options = ProgramOptions { mode: Mode::Bytes, ..lines() };
    let (server, _) = serve("bytes", &[("cat", "#!/bin/sh\nexec cat\n")], options, LIMITS);
    let mut raw = server.open("/cat");
    raw.send(&crate::support::raw::frame(2, b"\xff\x00\n"));
    let frame = raw.read_frame();
    assert_eq!((frame.first & 0x0f, frame.payload), (2, b"\xff\x00\n".to_vec()));
}

/// A prompt has no newline, and no character is cut, whatever the program writes at once.
#[test]
fn text_is_messages_as_it_comes() {
    let programs = [
        (
            "ask.py",
            "#!/usr/bin/env python3\nname = input('name? ')\nprint(f'hello, {name}', end='')\n",
        ),
        ("cut", "#!/bin/sh\nprintf 'a\\303'\nread -r _\nprintf '\\274'\nread -r _\n"),
        ("bad", "#!/bin/sh\nprintf 'good'\nread -r _\nprintf 'b\\377'\nexec cat\n"),
        ("half", "#!/bin/sh\nprintf 'good\\303'\n"),
        ("long", "#!/bin/sh\nexec seq -s ' ' 1 20000\n"),
    ];
    let options = ProgramOptions { mode: Mode::Text, ..lines() };
    let (server, _) = serve("text", &programs, options, LIMITS);
    let mut raw = server.open("/ask");
    assert_eq!(raw.read_text(), "name? ");
    raw.send_text("gr\u{fc}n");
    assert_eq!(raw.read_text(), "hello, gr\u{fc}n");
    assert_eq!(raw.read_close().0, 1000);
    let mut raw = server.open("/cut");
    assert_eq!(raw.read_text(), "a");
    raw.send_text("go on");
    assert_eq!(raw.read_text(), "\u{fc}");
    raw.send_text("go on");
    assert_eq!(raw.read_close().0, 1000);
    let mut raw = server.open("/bad");
    assert_eq!(raw.read_text(), "good");
    raw.send_text("go on");
    assert_eq!(raw.read_close().0, 1011);
    let mut raw = server.open("/half");
    assert_eq!(raw.read_text(), "good");
    assert_eq!(raw.read_close().0, 1011);
    let (mut raw, mut said) = (server.open("/long"), String::new());
    while !said.ends_with('\n') {
        said += &raw.read_text();
    }
    let expected: Vec<_> = (1..=20_000).map(|n: u32| n.to_string()).collect();
    assert_eq!(said, expected.join(" ") + "\n");
}

/// Without a newline at its end, too, a line has to be UTF-8.
#[test]
fn a_last_line_that_is_no_text_is_told() {
    let (server, _) = serve("last", &[("half", "#!/bin/sh\nprintf 'a\\303'\n")], lines(), LIMITS);
    assert_eq!(server.open("/half").read_close().0, 1011);
}

/// As with services, of those that the peer offers the first one in the list is agreed.
#[test]
fn a_program_of_lines_agrees_to_subprotocols() {
    let programs = [("cat", "#!/bin/sh\necho \"$WS_SUBPROTOCOLS\"\nexec cat\n")];
    let protocols = ["chat.v2", "chat.v1"].map(str::to_owned).to_vec();
    let options = ProgramOptions { protocols, ..lines() };
    let (server, _) = serve("protocols", &programs, options, LIMITS);
    let rows = [
        ("chat.v1, other", Some("chat.v1")),
        ("chat.v1, chat.v2", Some("chat.v2")),
        ("other, Chat.v1", None),
        ("", None),
    ];
    for (offered, agreed) in rows {
        let mut raw = server.raw();
        let field = format!("Sec-WebSocket-Protocol: {offered}\r\nHost:");
        let text = request("/cat");
        let text = if offered.is_empty() { text } else { text.replace("Host:", &field) };
        raw.send(text.as_bytes());
        let answer = raw.read_101();
        assert_eq!(answer.status, 101);
        assert_eq!(answer.header("sec-websocket-protocol"), agreed, "{offered}");
        assert_eq!(raw.read_text(), offered.replace(' ', ""));
    }
}

#[test]
fn a_program_is_given_variables() {
    let text = "#!/bin/sh\necho \"$LANG $A $PATH_INFO\"\nexec cat\n";
    let variable =
        |name: &str, value: &[u8]| Variable { name: name.to_owned(), value: value.to_owned() };
    let (server, folder) = serve("given", &[("env", text)], lines(), LIMITS);
    assert_eq!(server.open("/env").read_text(), "C.UTF-8  ");
    let env = vec![variable("LANG", b"C"), variable("A", b"b c")];
    let host = crate::bench::server(&folder, ProgramOptions { env, ..lines() }, LIMITS);
    let other = crate::support::Running::start(host);
    assert_eq!(other.open("/env").read_text(), "C b c ");
    let faults = [
        (
            ProgramOptions { env: vec![variable("PATH_INFO", b"x")], ..lines() },
            "the variable \"PATH_INFO\"",
        ),
        (
            ProgramOptions { env: vec![variable("A", b"\0")], ..lines() },
            "the variable \"A\" cannot be set",
        ),
        (
            ProgramOptions { protocols: vec!["a b".to_owned()], ..lines() },
            "\"a b\" is not a subprotocol",
        ),
    ];
    for (options, text) in faults {
        let mut server = crate::bench::server(&folder, lines(), LIMITS);
        server.program("/env").program_options(options);
        let error = server.bind("127.0.0.1:0").expect_err("it is not allowed").to_string();
        assert!(error.starts_with(&format!("programs /env: {text}")), "{error}");
    }
}

#[test]
fn a_process_knows_what_was_asked_for() {
    let text = "#!/bin/sh\necho \"$REMOTE_ADDR $QUERY_STRING $SCRIPT_NAME $SWITCHBOARD_PROTOCOL\"\n\
                echo \"$HOME$CARGO$HTTP_PROXY.\"\n";
    let (server, _) = serve("variables", &[("env.sh", text)], lines(), LIMITS);
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
    let (server, _) = serve("statuses", &programs, lines(), LIMITS);
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
    let (server, _) = serve("ends", &programs, ProgramOptions { stop_ms: 100, ..lines() }, LIMITS);
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
    let options = ProgramOptions { processes_max: 2, ..lines() };
    let (server, _) = serve("bound", &[("cat", "#!/bin/sh\necho $$\nexec cat\n")], options, LIMITS);
    let (mut one, mut two) = (server.open("/cat"), server.open("/cat"));
    let process = leader(&mut one);
    assert_ne!(leader(&mut two), process);
    let answer = server.ask(request("/cat").as_bytes());
    assert_eq!(answer.status, 503);
    assert!(answer.headers.iter().any(|(name, _)| name == "retry-after"));
    one.send(&close(1000, ""));
    until("there is a place again", || status(&server, "/cat") != 503);
    drop(two);
}

#[test]
fn a_peer_that_reads_slowly_makes_its_process_wait() {
    let text = "#!/bin/sh\nexec seq 1 200000\n";
    let (server, _) =
        serve("flood", &[("seq", text), ("cat", "#!/bin/sh\nexec cat\n")], lines(), LIMITS);
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
    let (server, _) = serve("late", &programs, lines(), LIMITS);
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

const LOOP: &str = "#!/bin/bash\nfor i in {1..3}; do echo $i; done\nprintf '\\377\\000last'\n";

/// A file that was removed is not found, though others still have its process; once it is there
/// again, it serves.
#[test]
fn a_program_that_was_removed_is_not_found() {
    let text = "#!/bin/sh\nexec cat\n";
    let (server, folder) = serve("removed", &[("cat", text)], lines(), LIMITS);
    let mut old = server.open("/cat");
    // Its shell has read the file when it answers.
    old.send_text("hello");
    assert_eq!(old.read_text(), "hello");
    fs::remove_file(folder.join("cat")).expect("it is there");
    let answer = server.ask(request("/cat").as_bytes());
    assert_eq!((answer.status, answer.text()), (404, "no service is at /cat\n"));
    symlink("/bin/cat", folder.join("cat")).expect("it can be made");
    assert_eq!(status(&server, "/cat"), 404, "it leads out");
    fs::remove_file(folder.join("cat")).expect("it is there");
    put(&folder, "cat", text);
    let mut new = server.open("/cat");
    for raw in [&mut old, &mut new] {
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
    }
}

/// A new version is for new sockets. One that cannot run is refused, and one that fails is closed
/// with the code of a failure; those that are open keep the process that they have.
#[test]
fn a_new_version_is_for_new_sockets() {
    let version = |number: u8| format!("#!/bin/sh\nread -r text\necho {number} $text\nexec cat\n");
    let (server, folder) = serve("version", &[("cat", &version(1))], lines(), LIMITS);
    let mut old = server.open("/cat");
    // Its shell has read the file when it answers.
    old.send_text("hello");
    assert_eq!(old.read_text(), "1 hello");
    put(&folder, "cat", "#!/no/such/interpreter\n");
    server.reloader().reload();
    let answer = server.ask(request("/cat").as_bytes());
    assert_eq!((answer.status, answer.text()), (500, "the program does not start\n"));
    put(&folder, "cat", "#!/usr/bin/env python3\n)(\n");
    assert_eq!(server.open("/cat").read_close(), (1011, "the program has failed".to_owned()));
    put(&folder, "cat", &version(2));
    let mut new = server.open("/cat");
    for (raw, heard) in [(&mut old, "hello"), (&mut new, "2 hello")] {
        raw.send_text("hello");
        assert_eq!(raw.read_text(), heard);
    }
}
