//! Whom a line is for: an id, a list of ids, all sockets of the service or those of a topic, and
//! of these but one; and the sender that they may slow.

use crate::limits::Limits;
use crate::programs::LineErrorKind;
use crate::programs::words::number;
use crate::service::{Audience, SocketId};

/// Reads `17`, `17,18`, `*` or `@topic`, each with `,!17` behind it or not, and `,~17` behind that.
pub(super) fn audience(word: &str) -> Result<Audience, LineErrorKind> {
    // An id alone, which is what most lines have, is not searched for anything else.
    if let Some(one) = number(word, ID_DIGITS_MAX) {
        return Ok(SocketId::from_u64(one).into());
    }
    let (word, slows) = parted(word, ",~")?;
    let (who, but) = parted(word, ",!")?;
    let audience = match (who, who.strip_prefix('@')) {
        ("*", _) => Audience::all(),
        (_, Some(name)) => Audience::topic(topic(name)?),
        (_, None) => match ids(who)?[..] {
            [one] => one.into(),
            ref several => several.into(),
        },
    };
    let audience = but.into_iter().fold(audience, Audience::but);
    Ok(slows.into_iter().fold(audience, Audience::slowing))
}

/// Parts an id from the end of a word, if this mark stands before it.
fn parted<'a>(word: &'a str, mark: &str) -> Result<(&'a str, Option<SocketId>), LineErrorKind> {
    match word.rsplit_once(mark) {
        Some((word, last)) => Ok((word, Some(id(last)?))),
        None => Ok((word, None)),
    }
}

/// Reads an id or a list of ids. Each stands in the outcome once.
pub(super) fn ids(word: &str) -> Result<Vec<SocketId>, LineErrorKind> {
    let mut ids = word.split(',').map(id).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Reads an id.
pub(super) fn id(word: &str) -> Result<SocketId, LineErrorKind> {
    let id = number(word, ID_DIGITS_MAX).map(SocketId::from_u64);
    id.ok_or_else(|| LineErrorKind::Id(word.to_owned()))
}

/// Reads the name of a topic: a word, whose characters have been looked at, that can stand in
/// all places where topics stand.
pub(super) fn topic(name: &str) -> Result<String, LineErrorKind> {
    let is_name = (1..=Limits::TOPIC_NAME_BYTES_MAX).contains(&name.len())
        && !name.starts_with('+')
        && !name.contains([',', ' ']);
    if is_name { Ok(name.to_owned()) } else { Err(LineErrorKind::Topic(name.to_owned())) }
}

/// As many as 64 bits have.
const ID_DIGITS_MAX: usize = 20;
