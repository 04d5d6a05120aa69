//! `Flood`: a limit for log lines that peers or programs cause. After ten of one kind in a second,
//! further ones are counted, and the count is logged once.

use crate::time::Time;

/// The kinds of lines that were logged within the last second. It holds nothing when quiet.
#[derive(Debug)]
pub(crate) struct Flood<K> {
    rows: Vec<Row<K>>,
}

#[derive(Debug)]
struct Row<K> {
    /// Its kind. Kinds without a row of their own share the last row, which has no kind.
    kind: Option<K>,
    begun: Time,
    logged: u32,
    left_out: u64,
}

impl<K: PartialEq> Flood<K> {
    /// Whether a line of this kind is to be logged. Otherwise it is counted; [`Flood::overdue`],
    /// which is to be asked before, returns the count.
    pub(crate) fn admits(&mut self, kind: K, now: Time) -> bool {
        let at = self.rows.iter().position(|row| row.kind.as_ref() == Some(&kind));
        let at = at.unwrap_or_else(|| {
            if self.rows.len() <= KINDS_MAX {
                let kind = Some(kind).filter(|_| self.rows.len() < KINDS_MAX);
                self.rows.push(Row { kind, begun: now, logged: 0, left_out: 0 });
            }
            self.rows.len() - 1
        });
        let row = &mut self.rows[at];
        let admitted = row.logged < LINES_MAX;
        row.logged += u32::from(admitted);
        row.left_out += u64::from(!admitted);
        admitted
    }

    /// A count whose second is over, and the kind that was counted, if it had a row of its own.
    /// `None` when there is no other.
    pub(crate) fn overdue(&mut self, now: Time) -> Option<(u64, Option<K>)> {
        while let Some(at) = self.rows.iter().position(|row| row.end() <= now) {
            let row = self.rows.remove(at);
            if row.left_out > 0 {
                return Some((row.left_out, row.kind));
            }
        }
        None
    }

    /// When [`Flood::overdue`] has a count to return; `None` if nothing was counted.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.rows.iter().filter(|row| row.left_out > 0).map(Row::end).min()
    }
}

impl<K> Default for Flood<K> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<K> Row<K> {
    const fn end(&self) -> Time {
        self.begun.after(PERIOD_MS)
    }
}

/// What the log says of a count of warnings, and of their kind if that has a count of its own.
pub(crate) fn more_like_this(count: u64, kind: Option<&str>) -> String {
    let kind = kind.unwrap_or("others");
    format!("and {count} more like this in 1 s: {kind}")
}

/// The most kinds with a count of their own, such as one for each address; others share a count.
const KINDS_MAX: usize = 64;
/// So many lines of one kind are logged in a period.
const LINES_MAX: u32 = 10;
const PERIOD_MS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these lines are logged.
    fn admitted(flood: &mut Flood<usize>, lines: usize, kind: usize, ms: u64) -> usize {
        let now = Time::from_ms(ms);
        (0..lines).filter(|_| flood.admits(kind, now)).count()
    }

    fn overdue(flood: &mut Flood<usize>, ms: u64) -> Vec<(u64, Option<usize>)> {
        std::iter::from_fn(|| flood.overdue(Time::from_ms(ms))).collect()
    }

    #[test]
    fn what_is_beyond_ten_lines_in_a_second_is_counted() {
        let mut flood = Flood::default();
        assert_eq!(admitted(&mut flood, 10, 1, 500), 10);
        // Nothing is pending, so an idle host can sleep.
        assert_eq!(flood.deadline(), None);
        assert_eq!(admitted(&mut flood, 123, 1, 1_499), 0);
        assert_eq!(admitted(&mut flood, 3, 2, 1_499), 3);
        assert_eq!(flood.deadline(), Some(Time::from_ms(1_500)));
        assert_eq!(overdue(&mut flood, 1_499), []);
        assert_eq!(overdue(&mut flood, 1_500), [(123, Some(1))]);
        assert_eq!(flood.deadline(), None);
        assert_eq!(admitted(&mut flood, 11, 1, 1_500), 10);
        assert_eq!(overdue(&mut flood, u64::MAX), [(1, Some(1))]);
        assert!(flood.rows.is_empty());
    }

    #[test]
    fn sixty_four_kinds_are_told_apart() {
        let mut flood = Flood::default();
        for kind in 0..KINDS_MAX {
            assert_eq!(admitted(&mut flood, 11, kind, 0), 10, "kind {kind}");
        }
        assert_eq!(admitted(&mut flood, 6, 100, 0), 6);
        assert_eq!(admitted(&mut flood, 6, 101, 0), 4);
        assert_eq!(admitted(&mut flood, 1_000, 102, 0), 0);
        let counts = overdue(&mut flood, 1_000);
        assert_eq!(counts.len(), KINDS_MAX + 1);
        assert!(counts.contains(&(1_002, None)), "{counts:?}");
    }
}
