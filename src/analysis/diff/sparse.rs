//! Sums by a dense id of which one piece of work meets few: a slot for each id, a sum only for those met.
//!
//! A piece has its own sums of every row, site and leaf. Held for all of them, they would take megabytes that are
//! touched once and added up once, for each piece.

/// Sums by id.
#[derive(Debug)]
pub(super) struct Sparse<T> {
    slots: Vec<u32>,
    met: Vec<(u32, T)>,
}

const UNMET: u32 = u32::MAX;

impl<T: Default> Sparse<T> {
    /// No sums yet, for ids below `ids`.
    pub(super) fn new(ids: usize) -> Self {
        Self { slots: vec![UNMET; ids], met: Vec::new() }
    }

    /// The sum of an id.
    #[inline]
    pub(super) fn at(&mut self, id: u32) -> &mut T {
        let slot = &mut self.slots[id as usize];
        if *slot == UNMET {
            *slot = self.met.len() as u32;
            self.met.push((id, T::default()));
        }
        &mut self.met[*slot as usize].1
    }

    /// The ids that were met, in that order, with their sums.
    pub(super) fn met(&self) -> &[(u32, T)] {
        &self.met
    }
}
