//! Reads a time as people and shells write it: RFC 3339, what `date` prints, and seconds,
//! milliseconds, microseconds or nanoseconds since the epoch.

use crate::model::gauges::GaugeTime;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

/// Seconds since the epoch that can be a time: from September 2001 to 2100.
const SECONDS: std::ops::Range<f64> = 1e9..4_102_444_800.0;

/// The units of a number since the epoch, by how many there are in a second.
const PER_SECOND: [f64; 4] = [1.0, 1e3, 1e6, 1e9];

/// What `date` prints in the common locales. It is taken as UTC if it names no other zone by number.
const DATES: [&str; 4] = [
    "%a %b %e %H:%M:%S UTC %Y",
    "%a %e %b %H:%M:%S UTC %Y",
    "%a %b %e %I:%M:%S %p UTC %Y",
    "%a, %d %b %Y %H:%M:%S %z",
];

/// A time with a date. A time without a zone is taken as UTC, as servers write it.
pub(super) fn dated(text: &str) -> Option<GaugeTime> {
    let text = text.trim();
    let is_dated = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if !is_dated || !(8..=64).contains(&text.len()) || !text.contains(':') {
        return None;
    }
    let stamp = text.parse::<Timestamp>().ok();
    let spaced = || text.replacen(' ', "T", 1).replace(" UTC", "Z").replace(' ', "");
    let stamp = stamp.or_else(|| spaced().parse::<Timestamp>().ok()).or_else(|| {
        let local = spaced().replace(['/', ','], "-").parse::<DateTime>().ok()?;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    });
    let stamp = stamp.or_else(|| DATES.iter().find_map(|format| printed(format, text)));
    let nanos = i64::try_from(stamp?.as_nanosecond()).ok()?;
    SECONDS.contains(&(nanos as f64 / 1e9)).then_some(GaugeTime::Utc(nanos))
}

fn printed(format: &str, text: &str) -> Option<Timestamp> {
    let parsed = BrokenDownTime::parse(format, text).ok()?;
    if parsed.offset().is_some() {
        return parsed.to_timestamp().ok();
    }
    Some(parsed.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A number since the epoch; its size tells its unit.
pub(super) fn since_epoch(text: &str) -> Option<GaugeTime> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_number || !(10..=30).contains(&text.len()) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    let per_second = PER_SECOND.into_iter().find(|unit| SECONDS.contains(&(number / unit)))?;
    // A double has too few digits for nanoseconds.
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let unit = (1e9 / per_second) as i64;
    let part: f64 = format!("0.{rest}0").parse().ok()?;
    let nanos = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    Some(GaugeTime::Utc(nanos.checked_add((part * unit as f64).round() as i64)?))
}

/// A time in any form that says when it was.
pub(in crate::input) fn of(text: &str) -> Option<GaugeTime> {
    since_epoch(text).or_else(|| dated(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let expected = Some(GaugeTime::Utc(1_795_836_379_000_000_000));
        for text in [
            "2026-11-28T03:26:19Z",
            "2026-11-28 03:26:19Z",
            "2026-11-28T03:26:19+00:00",
            "2026-11-28 04:26:19 +01:00",
            "2026-11-28 03:26:19 UTC",
            "2026-11-28 03:26:19",
            "2026-11-28T03:26:19",
            "2026-11-28T04:26:19+0100",
            "2026-11-28T03:26:19,000000000+00:00",
            "Sat Nov 28 03:26:19 UTC 2026",
            "Sat 28 Nov 03:26:19 UTC 2026",
            "Sat Nov 28 03:26:19 AM UTC 2026",
            "Sat, 28 Nov 2026 03:26:19 +0000",
            "1795836379",
            "1795836379000",
            "1795836379000000",
            "1795836379000000000",
            "1795836379.000",
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        let precise = of("1795720894.603631237");
        assert_eq!(precise, Some(GaugeTime::Utc(1_795_720_894_603_631_237)));
        for text in ["", "12", "5", "0.25", "17 MiB", "anon 1234567890", "99999999999", "::::::::"]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
