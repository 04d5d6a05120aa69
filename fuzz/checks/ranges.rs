//! Ranges of bytes against the grammar of RFC 9110, 14.1, read byte by byte, in numbers that
//! cannot overflow.

use switchboard::ws::range::Selection;

/// The length of some content in two bytes, then a field value. A first byte of 255 stands for
/// content of any length.
pub fn check(data: &[u8]) {
    let Some((&[first, second], value)) = data.split_first_chunk() else { return };
    let Ok(value) = std::str::from_utf8(value) else { return };
    let short = u64::from(first) << 8 | u64::from(second);
    let len = if first == 0xFF { u64::MAX - u64::from(second) } else { short };
    let selection = Selection::of(value, len);
    assert_eq!(selection, expected(value, len.into()), "{value:?} of {len}");
    if let Selection::Part(part) = selection {
        assert!(part.start < part.end && part.end <= len, "{part:?} of {len}");
    }
}

/// `bytes=` and one of `first-last`, `first-` and `-suffix`; all else is not a range of ours.
pub(super) fn expected(value: &str, len: u128) -> Selection {
    let unit = value.get(..6).is_some_and(|unit| unit.to_lowercase() == "bytes=");
    if !unit || !value.is_ascii() {
        return Selection::Whole;
    }
    let (mut numbers, mut dashes) = ([None::<u128>; 2], 0);
    for byte in value[6..].bytes() {
        match byte {
            b'-' if dashes == 0 => dashes = 1,
            b'0'..=b'9' => {
                let number = numbers[dashes].unwrap_or(0);
                // Positions beyond 2^64 are all treated as one.
                let next = number.saturating_mul(10).saturating_add(u128::from(byte - b'0'));
                numbers[dashes] = Some(next.min(u64::MAX.into()));
            }
            _ => return Selection::Whole,
        }
    }
    let last_place = len.checked_sub(1);
    let part = |first: u128, last: u128| {
        let narrow = |place: u128| u64::try_from(place).expect("it is within the content");
        Selection::Part(narrow(first)..narrow(last + 1))
    };
    match (dashes, numbers) {
        (1, [None, Some(0)]) => Selection::Unsatisfiable,
        (1, [None, Some(suffix)]) => match last_place {
            Some(last) => part(len - suffix.min(len), last),
            None => Selection::Whole,
        },
        (1, [Some(first), last]) => match last_place {
            _ if last.is_some_and(|last| last < first) => Selection::Whole,
            Some(end) if first <= end => part(first, last.map_or(end, |last| last.min(end))),
            Some(_) | None => Selection::Unsatisfiable,
        },
        _ => Selection::Whole,
    }
}
