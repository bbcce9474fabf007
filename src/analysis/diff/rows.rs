//! Turns sums and evidence into the rows and sites of a comparison.

use super::findings::{Findings, RowParts, RowSum, SiteSum, Split, StackSum};
use super::{Comparison, Diff, DiffRow, DiffSite, Process, Status};
use crate::analysis::parts::{Part, PartSum, share};
use crate::analysis::places::place_counts;
use crate::analysis::{
    Bounds, Context, Measure, Measured, Order, RowOptions, SIGNIFICANT, addresses, is_empty,
    percent, place_of, primary, primary_objects,
};
use crate::graph::frames::{Frames, RowId, SiteId};
use crate::graph::sums::{Sums, sums};
use crate::model::change::Change;
use crate::model::origin;
use crate::model::series::NO_STACK;
use crate::model::site::Frame;
use crate::parallel;
use crate::stats::growth::GrowthEvidence;
use crate::stats::multiple::benjamini_hochberg;
use crate::stats::{self, RANKING_QUANTILE};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::borrow::Cow;

/// Tests that one piece of work makes.
const TESTS: usize = 512;

/// The rows and sites, and the names of functions that the two sides name differently.
pub(super) fn diff(
    comparison: &Comparison<'_>,
    frames: &Frames,
    wanted: RowOptions,
) -> (Diff, Vec<String>) {
    let Comparison { series, measured, .. } = comparison;
    let sums = sums(series, frames, measured.column, measured.count);
    let [before, after] = sums.as_slice() else { return Default::default() };
    let mut judge = Judge::new(comparison, frames, before, after);
    judge.link_moved();
    judge.test();
    let mut answer = judge.rows(wanted);
    answer.sites = judge.sites(wanted);
    let of = (*series, frames);
    answer.places = place_counts(of, (measured.column, None), comparison.order, wanted);
    let moved = judge.cases.iter().filter(|case| case.moved.is_some());
    let moved = moved.map(|case| frames.name(case.row).to_owned()).collect();
    (answer, moved)
}

/// A row under judgement.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) row: RowId,
    /// The Δ that decides: of the row, or of both rows of a moved function.
    pub(super) decides: i64,
    q_value: Option<f64>,
    pub(super) status: Status,
    pub(super) moved: Option<Moved>,
}

/// A row of a function that the two sides name differently.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    /// Position of the case that represents all names of the function; for that one, the case with
    /// most of the function before.
    pub(super) other: usize,
    /// Whether another case represents the function.
    pub(super) gone: bool,
    /// The evidence of all its rows.
    pub(super) evidence: GrowthEvidence,
}

/// A site that grew.
pub(super) struct Grown {
    pub(super) id: SiteId,
    pub(super) sum: SiteSum,
    pub(super) q_value: f64,
}

pub(super) struct Judge<'a> {
    pub(super) comparison: &'a Comparison<'a>,
    pub(super) frames: &'a Frames,
    pub(super) measured: &'a Measured,
    pub(super) order: Order,
    pub(super) before: &'a Sums,
    pub(super) after: &'a Sums,
    pub(super) found: &'a Findings,
    pub(super) cases: Vec<Case>,
}

impl<'a> Judge<'a> {
    fn new(
        comparison: &'a Comparison<'a>,
        frames: &'a Frames,
        before: &'a Sums,
        after: &'a Sums,
    ) -> Self {
        let Comparison { measured, order, found, .. } = comparison;
        let order = *order;
        let rows = (0..frames.len() as u32).map(RowId);
        let top_level = rows.filter(|&row| {
            frames.row(row).parent.is_none() && !(is_empty(before, row) && is_empty(after, row))
        });
        let cases = top_level
            .map(|row| {
                let (a, b) = (primary(after.row(row), order), primary(before.row(row), order));
                Case {
                    row,
                    decides: comparison.change(b, a),
                    q_value: None,
                    status: Status::Same,
                    moved: None,
                }
            })
            .collect();
        Self { comparison, frames, measured, order, before, after, found, cases }
    }

    pub(super) fn same_process(&self) -> bool {
        self.found.process != Process::Different
    }

    /// Tests growth and shrinkage, each over all rows that are worth testing.
    fn test(&mut self) {
        if self.found.sampled {
            // The rows of a moved function are one test.
            let cases: Vec<usize> = (0..self.cases.len())
                .filter(|&i| self.cases[i].moved.is_none_or(|moved| !moved.gone))
                .collect();
            let p = parallel::map_items(&cases, TESTS, |&i| {
                let evidence = self.evidence(&self.cases[i]);
                evidence.testable().then(|| match self.cases[i].decides {
                    1.. => evidence.p_growth(),
                    0 => 1.0,
                    _ => evidence.p_shrink(),
                })
            });
            let tested: Vec<(usize, f64)> =
                cases.into_iter().zip(p).filter_map(|(i, p)| Some((i, p?))).collect();
            for grows in [true, false] {
                let is_asked = |i: usize| (self.cases[i].decides >= 0) == grows;
                // The p of the other direction is always large, so its exact value doesn't matter.
                let p: Vec<f64> =
                    tested.iter().map(|&(i, p)| if is_asked(i) { p } else { 1.0 }).collect();
                for (&(i, _), q) in tested.iter().zip(benjamini_hochberg(&p)) {
                    if (self.cases[i].decides >= 0) == grows {
                        self.cases[i].q_value = Some(q);
                    }
                }
            }
        }
        for i in 0..self.cases.len() {
            if let Some(Moved { other, gone: true, .. }) = self.cases[i].moved {
                self.cases[i].q_value = self.cases[other].q_value;
            }
            self.cases[i].status = self.status(&self.cases[i]);
        }
    }

    /// The evidence that decides a case: of its row, or of both rows of a moved function.
    fn evidence(&self, case: &Case) -> GrowthEvidence {
        case.moved.map_or_else(|| self.found.row(case.row).evidence, |moved| moved.evidence)
    }

    fn status(&self, case: &Case) -> Status {
        let real = self.is_real(case.q_value);
        let held = |sums: &Sums| primary(sums.row(case.row), self.order) != 0;
        match case.decides {
            0 => Status::Same,
            _ if !real => Status::WithinNoise,
            delta if case.moved.is_none() && delta > 0 && !held(self.before) => Status::New,
            delta if case.moved.is_none() && delta < 0 && !held(self.after) => Status::Gone,
            1.. => Status::Grown,
            _ => Status::Shrunk,
        }
    }

    /// The rank of a case: rows beyond noise first, then by the conservative size of the change.
    fn rank(&self, case: &Case) -> (bool, f64, u64) {
        let size = case.decides.unsigned_abs();
        match self.order {
            Order::Bound => {
                let real = !matches!(case.status, Status::WithinNoise | Status::Same);
                let bound = size as f64 - RANKING_QUANTILE * self.evidence(case).variance().sqrt();
                (real, if self.found.sampled { bound } else { size as f64 }, size)
            }
            Order::Flat | Order::Cum => (true, size as f64, size),
        }
    }

    fn rows(&self, wanted: RowOptions) -> Diff {
        let rank = |i: usize| (self.rank(&self.cases[i]), i);
        // Unchanged rows are removed before sorting: they are mostly callers that allocate nothing.
        let shown = |i: &usize| wanted.all || self.cases[*i].status != Status::Same;
        let mut order: Vec<_> = (0..self.cases.len()).filter(shown).map(rank).collect();
        order.sort_by(|((real_a, bound_a, size_a), a), ((real_b, bound_b, size_b), b)| {
            let name = |i: &usize| self.frames.name(self.cases[*i].row);
            let by_rank = real_b.cmp(real_a).then(bound_b.total_cmp(bound_a));
            by_rank.then(size_b.cmp(size_a)).then_with(|| name(a).cmp(name(b)))
        });
        let context = Context::new(self.comparison.series, self.frames, |location| {
            let (b, a) =
                (self.before.leaves[location.index()], self.after.leaves[location.index()]);
            // By change; if nothing changed, by size.
            a.abs_diff(b)
                .saturating_mul(4)
                .saturating_add(a.unsigned_abs().max(b.unsigned_abs()) / 4)
        });
        let mut diff = Diff::default();
        let mut shown: Vec<usize> = Vec::new();
        for (_, i) in order {
            let case = &self.cases[i];
            let dropped = match case.status {
                Status::WithinNoise if !wanted.all => Some(&mut diff.within_noise),
                // A moved function is shown as one line, so its second row doesn't count against
                // the limit.
                _ if wanted.nodecount > 0
                    && shown.len() >= wanted.nodecount
                    && !case.moved.is_some_and(|moved| shown.contains(&moved.other)) =>
                {
                    Some(&mut diff.omitted)
                }
                _ => None,
            };
            match dropped {
                // Both names of a moved function are one change.
                Some(_) if case.moved.is_some_and(|moved| moved.gone) => {}
                Some(omitted) => omitted.add(case.decides),
                None => shown.push(i),
            }
        }
        let shown: Vec<&Case> = shown.into_iter().map(|i| &self.cases[i]).collect();
        let parts = self.parts(shown.iter().map(|case| case.row));
        let splits = self.splits(&shown, &parts, wanted.nodecount);
        let rows = shown.into_iter().zip(splits);
        diff.rows = rows.map(|(case, split)| self.row(case, split, &context, &parts)).collect();
        let no_stack = diff.rows.iter().position(|row| row.name == NO_STACK);
        diff.no_stack = no_stack.map(|at| Box::new(diff.rows.remove(at)));
        diff
    }

    fn row(&self, case: &Case, split: Split, context: &Context<'_>, parts: &RowParts) -> DiffRow {
        let id = case.row;
        let mut row = self.plain_row(id, context, parts.get(&id));
        row.q_value = case.q_value;
        row.status = case.status;
        (row.callers, row.others) = split;
        if let Some(Moved { other, gone, .. }) = case.moved {
            let other = self.frames.name(self.cases[other].row).to_owned();
            *(if gone { &mut row.moved_to } else { &mut row.moved_from }) = Some(other);
            row.together = self.together(case);
        }
        let mut beneath: Vec<DiffRow> = addresses(self.frames, id)
            .filter(|&row| !(is_empty(self.before, row) && is_empty(self.after, row)))
            .map(|row| self.plain_row(row, context, parts.get(&row)))
            .collect();
        beneath.sort_by(|a, b| {
            let size = |row: &DiffRow| row.delta.flat.unsigned_abs();
            size(b).cmp(&size(a)).then_with(|| a.name.cmp(&b.name))
        });
        row.addresses = beneath;
        row
    }

    /// A row by its own numbers, judged alone.
    fn plain_row(
        &self,
        id: RowId,
        context: &Context<'_>,
        parts: Option<&Vec<Part<StackSum>>>,
    ) -> DiffRow {
        let (b, a) = (self.before.row(id), self.after.row(id));
        let before = Measure { flat: b.flat, cum: b.cum };
        let after = Measure { flat: a.flat, cum: a.cum };
        let delta = Measure { flat: a.flat.wrapping_sub(b.flat), cum: a.cum.wrapping_sub(b.cum) };
        let main = primary(a, self.order).wrapping_sub(primary(b, self.order));
        let objects = self
            .measured
            .count
            .map(|_| Change::new(primary_objects(b, self.order), primary_objects(a, self.order)));
        let RowSum { evidence, allocated } = self.found.row(id);
        let (file, line) = context.place(id);
        let (via, via_share) = self.via(parts);
        let values = [primary(b, self.order), primary(a, self.order)];
        let decides = self.comparison.change(values[0], values[1]);
        let interval = evidence.interval(decides as f64, stats::LEVEL);
        // An address beneath its binary isn't one of the tested rows; its interval decides.
        let certain = interval.lower > 0.0 || interval.upper < 0.0;
        let case = Case {
            row: id,
            decides,
            q_value: certain.then_some(0.0),
            status: Status::Same,
            moved: None,
        };
        DiffRow {
            name: self.frames.name(id).to_owned(),
            file,
            line,
            before,
            after,
            delta,
            delta_percent: percent(main, primary(b, self.order)),
            objects,
            kept: self.kept(main, allocated),
            error: self.comparison.absolute_error(&evidence, main),
            per_second: self.comparison.per_second(&evidence, values),
            q_value: None,
            status: self.status(&case),
            via,
            via_share,
            callers: Vec::new(),
            others: None,
            moved_from: None,
            moved_to: None,
            together: None,
            addresses: Vec::new(),
        }
    }

    /// The sites that grew. Lines move between builds, so between different builds a site is its
    /// whole function.
    fn sites(&self, wanted: RowOptions) -> Vec<DiffSite> {
        if !self.found.sampled {
            return Vec::new();
        }
        let merged = self.merged_sites();
        let p = parallel::map_items(&merged, TESTS, |(_, sum)| {
            let grew = self.comparison.change(sum.before, sum.after) > 0;
            if self.found.exact {
                return Some(if grew { 0.0 } else { 1.0 });
            }
            sum.evidence.testable().then(|| if grew { sum.evidence.p_growth() } else { 1.0 })
        });
        let (tested, p): (Vec<(SiteId, &SiteSum)>, Vec<f64>) =
            merged.iter().zip(p).filter_map(|((id, sum), p)| Some(((*id, sum), p?))).unzip();
        let grown = |((id, sum), q): &(&(SiteId, &SiteSum), f64)| {
            let grew = *q <= SIGNIFICANT && self.comparison.change(sum.before, sum.after) > 0;
            grew && self.is_place(*id)
        };
        let grown = tested.iter().zip(benjamini_hochberg(&p)).filter(grown);
        let mut grown: Vec<Grown> =
            grown.map(|((id, sum), q_value)| Grown { id: *id, sum: **sum, q_value }).collect();
        let redirected = self.redirect(&mut grown);
        let symbols = &self.comparison.series.symbols;
        let mut grown: Vec<_> = grown
            .into_iter()
            .map(|Grown { id, sum, q_value }| {
                let delta = self.comparison.change(sum.before, sum.after);
                let bound = delta as f64 - RANKING_QUANTILE * sum.evidence.variance().sqrt();
                (bound, delta, id, sum, q_value)
            })
            .collect();
        grown.sort_by(|a, b| {
            let place = |id: SiteId| {
                let Frame { function, line } = self.frames.site(id);
                (symbols.name(function), line)
            };
            b.0.total_cmp(&a.0).then_with(|| place(a.2).cmp(&place(b.2)))
        });
        if wanted.nodecount > 0 {
            grown.truncate(wanted.nodecount);
        }
        // The largest Δ of a leaf of each site, that leaf, and the sizes of all of them.
        let mut leaves: HashMap<SiteId, (i64, Option<RowId>, u64), FxBuildHasher> = grown
            .iter()
            .map(|(_, _, id, sum, _)| (*id, (sum.own, None, sum.own.unsigned_abs())))
            .collect();
        // Between builds a function is one site.
        let names = self.new_names();
        let name = |id: SiteId| {
            let name = symbols.name(self.frames.site(id).function);
            names.get(name).copied().unwrap_or(name)
        };
        let ids = leaves.keys().filter(|_| !self.comparison.same_build);
        let by_name: HashMap<&str, SiteId, FxBuildHasher> =
            ids.map(|id| (name(*id), *id)).collect();
        let listed = |site: SiteId| {
            let site = redirected.get(&site).copied().unwrap_or(site);
            by_name.get(name(site)).copied().unwrap_or(site)
        };
        for &((row, site), ref sum) in self.found.parts.met() {
            let (site, value) = (site.map(listed), sum.delta());
            if let Some((most, leaf, sizes)) = site.and_then(|site| leaves.get_mut(&site))
                && self.frames.row(row).parent.is_none()
            {
                *sizes = sizes.saturating_add(value.unsigned_abs());
                if value > *most || value == *most && leaf.is_some_and(|other| row < other) {
                    (*most, *leaf) = (value, Some(row));
                }
            }
        }
        let site = |(bound, delta, id, sum, q_value): (f64, i64, SiteId, SiteSum, f64)| {
            let place = place_of(self.comparison.series, self.frames, id);
            // At other granularities a row isn't a function, and its name would repeat the place.
            let (most, leaf, sizes) = leaves[&id];
            let leaf = leaf.filter(|_| self.frames.by_function_name());
            let leaf = leaf.map(|row| self.frames.name(row).to_owned());
            let leaf = leaf.filter(|leaf| *leaf != place.function);
            DiffSite {
                leaf_share: leaf.as_ref().map(|_| share(most.unsigned_abs(), sizes)),
                leaf,
                moved_from: self.old_name(&place.function).map(str::to_owned),
                place,
                value: Change::new(sum.before, sum.after),
                per_second: self.comparison.per_second(&sum.evidence, [sum.before, sum.after]),
                error: Bounds::of(sum.evidence.interval(delta as f64, stats::LEVEL)),
                q_value,
                lower_bound: bound.round() as i64,
            }
        };
        grown.into_iter().map(site).collect()
    }

    /// Whether a site is a place to look at, which the descriptors of goroutines aren't.
    fn is_place(&self, site: SiteId) -> bool {
        let name = self.comparison.series.symbols.name(self.frames.site(site).function);
        name != origin::DESCRIPTOR
    }

    /// The name after of each function that had another one before.
    pub(super) fn new_names(&self) -> HashMap<&str, &str, FxBuildHasher> {
        let renamed = |case: &Case| {
            let Moved { other, gone, .. } = case.moved?;
            let other = self.frames.name(self.cases[other].row);
            gone.then(|| (self.frames.name(case.row), other))
        };
        self.cases.iter().filter_map(renamed).collect()
    }

    /// Whether a change with this q-value is more than sampling error.
    pub(super) fn is_real(&self, q_value: Option<f64>) -> bool {
        !self.found.sampled || self.found.exact || q_value.is_some_and(|q| q <= SIGNIFICANT)
    }

    /// The share that is still in use of what was allocated between the snapshots.
    pub(super) fn kept(&self, delta: i64, allocated: i64) -> Option<f64> {
        let in_use = self.measured.allocated.is_some_and(|column| column != self.measured.column);
        (in_use && self.same_process() && allocated > 0 && delta >= 0)
            .then(|| (delta as f64 / allocated as f64).clamp(0.0, 1.0))
    }

    /// The sites with their sums; if the builds differ, the sites of one function (renumbered or
    /// not) are merged, named by its heaviest line after.
    fn merged_sites(&self) -> Cow<'_, [(SiteId, SiteSum)]> {
        let all = self.found.sites.met();
        if self.comparison.same_build && self.cases.iter().all(|case| case.moved.is_none()) {
            return Cow::Borrowed(all);
        }
        let names = self.new_names();
        let symbols = &self.comparison.series.symbols;
        let mut by_function: HashMap<&str, (SiteId, i64, SiteSum), FxBuildHasher> =
            HashMap::default();
        for &(id, sum) in all {
            let function = symbols.name(self.frames.site(id).function);
            let function = names.get(function).copied().unwrap_or(function);
            let entry = by_function.entry(function).or_insert((id, i64::MIN, SiteSum::default()));
            if sum.after > entry.1 {
                (entry.0, entry.1) = (id, sum.after);
            }
            entry.2.merge(&sum);
        }
        let mut merged: Vec<_> = by_function.into_values().map(|(id, _, sum)| (id, sum)).collect();
        merged.sort_by_key(|(id, _)| *id);
        Cow::Owned(merged)
    }
}
