//! Tests of the bytes and values. A rule is a row of a table; what holds for all rows is a
//! law, above all this one: however the input is cut, the outcome is the same.

mod authority;
mod close;
mod cookie;
mod credentials;
#[cfg(feature = "deflate")]
mod extension;
mod form;
#[cfg(feature = "proxy")]
mod forwarded;
mod frame;
mod head;
mod http_date;
mod mask;
mod message;
mod origin;
mod proxy;
pub(crate) mod random;
mod range;
mod response;
mod syntax;
mod target;
#[cfg(feature = "proxy")]
mod trusted;
mod upgrade;
mod utf8;
mod work;

use crate::limits::Limits;
use crate::ws::{Head, HeadReader};

/// The ways in which an input of `len` bytes is cut, each as the lengths of its pieces: not
/// at all, byte by byte, in two at each place, and at random. Of a long input only the places
/// near its ends are all tried, since the headers stand there.
pub(crate) fn cuttings(len: usize) -> Vec<Vec<usize>> {
    let is_tried = |at: &usize| len <= LONG || *at < NEAR || *at > len - NEAR;
    let mut ways = vec![vec![len], vec![1; len]];
    ways.extend((1..len).filter(is_tried).map(|at| vec![at, len - at]));
    let mut random = random::Random::new(len as u64);
    let random_ways = if len <= LONG { 10 } else { 3 };
    ways.extend((0..random_ways).map(|_| random.pieces(len)));
    ways
}

/// A request head that has to be right.
fn head(text: &str) -> Head {
    let read = HeadReader::default().receive(text.as_bytes(), &Limits::SERVER);
    let (used, head) = read.unwrap_or_else(|error| panic!("{error}: {text:?}"));
    assert_eq!(used, text.len(), "{text:?}");
    head.unwrap_or_else(|| panic!("the head does not end: {text:?}"))
}

const LONG: usize = 600;
const NEAR: usize = 20;
