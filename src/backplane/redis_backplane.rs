//! `RedisBackplane`: starts and ends both threads, and passes them what the loop publishes.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::backplane::options::RedisOptions;
use crate::backplane::outgoing::Publication;
use crate::backplane::redis_shared::RedisShared;
use crate::backplane::wire::Published;
use crate::backplane::{channel, publisher, subscriber};
use crate::engine::{HostEvent, LoopTask};
use crate::host::Host;
use crate::host::thread::spawn;
use crate::hub::Backplane;
use crate::pages::BackplaneWatch;
use crate::ws::Message;

/// What services share with other hosts, over Redis: messages of services with
/// [`ServiceOptions::share`](crate::ServiceOptions::share).
///
/// Sockets of this host get them as without it, and nothing waits for Redis. Other hosts get each
/// message at most once. Where some may be missing, services get
/// [`Inbound::Gap`](crate::Inbound::Gap).
pub struct RedisBackplane {
    shared: Arc<RedisShared>,
    /// Each thread drops its end when it ends.
    ended: Receiver<()>,
}

impl RedisBackplane {
    /// Connects a host, to be called before it runs. Nothing waits for the connections. It replaces
    /// a backplane that the host had before.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(options: RedisOptions, host: &Host) -> io::Result<Self> {
        let notices = host.notice_sender();
        let shared = Arc::new(RedisShared::new(options, notices.clone()));
        let (sender, ended) = bounded(0);
        start_thread("to Redis", publisher::run, &shared, &sender)?;
        start_thread("from Redis", subscriber::run, &shared, &sender)?;
        let (hub_side, watched) = (HubSide(shared.clone()), shared.clone());
        let watch = BackplaneWatch::new(move || watched.metrics());
        // It comes before any socket.
        notices.send_event(HostEvent::Task(LoopTask(Box::new(move |hub, _, _| {
            hub.share_by(Box::new(hub_side));
            hub.watch_backplane(watch);
        }))));
        Ok(Self { shared, ended })
    }

    /// Sends what waits, and ends both threads. Returns whether they have ended within this time.
    #[must_use]
    pub fn close(self, within: Duration) -> bool {
        self.shared.outgoing.end();
        self.ended.recv_timeout(within) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Drop for RedisBackplane {
    fn drop(&mut self) {
        self.shared.outgoing.end();
    }
}

impl fmt::Debug for RedisBackplane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackplane")
            .field("url", &self.shared.options.url)
            .finish_non_exhaustive()
    }
}

fn start_thread(
    name: &str,
    run: fn(&RedisShared),
    shared: &Arc<RedisShared>,
    ended: &Sender<()>,
) -> io::Result<()> {
    let (own, ended) = (shared.clone(), ended.clone());
    let started = spawn(name.to_owned(), move || {
        run(&own);
        drop(ended);
    });
    if started.is_err() {
        shared.outgoing.end();
    }
    started.map(drop)
}

/// What the hub has of it: takes what services share to the publisher.
struct HubSide(Arc<RedisShared>);

impl Backplane for HubSide {
    fn subscribe(&mut self, service: &str, topic: &str) {
        let shared = &self.0;
        if shared.topics.begin(channel::of_topic(&shared.options.prefix, service, topic)) {
            shared.outgoing.wake();
        }
    }

    fn unsubscribe(&mut self, service: &str, topic: &str) {
        let shared = &self.0;
        let channel = channel::of_topic(&shared.options.prefix, service, topic);
        if shared.topics.end(channel, Instant::now()) {
            shared.outgoing.wake();
        }
    }

    fn publish(&mut self, service: &str, topic: Option<&str>, message: &Message) {
        let shared = &self.0;
        let (prefix, message) = (&shared.options.prefix, message.clone());
        let publication = match topic {
            Some(topic) => Publication {
                channel: channel::of_topic(prefix, service, topic),
                what: Published::ToTopic(message),
            },
            None => Publication {
                channel: channel::of_all(prefix),
                what: Published::ToAll(service.to_owned(), message),
            },
        };
        shared.counts.drop_waiting(shared.outgoing.push(publication));
    }
}

impl Drop for HubSide {
    fn drop(&mut self) {
        self.0.outgoing.end();
    }
}

impl fmt::Debug for HubSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSide").finish_non_exhaustive()
    }
}
