//! The format of a line, and what happens when it cannot be written.

use std::io::ErrorKind::{Interrupted, StorageFull, WouldBlock};
use std::time::{Duration, UNIX_EPOCH};

use log::kv::Value;

use super::super::log_line::{MEMBERS, rfc3339};
use super::*;

/// A writer that follows steps: it takes so many bytes, or fails. After the last step it takes all.
struct Steps {
    steps: VecDeque<Result<usize, ErrorKind>>,
    taken: Vec<u8>,
}

impl Write for Steps {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.steps.pop_front().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
        self.taken.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The output of lines.
fn written(steps: &[Result<usize, ErrorKind>], lines: &[&str]) -> String {
    let to = Steps { steps: steps.iter().copied().collect(), taken: Vec::new() };
    let mut output = LogOutput { to, slow: "", is_torn: false, lost: 0, error: None };
    for line in lines {
        output.write(&format!("{line}\n"), UNIX_EPOCH);
    }
    String::from_utf8(output.to.taken).expect("it is text")
}

#[test]
fn what_is_not_written_is_told_in_its_place() {
    let lost = |number, error: ErrorKind| {
        let error = io::Error::from(error);
        let head = "1970-01-01T00:00:00.000Z warn  ";
        format!("{head}{number} lines of the log were dropped: {error}\n")
    };
    let (full, busy) = (Err(StorageFull), Err(WouldBlock));
    let after =
        |begin: &str, number, error, end: &str| format!("{begin}{}{end}", lost(number, error));
    let rows: [(&[_], &[&str], String); 14] = [
        (&[], &["one", "two"], "one\ntwo\n".into()),
        (&[Ok(1), Err(Interrupted), Ok(1)], &["one", "two"], "one\ntwo\n".into()),
        (&[busy], &["one", "two"], after("", 1, WouldBlock, "two\n")),
        (&[full, full, full], &["a", "b", "c", "d"], after("", 3, StorageFull, "d\n")),
        (&[Ok(0)], &["one", "two"], after("", 1, ErrorKind::WriteZero, "two\n")),
        // The last reason is logged.
        (&[full, busy], &["a", "b", "c"], after("", 2, WouldBlock, "c\n")),
        // A part of a line has its own end.
        (&[Ok(2), full], &["one", "two"], after("on\n", 1, StorageFull, "two\n")),
        (&[Ok(2), busy, busy], &["a b", "b", "c"], after("a \n", 2, WouldBlock, "c\n")),
        // So has a part of the line about lost lines, and the line feed may be all that is written.
        (&[full, Ok(4), busy], &["a", "b", "c"], after("1970\n", 2, WouldBlock, "c\n")),
        (&[Ok(2), full, Ok(1), busy], &["one", "b", "c"], after("on\n", 2, WouldBlock, "c\n")),
        // A line that lacks only its line feed is not lost.
        (&[Ok(3), full], &["one", "two"], "one\ntwo\n".into()),
        (&[Ok(3), full, busy], &["one", "b", "c"], after("one\n", 1, WouldBlock, "c\n")),
        // Each loss is logged once.
        (
            &[busy, Ok(999), busy],
            &["a", "b", "c"],
            lost(1, WouldBlock) + &after("", 1, WouldBlock, "c\n"),
        ),
        (
            &[busy, Ok(999), Ok(999), busy],
            &["a", "b", "c", "d"],
            after("", 1, WouldBlock, "b\n") + &after("", 1, WouldBlock, "d\n"),
        ),
    ];
    for (steps, lines, expected) in rows {
        assert_eq!(written(steps, lines), expected, "{steps:?} {lines:?}");
    }
}

/// Wherever a disk is full, and however long: each line is written unchanged, or counted as lost.
#[test]
fn a_full_disk_loses_no_line_without_a_word() {
    let lines: Vec<_> = (0..8).map(|number| format!("line {number} of 8")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    for room in 0..lines[0].len() * 5 {
        for failures in 0..4 {
            let mut steps: Vec<_> = vec![Ok(1); room];
            steps.resize(room + failures, Err(StorageFull));
            let text = written(&steps, &lines);
            let (mut whole, mut lost) = (0, 0);
            for line in text.lines() {
                whole += usize::from(lines.contains(&line));
                if let Some((head, _)) = line.split_once(" lines of the log were dropped: ") {
                    let number = head.rsplit(' ').next().expect("it has a last word");
                    lost += number.parse::<usize>().expect("it is a number");
                }
            }
            assert_eq!(whole + lost, lines.len(), "{room} {failures}: {text}");
            assert!(lost <= failures && text.ends_with("line 7 of 8\n"), "{text}");
        }
    }
}

#[cfg(feature = "admin")]
#[test]
fn each_line_that_is_dropped_is_counted() {
    // No thread writes here, so that each is dropped. Other tests may lose some hundred meanwhile.
    let before = lines_dropped();
    (0..10_000).for_each(|_| push("x\n".to_owned()));
    assert!(lines_dropped() >= before + 10_000);
}

#[test]
fn times() {
    let rows = [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (86_399_999, "1970-01-01T23:59:59.999Z"),
        (86_400_000, "1970-01-02T00:00:00.000Z"),
        (5_097_599_000, "1970-02-28T23:59:59.000Z"),
        (5_097_600_000, "1970-03-01T00:00:00.000Z"),
        (68_169_600_000, "1972-02-29T00:00:00.000Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (981_173_106_789, "2001-02-03T04:05:06.789Z"),
        (1_709_251_199_000, "2024-02-29T23:59:59.000Z"),
        (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ];
    for (ms, expected) in rows {
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_millis(ms)), expected);
    }
    assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
}

#[test]
fn lines() {
    use Level::{Debug, Error, Info, Trace, Warn};
    use LogFormat::{Json, Text};
    let time = "1970-01-01T00:00:00.000Z";
    let rows = [
        (Text, Info, "listening", "TIME info  listening"),
        (Text, Warn, "a \"b\" \\", "TIME warn  a \"b\" \\"),
        (Text, Debug, "x", "TIME debug hub: x"),
        (Text, Trace, "x", "TIME trace hub: x"),
        (Text, Error, "a\nTIME info b\r\t\0", "TIME error a\\nTIME info b\\r\\t\\u{0}"),
        (Text, Info, "\u{1b}[2J\u{9b}\u{85}", "TIME info  \\u{1b}[2J\\u{9b}\\u{85}"),
        (Text, Info, "\u{2028}\u{202e}é€😀", "TIME info  \\u{2028}\\u{202e}é€😀"),
        (Json, Info, "x", r#"{"time":"TIME","level":"info","target":"hub","message":"x"}"#),
        (Json, Debug, "x", r#"{"time":"TIME","level":"debug","target":"hub","message":"x"}"#),
        (
            Json,
            Error,
            "\"\\\n\r\t\0\u{1b}\u{7f}\u{2028}é😀",
            concat!(
                r#"{"time":"TIME","level":"error","target":"hub","#,
                r#""message":"\"\\\n\r\t\u0000\u001b\u007f\u2028é😀"}"#
            ),
        ),
    ];
    for (format, level, message, expected) in rows {
        let message = message.replace("TIME", time);
        let expected = expected.replace("TIME", time) + "\n";
        let args = format_args!("{message}");
        let record = Record::builder().level(level).target("hub").args(args).build();
        assert_eq!(line(format, UNIX_EPOCH, &record), expected);
    }
}

#[test]
fn fields_are_members_of_the_object() {
    let fields = [
        ("event", Value::from("gone")),
        ("socket", Value::from(17_u64)),
        ("path", Value::from("/a\"b")),
    ];
    // In JSON, the fields are not repeated in the message.
    let args = format_args!("gone, socket 17 of /a\"b");
    let record = Record::builder().args(args).level(Level::Info).key_values(&fields).build();
    let json = line(LogFormat::Json, UNIX_EPOCH, &record);
    let end = ",\"message\":\"gone\",\"socket\":17,\"path\":\"/a\\\"b\"}\n";
    assert!(json.ends_with(end), "{json}");
    let text = line(LogFormat::Text, UNIX_EPOCH, &record);
    assert!(text.ends_with("info  gone, socket 17 of /a\"b\n"), "{text}");
}

#[test]
fn no_member_is_there_twice() {
    let fields = MEMBERS.map(|name| (name, "x"));
    for level in [Level::Info, Level::Debug] {
        let args = format_args!("gone");
        let record = Record::builder().args(args).level(level).key_values(&fields).build();
        let json = line(LogFormat::Json, UNIX_EPOCH, &record);
        let end = r#","_time":"x","_level":"x","_target":"x","_message":"x"}"#;
        assert!(json.ends_with(&format!("{end}\n")), "{json}");
    }
}
