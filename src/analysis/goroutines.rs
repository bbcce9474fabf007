//! Clusters goroutines: those in one place, how many, how long they have waited, and what started
//! them.
//!
//! A place is what `analysis/places.rs` says. What a dump knows beyond a stack is in the labels of
//! its samples: state, wait and creator.

use super::parts::Keyed;
use super::places::{GoroutinePlace, Places};
use super::{Omitted, Place, RowOptions, Status, Subject, size};
use crate::model::change::Change;
use crate::model::goroutines::label;
use crate::model::ids::{LabelSetId, StringId};
use crate::model::labels::LabelValue;
use crate::model::series::Series;
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
    /// Of a single input, the share of all goroutines, in percent; of two, Δ / before. Absent if the
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
    /// The functions of the stack that most of them have, leaf first.
    pub stack: Vec<String>,
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
}

/// The sample type of a profile of leaked goroutines.
const LEAKED: &str = "goroutineleak";

/// Clusters the goroutines of a subject.
pub fn goroutines(subject: &Subject<'_>, wanted: RowOptions) -> Clusters {
    let series = subject.series;
    let facts: Vec<Facts> = series.label_sets.ids().map(|set| Facts::of(series, set)).collect();
    // A goroutineleak profile holds those alone that the collector has proven to be leaked.
    let is_of_leaked = series.sample_types[subject.measured.column].name == LEAKED;
    let mut places = Places::new(&series.symbols, subject.frames.owners());
    let mut sums: Vec<Sum> = Vec::new();
    for (number, snapshot) in series.snapshots.iter().enumerate() {
        let side = subject.side(number);
        for sample in 0..snapshot.samples.len() {
            let value = series.values(snapshot, sample)[subject.measured.column];
            if value == 0 {
                continue;
            }
            let mut values = [0; 2];
            values[side] = value;
            let Some(place) = places.add(snapshot.stack(sample), values) else { continue };
            sums.resize_with(sums.len().max(place as usize + 1), Sum::default);
            let mut facts = facts[snapshot.samples.labels[sample].index()];
            facts.is_leaked |= is_of_leaked;
            sums[place as usize].add(&facts, side, value, (number, sample));
        }
    }
    let mut rows: Vec<(Cluster, &Sum)> = places
        .named()
        .into_iter()
        .zip(&sums)
        .map(|(at, sum)| (sum.cluster(subject, at), sum))
        .filter(|(row, _)| !row.value.is_zero())
        .collect();
    rows.sort_by(|(a, _), (b, _)| {
        let size = |row: &Cluster| (row.value.delta_or_value().unsigned_abs(), row.value.after);
        let (one, other) = (&a.at, &b.at);
        size(b)
            .cmp(&size(a))
            .then_with(|| one.place.function.cmp(&other.place.function))
            .then_with(|| one.waits_for.cmp(&other.waits_for))
            .then_with(|| one.root.cmp(&other.root))
    });
    let mut unchanged = Omitted::default();
    if subject.is_comparison() && !wanted.all {
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
    Clusters { rows, unchanged, omitted }
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
    fn add(&mut self, facts: &Facts, side: usize, value: i64, sample: (usize, usize)) {
        self.values[side] = self.values[side].wrapping_add(value);
        if side == 1 {
            self.minutes = self.minutes.max(facts.minutes);
            self.locked += if facts.is_locked { value } else { 0 };
            self.leaked += if facts.is_leaked { value } else { 0 };
        }
        if self.heaviest.is_none() {
            self.state = facts.state;
        }
        self.has_other_states |= self.state != facts.state;
        let weight = value.unsigned_abs();
        if let Some(creator) = facts.creator.map(|creator| (creator, facts.created_at)) {
            add_to(&mut self.creators, creator, weight);
        }
        if let Some(holder) = facts.holder.filter(|_| side == 1) {
            add_to(&mut self.holders, holder, weight);
        }
        if self.heaviest.is_none_or(|(_, most)| weight > most) {
            self.heaviest = Some((sample, weight));
        }
    }

    fn cluster(&self, subject: &Subject<'_>, mut at: GoroutinePlace) -> Cluster {
        let symbols = &subject.series.symbols;
        if let (Some(state), false) = (self.state, self.has_other_states) {
            symbols.text(state).clone_into(&mut at.waits_for);
        }
        let created_by = heaviest(&self.creators).map(|(function, at)| {
            let at = at.map(|at| symbols.text(at)).and_then(|at| at.rsplit_once(':'));
            Place {
                function: symbols.text(function).to_owned(),
                file: at.map(|(file, _)| file.to_owned()),
                line: at.and_then(|(_, line)| line.parse().ok()).filter(|line| *line != 0),
            }
        });
        let value = subject.change(self.values);
        Cluster {
            percent: subject.share(value),
            status: value.before.map(|before| Status::of([before, value.after], true)),
            at,
            value,
            longest_wait_minutes: (self.minutes > 0).then_some(self.minutes),
            created_by,
            lock_held_in: heaviest(&self.holders).map(|holder| symbols.text(holder).to_owned()),
            locked_to_thread: self.locked,
            proven_leaked: self.leaked,
            stack: Vec::new(),
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
