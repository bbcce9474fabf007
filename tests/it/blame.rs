//! One place is to blame: `diff`, `check`, `leaks` and `refs` name the same function and line.
//!
//! On a pair of profiles each blames for the same stacks:
//!
//! - `diff` blames the `via` of a row that grew, or nothing; its sites are what it says to look at.
//! - `check` blames the place that grew most among the offenders of a rule about that row alone: `function = "^row$"`, and of
//!   its own value (`flat`). It names a function of the standard library where `diff` makes no claim.
//! - `refs` blames the function of its headline, on which it names no line. It is about all stacks that the row is in, and
//!   names what they have in common: so it is compared for rows that are always the leaf, and of which `diff`'s place
//!   has nearly all growth.
//! - `leaks` blames the site of a suspect that grew. `check` has to name it among the offenders of a rule about the leaf
//!   of the suspect's path. Where several callers of one site compete, `leaks` goes on to the caller that grew: then the
//!   offender is a function on the path, below the suspect's.

use crate::corpus;
use crate::program;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Rows of each pair that are compared, those that grew most.
const ROWS: usize = 8;

/// How many blames were compared.
#[derive(Debug, Default)]
struct Compared {
    /// A file for rules.
    rules: PathBuf,
    check: usize,
    refs: usize,
    leaks: usize,
}

/// A function and a line; 0 where there is none.
type Place = (String, i64);

fn place(of: &Value) -> Option<Place> {
    Some((of["function"].as_str()?.to_owned(), of["line"].as_i64().unwrap_or(0)))
}

/// What the program says in JSON; `None` where it refuses the question.
fn ask(args: &[&str]) -> Option<Value> {
    let said = program::run(Path::new("."), &[args, &["--format", "json", "-q"]].concat());
    serde_json::from_str(&said.stdout).ok()
}

/// An expression that matches one name.
fn exactly(name: &str) -> String {
    format!("^{}$", regex::escape(name))
}

/// The offenders of a rule about the growth of each function's own value: places, with what they grew by.
fn offenders(
    [before, after]: [&str; 2],
    functions: &[&str],
    is_bytes: bool,
    file: &Path,
) -> Vec<Vec<(Place, i64)>> {
    let mut rules = String::new();
    for (i, function) in functions.iter().enumerate() {
        let most = if is_bytes { "\"1B\"" } else { "1" };
        let _ = write!(
            rules,
            "[[rule]]\nname = \"r{i}\"\nfunction = '{}'\nvalue = \"flat\"\nmax_growth = {most}\n",
            exactly(function)
        );
    }
    std::fs::write(file, rules).unwrap();
    let Some(answer) = ask(&["check", "--config", file.to_str().unwrap(), before, after]) else {
        return vec![Vec::new(); functions.len()];
    };
    let rules = answer["check"]["rules"].as_array().unwrap();
    let of_rule = |i: usize| {
        let name = format!("r{i}");
        let rules = rules.iter().filter(|rule| rule["rule"] == name.as_str());
        let all = rules.flat_map(|rule| rule["offenders"].as_array().unwrap());
        all.filter_map(|one| Some((place(one)?, one["delta"].as_i64()?))).collect()
    };
    (0..functions.len()).map(of_rule).collect()
}

/// Compares what is blamed on a pair.
fn compare(pair: [&str; 2], compared: &mut Compared) {
    let Some(diff) = ask(&["diff", "--all", pair[0], pair[1]]) else { return };
    let is_bytes = diff["unit"] == "bytes";
    let flat = |row: &Value, side: &str| row[side]["flat"].as_i64().unwrap();
    let mut rows: Vec<&Value> = diff["diff"]["rows"].as_array().unwrap().iter().collect();
    rows.retain(|row| flat(row, "delta") > 0 && !row["name"].as_str().unwrap().contains('\''));
    rows.sort_by_key(|row| std::cmp::Reverse(flat(row, "delta")));
    rows.truncate(ROWS);
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    // A profile's own sample type is judged by `diff` alone; `check` judges what is in use.
    let in_use = diff["sample_type"].as_str().is_some_and(|name| !name.starts_with("alloc"));
    let of_check = if names.is_empty() || !in_use {
        vec![Vec::new(); names.len()]
    } else {
        offenders(pair, &names, is_bytes, &compared.rules)
    };
    for ((row, name), offenders) in rows.iter().zip(&names).zip(&of_check) {
        let Some(via) = place(&row["via"]) else { continue };
        if let Some(grew) = offenders.iter().map(|(_, delta)| delta).max() {
            // Several may have grown most.
            let is_same = offenders.contains(&(via.clone(), *grew));
            assert!(is_same, "diff blames {via:?} for {name} on {pair:?}, check {offenders:?}");
            compared.check += 1;
            let is_leaf =
                ["before", "after"].iter().all(|side| row[*side]["flat"] == row[*side]["cum"]);
            if is_leaf && *grew as f64 >= 0.97 * flat(row, "delta") as f64 {
                compare_refs(pair, name, &via, compared);
            }
        }
    }
    compare_leaks(pair, is_bytes, compared);
}

fn compare_refs(pair: [&str; 2], name: &str, via: &Place, compared: &mut Compared) {
    let Some(refs) = ask(&["refs", &exactly(name), pair[0], pair[1]]) else { return };
    let headline = &refs["refs"]["sites"][0]["dominator"]["function"];
    if let Some(function) = headline.as_str() {
        assert_eq!(function, via.0, "refs and diff on {name} of {pair:?}");
        compared.refs += 1;
    }
}

fn compare_leaks(pair: [&str; 2], is_bytes: bool, compared: &mut Compared) {
    let Some(leaks) = ask(&["leaks", pair[0], pair[1]]) else { return };
    for suspect in leaks["suspects"].as_array().into_iter().flatten() {
        let is_asked = suspect["class"] == "grew" && (suspect["unit"] == "bytes") == is_bytes;
        let path: Vec<&str> =
            suspect["path"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let (Some(leaf), true) = (path.last(), is_asked) else { continue };
        let site = place(&suspect["site"]).unwrap();
        let offenders = offenders(pair, &[leaf], is_bytes, &compared.rules).remove(0);
        if offenders.is_empty() {
            continue;
        }
        let at = path.iter().position(|function| *function == site.0);
        let beneath = at.map_or(&[][..], |at| &path[at + 1..]);
        let is_same = offenders
            .iter()
            .any(|(place, _)| *place == site || beneath.contains(&place.0.as_str()));
        assert!(is_same, "leaks blames {site:?} on {pair:?}, check {offenders:?}");
        compared.leaks += 1;
    }
}

fn compare_all(test: &str, pairs: &[[PathBuf; 2]]) -> Compared {
    let rules = program::folder(test).join("rules.toml");
    let mut compared = Compared { rules, ..Compared::default() };
    for pair in pairs {
        let [before, after] = pair.each_ref().map(|path| path.to_str().unwrap());
        compare([before, after], &mut compared);
    }
    compared
}

/// The first and the last profile of a kind in each folder.
fn ends(profiles: Vec<PathBuf>, kind: &str) -> Vec<[PathBuf; 2]> {
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in profiles {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Others of that name are the same as text.
        let is_kind = name.starts_with(kind) && name.ends_with(".pb.gz");
        if let Some(folder) = path.parent().filter(|_| is_kind) {
            folders.entry(folder.to_path_buf()).or_default().push(path.clone());
        }
    }
    let ends = |paths: Vec<PathBuf>| Some([paths.first()?.clone(), paths.last()?.clone()]);
    folders.into_values().filter_map(ends).filter(|[first, last]| first != last).collect()
}

#[test]
fn on_our_recordings_all_blame_one_place() {
    let folders =
        ["chat", "no-gc", "rate1", "generics-inline", "allocs", "block", "mutex", "goroutine"];
    let pair = |folder: &&str| {
        ["before.pb.gz", "after.pb.gz"].map(|name| corpus::path(&format!("{folder}/{name}")))
    };
    let mut pairs: Vec<_> = folders.iter().map(pair).collect();
    pairs.push(["v1", "v2"].map(|name| corpus::path(&format!("two-builds/{name}.pb.gz"))));
    let recordings: Vec<PathBuf> = corpus::testdata();
    let harbor = recordings.into_iter().filter(|path| path.to_string_lossy().contains("/harbor/"));
    pairs.extend(ends(harbor.collect(), "heap"));
    let compared = compare_all("blame-ours", &pairs);
    assert!(compared.check >= 10 && compared.refs >= 5 && compared.leaks >= 3, "{compared:?}");
}

#[test]
fn on_recordings_of_services_all_blame_one_place() {
    let labs = ["chatlab/recordings", "publiclab/recordings", "leakbench/recordings"];
    let profiles = corpus::shared(&labs);
    if profiles.is_empty() {
        return;
    }
    let compared = compare_all("blame-services", &ends(profiles, "heap"));
    assert!(compared.check >= 50 && compared.refs >= 50 && compared.leaks >= 30, "{compared:?}");
}

#[test]
fn on_profiles_of_other_projects_all_blame_one_place() {
    let profiles = corpus::shared_files("corpus/pprof-proto-heap");
    // Profiles of one program stand beside each other.
    let program = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.split("__").take(2).collect::<Vec<_>>().join("/")
    };
    let beside = profiles.windows(2).filter(|pair| program(&pair[0]) == program(&pair[1]));
    let pairs: Vec<[PathBuf; 2]> = beside.map(|pair| [pair[0].clone(), pair[1].clone()]).collect();
    if pairs.is_empty() {
        return;
    }
    let compared = compare_all("blame-projects", &pairs);
    assert!(compared.check >= 10 && compared.refs >= 8 && compared.leaks >= 3, "{compared:?}");
}
