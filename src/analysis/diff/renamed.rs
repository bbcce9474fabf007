//! Links the rows of functions that have another name before than after, so that they are tested
//! and shown as one.

use super::Together;
use super::moved::{self, Held, Naming};
use super::rows::{Case, Judge, Moved};
use crate::analysis::{Measure, Order, is_empty, primary};
use crate::graph::frames::RowId;
use crate::graph::sums::{Sum, Sums};
use crate::model::change::Value;
use crate::stats::growth::GrowthEvidence;

impl Judge<'_> {
    /// Links the rows of functions that the two sides name differently.
    pub(super) fn link_moved(&mut self) {
        // Only functions have names that a compiler numbers.
        if self.same_process() || !self.frames.by_function_name() {
            return;
        }
        // First names found on one side only. Then, among the rest, names with a value on one side
        // only: the new number of one closure may be the old number of another.
        let order = self.order;
        self.link_unheld(|sums, row| !is_empty(sums, row));
        self.link_unheld(|sums, row| primary(sums.row(row), order) != 0);
    }

    /// Links rows that only one side holds, with all that may be the same function.
    fn link_unheld(&mut self, holds: impl Fn(&Sums, RowId) -> bool) {
        let naming = if self.comparison.same_build { Naming::OneBuild } else { Naming::TwoBuilds };
        let (cases, names): (Vec<usize>, Vec<(&str, Held)>) = (0..self.cases.len())
            .filter(|&i| self.cases[i].moved.is_none())
            .filter_map(|i| {
                let row = self.cases[i].row;
                let held = match (holds(self.before, row), holds(self.after, row)) {
                    (true, true) => Held::Both,
                    (true, false) => Held::Before,
                    (false, true) => Held::After,
                    (false, false) => return None,
                };
                Some((i, (self.frames.name(row), held)))
            })
            .unzip();
        for group in moved::groups(&names, naming) {
            let members: Vec<usize> = group.iter().map(|&i| cases[i]).collect();
            let largest = |held: &[Held], sums: &Sums| {
                let all = group.iter().filter(|&&i| held.contains(&names[i].1)).map(|&i| cases[i]);
                let size = |i: &usize| primary(sums.row(self.cases[*i].row), self.order);
                all.max_by_key(|i| size(i).unsigned_abs())
            };
            let leader = largest(&[Held::After, Held::Both], self.after);
            let origin = largest(&[Held::Before], self.before);
            let (Some(leader), Some(origin)) = (leader, origin) else { continue };
            let mut evidence = GrowthEvidence::default();
            members
                .iter()
                .for_each(|&i| evidence.merge(&self.found.row(self.cases[i].row).evidence));
            let decides = members.iter().map(|&i| self.cases[i].decides).fold(0, i64::wrapping_add);
            for i in members {
                let other = if i == leader { origin } else { leader };
                self.cases[i].decides = decides;
                self.cases[i].moved = Some(Moved { other, gone: i != leader, evidence });
            }
        }
    }

    /// What all names of a function together are, for the one that represents it; `None` for others
    /// and for functions with one name.
    pub(super) fn together(&self, case: &Case) -> Option<Together> {
        let leader = case.moved.filter(|moved| !moved.gone)?;
        let own = self.cases.iter().position(|other| other.row == case.row)?;
        let is_member =
            |case: &&Case| case.moved.is_some_and(|moved| moved.gone && moved.other == own);
        let members = self.cases.iter().filter(is_member);
        let mut names: Vec<String> =
            members.clone().map(|case| self.frames.name(case.row).to_owned()).collect();
        names.sort_unstable();
        let sum = |sums: &Sums| {
            let rows = members.clone().map(|case| case.row).chain([case.row]);
            rows.fold(Measure::default(), |all, row| {
                let Sum { flat, cum, .. } = sums.row(row);
                all.plus(Measure { flat, cum })
            })
        };
        let (before, after) = (sum(self.before), sum(self.after));
        let of = |measure: Measure| {
            if self.order == Order::Cum { measure.cum } else { measure.flat }
        };
        let values = [of(before), of(after)];
        Some(Together {
            names,
            before,
            after,
            delta: after.minus(before),
            error: self.comparison.absolute_error(&leader.evidence, case.decides),
            per_second: self.comparison.per_second(&leader.evidence, values),
        })
    }

    /// The name before of a function that has another one after.
    pub(super) fn old_name(&self, function: &str) -> Option<&str> {
        let case = self.cases.iter().filter(|case| case.moved.is_some_and(|moved| !moved.gone));
        let case = case.clone().find(|case| self.frames.name(case.row) == function)?;
        Some(self.frames.name(self.cases[case.moved?.other].row))
    }
}
