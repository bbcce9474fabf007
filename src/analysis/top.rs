//! Ranks where the memory is in one snapshot.

use super::entries;
use super::parts::{
    CallerPart, Division, OtherCallers, Part, PartSum, PartValue, Parts, Splittable, choose,
    divide, gross, joined, main_caller, only_site, share,
};
use super::places::{self, PlaceCounts};
use super::{
    Bounds, Context, Measured, OmittedRows, Order, Place, RawSamples, RowOptions, Subject,
    addresses, is_empty, percent, place_of, primary, primary_objects,
};
use crate::graph::frames::{Frames, RowId, SiteId};
use crate::graph::sums::{Sums, sums};
use crate::model::change::Change;
use crate::model::origin::Owner;
use crate::model::series::{NO_STACK, Series, Snapshot};
use crate::parallel;
use crate::stats;
use crate::stats::sampling::SampleEvidence;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// One function (or file, line, package, address) in one snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopRow {
    /// Name as `go tool pprof` prints it at the same granularity.
    pub name: String,
    /// Source file of the heaviest line of this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The heaviest line of this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Allocated by the function itself.
    pub flat: i64,
    /// Allocated by the function or by what it calls.
    pub cum: i64,
    /// Flat as a share of the total, in percent; absent if the total is 0.
    pub flat_percent: Option<f64>,
    /// Cum as a share of the total, in percent; absent if the total is 0.
    pub cum_percent: Option<f64>,
    /// Objects, if the profile counts them next to the sample type.
    pub objects: Option<i64>,
    /// 95 % interval of flat (of cum if the rows are sorted by cum).
    pub error: Option<Bounds>,
    /// The caller behind the largest part of this row, if that is not the row itself: the nearest function in own code,
    /// or else in a dependency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Place>,
    /// The share (0 to 1) of the row that `via` is behind, as in its part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via_share: Option<f64>,
    /// The parts of the row by caller that are worth a line, the largest first. Empty if the row itself is to blame for
    /// all of it, and for rows sorted by cum of which a part is allocated further down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<CallerPart>,
    /// The other parts of the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<OtherCallers>,
    /// The addresses behind a row without symbols, each named `mapping+0xaddr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<TopRow>,
}

/// The answer to "where is the memory".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Top {
    /// Rows, heaviest first.
    pub rows: Vec<TopRow>,
    /// Samples without a stack, which pprof leaves out: with this row the rows add up to the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_stack: Option<TopRow>,
    /// Further rows left out by `--nodecount`.
    pub omitted: OmittedRows,
    /// Goroutines by the place they are in, for goroutine profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<PlaceCounts>,
}

/// The evidence of a series about each row, all snapshots added up.
#[derive(Debug)]
struct Findings {
    sampled: bool,
    rows: Vec<SampleEvidence>,
    /// Leaf rows that aren't own code, by the site of their stacks.
    parts: Parts<StackSum>,
}

/// Stacks of one leaf row with one site.
#[derive(Clone, Copy, Debug, Default)]
struct StackSum {
    evidence: SampleEvidence,
    value: i64,
    objects: i64,
}

impl PartSum for StackSum {
    fn merge(&mut self, other: &Self) {
        self.evidence.merge(&other.evidence);
        self.value = self.value.wrapping_add(other.value);
        self.objects = self.objects.wrapping_add(other.objects);
    }

    fn delta(&self) -> i64 {
        self.value
    }
}

impl Findings {
    fn new(frames: &Frames) -> Self {
        let rows = vec![SampleEvidence::default(); frames.len()];
        Self { sampled: true, rows, parts: Parts::new() }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.sampled &= other.sampled;
        self.rows.iter_mut().zip(&other.rows).for_each(|(a, b)| a.merge(b));
        other.parts.met().iter().for_each(|(key, sum)| self.parts.at(*key).merge(sum));
        self
    }
}

/// 95 % interval of the total of a sample type over all snapshots; `None` if a profile doesn't
/// record how it was sampled, or counts everything.
pub fn total_error(series: &Series, measured: &Measured, total: i64) -> Option<Bounds> {
    let mut evidence = SampleEvidence::default();
    for snapshot in &series.snapshots {
        let raw = RawSamples::new(series, snapshot);
        if !raw.has_error() {
            return None;
        }
        for sample in 0..snapshot.samples.len() {
            if raw.values(sample)[measured.column] != 0 {
                evidence.add(
                    raw.raw(sample, &measured.records),
                    raw.weight(raw.set(sample), raw.values(sample), measured),
                );
            }
        }
    }
    Some(Bounds::of(evidence.interval(total as f64, stats::LEVEL)))
}

/// Number of samples that one piece of work takes.
const PIECE: usize = 64 * 1024;

fn findings(
    series: &Series,
    snapshot: &Snapshot,
    frames: &Frames,
    measured: &Measured,
    by_cum: bool,
) -> Findings {
    let raw = RawSamples::new(series, snapshot);
    let n = snapshot.samples.len();
    let objects = |sample| measured.count.map_or(0, |count| raw.values(sample)[count]);
    let piece = |piece: usize| {
        let mut found = Findings::new(frames);
        let mut last = vec![u32::MAX; if by_cum { frames.len() } else { 0 }];
        for sample in piece * PIECE..n.min((piece + 1) * PIECE) {
            let (value, stack) = (raw.values(sample)[measured.column], raw.stack(sample));
            let Some(leaf) = stack.clone().next().filter(|_| value != 0) else { continue };
            let samples = raw.raw(sample, &measured.records);
            let weight = raw.weight(raw.set(sample), raw.values(sample), measured);
            let mut add = |row: &RowId| found.rows[row.0 as usize].add(samples, weight);
            if by_cum {
                for row in stack.clone().flat_map(|location| frames.of(location)) {
                    if std::mem::replace(&mut last[row.0 as usize], sample as u32) != sample as u32
                    {
                        add(row);
                    }
                }
            } else {
                frames.leaf(leaf).iter().for_each(&mut add);
            }
            let site = frames.site_of(stack).filter(|site| !site.is_leaf).map(|site| site.site);
            let mut sum = StackSum { value, objects: objects(sample), ..StackSum::default() };
            sum.evidence.add(samples, weight);
            for &row in frames.leaf(leaf) {
                if frames.row(row).owner != Owner::Own {
                    found.parts.at((row, site)).merge(&sum);
                }
            }
        }
        found
    };
    let pieces = parallel::map(n.div_ceil(PIECE), piece);
    let mut found = pieces.iter().fold(Findings::new(frames), Findings::merge);
    found.sampled = raw.has_error();
    found
}

/// The parts of rows and of the addresses beneath them, in order.
fn parts_of(
    subject: &Subject<'_>,
    parts: &Parts<StackSum>,
    rows: impl Iterator<Item = RowId>,
) -> HashMap<RowId, Vec<Part<StackSum>>, FxBuildHasher> {
    let &Subject { series, frames, ref measured, .. } = subject;
    let mut parts =
        parts.of_rows(rows.flat_map(|row| std::iter::once(row).chain(addresses(frames, row))));
    let sites = parts.values_mut().flatten().filter_map(|part| part.site.as_mut());
    entries::redirect((series, frames), measured, (0, None), sites);
    let name = |site: SiteId| series.symbols.name(frames.site(site).function);
    for parts in parts.values_mut() {
        *parts = joined(parts, name, |sum| sum.value.unsigned_abs());
    }
    parts
}

/// Makes the parts of rows.
struct Splitter<'a> {
    subject: &'a Subject<'a>,
    sampled: bool,
}

impl Splitter<'_> {
    fn value(&self, sum: &StackSum, gross: u64) -> PartValue {
        let interval = || sum.evidence.interval(sum.value as f64, stats::LEVEL);
        PartValue {
            value: Change::new(None, sum.value),
            share: share(sum.value.unsigned_abs(), gross),
            objects: self.subject.measured.count.map(|_| Change::new(None, sum.objects)),
            kept: None,
            error: self.sampled.then(|| Bounds::of(interval())),
            q_value: None,
            status: None,
        }
    }

    fn place(&self, site: SiteId) -> Place {
        place_of(self.subject.series, self.subject.frames, site)
    }

    /// Lists the chosen parts of a row, and what is left.
    fn split(&self, row: &mut TopRow, parts: &[Part<StackSum>], chosen: &[usize]) {
        let gross = gross(parts);
        let Division { listed, left, rest, size } = divide(parts, chosen);
        row.callers.extend(listed.into_iter().map(|i| CallerPart {
            place: parts[i].site.map(|site| self.place(site)),
            part: self.value(&parts[i].sum, gross),
        }));
        row.others = (!left.is_empty()).then(|| OtherCallers {
            count: left.len(),
            place: only_site(parts, &left).map(|site| self.place(site)),
            part: PartValue { share: share(size, gross), ..self.value(&rest, gross) },
        });
    }
}

/// Ranks rows by their memory. Several snapshots are added up.
pub fn top(subject: &Subject<'_>, order: Order, wanted: RowOptions) -> Top {
    let &Subject { series, frames, ref measured, whole, .. } = subject;
    let mut found = Findings::new(frames);
    for snapshot in &series.snapshots {
        found = found.merge(&findings(series, snapshot, frames, measured, order == Order::Cum));
    }
    let all = sums(series, frames, measured.column, measured.count);
    let Some(sums) = all.into_iter().reduce(|sum, own| sum.plus(&own)) else {
        return Top::default();
    };
    let (shown, rest) = ranked(frames, &sums, order, wanted);
    // A row sorted by cum has parts only if it allocates all of it itself.
    let is_leaf = |row: &RowId| order != Order::Cum || sums.row(*row).flat == sums.row(*row).cum;
    let parts = parts_of(subject, &found.parts, shown.iter().copied().filter(is_leaf));
    let context =
        Context::new(series, frames, |location| sums.leaves[location.index()].unsigned_abs());
    let splitter = Splitter { subject, sampled: found.sampled };
    let row = |id: RowId| {
        let sum = sums.row(id);
        let main = primary(sum, order);
        let (file, line) = context.place(id);
        let evidence = &found.rows[id.0 as usize];
        let main_part = parts.get(&id).and_then(|parts| main_caller(parts));
        TopRow {
            name: frames.name(id).to_owned(),
            file,
            line,
            flat: sum.flat,
            cum: sum.cum,
            flat_percent: percent(sum.flat, whole),
            cum_percent: percent(sum.cum, whole),
            objects: measured.count.map(|_| primary_objects(sum, order)),
            error: found.sampled.then(|| Bounds::of(evidence.interval(main as f64, stats::LEVEL))),
            via: main_part.map(|(site, _)| place_of(series, frames, site)),
            via_share: main_part.map(|(_, share)| share),
            callers: Vec::new(),
            others: None,
            addresses: Vec::new(),
        }
    };
    let none = Vec::new();
    let parts_of = |id: RowId| parts.get(&id).unwrap_or(&none);
    let splittable = shown.iter().map(|&id| {
        let is_binary = addresses(frames, id).next().is_some();
        let may = |part: &Part<StackSum>| (part.size(), wanted.nodecount == 0 || !is_binary);
        let size = primary(sums.row(id), order).unsigned_abs();
        Splittable { size, parts: parts_of(id).iter().map(may).collect() }
    });
    let chosen = choose(&splittable.collect::<Vec<_>>(), wanted.nodecount);
    let rows = shown.iter().zip(chosen).map(|(&id, chosen)| {
        let mut made = row(id);
        splitter.split(&mut made, parts_of(id), &chosen);
        let beneath = addresses(frames, id).filter(|&id| !is_empty(&sums, id));
        let mut beneath: Vec<RowId> = beneath.collect();
        beneath.sort_by(|a, b| heavier(frames, &sums, order, *a, *b));
        made.addresses = beneath.into_iter().map(row).collect();
        made
    });
    let mut rows: Vec<TopRow> = rows.collect();
    let no_stack = rows.iter().position(|row| row.name == NO_STACK).map(|at| rows.remove(at));
    let mut omitted = OmittedRows::default();
    rest.iter().for_each(|&id| omitted.add(primary(sums.row(id), order)));
    Top { rows, no_stack, omitted, places: places::of_subject(subject, order, wanted) }
}

/// The rows in order: those to show, and the rest.
fn ranked(
    frames: &Frames,
    sums: &Sums,
    order: Order,
    wanted: RowOptions,
) -> (Vec<RowId>, Vec<RowId>) {
    let mut ids: Vec<RowId> = (0..frames.len() as u32)
        .map(RowId)
        .filter(|&id| frames.row(id).parent.is_none() && !is_empty(sums, id))
        .collect();
    ids.sort_by(|a, b| heavier(frames, sums, order, *a, *b));
    let shown = if wanted.nodecount == 0 { ids.len() } else { wanted.nodecount };
    let rest = ids.split_off(shown.min(ids.len()));
    (ids, rest)
}

/// The order of two rows.
fn heavier(frames: &Frames, sums: &Sums, order: Order, a: RowId, b: RowId) -> Ordering {
    let size = |row: RowId| primary(sums.row(row), order).unsigned_abs();
    let cum = |row: RowId| sums.row(row).cum.unsigned_abs();
    let by_size = size(b).cmp(&size(a)).then(cum(b).cmp(&cum(a)));
    by_size.then_with(|| frames.name(a).cmp(frames.name(b)))
}
