//! The chat with `share: topics` as several processes of one server.

use serde_json::{Value, json};

use crate::client::{
    Client, create, join, joined, logoff, members, name, new_room, query, said, say, update, who,
};
use crate::support::binary::Binary;
use crate::support::process::children;
use crate::support::several::{command, conf, pids, signal};
use crate::support::until;

const SHARE: &str = "[service /demo_chatroom]\nshare: topics\n";

fn start(name: &str, more: &str) -> Binary {
    let server = Binary::run(&mut command(&conf(name, 2, &format!("{SHARE}{more}"))));
    pids(&server, 2);
    server
}

/// Clients in a room, so many that each process has some. Each knows of all.
fn meet(server: &Binary, room: &str) -> Vec<Client> {
    let mut clients = vec![Client::in_room(server.address(), "0", room)];
    for number in 1..LEN {
        let mut client = Client::connect(server.address());
        client.expect(&[query()]);
        let listing = client.receive();
        client.send(name(&number.to_string()));
        // A process that has just begun asks the others.
        if listing["event"]["chatrooms"] == json!([]) {
            client.wait_for(&update(room, number));
        }
        client.send(join(room));
        client.wait_for(&joined(room));
        for other in &mut clients {
            other.wait_for(&update(room, number + 1));
        }
        clients.push(client);
    }
    clients
}

/// All are in one process once in 2^13 runs. Then this shows less.
const LEN: usize = 14;

#[test]
fn it_is_one_chat() {
    for (name, more) in [("one-chat", ""), ("one-chat-on-loop", "thread: loop\n")] {
        talk(&start(name, more));
    }
}

fn talk(server: &Binary) {
    let mut clients = meet(server, "garden");
    for number in 0..LEN {
        let text = format!("I am {number}");
        clients[number].send(say(&text));
        for client in &mut clients {
            client.wait_for(&said(&number.to_string(), &text));
        }
    }
    // The names are those of all, and each is there once.
    let mut all: Vec<_> = (0..LEN).map(|number| number.to_string()).collect();
    all.sort();
    for client in &mut clients {
        client.send(who());
        let list = client.receive_list();
        assert_eq!(list["chatroom"], "garden");
        let names = list["names"].as_array().expect("it is a list").iter();
        let mut names: Vec<_> = names.filter_map(Value::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, all);
    }
    // Nobody got anything twice.
    clients.iter_mut().for_each(Client::expect_silence);
    let mut first = clients.remove(0);
    first.send(create("attic"));
    clients.iter_mut().for_each(|client| client.wait_for(&new_room("attic")));
    first.send(join("attic"));
    for client in &mut clients {
        client.expect(&[logoff("0"), update("garden", LEN - 1), update("attic", 1)]);
    }
    first.leave("drops");
    for client in &mut clients {
        client.expect(&[update("attic", 0)]);
    }
}

#[test]
fn people_of_a_process_that_is_killed_go() {
    let server = start("killed", "");
    let mut clients = meet(&server, "garden");
    let pids = children(&server.pid());
    signal(&pids[0], "KILL");
    until("it has gone", || !children(&server.pid()).contains(&pids[0]));
    // Who is not cut off sees the others go.
    let mut left = Vec::new();
    for (number, mut client) in clients.drain(..).enumerate() {
        if client.try_send(who()) && client.try_receive_list() {
            left.push((number, client));
        }
    }
    let names: Vec<_> = left.iter().map(|(number, _)| number.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for (_, client) in &mut left {
        until("they have gone", || {
            client.send(who());
            client.receive_list() == members("garden", &names)
        });
    }
}
