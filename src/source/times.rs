//! When a file was written, by its name: `heap-20260102T030405Z.txt`, `2026-01-02_03-04-05.heap`,
//! `heap.1767323045.txt`.
//!
//! Only for profiles that bear no time. A name without a time zone is taken as UTC, as servers write
//! it. The time of a file's last change isn't used: copies and archives don't keep it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Seconds since the epoch that can be a time in a name: from September 2001 to 2100.
const SECONDS: std::ops::Range<i64> = 1_000_000_000..4_102_444_800;

/// Returns the time in a file's name, in nanoseconds since the epoch. `None` if the name has none, or
/// several.
pub fn in_name(path: &str) -> Option<i64> {
    static DATE: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?:^|[^0-9])(\d{4})([-_.]?)(\d\d)([-_.]?)(\d\d)[-_.T ]{1,2}(\d\d)([-_.:h]?)(\d\d)([-_.:m]?)(\d\d)(?:[.,](\d{1,9}))?(Z|\+\d\d:?\d\d|-\d\d:\d\d)?(?:[^0-9]|$)",
        )
    });
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| regex(r"\d+"));
    let name = path.rsplit(std::path::is_separator).next()?;
    let mut dates = Vec::new();
    let mut from = 0;
    while let Some(found) = DATE.captures_at(name, from) {
        dates.extend(date(&found));
        // What follows one date may begin the next.
        from = found.get(10).map_or(name.len(), |seconds| seconds.end());
    }
    if let [first, others @ ..] = dates.as_slice() {
        return others.is_empty().then_some(*first);
    }
    let mut numbers = NUMBER.find_iter(name).filter_map(|found| since_epoch(found.as_str()));
    numbers.next().filter(|_| numbers.next().is_none())
}

fn date(found: &Captures<'_>) -> Option<i64> {
    let text = |group: usize| found.get(group).map_or("", |part| part.as_str());
    // As one writes a date: both separators, or none.
    if text(2) != text(4) || text(7).is_empty() != text(9).is_empty() {
        return None;
    }
    let number = |group: usize| text(group).parse::<i16>().ok();
    let byte = |group: usize| text(group).parse::<i8>().ok();
    let nanos: i32 = format!("{:0<9}", text(11)).parse().ok()?;
    let local =
        DateTime::new(number(1)?, byte(3)?, byte(5)?, byte(6)?, byte(8)?, byte(10)?, nanos).ok()?;
    let offset = match text(12) {
        "" | "Z" => 0,
        zone => {
            let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
            let minutes =
                digits[..2].parse::<i64>().ok()? * 60 + digits[2..].parse::<i64>().ok()?;
            if zone.starts_with('-') { -minutes * 60 } else { minutes * 60 }
        }
    };
    let utc = local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond();
    let nanos = i64::try_from(utc).ok()?.checked_sub(offset * 1_000_000_000)?;
    SECONDS.contains(&(nanos / 1_000_000_000)).then_some(nanos)
}

/// A number of seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by
/// their digits.
fn since_epoch(digits: &str) -> Option<i64> {
    let unit = match digits.len() {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1000,
        19 => 1,
        _ => return None,
    };
    let nanos = digits.parse::<i64>().ok()?.checked_mul(unit)?;
    SECONDS.contains(&(nanos / 1_000_000_000)).then_some(nanos)
}

fn regex(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "the patterns are constants, and the tests use each")]
    Regex::new(pattern).unwrap()
}

#[cfg(test)]
mod tests {
    use super::in_name;

    #[test]
    fn common_forms_are_read_and_others_are_not() {
        let seconds = |name: &str| in_name(name).map(|nanos| nanos / 1_000_000_000);
        for name in [
            "heap-20260102T030405Z.txt",
            "a/1700000000/20260102-030405.heap",
            "2026-01-02_03-04-05.txt",
            "heap_2026-01-02T03:04:05Z.txt.gz",
            "heap.2026.01.02.03.04.05",
            "2026-01-02T05-04-05+02:00.txt",
            "heap-20260102030405.5Z-pod7.txt",
            "1767323045.heap",
            "heap-1767323045123-1.txt",
            "1767323045000000001",
        ] {
            let expected = (name != "heap-20260102030405.5Z-pod7.txt").then_some(1_767_323_045);
            assert_eq!(seconds(name), expected, "{name}");
        }
        assert_eq!(in_name("h-2026-01-02T03-04-05.25Z.txt"), Some(1_767_323_045_250_000_000));
        for name in [
            "heap.txt",
            "heap-0001.heap",
            "2026-13-02T03:04:05Z.txt",
            "2026-01-02.txt",
            "20260102T030405-20260102T030406.txt",
            "1767323045-1767323046.heap",
            "jeprof.123456.7.i7.heap",
            "9999999999.txt",
            "",
        ] {
            assert_eq!(in_name(name), None, "{name}");
        }
    }
}
