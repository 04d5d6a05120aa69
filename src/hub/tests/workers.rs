//! Services with several workers: which one a socket gets, and what they have in common.

use super::*;
use crate::engine::{HostEvent, RunExit};
use crate::service::{WorkerKey, Workers};

/// The message `x`, as a peer gets it.
const X: &[u8] = b"\x81\x01x";

/// A rig whose service `/c` has so many workers, all of them ready.
fn rig_of(workers: Workers) -> (Rig, Vec<WorkerId>) {
    let mut rig = Rig::new(Limits::SERVER);
    let options = ServiceOptions { workers, ..mount(Limits::SERVER) };
    let service = rig.engine.hub_mut().mount("/c", options).expect("it is free");
    rig.engine.hub_mut().hash_keys_with([1; 16]);
    let workers = rig.hub().workers_of(service).to_vec();
    (rig, workers)
}

/// A socket of `/c` with this query, open. Returns the place of its worker as well.
fn open(rig: &mut Rig, workers: &[WorkerId], query: &str) -> (SocketId, usize) {
    let id = rig.ask(&format!("/c{query}"));
    let worker = rig.hub().worker_of(id).expect("it has one");
    if rig.hub().workers[worker].state == RunState::Starting {
        said(rig, worker, Outbound::Ready(Admission::default()));
    }
    assert_eq!(rig.status(id), "101");
    (id, workers.iter().position(|of| *of == worker).expect("it is one of these"))
}

/// What a worker sends in its present run.
fn said(rig: &mut Rig, worker: WorkerId, transaction: Outbound) {
    let number = rig.hub().workers[worker].run;
    rig.io.batch = Some((RunId { worker, number }, vec![transaction].into_iter()));
    rig.turn();
}

fn end(rig: &mut Rig, worker: WorkerId) {
    let run = RunId { worker, number: rig.hub().workers[worker].run };
    rig.tell(HostEvent::Ended(RunExit { run, end: RunEnd::Returned }));
}

#[test]
fn a_socket_gets_the_worker_with_the_fewest() {
    let (mut rig, workers) = rig_of(Workers::new(3));
    let all: Vec<_> = (0..6).map(|_| open(&mut rig, &workers, "")).collect();
    assert_eq!(all.iter().map(|of| of.1).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    // What counts are the sockets that are there, and not how many have come.
    rig.remove(all[1].0);
    for _ in 0..4 {
        let (id, place) = open(&mut rig, &workers, "");
        assert_eq!(place, 1, "it has one, and the others have two");
        rig.remove(id);
    }
}

#[test]
fn a_worker_that_fails_or_is_full_gets_no_sockets_that_others_can_have() {
    let (mut rig, workers) = rig_of(Workers::new(2));
    let (first, _) = open(&mut rig, &workers, "");
    for _ in 0..2 {
        end(&mut rig, workers[0]);
        rig.engine.hub_mut().begin(workers[0], rig.now);
    }
    end(&mut rig, workers[0]);
    assert!(rig.hub().workers[workers[0]].retry > rig.now, "it pauses");
    assert!(rig.hub().workers[workers[0]].members.is_empty(), "{first} has gone with it");
    for _ in 0..3 {
        assert_eq!(open(&mut rig, &workers, "").1, 1, "the other one does not pause");
    }
    rig.wait(64_000);
    assert_eq!(open(&mut rig, &workers, "").1, 0, "the pause is over");
    // Mail that is full keeps sockets waiting.
    rig.engine.hub_mut().workers[workers[0]].limits.mail_messages_max = 1;
    let limits = rig.hub().workers[workers[0]].limits;
    rig.engine.hub_mut().workers[workers[0]].mail.measure(&limits);
    assert!(rig.hub().workers[workers[0]].mail.is_full());
    assert_eq!(open(&mut rig, &workers, "").1, 1);
}

#[test]
fn sockets_of_one_key_have_one_worker() {
    let (mut rig, workers) = rig_of(Workers::new(4).by(WorkerKey::Query("room".into())));
    let mut counts = [0; 4];
    let place = |rig: &mut Rig, number: usize| open(rig, &workers, &format!("?room={number}")).1;
    for number in 0..200 {
        let first = place(&mut rig, number);
        assert_eq!(place(&mut rig, number), first, "room {number}");
        counts[first] += 1;
    }
    assert!(counts.iter().all(|count| *count > 25), "{counts:?}");
    // Without a value, it is as without a key.
    let (_, place_of_none) = open(&mut rig, &workers, "?other=1");
    let least = counts.iter().enumerate().min_by_key(|(_, count)| **count).map(|(place, _)| place);
    assert_eq!(Some(place_of_none), least, "{counts:?}");
    // Another secret spreads them in another way.
    let before: Vec<_> = (0..50).map(|number| place(&mut rig, number)).collect();
    rig.engine.hub_mut().hash_keys_with([2; 16]);
    let after: Vec<_> = (0..50).map(|number| place(&mut rig, number)).collect();
    assert_ne!(before, after);
}

/// A key, a query, and what makes a line of the head for a number.
type Row = (WorkerKey, &'static str, fn(usize) -> String);

#[test]
fn each_key_reads_its_part_of_the_request() {
    let rows: [Row; 3] = [
        (WorkerKey::Cookie("who".into()), "", |n| format!("Cookie: a=b; who=w{n}")),
        (WorkerKey::Header("X-Room".into()), "", |n| format!("x-room: r{n}")),
        (WorkerKey::Path, "", |_| "X: y".to_owned()),
    ];
    for (key, query, line) in rows {
        let (mut rig, workers) = rig_of(Workers::new(8).by(key.clone()));
        let mut worker = |number: usize| {
            let id = rig.ask_with(&format!("/c{query}"), &line(number));
            rig.hub().worker_of(id).expect("it has one")
        };
        let mut used: Vec<_> = (0..40).map(&mut worker).collect();
        assert_eq!(used, (0..40).map(&mut worker).collect::<Vec<_>>(), "{key:?}");
        used.sort_by_key(|worker| worker.index());
        used.dedup();
        let expected = if key == WorkerKey::Path { 1 } else { workers.len() };
        assert_eq!(used.len(), expected, "{key:?}");
    }
    let (mut rig, _) = rig_of(Workers::new(8).by(WorkerKey::Peer));
    let mut worker = |address: [u16; 8]| {
        rig.peer = (address, 1).into();
        let id = rig.ask("/c");
        rig.hub().worker_of(id).expect("it has one")
    };
    let of = |number: u16, host: u16| [0x2001, number, 0, 0, 0, 0, 0, host];
    for number in 1..20 {
        assert_eq!(worker(of(number, 1)), worker(of(number, 2)), "a network is one address");
    }
    assert!((1..20).any(|number| worker(of(number, 1)) != worker(of(0, 1))));
}

#[test]
fn audiences_and_topics_are_those_of_the_service() {
    let (mut rig, workers) = rig_of(Workers::new(2));
    let (a, b) = (open(&mut rig, &workers, "").0, open(&mut rig, &workers, "").0);
    let other = rig.open("/a");
    for id in [a, b, other] {
        rig.got(id);
    }
    let topic = "t".to_owned();
    said(&mut rig, workers[0], Outbound::Subscribe { id: b, topic });
    let rows = [
        (Audience::all(), [true, true]),
        (b.into(), [false, true]),
        (vec![a, b].into(), [true, true]),
        (Audience::topic("t"), [false, true]),
        (Audience::all().but(b), [true, false]),
        (other.into(), [false, false]),
    ];
    for (to, expected) in rows {
        said(&mut rig, workers[0], send(to.clone(), "x"));
        let got = [a, b].map(|id| rig.got(id) == X);
        assert_eq!((got, rig.got(other).is_empty()), (expected, true), "{to:?}");
    }
    said(&mut rig, workers[0], Outbound::Pause { id: b });
    assert!(!rig.engine.hub_mut().may_read(b, rig.now));
    said(&mut rig, workers[1], Outbound::Resume { id: b });
    assert!(rig.engine.hub_mut().may_read(b, rig.now));
}

#[test]
fn an_end_takes_the_sockets_of_one_worker() {
    let (mut rig, workers) = rig_of(Workers::new(2));
    let (a, b) = (open(&mut rig, &workers, "").0, open(&mut rig, &workers, "").0);
    for id in [a, b] {
        said(&mut rig, workers[0], Outbound::Subscribe { id, topic: "t".to_owned() });
        rig.got(id);
    }
    rig.io.mail.clear();
    end(&mut rig, workers[0]);
    assert!(rig.got(a).starts_with(&[0x88]), "1012");
    assert_eq!((rig.got(b), rig.io.mail.len()), (Vec::new(), 0), "the other one goes on");
    said(&mut rig, workers[1], send(Audience::topic("t"), "x"));
    assert_eq!((rig.got(a).len(), rig.got(b)), (0, X.to_vec()));
    // The state of the sockets of a process that is replaced is removed; that of others is not.
    said(&mut rig, workers[1], Outbound::Reset { pause_ms: 0 });
    let topics = &rig.hub().services[rig.hub().service_of(workers[1])].topics;
    assert_eq!(topics.members("t").count(), 0);
}

/// The first worker stands for the service, and may rest while others run.
#[test]
#[cfg(feature = "senders")]
fn other_threads_reach_all_workers() {
    let (mut rig, workers) = rig_of(Workers::new(2));
    let (_, b) = (open(&mut rig, &workers, "").0, open(&mut rig, &workers, "").0);
    end(&mut rig, workers[0]);
    rig.got(b);
    let mut batch = vec![send(b, "x")].into_iter();
    rig.engine.hub_mut().apply_for(workers[0], &mut batch, 9, rig.now);
    rig.turn();
    assert_eq!(rig.got(b), X);
}

#[test]
fn a_program_that_is_replaced_leaves_its_workers() {
    let mut rig = Rig::new(Limits::SERVER);
    let mut mount = |number: usize, count: usize| {
        let options = ServiceOptions { workers: Workers::new(count), ..mount(Limits::SERVER) };
        rig.engine.hub_mut().mount_program(&format!("/p{number}"), options)
    };
    let first = mount(0, 3).expect("it is free");
    (1..Limits::PROGRAMS_MAX).for_each(|number| _ = mount(number, 1));
    let before = rig.hub().workers.iter().count();
    for round in 0..20 {
        let (number, count) = (Limits::PROGRAMS_MAX + round, 1 + round % 4);
        let options = ServiceOptions { workers: Workers::new(count), ..ServiceOptions::default() };
        let path = format!("/p{number}");
        let id = rig.engine.hub_mut().mount_program(&path, options).expect("one does not run");
        let workers = rig.hub().workers_of(id);
        assert_eq!(workers.len(), count);
        for (number, worker) in workers.iter().enumerate() {
            assert_eq!(rig.hub().service_of(*worker), id);
            assert_eq!(rig.hub().number_of(*worker), [number, count]);
        }
        let _ = first;
    }
    let after = rig.hub().workers.iter().count();
    assert!(after <= before + 40, "they are used again: {before}, {after}");
}
