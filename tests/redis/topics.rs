//! What is shared, and with whom.

use super::support::{DEADLINE, until};
use super::{Course, Redis, RedisHost, ask, options};

#[test]
fn topics_reach_the_sockets_of_other_hosts() {
    let redis = Redis::start();
    let [a, b, c] = [(); 3].map(|()| RedisHost::start(&redis));
    let mut both = b.join("/topics", &["ab", "x:y"]);
    let mut third = c.join("/topics", &["x:y"]);
    let mut other = b.join("/topics", &["x"]);
    // Of other services.
    let (mut none, mut all) = (b.join("/none", &["x:y"]), b.join("/all", &["x:y"]));
    redis.wait_for_subscribers("switchboard:t:7:/topics:x:y", 2);
    let mut near = a.join("/topics", &["x:y"]);
    let mut sender = a.join("/topics", &[]);
    for text in ["@x:y 1", "*only here", "@x:y 2"] {
        sender.send_text(text);
    }
    // The sender is one of all at its host.
    assert_eq!([(); 4].map(|()| sender.read_text()), ["done", "only here", "done", "done"]);
    assert_eq!([(); 3].map(|()| near.read_text()), ["1", "only here", "2"]);
    assert_eq!([(); 2].map(|()| both.read_text()), ["1", "2"]);
    assert_eq!([(); 2].map(|()| third.read_text()), ["1", "2"]);
    // The way back, and nothing else for the others.
    ask(&mut third, "join z");
    redis.wait_for_subscribers("switchboard:t:7:/topics:z", 1);
    ask(&mut both, "@z 3");
    assert_eq!(third.read_text(), "3");
    for raw in [&mut near, &mut other, &mut none, &mut all] {
        ask(raw, "join nothing");
    }
}

#[test]
fn what_is_for_all_reaches_other_hosts() {
    let redis = Redis::start();
    let [a, b] = [(); 2].map(|()| RedisHost::start(&redis));
    let (mut near, mut far) = (a.join("/all", &[]), b.join("/all", &[]));
    let mut other = b.join("/topics", &[]);
    redis.wait_for_subscribers("switchboard:all", 2);
    for text in ["*1", "*2", "*"] {
        near.send_text(text);
    }
    assert_eq!([(); 3].map(|()| far.read_text()), ["1", "2", ""]);
    assert_eq!([(); 6].map(|()| near.read_text()), ["1", "done", "2", "done", "", "done"]);
    ask(&mut other, "join nothing");
}

#[test]
fn other_prefixes_are_others() {
    let redis = Redis::start();
    let other = options(&redis.url()).prefix("other");
    let (a, b) = (RedisHost::start(&redis), RedisHost::start_with(other));
    let mut far = b.join("/topics", &["news"]);
    redis.wait_for_subscribers("other:t:7:/topics:news", 1);
    let mut near = a.join("/topics", &["news"]);
    redis.wait_for_subscribers("switchboard:t:7:/topics:news", 1);
    near.send_text("@news 1");
    assert_eq!([near.read_text(), near.read_text()], ["1", "done"]);
    until("it is published", || a.counts().published == 1);
    ask(&mut far, "join nothing");
}

/// The subscriber reads the older one.
#[test]
fn a_url_may_name_another_protocol() {
    let redis = Redis::start();
    let newer = options(&format!("{}?protocol=resp3", redis.url()));
    let (a, b) = (RedisHost::start_with(newer.clone()), RedisHost::start_with(newer));
    Course::begin(&a, &b).judge();
}

/// The last socket of a topic has left: its channel is held for a while, and then it ends.
#[test]
fn a_topic_without_sockets_is_not_subscribed() {
    let redis = Redis::start();
    let host = RedisHost::start(&redis);
    let channel = "switchboard:t:7:/topics:news";
    let mut raw = host.join("/topics", &["news"]);
    redis.wait_for_subscribers(channel, 1);
    ask(&mut raw, "leave news");
    redis.wait_for_subscribers(channel, 0);
    ask(&mut raw, "join news");
    redis.wait_for_subscribers(channel, 1);
}

#[test]
fn more_topics_than_a_command_has_are_subscribed_again() {
    let mut redis = Redis::start();
    let [a, b] = [(); 2].map(|()| RedisHost::start(&redis));
    let names: Vec<_> = (0..2_500).map(|number| format!("t{number}")).collect();
    let mut sockets: Vec<_> = names
        .chunks(500)
        .map(|names| b.join("/topics", &names.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect();
    let mut course = Course::begin(&a, &b);
    redis.kill();
    b.until_down();
    redis.run();
    [&a, &b].iter().for_each(|host| host.until_up());
    course.meet();
    for (raw, name) in sockets.iter_mut().zip(["t0", "t999", "t1000", "t1999", "t2499"]) {
        ask(&mut course.sender, &format!("@{name} it"));
        let mut texts = std::iter::repeat_with(|| raw.read_text());
        assert_eq!(texts.find(|text| text != "gap").as_deref(), Some("it"));
    }
    course.judge();
}

#[test]
fn what_waits_is_sent_at_the_end() {
    let redis = Redis::start();
    let [a, b] = [(); 2].map(|()| RedisHost::start(&redis));
    let mut course = Course::begin(&a, &b);
    course.send_many(1_000);
    let RedisHost { running, backplane, .. } = a;
    // No socket is waited for.
    running.stopper().stop_now();
    running.join();
    assert!(backplane.close(DEADLINE), "it ends");
    let last = course.next - 1;
    until("all have come", || course.far.last() == Some(last));
    assert_eq!(course.far.missing(), Some(0));
}
