//! The keys of programs.

use std::fs;
use std::path::Path;

use crate::support::folder::write;
use crate::support::http::upgrade;
use crate::support::until;
use crate::tried::{Row, Tried};

/// Installs the programs of the rows.
pub fn install(folder: &Path) {
    for (name, text) in PROGRAMS {
        write(folder, name, text, "755");
    }
}

/// The first text that a new socket gets.
fn first(tried: &Tried, path: &str) -> String {
    tried.open(path).read_text()
}

const PROGRAMS: &[(&str, &str)] = &[
    ("ready", "#!/bin/sh\necho 'READY 1'\ncat >/dev/null\n"),
    ("two", "#!/bin/sh\nprintf 'one\\ntwo\\n'\ncat >/dev/null\n"),
    ("passed", "#!/bin/sh\necho \"a $SWITCHBOARD_TRIED\"\ncat >/dev/null\n"),
    // It ends by TERM alone, and a file says so.
    (
        "stays",
        "#!/bin/sh\ntrap 'echo >\"$0.ended\"; exit' TERM\necho here\n\
         while :; do sleep 1 & wait; done\n",
    ),
    // It says hello to each socket, and dies of a message.
    (
        "dies",
        "#!/bin/sh\necho 'READY 1'\nwhile read -r verb id rest; do case $verb in\n\
         OPEN) printf 'TEXT %s +5\\nhello\\n' $id;;\nTEXT) exit 1;;\nesac; done\n",
    ),
    // It says whether another process of it runs, which has left its number.
    (
        "beside",
        "#!/bin/sh\nsaid=alone; kill -0 \"$(cat \"$0.pid\")\" 2>/dev/null && said=besid\n\
         echo $$ >\"$0.pid\"\necho 'READY 1'\nwhile read -r verb id rest; do case $verb in\n\
         OPEN) printf 'TEXT %s +5\\n%s\\n' $id $said;;\nesac; done\n",
    ),
    // A message is the name of a topic.
    (
        "topics",
        "#!/bin/sh\necho 'READY 1'\nwhile read -r verb id rest; do case $verb in\n\
         TEXT) read -r topic; printf 'SUB %s %s\\n' $id $topic; printf 'TEXT %s +2\\nok\\n' $id;;\n\
         esac; done\n",
    ),
    // It never decides.
    ("undecided", "#!/bin/sh\necho 'READY 1 admission=ask'\ncat >/dev/null\n"),
    // It reads nothing after its first line.
    ("holds", "#!/bin/sh\nread -r hello\necho 'READY 1'\nwhile :; do sleep 1; done\n"),
    // A message is a number: so many mebibytes come back, each a message.
    (
        "many",
        "#!/bin/sh\necho 'READY 1'\nwhile read -r verb id rest; do case $verb in\n\
         TEXT) read -r len; while [ $len -gt 0 ]; do len=$((len-1))\n\
         printf 'TEXT %s +1048576\\n' $id\n\
         head -c 1048576 /dev/zero | tr '\\0' x; echo; done;;\n\
         FULL) printf 'LOG info +7\\nit full\\n';;\nDRAIN) printf 'LOG info +8\\nit drain\\n';;\n\
         CLOSE) printf 'LOG info +8\\nit close\\n';;\nesac; done\n",
    ),
];

pub const ROWS: &[Row] = &[
    Row {
        key: "mode",
        before: "",
        after: "per-socket",
        more: &[],
        show: |tried| {
            // Its first line is no message.
            let mut raw = tried.open("/ready");
            tried.apply();
            // The process of all has gone, and with it the sockets.
            assert_eq!(raw.read_close().0, 1012);
            assert_eq!(first(tried, "/ready"), "READY 1");
        },
    },
    Row {
        key: "framing",
        before: "",
        after: "text",
        more: &[("mode", "per-socket")],
        show: |tried| {
            assert_eq!(first(tried, "/two"), "one");
            tried.apply();
            assert_eq!(first(tried, "/two"), "one\ntwo\n");
        },
    },
    Row {
        key: "protocols",
        before: "",
        after: "chat.v1",
        more: &[("mode", "per-socket")],
        show: |tried| {
            let request = upgrade("/ready", "Sec-WebSocket-Protocol: chat.v1\r\n");
            let agreed = |tried: &Tried| {
                let head = tried.head_of(&request);
                head.header("sec-websocket-protocol").map(str::to_owned)
            };
            assert_eq!(agreed(tried), None);
            tried.apply();
            assert_eq!(agreed(tried).as_deref(), Some("chat.v1"));
        },
    },
    Row {
        key: "pass-env",
        before: "",
        after: "SWITCHBOARD_TRIED",
        more: &[("mode", "per-socket")],
        show: |tried| {
            assert_eq!(first(tried, "/passed"), "a ");
            tried.apply();
            assert_eq!(first(tried, "/passed"), "a passed");
        },
    },
    Row {
        key: "env",
        before: "",
        after: "SWITCHBOARD_TRIED=set",
        more: &[("mode", "per-socket")],
        show: |tried| {
            assert_eq!(first(tried, "/passed"), "a ");
            tried.apply();
            assert_eq!(first(tried, "/passed"), "a set");
        },
    },
    Row {
        key: "stop-timeout",
        before: "3600s",
        after: "0s",
        more: &[("mode", "per-socket")],
        show: |tried| {
            let ended = tried.folder.join("programs/stays.ended");
            assert_eq!(first(tried, "/stays"), "here");
            tried.apply();
            assert!(!ended.exists());
            assert_eq!(first(tried, "/stays"), "here");
            until("it gets TERM at once", || ended.exists());
        },
    },
    Row {
        key: "max-processes",
        before: "",
        after: "1",
        more: &[("mode", "per-socket")],
        show: |tried| {
            let _one = tried.open("/two");
            let two = tried.open("/two");
            tried.apply();
            assert_eq!(tried.status_of(&upgrade("/two", "")), 503);
            assert!(two.stands(), "no socket is closed for it");
        },
    },
    Row {
        key: "on-death",
        before: "",
        after: "keep",
        more: &[],
        show: |tried| {
            let mut raw = tried.open("/dies");
            assert_eq!(raw.read_answer_to("die"), "hello");
            assert_eq!(raw.read_close().0, 1012);
            tried.apply();
            let mut raw = tried.open("/dies");
            assert_eq!(raw.read_answer_to("die"), "hello");
            assert_eq!(raw.read_text(), "hello", "the next run has the socket");
        },
    },
    Row {
        key: "on-change",
        before: "",
        after: "replace",
        more: &[("on-death", "keep")],
        show: |tried| {
            tried.apply();
            let mut raw = tried.open("/dies");
            assert_eq!(raw.read_text(), "hello");
            let text = PROGRAMS.iter().find(|row| row.0 == "dies").expect("it is there").1;
            let other = text.replace("hello", "other");
            write(&tried.folder.join("programs"), "dies", &other, "755");
            assert_eq!(raw.read_text(), "other");
        },
    },
    Row {
        key: "replace-when",
        before: "",
        after: "after-exit",
        more: &[("on-death", "keep"), ("on-change", "replace")],
        show: |tried| {
            let mut raw = tried.open("/beside");
            assert_eq!(raw.read_text(), "alone");
            let program = tried.folder.join("programs/beside");
            let text = fs::read_to_string(&program).expect("it is there");
            write(&tried.folder.join("programs"), "beside", &format!("{text}\n"), "755");
            assert_eq!(raw.read_text(), "besid");
            tried.apply();
            assert_eq!(raw.read_text(), "alone");
        },
    },
    Row {
        key: "subpaths",
        before: "",
        after: "yes",
        more: &[],
        show: |tried| {
            assert_eq!(tried.status_of(&upgrade("/ready/below", "")), 404);
            tried.apply();
            assert_eq!(tried.status_of(&upgrade("/ready/below", "")), 101);
        },
    },
];
