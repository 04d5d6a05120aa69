//! Tests of the protocol. A line is a row of a table. The laws: any cutting gives the same, written
//! lines can be read, and little memory is held.

mod laws;
mod lines;
mod reader;
mod replay;
mod texts;
mod told;
mod transcript;

use std::net::SocketAddr;

use crate::limits::Limits;
use crate::programs::{CommandReader, CommandResult, ProgramCommand};
use crate::service::{Admission, PeerInfo, Request};
use crate::ws::head_reader::HeadReader;
use crate::ws::{Target, Transport};

/// The results of `bytes`, which come in pieces of these lengths.
fn hear(bytes: &[u8], pieces: &[usize]) -> Vec<CommandResult> {
    let mut reader = CommandReader::new(MESSAGE_BYTES_MAX);
    let (mut heard, mut rest) = (Vec::new(), bytes);
    for &len in pieces {
        let (mut piece, behind) = rest.split_at(len);
        rest = behind;
        loop {
            let (used, item) = reader.receive(piece);
            piece = &piece[used..];
            let Some(item) = item else { break };
            heard.push(item);
        }
        assert!(piece.is_empty(), "what is not heard is taken");
    }
    heard.extend(reader.finish().err().map(CommandResult::FatalError));
    heard
}

/// A READY, which comes before the lines of each row.
fn ready() -> CommandResult {
    CommandResult::Command(ProgramCommand::Ready(Admission::default()))
}

/// A client at this address, without TLS.
fn at(address: SocketAddr) -> PeerInfo {
    PeerInfo::new(Some(address), None)
}

/// The request of a head, whose peer is at 192.0.2.7:5000.
fn request(head: &str, protocols: &[&str]) -> Request {
    let read = HeadReader::default().receive(head.as_bytes(), &Limits::SERVER);
    let (_, head) = read.unwrap_or_else(|error| panic!("{error}"));
    let head = head.expect("the head ends");
    let Target { path, query, .. } = Target::parse(head.target()).expect("it is a target");
    let peer = "192.0.2.7:5000".parse().expect("an address");
    let protocols = protocols.iter().map(|name| (*name).to_owned()).collect();
    Request::new(head, path, query, at(peer), protocols, Transport::Unknown)
}

const MESSAGE_BYTES_MAX: usize = 2000;
