//! From when until when a certificate is valid (RFC 5280, 4.1). Nothing else of it is read here.

/// The first and the last second in which a certificate is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begin: i64,
    pub(super) end: i64,
}

impl Validity {
    /// That of a certificate in DER; `None` if it cannot be found.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate, _) = item(certificate)?;
        let (_, mut fields, _) = item(certificate)?;
        // The version is left out for version 1.
        if item(fields)?.0 == VERSION {
            fields = item(fields)?.2;
        }
        // The serial number, the algorithm of the signature, and the issuer come before it.
        for _ in 0..3 {
            fields = item(fields)?.2;
        }
        let (_, validity, _) = item(fields)?;
        let (begin_kind, begin, rest) = item(validity)?;
        let (end_kind, end, _) = item(rest)?;
        Some(Self { begin: seconds(begin_kind, begin)?, end: seconds(end_kind, end)? })
    }
}

/// The tag, the content and what follows, of the first item of DER (X.690, 8.1).
fn item(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&first, mut rest) = bytes.split_first()?;
    let mut len = usize::from(first);
    if first >= 0x80 {
        let (digits, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        len = digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit));
        rest = behind;
    }
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

/// The seconds from 1970 to a time. RFC 5280, 4.1.2.5: it is YYMMDDHHMMSSZ until 2049, and
/// YYYYMMDDHHMMSSZ after that.
fn seconds(kind: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (kind, text.len()) {
        (UTC_TIME, 12) => {
            let year: i64 = text[..2].parse().ok()?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, &text[2..])
        }
        (GENERALIZED_TIME, 14) => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let number = |at: usize| rest[at..at + 2].parse::<i64>().ok();
    let (month, day) = (number(0)?, number(2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days(year, month, day) * 86_400 + number(4)? * 3_600 + number(6)? * 60 + number(8)?)
}

/// The days from 1970 to a date of the Gregorian calendar. The year is taken to begin in March, so
/// that the leap day is its last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - DAYS_TO_1970
}

/// From March 1 of the year 0.
const DAYS_TO_1970: i64 = 719_468;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_certificates() {
        // A kind, a text, and what `date -u +%s` says.
        for (kind, text, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "261129120000Z", Some(1_795_953_600)),
            (UTC_TIME, "000229235959Z", Some(951_868_799)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (UTC_TIME, "20500101000000Z", None),
            (GENERALIZED_TIME, "500101000000Z", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "700001000000Z", None),
            (UTC_TIME, "70010100000\u{e9}Z", None),
            (UTC_TIME, "700101000000", None),
        ] {
            assert_eq!(seconds(kind, text.as_bytes()), expected, "{text}");
        }
    }

    /// Whatever is cut or changed, it is read without a panic.
    #[test]
    fn broken_certificates_have_no_validity() {
        let time = |text: &str| [&[UTC_TIME, 13], text.as_bytes()].concat();
        let of = |tag: u8, content: &[u8]| {
            [&[tag, 0x82, 0, u8::try_from(content.len()).expect("it is short")], content].concat()
        };
        let validity = of(0x30, &[time("700101000000Z"), time("700101000001Z")].concat());
        let fields = [of(VERSION, &[2, 1, 2]), of(2, &[1]), of(0x30, &[]), of(0x30, &[]), validity];
        let whole = of(0x30, &of(0x30, &fields.concat()));
        assert_eq!(Validity::of(&whole), Some(Validity { begin: 0, end: 1 }));
        for cut in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..cut]), None, "{cut}");
            for byte in [0, 1, 0x7f, 0x80, 0x84, 0xff] {
                let mut broken = whole.clone();
                broken[cut] = byte;
                let _ = Validity::of(&broken);
            }
        }
    }
}
