//! The paths in a source: those of `use`, with their groups taken apart, and those in the code.

use crate::tokens::Token;

/// A path and its line.
#[derive(Debug, PartialEq, Eq)]
pub struct Path {
    pub line: usize,
    pub segments: Vec<String>,
    /// The name that a `use` gives to it: its last one, or another. In code it has none.
    pub name: Option<String>,
    /// Whether this `use` passes the name on: it is `pub`, at least in a part of the crate.
    pub is_public: bool,
}

impl Path {
    fn starts_with(&self, word: &[&str]) -> bool {
        self.segments.len() >= word.len() && self.segments.iter().zip(word).all(|(a, b)| a == b)
    }

    /// Whether it leads into what a word such as `std::fs` names. A `use` of `std` does as well.
    pub fn leads_into(&self, word: &[&str]) -> bool {
        let is_above = self.name.is_some() && self.segments.len() < word.len();
        self.starts_with(word) || is_above && self.starts_with(&word[..self.segments.len()])
    }
}

/// The paths of a source that is the module `module` of its crate: `self`, `super` and `crate` at
/// their beginning are resolved, so that those of the crate begin with `crate`.
pub fn paths(tokens: &[Token<'_>], module: &[String]) -> Vec<Path> {
    let (mut found, mut depth, mut at) = (Vec::new(), 0, 0);
    let mut module = module.to_vec();
    // The depths of braces in which modules within the file begin.
    let mut inner = Vec::new();
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1).map_or("", |next| next.text);
        let begin = found.len();
        match token.text {
            "{" => depth += 1,
            "}" => {
                if inner.last() == Some(&depth) {
                    inner.pop();
                    module.pop();
                }
                depth -= 1;
            }
            "mod" if tokens.get(at + 2).is_some_and(|after| after.text == "{") => {
                module.push(next.to_owned());
                inner.push(depth + 1);
            }
            // `use<'a>` is a part of a type.
            "use" if next != "<" => {
                // `pub` or `pub(crate)`: nothing else ends so before a `use`.
                let is_public = at > 0 && ["pub", ")"].contains(&tokens[at - 1].text);
                at = tree(tokens, at + 1, &[], &mut found);
                found[begin..].iter_mut().for_each(|path| path.is_public = is_public);
                resolve(&mut found[begin..], &module);
                continue;
            }
            _ if token.is_name() && next == "::" && is_begin(&tokens[..at]) => {
                let mut segments = vec![token.text.to_owned()];
                while tokens.get(at + 1).is_some_and(|sign| sign.text == "::")
                    && let Some(name) = tokens.get(at + 2).filter(|name| name.is_name())
                {
                    segments.push(name.text.to_owned());
                    at += 2;
                }
                found.push(Path { line: token.line, segments, name: None, is_public: false });
                resolve(&mut found[begin..], &module);
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Whether a path can begin behind these tokens, rather than go on.
fn is_begin(before: &[Token<'_>]) -> bool {
    match before {
        [.., above, sign] if sign.text == "::" => !above.is_name() && above.text != ">",
        _ => true,
    }
}

/// Adds the paths of a `use` from `at` on, each below `above`. Returns the place behind them.
fn tree(tokens: &[Token<'_>], mut at: usize, above: &[String], found: &mut Vec<Path>) -> usize {
    let mut segments = above.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.text {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = tree(tokens, at, &segments, found);
                    at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
                }
                return at + 1;
            }
            text => {
                let is_all = text == "*" || text == "self" && !segments.is_empty();
                segments.extend((!is_all).then(|| text.to_owned()));
                at += 1;
                if tokens.get(at).is_some_and(|next| next.text == "::") {
                    continue;
                }
                let mut name = segments.last().cloned();
                // Another name changes nothing about what is meant.
                if tokens.get(at).is_some_and(|next| next.text == "as") {
                    name = tokens.get(at + 1).map(|other| other.text.to_owned());
                    at += 2;
                }
                found.push(Path { line: token.line, segments, name, is_public: false });
                return at;
            }
        }
    }
    at
}

fn resolve(paths: &mut [Path], module: &[String]) {
    for path in paths {
        let is_relative = |name: &&String| ["self", "super"].contains(&name.as_str());
        let len = path.segments.iter().take_while(is_relative).count();
        if len > 0 {
            // `self::super` is as good as `super`.
            let ups = path.segments[..len].iter().filter(|name| *name == "super").count();
            let above = module[..module.len().saturating_sub(ups)].to_vec();
            path.segments.splice(..len, above);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    /// The paths, joined, in a file of the module `crate::host::io`.
    fn found(text: &str) -> Vec<String> {
        let module = ["crate", "host", "io"].map(str::to_owned);
        paths(&tokens(text), &module).iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        let rows: [(&str, &[&str]); 9] = [
            ("use crate::hub::Hub;", &["crate::hub::Hub"]),
            ("use crate::{host::Host, hub::Hub};", &["crate::host::Host", "crate::hub::Hub"]),
            ("use std::{env, fs};", &["std::env", "std::fs"]),
            ("use std::{io::{self, Write}, fs::*};", &["std::io", "std::io::Write", "std::fs"]),
            (
                "use {\n    crate::{a::{b::C, d},},\n    ::std::env as e,\n};",
                &["crate::a::b::C", "crate::a::d", "std::env"],
            ),
            ("use crate::{self as all};", &["crate"]),
            ("use crate as all;", &["crate"]),
            ("pub(crate) use crate::{};", &[]),
            ("fn f() -> impl A + use<'_> {} use a;", &["a"]),
        ];
        for (text, expected) in rows {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn a_use_gives_a_name_and_may_pass_it_on() {
        let rows: [(&str, &[&str]); 5] = [
            ("use a::{B, c::{self, D as E}};", &["B a::B", "c a::c", "E a::c::D"]),
            ("mod a; use a::{self as b, *};", &["b a", "a a"]),
            ("pub use super::a as b; use c;", &["pub b crate::host::a", "c c"]),
            ("f!(); pub(in crate::a) use {b::C, d};", &[" crate::a", "pub C b::C", "pub d d"]),
            ("pub fn a() { use b::C; d::e() }", &["C b::C", " d::e"]),
        ];
        for (text, expected) in rows {
            let module = ["crate", "host", "io"].map(str::to_owned);
            let found = paths(&tokens(text), &module).into_iter().map(|path| {
                let public = if path.is_public { "pub " } else { "" };
                format!("{public}{} {}", path.name.unwrap_or_default(), path.segments.join("::"))
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn paths_stand_in_code_as_well() {
        let rows: [(&str, &[&str]); 7] = [
            ("let a = crate::hub::cut(b);", &["crate::hub::cut"]),
            ("::std::fs::read(a)", &["std::fs::read"]),
            ("Vec::<std::env::Args>::new()", &["Vec", "std::env::Args"]),
            ("<A as std::fs::B>::c()", &["std::fs::B"]),
            ("\"std::fs\" // std::env", &[]),
            ("pub(crate) fn a()", &[]),
            ("log::warn!(\"\")", &["log::warn"]),
        ];
        for (text, expected) in rows {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn paths_from_where_they_stand_are_resolved() {
        let rows: [(&str, &[&str]); 5] = [
            ("use super::super::hub;", &["crate::hub"]),
            ("use super::{super::hub, poll};", &["crate::hub", "crate::host::poll"]),
            ("self::a(); self::super::b()", &["crate::host::io::a", "crate::host::b"]),
            ("mod a { use super::b; } super::c()", &["crate::host::io::b", "crate::host::c"]),
            (
                "mod a { { } mod b { super::c() } super::d() }",
                &["crate::host::io::a::c", "crate::host::io::d"],
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn a_use_above_leads_into_all_below() {
        let rows = [
            ("use std::fs;", true),
            ("use std::fs::File;", true),
            ("use std;", true),
            ("use std::*;", true),
            ("std::fs::read()", true),
            ("std::io::Read", false),
            ("use std::io;", false),
            ("use fs;", false),
        ];
        for (text, expected) in rows {
            let paths = paths(&tokens(text), &[]);
            assert_eq!(paths.iter().any(|p| p.leads_into(&["std", "fs"])), expected, "{text}");
        }
    }
}
