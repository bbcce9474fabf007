//! Rows through time: the shape of each, how much it is, how fast it grows, and what that is called.
//!
//! The whole profile stands first: a row that grows while it does not is another's loss. What a class means is said below,
//! of those classes alone that are there.

use super::super::{Style, Width};
use super::diff_rows::file_and_line;
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::{self, Scale};
use super::suspect_lines::class_word;
use super::{counted, name_title, names_functions, rows_word, sparkline, wrap};
use crate::analysis::estimates::Class;
use crate::analysis::timeline::{Row, Timeline};
use crate::filter::Granularity;
use crate::report::{Report, Sort};
use anstyle::Style as Ansi;
use std::io;

/// Columns of a sparkline where nothing limits the line.
const SPARK_AT_MOST: usize = 60;

pub(super) fn write(
    report: &Report,
    timeline: &Timeline,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let spark = match style.width {
        Width::Columns(columns) => (columns / 5).clamp(8, SPARK_AT_MOST),
        Width::Unlimited => SPARK_AT_MOST,
    };
    writeln!(out)?;
    grid(report, timeline, spark, style).write(style.width, style.color, 0, out)?;
    writeln!(out)?;
    let say = |what: &str, text: &str, out: &mut dyn io::Write| {
        wrap::write(what, text, Ansi::new().dimmed(), style, out)
    };
    if timeline.omitted.rows > 0 {
        let scale = Scale::new(&report.unit, style.unit.as_deref());
        let what = counted(timeline.omitted.rows, rows_word(report));
        let sum = scale.value(timeline.omitted.sum);
        say("not shown: ", &format!("{what}, sum of |Δ| {sum} (-n 0 shows them)"), out)?;
    }
    let processes = timeline.processes.iter().max().map_or(1, |last| last + 1);
    if let Some(text) = sparkline::legend(timeline.times.len(), processes, spark) {
        say("", &text, out)?;
    }
    if processes > 1 {
        let judged = timeline.judged + 1;
        say("", &format!("Δ, slope and class are those of process {judged} alone"), out)?;
    }
    let meanings: Vec<&str> = MEANINGS
        .iter()
        .filter(|(class, _)| timeline.rows.iter().any(|row| row.class == *class))
        .map(|(_, meaning)| *meaning)
        .collect();
    if !meanings.is_empty() {
        say("", &meanings.join("; "), out)?;
    }
    if timeline.rows.is_empty() {
        return wrap::write("", "Nothing to show: there are no samples.", Ansi::new(), style, out);
    }
    if timeline.rows.iter().any(|row| matches!(row.class, Class::Leak | Class::GrowingDecelerating))
    {
        let text = "Who is to blame, and what to do: heapdiff leaks with the same profiles.";
        wrap::write("", text, Ansi::new(), style, out)?;
    }
    Ok(())
}

/// The class in a few columns.
fn short_word(class: Class) -> &'static str {
    match class {
        Class::GrowingDecelerating => "slowing",
        other => class_word(other),
    }
}

/// What each class means.
const MEANINGS: [(Class, &str); 7] = [
    (Class::Leak, "leak: rises, and no curve that comes to rest fits better"),
    (Class::GrowingDecelerating, "slowing (growing-decelerating): rises ever more slowly"),
    (Class::Grew, "grew: is more than it was"),
    (Class::Step, "step: rose once and stayed"),
    (Class::WarmUp, "warm-up: rose and came to rest"),
    (Class::Churn, "churn: allocates without keeping"),
    (Class::Steady, "steady: did not grow"),
];

fn grid(report: &Report, timeline: &Timeline, spark: usize, style: &Style) -> Grid {
    let by_cum = report.sort == Sort::Cum;
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let delta = if by_cum { "Δ cum" } else { "Δ flat" };
    let columns = vec![
        Column::word("", None),
        Column::number("first", Some(2)),
        Column::number("last", Some(4)),
        Column::number(delta, None),
        Column::number("slope", Some(5)),
        Column::text("95 % interval", Some(0)),
        Column::number("allocates", Some(1)),
        Column::word("class", Some(6)),
        Column::name(name_title(report)),
        Column::text("where", Some(3)),
    ];
    let mut grid = Grid::new(columns, Header::Titles).name_at_least(24);
    let shape = |values: &[i64]| sparkline::of_processes(values, &timeline.processes, spark);
    // The ends of the process that is judged, which Δ is of.
    let is_judged = |&at: &usize| timeline.processes.get(at) == Some(&timeline.judged);
    let mut judged = (0..timeline.processes.len()).filter(is_judged);
    let (first, last) = (judged.clone().next(), judged.next_back());
    let at = |values: &[i64], end: Option<usize>| {
        end.and_then(|end| values.get(end)).copied().unwrap_or_default()
    };
    let allocates = |rates: &[Option<i64>]| {
        let rate = rates.iter().rev().flatten().next();
        rate.map(|&rate| format!("{}/s", scale.value(rate))).unwrap_or_default()
    };
    let total = &timeline.total;
    let (from, to) = (at(&total.values, first), at(&total.values, last));
    grid.push(Line {
        cells: vec![
            shape(&total.values),
            scale.value(from),
            scale.value(to),
            scale.change(to.wrapping_sub(from)),
            String::new(),
            String::new(),
            allocates(&total.allocated_per_second),
            String::new(),
            String::new(),
            String::new(),
        ],
        label: Label::new("(the whole profile)"),
        tone: Tone::Plain,
    });
    grid.gap();
    for row in &timeline.rows {
        let (values, change) =
            if by_cum { (&row.cum, row.delta.cum) } else { (&row.flat, row.delta.flat) };
        let slope = row.slope_per_hour;
        let interval = slope
            .map(|slope| number::range(&scale.change(slope.lower), &scale.change(slope.upper)));
        let new = if names_functions(report) { Label::new } else { Label::path };
        grid.push(Line {
            cells: vec![
                shape(values),
                scale.value(at(values, first)),
                scale.value(at(values, last)),
                scale.change(change),
                slope.map(|s| format!("{}/h", scale.change(s.estimate))).unwrap_or_default(),
                interval.unwrap_or_default(),
                allocates(&row.allocated_per_second),
                short_word(row.class).to_owned(),
                String::new(),
                place(report, row, style),
            ],
            label: new(&row.name),
            tone: match row.class {
                Class::Leak => Tone::Growth,
                Class::Steady => Tone::Dim,
                _ => Tone::Plain,
            },
        });
    }
    grid
}

/// `file.go:line`, where the name does not say it itself.
fn place(report: &Report, row: &Row, style: &Style) -> String {
    match report.granularity {
        Granularity::Functions | Granularity::Packages => {
            file_and_line(row.file.as_deref(), row.line, style.file_names)
        }
        _ => String::new(),
    }
}
