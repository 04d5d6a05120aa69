//! The metrics of a host: what its handle says is what clients and services have done.

#![cfg(all(feature = "host", feature = "admin"))]

mod support;

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::{
    Context, Host, Limits, Metrics, MetricsError, MetricsHandle, Received, Server, Service,
    ServiceMetrics, Turn,
};

use support::raw::{TEXT, close, frame};
use support::services::mount_echo;
use support::{DEADLINE, LIMITS, Raw, Running, next, on_each_thread, server_on, tcp, until};

fn take(handle: &MetricsHandle) -> Metrics {
    handle.metrics(DEADLINE).expect("the host turns")
}

fn of<'a>(metrics: &'a Metrics, path: &str) -> &'a ServiceMetrics {
    metrics.services.iter().find(|service| service.path == path).expect("it is mounted")
}

#[test]
fn counts_are_those_of_the_clients() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        mount_echo(&mut server, "/unused");
        let host = server.bind("127.0.0.1:0").expect("a port is free");
        let (handle, address) = (host.metrics_handle(), host.address().to_string());
        let server = Running::run(host);
        assert_eq!(take(&handle).listeners[0].address, address, "also before any connection");
        let mut raws = [(); 3].map(|()| server.open("/echo"));
        for raw in &mut raws {
            for number in 0..10 {
                let text = format!("message {number}");
                raw.send_text(&text);
                assert_eq!(raw.read_text(), text);
            }
        }
        raws[0].send(&close(1000, ""));
        assert_eq!(raws[0].read_close().0, 1000);
        raws[0].expect_end();
        assert_eq!(server.ask(&support::http::get("/nothing", "")).status, 404);
        until("both connections have gone", || take(&handle).listeners[0].connections == 2);
        let metrics = take(&handle);
        let echo = of(&metrics, "/echo");
        assert_eq!((echo.sockets, echo.sockets_opened, echo.starts), (2, 3, 1));
        assert_eq!((echo.messages_received, echo.messages_sent), (30, 30));
        // Ten texts of nine bytes each, and a close frame, with masks.
        assert_eq!(echo.received_bytes, 30 * (6 + 9) + 8);
        assert!(echo.sent_bytes > 30 * (2 + 9) + 4, "each has got a 101 besides");
        assert_eq!(echo.closes().find(|(_, count)| *count > 0), Some(("1000", 1)));
        assert_eq!(metrics.responses, [(101, 3), (404, 1)]);
        assert_eq!(metrics.listeners[0].connections_accepted, 4);
        let unused = of(&metrics, "/unused");
        assert_eq!((unused.is_up(), unused.starts, unused.sockets_opened), (false, 0, 0));
        assert!(metrics.turns.count >= 30 && metrics.turns.sum > Duration::ZERO);
        assert!(metrics.turns.sum <= metrics.uptime + Duration::from_secs(1));
        assert!(metrics.process.open_fds > Some(5), "{:?}", metrics.process);
        let page: String = metrics.into_text().collect();
        assert!(page.contains("switchboard_messages_sent_total{service=\"/echo\"} 30\n"));
        drop(raws);
        server.stop();
        assert_eq!(handle.metrics(DEADLINE).err(), Some(MetricsError::Ended));
    });
}

/// What a build cannot count would be zero for ever.
#[test]
fn a_build_shows_what_it_counts() {
    for counts_lines in [false, true] {
        let mut server = Server::new(LIMITS);
        if counts_lines {
            server.log_lines_dropped(|| 12);
        }
        mount_echo(&mut server, "/echo");
        let host = server.bind("127.0.0.1:0").expect("a port is free");
        let handle = host.metrics_handle();
        let server = Running::run(host);
        let page: String = take(&handle).into_text().collect();
        for (sample, is_counted) in [
            ("switchboard_log_lines_dropped_total 12\n", counts_lines),
            ("switchboard_tls_handshakes_total{result=\"failed\"} 0\n", cfg!(feature = "tls")),
            ("_refused_total{reason=\"handshakes\"} 0\n", cfg!(feature = "tls")),
            ("_refused_total{reason=\"proxy\"} 0\n", cfg!(feature = "proxy")),
            ("switchboard_processes{service=\"/echo\"} 0\n", cfg!(feature = "programs")),
            ("_refused_total{reason=\"descriptors\"} 0\n", true),
        ] {
            assert_eq!(page.contains(sample), is_counted, "{sample} {page}");
        }
        server.stop();
    }
}

/// A wait is no part of a turn, and neither is what a program does between two calls.
#[test]
fn only_turns_are_busy() {
    let mut host = Server::new(LIMITS).bind("127.0.0.1:0").expect("a port is free");
    let handle = host.metrics_handle();
    let before = asked(&mut host, &handle).turns;
    let begun = Instant::now();
    for _ in 0..20 {
        host.turn(Some(Duration::from_millis(20))).expect("it polls");
        // The program works on something else.
        let work = Instant::now();
        while work.elapsed() < Duration::from_millis(20) {}
    }
    let (after, passed) = (asked(&mut host, &handle).turns, begun.elapsed());
    assert!(after.count >= before.count + 20);
    let busy = after.sum - before.sum;
    assert!(busy < passed / 4, "busy for {busy:?} of {passed:?}");
}

#[test]
fn a_host_without_turns_is_late() {
    let host = Server::new(LIMITS).bind("127.0.0.1:0").expect("a port is free");
    let handle = host.metrics_handle();
    assert_eq!(handle.metrics(Duration::from_millis(1)).err(), Some(MetricsError::Late));
    drop(host);
    assert_eq!(handle.metrics(Duration::MAX).err(), Some(MetricsError::Ended));
}

/// Sends more than the loop takes at the moment, when the test says so.
struct Ahead(Receiver<()>, Sender<()>);

impl Service for Ahead {
    fn run(&mut self, context: &mut Context<'_>) {
        loop {
            match context.receive_until(Instant::now() + Duration::from_millis(1)) {
                Received::End => return,
                Received::Transaction(_) | Received::Time => {}
            }
            if self.0.try_recv().is_ok() {
                context.send(switchboard::Audience::all(), "x".repeat(30_000));
                context.flush();
                self.1.send(()).expect("the test listens");
            }
        }
    }
}

#[test]
fn what_a_service_has_sent_ahead_is_seen() {
    let ((tell, told), (said, heard)) = (mpsc::channel(), mpsc::channel());
    let parts = std::sync::Mutex::new(Some((told, said)));
    let mut server = Server::new(LIMITS);
    server.mount("/ahead", move || {
        let (told, said) = parts.lock().expect("no panic").take().expect("it starts once");
        Ahead(told, said)
    });
    let mut host = server.bind("127.0.0.1:0").expect("a port is free");
    let handle = host.metrics_handle();
    let mut raw = Raw::connect(tcp(&host));
    raw.send(&support::http::upgrade("/ahead", ""));
    while asked(&mut host, &handle).services[0].sockets == 0 {}
    // A look that is in the queue comes before the batches of its turn.
    while host.poll_timeout() == Some(Duration::ZERO) {
        host.turn(Some(Duration::ZERO)).expect("it polls");
    }
    let other = handle.clone();
    let asks = thread::spawn(move || take(&other));
    until("it is in the queue", || host.poll_timeout() == Some(Duration::ZERO));
    tell.send(()).expect("it runs");
    next(&heard);
    while !asks.is_finished() {
        host.turn(Some(Duration::from_millis(1))).expect("it polls");
    }
    let metrics = asks.join().expect("it does not panic");
    assert!(metrics.memory.batches >= 30_000, "{:?}", metrics.memory);
    assert_eq!(asked(&mut host, &handle).memory.batches, 0, "all has been applied");
}

/// What a handle says of a host that turns only now.
fn asked(host: &mut Host, handle: &MetricsHandle) -> Metrics {
    answer(host, handle, take)
}

/// What another thread asks the host, which has turns meanwhile.
fn answer<T: Send + 'static>(
    host: &mut Host,
    handle: &MetricsHandle,
    ask: impl FnOnce(&MetricsHandle) -> T + Send + 'static,
) -> T {
    let other = handle.clone();
    let asks = thread::spawn(move || ask(&other));
    while !asks.is_finished() {
        let turn = host.turn(Some(Duration::from_millis(1))).expect("it polls");
        assert_eq!(turn, Turn::Another);
    }
    asks.join().expect("it does not panic")
}

#[cfg(feature = "programs")]
#[test]
fn programs_have_their_processes_listed() {
    use switchboard::ProgramOptions;
    use switchboard::programs::Mode;

    let root = support::folder::programs("metrics", &[("cat", "#!/bin/sh\nexec cat\n")]);
    let mut server = Server::new(LIMITS);
    let options = ProgramOptions { mode: Mode::Lines, ..ProgramOptions::default() };
    server.document_root(root).program_options(options);
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let handle = host.metrics_handle();
    let server = Running::run(host);
    assert!(take(&handle).services.is_empty());
    let mut raws = [server.open("/cat"), server.open("/cat")];
    for raw in &mut raws {
        raw.send_text("line");
        assert_eq!(raw.read_text(), "line");
    }
    let metrics = take(&handle);
    let pids = &of(&metrics, "/cat").pids;
    assert_eq!(pids.len(), 2);
    let own = support::process::children(&std::process::id().to_string());
    assert!(pids.iter().all(|pid| own.contains(&pid.to_string())), "{pids:?} of {own:?}");
    drop(raws);
    until("both processes have gone", || of(&take(&handle), "/cat").pids.is_empty());
    server.stop();
}

/// It needs a process of its own, whose descriptors it uses up.
#[test]
#[ignore = "no_descriptor_is_a_reason runs it"]
fn without_descriptors() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let mut host = server.bind("127.0.0.1:0").expect("a port is free");
    let handle = host.metrics_handle();
    // A stop waits for its close frame.
    let mut open = Raw::connect(tcp(&host));
    open.send(&support::http::upgrade("/echo", ""));
    while asked(&mut host, &handle).services[0].sockets == 0 {}
    let waits = TcpStream::connect(tcp(&host)).expect("it listens");
    let mut held: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(held.len() > 100, "{}", held.len());
    let refused = |metrics: &Metrics| {
        let mut of = metrics.refused.iter().filter(|(reason, _)| *reason == "descriptors");
        of.next().expect("it is a reason").1
    };
    while refused(&asked(&mut host, &handle)) == 0 {}
    let ready = |host: &mut Host| {
        let readiness = answer(host, &handle, |of| of.readiness(DEADLINE));
        readiness.expect("the host turns").to_string()
    };
    assert_eq!(ready(&mut host), "no descriptors");
    // The count outlives the listener.
    let before = refused(&asked(&mut host, &handle));
    held.truncate(10);
    while host.sockets_len() == 1 {
        host.turn(Some(Duration::from_millis(10))).expect("it polls");
    }
    assert_eq!(ready(&mut host), "ready");
    host.stopper().stop();
    while host.addresses().next().is_some() {
        assert_eq!(host.turn(None).expect("it polls"), Turn::Another);
    }
    assert!(refused(&asked(&mut host, &handle)) >= before);
    drop((waits, open));
}

#[test]
fn no_descriptor_is_a_reason() {
    let test = std::env::current_exe().expect("it runs");
    let mut command = Command::new("sh");
    let script = "ulimit -n 256; exec \"$0\" --ignored --exact without_descriptors";
    let output = command.args(["-c", script]).arg(test).output().expect("there is a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// `PROMETHEUS_PYTHON` is a Python with the package `prometheus_client`.
#[test]
#[ignore = "tests/run prometheus has what it needs"]
fn prometheus_reads_the_page() {
    let mut server = Server::new(Limits { held_bytes_max: 1 << 30, ..LIMITS });
    server.log_lines_dropped(|| 1);
    (0..50).for_each(|number| mount_echo(&mut server, &format!("/services/{number}")));
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let handle = host.metrics_handle();
    let server = Running::run(host);
    let mut raw = server.open("/services/7");
    raw.send(&frame(TEXT, b"hello"));
    assert_eq!(raw.read_text(), "hello");
    raw.send(&close(1000, ""));
    assert_eq!(raw.read_close().0, 1000);
    raw.expect_end();
    let page: String = take(&handle).into_text().collect();
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut input = child.stdin.take().expect("it is a pipe");
        input.write_all(page.as_bytes()).expect("it reads all");
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{program}: {said}");
        said
    };
    // It also says which names are unusual.
    assert_eq!(run("promtool", &["check", "metrics"]), "");
    let python = std::env::var("PROMETHEUS_PYTHON").expect("tests/run sets it");
    let script = "import sys\n\
        from prometheus_client.parser import text_string_to_metric_families as parse\n\
        for family in parse(sys.stdin.read()):\n\
        \x20   for sample in family.samples:\n\
        \x20       service = sample.labels.get('service')\n\
        \x20       print(family.type, sample.name, service, float(sample.value))\n";
    let said = run(&python, &["-c", script]);
    let samples = page.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(said.lines().count(), samples, "it has read all of it");
    for line in [
        "counter switchboard_messages_received_total /services/7 1.0",
        "gauge switchboard_up /services/8 0.0",
        "histogram switchboard_loop_turn_seconds_count None",
    ] {
        assert!(said.lines().any(|said| said.starts_with(line)), "{line} in {said}");
    }
    server.stop();
}
