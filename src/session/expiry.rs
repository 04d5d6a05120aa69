//! Handles the deadlines of a conversation; their times are in `deadlines`.

use alloc::format;

use crate::limits::Limits;
use crate::session::conversation::{NO_REQUEST, Session, SessionEvent};
use crate::session::deadlines::Due;
use crate::session::phase::Phase;
use crate::time::Time;
use crate::ws::{Close, CloseCode, Opcode, Response, Status};

impl Session {
    /// When to call [`Session::expire`]; `None`: not before something else happens. It changes with
    /// each call.
    #[must_use]
    pub fn deadline(&self, limits: &Limits) -> Option<Time> {
        self.deadlines.next(&self.phase, self.stuck(), limits).map(|(time, _)| time)
    }

    /// Does what is due at a deadline, such as a ping, a close, or a refusal. Before
    /// [`Session::deadline`] it does nothing.
    pub fn expire(&mut self, limits: &Limits, now: Time) -> Option<SessionEvent> {
        self.expire_queued(0, limits, now)
    }

    /// The same, if the system holds `queued` bytes that were written and that the peer has not
    /// acknowledged. They decide whether it reads too slowly: see
    /// [`Limits::write_ms_max`].
    pub fn expire_queued(
        &mut self,
        queued: usize,
        limits: &Limits,
        now: Time,
    ) -> Option<SessionEvent> {
        let (time, due) = self.deadlines.next(&self.phase, self.stuck(), limits)?;
        if now < time {
            return None;
        }
        let reason = match due {
            // RFC 9110, 15.5.9: a 408 may be sent. A connection without a request, such as that of
            // a TCP health check or of a browser that connects in advance, is closed without one.
            Due::Handshake if self.is_silent() => NO_REQUEST,
            Due::Handshake => {
                let ms = limits.handshake_ms_max;
                let text = format!("no whole request within {ms} ms (handshake-timeout)");
                let response = Response::text(Status::REQUEST_TIMEOUT, &text);
                return Some(self.refuse(None, response, now));
            }
            Due::Admission if matches!(self.phase, Phase::Responding) => {
                "the body did not come in time (admission-timeout)"
            }
            Due::Admission => {
                // If the hub does not decide now, it is asked again only after another such time.
                self.deadlines.restart(now);
                return Some(SessionEvent::Undecided);
            }
            Due::Ping => {
                self.push_control(None, Opcode::Ping, PING, now);
                self.deadlines.sent_ping(now);
                return None;
            }
            Due::Pong => "no answer to a ping",
            Due::Idle => {
                let close = Close::new(CloseCode::GOING_AWAY, "idle for too long");
                self.close(&close, now);
                return None;
            }
            Due::Settle => {
                self.settle(now);
                return None;
            }
            Due::Gone => "the peer has gone, and its service is behind",
            Due::Close if queued == 0 => "the peer does not close (close-timeout)",
            Due::Write | Due::Close if !self.keeps_up(queued, limits, now) => Self::TOO_SLOW,
            Due::Write => return None,
            Due::Close => {
                // The time counts from the moment when the peer could know.
                self.deadlines.restart(now);
                return None;
            }
        };
        // Only the log is left to be notified.
        match self.fail(reason) {
            None => Some(SessionEvent::Late(reason)),
            event => event,
        }
    }

    /// The reason of an end for [`Limits::write_ms_max`].
    pub(crate) const TOO_SLOW: &str = "the peer reads too slowly (write-timeout)";

    /// Whether no byte of a request has come.
    fn is_silent(&self) -> bool {
        matches!(&self.phase, Phase::Connecting(None))
    }
}

/// The payload of a ping, which the peer returns (RFC 6455, 5.5.3). Some clients take a control
/// frame without a payload for the end.
const PING: &[u8] = b"ping";
