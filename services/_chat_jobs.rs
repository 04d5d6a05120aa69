//! The jobs that the demo chat gives to its database: how many are under way, and how they end.

#![cfg(all(feature = "chatroom", any(feature = "sqlite", feature = "postgres")))]

use std::error::Error;
use std::time::{Duration, Instant};

use switchboard::DatabaseError;

/// The jobs of one kind.
pub(crate) struct Jobs {
    /// What has failed if one of them has.
    failure: &'static str,
    len_max: usize,
    pub len: usize,
    /// Whether the last one has failed.
    pub is_failing: bool,
    /// How many have failed since the last line of the log, and when that was.
    failed: u64,
    logged: Option<Instant>,
}

impl Jobs {
    pub(crate) fn new(failure: &'static str, len_max: usize) -> Self {
        Self { failure, len_max, len: 0, is_failing: false, failed: 0, logged: None }
    }

    /// Whether one more may begin. While they fail, few do: each of them may have to wait for its
    /// error, and a queue that is full would make the whole chat wait.
    pub(crate) fn begin(&mut self) -> bool {
        let max = if self.is_failing { FAILING_MAX } else { self.len_max };
        let may_begin = self.len < max;
        if may_begin {
            self.len += 1;
        } else {
            self.failed += 1;
        }
        may_begin
    }

    pub(crate) fn end(&mut self, error: Option<&DatabaseError>) {
        self.len -= 1;
        self.is_failing = error.is_some();
        if let Some(error) = error {
            self.fail(error);
        }
    }

    /// Logs a failure, unless one was logged a moment ago.
    fn fail(&mut self, error: &DatabaseError) {
        self.failed += 1;
        if self.logged.is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL) {
            let (failure, times) = (self.failure, self.failed);
            log::warn!(
                "the chat: {failure} (times since the last such line: {times}): {}",
                chain(error)
            );
            (self.failed, self.logged) = (0, Some(Instant::now()));
        }
    }
}

/// An error with its sources.
fn chain(error: &DatabaseError) -> String {
    let mut text = error.to_string();
    for source in std::iter::successors(error.source(), |&error| error.source()) {
        let more = source.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
    }
    text
}

/// Jobs of a kind that fails.
const FAILING_MAX: usize = 16;
const LOG_INTERVAL: Duration = Duration::from_secs(10);
