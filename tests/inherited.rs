//! Listeners that the binary inherits, as from systemd (sd_listen_fds(3)), and its Unix sockets.

#![cfg(all(feature = "host", feature = "unix"))]

mod support;

use std::fs;
#[cfg(feature = "proxy")]
use std::io::ErrorKind;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::Raw;
use support::binary::Binary;
use support::folder::{folder, socket_path};
#[cfg(feature = "processes")]
use support::several;

/// A command that runs the binary in place of a shell, which gives it the number of its process,
/// and its standard input and error as the descriptors 3 and 4.
fn inheriting(names: &str, first: impl Into<OwnedFd>, second: Option<OwnedFd>) -> Command {
    let len = 1 + usize::from(second.is_some());
    let errors = if second.is_some() { "4<&2 2>/dev/null" } else { "" };
    let mut command = Command::new("sh");
    let script = format!(
        "exec 3<&0 0</dev/null {errors}; LISTEN_PID=${{PID-$$}} LISTEN_FDS=${{FDS-{len}}} \
         LISTEN_FDNAMES={names} exec \"$0\" \"$@\""
    );
    command.args(["-c", &script, env!("CARGO_BIN_EXE_switchboard")]);
    command.stdin(Stdio::from(first.into()));
    match second {
        Some(second) => command.stderr(Stdio::from(second)),
        None => command.stderr(Stdio::piped()),
    };
    command
}

/// The exit code of a start that fails, and its error.
fn failure(command: &mut Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
    let mut text = String::new();
    let errors = child.stderr.as_mut().expect("it is piped");
    errors.read_to_string(&mut text).expect("it is text");
    (child.wait().expect("it ends").code(), text)
}

fn echo(mut raw: Raw) {
    raw.upgrade("/echo");
    raw.send_text("word");
    assert_eq!(raw.read_text(), "word");
}

#[test]
fn inherited_listeners_replace_the_configured_ones() {
    let path = socket_path("inherited");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = tcp.local_addr().expect("it is bound");
    let unix = UnixListener::bind(&path).expect("the path is free");
    let unused = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = unused.local_addr().expect("it is bound").port().to_string();
    let mut command = inheriting("web:other", tcp, Some(unix.into()));
    // The port is taken, which does not matter.
    let mut binary = Binary::run_as_it_is(command.args(["--quiet", "-p", &port]));
    assert_eq!(binary.address(), address);
    echo(Raw::connect(address));
    echo(Raw::connect_unix(&path));
    binary.signal("TERM");
    assert_eq!(binary.exit_code(), Some(0));
    assert!(path.exists(), "the file is that of the manager");
    fs::remove_file(&path).expect("it is there");
}

/// Connections of a socket with the name `proxy` begin with a header of the PROXY protocol, those
/// of others do not.
#[cfg(feature = "proxy")]
#[test]
fn the_name_proxy_is_a_role() {
    let [plain, proxied] =
        [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    let [at, behind] =
        [&plain, &proxied].map(|listener| listener.local_addr().expect("it is bound"));
    let folder = folder("role");
    let file = folder.join("conf");
    fs::write(&file, "[server]\ntrusted-proxy: 127.0.0.1\n").expect("it can be written");
    let mut command = inheriting("plain:proxy", plain, Some(proxied.into()));
    let binary = Binary::run_as_it_is(command.args(["--quiet", "-c"]).arg(&file));
    assert_eq!(binary.address(), at);
    echo(Raw::connect(at));
    let mut raw = Raw::connect(behind);
    raw.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\r\n");
    echo(raw);
    // Without the header, no byte is answered: it is reset, since its own bytes are not read.
    let mut raw = Raw::connect(behind);
    raw.send(&support::http::get("/", ""));
    let reset = raw.stream().read(&mut [0]).expect_err("it is dropped");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    drop(binary);
    // Without a proxy that is trusted, no connection would be served.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (code, text) = failure(&mut inheriting("proxy", listener, None));
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("trusted-proxy is none"), "{text}");
}

/// A socket with the name `admin` is for operators, in the place of the configured ones, and
/// replaces nothing that is for others.
#[cfg(feature = "admin")]
#[test]
fn the_name_admin_is_a_role() {
    let path = socket_path("operators");
    let folder = folder("operators");
    let file = folder.join("conf");
    let other = socket_path("other");
    let text = format!("[server]\nport: 0\nadmin: unix:{}\n", other.display());
    fs::write(&file, text).expect("it can be written");
    let unix = UnixListener::bind(&path).expect("the path is free");
    let mut command = inheriting("admin", unix, None);
    let mut binary = Binary::run_as_it_is(command.args(["--quiet", "-c"]).arg(&file));
    echo(Raw::connect(binary.address()));
    let ask = |request: &[u8]| {
        let mut raw = Raw::connect_unix(&path);
        raw.send(request);
        raw.read_answer().status
    };
    assert_eq!(ask(&support::http::get("/healthz", "")), 200);
    assert_eq!(ask(&support::http::upgrade("/echo", "")), 404, "it is for operators alone");
    assert!(!other.exists(), "it replaces the configured one");
    assert_eq!(ask(b"POST /drain HTTP/1.1\r\nHost: localhost\r\n\r\n"), 202);
    assert_eq!(binary.exit_code(), Some(0));
    assert!(path.exists(), "the file is that of the manager");
    fs::remove_file(&path).expect("it is there");
    // On an address that other machines reach, it needs a token as a configured one.
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port is free");
    let (code, text) = failure(inheriting("admin", listener, None).args(["-p", "0"]));
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("there is no token: set admin-token"), "{text}");
}

/// All processes accept at the sockets of a manager, which outlive each of them. That for operators
/// is of the parent.
#[cfg(feature = "processes")]
#[test]
fn several_processes_have_the_same_inherited_listeners() {
    let path = socket_path("several");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = tcp.local_addr().expect("it is bound");
    let unix = UnixListener::bind(&path).expect("the path is free");
    let file = several::conf("several", 2, "").join("conf");
    let mut command = inheriting("web:admin", tcp, Some(unix.into()));
    let mut server = Binary::run_as_it_is(command.args(["--quiet", "-c"]).arg(&file));
    assert_eq!(server.address(), address);
    let ask = |target: &str| {
        let mut raw = Raw::connect_unix(&path);
        raw.send(&support::http::get(target, ""));
        raw.read_answer()
    };
    let first = several::pids(&server, 2);
    for pid in &first {
        several::signal(pid, "STOP");
        (0..4).for_each(|_| echo(Raw::connect(address)));
        several::signal(pid, "CONT");
    }
    // What comes while there is no process waits.
    first.iter().for_each(|pid| several::signal(pid, "KILL"));
    (0..4).for_each(|_| echo(Raw::connect(address)));
    support::until("both run again", || {
        let now = several::pids(&server, 2);
        now.iter().all(|pid| !first.contains(pid))
            && now.iter().all(|pid| ask("/status").text().contains(&format!("\"pid\":{pid},")))
    });
    assert_eq!(ask("/healthz").status, 200);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    assert!(path.exists(), "the file is that of the manager");
    fs::remove_file(&path).expect("it is there");
}

/// The role of an inherited listener is that of each process.
#[cfg(all(feature = "processes", feature = "proxy"))]
#[test]
fn several_processes_have_the_roles_of_inherited_listeners() {
    let [plain, proxied] =
        [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    let behind = proxied.local_addr().expect("it is bound");
    let file = several::conf("roles", 2, "trusted-proxy: 127.0.0.1\n").join("conf");
    let mut command = inheriting("plain:proxy", plain, Some(proxied.into()));
    let server = Binary::run_as_it_is(command.args(["--quiet", "-c"]).arg(&file));
    echo(Raw::connect(server.address()));
    for pid in several::pids(&server, 2) {
        several::signal(&pid, "STOP");
        let mut raw = Raw::connect(behind);
        raw.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\r\n");
        echo(raw);
        several::signal(&pid, "CONT");
    }
}

/// Asks for a clean stop.
fn terminate(child: &Child) {
    let sent = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status();
    assert!(sent.expect("there is a kill").success());
}

#[test]
fn the_greeting_and_the_log_name_what_is_inherited() {
    for (format, begin) in [("text", ""), ("json", "\"")] {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = tcp.local_addr().expect("it is bound");
        let folder = folder(format);
        let file = folder.join("conf");
        fs::write(&file, format!("[server]\nlog-format: {format}\n")).expect("it can be written");
        let mut command = inheriting("", tcp, None);
        let mut child =
            command.arg("-c").arg(file).stdout(Stdio::piped()).spawn().expect("it starts");
        // It listens already; the answer comes once it has greeted.
        let mut raw = Raw::connect(address);
        raw.send(&support::http::get("/", ""));
        raw.read_answer();
        // The end of a stop waits for the log.
        drop(raw);
        terminate(&child);
        let mut text = String::new();
        child.stdout.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
        child.stderr.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
        child.wait().expect("it can be waited for");
        for line in [
            format!("{begin}listening on http://{address}{begin}"),
            format!(
                "{begin}the listeners are inherited (LISTEN_FDS): host, port and unix-socket are \
                 not used{begin}"
            ),
        ] {
            assert!(text.contains(&line), "{line} is missing: {text}");
        }
    }
}

/// Variables for another process are not for this one.
#[test]
fn what_another_process_should_inherit_is_not_taken() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = tcp.local_addr().expect("it is bound");
    let mut command = inheriting("", tcp, None);
    let binary = Binary::run(command.env("PID", "1"));
    assert_ne!(binary.address(), address);
    echo(Raw::connect(binary.address()));
}

#[test]
fn what_is_no_listening_stream_is_refused() {
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = tcp.local_addr().expect("it is bound");
    let connection = std::net::TcpStream::connect(address).expect("it listens");
    let rows: [(OwnedFd, &str); 4] = [
        (udp.into(), "a datagram socket"),
        (connection.into(), "a socket that does not listen"),
        (fs::File::open("/dev/null").expect("it is there").into(), "no socket"),
        (std::io::pipe().expect("there are descriptors").0.into(), "no socket"),
    ];
    for (descriptor, what) in rows {
        let (code, text) = failure(&mut inheriting("web", descriptor, None));
        assert_eq!(code, Some(3), "{text}");
        let begin = format!(
            "switchboard: the inherited descriptor 3 (LISTEN_FDS), with the name \"web\", is {what}"
        );
        assert!(text.lines().any(|line| line.starts_with(&begin)), "{begin} is missing: {text}");
    }
    for (len, told) in [
        ("2", "the inherited descriptor 4 (LISTEN_FDS), with the name \"b\", is not open"),
        ("two", "LISTEN_FDS is no number"),
    ] {
        let tcp = tcp.try_clone().expect("there is a descriptor");
        let (code, text) = failure(inheriting("a:b", tcp, None).env("FDS", len));
        assert_eq!(code, Some(3), "{text}");
        assert!(text.contains(told), "{text}");
    }
}

/// Their peers do not send a request first: a listener of this kind is never served as a plain one.
#[test]
fn names_without_a_listener_are_refused() {
    let names = [("admin", cfg!(feature = "admin")), ("tls", cfg!(feature = "tls"))];
    for (name, _) in names.into_iter().filter(|(_, is_built)| !is_built) {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let (code, text) = failure(&mut inheriting(name, tcp, None));
        assert_eq!(code, Some(4), "{text}");
        assert!(text.contains("of a name that this build has no listener for"), "{text}");
    }
}

fn start_at(path: &Path, more: &str, folder: &Path) -> Command {
    let file = folder.join("conf");
    let text = format!("[server]\nport: none\nunix-socket: {}\n{more}", path.display());
    fs::write(&file, text).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("-c").arg(file).stderr(Stdio::piped());
    command
}

/// Without TCP there is nothing that a browser could open, and one path has one server.
#[test]
fn a_server_may_listen_on_a_unix_socket_alone() {
    let (path, folder) = (socket_path("alone"), folder("alone"));
    let mut command = start_at(&path, "unix-socket-mode: 0666\n", &folder);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut greeting = String::new();
    let mut out = child.stdout.take().expect("it is piped");
    let line = format!("listening on unix:{}\n", path.display());
    while !greeting.contains(&line) {
        let mut part = [0; 1_024];
        let len = out.read(&mut part).expect("it is open");
        assert!(len > 0, "it greets: {greeting}");
        greeting += &String::from_utf8_lossy(&part[..len]);
    }
    assert!(!greeting.contains("http://"), "{greeting}");
    echo(Raw::connect_unix(&path));
    let (code, text) = failure(&mut start_at(&path, "", &folder));
    assert_eq!(code, Some(3));
    assert!(text.contains("it is in use by a running server"), "{text}");
    assert!(!text.contains("-p chooses"), "{text}");
    echo(Raw::connect_unix(&path));
    terminate(&child);
    assert!(child.wait().expect("it ends").success());
    assert!(!path.exists(), "a clean stop removes the file");
}

#[test]
fn a_path_that_cannot_be_is_told_before_the_start() {
    let folder = folder("check");
    let rows = [
        ("/no/such/folder/s", "/no/such/folder/s"),
        ("/tmp/a, /no/such/s", "/tmp/a, /no/such/s"),
        ("@name", "@name"),
    ];
    for (value, told) in rows {
        let mut command = start_at(Path::new(value), "", &folder);
        let (code, text) = failure(command.arg("--check-config"));
        assert_eq!(code, Some(4), "{text}");
        let told = format!("3: unix-socket is {told:?}, allowed is none, or a list of paths");
        assert!(text.contains(&told), "{told} is missing: {text}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let (code, text) = failure(command.args(["-p", "none"]).stderr(Stdio::piped()));
    assert_eq!(code, Some(3), "{text}");
    let told = "there is no address to listen on; port is none, and so is unix-socket";
    assert!(text.contains(told), "{text}");
}
