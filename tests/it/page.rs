//! The page in one file: it holds the answer that JSON has, whole without scripts, and no name gets out of its place.

use super::dsl::{bytes, heap, stack};
use super::program::{Said, folder, run};
use super::random::Random;
use super::{corpus, hostile};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// A page, taken apart.
struct Page {
    /// What stands before the data.
    text: String,
    report: Value,
    trees: Vec<Tree>,
}

/// A tree of a page, as its format says.
struct Tree {
    head: Value,
    depths: Vec<usize>,
    /// 0 where a node stands for others.
    names: Vec<u64>,
    /// By sample type and side.
    flat: Vec<Vec<Vec<i64>>>,
}

impl Tree {
    fn decode(raw: &[u8]) -> Self {
        let end = raw.iter().position(|&byte| byte == 0).unwrap();
        let head: Value = serde_json::from_slice(&raw[..end]).unwrap();
        assert_eq!(head["format"], "hdt1");
        let nodes = head["nodes"].as_u64().unwrap() as usize;
        let mut at = end + 1;
        let mut number = || {
            let (mut value, mut shift) = (0_u64, 0);
            loop {
                let byte = raw[at];
                at += 1;
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        };
        let zigzag = |value: u64| (value >> 1).cast_signed() ^ -((value & 1).cast_signed());
        let mut depth = 0;
        let depths: Vec<usize> = (0..nodes)
            .map(|_| {
                depth += zigzag(number());
                usize::try_from(depth).unwrap()
            })
            .collect();
        let names: Vec<u64> = (0..nodes).map(|_| number()).collect();
        let sides = head["snapshots"].as_u64().unwrap();
        let is_signed = head["signed"].as_bool().unwrap();
        let types = head["types"].as_array().unwrap().len();
        let mut flat = Vec::new();
        for _ in 0..types {
            let mut of_type = Vec::new();
            for _ in 0..sides {
                let value =
                    |number: u64| if is_signed { zigzag(number) } else { number.cast_signed() };
                of_type.push((0..nodes).map(|_| value(number())).collect::<Vec<i64>>());
            }
            // The errors.
            let errors: Vec<u64> = (0..nodes).map(|_| number()).collect();
            assert!(errors.iter().all(|&code| code < 2300), "an error is larger than any value");
            flat.push(of_type);
        }
        let others = names.iter().filter(|&&name| name == 0).count();
        assert_eq!(head["others"], others);
        (0..others).for_each(|_| assert!(number() > 0));
        assert_eq!(at, raw.len(), "bytes are left");
        Self { head, depths, names, flat }
    }
}

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start}")).1;
    rest.split_once(end).unwrap().0
}

fn block(page: &str, id: &str) -> Option<Vec<u8>> {
    let start = format!("<script type=\"application/octet-stream\" id=\"{id}\">");
    page.contains(&start).then(|| {
        let packed = STANDARD.decode(between(page, &start, "</script>")).unwrap();
        corpus::unpacked(&packed).unwrap()
    })
}

fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn read(path: &Path) -> Page {
    let page = fs::read_to_string(path).unwrap();
    assert!(page.len() <= 2_000_000, "{} bytes", page.len());
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    let script = page.rsplit_once("<script>").unwrap().1.rsplit_once("</script>").unwrap().0;
    let look = between(&page, "<style>", "</style>");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains(&format!("script-src '{}'", digest(script))), "{policy}");
    assert!(policy.contains(&format!("style-src '{}'", digest(look))), "{policy}");
    // The report, up to two trees, and the program of the page.
    let scripts = page.matches("<script").count();
    assert!(!script.contains("<script") && (2..=4).contains(&scripts), "{scripts} scripts");
    assert!(!script.contains("</script") && page.matches("<style").count() == 1);
    let trees = ["heapdiff-tree-root", "heapdiff-tree-leaf"];
    let trees = trees.iter().filter_map(|id| block(&page, id));
    Page {
        text: between(&page, "<main id=\"app\">", "</main>").to_owned(),
        report: serde_json::from_slice(&block(&page, "heapdiff-report").unwrap()).unwrap(),
        trees: trees.map(|raw| Tree::decode(&raw)).collect(),
    }
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let said = run(folder, &[args, &["--format", "json"]].concat());
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

fn page(folder: &Path, args: &[&str]) -> Page {
    let said = run(folder, &[args, &["-o", "page.html"]].concat());
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    assert_eq!(said.stdout, "");
    read(&folder.join("page.html"))
}

/// A folder of its own, and a recording of testdata.
fn recording(name: &str) -> (std::path::PathBuf, String) {
    let found = corpus::modules().into_iter().next().unwrap();
    (folder(name), found.to_string_lossy().into_owned())
}

fn given(name: &str) -> String {
    corpus::path(name).to_string_lossy().into_owned()
}

#[test]
fn a_page_has_the_answer_and_its_trees_add_up_to_the_totals() {
    let (folder, recording) = recording("page-answers");
    let [before, after] = ["chat/before.pb.gz", "chat/after.pb.gz"].map(given);
    let goroutines = ["goroutine/before.pb.gz", "goroutine/after.pb.gz"].map(given);
    let questions: &[(&[&str], &[&str])] = &[
        (&["diff", &before, &after], &["--all"]),
        (&[&before, &after], &["--all"]),
        (&["diff", "-cum", "-lines", &before, &after], &["--all"]),
        (&["diff", "-focus=append", "-sample_index=alloc_space", &before, &after], &["--all"]),
        (&["top", &after], &["--all"]),
        (&["top", &before, &after], &["--all"]),
        (&["diff", &goroutines[0], &goroutines[1]], &["--all"]),
        (&["leaks", &recording], &[]),
        (&["timeline", &recording], &[]),
    ];
    for (question, all) in questions {
        let page = page(&folder, question);
        let answer = json(&folder, &[*question, *all].concat());
        assert_eq!(page.report["answer"], answer, "{question:?}");
        let typed = page.report["command_line"].as_str().unwrap();
        assert!(typed.starts_with("heapdiff ") && !typed.contains("page.html"), "{typed}");
        assert!(page.text.contains("<pre>"), "{question:?}");
        let is_sum = question[..2] == ["top", &before];
        assert_eq!(page.trees.len(), 2, "{question:?}");
        for tree in &page.trees {
            let types = tree.head["types"].as_array().unwrap();
            for (number, of_type) in types.iter().enumerate() {
                let totals = tree.head["totals"][number].as_array().unwrap();
                for (side, total) in totals.iter().enumerate() {
                    let sum: i64 = tree.flat[number][side].iter().sum();
                    assert_eq!(sum, total.as_i64().unwrap(), "{question:?} {of_type}");
                }
                let unfiltered = !question.iter().any(|word| word.starts_with("-focus"));
                let reported = answer["totals"].as_array().unwrap().iter();
                let mut reported = reported.filter(|total| total["sample_type"] == of_type["name"]);
                if let Some(total) = reported
                    .next()
                    .filter(|_| unfiltered && question[0] != "leaks" && question[0] != "timeline")
                {
                    assert_eq!(totals.last().unwrap(), &total["after"], "{question:?} {of_type}");
                }
            }
            assert_eq!(tree.depths.len(), tree.names.len());
            assert_eq!(
                tree.head["snapshots"],
                if is_sum || question.len() == 2 && question[0] == "top" { 1 } else { 2 }
            );
        }
        // A reader without scripts has what the table says.
        let row = ["/diff/places/counts/0/function", "/diff/rows/0/name", "/top/rows/0/name"];
        let first = row.iter().find_map(|row| answer.pointer(row));
        if let Some(name) = first.and_then(Value::as_str) {
            let name = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let last = name.rsplit('/').next().unwrap();
            assert!(page.text.contains(last), "{question:?}: {last} in {}", page.text);
        }
    }
}

#[test]
fn what_follows_is_answered_as_by_its_own_command() {
    let folder = folder("page-follows");
    let [before, after] = ["chat/before.pb.gz", "chat/after.pb.gz"].map(given);
    let page = page(&folder, &["diff", &before, &after]);
    let others = page.report["by_type"].as_array().unwrap();
    assert_eq!(others.len(), 3);
    for other in others {
        let sample_type = other["sample_type"].as_str().unwrap();
        let option = format!("-sample_index={sample_type}");
        let answer = json(&folder, &["diff", "--all", &option, &before, &after]);
        assert_eq!(other["answer"], answer, "{sample_type}");
    }
    let sites = page.report["refs"]["refs"]["sites"].as_array().unwrap();
    assert!(sites.len() >= 5, "{} sites", sites.len());
    for site in sites {
        let name = site["lines"][0]["frames"][0]["name"].as_str().unwrap();
        let pattern = format!("^{}$", regex::escape(name));
        let alone = json(
            &folder,
            &["refs", "-nodecount=60", "-nodefraction=.005", &pattern, &before, &after],
        );
        assert_eq!(site, &alone["refs"]["sites"][0], "{name}");
    }
    let functions = page.report["source"]["list"]["functions"].as_array().unwrap();
    assert!(functions.len() >= 5, "{} functions", functions.len());
}

#[test]
fn a_large_profile_is_cut_and_says_so() {
    let folder = folder("page-large");
    let mut random = Random(5);
    let mut names = |shared: u64| {
        let mut frames = vec![format!("main.root{}", random.number() % shared)];
        frames.extend((0..20).map(|_| format!("example.com/m/p.f{}", random.number() % 500)));
        frames.join(";")
    };
    let stacks: Vec<_> = (0..15_000).map(|i| stack(&names(7)).inuse(1, 524_288 + i)).collect();
    fs::write(folder.join("a.pb"), bytes(&heap(&stacks))).unwrap();
    let more: Vec<_> = (0..100).map(|i| stack(&names(7)).inuse(1, 5_000_000 + i)).collect();
    fs::write(folder.join("b.pb"), bytes(&heap(&[stacks, more].concat()))).unwrap();
    let page = page(&folder, &["diff", "a.pb", "b.pb"]);
    let note = page.report["notes"][0].as_str().unwrap();
    assert!(note.contains("of 15100 stacks"), "{note}");
    let nodes = page.trees[0].head["nodes"].as_u64().unwrap();
    assert!((20_000..140_000).contains(&nodes), "{nodes} nodes");
}

/// The texts of a line of a card.
fn texts(line: &Value) -> String {
    let spans = line.as_array().unwrap().iter();
    spans.map(|span| span["text"].as_str().unwrap()).collect()
}

/// All texts in the blocks of a card, in order.
fn said(blocks: &Value, out: &mut Vec<String>) {
    for block in blocks.as_array().unwrap() {
        match block["kind"].as_str().unwrap() {
            "heading" | "paragraph" => out.push(texts(&block["text"])),
            "command" => out.push(block["text"].as_str().unwrap().to_owned()),
            "list" => {
                for item in block["items"].as_array().unwrap() {
                    out.push(texts(&item["text"]));
                    out.extend(item["items"].as_array().into_iter().flatten().map(texts));
                }
            }
            "table" => {
                let rows = block["rows"].as_array().unwrap().iter();
                let rows = rows.chain([&block["titles"]]);
                out.extend(rows.flat_map(|row| row.as_array().unwrap()).map(texts));
            }
            "details" => {
                out.push(texts(&block["summary"]));
                said(&block["blocks"], out);
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_page_of_an_incident_has_the_card_and_what_follows() {
    for case in ["verdicts/ticker", "verdicts/goroutine", "harbor/one", "chat"] {
        let folder = folder("page-incident");
        let case = given(case);
        let page = page(&folder, &["incident", &case]);
        assert_eq!(page.report["command"], "incident");
        assert_eq!(page.report["answer"], json(&folder, &["leaks", &case]), "{case}");
        let card = run(&folder, &["incident", &case]).stdout;
        let mut texts = Vec::new();
        said(&page.report["card"], &mut texts);
        // Each heading and each command of the Markdown, in its order.
        let headings: Vec<&str> = card.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings.len(), 9);
        let mut rest = texts.iter();
        for heading in headings {
            assert!(rest.any(|text| *text == heading[3..]), "{case}: {heading}");
            assert!(
                page.text.contains(&format!("<h2>{}</h2>", &heading[3..])),
                "{case}: {heading}"
            );
        }
        let commands =
            card.split("```sh\n").skip(1).map(|block| block.split("\n```").next().unwrap());
        for command in commands {
            assert!(texts.iter().any(|text| text == command), "{case}: {command}");
        }
        // No mark of Markdown is left in a text.
        let all = texts.join("\n");
        assert!(!all.contains("**") && !all.contains("&#") && !all.contains("&lt;"), "{all}");
        let numbers = page.text.matches("<td").count();
        assert!(page.text.contains("<table>") && numbers >= 8, "{numbers} cells");
        let typed = page.report["command_line"].as_str().unwrap();
        assert!(typed.starts_with("heapdiff incident ") && !typed.contains("html"), "{typed}");
        assert_eq!(page.trees.len(), 2, "{case}");
        assert!(case.ends_with("goroutine") || page.report["refs"].is_object(), "{case}");
    }
}

#[test]
fn the_chart_is_that_of_the_svg() {
    let folder = folder("page-chart");
    let harbor = given("harbor/one");
    let said = run(&folder, &["timeline", &harbor, "-o", "chart.svg"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let svg = fs::read_to_string(folder.join("chart.svg")).unwrap();
    let of_timeline = page(&folder, &["timeline", &harbor]);
    assert!(of_timeline.text.contains(svg.trim()), "{}", of_timeline.text);
    for question in ["leaks", "timeline", "incident"] {
        let page = page(&folder, &[question, &harbor]);
        assert_eq!(page.text.matches("<svg").count(), 1, "{question}");
        let sites = page.report["chart"].as_array().unwrap();
        let rows = page.report["answer"]["timeline"]["rows"].as_array().unwrap();
        assert!(sites.len() >= 2 && sites.len() <= 11, "{sites:?}");
        for site in sites {
            let colour = site["colour"].as_str().unwrap().to_uppercase();
            assert!(page.text.contains(&colour), "{question}: {colour}");
            if let Some(row) = site["row"].as_u64() {
                assert!(rows[row as usize]["name"].is_string());
            }
        }
        // Leaks come first.
        let first = &rows[sites[0]["row"].as_u64().unwrap() as usize];
        assert_eq!(first["class"], "leak", "{question}");
    }
    let diff = page(&folder, &["diff", &given("chat/before.pb.gz"), &given("chat/after.pb.gz")]);
    assert!(!diff.text.contains("<svg") && diff.report.get("chart").is_none());
}

#[test]
fn source_lines_can_be_left_out_and_what_follows_is_said() {
    let folder = folder("page-source");
    let pair = ["chat/before.pb.gz", "chat/after.pb.gz"].map(given);
    let with = page(&folder, &["diff", &pair[0], &pair[1]]);
    assert!(with.report["source"].is_object());
    let table = run(&folder, &["diff", &pair[0], &pair[1]]).stdout;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let closing = with.report["closing"][0].as_str().unwrap();
    assert!(words(&table).contains(&words(closing)), "{closing}");
    let next = with.report["next"][0]["command"].as_str().unwrap();
    assert!(table.contains(next), "{next}");
    for spelling in ["--no-source", "--no_source", "-no_source"] {
        let without = page(&folder, &["diff", spelling, &pair[0], &pair[1]]);
        assert!(without.report.get("source").is_none(), "{spelling}");
        assert_eq!(without.report["answer"], with.report["answer"]);
        assert_eq!(without.report["command_line"], with.report["command_line"]);
    }
    let harbor = given("harbor/one");
    assert!(page(&folder, &["incident", &harbor]).report["source"].is_object());
    let without = page(&folder, &["incident", "--no-source", &harbor]);
    assert!(without.report.get("source").is_none());
    let said = run(&folder, &["diff", "--no-source", &pair[0], &pair[1]]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("--no-source only affects a page"), "{}", said.stderr);
}

#[test]
fn what_is_beside_the_profiles_is_in_the_page() {
    let folder = folder("page-beside");
    let harbor = given("harbor/one");
    let log = format!("{harbor}/gctrace.log");
    let gc = json(&folder, &["gc", &log]);
    for question in [&["leaks", &harbor][..], &["timeline", &harbor], &["incident", &harbor]] {
        let page = page(&folder, question);
        assert_eq!(page.report["collector"], gc, "{question:?}");
        assert!(page.report["goroutines"].is_object(), "{question:?}");
        assert!(page.report.get("memory").is_none(), "nothing says how much memory there is");
    }
    // Statistics of the runtime at the end of profiles in text, and a resident set.
    let text = given("text-heap");
    let memory = json(&folder, &["memory", &text]);
    let of_leaks = page(&folder, &["leaks", &text]);
    assert_eq!(of_leaks.report["memory"], memory);
    assert!(of_leaks.report.get("collector").is_none());
    // The commands have pages of their own.
    let of_memory = page(&folder, &["memory", &text]);
    assert_eq!(of_memory.report["memory"], memory);
    assert!(of_memory.text.contains("fragmentation") && of_memory.trees.is_empty());
    let of_gc = page(&folder, &["gc", &log]);
    assert_eq!(of_gc.report["collector"], gc);
    let verdict = of_gc.report["verdict"].as_str().unwrap();
    assert!(of_gc.text.contains(&verdict[..20]), "{verdict} in {}", of_gc.text);
    let both = [log.as_str(), text.as_str()];
    let of_both = page(&folder, &[&["gc"][..], &both].concat());
    assert_eq!(of_both.report["collector"], json(&folder, &[&["gc"][..], &both].concat()));
    assert!(of_both.report["memory"].is_object());
    let dumps = ["parked/before.txt", "parked/after.txt"].map(given);
    let of_goroutines = page(&folder, &["goroutines", &dumps[0], &dumps[1]]);
    let answer = json(&folder, &["goroutines", "--all", &dumps[0], &dumps[1]]);
    assert_eq!(of_goroutines.report["answer"], answer);
    assert_eq!(of_goroutines.trees.len(), 2);
    let harbor = page(&folder, &["goroutines", &harbor]);
    assert!(harbor.report["answer"]["timeline"].is_object());
}

#[test]
fn no_name_gets_out_of_its_place() {
    let folder = hostile::files("page-hostile");
    for question in [
        &["diff", "odd.pb", "odd-b.pb"][..],
        &["top", "b.pb"],
        &["leaks", "many"],
        &["timeline", "many"],
        &["incident", "many"],
    ] {
        let page = page(&folder, question);
        let is_markup =
            |text: &str| text.contains("<script") || text.contains("<b>") || text.contains("<img");
        assert!(!is_markup(&page.text), "{question:?}");
        // The chart is XML, which other tests read.
        let mut parts = page.text.split("<svg ");
        let start = parts.next().unwrap().to_owned();
        let rest: String = parts.map(|part| part.split_once("</svg>").unwrap().1).collect();
        let text = start + &rest;
        let tags: Vec<&str> =
            text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
        let known = [
            "h1",
            "h2",
            "h3",
            "pre",
            "p",
            "code",
            "ul",
            "li",
            "strong",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "th class=\"num\"",
            "td class=\"num\"",
        ];
        let is_known = |tag: &&str| known.contains(&tag.trim_start_matches('/'));
        assert!(tags.iter().all(is_known), "{tags:?}");
    }
}

#[test]
fn pages_are_for_questions_that_have_one() {
    let folder = folder("page-mistakes");
    let after = given("chat/after.pb.gz");
    let refused = |args: &[&str], why: &str| {
        let Said { code, stderr, stdout } = run(&folder, args);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(stderr.contains(why), "{args:?}: {stderr}");
    };
    for args in [&["tags", &after, "--format", "html"][..], &["patterns", "--format", "html"]] {
        refused(
            args,
            "--format html is for diff, top, leaks, timeline, goroutines, gc, memory, incident and check",
        );
    }
    refused(&["top", &after, "-o", "x.html", "-unit=MB"], "a page has a unit that fits each value");
    // Secrets and the output are no part of the command that is shown.
    let page = page(
        &folder,
        &["top", "-H", "Authorization: Bearer hunter2", "-nodecount=3", &after, "--force"],
    );
    let typed = page.report["command_line"].as_str().unwrap();
    assert!(
        typed.starts_with("heapdiff top --nodecount=3 ") && typed.ends_with("after.pb.gz"),
        "{typed}"
    );
    assert_eq!(page.report["answer"]["top"]["rows"].as_array().unwrap().len(), 3);
}

#[test]
fn the_page_and_this_test_read_a_tree_alike() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/test/vectors");
    let mut read = 0;
    let mut files: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "hdt1")) {
        let tree = Tree::decode(&fs::read(path).unwrap());
        let meant: Value =
            serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
        assert_eq!(meant["head"], tree.head, "{}", path.display());
        assert_eq!(meant["depth"], serde_json::json!(tree.depths), "{}", path.display());
        assert_eq!(meant["name"], serde_json::json!(tree.names), "{}", path.display());
        assert_eq!(meant["flat"], serde_json::json!(tree.flat), "{}", path.display());
        read += 1;
    }
    assert!(read >= 4, "only {read} vectors");
}

#[test]
fn a_check_has_a_page_whatever_it_says() {
    let folder = folder("page-check");
    let [before, after] = ["chat/before.pb.gz", "chat/after.pb.gz"].map(given);
    for (limit, code, word) in [("1MiB", 1, "FAIL"), ("1GiB", 0, "pass")] {
        let limit = format!("--max-growth={limit}");
        let report = ["--report", "html=page.html", "--report", "json=report.json"];
        let said = run(&folder, &[&["check", &limit, &before, &after], &report[..]].concat());
        assert_eq!(said.code, Some(code), "{}", said.stderr);
        let page = read(&folder.join("page.html"));
        let json = fs::read(folder.join("report.json")).unwrap();
        assert_eq!(page.report["answer"], serde_json::from_slice::<Value>(&json).unwrap());
        assert_eq!(page.report["exit_code"], code);
        let verdict = page.report["verdict"].as_str().unwrap();
        assert!(verdict.contains(word) && page.text.contains(word), "{verdict}");
        let typed = page.report["command_line"].as_str().unwrap();
        assert!(typed.starts_with(&format!("heapdiff check {limit} ")), "{typed}");
        assert!(!typed.contains("html"), "{typed}");
    }
    // A check that can't run replaces the page of an earlier one.
    for place in [["--report", "html=page.html"], ["-o", "page.html"]] {
        fs::write(folder.join("page.html"), "an earlier one").unwrap();
        let missing = [&["check", "--max-growth=1MiB", "no<b>.pb", &after], &place[..]].concat();
        assert_eq!(run(&folder, &missing).code, Some(2));
        let page = fs::read_to_string(folder.join("page.html")).unwrap();
        assert!(
            page.contains("The check could not run: ") && page.contains("no&lt;b&gt;.pb"),
            "{page}"
        );
    }
}

#[test]
fn the_page_of_a_check_leads_to_what_broke_a_rule() {
    let folder = folder("page-offenders");
    let run_of = |name: &str| given(&format!("gate/{name}.pb.gz"));
    let [base, other, worse, worse_2] =
        ["base-1", "base-2", "regression-1", "regression-2"].map(run_of);
    let rule = "--max-growth=1MiB";
    let cases: [(&[&str], usize, &str); 5] = [
        (&[&base, &worse], 2, ""),
        (
            &["--before", &base, &other, "--after", &worse, &worse_2],
            2,
            "the 2 profiles of each side",
        ),
        (&["--before", &base, &other, "--after", &worse], 2, "there are 2 and 1"),
        (&["--before", "none", "--allow-missing-baseline", "--max=1B", "--after", &worse], 1, ""),
        (
            &[
                "--before",
                "none",
                "--allow-missing-baseline",
                "--max=1B",
                "--after",
                &worse,
                &worse_2,
            ],
            1,
            "all 2 profiles",
        ),
    ];
    for (args, snapshots, note) in cases {
        let said = run(&folder, &[&["check", rule], args, &["-o", "page.html"]].concat());
        assert_eq!(said.code, Some(1), "{args:?}: {}", said.stderr);
        let page = read(&folder.join("page.html"));
        assert_eq!(page.trees.len(), 2, "{args:?}");
        for tree in &page.trees {
            assert_eq!(tree.head["snapshots"], snapshots, "{args:?}");
            let types = tree.head["types"].as_array().unwrap();
            let inuse = types.iter().position(|one| one["name"] == "inuse_space").unwrap();
            assert_eq!(types[inuse]["default"], true, "{args:?}");
            // Two sums of two runs are twice their means.
            if args.len() == 6 && note.starts_with("the 2") {
                let of = |name: &str| {
                    let top = json(&folder, &["top", "-inuse_space", name]);
                    let totals = top["totals"].as_array().unwrap().clone();
                    let total = totals.iter().find(|total| total["sample_type"] == "inuse_space");
                    total.unwrap()["after"].as_i64().unwrap()
                };
                let sums = [of(&base) + of(&other), of(&worse) + of(&worse_2)];
                assert_eq!(tree.head["totals"][inuse], serde_json::json!(sums));
            }
        }
        let notes = page.report["notes"].to_string();
        assert!(notes.contains(note), "{args:?}: {notes}");
        assert!(!note.is_empty() || !notes.contains("each side"), "{args:?}: {notes}");
        let rules = page.report["answer"]["check"]["rules"].as_array().unwrap();
        let offender = rules.iter().find_map(|rule| rule["offenders"][0]["function"].as_str());
        if let Some(offender) = offender {
            let sites = page.report["refs"]["refs"]["sites"].as_array().unwrap();
            let is_there = |site: &Value| site["lines"][0]["frames"][0]["name"] == offender;
            assert!(sites.iter().any(is_there), "{args:?}: {offender}");
            let lines = page.report["source"]["list"]["functions"].as_array().unwrap();
            assert!(lines.iter().any(|one| one["function"] == offender), "{args:?}");
        }
    }
    // Snapshots through time: the first and the last.
    let recording = given("verdicts/ticker");
    let said = run(&folder, &["check", "--no-leaks", &recording, "-o", "page.html"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let page = read(&folder.join("page.html"));
    assert_eq!(page.trees[0].head["snapshots"], 2);
    assert!(page.report["answer"]["suspects"].is_array());
}
