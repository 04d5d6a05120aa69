//! Offers of compression in any words, against a model of the grammar: no offer fails the
//! handshake, the right offer is accepted, and the answer is one that the client may accept.

use switchboard::limits::Limits;
use switchboard::ws::{HeadReader, Upgrade};

use super::talk::UPGRADE;

/// The first byte is the memory for contexts; the lines of the rest are headers.
pub fn check(data: &[u8]) {
    let Some((&memory, text)) = data.split_first() else { return };
    let text: String = text.iter().map(|&byte| printable(byte)).collect();
    let lines = text.split('\n').map(|line| format!("Sec-WebSocket-Extensions:{line}\r\n"));
    let lines: String = lines.collect();
    let head = [&UPGRADE[..UPGRADE.len() - 2], lines.as_bytes(), b"\r\n"].concat();
    let read = HeadReader::default().receive(&head, &Limits::SERVER);
    // It may be too long.
    let Ok((_, Some(head))) = read else { return };

    let members = text.split('\n').flat_map(members);
    let upgrade = Upgrade::parse(&head);
    let mut upgrade = upgrade.ok().flatten().unwrap_or_else(|| panic!("{text:?} is right"));
    let accepted = members.flatten().find_map(|member| Offer::of(&member));
    assert_eq!(upgrade.offer().is_some(), accepted.is_some(), "{text:?}");
    let (Some(offer), Some(accepted)) = (upgrade.offer(), accepted) else { return };
    let memory = usize::from(memory) * 512;
    let agreement = offer.agree(memory);
    assert!(agreement.context_bytes() <= memory, "contexts fit their memory");
    upgrade.agree(agreement);
    let mut answer = Vec::new();
    upgrade.encode(None, &mut answer);
    let answer = String::from_utf8(answer).expect("a head is ASCII");
    let value = answer.split("Sec-WebSocket-Extensions: ").nth(1).expect("it is there");
    let value = value.split("\r\n").next().expect("a line ends");
    accepted.check_answer(value);
}

/// Any byte as one that may stand in a header, or between two.
fn printable(byte: u8) -> char {
    if matches!(byte, b'\t' | b'\n' | b' '..=b'~') { char::from(byte) } else { '?' }
}

/// A name and its parameters.
type Member = (String, Vec<(String, Option<String>)>);

/// The members of one header, `None` for each that is malformed.
fn members(line: &str) -> Vec<Option<Member>> {
    let mut parts = vec![String::new()];
    let mut within_quotes = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == ',' && !within_quotes {
            parts.push(String::new());
            continue;
        }
        within_quotes ^= c == '"';
        let part = parts.last_mut().expect("there is one");
        part.push(c);
        // A quoted pair does not end the string.
        if c == '\\' && within_quotes {
            part.extend(chars.next());
        }
    }
    parts.iter().map(|part| member(&words(part)?)).collect()
}

/// Words and marks, without the blanks between them.
fn words(part: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = part.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.push(String::new()),
            ';' | '=' => words.push(c.into()),
            '"' => {
                let mut inner = String::from("\"");
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => inner.push(chars.next()?),
                        c => inner.push(c),
                    }
                }
                words.push(Some(inner).filter(|inner| is_token(&inner[1..]))?);
            }
            _ => {
                let mut token = String::from(c);
                while let Some(c) = chars.next_if(|c| !" \t;=\"".contains(*c)) {
                    token.push(c);
                }
                words.push(Some(token).filter(|token| is_token(token))?);
            }
        }
    }
    words.retain(|word| !word.is_empty());
    Some(words)
}

fn member(words: &[String]) -> Option<Member> {
    let mut parts = words.split(|word| word == ";");
    let [name] = parts.next()? else { return None };
    let parameter = |part: &[String]| match part {
        [name] => Some((token(name)?, None)),
        [name, equals, value] if equals == "=" => {
            let value = value.strip_prefix('"').map_or_else(|| token(value), |v| Some(v.into()));
            Some((token(name)?, Some(value?)))
        }
        _ => None,
    };
    Some((token(name)?, parts.map(parameter).collect::<Option<_>>()?))
}

fn token(word: &str) -> Option<String> {
    is_token(word).then(|| word.to_owned())
}

fn is_token(word: &str) -> bool {
    let special = "!#$%&'*+-.^_`|~";
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || special.contains(c))
}

/// What an offer that can be accepted asks for.
struct Offer {
    server_bits: Option<u8>,
    client_bits: Option<Option<u8>>,
    server_fresh: bool,
}

impl Offer {
    fn of((name, parameters): &Member) -> Option<Self> {
        let names = ["server_max_window_bits", "client_max_window_bits"];
        let no = ["server_no_context_takeover", "client_no_context_takeover"];
        for (at, (name, value)) in parameters.iter().enumerate() {
            let bits = value.as_deref().map(|v| (8..=15).find(|bits: &u8| bits.to_string() == v));
            let fits = match bits {
                _ if no.contains(&&**name) => value.is_none(),
                Some(bits) => names.contains(&&**name) && bits.is_some(),
                None => name == names[1],
            };
            if !fits || parameters[..at].iter().any(|(other, _)| other == name) {
                return None;
            }
        }
        let find = |name| parameters.iter().find(|parameter| parameter.0 == name);
        let bits = |value: &Option<String>| value.as_ref().and_then(|value| value.parse().ok());
        (name == "permessage-deflate").then(|| Self {
            server_bits: find(names[0]).and_then(|(_, value)| bits(value)),
            client_bits: find(names[1]).map(|(_, value)| bits(value)),
            server_fresh: find(no[0]).is_some(),
        })
    }

    /// RFC 7692, 7.1: what the answer may say.
    fn check_answer(&self, value: &str) {
        let answer = members(value);
        let [Some(member)] = &answer[..] else { panic!("one extension is agreed on: {value}") };
        let theirs = Self::of(member).expect("it has the parameters of an offer");
        // 7.1.1.1: what was asked for is granted.
        assert!(theirs.server_fresh || !self.server_fresh, "{value}");
        // 7.1.2.1: the same value or a smaller one.
        assert_eq!(theirs.server_bits.is_some(), self.server_bits.is_some(), "{value}");
        assert!(theirs.server_bits <= self.server_bits, "{value}");
        // 7.1.2.2: only for a client that has said it understands it, and then with a value.
        if let Some(bits) = theirs.client_bits {
            let most = self.client_bits.expect("it was offered").unwrap_or(15);
            assert!(bits.expect("it has a value") <= most, "{value}");
        }
    }
}
