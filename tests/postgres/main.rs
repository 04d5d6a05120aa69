//! Databases of PostgreSQL, with a real server for each test: it restarts under load, ends
//! sessions, is slow, wants TLS and passwords; and the chat of the binary uses it.
#![cfg(feature = "postgres")]

mod access;
#[cfg(feature = "chatroom")]
mod chat;
#[cfg(feature = "chatroom")]
#[path = "../chatroom/client.rs"]
mod client;
mod hangs;
mod losses;
mod parts;
mod queries;
mod services;
#[path = "../support/mod.rs"]
mod support;

use switchboard::database::postgres::{Postgres, PostgresConnection};
use switchboard::{Database, DatabaseOptions};

use support::postgres::Postgres as Server;

/// A database of a server.
type Db = Database<PostgresConnection>;

/// Options without a limit of time that a slow machine would miss.
fn patient() -> DatabaseOptions {
    DatabaseOptions {
        wait: support::DEADLINE,
        query_timeout: support::DEADLINE,
        ..DatabaseOptions::new()
    }
}

/// How its database is reached.
fn reach(server: &Server) -> Postgres {
    Postgres::new(&server.url()).expect("it is a URL")
}

/// The database of a server.
fn open(server: &Server, options: DatabaseOptions) -> Db {
    Database::open("test", reach(server), options).expect("there are threads")
}

/// Executes SQL that returns nothing.
fn execute(db: &Db, sql: &'static str) {
    db.write(move |c| Ok(c.batch_execute(sql)?)).expect("it is done");
}

/// The only value of the only row.
fn value<T>(db: &Db, sql: &'static str) -> T
where
    T: for<'a> postgres::types::FromSql<'a> + Send + 'static,
{
    db.read(move |c| Ok(c.query_one(sql, &[])?.try_get(0)?)).expect("it is read")
}

fn close(db: &Db) {
    assert!(db.close(support::DEADLINE), "it ends");
}
