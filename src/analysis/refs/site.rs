//! The paths to one function: which lines of its tree are shown, what they hold, and what all of
//! them pass.

use super::{Dominator, Path, RefsFrame, RefsLine, RefsQuery, RefsSite, Rest, Sums};
use crate::analysis::entries::{self, Entries};
use crate::analysis::matched_samples::{MatchedSamples, SumEvidence};
use crate::analysis::{Subject, percent};
use crate::graph::distinct_stacks::Stacks;
use crate::graph::dominators::dominators;
use crate::graph::frames::RowId;
use crate::graph::inverted::{Direction, Inverted};
use crate::model::change::Change;
use crate::model::origin::Owner;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::BinaryHeap;

/// A dominator may miss paths that make up at most this share.
const SIDE_PATHS: f64 = 0.05;

/// The paths to one function, or from it.
pub(super) struct Ways<'a> {
    subject: &'a Subject<'a>,
    stacks: &'a Stacks<'a>,
    direction: Direction,
    inverted: Inverted,
    /// Values that end at each step, and values at it and beyond, by column: before, after, objects
    /// before, objects after.
    ends: Columns,
    all: Columns,
    /// Sum of |change| of the paths through each step, so that opposite changes don't cancel.
    gross: Vec<i64>,
    /// Branches of each step.
    branches: Vec<Vec<u32>>,
    has_objects: bool,
}

type Columns = [Vec<i64>; 4];

/// The lines to show: the steps of each, by its first step.
type Chains = HashMap<u32, Vec<u32>, FxBuildHasher>;

impl<'a> Ways<'a> {
    pub(super) fn new(
        subject: &'a Subject<'a>,
        stacks: &'a Stacks<'a>,
        sums: &Sums,
        row: RowId,
        direction: Direction,
    ) -> Self {
        let locations = subject.series.symbols.locations.len();
        let of = (row, direction);
        let counts = |id| sums.counts(id);
        let inverted = Inverted::new(stacks, subject.frames, locations, of, counts);
        let n = inverted.steps().len();
        let mut ends: Columns = std::array::from_fn(|_| vec![0; n]);
        let mut gross = vec![0_i64; n];
        let columns = [
            sums.before.as_deref(),
            Some(sums.after.as_slice()),
            sums.objects_before.as_deref(),
            sums.objects_after.as_deref(),
        ];
        for id in stacks.ids() {
            let Some(step) = inverted.of_stack(id) else { continue };
            for (sum, column) in ends.iter_mut().zip(columns) {
                if let Some(column) = column {
                    let sum = &mut sum[step as usize];
                    *sum = sum.wrapping_add(column[id.index()]);
                }
            }
            let size = &mut gross[step as usize];
            *size = size.saturating_add_unsigned(sums.main(id).unsigned_abs());
        }
        let mut all = ends.clone();
        all.iter_mut().for_each(|column| inverted.cumulate(column));
        inverted.cumulate(&mut gross);
        let mut branches = vec![Vec::new(); n];
        for (step, of) in (0..).zip(inverted.steps()).skip(1) {
            branches[of.previous as usize].push(step);
        }
        Self {
            subject,
            stacks,
            direction,
            inverted,
            ends,
            all,
            gross,
            branches,
            has_objects: sums.objects_after.is_some(),
        }
    }

    /// Builds the tree within the requested limits.
    pub(super) fn answer(&self, asked: &RefsQuery, matched: &MatchedSamples<'_>) -> RefsSite {
        let chosen = self.choose(asked);
        let evidence = self.evidence(&chosen, matched);
        RefsSite {
            dominator: self.dominator(),
            places: Vec::new(),
            lines: self.lines(&chosen, &evidence),
        }
    }

    /// The last steps of whole paths, in no particular order, each with the weight of its path.
    pub(super) fn ends(&self) -> impl Iterator<Item = (u32, Change<i64>)> + '_ {
        let is_end = |&step: &u32| self.ends.iter().any(|column| column[step as usize] != 0);
        let all = (0..self.gross.len() as u32).filter(is_end);
        all.map(|step| (step, self.values(&self.ends, step)))
    }

    /// A whole path by its last step.
    pub(super) fn path(&self, end: u32) -> Path {
        let mut frames: Vec<String> =
            self.inverted.back(end).map(|step| self.name(step).to_owned()).collect();
        frames.reverse();
        Path { frames, values: self.values(&self.ends, end) }
    }

    fn name(&self, step: u32) -> &str {
        self.subject.frames.name(self.row(step))
    }

    fn row(&self, step: u32) -> RowId {
        self.inverted.steps()[step as usize].row
    }

    fn values(&self, columns: &Columns, step: u32) -> Change<i64> {
        self.subject.change([columns[0][step as usize], columns[1][step as usize]])
    }

    /// The rank of a step: how much changes beyond it, and how much there is.
    fn weight(&self, step: u32) -> (i64, u64) {
        let i = step as usize;
        (self.gross[i], self.all[0][i].unsigned_abs().max(self.all[1][i].unsigned_abs()))
    }

    /// The steps folded into one line: as long as there is a single branch and nothing ends.
    fn chain(&self, mut step: u32) -> Vec<u32> {
        let mut chain = vec![step];
        // The function itself gets its own line, because it was asked for.
        while let [only] = self.branches[step as usize][..]
            && step != 0
            && self.ends.iter().all(|column| column[step as usize] == 0)
        {
            step = only;
            chain.push(step);
        }
        chain
    }

    /// Chooses the lines to show, the heaviest steps first until there are enough: the chain of
    /// each, by its first step.
    fn choose(&self, asked: &RefsQuery) -> Chains {
        let mut chosen = Chains::default();
        let least = (self.gross[0] as f64 * asked.fraction.get()) as i64;
        let limit = |limit: usize| if limit == 0 { usize::MAX } else { limit };
        let mut waiting = BinaryHeap::new();
        waiting.push((self.weight(0), std::cmp::Reverse(0_u32), 0_usize));
        while let Some((_, std::cmp::Reverse(step), depth)) = waiting.pop() {
            if chosen.len() >= limit(asked.lines) {
                break;
            }
            let chain = self.chain(step);
            let last = chain[chain.len() - 1];
            chosen.insert(step, chain);
            if depth >= limit(asked.depth) {
                continue;
            }
            let mut branches = self.branches[last as usize].clone();
            branches.sort_by_key(|&step| (std::cmp::Reverse(self.weight(step)), step));
            branches.truncate(limit(asked.branches));
            for branch in branches {
                // If the function did not change, all paths to it matter equally.
                if least == 0 || self.gross[branch as usize] >= least {
                    waiting.push((self.weight(branch), std::cmp::Reverse(branch), depth + 1));
                }
            }
        }
        chosen
    }

    /// The evidence of each chosen line, by its first step.
    fn evidence(
        &self,
        chosen: &Chains,
        matched: &MatchedSamples<'_>,
    ) -> HashMap<u32, SumEvidence, FxBuildHasher> {
        let mut found = HashMap::default();
        let Some(none) = matched.no_evidence() else { return found };
        found.extend(chosen.keys().map(|&step| (step, none)));
        for record in matched.records() {
            let Some(stack) = matched.stack(self.stacks, record) else { continue };
            let Some(step) = self.inverted.of_stack(stack) else { continue };
            let Some(evidence) = matched.evidence(record) else { continue };
            for step in self.inverted.back(step) {
                if let Some(sum) = found.get_mut(&step) {
                    sum.merge(&evidence);
                }
            }
        }
        found
    }

    fn lines(
        &self,
        chosen: &Chains,
        evidence: &HashMap<u32, SumEvidence, FxBuildHasher>,
    ) -> Vec<RefsLine> {
        let whole = self.values(&self.all, 0).delta_or_value();
        let mut lines = Vec::new();
        let mut waiting = vec![(0_u32, 0_usize)];
        while let Some((step, depth)) = waiting.pop() {
            let chain = &chosen[&step];
            let last = chain[chain.len() - 1];
            let (mut shown, hidden): (Vec<u32>, Vec<u32>) = self.branches[last as usize]
                .iter()
                .partition(|branch| chosen.contains_key(*branch));
            let size = |step: u32| {
                let values = self.values(&self.all, step);
                (values.delta_or_value().unsigned_abs(), self.weight(step))
            };
            shown.sort_by(|&a, &b| {
                size(b).cmp(&size(a)).then_with(|| self.name(a).cmp(self.name(b)))
            });
            let values = self.values(&self.all, step);
            let ends = self.values(&self.ends, last);
            let has_ends = self.ends.iter().any(|column| column[last as usize] != 0);
            let sum = |column: usize| {
                let hidden = hidden.iter().map(|&step| self.all[column][step as usize]);
                hidden.fold(0_i64, i64::wrapping_add)
            };
            lines.push(RefsLine {
                depth,
                frames: chain.iter().map(|&step| self.frame(step)).collect(),
                values,
                share: percent(values.delta_or_value(), whole),
                objects: self.has_objects.then(|| {
                    self.subject.change([self.all[2][step as usize], self.all[3][step as usize]])
                }),
                error: evidence.get(&step).map(|evidence| evidence.bounds(values.delta_or_value())),
                ends: (has_ends && !self.branches[last as usize].is_empty()).then_some(ends),
                omitted: (!hidden.is_empty()).then(|| Rest {
                    count: hidden.len(),
                    values: self.subject.change([sum(0), sum(1)]),
                }),
            });
            waiting.extend(shown.iter().rev().map(|&step| (step, depth + 1)));
        }
        lines
    }

    fn frame(&self, step: u32) -> RefsFrame {
        let row = self.subject.frames.row(self.row(step));
        RefsFrame {
            name: self.name(step).to_owned(),
            own: row.owner == Owner::Own,
            recursive: self.inverted.steps()[step as usize].is_recursive,
        }
    }

    /// Whether a row belongs to a library that works in goroutines of its own. Then its caller is to
    /// blame, and is on no path.
    fn has_entry(&self, row: RowId) -> bool {
        let Subject { series, frames, measured, process, .. } = self.subject;
        let name = frames.name(row);
        if !entries::is_asked(name, frames.row(row).owner) {
            return false;
        }
        let runs = (usize::from(self.subject.is_comparison()), *process);
        let entries = Entries::of_runs(series, frames.owners(), measured, runs, [name]);
        entries.of(name).is_some()
    }

    /// The nearest function of the program's own code that the paths pass. Paths with the opposite
    /// sign don't count, and those that together make up less than [`SIDE_PATHS`] may miss it.
    fn dominator(&self) -> Option<Dominator> {
        let whole = self.values(&self.all, 0).delta_or_value();
        if self.direction == Direction::Callees || whole == 0 {
            return None;
        }
        let along = |step: u32| {
            let value = self.values(&self.ends, step).delta_or_value();
            if whole < 0 { value.saturating_neg() } else { value }
        };
        let mut ends: Vec<(i64, u32)> = (0..self.gross.len() as u32)
            .map(|step| (along(step), step))
            .filter(|(value, _)| *value > 0)
            .collect();
        ends.sort_by_key(|&(value, step)| (std::cmp::Reverse(value), step));
        let sum: f64 = ends.iter().map(|(value, _)| *value as f64).sum();
        let mut covered = 0.0;
        let heavy = ends.iter().take_while(|(value, _)| {
            let is_needed = covered < sum * (1.0 - SIDE_PATHS);
            covered += *value as f64;
            is_needed
        });
        let mut is_met = vec![false; self.gross.len()];
        let mut calls = Vec::new();
        for &(_, end) in heavy {
            calls.push((None, self.row(end)));
            for step in self.inverted.back(end) {
                if step == 0 || std::mem::replace(&mut is_met[step as usize], true) {
                    break;
                }
                let callee = self.inverted.steps()[step as usize].previous;
                calls.push((Some(self.row(step)), self.row(callee)));
            }
        }
        let frames = self.subject.frames;
        let has_own = calls
            .iter()
            .filter_map(|(caller, _)| *caller)
            .any(|row| frames.row(row).owner == Owner::Own);
        let all = dominators(self.row(0), calls);
        // A dependency answers only for paths that pass no own code, as in `model::site`.
        let owner = if has_own { Owner::Own } else { Owner::Dependency };
        let row = *all.iter().find(|row| frames.row(**row).owner == owner)?;
        if self.has_entry(row) {
            return None;
        }
        // Count only changes in the direction of the whole: the opposite ones would push the share
        // above 100 %.
        let mut through = 0.0;
        for &(value, end) in &ends {
            if self.inverted.back(end).any(|step| self.row(step) == row) {
                through += value as f64;
            }
        }
        let share = through / sum * 100.0;
        Some(Dominator { function: frames.name(row).to_owned(), share })
    }
}
