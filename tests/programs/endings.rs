//! How programs end, and that nothing of them stays: no zombie, no orphan.

use std::process::Command;
use std::time::{Duration, Instant};

use switchboard::process::{PipeRead, Stages, StartError};

use crate::beginnings::CAT;
use crate::bench::{Bench, is_alive, is_known};
use crate::support::{NEVER_MS, until};

#[test]
fn the_end_of_its_input_ends_a_program_that_heeds_it() {
    let mut bench = Bench::new("heeds", &[("cat", CAT)]);
    let id = bench.start("/cat");
    let process = bench.leader(id);
    bench.tell(id, b"the last word\n");
    bench.pump.stop(id, PATIENT);
    let (said, exit) = bench.rest(id);
    assert_eq!(said, "the last word\n");
    assert!(exit.status().is_some_and(|status| status.success()), "{exit}");
    assert!(!is_known(process), "it is no zombie");
    assert!(bench.groups.is_empty() && bench.pump.is_empty());
}

#[test]
fn the_second_stage_terminates() {
    let mut bench = Bench::new("term", &[("sleep", "#!/bin/sh\nexec sleep 1000\n")]);
    let id = bench.start("/sleep");
    bench.pump.stop(id, Stages { terminate_after_ms: 0, kill_after_ms: NEVER_MS });
    let (_, exit) = bench.rest(id);
    assert_eq!(exit.to_string(), "it exited with signal: 15 (SIGTERM)");
}

#[test]
fn the_last_stage_kills_the_whole_group() {
    let script = "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $!\nwhile :; do sleep 1000; done\n";
    let mut bench = Bench::new("kill", &[("stubborn", script)]);
    let id = bench.start("/stubborn");
    let (process, start) = (bench.leader(id), Instant::now());
    let grandchild = bench.line(id).parse().expect("it is a number");
    let stage_ms = 100;
    bench.pump.stop(id, Stages { terminate_after_ms: stage_ms, kill_after_ms: stage_ms });
    let (_, exit) = bench.rest(id);
    assert_eq!(exit.to_string(), "it exited with signal: 9 (SIGKILL)");
    // The clock of a pump counts whole milliseconds, and the first has begun.
    let stages = Duration::from_millis(2 * stage_ms - 1);
    assert!(start.elapsed() >= stages, "each stage has its time");
    assert!(!is_known(process));
    until("the grandchild is gone", || !is_alive(grandchild));
}

#[test]
fn a_full_pipe_does_not_put_the_end_off() {
    let mut bench = Bench::new("stuck", &[("sleep", "#!/bin/sh\nexec sleep 1000\n")]);
    let id = bench.start("/sleep");
    bench.tell(id, &vec![0; 1 << 20]);
    bench.pump.stop(id, Stages { terminate_after_ms: 0, kill_after_ms: NEVER_MS });
    let (_, exit) = bench.rest(id);
    assert_eq!(exit.to_string(), "it exited with signal: 15 (SIGTERM)");
}

#[test]
fn grandchildren_that_hold_the_pipes_go_with_the_program() {
    let script = "#!/bin/sh\nsleep 1000 &\necho $!\nexit 0\n";
    let mut bench = Bench::new("grandchild", &[("leaves", script)]);
    let id = bench.start("/leaves");
    let process = bench.leader(id);
    let (said, exit) = bench.rest(id);
    assert!(exit.status().is_some_and(|status| status.success()), "{exit}");
    let grandchild = said.trim().parse().expect("it is a number");
    until("the grandchild is gone", || !is_alive(grandchild));
    assert!(!is_known(process));
}

#[test]
fn who_leaves_the_group_is_not_waited_for() {
    let script = "#!/bin/sh\nsetsid sh -c 'echo $$; exec sleep 100' &\nread -r _\n";
    let mut bench = Bench::new("daemon", &[("daemon", script)]);
    let id = bench.start("/daemon");
    let daemon = bench.line(id);
    bench.tell(id, b"go\n");
    bench.rest(id);
    assert!(bench.pump.is_empty() && is_alive(daemon.parse().expect("it is a number")));
    let killed = Command::new("kill").args(["-KILL", &daemon]).status();
    assert!(killed.expect("it runs").success());
}

#[test]
fn a_pump_that_goes_takes_its_programs_along() {
    let script = "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $!\nwhile :; do sleep 1000; done\n";
    let mut bench = Bench::new("dropped", &[("stubborn", script)]);
    let ids: Vec<_> = (0..3).map(|_| bench.start("/stubborn")).collect();
    let processes: Vec<_> = ids.iter().map(|&id| bench.leader(id)).collect();
    let mut grandchildren = Vec::new();
    bench.until("all have begun", |_, _, said| {
        let lines = std::str::from_utf8(said).expect("it is ASCII").lines();
        grandchildren.extend(lines.map(|line| line.parse::<u32>().expect("it is a number")));
        (grandchildren.len() == 3).then_some(())
    });
    let Bench { pump, groups, .. } = bench;
    assert_eq!(groups.len(), 3);
    drop(pump);
    assert!(groups.is_empty());
    for process in processes {
        assert!(!is_known(process), "it is gone, and no zombie");
    }
    for grandchild in grandchildren {
        until("the grandchild is gone", || !is_alive(grandchild));
    }
}

#[test]
fn a_host_ends_all_groups_and_no_more_begin() {
    let mut bench = Bench::new("all", &[("cat", CAT)]);
    let id = bench.start("/cat");
    bench.groups.clone().kill_all();
    let (_, exit) = bench.rest(id);
    assert_eq!(exit.to_string(), "it exited with signal: 9 (SIGKILL)");
    let error = bench.try_start("/cat").expect_err("the host has stopped");
    assert!(matches!(error, StartError::Stopped), "{error}");
}

#[test]
fn what_is_gone_is_nobody() {
    let mut bench = Bench::new("gone", &[("exits", "#!/bin/sh\n")]);
    let id = bench.start("/exits");
    bench.rest(id);
    assert!(bench.pump.input(id).is_none() && !bench.pump.is_full(id));
    assert_eq!(bench.pump.read(id, &mut [0]), PipeRead::End);
    assert_eq!((bench.pump.written(id), bench.pump.leader(id)), (0, None));
    bench.pump.stop(id, PATIENT);
    bench.pump.kill(id);
    let mut events = Vec::new();
    bench.pump.poll(Some(Duration::ZERO), &mut events).expect("polling works");
    assert!(events.is_empty());
}

/// Of a program that ends by itself.
pub const PATIENT: Stages = Stages { terminate_after_ms: NEVER_MS, kill_after_ms: NEVER_MS };
