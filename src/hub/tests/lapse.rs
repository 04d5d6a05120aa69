//! What serves the sockets of a service is replaced under them.

use super::*;

fn lapse(pause_ms: u64) -> Outbound {
    Outbound::Lapse { pause_ms }
}

#[test]
fn sockets_and_mail_outlive_a_lapse_and_nothing_else_does() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    let topic = "t".to_owned();
    rig.apply(0, vec![Outbound::Subscribe { id, topic: topic.clone() }, Outbound::Pause { id }]);
    rig.say(id, "one");
    assert!(!rig.hub.may_read(id, rig.now), "it is paused");
    rig.apply(0, vec![lapse(0)]);
    assert!(rig.hub.may_read(id, rig.now));
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
    rig.apply(0, vec![lapse(0)]);
    let waits = rig.ask("/a");
    rig.apply(0, vec![lapse(1_500)]);
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

/// A question that was taken is asked again, and one that is on its way is not asked twice.
#[test]
fn each_program_is_asked_once() {
    let mut rig = Rig::new(Limits::SERVER);
    let taken_one = rig.ask("/a");
    rig.apply(0, vec![Outbound::Ready(Admission::Asked)]);
    let on_its_way = rig.ask("/a");
    assert_eq!(rig.mail(), ["ask 1", "ask 2"]);
    rig.apply(0, vec![taken(1), lapse(0)]);
    rig.apply(0, vec![Outbound::Ready(Admission::Asked)]);
    assert_eq!(rig.mail(), ["ask 1"]);
    let admit = |id| Outbound::Admit { id, verdict: Verdict::Accept };
    rig.apply(0, vec![admit(taken_one), admit(on_its_way)]);
    assert_eq!(rig.mail(), ["open 1", "open 2"]);
    // The next one lets everyone in, whoever the last one was asked about.
    rig.ask("/a");
    rig.apply(0, vec![lapse(0), Outbound::Ready(Admission::default())]);
    assert_eq!(rig.mail(), ["ask 3", "open 3"]);
}

#[test]
fn who_gives_up_in_a_lapse_closes_its_sockets() {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.open("/a");
    rig.apply(0, vec![lapse(5_000)]);
    rig.hub.ended(StationId::new(0), 1, "it is given up", rig.now);
    rig.turn();
    // RFC 6455, 5.5.1: the first two bytes are the code.
    assert_eq!(rig.got(id)[2..4], 1012_u16.to_be_bytes());
    let next = rig.ask("/a");
    rig.ready(0);
    assert_eq!(rig.status(next), "101");
}
