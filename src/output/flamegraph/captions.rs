//! The texts of a flame graph: its title, the lines above the frames, and the values of each frame.
//!
//! A frame's title is its name followed by text in brackets: the script in the SVG cuts off the
//! last brackets to get the text it writes into the frame.

use super::super::escape::xml;
use super::annotate::HeaderLine;
use super::{Look, color};
use crate::analysis::Bounds;
use crate::analysis::flame::{Flame, FlameDirection, FlameFrame, FlameWidth};
use crate::filter::Granularity;
use crate::report::{Report, Total};
use crate::units;

/// Maximum length of a name in characters: there is no room for more.
const LONGEST_NAME: usize = 240;
/// Characters of the program's name in the title.
const LONGEST_PROGRAM: usize = 40;

/// The captions of a report's flame graph.
pub(super) struct Captions<'a> {
    report: &'a Report,
    flame: &'a Flame,
    total: Option<&'a Total>,
    is_comparison: bool,
    shows_change: bool,
    /// The names of the flame graph as shown.
    names: Vec<String>,
}

impl<'a> Captions<'a> {
    pub(super) fn new(report: &'a Report, flame: &'a Flame) -> Self {
        let total = report.totals.iter().find(|total| total.sample_type == report.sample_type);
        let is_comparison = report.comparison.is_some();
        let shows_change =
            is_comparison || flame.frames.iter().any(|frame| frame.value.after.cum < 0);
        let names = flame.names.iter().map(|name| shown(name, LONGEST_NAME)).collect();
        Self { report, flame, total, is_comparison, shows_change, names }
    }

    /// Whether colours show changes: for two profiles, or for a delta profile.
    pub(super) fn shows_change(&self) -> bool {
        self.shows_change
    }

    /// Whether sampling explains the change of a frame.
    pub(super) fn is_noise(&self, frame: &FlameFrame) -> bool {
        self.is_comparison && frame.error.is_some_and(|e| e.lower <= 0 && e.upper >= 0)
    }

    /// The whole that shares refer to: the larger of the two totals.
    pub(super) fn whole(&self) -> i64 {
        let Some(total) = self.total else { return 0 };
        let before = total.value.before.unwrap_or_default().unsigned_abs();
        let whole = total.value.after.unsigned_abs().max(before);
        // A delta profile may add up to zero and still contain values.
        let width = self.flame.frames.first().map_or(0, |frame| frame.width);
        let width = if self.is_comparison { 0 } else { width };
        i64::try_from(whole).unwrap_or(i64::MAX).max(width)
    }

    fn value(&self, value: i64) -> String {
        units::display(value as f64, &self.report.unit)
    }

    fn signed(&self, value: i64) -> String {
        let sign = if value > 0 { "+" } else { "" };
        format!("{sign}{}", self.value(value))
    }

    fn margin(&self, error: Option<Bounds>) -> String {
        let Some(error) = error else { return String::new() };
        let half = (i128::from(error.upper) - i128::from(error.lower)) / 2;
        format!(" ±{}", self.value(i64::try_from(half).unwrap_or(i64::MAX)))
    }

    /// The name as recorded in the profile.
    pub(super) fn raw_name(&self, frame: &FlameFrame) -> &'a str {
        self.flame.names.get(frame.name as usize).map_or("", String::as_str)
    }

    /// The name of a frame as shown.
    pub(super) fn name(&self, frame: &FlameFrame) -> String {
        let name = self.names.get(frame.name as usize).map_or("", String::as_str);
        if let Some(several) = frame.several {
            return format!("… {} more, each too narrow", units::Grouped(i64::from(several)));
        }
        match (frame.deeper, frame.run) {
            (Some(1), _) => "… 1 more frame".to_owned(),
            (Some(levels), _) => format!("… {} more frames", units::Grouped(i64::from(levels))),
            (None, 1) => name.to_owned(),
            (None, run) => format!("{name} ×{}", units::Grouped(i64::from(run))),
        }
    }

    /// Name and values of a frame, given its name as shown.
    pub(super) fn title(&self, frame: &FlameFrame, name: &str) -> String {
        let (Some(before), Some(delta)) = (frame.value.before, frame.value.delta) else {
            let value = self.value(frame.value.after.cum);
            let margin = self.margin(frame.error);
            let (share, own) =
                (self.share(frame.value.after.cum), self.own(frame.value.after.flat));
            return format!("{name} ({value}{margin}{share}{own})");
        };
        let percent = match (before.cum, delta.cum) {
            (_, 0) => String::new(),
            (0, _) => ", new".to_owned(),
            _ if frame.value.after.cum == 0 => ", gone".to_owned(),
            (before, delta) => {
                let percent = delta as f64 / before.unsigned_abs() as f64 * 100.0;
                format!(", {}{}", if percent > 0.0 { "+" } else { "" }, in_percent(percent))
            }
        };
        let noise =
            if delta.cum != 0 && self.is_noise(frame) { ", within sampling error" } else { "" };
        let share = match self.flame.width {
            FlameWidth::Before => self.share(before.cum),
            FlameWidth::After if frame.value.after.cum != 0 => self.share(frame.value.after.cum),
            FlameWidth::After | FlameWidth::Delta => self.share(delta.cum),
        };
        format!(
            "{name} (before {} → after {}, Δ {}{}{percent}{noise}{share}{})",
            self.value(before.cum),
            self.value(frame.value.after.cum),
            self.signed(delta.cum),
            self.margin(frame.error),
            self.own(frame.value.after.flat),
        )
    }

    /// `, 12 % of 166.4 MiB`
    fn share(&self, part: i64) -> String {
        let Some(total) = self.total else { return String::new() };
        let whole = match (self.is_comparison, self.flame.width) {
            (true, FlameWidth::Before) => total.value.before.unwrap_or_default(),
            (true, FlameWidth::After) if part >= 0 => total.value.after,
            (true, _) => self.whole(),
            (false, _) => total.value.after,
        };
        if whole <= 0 || part == 0 {
            return String::new();
        }
        let percent = part.unsigned_abs() as f64 / whole as f64 * 100.0;
        format!(", {} of {}", in_percent(percent), self.value(whole))
    }

    fn own(&self, flat: i64) -> String {
        let word = match self.flame.direction {
            FlameDirection::RootFirst => "itself",
            FlameDirection::LeafFirst => "without caller",
        };
        if flat == 0 { String::new() } else { format!("; {word} {}", self.value(flat)) }
    }

    /// The root frame if there is nothing to draw.
    pub(super) fn nothing(&self) -> Look {
        let name = match (self.is_comparison, self.flame.width) {
            (true, FlameWidth::Delta) => "nothing changed",
            (true, _) if self.flame.frames.is_empty() => "no stack is in one profile only",
            _ => "no samples",
        };
        Look { name: name.to_owned(), title: name.to_owned(), fill: color::SAME.to_owned() }
    }

    /// The program and what was measured.
    pub(super) fn chart_title(&self) -> String {
        let program = |input: Option<&crate::report::Input>| {
            let input = input?;
            let name = input.program.as_deref().unwrap_or(&input.name);
            Some(shown(name.rsplit('/').next().unwrap_or(name), LONGEST_PROGRAM))
        };
        let inputs = &self.report.inputs;
        let (first, last) = (program(inputs.first()), program(inputs.last()));
        let program = match (first, last) {
            (Some(first), Some(last)) if first != last => format!("{first} → {last}"),
            (first, _) => first.unwrap_or_default(),
        };
        let sample_type = shown(&self.report.sample_type, LONGEST_PROGRAM);
        let Some(total) = self.total else { return format!("{program}  {sample_type}") };
        let after = self.value(total.value.after);
        let margin = self.margin(total.error);
        match (total.value.before, total.value.delta) {
            (Some(before), Some(delta)) => format!(
                "{program}  {sample_type}  {} → {after}  Δ {}{margin}",
                self.value(before),
                self.signed(delta)
            ),
            _ => format!("{program}  {sample_type}  {after}{margin}"),
        }
    }

    /// The word before the details of the frame under the pointer.
    pub(super) fn name_type(&self) -> &'static str {
        match self.report.granularity {
            Granularity::Files => "File:",
            Granularity::Packages => "Package:",
            Granularity::Addresses => "Address:",
            Granularity::Lines => "Line:",
            Granularity::Functions | Granularity::Filefunctions => "Function:",
        }
    }

    /// The lines above the frames.
    pub(super) fn header(&self) -> Vec<HeaderLine> {
        let mut lines = vec![HeaderLine::Text(self.about_width())];
        lines.extend(self.about_strip().map(HeaderLine::Text));
        lines.push(if self.shows_change {
            self.legend()
        } else {
            HeaderLine::Text(
                "Colour: the package; grey is the standard library and frames without symbols. \
                 ± is the 95 % sampling error."
                    .to_owned(),
            )
        });
        lines.extend(self.about_narrow().map(HeaderLine::Text));
        lines
    }

    fn about_width(&self) -> String {
        let order = match self.flame.direction {
            FlameDirection::RootFirst => "callers above callees",
            FlameDirection::LeafFirst => "callees above their callers",
        };
        let width = match (self.is_comparison, self.flame.width) {
            (true, FlameWidth::After) => "the value after",
            (true, FlameWidth::Before) => "the value before",
            (true, FlameWidth::Delta) => {
                "the size of the change: the sum of |Δ| over all stacks, so opposite changes add up"
            }
            (false, _) if self.shows_change() => {
                "the sum of |value| over all stacks (some are negative)"
            }
            (false, _) => "the value",
        };
        format!("Width: {width}. Order: {order}, the widest on the left.")
    }

    fn about_strip(&self) -> Option<String> {
        let sum = self.value(self.flame.elided.first()?.width);
        let (where_to, rest) = match (self.flame.frames.is_empty(), self.flame.width) {
            (true, FlameWidth::Before) => ("Shown: ", "in stacks that exist only after"),
            (true, _) => ("Shown: ", "in stacks that exist only before"),
            (false, FlameWidth::Before) => ("Under “new”: ", "in stacks that exist only after"),
            (false, _) => ("Under “gone”: ", "in stacks that exist only before"),
        };
        Some(format!("{where_to}{sum} {rest}, at the width they have there."))
    }

    fn about_narrow(&self) -> Option<String> {
        let narrow = &self.flame.narrow;
        let roots = [self.flame.frames.first(), self.flame.elided.first()];
        let whole: i64 = roots.into_iter().flatten().map(|frame| frame.width).sum();
        (narrow.rows > 0 && whole > 0).then(|| {
            let frames = units::Grouped(i64::try_from(narrow.rows).unwrap_or(i64::MAX));
            let percent = in_percent(narrow.sum as f64 / whole as f64 * 100.0);
            format!(
                "Too narrow to draw one by one: {frames} frames with everything under them, \
                 together {} or {percent} of the width.",
                self.value(narrow.sum)
            )
        })
    }

    fn legend(&self) -> HeaderLine {
        let whole = self.value(self.whole());
        let step = |step: f64| format!("{step} %");
        let steps = || color::STEPS.iter().rev();
        let mut parts = vec![(None, "shrank by".to_owned())];
        let shades = color::SHRUNK.iter().rev();
        parts.extend(shades.zip(steps().map(|&s| step(s)).chain(["less".to_owned()])).map(swatch));
        parts.push((Some(color::SAME), "same".to_owned()));
        let mut frames = self.flame.frames.iter().chain(&self.flame.elided);
        if frames.any(|frame| frame.error.is_some()) {
            parts.push((Some(color::NOISE[1]), String::new()));
            parts.push((Some(color::NOISE[0]), "within sampling error".to_owned()));
        }
        parts.push((None, "grew by".to_owned()));
        let less = std::iter::once("less".to_owned());
        let shades = color::GROWN.iter();
        parts.extend(shades.zip(less.chain(color::STEPS.iter().map(|&s| step(s)))).map(swatch));
        parts.push((None, format!("or more of {whole}")));
        HeaderLine::Legend(parts)
    }
}

fn swatch((color, label): (&&'static str, String)) -> (Option<&'static str>, String) {
    (Some(*color), label)
}

/// Makes a name safe for XML and terminals, and shortens it in its middle.
fn shown(name: &str, longest: usize) -> String {
    let mut name = name;
    let cut;
    if name.chars().nth(longest).is_some() {
        let chars: Vec<char> = name.chars().collect();
        let (head, tail) = (longest * 2 / 3, longest / 3);
        cut = chars[..head]
            .iter()
            .chain(&['…'])
            .chain(&chars[chars.len() - tail..])
            .collect::<String>();
        name = &cut;
    }
    xml::text(name).into_owned()
}

fn in_percent(percent: f64) -> String {
    let size = percent.abs();
    if size < 0.095 {
        format!("{percent:.2} %")
    } else if size < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn names_are_made_safe_and_short() {
        assert_eq!(shown("main.(*T).f", 240), "main.(*T).f");
        assert_eq!(shown("a\u{1}b\u{202e}c\n\u{ffff}", 240), "a\\u{1}b\\u{202e}c\\u{a}\u{fffd}");
        let long = shown(&"x".repeat(1_000_000), 240);
        assert_eq!(long.chars().count(), 241);
    }
}
