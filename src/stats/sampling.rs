//! Models how a profile was sampled, and how precise one snapshot is.
//!
//! A profiler records a few of many events and scales up what it recorded. To find the error of the
//! scaled value, one has to return to what was recorded: the raw samples. [`Sampling`] is the model
//! of a profile, [`Bucket`] one record of it (one stack and one object size) converted back to raw
//! samples, and [`SampleEvidence`] adds buckets up to a row and gives its interval.
//!
//! What always holds: buckets of different sizes are converted back one by one and added up
//! afterwards, because the inclusion probability isn't linear in the size.

use super::Interval;
use super::distributions::{Garwood, poisson_distances};

/// Tolerance under the ceiling of [`raw_samples`]: count·p of a whole number may come out slightly
/// above it.
const SLACK: f64 = 1e-9;

/// Largest weight one sample can have. Anything larger is overflow, not a real profile.
const LARGEST_WEIGHT: f64 = 1e30;

/// The probability that an object of `size` bytes is sampled when the profiler takes one sample per
/// `period` bytes on average: p = 1 − exp(−size/period), in (0, 1]; 1 if the period is at most 1
/// byte or isn't a number.
///
/// Source: Go's `runtime/mprof.go` and `runtime/pprof/protomem.go` (`scaleHeapSample`). The formula
/// is the one there, without `exp_m1`, so that counts scaled by the runtime come back as whole
/// numbers.
pub fn inclusion_probability(size: f64, period: f64) -> f64 {
    if period.is_nan() || size.is_nan() || period <= 1.0 {
        return 1.0;
    }
    // A size of 0 has no share in any period; the smallest object of an allocator has 1 byte.
    (1.0 - (-size.abs().max(1.0) / period).exp()).clamp(f64::MIN_POSITIVE, 1.0)
}

/// The number of samples behind a scaled `count`: ⌈|count|·p − 1e-9⌉ with the sign of `count`.
///
/// The runtime writes count = ⌊n/p⌋, and with p ≤ 1 the ceiling undoes the floor exactly. Negative
/// counts occur in delta profiles. `p` outside 0 to 1 is clamped.
#[inline]
pub fn raw_samples(count: i64, p: f64) -> i64 {
    if p.is_nan() || p >= 1.0 {
        return count;
    }
    let exact = (count.unsigned_abs() as f64 * p.max(0.0) - SLACK).max(0.0);
    // The ceiling by hand: `f64::ceil` is a call into the C library on x86-64, and this is hot. The
    // cast saturates.
    let floor = exact as i64;
    let samples = floor.saturating_add(i64::from((floor as f64) < exact));
    samples.saturating_mul(count.signum())
}

/// The way a profile was sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// Each object on its own with probability 1 − exp(−size/period): Go's heap profiles, gperftools, jemalloc.
    /// `period` in bytes, above 1. Made by [`Sampling::heap`].
    Heap {
        /// Mean distance between two samples, in bytes.
        period: f64,
    },
    /// Each recorded count is one sample that represents a fixed amount: CPU profiles.
    Poisson,
    /// Everything was recorded; there is no sampling error.
    Exact,
    /// The profile doesn't record how it was sampled, so its error is unknown.
    Unknown,
}

/// One record of a profile, converted back to raw samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Raw samples; negative in a delta profile where more was freed than allocated.
    pub raw: i64,
    /// The weight of one raw sample, in the unit of the value (bytes, nanoseconds).
    pub value: SamplingWeight,
    /// The weight of one raw sample, in objects.
    pub objects: SamplingWeight,
    /// Whether the size of the objects was inferred, because the profile doesn't contain it.
    pub approximate: bool,
}

impl Sampling {
    /// The sampling of a heap profile with this `period` in bytes: exact up to 1, unknown for 0,
    /// negative and absurd values.
    pub fn heap(period: f64) -> Self {
        if period > 1.0 && period.is_finite() {
            Self::Heap { period }
        } else if period > 0.0 && period <= 1.0 {
            Self::Exact
        } else {
            Self::Unknown
        }
    }

    /// Converts one record back to raw samples: `value` in the unit of the sample type (bytes,
    /// nanoseconds), `count` in objects or events if the profile has such a column, `size` in bytes
    /// if the record has it (Go's label `bytes`). `None` if the profile doesn't record how it was
    /// sampled.
    ///
    /// Without a size, value/count is used, and the bucket is approximate: a mixture of sizes is
    /// treated as its mean. Without a count either, one sample per period is assumed (objects much
    /// smaller than the period), with as many objects as samples.
    pub fn bucket(self, count: Option<i64>, value: i64, size: Option<i64>) -> Option<Bucket> {
        let count = count.filter(|&count| count != 0);
        let size = size.filter(|&size| size > 0).map(|size| size as f64);
        match self {
            Self::Unknown => None,
            Self::Heap { period } => Some(heap_bucket(period, count, value, size)),
            Self::Poisson => Some(counted_bucket(count, value, 0.0)),
            Self::Exact => Some(counted_bucket(count, value, 1.0)),
        }
    }
}

fn heap_bucket(period: f64, count: Option<i64>, value: i64, size: Option<f64>) -> Bucket {
    let amount = value.unsigned_abs() as f64;
    let mean = count.filter(|_| value != 0).map(|count| amount / count.unsigned_abs() as f64);
    let Some(s) = size.or(mean) else {
        // Rounded up to one sample: a value that is present was recorded.
        let samples = (amount / period).round().max(f64::from(u8::from(value != 0)));
        let weight = if samples > 0.0 { amount / samples } else { 0.0 };
        return Bucket {
            raw: (samples as i64).saturating_mul(value.signum()),
            value: SamplingWeight::new(weight, 0.0),
            objects: SamplingWeight::new(1.0, 0.0),
            approximate: true,
        };
    };
    let p = inclusion_probability(s, period);
    let raw = match count {
        Some(count) => raw_samples(count, p),
        None => ((amount / s * p - SLACK).ceil() as i64).saturating_mul(value.signum()),
    };
    Bucket {
        raw,
        value: SamplingWeight::new(s / p, p),
        objects: SamplingWeight::new(1.0 / p, p),
        approximate: size.is_none(),
    }
}

fn counted_bucket(count: Option<i64>, value: i64, p: f64) -> Bucket {
    // Without a count the whole value is one sample: the widest error, not the narrowest.
    let raw = count.unwrap_or(value.signum());
    let amount = value.unsigned_abs() as f64 / raw.unsigned_abs().max(1) as f64;
    Bucket {
        raw,
        value: SamplingWeight::new(amount, p),
        objects: SamplingWeight::new(1.0, p),
        approximate: count.is_none(),
    }
}

/// The weight of one raw sample (w = s/p for bytes, 1/p for objects), and the probability p with
/// which it was sampled. Finite and not negative; p within 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SamplingWeight {
    pub(super) amount: f64,
    pub(super) probability: f64,
    /// Standard error that one sample contributes: w·√(1−p).
    pub(super) noise: f64,
}

impl SamplingWeight {
    /// A weight of `amount` units per sample, sampled with `probability` (0 for a Poisson process,
    /// 1 for exact data). Anything that isn't a number counts as 0.
    pub fn new(amount: f64, probability: f64) -> Self {
        let amount = if amount.is_nan() { 0.0 } else { amount.clamp(0.0, LARGEST_WEIGHT) };
        let probability = if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) };
        Self { amount, probability, noise: amount * (1.0 - probability).sqrt() }
    }

    /// The same weight in another unit, `factor` of which make one of the old.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self::new(self.amount * factor, self.probability)
    }
}

/// The evidence that the samples of one snapshot give about one row: add its buckets, then get the
/// interval.
///
/// The estimate is Σ w and its variance Σ w²(1−p) over raw samples (Horvitz and Thompson 1952,
/// under Poisson sampling: objects are sampled independently).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SampleEvidence {
    samples: f64,
    estimate: f64,
    seen: f64,
    noise: f64,
    variance: f64,
}

impl SampleEvidence {
    /// Adds a bucket of `raw` samples; a negative number counts like a positive one, since its error is as large.
    pub fn add(&mut self, raw: i64, weight: SamplingWeight) {
        let n = raw.unsigned_abs() as f64;
        self.samples += n;
        self.estimate += raw as f64 * weight.amount;
        self.seen += raw as f64 * weight.amount * weight.probability;
        self.noise += n * weight.noise;
        self.variance += n * weight.noise * weight.noise;
    }

    /// Adds everything in `other`.
    pub fn merge(&mut self, other: &Self) {
        self.samples += other.samples;
        self.estimate += other.estimate;
        self.seen += other.seen;
        self.noise += other.noise;
        self.variance += other.variance;
    }

    /// Raw samples behind the row.
    pub fn samples(&self) -> f64 {
        self.samples
    }

    /// The Horvitz–Thompson estimate Σ w, in the unit of the weights. It differs from the value in
    /// the profile by rounding: the runtime truncates each record to a whole number.
    pub fn estimate(&self) -> f64 {
        self.estimate
    }

    /// The variance Σ w²(1−p) of the estimate, in squared units.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// The uncertain part of the estimate.
    pub(super) fn part(&self) -> Part {
        Part::new(self.noise, self.variance)
    }

    /// The interval around `value` (the row as in the profile) at a two-sided `level` of 0 to 1.
    ///
    /// The samples are reduced to an effective number m = (Σu)²/Σu² of equal ones with error u =
    /// w·√(1−p), and Garwood's limits of a Poisson mean of m are scaled by Σu²/Σu. For equal small
    /// objects that is Garwood's interval [χ²(2n, α/2)/2, χ²(2n+2, 1−α/2)/2]·s/p itself, for many
    /// samples the normal one, and for objects that are always sampled it has no width. It never
    /// extends below what was certainly seen, the sampled objects themselves, and for a value ≥ 0
    /// not below 0. Without samples it has no width: an object that was never sampled is in no row.
    pub fn interval(&self, value: f64, level: f64) -> Interval {
        self.interval_by(value, |samples| poisson_distances(samples, level))
    }

    /// The same for one of many sums, which share `limits`.
    pub fn interval_of(&self, value: f64, limits: &mut Garwood) -> Interval {
        self.interval_by(value, |samples| limits.distances(samples))
    }

    fn interval_by(&self, value: f64, distances: impl FnOnce(f64) -> (f64, f64)) -> Interval {
        let Some((samples, unit)) = effective(self.noise, self.variance) else {
            return Interval::around(value, 0.0, 0.0);
        };
        let (down, up) = distances(samples);
        let mut interval = Interval::around(value, down * unit, up * unit);
        if value >= 0.0 {
            interval.lower = interval.lower.max(self.seen.clamp(0.0, value));
        }
        interval
    }
}

/// The uncertain part of one sum of samples: Σu and Σu² over the errors u = w·√(1−p) of its
/// samples, in the unit of the value and its square.
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

    /// The remainder after `other`, a part of this one, is removed.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self::new(self.noise - other.noise, self.variance - other.variance)
    }

    /// The variance, in squared units.
    pub fn variance(self) -> f64 {
        self.variance
    }

    /// How far the interval of the sum extends down and up; `unit` is the error of one sample if
    /// none was met.
    pub(super) fn reach(self, unit: f64, level: f64) -> (f64, f64) {
        let (samples, unit) = effective(self.noise, self.variance).unwrap_or((0.0, unit));
        let (down, up) = poisson_distances(samples, level);
        (down * unit, up * unit)
    }

    /// The error of one sample if all were alike; `None` if nothing is uncertain.
    pub(super) fn unit(self) -> Option<f64> {
        effective(self.noise, self.variance).map(|(_, unit)| unit)
    }
}

impl From<&SampleEvidence> for Part {
    fn from(evidence: &SampleEvidence) -> Self {
        evidence.part()
    }
}

/// The number of equal samples, and the error of each, that have the same Σu and Σu². `None` if
/// nothing is uncertain.
pub(super) fn effective(noise: f64, variance: f64) -> Option<(f64, f64)> {
    let unit = variance / noise;
    (unit > 0.0 && unit.is_finite()).then(|| (noise / unit, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: f64 = 524_288.0;

    fn heap() -> Sampling {
        Sampling::heap(R)
    }

    /// What the Go runtime writes for `n` sampled objects of `size` bytes.
    fn written(n: i64, size: i64) -> (i64, i64) {
        let scale = 1.0 / (1.0 - (-(size as f64) / R).exp());
        ((n as f64 * scale) as i64, ((n * size) as f64 * scale) as i64)
    }

    #[test]
    fn raw_samples_come_back_from_what_go_writes() {
        for size in [8, 16, 24, 48, 1024, 1152, 32_768, 524_288, 1 << 20, 1 << 24] {
            for n in [1, 2, 3, 7, 100, 12_345] {
                let (count, bytes) = written(n, size);
                let bucket = heap().bucket(Some(count), bytes, Some(size)).unwrap();
                assert_eq!(bucket.raw, n, "{n} × {size}");
                assert!(!bucket.approximate);
                let bucket = heap().bucket(None, bytes, Some(size)).unwrap();
                assert_eq!(bucket.raw, n, "{n} × {size} without a count");
            }
        }
    }

    #[test]
    fn a_hair_above_a_whole_number_is_that_number() {
        assert_eq!(raw_samples(10, 0.1 + 1e-12), 1);
        assert_eq!(raw_samples(10, 0.11), 2);
    }

    #[test]
    fn negative_counts_mirror_positive_ones() {
        let (count, bytes) = written(5, 48);
        assert_eq!(heap().bucket(Some(-count), -bytes, Some(48)).unwrap().raw, -5);
        assert_eq!(heap().bucket(None, -10 * 524_288, None).unwrap().raw, -10);
    }

    #[test]
    fn without_a_size_the_mean_stands_in() {
        let (count, bytes) = written(7, 4096);
        let bucket = heap().bucket(Some(count), bytes, None).unwrap();
        assert_eq!(bucket.raw, 7);
        assert!(bucket.approximate);
    }

    #[test]
    fn without_a_count_one_sample_per_period_is_assumed() {
        let bucket = heap().bucket(None, 10 * 524_288 + 1000, None).unwrap();
        assert_eq!(bucket.raw, 10);
        assert!(bucket.approximate);
        assert_eq!(heap().bucket(None, 100, None).unwrap().raw, 1);
        assert_eq!(heap().bucket(None, 0, None).unwrap().raw, 0);
    }

    #[test]
    fn periods_say_what_they_can() {
        assert_eq!(Sampling::heap(512.0), Sampling::Heap { period: 512.0 });
        assert_eq!(Sampling::heap(1.0), Sampling::Exact);
        for none in [0.0, -5.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Sampling::heap(none), Sampling::Unknown, "{none}");
        }
        assert_eq!(Sampling::Unknown.bucket(Some(1), 1, Some(1)), None);
    }

    fn row(sampling: Sampling, count: i64, value: i64, size: Option<i64>) -> SampleEvidence {
        let bucket = sampling.bucket(Some(count), value, size).unwrap();
        let mut row = SampleEvidence::default();
        row.add(bucket.raw, bucket.value);
        row
    }

    #[test]
    fn exact_data_has_no_error() {
        let exact = row(Sampling::Exact, 3, 3000, None);
        assert_eq!(exact.interval(3000.0, 0.95), Interval { lower: 3000.0, upper: 3000.0 });
        let huge = row(heap(), 1, 64 << 20, Some(64 << 20));
        let value = f64::from(64 << 20);
        assert_eq!(huge.interval(value, 0.95), Interval { lower: value, upper: value });
    }

    #[test]
    fn few_small_samples_have_garwoods_interval() {
        let (count, bytes) = written(5, 64);
        let interval = row(heap(), count, bytes, Some(64)).interval(bytes as f64, 0.95);
        assert!((interval.lower / R - 1.6235).abs() < 0.01, "{interval:?}");
        assert!((interval.upper / R - 11.6683).abs() < 0.01, "{interval:?}");
    }

    #[test]
    fn one_gibibyte_is_known_to_23_mebibytes() {
        let (count, bytes) = written(2048, 64);
        let row = row(heap(), count, bytes, Some(64));
        assert!((row.variance().sqrt() / 1_048_576.0 - 22.6).abs() < 0.1);
        let interval = row.interval(bytes as f64, 0.95);
        let half = 0.5 * (interval.upper - interval.lower) / 1_048_576.0;
        assert!((half - 1.96 * 22.6).abs() < 0.5, "{half}");
    }

    #[test]
    fn a_cpu_sample_stands_for_its_share_of_the_time() {
        let row = row(Sampling::Poisson, 100, 1_000_000_000, None);
        assert!((row.variance().sqrt() - 1e8).abs() < 1.0, "10 % of a second");
    }

    #[test]
    fn what_was_seen_is_there() {
        // One object of 1 MiB is sampled with p = .86; the interval cannot fall below the object itself.
        let (count, bytes) = written(1, 1 << 20);
        let interval = row(heap(), count, bytes, Some(1 << 20)).interval(bytes as f64, 0.95);
        assert!((interval.lower - 1_048_576.0).abs() < 1.0, "{interval:?}");
    }

    #[test]
    fn a_large_exact_object_does_not_drown_the_noise_of_a_small_one() {
        let mut row = SampleEvidence::default();
        row.add(1, SamplingWeight::new(64e6, 1.0));
        row.add(1, SamplingWeight::new(R, 0.0));
        let interval = row.interval(64e6 + R, 0.95);
        assert!((interval.upper - 64e6 - 5.5716 * R).abs() < 0.01 * R, "{interval:?}");
    }

    #[test]
    fn absurd_input_gives_finite_answers() {
        let values = [0, 1, -1, i64::MAX, i64::MIN, 1 << 60];
        let periods = [1.5, 512.0, R, 1e300];
        for sampling in
            periods.map(Sampling::heap).into_iter().chain([Sampling::Poisson, Sampling::Exact])
        {
            for count in values.map(Some).into_iter().chain([None]) {
                for value in values {
                    for size in [None, Some(0), Some(-3), Some(1), Some(i64::MAX)] {
                        let bucket = sampling.bucket(count, value, size).unwrap();
                        let mut row = SampleEvidence::default();
                        row.add(bucket.raw, bucket.value);
                        row.add(bucket.raw, bucket.objects);
                        let Interval { lower, upper } = row.interval(value as f64, 0.95);
                        assert!(lower <= upper && lower.is_finite() && upper.is_finite());
                        assert!(
                            value < 0 || lower >= 0.0,
                            "{sampling:?} {count:?} {value} {size:?}"
                        );
                    }
                }
            }
        }
    }
}
