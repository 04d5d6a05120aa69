//! Services with a database, tested in memory: the database is real, and the host is not.

#![cfg(all(feature = "testing", feature = "database"))]

use switchboard::database::{ConnectionPlan, Step};
use switchboard::testing::TestHost;
use switchboard::{
    Connector, Context, Database, DatabaseOptions, Handler, JobResult, Limits, Message, Peer,
    Server, handler,
};

/// Numbers in memory.
struct Numbers;

impl Connector for Numbers {
    type Connection = Vec<String>;

    fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<Vec<String>> {
        Ok(Vec::new())
    }

    fn transact(&self, _: &mut Vec<String>, _: Step) -> JobResult<()> {
        Ok(())
    }

    fn check(&self, _: &mut Vec<String>) -> JobResult<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Keeps(Option<Database<Vec<String>>>);

impl Handler for Keeps {
    fn start(&mut self, context: &mut Context) {
        self.0 = Some(context.database("numbers").expect("the test has added it"));
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        let db = self.0.as_ref().expect("it has started");
        let text = message.as_text().unwrap_or_default().to_owned();
        if text == "all" {
            let all = db.reading(|list| {
                // So the test most often asks before the answer is there.
                (0..1_000).for_each(|_| std::thread::yield_now());
                Ok(list.join(" "))
            });
            return peer.later(all, |_: &mut Self, peer, all| {
                peer.send(all.unwrap_or_else(|error| error.to_string()));
            });
        }
        let len = db.write(move |list| {
            list.push(text);
            Ok(list.len())
        });
        peer.send(len.map_or_else(|error| error.to_string(), |len| len.to_string()));
    }
}

#[test]
fn a_test_has_a_database() {
    let options = DatabaseOptions { connections: 1, ..DatabaseOptions::new() };
    let db = Database::open("numbers", Numbers, options).expect("there are threads");
    let mut server = Server::new(Limits::SERVER);
    server.database("numbers", db).mount("/keeps", || handler(Keeps::default()));
    let host = TestHost::new(server);
    let client = host.open("/keeps");
    client.say("one");
    client.expect("1");
    client.say("two");
    client.expect("2");
    for _ in 0..100 {
        client.say("all");
        client.expect("one two");
    }
}
