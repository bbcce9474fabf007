//! Handwritten reports about time: a leaking chat server, and edge cases.

use crate::samples::{KIB, MIB, empty_diff, input, place, total};
use heapdiff::analysis::estimates::{Class, Estimate, Share};
use heapdiff::analysis::suspects::{
    Goroutines, Limit, LimitOutcome, Needed, Part, ProcessMemory, ShownBy, Suspect, Verdict,
};
use heapdiff::analysis::timeline::{Through, Timeline, TimelineRow};
use heapdiff::analysis::{Measure, Omitted};
use heapdiff::filter::Granularity;
use heapdiff::patterns::Confidence;
use heapdiff::report::{Answer, InputKind, LeaksAnswer, Report, Sort, Warning, WarningCode};

/// `n` values from `first` to `last`, along a curve over 0 to 1.
pub(crate) fn curve(n: usize, first: i64, last: i64, shape: impl Fn(f64) -> f64) -> Vec<i64> {
    let at = |i: usize| shape(i as f64 / n.saturating_sub(1).max(1) as f64);
    (0..n).map(|i| first + ((last - first) as f64 * at(i)) as i64).collect()
}

fn estimate(estimate: i64, margin: i64) -> Estimate {
    Estimate { estimate, lower: estimate - margin, upper: estimate + margin }
}

fn times(n: usize) -> Vec<Option<String>> {
    (0..n)
        .map(|i| Some(format!("2025-05-01T{:02}:{:02}:00.25Z", 10 + i / 12, i % 12 * 5)))
        .collect()
}

/// A report of `n` snapshots, five minutes apart, without rows or suspects.
pub(crate) fn of_snapshots(n: usize) -> Report {
    let mut report = empty_diff();
    report.comparison = None;
    report.sort = Sort::Flat;
    report.inputs = (0..n).map(|i| input(&format!("heap-{i:02}.pb.gz"))).collect();
    for (input, time) in report.inputs.iter_mut().zip(times(n)) {
        input.time = time;
    }
    report.answer = Answer::Timeline(Timeline {
        places: None,
        tracks: Vec::new(),
        times: times(n),
        elapsed_nanos: Some((0..n as i64).map(|i| i * 300_000_000_000).collect()),
        inputs: (0..n).collect(),
        processes: vec![0; n],
        judged: 0,
        total: Through {
            values: curve(n, 312 * MIB, 890 * MIB, |x| x),
            allocated_per_second: (0..n).map(|i| (i > 0).then_some(17 * MIB)).collect(),
        },
        rows: Vec::new(),
        omitted: Omitted::default(),
    });
    report.totals = vec![
        total("alloc_space", "bytes", 4198 * MIB, 10_137 * MIB, None),
        total("inuse_space", "bytes", 312 * MIB, 890 * MIB, None),
    ];
    report
}

/// The rows of a report about time.
pub(crate) fn timeline_mut(report: &mut Report) -> &mut Timeline {
    match &mut report.answer {
        Answer::Timeline(timeline) | Answer::Leaks(LeaksAnswer { timeline, .. }) => timeline,
        other => panic!("no timeline: {other:?}"),
    }
}

/// Turns the report into one about leaks.
pub(crate) fn add_suspects(report: &mut Report, suspects: Vec<Suspect>, verdict: Verdict) {
    let timeline = timeline_mut(report).clone();
    report.answer = Answer::Leaks(LeaksAnswer { timeline, suspects, verdict });
}

pub(crate) fn verdict(report: &Report) -> Verdict {
    let timeline = report.answer.timeline().unwrap();
    Verdict {
        snapshots: timeline.times.len(),
        span_nanos: timeline.elapsed_nanos.as_ref().and_then(|all| all.last().copied()),
        processes: vec![ProcessMemory {
            snapshots: timeline.times.len(),
            ..ProcessMemory::default()
        }],
        ..Verdict::default()
    }
}

/// A suspect of a class, with values along a curve.
pub(crate) fn suspect(rank: usize, function: &str, class: Class, values: Vec<i64>) -> Suspect {
    let growth = values[values.len() - 1] - values[0];
    Suspect {
        rank,
        site: place(function, "/build/src/github.com/acme/chat/limiter.go", 54),
        class,
        confidence: Confidence::Med,
        sample_type: "inuse_space".to_owned(),
        unit: "bytes".to_owned(),
        patterns: Vec::new(),
        growth: estimate(growth, 4 * MIB + 100 * KIB),
        slope_per_hour: Some(estimate(growth, 5 * MIB)),
        q_value: Some(2.2e-10),
        retention: Some(Share { estimate: 0.84, lower: 0.72, upper: 0.92 }),
        persistence: 1.0,
        path: ["runtime.main", "main.main", function].map(str::to_owned).to_vec(),
        mechanism: None,
        dependency: None,
        places: Vec::new(),
        parts: Vec::new(),
        load_factor: None,
        replaces: None,
        goroutines: None,
        explanation: "Its value rose in 11 of 11 intervals and shows no sign of leveling off."
            .to_owned(),
        fix: "Bound the container: delete what has ended, evict by age or number.".to_owned(),
        process: 0,
        since: 0,
        one_for_each: None,
        shown_by: Some(ShownBy {
            functions: vec![function.to_owned()],
            inputs: [0, values.len() - 1],
            since: 0,
        }),
        values,
    }
}

/// A chat server that leaks in two places and in its goroutines, with a suspect of every class.
pub(crate) fn leaks() -> Report {
    let mut report = of_snapshots(12);
    let n = 12;
    let mut window = suspect(
        1,
        "github.com/acme/chat/internal/limiter.windowFor",
        Class::Leak,
        curve(n, 120 * MIB, 521 * MIB, |x| x),
    );
    window.confidence = Confidence::High;
    window.patterns = vec!["map-own".to_owned(), "sync-map".to_owned()];
    window.path = [
        "net/http.(*conn).serve",
        "net/http.serverHandler.ServeHTTP",
        "net/http.HandlerFunc.ServeHTTP",
        "main.(*server).handle",
        "github.com/acme/chat/internal/session.(*Session).Receive",
        "github.com/acme/chat/internal/limiter.windowFor",
        "internal/runtime/maps.newTable",
    ]
    .map(str::to_owned)
    .to_vec();
    window.mechanism = Some("internal/runtime/maps.newTable".to_owned());
    window.places = (0..6)
        .map(|i| place("github.com/acme/chat/internal/limiter.(*Log).record", "/b/log.go", 60 + i))
        .collect();
    window.goroutines = Some(Goroutines {
        before: 120,
        after: 1_204_331,
        state: "chan receive".to_owned(),
        started_by: "github.com/acme/chat/internal/session.(*Session).start".to_owned(),
        parked_in: "github.com/acme/chat/internal/session.(*Session).loop".to_owned(),
    });
    let mut parked =
        suspect(2, "main.(*chatRoom).broadcast", Class::Leak, curve(n, 800, 9600, |x| x));
    let at = vec!["main.(*chatRoom).broadcast.func1".to_owned()];
    parked.shown_by = Some(ShownBy { functions: at, inputs: [12, 14], since: 12 });
    (parked.sample_type, parked.unit) = ("goroutine".to_owned(), "count".to_owned());
    (parked.growth, parked.slope_per_hour) = (estimate(8800, 0), Some(estimate(9600, 96)));
    (parked.q_value, parked.retention) = (None, None);
    parked.goroutines = Some(Goroutines {
        before: 800,
        after: 9600,
        state: "chan send".to_owned(),
        started_by: "main.(*chatRoom).broadcast".to_owned(),
        parked_in: "main.(*chatRoom).broadcast.func1".to_owned(),
    });
    let part = |function: &str, line: i64, of: (&str, &str), growth: i64| Part {
        site: place(function, "/b/room.go", line),
        sample_type: of.0.to_owned(),
        unit: of.1.to_owned(),
        growth: estimate(growth, growth / 10),
    };
    parked.parts = vec![
        part("main.(*chatRoom).broadcast", 31, ("inuse_space", "bytes"), 40 * MIB),
        part("main.newChatRoom", 12, ("inuse_space", "bytes"), 12 * MIB),
        part("main.(*chatRoom).broadcast", 33, ("goroutine", "count"), 8800),
    ];
    let mut late = suspect(
        3,
        "main.encodeFrame",
        Class::Leak,
        curve(n, 2 * MIB, 38 * MIB, |x| (2.0 * x - 1.0).max(0.0)),
    );
    (late.since, late.persistence, late.fix) = (5, 0.5, String::new());
    late.path.clear();
    late.shown_by.iter_mut().for_each(|shown_by| shown_by.since = 5);
    let mut others = vec![
        suspect(4, "main.fill", Class::GrowingDecelerating, curve(n, MIB, 90 * MIB, f64::sqrt)),
        suspect(5, "runtime.newproc1", Class::Grew, curve(n, MIB, 5 * MIB, f64::round)),
        suspect(6, "main.openResource", Class::Step, curve(n, 0, 60 * MIB, |x| (x * 1.2).floor())),
        suspect(
            7,
            "main.recordMetric",
            Class::WarmUp,
            curve(n, 0, 31 * MIB, |x| (x * 3.0).min(1.0)),
        ),
        suspect(
            8,
            "main.traffic",
            Class::Churn,
            curve(n, MIB, 2 * MIB, |x| (x * 40.0).sin().abs()),
        ),
    ];
    others[1].mechanism = Some("runtime.malg".to_owned());
    let mut all = vec![window, parked, late];
    all.append(&mut others);
    let mut verdict = verdict(&report);
    (verdict.leaks, verdict.omitted) = (3, 17);
    verdict.slope_per_hour = Some(estimate(437 * MIB, 52 * MIB));
    verdict.limit = Some(Limit {
        limit: 2 << 30,
        gogc: Some(100.0),
        live: 890 * MIB,
        live_max: 1 << 30,
        outcome: LimitOutcome::Within,
        earliest_hours: Some(0.27),
        latest_hours: Some(0.35),
        ..Limit::default()
    });
    add_suspects(&mut report, all, verdict);
    report.inputs.extend((0..3).map(|i| {
        let mut goroutines = input(&format!("goroutine-{i:02}.pb.gz"));
        goroutines.kind = InputKind::Goroutine;
        goroutines.time = times(3).swap_remove(i);
        goroutines
    }));
    report
}

/// Two snapshots: only growth.
pub(crate) fn growth_only() -> Report {
    let mut report = of_snapshots(2);
    let mut grew = suspect(1, "main.rememberRequest", Class::Grew, vec![120 * MIB, 521 * MIB]);
    grew.slope_per_hour = None;
    let mut verdict = verdict(&report);
    verdict.needed = Some(Needed { snapshots: 6, apart_nanos: Some(61_000_000_000) });
    add_suspects(&mut report, vec![grew], verdict);
    report
}

/// Growth that levelled off, in a process that was restarted.
pub(crate) fn no_leak() -> Report {
    let mut report = of_snapshots(12);
    let values = curve(7, 0, 31 * MIB, |x| (x * 3.0).min(1.0));
    let mut warm = suspect(1, "main.recordMetric", Class::WarmUp, values);
    warm.process = 1;
    let mut verdict = verdict(&report);
    verdict.processes = vec![ProcessMemory::default(); 2];
    verdict.limit =
        Some(Limit { limit: 2 << 30, outcome: LimitOutcome::Never, ..Limit::default() });
    add_suspects(&mut report, vec![warm], verdict);
    restart(timeline_mut(&mut report));
    report.warnings.push(Warning {
        code: WarningCode::SeveralProcesses,
        message: "the snapshots are of 2 processes".to_owned(),
    });
    report
}

/// Five snapshots of a first process, and the others of a second, which is judged.
fn restart(timeline: &mut Timeline) {
    timeline.judged = 1;
    for (at, process) in timeline.processes.iter_mut().enumerate() {
        *process = usize::from(at > 4);
    }
}

pub(crate) fn row(name: &str, class: Class, flat: Vec<i64>) -> TimelineRow {
    let delta = flat[flat.len() - 1] - flat[0];
    TimelineRow {
        name: name.to_owned(),
        file: Some("/build/src/github.com/acme/chat/limiter.go".to_owned()),
        line: Some(54),
        cum: flat.iter().map(|value| value * 2).collect(),
        allocated_per_second: flat.iter().map(|value| Some(value / 300)).collect(),
        flat,
        delta: Measure { flat: delta, cum: delta * 2 },
        class,
        slope_per_hour: Some(estimate(delta, delta / 9)),
        q_value: Some(0.000_012),
        retention: Some(Share { estimate: 0.5, lower: 0.25, upper: 0.75 }),
    }
}

/// Rows of every class through 60 snapshots.
pub(crate) fn timeline() -> Report {
    let n = 60;
    let mut report = of_snapshots(n);
    let timeline = timeline_mut(&mut report);
    let mut gone = row("main.gone", Class::Steady, curve(n, 8 * MIB, 0, |x| x));
    (gone.file, gone.slope_per_hour) = (None, None);
    timeline.rows = vec![
        row(
            "github.com/acme/chat/internal/limiter.windowFor",
            Class::Leak,
            curve(n, 120 * MIB, 521 * MIB, |x| x),
        ),
        row("main.fill", Class::GrowingDecelerating, curve(n, MIB, 90 * MIB, f64::sqrt)),
        row(
            "main.(*Map[go.shape.struct { github.com/x.Key }]).Load",
            Class::Step,
            curve(n, 0, 60 * MIB, |x| (x * 1.2).floor()),
        ),
        row("main.traffic", Class::Churn, curve(n, MIB, 2 * MIB, |x| (x * 40.0).sin().abs())),
        gone,
    ];
    timeline.omitted = Omitted { rows: 31, sum: 12 * MIB };
    report
}

/// The same rows, cum and by package, across a restart, without times.
pub(crate) fn timeline_restarted() -> Report {
    let mut report = timeline();
    (report.sort, report.granularity) = (Sort::Cum, Granularity::Packages);
    let timeline = timeline_mut(&mut report);
    restart(timeline);
    timeline.times = vec![None; timeline.times.len()];
    timeline.elapsed_nanos = None;
    timeline.total.allocated_per_second = vec![None; timeline.times.len()];
    for row in &mut timeline.rows {
        (row.slope_per_hour, row.allocated_per_second) = (None, vec![None; row.flat.len()]);
    }
    for input in &mut report.inputs {
        input.time = None;
    }
    report
}
