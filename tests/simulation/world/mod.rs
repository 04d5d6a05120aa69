//! A world around an engine: peers, connections, services, all of them simulated, in virtual time.
//! Its choices decide each step, and it is checked after each step.
//!
//! In reading order:
//!
//! - `choice`: where choices come from
//! - `wire`: bytes as a client writes and reads them
//! - `pipe`: connections; `arrivals`: where they come from
//! - `seal`: records like those of TLS; `tunnel`: a client that seals; `tls`: such connections, and
//!   what has to hold of them, with `no_tls` in its place in builds without the feature
//! - `deflate`: compressed data; `compress`: worlds that compress
//! - `peer`, `service`: peers and services; `profile`: their profiles; `place`: their state
//! - `events`: the events of connections; `io`: the world around the engine, which runs its turn
//! - `notes`: what is noted of the steps of a turn
//! - `disk`: programs, which are looked for while the world lives, and what has to hold of them
//! - `eager`: services that start without a socket
//! - `crews`: services with several workers
//! - `reset`: programs whose sockets outlive them, and are given other limits
//! - `senders`: other threads that send to the sockets of services, and what has to hold of that,
//!   with `no_senders` in its place in builds without the feature
//! - `later`: sockets that are answered later, and what has to hold of that, with `no_later` in its
//!   place in builds without the feature `database`
//! - `broker`: what is between several hosts; `hosts`: worlds of several; `share`: what their
//!   services share, and what has to hold of that
//! - `record`: what is recorded of a socket
//! - `apply`: the transactions of services, and whether they reach the right sockets
//! - `judge`: the checks after each turn; `clock`: those of deadlines; `tally`: what came about

mod apply;
mod arrivals;
#[cfg(feature = "processes")]
mod broker;
pub mod choice;
mod clock;
mod compress;
mod crews;
mod deflate;
mod disk;
mod eager;
mod events;
#[cfg(feature = "processes")]
mod hosts;
mod io;
mod judge;
#[cfg(feature = "database")]
mod later;
#[cfg(not(feature = "database"))]
#[path = "no_later.rs"]
mod later;
mod notes;
mod peer;
mod pipe;
mod place;
mod profile;
mod record;
mod reset;
#[cfg(feature = "tls")]
mod seal;
#[cfg(feature = "senders")]
mod senders;
#[cfg(not(feature = "senders"))]
#[path = "no_senders.rs"]
mod senders;
mod service;
#[cfg(feature = "processes")]
mod share;
mod tally;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tunnel;
pub mod wire;

use std::net::SocketAddr;

use switchboard::Page;
use switchboard::engine::{Engine, HostEvent, StopKind, Turn};
use switchboard::hub::{FilePolicy, Hub};
use switchboard::limits::{Rate, RatePolicy};
use switchboard::service::SocketId;
use switchboard::time::Time;
use switchboard::{Limits, ServiceOptions};

use arrivals::{ADDRESSES, Arrivals};
use choice::{Choices, Chooser};
use compress::Offer;
use crews::Crews;
use disk::Disk;
use io::Inbox;
use later::Jobs;
use peer::{Goal, Peer};
use pipe::{Pipe, Stream};
use place::Place;
use profile::{BRIEF, PROFILES, PROGRAMS};
use record::Record;
use senders::Senders;
use service::{Surroundings, Worker};
use tls::Layer;

pub use tally::Tally;

/// An engine and the world around it.
pub struct Simulation {
    engine: Engine,
    world: World,
    /// The other hosts, if there are any.
    #[cfg(feature = "processes")]
    others: Option<hosts::Others>,
}

/// What is around an engine.
pub struct World {
    now: Time,
    chooser: Chooser,
    limits: Limits,
    links: Vec<Link>,
    /// The links whose peers have not left, or whose sockets are still there.
    live: Vec<usize>,
    /// By the serial number of the socket.
    of_serial: Vec<usize>,
    ids: Vec<SocketId>,
    places: Vec<Place>,
    inbox: Inbox,
    layer: Layer,
    senders: Senders,
    jobs: Jobs,
    #[cfg(feature = "processes")]
    sharing: share::Sharing,
    arrivals: Arrivals,
    /// What has to hold of services with several workers, if there are any.
    crews: Option<Crews>,
    /// Where programs are, if there are any.
    disk: Option<Disk>,
    turns: u64,
    /// The number of the last message of any service.
    serial: u32,
    drained: Option<Time>,
    /// The engine needs no more turns.
    is_last: bool,
    /// How many sockets are there beyond the limits.
    surplus_len: usize,
    /// Turns since anything moved.
    dull_turns: u32,
    /// Peers offer to compress.
    compresses: bool,
    /// What all contexts took when the last turn ended, and when a connection was closed last.
    contexts_bytes: usize,
    closed_turn: u64,
    tally: Tally,
}

/// A peer, its connection and what is recorded of it.
struct Link {
    peer: Peer,
    pipe: Pipe,
    address: SocketAddr,
    /// The host's end, once it is accepted and until it is dropped.
    stream: Option<Stream>,
    record: Option<Record>,
    /// How far a file is that it asked for.
    file: Option<File>,
    /// The place of its worker, if its service has several.
    worker: Option<usize>,
}

/// The rest of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Parts(usize),
    Ended,
}

impl Simulation {
    /// A new world, without peers.
    pub fn new(choices: impl Choices + 'static) -> Self {
        let (world, hub) = World::new(choices);
        Self {
            engine: Engine::new(hub, &world.limits),
            world,
            #[cfg(feature = "processes")]
            others: None,
        }
    }

    /// The same with all services on the loop.
    pub fn on_the_loop(mut self) -> Self {
        self.world.places.iter_mut().for_each(|place| place.is_on_loop = true);
        self
    }

    /// The same with some services on the loop, and some on threads.
    pub fn mixed(mut self) -> Self {
        for (number, place) in self.world.places.iter_mut().enumerate() {
            place.is_on_loop = number % 2 == 1;
        }
        self
    }

    /// The same, where all services but the first are programs.
    pub fn with_programs(mut self) -> Self {
        let world = &mut self.world;
        let mut hub = Hub::new(world.limits, FilePolicy::Served, Time::ZERO);
        hub.look_up();
        let first = world.places[0].options();
        let first = hub.mount("/0", first).expect("it is free");
        world.places[0].set_id(&hub, first);
        // What is compiled in may be on the loop beside programs.
        world.places[0].is_on_loop = world.chooser.once_in(2);
        let from = world.chooser.below(PROGRAMS.len());
        let profiles = PROGRAMS.into_iter().cycle().skip(from);
        for (place, profile) in world.places[1..].iter_mut().zip(profiles) {
            (place.id, place.worker_id, place.profile) = (None, None, profile);
        }
        world.disk = Some(Disk::new(world.places.len()));
        self.engine = Engine::new(hub, &world.limits);
        self
    }

    /// Lives until all choices are made and all peers have gone. Returns the counts.
    pub fn live(mut self) -> Tally {
        let stops = self.world.chooser.once_in(4);
        while !self.world.chooser.is_over() {
            self.step();
            #[cfg(feature = "processes")]
            self.others_act();
        }
        self.end(stops);
        #[cfg(feature = "processes")]
        self.end_others();
        self.world.tally
    }

    /// All peers go, or the host stops.
    fn end(&mut self, stops: bool) {
        if stops {
            // A stop also finds peers that have just come.
            (0..12).for_each(|_| self.world.arrive());
            (0..3).for_each(|_| self.step());
            self.world.senders.note_stop();
            self.world.inbox.tell(HostEvent::Stop(StopKind::Clean));
        }
        self.wind_down(stops);
        self.world.senders.check_end(stops);
        self.world.check_end(self.engine.hub_mut());
        self.world.tally.turns = self.world.turns;
    }

    /// Peers and services do something, then the engine has its turn, or time passes.
    fn step(&mut self) {
        let world = &mut self.world;
        if world.live.len() < 48 && world.chooser.below(world.live.len() + 4) < 6 {
            world.arrive();
        }
        for _ in 0..world.chooser.below(6).min(world.live.len()) {
            let index = world.live[world.chooser.below(world.live.len())];
            let Link { peer, pipe, .. } = &mut world.links[index];
            peer.act(pipe, &world.limits, &mut world.chooser);
        }
        self.go_on();
    }

    /// All that happens without a choice.
    fn go_on(&mut self) {
        for &index in &self.world.live {
            let Link { peer, pipe, .. } = &mut self.world.links[index];
            peer.react(pipe);
        }
        self.world.services_act();
        self.world.senders_act();
        self.world.jobs_act();
        if self.has_work() {
            self.turn();
            self.world.pass(0, 2);
        } else {
            self.world.check_quiet(self.engine.hub());
            self.world.pass(1, 10);
            self.rest();
        }
    }

    fn has_work(&self) -> bool {
        self.engine.has_work(&self.world) || self.world.has_news()
    }

    /// One turn.
    fn turn(&mut self) {
        let Self { engine, world, .. } = self;
        world.turns += 1;
        world.layer.begin_turn();
        world.inbox.moved = engine.deadline().is_some_and(|deadline| deadline <= world.now);
        for (id, ready) in world.poll() {
            let there = engine.hub().id_at(id.index());
            assert_eq!(there, Some(id), "an event is for the socket that is in its place");
            engine.notify(id.index(), ready);
        }
        world.look_at_disk();
        world.remount(engine.hub_mut());
        let now = world.now;
        world.is_last = engine.turn(world, now) == Turn::Last;
        for place in &mut world.places {
            let is_due = place.worker_id.is_some_and(|worker| engine.is_due(worker));
            let was_called = place.called_turn == world.turns;
            let since = place.due_since.filter(|_| !was_called).unwrap_or(now);
            place.due_since = is_due.then_some(since);
            let worker = place.worker.as_ref().filter(|_| place.is_on_loop);
            let has_more = worker.is_some_and(Worker::has_more);
            assert!(!has_more || is_due, "a service on the loop has more, and is not called");
        }
        world.check_ended(engine.hub_mut());
        world.address_the_gone(engine.hub_mut());
        world.check_turn(engine.hub());
    }

    /// Nothing is to be done now: time passes, up to the next deadline at most.
    fn rest(&mut self) {
        let world = &mut self.world;
        let ms = world.chooser.pick(&[300, 1, 5, 64, 2_000, 70_000]);
        world.check_eager_rest(self.engine.deadline());
        let deadlines = [self.engine.deadline(), world.inbox.listener.deadline()];
        let next = deadlines.into_iter().flatten().min();
        world.now = match next {
            Some(next) if next.since(world.now) <= ms => world.now.max(next),
            _ => world.now.after(ms),
        };
        if next.is_some_and(|next| next <= world.now) {
            self.turn();
        }
    }

    /// All peers leave, well-behaved ones after a while.
    fn wind_down(&mut self, stops: bool) {
        for round in 0..200_000_u32 {
            let is_over =
                self.world.live.is_empty() && !self.has_work() && !self.world.awaits_jobs();
            if self.world.is_last || is_over && !stops {
                return;
            }
            if round == 100 {
                let world = &mut self.world;
                for index in world.live.clone() {
                    let Link { peer, pipe, .. } = &mut world.links[index];
                    peer.leave(pipe, &mut world.chooser);
                }
            }
            self.go_on();
        }
        panic!("sockets do not end: {}", self.engine.hub().sockets_len());
    }
}

impl World {
    /// A new world, without peers, and a hub for its services.
    fn new(choices: impl Choices + 'static) -> (Self, Hub) {
        let mut chooser = Chooser::new(choices);
        let limits = choose_limits(&mut chooser);
        let mut places = Vec::new();
        let are_brief = chooser.once_in(5);
        for index in 0..1 + chooser.pick(&[3, 1, 2, 4]) {
            let profile = match index {
                0 => 0,
                _ if are_brief => BRIEF,
                _ => 1 + chooser.below(PROFILES.len() - 1),
            };
            // A socket that behaves well at both ends is not to meet a limit of the mail.
            let roomy = Limits {
                mail_messages_max: 100_000,
                mail_bytes_max: 1 << 30,
                batch_bytes_max: 1 << 20,
                batches_max: 16,
                message_rate: None,
                ..limits
            };
            let limits = if index == 0 { roomy } else { limits };
            places.push(Place::new(index, PROFILES[profile], limits));
        }
        let hub = mount_all(&mut places, &limits);
        let world = Self {
            now: Time::ZERO,
            chooser,
            limits,
            links: Vec::new(),
            live: Vec::new(),
            of_serial: vec![usize::MAX],
            ids: Vec::new(),
            places,
            inbox: Inbox::new(),
            layer: Layer::new(),
            senders: Senders::none(),
            jobs: Jobs::none(),
            #[cfg(feature = "processes")]
            sharing: share::Sharing::default(),
            arrivals: Arrivals::default(),
            crews: None,
            disk: None,
            turns: 0,
            serial: 0,
            drained: None,
            is_last: false,
            surplus_len: 0,
            dull_turns: 0,
            compresses: false,
            contexts_bytes: 0,
            closed_turn: 0,
            tally: Tally::default(),
        };
        (world, hub)
    }

    fn pass(&mut self, least: u64, most: usize) {
        self.now = self.now.after(least + self.chooser.below(most) as u64);
    }

    /// A new peer connects.
    fn arrive(&mut self) {
        let number = self.links.len();
        let service = self.chooser.below(self.places.len());
        let service = self.places[service].first;
        let goal = match self.chooser.below(24) {
            0 => Goal::Nowhere,
            1 => Goal::Half,
            2 => Goal::Page(service),
            3 | 4 => Goal::File,
            5 => Goal::Nonsense,
            _ => Goal::Service(service),
        };
        let offers = self.compresses && !self.chooser.once_in(5);
        let offer = offers.then(|| Offer::choose(&mut self.chooser));
        let key =
            self.crews.as_ref().and_then(|_| self.chooser.pick(&[None, Some(1), Some(2), Some(3)]));
        let peer = Peer::new(number, goal, key, offer, &mut self.chooser);
        let ip = self.chooser.pick(&ADDRESSES).parse().expect("it is an address");
        let up_max = self.chooser.pick(&[4_000, 700, 20_000]);
        let down_max = self.chooser.pick(&[4_000, 64, 30_000]);
        let mut pipe = Pipe::new(up_max, down_max);
        pipe.tunnel = self.layer.tunnel(peer.is_good(), &mut self.chooser);
        let address = SocketAddr::new(ip, 1);
        self.links.push(Link {
            peer,
            pipe,
            address,
            stream: None,
            record: None,
            file: None,
            worker: None,
        });
        self.live.push(number);
        self.connect(number);
    }

    /// Services act. Those on the loop do when they are called, for which their intervals pass.
    fn services_act(&mut self) {
        for place in 0..self.places.len() {
            match self.places[place].worker_id {
                Some(worker) if self.places[place].is_on_loop => {
                    if self.places[place].worker.is_some() && self.chooser.once_in(2) {
                        self.inbox.ticks.push_back(worker);
                    }
                }
                _ => self.service_acts(place),
            }
        }
    }

    /// A service acts. Returns whether it has sent something, and its run and how that ended, if
    /// it just did.
    fn act(&mut self, place: usize) -> Option<(bool, Option<(u32, &'static str)>)> {
        let Place { worker, profile, limits, .. } = &mut self.places[place];
        let worker = worker.as_mut()?;
        let (queued, was_over) = (worker.queue.len(), worker.ended.is_some());
        let mut around = Surroundings {
            chooser: &mut self.chooser,
            limits,
            now: self.now,
            serial: &mut self.serial,
            ids: &self.ids,
        };
        worker.act(profile, &mut around);
        let ended = worker.ended.filter(|_| !was_over).map(|how| (worker.run, how));
        #[cfg(feature = "processes")]
        self.sharing.note_gaps(place, std::mem::take(&mut worker.gaps));
        Some((worker.queue.len() > queued, ended))
    }

    /// Notes something that happened, so that two histories can be compared.
    fn note(&mut self, what: u64, of: u64) {
        let mixed = self.tally.history ^ what.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ of;
        self.tally.history = mixed.rotate_left(23).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    }

    fn note_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut eight = [0; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            self.note(0, u64::from_be_bytes(eight));
        }
    }

    /// How many read bytes of a socket wait in the hub. While any do, the socket is held.
    fn note_unread(&mut self, hub: &Hub, index: usize) {
        let Link { peer, record: Some(record), stream: Some(_), .. } = &mut self.links[index]
        else {
            return;
        };
        let unread_len = hub.unread_len(record.id);
        record.note_unread(peer, unread_len, self.now);
        record.held |= unread_len > 0;
    }

    /// Whose socket this is, if it is there.
    fn link_of(&self, id: SocketId) -> Option<usize> {
        let index = *self.of_serial.get(usize::try_from(id.serial()).ok()?)?;
        let link = self.links.get(index)?;
        link.record.as_ref().filter(|record| record.id == id && link.stream.is_some())?;
        Some(index)
    }
}

/// A hub with a service for each place.
fn mount_all(places: &mut [Place], limits: &Limits) -> Hub {
    let mut hub = Hub::new(*limits, FilePolicy::Served, Time::ZERO);
    for (index, place) in places.iter_mut().enumerate() {
        let id = hub.mount(&format!("/{index}"), options_of(index, place));
        let id = id.expect("the paths differ");
        place.set_id(&hub, id);
    }
    hub
}

/// What the service of a place is mounted with; one of them has a page.
fn options_of(index: usize, place: &Place) -> ServiceOptions {
    let page = (index == 1).then(|| Page::html(vec![b'p'; 3_000]));
    ServiceOptions { page, ..place.options() }
}

/// How many messages a socket may send in a time, most often as many as it likes.
fn choose_rate(chooser: &mut Chooser) -> Option<Rate> {
    let rate = |per_s, burst| Some(Rate { per_s, burst });
    chooser.pick(&[None, None, None, rate(20, 3), rate(1_000, 30), rate(2, 1)])
}

/// How often an address may connect, most often as it likes.
fn choose_connection_rate(chooser: &mut Chooser) -> Option<Rate> {
    let rate = |per_s, burst| Some(Rate { per_s, burst });
    chooser.pick(&[None, None, None, None, None, None, rate(5, 20), rate(30, 10)])
}

fn choose_policy(chooser: &mut Chooser) -> RatePolicy {
    chooser.pick(&[RatePolicy::Wait, RatePolicy::Wait, RatePolicy::Close])
}

/// Small bounds, so that all of them are met.
fn choose_limits(chooser: &mut Chooser) -> Limits {
    let message_bytes_max = chooser.pick(&[1_000, 130, 500, 130, 1_000, 3_000, 70_000]);
    let outbox_bytes_max = message_bytes_max.max(chooser.pick(&[6_000, 2_500, 20_000]));
    let limits = Limits {
        message_bytes_max,
        fragments_max: 3,
        head_bytes_max: 1_024,
        request_line_bytes_max: 200,
        handshake_ms_max: 1_000,
        admission_ms_max: chooser.pick(&[800, 5_000]),
        ping_interval_ms: chooser.pick(&[2_000, 40_000]),
        pong_ms_max: 1_500,
        idle_ms_max: chooser.pick(&[Limits::OFF_MS, 5_000]),
        write_ms_max: chooser.pick(&[2_500, 900]),
        close_ms_max: chooser.pick(&[600, 3_000]),
        outbox_high_bytes: 1_000,
        outbox_low_bytes: 300,
        outbox_bytes_max,
        mail_messages_max: chooser.pick(&[40, 4, 4_096]),
        mail_bytes_max: chooser.pick(&[20_000, 3_000, 1_000_000]),
        batch_bytes_max: chooser.pick(&[4_000, 300]),
        batches_max: chooser.pick(&[4, 1]),
        sockets_max: chooser.pick(&[40, 8, 20]),
        sockets_per_ip_max: chooser.pick(&[Limits::OFF_COUNT, 3, 6]),
        connection_rate: choose_connection_rate(chooser),
        topics_max: chooser.pick(&[100, 5]),
        topics_per_socket_max: chooser.pick(&[8, 2]),
        read_buffer_bytes: chooser.pick(&[2_048, 512]),
        turn_reads_max: chooser.pick(&[1, 3]),
        turn_write_bytes_max: chooser.pick(&[1 << 20, 50]),
        turn_accepts_max: chooser.pick(&[4, 1]),
        turn_batches_max: chooser.pick(&[16, 1]),
        turn_deliveries_max: chooser.pick(&[1_000, 4]),
        turn_work_max: chooser.pick(&[8_000_000, 120_000]),
        drain_ms_max: chooser.pick(&[4_000, 300]),
        drain_spread_ms: 500,
        message_rate: choose_rate(chooser),
        rate_policy: choose_policy(chooser),
        ..Limits::SERVER
    };
    limits.check().expect("they fit each other");
    limits
}
