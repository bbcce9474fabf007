//! The order of the arguments and the number of threads change no byte, wherever the order means nothing: snapshots
//! over time, profiles that are added up, and runs of one side.

use super::corpus;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the program writes to standard output, and its exit code.
fn said(args: &[String], threads: &str) -> (Option<i32>, Vec<u8>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.args(args).env("RAYON_NUM_THREADS", threads).current_dir(corpus::path(""));
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(2), "{args:?}: {stderr}");
    (output.status.code(), output.stdout)
}

/// Some orders of `n` things, the given one first: backwards, and shuffled.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let given: Vec<usize> = (0..n).collect();
    let mut state = n as u64;
    let mut shuffled = given.clone();
    let shuffles = (0..2).map(|_| {
        for i in (1..n).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        shuffled.clone()
    });
    let backwards = given.iter().rev().copied().collect();
    [given.clone(), backwards].into_iter().chain(shuffles).collect()
}

/// Asks with the arguments in several orders, on 1, 2 and 5 threads.
fn one_answer(command: &[&str], inputs: &[String]) {
    one_answer_of(command, &[("", inputs)]);
}

/// The same for several lists of inputs, each with the option before it.
fn one_answer_of(command: &[&str], lists: &[(&str, &[String])]) {
    let mut expected = None;
    for (number, threads) in ["1", "2", "5", "2"].into_iter().enumerate() {
        let mut args: Vec<String> = command.iter().map(|&arg| arg.to_owned()).collect();
        for (option, inputs) in lists {
            args.extend((!option.is_empty()).then(|| (*option).to_owned()));
            args.extend(orders(inputs.len())[number].iter().map(|&i| inputs[i].clone()));
        }
        let said = said(&args, threads);
        assert!(!said.1.is_empty(), "{args:?}");
        let expected = expected.get_or_insert_with(|| said.clone());
        assert!(
            *expected == said,
            "{args:?} on {threads} threads:\n{}\ninstead of\n{}",
            String::from_utf8_lossy(&said.1),
            String::from_utf8_lossy(&expected.1)
        );
    }
}

/// The recordings over time of `testdata`, and more in `../shared`, if any: the files of each.
fn recordings() -> Vec<Vec<String>> {
    let harbor = ["one", "repeated", "restarted"].map(|name| corpus::path("harbor").join(name));
    let folders = harbor.into_iter().chain(corpus::recordings());
    let recordings: Vec<Vec<String>> = folders.map(|folder| files(&folder)).collect();
    assert!(recordings.iter().filter(|files| files.len() > 3).count() >= 9);
    recordings
}

fn files(folder: &Path) -> Vec<String> {
    // The text profiles beside them are refused.
    let is_text = |path: &PathBuf| path.to_string_lossy().contains("debug");
    let found = corpus::files(folder).into_iter().filter(|path| !is_text(path));
    found.map(|path| path.to_str().unwrap().to_owned()).collect()
}

/// The heap profiles of a recording: other kinds can't be compared with them.
fn heap(recording: &[String]) -> Vec<String> {
    recording.iter().filter(|name| !name.contains("goroutine")).cloned().collect()
}

#[test]
fn snapshots_over_time() {
    for recording in recordings() {
        one_answer(&["leaks", "--format", "json"], &recording);
        one_answer(&["leaks"], &recording);
        one_answer(&["timeline", "--lines", "-n", "0", "--format", "csv"], &recording);
    }
}

#[test]
fn charts_and_tables_over_time() {
    for recording in recordings().iter().take(5) {
        one_answer(&["timeline", "--width", "100"], recording);
        one_answer(&["timeline", "--addresses", "--format", "json"], recording);
        one_answer(
            &["check", "--no-leaks", "--min-confidence", "low", "--format", "json"],
            recording,
        );
        one_answer(&["refs", ".", "--format", "json"], &heap(recording));
    }
}

#[test]
fn profiles_that_are_added_up() {
    for recording in recordings().iter().take(5) {
        let heap = heap(recording);
        one_answer(&["merge"], &heap);
        one_answer(&["top", "--lines", "--format", "json"], &heap);
        one_answer(&["patterns", "match", "--format", "json"], &heap);
    }
}

#[test]
fn runs_of_a_side() {
    let runs = |kind: &str| -> Vec<String> {
        let path = |number| corpus::path(&format!("gate/{kind}-{number}.pb.gz"));
        (1..=3).map(|number| path(number).to_str().unwrap().to_owned()).collect()
    };
    let base = runs("base");
    for kind in ["regression", "unchanged"] {
        for format in ["json", "table", "junit"] {
            let command = ["check", "--max-growth", "1MiB", "--format", format];
            one_answer_of(&command, &[("--before", &base), ("--after", &runs(kind))]);
        }
    }
}
