//! Rows split by caller: every line of a table holds one caller's part, and all lines add up.

use crate::dsl::{bytes, heap, stack};
use crate::tables::plain;
use crate::{ask, corpus, tables};
use heapdiff::analysis::Status;
use heapdiff::analysis::parts::{CallerPart, OtherCallers};
use heapdiff::filter::Spec;
use heapdiff::model::change::Change;
use heapdiff::model::origin::{Own, Owner};
use heapdiff::model::site::{Frame, Owners};
use heapdiff::output::{Style, Width};
use heapdiff::report::{Answer, Query, Question, Report, Sort, analyze};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A table with every digit.
fn table(report: &Report) -> String {
    let style = Style { unit: Some(report.unit.clone()), ..plain(Width::Unlimited) };
    tables::table(report, &style)
}

/// The number at the start of a text: `+1 204 bytes …`.
fn number(text: &str) -> Option<i64> {
    let text = text.trim_start().split("  ").next()?;
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == ' ' || c == '+' || c == '-'));
    let digits: String = text[..end.unwrap_or(text.len())].split_whitespace().collect();
    digits.parse().ok()
}

/// What the lines of a table and its remarks add up to.
fn added_up(table: &str) -> i64 {
    let titles = ["Δ flat", "flat"];
    let remarks = ["without symbols: ", "other callers: ", "not shown: ", "within noise: "];
    let is_title = |line: &str| titles.iter().any(|title| line.trim_start().starts_with(title));
    let is_remark = |line: &str| remarks.iter().any(|remark| line.starts_with(remark));
    let mut sum = 0;
    for line in table.lines().skip_while(|line| !is_title(line) && !is_remark(line)) {
        let value = if is_remark(line) {
            let at = line.find(", Δ ").map(|at| at + ", Δ ".len());
            let at = at.or(line.find(", flat ").map(|at| at + ", flat ".len())).unwrap();
            number(&line[at..])
        } else if line.trim().is_empty() || is_title(line) {
            Some(0)
        } else {
            number(line)
        };
        let Some(value) = value else { break };
        sum += value;
    }
    sum
}

fn question(question: Question, nodecount: usize, all: bool) -> Query {
    let mut query = ask::query(question, "");
    (query.sample_type, query.nodecount, query.all) = (None, nodecount, all);
    query
}

fn answer(inputs: &[&[u8]], query: &Query) -> Option<Report> {
    analyze(ask::series(inputs).ok()?, query, &Spec::default()).ok()
}

/// Profiles that can be read, with those beside each that they can be compared with.
fn profiles() -> Vec<(PathBuf, Vec<u8>)> {
    let shared =
        ["corpus", "chatlab/recordings", "publiclab/recordings", "leakbench/recordings", "found"];
    let mut paths = corpus::testdata();
    paths.extend(corpus::shared(&shared));
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        // Broken ones and bombs are for other tests.
        (bytes.len() < 4 << 20).then_some(())?;
        heapdiff::input::read_profile(bytes.as_slice()).ok()?;
        Some((path, bytes))
    };
    paths
        .into_iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "attack"))
        .filter_map(read)
        .collect()
}

/// The sum of all rows, which have pprof's numbers.
fn of_rows(report: &Report) -> i64 {
    match &report.answer {
        Answer::Diff(diff) => {
            let no_stack = diff.no_stack.as_deref();
            diff.rows.iter().chain(no_stack).map(|row| row.delta.flat).sum()
        }
        Answer::Top(top) => top.rows.iter().chain(&top.no_stack).map(|row| row.flat).sum(),
        other => panic!("no rows: {other:?}"),
    }
}

/// Checks the tables of a question about some profiles. Returns how many were checked.
fn check_tables(inputs: &[&[u8]], asked: &Question, names: &str) -> usize {
    let Some(whole) = answer(inputs, &question(asked.clone(), 0, true)) else { return 0 };
    if whole.comparison.as_ref().is_some_and(|comparison| comparison.seconds.is_some()) {
        // Rates are rounded line by line.
        return 0;
    }
    let expected = of_rows(&whole);
    for (nodecount, all) in [(0, true), (25, false), (3, true)] {
        let report = answer(inputs, &question(asked.clone(), nodecount, all)).unwrap();
        let table = table(&report);
        assert_eq!(added_up(&table), expected, "{names} -n {nodecount} --all={all}\n{table}");
    }
    1
}

#[test]
fn every_table_adds_up() {
    let profiles = profiles();
    let mut tables = 0;
    for (path, bytes) in &profiles {
        tables += check_tables(&[bytes], &Question::Top, &corpus::shown(path));
    }
    for pair in profiles.windows(2) {
        let [(first, before), (second, after)] = pair else { continue };
        if first.parent() == second.parent() {
            let names = format!("{} {}", corpus::shown(first), corpus::shown(second));
            tables += check_tables(&[before, after], &Question::Diff, &names);
        }
    }
    assert!(tables > 100, "{tables}");
}

/// A row and the caller to blame for a part of it.
type Key = (String, Option<String>);

/// Flat by row and by the own function nearest to the leaf, or else that of a dependency; `None` if that is the leaf
/// itself, or if there is none.
fn independently(inputs: &[&[u8]], sample_type: &str) -> BTreeMap<Key, [i64; 2]> {
    let series = ask::series(inputs).unwrap();
    let symbols = &series.symbols;
    let owners = Owners::new(symbols, &Own::default());
    let column = series.sample_types.iter().position(|of| of.name == sample_type).unwrap();
    let mut sums: BTreeMap<Key, [i64; 2]> = BTreeMap::new();
    for (side, snapshot) in series.snapshots.iter().enumerate() {
        for sample in 0..snapshot.samples.len() {
            let value = series.values(snapshot, sample)[column];
            let frames: Vec<Frame> = snapshot
                .stack(sample)
                .flat_map(|location| symbols.locations.lines(location))
                .map(Frame::from)
                .collect();
            let Some(leaf) = frames.first() else { continue };
            let owner = |frame: &&Frame| owners.of(frame.function);
            let is = |owned: Owner| move |frame: &&Frame| owner(frame) == owned;
            let stop = frames.iter().position(|frame| owner(&frame) == Owner::ProfileServer);
            let below = &frames[..stop.unwrap_or(frames.len())];
            let own = below.iter().find(is(Owner::Own));
            let site = own.or(below.iter().find(is(Owner::Dependency)).filter(|_| stop.is_none()));
            // The last resort: what made a descriptor of a goroutine.
            let site = site.or(below.iter().find(is(Owner::Descriptor)).filter(|_| stop.is_none()));
            let caller = site.filter(|site| *site != leaf);
            let name = |frame: &Frame| symbols.name(frame.function).to_owned();
            let sum = sums.entry((name(leaf), caller.map(name))).or_default();
            sum[side] += value;
        }
    }
    sums
}

/// What is said about callers.
struct Said<'a> {
    row: &'a str,
    callers: &'a [CallerPart],
    others: Option<&'a OtherCallers>,
    /// The row's own value, or its Δ.
    value: i64,
}

fn said(report: &Report) -> Vec<Said<'_>> {
    match &report.answer {
        Answer::Diff(diff) => {
            let plain = diff.rows.iter().filter(|row| row.addresses.is_empty());
            plain
                .map(|row| Said {
                    row: &row.name,
                    callers: &row.callers,
                    others: row.others.as_ref(),
                    value: row.delta.flat,
                })
                .collect()
        }
        Answer::Top(top) => {
            let plain = top.rows.iter().filter(|row| row.addresses.is_empty());
            plain
                .map(|row| Said {
                    row: &row.name,
                    callers: &row.callers,
                    others: row.others.as_ref(),
                    value: row.flat,
                })
                .collect()
        }
        other => panic!("no rows: {other:?}"),
    }
}

/// Compares what is said about callers with sums of stacks. Returns how many callers were compared, and how many are
/// on no stack of their row: those that call a library which works in goroutines of its own.
fn check_callers(inputs: &[&[u8]], asked: Question, names: &str) -> (usize, usize) {
    let Some(report) = answer(inputs, &question(asked, 0, true)) else { return (0, 0) };
    let sums = independently(inputs, &report.sample_type);
    let (mut compared, mut apart) = (0, 0);
    for Said { row, callers, others, value } in said(&report) {
        let Some(first) = callers.first() else { continue };
        let parts = callers.iter().map(|caller| &caller.part).chain(others.map(|rest| &rest.part));
        let sum: i64 = parts.clone().map(|part| part.value.delta_or_value()).sum();
        assert_eq!(sum, value, "parts of {row} in {names}");
        let share: f64 = parts.map(|part| part.share).sum();
        assert!((share - 1.0).abs() < 1e-9, "shares of {row} in {names}: {share}");
        let of_row = sums.iter().filter(|((name, _), _)| name == row);
        let gross: i64 = of_row.map(|(_, [a, b])| (b - a).abs()).sum();
        let function = |caller: &CallerPart| Some(caller.place.as_ref()?.function.clone());
        let found: BTreeSet<_> = callers.iter().map(function).collect();
        let of_row = sums.keys().filter(|(name, _)| name == row);
        if others.is_none() && found != of_row.map(|(_, caller)| caller.clone()).collect() {
            apart += 1;
            continue;
        }
        assert!(first.part.value.delta_or_value() != 0 || value == 0, "{row} in {names}");
        for CallerPart { place, part } in callers {
            let function = place.as_ref().map(|place| place.function.clone());
            let [one, two] = sums[&(row.to_owned(), function)];
            let expected = if inputs.len() == 1 {
                Change::new(None, one)
            } else {
                Change::new(Some(one), two)
            };
            assert_eq!(part.value, expected, "{place:?} of {row} in {names}");
            if inputs.len() == 2 && gross != 0 {
                let share = (two - one).abs() as f64 / gross as f64;
                assert!((part.share - share).abs() < 1e-9, "{place:?} of {row} in {names}");
            }
            compared += usize::from(place.is_some());
        }
    }
    (compared, apart)
}

#[test]
fn callers_and_their_shares_are_those_of_the_stacks() {
    let profiles = profiles();
    let (mut compared, mut apart) = (0, 0);
    let mut count = |(more, more_apart): (usize, usize)| {
        compared += more;
        apart += more_apart;
    };
    for (path, bytes) in &profiles {
        count(check_callers(&[bytes], Question::Top, &corpus::shown(path)));
    }
    for pair in profiles.windows(2) {
        let [(first, before), (second, after)] = pair else { continue };
        // Between builds a function may have another name.
        let build = |bytes: &[u8]| {
            let series = ask::series(&[bytes]).ok()?;
            Some(series.snapshots[0].header.period)
        };
        if first.parent() == second.parent() && build(before) == build(after) {
            let names = format!("{} {}", corpus::shown(first), corpus::shown(second));
            count(check_callers(&[before, after], Question::Diff, &names));
        }
    }
    assert!(compared >= 200 && apart * 20 < compared, "{compared} compared, {apart} apart");
}

const MIB: i64 = 1 << 20;

/// `bytes.growSlice` under several callers, each given MiB of objects of a size.
fn grown_by(size: i64, callers: &[(&str, i64)]) -> Vec<u8> {
    let stacks = callers.iter().map(|(caller, mib)| {
        let path = match *caller {
            "" => "runtime.main;bytes.growSlice".to_owned(),
            own => format!("main.main;{own};bytes.growSlice"),
        };
        stack(&path).inuse(mib * MIB / size, mib * MIB).sized(size)
    });
    bytes(&heap(&stacks.collect::<Vec<_>>()))
}

fn grown(callers: &[(&str, i64)]) -> Vec<u8> {
    grown_by(MIB, callers)
}

fn lines(report: &Report) -> Vec<String> {
    let table = table(report);
    let lines = table.lines().filter(|line| line.contains("growSlice") && !line.contains('→'));
    let of = |line: &str| {
        let name = line.find("bytes.growSlice").map_or("", |at| &line[at..]);
        let name = name.split("  ").next().unwrap_or_default();
        format!("{} {name}", number(line).unwrap() / MIB)
    };
    lines.map(of).collect()
}

#[test]
fn each_line_is_one_callers_part() {
    let profile = grown(&[("main.a", 60), ("main.b", 30), ("", 6), ("main.c", 3), ("main.d", 1)]);
    let top = |nodecount| answer(&[&profile], &question(Question::Top, nodecount, false)).unwrap();
    let named = ["60 bytes.growSlice ← main.a", "30 bytes.growSlice ← main.b"];
    assert_eq!(lines(&top(3))[..2], named);
    assert_eq!(lines(&top(3))[2..], ["10 bytes.growSlice ← 3 other callers"]);
    assert_eq!(lines(&top(1)), ["100 bytes.growSlice ← main.a (60 %, 4 others)"]);
    let all = ["6 bytes.growSlice", "3 bytes.growSlice ← main.c", "1 bytes.growSlice ← main.d"];
    assert_eq!(lines(&top(0)), [&named[..], &all].concat());
}

#[test]
fn one_caller_of_everything_is_one_line() {
    let profile = grown(&[("main.a", 60)]);
    let report = answer(&[&profile], &question(Question::Top, 25, false)).unwrap();
    assert_eq!(lines(&report), ["60 bytes.growSlice ← main.a"]);
}

#[test]
fn parts_that_grew_and_parts_that_shrank_are_apart() {
    let before = grown(&[("main.a", 50), ("main.b", 200), ("main.c", 40)]);
    let after = grown(&[("main.a", 250), ("main.b", 80), ("main.c", 41)]);
    let report = answer(&[&before, &after], &question(Question::Diff, 25, false)).unwrap();
    let row = answer!(&report.answer, Diff).rows.iter().find(|row| row.name == "bytes.growSlice");
    let row = row.unwrap();
    assert_eq!((row.delta.flat, row.status), (81 * MIB, Status::Grown));
    // The caller that grew, although another has more.
    assert_eq!(row.via.as_ref().unwrap().function, "main.a");
    assert_eq!(row.via_share, Some(row.callers[0].part.share));
    let said: BTreeMap<&str, Option<Status>> = row
        .callers
        .iter()
        .map(|caller| (caller.place.as_ref().unwrap().function.as_str(), caller.part.status))
        .collect();
    let expected = [("main.a", Some(Status::Grown)), ("main.b", Some(Status::Shrunk))];
    assert_eq!(said, BTreeMap::from(expected));
    let others = row.others.as_ref().unwrap();
    assert_eq!((others.count, others.part.status), (1, Some(Status::WithinNoise)));
    let text = lines(&report);
    assert_eq!(text[..2], ["200 bytes.growSlice ← main.a", "-120 bytes.growSlice ← main.b"]);
}

#[test]
fn growth_that_no_caller_explains_alone_stays_one_line() {
    let callers = ["main.a", "main.b", "main.c", "main.d", "main.e", "main.f"];
    // Two samples each.
    let before = grown_by(512, &callers.map(|caller| (caller, 1)));
    let after = grown_by(512, &callers.map(|caller| (caller, 3)));
    let report = answer(&[&before, &after], &question(Question::Diff, 25, false)).unwrap();
    let row = &answer!(&report.answer, Diff).rows[0];
    assert_eq!(row.status, Status::Grown);
    assert!(row.callers.is_empty(), "{:?}", row.callers);
    assert_eq!(lines(&report), ["12 bytes.growSlice ← 6 callers"]);
}

#[test]
fn a_row_by_cum_is_split_only_if_it_allocates_all_of_it() {
    let profile = bytes(&heap(&[
        stack("main.a;bytes.Grow;bytes.growSlice").inuse(60, 60 * MIB),
        stack("main.b;bytes.Grow;bytes.growSlice").inuse(40, 40 * MIB),
        stack("main.b;bytes.Grow").inuse(5, 5 * MIB),
    ]));
    let query = Query { sort: Some(Sort::Cum), ..question(Question::Top, 0, false) };
    let report = answer(&[&profile], &query).unwrap();
    for row in &answer!(&report.answer, Top).rows {
        let is_leaf = row.name == "bytes.growSlice";
        assert_eq!(
            (row.callers.len(), row.via.is_some()),
            if is_leaf { (2, true) } else { (0, false) }
        );
    }
}
