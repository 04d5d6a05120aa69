//! The protocol core over a plain TCP stream: an echo server of the standard library's sockets and
//! a [`Session`] for each connection. It needs no feature of the crate; a system without the
//! standard library replaces the stream and the clock.
//!
//! ```sh
//! cargo run --no-default-features --example core_tcp
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::session::{Next, Session, SessionEvent};
use switchboard::time::Time;
use switchboard::ws::DateField;
use switchboard::{Limits, Response, Status};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on ws://{}/echo", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // The host would limit how many there are: `Limits::sockets_max`.
        thread::spawn(move || Connection::new(stream).serve());
    }
    Ok(())
}

struct Connection {
    stream: TcpStream,
    session: Session,
    begun: Instant,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self { stream, session: Session::new(Time::ZERO), begun: Instant::now() }
    }

    /// Each round writes what waits, waits for bytes or a deadline, and notifies the session.
    fn serve(mut self) -> io::Result<()> {
        let mut buffer = [0; 4_096];
        self.stream.set_write_timeout(Some(Duration::from_millis(LIMITS.write_ms_max)))?;
        loop {
            self.write()?;
            match self.session.next() {
                Next::Keep => {}
                // The peer ends the other half when it has read all.
                Next::EndWriting => self.stream.shutdown(Shutdown::Write)?,
                Next::Drop => return Ok(()),
            }
            self.stream.set_read_timeout(self.time_left())?;
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    let event = self.session.end();
                    self.decide(event);
                }
                Ok(len) => self.receive(&mut buffer[..len]),
                // A read that times out has one of these kinds.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    let now = self.now();
                    let event = self.session.expire(&LIMITS, now);
                    self.decide(event);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Passes bytes to the session, which uses them up to an event.
    fn receive(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let now = self.now();
            let (used, event) = self.session.receive(bytes, &LIMITS, now);
            self.decide(event);
            bytes = &mut bytes[used..];
        }
    }

    /// What the program decides. The session does the rest: pings, closes, faults of the peer.
    fn decide(&mut self, event: Option<SessionEvent>) {
        let (now, stamp) = (self.now(), DateField::default());
        match event {
            Some(SessionEvent::Request(_)) => {
                // The bytes behind the head are not in the session yet: see `receive`.
                let accepted = self.session.accept(None, now);
                if accepted.is_none() {
                    let answer = Response::text(Status::UPGRADE_REQUIRED, "it is for WebSockets");
                    self.session.respond(&answer.header("Upgrade", "websocket"), &stamp, now);
                }
            }
            Some(SessionEvent::Refused(refused)) => {
                self.session.respond(&refused.response, &stamp, now);
            }
            Some(SessionEvent::Message(message)) => {
                // If the outbox is over its limit, the session closes with 1013 by itself.
                let _ = self.session.send(message, &LIMITS, now);
            }
            // Nothing more is to be sent: the close frame may go.
            Some(SessionEvent::Closed(_)) => self.session.settle(now),
            _ => {}
        }
    }

    /// Writes what the session has for the peer.
    fn write(&mut self) -> io::Result<()> {
        loop {
            let Some(chunk) = self.session.unsent().next() else { return Ok(()) };
            let len = self.stream.write(chunk)?;
            self.session.wrote(len, self.now());
        }
    }

    /// The time until the session has to handle a deadline.
    fn time_left(&self) -> Option<Duration> {
        let deadline = self.session.deadline(&LIMITS)?;
        // A timeout of zero would mean: none.
        Some(Duration::from_millis(deadline.since(self.now()).max(1)))
    }

    fn now(&self) -> Time {
        let ms = self.begun.elapsed().as_millis();
        Time::from_ms(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}

const LIMITS: Limits = Limits::SMALL;
