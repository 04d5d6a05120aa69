//! Readers for lists of variables and of subprotocols, for the keys of programs.

use crate::programs::{Variable, is_own_variable, is_variable_name};
use crate::ws::syntax::{is_token, items};

/// `none`, or a list of variables, separated by commas or blanks, none of them twice.
pub(super) fn variables(text: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let is_none = |text: &str| text.eq_ignore_ascii_case("none");
    if is_none(text) {
        return Some(names);
    }
    // A user who writes it means the whole environment, and not a variable of this name.
    if items(text).all(|name| name.eq_ignore_ascii_case("all")) {
        return None;
    }
    for name in items(text) {
        // They are about this process. With them, a program could report for the server. Others
        // are about a request, such as HTTPS.
        let is_ours = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"].contains(&name)
            || is_own_variable(name);
        if !is_variable_name(name) || is_none(name) || is_ours {
            return None;
        }
        if names.iter().all(|other| other != name) {
            names.push(name.to_owned());
        }
    }
    Some(names).filter(|names| !names.is_empty())
}

/// `none`, or a list of subprotocols, separated by commas or blanks, none of them twice.
pub(super) fn protocols(text: &str) -> Option<Vec<String>> {
    if text.eq_ignore_ascii_case("none") {
        return Some(Vec::new());
    }
    let mut names: Vec<String> = Vec::new();
    for name in items(text) {
        // RFC 6455, 4.1 (10): a token.
        if !is_token(name.as_bytes()) || name.eq_ignore_ascii_case("none") {
            return None;
        }
        if names.iter().all(|other| other != name) {
            names.push(name.to_owned());
        }
    }
    Some(names).filter(|names| !names.is_empty())
}

/// `none`, which removes earlier values, or a variable.
pub(super) fn set_variable(env: &mut Vec<Variable>, text: &str) -> Option<()> {
    if text.eq_ignore_ascii_case("none") {
        env.clear();
        return Some(());
    }
    let (name, value) = text.split_once('=')?;
    let value = unquoted(value.trim_start())?;
    let variable = Variable { name: name.trim_end().to_owned(), value: value.into_bytes() };
    if !variable.is_free() {
        return None;
    }
    env.retain(|other| other.name != variable.name);
    env.push(variable);
    Some(())
}

/// A value without its quotes, if it has any. Within quotes, a backslash begins an escape.
fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let inner = inner.strip_suffix('"')?;
    let (mut value, mut rest) = (String::new(), inner.chars());
    while let Some(c) = rest.next() {
        value.push(match c {
            '"' => return None,
            '\\' => match rest.next()? {
                c @ ('"' | '\\') => c,
                'n' => '\n',
                't' => '\t',
                _ => return None,
            },
            c => c,
        });
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_environment() {
        let rows: [(&str, Option<&[&str]>); 18] = [
            ("none", Some(&[])),
            ("None", Some(&[])),
            ("HOME", Some(&["HOME"])),
            ("HOME, LANG _x1", Some(&["HOME", "LANG", "_x1"])),
            ("HOME,HOME", Some(&["HOME"])),
            ("HOME, ALL", Some(&["HOME", "ALL"])),
            ("", None),
            (",", None),
            ("all", None),
            ("All,", None),
            ("HOME none", None),
            ("None, HOME", None),
            ("none, none", None),
            ("HOME=/root", None),
            ("1ST", None),
            ("HOME, NOTIFY_SOCKET", None),
            ("HOME, HTTPS", None),
            ("WATCHDOG_USEC", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
            assert_eq!(variables(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_variable_is_a_name_and_a_value() {
        let rows = [
            ("A=b", Some(("A", "b"))),
            ("_a1 = b c", Some(("_a1", "b c"))),
            ("A=", Some(("A", ""))),
            ("A=b=c", Some(("A", "b=c"))),
            ("A=gr\u{fc}n", Some(("A", "gr\u{fc}n"))),
            ("A=\" b # c \"", Some(("A", " b # c "))),
            (r#"A="\\ \" \n \t""#, Some(("A", "\\ \" \n \t"))),
            (r"A=\n", Some(("A", r"\n"))),
            ("A=b\"c\"", Some(("A", "b\"c\""))),
            ("LANG=de_DE.UTF-8", Some(("LANG", "de_DE.UTF-8"))),
            ("PATH=/bin", Some(("PATH", "/bin"))),
            ("HTTP_PROXY=http://a:1", Some(("HTTP_PROXY", "http://a:1"))),
            ("none", None),
            ("A", None),
            ("=b", None),
            ("1A=b", None),
            ("A-B=c", None),
            ("\u{c4}=c", None),
            ("A=b\0c", None),
            ("A=\"b", None),
            ("A=\"", None),
            ("A=\"b\" c", None),
            ("A=\"b\"c\"", None),
            (r#"A="\x""#, None),
            (r#"A="b\""#, None),
            ("REMOTE_ADDR=b", None),
            ("HTTP_COOKIE=b", None),
            ("SWITCHBOARD_SERVICE=b", None),
            ("PYTHONUNBUFFERED=", None),
        ];
        for (text, expected) in rows {
            let mut env = Vec::new();
            let done = set_variable(&mut env, text);
            let found = env.first().map(|v| (v.name.as_str(), str::from_utf8(&v.value)));
            assert_eq!(found, expected.map(|(name, value)| (name, Ok(value))), "{text:?}");
            assert_eq!(done.is_some(), expected.is_some() || text == "none", "{text:?}");
        }
    }

    #[test]
    fn the_last_of_a_name_counts() {
        let mut env = Vec::new();
        let mut set = |text| {
            set_variable(&mut env, text).expect(text);
            env.iter().map(|v| v.name.clone() + &String::from_utf8_lossy(&v.value)).collect()
        };
        let rows: [(&str, &[&str]); 5] = [
            ("A=1", &["A1"]),
            ("B=1", &["A1", "B1"]),
            ("A=2", &["B1", "A2"]),
            ("None", &[]),
            ("C=", &["C"]),
        ];
        for (text, expected) in rows {
            let found: Vec<String> = set(text);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn subprotocols_are_tokens() {
        let rows: [(&str, Option<&[&str]>); 7] = [
            ("none", Some(&[])),
            ("chat.v2, chat.v1", Some(&["chat.v2", "chat.v1"])),
            ("a b,a", Some(&["a", "b"])),
            ("", None),
            ("a, none", None),
            ("a/b", None),
            ("\"a\"", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
            assert_eq!(protocols(text), expected, "{text:?}");
        }
    }
}
