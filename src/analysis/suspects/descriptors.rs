//! Joins the descriptors of goroutines with the leak that they are of.
//!
//! The runtime has a descriptor for each goroutine. It makes them on a stack of its own, so a heap profile
//! shows who made them and not for whom, and never frees them, so they count the most goroutines that lived
//! at one time. Where a leak of goroutines explains all of their growth, they are a part of it. Otherwise, as
//! after a burst of goroutines that ended, they stay by themselves.

use super::Ranked;
use crate::analysis::estimates::Class;
use crate::model::origin;

/// The most memory of a descriptor, in bytes, over all versions of Go.
const MOST_BYTES: i64 = 512;

/// A leak has to be this share of all goroutines that pile up: the descriptors don't say whose they are.
const SHARE: f64 = 0.8;

/// Joins them. Suspects of goroutines that only replace others need no new descriptors.
pub(super) fn join(found: &mut Vec<Ranked>) {
    let mut place = 0;
    while place < found.len() {
        match leak_of(found, place) {
            Some(leak) => {
                let descriptors = found.remove(place);
                let leak = leak - usize::from(leak > place);
                found[leak].suspect.takes(&descriptors.suspect);
                found[leak].trail.extend(descriptors.trail);
            }
            None => place += 1,
        }
    }
}

/// The leak that explains how these descriptors grew.
fn leak_of(found: &[Ranked], place: usize) -> Option<usize> {
    let descriptors = &found[place].suspect;
    let is_memory = !descriptors.is_of_goroutines() && descriptors.unit == "bytes";
    if !is_memory || descriptors.site.function != origin::DESCRIPTOR {
        return None;
    }
    let begun = |one: &Ranked| {
        let suspect = &one.suspect;
        let is_one = suspect.process == descriptors.process
            && matches!(suspect.class, Class::Leak | Class::Grew)
            && suspect.replaces.is_none();
        let goroutines = suspect.goroutines.as_ref().filter(|_| is_one)?;
        let begun = if suspect.is_of_goroutines() {
            suspect.growth.estimate
        } else {
            goroutines.after.saturating_sub(goroutines.before)
        };
        (begun > 0).then_some(begun)
    };
    let all: Vec<(i64, usize)> =
        found.iter().enumerate().filter_map(|(at, one)| Some((begun(one)?, at))).collect();
    let whole: i64 = all.iter().map(|(begun, _)| begun).sum();
    let (most, leak) = all.into_iter().max_by_key(|&(begun, at)| (begun, std::cmp::Reverse(at)))?;
    let is_clear = most as f64 >= SHARE * whole as f64;
    // A profile that samples knows only in which interval they grew.
    let is_explained = descriptors.growth.lower <= most.saturating_mul(MOST_BYTES);
    (is_clear && is_explained).then_some(leak)
}

#[cfg(test)]
mod tests {
    use super::super::planted::{leak, parked};
    use super::{Class, Ranked, join};
    use crate::analysis::estimates::Estimate;

    /// Descriptors whose memory grew within this interval, by a rough estimate in its middle.
    fn descriptors(lower: i64, upper: i64) -> Ranked {
        let middle = lower.midpoint(upper);
        let mut one = leak(
            &["runtime.systemstack", "runtime.malg"],
            &[1000, 1000, 1000 + middle, 1000 + middle],
        );
        (one.suspect.class, one.is_own) = (Class::Grew, false);
        one.suspect.growth = Estimate { estimate: middle, lower, upper };
        one
    }

    fn serve(grew: i64) -> Ranked {
        parked(&["main.serve.func1"], "main.serve", &[5, 5 + grew / 2, 5 + grew])
    }

    /// The functions of what is left, with the number of their parts.
    fn left(mut found: Vec<Ranked>) -> Vec<(String, usize)> {
        join(&mut found);
        let left = found.into_iter();
        left.map(|one| (one.suspect.site.function, one.suspect.parts.len())).collect()
    }

    fn names(of: &[(&str, usize)]) -> Vec<(String, usize)> {
        of.iter().map(|(name, parts)| ((*name).to_owned(), *parts)).collect()
    }

    const ALONE: [(&str, usize); 2] = [("runtime.malg", 0), ("main.serve.func1", 0)];
    const JOINED: [(&str, usize); 1] = [("main.serve.func1", 2)];

    #[test]
    fn descriptors_are_a_part_of_the_leak_that_explains_them() {
        let exact = descriptors(480_000, 480_000);
        assert_eq!(left(vec![exact, serve(1000)]), names(&JOINED));
        let sampled = descriptors(10_000, 2_000_000);
        assert_eq!(left(vec![serve(1000), sampled]), names(&JOINED), "in any order");
        let reused = descriptors(40_000, 60_000);
        assert_eq!(left(vec![reused, serve(1000)]), names(&JOINED), "some were there before");
        let mut leaking = descriptors(480_000, 480_000);
        leaking.suspect.class = Class::Leak;
        assert_eq!(left(vec![leaking, serve(1000)]), names(&JOINED), "whatever their class");
        let small = parked(&["main.tick.func1"], "main.tick", &[1, 5, 11]);
        let joined = left(vec![descriptors(10_000, 600_000), small, serve(1000)]);
        assert_eq!(joined, names(&[("main.tick.func1", 0), ("main.serve.func1", 2)]));
    }

    #[test]
    fn what_isnt_sure_stays_by_itself() {
        let burst = descriptors(4_000_000, 5_000_000);
        assert_eq!(left(vec![burst, serve(1000)]), names(&ALONE), "after a burst");
        let two = parked(&["main.poll.func1"], "main.poll", &[1, 400, 900]);
        let both = left(vec![descriptors(10_000, 2_000_000), two, serve(1000)]);
        assert_eq!(both.len(), 3, "of one or the other: {both:?}");
        let mut other = serve(1000);
        other.suspect.process = 1;
        assert_eq!(left(vec![descriptors(1, 9), other]), names(&ALONE), "of another process");
        let mut level = serve(1000);
        level.suspect.class = Class::WarmUp;
        assert_eq!(left(vec![descriptors(1, 9), level]), names(&ALONE), "they level off");
        let memory = leak(&["main.main", "main.remember"], &[5, 6, 9, 12]);
        let apart = left(vec![descriptors(1, 9), memory]);
        assert_eq!(apart.len(), 2, "no goroutines pile up: {apart:?}");
    }

    #[test]
    fn memory_that_goroutines_hold_has_their_descriptors_too() {
        let mut held = leak(&["main.main", "main.remember"], &[5, 6, 9, 12]);
        held.suspect.goroutines = serve(1000).suspect.goroutines;
        let mut found = vec![descriptors(480_000, 480_000), held];
        let growth = found[1].suspect.growth;
        join(&mut found);
        assert_eq!((found.len(), found[0].suspect.parts.len()), (1, 2));
        assert_eq!(found[0].suspect.growth, growth, "the growth is that of the code to blame");
    }
}
