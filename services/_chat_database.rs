//! The messages of the demo chat in a database: the table, and what is asked of it. The statements
//! are the same for each kind of database.

#![cfg(all(feature = "chatroom", any(feature = "sqlite", feature = "postgres")))]

#[cfg(feature = "postgres")]
use postgres::types::{ToSql, Type};
#[cfg(feature = "postgres")]
use switchboard::database::postgres::PostgresConnection;
#[cfg(feature = "sqlite")]
use switchboard::database::sqlite::SqliteConnection;
use switchboard::{Context, Database, DatabaseError, JobResult, Work};

use super::_chat_history::ANSWER_BYTES_MAX;
use super::_chat_rooms::ROOMS_MAX;

/// The database of the chat.
#[derive(Clone)]
pub(crate) enum ChatDatabase {
    #[cfg(feature = "sqlite")]
    Sqlite(Database<SqliteConnection>),
    #[cfg(feature = "postgres")]
    Postgres(Database<PostgresConnection>),
}

/// A connection, for statements whose parameters stand there once each, as `$1`, `$2` and so on in
/// this order.
pub(crate) trait Link {
    /// The type of a column of ids, which have 51 bits.
    fn id_type(&self) -> &'static str;

    /// Executes a statement without rows.
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> JobResult<()>;

    /// The rows of a query: a number, two texts, a number.
    fn rows(&mut self, sql: &str, values: &[Value<'_>]) -> JobResult<Vec<Row>>;
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

/// A message: its id, who said it, its text, and the milliseconds since 1970.
pub(crate) type Row = (i64, String, String, i64);

/// A message that is to be stored.
#[derive(Debug)]
pub(crate) struct NewMessage {
    pub id: u64,
    pub room: String,
    pub name: String,
    pub text: String,
    pub at: u64,
}

/// What the database has of earlier runs.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The id of the last message.
    pub last_id: u64,
    /// The rooms with the latest messages, the latest one first.
    pub rooms: Vec<String>,
}

/// Messages of a room, the last one first.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub rows: Vec<Row>,
    /// Whether there are others before them.
    pub more: bool,
}

impl ChatDatabase {
    /// The database `chat` of the host, if there is one.
    pub(crate) fn find(context: &Context<'_>) -> Option<Self> {
        #[cfg(feature = "sqlite")]
        if let Ok(found) = context.database(NAME) {
            return Some(Self::Sqlite(found));
        }
        #[cfg(feature = "postgres")]
        if let Ok(found) = context.database(NAME) {
            return Some(Self::Postgres(found));
        }
        None
    }

    /// A job that writes.
    pub(crate) fn writing<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Link) -> JobResult<T> + Send + 'static,
    ) -> Work<Result<T, DatabaseError>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(database) => database.writing(|c| job(c)),
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.writing(|c| job(c)),
        }
    }

    /// A job that reads.
    pub(crate) fn reading<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Link) -> JobResult<T> + Send + 'static,
    ) -> Work<Result<T, DatabaseError>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(database) => database.reading(|c| job(c)),
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.reading(|c| job(c)),
        }
    }
}

/// Makes the table, and finds what is in it.
pub(crate) fn open(link: &mut dyn Link) -> JobResult<Stored> {
    let id_type = link.id_type();
    let table = format!(
        "CREATE TABLE IF NOT EXISTS messages (id {id_type} PRIMARY KEY, room TEXT NOT NULL, \
         name TEXT NOT NULL, text TEXT NOT NULL, at {id_type} NOT NULL)"
    );
    link.execute(&table, &[])?;
    link.execute("CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id)", &[])?;
    let most = Value::Number(i64::try_from(ROOMS_MAX)?);
    let rows = link.rows(ROOMS, &[most])?;
    let last_id = rows.first().map_or(0, |(id, ..)| u64::try_from(*id).unwrap_or(0));
    Ok(Stored { last_id, rooms: rows.into_iter().map(|(_, room, ..)| room).collect() })
}

/// Stores a message, and returns its text.
pub(crate) fn store(link: &mut dyn Link, message: NewMessage) -> JobResult<String> {
    let NewMessage { id, room, name, text, at } = message;
    let values = [number(id), Value::Text(&room), Value::Text(&name), Value::Text(&text)];
    link.execute(INSERT, &[&values[..], &[number(at)]].concat())?;
    Ok(text)
}

/// Removes messages that have been stored, or not.
pub(crate) fn remove(link: &mut dyn Link, ids: &[u64]) -> JobResult<()> {
    for id in ids {
        // It may be written still, over a connection that is lost to us: this waits for its end.
        let none = Value::Text("");
        link.execute(INSERT_IF_NEW, &[number(*id), none, none, none, number(0)])?;
        link.execute("DELETE FROM messages WHERE id = $1", &[number(*id)])?;
    }
    Ok(())
}

/// The last messages of a room before an id: `limit` at most, and no more than an answer has, or
/// one.
pub(crate) fn page(link: &mut dyn Link, room: &str, before: u64, limit: usize) -> JobResult<Page> {
    // The sizes first, since the texts of 200 messages may be hundreds of megabytes.
    let (room, end) = (Value::Text(room), number(before));
    let most = Value::Number(i64::try_from(limit + 1)?);
    let sizes = link.rows(SIZES, &[room, end, most])?;
    let (mut len, mut bytes) = (0, 0);
    for (_, _, _, size) in sizes.iter().take(limit) {
        len += 1;
        bytes += usize::try_from(*size)?;
        if bytes > ANSWER_BYTES_MAX {
            break;
        }
    }
    let Some((first, ..)) = sizes[..len].last() else { return Ok(Page::default()) };
    let rows = link.rows(PAGE, &[room, Value::Number(*first), end])?;
    Ok(Page { rows, more: len < sizes.len() })
}

/// An id that the column has no place for is above all that are there.
fn number(id: u64) -> Value<'static> {
    Value::Number(i64::try_from(id).unwrap_or(i64::MAX))
}

#[cfg(feature = "sqlite")]
impl Link for SqliteConnection {
    /// It is the number of the row then. It has 64 bits.
    fn id_type(&self) -> &'static str {
        "INTEGER"
    }

    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> JobResult<()> {
        self.prepare_cached(sql)?.execute(rusqlite::params_from_iter(values))?;
        Ok(())
    }

    fn rows(&mut self, sql: &str, values: &[Value<'_>]) -> JobResult<Vec<Row>> {
        let mut query = self.prepare_cached(sql)?;
        let rows = query.query_map(rusqlite::params_from_iter(values), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(feature = "sqlite")]
impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Number(number) => rusqlite::ToSql::to_sql(number),
            Self::Text(text) => rusqlite::ToSql::to_sql(text),
        }
    }
}

#[cfg(feature = "postgres")]
impl Link for PostgresConnection {
    fn id_type(&self) -> &'static str {
        "BIGINT"
    }

    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> JobResult<()> {
        let values: Vec<_> = values.iter().map(Typed::of).collect();
        let typed: Vec<_> = values.iter().map(Typed::pair).collect();
        self.execute_typed(sql, &typed)?;
        Ok(())
    }

    fn rows(&mut self, sql: &str, values: &[Value<'_>]) -> JobResult<Vec<Row>> {
        let values: Vec<_> = values.iter().map(Typed::of).collect();
        let typed: Vec<_> = values.iter().map(Typed::pair).collect();
        let text = |text: &str| text.replace(NUL, "\0").replace(ESCAPE, "\u{fdd0}");
        let rows = self.query_typed(sql, &typed)?;
        let row = |row: &postgres::Row| {
            let texts = (row.try_get(1)?, row.try_get(2)?);
            Ok((row.try_get(0)?, text(texts.0), text(texts.1), row.try_get(3)?))
        };
        rows.iter().map(row).collect()
    }
}

/// A parameter for PostgreSQL, with its type: so a query takes one exchange with the server.
#[cfg(feature = "postgres")]
enum Typed {
    Number(i64),
    Text(String),
}

#[cfg(feature = "postgres")]
impl Typed {
    /// A text of PostgreSQL has no U+0000. It is written with a character that means nothing.
    fn of(value: &Value<'_>) -> Self {
        match *value {
            Value::Number(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text.replace('\u{fdd0}', ESCAPE).replace('\0', NUL)),
        }
    }

    fn pair(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Number(number) => (number, Type::INT8),
            Self::Text(text) => (text, Type::TEXT),
        }
    }
}

/// The name of the database: the section is `[database chat]`.
pub(crate) const NAME: &str = "chat";
#[cfg(feature = "postgres")]
const NUL: &str = "\u{fdd0}0";
#[cfg(feature = "postgres")]
const ESCAPE: &str = "\u{fdd0}1";
const INSERT: &str = "INSERT INTO messages (id, room, name, text, at) VALUES ($1, $2, $3, $4, $5)";
const INSERT_IF_NEW: &str = "INSERT INTO messages (id, room, name, text, at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
/// It steps from room to room in the index, however many messages there are.
const ROOMS: &str = "WITH RECURSIVE known (room) AS (SELECT min(room) FROM messages UNION ALL \
    SELECT (SELECT min(m.room) FROM messages m WHERE m.room > known.room) FROM known \
    WHERE known.room IS NOT NULL) \
    SELECT (SELECT max(m.id) FROM messages m WHERE m.room = known.room) AS last_id, \
    room, '' AS name, CAST(0 AS BIGINT) AS at FROM known WHERE room IS NOT NULL \
    ORDER BY last_id DESC LIMIT $1";
const SIZES: &str = "SELECT id, '' AS name, '' AS text, \
    CAST(octet_length(name) + octet_length(text) AS BIGINT) AS size \
    FROM messages WHERE room = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
const PAGE: &str = "SELECT id, name, text, at FROM messages \
    WHERE room = $1 AND id >= $2 AND id < $3 ORDER BY id DESC";
