//! Switchboard hosts WebSocket services on one port.
#![cfg_attr(not(any(feature = "host", test)), no_std)]

extern crate alloc;

pub mod limits;
pub mod time;

pub mod ws;

pub mod session;

#[cfg(feature = "host")]
pub mod config;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "host")]
pub mod hub;
#[cfg(feature = "host")]
pub mod pages;
#[cfg(feature = "host")]
pub mod server;
#[cfg(feature = "host")]
pub mod service;

pub use limits::Limits;
pub use ws::{Close, CloseCode, Message, Response, Status};

#[cfg(feature = "host")]
pub use {
    host::{Host, Stopper, Turn},
    hub::OriginRule,
    pages::Page,
    server::Server,
    service::{
        Admission, Audience, Handler, Inbound, Line, Outbound, Peer, Received, Request, Service,
        SocketId, Subscribable, Verdict, handler,
    },
};
