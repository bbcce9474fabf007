//! The statistics of a sampled heap: pure numbers in, numbers out.
//!
//! A heap profile is a sample, so every value in it is an estimate and every difference of two
//! values needs an error. This module knows nothing of profiles, stacks or names. It turns recorded
//! counts back into raw samples ([`sampling`]), computes the interval of an estimate
//! ([`sampling::SampleEvidence`]), decides whether two snapshots differ by more than sampling
//! explains ([`growth`]), and bounds the share of false claims among many ([`multiple`]). It finds
//! the subtrees that explain a growth ([`scan`]). For a
//! series of snapshots it decides whether they rise ([`trend`]), along which curve ([`shape`]), and
//! whether that is a leak ([`class`]); what share of its allocations a site keeps ([`retention`]);
//! what the load explains ([`workload`]); which leak is too small to show ([`power`]); and when memory will be used up ([`limit`]). Long
//! series of exact values are few points first ([`medians`]). It also
//! decides whether a growth is above a limit ([`threshold`]), and what many small ones add up to
//! ([`drift`]).
//!
//! What always holds here: every function is total. Absurd input (periods of 0, negative counts,
//! `i64::MAX`, NaN) gives a cautious result, never a panic and never NaN. `docs/statistics.md`
//! explains the same in words, with the figures that `simulation` measures.

mod additions;
pub mod class;
mod distributions;
pub mod drift;
#[cfg(test)]
mod drift_simulation;
pub mod growth;
pub mod limit;
pub mod medians;
pub mod multiple;
mod points;
pub mod power;
#[cfg(test)]
mod power_simulation;
pub mod retention;
pub mod sampling;
pub mod scan;
#[cfg(test)]
mod scan_simulation;
#[cfg(test)]
mod series_simulation;
pub mod shape;
#[cfg(test)]
mod simulation;
pub mod threshold;
#[cfg(test)]
mod threshold_simulation;
pub mod trend;
pub mod workload;

pub use distributions::Garwood;

/// The level of the intervals heapdiff prints: 95 %, two-sided.
pub const LEVEL: f64 = 0.95;

/// Normal quantile of the one-sided 90 % bounds that rows are ranked by: Φ⁻¹(0.9).
pub const RANKING_QUANTILE: f64 = 1.2816;

/// A confidence interval, in the unit of the value it belongs to (bytes, objects, nanoseconds).
/// `lower ≤ upper`, both finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// The interval from `down` below `value` to `up` above it. Anything that isn't a finite number
    /// counts as 0, so that an interval can always be printed.
    fn around(value: f64, down: f64, up: f64) -> Self {
        let finite = |x: f64| if x.is_finite() { x } else { 0.0 };
        let value = finite(value);
        let (down, up) = (finite(down).max(0.0), finite(up).max(0.0));
        Self { lower: value - down, upper: value + up }
    }
}
