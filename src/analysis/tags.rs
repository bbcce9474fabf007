//! Adds up the samples of each value of each label, like pprof's `-tags`.
//!
//! A sample counts for each of its labels, and twice if it has one twice, as in pprof. Numbers are
//! told apart exactly, while pprof merges numbers that it prints alike.

use super::matched_samples::SumEvidence;
use super::{Bounds, LabelValue, Omitted, RowOptions, Subject, label, size};
use crate::model::change::Change;
use crate::model::ids::{LabelSetId, StringId};
use crate::model::labels::Label;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

/// One value of a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TagValue {
    /// The value.
    #[serde(flatten)]
    pub value: LabelValue,
    /// The sum of the samples with this value.
    #[serde(flatten)]
    pub amount: Change<i64>,
    /// 95 % interval of Δ, or of the value of a single profile.
    pub error: Option<Bounds>,
    /// Its share of the whole profile in percent, or for two profiles Δ / before; absent if the
    /// divisor is 0.
    pub percent: Option<f64>,
}

/// One label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// The sum of the samples with this label.
    #[serde(flatten)]
    pub amount: Change<i64>,
    /// 95 % interval of Δ, or of the value of a single profile.
    pub error: Option<Bounds>,
    /// Its share of the whole profile in percent, or for two profiles Δ / before; absent if the
    /// divisor is 0.
    pub percent: Option<f64>,
    /// Its values that aren't 0, the largest |Δ| (|value|) first.
    pub values: Vec<TagValue>,
    /// Further values left out by `--nodecount`.
    pub omitted: Omitted,
}

/// The answer to "which labels".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tags {
    /// The labels, those with text values first, then by key.
    pub keys: Vec<Tag>,
    /// Further labels left out by `--nodecount`.
    pub omitted: Omitted,
}

/// Adds up the labels of a subject.
pub fn tags(subject: &Subject<'_>, wanted: RowOptions) -> Tags {
    let sums = Sums::new(subject);
    let limit = if wanted.nodecount == 0 { usize::MAX } else { wanted.nodecount };
    let mut keys: Vec<&Key> = sums.keys.iter().filter(|key| key.holds(&sums)).collect();
    keys.sort_by_key(|key| (!key.has_text, subject.series.symbols.text(key.name)));
    let left_out = keys.split_off(limit.min(keys.len()));
    let shown: Vec<_> = keys.iter().map(|key| key.split(subject, &sums, limit)).collect();
    let errors = Errors::new(subject, &sums, &keys, &shown);
    let rows = keys.iter().zip(&shown).map(|(key, (values, omitted))| {
        let amount = subject.change(key.sum);
        let error = errors.of_key(key).map(|evidence| evidence.bounds(amount.delta_or_value()));
        let value = |&id: &u32| {
            let (own, sum) = sums.values[id as usize];
            let amount = subject.change(sum);
            let error = errors.of_value(id);
            TagValue {
                value: label(&subject.series.symbols, &own).value,
                amount,
                error: error.map(|evidence| evidence.bounds(amount.delta_or_value())),
                percent: subject.share(amount),
            }
        };
        Tag {
            key: subject.series.symbols.text(key.name).to_owned(),
            amount,
            error,
            percent: subject.share(amount),
            values: values.iter().map(value).collect(),
            omitted: *omitted,
        }
    });
    let omitted = left_out.iter().fold(Omitted::default(), |omitted, key| Omitted {
        rows: omitted.rows + 1,
        sum: omitted.sum.saturating_add_unsigned(size(key.sum)),
    });
    Tags { keys: rows.collect(), omitted }
}

/// A key and its values.
struct Key {
    name: StringId,
    has_text: bool,
    sum: [i64; 2],
    values: Vec<u32>,
}

impl Key {
    fn holds(&self, sums: &Sums) -> bool {
        self.values.iter().any(|&id| sums.values[id as usize].1 != [0; 2])
    }

    /// The values to show, in order, and the sum of the others.
    fn split(&self, subject: &Subject<'_>, sums: &Sums, limit: usize) -> (Vec<u32>, Omitted) {
        let symbols = &subject.series.symbols;
        let mut shown = self.values.clone();
        shown.retain(|&id| sums.values[id as usize].1 != [0; 2]);
        shown.sort_by_cached_key(|&id| {
            let (own, sum) = &sums.values[id as usize];
            (std::cmp::Reverse(size(*sum)), label(symbols, own))
        });
        let rest = shown.split_off(limit.min(shown.len()));
        let omitted = rest.iter().fold(Omitted::default(), |omitted, &id| Omitted {
            rows: omitted.rows + 1,
            sum: omitted.sum.saturating_add_unsigned(size(sums.values[id as usize].1)),
        });
        (shown, omitted)
    }
}

/// Sums over the samples of each label.
struct Sums {
    keys: Vec<Key>,
    values: Vec<(Label, [i64; 2])>,
    /// Key and value of each label of each label set.
    of_set: Vec<Vec<(u32, u32)>>,
}

impl Sums {
    fn new(subject: &Subject<'_>) -> Self {
        let series = subject.series;
        let mut sums = Self { keys: Vec::new(), values: Vec::new(), of_set: Vec::new() };
        let mut keys: HashMap<StringId, u32, FxBuildHasher> = HashMap::default();
        let mut values: HashMap<Label, u32, FxBuildHasher> = HashMap::default();
        for set in series.label_sets.ids() {
            let own = series.label_sets.get(set).iter().map(|&own| {
                let key = *keys.entry(own.key).or_insert_with(|| {
                    sums.keys.push(Key {
                        name: own.key,
                        has_text: false,
                        sum: [0; 2],
                        values: Vec::new(),
                    });
                    sums.keys.len() as u32 - 1
                });
                let known = &mut sums.keys[key as usize];
                known.has_text |= matches!(own.value, crate::model::labels::LabelValue::Text(_));
                let value = *values.entry(own).or_insert_with(|| {
                    sums.values.push((own, [0; 2]));
                    known.values.push(sums.values.len() as u32 - 1);
                    sums.values.len() as u32 - 1
                });
                (key, value)
            });
            let own = own.collect();
            sums.of_set.push(own);
        }
        let mut of_set = vec![[0_i64; 2]; sums.of_set.len()];
        for (number, snapshot) in series.snapshots.iter().enumerate() {
            let side = subject.side(number);
            for sample in 0..snapshot.samples.len() {
                let sum = &mut of_set[snapshot.samples.labels[sample].index()][side];
                *sum = sum.wrapping_add(series.values(snapshot, sample)[subject.measured.column]);
            }
        }
        for (labels, own) in sums.of_set.iter().zip(&of_set) {
            for &(key, value) in labels {
                for sum in [&mut sums.keys[key as usize].sum, &mut sums.values[value as usize].1] {
                    sum.iter_mut().zip(own).for_each(|(sum, own)| *sum = sum.wrapping_add(*own));
                }
            }
        }
        sums
    }

    fn of(&self, set: LabelSetId) -> &[(u32, u32)] {
        &self.of_set[set.index()]
    }
}

/// The evidence about the values shown.
struct Errors {
    keys: HashMap<StringId, SumEvidence, FxBuildHasher>,
    values: HashMap<u32, SumEvidence, FxBuildHasher>,
}

impl Errors {
    fn new(
        subject: &Subject<'_>,
        sums: &Sums,
        keys: &[&Key],
        shown: &[(Vec<u32>, Omitted)],
    ) -> Self {
        let mut errors = Self { keys: HashMap::default(), values: HashMap::default() };
        let matched = subject.matched();
        let Some(none) = matched.no_evidence() else { return errors };
        errors.keys.extend(keys.iter().map(|key| (key.name, none)));
        errors.values.extend(shown.iter().flat_map(|(values, _)| values).map(|&id| (id, none)));
        for record in matched.records() {
            let Some((snapshot, sample)) = subject.sample(record) else { continue };
            let labels = sums.of(subject.series.snapshots[snapshot].samples.labels[sample]);
            if labels.is_empty() {
                continue;
            }
            let Some(own) = matched.evidence(record) else { continue };
            for &(key, value) in labels {
                if let Some(sum) = errors.keys.get_mut(&sums.keys[key as usize].name) {
                    sum.merge(&own);
                }
                if let Some(sum) = errors.values.get_mut(&value) {
                    sum.merge(&own);
                }
            }
        }
        errors
    }

    fn of_key(&self, key: &Key) -> Option<&SumEvidence> {
        self.keys.get(&key.name)
    }

    fn of_value(&self, id: u32) -> Option<&SumEvidence> {
        self.values.get(&id)
    }
}
