//! Files that a host is asked for, whose disk hangs.

use super::*;

const GET: &[u8] = b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n";

/// The files that a host is asked for.
fn fetches(hub: &mut Hub) -> usize {
    let outputs = std::iter::from_fn(|| hub.poll());
    outputs.filter(|output| matches!(output, Output::Fetch(_))).count()
}

fn ask(hub: &mut Hub) -> SocketId {
    let id = hub.accept(
        Some(([127, 0, 0, 1], 1).into()),
        ListenerTraits::plain(Reach::Network),
        Time::ZERO,
    );
    let id = id.expect("there is space");
    hub.receive(id, &mut GET.to_vec(), Time::ZERO);
    id
}

fn leave(hub: &mut Hub, id: SocketId) {
    hub.fail(id, "reset", Time::ZERO);
    hub.remove(id, Time::ZERO);
}

fn answer(hub: &Hub, id: SocketId) -> String {
    String::from_utf8(hub.unsent(id).flatten().copied().collect()).expect("it is text")
}

#[test]
fn few_files_are_under_way() {
    let mut hub = Hub::new(Limits::SERVER, FilePolicy::Served, Time::ZERO);
    let ids: Vec<_> = (0..100).map(|_| ask(&mut hub)).collect();
    let max = Limits::SERVER.fetches_max();
    assert_eq!(fetches(&mut hub), max);
    // Sockets that have gone are skipped, whether or not their file is under way.
    ids[..50].iter().for_each(|&id| leave(&mut hub, id));
    for left in (1..=50).rev() {
        hub.fetched();
        assert_eq!(fetches(&mut hub), 1, "{left} are left");
    }
    (0..max).for_each(|_| hub.fetched());
    assert_eq!((fetches(&mut hub), hub.fetches.queue.len()), (0, 0));
    ask(&mut hub);
    assert_eq!(fetches(&mut hub), 1);
}

/// Peers ask and go, while no answer comes: next to nothing is left of them.
#[test]
fn a_request_that_has_gone_leaves_nothing() {
    let mut hub = Hub::new(Limits::SERVER, FilePolicy::Served, Time::ZERO);
    let mut ordered = 0;
    for _ in 0..10_000 {
        let id = ask(&mut hub);
        ordered += fetches(&mut hub);
        leave(&mut hub, id);
        assert!(hub.fetches.queue.len() <= Limits::FETCHES_WAITING_MAX);
    }
    assert_eq!(ordered, Limits::SERVER.fetches_max());
    let id = ask(&mut hub);
    assert_eq!(answer(&hub, id), "", "it waits");
}

#[test]
fn beyond_the_bound_is_503() {
    let limits = Limits { sockets_per_ip_max: Limits::OFF_COUNT, ..Limits::SERVER };
    let mut hub = Hub::new(limits, FilePolicy::Served, Time::ZERO);
    let max = Limits::FETCHES_WAITING_MAX + limits.fetches_max();
    let ids: Vec<_> = (0..max).map(|_| ask(&mut hub)).collect();
    let beyond = ask(&mut hub);
    let text = answer(&hub, beyond);
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("Retry-After: 1\r\n"), "{text}");
    let socket = hub.sockets.get(beyond).expect("it is there");
    let reason = &socket.cold.as_ref().expect("it has a reason").reason;
    assert!(reason.starts_with("static-root: 1024 requests"), "{reason}");
    // As soon as places are noticed to be free, others wait in them.
    ids[limits.fetches_max()..].iter().for_each(|&id| leave(&mut hub, id));
    let waits = |hub: &mut Hub| {
        let id = ask(hub);
        answer(hub, id).is_empty()
    };
    assert!((0..64).any(|_| waits(&mut hub)), "one of 64 looks");
    assert!((0..64).all(|_| waits(&mut hub)));
}
