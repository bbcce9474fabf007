//! The points of a series that is judged: in order of time, thinned, with what is asked of them.

use super::trend::{self, Rise, Slope};

/// Number of points compared pair by pair; longer series are thinned to it.
pub const MOST: usize = 64;

/// Least number of points that the late half is judged by: with fewer, hardly any slope is above 0.
const LATE: usize = 5;

/// Values and times beyond which sums of squares would overflow.
const LARGEST: f64 = 1e100;

/// Points in order of time.
pub(super) struct Points {
    pub(super) times: Vec<f64>,
    pub(super) values: Vec<f64>,
    noise: Vec<f64>,
    /// The index in the input of each point (or of the first of those that it is the mean of).
    pub(super) origin: Vec<usize>,
    pub(super) persistence: f64,
}

impl Points {
    pub(super) fn of(times: &[f64], values: &[f64], noise: &[f64]) -> Self {
        let mut rows: Vec<(f64, f64, f64, usize)> = times
            .iter()
            .zip(values)
            .enumerate()
            .filter(|(_, (time, value))| time.is_finite() && value.is_finite())
            .map(|(index, (time, value))| {
                let noise = noise.get(index).copied().filter(|noise| noise.is_finite());
                let within = |x: f64| x.clamp(-LARGEST, LARGEST);
                (within(*time), within(*value), within(noise.unwrap_or(0.0).abs()), index)
            })
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.3.cmp(&b.3)));
        let rising = rows.windows(2).filter(|pair| pair[1].1 > pair[0].1).count();
        let persistence = rising as f64 / rows.len().saturating_sub(1).max(1) as f64;
        let mut points = Self {
            times: Vec::new(),
            values: Vec::new(),
            noise: Vec::new(),
            origin: Vec::new(),
            persistence,
        };
        for block in rows.chunks(rows.len().div_ceil(MOST).max(1)) {
            let mean = |part: fn(&(f64, f64, f64, usize)) -> f64| {
                block.iter().map(part).sum::<f64>() / block.len() as f64
            };
            points.times.push(mean(|row| row.0));
            points.values.push(mean(|row| row.1));
            points.noise.push(mean(|row| row.2));
            points.origin.push(block[0].3);
        }
        points
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The usual value of one sample; 0 if values are exact.
    pub(super) fn unit(&self) -> f64 {
        let mut units: Vec<f64> = self
            .values
            .iter()
            .zip(&self.noise)
            .filter(|&(&value, &noise)| value > 0.0 && noise > 0.0)
            .map(|(value, noise)| noise * noise / value)
            .collect();
        units.sort_by(f64::total_cmp);
        units.get(units.len() / 2).copied().unwrap_or(0.0)
    }

    /// The p-value of a rise since `from`: the larger of Mann–Kendall's and Hamed–Rao's.
    pub(super) fn p_rise(&self, from: usize) -> f64 {
        let (times, values) = (&self.times[from..], &self.values[from..]);
        trend::mann_kendall(values).max(Rise::of(times, values).hamed_rao())
    }

    pub(super) fn slope(&self, from: usize) -> Slope {
        Rise::of(&self.times[from..], &self.values[from..]).slope()
    }

    /// Whether the series rises since `from`: the lower end of the 80 % interval of its slope is
    /// above 0 or, which is the same without ties, the order of its values has p ≤ .1. Stairs have
    /// so many equal neighbours that a tenth of all slopes is 0.
    pub(super) fn rises(&self, from: usize) -> bool {
        self.slope(from).inner.lower > 0.0 || trend::mann_kendall(&self.values[from..]) <= 0.1
    }

    /// The rise since `from`, by its slope.
    pub(super) fn rise(&self, from: usize) -> f64 {
        self.slope(from).estimate * (self.times[self.len() - 1] - self.times[from])
    }

    /// The least rise since `from` that sampling doesn't explain: √5 deviations of the additions,
    /// which is five samples and none gone (p = 2⁻⁵). Whatever lives throughout cancels.
    pub(super) fn sampled(&self, from: usize) -> f64 {
        let (first, last) = (self.noise[from], self.noise[self.len() - 1]);
        (5.0 * (last * last - first * first).abs()).sqrt()
    }

    /// The slope of the late half since `from`, or of more if stairs leave so little in it that its
    /// lower end is 0.
    pub(super) fn rising_tail(&self, from: usize) -> Slope {
        let half = self.slope(self.late(from));
        let longer = || (from..self.late(from)).rev().map(|start| self.slope(start));
        if half.inner.lower.abs() > 0.0 {
            return half;
        }
        longer().find(|slope| slope.inner.lower > 0.0).unwrap_or(half)
    }

    /// The start of the late half since `from`; it has [`LATE`] points if there are enough.
    pub(super) fn late(&self, from: usize) -> usize {
        let length = self.len() - from;
        from + (length / 2).min(length.saturating_sub(LATE))
    }
}
