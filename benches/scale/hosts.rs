//! Two hosts that share over Redis.

use std::process::Command;

use crate::load::Load;
use crate::processes::BURSTS;
use crate::server::Server;
use crate::setting::{Setting, new_load, show, target};
use crate::support::redis::Redis;

/// What two hosts use beyond what one uses for the same message and the same sockets, and Redis.
///
/// # Errors
/// What a server did that it must not.
pub fn redis(setting: &Setting) -> Result<(), String> {
    if Command::new("redis-server").arg("--version").output().is_err() {
        println!("Redis: skipped, since there is no redis-server (apt-get install redis-server)");
        return Ok(());
    }
    for (name, bursts) in BURSTS {
        let sum = measure(setting, 8, bursts)?;
        show(&format!("{name}, one host"), &sum.one, "us");
        show(&format!("{name}, over Redis, each of two hosts adds"), &sum.added(2.0), "us");
        show(&format!("{name}, over Redis, Redis itself"), &sum.redis, "us");
    }
    let len = if setting.is_quick { 50 } else { 1_000 };
    let sum = measure(setting, len, [300, 1])?;
    let per_delivery = |figures: &[f64]| -> Vec<_> {
        figures.iter().map(|cost| cost / (len + 1) as f64).collect()
    };
    show(&format!("{len} sockets, one host, a delivery"), &per_delivery(&sum.one), "us");
    show(&format!("{len} sockets at the other host, a delivery"), &per_delivery(&sum.two), "us");
    let ratios: Vec<_> = sum.two.iter().zip(&sum.one).map(|(two, one)| two / one).collect();
    show(&format!("{len} sockets at the other host, to one host"), &ratios, "times");
    Ok(())
}

/// Microseconds for a message.
#[derive(Default)]
struct Sums {
    one: Vec<f64>,
    two: Vec<f64>,
    redis: Vec<f64>,
}

impl Sums {
    /// What two hosts use beyond one, for each of `hosts`.
    fn added(&self, hosts: f64) -> Vec<f64> {
        self.two.iter().zip(&self.one).map(|(two, one)| (two - one) / hosts).collect()
    }
}

/// One socket sends; so many others have their host to themselves, or share the one of the sender.
fn measure(setting: &Setting, others_len: usize, bursts: [usize; 2]) -> Result<Sums, String> {
    let mut sums = Sums::default();
    for _ in 0..setting.rounds {
        let host = setting.start("alone", "")?;
        let mut load = open([&host, &host], others_len, bursts)?;
        sums.one.extend(setting.publish(&mut load, bursts, &[host.pid()])?);
        drop(host);

        let redis = Redis::start();
        let conf = format!("[backplane]\nurl: {}\n[service /broadcast]\nshare: all\n", redis.url());
        let hosts = [setting.start("first", &conf)?, setting.start("second", &conf)?];
        redis.wait_for_subscribers("switchboard:all", 2);
        let mut load = open([&hosts[0], &hosts[1]], others_len, bursts)?;
        let pids = [hosts[0].pid(), hosts[1].pid(), redis.pid()];
        let used = setting.publish(&mut load, bursts, &pids)?;
        sums.two.push(used[0] + used[1]);
        sums.redis.push(used[2]);
    }
    Ok(sums)
}

fn open(
    [first, second]: [&Server; 2],
    others_len: usize,
    [_, burst]: [usize; 2],
) -> Result<Load, String> {
    let mut load = new_load(target(first, "/broadcast"), burst)?;
    load.open(1)?;
    load.aim(target(second, "/broadcast"));
    load.open(1 + others_len)?;
    Ok(load)
}
