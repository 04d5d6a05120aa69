//! Any text is a configuration, or has errors with line numbers that exist; neither comments nor
//! blanks make a difference.

use std::path::Path;

use switchboard::config::{Config, ConfigError};
use switchboard::limits::Limits;

/// The input is a file, if it is text.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > INPUT_BYTES_MAX {
        return;
    }
    let read = parse(text);
    match &read {
        Ok(config) => check_config(config),
        Err(error) => check_error(error, text),
    }
    // A mark at the beginning counts only there.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let decorated: String =
        text.lines().map(|line| format!("\t {line} ; port: 1 # [x]\r\n")).collect();
    assert_eq!(parse(&decorated), read, "with blanks and comments in the lines");
    let spread: String = text.lines().map(|line| format!("# [x]\n \t\n{line}\n")).collect();
    let moved = read.ok().map(|mut config| {
        config.services.iter_mut().for_each(|service| service.line *= 3);
        config
    });
    assert_eq!(parse(&spread).ok(), moved, "with blanks and comments between the lines");
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new(FILE), text)
}

fn check_config(config: &Config) {
    assert_eq!(config.file.as_deref(), Some(Path::new(FILE)));
    assert!(!config.hosts.is_empty(), "it listens somewhere");
    for host in &config.hosts {
        assert_eq!(config.hosts.iter().filter(|other| *other == host).count(), 1, "{host}");
    }
    for descriptors in [0, 100, 1 << 20] {
        let limits = config.limits_for(descriptors);
        assert_eq!(limits.check(), Ok(()), "with {descriptors} descriptors");
    }
    let sockets_max = config.sockets_max.unwrap_or(1);
    assert_eq!(config.limits_for(1 << 30).sockets_max.min(sockets_max), sockets_max);
    assert_eq!(config.all.limits.sockets_max, Limits::SERVER.sockets_max);
    assert!(config.services.is_sorted_by(|a, b| a.path < b.path), "no path is there twice");
    for service in &config.services {
        let path = &service.path;
        assert!(path.starts_with('/'), "{path:?}");
        assert_eq!(service.options.limits.check(), Ok(()), "the limits of {path:?}");
        assert_eq!(config.service(path), Some(service));
    }
}

/// Each line of the error names one of the text, in their order, and says something.
fn check_error(error: &ConfigError, text: &str) {
    let (shown, lines_len) = (error.to_string(), text.lines().count());
    let mut last = 1;
    for line in shown.lines() {
        if line.starts_with("and ") && line.ends_with(" more") {
            assert!(shown.ends_with(line), "it is the last: {shown}");
            continue;
        }
        let place = line.strip_prefix(FILE).and_then(|rest| rest.strip_prefix(':'));
        let place = place.and_then(|rest| rest.split_once(": "));
        let Some((number, problem)) = place else { panic!("{line:?} has no place") };
        let number: usize = number.parse().expect("a line has a number");
        assert!((last..=lines_len).contains(&number), "line {number} of {lines_len}: {shown}");
        assert!(!problem.is_empty() && !problem.ends_with('.'), "{problem:?}");
        assert!(!problem.contains(|c: char| c.is_control()), "{problem:?}");
        last = number;
    }
    assert!(shown.lines().count() > 0, "something is wrong, and it says what");
}

const FILE: &str = "fuzz.conf";
const INPUT_BYTES_MAX: usize = 512;
