//! Requests of operators in any cutting: what is asked for was allowed and is in the bytes, beside
//! httparse, and the answer is one.

use std::net::IpAddr;

use switchboard::admin::{
    AdminAccess, AdminCommand, AdminExchange, AdminToken, AdminWay, ExchangeStep,
};
use switchboard::ws::{DateField, Response};

use super::cutting::Cutting;
use super::head::with_known_version;

/// A byte for the way, the token and the longest message; a cutting; and the bytes of a connection.
pub fn check(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let Some((cutting, bytes)) = Cutting::split(rest) else { return };
    if bytes.len() > INPUT_BYTES_MAX {
        return;
    }
    let ways = [AdminWay::Unix, AdminWay::Loopback, AdminWay::Network];
    let way = ways[usize::from(first % 3)];
    let token = AdminToken::new(TOKEN).expect("it is one");
    let access = AdminAccess { way, token: Some(token).filter(|_| first / 3 % 2 == 1) };
    let has_token = access.token.is_some();
    let max = usize::from(first / 6);
    let (whole, last) = run(&access, [bytes], max);
    for told in [
        run(&access, cutting.pieces(bytes), max),
        run(&access, Cutting::BYTEWISE.pieces(bytes), max),
    ] {
        assert_eq!(told.0, whole, "it is cut");
        assert_eq!(told.1, last, "it is cut");
    }
    match whole.last() {
        None => {}
        Some(ExchangeStep::Answer(answer)) => check_answer(answer, &last),
        Some(step) => {
            let request = Parsed::of(bytes);
            check_access(&request, step, way, has_token);
            check_command(&request, step, max);
        }
    }
}

/// The steps and the bytes of an answer; that a client is to go on depends on the cutting.
fn run<'a>(
    access: &AdminAccess,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    max: usize,
) -> (Vec<ExchangeStep>, Vec<u8>) {
    let mut exchange = AdminExchange::new(access.clone());
    let (mut steps, mut is_over, mut answer) = (Vec::new(), false, Vec::new());
    for piece in pieces {
        let mut step = exchange.receive(piece);
        while let Some(found) = step.take() {
            assert!(!is_over, "there is one answer: {steps:?}, {found:?}");
            match &found {
                ExchangeStep::Find(service) => {
                    assert!(steps.is_empty(), "it is asked for once, and first");
                    step = exchange.allow((service != "/none").then_some(max));
                }
                ExchangeStep::Continue => continue,
                ExchangeStep::Do(_) => is_over = true,
                ExchangeStep::Answer(refusal) => {
                    is_over = true;
                    answer = exchange.encode(refusal, &DateField::at(0));
                }
            }
            steps.push(found);
        }
    }
    (steps, answer)
}

/// A refusal, as a client reads it.
fn check_answer(answer: &Response, bytes: &[u8]) {
    let status = answer.status().number();
    assert!(STATUSES.contains(&status), "{status}");
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut theirs = httparse::Response::new(&mut fields);
    let end = theirs.parse(bytes).expect("it is an answer");
    let httparse::Status::Complete(end) = end else { panic!("its head ends") };
    assert_eq!(theirs.code, Some(status));
    let value = |name: &str| {
        let field = theirs.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        field.map(|field| std::str::from_utf8(field.value).expect("it is ASCII"))
    };
    assert_eq!(value("Connection"), Some("close"));
    assert_eq!(value("WWW-Authenticate").is_some(), status == 401, "RFC 9110, 11.6.1");
    assert_eq!(value("Allow").is_some(), status == 405, "RFC 9110, 15.5.6");
    let len: usize = value("Content-Length").and_then(|len| len.parse().ok()).expect("a length");
    let content = &bytes[end..];
    assert!(content.is_empty() || content.len() == len, "{len} bytes, not {}", content.len());
    assert!(!bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()) || status != 401);
}

/// A request as httparse reads it.
struct Parsed {
    method: String,
    target: String,
    fields: Vec<(String, Vec<u8>)>,
    content: Vec<u8>,
}

impl Parsed {
    fn of(bytes: &[u8]) -> Self {
        let mut fields = vec![httparse::EMPTY_HEADER; 512];
        let mut theirs = httparse::Request::new(&mut fields);
        let known = with_known_version(bytes);
        let end = theirs.parse(&known).expect("what is accepted is a request");
        let httparse::Status::Complete(end) = end else { panic!("its head ends") };
        let own = |field: &httparse::Header<'_>| {
            (field.name.to_ascii_lowercase(), field.value.trim_ascii().to_vec())
        };
        Self {
            method: theirs.method.expect("it is there").to_owned(),
            target: theirs.path.expect("it is there").to_owned(),
            fields: theirs.headers.iter().map(own).collect(),
            content: bytes[end..].to_vec(),
        }
    }

    fn values(&self, name: &str) -> Vec<&[u8]> {
        let fields = self.fields.iter().filter(|(known, _)| known == name);
        fields.map(|(_, value)| &value[..]).collect()
    }
}

/// What is asked for may be asked for: the rule of the documentation.
fn check_access(request: &Parsed, step: &ExchangeStep, way: AdminWay, has_token: bool) {
    assert!(request.values("origin").is_empty(), "a page has an origin");
    assert!(request.values("sec-fetch-site").iter().all(|site| *site == b"none"), "no page");
    if way == AdminWay::Loopback {
        assert!(request.values("host").into_iter().all(is_loopback), "no other name leads here");
        let absolute = Some(&*request.target).filter(|target| !target.starts_with('/'));
        let absolute = absolute.and_then(|target| target.split_once("://")).map(|(_, rest)| rest);
        let authority = absolute.map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
        assert!(authority.is_none_or(|host| is_loopback(host.as_bytes())), "nor does a target");
    }
    let (is_probe, is_change) = match step {
        ExchangeStep::Do(AdminCommand::Health | AdminCommand::Readiness) => (true, false),
        ExchangeStep::Do(AdminCommand::Status | AdminCommand::Metrics) => (false, false),
        _ => (false, true),
    };
    let methods: &[&str] = if is_change { &["POST"] } else { &["GET", "HEAD"] };
    assert!(methods.contains(&&*request.method), "{}", request.method);
    let needs_token = match way {
        AdminWay::Unix => false,
        AdminWay::Loopback => is_change,
        AdminWay::Network => !is_probe,
    };
    let given = request.values("authorization");
    let is_right = match given[..] {
        [value] => value.split_at_checked(7).is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case(b"bearer ") && token.trim_ascii() == TOKEN.as_bytes()
        }),
        _ => false,
    };
    assert!(!needs_token || has_token && is_right, "it needs the token");
    let is_wrong = way != AdminWay::Unix && has_token && !given.is_empty() && !is_right;
    assert!(is_probe || !is_wrong, "a wrong token is none");
}

fn is_loopback(authority: &[u8]) -> bool {
    let text = std::str::from_utf8(authority).expect("a host is ASCII").to_ascii_lowercase();
    if let Some(rest) = text.strip_prefix('[') {
        let address = rest.split(']').next().and_then(|address| address.parse::<IpAddr>().ok());
        return address.is_some_and(|address| address.to_canonical().is_loopback());
    }
    let name = text.split(':').next().unwrap_or_default();
    // RFC 3986, 3.2.2: a dot at the end is that of the root.
    let name = name.strip_suffix('.').unwrap_or(name);
    let address = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    address || name == "localhost" || name.ends_with(".localhost")
}

/// What is to be done is what the bytes say.
fn check_command(request: &Parsed, step: &ExchangeStep, max: usize) {
    let lengths = request.values("content-length");
    assert!(request.values("transfer-encoding").is_empty() && lengths.len() < 2);
    let length = lengths.first().map(|length| {
        assert!(!length.is_empty() && length.iter().all(u8::is_ascii_digit), "RFC 9110, 8.6");
        let digits = std::str::from_utf8(length).expect("they are ASCII");
        digits.parse::<u64>().expect("it fits")
    });
    match step {
        ExchangeStep::Do(AdminCommand::Send { message, .. }) => {
            let len = length.expect("a message has a length");
            assert!(message.len() <= max && message.len() as u64 == len, "{len} of {max}");
            assert_eq!(message.as_bytes(), &request.content[..message.len()]);
        }
        ExchangeStep::Do(AdminCommand::Close { close, .. }) => {
            let code = close.code.number();
            let may_be_sent = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert!(may_be_sent && close.reason.len() <= 123, "{close:?}");
        }
        // Its message has not come.
        ExchangeStep::Find(_) => assert!(length.is_some_and(|len| len <= max as u64)),
        _ => assert!(length.unwrap_or_default() == 0, "nothing else has content"),
    }
}

const TOKEN: &str = "0123456789abcdef";
const STATUSES: [u16; 13] = [400, 401, 403, 404, 405, 411, 413, 414, 415, 417, 421, 431, 505];
const INPUT_BYTES_MAX: usize = 4_096;
