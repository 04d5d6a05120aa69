//! A network between a host and Redis that is cut: two namespaces, and a link that goes down. Root
//! may make them, where there is an `ip`.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;
use std::time::Instant;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::support::until;
use super::{Course, Redis, RedisHost, options};

/// A namespace, and a link to it. Both end with this.
struct Network(String);

impl Network {
    fn make() -> Self {
        let network = Self(format!("sw{}", std::process::id()));
        let name = &network.0;
        ip(&format!("netns add {name}"));
        ip(&format!("link add {name}a type veth peer name {name}b netns {name}"));
        ip(&format!("addr add {NEAR}/30 dev {name}a"));
        ip(&format!("link set {name}a up"));
        ip(&format!("-n {name} addr add {FAR}/30 dev {name}b"));
        ip(&format!("-n {name} link set {name}b up"));
        ip(&format!("-n {name} link set lo up"));
        network
    }

    /// Has a thread in the namespace do something. What it opens stays there.
    fn inside<T: Send + 'static>(&self, what: impl FnOnce() -> T + Send + 'static) -> T {
        let space = File::open(format!("/run/netns/{}", self.0)).expect("it is there");
        let thread = thread::spawn(move || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may");
            what()
        });
        thread.join().expect("it does not panic")
    }

    fn set(&self, state: &str) {
        ip(&format!("link set {}a {state}", self.0));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.0));
    }
}

fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("there is an ip");
    assert!(status.success(), "ip {words}");
}

#[test]
#[ignore = "root may make namespaces"]
fn a_network_that_is_cut_is_noticed() {
    let network = Network::make();
    let port = Redis::free_port();
    let redis = Redis::start_with(&["--port", &port.to_string(), "--protected-mode", "no"]);
    let a = RedisHost::start(&redis);
    let (b, far, mut local) = network.inside(move || {
        let b = RedisHost::start_with(options(&format!("redis://{NEAR}:{port}")));
        let (far, local) = (b.listen(), b.join("/topics", &["local"]));
        (b, far, local)
    });
    [&a, &b].iter().for_each(|host| host.until_up());
    let (near, sender) = (a.listen(), a.running.open("/topics"));
    let mut course = Course { sender, next: 0, near, far };
    course.meet();
    course.send_many(100);
    network.set("down");
    let cut = Instant::now();
    course.send_many(100);
    b.until_down();
    println!("noticed after {} ms", cut.elapsed().as_millis());
    assert!(a.counts().is_up, "it is not cut off");
    for number in 0..100 {
        local.send_text(&format!("@local {number}"));
        assert_eq!([local.read_text(), local.read_text()], [number.to_string(), "done".to_owned()]);
    }
    // Redis forgets the host, which gets nothing of that: it is silence that says it.
    let killed = redis.command(&format!("CLIENT KILL LADDR {NEAR}:{port}"));
    assert!(killed.starts_with(':') && killed != ":0", "{killed}");
    course.send_many(100);
    network.set("up");
    until("it knows that it has missed some", || b.counts().gaps >= 1);
    course.meet();
    assert!(course.judge() >= 100);
    assert_eq!(local.read_text(), "gap");
}

/// Addresses of a network for tests (RFC 2544), which is nobody's.
const NEAR: &str = "198.18.77.1";
const FAR: &str = "198.18.77.2";
