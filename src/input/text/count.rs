//! Profiles that count stacks, as Go writes them with `?debug=1`: goroutines, threads that were
//! created, and a program's own profiles.
//!
//! They begin with `NAME profile: total N`. Each stack is a line `count @ 0xaddress …`, then its
//! labels and the names of its addresses in lines with `#`. A stack may be empty: Go writes
//! `7 @` for threads that it doesn't know the origin of.

use super::collector::{Addresses, Collector, Unnamed};
use super::lines::{Line, Lines, first, is_blank};
use super::numbers::{addresses, any_base, whole};
use super::{maps, uninteresting};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::profile::Profile;
use std::io::Read;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "Go profile in text form",
    holds: Holds::TextProfile,
    sniff: Sniff::Start(|head| title(first(head)).is_some()),
    read,
};

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    profile(&mut Lines::new(reader, meter)).map(Content::from)
}

/// The name and the number in `NAME profile: total N`.
fn title(line: &[u8]) -> Option<(&str, &str)> {
    let line = std::str::from_utf8(line).ok()?;
    let (name, total) = line.split_once(" profile: total ")?;
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_ascii_whitespace());
    let is_total = !total.is_empty() && total.bytes().all(|b| b.is_ascii_digit());
    (is_name && is_total).then_some((name, total))
}

fn profile(lines: &mut Lines<'_>) -> Result<Profile, InputError> {
    let mut collector = Collector::new(lines.meter(), Unnamed::ByAddress);
    let total = loop {
        let Some(line) = lines.next()? else { return Err(InputError::Empty) };
        if !is_blank(line.text) {
            let (name, total) =
                title(line.text).ok_or_else(|| line.expected("`NAME profile: total N`"))?;
            collector.types(&[(name, "count")], (name, "count"), 1)?;
            break whole(total.as_bytes());
        }
    };
    let mut found = 0_i64;
    let mut stack = Vec::new();
    let mut has_maps = false;
    while let Some(line) = lines.next()? {
        if is_blank(line.text) {
            collector.comment(line)?;
        } else if line.text.starts_with(b"---") || maps::begins(line.text) {
            has_maps = maps::begins(line.text);
            break;
        } else {
            let count = count(line, &mut stack)?;
            found = found.wrapping_add(count);
            collector.sample(&stack, &[count], &[])?;
        }
        collector.weigh(lines)?;
    }
    let maps = collector.maps(lines, has_maps)?;
    if !collector.is_named() {
        collector.drop_frames(uninteresting::INTERRUPT, "")?;
    }
    let mut profile = collector.finish(maps, Addresses::Kept)?;
    profile.header.is_incomplete = total.is_some_and(|total| total > found);
    Ok(profile)
}

/// Parses `count @ 0xaddress …`.
fn count(line: Line<'_>, stack: &mut Vec<u64>) -> Result<i64, InputError> {
    let text = line.text.trim_ascii();
    let parsed = text.iter().position(|&b| b == b'@').and_then(|at| {
        let count = any_base(text[..at].strip_suffix(b" ")?).filter(|count| *count >= 0)?;
        Some((count, &text[at + 1..]))
    });
    let (count, rest) = parsed
        .ok_or_else(|| line.expected("`count @ 0xaddress …`, or a comment that begins with #"))?;
    stack.clear();
    addresses(line, rest, stack)?;
    // An address is where a call returns to, one byte behind it.
    stack.iter_mut().for_each(|address| *address = address.wrapping_sub(1));
    Ok(count)
}
