//! Services with several workers, each of which is a place of its own: which one a socket gets, and
//! what they have in common. The other checks see that a worker gets the events of its own sockets
//! only, that audiences and topics are those of the whole service, and that an end takes no sockets
//! of other workers along.

use std::collections::BTreeMap;

use switchboard::hub::Hub;
#[cfg(feature = "workers")]
use switchboard::{
    ServiceOptions, WorkerKey, Workers, engine::Engine, hub::FilePolicy, time::Time,
};

use super::World;
use super::peer::Goal;
#[cfg(feature = "workers")]
use super::{Simulation, options_of, place::Place, profile::PROFILES};

/// The place of each key, by the first place of the service, once a socket has come with it.
#[derive(Debug, Default)]
pub struct Crews(BTreeMap<(usize, u8), usize>);

#[cfg(feature = "workers")]
impl Simulation {
    /// The same, where the services but the first have several workers, all on threads. Each worker
    /// is like another service, so that some stall or end while others go on.
    pub fn with_workers(mut self) -> Self {
        let Self { engine, world, .. } = &mut self;
        for first in 1..world.places.len() {
            world.places[first].has_crew = true;
            for _ in 0..1 + world.chooser.below(3) {
                let profile = PROFILES[1 + world.chooser.below(PROFILES.len() - 1)];
                let mut place = Place::new(first, profile, world.places[first].limits);
                place.has_crew = true;
                world.places.push(place);
            }
        }
        world.crews = Some(Crews::default());
        let mut hub = Hub::new(world.limits, FilePolicy::Served, Time::ZERO);
        hub.hash_keys_with([7; 16]);
        for first in 0..world.places.len() {
            if world.places[first].first == first {
                world.mount_crew(&mut hub, first);
            }
        }
        *engine = Engine::new(hub, &world.limits);
        self
    }

    /// The same, where other threads send to these services.
    #[cfg(feature = "senders")]
    pub fn with_workers_and_senders(self) -> Self {
        self.with_workers().with_senders()
    }
}

#[cfg(feature = "workers")]
impl World {
    fn mount_crew(&mut self, hub: &mut Hub, first: usize) {
        let places = || (0..self.places.len()).filter(|&place| self.places[place].first == first);
        let places: Vec<_> = places().collect();
        // Every other service has a key.
        let key = if first % 2 == 1 { WorkerKey::Query("key".into()) } else { WorkerKey::Socket };
        let workers = Workers::new(places.len()).by(key);
        let options = ServiceOptions { workers, ..options_of(first, &self.places[first]) };
        let id = hub.mount(&format!("/{first}"), options).expect("the paths differ");
        for (place, worker) in places.into_iter().zip(hub.workers_of(id)) {
            (self.places[place].id, self.places[place].worker_id) = (Some(id), Some(*worker));
        }
    }
}

impl World {
    /// Whether a socket with this goal is one of the service that this place works for.
    pub(super) fn is_of(&self, place: usize, goal: Goal) -> bool {
        self.is_same(goal, Goal::Service(place))
    }

    /// Whether two sockets are of one service.
    pub(super) fn is_same(&self, one: Goal, other: Goal) -> bool {
        match (one, other) {
            (Goal::Service(one), Goal::Service(other)) => {
                self.places[one].first == self.places[other].first
            }
            _ => one == other,
        }
    }

    /// Whether any worker of a service runs.
    #[cfg(feature = "senders")]
    pub(super) fn runs(&self, first: usize) -> bool {
        self.places.iter().any(|place| place.first == first && place.worker.is_some())
    }

    /// The sockets of one worker are in no topic any more.
    pub(super) fn part_from_topics(&mut self, place: usize) {
        let (first, links) = (self.places[place].first, &self.links);
        self.places[first].topics.retain(|_, members| {
            members.retain(|index| links[*index].peer.goal != Goal::Service(place));
            !members.is_empty()
        });
    }

    /// A socket has been read, with which it may have got its worker. It keeps that, and others
    /// with its key get the same.
    pub(super) fn note_worker(&mut self, hub: &Hub, index: usize) {
        let Some(record) = &self.links[index].record else { return };
        let Goal::Service(before) = self.links[index].peer.goal else { return };
        if !self.places[before].has_crew {
            return;
        }
        let Some(worker) = hub.worker_of(record.id) else { return };
        let place = self.place_of(worker);
        let first = self.places[place].first;
        assert_eq!(first, self.places[before].first, "peer {index} has a worker of its service");
        let had = self.links[index].worker.replace(place);
        assert!(had.is_none_or(|had| had == place), "peer {index} gets another worker");
        self.links[index].peer.goal = Goal::Service(place);
        let key = self.links[index].peer.key.filter(|_| first % 2 == 1);
        if let (Some(key), Some(Crews(places))) = (key, &mut self.crews) {
            let of_key = *places.entry((first, key)).or_insert(place);
            assert_eq!(of_key, place, "peer {index}: all sockets of a key have one worker");
        }
    }
}
