//! Tables are about as large as what is in them, whatever has been in them before.

use super::*;
use crate::hub::topics::Topics;

/// A table: its name, its capacity, and its length.
type Table = (&'static str, usize, usize);

/// All tables that peers can make large. The fields are listed, so that a new one has to find its
/// place here.
fn tables(hub: &Hub) -> Vec<Table> {
    let Hub {
        services,
        workers,
        sockets,
        addresses,
        wheel,
        outputs,
        buffers,
        lookups,
        fetches,
        // Each of these has one entry, or as many as there are services or kinds of log lines.
        tree: _,
        surplus_len: _,
        freed: _,
        memory: _,
        dates: _,
        health: _,
        files: _,
        hosts: _,
        proxies: _,
        has_warned_of_proxy: _,
        access: _,
        refusals: _,
        // There are few handshakes. The other shrinks by itself, as that of each mail does.
        handshakes: _,
        metered: _,
        warnings: _,
        // They have no tables of sockets, or one for the end of all.
        counters: _,
        drain: _,
        eager: _,
        tls_port: _,
        // Its list of those that have had their share is used up in each turn.
        #[cfg(feature = "deflate")]
            deflate: _,
        #[cfg(feature = "workers")]
            worker_secret: _,
        // It is empty with one listener. Its own test trims it.
        #[cfg(feature = "admin")]
            listeners: _,
    } = hub;
    let mut all = vec![
        ("sockets", sockets.places_len(), sockets.len()),
        ("deadlines", wheel.places_len(), sockets.len()),
        ("outputs", outputs.capacity(), outputs.len()),
        ("lookups", lookups.queue.size().0, lookups.queue.size().1),
        ("fetches", fetches.queue.capacity(), fetches.queue.len()),
        ("buffers", buffers.bytes(), 0),
    ];
    all.extend(addresses.tables());
    for id in services.ids() {
        all.extend(service_topics(&services[id]).tables());
    }
    all.extend(workers.iter().flat_map(worker_tables));
    all
}

fn service_topics(entry: &ServiceEntry) -> &Topics {
    let ServiceEntry {
        topics,
        path: _,
        is_program: _,
        options: _,
        holder: _,
        sockets_len: _,
        unused_since: _,
        // The list of waiting sockets is rebuilt whenever one of them is read again.
        pace: _,
        workers: _,
        // A tree has no spare capacity.
        #[cfg(feature = "processes")]
            listeners: _,
    } = entry;
    topics
}

fn worker_tables(worker: &WorkerSlot) -> Vec<(&'static str, usize, usize)> {
    let WorkerSlot {
        waiting,
        members,
        held,
        mail,
        service: _,
        number: _,
        limits: _,
        is_program: _,
        admission: _,
        counters: _,
        state: _,
        run: _,
        started: _,
        backoff: _,
        retry: _,
        small_turns: _,
        #[cfg(feature = "admin")]
            starts: _,
        // It is dropped once it is empty.
        #[cfg(feature = "database")]
            later: _,
        #[cfg(feature = "processes")]
            gap: _,
        #[cfg(feature = "processes")]
            is_gap_due: _,
    } = worker;
    let mut all = vec![
        ("those who wait", waiting.capacity(), waiting.len()),
        ("members of a service", members.capacity(), members.len()),
        ("held", held.capacity(), held.len()),
    ];
    all.extend(mail.tables());
    all
}

/// Tables that need no trim while there are sockets, since there may be one for each service or
/// topic.
const BY_THEMSELVES: [&str; 3] = ["those who wait", "members of a service", "members"];
/// Those that `Limits::memory_bytes_max` counts at their largest: with the sockets and
/// addresses, and with the
/// topics and subscribers of each service, whose tables go with the last topic.
const COUNTED: [&str; 3] = ["places of addresses", "addresses", "long addresses"];
const COUNTED_WITH_TOPICS: [&str; 4] = ["topics", "topics by name", "subscribers", "links"];

fn assert_small(tables: &[Table], before: &[Table]) {
    for &(name, capacity, len) in tables {
        assert!(capacity <= 4 * len + SPARE_LEN, "{name}: capacity {capacity}, {len} used");
        let was = before.iter().filter(|(other, ..)| *other == name).map(|table| table.1).max();
        assert!(was > Some(4 * len + SPARE_LEN), "{name} has never been large: {was:?}");
    }
}

impl Rig {
    /// A peer with an address of its own, which has a long form.
    fn connect_from(&mut self, number: u16) -> SocketId {
        self.accept(address(10_000 + number), Reach::Network).expect("there is space")
    }
}

fn address(number: u16) -> SocketAddr {
    ([0x2001, number, 0, 0, 0, 0, 0, 1], 1).into()
}

/// These sockets go, the services take their mail, and the disk answers again.
fn leave_all<'a>(rig: &mut Rig, ids: impl Iterator<Item = &'a SocketId>) {
    for &id in ids {
        rig.fail(id);
    }
    rig.turn();
    for service in 0..2 {
        let all = Outbound::Taken { messages: usize::MAX, bytes: usize::MAX };
        rig.apply(service, vec![all]);
    }
    std::mem::take(&mut rig.io.fetches).iter().for_each(|_| rig.engine.hub_mut().fetched());
    while !rig.io.lookups.is_empty() {
        rig.look(LookupResult::Nothing);
    }
}

/// Each table is filled, and all but five sockets leave.
#[test]
fn every_table_is_about_as_large_as_what_is_in_it() {
    let limits = Limits { mail_messages_max: 1_500, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    let mut before = Vec::new();
    // Each socket of the first service has an address of its own.
    let local = rig.peer;
    let [a, b] = ["/a", "/b"].map(|path| {
        let ask = |number| {
            rig.peer = if path == "/a" { address(number) } else { local };
            rig.ask(path)
        };
        (0..1_000).map(ask).collect::<Vec<_>>()
    });
    before.extend(tables(rig.hub()));
    rig.ready(0);
    rig.ready(1);
    // Topics of many, topics of one, and a socket with many topics.
    let subscribe =
        |&id: &SocketId, topic: usize| Outbound::Subscribe { id, topic: topic.to_string() };
    for topic in 0..10 {
        rig.apply(0, a.iter().map(|id| subscribe(id, topic)).collect());
    }
    rig.apply(0, a.iter().enumerate().map(|(number, id)| subscribe(id, 10 + number)).collect());
    rig.apply(0, (0..500).map(|topic| subscribe(&a[999], topic)).collect());
    // A service takes no mail, so that its sockets are not read.
    (0..600).for_each(|_| rig.engine.hub_mut().receive(b[0], &mut frame(0x81, b"x"), rig.now));
    before.extend(tables(rig.hub()));
    assert!(b.iter().all(|&id| !rig.may_read(id)), "its mail is full");
    // A disk hangs, with files and programs.
    let get = |rig: &mut Rig, id| rig.receive(id, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    let strangers: Vec<_> = (0..1_000).map(|number| rig.connect_from(number)).collect();
    rig.engine.hub_mut().files = FilePolicy::Served;
    strangers[..500].iter().for_each(|&id| get(&mut rig, id));
    rig.engine.hub_mut().look_up();
    strangers[500..].iter().for_each(|&id| get(&mut rig, id));
    // What is sent to many, and what is large.
    rig.apply(0, vec![send(a[0], &"x".repeat(5_000))]);
    let number = rig.hub().workers[WorkerId::new(0)].run;
    let run = RunId { worker: WorkerId::new(0), number };
    let batch = vec![send(Audience::all(), "x")];
    rig.engine.hub_mut().apply(run, &mut batch.into_iter(), usize::MAX, rig.now);
    before.extend(tables(rig.hub()));
    rig.turn();
    leave_all(&mut rig, a[5..].iter().chain(&b).chain(&strangers));
    assert_eq!(rig.hub().sockets_len(), 5);
    let mut own = tables(rig.hub());
    own.retain(|(name, ..)| BY_THEMSELVES.contains(name));
    assert_small(&own, &before);
    rig.engine.hub_mut().trim();
    let mut all = tables(rig.hub());
    all.retain(|(name, ..)| !COUNTED.contains(name) && !COUNTED_WITH_TOPICS.contains(name));
    assert_small(&all, &before);
    // What is left works as before.
    let id = rig.open("/a");
    assert!(rig.may_read(a[0]) && rig.may_read(id));
    rig.apply(0, vec![send(Audience::topic("0"), "still here")]);
    assert!(a[..5].iter().all(|&id| rig.got(id).ends_with(b"still here")));
    a[..5].iter().for_each(|&id| rig.fail(id));
    rig.turn();
    rig.engine.hub_mut().trim();
    let mut all = tables(rig.hub());
    all.retain(|(name, ..)| !COUNTED.contains(name));
    assert_small(&all, &before);
}

/// Capacity for this many is kept in a list for sockets that come and go.
const SPARE_LEN: usize = 64;
