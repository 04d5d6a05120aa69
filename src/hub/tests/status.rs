//! What operators see of services.

use super::*;
use crate::pages::ServiceKind;

/// The facts of the first service in one line.
fn facts(rig: &Rig) -> String {
    let ServiceStatus { path, kind, state, sockets_len, waiting_len, restarts, .. } =
        rig.hub().service_status(ServiceId::new(0), rig.now);
    let ServiceStatus { mail_len, mail_bytes, topics_len, .. } =
        rig.hub().service_status(ServiceId::new(0), rig.now);
    let bytes = if mail_bytes > 0 { "some" } else { "no" };
    format!(
        "{path} {kind} {state}: {sockets_len} open, {waiting_len} wait, {mail_len} mail of {bytes} \
         bytes, {topics_len} topics, {restarts} restarts"
    )
}

#[test]
fn the_state_of_a_service_follows_what_happens_to_it() {
    let mut rig = Rig::new(Limits::SERVER);
    let said = |rig: &Rig, expected: &str| assert_eq!(facts(rig), format!("/a mounted {expected}"));
    said(&rig, "idle: 0 open, 0 wait, 0 mail of no bytes, 0 topics, 0 restarts");
    let id = rig.ask("/a");
    said(&rig, "starting: 0 open, 1 wait, 0 mail of no bytes, 0 topics, 0 restarts");
    rig.ready(0);
    said(&rig, "running: 1 open, 0 wait, 1 mail of some bytes, 0 topics, 0 restarts");
    let topic = "t".to_owned();
    rig.apply(0, vec![taken(1), Outbound::Subscribe { id, topic }]);
    rig.say(id, "one");
    rig.say(id, "two");
    said(&rig, "running: 1 open, 0 wait, 2 mail of some bytes, 1 topics, 0 restarts");
    // What serves the socket is replaced under it.
    rig.apply(0, vec![Outbound::Reset { pause_ms: 1_500 }]);
    said(&rig, "pausing: 1 open, 0 wait, 2 mail of some bytes, 0 topics, 1 restarts");
    rig.wait(1_500);
    said(&rig, "starting: 1 open, 0 wait, 2 mail of some bytes, 0 topics, 1 restarts");
    rig.end_run(ServiceId::new(0), 1);
    let pause = rig.hub().workers[WorkerId::new(0)].retry.since(rig.now);
    let state = if pause > 0 { "pausing" } else { "idle" };
    said(&rig, &format!("{state}: 0 open, 0 wait, 0 mail of no bytes, 0 topics, 1 restarts"));
    rig.wait(pause);
    rig.open("/a");
    said(&rig, "running: 1 open, 0 wait, 1 mail of some bytes, 0 topics, 2 restarts");
    let all: Vec<_> = rig.hub().service_statuses(rig.now).map(|status| status.path).collect();
    assert_eq!(all, ["/a", "/b"]);
}

/// The entry of another program that does not run is used again.
#[test]
fn a_program_has_no_restarts_of_another() {
    let mut rig = Rig::new(Limits::SERVER);
    let mut mount = |number: usize| {
        let path = format!("/p{number}");
        let mounted = rig.engine.hub_mut().mount_program(&path, mount(Limits::SERVER));
        mounted.expect("it is free, or one does not run")
    };
    let first = mount(0);
    (1..Limits::PROGRAMS_MAX).for_each(|number| _ = mount(number));
    let worker = rig.hub().first_of(first);
    let worker = &mut rig.engine.hub_mut().workers[worker];
    (0..3).for_each(|_| _ = worker.begin(Time::ZERO));
    worker.end(Time::ZERO);
    let restarts = |rig: &Rig| rig.hub().service_status(first, rig.now).restarts;
    assert_eq!(restarts(&rig), 2);
    rig.wait(60_000);
    let of_first = rig.hub().first_of(first);
    let workers = &mut rig.engine.hub_mut().workers;
    for id in workers.ids().filter(|id| *id != of_first) {
        workers[id].retry = Time::ZERO.after(120_000);
    }
    let mounted = rig.engine.hub_mut().mount_program("/new", ServiceOptions::new(Limits::SERVER));
    assert_eq!(mounted, Ok(first));
    let status = rig.hub().service_status(first, rig.now);
    assert_eq!((status.path, status.kind, status.restarts), ("/new", ServiceKind::Program, 0));
}
