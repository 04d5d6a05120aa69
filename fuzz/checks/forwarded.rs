//! What trusted proxies say about their clients, behind anything that a client has written before
//! them. The proxies' part is made from the input, so that it is known what it means.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use arbitrary::{Result, Unstructured};
use switchboard::ws::{Forwarded, ForwardedPeer, Head, HeadReader};
use switchboard::{Limits, TrustedProxies};

/// The first bytes say what the proxies write, the others what the client does.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(chain) = Chain::make(&mut input) else { return };
    let written = input.take_rest();
    let lines: Vec<&[u8]> = written.split(|byte| *byte == b'\n').collect();
    let Some(plain) = chain.read(&[]) else { return };
    assert_eq!(plain, chain.expected, "{:?}", chain.lines);
    if !chain.has_client {
        return;
    }
    // What the client has written is to the left: in lines before, or in the first one.
    if let Some(found) = chain.read(&lines) {
        assert_eq!(found, chain.expected, "{:?} behind {:?}", chain.lines, written.escape_ascii());
    }
}

/// What proxies have written.
struct Chain {
    rule: Forwarded,
    lines: Vec<String>,
    /// Whether the first of them names a client that is not trusted.
    has_client: bool,
    expected: ForwardedPeer,
}

impl Chain {
    fn make(input: &mut Unstructured<'_>) -> Result<Self> {
        let rule = *input.choose(&[Forwarded::XForwardedFor, Forwarded::Forwarded])?;
        let is_standard = rule == Forwarded::Forwarded;
        let has_client: bool = input.arbitrary()?;
        let (mut lines, mut line) = (Vec::new(), String::new());
        let mut expected = ForwardedPeer::default();
        let mut proxies_len = input.int_in_range(0..=6)?;
        if !has_client {
            proxies_len = proxies_len.max(1);
        }
        for place in 0..=proxies_len {
            let is_client = place == 0;
            if is_client && !has_client {
                continue;
            }
            let (text, address, scheme) = element(input, is_client, is_standard)?;
            let is_first = expected.address.is_none();
            // Trusted ones are skipped as long as there is one before them.
            if is_first {
                expected = ForwardedPeer { address: Some(address), is_secure: scheme };
            }
            if !line.is_empty() {
                line.push_str(input.choose(&[",", ", ", " ,\t", ",,", ", , "])?);
            }
            line.push_str(&text);
            if input.ratio(1, 4)? {
                lines.push(std::mem::take(&mut line));
            }
        }
        lines.push(line);
        lines.retain(|line| !line.is_empty());
        Ok(Self { rule, lines, has_client, expected })
    }

    /// What is read if these lines come before; nothing if that is no request.
    fn read(&self, before: &[&[u8]]) -> Option<ForwardedPeer> {
        let name = match self.rule {
            Forwarded::Forwarded => "forwarded",
            _ => "X-Forwarded-For",
        };
        let mut text = b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec();
        let mut own = self.lines.iter().map(|line| line.clone().into_bytes());
        let last = before.last().copied().unwrap_or_default();
        let first = [last, b", ", &own.next()?[..]].concat();
        let others = before.iter().rev().skip(1).rev().map(|line| line.to_vec());
        for line in others.chain([first]).chain(own) {
            text.extend([name.as_bytes(), b": ", &line, b"\r\n"].concat());
        }
        text.extend(b"\r\n");
        let head = head(&text)?;
        let trusted: TrustedProxies = "10.0.0.0/8, fd00::/8".parse().expect("it is a list");
        Some(self.rule.read(&head, &trusted))
    }
}

fn head(text: &[u8]) -> Option<Head> {
    let (used, head) = HeadReader::default().receive(text, &Limits::SERVER).ok()?;
    head.filter(|_| used == text.len())
}

/// An element, the address in it, and whether its scheme is one over TLS.
fn element(
    input: &mut Unstructured<'_>,
    is_client: bool,
    is_standard: bool,
) -> Result<(String, SocketAddr, Option<bool>)> {
    let ip: IpAddr = if input.arbitrary()? {
        let [a, b, c]: [u8; 3] = input.arbitrary()?;
        Ipv4Addr::new(if is_client { 192 } else { 10 }, a, b, c).into()
    } else {
        let rest: [u16; 7] = input.arbitrary()?;
        let [b, c, d, e, f, g, h] = rest;
        Ipv6Addr::new(if is_client { 0x2001 } else { 0xfd00 }, b, c, d, e, f, g, h).into()
    };
    let port: Option<u16> = input.arbitrary()?;
    let is_hidden = port.is_none() && input.ratio(1, 4)?;
    let is_bare = port.is_none() && !is_hidden;
    let mut node = match ip {
        IpAddr::V6(_) if !is_bare || is_standard || input.arbitrary()? => format!("[{ip}]"),
        _ => ip.to_string(),
    };
    match port {
        Some(port) => node.push_str(&format!(":{port}")),
        None if is_hidden => node.push_str(":_hidden"),
        None => {}
    }
    let address = SocketAddr::new(ip, port.unwrap_or(0));
    if !is_standard {
        return Ok((node, address, None));
    }
    // RFC 7239, 4: what is no token is in quotes.
    let needs = node.contains([':', '[']);
    let node = if needs || input.arbitrary()? { format!("\"{node}\"") } else { node };
    let mut pairs = vec![format!("{}={node}", input.choose(&["for", "For", "FOR"])?)];
    let scheme = *input.choose(&[None, Some("http"), Some("https"), Some("HTTPS"), Some("wss")])?;
    pairs.extend(scheme.map(|scheme| format!("proto={scheme}")));
    // A host, which the client has named.
    let hosts =
        ["host=a", "host=\"a, for=192.0.2.66\"", "host=\"a;for=192.0.2.66\"", "by=\"\\\", \\\\\""];
    if input.arbitrary()? {
        let at = input.int_in_range(0..=pairs.len())?;
        pairs.insert(at, (*input.choose(&hosts)?).to_owned());
    }
    let is_secure = scheme.map(|scheme| !scheme.eq_ignore_ascii_case("http"));
    Ok((pairs.join(input.choose(&[";", "; ", " ;"])?), address, is_secure))
}
