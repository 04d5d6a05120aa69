//! Redis goes, comes again, stalls, and cuts hosts off: local sockets get all, and others a
//! sequence whose holes are gaps.

use switchboard::NotReady;

use super::proxy::Proxy;
use super::support::until;
use super::{Course, Redis, RedisHost, ask, options};

#[test]
fn redis_is_killed_and_started_again() {
    let mut redis = Redis::start();
    let required = options(&redis.url()).required();
    let (a, b) = (RedisHost::start(&redis), RedisHost::start_with(required));
    let mut course = Course::begin(&a, &b);
    for _ in 0..3 {
        course.send_many(100);
        redis.kill();
        course.send_many(100);
        [&a, &b].iter().for_each(|host| host.until_down());
        assert!(b.readiness().reasons().eq([&NotReady::BackplaneDown]), "{}", b.readiness());
        assert!(a.readiness().is_ready(), "it does not require it");
        course.send_many(100);
        redis.run();
        [&a, &b].iter().for_each(|host| host.until_up());
        assert!(b.readiness().is_ready());
        course.meet();
        course.send_many(100);
    }
    assert!(course.far.gaps() >= 3);
    course.judge();
}

/// The publisher learns of the loss by a sign of life, which costs no message.
#[test]
fn what_is_sent_after_the_loss_is_known_waits() {
    let mut redis = Redis::start();
    let [a, b] = [(); 2].map(|()| RedisHost::start(&redis));
    let mut course = Course::begin(&a, &b);
    // By chance, it may learn of one loss otherwise.
    for _ in 0..6 {
        redis.kill();
        a.until_down();
        let before = a.counts();
        course.send_many(5);
        redis.run();
        [&a, &b].iter().for_each(|host| host.until_up());
        let after = a.counts();
        assert_eq!(after.dropped_out, before.dropped_out, "{after:?}");
        until("they are published", || a.counts().published >= before.published + 5);
        course.meet();
    }
    course.judge();
}

/// They may connect again later than this one. A machine that is busier than that shows another
/// order.
#[test]
fn what_has_waited_waits_for_other_hosts() {
    until("a sign of life comes first", || {
        let (mut old, new) = (Redis::start(), Redis::start());
        let proxy = Proxy::start(&old);
        let a = RedisHost::start_with(options(&proxy.url()));
        a.until_up();
        old.kill();
        a.until_down();
        ask(&mut a.running.open("/topics"), "@news 1");
        let client = redis::Client::open(new.url()).expect("it is a URL");
        let mut connection = client.get_connection().expect("it runs");
        let mut observer = connection.as_pubsub();
        observer.psubscribe("*").expect("it takes that");
        proxy.point_at(&new);
        let mut next = || {
            let message = observer.get_message().expect("it runs");
            message.get_channel_name().to_owned()
        };
        if !next().starts_with("switchboard:n:") {
            return false;
        }
        until("what has waited comes", || next().contains(":t:"));
        true
    });
}

/// What is sent before the first connection waits, and sockets hear that they have missed some.
#[test]
fn hosts_start_before_redis() {
    let mut redis = Redis::start();
    redis.kill();
    let [a, b] = [(); 2].map(|()| RedisHost::start(&redis));
    let (near, far) = (a.listen(), b.listen());
    let mut course = Course { sender: a.running.open("/topics"), next: 0, near, far };
    course.send_many(100);
    redis.run();
    course.meet();
    assert!(course.far.gaps() >= 1);
    course.judge();
}

#[test]
fn what_does_not_fit_the_queue_is_dropped_and_said() {
    let mut redis = Redis::start();
    let short = options(&redis.url()).queue_bytes_max(20_000);
    let (a, b) = (RedisHost::start_with(short), RedisHost::start(&redis));
    let mut course = Course::begin(&a, &b);
    redis.kill();
    [&a, &b].iter().for_each(|host| host.until_down());
    let rest = format!(" {}", "x".repeat(1_000));
    for _ in 0..100 {
        course.send_with(&rest);
    }
    let counts = a.counts();
    assert!(counts.dropped_out >= 80, "{counts:?}");
    assert!(counts.queue_bytes <= 20_000, "{counts:?}");
    redis.run();
    [&a, &b].iter().for_each(|host| host.until_up());
    assert!(course.judge() >= 80);
}

#[test]
fn subscribers_are_killed() {
    let redis = Redis::start();
    let [a, b] = [(); 2].map(|()| RedisHost::start(&redis));
    let mut course = Course::begin(&a, &b);
    for round in 1..=5 {
        course.send_many(50);
        // Neither host has a connection that it could be seen by before.
        assert!(redis.command("CLIENT KILL TYPE pubsub").starts_with(':'));
        course.send_many(50);
        until("both know", || [&a, &b].iter().all(|host| host.counts().gaps >= round));
        course.meet();
    }
    course.judge();
}

/// Redis does not answer for longer than a call may take. Afterwards it goes on.
#[test]
fn redis_stalls() {
    let redis = Redis::start();
    let [a, b] = [(); 2].map(|()| RedisHost::start(&redis));
    let mut course = Course::begin(&a, &b);
    for mode in ["ALL", "WRITE"] {
        assert_eq!(redis.command(&format!("CLIENT PAUSE 6000 {mode}")), "+OK");
        course.send_many(200);
        a.until_down();
        course.send_many(200);
        [&a, &b].iter().for_each(|host| host.until_up());
        course.meet();
    }
    course.judge();
}

/// Redis ends connections of which more waits than they may have.
#[test]
fn what_redis_does_not_keep_is_a_gap() {
    let redis = Redis::start_with(&["--client-output-buffer-limit", "pubsub", "100000", "0", "0"]);
    let [a, b] = [(); 2].map(|()| RedisHost::start(&redis));
    let mut course = Course::begin(&a, &b);
    for round in 1..=3 {
        course.send_many(20);
        course.send_with(&format!(" {}", "x".repeat(200_000)));
        course.send_many(20);
        until("it is cut off", || b.counts().gaps >= round);
        course.meet();
    }
    assert!(course.judge() >= 3);
}

/// A replica takes the place of its master, which is killed, and the address moves there.
#[test]
fn a_replica_is_promoted() {
    let port = Redis::free_port().to_string();
    let mut master = Redis::start_with(&["--port", &port]);
    let replica = Redis::start_with(&["--replicaof", "127.0.0.1", &port]);
    until("it follows its master", || {
        replica.ask("INFO replication", 8).iter().any(|line| line == "master_link_status:up")
    });
    let proxies = [(); 2].map(|()| Proxy::start(&master));
    let [a, b] = proxies.each_ref().map(|of| RedisHost::start_with(options(&of.url())));
    let mut course = Course::begin(&a, &b);
    course.send_many(200);
    master.kill();
    course.send_many(200);
    assert_eq!(replica.command("REPLICAOF NO ONE"), "+OK");
    proxies.iter().for_each(|proxy| proxy.point_at(&replica));
    [&a, &b].iter().for_each(|host| host.until_up());
    course.meet();
    assert!(course.far.gaps() >= 1);
    course.judge();
}

/// The old server goes on, so that what is published there succeeds and reaches nobody.
#[test]
fn hosts_move_to_another_server_one_after_the_other() {
    let [old, new] = [(); 2].map(|()| Redis::start());
    let proxies = [(); 2].map(|()| Proxy::start(&old));
    let [a, b] = proxies.each_ref().map(|of| RedisHost::start_with(options(&of.url())));
    let mut course = Course::begin(&a, &b);
    course.send_many(100);
    let [first, second] = &proxies;
    second.move_to(&new);
    until("the other host has a gap", || b.counts().gaps >= 1);
    new.wait_for_subscribers("switchboard:all", 1);
    course.send_many(100);
    until("it is published", || a.counts().published == course.next);
    let gaps = b.counts().gaps;
    first.move_to(&new);
    until("it has another one", || b.counts().gaps > gaps);
    course.meet();
    assert!(course.judge() >= 100);
}

/// Nothing comes over a connection that stands, and nothing that is written there fails.
#[test]
fn a_connection_that_is_silent_is_dead() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let (a, b) = (RedisHost::start(&redis), RedisHost::start_with(options(&proxy.url())));
    let mut course = Course::begin(&a, &b);
    course.send_many(100);
    proxy.swallow();
    course.send_many(100);
    until("it is known", || b.counts().gaps >= 1);
    course.meet();
    assert!(course.judge() >= 1);
    assert!(a.counts().gaps == 0, "the other host has missed nothing");
}
