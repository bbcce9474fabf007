//! Collects the evidence of raw samples about each row, site and total, in one pass over the
//! matched samples.

use super::findings::{Findings, RowSum, StackSum, Stacks};
use super::sparse::Sparse;
use crate::analysis::pairing::{NONE, Pairs, pairs};
use crate::analysis::parts::{PartSum, Parts};
use crate::analysis::process::{Relation, relation};
use crate::analysis::rates::Rates;
use crate::analysis::snapshot_pair::{Process, Record, SnapshotPair};
use crate::analysis::subtrees::Opposed;
use crate::analysis::{Measured, RawSamples, Records, SharedPairs};
use crate::graph::frames::{Frames, RowId};
use crate::model::ids::LocationId;
use crate::model::series::Series;
use crate::parallel;
use crate::stats::growth::{GrowthEvidence, Pair};
use std::sync::Arc;

/// What to judge, and the options for it.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) series: &'a Series,
    /// `None` if only totals are needed.
    pub(super) frames: Option<&'a Frames>,
    pub(super) measured: &'a Measured,
    pub(super) by_cum: bool,
    /// The times to compare, if the profiles cover different ones.
    pub(super) rates: Option<Rates>,
}

/// Number of pieces of work: few, because each has a table of all rows, and fixed, so that sums of
/// floating-point numbers are the same on every machine.
const PIECES: usize = 4;

/// Fewer samples than this are one piece.
const SMALL: usize = 4 * 1024;

/// Records after which it is asked whether the answer is still wanted.
const ASKED: usize = 4 * 1024;

/// The size of a piece of `n` samples.
fn piece(n: usize) -> usize {
    if n < SMALL { SMALL } else { n.div_ceil(PIECES) }
}

/// Judges every row and every total. `known` is how the samples relate, if that was determined
/// before a filter removed some.
pub(super) fn findings(question: Question<'_>, known: Option<(Process, &SharedPairs)>) -> Findings {
    let series = question.series;
    let (before, after) = (&series.snapshots[0], &series.snapshots[1]);
    let (relation, matched) = match known {
        Some((process, _)) => (Relation { process, ..Relation::default() }, None),
        None => relation(series, before, after),
    };
    // Without counters that tell what came and went, samples of one process can't be matched.
    let counted = question.measured.allocated.filter(|_| relation.process != Process::Different);
    let process = if counted.is_some() { relation.process } else { Process::Different };
    let pairs = match (counted, matched, known) {
        (Some(_), Some(pairs), _) => pairs.into(),
        (_, _, Some((_, shared))) => shared.of(series, process, counted),
        (Some(counter), None, None) => {
            pairs(before, after, series.sample_types.len(), counter).into()
        }
        (None, ..) => Arc::new(Pairs::none(before, after)),
    };
    Findings { relation, ..Pass::new(question, process).run(&pairs) }
}

struct Pass<'a> {
    question: Question<'a>,
    sides: SnapshotPair<'a>,
    /// The distinct groups of columns, and the group and sample type of each total.
    groups: Vec<Records>,
    types: Vec<(usize, Measured)>,
    /// The group that the rows use, and the group of allocated values.
    main: usize,
    allocated: Option<usize>,
}

/// Sums of one piece of work.
struct Piece {
    totals: Vec<GrowthEvidence>,
    /// Pairs of each group by label set: samples of one object size weigh the same, so they are
    /// counted first and weighed once.
    by_set: Vec<Vec<(Pair, Option<Record>)>>,
    /// Sums of stacks whose leaf is own code: the leaf determines row and site.
    leaves: Sparse<LocationId, StackSum>,
    /// Sums of the other stacks.
    stacks: Stacks,
    /// Sums of rows, if they are sorted by cum: flat is spread from leaves and stacks.
    rows: Sparse<RowId, RowSum>,
    /// Δ of all rows together.
    delta: i64,
    /// The records with a value, if their subtrees are scanned: those with opposing samples, and
    /// those without.
    records: Vec<Opposed>,
    survivors: Vec<Opposed>,
    /// The last record that counted for a row.
    last: Vec<usize>,
}

impl<'a> Pass<'a> {
    fn new(question: Question<'a>, process: Process) -> Self {
        let Question { series, measured, rates, .. } = question;
        let types = &series.sample_types;
        let mut groups = vec![measured.records];
        let mut group = |records: Records| {
            groups.iter().position(|g| *g == records).unwrap_or_else(|| {
                groups.push(records);
                groups.len() - 1
            })
        };
        let allocated = measured.allocated.map(|column| group(Records::new(types, column)));
        let types = (0..types.len())
            .map(|column| {
                let measured = Measured::new(types, column);
                (group(measured.records), measured)
            })
            .collect();
        Self {
            question,
            sides: SnapshotPair {
                factors: rates.map(|rates| rates.factors()),
                ..SnapshotPair::new(series, process)
            },
            groups,
            types,
            main: 0,
            allocated,
        }
    }

    fn run(&self, pairs: &Pairs) -> Findings {
        let frames = self.question.frames;
        let n = pairs.of_after.len();
        let size = piece(n);
        let only_before: Vec<&[u32]> =
            pairs.only_before.chunks(piece(pairs.only_before.len())).collect();
        let pieces_after = n.div_ceil(size);
        let pieces = parallel::map(pieces_after + only_before.len(), |i| {
            if i < pieces_after {
                let range = i * size..n.min((i + 1) * size);
                self.piece(range.map(|sample| Record {
                    before: Some(pairs.of_after[sample]).filter(|&b| b != NONE).map(|b| b as usize),
                    after: Some(sample),
                }))
            } else {
                let samples = only_before[i - pieces_after].iter();
                self.piece(
                    samples.map(|&sample| Record { before: Some(sample as usize), after: None }),
                )
            }
        });
        let mut found = Findings {
            process: self.sides.process,
            relation: Relation::default(),
            sampled: self.sides.known(),
            has_error: self.sides.has_error(),
            exact: self.sides.before.exact() && self.sides.after.exact(),
            totals: vec![GrowthEvidence::default(); self.types.len()],
            rows: Sparse::new(frames.map_or(0, Frames::len)),
            sites: Sparse::new(frames.map_or(0, Frames::site_count)),
            delta: 0,
            records: Vec::new(),
            survivors: Vec::new(),
            parts: Parts::new(),
        };
        let mut by_set = self.no_sets();
        for piece in &pieces {
            found.delta = found.delta.wrapping_add(piece.delta);
            found.totals.iter_mut().zip(&piece.totals).for_each(|(a, b)| a.merge(b));
            for (sum, piece) in by_set.iter_mut().flatten().zip(piece.by_set.iter().flatten()) {
                sum.0.x1 += piece.0.x1;
                sum.0.x2 += piece.0.x2;
                sum.1 = sum.1.or(piece.1);
            }
            piece.rows.met().iter().for_each(|(id, sum)| found.rows.at(*id).merge(sum));
            if let Some(frames) = frames {
                let sums = (piece.leaves.met(), &piece.stacks);
                found.spread(frames, sums, self.question.by_cum);
            }
        }
        for (total, (group, measured)) in found.totals.iter_mut().zip(&self.types) {
            for (pair, record) in &by_set[*group] {
                if let Some(record) = *record {
                    let (w1, w2) = self.sides.weights(record, measured);
                    total.add(*pair, w1, w2);
                }
            }
        }
        (found.records, found.survivors) =
            pieces.into_iter().map(|piece| (piece.records, piece.survivors)).unzip();
        found
    }

    fn no_sets(&self) -> Vec<Vec<(Pair, Option<Record>)>> {
        vec![vec![(Pair::default(), None); self.sides.before.scale.sized.len()]; self.groups.len()]
    }

    fn piece(&self, records: impl Iterator<Item = Record>) -> Piece {
        let frames = self.question.frames;
        let rows = frames.map_or(0, Frames::len);
        let locations = self.question.series.symbols.locations.len();
        let mut piece = Piece {
            totals: vec![GrowthEvidence::default(); self.types.len()],
            by_set: self.no_sets(),
            leaves: Sparse::new(frames.map_or(0, |_| locations)),
            stacks: Stacks::new(),
            rows: Sparse::new(if self.question.by_cum { rows } else { 0 }),
            delta: 0,
            records: Vec::new(),
            survivors: Vec::new(),
            last: vec![usize::MAX; if self.question.by_cum { rows } else { 0 }],
        };
        if frames.is_some_and(|frames| self.scans(frames)) {
            piece.records.reserve(records.size_hint().0);
        }
        for (stamp, record) in records.enumerate() {
            if stamp % ASKED == 0 && parallel::is_cancelled() {
                break;
            }
            self.record(record, stamp, &mut piece);
        }
        piece
    }

    /// Whether the subtrees of functions are scanned: if the sampling is known, and values are compared
    /// as they are.
    fn scans(&self, frames: &Frames) -> bool {
        frames.by_function_name() && self.sides.known() && self.question.rates.is_none()
    }

    fn record(&self, record: Record, stamp: usize, piece: &mut Piece) {
        let zero = |side: &RawSamples<'_>, sample: Option<usize>| {
            sample.is_none_or(|sample| side.values(sample).iter().all(|&v| v == 0))
        };
        if zero(&self.sides.after, record.after) && zero(&self.sides.before, record.before) {
            return;
        }
        let raw = |group: usize| self.sides.raw(record, &self.groups[group]);
        let allocated = self.allocated.map(raw).unwrap_or_default();
        let mut main = Pair::default();
        for (group, records) in self.groups.iter().enumerate() {
            let own = if Some(group) == self.allocated { allocated } else { raw(group) };
            let change = if records.cumulative { own } else { allocated };
            let pair = self.sides.pair(own, change.after.wrapping_sub(change.before));
            if group == self.main {
                main = pair;
            }
            self.count(record, group, pair, piece);
        }
        let Some(frames) = self.question.frames else { return };
        self.count_rows(record, main, stamp, frames, piece);
    }

    /// Adds a pair to the totals of its group.
    fn count(&self, record: Record, group: usize, pair: Pair, piece: &mut Piece) {
        let Some(set) = self.sides.set(record) else { return };
        let sized = |side: &RawSamples<'_>| side.scale.sized[set.index()].is_some();
        if sized(&self.sides.before)
            && sized(&self.sides.after)
            && self.groups[group].count.is_some()
        {
            let (sum, example) = &mut piece.by_set[group][set.index()];
            sum.x1 += pair.x1;
            sum.x2 += pair.x2;
            *example = example.or(Some(record));
            return;
        }
        for (total, (own, measured)) in piece.totals.iter_mut().zip(&self.types) {
            if *own == group {
                let (w1, w2) = self.sides.weights(record, measured);
                total.add(pair, w1, w2);
            }
        }
    }

    /// Adds a pair to the rows and the site of its stack.
    fn count_rows(
        &self,
        record: Record,
        pair: Pair,
        stamp: usize,
        frames: &Frames,
        piece: &mut Piece,
    ) {
        let measured = self.question.measured;
        let (b, a) = self.sides.values(record, measured.column);
        let allocated = match measured.allocated {
            Some(column) if self.sides.process != Process::Different => {
                let (before, after) = self.sides.values(record, column);
                after.wrapping_sub(before)
            }
            _ => 0,
        };
        let Some(stack) = self.sides.stack(record) else { return };
        let Some(leaf) = stack.clone().next() else { return };
        if a == 0 && b == 0 && allocated == 0 {
            return;
        }
        piece.delta = piece.delta.wrapping_add(a.wrapping_sub(b));
        if let Some(&row) = frames.leaf(leaf).first()
            && (a != 0 || b != 0)
            && self.scans(frames)
        {
            let opposed = Opposed::new(&self.sides, record, (pair, (b, a)), row);
            let of = if opposed.is_survivor() { &mut piece.survivors } else { &mut piece.records };
            of.push(opposed);
        }
        let objects = measured.count.map_or((0, 0), |count| self.sides.values(record, count));
        let (w1, w2) = self.sides.weights(record, measured);
        let evidence = GrowthEvidence::of(pair, w1, w2);
        if self.question.by_cum {
            let sum = RowSum { evidence, allocated };
            for row in stack.clone().flat_map(|location| frames.of(location)) {
                if std::mem::replace(&mut piece.last[row.0 as usize], stamp) != stamp {
                    piece.rows.at(*row).merge(&sum);
                }
            }
        }
        let sum = if frames.own_site(leaf).is_some() {
            piece.leaves.at(leaf)
        } else {
            piece.stacks.at((leaf, frames.site_of(stack)))
        };
        sum.merge(&StackSum { evidence, values: [b, a], objects: objects.into(), allocated });
    }
}
