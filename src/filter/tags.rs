//! Filters by label: a regular expression over `key:value`, one over the values of a key, or a range of numbers.
//!
//! `regex,regex` requires each to match some label; `key=regex,regex` requires one of them to match
//! a value of the key; `8kb`, `8kb:`, `:8kb` and `4kb:8kb` (with or without `key=`) are numbers at,
//! from, up to and between.

use crate::model::ids::{LabelSetId, StringId};
use crate::model::labels::LabelValue;
use crate::model::series::Series;
use crate::units::{self, Kind};
use hashbrown::HashMap;
use regex::Regex;
use rustc_hash::FxBuildHasher;

/// A filter by label.
#[derive(Clone, Debug)]
pub struct TagFilter {
    key: Option<String>,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Values(Vec<Regex>),
    Range(Range),
}

/// A range of numbers in one kind of unit, with bounds in its base unit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    kind: Kind,
    /// The typed unit in base units; labels without a unit are taken to be in it.
    factor: f64,
    lower: f64,
    upper: f64,
}

/// The unit of each numeric label's key: the first one named, otherwise the one that the key's name
/// implies.
pub(super) struct Units(HashMap<StringId, String, FxBuildHasher>);

impl Units {
    pub(super) fn new(series: &Series) -> Self {
        let mut units: HashMap<StringId, String, FxBuildHasher> = HashMap::default();
        for set in series.label_sets.ids() {
            for label in series.label_sets.get(set) {
                if let LabelValue::Number(_, unit) = label.value {
                    let known = units.entry(label.key).or_default();
                    if known.is_empty() {
                        series.symbols.text(unit).clone_into(known);
                    }
                }
            }
        }
        for (&key, unit) in &mut units {
            if unit.is_empty() {
                let key = series.symbols.text(key);
                let implied = if matches!(key, "alignment" | "request") { "bytes" } else { key };
                implied.clone_into(unit);
            }
        }
        Self(units)
    }
}

impl TagFilter {
    /// Parses a filter; the error explains what is wrong.
    pub fn new(text: &str) -> Result<Self, String> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (Some(key.to_owned()).filter(|key| !key.is_empty()), value),
            None => (None, text),
        };
        let test = if let Some(range) = parse_range(value)? {
            Test::Range(range)
        } else {
            let regexes: Result<_, _> = value.split(',').map(Regex::new).collect();
            Test::Values(regexes.map_err(|e| e.to_string())?)
        };
        Ok(Self { key, test })
    }

    pub(super) fn matches(&self, series: &Series, units: &Units, set: LabelSetId) -> bool {
        let text = |id| series.symbols.text(id);
        let labels = series.label_sets.get(set);
        match (&self.test, &self.key) {
            (Test::Range(range), key) => labels.iter().any(|label| match label.value {
                LabelValue::Number(n, _) if key.as_ref().is_none_or(|k| text(label.key) == k) => {
                    range.contains(n, units.0.get(&label.key).map_or("", String::as_str))
                }
                _ => false,
            }),
            (Test::Values(regexes), None) => regexes.iter().all(|regex| {
                labels.iter().any(|label| match label.value {
                    LabelValue::Text(value) => {
                        regex.is_match(&format!("{}:{}", text(label.key), text(value)))
                    }
                    LabelValue::Number(..) => false,
                })
            }),
            (Test::Values(regexes), Some(key)) => labels.iter().any(|label| match label.value {
                LabelValue::Text(value) if text(label.key) == key => {
                    regexes.iter().any(|regex| regex.is_match(text(value)))
                }
                _ => false,
            }),
        }
    }
}

impl Range {
    fn contains(&self, n: i64, unit: &str) -> bool {
        let value = match units::classify(unit) {
            (kind, factor) if kind == self.kind => n as f64 * factor,
            (Kind::Count, _) => n as f64 * self.factor,
            _ => return false,
        };
        (self.lower..=self.upper).contains(&value)
    }
}

/// Parses `8kb`, `8kb:`, `:8kb` or `4kb:8kb`; `None` for any other text.
fn parse_range(text: &str) -> Result<Option<Range>, String> {
    let bound = |text: &str| -> Option<(f64, Kind, f64)> {
        let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let plain = !number.is_empty()
            && number.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit());
        let n: i64 = plain.then(|| number.parse().ok())??;
        let (kind, factor) = units::classify(unit);
        // A number with an unknown unit is a word.
        (unit.is_empty() || kind != Kind::Count).then_some((n as f64 * factor, kind, factor))
    };
    let (lower, upper) = match text.split_once(':') {
        None => match bound(text) {
            Some(b) => (Some(b), Some(b)),
            None => return Ok(None),
        },
        Some((a, b)) => {
            let (lower, upper) = (bound(a), bound(b));
            if (lower.is_none() && !a.is_empty())
                || (upper.is_none() && !b.is_empty())
                || (lower.is_none() && upper.is_none())
            {
                return Ok(None);
            }
            (lower, upper)
        }
    };
    if let (Some(lower), Some(upper)) = (lower, upper)
        && lower.1 != upper.1
    {
        return Err(format!("the range {text:?} starts and ends in units of different kinds"));
    }
    let Some((_, kind, factor)) = lower.or(upper) else { return Ok(None) };
    Ok(Some(Range {
        kind,
        factor,
        lower: lower.map_or(f64::NEG_INFINITY, |b| b.0),
        upper: upper.map_or(f64::INFINITY, |b| b.0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_from_regular_expressions() {
        let range = |factor, lower, upper| Some(Range { kind: Kind::Bytes, factor, lower, upper });
        assert_eq!(parse_range("4kb"), Ok(range(1024.0, 4096.0, 4096.0)));
        assert_eq!(parse_range("4kb:"), Ok(range(1024.0, 4096.0, f64::INFINITY)));
        assert_eq!(parse_range(":1mb"), Ok(range(1_048_576.0, f64::NEG_INFINITY, 1_048_576.0)));
        assert_eq!(parse_range("1b:2kb"), Ok(range(1.0, 1.0, 2048.0)));
        assert_eq!(parse_range("user:42x"), Ok(None));
        assert_eq!(parse_range("GET"), Ok(None));
        assert!(parse_range("1kb:2ms").is_err());
    }
}
