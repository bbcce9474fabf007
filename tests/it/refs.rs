//! `heapdiff refs`: the sums of a tree are right at every level, and it names the callers that memory came through.

use super::ask::{query, series};
use super::dsl::{bytes, heap, stack};
use super::properties;
use heapdiff::analysis::refs::{Refs, RefsDirection, RefsLine, RefsQuery, RefsSite, Relation};
use heapdiff::filter::Spec;
use heapdiff::graph::trim::Fraction;
use heapdiff::model::change::Change;
use heapdiff::report::{Answer, InputKind, Query, Question, Report, analyze};

fn asked(pattern: &str) -> RefsQuery {
    RefsQuery {
        pattern: pattern.to_owned(),
        direction: RefsDirection::Callers,
        sites: 0,
        lines: 0,
        depth: 0,
        branches: 0,
        fraction: Fraction::default(),
    }
}

fn try_refs(inputs: &[&[u8]], asked: RefsQuery, sample_type: &str) -> Result<Report, String> {
    let query = Query { ..query(Question::Refs(asked), sample_type) };
    analyze(series(inputs)?, &query, &Spec::default()).map_err(|error| error.to_string())
}

fn refs(inputs: &[&[u8]], asked: RefsQuery) -> Refs {
    answer!(try_refs(inputs, asked, "inuse_space").unwrap().answer, Refs)
}

/// A tree as text: one line per node, with the change (or value), the part that ends there, and the
/// part left out.
fn drawn(site: &RefsSite) -> Vec<String> {
    let line = |line: &RefsLine| {
        let frames: Vec<String> = line
            .frames
            .iter()
            .map(|frame| format!("{}{}", frame.name, if frame.recursive { "*" } else { "" }))
            .collect();
        let ends =
            line.ends.map(|ends| format!(" ends {}", ends.delta_or_value())).unwrap_or_default();
        let rest = line
            .omitted
            .map(|rest| format!(" {} more {}", rest.count, rest.values.delta_or_value()));
        let rest = rest.unwrap_or_default();
        format!(
            "{}{} {}{ends}{rest}",
            "  ".repeat(line.depth),
            frames.join("<"),
            line.values.delta_or_value()
        )
    };
    site.lines.iter().map(line).collect()
}

#[test]
fn ways_in_branch_where_callers_do() {
    let before = heap(&[
        stack("main;serve;handle;alloc").inuse(1, 100),
        stack("main;init;alloc").inuse(1, 50),
    ]);
    let after = heap(&[
        stack("main;serve;handle;alloc").inuse(3, 400),
        stack("main;serve;upload;alloc").inuse(1, 60),
        stack("main;init;alloc").inuse(1, 50),
        stack("main;other").inuse(9, 900),
    ]);
    let (before, after) = (bytes(&before), bytes(&after));
    let found = refs(&[&before, &after], asked("^alloc$"));
    assert_eq!(found.relation, Relation::AllocatedThrough);
    assert_eq!(
        drawn(&found.sites[0]),
        ["alloc 360", "  handle<serve<main 300", "  upload<serve<main 60", "  init<main 0"]
    );
    let dominator = found.sites[0].dominator.as_ref().unwrap();
    assert_eq!((dominator.function.as_str(), dominator.share), ("serve", 100.0));
    let paths: Vec<_> = found.paths.iter().map(|path| path.frames.join("<")).collect();
    assert_eq!(paths, ["alloc<handle<serve<main", "alloc<upload<serve<main", "alloc<init<main"]);
    let callees = RefsQuery { direction: RefsDirection::Callees, ..asked("^serve$") };
    let found = refs(&[&after], callees);
    assert_eq!(drawn(&found.sites[0]), ["serve 460", "  handle<alloc 400", "  upload<alloc 60"]);
}

#[test]
fn limits_leave_a_rest_that_keeps_the_sums() {
    let profile = heap(&[
        stack("a;x").inuse(1, 10),
        stack("b;x").inuse(1, 500),
        stack("c;x").inuse(1, 30),
        stack("x").inuse(1, 7),
    ]);
    let profile = bytes(&profile);
    let limited = |lines: usize, branches: usize, depth: usize| {
        let asked = RefsQuery { lines, branches, depth, ..asked("^x$") };
        drawn(&refs(&[&profile], asked).sites[0])
    };
    assert_eq!(limited(2, 0, 0), ["x 547 ends 7 2 more 40", "  b 500"]);
    assert_eq!(limited(0, 2, 0), ["x 547 ends 7 1 more 10", "  b 500", "  c 30"]);
    let share = RefsQuery { fraction: Fraction::new(0.05).unwrap(), ..asked("^x$") };
    let share = drawn(&refs(&[&profile], share).sites[0]);
    assert_eq!(share, ["x 547 ends 7 1 more 10", "  b 500", "  c 30"]);
    let deep = bytes(&heap(&[stack("a;b;c;x").inuse(1, 1), stack("d;b;c;x").inuse(1, 2)]));
    let limited = RefsQuery { depth: 1, ..asked("^x$") };
    assert_eq!(drawn(&refs(&[&deep], limited).sites[0]), ["x 3", "  c<b 3 2 more 3"]);
}

#[test]
fn recursion_is_folded_and_counts_once() {
    let profile = bytes(&heap(&[
        stack("main;walk;walk;walk;alloc").inuse(1, 8),
        stack("main;even;odd;even;odd;alloc").inuse(1, 4),
        stack("main;alloc;grow;alloc").inuse(1, 2),
    ]));
    let found = refs(&[&profile], asked("^alloc$"));
    assert_eq!(
        drawn(&found.sites[0]),
        ["alloc* 14", "  walk*<main 8", "  odd*<even<main 4", "  main 2"]
    );
}

#[test]
fn what_calls_can_get_around_dominates_nothing() {
    let dominator = |stacks: [&str; 2]| {
        let profile = bytes(&heap(&stacks.map(|frames| stack(frames).inuse(1, 8))));
        let found = refs(&[&profile], asked("^alloc$"));
        found.sites[0].dominator.as_ref().map(|dominator| dominator.function.clone())
    };
    let apart = ["main.main;main.x;main.a;main.y;alloc", "main.main;main.z;main.a;main.w;alloc"];
    assert_eq!(dominator(apart).as_deref(), Some("main.a"));
    // Both stacks pass main.a, but main.main calls main.x, and main.x calls alloc.
    let around = ["main.main;main.x;main.a;main.y;alloc", "main.main;main.y;main.a;main.x;alloc"];
    assert_eq!(dominator(around).as_deref(), Some("main.main"));
    assert_eq!(dominator(["main.a;alloc", "alloc"]), None);
}

#[test]
fn large_opposite_changes_are_both_shown() {
    let before = bytes(&heap(&[
        stack("main;old;alloc").inuse(1, 1 << 30),
        stack("main;quiet;alloc").inuse(1, 10),
    ]));
    let after = bytes(&heap(&[
        stack("main;new;alloc").inuse(1, 1 << 30),
        stack("main;quiet;alloc").inuse(1, 20),
    ]));
    let few = RefsQuery { lines: 3, ..asked("^alloc$") };
    let found = refs(&[&before, &after], few);
    assert_eq!(
        drawn(&found.sites[0]),
        ["alloc 10 1 more 10", "  new<main 1073741824", "  old<main -1073741824"]
    );
}

/// The value of each line is the sum of its branches, what ends at it and what was left out.
fn check_sums(site: &RefsSite, what: &str) {
    let add = |a: Change<i64>, b: &Change<i64>| Change {
        before: a.before.map(|before| before + b.before.unwrap()),
        after: a.after + b.after,
        delta: a.delta.map(|delta| delta + b.delta.unwrap()),
    };
    for (i, line) in site.lines.iter().enumerate() {
        let beneath = site.lines[i + 1..].iter().take_while(|other| other.depth > line.depth);
        let branches: Vec<_> = beneath.filter(|other| other.depth == line.depth + 1).collect();
        if branches.is_empty() && line.omitted.is_none() {
            continue;
        }
        let zero = line.values.before.map(|_| 0);
        let none = Change { before: zero, after: 0, delta: zero };
        let mut sum = branches.iter().fold(none, |sum, branch| add(sum, &branch.values));
        for more in line.ends.iter().chain(line.omitted.iter().map(|rest| &rest.values)) {
            sum = add(sum, more);
        }
        assert_eq!(sum, line.values, "{what}: line {i}: {line:?}");
    }
}

#[test]
fn sums_are_those_of_the_functions_at_every_level() {
    let mut checked = 0;
    for [a, b] in properties::pairs() {
        for inputs in [&[a.as_slice(), &b][..], &[b.as_slice()]] {
            let Ok(of) = series(inputs) else { continue };
            let whole = if inputs.len() == 2 { Question::Diff } else { Question::Top };
            for sample_type in of.sample_types.clone() {
                let name = sample_type.name.as_str();
                let query = query(whole.clone(), name);
                let all = analyze(of.clone(), &query, &Spec::default()).unwrap();
                let rows: std::collections::BTreeMap<String, i64> = match all.answer {
                    Answer::Diff(diff) => {
                        diff.rows.into_iter().map(|row| (row.name, row.delta.cum)).collect()
                    }
                    Answer::Top(top) => {
                        top.rows.into_iter().map(|row| (row.name, row.cum)).collect()
                    }
                    other => panic!("no rows: {other:?}"),
                };
                for lines in [0, 7] {
                    for direction in [RefsDirection::Callers, RefsDirection::Callees] {
                        let wanted = RefsQuery { lines, sites: 40, direction, ..asked(".") };
                        let Ok(report) = try_refs(inputs, wanted, name) else { continue };
                        for site in answer!(report.answer, Refs).sites {
                            check_sums(&site, name);
                            let first = &site.lines[0];
                            let name = &first.frames[0].name;
                            // Addresses are rows of their own here, and elsewhere part of their
                            // binary's row.
                            if let Some(cum) =
                                rows.get(name).filter(|_| !name.starts_with(['<', '[']))
                            {
                                assert_eq!(first.values.delta_or_value(), *cum, "{first:?}");
                                checked += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(checked > 1000, "only {checked} functions were compared");
}

#[test]
fn a_profile_of_references_says_what_holds() {
    let mut profile = heap(&[
        stack("main.cache. (*main.Cache);entries. (map[string][]uint8);$value. ([]uint8)")
            .inuse(100, 4096),
        stack("main.main. (func);buf. ([]uint8)").inuse(1, 10),
    ]);
    // As goref writes it: objects and bytes in use, without period, address or file.
    profile.sample_type.drain(..2);
    profile.sample.iter_mut().for_each(|sample| _ = sample.value.drain(..2));
    profile.location.iter_mut().for_each(|location| {
        location.address = 0;
        location.line.iter_mut().for_each(|line| line.line = 0);
    });
    profile.function.iter_mut().for_each(|function| {
        (function.system_name, function.filename) = (0, 0);
    });
    (profile.period, profile.period_type, profile.time_nanos) = (0, None, 0);
    let profile = bytes(&profile);
    let report = try_refs(&[&profile], asked("value"), "").unwrap();
    assert_eq!(report.inputs[0].kind, InputKind::Reference);
    assert_eq!(report.inputs[0].warnings, []);
    let found = answer!(report.answer, Refs);
    assert_eq!(found.relation, Relation::HeldBy);
    assert_eq!(
        drawn(&found.sites[0]),
        [
            "$value. ([]uint8) 4096",
            "  entries. (map[string][]uint8)<main.cache. (*main.Cache) 4096"
        ]
    );
    let error = found.sites[0].lines[0].error.unwrap();
    assert_eq!((error.lower, error.upper), (4096, 4096), "every object was counted");
}

#[test]
fn a_pattern_that_finds_nothing_names_what_is_near() {
    let profile = bytes(&heap(&[stack("main.main;main.(*Gateway).handle").inuse(1, 1)]));
    let error = try_refs(&[&profile], asked("gatway.handel"), "").unwrap_err();
    assert_eq!(
        error,
        "no function matches `gatway.handel`; the nearest are:\n  main.(*Gateway).handle\n  main.main"
    );
    let error = try_refs(&[&profile], asked("(handle"), "").unwrap_err();
    assert!(error.contains("unclosed group"), "{error}");
}

/// A profile with different lines and addresses throughout, as in another build.
fn moved(mut profile: heapdiff::input::pprof::proto::Profile) -> Vec<u8> {
    for location in &mut profile.location {
        location.address += 0x1000;
        location.line.iter_mut().for_each(|line| line.line += 5);
    }
    bytes(&profile)
}

#[test]
fn lines_that_moved_between_builds_are_no_change() {
    let idle = |i: u32| stack(&format!("main;idle{i};alloc")).inuse(1, 100 << 20);
    let mut stacks: Vec<_> = (0..9).map(idle).collect();
    let before = bytes(&heap(&stacks));
    stacks.push(stack("main;leak;alloc").inuse(1, 1 << 20));
    let after = moved(heap(&stacks));
    let few = RefsQuery { lines: 2, ..asked("^alloc$") };
    let found = refs(&[&before, &after], few);
    assert_eq!(drawn(&found.sites[0]), ["alloc 1048576 9 more 0", "  leak<main 1048576"]);
}

#[test]
fn functions_with_large_opposite_changes_come_first() {
    let before = [stack("a;site1").inuse(1, 900), stack("b;site1").inuse(1, 100)];
    let after = [
        stack("a;site1").inuse(1, 100),
        stack("b;site1").inuse(1, 900),
        stack("a;site2").inuse(1, 5),
    ];
    let one = RefsQuery { sites: 1, ..asked("site") };
    let (before, after) = (bytes(&heap(&before)), bytes(&heap(&after)));
    let found = refs(&[&before, &after], one);
    assert_eq!(drawn(&found.sites[0]), ["site1 0", "  a -800", "  b 800"]);
    assert_eq!(found.more_sites, ["site2"]);
}

#[test]
fn a_share_is_of_what_goes_the_same_way() {
    let before = [stack("main;a;site").inuse(1, 50), stack("main;d;site").inuse(1, 100)];
    let after = [stack("main;d;site").inuse(1, 300)];
    let (before, after) = (bytes(&heap(&before)), bytes(&heap(&after)));
    let dominator = refs(&[&before, &after], asked("site")).sites[0].dominator.clone().unwrap();
    assert_eq!((dominator.function.as_str(), dominator.share), ("d", 100.0));
}

#[test]
fn of_many_profiles_the_first_and_the_last_by_time_are_compared() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("many");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, time: i64, size: i64| {
        let mut profile = heap(&[stack("main;alloc").inuse(1, size)]);
        profile.time_nanos = time;
        let file = folder.join(name);
        std::fs::write(&file, bytes(&profile)).unwrap();
        file
    };
    let second = 1_000_000_000;
    let timed = [write("c", 3 * second, 30), write("a", second, 10), write("b", 2 * second, 20)];
    let untimed = [timed[0].clone(), write("d", 0, 5), timed[1].clone()];
    for (files, delta) in [(&timed, 20), (&untimed, -20)] {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_heapdiff"))
            .args(["refs", "alloc", "--format", "json"])
            .args(files)
            .output()
            .unwrap();
        let report: Report = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(report.inputs.len(), 2);
        assert_eq!(answer!(report.answer, Refs).sites[0].lines[0].values.delta, Some(delta));
        assert!(
            report.warnings.iter().any(|w| w.message.contains("the first and last of 3 profiles"))
        );
    }
}
