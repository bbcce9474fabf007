//! A profile as columns: what one file says, in its own ids.
//!
//! A heap profile of a large service has a million samples of thirty locations each. As structs of vectors
//! that is a million small allocations; here it is one flat array of location ids with offsets, one array
//! of values and one of label sets. Profiles are made by [`super::builder::Builder`] alone, which checks
//! every reference, so that a reader of a profile never meets a dangling id.

use super::ids::{LabelSetId, LocationId, StringId};
use super::labels::LabelSets;
use super::symbols::Symbols;

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
}

/// Samples as columns.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Locations of all stacks, one after the other, the leaf of each first.
    pub locations: Vec<LocationId>,
    /// End of each sample's stack in `locations`.
    pub ends: Vec<u32>,
    /// Values, one row of `sample_types.len()` for each sample: a comparison looks at all values of a
    /// sample together, so they share a cache line.
    pub values: Vec<i64>,
    /// Labels of each sample.
    pub labels: Vec<LabelSetId>,
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The stack of a sample, leaf first.
    pub fn stack(&self, i: usize) -> &[LocationId] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.locations[start..self.ends[i] as usize]
    }
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
