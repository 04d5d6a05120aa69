//! Services that start without a socket, and again after each end.

use super::*;
use crate::service::Start;

fn eager() -> ServiceOptions {
    ServiceOptions { start: Start::Eager, ..mount(Limits::SERVER) }
}

/// A rig with an eager service besides the others, before its first turn.
fn rig() -> (Rig, ServiceId) {
    let mut rig = Rig::new(Limits::SERVER);
    let id = rig.engine.hub_mut().mount("/eager", eager()).expect("it is free");
    (rig, id)
}

/// The runs that have begun since this was last asked for.
fn started(rig: &mut Rig) -> Vec<(ServiceId, u32)> {
    std::mem::take(&mut rig.io.started)
}

fn state(rig: &Rig, id: ServiceId) -> RunState {
    rig.hub().workers[rig.hub().first_of(id)].state
}

/// Lets the time pass that a host waits for without an event.
fn wait_for_deadline(rig: &mut Rig) -> u64 {
    let wait = rig.hub().deadline().expect("there is one").since(rig.now);
    rig.wait(wait);
    wait
}

#[test]
fn it_starts_in_the_first_turn_without_a_socket() {
    let (mut rig, id) = rig();
    assert_eq!(rig.hub().deadline(), Some(Time::ZERO), "the host does not wait for an event");
    rig.turn();
    assert_eq!(started(&mut rig), [(id, 1)], "the others wait for a socket");
    assert_eq!(rig.hub().deadline(), None);
    rig.ready(id.index());
    let socket = rig.ask("/eager");
    assert_eq!(rig.status(socket), "101");
    assert!(started(&mut rig).is_empty());
}

#[test]
fn a_socket_that_comes_first_starts_it_once() {
    let (mut rig, id) = rig();
    let socket = rig.ask("/eager");
    rig.turn();
    assert_eq!(started(&mut rig), [(id, 1)]);
    rig.ready(id.index());
    assert_eq!(rig.status(socket), "101");
}

#[test]
fn it_starts_again_after_pauses_that_grow() {
    let (mut rig, id) = rig();
    rig.turn();
    let mut pauses = Vec::new();
    for run in 1..=9 {
        assert_eq!(started(&mut rig), [(id, run)]);
        rig.end_run(id, run);
        // The first end is forgiven.
        let has_started = !rig.io.started.is_empty();
        pauses.push(if has_started { 0 } else { wait_for_deadline(&mut rig) / 1_000 });
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 64]);
}

/// As for any service that keeps failing.
#[test]
fn sockets_are_refused_in_its_pause() {
    let (mut rig, id) = rig();
    rig.turn();
    for run in 1..=2 {
        rig.end_run(id, run);
        rig.turn();
    }
    started(&mut rig);
    let refused = rig.ask("/eager");
    assert_eq!(rig.status(refused), "503");
    rig.wait(999);
    assert!(started(&mut rig).is_empty());
    rig.wait(1);
    assert_eq!(started(&mut rig), [(id, 3)]);
}

#[test]
fn a_stop_starts_nothing_again() {
    let (mut rig, id) = rig();
    rig.turn();
    rig.ready(id.index());
    rig.stop();
    rig.turn();
    assert_eq!(rig.io.stopped, [rig.hub().first_of(id)]);
    rig.end_run(id, 1);
    assert_eq!(started(&mut rig), [(id, 1)]);
    // One that pauses when the stop begins does not start, either, and wakes nothing.
    let (mut rig, id) = self::rig();
    rig.turn();
    (1..=2).for_each(|run| {
        rig.end_run(id, run);
        rig.turn();
    });
    started(&mut rig);
    let open = rig.open("/a");
    rig.stop();
    rig.wait(1_500);
    assert_eq!(started(&mut rig), [(ServiceId::new(0), 1)]);
    assert!(rig.hub().sockets.get(open).is_some(), "its peer has not answered");
    assert!(rig.hub().deadline().is_none_or(|at| at > rig.now));
}

#[test]
fn a_reload_may_make_it_eager_or_lazy() {
    let (mut rig, id) = rig();
    rig.turn();
    (1..=2).for_each(|run| {
        rig.end_run(id, run);
        rig.turn();
    });
    assert_eq!(started(&mut rig), [(id, 1), (id, 2)]);
    let lazy = mount(Limits::SERVER);
    let now = rig.now;
    rig.engine.hub_mut().remount(id, lazy.clone(), now);
    rig.wait(60_000);
    assert!(started(&mut rig).is_empty(), "nobody has asked for it");
    let now = rig.now;
    rig.engine.hub_mut().remount(id, eager(), now);
    rig.turn();
    assert_eq!(started(&mut rig), [(id, 3)]);
    // One that runs goes on, and only starts no more.
    let now = rig.now;
    rig.engine.hub_mut().remount(id, lazy, now);
    rig.turn();
    assert_eq!(state(&rig, id), RunState::Starting);
    rig.end_run(id, 3);
    rig.wait(60_000);
    assert!(started(&mut rig).is_empty());
    // The end of a pause is in a remount, too.
    rig.ask("/eager");
    rig.end_run(id, 4);
    started(&mut rig);
    let now = rig.now;
    rig.engine.hub_mut().remount(id, eager(), now);
    rig.turn();
    assert_eq!(started(&mut rig), [(id, 5)]);
}

/// An entry of a program may be used for another one, but not that of an eager one.
#[test]
fn an_eager_program_keeps_its_entry() {
    let mut rig = Rig::new(Limits::SERVER);
    let mut mount = |number: usize, options| {
        rig.engine.hub_mut().mount_program(&format!("/p{number}"), options)
    };
    let first = mount(0, eager()).expect("it is free");
    (1..Limits::PROGRAMS_MAX).for_each(|number| _ = mount(number, eager()));
    // All others run by now, or are about to.
    assert_eq!(mount(9_999, super::mount(Limits::SERVER)), Err(PathError::TooMany));
    rig.turn();
    assert_eq!(rig.io.started.len(), Limits::PROGRAMS_MAX);
    let next = rig.engine.hub_mut().mount_program("/next", super::mount(Limits::SERVER));
    assert_eq!(next, Err(PathError::TooMany));
    rig.turn();
    assert!(rig.io.stopped.is_empty(), "none is stopped, since all are to run without a socket");
    rig.end_run(first, 1);
    let next = rig.engine.hub_mut().mount_program("/next", super::mount(Limits::SERVER));
    assert_eq!(next, Err(PathError::TooMany));
    rig.turn();
    assert_eq!(rig.io.started.last(), Some(&(first, 2)));
}

#[cfg(feature = "admin")]
mod readiness {
    use super::*;

    fn said(rig: &Rig) -> String {
        rig.hub().readiness(Descriptors::Enough).to_string()
    }

    #[test]
    fn an_eager_service_counts_until_it_is_ready() {
        let (mut rig, id) = rig();
        assert_eq!(said(&rig), "service /eager is down");
        rig.turn();
        assert_eq!(said(&rig), "service /eager is down");
        rig.ready(id.index());
        assert_eq!(said(&rig), "ready", "the others need not run");
        rig.apply(id.index(), vec![Outbound::Reset { pause_ms: 0 }]);
        assert_eq!(said(&rig), "service /eager is down");
        rig.ready(id.index());
        assert_eq!(said(&rig), "ready");
        rig.end_run(id, 1);
        assert_eq!(said(&rig), "service /eager is down");
        let lazy = mount(Limits::SERVER);
        let now = rig.now;
        rig.engine.hub_mut().remount(id, lazy, now);
        assert_eq!(said(&rig), "ready");
    }

    #[test]
    fn the_reasons_of_the_host_come_first() {
        let (mut rig, _) = rig();
        let lacking = rig.hub().readiness(Descriptors::Lacking);
        assert!(!lacking.is_ready());
        assert_eq!(lacking.to_string(), "no descriptors\nservice /eager is down");
        rig.open("/a");
        rig.stop();
        let all = rig.hub().readiness(Descriptors::Lacking).to_string();
        assert_eq!(all, "draining\nno descriptors\nservice /eager is down");
    }
}
