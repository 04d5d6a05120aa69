//! What the chat knows of its database: the order in which messages are shown, and what becomes of
//! those whose connection was lost. The answers of the database are those of the test.

use switchboard::database::sqlite::{Sqlite, SqliteConnection};
use switchboard::{Database, DatabaseError, DatabaseOptions, SocketId};

use crate::_chat_archive::{Answered, Archive, Job, Question};
use crate::_chat_database::{self as database, ChatDatabase, NewMessage, Page, Row};
use crate::_chat_pending::Due;
use crate::support::DEADLINE;
use crate::support::folder::folder;

type Db = Database<SqliteConnection>;

const IDA: SocketId = SocketId::from_u64(17);
const REFUSED: &str = "(refused)";

/// An archive that is open.
fn archive(name: &str) -> (Archive, Db) {
    let options =
        DatabaseOptions { query_timeout: DEADLINE, wait: DEADLINE, ..DatabaseOptions::new() };
    let db = Database::open("chat", Sqlite::new(folder(name).join("chat.db")), options);
    let db = db.expect("there are threads");
    let mut archive = Archive::new(ChatDatabase::Sqlite(db.clone()));
    assert!(archive.opening().is_some());
    assert!(archive.opened(db.write(|c| database::open(c))).is_some(), "it can be made");
    (archive, db)
}

/// Ida says something in a room, if it may be stored.
fn try_say(archive: &mut Archive, room: &str, text: &str) -> Option<(u64, Job<String>)> {
    archive.store(IDA, &room.into(), &"Ida".into(), text.to_owned())
}

fn say(archive: &mut Archive, room: &str, text: &str) -> u64 {
    try_say(archive, room, text).expect("it may").0
}

/// The texts that are sent, and `REFUSED` for each notice to Ida.
fn shown(archive: &mut Archive) -> Vec<String> {
    let text = |due| match due {
        Due::Show(_, said) => said.text,
        Due::Refuse(sender) => {
            assert_eq!(sender, IDA);
            REFUSED.to_owned()
        }
    };
    std::iter::from_fn(|| archive.next_due()).map(text).collect()
}

fn ask(archive: &mut Archive, before: Option<u64>, limit: usize) -> Question {
    let (question, _job) = archive.ask(&"garden".into(), before, limit).expect("it may");
    question
}

/// What the answer has, if these were read.
fn answer(
    archive: &mut Archive,
    question: &Question,
    rows: &[(u64, &str)],
) -> Option<(Vec<String>, bool)> {
    let row =
        |&(id, text): &(u64, &str)| -> Row { (id.cast_signed(), "Ida".into(), text.into(), 0) };
    let page = Page { rows: rows.iter().rev().map(row).collect(), more: false };
    let mut sent = None;
    let answered = archive.answer(question, Ok(page), |recalled| {
        let texts = recalled.messages.iter().map(|(_, _, text, _)| (*text).to_owned());
        sent = Some((texts.collect(), recalled.more));
    });
    assert_eq!(answered == Answered::Now, sent.is_some());
    sent
}

fn texts(expected: &[&str], more: &[()]) -> Option<(Vec<String>, bool)> {
    Some((expected.iter().map(|text| (*text).to_owned()).collect(), !more.is_empty()))
}

#[test]
fn messages_are_shown_in_the_order_of_their_ids() {
    let (mut archive, _db) = archive("order");
    let ids = ["one", "two", "three", "four"].map(|text| say(&mut archive, "garden", text));
    assert!(ids.is_sorted(), "{ids:?}");
    assert!(archive.stored(ids[1], Ok("two".into())) && shown(&mut archive).is_empty());
    assert!(archive.stored(ids[3], Ok("four".into())) && shown(&mut archive).is_empty());
    assert!(archive.stored(ids[0], Ok("one".into())));
    assert_eq!(shown(&mut archive), ["one", "two"]);
    assert!(!archive.stored(ids[2], Err(DatabaseError::Busy)), "it is not stored");
    assert_eq!(shown(&mut archive), [REFUSED, "four"]);
}

/// A client takes the first of its messages that has not come back for the one that is refused.
#[test]
fn a_refusal_passes_no_earlier_message() {
    let (mut archive, _db) = archive("refusals");
    let other = say(&mut archive, "attic", "other");
    let ids = ["one", "two"].map(|text| say(&mut archive, "garden", text));
    assert!(archive.stored(ids[0], Ok("one".into())));
    assert!(!archive.stored(ids[1], Err(DatabaseError::Busy)));
    // So few are tried now that one is refused at once.
    let tried = std::iter::from_fn(|| try_say(&mut archive, "garden", "more"));
    let more: Vec<_> = tried.take(1_000).map(|(id, _)| id).collect();
    assert!(more.len() < 1_000);
    assert_eq!(shown(&mut archive), [""; 0], "the other is written");
    archive.stored(other, Ok("other".into()));
    assert_eq!(shown(&mut archive), ["other", "one", REFUSED]);
    for id in &more {
        archive.stored(*id, Ok("more".into()));
    }
    let sent = shown(&mut archive);
    assert_eq!(
        sent.split_last(),
        Some((&REFUSED.to_owned(), &*vec!["more".to_owned(); more.len()]))
    );
}

#[test]
fn an_archive_that_is_not_open_refuses_at_once() {
    let (_, db) = archive("closed");
    let mut closed = Archive::new(ChatDatabase::Sqlite(db));
    assert!(try_say(&mut closed, "garden", "no").is_none());
    assert_eq!(shown(&mut closed), [REFUSED]);
}

#[test]
fn those_that_wait_for_an_earlier_one_are_bounded() {
    let (mut archive, _db) = archive("bounded");
    let ids = ["one", "two"].map(|text| say(&mut archive, "garden", text));
    archive.stored(ids[1], Ok("x".repeat((4 << 20) + 1)));
    assert!(try_say(&mut archive, "garden", "no").is_none());
    archive.stored(ids[0], Ok("one".into()));
    let sent = shown(&mut archive);
    assert_eq!(
        (&*sent[0], sent[1].len(), &sent[2..]),
        ("one", (4 << 20) + 1, &[REFUSED.to_owned()][..])
    );
    say(&mut archive, "garden", "three");
}

#[test]
fn few_are_tried_while_they_fail() {
    let (mut archive, _db) = archive("few");
    let id = say(&mut archive, "garden", "one");
    archive.stored(id, Err(DatabaseError::Unavailable(None)));
    let tried = std::iter::from_fn(|| try_say(&mut archive, "a", "c"));
    let ids: Vec<_> = tried.take(1_000).map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 16);
    archive.stored(ids[0], Ok("c".into()));
    let tried = std::iter::from_fn(|| try_say(&mut archive, "a", "c"));
    assert_eq!(tried.take(1_000).count(), 1_000, "one has succeeded");
}

#[test]
fn what_is_doubtful_is_removed() {
    let (mut archive, db) = archive("doubtful");
    let ids = ["one", "two"].map(|text| say(&mut archive, "garden", text));
    archive.stored(ids[0], Ok("one".into()));
    assert!(!archive.stored(ids[1], Err(DatabaseError::Lost("it is gone".into()))));
    assert_eq!(shown(&mut archive), ["one", REFUSED]);
    // Until then, no answer has it.
    let question = ask(&mut archive, None, 10);
    let found = answer(&mut archive, &question, &[(ids[0], "one"), (ids[1], "two")]);
    assert_eq!(found, texts(&["one"], &[]));
    let (removed, _job) = archive.removal().expect("it is due");
    assert_eq!((&*removed, archive.removal().is_none()), (&ids[1..], true));
    archive.removed(&removed, Err(DatabaseError::Unavailable(None)));
    assert!(archive.tick_interval().is_some(), "it is tried again");
    let (removed, _job) = archive.removal().expect("it is due again");
    archive.removed(&removed, Ok(()));
    assert!(archive.removal().is_none() && archive.tick_interval().is_none());
    // What the job does: one of them was stored, and one was not.
    let stored = ids[1];
    let len = db.write(move |c| {
        let (room, name, text) = ("garden".into(), "Ida".into(), "two".into());
        database::store(c, NewMessage { id: stored, room, name, text, at: 7 })?;
        database::remove(c, &[stored, stored + 1])?;
        Ok(c.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(len.expect("it is done"), 0);
}

#[test]
fn an_answer_has_what_was_shown_since_the_question() {
    let (mut archive, _db) = archive("since");
    let next = |archive: &mut Archive, text: &str| {
        let id = say(archive, "garden", text);
        archive.stored(id, Ok(text.into()));
        assert_eq!(shown(archive), [text]);
        id
    };
    let one = next(&mut archive, "one");
    let (all, last) = (ask(&mut archive, None, 10), ask(&mut archive, None, 1));
    let two = next(&mut archive, "two");
    let (later, older) = (ask(&mut archive, None, 10), ask(&mut archive, Some(two), 10));
    next(&mut archive, "three");
    // The database may have more than was shown.
    assert_eq!(answer(&mut archive, &all, &[(one, "one")]), texts(&["one", "two", "three"], &[]));
    assert_eq!(answer(&mut archive, &last, &[(one, "one")]), texts(&["three"], &[()]));
    let rows = [(one, "one"), (two, "two")];
    assert_eq!(answer(&mut archive, &later, &rows), texts(&["one", "two", "three"], &[]));
    // If so much was shown that it is not kept, the answer begins later.
    let question = ask(&mut archive, None, 10);
    for _ in 0..201 {
        next(&mut archive, "x");
    }
    let found = answer(&mut archive, &question, &rows).expect("there is one");
    assert_eq!(found, (vec!["x".to_owned(); 10], true));
    assert_eq!(answer(&mut archive, &older, &rows[..1]), texts(&["one"], &[]), "it has none of it");
    // And if none of it is kept, it is asked again.
    let question = ask(&mut archive, None, 10);
    let other = archive.ask(&"attic".into(), None, 10).expect("it may").0;
    next(&mut archive, "gone");
    for _ in 0..2 {
        let id = say(&mut archive, "attic", "");
        archive.stored(id, Ok("x".repeat(3 << 20)));
        shown(&mut archive);
    }
    assert_eq!(answer(&mut archive, &question, &rows), None);
    assert!(
        answer(&mut archive, &other, &[]).is_some_and(|(texts, more)| texts.len() == 1 && more)
    );
}
