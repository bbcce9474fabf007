//! The texts of a chart.
//!
//! Names are made safe and short. Legend and titles include the class in words, so that nothing
//! depends on colours.

use super::picture::{Band, Picture, Shape};
use crate::analysis::estimates::Class;
use crate::analysis::timeline::{Timeline, TimelineRow};
use crate::output::escape::xml;
use crate::output::number::Scale;
use crate::report::Report;
use crate::units::Nanoseconds;
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Characters of a line of the legend.
const LEGEND: usize = 38;
/// Characters of a name above the chart.
const HEAD: usize = 32;
/// Characters of a name in a title.
const TITLE: usize = 240;
/// Rows that the lines above the chart name.
const NAMED: usize = 2;

pub(super) struct Captions<'a> {
    report: &'a Report,
    timeline: &'a Timeline,
    picture: &'a Picture<'a>,
    scale: &'a Scale<'a>,
}

impl<'a> Captions<'a> {
    pub(super) fn new(
        report: &'a Report,
        timeline: &'a Timeline,
        picture: &'a Picture<'a>,
        scale: &'a Scale<'a>,
    ) -> Self {
        Self { report, timeline, picture, scale }
    }

    /// Program, sample type and span: `chat: inuse_space in 12 snapshots, 55 min`.
    pub(super) fn title(&self) -> String {
        let program = self.report.inputs.iter().rev().find_map(|input| input.program.as_deref());
        let program = program.map(|program| format!("{}: ", safe(program, 40)));
        let count = match self.drawn() {
            1 => "1 snapshot".to_owned(),
            n => format!("{n} snapshots"),
        };
        let elapsed = self.elapsed().map(|nanos| format!(" in {}", Nanoseconds(nanos as f64)));
        let cum = match self.picture.shape {
            Shape::Stacked => "",
            Shape::Lines => " · cum: rows overlap and do not add up",
        };
        format!(
            "{}{} through {count}{}{cum}",
            program.unwrap_or_default(),
            safe(&self.report.sample_type, 40),
            elapsed.unwrap_or_default()
        )
    }

    /// The change of the total, and the leaks.
    pub(super) fn facts(&self) -> String {
        let leaks: Vec<&TimelineRow> =
            self.timeline.rows.iter().filter(|row| row.class == Class::Leak).collect();
        let mut facts = self.change();
        let rows = self.report.granularity.name();
        match leaks.len() {
            0 if self.drawn() > 1 => {
                let _ = write!(facts, " · none of the {rows} is a proven leak");
            }
            0 => {}
            n => {
                let named = leaks.iter().take(NAMED).map(|row| {
                    let name = safe(&row.name, HEAD);
                    match row.slope_per_hour {
                        Some(slope) => format!("{name} {}/h", self.scale.change(slope.estimate)),
                        None => format!("{name} {}", self.scale.change(row.delta.flat)),
                    }
                });
                let more = (n > NAMED).then(|| format!("{} more", n - NAMED));
                let named: Vec<String> = named.chain(more).collect();
                let _ = write!(facts, " · {n} of the {rows} leaking: {}", named.join(", "));
            }
        }
        facts
    }

    /// When the snapshots were taken, and by how many processes.
    pub(super) fn span(&self) -> String {
        let time = |i: usize| self.timeline.times.get(i)?.as_deref().map(seconds);
        let mut parts = Vec::new();
        if let Some((first, last)) = self.picture.ends {
            match (time(first), time(last)) {
                (Some(from), Some(to)) if self.timeline.elapsed_nanos.is_some() => {
                    parts.push(format!("{from} to {to}"));
                }
                (Some(at), _) if first == last => parts.push(at),
                _ => parts.push("snapshots in the order given, without times".to_owned()),
            }
        }
        let Picture { processes, alone, .. } = self.picture;
        let judged = self.timeline.judged + 1;
        match alone {
            Some(_) => parts.push(format!(
                "process {judged} of {processes} that ran in parallel; the others are not drawn"
            )),
            None if *processes > 1 => parts.push(format!(
                "{processes} processes, dashed lines between them; figures are for process {judged}"
            )),
            None => {}
        }
        if self.picture.at.len() < self.drawn() {
            parts.push(format!("{} of the snapshots drawn", self.picture.at.len()));
        }
        parts.join(" · ")
    }

    /// The label of the time axis.
    pub(super) fn axis(&self) -> &'static str {
        if self.timeline.elapsed_nanos.is_some() { "since the first snapshot" } else { "snapshot" }
    }

    /// The title of the SVG.
    pub(super) fn about(&self) -> String {
        format!("{} · {}", self.title(), self.change())
    }

    /// The description of the SVG.
    pub(super) fn description(&self) -> String {
        let mut lines = vec![self.facts(), self.span(), self.total()];
        lines.extend(self.picture.bands.iter().map(|band| self.band(band)));
        lines.join("\n")
    }

    /// The total in the legend.
    pub(super) fn total_entry(&self) -> (String, String) {
        ("total".to_owned(), self.change())
    }

    /// A row in the legend: its name, last value, class and slope.
    pub(super) fn entry(&self, band: &Band<'_>) -> (String, String) {
        let name = match band.row {
            Some(row) => safe(&row.name, LEGEND),
            None => self.other(),
        };
        let last = self.picture.judged.map(|(_, last)| self.scale.value(band.values[last]));
        let last = last.unwrap_or_default();
        let class = band.class.map(|class| format!(" · {}", class_name(class)));
        let grows = band.class.is_some_and(|class| class == Class::Leak);
        let slope = band
            .slope
            .filter(|_| grows)
            .map(|slope| format!(" · {}/h", self.scale.change(slope.estimate)));
        let about = format!("{last}{}{}", class.unwrap_or_default(), slope.unwrap_or_default());
        (name, about)
    }

    /// All details of a row.
    pub(super) fn band(&self, band: &Band<'_>) -> String {
        let name = band.row.map_or_else(|| self.other(), |row| safe(&row.name, TITLE));
        let mut words = format!("{name}: {}", self.course(&band.values));
        if let Some(class) = band.class {
            let _ = write!(words, ", {}", class_name(class));
        }
        if let Some(slope) = band.slope {
            let _ = write!(
                words,
                ", {}/h ({} … {})",
                self.scale.change(slope.estimate),
                self.scale.change(slope.lower),
                self.scale.change(slope.upper)
            );
        }
        if let Some(place) = band.row.and_then(|row| row.file.as_ref()) {
            let _ = write!(words, "\n{}", safe(place, TITLE));
            if let Some(line) = band.row.and_then(|row| row.line) {
                let _ = write!(words, ":{line}");
            }
        }
        words
    }

    /// All details of the total.
    pub(super) fn total(&self) -> String {
        format!("total: {}", self.change())
    }

    /// All details of a snapshot.
    pub(super) fn snapshot(&self, at: usize) -> String {
        let value = self.timeline.total.values.get(at).copied().unwrap_or_default();
        let name = self.timeline.inputs.get(at).and_then(|&i| self.report.inputs.get(i));
        let name = name.map(|input| format!("\n{}", safe(&input.name, TITLE)));
        let time = self.timeline.times.get(at).cloned().flatten();
        let time = time.map(|time| format!("\n{time}"));
        format!(
            "snapshot {}: {}{}{}",
            at + 1,
            self.scale.value(value),
            time.unwrap_or_default(),
            name.unwrap_or_default()
        )
    }

    fn other(&self) -> String {
        let rows = self.report.granularity.name();
        match self.picture.others {
            0 => "other".to_owned(),
            n => format!("other ({n} {rows})"),
        }
    }

    /// The change of the total.
    fn change(&self) -> String {
        self.course(&self.picture.total)
    }

    fn course(&self, values: &[i64]) -> String {
        let Some((first, last)) = self.picture.judged else { return "no snapshots".to_owned() };
        let (from, to) = (values[first], values[last]);
        if first == last {
            return self.scale.value(to);
        }
        let change = self.scale.change(to.saturating_sub(from));
        format!("{} → {} ({change})", self.scale.value(from), self.scale.value(to))
    }

    /// Number of snapshots in the chart.
    fn drawn(&self) -> usize {
        let of = &self.timeline.processes;
        of.iter()
            .filter(|&&process| self.picture.alone.is_none_or(|alone| alone == process))
            .count()
    }

    fn elapsed(&self) -> Option<i64> {
        let elapsed = self.timeline.elapsed_nanos.as_ref()?;
        let (first, last) = self.picture.ends?;
        Some(elapsed.get(last)?.saturating_sub(*elapsed.get(first)?))
    }
}

/// A time without fractions of a second.
fn seconds(time: &str) -> String {
    match (time.split_once('.'), time.strip_suffix('Z')) {
        (Some((whole, _)), Some(_)) => format!("{whole}Z"),
        _ => time.to_owned(),
    }
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Leak => "leak",
        Class::GrowingDecelerating => "growing, slower",
        Class::Grew => "grew",
        Class::Step => "step",
        Class::WarmUp => "warm-up",
        Class::Churn => "churn",
        Class::Steady => "steady",
    }
}

/// Escapes `name` and shortens it in the middle: its end is the most specific part.
fn safe(name: &str, width: usize) -> String {
    let name = xml::text(name).into_owned();
    if name.width() <= width {
        return name;
    }
    let fitting = |characters: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let fits = |c: &char| {
            used += c.width().unwrap_or(0);
            used <= room
        };
        characters.take_while(fits).collect::<Vec<char>>()
    };
    let head = fitting(&mut name.chars(), width / 3);
    let tail = fitting(&mut name.chars().rev(), width - width / 3 - 1);
    head.into_iter().chain(['…']).chain(tail.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn names_are_safe_and_keep_both_ends() {
        assert_eq!(safe("main.windowFor", 20), "main.windowFor");
        assert_eq!(safe("example.com/shop/cart.(*Store).Put", 20), "exampl….(*Store).Put");
        assert_eq!(safe("a\u{1b}b\u{ffff}", 20), "a\\u{1b}b\u{fffd}");
        assert_eq!(safe("世界世界世界世界", 7), "世…世界");
    }
}
