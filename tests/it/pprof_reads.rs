//! `go tool pprof` reads heapdiff's output, finds the same numbers, and merges the same way.

use super::ask::{ask, rows, totals};
use super::corpus;
use super::pprof_agreement::{Case, Failure, Rows, pprof};
use heapdiff::input;
use heapdiff::input::pprof::encode;
use heapdiff::report::Question;
use std::path::{Path, PathBuf};

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
        // Two files would be a comparison otherwise.
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

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
