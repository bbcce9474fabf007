//! A profile as columns: what one file says, in its own ids.
//!
//! A heap profile of a large service has a million samples of thirty locations each. As structs of vectors
//! that is a million small allocations; here it is one flat array of location ids with offsets, one array
//! of values and one of label sets. Profiles are made by [`super::builder::Builder`] alone, which checks
//! every reference, so that a reader of a profile never meets a dangling id.

use super::ids::{LabelSetId, LocationId, StringId};
use super::labels::LabelSets;
use super::symbols::Symbols;
use crate::units;

/// Name and unit of a measured value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleType {
    /// What is measured: `inuse_space`.
    pub name: String,
    /// In what unit: `bytes`.
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

/// What a profile says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Types of the values of each sample, in their order.
    pub sample_types: Vec<SampleType>,
    /// The sample type to show first; empty where the profile leaves it to the reader (then the last).
    pub default_sample_type: String,
    /// What the period counts.
    pub period_type: SampleType,
    /// Events between two samples: in a heap profile bytes.
    pub period: i64,
    /// When it was taken, in nanoseconds since the epoch; 0 where unknown.
    pub time_nanos: i64,
    /// The span it covers in nanoseconds; 0 for a state.
    pub duration_nanos: i64,
    /// Free text.
    pub comments: Vec<String>,
    /// Frames that matter to nobody, as a regular expression.
    pub drop_frames: String,
    /// Exceptions from `drop_frames`.
    pub keep_frames: String,
    /// Where the profile's documentation stands.
    pub doc_url: String,
}

impl Header {
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
/// Stacks stay packed as files hold them: a location is a varint of its row plus one, two bytes mostly. That is half of
/// an array of 32-bit ids, and memory that is touched for the first time costs more than unpacking.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    packed: Vec<u8>,
    ends: Vec<u32>,
    /// Values, one row of `sample_types.len()` for each sample: a comparison looks at all values of a
    /// sample together, so they share a cache line.
    pub values: Vec<i64>,
    /// Labels of each sample.
    pub labels: Vec<LabelSetId>,
    /// Locations of the deepest stack.
    pub deepest: usize,
    /// A hash of what each stack means, whatever its ids: equal stacks of two profiles have equal hashes.
    pub stack_hashes: Vec<u64>,
}

/// Bytes of stacks and of values that are reserved at the first sample. Memory that is reserved and not touched costs
/// nothing, while growing from small beginnings touches everything twice.
const RESERVED: usize = 16 << 20;

impl Samples {
    /// Makes room for the samples of a profile of some size, before the first.
    pub(super) fn reserve(&mut self) {
        self.packed.reserve(RESERVED);
        self.values.reserve(RESERVED / size_of::<i64>());
        self.ends.reserve(RESERVED / 8 / size_of::<u32>());
        self.labels.reserve(RESERVED / 8 / size_of::<LabelSetId>());
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The locations of a sample, leaf first.
    #[inline]
    pub fn stack(&self, sample: usize) -> Stack<'_> {
        let start = if sample == 0 { 0 } else { self.ends[sample - 1] as usize };
        Stack { packed: self.packed[start..self.ends[sample] as usize].iter() }
    }

    /// Appends locations of the sample under way as a file packs them. They are taken as they are;
    /// [`super::builder::Builder`] checks them in the end.
    #[inline]
    pub(super) fn push_packed(&mut self, packed: &[u8]) {
        self.packed.extend_from_slice(packed);
    }

    /// Appends a location of the sample under way, by its id: its row plus one.
    pub(super) fn push_id(&mut self, id: u64) {
        push_varint(&mut self.packed, id);
    }

    /// Forgets what was appended of the sample under way.
    pub(super) fn forget_sample(&mut self, values: usize) {
        self.packed.truncate(self.ends.last().map_or(0, |&end| end as usize));
        self.values.truncate(values);
    }

    /// Ends the stack of the sample under way; false where stacks take more than 4 GiB.
    pub(super) fn end_stack(&mut self) -> bool {
        self.ends.push(self.packed.len() as u32);
        u32::try_from(self.packed.len()).is_ok()
    }

    /// Appends a whole stack.
    pub fn push_stack(&mut self, stack: &[LocationId]) {
        for location in stack {
            self.push_id(u64::from(location.0) + 1);
        }
        self.end_stack();
    }

    /// The packed bytes and the end of each stack in them.
    pub(super) fn packed(&self) -> (&[u8], &[u32]) {
        (&self.packed, &self.ends)
    }

    /// Puts other stacks in the place of these, which must be as many.
    pub(super) fn replace_stacks(&mut self, stacks: Self) {
        self.packed = stacks.packed;
        self.ends = stacks.ends;
    }
}

/// The locations of a sample, leaf first.
#[derive(Clone, Debug)]
pub struct Stack<'a> {
    packed: std::slice::Iter<'a, u8>,
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
        // The last byte of a varint is below 0x80, and only that.
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

/// The varint at the head of bytes; `None` where they end, `u64::MAX` where it is longer than 64 bits.
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

/// The rest of a varint of which two bytes were read.
fn long_varint(mut value: u64, bytes: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    for shift in (14..64).step_by(7) {
        let byte = *bytes.next()?;
        // The tenth byte holds the 64th bit alone.
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
    /// What it says about itself.
    pub header: Header,
    /// Its symbols.
    pub symbols: Symbols,
    /// Its distinct label sets.
    pub label_sets: LabelSets,
    /// Its samples.
    pub samples: Samples,
}

impl Profile {
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
