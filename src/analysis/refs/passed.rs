//! Which stacks pass through each of several functions, so that a stack is read once for many of them, and what is done
//! for a function of few stacks takes as long as those.

use crate::analysis::matched_samples::MatchedSamples;
use crate::graph::distinct_stacks::{StackId, Stacks};
use crate::graph::frames::RowId;
use crate::graph::row_table::RowTable;
use crate::parallel;

/// Rows whose stacks are found at once: a bit of a number for each.
pub(super) const AT_ONCE: usize = 64;

/// A row with at most this share of the stacks has lists. The lists of all rows take no more than two numbers per stack
/// and record.
const FEW: usize = AT_ONCE;

/// Stacks that are read at once.
const PIECE: usize = 64 * 1024;

/// The stacks of up to [`AT_ONCE`] rows.
pub(super) struct Passed {
    /// Which of the rows each stack passes through: the first in the lowest bit.
    bits: Vec<u64>,
    /// The stacks and records of rows with few of them.
    few: Vec<Option<Lists>>,
}

#[derive(Clone, Default)]
struct Lists {
    stacks: Vec<StackId>,
    records: Vec<u32>,
}

impl Passed {
    /// Finds the stacks of rows, among so many, and their records.
    pub(super) fn new(
        (stacks, rows_of): (&Stacks<'_>, &RowTable<'_>),
        wanted: &[RowId],
        matched: &MatchedSamples<'_>,
        rows: usize,
    ) -> Self {
        let bits = bits((stacks, rows_of), wanted, rows);
        let mut number = vec![0_usize; wanted.len()];
        bits.iter().for_each(|&bits| each_bit(bits, |bit| number[bit] += 1));
        let is_few = |number: &usize| *number <= stacks.len() / FEW;
        let mut few: Vec<Option<Lists>> =
            number.iter().map(|number| is_few(number).then(Lists::default)).collect();
        let with_few = (number.iter().enumerate()).filter(|(_, number)| is_few(number));
        let with_few = with_few.fold(0_u64, |all, (bit, _)| all | 1 << bit);
        if with_few != 0 {
            for (id, bits) in (0..).map(StackId).zip(&bits) {
                each_bit(bits & with_few, |bit| {
                    few[bit].iter_mut().for_each(|lists| lists.stacks.push(id));
                });
            }
            let of_record = |record: usize| matched.stack_of(stacks, record);
            for (record, stack) in (0..matched.len()).map(|record| (record, of_record(record))) {
                let Some(stack) = stack else { continue };
                each_bit(bits[stack.index()] & with_few, |bit| {
                    few[bit].iter_mut().for_each(|lists| lists.records.push(record as u32));
                });
            }
        }
        Self { bits, few }
    }

    /// The stacks of a row, in order.
    pub(super) fn stacks(&self, row: usize) -> Vec<StackId> {
        if let Some(lists) = &self.few[row] {
            return lists.stacks.clone();
        }
        let passes = |(_, bits): &(StackId, &u64)| *bits >> row & 1 == 1;
        (0..).map(StackId).zip(&self.bits).filter(passes).map(|(id, _)| id).collect()
    }

    /// The numbers of the records of a row, in order; `None` if they aren't few.
    pub(super) fn records(&self, row: usize) -> Option<&[u32]> {
        self.few[row].as_ref().map(|lists| lists.records.as_slice())
    }
}

/// Which of some rows each stack passes through.
fn bits(
    (stacks, rows_of): (&Stacks<'_>, &RowTable<'_>),
    wanted: &[RowId],
    rows: usize,
) -> Vec<u64> {
    let mut bits = vec![0_u64; rows];
    wanted.iter().enumerate().for_each(|(bit, row)| bits[row.0 as usize] |= 1 << bit);
    let of_unit = |unit| rows_of.rows(unit).iter().fold(0, |all, row| all | bits[row.0 as usize]);
    let of_unit: Vec<u64> = rows_of.all().map(of_unit).collect();
    let piece = |number: usize| {
        let stacks_of = number * PIECE..stacks.len().min((number + 1) * PIECE);
        let passed = stacks_of.map(|stack| {
            let units = rows_of.units(stacks.first(StackId(stack as u32)));
            units.fold(0, |all, unit| all | of_unit[unit as usize])
        });
        passed.collect::<Vec<u64>>()
    };
    parallel::map(stacks.len().div_ceil(PIECE), piece).concat()
}

/// Passes the bits that are set on, the lowest first.
fn each_bit(mut bits: u64, mut take: impl FnMut(usize)) {
    while bits != 0 {
        take(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}
