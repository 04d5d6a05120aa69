//! `TicketSecret`: tickets with which clients resume sessions on any process of a server. The
//! processes have the same secret, and each makes the same key of it for the same six hours. The
//! secret of the next hours is a hash of this one, so that no process can read a ticket that is
//! older than the two keys that it has.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;

use crate::net::tls::channel::Tickets;
use crate::sys;

/// What the keys of tickets are made of. It is in no `Debug`.
pub struct TicketSecret {
    /// The number of its six hours, since a moment that is the same for all processes.
    period: u64,
    current: [u8; SECRET_LEN],
    /// That of the six hours before.
    previous: [u8; SECRET_LEN],
}

impl TicketSecret {
    /// A secret that no one else has.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new() -> Result<Self, String> {
        let random = || {
            let mut bytes = [0; SECRET_LEN];
            let filled = SystemRandom::new().fill(&mut bytes);
            filled.map(|()| bytes).map_err(|_| "the system has no random numbers".to_owned())
        };
        Ok(Self { period: period_now(), current: random()?, previous: random()? })
    }

    /// As a text of three words, for the other processes, as of now.
    pub fn to_text(&mut self) -> String {
        self.advance(period_now());
        let hex = |bytes: &[u8; SECRET_LEN]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                // To write to a text does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        format!("{} {} {}", self.period, hex(&self.current), hex(&self.previous))
    }

    /// The secret of such a text, if it is one.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let period = words.next()?.parse().ok()?;
        let mut bytes = || {
            let word = words.next().filter(|word| word.len() == 2 * SECRET_LEN)?;
            let mut bytes = [0; SECRET_LEN];
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::from_str_radix(word.get(2 * at..2 * at + 2)?, 16).ok()?;
            }
            Some(bytes)
        };
        Some(Self { period, current: bytes()?, previous: bytes()? })
    }

    pub(super) fn tickets(self) -> Tickets {
        Tickets(Arc::new(SharedTickets(Mutex::new(self))))
    }

    /// Goes on to a later period. There is no way back.
    fn advance(&mut self, period: u64) {
        while self.period < period {
            self.period += 1;
            self.previous = self.current;
            self.current = derive(&self.current, b"next");
        }
    }

    /// The key of a period, if it is this one or the one before.
    fn key(&self, period: u64) -> Option<LessSafeKey> {
        let secret = match self.period.checked_sub(period)? {
            0 => &self.current,
            1 => &self.previous,
            _ => return None,
        };
        let key = UnboundKey::new(&CHACHA20_POLY1305, &derive(secret, b"key")).ok()?;
        Some(LessSafeKey::new(key))
    }

    /// Encrypts a ticket: period, nonce, contents and tag.
    fn seal(&mut self, contents: &[u8], period: u64) -> Option<Vec<u8>> {
        self.advance(period);
        let period = self.period.to_be_bytes();
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut ticket = [&period[..], &nonce, contents].concat();
        let (key, nonce) = (self.key(self.period)?, Nonce::assume_unique_for_key(nonce));
        let inner = &mut ticket[period.len() + NONCE_LEN..];
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(period), inner).ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    /// The contents of a ticket, if a process with this secret has made it.
    fn open(&mut self, ticket: &[u8], period: u64) -> Option<Vec<u8>> {
        if ticket.len() > TICKET_LEN_MAX {
            return None;
        }
        self.advance(period);
        let (period, rest) = ticket.split_first_chunk::<8>()?;
        let (nonce, inner) = rest.split_first_chunk::<NONCE_LEN>()?;
        let key = self.key(u64::from_be_bytes(*period))?;
        let (nonce, mut inner) = (Nonce::assume_unique_for_key(*nonce), inner.to_vec());
        let len = key.open_in_place(nonce, Aad::from(*period), &mut inner).ok()?.len();
        inner.truncate(len);
        Some(inner)
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketSecret").field("period", &self.period).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct SharedTickets(Mutex<TicketSecret>);

impl ProducesTickets for SharedTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        // Twice six hours. It is a hint for clients.
        43_200
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seal(plain, period_now())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open(cipher, period_now())
    }
}

/// All processes of a machine have the same clock.
fn period_now() -> u64 {
    sys::monotonic().as_secs() / PERIOD_S
}

fn derive(secret: &[u8; SECRET_LEN], what: &[u8]) -> [u8; SECRET_LEN] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), what);
    let mut derived = [0; SECRET_LEN];
    derived.copy_from_slice(tag.as_ref());
    derived
}

const SECRET_LEN: usize = 32;
const PERIOD_S: u64 = 6 * 3_600;
/// Much more than rustls keeps of a session without certificates of clients.
const TICKET_LEN_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> (TicketSecret, TicketSecret) {
        let mut one = TicketSecret::new().expect("the system has random numbers");
        let other = TicketSecret::from_text(&one.to_text()).expect("it is its own text");
        (one, other)
    }

    #[test]
    fn tickets_are_read_with_the_same_secret() {
        let (mut one, mut other) = two();
        let begin = one.period;
        let ticket = one.seal(b"a session", begin).expect("it can be sealed");
        assert_ne!(Some(&ticket), one.seal(b"a session", begin).as_ref());
        // The clock of one may be behind.
        for period in [begin, begin + 1, begin] {
            assert_eq!(other.open(&ticket, period).as_deref(), Some(&b"a session"[..]));
        }
        assert_eq!(other.open(&ticket, begin + 2), None);
        // A process that has gone on makes tickets that one with the same clock reads.
        let later = other.seal(b"", begin + 2).expect("it can be sealed");
        assert_eq!(one.open(&later, begin + 1), None);
        assert_eq!(one.open(&later, begin + 2), Some(Vec::new()));
        let (mut stranger, _) = two();
        assert_eq!(stranger.open(&later, begin + 2), None);
    }

    #[test]
    fn what_was_changed_is_no_ticket() {
        let (mut one, mut other) = two();
        let period = one.period;
        let ticket = one.seal(b"a session", period).expect("it can be sealed");
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(other.open(&changed, period), None, "{at}");
            assert_eq!(other.open(&ticket[..at], period), None, "{at}");
        }
        assert_eq!(other.open(&vec![0; TICKET_LEN_MAX + 1], period), None);
    }

    #[test]
    fn other_texts_are_no_secret() {
        let text = two().0.to_text();
        for text in ["", "7", "7 aa bb", &text[..text.len() - 1], &text.replacen(' ', " +", 1)] {
            assert!(TicketSecret::from_text(text).is_none(), "{text:?}");
        }
        assert!(!format!("{:?}", two().0).contains(&text[text.len() - 8..]));
    }
}
