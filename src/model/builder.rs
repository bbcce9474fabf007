//! The one way to make a [`Profile`]: entries as they come, in any order, with the ids of the file.
//!
//! Files name locations and functions by arbitrary 64-bit ids, may refer to what comes later, and may lie.
//! The builder keeps references as given, and [`Builder::finish`] turns them into rows, checking each. Ids are dense in every profile that matters for speed, so the way from id to
//! row is an array; whatever lies far outside it goes to a hash map, and a huge id costs no memory.

use super::ids::{FunctionId, LabelSetId, MappingId, StringId};
use super::labels::{Label, LabelSets, LabelValue};
use super::profile::{Header, Profile, SampleType, Samples, varint};
use super::strings::Strings;
use super::symbols::{Function, Line, Locations, Mapping, Resolved, Symbols};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// More sample types than this are no profile's: each costs a column.
const MAX_SAMPLE_TYPES: usize = 256;

/// What is wrong with the entries of a profile: what was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

fn invalid<T>(what: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(what.into()))
}

/// A value type by the positions of its strings.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawType {
    /// Position of the type's name.
    pub name: i64,
    /// Position of the unit's name.
    pub unit: i64,
}

/// A mapping with the ids of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawMapping {
    /// Id.
    pub id: u64,
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub limit: u64,
    /// Offset in the file.
    pub offset: u64,
    /// Position of the file's name.
    pub file: i64,
    /// Position of the build id.
    pub build_id: i64,
    /// What is resolved.
    pub has: Resolved,
}

/// A function with the ids of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawFunction {
    /// Id.
    pub id: u64,
    /// Position of the name.
    pub name: i64,
    /// Position of the system name.
    pub system_name: i64,
    /// Position of the file name.
    pub filename: i64,
    /// Line of its start.
    pub start_line: i64,
}

/// A line with the ids of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawLine {
    /// Id of the function.
    pub function: u64,
    /// Line number.
    pub line: i64,
    /// Column.
    pub column: i64,
}

/// A location with the ids of the file; its lines are given beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawLocation {
    /// Id.
    pub id: u64,
    /// Id of the mapping; 0 is none.
    pub mapping: u64,
    /// Address.
    pub address: u64,
    /// Whether several functions share it.
    pub is_folded: bool,
}

/// A label by the positions of its strings.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawLabel {
    /// Position of the key.
    pub key: i64,
    /// Position of the string value; 0 is none.
    pub text: i64,
    /// Numeric value.
    pub number: i64,
    /// Position of the number's unit; 0 is none.
    pub unit: i64,
}

/// The header by the positions of its strings.
#[derive(Clone, Debug, Default)]
pub struct RawHeader {
    /// Position of the regular expression of frames to drop.
    pub drop_frames: i64,
    /// Position of the regular expression of frames to keep all the same.
    pub keep_frames: i64,
    /// Nanoseconds since the epoch.
    pub time_nanos: i64,
    /// Nanoseconds.
    pub duration_nanos: i64,
    /// What the period counts.
    pub period_type: Option<RawType>,
    /// Events between samples.
    pub period: i64,
    /// Positions of the comments.
    pub comments: Vec<i64>,
    /// Position of the default sample type's name.
    pub default_sample_type: i64,
    /// Position of the documentation's address.
    pub doc_url: i64,
}

/// From the ids of a file to rows.
#[derive(Debug, Default)]
struct IdMap {
    dense: Vec<u32>,
    sparse: HashMap<u64, u32, FxBuildHasher>,
    len: usize,
}

const NO_ROW: u32 = u32::MAX;

impl IdMap {
    /// Notes that `id` is the next row; false where the id is taken.
    fn insert(&mut self, id: u64) -> bool {
        if self.get(id).is_some() {
            return false;
        }
        let row = self.len as u32;
        self.len += 1;
        // The array may be a few times as long as there are ids, never as long as an id says.
        if id < 1024 + 4 * self.len as u64 {
            let id = id as usize;
            if self.dense.len() <= id {
                self.dense.resize((id + 1).max(self.dense.len() * 2), NO_ROW);
            }
            self.dense[id] = row;
        } else {
            self.sparse.insert(id, row);
        }
        true
    }

    fn get(&self, id: u64) -> Option<u32> {
        match self.dense.get(id as usize) {
            Some(&row) if row != NO_ROW && id <= u64::from(u32::MAX) => Some(row),
            _ => self.sparse.get(&id).copied(),
        }
    }
}

/// Collects the entries of a profile.
#[derive(Debug)]
pub struct Builder {
    /// The header's scalar entries.
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
        }
    }
}

impl Builder {
    /// Appends a string to the string table. The first must be empty.
    pub fn string(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        if self.strings.is_empty() && !bytes.is_empty() {
            return invalid("string_table[0] is not empty; the format wants \"\" there");
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
        check_new("mapping", m.id, &mut self.mapping_ids)?;
        self.mappings.push(m);
        Ok(())
    }

    /// Appends a function.
    pub fn function(&mut self, f: RawFunction) -> Result<(), Invalid> {
        check_new("function", f.id, &mut self.function_ids)?;
        self.functions.push(f);
        Ok(())
    }

    /// Appends a location with its lines, innermost first.
    pub fn location(&mut self, l: RawLocation, lines: &[RawLine]) -> Result<(), Invalid> {
        check_new("location", l.id, &mut self.location_ids)?;
        self.locations.push(l);
        self.lines.extend_from_slice(lines);
        self.line_ends.push(self.lines.len() as u32);
        Ok(())
    }

    /// Appends a set of labels, to be named by the samples that bear it.
    pub fn label_set(&mut self, labels: &[RawLabel]) -> LabelSetId {
        let id = LabelSetId::from_index(self.label_ends.len());
        self.labels.extend_from_slice(labels);
        self.label_ends.push(self.labels.len() as u32);
        id
    }

    /// The locations of the sample under way, from the leaf to the root, as a packed field of varints holds them.
    #[inline]
    pub fn sample_locations_packed(&mut self, varints: &[u8]) {
        self.samples.push_packed(varints);
    }

    /// The next location of the sample under way, from the leaf to the root.
    pub fn sample_location(&mut self, id: u64) {
        self.samples.push_id(id);
    }

    /// The next value of the sample under way.
    #[inline]
    pub fn sample_value(&mut self, value: i64) {
        self.samples.values.push(value);
    }

    /// Forgets what was appended of the sample under way.
    pub fn forget_sample(&mut self) {
        let values = self.values_per_sample.unwrap_or(0) * self.samples.len();
        self.samples.forget_sample(values);
    }

    /// Ends the sample under way.
    #[inline]
    pub fn end_sample(&mut self, labels: LabelSetId) -> Result<(), Invalid> {
        let samples = &mut self.samples;
        let n = samples.labels.len();
        let values = match self.values_per_sample {
            Some(values) => values,
            None => *self.values_per_sample.insert(samples.values.len()),
        };
        if samples.values.len() != values * (n + 1) {
            return invalid(format!(
                "sample {n} has {} values, the samples before it have {values}",
                samples.values.len() - values * n
            ));
        }
        if !samples.end_stack() {
            return invalid("the stacks of the samples take more than 4 GiB");
        }
        samples.labels.push(labels);
        Ok(())
    }

    /// Number of samples so far.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// Checks every reference and makes the profile.
    pub fn finish(mut self) -> Result<Profile, Invalid> {
        self.check_sizes()?;
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

    fn owned(&self, what: &str, position: i64) -> Result<String, Invalid> {
        Ok(self.strings.get(self.string_id(what, position)?).to_owned())
    }

    fn finish_header(&self) -> Result<Header, Invalid> {
        let sample_type = |what: &str, t: &RawType| {
            Ok(SampleType { name: self.owned(what, t.name)?, unit: self.owned(what, t.unit)? })
        };
        let raw = &self.header;
        let comments: Result<_, _> =
            raw.comments.iter().map(|&c| self.owned("a comment", c)).collect();
        Ok(Header {
            sample_types: self
                .sample_types
                .iter()
                .map(|t| sample_type("a sample type", t))
                .collect::<Result<_, _>>()?,
            default_sample_type: self.owned("default_sample_type", raw.default_sample_type)?,
            period_type: match &raw.period_type {
                Some(t) => sample_type("the period type", t)?,
                None => SampleType::default(),
            },
            period: raw.period,
            time_nanos: raw.time_nanos,
            duration_nanos: raw.duration_nanos,
            comments: comments?,
            drop_frames: self.owned("drop_frames", raw.drop_frames)?,
            keep_frames: self.owned("keep_frames", raw.keep_frames)?,
            doc_url: self.owned("doc_url", raw.doc_url)?,
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

    /// A label is a string where it names one, a number where it has one (or a unit), and nothing else.
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

    /// Checks every location of every stack, hashes the stacks, and where ids are not 1, 2, 3, ... rewrites them.
    fn finish_stacks(&mut self, symbols: &Symbols) -> Result<(), Invalid> {
        let in_order = self.locations.iter().zip(1..).all(|(l, id)| l.id == id);
        if !in_order {
            self.renumber()?;
        }
        let locations = symbols.location_hashes();
        let (packed, ends) = self.samples.packed();
        let mut hashes = Vec::with_capacity(ends.len());
        let (mut start, mut deepest) = (0, 0);
        for &end in ends {
            let stack = &packed[start..end as usize];
            start = end as usize;
            let mut hash = StackHash::default();
            let mut rest = stack.iter();
            while let Some(id) = varint(&mut rest) {
                match locations.get((id as usize).wrapping_sub(1)) {
                    Some(&location) => hash.add(location),
                    None => return unknown_location(id),
                }
            }
            check_end(stack)?;
            deepest = deepest.max(hash.length);
            hashes.push(hash.finish());
        }
        self.samples.stack_hashes = hashes;
        self.samples.deepest = deepest as usize;
        Ok(())
    }

    /// Puts rows in the place of ids that are not.
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
            check_end(stack)?;
            stacks.end_stack();
        }
        self.samples.replace_stacks(stacks);
        Ok(())
    }
}

/// A stack must not end within a number.
#[inline]
fn check_end(stack: &[u8]) -> Result<(), Invalid> {
    match stack.last() {
        Some(0x80..) => invalid("the locations of a sample end in the middle of a number"),
        _ => Ok(()),
    }
}

#[cold]
fn unknown_location<T>(id: u64) -> Result<T, Invalid> {
    invalid(format!("a sample refers to location {id}, which does not exist"))
}

/// The hash of a stack: two lanes, so that a location does not wait for the one before it.
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

fn check_new(what: &str, id: u64, ids: &mut IdMap) -> Result<(), Invalid> {
    if id == 0 {
        return invalid(format!("a {what} has the reserved id 0"));
    }
    if ids.len >= NO_ROW as usize - 1 {
        return invalid(format!("more than {} {what}s", NO_ROW - 1));
    }
    if !ids.insert(id) {
        return invalid(format!("two {what}s have the id {id}"));
    }
    Ok(())
}

fn dangling<T>(what: &str, id: u64, other: &str, other_id: u64) -> Result<T, Invalid> {
    invalid(format!("{what} {id} refers to {other} {other_id}, which does not exist"))
}
