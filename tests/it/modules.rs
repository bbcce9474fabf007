//! Leaks that public modules had: each is the first suspect, under few entries, and the fixed version is quiet.

use crate::corpus;
use crate::program::run;
use regex::Regex;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The most entries for all causes together: 1.2 for each.
const ENTRIES: usize = 24;

fn read(folder: &Path) -> (Value, Vec<Value>) {
    let truth = fs::read_to_string(folder.join("truth.json")).unwrap();
    let said = run(folder, &["leaks", "-n", "0", "--format", "json", "."]);
    assert_eq!(said.code, Some(0), "{}: {}", folder.display(), said.stderr);
    let mut report: Value = serde_json::from_str(&said.stdout).unwrap();
    let Value::Array(suspects) = report["suspects"].take() else { panic!("{report:#}") };
    let leaks = suspects.into_iter().filter(|suspect| suspect["class"] == "leak");
    (serde_json::from_str(&truth).unwrap(), leaks.collect())
}

/// Whether a suspect is a cache that still fills, which the truth allows for.
fn fills(truth: &Value, suspect: &Value) -> bool {
    let filling = truth["filling"].as_array().map(Vec::as_slice).unwrap_or_default();
    filling.contains(&suspect["site"]["function"])
}

#[test]
fn every_leak_is_the_first_suspect_and_every_fixed_version_is_quiet() {
    let (mut leaks, mut healthy, mut entries) = (0, 0, 0);
    for folder in corpus::modules() {
        let name = folder.display();
        let (truth, found) = read(&folder);
        let others: Vec<&Value> = found.iter().filter(|one| !fills(&truth, one)).collect();
        let sure = found.iter().filter(|one| fills(&truth, one) && one["confidence"] == "high");
        assert_eq!(sure.count(), 0, "{name}: a cache that fills is sure to leak");
        if truth["verdict"] == "healthy" {
            assert!(others.is_empty(), "{name}: {others:#?}");
            healthy += 1;
            continue;
        }
        let culprit = Regex::new(truth["site"].as_str().unwrap()).unwrap();
        let first = others.first().unwrap_or_else(|| panic!("{name}: nothing leaks"));
        let function = first["site"]["function"].as_str().unwrap();
        assert!(culprit.is_match(function), "{name}: {function}");
        let expected = truth["patterns"].as_array().unwrap();
        let named = first["patterns"].as_array().unwrap();
        let is_named = expected.is_empty() || expected.iter().any(|id| named.contains(id));
        assert!(is_named, "{name}: {named:?}, not {expected:?}");
        entries += others.len();
        leaks += 1;
    }
    assert_eq!((leaks, healthy), (20, 20));
    assert!(entries <= ENTRIES, "{entries} entries for {leaks} causes");
}
