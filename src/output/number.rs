//! Values as the table prints them.
//!
//! Each value uses the unit that fits its size, or all use the unit given with `--unit`. A change
//! always has its sign, in ASCII, so that `grep '+'` finds growth.

use crate::analysis::estimates::Estimate;
use crate::analysis::{Bounds, OmittedRows};
use crate::model::change::Change;
use crate::units;

/// How the values of one sample type print.
#[derive(Clone, Copy)]
pub(in crate::output) struct Scale<'a> {
    /// Unit of the values.
    unit: &'a str,
    /// The unit to print in and the factor to it.
    fixed: Option<(&'a str, f64)>,
}

impl<'a> Scale<'a> {
    /// Values in `unit`, printed in `wanted` if that is a unit of the same kind.
    pub(in crate::output) fn new(unit: &'a str, wanted: Option<&'a str>) -> Self {
        let fixed = wanted.and_then(|wanted| Some((wanted, units::conversion(unit, wanted)?)));
        Scale { unit, fixed }
    }

    /// A value: `312.4 MiB`.
    pub(in crate::output) fn value(&self, value: i64) -> String {
        match self.fixed {
            Some((wanted, factor)) => {
                let scaled = value as f64 * factor;
                if (factor - 1.0).abs() < f64::EPSILON {
                    format!("{} {wanted}", units::Grouped(value))
                } else {
                    format!("{scaled:.2} {wanted}")
                }
            }
            None => units::display(value as f64, self.unit),
        }
    }

    /// A value, with every digit if it is a count: `1 204 331`.
    pub(in crate::output) fn exact(&self, value: i64) -> String {
        let is_count = units::classify(self.unit).0 == units::Kind::Count;
        if self.fixed.is_none() && is_count && !self.unit.ends_with(units::RATE) {
            return units::Grouped(value).to_string();
        }
        self.value(value)
    }

    /// A change: `+577.7 MiB`, `-12.0 MiB`, `0 B`.
    pub(in crate::output) fn change(&self, delta: i64) -> String {
        signed(delta, self.value(delta))
    }

    /// A change, with every digit if it is a count.
    pub(in crate::output) fn exact_change(&self, delta: i64) -> String {
        signed(delta, self.exact(delta))
    }

    /// The error of a change that is more than sampling error: half the width of its interval, or
    /// the interval itself if that would be wider than the change, as it is for few samples, which
    /// may be many more objects but not much fewer.
    pub(in crate::output) fn sure_margin(&self, error: Bounds, delta: i64) -> String {
        if half_width(error).unsigned_abs() < delta.unsigned_abs() || delta == 0 {
            return self.margin(error, delta);
        }
        range(&self.change(error.lower), &self.change(error.upper))
    }

    /// The error of a change: as [`Scale::sure_margin`] if its interval leaves out 0.
    pub(in crate::output) fn change_margin(&self, error: Bounds, delta: i64) -> String {
        if error.lower > 0 || error.upper < 0 {
            self.sure_margin(error, delta)
        } else {
            self.margin(error, delta)
        }
    }

    /// The error of a value or of its change.
    pub(in crate::output) fn error(&self, error: Bounds, of: Change<i64>) -> String {
        match of.delta {
            Some(delta) => self.change_margin(error, delta),
            None => self.margin(error, of.after),
        }
    }

    /// What rows that aren't shown add up to: `flat 500.0 ms`, or `Δ +1.0 MiB`; and the sum of their sizes, if they
    /// have opposite signs.
    pub(super) fn omitted(&self, omitted: OmittedRows, of: &str) -> String {
        let OmittedRows { net, sum, .. } = omitted;
        let net_text = if of.starts_with('Δ') { self.change(net) } else { self.value(net) };
        let is_mixed = net.unsigned_abs() != sum.unsigned_abs();
        let sum =
            if is_mixed { format!(", sum of |{of}| {}", self.value(sum)) } else { String::new() };
        format!("{of} {net_text}{sum}")
    }

    /// Half the width of the interval around `value`: `±4.1 MiB`. Uses the unit of `value` if that
    /// leaves it a digit, so that the two are easy to compare.
    pub(in crate::output) fn margin(&self, error: Bounds, value: i64) -> String {
        let half = half_width(error);
        let (kind, factor) = units::classify(self.unit);
        if self.fixed.is_some() || kind != units::Kind::Bytes || half == 0 {
            return format!("±{}", self.value(half));
        }
        let own = units::Bytes(half as f64 * factor).to_string();
        let shown = units::Bytes(value as f64 * factor).to_string();
        let (Some((_, from)), Some((_, to))) = (own.rsplit_once(' '), shown.rsplit_once(' '))
        else {
            return format!("±{own}");
        };
        match units::conversion("bytes", to).map(|scale| half as f64 * factor * scale) {
            Some(scaled) if from != to && (0.05..1024.0).contains(&scaled) => {
                format!("±{scaled:.1} {to}")
            }
            _ => format!("±{own}"),
        }
    }
}

/// An interval, with the unit once if both ends have it: `+568.7 … +586.7 MiB`.
pub(in crate::output) fn range(lower: &str, upper: &str) -> String {
    match (lower.rsplit_once(' '), upper.rsplit_once(' ')) {
        // The last digits of a count aren't a unit.
        (Some((number, unit)), Some((_, other)))
            if unit == other && !unit.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            format!("{number} … {upper}")
        }
        _ => format!("{lower} … {upper}"),
    }
}

/// An estimate and its interval, with the unit once if all three have it: `12.4 MiB/h (10.9 …
/// 13.8)`.
pub(super) fn estimate(print: impl Fn(i64) -> String, of: &Estimate, per: &str) -> String {
    let [middle, lower, upper] = [of.estimate, of.lower, of.upper].map(print);
    let unit = |text: &str| text.rsplit_once(' ').map(|(_, unit)| unit.to_owned());
    let bare = |text: &str| text.rsplit_once(' ').map_or(text, |(number, _)| number).to_owned();
    if unit(&middle) == unit(&lower) && unit(&middle) == unit(&upper) {
        format!("{middle}{per} ({} … {})", bare(&lower), bare(&upper))
    } else {
        format!("{middle}{per} ({lower}{per} … {upper}{per})")
    }
}

/// Half the width of an interval.
pub(in crate::output) fn half_width(error: Bounds) -> i64 {
    // Through i128: the distance between the ends may overflow an i64.
    let width = i128::from(error.upper) - i128::from(error.lower);
    i64::try_from(width / 2).unwrap_or(i64::MAX)
}

fn signed(delta: i64, text: String) -> String {
    if delta > 0 { format!("+{text}") } else { text }
}

/// A number of objects that changed: `+1.9 M`.
pub(super) fn count_change(delta: i64) -> String {
    signed(delta, units::Short(delta as f64).to_string())
}

/// A number of objects: `1.9 M`.
pub(super) fn count(value: i64) -> String {
    units::Short(value as f64).to_string()
}

/// A change in percent: `+2.3 %`, `+185 %`, `-100 %`.
pub(in crate::output) fn percent_change(percent: f64) -> String {
    let sign = match percent.total_cmp(&0.0) {
        _ if percent == 0.0 || !percent.is_finite() => "",
        std::cmp::Ordering::Less => "-",
        _ => "+",
    };
    format!("{sign}{}", percent_text(percent.abs()))
}

/// A share in percent: `12.4 %`.
pub(in crate::output) fn percent_text(percent: f64) -> String {
    if !percent.is_finite() {
        String::new()
    } else if percent == 0.0 {
        "0 %".to_owned()
    } else if percent.abs() < 0.05 {
        // Too little to have a sign.
        "0.0 %".to_owned()
    } else if percent.abs() < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// The share of a part: `12 %`; `0 %` and `100 %` only if they are exact.
pub(super) fn part_text(percent: f64) -> String {
    match percent {
        99.5..100.0 => ">99 %".to_owned(),
        _ if percent > 0.0 && percent < 0.5 => "<1 %".to_owned(),
        _ => whole_percent(percent),
    }
}

/// A share in whole percent: `99 %`.
pub(super) fn whole_percent(percent: f64) -> String {
    format!("{percent:.0} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_in_a_fitting_or_in_the_wanted_unit() {
        let auto = Scale::new("bytes", None);
        assert_eq!(auto.value(312 << 20), "312.0 MiB");
        assert_eq!(auto.change(5 << 10), "+5.0 KiB");
        assert_eq!(auto.change(-3), "-3 B");
        assert_eq!(auto.change(0), "0 B");
        assert_eq!(auto.margin(Bounds { lower: -1024, upper: 3 * 1024 }, 9), "±2.0 KiB");
        let margin = Bounds { lower: 0, upper: 1800 << 10 };
        assert_eq!(auto.margin(margin, 5 << 20), "±0.9 MiB");
        assert_eq!(auto.margin(margin, 5 << 30), "±900.0 KiB");
        let fixed = Scale::new("bytes", Some("MB"));
        assert_eq!(fixed.change(3 << 19), "+1.50 MB");
        assert_eq!(Scale::new("bytes", Some("bytes")).value(1_234_567), "1 234 567 bytes");
        assert_eq!(Scale::new("count", Some("MB")).exact(1_204_331), "1 204 331");
    }

    #[test]
    fn a_sure_change_prints_its_interval_if_its_margin_is_larger() {
        let scale = Scale::new("bytes", None);
        let few = Bounds { lower: 600 << 10, upper: 8 << 20 };
        assert_eq!(scale.change_margin(few, 3 << 20), "+600.0 KiB … +8.0 MiB");
        assert_eq!(scale.change_margin(few, 4 << 20), "±3.7 MiB");
        let unsure = Bounds { lower: -(1 << 20), upper: 9 << 20 };
        assert_eq!(scale.change_margin(unsure, 3 << 20), "±5.0 MiB");
        assert_eq!(scale.sure_margin(unsure, 3 << 20), "-1.0 … +9.0 MiB");
    }

    #[test]
    fn a_range_says_a_common_unit_once() {
        assert_eq!(range("+1.0 MiB", "+2.0 MiB"), "+1.0 … +2.0 MiB");
        assert_eq!(range("-1.0 KiB", "+2.0 MiB"), "-1.0 KiB … +2.0 MiB");
        assert_eq!(range("17", "29"), "17 … 29");
        assert_eq!(range("+2 706 000", "+2 786 000"), "+2 706 000 … +2 786 000");
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        let scale = Scale::new("bytes", None);
        assert_eq!(scale.margin(Bounds { lower: i64::MIN, upper: i64::MAX }, 0), "±8.0 EiB");
        assert_eq!(scale.change(i64::MIN), "-8.0 EiB");
    }

    #[test]
    fn percents_keep_what_matters() {
        assert_eq!(percent_change(185.4), "+185 %");
        assert_eq!(percent_change(-2.34), "-2.3 %");
        assert_eq!(percent_change(f64::INFINITY), "");
        assert_eq!(percent_text(9.96), "10 %");
        assert_eq!(percent_text(-0.01), "0.0 %");
        assert_eq!(percent_change(0.01), "+0.0 %");
    }
}
