//! The paths to one function: which lines of its tree are shown, what they hold, and what all of
//! them pass.

use super::{Dominator, Path, RefsFrame, RefsLine, RefsQuery, RefsSite, Rest, Sums};
use crate::analysis::entries::{self, Entries};
use crate::analysis::matched_samples::{MatchedSamples, SumEvidence};
use crate::analysis::{Subject, percent};
use crate::graph::distinct_stacks::{StackId, Stacks};
use crate::graph::dominators::dominators;
use crate::graph::frames::RowId;
use crate::graph::inverted::{Direction, Inverted, Passed};
use crate::graph::row_table::RowTable;
use crate::model::change::Change;
use crate::model::origin::Owner;
use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;
use std::collections::BinaryHeap;

/// A dominator may miss paths that make up at most this share.
const SIDE_PATHS: f64 = 0.05;

/// The paths to one function, or from it.
pub(super) struct Ways<'a> {
    subject: &'a Subject<'a>,
    stacks: &'a Stacks<'a>,
    /// The records whose stacks may pass through the function; all if there is no list.
    records: Option<&'a [u32]>,
    direction: Direction,
    inverted: Inverted,
    /// Values that end at each step, and values at it and beyond, by column: before, after, objects
    /// before, objects after.
    ends: Columns,
    all: Columns,
    /// Sum of |change| of the paths through each step, so that opposite changes don't cancel.
    gross: Vec<i64>,
    branches: Branches,
    has_objects: bool,
}

type Columns = [Vec<i64>; 4];

/// The steps that follow each step.
struct Branches {
    /// Where those of each step begin in `all`, and at last their number.
    starts: Vec<u32>,
    all: Vec<u32>,
}

impl Branches {
    fn new(inverted: &Inverted) -> Self {
        let steps = inverted.len() as u32;
        let mut starts = vec![0_u32; steps as usize + 1];
        for step in 1..steps {
            starts[inverted.previous(step) as usize + 1] += 1;
        }
        for step in 1..starts.len() {
            starts[step] += starts[step - 1];
        }
        let mut next = starts.clone();
        let mut all = vec![0; steps as usize - 1];
        for step in 1..steps {
            let at = &mut next[inverted.previous(step) as usize];
            all[*at as usize] = step;
            *at += 1;
        }
        Self { starts, all }
    }

    fn of(&self, step: u32) -> &[u32] {
        let step = step as usize;
        &self.all[self.starts[step] as usize..self.starts[step + 1] as usize]
    }
}

/// The stack doesn't pass through the function.
const NONE: u32 = u32::MAX;

/// The lines to show: the steps of each, by its first step.
type Chains = HashMap<u32, Vec<u32>, FxBuildHasher>;

impl<'a> Ways<'a> {
    pub(super) fn new(
        subject: &'a Subject<'a>,
        (stacks, rows): (&'a Stacks<'a>, &RowTable<'_>),
        sums: &Sums,
        (row, direction): (RowId, Direction),
        (some, records): (&[StackId], Option<&'a [u32]>),
    ) -> Self {
        let inverted = Inverted::new(stacks, rows, (row, direction), some);
        let n = inverted.len();
        let mut ends: Columns = std::array::from_fn(|_| vec![0; n]);
        let mut gross = vec![0_i64; n];
        let columns = [
            sums.before.as_deref(),
            Some(sums.after.as_slice()),
            sums.objects_before.as_deref(),
            sums.objects_after.as_deref(),
        ];
        for &(id, step) in inverted.ends() {
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
        Self {
            subject,
            stacks,
            records,
            direction,
            branches: Branches::new(&inverted),
            inverted,
            ends,
            all,
            gross,
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

    /// The last steps of whole paths, in no particular order.
    pub(super) fn ends(&self) -> impl Iterator<Item = u32> + '_ {
        let is_end = |&step: &u32| self.ends.iter().any(|column| column[step as usize] != 0);
        (0..self.gross.len() as u32).filter(is_end)
    }

    /// The values of the whole path that ends with a step.
    pub(super) fn of_path(&self, end: u32) -> Change<i64> {
        self.values(&self.ends, end)
    }

    /// A whole path by its last step.
    pub(super) fn path(&self, end: u32) -> Path {
        let mut steps: Vec<u32> = self.inverted.back(end).collect();
        steps.reverse();
        let rows = steps.iter().flat_map(|&step| self.inverted.rows(step));
        let name = |row: &Passed| self.subject.frames.name(row.row()).to_owned();
        Path { frames: rows.map(name).collect(), values: self.of_path(end) }
    }

    /// The name of the first row of a step.
    fn name(&self, step: u32) -> &str {
        self.subject.frames.name(self.row(step))
    }

    /// The first row of a step.
    fn row(&self, step: u32) -> RowId {
        self.inverted.rows(step)[0].row()
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
        while let [only] = *self.branches.of(step)
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
            let mut branches = self.branches.of(last).to_vec();
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
        // The line each step belongs to, or the nearest one it is beyond.
        let mut line_of: Vec<u32> = (0..self.inverted.len() as u32).collect();
        for step in (1..line_of.len() as u32).filter(|step| !chosen.contains_key(step)) {
            line_of[step as usize] = line_of[self.inverted.previous(step) as usize];
        }
        // A list of records is short, and its stacks are looked up.
        let mut of_stack = vec![NONE; if self.records.is_some() { 0 } else { self.stacks.len() }];
        if !of_stack.is_empty() {
            self.inverted.ends().iter().for_each(|&(id, step)| of_stack[id.index()] = step);
        }
        let step = |stack: StackId| match of_stack.get(stack.index()) {
            Some(&step) => Some(step).filter(|&step| step != NONE),
            None => self.inverted.of_stack(stack),
        };
        let line = |stack| Some(line_of[step(stack)? as usize]);
        matched.each_of(self.records, self.stacks, line, |&line, evidence| {
            let mut line = line;
            loop {
                if let Some(sum) = found.get_mut(&line) {
                    sum.merge(evidence);
                }
                if line == 0 {
                    break;
                }
                line = line_of[self.inverted.previous(line) as usize];
            }
        });
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
            let (mut shown, hidden): (Vec<u32>, Vec<u32>) =
                self.branches.of(last).iter().partition(|branch| chosen.contains_key(*branch));
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
                frames: self.frames(chain),
                values,
                share: percent(values.delta_or_value(), whole),
                objects: self.has_objects.then(|| {
                    self.subject.change([self.all[2][step as usize], self.all[3][step as usize]])
                }),
                error: evidence.get(&step).map(|evidence| evidence.bounds(values.delta_or_value())),
                ends: (has_ends && !self.branches.of(last).is_empty()).then_some(ends),
                omitted: (!hidden.is_empty()).then(|| Rest {
                    count: hidden.len(),
                    values: self.subject.change([sum(0), sum(1)]),
                }),
            });
            waiting.extend(shown.iter().rev().map(|&step| (step, depth + 1)));
        }
        lines
    }

    fn frames(&self, chain: &[u32]) -> Vec<RefsFrame> {
        let frames = self.subject.frames;
        let rows = chain.iter().flat_map(|&step| self.inverted.rows(step));
        let frame = |passed: &Passed| RefsFrame {
            name: frames.name(passed.row()).to_owned(),
            own: frames.row(passed.row()).owner == Owner::Own,
            recursive: passed.is_recursive(),
        };
        rows.map(frame).collect()
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

    /// The nearest row of own code that all ways along these paths pass, given the last step of
    /// each; of a dependency, if no path passes own code, as in `model::site`.
    fn nearest_dominator(&self, ends: &[u32]) -> Option<RowId> {
        let frames = self.subject.frames;
        // Paths through each step, and through each row: no row is on a path twice.
        let mut through = vec![0_i64; self.gross.len()];
        ends.iter().for_each(|&end| through[end as usize] += 1);
        self.inverted.cumulate(&mut through);
        let mut paths = vec![0_i64; frames.len()];
        for (step, &through) in (0..).zip(&through).skip(1).filter(|(_, through)| **through > 0) {
            for passed in self.inverted.rows(step) {
                paths[passed.row().0 as usize] += through;
            }
        }
        let has = |owner: Owner| {
            let of =
                |(row, paths): (u32, &i64)| *paths > 0 && frames.row(RowId(row)).owner == owner;
            (0..).zip(&paths).any(of)
        };
        let owner = if has(Owner::Own) { Owner::Own } else { Owner::Dependency };
        // What dominates is on every path, so the first path has it.
        let on_all = |row: RowId| paths[row.0 as usize] == ends.len() as i64;
        let mut steps: Vec<u32> = self.inverted.back(*ends.first()?).collect();
        steps.pop();
        steps.reverse();
        let rows = steps.iter().flat_map(|&step| self.inverted.rows(step)).map(|p| p.row());
        let nearest = rows.into_iter().find(|&r| on_all(r) && frames.row(r).owner == owner)?;
        if self.separates(nearest, &through) {
            return Some(nearest);
        }
        let all = dominators(self.row(0), self.calls(ends));
        all.into_iter().find(|&row| frames.row(row).owner == owner)
    }

    /// Whether no row is before `row` on one path and beyond it on another. If so, and if each path
    /// has the row, then no way along their calls gets around it. `through` is above 0 for the steps
    /// of the paths.
    fn separates(&self, row: RowId, through: &[i64]) -> bool {
        const BEFORE: u8 = 1;
        const BEYOND: u8 = 2;
        let mut sides = vec![0_u8; self.subject.frames.len()];
        let mut is_beyond = vec![false; through.len()];
        for step in (1..through.len() as u32).filter(|&step| through[step as usize] > 0) {
            let mut beyond = is_beyond[self.inverted.previous(step) as usize];
            for passed in self.inverted.rows(step) {
                if passed.row() == row {
                    beyond = true;
                } else {
                    sides[passed.row().0 as usize] |= if beyond { BEYOND } else { BEFORE };
                }
            }
            is_beyond[step as usize] = beyond;
        }
        !sides.contains(&(BEFORE | BEYOND))
    }

    /// The calls along these paths, given the last step of each; the caller of a root is `None`.
    fn calls(&self, ends: &[u32]) -> Vec<(Option<RowId>, RowId)> {
        let mut is_met = vec![false; self.gross.len()];
        let mut calls: HashSet<(Option<RowId>, RowId), FxBuildHasher> = HashSet::default();
        for &end in ends {
            let last = self.inverted.rows(end);
            calls.insert((None, last[last.len() - 1].row()));
            for step in self.inverted.back(end) {
                if step == 0 || std::mem::replace(&mut is_met[step as usize], true) {
                    break;
                }
                let mut caller = None;
                for passed in self.inverted.rows(step).iter().rev() {
                    if let Some(caller) = caller.replace(passed.row()) {
                        calls.insert((Some(caller), passed.row()));
                    }
                }
                let before = self.inverted.rows(self.inverted.previous(step));
                calls.insert((caller, before[before.len() - 1].row()));
            }
        }
        calls.into_iter().collect()
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
        let heavy: Vec<u32> = heavy.map(|&(_, end)| end).collect();
        let row = self.nearest_dominator(&heavy)?;
        if self.has_entry(row) {
            return None;
        }
        // Count only changes in the direction of the whole: the opposite ones would push the share
        // above 100 %.
        let mut passes = vec![false; self.gross.len()];
        for step in 0..passes.len() as u32 {
            passes[step as usize] = passes[self.inverted.previous(step) as usize]
                || self.inverted.rows(step).iter().any(|passed| passed.row() == row);
        }
        let through = ends.iter().filter(|(_, end)| passes[*end as usize]);
        let through: f64 = through.fold(0.0, |sum, (value, _)| sum + *value as f64);
        let share = through / sum * 100.0;
        let function = self.subject.frames.name(row).to_owned();
        Some(Dominator { function, share })
    }
}
