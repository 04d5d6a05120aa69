//! `Roff`: a manual page in the language of man(7), as it is written. Texts are escaped, so that no
//! text of a table becomes a request or loses a character.

use std::fmt::Write;

/// A manual page.
pub(super) struct Roff {
    text: String,
}

impl Roff {
    /// A page of a section of the manual, with its line below `NAME`.
    pub(super) fn new(name: &str, section: u8, manual: &str, purpose: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            ".\\\" Printed by switchboard {version} from its tables: do not edit.\n\
             .TH {name} {section} \"\" \"switchboard {version}\" \"{manual}\"\n.nr HY 0\n.ad l\n"
        );
        let mut page = Self { text };
        page.heading("NAME");
        page.line(&format!("{} \\- {}", escaped(name), escaped(purpose)));
        page
    }

    /// A heading, whose text is letters, blanks and brackets.
    pub(super) fn heading(&mut self, text: &str) {
        self.line(&format!(".SH {text}"));
    }

    /// A paragraph of its own.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.line(".PP");
        self.prose(text);
    }

    /// A paragraph from `bold` and such.
    pub(super) fn formatted(&mut self, text: &str) {
        self.line(".PP");
        self.line(text);
    }

    /// An entry of a list: its first line, from `bold` and such, and the paragraph below it.
    pub(super) fn entry(&mut self, term: &str, text: &str) {
        self.line(".TP");
        self.line(term);
        self.prose(text);
    }

    /// A further paragraph of an entry.
    pub(super) fn more(&mut self, text: &str) {
        self.line(".IP");
        self.prose(text);
    }

    /// An example, line by line as it is.
    pub(super) fn example(&mut self, text: &str) {
        self.line(".PP\n.EX");
        text.lines().for_each(|line| self.line(&escaped(line)));
        self.line(".EE");
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Text in lines of their own. A line feed in it is a blank to the reader.
    fn prose(&mut self, text: &str) {
        for line in text.trim().lines() {
            self.line(&escaped(line));
        }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("a string takes every text");
    }
}

/// A text in bold.
pub(super) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text))
}

/// A text in italics, for a name that stands for a value.
pub(super) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escaped(text))
}

/// A text as it is, also in front of a line.
pub(in crate::config) fn escaped(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    if text.starts_with(['.', '\'']) {
        found.push_str("\\&");
    }
    for character in text.chars() {
        match character {
            '\\' => found.push_str("\\(rs"),
            // Unescaped, these become other characters where the page is shown as UTF-8.
            '-' => found.push_str("\\-"),
            '\'' => found.push_str("\\(aq"),
            '`' => found.push_str("\\(ga"),
            '^' => found.push_str("\\(ha"),
            '~' => found.push_str("\\(ti"),
            other => found.push(other),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_request() {
        let rows = [
            ("a.b", "a.b"),
            (".so /etc/passwd", "\\&.so /etc/passwd"),
            ("'br", "\\&\\(aqbr"),
            ("--try", "\\-\\-try"),
            ("\\n \"~\"", "\\(rsn \"\\(ti\""),
        ];
        for (text, expected) in rows {
            assert_eq!(escaped(text), expected, "{text}");
        }
        let mut page = Roff::new("a-b", 1, "Tests", "a test");
        page.example("\\\n.x\n");
        assert!(page.finish().ends_with("a\\-b \\- a test\n.PP\n.EX\n\\(rs\n\\&.x\n.EE\n"));
    }
}
