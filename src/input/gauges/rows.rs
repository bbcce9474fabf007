//! Reads lists of times and resident sets: CSV, or columns between white space.
//!
//! A first line with names says which column is which, and in which unit. Without one, a line has a
//! time and a size, and maybe its own number and the name of the size between them, as in
//! `00 1795720894.6 VmRSS: 16876 kB`. A size without a unit is in bytes.

use super::time;
use super::{Lines, Samples, beginning};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::gauges::{Gauge, GaugeSample, GaugeTime};
use crate::units;
use std::io::Read;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "list of times and resident sets",
    holds: Holds::Gauges,
    sniff: Sniff::Start(is_rows),
    read,
};

/// What separates columns, the first that a line has; else white space does.
const SEPARATORS: [char; 3] = [',', ';', '\t'];
/// Parts of the names of columns with a resident set.
const RSS: [&str; 3] = ["rss", "resident", "memory_bytes"];
/// Names of columns with a time, or parts of such names.
const TIME: [&str; 6] = ["time", "date", "unix", "epoch", "seconds", "elapsed"];
/// Names of such columns that are short.
const SHORT: [&str; 4] = ["t", "ts", "s", "at"];
/// Units that the name of a time column ends with, and their nanoseconds.
const TIME_UNITS: [(&str, f64); 4] = [("_ns", 1.0), ("_nano", 1.0), ("_us", 1e3), ("_ms", 1e6)];
/// Most time that is taken as one since the start, in seconds: a year.
const LONGEST: f64 = 366.0 * 86_400.0;

/// The columns of a list with names.
#[derive(Clone, Copy, Debug)]
struct Columns {
    separator: Option<char>,
    time: usize,
    /// Nanoseconds of one, for times since the start.
    unit: f64,
    rss: usize,
    /// Bytes of one.
    bytes: f64,
}

fn cells(text: &str, separator: Option<char>) -> Vec<&str> {
    let all: Vec<&str> = match separator {
        Some(separator) => text.split(separator).collect(),
        None => text.split_ascii_whitespace().collect(),
    };
    all.into_iter().map(|cell| cell.trim().trim_matches('"')).collect()
}

fn columns(text: &str) -> Option<Columns> {
    let separator = SEPARATORS.into_iter().find(|&one| text.contains(one));
    let names: Vec<String> =
        cells(text, separator).iter().map(|name| name.to_lowercase()).collect();
    let is_rss = |name: &String| RSS.iter().any(|part| name.contains(part));
    let is_time = |name: &String| {
        SHORT.contains(&name.as_str()) || TIME.iter().any(|part| name.contains(part))
    };
    let rss = names.iter().position(is_rss)?;
    let time = names.iter().position(|name| !is_rss(name) && is_time(name))?;
    let unit = TIME_UNITS.iter().find(|(end, _)| names[time].ends_with(end));
    // `rss_kb`, `rss (KiB)`, `resident_memory_bytes`.
    let words = names[rss].split(|letter: char| !letter.is_ascii_alphanumeric());
    let mut bytes = words.filter_map(|word| match units::classify(word) {
        (units::Kind::Bytes, factor) => Some(factor),
        _ => None,
    });
    Some(Columns {
        separator,
        time,
        unit: unit.map_or(1e9, |&(_, nanos)| nanos),
        rss,
        bytes: bytes.next_back().unwrap_or(1.0),
    })
}

/// A size with an optional unit, in bytes.
fn size(text: &str, usual: f64) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && !".eE+".contains(letter));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    // The exponent of `1e9` isn't a unit, and the unit `E` isn't an exponent.
    let number: f64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "" => usual,
        unit => match units::classify(unit) {
            (units::Kind::Bytes, factor) => factor,
            _ => return None,
        },
    };
    let bytes = number * factor;
    (0.0..=1e18).contains(&bytes).then_some(bytes as u64)
}

/// A time since the epoch or since the start.
fn moment(text: &str, unit: f64) -> Option<GaugeTime> {
    time::of(text).or_else(|| {
        let number: f64 = text.parse().ok()?;
        let nanos = number * unit;
        (0.0..=LONGEST * 1e9).contains(&nanos).then_some(GaugeTime::SinceStart(nanos as i64))
    })
}

/// A row that names nothing: its number (or not), a time, a name (or not), a size.
fn bare(text: &str) -> Option<(GaugeTime, u64)> {
    let spaced = text.replace([',', ';'], " ");
    let mut words = cells(&spaced, None);
    // A unit after a space.
    let mut unit = 1.0;
    if let Some((units::Kind::Bytes, factor)) = words.last().map(|word| units::classify(word)) {
        unit = factor;
        words.pop();
    }
    let bytes = size(words.pop()?, unit)?;
    if words.last().is_some_and(|word| {
        let word = word.to_lowercase();
        RSS.iter().any(|part| word.contains(part))
    }) {
        words.pop();
    }
    let at = match words.as_slice() {
        [time] => moment(time, 1e9),
        [first, second] if is_number(first) => moment(second, 1e9),
        [date, rest @ ..] if rest.len() <= 5 => time::of(&[&[*date], rest].concat().join(" ")),
        _ => None,
    };
    Some((at?, bytes))
}

fn is_number(text: &str) -> bool {
    (1..8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_skipped(text: &str) -> bool {
    text.is_empty() || text.starts_with('#')
}

/// Whether a text begins with names of such columns, or with a time since the epoch and a size.
fn is_rows(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(head) else { return false };
    if text.trim_start().starts_with(['{', '[', '<']) {
        return false;
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !is_skipped(line));
    let Some(first) = lines.next() else { return false };
    let row = |line: &str| matches!(bare(line), Some((GaugeTime::Utc(_), _)));
    match columns(first) {
        // A sentence about RSS is no list: the next line has to be one of its rows.
        Some(columns) => match lines.next() {
            Some(next) => named(next, columns).is_ok(),
            None => columns.separator.is_some(),
        },
        // Not one word may be left over.
        None => row(first) && lines.next().is_none_or(|next| row(next) || head.len() >= 512),
    }
}

/// The time and the size in a row of a list with names; no size if the cell is empty.
fn named(text: &str, columns: Columns) -> Result<(GaugeTime, Option<u64>), String> {
    let cells = cells(text, columns.separator);
    let cell = |at: usize, what: &str| match cells.get(at) {
        Some(cell) => Ok(*cell),
        None => Err(format!("expected {what} in column {}, found {} columns", at + 1, cells.len())),
    };
    let time = cell(columns.time, "a time")?;
    let time = moment(time, columns.unit).ok_or_else(|| {
        let (column, found) = (columns.time + 1, beginning(time));
        format!(
            "expected a time such as 2026-11-28T03:26:19Z or 12.5 in column {column}, found {found:?}"
        )
    })?;
    let rss = cell(columns.rss, "a size")?;
    if matches!(rss, "" | "-" | "null" | "NaN" | "nan") {
        return Ok((time, None));
    }
    let bytes = size(rss, columns.bytes);
    let bytes = bytes.ok_or_else(|| {
        let (column, found) = (columns.rss + 1, beginning(rss));
        format!("expected a size such as 17281024 or 16876 kB in column {column}, found {found:?}")
    })?;
    Ok((time, Some(bytes)))
}

pub(in crate::input) fn read(
    reader: &mut dyn Read,
    meter: Meter<'_>,
) -> Result<Content, InputError> {
    let mut lines = Lines::new(reader);
    let mut samples = Samples::new(meter);
    let mut known: Option<Columns> = None;
    let mut is_first = true;
    while let Some((line, text)) = lines.next()? {
        let text = text.as_str();
        if is_skipped(text.trim()) {
            continue;
        }
        if std::mem::take(&mut is_first) {
            known = columns(text);
            if known.is_some() {
                continue;
            }
        }
        let row = match known {
            Some(columns) => named(text, columns),
            None => bare(text).map(|(time, bytes)| (time, Some(bytes))).ok_or_else(|| {
                let shown = beginning(text);
                format!(
                    "expected a time and a resident set, such as `2026-11-28T03:26:19Z 17281024`, \
                     found {shown:?}; if the list has more columns, begin it with a line of names: \
                     time,rss"
                )
            }),
        };
        let (time, bytes) = row.map_err(|expected| InputError::Record { line, expected })?;
        match bytes {
            Some(bytes) => {
                let mut sample = GaugeSample { time, ..GaugeSample::default() };
                sample.add(Gauge::Rss, "rss", bytes);
                samples.add(sample)?;
            }
            None => samples.log.skipped += 1,
        }
    }
    let log = samples.finish();
    if log.samples.is_empty() {
        let expected = "expected a time and a resident set before the end; the list has no rows";
        return Err(InputError::Record { line: lines.number, expected: expected.to_owned() });
    }
    Ok(Content::Gauges(log))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Budget, Inflate, InputError, read_rss};

    const AT: i64 = 1_795_836_379_000_000_000;

    fn rows(text: &str) -> Vec<(GaugeTime, u64)> {
        let log = read_rss(text.as_bytes(), Budget::default(), Inflate::Here).unwrap();
        let rss = |sample: &GaugeSample| sample.get(Gauge::Rss).map_or(0, |one| one.value);
        log.samples.iter().map(|sample| (sample.time, rss(sample))).collect()
    }

    #[test]
    fn rows_are_read_in_every_common_form() {
        let expected = [(GaugeTime::Utc(AT), 17_281_024)];
        for text in [
            "1795836379 17281024",
            "1795836379,17281024\n",
            "1795836379\t16876 kB\r\n",
            "00 1795836379.000000000 VmRSS:\t   16876 kB\n",
            "2026-11-28T03:26:19Z 16876kB",
            "2026-11-28 03:26:19 17281024",
            "2026-11-28T03:26:19Z;17281024",
            "# from ps\n\n1795836379000 17281024\n",
            "time,rss\n2026-11-28T03:26:19Z,17281024\n",
            "time,rss_kb\n2026-11-28 03:26:19,16876\n",
            "pid,unix_ms,\"RSS (KiB)\",cpu\n7,1795836379000,16876,3\n",
            "timestamp;vsz;rss\n1795836379;99;16.48046875MiB\n",
            "unix_nano process_resident_memory_bytes\n1795836379000000000 1.7281024e7\n",
            "time\trss\n1795836379\t17281024\n1795836380\t\n",
        ] {
            assert_eq!(rows(text), expected, "{text}");
        }
        let since = [
            (GaugeTime::SinceStart(500_000_000), 4096),
            (GaugeTime::SinceStart(9_000_000_000), 8192),
        ];
        assert_eq!(rows("0.5 4096\n9 8192\n"), since);
        assert_eq!(rows("elapsed_ms,rss\n9000,8192\n500,4096\n"), since);
    }

    #[test]
    fn rows_are_recognized_and_other_text_is_not() {
        for text in [
            "1795836379 17281024\n1795836380 17281024\n",
            "00 1795720894.603631237 VmRSS:\t   16876 kB\n",
            "time,rss\n2026-11-28T03:26:19Z,17281024\n",
            "time,rss\n",
        ] {
            assert!(is_rows(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "main;work 17\n",
            "0.5 4096\n",
            "time to read about rss\nmore\n",
            "2026-11-28T03:26:19Z listening on 80\n",
            "1795836379 17281024\nlistening\n",
            "3 5\n",
        ] {
            assert!(!is_rows(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |text: &str| {
            let error = read_rss(text.as_bytes(), Budget::default(), Inflate::Here).unwrap_err();
            assert!(matches!(error, InputError::Record { .. }), "{error}");
            error.to_string()
        };
        let cases = [
            ("time,rss\n1795836379,17\nyesterday,17\n", "line 3: expected a time such as"),
            ("time,rss\n1795836379,many\n", "line 2: expected a size such as"),
            ("time,rss\n1795836379\n", "line 2: expected a size in column 2, found 1 columns"),
            ("1795836379 17\n1 2 3 4\n", "line 2: expected a time and a resident set, such as"),
            ("time,rss\n", "line 1: expected a time and a resident set before the end"),
        ];
        for (text, expected) in cases {
            assert!(error(text).contains(expected), "{text}: {}", error(text));
        }
    }
}
