//! Call graphs as `dot` text, and their rendering by Graphviz.
//!
//! Without Graphviz the tests print that they are skipped, and pass. `HEAPDIFF_REQUIRE_ALL=1` makes that a failure.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use heapdiff::graph::trim::{Fraction, TrimLimits};
use heapdiff::output::{self, FileNames, Format, Style, Width};
use heapdiff::report::{Question, Report};
use std::io::Write as _;
use std::process::{Command, Stdio};

pub(crate) fn limits(nodecount: usize, nodefraction: f64, edgefraction: f64) -> Question {
    let [nodefraction, edgefraction] =
        [nodefraction, edgefraction].map(|fraction| Fraction::new(fraction).unwrap());
    Question::Graph(TrimLimits { nodecount, nodefraction, edgefraction })
}

pub(crate) fn dot(report: &Report) -> String {
    let style =
        Style { width: Width::Unlimited, color: false, unit: None, file_names: FileNames::Whole };
    let mut out = Vec::new();
    output::write(Format::Dot, report, &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Graphviz's rendering of a graph, which must cause no warning.
pub(crate) fn graphviz(graph: &str) -> Option<String> {
    let child = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        assert!(
            std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(),
            "HEAPDIFF_REQUIRE_ALL is set, and there is no `dot`: install graphviz"
        );
        println!("skipped: no `dot` to read what is written (install graphviz to run this test)");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let graph = graph.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(graph.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    // A font missing on the machine isn't an error.
    let complaints: Vec<_> = complaints.lines().filter(|line| !line.contains("font")).collect();
    assert!(output.status.success() && complaints.is_empty(), "{complaints:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}
