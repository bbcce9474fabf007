//! What `watch` says of the snapshots that stay of many, against what it would say of all of them.

use super::draw::Draw;
use super::kinds::{self, KINDS};
use super::score::{self, What};
use super::suspects;
use heapdiff::patterns::{Catalog, Confidence};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Snapshots of a simulated service.
const SNAPSHOTS: usize = 1200;
/// Most snapshots that stay, and those at the end that all do: as docs/guide.md has them.
const MOST: usize = 200;
const NEWEST: usize = 24;

/// The files that stay.
fn thinned(files: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut distance = 1;
    while files.len().div_ceil(distance) > MOST - NEWEST {
        distance *= 2;
    }
    let stays = |place: usize| place.is_multiple_of(distance) || place + NEWEST >= files.len();
    files.iter().enumerate().filter(|(place, _)| stays(*place)).map(|(_, f)| f.clone()).collect()
}

/// Whether a leak is among the first three, and whether something else is called a leak with at least
/// medium confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    found: bool,
    alarm: bool,
}

/// What is said of all snapshots, and of those that stay.
fn both(kind: usize, seed: u64, catalog: &Arc<Catalog>) -> [Said; 2] {
    let mut draw = Draw::new(((kind as u64) << 40) ^ (0xdaf << 20) ^ seed);
    let period = if seed.is_multiple_of(2) { 524_288.0 } else { 65_536.0 };
    let (service, truth) = kinds::service(&KINDS[kind], SNAPSHOTS, period, &mut draw);
    let (heaps, goroutines) = service.record(&mut draw);
    let said = |heaps: &[Vec<u8>], goroutines: &[Vec<u8>]| {
        let leaks = score::leaks(&suspects(heaps, goroutines, catalog), &truth);
        let is_alarm = |&(confidence, what): &(Confidence, What)| {
            confidence <= Confidence::Med && matches!(what, What::Filling | What::Other)
        };
        Said {
            found: leaks.iter().take(3).any(|(_, what)| *what == What::Leak),
            alarm: leaks.iter().any(is_alarm),
        }
    };
    assert!(thinned(&heaps).len() <= MOST);
    [said(&heaps, &goroutines), said(&thinned(&heaps), &thinned(&goroutines))]
}

#[test]
fn verdicts_survive_thinning() {
    let is_long = std::env::var_os("HEAPDIFF_LONG").is_some();
    // Six that leak and four that don't, or all of them.
    let some = [0, 2, 4, 5, 8, 11, 13, 17, 22, 24];
    let cases: Vec<(usize, u64)> = if is_long {
        (0..KINDS.len()).flat_map(|kind| (0..4).map(move |seed| (kind, seed))).collect()
    } else {
        some.into_iter().map(|kind| (kind, kind as u64)).collect()
    };
    let catalog = Arc::new(Catalog::builtin());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut out = Vec::new();
        while let Some(&(kind, seed)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            out.push((kind, both(kind, seed, &catalog)));
        }
        out
    };
    let said: Vec<(usize, [Said; 2])> = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (kind, [all, left]) in said.iter().filter(|(_, [all, left])| all != left) {
        println!("{}: of all {all:?}, of those that stay {left:?}", KINDS[*kind].name);
    }
    let count = |of: fn(&Said) -> bool, which: usize, is_leak: bool| {
        let of_kind = said.iter().filter(|(kind, _)| KINDS[*kind].is_leak == is_leak);
        of_kind.filter(|(_, both)| of(&both[which])).count()
    };
    let found = [0, 1].map(|which| count(|said| said.found, which, true));
    let alarms = [true, false].map(|is_leak| [0, 1].map(|w| count(|said| said.alarm, w, is_leak)));
    let leaks = said.iter().filter(|(kind, _)| KINDS[*kind].is_leak).count();
    println!(
        "{leaks} with a leak: found {found:?}, alarms {:?}; {} without: alarms {:?}",
        alarms[0],
        said.len() - leaks,
        alarms[1]
    );
    let lost = found[0].saturating_sub(found[1]);
    assert!(lost * 20 <= leaks, "thinning loses {lost} of {} leaks", found[0]);
    let more = alarms[1][1].saturating_sub(alarms[1][0]);
    assert!(more * 20 <= said.len() - leaks, "thinning adds {more} alarms");
    assert!(found[0] * 2 > leaks, "too few are found to say anything: {found:?}");
}
