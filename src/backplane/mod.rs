//! What services share with other hosts, over Redis (PUBLISH and SUBSCRIBE). Two threads of its own
//! have a connection each; the loop waits for neither.
//!
//! In reading order:
//!
//! - `options`: [`RedisOptions`]
//! - `channel`: what the channels of a topic and of a host are called
//! - `wire`: what is published there
//! - `counts`: what is counted, and whether both connections stand
//! - `outgoing`: what waits for the publisher
//! - `topics`: which channels are to be subscribed
//! - `incoming`: what waits for the loop
//! - `stream`: the bytes to and from Redis
//! - `connection`: how both threads connect, and what they say then
//! - `redis_shared`: what both threads and the loop share
//! - `publisher`, `subscriber`: the threads
//! - `redis_backplane`: [`RedisBackplane`], all of it

mod channel;
mod connection;
mod counts;
mod incoming;
mod options;
mod outgoing;
mod publisher;
mod redis_backplane;
mod redis_shared;
mod stream;
mod subscriber;
mod topics;
mod wire;

#[doc(hidden)]
pub use channel::{of_topic, topic};
pub use options::RedisOptions;
pub use redis_backplane::RedisBackplane;

pub use crate::connecting::UrlError;
#[doc(hidden)]
pub use wire::{NodeOrigin, Published, decode, encode};
