//! Lines, stacks and labels agree with `go tool pprof -list`, `-traces` and `-tags`.
//!
//! Both tools print every line of a function (with the sources in `testdata/programs`), every stack and every label, for
//! one profile and for a pair, in the unit of the sample type, so that pprof prints whole numbers. For a pair, pprof
//! marks the samples of the base with a label, which is removed here. Rows of zeros count as absent.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use crate::corpus;
use crate::pprof_agreement::{Case, Pprof, case, pairs, pprof, pprofs_name, profiles, testdata};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// pprof's name for the label of the base's samples.
const BASE: &str = "pprof::base";

/// Larger shared recordings, in bytes, are left to the other comparisons, because pprof takes
/// seconds for each.
const SHARED_MAX: u64 = 64 << 10;

/// Values by name.
type Found = BTreeMap<String, i64>;

/// Runs a question in both tools: None if one refuses it.
type Ask = fn(&Pprof, &Case) -> Option<(Found, Found)>;

#[test]
fn lines_agree() {
    let Some(pprof) = pprof() else { return };
    let programs = testdata().join("programs");
    let chat = format!("source_path={}", programs.display());
    let generics = format!("source_path={}", programs.join("generics-inline").display());
    let mut cases = Vec::new();
    for sample_type in ["inuse_space", "alloc_objects"] {
        let pair = ["chat/before.pb.gz", "chat/after.pb.gz"];
        for option in ["functions", "noinlines", "focus=NewTicker", "hide=windowFor"] {
            let options: &[&str] = if option == "functions" { &[] } else { &[option] };
            let options = [&[chat.as_str()], options].concat();
            cases.push(case(&pair, sample_type, &options));
            cases.push(case(&pair[1..], sample_type, &options));
        }
        let pair = ["generics-inline/before.pb.gz", "generics-inline/after.pb.gz"];
        let options = [generics.as_str(), "trim_path=generics"];
        cases.push(case(&pair, sample_type, &options));
        cases.push(case(&pair[1..], sample_type, &[&options[..], &["noinlines"]].concat()));
    }
    let compared = compare(pprof, &cases, lines);
    assert!(compared > 100, "only {compared} lines");
}

#[test]
fn stacks_agree() {
    let Some(pprof) = pprof() else { return };
    let compared = compare(pprof, &recordings(pprof), stacks);
    assert!(compared > 400, "only {compared} stacks");
}

#[test]
fn labels_agree() {
    let Some(pprof) = pprof() else { return };
    let compared = compare(pprof, &recordings(pprof), labels);
    assert!(compared > 250, "only {compared} labels");
}

/// Every recording and every pair, in its last sample type, which is memory in use for a heap.
fn recordings(pprof: &Pprof) -> Vec<Case> {
    let is_bad = |file: &PathBuf| file.components().any(|part| part.as_os_str() == "bad");
    let mut inputs = pairs(&testdata());
    inputs.extend(profiles(&testdata()).into_iter().filter(|f| !is_bad(f)).map(|f| vec![f]));
    for kind in ["heap", "cpu", "goroutine", "mutexblock", "mixed", "other"] {
        let small = |file: &PathBuf| file.metadata().is_ok_and(|file| file.len() < SHARED_MAX);
        let shared = corpus::shared(&[&format!("corpus/pprof-proto-{kind}")]).into_iter();
        inputs.extend(shared.filter(small).map(|file| vec![file]));
    }
    let mut cases = Vec::new();
    for files in inputs {
        let Some(types) = pprof.sample_types(&files) else { continue };
        if let Some((sample_type, _)) = types.last().cloned() {
            cases.push(Case { files, sample_type, options: Vec::new() });
        }
    }
    cases
}

/// Runs each case in both tools, fails with the differences, and returns how much was compared.
fn compare(pprof: &Pprof, cases: &[Case], ask: Ask) -> usize {
    let next = AtomicUsize::new(0);
    let (compared, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let differences = Mutex::new(Vec::new());
    let one = |case: &Case| {
        let Some((mut theirs, mut ours)) = ask(pprof, case) else {
            refused.fetch_add(1, Ordering::Relaxed);
            return;
        };
        theirs.retain(|_, value| *value != 0);
        ours.retain(|_, value| *value != 0);
        // A stack's frames are lines of its name.
        let renamed = |name: &str| -> Option<String> {
            let lines: Option<Vec<String>> = name.split('\n').map(pprofs_name).collect();
            Some(lines?.join("\n"))
        };
        ours = ours.into_iter().filter_map(|(name, v)| Some((renamed(&name)?, v))).collect();
        compared.fetch_add(theirs.len(), Ordering::Relaxed);
        for name in theirs.keys().chain(ours.keys()) {
            let of = |found: &Found| found.get(name).copied().unwrap_or(0);
            let (theirs, ours) = (of(&theirs), of(&ours));
            if theirs != ours {
                let difference = format!("{case}: {name}: pprof {theirs}, heapdiff {ours}");
                differences.lock().unwrap().push(difference);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one(case);
                }
            });
        }
    });
    let (compared, refused) = (compared.into_inner(), refused.into_inner());
    let mut differences = differences.into_inner().unwrap();
    differences.sort();
    println!("{} cases, {compared} values compared, {refused} refused", cases.len());
    differences.truncate(20);
    assert!(differences.is_empty(), "differences from pprof:\n{}", differences.join("\n"));
    compared
}

/// What pprof prints with `option`, in the unit of the sample type.
fn printed(pprof: &Pprof, case: &Case, option: &str) -> Option<String> {
    let types = pprof.sample_types(&case.files)?;
    let unit =
        types.into_iter().find_map(|(name, unit)| (name == case.sample_type).then_some(unit))?;
    let mut options = vec![
        option.to_owned(),
        format!("-unit={unit}"),
        format!("-sample_index={}", case.sample_type),
    ];
    options.extend(case.options.iter().map(|option| format!("-{option}")));
    let out = pprof.run(&options, &case.files);
    assert!(out.status.success(), "{case}: {}", String::from_utf8_lossy(&out.stderr));
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// What heapdiff prints.
fn said(case: &Case, command: &[&str]) -> Option<Value> {
    let mut heapdiff = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    heapdiff.args(command).args(&case.files);
    heapdiff.args(["--format", "json"]).args(case.sample_index());
    heapdiff.args(case.options.iter().map(|option| format!("--{option}")));
    let out = heapdiff.output().expect("heapdiff runs");
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{case}: {error}");
    serde_json::from_slice(&out.stdout).ok()
}

/// The number at the start of a pprof value; its unit follows.
fn whole(text: &str) -> i64 {
    if text == "." {
        return 0;
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    assert!(!text[end..].starts_with('.'), "a rounded number: {text}");
    text[..end].parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The value of a row: Δ, or the value of a single profile.
fn primary(row: &Value, of: &str) -> i64 {
    let row = row.get("delta").unwrap_or(&row["after"]);
    row.pointer(of).unwrap().as_i64().unwrap()
}

/// Flat and cum by function, file and line, for each line whose text both tools have.
fn lines(pprof: &Pprof, case: &Case) -> Option<(Found, Found)> {
    let text = printed(pprof, case, "-list=^main|^chat|insert|Tree")?;
    let (mut theirs, mut texts) = (Found::new(), BTreeMap::new());
    let mut routine = String::new();
    for line in text.lines().skip(1) {
        if let Some(name) = line.strip_prefix("ROUTINE ======================== ") {
            name.clone_into(&mut routine);
            continue;
        }
        let Some((values, code)) = line.split_once(':') else { continue };
        let words: Vec<&str> = values.split_whitespace().collect();
        let [flat, cum, number] = words.as_slice() else { continue };
        theirs.insert(format!("{routine}:{number} flat"), whole(flat));
        theirs.insert(format!("{routine}:{number} cum"), whole(cum));
        texts.insert(format!("{routine}:{number}"), code.to_owned());
    }
    let report = said(case, &["list", "^main|^chat|insert|Tree"])?;
    let mut ours = Found::new();
    for function in report["list"]["functions"].as_array().unwrap() {
        let name = function["function"].as_str().unwrap();
        let name = format!("{name} in {}", function["file"].as_str().unwrap_or(""));
        for line in function["lines"].as_array().unwrap() {
            let number = line["line"].as_i64().unwrap_or(0);
            ours.insert(format!("{name}:{number} flat"), primary(line, "/flat"));
            ours.insert(format!("{name}:{number} cum"), primary(line, "/cum"));
        }
        let source = function["source"]["lines"].as_array();
        let source = source.unwrap_or_else(|| panic!("{case}: no source of {name}"));
        for line in source {
            let number = line["line"].as_i64().unwrap();
            if let Some(theirs) = texts.get(&format!("{name}:{number}")) {
                assert_eq!(Some(theirs.as_str()), line["text"].as_str(), "{case}: {name}:{number}");
            }
        }
    }
    Some((theirs, ours))
}

/// Values by labels and frames.
fn stacks(pprof: &Pprof, case: &Case) -> Option<(Found, Found)> {
    let text = printed(pprof, case, "-traces")?;
    let mut theirs = Found::new();
    let mut blocks =
        text.split("-----------+-------------------------------------------------------\n");
    blocks.next();
    for block in blocks {
        let mut value = None;
        let mut key = String::new();
        for line in block.lines() {
            // Labels come first, then the leaf with the value, then frames after thirteen blanks.
            let is_frame = line.get(10..13) == Some("   ") || line.starts_with("             ");
            let (start, rest) = match line.find("   ") {
                _ if value.is_some() => ("", line.get(13..).unwrap_or("")),
                _ => line.trim_start().split_once("   ").unwrap_or((line, "")),
            };
            let is_value = start.trim_end_matches(char::is_alphabetic).parse::<i64>().is_ok();
            if value.is_none() && is_value {
                value = Some(whole(start));
            }
            if value.is_some() && (is_frame || is_value) {
                key.push_str(rest.strip_suffix(" (inline)").unwrap_or(rest));
                key.push('\n');
            }
        }
        *theirs.entry(key).or_default() += value.unwrap_or(0);
    }
    let report = said(case, &["traces"])?;
    let mut ours = Found::new();
    for row in report["traces"]["rows"].as_array().unwrap() {
        let frames = row["frames"].as_array().unwrap();
        if frames.is_empty() {
            // pprof leaves them out.
            continue;
        }
        let names: Vec<_> = frames.iter().map(|frame| binary(frame.as_str().unwrap())).collect();
        let key = format!("{}\n", names.join("\n"));
        *ours.entry(key).or_default() += primary(row, "");
    }
    Some((theirs, ours))
}

/// The name that pprof gives an address without symbols: its binary.
fn binary(frame: &str) -> String {
    let is_hex = |text: &str| {
        let digits = text.strip_prefix("0x");
        digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))
    };
    match frame.rsplit_once('+') {
        Some((file, offset)) if is_hex(offset) => format!("[{file}]"),
        _ if is_hex(frame) => "<unknown>".to_owned(),
        _ => frame.to_owned(),
    }
}

/// Values by label key and value, and by key alone.
fn labels(pprof: &Pprof, case: &Case) -> Option<(Found, Found)> {
    let text = printed(pprof, case, "-tags")?;
    let mut theirs = Found::new();
    let mut key = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line = line.trim_start();
        if let Some((name, rest)) = line.split_once(": Total ") {
            name.clone_into(&mut key);
            *theirs.entry(key.clone()).or_default() += whole(rest);
        } else if let Some((amount, value)) = line.split_once("): ").or(line.split_once(": ")) {
            *theirs.entry(format!("{key}={}", value.trim_start())).or_default() += whole(amount);
        }
    }
    let report = said(case, &["tags"])?;
    let types = pprof.sample_types(&case.files)?;
    let unit = types.iter().find_map(|(name, unit)| (*name == case.sample_type).then_some(unit))?;
    let mut ours = Found::new();
    for tag in report["tags"]["keys"].as_array().unwrap() {
        let key = tag["key"].as_str().unwrap();
        *ours.entry(key.to_owned()).or_default() += primary(tag, "");
        for value in tag["values"].as_array().unwrap() {
            let text = match value["text"].as_str() {
                Some(text) => text.to_owned(),
                None => format!("{}", value["number"]),
            };
            *ours.entry(format!("{key}={text}")).or_default() += primary(value, "");
        }
    }
    let numeric: Vec<String> = report["tags"]["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|tag| tag["values"].as_array().unwrap().iter().any(|v| v["number"].is_i64()))
        .map(|tag| tag["key"].as_str().unwrap().to_owned())
        .collect();
    // pprof prints numbers in the requested unit if it can, and rounds them otherwise: then only
    // sums by key are compared.
    let is_exact = unit == "bytes";
    let keep = |name: &String| {
        let key = name.split('=').next().unwrap_or("");
        !numeric.iter().any(|numeric| numeric == key) || name == key || (is_exact && key == "bytes")
    };
    let keep = |name: &String| !name.starts_with(BASE) && keep(name);
    theirs.retain(|name, _| keep(name));
    ours.retain(|name, _| keep(name));
    let theirs = theirs.into_iter().map(|(name, value)| match name.strip_suffix('B') {
        Some(number) if is_exact && name.starts_with("bytes=") => (number.to_owned(), value),
        _ => (name, value),
    });
    Some((theirs.collect(), ours))
}
