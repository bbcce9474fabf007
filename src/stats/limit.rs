//! Estimates how long until the memory is used up.
//!
//! Go's collector lets the heap grow by GOGC percent of the live memory (including stacks and
//! globals) before it runs again, so a process reaches its limit long before the live heap is as
//! large as that. With g = GOGC/100 the live heap can be at most (limit − overhead − g·(stacks +
//! globals))/(1 + g).

use super::Interval;

/// Horizon of the estimate, as a multiple of the observed span.
pub const HORIZON: f64 = 10.0;

/// The memory of a process and its limits, in bytes. Negative and absurd numbers count as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// The memory that the process may use.
    pub limit: f64,
    /// The memory used outside the heap: stacks, globals, the runtime's own, memory from C.
    pub overhead: f64,
    /// The part of that which the collector scans and GOGC counts: stacks and globals.
    pub roots: f64,
    /// GOGC in percent. `None` if the collector only runs to stay within a memory limit (GOGC=off):
    /// the live heap may then reach the limit, as with 0 %.
    pub gogc: Option<f64>,
    /// The live heap now.
    pub live: f64,
}

/// When the limit is reached, in hours from the last snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeToLimit {
    /// The live heap is already larger than the limit allows.
    AlreadyOver,
    /// Not before `earliest`. `latest` is `None` if the slowest growth that the data allow doesn't
    /// reach the limit, or only beyond the horizon.
    Within {
        /// At the upper end of the slope.
        earliest: f64,
        /// At the lower end of the slope.
        latest: Option<f64>,
    },
    /// Even the fastest growth that the data allow takes longer than ten times the observed span.
    BeyondHorizon,
    /// The data allow no growth, even at their upper end.
    Never,
}

/// The largest possible live heap, in bytes; below 0 if everything else alone exceeds the limit.
pub fn live_max(memory: &Memory) -> f64 {
    let sane = |x: f64| if x.is_finite() { x.max(0.0) } else { 0.0 };
    let g = memory.gogc.map_or(0.0, |gogc| sane(gogc) / 100.0);
    (sane(memory.limit) - sane(memory.overhead) - g * sane(memory.roots)) / (1.0 + g)
}

/// The time until the live heap reaches [`live_max`], for a slope within `slope` (bytes per hour),
/// observed over `span` hours.
pub fn time_to_limit(memory: &Memory, slope: Interval, span: f64) -> TimeToLimit {
    time_between([memory, memory], slope, span)
}

/// The same if memory is uncertain: it is at least the first and at most the second. The growth of what
/// isn't in the heap is part of the slope ([`in_live`]).
pub fn time_between([least, most]: [&Memory; 2], slope: Interval, span: f64) -> TimeToLimit {
    let room = |memory: &Memory| {
        let live = if memory.live.is_finite() { memory.live.max(0.0) } else { 0.0 };
        live_max(memory) - live
    };
    let (largest, smallest) = (room(least), room(most).max(0.0));
    if largest <= 0.0 {
        return TimeToLimit::AlreadyOver;
    }
    let after = |slope: f64, room: f64| (slope > 0.0).then(|| room / slope);
    let horizon = HORIZON * if span.is_finite() { span.max(0.0) } else { 0.0 };
    match after(slope.upper, smallest) {
        None => TimeToLimit::Never,
        Some(earliest) if earliest > horizon => TimeToLimit::BeyondHorizon,
        Some(earliest) => TimeToLimit::Within {
            earliest,
            latest: after(slope.lower, largest).filter(|&latest| latest <= horizon),
        },
    }
}

/// The live heap that takes as much room as other memory of a size, of which the collector counts `roots`
/// for its goal.
pub fn in_live(overhead: f64, roots: f64, gogc: Option<f64>) -> f64 {
    let g = gogc.map_or(0.0, |gogc| if gogc.is_finite() { gogc.max(0.0) / 100.0 } else { 0.0 });
    (overhead + g * roots) / (1.0 + g)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers come out exactly")]
mod tests {
    use super::*;

    const MEMORY: Memory =
        Memory { limit: 2000.0, overhead: 100.0, roots: 50.0, gogc: Some(100.0), live: 425.0 };

    #[test]
    fn the_collector_needs_its_half() {
        assert_eq!(live_max(&MEMORY), (2000.0 - 100.0 - 50.0) / 2.0);
        assert_eq!(live_max(&Memory { gogc: Some(50.0), ..MEMORY }), (1900.0 - 25.0) / 1.5);
        assert_eq!(live_max(&Memory { gogc: None, ..MEMORY }), 1900.0);
    }

    #[test]
    fn a_range_from_the_ends_of_the_slope() {
        let slope = Interval { lower: 50.0, upper: 100.0 };
        assert_eq!(
            time_to_limit(&MEMORY, slope, 1.0),
            TimeToLimit::Within { earliest: 5.0, latest: Some(10.0) }
        );
        assert_eq!(
            time_to_limit(&MEMORY, slope, 0.7),
            TimeToLimit::Within { earliest: 5.0, latest: None }
        );
        assert_eq!(time_to_limit(&MEMORY, slope, 0.4), TimeToLimit::BeyondHorizon);
        assert_eq!(
            time_to_limit(&MEMORY, Interval { lower: -1.0, upper: 100.0 }, 1.0),
            TimeToLimit::Within { earliest: 5.0, latest: None }
        );
        assert_eq!(
            time_to_limit(&MEMORY, Interval { lower: -1.0, upper: 0.0 }, 1.0),
            TimeToLimit::Never
        );
    }

    #[test]
    fn uncertain_memory_widens_the_time() {
        let most = Memory { overhead: 300.0, roots: 150.0, ..MEMORY };
        let slope = Interval { lower: 50.0, upper: 100.0 };
        let expected = TimeToLimit::Within { earliest: 3.5, latest: Some(10.0) };
        assert_eq!(time_between([&MEMORY, &most], slope, 1.0), expected);
        // It may be over already.
        let over = Memory { overhead: 1900.0, ..MEMORY };
        let expected = TimeToLimit::Within { earliest: 0.0, latest: Some(10.0) };
        assert_eq!(time_between([&MEMORY, &over], slope, 1.0), expected);
        // With 200 of stacks, of which half is scanned, 150 less may be live.
        assert_eq!(in_live(200.0, 100.0, Some(100.0)), 150.0);
        assert_eq!(in_live(200.0, 100.0, None), 200.0);
        let grown = Memory { overhead: 300.0, roots: 150.0, ..MEMORY };
        assert_eq!(live_max(&MEMORY) - live_max(&grown), 150.0);
    }

    #[test]
    fn what_is_over_is_over_and_absurd_input_is_no_number() {
        let slope = Interval { lower: 1.0, upper: 2.0 };
        let over = Memory { live: 1e9, ..MEMORY };
        assert_eq!(time_to_limit(&over, slope, 1.0), TimeToLimit::AlreadyOver);
        let small = Memory { limit: 10.0, ..MEMORY };
        assert_eq!(time_to_limit(&small, slope, 1.0), TimeToLimit::AlreadyOver);
        let nan = Memory { limit: f64::NAN, gogc: Some(f64::INFINITY), ..MEMORY };
        assert_eq!(time_to_limit(&nan, slope, 1.0), TimeToLimit::AlreadyOver);
        let absurd = Interval { lower: f64::NAN, upper: f64::NAN };
        assert_eq!(time_to_limit(&MEMORY, absurd, 1.0), TimeToLimit::Never);
        assert_eq!(
            time_to_limit(&MEMORY, Interval { lower: 1.0, upper: f64::INFINITY }, f64::NAN),
            TimeToLimit::Within { earliest: 0.0, latest: None }
        );
    }
}
