//! A service with a table of users in a file of SQLite: `add NAME MAIL` writes a user, and
//! `find NAME` reads one.
//!
//! `cargo run --features sqlite --example users [FILE]`

use std::env;
use std::time::Duration;

use switchboard::database::sqlite::{Sqlite, SqliteConnection};
use switchboard::{
    Database, DatabaseError, DatabaseOptions, JobResult, Limits, Message, Peer, Server,
    SocketHandler, socket_handler,
};

/// It runs on a thread of its own, so it may wait for the database. Its sockets wait meanwhile, and
/// no others.
struct Users {
    db: Database<SqliteConnection>,
}

impl SocketHandler for Users {
    type Socket = ();
    type Error = DatabaseError;

    fn message(
        &mut self,
        peer: &mut Peer<()>,
        (): &mut (),
        message: Message,
    ) -> Result<(), DatabaseError> {
        let text = message.as_text().unwrap_or_default();
        // A disk that is full closes the socket with 1011, and the reason is in the log.
        let answer = match *text.split(' ').collect::<Vec<_>>() {
            ["add", name, mail] => self.add(name.to_owned(), mail.to_owned())?,
            ["find", name] => self.find(name.to_owned())?,
            _ => "add NAME MAIL, or find NAME".to_owned(),
        };
        peer.send(answer);
        Ok(())
    }
}

impl Users {
    /// The answer comes after the commit.
    fn add(&self, name: String, mail: String) -> Result<String, DatabaseError> {
        let rows = self.db.write(move |c| {
            let insert = "INSERT INTO user VALUES (?, ?) ON CONFLICT DO NOTHING";
            Ok(c.prepare_cached(insert)?.execute([&name, &mail])?)
        })?;
        Ok(if rows == 1 { "added" } else { "this name is taken" }.to_owned())
    }

    fn find(&self, name: String) -> Result<String, DatabaseError> {
        let mail = self.db.read(move |c| {
            let mut select = c.prepare_cached("SELECT mail FROM user WHERE name = ?")?;
            let mut rows = select.query([name])?;
            Ok(rows.next()?.map(|row| row.get::<_, String>(0)).transpose()?)
        })?;
        Ok(mail.unwrap_or_else(|| "there is no such user".to_owned()))
    }
}

fn make_table(c: &mut SqliteConnection) -> JobResult<()> {
    c.execute_batch("CREATE TABLE IF NOT EXISTS user (name TEXT PRIMARY KEY, mail TEXT)")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = env::args().nth(1).unwrap_or_else(|| "users.db".to_owned());
    let db = Database::open("users", Sqlite::new(file), DatabaseOptions::new())?;
    db.write(make_table)?;

    let mut server = Server::new(Limits::SERVER);
    let of_service = db.clone();
    server.mount("/users", move || socket_handler(Users { db: of_service.clone() }));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/users", host.address());
    host.stop_on_signals()?;
    host.run()?;
    // What waits is still done, and the log of the file is emptied.
    db.close(Duration::from_secs(5));
    Ok(())
}
