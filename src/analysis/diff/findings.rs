//! The evidence of raw samples, added up for each row, each site and each total.

use super::Process;
use super::sparse::Sparse;
use crate::analysis::subtrees::Opposed;
use crate::analysis::{Callers, Relation};
use crate::graph::frames::{Frames, RowId, SiteId};
use crate::model::ids::LocationId;
use crate::model::origin::Owner;
use crate::stats::growth::GrowthEvidence;

/// The findings about two snapshots.
#[derive(Debug)]
pub(super) struct Findings {
    /// How the samples relate.
    pub(super) process: Process,
    /// How the snapshots relate.
    pub(super) relation: Relation,
    /// Whether the profiles record how they were sampled.
    pub(super) sampled: bool,
    /// Whether every allocation was recorded, so that any change is certain.
    pub(super) exact: bool,
    /// The total of each sample type.
    pub(super) totals: Vec<GrowthEvidence>,
    /// Each row: flat, or cum if the rows are sorted by it.
    pub(super) rows: Sparse<RowId, RowSum>,
    /// Each site.
    pub(super) sites: Sparse<SiteId, SiteSum>,
    /// Δ of each leaf row that isn't own code, by its site.
    pub(super) callers: Callers,
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

impl Findings {
    /// Adds the sums of leaves in own code to their rows and sites.
    pub(super) fn spread(
        &mut self,
        frames: &Frames,
        leaves: &[(LocationId, (SiteSum, i64))],
        by_cum: bool,
    ) {
        for (leaf, (sum, allocated)) in leaves {
            let leaf = *leaf;
            let Some(site) = frames.own_site(leaf) else { continue };
            self.sites.at(site).merge(sum);
            for &row in frames.leaf(leaf) {
                self.spread_row(frames, (row, site), sum, *allocated, by_cum);
            }
        }
    }

    fn spread_row(
        &mut self,
        frames: &Frames,
        (row, site): (RowId, SiteId),
        sum: &SiteSum,
        allocated: i64,
        cum: bool,
    ) {
        if !cum {
            let of_row = RowSum { evidence: sum.evidence, allocated };
            self.rows.at(row).merge(&of_row);
        }
        let delta = sum.after.wrapping_sub(sum.before);
        if frames.row(row).owner == Owner::Own {
            let own = &mut self.sites.at(site).own;
            *own = own.wrapping_add(delta);
        } else {
            let callers = self.callers.entry((row, Some(site))).or_default();
            *callers = callers.wrapping_add(delta);
        }
    }

    /// The findings about a row; empty for a row without samples.
    pub(super) fn row(&self, id: RowId) -> RowSum {
        self.rows.get(id).copied().unwrap_or_default()
    }
}
