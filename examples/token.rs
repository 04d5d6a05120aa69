//! A gate for users with tokens. It decides before the 101, so that no other client has a socket.
//! `guarded.rs` is shorter: a gate with one secret, in a host that runs turn by turn.
//!
//! A program sends its token in a header: `Authorization: Bearer TOKEN`. A page cannot set headers,
//! and offers two subprotocols: `new WebSocket(url, ["news.v1", "token.TOKEN"])`. A token in the
//! query would stand in the logs of proxies.

use switchboard::{
    Close, Context, Gate, Handler, Limits, Message, Peer, Request, Response, Server, SocketId,
    Status, Verdict, constant_time_eq, gated,
};

struct Members {
    /// The connected users.
    present: Vec<(SocketId, &'static str)>,
}

impl Gate for Members {
    fn admit(&mut self, request: &Request) -> Verdict {
        if user(request).is_none() {
            // RFC 9110, 15.5.2: a 401 says how to authenticate.
            let refusal = Response::text(Status::UNAUTHORIZED, "a valid token is required");
            return Verdict::Refuse(refusal.header("WWW-Authenticate", "Bearer"));
        }
        // A browser gives up a socket if none of the subprotocols that it offered is agreed on. The
        // answer names this one, and never the token.
        match request.protocols().iter().any(|name| name == PROTOCOL) {
            true => Verdict::AcceptProtocol(PROTOCOL.to_owned()),
            false => Verdict::Accept,
        }
    }
}

impl Handler for Members {
    fn open(&mut self, peer: &mut Peer, request: &Request) {
        // The gate has admitted this very request.
        let Some(user) = user(request) else { return };
        self.present.push((peer.id(), user));
        // For the log line of this socket.
        peer.label("user", user);
        peer.send(format!("hello {user}"));
    }

    fn message(&mut self, peer: &mut Peer, _: Message) {
        let users: Vec<_> = self.present.iter().map(|(_, user)| *user).collect();
        peer.send(users.join(", "));
    }

    fn close(&mut self, _: &mut Context, id: SocketId, _: &Close) {
        self.present.retain(|(present, _)| *present != id);
    }
}

/// The user to whom the token of a request belongs.
fn user(request: &Request) -> Option<&'static str> {
    let offered = || request.protocols().iter().find_map(|name| name.strip_prefix("token."));
    let given = request.bearer().or_else(offered)?;
    let found = TOKENS.iter().find(|(token, _)| constant_time_eq(token, given));
    found.map(|(_, user)| *user)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/members", || gated(Members { present: Vec::new() }));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/members", host.address());
    host.stop_on_signals()?;
    host.run()?;
    Ok(())
}

/// A real program reads these from a file, long and random, and one for each user.
const TOKENS: [(&str, &str); 2] = [("8a7c5d3e1f60b924", "ida"), ("f1d20c94b7a6835e", "otto")];
const PROTOCOL: &str = "news.v1";
