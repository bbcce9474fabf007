//! Heap dumps of jemalloc, which begin with `heap_v2/N`, its bytes between samples.
//!
//! The header counts all records, and those of each thread. Each stack, `@ 0xaddress …`, is followed
//! by the same lines for this stack: `t*:` for all threads, and one for each thread. The threads'
//! lines become samples with the label `thread`, as in the versions of pprof that read such dumps;
//! `t*:` is used where there are no others. At the end is `MAPPED_LIBRARIES:`.

use super::collector::{Addresses, Collector, Unnamed};
use super::heap::{BOTH, Header, ONE, counts, values};
use super::lines::{Line, Lines};
use super::numbers::{addresses, whole};
use super::{maps, uninteresting};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::profile::Profile;
use std::io::Read;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "jemalloc heap dump",
    holds: Holds::TextProfile,
    sniff: Sniff::Start(|head| head.starts_with(BEGINNING)),
    read,
};

const BEGINNING: &[u8] = b"heap_v2/";

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    profile(&mut Lines::new(reader, meter)).map(Content::from)
}

/// A line of values: of one thread, or of all.
struct Values<'t> {
    /// Its number, or `*`.
    thread: &'t str,
    in_use: (i64, i64),
    allocated: (i64, i64),
}

fn profile(lines: &mut Lines<'_>) -> Result<Profile, InputError> {
    let mut collector = Collector::new(lines.meter(), Unnamed::ByAddress);
    let period = match lines.next()? {
        Some(line) => line.text.strip_prefix(BEGINNING).and_then(whole).ok_or_else(|| {
            line.expected("`heap_v2/rate`, with the bytes between samples as the rate")
        })?,
        None => return Err(InputError::Empty),
    };
    let mut header = Header { period, is_sampled: true, has_allocated: false, in_use: None };
    let mut is_in_header = true;
    // The stack that the lines are about, and the line of all threads until another replaces it.
    let mut stack = Vec::new();
    let mut all: Option<([i64; 4], i64)> = None;
    let mut has_maps = false;
    while let Some(line) = lines.next()? {
        let text = line.text.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if maps::begins(text) {
            has_maps = true;
            break;
        }
        if let Some(rest) = text.strip_prefix(b"@") {
            if is_in_header {
                begin(&mut collector, &header)?;
                is_in_header = false;
            }
            add(&mut collector, &header, &stack, all.take(), None)?;
            stack.clear();
            addresses(line, rest, &mut stack)?;
            stack.iter_mut().for_each(|address| *address = address.wrapping_sub(1));
        } else {
            let found = parse(line, text)?;
            if is_in_header {
                if found.thread == "*" {
                    let differ = |used: i64, all: i64| all != used && all != 0;
                    header.has_allocated = differ(found.in_use.0, found.allocated.0)
                        || differ(found.in_use.1, found.allocated.1);
                }
                continue;
            }
            let values = values(line, &header, found.in_use, found.allocated)?;
            if found.thread == "*" {
                all = Some(values);
            } else {
                all = None;
                add(&mut collector, &header, &stack, Some(values), Some(found.thread))?;
            }
        }
        collector.weigh(lines)?;
    }
    if is_in_header {
        begin(&mut collector, &header)?;
    }
    add(&mut collector, &header, &stack, all.take(), None)?;
    let maps = collector.maps(lines, has_maps)?;
    collector.drop_frames(uninteresting::ALLOCATE, uninteresting::NOT_ALLOCATE)?;
    collector.finish(maps, Addresses::Kept)
}

fn begin(collector: &mut Collector<'_>, header: &Header) -> Result<(), InputError> {
    let types = if header.has_allocated { &BOTH[..] } else { &ONE[..] };
    collector.types(types, ("space", "bytes"), header.period)
}

/// Parses `t12: objects: bytes [objects: bytes]`, perhaps with the name of the thread behind it.
fn parse<'t>(line: Line<'_>, text: &'t [u8]) -> Result<Values<'t>, InputError> {
    let values = || {
        let rest = text.strip_prefix(b"t")?;
        let colon = rest.iter().position(|&b| b == b':')?;
        let thread = std::str::from_utf8(&rest[..colon]).ok()?;
        let is_number = !thread.is_empty() && thread.bytes().all(|b| b.is_ascii_digit());
        let (in_use, allocated, rest) = counts(rest[colon + 1..].trim_ascii_start())?;
        let is_whole = rest.is_empty() || rest.starts_with(b" ");
        (is_whole && (is_number || thread == "*")).then_some(Values { thread, in_use, allocated })
    };
    values().ok_or_else(|| {
        line.expected("`@ 0xaddress …`, `t*: objects: bytes [objects: bytes]` or MAPPED_LIBRARIES:")
    })
}

fn add(
    collector: &mut Collector<'_>,
    header: &Header,
    stack: &[u64],
    values: Option<([i64; 4], i64)>,
    thread: Option<&str>,
) -> Result<(), InputError> {
    let Some((values, block)) = values else { return Ok(()) };
    let mut labels = vec![collector.number_label("bytes", block)?];
    if let Some(thread) = thread {
        labels.push(collector.text_label("thread", thread)?);
    }
    let skipped = if header.has_allocated { 0 } else { 2 };
    collector.sample(stack, &values[skipped..], &labels)
}
