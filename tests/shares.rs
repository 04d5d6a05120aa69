//! One address takes all that it can, over real sockets: others still get their part of each pool.

#![cfg(feature = "host")]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use switchboard::{Limits, Server};

use support::folder::folder;
use support::http::get;
use support::services::mount_echo;
use support::{LIMITS, Raw, Running, connect, read_slowly, until, until_quick_enough};

/// An address of this machine that counts for `max-per-ip`, as loopback does not.
fn own_address() -> Option<[u8; 4]> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // It is asked which address it would send from; nothing is sent.
    let address = socket.connect(("192.0.2.1", 9)).and_then(|()| socket.local_addr());
    match address.ok()?.ip() {
        IpAddr::V4(ip) if !ip.is_loopback() => Some(ip.octets()),
        IpAddr::V4(_) | IpAddr::V6(_) => {
            println!("left out: this machine has no address but loopback");
            None
        }
    }
}

fn start(server: Server) -> Running {
    Running::start_at(server, (Ipv4Addr::UNSPECIFIED, 0).into())
}

/// A connection from an address of this machine, to the same one.
fn connect_from(server: &Running, from: [u8; 4]) -> Raw {
    Raw::connect_from(SocketAddr::from((from, server.address().port())), from)
}

/// Asks again and again until it is refused. Returns those that were not, and the refusal's text.
fn take_all(server: &Running, from: [u8; 4], request: &[u8], expected: u16) -> (Vec<Raw>, String) {
    let mut taken = Vec::new();
    loop {
        let mut raw = connect_from(server, from);
        raw.send(request);
        let head = raw.read_head();
        if head.status == 503 {
            let text = String::from_utf8(raw.read_to_end()).expect("it is text");
            return (taken, text.trim_end().to_owned());
        }
        assert_eq!(head.status, expected);
        taken.push(raw);
    }
}

/// One address takes all that it can of eight places, and then loopback does.
fn eight_places(server: &Running, own: [u8; 4], request: &[u8], expected: u16, pool: &str) {
    let (mut first, text) = take_all(server, own, request, expected);
    assert_eq!(first.len(), 6);
    let why =
        "this address has a quarter: the last quarter is for others (max-per-ip: off lifts it)";
    assert_eq!(text, format!("{pool} is 8, and {why}"));
    let (second, text) = take_all(server, LOOPBACK, request, expected);
    assert_eq!((second.len(), text), (2, format!("{pool} is 8, and as many are in use")));
    // What one lets go of is for all, as long as a quarter is left for others.
    drop(first.pop());
    until("there is a place again", || !take_all(server, LOOPBACK, request, expected).0.is_empty());
}

#[test]
fn the_last_quarter_of_the_files_is_for_others() {
    let Some(own) = own_address() else { return };
    let place = folder("root");
    large_file(&place, 256 << 20);
    for (sockets_per_ip_max, is_shared) in [(100, true), (Limits::OFF_COUNT, false)] {
        let limits = Limits { files_open_max: 8, sockets_per_ip_max, ..LIMITS };
        let mut server = Server::new(limits);
        server.static_root(&place);
        let server = start(server);
        let (request, pool) = (get("/large", ""), "the limit of files at a time");
        if is_shared {
            eight_places(&server, own, &request, 200, pool);
            continue;
        }
        let (all, text) = take_all(&server, own, &request, 200);
        assert_eq!((all.len(), text), (8, format!("{pool} is 8, and as many are in use")));
    }
}

/// The system takes megabytes for a peer, and reports space only when a third of that is free
/// again: a peer that reads slowly, but enough, is not mistaken for one that does not read.
#[test]
fn a_slow_reader_of_a_file_gets_all_of_it() {
    const LEN: usize = 24 << 20;
    let place = folder("root");
    large_file(&place, LEN);
    until_quick_enough("a slow reader gets its file", |limit_ms| {
        let mut server = Server::new(Limits { write_ms_max: limit_ms, ..LIMITS });
        server.static_root(&place);
        mount_echo(&mut server, "/echo");
        let server = start(server);
        let mut echo = server.open("/echo");
        let mut stream = connect((LOOPBACK, server.address().port()).into());
        stream.write_all(&get("/large", "")).expect("the server takes it");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("it goes on");
            head.push(byte[0]);
        }
        read_slowly(&mut stream, &mut echo, LEN / 2, limit_ms) == LEN
    });
}

/// What the system holds when all of a file has been written has to arrive before the peer owes the
/// end of the connection.
#[test]
fn the_end_of_a_file_is_waited_for() {
    const LEN: usize = 1 << 20;
    const CLOSE_MS: u64 = 20;
    let place = folder("end");
    large_file(&place, LEN);
    let mut server = Server::new(Limits { close_ms_max: CLOSE_MS, ..LIMITS });
    server.static_root(&place);
    mount_echo(&mut server, "/echo");
    let server = start(server);
    let mut echo = server.open("/echo");
    let mut stream = connect((LOOPBACK, server.address().port()).into());
    stream.write_all(&get("/large", "")).expect("the server takes it");
    let end = Instant::now() + Duration::from_millis(20 * CLOSE_MS);
    while Instant::now() < end {
        echo.send_text("?");
        assert_eq!(echo.read_text(), "?");
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is not reset");
    assert!(answer.len() > LEN, "{} bytes came", answer.len());
}

/// The system keeps nothing of a file for a peer that was dropped since it does not read.
#[test]
fn who_is_dropped_for_not_reading_is_reset() {
    let place = folder("unread");
    large_file(&place, 24 << 20);
    let mut server = Server::new(Limits { write_ms_max: 300, ..LIMITS });
    server.static_root(&place);
    let server = start(server);
    let mut stream = connect((LOOPBACK, server.address().port()).into());
    stream.write_all(&get("/large", "")).expect("the server takes it");
    until("it is reset", || stream.take_error().expect("it is known").is_some());
}

#[cfg(feature = "programs")]
mod programs {
    use std::collections::HashSet;
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::net::sockopt::set_socket_linger;
    use switchboard::programs::{Mode, ProgramOptions};

    use super::*;
    use crate::support::NEVER_MS;
    use crate::support::folder::programs;
    use crate::support::http::upgrade;
    use crate::support::raw::close;

    fn serve(name: &str, text: &str, options: ProgramOptions) -> Running {
        let mut server = Server::new(Limits { sockets_per_ip_max: 100, ..LIMITS });
        server.document_root(programs("services", &[(name, text)])).program_options(options);
        start(server)
    }

    /// Whether a process still does something: it is neither gone nor a zombie.
    fn is_alive(process: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    }

    #[test]
    fn the_last_quarter_of_the_processes_is_for_others() {
        let Some(own) = own_address() else { return };
        let options =
            ProgramOptions { mode: Mode::Lines, processes_max: 8, ..ProgramOptions::SHARED };
        let server = serve("cat", "#!/bin/sh\nexec cat\n", options);
        eight_places(&server, own, &upgrade("/cat", ""), 101, "max-processes");
    }

    /// So many processes, which say their number and do not end by themselves.
    fn serve_stubborn(processes_max: usize) -> Running {
        let options = ProgramOptions {
            mode: Mode::Lines,
            processes_max,
            stop_ms: NEVER_MS,
            ..ProgramOptions::SHARED
        };
        serve("stubborn", "#!/bin/sh\necho $$\nwhile :; do sleep 1000; done\n", options)
    }

    /// Processes that take their time to end are no hindrance, and as many of them as may be
    /// beside those that serve.
    #[test]
    fn who_has_gone_leaves_its_place() {
        let server = serve_stubborn(2);
        let mut processes = Vec::new();
        for _ in 0..4 {
            let mut pair = [(); 2].map(|()| server.open("/stubborn"));
            for raw in &mut pair {
                let process: u32 = raw.read_text().parse().expect("it says its number");
                processes.push(process);
            }
            let (text, third) = take_all(&server, LOOPBACK, &upgrade("/stubborn", ""), 101);
            assert_eq!((text.len(), &*third), (0, "max-processes is 2, and as many are in use"));
            for raw in &mut pair {
                raw.send(&close(1000, ""));
                assert_eq!(raw.read_close().0, 1000);
            }
            let old_len = processes.len() - 2;
            for old in &processes[..old_len] {
                until("the oldest are killed", || !is_alive(*old));
            }
            assert!(processes[old_len..].iter().all(|process| is_alive(*process)));
        }
    }

    /// An address that comes and goes has its own processes killed, not that of another one.
    #[test]
    fn who_has_gone_keeps_its_time_beside_an_address_with_more() {
        let Some(own) = own_address() else { return };
        let server = serve_stubborn(4);
        let leave = |from| {
            let mut raw = connect_from(&server, from);
            raw.upgrade("/stubborn");
            let process: u32 = raw.read_text().parse().expect("it says its number");
            raw.send(&close(1000, ""));
            assert_eq!(raw.read_close().0, 1000);
            process
        };
        let first = leave(LOOPBACK);
        let processes: Vec<_> = (0..12).map(|_| leave(own)).collect();
        let (old, last) = processes.split_at(processes.len() - 3);
        for process in old {
            until("the oldest of the address are killed", || !is_alive(*process));
        }
        assert!(last.iter().chain([&first]).all(|process| is_alive(*process)));
    }

    /// A socket that is reset before its 101 keeps no process.
    #[test]
    fn who_does_not_wait_for_its_101_leaves_its_place() {
        let options =
            ProgramOptions { mode: Mode::Lines, processes_max: 48, ..ProgramOptions::SHARED };
        let server = serve("cat", "#!/bin/sh\nexec cat\n", options);
        let mut raws: Vec<_> = (0..48).map(|_| connect_from(&server, LOOPBACK)).collect();
        for raw in &mut raws {
            raw.send(&upgrade("/cat", ""));
        }
        // When this is answered the others have been read, and most processes are not there yet.
        assert_eq!(server.ask(&get("/nothing", "")).status, 404);
        for raw in raws {
            set_socket_linger(raw.stream(), Some(Duration::ZERO)).expect("it can be set");
        }
        until("all places are free", || {
            take_all(&server, LOOPBACK, &upgrade("/cat", ""), 101).0.len() == 48
        });
    }

    /// A plain GET finds a program and starts none: however many names are requested, no other
    /// socket is refused.
    #[test]
    fn what_does_not_run_holds_no_place() {
        let place = programs("services", &[("cat.sh", "#!/bin/sh\nexec cat\n")]);
        for number in 0..=Limits::PROGRAMS_MAX {
            symlink("cat.sh", place.join(format!("p{number}.sh"))).expect("it can be made");
        }
        let mut server = Server::new(LIMITS);
        server.document_root(&place);
        server.program_options(ProgramOptions { mode: Mode::Lines, ..ProgramOptions::SHARED });
        let server = start(server);
        for number in 0..=Limits::PROGRAMS_MAX {
            let answer = server.ask(&get(&format!("/p{number}"), ""));
            assert_eq!(answer.status, 426, "/p{number}: {}", answer.text());
        }
        for path in ["/cat", "/p0", "/p1", "/p1024"] {
            let mut raw = server.open(path);
            raw.send_text("here");
            assert_eq!(raw.read_text(), "here", "{path}");
        }
    }

    /// Programs that run without a socket keep no other program out, and count for no address. The
    /// one that was used longest ago goes first.
    #[test]
    fn programs_that_nobody_uses_give_their_places() {
        assert!(
            switchboard::host::raise_descriptor_limit() > 8 * Limits::PROGRAMS_MAX,
            "each has a poll"
        );
        let text = "#!/bin/sh\np=$$\necho 'READY 1'\nwhile read -r verb id rest; do\n\
                    [ \"$verb\" = OPEN ] && printf 'TEXT %s +%d\\n%s\\n' \"$id\" ${#p} $p\ndone\n";
        let place = programs("services", &[("cat.sh", "#!/bin/sh\nexec cat\n"), ("named", text)]);
        for number in 0..=Limits::PROGRAMS_MAX {
            symlink("cat.sh", place.join(format!("u{number}.sh"))).expect("it can be made");
        }
        let limits = Limits { sockets_per_ip_max: 100, connection_rate: None, ..LIMITS };
        let mut server = Server::new(limits);
        server
            .document_root(&place)
            .program_options(ProgramOptions { mode: Mode::Lines, ..ProgramOptions::SHARED });
        server.program("/named").program_options(ProgramOptions::SHARED);
        let server = start(server);
        let visit = |from, number: usize| {
            let mut raw = connect_from(&server, from);
            raw.send(&upgrade(&format!("/u{number}"), ""));
            raw.read_head().status
        };
        // One has a section, and one a socket.
        let process = server.open("/named").read_text();
        let mut used = server.open("/u0");
        let one = own_address().unwrap_or(LOOPBACK);
        let last = Limits::PROGRAMS_MAX - 2;
        for number in (1..=last).chain([1]) {
            assert_eq!(visit(one, number), 101, "/u{number}");
        }
        for number in last + 1..=last + 2 {
            // It is refused until another one has finished.
            until("there is a place", || visit(LOOPBACK, number) == 101);
        }
        let order: Vec<_> =
            (2..=last).chain([1]).map(|number| format!("service /u{number}")).collect();
        until("those that were used longest ago have gone", || {
            let threads = threads();
            let stays = |name: &String| threads.contains(name);
            !stays(&order[0]) && order.iter().skip_while(|name| !stays(name)).all(stays)
        });
        used.send_text("here");
        assert_eq!(used.read_text(), "here");
        assert_eq!(server.open("/named").read_text(), process);
    }

    /// The names of the threads of this process.
    fn threads() -> HashSet<String> {
        let tasks = fs::read_dir("/proc/self/task").expect("it is there").flatten();
        // One may end meanwhile.
        let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        names.map(|name| name.trim_end().to_owned()).collect()
    }
}

/// A file that takes no space on the disk.
fn large_file(place: &std::path::Path, len: usize) {
    let file = File::create(place.join("large")).expect("it can be made");
    file.set_len(len as u64).expect("it takes no blocks");
}

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
