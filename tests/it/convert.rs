//! `heapdiff merge` and `heapdiff convert`: the input comes out complete in the other tool's format.
//! `tests/pprof/pprof_reads.rs` checks that pprof reads and merges the same numbers.

use super::ask::{ask, totals};
use super::corpus;
use super::dsl::{Stack, bytes, heap, stack};
use heapdiff::input;
use heapdiff::input::pprof::{encode, proto};
use heapdiff::model::merge::{Merge, MergeError, Sign};
use heapdiff::model::profile::Profile;
use heapdiff::report::Question;
use prost::Message;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn heapdiff(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heapdiff")).args(args).output().unwrap()
}

/// Standard output of a run that must succeed.
fn text(args: &[&str]) -> String {
    let output = heapdiff(args);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {message}");
    String::from_utf8(output.stdout).unwrap()
}

/// The message of a run that must fail.
fn refusal(args: &[&str]) -> String {
    let output = heapdiff(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// An empty folder for this test alone.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("convert").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Writes profiles to files and returns their names.
fn files<const N: usize>(folder: &Path, profiles: [&proto::Profile; N]) -> [String; N] {
    let mut number = 0;
    profiles.map(|profile| {
        number += 1;
        let path = folder.join(format!("{number}.in.pb"));
        std::fs::write(&path, bytes(profile)).unwrap();
        name(&path).to_owned()
    })
}

fn profile(stacks: &[Stack]) -> Profile {
    read(&heap(stacks))
}

fn read(profile: &proto::Profile) -> Profile {
    input::read_profile(bytes(profile).as_slice()).unwrap()
}

fn merged(profiles: &[(&Profile, Sign)]) -> Result<Profile, MergeError> {
    let mut merge = Merge::default();
    for (i, (profile, sign)) in profiles.iter().enumerate() {
        merge.add(&format!("profile {i}"), profile, *sign)?;
    }
    Ok(merge.finish())
}

/// The values of each sample, under its functions from root to leaf.
fn samples(profile: &Profile) -> Vec<(String, Vec<i64>)> {
    let name =
        |location| profile.symbols.name(profile.symbols.locations.lines(location)[0].function);
    let one = |i: usize| {
        let mut names: Vec<&str> = profile.samples.stack(i).map(name).collect();
        names.reverse();
        (names.join(";"), profile.values(i).to_vec())
    };
    (0..profile.samples.len()).map(one).collect()
}

#[test]
fn equal_stacks_and_labels_are_one_sample() {
    let a =
        profile(&[stack("main;f").sized(16).inuse(1, 16), stack("main;f").sized(32).inuse(2, 64)]);
    let b = profile(&[
        stack("main;f").sized(32).inuse(1, 32),
        stack("main;f").label("tenant", "x").inuse(1, 7),
        stack("main;g").inuse(0, 0),
    ]);
    let sum = merged(&[(&a, Sign::Plus), (&b, Sign::Plus)]).unwrap();
    let expected = [[1, 16, 1, 16], [3, 96, 3, 96], [1, 7, 1, 7]];
    let expected = expected.map(|values| ("main;f".to_owned(), values.to_vec()));
    assert_eq!(samples(&sum), expected);
    assert_eq!(sum.symbols.functions.len(), 2, "what only a sample of zeros named is gone");
    let difference = merged(&[(&a, Sign::Plus), (&a, Sign::Minus)]).unwrap();
    assert!(difference.samples.is_empty());
    assert!(difference.symbols.functions.is_empty());
    assert_eq!(difference.header.sample_types.len(), 4);
}

#[test]
fn many_profiles_add_up() {
    let one = profile(&[stack("main;f").inuse(1, 16), stack("main;g").inuse(2, 64)]);
    let sum = merged(&vec![(&one, Sign::Plus); 300]).unwrap();
    let values: Vec<_> = samples(&sum).into_iter().map(|(_, values)| values).collect();
    assert_eq!(values, [[300, 4800, 300, 4800], [600, 19_200, 600, 19_200]]);
    assert_eq!(sum.symbols.locations.len(), 3);
}

#[test]
fn the_header_says_what_holds_for_all() {
    let mut a = heap(&[stack("f").inuse(1, 1)]);
    let mut b = a.clone();
    let mut c = a.clone();
    let string = |profile: &mut proto::Profile, text: &str| {
        profile.string_table.push(text.into());
        profile.string_table.len() as i64 - 1
    };
    a.comment = vec![string(&mut a, "one"), string(&mut a, "one")];
    b.comment = vec![string(&mut b, "two"), string(&mut b, "one")];
    b.default_sample_type = string(&mut b, "alloc_space");
    (a.duration_nanos, b.duration_nanos) = (5, 7);
    (a.time_nanos, b.time_nanos, c.time_nanos) = (300, 200, 0);
    (a.period, b.period) = (524_288, 1_000_000);
    let profiles = [read(&a), read(&b), read(&c)];
    let sum = merged(&profiles.each_ref().map(|profile| (profile, Sign::Plus))).unwrap();
    let header = sum.header;
    assert_eq!(header.comments, ["one", "two"]);
    assert_eq!((header.duration_nanos, header.time_nanos, header.period), (12, 200, 1_000_000));
    assert_eq!(header.default_sample_type, "alloc_space");
    assert_eq!(header.period_type.to_string(), "space/bytes");
}

/// A profile with one sample, with these sample types and values.
fn typed(types: &[(&str, &str, i64)]) -> Profile {
    let mut profile = heap(&[stack("f").inuse(1, 1)]);
    let position = |profile: &mut proto::Profile, text: &str| {
        profile.string_table.push(text.into());
        profile.string_table.len() as i64 - 1
    };
    profile.sample_type = types
        .iter()
        .map(|(name, unit, _)| proto::ValueType {
            r#type: position(&mut profile, name),
            unit: position(&mut profile, unit),
        })
        .collect();
    profile.sample[0].value = types.iter().map(|&(_, _, value)| value).collect();
    read(&profile)
}

#[test]
fn sample_types_are_those_of_all_in_the_finest_unit() {
    let a = typed(&[("x", "count", 1), ("space", "kilobytes", 3), ("cpu", "milliseconds", 2)]);
    let b = typed(&[("cpu", "microseconds", 5), ("space", "bytes", 7)]);
    for (first, second, expected) in [
        (&a, &b, ["space/bytes", "cpu/microseconds"]),
        (&b, &a, ["cpu/microseconds", "space/bytes"]),
    ] {
        let sum = merged(&[(first, Sign::Plus), (second, Sign::Plus)]).unwrap();
        let types = &sum.header.sample_types;
        assert_eq!(types.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        let of = |name| sum.values(0)[sum.header.position(name).unwrap()];
        assert_eq!((of("space"), of("cpu")), (3 * 1024 + 7, 2005));
        assert_eq!(sum.header.default_sample_type, types[0].name, "as pprof has it");
    }
    let other = typed(&[("y", "count", 1)]);
    let error = merged(&[(&a, Sign::Plus), (&other, Sign::Plus)]).unwrap_err().to_string();
    assert!(error.contains("profile 0 and profile 1 have no sample type in common"), "{error}");
}

#[test]
fn sums_that_do_not_fit_are_an_error_that_says_which() {
    let large = typed(&[("x", "count", 1), ("space", "bytes", i64::MAX / 2 + 1)]);
    let error = merged(&[(&large, Sign::Plus), (&large, Sign::Plus)]).unwrap_err().to_string();
    assert!(error.contains("with profile 1, the values of space add up"), "{error}");
    let least = typed(&[("space", "bytes", i64::MIN)]);
    assert!(merged(&[(&least, Sign::Minus)]).is_err());
    let coarse = typed(&[("space", "gigabytes", i64::MAX / 2)]);
    let fine = typed(&[("space", "bytes", 1)]);
    for pair in [[&coarse, &fine], [&fine, &coarse]] {
        assert!(merged(&pair.map(|profile| (profile, Sign::Plus))).is_err());
    }
}

#[test]
fn a_difference_names_its_default_so_that_speedscope_shows_what_grew() {
    let folder = folder("growth");
    let before = heap(&[stack("main;f").sized(8).inuse(4, 32), stack("main;g").inuse(9, 900)]);
    let after = heap(&[
        stack("main;f").sized(8).inuse(1, 8),
        stack("main;f").sized(64).inuse(2, 128),
        stack("main;h").inuse(1, 5),
    ]);
    let [a, b] = files(&folder, [&before, &after]);
    let written = folder.join("out.pb");
    text(&["convert", &a, &b, "-o", name(&written)]);
    let written = proto::Profile::decode(std::fs::read(&written).unwrap().as_slice()).unwrap();
    let of =
        |position: i64| String::from_utf8(written.string_table[position as usize].clone()).unwrap();
    let types: Vec<String> = written.sample_type.iter().map(|t| of(t.r#type)).collect();
    assert_eq!(types[3..], ["inuse_space", "inuse_space_growth"]);
    assert_eq!(of(written.default_sample_type), "inuse_space", "as pprof finds it");
    let positions: Vec<i64> = written.sample_type.iter().map(|t| t.r#type).collect();
    assert!(!positions.contains(&written.default_sample_type), "as speedscope looks for it");
    assert!(written.default_sample_type >= types.len() as i64, "as older ones did");
    let mut values: Vec<_> = written.sample.iter().map(|s| (s.value[3], s.value[4])).collect();
    values.sort_unstable();
    assert_eq!(values, [(-900, 0), (-24, 0), (5, 5), (128, 104)], "(delta, growth of its stack)");
    assert_eq!(written.duration_nanos, 0, "taken at the same time");
    let growing = files(&folder, [&heap(&[]), &after]);
    let written = folder.join("grew.pb");
    text(&["convert", &growing[0], &growing[1], "-o", name(&written)]);
    let written = proto::Profile::decode(std::fs::read(&written).unwrap().as_slice()).unwrap();
    let position = written.sample_type[3].r#type;
    assert_eq!(written.default_sample_type, position, "nothing is negative");
}

#[test]
fn one_profile_keeps_everything() {
    let folder = folder("kept");
    let mut compared = 0;
    for file in corpus::testdata() {
        let Ok(original) = input::read_profile(std::fs::read(&file).unwrap().as_slice()) else {
            continue;
        };
        for end in ["pb", "pb.gz"] {
            let written = folder.join(format!("out.{end}"));
            text(&["convert", name(&file), "-o", name(&written)]);
            let bytes = std::fs::read(&written).unwrap();
            assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), end == "pb.gz");
            let plain = corpus::unpacked(&bytes).unwrap();
            assert!(plain == encode::encode(&original), "{}", corpus::shown(&file));
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared}");
}

#[test]
fn a_filter_and_a_sample_type_count_for_a_profile_too() {
    let folder = folder("filtered");
    let [a] = files(&folder, [&heap(&[stack("main;f").inuse(1, 2), stack("main;g").inuse(3, 4)])]);
    let written = folder.join("out.pb");
    text(&["convert", "-focus=^g$", "-alloc_space", &a, "-o", name(&written)]);
    let written = input::read_profile(std::fs::read(&written).unwrap().as_slice()).unwrap();
    assert_eq!(samples(&written), [("main;g".to_owned(), vec![3, 4, 3, 4])]);
    assert_eq!(written.header.default_sample_type, "alloc_space");
    assert_eq!(written.symbols.functions.len(), 2);
}

#[test]
fn folded_lines_and_csv_add_up_to_the_totals() {
    for pair in ["chat", "generics-inline", "crafted/recursion"] {
        let paths = ["before", "after"].map(|n| corpus::path(&format!("{pair}/{n}.pb.gz")));
        let [before, after] = corpus::pair(pair);
        let sum = |bytes: &[u8]| totals(&ask(Question::Top, &[bytes], ""))["inuse_space"];
        let expected = (sum(&before), sum(&after));
        let lines = text(&["convert", "--to", "difffolded", name(&paths[0]), name(&paths[1])]);
        let number = |text: &str| text.parse::<i64>().unwrap();
        let mut found = (0, 0);
        for line in lines.lines() {
            let mut words = line.rsplitn(3, ' ');
            found.1 += number(words.next().unwrap());
            found.0 += number(words.next().unwrap());
        }
        assert_eq!(found, expected, "{pair}");
        let lines = text(&["convert", "--to", "folded", name(&paths[1])]);
        let found: i64 = lines.lines().map(|l| number(l.rsplit_once(' ').unwrap().1)).sum();
        assert_eq!(found, expected.1, "{pair}");
        let csv = text(&["convert", "--to=csv", "-lines", name(&paths[0]), name(&paths[1])]);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let found = reader.records().fold((0, 0), |sum, record| {
            let record = record.unwrap();
            assert_eq!(number(&record[3]), number(&record[2]) - number(&record[1]));
            (sum.0 + number(&record[1]), sum.1 + number(&record[2]))
        });
        assert_eq!(found, expected, "{pair}");
    }
}

/// What speedscope's file format requires of the files that heapdiff writes.
const SPEEDSCOPE: &str = r#"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "required": ["$schema", "shared", "profiles"],
  "properties": {
    "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
    "name": {"type": "string"},
    "exporter": {"type": "string"},
    "activeProfileIndex": {"type": "number"},
    "shared": {
      "type": "object",
      "required": ["frames"],
      "properties": {"frames": {"type": "array", "items": {
        "type": "object",
        "required": ["name"],
        "properties": {
          "name": {"type": "string"}, "file": {"type": "string"},
          "line": {"type": "number"}, "col": {"type": "number"}
        }
      }}}
    },
    "profiles": {"type": "array", "minItems": 1, "items": {
      "type": "object",
      "required": ["type", "name", "unit", "startValue", "endValue", "samples", "weights"],
      "properties": {
        "type": {"const": "sampled"},
        "name": {"type": "string"},
        "unit": {"enum": ["none", "bytes", "nanoseconds", "microseconds", "milliseconds", "seconds"]},
        "startValue": {"type": "number"},
        "endValue": {"type": "number"},
        "samples": {"type": "array", "items": {"type": "array", "items": {"type": "number", "minimum": 0}}},
        "weights": {"type": "array", "items": {"type": "number", "minimum": 1}}
      }
    }}
  }
}"#;

/// Checks a speedscope file against its format, including rules that a schema can't express.
fn check_speedscope(text: &str) -> serde_json::Value {
    let schema = serde_json::from_str(SPEEDSCOPE).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("speedscope.json", schema).unwrap();
    let schema = compiler.compile("speedscope.json", &mut schemas).unwrap();
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    schemas.validate(&file, schema).unwrap_or_else(|error| panic!("{error}"));
    let frames = file["shared"]["frames"].as_array().unwrap().len() as u64;
    for profile in file["profiles"].as_array().unwrap() {
        let (samples, weights) = (profile["samples"].as_array(), profile["weights"].as_array());
        let (samples, weights) = (samples.unwrap(), weights.unwrap());
        assert_eq!(samples.len(), weights.len());
        let sum: i64 = weights.iter().map(|weight| weight.as_i64().unwrap()).sum();
        assert_eq!(profile["endValue"].as_i64(), Some(sum));
        let known = |frame: &serde_json::Value| frame.as_u64().unwrap() < frames;
        assert!(samples.iter().flat_map(|sample| sample.as_array().unwrap()).all(known));
    }
    file
}

#[test]
fn speedscope_files_are_as_their_format_asks() {
    for file in
        ["empty/heap.pb.gz", "cpu/after.pb.gz", "seconds-delta/delta.pb.gz", "chat/after.pb.gz"]
    {
        check_speedscope(&text(&["convert", "--to=speedscope", name(&corpus::path(file))]));
    }
    for pair in ["chat", "two-builds", "crafted/no-symbols", "goroutine"] {
        let names = if pair == "two-builds" { ["v1", "v2"] } else { ["before", "after"] };
        let paths = names.map(|n| corpus::path(&format!("{pair}/{n}.pb.gz")));
        for granularity in ["-functions", "-lines", "-addresses", "-files", "-packages"] {
            let args =
                ["convert", "--to=speedscope", granularity, name(&paths[0]), name(&paths[1])];
            check_speedscope(&text(&args));
        }
    }
}

#[test]
fn a_speedscope_file_of_two_profiles_holds_four() {
    let folder = folder("speedscope");
    let before = heap(&[stack("main;f").inuse(4, 4096), stack("main;g").inuse(1, 1)]);
    let after = heap(&[stack("main;f").inuse(9, 9216), stack("main;h").inuse(1, 2)]);
    let [a, b] = files(&folder, [&before, &after]);
    let file = check_speedscope(&text(&["convert", "--to=speedscope", &a, &b]));
    let profiles = file["profiles"].as_array().unwrap();
    let shown: Vec<_> = profiles
        .iter()
        .map(|profile| (profile["name"].as_str().unwrap(), profile["endValue"].as_i64().unwrap()))
        .collect();
    let expected = [
        ("grew inuse_space 5.0 KiB", 5122),
        ("shrank inuse_space 1 B", 1),
        ("after inuse_space 9.0 KiB", 9218),
        ("before inuse_space 4.0 KiB", 4097),
    ];
    assert_eq!(shown, expected);
    let frame = |i: usize| file["shared"]["frames"][i]["name"].as_str().unwrap();
    let path = profiles[1]["samples"][0].as_array().unwrap();
    let path: Vec<_> = path.iter().map(|i| frame(i.as_u64().unwrap() as usize)).collect();
    assert_eq!(path, ["main", "g"]);
    assert_eq!(file["shared"]["frames"][0]["file"], "main.go");
}

#[test]
fn hostile_names_break_no_format() {
    let folder = folder("hostile");
    let hostile =
        ["a;b", "line\nbreak\r", "q\"uo,te'", "\x1b[2J\x07", "nul\0", "f 12", "caf~", "=1+1"];
    let of = |value: i64| {
        let path = |name: &&str| stack("main").inuse(value, value * 8).label("in", name);
        let mut profile = heap(&hostile.iter().map(path).collect::<Vec<_>>());
        for (i, name) in (0..).zip(hostile) {
            // The names go in as bytes: the first sample's `main` for all roots, and a leaf for each.
            let mut bytes = name.as_bytes().to_vec();
            bytes.iter_mut().filter(|byte| **byte == b'~').for_each(|byte| *byte = 0xe9);
            profile.string_table.push(bytes);
            let name = profile.string_table.len() as i64 - 1;
            let id = 100 + i;
            profile.function.push(proto::Function {
                id,
                name,
                filename: name,
                ..Default::default()
            });
            let line = vec![proto::Line { function_id: id, line: 3, column: 0 }];
            profile.location.push(proto::Location { id, line, ..Default::default() });
            profile.sample[i as usize].location_id.insert(0, id);
        }
        profile
    };
    let inputs = files(&folder, [&of(1), &of(3)]);
    let n = hostile.len();
    for inputs in [&inputs[..1], &inputs[..]] {
        let run = |options: &[&str]| {
            let mut args = vec!["convert", "-q"];
            args.extend(options);
            args.extend(inputs.iter().map(String::as_str));
            text(&args)
        };
        let values = inputs.len();
        let to = if values == 1 { "--to=folded" } else { "--to=difffolded" };
        for granularity in ["-functions", "-lines"] {
            let lines = run(&[to, granularity]);
            assert_eq!(lines.lines().count(), n, "{lines:?}");
            for line in lines.lines() {
                let mut words = line.rsplitn(values + 1, ' ');
                assert!(
                    words.by_ref().take(values).all(|word| word.parse::<u64>().is_ok()),
                    "{line}"
                );
                let rest = words.next().unwrap();
                let shown = rest.rsplit(' ').next().unwrap();
                assert!(shown.parse::<f64>().is_err(), "one more value: {line}");
                assert_eq!(rest.split(';').count(), 2, "{line}");
                assert!(!line.contains(char::is_control), "{line:?}");
            }
            let csv = run(&["--to=csv", granularity]);
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let records: Vec<_> = reader.records().map(Result::unwrap).collect();
            assert_eq!(records.len(), n);
            assert!(records.iter().all(|record| record[0].split(';').count() == 2), "{csv}");
            let file = check_speedscope(&run(&["--to=speedscope", granularity]));
            assert_eq!(file["shared"]["frames"].as_array().unwrap().len(), n + 1);
        }
        let mut args = vec!["convert", "--to=pprof"];
        args.extend(inputs.iter().map(String::as_str));
        let written = input::read_profile(heapdiff(&args).stdout.as_slice()).unwrap();
        let mut names: Vec<_> = samples(&written).into_iter().map(|(path, _)| path).collect();
        names.sort();
        let mut expected = hostile.map(|name| format!("main;{}", name.replace('~', "\u{fffd}")));
        expected.sort();
        assert_eq!(names, expected, "a profile keeps every name, save for what is no UTF-8");
    }
}

#[test]
fn an_output_that_can_not_be_written_leaves_nothing() {
    let folder = folder("unwritable");
    let input = corpus::path("chat/after.pb.gz");
    for format in ["pb.gz", "pb", "folded", "json", "csv"] {
        // A folder is in the way of the file.
        let taken = folder.join(format!("taken.{format}"));
        std::fs::create_dir(&taken).unwrap();
        let missing = folder.join("missing").join(format!("out.{format}"));
        for path in [&taken, &missing] {
            let error = refusal(&["convert", name(&input), "-o", name(path)]);
            assert!(error.starts_with("heapdiff: can't write"), "{error}");
            let error = refusal(&["merge", name(&input), name(&input), "-o", name(path)]);
            assert!(error.starts_with("heapdiff: can't write"), "{error}");
        }
        assert_eq!(std::fs::read_dir(&taken).unwrap().count(), 0);
        std::fs::remove_dir(&taken).unwrap();
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn mistakes_are_named() {
    let input = corpus::path("chat/after.pb.gz");
    let input = name(&input);
    let cases: [(&[&str], &str); 12] = [
        (&["convert"], "convert needs a profile"),
        (&["convert", "a", "b", "c"], "heapdiff merge a b c -o merged.pb.gz"),
        (&["convert", input], "name the output with -o"),
        (&["convert", input, "-o", "x.svg"], "Formats: pprof (.pb.gz, .pb)"),
        (&["convert", "--to=folded", input, input], "use --to difffolded"),
        (&["convert", "--to=difffolded", input], "use --to folded"),
        (&["convert", "--to=pprof", "-lines", input], "leave out the granularity"),
        (&["convert", "--to=pprof", "-sample_index=nosuch", input], "there is no sample type"),
        (&["convert", "--to=csv", "-focus=a(", input], "-focus: regex parse error"),
        (&["convert", "-base", input, "--to=csv"], "exactly one profile"),
        (&["merge"], "merge needs profiles"),
        (&["merge", "-", "-"], "only once"),
    ];
    for (args, part) in cases {
        let error = refusal(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
}

#[test]
fn what_folded_lines_can_not_hold_is_left_out_with_a_word() {
    let delta = corpus::path("seconds-delta/delta.pb.gz");
    let folder = folder("negative");
    let [a, b] = files(
        &folder,
        [&heap(&[stack("main;f").inuse(1, 8)]), &heap(&[stack("main;g").inuse(1, 9)])],
    );
    let difference = folder.join("difference.pb");
    text(&["convert", "-base", &a, &b, "-o", name(&difference)]);
    let output = heapdiff(&["convert", "--to=folded", name(&difference)]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "main;g 9\n");
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert!(warnings.contains("1 stacks with negative values are left out"), "{warnings}");
    assert!(heapdiff(&["convert", "-q", "--to=csv", name(&delta)]).stderr.is_empty());
}
