//! Senders that wait for listeners: which sender waits, for how long, and which listener is closed.

use super::*;
use crate::hub::socket_flags::SocketFlag;

const LIMITS: Limits = Limits {
    outbox_high_bytes: 1_000,
    outbox_low_bytes: 300,
    outbox_bytes_max: 10_000,
    ..Limits::SERVER
};

/// A message of `sender` to all, of 500 bytes; two of them are more than its share.
fn talk(rig: &mut Rig, sender: SocketId) {
    let message = Message::from("x".repeat(500));
    let to = Audience::all().slowing(sender);
    rig.apply(0, vec![Outbound::Send { to, message }]);
}

/// So many of these, to a listener that takes nothing.
fn talk_on(rig: &mut Rig, sender: SocketId, times: usize) {
    (0..times).for_each(|_| talk(rig, sender));
}

fn waits(rig: &mut Rig, sender: SocketId) -> bool {
    !rig.may_read(sender)
}

/// The peer of a listener that is stalled takes so many bytes.
fn take(rig: &mut Rig, id: SocketId, bytes: usize) {
    let bytes = bytes.min(rig.hub().unsent_len(id));
    rig.engine.hub_mut().wrote(id, bytes, rig.now);
    rig.turn();
}

fn is_closed(rig: &mut Rig, id: SocketId) -> bool {
    rig.mail().iter().any(|word| *word == format!("close {} 1013", id.serial()))
}

fn rig<const LEN: usize>() -> (Rig, [SocketId; LEN]) {
    let mut rig = Rig::new(LIMITS);
    let ids = [(); LEN].map(|()| rig.open("/a"));
    (rig, ids)
}

#[test]
fn a_sender_waits_until_listeners_have_drained() {
    let (mut rig, [sender, listener, other]) = rig();
    rig.io.stalled = vec![listener];
    talk_on(&mut rig, sender, 2);
    assert!(!waits(&mut rig, sender), "the second found 504 bytes, which are not full");
    talk(&mut rig, sender);
    assert!(waits(&mut rig, sender), "the third found 1,008");
    assert_eq!(rig.hub().unsent_len(listener), 3 * 504, "it is sent all the same");
    assert_eq!(rig.got(other).len(), 3 * 504);
    take(&mut rig, listener, 3 * 504 - 301);
    assert!(waits(&mut rig, sender) && rig.io.resumed.is_empty(), "it is to drain to the low mark");
    take(&mut rig, listener, 1);
    assert_eq!(rig.io.resumed, [sender]);
    assert!(!waits(&mut rig, sender) && !is_closed(&mut rig, listener));
}

/// What is kept for sockets with something cold goes once that is over, such as a read of which a
/// part had to wait. What a listener has used of its second does not, even if it is nothing yet.
#[test]
fn a_listener_whose_read_had_to_wait_drains_like_others() {
    let (mut rig, [sender, listener]) = rig();
    rig.io.stalled = vec![listener];
    rig.apply(0, vec![taken(2), send(listener, &"x".repeat(1_500))]);
    rig.receive(listener, &frame(0x81, b"x").repeat(300));
    assert!(!rig.may_read(listener), "it has its share of the mail");
    talk_on(&mut rig, sender, 2);
    assert!(waits(&mut rig, sender), "nobody has waited before");
    let came = rig.mail().len();
    assert!(came < 300);
    rig.apply(0, vec![taken(came)]);
    rig.may_read(listener);
    assert_eq!(rig.hub().unread_len(listener), 0, "the rest has come");
    rig.turn();
    rig.wait(100);
    take(&mut rig, listener, usize::MAX);
    assert!(!waits(&mut rig, sender) && rig.io.resumed.contains(&sender));
}

#[test]
fn who_sends_little_never_waits() {
    let (mut rig, [sender, listener, quiet]) = rig();
    rig.io.stalled = vec![listener];
    talk_on(&mut rig, sender, 5);
    for _ in 0..20 {
        let to = Audience::all().slowing(quiet);
        rig.apply(0, vec![Outbound::Send { to, message: "a short one".into() }]);
        rig.wait(100);
        assert!(!waits(&mut rig, quiet));
        take(&mut rig, listener, 1_000);
    }
    let to = Audience::all();
    rig.apply(0, vec![Outbound::Send { to, message: Message::from("x".repeat(5_000)) }]);
    assert!(!waits(&mut rig, quiet), "nor does anybody when it is not asked for");
}

#[test]
fn a_listener_that_takes_nothing_is_closed_after_a_second() {
    let (mut rig, [sender, listener, second]) = rig();
    rig.io.stalled = vec![listener, second];
    talk_on(&mut rig, sender, 4);
    rig.wait(900);
    assert!(waits(&mut rig, sender) && !is_closed(&mut rig, listener));
    rig.wait(164);
    let closed = rig.mail();
    assert_eq!(closed.len(), 2, "all have their second at a time: {closed:?}");
    assert!(!waits(&mut rig, sender) && rig.io.resumed.contains(&sender));
    rig.io.stalled.clear();
    rig.write(listener);
    let close = b"\x88\x27\x03\xf5it reads more slowly than others send";
    assert!(rig.got(listener).ends_with(close), "its peer gets the reason, after all the rest");
}

/// One that takes less than `outbox_bytes_max` in a second loses by it; what it takes counts.
#[test]
fn a_listener_has_a_second_for_all_it_does_not_take() {
    // Bytes in a tenth of a second, and after how many of these it is closed.
    for (taken, tenths) in [(0, Some(10)), (500, Some(20)), (700, Some(34)), (1_500, None)] {
        let (mut rig, [sender, listener]) = rig();
        rig.io.stalled = vec![listener];
        let mut closed_at: Option<usize> = None;
        for tenth in 1..=300 {
            while !waits(&mut rig, sender) && rig.hub().unsent_len(listener) < 9_000 {
                talk(&mut rig, sender);
            }
            rig.wait(100);
            take(&mut rig, listener, taken);
            if is_closed(&mut rig, listener) {
                closed_at = Some(tenth);
                break;
            }
        }
        let about =
            |tenths: usize| closed_at.is_some_and(|at| at.abs_diff(tenths) <= 1 + tenths / 5);
        assert!(tenths.map_or(closed_at.is_none(), about), "{taken}: {closed_at:?}");
    }
}

#[test]
fn a_sender_waits_for_the_rest_of_its_second_at_most() {
    let (mut rig, [sender, first, second]) = rig();
    rig.io.stalled = vec![first, second];
    talk_on(&mut rig, sender, 4);
    let (mut waited, mut most) = (0, 0);
    // They take turns, so that neither uses up its second.
    for step in 0..100 {
        waited = if waits(&mut rig, sender) { waited + 50 } else { 0 };
        most = most.max(waited);
        if waited == 0 {
            talk(&mut rig, sender);
        }
        rig.wait(50);
        let id = [first, second][step / 8 % 2];
        take(&mut rig, id, 700);
        assert!(!is_closed(&mut rig, first) && !is_closed(&mut rig, second), "step {step}");
    }
    assert!((500..=1_100).contains(&most), "{most} ms");
}

/// A listener that comes again and again does not stop a sender for a second each time.
#[test]
fn listeners_that_were_closed_count_for_the_next() {
    let (mut rig, [sender]) = rig();
    let mut waited_ms = Vec::new();
    for round in 0..4 {
        let listener = rig.open("/a");
        rig.io.stalled = vec![listener];
        let mut ms = 0;
        while !is_closed(&mut rig, listener) {
            if !waits(&mut rig, sender) {
                talk(&mut rig, sender);
            }
            rig.wait(16);
            ms += 16;
        }
        waited_ms.push(ms);
        if round == 2 {
            rig.wait(10_000);
        }
    }
    let [first, second, third, fourth] = waited_ms[..] else { panic!("{waited_ms:?}") };
    assert!(first >= 1_000 && fourth >= 1_000, "{waited_ms:?}");
    assert!((125..400).contains(&second) && (125..400).contains(&third), "{waited_ms:?}");
}

/// Nor does one that leaves before its second is over.
#[test]
fn listeners_that_have_left_count_for_the_next() {
    let (mut rig, [sender, first]) = rig();
    rig.io.stalled = vec![first];
    talk_on(&mut rig, sender, 3);
    assert!(waits(&mut rig, sender));
    rig.wait(900);
    rig.fail(first);
    rig.turn();
    let second = rig.open("/a");
    rig.io.stalled = vec![second];
    rig.wait(100);
    talk_on(&mut rig, sender, 3);
    rig.wait(192);
    assert!(is_closed(&mut rig, second));
}

/// A message that is applied before the deadlines of its turn are looked at begins the next second.
#[test]
fn the_next_second_does_not_begin_with_waiting() {
    let (mut rig, [sender, listener]) = rig();
    rig.io.stalled = vec![listener];
    talk_on(&mut rig, sender, 3);
    assert!(waits(&mut rig, sender));
    rig.wait(500);
    // So the listener does not use up its own second.
    take(&mut rig, listener, 500);
    rig.now = rig.now.after(500);
    rig.apply(
        0,
        vec![Outbound::Send {
            to: Audience::all().slowing(sender),
            message: Message::from("it has sent little since"),
        }],
    );
    assert_eq!(rig.io.resumed, [sender]);
    assert!(!waits(&mut rig, sender));
}

#[test]
fn nobody_waits_for_itself_or_for_those_who_have_gone() {
    let (mut rig, [sender, listener]) = rig();
    rig.io.stalled = vec![sender];
    talk_on(&mut rig, sender, 6);
    assert!(!rig.hub().sockets.get(sender).expect("it is there").flags.has(SocketFlag::Waits));
    rig.io.stalled = vec![listener];
    take(&mut rig, sender, 6 * 504);
    talk_on(&mut rig, sender, 4);
    assert!(waits(&mut rig, sender));
    rig.fail(listener);
    assert!(!waits(&mut rig, sender), "the listener has left");
    let listener = rig.open("/a");
    rig.io.stalled = vec![listener];
    talk_on(&mut rig, sender, 4);
    assert!(waits(&mut rig, sender));
    rig.fail(sender);
    rig.turn();
    rig.wait(5_000);
    assert!(!is_closed(&mut rig, listener), "no sender waits for it");
}

#[test]
fn a_sender_that_is_closed_is_read_to_its_end() {
    let (mut rig, [sender, listener]) = rig();
    rig.io.stalled = vec![listener];
    talk_on(&mut rig, sender, 4);
    assert!(waits(&mut rig, sender));
    let close = Close::new(CloseCode::NORMAL, "enough");
    rig.apply(0, vec![Outbound::Close { to: sender.into(), close }]);
    assert_eq!(rig.io.resumed, [sender]);
    assert!(!waits(&mut rig, sender));
    talk_on(&mut rig, sender, 2);
    assert!(!waits(&mut rig, sender), "and does not wait again");
}
