//! Answers whose bodies come in parts, and peers that take them slowly.

use crate::limits::Limits;
use crate::session::Next;
use crate::session::tests::PAGE;
use crate::session::tests::talk::Talk;
use crate::ws::{Close, CloseCode, DateField, Message, Response, Status};

const SLOW: &str = "late: the peer reads too slowly (write-timeout)";

/// A file is being sent, and its head has left.
fn file() -> Talk {
    let mut talk = Talk::new(Limits::SERVER);
    talk.receive(PAGE);
    talk.session.respond_head(&Response::empty(Status::OK), &DateField::default(), talk.now);
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

    /// A deadline comes in so many milliseconds, when the system holds so many bytes.
    fn look(&mut self, ms: u64, queued: usize) {
        self.now = self.now.after(ms);
        assert!(self.session.is_slow(&self.limits, self.now), "it is time to look");
        let event = self.session.expire_queued(queued, &self.limits, self.now);
        self.note(event);
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
    // So it is if it is taken at once, and it is looked at again meanwhile.
    talk.take(40_960);
    talk.wait(1_000);
    assert_eq!(talk.due(), 30_000);
    talk.wait(30_000);
    assert_eq!(talk.due(), 10_000);
    talk.wait(9_999);
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
        queued -= 61_440;
        talk.look(30_000, queued);
        assert_eq!((talk.session.next(), talk.due()), (Next::Keep, 30_000));
    }
    // Then it takes 512 bytes a second, and then nothing.
    queued -= 15_360;
    for ms in [30_000, 30_000, 30_000] {
        talk.look(ms, queued);
        assert_eq!(talk.session.next(), Next::Keep);
    }
    assert_eq!(talk.due(), 15_000);
    talk.look(15_000, queued);
    assert_eq!(talk.session.next(), Next::Drop);
}

/// What was taken at once gives no more than three write timeouts ahead.
#[test]
fn who_takes_all_at_once_goes() {
    let mut talk = file();
    talk.part(1 << 20);
    talk.take((1 << 20) - 1);
    talk.wait(149_999);
    assert_eq!(talk.session.next(), Next::Keep);
    talk.wait(1);
    assert_eq!(talk.session.next(), Next::Drop);
    assert_eq!(talk.heard.pop_back().as_deref(), Some(SLOW));
}

/// The system of a peer that reads 1 KiB a second may acknowledge up to 120 KiB of that at a time.
/// What is left when all of the answer has been written is measured in the same way.
#[test]
fn lumps_are_no_silence() {
    const LEN: usize = 1 << 20;
    for (lump, ms_per_kib, is_kept) in
        [(1, 1_000, true), (64, 1_000, true), (120, 1_000, true), (120, 2_100, false)]
    {
        for left in [0, 1] {
            let mut talk = file();
            let begin = talk.now;
            talk.part(LEN);
            talk.take(LEN - left);
            if left == 0 {
                talk.session.respond_end(talk.now);
            }
            while talk.now.since(begin) < 900_000 && talk.session.next() != Next::Drop {
                let due = talk.due();
                let kib = talk.now.after(due).since(begin) / ms_per_kib;
                // Bytes that fit at the beginning are taken at once.
                let lumps_len = 1 + usize::try_from(kib).expect("it is small") / lump;
                talk.look(due, LEN.saturating_sub(lumps_len * lump * 1_024));
            }
            let is_here = talk.session.next() != Next::Drop;
            assert_eq!(is_here, is_kept, "{lump} KiB, each in {ms_per_kib} ms, {left} left");
        }
    }
}

/// When all has been written, and the system holds some of it, the peer cannot close yet: neither
/// after an answer, nor after a close frame.
#[test]
fn the_time_to_close_begins_when_all_is_taken() {
    let mut page = file();
    page.part(65_536);
    page.take_all();
    page.session.respond_end(page.now);
    let mut member = Talk::open(Limits::SERVER);
    member.session.close(&Close::new(CloseCode::NORMAL, ""), member.now);
    member.take_all();
    for mut talk in [page, member] {
        let mut queued = 65_536;
        for _ in 0..12 {
            assert_eq!(talk.due(), 5_000);
            queued -= 5_120;
            talk.look(5_000, queued);
            assert_ne!(talk.session.next(), Next::Drop);
        }
        talk.look(5_000, 0);
        assert_eq!(talk.session.next(), Next::Drop);
        let heard = talk.heard.pop_back().expect("it heard");
        assert!(heard.contains("the peer does not close (close-timeout)"), "{heard}");
    }
}

/// A member that reads slowly is not a peer that takes nothing, although it can be written to only
/// when the system has much free space again.
#[test]
fn a_member_may_be_slow() {
    let mut talk = Talk::open(Limits::SERVER);
    talk.send(Message::from(vec![0; 65_536]));
    let mut queued = 1 << 20;
    for _ in 0..100 {
        assert_eq!(talk.due(), 30_000);
        queued -= 1;
        talk.look(30_000, queued);
        assert_eq!(talk.session.next(), Next::Keep);
    }
    talk.look(30_000, queued);
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
