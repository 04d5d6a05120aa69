//! How long things may be.

use crate::source::{none, sources};
use crate::tokens::{Token, tokens};

const FILE_LINES_MAX: usize = 400;
const TEST_FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARACTERS_MAX: usize = 100;

/// What of a source is too long.
fn lengthy(path: &str, text: &str, lines_max: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let lines_len = text.lines().count();
    if lines_len > lines_max {
        faults.push(format!("{path}: {lines_len} lines, {lines_max} allowed"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        if line.chars().count() > LINE_CHARACTERS_MAX {
            faults.push(format!("{path}:{number}: a line above {LINE_CHARACTERS_MAX} characters"));
        }
    }
    for (number, len) in functions(&tokens(text)) {
        if len > FUNCTION_LINES_MAX {
            faults.push(format!("{path}:{number}: a function of {len} lines"));
        }
    }
    faults
}

/// Where functions begin, and how many lines they have, those within them included.
fn functions(tokens: &[Token<'_>]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        // A type of a function has no name.
        if pair[0].text != "fn" || !pair[1].is_name() {
            continue;
        }
        let (begin, mut depth) = (pair[0].line, 0_usize);
        for token in &tokens[at..] {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                // Without a body it is a method that a trait asks for.
                ";" if depth == 0 => break,
                "}" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        found.push((begin, token.line - begin + 1));
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// A heading in documentation stands alone: what follows in its line would be a part of it.
#[test]
fn headings_stand_alone() {
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in (1..).zip(source.text.lines()) {
            let heading =
                ["/// # ", "//! # "].iter().find_map(|mark| line.trim().strip_prefix(mark));
            let is_section = |name: &&str| heading.is_some_and(|text| text.starts_with(*name));
            let section = ["Errors", "Panics", "Safety"].into_iter().find(|name| is_section(name));
            if section.is_some_and(|name| heading != Some(name)) {
                faults.push(format!("{}:{number}: a heading with text behind it", source.path));
            }
        }
    }
    none(&faults);
}

#[test]
fn files_functions_and_lines_are_short() {
    let mut faults = Vec::new();
    for source in sources() {
        let max = if source.is_test() { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        faults.extend(lengthy(&source.path, &source.text, max));
    }
    none(&faults);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_with_those_within_them() {
        let rows: [(&str, &[(usize, usize)]); 7] = [
            ("fn a() {}", &[(1, 1)]),
            ("\npub const unsafe extern \"C\" fn a()\nwhere A: B\n{\n}", &[(2, 4)]),
            ("fn a() {\n    fn b() {\n    }\n    c();\n}", &[(1, 5), (2, 2)]),
            ("trait A {\n    fn b(c: [u8; 3]);\n    fn d() {\n    }\n}", &[(3, 2)]),
            ("fn a(b: fn(u8) -> [u8; 2]) {\n    let c = '{'; // {\n}", &[(1, 3)]),
            ("let a: fn() = b;", &[]),
            ("impl A { pub(in crate::b) async fn c() {\n}\n}", &[(1, 2)]),
        ];
        for (text, expected) in rows {
            assert_eq!(functions(&tokens(text)), expected, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_found() {
        let function =
            |lines_len: usize| format!("fn a() {{\n{}}}\n", "b();\n".repeat(lines_len - 2));
        let inner = "fn b() {\n}\n";
        let outer = function(70).replacen("b();\n", inner, 1);
        let rows = [
            (function(70), None),
            (function(71), Some("a.rs:1: a function of 71 lines")),
            (outer, Some("a.rs:1: a function of 71 lines")),
            ("\n".repeat(99), None),
            ("\n".repeat(100), Some("a.rs: 100 lines, 99 allowed")),
            ("é".repeat(100), None),
            ("é".repeat(101), Some("a.rs:1: a line above 100 characters")),
        ];
        for (text, expected) in rows {
            let found = lengthy("a.rs", &text, 99);
            assert_eq!(found, Vec::from_iter(expected), "{text}");
        }
    }
}
