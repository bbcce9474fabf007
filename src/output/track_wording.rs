//! What is recorded beside profiles is called, in words.

use crate::analysis::beside::TrackKind;

/// What a track is about.
pub(super) fn name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Goroutines => "goroutines",
        TrackKind::LiveHeap => "live heap",
        TrackKind::HeapAlloc => "heap with garbage",
        TrackKind::Stops => "longest stop",
        TrackKind::Stacks => "stacks",
        TrackKind::ResidentSet => "resident set",
        TrackKind::Cgroup => "cgroup",
        TrackKind::CgroupLimit => "cgroup limit",
        TrackKind::GoLimit => "Go limit",
    }
}
