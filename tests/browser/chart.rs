//! Opens the chart of a timeline in a browser.

use crate::chromium::{chromium, open};
use crate::corpus;
use crate::program::{folder, run};

#[test]
fn a_browser_opens_a_chart() {
    let Some(chromium) = chromium() else { return };
    let folder = folder("browser-chart");
    let recording = corpus::path("harbor/one");
    let said = run(&folder, &["timeline", recording.to_str().unwrap(), "-o", "x.svg"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let svg = std::fs::read_to_string(folder.join("x.svg")).unwrap();
    let (dom, log) = open(&chromium, "chart", &svg);
    assert!(dom.contains("main.newTrack") && !dom.contains("parsererror"), "{dom}");
    assert!(dom.contains("inuse_space through 12 snapshots"), "{dom}");
    assert!(!log.contains("CONSOLE"), "{log}");
}
