//! Text that arrives in pieces is what the standard library says of the whole, at each prefix.

use switchboard::ws::utf8::Utf8;

use super::cutting::Cutting;

/// A cutting and the text, which is read in its pieces, byte by byte, and at once.
pub fn check(data: &[u8]) {
    let Some((cutting, bytes)) = Cutting::split(data) else { return };
    if bytes.len() > TEXT_BYTES_MAX {
        return;
    }
    check_pieces(bytes, cutting.pieces(bytes));
    check_pieces(bytes, Cutting::BYTEWISE.pieces(bytes));
    check_pieces(bytes, [bytes]);
}

fn check_pieces<'a>(bytes: &[u8], pieces: impl IntoIterator<Item = &'a [u8]>) {
    let (mut utf8, mut text) = (Utf8::default(), String::new());
    let mut end = 0;
    for piece in pieces {
        end += piece.len();
        let so_far = std::str::from_utf8(&bytes[..end]);
        // No known length of an error means an end cut short, which may still come right.
        let is_right = so_far.is_ok() || so_far.is_err_and(|e| e.error_len().is_none());
        let received = utf8.receive(piece, &mut text);
        assert_eq!(received.is_ok(), is_right, "the verdict on {:02x?}", &bytes[..end]);
        if received.is_err() {
            return;
        }
        let valid_len = so_far.map_or_else(|error| error.valid_up_to(), str::len);
        assert_eq!(text.as_bytes(), &bytes[..valid_len], "what is whole is in the text");
        assert_eq!(utf8.held_len(), end - valid_len, "what is not is held");
        assert_eq!(utf8.finish().is_ok(), so_far.is_ok(), "the end");
    }
}

const TEXT_BYTES_MAX: usize = 256;
