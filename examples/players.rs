//! A lobby of players: a gate reads a token once, each socket has a state, and an error closes the
//! socket that has caused it, and no other.
//!
//! `say TEXT` goes to all and scores a point, and `list` answers with all players.

use switchboard::{
    Ask, Audience, CloseCode, CloseError, Limits, Message, Peer, Request, Response, Server,
    SocketGate, SocketHandler, Status, gated_socket_handler,
};

struct Lobby;

struct Player {
    name: String,
    score: u32,
}

impl SocketHandler for Lobby {
    type Socket = Player;
    type Error = CloseError;

    fn message(
        &mut self,
        peer: &mut Peer<Player>,
        player: &mut Player,
        message: Message,
    ) -> Result<(), CloseError> {
        let text = message.as_text().unwrap_or_default();
        if text == "list" {
            let others = peer.others().iter().map(|(_, other)| other);
            let all = others.chain([&*player]).map(|of| format!("{} {}", of.name, of.score));
            peer.send(all.collect::<Vec<_>>().join(", "));
        } else if let Some(words) = text.strip_prefix("say ") {
            player.score += 1;
            peer.send_to(Audience::all(), format!("{}: {words}", player.name));
        } else {
            return Err(CloseError::new(CloseCode::POLICY, "say or list"));
        }
        Ok(())
    }
}

impl SocketGate for Lobby {
    fn admit(&mut self, ask: Ask<Player>) {
        match name_of(ask.request()) {
            Some(name) => ask.accept(Player { name, score: 0 }),
            None => ask.refuse(Response::text(Status::FORBIDDEN, "the token is wrong")),
        }
    }
}

/// The name in a token such as `ada-sesame`. It is for trying it out: queries stand in logs, and
/// `token.rs` has better places. A gate may also send the whole `ask` to a thread that knows all
/// users, and that thread answers it.
fn name_of(request: &Request) -> Option<String> {
    let token = request.query().strip_prefix("token=")?;
    token.strip_suffix("-sesame").map(str::to_owned)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/players", || gated_socket_handler(Lobby));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/players?token=ada-sesame", host.address());
    host.stop_on_signals()?;
    host.run()?;
    Ok(())
}
