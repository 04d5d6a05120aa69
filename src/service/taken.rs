//! `TakenMail`: how much of its mail a service has taken since its last report.

use crate::service::Inbound;

/// The count of what a service has taken. A transaction counts, and is answered, once the service
/// asks for the next one.
///
/// One that is kept for later counts as a message at once, since the host takes messages for
/// answered in their order, and others would wait for it. Its bytes count once it is answered.
#[derive(Debug, Default)]
pub struct TakenMail {
    messages: usize,
    bytes: usize,
    /// What the current transaction counts: messages, and bytes.
    in_hand: [usize; 2],
}

impl TakenMail {
    /// The service gets a transaction.
    #[inline]
    pub fn pick_up(&mut self, transaction: &Inbound) {
        self.put_down();
        self.in_hand = [1, transaction.mail_bytes()];
    }

    /// The service keeps a transaction for later.
    pub const fn keep(&mut self) {
        self.messages += 1;
    }

    /// The service gets a transaction that it has kept.
    pub fn pick_up_kept(&mut self, transaction: &Inbound) {
        self.put_down();
        self.in_hand = [0, transaction.mail_bytes()];
    }

    /// The service is done with the current transaction, if it has one.
    #[inline]
    pub fn put_down(&mut self) {
        let [messages, bytes] = std::mem::take(&mut self.in_hand);
        self.messages += messages;
        self.bytes += bytes;
    }

    /// Whether there is nothing to report.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages == 0 && self.bytes == 0
    }

    /// The messages and bytes to report, if there are any. They are counted from 0 again.
    pub fn report(&mut self) -> Option<(usize, usize)> {
        (!self.is_empty())
            .then(|| (std::mem::take(&mut self.messages), std::mem::take(&mut self.bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::SocketId;

    #[test]
    fn what_is_in_hand_counts_once_the_next_is_asked_for() {
        let id = SocketId::new(0, 0).expect("it is within the limits");
        let [short, long] = ["x", "a longer message than the other one"]
            .map(|text| Inbound::Data { id, message: text.into() });
        let mut taken = TakenMail::default();
        assert_eq!((taken.is_empty(), taken.report()), (true, None));
        taken.pick_up(&short);
        assert_eq!((taken.is_empty(), taken.report()), (true, None), "it is not answered yet");
        taken.pick_up(&long);
        assert_eq!(taken.report(), Some((1, short.mail_bytes())));
        assert_eq!(taken.report(), None, "it was reported");
        taken.pick_up(&short);
        taken.put_down();
        taken.put_down();
        assert_eq!(taken.report(), Some((2, long.mail_bytes() + short.mail_bytes())));
    }

    #[test]
    fn what_is_kept_counts_as_a_message_at_once_and_its_bytes_when_it_is_answered() {
        let id = SocketId::new(0, 0).expect("it is within the limits");
        let kept = Inbound::Data { id, message: "x".into() };
        let mut taken = TakenMail::default();
        taken.keep();
        assert_eq!(taken.report(), Some((1, 0)));
        taken.pick_up_kept(&kept);
        assert_eq!(taken.report(), None, "it is not answered yet");
        taken.put_down();
        assert_eq!(taken.report(), Some((0, kept.mail_bytes())));
    }
}
