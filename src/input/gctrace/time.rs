//! Finds the time that a log collector or a logger put into a line.
//!
//! Known are the date with a time after it (RFC 3339 with its variants, the `log` package of Go),
//! the time of syslog and journald (`Nov 27 23:49:47`), and seconds since the epoch.

use crate::model::collections::{LogClock, LogTime};
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Bytes before a record that are searched.
const REACH: usize = 256;
/// Keys of JSON whose value is a time.
const KEYS: [&[u8]; 6] =
    [b"time\":", b"timestamp\":", b"@timestamp\":", b"ts\":", b"_TIMESTAMP\":", b"Time\":"];
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
/// The year that stands for an unknown one: it has a February 29.
const SOME_YEAR: i16 = 1972;

/// The time in a line, from what is before a record and what is after it.
pub(super) fn of_line(before: &[u8], after: &[u8]) -> Option<LogTime> {
    let before = &before[..before.len().min(REACH)];
    let after = &after[..after.len().min(REACH)];
    in_text(before).or_else(|| keyed(before)).or_else(|| keyed(after))
}

/// The first time in a text: a date, or seconds since the epoch at its start.
fn in_text(text: &[u8]) -> Option<LogTime> {
    let begins = |at: &usize| *at == 0 || !text[at - 1].is_ascii_alphanumeric();
    let mut places = (0..text.len()).filter(begins);
    places.find_map(|at| dated(&text[at..]).or_else(|| syslog(&text[at..]))).or_else(|| {
        let first = text.iter().position(|byte| !byte.is_ascii_whitespace())?;
        epoch(&text[first..])
    })
}

/// The time after a key of JSON.
fn keyed(text: &[u8]) -> Option<LogTime> {
    KEYS.iter().find_map(|key| {
        let at = text.windows(key.len()).position(|window| window == *key)?;
        let value = text[at + key.len()..].trim_ascii_start();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        dated(value).or_else(|| epoch(value))
    })
}

/// Two digits.
fn two(text: &[u8]) -> Option<i8> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', ..] => Some(((a - b'0') * 10 + (b - b'0')) as i8),
        _ => None,
    }
}

/// `2026-11-27T23:49:47.123456789Z`, with variants.
fn dated(text: &[u8]) -> Option<LogTime> {
    let year = i16::from(two(text)?) * 100 + i16::from(two(text.get(2..)?)?);
    let separator = *text.get(4)?;
    let is_date = matches!(separator, b'-' | b'/') && *text.get(7)? == separator;
    let (month, day) = (two(text.get(5..)?)?, two(text.get(8..)?)?);
    let between = *text.get(10)?;
    if !is_date || !matches!(between, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let (clock, rest) = clock(text.get(11..)?)?;
    let date = DateTime::new(year, month, day, clock.0, clock.1, clock.2, clock.3).ok()?;
    let (offset, clock) = match offset(rest) {
        Some(seconds) => (seconds, LogClock::Utc),
        None => (0, LogClock::Local),
    };
    time(date, offset, clock)
}

/// `Nov 27 23:49:47.123456`.
fn syslog(text: &[u8]) -> Option<LogTime> {
    let month = MONTHS.iter().position(|month| text.starts_with(month))?;
    let day = text.get(3..)?.strip_prefix(b" ")?;
    let (day, rest) = match *day {
        [b' ', ones @ b'1'..=b'9', ..] => ((ones - b'0') as i8, &day[2..]),
        _ => (two(day)?, &day[2..]),
    };
    let (clock, _) = clock(rest.strip_prefix(b" ")?)?;
    let month = month as i8 + 1;
    let date = DateTime::new(SOME_YEAR, month, day, clock.0, clock.1, clock.2, clock.3).ok()?;
    time(date, 0, LogClock::WithoutYear)
}

/// Hours, minutes, seconds and nanoseconds.
type Clock = (i8, i8, i8, i32);

/// A time of day, and what follows it.
fn clock(text: &[u8]) -> Option<(Clock, &[u8])> {
    let (hour, minute) = (two(text)?, two(text.get(3..)?)?);
    let second = two(text.get(6..)?)?;
    if text.get(2) != Some(&b':') || text.get(5) != Some(&b':') {
        return None;
    }
    let rest = &text[8..];
    let (nanos, rest) = match rest {
        [b'.' | b',', digits @ ..] => {
            let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let nanos =
                digits[..count].iter().take(9).fold(0, |sum, d| sum * 10 + i32::from(d - b'0'));
            (nanos * 10_i32.pow(9 - count.min(9) as u32), &digits[count..])
        }
        _ => (0, rest),
    };
    Some(((hour, minute, second, nanos), rest))
}

/// Seconds east of UTC: `Z`, `+02:00`, `+0200`.
fn offset(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'Z' | b'z', ..] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let minutes = digits.get(2..)?;
    let minutes = two(minutes.strip_prefix(b":").unwrap_or(minutes))?;
    Some(sign * (i32::from(two(digits)?) * 3600 + i32::from(minutes) * 60))
}

fn time(date: DateTime, offset: i32, clock: LogClock) -> Option<LogTime> {
    let offset = Offset::from_seconds(offset).ok()?;
    let nanos = offset.to_timestamp(date).ok()?.as_nanosecond();
    Some(LogTime { nanos: i64::try_from(nanos).ok()?, clock })
}

/// Seconds since the epoch with 10 digits, or thousandths, millionths or billionths of them.
fn epoch(text: &[u8]) -> Option<LogTime> {
    let count = text.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let scale = match count {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let whole: i64 = std::str::from_utf8(&text[..count]).ok()?.parse().ok()?;
    let fraction = match text.get(count..) {
        Some([b'.', digits @ ..]) if count == 10 => digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .take(9)
            .zip((0..9).rev())
            .map(|(digit, power)| i64::from(digit - b'0') * 10_i64.pow(power))
            .sum(),
        _ => 0,
    };
    let nanos = whole.checked_mul(scale)?.checked_add(fraction)?;
    Some(LogTime { nanos, clock: LogClock::Utc })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_loggers_are_found() {
        let utc = |nanos| Some(LogTime { nanos, clock: LogClock::Utc });
        let local = |nanos| Some(LogTime { nanos, clock: LogClock::Local });
        let at = 1_795_823_387_000_000_000;
        let cases = [
            ("2026-11-27T23:49:47Z stderr F ", utc(at)),
            ("2026-11-27T23:49:47.5Z ", utc(at + 500_000_000)),
            ("2026-11-28T01:49:47.123456789+02:00 ", utc(at + 123_456_789)),
            ("2026-11-27T23:49:47+0000 host app[7]: ", utc(at)),
            ("web-1  | 2026-11-27 23:49:47,250 ", local(at + 250_000_000)),
            ("2026/11/27 23:49:47 ", local(at)),
            ("1795823387.25 host app[7]: ", utc(at + 250_000_000)),
            ("{\"ts\":1795823387.5,\"msg\":\"", utc(at + 500_000_000)),
            ("{\"__REALTIME_TIMESTAMP\" : \"1795823387000000\"", None),
            ("{\"__REALTIME_TIMESTAMP\":\"1795823387000000\"", utc(at)),
            ("took 2026 steps ", None),
            ("2026-13-27T23:49:47Z ", None),
            ("2026-11-27", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(of_line(text.as_bytes(), b""), expected, "{text}");
        }
        let after = br#"\n","stream":"stderr","time":"2026-11-27T23:49:47.000000001Z"}"#;
        assert_eq!(of_line(br#"{"log":""#, after), utc(at + 1));
        let year = |text: &str| of_line(text.as_bytes(), b"").map(|time| (time.nanos, time.clock));
        let (nanos, clock) = year("Nov  7 23:49:47 host app[12]: ").unwrap();
        assert_eq!(clock, LogClock::WithoutYear);
        assert_eq!(year("Nov 08 00:49:47.0 x").unwrap().0 - nanos, 3_600_000_000_000);
    }
}
