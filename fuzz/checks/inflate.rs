//! Compressed messages of any bytes, with a limit and what they may refer to, against another
//! implementation; and what is deflated here is inflated there.

use flate2::{Decompress, FlushDecompress, Status};
use switchboard::limits::Limits;
use switchboard::session::Codec;

/// The first two bytes are the limit, the third is how much of the rest was before; the fourth is
/// the window.
pub fn check(data: &[u8]) {
    let Some((&[high, low, before_len, bits], data)) = data.split_first_chunk::<4>() else {
        return;
    };
    let (before, message) = data.split_at(data.len().min(before_len.into()));
    let max = usize::from(u16::from_be_bytes([high, low])).max(1);
    let limits = Limits { message_bytes_max: max, ..Limits::SERVER };
    let mut codec = Codec::new();
    let ours = codec.inflate(message, before, &limits).ok();
    let theirs = inflate(message, before, max);
    assert_eq!(ours, theirs, "{message:02x?} after {before:02x?}, {max} at most");

    let bits = 8 + bits % 8;
    if let Some(compressed) = codec.deflate(message, before, bits) {
        assert!(compressed.len() < message.len(), "it has become shorter");
        let limits = Limits { message_bytes_max: message.len(), ..limits };
        let ours = codec.inflate(&compressed, before, &limits);
        assert_eq!(ours.as_deref(), Ok(message), "a window of {bits} bits");
        assert_eq!(inflate(&compressed, before, message.len()).as_deref(), Some(message));
    }
}

/// What the other implementation says. It takes a match of what was never there, which comes out
/// differently after another past.
fn inflate(message: &[u8], before: &[u8], max: usize) -> Option<Vec<u8>> {
    let [one, other] = [0x55, 0xAA].map(|byte| {
        let past = [&[byte; 32_768][..], before].concat();
        inflate_after(&past, message, max)
    });
    one.filter(|one| Some(one) == other.as_ref())
}

/// RFC 7692, 7.2.2. That the message ends between two blocks is seen by a final one behind it.
fn inflate_after(past: &[u8], message: &[u8], max: usize) -> Option<Vec<u8>> {
    if message.is_empty() {
        return Some(Vec::new());
    }
    let mut decompress = Decompress::new(false);
    live(&mut decompress, past);
    let mut out = Vec::with_capacity(max + 2);
    let tail = [0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];
    for part in [message, &tail] {
        let mut rest = part;
        loop {
            let (read, written) = (decompress.total_in(), out.len());
            let status = decompress.decompress_vec(rest, &mut out, FlushDecompress::Sync).ok()?;
            rest = &rest[usize::try_from(decompress.total_in() - read).expect("it is short")..];
            if out.len() > max {
                return None;
            }
            if status == Status::StreamEnd {
                if rest.is_empty() {
                    return Some(out);
                }
                // Another stream refers to nothing before it.
                decompress.reset(false);
                live(&mut decompress, &past[..1]);
            } else if rest.is_empty() && out.len() == written {
                break;
            }
        }
    }
    None
}

/// The past goes through it as a block without compression.
fn live(decompress: &mut Decompress, past: &[u8]) {
    let past = past.repeat(32_768_usize.div_ceil(past.len()));
    let len = u16::try_from(past.len()).expect("it is short");
    let stored = [&[0x00][..], &len.to_le_bytes(), &(!len).to_le_bytes(), &past].concat();
    let mut out = Vec::with_capacity(past.len() + 1);
    decompress.decompress_vec(&stored, &mut out, FlushDecompress::Sync).expect("it is right");
    assert_eq!(out, past, "it went through");
}
