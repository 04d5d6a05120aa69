//! What a call says: no function of `src` takes a `bool`, since `true` says nothing at the place of
//! the call. An enum has a word for either, and two functions have two names.

use crate::source::{none, sources};
use crate::tokens::{Token, code};

#[test]
fn no_function_takes_a_bool() {
    let mut faults = Vec::new();
    for source in sources().into_iter().filter(|s| s.path.starts_with("src/") && !s.is_test()) {
        let tokens = code(&source.text);
        let found = switches(&tokens);
        faults.extend(found.map(|(line, name)| format!("{}:{line}: {name}: bool", source.path)));
    }
    none(&faults);
}

#[test]
fn parameters_that_are_switches_are_seen() {
    let rows: [(&str, &[(usize, &str)]); 10] = [
        ("fn a(is_b: bool) {}", &[(1, "is_b")]),
        ("pub const fn b<'a, C: D>(\n    &'a mut self,\n    mut e: &'a bool,\n) {}", &[(3, "e")]),
        ("fn a<F: Fn(u8) -> bool>(b: u8, c: bool, d: &mut bool)", &[(1, "c"), (1, "d")]),
        ("trait A { fn b(&self, _: bool); }", &[(1, "_")]),
        ("fn a(b: u8) -> bool { let c: bool = b > 0; c }", &[]),
        ("fn a<const B: bool>(c: impl Fn(&[u8], D) -> bool)", &[]),
        ("struct A { b: bool }\nlet c = |d: bool| d;", &[]),
        ("let a: fn(bool) = b;", &[]),
        ("#[cfg(test)] fn a(b: bool) {}", &[]),
        ("fn a(b: fn(c: bool) -> u8, d: [u8; 2], e: fn() -> bool)", &[]),
    ];
    for (text, expected) in rows {
        let tokens = code(text);
        assert_eq!(switches(&tokens).collect::<Vec<_>>(), expected, "{text}");
    }
}

/// The parameters of type `bool`, behind a reference or not, each with its line.
fn switches<'a>(tokens: &'a [Token<'a>]) -> impl Iterator<Item = (usize, &'a str)> {
    let functions = tokens.windows(2).enumerate().filter(|(_, pair)| {
        // A type of a function has no name.
        pair[0].text == "fn" && pair[1].is_name()
    });
    functions.flat_map(|(at, _)| of_function(&tokens[at..]))
}

/// Those of the function that the tokens begin with.
fn of_function<'a>(tokens: &'a [Token<'a>]) -> Vec<(usize, &'a str)> {
    let (mut found, mut depth, mut angles) = (Vec::new(), 0_usize, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "<" if depth == 0 => angles += 1,
            // The other one ends an arrow.
            ">" if depth == 0 && tokens[at - 1].text != "-" => angles -= 1,
            _ if angles > 0 => {}
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 1 => break,
            ")" | "]" | "}" => depth -= 1,
            ":" if depth == 1 => {
                let kind = tokens[at + 1..].iter().take_while(|t| !matches!(t.text, "," | ")"));
                let kind: Vec<_> = kind.map(|token| token.text).collect();
                if let ["bool"] | ["&", .., "bool"] = kind[..] {
                    found.push((token.line, tokens[at - 1].text));
                }
            }
            _ => {}
        }
    }
    found
}
