//! Contention profiles: Go's block and mutex profiles with `?debug=1`, those of C++, and Java's.
//!
//! They begin with `--- contention:`, `--- mutex:` or `--- contentionz N ---`. Attributes such as
//! `cycles/second=…` follow, then lines with cycles, count and stack. A profile of Java names its
//! format among the attributes.

use super::collector::{Addresses, Collector, Unnamed};
use super::lines::{Line, Lines, is_blank};
use super::numbers::{Signed, addresses, any_base, decimal};
use super::sampling::truncated;
use super::{java, maps, uninteresting};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::profile::Profile;
use std::io::Read;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "contention profile in text form",
    holds: Holds::TextProfile,
    sniff: Sniff::Start(|head| {
        let starts = ["--- contentionz ", "--- mutex:", "--- contention:"];
        starts.iter().any(|start| head.starts_with(start.as_bytes()))
    }),
    read,
};

/// Most attributes of a profile that may turn out to be Java's.
const ATTRIBUTES: usize = 8;

/// Sample types, as of Go and C++.
const TYPES: [(&str, &str); 2] = [("contentions", "count"), ("delay", "nanoseconds")];

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    profile(&mut Lines::new(reader, meter)).map(Content::from)
}

/// What the attributes say.
#[derive(Clone, Copy, Debug)]
struct Scale {
    period: i64,
    cycles_per_second: i64,
}

fn profile(lines: &mut Lines<'_>) -> Result<Profile, InputError> {
    let mut collector = Collector::new(lines.meter(), Unnamed::ByAddress);
    let is_java =
        lines.next()?.is_some_and(|line| line.text.trim_ascii() == b"--- contentionz 1 ---");
    let mut scale = Scale { period: 1, cycles_per_second: 0 };
    let mut attributes = Vec::new();
    let mut stack = Vec::new();
    let mut is_in_header = true;
    let mut has_maps = false;
    while let Some(line) = lines.next()? {
        let text = line.text.trim_ascii();
        if is_blank(text) {
            collector.comment(line)?;
            collector.weigh(lines)?;
            continue;
        }
        if text.starts_with(b"---") || maps::begins(text) {
            has_maps = maps::begins(text);
            break;
        }
        let attribute = text.iter().position(|&b| b == b'=').filter(|_| is_in_header);
        if let Some(at) = attribute {
            let (key, value) = (text[..at].trim_ascii(), text[at + 1..].trim_ascii());
            if is_java {
                attributes.push((key.to_owned(), value.to_owned()));
                if matches!(key, b"format" | b"resolution") {
                    return java::contention(lines, &attributes);
                }
                if attributes.len() > ATTRIBUTES {
                    return Err(line.expected("a sample after the attributes"));
                }
            }
            apply(line, key, value, &mut scale, &mut collector)?;
        } else {
            if is_in_header {
                collector.types(&TYPES, ("contentions", "count"), scale.period)?;
                is_in_header = false;
            }
            stack.clear();
            let values = values(line, text, scale, &mut stack)?;
            collector.sample(&stack, &values, &[])?;
        }
        collector.weigh(lines)?;
    }
    if is_in_header {
        collector.types(&TYPES, ("contentions", "count"), scale.period)?;
    }
    let maps = collector.maps(lines, has_maps)?;
    if !collector.is_named() {
        collector.drop_frames(uninteresting::LOCK, "")?;
    }
    collector.finish(maps, Addresses::Kept)
}

fn apply(
    line: Line<'_>,
    key: &[u8],
    value: &[u8],
    scale: &mut Scale,
    collector: &mut Collector<'_>,
) -> Result<(), InputError> {
    let number = || any_base(value).ok_or_else(|| line.expected("a number after the ="));
    match key {
        b"cycles/second" => scale.cycles_per_second = number()?,
        b"sampling period" => scale.period = number()?,
        b"ms since reset" => collector.covers(number()?.wrapping_mul(1_000_000)),
        b"discarded samples" => {}
        _ => {
            return Err(line.expected(
                "`cycles/second`, `sampling period`, `ms since reset` or `discarded samples` before \
                 the =",
            ));
        }
    }
    Ok(())
}

/// Parses `cycles count @ 0xaddress …` and scales the values.
fn values(
    line: Line<'_>,
    text: &[u8],
    scale: Scale,
    stack: &mut Vec<u64>,
) -> Result<[i64; 2], InputError> {
    let parsed = || {
        let (cycles, rest) = decimal(text, Signed::Never)?;
        let (count, rest) = decimal(rest.trim_ascii_start(), Signed::Never)?;
        Some((cycles, count, rest.strip_prefix(b" @")?))
    };
    let Some((cycles, count, rest)) = parsed() else {
        return Err(line.expected("`cycles count @ 0xaddress …`, or a comment that begins with #"));
    };
    addresses(line, rest, stack)?;
    // An address is where a call returns to, one byte behind it.
    stack.iter_mut().for_each(|address| *address = address.wrapping_sub(1));
    let Scale { period, cycles_per_second } = scale;
    if period <= 0 {
        return Ok([count, cycles]);
    }
    let delay = if cycles_per_second > 0 {
        truncated(cycles as f64 * period as f64 / (cycles_per_second as f64 / 1e9))
    } else {
        cycles
    };
    Ok([count.wrapping_mul(period), delay])
}
