//! Updates of counts: how many there are at most, and that the last ones are right.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Client, create, join, name, new_room, query};
use crate::server::Chat;
use crate::support::on_each_thread;

/// Ticks come every 100 ms. A tick before which counts had to wait sends one for each of two rooms,
/// and each other tick allows four more to be sent at once.
#[test]
fn a_peer_that_changes_rooms_without_pause_makes_few_updates() {
    on_each_thread(|thread| {
        let chat = Chat::start_on(thread);
        let mut mover = chat.in_room("Mover", "here");
        let mut listeners: Vec<_> = (0..LISTENERS_LEN).map(|_| chat.connect()).collect();
        let mut last = chat.named("Olaf");
        mover.send(create("there"));
        mover.expect(&[new_room("there")]);
        let start = Instant::now();
        let mut sent = 0;
        for room in ["there", "here"].into_iter().cycle().take(CHANGES_LEN) {
            let change = join(room);
            sent += change.len();
            mover.send(change);
        }
        let mut moved = 0;
        while moved < CHANGES_LEN {
            moved += usize::from(mover.receive()["type"] == "join");
        }
        last.send(create("the end"));
        while last.receive() != new_room("the end") {}
        let ticks = 2 + start.elapsed().as_millis() / TICK.as_millis();
        let updates_max = 32 + 4 * usize::try_from(ticks).expect("a few");
        for listener in &mut listeners {
            let (mut updates, mut received) = (0, 0);
            let mut counts = Counts::new();
            loop {
                let event = listener.receive();
                follow(&mut counts, &event);
                if event == new_room("the end") {
                    break;
                }
                updates += usize::from(event["event"]["type"] == "update");
                received += event.to_string().len();
            }
            assert!(updates <= updates_max, "{updates} updates, {updates_max} allowed");
            println!("{updates} updates: {received} bytes of {sent} sent, {ticks} ticks");
            // The last count of each room comes, though no client does anything.
            while (counts["here"], counts["there"]) != (1, 0) {
                follow(&mut counts, &listener.receive());
            }
        }
    });
}

#[test]
fn every_view_of_the_counts_is_right_in_the_end() {
    on_each_thread(|thread| {
        for seed in 1..=6 {
            println!("seed {seed}");
            let mut crowd = Crowd::new(Chat::start_on(thread), seed);
            for _ in 0..40 {
                crowd.act();
            }
            crowd.check();
        }
    });
}

/// Clients that come, change rooms and go, and what each has been sent of the counts.
struct Crowd {
    random: u64,
    /// Each with the room that it is in, and the counts that it has been sent.
    clients: Vec<(Client, Option<usize>, Counts)>,
    /// The last field, so that the server stops last.
    chat: Chat,
}

/// How many are in each room.
type Counts = BTreeMap<String, u64>;

impl Crowd {
    fn new(chat: Chat, seed: u64) -> Self {
        chat.make_rooms(&(0..ROOMS_LEN).map(|room| room.to_string()).collect::<Vec<_>>());
        let mut crowd = Self { random: seed, clients: Vec::new(), chat };
        (0..4).for_each(|_| crowd.come());
        crowd
    }

    fn act(&mut self) {
        let client = self.draw(self.clients.len());
        match self.draw(8) {
            0 if self.clients.len() < 8 => self.come(),
            1 if self.clients.len() > 2 => {
                let way = ["closes", "drops", "resets", "shuts down"][self.draw(4)];
                self.clients.swap_remove(client).0.leave(way);
            }
            // Some changes, for none of whose answers it waits.
            _ => {
                for _ in 0..=self.draw(20) {
                    let room = self.draw(ROOMS_LEN);
                    let (client, place, _) = &mut self.clients[client];
                    client.send(join(&room.to_string()));
                    *place = Some(room);
                }
            }
        }
    }

    fn come(&mut self) {
        let mut client = self.chat.connect();
        client.expect(&[query()]);
        let mut counts = Counts::new();
        follow(&mut counts, &client.receive());
        client.send(name("Ida"));
        self.clients.push((client, None, counts));
    }

    /// Who leaves may be missed late, so everybody first waits for all counts to be right. Then
    /// nothing is left that could change them.
    fn check(&mut self) {
        for (client, _, counts) in &mut self.clients {
            client.send(join(NOWHERE));
            loop {
                let event = client.receive();
                follow(counts, &event);
                if event["type"] == "notice" {
                    break;
                }
            }
        }
        let mut truth: Counts = (0..ROOMS_LEN).map(|room| (room.to_string(), 0)).collect();
        for place in self.clients.iter().filter_map(|(_, place, _)| *place) {
            *truth.get_mut(&place.to_string()).expect("it was made") += 1;
        }
        for (client, _, counts) in &mut self.clients {
            while *counts != truth {
                follow(counts, &client.receive());
            }
        }
        // Counts have the order of the changes, so that none is left behind this one.
        let _last = self.chat.in_room("Olaf", "the end");
        truth.insert("the end".to_owned(), 1);
        for (client, _, counts) in &mut self.clients {
            while counts.get("the end") != Some(&1) {
                follow(counts, &client.receive());
            }
            assert_eq!(*counts, truth);
        }
        let mut late = self.chat.connect();
        late.expect(&[query()]);
        let mut listed = Counts::new();
        follow(&mut listed, &late.receive());
        assert_eq!(listed, truth);
    }

    /// A number below `len`: the generator `SplitMix64`.
    fn draw(&mut self, len: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % len as u64).expect("it is below a length")
    }
}

/// Does what the page of the original does with the counts.
fn follow(counts: &mut Counts, message: &Value) {
    let event = &message["event"];
    let pair = |pair: &Value| {
        let room = pair[0].as_str().expect("a room has a name").to_owned();
        (room, pair[1].as_u64().expect("a count is a number"))
    };
    match event["type"].as_str() {
        Some("listing") => {
            *counts = event["chatrooms"].as_array().expect("a list").iter().map(pair).collect();
        }
        Some("newchatroom") => {
            let name = event["name"].as_str().expect("a room has a name");
            assert_eq!(counts.insert(name.to_owned(), 0), None, "it is announced once");
        }
        Some("update") => {
            let (room, count) = pair(&event["data"]);
            assert!(counts.insert(room, count).is_some(), "its room has been announced before");
        }
        _ => {}
    }
}

const TICK: Duration = Duration::from_millis(100);
const LISTENERS_LEN: usize = 20;
const CHANGES_LEN: usize = 10_000;
const ROOMS_LEN: usize = 12;
const NOWHERE: &str = "no such room";
