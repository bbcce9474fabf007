//! Properties of every profile: laws of comparing and merging, on recordings and random profiles.

use super::ask::{ask, flame, query, refs, rows, series, totals};
use super::random::Random;
use super::{corpus, dsl};
use heapdiff::filter::{Granularity, Spec};
use heapdiff::graph::trim::TrimLimits;
use heapdiff::input::pprof::proto;
use heapdiff::parallel;
use heapdiff::report::{Question, analyze};
use prost::Message;

/// Pairs to try each law on: recordings, and random profiles in two encodings.
pub(crate) fn pairs() -> Vec<[Vec<u8>; 2]> {
    let folders = ["chat", "rate1", "generics-inline", "allocs", "cpu", "goroutine"];
    let crafted = ["crafted/labels", "crafted/recursion", "crafted/no-symbols", "crafted/units"];
    let mut pairs: Vec<_> = folders.iter().chain(&crafted).map(|f| corpus::pair(f)).collect();
    pairs.push(["two-builds/v1.pb.gz", "two-builds/v2.pb.gz"].map(corpus::read));
    pairs.push(["seconds-delta/state.pb.gz", "seconds-delta/delta.pb.gz"].map(corpus::read));
    pairs.push(["empty/heap.pb.gz", "chat/after.pb.gz"].map(corpus::read));
    pairs.push(["crafted/repeated-stacks.pb.gz", "chat/before.pb.gz"].map(corpus::read));
    let mut random = Random(11);
    for _ in 0..40 {
        pairs.push([random_bytes(&mut random), random_bytes(&mut random)]);
    }
    pairs
}

/// A random profile whose sums fit, without regular expressions of its own.
fn random_profile(random: &mut Random) -> proto::Profile {
    let mut profile = random.profile(|random| {
        let value = (random.number() >> 16) as i64;
        if random.one_in(8) { -value } else { value }
    });
    (profile.drop_frames, profile.keep_frames) = (0, 0);
    profile
}

fn random_bytes(random: &mut Random) -> Vec<u8> {
    let profile = random_profile(random);
    random.wire(&profile)
}

#[test]
fn a_profile_does_not_differ_from_itself() {
    for [a, _] in pairs() {
        for granularity in [Granularity::Functions, Granularity::Lines, Granularity::Addresses] {
            let mut query = query(Question::Diff, "");
            query.granularity = granularity;
            let report = analyze(series(&[&a, &a]).unwrap(), &query, &Spec::default()).unwrap();
            for row in &answer!(&report.answer, Diff).rows {
                assert_eq!((row.delta.flat, row.delta.cum), (0, 0), "{}", row.name);
                assert_eq!(row.before, row.after, "{}", row.name);
            }
            assert!(answer!(&report.answer, Diff).sites.is_empty());
            assert!(totals(&report).values().all(|&delta| delta == 0));
        }
    }
}

#[test]
fn swapped_profiles_differ_by_the_opposite() {
    let mut compared = 0;
    for [a, b] in pairs() {
        for sample_type in series(&[&a, &b]).unwrap().sample_types {
            let there = ask(Question::Diff, &[&a, &b], &sample_type.name);
            let back = ask(Question::Diff, &[&b, &a], &sample_type.name);
            let negated = |values: [i64; 3]| values.map(|value| -value);
            let back_rows: std::collections::BTreeMap<_, _> =
                rows(&back).into_iter().map(|(name, values)| (name, negated(values))).collect();
            assert_eq!(rows(&there), back_rows);
            let opposite = totals(&back).into_iter().map(|(name, total)| (name, -total)).collect();
            assert_eq!(totals(&there), opposite);
            compared += rows(&there).len();
        }
    }
    assert!(compared > 500, "only {compared} rows");
}

#[test]
fn the_change_of_a_row_is_its_after_less_its_before() {
    for [a, b] in pairs() {
        let both = series(&[&a, &b]).unwrap().sample_types;
        let same = |bytes: &[u8]| series(&[bytes]).unwrap().sample_types == both;
        if !same(&a) || !same(&b) || both.len() < 2 {
            continue;
        }
        let alone = [&a, &b].map(|bytes| ask(Question::Top, &[bytes], "1"));
        let mut expected = rows(&alone[1]);
        for (name, values) in rows(&alone[0]) {
            let sum = expected.entry(name).or_default();
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum -= value);
        }
        expected.retain(|_, values| *values != [0; 3]);
        assert_eq!(rows(&ask(Question::Diff, &[&a, &b], "1")), expected);
    }
}

/// Three related profiles.
fn triples() -> Vec<[Vec<u8>; 3]> {
    let mut triples = vec![
        ["chat/before.pb.gz", "chat/after.pb.gz", "chat/other-process.pb.gz"].map(corpus::read),
        ["two-builds/v1.pb.gz", "two-builds/v2.pb.gz", "rate1/after.pb.gz"].map(corpus::read),
        ["crafted/units/before.pb.gz", "crafted/units/after.pb.gz", "crafted/scaled/before.pb.gz"]
            .map(corpus::read),
    ];
    let mut random = Random(12);
    triples.extend((0..30).map(|_| [(); 3].map(|()| random_bytes(&mut random))));
    triples
}

#[test]
fn profiles_add_up_in_any_order() {
    for [a, b, c] in triples() {
        let first = ask(Question::Top, &[&a, &b, &c], "");
        // By name: the default type depends on which comes last.
        for inputs in [[&a, &c, &b], [&b, &a, &c], [&b, &c, &a], [&c, &a, &b], [&c, &b, &a]] {
            let other = ask(Question::Top, &inputs.map(Vec::as_slice), &first.sample_type);
            assert_eq!(rows(&first), rows(&other));
            assert_eq!(totals(&first), totals(&other));
        }
    }
}

#[test]
fn what_is_merged_first_adds_up_to_the_same() {
    let mut random = Random(13);
    for _ in 0..30 {
        let profiles = [(); 3].map(|()| random_profile(&mut random));
        let [a, b, c] = profiles.each_ref().map(dsl::bytes);
        let width = profiles.iter().map(|p| p.sample_type.len()).min().unwrap();
        let merged = |x: &proto::Profile, y: &proto::Profile| dsl::bytes(&merge(x, y, width));
        let [ab, bc] = [merged(&profiles[0], &profiles[1]), merged(&profiles[1], &profiles[2])];
        let sample_type = "alloc_objects";
        let apart = ask(Question::Top, &[&a, &b, &c], sample_type);
        for inputs in [[&ab, &c], [&a, &bc]] {
            let other = ask(Question::Top, &inputs.map(Vec::as_slice), sample_type);
            assert_eq!(rows(&apart), rows(&other));
            assert_eq!(totals(&apart), totals(&other));
        }
    }
}

/// Both profiles in one, with their first `width` sample types, and the ids of the second shifted.
fn merge(first: &proto::Profile, second: &proto::Profile, width: usize) -> proto::Profile {
    let mut merged = dense(first);
    let second = dense(second);
    let strings = merged.string_table.len() as i64;
    let ids = merged.function.len().max(merged.location.len()).max(merged.mapping.len()) as u64;
    merged.string_table.extend(second.string_table);
    merged.mapping.extend(second.mapping.into_iter().map(|m| proto::Mapping {
        id: m.id + ids,
        filename: m.filename + strings,
        build_id: m.build_id + strings,
        ..m
    }));
    merged.function.extend(second.function.into_iter().map(|f| proto::Function {
        id: f.id + ids,
        name: f.name + strings,
        system_name: f.system_name + strings,
        filename: f.filename + strings,
        ..f
    }));
    merged.location.extend(second.location.into_iter().map(|mut l| {
        l.id += ids;
        l.mapping_id += if l.mapping_id == 0 { 0 } else { ids };
        l.line.iter_mut().for_each(|line| line.function_id += ids);
        l
    }));
    merged.sample.extend(second.sample.into_iter().map(|mut s| {
        s.location_id.iter_mut().for_each(|id| *id += ids);
        // Labels aren't part of this comparison.
        s.label.clear();
        s
    }));
    merged.sample.iter_mut().for_each(|s| s.value.truncate(width));
    merged.sample_type.truncate(width);
    merged
}

/// The same profile with ids 1, 2, 3, ...
fn dense(profile: &proto::Profile) -> proto::Profile {
    let bytes = dsl::bytes(profile);
    let read = heapdiff::input::read_profile(bytes.as_slice()).unwrap();
    let written = heapdiff::input::pprof::encode::encode(&read);
    proto::Profile::decode(written.as_slice()).unwrap()
}

#[test]
fn values_do_not_depend_on_the_order_of_samples() {
    let mut random = Random(14);
    for [a, b] in pairs() {
        let types = series(&[&a, &b]).unwrap().sample_types;
        let shuffled = [&a, &b].map(|bytes| {
            let mut profile = proto::Profile::decode(&*corpus::unpacked(bytes).unwrap()).unwrap();
            random.shuffle(&mut profile.sample);
            random.shuffle(&mut profile.location);
            random.shuffle(&mut profile.function);
            dsl::bytes(&profile)
        });
        for sample_type in types {
            for question in [Question::Diff, Question::Top] {
                let one = ask(question.clone(), &[&a, &b], &sample_type.name);
                let other = ask(question, &[&shuffled[0], &shuffled[1]], &sample_type.name);
                assert_eq!(rows(&one), rows(&other));
                assert_eq!(totals(&one), totals(&other));
            }
        }
    }
}

#[test]
fn reports_do_not_depend_on_the_number_of_threads() {
    let large = large_pair();
    let mut pairs = pairs();
    pairs.truncate(20);
    pairs.push(large);
    for [a, b] in pairs {
        let series = series(&[&a, &b]).unwrap();
        let mut questions = vec![Question::Diff, Question::Top, Question::Flame(flame())];
        questions.push(Question::Graph(TrimLimits { nodecount: 5, ..TrimLimits::default() }));
        questions.push(Question::Refs(refs()));
        for question in questions {
            let report = |threads: usize| {
                let query = query(question.clone(), "");
                let series = series.clone();
                parallel::limited(threads, || analyze(series, &query, &Spec::default()).unwrap())
            };
            let one = report(1);
            assert!(one == report(2), "2 threads");
            assert!(one == report(5), "5 threads");
        }
    }
}

/// Large enough for the work to be cut into pieces.
fn large_pair() -> [Vec<u8>; 2] {
    let mut random = Random(15);
    [1, 2].map(|side| {
        let mut profile = dsl::heap(&[]);
        let stacks: Vec<_> = (0..60)
            .map(|i| dsl::stack(&format!("main.main;main.f{i};net/http.g{};main.h", i % 7)))
            .collect();
        let seed = dsl::heap(&stacks.iter().map(|s| s.clone().sized(64)).collect::<Vec<_>>());
        let samples: Vec<proto::Sample> = (0..30_000)
            .map(|_| {
                let mut sample = random.pick(&seed.sample).clone();
                let n = 1 + random.below(9) as i64 * side;
                sample.value = vec![n + 3, (n + 3) * 64, n, n * 64];
                sample.label[0].num = 64 << random.below(5);
                sample
            })
            .collect();
        (profile.string_table, profile.function, profile.location) =
            (seed.string_table, seed.function, seed.location);
        (profile.sample_type, profile.period_type) = (seed.sample_type, seed.period_type);
        profile.time_nanos += side * 60_000_000_000;
        profile.sample = samples;
        dsl::bytes(&profile)
    })
}
