//! Ranks where the memory is in one snapshot.

use super::entries::{self, Entries};
use super::{
    Bounds, Callers, Context, Measured, Omitted, Order, Place, RawSamples, RowOptions, Subject,
    addresses, is_empty, main_callers, percent, place_of, primary, primary_objects,
};
use crate::graph::frames::{Frames, RowId, SiteId};
use crate::graph::sums::sums;
use crate::model::origin::Owner;
use crate::model::series::{Series, Snapshot};
use crate::parallel;
use crate::stats;
use crate::stats::sampling::SampleEvidence;
use serde::{Deserialize, Serialize};

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
    /// The place to blame for most of this row, if that is not the row itself: the nearest
    /// caller in own code, or else in a dependency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Place>,
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
    /// Further rows left out by `--nodecount`.
    pub omitted: Omitted,
}

/// The evidence of a series about each row, all snapshots added up.
#[derive(Debug)]
struct Findings {
    sampled: bool,
    rows: Vec<SampleEvidence>,
    callers: Callers,
}

impl Findings {
    fn new(frames: &Frames) -> Self {
        let rows = vec![SampleEvidence::default(); frames.len()];
        Self { sampled: true, rows, callers: Callers::default() }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.sampled &= other.sampled;
        self.rows.iter_mut().zip(&other.rows).for_each(|(a, b)| a.merge(b));
        for (&key, &value) in &other.callers {
            let sum = self.callers.entry(key).or_default();
            *sum = sum.wrapping_add(value);
        }
        self
    }
}

/// 95 % interval of the total of a sample type over all snapshots; `None` if a profile doesn't
/// record how it was sampled.
pub fn total_error(series: &Series, measured: &Measured, total: i64) -> Option<Bounds> {
    let mut evidence = SampleEvidence::default();
    for snapshot in &series.snapshots {
        let raw = RawSamples::new(series, snapshot);
        if !raw.known() {
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
            for &row in frames.leaf(leaf) {
                let sum = found.callers.entry((row, site)).or_default();
                *sum = sum.wrapping_add(value);
            }
        }
        found
    };
    let pieces = parallel::map(n.div_ceil(PIECE), piece);
    let mut found = pieces.iter().fold(Findings::new(frames), Findings::merge);
    found.sampled = raw.known();
    found
}

/// Blames the callers of libraries for what these allocate in goroutines of their own.
fn redirect(subject: &Subject<'_>, callers: &mut [Option<SiteId>]) {
    let &Subject { series, frames, ref measured, .. } = subject;
    let owners = frames.owners();
    let function = |site: SiteId| frames.site(site).function;
    let name = |site: SiteId| series.symbols.name(function(site));
    let is_asked = |site: &SiteId| entries::is_asked(name(*site), owners.of(function(*site)));
    let asked: Vec<&str> = callers.iter().flatten().copied().filter(is_asked).map(name).collect();
    if asked.is_empty() {
        return;
    }
    let entries = Entries::of_runs(series, owners, measured, (0, None), asked);
    for caller in callers.iter_mut().flatten().filter(|site| is_asked(site)) {
        let entry = entries.of(name(*caller)).and_then(|frame| frames.find_site(frame));
        *caller = entry.unwrap_or(*caller);
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
    let context =
        Context::new(series, frames, |location| sums.leaves[location.index()].unsigned_abs());
    let mut callers = main_callers(&found.callers, frames.len());
    redirect(subject, &mut callers);
    let row = |id: RowId| {
        let sum = sums.row(id);
        let main = primary(sum, order);
        let (file, line) = context.place(id);
        let evidence = &found.rows[id.0 as usize];
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
            via: callers[id.0 as usize]
                .filter(|_| frames.row(id).owner != Owner::Own)
                .map(|site| place_of(series, frames, site)),
            addresses: Vec::new(),
        }
    };
    let heavier = |a: &RowId, b: &RowId| {
        let size = |row: &RowId| primary(sums.row(*row), order).unsigned_abs();
        let cum = |row: &RowId| sums.row(*row).cum.unsigned_abs();
        let by_size = size(b).cmp(&size(a)).then(cum(b).cmp(&cum(a)));
        by_size.then_with(|| frames.name(*a).cmp(frames.name(*b)))
    };
    let mut ids: Vec<RowId> = (0..frames.len() as u32)
        .map(RowId)
        .filter(|&id| frames.row(id).parent.is_none() && !is_empty(&sums, id))
        .collect();
    ids.sort_by(heavier);
    let shown = if wanted.nodecount == 0 { ids.len() } else { wanted.nodecount };
    let (shown, rest) = ids.split_at(shown.min(ids.len()));
    let rows = shown.iter().map(|&id| {
        let mut beneath: Vec<RowId> =
            addresses(frames, id).filter(|&id| !is_empty(&sums, id)).collect();
        beneath.sort_by(heavier);
        TopRow { addresses: beneath.into_iter().map(row).collect(), ..row(id) }
    });
    let omitted = rest.iter().fold(Omitted::default(), |omitted, &id| Omitted {
        rows: omitted.rows + 1,
        sum: omitted.sum.saturating_add_unsigned(primary(sums.row(id), order).unsigned_abs()),
    });
    Top { rows: rows.collect(), omitted }
}
