//! The evidence of raw samples, added up for each row, each part of a row, each site and each total.

use super::Process;
use super::sparse::Sparse;
use crate::analysis::Relation;
use crate::analysis::parts::{CallerPart, Keyed, OtherCallers, Part, PartSum, Parts};
use crate::analysis::subtrees::Opposed;
use crate::graph::frames::{Frames, RowId, SiteId, SiteOf};
use crate::model::ids::LocationId;
use crate::model::origin::Owner;
use crate::stats::growth::GrowthEvidence;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The findings about two snapshots.
#[derive(Debug)]
pub(super) struct Findings {
    /// How the samples relate.
    pub(super) process: Process,
    /// How the snapshots relate.
    pub(super) relation: Relation,
    /// Whether the profiles record how they were sampled.
    pub(super) sampled: bool,
    /// Whether a change has an error worth stating.
    pub(super) has_error: bool,
    /// Whether every allocation was recorded, so that any change is certain.
    pub(super) exact: bool,
    /// The total of each sample type.
    pub(super) totals: Vec<GrowthEvidence>,
    /// Each row: flat, or cum if the rows are sorted by it.
    pub(super) rows: Sparse<RowId, RowSum>,
    /// Each site.
    pub(super) sites: Sparse<SiteId, SiteSum>,
    /// Each leaf row that isn't own code, by the site of its stacks.
    pub(super) parts: Parts<StackSum>,
    /// Δ of all rows together.
    pub(super) delta: i64,
    /// The records with a value, in pieces, if their subtrees are scanned: those with opposing
    /// samples, and those without.
    pub(super) records: Vec<Vec<Opposed>>,
    pub(super) survivors: Vec<Vec<Opposed>>,
}

/// The findings about a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowSum {
    pub(super) evidence: GrowthEvidence,
    /// Allocated between the snapshots.
    pub(super) allocated: i64,
}

/// A site before and after.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SiteSum {
    pub(super) evidence: GrowthEvidence,
    pub(super) before: i64,
    pub(super) after: i64,
    /// Δ of stacks whose leaf it is.
    pub(super) own: i64,
}

/// Stacks with one leaf and one site.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StackSum {
    pub(super) evidence: GrowthEvidence,
    /// Before and after.
    pub(super) values: [i64; 2],
    pub(super) objects: [i64; 2],
    /// Allocated between the snapshots.
    pub(super) allocated: i64,
}

/// The parts of some rows, in order.
pub(super) type RowParts = HashMap<RowId, Vec<Part<StackSum>>, FxBuildHasher>;

/// The parts of a row that are listed, and what is left.
pub(super) type Split = (Vec<CallerPart>, Option<OtherCallers>);

/// Sums of stacks by leaf and site.
pub(super) type Stacks = Keyed<(LocationId, Option<SiteOf>), StackSum>;

impl RowSum {
    pub(super) fn merge(&mut self, other: &Self) {
        self.evidence.merge(&other.evidence);
        self.allocated = self.allocated.wrapping_add(other.allocated);
    }
}

impl SiteSum {
    pub(super) fn merge(&mut self, other: &Self) {
        self.evidence.merge(&other.evidence);
        self.before = self.before.wrapping_add(other.before);
        self.after = self.after.wrapping_add(other.after);
        self.own = self.own.wrapping_add(other.own);
    }
}

impl PartSum for StackSum {
    fn merge(&mut self, other: &Self) {
        self.evidence.merge(&other.evidence);
        for side in 0..2 {
            self.values[side] = self.values[side].wrapping_add(other.values[side]);
            self.objects[side] = self.objects[side].wrapping_add(other.objects[side]);
        }
        self.allocated = self.allocated.wrapping_add(other.allocated);
    }

    fn delta(&self) -> i64 {
        self.values[1].wrapping_sub(self.values[0])
    }
}

impl Findings {
    /// Adds the sums of stacks to their rows, parts and sites.
    pub(super) fn spread(
        &mut self,
        frames: &Frames,
        (leaves, stacks): (&[(LocationId, StackSum)], &Stacks),
        by_cum: bool,
    ) {
        for (leaf, sum) in leaves {
            let site = frames.own_site(*leaf);
            for &row in frames.leaf(*leaf) {
                let is_own = frames.row(row).owner == Owner::Own;
                let caller = site.filter(|_| !is_own);
                self.spread_row((row, caller), is_own, sum, by_cum);
            }
            let is_own = |row: &RowId| frames.row(*row).owner == Owner::Own;
            let own = frames.leaf(*leaf).iter().any(is_own);
            self.spread_site(site, own, sum);
        }
        for ((leaf, site), sum) in stacks.met() {
            let caller = site.filter(|site| !site.is_leaf).map(|site| site.site);
            for &row in frames.leaf(*leaf) {
                self.spread_row((row, caller), false, sum, by_cum);
            }
            self.spread_site(site.map(|of| of.site), site.is_some_and(|of| of.is_leaf), sum);
        }
    }

    fn spread_row(
        &mut self,
        part: (RowId, Option<SiteId>),
        is_own: bool,
        sum: &StackSum,
        by_cum: bool,
    ) {
        if !by_cum {
            let of_row = RowSum { evidence: sum.evidence, allocated: sum.allocated };
            self.rows.at(part.0).merge(&of_row);
        }
        if !is_own {
            self.parts.at(part).merge(sum);
        }
    }

    fn spread_site(&mut self, site: Option<SiteId>, is_leaf: bool, sum: &StackSum) {
        let Some(site) = site else { return };
        let [before, after] = sum.values;
        let own = if is_leaf { sum.delta() } else { 0 };
        let sum = SiteSum { evidence: sum.evidence, before, after, own };
        self.sites.at(site).merge(&sum);
    }

    /// The findings about a row; empty for a row without samples.
    pub(super) fn row(&self, id: RowId) -> RowSum {
        self.rows.get(id).copied().unwrap_or_default()
    }
}
