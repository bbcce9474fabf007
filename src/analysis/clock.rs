//! The clock of a track: when its snapshots were taken, and which process each belongs to.

use crate::model::recording::Track;

/// When the snapshots were taken, and which process each belongs to.
pub(super) struct Clock {
    pub(super) times: Vec<Option<String>>,
    pub(super) elapsed: Option<Vec<i64>>,
    pub(super) processes: Vec<usize>,
    /// The previous snapshot of the same process.
    before: Vec<Option<usize>>,
}

impl Clock {
    pub(super) fn new(track: &Track) -> Self {
        let time = |&i: &usize| track.time(i);
        let first = track.order.first().map_or(0, time);
        let elapsed = |i| time(i).saturating_sub(first);
        let processes = track.process_of_each();
        let processes: Vec<usize> = track.order.iter().map(|&i| processes[i]).collect();
        let mut last = vec![None; track.processes.len()];
        let before = processes.iter().enumerate();
        let before = before.map(|(i, &process)| last.get_mut(process)?.replace(i)).collect();
        Self {
            times: track.order.iter().map(|i| super::rfc3339(time(i))).collect(),
            elapsed: track.is_timed().then(|| track.order.iter().map(elapsed).collect()),
            processes,
            before,
        }
    }

    /// Allocated per second before each snapshot.
    pub(super) fn rates(&self, allocated: &[i64]) -> Vec<Option<i64>> {
        let n = self.processes.len();
        let rate = |i: usize| {
            let elapsed = self.elapsed.as_ref()?;
            let before = self.before[i]?;
            let nanos = elapsed[i].saturating_sub(elapsed[before]);
            let risen = allocated.get(i)?.wrapping_sub(*allocated.get(before)?);
            (nanos > 0).then(|| (risen as f64 / nanos as f64 * 1e9).round() as i64)
        };
        (0..n).map(rate).collect()
    }
}
