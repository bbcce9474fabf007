//! The stacks of goroutines: what Go's statistics measure, and what the collector scans of it.

use super::{Beside, Draft, GCTRACE, Snapshots, TimelineTrack, TrackKind};
use crate::analysis::estimates::{Class, Estimate};

/// The used part of stacks in bytes, which the collector scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScannedStacks {
    /// In the last collection.
    pub last: i64,
    /// Growth per hour, if it grows and hasn't stopped.
    pub slope: Option<Estimate>,
}

impl Beside {
    /// What Go's statistics say of the stacks of a process: times in nanoseconds since the epoch, and
    /// bytes.
    pub fn measured_stacks(&self, process: usize) -> Vec<(i64, i64)> {
        let is_measured =
            |track: &&TimelineTrack| track.kind == TrackKind::Stacks && track.field != GCTRACE;
        let Some(track) = self.tracks.iter().find(is_measured) else { return Vec::new() };
        let all = track.elapsed_nanos.iter().zip(&track.values).zip(&track.processes);
        let own = all.filter(|(_, own)| **own == process);
        own.map(|((elapsed, value), _)| (self.zero.saturating_add(*elapsed), *value)).collect()
    }

    /// The stacks that the collector of a process scanned.
    pub fn scanned_stacks(&self, process: usize) -> Option<ScannedStacks> {
        self.scanned.iter().find(|(own, _)| *own == process).map(|(_, scanned)| *scanned)
    }
}

/// The stacks that the collector of each process scanned.
pub(super) fn scanned(drafts: &[Draft], snapshots: &Snapshots) -> Vec<(usize, ScannedStacks)> {
    let is_scanned = |draft: &&Draft| draft.kind == TrackKind::Stacks && draft.field == GCTRACE;
    let of = |draft: &Draft| -> Vec<(usize, ScannedStacks)> {
        let trends = if snapshots.are_replicas { Vec::new() } else { draft.trends(snapshots) };
        let last = |process: usize| {
            let own = draft.samples.iter().filter(|sample| sample.process == process);
            let last = own.max_by_key(|sample| sample.at)?.value;
            let trend = trends.iter().find(|trend| trend.process == process);
            let grows = trend.filter(|trend| trend.class == Some(Class::Leak));
            let slope = grows.and_then(|trend| trend.slope_per_hour);
            Some((process, ScannedStacks { last, slope }))
        };
        (0..snapshots.spans.len()).filter_map(last).collect()
    };
    drafts.iter().filter(is_scanned).flat_map(of).collect()
}
