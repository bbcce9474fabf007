//! Leaks of exactly the size that [`super::power`] states: how often are they found?
//!
//! The statement "a leak of less than D would not show" is wrong if D is often missed, and useless
//! if far smaller leaks are always found. To see the figures of `docs/statistics.md`:
//! `cargo test stats::power_simulation -- --nocapture`; `HEAPDIFF_LONG=1` draws ten times as many.

use super::class::{Class, Growth, judge};
use super::growth::{GrowthEvidence, Pair};
use super::power::{Noise, POWER, detectable, detectable_count};
use super::sampling::SamplingWeight;
use super::simulation::{Random, rate};

/// Value of one raw sample.
const UNIT: f64 = 0.5;
const TESTS: usize = 20;

fn runs() -> u32 {
    if std::env::var_os("HEAPDIFF_LONG").is_some() { 10_000 } else { 1000 }
}

/// How often a leak that adds `growth` in all, on top of `churn` samples that are replaced between
/// snapshots, is called a leak.
fn found(random: &mut Random, times: &[f64], growth: f64, churn: f64) -> f64 {
    let each = growth / UNIT / (times.len() - 1) as f64;
    rate(runs(), || {
        let mut kept = 0;
        let mut counts = Vec::new();
        for i in 0..times.len() {
            kept += if i == 0 { 0 } else { random.poisson(each) };
            counts.push((kept, random.poisson(churn)));
        }
        let (first, last) = (counts[0], counts[counts.len() - 1]);
        let weight = SamplingWeight::new(UNIT, 0.0);
        let mut evidence = GrowthEvidence::default();
        evidence.add(Pair::independent(first.1, last.0 + last.1), weight, weight);
        let values: Vec<f64> = counts.iter().map(|(a, b)| (a + b) as f64 * UNIT).collect();
        let noise: Vec<f64> = counts.iter().map(|(a, b)| ((a + b) as f64).sqrt() * UNIT).collect();
        evidence.p_growth() <= 0.05 / TESTS as f64
            && judge(times, &values, &noise, Growth::Proven).class == Class::Leak
    })
}

#[test]
fn a_leak_of_the_stated_size_is_found_in_four_of_five_windows() {
    println!("snapshots, churn: D in samples; found at ½ D, D, 2 D");
    for n in [4, 6, 8, 12, 24] {
        let times: Vec<f64> = (0..n).map(f64::from).collect();
        for churn in [0.0, 10.0, 40.0] {
            let mut random = Random(n as u64);
            let noise = Noise {
                sample: UNIT,
                variance: 2.0 * churn * UNIT * UNIT,
                scatter: churn.sqrt() * UNIT,
            };
            let growth = detectable(&times, &noise, TESTS).unwrap();
            let [half, at, twice] =
                [0.5, 1.0, 2.0].map(|share| found(&mut random, &times, share * growth, churn));
            println!("{n}, {churn}: {:.1}; {half:.2} {at:.2} {twice:.2}", growth / UNIT);
            assert!(at >= POWER - 0.07, "{n} snapshots, churn {churn}: {at}");
            assert!(half < 0.78, "{n} snapshots, churn {churn}: half of it is found in {half}");
        }
    }
}

#[test]
fn as_many_goroutines_as_stated_are_found_in_four_of_five_windows() {
    println!("snapshots: goroutines; found");
    for n in [4, 6, 8, 12, 24] {
        let mut random = Random(n as u64);
        let times: Vec<f64> = (0..n).map(|i| i as f64).collect();
        let growth = detectable_count(n, 0.0);
        let at = rate(runs(), || {
            let mut count = 0.0;
            let values: Vec<f64> = (0..n)
                .map(|i| {
                    count +=
                        if i == 0 { 0 } else { random.poisson(growth / (n - 1) as f64) } as f64;
                    count
                })
                .collect();
            let judged = judge(&times, &values, &[], Growth::Proven);
            let slope = judged.late.or_whole(judged.slope);
            judged.class == Class::Leak && slope.interval.lower > 0.0 && count >= 4.0
        });
        println!("{n}: {growth}; {at:.2}");
        assert!(at >= POWER - 0.07, "{n} snapshots: {at}");
    }
}
