//! Figures of several panels, each with curves over an axis of powers of ten.

use std::error::Error;

use plotters::chart::{ChartBuilder, ChartContext, SeriesLabelPosition};
use plotters::coord::Shift;
use plotters::coord::combinators::{IntoLogRange, LogCoord};
use plotters::prelude::{
    Cartesian2d, Circle, Color, DrawingArea, IntoDrawingArea, IntoFont, LineSeries, PathElement,
    RGBColor, SVGBackend, WHITE,
};
use plotters::style::BLACK;

use crate::data::Point;

/// A plot of several panels.
pub struct Figure<'a> {
    pub title: &'a str,
    /// What the numbers depend on.
    pub caption: &'a str,
    pub panels: Vec<Panel<'a>>,
}

/// Curves that share their axes.
pub struct Panel<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub curves: Vec<(&'a str, Vec<Point>)>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;

impl Figure<'_> {
    /// The figure as SVG, which is readable on light and on dark pages.
    pub fn draw(&self) -> Result<String, Box<dyn Error>> {
        let rows = self.panels.len().div_ceil(COLUMNS);
        let height = u32::try_from(rows)? * PANEL_HEIGHT + HEAD_HEIGHT + FOOT_HEIGHT;
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
            root.fill(&WHITE)?;
            let (head, rest) = root.split_vertically(HEAD_HEIGHT);
            let (body, foot) = rest.split_vertically(height - HEAD_HEIGHT - FOOT_HEIGHT);
            head.draw_text(self.title, &font(20), (16, 12))?;
            foot.draw_text(self.caption, &font(12), (16, 4))?;
            for (area, panel) in body.split_evenly((rows, COLUMNS)).iter().zip(&self.panels) {
                panel.draw(area)?;
            }
            root.present()?;
        }
        let end = svg.find('>').ok_or("an SVG has a tag")? + 1;
        svg.insert_str(end, STYLE);
        Ok(svg)
    }
}

impl Panel<'_> {
    fn draw(&self, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
        let points = || self.curves.iter().flat_map(|(_, points)| points);
        let least = |value: fn(&Point) -> f64| points().map(value).fold(f64::MAX, f64::min);
        let most = |value: fn(&Point) -> f64| points().map(value).fold(f64::MIN, f64::max);
        let across = least(|point| point.x)..most(|point| point.x);
        let low = 10_f64.powf(least(|point| point.min).log10().floor());
        let high = most(|point| point.max);
        // Above the curves there is space, which the legend takes.
        let legend = (self.curves.len() as f64 + 1.5) * LEGEND_LINE;
        let up = low..high * (high / low).powf(legend / (1.0 - legend));
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, font(15))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(58)
            .build_cartesian_2d(across.log_scale(), up.log_scale())?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .label_style(font(12))
            .axis_desc_style(font(13))
            .bold_line_style(GRID)
            .light_line_style(GRID.mix(0.35))
            .axis_style(BLACK)
            .draw()?;
        for ((name, points), color) in self.curves.iter().zip(COLORS) {
            draw_curve(&mut chart, name, points, color)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(font(12))
            .draw()?;
        Ok(())
    }
}

/// A line through the medians, and at each of them the range.
fn draw_curve(
    chart: &mut Chart<'_, '_>,
    name: &str,
    points: &[Point],
    color: RGBColor,
) -> Result<(), Box<dyn Error>> {
    let medians = points.iter().map(|point| (point.x, point.median));
    chart
        .draw_series(LineSeries::new(medians.clone(), color.stroke_width(2)))?
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3)));
    chart.draw_series(medians.map(|at| Circle::new(at, 3, color.filled())))?;
    let ranges = points.iter().map(|point| {
        PathElement::new([(point.x, point.min), (point.x, point.max)], color.stroke_width(1))
    });
    chart.draw_series(ranges)?;
    Ok(())
}

fn font(size: i32) -> plotters::style::TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}

/// A number as people write it.
fn short(value: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let (unit, letter) = units.into_iter().find(|(unit, _)| value >= *unit).unwrap_or((1.0, ""));
    let text = format!("{:.3}", value / unit);
    format!("{}{letter}", text.trim_end_matches('0').trim_end_matches('.'))
}

const COLUMNS: usize = 2;
const WIDTH: u32 = 1_040;
const PANEL_HEIGHT: u32 = 360;
const HEAD_HEIGHT: u32 = 44;
const FOOT_HEIGHT: u32 = 28;
/// What a line of the legend takes of the height of a chart.
const LEGEND_LINE: f64 = 0.06;

/// Colors that stand out on white and on black alike.
const COLORS: [RGBColor; 6] = [
    RGBColor(0x2F, 0x81, 0xF7),
    RGBColor(0xD9, 0x73, 0x0D),
    RGBColor(0x2D, 0x9D, 0x5C),
    RGBColor(0xB0, 0x5C, 0xE0),
    RGBColor(0xE0, 0x4F, 0x5F),
    RGBColor(0x80, 0x86, 0x8E),
];
const GRID: RGBColor = RGBColor(0xD8, 0xDC, 0xE1);

/// What is black and white turns round where pages are dark.
const STYLE: &str = "
<style>@media (prefers-color-scheme: dark) {
  [fill=\"#FFFFFF\"] { fill: #0D1117; }
  [fill=\"#000000\"] { fill: #D6DCE3; }
  [stroke=\"#000000\"] { stroke: #8B949E; }
  [stroke=\"#D8DCE1\"] { stroke: #30363D; }
}</style>";
