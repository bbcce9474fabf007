//! A profile as columns: the contents of one file, with its own ids.
//!
//! A heap profile of a large service has a million samples of thirty locations each. As structs of
//! vectors, that is a million small allocations; here it is one flat array of location ids with
//! offsets, one array of values and one of label sets. Only [`super::builder::Builder`] makes
//! profiles, and it checks every reference, so a reader of a profile never meets a dangling id.

use super::goroutines::DumpFacts;
use super::ids::{LabelSetId, LocationId, StringId};
use super::labels::LabelSets;
use super::memory_statistics::MemoryStatistics;
use super::names::{LONGEST_SHOWN, bounded};
use super::symbols::Symbols;
use crate::parallel;
use crate::units;
use serde::{Deserialize, Serialize};

/// Name and unit of a measured value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleType {
    /// What it measures, such as `inuse_space`.
    pub name: String,
    /// Its unit, such as `bytes`.
    pub unit: String,
}

impl SampleType {
    /// A sample type.
    pub fn new(name: &str, unit: &str) -> Self {
        Self { name: name.to_owned(), unit: unit.to_owned() }
    }
}

impl std::fmt::Display for SampleType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.name, self.unit)
    }
}

/// The header of a profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Types of the values of each sample, in order.
    pub sample_types: Vec<SampleType>,
    /// The sample type to show first; empty if the profile leaves the choice to the reader (then
    /// the last).
    pub default_sample_type: String,
    /// What the period counts.
    pub period_type: SampleType,
    /// Events between two samples; bytes in a heap profile.
    pub period: i64,
    /// When it was taken, in nanoseconds since the epoch; 0 if unknown.
    pub time_nanos: i64,
    /// Where [`Header::time_nanos`] comes from.
    pub time_source: TimeSource,
    /// The time span it covers, in nanoseconds; 0 for a snapshot.
    pub duration_nanos: i64,
    /// Free text.
    pub comments: Vec<String>,
    /// Uninteresting frames, as a regular expression.
    pub drop_frames: String,
    /// Exceptions from `drop_frames`.
    pub keep_frames: String,
    /// Address of the profile's documentation.
    pub doc_url: String,
    /// Whether its samples are fewer than it says itself: then its end is missing.
    pub is_incomplete: bool,
    /// What is known of it if it is a goroutine dump.
    pub dump: DumpFacts,
    /// The options that its addresses were named with, `--exe BINARY`, word by word.
    pub named_with: Vec<String>,
    /// What the runtime says about its memory, if it does.
    pub memory_statistics: Option<MemoryStatistics>,
}

/// Where the time of a profile comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// The profile says when it was taken, or could.
    #[default]
    Profile,
    /// It says when the last collection ended, and what it holds is of that moment.
    LastCollection,
    /// The name of its file has it.
    FileName,
    /// The command line has it.
    Given,
    /// The file was last changed then.
    FileChanged,
    /// Its format has no time.
    None,
}

impl Header {
    /// The header with its names as they are shown.
    pub(super) fn shown(mut self) -> Self {
        let types = self.sample_types.iter_mut().chain([&mut self.period_type]);
        let names = types.flat_map(|t| [&mut t.name, &mut t.unit]);
        for name in names.chain([&mut self.default_sample_type]) {
            if name.len() > LONGEST_SHOWN {
                *name = bounded(name).into_owned();
            }
        }
        self
    }

    /// Takes a time, and where it comes from, if the format has none.
    pub fn take_time(&mut self, time: impl FnOnce() -> Option<(i64, TimeSource)>) {
        if self.time_source == TimeSource::None
            && let Some((nanos, source)) = time()
        {
            (self.time_nanos, self.time_source) = (nanos, source);
        }
    }

    /// Whether the profile is in text. Its stacks then differ from those of the same moment in
    /// protobuf: inlined functions have locations of their own.
    pub fn is_text(&self) -> bool {
        self.time_source != TimeSource::Profile
    }

    /// Position of a sample type by name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.sample_types.iter().position(|t| t.name == name)
    }

    /// Whether two profiles have a sample type in common, in units that convert.
    pub fn shares_type(&self, other: &Header) -> bool {
        self.sample_types.iter().any(|own| {
            let same = other.position(&own.name).map(|position| &other.sample_types[position]);
            same.is_some_and(|same| units::conversion(&own.unit, &same.unit).is_some())
        })
    }
}

/// Samples as columns.
///
/// Stacks stay packed as in files: a location is a varint of its row plus one, mostly two bytes.
/// That is half the size of an array of 32-bit ids, and touching memory for the first time costs
/// more than unpacking.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    packed: Vec<u8>,
    ends: Vec<u32>,
    /// Values, one row of `sample_types.len()` per sample: a comparison reads all values of a
    /// sample together, so they share a cache line.
    pub values: Vec<i64>,
    /// The label set of each sample.
    pub labels: Vec<LabelSetId>,
    /// Number of locations in the deepest stack.
    pub deepest: usize,
    /// A hash of each stack's meaning, independent of ids: equal stacks of two profiles have equal
    /// hashes.
    pub stack_hashes: Vec<u64>,
}

/// Bytes of stacks and of values reserved at the first sample. Memory that is reserved but not
/// touched costs nothing, while growing step by step touches everything twice.
const RESERVED: usize = 16 << 20;

impl Samples {
    /// Reserves space for the samples of a profile of so many bytes, before the first sample.
    pub(super) fn reserve(&mut self, bytes: usize) {
        let bytes = bytes.min(RESERVED);
        // Without the space they grow as they are filled.
        let _ = self.packed.try_reserve(bytes);
        let _ = self.values.try_reserve(bytes / size_of::<i64>());
        let _ = self.ends.try_reserve(bytes / 8 / size_of::<u32>());
        let _ = self.labels.try_reserve(bytes / 8 / size_of::<LabelSetId>());
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The locations of a sample, leaf first.
    #[inline]
    pub fn stack(&self, sample: usize) -> Stack<'_> {
        let start = if sample == 0 { 0 } else { self.ends[sample - 1] as usize };
        Stack { packed: self.packed[start..self.ends[sample] as usize].iter() }
    }

    /// Appends locations of the current sample, packed as in a file. They are taken as they are;
    /// [`super::builder::Builder`] checks them at the end.
    #[inline]
    pub(super) fn push_packed(&mut self, packed: &[u8]) {
        self.packed.extend_from_slice(packed);
    }

    /// Appends a location of the current sample, by its id: its row plus one.
    pub(super) fn push_id(&mut self, id: u64) {
        push_varint(&mut self.packed, id);
    }

    /// Discards what was appended for the current sample.
    pub(super) fn forget_sample(&mut self, values: usize) {
        self.packed.truncate(self.ends.last().map_or(0, |&end| end as usize));
        self.values.truncate(values);
    }

    /// Ends the stack of the current sample; returns false if stacks take more than 4 GiB.
    pub(super) fn end_stack(&mut self) -> bool {
        self.ends.push(self.packed.len() as u32);
        u32::try_from(self.packed.len()).is_ok()
    }

    /// The bytes they take.
    pub fn bytes(&self) -> usize {
        self.packed.len()
            + size_of_val(self.ends.as_slice())
            + size_of_val(self.values.as_slice())
            + size_of_val(self.labels.as_slice())
            + size_of_val(self.stack_hashes.as_slice())
    }

    /// Whether some sample has no stack.
    pub fn has_empty_stack(&self) -> bool {
        self.ends.first() == Some(&0) || self.ends.windows(2).any(|ends| ends[0] == ends[1])
    }

    /// Gives each sample without a stack this location, by its id: its row plus one. Stacks that
    /// could take more than 4 GiB then stay as they are.
    pub(super) fn fill_empty_stacks(&mut self, id: u64) {
        const LONGEST_VARINT: usize = 10;
        if u32::try_from(self.packed.len() + self.len() * LONGEST_VARINT).is_err() {
            return;
        }
        let packed = std::mem::take(&mut self.packed);
        let mut start = 0;
        for at in 0..self.ends.len() {
            let end = self.ends[at] as usize;
            self.packed.extend_from_slice(&packed[start..end]);
            if start == end {
                self.push_id(id);
            }
            start = end;
            self.ends[at] = self.packed.len() as u32;
        }
    }

    /// Appends a whole stack.
    pub fn push_stack(&mut self, stack: &[LocationId]) {
        for location in stack {
            self.push_id(u64::from(location.0) + 1);
        }
        self.end_stack();
    }

    /// The packed bytes, and where each stack ends in them.
    pub(super) fn packed(&self) -> (&[u8], &[u32]) {
        (&self.packed, &self.ends)
    }

    /// Replaces the stacks by others, of the same number.
    pub(super) fn replace_stacks(&mut self, stacks: Self) {
        self.packed = stacks.packed;
        self.ends = stacks.ends;
    }
}

/// Samples that a filter keeps, with what it leaves of their stacks.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The samples, in order.
    pub samples: Vec<u32>,
    /// The stacks, packed as they were.
    pub packed: Vec<u8>,
    /// Where each ends.
    pub ends: Vec<u32>,
}

impl Samples {
    /// The samples that these pieces keep, of `width` values each.
    #[must_use]
    pub fn kept(&self, pieces: &[Kept], width: usize) -> Self {
        let samples = || pieces.iter().flat_map(|piece| &piece.samples).map(|&one| one as usize);
        let len = pieces.iter().map(|piece| piece.samples.len()).sum();
        let values = || {
            let mut values = Vec::with_capacity(len * width);
            samples().for_each(|at| {
                values.extend_from_slice(&self.values[at * width..(at + 1) * width]);
            });
            values
        };
        let others = || {
            let bytes = pieces.iter().map(|piece| piece.packed.len()).sum();
            let (mut packed, mut ends) = (Vec::with_capacity(bytes), Vec::with_capacity(len));
            for piece in pieces {
                let start = packed.len() as u32;
                packed.extend_from_slice(&piece.packed);
                ends.extend(piece.ends.iter().map(|end| start + end));
            }
            let labels: Vec<LabelSetId> = samples().map(|at| self.labels[at]).collect();
            // Records are distinguished by the stacks that the file holds.
            let hashes: Vec<u64> = samples().map(|at| self.stack_hashes[at]).collect();
            (packed, ends, labels, hashes)
        };
        let (values, (packed, ends, labels, stack_hashes)) = parallel::join(values, others);
        Self { packed, ends, values, labels, deepest: 0, stack_hashes }
    }
}

/// The locations of a sample, leaf first; none by default.
#[derive(Clone, Debug, Default)]
pub struct Stack<'a> {
    packed: std::slice::Iter<'a, u8>,
}

impl<'a> Stack<'a> {
    /// The bytes that are left: stacks of one profile with equal bytes are equal.
    #[inline]
    pub(crate) fn packed(&self) -> &'a [u8] {
        self.packed.as_slice()
    }
}

impl Iterator for Stack<'_> {
    type Item = LocationId;

    #[inline]
    fn next(&mut self) -> Option<LocationId> {
        varint(&mut self.packed).map(|id| LocationId((id as u32).wrapping_sub(1)))
    }
}

impl DoubleEndedIterator for Stack<'_> {
    /// The location nearest to the root.
    #[inline]
    fn next_back(&mut self) -> Option<LocationId> {
        // Only the last byte of a varint is below 0x80.
        let mut id = u32::from(*self.packed.next_back()?);
        while let Some(&byte) = self.packed.as_slice().last()
            && byte >= 0x80
        {
            self.packed.next_back();
            id = id << 7 | u32::from(byte & 0x7f);
        }
        Some(LocationId(id.wrapping_sub(1)))
    }
}

/// Appends a number as a varint.
#[inline]
pub(super) fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads a varint from the front of the bytes; `None` if they end, `u64::MAX` if it is longer than
/// 64 bits.
#[inline]
pub(crate) fn varint(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let a = *bytes.next()?;
    if a < 0x80 {
        return Some(u64::from(a));
    }
    let b = *bytes.next()?;
    if b < 0x80 {
        return Some(u64::from(a & 0x7f) | u64::from(b) << 7);
    }
    long_varint(u64::from(a & 0x7f) | u64::from(b & 0x7f) << 7, bytes)
}

/// Reads the rest of a varint whose first two bytes were read.
fn long_varint(mut value: u64, bytes: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    for shift in (14..64).step_by(7) {
        let byte = *bytes.next()?;
        // The tenth byte holds only the 64th bit.
        if shift == 63 && byte > 1 {
            return Some(u64::MAX);
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A profile.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Its header.
    pub header: Header,
    /// Its symbols.
    pub symbols: Symbols,
    /// Its distinct label sets.
    pub label_sets: LabelSets,
    /// Its samples.
    pub samples: Samples,
}

impl Profile {
    /// The bytes it takes, but for those of its header.
    pub fn bytes(&self) -> usize {
        self.symbols.bytes() + self.label_sets.bytes() + self.samples.bytes()
    }

    /// The values of a sample, one for each sample type.
    pub fn values(&self, i: usize) -> &[i64] {
        let n = self.header.sample_types.len();
        &self.samples.values[i * n..(i + 1) * n]
    }

    /// A string of this profile.
    pub fn text(&self, id: StringId) -> &str {
        self.symbols.text(id)
    }
}
