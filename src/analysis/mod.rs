//! Answers: one question per file, each a function of a series that returns plain data.
//!
//! What stands here is what several answers share: the words of a row. Every number is in the unit
//! of the sample type it belongs to; every interval is a 95 % interval of the sampling error.

pub mod call_graph;
pub mod calls;
pub mod check;
pub mod diff;
mod entries;
pub mod estimates;
mod evolution;
pub mod flame;
pub mod list;
mod matched_samples;
pub mod matches;
mod nearest;
mod pairing;
pub mod peek;
mod raw_samples;
pub mod refs;
mod snapshot_pair;
mod spans;
pub mod stacks;
pub mod suspects;
pub mod tags;
pub mod timeline;
pub mod top;
pub mod traces;
mod turnover;

pub use nearest::NoMatch;
use raw_samples::{RawSamples, Records};
pub(crate) use raw_samples::{sampling, sampling_of};
pub use snapshot_pair::Process;
pub use spans::recording;
pub use suspects::Suspect;

use crate::graph::distinct_stacks::TooLarge;
use crate::graph::frames::{Frames, RowId, SiteId};
use crate::graph::sums::{Sum, Sums};
use crate::model::change::{Change, Value};
use crate::model::ids::LocationId;
use crate::model::labels;
use crate::model::measures;
use crate::model::profile::SampleType;
use crate::model::series::Series;
use crate::model::site::Frame;
use crate::model::symbols::Symbols;
use crate::stats::Interval;
use hashbrown::HashMap;
use matched_samples::MatchedSamples;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use snapshot_pair::Record;

/// Why there is no answer about the rows that match a pattern.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// None does.
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
    /// Of flat, or of its Δ.
    pub flat: Bounds,
    /// Of cum, or of its Δ.
    pub cum: Bounds,
}

/// A place in the profiled program's own code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Place {
    /// Function name.
    pub function: String,
    /// Source file, where the profile names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
}

/// Rows that were left out of a list, and what they add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Omitted {
    /// Number of rows.
    pub rows: usize,
    /// Sum over these rows of the size of what they are sorted by: |flat| or |cum| (`top`), |Δ flat| or |Δ cum| (`diff`).
    pub sum: i64,
}

impl Bounds {
    fn of(interval: Interval) -> Self {
        // The casts saturate.
        Self { lower: interval.lower.round() as i64, upper: interval.upper.round() as i64 }
    }
}

/// What the rows of an answer are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What surely changed most: the lower confidence bound of |Δ|.
    Bound,
    /// |Δ flat| or |flat|.
    Flat,
    /// |Δ cum| or |cum|.
    Cum,
}

/// How many rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOptions {
    /// At most so many; 0 is no limit.
    pub nodecount: usize,
    /// Also rows that did not change or are within noise.
    pub all: bool,
}

/// The sample type that an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its column.
    pub column: usize,
    /// Column of counts beside it (itself, for a count).
    pub count: Option<usize>,
    /// Column of what was allocated, for what is in use.
    pub allocated: Option<usize>,
    records: Records,
}

impl Measured {
    /// The columns of a sample type by its position.
    pub fn new(types: &[SampleType], column: usize) -> Self {
        Self {
            column,
            count: measures::count_of(types, column),
            allocated: measures::allocated(types, column),
            records: Records::new(types, column),
        }
    }

    fn is_count(&self) -> bool {
        self.count == Some(self.column)
    }
}

/// What a question is asked of: a filtered series of one or two snapshots, and what was settled about it before the
/// filter took samples away.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The snapshots: one, or before and after.
    pub series: &'a Series,
    /// Their rows, at the granularity asked for.
    pub frames: &'a Frames,
    /// The sample type asked for.
    pub measured: Measured,
    /// How the two snapshots relate; `None` where there is one.
    pub process: Option<Process>,
    /// What percentages are of: the sum of |value| over the single snapshot, before the filter.
    pub whole: i64,
}

impl Subject<'_> {
    /// The records of the snapshots, for their error.
    fn matched(&self) -> MatchedSamples<'_> {
        MatchedSamples::new(self.series, self.measured, self.process)
    }

    /// Whether two snapshots are compared.
    fn is_comparison(&self) -> bool {
        self.process.is_some()
    }

    /// What a row comes to whose values are `[before, after]`; a single profile is the second.
    fn change<T: Value>(&self, [before, after]: [T; 2]) -> Change<T> {
        Change::new(self.is_comparison().then_some(before), after)
    }

    /// The snapshot and the sample that the stack and the labels of a record are read from.
    fn sample(&self, record: Record) -> Option<(usize, usize)> {
        let after = record.after.map(|sample| (usize::from(self.is_comparison()), sample));
        after.or(record.before.map(|sample| (0, sample)))
    }
}

/// Where the rows of an answer stand.
struct Context<'a> {
    series: &'a Series,
    noinlines: bool,
    /// Heaviest leaf location of each row.
    heaviest: Vec<Option<LocationId>>,
}

impl<'a> Context<'a> {
    /// `weight` of a location says how much it matters.
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

/// A site as a place in the source.
fn place_of(series: &Series, frames: &Frames, site: SiteId) -> Place {
    let symbols = &series.symbols;
    let Frame { function, line } = frames.site(site);
    let file = symbols.text(symbols.function(function).filename);
    Place {
        function: symbols.name(function).to_owned(),
        file: (!file.is_empty()).then(|| file.to_owned()),
        line: (line != 0).then_some(line),
    }
}

/// Sums over the pairs of a leaf row and the site of its stacks; `None` where that is the leaf itself, or where no frame
/// has a claim.
type Callers = HashMap<(RowId, Option<SiteId>), i64, FxBuildHasher>;

/// The site that most of each row is under, in the direction of the row's own sign; `None` where that is the row itself,
/// or where more of it is under none.
fn main_callers(callers: &Callers, rows: usize) -> Vec<Option<SiteId>> {
    let mut sums = vec![0_i64; rows];
    for ((row, _), value) in callers {
        sums[row.0 as usize] = sums[row.0 as usize].wrapping_add(*value);
    }
    let mut best: Vec<Option<(i64, Option<SiteId>)>> = vec![None; rows];
    for (&(row, site), &value) in callers {
        let signed = if sums[row.0 as usize] < 0 { -value } else { value };
        let best = &mut best[row.0 as usize];
        let better = best.is_none_or(|(most, other)| (signed, other) > (most, site));
        if better {
            *best = Some((signed, site));
        }
    }
    best.into_iter()
        .map(|best| best.filter(|(most, _)| *most > 0).and_then(|(_, site)| site))
        .collect()
}

/// A change is more than sampling error where its q-value is at most this.
const SIGNIFICANT: f64 = 0.05;

/// When a profile was taken, in RFC 3339; `None` where it does not say.
pub(crate) fn rfc3339(time_nanos: i64) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(i128::from(time_nanos)).ok();
    time.filter(|_| time_nanos != 0).map(|time| time.to_string())
}

/// Percent of a whole; `None` where the whole is 0.
fn percent(part: i64, whole: i64) -> Option<f64> {
    (whole != 0).then(|| part as f64 / whole as f64 * 100.0)
}

/// The values that a row is sorted and judged by.
fn primary(sum: Sum, order: Order) -> i64 {
    if order == Order::Cum { sum.cum } else { sum.flat }
}

/// Objects that go with [`primary`].
fn primary_objects(sum: Sum, order: Order) -> i64 {
    if order == Order::Cum { sum.cum_objects } else { sum.flat_objects }
}

/// Rows beneath the row of a binary: its addresses without symbols.
fn addresses(frames: &Frames, parent: RowId) -> impl Iterator<Item = RowId> {
    let rows = (0..frames.len() as u32).map(RowId);
    rows.filter(move |&row| frames.row(row).parent == Some(parent))
}

/// Whether a row of one snapshot holds anything at all.
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
        /// Its unit as the profile names it; empty where it does not.
        number_unit: String,
    },
}

/// A label in words.
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

/// The size of what a row of these values, `[before, after]`, is sorted by: |Δ|, and |value| of a single profile,
/// whose before is 0.
fn size([before, after]: [i64; 2]) -> u64 {
    after.wrapping_sub(before).unsigned_abs()
}
