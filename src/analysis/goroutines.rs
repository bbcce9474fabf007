//! Clusters goroutines: those in one place, how many, how long they have waited, and what started
//! them.
//!
//! A place is what `analysis/places.rs` says. What a dump knows beyond a stack is in the labels of
//! its samples: state, wait and creator.

use super::estimates::{Class, Estimate};
use super::parts::Keyed;
use super::places::{GoroutinePlace, Places};
use super::{Omitted, Place, RowOptions, Status, Subject, size};
use crate::model::change::Change;
use crate::model::goroutine_stacks::stack_bytes;
use crate::model::goroutines::label;
use crate::model::ids::{LabelSetId, StringId};
use crate::model::labels::LabelValue;
use crate::model::recording::Track;
use crate::model::series::Series;
use crate::model::site::Owners;
use crate::model::symbols::Symbols;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// Goroutines in one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cluster {
    /// The place. `waits_for` has the words of the dump if all of them wait for the same.
    #[serde(flatten)]
    pub at: GoroutinePlace,
    /// Their number.
    #[serde(flatten)]
    pub value: Change<i64>,
    /// Of a single input, the share of all goroutines, in percent; of more, Δ / before. Absent if the
    /// whole is 0.
    pub percent: Option<f64>,
    /// What happened to it between two inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Whole minutes that the one that waits longest has waited, after. Only dumps say so, and only of
    /// a minute or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_wait_minutes: Option<i64>,
    /// The function with the `go` statement that started most of them, and where it is. Only dumps
    /// say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Place>,
    /// A method that another goroutine is in, of the object whose lock most of them wait for: it likely holds the lock. Only dumps with addresses say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_held_in: Option<String>,
    /// How many are locked to their threads, after.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub locked_to_thread: i64,
    /// How many the collector has proven to wait for what nothing can do any more, after.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub proven_leaked: i64,
    /// Bytes that their stacks take, after: an estimate by the number of their frames, with its range.
    #[serde(default)]
    pub stack_bytes: Estimate,
    /// The functions of the stack that most of them have, leaf first.
    pub stack: Vec<String>,
    /// Of more than two inputs, the number in each snapshot, in the order of `timeline`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<i64>,
    /// Of more than two inputs, its class: how it behaves through time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Of more than two inputs, how fast it grows; absent if they have no times, or are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slope_per_hour: Option<Estimate>,
}

/// Whether a number says nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The answer to "what do the goroutines do".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Clusters {
    /// The clusters: the largest, or those that changed most, first.
    pub rows: Vec<Cluster>,
    /// Clusters that are as large as before, and were left out.
    #[serde(default)]
    pub unchanged: Omitted,
    /// Further clusters left out by `--nodecount`.
    pub omitted: Omitted,
    /// Bytes that the stacks of all goroutines take, after: an estimate, with its range.
    #[serde(default)]
    pub stack_bytes: Estimate,
}

/// The sample type of a profile of leaked goroutines.
const LEAKED: &str = "goroutineleak";

/// How a cluster behaves through time.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// Its number in each snapshot.
    pub(crate) values: Vec<i64>,
    /// Its class.
    pub(crate) class: Class,
    /// How fast it grows, if that is known.
    pub(crate) slope_per_hour: Option<Estimate>,
}

/// Clusters the goroutines of a subject.
pub fn goroutines(subject: &Subject<'_>, wanted: RowOptions) -> Clusters {
    let series = subject.series;
    let is_of_leaked = series.sample_types[subject.measured.column].name == LEAKED;
    let mut sums = Sums::new(series, subject.frames.owners(), is_of_leaked);
    for (number, snapshot) in series.snapshots.iter().enumerate() {
        let side = subject.side(number);
        for sample in 0..snapshot.samples.len() {
            let value = series.values(snapshot, sample)[subject.measured.column];
            if value != 0 {
                let mut values = [0; 2];
                values[side] = value;
                sums.add((number, sample), values);
            }
        }
    }
    let change = |values| {
        let value = subject.change(values);
        (value, subject.share(value))
    };
    chosen(series, sums.clusters(change), wanted)
}

/// Clusters the goroutines of a track: what changed over the process that is judged, and what
/// `follow` knows of each place.
pub(crate) fn through_time(
    track: &Track,
    owners: &Owners,
    column: usize,
    wanted: RowOptions,
    follow: impl Fn(&GoroutinePlace) -> Option<Followed>,
) -> Clusters {
    let history = &track.history;
    let series = &history.records;
    let is_of_leaked = history.sample_types[column].name == LEAKED;
    let width = history.sample_types.len();
    let (first, last) = track.ends();
    let dense = |end: Option<usize>| end.map(|at| history.dense(&history.moments[at]));
    let (first, last) = (dense(first), dense(last));
    let value = |side: &Option<Vec<i64>>, record: usize| {
        side.as_ref().map_or(0, |values| values[record * width + column])
    };
    let mut sums = Sums::new(series, owners, is_of_leaked);
    for (record, sample) in history.samples().into_iter().enumerate() {
        if let Some(sample) = sample {
            sums.add((0, sample), [value(&first, record), value(&last, record)]);
        }
    }
    let change = |values: [i64; 2]| {
        let value = Change::new(Some(values[0]), values[1]);
        (value, super::percent(value.delta_or_value(), values[0]))
    };
    let places = sums.places.named();
    let mut rows = sums.clusters(change);
    for ((row, _), place) in rows.iter_mut().zip(&places) {
        if let Some(Followed { values, class, slope_per_hour }) = follow(place) {
            (row.values, row.class, row.slope_per_hour) = (values, Some(class), slope_per_hour);
        }
    }
    chosen(series, rows, wanted)
}

/// The clusters to show: leaks first, then the largest, or those that changed most.
fn chosen(series: &Series, mut rows: Vec<(Cluster, Sum)>, wanted: RowOptions) -> Clusters {
    let stack_bytes = rows.iter().fold(Estimate::default(), |sum, (row, _)| Estimate {
        estimate: sum.estimate.saturating_add(row.stack_bytes.estimate),
        lower: sum.lower.saturating_add(row.stack_bytes.lower),
        upper: sum.upper.saturating_add(row.stack_bytes.upper),
    });
    let held = |row: &Cluster| row.values.iter().any(|&value| value != 0);
    rows.retain(|(row, _)| !row.value.is_zero() || held(row));
    rows.sort_by(|(a, _), (b, _)| {
        let size = |row: &Cluster| {
            let change = row.value.delta_or_value().unsigned_abs();
            (row.class == Some(Class::Leak), change, row.value.after)
        };
        let (one, other) = (&a.at, &b.at);
        size(b)
            .cmp(&size(a))
            .then_with(|| one.place.function.cmp(&other.place.function))
            .then_with(|| one.waits_for.cmp(&other.waits_for))
            .then_with(|| one.root.cmp(&other.root))
    });
    let mut unchanged = Omitted::default();
    if !wanted.all {
        rows.retain(|(row, _)| {
            let is_changed = row.value.delta != Some(0);
            if !is_changed {
                unchanged.rows += 1;
                unchanged.sum = unchanged.sum.saturating_add(row.value.after);
            }
            is_changed
        });
    }
    let shown = if wanted.nodecount == 0 { rows.len() } else { wanted.nodecount };
    let rest = rows.split_off(shown.min(rows.len()));
    let omitted = rest.iter().fold(Omitted::default(), |omitted, (row, _)| Omitted {
        rows: omitted.rows + 1,
        sum: omitted
            .sum
            .saturating_add_unsigned(size([row.value.before.unwrap_or_default(), row.value.after])),
    });
    // Stacks of many names are made for the rows that are shown alone.
    let shown = rows.into_iter().map(|(row, sum)| Cluster { stack: sum.stack(series), ..row });
    let rows = shown.collect();
    Clusters { rows, unchanged, omitted, stack_bytes }
}

/// The clusters while they are added up.
struct Sums<'a> {
    series: &'a Series,
    /// What each label set says.
    facts: Vec<Facts>,
    /// Whether there are only goroutines that the collector has proven to be leaked.
    is_of_leaked: bool,
    places: Places<'a>,
    /// By the number of the place.
    of_places: Vec<Sum>,
}

impl<'a> Sums<'a> {
    fn new(series: &'a Series, owners: &'a Owners, is_of_leaked: bool) -> Self {
        let facts = series.label_sets.ids().map(|set| Facts::of(series, set)).collect();
        let places = Places::new(&series.symbols, owners);
        Self { series, facts, is_of_leaked, places, of_places: Vec::new() }
    }

    /// Adds a sample of a snapshot, with its values before and after.
    fn add(&mut self, (number, sample): (usize, usize), values: [i64; 2]) {
        let snapshot = &self.series.snapshots[number];
        let Some(place) = self.places.add(snapshot.stack(sample), values) else { return };
        self.of_places.resize_with(self.of_places.len().max(place as usize + 1), Sum::default);
        let mut facts = self.facts[snapshot.samples.labels[sample].index()];
        facts.is_leaked |= self.is_of_leaked;
        let frames = snapshot.stack(sample).count();
        self.of_places[place as usize].add(&facts, values, frames, (number, sample));
    }

    /// All clusters, by the number of their place. `change` makes a value and its percentage of before
    /// and after.
    fn clusters(
        self,
        change: impl Fn([i64; 2]) -> (Change<i64>, Option<f64>),
    ) -> Vec<(Cluster, Sum)> {
        let symbols = &self.series.symbols;
        let named = self.places.named().into_iter().zip(self.of_places);
        named.map(|(at, sum)| (sum.cluster(symbols, at, change(sum.values)), sum)).collect()
    }
}

/// What the labels of a sample say about its goroutines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Facts {
    state: Option<StringId>,
    minutes: i64,
    creator: Option<StringId>,
    created_at: Option<StringId>,
    holder: Option<StringId>,
    is_locked: bool,
    is_leaked: bool,
}

impl Facts {
    fn of(series: &Series, set: LabelSetId) -> Self {
        let mut facts = Self::default();
        for own in series.label_sets.get(set) {
            let text = match own.value {
                LabelValue::Text(text) => Some(text),
                LabelValue::Number(..) => None,
            };
            match (series.symbols.text(own.key), own.value) {
                (label::STATE, _) => facts.state = text,
                (label::CREATOR, _) => facts.creator = text,
                (label::CREATED_AT, _) => facts.created_at = text,
                (label::HOLDER, _) => facts.holder = text,
                (label::LOCKED, _) => facts.is_locked = true,
                (label::LEAKED, _) => facts.is_leaked = true,
                (label::WAIT, LabelValue::Number(minutes, _)) => facts.minutes = minutes,
                _ => {}
            }
        }
        facts
    }
}

/// A creator and its place.
type Creator = (StringId, Option<StringId>);

/// What is known of a cluster.
#[derive(Default)]
struct Sum {
    values: [i64; 2],
    minutes: i64,
    locked: i64,
    leaked: i64,
    /// Bytes of their stacks: an estimate, and the ends of its range.
    stack_bytes: [i64; 3],
    /// The first state, and whether there are others.
    state: Option<StringId>,
    has_other_states: bool,
    /// How many each creator started, both sides together.
    creators: Keyed<Creator, u64>,
    /// How many wait for what each function has, after.
    holders: Keyed<StringId, u64>,
    /// The snapshot and sample with most of them, and how many these are.
    heaviest: Option<((usize, usize), u64)>,
}

impl Sum {
    fn add(&mut self, facts: &Facts, values: [i64; 2], frames: usize, sample: (usize, usize)) {
        let [before, after] = values;
        self.values = [self.values[0].wrapping_add(before), self.values[1].wrapping_add(after)];
        if after != 0 {
            self.minutes = self.minutes.max(facts.minutes);
            self.locked += if facts.is_locked { after } else { 0 };
            self.leaked += if facts.is_leaked { after } else { 0 };
            for (sum, bytes) in self.stack_bytes.iter_mut().zip(stack_bytes(frames)) {
                *sum = sum.saturating_add(bytes.saturating_mul(after));
            }
        }
        if self.heaviest.is_none() {
            self.state = facts.state;
        }
        self.has_other_states |= self.state != facts.state;
        let weight = before.unsigned_abs().saturating_add(after.unsigned_abs());
        if let Some(creator) = facts.creator.map(|creator| (creator, facts.created_at)) {
            add_to(&mut self.creators, creator, weight);
        }
        if let Some(holder) = facts.holder.filter(|_| after != 0) {
            add_to(&mut self.holders, holder, after.unsigned_abs());
        }
        if self.heaviest.is_none_or(|(_, most)| weight > most) {
            self.heaviest = Some((sample, weight));
        }
    }

    fn cluster(
        &self,
        symbols: &Symbols,
        mut at: GoroutinePlace,
        (value, percent): (Change<i64>, Option<f64>),
    ) -> Cluster {
        if let (Some(state), false) = (self.state, self.has_other_states) {
            symbols.text(state).clone_into(&mut at.waits_for);
        }
        let [estimate, lower, upper] = self.stack_bytes;
        let created_by = heaviest(&self.creators).map(|(function, at)| {
            let at = at.map(|at| symbols.text(at)).and_then(|at| at.rsplit_once(':'));
            Place {
                function: symbols.text(function).to_owned(),
                file: at.map(|(file, _)| file.to_owned()),
                line: at.and_then(|(_, line)| line.parse().ok()).filter(|line| *line != 0),
            }
        });
        Cluster {
            percent,
            status: value.before.map(|before| Status::of([before, value.after], true)),
            at,
            value,
            longest_wait_minutes: (self.minutes > 0).then_some(self.minutes),
            created_by,
            lock_held_in: heaviest(&self.holders).map(|holder| symbols.text(holder).to_owned()),
            locked_to_thread: self.locked,
            proven_leaked: self.leaked,
            stack_bytes: Estimate { estimate, lower, upper },
            stack: Vec::new(),
            values: Vec::new(),
            class: None,
            slope_per_hour: None,
        }
    }

    /// The functions of the stack that most of them have, leaf first.
    fn stack(&self, series: &Series) -> Vec<String> {
        let Some(((number, sample), _)) = self.heaviest else { return Vec::new() };
        let symbols = &series.symbols;
        let stack = series.snapshots[number].stack(sample);
        let lines = stack.flat_map(|location| symbols.locations.lines(location));
        lines.map(|line| symbols.name(line.function).to_owned()).collect()
    }
}

/// Adds to the sum of a key.
fn add_to<K: Copy + Eq + Hash>(sums: &mut Keyed<K, u64>, key: K, weight: u64) {
    let sum = sums.at(key);
    *sum = sum.saturating_add(weight);
}

/// The key with the largest sum; on a tie, the one met first.
fn heaviest<K: Copy + Eq + Hash>(sums: &Keyed<K, u64>) -> Option<K> {
    sums.met().iter().rev().max_by_key(|(_, sum)| *sum).map(|(key, _)| *key)
}
