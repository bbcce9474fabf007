//! Decides whether a series rises, and how fast.
//!
//! [`mann_kendall`] answers the first question from the order of the values alone, so it assumes
//! nothing about their distribution; [`Rise::hamed_rao`] answers it for values that depend on their
//! neighbours. [`Rise::slope`] answers the second as the median of the slopes between all pairs,
//! which one or two outliers don't move.
//!
//! What always holds: the caller passes finite values in order of time (`class` ensures it). All
//! pairs of values are compared, so `class` thins long series first.

use super::Interval;
use super::distributions::{normal_tail, two_sided_quantile};

/// Values up to which the null distribution of Mann–Kendall's S is counted exactly; above, the
/// normal is accurate enough.
const COUNTED: usize = 40;

/// A slope in units of the values per hour. The default is 0 with intervals of no width.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slope {
    /// Theil and Sen's estimate: the median over all pairs.
    pub estimate: f64,
    /// Two-sided 95 % interval.
    pub interval: Interval,
    /// Two-sided 80 % interval.
    pub inner: Interval,
}

impl Slope {
    /// This slope of the late half; that of the whole series if this one's interval holds 0 and that
    /// one's lies above it, as with growth in stairs.
    #[must_use]
    pub fn or_whole(self, whole: Self) -> Self {
        let is_clearer = self.interval.lower <= 0.0 && whole.interval.lower > 0.0;
        if is_clearer { whole } else { self }
    }

    /// The average slope of a series that grew by `growth` (with its 95 % interval) within `hours`. A series
    /// that grows in stairs, such as the capacity of a buffer that doubles, may be about to take its
    /// next step or may just have taken it, so either end is off by up to the largest step.
    pub fn average(estimate: f64, growth: Interval, values: &[i64], hours: f64) -> Self {
        let steps = values.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let step = steps.max().unwrap_or(0).max(0) as f64;
        let around = |share: f64| {
            let down = (share * (estimate - growth.lower)).max(step);
            let up = (share * (growth.upper - estimate)).max(step);
            Interval::around(estimate / hours, down / hours, up / hours)
        };
        // Of a normal distribution, the middle 80 % are 1.28/1.96 as wide as the middle 95 %.
        Self {
            estimate: estimate / hours,
            interval: around(1.0),
            inner: around(1.281_552 / 1.959_964),
        }
    }
}

/// Pearson's correlation of two series of equal length, −1 to 1; 0 if one of them is constant.
pub fn correlation(a: &[i64], b: &[i64]) -> f64 {
    let centered = |row: &[i64]| -> Vec<f64> {
        let mean = row.iter().map(|&x| x as f64).sum::<f64>() / row.len().max(1) as f64;
        row.iter().map(|&x| x as f64 - mean).collect()
    };
    let (a, b) = (centered(a), centered(b));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let size = (product(&a, &a) * product(&b, &b)).sqrt();
    if size > 0.0 { product(&a, &b) / size } else { 0.0 }
}

/// Pairs that rise minus pairs that fall (Kendall's S).
fn score(values: &[f64]) -> f64 {
    let mut score = 0_i64;
    for (i, a) in values.iter().enumerate() {
        for b in &values[i + 1..] {
            score += i64::from(b > a) - i64::from(b < a);
        }
    }
    score as f64
}

/// Number of occurrences of each value.
fn multiplicities(values: &[f64]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a >= b).map(<[f64]>::len).collect()
}

/// The variance of S if nothing rises: (n(n−1)(2n+5) − Σ t(t−1)(2t+5))/18 over groups of t ties.
fn score_variance(values: &[f64]) -> f64 {
    let term = |n: usize| (n * (n - 1) * (2 * n + 5)) as f64;
    let ties: f64 = multiplicities(values).into_iter().map(term).sum();
    if values.is_empty() { 0.0 } else { (term(values.len()) - ties) / 18.0 }
}

/// One-sided p-value of "the values rise": the probability of this many rising pairs if every order
/// of these values were equally likely (Mann 1945; Kendall 1975).
///
/// Up to 40 values the orders are counted, with or without ties: inversions of distinct values
/// follow the Mahonian numbers, and those of values with ties are the sum of independent
/// Mann–Whitney statistics, one for each group of equals that joins the smaller ones. Above, S is
/// normal with its variance under ties and a correction of half a step. For fewer than two values
/// it is 1.
pub fn mann_kendall(values: &[f64]) -> f64 {
    let s = score(values);
    if values.len() > COUNTED {
        return normal_p(s, score_variance(values));
    }
    // falling[i] is the probability of i falling pairs.
    let mut falling = vec![1.0];
    let mut smaller = 0;
    let mut untied = 0;
    for group in multiplicities(values) {
        falling = convolve(&falling, &mann_whitney(smaller, group));
        untied += smaller * group;
        smaller += group;
    }
    let most = ((untied as f64 - s) / 2.0).round().max(0.0) as usize;
    falling.iter().take(most + 1).sum::<f64>().min(1.0)
}

/// The distribution of the number of pairs out of order when `n` values and `m` larger, equal ones
/// are shuffled: probabilities of 0 to n·m.
fn mann_whitney(n: usize, m: usize) -> Vec<f64> {
    if n == 0 || m == 0 {
        return vec![1.0];
    }
    if m == 1 {
        return vec![1.0 / (n + 1) as f64; n + 1];
    }
    // P(u; n, m): the last in order is one of the n (it then has all m before it) or one of the m.
    // Kept for one n at a time, for each size of the second group.
    let mut row: Vec<Vec<f64>> = vec![vec![1.0]; m + 1];
    for i in 1..=n {
        for j in 1..=m {
            let share = i as f64 / (i + j) as f64;
            let mut next = vec![0.0; i * j + 1];
            for (u, p) in row[j].iter().enumerate() {
                next[u + j] += share * p;
            }
            for (u, p) in row[j - 1].iter().enumerate() {
                next[u] += (1.0 - share) * p;
            }
            row[j] = next;
        }
    }
    row.swap_remove(m)
}

fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            sum[i + j] += x * y;
        }
    }
    sum
}

/// P(S ≥ s) for a normal S, corrected by half a step of 2.
fn normal_p(s: f64, variance: f64) -> f64 {
    if variance > 0.0 { normal_tail((s - 1.0) / variance.sqrt()) } else { 1.0 }
}

/// The slopes of a series, computed once for several questions, since all pairs are compared.
pub struct Rise<'a> {
    times: &'a [f64],
    values: &'a [f64],
    /// The slopes between all pairs at different times, ascending.
    slopes: Vec<f64>,
    inflation: f64,
}

impl<'a> Rise<'a> {
    /// Compares `values` (finite) at `times` (finite, ascending, in hours), both of the same
    /// length.
    pub fn of(times: &'a [f64], values: &'a [f64]) -> Self {
        let slopes = slopes(times, values);
        let inflation = inflation(times, values, median(&slopes));
        Self { times, values, slopes, inflation }
    }

    /// The p-value of [`mann_kendall`] for values that depend on their neighbours: S is normal with
    /// an inflated variance (Hamed and Rao 1998).
    ///
    /// The inflation is 1 + 2/(n(n−1)(n−2)) · Σ (n−k)(n−k−1)(n−k−2)·ρ(k), at least 1, with ρ(k) the
    /// autocorrelation at lag k of the ranks of the residuals after removing the slope. Only ρ(k)
    /// outside of ±1.96/√n count.
    pub fn hamed_rao(&self) -> f64 {
        normal_p(score(self.values), score_variance(self.values) * self.inflation)
    }

    /// Theil's (1950) slope. Its intervals are Sen's (1968): their ends are the slopes C/2 places
    /// from the middle, with C = z·√Var(S) and the variance of [`Rise::hamed_rao`].
    ///
    /// Sen's intervals are too narrow for a set that is only added to: early additions are in all
    /// later values. So if the values behave like a walk, the intervals are at least
    /// ±z·√(1.2·s²/T), with s² the variance that a step of one hour adds and T the span: the
    /// variance of the slope of a random walk (1.2 as for least squares).
    pub fn slope(&self) -> Slope {
        let estimate = median(&self.slopes);
        Slope { estimate, interval: self.interval(super::LEVEL), inner: self.interval(0.8) }
    }

    /// The interval of [`Rise::slope`] at a two-sided `level`.
    pub(super) fn interval(&self, level: f64) -> Interval {
        let estimate = median(&self.slopes);
        let walk = if self.walks() { self.walk_error(estimate) } else { 0.0 };
        let reach = (score_variance(self.values) * self.inflation).sqrt();
        let count = self.slopes.len() as f64;
        let z = two_sided_quantile(level);
        let at = |rank: f64| {
            let index = rank.clamp(0.0, (count - 1.0).max(0.0)) as usize;
            self.slopes.get(index).copied().unwrap_or(0.0)
        };
        let lower = at(f64::midpoint(count, -z * reach).round() - 1.0);
        let upper = at(f64::midpoint(count, z * reach).round());
        Interval { lower: lower.min(estimate - z * walk), upper: upper.max(estimate + z * walk) }
    }

    /// Whether the values look more like a walk, to which each interval adds its own increment,
    /// than like a line with noise on it: they never fall, or their steps don't cancel half of each
    /// other as noise does.
    fn walks(&self) -> bool {
        let estimate = median(&self.slopes);
        let steps: Vec<f64> = self.steps(estimate).collect();
        let square: f64 = steps.iter().map(|step| step * step).sum();
        let product: f64 = steps.windows(2).map(|pair| pair[0] * pair[1]).sum();
        self.values.windows(2).all(|pair| pair[1] >= pair[0]) || product > -0.25 * square
    }

    /// The increment of each interval beyond the slope.
    fn steps(&self, slope: f64) -> impl Iterator<Item = f64> {
        let pairs = self.times.windows(2).zip(self.values.windows(2));
        pairs.map(move |(t, v)| v[1] - v[0] - slope * (t[1] - t[0]))
    }

    /// The standard error of the slope of a walk.
    fn walk_error(&self, slope: f64) -> f64 {
        let n = self.values.len() as f64;
        let span = self.times.last().unwrap_or(&0.0) - self.times.first().unwrap_or(&0.0);
        let square: f64 = self.steps(slope).map(|step| step * step).sum();
        // A few steps determine their variance poorly; this is about the correction that Student's
        // t makes.
        let error = (1.2 * square * (n + 1.0) / (n - 1.0).max(1.0)).sqrt() / span;
        if error.is_finite() { error } else { 0.0 }
    }
}

/// Factor by which dependence between neighbours inflates the variance of S, see
/// [`Rise::hamed_rao`].
fn inflation(times: &[f64], values: &[f64], slope: f64) -> f64 {
    let n = values.len();
    if n < 4 {
        return 1.0;
    }
    let rest: Vec<f64> = times.iter().zip(values).map(|(t, v)| v - slope * t).collect();
    let ranks = ranks(&rest);
    let mean = f64::midpoint(n as f64, 1.0);
    let spread: f64 = ranks.iter().map(|r| (r - mean) * (r - mean)).sum();
    if spread <= 0.0 {
        return 1.0;
    }
    let limit = 1.96 / (n as f64).sqrt();
    let mut sum = 0.0;
    for lag in 1..n - 2 {
        let product: f64 =
            ranks.iter().zip(&ranks[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum();
        let rho = product / spread;
        if rho.abs() > limit {
            sum += ((n - lag) * (n - lag - 1) * (n - lag - 2)) as f64 * rho;
        }
    }
    (1.0 + 2.0 * sum / (n * (n - 1) * (n - 2)) as f64).max(1.0)
}

/// Ranks from 1; ties share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    for group in order.chunk_by(|&a, &b| values[a] >= values[b]) {
        let shared = from as f64 + f64::midpoint(group.len() as f64, 1.0);
        for &index in group {
            ranks[index] = shared;
        }
        from += group.len();
    }
    ranks
}

/// The slopes between all pairs at different times, ascending.
fn slopes(times: &[f64], values: &[f64]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(values.len() * values.len().saturating_sub(1) / 2);
    for i in 0..values.len() {
        for j in i + 1..values.len() {
            let slope = (values[j] - values[i]) / (times[j] - times[i]);
            if slope.is_finite() {
                slopes.push(slope);
            }
        }
    }
    slopes.sort_by(f64::total_cmp);
    slopes
}

/// The middle of ascending numbers; 0 if there are none.
fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers come out exactly")]
mod tests {
    use super::*;

    #[test]
    fn the_average_slope_is_off_by_a_step_at_most() {
        // A buffer that doubles, all of it kept: 30 MiB in three hours, the last step 16.
        let growth = Interval { lower: 29.0, upper: 31.0 };
        let Slope { estimate, interval, inner } =
            Slope::average(30.0, growth, &[2, 4, 8, 8, 16, 16, 32], 3.0);
        assert!((estimate - 10.0).abs() < 1e-9);
        assert!((interval.lower - 14.0 / 3.0).abs() < 1e-9, "{interval:?}");
        assert_eq!(interval, inner);
        // One step may be the only one.
        let once = Slope::average(8.0, growth, &[2, 2, 10, 10], 3.0);
        assert!(once.interval.lower.abs() < 1e-9);
        // The error of the growth is the larger one of a smooth rise.
        let wide = Interval { lower: 1.0, upper: 10.0 };
        let smooth = Slope::average(4.0, wide, &[0, 1, 2, 3, 4], 1.0);
        assert!((smooth.interval.lower - 1.0).abs() < 1e-9);
        assert!(smooth.inner.lower > smooth.interval.lower);
    }

    #[test]
    fn the_least_p_is_one_order_of_all() {
        for (n, orders) in [(2, 2.0), (4, 24.0), (6, 720.0), (8, 40_320.0)] {
            let rising: Vec<f64> = (0..n).map(f64::from).collect();
            assert!((mann_kendall(&rising) * orders - 1.0).abs() < 1e-9, "{n}");
        }
    }

    /// Kendall's table: for 10 values S ≥ 21 has p .036, S ≥ 23 .023, S ≥ 19 .054.
    #[test]
    fn kendalls_table() {
        // Two neighbours swapped reduce S by 2; 45 is the largest for 10.
        let p_of = |falling: usize| {
            let mut left = falling;
            let mut values: Vec<f64> = Vec::new();
            for value in 0..10_u32 {
                let place = values.len() - left.min(values.len());
                left -= values.len() - place;
                values.insert(place, f64::from(value));
            }
            assert_eq!(score(&values), 45.0 - 2.0 * falling as f64);
            mann_kendall(&values)
        };
        for (s, want) in [(19, 0.054), (21, 0.036), (23, 0.023), (45, 0.0)] {
            let got = p_of((45 - s) / 2);
            assert!((got - want).abs() < 6e-4, "S = {s}: {got}");
        }
    }

    /// All orders of values with ties, one by one.
    #[test]
    fn ties_are_counted_exactly() {
        let values = [1.0, 1.0, 2.0, 3.0, 3.0, 3.0];
        let seen = score(&[1.0, 2.0, 1.0, 3.0, 3.0, 3.0]);
        let (mut orders, mut as_high) = (0_u32, 0_u32);
        let mut places = vec![0; 6];
        permute(&mut places, 0, &mut |order| {
            let shuffled: Vec<f64> = order.iter().map(|&place| values[place]).collect();
            orders += 1;
            as_high += u32::from(score(&shuffled) >= seen);
        });
        assert_eq!(orders, 720);
        let got = mann_kendall(&[1.0, 2.0, 1.0, 3.0, 3.0, 3.0]);
        assert!((got - f64::from(as_high) / 720.0).abs() < 1e-12, "{got}");
    }

    fn permute(places: &mut Vec<usize>, filled: usize, visit: &mut impl FnMut(&[usize])) {
        if filled == places.len() {
            return visit(places);
        }
        for place in 0..places.len() {
            if !places[..filled].contains(&place) {
                places[filled] = place;
                permute(places, filled + 1, visit);
            }
        }
    }

    #[test]
    fn the_normal_takes_over_without_a_jump() {
        let values: Vec<f64> =
            (0..40).map(|i| f64::from(i * 17 % 40) + f64::from(i) * 0.3).collect();
        let exact = mann_kendall(&values);
        let normal = normal_p(score(&values), score_variance(&values));
        assert!((exact - normal).abs() < 0.002, "{exact} and {normal}");
    }

    #[test]
    fn one_wild_value_does_not_move_the_slope() {
        let times: Vec<f64> = (0..12).map(f64::from).collect();
        let mut values: Vec<f64> = times.iter().map(|t| 3.0 * t).collect();
        values[5] = 1e9;
        let slope = Rise::of(&times, &values).slope();
        assert_eq!(slope.estimate, 3.0);
        assert!(slope.interval.lower >= 2.9 && slope.inner.lower >= slope.interval.lower);
    }

    #[test]
    fn memory_inflates_and_its_absence_does_not() {
        let times: Vec<f64> = (0..24).map(f64::from).collect();
        let wave: Vec<f64> = times.iter().map(|t| (t / 4.0).sin()).collect();
        assert!(Rise::of(&times, &wave).inflation > 1.5);
        let alternating: Vec<f64> = (0..24).map(|i| f64::from(i % 2)).collect();
        assert_eq!(Rise::of(&times, &alternating).inflation, 1.0);
    }
}
