//! Answers: one question per file, each a function of a series that returns plain data.
//!
//! This file holds the types that several answers share. Every number is in the unit of its sample
//! type; every interval is a 95 % interval of the sampling error.

pub mod beside;
mod by_site;
pub mod call_graph;
pub mod calls;
pub mod check;
mod clock;
pub mod collector;
pub mod could_show;
pub mod cut_trees;
pub mod diff;
mod entries;
pub mod estimates;
mod evolution;
pub mod flame;
pub mod gaps;
pub mod goroutines;
pub mod list;
mod matched_samples;
pub mod matches;
pub mod memory;
mod nearest;
mod pairing;
pub mod parts;
pub mod peek;
pub mod places;
mod process;
pub mod rates;
mod raw_samples;
pub mod refs;
mod shared;
mod snapshot_pair;
mod spans;
pub mod stacks;
pub mod subtrees;
pub mod suspects;
pub mod tags;
pub mod timeline;
pub mod top;
pub mod traces;
mod turnover;

pub use could_show::CouldShow;
pub use nearest::NoMatch;
pub use process::{ProcessVerdict, Relation};
use raw_samples::{RawSamples, Records};
pub(crate) use raw_samples::{sampling, sampling_of};
pub use shared::{Shared, SharedPairs};
pub use snapshot_pair::Process;
pub(crate) use snapshot_pair::identical;
pub use spans::recording;
pub use suspects::Suspect;

use crate::graph::distinct_stacks::TooLarge;
use crate::graph::frames::{Frames, RowId, SiteId};
use crate::graph::sums::{Sum, Sums};
use crate::model::change::{Change, Value};
use crate::model::ids::LocationId;
use crate::model::labels;
use crate::model::measures;
use crate::model::origin::Owner;
use crate::model::profile::SampleType;
use crate::model::series::Series;
use crate::model::site::Frame;
use crate::model::symbols::Symbols;
use crate::stats::Interval;
use crate::units::{self, Bytes, Kind, Nanoseconds};
use matched_samples::MatchedSamples;
use serde::{Deserialize, Serialize};
use snapshot_pair::Record;

/// Why a question about the rows that match a pattern has no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No row matches.
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    /// The stacks are too long to follow.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// A 95 % interval, in the unit of the value it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bounds {
    /// Lower end.
    pub lower: i64,
    /// Upper end.
    pub upper: i64,
}

/// A flat and a cumulative value of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Measure {
    /// Allocated by the function itself (it is the leaf of the stack).
    pub flat: i64,
    /// Allocated by the function or by what it calls, each sample counted once.
    pub cum: i64,
}

impl Value for Measure {
    fn plus(self, other: Self) -> Self {
        Self { flat: self.flat.plus(other.flat), cum: self.cum.plus(other.cum) }
    }

    fn minus(self, other: Self) -> Self {
        Self { flat: self.flat.minus(other.flat), cum: self.cum.minus(other.cum) }
    }
}

/// 95 % intervals of a flat and of a cumulative value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MeasureBounds {
    /// Interval of flat, or of its Δ.
    pub flat: Bounds,
    /// Interval of cum, or of its Δ.
    pub cum: Bounds,
}

/// A place in the profiled program's own code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Place {
    /// Function name.
    pub function: String,
    /// Source file, if the profile names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
}

/// What happened to a row, or to a part of it, between two snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Absent before, and the growth is more than sampling error.
    New,
    /// Absent after, and the loss is more than sampling error.
    Gone,
    /// Grew by more than sampling error explains.
    Grown,
    /// Shrank by more than sampling error explains.
    Shrunk,
    /// Equal before and after.
    Same,
    /// Changed, but no more than sampling error explains.
    WithinNoise,
}

impl Status {
    /// The status of a change between two values; `is_real` if it is more than sampling error.
    fn of([before, after]: [i64; 2], is_real: bool) -> Self {
        match after.wrapping_sub(before) {
            0 => Status::Same,
            _ if !is_real => Status::WithinNoise,
            1.. if before == 0 => Status::New,
            1.. => Status::Grown,
            _ if after == 0 => Status::Gone,
            _ => Status::Shrunk,
        }
    }

    /// Whether it changed by more than sampling error explains.
    pub fn is_real(self) -> bool {
        !matches!(self, Status::Same | Status::WithinNoise)
    }
}

/// Rows of a table that were left out, and what they add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OmittedRows {
    /// Number of rows.
    pub rows: usize,
    /// Sum over these rows of the size they are sorted by: |flat| or |cum| (`top`), |Δ flat| or |Δ cum| (`diff`).
    pub sum: i64,
    /// The same with signs, so that opposite changes cancel.
    #[serde(default)]
    pub net: i64,
}

impl OmittedRows {
    /// Adds a row with this value.
    pub fn add(&mut self, value: i64) {
        self.rows += 1;
        self.sum = self.sum.saturating_add_unsigned(value.unsigned_abs());
        self.net = self.net.wrapping_add(value);
    }
}

/// Rows that were left out of a list, and what they add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Omitted {
    /// Number of rows.
    pub rows: usize,
    /// Sum over these rows of the size they are sorted by.
    pub sum: i64,
}

impl Bounds {
    fn of(interval: Interval) -> Self {
        // The casts saturate.
        Self { lower: interval.lower.round() as i64, upper: interval.upper.round() as i64 }
    }
}

/// How the rows of an answer are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By the lower confidence bound of |Δ|: the largest certain change first.
    Bound,
    /// By |Δ flat| or |flat|.
    Flat,
    /// By |Δ cum| or |cum|.
    Cum,
}

/// How many rows to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOptions {
    /// Maximum number of rows; 0 is no limit.
    pub nodecount: usize,
    /// Whether to include rows that did not change or are within noise.
    pub all: bool,
}

/// The sample type that an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its column.
    pub column: usize,
    /// Column of the count that goes with it (for a count, the column itself).
    pub count: Option<usize>,
    /// Column of the allocated values that go with values in use.
    pub allocated: Option<usize>,
    records: Records,
    allocated_records: Option<Records>,
}

impl Measured {
    /// Finds the columns of a sample type by its position.
    pub fn new(types: &[SampleType], column: usize) -> Self {
        let allocated = measures::allocated(types, column);
        Self {
            column,
            count: measures::count_of(types, column),
            allocated,
            records: Records::new(types, column),
            allocated_records: allocated.map(|column| Records::new(types, column)),
        }
    }

    fn is_count(&self) -> bool {
        self.count == Some(self.column)
    }
}

/// The subject of a question: a filtered series of one or two snapshots, and facts about it that
/// were determined before the filter removed samples.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The snapshots: one, or before and after.
    pub series: &'a Series,
    /// Their rows, at the requested granularity.
    pub frames: &'a Frames,
    /// The requested sample type.
    pub measured: Measured,
    /// How the two snapshots relate; `None` if there is one.
    pub process: Option<Process>,
    /// The whole that percentages refer to: the sum of |value| over the single snapshot, before the
    /// filter.
    pub whole: i64,
    /// What other questions about the same series found.
    pub shared: &'a Shared,
}

impl Subject<'_> {
    /// The records of the snapshots, for their error.
    fn matched(&self) -> MatchedSamples<'_> {
        MatchedSamples::shared(self)
    }

    /// Whether two snapshots are compared.
    fn is_comparison(&self) -> bool {
        self.process.is_some()
    }

    /// Builds the change of a row with the values `[before, after]`; a single profile is the
    /// second.
    fn change<T: Value>(&self, [before, after]: [T; 2]) -> Change<T> {
        Change::new(self.is_comparison().then_some(before), after)
    }

    /// Which of the values `[before, after]` a snapshot adds to, by its number.
    fn side(&self, number: usize) -> usize {
        if self.is_comparison() { number.min(1) } else { 1 }
    }

    /// A value as a share of the whole, or Δ relative to before, in percent.
    fn share(&self, amount: Change<i64>) -> Option<f64> {
        match (amount.before, amount.delta) {
            (Some(before), Some(delta)) => percent(delta, before),
            _ => percent(amount.after, self.whole),
        }
    }

    /// The snapshot and the sample that hold the stack and the labels of a record.
    fn sample(&self, record: Record) -> Option<(usize, usize)> {
        let after = record.after.map(|sample| (usize::from(self.is_comparison()), sample));
        after.or(record.before.map(|sample| (0, sample)))
    }
}

/// Looks up source places for the rows of an answer.
struct Context<'a> {
    series: &'a Series,
    noinlines: bool,
    /// Heaviest leaf location of each row.
    heaviest: Vec<Option<LocationId>>,
}

impl<'a> Context<'a> {
    /// `weight` returns how much a location matters.
    fn new(series: &'a Series, frames: &Frames, weight: impl Fn(LocationId) -> u64) -> Self {
        let mut heaviest: Vec<Option<(u64, LocationId)>> = vec![None; frames.len()];
        for location in series.symbols.locations.ids() {
            let w = weight(location);
            for row in frames.leaf(location) {
                let best = &mut heaviest[row.0 as usize];
                if w > 0 && best.is_none_or(|(most, _)| w > most) {
                    *best = Some((w, location));
                }
            }
        }
        let heaviest = heaviest.into_iter().map(|best| best.map(|(_, location)| location));
        Self { series, noinlines: frames.noinlines(), heaviest: heaviest.collect() }
    }

    /// File and line of a row.
    fn place(&self, row: RowId) -> (Option<String>, Option<i64>) {
        let symbols = &self.series.symbols;
        let Some(location) = self.heaviest[row.0 as usize] else { return (None, None) };
        let lines = symbols.locations.lines(location);
        let line = if self.noinlines { lines.last() } else { lines.first() };
        let Some(line) = line else { return (None, None) };
        let file = symbols.text(symbols.function(line.function).filename);
        let file = (!file.is_empty()).then(|| file.to_owned());
        (file, (line.line != 0).then_some(line.line))
    }
}

/// Converts a site to a place in the source.
fn place_of(series: &Series, frames: &Frames, site: SiteId) -> Place {
    place_at(series, frames.site(site))
}

/// Converts a frame to a place in the source.
fn place_at(series: &Series, Frame { function, line }: Frame) -> Place {
    let symbols = &series.symbols;
    let file = symbols.text(symbols.function(function).filename);
    Place {
        function: symbols.name(function).to_owned(),
        file: (!file.is_empty()).then(|| file.to_owned()),
        line: (line != 0).then_some(line),
    }
}

/// The frames of a stack, leaf first.
fn frames_of(series: &Series, stack: impl Iterator<Item = LocationId>, frames: &mut Vec<Frame>) {
    frames.clear();
    for location in stack {
        let lines = series.symbols.locations.lines(location).iter();
        frames.extend(lines.map(Frame::from));
    }
}

/// A change is more than sampling error if its q-value is at most this.
const SIGNIFICANT: f64 = 0.05;

/// When a profile was taken, in RFC 3339; `None` if the profile doesn't record it.
pub(crate) fn rfc3339(time_nanos: i64) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(i128::from(time_nanos)).ok();
    time.filter(|_| time_nanos != 0).map(|time| time.to_string())
}

/// Formats a value in the unit of a sample type.
fn amount(value: i64, unit: &str) -> String {
    let (kind, factor) = units::classify(unit);
    match kind {
        Kind::Bytes => Bytes(value as f64 * factor).to_string(),
        Kind::Time => Nanoseconds(value as f64 * factor).to_string(),
        Kind::Count => value.to_string(),
    }
}

/// Percent of a whole, with the sign of the part; `None` if the whole is 0.
fn percent(part: i64, whole: i64) -> Option<f64> {
    (whole != 0).then(|| part as f64 / whole.unsigned_abs() as f64 * 100.0)
}

/// The value that a row is sorted and judged by.
fn primary(sum: Sum, order: Order) -> i64 {
    if order == Order::Cum { sum.cum } else { sum.flat }
}

/// The objects that go with [`primary`].
fn primary_objects(sum: Sum, order: Order) -> i64 {
    if order == Order::Cum { sum.cum_objects } else { sum.flat_objects }
}

/// The rows beneath the row of a binary: its addresses without symbols.
fn addresses(frames: &Frames, parent: RowId) -> impl Iterator<Item = RowId> {
    // A binary has no owner: other rows needn't be searched for.
    let is_binary = frames.row(parent).owner == Owner::Unknown;
    let rows = (0..frames.len() as u32 * u32::from(is_binary)).map(RowId);
    rows.filter(move |&row| frames.row(row).parent == Some(parent))
}

/// Whether a row holds nothing in one snapshot.
fn is_empty(sums: &Sums, row: RowId) -> bool {
    sums.row(row) == Sum::default()
}

/// A label of a sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Label {
    /// Its key.
    pub key: String,
    /// Its value.
    #[serde(flatten)]
    pub value: LabelValue,
}

/// The value of a label: a text, or a number with its unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum LabelValue {
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// A number.
    Number {
        /// The number.
        number: i64,
        /// Its unit as the profile names it; empty if it names none.
        number_unit: String,
    },
}

/// Resolves the names of a label.
fn label(symbols: &Symbols, label: &labels::Label) -> Label {
    let text = |id| symbols.text(id).to_owned();
    let value = match label.value {
        labels::LabelValue::Text(id) => LabelValue::Text { text: text(id) },
        labels::LabelValue::Number(number, unit) => {
            LabelValue::Number { number, number_unit: text(unit) }
        }
    };
    Label { key: text(label.key), value }
}

/// The size that a row with the values `[before, after]` is sorted by: |Δ|, which is |value| for a
/// single profile, whose before is 0.
fn size([before, after]: [i64; 2]) -> u64 {
    after.wrapping_sub(before).unsigned_abs()
}
