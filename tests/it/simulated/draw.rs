//! Random numbers of the distributions that services are drawn from.

use crate::random::Random;

/// Draws from distributions; the same seed draws the same.
pub(crate) struct Draw(Random);

/// The expected value from which a Poisson or binomial number is drawn as a normal one.
const MANY: f64 = 200.0;

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random(seed))
    }

    /// In (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.0.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Evenly between two numbers.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Between two positive numbers, with an even logarithm.
    pub(crate) fn scale(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.uniform())
    }

    /// A whole number from `low` to `high`.
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        low + self.0.below(high - low + 1)
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        self.0.pick(all)
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A number of independent events.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > MANY {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (mut events, mut time) = (0.0, -self.uniform().ln());
        while time < mean {
            events += 1.0;
            time -= self.uniform().ln();
        }
        events
    }

    /// How many of `n` things happen, each with probability `p`.
    pub(crate) fn binomial(&mut self, n: f64, p: f64) -> f64 {
        if p <= 0.0 || n <= 0.0 {
            return 0.0;
        }
        if p >= 1.0 {
            return n;
        }
        if p < 0.01 && n > MANY {
            return self.poisson(n * p).min(n);
        }
        if n * p.min(1.0 - p) > MANY {
            let spread = (n * p * (1.0 - p)).sqrt();
            return (n * p + spread * self.normal()).round().clamp(0.0, n);
        }
        (0..n as usize).filter(|_| self.chance(p)).count() as f64
    }

    /// A series that remembers its last value: mean 0, deviation 1.
    pub(crate) fn remembering(&mut self, n: usize, memory: f64) -> Vec<f64> {
        let mut value = self.normal();
        let mut next = || {
            let now = value;
            value = memory * value + (1.0 - memory * memory).sqrt() * self.normal();
            now
        };
        (0..n).map(|_| next()).collect()
    }
}
