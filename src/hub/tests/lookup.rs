//! Paths that no service has: what is asked of the host for them, and what its answers do.

use super::*;
use crate::service::Page;

fn rig() -> Rig {
    let mut rig = Rig::new(Limits::SERVER);
    rig.engine.hub_mut().look_up();
    rig
}

pub(super) fn mount() -> ServiceOptions {
    ServiceOptions::default()
}

impl Rig {
    /// Answers the lookup that was asked for first.
    pub(super) fn look(&mut self, looked: LookupResult) -> String {
        let LookupJob { id, path, .. } = self.io.lookups.remove(0);
        self.looked_up(id, looked);
        path
    }

    fn missing(&mut self, id: SocketId) {
        assert_eq!(self.look(LookupResult::Nothing), "/none");
        assert_eq!(self.status(id), "404");
    }
}

#[test]
fn what_is_found_becomes_a_service() {
    let mut rig = rig();
    let (first, second) = (rig.ask("/dir/name.py"), rig.ask("/dir/name"));
    assert!(rig.got(first).is_empty() && rig.io.started.is_empty(), "it waits");
    let service = rig.engine.hub_mut().mount_program("/dir/name", mount()).expect("it is free");
    assert_eq!(rig.look(LookupResult::Found(service)), "/dir/name.py");
    assert_eq!(rig.look(LookupResult::Found(service)), "/dir/name");
    assert_eq!(rig.io.started, [(service, 1)], "both are one service");
    rig.ready(service.index());
    assert_eq!((rig.status(first), rig.status(second)), ("101".into(), "101".into()));
    // As long as it runs, its path is not looked up.
    let third = rig.ask("/dir/name");
    assert_eq!((rig.status(third), rig.io.lookups.len()), ("101".into(), 0));
    // Once it does not, its file may have gone.
    rig.end_run(service, 1);
    let fourth = rig.ask("/dir/name");
    assert_eq!(rig.look(LookupResult::Nothing), "/dir/name");
    assert_eq!(rig.status(fourth), "404");
    assert_eq!(rig.io.started.len(), 1);
}

/// A socket is lost, and dropped only after what was found for it in the same turn.
#[test]
fn a_lost_socket_is_not_admitted() {
    let mut rig = rig();
    let id = rig.ask("/p");
    let service = rig.engine.hub_mut().mount_program("/p", mount()).expect("it is free");
    rig.fail(id);
    assert_eq!(rig.look(LookupResult::Found(service)), "/p");
    assert_eq!((rig.io.started.len(), &rig.io.dropped[..]), (0, &[id][..]));
    assert!(
        rig.hub().workers[rig.hub().first_of(service)].waiting.is_empty(),
        "nobody is left in a list"
    );
}

#[test]
fn what_is_compiled_in_comes_first() {
    let mut rig = rig();
    rig.open("/a");
    assert_eq!(rig.io.lookups, []);
    for (path, is_free) in [("/a", false), ("/a.rs", false), ("/dir/", true), ("/a b", true)] {
        assert_eq!(rig.engine.hub_mut().mount_program(path, mount()).is_ok(), is_free, "{path}");
    }
}

#[test]
fn misses_leave_nothing_behind() {
    let mut rig = rig();
    for _ in 0..3 * Limits::LOOKUPS_MAX {
        let id = rig.ask("/none");
        rig.missing(id);
    }
    assert_eq!(rig.hub().services.ids().count(), 2);
    assert!(rig.hub().find("/none").is_none());
}

#[test]
fn what_cannot_serve_is_refused() {
    let mut rig = rig();
    let id = rig.ask("/broken");
    let refusal = Response::text(Status::INTERNAL_ERROR, "it cannot be served");
    rig.look(LookupResult::Refused(refusal));
    assert_eq!(rig.status(id), "500");
}

#[test]
fn a_plain_request_is_looked_up_as_well() {
    let mut rig = rig();
    let service = rig.engine.hub_mut().mount_program("/name", mount()).expect("it is free");
    for (looked, status) in [(LookupResult::Found(service), "426"), (LookupResult::Nothing, "404")]
    {
        let id = rig.connect();
        rig.receive(id, b"GET /name HTTP/1.1\r\nHost: h\r\n\r\n");
        rig.look(looked);
        assert_eq!(rig.status(id), status);
    }
    assert_eq!(rig.io.started, [], "a page starts nothing");
}

/// It may have changed since, so that it is looked for while the program runs, too.
#[test]
fn a_page_beside_a_program_is_shown() {
    let mut rig = rig();
    let service = rig.engine.hub_mut().mount_program("/name", mount()).expect("it is free");
    let chosen = ServiceOptions { page: Some(Page::html("chosen")), ..mount() };
    let other = rig.engine.hub_mut().mount_program("/other", chosen).expect("it is free");
    let id = rig.ask("/name");
    rig.look(LookupResult::Found(service));
    rig.ready(service.index());
    assert_eq!(rig.status(id), "101");
    for (service, path, beside, shown) in [
        (service, "/name", "one", "one"),
        (service, "/name", "two", "two"),
        (other, "/other", "one", "chosen"),
    ] {
        let id = rig.connect();
        rig.receive(id, format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
        assert_eq!(rig.io.lookups[0].goal, LookupGoal::Page);
        rig.look(LookupResult::Page(service, Page::html(beside)));
        let got = String::from_utf8(rig.got(id)).expect("it is text");
        assert!(got.starts_with("HTTP/1.1 200 ") && got.ends_with(shown), "{got}");
    }
    // A handshake needs no lookup.
    let id = rig.ask("/name");
    assert_eq!((rig.status(id), rig.io.lookups.len()), ("101".into(), 0));
}

/// A path below that of a program is the program's, but for files.
#[test]
fn what_lies_below_a_program() {
    for (files, fetched) in [(FilePolicy::None, 0), (FilePolicy::Served, 1)] {
        let mut rig = rig();
        rig.engine.hub_mut().files = files;
        let service = rig.engine.hub_mut().mount_program("/name", mount()).expect("it is free");
        let id = rig.ask("/name/more");
        assert_eq!(rig.look(LookupResult::Below(service)), "/name/more");
        rig.ready(service.index());
        assert_eq!(rig.status(id), "101");
        let id = rig.connect();
        rig.receive(id, b"GET /name/more HTTP/1.1\r\nHost: h\r\n\r\n");
        let LookupJob { id, path, .. } = rig.io.lookups.remove(0);
        rig.looked_up(id, LookupResult::Below(service));
        assert_eq!((path.as_str(), rig.io.fetches.len()), ("/name/more", fetched));
    }
}

#[test]
fn lookups_have_bounds() {
    let mut rig = rig();
    let strange_max = Limits::LOOKUPS_STRANGE_MAX;
    let ids: Vec<_> = (0..strange_max).map(|_| rig.ask("/none")).collect();
    let beyond = rig.ask("/none");
    assert_eq!(rig.io.lookups.len(), strange_max, "it stands in line");
    assert!(rig.got(beyond).is_empty());
    // A socket whose lookup takes too long is refused. Its place is freed when the lookup is
    // answered.
    rig.wait(Limits::SERVER.admission_ms_max + 2 * Wheel::TICK_MS);
    for id in ids {
        assert_eq!(rig.status(id), "503");
        rig.look(LookupResult::Nothing);
        assert!(rig.got(id).is_empty(), "it is answered once");
    }
    assert_eq!((rig.status(beyond).as_str(), rig.io.lookups.len()), ("503", 0));
    let id = rig.ask("/none");
    rig.missing(id);
}

/// After a restart of the host, all peers reconnect at once.
#[test]
fn a_rush_to_one_program_is_let_in() {
    let mut rig = rig();
    let ids: Vec<_> = (0..3 * Limits::LOOKUPS_MAX).map(|_| rig.ask("/p")).collect();
    let gone = ids[Limits::LOOKUPS_STRANGE_MAX];
    rig.remove(gone);
    let service = rig.engine.hub_mut().mount_program("/p", mount()).expect("it is free");
    rig.look(LookupResult::Found(service));
    rig.ready(service.index());
    // The lookups under way are answered; no others are needed.
    for _ in 1..Limits::LOOKUPS_STRANGE_MAX {
        rig.look(LookupResult::Found(service));
    }
    assert_eq!((rig.io.lookups.len(), rig.io.started.len()), (0, 1));
    for id in ids.into_iter().filter(|id| *id != gone) {
        assert_eq!(rig.status(id), "101");
    }
}

#[test]
fn those_in_line_who_have_gone_cost_nothing() {
    let mut rig = rig();
    let waiting: Vec<_> = (0..=Limits::LOOKUPS_STRANGE_MAX).map(|_| rig.ask("/none")).collect();
    for _ in 0..1_000 {
        let id = rig.ask("/none");
        rig.remove(id);
        assert!(rig.hub().lookups.queue.size().1 <= 2 * (rig.hub().sockets_len() + 1));
    }
    for id in waiting {
        rig.missing(id);
    }
    assert_eq!(rig.io.lookups.len(), 0);
}

/// The line in the log says which path it is, and which key.
#[test]
fn another_spelling_is_refused_where_there_is_one() {
    for (spellings, path, status) in [
        (Spellings::All, "/a.rs", "101"),
        (Spellings::One, "/a", "101"),
        (Spellings::One, "/a.rs", "404"),
        (Spellings::One, "/%61", "404"),
        (Spellings::One, "/a?%61", "101"),
    ] {
        let mut rig = rig();
        rig.engine.hub_mut().spell(spellings);
        let id = rig.ask(path);
        let cold = rig.hub().sockets.get(id).and_then(|socket| socket.cold.as_ref());
        let reason = cold.map_or_else(String::new, |cold| cold.reason.clone());
        let why = "the service has the path /a alone, since spellings is one";
        assert_eq!(reason == why, status == "404", "{path}: {reason}");
        if status == "404" {
            assert_eq!(rig.status(id), status, "{path}");
        }
    }
}

/// Whatever asks for paths of which nothing is known, a program waits for a few of them.
#[test]
fn programs_go_first() {
    let (strange_max, known_max) =
        (Limits::LOOKUPS_STRANGE_MAX, Limits::LOOKUPS_MAX - Limits::LOOKUPS_STRANGE_MAX);
    let paths = [
        ("/found", true),
        ("/found.py", true),
        ("/found/below/it", true),
        ("/named", true),
        ("/named.x", true),
        ("/named.sh/below", true),
        ("/dir/ws_service.py", true),
        ("/dir/", true),
        ("/dir/other", false),
        ("/other", false),
        ("/found.d/x.y", true),
        ("/foundling", false),
        // What is compiled in has nothing below.
        ("/a/below", false),
        ("/", false),
    ];
    for (path, is_known) in paths {
        let mut rig = rig();
        rig.engine.hub_mut().mount_program("/found", mount()).expect("it is free");
        rig.engine.hub_mut().name_programs(["/named", "/dir/"].map(str::to_owned));
        for _ in 0..3 * strange_max {
            rig.ask("/none");
        }
        assert_eq!(rig.io.lookups.len(), strange_max);
        rig.ask(path);
        let is_asked = rig.io.lookups.get(strange_max).is_some_and(|lookup| lookup.path == path);
        assert_eq!(is_asked, is_known, "{path}");
    }
    // The others have their share of the lookups, however many want programs.
    let mut rig = rig();
    rig.engine.hub_mut().name_programs(["/named".to_owned()]);
    let ask = |rig: &mut Rig, path: &str| drop((0..99).map(|_| rig.ask(path)).collect::<Vec<_>>());
    ask(&mut rig, "/named");
    ask(&mut rig, "/none");
    for _ in 0..50 {
        let strange_len = rig.io.lookups.iter().filter(|lookup| lookup.path == "/none").count();
        assert_eq!((strange_len, rig.io.lookups.len()), (strange_max, strange_max + known_max));
        rig.look(LookupResult::Nothing);
        let other = rig.io.lookups.remove(rig.io.lookups.len() / 2);
        rig.io.lookups.insert(0, other);
    }
    // After a reload other names hold.
    let mut rig = self::rig();
    rig.engine.hub_mut().name_programs(["/named".to_owned()]);
    rig.engine.hub_mut().name_programs(["/other".to_owned()]);
    ask(&mut rig, "/named");
    assert_eq!(rig.io.lookups.len(), strange_max);
    ask(&mut rig, "/other");
    assert_eq!(rig.io.lookups.len(), strange_max + known_max);
}

/// One address that asks for many paths delays the others by what it has under way.
#[test]
fn addresses_take_turns() {
    let (strange_max, known_max) =
        (Limits::LOOKUPS_STRANGE_MAX, Limits::LOOKUPS_MAX - Limits::LOOKUPS_STRANGE_MAX);
    let turns = ["/2a", "/3a", "/2b", "/3b", "/2c", "/1", "/1", "/1"];
    let lines = ["/1", "/1", "/1", "/2a", "/2b", "/2c", "/3a", "/3b"];
    // Loopback does not count for `max-per-ip`.
    for (net, expected) in [([10, 0, 0], turns), ([127, 0, 0], lines)] {
        for (folder, under_way_max) in [("", strange_max), ("/known", known_max)] {
            let mut rig = rig();
            rig.engine.hub_mut().name_programs(["/known".to_owned()]);
            let ask = |rig: &mut Rig, host, path: &str| {
                let [a, b, c] = net;
                rig.peer = ([a, b, c, host], 1).into();
                rig.ask(&format!("{folder}{path}"))
            };
            (0..under_way_max + 3).for_each(|_| _ = ask(&mut rig, 1, "/1"));
            let gone = ask(&mut rig, 4, "/4");
            for (host, path) in [(2, "/2a"), (2, "/2b"), (2, "/2c"), (3, "/3a"), (3, "/3b")] {
                ask(&mut rig, host, path);
            }
            rig.remove(gone);
            assert_eq!(rig.io.lookups.len(), under_way_max);
            let begun = expected.map(|_| {
                rig.look(LookupResult::Nothing);
                assert_eq!(rig.io.lookups.len(), under_way_max);
                let LookupJob { path, .. } = &rig.io.lookups[under_way_max - 1];
                path[folder.len()..].to_owned()
            });
            assert_eq!(begun, expected, "{net:?} {folder}");
        }
    }
}

#[test]
fn programs_have_a_bound() {
    let mut rig = rig();
    for number in 0..Limits::PROGRAMS_MAX {
        rig.engine
            .hub_mut()
            .mount_program(&format!("/p{number}"), mount())
            .expect("there is space");
    }
    // None of them runs.
    let more = rig.engine.hub_mut().mount_program("/more", mount()).expect("one gives its place");
    assert_eq!((rig.hub().path(more), rig.hub().find("/p0")), ("/more", None));
}

#[test]
fn a_stop_tells_those_who_wait() {
    let mut rig = rig();
    let id = rig.ask("/none");
    rig.stop();
    assert_eq!(rig.status(id), "503");
    rig.look(LookupResult::Nothing);
    assert!(rig.got(id).is_empty());
}

#[test]
fn a_socket_is_not_read_while_its_service_wants_that() {
    let mut rig = Rig::new(Limits { mail_messages_max: 4, ..Limits::SERVER });
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    rig.apply(0, vec![Outbound::Pause { id }, Outbound::Pause { id }]);
    assert!(!rig.may_read(id));
    // What was read before may still come, and fill the mail. That it empties changes nothing.
    rig.receive_late(id, &frame(0x81, b"x").repeat(5));
    assert_eq!(rig.mail().len(), 4);
    assert!(!rig.may_read(id));
    rig.apply(0, vec![taken(4)]);
    assert!(!rig.may_read(id) && rig.io.resumed.is_empty());
    // It owes no pong meanwhile.
    rig.wait(Limits::SERVER.ping_interval_ms);
    rig.wait(Limits::SERVER.pong_ms_max);
    rig.wait(Limits::SERVER.pong_ms_max);
    assert_eq!(rig.io.dropped, []);
    let other = rig.open("/b");
    rig.apply(1, vec![Outbound::Resume { id }]);
    assert!(!rig.may_read(id), "another service has no say");
    rig.apply(0, vec![Outbound::Resume { id }, Outbound::Resume { id: other }]);
    assert_eq!(rig.io.resumed, [id]);
    assert!(rig.may_read(id) && rig.may_read(other));
    rig.turn();
    assert_eq!(rig.mail().len(), 1, "the fifth");
}

#[test]
fn full_mail_outlasts_a_pause() {
    let mut rig = Rig::new(Limits { mail_messages_max: 4, ..Limits::SERVER });
    let id = rig.open("/a");
    rig.receive(id, &frame(0x81, b"x").repeat(5));
    assert!(!rig.may_read(id));
    rig.apply(0, vec![Outbound::Pause { id }, Outbound::Resume { id }]);
    assert!(!rig.may_read(id), "the mail is still full");
    rig.apply(0, vec![taken(6)]);
    assert!(rig.io.resumed.contains(&id) && rig.may_read(id));
    // The end of a paused socket is handled like any other.
    rig.apply(0, vec![Outbound::Pause { id }]);
    assert!(!rig.may_read(id));
    rig.apply(0, vec![Outbound::Close { to: id.into(), close: lost() }]);
    assert!(rig.may_read(id), "its close frame is waited for");
}

/// A peer that went in silence while it was paused is missed like any other.
#[test]
fn a_socket_that_is_read_on_is_asked_for_signs_of_life() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1), Outbound::Pause { id }]);
    assert!(!rig.may_read(id));
    // The old deadline passes.
    rig.wait(2 * Limits::SERVER.ping_interval_ms);
    rig.apply(0, vec![Outbound::Resume { id }]);
    assert!(rig.may_read(id) && rig.io.dropped.is_empty());
    rig.wait(Limits::SERVER.ping_interval_ms + Wheel::TICK_MS);
    rig.wait(Limits::SERVER.pong_ms_max + Wheel::TICK_MS);
    assert_eq!(rig.io.dropped, [id]);
}

/// The line of the log would have two fields of one name, and some readers of JSON refuse that.
#[test]
fn labels_have_names_of_their_own() {
    let taken = ["socket", "peer", "path", "reason", "received", "sent", "ms", "service"];
    for key in taken.into_iter().chain(["time", "level", "target", "message"]) {
        let mut rig = Rig::new(Limits::SERVER);
        let id = rig.open("/a");
        let (key, value) = (key.to_owned(), "x".to_owned());
        rig.apply(0, vec![Outbound::Label { id, key: key.clone(), value }]);
        let socket = rig.hub().sockets.get(id).expect("it is there");
        assert!(socket.cold.as_ref().is_none_or(|cold| cold.labels.is_empty()), "{key}");
        assert!(socket.flags.has(SocketFlag::Unlabeled), "{key}");
    }
}

#[test]
fn labels_have_bounds() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    let label = |key: &str, value: &str| Outbound::Label {
        id,
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let long = "x".repeat(256);
    let mut was_told = false;
    let rows = [
        (label("user", "ida"), vec![("user", "ida")]),
        (label("user", "bob"), vec![("user", "bob")]),
        (label("room", "7"), vec![("user", "bob"), ("room", "7")]),
        (label("user", ""), vec![("room", "7")]),
        (label("long", &long), vec![("room", "7"), ("long", &*long)]),
        (label("more", &long), vec![("room", "7"), ("long", &*long)]),
        (label("long", ""), vec![("room", "7")]),
    ];
    for (wish, expected) in rows {
        rig.apply(0, vec![wish.clone()]);
        let socket = rig.hub().sockets.get(id).expect("it is there");
        let labels = socket.cold.as_ref().map_or(&[][..], |cold| &cold.labels);
        let labels: Vec<_> = labels.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(labels, expected, "{wish:?}");
        let is_told = matches!(&wish, Outbound::Label { key, .. } if key == "more");
        was_told |= is_told;
        assert_eq!(socket.flags.has(SocketFlag::Unlabeled), was_told, "it is noted once: {wish:?}");
    }
}
