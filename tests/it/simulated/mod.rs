//! Whole recordings of simulated services with known truth: how often is something that doesn't leak called a leak, how
//! often is a leak found, and of what is said with a confidence, how much is true? `docs/statistics.md` has the tables.
//!
//! A few services of each kind are drawn in each run of the tests, and many with `HEAPDIFF_LONG=1`:
//! `HEAPDIFF_LONG=1 cargo test --release --test it -- simulated --nocapture`.

mod draw;
mod growing;
mod kinds;
mod lookalikes;
mod profiles;
mod rest;
mod score;
mod thinned;

use draw::Draw;
use heapdiff::analysis;
use heapdiff::analysis::suspects::{LeaksQuery, Suspect};
use heapdiff::filter::Spec;
use heapdiff::input::{self, Budget, Content, Inflate};
use heapdiff::model::history::{Gather, History};
use heapdiff::patterns::Catalog;
use heapdiff::report::{Profiles, Query, Question, analyze};
use kinds::{KINDS, Kind, Truth};
use score::{Score, What};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes between two samples: Go's usual rate, and a higher one.
const PERIODS: [f64; 2] = [524_288.0, 65_536.0];

/// The numbers of snapshots in the tables.
const SNAPSHOTS: [usize; 5] = [4, 6, 8, 12, 24];

/// One recording that is drawn.
#[derive(Clone, Copy)]
struct Case {
    kind: usize,
    snapshots: usize,
    period: f64,
    seed: u64,
}

fn history(files: &[Vec<u8>]) -> History {
    let mut gather = Gather::default();
    for (i, bytes) in files.iter().enumerate() {
        match input::read(bytes.as_slice(), Budget::default(), Inflate::Here).unwrap() {
            Content::Profile(profile) | Content::Goroutines(profile) => {
                gather.add(&format!("input {i}"), &profile).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    gather.finish().unwrap()
}

/// The suspects of a recording.
fn suspects(heaps: &[Vec<u8>], goroutines: &[Vec<u8>], catalog: &Arc<Catalog>) -> Vec<Suspect> {
    let recording = analysis::recording(history(heaps), history(goroutines));
    let asked = LeaksQuery { catalog: Arc::clone(catalog), limit: None };
    let profiles = Profiles::Recording(Box::new(recording));
    let report = analyze(profiles, &Query::new(Question::Leaks(asked)), &Spec::default()).unwrap();
    answer!(report.answer, Leaks).suspects
}

fn judge(case: Case, catalog: &Arc<Catalog>) -> Vec<(heapdiff::patterns::Confidence, What)> {
    let Case { kind, snapshots, period, seed } = case;
    let mut draw = Draw::new(
        ((kind as u64) << 40) ^ ((snapshots as u64) << 32) ^ ((period as u64) << 8) ^ seed,
    );
    let (service, truth) = kinds::service(&KINDS[kind], snapshots, period, &mut draw);
    let (heaps, goroutines) = service.record(&mut draw);
    score::leaks(&suspects(&heaps, &goroutines, catalog), &truth)
}

/// Draws recordings of every kind, so many of each with each number of snapshots.
fn simulate(snapshots: &[usize], seeds: u64) -> Score {
    let mut cases = Vec::new();
    for kind in 0..KINDS.len() {
        for &snapshots in snapshots {
            for period in PERIODS {
                cases.extend((0..seeds).map(|seed| Case { kind, snapshots, period, seed }));
            }
        }
    }
    let catalog = Arc::new(Catalog::builtin());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut score = Score::default();
        while let Some(&case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            score.add(KINDS[case.kind], case.snapshots, &judge(case, &catalog));
        }
        score
    };
    let mut all = Score::default();
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().for_each(|thread| all.merge(thread.join().unwrap()));
    });
    all
}

#[test]
fn confidence_is_a_probability_and_lookalikes_are_seldom_called_leaks() {
    let is_long = std::env::var_os("HEAPDIFF_LONG").is_some();
    let score = if is_long { simulate(&SNAPSHOTS, 6) } else { simulate(&[6, 12], 2) };
    println!("{}", score.tables());
    score.check();
}
