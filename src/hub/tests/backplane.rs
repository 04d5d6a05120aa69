//! What services share with other processes: what goes out, and what comes in.

use std::sync::{Arc, Mutex};

use super::*;
use crate::engine::{HostEvent, Left, LoopSource, PLUGGED, PeerEnd, Ready};
use crate::service::Share;

/// Keeps what it gets, in words.
#[derive(Clone, Debug, Default)]
struct KeptWords(Arc<Mutex<Vec<String>>>);

impl KeptWords {
    fn add(&self, words: String) {
        self.0.lock().expect("no panic holds it").push(words);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic holds it"))
    }
}

impl Backplane for KeptWords {
    fn subscribe(&mut self, service: &str, topic: &str) {
        self.add(format!("sub {service} {topic}"));
    }

    fn unsubscribe(&mut self, service: &str, topic: &str) {
        self.add(format!("unsub {service} {topic}"));
    }

    fn publish(&mut self, service: &str, topic: Option<&str>, message: &Message) {
        let text = message.as_text().unwrap_or_default();
        self.add(format!("pub {service} {topic:?} {text}"));
    }
}

/// A rig whose service `/s`, the third, shares, with two sockets.
fn sharing(share: Share) -> (Rig, KeptWords, [SocketId; 2]) {
    let mut rig = Rig::new(Limits::SERVER);
    let options = ServiceOptions { share, ..mount(Limits::SERVER) };
    rig.engine.hub_mut().mount("/s", options).expect("it is free");
    let kept = KeptWords::default();
    rig.engine.hub_mut().share_by(Box::new(kept.clone()));
    let sockets = [rig.ask("/s"), rig.ask("/s")];
    rig.ready(2);
    rig.apply(2, vec![taken(2)]);
    sockets.iter().for_each(|id| assert_eq!(rig.status(*id), "101"));
    rig.mail();
    (rig, kept, sockets)
}

/// The service ends with its sockets, and rests.
fn end(rig: &mut Rig, sockets: [SocketId; 2]) {
    let number = rig.hub().workers[WorkerId::new(2)].run;
    rig.end_run(ServiceId::new(2), number);
    sockets.into_iter().for_each(|id| rig.remove(id));
    rig.wait(60_000);
}

fn subscribe(id: SocketId, topic: &str) -> Outbound {
    Outbound::Subscribe { id, topic: topic.to_owned() }
}

fn apply_shared(rig: &mut Rig, event: SharedEvent) {
    let now = rig.now;
    rig.engine.hub_mut().apply_shared(event, now);
    rig.turn();
}

fn message(topic: Option<&str>) -> SharedEvent {
    SharedEvent::Message {
        service: "/s".to_owned(),
        topic: topic.map(str::to_owned),
        message: Message::from("far"),
    }
}

const FAR: &[u8] = b"\x81\x03far";

#[test]
fn others_know_the_topics_that_have_sockets() {
    let (mut rig, kept, [one, two]) = sharing(Share::Topics);
    let end = |id, topic: &str| Outbound::Unsubscribe { id, topic: topic.to_owned() };
    rig.apply(2, vec![subscribe(one, "a"), subscribe(two, "a"), subscribe(one, "a")]);
    assert_eq!(kept.take(), ["sub /s a"]);
    rig.apply(2, vec![subscribe(two, "b"), end(one, "a"), end(one, "a"), end(one, "none")]);
    assert_eq!(kept.take(), ["sub /s b"]);
    rig.remove(two);
    let mut ended = kept.take();
    ended.sort();
    assert_eq!(ended, ["unsub /s a", "unsub /s b"]);
    // Those of a service that does not share are its own.
    let other = rig.open("/a");
    rig.apply(0, vec![taken(1), subscribe(other, "a"), end(other, "a")]);
    assert_eq!(kept.take(), [""; 0]);
}

#[test]
fn a_service_shares_what_its_option_says() {
    for (share, expected) in [
        (Share::None, &[][..]),
        (Share::Topics, &["pub /s Some(\"t\") b"]),
        (Share::All, &["pub /s None a", "pub /s Some(\"t\") b"]),
    ] {
        let (mut rig, kept, [one, two]) = sharing(share);
        let both = vec![one, two];
        let all = [
            send(Audience::all(), "a"),
            send(Audience::topic("t"), "b"),
            send(one, "c"),
            send(both, "d"),
        ];
        rig.apply(2, all.into());
        assert_eq!(kept.take(), expected, "{share:?}");
    }
}

#[test]
fn what_comes_reaches_the_sockets_here_and_goes_nowhere_else() {
    for (share, by_topic, by_all) in
        [(Share::None, 0, 0), (Share::Topics, 1, 0), (Share::All, 1, 2)]
    {
        let (mut rig, kept, sockets) = sharing(share);
        rig.apply(2, vec![subscribe(sockets[0], "t")]);
        kept.take();
        for (topic, len) in [(Some("t"), by_topic), (Some("none"), 0), (None, by_all)] {
            apply_shared(&mut rig, message(topic));
            let got = sockets.map(|id| rig.got(id));
            assert_eq!(got.iter().filter(|got| *got == FAR).count(), len, "{share:?} {topic:?}");
            assert!(got.iter().all(|got| got.is_empty() || got == FAR));
        }
        assert_eq!(kept.take(), [""; 0]);
    }
}

#[test]
fn a_gap_is_told_once_until_it_is_taken() {
    let (mut rig, _kept, _) = sharing(Share::Topics);
    let other = rig.open("/a");
    for _ in 0..3 {
        apply_shared(&mut rig, SharedEvent::Gap);
    }
    assert_eq!(rig.mail(), ["gap None"]);
    // It may have handled that one before the others came.
    rig.apply(2, vec![taken(1)]);
    assert_eq!(rig.mail(), ["gap None"]);
    rig.apply(2, vec![taken(1)]);
    assert_eq!(rig.mail(), [""; 0]);
    apply_shared(&mut rig, SharedEvent::Gap);
    assert_eq!(rig.mail(), ["gap None"]);
    // A service that does not run has missed nothing, and one that does not share neither.
    let number = rig.hub().workers[WorkerId::new(2)].run;
    rig.end_run(ServiceId::new(2), number);
    apply_shared(&mut rig, SharedEvent::Gap);
    assert!(rig.mail().iter().all(|line| !line.starts_with("gap")));
    rig.remove(other);
}

#[test]
fn a_run_gets_gaps_once_it_is_ready_whatever_the_last_had_not_taken() {
    let (mut rig, _kept, sockets) = sharing(Share::Topics);
    apply_shared(&mut rig, SharedEvent::Gap);
    assert_eq!(rig.mail(), ["gap None"]);
    end(&mut rig, sockets);
    rig.ask("/s");
    rig.mail();
    apply_shared(&mut rig, SharedEvent::Gap);
    assert_eq!(rig.mail(), [""; 0], "it has no sockets yet");
    rig.ready(2);
    rig.mail();
    apply_shared(&mut rig, SharedEvent::Gap);
    assert_eq!(rig.mail(), ["gap None"]);
}

fn listen(topic: &str) -> Outbound {
    Outbound::Listen { topic: topic.to_owned() }
}

#[test]
fn a_service_hears_what_others_send_to_its_topics() {
    let (mut rig, kept, [one, two]) = sharing(Share::Topics);
    rig.apply(2, vec![listen("t"), listen("t"), send(Audience::topic("t"), "near")]);
    assert_eq!(kept.take(), ["sub /s t", "pub /s Some(\"t\") near"]);
    assert_eq!(rig.mail(), ["gap Some(\"t\")"], "it does not hear itself");
    apply_shared(&mut rig, message(Some("t")));
    apply_shared(&mut rig, message(Some("other")));
    assert_eq!(rig.mail(), ["heard t far"]);
    // Sockets and listeners are of the same topic, which others need to know once.
    rig.apply(2, vec![subscribe(one, "t"), subscribe(two, "u"), listen("u")]);
    assert_eq!(kept.take(), ["sub /s u"]);
    apply_shared(&mut rig, message(Some("t")));
    assert_eq!(rig.mail(), ["gap Some(\"u\")", "heard t far"]);
    assert_eq!([one, two].map(|id| rig.got(id)), [FAR.to_vec(), Vec::new()]);
    let unlisten = |topic: &str| Outbound::Unlisten { topic: topic.to_owned() };
    rig.apply(2, vec![unlisten("t"), unlisten("t"), unlisten("none")]);
    assert_eq!(kept.take(), [""; 0], "it has a socket");
    apply_shared(&mut rig, message(Some("t")));
    assert_eq!(rig.mail(), [""; 0]);
    rig.remove(one);
    rig.remove(two);
    rig.mail();
    assert_eq!(kept.take(), ["unsub /s t"], "the other one is listened to");
    let number = rig.hub().workers[WorkerId::new(2)].run;
    rig.end_run(ServiceId::new(2), number);
    assert_eq!(kept.take(), ["unsub /s u"]);
}

#[test]
fn who_does_not_share_listens_in_vain() {
    let (mut rig, kept, _) = sharing(Share::None);
    let long = "x".repeat(Limits::TOPIC_NAME_BYTES_MAX + 1);
    rig.apply(2, vec![listen("t")]);
    let (mut shared, others, _) = sharing(Share::All);
    shared.apply(2, vec![listen(&long)]);
    assert_eq!((rig.mail(), kept.take()), (vec![], vec![]));
    assert_eq!((shared.mail(), others.take()), (vec![], vec![]));
}

#[test]
fn what_finds_the_mail_full_is_a_gap() {
    let (mut rig, _kept, _) = sharing(Share::Topics);
    rig.apply(2, vec![listen("t")]);
    let max = Limits::SERVER.mail_messages_max;
    (0..2 * max).for_each(|_| apply_shared(&mut rig, message(Some("t"))));
    let mail = rig.mail();
    assert_eq!(mail.len(), max + 1);
    assert_eq!(mail.iter().filter(|line| line.starts_with("heard")).count(), max - 1);
    assert_eq!(mail.last().map(String::as_str), Some("gap None"));
    assert_eq!(counters::metrics(&rig).services[2].unheard, max as u64 + 1);
    rig.apply(2, vec![taken(max + 1)]);
    apply_shared(&mut rig, message(Some("t")));
    assert_eq!(rig.mail(), ["gap None", "heard t far"], "messages were missing behind that gap");
}

#[test]
fn who_listens_before_it_is_ready_gets_its_gaps() {
    let (mut rig, _kept, sockets) = sharing(Share::Topics);
    end(&mut rig, sockets);
    rig.ask("/s");
    rig.mail();
    rig.apply(2, vec![listen("t")]);
    (0..2 * Limits::SERVER.mail_messages_max)
        .for_each(|_| apply_shared(&mut rig, message(Some("t"))));
    assert_eq!(rig.mail().last().map(String::as_str), Some("gap None"));
}

#[test]
fn a_local_audience_is_of_this_process() {
    for share in [Share::Topics, Share::All] {
        let (mut rig, kept, [one, two]) = sharing(share);
        rig.apply(2, vec![subscribe(one, "t")]);
        kept.take();
        let to = |audience: Audience| send(audience.local(), "a");
        rig.apply(2, vec![to(Audience::topic("t")), to(Audience::all()), to(one.into())]);
        let got = [one, two].map(|id| rig.got(id).len() / b"\x81\x01a".len());
        assert_eq!((got, kept.take()), ([3, 1], vec![]), "{share:?}");
    }
}

/// What comes from others, more than a turn takes.
#[derive(Debug)]
struct Coming(u32);

impl LoopSource for Coming {
    fn take(&mut self, hub: &mut Hub, left: &mut usize, now: Time) -> Left {
        *left -= hub.apply_shared(message(Some("t")), now);
        self.0 -= 1;
        if self.0 > 0 { Left::Unknown } else { Left::Nothing }
    }
}

#[test]
fn what_is_left_in_a_link_is_read_by_the_next_turn() {
    let (mut rig, _, [one, _]) = sharing(Share::All);
    rig.apply(2, vec![subscribe(one, "t")]);
    rig.engine.plug(Box::new(Coming(3)));
    let has_work = |rig: &Rig| rig.engine.has_work(&rig.io);
    rig.turn();
    assert!(!has_work(&rig), "nothing is reported");
    let ready = Ready { readable: true, writable: false, end: PeerEnd::None };
    rig.engine.notify(PLUGGED, ready);
    for turn in 1..=3 {
        assert!(has_work(&rig), "{turn}");
        rig.turn();
        assert_eq!(rig.io.written.remove(&one.serial()).as_deref(), Some(FAR), "{turn}");
    }
    assert!(!has_work(&rig), "all is read");
}

#[test]
fn what_reaches_no_socket_counts_as_well() {
    let (mut rig, _, [one, two]) = sharing(Share::All);
    rig.apply(2, vec![subscribe(one, "t"), subscribe(two, "t")]);
    let now = rig.now;
    let mut cost = |event| rig.engine.hub_mut().apply_shared(event, now);
    let found = [message(Some("t")), message(Some("other")), SharedEvent::Gap].map(&mut cost);
    assert_eq!(found, [2, 1, 1]);
}

#[test]
fn what_is_left_of_what_a_thread_has_is_taken_by_the_next_turn() {
    let (mut rig, _, [one, _]) = sharing(Share::All);
    rig.apply(2, vec![subscribe(one, "t")]);
    rig.tell(HostEvent::Source(Box::new(Coming(3))));
    for turn in 2..=3 {
        assert_eq!(rig.io.written.remove(&one.serial()).as_deref(), Some(FAR), "{turn}");
        assert!(rig.engine.has_work(&rig.io), "{turn}");
        rig.turn();
    }
    assert_eq!(rig.io.written.remove(&one.serial()).as_deref(), Some(FAR));
    assert!(!rig.engine.has_work(&rig.io), "all is taken");
}

#[cfg(feature = "senders")]
#[test]
fn a_sender_reaches_others_while_its_service_does_not_run() {
    let (mut rig, kept, sockets) = sharing(Share::Topics);
    end(&mut rig, sockets);
    kept.take();
    let (mut sent, now) = ([send(Audience::topic("t"), "near")].into_iter(), rig.now);
    rig.engine.hub_mut().apply_for(WorkerId::new(2), &mut sent, usize::MAX, now);
    assert_eq!(kept.take(), ["pub /s Some(\"t\") near"]);
}

/// Others know of the topics that it had before, and of no others.
#[test]
fn a_reload_does_not_change_what_a_service_shares() {
    let (mut rig, kept, [one, _]) = sharing(Share::None);
    let (options, now) = (ServiceOptions { share: Share::All, ..mount(Limits::SERVER) }, rig.now);
    rig.engine.hub_mut().remount(ServiceId::new(2), options, now);
    rig.apply(2, vec![subscribe(one, "t"), send(Audience::topic("t"), "near")]);
    assert!(kept.take().is_empty());
}
