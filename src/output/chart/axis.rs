//! Axes: which values are marked, and how they are written.
//!
//! Marks are at round values of their unit: powers of two for bytes, quarters and halves of an hour
//! for time, 1, 2 and 5 for counts.

use crate::units::{self, Kind, Nanoseconds};
use plotters::coord::ranged1d::{
    KeyPointHint, KeyPointWeight, NoDefaultFormatting, Ranged, ValueFormatter,
};
use std::ops::Range;

/// Maximum number of marks.
const MARKS: f64 = 7.0;
/// Nanoseconds in a second.
const SECOND: f64 = 1e9;
/// Seconds between two marks, up to a day.
const SECONDS: [f64; 20] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
];
const DAY: f64 = 86_400.0 * SECOND;

/// An axis.
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    marks: Vec<(f64, String)>,
}

impl Axis {
    /// Values in `unit`, written in `wanted` if that is a unit of the same kind. The axis leaves
    /// room above the highest value.
    pub(super) fn values((low, high): (f64, f64), unit: &str, wanted: Option<&str>) -> Self {
        let high = if low < high { high } else { low + 1.0 };
        let room = (high - low) * 0.04;
        let (low, high) = (if low < 0.0 { low - room } else { low }, high + room);
        let fixed = wanted.and_then(|wanted| Some((wanted, units::conversion(unit, wanted)?)));
        if let Some((wanted, factor)) = fixed {
            let step = decimal((high - low) * factor / MARKS);
            return Self::new((low, high), factor, step, |value| {
                format!("{} {wanted}", rounded(value, step))
            });
        }
        let (kind, factor) = units::classify(unit);
        let per_mark = (high - low) * factor / MARKS;
        match kind {
            Kind::Bytes => {
                let step = per_mark.max(1.0).log2().ceil().exp2();
                let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
                Self::new((low, high), factor, step, |value| scaled(value, step, 1024.0, &names))
            }
            Kind::Count => {
                let step = decimal(per_mark).max(1.0);
                let names = ["", "k", "M", "G", "T", "P", "E"];
                Self::new((low, high), factor, step, |value| scaled(value, step, 1000.0, &names))
            }
            Kind::Time => Self::new((low, high), factor, time_step(per_mark), time),
        }
    }

    /// Nanoseconds.
    pub(super) fn time((low, high): (f64, f64)) -> Self {
        Self::new((low, high), 1.0, time_step((high - low) / MARKS), time)
    }

    /// Numbers from 1 on.
    pub(super) fn numbers((low, high): (f64, f64)) -> Self {
        let step = decimal((high - low) / (2.0 * MARKS)).max(1.0);
        let mut axis = Self::new((low, high), 1.0, step, |value| format!("{value:.0}"));
        axis.marks.retain(|&(at, _)| at >= 1.0);
        axis
    }

    /// Marks at the multiples of `step`; `factor` converts values to the unit of `step`.
    fn new((low, high): (f64, f64), factor: f64, step: f64, label: impl Fn(f64) -> String) -> Self {
        let (first, last) = ((low * factor / step).ceil(), (high * factor / step).floor());
        let count = (last - first + 1.0).clamp(0.0, 40.0) as usize;
        let marks = (0..count).map(|i| (first + i as f64) * step);
        Self { low, high, marks: marks.map(|value| (value / factor, label(value))).collect() }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = (value - self.low) / (self.high - self.low);
        from + (f64::from(to - from) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight() {
            KeyPointWeight::Bold => self.marks.iter().map(|&(at, _)| at).collect(),
            KeyPointWeight::Any => Vec::new(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let found = self.marks.iter().find(|mark| mark.0.to_bits() == value.to_bits());
        found.map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

/// The next of 1, 2, 5, 10, ...
fn decimal(least: f64) -> f64 {
    let least = least.max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * power);
    steps.into_iter().find(|&step| step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// The next step that divides minutes, hours and days, in nanoseconds.
fn time_step(least: f64) -> f64 {
    if least > 7.0 * DAY {
        return decimal(least / DAY) * DAY;
    }
    if least <= SECOND / 2.0 {
        return decimal(least).max(1.0);
    }
    SECONDS.map(|seconds| seconds * SECOND).into_iter().find(|&s| s >= least).unwrap_or(7.0 * DAY)
}

fn time(nanos: f64) -> String {
    let seconds = nanos.abs() / SECOND;
    if nanos == 0.0 {
        "0".to_owned()
    } else if (1.0..60.0).contains(&seconds) {
        format!("{} s", rounded(nanos / SECOND, 0.01))
    } else {
        Nanoseconds(nanos).to_string()
    }
}

/// `value` in the largest unit of which `step` has a quarter.
fn scaled(value: f64, step: f64, base: f64, names: &[&str]) -> String {
    let (mut unit, mut name) = (1.0, 0);
    while name + 1 < names.len() && step * 4.0 >= unit * base {
        unit *= base;
        name += 1;
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    format!("{} {}", rounded(value / unit, 0.01), names[name]).trim_end().to_owned()
}

/// Formats a value with the decimals that multiples of `step` need.
fn rounded(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn marks_are_round_in_their_unit() {
        let mib = 1024.0 * 1024.0;
        let bytes = Axis::values((0.0, 5.0 * mib), "bytes", None);
        assert_eq!(labels(&bytes), ["0", "1 MiB", "2 MiB", "3 MiB", "4 MiB", "5 MiB"]);
        let small = Axis::values((0.0, 1.3 * mib), "bytes", None);
        assert_eq!(labels(&small)[..3], ["0", "0.25 MiB", "0.5 MiB"]);
        let fixed = Axis::values((0.0, 5.0 * mib), "bytes", Some("MB"));
        assert_eq!(labels(&fixed)[..2], ["0 MB", "1 MB"]);
        let counts = Axis::values((-300.0, 12_000.0), "count", None);
        assert_eq!(labels(&counts)[..3], ["0", "2 k", "4 k"]);
        let hours = Axis::time((0.0, 5.5 * 3600e9));
        assert_eq!(labels(&hours), ["0", "1 h", "2 h", "3 h", "4 h", "5 h"]);
        let seconds = Axis::time((0.0, 40e9));
        assert_eq!(labels(&seconds), ["0", "10 s", "20 s", "30 s", "40 s"]);
        assert_eq!(labels(&Axis::numbers((0.5, 1.5))), ["1"]);
    }

    #[test]
    fn there_are_some_marks_and_not_many_at_any_size() {
        for power in -2..19 {
            for high in [1.0, 1.7, 9.99].map(|digits| digits * 10_f64.powi(power)) {
                for unit in ["bytes", "count", "nanoseconds", "widgets"] {
                    for low in [0.0, -high] {
                        let axis = Axis::values((low, high), unit, None);
                        let n = axis.marks.len();
                        assert!((1..=16).contains(&n), "{low} to {high} {unit}: {n}");
                    }
                }
                let n = Axis::time((0.0, high)).marks.len();
                assert!((1..=16).contains(&n), "{high} ns: {n}");
            }
        }
    }
}
