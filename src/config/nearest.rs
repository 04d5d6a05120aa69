//! The known name that was probably meant by an unknown one.

/// The first of the names `known` that is nearest to `name`, if it is near enough: about one typing
/// error in three characters.
///
/// ```
/// use switchboard::config::nearest;
///
/// assert_eq!(nearest("/secert", ["/chat", "/secret"]), Some("/secret"));
/// assert_eq!(nearest("/poll", ["/chat", "/secret"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_of(name, &mut known.into_iter())
}

/// The same, compiled once for all lists.
fn nearest_of<'a>(name: &str, known: &mut dyn Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &'a str| {
        let allowed = (candidate.len() / 3).max(1);
        // A difference in length is a lower bound of the distance, and so a very long name costs
        // nothing.
        let close = name.len().abs_diff(candidate.len()) <= allowed;
        let distance = close.then(|| distance(name.as_bytes(), candidate.as_bytes()))?;
        (distance <= allowed).then_some((distance, candidate))
    };
    let best = known.filter_map(near).min_by_key(|(distance, _)| *distance);
    best.map(|(_, candidate)| candidate)
}

/// How many bytes have to be added, dropped, replaced, or swapped with their neighbor to turn `a`
/// into `b`. Known names are ASCII, and other names are far away from them.
fn distance(a: &[u8], b: &[u8]) -> usize {
    // Three rows of the table of distances between the beginnings of both.
    let mut older = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(older[j - 2] + 1);
            }
            row.push(least);
        }
        older = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let rows = [
            ("", "", 0),
            ("", "port", 4),
            ("port", "port", 0),
            ("prot", "port", 1),
            ("pot", "port", 1),
            ("poort", "port", 1),
            ("bort", "port", 1),
            ("max-mesage", "max-message", 1),
            ("kitten", "sitting", 3),
            ("abcd", "badc", 2),
        ];
        for (a, b, expected) in rows {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a:?} {b:?}");
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), expected, "{b:?} {a:?}");
        }
    }

    #[test]
    fn only_what_is_near_is_named() {
        let known = ["host", "port", "log-level", "document-root"];
        let rows = [
            ("hots", Some("host")),
            ("pport", Some("port")),
            ("loglevel", Some("log-level")),
            ("documentroot", Some("document-root")),
            ("root", None),
            ("color", None),
            ("", None),
            ("äöüß", None),
        ];
        for (name, expected) in rows {
            assert_eq!(nearest(name, known), expected, "{name:?}");
        }
    }
}
