//! How many units of debug information an address has to be looked up in.
//!
//! Real units hardly overlap. Where thousands claim the same addresses, each address costs a look into all of
//! them, which reads nothing and so isn't counted otherwise.

use super::meter::Metered;
use gimli::{Dwarf, Range};

/// Ranges that are passed for as much as one byte costs, and bytes that a look into a unit costs.
const PASSED: u64 = 4;
const LOOK: u64 = 16;

/// The addresses of units, by their ends, each with the least beginning of those from it on.
#[derive(Debug, Default)]
pub(super) struct UnitRanges(Vec<(Range, u64)>);

impl UnitRanges {
    /// Those of all units that can be read.
    pub(super) fn of(dwarf: &Dwarf<Metered>) -> Self {
        let mut ranges = Vec::new();
        let mut units = dwarf.units();
        while let Ok(Some(header)) = units.next() {
            let Ok(unit) = dwarf.unit(header) else { continue };
            let Ok(mut own) = dwarf.unit_ranges(&unit) else { continue };
            while let Ok(Some(range)) = own.next() {
                ranges.push(range);
            }
        }
        let mut headers = dwarf.debug_aranges.headers();
        while let Ok(Some(header)) = headers.next() {
            let mut entries = header.entries();
            while let Ok(Some(entry)) = entries.next() {
                ranges.push(entry.range());
            }
        }
        ranges.sort_unstable_by_key(|range| range.end);
        let mut least = u64::MAX;
        let mut all: Vec<(Range, u64)> = ranges
            .into_iter()
            .rev()
            .map(|range| {
                least = least.min(range.begin);
                (range, least)
            })
            .collect();
        all.reverse();
        Self(all)
    }

    /// What looking for an address among them costs, in bytes read.
    pub(super) fn cost(&self, address: u64) -> u64 {
        let from = self.0.partition_point(|(range, _)| range.end <= address);
        let passed = self.0[from..].partition_point(|&(_, least)| least <= address);
        let passed = &self.0[from..from + passed];
        let looks = passed.iter().filter(|(range, _)| range.begin <= address).count();
        passed.len() as u64 / PASSED + looks as u64 * LOOK
    }
}
