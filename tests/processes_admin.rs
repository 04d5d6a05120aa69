//! Operators of a server with several processes: one listener answers for all of them.

#![cfg(feature = "processes")]

mod support;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::thread;

use support::binary::Binary;
use support::folder::socket_path;
use support::http::Answer;
use support::process::children;
use support::several::{command, conf, next_with, pids, signal, text};
use support::{Raw, until};

/// A server with two processes, and its listener for operators.
struct Operated {
    server: Binary,
    lines: Receiver<String>,
    folder: PathBuf,
    socket: PathBuf,
}

impl Operated {
    fn start(name: &str) -> Self {
        Self::start_with(name, "")
    }

    fn start_with(name: &str, more: &str) -> Self {
        let socket = socket_path("admin");
        let folder = conf(name, 2, &(Self::keys(&socket) + more));
        let (server, lines) = Binary::run_loud(command(&folder).args(["--port", "0"]));
        pids(&server, 2);
        Self { server, lines, folder, socket }
    }

    fn keys(socket: &Path) -> String {
        format!("admin: unix:{}\n", socket.display())
    }

    /// The answer to a request with this method and target.
    fn ask(&self, line: &str) -> Answer {
        self.ask_with(line, "")
    }

    fn ask_with(&self, line: &str, content: &str) -> Answer {
        ask(&self.socket, line, content)
    }

    /// The values of the metrics whose lines begin with this.
    fn metrics(&self, name: &str) -> Vec<u64> {
        let answer = self.ask("GET /metrics");
        assert_eq!(answer.status, 200);
        let lines = answer.text().lines().filter(|line| line.starts_with(name));
        let value = |line: &str| line.rsplit(' ').next()?.parse().ok();
        lines.map(|line| value(line).expect("it has a whole number")).collect()
    }
}

fn ask(socket: &Path, line: &str, content: &str) -> Answer {
    let mut raw = Raw::connect_unix(socket);
    let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\n");
    raw.send(format!("{head}Content-Length: {}\r\n\r\n{content}", content.len()).as_bytes());
    raw.read_answer()
}

/// So many open sockets, each of which has said something.
fn talk(server: &Binary, len: usize) -> Vec<Raw> {
    let open = |number: usize| {
        let mut raw = Raw::connect(server.address());
        raw.upgrade("/echo");
        raw.send_text(&number.to_string());
        assert_eq!(raw.read_text(), number.to_string());
        raw
    };
    (0..len).map(open).collect()
}

const RECEIVED: &str = "switchboard_messages_received_total{service=\"/echo\"";

#[test]
fn counters_are_of_all_processes() {
    let operated = Operated::start("counters");
    let _clients = talk(&operated.server, 40);
    assert_eq!(operated.metrics(RECEIVED), [40]);
    let sockets = operated.metrics("switchboard_sockets{service=\"/echo\"");
    assert_eq!((sockets.len(), sockets.iter().sum::<u64>()), (2, 40));
    assert!(sockets.iter().all(|len| *len > 0), "each process has some: {sockets:?}");
    let page = operated.ask("GET /metrics");
    let labelled = page.text().lines().filter(|line| line.ends_with("process=\"1\"} 1"));
    assert!(labelled.count() > 0, "gauges say of which process they are");
    // The counters of a process that was killed stay.
    let before = children(&operated.server.pid());
    signal(&before[0], "KILL");
    until("another one runs", || {
        let now = children(&operated.server.pid());
        now.len() == 2 && now != before
    });
    let _others = talk(&operated.server, 10);
    until("all are counted", || operated.metrics(RECEIVED) == [50]);
}

#[test]
fn the_state_is_that_of_each_process() {
    let operated = Operated::start("status");
    let answer = operated.ask("GET /status");
    assert_eq!(answer.status, 200);
    let text = answer.text();
    assert!(text.contains(&format!("\"pid\":{},\"processes\":[", operated.server.pid())), "{text}");
    for pid in pids(&operated.server, 2) {
        assert!(text.contains(&format!("\"pid\":{pid},")), "{text}");
    }
}

#[test]
fn a_server_is_ready_when_each_process_is() {
    let operated = Operated::start("ready");
    assert_eq!(operated.ask("GET /readyz").status, 200);
    assert_eq!(operated.ask("GET /healthz").status, 200);
    // One that hangs.
    let pids = pids(&operated.server, 2);
    signal(&pids[1], "STOP");
    let answer = operated.ask("GET /readyz");
    assert_eq!((answer.status, answer.text()), (503, "process 1 does not run, or hangs\n"));
    let answer = operated.ask("GET /healthz");
    assert_eq!((answer.status, answer.text()), (503, "process 1 hangs\n"));
    signal(&pids[1], "CONT");
    until("it is ready again", || operated.ask("GET /readyz").status == 200);
    // One that cannot be started again.
    fs::write(operated.folder.join("conf"), "[server]\nprot: 1\n").expect("it can be written");
    signal(&pids[0], "KILL");
    until("it is not ready", || {
        let answer = operated.ask("GET /readyz");
        answer.status == 503 && answer.text() == "process 0 does not run, or hangs\n"
    });
    assert_eq!(operated.ask("GET /healthz").status, 200, "the others serve");
}

#[test]
fn messages_of_operators_reach_all_processes() {
    let operated = Operated::start("send");
    let mut clients = talk(&operated.server, 20);
    let answer = operated.ask_with("POST /send?service=/echo&to=*", "news");
    assert_eq!((answer.status, answer.text()), (202, "{\"sockets\":20}\n"));
    for raw in &mut clients {
        assert_eq!(raw.read_text(), "news");
    }
    assert_eq!(operated.ask_with("POST /send?service=/none&to=*", "").status, 404);
    // The same number may be an id of two processes.
    let answer = operated.ask_with("POST /send?service=/echo&to=17", "news");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("an id is of one process"), "{}", answer.text());
    let sent = |process: &str| {
        let answer = operated.ask_with(&format!("POST /send?{process}&service=/echo&to=*"), "part");
        assert_eq!(answer.status, 202, "{}", answer.text());
        let len =
            answer.text().trim_end().trim_start_matches("{\"sockets\":").trim_end_matches('}');
        len.parse::<usize>().expect("it is a number")
    };
    let parts = [sent("process=0"), sent("proces%73=1")];
    assert!(parts.iter().sum::<usize>() == 20 && !parts.contains(&0), "{parts:?}");
    clients.iter_mut().for_each(|raw| assert_eq!(raw.read_text(), "part"));
    let answer = operated.ask("POST /close?service=/echo&to=*&code=4000");
    assert_eq!((answer.status, answer.text()), (202, "{\"sockets\":20}\n"));
    for raw in &mut clients {
        assert_eq!(raw.read_close().0, 4000);
    }
}

#[test]
fn a_process_that_hangs_is_named() {
    let operated = Operated::start("hung");
    let mut clients = talk(&operated.server, 40);
    let of_first = operated.ask_with("POST /send?process=0&service=/echo&to=*", "first");
    let of_first = of_first.text().replace("{\"sockets\":", "").replace("}\n", "");
    let pids = pids(&operated.server, 2);
    signal(&pids[1], "STOP");
    let hung = "process 1 does not answer; it may still do it\n";
    let answer = operated.ask_with("POST /send?service=/echo&to=*", "news");
    assert_eq!(
        (answer.status, answer.text()),
        (503, &*format!("{hung}the others have done it, for {of_first} sockets\n"))
    );
    let answer = operated.ask("POST /close?process=1&service=/echo&to=*");
    assert_eq!((answer.status, answer.text()), (503, hung));
    let answer = operated.ask_with("POST /send?process=0&service=/echo&to=*", "other");
    assert_eq!(answer.status, 202, "{}", answer.text());
    // It does all of it when it goes on.
    signal(&pids[1], "CONT");
    for raw in &mut clients {
        let text = raw.read_text();
        let text = if text == "first" { raw.read_text() } else { text };
        assert_eq!(text, "news");
    }
    until("it is ready again", || operated.ask("GET /readyz").status == 200);
}

#[test]
fn a_reload_does_not_wait_for_a_process_that_is_known_to_hang() {
    let operated = Operated::start("part");
    let pids = pids(&operated.server, 2);
    signal(&pids[1], "STOP");
    assert_eq!(operated.ask("GET /readyz").status, 503);
    let keys = Operated::keys(&operated.socket) + "health-path: /health\n";
    fs::write(operated.folder.join("conf"), text(2, &keys)).expect("it can be written");
    let text = format!(
        "process 1 (pid {}) does not answer: it does it when it goes on; if it hangs, kill it, and \
         another one is started\nthe others: the configuration was read again",
        pids[1]
    );
    until("the other one has reloaded", || {
        let answer = operated.ask("POST /reload");
        answer.status == 503 && answer.text().starts_with(&text)
    });
    // It does it when it goes on.
    signal(&pids[1], "CONT");
    let is_applied = |_| {
        let mut raw = Raw::connect(operated.server.address());
        raw.send(&support::http::get("/health", ""));
        raw.read_answer().status == 200
    };
    until("all have reloaded", || (0..20).all(is_applied));
}

/// An id is of one process. The log has both.
#[test]
fn a_socket_is_found_by_its_process_and_its_id() {
    let operated = Operated::start_with("one", "access-log: all\n");
    let open = |_| {
        let mut raw = Raw::connect(operated.server.address());
        raw.upgrade("/echo");
        let line = next_with(&operated.lines, "socket=");
        let id = line.split(' ').find_map(|word| word.strip_prefix("socket="));
        let process = usize::from(line.contains("[1] "));
        assert!(process == 1 || line.contains("[0] "), "{line}");
        (raw, id.expect("it has one").to_owned(), process)
    };
    let mut clients: Vec<_> = (0..20).map(open).collect();
    for (raw, id, process) in &mut clients {
        let to = format!("process={process}&service=/echo&to={id}");
        let answer = operated.ask_with(&format!("POST /send?{to}"), id);
        assert_eq!((answer.status, answer.text()), (202, "{\"sockets\":1}\n"), "{to}");
        assert_eq!(raw.read_text(), *id);
        let answer = operated.ask(&format!("POST /close?{to}&code=4000"));
        assert_eq!((answer.status, answer.text()), (202, "{\"sockets\":1}\n"), "{to}");
        assert_eq!(raw.read_close().0, 4000);
    }
    assert!((0..2).all(|number| clients.iter().any(|(.., process)| *process == number)));
    let answer = operated.ask("POST /close?process=2&service=/echo&to=*");
    assert_eq!((answer.status, answer.text()), (400, "process is 2, and this server has 0 to 1\n"));
    let answer = operated.ask("POST /close?process=-1&service=/echo&to=*");
    assert_eq!(answer.status, 400);
}

#[test]
fn operators_reload_and_stop_all_processes() {
    let mut operated = Operated::start("reload");
    let write = |more: &str| {
        let keys = Operated::keys(&operated.socket) + more;
        fs::write(operated.folder.join("conf"), text(2, &keys)).expect("it can be written");
    };
    write("health-path: /health\n");
    let answer = operated.ask("POST /reload");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("health-path"), "{}", answer.text());
    for _ in 0..20 {
        let mut raw = Raw::connect(operated.server.address());
        raw.send(&support::http::get("/health", ""));
        assert_eq!(raw.read_answer().status, 200);
    }
    write("prot: 1\n");
    let answer = operated.ask("POST /reload");
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(operated.ask("POST /log-level?level=debug").status, 200);
    assert_eq!(operated.ask("POST /drain").status, 202);
    assert_eq!(operated.server.exit_code(), Some(0));
    drop(operated.lines);
}

/// Otherwise a slow disk would look like a loop that hangs.
#[test]
fn operators_are_answered_while_a_reload_waits_for_a_file() {
    let operated = Operated::start("slow");
    let (conf, pipe) = (operated.folder.join("conf"), operated.folder.join("pipe"));
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("there is a mkfifo").success());
    fs::rename(&conf, operated.folder.join("old")).expect("it is there");
    fs::rename(&pipe, &conf).expect("it is there");
    thread::scope(|scope| {
        let socket = &operated.socket;
        let reload = scope.spawn(move || ask(socket, "POST /reload", ""));
        // Once it is read, all have been asked for the reload.
        let content = OpenOptions::new().write(true).open(&conf).expect("it is read");
        for path in ["healthz", "readyz", "status", "metrics"] {
            until(path, || operated.ask(&format!("GET /{path}")).status == 200);
        }
        fs::rename(&conf, &pipe).expect("it is there");
        fs::rename(operated.folder.join("old"), &conf).expect("it is there");
        drop(content);
        until("the reload ends", || {
            // For one that has found the pipe, and opens it only now.
            drop(OpenOptions::new().read(true).write(true).open(&pipe).expect("it is there"));
            reload.is_finished()
        });
    });
    until("all reload", || operated.ask("POST /reload").status == 200);
}

/// The token is that of the parent, which reads it again.
#[test]
fn a_reload_sets_the_token() {
    let folder = conf("token", 2, "admin: 127.0.0.1:0\nadmin-token: TOKEN\n");
    let token = folder.join("token");
    let write = |secret: &str| {
        fs::write(&token, secret).expect("it can be written");
        let keys = format!("admin: 127.0.0.1:0\nadmin-token: {}\n", token.display());
        fs::write(folder.join("conf"), text(2, &keys)).expect("it can be written");
    };
    write("0123456789abcdef-first");
    let out = folder.join("out");
    let mut start = command(&folder);
    start.args(["--port", "0", "--quiet"]).stdout(fs::File::create(&out).expect("it can be made"));
    let mut server = start.spawn().expect("it starts");
    let mut address = None;
    until("it says where operators are", || {
        let text = fs::read_to_string(&out).expect("it is there");
        let line = text.lines().find_map(|line| line.strip_prefix("for operators on "));
        address = line.map(|address| address.parse().expect("it is one"));
        address.is_some()
    });
    let address = address.expect("it was found");
    let ask = |secret: &str| {
        let mut raw = Raw::connect(address);
        let head = "POST /log-level?level=error HTTP/1.1\r\nHost: localhost\r\n";
        let head = format!("{head}Authorization: Bearer {secret}\r\nContent-Length: 0\r\n\r\n");
        raw.send(head.as_bytes());
        raw.read_answer().status
    };
    assert_eq!((ask("0123456789abcdef-first"), ask("0123456789abcdef-other")), (200, 401));
    write("0123456789abcdef-other");
    signal(&server.id().to_string(), "HUP");
    until("it is the other one", || ask("0123456789abcdef-other") == 200);
    assert_eq!(ask("0123456789abcdef-first"), 401);
    signal(&server.id().to_string(), "TERM");
    assert!(server.wait().expect("it ends").success());
}
