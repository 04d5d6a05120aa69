//! Which sockets are read: shares of the mail, the order after a full mail, and outboxes that are
//! half full.

use super::*;

/// A socket of the first service whose open has been taken.
fn open(rig: &mut Rig) -> SocketId {
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    id
}

/// The number of messages that have come since this was last asked for.
fn came(rig: &mut Rig) -> usize {
    rig.turn();
    rig.mail().len()
}

/// One socket has at most its share in the mail, which depends on how many sockets there are and
/// how long messages are; what is left of a read comes once the service has taken all of that.
#[test]
fn a_socket_has_a_share_of_the_mail() {
    for (members, message_len, share) in
        [(1, 1, 255), (2, 1, 255), (32, 1, 128), (1_000, 1, 16), (1_000, 1_024, 8), (4, 300_000, 1)]
    {
        let mut rig = Rig::new(Limits::SERVER);
        let ids: Vec<_> = (0..members).map(|_| open(&mut rig)).collect();
        let messages = frame(0x82, &vec![b'x'; message_len]).repeat(2 * share + 1);
        rig.receive(ids[0], &messages);
        assert_eq!(came(&mut rig), share, "{members} members, messages of {message_len} bytes");
        assert!(!rig.may_read(ids[0]) && rig.io.resumed.is_empty());
        rig.apply(0, vec![taken(share - 1)]);
        assert!(rig.io.resumed.is_empty() || share == 1, "not before all of them are taken");
        rig.apply(0, vec![taken(1)]);
        assert_eq!(std::mem::take(&mut rig.io.resumed), ids[..1]);
        rig.turn();
        assert!(!rig.may_read(ids[0]), "it has its next share");
        assert_eq!(came(&mut rig), share);
        rig.apply(0, vec![taken(share)]);
        rig.turn();
        assert_eq!(rig.may_read(ids[0]), share > 1);
        assert_eq!(came(&mut rig), 1, "nothing is lost");
    }
}

/// A socket that waits for its share owes nothing, and others are read.
#[test]
fn a_share_never_looks_like_death() {
    let mut rig = Rig::new(Limits::SERVER);
    let (flood, quiet) = (open(&mut rig), open(&mut rig));
    let messages = [frame(0x81, b"x").repeat(300), frame(0x89, b"?"), frame(0x88, &[3, 232])];
    rig.receive(flood, &messages.concat());
    assert_eq!(came(&mut rig), 255);
    for _ in 0..100 {
        rig.wait(10_000);
        rig.receive(quiet, &frame(0x8A, b""));
    }
    assert!(rig.io.dropped.is_empty() && rig.got(flood).is_empty());
    rig.say(quiet, "y");
    assert_eq!(rig.mail(), ["data 2 y"]);
    rig.apply(0, vec![taken(256)]);
    assert_eq!(std::mem::take(&mut rig.io.resumed), [flood]);
    rig.may_read(flood);
    rig.turn();
    // The pong, and behind the last answers the close frame.
    assert_eq!(rig.got(flood), [0x8A, 0x01, b'?']);
    assert_eq!(rig.mail().len(), 46);
    rig.apply(0, vec![taken(46)]);
    assert_eq!(rig.got(flood), close_frame(1000));
}

/// Sockets that a full mail held back are read in the order in which they were held back. One with
/// a large message comes behind a number of others.
#[test]
fn small_messages_come_before_large_ones_when_the_mail_has_room() {
    let mut rig = Rig::new(Limits { mail_messages_max: 16, ..Limits::SERVER });
    let large: Vec<_> = (0..3).map(|_| open(&mut rig)).collect();
    let small: Vec<_> = (0..66).map(|_| open(&mut rig)).collect();
    let flood = open(&mut rig);
    rig.receive(flood, &frame(0x81, b"x").repeat(20));
    assert_eq!(came(&mut rig), 16);
    for &id in &large {
        let whole = frame(0x82, &[0; 600_000]);
        rig.engine.hub_mut().receive(id, &mut whole[..50_000].to_vec(), rig.now);
    }
    for &id in large.iter().chain(&small) {
        assert!(!rig.may_read(id));
    }
    rig.apply(0, vec![taken(16)]);
    let place = |id: &SocketId| rig.io.resumed.iter().position(|other| other == id);
    assert_eq!(rig.io.resumed.len(), 70);
    // The flood waited first of all.
    let expected = [Some(64), Some(68), Some(69)];
    assert_eq!(large.iter().map(place).collect::<Vec<_>>(), expected);
    assert!(small.iter().map(place).is_sorted());
}

/// Large messages that found the mail full again before their turn come behind a quiet peer all the
/// same.
#[test]
fn large_messages_that_are_due_come_after_small_ones() {
    let mut rig = Rig::new(Limits { mail_messages_max: 1, ..Limits::SERVER });
    let large: Vec<_> = (0..70).map(|_| open(&mut rig)).collect();
    let (flood, quiet) = (open(&mut rig), open(&mut rig));
    rig.receive(flood, &frame(0x81, b"x"));
    for &id in &large {
        rig.engine.hub_mut().receive(
            id,
            &mut frame(0x82, &[0; 600_000])[..50_000].to_vec(),
            rig.now,
        );
    }
    for &id in large.iter().chain(&[flood]) {
        assert!(!rig.may_read(id));
    }
    rig.apply(0, vec![taken(1)]);
    rig.receive(flood, &frame(0x81, b"y"));
    for &id in large.iter().chain(&[flood, quiet]) {
        assert!(!rig.may_read(id), "the mail is full");
    }
    rig.io.resumed.clear();
    rig.apply(0, vec![taken(1)]);
    assert_eq!(rig.io.resumed[..2], [flood, quiet]);
    assert_eq!(rig.io.resumed[2..], large[..], "in their order");
}

/// Of the sockets that a full mail holds back, none has two turns before another has one. That
/// includes a socket whose messages are in memory already, and many sockets beside one in the
/// middle of a large message.
#[test]
fn each_has_its_turn_before_any_has_two() {
    let mut rig = Rig::new(Limits { mail_messages_max: 1, ..Limits::SERVER });
    let ids: Vec<_> = (0..72).map(|_| open(&mut rig)).collect();
    let (quiet, large) = (ids[70], ids[71]);
    rig.receive(large, &frame(0x82, &[0; 900_000])[..50_000]);
    let flood = frame(0x81, b"x").repeat(500);
    rig.receive(ids[0], &flood);
    assert_eq!(rig.mail().len(), 1);
    let mut turns = vec![0; ids.len()];
    for _ in 0..4 * ids.len() {
        // Peers go on sending, while the mail is full.
        for &id in ids.iter().filter(|id| rig.is_read(**id)).collect::<Vec<_>>() {
            let bytes = match id {
                id if id == large => &[0; 5_000],
                id if id == quiet => &flood[..7],
                _ => &flood[..],
            };
            rig.send(id, bytes);
        }
        rig.turn();
        assert!(ids.iter().all(|&id| !rig.may_read(id)), "the mail is full");
        rig.apply(0, vec![taken(1)]);
        rig.turn();
        turns[71] += usize::from(rig.is_read(large));
        for transaction in std::mem::take(&mut rig.io.mail) {
            let id = transaction.id();
            turns[ids.iter().position(|other| *other == id).expect("it is one of them")] += 1;
        }
        let (most, least) = (turns.iter().max(), turns.iter().min());
        assert!(most <= least.map(|least| least + 1).as_ref(), "{turns:?}");
    }
    assert!(turns.iter().all(|turns| *turns >= 3), "{turns:?}");
}

/// A socket is in the list of those that wait for the mail once, whatever else it waits for.
#[test]
fn nobody_waits_twice() {
    let mut rig = Rig::new(Limits { mail_messages_max: 4, ..Limits::SERVER });
    let id = open(&mut rig);
    rig.receive(id, &frame(0x81, b"x").repeat(5));
    for _ in 0..10 {
        rig.apply(0, vec![Outbound::Pause { id }, Outbound::Resume { id }]);
        assert!(!rig.may_read(id));
    }
    assert_eq!(rig.hub().workers[WorkerId::new(0)].held, [id]);
}

/// An echo to a peer that does not read slows the peer. No message is lost and no socket closed;
/// answers and messages together never exceed the outbox.
#[test]
fn a_socket_whose_outbox_is_half_full_is_not_read() {
    for (outbox_bytes_max, message_len) in [(2 << 20, 1_000), (2 << 20, 1 << 20), (200_000, 90_000)]
    {
        let limits =
            Limits { outbox_bytes_max, message_bytes_max: outbox_bytes_max / 2, ..Limits::SERVER };
        let mut rig = Rig::new(limits);
        let id = open(&mut rig);
        rig.io.stalled.push(id);
        let message = frame(0x81, &vec![b'x'; message_len]);
        let mut echoed = 0;
        while rig.may_read(id) {
            rig.receive(id, &message);
            rig.turn();
            for word in rig.mail() {
                if let Some((_, text)) = word.split_once("data 1 ") {
                    rig.apply(0, vec![send(id, text), taken(1)]);
                    echoed += 1;
                } else {
                    rig.apply(0, vec![taken(1)]);
                }
            }
            assert!(echoed < 10_000, "it is pushed back");
            // That the outbox is full.
            let more = rig.mail().len();
            rig.apply(0, vec![taken(more)]);
        }
        let unsent = rig.hub().unsent_len(id);
        assert!(
            unsent > outbox_bytes_max / 2 - 2_048 && unsent <= outbox_bytes_max + 20,
            "{unsent}"
        );
        // It is not asked for signs of life meanwhile, and its writes have their own deadline.
        assert!(rig.io.resumed.is_empty() && rig.io.dropped.is_empty());
        rig.io.stalled.clear();
        rig.write(id);
        assert_eq!(std::mem::take(&mut rig.io.resumed), [id], "it has drained");
        assert!(rig.may_read(id));
        let framed = message_len + if message_len < 65_536 { 4 } else { 10 };
        assert_eq!(rig.got(id).len(), echoed * framed, "all of it is there");
    }
}

/// While the outbox drains, an event that comes does not let the socket be read too early, nor
/// leave it unread for ever.
#[test]
fn a_socket_is_read_again_once_its_outbox_has_drained() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = open(&mut rig);
    rig.io.stalled.push(id);
    let text = "x".repeat(Limits::SERVER.outbox_bytes_max / 2);
    rig.apply(0, vec![send(id, &text)]);
    rig.mail();
    assert!(!rig.may_read(id));
    let left = |rig: &Rig| rig.hub().unsent_len(id);
    while left(&rig) > Limits::SERVER.outbox_low_bytes {
        assert!(!rig.may_read(id) && rig.io.resumed.is_empty());
        let more = (left(&rig) - Limits::SERVER.outbox_low_bytes).min(100_000);
        rig.engine.hub_mut().wrote(id, more, rig.now);
        rig.turn();
    }
    assert_eq!(rig.io.resumed, [id]);
    assert!(rig.may_read(id));
}

#[test]
fn full_mail_pauses_reading_and_loses_nothing() {
    let limits = Limits { mail_messages_max: 8, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    let (first, second) = (rig.open("/a"), rig.open("/a"));
    rig.apply(0, vec![taken(2)]);
    rig.receive(first, &frame(0x81, b"x").repeat(10));
    assert_eq!(rig.mail().len(), 8, "the rest of what was read waits");
    assert!(!rig.may_read(first) && !rig.may_read(second));
    let waiting = rig.ask("/a");
    assert!(rig.got(waiting).is_empty(), "no open is delivered either");
    // While it is not read, it owes no pong.
    rig.wait(9_000);
    let other = rig.open("/b");
    assert!(rig.may_read(other), "others are read");
    rig.apply(0, vec![taken(3)]);
    assert!(rig.io.resumed.is_empty() && !rig.may_read(first), "half has to be free");
    rig.apply(0, vec![taken(1)]);
    assert_eq!(rig.io.resumed, [first, second]);
    assert!(rig.may_read(first) && rig.may_read(second));
    assert!(rig.got(waiting).starts_with(b"HTTP/1.1 101 "));
    rig.turn();
    assert_eq!(rig.mail(), ["open 3", "data 1 x", "data 1 x"]);
}

#[test]
fn pausing_never_looks_like_death() {
    let limits = Limits { mail_messages_max: 2, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    let id = rig.open("/a");
    rig.say(id, "x");
    assert!(!rig.may_read(id));
    for _ in 0..100 {
        rig.wait(10_000);
    }
    assert!(rig.io.dropped.is_empty() && rig.got(id).is_empty());
    rig.apply(0, vec![taken(2)]);
    assert!(rig.may_read(id));
    rig.wait(limits.ping_interval_ms + Wheel::TICK_MS);
    assert_eq!(rig.got(id), b"\x89\x04ping");
    rig.mail();
    rig.wait(limits.pong_ms_max + Wheel::TICK_MS);
    assert_eq!((rig.io.dropped.clone(), rig.mail()), (vec![id], vec!["close 1 1006".to_owned()]));
}

#[test]
fn peers_that_go_while_paused_are_not_held_for_ever() {
    let mut rig = Rig::new(Limits { mail_messages_max: 2, ..Limits::SERVER });
    let (gone, there) = (rig.open("/a"), rig.open("/a"));
    rig.say(gone, "x");
    assert!(!rig.may_read(gone) && !rig.may_read(there));
    rig.engine.hub_mut().peer_leaves(gone, rig.now);
    rig.wait(Limits::SERVER.write_ms_max - 1);
    rig.engine.hub_mut().peer_leaves(gone, rig.now);
    assert!(rig.io.dropped.is_empty(), "the service may yet go on");
    rig.wait(1 + Wheel::TICK_MS);
    assert_eq!(rig.io.dropped, [gone]);
    assert_eq!(rig.mail().last().map(String::as_str), Some("close 1 1006"));
}

/// Two buffers of bytes are read before services on the loop are called, unless the last two turns
/// were long. Then, and without such services, all is read. What is left comes first in the next
/// turn.
#[test]
fn services_on_the_loop_are_called_between_reads() {
    let few = &[3, 3, 1][..];
    for (has_loop_services, turns_ms, reads) in [
        (true, [1, 1], few),
        (true, [1, 2], few),
        (true, [2, 1], few),
        (true, [2, 2], &[7]),
        (false, [1, 1], &[7]),
    ] {
        let mut rig = Rig::new(Limits { read_buffer_bytes: 1_000, ..Limits::SERVER });
        rig.io.has_loop_services = has_loop_services;
        let ids: Vec<_> = (0..7).map(|_| open(&mut rig)).collect();
        [10, 0, turns_ms[0]].iter().for_each(|ms| rig.wait(*ms));
        rig.now = rig.now.after(turns_ms[1]);
        ids.iter().for_each(|&id| rig.send(id, &frame(0x82, &[b'x'; 700])));
        let turns = reads.iter().map(|_| came(&mut rig));
        assert_eq!(turns.collect::<Vec<_>>(), reads, "{has_loop_services}, {turns_ms:?}");
        assert!(ids.iter().all(|&id| rig.is_read(id)));
    }
}
