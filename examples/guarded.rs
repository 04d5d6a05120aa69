//! The shortest gate: it decides before the 101 which sockets may open, and speaks a subprotocol.
//! The host runs turn by turn within a loop of the program's own, with the limits for small hosts.
//!
//! Its one secret in the query is for trying it out, since queries stand in logs. `token.rs` has
//! the tokens of users in headers, as programs and pages send them, and names the user in the log.

use std::time::Duration;

use switchboard::{
    Gate, Handler, Limits, Message, Peer, Request, Response, Server, Status, Turn, Verdict,
    constant_time_eq, gated,
};

struct Guarded;

impl Handler for Guarded {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        if let Some(text) = message.as_text() {
            peer.send(text.to_uppercase());
        }
    }
}

impl Gate for Guarded {
    fn admit(&mut self, request: &Request) -> Verdict {
        let token = request.query_value("token").unwrap_or_default();
        if !constant_time_eq("sesame", token) {
            return Verdict::Refuse(Response::text(Status::FORBIDDEN, "the token is wrong"));
        }
        match request.protocols().iter().find(|name| name.as_str() == "shout.v1") {
            Some(name) => Verdict::AcceptProtocol(name.clone()),
            None => Verdict::Accept,
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::new(Limits::SMALL);
    server.mount("/guarded", || gated(Guarded));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/guarded?token=sesame", host.address());
    host.stop_on_signals()?;
    // Whatever else the program has to do stands in this loop; each turn takes what has come
    // up, and waits for at most this long if nothing has.
    while host.turn(Some(Duration::from_millis(100)))? == Turn::Another {}
    Ok(())
}
