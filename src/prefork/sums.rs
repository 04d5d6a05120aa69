//! `Sums`: the pages of metrics of several processes as one. Counters are added up; of each gauge,
//! a label says of which process it is.

use std::collections::BTreeMap;

/// A page, by its families in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    families: Vec<FamilySum>,
}

#[derive(Clone, Debug)]
struct FamilySum {
    name: String,
    /// The lines before its samples.
    head: String,
    is_gauge: bool,
    /// Each sample by its name with its labels, in the order in which they came.
    samples: Vec<(String, f64)>,
    places: BTreeMap<String, usize>,
}

impl Sums {
    /// Adds the page of a process.
    pub(super) fn add(&mut self, process: usize, page: &str) {
        let mut at = None;
        let mut help = "";
        for line in page.lines() {
            if line.starts_with("# HELP ") {
                help = line;
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
                at = Some(self.family(name, kind, &format!("{help}\n{line}\n")));
            } else if let Some(at) = at
                && let Some((sample, value)) = line.rsplit_once(' ')
                && let Ok(value) = value.parse::<f64>()
            {
                self.families[at].add(process, sample, value);
            }
        }
    }

    /// Takes the counters alone, for processes that have ended.
    pub(super) fn keep_counters(&mut self) {
        self.families.retain(|family| !family.is_gauge);
    }

    /// The page.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for FamilySum { head, samples, .. } in &self.families {
            text += head;
            for (sample, value) in samples {
                text += &format!("{sample} {value}\n");
            }
        }
        text
    }

    fn family(&mut self, name: &str, kind: &str, head: &str) -> usize {
        if let Some(at) = self.families.iter().position(|family| family.name == name) {
            return at;
        }
        self.families.push(FamilySum {
            name: name.to_owned(),
            head: head.to_owned(),
            is_gauge: kind == "gauge",
            samples: Vec::new(),
            places: BTreeMap::new(),
        });
        self.families.len() - 1
    }
}

impl FamilySum {
    fn add(&mut self, process: usize, sample: &str, value: f64) {
        let sample = match self.is_gauge {
            true => labelled(sample, process),
            false => sample.to_owned(),
        };
        if let Some(at) = self.places.get(&sample) {
            self.samples[*at].1 += value;
        } else {
            self.places.insert(sample.clone(), self.samples.len());
            self.samples.push((sample, value));
        }
    }
}

/// A sample with the label of its process as the last one.
fn labelled(sample: &str, process: usize) -> String {
    match sample.strip_suffix('}') {
        Some(others) => format!("{others},process=\"{process}\"}}"),
        None => format!("{sample}{{process=\"{process}\"}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_added_up_and_gauges_are_told_apart() {
        let page = |counter: u64, gauge: u64| {
            format!(
                "# HELP a_total What.\n# TYPE a_total counter\n\
                 a_total{{service=\"/a b\"}} {counter}\n\
                 # HELP g How many.\n# TYPE g gauge\ng {gauge}\ng{{service=\"/}}\"}} 1\n\
                 # HELP h Time.\n# TYPE h histogram\nh_bucket{{le=\"0.1\"}} {counter}\n\
                 h_sum 0.25\nh_count {counter}\n"
            )
        };
        let mut sums = Sums::default();
        sums.add(0, &page(3, 7));
        sums.add(1, &(page(4, 8) + "# HELP b What.\n# TYPE b counter\nb 9\n"));
        let expected = "# HELP a_total What.\n# TYPE a_total counter\na_total{service=\"/a b\"} 7\n\
             # HELP g How many.\n# TYPE g gauge\ng{process=\"0\"} 7\n\
             g{service=\"/}\",process=\"0\"} 1\ng{process=\"1\"} 8\n\
             g{service=\"/}\",process=\"1\"} 1\n\
             # HELP h Time.\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 7\nh_sum 0.5\nh_count 7\n\
             # HELP b What.\n# TYPE b counter\nb 9\n";
        assert_eq!(sums.text(), expected);
        sums.keep_counters();
        sums.add(0, &page(1, 5));
        assert!(sums.text().contains("a_total{service=\"/a b\"} 8\n"), "{}", sums.text());
        assert!(sums.text().contains("g{process=\"0\"} 5\n"), "{}", sums.text());
        assert!(!sums.text().contains("process=\"1\""), "{}", sums.text());
    }
}
