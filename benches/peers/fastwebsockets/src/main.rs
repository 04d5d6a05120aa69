//! fastwebsockets behind hyper's upgrade on a runtime of one thread: `/echo`, and `/broadcast` to
//! all who are there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::env;
use std::future;
use std::io;

use bytes::Bytes;
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{FragmentCollector, FragmentCollectorRead};
use fastwebsockets::{Frame, OpCode, Payload, WebSocketError};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local, unconstrained};

type Mail = (OpCode, Bytes);

/// Everybody on `/broadcast`, each by the number it was given.
#[derive(Default)]
struct Room {
    last: u64,
    members: HashMap<u64, UnboundedSender<Mail>>,
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
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(admit));
            // A peer that leaves without a closing handshake is nobody's concern here.
            let _ = connection.with_upgrades().await;
        });
    }
}

async fn admit(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let is_broadcast = request.uri().path() == "/broadcast";
    let (answer, socket) = upgrade(&mut request)?;
    spawn_local(async move {
        let _ = if is_broadcast {
            broadcast(socket).await
        } else {
            // The runtime's budget would interrupt a long burst for no other socket's good.
            unconstrained(echo(socket)).await
        };
    });
    Ok(answer)
}

async fn echo(socket: UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(socket.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            OpCode::Continuation | OpCode::Ping | OpCode::Pong => {}
        }
    }
}

async fn broadcast(socket: UpgradeFut) -> Result<(), WebSocketError> {
    let (reader, mut writer) = socket.await?.split(tokio::io::split);
    let mut reader = FragmentCollectorRead::new(reader);
    let (sender, mut mail) = unbounded_channel::<Mail>();
    let number = ROOM.with_borrow_mut(|room| {
        room.last += 1;
        room.members.insert(room.last, sender.clone());
        room.last
    });
    spawn_local(async move {
        while let Some((opcode, bytes)) = mail.recv().await {
            let frame = Frame::new(true, opcode, None, Payload::Borrowed(&bytes));
            if writer.write_frame(frame).await.is_err() || opcode == OpCode::Close {
                return;
            }
        }
    });
    // What the reader has to answer, such as a ping, goes the way of all that is written.
    let mut answer = |frame: Frame<'_>| {
        let _ = sender.send((frame.opcode, Bytes::copy_from_slice(&frame.payload)));
        future::ready(Ok::<(), Infallible>(()))
    };
    let outcome = loop {
        match reader.read_frame(&mut answer).await {
            Err(error) => break Err(error),
            Ok(frame) if frame.opcode == OpCode::Close => break Ok(()),
            Ok(frame) => send_to_all(&frame),
        }
    };
    ROOM.with_borrow_mut(|room| room.members.remove(&number));
    outcome
}

fn send_to_all(frame: &Frame<'_>) {
    if !matches!(frame.opcode, OpCode::Text | OpCode::Binary) {
        return;
    }
    let bytes = Bytes::copy_from_slice(&frame.payload);
    ROOM.with_borrow(|room| {
        for member in room.members.values() {
            // Who has just left is removed by its own task.
            let _ = member.send((frame.opcode, bytes.clone()));
        }
    });
}
