//! Profiles that are taken apart into fields, changed there, and put together again, so that the reader accepts many of
//! them. Byte for byte the same in every run of a seed.

#![expect(clippy::print_stdout, reason = "a run says which input was slowest")]

use super::ask::query;
use super::random::Random;
use super::wire::{message, number, varint};
use super::{ask, corpus, dsl, tables};
use flate2::Compression;
use flate2::write::GzEncoder;
use heapdiff::analysis::refs::RefsQuery;
use heapdiff::analysis::suspects::LeaksQuery;
use heapdiff::filter::Spec;
use heapdiff::graph::trim::TrimLimits;
use heapdiff::input;
use heapdiff::model::history::{Gather, History};
use heapdiff::model::merge::{Merge, Sign};
use heapdiff::model::profile::Profile;
use heapdiff::model::rebase::Rebase;
use heapdiff::output::{self, Format, Width};
use heapdiff::report::{Query, Question, Report, analyze};
use std::io::{self, Write};
use std::ops::Range;
use std::time::{Duration, Instant};

/// A time that is worth a second look.
const LONG: Duration = Duration::from_millis(100);

/// Most bytes of an input, unpacked.
const MOST: usize = 1 << 20;

/// A field of a message.
#[derive(Clone)]
enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

type Fields = Vec<(u64, Value)>;

/// Reads a varint.
fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Takes a message apart; `None` if it has fields of other kinds, or is none.
fn parse(mut bytes: &[u8]) -> Option<Fields> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = read(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(read(&mut bytes)?),
            2 => {
                let length = usize::try_from(read(&mut bytes)?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Value::Bytes(content.to_vec())
            }
            _ => return None,
        };
        fields.push((key >> 3, value));
    }
    Some(fields)
}

fn write(fields: &Fields) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Number(value) => out.extend(number(*name, *value)),
            Value::Bytes(bytes) => message(&mut out, *name, bytes),
        }
    }
    out
}

/// The profiles that are changed, as fields.
fn originals() -> Vec<Fields> {
    let heap = dsl::bytes(&dsl::heap(&[
        dsl::stack("main;handler;append").inuse(3, 4096 * 3).sized(4096),
        dsl::stack("main;handler").inuse(10, 640).sized(64).label("tenant", "acme"),
        dsl::stack("main;bytes.growSlice").alloc(7, 448).sized(64),
    ]));
    let files = corpus::testdata().into_iter().map(|file| std::fs::read(file).unwrap());
    let plain = files.map(|bytes| corpus::unpacked(&bytes).unwrap_or(bytes));
    let small = plain.filter(|bytes| bytes.len() < 12_000);
    std::iter::once(heap).chain(small).filter_map(|bytes| parse(&bytes)).collect()
}

/// A number that is likely to be a mistake.
fn extreme(random: &mut Random) -> u64 {
    let near = random.below(4) as u64;
    match random.below(10) {
        0 => 0,
        1 => u64::MAX - near,
        2 => i64::MAX as u64 - near,
        3 => i64::MIN as u64 + near,
        4 => 1 << random.below(64),
        5 => u64::from(u32::MAX) + near,
        6 => random.next(),
        _ => near + random.below(300) as u64,
    }
}

/// A count that is mostly small and sometimes large.
fn count(random: &mut Random) -> usize {
    let size = 1 << random.below(17);
    1 + random.below(size)
}

/// Changes one field, or the fields of what it holds.
fn change(fields: &mut Fields, others: &[Fields], random: &mut Random, depth: usize) {
    if fields.is_empty() {
        fields.push((random.below(20) as u64, Value::Number(extreme(random))));
        return;
    }
    let at = random.below(fields.len());
    let is_deeper = depth < 3 && random.below(3) > 0;
    if let (_, Value::Bytes(bytes)) = &mut fields[at]
        && is_deeper
        && let Some(mut inner) = parse(bytes)
    {
        change(&mut inner, others, random, depth + 1);
        *bytes = write(&inner);
        return;
    }
    match random.below(11) {
        0 => {
            fields.remove(at);
        }
        1 | 2 => {
            let field = fields[at].clone();
            let size = match &field.1 {
                Value::Number(_) => 4,
                Value::Bytes(bytes) => bytes.len() + 4,
            };
            let times = count(random).min(MOST / 4 / size);
            fields.splice(at..at, std::iter::repeat_n(field, times));
        }
        3 => {
            let other = random.below(fields.len());
            fields.swap(at, other);
        }
        4 => fields[at].0 = random.below(18) as u64,
        5 => {
            let from = random.pick(others);
            let start = random.below(from.len());
            let end = (start + count(random)).min(from.len());
            fields.splice(at..at, from[start..end].iter().cloned());
        }
        6 => fields[at].1 = Value::Bytes(vec![random.next() as u8; count(random)]),
        7 => {
            // Packed numbers.
            let numbers = (0..count(random) / 8).flat_map(|_| varint(extreme(random)));
            fields[at].1 = Value::Bytes(numbers.collect());
        }
        8 => fields.truncate(at),
        _ => match &mut fields[at].1 {
            Value::Number(value) => *value = extreme(random),
            Value::Bytes(bytes) if !bytes.is_empty() => {
                let place = random.below(bytes.len());
                bytes[place] = random.next() as u8;
            }
            Value::Bytes(bytes) => bytes.push(0),
        },
    }
}

/// The input of a seed, as a file would hold it.
fn input(seed: u64, originals: &[Fields]) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
    let mut fields = random.pick(originals).clone();
    for _ in 0..=random.below(6) {
        change(&mut fields, originals, &mut random, 0);
    }
    let mut bytes = write(&fields);
    bytes.truncate(MOST);
    stored(bytes, &mut random)
}

/// The bytes as a file would hold them: cut off at times, and packed at times.
pub(crate) fn stored(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    if random.one_in(10) && !bytes.is_empty() {
        bytes.truncate(random.below(bytes.len()));
    }
    if random.one_in(3) {
        // One member or two, and sometimes damage.
        let mut packed = Vec::new();
        let middle = if random.one_in(5) { random.below(bytes.len().max(1)) } else { 0 };
        for part in [&bytes[..middle.min(bytes.len())], &bytes[middle.min(bytes.len())..]] {
            if !part.is_empty() || middle > 0 {
                let mut gzip = GzEncoder::new(&mut packed, Compression::fast());
                gzip.write_all(part).unwrap();
                gzip.finish().unwrap();
            }
        }
        if random.one_in(20) && !packed.is_empty() {
            let at = random.below(packed.len());
            packed[at] ^= 1 << random.below(8);
        }
        return packed;
    }
    bytes
}

/// The questions, one of which is asked about an input.
fn questions() -> Vec<(Query, usize)> {
    let refs = RefsQuery { sites: 2, branches: 8, ..ask::refs() };
    vec![
        (query(Question::Diff, ""), 2),
        (query(Question::Top, ""), 1),
        (query(Question::Refs(refs), ""), 2),
        (query(Question::Flame(ask::flame()), ""), 2),
        (query(Question::Graph(TrimLimits::default()), ""), 2),
        (query(Question::Peek(Some(".".to_owned())), ""), 2),
        (query(Question::Tags, ""), 2),
        (query(Question::Traces, ""), 1),
    ]
}

/// Tries profiles in protobuf.
pub(crate) fn try_protobuf(seeds: Range<u64>) -> (Duration, u64) {
    let originals = originals();
    try_all(seeds, |seed| input(seed, &originals))
}

/// Reads the inputs of these seeds and asks about each. Returns the time for the slowest, and the bytes of the largest.
pub(crate) fn try_all(seeds: Range<u64>, input: impl Fn(u64) -> Vec<u8>) -> (Duration, u64) {
    let questions = questions();
    let known = input::read_profile(&*corpus::read("rate1/before.pb.gz")).unwrap();
    let (mut slowest, mut largest) = (Duration::ZERO, 0);
    let (mut answered, mut all) = (0_u64, 0_u64);
    for seed in seeds {
        let bytes = input(seed);
        all += 1;
        let take = || {
            let start = Instant::now();
            let Ok(profile) = input::read_profile(bytes.as_slice()) else {
                return (false, start.elapsed());
            };
            let at = seed as usize % (questions.len() + 3);
            match questions.get(at) {
                Some((query, inputs)) => answer(&known, profile, query, *inputs),
                None => add(&known, &profile, at - questions.len()),
            }
            (true, start.elapsed())
        };
        let (is_read, mut took) = take();
        answered += u64::from(is_read);
        if took > LONG {
            // The machine may have been busy with something else.
            took = took.min(take().1).min(take().1);
        }
        if took > slowest {
            slowest = took;
            println!("seed {seed}: {took:?} for {} bytes", bytes.len());
        }
        largest = largest.max(bytes.len() as u64);
    }
    assert!(answered * 20 > all, "only {answered} of {all} inputs are read");
    (slowest, largest)
}

/// Asks about a profile, or about it and a known one.
fn answer(known: &Profile, profile: Profile, query: &Query, inputs: usize) {
    let mut rebase = Rebase::default();
    if inputs == 2 {
        rebase.add("known", known.clone());
    }
    rebase.add("input", profile);
    let Ok(series) = rebase.finish() else { return };
    if let Ok(report) = analyze(series, query, &Spec::default()) {
        said(&report);
    }
}

/// Takes text, and keeps no more of it than a character that has begun: few bytes can make long answers, such as one long
/// name in each of many frames.
#[derive(Default)]
struct Text {
    begun: Vec<u8>,
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for chunk in bytes.chunks(1 << 16) {
            self.begun.extend_from_slice(chunk);
            let valid = match std::str::from_utf8(&self.begun) {
                Ok(text) => text.len(),
                Err(error) => {
                    assert!(error.error_len().is_none(), "{error}");
                    error.valid_up_to()
                }
            };
            self.begun.drain(..valid);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a report in a format that fits it.
fn said(report: &Report) {
    let style = tables::plain(Width::Columns(80));
    for format in [Format::Table, Format::Json] {
        let mut out = Text::default();
        // Some answers are drawings, and have no table.
        let _ = output::write(format, report, &style, &mut out);
        assert!(out.begun.is_empty());
    }
}

/// Adds a profile to others: in a history, in a merge, as a file.
fn add(known: &Profile, profile: &Profile, way: usize) {
    match way {
        0 => {
            let mut gather = Gather::default();
            for (place, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
                let one = if place % 2 == 0 { profile } else { known };
                if gather.add_at(place, name, one).is_err() {
                    return;
                }
            }
            let Ok(history) = gather.finish() else { return };
            let recording = heapdiff::analysis::recording(history, History::default());
            let query = query(Question::Leaks(LeaksQuery::default()), "");
            if let Ok(report) = analyze(recording, &query, &Spec::default()) {
                said(&report);
            }
        }
        1 => {
            let mut merge = Merge::default();
            if merge.add("known", known, Sign::Plus).is_ok()
                && merge.add("input", profile, Sign::Plus).is_ok()
            {
                merge.finish();
            }
        }
        _ => {
            let written = heapdiff::input::pprof::encode::encode(profile);
            assert!(input::read_profile(written.as_slice()).is_ok(), "what is written can be read");
        }
    }
}
