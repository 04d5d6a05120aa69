//! The page `/metrics`: [`Metrics`] in the text format of Prometheus, version 0.0.4.

use crate::pages::Metrics;
use crate::pages::families::FAMILIES;
use crate::pages::samples::{Rows, Samples};

/// [`Metrics`] for Prometheus, in parts of some 32 KiB, so that a loop can write one after the
/// other. The parts together are the page.
///
/// ```
/// # let metrics = switchboard::Metrics::default();
/// let page: String = metrics.into_text().collect();
/// assert!(page.contains("# TYPE switchboard_loop_turns_total counter\n"));
/// ```
#[derive(Debug)]
pub struct MetricsText {
    metrics: Metrics,
    /// The index of the family that is next, or goes on.
    family: usize,
    /// The index of the service in it that is next.
    service: usize,
}

impl Metrics {
    /// The page that Prometheus reads, without its HTTP head.
    #[must_use]
    pub const fn into_text(self) -> MetricsText {
        MetricsText { metrics: self, family: 0, service: 0 }
    }
}

impl MetricsText {
    /// The media type of the page.
    pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
}

impl Iterator for MetricsText {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut part = String::new();
        while let Some(family) = FAMILIES.get(self.family) {
            let mut samples = Samples::new(family, &mut part);
            if self.service > 0 {
                samples.go_on();
            }
            match family.rows {
                Rows::Once(write) => write(&self.metrics, &mut samples),
                Rows::Each(write) => {
                    for service in &self.metrics.services[self.service..] {
                        write(service, &mut samples);
                        self.service += 1;
                        if samples.part_len() >= PART_BYTES {
                            return Some(part);
                        }
                    }
                }
            }
            (self.family, self.service) = (self.family + 1, 0);
            if part.len() >= PART_BYTES {
                return Some(part);
            }
        }
        (!part.is_empty()).then_some(part)
    }
}

/// A part is complete once it has so many bytes.
const PART_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests;
