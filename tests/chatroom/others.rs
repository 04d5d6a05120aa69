//! What the chat of one process knows of people in others.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use switchboard::Message;

use crate::_chat_messages::Name;
use crate::_chat_news::{Letter, News};
use crate::_chat_others::{Change, Due, Others, SLOTS};
use crate::_chat_rooms::NAMES_MAX;

fn name(text: &str) -> Name {
    Name(text.into())
}

fn enter(room: &str, user: &str) -> News {
    News::Enter { room: name(room), name: name(user) }
}

fn leave(room: &str, user: &str) -> News {
    News::Leave { room: name(room), name: name(user) }
}

fn people(room: &str, users: &[&str]) -> News {
    let len = u32::try_from(users.len()).expect("few");
    News::People(vec![(name(room), len, users.iter().map(|user| name(user)).collect())])
}

fn changed(room: &str, gone: &[&str], new: &[&str]) -> Change {
    let names = |users: &[&str]| users.iter().map(|user| name(user)).collect();
    Change::People { room: name(room), gone: names(gone), new: names(new) }
}

/// A process that shares, and the time.
struct Desk {
    others: Others,
    now: Instant,
}

impl Desk {
    fn begin() -> Self {
        let mut desk = Self { others: Others::default(), now: Instant::now() };
        desk.others.begin();
        while desk.due().is_some() {}
        desk
    }

    fn due(&mut self) -> Option<Due> {
        let due = self.others.due(self.now);
        if due == Some(Due::Alive) {
            self.others.letter(News::Alive, self.now);
        }
        due
    }

    fn take(&mut self, from: u64, number: u64, news: News) -> Vec<Change> {
        self.others.take((from, number, news), self.now)
    }

    /// News of the process 7, from this number.
    fn take_all(&mut self, number: u64, all: impl IntoIterator<Item = News>) -> Vec<Change> {
        let numbered = (number..).zip(all);
        numbered.flat_map(|(number, news)| self.take(7, number, news)).collect()
    }

    fn names(&self, room: &str) -> Vec<String> {
        self.others.names(&name(room)).map(|user| user.0.to_string()).collect()
    }
}

#[test]
fn people_come_and_go() {
    let mut desk = Desk::begin();
    desk.take_all(1, [News::Begin, people("a", &["Ida", "Olaf"]), News::End]);
    assert_eq!(desk.take(7, 4, enter("a", "Mei")), [changed("a", &[], &["Mei"])]);
    assert_eq!(desk.take(7, 5, enter("b", "Ida")), [changed("b", &[], &["Ida"])]);
    assert_eq!(desk.take(7, 6, leave("a", "Ida")), [changed("a", &["Ida"], &[])]);
    assert_eq!(desk.names("a"), ["Olaf", "Mei"]);
    assert_eq!((desk.others.len(&name("a")), desk.others.len(&name("b"))), (2, 1));
    // Those of several processes are counted together.
    desk.take(8, 1, News::Begin);
    desk.take(8, 2, people("a", &["Kim"]));
    assert_eq!(desk.take(8, 3, News::End), [changed("a", &[], &["Kim"])]);
    assert_eq!(desk.others.len(&name("a")), 3);
    let gone = desk.take(7, 7, News::Gone);
    assert_eq!(gone.len(), 2);
    assert_eq!(desk.names("a"), ["Kim"]);
    assert_eq!(desk.take(7, 8, News::Gone), []);
}

#[test]
fn what_is_missing_is_asked_for() {
    let mut desk = Desk::begin();
    desk.now += Duration::from_secs(1);
    while desk.due().is_some() {}
    desk.take_all(1, [News::Begin, people("a", &["Ida"]), News::End]);
    assert_eq!(desk.due(), None);
    assert_eq!(desk.take(7, 5, enter("a", "Mei")), [], "one is missing");
    assert_eq!(desk.names("a"), ["Ida"], "the last report holds until the next one");
    assert_eq!(desk.take(7, 6, leave("a", "Ida")), []);
    assert_eq!(desk.due(), None, "the last question was a moment ago");
    desk.now += Duration::from_secs(1);
    assert_eq!((desk.due(), desk.due()), (Some(Due::Ask), None));
    // What is said is heard in any case.
    assert_eq!(desk.take(7, 9, News::Room(name("c"))), [Change::Made(name("c"))]);
    // A report that is not whole changes nothing.
    assert_eq!(desk.take_all(10, [News::Begin]), []);
    assert_eq!(desk.take(7, 12, News::End), []);
    assert_eq!(desk.names("a"), ["Ida"]);
    let report = [News::Begin, people("a", &["Mei", "Ida", "Mei"]), people("b", &[]), News::End];
    let known = |room| Change::Known(name(room));
    let changes = [known("a"), known("b"), changed("a", &[], &["Mei", "Mei"])];
    assert_eq!(desk.take_all(20, report), changes);
    assert_eq!(desk.take(7, 24, leave("a", "Mei")), [changed("a", &["Mei"], &[])]);
    assert_eq!(desk.names("a"), ["Ida", "Mei"]);
}

#[test]
fn a_silent_process_has_gone() {
    let mut desk = Desk::begin();
    desk.take_all(1, [News::Begin, people("a", &["Ida"]), News::End]);
    desk.now += Duration::from_secs(14);
    assert_eq!(desk.others.expire(desk.now), []);
    desk.take(7, 4, News::Alive);
    desk.now += Duration::from_secs(14);
    assert_eq!(desk.others.expire(desk.now), []);
    desk.now += Duration::from_secs(1);
    assert_eq!(desk.others.expire(desk.now), [changed("a", &["Ida"], &[])]);
    assert_eq!(desk.others.len(&name("a")), 0);
}

#[test]
fn questions_and_reports_are_rare() {
    let mut desk = Desk { others: Others::default(), now: Instant::now() };
    assert_eq!(desk.due(), None, "it does not share");
    assert_eq!(desk.take(7, 1, enter("a", "Ida")), []);
    desk.others.begin();
    let mut dues = BTreeMap::<_, usize>::new();
    for step in 0..60 {
        // Whatever comes, however often.
        (0..50).for_each(|number| drop(desk.take(7, 1_000 * step + 2 * number, News::Ask)));
        while let Some(due) = desk.due() {
            *dues.entry(format!("{due:?}")).or_default() += 1;
        }
        desk.now += Duration::from_millis(100);
    }
    assert!(dues["Ask"] <= 6 && dues["Report"] <= 6, "{dues:?}");
    // Who has nothing to say says that it is there.
    let mut quiet = Desk::begin();
    quiet.others.letter(News::Ask, quiet.now);
    quiet.now += Duration::from_secs(4);
    while quiet.others.due(quiet.now).is_some_and(|due| due != Due::Alive) {}
    assert_eq!(quiet.others.due(quiet.now), None);
    quiet.now += Duration::from_secs(2);
    assert_eq!(quiet.others.due(quiet.now), Some(Due::Alive));
}

#[test]
fn memory_is_bounded() {
    let mut desk = Desk::begin();
    desk.take_all(1, [News::Begin, News::End]);
    let many = NAMES_MAX + 10;
    (0..many).for_each(|at| drop(desk.take(7, 3 + at as u64, enter("a", &at.to_string()))));
    assert_eq!((desk.others.len(&name("a")), desk.names("a").len()), (many, NAMES_MAX));
    // It is not known who of them has come or gone when a report has fewer.
    let report = [News::Begin, people("a", &["1"]), News::End];
    let changes = desk.take_all(900, report);
    assert_eq!(changes, [Change::Known(name("a")), changed("a", &[], &[])]);
    for process in 100..200 {
        desk.take(process, 1, News::Begin);
        desk.take(process, 2, people("b", &["Ida"]));
        desk.take(process, 3, News::End);
    }
    assert_eq!(desk.others.len(&name("b")), 63);
    let mut full = Desk::begin();
    full.take_all(1, [News::Begin, News::End]);
    let long = "x".repeat(64);
    for at in 0..100_000 {
        full.take(7, 3 + at, enter(&(at % 1_000).to_string(), &long));
    }
    let rooms = (0..1_000).map(|room| name(&room.to_string()));
    let (len, names) = rooms.fold((0, 0), |(len, names), room| {
        (len + full.others.len(&room), names + full.others.names(&room).count())
    });
    assert_eq!((len, names), (100_000, (4 << 20) / 128));
    // What is freed is counted.
    full.take(7, 200_000, News::Gone);
    full.take_all(1, [News::Begin, people("a", &["Ida"]), News::End]);
    assert_eq!(full.names("a"), ["Ida"]);
}

/// However news get lost, the names that changes make are those that are known, and a report that
/// arrives makes them those that are there.
#[test]
fn any_losses_are_mended() {
    let mut random = 1_u64;
    let mut below = |max: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % max
    };
    for _ in 0..200 {
        let (mut desk, mut number) = (Desk::begin(), 0);
        let (mut there, mut shown) = (Vec::<String>::new(), Vec::<String>::new());
        for _ in 0..60 {
            let mut all = match below(8) {
                0 => {
                    let users: Vec<_> = there.iter().map(String::as_str).collect();
                    vec![News::Begin, people("a", &users), News::End]
                }
                1..=3 if !there.is_empty() => {
                    let at = usize::try_from(below(there.len() as u64)).expect("few");
                    vec![leave("a", &there.remove(at))]
                }
                _ => {
                    there.push(below(4).to_string());
                    vec![enter("a", &there[there.len() - 1])]
                }
            };
            let is_whole = all.len() > 1;
            let mut lost = 0;
            for news in all.drain(..) {
                number += 1;
                if below(8) == 0 {
                    lost += 1;
                    continue;
                }
                for change in desk.take(7, number, news) {
                    let Change::People { gone, new, .. } = change else { continue };
                    for user in gone {
                        let at = shown.iter().position(|shown| **shown == *user.0);
                        shown.remove(at.expect("who goes was there"));
                    }
                    shown.extend(new.iter().map(|user| user.0.to_string()));
                }
                let sorted = |names: &[String]| {
                    let mut names = names.to_vec();
                    names.sort();
                    names
                };
                assert_eq!(sorted(&desk.names("a")), sorted(&shown));
                assert_eq!(desk.others.len(&name("a")), shown.len());
            }
            if is_whole && lost == 0 {
                let (mut now, mut all) = (shown.clone(), there.clone());
                now.sort();
                all.sort();
                assert_eq!(now, all);
            }
        }
    }
}

#[test]
fn two_processes_of_one_slot_part() {
    let (mut one, mut two) = (Desk::begin(), Desk::begin());
    let number = |desk: &mut Desk| desk.others.letter(News::Alive, desk.now).0;
    let (of_one, of_two) = (number(&mut one), number(&mut two));
    assert!(one.others.renumber(of_one + 1, one.now).is_none(), "it has another slot");
    let same = if of_one >= SLOTS { of_one - SLOTS } else { return };
    assert_eq!(one.others.renumber(of_one + SLOTS, one.now), None, "the other one changes");
    let gone = one.others.renumber(same, one.now).expect("it is the higher one");
    assert!(gone.0 == of_one && gone.2 == News::Gone, "{gone:?}");
    assert_ne!(number(&mut one), of_one);
    assert_ne!(of_one, of_two);
}

#[test]
fn letters_are_read_as_they_were_written() {
    let longest = "\u{1}".repeat(64);
    for news in [News::Ask, enter(&longest, ""), people("a", &["Ida", "\"\\"]), News::End] {
        let letter: Letter = (u64::MAX, 5, news);
        let message = Message::from_json(&letter).expect("it is JSON");
        assert_eq!(message.json::<Letter>().expect("it is a letter"), letter);
    }
    let too_long = format!(r#"[1,2,{{"Enter":{{"room":"a","name":"{}"}}}}]"#, "x".repeat(65));
    for text in ["", "[]", "[1,2]", r#"[1,2,"Other"]"#, r#"[-1,2,"Ask"]"#, &too_long] {
        assert!(Message::from(text).json::<Letter>().is_err(), "{text}");
    }
}
