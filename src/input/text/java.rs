//! Heap and contention profiles of Java in text: `--- heapz 1 ---` and `--- contentionz 1 ---`.
//!
//! Attributes come first, then lines with size, count and stack, then the names of what is on the
//! stacks. The addresses only number these names. Objects are sampled every 512 KiB.

use super::collector::{Addresses, Collector, Unnamed};
use super::lines::{Line, Lines, first};
use super::numbers::{Signed, addresses, any_base, decimal, hex, whole};
use super::{sampling, uninteresting};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::profile::Profile;
use crate::model::symbols::base_name;
use regex::bytes::Regex;
use std::io::Read;
use std::sync::LazyLock;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "heap profile of Java",
    holds: Holds::TextProfile,
    sniff: Sniff::Start(|head| first(head).trim_ascii() == b"--- heapz 1 ---"),
    read,
};

/// Bytes between samples.
const RATE: i64 = 524_288;

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    let lines = &mut Lines::new(reader, meter);
    lines.next()?;
    profile(lines, Kind::Heap, &[]).map(Content::from)
}

/// An attribute: name and value.
type Attribute = (Vec<u8>, Vec<u8>);

/// Reads the rest of a contention profile, after these attributes.
pub(super) fn contention(
    lines: &mut Lines<'_>,
    attributes: &[Attribute],
) -> Result<Profile, InputError> {
    profile(lines, Kind::Contention, attributes)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Heap,
    Contention,
}

/// Where in the profile a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Attributes,
    Samples,
    Names,
}

struct Reader<'a> {
    kind: Kind,
    period: i64,
    unit: Option<String>,
    collector: Collector<'a>,
}

fn profile(
    lines: &mut Lines<'_>,
    kind: Kind,
    attributes: &[Attribute],
) -> Result<Profile, InputError> {
    let collector = Collector::new(lines.meter(), Unnamed::ByAddress);
    let mut reader = Reader { kind, period: 0, unit: None, collector };
    for (key, value) in attributes {
        let text = [key.as_slice(), value].join(b"=".as_slice());
        reader.attribute(Line { number: 2, text: &text }, key, value)?;
    }
    let mut part = Part::Attributes;
    while let Some(line) = lines.next()? {
        let text = line.text.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if part == Part::Attributes {
            if let Some(at) = text.iter().position(|&b| b == b'=') {
                let (key, value) = (text[..at].trim_ascii(), text[at + 1..].trim_ascii());
                reader.attribute(line, key, value)?;
                continue;
            }
            part = Part::Samples;
            reader.begin(line)?;
        }
        if part == Part::Samples && !reader.sample(line, text)? {
            part = Part::Names;
        }
        if part == Part::Names {
            reader.name(line, text)?;
        }
        reader.collector.weigh(lines)?;
    }
    if part == Part::Attributes {
        reader.begin(Line { number: 2, text: b"" })?;
    }
    let mut collector = reader.collector;
    match kind {
        Kind::Heap => {
            collector.drop_frames(uninteresting::ALLOCATE, uninteresting::NOT_ALLOCATE)?;
        }
        Kind::Contention => collector.drop_frames(uninteresting::LOCK, "")?,
    }
    collector.finish(Vec::new(), Addresses::Numbers)
}

impl Reader<'_> {
    fn attribute(&mut self, line: Line<'_>, key: &[u8], value: &[u8]) -> Result<(), InputError> {
        let number = || any_base(value).ok_or_else(|| line.expected("a number after the ="));
        match (self.kind, key) {
            (_, b"format") if value == b"java" => {}
            (_, b"format") => return Err(line.expected("`format = java`")),
            (_, b"resolution") => self.unit = Some(String::from_utf8_lossy(value).into_owned()),
            (Kind::Contention, b"sampling period") => self.period = number()?,
            (Kind::Contention, b"ms since reset") => {
                self.collector.covers(number()?.wrapping_mul(1_000_000));
            }
            (Kind::Heap, _) => return Err(line.expected("`format` or `resolution` before the =")),
            (Kind::Contention, _) => {
                return Err(line.expected(
                    "`format`, `resolution`, `sampling period` or `ms since reset` before the =",
                ));
            }
        }
        Ok(())
    }

    /// Sets the sample types, once the attributes are known.
    fn begin(&mut self, line: Line<'_>) -> Result<(), InputError> {
        let Some(unit) = self.unit.take() else {
            return Err(
                line.expected("`resolution = bytes` or another unit before the first sample")
            );
        };
        match self.kind {
            Kind::Heap => {
                let types = [("inuse_objects", "count"), ("inuse_space", unit.as_str())];
                self.collector.types(&types, ("", ""), 0)
            }
            Kind::Contention => {
                let types = [("contentions", "count"), ("delay", unit.as_str())];
                self.collector.types(&types, ("contentions", "count"), self.period)
            }
        }
    }

    /// Adds `size count @ 0xaddress …`; false if the line is another.
    fn sample(&mut self, line: Line<'_>, text: &[u8]) -> Result<bool, InputError> {
        let parsed = || {
            let (size, rest) = decimal(text, Signed::Never)?;
            let (count, rest) =
                decimal(rest.strip_prefix(b" ")?.trim_ascii_start(), Signed::Never)?;
            Some((size, count, rest.strip_prefix(b" ")?.trim_ascii_start().strip_prefix(b"@")?))
        };
        let Some((size, count, rest)) = parsed() else { return Ok(false) };
        let mut stack = Vec::new();
        addresses(line, rest, &mut stack)?;
        if self.kind == Kind::Contention {
            let scale = if self.period == 0 { 1 } else { self.period };
            let values = [count.wrapping_mul(scale), size.wrapping_mul(scale)];
            self.collector.sample(&stack, &values, &[])?;
            return Ok(true);
        }
        if count == 0 {
            return Err(line.expected("`size count @ 0xaddress …` with a count above 0"));
        }
        let label = self.collector.number_label("bytes", size / count)?;
        let (objects, bytes) = sampling::scaled(count, size, RATE);
        self.collector.sample(&stack, &[objects, bytes], &[label])?;
        Ok(true)
    }

    /// Uses `0xaddress function (file:line)`. pprof skips other lines here, and servers write some.
    fn name(&mut self, line: Line<'_>, text: &[u8]) -> Result<(), InputError> {
        static PLACE: LazyLock<Regex> =
            LazyLock::new(|| regex(r"(?-u)^(.*)\s+\((.+):(-?[[:digit:]]+)\)$"));
        static LIBRARY: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)^(.*)\s+\((.*)\)$"));
        let Some(after) = text.strip_prefix(b"0x") else { return Ok(()) };
        let digits = after.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let rest = after[digits..].trim_ascii_start();
        if digits == 0 || rest.is_empty() || rest.len() == after.len() - digits {
            return Ok(());
        }
        let Some((address, _)) = hex(after) else {
            return Err(line.expected("an address of at most 64 bits"));
        };
        let collector = &mut self.collector;
        if let Some(found) = PLACE.captures(rest) {
            let (_, [function, file, number]) = found.extract();
            let number = whole(number).filter(|&number| number > 0).unwrap_or(0);
            collector.name_address(address, function, file, number)
        } else if let Some(found) = LIBRARY.captures(rest) {
            let (_, [function, path]) = found.extract();
            let path = String::from_utf8_lossy(path);
            collector.name_address(address, function, base_name(&path).as_bytes(), 0)
        } else if rest.windows(STUB.len()).any(|part| part == STUB) {
            collector.name_address(address, b"STUB", b"", 0)
        } else {
            collector.name_address(address, rest, b"", 0)
        }
    }
}

/// What the virtual machine calls code that it generated.
const STUB: &[u8] = b"generated stub/JIT";

fn regex(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "the patterns are constants, and the tests use each")]
    Regex::new(pattern).unwrap()
}
