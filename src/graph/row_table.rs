//! The rows of every stack of a series, one look-up for each location.
//!
//! A location has one row, or several if functions were inlined into each other. Equal lists of rows have one **unit**,
//! so stacks are compared unit by unit, whatever lines and addresses they have.

use super::frames::{Frames, RowId, Unsymbolized};
use crate::model::profile::Stack;
use crate::model::series::Series;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The rows of the locations of a series.
#[derive(Clone, Debug)]
pub struct RowTable<'a> {
    series: &'a Series,
    /// All rows, in order: the units of one row.
    single: Vec<RowId>,
    /// The other units, numbered after those of one row.
    lists: Vec<&'a [RowId]>,
    /// The unit of each location, by its number in its snapshot.
    units: Vec<Vec<u32>>,
}

impl<'a> RowTable<'a> {
    /// The rows of all locations of a series.
    pub fn new(series: &'a Series, frames: &'a Frames, unsymbolized: Unsymbolized) -> Self {
        let single: Vec<RowId> = (0..frames.len() as u32).map(RowId).collect();
        let mut lists: Vec<&[RowId]> = Vec::new();
        let mut numbers: HashMap<&[RowId], u32, FxBuildHasher> = HashMap::default();
        let unit = |location| match frames.frames_of(location, unsymbolized) {
            [only] => only.0,
            list => *numbers.entry(list).or_insert_with(|| {
                lists.push(list);
                (single.len() + lists.len() - 1) as u32
            }),
        };
        let shared: Vec<u32> = series.symbols.locations.ids().map(unit).collect();
        let of = |own: &crate::model::ids::LocationId| shared[own.index()];
        let units = series.snapshots.iter().map(|one| one.locations.iter().map(of).collect());
        Self { series, units: units.collect(), single, lists }
    }

    /// The units of a sample, leaf first.
    #[inline]
    pub fn units(
        &self,
        (snapshot, sample): (usize, usize),
    ) -> impl DoubleEndedIterator<Item = u32> + Clone + '_ {
        let units = &self.units[snapshot];
        self.stack((snapshot, sample)).map(|own| units[own.index()])
    }

    /// The rows of a unit, innermost first.
    #[inline]
    pub fn rows(&self, unit: u32) -> &[RowId] {
        let unit = unit as usize;
        match unit.checked_sub(self.single.len()) {
            None => &self.single[unit..=unit],
            Some(list) => self.lists[list],
        }
    }

    /// Number of units.
    pub(super) fn len(&self) -> u32 {
        (self.single.len() + self.lists.len()) as u32
    }

    /// All units.
    pub fn all(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.len()
    }

    /// All rows.
    pub(super) fn single(&self) -> &[RowId] {
        &self.single
    }

    /// Whether every unit is one row.
    pub fn is_single(&self) -> bool {
        self.lists.is_empty()
    }

    /// The locations of a sample, by their numbers in its snapshot.
    #[inline]
    fn stack(&self, (snapshot, sample): (usize, usize)) -> Stack<'a> {
        self.series.snapshots[snapshot].samples.stack(sample)
    }
}
