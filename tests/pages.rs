//! The policies of the shipped pages have the hashes of their scripts and styles, which another
//! library computes here.

#![cfg(all(feature = "host", feature = "chatroom"))]

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};

use switchboard::{Page, Server, handler};

use support::binary::Binary;
use support::http::{Answer, get};
use support::raw::Raw;
use support::services::Echo;
use support::{LIMITS, Running};

#[test]
fn the_policy_of_the_chat_is_that_of_its_page() {
    let binary = Binary::start();
    let mut raw = Raw::connect(binary.address());
    raw.send(&get("/demo_chatroom", ""));
    check("build.rs", &raw.read_answer(), "img-src data:");
}

#[test]
fn the_policy_of_the_page_to_try_with_is_that_of_the_page() {
    let mut server = Server::new(LIMITS);
    server.mount("/talk", || handler(Echo)).page(Page::talk());
    server.mount("/own", || handler(Echo)).page(Page::html("<script>alert(1)</script>"));
    let server = Running::start(server);
    check("src/service/page.rs", &server.ask(&get("/talk", "")), "script-src");
    // A page of the user's own is sent as it is.
    let own = server.ask(&get("/own", ""));
    assert_eq!((own.status, own.header("cache-control")), (200, Some("no-cache")));
    for name in ["content-security-policy", "referrer-policy", "cross-origin-opener-policy"] {
        assert_eq!(own.header(name), None, "{name}");
    }
}

/// The policy allows the scripts and styles of the page, no others, and no frame.
fn check(place: &str, answer: &Answer, allowed: &str) {
    assert_eq!(answer.status, 200);
    let policy = answer.header("content-security-policy");
    let page = answer.text();
    let mut hashes = Vec::new();
    for tag in ["script", "style"] {
        for rest in page.split(&format!("<{tag}>")).skip(1) {
            let text = rest.split(&format!("</{tag}>")).next().expect("the element ends");
            hashes.push(format!("{tag}-src 'sha256-{}'", sha256(text)));
        }
    }
    assert_eq!(hashes.len(), 2, "one script and one style");
    let Some(policy) = policy else {
        panic!("the page has changed; {place} has to say {} and {hashes:?}", fnv(page));
    };
    for hash in &hashes {
        assert!(policy.contains(hash.as_str()), "{place} has to say {hashes:?}: {policy}");
    }
    assert_eq!(policy.matches("sha256-").count(), 2, "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for word in ["default-src 'none'; ", "frame-ancestors 'none'", "base-uri 'none'", allowed] {
        assert!(policy.contains(word), "{word}: {policy}");
    }
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
}

fn sha256(text: &str) -> String {
    let code = "import base64, hashlib, sys\n\
                text = sys.stdin.buffer.read()\n\
                print(base64.b64encode(hashlib.sha256(text).digest()).decode())";
    let mut python = Command::new("python3");
    let pipes = python.args(["-c", code]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.spawn().expect("python3 is there");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("it is ASCII").trim().to_owned()
}

fn fnv(page: &str) -> String {
    let number = page.bytes().fold(0xCBF2_9CE4_8422_2325, |number: u64, byte| {
        (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    format!("{number:#018X}")
}
