//! Histories that are short, empty, contradictory or of another kind: a sensible report or a clear error, and never NaN.

use crate::corpus;
use crate::dsl::{Stack, bytes, heap, stack};
use crate::histories::{
    Everything, KIB, MIB, SECOND, ask_everything, error, history, snapshot, suspects,
};
use crate::program::{folder, run};
use heapdiff::input::pprof::proto;
use std::path::Path;

/// A function that keeps this many objects of 1 MiB.
fn kept(function: &str, objects: i64) -> Stack {
    stack(&format!("main.main;{function}")).inuse(objects, objects * MIB).sized(MIB)
}

/// A snapshot of a program that keeps five more objects each minute, in addition to fifty permanent
/// ones.
fn state(i: i64) -> proto::Profile {
    snapshot(60 * i, &[kept("main.leak", 20 + 5 * i), kept("main.table", 50)])
}

fn states(n: i64) -> Vec<proto::Profile> {
    (0..n).map(state).collect()
}

fn asked(name: &str, profiles: &[proto::Profile]) -> Everything {
    ask_everything(&history(name, profiles), &["."])
}

/// The name of a text in the string table of a profile.
fn rename(profile: &mut proto::Profile, from: &str, to: &str) {
    for text in &mut profile.string_table {
        if text == from.as_bytes() {
            *text = to.into();
        }
    }
}

#[test]
fn eight_minutes_of_a_leak_are_one() {
    let all = asked("eight", &states(8));
    assert_eq!(all.of_class("leak"), ["main.leak"], "{}", all.leaks);
    assert_eq!(suspects(&all.report).len(), 1, "{}", all.leaks);
    assert!(all.verdict().starts_with("1 leak, 300.0 MiB/h"), "{}", all.leaks);
    assert!(all.report["warnings"].as_array().unwrap().is_empty());
    assert!(all.timeline.contains("main.leak"), "{}", all.timeline);
}

#[test]
fn less_than_four_snapshots_show_growth_and_how_many_more_would_decide() {
    let one = asked("one", &states(1));
    assert!(suspects(&one.report).is_empty(), "{}", one.leaks);
    assert_eq!(
        one.verdict(),
        "1 snapshot can't show growth: 7 more snapshots of the same process can tell a leak from a cache that fills up"
    );
    for n in [2, 3] {
        let few = asked(&format!("few-{n}"), &(0..n).map(|i| state(6 * i)).collect::<Vec<_>>());
        assert!(few.of_class("leak").is_empty(), "{}", few.leaks);
        assert_eq!(few.of_class("grew"), ["main.leak"], "{}", few.leaks);
        let needed = &few.report["verdict"]["needed"];
        assert_eq!(needed["snapshots"], 8 - n, "{}", few.leaks);
        assert!(needed["apart_nanos"].as_i64().unwrap() > 0, "{}", few.leaks);
        assert!(few.verdict().contains(&format!("{} more snapshots", 8 - n)), "{}", few.leaks);
        assert_eq!(suspects(&few.report)[0]["slope_per_hour"], serde_json::Value::Null);
    }
}

#[test]
fn states_that_are_all_equal_show_nothing_new() {
    let same: Vec<_> = (0..8).map(|i| snapshot(60 * i, &[kept("main.table", 50)])).collect();
    let all = asked("all-equal", &same);
    assert!(suspects(&all.report).is_empty(), "{}", all.leaks);
    assert!(all.warns("identical-data", "7 snapshots hold the same data"), "{}", all.leaks);
    assert!(all.verdict().contains("more snapshots"), "{}", all.leaks);
}

#[test]
fn zeros_and_empty_heaps_are_no_growth() {
    let zeros: Vec<_> =
        (0..8).map(|i| snapshot(60 * i, &[stack("main.main;main.f").inuse(0, 0)])).collect();
    let empty: Vec<_> = (0..8).map(|i| snapshot(60 * i, &[])).collect();
    let filled = [empty[..4].to_vec(), (4..8).map(state).collect()].concat();
    let emptied = [states(4), empty[4..].to_vec()].concat();
    for (name, profiles) in [("zeros", zeros), ("empty", empty)] {
        let all = asked(name, &profiles);
        assert!(suspects(&all.report).is_empty(), "{name}: {}", all.leaks);
    }
    // The first process leaked; the second, whose counters start again, holds nothing.
    let all = asked("emptied", &emptied);
    assert_eq!(all.of_class("leak"), ["main.leak"], "{}", all.leaks);
    assert_eq!(suspects(&all.report)[0]["process"], 0, "{}", all.leaks);
    let all = asked("filled", &filled);
    assert!(suspects(&all.report).iter().all(|s| s["class"] != "churn"), "{}", all.leaks);
}

#[test]
fn without_times_nothing_is_said_of_hours() {
    let mut no_times = states(8);
    no_times.iter_mut().for_each(|profile| profile.time_nanos = 0);
    let mut equal_times = states(8);
    equal_times.iter_mut().for_each(|profile| profile.time_nanos = 1);
    let mut one_without = states(8);
    one_without[3].time_nanos = 0;
    for (name, profiles) in
        [("no-times", no_times), ("equal-times", equal_times), ("one-without", one_without)]
    {
        let all = asked(name, &profiles);
        assert_eq!(all.of_class("leak"), ["main.leak"], "{name}: {}", all.leaks);
        assert!(all.warns("no-time", "without rates per hour"), "{name}: {}", all.leaks);
        assert!(!all.leaks.contains("B/h"), "{name}: {}", all.leaks);
        assert!(!all.timeline.contains("B/h"), "{name}: {}", all.timeline);
        let slope = &suspects(&all.report)[0]["slope_per_hour"];
        assert_eq!(*slope, serde_json::Value::Null, "{name}");
        assert_eq!(all.rows["timeline"]["elapsed_nanos"], serde_json::Value::Null, "{name}");
    }
    let mut limited = states(8);
    limited.iter_mut().for_each(|profile| profile.time_nanos = 0);
    let here = history("no-times-limit", &limited);
    let said = run(&here, &["leaks", "--limit", "1GiB", "."]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(!said.stdout.contains("OOM at 1 GiB in"), "{}", said.stdout);
}

#[test]
fn two_snapshots_of_one_time_and_others_of_their_own_are_taken() {
    let mut some = states(8);
    some[3].time_nanos = some[4].time_nanos;
    some[0].time_nanos = some[1].time_nanos;
    let all = asked("some-equal-times", &some);
    assert_eq!(all.of_class("leak"), ["main.leak"], "{}", all.leaks);
}

#[test]
fn times_of_all_ages_are_no_overflow() {
    let mut decades = states(8);
    for (i, profile) in decades.iter_mut().enumerate() {
        profile.time_nanos = 1 + i as i64 * 30 * 365 * 24 * 3600 * SECOND;
    }
    let mut extremes = states(8);
    extremes[0].time_nanos = i64::MIN;
    extremes[7].time_nanos = i64::MAX;
    let mut nanoseconds = states(8);
    for (i, profile) in nanoseconds.iter_mut().enumerate() {
        profile.time_nanos = 1 + i as i64;
    }
    for (name, profiles) in
        [("decades", decades), ("extremes", extremes), ("nanoseconds", nanoseconds)]
    {
        let all = asked(name, &profiles);
        // If six of eight have practically the same time, there is no way to know how it grew.
        let leaks: &[&str] = if name == "extremes" { &[] } else { &["main.leak"] };
        assert_eq!(all.of_class("leak"), leaks, "{name}: {}", all.leaks);
        let here = folder(&format!("{name}-limit"));
        crate::histories::write(&here, &profiles);
        let said = run(&here, &["leaks", "--limit", "2GiB", "."]);
        assert_eq!(said.code, Some(0), "{name}: {}", said.stderr);
        crate::histories::check_numbers(name, &said.stdout);
    }
}

#[test]
fn a_counter_that_falls_is_another_process_each_time() {
    let falling: Vec<_> = (0..8)
        .map(|i| {
            let leak = kept("main.leak", 20 + 5 * i).alloc(1000 - 50 * i, (1000 - 50 * i) * MIB);
            snapshot(60 * i, &[leak])
        })
        .collect();
    let all = asked("falling", &falling);
    assert!(suspects(&all.report).is_empty(), "{}", all.leaks);
    assert!(all.warns("several-processes", "from 8 processes"), "{}", all.leaks);
    assert!(all.warns("several-processes", "with its 1 snapshot."), "{}", all.leaks);
    assert!(all.verdict().contains("more snapshots of the same process"), "{}", all.leaks);
}

#[test]
fn differences_among_states_are_left_out() {
    let clean = asked("clean", &states(8));
    let mut mixed = states(8);
    let mut delta = snapshot(125, &[kept("main.leak", 900), kept("main.delta", -3)]);
    delta.duration_nanos = 30 * SECOND;
    mixed.insert(3, delta);
    let mut negative = snapshot(255, &[kept("main.leak", -900)]);
    negative.duration_nanos = 0;
    mixed.push(negative);
    let all = asked("differences", &mixed);
    assert!(all.warns("delta-profile", "2 snapshots are delta profiles"), "{}", all.leaks);
    // Only the positions of the inputs differ.
    let told = |report: &serde_json::Value| -> Vec<serde_json::Value> {
        let mut suspects = suspects(report).to_vec();
        suspects.iter_mut().for_each(|suspect| suspect["shown_by"] = serde_json::Value::Null);
        suspects
    };
    assert_eq!(told(&all.report), told(&clean.report), "{}", all.leaks);
    let only: Vec<_> = (0..8)
        .map(|i| {
            let mut delta = snapshot(60 * i, &[kept("main.leak", 5 + i)]);
            delta.duration_nanos = 60 * SECOND;
            delta
        })
        .collect();
    let all = asked("only-differences", &only);
    assert!(suspects(&all.report).is_empty(), "{}", all.leaks);
    assert!(all.verdict().starts_with("nothing to judge"), "{}", all.leaks);
}

#[test]
fn negative_and_huge_values_are_only_numbers() {
    let huge: Vec<_> = (0..8)
        .map(|i| {
            let big = stack("main.main;main.big").inuse(i64::MAX / 64 * i, i64::MAX / 32 * i);
            snapshot(60 * i, &[big, kept("main.leak", 20 + 5 * i)])
        })
        .collect();
    let all = asked("huge", &huge);
    assert!(all.leaks.contains("main.big"), "{}", all.leaks);
    let negative: Vec<_> = (0..8)
        .map(|i| {
            let negative = kept("main.negative", -i).alloc(i, i * MIB);
            snapshot(60 * i, &[negative, kept("main.leak", 20 + 5 * i)])
        })
        .collect();
    // The first has no value below zero.
    let all = asked("negative", &negative);
    assert!(all.warns("delta-profile", "7 snapshots are delta profiles"), "{}", all.leaks);
    let beyond: Vec<_> = (0..8)
        .map(|i| {
            let big = |name: &str| stack(name).inuse(i64::MAX - 8 + i, i64::MAX - 8 + i);
            snapshot(
                60 * i,
                &[big("main.a"), big("main.b"), stack("main.c").inuse(i64::MIN, i64::MIN)],
            )
        })
        .collect();
    let said = error(&history("beyond", &beyond), &["leaks", "."]);
    assert!(said.contains("add up to more than 64 bits"), "{said}");
}

#[test]
fn builds_are_processes_of_their_own() {
    let mut builds = states(8);
    for (i, profile) in builds.iter_mut().enumerate() {
        profile.string_table.push(format!("build-{}", i / 4).into());
        let build_id = profile.string_table.len() as i64 - 1;
        profile.mapping = vec![proto::Mapping { id: 1, build_id, ..proto::Mapping::default() }];
        profile.location.iter_mut().for_each(|location| location.mapping_id = 1);
    }
    let all = asked("builds", &builds);
    assert!(all.warns("several-processes", "2 processes"), "{}", all.leaks);
    let processes = all.report["verdict"]["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 2);
    assert_eq!(processes[1]["build_id"], "build-1", "{}", all.leaks);
}

#[test]
fn profiles_without_a_sampling_period_are_taken_as_they_are() {
    let mut unknown = states(8);
    for profile in &mut unknown {
        (profile.period, profile.period_type) = (0, None);
    }
    let all = asked("no-period", &unknown);
    assert_eq!(all.of_class("leak"), ["main.leak"], "{}", all.leaks);
    assert!(suspects(&all.report).iter().all(|s| s["site"]["function"] != "main.table"));
    let mut exact = states(8);
    exact.iter_mut().for_each(|profile| profile.period = 1);
    let all = asked("rate-1", &exact);
    assert_eq!(all.of_class("leak"), ["main.leak"], "{}", all.leaks);
    let growth = &suspects(&all.report)[0]["growth"];
    for end in ["lower", "estimate", "upper"] {
        assert_eq!(growth[end], 35 * MIB, "{growth:#}");
    }
    let mut negative = states(8);
    negative.iter_mut().for_each(|profile| profile.period = -5);
    asked("negative-period", &negative);
    let mut changing = states(8);
    changing.iter_mut().zip(1..).for_each(|(profile, i)| profile.period = i * KIB);
    let all = asked("changing-period", &changing);
    assert!(all.of_class("leak").is_empty(), "{}", all.leaks);
}

#[test]
fn other_sample_types_are_answers_to_other_questions() {
    let here = history("types", &states(8));
    let objects = ask_everything(&here, &["-sample_index=inuse_objects", "."]);
    assert_eq!(objects.of_class("leak"), ["main.leak"], "{}", objects.leaks);
    let leak = &suspects(&objects.report)[0];
    assert_eq!((&leak["sample_type"], &leak["unit"]), (&"inuse_objects".into(), &"count".into()));
    assert_eq!(leak["growth"]["estimate"], 35);
    for index in ["alloc_space", "alloc_objects"] {
        let said = error(&here, &["leaks", &format!("-sample_index={index}"), "."]);
        assert!(said.contains("never falls") && said.contains("in use"), "{said}");
    }
    let said = error(&here, &["leaks", "-sample_index=nosuch", "."]);
    assert!(said.contains("nosuch") && said.contains("inuse_space"), "{said}");
}

#[test]
fn goroutine_profiles_alone_are_judged_too() {
    let here = folder("goroutines-only");
    for i in 0..12 {
        let name = format!("goroutine-{i:02}.pb.gz");
        std::fs::write(here.join(&name), corpus::read(&format!("harbor/one/{name}"))).unwrap();
    }
    let all = ask_everything(&here, &["."]);
    assert_eq!(all.of_class("leak"), ["main.(*harbor).hail"], "{}", all.leaks);
    let leak = &suspects(&all.report)[0];
    assert_eq!(leak["growth"]["estimate"], 110, "{leak:#}");
    assert_eq!(leak["goroutines"]["state"], "chan receive", "{leak:#}");
    assert_eq!(leak["patterns"], serde_json::json!(["goroutine"]), "{leak:#}");
    assert!(all.verdict().starts_with("1 leak"), "{}", all.leaks);
}

#[test]
fn other_kinds_of_profile_are_answered_or_refused() {
    for kind in ["cpu", "mutex", "block", "threadcreate"] {
        let here = folder(&format!("kind-{kind}"));
        for name in ["before.pb.gz", "after.pb.gz"] {
            let path = corpus::path(kind).join(name);
            if path.exists() {
                std::fs::copy(path, here.join(name)).unwrap();
            }
        }
        let said = run(&here, &["leaks", "."]);
        match said.code {
            Some(0) => {
                let all = ask_everything(&here, &["."]);
                assert!(all.of_class("leak").is_empty(), "{kind}: {}", all.leaks);
            }
            Some(2) => assert!(said.stderr.starts_with("heapdiff: "), "{kind}: {}", said.stderr),
            other => panic!("{kind}: {other:?} {}", said.stderr),
        }
    }
}

#[test]
fn units_are_made_one() {
    let mut units = states(8);
    for profile in units.iter_mut().skip(4) {
        profile.string_table.push("kilobytes".into());
        let unit = profile.string_table.len() as i64 - 1;
        profile.sample_type[1].unit = unit;
        profile.sample_type[3].unit = unit;
        for sample in &mut profile.sample {
            sample.value[1] /= KIB;
            sample.value[3] /= KIB;
        }
    }
    let all = asked("units", &units);
    assert_eq!(all.of_class("leak"), ["main.leak"], "{}", all.leaks);
    assert_eq!(suspects(&all.report)[0]["growth"]["estimate"], 35 * MIB, "{}", all.leaks);
}

#[test]
fn names_can_not_steer_a_terminal() {
    let evil = "main.\x1b[31m\u{202e}evil\r\n\t\u{7}\u{9b}2J";
    let mut named = states(8);
    for profile in &mut named {
        rename(profile, "main.leak", evil);
        rename(profile, "main.leak.go", &format!("/tmp/{evil}.go"));
    }
    let all = asked("evil", &named);
    assert_eq!(all.of_class("leak"), [evil], "{}", all.leaks);
}

/// Two thousand, since the debug build reads that many within seconds.
#[test]
fn thousands_of_tiny_profiles_are_read() {
    let n = 2000;
    let here = folder("thousands");
    let tiny: Vec<_> =
        (0..n).map(|i| snapshot(i, &[kept("main.leak", 20 + i), kept("main.table", 50)])).collect();
    crate::histories::write(&here, &tiny);
    let table = crate::histories::answer(&here, &["leaks", "--width", "80", "."]);
    assert!(table.contains("2 000 snapshots"), "{table}");
    assert!(crate::histories::verdict(&table).starts_with("1 leak, "), "{table}");
    let rows = crate::histories::answer(&here, &["timeline", "--width", "80", "."]);
    assert!(rows.contains("main.leak"), "{rows}");
    std::fs::remove_dir_all(here).unwrap();
}

#[test]
fn an_empty_folder_and_broken_files_are_errors() {
    let here = folder("broken");
    for command in ["leaks", "timeline"] {
        let said = error(&here, &[command, "."]);
        assert!(said.starts_with("heapdiff: "), "{said}");
    }
    let whole = bytes(&heap(&[kept("main.f", 3)]));
    std::fs::write(here.join("heap-1.pb"), &whole).unwrap();
    std::fs::write(here.join("heap-2.pb"), &whole[..whole.len() - 3]).unwrap();
    let said = error(&here, &["leaks", "heap-1.pb", "heap-2.pb"]);
    assert!(said.contains("heap-2.pb"), "{said}");
    let no_types = proto::Profile { string_table: vec![Vec::new()], ..Default::default() };
    std::fs::write(here.join("heap-2.pb"), bytes(&no_types)).unwrap();
    let said = run(Path::new(&here), &["leaks", "heap-1.pb", "heap-2.pb"]);
    assert_eq!(said.code, Some(2), "{}", said.stdout);
    assert!(said.stderr.contains("heap-2.pb"), "{}", said.stderr);
}
