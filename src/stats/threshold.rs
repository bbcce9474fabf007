//! Decides whether a growth, or a value, is above a limit, given the error of a gate.
//!
//! There are three outcomes. Above: the lower bound is above the limit. Within: the upper bound
//! isn't. Otherwise the outcome is open. Each wrong outcome has a probability of at most 5 %:
//! failing a growth that is within its limit, and passing one that is above it. With a single run
//! on each side, this covers sampling error only.
//!
//! A growth has two sources of error. One is sampling, and its size is known from the raw samples
//! of a single pair ([`Part`]). The other is that a program's memory differs from run to run, which
//! only several runs can show (`spreads`). Bounds are the wider of the two: sampling alone is too
//! narrow if runs differ, and the spread of a few runs is too narrow if they happen to agree.

use super::Interval;
use super::growth::GrowthEvidence;
use super::sampling::Part;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The level of the two-sided interval whose ends are the bounds. Each leaves out 4 %, not 5 %:
/// limits combined from several parts, and large objects that were never sampled, take up to
/// another 1 % in simulations (`threshold_simulation`), and the promise is 5 %.
const BOUNDS: f64 = 0.92;

/// The level whose ends are 97.5 % bounds: if either of two limits may let a growth pass, each gets
/// half of the 5 %.
pub(super) const HALVED: f64 = 0.95;

/// (z.95 + z.80)², rounded up. With bounds of 95 %, a growth of zero is distinguished from the
/// limit T in 8 of 10 cases if the variance of the difference is T² divided by this, and with those
/// of [`BOUNDS`] in 77 of 100. With the variance 2·B·N of two independent profiles of B bytes,
/// sampled every N bytes, that is N = T²/(12.4·B).
const DECIDES: f64 = 6.2;

/// With fewer runs, their spread is too uncertain to base advice on.
const LEAST_RUNS: f64 = 3.0;

/// The sampling error of a change from before to after.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Blur {
    /// Samples that count only for before.
    pub gone: Part,
    /// Samples that count only for after.
    pub came: Part,
    /// Samples that both have: they cancel in a difference, but not in a ratio.
    pub kept: Part,
    /// The error of one sample if none was met: objects absent from a profile may still be there.
    pub unit: f64,
}

impl Blur {
    /// From the evidence of a change, and the evidence of all of before.
    pub fn new(change: &GrowthEvidence, before: Part, unit: f64) -> Self {
        let (gone, came) = change.parts();
        Self { gone, came, kept: before.without(gone), unit }
    }

    /// The variance of after − factor·before, in squared units.
    fn variance(&self, factor: f64) -> f64 {
        let ratio = factor - 1.0;
        self.came.variance()
            + factor * factor * self.gone.variance()
            + ratio * ratio * self.kept.variance()
    }

    /// How far after − factor·before extends down and up: the limits of each part, combined by the
    /// recovery of variance estimates (Zou and Donner 2008), as in
    /// [`growth::GrowthEvidence::interval`].
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

/// How much runs of the same side differ.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    /// Variance of the mean of the runs, in squared units.
    of_mean: f64,
    /// Its degrees of freedom.
    freedom: f64,
}

/// The mean of some runs; 0 without runs.
pub fn mean(runs: &[f64]) -> f64 {
    if runs.is_empty() { 0.0 } else { runs.iter().sum::<f64>() / runs.len() as f64 }
}

/// The variance between single runs; `None` for fewer than two.
pub(super) fn variance(runs: &[f64]) -> Option<f64> {
    let mean = mean(runs);
    let squares: f64 = runs.iter().map(|run| (run - mean) * (run - mean)).sum();
    (runs.len() > 1).then(|| squares / (runs.len() - 1) as f64)
}

/// How much a difference of means varies through the runs alone, by two methods. One uses a
/// variance for each side (Welch 1947, with Satterthwaite's degrees of freedom), which is too
/// narrow if one side has a few runs that happen to agree. The other uses one variance for both
/// (Student's own), which is too narrow if the sides differ. If one side has a single run, it is
/// assumed to vary as much as the other; if both have, nothing is known.
fn spreads(before: &[f64], after: &[f64], factor: f64) -> Vec<Spread> {
    let (n1, n2) = (before.len().max(1) as f64, after.len().max(1) as f64);
    let (s1, s2) = (variance(before), variance(after));
    let squared = if before.is_empty() { 0.0 } else { factor * factor };
    let one = |s: f64, freedom: f64| Spread { of_mean: squared * s / n1 + s / n2, freedom };
    match (s1, s2) {
        (None, None) => Vec::new(),
        (Some(s), None) => vec![one(s, n1 - 1.0)],
        (None, Some(s)) => vec![one(s, n2 - 1.0)],
        (Some(s1), Some(s2)) => {
            let (f1, f2) = (n1 - 1.0, n2 - 1.0);
            let (v1, v2) = (squared * s1 / n1, s2 / n2);
            let of_mean = v1 + v2;
            let freedom = of_mean * of_mean / (v1 * v1 / f1 + v2 * v2 / f2);
            // Equal runs give 0/0; the result is never below the degrees of freedom of the smaller
            // side.
            let freedom = if freedom.is_finite() { freedom.max(f1.min(f2)) } else { f1.min(f2) };
            vec![Spread { of_mean, freedom }, one((f1 * s1 + f2 * s2) / (f1 + f2), f1 + f2)]
        }
    }
}

impl Spread {
    /// How far a mean extends at a two-sided `level`, by Student's t.
    fn reach(self, level: f64) -> f64 {
        let t = StudentsT::new(0.0, 1.0, self.freedom.max(1.0));
        t.map_or(f64::INFINITY, |t| t.inverse_cdf(0.5 + 0.5 * level)) * self.of_mean.max(0.0).sqrt()
    }
}

/// Values of a sum in the runs of both sides, and the sampling error of the difference of their
/// means. Each side has at least one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Growth {
    /// The values of before, one per run.
    pub before: Vec<f64>,
    /// The values of after, one per run.
    pub after: Vec<f64>,
    /// The sampling error; `None` if the profiles don't record how they were sampled.
    pub blur: Option<Blur>,
}

/// A growth fails only if it exceeds both a number and a share of before. A limit that isn't set is
/// `None`; if neither is set, no growth is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// In the unit of the value.
    pub most: Option<f64>,
    /// In percent of before.
    pub percent: Option<f64>,
}

/// The result for a value and its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The outcome.
    pub decision: Decision,
    /// The limit, in the unit of the value. A share of before has been converted to a number.
    pub limit: f64,
    /// The value.
    pub value: f64,
    /// Its bounds; `None` if the error is unknown. If the limit is a share of before, the bounds
    /// include its error.
    pub bounds: Option<Interval>,
    /// What would decide; `None` if it is decided already, or if nothing would.
    pub needed: Option<Needed>,
}

/// The outcome: above, within or open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Above the limit.
    Above,
    /// Within the limit.
    Within,
    /// The error is larger than the margin.
    Open,
}

/// What would decide an open outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needed {
    /// The sampling variance must fall to this fraction of its present value, in 0 to 1. It is
    /// proportional to the sampling period. `None` if runs differ so much that no period would be
    /// enough.
    pub sampling: Option<f64>,
    /// Number of runs needed on each side.
    pub runs: f64,
    /// What these distinguish: a growth of the limit from none, or otherwise the value from the
    /// limit.
    pub from_none: bool,
}

/// How many limits the lower bound of a growth is corrected for: 1 for a limit that is judged alone.
///
/// The bound then leaves out 1/n of what it leaves out alone, so that none of n limits is said to be
/// exceeded by mistake in more than 5 % of all checks (Bonferroni; [`super::multiple::holm`] finds
/// the n of each limit). The upper bound needs no correction: a check passes only if every limit is
/// met, and one that is exceeded stands in the way by itself (Berger 1982).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Among(pub usize);

impl Among {
    /// A limit that is judged alone.
    pub const ALONE: Self = Self(1);

    /// The level of the two-sided interval whose lower end is the bound, if it has the level
    /// `alone` for a limit that is judged alone.
    pub(super) fn level(self, alone: f64) -> f64 {
        1.0 - (1.0 - alone) / self.0.max(1) as f64
    }
}

/// The quantity compared with a limit: after − factor·before.
#[derive(Clone, Copy)]
struct Contrast {
    factor: f64,
    /// The limit.
    limit: f64,
    /// Added to the value, and to its limit, for reporting.
    told: f64,
    /// Levels of the lower and the upper bound.
    lower: f64,
    upper: f64,
    /// The difference to distinguish; the margin if there is no other.
    distance: Option<f64>,
}

impl Growth {
    /// Decides whether the growth exceeds its limits.
    pub fn judge(&self, limits: Limits, among: Among) -> Verdict {
        let lower = among.level(BOUNDS);
        let share = limits.percent.map(|percent| percent.max(0.0) / 100.0);
        let most = limits.most.or(share.is_none().then_some(0.0));
        let upper = if most.is_some() && share.is_some() { HALVED } else { BOUNDS };
        let before = mean(&self.before);
        let absolute = most.map(|most| {
            let distance = Some(most);
            self.against(Contrast { factor: 1.0, limit: most, told: 0.0, lower, upper, distance })
        });
        let relative = share.map(|share| {
            // Reported as a growth, so that the limit is a number like any other.
            let told = share * before;
            let distance = Some(told);
            let factor = 1.0 + share;
            self.against(Contrast { factor, limit: 0.0, told, lower, upper, distance })
        });
        let both = [absolute, relative].into_iter().flatten();
        let of = |decision| both.clone().filter(move |verdict| verdict.decision == decision);
        let nearest = |a: &Verdict, b: &Verdict| a.margin().abs().total_cmp(&b.margin().abs());
        // One limit that is met is enough to pass; among limits exceeded, the one that is nearest
        // counts.
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

    /// Decides whether the mean of the runs of after exceeds a budget.
    pub fn judge_budget(&self, most: f64, among: Among) -> Verdict {
        let (lower, upper) = (among.level(BOUNDS), BOUNDS);
        let contrast =
            Contrast { factor: 0.0, limit: most, told: 0.0, lower, upper, distance: None };
        self.against(contrast)
    }

    fn against(&self, contrast: Contrast) -> Verdict {
        let Contrast { factor, limit, told, lower, upper, distance } = contrast;
        let value = mean(&self.after) - factor * mean(&self.before);
        let before: &[f64] = if factor > 0.0 { &self.before } else { &[] };
        let spreads = spreads(before, &self.after, factor);
        let reach = |level: f64| {
            let sampling = self.blur.map(|blur| blur.reach(factor, level));
            let runs = spreads.iter().map(|spread| spread.reach(level)).reduce(f64::max);
            match (sampling, runs) {
                (Some((down, up)), Some(runs)) => Some((down.max(runs), up.max(runs))),
                (Some(both), None) => Some(both),
                (None, Some(runs)) => Some((runs, runs)),
                (None, None) => None,
            }
        };
        // Reported as a growth from here on; a value that isn't a number leaves it open.
        let (value, limit) = (value + told, limit + told);
        let bounds = reach(lower).zip(reach(upper)).map(|((down, _), (_, up))| (down, up));
        let bounds = bounds
            .filter(|(down, up)| [*down, *up, value, limit].iter().all(|x| x.is_finite()))
            .map(|(down, up)| Interval::around(value, down, up))
            .filter(|bounds| bounds.lower.is_finite() && bounds.upper.is_finite());
        let decision = match bounds {
            Some(bounds) if bounds.lower > limit => Decision::Above,
            Some(bounds) if bounds.upper <= limit => Decision::Within,
            _ => Decision::Open,
        };
        let needed = (decision == Decision::Open)
            .then(|| self.needed(&spreads, factor, distance, (limit - value).abs()))
            .flatten();
        Verdict { decision, limit, value, bounds, needed }
    }

    /// What would decide. First, what distinguishes a growth of the limit from none; if there is
    /// enough for that already, what distinguishes the value from the limit.
    fn needed(
        &self,
        spreads: &[Spread],
        factor: f64,
        distance: Option<f64>,
        margin: f64,
    ) -> Option<Needed> {
        let sampling = self.blur.map_or(0.0, |blur| blur.variance(factor));
        let spread = spreads.iter().map(|spread| spread.of_mean).fold(0.0, f64::max);
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
            from_none: far.is_some(),
        })
    }
}

impl Verdict {
    /// The distance of the deciding bound from the limit.
    fn margin(&self) -> f64 {
        self.bounds.map_or(0.0, |bounds| match self.decision {
            Decision::Above => bounds.lower - self.limit,
            Decision::Within => self.limit - bounds.upper,
            Decision::Open => self.limit - self.value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: f64 = 524_288.0;

    /// Two independent profiles of small objects, with this number of samples on each side.
    fn pair(before: f64, after: f64) -> Growth {
        let part = |samples: f64| Part::new(samples * R, samples * R * R);
        let blur = Blur { gone: part(before), came: part(after), unit: R, ..Blur::default() };
        Growth { before: vec![before * R], after: vec![after * R], blur: Some(blur) }
    }

    fn most(most: f64) -> Limits {
        Limits { most: Some(most), percent: None }
    }

    #[test]
    fn the_three_answers() {
        let growth = pair(100.0, 200.0);
        assert_eq!(growth.judge(most(50.0 * R), Among::ALONE).decision, Decision::Above);
        assert_eq!(growth.judge(most(150.0 * R), Among::ALONE).decision, Decision::Within);
        let open = growth.judge(most(100.0 * R), Among::ALONE);
        assert_eq!(open.decision, Decision::Open);
        let bounds = open.bounds.unwrap();
        assert!(bounds.lower < 100.0 * R && 100.0 * R < bounds.upper, "{bounds:?}");
    }

    #[test]
    fn exact_data_has_no_error_and_a_growth_of_the_limit_is_within_it() {
        let exact = |before: f64, after: f64| Growth {
            before: vec![before],
            after: vec![after],
            blur: Some(Blur::default()),
        };
        assert_eq!(exact(100.0, 150.0).judge(most(50.0), Among::ALONE).decision, Decision::Within);
        assert_eq!(exact(100.0, 151.0).judge(most(50.0), Among::ALONE).decision, Decision::Above);
        assert_eq!(exact(100.0, 100.0).judge(most(0.0), Among::ALONE).decision, Decision::Within);
        assert_eq!(
            exact(0.0, 1.0).judge(Limits::default(), Among::ALONE).decision,
            Decision::Above
        );
    }

    #[test]
    fn both_limits_have_to_be_exceeded() {
        let exact = |before: f64, after: f64| {
            let growth =
                Growth { before: vec![before], after: vec![after], blur: Some(Blur::default()) };
            growth.judge(Limits { most: Some(5000.0), percent: Some(10.0) }, Among::ALONE)
        };
        // 70 % of 50 bytes.
        let little = exact(50.0, 85.0);
        assert_eq!((little.decision, little.limit, little.value), (Decision::Within, 5000.0, 35.0));
        // 2 % of a million.
        let share = exact(1e6, 1.02e6);
        assert_eq!((share.decision, share.limit, share.value), (Decision::Within, 1e5, 2e4));
        let both = exact(1e6, 1.2e6);
        assert_eq!((both.decision, both.limit, both.value), (Decision::Above, 1e5, 2e5));
    }

    #[test]
    fn a_share_of_a_total_that_both_have_is_blurred_by_what_both_have() {
        let kept = Part::new(100.0 * R, 100.0 * R * R);
        let blur = Blur { kept, unit: R, ..Blur::default() };
        let growth = Growth { before: vec![100.0 * R], after: vec![100.0 * R], blur: Some(blur) };
        let width =
            |limits| growth.judge(limits, Among::ALONE).bounds.map(|b| b.upper - b.lower).unwrap();
        let relative = width(Limits { most: None, percent: Some(100.0) });
        assert!(relative > 30.0 * R, "{}", relative / R);
        assert!(width(most(R)) < 10.0 * R);
    }

    #[test]
    fn where_nobody_met_a_sample_there_may_be_some() {
        let growth = Growth {
            before: vec![0.0],
            after: vec![0.0],
            blur: Some(Blur { unit: R, ..Blur::default() }),
        };
        assert_eq!(growth.judge(most(R), Among::ALONE).decision, Decision::Open);
        assert_eq!(growth.judge(most(4.0 * R), Among::ALONE).decision, Decision::Within);
    }

    #[test]
    fn without_a_period_runs_decide_and_a_single_pair_does_not() {
        let growth = |before: &[f64], after: &[f64]| Growth {
            before: before.to_vec(),
            after: after.to_vec(),
            blur: None,
        };
        let single = growth(&[1.0], &[900.0]).judge(most(10.0), Among::ALONE);
        assert_eq!((single.decision, single.bounds, single.needed), (Decision::Open, None, None));
        let several =
            growth(&[1.0, 2.0, 3.0], &[900.0, 901.0, 902.0]).judge(most(10.0), Among::ALONE);
        assert_eq!(several.decision, Decision::Above);
    }

    #[test]
    fn what_would_decide_is_what_the_formula_says() {
        // B = 100 MB, T = 1 MB: about 800.
        let samples = 100e6 / R;
        let open = pair(samples, samples).judge(most(1e6), Among::ALONE);
        let needed = open.needed.unwrap();
        let rate = needed.sampling.unwrap() * R;
        assert!((780.0..830.0).contains(&rate), "{rate}");
        assert!((needed.runs - 6.2 * 2.0 * samples * R * R / 1e12).abs() <= 1.0, "{}", needed.runs);
        // If runs differ by more than the limit, no sampling period is enough.
        let runs = |side: f64| vec![samples * R + side, samples * R - side];
        let spread = Growth { before: runs(2e7), after: runs(3e7), ..pair(samples, samples) };
        assert_eq!(spread.judge(most(1e6), Among::ALONE).needed.unwrap().sampling, None);
    }

    #[test]
    fn absurd_input_gives_a_cautious_answer() {
        let values = [0.0, -1.0, 1e300, f64::NAN, f64::INFINITY, f64::MAX];
        for before in values {
            for after in values {
                for noise in values {
                    let part = Part::new(noise, noise);
                    let blur = Blur { gone: part, came: part, kept: part, unit: noise };
                    let growth =
                        Growth { before: vec![before], after: vec![after], blur: Some(blur) };
                    for limit in values {
                        let limits = Limits { most: Some(limit), percent: Some(limit) };
                        let verdict = growth.judge(limits, Among::ALONE);
                        if let Some(bounds) = verdict.bounds {
                            assert!(bounds.lower.is_finite() && bounds.upper.is_finite());
                        }
                        let _ = growth.judge_budget(limit, Among::ALONE);
                    }
                }
            }
        }
    }
}
