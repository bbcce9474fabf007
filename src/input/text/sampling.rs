//! Scales sampled values of text profiles to what was allocated, with the digits that pprof has.
//!
//! An allocation of `size` bytes is sampled with probability `1 - exp(-size/rate)`, so each record is
//! divided by that. pprof truncates the result, so the last bit of the exponential matters: this is
//! the same sum in the same order as the one that Go has for x86 (from SLEEF), which uses fused
//! multiplication, and it gives the same bits on every machine.

/// Returns what a record of `count` objects of `size` bytes together stands for.
pub(super) fn scaled(count: i64, size: i64, rate: i64) -> (i64, i64) {
    if count == 0 || size == 0 {
        return (0, 0);
    }
    // A rate of 1 records every allocation, and less is unknown.
    if rate <= 1 {
        return (count, size);
    }
    let average = size as f64 / count as f64;
    let scale = 1.0 / (1.0 - exp(-average / rate as f64));
    (truncated(count as f64 * scale), truncated(size as f64 * scale))
}

/// Truncates as x86 does: what doesn't fit becomes the least number.
pub(super) fn truncated(value: f64) -> i64 {
    // 2^63 is the first that doesn't fit, and -2^63 fits.
    let fits = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    if fits.contains(&value) { value as i64 } else { i64::MIN }
}

const OVERFLOW: f64 = 7.097_827_128_933_84e2;
const UPPER_LN_2: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
const LOWER_LN_2: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;
/// Factors of the Taylor series, the highest power first.
const SERIES: [f64; 8] =
    [1.0 / 40_320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];

fn exp(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x > OVERFLOW {
        return f64::INFINITY;
    }
    let exponent = (std::f64::consts::LOG2_E * x).round_ties_even();
    // Less than the smallest number that there is.
    if exponent < -1075.0 {
        return 0.0;
    }
    let reduced = (-exponent).mul_add(LOWER_LN_2, (-exponent).mul_add(UPPER_LN_2, x)) * 0.0625;
    let [highest, others @ ..] = SERIES;
    let sum = others.iter().fold(highest, |sum, &factor| sum.mul_add(reduced, factor));
    let mut value = reduced * sum;
    // Undoes the division by 16: exp(2x) - 1 = (exp(x) - 1) * (exp(x) - 1 + 2).
    for _ in 0..3 {
        value *= value + 2.0;
    }
    let value = value.mul_add(value + 2.0, 1.0);
    with_exponent(value, exponent as i32)
}

/// Multiplies by a power of two.
fn with_exponent(value: f64, exponent: i32) -> f64 {
    const BIAS: i32 = 0x3ff;
    let power = |biased: i32| f64::from_bits((biased as u64) << 52);
    let biased = exponent + BIAS;
    if biased >= 0x7ff {
        f64::INFINITY
    } else if biased > 0 {
        value * power(biased)
    } else if biased < -52 {
        0.0
    } else {
        value * power(biased + BIAS - 1) * power(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_the_last_bits() {
        for i in -8_000..8_000 {
            let x = f64::from(i) * 0.0931;
            let (own, system) = (exp(x), x.exp());
            let near = (own - system).abs() <= system * 4.0 * f64::EPSILON;
            let same = own.to_bits() == system.to_bits();
            assert!(near || same || system < 1e-300, "{x}: {own} {system}");
        }
        assert_eq!(exp(f64::NEG_INFINITY).to_bits(), 0);
        assert!(exp(f64::INFINITY).is_infinite());
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(exp(-1e300).to_bits(), 0);
    }

    #[test]
    fn values_are_what_pprof_has() {
        // From profiles of pprof's own tests, and what `pprof -raw` prints.
        assert_eq!(scaled(1, 524_288, 524_288), (1, 829_411));
        assert_eq!(scaled(1, 9216, 524_288), (57, 528_909));
        assert_eq!(scaled(7, 114_688, 524_288), (227, 3_727_658));
        assert_eq!(scaled(0, 5, 100), (0, 0));
        assert_eq!(scaled(5, 0, 100), (0, 0));
        assert_eq!(scaled(5, 50, 1), (5, 50));
        assert_eq!(scaled(5, 50, 0), (5, 50));
        assert_eq!(scaled(-1, -524_288, 524_288), (-1, -829_411));
    }

    #[test]
    fn what_does_not_fit_becomes_the_least_number() {
        assert_eq!(truncated(1e300), i64::MIN);
        assert_eq!(truncated(f64::NAN), i64::MIN);
        assert_eq!(truncated(-1e300), i64::MIN);
        assert_eq!(truncated(-3.9), -3);
    }
}
