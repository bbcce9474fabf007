//! `go tool pprof` reads heapdiff's output, finds the same numbers, and merges the same way.

use super::ask::{ask, rows, totals};
use super::corpus;
use super::pprof_agreement::{Case, Failure, Rows, pprof};
use heapdiff::input;
use heapdiff::input::pprof::encode;
use heapdiff::report::Question;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn pprof_finds_in_a_written_profile_what_it_finds_in_the_original() {
    let Some(pprof) = pprof() else { return };
    let folder = folder("written");
    let mut compared = 0;
    for (i, file) in corpus::testdata().into_iter().enumerate() {
        let Ok(profile) = input::read_profile(std::fs::read(&file).unwrap().as_slice()) else {
            continue;
        };
        let Some(types) = pprof.sample_types(std::slice::from_ref(&file)) else { continue };
        let written = folder.join(format!("{i}.pb.gz"));
        encode::write(&profile, std::fs::File::create(&written).unwrap()).unwrap();
        let found = |file: &Path, sample_type: &str| -> Rows {
            let files = vec![file.to_owned()];
            let case = Case { files, sample_type: sample_type.to_owned(), options: Vec::new() };
            pprof.ask(&case).unwrap_or_else(|failure| match failure {
                Failure::Refused => panic!("pprof refuses {}", corpus::shown(file)),
                Failure::Broken(why) => panic!("{why}"),
            })
        };
        assert_eq!(pprof.sample_types(std::slice::from_ref(&written)), Some(types.clone()));
        let (last, _) = types.last().unwrap();
        let (theirs, ours) = (found(&file, last), found(&written, last));
        assert_eq!(theirs, ours, "{}", corpus::shown(&file));
        compared += ours.len();
    }
    assert!(compared > 300, "only {compared} rows");
}

#[test]
fn several_profiles_add_up_to_what_pprof_merges() {
    let Some(pprof) = pprof() else { return };
    let folder = folder("merged");
    let groups: [&[&str]; 4] = [
        &["chat/before.pb.gz", "chat/after.pb.gz", "chat/other-process.pb.gz"],
        &["two-builds/v1.pb.gz", "two-builds/v2.pb.gz"],
        &["crafted/no-symbols/before.pb.gz", "crafted/no-symbols/after.pb.gz"],
        &["generics-inline/after.pb.gz", "rate1/after.pb.gz", "allocs/before.pb.gz"],
    ];
    for (i, names) in groups.into_iter().enumerate() {
        let files: Vec<PathBuf> = names.iter().map(|name| corpus::path(name)).collect();
        let merged = folder.join(format!("{i}.pb.gz"));
        let mut options = vec!["-proto".to_owned(), format!("-output={}", merged.display())];
        // Two files would be a comparison.
        options.extend(files.iter().map(|file| file.display().to_string()));
        let out = pprof.run(&options, &[]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let merged = std::fs::read(&merged).unwrap();
        let apart: Vec<Vec<u8>> = names.iter().map(|name| corpus::read(name)).collect();
        let apart: Vec<&[u8]> = apart.iter().map(Vec::as_slice).collect();
        for sample_type in ["inuse_space", "alloc_objects"] {
            let (apart, merged) = (
                ask(Question::Top, &apart, sample_type),
                ask(Question::Top, &[&merged], sample_type),
            );
            assert_eq!(rows(&apart), rows(&merged), "{names:?}");
            assert_eq!(totals(&apart), totals(&merged), "{names:?}");
        }
    }
}

#[test]
fn pprof_merges_to_the_same_profile() {
    let Some(pprof) = pprof() else { return };
    let folder = folder("merge-command");
    let groups: [&[&str]; 6] = [
        &["chat/after.pb.gz", "chat/after.pb.gz"],
        &["chat/before.pb.gz", "chat/after.pb.gz", "chat/other-process.pb.gz"],
        &["two-builds/v1.pb.gz", "two-builds/v2.pb.gz"],
        &["crafted/labels/before.pb.gz", "crafted/labels/after.pb.gz"],
        &["generics-inline/after.pb.gz", "rate1/after.pb.gz", "allocs/before.pb.gz"],
        &["cpu/before.pb.gz", "cpu/after.pb.gz"],
    ];
    for (i, group) in groups.into_iter().enumerate() {
        let mut files: Vec<PathBuf> = group.iter().map(|name| corpus::path(name)).collect();
        // heapdiff reads them by name, and pprof in the order given.
        files.sort();
        let (ours, theirs) = (folder.join(format!("{i}.pb.gz")), folder.join(format!("{i}.pprof")));
        let mut args = vec!["merge", "-o", name(&ours)];
        args.extend(files.iter().map(|file| name(file)));
        heapdiff(&args);
        let mut options = vec!["-proto".to_owned(), format!("-output={}", theirs.display())];
        // Two files would be a comparison.
        options.extend(files.iter().map(|file| file.display().to_string()));
        assert!(pprof.run(&options, &[]).status.success(), "{group:?}");
        let raw = |file: &PathBuf| {
            let output = pprof.run(&["-raw".to_owned()], std::slice::from_ref(file));
            String::from_utf8(output.stdout).unwrap()
        };
        let (ours, theirs) = (raw(&ours), raw(&theirs));
        for (ours, theirs) in ours.lines().zip(theirs.lines()) {
            assert_eq!(ours, theirs, "{group:?}");
        }
        assert_eq!(ours.len(), theirs.len(), "{group:?}");
    }
}

#[test]
fn pprof_finds_heapdiffs_deltas_in_a_difference() {
    let Some(pprof) = pprof() else { return };
    let folder = folder("difference");
    for (i, pair) in
        ["chat", "generics-inline", "crafted/labels", "crafted/recursion", "crafted/builds"]
            .into_iter()
            .enumerate()
    {
        let [before, after] = ["before", "after"].map(|n| format!("{pair}/{n}.pb.gz"));
        let written = folder.join(format!("{i}.pb.gz"));
        let paths = [corpus::path(&before), corpus::path(&after)];
        heapdiff(&["convert", name(&paths[0]), name(&paths[1]), "-o", name(&written)]);
        let (before, after) = (corpus::read(&before), corpus::read(&after));
        let ours = ask(Question::Diff, &[&before, &after], "inuse_space");
        let case = Case {
            files: vec![written],
            sample_type: "inuse_space".to_owned(),
            options: Vec::new(),
        };
        let mut theirs: Rows = match pprof.ask(&case) {
            Ok(rows) => rows,
            Err(Failure::Refused) => panic!("{pair}: pprof refuses it"),
            Err(Failure::Broken(why)) => panic!("{pair}: {why}"),
        };
        let mut ours: Rows =
            rows(&ours).into_iter().map(|(name, row)| (name, (row[0], row[1]))).collect();
        theirs.retain(|_, row| *row != (0, 0));
        ours.retain(|_, row| *row != (0, 0));
        assert_eq!(theirs, ours, "{pair}");
    }
}

/// Runs the program, which must succeed.
fn heapdiff(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_heapdiff")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
