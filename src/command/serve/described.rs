//! What the API says about inputs that are loaded.

use crate::analysis::rfc3339;
use crate::model::recording::{Recording, Track};
use crate::model::series::Series;
use crate::report::InputKind;

/// What is known of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) kind: InputKind,
    pub(super) time: Option<String>,
    /// The same in nanoseconds since the epoch; 0 if it isn't known.
    pub(super) nanos: i64,
    pub(super) process: usize,
    pub(super) samples: usize,
}

impl Facts {
    /// Whether it is known when it was taken.
    pub(super) fn is_timed(&self) -> bool {
        self.time.is_some()
    }
}

/// The inputs of a recording: its snapshots in order of time, then those of goroutines.
pub(super) fn of_recording(recording: &Recording) -> Vec<Facts> {
    let main =
        if recording.is_of_goroutines() { Vec::new() } else { of_track(&recording.profiles) };
    main.into_iter().chain(of_track(&recording.goroutines)).collect()
}

fn of_track(track: &Track) -> Vec<Facts> {
    let processes = track.process_of_each();
    let moments = track.history.moments.iter().zip(processes);
    moments
        .map(|(moment, process)| Facts {
            name: moment.name.clone(),
            kind: InputKind::of(&moment.header, moment.is_of_references),
            time: rfc3339(moment.header.time_nanos),
            nanos: moment.header.time_nanos,
            process,
            samples: moment.samples,
        })
        .collect()
}

/// The inputs of one snapshot or two.
pub(super) fn of_series(series: &Series) -> Vec<Facts> {
    let snapshots = series.snapshots.iter();
    snapshots
        .map(|snapshot| Facts {
            name: snapshot.name.clone(),
            kind: InputKind::of(&snapshot.header, snapshot.is_of_references),
            time: rfc3339(snapshot.header.time_nanos),
            nanos: snapshot.header.time_nanos,
            process: 0,
            samples: snapshot.samples.len(),
        })
        .collect()
}
