//! Lists every distinct stack with its labels and values, like pprof's `-traces`.
//!
//! Samples with the same frames and labels are one trace, while pprof lists them one by one; traces
//! that are 0 on both sides are left out. Evidence is added up trace by trace, so that only one
//! trace's evidence is in memory at a time.

use super::matched_samples::SumEvidence;
use super::{Bounds, Label, Omitted, RowOptions, Subject, label, size};
use crate::graph::distinct_stacks::TooLarge;
use crate::graph::frames::Unsymbolized;
use crate::graph::tree::{NodeId, Tree};
use crate::model::change::Change;
use crate::model::ids::LabelSetId;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Maximum number of frames of all traces together: the names of more would take gigabytes.
const MAX_FRAMES: usize = 1 << 26;

/// A stack with its labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trace {
    /// Its values.
    #[serde(flatten)]
    pub amount: Change<i64>,
    /// 95 % interval of Δ, or of the value of a single profile.
    pub error: Option<Bounds>,
    /// Its labels, by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Its frames, the leaf first.
    pub frames: Vec<Arc<str>>,
    /// Positions of the frames, from 0, that were inlined into the next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inlined: Vec<usize>,
}

/// The answer to "which stacks".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Traces {
    /// The traces, the largest |Δ| (|value|) first.
    pub rows: Vec<Trace>,
    /// Further traces left out by `--nodecount`.
    pub omitted: Omitted,
}

/// Lists the traces of a subject, at the granularity of its frames.
pub fn traces(subject: &Subject<'_>, wanted: RowOptions) -> Result<Traces, TooLarge> {
    let tree = Tree::new(subject.series, subject.frames, Unsymbolized::Address)?;
    let found = Found::new(subject, &tree);
    let mut order: Vec<u32> = (0..found.keys.len() as u32).collect();
    order.retain(|&id| found.values[id as usize] != [0; 2]);
    // On a tie, the one met first: the order of the samples in the file.
    order.sort_by_key(|&id| (std::cmp::Reverse(size(found.values[id as usize])), id));
    let shown = if wanted.nodecount == 0 { order.len() } else { wanted.nodecount };
    let (shown, rest) = order.split_at(shown.min(order.len()));
    let mut rows = rows(subject, &tree, &found, shown)?;
    add_errors(subject, &found, shown, &mut rows);
    let omitted = rest.iter().fold(Omitted::default(), |omitted, &id| Omitted {
        rows: omitted.rows + 1,
        sum: omitted.sum.saturating_add_unsigned(size(found.values[id as usize])),
    });
    Ok(Traces { rows, omitted })
}

/// The traces of a series.
struct Found {
    keys: Vec<(NodeId, LabelSetId)>,
    /// Before and after of each; a single profile is the second.
    values: Vec<[i64; 2]>,
    /// The trace of each sample of each snapshot.
    of_sample: Vec<Vec<u32>>,
}

impl Found {
    fn new(subject: &Subject<'_>, tree: &Tree) -> Self {
        let series = subject.series;
        let mut found = Self { keys: Vec::new(), values: Vec::new(), of_sample: Vec::new() };
        let mut index: HashMap<(NodeId, LabelSetId), u32, FxBuildHasher> = HashMap::default();
        for (number, snapshot) in series.snapshots.iter().enumerate() {
            let side = subject.side(number);
            let mut own = Vec::with_capacity(snapshot.samples.len());
            for sample in 0..snapshot.samples.len() {
                let key = (tree.end(number, sample), snapshot.samples.labels[sample]);
                let id = *index.entry(key).or_insert_with(|| {
                    found.keys.push(key);
                    found.values.push([0; 2]);
                    found.keys.len() as u32 - 1
                });
                let value = &mut found.values[id as usize][side];
                *value =
                    value.wrapping_add(series.values(snapshot, sample)[subject.measured.column]);
                own.push(id);
            }
            found.of_sample.push(own);
        }
        found
    }
}

fn rows(
    subject: &Subject<'_>,
    tree: &Tree,
    found: &Found,
    shown: &[u32],
) -> Result<Vec<Trace>, TooLarge> {
    let series = subject.series;
    let mut names: Vec<Option<Arc<str>>> = vec![None; subject.frames.len()];
    let mut frames_so_far = 0;
    let row = |&id: &u32| {
        let (end, labels) = found.keys[id as usize];
        let mut frames = Vec::new();
        let mut inlined = Vec::new();
        for node in tree.up(end).map(|id| tree.node(id)) {
            if node.is_inlined {
                inlined.push(frames.len());
            }
            let name = &mut names[node.row.0 as usize];
            let name = name.get_or_insert_with(|| subject.frames.name(node.row).into());
            frames.push(Arc::clone(name));
            frames_so_far += 1;
            if frames_so_far > MAX_FRAMES {
                return Err(TooLarge);
            }
        }
        let labels = series.label_sets.get(labels).iter();
        let mut labels: Vec<_> = labels.map(|own| label(&series.symbols, own)).collect();
        labels.sort();
        let amount = subject.change(found.values[id as usize]);
        Ok(Trace { amount, error: None, labels, frames, inlined })
    };
    shown.iter().map(row).collect()
}

/// Adds the intervals of the rows shown.
fn add_errors(subject: &Subject<'_>, found: &Found, shown: &[u32], rows: &mut [Trace]) {
    let matched = subject.matched();
    let Some(none) = matched.no_evidence() else { return };
    let mut rank = vec![u32::MAX; found.keys.len()];
    for (at, &id) in shown.iter().enumerate() {
        rank[id as usize] = at as u32;
    }
    let mut records: Vec<(u32, super::Record)> = Vec::new();
    for record in matched.records() {
        let Some((snapshot, sample)) = subject.sample(record) else { continue };
        let at = rank[found.of_sample[snapshot][sample] as usize];
        if at != u32::MAX {
            records.push((at, record));
        }
    }
    // A stable sort: evidence is added up in the order of the samples.
    records.sort_by_key(|&(at, _)| at);
    let mut records = records.into_iter().peekable();
    for (at, row) in rows.iter_mut().enumerate() {
        let mut sum: SumEvidence = none;
        while let Some((_, record)) = records.next_if(|&(other, _)| other as usize == at) {
            if let Some(own) = matched.evidence(record) {
                sum.merge(&own);
            }
        }
        row.error = Some(sum.bounds(row.amount.delta_or_value()));
    }
}
