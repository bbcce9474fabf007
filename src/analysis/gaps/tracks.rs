//! Gaps of the snapshots: how many there are, of what, and what they say.

use super::{Found, GapId, Known, is_go, url};
use crate::analysis::estimates::Severity;
use crate::model::ids::{FunctionId, LocationId, StringId};
use crate::model::origin::Own;
use crate::model::recording::{Recording, Track};
use crate::model::site::Owners;
use crate::stats::class::LEAST;

/// Snapshots that are recommended for a verdict.
const ADVISED: usize = 8;
/// The command that records everything.
const CAPTURE: &str = "heapdiff capture http://HOST:6060 --every 5m --count 12";
/// A symbol table with more than this share of addresses without a name lacks names.
const NAMELESS: f64 = 0.05;

pub(super) fn check(recording: &Recording, known: &Known, found: &mut Found) {
    let track = recording.main();
    if known.service.is_none() && !track.is_empty() {
        over_time(recording, known, found);
    }
    if !recording.profiles.is_empty() {
        of_profiles(&recording.profiles, found);
    }
    if !track.is_empty() {
        of_symbols(track, is_go(recording), found);
    }
    goroutines(recording, known, found);
}

/// What only several snapshots show.
fn over_time(recording: &Recording, known: &Known, found: &mut Found) {
    let track = recording.main();
    let most = track.sizes().max().unwrap_or(0);
    let severity = if most < LEAST { Severity::Problem } else { Severity::Note };
    let hides = if most < LEAST {
        "hides what leaks: with fewer than four, heapdiff can report growth but not leaks"
    } else {
        "hides whether growth levels off: with few snapshots a cache that fills looks like a leak"
    };
    let one = if most == 1 { "there is 1 snapshot" } else { "there are NUMBER snapshots" };
    found.check(
        GapId::Snapshots,
        severity,
        (most < ADVISED).then(|| {
            (
                format!(
                    "{} of one process; {ADVISED} or more are needed for a reliable verdict",
                    one.replace("NUMBER", &most.to_string())
                ),
                hides,
                "record more, under the usual load (this also saves goroutines and memory statistics)",
                Some(CAPTURE.to_owned()),
            )
        }),
    );
    let all: usize = track.history.moments.len();
    found.check(
        GapId::Times,
        Severity::Problem,
        (all > 1 && !track.is_timed()).then(|| {
            (
                "the snapshots don't say when they were taken, or all say the same".to_owned(),
                "hides how fast anything grows",
                "save profiles in protobuf (no ?debug=1), or put the time into the names of the files",
                Some("curl -sS -o heap-$(date -u +%Y%m%dT%H%M%SZ).pb.gz 'http://HOST:6060/debug/pprof/heap?gc=1'".to_owned()),
            )
        }),
    );
    let repeats = track.repeats().count();
    let stale = (repeats > 0, known.collects);
    let message = match stale {
        (true, _) => {
            Some(format!("{repeats} of {all} snapshots show the same collection as another one"))
        }
        (false, Some(false)) => Some("the snapshots were taken without ?gc=1".to_owned()),
        _ => None,
    };
    match message {
        Some(message) => found.gap(
            GapId::Gc,
            Severity::Note,
            (
                message,
                "hides what happened since the last collection: the heap in a profile is that of the last one",
                "ask for a collection first, or take snapshots further apart",
                Some("curl -sS -o heap.pb.gz 'http://HOST:6060/debug/pprof/heap?gc=1'".to_owned()),
            ),
        ),
        None if known.collects == Some(true) || all > 1 => found.fine(GapId::Gc),
        None => {}
    }
    let processes = track.processes.iter().filter(|span| !span.moments.is_empty()).count();
    if all > 1 {
        found.check(
            GapId::OneProcess,
            Severity::Note,
            (processes > 1).then(|| {
                (
                    format!(
                        "the snapshots are of {processes} processes; each is judged by its own"
                    ),
                    "hides growth across restarts, and everything if a load balancer chose the processes",
                    "record one process: one pod, not its service",
                    Some("kubectl port-forward pod/NAME 6060:6060".to_owned()),
                )
            }),
        );
    }
}

fn of_profiles(track: &Track, found: &mut Found) {
    let moments = &track.history.moments;
    let cut = moments.iter().filter(|moment| moment.header.is_incomplete).count();
    let message = if cut > 0 {
        Some(format!("{cut} of {} profiles break off", moments.len()))
    } else if track.differences.is_empty() {
        None
    } else {
        Some(format!(
            "{} of {} profiles are differences (?seconds=), not snapshots",
            track.differences.len(),
            moments.len()
        ))
    };
    found.check(
        GapId::Whole,
        Severity::Problem,
        message.map(|message| {
            (
                message,
                "hides how much memory is in use",
                "save whole snapshots",
                Some("curl -fsS -o heap.pb.gz 'http://HOST:6060/debug/pprof/heap?gc=1'".to_owned()),
            )
        }),
    );
    let types = &track.history.sample_types;
    let has = |name: &str| types.iter().any(|of| of.name == name);
    if has("inuse_space") {
        found.check(
            GapId::Allocations,
            Severity::Note,
            (!has("alloc_space")).then(|| {
                (
                    "the profiles don't say what was allocated".to_owned(),
                    "hides what is kept of what a place allocates, and what only makes work for the collector",
                    "save the profile as the program writes it",
                    None,
                )
            }),
        );
    }
}

fn of_symbols(track: &Track, is_go: bool, found: &mut Found) {
    let symbols = &track.history.records.symbols;
    let locations = symbols.locations.len();
    let is_nameless = |id: &LocationId| symbols.locations.lines(*id).is_empty();
    let nameless = symbols.locations.ids().filter(is_nameless).count();
    found.check(
        GapId::Names,
        Severity::Problem,
        (nameless as f64 > NAMELESS * locations as f64).then(|| {
            (
                format!("{nameless} of {locations} addresses have no name"),
                "hides which code holds the memory",
                "name them from the binary that ran",
                Some("heapdiff top --exe BINARY PROFILE".to_owned()),
            )
        }),
    );
    let owners = Owners::new(symbols, &Own::default());
    let files: Vec<&str> = (0..symbols.functions.len())
        .filter(|&i| owners.is_own(FunctionId::from_index(i)))
        .map(|i| symbols.text(symbols.functions[i].filename))
        .filter(|file| !file.is_empty())
        .collect();
    let is_whole = |file: &&str| {
        file.starts_with('/') || file.get(1..3).is_some_and(|drive| drive == ":\\" || drive == ":/")
    };
    if is_go && !files.is_empty() {
        found.check(
            GapId::Paths,
            Severity::Note,
            (!files.iter().any(is_whole)).then(|| {
                (
                    "paths of source files are trimmed (go build -trimpath)".to_owned(),
                    "heapdiff list can't find the source files",
                    "point it at a checkout of the same commit",
                    Some("heapdiff list REGEX PROFILE --source-path CHECKOUT".to_owned()),
                )
            }),
        );
    }
    let mut mains = track.history.moments.iter().filter_map(|moment| moment.main);
    if let Some(main) = mains.next_back() {
        found.check(
            GapId::Build,
            Severity::Note,
            (main.build_id == StringId(0) || symbols.text(main.build_id).is_empty()).then(|| {
                let go = is_go.then(|| "go build -ldflags=-B=gobuildid".to_owned());
                (
                    "the profile doesn't say which build it is of".to_owned(),
                    "hides whether two profiles are of one build, and which commit to look at",
                    "link the program with a build id (Go does since 1.24)",
                    go,
                )
            }),
        );
    }
}

fn goroutines(recording: &Recording, known: &Known, found: &mut Found) {
    if !is_go(recording) {
        return;
    }
    let track = &recording.goroutines;
    let is_missing = track.is_empty();
    found.check(
        GapId::Goroutines,
        Severity::Problem,
        is_missing.then(|| {
            (
                "there is no goroutine profile".to_owned(),
                "hides goroutines that never end, and which memory they hold: the heap profile has none of their stacks",
                "save goroutines with each heap profile",
                Some(format!("curl -sS -o goroutine-$(date -u +%Y%m%dT%H%M%SZ).pb.gz {}", url(known, "/debug/pprof/goroutine"))),
            )
        }),
    );
    if !is_missing {
        let series = &track.history.records;
        let has_labels = series.label_sets.ids().any(|set| !series.label_sets.get(set).is_empty());
        found.check(
            GapId::Labels,
            Severity::Note,
            (!has_labels).then(|| {
                (
                    "goroutines have no labels".to_owned(),
                    "hides which tenant or endpoint started them",
                    "label the work where it begins (Go labels goroutines and CPU, not the heap)",
                    Some("pprof.Do(ctx, pprof.Labels(\"endpoint\", r.URL.Path), func(ctx context.Context) { serve(ctx) })".to_owned()),
                )
            }),
        );
    }
}
