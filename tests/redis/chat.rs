//! The demo chat on two hosts that share over Redis.

use serde_json::{Value, json};

use super::Redis;
use super::client::{
    Client, ask, create, join, joined, logoff, members, new_room, new_user, said, say, update, who,
};
use super::support::binary::Binary;
#[cfg(feature = "sqlite")]
use super::support::folder::folder;
use super::support::several::{command, conf};

/// A host whose chat shares.
fn host(name: &str, redis: &Redis) -> Binary {
    host_with(name, redis, "")
}

fn host_with(name: &str, redis: &Redis, more: &str) -> Binary {
    let more = format!(
        "[backplane]\nurl: {}\nqueue: 100k\n[service /demo_chatroom]\nshare: topics\n{more}",
        redis.url()
    );
    Binary::run(&mut command(&conf(name, 1, &more)))
}

/// Ida in the garden of one host, and Olaf of another one. Both know of each other.
fn meet(one: &Binary, two: &Binary) -> [Client; 2] {
    let mut ida = Client::in_room(one.address(), "Ida", "garden");
    let mut olaf = Client::named(two.address(), "Olaf");
    olaf.wait_for(&update("garden", 1));
    olaf.send(join("garden"));
    olaf.expect(&[update("garden", 2), joined("garden")]);
    ida.expect(&[new_user("Olaf"), update("garden", 2)]);
    [ida, olaf]
}

#[test]
fn two_hosts_are_one_chat() {
    let redis = Redis::start();
    let [one, two] = ["chat-one", "chat-two"].map(|name| host(name, &redis));
    let [mut ida, mut olaf] = meet(&one, &two);
    for round in 0..20 {
        for (number, name) in ["Ida", "Olaf"].iter().enumerate() {
            let text = format!("{round} of {name}");
            [&mut ida, &mut olaf][number].send(say(&text));
            for client in [&mut ida, &mut olaf] {
                client.expect(&[said(name, &text)]);
            }
        }
    }
    ida.send(who());
    ida.expect(&[members("garden", &["Ida", "Olaf"])]);
    olaf.send(who());
    olaf.expect(&[members("garden", &["Olaf", "Ida"])]);
    // What was said has the same ids on both, so a client may go on at the other one.
    let pasts = [&mut ida, &mut olaf].map(|client| {
        client.send(ask("garden", &Value::Null, &json!(50)));
        let past = client.receive_past();
        (past.texts, past.ids, past.more)
    });
    assert_eq!(pasts[0].0.len(), 40);
    assert_eq!(pasts[0], pasts[1]);
    ida.send(create("attic"));
    ida.send(join("attic"));
    ida.expect(&[new_room("attic"), update("garden", 1), update("attic", 1), joined("attic")]);
    let left = [new_room("attic"), logoff("Ida"), update("garden", 1), update("attic", 1)];
    olaf.expect(&left);
    ida.send(say("alone"));
    ida.expect(&[said("Ida", "alone")]);
    ida.leave("drops");
    olaf.expect(&[update("attic", 0)]);
    olaf.expect_silence();
}

/// While Redis is gone, each host has its own people. Afterwards each knows who came and went.
#[test]
fn people_are_known_again_after_a_gap() {
    let mut redis = Redis::start();
    let [one, two] = ["chat-gap-one", "chat-gap-two"].map(|name| host(name, &redis));
    let [ida, mut olaf] = meet(&one, &two);
    redis.kill();
    // More than waits for Redis is said meanwhile.
    let mut mei = Client::named(one.address(), "Mei");
    mei.send(join("garden"));
    mei.wait_for(&joined("garden"));
    let text = "x".repeat(60_000);
    for _ in 0..40 {
        mei.send(say(&text));
        mei.expect(&[said("Mei", &text)]);
    }
    ida.leave("drops");
    mei.expect(&[logoff("Ida"), update("garden", 2)]);
    redis.run();
    // Perhaps some of what waited comes before, but never an end without a beginning.
    let mut names = vec!["Ida".to_owned(), "Olaf".to_owned()];
    while names != ["Olaf", "Mei"] {
        let event = olaf.receive()["event"].take();
        let name = event["name"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str() {
            Some("newuser") => names.push(name),
            Some("logoff") => {
                let place = names.iter().position(|known| *known == name);
                names.remove(place.expect("who goes was there"));
            }
            _ => {}
        }
    }
    olaf.wait_for(&update("garden", 2));
    olaf.send(who());
    assert_eq!(olaf.receive_list(), members("garden", &["Olaf", "Mei"]));
    olaf.send(say("here again"));
    mei.wait_for(&said("Olaf", "here again"));
    mei.send(say("so am I"));
    olaf.wait_for(&said("Mei", "so am I"));
}

#[test]
fn people_of_a_host_that_is_killed_go() {
    let redis = Redis::start();
    let [one, two] = ["chat-dead-one", "chat-dead-two"].map(|name| host(name, &redis));
    let [_ida, mut olaf] = meet(&one, &two);
    one.signal("KILL");
    olaf.expect(&[logoff("Ida"), update("garden", 1)]);
    olaf.send(who());
    olaf.expect(&[members("garden", &["Olaf"])]);
    // It comes back with others.
    let again = host("chat-dead-one", &redis);
    let mut kim = Client::named(again.address(), "Kim");
    kim.wait_for(&update("garden", 1));
    kim.send(join("garden"));
    kim.wait_for(&joined("garden"));
    olaf.expect(&[new_user("Kim"), update("garden", 2)]);
    olaf.expect_silence();
}

/// A host that stops says so.
#[test]
fn people_of_a_host_that_stops_go_at_once() {
    let redis = Redis::start();
    let [one, two] = ["chat-stop-one", "chat-stop-two"].map(|name| host(name, &redis));
    let [mut ida, mut olaf] = meet(&one, &two);
    one.signal("TERM");
    // It answers the close frame.
    ida.rest();
    olaf.expect(&[logoff("Ida"), update("garden", 1)]);
    olaf.expect_silence();
}

/// Both hosts have one table: no id is there twice, what was said is the same on both, and what a
/// host has missed is shown after the gap.
#[cfg(feature = "sqlite")]
#[test]
fn hosts_with_one_database_are_one_chat() {
    let mut redis = Redis::start();
    let file = folder("chat-table").join("chat.db");
    let database =
        format!("[database chat]\nurl: sqlite:{}\nsynchronous: normal\n", file.display());
    let [one, two] =
        ["chat-table-one", "chat-table-two"].map(|name| host_with(name, &redis, &database));
    let [mut ida, mut olaf] = meet(&one, &two);
    for number in 0..100 {
        ida.send(say(&format!("{number} of Ida")));
        olaf.send(say(&format!("{number} of Olaf")));
    }
    // Each host shows all, and those of one sender in their order.
    for client in [&mut ida, &mut olaf] {
        let mut next = [("Ida", 0), ("Olaf", 0)];
        for _ in 0..200 {
            let event = client.receive()["event"].take();
            let name = event["name"].as_str().expect("it is a message");
            let (_, number) = next.iter_mut().find(|(of, _)| *of == name).expect("it is known");
            assert_eq!(event["message"], format!("{number} of {name}"));
            *number += 1;
        }
    }
    let past = |client: &mut Client| {
        client.send(ask("garden", &Value::Null, &json!(200)));
        let past = client.receive_past();
        (past.texts, past.ids)
    };
    let all = past(&mut ida);
    assert_eq!(all.0.len(), 200);
    assert_eq!(past(&mut olaf), all);
    // Nothing comes over Redis, and more is said than waits for it.
    redis.kill();
    let long = "x".repeat(2_000);
    let missed: Vec<_> = (0..60).map(|number| format!("{number} {long}")).collect();
    for text in &missed {
        ida.send(say(text));
        ida.expect(&[said("Ida", text)]);
    }
    redis.run();
    // What has waited may come before what has to be read.
    let come = (0..60).map(|_| olaf.receive()["event"]["message"].take());
    let mut come: Vec<_> = come.map(|text| text.as_str().map(str::to_owned)).collect();
    come.sort_by_key(|text| missed.iter().position(|missed| Some(missed) == text.as_ref()));
    assert!(come.iter().flatten().eq(&missed), "{come:?}");
    ida.send(say("last"));
    olaf.wait_for(&said("Ida", "last"));
    olaf.expect_silence();
}
