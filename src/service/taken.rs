//! `TakenMail`: how much of its mail a service has taken since its last report.

use crate::service::Inbound;

/// The count of what a service has taken. A transaction counts, and is answered, once the service
/// asks for the next one.
#[derive(Debug, Default)]
pub struct TakenMail {
    messages: usize,
    bytes: usize,
    /// The bytes of the current transaction.
    in_hand: Option<usize>,
}

impl TakenMail {
    /// The service gets a transaction.
    pub fn pick_up(&mut self, transaction: &Inbound) {
        self.put_down();
        self.in_hand = Some(transaction.mail_bytes());
    }

    /// The service is done with the current transaction, if it has one.
    pub fn put_down(&mut self) {
        if let Some(bytes) = self.in_hand.take() {
            self.messages += 1;
            self.bytes += bytes;
        }
    }

    /// Whether there is nothing to report.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// The messages and bytes to report, if there are any. They are counted from 0 again.
    pub fn report(&mut self) -> Option<(usize, usize)> {
        let taken = std::mem::take(&mut self.messages);
        (taken > 0).then(|| (taken, std::mem::take(&mut self.bytes)))
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
}
