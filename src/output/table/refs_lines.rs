//! The call paths to functions, as trees: each line is one step further from the function, the
//! heaviest first.

use super::super::Style;
use super::chain::{Arrow, Chain};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::{counted, escape::escape, is_heap, number, wrap};
use crate::analysis::places::PlaceCount;
use crate::analysis::refs::{self, Refs, RefsDirection, RefsLine, RefsSite, Relation};
use crate::model::change::Change;
use crate::output::columns::View;
use crate::output::columns::refs::{TreeLine, columns};
use crate::report::Report;
use anstyle::Style as Ansi;
use std::io;

/// Places of goroutines that are named.
const PLACES_TOLD: usize = 3;
/// Further functions that are named.
const MORE_TOLD: usize = 5;

pub(super) fn write(
    report: &Report,
    refs: &Refs,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if let Some(together) = refs.together {
        writeln!(out)?;
        let scale = number::Scale::new(&report.unit, style.unit.as_deref());
        let sum = match together.delta {
            Some(delta) => scale.change(delta),
            None => scale.value(together.after),
        };
        let functions = counted(refs.sites.len() + refs.more_sites.len(), "functions");
        wrap::write("", &format!("{sum} through any of {functions}"), Ansi::new(), style, out)?;
    }
    for site in &refs.sites {
        writeln!(out)?;
        if let Some(headline) = headline(report, refs, site) {
            wrap::write("", &headline, Ansi::new(), style, out)?;
        }
        grid(report, refs, site, style).write(style, 0, out)?;
    }
    let remark = (!refs.more_sites.is_empty()).then(|| {
        let told: Vec<String> =
            refs.more_sites.iter().take(MORE_TOLD).map(|name| escape(name).into_owned()).collect();
        let more = if refs.more_sites.len() > MORE_TOLD { ", …" } else { "" };
        let what = counted(refs.more_sites.len(), "functions");
        let match_ = if refs.more_sites.len() == 1 { "matches" } else { "match" };
        let told = told.join(", ");
        let text = format!(
            "{what} that also {match_}: {told}{more} (--sites 0 or a narrower REGEX shows them)"
        );
        ("not shown: ", text)
    });
    wrap::remarks(remark, style, out)
}

/// The function that all paths pass through.
fn headline(report: &Report, refs: &Refs, site: &RefsSite) -> Option<String> {
    let whole = site.lines.first()?.values;
    if whole.delta_or_value() == 0 {
        return None;
    }
    let what = match (whole.delta, report.sample_type.as_str()) {
        (Some(delta), _) if delta < 0 => "of this shrinkage came through",
        (Some(_), _) => "of this growth comes through",
        (None, _) if refs.relation == Relation::HeldBy => "of this is held through",
        (None, kind) if is_heap(report) && !kind.is_empty() => "of this was allocated through",
        (None, _) => "of this comes through",
    };
    if let Some(dominator) = &site.dominator {
        let share = number::whole_percent(dominator.share);
        return Some(format!("{share} {what} {}", escape(&dominator.function)));
    }
    if site.places.len() > 1 {
        return Some(of_places(site, whole.delta_or_value(), what));
    }
    // No function is on all paths.
    let ways = site.lines.iter().filter(|line| line.depth == 1);
    let more = site.lines[0].omitted.map_or(0, |rest| rest.count);
    let heaviest = ways.clone().next().filter(|_| refs.direction == RefsDirection::Callers)?;
    let name = &heaviest.frames.first()?.name;
    let share = number::whole_percent(heaviest.share?);
    let ways = counted(ways.count() + more, "branches");
    (ways != "1 branch").then(|| format!("{ways}; {share} {what} {}", escape(name)))
}

/// The places of goroutines, in code that can be changed: `50 % of this comes through main.watch (select), …`.
fn of_places(site: &RefsSite, whole: i64, what: &str) -> String {
    let share = |place: &PlaceCount| place.value.delta_or_value() as f64 / whole as f64 * 100.0;
    let along: Vec<&PlaceCount> = site.places.iter().filter(|place| share(place) > 0.0).collect();
    let large = along.iter().take(PLACES_TOLD).filter(|place| share(place) >= 1.0).count().max(1);
    let told = along.iter().take(large).enumerate().map(|(i, place)| {
        let what = if i == 0 { format!("{what} ") } else { "through ".to_owned() };
        let share = number::part_text(share(place));
        let at = &place.at;
        format!("{share} {what}{} ({})", escape(&at.place.function), at.waits_for)
    });
    let mut told: Vec<String> = told.collect();
    if along.len() > large {
        told.push(counted(along.len() - large, "other places"));
    }
    told.join(", ")
}

fn title(report: &Report, refs: &Refs) -> &'static str {
    match (refs.relation, refs.direction) {
        (Relation::HeldBy, RefsDirection::Callers) => "held by",
        (Relation::HeldBy, RefsDirection::Callees) => "holds",
        (Relation::AllocatedThrough, RefsDirection::Callers) if is_heap(report) => {
            "allocated through"
        }
        (Relation::AllocatedThrough, RefsDirection::Callers) => "through",
        (Relation::AllocatedThrough, RefsDirection::Callees) => "and what it calls",
    }
}

fn grid<'a>(
    report: &'a Report,
    refs: &Refs,
    site: &'a RefsSite,
    style: &'a Style,
) -> Grid<'a, TreeLine<'a>> {
    let columns = columns(View { report, style }, title(report, refs));
    let mut grid = Grid::of(columns).name_at_least(56);
    let arrow = match refs.direction {
        RefsDirection::Callers => Arrow::CalledBy,
        RefsDirection::Callees => Arrow::Calls,
    };
    for (prefix, drawn) in draw(&site.lines) {
        let (values, line, chain, tone) = match drawn {
            Drawn::Line(line) => {
                let mut chain = Chain::new(&prefix, arrow);
                for frame in &line.frames {
                    chain.push(&frame.name, frame.own, frame.recursive);
                }
                (&line.values, Some(line), chain, tone(line))
            }
            Drawn::Ends(values) => {
                let text = match refs.direction {
                    RefsDirection::Callers => "(starts here)",
                    RefsDirection::Callees => "(itself)",
                };
                let mut chain = Chain::new(&prefix, arrow);
                chain.push(text, false, false);
                (values, None, chain, Tone::Plain)
            }
            Drawn::Omitted(rest) => {
                let mut chain = Chain::new(&prefix, arrow);
                chain.push(&format!("… {} more", rest.count), false, false);
                (&rest.values, None, chain, Tone::Dim)
            }
        };
        grid.push(&TreeLine { site, values: *values, line }, RowLabel::chain(chain), tone);
    }
    grid
}

/// Growth is coloured if it is more than sampling error explains; otherwise it is dim.
fn tone(line: &RefsLine) -> Tone {
    match (line.values.delta, line.error) {
        (None, _) => Tone::Plain,
        (Some(0), _) => Tone::Dim,
        (Some(_), Some(error)) if error.lower <= 0 && error.upper >= 0 => Tone::Dim,
        (Some(1..), _) => Tone::Growth,
        (Some(_), _) => Tone::Shrink,
    }
}

/// The meaning of one printed line.
enum Drawn<'a> {
    Line(&'a RefsLine),
    /// The part that ends at the line above.
    Ends(&'a Change<i64>),
    /// Branches of the line above that are not shown.
    Omitted(&'a refs::Rest),
}

/// The lines in the order of printing, each with the branches before it.
fn draw(lines: &[RefsLine]) -> Vec<(String, Drawn<'_>)> {
    // The lines still to come at each depth decide whether a branch continues.
    let mut drawn: Vec<(usize, Drawn<'_>)> = Vec::new();
    let mut open: Vec<&RefsLine> = Vec::new();
    for line in lines {
        close(&mut open, line.depth, &mut drawn);
        drawn.push((line.depth, Drawn::Line(line)));
        open.push(line);
        if let Some(ends) = &line.ends {
            drawn.push((line.depth + 1, Drawn::Ends(ends)));
        }
    }
    close(&mut open, 0, &mut drawn);
    // Walking up from the last line shows which branches continue below.
    let mut goes_on: Vec<bool> = Vec::new();
    let mut prefixes: Vec<String> = Vec::with_capacity(drawn.len());
    for (depth, _) in drawn.iter().rev() {
        let depth = *depth;
        goes_on.resize(depth + 1, false);
        let mut prefix = String::new();
        for (level, on) in goes_on.iter().enumerate().take(depth + 1).skip(1) {
            prefix.push_str(match (level == depth, on) {
                (true, true) => "├ ",
                (true, false) => "└ ",
                (false, true) => "│ ",
                (false, false) => "  ",
            });
        }
        goes_on[depth] = true;
        prefixes.push(prefix);
    }
    prefixes.reverse();
    prefixes.into_iter().zip(drawn.into_iter().map(|(_, drawn)| drawn)).collect()
}

/// Ends the lines below `depth`: the count of branches left out comes last under each.
fn close<'a>(open: &mut Vec<&'a RefsLine>, depth: usize, drawn: &mut Vec<(usize, Drawn<'a>)>) {
    while open.len() > depth {
        let at = open.len();
        if let Some(rest) = open.pop().and_then(|line| line.omitted.as_ref()) {
            drawn.push((at, Drawn::Omitted(rest)));
        }
    }
}
