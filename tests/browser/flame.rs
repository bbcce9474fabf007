//! Opens a flame graph in a browser, searches it and zooms.

use crate::chromium::{chromium, open};
use crate::corpus;
use crate::pictures::{flame, frames, hostile, picture, written};
use heapdiff::analysis::flame::{FlameDirection, FlameOptions, FlamePart, FlameWidth};
use heapdiff::output::Format;

/// A script for the SVG that uses it as a reader would and records what happened.
const USE: &str = r#"<script type="text/ecmascript"><![CDATA[
window.addEventListener("load", function () { setTimeout(function () {
  var all = Array.prototype.slice.call(frames.children);
  var group = all.find(function (g) { return g_to_text(g).indexOf(NAME + " (") === 0; });
  var rect = find_child(group, "rect").attributes;
  var written = function () { return find_child(group, "text").textContent.trim(); };
  var said = ["frames " + all.length, "reads " + written()];
  group.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
  said.push("details " + (details.nodeValue.indexOf("Function: " + NAME) === 0));
  zoom(group);
  said.push("zoomed to " + parseFloat(rect.width.value) + " of " + parseFloat(rect.x.value));
  unzoom();
  search(NAME.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") + " ");
  said.push("found " + (rect.fill.value === searchcolor), matchedtxt.textContent);
  search_prompt();
  said.push("put back " + (rect.fill.value !== searchcolor));
  document.documentElement.setAttribute("data-said", said.join("; "));
}, 20); });
]]></script>"#;

#[test]
fn a_browser_opens_it_searches_it_and_zooms() {
    let Some(chromium) = chromium() else { return };
    let [before, after] = corpus::pair("chat");
    let name = "chat/limiter.NewRequestLimiter";
    let inputs: [&[u8]; 2] = [&before, &after];
    let reversed =
        FlameOptions { direction: FlameDirection::LeafFirst, ..picture(FlameWidth::After) };
    let elided = FlameOptions { part: FlamePart::Elided, ..picture(FlameWidth::After) };
    let cases = [
        ("one", flame(&[&after], picture(FlameWidth::After)).0, name),
        ("two", flame(&inputs, picture(FlameWidth::After)).0, name),
        ("delta", flame(&inputs, picture(FlameWidth::Delta)).0, name),
        ("reversed", flame(&inputs, reversed).0, name),
        ("elided", flame(&inputs, elided).0, "main.rebuildHistory"),
        ("hostile", hostile(), "esc\\u{1b}[31m"),
    ];
    for (case, report, name) in cases {
        let svg = written(Format::Svg, &report);
        let drawn = frames(&svg);
        let (start, end) = svg.split_at(svg.rfind("</svg>").unwrap());
        let script = USE.replace("NAME", &serde_json::to_string(name).unwrap());
        let page = format!("{start}{script}{end}");
        let (dom, log) = open(&chromium, case, &page);
        let said = dom.split("data-said=\"").nth(1).and_then(|rest| rest.split('"').next());
        let said = said.unwrap_or_else(|| panic!("{case}: the script did not run:\n{log}"));
        let said: Vec<&str> = said.split("; ").collect();
        let own = drawn.iter().find(|f| f.title.starts_with(&format!("{name} ("))).unwrap();
        assert_eq!(said[0], format!("frames {}", drawn.len()), "{case}: {said:?}");
        assert!(
            name.starts_with(said[1]["reads ".len()..].trim_end_matches("..")),
            "{case}: {said:?}"
        );
        assert_eq!(said[2..5], ["details true", "zoomed to 100 of 0", "found true"], "{case}");
        let matched: f64 =
            said[5].strip_prefix("Matched: ").unwrap().trim_end_matches('%').parse().unwrap();
        assert!(matched + 0.1 >= own.width, "{case}: {said:?} of {own:?}");
        assert_eq!(said[6], "put back true", "{case}");
        assert!(!log.contains("CONSOLE"), "{case}: {log}");
        assert!(!dom.contains("parsererror"), "{case}: {dom}");
    }
}
