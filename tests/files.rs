//! Files for plain GET over real sockets: what is shown and how, and what is not there.

#![cfg(feature = "host")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use switchboard::{Page, Server, handler};

use support::folder::by_short_path;
use support::http::{get, upgrade};
use support::mount::Mount;
use support::process::{PipeWriter, resident};
use support::raw::Raw;
use support::services::{Echo, mount_echo};
use support::{LIMITS, Running};

/// A folder of files of its own for each test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("root")).expect("a folder can be made");
        Self(path)
    }

    /// Writes a file below the root.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.0.join("root").join(name);
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("it can be made");
        fs::write(path, content).expect("a file can be written");
        self
    }

    /// Makes a link below the root.
    fn link(&self, name: &str, to: impl AsRef<Path>) -> &Self {
        symlink(to, self.0.join("root").join(name)).expect("a link can be made");
        self
    }

    fn serve(&self) -> Running {
        let mut server = Server::new(LIMITS);
        server.static_root(self.0.join("root"));
        server.mount("/chat", || handler(Echo)).page(Page::html(b"the page".as_slice()));
        mount_echo(&mut server, "/echo");
        Running::start(server)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_are_shown_with_their_media_type() {
    let folder = Folder::new("media");
    let rows = [
        ("index.html", "text/html; charset=utf-8"),
        ("a/index.html", "text/html; charset=utf-8"),
        ("a/style.CSS", "text/css; charset=utf-8"),
        ("a/b/c.js", "text/javascript; charset=utf-8"),
        ("data.json", "application/json"),
        ("notes.txt", "text/plain; charset=utf-8"),
        ("x.tar.gz", "application/octet-stream"),
        ("picture.png", "image/png"),
        ("no-extension", "application/octet-stream"),
        ("a space and \u{E4}.svg", "image/svg+xml"),
        ("font.ttf", "font/ttf"),
        ("font.otf", "font/otf"),
        ("sound.wav", "audio/wav"),
        ("sound.m4a", "audio/mp4"),
        ("sound.opus", "audio/ogg"),
        ("sound.flac", "audio/flac"),
        ("film.mov", "video/quicktime"),
        ("film.m3u8", "application/vnd.apple.mpegurl"),
        ("node.cjs", "text/javascript; charset=utf-8"),
    ];
    for (name, _) in rows {
        folder.file(name, format!("content of {name}"));
    }
    let server = folder.serve();
    for (name, media_type) in rows {
        let path: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = path.replace("%2f", "/");
        let answer = server.ask(&get(&format!("/{path}?query=x"), ""));
        assert_eq!((name, answer.status), (name, 200));
        assert_eq!(answer.header("content-type"), Some(media_type), "{name}");
        assert_eq!(answer.text(), format!("content of {name}"));
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
    }
    for (path, content) in [("/", "content of index.html"), ("/a/", "content of a/index.html")] {
        let answer = server.ask(&get(path, ""));
        assert_eq!((answer.status, answer.text()), (200, content));
    }
}

#[test]
fn what_the_client_has_is_304() {
    let folder = Folder::new("tags");
    folder.file("x.txt", "one");
    let server = folder.serve();
    let answer = server.ask(&get("/x.txt", ""));
    let tag = answer.header("etag").expect("a file has a tag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
    let known = [tag.clone(), format!("W/{tag}"), format!("\"x\" , {tag}"), "*".to_owned()];
    for tags in known {
        let answer = server.ask(&get("/x.txt", &format!("If-None-Match: {tags}\r\n")));
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{tags}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        assert_eq!(answer.header("content-length"), None, "it would be that of the content");
    }
    for tags in ["\"x\"", "W/\"x\"", ""] {
        let answer = server.ask(&get("/x.txt", &format!("If-None-Match: {tags}\r\n")));
        assert_eq!((answer.status, answer.text()), (200, "one"), "{tags}");
    }
    folder.file("x.txt", "another");
    let answer = server.ask(&get("/x.txt", &format!("If-None-Match: {tag}\r\n")));
    assert_eq!((answer.status, answer.text()), (200, "another"));
    assert_ne!(answer.header("etag"), Some(tag.as_str()));
}

#[test]
fn folders_are_shown_below_their_name_with_a_slash() {
    let folder = Folder::new("folders");
    folder.file("a b/\u{E4}/index.html", "here").file("empty/x", "");
    let server = folder.serve();
    let answer = server.ask(&get("/a%20b/%c3%a4", ""));
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), Some("/a%20b/%C3%A4/"));
    let answer = server.ask(&get("/a%20b/%C3%A4/", ""));
    assert_eq!((answer.status, answer.text()), (200, "here"));
    assert_eq!(server.ask(&get("/empty", "")).header("location"), Some("/empty/"));
    // The query is for the page, and a cache does not keep where to find it.
    for (path, location) in [
        ("/empty?a=b&c=%20", "/empty/?a=b&c=%20"),
        ("/empty?", "/empty/"),
        ("/a%20b/%c3%a4?/../x", "/a%20b/%C3%A4/?/../x"),
    ] {
        let answer = server.ask(&get(path, ""));
        assert_eq!((answer.status, answer.header("location")), (308, Some(location)), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
    }
    assert_eq!(server.ask(&get("/nothing", "")).header("cache-control"), Some("no-cache"));
    assert_eq!(server.ask(&get("/empty/", "")).status, 404);
}

#[test]
fn what_is_hidden_or_outside_is_404() {
    let folder = Folder::new("outside");
    fs::write(folder.0.join("secret.txt"), "secret").expect("a file can be written");
    fs::create_dir(folder.0.join("root-too")).expect("a folder can be made");
    fs::write(folder.0.join("root-too/secret.txt"), "secret").expect("a file can be written");
    folder.file("in.txt", "inside").file(".hidden", "secret").file(".git/config", "secret");
    folder.file("a/.hidden", "secret").file("a/in.txt", "inside");
    folder.link("inner", "in.txt").link("inner-folder", "a").link("a/up", "../in.txt");
    folder.link("out.txt", "../secret.txt").link("out", "..").link("absolute", "/etc/passwd");
    folder.link("too", "../root-too").link("dangling", "nothing").link("root", ".");
    // As Kubernetes mounts files, and as package managers lay them out.
    folder.file("..2026_01_02/in.txt", "inside").file(".pnpm/x/in.txt", "inside");
    folder.link("..data", "..2026_01_02").link("mounted.txt", "..data/in.txt").link("x", ".pnpm/x");
    folder.link("..out", "..").link("out.txt2", "..out/secret.txt");
    let server = folder.serve();
    let long = format!("/{}", "x".repeat(300));
    let paths = [
        "/nothing",
        "/a/nothing",
        "/in.txt/",
        "/in.txt/x",
        "/.hidden",
        "/.git/config",
        "/a/.hidden",
        "/.git",
        "/../secret.txt",
        "/a/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/a/%2e%2e/in.txt",
        "//in.txt",
        "/a//in.txt",
        "/./in.txt",
        "/in.txt%00",
        "/in.txt%00.html",
        "/out.txt",
        "/out/secret.txt",
        "/absolute",
        "/too/secret.txt",
        "/dangling",
        "/etc/passwd",
        "/%2fetc/passwd",
        "/root/.hidden",
        "/inner-folder/.hidden",
        "/..data/in.txt",
        "/.pnpm/x/in.txt",
        "/x/../.hidden",
        "/out.txt2",
        "/IN.TXT",
        &long,
    ];
    for path in paths {
        let answer = server.ask(&get(path, ""));
        assert_eq!((path, answer.status), (path, 404), "{answer:?}");
        assert!(!answer.text().contains("secret\n"), "{path}");
    }
    let shown = ["/in.txt", "/inner", "/inner-folder/in.txt", "/a/up", "/root/in.txt"];
    for path in shown.into_iter().chain(["/mounted.txt", "/x/in.txt"]) {
        let answer = server.ask(&get(path, ""));
        assert_eq!((path, answer.status, answer.text()), (path, 200, "inside"));
    }
    // An upgrade never meets a file, and a service stands before a file.
    assert_eq!(server.ask(&upgrade("/in.txt", "")).status, 404);
    folder.file("chat", "a file").file("echo", "a file");
    assert_eq!(server.ask(&get("/chat", "")).text(), "the page");
    assert_eq!(server.ask(&get("/echo", "")).status, 426);
    let answer = server.ask(b"HEAD /in.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("6")));
    assert_eq!(answer.body, [0; 0]);
}

/// A user who may change files below the root still cannot show files outside.
#[test]
fn a_link_that_is_put_there_meanwhile_leads_nowhere() {
    let folder = Folder::new("swapped");
    fs::create_dir(folder.0.join("outside")).expect("a folder can be made");
    fs::write(folder.0.join("outside/x.txt"), "secret").expect("a file can be written");
    folder.file("real/x.txt", "inside").link("away", "../outside");
    let server = folder.serve();
    let root = folder.0.join("root");
    // What `a` means is a folder, then a link that leads out, and nothing in between. It ends with
    // what it swaps.
    let swapping = thread::spawn(move || -> io::Result<()> {
        loop {
            for other in ["real", "away"] {
                fs::rename(root.join(other), root.join("a"))?;
                fs::rename(root.join("a"), root.join(other))?;
            }
        }
    });
    let mut shown = BTreeMap::new();
    support::until("both are shown, and many times", || {
        let text = server.ask(&get("/a/x.txt", "")).text().trim().to_owned();
        *shown.entry(text).or_insert(0) += 1;
        shown.len() > 1 && shown.values().sum::<usize>() >= REQUESTS
    });
    support::until("nothing is left to be swapped", || {
        // What is moved meanwhile may be passed over.
        let _ = fs::remove_dir_all(folder.0.join("root"));
        swapping.is_finished()
    });
    let shown: Vec<_> = shown.into_keys().collect();
    assert_eq!(shown, ["inside", "nothing is at /a/x.txt"]);
}

/// A mount of Kubernetes changes all of its files at once, by one link, while they are asked for.
#[test]
fn a_mount_that_is_switched_is_shown_at_every_moment() {
    let folder = Folder::new("mount");
    let files = [("a.txt", "inside"), ("sub/b.txt", "inside")];
    let mount = Mount::new(folder.0.join("root"), &files, "644");
    let server = folder.serve();
    mount.switch_between(REQUESTS, |round| {
        let path = ["/a.txt", "/sub/b.txt"][round % 2];
        let answer = server.ask(&get(path, ""));
        assert_eq!((answer.status, answer.text()), (200, "inside"), "{path}");
    });
}

/// A deployment changes a link and reloads: until then the old files are served. The link may be
/// the root itself, or be on the way to it.
#[cfg(feature = "programs")]
#[test]
fn a_root_behind_a_link_is_resolved_anew_at_a_reload() {
    let folder = Folder::new("releases");
    for release in ["1", "2"] {
        let public = folder.0.join(release).join("public");
        fs::create_dir_all(&public).expect("a folder can be made");
        fs::write(public.join("x.txt"), release).expect("a file can be written");
    }
    fs::create_dir(folder.0.join("3")).expect("a folder can be made");
    fs::write(folder.0.join("3/public"), "no folder").expect("a file can be written");
    let lead = |target: &str| {
        symlink(target, folder.0.join("new")).expect("a link can be made");
        fs::rename(folder.0.join("new"), folder.0.join("current")).expect("it can be moved");
    };
    lead("1");
    symlink("current/public", folder.0.join("public")).expect("a link can be made");
    for root in ["current/public", "public"] {
        lead("1");
        let mut server = Server::new(LIMITS);
        server.static_root(folder.0.join(root));
        let server = Running::start(server);
        let shown = || server.ask(&get("/x.txt", "")).text().to_owned();
        assert_eq!(shown(), "1");
        lead("2");
        assert_eq!(shown(), "1", "{root} before the reload");
        server.reloader().reload();
        assert_eq!(shown(), "2", "{root} after it");
        // What is no folder changes nothing.
        for target in ["3", "nothing"] {
            lead(target);
            server.reloader().reload();
            assert_eq!(shown(), "2", "{root} leads to {target}");
        }
    }
}

/// RFC 8615: what is well known is served, though its name begins with a dot.
#[test]
fn what_is_well_known_is_shown() {
    let folder = Folder::new("well-known");
    folder.file(".well-known/acme-challenge/token", "proof").file(".well-known/.x", "secret");
    folder.file(".well-known/index.html", "all of it").file("a/.well-known/x", "secret");
    folder.file(".git/config", "secret").link(".well-known/up", "../.git/config");
    folder.link("known", ".well-known/acme-challenge");
    let server = folder.serve();
    let rows = [
        ("/.well-known/acme-challenge/token", "proof"),
        ("/%2Ewell-known/acme-challenge/token", "proof"),
        ("/known/token", "proof"),
        ("/.well-known/", "all of it"),
        // Only the name in the request may be hidden; the link makes the file public.
        ("/.well-known/up", "secret"),
    ];
    for (path, text) in rows {
        let answer = server.ask(&get(path, ""));
        assert_eq!((path, answer.status, answer.text()), (path, 200, text));
    }
    assert_eq!(server.ask(&get("/.well-known", "")).header("location"), Some("/.well-known/"));
    let hidden = ["/.well-known/.x", "/a/.well-known/x", "/.git/config"];
    for path in hidden.into_iter().chain(["/.well-known/nothing", "/.well-known/../.git/config"]) {
        assert_eq!((path, server.ask(&get(path, "")).status), (path, 404));
    }
    assert_eq!(server.ask(&upgrade("/.well-known/x", "")).status, 404);
}

/// An SVG that is opened by itself runs no script.
#[test]
fn a_picture_runs_no_script() {
    let folder = Folder::new("pictures");
    folder.file("x.svg", "<svg/>").file("x.xml", "<x/>").file("x.html", "<p>").file("x.png", "");
    let server = folder.serve();
    let policy = Some("script-src 'none'; sandbox");
    for (path, policy) in
        [("/x.svg", policy), ("/x.xml", policy), ("/x.html", None), ("/x.png", None)]
    {
        let answer = server.ask(&get(path, ""));
        assert_eq!(answer.header("content-security-policy"), policy, "{path}");
    }
}

#[test]
fn a_big_file_arrives_whole_at_a_slow_reader_while_others_are_served() {
    let folder = Folder::new("big");
    folder.file("big.bin", (0..BIG_BYTES).map(byte).collect::<Vec<_>>());
    folder.file("small.txt", "small");
    let server = folder.serve();
    let mut slow = server.raw();
    slow.send(&get("/big.bin", ""));
    let head = slow.read_head();
    assert_eq!(head.header("content-length"), Some(BIG_BYTES.to_string().as_str()));
    let mut other = server.open("/echo");
    // A part of the file, then a message with another socket, until all of it is there.
    let mut body = slow.read_some(1);
    let mut words = 0;
    while body.len() < BIG_BYTES {
        let text = format!("at {}", body.len());
        other.send_text(&text);
        assert_eq!(other.read_text(), text);
        body.extend(slow.read_some(PART_BYTES.min(BIG_BYTES - body.len())));
        words += 1;
        if words % 32 == 0 {
            assert_eq!(server.ask(&get("/small.txt", "")).text(), "small");
        }
    }
    assert!(body.into_iter().eq((0..BIG_BYTES).map(byte)), "the file is whole");
    slow.expect_end();
    assert!(words >= 64, "it was read in {words} bits");
}

#[test]
fn files_that_nobody_reads_to_the_end_are_put_away() {
    let folder = Folder::new("put-away");
    folder.file("big.bin", (0..BIG_BYTES).map(byte).collect::<Vec<_>>());
    let server = folder.serve();
    let readers: Vec<Raw> = (0..50)
        .map(|_| {
            let mut raw = server.raw();
            raw.send(&get("/big.bin", ""));
            raw.read_head();
            raw
        })
        .collect();
    let is_big = |link: &PathBuf| link.ends_with("put-away/root/big.bin");
    let open = || {
        let links = fs::read_dir("/proc/self/fd").expect("the system tells");
        links.flatten().filter_map(|link| fs::read_link(link.path()).ok()).filter(is_big).count()
    };
    assert_eq!(open(), 50, "each reader has the file open");
    drop(readers);
    support::until("the files are closed", || open() == 0);
    // One that was read to its end is not kept for a client that stays.
    let mut raw = server.raw();
    raw.send(&get("/big.bin", ""));
    raw.read_head();
    assert_eq!(raw.read_to_end().len(), BIG_BYTES);
    support::until("the file is closed", || open() == 0);
    drop(raw);
    let mut text = String::new();
    let mut raw = server.raw();
    raw.send(&get("/nothing", ""));
    raw.stream().read_to_string(&mut text).expect("the server is there");
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
}

/// Makes whatever no file of a page is, and returns the names of what could be made: devices are
/// for root alone.
fn odd_files(root: &Path) -> Vec<&'static str> {
    let mut names = vec!["socket", "itself", "one", "other", "folder"];
    let socket = by_short_path(root, |root| UnixListener::bind(root.join("socket")));
    drop(socket.expect("it can be made"));
    for (name, to) in [("itself", "itself"), ("one", "other"), ("other", "one")] {
        symlink(to, root.join(name)).expect("a link can be made");
    }
    fs::create_dir(root.join("folder")).expect("it can be made");
    for (name, words) in [
        ("pipe", &["pipe", "p"][..]),
        ("zeros", &["zeros", "c", "1", "5"]),
        ("terminal", &["terminal", "c", "5", "0"]),
        ("disk", &["disk", "b", "7", "200"]),
    ] {
        let made = Command::new("mknod").args(words).current_dir(root).status();
        if made.expect("mknod is there").success() {
            names.push(name);
        } else {
            println!("left out: {name} cannot be made here");
        }
    }
    names
}

/// Neither opening nor reading one of them delays other sockets.
#[test]
fn odd_files_hold_nobody_up() {
    let folder = Folder::new("odd");
    let root = folder.0.join("root");
    folder.file("in.txt", "inside").link("round", ".");
    let names = odd_files(&root);
    assert!(names.len() > 5, "there is a pipe at least");
    let server = folder.serve();
    let mut other = server.open("/echo");
    let mut echo = |text: &str| {
        other.send_text(text);
        assert_eq!(other.read_text(), text);
    };
    for name in names {
        let answer = server.ask(&get(&format!("/{name}"), ""));
        // A folder has its files below its name with a slash.
        assert!(matches!(answer.status, 301 | 308 | 404), "{name}: {}", answer.status);
        assert_eq!(server.ask(&get(&format!("/{name}/in.txt"), "")).status, 404, "{name}");
        echo(name);
    }
    // A circle is followed as far as the system does it, and no farther.
    for (times, status) in [(1, 200), (30, 200), (100, 404), (1_000, 404)] {
        let path = format!("/{}in.txt", "round/".repeat(times));
        assert_eq!(server.ask(&get(&path, "")).status, status, "{times} times");
        echo(&path);
    }
    assert_eq!(server.ask(&get("/in.txt", "")).text(), "inside");
}

/// A request for a pipe does not release a program that waits for its reader.
#[test]
fn a_pipe_is_not_opened() {
    let folder = Folder::new("pipes");
    folder.link("link", "pipe").link("sub", ".").file("in.txt", "inside");
    let writers =
        ["pipe", "index.html"].map(|name| PipeWriter::new(folder.0.join("root").join(name), "666"));
    let server = folder.serve();
    for path in ["/pipe", "/link", "/sub/pipe", "/pipe/", "/", "/sub/"] {
        for request in [get(path, ""), get(path, "Range: bytes=0-1\r\n"), upgrade(path, "")] {
            assert_eq!(server.ask(&request).status, 404, "{path}");
        }
    }
    assert_eq!(server.ask(&get("/in.txt", "")).text(), "inside");
    for writer in writers {
        assert!(writer.waits());
        writer.end();
    }
}

#[test]
fn a_file_of_terabytes_costs_what_is_read_of_it() {
    let folder = Folder::new("terabytes");
    let file = fs::File::create(folder.0.join("root/huge.bin")).expect("it can be made");
    file.set_len(TERABYTES).expect("it takes no space");
    let server = folder.serve();
    let length = TERABYTES.to_string();
    let mut readers: Vec<Raw> = (0..20).map(|_| server.raw()).collect();
    let before = resident("self");
    for raw in &mut readers {
        raw.send(&get("/huge.bin", ""));
        assert_eq!(raw.read_head().header("content-length"), Some(&*length));
        assert!(raw.read_some(100_000).iter().all(|byte| *byte == 0));
    }
    let last = server.ask(&get("/huge.bin", "Range: bytes=-3\r\n"));
    let range = format!("bytes {}-{}/{length}", TERABYTES - 3, TERABYTES - 1);
    assert_eq!((last.status, last.header("content-range")), (206, Some(&*range)));
    assert_eq!(last.body, [0; 3]);
    let mut other = server.open("/echo");
    other.send_text("beside them");
    assert_eq!(other.read_text(), "beside them");
    let grown = resident("self").saturating_sub(before);
    println!("{grown} bytes for 20 readers");
    // Other tests of this process run beside it.
    assert!(grown < 200 << 20, "{grown} bytes");
}

/// What was announced and is there no more is not made up: the connection ends before its time.
#[test]
fn a_file_that_shrinks_or_grows_is_never_made_up() {
    let folder = Folder::new("shrinks");
    folder.file("big.bin", (0..BIG_BYTES).map(byte).collect::<Vec<_>>());
    let server = folder.serve();
    let file = fs::OpenOptions::new().append(true).open(folder.0.join("root/big.bin"));
    let mut file = file.expect("it is there");
    let ask = || {
        let mut raw = server.raw();
        raw.send(&get("/big.bin", ""));
        raw.wait();
        raw
    };
    let mut longer = ask();
    file.write_all(b"more than was announced").expect("it can be written");
    let answer = longer.read_answer();
    assert!(answer.body.into_iter().eq((0..BIG_BYTES).map(byte)), "it is as it was announced");
    let shorter = ask();
    file.set_len(BIG_BYTES as u64 / 100).expect("it can be cut");
    let mut answer = Vec::new();
    // The end may be a reset.
    let _ = shorter.stream().take(2 * BIG_BYTES as u64).read_to_end(&mut answer);
    let head_len = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    let body = answer.split_off(head_len);
    assert!(body.len() < BIG_BYTES, "{} bytes", body.len());
    assert!(body.into_iter().enumerate().all(|(at, got)| got == byte(at)), "nothing is made up");
    let mut raw = server.open("/echo");
    raw.send_text("still here");
    assert_eq!(raw.read_text(), "still here");
}

/// The byte at a place of the big file; the row is so long that no part repeats another.
fn byte(at: usize) -> u8 {
    let word = u32::try_from(at / 4).expect("the file is small").wrapping_mul(2_654_435_761);
    word.to_be_bytes()[at % 4]
}

const REQUESTS: usize = 2_000;
const BIG_BYTES: usize = 20 << 20;
/// As a sparse file, which every usual file system holds.
const TERABYTES: u64 = 4 << 40;
const PART_BYTES: usize = 128 << 10;
