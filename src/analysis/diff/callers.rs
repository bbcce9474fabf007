//! Splits the rows of a comparison by the callers to blame for them.
//!
//! The parts of a row are tested only if the row changed by more than sampling error, each row's parts as a family of
//! their own (Yekutieli 2008). A part that doesn't pass is not said to have grown: it stays among the other callers,
//! which are tested as one.

use super::findings::{RowParts, Split, StackSum};
use super::rows::{Case, Judge};
use super::{CallerPart, Comparison, OtherCallers, Status};
use crate::analysis::entries;
use crate::analysis::parts::{
    Division, Part, PartSum, PartValue, Splittable, choose, divide, gross, joined, main_caller,
    only_site, share,
};
use crate::analysis::{Bounds, Order, Place, addresses, place_of};
use crate::graph::frames::{RowId, SiteId};
use crate::model::change::Change;
use crate::stats;
use crate::stats::multiple::benjamini_hochberg;

/// How a part was judged.
type Judged = (Option<f64>, Status);

impl Judge<'_> {
    /// The parts of rows and of the addresses beneath them, except of rows of which a part is not theirs alone.
    pub(super) fn parts(&self, rows: impl Iterator<Item = RowId>) -> RowParts {
        let rows: Vec<RowId> =
            rows.flat_map(|row| std::iter::once(row).chain(addresses(self.frames, row))).collect();
        let mut parts =
            self.found.parts.of_rows(rows.iter().copied().filter(|&row| self.is_leaf(row)));
        let Comparison { series, measured, found, .. } = self.comparison;
        let sites = parts.values_mut().flatten().filter_map(|part| part.site.as_mut());
        let runs = (1, Some(found.process));
        entries::redirect((series, self.frames), measured, runs, sites);
        let names = self.new_names();
        let symbols = &self.comparison.series.symbols;
        let same_build = self.comparison.same_build;
        let name = |site: SiteId| {
            let name = symbols.name(self.frames.site(site).function);
            names.get(name).copied().unwrap_or(name)
        };
        // Lines move between builds: the line is one of the second.
        let weight =
            |sum: &StackSum| if same_build { sum.delta() } else { sum.values[1] }.unsigned_abs();
        for parts in parts.values_mut() {
            *parts = joined(parts, name, weight);
        }
        parts
    }

    /// Whether all that a row is judged by was allocated by the row itself.
    fn is_leaf(&self, row: RowId) -> bool {
        if self.comparison.rates.is_some() {
            // Parts are of absolute values.
            return false;
        }
        let is_flat = |sums: &crate::graph::sums::Sums| sums.row(row).flat == sums.row(row).cum;
        self.order != Order::Cum || (is_flat(self.before) && is_flat(self.after))
    }

    /// The caller behind the largest part of a row, and its share.
    pub(super) fn via(&self, parts: Option<&Vec<Part<StackSum>>>) -> (Option<Place>, Option<f64>) {
        let main = parts.and_then(|parts| main_caller(parts));
        main.map(|(site, share)| (self.place(site), share)).unzip()
    }

    fn place(&self, site: SiteId) -> Place {
        place_of(self.comparison.series, self.frames, site)
    }

    /// The parts of each row that are listed in a table of at most `limit` lines.
    pub(super) fn splits(&self, cases: &[&Case], parts: &RowParts, limit: usize) -> Vec<Split> {
        let none = Vec::new();
        // The two rows of a moved function are one line, and addresses are shown instead of their binary.
        let of = |case: &Case| {
            let is_plain = case.moved.is_none() && case.decides != 0;
            parts.get(&case.row).filter(|_| is_plain).unwrap_or(&none)
        };
        let judged: Vec<Vec<Judged>> =
            cases.iter().map(|case| self.judge(case, of(case))).collect();
        let splittable = cases.iter().zip(&judged).map(|(case, judged)| {
            let may = |status: Status| limit == 0 || status.is_real();
            let parts = of(case).iter().zip(judged);
            let is_binary = addresses(self.frames, case.row).next().is_some();
            Splittable {
                size: case.decides.unsigned_abs(),
                parts: parts
                    .map(|(part, (_, status))| {
                        (part.size(), may(*status) && (limit == 0 || !is_binary))
                    })
                    .collect(),
            }
        });
        let chosen = choose(&splittable.collect::<Vec<_>>(), limit);
        let rows = cases.iter().zip(&judged).zip(chosen);
        rows.map(|((case, judged), chosen)| self.split(case, of(case), judged, &chosen)).collect()
    }

    /// Tests the parts of a row that changed.
    fn judge(&self, case: &Case, parts: &[Part<StackSum>]) -> Vec<Judged> {
        let is_asked = self.found.sampled && case.status.is_real() && parts.len() > 1;
        let mut q_values = vec![None; parts.len()];
        for grows in [true, false].into_iter().filter(|_| is_asked) {
            let tested: Vec<usize> =
                (0..parts.len()).filter(|&i| parts[i].sum.evidence.testable()).collect();
            let is_of = |i: usize| (parts[i].sum.delta() >= 0) == grows;
            let p = |&i: &usize| if is_of(i) { p_value(&parts[i].sum) } else { 1.0 };
            let p: Vec<f64> = tested.iter().map(p).collect();
            for (i, q) in tested.into_iter().zip(benjamini_hochberg(&p)) {
                if is_of(i) {
                    q_values[i] = Some(q);
                }
            }
        }
        let judged = parts.iter().zip(q_values).map(|(part, q_value)| {
            let is_real = if parts.len() == 1 { true } else { self.is_real(q_value) };
            (q_value, Status::of(part.sum.values, is_real && case.status.is_real()))
        });
        judged.collect()
    }

    fn split(
        &self,
        case: &Case,
        parts: &[Part<StackSum>],
        judged: &[Judged],
        chosen: &[usize],
    ) -> Split {
        let gross = gross(parts);
        let Division { listed, left, rest, size } = divide(parts, chosen);
        let listed = listed.into_iter().map(|i| CallerPart {
            place: parts[i].site.map(|site| self.place(site)),
            part: self.part_value(&parts[i].sum, gross, judged[i]),
        });
        let listed: Vec<CallerPart> = listed.collect();
        let others = (!left.is_empty()).then(|| {
            let judged = match left.as_slice() {
                [one] => judged[*one],
                _ if listed.is_empty() => (None, Status::of(rest.values, case.status.is_real())),
                _ => self.judge_rest(case, &rest, listed.len()),
            };
            let part = self.part_value(&rest, gross, judged);
            OtherCallers {
                count: left.len(),
                place: only_site(parts, &left).map(|site| self.place(site)),
                part: PartValue { share: share(size, gross), ..part },
            }
        });
        (listed, others)
    }

    /// Tests the rest of a row of which `listed` parts are listed.
    fn judge_rest(&self, case: &Case, rest: &StackSum, listed: usize) -> Judged {
        let q_value = (self.found.sampled && rest.evidence.testable())
            .then(|| (p_value(rest) * (listed + 1) as f64).min(1.0));
        (q_value, Status::of(rest.values, case.status.is_real() && self.is_real(q_value)))
    }

    fn part_value(&self, sum: &StackSum, gross: u64, (q_value, status): Judged) -> PartValue {
        let change = |[before, after]: [i64; 2]| Change::new(Some(before), after);
        let interval = || sum.evidence.interval(sum.delta() as f64, stats::LEVEL);
        PartValue {
            value: change(sum.values),
            share: share(sum.delta().unsigned_abs(), gross),
            objects: self.measured.count.map(|_| change(sum.objects)),
            kept: self.kept(sum.delta(), sum.allocated),
            error: self.found.has_error.then(|| Bounds::of(interval())),
            q_value,
            status: Some(status),
        }
    }
}

/// One-sided p of a change in its own direction.
fn p_value(sum: &StackSum) -> f64 {
    match sum.delta() {
        1.. => sum.evidence.p_growth(),
        0 => 1.0,
        _ => sum.evidence.p_shrink(),
    }
}
