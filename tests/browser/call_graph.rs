//! Opens Graphviz's rendering of a call graph in a browser.

use crate::ask::ask;
use crate::chromium::{chromium, open};
use crate::corpus;
use crate::drawings::{dot, graphviz, limits};

#[test]
fn a_browser_opens_what_graphviz_draws() {
    let [before, after] = corpus::pair("chat");
    let report = ask(limits(80, 0.005, 0.001), &[&before, &after], "inuse_space");
    let (Some(svg), Some(chromium)) = (graphviz(&dot(&report)), chromium()) else { return };
    let (dom, log) = open(&chromium, "graph", &svg);
    assert!(!log.contains("CONSOLE") && !dom.contains("parsererror"), "{log}");
    for name in ["NewRequestLimiter", "windowFor", "+117.3 MiB"] {
        assert!(dom.contains(name), "{name}");
    }
}
