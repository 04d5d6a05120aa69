//! Worlds of several hosts, whose services share over a broker.

use switchboard::Share;
use switchboard::engine::{Engine, HostEvent};

use super::broker::{Broker, Going};
use super::choice::{Chooser, Seeded};
use super::io::Notice;
use super::profile::Answers;
use super::share::Sharing;
use super::{Simulation, World, mount_all};

/// All hosts of a world but the first, and what is between them.
pub struct Others {
    broker: Broker,
    hosts: Vec<Simulation>,
}

impl Simulation {
    /// The first of two or three hosts.
    pub fn sharing(self) -> Self {
        self.first_of_several(Self::mounted)
    }

    /// The same with some services on the loop.
    pub fn sharing_on_the_loop(self) -> Self {
        self.first_of_several(|host| host.mounted().mixed())
    }

    /// The same where services have several workers, and other threads send to them.
    #[cfg(all(feature = "workers", feature = "senders"))]
    pub fn sharing_with_workers_and_senders(self) -> Self {
        self.first_of_several(Self::with_workers_and_senders)
    }

    fn mounted(mut self) -> Self {
        let Self { engine, world, .. } = &mut self;
        *engine = Engine::new(mount_all(&mut world.places, &world.limits), &world.limits);
        self
    }

    /// The first of two or three hosts, each of which is made by this.
    fn first_of_several(mut self, make: fn(Self) -> Self) -> Self {
        let chooser = &mut self.world.chooser;
        let shares = [(); SERVICES_MAX].map(|()| choose_share(chooser));
        let others_len = 1 + chooser.below(2);
        let seeds: Vec<_> = (0..others_len).map(|_| chooser.below(1 << 30) as u64).collect();
        let broker = Broker::new(1 + others_len);
        let other = |(number, seed)| {
            Self::new(Seeded::new(seed, usize::MAX)).join(1 + number, shares, make)
        };
        let hosts = seeds.into_iter().enumerate().map(other).collect();
        Self { others: Some(Others { broker, hosts }), ..self.join(0, shares, make) }
    }

    /// Makes it one of several hosts. Most of its services share what those of others do.
    fn join(
        mut self,
        number: usize,
        shares: [Share; SERVICES_MAX],
        make: impl Fn(Self) -> Self,
    ) -> Self {
        let World { places, chooser, serial, .. } = &mut self.world;
        // So that the number of a message says which host has sent it.
        *serial = u32::try_from(number).expect("they are few") << 28;
        for (place, share) in places.iter_mut().zip(shares).skip(1) {
            place.share = if chooser.once_in(6) { choose_share(chooser) } else { share };
            if !chooser.once_in(3) {
                place.profile.answers = Answers::Many;
            }
        }
        let mut host = make(self);
        let calls = host.world.sharing.join(number);
        host.engine.hub_mut().share_by(Box::new(calls));
        host
    }

    /// The other hosts do something, and the broker.
    pub(super) fn others_act(&mut self) {
        let Some(Others { broker, hosts }) = &mut self.others else { return };
        hosts.iter_mut().for_each(Self::step);
        let others = hosts.iter_mut().map(|host| &mut host.world);
        pass_on(broker, std::iter::once(&mut self.world).chain(others).collect());
    }

    /// The first host has gone. The others go on for a while, and go one after the other.
    pub(super) fn end_others(&mut self) {
        let Some(Others { mut broker, mut hosts }) = self.others.take() else { return };
        broker.end(0);
        while !hosts.is_empty() {
            for _ in 0..ROUNDS_LEN {
                hosts.iter_mut().for_each(Self::step);
                pass_on(&mut broker, hosts.iter_mut().map(|host| &mut host.world).collect());
            }
            let mut host = hosts.remove(0);
            broker.end(host.world.sharing.host());
            let stops = host.world.chooser.once_in(4);
            host.end(stops);
            self.world.tally.add(&host.world.tally);
        }
    }
}

/// What hosts have sent goes on its way, and something comes to them.
fn pass_on(broker: &mut Broker, mut worlds: Vec<&mut World>) {
    for world in &mut worlds {
        let Sharing { going, .. } = &mut world.sharing;
        let going: Vec<Going> = std::mem::take(going);
        going.into_iter().for_each(|going| broker.send(world.sharing.host(), going));
    }
    let first = &mut worlds[0];
    first.tally.link_cuts += broker.act(&mut first.chooser);
    for world in worlds {
        for coming in broker.deliver(world.sharing.host(), &mut world.chooser) {
            world.inbox.tell(HostEvent::Notice(Notice::Coming(coming)));
        }
    }
}

fn choose_share(chooser: &mut Chooser) -> Share {
    chooser.pick(&[Share::All, Share::Topics, Share::None, Share::All])
}

/// Most services of a world.
const SERVICES_MAX: usize = 5;
/// How long other hosts go on once one has gone.
const ROUNDS_LEN: usize = 100;
