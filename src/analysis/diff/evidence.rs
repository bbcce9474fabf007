//! What the raw samples say about each row, each site and each total: one pass over the records.

use super::pairs::{NONE, Record, records};
use crate::analysis::{Callers, Measured, RawSamples, sampling};
use crate::graph::frames::{Frames, RowId};
use crate::model::series::{Series, Snapshot};
use crate::stats::growth::{Evidence, Pair};
use crate::stats::sampling::{Sampling, Weight};
use rayon::prelude::*;

/// What the samples say.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Whether the profiles say how they were sampled.
    pub(super) sampled: bool,
    /// Of each row: flat, or cum where the rows are sorted by it.
    pub(super) rows: Vec<Evidence>,
    /// Allocated between the snapshots, of each row.
    pub(super) allocated: Vec<i64>,
    /// Of each site.
    pub(super) sites: Vec<SiteSum>,
    /// Δ of each leaf row, by the site it stands under.
    pub(super) callers: Callers,
}

/// A site before and after.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SiteSum {
    pub(super) evidence: Evidence,
    pub(super) before: i64,
    pub(super) after: i64,
}

impl Findings {
    fn new(frames: &Frames) -> Self {
        Self {
            rows: vec![Evidence::default(); frames.len()],
            allocated: vec![0; frames.len()],
            sites: vec![SiteSum::default(); frames.site_count()],
            ..Self::default()
        }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.rows.iter_mut().zip(&other.rows).for_each(|(a, b)| a.merge(b));
        for (a, b) in self.allocated.iter_mut().zip(&other.allocated) {
            *a = a.wrapping_add(*b);
        }
        for (a, b) in self.sites.iter_mut().zip(&other.sites) {
            a.evidence.merge(&b.evidence);
            a.before = a.before.wrapping_add(b.before);
            a.after = a.after.wrapping_add(b.after);
        }
        for (&key, &value) in &other.callers {
            let sum = self.callers.entry(key).or_default();
            *sum = sum.wrapping_add(value);
        }
        self
    }
}

/// Which side is the older one, where both are of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Before, as it should be.
    InOrder,
    /// After: the two were given in the wrong order.
    Swapped,
    /// Two processes.
    Different,
}

/// Where the two snapshots could be of one process: the same binary, mapped to the same place, sampled at the
/// same rate, and neither of them a difference.
fn may_be_one_process(series: &Series, before: &Snapshot, after: &Snapshot) -> bool {
    let binary = match (&before.main, &after.main) {
        (Some(a), Some(b)) if a.build_id == b.build_id && a.start == b.start => {
            series.symbols.text(a.build_id) != "" || a.file == b.file
        }
        (None, None) => true,
        _ => false,
    };
    binary
        && before.header.period == after.header.period
        && before.header.duration_nanos == 0
        && after.header.duration_nanos == 0
        && matches!(sampling(&before.header), Sampling::Heap { .. } | Sampling::Exact)
}

/// One process where no counter of allocations falls: a record once made never goes away.
fn process(
    series: &Series,
    before: &Snapshot,
    after: &Snapshot,
    column: usize,
    records: &[Vec<Record>],
) -> Process {
    let value = |snapshot: &Snapshot, sample: u32| match sample {
        NONE => 0,
        sample => series.values(snapshot, sample as usize)[column],
    };
    let changes = records.par_iter().map(|records| {
        let (mut falls, mut rises) = (false, false);
        for record in records {
            let (a, b) = (value(before, record.before), value(after, record.after));
            falls |= b < a;
            rises |= b > a;
        }
        (falls, rises)
    });
    let (falls, rises) = changes.reduce(|| (false, false), |a, b| (a.0 | b.0, a.1 | b.1));
    match (falls, rises) {
        (false, _) => Process::InOrder,
        (true, false) => Process::Swapped,
        (true, true) => Process::Different,
    }
}

/// Samples of each piece of work where the snapshots are of two processes.
const PIECE: usize = 64 * 1024;

/// The records of two snapshots and how they relate.
pub(super) struct Matched {
    records: Vec<Vec<Record>>,
    process: Process,
}

impl Matched {
    /// Matches the snapshots where they can be of one process; otherwise each sample speaks for its own side.
    /// `known` is what was found out about the same snapshots before a filter took samples away.
    pub(super) fn new(series: &Series, measured: &Measured, known: Option<Process>) -> Self {
        let (before, after) = (&series.snapshots[0], &series.snapshots[1]);
        if let Some(column) = measured.allocated_count.or(measured.allocated)
            && known != Some(Process::Different)
            && may_be_one_process(series, before, after)
        {
            let records = records(before, after);
            let process = known.unwrap_or_else(|| process(series, before, after, column, &records));
            if process != Process::Different {
                return Self { records, process };
            }
        }
        let pieces =
            |n: usize| (0..n.div_ceil(PIECE)).map(move |i| i * PIECE..n.min((i + 1) * PIECE));
        let first = pieces(before.samples.len()).map(|range| {
            range.map(|sample| Record { before: sample as u32, after: NONE }).collect()
        });
        let second = pieces(after.samples.len()).map(|range| {
            range.map(|sample| Record { before: NONE, after: sample as u32 }).collect()
        });
        Self { records: first.chain(second).collect(), process: Process::Different }
    }

    /// How the snapshots relate.
    pub(super) fn process(&self) -> Process {
        self.process
    }

    /// Whether the snapshots are of one process.
    pub(super) fn same_process(&self) -> bool {
        self.process != Process::Different
    }

    /// Judges every row, by flat or by cum.
    pub(super) fn findings(
        &self,
        series: &Series,
        frames: &Frames,
        measured: &Measured,
        by_cum: bool,
    ) -> Findings {
        let pass = Pass { frames, by_cum, sides: Sides::new(series, measured, self.process) };
        let pieces: Vec<Findings> =
            self.records.par_iter().map(|records| pass.run(records)).collect();
        let mut found = pieces.iter().fold(Findings::new(frames), Findings::merge);
        found.sampled = pass.sides.known();
        found
    }

    /// The evidence of the total of a sample type; `None` where the profiles don't say how they were sampled.
    pub(super) fn total(&self, series: &Series, measured: &Measured) -> Option<Evidence> {
        let sides = Sides::new(series, measured, self.process);
        if !sides.known() {
            return None;
        }
        let pieces: Vec<Evidence> =
            self.records.par_iter().map(|records| sides.total(records)).collect();
        Some(pieces.iter().fold(Evidence::default(), |mut sum, piece| {
            sum.merge(piece);
            sum
        }))
    }
}

/// The two snapshots as raw samples of one sample type.
struct Sides<'a> {
    measured: &'a Measured,
    process: Process,
    before: RawSamples<'a>,
    after: RawSamples<'a>,
}

impl<'a> Sides<'a> {
    fn new(series: &'a Series, measured: &'a Measured, process: Process) -> Self {
        let raw = |i: usize| RawSamples::new(series, &series.snapshots[i], measured);
        Self { measured, process, before: raw(0), after: raw(1) }
    }

    fn known(&self) -> bool {
        self.before.known() && self.after.known()
    }

    /// The values of a record in a column, before and after.
    fn values(&self, record: &Record, column: usize) -> (i64, i64) {
        let value = |side: &RawSamples<'_>, sample: u32| match sample {
            NONE => 0,
            sample => side.values(sample as usize)[column],
        };
        (value(&self.before, record.before), value(&self.after, record.after))
    }

    /// The raw samples of a record that speak against each other, with their weights.
    fn pair(&self, record: &Record) -> (Pair, Weight, Weight) {
        let measured = self.measured;
        let get = |side: &RawSamples<'_>, sample: u32| match sample {
            NONE => None,
            sample => {
                let (values, set) = (side.values(sample as usize), side.set(sample as usize));
                Some(side.get(measured, values, measured.size, measured.count, set))
            }
        };
        let (before, after) = (get(&self.before, record.before), get(&self.after, record.after));
        // What is absent on one side would weigh there what it weighs on the other.
        let weight = |side: Option<(i64, Weight)>, other: Option<(i64, Weight)>| {
            side.or(other).map_or(Weight::default(), |(_, weight)| weight)
        };
        let (w1, w2) = (weight(before, after), weight(after, before));
        let (n1, n2) = (before.map_or(0, |(n, _)| n), after.map_or(0, |(n, _)| n));
        let allocated = |side: &RawSamples<'_>, sample: u32| match (sample, measured.allocated) {
            (NONE, _) | (_, None) => 0,
            (sample, Some(size)) => {
                let (values, set) = (side.values(sample as usize), side.set(sample as usize));
                side.get(measured, values, size, measured.allocated_count, set).0
            }
        };
        let change = || match measured.cumulative {
            true => n2.wrapping_sub(n1),
            false => allocated(&self.after, record.after)
                .wrapping_sub(allocated(&self.before, record.before)),
        };
        let pair = match self.process {
            Process::Different => Pair::independent(n1, n2),
            Process::InOrder => Pair::same_process(n1, n2, change()),
            Process::Swapped => {
                let Pair { x1, x2 } = Pair::same_process(n2, n1, change().wrapping_neg());
                Pair { x1: x2, x2: x1 }
            }
        };
        (pair, w1, w2)
    }

    /// The total of some records. Samples of one object size weigh the same, so they are counted together.
    fn total(&self, records: &[Record]) -> Evidence {
        let mut total = Evidence::default();
        let mut by_set = vec![(Pair::default(), None); self.before.sized.len()];
        for record in records {
            let (b, a) = self.values(record, self.measured.column);
            if a == 0 && b == 0 {
                continue;
            }
            let (pair, w1, w2) = self.pair(record);
            let set = match record.after {
                NONE => self.before.set(record.before as usize),
                sample => self.after.set(sample as usize),
            };
            if self.before.sized[set.index()].is_some() && self.after.sized[set.index()].is_some() {
                let (sum, weights) = &mut by_set[set.index()];
                sum.x1 += pair.x1;
                sum.x2 += pair.x2;
                *weights = Some((w1, w2));
            } else {
                total.add(pair, w1, w2);
            }
        }
        for (pair, weights) in by_set {
            if let Some((w1, w2)) = weights {
                total.add(pair, w1, w2);
            }
        }
        total
    }
}

struct Pass<'a> {
    frames: &'a Frames,
    by_cum: bool,
    sides: Sides<'a>,
}

impl Pass<'_> {
    fn run(&self, records: &[Record]) -> Findings {
        let sides = &self.sides;
        let mut found = Findings::new(self.frames);
        let mut last = vec![u32::MAX; if self.by_cum { self.frames.len() } else { 0 }];
        let allocated_column =
            sides.measured.allocated.filter(|_| sides.process != Process::Different);
        for (stamp, record) in (0..).zip(records) {
            let (b, a) = sides.values(record, sides.measured.column);
            let allocated = allocated_column.map_or(0, |column| {
                let (before, after) = sides.values(record, column);
                after.wrapping_sub(before)
            });
            if a == 0 && b == 0 && allocated == 0 {
                continue;
            }
            let (side, sample) = match record.after {
                NONE => (&sides.before, record.before),
                sample => (&sides.after, sample),
            };
            let stack = side.stack(sample as usize);
            let Some(&leaf) = stack.first() else { continue };
            let (pair, w1, w2) = sides.pair(record);
            let evidence = Evidence::of(pair, w1, w2);
            let mut add = |row: &RowId| {
                found.rows[row.0 as usize].merge(&evidence);
                let sum = &mut found.allocated[row.0 as usize];
                *sum = sum.wrapping_add(allocated);
            };
            if self.by_cum {
                for &location in stack {
                    for row in self.frames.of(location) {
                        if std::mem::replace(&mut last[row.0 as usize], stamp) != stamp {
                            add(row);
                        }
                    }
                }
            } else {
                self.frames.leaf(leaf).iter().for_each(&mut add);
            }
            let Some(site) = self.frames.site_of(stack) else { continue };
            let sum = &mut found.sites[site.0 as usize];
            sum.evidence.merge(&evidence);
            sum.before = sum.before.wrapping_add(b);
            sum.after = sum.after.wrapping_add(a);
            for &row in self.frames.leaf(leaf) {
                let sum = found.callers.entry((row, site)).or_default();
                *sum = sum.wrapping_add(a.wrapping_sub(b));
            }
        }
        found
    }
}
