//! Whom a line is for: an id, a list of ids, all sockets of the service or those of a topic, and
//! of these but one.

use crate::limits::Limits;
use crate::programs::Wrong;
use crate::programs::frames::number;
use crate::service::{Audience, SocketId};

/// Reads `17`, `17,18`, `*` or `@topic`, each with `,!17` behind it or not.
pub(super) fn audience(word: &str) -> Result<Audience, Wrong> {
    // An id alone, which is what most lines have, is not searched for anything else.
    if let Some(one) = number(word, ID_DIGITS_MAX) {
        return Ok(SocketId::from_u64(one).into());
    }
    let (who, but) = match word.rsplit_once(",!") {
        Some((who, but)) => (who, Some(id(but)?)),
        None => (word, None),
    };
    let audience = match (who, who.strip_prefix('@')) {
        ("*", _) => Audience::all(),
        (_, Some(name)) => Audience::topic(topic(name)?),
        (_, None) => match ids(who)?[..] {
            [one] => one.into(),
            ref several => several.into(),
        },
    };
    Ok(but.into_iter().fold(audience, Audience::but))
}

/// Reads an id or a list of ids. Each stands in the outcome once.
pub(super) fn ids(word: &str) -> Result<Vec<SocketId>, Wrong> {
    let mut ids = word.split(',').map(id).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Reads an id.
pub(super) fn id(word: &str) -> Result<SocketId, Wrong> {
    let id = number(word, ID_DIGITS_MAX).map(SocketId::from_u64);
    id.ok_or_else(|| Wrong::Id(word.to_owned()))
}

/// Reads the name of a topic: a word, whose characters have been looked at, that can stand in
/// all places where topics stand.
pub(super) fn topic(name: &str) -> Result<String, Wrong> {
    let is_name = (1..=Limits::TOPIC_NAME_BYTES_MAX).contains(&name.len())
        && !name.starts_with('+')
        && !name.contains([',', ' ']);
    if is_name { Ok(name.to_owned()) } else { Err(Wrong::Topic(name.to_owned())) }
}

/// As many as 64 bits have.
const ID_DIGITS_MAX: usize = 20;
