//! Any text is a configuration, or has errors with line numbers that exist; neither comments nor
//! blanks make a difference. With files that include each other, errors name a line that exists in
//! its file, and what is printed is read as the same configuration.

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
    #[cfg(feature = "admin")]
    files::check(text);
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
        let more = line.split(", with variables that are not set: ").next().unwrap_or(line);
        if more.starts_with("and ") && more.ends_with(" more") {
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

/// Several files, and variables of the environment.
#[cfg(feature = "admin")]
mod files {
    use std::ffi::{OsStr, OsString};
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use switchboard::config::{Command, Config, ConfigInput};

    /// The texts between zeros are the files `0`, `d/1`, `d/2` and so on; `0` is the first.
    pub fn check(text: &str) {
        let texts: Vec<_> = text.split('\0').collect();
        let world = World(&texts);
        let config = match run(&["-c", "0"], world) {
            Ok(Command::Run(config)) => config,
            Ok(other) => panic!("it runs: {other:?}"),
            Err(error) => return check_error(&error, world),
        };
        let Ok(Command::Print(printed)) = run(&["-c", "0", "--print-config"], world) else {
            panic!("what runs is printed")
        };
        let again = run(&["-c", "0"], World(&[&printed]));
        if printed.starts_with("***") {
            assert!(again.is_err(), "nothing that is hidden runs: {printed}");
            return;
        }
        let Ok(Command::Run(again)) = again else {
            panic!("it is read again: {again:?}\n{printed}")
        };
        assert_eq!(content(again), content(config), "{printed}");
    }

    fn run(words: &[&str], world: World<'_>) -> Result<Command, String> {
        Command::parse(words.iter().map(OsString::from), world).map_err(|error| error.to_string())
    }

    /// What a configuration is, wherever it comes from.
    fn content(mut config: Config) -> Config {
        config.services.iter_mut().for_each(|service| (service.line, service.file) = (0, None));
        Config { file: None, included: Vec::new(), ..config }
    }

    fn check_error(error: &str, world: World<'_>) {
        for line in error.lines().filter(|line| !line.starts_with("and ")) {
            let place = line.split_once(": ").and_then(|(place, _)| place.rsplit_once(':'));
            let Some((file, number)) = place else { panic!("{line:?} has no place") };
            let number: usize = number.parse().expect("a line has a number");
            let text = world.text(Path::new(file)).expect("the file is there");
            assert!((1..=text.lines().count()).contains(&number), "{line}");
            assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        }
    }

    #[derive(Clone, Copy)]
    struct World<'a>(&'a [&'a str]);

    impl World<'_> {
        /// The text of a file, whose name may have dots in it.
        fn text(&self, path: &Path) -> io::Result<&str> {
            let path = self.canonical(path);
            let mut names = (0..self.0.len()).map(name);
            let index = names.position(|name| name == path);
            index.map(|index| self.0[index]).ok_or(io::ErrorKind::NotFound.into())
        }
    }

    impl ConfigInput for World<'_> {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            self.text(path).map(|text| text.as_bytes().to_vec())
        }

        fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
            self.read(path)
        }

        fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
            let folder = self.canonical(folder);
            let names = (0..self.0.len()).rev().map(name);
            let inside = names.filter(|path| path.parent() == Some(&folder));
            Ok(inside.filter_map(|path| path.file_name().map(OsStr::to_owned)).collect())
        }

        fn canonical(&self, path: &Path) -> PathBuf {
            let mut short = PathBuf::new();
            for part in path.components() {
                match part {
                    std::path::Component::ParentDir => drop(short.pop()),
                    std::path::Component::CurDir => {}
                    part => short.push(part),
                }
            }
            short
        }

        fn variable(&self, name: &str) -> Option<OsString> {
            let value: &[u8] = match name {
                "A" => b"src",
                "B" => b"1",
                "C" => b"\" # ; \\\n[server]\nport: 7\n${A} $$",
                "D" => b"d/*",
                "E" => b"",
                "F" => b"\xff",
                "TOKEN" => b"2",
                _ => return None,
            };
            Some(OsStr::from_bytes(value).to_owned())
        }
    }

    fn name(index: usize) -> PathBuf {
        if index == 0 { PathBuf::from("0") } else { PathBuf::from(format!("d/{index}")) }
    }
}
