//! The law of answers from a database: each socket gets them in the order of its questions, however
//! its bytes are cut and the ways of its questions are mixed. Histories come from seeds.

#![cfg(feature = "database")]

mod support;

use std::hint::spin_loop;
use std::sync::{Arc, Mutex};

use switchboard::database::{ConnectionPlan, Step};
use switchboard::{
    Connector, Database, DatabaseError, DatabaseOptions, Handler, JobResult, Message, Peer, Thread,
    handler,
};

use support::raw::{TEXT, close, frame};
use support::{DEADLINE, LIMITS, Raw, Running, on_each_thread, server_on};

/// A seed, and what was drawn from it (SplitMix64).
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).expect("it is below")
    }
}

/// The questions that were answered, in the order in which the database has done that.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Vec<String>>>);

impl Connector for Store {
    type Connection = Self;

    fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<Self> {
        Ok(self.clone())
    }

    fn transact(&self, _: &mut Self, _: Step) -> JobResult<()> {
        Ok(())
    }

    fn check(&self, _: &mut Self) -> JobResult<()> {
        Ok(())
    }
}

impl Store {
    /// Answers a question. The text has how long that takes, so that short jobs overtake long ones.
    fn ask(&self, question: &str) -> String {
        let spins = question.rsplit('/').next().and_then(|spins| spins.parse().ok());
        (0..spins.unwrap_or(0)).for_each(|_| spin_loop());
        self.0.lock().expect("nothing panics").push(question.to_owned());
        question.to_owned()
    }
}

/// How a question is answered: it begins with this character.
const WAYS: [char; 5] = ['!', '?', 'r', 'w', '2'];

struct Asks(Database<Store>);

impl Asks {
    fn read(&self, peer: &mut Peer, text: String) {
        peer.later(self.0.reading(move |store| Ok(store.ask(&text))), send);
    }
}

fn send(_: &mut Asks, peer: &mut Peer, answer: Result<String, DatabaseError>) {
    peer.send(answer.unwrap_or_else(|error| format!("{error:?}")));
}

impl Handler for Asks {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let text = message.as_text().unwrap_or_default().to_owned();
        match text.chars().next() {
            Some('?') => {
                let answer = self.0.read(move |store| Ok(store.ask(&text)));
                send(self, peer, answer);
            }
            Some('r') => self.read(peer, text),
            Some('w') => peer.later(self.0.writing(move |store| Ok(store.ask(&text))), send),
            Some('2') => {
                self.read(peer, text.clone());
                self.read(peer, text);
            }
            _ => peer.send(text),
        }
    }
}

/// What a socket asks.
struct Asker {
    raw: Raw,
    questions: Vec<String>,
    /// What is not sent yet.
    bytes: Vec<u8>,
}

impl Asker {
    fn new(number: usize, raw: Raw, draws: &mut Draws) -> Self {
        let questions: Vec<_> = (0..1 + draws.below(60))
            .map(|at| {
                let way = WAYS[draws.below(WAYS.len())];
                format!("{way}{number}/{at}/{}", [0, 100, 4_000][draws.below(3)])
            })
            .collect();
        let frames = questions.iter().flat_map(|text| frame(TEXT, text.as_bytes()));
        let bytes = frames.chain(close(1000, "")).collect();
        Self { raw, questions, bytes }
    }

    /// Sends the next bytes, cut anywhere.
    fn send_piece(&mut self, draws: &mut Draws) {
        let len_max = [3, 40, 2_000][draws.below(3)];
        let len = (1 + draws.below(len_max)).min(self.bytes.len());
        self.raw.send(&self.bytes.drain(..len).collect::<Vec<_>>());
    }

    /// What it has to get, in this order.
    fn answers(&self, thread: Thread) -> impl Iterator<Item = &str> {
        self.questions.iter().flat_map(move |question| match question.chars().next() {
            Some('2') => vec![question.as_str(); 2],
            Some('?') if thread == Thread::Loop => vec!["OnLoop"],
            _ => vec![question.as_str()],
        })
    }

    /// What the database has to do for it, in this order.
    fn jobs(&self, thread: Thread) -> Vec<&str> {
        let is_job = |text: &&str| !text.starts_with('!') && *text != "OnLoop";
        self.answers(thread).filter(is_job).collect()
    }
}

/// A history: sockets ask in turns that the seed draws, and each reads its answers at the end.
fn play(thread: Thread, seed: u64) {
    let mut draws = Draws(seed);
    let store = Store::default();
    let connections = 1 + draws.below(4);
    let options = DatabaseOptions { connections, wait: DEADLINE, ..DatabaseOptions::new() };
    let db = Database::open("law", store.clone(), options).expect("there are threads");
    let mut server = server_on(thread, LIMITS);
    let of_service = db.clone();
    server.mount("/ask", move || handler(Asks(of_service.clone())));
    let server = Running::start(server);
    let len = 1 + draws.below(12);
    let mut askers: Vec<_> =
        (0..len).map(|number| Asker::new(number, server.open("/ask"), &mut draws)).collect();
    loop {
        let mut left: Vec<_> = askers.iter_mut().filter(|asker| !asker.bytes.is_empty()).collect();
        if left.is_empty() {
            break;
        }
        let next = draws.below(left.len());
        left[next].send_piece(&mut draws);
    }
    for (number, asker) in askers.iter_mut().enumerate() {
        let answers: Vec<_> = asker.answers(thread).map(str::to_owned).collect();
        for answer in answers {
            assert_eq!(asker.raw.read_text(), answer, "socket {number}, seed {seed}, {thread:?}");
        }
        assert_eq!(asker.raw.read_close().0, 1000, "socket {number}, seed {seed}, {thread:?}");
    }
    let done = store.0.lock().expect("nothing panics");
    for (number, asker) in askers.iter().enumerate() {
        let is_own = |text: &&str| text[1..].split('/').next() == Some(&number.to_string());
        let own: Vec<_> = done.iter().map(String::as_str).filter(is_own).collect();
        assert_eq!(own, asker.jobs(thread), "socket {number}, seed {seed}, {thread:?}");
    }
    drop(done);
    server.stop();
    assert!(db.close(DEADLINE));
}

#[test]
fn answers_come_in_the_order_of_questions_however_they_are_asked() {
    on_each_thread(|thread| (0..30).for_each(|seed| play(thread, seed)));
}
