//! A source as tokens, without comments: braces, names and paths are found in them as the compiler
//! finds them, wherever the formatter puts them. The content of strings is left out.

/// A token and its line. A string or character is `""`.
#[derive(Clone, Copy)]
pub struct Token<'a> {
    pub line: usize,
    pub text: &'a str,
}

impl Token<'_> {
    /// Whether it is a name or a keyword.
    pub fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// All tokens of a text.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut found, mut rest, mut line) = (Vec::new(), text, 1);
    while let Some(first) = rest.chars().next() {
        let (len, token) = if let Some(len) = comment_len(rest) {
            (len, None)
        } else if let Some(len) = string_len(rest).or_else(|| character_len(rest)) {
            (len, Some("\"\""))
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let len = end.unwrap_or(rest.len());
            (len, Some(&rest[..len]))
        } else {
            let len = if rest.starts_with("::") { 2 } else { first.len_utf8() };
            (len, Some(&rest[..len]).filter(|_| !first.is_whitespace()))
        };
        found.extend(token.map(|text| Token { line, text }));
        line += rest[..len].matches('\n').count();
        rest = &rest[len..];
    }
    found
}

/// The tokens of a text without what is there in tests only: items with `#[cfg(test)]`.
pub fn code(text: &str) -> Vec<Token<'_>> {
    without(&tokens(text), "test")
}

/// The tokens without the items that are there on one condition only, such as `#[cfg(doc)]`.
pub fn without<'a>(all: &[Token<'a>], condition: &str) -> Vec<Token<'a>> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while let Some(token) = all.get(at) {
        if is_at(&all[at..], &["#", "[", "cfg", "(", condition, ")", "]"]) {
            at = end_of_item(all, at + 7);
        } else {
            kept.push(*token);
            at += 1;
        }
    }
    kept
}

/// Whether the tokens begin with these texts.
pub fn is_at(tokens: &[Token<'_>], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

/// Behind an item that begins at `at`: behind its semicolon or its body, or at the comma or bracket
/// that ends it.
fn end_of_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return at,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            "," if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

fn comment_len(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    // Comments of this form have others within them.
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        if rest[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if rest[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
        } else {
            at += rest[at..].chars().next()?.len_utf8();
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The length of a string of any kind: of characters, bytes, or for C, raw or not.
fn string_len(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    let raw = inner.strip_prefix('r').map(|raw| (raw, raw.trim_start_matches('#')));
    if let Some((raw, quoted)) = raw.filter(|(_, quoted)| quoted.starts_with('"')) {
        let end = format!("\"{}", &raw[..raw.len() - quoted.len()]);
        let len = quoted[1..].find(&end).map_or(quoted.len(), |at| 1 + at + end.len());
        return Some(rest.len() - quoted.len() + len);
    }
    let quoted = inner.strip_prefix('"')?;
    let (mut len, mut is_escaped) = (0, false);
    for c in quoted.chars() {
        len += c.len_utf8();
        match c {
            '"' if !is_escaped => break,
            c => is_escaped = c == '\\' && !is_escaped,
        }
    }
    Some(rest.len() - quoted.len() + len)
}

/// The length of a character in quotes. A lifetime is none.
fn character_len(rest: &str) -> Option<usize> {
    let quoted = rest.strip_prefix('\'')?;
    let c = quoted.chars().next()?;
    if c == '\\' {
        // The character behind the backslash may be a quote.
        return quoted.get(2..)?.find('\'').map(|at| 1 + 2 + at + 1);
    }
    quoted[c.len_utf8()..].starts_with('\'').then(|| 2 + c.len_utf8())
}

#[test]
fn tokens_are_those_of_the_compiler() {
    let rows: [(&str, &[&str]); 8] = [
        ("a::b(1_000);", &["a", "::", "b", "(", "1_000", ")", ";"]),
        ("// a\n/// b \"\nc /* d /* e */ \" */ f", &["c", "f"]),
        (r#"a "b \" // c" d"#, &["a", "\"\"", "d"]),
        (r##"r#"a " b"# c br"\" d"##, &["\"\"", "c", "\"\"", "d"]),
        (r"'{' '\'' '\\' '\u{7d}' b'}'", &["\"\"", "\"\"", "\"\"", "\"\"", "b", "\"\""]),
        ("&'a str", &["&", "'", "a", "str"]),
        ("\"\\\\\" a", &["\"\"", "a"]),
        ("'é' é", &["\"\"", "é"]),
    ];
    for (text, expected) in rows {
        let found: Vec<_> = tokens(text).iter().map(|token| token.text).collect();
        assert_eq!(found, expected, "{text}");
    }
    let lines: Vec<_> = tokens("a\n\"b\nc\" d // e\nf").iter().map(|token| token.line).collect();
    assert_eq!(lines, [1, 2, 3, 4]);
}

#[test]
fn what_is_for_tests_is_left_out_and_nothing_else() {
    let rows = [
        ("a; #[cfg(test)] mod tests { b { c } } d", "a ; d"),
        ("#[cfg(test)] mod tests; a", "a"),
        ("#[cfg(test)] const A: [u8; 3] = [1; 3]; b", "b"),
        ("f { #[cfg(test)] a: B, c }", "f { , c }"),
        ("#[cfg(not(test))] a;", "# [ cfg ( not ( test ) ) ] a ;"),
    ];
    for (text, expected) in rows {
        let found: Vec<_> = code(text).iter().map(|token| token.text).collect();
        assert_eq!(found.join(" "), expected, "{text}");
    }
    let found = without(&tokens("#[cfg(doc)] pub use a::b; #[cfg(test)] d"), "doc");
    let found: Vec<_> = found.iter().map(|token| token.text).collect();
    assert_eq!(found.join(" "), "# [ cfg ( test ) ] d");
}
