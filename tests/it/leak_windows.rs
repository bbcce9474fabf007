//! `check --no-leaks` on short windows of simulated programs with known truth: it seldom passes a leak
//! that it claims would show, and seldom fails what doesn't leak. A leak of just the stated size
//! shows in four of five windows, one of twice that size nearly always.
//!
//! `HEAPDIFF_LONG=1` draws ten times as many, and prints the table of docs/ci.md with `--nocapture`.

use crate::gate::answer;
use crate::histories::history;
use crate::planted_leaks::{Does, SITES, program};
use serde_json::Value;
use std::fs;

/// Bytes between two samples of the simulated programs.
const PERIOD: f64 = 524_288.0;

fn is_long() -> bool {
    std::env::var_os("HEAPDIFF_LONG").is_some()
}

fn runs() -> u64 {
    if is_long() { 200 } else { 20 }
}

/// How many windows pass, fail and are inconclusive; and how many of those that pass don't name the
/// leak, although it is larger than what they say would not show, and more than twice as large.
#[derive(Debug, Default)]
struct Counts {
    passed: u64,
    failed: u64,
    open: u64,
    missed: u64,
    wrongly_passed: u64,
}

/// Judges windows of a program whose first site adds `rate` samples between two snapshots.
fn windows(snapshots: usize, rate: f64) -> Counts {
    let mut sites = SITES;
    sites[0].2 = Does::Leaks(rate);
    let sites = if rate > 0.0 { &sites[..] } else { &sites[1..] };
    let mut counts = Counts::default();
    for seed in 0..runs() {
        let name = format!("windows-{snapshots}-{rate}-{seed}");
        let here = history(&name, &program(seed, sites, snapshots));
        let (code, check) = answer(&here, &["--no-leaks", "--min-confidence=med", "."]);
        fs::remove_dir_all(here).unwrap();
        let rule = &check["rules"][0];
        match code {
            0 => counts.passed += 1,
            1 => counts.failed += 1,
            3 => counts.open += 1,
            other => panic!("{name}: {other}"),
        }
        let names = |key: &str| rule[key].as_array().into_iter().flatten();
        let is_named = names("let_pass").any(|place| place["function"] == "main.remember");
        // The window spans one interval less than it has snapshots.
        let growth = rate * PERIOD * (snapshots - 1) as f64;
        let least = rule["could_show"]["growth"].as_f64().unwrap_or(f64::MAX);
        let is_unnamed = code == 0 && !is_named;
        counts.missed += u64::from(is_unnamed && growth >= least);
        counts.wrongly_passed += u64::from(is_unnamed && growth >= 2.0 * least);
        if code == 1 && rate > 0.0 {
            assert!(names("offenders").any(|place| place["function"] != Value::Null), "{rule:#}");
        }
    }
    counts
}

#[test]
fn short_windows_seldom_pass_what_leaks_and_seldom_fail_what_does_not() {
    let of = |share: f64| (share * runs() as f64).ceil() as u64;
    println!("snapshots; samples per interval; {:?}", Counts::default());
    let all: &[usize] = if is_long() { &[4, 5, 6, 7, 8, 10, 12] } else { &[4, 8, 12] };
    for &snapshots in all {
        let healthy = windows(snapshots, 0.0);
        println!("{snapshots}; healthy: {healthy:?}");
        assert!(healthy.failed <= of(0.05) + 1, "{snapshots}: {healthy:?}");
        for rate in [1.0, 9.0, 25.0] {
            let leak = windows(snapshots, rate);
            println!("{snapshots}; {rate}: {leak:?}");
            assert!(leak.wrongly_passed <= of(0.05), "{snapshots} {rate}: {leak:?}");
            assert!(leak.missed <= of(0.2) + 3, "{snapshots} {rate}: {leak:?}");
            // Fewer than eight never pass at this rate: six MiB may hide in a heap of 400.
            assert!(snapshots >= 8 || leak.passed == 0, "{snapshots} {rate}: {leak:?}");
            // What is large is found with few snapshots too, unless the program gets more to do.
            assert!(rate < 20.0 || leak.failed >= of(0.25), "{snapshots}: {leak:?}");
        }
    }
}
