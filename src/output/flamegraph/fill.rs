//! Chooses the colour of a frame.
//!
//! A change is coloured by its share of the whole, in fixed steps: the same red means the same
//! share in every flame graph, and if nothing much changed, nothing is red. Changes within sampling
//! error are pale however large they are. Without a comparison a colour shows the package, and code
//! that isn't own code is grey.

use super::captions::Captions;
use super::color::{GROWN, NOISE, SAME, SHRUNK, STEPS, package};
use crate::analysis::flame::FlameFrame;

/// The colour of a frame.
pub(super) fn fill(captions: &Captions<'_>, frame: &FlameFrame) -> String {
    if captions.shows_change() {
        change(captions, frame).to_owned()
    } else if frame.depth == 0 || frame.deeper.is_some() || frame.several.is_some() {
        SAME.to_owned()
    } else {
        package(captions.raw_name(frame))
    }
}

fn change(captions: &Captions<'_>, frame: &FlameFrame) -> &'static str {
    let delta = frame.value.delta_or_value().cum;
    if delta == 0 {
        return SAME;
    }
    let (steps, noise) = if delta > 0 { (GROWN, NOISE[0]) } else { (SHRUNK, NOISE[1]) };
    if captions.is_noise(frame) {
        return noise;
    }
    let share = delta.unsigned_abs() as f64 / captions.whole().max(1) as f64 * 100.0;
    steps[STEPS.iter().filter(|&&step| share >= step).count()]
}
