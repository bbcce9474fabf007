//! The program end to end, without profiles: exit codes, output streams, and closed pipes.

use std::io::Read;
use std::process::{Command, Output, Stdio};

fn heapdiff(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heapdiff")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn help_and_version_are_answers() {
    let lines: [&[&str]; 8] = [
        &["--help"],
        &["-help"],
        &["-h"],
        &["help", "diff"],
        &["diff", "--help"],
        &["top", "-h"],
        &["--version"],
        &["-V"],
    ];
    for args in lines {
        let output = heapdiff(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(text(&output.stdout).contains("heapdiff"), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn mistakes_are_one_message_on_standard_error() {
    let lines: [(&[&str], &str); 8] = [
        (&["-nosuch"], "heapdiff: invalid value"),
        (&["--nosuch"], "heapdiff: unexpected argument '--nosuch'"),
        (&["-lines", "-files", "a", "b"], "heapdiff: the argument '--lines' cannot be used with"),
        (&["-focus=a(b", "a", "b"], "heapdiff: -focus: regex parse error"),
        (&["-all", "a", "b", "c"], "heapdiff: --all has no effect on leaks"),
        (&["diff", "a"], "heapdiff: diff compares two profiles"),
        (&["completions", "tcsh"], "heapdiff: invalid value 'tcsh'"),
        (&["-n", "many", "a", "b"], "heapdiff: invalid value 'many'"),
    ];
    for (args, message) in lines {
        let output = heapdiff(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(text(&output.stderr).starts_with(message), "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).ends_with('\n'), "{args:?}");
    }
}

#[test]
fn without_arguments_the_help_goes_to_standard_error() {
    let output = heapdiff(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("Usage: heapdiff [OPTIONS] BEFORE AFTER"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    for args in [["man"].as_slice(), &["completions", "bash"], &["--help"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_heapdiff"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}: {stderr}");
        assert_eq!(stderr, "", "{args:?}");
    }
}

#[test]
fn completions_and_the_manual_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = heapdiff(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(text(&output.stdout).contains("tagignore"), "{shell}");
    }
    let manual = heapdiff(&["man"]);
    let manual = text(&manual.stdout);
    for part in [".SH \"HEAPDIFF DIFF\"", ".SH \"HEAPDIFF TOP\"", "EXIT STATUS", "prune"] {
        assert!(manual.contains(part), "{part}");
    }
}

#[test]
fn a_file_that_can_not_be_read_is_an_error() {
    let output = heapdiff(&["no-such-before.pb.gz", "no-such-after.pb.gz"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).starts_with("heapdiff: "));
}
