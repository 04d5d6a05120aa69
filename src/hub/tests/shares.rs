//! Pools of which no address takes the last quarter, if it has one already.

use super::lookup::mount;
use super::*;
use crate::hub::address_key::AddressKey;

fn peer(host: u8) -> SocketAddr {
    ([192, 0, 2, host], 1).into()
}

/// So many sockets of one address are counted, and are no bound here.
const MANY: Limits =
    Limits { sockets_per_ip_max: 1 << 20, connection_rate: None, ..Limits::SERVER };

/// One address takes all the places that it can. Returns how many.
fn take_all(of: Holder, places_max: usize, holders: &mut Vec<Holder>) -> usize {
    let (pool, before) = (Pool { name: "the limit", places_max }, holders.len());
    while pool.admit(of, holders.iter().copied()).is_ok() {
        holders.push(of);
    }
    holders.len() - before
}

#[test]
fn each_pool_keeps_a_quarter() {
    let [one, other] = [1, 2].map(|host| AddressKey::counted(Some(peer(host))));
    for max in 1..=200_usize {
        let (quarter, mut holders) = (max.div_ceil(4), Vec::new());
        let first = take_all(one, max, &mut holders);
        assert_eq!(first, quarter.max(max - quarter), "of {max}");
        assert_eq!(take_all(other, max, &mut holders), quarter.min(max - first), "of {max}");
        take_all(None, max, &mut holders);
        assert_eq!(holders.len(), max);
        assert_eq!(take_all(None, max, &mut Vec::new()), max, "what does not count has no share");
    }
}

#[test]
fn a_refusal_names_the_limit_and_the_address() {
    let of = AddressKey::counted(Some(peer(7)));
    let why = |of, holders: [Holder; 4], taken| {
        let pool = Pool { name: "max-processes", places_max: 4 };
        let refusal = pool.admit(of, holders.into_iter().take(taken)).expect_err("there is none");
        assert_eq!(refusal.status(), Status::UNAVAILABLE);
        refusal.noted().expect("it says why").to_owned()
    };
    assert_eq!(
        why(of, [None, of, of, None], 3),
        "max-processes is 4, and this address has a quarter: the last quarter is for others \
         (max-per-ip: off lifts it)"
    );
    assert_eq!(why(None, [of; 4], 4), "max-processes is 4, and as many are in use");
}

impl Rig {
    /// Connections come from these peers in turn, until one is refused. Returns how many are not.
    fn connect_all(&mut self, peers: impl IntoIterator<Item = SocketAddr>) -> usize {
        let mut peers = peers.into_iter();
        peers.position(|peer| !self.connects(peer)).expect("there is a limit")
    }

    fn connects(&mut self, peer: SocketAddr) -> bool {
        self.peer = peer;
        let id = self.connect();
        self.hub().sockets.get(id).is_some_and(|socket| !socket.flags.has(SocketFlag::Surplus))
    }
}

/// Peers of one /64 network of IPv6, each with an address of its own.
fn network(number: u16) -> impl Iterator<Item = SocketAddr> {
    (1..=u16::MAX).map(move |host| ([0x2001, 0xdb8, 0, number, 0, 0, 0, host], 1).into())
}

#[test]
fn the_last_quarter_of_the_sockets_is_for_others() {
    let local = || std::iter::repeat(SocketAddr::from(([127, 0, 0, 1], 1)));
    for max in 1..=40_usize {
        let (quarter, limits) = (max.div_ceil(4), Limits { sockets_max: max, ..MANY });
        let first = quarter.max(max - quarter);
        let mut rig = Rig::new(limits);
        assert_eq!(rig.connect_all(network(1)), first, "of {max}");
        assert_eq!(rig.connect_all(std::iter::repeat(peer(1))), max - first, "of {max}");
        assert_eq!(rig.connect_all(local()), 0, "of {max}");
        // Also where others have most of them.
        let mut rig = Rig::new(limits);
        (0..max - quarter).for_each(|_| assert!(rig.connects(local().next().expect("any"))));
        let second = rig.connect_all(network(1));
        assert_eq!((second, rig.connect_all(network(2))), (quarter, 0), "of {max}");
        // A socket that does not count has no share.
        assert_eq!(Rig::new(limits).connect_all(local()), max);
        let off = Limits { sockets_per_ip_max: Limits::OFF_COUNT, ..limits };
        assert_eq!(Rig::new(off).connect_all(network(1)), max);
    }
}

#[test]
fn who_has_a_quarter_of_the_sockets_is_told_so() {
    let mut rig = Rig::new(Limits { sockets_max: 4, ..MANY });
    assert_eq!(rig.connect_all(network(1)), 3);
    let refused = rig.ask("/a");
    let answer = String::from_utf8(rig.got(refused)).expect("an answer is text");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("(max-connections, max-per-ip)\n"), "{answer}");
}

/// Sockets that are only refused with 503 hold no place.
#[test]
fn who_is_refused_has_no_part_of_the_sockets() {
    let mut rig = Rig::new(Limits { sockets_max: 4, ..MANY });
    for host in 1..=4 {
        assert!(rig.connects(peer(host)));
    }
    assert!(!rig.connects(peer(5)) && !rig.connects(network(1).next().expect("there are many")));
    // They are still there when there is a place.
    let first = rig.hub().id_at(0).expect("it is there");
    rig.remove(first);
    assert!(rig.connects(peer(5)));
    let count =
        |ip: SocketAddr| AddressKey::counted(Some(ip)).map(|key| rig.hub().addresses.count(key));
    assert_eq!([1, 2, 5].map(|host| count(peer(host))), [Some(0), Some(1), Some(1)]);
    rig.hub().sockets.ids().into_iter().for_each(|id| rig.remove(id));
    assert!(rig.hub().addresses.is_empty());
}

/// Topics that one socket makes after another, until one may not. Returns how many were made.
fn make_topics(rig: &mut Rig, from: SocketAddr, per_socket: usize) -> usize {
    rig.peer = from;
    let mut made = 0;
    loop {
        let id = rig.open("/a");
        for _ in 0..per_socket {
            let topic = format!("{from} {made}");
            rig.apply(0, vec![Outbound::Subscribe { id, topic }]);
            let got = rig.got(id);
            if !got.is_empty() {
                assert_eq!(got[2..4], 1013_u16.to_be_bytes(), "{got:?}");
                let reason = String::from_utf8_lossy(&got[4..]).into_owned();
                assert!(reason.contains("max-topics") && got.len() <= 127, "{reason}");
                return made;
            }
            made += 1;
        }
    }
}

#[test]
fn the_last_quarter_of_the_topics_is_for_others() {
    let [one, local] = [peer(1), ([127, 0, 0, 1], 1).into()];
    for max in 1..=40_usize {
        let limits = Limits { topics_max: max, topics_per_socket_max: 3, ..MANY };
        let first = max.div_ceil(4).max(max - max.div_ceil(4));
        let mut rig = Rig::new(limits);
        let mut hosts = network(1);
        let mut next = || hosts.next().expect("there are many");
        // Others are not closed, and a socket that comes makes what is left.
        let resident = rig.open("/a");
        let made = make_topics(&mut rig, next(), 3);
        assert_eq!(made, first, "of {max}");
        assert_eq!(make_topics(&mut rig, next(), 3), 0, "a neighbor counts for the same");
        assert_eq!(make_topics(&mut rig, one, 3), max - first, "of {max}");
        assert_eq!(make_topics(&mut rig, local, 3), 0);
        // What is there may be joined.
        rig.peer = one;
        let id = rig.open("/a");
        rig.apply(0, vec![send(Audience::all(), "here")]);
        assert!(rig.got(id).ends_with(b"here") && rig.got(resident).ends_with(b"here"));
        // What does not count has no share.
        assert_eq!(make_topics(&mut Rig::new(limits), local, 3), max);
        let off = Limits { sockets_per_ip_max: Limits::OFF_COUNT, ..limits };
        assert_eq!(make_topics(&mut Rig::new(off), one, 3), max);
    }
}

/// The last quarter of topics is there for the one that joined one, whose maker has left it.
#[test]
fn a_topic_counts_for_one_that_is_in_it() {
    let limits = Limits { topics_max: 8, ..MANY };
    let mut rig = Rig::new(limits);
    let subscribe = |rig: &mut Rig, id, topic: usize| {
        rig.apply(0, vec![Outbound::Subscribe { id, topic: topic.to_string() }]);
        rig.got(id).is_empty()
    };
    let [one, two] = [1, 2].map(|host| {
        rig.peer = peer(host);
        rig.open("/a")
    });
    assert!((0..6).all(|topic| subscribe(&mut rig, one, topic)));
    assert!((0..4).all(|topic| subscribe(&mut rig, two, topic)), "it joins others");
    assert!(subscribe(&mut rig, two, 6), "it has made none");
    // Four of the first are the second's now, in which it is left.
    for topic in 0..4 {
        rig.apply(0, vec![Outbound::Unsubscribe { id: one, topic: topic.to_string() }]);
    }
    assert!(!subscribe(&mut rig, two, 7), "it has five");
    rig.fail(two);
    rig.turn();
    assert!((8..12).all(|topic| subscribe(&mut rig, one, topic)), "the first has two");
    assert!(!subscribe(&mut rig, one, 12));
}

/// What a file counts for, in the order that the host gets.
#[test]
fn files_count_for_addresses_that_count() {
    let off = Limits { sockets_per_ip_max: Limits::OFF_COUNT, ..MANY };
    let rows = [
        (MANY, peer(1), AddressKey::counted(Some(peer(1)))),
        (MANY, ([127, 0, 0, 9], 1).into(), None),
        (off, peer(1), None),
    ];
    for (limits, peer, expected) in rows {
        let mut hub = Hub::new(limits, FilePolicy::Served, Time::ZERO);
        let id = hub
            .accept(Some(peer), ListenerTraits::plain(Reach::Network), Time::ZERO)
            .expect("there is space");
        hub.receive(id, &mut b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), Time::ZERO);
        let fetch = std::iter::from_fn(|| hub.poll()).find_map(|output| match output {
            Output::Fetch(fetch) => Some(fetch),
            _ => None,
        });
        assert_eq!(fetch.expect("it is asked for").holder, expected, "{peer}");
    }
}

/// A peer asks for the program with this number, which is found.
fn find(rig: &mut Rig, number: usize) -> SocketId {
    let id = rig.ask(&format!("/p{number}"));
    let path = rig.io.lookups[0].path.clone();
    let service = rig
        .engine
        .hub()
        .find(&path)
        .map_or_else(|| rig.engine.hub_mut().mount_program(&path, mount()), Ok);
    rig.look(LookupResult::Found(service.expect("there is a place")));
    id
}

#[cfg(feature = "programs")]
fn reason(rig: &Rig, id: SocketId) -> String {
    let socket = rig.hub().sockets.get(id).expect("it is there");
    socket.cold.as_ref().map(|cold| cold.reason.clone()).unwrap_or_default()
}

/// The one address starts all programs that it can; another one still gets its own.
#[cfg(feature = "programs")]
#[test]
fn the_last_quarter_of_programs_is_for_others() {
    let mut rig = Rig::new(MANY);
    rig.engine.hub_mut().look_up();
    rig.peer = peer(1);
    let share = Limits::PROGRAMS_MAX - Limits::PROGRAMS_MAX / 4;
    for number in 0..share {
        find(&mut rig, number);
    }
    assert_eq!(rig.io.started.len(), share);
    rig.io.stalled.push(rig.hub().id_at(0).expect("it is the first"));
    let refused = find(&mut rig, share);
    assert_eq!(rig.status(refused), "503");
    assert_eq!(rig.io.started.len(), share);
    let expected = "the limit of programs at a time is 1024, and this address has a quarter";
    assert!(reason(&rig, refused).starts_with(expected), "{}", reason(&rig, refused));
    rig.peer = peer(2);
    find(&mut rig, share);
    assert_eq!(rig.io.started.len(), share + 1, "another one starts it");
    // When as many of its programs have ended, the first address starts another one.
    for service in [2, 3] {
        rig.end_run(ServiceId::new(service), 1);
    }
    rig.turn();
    rig.peer = peer(1);
    find(&mut rig, share + 1);
    assert_eq!(rig.io.started.len(), share + 2);
    let refused = find(&mut rig, share + 2);
    assert_eq!(rig.status(refused), "503");
}

/// Programs that were found and do not run hold no place.
#[test]
fn a_program_that_does_not_run_gives_its_place() {
    let mut rig = Rig::new(MANY);
    rig.engine.hub_mut().look_up();
    let of = |number: usize| format!("/p{number}");
    for number in 0..Limits::PROGRAMS_MAX {
        rig.engine.hub_mut().mount_program(&of(number), mount()).expect("there is space");
    }
    // The first runs, the second keeps failing, the third has a socket that has not gone.
    let runs = find(&mut rig, 0);
    let [first, second, third] = [0, 1, 2].map(|at| rig.hub().find(&of(at)).expect("it is there"));
    rig.ready(first.index());
    let _ = rig.got(runs);
    for run in 1..=2 {
        let failed = find(&mut rig, 1);
        rig.end_run(second, run);
        rig.remove(failed);
    }
    let stays = find(&mut rig, 2);
    rig.end_run(third, 1);
    // Others take all the places but those of the first and the third, the second's last of all.
    for number in 3..Limits::PROGRAMS_MAX {
        assert!(rig.hub().find(&of(1)).is_some(), "its pause is remembered");
        let path = format!("/q{number}");
        let place = rig.engine.hub_mut().mount_program(&path, mount()).expect("there is a place");
        assert_eq!((rig.hub().find(&path), rig.hub().path(place)), (Some(place), &*path));
        let worker = rig.hub().first_of(place);
        rig.engine.hub_mut().workers[worker].started = rig.now.after(1);
    }
    assert_eq!(rig.hub().services.next_id().index(), Limits::PROGRAMS_MAX + 2);
    assert_eq!(rig.hub().find(&of(0)), Some(first));
    assert_eq!(rig.hub().find(&of(2)), Some(third));
    assert_eq!((3..Limits::PROGRAMS_MAX).find(|&at| rig.hub().find(&of(at)).is_some()), None);
    rig.remove(stays);
    // Only the first, which runs, is sure of its place.
    assert!(rig.hub().is_spare(third) && !rig.hub().is_spare(first));
}

/// What a run of the program that was there before has left behind is not the next one's.
#[cfg(feature = "programs")]
#[test]
fn a_place_has_nothing_of_the_program_before() {
    let mut rig = Rig::new(MANY);
    rig.engine.hub_mut().look_up();
    let gone = find(&mut rig, 0);
    let place = rig.hub().find("/p0").expect("it was found");
    rig.ready(place.index());
    rig.end_run(place, 1);
    rig.remove(gone);
    for number in 1..Limits::PROGRAMS_MAX {
        rig.engine
            .hub_mut()
            .mount_program(&format!("/p{number}"), mount())
            .expect("there is space");
        let id = find(&mut rig, number);
        assert!(rig.got(id).is_empty(), "it starts");
    }
    let next = find(&mut rig, Limits::PROGRAMS_MAX);
    assert_eq!(rig.hub().find(&format!("/p{}", Limits::PROGRAMS_MAX)), Some(place));
    assert_eq!(rig.io.started.last(), Some(&(place, 2)), "the numbers of runs go on");
    // A batch, an end of the old run.
    rig.apply_of(place, 1, vec![Outbound::Ready(Admission::default())]);
    rig.end_run(place, 1);
    assert!(rig.got(next).is_empty());
    rig.ready(place.index());
    assert_eq!(rig.status(next), "101");
    // All of them run.
    assert_eq!(rig.engine.hub_mut().mount_program("/more", mount()), Err(PathError::TooMany));
    // The first is found again, once there is a place.
    let last = ServiceId::new(place.index() + 1);
    let of_last = rig.hub().first_of(last);
    rig.end_run(last, 1);
    for id in rig.hub().sockets.ids() {
        if rig.hub().sockets.get(id).is_some_and(|socket| socket.worker == Some(of_last)) {
            rig.remove(id);
        }
    }
    find(&mut rig, 0);
    assert_eq!(rig.hub().find("/p0"), Some(last));
}
