//! tokio-tungstenite on a runtime of one thread: `/echo`, and `/broadcast` to all who are there.
//! It answers all that has arrived before it flushes, which is the fastest way to use it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::io;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};

type Socket = WebSocketStream<TcpStream>;

/// Everybody on `/broadcast`, each by the number it was given.
#[derive(Default)]
struct Room {
    last: u64,
    members: HashMap<u64, UnboundedSender<Message>>,
}

thread_local!(static ROOM: RefCell<Room> = RefCell::default());

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = env::args().nth(1).and_then(|word| word.parse().ok()).expect("usage: peer PORT");
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    LocalSet::new().run_until(serve(listener)).await
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        spawn_local(async move {
            // A peer that leaves without a closing handshake is nobody's concern here.
            let _ = converse(stream).await;
        });
    }
}

async fn converse(stream: TcpStream) -> Result<(), Error> {
    let mut is_broadcast = false;
    // The library prescribes this type of a refusal.
    #[allow(clippy::result_large_err)]
    let see_path = |request: &Request, answer: Response| -> Result<Response, ErrorResponse> {
        is_broadcast = request.uri().path() == "/broadcast";
        Ok(answer)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, see_path).await?;
    if !is_broadcast {
        return echo(&mut socket).await;
    }
    let (sender, receiver) = unbounded_channel();
    let number = ROOM.with_borrow_mut(|room| {
        room.last += 1;
        room.members.insert(room.last, sender);
        room.last
    });
    let outcome = broadcast(&mut socket, receiver).await;
    ROOM.with_borrow_mut(|room| room.members.remove(&number));
    outcome
}

async fn echo(socket: &mut Socket) -> Result<(), Error> {
    while let Some(message) = socket.next().await {
        let mut next = Some(message);
        while let Some(message) = next {
            let message = message?;
            if message.is_text() || message.is_binary() {
                socket.feed(message).await?;
            }
            next = socket.next().now_or_never().flatten();
        }
        socket.flush().await?;
    }
    Ok(())
}

async fn broadcast(socket: &mut Socket, mut mail: UnboundedReceiver<Message>) -> Result<(), Error> {
    loop {
        tokio::select! {
            message = socket.next() => {
                let Some(message) = message.transpose()? else { return Ok(()) };
                if message.is_text() || message.is_binary() {
                    ROOM.with_borrow(|room| {
                        for member in room.members.values() {
                            // Who has just left is removed by its own task.
                            let _ = member.send(message.clone());
                        }
                    });
                }
            }
            Some(message) = mail.recv() => {
                socket.feed(message).await?;
                while let Ok(message) = mail.try_recv() {
                    socket.feed(message).await?;
                }
                socket.flush().await?;
            }
        }
    }
}
