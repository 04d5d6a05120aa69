//! Values that are words, and the places of values.

/// The place of a key's value in a `T`.
pub(crate) type FieldOf<T, V> = fn(&mut T) -> &mut V;

/// The meaning of a word, compared without regard to case.
pub(crate) fn word<T: Copy, const N: usize>(text: &str, words: [(&str, T); N]) -> Option<T> {
    let found = words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
    found.map(|(_, meaning)| *meaning)
}
