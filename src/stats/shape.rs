//! Finds the simple curve that describes a series best.
//!
//! A leak, a cache that fills and a load that doubled once all rise from first to last, and a test
//! for trend reports all three. They differ in shape, so each shape is fitted by least squares and
//! charged for its freedom: the least n·ln(RSS/n) + k·ln n wins (Schwarz 1978). The shapes:
//! constant (k = 2), linear (3), saturating (4), a line and then a level (4, "knee": a ring that
//! fills), one step (4), a level and then a line (4, "bend": a leak that begins late), and stairs
//! of two or three steps (7, 10: positions chosen among many cost more than one parameter).
//!
//! What always holds: times and values are finite and in order of time, and a fit is never better
//! than `noise` allows to distinguish.

/// The time constants tried for [`Shape::Saturating`], as shares of the span: 1, 1/√2, … 1/64.
const TIME_CONSTANTS: i32 = 13;

/// Deviation below which no fit counts as better than another, as a share of the range of the
/// values.
const RESOLUTION: f64 = 0.01;

/// The shape of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// One level.
    Constant,
    /// A line.
    Linear,
    /// a + b(1 − e^(−t/τ)).
    Saturating {
        /// τ, in hours.
        tau: f64,
    },
    /// Two levels; the index of the first value on the second.
    Step(usize),
    /// A level, then a line from this index on.
    Bend(usize),
    /// A line up to this index, then a level.
    Knee(usize),
    /// Three or four levels; the indices of the first value on each but the first.
    Stairs(Vec<usize>),
}

impl Shape {
    /// For a curve that levels off, the share of its rise that remains at the point `index`, 0 to
    /// 1.
    pub fn ahead(&self, times: &[f64], index: usize) -> f64 {
        let (Some(first), Some(now)) = (times.first(), times.get(index)) else { return 0.0 };
        let share = match *self {
            Self::Saturating { tau } => (-(now - first) / tau).exp(),
            Self::Knee(at) => times.get(at).map_or(0.0, |end| (end - now) / (end - first)),
            _ => 0.0,
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Whether the curve levels off: it stays level after a rise (or a fall) that is over.
    pub fn rests(&self) -> bool {
        matches!(self, Self::Saturating { .. } | Self::Knee(_) | Self::Step(_))
    }
}

/// A shape with its best fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The shape.
    pub shape: Shape,
    /// n·ln(RSS/n) + k·ln n, over values that are scaled to a range of 1; less is better.
    pub bic: f64,
    /// The rise of the curve from first to last, in the unit of the values.
    pub rise: f64,
    /// Autocorrelation at lag 1 of the residuals, 0 to 1.
    pub memory: f64,
}

/// All shapes, fitted; the best first, and among equally good ones the simplest. `noise` is the
/// least deviation of a single value, in the unit of the values. Empty without two different times.
pub fn fits(times: &[f64], values: &[f64], noise: f64) -> Vec<Fit> {
    let n = values.len().min(times.len());
    let (times, values) = (&times[..n], &values[..n]);
    let span = if n > 0 { times[n - 1] - times[0] } else { 0.0 };
    if n < 2 || span <= 0.0 {
        return Vec::new();
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let range = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - least;
    let unit = if range > 0.0 { range } else { 1.0 };
    let x: Vec<f64> = times.iter().map(|t| (t - times[0]) / span).collect();
    let y: Vec<f64> = values.iter().map(|v| (v - least) / unit).collect();
    let deviation = (noise / unit).max(RESOLUTION);
    let floor = n as f64 * deviation * deviation;
    let levels = Levels::of(&y);
    let fit = |shape: Shape, parameters: usize, (rss, rise, memory): (f64, f64, f64)| Fit {
        shape,
        bic: n as f64 * (rss.max(floor) / n as f64).ln() + parameters as f64 * (n as f64).ln(),
        rise: rise * unit,
        memory,
    };
    let mut fits = vec![
        fit(Shape::Constant, 2, (levels.rss(0, n), 0.0, 0.0)),
        fit(Shape::Linear, 3, regression(&y, |i| x[i])),
    ];
    if n < 4 {
        return fits;
    }
    let saturating = (0..TIME_CONSTANTS)
        .map(|step| 0.5_f64.powf(0.5 * f64::from(step)))
        .map(|tau| (tau, regression(&y, |i| 1.0 - (-x[i] / tau).exp())));
    let saturating = saturating.min_by(|a, b| a.1.0.total_cmp(&b.1.0));
    fits.extend(saturating.map(|(tau, best)| fit(Shape::Saturating { tau: tau * span }, 4, best)));
    let bends = (1..n - 2).map(|at| (at, regression(&y, |i| (x[i] - x[at]).max(0.0))));
    let bend = bends.min_by(|a, b| a.1.0.total_cmp(&b.1.0));
    fits.extend(bend.map(|(at, best)| fit(Shape::Bend(at), 4, best)));
    let knees = (1..n - 2).map(|at| (at, regression(&y, |i| x[i].min(x[at]))));
    let knee = knees.min_by(|a, b| a.1.0.total_cmp(&b.1.0));
    fits.extend(knee.map(|(at, best)| fit(Shape::Knee(at), 4, best)));
    for steps in 1..=3.min(n / 3) {
        let (rss, at) = levels.best(steps);
        let rise = levels.mean(at[steps - 1], n) - levels.mean(0, at[0]);
        let shape = if steps == 1 { Shape::Step(at[0]) } else { Shape::Stairs(at) };
        fits.push(fit(shape, 3 * steps + 1, (rss, rise, 0.0)));
    }
    fits.sort_by(|a, b| a.bic.total_cmp(&b.bic));
    fits
}

/// Least squares of y on one regressor: its residuals, and the rise from first to last.
fn regression(y: &[f64], x: impl Fn(usize) -> f64) -> (f64, f64, f64) {
    let n = y.len() as f64;
    let mean_x = (0..y.len()).map(&x).sum::<f64>() / n;
    let mean_y = y.iter().sum::<f64>() / n;
    let (mut xx, mut xy) = (0.0, 0.0);
    for (i, y) in y.iter().enumerate() {
        xx += (x(i) - mean_x) * (x(i) - mean_x);
        xy += (x(i) - mean_x) * (y - mean_y);
    }
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    let (mut rss, mut neighbours, mut before) = (0.0, 0.0, 0.0);
    for (i, y) in y.iter().enumerate() {
        let rest = y - mean_y - slope * (x(i) - mean_x);
        rss += rest * rest;
        neighbours += rest * before;
        before = rest;
    }
    let memory = if rss > 0.0 { (neighbours / rss).clamp(0.0, 1.0) } else { 0.0 };
    (rss, slope * (x(y.len() - 1) - x(0)), memory)
}

/// Levels of values: their means and residual sums, from sums over all preceding values.
struct Levels {
    sums: Vec<(f64, f64)>,
}

impl Levels {
    fn of(y: &[f64]) -> Self {
        let mut sums = vec![(0.0, 0.0)];
        let (mut sum, mut square) = (0.0, 0.0);
        for y in y {
            sum += y;
            square += y * y;
            sums.push((sum, square));
        }
        Self { sums }
    }

    fn mean(&self, from: usize, to: usize) -> f64 {
        (self.sums[to].0 - self.sums[from].0) / (to - from).max(1) as f64
    }

    fn rss(&self, from: usize, to: usize) -> f64 {
        let sum = self.sums[to].0 - self.sums[from].0;
        let square = self.sums[to].1 - self.sums[from].1;
        (square - sum * sum / (to - from).max(1) as f64).max(0.0)
    }

    /// The positions of this many steps that leave the least residual sum, by dynamic programming.
    fn best(&self, steps: usize) -> (f64, Vec<usize>) {
        let n = self.sums.len() - 1;
        let mut left: Vec<f64> = (0..=n).map(|to| self.rss(0, to)).collect();
        let mut places = Vec::with_capacity(steps);
        for step in 1..=steps {
            let mut next = vec![f64::INFINITY; n + 1];
            let mut place = vec![0; n + 1];
            for to in step + 1..=n {
                for (at, before) in left.iter().enumerate().take(to).skip(step) {
                    let rss = before + self.rss(at, to);
                    if rss < next[to] {
                        next[to] = rss;
                        place[to] = at;
                    }
                }
            }
            left = next;
            places.push(place);
        }
        let mut at = Vec::with_capacity(steps);
        let mut end = n;
        for place in places.iter().rev() {
            end = place[end];
            at.push(end);
        }
        at.reverse();
        (left[n], at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(values: &[f64]) -> Shape {
        let times: Vec<f64> = (0..values.len()).map(|i| i as f64).collect();
        fits(&times, values, 0.0).swap_remove(0).shape
    }

    #[test]
    fn each_shape_knows_itself() {
        assert_eq!(best(&[5.0; 12]), Shape::Constant);
        let line: Vec<f64> = (0..12).map(f64::from).collect();
        assert_eq!(best(&line), Shape::Linear);
        let filling: Vec<f64> = line.iter().map(|t| 10.0 * (1.0 - (-t / 3.0).exp())).collect();
        let Shape::Saturating { tau } = best(&filling) else { panic!("{:?}", best(&filling)) };
        assert!((2.5..=3.5).contains(&tau), "{tau}");
        let step: Vec<f64> = line.iter().map(|&t| if t < 5.0 { 3.0 } else { 7.0 }).collect();
        assert_eq!(best(&step), Shape::Step(5));
        let bend: Vec<f64> = line.iter().map(|t| (t - 6.0).max(0.0)).collect();
        assert_eq!(best(&bend), Shape::Bend(6));
        let stairs = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0];
        assert_eq!(best(&stairs), Shape::Stairs(vec![3, 7]));
    }

    #[test]
    fn noise_hides_small_differences() {
        let times: Vec<f64> = (0..12).map(f64::from).collect();
        let step: Vec<f64> = times.iter().map(|&t| if t < 5.0 { 3.0 } else { 7.0 }).collect();
        assert_eq!(fits(&times, &step, 4.0)[0].shape, Shape::Constant);
    }

    #[test]
    fn without_two_times_there_is_no_shape() {
        assert_eq!(fits(&[], &[], 0.0), []);
        assert_eq!(fits(&[1.0], &[1.0], 0.0), []);
        assert_eq!(fits(&[1.0, 1.0], &[1.0, 2.0], 0.0), []);
        assert_eq!(fits(&[1.0, 2.0], &[1.0, 2.0], 0.0).len(), 2);
    }
}
