//! The only way to make a [`Profile`]: from entries in any order, with the ids of the file.
//!
//! Files name locations and functions by arbitrary 64-bit ids, may refer to later entries, and may
//! be wrong. The builder keeps references as given, and [`Builder::finish`] turns them into rows,
//! checking each.

mod interning;
mod limits;

pub use limits::Share;

use super::id_map::IdMap;
use super::ids::{FunctionId, LabelSetId, MappingId, StringId};
use super::labels::{Label, LabelSets, LabelValue};
use super::profile::{Header, Profile, SampleType, Samples, varint};
pub use super::raw::{RawFunction, RawHeader, RawLabel, RawLine, RawLocation, RawMapping, RawType};
use super::strings::Strings;
use super::symbols::{Function, Line, Locations, Mapping, Symbols};
use crate::parallel;

/// No real profile has more sample types than this: each costs a column.
const MAX_SAMPLE_TYPES: usize = 256;

/// No real program has more names than this: each string takes an entry in a table, however short
/// it is.
const MAX_STRINGS: usize = 1 << 25;

/// No real location has more inlined functions than this, and each costs a step wherever the
/// location occurs.
pub const MAX_LINES: usize = 10_000;

/// Bytes that the strings of a header may take together. Each reference to a string becomes a copy
/// of it, so a few bytes in a file could demand any amount of memory.
const MAX_HEADER_TEXT: usize = 16 << 20;

/// What is wrong with the entries of a profile: what was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

fn invalid<T>(what: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(what.into()))
}

/// Collects the entries of a profile.
#[derive(Debug)]
pub struct Builder {
    /// The scalar entries of the header.
    pub header: RawHeader,
    sample_types: Vec<RawType>,
    strings: Strings,
    mappings: Vec<RawMapping>,
    mapping_ids: IdMap,
    functions: Vec<RawFunction>,
    function_ids: IdMap,
    locations: Vec<RawLocation>,
    location_ids: IdMap,
    line_ends: Vec<u32>,
    lines: Vec<RawLine>,
    label_ends: Vec<u32>,
    labels: Vec<RawLabel>,
    samples: Samples,
    values_per_sample: Option<usize>,
    /// A packed field of locations that ended within a number.
    has_cut_id: bool,
    /// Bytes of memory that the profile may take.
    allowed: u64,
    /// Bytes of the file, if it is known to be short.
    expected: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            header: RawHeader::default(),
            sample_types: Vec::new(),
            strings: Strings::positional(),
            mappings: Vec::new(),
            mapping_ids: IdMap::default(),
            functions: Vec::new(),
            function_ids: IdMap::default(),
            locations: Vec::new(),
            location_ids: IdMap::default(),
            line_ends: Vec::new(),
            lines: Vec::new(),
            label_ends: Vec::new(),
            labels: Vec::new(),
            samples: Samples::default(),
            values_per_sample: None,
            has_cut_id: false,
            allowed: u64::MAX,
            expected: usize::MAX,
        }
    }
}

impl Builder {
    /// Appends a string to the string table. The first must be empty.
    pub fn string(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        if self.strings.is_empty() && !bytes.is_empty() {
            return invalid("string_table[0] must be empty, but isn't");
        }
        if self.strings.len() == MAX_STRINGS {
            return invalid(format!("more than {MAX_STRINGS} strings"));
        }
        self.strings.push_bytes(bytes);
        Ok(())
    }

    /// Appends a sample type.
    pub fn sample_type(&mut self, t: RawType) -> Result<(), Invalid> {
        if self.sample_types.len() == MAX_SAMPLE_TYPES {
            return invalid(format!("more than {MAX_SAMPLE_TYPES} sample types"));
        }
        self.sample_types.push(t);
        Ok(())
    }

    /// Appends a mapping.
    pub fn mapping(&mut self, m: RawMapping) -> Result<(), Invalid> {
        self.header.check_new("mapping", m.id, &mut self.mapping_ids)?;
        self.mappings.push(m);
        Ok(())
    }

    /// Appends a function.
    pub fn function(&mut self, f: RawFunction) -> Result<(), Invalid> {
        self.header.check_new("function", f.id, &mut self.function_ids)?;
        self.functions.push(f);
        Ok(())
    }

    /// Appends a location with its lines, innermost first.
    pub fn location(&mut self, l: RawLocation, lines: &[RawLine]) -> Result<(), Invalid> {
        if lines.len() > MAX_LINES {
            let id = l.id;
            return invalid(format!("location {id} has more than {MAX_LINES} lines"));
        }
        self.header.check_new("location", l.id, &mut self.location_ids)?;
        self.locations.push(l);
        self.lines.extend_from_slice(lines);
        self.line_ends.push(self.lines.len() as u32);
        Ok(())
    }

    /// Appends a set of labels, which samples refer to.
    pub fn label_set(&mut self, labels: &[RawLabel]) -> LabelSetId {
        let id = LabelSetId::from_index(self.label_ends.len());
        self.labels.extend_from_slice(labels);
        self.label_ends.push(self.labels.len() as u32);
        id
    }

    /// Appends locations of the current sample, from leaf to root, as packed varints.
    #[inline]
    pub fn sample_locations_packed(&mut self, varints: &[u8]) {
        // The next bytes must not complete a truncated number.
        self.has_cut_id |= varints.last().is_some_and(|&last| last >= 0x80);
        self.samples.push_packed(varints);
    }

    /// Appends the next location of the current sample, from leaf to root.
    pub fn sample_location(&mut self, id: u64) {
        self.samples.push_id(id);
    }

    /// Appends the next value of the current sample.
    #[inline]
    pub fn sample_value(&mut self, value: i64) {
        self.samples.values.push(value);
    }

    /// Like [`Builder::sample_value`], and refuses more values than a sample can have.
    pub fn next_sample_value(&mut self, value: i64) -> Result<(), Invalid> {
        let before = self.values_per_sample.unwrap_or(0) * self.samples.len();
        if self.samples.values.len() - before > MAX_SAMPLE_TYPES {
            return invalid(format!("a sample with more than {MAX_SAMPLE_TYPES} values"));
        }
        self.sample_value(value);
        Ok(())
    }

    /// Discards what was appended for the current sample.
    pub fn forget_sample(&mut self) {
        let values = self.values_per_sample.unwrap_or(0) * self.samples.len();
        self.samples.forget_sample(values);
    }

    /// Ends the current sample.
    #[inline]
    pub fn end_sample(&mut self, labels: LabelSetId) -> Result<(), Invalid> {
        let samples = &mut self.samples;
        let n = samples.labels.len();
        let values = *self.values_per_sample.get_or_insert_with(|| {
            samples.reserve(self.expected);
            samples.values.len()
        });
        if samples.values.len() != values * (n + 1) {
            return invalid(format!(
                "sample {n} has {} values; the samples before it have {values}",
                samples.values.len() - values * n
            ));
        }
        if !samples.end_stack() {
            return too_many_stacks();
        }
        samples.labels.push(labels);
        Ok(())
    }

    /// Checks every reference and builds the profile.
    pub fn finish(mut self) -> Result<Profile, Invalid> {
        self.check_sizes()?;
        self.check_names()?;
        let header = self.finish_header()?;
        let mappings = self.finish_mappings()?;
        let functions = self.finish_functions()?;
        let locations = self.finish_locations()?;
        let label_sets = self.finish_labels()?;
        let strings = std::mem::take(&mut self.strings);
        let symbols = Symbols { strings, mappings, functions, locations };
        self.finish_stacks(&symbols)?;
        Ok(Profile { header, symbols, label_sets, samples: self.samples })
    }

    fn check_sizes(&self) -> Result<(), Invalid> {
        let types = self.sample_types.len();
        match self.values_per_sample {
            Some(_) if types == 0 => invalid("there are samples but no sample types"),
            Some(values) if values != types => {
                invalid(format!("sample 0 has {values} values, but there are {types} sample types"))
            }
            _ => Ok(()),
        }
    }

    fn string_id(&self, what: &str, position: i64) -> Result<StringId, Invalid> {
        let n = self.strings.len();
        match usize::try_from(position) {
            Ok(i) if i < n => Ok(StringId::from_index(i)),
            _ => invalid(format!(
                "{what} is string {position}, but the string table has {n} entries"
            )),
        }
    }

    fn finish_header(&self) -> Result<Header, Invalid> {
        let mut left = MAX_HEADER_TEXT;
        let mut owned = |what: &str, position: i64| -> Result<String, Invalid> {
            let text = self.strings.get(self.string_id(what, position)?);
            match left.checked_sub(text.len()) {
                Some(rest) => left = rest,
                None => return invalid("the strings of the header take more than 16 MiB"),
            }
            Ok(text.to_owned())
        };
        let raw = &self.header;
        let mut sample_types = Vec::with_capacity(self.sample_types.len());
        for t in &self.sample_types {
            let name = owned("a sample type", t.name)?;
            sample_types.push(SampleType { name, unit: owned("a sample type", t.unit)? });
        }
        let mut comments = Vec::new();
        for &comment in &raw.comments {
            comments.push(owned("a comment", comment)?);
        }
        let period = raw.period_type.unwrap_or_default();
        Ok(Header {
            sample_types,
            default_sample_type: owned("default_sample_type", raw.default_sample_type)?,
            period_type: SampleType {
                name: owned("the period type", period.name)?,
                unit: owned("the period type", period.unit)?,
            },
            period: raw.period,
            time_nanos: raw.time_nanos,
            duration_nanos: raw.duration_nanos,
            comments,
            drop_frames: owned("drop_frames", raw.drop_frames)?,
            keep_frames: owned("keep_frames", raw.keep_frames)?,
            doc_url: owned("doc_url", raw.doc_url)?,
            ..Header::default()
        })
    }

    fn finish_mappings(&self) -> Result<Vec<Mapping>, Invalid> {
        let one = |m: &RawMapping| {
            Ok(Mapping {
                start: m.start,
                limit: m.limit,
                offset: m.offset,
                file: self.string_id("a mapping's file", m.file)?,
                build_id: self.string_id("a mapping's build id", m.build_id)?,
                has: m.has,
            })
        };
        self.mappings.iter().map(one).collect()
    }

    fn finish_functions(&self) -> Result<Vec<Function>, Invalid> {
        let one = |f: &RawFunction| {
            Ok(Function {
                name: self.string_id("a function's name", f.name)?,
                system_name: self.string_id("a function's system name", f.system_name)?,
                filename: self.string_id("a function's file", f.filename)?,
                start_line: f.start_line,
            })
        };
        self.functions.iter().map(one).collect()
    }

    fn finish_locations(&self) -> Result<Locations, Invalid> {
        let mut locations = Locations::default();
        let mut start = 0;
        let mut lines = Vec::new();
        for (l, &end) in self.locations.iter().zip(&self.line_ends) {
            let mapping = match self.mapping_ids.get(l.mapping) {
                Some(row) if l.mapping != 0 => Some(MappingId(row)),
                _ if l.mapping == 0 || self.mappings.is_empty() => None,
                _ => return dangling("location", l.id, "mapping", l.mapping),
            };
            lines.clear();
            for line in &self.lines[start..end as usize] {
                let Some(row) = self.function_ids.get(line.function) else {
                    return dangling("location", l.id, "function", line.function);
                };
                let function = FunctionId(row);
                lines.push(Line { function, line: line.line, column: line.column });
            }
            start = end as usize;
            locations.push(mapping, l.address, l.is_folded, lines.iter().copied());
        }
        Ok(locations)
    }

    /// A label is a string if it names one; otherwise a number, if it has one (or a unit). Other
    /// labels are left out.
    fn finish_labels(&self) -> Result<LabelSets, Invalid> {
        let mut sets = LabelSets::default();
        let mut start = 0;
        let mut set = Vec::new();
        for &end in &self.label_ends {
            set.clear();
            for l in &self.labels[start..end as usize] {
                let key = self.string_id("a label's key", l.key)?;
                let value = if l.text != 0 {
                    LabelValue::Text(self.string_id("a label's value", l.text)?)
                } else if l.number != 0 || l.unit != 0 {
                    LabelValue::Number(l.number, self.string_id("a label's unit", l.unit)?)
                } else {
                    continue;
                };
                set.push(Label { key, value });
            }
            start = end as usize;
            sets.push(set.iter().copied());
        }
        Ok(sets)
    }

    /// Checks every location of every stack, hashes the stacks, and rewrites ids that aren't 1, 2,
    /// 3, ...
    fn finish_stacks(&mut self, symbols: &Symbols) -> Result<(), Invalid> {
        if self.has_cut_id {
            return invalid("the locations of a sample are cut off in the middle of a number");
        }
        let in_order = self.locations.iter().zip(1..).all(|(l, id)| l.id == id);
        if !in_order {
            self.renumber()?;
        }
        self.check_frames()?;
        let (hashes, deepest) = hash_all(&self.samples, &symbols.location_hashes())?;
        self.samples.stack_hashes = hashes;
        self.samples.deepest = deepest;
        Ok(())
    }

    /// Replaces ids that aren't rows by rows.
    fn renumber(&mut self) -> Result<(), Invalid> {
        let mut stacks = Samples::default();
        let (packed, ends) = self.samples.packed();
        let mut start = 0;
        for &end in ends {
            let stack = &packed[start..end as usize];
            start = end as usize;
            let mut rest = stack.iter();
            while let Some(id) = varint(&mut rest) {
                let Some(row) = self.location_ids.get(id) else { return unknown_location(id) };
                stacks.push_id(u64::from(row) + 1);
            }
            if !stacks.end_stack() {
                return too_many_stacks();
            }
        }
        self.samples.replace_stacks(stacks);
        Ok(())
    }
}

#[cold]
fn too_many_stacks<T>() -> Result<T, Invalid> {
    invalid("the stacks of the samples take more than 4 GiB")
}

/// Stacks hashed in one piece of work.
const PIECE: usize = 8 * 1024;

/// Hashes all stacks, given the hashes of the locations; returns the depth of the deepest as well.
pub(super) fn hash_all(samples: &Samples, locations: &[u64]) -> Result<(Vec<u64>, usize), Invalid> {
    let (packed, ends) = samples.packed();
    let mut hashes = vec![0; ends.len()];
    let deepest = parallel::map_chunks_mut(&mut hashes, PIECE, |piece, hashes| {
        let first = piece * PIECE;
        let start = if piece == 0 { 0 } else { ends[first - 1] };
        let ends = &ends[first..first + hashes.len()];
        hash_stacks(packed, start as usize, ends, locations, hashes)
    });
    let deepest = deepest.into_iter().try_fold(0, |a: usize, b| Ok(a.max(b?)))?;
    Ok((hashes, deepest))
}

/// Hashes the stacks that begin at `start` and end at `ends`; returns the depth of the deepest.
fn hash_stacks(
    packed: &[u8],
    mut start: usize,
    ends: &[u32],
    locations: &[u64],
    hashes: &mut [u64],
) -> Result<usize, Invalid> {
    let mut deepest = 0;
    for (&end, out) in ends.iter().zip(hashes) {
        let mut hash = StackHash::default();
        let mut rest = packed[start..end as usize].iter();
        start = end as usize;
        while let Some(id) = varint(&mut rest) {
            match locations.get((id as usize).wrapping_sub(1)) {
                Some(&location) => hash.add(location),
                None => return unknown_location(id),
            }
        }
        deepest = deepest.max(hash.length);
        *out = hash.finish();
    }
    Ok(deepest as usize)
}

#[cold]
fn unknown_location<T>(id: u64) -> Result<T, Invalid> {
    invalid(format!("a sample refers to location {id}, which does not exist"))
}

/// The hash of a stack. It has two lanes, so that a location doesn't wait for the one before it.
#[derive(Default)]
struct StackHash {
    lanes: [u64; 2],
    length: u64,
}

impl StackHash {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;

    #[inline]
    fn add(&mut self, location: u64) {
        let [a, b] = self.lanes;
        self.lanes = [b, (a ^ location).wrapping_mul(Self::K).rotate_left(29)];
        self.length += 1;
    }

    fn finish(self) -> u64 {
        let [a, b] = self.lanes;
        let mixed = (a ^ b.rotate_left(32) ^ self.length).wrapping_mul(Self::K);
        mixed ^ mixed >> 32
    }
}

impl RawHeader {
    /// Records a row under its id, which must be free.
    fn check_new(&self, what: &str, id: u64, ids: &mut IdMap) -> Result<(), Invalid> {
        if id == 0 {
            return invalid(format!("a {what} has the reserved id 0"));
        }
        if ids.is_full() {
            return invalid(format!("there are more {what}s than a 32-bit id can count"));
        }
        if ids.insert(id) {
            return Ok(());
        }
        // Go writes the time after everything else.
        let glued = match self.time_nanos {
            0 => "",
            _ => ": two profiles are glued together; give them as two files",
        };
        invalid(format!("two {what}s have the id {id}{glued}"))
    }
}

fn dangling<T>(what: &str, id: u64, other: &str, other_id: u64) -> Result<T, Invalid> {
    invalid(format!("{what} {id} refers to {other} {other_id}, which does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A builder with these strings, one sample type and the functions and locations 1 and 2.
    fn with(strings: &[&str]) -> Builder {
        let mut builder = Builder::default();
        for string in strings {
            builder.string(string.as_bytes()).unwrap();
        }
        builder.sample_type(RawType { name: 1, unit: 2 }).unwrap();
        for id in [1, 2] {
            builder.function(RawFunction { id, name: 3, ..Default::default() }).unwrap();
            let line = RawLine { function: id, line: 7, column: 0 };
            builder.location(RawLocation { id, ..Default::default() }, &[line]).unwrap();
        }
        builder
    }

    fn builder() -> Builder {
        with(&["", "space", "bytes", "main.main"])
    }

    fn sample(builder: &mut Builder, stack: &[u64], values: &[i64]) -> Result<(), Invalid> {
        let labels = builder.label_set(&[]);
        for &id in stack {
            builder.sample_location(id);
        }
        for &value in values {
            builder.sample_value(value);
        }
        builder.end_sample(labels)
    }

    /// Returns the error for a good profile after `spoil` has damaged it.
    fn complaint(spoil: impl FnOnce(&mut Builder)) -> String {
        let mut builder = builder();
        spoil(&mut builder);
        builder.finish().expect_err("a broken profile").0
    }

    fn stack(profile: &Profile, sample: usize) -> Vec<u32> {
        profile.samples.stack(sample).map(|location| location.0).collect()
    }

    #[test]
    fn references_become_rows() {
        let mut builder = builder();
        sample(&mut builder, &[2, 1], &[48]).unwrap();
        let profile = builder.finish().unwrap();
        assert_eq!(stack(&profile, 0), [1, 0]);
        assert_eq!(profile.values(0), [48]);
        assert_eq!(profile.header.sample_types, [SampleType::new("space", "bytes")]);
        let line = profile.symbols.locations.lines(crate::model::ids::LocationId(1))[0];
        assert_eq!((profile.symbols.name(line.function), line.line), ("main.main", 7));
    }

    #[test]
    fn ids_of_any_size_in_any_order_become_rows() {
        let mut builder = builder();
        for id in [1 << 63, 300] {
            builder.location(RawLocation { id, ..Default::default() }, &[]).unwrap();
        }
        sample(&mut builder, &[300, 1 << 63, 2], &[1]).unwrap();
        builder.sample_locations_packed(&[0xac, 0x02, 0x01]);
        sample(&mut builder, &[], &[1]).unwrap();
        let profile = builder.finish().unwrap();
        assert_eq!(stack(&profile, 0), [3, 2, 1]);
        assert_eq!(stack(&profile, 1), [3, 0]);
    }

    #[test]
    fn equal_stacks_have_equal_hashes_whatever_their_ids() {
        let hashes = |ids: [u64; 2], sparse: bool| {
            let mut builder = builder();
            let line = RawLine { function: 1, line: 9, column: 0 };
            let id = if sparse { 1 << 40 } else { 3 };
            builder.location(RawLocation { id, ..Default::default() }, &[line]).unwrap();
            sample(&mut builder, &[id, ids[0]], &[1]).unwrap();
            sample(&mut builder, &[ids[1], id], &[1]).unwrap();
            builder.finish().unwrap().samples.stack_hashes
        };
        // Locations 1 and 2 mean the same here.
        assert_eq!(hashes([1, 1], false), hashes([2, 1], true));
        let [a, b] = hashes([1, 1], false)[..] else { panic!("two samples") };
        assert_ne!(a, b, "another order is another stack");
    }

    #[test]
    fn a_label_is_a_string_or_a_number_or_nothing() {
        let mut builder = with(&["", "space", "bytes", "main.main", "tenant", "acme"]);
        let labels = builder.label_set(&[
            RawLabel { key: 4, text: 5, number: 0, unit: 0 },
            RawLabel { key: 2, text: 0, number: 64, unit: 2 },
            RawLabel { key: 2, text: 0, number: 0, unit: 2 },
            RawLabel { key: 4, text: 0, number: 0, unit: 0 },
        ]);
        builder.sample_value(1);
        builder.end_sample(labels).unwrap();
        let profile = builder.finish().unwrap();
        let values: Vec<_> = profile.label_sets.get(labels).iter().map(|l| l.value).collect();
        let bytes = StringId(2);
        let expected = [
            LabelValue::Text(StringId(5)),
            LabelValue::Number(64, bytes),
            LabelValue::Number(0, bytes),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn dangling_references_are_named() {
        let cases = [
            (
                complaint(|b| sample(b, &[9], &[1]).unwrap()),
                "a sample refers to location 9, which does not exist",
            ),
            (
                complaint(|b| sample(b, &[0], &[1]).unwrap()),
                "a sample refers to location 0, which does not exist",
            ),
            (
                complaint(|b| {
                    let line = RawLine { function: 8, line: 0, column: 0 };
                    b.location(RawLocation { id: 3, ..Default::default() }, &[line]).unwrap();
                }),
                "location 3 refers to function 8, which does not exist",
            ),
            (
                complaint(|b| {
                    b.mapping(RawMapping { id: 1, ..Default::default() }).unwrap();
                    b.location(RawLocation { id: 3, mapping: 2, ..Default::default() }, &[])
                        .unwrap();
                }),
                "location 3 refers to mapping 2, which does not exist",
            ),
            (
                complaint(|b| b.header.drop_frames = 4),
                "drop_frames is string 4, but the string table has 4 entries",
            ),
            (
                complaint(|b| b.header.comments = vec![0, -1]),
                "a comment is string -1, but the string table has 4 entries",
            ),
        ];
        for (complaint, expected) in cases {
            assert_eq!(complaint, expected);
        }
    }

    #[test]
    fn rows_are_refused_where_they_can_not_stand() {
        let mut builder = builder();
        let refused = |result: Result<(), Invalid>| result.expect_err("refused").0;
        let location = |id| RawLocation { id, ..Default::default() };
        assert_eq!(refused(builder.location(location(0), &[])), "a location has the reserved id 0");
        assert_eq!(refused(builder.location(location(2), &[])), "two locations have the id 2");
        let function = RawFunction { id: 2, ..Default::default() };
        assert_eq!(refused(builder.function(function)), "two functions have the id 2");
        assert!(refused(Builder::default().string(b"main")).contains("string_table[0]"));
        for _ in 1..MAX_SAMPLE_TYPES {
            builder.sample_type(RawType::default()).unwrap();
        }
        assert_eq!(refused(builder.sample_type(RawType::default())), "more than 256 sample types");
    }

    #[test]
    fn each_sample_has_a_value_for_each_sample_type() {
        assert!(complaint(|b| sample(b, &[1], &[1, 2]).unwrap()).contains("has 2 values"));
        let mut builder = builder();
        sample(&mut builder, &[1], &[1]).unwrap();
        let refused = sample(&mut builder, &[1], &[]).expect_err("refused").0;
        assert_eq!(refused, "sample 1 has 0 values; the samples before it have 1");
    }

    #[test]
    fn a_number_that_is_cut_off_is_not_completed_by_what_follows() {
        let spoiled = complaint(|b| {
            b.sample_locations_packed(&[0x81]);
            sample(b, &[0], &[1]).unwrap();
        });
        assert!(spoiled.contains("cut off"), "{spoiled}");
        let spoiled = complaint(|b| {
            b.sample_locations_packed(&[0xff; 11]);
            b.sample_locations_packed(&[0x01]);
            sample(b, &[], &[1]).unwrap();
        });
        assert!(spoiled.contains("cut off"), "{spoiled}");
    }

    #[test]
    fn many_references_to_one_long_comment_are_refused() {
        let long = "x".repeat(1 << 16);
        let comments = |n: usize| {
            let mut builder = with(&["", "space", "bytes", "main.main", &long]);
            builder.header.comments = vec![4; n];
            builder.finish()
        };
        assert_eq!(comments(255).unwrap().header.comments.len(), 255);
        assert_eq!(
            comments(1 << 20).expect_err("64 GiB").0,
            "the strings of the header take more than 16 MiB"
        );
    }

    #[test]
    fn many_references_to_one_long_name_are_refused() {
        let long = "x".repeat(1 << 20);
        let functions = |n: u64| {
            let mut builder = with(&["", "space", "bytes", "main.main", &long]);
            builder.allow(1 << 20);
            for id in 3..3 + n {
                builder.function(RawFunction { id, name: 4, ..Default::default() }).unwrap();
            }
            builder.finish()
        };
        // Of each use, 2 KiB are shown.
        assert!(functions(500).is_ok());
        assert!(functions(600).expect_err("more than 1 MiB").0.contains("1.0 MiB"));
    }

    #[test]
    fn two_profiles_in_one_are_told_from_a_repeated_id() {
        let mut builder = builder();
        let location = RawLocation { id: 1, ..Default::default() };
        let plain = builder.location(location, &[]).expect_err("taken").0;
        assert_eq!(plain, "two locations have the id 1");
        builder.header.time_nanos = 1;
        assert!(builder.location(location, &[]).expect_err("taken").0.contains("glued together"));
    }
}
