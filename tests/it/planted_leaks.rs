//! Leaks with known truth, found end to end: simulated programs with a dozen sites, and recordings.

use crate::corpus;
use crate::dsl::{Stack, stack};
use crate::histories::{history, of_class, report, snapshot, suspects};
use crate::random::Random;
use heapdiff::input::pprof::proto;
use serde_json::Value;
use std::fs;

/// Bytes between two samples.
const PERIOD: f64 = 524_288.0;

impl Random {
    /// In (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A number of events with this expected value: they are separated by exponential times.
    fn poisson(&mut self, mean: f64) -> i64 {
        let mut events = 0;
        let mut time = -self.uniform().ln();
        while time < mean {
            events += 1;
            time -= self.uniform().ln();
        }
        events
    }

    /// How many of `n` events happen, each with this probability.
    fn binomial(&mut self, n: i64, p: f64) -> i64 {
        (0..n).filter(|_| self.uniform() <= p).count() as i64
    }
}

/// The behaviour of a site from one snapshot to the next, in objects that the profiler sees.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    /// Allocates this many, and keeps them.
    Leaks(f64),
    /// Allocates a part of the remainder of this many in each interval.
    Fills { all: f64, part: f64 },
    /// Allocates this many, and keeps only these to the end of the interval.
    Churns { makes: f64, holds: f64 },
    /// Holds this many, and exchanges a part of them.
    Stays { holds: f64, part: f64 },
    /// Allocates this many at once, halfway.
    Steps(f64),
}

/// A site: function, object size, behaviour.
pub(crate) const SITES: [(&str, i64, Does); 12] = [
    ("main.remember", 4096, Does::Leaks(9.0)),
    ("main.fillCache", 2048, Does::Fills { all: 120.0, part: 0.5 }),
    ("main.encode", 1024, Does::Churns { makes: 800.0, holds: 6.0 }),
    ("main.parse", 512, Does::Churns { makes: 300.0, holds: 25.0 }),
    ("main.copyBody", 65_536, Does::Churns { makes: 200.0, holds: 12.0 }),
    ("main.sessions", 8192, Does::Stays { holds: 80.0, part: 0.3 }),
    ("main.windows", 4096, Does::Stays { holds: 40.0, part: 0.8 }),
    ("main.routes", 256, Does::Stays { holds: 60.0, part: 0.0 }),
    ("main.index", 16_384, Does::Stays { holds: 200.0, part: 0.05 }),
    ("main.buffers", 32_768, Does::Stays { holds: 30.0, part: 0.5 }),
    ("main.reload", 1_048_576, Does::Steps(40.0)),
    ("main.metrics", 128, Does::Stays { holds: 15.0, part: 0.2 }),
];

/// The state of a site: allocated objects, and the remaining ones.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    made: i64,
    held: i64,
}

impl Seen {
    fn go_on(&mut self, does: Does, at: usize, snapshots: usize, random: &mut Random) {
        let (made, held) = match does {
            Does::Leaks(rate) => {
                let made = random.poisson(rate);
                (made, self.held + made)
            }
            Does::Fills { all, part } => {
                let made = random.poisson(all * part * (1.0 - part).powi(at as i32));
                (made, self.held + made)
            }
            Does::Churns { makes, holds } => {
                let held = random.poisson(holds);
                (held + random.poisson(makes), held)
            }
            Does::Stays { holds, part } => {
                // At first, all of it is allocated.
                let made = random.poisson(if at == 0 { holds } else { holds * part });
                let left = random.binomial(self.held, 1.0 - part);
                (made, left + made)
            }
            Does::Steps(objects) => {
                let made = if at == snapshots / 2 { random.poisson(objects) } else { 0 };
                (made, self.held + made)
            }
        };
        self.made += made;
        self.held = held;
    }

    /// The sample, scaled up as in the profiler.
    fn sample(self, function: &str, size: i64) -> Stack {
        let p = 1.0 - (-size as f64 / PERIOD).exp();
        let scaled = |raw: i64| ((raw as f64 / p) as i64, ((raw * size) as f64 / p) as i64);
        let ((objects, bytes), (made, made_bytes)) = (scaled(self.held), scaled(self.made));
        stack(&format!("main.main;main.serve;{function}"))
            .inuse(objects, bytes)
            .alloc(made, made_bytes)
            .sized(size)
    }
}

/// The snapshots of a program, a minute apart.
pub(crate) fn program(
    seed: u64,
    sites: &[(&str, i64, Does)],
    snapshots: usize,
) -> Vec<proto::Profile> {
    let mut random = Random(seed);
    let mut seen = vec![Seen::default(); sites.len()];
    let states = (0..snapshots).map(|at| {
        let stacks = sites.iter().zip(&mut seen).map(|(&(function, size, does), seen)| {
            seen.go_on(does, at, snapshots, &mut random);
            seen.sample(function, size)
        });
        snapshot(60 * at as i64, &stacks.collect::<Vec<_>>())
    });
    states.collect()
}

/// Runs in which a site ranks first among the leaks, runs in which it is among them, and false
/// leaks.
fn score(name: &str, sites: &[(&str, i64, Does)], snapshots: usize) -> (usize, usize, Vec<String>) {
    let (mut first, mut found, mut alarms) = (0, 0, Vec::new());
    for seed in 0..20 {
        let here = history(&format!("{name}-{seed}"), &program(seed, sites, snapshots));
        let report = report(&here, &["leaks", "."]);
        let leaks = of_class(&report, "leak");
        first += usize::from(leaks.first() == Some(&"main.remember"));
        found += usize::from(leaks.contains(&"main.remember"));
        let others = leaks.iter().filter(|leak| **leak != "main.remember");
        alarms.extend(others.map(|leak| format!("{leak} of seed {seed}")));
        fs::remove_dir_all(here).unwrap();
    }
    (first, found, alarms)
}

#[test]
fn a_planted_leak_is_found_among_a_dozen_sites() {
    let (first, found, alarms) = score("planted", &SITES, 12);
    assert!(found >= 17, "{found} of 20, {alarms:?}");
    assert!(first >= 17, "{first} of 20, {alarms:?}");
    assert!(alarms.len() <= 2, "{alarms:?}");
}

#[test]
fn nothing_leaks_where_nothing_leaks() {
    let (_, _, alarms) = score("healthy", &SITES[1..], 12);
    assert!(alarms.len() <= 2, "{alarms:?}");
    let (_, _, alarms) = score("healthy-long", &SITES[1..], 30);
    assert!(alarms.len() <= 2, "{alarms:?}");
}

#[test]
fn six_snapshots_do_for_a_leak_that_is_large() {
    let mut sites = SITES;
    sites[0].2 = Does::Leaks(25.0);
    let (first, found, _) = score("few", &sites, 6);
    assert!(found >= 17, "{found} of 20");
    assert!(first >= 17, "{first} of 20");
}

#[test]
fn a_cache_that_slows_is_no_leak_with_six_snapshots_either() {
    let (_, _, alarms) = score("few-healthy", &SITES[1..], 6);
    assert!(alarms.len() <= 2, "{alarms:?}");
}

/// Whether a frame is the planted one: the function, a closure in it, or an instance of it.
fn is_culprit(frame: &str, culprit: &str) -> bool {
    let rest = frame.strip_prefix(culprit);
    rest.is_some_and(|rest| {
        rest.is_empty() || [".func", ".gowrap", "["].iter().any(|part| rest.starts_with(part))
    })
}

/// Whether a suspect is the planted one: by its site or a frame of its path, or by a pattern.
fn is_it(suspect: &Value, truth: &Value) -> bool {
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut frames = texts(&suspect["path"]);
    frames.push(suspect["site"]["function"].as_str().unwrap().to_owned());
    let culprits = texts(&truth["culprits"]);
    let by_frame =
        frames.iter().any(|frame| culprits.iter().any(|culprit| is_culprit(frame, culprit)));
    let patterns = texts(&truth["patterns"]);
    by_frame || texts(&suspect["patterns"]).iter().any(|pattern| patterns.contains(pattern))
}

/// The profiler and the harness of the recorded programs.
fn is_harness(suspect: &Value) -> bool {
    let function = suspect["site"]["function"].as_str().unwrap();
    !function.starts_with("main.")
        || ["main.run", "main.writeProfile"].iter().any(|own| function.starts_with(own))
}

#[test]
fn recorded_leaks_are_found_and_nothing_else_is_called_one() {
    let mut wrong = Vec::new();
    let mut scenarios = [0, 0];
    for here in corpus::verdicts() {
        let truth = fs::read(here.join("truth.json")).unwrap();
        let truth: Value = serde_json::from_slice(&truth).unwrap();
        let name = here.file_name().unwrap().to_string_lossy().into_owned();
        let report = report(&here, &["leaks", "heap-*.pb.gz", "goroutine-*.pb.gz"]);
        let leaks: Vec<&Value> =
            suspects(&report).iter().filter(|suspect| suspect["class"] == "leak").collect();
        let leaks_in_truth =
            ["leak", "goroutine-leak"].iter().any(|verdict| truth["verdict"] == **verdict);
        scenarios[usize::from(leaks_in_truth)] += 1;
        if leaks_in_truth {
            if !leaks.iter().take(3).any(|suspect| is_it(suspect, &truth)) {
                wrong.push(format!("{name}: missed"));
            }
        } else if let Some(alarm) = leaks.iter().find(|suspect| !is_harness(suspect)) {
            wrong.push(format!("{name}: {}", alarm["site"]["function"]));
        }
    }
    assert!(scenarios[0] >= 3 && scenarios[1] >= 3, "{scenarios:?}");
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn memory_that_one_function_makes_anew_is_no_leak() {
    let mut wrong = Vec::new();
    let mut services = [0, 0];
    let folders = fs::read_dir(corpus::path("moves")).unwrap().map(|entry| entry.unwrap().path());
    for here in folders {
        let truth = fs::read(here.join("truth.json")).unwrap();
        let truth: Value = serde_json::from_slice(&truth).unwrap();
        let report = report(&here, &["leaks", "heap-*.pb.gz", "goroutine-*.pb.gz"]);
        let leaks: Vec<&str> = suspects(&report)
            .iter()
            .filter(|suspect| suspect["class"] == "leak")
            .map(|suspect| suspect["site"]["function"].as_str().unwrap())
            .collect();
        let culprits: Vec<&str> = truth["culprits"]
            .as_array()
            .iter()
            .flat_map(|all| all.iter())
            .map(|one| one.as_str().unwrap())
            .collect();
        services[usize::from(culprits.is_empty())] += 1;
        if leaks != culprits {
            wrong.push(format!("{}: {leaks:?}, not {culprits:?}", here.display()));
        }
        let moved = suspects(&report).iter().filter(|suspect| !suspect["replaces"].is_null());
        for suspect in moved {
            let together = &suspect["replaces"]["together"];
            let grew = suspect["growth"]["estimate"].as_i64().unwrap();
            if together["upper"].as_i64().unwrap() * 2 > grew || suspect["fix"] != "" {
                wrong.push(format!("{}: {suspect}", here.display()));
            }
        }
        let is_renewed = culprits.is_empty()
            || ["renew-and-leak", "workers-and-leak"].iter().any(|name| here.ends_with(name));
        if is_renewed != suspects(&report).iter().any(|suspect| !suspect["replaces"].is_null()) {
            wrong.push(format!("{}: what replaces what", here.display()));
        }
    }
    assert_eq!(services, [6, 7]);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
