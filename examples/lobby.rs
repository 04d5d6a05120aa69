//! A lobby: players log in by the token in their cookie, join rooms, which are topics, and talk in
//! them. Another thread sends the lines of standard input to all.

use switchboard::{
    Ask, Audience, JsonError, Limits, Message, Peer, Response, Server, SocketGate, SocketHandler,
    Status, gated_socket_handler,
};

/// The names of the players by their tokens.
struct Lobby(std::collections::HashMap<&'static str, &'static str>);

struct Player(&'static str);

#[derive(serde::Deserialize)]
enum Wish {
    Join(String),
    Say(String, String),
}

impl SocketGate for Lobby {
    fn admit(&mut self, ask: Ask<Player>) {
        let name = ask.request().cookie("token").and_then(|token| self.0.get(token));
        ask.answer(name.copied().map(Player).ok_or(Response::empty(Status::UNAUTHORIZED)));
    }
}

type Done = Result<(), JsonError>;

impl SocketHandler for Lobby {
    type Socket = Player;
    type Error = JsonError;

    fn message(&mut self, peer: &mut Peer<Player>, player: &mut Player, wish: Message) -> Done {
        match wish.json()? {
            Wish::Join(room) => peer.subscribe(room),
            Wish::Say(room, text) => peer.send_json_to(Audience::topic(room), &(player.0, text))?,
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/lobby", || gated_socket_handler(Lobby([("8a7", "ada"), ("f1d", "bob")].into())));
    let host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/lobby", host.address());
    let news = host.sender("/lobby")?;
    std::thread::spawn(move || {
        std::io::stdin().lines().try_for_each(|line| news.send(Audience::all(), line.ok()?).ok())
    });
    Ok(host.run()?)
}
