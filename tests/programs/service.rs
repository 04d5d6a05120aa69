//! A service that waits for its mail and for a program, in one poll: no wake-up is lost
//! between the line and the pump.

use std::thread;
use std::time::Instant;

use switchboard::process::{DocumentRoot, Groups, Launch, PipeRead, ProcessId, Pump, PumpEvent};
use switchboard::{Context, Inbound, Received, Server, Service, SocketId};

use crate::beginnings::CAT;
use crate::bench::plan;
use crate::endings::PATIENT;
use crate::support::folder::{folder, write};
use crate::support::{LIMITS, Running};

/// Lets a program answer its one socket, line by line.
struct Through {
    root: DocumentRoot,
    groups: Groups,
}

impl Service for Through {
    fn run(&mut self, context: &mut Context) {
        let mut pump = Pump::new(plan("through", &self.groups)).expect("there are descriptors");
        context.wake_by(pump.waker());
        let program = self.root.find("/cat").expect("it is there");
        let launch = Launch { program: &program, pass_env: &[], variables: &[] };
        let id = pump.start(launch).expect("it starts");
        let (mut socket, mut said, mut events) = (None, Vec::new(), Vec::new());
        loop {
            if !mail(context, &mut pump, id, &mut socket) {
                break;
            }
            pump.poll(None, &mut events).expect("polling works");
            for event in events.drain(..) {
                let PumpEvent::Output(_) = event else {
                    panic!("it has no reason to end: {event:?}")
                };
                let mut buffer = [0; 4_096];
                if let PipeRead::Bytes(len) = pump.read(id, &mut buffer) {
                    said.extend_from_slice(&buffer[..len]);
                }
            }
            while let Some(end) = said.iter().position(|&byte| byte == b'\n') {
                let text = String::from_utf8(said.drain(..=end).collect()).expect("it is UTF-8");
                context.send(socket.expect("somebody is there"), text.trim_end());
            }
        }
        pump.stop(id, PATIENT);
        while !pump.is_empty() {
            pump.poll(None, &mut events).expect("polling works");
            events
                .drain(..)
                .for_each(|_| while let PipeRead::Bytes(_) = pump.read(id, &mut [0; 9]) {});
        }
    }
}

/// Takes all mail that is there; returns whether there may be more one day.
fn mail(
    context: &mut Context,
    pump: &mut Pump,
    id: ProcessId,
    socket: &mut Option<SocketId>,
) -> bool {
    loop {
        match context.try_receive() {
            Received::Transaction(Inbound::Data { id: from, message }) => {
                *socket = Some(from);
                let input = pump.input(id).expect("it reads");
                input.extend_from_slice(message.as_bytes());
                input.push(b'\n');
            }
            Received::Transaction(_) => {}
            Received::Time => return true,
            Received::End => return false,
        }
    }
}

#[test]
fn a_long_ping_pong_through_a_program_never_stalls() {
    let folder = folder("through");
    write(&folder, "cat", CAT, "755");
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    let groups = Groups::default();
    let mut server = Server::new(LIMITS);
    let all = groups.clone();
    server.mount("/through", move || Through { root: root.clone(), groups: all.clone() });
    let server = Running::start(server);
    let mut raw = server.open("/through");
    // Nothing else wakes the service, such as a ping: after a wake-up that is lost, reading fails.
    let start = Instant::now();
    for number in 0..ROUND_TRIPS {
        raw.send_text(&number.to_string());
        assert_eq!(raw.read_text(), number.to_string());
    }
    println!("{ROUND_TRIPS} round trips through a program in {:?}", start.elapsed());
    assert_eq!(groups.len(), 1);
    drop(raw);
    server.stop();
    assert!(groups.is_empty(), "the program has ended with its service");
}

/// Wakes itself with a panic, and looks for mail without end.
struct Clumsy;

impl Service for Clumsy {
    fn run(&mut self, context: &mut Context) {
        context.wake_by(|| panic!("it is clumsy"));
        loop {
            match context.try_receive() {
                Received::Transaction(Inbound::Data { id, message }) => context.send(id, message),
                Received::Transaction(_) => {}
                Received::Time => thread::yield_now(),
                Received::End => return,
            }
        }
    }
}

#[test]
fn a_panic_in_a_wake_up_leaves_the_loop_alone() {
    let mut server = Server::new(LIMITS);
    server.mount("/clumsy", || Clumsy);
    let server = Running::start(server);
    let mut raw = server.open("/clumsy");
    for number in 0..3 {
        raw.send_text(&number.to_string());
        assert_eq!(raw.read_text(), number.to_string());
    }
    drop(raw);
    server.stop();
}

const ROUND_TRIPS: usize = 20_000;
