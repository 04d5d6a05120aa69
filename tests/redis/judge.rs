//! What a socket has got, and whether it may have got that.

use std::sync::mpsc::Receiver;

/// Numbers in their order, with the gaps between them.
pub struct Record {
    texts: Receiver<String>,
    came: Vec<Came>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Number(u64),
    Gap,
}

impl Record {
    /// The record of a socket that gets `gap`, or a number with more behind a blank.
    pub fn of(texts: Receiver<String>) -> Self {
        Self { texts, came: Vec::new() }
    }

    fn take(&mut self) {
        self.came.extend(self.texts.try_iter().filter(|text| text != "done").map(|text| {
            match text.split(' ').next() {
                Some("gap") => Came::Gap,
                word => Came::Number(word.and_then(|word| word.parse().ok()).expect("a number")),
            }
        }));
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        self.came.iter().filter_map(|came| match came {
            Came::Number(number) => Some(*number),
            Came::Gap => None,
        })
    }

    /// The last number so far.
    pub fn last(&mut self) -> Option<u64> {
        self.take();
        self.numbers().last()
    }

    /// How many gaps there are so far.
    pub fn gaps(&mut self) -> usize {
        self.take();
        self.came.iter().filter(|came| **came == Came::Gap).count()
    }

    /// All numbers below this have come, in their order.
    pub fn judge_all(&self, len: u64) {
        let numbers: Vec<_> = self.numbers().collect();
        assert!(numbers.iter().copied().eq(0..len), "{:?}", self.came);
    }

    /// Of so many numbers from this on, none is missing before one that has come.
    pub fn judge_begin(&self, first: u64, len: u64) {
        let numbers: Vec<_> =
            self.numbers().filter(|number| (first..first + len).contains(number)).collect();
        let end = first + numbers.len() as u64;
        assert!(numbers.iter().copied().eq(first..end), "{:?}", self.came);
    }

    /// How many numbers are missing between others; `None` if there is no gap for some of them so
    /// far. A gap is for what is missing before it: it reaches a socket through the service, and
    /// what comes next may overtake it. No number may be lower than one before.
    pub fn missing(&mut self) -> Option<u64> {
        self.take();
        let (mut last, mut has_gap, mut is_open, mut missing) = (None, false, false, 0);
        for came in &self.came {
            match *came {
                Came::Gap => (has_gap, is_open) = (true, false),
                Came::Number(number) => {
                    if let Some(last) = last {
                        assert!(number > last, "{number} after {last}: {:?}", self.came);
                        is_open |= number > last + 1 && !has_gap;
                        missing += number - last - 1;
                    }
                    (last, has_gap) = (Some(number), false);
                }
            }
        }
        (!is_open).then_some(missing)
    }
}
