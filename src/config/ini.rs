//! The lines of an INI file, each read separately. It knows only the syntax; the meaning of
//! sections and keys is in `raw_config`.
//!
//! ```text
//! # A comment; so is this at the end of a line, if a blank stands before it.
//! [section]
//! name: value     ; the same as NAME = value
//! name: A="# and ; and blanks"   # In quotes, neither begins a comment.
//! ```

use std::fmt;

/// The lines of `text` that are neither empty nor comments, with their numbers from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, Result<IniLine<'_>, IniError>)> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    (1..).zip(text.lines()).filter_map(|(number, line)| Some((number, read(line)?)))
}

/// A name in its form for comparison: in lower case, with `-` for `_`.
pub(super) fn plain(name: &str) -> String {
    name.replace('_', "-").to_ascii_lowercase()
}

/// A line that is neither empty nor a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IniLine<'a> {
    /// The text between the brackets.
    Section(&'a str),
    /// A key, which belongs to the section before it.
    Key {
        /// The name as it was written.
        name: &'a str,
        /// The value without the blanks around it; it may be empty.
        value: &'a str,
    },
}

/// The syntax errors of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IniError {
    /// An opening bracket without a closing one at the end of the line.
    OpenBracket,
    /// There is neither a colon nor an equals sign.
    NoValue,
    /// There is no key before the colon or equals sign.
    NoName,
}

impl fmt::Display for IniError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenBracket => "a section is a name in brackets, such as [server]",
            Self::NoValue => "a key needs a colon and a value, such as port: 12345",
            Self::NoName => "a name is missing before the value, such as port: 12345",
        })
    }
}

/// The content of the line, if there is any.
fn read(line: &str) -> Option<Result<IniLine<'_>, IniError>> {
    let line = without_comment(line).trim();
    if line.is_empty() {
        return None;
    }
    if let Some(rest) = line.strip_prefix('[') {
        let title = rest.strip_suffix(']').ok_or(IniError::OpenBracket);
        return Some(title.map(|title| IniLine::Section(title.trim())));
    }
    Some(match line.split_once([':', '=']) {
        None => Err(IniError::NoValue),
        Some(("", _)) => Err(IniError::NoName),
        Some((name, value)) => {
            Ok(IniLine::Key { name: name.trim_end(), value: value.trim_start() })
        }
    })
}

/// The line up to the first comment sign at its beginning or after a blank. Within a word the sign
/// is a normal character, so that paths and addresses may have it. It is also a normal character
/// within double quotes that open at the beginning of a word, or behind a colon or an equals sign.
fn without_comment(line: &str) -> &str {
    let (mut begins, mut quoted_up_to) = (true, 0);
    let mut after_blank = true;
    for (at, c) in line.char_indices() {
        if at < quoted_up_to {
            continue;
        }
        if after_blank && matches!(c, '#' | ';') {
            return &line[..at];
        }
        if begins && c == '"' {
            quoted_up_to = at + 1 + quoted_len(&line[at + 1..]);
        }
        after_blank = c.is_whitespace();
        begins = after_blank || matches!(c, ':' | '=');
    }
    line
}

/// The length of the text before the closing quote, and with the quote; none if there is no closing
/// quote.
fn quoted_len(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices() {
        if c == '"' && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    0
}

const BYTE_ORDER_MARK: char = '\u{feff}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_by_itself() {
        let key = |name, value| Some(Ok(IniLine::Key { name, value }));
        let rows = [
            ("", None),
            ("  \t", None),
            ("# port: 1", None),
            ("  ; port: 1", None),
            ("#", None),
            ("[server]", Some(Ok(IniLine::Section("server")))),
            ("  [ Server ]  ; all of it", Some(Ok(IniLine::Section("Server")))),
            ("[service /a]b]", Some(Ok(IniLine::Section("service /a]b")))),
            ("[]", Some(Ok(IniLine::Section("")))),
            ("[server", Some(Err(IniError::OpenBracket))),
            ("[server] port", Some(Err(IniError::OpenBracket))),
            ("[", Some(Err(IniError::OpenBracket))),
            ("port: 1", key("port", "1")),
            ("port=1", key("port", "1")),
            ("\tPort \t = \t 1 \t", key("Port", "1")),
            ("port: 1 # one", key("port", "1")),
            ("port: 1\t;one", key("port", "1")),
            ("port: # none", key("port", "")),
            ("port:", key("port", "")),
            ("root: a#b;c", key("root", "a#b;c")),
            ("root:#b", key("root", "#b")),
            ("host: ::1", key("host", "::1")),
            ("host = a:b=c", key("host", "a:b=c")),
            ("mail-max: 4096 messages or 4m", key("mail-max", "4096 messages or 4m")),
            ("env: A=\" # b\" # c", key("env", "A=\" # b\"")),
            ("env: \"a ; b\" ; c", key("env", "\"a ; b\"")),
            (r#"env: A="\" # \\" # c"#, key("env", r#"A="\" # \\""#)),
            ("env: A=\"b # c", key("env", "A=\"b")),
            ("env: A=b\"c # d\"", key("env", "A=b\"c")),
            ("port", Some(Err(IniError::NoValue))),
            ("port 1", Some(Err(IniError::NoValue))),
            (": 1", Some(Err(IniError::NoName))),
            ("= ; 1", Some(Err(IniError::NoName))),
        ];
        for (line, expected) in rows {
            assert_eq!(read(line), expected, "{line:?}");
        }
    }

    #[test]
    fn numbers_count_every_line() {
        let text = "\u{feff}[a]\r\n\r\n# b\r\nc: d\r\ne";
        let read: Vec<_> = lines(text).collect();
        let expected = [
            (1, Ok(IniLine::Section("a"))),
            (4, Ok(IniLine::Key { name: "c", value: "d" })),
            (5, Err(IniError::NoValue)),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn names_are_compared_plain() {
        for name in ["log-level", "Log_Level", "LOG-LEVEL", "log_LEVEL"] {
            assert_eq!(plain(name), "log-level");
        }
    }
}
