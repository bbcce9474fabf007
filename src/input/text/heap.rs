//! Heap profiles of Go (`?debug=1`), gperftools and tcmalloc, which all begin with `heap profile:`.
//!
//! A line holds what is in use, what was allocated, and the stack. The header says how values were
//! sampled: `heap/N` at half of N (Go writes twice its rate), `heap_v2/N` at N, `heapprofile` not at
//! all. Growth and fragmentation profiles have the same lines. Go adds `#` lines that name the
//! addresses, and ends with its memory statistics, which pprof skips.

use super::collector::{Addresses, Collector, Unnamed};
use super::lines::{Line, Lines, is_blank};
use super::numbers::{Signed, addresses, decimal, whole};
use super::{maps, sampling, statistics, uninteresting};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::profile::{Profile, TimeSource};
use regex::bytes::Regex;
use std::io::Read;
use std::sync::LazyLock;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "heap profile in text form",
    holds: Holds::TextProfile,
    sniff: Sniff::Start(sniff),
    read,
};

/// Sample types of a profile that knows what was allocated, and of one that doesn't.
pub(super) const BOTH: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];
pub(super) const ONE: [(&str, &str); 2] = [("objects", "count"), ("space", "bytes")];

fn sniff(head: &[u8]) -> bool {
    let line = head.split(|&b| b == b'\n').next().unwrap_or(head);
    // A log may speak of a heap profile, so only a broken one is known by its first word alone.
    line.starts_with(b"heap profile:") || HEADER.is_match(line)
}

/// The first line. pprof finds it behind anything else.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant, and the tests use it")]
    Regex::new(
        r"(?-u)heap profile: *(\d+): *(\d+) *\[ *(\d+): *(\d+) *\] *@ *(heap[_a-z0-9]*|growthz?|fragmentationz?)/?(\d*)",
    )
    .unwrap()
});

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    profile(&mut Lines::new(reader, meter)).map(Content::from)
}

fn profile(lines: &mut Lines<'_>) -> Result<Profile, InputError> {
    let mut collector = Collector::new(lines.meter(), Unnamed::LeftOut);
    let header = match lines.next()? {
        Some(line) => Header::parse(line)?,
        None => return Err(InputError::Empty),
    };
    let types = if header.has_allocated { &BOTH[..] } else { &ONE[..] };
    collector.types(types, ("space", "bytes"), header.period)?;
    let mut statistics = statistics::Reader::default();
    let mut stack = Vec::new();
    let mut found: Counts = (0, 0);
    let mut has_maps = false;
    while let Some(line) = lines.next()? {
        let text = line.text.trim_ascii();
        if is_blank(text) {
            if !statistics.take(text) {
                collector.comment(line)?;
            }
        } else if maps::begins(text) {
            has_maps = true;
            break;
        } else {
            let record = Record::parse(line, text)?;
            found = (found.0.wrapping_add(record.in_use.0), found.1.wrapping_add(record.in_use.1));
            stack.clear();
            addresses(line, record.stack, &mut stack)?;
            record.add(&header, &mut collector, line, &stack)?;
        }
        collector.weigh(lines)?;
    }
    let maps = collector.maps(lines, has_maps)?;
    // Go has left out what is uninteresting where it names the addresses.
    if !collector.is_named() {
        collector.drop_frames(uninteresting::ALLOCATE, uninteresting::NOT_ALLOCATE)?;
    }
    let mut profile = collector.finish(maps, Addresses::Kept)?;
    profile.header.is_incomplete =
        header.in_use.is_some_and(|said| said.0 > found.0 || said.1 > found.1);
    if let Some(statistics) = statistics.finish() {
        if statistics.last_collection > 0 {
            profile.header.time_nanos = statistics.last_collection;
            profile.header.time_source = TimeSource::LastCollection;
        }
        profile.header.memory_statistics = Some(statistics);
    }
    Ok(profile)
}

/// What the first line says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Bytes between samples; 1 if all allocations are recorded.
    pub(super) period: i64,
    /// Whether values are as sampled and have to be scaled.
    pub(super) is_sampled: bool,
    /// Whether memory in use and allocated memory differ.
    pub(super) has_allocated: bool,
    /// What all records together have in use, as it says.
    pub(super) in_use: Option<Counts>,
}

impl Header {
    fn parse(line: Line<'_>) -> Result<Self, InputError> {
        let wrong = || {
            line.expected(
                "`heap profile: objects: bytes [objects: bytes] @ heap/rate` (or heapprofile, \
                 heap_v2/rate, growth)",
            )
        };
        let found = HEADER.captures(line.text).ok_or_else(wrong)?;
        let (_, [in_use, used, objects, bytes, writer, rate]) = found.extract();
        let has_allocated =
            (objects != in_use && objects != b"0") || (bytes != used && bytes != b"0");
        let said = whole(in_use).zip(whole(used));
        let rate = match rate {
            b"" => 0,
            rate => whole(rate).ok_or_else(wrong)?,
        };
        let (period, is_sampled) = match writer {
            b"heap_v2" | b"heapz_v2" => (rate, true),
            b"heap" => (rate / 2, true),
            b"heapprofile" => (1, false),
            writer if writer.starts_with(b"heap") => return Err(wrong()),
            _ => {
                let (period, is_sampled, has_allocated) = (1, false, false);
                return Ok(Self { period, is_sampled, has_allocated, in_use: said });
            }
        };
        Ok(Self { period, is_sampled, has_allocated, in_use: said })
    }
}

/// A line with values and a stack.
#[derive(Clone, Copy, Debug)]
struct Record<'t> {
    /// Objects and bytes in use.
    in_use: Counts,
    /// Objects and bytes allocated.
    allocated: Counts,
    /// What follows the `@`.
    stack: &'t [u8],
}

impl<'t> Record<'t> {
    fn parse(line: Line<'_>, text: &'t [u8]) -> Result<Self, InputError> {
        let record = counts(text).and_then(|(in_use, allocated, rest)| {
            let stack = rest.strip_prefix(b" @")?;
            Some(Self { in_use, allocated, stack })
        });
        record.ok_or_else(|| {
            line.expected(
                "`objects: bytes [objects: bytes] @ 0xaddress …`, a comment that begins with #, or \
                 MAPPED_LIBRARIES:",
            )
        })
    }

    fn add(
        &self,
        header: &Header,
        collector: &mut Collector<'_>,
        line: Line<'_>,
        stack: &[u64],
    ) -> Result<(), InputError> {
        let (values, block) = values(line, header, self.in_use, self.allocated)?;
        let label = collector.number_label("bytes", block)?;
        let skipped = if header.has_allocated { 0 } else { 2 };
        // An address is where a call returns to, one byte behind it.
        let calls: Vec<u64> = stack.iter().map(|address| address.wrapping_sub(1)).collect();
        collector.sample(&calls, &values[skipped..], &[label])
    }
}

/// Objects and their bytes.
pub(super) type Counts = (i64, i64);

/// Parses `objects: bytes [objects: bytes]`: in use, allocated, and what follows.
pub(super) fn counts(text: &[u8]) -> Option<(Counts, Counts, &[u8])> {
    let spaces = |text: &'_ [u8]| text.iter().take_while(|&&b| b == b' ').count();
    let pair = |text, signed| {
        let (count, rest) = decimal(text, signed)?;
        let rest = rest.strip_prefix(b":")?;
        let (size, rest) = decimal(&rest[spaces(rest)..], signed)?;
        Some(((count, size), &rest[spaces(rest)..]))
    };
    let (in_use, rest) = pair(text, Signed::Maybe)?;
    let rest = rest.strip_prefix(b"[")?;
    let (allocated, rest) = pair(&rest[spaces(rest)..], Signed::Never)?;
    Some((in_use, allocated, rest.strip_prefix(b"]")?))
}

/// The four values of a record, scaled, and the size of its objects.
pub(super) fn values(
    line: Line<'_>,
    header: &Header,
    in_use: Counts,
    allocated: Counts,
) -> Result<([i64; 4], i64), InputError> {
    let mut block = 0;
    let mut one = |(count, size): Counts, what| {
        if count == 0 && size != 0 {
            return Err(line.expected(&format!("0 bytes {what} for 0 objects")));
        }
        if count != 0 {
            block = size.wrapping_div(count);
        }
        Ok(if header.is_sampled && count != 0 {
            sampling::scaled(count, size, header.period)
        } else {
            (count, size)
        })
    };
    let allocated = if header.has_allocated { one(allocated, "allocated")? } else { (0, 0) };
    let in_use = one(in_use, "in use")?;
    Ok(([allocated.0, allocated.1, in_use.0, in_use.1], block))
}
