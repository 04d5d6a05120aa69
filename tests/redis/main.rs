//! What services of several hosts share over a real Redis, which is killed, paused and cut off:
//! each socket of the same host gets all, and one of another host a sequence whose holes are gaps
//! that its service has heard of.
#![cfg(feature = "redis")]

mod access;
mod binary;
#[cfg(feature = "chatroom")]
mod chat;
#[cfg(feature = "chatroom")]
#[path = "../chatroom/client.rs"]
mod client;
mod judge;
mod losses;
mod partition;
mod proxy;
mod stops;
#[path = "../support/mod.rs"]
mod support;
mod topics;

use std::sync::mpsc::{self, Receiver};
use std::thread;

use switchboard::backplane::{RedisBackplane, RedisOptions};
use switchboard::{
    Audience, BackplaneMetrics, Context, Handler, HostReadiness, Message, MetricsHandle, Peer,
    Server, Share, SocketId, handler,
};

use judge::Record;
use support::redis::Redis;
use support::{DEADLINE, LIMITS, Raw, Running, until};

/// A host whose services share over Redis.
struct RedisHost {
    // It ends first: its threads then find nobody.
    running: Running,
    backplane: RedisBackplane,
    metrics: MetricsHandle,
}

/// Sends texts to topics, and tells the sockets that have joined one of gaps.
#[derive(Default)]
struct Topics(Vec<SocketId>);

impl Handler for Topics {
    /// `join TOPIC`, `leave TOPIC`, `@TOPIC TEXT`, or `*TEXT` for all. The answer is `done`.
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let text = message.as_text().expect("it is text").to_owned();
        if let Some(topic) = text.strip_prefix("join ") {
            peer.subscribe(topic);
            self.0.push(peer.id());
        } else if let Some(topic) = text.strip_prefix("leave ") {
            peer.unsubscribe(topic);
        } else if let Some(text) = text.strip_prefix('*') {
            peer.send_to(Audience::all(), text);
        } else {
            let (topic, text) = text[1..].split_once(' ').expect("it has a topic");
            peer.send_to(Audience::topic(topic), text);
        }
        peer.send("done");
    }

    fn gap(&mut self, context: &mut Context, topic: Option<&str>) {
        assert_eq!(topic, None);
        // A topic would be that of all hosts.
        self.0.iter().for_each(|id| context.send(*id, "gap"));
    }
}

/// The defaults, for a URL.
fn options(url: &str) -> RedisOptions {
    RedisOptions::new(url).expect("it is a URL")
}

impl RedisHost {
    fn start(redis: &Redis) -> Self {
        Self::start_with(options(&redis.url()))
    }

    fn start_with(options: RedisOptions) -> Self {
        let mut server = Server::new(LIMITS);
        server.mount("/topics", || handler(Topics::default())).share(Share::Topics);
        server.mount("/all", || handler(Topics::default())).share(Share::All);
        server.mount("/none", || handler(Topics::default()));
        let host = server.bind("127.0.0.1:0").expect("a port is free");
        let backplane = RedisBackplane::start(options, &host).expect("there are threads");
        let metrics = host.metrics_handle();
        Self { running: Running::run(host), backplane, metrics }
    }

    /// What was counted.
    fn counts(&self) -> BackplaneMetrics {
        let metrics = self.metrics.metrics(DEADLINE).expect("it runs");
        metrics.backplane.expect("it has one")
    }

    fn readiness(&self) -> HostReadiness {
        self.metrics.readiness(DEADLINE).expect("it runs")
    }

    fn until_up(&self) {
        until("it is up", || self.counts().is_up);
    }

    fn until_down(&self) {
        until("it is down", || !self.counts().is_up);
    }

    /// A socket that has joined.
    fn join(&self, path: &str, topics: &[&str]) -> Raw {
        let mut raw = self.running.open(path);
        for topic in topics {
            ask(&mut raw, &format!("join {topic}"));
        }
        raw
    }

    /// A socket that has joined `news`, and all that it gets.
    fn listen(&self) -> Record {
        Record::of(read_all(self.join("/topics", &["news"])))
    }
}

/// All texts that a socket gets.
fn read_all(mut raw: Raw) -> Receiver<String> {
    let (texts, read) = mpsc::channel();
    thread::spawn(move || {
        while let Some(frame) = raw.next_frame()
            && frame.first == 0x81
            && texts.send(String::from_utf8(frame.payload).expect("it is text")).is_ok()
        {}
    });
    read
}

/// Sends a text whose answer is `done`.
fn ask(raw: &mut Raw, text: &str) {
    raw.send_text(text);
    assert_eq!(raw.read_text(), "done");
}

/// A socket that sends numbers to `news`, and two that listen: one at the same host and one at the
/// other.
struct Course {
    sender: Raw,
    next: u64,
    near: Record,
    far: Record,
}

impl Course {
    /// Begins, once what is sent here comes there.
    fn begin(from: &RedisHost, to: &RedisHost) -> Self {
        let (near, far) = (from.listen(), to.listen());
        let mut course = Self { sender: from.running.open("/topics"), next: 0, near, far };
        course.meet();
        course
    }

    fn send(&mut self) {
        self.send_with("");
    }

    fn send_with(&mut self, rest: &str) {
        ask(&mut self.sender, &format!("@news {}{rest}", self.next));
        self.next += 1;
    }

    fn send_many(&mut self, len: usize) {
        (0..len).for_each(|_| self.send());
    }

    /// Sends until one of these numbers has come at the other host, where all that is missing by
    /// then has a gap.
    fn meet(&mut self) {
        let first = self.next;
        until("it comes at the other host", || {
            self.send();
            self.far.last() >= Some(first)
        });
        until("what is missing has a gap", || self.far.missing().is_some());
    }

    /// Judges what has come: near all, and far a sequence whose holes have gaps. Returns how many
    /// are missing.
    fn judge(mut self) -> u64 {
        self.meet();
        let len = self.next;
        until("the last has come", || self.near.last() == Some(len - 1));
        self.near.judge_all(len);
        self.far.missing().expect("each has a gap")
    }
}
