//! Sums of what changed by site: the frame of own code nearest to the leaf. What the profiler itself holds is left out.

use super::evolution::{Groups, RecordChange, Tally};
use super::frames_of;
use crate::model::history::History;
use crate::model::site::{Frame, Owners};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The sites of a history.
pub(super) struct BySite {
    /// Each site, with what changed in all its records together.
    pub(super) sites: Vec<(Frame, Tally)>,
    /// For each record, the position of its site.
    of_record: Vec<Option<u32>>,
}

impl BySite {
    /// Adds up the changes of all records.
    pub(super) fn new(history: &History, owners: &Owners, changes: &[RecordChange]) -> Self {
        let series = &history.records;
        let mut of = Self { sites: Vec::new(), of_record: vec![None; history.len()] };
        let mut numbers: HashMap<Frame, u32, FxBuildHasher> = HashMap::default();
        let mut frames: Vec<Frame> = Vec::new();
        let Some(snapshot) = series.snapshots.first() else { return of };
        for sample in 0..snapshot.samples.len() {
            frames_of(series, snapshot.stack(sample), &mut frames);
            let Some(site) = owners.site(&frames).filter(|_| !owners.is_profiler(&frames)) else {
                continue;
            };
            let number = *numbers.entry(site).or_insert(of.sites.len() as u32);
            if number as usize == of.sites.len() {
                of.sites.push((site, Tally::default()));
            }
            let record = history.record(sample);
            of.sites[number as usize].1.add(&changes[record]);
            of.of_record[record] = Some(number);
        }
        of
    }

    /// Groups for those sites that `group` gives a number.
    pub(super) fn groups(&self, count: usize, group: impl Fn(u32) -> Option<u32>) -> Groups {
        Groups::new(count, self.of_record.len(), |record, groups| {
            groups.extend(self.of_record[record].and_then(&group));
        })
    }
}
