//! One budget of memory: which socket is closed when it is exceeded, and when upgrades are refused.

use super::*;

const MIB: usize = 1 << 20;

/// A socket that is open, of a peer with this address.
fn open_from(rig: &mut Rig, ip: [u8; 4]) -> SocketId {
    let id = ask_from(rig, ip);
    if rig.hub().workers[WorkerId::new(0)].state == RunState::Starting {
        rig.ready(0);
    }
    rig.mail();
    rig.apply(0, vec![taken(1)]);
    rig.io.written.remove(&id.serial());
    id
}

fn ask_from(rig: &mut Rig, ip: [u8; 4]) -> SocketId {
    let id = rig.accept((ip, 1).into(), Reach::Network).expect("there is space");
    let head = "GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    rig.receive(id, head.as_bytes());
    id
}

/// A peer sends the beginning of a message.
fn begin_message(rig: &mut Rig, id: SocketId, len: usize) {
    let whole = frame(0x82, &vec![0; 60 * MIB]);
    rig.receive(id, &whole[..len]);
}

/// So much waits for a peer.
fn fill(rig: &mut Rig, id: SocketId, len: usize) {
    rig.io.stalled.push(id);
    rig.apply(0, vec![send(id, &"x".repeat(len))]);
}

fn rig(held_bytes_max: usize) -> Rig {
    let (message_bytes_max, outbox_bytes_max) = (64 * MIB, 64 * MIB);
    Rig::new(Limits { message_bytes_max, outbox_bytes_max, held_bytes_max, ..Limits::SERVER })
}

#[test]
fn the_address_that_holds_most_loses_its_largest() {
    let mut rig = rig(20 * MIB);
    let [calm, slow, sender, other] = [[10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 2], [10, 0, 0, 3]]
        .map(|ip| open_from(&mut rig, ip));
    fill(&mut rig, calm, MIB);
    fill(&mut rig, slow, 5 * MIB);
    fill(&mut rig, other, 6 * MIB);
    // Its buffer has 4 MiB.
    begin_message(&mut rig, sender, 3 * MIB);
    rig.turn();
    assert!(rig.io.dropped.is_empty(), "that fits");
    rig.mail();
    // Together the second address now holds most, though no socket of it does.
    fill(&mut rig, calm, 5 * MIB);
    rig.turn();
    assert_eq!(rig.mail(), ["close 2 1013"]);
    assert_eq!(rig.io.dropped, [slow], "what is left of a frame goes with the connection");
    rig.turn();
    assert_eq!(rig.io.dropped.len(), 1, "one was enough");
    // An unfinished message ends with a close frame.
    rig.receive(sender, &vec![0; 8 * MIB]);
    rig.turn();
    assert_eq!(rig.mail(), ["close 3 1013"]);
    assert_eq!(rig.got(sender)[2..4], 1013_u16.to_be_bytes());
    assert_eq!(rig.io.dropped.len(), 1);
    let cold = rig.hub().sockets.get(sender).and_then(|socket| socket.cold.as_ref());
    let reason = cold.map(|cold| &*cold.reason).unwrap_or_default();
    assert!(reason.starts_with("1013 \"memory-max is "), "{reason}");
    // Its socket lingers: no other socket is closed for what it held.
    rig.turn();
    assert!(rig.mail().is_empty());
}

#[test]
fn upgrades_are_refused_while_no_address_holds_more_than_a_quarter() {
    let mut rig = rig(20 * MIB);
    let ids: Vec<_> = (1..=7).map(|host| open_from(&mut rig, [10, 0, 0, host])).collect();
    for &id in &ids[..6] {
        fill(&mut rig, id, 3 * MIB);
    }
    rig.turn();
    let before = open_from(&mut rig, [10, 0, 0, 9]);
    assert!(rig.hub().sockets.get(before).is_some_and(|socket| socket.session.is_open()));
    fill(&mut rig, ids[6], 5 * MIB / 2);
    rig.turn();
    assert!(rig.io.dropped.is_empty(), "each holds its part");
    let refused = ask_from(&mut rig, [10, 0, 0, 10]);
    let answer = String::from_utf8(rig.got(refused)).expect("an answer is text");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: 5\r\n"),
        "{answer}"
    );
    assert!(answer.contains("memory-max"), "{answer}");
    // A twentieth above the budget, a socket is still closed.
    fill(&mut rig, ids[6], MIB);
    rig.turn();
    assert_eq!(rig.io.dropped, [ids[6]]);
    // When there is less, upgrades come in again, as soon as it is weighed again.
    rig.io.stalled.clear();
    for &id in &ids[..2] {
        rig.write(id);
    }
    rig.wait(100);
    let admitted = ask_from(&mut rig, [10, 0, 0, 10]);
    assert!(rig.got(admitted).starts_with(b"HTTP/1.1 101 "));
}

/// What many outboxes share is there once.
#[test]
fn a_message_for_many_counts_once() {
    let mut rig = rig(20 * MIB);
    let ids: Vec<_> = (0..50).map(|_| open_from(&mut rig, [10, 0, 0, 1])).collect();
    rig.io.stalled.extend(&ids);
    rig.apply(0, vec![send(Audience::all(), &"x".repeat(4 * MIB))]);
    rig.turn();
    assert!(rig.io.dropped.is_empty());
    assert_eq!(rig.hub().unsent_len(ids[49]), 4 * MIB + 10);
}

/// Mail counts as well. Closing sockets does not free it, so upgrades are refused.
#[test]
fn mail_counts() {
    let limits = Limits {
        mail_messages_max: 1 << 20,
        mail_bytes_max: 64 * MIB,
        held_bytes_max: 4 * MIB,
        ..Limits::SERVER
    };
    let mut rig = Rig::new(limits);
    for host in 1..=6 {
        let id = open_from(&mut rig, [10, 0, 0, host]);
        rig.receive(id, &frame(0x82, &vec![0; MIB]));
    }
    rig.turn();
    let refused = ask_from(&mut rig, [10, 0, 0, 10]);
    assert!(rig.got(refused).starts_with(b"HTTP/1.1 503 "));
    rig.apply(0, vec![Outbound::Taken { messages: 6, bytes: 6 * MIB }]);
    rig.wait(100);
    let admitted = ask_from(&mut rig, [10, 0, 0, 10]);
    assert!(rig.got(admitted).starts_with(b"HTTP/1.1 101 "));
}

/// Mail has limits of its own, and closing sockets makes it no less.
#[test]
fn nobody_is_closed_for_the_mail_of_services() {
    let limits = Limits { message_bytes_max: 64 * MIB, mail_bytes_max: 64 * MIB, ..Limits::SERVER };
    let outbox_bytes_max = 64 * MIB;
    let mut rig = Rig::new(Limits { held_bytes_max: 20 * MIB, outbox_bytes_max, ..limits });
    let calm = open_from(&mut rig, [10, 0, 0, 2]);
    begin_message(&mut rig, calm, 100_000);
    assert!(rig.hub().sockets.get(calm).is_some_and(|socket| socket.held_bytes(0) > 0));
    for _ in 0..30 {
        let id = open_from(&mut rig, [10, 0, 0, 1]);
        rig.receive(id, &frame(0x82, &vec![0; MIB]));
    }
    rig.turn();
    let of_mail = rig.hub().workers[WorkerId::new(0)].mail.bytes();
    assert!(of_mail > 20 * MIB, "the mail alone is above the budget: {of_mail}");
    assert!(rig.io.dropped.is_empty() && rig.mail().iter().all(|word| !word.starts_with("close")));
    let refused = ask_from(&mut rig, [10, 0, 0, 3]);
    assert!(rig.got(refused).starts_with(b"HTTP/1.1 503 "));
}

/// A request counts until it is answered, and one that has to go gets an answer.
#[test]
fn requests_count_too() {
    let mut rig = rig(MIB);
    let ids: Vec<_> = (0..100)
        .map(|host| {
            let ip = ([10, 0, 0, host], 1).into();
            let id = rig.accept(ip, Reach::Network).expect("there is space");
            let head = format!("GET /a HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(15_000));
            rig.receive(id, head.as_bytes());
            rig.turn();
            id
        })
        .collect();
    let (mut answered, mut waiting) = (0, 0);
    for id in ids {
        match rig.got(id).starts_with(b"HTTP/1.1 503 ") {
            true => answered += 1,
            false => waiting += 1,
        }
    }
    assert!(answered > 20 && waiting > 60, "{answered}, {waiting}");
}

/// Near the budget it is not weighed for each message.
#[test]
fn it_is_weighed_for_a_part_of_the_budget_only() {
    let mut rig = rig(20 * MIB);
    let ids: Vec<_> = (1..=7).map(|host| open_from(&mut rig, [10, 0, 0, host])).collect();
    for &id in &ids[..6] {
        fill(&mut rig, id, 3 * MIB + MIB / 4);
    }
    fill(&mut rig, ids[6], MIB * 3 / 5);
    rig.turn();
    assert!(rig.hub().memory.refuses && rig.io.dropped.is_empty());
    let weighed = rig.hub().memory.weighed;
    for _ in 0..100 {
        fill(&mut rig, ids[6], 2_000);
        rig.turn();
        assert_eq!(rig.hub().memory.weighed, weighed);
    }
    fill(&mut rig, ids[6], 200_000);
    rig.turn();
    assert!(rig.hub().memory.weighed > weighed + 300_000);
}

/// While upgrades are refused, a load balancer may send none: memory is measured again without one.
#[test]
fn it_is_weighed_again_without_an_upgrade() {
    let mut rig = rig(20 * MIB);
    let ids: Vec<_> = (1..=6).map(|host| open_from(&mut rig, [10, 0, 0, host])).collect();
    ids.iter().for_each(|&id| fill(&mut rig, id, 3 * MIB + 3 * MIB / 8));
    rig.turn();
    assert!(rig.hub().memory.refuses && rig.io.dropped.is_empty());
    let at = rig.hub().memory.deadline().expect("it is refused");
    assert!(at.since(rig.now) <= 1_000 && rig.hub().deadline() <= Some(at));
    rig.wait(1_000);
    assert!(rig.hub().memory.refuses, "nothing has changed");
    rig.io.stalled.clear();
    ids[..2].iter().for_each(|&id| rig.write(id));
    assert!(rig.hub().memory.refuses, "it is weighed once in a while");
    rig.wait(1_000);
    assert!(!rig.hub().memory.refuses);
    assert_eq!(rig.hub().memory.deadline(), None);
}
