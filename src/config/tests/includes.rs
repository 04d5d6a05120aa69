//! Files that include others.

use super::admin::World;
use super::*;

/// The result of these files, of which the first is `server.conf`.
fn read(files: &[(&str, &str)]) -> Result<Config, String> {
    World { files, ..World::default() }.config()
}

#[test]
fn an_included_file_counts_where_it_is_included() {
    let config = read(&[
        ("server.conf", "include: first.conf\n[server]\nport: 1\ninclude = sub/a.conf\nhost: ::1"),
        ("first.conf", "[limits]\nmax-message: 64k"),
        ("sub/a.conf", "[service /a]\norigin: any\ninclude: b.conf\nmax-message: 1k"),
        ("sub/b.conf", "[service /b]\n[service /c]"),
    ])
    .expect("it is right");
    assert_eq!(config.port, Some(1));
    // The section goes on behind the line, in both files.
    assert_eq!(config.hosts, ["::1"]);
    assert_eq!(config.all.limits.message_bytes_max, 64 << 10);
    assert_eq!(
        config.service("/a").expect("it has a section").options.limits.message_bytes_max,
        1 << 10
    );
    assert_eq!(config.service("/a").expect("it has a section").options.origin, OriginRule::Any);
    let places = ["/a", "/b", "/c", "/d"].map(|path| config.place_of(path));
    assert_eq!(places, ["sub/a.conf:1", "sub/b.conf:1", "sub/b.conf:2", "server.conf"]);
    let included = ["first.conf", "sub/a.conf", "sub/b.conf"].map(PathBuf::from);
    assert_eq!(config.included, included);
}

#[test]
fn a_section_may_go_on_in_another_file() {
    let config = read(&[
        ("server.conf", "[service /a]\norigin: any\ninclude: a"),
        ("a", "[service /a]\nmax-message: 2k"),
    ])
    .expect("it is right");
    assert_eq!(config.place_of("/a"), "server.conf:1");
    assert_eq!(config.service("/a").expect("it has a section").options.origin, OriginRule::Any);
    assert_eq!(
        config.service("/a").expect("it has a section").options.limits.message_bytes_max,
        2 << 10
    );
}

#[test]
fn a_pattern_names_files_in_the_order_of_their_names() {
    let files = [
        ("/etc/s/server.conf", "include: conf.d/*.conf"),
        ("/etc/s/conf.d/b.conf", "[server]\nhost: b"),
        ("/etc/s/conf.d/B.conf", "[server]\nhost: B"),
        ("/etc/s/conf.d/10-a.conf", "[server]\nhost: ten"),
        ("/etc/s/conf.d/9-a.conf", "[server]\nhost: nine"),
        ("/etc/s/conf.d/.hidden.conf", "[server]\nhost: hidden"),
        ("/etc/s/conf.d/a.conf~", "[server]\nhost: old"),
        ("/etc/s/conf.d/README", "nonsense"),
    ];
    let world = World { files: &files, ..World::default() };
    let Ok(Command::Run(config)) = world.run(&["-c", "/etc/s/server.conf"]) else {
        panic!("it is right")
    };
    // Names are bytes, and not numbers.
    assert_eq!(config.hosts, ["ten", "nine", "B", "b"]);
    assert_eq!(config.included[0], Path::new("/etc/s/conf.d/10-a.conf"));
}

#[test]
fn a_pattern_may_match_nothing() {
    let rows = [
        ("*.none", Ok(0)),
        ("a/*.none", Ok(0)),
        ("a/.*.conf", Ok(1)),
        ("a/*", Ok(1)),
        ("a/x", Ok(1)),
        ("/abs/*", Ok(1)),
        ("none.conf", Err("include is \"none.conf\", which cannot be read: entity not found")),
        // A folder that is missing is more likely a wrong name.
        ("b/*.conf", Err("include is \"b/*.conf\", which cannot be read: entity not found")),
        (
            "*/x.conf",
            Err("include is \"*/x.conf\", which has a * in the name of a folder, allowed is a \
                 file, or a pattern such as conf.d/*.conf"),
        ),
        ("", Err("include is \"\", allowed is a file, or a pattern such as conf.d/*.conf")),
        ("..", Err("include is \"..\", allowed is a file, or a pattern such as conf.d/*.conf")),
    ];
    for (value, expected) in rows {
        let text = format!("[server]\ninclude: {value}");
        let files = [
            ("server.conf", text.as_str()),
            ("a/x", "[server]\nport: 7"),
            ("a/.y.conf", "[server]\nport: 7"),
            ("/abs/x", "[server]\nport: 7"),
        ];
        let found = read(&files).map(|config| config.included.len());
        assert_eq!(found, expected.map_err(|e| format!("server.conf:2: {e}")), "{value}");
    }
}

#[test]
fn faults_name_the_file_that_has_them() {
    let error = read(&[
        ("server.conf", "[server]\nport: 1\ninclude: a\ninclude: gone\nport: 2\n[limits]\nx: 1"),
        ("a", "port: 3\n[server]\nport: 4\nhost: a:1\nnonsense\n[limits]\nmax-message: 9m"),
    ])
    .expect_err("it is full of faults");
    let expected = [
        "server.conf:4: include is \"gone\", which cannot be read: entity not found",
        "server.conf:5: port is given before, in line 2",
        "server.conf:7: unknown key \"x\" in [limits]; the server.conf that comes with the server \
         has them all",
        "a:1: \"port\" stands before the first section; it belongs in [server]",
        "a:3: port is given before, in server.conf:2",
        "a:4: host is \"a:1\", allowed is a list of IP addresses or host names, without ports",
        "a:5: a key needs a colon and a value, such as port: 12345",
    ];
    assert_eq!(error.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn contradictions_between_files_name_both() {
    let error = read(&[
        ("server.conf", "[limits]\noutbox-max: 3m\ninclude: a\n[service /b]\nmax-message: 5m"),
        ("a", "[service /a]\nmax-message: 4m"),
    ]);
    let cure = "outbox-max must hold one max-message: raise the one or lower the other";
    let expected = format!(
        "server.conf:5: max-message is \"5m\" in line 5, outbox-max is \"3m\" in line 2; {cure}\n\
         a:2: max-message is \"4m\" in line 2, outbox-max is \"3m\" in server.conf:2; {cure}"
    );
    assert_eq!(error, Err(expected));
}

#[test]
fn circles_name_both_places() {
    let rows: [(&[(&str, &str)], &str); 4] = [
        (
            &[("server.conf", "\ninclude: server.conf")],
            "server.conf:2: include is \"server.conf\", which is this file itself: name another \
             one",
        ),
        (
            &[("server.conf", "include: a"), ("a", "\n\ninclude: server.conf")],
            "a:3: include is \"server.conf\", which includes this file, in server.conf:1: leave \
             out one of the two",
        ),
        (
            &[("server.conf", "include: a"), ("a", "\ninclude: b"), ("b", "include: a")],
            "b:1: include is \"a\", which includes this file, in a:2: leave out one of the two",
        ),
        (
            &[("server.conf", "include: a*"), ("a", "include: server.*")],
            "a:1: include is \"server.conf\", which includes this file, in server.conf:1: leave \
             out one of the two",
        ),
    ];
    for (files, expected) in rows {
        assert_eq!(read(files), Err(expected.to_owned()), "{files:?}");
    }
    // Twice is no circle.
    let twice = [("server.conf", "include: a\ninclude: b"), ("a", "include: b"), ("b", "")];
    assert_eq!(read(&twice).map(|config| config.included.len()), Ok(3));
}

#[test]
fn includes_have_limits() {
    let names: Vec<_> = (0..12).map(|depth| format!("f{depth}")).collect();
    let texts: Vec<_> = (1..13).map(|depth| format!("include: f{depth}")).collect();
    let mut files = vec![("server.conf", "include: f0")];
    files.extend(names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())));
    let error = "f7:1: include is \"f8\", which is included more than 8 files deep";
    assert_eq!(read(&files), Err(error.to_owned()));

    let half = format!("# {}", "x".repeat(600 << 10));
    let files = [("server.conf", "include: a\ninclude: b"), ("a", &half), ("b", &half)];
    let error = "server.conf:2: include is \"b\", with which all files are longer than 1 MiB, \
                 which is the most";
    assert_eq!(read(&files), Err(error.to_owned()));

    let lines = "include: a\n".repeat(1_025);
    let error = "server.conf:1025: include is \"a\", and 1024 files are included before it, which \
                 is the most";
    assert_eq!(read(&[("server.conf", &lines), ("a", "")]), Err(error.to_owned()));
}

#[test]
fn an_included_file_is_text() {
    struct Bytes;
    impl crate::config::ConfigInput for Bytes {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let is_first = path == Path::new("server.conf");
            Ok(if is_first { &b"include: a"[..] } else { &b"[server]\n\xff"[..] }.to_vec())
        }
        fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
            self.read(path)
        }
    }
    let error = Command::parse([], Bytes).expect_err("it is no text");
    assert_eq!(error.to_string(), "a:2: the text is not UTF-8");
}

/// A text alone has no files beside it.
#[test]
fn a_text_includes_nothing() {
    for value in ["Cargo.toml", "src/*", "/etc/hosts"] {
        let error = parse(&format!("include: {value}")).expect_err(value);
        let expected = format!("include is {value:?}, which cannot be read: a text alone is read");
        assert_eq!(error, format!("server.conf:1: {expected}"));
    }
}
