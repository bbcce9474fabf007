//! Handwritten reports: what the analysis would report about a leaking chat server, and edge cases.

use heapdiff::analysis::call_graph::{self as graph, Graph, Node, OfType, Other};
use heapdiff::analysis::diff::{Diff, DiffRow, DiffSite, Status};
use heapdiff::analysis::list::{Changed, List, ListLine, Listing, NoSource, Source, SourceLine};
use heapdiff::analysis::matches::{Leading, Match, Matches};
use heapdiff::analysis::peek::{Neighbor, Peek, PeekRow};
use heapdiff::analysis::tags::{Tag, TagValue, Tags};
use heapdiff::analysis::top::{Top, TopRow};
use heapdiff::analysis::traces::{Trace, Traces};
use heapdiff::analysis::{
    Bounds, Label, LabelValue, Measure, MeasureBounds, Omitted, OmittedRows, Place, ProcessVerdict,
};
use heapdiff::filter::Granularity;
use heapdiff::model::change::Change;
use heapdiff::report::{
    Answer, Comparison, Input, InputKind, Report, SCHEMA, Sort, Total, Warning, WarningCode,
};
use std::sync::Arc;

pub(crate) const KIB: i64 = 1 << 10;
pub(crate) const MIB: i64 = 1 << 20;

pub(crate) fn input(name: &str) -> Input {
    Input {
        name: name.to_owned(),
        kind: InputKind::Heap,
        time: Some("2025-05-01T10:00:00Z".to_owned()),
        time_source: None,
        named_with: Vec::new(),
        duration_nanos: 0,
        build_id: Some("9f3c21aa5d0e7b6641c2".to_owned()),
        program: Some("chat-server".to_owned()),
        period: 512 * KIB,
        sample_types: [
            "alloc_objects/count",
            "alloc_space/bytes",
            "inuse_objects/count",
            "inuse_space/bytes",
        ]
        .map(str::to_owned)
        .to_vec(),
        default_sample_type: Some("inuse_space".to_owned()),
        samples: 8412,
        comments: Vec::new(),
        comments_left_out: 0,
        doc_url: None,
        memory_statistics: None,
        warnings: Vec::new(),
    }
}

pub(crate) fn total(
    sample_type: &str,
    unit: &str,
    before: i64,
    after: i64,
    margin: Option<i64>,
) -> Total {
    let delta = after - before;
    Total {
        sample_type: sample_type.to_owned(),
        unit: unit.to_owned(),
        value: Change::new(Some(before), after),
        delta_percent: (before != 0).then(|| delta as f64 / before as f64 * 100.0),
        error: margin.map(|margin| Bounds { lower: delta - margin, upper: delta + margin }),
        per_second: None,
    }
}

/// Two builds, whose processes differ.
fn two_processes() -> Comparison {
    Comparison {
        apart_nanos: None,
        same_process: false,
        process: ProcessVerdict::Different,
        process_reasons: vec!["the builds differ".to_owned()],
        seconds: None,
    }
}

/// A row whose cum is its flat.
pub(crate) fn row(name: &str, before: i64, after: i64, margin: i64, status: Status) -> DiffRow {
    let delta = after - before;
    DiffRow {
        name: name.to_owned(),
        file: None,
        line: None,
        before: Measure { flat: before, cum: before },
        after: Measure { flat: after, cum: after },
        delta: Measure { flat: delta, cum: delta },
        delta_percent: (before != 0).then(|| delta as f64 / before as f64 * 100.0),
        objects: Some(Change { before: before / 512, after: after / 512, delta: delta / 512 }),
        kept: None,
        error: Some(Bounds { lower: delta - margin, upper: delta + margin }),
        per_second: None,
        q_value: Some(0.000_12),
        status,
        via: None,
        via_share: None,
        callers: Vec::new(),
        others: None,
        moved_from: None,
        moved_to: None,
        together: None,
        addresses: Vec::new(),
    }
}

pub(crate) fn place(function: &str, file: &str, line: i64) -> Place {
    Place { function: function.to_owned(), file: Some(file.to_owned()), line: Some(line) }
}

fn at(mut row: DiffRow, file: &str, line: i64, kept: f64) -> DiffRow {
    (row.file, row.line, row.kept) = (Some(file.to_owned()), Some(line), Some(kept));
    row
}

/// An empty diff of two heap profiles.
pub(crate) fn empty_diff() -> Report {
    Report {
        schema: SCHEMA.to_owned(),
        inputs: vec![input("before.pb.gz"), input("after.pb.gz")],
        comparison: Some(Comparison {
            apart_nanos: Some(898_000_000_000),
            same_process: true,
            process: ProcessVerdict::Same,
            process_reasons: vec!["57 counters rose and none fell".to_owned()],
            seconds: None,
        }),
        sample_type: "inuse_space".to_owned(),
        unit: "bytes".to_owned(),
        granularity: Granularity::Functions,
        sort: Sort::Bound,
        totals: Vec::new(),
        answer: Answer::Diff(Diff::default()),
        warnings: Vec::new(),
    }
}

/// A chat server that leaks in two places, with every kind of row.
pub(crate) fn leaking() -> Report {
    let mut report = empty_diff();
    report.totals = vec![
        total("alloc_objects", "count", 9_204_331, 30_950_012, None),
        total("alloc_space", "bytes", 4198 * MIB, 10_137 * MIB, None),
        total("inuse_objects", "count", 1_204_331, 3_950_012, Some(91_204)),
        total("inuse_space", "bytes", 312 * MIB + 400 * KIB, 890 * MIB + 100 * KIB, Some(9 * MIB)),
    ];
    report.warnings.push(Warning {
        code: WarningCode::DifferentStackDepth,
        message: "The first profile was written by a Go older than 1.23, which cuts stacks at 32 \
                  frames; deep stacks of the two do not meet, so cumulative values of outer \
                  functions differ more than they should."
            .to_owned(),
    });
    let limiter = "/build/src/github.com/acme/chat/internal/limiter/limiter.go";
    let mut rows = vec![at(
        row(
            "github.com/acme/chat/internal/limiter.windowFor",
            120 * MIB,
            521 * MIB + 200 * KIB,
            4 * MIB + 100 * KIB,
            Status::Grown,
        ),
        limiter,
        54,
        0.99,
    )];
    let mut ticker =
        row("time.NewTicker", 20 * MIB, 150 * MIB + 900 * KIB, 2600 * KIB, Status::Grown);
    ticker.via =
        Some(place("github.com/acme/chat/internal/limiter.newRequestLimiter", limiter, 88));
    rows.push(at(ticker, "/usr/local/go/src/time/tick.go", 36, 1.0));
    let mut decode =
        row("encoding/json.(*decodeState).objectInterface", 0, 38 * MIB, 1900 * KIB, Status::New);
    decode.via = Some(place("main.(*Session).restore", "/build/src/chat/session.go", 201));
    rows.push(at(decode, "/usr/local/go/src/encoding/json/decode.go", 1141, 0.41));
    rows.push(at(
        row(
            "github.com/acme/chat/internal/cache.(*Sharded[go.shape.string,go.shape.struct { Key string; \
             Value []uint8 }]).Put",
            7 * MIB,
            19 * MIB,
            900 * KIB,
            Status::Grown,
        ),
        "/build/src/cache/sharded.go",
        77,
        0.08,
    ));
    let mut unsymbolized = row("libjemalloc.so.2", 0, 9 * MIB, MIB, Status::New);
    unsymbolized.addresses = vec![
        row("libjemalloc.so.2+0x1f00", 0, 6 * MIB, MIB, Status::New),
        row("libjemalloc.so.2+0x2a10", 0, 3 * MIB, 900 * KIB, Status::New),
    ];
    rows.push(unsymbolized);
    let mut moved = row("main.serve.func3", 0, 24 * MIB, 2 * MIB, Status::New);
    moved.moved_from = Some("main.serve.func2".to_owned());
    rows.push(at(moved, "/build/src/chat/server.go", 310, 0.5));
    let mut left = row("main.serve.func2", 23 * MIB + 700 * KIB, 0, 2 * MIB, Status::Gone);
    left.moved_to = Some("main.serve.func3".to_owned());
    rows.push(left);
    rows.push(at(
        row("main.rebuildCache", 40 * MIB, 28 * MIB, 1900 * KIB, Status::Shrunk),
        "/build/src/chat/cache.go",
        19,
        0.0,
    ));
    rows.push(row("main.warmUp", 3 * MIB, 0, 400 * KIB, Status::Gone));
    let site = |function: &str, line, leaf: Option<&str>, before, after, margin: i64| DiffSite {
        place: place(function, limiter, line),
        leaf: leaf.map(str::to_owned),
        moved_from: None,
        leaf_share: leaf.map(|_| 0.84),
        value: Change::new(before, after),
        error: Bounds { lower: after - before - margin, upper: after - before + margin },
        per_second: None,
        q_value: 1e-9,
        lower_bound: after - before - margin,
    };
    report.answer = Answer::Diff(Diff {
        places: None,
        rows,
        within_noise: OmittedRows { rows: 214, sum: 9 * MIB + 100 * KIB, net: -2 * MIB },
        omitted: OmittedRows { rows: 31, sum: 12 * MIB, net: 12 * MIB },
        sites: vec![
            site(
                "github.com/acme/chat/internal/limiter.windowFor",
                54,
                None,
                120 * MIB,
                521 * MIB + 200 * KIB,
                4 * MIB + 100 * KIB,
            ),
            site(
                "github.com/acme/chat/internal/limiter.newRequestLimiter",
                88,
                Some("time.NewTicker"),
                20 * MIB,
                150 * MIB + 900 * KIB,
                2600 * KIB,
            ),
        ],
        ..Diff::default()
    });
    report
}

/// Nothing grew beyond noise.
pub(crate) fn quiet() -> Report {
    let mut report = empty_diff();
    report.totals = vec![total("inuse_space", "bytes", 312 * MIB, 313 * MIB, Some(9 * MIB))];
    report.answer = Answer::Diff(Diff {
        within_noise: OmittedRows { rows: 214, sum: 9 * MIB, net: 3 * MIB },
        ..Diff::default()
    });
    report
}

/// CPU time of two builds.
pub(crate) fn cpu() -> Report {
    let mut report = empty_diff();
    for input in &mut report.inputs {
        input.kind = InputKind::Cpu;
        input.duration_nanos = 30_000_000_000;
        input.sample_types = vec!["samples/count".to_owned(), "cpu/nanoseconds".to_owned()];
        input.period = 10_000_000;
    }
    report.inputs[1].build_id = Some("77aa0012ffee".to_owned());
    report.comparison = Some(two_processes());
    report.sample_type = String::from("cpu");
    report.unit = String::from("nanoseconds");
    report.totals = vec![
        total("samples", "count", 2400, 2900, None),
        total("cpu", "nanoseconds", 24_000_000_000, 29_000_000_000, None),
    ];
    let mut rows = vec![
        row("main.parse", 8_000_000_000, 13_400_000_000, 300_000_000, Status::Grown),
        row("runtime.mallocgc", 4_000_000_000, 3_500_000_000, 200_000_000, Status::Shrunk),
    ];
    for row in &mut rows {
        row.objects = None;
    }
    report.answer = Answer::Diff(Diff { rows, ..Diff::default() });
    report
}

/// The leaking server by cum.
pub(crate) fn by_cum() -> Report {
    let mut report = leaking();
    report.sort = Sort::Cum;
    report.warnings.clear();
    if let Answer::Diff(diff) = &mut report.answer {
        diff.rows.retain(|row| row.moved_from.is_none() && row.moved_to.is_none());
        for row in &mut diff.rows {
            row.before.cum += 4 * MIB;
            row.after.cum += 5 * MIB;
            row.delta.cum += MIB;
        }
    }
    report
}

/// One heap profile.
pub(crate) fn single() -> Report {
    let mut report = empty_diff();
    report.inputs.truncate(1);
    report.comparison = None;
    report.sort = Sort::Flat;
    report.totals = vec![
        Total {
            sample_type: "inuse_objects".to_owned(),
            unit: "count".to_owned(),
            value: Change::new(None, 3_950_012),
            delta_percent: None,
            error: None,
            per_second: None,
        },
        Total {
            sample_type: "inuse_space".to_owned(),
            unit: "bytes".to_owned(),
            value: Change::new(None, 890 * MIB),
            delta_percent: None,
            error: Some(Bounds { lower: 881 * MIB, upper: 899 * MIB }),
            per_second: None,
        },
    ];
    let top_row = |name: &str, flat: i64, cum: i64| TopRow {
        name: name.to_owned(),
        file: Some("/build/src/chat/limiter.go".to_owned()),
        line: Some(54),
        flat,
        cum,
        flat_percent: Some(flat as f64 / (890 * MIB) as f64 * 100.0),
        cum_percent: Some(cum as f64 / (890 * MIB) as f64 * 100.0),
        objects: Some(flat / 48),
        error: Some(Bounds { lower: flat - 4 * MIB, upper: flat + 4 * MIB }),
        via: None,
        via_share: None,
        callers: Vec::new(),
        others: None,
        addresses: Vec::new(),
    };
    let mut ticker = top_row("time.NewTicker", 151 * MIB, 151 * MIB);
    ticker.via = Some(place("main.newRequestLimiter", "/build/src/chat/limiter.go", 88));
    report.answer = Answer::Top(Top {
        places: None,
        no_stack: None,
        rows: vec![
            top_row("github.com/acme/chat/internal/limiter.windowFor", 521 * MIB, 530 * MIB),
            ticker,
            top_row("main.main", 0, 890 * MIB),
        ],
        omitted: OmittedRows { rows: 120, sum: 40 * MIB, net: 40 * MIB },
    });
    report
}

/// Lines of a function whose file has changed, and of one whose file is missing.
pub(crate) fn list() -> Report {
    let mut report = leaking();
    report.warnings.clear();
    report.granularity = Granularity::Lines;
    report.sort = Sort::Cum;
    let values = |flat: [i64; 2], cum: [i64; 2]| {
        let of = |side: usize| Measure { flat: flat[side], cum: cum[side] };
        let values = Change::new(Some(of(0)), of(1));
        let delta = values.delta_or_value();
        let around = |delta: i64| Bounds { lower: delta - 2 * MIB, upper: delta + 2 * MIB };
        let error = MeasureBounds { flat: around(delta.flat), cum: around(delta.cum) };
        (values, Some(error))
    };
    let line = |line, (values, error)| ListLine { line, values, error };
    let texts = [
        (50, "func (l *Limiter) windowFor(user uint64) *Window {"),
        (53, "\tif w == nil {"),
        (54, "\t\tw = &Window{stamps: make([]int64, 0, 128), bodies: make([]byte, 2048)} // held"),
        (55, "\t\tl.windows[user] = w\u{1b}[31m"),
    ];
    let lines = texts.iter().map(|&(line, text)| SourceLine { line, text: text.to_owned() });
    let both = values([120 * MIB, 521 * MIB], [120 * MIB, 530 * MIB]);
    let gone = values([5 * MIB, 0], [5 * MIB, 0]);
    report.answer = Answer::List(List {
        pattern: "windowFor|gone".to_owned(),
        functions: vec![
            Listing {
                function: "github.com/acme/chat/internal/limiter.(*Limiter).windowFor".to_owned(),
                file: Some("github.com/acme/chat/internal/limiter/limiter.go".to_owned()),
                start_line: Some(50),
                values: both.0,
                error: both.1,
                lines: vec![
                    line(Some(54), values([120 * MIB, 521 * MIB], [120 * MIB, 521 * MIB])),
                    line(Some(55), values([0, 0], [0, 9 * MIB])),
                ],
                source: Some(Source {
                    path: "/src/chat/internal/limiter/limiter.go".to_owned(),
                    changed: vec![Changed::Newer, Changed::Elsewhere],
                    lines: lines.collect(),
                }),
                no_source: None,
            },
            Listing {
                function: "gone.\u{1b}[2J".to_owned(),
                file: Some("/build/gone.go".to_owned()),
                start_line: None,
                values: gone.0,
                error: gone.1,
                lines: vec![
                    line(None, values([4 * MIB, 0], [4 * MIB, 0])),
                    line(Some(7), values([MIB, 0], [MIB, 0])),
                ],
                source: None,
                no_source: Some(NoSource::NotFound),
            },
        ],
        omitted: Omitted { rows: 3, sum: 2 * MIB },
    });
    report
}

fn labels() -> Vec<Label> {
    vec![
        Label {
            key: "bytes".to_owned(),
            value: LabelValue::Number { number: 2048, number_unit: "bytes".to_owned() },
        },
        Label {
            key: "tenant".to_owned(),
            value: LabelValue::Text { text: "acme\u{1b}[31m".to_owned() },
        },
    ]
}

fn amount(before: i64, after: i64) -> Change<i64> {
    Change::new(Some(before), after)
}

fn within_a_mib(delta: i64) -> Bounds {
    Bounds { lower: delta - MIB, upper: delta + MIB }
}

/// Stacks of two profiles: inlined frames, labels, and no stack at all.
pub(crate) fn traces() -> Report {
    let mut report = leaking();
    report.warnings.clear();
    let frames = [
        "bytes.growSlice",
        "bytes.(*Buffer).grow",
        "github.com/acme/chat/internal/limiter.(*Limiter).windowFor",
        "main.main",
    ];
    let trace = Trace {
        amount: amount(12 * MIB, 52 * MIB),
        error: Some(within_a_mib(40 * MIB)),
        labels: labels(),
        frames: frames.map(Arc::from).to_vec(),
        inlined: vec![0, 1],
    };
    let bare = Trace {
        amount: amount(9 * MIB, 0),
        error: Some(within_a_mib(-9 * MIB)),
        labels: Vec::new(),
        frames: Vec::new(),
        inlined: Vec::new(),
    };
    let deep = Trace { frames: vec![Arc::from("main.recursive"); 130], ..bare.clone() };
    report.answer = Answer::Traces(Traces {
        rows: vec![trace, bare, deep],
        omitted: Omitted { rows: 16, sum: 57 * MIB },
    });
    report
}

/// Labels of two profiles.
pub(crate) fn tags() -> Report {
    let mut report = leaking();
    report.warnings.clear();
    let value = |label: &Label, before, after| TagValue {
        value: label.value.clone(),
        amount: amount(before, after),
        error: Some(within_a_mib(after - before)),
        percent: (before != 0).then(|| (after - before) as f64 / before as f64 * 100.0),
    };
    let tag = |label: &Label, omitted| Tag {
        key: label.key.clone(),
        amount: amount(20 * MIB, 60 * MIB),
        error: Some(within_a_mib(40 * MIB)),
        percent: Some(200.0),
        values: vec![value(label, 0, 41 * MIB), value(label, 20 * MIB, 19 * MIB)],
        omitted,
    };
    let labels = labels();
    report.answer = Answer::Tags(Tags {
        keys: vec![
            tag(&labels[1], Omitted::default()),
            tag(&labels[0], Omitted { rows: 7, sum: 3 * MIB }),
        ],
        omitted: Omitted { rows: 2, sum: MIB },
    });
    report
}

/// Two processes with another allocator, line by line, without a sampling period, with every row.
pub(crate) fn lines() -> Report {
    let mut report = empty_diff();
    report.granularity = Granularity::Lines;
    report.comparison = Some(two_processes());
    for input in &mut report.inputs {
        (input.period, input.program, input.build_id) = (0, None, None);
        input.warnings = vec![Warning {
            code: WarningCode::NoSamplingPeriod,
            message: "It does not say how it was sampled: there are no error bars.".to_owned(),
        }];
    }
    report.inputs[0].name = String::from("my heaps/before.pb.gz");
    report.totals = vec![total("inuse_space", "bytes", 5 * MIB, 9 * MIB, None)];
    let mut rows = vec![
        row(
            "std::vector<std::pair<int, long>, std::allocator<std::pair<int, long>>>::push_back(std::pair<int, long>&&) /usr/include/c++/13/bits/stl_vector.h:1296",
            MIB,
            5 * MIB,
            0,
            Status::Grown,
        ),
        row(
            "github.com/acme/chat/internal/limiter.(*Limiter).take /build/src/github.com/acme/chat/internal/limiter/limiter.go:54",
            MIB,
            MIB + 17,
            0,
            Status::WithinNoise,
        ),
        row(
            "<alloc::vec::Vec<T> as core::clone::Clone>::clone /rustc/lib.rs:9",
            MIB,
            MIB,
            0,
            Status::Same,
        ),
        row(
            "main.größe·世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界 /x/y.go:1",
            3 * MIB,
            2 * MIB,
            0,
            Status::Shrunk,
        ),
    ];
    for row in &mut rows {
        (row.error, row.objects, row.q_value) = (None, None, None);
    }
    report.answer = Answer::Diff(Diff { rows, ..Diff::default() });
    report
}

/// Packages, by memory ever allocated.
pub(crate) fn packages() -> Report {
    let mut report = leaking();
    report.granularity = Granularity::Packages;
    report.sample_type = String::from("alloc_space");
    report.warnings.clear();
    let diff = answer!(&mut report.answer, Diff);
    diff.rows.truncate(2);
    for row in &mut diff.rows {
        row.name = row.name.rsplit_once('.').map_or("main", |(package, _)| package).to_owned();
    }
    report
}

fn measures(before: i64, after: i64, cum: i64) -> Change<Measure> {
    let with_cum = |flat: i64| Measure { flat, cum: flat + cum };
    Change::new(Some(with_cum(before)), with_cum(after))
}

fn errors(delta: i64, margin: i64) -> MeasureBounds {
    let bounds = Bounds { lower: delta - margin, upper: delta + margin };
    MeasureBounds { flat: bounds, cum: bounds }
}

/// A function between its callers and its callees.
pub(crate) fn peeked() -> Report {
    let neighbor = |name: &str, before: i64, after: i64, inline: bool| Neighbor {
        name: name.into(),
        value: Change::new(Some(before), after),
        inline,
    };
    let rows = vec![
        PeekRow {
            name: "github.com/acme/chat/internal/limiter.windowFor".into(),
            value: measures(120 * MIB, 521 * MIB, 12 * MIB),
            flat_percent: Some(71.5),
            cum_percent: Some(71.5),
            error: Some(errors(401 * MIB, 4 * MIB)),
            callers: (0..23)
                .map(|i| neighbor(&format!("main.caller{i}"), 0, (23 - i) * MIB, i == 1))
                .collect(),
            callees: vec![neighbor("runtime.growslice", 12 * MIB, 12 * MIB, false)],
        },
        PeekRow {
            name: "main.rebuildCache".into(),
            value: measures(40 * MIB, 28 * MIB, 0),
            flat_percent: Some(-2.1),
            cum_percent: Some(-2.1),
            error: None,
            callers: vec![neighbor("main.main", 40 * MIB, 28 * MIB, false)],
            callees: Vec::new(),
        },
    ];
    Report {
        sort: Sort::Flat,
        answer: Answer::Peek(Peek { pattern: Some("For|Cache".to_owned()), rows, omitted: 3 }),
        ..empty_diff()
    }
}

/// A call graph of two nodes, with left-out rows.
pub(crate) fn graph() -> Report {
    let node = |name: &str, before: i64, after: i64| Node {
        name: name.to_owned(),
        file: Some("main.go".to_owned()),
        line: Some(7),
        value: measures(before, after, 0),
        flat_percent: Some(12.5),
        cum_percent: None,
        entered: Change::new(Some(0), 0),
        repeats: Change::new(Some(0), 0),
        error: Some(errors(after - before, MIB)),
        others: vec![OfType {
            sample_type: "inuse_objects".to_owned(),
            unit: "count".to_owned(),
            value: measures(1, 2, 0),
        }],
    };
    let edge = |to: Option<usize>, before: i64, after: i64| graph::Edge {
        from: Some(0),
        to,
        value: Change::new(Some(before), after),
        size: (after - before).abs(),
        inline: to.is_some(),
        residual: to.is_none(),
    };
    let graph = Graph {
        whole: 413 * MIB,
        nodes: vec![node("main.main", 0, 0), node("main.rebuildCache", 40 * MIB, 28 * MIB)],
        edges: vec![edge(Some(1), 40 * MIB, 28 * MIB), edge(None, 1, 2)],
        other: Some(Other {
            nodes: 12,
            edges: 1,
            value: measures(1, 2, 0),
            grew: Some(3),
            shrank: Some(-2),
            entered: Change::new(Some(0), 0),
            repeats: Change::new(Some(0), 0),
        }),
    };
    Report { sort: Sort::Flat, answer: Answer::Graph(graph), ..empty_diff() }
}

/// Functions and the patterns under them.
pub(crate) fn matched() -> Report {
    let row = |function: &str, file: &str, patterns: &[&str], inuse: i64, alloc: i64| Match {
        function: function.to_owned(),
        file: Some(file.to_owned()),
        patterns: patterns.iter().map(|&id| id.to_owned()).collect(),
        inuse_space: Some(inuse),
        alloc_space: Some(alloc),
        goroutines: None,
    };
    let chat = "/build/src/github.com/acme/chat/internal";
    let rows = vec![
        row(
            "main.(*server).ServeHTTP",
            &format!("{chat}/server.go"),
            &[
                "timer-ticker",
                "http-transport-per-request",
                "net-fd",
                "json-churn",
                "app-container",
            ],
            890 * MIB,
            10_137 * MIB,
        ),
        row(
            "github.com/acme/chat/internal/limiter.(*Limiter).windowFor",
            &format!("{chat}/limiter/limiter.go"),
            &["app-container"],
            521 * MIB,
            600 * MIB,
        ),
        row(
            "main.newClient",
            &format!("{chat}/client.go"),
            &["http-transport-per-request", "tls-conns"],
            0,
            12 * KIB,
        ),
        row("main.id", &format!("{chat}/id.go"), &[], 512, 512),
    ];
    let leading = |id: &str, title: &str| Leading { id: id.to_owned(), title: title.to_owned() };
    let matches = Matches {
        rows,
        omitted: 7,
        leading: vec![
            leading("timer-ticker", "Tickers that are never stopped"),
            leading("http-transport-per-request", "A new http.Transport for each request"),
            leading("app-container", "A container of the program's own"),
        ],
        elsewhere: vec![
            ("http-client-body".to_owned(), 4 * MIB),
            ("goroutine".to_owned(), 12 * KIB),
        ],
    };
    Report { answer: Answer::Matches(matches), sort: Sort::Cum, ..single() }
}
