//! Files that `heapdiff check` and `heapdiff baseline compare` write: none overwrites an input, and no earlier report
//! stays if the check couldn't be judged.

use crate::corpus;
use crate::gate::check;
use crate::program::{Said, folder};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with two runs before, one after, rules and patterns.
fn gate(name: &str) -> PathBuf {
    let folder = folder(&format!("check-files-{name}"));
    fs::create_dir_all(folder.join("base")).unwrap();
    for (file, recorded) in [
        ("base/1.pb.gz", "base-1"),
        ("base/2.pb.gz", "base-2"),
        ("good.pb.gz", "unchanged-1"),
        ("bad.pb.gz", "regression-1"),
    ] {
        let recorded = corpus::read(&format!("gate/{recorded}.pb.gz"));
        fs::write(folder.join(file), recorded).unwrap();
    }
    fs::write(folder.join("heapdiff.toml"), "[[rule]]\nname = 'all'\nmax_growth = '2MiB'\n")
        .unwrap();
    folder
}

/// Names and contents of a folder and its subfolders.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            let text = fs::read(&path).unwrap();
            all.push((path, text));
        }
    }
    all.sort();
    all
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn no_answer_takes_the_place_of_what_is_read_or_of_another() {
    let folder = gate("clash");
    fs::write(folder.join("own.toml"), read(&folder, "heapdiff.toml")).unwrap();
    let before = contents(&folder);
    let cases: [(&[&str], &str); 9] = [
        (&["-o", "good.pb.gz"], "--output good.pb.gz: it would overwrite good.pb.gz"),
        (&["--report", "junit=./base/../good.pb.gz"], "overwrite good.pb.gz, which is an input"),
        (&["--report", "sarif=base/2.pb.gz"], "it would overwrite base/2.pb.gz"),
        (&["--report", "csv=heapdiff.toml"], "it would overwrite heapdiff.toml"),
        (&["--config", "own.toml", "-o", "own.toml"], "it would overwrite own.toml"),
        (&["--patterns", "own.toml", "-o", "own.toml"], "it would overwrite own.toml"),
        (
            &["--report", "junit=x", "--report", "csv=./x"],
            "two reports can't be written to one file",
        ),
        (&["--report", "json=base/../x", "-o", "x"], "two reports can't be written to one file"),
        (&["--report", "junit=base/1.pb.gz", "--on-inconclusive", "pass"], "base/1.pb.gz"),
    ];
    for (args, expected) in cases {
        let said = check(&folder, &[args, &["base", "good.pb.gz"]].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(expected), "{args:?}: {}", said.stderr);
        assert!(contents(&folder) == before, "{args:?}");
    }
    // Even if another error precedes it.
    for args in [
        [
            "--report",
            "junit=good.pb.gz",
            "--report",
            "markdown=heapdiff.toml",
            "none",
            "good.pb.gz",
        ],
        ["--report", "csv=base/1.pb.gz", "--report", "json=base/2.pb.gz", "base", "none.pb.gz"],
    ] {
        assert_eq!(check(&folder, &args).code, Some(2), "{args:?}");
        assert!(contents(&folder) == before, "{args:?}");
    }
    // Output may go next to the inputs, and into anything that isn't a regular file.
    let args = ["--report", "junit=base/x.xml", "--report", "csv=good.csv", "base", "good.pb.gz"];
    assert_eq!(check(&folder, &args).code, Some(0));
    // Files that aren't runs have to be removed before the next check.
    fs::remove_file(folder.join("base/x.xml")).unwrap();
    #[cfg(unix)]
    {
        let null = ["--report", "junit=/dev/null", "-o", "/dev/null", "base", "good.pb.gz"];
        assert_eq!(check(&folder, &null).code, Some(0));
        std::os::unix::fs::symlink("good.pb.gz", folder.join("link")).unwrap();
        let said = check(&folder, &["-o", "link", "base", "good.pb.gz"]);
        assert!(said.stderr.contains("overwrite good.pb.gz"), "{}", said.stderr);
    }
}

#[test]
fn what_inconclusive_is_taken_for_is_in_the_reports() {
    let folder = gate("taken");
    let ask = |settled: &str, limit: &str| {
        let rules = format!("[[rule]]\nname = 'all'\nmax_growth = '{limit}'\n");
        fs::write(folder.join("heapdiff.toml"), rules).unwrap();
        let report = ["--report", "json=x.json", "--report", "junit=x.xml"];
        let args = ["--on-inconclusive", settled, "base/1.pb.gz", "good.pb.gz"];
        let said = check(&folder, &[&report[..], &args].concat());
        let json: serde_json::Value = serde_json::from_str(&read(&folder, "x.json")).unwrap();
        (said, json["check"].clone(), read(&folder, "x.xml"))
    };
    for (settled, code, element) in [("pass", 0, "<system-out>"), ("fail", 1, "<failure")] {
        let (said, check, junit) = ask(settled, "100KiB");
        assert_eq!(said.code, Some(code), "{}{}", said.stdout, said.stderr);
        let last = format!("check: inconclusive, counted as {settled} (--on-inconclusive)\n");
        assert!(said.stdout.ends_with(&last), "{}", said.stdout);
        assert_eq!(
            (&check["outcome"], &check["taken_for"]),
            (&"inconclusive".into(), &settled.into())
        );
        assert!(junit.contains(element) && !junit.contains("<error"), "{junit}");
        // A decided outcome isn't replaced by the setting for inconclusive ones.
        let (said, check, _) = ask(settled, "2MiB");
        assert_eq!((said.code, check.get("taken_for")), (Some(0), None));
    }
}

const ALL: [&str; 7] = ["table", "json", "csv", "markdown", "junit", "sarif", "benchmark"];

/// Options that request a report in every format, and the answer in a file.
fn everything() -> Vec<String> {
    let reports = ALL.iter().flat_map(|own| ["--report".to_owned(), format!("{own}=x.{own}")]);
    let answer = ["--format", "junit", "-o", "answer.xml"].map(str::to_owned);
    reports.chain(answer).collect()
}

/// Checks that no report still shows an earlier run's result.
fn are_errors(folder: &Path, message: &str) {
    for name in ["x.junit", "answer.xml", "x.markdown", "x.sarif"] {
        let text = read(folder, name);
        assert!(
            text.contains("the check could not run") && text.contains(message),
            "{name}: {text}"
        );
    }
    assert!(read(folder, "x.junit").contains("<error"), "{}", read(folder, "x.junit"));
    for name in ["table", "json", "csv", "benchmark"] {
        assert!(!folder.join(format!("x.{name}")).exists(), "{name}");
    }
}

#[test]
fn reports_of_an_earlier_run_do_not_stay_where_there_is_no_answer() {
    let folder = gate("stale");
    let everything = everything();
    let ask = |profiles: [&str; 2]| -> Said {
        let args: Vec<&str> = everything.iter().map(String::as_str).chain(profiles).collect();
        check(&folder, &args)
    };
    let broken = "[[rule]]\nname = 'all'\nmax_growht = '2MiB'\n";
    let rules = read(&folder, "heapdiff.toml");
    fs::write(folder.join("torn.pb.gz"), &corpus::read("gate/base-1.pb.gz")[..300]).unwrap();
    for (profiles, rules_now, message) in [
        (["nowhere", "good.pb.gz"], rules.as_str(), "there is no baseline"),
        (["base", "torn.pb.gz"], &rules, "torn.pb.gz"),
        (["base", "good.pb.gz"], broken, "max\\_growht"),
    ] {
        fs::write(folder.join("heapdiff.toml"), &rules).unwrap();
        assert_eq!(ask(["base", "good.pb.gz"]).code, Some(0));
        assert!(ALL.iter().all(|own| folder.join(format!("x.{own}")).exists()));
        fs::write(folder.join("heapdiff.toml"), rules_now).unwrap();
        let said = ask(profiles);
        assert_eq!(said.code, Some(2), "{}", said.stdout);
        let plain = message.replace('\\', "");
        assert!(said.stderr.contains(&plain), "{}", said.stderr);
        assert!(read(&folder, "x.markdown").contains(message), "{}", read(&folder, "x.markdown"));
        fs::write(folder.join("x.markdown"), read(&folder, "x.markdown").replace('\\', ""))
            .unwrap();
        are_errors(&folder, &plain);
    }
}

#[test]
fn the_summary_of_a_job_says_that_there_is_no_answer() {
    let folder = gate("summary");
    fs::write(folder.join("summary.md"), "an earlier step\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.current_dir(&folder).env("GITHUB_STEP_SUMMARY", "summary.md");
    let output = command.args(["check", "nowhere", "good.pb.gz"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("::error title=heapdiff check::nowhere"), "{stderr}");
    let summary = read(&folder, "summary.md");
    assert!(summary.starts_with("an earlier step\n<!-- heapdiff-check -->\n"), "{summary}");
    assert!(
        summary.contains("the check could not run: nowhere: there is no baseline"),
        "{summary}"
    );
}

#[test]
fn comparing_with_baselines_leaves_them_alone_and_no_report_stale() {
    let folder = gate("baselines");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
        command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
        let output = command.arg("baseline").args(args).current_dir(&folder).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let saved = run(&["save", "kept", "base", "--branch", "main"]);
    assert_eq!(saved.0, Some(0), "{}", saved.1);
    let before = contents(&folder.join("kept"));
    let profile = before.iter().map(|(path, _)| path.display().to_string());
    let profile = profile.into_iter().find(|name| name.ends_with(".pb.gz")).unwrap();
    let everything = everything();
    let ask = |branch: &str, more: &[&str]| {
        let args = ["compare", "kept", "good.pb.gz", "--branch", branch];
        let all: Vec<&str> = args
            .into_iter()
            .chain(everything.iter().map(String::as_str))
            .chain(more.iter().copied())
            .collect();
        run(&all)
    };
    let (code, stderr) = ask("main", &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(ALL.iter().all(|own| folder.join(format!("x.{own}")).exists()));
    let into = format!("csv={profile}");
    let (code, stderr) = ask("main", &["--report", &into]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("it would overwrite"), "{stderr}");
    assert!(contents(&folder.join("kept")) == before);
    are_errors(&folder, "it would overwrite");
    let (code, stderr) = ask("other", &["--report", &into]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(contents(&folder.join("kept")) == before);
    are_errors(&folder, "there are no baselines of other");
}
