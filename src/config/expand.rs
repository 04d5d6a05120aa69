//! `Expansion`: the value of a line with `${NAME}` and `${NAME:-default}`, which stand for
//! variables of the environment. Each is replaced once: what a variable has is not read again.
//! Lines and comments are read before, so that a variable can have neither.

use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::config::quoted::Quoted;

/// A value with its variables replaced.
#[derive(Clone, Debug, Default)]
pub(super) struct Expansion {
    /// The value.
    pub(super) value: OsString,
    /// The same for people, with `***` for what is secret.
    pub(super) shown: String,
    /// Whether `shown` hides something.
    pub(super) is_masked: bool,
    /// The variables, each as a text for a comment.
    pub(super) variables: Vec<String>,
}

/// The form of a value. It says how a variable is written in it, and what is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueForm {
    /// A text that is shown, except for variables with the name of a secret.
    Plain,
    /// `NAME=value`, where the value may be in quotes, and is secret.
    Assignment,
}

/// Why a value cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExpandError {
    /// These variables are not set, and have no default.
    Unset(Vec<String>),
    /// `${` without an end.
    Open,
    /// The text in the braces is no name; or it is a default with a variable of its own.
    Name(String),
    /// The value of this variable is not UTF-8, and goes to a place that is text.
    NotText(String),
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset(names) => {
                let first = names.first().map_or("NAME", String::as_str);
                write!(
                    f,
                    "needs {}, not set in the environment: set {}, or write a default as in \
                     ${{{first}:-value}}",
                    names.join(" and "),
                    if names.len() > 1 { "them" } else { "it" }
                )
            }
            Self::Open => f.write_str("has a ${ without a }: close it, or write $${ for the text"),
            Self::Name(text) => write!(
                f,
                "has {} in ${{...}}, allowed is a name of letters, digits and _, and after :- a \
                 default without ${{: write $${{ for the text",
                Quoted(text)
            ),
            Self::NotText(name) => write!(f, "needs {name} as text, and that is not UTF-8"),
        }
    }
}

/// The value of `text`; `None` if nothing in it is replaced.
pub(super) fn expand(
    text: &str,
    form: ValueForm,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Expansion>, ExpandError> {
    if !text.contains("$$") && !text.contains("${") {
        return Ok(None);
    }
    let mut result = Expansion::default();
    let mut unset = Vec::new();
    let mut quoting = match form {
        ValueForm::Plain => Quoting::None,
        ValueForm::Assignment => Quoting::BeforeName,
    };
    for part in parts(text)? {
        match part {
            ValuePart::Text(text) => result.push(text, &mut quoting),
            ValuePart::Variable { name, default } => {
                let found = variable(name);
                // As in a shell, a default also stands for an empty variable.
                let found = found.filter(|value| default.is_none() || !value.is_empty());
                match (found, default) {
                    (Some(value), _) => result.insert(name, &value, quoting)?,
                    (None, Some(default)) => {
                        result.variables.push(format!("the default of {name}"));
                        result.push(&default.replace("$$", "$"), &mut quoting);
                    }
                    (None, None) if unset.iter().any(|other| other == name) => {}
                    (None, None) => unset.push(name.to_owned()),
                }
            }
        }
    }
    if !unset.is_empty() {
        return Err(ExpandError::Unset(unset));
    }
    if quoting == Quoting::Ours {
        result.append("\"", "");
    }
    Ok(Some(result))
}

/// A part of a value.
enum ValuePart<'a> {
    Text(&'a str),
    Variable { name: &'a str, default: Option<&'a str> },
}

/// The quotes around the place in a value that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    /// A plain value: none, and quotes mean nothing.
    None,
    /// In front of the `=` of an assignment.
    BeforeName,
    /// Behind it, within the quotes of the file.
    Theirs,
    /// Behind it, where the file has no quotes: they are added, so that no value of a variable has
    /// a meaning of its own.
    Ours,
}

impl Expansion {
    /// Adds text of the file.
    fn push(&mut self, text: &str, quoting: &mut Quoting) {
        match (*quoting, text.split_once('=')) {
            (Quoting::BeforeName, Some((name, value))) => {
                let value = value.trim_start();
                self.append(&format!("{name}="), &format!("{name}="));
                *quoting = if value.starts_with('"') { Quoting::Theirs } else { Quoting::Ours };
                if *quoting == Quoting::Ours {
                    self.append("\"", "");
                }
                self.push(value, quoting);
            }
            (Quoting::Ours, _) => self.append(&escaped(text), text),
            (Quoting::None | Quoting::BeforeName | Quoting::Theirs, _) => self.append(text, text),
        }
    }

    /// Adds the value of a variable.
    fn insert(&mut self, name: &str, value: &OsStr, quoting: Quoting) -> Result<(), ExpandError> {
        self.variables.push(format!("from {name}"));
        let is_secret = quoting != Quoting::None || is_secret(name);
        self.is_masked |= is_secret;
        let shown = if is_secret { MASK.into() } else { value.to_string_lossy() };
        match (quoting, value.to_str()) {
            (Quoting::None, _) => {
                self.value.push(value);
                self.shown.push_str(&shown);
            }
            (_, None) => return Err(ExpandError::NotText(name.to_owned())),
            (Quoting::BeforeName, Some(text)) => self.append(text, &shown),
            (Quoting::Theirs | Quoting::Ours, Some(text)) => self.append(&escaped(text), &shown),
        }
        Ok(())
    }

    fn append(&mut self, text: &str, shown: &str) {
        self.value.push(text);
        self.shown.push_str(shown);
    }
}

/// The parts of a text. A `$` that is followed by neither `$` nor `{` is itself.
fn parts(text: &str) -> Result<Vec<ValuePart<'_>>, ExpandError> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find('}').ok_or(ExpandError::Open)?;
            parts.push(ValuePart::Text(&rest[..at]));
            parts.push(variable(&inner[..end])?);
            rest = &inner[end + 1..];
        } else {
            parts.push(ValuePart::Text(&rest[..=at]));
            rest = after.strip_prefix('$').unwrap_or(after);
        }
    }
    parts.push(ValuePart::Text(rest));
    Ok(parts)
}

/// The variable that the text in the braces names.
fn variable(inner: &str) -> Result<ValuePart<'_>, ExpandError> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = !name.is_empty()
        && name.chars().all(is_plain)
        && !name.starts_with(|c: char| c.is_ascii_digit());
    // A default with braces would end at the first that closes.
    if !is_name || default.is_some_and(|default| default.contains("${")) {
        return Err(ExpandError::Name(inner.to_owned()));
    }
    Ok(ValuePart::Variable { name, default })
}

/// A text within quotes, where a backslash begins an escape.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out
}

/// Whether a variable of this name has a secret, and not the path of a file that has it.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_path = ["_FILE", "_PATH", "_DIR"].iter().any(|end| name.ends_with(end));
    !is_path && SECRETS.iter().any(|word| name.contains(word))
}

/// What stands for a value that is not shown.
pub(super) const MASK: &str = "***";
/// Parts of the names of variables that have secrets.
const SECRETS: [&str; 5] = ["SECRET", "TOKEN", "PASS", "KEY", "CREDENTIAL"];
