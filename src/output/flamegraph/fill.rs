//! Which colour a frame has.
//!
//! A change has a colour by its size as a share of the whole, on steps that never move: the same red is the same share
//! in every picture, and where nothing much changed nothing is red. What sampling explains is pale however large it is.
//! Without a comparison a colour tells the package, and what is not the program's own code is grey.

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
