//! A metric and its samples, in the text format of Prometheus.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use crate::pages::{Histogram, Metrics, ServiceMetrics, WorkerMetrics};

/// A metric with all its samples, which stand together.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
    pub(super) rows: Rows,
}

/// What writes the samples of a family.
#[derive(Clone, Copy)]
pub(super) enum Rows {
    /// All at once.
    Once(fn(&Metrics, &mut Samples<'_>)),
    /// Those of one service after the other.
    Each(fn(&ServiceMetrics, &mut Samples<'_>)),
}

/// Writes the samples of a family. Before the first one, it writes what the family is: a family
/// without samples is left out.
pub(super) struct Samples<'a> {
    family: &'a Family,
    /// Whether a part before this one has samples of it.
    begun: bool,
    part: &'a mut String,
}

impl<'a> Samples<'a> {
    pub(super) const fn new(family: &'a Family, part: &'a mut String) -> Self {
        Self { family, begun: false, part }
    }

    /// A part before this one has samples of the family.
    pub(super) const fn go_on(&mut self) {
        self.begun = true;
    }

    /// How long the part is now.
    pub(super) const fn part_len(&self) -> usize {
        self.part.len()
    }

    /// The only sample.
    pub(super) fn only(&mut self, value: impl Display) {
        self.sample("", &[], value);
    }

    /// The only sample, if there is a value.
    pub(super) fn known(&mut self, value: Option<impl Display>) {
        if let Some(value) = value {
            self.only(value);
        }
    }

    /// The sample of a service.
    pub(super) fn of(&mut self, service: &ServiceMetrics, value: impl Display) {
        self.sample("", &[("service", &service.path)], value);
    }

    /// The samples of the workers of a service, if it has several.
    pub(super) fn of_workers(
        &mut self,
        service: &ServiceMetrics,
        value: fn(&WorkerMetrics) -> u64,
    ) {
        for (number, worker) in service.workers.iter().enumerate() {
            let labels = [("service", &*service.path), ("worker", &number.to_string())];
            self.sample("", &labels, value(worker));
        }
    }

    pub(super) fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let Family { name, kind, help, .. } = self.family;
        if !std::mem::replace(&mut self.begun, true) {
            write(self.part, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        }
        write(self.part, format_args!("{name}{suffix}"));
        for (index, (label, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            write(self.part, format_args!("{before}{label}=\"{}\"", escape(text)));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        write(self.part, format_args!("{end} {value}\n"));
    }

    pub(super) fn histogram(&mut self, histogram: &Histogram) {
        for &(bound, count) in &histogram.buckets {
            self.sample("_bucket", &[("le", &seconds(bound))], count);
        }
        self.sample("_bucket", &[("le", "+Inf")], histogram.count);
        self.sample("_sum", &[], seconds(histogram.sum));
        self.sample("_count", &[], histogram.count);
    }
}

fn write(part: &mut String, text: fmt::Arguments<'_>) {
    part.write_fmt(text).expect("a string takes every text");
}

/// The value of a label. The format knows three escapes.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A time in seconds, as short as it is exact.
pub(super) fn seconds(time: Duration) -> String {
    let text = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
