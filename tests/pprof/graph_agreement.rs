//! Call graphs and peeks agree with `go tool pprof`: flat and cum of every node, the weight of every edge.
//!
//! pprof prints the whole graph, with `-dot`, `-tree` and `-peek`, and the tests parse it. Edges with equal names are
//! added up. `-tree` has edges at nodes whose cum is zero, but `-dot` doesn't have those nodes, so `-tree` is compared
//! in full and `-dot` for the nodes it has. `-files` isn't compared, because pprof has a node per function there.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use super::pprof_agreement::{
    Case, Failure, Pprof, case, cases_of_every_type, pairs, pprof, pprofs_name, profiles, testdata,
};
use crate::corpus;
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Flat and cum by name, and weights by caller and callee; zeros left out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Whole {
    nodes: BTreeMap<String, (i64, i64)>,
    edges: BTreeMap<(String, String), i64>,
}

impl Whole {
    fn node(&mut self, name: &str, flat: i64, cum: i64) {
        let sum = self.nodes.entry(name.to_owned()).or_default();
        *sum = (sum.0 + flat, sum.1 + cum);
    }

    fn edge(&mut self, from: &str, to: &str, weight: i64) {
        *self.edges.entry((from.to_owned(), to.to_owned())).or_default() += weight;
    }

    fn without_zeros(mut self) -> Self {
        self.nodes.retain(|_, value| *value != (0, 0));
        self.edges.retain(|(from, to), weight| *weight != 0 && from != to);
        self
    }

    /// Removes the edges whose ends aren't both nodes.
    fn connected(mut self) -> Self {
        let Self { nodes, edges } = &mut self;
        edges.retain(|(from, to), _| nodes.contains_key(from) && nodes.contains_key(to));
        self
    }
}

#[test]
fn whole_graphs_agree() {
    let Some(pprof) = pprof() else { return };
    let mut cases = cases_of_every_type(pprof, &pairs(&testdata()));
    let singles: Vec<_> = profiles(&testdata())
        .into_iter()
        .filter(|file| !file.components().any(|part| part.as_os_str() == "bad"))
        .map(|file| vec![file])
        .collect();
    cases.extend(cases_of_every_type(pprof, &singles));
    compare(pprof, &cases);
}

#[test]
fn graphs_agree_at_every_granularity() {
    let Some(pprof) = pprof() else { return };
    let mut cases = Vec::new();
    for granularity in ["functions", "filefunctions", "lines", "addresses"] {
        for inlines in [None, Some("noinlines")] {
            let options: Vec<_> = [Some(granularity), inlines].into_iter().flatten().collect();
            for files in [
                ["chat/before.pb.gz", "chat/after.pb.gz"],
                ["generics-inline/before.pb.gz", "generics-inline/after.pb.gz"],
                ["two-builds/v1.pb.gz", "two-builds/v2.pb.gz"],
                ["crafted/recursion/before.pb.gz", "crafted/recursion/after.pb.gz"],
                ["crafted/no-symbols/before.pb.gz", "crafted/no-symbols/after.pb.gz"],
            ] {
                cases.push(case(&files, "inuse_space", &options));
                cases.push(case(&files[1..], "alloc_space", &options));
            }
        }
    }
    for options in [
        &["focus=limiter"] as &[&str],
        &["hide=ServeHTTP", "lines"],
        &["show=^main\\."],
        &["prune_from=limiter", "noinlines"],
        &["tagfocus=bytes=1kb:4kb"],
    ] {
        cases.push(case(&["chat/before.pb.gz", "chat/after.pb.gz"], "inuse_space", options));
    }
    compare(pprof, &cases);
}

#[test]
fn graphs_of_services_and_of_strangers_agree() {
    let Some(pprof) = pprof() else { return };
    let everything = std::env::var_os("HEAPDIFF_WHOLE_CORPUS").is_some();
    let mut cases = Vec::new();
    for service in ["cache", "churn", "goroutine", "sessions", "slice", "ticker"] {
        let names = [0, 11].map(|i| format!("verdicts/{service}/heap-{i:02}.pb.gz"));
        cases.push(case(&[&names[0], &names[1]], "inuse_space", &[]));
        cases.push(case(&[&format!("verdicts/{service}/goroutine-11.pb.gz")], "goroutine", &[]));
    }
    for folder in ["heap", "cpu", "goroutine", "mixed", "mutexblock", "other", "threadcreate"] {
        let files = corpus::shared(&[&format!("corpus/pprof-proto-{folder}")]);
        let few = if everything { files.len() } else { 6 };
        let mut inputs: Vec<_> = files.iter().map(|file| vec![file.clone()]).take(few).collect();
        if folder == "heap" {
            inputs.extend(files.windows(2).map(<[_]>::to_vec).take(few));
        }
        for files in inputs {
            let Some(types) = pprof.sample_types(&files) else { continue };
            let shown = if everything { types.len() } else { 1 };
            cases.extend(types.into_iter().rev().take(shown).map(|(sample_type, _)| Case {
                files: files.clone(),
                sample_type,
                options: Vec::new(),
            }));
        }
    }
    compare(pprof, &cases);
}

#[test]
fn a_peek_has_the_rows_that_match() {
    let Some(pprof) = pprof() else { return };
    for (pattern, files) in [
        ("windowFor|NewTicker", &["chat/before.pb.gz", "chat/after.pb.gz"][..]),
        ("^main\\.", &["chat/after.pb.gz"]),
        ("limiter", &["chat/before.pb.gz", "chat/after.pb.gz"]),
    ] {
        let case = case(files, "inuse_space", &[]);
        let theirs = pprof_text(pprof, &case, &format!("-peek={pattern}")).ok().unwrap();
        let theirs = read_tree(&theirs).unwrap();
        let ours = heapdiff_tree(&case, Some(pattern)).unwrap();
        assert_eq!(ours, theirs, "{pattern}");
        assert!(!theirs.nodes.is_empty());
    }
}

#[test]
fn rows_stand_in_the_order_of_pprof() {
    let Some(pprof) = pprof() else { return };
    for (options, files) in [
        (&[][..], &["chat/before.pb.gz", "chat/after.pb.gz"][..]),
        (&["cum"], &["chat/before.pb.gz", "chat/after.pb.gz"]),
        (&[], &["chat/after.pb.gz"]),
        (&["cum", "lines"], &["generics-inline/after.pb.gz"]),
    ] {
        let case = case(files, "inuse_space", options);
        let text = pprof_text(pprof, &case, "-tree").ok().unwrap();
        let theirs: Vec<_> = blocks(&text).unwrap().into_iter().map(Block::order).collect();
        let report = heapdiff_json(&case, &["tree"]).unwrap();
        let rows = report["peek"]["rows"].as_array().unwrap();
        let names = |value: &serde_json::Value| -> Vec<String> {
            let all = value.as_array().unwrap().iter();
            // pprof leaves out rows without change.
            let all = all.filter(|one| main(one).unwrap() != 0);
            all.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
        };
        let ours: Vec<_> = rows
            .iter()
            .filter(|row| measure(row, "cum").unwrap() != 0 || measure(row, "flat").unwrap() != 0)
            .map(|row| {
                let name = row["name"].as_str().unwrap().to_owned();
                (names(&row["callers"]), name, names(&row["callees"]))
            })
            .collect();
        assert_eq!(ours, theirs, "{case}");
    }
}

/// Runs each case in both tools, several at a time, and fails with all differences.
fn compare(pprof: &Pprof, cases: &[Case]) {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let [nodes, edges, refused] = [0; 3].map(AtomicUsize::new);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match differ(pprof, case) {
                        Ok((whole, mut differences)) => {
                            nodes.fetch_add(whole.nodes.len(), Ordering::Relaxed);
                            edges.fetch_add(whole.edges.len(), Ordering::Relaxed);
                            found.lock().expect("no thread panics").append(&mut differences);
                        }
                        Err(Failure::Refused) => _ = refused.fetch_add(1, Ordering::Relaxed),
                        Err(Failure::Broken(why)) => {
                            found.lock().expect("no thread panics").push(format!("{case}: {why}"));
                        }
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no thread panics");
    found.sort();
    let (nodes, edges) = (nodes.into_inner(), edges.into_inner());
    println!(
        "{} cases, {nodes} nodes and {edges} edges compared, {} refused by pprof",
        cases.len(),
        refused.into_inner()
    );
    assert!(
        found.is_empty(),
        "{} differences from pprof:\n{}",
        found.len(),
        found.iter().take(30).fold(String::new(), |mut all, line| {
            let _ = writeln!(all, "  {line}");
            all
        })
    );
    assert!(nodes > 0 && edges > 0, "nothing was compared");
}

/// The differences between the tools for a case, in one direction.
fn differ(pprof: &Pprof, case: &Case) -> Result<(Whole, Vec<String>), Failure> {
    let read = |text: &str, how: fn(&str) -> Result<Whole, String>| {
        how(text).map_err(|why| Failure::Broken(format!("pprof prints {why}")))
    };
    let broken = |why: String| Failure::Broken(format!("heapdiff {why}"));
    let tree = read(&pprof_text(pprof, case, "-tree")?, read_tree)?;
    let dot = read(&pprof_text(pprof, case, "-dot")?, read_dot)?;
    let mut differences = list(case, "-tree", &tree, &heapdiff_tree(case, None).map_err(broken)?);
    let ours = heapdiff_graph(case).map_err(broken)?.connected();
    differences.extend(list(case, "-dot", &dot.connected(), &ours));
    Ok((tree, differences))
}

/// A graph under pprof's names.
fn under_pprofs_names(ours: &Whole) -> Whole {
    let nodes = ours.nodes.iter().filter_map(|(name, node)| Some((pprofs_name(name)?, *node)));
    let ends = |(from, to): &(String, String)| Some((pprofs_name(from)?, pprofs_name(to)?));
    let edges = ours.edges.iter().filter_map(|(edge, weight)| Some((ends(edge)?, *weight)));
    Whole { nodes: nodes.collect(), edges: edges.collect() }
}

fn list(case: &Case, how: &str, theirs: &Whole, ours: &Whole) -> Vec<String> {
    let ours = &under_pprofs_names(ours);
    let mut all = Vec::new();
    let names: std::collections::BTreeSet<_> =
        theirs.nodes.keys().chain(ours.nodes.keys()).collect();
    for name in names {
        let (a, b) = (theirs.nodes.get(name), ours.nodes.get(name));
        if a != b {
            all.push(format!("{case} {how}: {name}: (flat, cum) pprof {a:?}, heapdiff {b:?}"));
        }
    }
    let ends: std::collections::BTreeSet<_> =
        theirs.edges.keys().chain(ours.edges.keys()).collect();
    for end in ends {
        let (a, b) = (theirs.edges.get(end), ours.edges.get(end));
        if a != b {
            all.push(format!("{case} {how}: {end:?}: pprof {a:?}, heapdiff {b:?}"));
        }
    }
    all
}

/// All nodes and edges that pprof prints.
fn pprof_text(pprof: &Pprof, case: &Case, how: &str) -> Result<String, Failure> {
    let types = pprof.sample_types(&case.files).ok_or(Failure::Refused)?;
    let unit =
        types.into_iter().find_map(|(name, unit)| (name == case.sample_type).then_some(unit));
    let unit = unit.ok_or(Failure::Refused)?;
    let mut options = vec![
        how.to_owned(),
        "-trim=false".to_owned(),
        format!("-unit={unit}"),
        format!("-sample_index={}", case.sample_type),
    ];
    options.extend(case.options.iter().map(|option| format!("-{option}")));
    let out = pprof.run(&options, &case.files);
    if out.status.success() {
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    } else {
        let why = String::from_utf8_lossy(&out.stderr).into_owned();
        Err(Failure::Broken(format!("pprof fails: {why}")))
    }
}

/// One node of `-tree`, with the edges above and beneath it.
#[derive(Debug, Default)]
struct Block {
    name: String,
    flat: i64,
    cum: i64,
    callers: Vec<(String, i64)>,
    callees: Vec<(String, i64)>,
}

impl Block {
    fn order(self) -> (Vec<String>, String, Vec<String>) {
        let names = |all: Vec<(String, i64)>| {
            all.into_iter().filter(|(_, weight)| *weight != 0).map(|(name, _)| name).collect()
        };
        (names(self.callers), self.name, names(self.callees))
    }
}

/// `weight percent |   name (inline)` for an edge, `flat % sum% cum % | name` for a node.
fn blocks(text: &str) -> Result<Vec<Block>, String> {
    let (_, table) = text.split_once("calls%").ok_or_else(|| format!("no table: {text}"))?;
    let mut blocks: Vec<Block> = Vec::new();
    let mut block = Block::default();
    for line in table.lines().skip(1) {
        if line.starts_with("-----") {
            let done = std::mem::take(&mut block);
            if !done.name.is_empty() {
                blocks.push(done);
            }
            continue;
        }
        let (numbers, name) = line.split_once(" | ").ok_or_else(|| format!("a row: {line}"))?;
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        match (numbers.as_slice(), name.strip_prefix("  ")) {
            ([weight, ..], Some(name)) if numbers.len() <= 2 => {
                let name = name.strip_suffix(" (inline)").unwrap_or(name).to_owned();
                let edges =
                    if block.name.is_empty() { &mut block.callers } else { &mut block.callees };
                edges.push((name, whole(weight)?));
            }
            ([flat, _, _, cum, _], _) => {
                (block.flat, block.cum) = (whole(flat)?, whole(cum)?);
                name.clone_into(&mut block.name);
            }
            _ => return Err(format!("a row: {line}")),
        }
    }
    Ok(blocks)
}

fn read_tree(text: &str) -> Result<Whole, String> {
    let mut tree = Whole::default();
    for block in blocks(text)? {
        tree.node(&block.name, block.flat, block.cum);
        for (callee, weight) in &block.callees {
            tree.edge(&block.name, callee, *weight);
        }
        // The callers of a node are listed there as well; they are read if they add anything new.
        for (caller, weight) in &block.callers {
            tree.edge(&format!("{caller} ^"), &block.name, *weight);
        }
    }
    Ok(tree.without_zeros())
}

/// `N1 [label="…" … tooltip="name (cum)" …]` and `N1 -> N2 [label=" weight" …]`.
fn read_dot(text: &str) -> Result<Whole, String> {
    let pattern = |text: &str| Regex::new(text).expect("a regular expression");
    let node = pattern(
        r#"(?s)^N(\d+) \[label="(.*?)" id="node\d+" .*? tooltip="(.*) \(([^ ]+)\)" color="[^"]*" fillcolor"#,
    );
    let flat = pattern(r"\\n(-?[0-9]+)[^ \\]*( \([^)]*\))?(\\nof [^\\]*| of [^\\]*)?$");
    let edge = pattern(r#"^N(\d+) -> N(\d+) \[label=" ([^"\\]*)"#);
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut dot = Whole::default();
    for line in text.lines() {
        if let Some(found) = node.captures(line) {
            let name = found[3].replace("\\\"", "\"").replace("\\\\", "\\");
            let own = flat.captures(&found[2]).ok_or_else(|| format!("a node: {line}"))?;
            dot.node(&name, whole(&own[1])?, whole(&found[4])?);
            names.insert(found[1].to_owned(), name);
        } else if let Some(found) = edge.captures(line) {
            // A node with zero values isn't printed.
            if let (Some(from), Some(to)) = (names.get(&found[1]), names.get(&found[2])) {
                dot.edge(from, to, whole(&found[3])?);
            }
        }
    }
    Ok(dot.without_zeros())
}

/// A whole number with its unit.
fn whole(text: &str) -> Result<i64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    if text[end..].starts_with('.') {
        return Err(format!("a rounded number: {text}"));
    }
    text[..end].parse().map_err(|error| format!("{text}: {error}"))
}

fn heapdiff_json(case: &Case, question: &[&str]) -> Result<serde_json::Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.args(question).args(&case.files);
    command.args(["--format", "json"]).args(case.sample_index());
    command.args(case.options.iter().map(|option| format!("--{option}")));
    let out = command.output().expect("heapdiff runs");
    if !out.status.success() {
        let why = String::from_utf8_lossy(&out.stderr).trim().to_owned();
        return Err(format!("exits with {}: {why}", out.status));
    }
    serde_json::from_slice(&out.stdout).map_err(|error| format!("prints no JSON: {error}"))
}

/// Δ of a pair, or the value of a single profile.
fn main(value: &serde_json::Value) -> Result<i64, String> {
    let main = value["delta"].as_i64().or_else(|| value["after"].as_i64());
    main.ok_or_else(|| format!("has no delta and no after: {value}"))
}

fn measure(value: &serde_json::Value, of: &str) -> Result<i64, String> {
    let main = value["delta"][of].as_i64().or_else(|| value["after"][of].as_i64());
    main.ok_or_else(|| format!("has no {of}: {value}"))
}

fn list_of<'a>(
    value: &'a serde_json::Value,
    of: &str,
) -> Result<&'a Vec<serde_json::Value>, String> {
    value[of].as_array().ok_or_else(|| format!("has no {of}: {value}"))
}

fn heapdiff_tree(case: &Case, pattern: Option<&str>) -> Result<Whole, String> {
    let question: Vec<&str> = match pattern {
        Some(pattern) => vec!["peek", pattern],
        None => vec!["tree"],
    };
    let report = heapdiff_json(case, &question)?;
    let mut tree = Whole::default();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap_or_default().to_owned();
    for row in list_of(&report["peek"], "rows")? {
        let (flat, cum) = (measure(row, "flat")?, measure(row, "cum")?);
        if (flat, cum) == (0, 0) {
            continue;
        }
        tree.node(&name(row), flat, cum);
        for callee in list_of(row, "callees")? {
            tree.edge(&name(row), &name(callee), main(callee)?);
        }
        for caller in list_of(row, "callers")? {
            tree.edge(&format!("{} ^", name(caller)), &name(row), main(caller)?);
        }
    }
    Ok(tree.without_zeros())
}

fn heapdiff_graph(case: &Case) -> Result<Whole, String> {
    let question = ["graph", "--nodecount=0", "--nodefraction=0", "--edgefraction=0"];
    let report = heapdiff_json(case, &question)?;
    let mut graph = Whole::default();
    let mut names = Vec::new();
    for node in list_of(&report["graph"], "nodes")? {
        let name = node["name"].as_str().unwrap_or_default();
        graph.node(name, measure(node, "flat")?, measure(node, "cum")?);
        names.push(name);
    }
    for edge in list_of(&report["graph"], "edges")? {
        let end = |of: &str| edge[of].as_u64().and_then(|i| names.get(i as usize));
        let (Some(from), Some(to)) = (end("from"), end("to")) else {
            // Rows without change are left out.
            if main(edge)? == 0 {
                continue;
            }
            return Err(format!("has an edge without an end: {edge}"));
        };
        graph.edge(from, to, main(edge)?);
    }
    Ok(graph.without_zeros())
}
