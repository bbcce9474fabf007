//! Which of the program's own functions calls a library whose goroutines allocate.
//!
//! A connection is made in a goroutine of the library's own, and no frame on its stack is the program's. But whoever asked
//! for it called a method of the same type: the stacks of `(*Transport).dialConn` and those that lead from one's own code
//! into `(*Transport).roundTrip` belong together.

use super::contexts::{Frame, Owners, frames_of};
use crate::analysis::evolution::RecordChange;
use crate::model::history::History;
use crate::model::ids::FunctionId;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// A function is the one that calls a type where it allocates so much of what is allocated through it.
const MOST: f64 = 0.8;

/// Own functions that lead into types of libraries.
pub(super) struct Entries<'a> {
    history: &'a History,
    /// What was allocated through each own frame and each type, by the name of the type.
    through: HashMap<(&'a str, FunctionId), (i64, Frame), FxBuildHasher>,
}

/// The type whose method a function is: `net/http.(*Transport)`.
fn method_of(name: &str) -> Option<&str> {
    let open = name.find(".(*")?;
    let close = open + name[open..].find(')')?;
    Some(&name[..=close])
}

impl<'a> Entries<'a> {
    pub(super) fn new(history: &'a History, owners: &Owners, changes: &[RecordChange]) -> Self {
        let mut through: HashMap<_, (i64, Frame), FxBuildHasher> = HashMap::default();
        let series = &history.records;
        let mut frames = Vec::new();
        let mut types: Vec<&str> = Vec::new();
        let samples = series.snapshots.first().map_or(0, |s| s.samples.len());
        for sample in 0..samples {
            frames_of(series, series.snapshots[0].stack(sample), &mut frames);
            let Some(at) = frames.iter().position(|frame| owners.is_own(frame.function)) else {
                continue;
            };
            let own = frames[at];
            types.clear();
            types.extend(
                frames[..at].iter().filter_map(|f| method_of(series.symbols.name(f.function))),
            );
            types.sort_unstable();
            types.dedup();
            let allocated = changes[history.record(sample)].allocated_value.max(0);
            for &of in &types {
                let sum = through.entry((of, own.function)).or_insert((0, own));
                sum.0 = sum.0.saturating_add(allocated);
            }
        }
        Self { history, through }
    }

    /// The own frame that calls the type which a function is a method of, if a single one does nearly all of it.
    pub(super) fn of(&self, function: &str) -> Option<Frame> {
        let wanted = method_of(function)?;
        let found = self.through.iter().filter(|((of, _), _)| *of == wanted);
        let mut all: Vec<(i64, Frame)> = found.map(|(_, &sum)| sum).collect();
        all.sort_unstable();
        let whole: i64 = all.iter().map(|(sum, _)| *sum).fold(0, i64::saturating_add);
        let &(most, frame) = all.last()?;
        (most as f64 >= MOST * whole as f64 && most > 0).then_some(frame)
    }

    /// As a place in the source.
    pub(super) fn place(&self, frame: Frame) -> crate::analysis::Place {
        super::place(&self.history.records, frame)
    }
}

#[cfg(test)]
mod tests {
    use super::method_of;

    #[test]
    fn methods_belong_to_types() {
        let of = "net/http.(*Transport)";
        assert_eq!(method_of("net/http.(*Transport).startDialConnForLocked.func1"), Some(of));
        assert_eq!(method_of("net/http.Get"), None);
        assert_eq!(method_of("main.(*room"), None);
    }
}
