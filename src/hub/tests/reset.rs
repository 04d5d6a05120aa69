//! What serves the sockets of a service is replaced under them.

use super::*;

fn reset(pause_ms: u64) -> Outbound {
    Outbound::Reset { pause_ms }
}

#[test]
fn sockets_and_mail_outlive_a_lapse_and_nothing_else_does() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    let topic = "t".to_owned();
    rig.apply(0, vec![Outbound::Subscribe { id, topic: topic.clone() }, Outbound::Pause { id }]);
    rig.say(id, "one");
    assert!(!rig.may_read(id), "it is paused");
    rig.apply(0, vec![reset(0)]);
    assert!(rig.may_read(id));
    rig.say(id, "two");
    let late = rig.ask("/a");
    assert!(rig.got(late).is_empty(), "it waits");
    rig.apply(0, vec![send(Audience::topic(topic), "news"), Outbound::Ready(Admission::default())]);
    assert!(rig.got(id).is_empty(), "nobody is subscribed");
    let serials = [id, late].map(SocketId::serial);
    let words = ["data 1 one", "data 1 two", "open 2"];
    assert_eq!((rig.mail(), serials), (words.map(str::to_owned).to_vec(), [1, 2]));
    assert_eq!(rig.status(late), "101");
}

#[test]
fn nobody_waits_in_a_pause() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    rig.apply(0, vec![reset(0)]);
    let waits = rig.ask("/a");
    rig.apply(0, vec![reset(1_500)]);
    let comes = rig.ask("/a");
    for refused in [waits, comes] {
        let answer = String::from_utf8(rig.got(refused)).expect("an answer is text");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("Retry-After: 2\r\n"), "{answer}");
    }
    rig.now = rig.now.after(1_500);
    let late = rig.ask("/a");
    rig.ready(0);
    assert_eq!(rig.status(late), "101");
    rig.apply(0, vec![send(id, "still here")]);
    assert!(rig.got(id).ends_with(b"still here"));
}

/// Also of one whose deadlines the wheel has dropped, since it was paused for so long.
#[test]
fn a_socket_that_was_paused_is_pinged_after_a_lapse() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    let (key, value) = ("user".to_owned(), "ann".to_owned());
    rig.apply(0, vec![Outbound::Pause { id }, Outbound::Label { id, key, value }]);
    assert!(!rig.may_read(id), "it is paused");
    rig.wait(Limits::SERVER.ping_interval_ms);
    rig.wait(Limits::SERVER.ping_interval_ms);
    assert!(rig.got(id).is_empty());
    rig.apply(0, vec![reset(0)]);
    let socket = rig.hub().sockets.get(id).expect("it is there");
    assert!(socket.cold.as_ref().is_none_or(|cold| cold.labels.is_empty()));
    rig.wait(Limits::SERVER.ping_interval_ms);
    rig.wait(Wheel::TICK_MS);
    assert_eq!(rig.got(id), b"\x89\x04ping");
}

/// A socket that waits for capacity while its question is in the mail is still asked about once.
#[test]
fn a_question_on_its_way_serves_the_one_after_the_next() {
    let limits = Limits { mail_messages_max: 2, ..Limits::SERVER };
    let mut rig = Rig::new(limits);
    rig.ask("/a");
    rig.apply(0, vec![Outbound::Ready(Admission::Asked)]);
    rig.ask("/a");
    // The mail is full, so that admitted sockets wait for capacity.
    rig.apply(0, vec![reset(0), Outbound::Ready(Admission::default())]);
    rig.apply(0, vec![reset(0), Outbound::Ready(Admission::Asked), taken(2)]);
    assert_eq!(rig.mail(), ["ask 1", "ask 2"]);
}

#[test]
fn other_limits_hold_for_open_sockets_and_mail_at_once() {
    let narrow = Limits { mail_messages_max: 2, ..Limits::SERVER };
    let mut rig = Rig::new(narrow);
    let service = ServiceId::new(0);
    let id = rig.open("/a");
    rig.apply(0, vec![taken(1)]);
    rig.say(id, "one");
    rig.say(id, "two");
    assert!(!rig.may_read(id), "the mail is full");
    let late = rig.ask("/a");
    rig.apply(0, vec![reset(0)]);
    let soon = Limits { ping_interval_ms: 1_000, admission_ms_max: 2_000, ..Limits::SERVER };
    rig.engine.hub_mut().remount(service, mount(soon), rig.now);
    rig.turn();
    assert!(rig.io.resumed.contains(&id) && rig.may_read(id));
    assert!(rig.got(late).is_empty(), "nobody has said which are admitted");
    rig.wait(1_000);
    rig.wait(Wheel::TICK_MS);
    assert_eq!(rig.got(id), b"\x89\x04ping");
    rig.wait(1_000);
    assert_eq!(rig.status(late), "500");
    rig.engine.hub_mut().remount(service, mount(narrow), rig.now);
    assert!(!rig.may_read(id), "the mail is full again");
}

/// A question that was taken is asked again, and one that is on its way is not asked twice.
#[test]
fn each_program_is_asked_once() {
    let mut rig = Rig::new(Limits::SERVER);
    let taken_one = rig.ask("/a");
    rig.apply(0, vec![Outbound::Ready(Admission::Asked)]);
    let on_its_way = rig.ask("/a");
    assert_eq!(rig.mail(), ["ask 1", "ask 2"]);
    rig.apply(0, vec![taken(1), reset(0)]);
    rig.apply(0, vec![Outbound::Ready(Admission::Asked)]);
    assert_eq!(rig.mail(), ["ask 1"]);
    let admit = |id| Outbound::Admit { id, verdict: Verdict::Accept };
    rig.apply(0, vec![admit(taken_one), admit(on_its_way)]);
    assert_eq!(rig.mail(), ["open 1", "open 2"]);
    // The next process admits all sockets, whichever the last one was asked about.
    rig.ask("/a");
    rig.apply(0, vec![reset(0), Outbound::Ready(Admission::default())]);
    assert_eq!(rig.mail(), ["ask 3", "open 3"]);
}

#[test]
fn who_gives_up_in_a_lapse_closes_its_sockets() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    rig.apply(0, vec![reset(5_000)]);
    rig.end_run(ServiceId::new(0), 1);
    // RFC 6455, 5.5.1: the first two bytes are the code.
    assert_eq!(rig.got(id)[2..4], 1012_u16.to_be_bytes());
    let next = rig.ask("/a");
    rig.ready(0);
    assert_eq!(rig.status(next), "101");
}
