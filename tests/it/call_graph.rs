//! Call graphs: sums stay true whatever is left out, large changes never cancel, and Graphviz reads the output
//! whatever a name contains.

use super::ask::{ask, query, series};
use super::drawings::{dot, graphviz, limits};
use super::random::Random;
use super::{corpus, dsl};
use heapdiff::analysis::call_graph::Graph;
use heapdiff::filter::{Granularity, Spec};
use heapdiff::model::change::Change;
use heapdiff::report::analyze;
use prost::Message;

/// Before, after and Δ.
fn three(value: Change<i64>) -> [i64; 3] {
    [value.before.unwrap_or(0), value.after, value.delta_or_value()]
}

fn add(sum: &mut [i64; 3], values: [i64; 3]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.wrapping_add(value));
}

/// For every node and for the other node: edges in plus what enters equals flat plus edges out plus
/// what recursion hides. And all flats together are the total, whatever is shown.
fn check(graph: &Graph, context: &str) -> [i64; 3] {
    let last = graph.nodes.len();
    let mut balance = vec![[0_i64; 3]; last + 1];
    let mut flats = [0_i64; 3];
    for edge in &graph.edges {
        assert_ne!(edge.from, edge.to, "{context}: an edge to itself");
        add(&mut balance[edge.to.unwrap_or(last)], three(edge.value));
        let out = three(edge.value).map(i64::wrapping_neg);
        add(&mut balance[edge.from.unwrap_or(last)], out);
    }
    let nodes = graph.nodes.iter().map(|node| (node.value, node.entered, node.repeats));
    let other = graph.other.iter().map(|other| (other.value, other.entered, other.repeats));
    for (i, (value, entered, repeats)) in nodes.chain(other).enumerate() {
        let flat = three(value.map(|measure| measure.flat));
        add(&mut flats, flat);
        add(&mut balance[i], three(entered));
        add(&mut balance[i], flat.map(i64::wrapping_neg));
        add(&mut balance[i], three(repeats).map(i64::wrapping_neg));
        assert_eq!(balance[i], [0; 3], "{context}: node {i} of {last}");
    }
    flats
}

#[test]
fn what_goes_in_comes_out_however_much_is_left_out() {
    let mut random = Random(5);
    let mut pairs: Vec<Vec<Vec<u8>>> =
        ["chat", "generics-inline", "cpu", "crafted/recursion", "crafted/no-symbols"]
            .iter()
            .map(|folder| corpus::pair(folder).to_vec())
            .collect();
    for _ in 0..30 {
        let mut profile = || {
            let mut profile = random.profile(|random| {
                let value = (random.number() >> 16) as i64;
                if random.one_in(4) { -value } else { value }
            });
            (profile.drop_frames, profile.keep_frames) = (0, 0);
            profile.encode_to_vec()
        };
        pairs.push(vec![profile(), profile()]);
    }
    let (mut shown, mut left_out, mut recursive) = (0, 0, 0);
    for pair in &mut pairs {
        for _ in 0..2 {
            let inputs: Vec<&[u8]> = pair.iter().map(Vec::as_slice).collect();
            for granularity in [Granularity::Functions, Granularity::Lines, Granularity::Packages] {
                let mut whole = None;
                for question in [
                    limits(0, 0.0, 0.0),
                    limits(80, 0.005, 0.001),
                    limits(3, 0.0, 0.0),
                    limits(0, 0.2, 0.2),
                    limits(5, 0.1, 1.0),
                    limits(1, 1.0, 1.0),
                ] {
                    let mut query = query(question.clone(), "");
                    query.granularity = granularity;
                    let series = series(&inputs).unwrap();
                    let report = analyze(series, &query, &Spec::default()).unwrap();
                    let graph = answer!(report.answer, Graph);
                    let sums = check(&graph, &format!("{question:?} {granularity:?}"));
                    assert_eq!(*whole.get_or_insert(sums), sums, "{question:?}");
                    shown += graph.nodes.len();
                    left_out += graph.other.as_ref().map_or(0, |other| other.nodes + other.edges);
                    recursive += graph.nodes.iter().filter(|node| node.repeats.after != 0).count();
                }
            }
            // Then the first one alone.
            pair.truncate(1);
        }
    }
    assert!(shown > 1000 && left_out > 1000 && recursive > 0, "{shown} {left_out} {recursive}");
}

#[test]
fn opposite_changes_do_not_cancel() {
    const MIB: i64 = 1 << 20;
    let before = [
        dsl::stack("main;router;grows").inuse(1, 0),
        dsl::stack("main;router;shrinks").inuse(1, 90 * MIB),
        dsl::stack("main;small").inuse(1, MIB),
    ];
    let after = [
        dsl::stack("main;router;grows").inuse(1, 90 * MIB),
        dsl::stack("main;router;shrinks").inuse(1, 0),
        dsl::stack("main;small").inuse(1, 2 * MIB),
    ];
    let [before, after] = [before, after].map(|stacks| dsl::heap(&stacks).encode_to_vec());
    let ask = |question| answer!(ask(question, &[&before, &after], "inuse_space").answer, Graph);
    let graph = ask(limits(80, 0.1, 0.1));
    let mut names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["grows", "main", "router", "shrinks"]);
    let router = graph.nodes.iter().find(|node| node.name == "router").unwrap();
    assert_eq!(router.value.delta.unwrap().cum, 0);
    assert_eq!(graph.whole, 181 * MIB);
    // And if they are left out, both are visible.
    let other = ask(limits(1, 0.0, 0.0)).other.unwrap();
    assert_eq!((other.grew, other.shrank), (Some(91 * MIB), Some(-90 * MIB)));
}

#[test]
fn ways_over_what_is_left_out_are_dashed() {
    let stacks = [
        dsl::stack("main;thin;leaf").inuse(1, 600),
        dsl::stack("main;leaf").inuse(1, 300),
        dsl::stack("main;thin").inuse(1, 1),
    ];
    let bytes = dsl::heap(&stacks).encode_to_vec();
    let report = ask(limits(2, 0.0, 0.0), &[&bytes], "inuse_space");
    let graph = answer!(&report.answer, Graph);
    let names: Vec<_> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["leaf", "main"]);
    let edges: Vec<_> =
        graph.edges.iter().map(|e| (e.from, e.to, e.value.after, e.residual)).collect();
    assert_eq!(edges, [(Some(1), Some(0), 900, true), (Some(1), None, 1, true)]);
    let dot = dot(&report);
    assert!(dot.contains("N2 -> N1 [label=\" 900 B\""), "{dot}");
    assert_eq!(dot.matches("style=dashed]").count(), 1, "{dot}");
}

#[test]
fn graphviz_reads_whatever_a_name_holds() {
    let evil = [
        "a\"]; node [label=\"x",
        "back\\slash\\",
        "\\N\\G\\L\\E\\H\\T\\l",
        "line\nfeed\r\ttab\0nul\u{1b}[31m",
        "<b>html</b>",
        "&lt;&#60;&amp;&nosuch; & ]]>",
        "{rec|ord}",
        "\u{202e}rtl\u{fffe}\u{ffff}\u{10ffff}",
        "//*comment*/ # -> --",
        "größe·世界.🦀",
    ];
    let mut stacks: Vec<_> = (0..evil.len())
        .map(|i| dsl::stack(&format!("main;evil {i};leaf")).inuse(1, 1000))
        .collect();
    stacks.push(dsl::stack(&"x.".repeat(100_000)).inuse(1, 5000));
    let mut profile = dsl::heap(&stacks);
    for string in &mut profile.string_table {
        let named = (0..evil.len()).find(|i| *string == format!("evil {i}").into_bytes());
        if let Some(i) = named {
            *string = evil[i].into();
        } else if string == b"leaf" {
            *string = b"\xff\xfe broken \xc3(".to_vec();
        }
    }
    let bytes = profile.encode_to_vec();
    let mut report = ask(limits(0, 0.0, 0.0), &[&bytes], "inuse_space");
    report.inputs[0].program = Some(evil.concat());
    report.inputs[0].build_id = Some(evil.concat());
    let text = dot(&report);
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text}");
    let Some(svg) = graphviz(&text) else { return };
    for name in ["a&quot;]; node [label=&quot;x", "html", "größe", "🦀"] {
        assert!(svg.contains(name), "{name} is not in {svg}");
    }
    // Each name has its own box, in addition to main, the leaf, the long name and the legend.
    assert_eq!(svg.matches("class=\"node\"").count(), evil.len() + 4, "{svg}");
    assert!(svg.contains("&amp;lt;&amp;#60;"), "{svg}");
    assert!(!svg.contains(['\u{1b}', '\0', '\u{fffe}', '\u{ffff}']), "{svg}");
}
