//! Answers whose bodies come in parts, and peers that take them slowly.

use crate::limits::Limits;
use crate::session::Next;
use crate::session::tests::PAGE;
use crate::session::tests::talk::Talk;
use crate::ws::{Response, Stamp, Status};

/// A file is being sent, and its head has left.
fn file() -> Talk {
    let mut talk = Talk::new(Limits::SERVER);
    talk.receive(PAGE);
    talk.session.respond_head(&Response::empty(Status::OK), &Stamp::default(), talk.now);
    talk.take_all();
    talk
}

impl Talk {
    fn part(&mut self, len: usize) {
        self.session.respond_body(vec![b'.'; len], self.now);
    }

    /// In how many milliseconds a deadline comes.
    fn due(&self) -> u64 {
        let due = self.session.deadline(&self.limits).expect("there is one");
        due.since(self.now)
    }

    fn wait(&mut self, ms: u64) {
        self.pass(ms, |_| ());
    }
}

/// What was taken is counted when time is up.
#[test]
fn each_kib_is_worth_a_second() {
    let mut talk = file();
    talk.part(65_536);
    assert_eq!(talk.due(), 30_000);
    talk.wait(20_000);
    talk.take(10_240 - talk.taken.len());
    talk.wait(10_000);
    assert_eq!(talk.due(), 10_000);
    talk.wait(9_000);
    // What is taken at once earns no more time than an answer that has just begun.
    talk.take(40_960);
    talk.wait(1_000);
    assert_eq!(talk.due(), 29_000);
    talk.wait(28_999);
    talk.take(1_025);
    assert_eq!(talk.due(), 1);
    talk.wait(1);
    assert_eq!(talk.due(), 1_000);
    talk.take(1);
    talk.wait(1_000);
    assert_eq!(talk.session.next(), Next::Drop, "a byte puts nothing off");
}

/// What was written is not taken as long as the system holds it.
#[test]
fn what_is_queued_is_not_taken() {
    let mut talk = file();
    talk.part(1 << 20);
    // The system takes it all but a little, and the peer 60 KiB of that, 2 KiB a second.
    talk.take((1 << 20) - 1_024);
    let mut queued = talk.taken.len();
    for _ in 0..2 {
        talk.now = talk.now.after(30_000);
        assert!(talk.session.is_slow(&talk.limits, talk.now));
        queued -= 61_440;
        assert!(talk.session.expire_queued(queued, &talk.limits, talk.now).is_none());
        assert_eq!((talk.session.next(), talk.due()), (Next::Keep, 30_000));
    }
    // From here on it takes 512 bytes a second, and then nothing.
    talk.now = talk.now.after(30_000);
    queued -= 15_360;
    talk.session.expire_queued(queued, &talk.limits, talk.now);
    assert_eq!((talk.session.next(), talk.due()), (Next::Keep, 15_000));
    talk.now = talk.now.after(15_000);
    talk.session.expire_queued(queued, &talk.limits, talk.now);
    assert_eq!(talk.session.next(), Next::Drop);
}

/// A peer that takes 1 KiB a second, in pieces of whatever length, is never closed.
#[test]
fn who_is_quick_enough_stays() {
    for piece in [256_usize, 1_024, 16_384, 29_000] {
        let mut talk = file();
        talk.part(65_536);
        for _ in 0..1_000 {
            talk.wait(piece as u64 * 1_000 / 1_024);
            let rest = piece.saturating_sub(talk.session.unsent_len());
            talk.take(piece);
            if talk.session.unsent_len() <= talk.limits.outbox_low_bytes {
                talk.part(65_536);
                talk.take(rest);
            }
            assert_eq!(talk.session.next(), Next::Keep, "{piece}");
        }
    }
}

/// A slower one is closed, also if it takes each part as a whole: what it is behind counts for
/// the next one as well. What a disk needs does not.
#[test]
fn who_is_slower_goes() {
    let mut talk = file();
    for head in [talk.taken.len(), 0] {
        talk.part(1_024 - head);
        talk.wait(9_000);
        talk.take(512);
        talk.wait(2_000);
        talk.take(512);
        assert_eq!(talk.due(), 10_000, "the next part has as long as a verdict");
        talk.wait(9_999);
    }
    talk.part(10_240);
    talk.wait(8_000);
    assert_eq!(talk.due(), 2_000, "it has been 20 s behind");
    talk.wait(2_000);
    assert_eq!(talk.session.next(), Next::Drop);
}

/// The end of an answer has no time of its own either.
#[test]
fn the_end_is_no_beginning() {
    let mut talk = file();
    talk.part(20_480);
    talk.wait(25_000);
    talk.take(1_024 - talk.taken.len());
    talk.session.respond_end(talk.now);
    talk.wait(5_000);
    assert_eq!(talk.due(), 1_000);
    talk.take(usize::MAX);
    assert_eq!((talk.session.next(), talk.due()), (Next::EndWriting, 5_000));
    // And one that has nothing left when it ends.
    let mut talk = file();
    talk.part(1);
    talk.take(1);
    talk.session.respond_end(talk.now);
    assert_eq!((talk.session.next(), talk.due()), (Next::EndWriting, 5_000));
}
