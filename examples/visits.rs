//! A database that the crate does not know: a file with a line for each name, which has how often
//! it came. `Visits` connects it. The service runs on the loop, which never waits for a disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use switchboard::database::{ConnectionPlan, Step};
use switchboard::{
    Connector, Database, DatabaseOptions, Handler, JobResult, Limits, Message, Peer, Server,
    Thread, handler,
};

/// The file.
struct Visits(PathBuf);

/// What was read of it, and what it was before the transaction.
#[derive(Default)]
struct Counts {
    now: BTreeMap<String, u64>,
    before: BTreeMap<String, u64>,
}

impl Connector for Visits {
    type Connection = Counts;

    fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<Counts> {
        let text = match fs::read_to_string(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let mut counts = Counts::default();
        for (count, name) in text.lines().filter_map(|line| line.split_once(' ')) {
            counts.now.insert(name.to_owned(), count.parse()?);
        }
        Ok(counts)
    }

    fn transact(&self, counts: &mut Counts, step: Step) -> JobResult<()> {
        match step {
            Step::Begin => counts.before = counts.now.clone(),
            Step::Rollback => counts.now = counts.before.clone(),
            Step::Commit => {
                let next = self.0.with_extension("next");
                let mut file = File::create(&next)?;
                for (name, count) in &counts.now {
                    writeln!(file, "{count} {name}")?;
                }
                file.sync_all()?;
                // It is the old file or the new one, whenever the machine fails.
                fs::rename(next, &self.0)?;
            }
            // Only a database that joins several writes has these.
            Step::Savepoint | Step::Release | Step::RollBackTo => {}
        }
        Ok(())
    }

    fn check(&self, _: &mut Counts) -> JobResult<()> {
        Ok(())
    }
}

/// Each message is a name, which is counted.
struct Door(Database<Counts>);

impl Handler for Door {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let name = message.as_text().unwrap_or_default().replace('\n', " ");
        let job = self.0.writing(move |counts| {
            let count = counts.now.entry(name.clone()).or_default();
            *count += 1;
            Ok(format!("{name} came {count} times"))
        });
        // This socket waits for the disk, and nobody else.
        peer.later(job, |_: &mut Self, peer: &mut Peer, counted| {
            peer.send(counted.unwrap_or_else(|error| error.to_string()));
        });
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).unwrap_or_else(|| "visits.txt".into());
    let options = DatabaseOptions { connections: 1, ..DatabaseOptions::new() };
    let visits = Database::open("visits", Visits(file.into()), options)?;
    let mut server = Server::new(Limits::SERVER);
    let own = visits.clone();
    server.thread(Thread::Loop).mount("/door", move || handler(Door(own.clone())));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/door", host.address());
    host.stop_on_signals()?;
    host.run()?;
    visits.close(Duration::from_secs(5));
    Ok(())
}
