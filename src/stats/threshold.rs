//! Is a growth, or a value, above a limit? What a gate knows of its own error.
//!
//! The answer is one of three. Above: the lower bound is above the limit. Within: the upper bound is not. Else nobody
//! knows. Bounds are one-sided 95 % bounds, so that each wrong answer has a probability of at most 5 %: that of
//! failing what is within its limit, and that of passing what is above it.
//!
//! Two things blur a growth. Sampling does, and how much is known from the raw samples of a single pair ([`Part`]). And
//! a program does not hold the same in each run, which only several runs can show ([`spread`]). Bounds are the
//! wider of what the two ask for: sampling alone is too sure where runs differ, and the spread of a few runs is too
//! sure where they happen to agree.

use super::distributions::poisson_distances;
use super::sampling::{self, effective};
use super::{Interval, growth};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The level of the two-sided interval whose ends are one-sided 95 % bounds.
const ONE_SIDED: f64 = 0.90;

/// The level whose ends are 97.5 % bounds: where either of two limits may let a growth pass, each gets half of the 5 %.
const HALVED: f64 = 0.95;

/// (z.95 + z.80)², rounded up: a growth of none stays below a limit T in 8 of 10 runs where the variance of the
/// difference is T² over this. With the variance 2·B·N of two independent profiles of B bytes, sampled every
/// N bytes, that is N = T²/(12.4·B).
const DECIDES: f64 = 6.2;

/// Fewer runs say too little about their spread to advise on it.
const LEAST_RUNS: f64 = 3.0;

/// What is uncertain of one sum of samples: Σu and Σu² over the errors u = w·√(1−p) of its samples, in the unit
/// of the value and its square.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    noise: f64,
    variance: f64,
}

impl Part {
    /// Σu and Σu².
    pub(super) fn new(noise: f64, variance: f64) -> Self {
        let sane = |x: f64| if x.is_finite() { x.max(0.0) } else { 0.0 };
        Self { noise: sane(noise), variance: sane(variance) }
    }

    /// What is left when `other`, a part of this one, is taken out.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self::new(self.noise - other.noise, self.variance - other.variance)
    }

    /// The variance, in squared units.
    pub fn variance(self) -> f64 {
        self.variance
    }

    /// How far the sum reaches down and up; `unit` is the error of a sample that nobody met.
    fn reach(self, unit: f64, level: f64) -> (f64, f64) {
        let (samples, unit) = effective(self.noise, self.variance).unwrap_or((0.0, unit));
        let (down, up) = poisson_distances(samples, level);
        (down * unit, up * unit)
    }

    fn unit(self) -> Option<f64> {
        effective(self.noise, self.variance).map(|(_, unit)| unit)
    }
}

impl From<&sampling::Evidence> for Part {
    fn from(evidence: &sampling::Evidence) -> Self {
        evidence.part()
    }
}

/// What sampling blurs in a change from before to after.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Blur {
    /// Samples that count for before alone.
    pub gone: Part,
    /// Samples that count for after alone.
    pub came: Part,
    /// Samples that both have: they cancel in a difference, and not in a ratio.
    pub kept: Part,
    /// The error of one sample where nobody met any: what is absent from a profile may still be there.
    pub unit: f64,
}

impl Blur {
    /// From the evidence of a change, and what all of before holds.
    pub fn new(change: &growth::Evidence, before: Part, unit: f64) -> Self {
        let (gone, came) = change.parts();
        Self { gone, came, kept: before.without(gone), unit }
    }

    /// The variance of after − factor·before, in squared units.
    fn variance(&self, factor: f64) -> f64 {
        let ratio = factor - 1.0;
        self.came.variance
            + factor * factor * self.gone.variance
            + ratio * ratio * self.kept.variance
    }

    /// How far after − factor·before reaches down and up: limits of each part, combined by the recovery of
    /// variance estimates (Zou and Donner 2008), as in [`growth::Evidence::interval`].
    fn reach(&self, factor: f64, level: f64) -> (f64, f64) {
        let met = self.came.unit().or(self.gone.unit()).or(self.kept.unit());
        let unit = met.unwrap_or(self.unit);
        let (down2, up2) = self.came.reach(self.came.unit().unwrap_or(unit), level);
        let (down1, up1) = self.gone.reach(self.gone.unit().unwrap_or(unit), level);
        let (down0, up0) = self.kept.reach(0.0, level);
        let ratio = (factor - 1.0).abs();
        let down = down2.hypot(factor * up1).hypot(ratio * up0);
        let up = up2.hypot(factor * down1).hypot(ratio * down0);
        (down, up)
    }
}

/// How much runs of one thing differ.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    /// Variance of the mean of the runs, in squared units.
    of_mean: f64,
    /// Its degrees of freedom.
    freedom: f64,
}

/// The mean of some runs; 0 of none.
pub fn mean(runs: &[f64]) -> f64 {
    if runs.is_empty() { 0.0 } else { runs.iter().sum::<f64>() / runs.len() as f64 }
}

/// The variance of single runs; `None` for fewer than two.
fn variance(runs: &[f64]) -> Option<f64> {
    let mean = mean(runs);
    let squares: f64 = runs.iter().map(|run| (run - mean) * (run - mean)).sum();
    (runs.len() > 1).then(|| squares / (runs.len() - 1) as f64)
}

/// How much a difference of means differs by the runs alone (Welch 1947, with Satterthwaite's degrees of freedom); where one side has a single
/// run, it is taken to differ as much as the other. `None` where both have.
fn spread(before: &[f64], after: &[f64], factor: f64) -> Option<Spread> {
    let (s1, s2) = (variance(before), variance(after));
    let mean_variance = |s: f64, runs: &[f64]| s / runs.len().max(1) as f64;
    let squared = factor * factor;
    let (v1, v2, f1, f2) = match (s1, s2) {
        (Some(s1), Some(s2)) => (
            squared * mean_variance(s1, before),
            mean_variance(s2, after),
            before.len() as f64 - 1.0,
            after.len() as f64 - 1.0,
        ),
        (Some(s), None) | (None, Some(s)) => {
            let of_mean = squared * mean_variance(s, before) + mean_variance(s, after);
            let freedom = before.len().max(after.len()) as f64 - 1.0;
            return Some(Spread { of_mean, freedom });
        }
        (None, None) => return None,
    };
    let of_mean = v1 + v2;
    let freedom = of_mean * of_mean / (v1 * v1 / f1 + v2 * v2 / f2);
    // Equal runs leave 0/0; the fewer of both is what Welch's never falls below.
    let least = f1.min(f2);
    Some(Spread { of_mean, freedom: if freedom.is_finite() { freedom.max(least) } else { least } })
}

impl Spread {
    /// How far a mean reaches at a two-sided `level`, by Student's t.
    fn reach(self, level: f64) -> f64 {
        let t = StudentsT::new(0.0, 1.0, self.freedom.max(1.0));
        t.map_or(f64::INFINITY, |t| t.inverse_cdf(0.5 + 0.5 * level)) * self.of_mean.max(0.0).sqrt()
    }
}

/// Values of a sum in the runs of both sides, and what sampling blurs in the difference of their means. Each side
/// has one run at least.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Growth {
    /// The values of before, a run each.
    pub before: Vec<f64>,
    /// The values of after.
    pub after: Vec<f64>,
    /// What sampling blurs; `None` where the profiles do not say how they were sampled.
    pub blur: Option<Blur>,
}

/// A growth must not exceed a number and a share of before at once. What is not asked for is `None`; where neither is,
/// no growth is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// In the unit of the value.
    pub most: Option<f64>,
    /// In percent of before.
    pub percent: Option<f64>,
}

/// What is known of a value and its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Which of the three.
    pub decision: Decision,
    /// What may not be exceeded, in the unit of the value. A share of before has become a number.
    pub limit: f64,
    /// The value.
    pub value: f64,
    /// Its bounds; `None` where nothing says how far it reaches. Where the limit is a share of before, its error is
    /// part of them.
    pub bounds: Option<Interval>,
    /// What would decide; `None` where it is decided, or nothing would.
    pub needed: Option<Needed>,
}

/// One of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Above the limit.
    Above,
    /// Within the limit.
    Within,
    /// The error is larger than the margin.
    Open,
}

/// What would decide what is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needed {
    /// The variance by sampling of what was measured has to be this part of what it is, in 0 to 1. It is
    /// proportional to the distance between samples. `None` where runs differ so much that no rate would do.
    pub sampling: Option<f64>,
    /// So many runs of each side.
    pub runs: f64,
}

/// What a value is held against: after − factor·before.
#[derive(Clone, Copy)]
struct Contrast {
    factor: f64,
    /// What it may not exceed.
    limit: f64,
    /// What is added to it, and to its limit, when it is told.
    told: f64,
    /// Level of the upper bound.
    upper: f64,
    /// What has to be told apart; the margin where there is nothing else.
    distance: Option<f64>,
}

impl Growth {
    /// Whether the growth exceeds its limits.
    pub fn judge(&self, limits: Limits) -> Verdict {
        let share = limits.percent.map(|percent| percent.max(0.0) / 100.0);
        let most = limits.most.or(share.is_none().then_some(0.0));
        let upper = if most.is_some() && share.is_some() { HALVED } else { ONE_SIDED };
        let before = mean(&self.before);
        let absolute = most.map(|most| {
            let distance = Some(most);
            self.against(Contrast { factor: 1.0, limit: most, told: 0.0, upper, distance })
        });
        let relative = share.map(|share| {
            // Told as a growth, so that the limit is a number like any other.
            let told = share * before;
            let distance = Some(told);
            self.against(Contrast { factor: 1.0 + share, limit: 0.0, told, upper, distance })
        });
        let both = [absolute, relative].into_iter().flatten();
        let of = |decision| both.clone().filter(move |verdict| verdict.decision == decision);
        let nearest = |a: &Verdict, b: &Verdict| a.margin().abs().total_cmp(&b.margin().abs());
        // One that is within lets it pass, and of those that are above the one that nearly is not counts.
        let within = of(Decision::Within).max_by(nearest);
        let found =
            within.or(of(Decision::Open).min_by(nearest)).or(of(Decision::Above).min_by(nearest));
        found.unwrap_or(Verdict {
            decision: Decision::Open,
            limit: 0.0,
            value: 0.0,
            bounds: None,
            needed: None,
        })
    }

    /// Whether the mean of the runs of after exceeds a budget.
    pub fn judge_budget(&self, most: f64) -> Verdict {
        let contrast =
            Contrast { factor: 0.0, limit: most, told: 0.0, upper: ONE_SIDED, distance: None };
        self.against(contrast)
    }

    fn against(&self, contrast: Contrast) -> Verdict {
        let Contrast { factor, limit, told, upper, distance } = contrast;
        let value = mean(&self.after) - factor * mean(&self.before);
        let before: &[f64] = if factor > 0.0 { &self.before } else { &[] };
        let spread = spread(before, &self.after, factor);
        let reach = |level: f64| {
            let sampling = self.blur.map(|blur| blur.reach(factor, level));
            let runs = spread.map(|spread| spread.reach(level));
            match (sampling, runs) {
                (Some((down, up)), Some(runs)) => Some((down.max(runs), up.max(runs))),
                (Some(both), None) => Some(both),
                (None, Some(runs)) => Some((runs, runs)),
                (None, None) => None,
            }
        };
        let bounds = reach(ONE_SIDED).zip(reach(upper));
        let bounds = bounds.map(|((down, _), (_, up))| Interval::around(value, down, up));
        let decision = match bounds {
            Some(bounds) if bounds.lower > limit => Decision::Above,
            Some(bounds) if bounds.upper <= limit => Decision::Within,
            _ => Decision::Open,
        };
        let needed = (decision == Decision::Open)
            .then(|| self.needed(spread, factor, distance, (limit - value).abs()))
            .flatten();
        Verdict {
            decision,
            limit: limit + told,
            value: value + told,
            bounds: bounds.map(|b| Interval { lower: b.lower + told, upper: b.upper + told }),
            needed,
        }
    }

    /// What would decide. First it is asked what tells a growth of the limit from none; where there is
    /// as much already, what tells the value from the limit.
    fn needed(
        &self,
        spread: Option<Spread>,
        factor: f64,
        distance: Option<f64>,
        margin: f64,
    ) -> Option<Needed> {
        let sampling = self.blur.map_or(0.0, |blur| blur.variance(factor));
        let spread = spread.map_or(0.0, |spread| spread.of_mean);
        let variance = sampling.max(spread);
        if variance.is_nan() || variance <= 0.0 {
            return None;
        }
        let wanted = |distance: f64| distance * distance / DECIDES;
        let far = distance.map(wanted).filter(|&wanted| wanted < variance);
        let wanted = far.unwrap_or_else(|| wanted(margin).min(0.5 * variance));
        let by_rate = wanted - (spread - sampling).max(0.0);
        let runs = self.before.len().max(self.after.len()) as f64;
        let more = (runs * variance / wanted).ceil().max(runs + 1.0).max(LEAST_RUNS);
        Some(Needed {
            sampling: (by_rate > 0.0 || wanted <= 0.0)
                .then(|| (by_rate / sampling).clamp(0.0, 1.0)),
            runs: if more.is_finite() { more } else { f64::MAX },
        })
    }
}

impl Verdict {
    /// How far the bound that decides is from the limit.
    fn margin(&self) -> f64 {
        self.bounds.map_or(0.0, |bounds| match self.decision {
            Decision::Above => bounds.lower - self.limit,
            Decision::Within => self.limit - bounds.upper,
            Decision::Open => self.limit - self.value,
        })
    }
}
