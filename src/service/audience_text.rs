//! Audiences as programs and operators write them: an id, a list of ids, all sockets of the service
//! or those of a topic, without one of them; and the sender that they may slow.

use core::fmt;

use crate::limits::Limits;
use crate::service::{Audience, SocketId};
use crate::ws::syntax::number;

/// Reads `17`, `17,18`, `*` or `@topic`. Each may be followed by `,!17`, and then by `,~17`.
pub(crate) fn audience(word: &str) -> Result<Audience, AudienceError> {
    // A single id, the most frequent case, is not searched for anything else.
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

/// Splits an id from the end of a word, if this mark is before it.
fn parted<'a>(word: &'a str, mark: &str) -> Result<(&'a str, Option<SocketId>), AudienceError> {
    match word.rsplit_once(mark) {
        Some((word, last)) => Ok((word, Some(id(last)?))),
        None => Ok((word, None)),
    }
}

/// Reads an id or a list of ids. The result has each once.
pub(crate) fn ids(word: &str) -> Result<Vec<SocketId>, AudienceError> {
    let mut ids = word.split(',').map(id).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Reads an id.
pub(crate) fn id(word: &str) -> Result<SocketId, AudienceError> {
    let id = number(word, ID_DIGITS_MAX).map(SocketId::from_u64);
    id.ok_or_else(|| AudienceError::Id(word.to_owned()))
}

/// Reads the name of a topic: a word whose characters have been checked, and that is valid in all
/// commands with topics.
pub(crate) fn topic(name: &str) -> Result<String, AudienceError> {
    let is_name = (1..=Limits::TOPIC_NAME_BYTES_MAX).contains(&name.len())
        && !name.starts_with('+')
        && !name.contains([',', ' ']);
    if is_name { Ok(name.to_owned()) } else { Err(AudienceError::Topic(name.to_owned())) }
}

/// A word that stands for no socket, or for no topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudienceError {
    /// It is no socket id.
    Id(String),
    /// No topic can have this name.
    Topic(String),
}

impl core::error::Error for AudienceError {}

impl fmt::Display for AudienceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(found) => {
                write!(f, "{found:?} is not a socket id, which is a number from an OPEN or ASK")
            }
            Self::Topic(found) => write!(
                f,
                "{found:?} is not a topic: 1 to {} bytes without blanks, commas and control \
                 characters, not beginning with +",
                Limits::TOPIC_NAME_BYTES_MAX
            ),
        }
    }
}

/// The maximum of digits of 64 bits.
const ID_DIGITS_MAX: usize = 20;
