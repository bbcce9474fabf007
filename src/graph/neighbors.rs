//! Callers and callees of some rows: one level around each, straight from the stacks.
//!
//! The rules are the call graph's: a stack counts once for a row and once for a call, however often
//! it passes them, and a row that calls itself has no call.

use super::distinct_stacks::Stacks;
use super::frames::{Frames, RowId, Unsymbolized};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Before and after.
pub type Pair = (i64, i64);

/// A call between two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The row that calls.
    pub caller: RowId,
    /// The row that is called.
    pub callee: RowId,
    /// Whether the callee was inlined into the caller wherever it was called.
    pub is_inlined: bool,
    /// Values of the stacks that pass along it.
    pub value: Pair,
}

/// The calls around some rows.
#[derive(Clone, Debug, Default)]
pub struct Neighbors {
    /// Calls from or to the wanted rows.
    pub calls: Vec<Call>,
    /// Flat value of each row.
    pub flat: Vec<Pair>,
    /// Cumulative value of each row.
    pub cum: Vec<Pair>,
}

/// Returns the calls around the wanted rows, for stacks with these values.
pub fn neighbors(
    stacks: &Stacks<'_>,
    frames: &Frames,
    changes: &[Pair],
    is_wanted: &[bool],
) -> Neighbors {
    let mut found = Neighbors {
        calls: Vec::new(),
        flat: vec![(0, 0); frames.len()],
        cum: vec![(0, 0); frames.len()],
    };
    let mut index: HashMap<(RowId, RowId), u32, FxBuildHasher> = HashMap::default();
    // The last stack that counted, for each row and each call.
    let mut last_of_row = vec![u32::MAX; frames.len()];
    let mut last_of_call: Vec<u32> = Vec::new();
    let add = |sum: &mut Pair, value: Pair| {
        *sum = (sum.0.wrapping_add(value.0), sum.1.wrapping_add(value.1));
    };
    for (id, &value) in stacks.ids().zip(changes).filter(|(_, value)| **value != (0, 0)) {
        let mut callee: Option<RowId> = None;
        for location in stacks.locations(id) {
            for (i, &row) in frames.frames_of(location, Unsymbolized::Binary).iter().enumerate() {
                let at = row.0 as usize;
                if callee.is_none() {
                    add(&mut found.flat[at], value);
                }
                if std::mem::replace(&mut last_of_row[at], id.0) != id.0 {
                    add(&mut found.cum[at], value);
                }
                if let Some(callee) = callee.replace(row)
                    && callee != row
                    && (is_wanted[at] || is_wanted[callee.0 as usize])
                {
                    let call = *index.entry((row, callee)).or_insert_with(|| {
                        let new = Call { caller: row, callee, is_inlined: true, value: (0, 0) };
                        found.calls.push(new);
                        last_of_call.push(u32::MAX);
                        found.calls.len() as u32 - 1
                    });
                    let known = &mut found.calls[call as usize];
                    // Further out in the same location is the function that this one was inlined
                    // into.
                    known.is_inlined &= i > 0;
                    if std::mem::replace(&mut last_of_call[call as usize], id.0) != id.0 {
                        add(&mut known.value, value);
                    }
                }
            }
        }
    }
    found
}
