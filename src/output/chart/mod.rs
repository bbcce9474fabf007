//! The timeline as an SVG: the value of each row, stacked up to the total, over time.
//!
//! plotters draws it. heapdiff adds to its output: titles, which a browser shows under the pointer,
//! and a description for screen readers. Leaks are on top in warm colours, so that they stand out,
//! and come first in the legend. Sums over stacks overlap, so rows by cum are lines, not areas.
//!
//! What was recorded beside the profiles is in panels below, on the same time axis: `panels`.
//!
//! The chart has no more points than pixels, so that the size of the SVG is bounded.

mod annotate;
mod axis;
mod captions;
mod panels;
mod picture;

use super::{Style, number};
use crate::analysis::estimates::Class;
use crate::analysis::timeline::Timeline;
use crate::report::Report;
use axis::Axis;
use captions::Captions;
use panels::Panel;
use picture::{Picture, Shape};
use plotters::prelude::{
    ChartBuilder, Circle, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _, PathElement,
    Polygon, Rectangle, SVGBackend,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color as _, FontDesc, FontFamily, FontStyle, RGBAColor, RGBColor, TextStyle,
};
use serde::Serialize;
use std::io;
use std::ops::Range;

/// Size of the chart, whatever size it is shown at; panels below it make it taller.
const SIZE: (u32, u32) = (1200, 700);
/// Height of the chart above panels.
const ABOVE: u32 = 520;
/// Where the legend begins.
const LEGEND: i32 = 862;
/// Height of the lines above the chart.
const HEAD: i32 = 84;
/// Opacity of elements that get a title: practically opaque, and nothing else has this value.
const MARK: f64 = 0.999;
/// Snapshots are also drawn as dots, up to this number.
const DOTS: usize = 60;
/// plotters divides sizes by this.
const FONT: f64 = 1.24;

const INK: RGBColor = RGBColor(26, 26, 26);
const PALE: RGBColor = RGBColor(95, 95, 95);
const GRID: RGBColor = RGBColor(226, 226, 226);
/// Leaks: from dark to light, so that neighbours differ in grey as well.
const LEAKS: &[RGBColor] = &[
    RGBColor(179, 30, 20),
    RGBColor(239, 101, 72),
    RGBColor(214, 69, 40),
    RGBColor(253, 170, 112),
    RGBColor(128, 16, 34),
    RGBColor(246, 134, 128),
];
/// Rows that grew without proof of a leak.
const GREW: &[RGBColor] =
    &[RGBColor(240, 206, 110), RGBColor(221, 179, 58), RGBColor(248, 228, 168)];
/// Everything else.
const REST: &[RGBColor] = &[
    RGBColor(110, 140, 172),
    RGBColor(178, 200, 222),
    RGBColor(140, 168, 170),
    RGBColor(204, 220, 218),
    RGBColor(146, 146, 184),
    RGBColor(206, 204, 228),
];
/// Most rows with an area of their own.
pub(super) const MOST: usize = 24;
/// Rows without an area of their own.
const OTHER: RGBColor = RGBColor(224, 224, 224);

/// What a chart of a page has an area or a line for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Site {
    /// The position of the row; none for what has no area of its own.
    row: Option<usize>,
    /// Its colour on white.
    colour: String,
}

/// The sites of a chart, topmost first: at most so many rows.
pub(super) fn sites(report: &Report, timeline: &Timeline, most: usize) -> Vec<Site> {
    let picture = Picture::new(report, timeline, most);
    let site = |band: &picture::Band<'_>| {
        let RGBColor(red, green, blue) = band.color;
        let row = band.row.and_then(|row| timeline.rows.iter().position(|one| one == row));
        Site { row, colour: format!("#{red:02x}{green:02x}{blue:02x}") }
    };
    picture.bands.iter().map(site).collect()
}

/// Writes the chart with at most so many rows.
pub(super) fn write(
    report: &Report,
    timeline: &Timeline,
    (style, most): (&Style, usize),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let scale = number::Scale::new(&report.unit, style.unit.as_deref());
    let picture = Picture::new(report, timeline, most);
    let captions = Captions::new(report, timeline, &picture, &scale);
    let mut svg = String::new();
    let panels = panels::of(timeline, picture.alone.is_some());
    let range = panels::range(&panels, picture.range());
    let titles = Drawing {
        picture: &picture,
        captions: &captions,
        panels: &panels,
        range,
        titles: Vec::new(),
    };
    let axes = (
        if timeline.elapsed_nanos.is_some() { Axis::time(range) } else { Axis::numbers(range) },
        Axis::values(picture.values(), &report.unit, style.unit.as_deref()),
    );
    let titles =
        titles.draw(&mut svg, axes).map_err(|error| io::Error::other(error.to_string()))?;
    let description = format!("{}{}", captions.description(), panels::description(&panels));
    annotate::annotate(&svg, &captions.about(), &description, &titles, out)
}

type Failed = DrawingAreaErrorKind<io::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

struct Drawing<'a> {
    picture: &'a Picture<'a>,
    captions: &'a Captions<'a>,
    panels: &'a [Panel<'a>],
    /// The time that is drawn.
    range: (f64, f64),
    /// The titles of the marked elements, in drawing order.
    titles: Vec<String>,
}

impl Drawing<'_> {
    fn draw(mut self, svg: &mut String, (x, y): (Axis, Axis)) -> Result<Vec<String>, Failed> {
        let above = if self.panels.is_empty() { SIZE.1 } else { ABOVE };
        let below = match self.panels.len() as u32 {
            0 => 0,
            count => count * panels::HEIGHT + panels::LABELS + 10,
        };
        let root = SVGBackend::with_string(svg, (SIZE.0, above + below)).into_drawing_area();
        root.fill(&RGBColor(255, 255, 255))?;
        self.head(&root)?;
        let (left, _) = root.split_horizontally(LEGEND - 14);
        let (main, mut rest) = left.split_vertically(above as i32);
        self.chart(&main, x, y)?;
        self.legend(&root, above)?;
        for (number, panel) in self.panels.iter().enumerate() {
            let is_last = number + 1 == self.panels.len();
            let height = panels::HEIGHT + if is_last { panels::LABELS } else { 0 };
            let (own, more) = rest.split_vertically(height as i32);
            let top = above as i32 + number as i32 * panels::HEIGHT as i32;
            let words = is_last.then(|| self.captions.axis());
            let place = (self.range, words, top);
            panel.draw((&own, &root), place, &self.picture.restarts, &mut self.titles)?;
            rest = more;
        }
        root.present()?;
        drop((main, rest, left, root));
        Ok(self.titles)
    }

    fn head(&self, root: &Area<'_>) -> Result<(), Failed> {
        root.draw_text(&self.captions.title(), &text(19.0, FontStyle::Bold, INK), (16, 12))?;
        root.draw_text(&self.captions.facts(), &text(14.0, FontStyle::Normal, INK), (16, 39))?;
        root.draw_text(&self.captions.span(), &text(12.0, FontStyle::Normal, PALE), (16, 60))
    }

    fn chart(&mut self, area: &Area<'_>, x: Axis, y: Axis) -> Result<(), Failed> {
        let Self { picture, captions, panels, titles, .. } = self;
        let (low, high) = (y.low, y.high);
        let is_alone = panels.is_empty();
        let mut chart = ChartBuilder::on(area)
            .margin_top(HEAD)
            .margin_right(8)
            .margin_bottom(10)
            .margin_left(6)
            .x_label_area_size(if is_alone { 46 } else { 0 })
            .y_label_area_size(84)
            .build_cartesian_2d(x, y)?;
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(RGBAColor(0, 0, 0, 0.0))
            .axis_style(PALE)
            .label_style(text(12.0, FontStyle::Normal, INK))
            .axis_desc_style(text(12.0, FontStyle::Normal, PALE));
        if is_alone {
            mesh.x_desc(captions.axis());
        }
        mesh.draw()?;
        for run in &picture.runs {
            match picture.shape {
                Shape::Stacked => {
                    for (band, edges) in picture.bands.iter().zip(picture.stacked(run)) {
                        let shape = Polygon::new(edges, mark(band.color));
                        chart.plotting_area().draw(&shape)?;
                        titles.push(captions.band(band));
                    }
                }
                Shape::Lines => {
                    for band in picture.bands.iter().rev() {
                        let width = if band.class == Some(Class::Leak) { 4 } else { 2 };
                        let style = mark(band.color).stroke_width(width);
                        let line = PathElement::new(picture.line(run, &band.values), style);
                        chart.plotting_area().draw(&line)?;
                        titles.push(captions.band(band));
                    }
                }
            }
            let line = picture.line(run, &picture.total);
            let style = mark(INK).stroke_width(2);
            chart.plotting_area().draw(&PathElement::new(line, style))?;
            titles.push(captions.total());
        }
        if picture.at.len() <= DOTS {
            for (i, &at) in picture.at.iter().enumerate() {
                let point = (picture.x[i], picture.total[i] as f64);
                chart.plotting_area().draw(&Circle::new(point, 3, mark(INK).filled()))?;
                titles.push(captions.snapshot(at));
            }
        }
        for &at in &picture.restarts {
            let dashes = 32;
            let height = (high - low) / f64::from(dashes);
            for dash in (0..dashes).step_by(2) {
                let from = low + height * f64::from(dash);
                let line = PathElement::new(vec![(at, from), (at, from + height)], mark(PALE));
                chart.plotting_area().draw(&line)?;
                titles.push("another process begins".to_owned());
            }
        }
        Ok(())
    }

    fn legend(&mut self, root: &Area<'_>, above: u32) -> Result<(), Failed> {
        let Self { picture, captions, titles, .. } = self;
        let entries = picture.bands.len() as i32 + 1;
        let room = above as i32 - HEAD - 12;
        let height = (room / entries).min(42);
        let mut top = HEAD;
        // The patch looks like the line or the area.
        let patch = |top: i32, style: plotters::style::ShapeStyle, lines: Range<i32>| {
            let corners = [(LEGEND, top + lines.start), (LEGEND + 13, top + lines.end)];
            root.draw(&Rectangle::new(corners, style))
        };
        patch(top, mark(INK).filled(), 6..9)?;
        titles.push(captions.total());
        let whole = captions.total_entry();
        self::entry(root, top, height, (&whole.0, &whole.1), FontStyle::Bold)?;
        for band in &picture.bands {
            top += height;
            patch(top, mark(band.color).filled(), 1..14)?;
            titles.push(captions.band(band));
            let (name, about) = captions.entry(band);
            let weight =
                if band.class == Some(Class::Leak) { FontStyle::Bold } else { FontStyle::Normal };
            self::entry(root, top, height, (&name, &about), weight)?;
        }
        Ok(())
    }
}

/// Two lines of a legend, or one if there is no room.
fn entry(
    root: &Area<'_>,
    top: i32,
    height: i32,
    (name, about): (&str, &str),
    weight: FontStyle,
) -> Result<(), Failed> {
    if height >= 32 {
        root.draw_text(name, &text(12.5, weight, INK), (LEGEND + 20, top + 1))?;
        root.draw_text(about, &text(12.0, FontStyle::Normal, PALE), (LEGEND + 20, top + 17))
    } else {
        let size = if height >= 26 { 11.0 } else { 9.5 };
        root.draw_text(name, &text(size, weight, INK), (LEGEND + 20, top))?;
        let below = top + height / 2;
        root.draw_text(about, &text(size - 1.0, FontStyle::Normal, PALE), (LEGEND + 20, below))
    }
}

/// A colour that marks an element that gets a title.
fn mark(color: RGBColor) -> RGBAColor {
    color.mix(MARK)
}

fn text(size: f64, style: FontStyle, color: RGBColor) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::SansSerif, size * FONT, style);
    TextStyle { font, color: color.to_backend_color(), pos: Pos::new(HPos::Left, VPos::Top) }
}
