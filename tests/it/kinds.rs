//! What a profile is decides what is said about it: its kind, its process, the time it covers, and samples or names that
//! are out of the ordinary.

use super::dsl::{Stack, bytes, commented, heap, mapped, of_kind, stack};
use super::program::{folder, run};
use heapdiff::input::pprof::proto::Profile;
use serde_json::Value;
use std::path::{Path, PathBuf};

const CPU: [(&str, &str); 2] = [("samples", "count"), ("cpu", "nanoseconds")];
const BLOCK: [(&str, &str); 2] = [("contentions", "count"), ("delay", "nanoseconds")];
const GOROUTINE: [(&str, &str); 1] = [("goroutine", "count")];
const SECOND: i64 = 1_000_000_000;

fn cpu(stacks: &[Stack], seconds: i64) -> Profile {
    let profile = of_kind(heap(stacks), &CPU, (("cpu", "nanoseconds"), 10_000_000));
    Profile { duration_nanos: seconds * SECOND, ..profile }
}

fn goroutines(stacks: &[Stack]) -> Profile {
    of_kind(heap(stacks), &GOROUTINE, (("goroutine", "count"), 1))
}

fn at(profile: Profile, seconds: i64) -> Profile {
    Profile { time_nanos: profile.time_nanos + seconds * SECOND, ..profile }
}

/// A folder with these profiles as `0.pb`, `1.pb` and so on.
fn files(name: &str, profiles: &[Profile]) -> PathBuf {
    let folder = folder(name);
    for (number, profile) in profiles.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}.pb")), bytes(profile)).unwrap();
    }
    folder
}

fn said(folder: &Path, args: &[&str]) -> String {
    let said = run(folder, args);
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    said.stdout
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let args = [args, &["--format", "json"]].concat();
    serde_json::from_str(&said(folder, &args)).unwrap()
}

/// A heap of `sites` sites with this many objects of 64 KiB each, sampled in part.
fn sites(sites: usize, objects: impl Fn(usize) -> i64) -> Vec<Stack> {
    let site = |i: usize| {
        let objects = objects(i);
        stack(&format!("main.main;main.f{i}")).inuse(objects, objects << 16).sized(1 << 16)
    };
    (0..sites).map(site).collect()
}

#[test]
fn the_process_is_told_by_addresses_then_by_counters() {
    let app = ("/srv/app", 0x40_0000, "abc");
    let vdso = |at| [app, ("[vdso]", at, "")];
    let few = || heap(&[stack("main.main;main.f").inuse(100, 6400)]);
    let more = || heap(&[stack("main.main;main.f").inuse(200, 12_800)]);
    let many = |offset: i64| heap(&sites(9, |i| 100 + offset + i as i64));
    let mixed = || heap(&sites(9, |i| if i < 5 { 50 } else { 500 }));
    let (one, two) = (0x7ffc_1234_5000, 0x7ffd_5432_1000);
    let cases = [
        ("vdso", mapped(few(), &vdso(one)), mapped(more(), &vdso(one)), "same"),
        ("other-vdso", mapped(few(), &vdso(one)), mapped(more(), &vdso(two)), "different"),
        ("fork", mapped(many(0), &vdso(one)), mapped(mixed(), &vdso(one)), "different"),
        ("few-counters", mapped(few(), &[app]), mapped(more(), &[app]), "unknown"),
        ("many-counters", many(0), many(10), "same"),
        ("counters-fall", many(0), mixed(), "different"),
        (
            "builds",
            mapped(few(), &[app]),
            mapped(more(), &[("/srv/app", 0x40_0000, "def")]),
            "different",
        ),
        (
            "goroutines",
            goroutines(&[stack("a;b").inuse(3, 0)]),
            goroutines(&[stack("a;b").inuse(4, 0)]),
            "unknown",
        ),
        (
            "moved-goroutines",
            mapped(goroutines(&[stack("a;b").inuse(3, 0)]), &vdso(one)),
            mapped(goroutines(&[stack("a;b").inuse(4, 0)]), &vdso(one)),
            "same",
        ),
    ];
    for (name, before, after, expected) in cases {
        let folder = files(&format!("process-{name}"), &[before, at(after, 60)]);
        let report = json(&folder, &["diff", "0.pb", "1.pb"]);
        let comparison = &report["comparison"];
        assert_eq!(comparison["process"], expected, "{name}: {comparison}");
        assert_eq!(comparison["same_process"], expected != "different", "{name}");
        assert!(!comparison["process_reasons"].as_array().unwrap().is_empty(), "{name}");
        let text = said(&folder, &["diff", "0.pb", "1.pb", "--width", "200"]);
        let text = text.lines().next().unwrap();
        assert_eq!(text.contains("same process"), expected == "same", "{name}: {text}");
        assert_eq!(text.contains("different processes"), expected == "different", "{name}: {text}");
        let is_remarked = expected == "unknown" && !name.contains("goroutines");
        assert_eq!(text.contains("unknown whether one process"), is_remarked, "{name}: {text}");
    }
}

#[test]
fn an_unknown_process_widens_the_interval() {
    let app = ("/srv/app", 0x40_0000, "abc");
    let vdso = ("[vdso]", 0x7ffc_1234_5000, "");
    let profile = |objects: i64| {
        heap(&[stack("main.main;main.f").inuse(objects, objects << 16).sized(1 << 16)])
    };
    let width = |name: &str, map: &[(&str, u64, &str)]| {
        let pair = [mapped(profile(1000), map), at(mapped(profile(1100), map), 60)];
        let report = json(&files(name, &pair), &["diff", "0.pb", "1.pb", "--all"]);
        let rows = report["diff"]["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == "main.f").unwrap();
        assert_eq!(row["kept"].is_number(), map.len() == 2, "{row}");
        row["error"]["upper"].as_i64().unwrap() - row["error"]["lower"].as_i64().unwrap()
    };
    let (one, unknown) = (width("known-process", &[app, vdso]), width("unknown-process", &[app]));
    assert!(unknown > 2 * one, "{one} {unknown}");
}

#[test]
fn an_equal_pair_is_no_change() {
    let profile = goroutines(&[stack("a;b").inuse(3, 0), stack("a;c").inuse(1, 0)]);
    let folder = files("equal-goroutines", &[profile.clone(), at(profile, 2)]);
    let text = said(&folder, &["diff", "0.pb", "1.pb"]);
    assert!(text.contains("No change: the two profiles hold the same data."), "{text}");
    assert!(!text.contains("recorded"), "{text}");
    let itself = json(&folder, &["diff", "0.pb", "0.pb"]);
    assert_eq!(itself["comparison"]["process"], "same");
}

#[test]
fn each_kind_has_its_own_words_for_nothing() {
    let threads = [("threadcreate", "count")];
    let cases = [
        ("cpu", cpu(&[], 10), "no CPU time was spent", "no CPU time was recorded."),
        (
            "block",
            of_kind(heap(&[]), &BLOCK, (("contentions", "count"), 1)),
            "nothing has waited",
            "nothing waited.",
        ),
        (
            "threads",
            of_kind(heap(&[]), &threads, (("threadcreate", "count"), 1)),
            "no thread was recorded",
            "no thread was created.",
        ),
        ("goroutine", goroutines(&[]), "no goroutine was recorded", "there are no goroutines."),
        ("heap", heap(&[]), "sampled no allocation", "no allocation was sampled."),
    ];
    for (name, profile, warning, closing) in cases {
        let folder = files(&format!("nothing-{name}"), &[profile.clone(), at(profile, 5)]);
        for args in [&["0.pb"][..], &["0.pb", "1.pb"]] {
            let text = said(&folder, args);
            assert!(text.contains(warning) && text.contains(closing), "{name}: {text}");
            assert_eq!(text.contains("alloc"), name == "heap", "{name}: {text}");
        }
    }
}

#[test]
fn memory_that_is_not_in_use_any_more_is_asked_for_by_what_was_allocated() {
    let freed = heap(&[stack("main.main;main.f").alloc(100, 12 << 20).sized(4096)]);
    let folder = files("freed", &[freed.clone(), at(freed, 60)]);
    let text = said(&folder, &["0.pb"]);
    assert!(
        text.contains("Nothing is in use, but 12.0 MiB was allocated: ask with -alloc_space."),
        "{text}"
    );
    for command in ["traces", "tree", "tags"] {
        let text = said(&folder, &[command, "0.pb"]);
        assert!(text.contains("ask with -alloc_space"), "{text}");
    }
    assert!(said(&folder, &["0.pb", "-alloc_space"]).contains("main.f"));
    assert!(said(&folder, &["0.pb", "-alloc_space", "-focus=x"]).contains("the filters left no"));
}

#[test]
fn growth_is_said_in_the_words_of_the_kind() {
    let grown = |kind: &dyn Fn(i64) -> Profile| [kind(100), at(kind(1000), 60)];
    let time =
        |samples: i64| cpu(&[stack("main.main;main.f").inuse(samples, samples * 10_000_000)], 30);
    let text = said(&files("more-time", &grown(&time)), &["0.pb", "1.pb"]);
    assert!(text.contains("Took more time, and where to look"), "{text}");
    let back = said(&files("less-time", &[time(1000), time(100)]), &["0.pb", "1.pb"]);
    assert!(
        back.contains("Nothing took more time, beyond what sampling error explains."),
        "{back}"
    );
    let waits = |count: i64| {
        let stacks = [stack("main.main;main.f").inuse(count, count * 1000)];
        of_kind(heap(&stacks), &BLOCK, (("contentions", "count"), 1))
    };
    let text = said(&files("less-waiting", &[waits(1000), waits(10)]), &["0.pb", "1.pb"]);
    assert!(text.contains("Nothing waited longer."), "{text}");
}

#[test]
fn different_times_are_compared_per_second() {
    let busy = |samples: i64, seconds: i64| {
        let of = |name: &str, samples: i64| {
            stack(&format!("main.main;main.{name}")).inuse(samples, samples * 10_000_000)
        };
        cpu(
            &[of("steady", samples), of("grows", if seconds > 10 { samples * 2 } else { samples })],
            seconds,
        )
    };
    let folder = files("per-second", &[busy(1000, 10), at(busy(3000, 30), 60)]);
    let report = json(&folder, &["diff", "0.pb", "1.pb", "--all"]);
    assert_eq!(report["comparison"]["seconds"], serde_json::json!([10.0, 30.0]));
    let row = |name: &str| {
        let rows = report["diff"]["rows"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap().clone()
    };
    // The values are those of pprof; what is said of them is about the rates.
    let steady = row("main.steady");
    assert_eq!(steady["delta"]["flat"], 20 * SECOND);
    assert_eq!(steady["per_second"]["delta"], 0.0);
    assert_eq!(steady["status"], "same");
    let grows = row("main.grows");
    assert_eq!(grows["status"], "grown");
    assert_eq!(grows["per_second"]["delta"], 1e9);
    let error = &grows["per_second"]["error"];
    assert!(error["lower"].as_f64() < Some(1e9) && error["upper"].as_f64() > Some(1e9), "{error}");
    let text = said(&folder, &["0.pb", "1.pb"]);
    for words in ["per second", "+1.00 s/s", "Took more time", "main.grows"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("main.steady"), "{text}");
    // Other questions say that they don't.
    let text = said(&folder, &["refs", "grows", "0.pb", "1.pb"]);
    assert!(text.contains("the profiles cover 10.00 s and 30.00 s"), "{text}");
    // A few milliseconds more are no difference, and neither are times of values that don't add up.
    let pair =
        [busy(1000, 10), Profile { duration_nanos: 10 * SECOND + 30_000_000, ..busy(1000, 10) }];
    let report = json(&files("nearly-equal", &pair), &["diff", "0.pb", "1.pb"]);
    assert!(report["comparison"]["seconds"].is_null());
}

#[test]
fn steady_rates_are_seldom_called_grown() {
    // The same 200 rows at the same rate, over 10 and 40 seconds, with the scatter of a Poisson process.
    let mut state = 7_u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut poisson = |mean: f64| {
        let (mut product, mut count) = (random(), 0_i64);
        while product > (-mean).exp() {
            product *= random();
            count += 1;
        }
        count
    };
    let mut profile = |seconds: i64| {
        let stacks: Vec<Stack> = (0..200)
            .map(|i| (i, poisson(seconds as f64)))
            .filter(|(_, samples)| *samples > 0)
            .map(|(i, samples)| {
                stack(&format!("main.main;main.f{i}")).inuse(samples, samples * 10_000_000)
            })
            .collect();
        cpu(&stacks, seconds)
    };
    let folder = files("steady-rates", &[profile(10), profile(40)]);
    let report = json(&folder, &["diff", "0.pb", "1.pb", "--all"]);
    let rows = report["diff"]["rows"].as_array().unwrap();
    let marked =
        rows.iter().filter(|row| row["status"] != "within-noise" && row["status"] != "same");
    assert!(marked.count() <= 2, "{report}");
}

#[test]
fn samples_without_a_stack_have_a_row() {
    let profile = |objects: i64| {
        heap(&[
            stack("").inuse(objects, objects * 1024).label("pool", "arena"),
            stack("main.main;main.grow").inuse(2 * objects, 2048 * objects),
            stack("main.main;main.still").inuse(9000, 9_216_000),
        ])
    };
    let folder =
        files("no-stack", &[profile(3000), at(profile(15_000), 60), at(profile(20_000), 120)]);
    let sum = |rows: &Value, field: &str, value: &str| -> i64 {
        let of = |row: &Value| row[field][value].as_i64().or(row[field].as_i64()).unwrap();
        rows.as_array().unwrap().iter().map(of).sum()
    };
    // pprof has no such row, so it is beside the rows in JSON.
    let diff = json(&folder, &["diff", "0.pb", "1.pb", "--all"]);
    let no_stack = diff["diff"]["no_stack"]["delta"]["flat"].as_i64().unwrap();
    let rows = sum(&diff["diff"]["rows"], "delta", "flat");
    assert_eq!(rows + no_stack, diff["totals"][3]["delta"]);
    let top = json(&folder, &["top", "0.pb", "-n", "0"]);
    let no_stack = top["top"]["no_stack"]["flat"].as_i64().unwrap();
    assert_eq!(sum(&top["top"]["rows"], "flat", "") + no_stack, top["totals"][3]["after"]);
    let timeline = json(&folder, &["timeline", "0.pb", "1.pb", "2.pb", "-n", "0"]);
    let last = |rows: &Value| -> i64 {
        rows.as_array().unwrap().iter().map(|row| row["flat"][2].as_i64().unwrap()).sum()
    };
    assert_eq!(last(&timeline["timeline"]["rows"]), timeline["timeline"]["total"]["values"][2]);
    for args in [
        &["0.pb"][..],
        &["0.pb", "1.pb"],
        &["timeline", "0.pb", "1.pb", "2.pb"],
        &["refs", "no stack", "0.pb"],
        &["traces", "0.pb"],
        &["peek", "no stack", "0.pb", "1.pb"],
    ] {
        let text = said(&folder, args);
        assert!(text.contains("(no stack)"), "{args:?}: {text}");
    }
    assert!(said(&folder, &["tags", "0.pb"]).contains("arena"));
    // pprof's filters on frames leave them out.
    assert!(!said(&folder, &["0.pb", "-focus=main"]).contains("(no stack)"));
}

#[test]
fn labels_without_any_stack_are_not_nothing() {
    let profile = heap(&[stack("").inuse(16, 512 << 20).label("kind", "large")]);
    let folder = files("labels-alone", &[profile]);
    let text = said(&folder, &["0.pb"]);
    assert!(text.contains("(no stack)") && !text.contains("no samples"), "{text}");
}

#[test]
fn sizes_below_zero_are_a_state_and_counts_are_a_difference() {
    let types = [("allocations", "count"), ("space", "bytes")];
    let state = of_kind(
        heap(&[stack("py.run").inuse(4, 4096), stack("py.compile").inuse(52, -52)]),
        &types,
        (("", ""), 0),
    );
    let folder = files("unknown-sizes", &[state]);
    let text = said(&folder, &["0.pb"]);
    assert!(text.contains("objects of unknown size") && !text.contains("seconds="), "{text}");
    assert!(text.contains("-52 B") && !text.contains("-0.0 %"), "{text}");
    let difference = heap(&[stack("main.f").inuse(-4, -4096), stack("main.g").inuse(9, 4096)]);
    let text = said(&files("below-zero", &[difference]), &["0.pb"]);
    assert!(text.contains("a delta profile, not a snapshot"), "{text}");
}

#[test]
fn a_change_has_its_sign_in_percent_too() {
    let profile = |bytes: i64| {
        let types = [("allocations", "count"), ("space", "bytes")];
        of_kind(heap(&[stack("py.compile").inuse(52, bytes)]), &types, (("", ""), 0))
    };
    let report =
        json(&files("negative-growth", &[profile(-50), profile(-25)]), &["diff", "0.pb", "1.pb"]);
    let row = &report["diff"]["rows"][0];
    assert_eq!((&row["delta"]["flat"], &row["delta_percent"]), (&25.into(), &50.0.into()));
    assert_eq!(report["totals"][1]["delta_percent"], 50.0);
}

#[test]
fn paths_of_windows_name_a_file_and_no_build() {
    let path = r"D:\work\agent\agent.exe";
    let id = format!("{path}2026-01-30 21:50:05.7660713 +0300 MSK");
    let other = r"C:\Users\me\AppData\Local\Temp\b001\agent.exe";
    let other_id = format!("{other}2026-01-31 09:00:00 +0300 MSK");
    let profile = || heap(&[stack("main.main;main.f").inuse(100, 6400)]);
    let pair = [
        mapped(profile(), &[(path, 0x4e_0000, &id)]),
        mapped(profile(), &[(other, 0xd_0000, &other_id)]),
    ];
    let folder = files("windows", &pair);
    let report = json(&folder, &["diff", "0.pb", "1.pb"]);
    assert_eq!(report["inputs"][0]["program"], "agent.exe");
    let text = said(&folder, &["0.pb", "1.pb"]);
    assert!(text.starts_with("agent.exe  "), "{text}");
    assert!(!text.contains("build") && !text.contains(r"D:\"), "{text}");
}

#[test]
fn comments_are_shown_within_bounds() {
    let long = "x".repeat(5000);
    let many: Vec<String> = (0..30).map(|i| format!("note {i}")).collect();
    let texts: Vec<&str> =
        [long.as_str()].into_iter().chain(many.iter().map(String::as_str)).collect();
    let profile =
        commented(heap(&[stack("main.f").inuse(1, 64)]), &texts, "https://example.org/heap");
    let folder = files("comments", &[profile]);
    let text = said(&folder, &["0.pb"]);
    assert!(text.contains("comment: note 0\ncomment: note 1\n"), "{text}");
    assert!(text.contains("more (--format json") && !text.contains("note 9"), "{text}");
    assert!(text.len() < 3000, "{}", text.len());
    let input = &json(&folder, &["0.pb"])["inputs"][0];
    assert_eq!(input["comments"].as_array().unwrap().len(), 20);
    assert_eq!(input["comments_left_out"], 11);
    assert!(input["comments"][0].as_str().unwrap().len() < 1100);
    assert_eq!(input["doc_url"], "https://example.org/heap");
    let short =
        commented(heap(&[stack("main.f").inuse(1, 64)]), &["by hand"], "https://example.org/heap");
    let text = said(&files("doc", &[short]), &["0.pb"]);
    assert!(text.contains("comment: by hand\ndoc: https://example.org/heap\n"), "{text}");
}

/// Instantiations with their objects.
type Kept<'a> = &'a [(&'a str, i64)];

#[test]
fn an_instantiation_under_two_names_is_one_function() {
    let app = [("/srv/app", 0x40_0000, "abc")];
    let profile = |kept: &[(&str, i64)], grown: i64| {
        let stacks: Vec<Stack> = kept
            .iter()
            .map(|(name, objects)| {
                stack(&format!("main.main;main.keep{name}")).inuse(*objects, objects * 1024)
            })
            .chain([stack("main.main;main.grow").inuse(grown, grown * 1024)])
            .collect();
        mapped(heap(&stacks), &app)
    };
    let cases: [(Kept<'_>, Kept<'_>); 2] = [
        (&[("[...]", 8000)], &[("[go.shape.int]", 8000)]),
        (&[("[go.shape.int]", 5000), ("[go.shape.string]", 3000)], &[("[...]", 8000)]),
    ];
    for (number, (before, after)) in cases.into_iter().enumerate() {
        let pair = [profile(before, 1000), at(profile(after, 9000), 60)];
        let folder = files(&format!("generics-{number}"), &pair);
        let text = said(&folder, &["0.pb", "1.pb"]);
        assert!(text.contains("main.grow") && !text.contains("main.keep"), "{text}");
        let report = json(&folder, &["diff", "0.pb", "1.pb", "--all"]);
        // Each name keeps the numbers that pprof gives it.
        let rows = report["diff"]["rows"].as_array().unwrap();
        let row =
            |name: &str| rows.iter().find(|row| row["name"] == format!("main.keep{name}")).unwrap();
        for (name, objects) in before {
            assert_eq!(row(name)["before"]["flat"], objects * 1024);
            assert_eq!(row(name)["moved_to"], format!("main.keep{}", after[0].0));
        }
        let together = &row(after[0].0)["together"];
        assert_eq!(together["before"], together["after"], "{together}");
    }
}

#[test]
fn a_renumbered_closure_has_the_same_numbers_everywhere() {
    let map = |id| [("/srv/app", 0x40_0000, id)];
    let profile = |name: &str, objects: i64| {
        heap(&[
            stack(&format!("main.main;main.serve.{name}")).inuse(objects, objects * 1024),
            stack("main.main;main.still").inuse(9000, 9_216_000),
        ])
    };
    let pair =
        [mapped(profile("func1", 8000), &map("a")), mapped(profile("func2", 90_000), &map("b"))];
    let folder = files("renumbered", &pair);
    let text = said(&folder, &["0.pb", "1.pb", "--width", "160"]);
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("(was main.serve.func1)")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines.iter().all(|line| line.trim_start().starts_with("+80.1 MiB")), "{text}");
    let site = &json(&folder, &["diff", "0.pb", "1.pb"])["diff"]["sites"][0];
    assert_eq!(site["moved_from"], "main.serve.func1");
    assert_eq!(site["delta"], 82_000 * 1024);
}

#[test]
fn closures_of_which_it_is_not_known_which_is_which_are_together() {
    // A closure was put before two others: each has the next number, and nothing grew.
    let profile = |first: usize, id| {
        let closure = |number: usize, objects: i64| {
            stack(&format!("main.main;main.serve.func{number}")).inuse(objects, objects * 1024)
        };
        mapped(
            heap(&[closure(first, 8000), closure(first + 1, 2000)]),
            &[("/srv/app", 0x40_0000, id)],
        )
    };
    let folder = files("shifted", &[profile(1, "a"), at(profile(2, "b"), 60)]);
    let text = said(&folder, &["0.pb", "1.pb"]);
    assert!(text.contains("Nothing changed.") && !text.contains("where to look"), "{text}");
}

#[test]
fn descriptors_of_goroutines_are_called_so() {
    let profile = |objects: i64| {
        let stacks = "runtime.systemstack;runtime.newproc.func1;runtime.newproc1;runtime.malg;\
                      runtime.newobject;runtime.mallocgc";
        heap(&[stack(stacks).inuse(objects, objects * 400), stack("main.main;main.f").inuse(1, 64)])
    };
    let folder = files("descriptors", &[profile(1000), at(profile(90_000), 60)]);
    for args in [&["0.pb"][..], &["0.pb", "1.pb"]] {
        let text = said(&folder, args);
        assert!(text.contains("runtime.mallocgc ← runtime.malg (goroutine descriptors)"), "{text}");
        assert!(!text.contains("where to look"), "{text}");
    }
}

#[test]
fn names_in_angle_brackets_stay_whole() {
    let names = ["<module>", "app.load.<locals>.<lambda>", "app.views.<listcomp>"];
    let stacks: Vec<Stack> = names.iter().map(|name| stack(name).inuse(9, 9216)).collect();
    let mut profile = heap(&stacks);
    profile.function.iter_mut().for_each(|function| function.filename = 0);
    let folder = files("python", &[profile]);
    for args in [&["0.pb", "--width", "80"][..], &["0.pb", "--width", "200"], &["traces", "0.pb"]] {
        let text = said(&folder, args);
        for name in names {
            assert!(text.contains(name), "{args:?}: {text}");
        }
    }
    for format in ["folded", "csv"] {
        let text = said(&folder, &["convert", "0.pb", "--to", format, "-o", "-"]);
        assert!(text.contains("<module>"), "{format}: {text}");
    }
}
