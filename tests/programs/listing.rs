//! What the binary prints about its document root, at the start and for `--list-services`.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use switchboard::process::DocumentRoot;

use crate::support::binary::Binary;
use crate::support::folder::{folder, write};
use crate::support::http::upgrade;
use crate::support::{Raw, next};

const SCRIPT: &str = "#!/bin/sh\nexec cat\n";

/// What `--list-services` says of a document root, without the services that are compiled in.
fn listed(root: &Path, conf: &str) -> String {
    // As the server shows it, without links and dots.
    let root = &root.canonicalize().expect("it is there");
    let file = root.parent().expect("it has one").join("server.conf");
    fs::write(&file, conf).expect("it can be written");
    let run = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .arg("--list-services")
        .arg("--config")
        .arg(file)
        .arg("--document-root")
        .arg(root)
        .output()
        .expect("it runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8(run.stdout).expect("it is text");
    assert!(text.starts_with("  /"), "what is compiled in comes first: {text}");
    let at = text.find("programs").expect("the list says whether there are any");
    text[at..].replace(&root.display().to_string(), "ROOT")
}

#[test]
fn all_that_would_be_served_is_listed() {
    let root = folder("all").join("root");
    let names = "chat.py chat.html chat.py.bak echo.py games/ws_service games/chess.sh two.py \
                 two.sh _lib.py .hidden venv/bin/tool node_modules/x/cli libx.so ..1/a.sh \
                 ..1/sub/b";
    for name in names.split_whitespace() {
        write(&root, name, SCRIPT, "755");
    }
    write(&root, "forgotten.py", SCRIPT, "644");
    write(&root, "notes", "of somebody", "644");
    write(&root, "venv/pyvenv.cfg", "", "644");
    for (link, target) in
        [("..data", "..1"), ("a.sh", "..data/a.sh"), ("sub", "..data/sub"), ("circle", ".")]
    {
        symlink(target, root.join(link)).expect("it can be linked");
    }
    let text = listed(&root, "[service /venv/bin/tool]\nmax-message: 1k\n");
    let expected = "programs below ROOT:\n  \
        /a              ..1/a.sh\n  \
        /chat           chat.py\n  \
        /echo           echo.py, hidden by the service that is compiled in\n  \
        /forgotten      cannot be served: \"ROOT/forgotten.py\" is not executable: chmod +x makes \
        it so\n  \
        /games/         games/ws_service\n  \
        /games/chess    games/chess.sh\n  \
        /sub/b          ..1/sub/b\n  \
        /two            cannot be served: two.py and two.sh are executable, and only one of these \
        names may be: rename the others, or chmod -x\n  \
        /venv/bin/tool  venv/bin/tool\n";
    assert_eq!(text, expected);
    // A request finds the same programs.
    let found = DocumentRoot::new(&root).expect("it is a folder");
    for (path, file) in found.list(64).programs {
        let program = found.find(&path);
        assert_eq!(program.is_ok(), file.is_ok(), "{path}");
    }
}

#[test]
fn a_listing_has_bounds() {
    let root = folder("bounds").join("root");
    write(&root, "one", SCRIPT, "755");
    for number in 2..=70 {
        symlink("one", root.join(format!("p{number}"))).expect("it can be linked");
    }
    assert!(listed(&root, "").ends_with("\n  and 6 more\n"));
    let many = root.join("many");
    fs::create_dir(&many).expect("it can be made");
    for number in 0..10_001 {
        fs::write(many.join(format!("{number}.txt")), "").expect("it can be written");
    }
    let text = listed(&root, "");
    assert!(text.ends_with("more\n  and what has not been looked at, since it takes too long\n"));
    // What lies among packages is not looked at.
    let packages = root.join("node_modules");
    fs::rename(many, &packages).expect("it can be renamed");
    assert!(listed(&root, "").ends_with("\n  and 6 more\n"));
    fs::remove_dir_all(packages).expect("it can be removed");
}

#[test]
fn none_is_told_as_well() {
    let root = folder("none").join("root");
    fs::create_dir(&root).expect("it can be made");
    let text = listed(&root, "");
    assert_eq!(text, "programs below ROOT: none yet; chmod +x makes a file there one\n");
    // The default may be missing.
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let run = command.current_dir(&root).arg("--list-services").output().expect("it runs");
    let text = String::from_utf8(run.stdout).expect("it is text");
    let folder = root.canonicalize().expect("it is there").join("services");
    let words = format!(
        "no programs: document-root is services, and there is no folder {}; make it, or name \
         another one by -d or document-root, and start the server again\n",
        folder.display()
    );
    assert!(text.contains(&words), "{text}");
}

/// A section without keys is enough to say that an interpreter is meant.
#[test]
fn a_section_names_what_is_meant() {
    let root = folder("section").join("root");
    write(&root, "python3", "\u{7f}ELF", "755");
    let none = "programs below ROOT: none yet; chmod +x makes a file there one\n";
    let one = "programs below ROOT:\n  /python3  python3\n";
    for (conf, expected) in [("", none), ("[service /python3]\n", one)] {
        assert_eq!(listed(&root, conf), expected, "{conf}");
    }
    let (binary, log) = Binary::run_logged(
        Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .arg("--config")
            .arg(root.with_file_name("server.conf"))
            .arg("--document-root")
            .arg(&root),
    );
    // It is found, but it cannot be executed.
    let mut raw = Raw::connect(binary.address());
    raw.send(&upgrade("/python3", ""));
    assert_eq!(raw.read_head().status, 500);
    while !next(&log).contains("it cannot be started") {}
}

/// The start says the same, and warns of what is hidden, once.
#[test]
fn the_start_lists_programs_and_warns_of_those_that_are_hidden() {
    let root = folder("start");
    for name in ["echo.py", "chat.py"] {
        write(&root, name, SCRIPT, "755");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let (binary, log) = Binary::run_logged(command.arg("--document-root").arg(&root));
    let told = next(&log);
    assert!(told.contains("echo.py\" is not served: /echo is a service that"), "{told}");
    // The other service is served, and there is no further warning.
    let mut raw = Raw::connect(binary.address());
    raw.upgrade("/echo.py");
    raw.send_text("hello");
    assert_eq!(raw.read_text(), "hello");
    assert!(log.try_iter().all(|line| !line.contains("is not served")));
    drop(binary);
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["--port", "0", "--quiet", "--document-root"])
        .arg(&root)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut said = [0; 4_096];
    let len = child.stdout.take().expect("it was piped").read(&mut said).expect("it speaks");
    // Its programs have not been started.
    child.kill().and_then(|()| child.wait()).expect("it ends");
    let said = String::from_utf8_lossy(&said[..len]);
    assert!(said.contains("  /chat  chat.py\n  /echo  echo.py, hidden by"), "{said}");
}
