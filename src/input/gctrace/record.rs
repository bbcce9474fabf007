//! Reads one record of gctrace, in the form of any version of Go since 1.5.
//!
//! ```text
//! gc 12 @1.234s 3%: 0.018+1.1+0.003 ms clock, 0.07+0.4/1/2+0.01 ms cpu, 4->4->2 MB, 5 MB goal, 1 MB stacks, 0 MB globals, 4 P (forced)
//! ```
//!
//! Go 1.5 has five times instead of three, since marking was in two parts with a stop between them.
//! Stacks and globals came with Go 1.18, and `(checking for goroutine leaks)` after the percentage
//! with Go 1.26. Parts that no version has yet are passed over if they look like these: a number,
//! a unit and a name. Inside of JSON, `>` is often written as `\u003e`.

use crate::model::collections::{Cause, Collection};

/// What there is at a place in a text.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// No record, and no beginning of one.
    Nothing,
    /// A record, and its length in bytes.
    Record(Box<Collection>, usize),
    /// The beginning of a record, and what is missing where it breaks.
    Broken(&'static str),
}

/// Most times of a record that are separated by `+`, as in Go 1.5.
const TIMES: usize = 5;
/// Most parts between the goal and the processors.
const EXTRAS: usize = 16;

/// Examines a text that begins with `gc `.
pub(super) fn parse(text: &[u8]) -> Found {
    let mut rest = Rest(text);
    let Some(number) = rest.head() else { return Found::Nothing };
    match collection(number, &mut rest) {
        Ok(collection) => Found::Record(Box::new(collection), text.len() - rest.0.len()),
        Err(expected) => Found::Broken(expected),
    }
}

/// Whether a record begins here, as far as its kind shows.
pub(super) fn begins(text: &[u8]) -> bool {
    let mut rest = Rest(text);
    let mut matches = || {
        rest.head()?;
        rest.seconds()?;
        rest.literal(b"s ")?;
        rest.whole()?;
        rest.percent_end()
    };
    matches().is_some()
}

/// Reads what follows `gc N @`.
fn collection(number: u64, rest: &mut Rest<'_>) -> Result<Collection, &'static str> {
    let number = u32::try_from(number).map_err(|_| "a number of a collection")?;
    let at = rest.seconds().ok_or("seconds since the start, as in `@1.234s`")?;
    rest.literal(b"s ").ok_or("`s ` after the seconds since the start")?;
    let percent = rest.size().ok_or("a percentage, as in `3%`")?;
    rest.percent_end().ok_or("`%: ` after the percentage")?;
    let clock = rest.times(b'+').ok_or("milliseconds of clock time, as in `0.018+1.1+0.003`")?;
    rest.literal(b" ms clock, ").ok_or("` ms clock, `")?;
    let mut collection = Collection { number, at, percent, ..Collection::default() };
    match *clock.all() {
        [sweep, concurrent, end] => {
            collection.stops = [sweep, 0.0, end];
            collection.concurrent = concurrent;
        }
        [sweep, scan, barriers, mark, end] => {
            collection.stops = [sweep, barriers, end];
            collection.concurrent = scan + mark;
        }
        _ => return Err("3 or 5 times of the clock"),
    }
    cpu(rest, &mut collection)?;
    rest.literal(b" ms cpu, ").ok_or("` ms cpu, `")?;
    let heap = "sizes of the heap, as in `4->4->2 MB, `";
    collection.heap_start = rest.size().ok_or(heap)?;
    rest.arrow().ok_or(heap)?;
    collection.heap_end = rest.size().ok_or(heap)?;
    rest.arrow().ok_or(heap)?;
    collection.live = rest.size().ok_or(heap)?;
    rest.literal(b" MB, ").ok_or(heap)?;
    collection.goal = rest.size().ok_or("the goal, as in `5 MB goal, `")?;
    rest.literal(b" MB goal, ").ok_or("` MB goal, `")?;
    for _ in 0..EXTRAS {
        let value = rest.size().ok_or("a size, or the processors, as in `4 P`")?;
        if rest.literal(b" P").is_some() {
            collection.procs = value;
            if rest.literal(b" (forced)").is_some() {
                collection.cause = Cause::Forced;
            }
            return Ok(collection);
        }
        let stacks = rest.literal(b" MB stacks, ").or_else(|| rest.literal(b" MB stack, "));
        if stacks.is_some() {
            collection.stacks = Some(value);
        } else if rest.literal(b" MB globals, ").is_some() {
            collection.globals = Some(value);
        } else {
            rest.extra().ok_or("the processors, as in `4 P`")?;
        }
    }
    Err("the processors, as in `4 P`")
}

/// Reads CPU times: those of stops, with assists, background and idle between the last two.
fn cpu(rest: &mut Rest<'_>, collection: &mut Collection) -> Result<(), &'static str> {
    const TIMES_OF_CPU: &str = "milliseconds of CPU time, as in `0.07+0.4/1/2+0.01`";
    let mut plain = 0;
    let mut marked = false;
    loop {
        let parts = rest.times(b'/').ok_or(TIMES_OF_CPU)?;
        match *parts.all() {
            // The second of Go 1.5's is the scan, which runs beside the program.
            [time] if plain == 1 && !marked => collection.background += time,
            [time] => collection.cpu_stops += time,
            [assist, background, idle] if !marked => {
                collection.assist += assist;
                collection.background += background;
                collection.idle += idle;
                marked = true;
            }
            _ => return Err(TIMES_OF_CPU),
        }
        plain += 1;
        if rest.literal(b"+").is_none() {
            return if marked && plain <= TIMES { Ok(()) } else { Err(TIMES_OF_CPU) };
        }
    }
}

/// What remains of a text.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// The number of a collection, with ` @` after it. A text that ends there is cut off; one that
    /// goes on with anything but digits is something else.
    fn head(&mut self) -> Option<u64> {
        self.literal(b"gc ")?;
        let number = self.whole()?;
        self.literal(b" @")?;
        self.0.first().is_none_or(u8::is_ascii_digit).then_some(number)
    }

    /// Passes over these bytes if they are next.
    fn literal(&mut self, bytes: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(())
    }

    /// Passes over `->`, in the spelling of text or of JSON.
    fn arrow(&mut self) -> Option<()> {
        self.literal(b"-")?;
        self.literal(b">").or_else(|| {
            let slashes = self.0.iter().take_while(|&&byte| byte == b'\\').count();
            let rest = &self.0[slashes..];
            let is_escape = rest.get(..5)?.eq_ignore_ascii_case(b"u003e") && slashes > 0;
            is_escape.then(|| self.0 = &rest[5..])
        })
    }

    /// Passes over the end of a percentage, with what was checked besides.
    fn percent_end(&mut self) -> Option<()> {
        self.literal(b"%")?;
        if self.literal(b" (").is_some() {
            let end = self.0.iter().take(100).position(|&byte| matches!(byte, b')' | b'\n'))?;
            self.0 = &self.0[end..];
            self.literal(b")")?;
        }
        self.literal(b": ")
    }

    /// Passes over the unit and the name of a part, as in ` MB arenas, `.
    fn extra(&mut self) -> Option<()> {
        self.literal(b" ")?;
        let is_part = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'_' | b'-');
        let end = self.0.iter().take(60).position(|&byte| !is_part(byte))?;
        self.0 = &self.0[end..];
        self.literal(b", ")
    }

    /// A whole number of at most 18 digits.
    fn whole(&mut self) -> Option<u64> {
        let digits = self.0.iter().take(19).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 18 {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
    }

    /// A number of MiB, or a percentage.
    fn size(&mut self) -> Option<u32> {
        u32::try_from(self.whole()?).ok()
    }

    /// A number with digits after a dot, in billionths.
    fn seconds(&mut self) -> Option<u64> {
        let whole = self.whole().filter(|&whole| whole < 1_000_000_000)?;
        self.literal(b".")?;
        let digits = self.0.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let fraction = self.whole().filter(|_| digits <= 9)?;
        Some(whole * 1_000_000_000 + fraction * 10_u64.pow(9 - digits as u32))
    }

    /// Milliseconds.
    fn time(&mut self) -> Option<f32> {
        let whole = self.whole()? as f64;
        let mut value = whole;
        if self.literal(b".").is_some() {
            let before = self.0.len();
            let fraction = self.whole()? as f64;
            value += fraction / 10_f64.powi((before - self.0.len()) as i32);
        }
        Some(value as f32)
    }

    /// Times between separators.
    fn times(&mut self, separator: u8) -> Option<Times> {
        let mut times = Times::default();
        loop {
            *times.values.get_mut(times.count)? = self.time()?;
            times.count += 1;
            if self.literal(&[separator]).is_none() {
                return Some(times);
            }
        }
    }
}

/// A few times.
#[derive(Default)]
struct Times {
    values: [f32; TIMES],
    count: usize,
}

impl Times {
    fn all(&self) -> &[f32] {
        &self.values[..self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Collection {
        match parse(text.as_bytes()) {
            Found::Record(collection, length) => {
                assert!(text.is_char_boundary(length), "{text}");
                *collection
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_version_of_go_is_read() {
        let now = "gc 12 @1.234s 3%: 0.018+1.5+0.25 ms clock, 0.5+0.25/1/2+0.125 ms cpu, 4->5->2 MB, 6 MB goal, ";
        let plain = Collection {
            number: 12,
            procs: 4,
            at: 1_234_000_000,
            percent: 3,
            stops: [0.018, 0.0, 0.25],
            concurrent: 1.5,
            cpu_stops: 0.625,
            assist: 0.25,
            background: 1.0,
            idle: 2.0,
            heap_start: 4,
            heap_end: 5,
            live: 2,
            goal: 6,
            ..Collection::default()
        };
        // Go 1.6 to 1.17, with and without a request of the program.
        assert_eq!(read(&format!("{now}4 P")), plain);
        let forced = Collection { cause: Cause::Forced, ..plain.clone() };
        assert_eq!(read(&format!("{now}4 P (forced)\n")), forced);
        // Go 1.18 and later, and a part that no version has.
        let sized = Collection { stacks: Some(1), globals: Some(7), ..plain.clone() };
        assert_eq!(read(&format!("{now}1 MB stacks, 7 MB globals, 4 P")), sized);
        assert_eq!(read(&format!("{now}1 MB stacks, 7 MB globals, 3 MB arenas, 4 P")), sized);
        let before = Collection { globals: None, ..sized.clone() };
        assert_eq!(read(&format!("{now}1 MB stack, 4 P")), before);
        // Go 1.26 that looks for leaks of goroutines.
        let leaks = now.replace("3%:", "3% (checking for goroutine leaks):");
        assert_eq!(read(&format!("{leaks}4 P")), plain);
        // In JSON.
        for arrow in ["-\\u003e", "-\\u003E", "-\\\\u003e"] {
            assert_eq!(read(&format!("{}4 P\\n\"", now.replace("->", arrow))), plain);
        }
        // Go 1.5, with a scan and a stop more.
        let five = "gc 1 @0.166s 0%: 0.25+2.5+0.5+0.75+1.5 ms clock, 0.5+2.25+0.125+0.5/1.5/3+1 ms cpu, 5->5->1 MB, 4 MB goal, 4 P";
        let five = read(five);
        assert_eq!((five.stops, five.concurrent), ([0.25, 0.5, 1.5], 3.25));
        assert_eq!((five.cpu_stops, five.background), (1.625, 3.75));
        assert_eq!((five.assist, five.idle, five.percent), (0.5, 3.0, 0));
    }

    #[test]
    fn every_cut_is_a_broken_record() {
        let whole = "gc 12 @1.234s 3%: 0.018+1.5+0.25 ms clock, 0.5+0.25/1/2+0.125 ms cpu, 4->5->2 MB, 6 MB goal, 1 MB stacks, 0 MB globals, 4 P";
        for end in 0..whole.len() {
            let found = parse(&whole.as_bytes()[..end]);
            match (end, found) {
                // `gc 12` may be anything.
                (..7, found) => assert_eq!(found, Found::Nothing, "{end}"),
                (7.., Found::Broken(expected)) => assert!(!expected.is_empty(), "{end}"),
                (_, found) => panic!("{end}: {found:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_record_is_left_alone() {
        for text in
            ["gc 12 times", "gc 12 @alice", "gc @1.2s", "gc is on", "gc  1 @1.0s 3%: ", "gc -1 @1"]
        {
            assert_eq!(parse(text.as_bytes()), Found::Nothing, "{text}");
        }
        let rest = ": 1+1+1 ms clock, 1+1/1/1+1 ms cpu, 4->5->2 MB, 6 MB goal, 4 P";
        for start in [
            "gc 99999999999 @1.0s 3%",
            "gc 1 @99999999999.0s 3%",
            "gc 1 @1.0000000001s 3%",
            "gc 1 @1.0s 99999999999%",
            "gc 1 @1.0s 3% (",
        ] {
            assert!(
                matches!(parse(format!("{start}{rest}").as_bytes()), Found::Broken(_)),
                "{start}"
            );
        }
    }
}
