//! What has been measured: the lines that the benchmarks keep in `benches/results`.

use std::fs;

/// The results of one benchmark.
pub struct Results {
    /// The machine, in words.
    pub machine: String,
    rows: Vec<Row>,
}

struct Row {
    group: String,
    case: String,
    point: Point,
}

/// A point with its range.
#[derive(Clone, Copy)]
pub struct Point {
    pub x: f64,
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Results {
    pub fn read(name: &str) -> Self {
        let path = format!("{}/benches/results/{name}.csv", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut lines = text.lines();
        let machine = lines.next().and_then(|line| line.strip_prefix("# "));
        let machine = machine.expect("the first line names the machine").to_owned();
        let row = |line| Row::read(line).unwrap_or_else(|| panic!("{path}: no result: {line}"));
        // The second line names the columns.
        Self { machine, rows: lines.skip(1).map(row).collect() }
    }

    /// A curve, in the order of its measurement, each value divided as `per` says.
    pub fn curve(&self, group: &str, case: &str, per: Per) -> Vec<Point> {
        let own = self.rows.iter().filter(|row| row.group == group && row.case == case);
        let points: Vec<_> = own.map(|row| row.point.per(per)).collect();
        assert!(!points.is_empty(), "{group}, {case} has been measured");
        points
    }
}

/// What a value is drawn as.
#[derive(Clone, Copy)]
pub enum Per {
    /// As it is.
    Event,
    /// Divided by what it is drawn over.
    X,
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        let columns: Vec<_> = line.split(',').collect();
        let [group, case, x, _unit, median, min, max] = columns[..] else { return None };
        let number = |text: &str| text.parse::<f64>().ok();
        let (x, median) = (number(x)?, number(median)?);
        let point = Point { x, median, min: number(min)?, max: number(max)? };
        Some(Self { group: group.to_owned(), case: case.to_owned(), point })
    }
}

impl Point {
    fn per(self, per: Per) -> Self {
        match per {
            Per::Event => self,
            Per::X => {
                let Self { x, median, min, max } = self;
                Self { x, median: median / x, min: min / x, max: max / x }
            }
        }
    }
}
