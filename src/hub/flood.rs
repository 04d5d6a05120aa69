//! `Flood`: log lines that others cause, and could cause without end. After some of one kind in
//! a second, further ones are counted, and the count is logged once.

use crate::time::Time;

/// The kinds of lines that were logged within the last second. It holds nothing when quiet.
#[derive(Debug, Default)]
pub struct Flood {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// Its kind, in words; those that found no row of their own share the last one.
    kind: String,
    begun: Time,
    logged: u32,
    left_out: u64,
}

impl Flood {
    /// Whether a line of this kind is to be logged. Otherwise it is counted; [`Flood::overdue`],
    /// which is to be asked before, returns the count.
    pub fn admits(&mut self, kind: String, now: Time) -> bool {
        let at = self.rows.iter().position(|row| row.kind == kind);
        let at = at.unwrap_or_else(|| {
            if self.rows.len() <= KINDS_MAX {
                let kind = if self.rows.len() == KINDS_MAX { OTHERS.to_owned() } else { kind };
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

    /// A count whose second is over, and what was counted; `None` when there is no other.
    pub fn overdue(&mut self, now: Time) -> Option<(u64, String)> {
        while let Some(at) = self.rows.iter().position(|row| row.end() <= now) {
            let row = self.rows.remove(at);
            if row.left_out > 0 {
                return Some((row.left_out, row.kind));
            }
        }
        None
    }

    /// When [`Flood::overdue`] has something to return. Nothing that was logged needs it.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.rows.iter().filter(|row| row.left_out > 0).map(Row::end).min()
    }
}

impl Row {
    const fn end(&self) -> Time {
        self.begun.after(PERIOD_MS)
    }
}

/// So many kinds are told apart, which are as many addresses for one reason; others share a count.
const KINDS_MAX: usize = 64;
const OTHERS: &str = "others";
/// So many lines of one kind are logged in a period.
const LINES_MAX: u32 = 10;
const PERIOD_MS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these lines are logged.
    fn admitted(flood: &mut Flood, lines: usize, kind: usize, ms: u64) -> usize {
        let now = Time::from_ms(ms);
        (0..lines).filter(|_| flood.admits(format!("kind {kind}"), now)).count()
    }

    fn overdue(flood: &mut Flood, ms: u64) -> Vec<(u64, String)> {
        std::iter::from_fn(|| flood.overdue(Time::from_ms(ms))).collect()
    }

    #[test]
    fn what_is_beyond_ten_lines_in_a_second_is_counted() {
        let mut flood = Flood::default();
        assert_eq!(admitted(&mut flood, 10, 1, 500), 10);
        // Nothing is pending: a host that is idle sleeps.
        assert_eq!(flood.deadline(), None);
        assert_eq!(admitted(&mut flood, 123, 1, 1_499), 0);
        assert_eq!(admitted(&mut flood, 3, 2, 1_499), 3);
        assert_eq!(flood.deadline(), Some(Time::from_ms(1_500)));
        assert_eq!(overdue(&mut flood, 1_499), []);
        assert_eq!(overdue(&mut flood, 1_500), [(123, "kind 1".to_owned())]);
        assert_eq!(flood.deadline(), None);
        assert_eq!(admitted(&mut flood, 11, 1, 1_500), 10);
        assert_eq!(overdue(&mut flood, u64::MAX), [(1, "kind 1".to_owned())]);
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
        assert!(counts.contains(&(1_002, "others".to_owned())), "{counts:?}");
    }
}
