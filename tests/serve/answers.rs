//! The API answers byte for byte what the command line prints, and says that command line.

use crate::client::{Server, encoded, heapdiff};
use crate::support::program::folder;
use crate::{chat, given, root};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A generator of numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

/// Expressions that match something in Go's profiles, some with what a shell or an address would read.
const PATTERNS: [&str; 10] = [
    "main",
    "runtime",
    "net/http",
    "^time\\.",
    "alloc|new",
    "Serve(HTTP)?$",
    "a b",
    "it's|main",
    "%2F|&|=|main",
    "-x|main",
];

/// A random query, and the command that answers it.
fn query(dice: &mut Dice) -> (&'static str, String) {
    let about = dice.one(&["diff", "diff", "top", "tags", "traces", "refs", "peek", "source"]);
    let mut query = Vec::new();
    for name in ["f", "i", "h", "s", "sf"] {
        if dice.roll(5) == 0 {
            query.push(format!("{name}={}", encoded(dice.one(&PATTERNS))));
        }
    }
    let others: [(&str, &[&str]); 6] = [
        ("si", &["inuse_space", "alloc_space", "inuse_objects", "0", "3"]),
        ("g", &["functions", "lines", "files", "filefunctions", "packages", "addresses"]),
        ("n", &["0", "1", "7"]),
        ("sort", &["bound", "delta", "flat", "cum"]),
        ("noinlines", &["1", "0"]),
        ("norm", &["1", "f"]),
    ];
    for (name, values) in others {
        if dice.roll(3) == 0 {
            query.push(format!("{name}={}", dice.one(values)));
        }
    }
    if dice.roll(6) == 0 && about != "diff" {
        query.push("a=".to_owned());
    }
    if matches!(about, "refs" | "peek" | "source") {
        query.push(format!("p={}", encoded(dice.one(&PATTERNS))));
    }
    (about, query.join("&"))
}

/// Asks the server, runs the line that it says in a shell, and compares. Returns whether there was an answer.
fn compare(server: &Server, folder: &Path, about: &str, query: &str) -> bool {
    let path = match about {
        "refs" | "peek" | "source" => format!("/api/v1/{about}?{query}"),
        _ => format!("/api/v1/report?about={about}&{query}"),
    };
    let answer = server.get(&path);
    let command = server.get(&format!("/api/v1/command?about={about}&{query}"));
    assert_eq!(command.status, 200, "{path}: {}", command.text());
    let line = command.json()["command"].as_str().unwrap().to_owned();
    let typed = line.strip_prefix("heapdiff ").unwrap();
    // Options may come after the inputs, but not after `--`.
    let (name, rest) = typed.split_once(' ').unwrap();
    let line = format!("\"$HEAPDIFF\" {name} --format=json {rest}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(folder).env("HEAPDIFF", env!("CARGO_BIN_EXE_heapdiff"));
    let printed = shell.output().unwrap();
    let said = String::from_utf8_lossy(&printed.stderr).into_owned();
    if printed.status.success() {
        assert_eq!(answer.status, 200, "{line}\n{}", answer.text());
        assert!(
            answer.body == printed.stdout,
            "{path}\n{line}\n{}\n{}",
            answer.text(),
            String::from_utf8_lossy(&printed.stdout)
        );
        return true;
    }
    assert!(matches!(answer.status, 400 | 404), "{path}: {line}: {said}\n{}", answer.text());
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(said.contains(message.lines().next().unwrap()), "{message}\n{said}");
    false
}

fn compare_many(server: &Server, folder: &Path, seed: u64, count: usize) {
    let mut dice = Dice(seed);
    let mut answered = 0;
    for _ in 0..count {
        let (about, query) = query(&mut dice);
        answered += usize::from(compare(server, folder, about, &query));
    }
    assert!(answered * 2 > count, "only {answered} of {count} queries have an answer");
}

#[test]
fn a_hundred_queries_are_answered_as_on_the_command_line() {
    let server = chat("serve-answers");
    compare_many(&server, &folder("serve-answers-lines"), 1, 100);
}

#[test]
fn questions_over_time_are_answered_as_on_the_command_line() {
    let here = folder("serve-over-time");
    let server = Server::start(&here, &[&given("harbor/one")]);
    for query in ["", "si=inuse_objects", "f=main", "n=3", "own=%5Emain"] {
        for about in ["leaks", "timeline", "diff", "top"] {
            assert!(compare(&server, &here, about, query), "{about} {query}");
        }
    }
    // What was ever allocated can't leak, and both say so.
    assert!(!compare(&server, &here, "leaks", "si=alloc_space"));
    for about in ["goroutines", "gc", "memory"] {
        assert!(compare(&server, &here, about, ""), "{about}");
    }
    // Ordinals, ids and times name snapshots.
    let inputs = server.get("/api/v1/inputs").json();
    let second = &inputs["inputs"][1];
    let time = encoded(second["time"].as_str().unwrap());
    let by_ordinal = server.get("/api/v1/report?about=diff&a=2&b=4").body;
    assert_eq!(server.get(&format!("/api/v1/report?about=diff&a={time}&b=4")).body, by_ordinal);
    assert!(compare(&server, &here, "diff", "a=2&b=4"));
    let wrong = server.get("/api/v1/report?about=diff&a=999");
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "no-snapshot"));
    assert_eq!(wrong.json()["error"]["parameter"], "a");
    let series = server.get("/api/v1/series").body;
    assert_eq!(series, server.get("/api/v1/report?about=timeline").body);
}

/// Pairs of profiles of the same program in the folders that are shared, if there are any.
fn shared_pairs() -> Vec<[PathBuf; 2]> {
    let mut pairs = Vec::new();
    for folder in ["corpus/pprof-proto-heap", "found/same-process", "found/different-processes"] {
        let entries =
            std::fs::read_dir(root().join("../shared").join(folder)).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.is_file());
        files.sort();
        pairs.extend(files.chunks_exact(2).map(|pair| [pair[0].clone(), pair[1].clone()]));
    }
    pairs
}

#[test]
fn other_programs_are_answered_as_on_the_command_line() {
    let pairs = shared_pairs();
    if pairs.is_empty() {
        println!("skipped: no profiles in ../shared");
    }
    let here = folder("serve-shared");
    let mut served = 0;
    for (seed, pair) in (1..).zip(pairs.iter().step_by(pairs.len().div_ceil(8).max(1))) {
        let [before, after] = pair.each_ref().map(|path| path.to_str().unwrap());
        let fits = heapdiff(&here, &["diff", before, after]).output().unwrap().status.success();
        if fits {
            let server = Server::start(&here, &[before, after]);
            let mut dice = Dice(seed);
            for _ in 0..10 {
                let (about, query) = query(&mut dice);
                compare(&server, &here, about, &query);
            }
            served += 1;
        }
    }
    assert!(pairs.is_empty() || served > 0, "no pair of {} can be compared", pairs.len());
}

/// Every so many of the labs' recordings, so that each lab is asked.
const LABS: [(&str, usize); 3] =
    [("leakbench/recordings", 4), ("chatlab/recordings", 3), ("publiclab/recordings", 3)];

#[test]
fn recordings_of_labs_are_answered_as_on_the_command_line() {
    let here = folder("serve-labs");
    for (lab, most) in LABS {
        let folder = root().join("../shared").join(lab);
        let entries = std::fs::read_dir(&folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut recordings: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
        recordings.sort();
        if recordings.is_empty() {
            println!("skipped: no recordings in {}", folder.display());
            continue;
        }
        let step = recordings.len().div_ceil(most);
        for (seed, recording) in (100..).zip(recordings.iter().step_by(step)) {
            compare_recording(&here, recording, seed);
        }
    }
}

/// Compares about ten answers about a recording.
fn compare_recording(here: &Path, recording: &Path, seed: u64) {
    let name = recording.to_str().unwrap();
    let server = Server::start(here, &[name]);
    let mut dice = Dice(seed);
    let mut answered = 0;
    for about in ["leaks", "timeline"] {
        let filter = if dice.roll(2) == 0 { "" } else { "f=main" };
        answered += usize::from(compare(&server, here, about, filter));
    }
    for about in ["goroutines", "gc", "memory"] {
        answered += usize::from(compare(&server, here, about, ""));
    }
    let inputs = server.get("/api/v1/inputs").json();
    let snapshots = inputs["inputs"].as_array().unwrap().iter();
    let heaps = snapshots.filter(|input| input["kind"] != "goroutine").count();
    for _ in 0..8 {
        let (about, mut query) = query(&mut dice);
        // Any two of them.
        let ends = [dice.roll(heaps), dice.roll(heaps)].map(|end| end + 1);
        if about == "diff" && ends[0] != ends[1] {
            query = format!("{query}&a={}&b={}", ends[0], ends[1]);
        }
        answered += usize::from(compare(&server, here, about, &query));
    }
    assert!(answered > 5, "{name}: only {answered} queries have an answer");
}

#[test]
fn uploads_are_part_of_what_goroutines_and_memory_are() {
    let here = folder("serve-beside-uploads");
    std::fs::create_dir(here.join("empty")).unwrap();
    let server = Server::start(&here, &["empty"]);
    let names = ["heap-00.pb.gz", "heap-01.pb.gz", "goroutine-00.pb.gz", "goroutine-01.pb.gz"];
    for name in names {
        let bytes = std::fs::read(given(&format!("harbor/one/{name}"))).unwrap();
        assert_eq!(server.add(name, &bytes).status, 201, "{name}");
    }
    let text = b"heap profile: 1: 4096 [1: 4096] @ heap/1048576\n1: 4096 [1: 4096] @ 0x1\n#\t0x0\tmain.f+0x1\tf.go:4\n\n\
        # runtime.MemStats\n# Alloc = 5000\n# TotalAlloc = 9000\n# Sys = 9000000\n# HeapAlloc = 5000\n\
        # HeapSys = 7000000\n# HeapIdle = 1000\n# HeapInuse = 6000\n# HeapReleased = 100\n";
    let abouts = |server: &Server| {
        server.get("/api/v1/page").json()["server"]["abouts"].as_array().unwrap().clone()
    };
    assert!(abouts(&server).contains(&"goroutines".into()));
    // Their files aren't there.
    let served = ["goroutines", "goroutines&f=main", "goroutines&n=1"].map(|about| {
        let answer = server.get(&format!("/api/v1/report?about={about}"));
        assert_eq!(answer.status, 200, "{about}: {}", answer.text());
        answer.body
    });
    let goroutine = served[0].clone();
    // Where they are, the command line says the same.
    let there = folder("serve-beside-files");
    for name in names {
        std::fs::copy(given(&format!("harbor/one/{name}")), there.join(name)).unwrap();
    }
    for (option, served) in [None, Some("--focus=main"), Some("--nodecount=1")].iter().zip(served) {
        let words = [&["goroutines", "--format=json"], &names[..], option.as_slice()].concat();
        let printed = heapdiff(&there, &words).output().unwrap();
        assert!(
            printed.stdout == served,
            "{option:?}: {}",
            String::from_utf8_lossy(&printed.stdout)
        );
    }
    // An answer is kept until an input changes it.
    let first = server.get("/api/v1/report?about=goroutines");
    let tag = first.header("etag").to_owned();
    let ask = || {
        server.ask("GET /api/v1/report?about=goroutines", &[("If-None-Match", &tag)], b"").status
    };
    assert_eq!(ask(), 304);
    let bytes = std::fs::read(given("harbor/one/goroutine-05.pb.gz")).unwrap();
    assert_eq!(server.add("goroutine-05.pb.gz", &bytes).status, 201);
    assert_eq!(ask(), 200);
    assert_ne!(server.get("/api/v1/report?about=goroutines").body, goroutine);
    // A profile in text says how much memory the process has.
    let one = Server::start(&here, &[]);
    assert_eq!(one.add("heap.txt", text).status, 201);
    assert!(abouts(&one).contains(&"memory".into()), "{:?}", abouts(&one));
    let memory = one.get("/api/v1/report?about=memory");
    assert_eq!(memory.status, 200, "{}", memory.text());
    std::fs::write(here.join("heap.txt"), text).unwrap();
    let printed = heapdiff(&here, &["memory", "--format=json", "heap.txt"]).output().unwrap();
    assert!(memory.body == printed.stdout, "{}", String::from_utf8_lossy(&printed.stdout));
}

#[test]
fn a_function_has_an_id_that_any_program_can_compute() {
    let server = chat("serve-ids");
    let fnv = |name: &str| {
        let hash = name
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let digits = std::iter::successors(Some(hash), |left| Some(left / 36)).take(7);
        let digits: String = digits.map(|left| char::from_digit(left % 36, 36).unwrap()).collect();
        digits.chars().rev().collect::<String>().trim_start_matches('0').to_owned()
    };
    let rows = server.get("/api/v1/rows").json();
    let rows = rows["diff"]["rows"].as_array().unwrap();
    assert!(rows.len() > 5);
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let exactly = encoded(&format!("^{}$", regex::escape(name)));
        for about in ["source", "refs", "peek"] {
            let [by_id, by_name] = [format!("id={}", fnv(name)), format!("p={exactly}")]
                .map(|query| server.get(&format!("/api/v1/{about}?{query}")));
            assert_eq!(by_id.status, 200, "{name}: {}", by_id.text());
            assert_eq!(by_id.body, by_name.body, "{name}");
        }
    }
    let id = fnv(rows[0]["name"].as_str().unwrap());
    assert!(compare(&server, &folder("serve-ids-lines"), "source", &format!("id={id}")));
    for (path, status) in [
        (format!("id={id}&p=main"), 400),
        ("id=zzzzzz".to_owned(), 404),
        ("id=main.main".to_owned(), 404),
        ("id=".to_owned(), 400),
    ] {
        assert_eq!(server.get(&format!("/api/v1/source?{path}")).status, status, "{path}");
    }
}

#[test]
fn a_page_has_the_answer_with_all_rows_and_what_the_server_has() {
    let server = chat("serve-page");
    let page = server.get("/api/v1/page").json();
    assert_eq!((&page["command"], &page["report"]), (&"diff".into(), &1.into()));
    assert_eq!(page["answer"], server.get("/api/v1/rows").json());
    assert_eq!(page["answer"], server.get("/api/v1/report?about=diff&all=1").json());
    assert_eq!(page["compared"].as_array().unwrap().len(), 2);
    assert!(!page["heading"].as_array().unwrap().is_empty());
    let has = &page["server"];
    assert_eq!(has["revision"], 1);
    assert_eq!(has["default"], serde_json::json!({ "a": "i1", "b": "i2" }));
    assert_eq!(has["types"].as_array().unwrap().len(), 4);
    assert!(has["abouts"].as_array().unwrap().contains(&"diff".into()));
    for absent in ["refs", "source", "by_type", "trees"] {
        assert!(page.get(absent).is_none(), "{absent}");
    }
    let single = server.get("/api/v1/page?a=").json();
    assert_eq!(single["command"], "top");
    let one = Server::start(&folder("serve-page-one"), &[&given("chat/after.pb.gz")]);
    assert_eq!(one.get("/api/v1/page").json()["command"], "top");
    let many = Server::start(&folder("serve-page-many"), &[&given("harbor/one")]);
    let page = many.get("/api/v1/page").json();
    assert_eq!(page["command"], "leaks");
    assert!(page["verdict"].is_string() && page["goroutines"].is_object());
}

#[test]
fn a_tree_has_the_values_of_the_report_in_both_forms_and_orders() {
    let server = chat("serve-tree");
    let report = server.get("/api/v1/report?about=diff").json();
    for order in ["root-first", "leaf-first"] {
        let path = format!("/api/v1/tree?order={order}&most=1000");
        let bytes = server.get(&path);
        assert_eq!(bytes.header("content-type"), "application/vnd.heapdiff.tree");
        let end = bytes.body.iter().position(|&byte| byte == 0).unwrap();
        let head: serde_json::Value = serde_json::from_slice(&bytes.body[..end]).unwrap();
        let tree =
            server.ask(&format!("GET {path}"), &[("Accept", "application/json")], b"").json();
        assert_eq!((&tree["head"], &head["order"]), (&head, &order.into()));
        for (at, sample_type) in head["types"].as_array().unwrap().iter().enumerate() {
            let is_it = |total: &&serde_json::Value| total["sample_type"] == sample_type["name"];
            let totals = report["totals"].as_array().unwrap();
            let total = totals.iter().find(is_it).unwrap();
            for (side, name) in ["before", "after"].into_iter().enumerate() {
                let numbers = |column: &str| -> Vec<i64> {
                    let column = tree[column][at][side].as_array().unwrap();
                    column.iter().map(|value| value.as_i64().unwrap()).collect()
                };
                assert_eq!(numbers("flat").iter().sum::<i64>(), total[name].as_i64().unwrap());
                let depths = tree["depth"].as_array().unwrap();
                let roots = numbers("cum").into_iter().zip(depths);
                let roots = roots.filter(|(_, depth)| **depth == 0).map(|(cum, _)| cum);
                assert_eq!(roots.sum::<i64>(), total[name].as_i64().unwrap());
            }
        }
    }
    assert_eq!(server.get("/api/v1/tree?order=x").json()["error"]["parameter"], "order");
}

#[test]
fn mistakes_name_their_parameter() {
    let server = chat("serve-mistakes");
    for (path, status, code, parameter) in [
        ("report?f=((", 400, "bad-regex", "f"),
        ("refs?p=((", 400, "bad-regex", "p"),
        ("refs", 400, "missing-parameter", "p"),
        ("report?sf=((", 400, "bad-regex", "sf"),
        ("report?tf=k=((", 400, "bad-regex", "tf"),
        ("report?g=nosuch", 400, "bad-parameter", "g"),
        ("report?n=x", 400, "bad-parameter", "n"),
        ("report?sort=x", 400, "bad-parameter", "sort"),
        ("report?si=nosuch", 400, "bad-parameter", "si"),
        ("report?norm=x", 400, "bad-parameter", "norm"),
        ("report?f=main%00x", 400, "bad-parameter", "f"),
        ("report?about=convert", 400, "bad-parameter", "about"),
        ("report?about=diff&a=", 400, "one-snapshot", "a"),
        ("refs?p=nosuchfunction", 404, "no-match", ""),
        ("nosuch", 404, "not-found", ""),
    ] {
        let answer = server.get(&format!("/api/v1/{path}"));
        let own = answer.json()["error"]["parameter"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            (answer.status, answer.code().as_str(), own.as_str()),
            (status, code, parameter),
            "{path}"
        );
    }
    // What has no effect is named, also pprof's own parameters.
    let answer = server.get("/api/v1/report?about=diff&th=1&dropneg=1&bogus=2&callees=1");
    assert_eq!(
        (answer.status, answer.header("x-heapdiff-ignored")),
        (200, "callees, th, dropneg, bogus")
    );
    for (path, ignored) in [
        ("report?about=leaks&a=1&b=2", "a, b"),
        ("report?about=timeline&b=2", "b"),
        ("report?about=top&a=1&b=2", "a"),
        ("report?about=top&a=", ""),
        ("report?about=diff&a=1&b=2", ""),
        ("report?about=diff&p=x&order=leaf-first&most=3", "p, order, most"),
        ("report?about=diff&f=main&f=runtime", "f"),
        ("report?about=diff&f=&f=runtime", "f"),
        ("report?about=diff&all=0", ""),
        ("report?about=diff&token=x", "token"),
        ("rows?all=0", "all"),
        ("rows?all=1", ""),
        ("rows?about=top", "about"),
        ("page?all=0", "all"),
        ("refs?p=main&a=1", ""),
        ("tree?order=leaf-first&most=9", ""),
        ("tree?n=3&sort=flat", "n, sort"),
    ] {
        let answer = server.get(&format!("/api/v1/{path}"));
        let said = answer.header("x-heapdiff-ignored");
        assert_eq!((answer.status, said), (200, ignored), "{path}: {}", answer.text());
    }
}

#[test]
fn links_of_pprof_lead_to_our_pages_with_their_query() {
    let server = chat("serve-pprof");
    for (theirs, ours) in [
        ("/ui/?si=alloc_space", "/?si=alloc_space"),
        ("/ui/flamegraph?f=main&p=x", "/flame?f=main&p=x"),
        ("/ui/top", "/diff"),
        ("/ui/peek?f=a%7Cb", "/refs?f=a%7Cb"),
        ("/ui/source?f=x", "/source?f=x"),
        ("/ui/disasm?f=x", "/source?f=x"),
    ] {
        let answer = server.get(theirs);
        assert_eq!((answer.status, answer.header("location")), (303, ours), "{theirs}");
    }
    let one = Server::start(&folder("serve-pprof-one"), &[&given("chat/after.pb.gz")]);
    assert_eq!(one.get("/ui/top?g=lines").header("location"), "/top?g=lines");
}

#[test]
fn an_answer_that_the_client_has_is_not_sent_again() {
    let server = chat("serve-tags");
    for path in ["/api/v1/report?about=diff", "/api/v1/tree", "/api/v1/inputs", "/assets/app.js"] {
        let tag = server.get(path).header("etag").to_owned();
        assert!(tag.starts_with('"'), "{path}: {tag}");
        let again = server.ask(&format!("GET {path}"), &[("If-None-Match", &tag)], b"");
        assert_eq!(
            (again.status, again.body.len(), again.header("etag")),
            (304, 0, tag.as_str()),
            "{path}"
        );
    }
    let [a, b] = ["f=main", "f=runtime"].map(|query| {
        server.get(&format!("/api/v1/report?about=diff&{query}")).header("etag").to_owned()
    });
    assert_ne!(a, b);
}

#[test]
fn a_tag_is_of_one_start_and_of_one_question() {
    let here = folder("serve-start");
    let tagged = |server: &Server, query: &str| {
        server.get(&format!("/api/v1/report?about=top&{query}")).header("etag").to_owned()
    };
    let first = Server::start(&here, &[&given("chat/after.pb.gz")]);
    let tag = tagged(&first, "");
    // Another server there, whose inputs have the same names and the same revision.
    let second = Server::start(&here, &[&given("chat/after.pb.gz")]);
    let again = second.ask("GET /api/v1/report?about=top", &[("If-None-Match", tag.as_str())], b"");
    assert_eq!(again.status, 200);
    assert_ne!(again.header("etag"), tag);
    let starts = [&first, &second].map(|one| one.get("/api/v1/inputs").json()["start"].to_string());
    assert_ne!(starts[0], starts[1]);
    assert_eq!(second.get("/api/v1/page").json()["server"]["start"].to_string(), starts[1]);
    // No value can be taken for two.
    assert_ne!(tagged(&first, "f=main%22%2C%20%22--ignore%3Dx"), tagged(&first, "f=main&i=x"));
}

#[test]
fn goroutines_beside_an_answer_have_its_filters() {
    let server = Server::start(&folder("serve-beside"), &[&given("harbor/one")]);
    let goroutines = |query: &str| {
        let page = server.get(&format!("/api/v1/page?about=leaks&{query}")).json();
        page["goroutines"].clone()
    };
    let all = goroutines("");
    let some = goroutines("f=net");
    assert!(all.is_object() && some != all);
    // They are what the command prints with this filter, but for how many there are.
    let groups = |answer: &serde_json::Value| answer["diff"]["rows"].clone();
    assert_eq!(groups(&goroutines("f=.")), groups(&all));
}

#[test]
fn another_sample_type_is_answered_where_it_cannot_leak() {
    let server = Server::start(&folder("serve-types"), &[&given("harbor/one")]);
    for (wanted, command) in [
        ("", "leaks"),
        ("inuse_objects", "leaks"),
        ("3", "leaks"),
        ("alloc_space", "timeline"),
        ("alloc_objects", "timeline"),
        ("0", "timeline"),
    ] {
        let page = server.get(&format!("/api/v1/page?si={wanted}"));
        assert_eq!(page.status, 200, "{wanted}: {}", page.text());
        assert_eq!(page.json()["command"], command, "{wanted}");
    }
    // What is asked for itself is refused.
    assert_eq!(server.get("/api/v1/page?about=leaks&si=alloc_space").status, 400);
}

#[test]
fn the_document_and_the_routes_agree() {
    let server = chat("serve-document");
    let document = server.get("/api/v1/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 12, "{}", paths.len());
    for (path, operations) in paths {
        let concrete = path.replace("{id}", "999");
        for method in ["GET", "POST", "DELETE", "PUT", "PATCH"] {
            let described = operations.get(method.to_lowercase());
            if path == "/api/v1/events" && method == "GET" {
                // It doesn't end; its own test reads it.
                assert!(described.is_some());
                continue;
            }
            let headers = [
                ("X-Heapdiff", "1"),
                ("Content-Type", "application/octet-stream"),
                ("Content-Length", "0"),
            ];
            let answer = server.ask(&format!("{method} {concrete}"), &headers, b"");
            assert_eq!(
                answer.status != 405,
                described.is_some(),
                "{method} {path}: {}",
                answer.status
            );
            let Some(described) = described else { continue };
            // The parameters that it describes are read: none of them is called unknown.
            let names = described["parameters"].as_array().unwrap().iter();
            let names =
                names.filter(|one| one["in"] == "query").map(|one| one["name"].as_str().unwrap());
            let names: Vec<&str> = names.collect();
            if method == "GET" {
                let required = if names.contains(&"p") { "p=main" } else { "" };
                for about in ["diff", "leaks", "refs", "traces"] {
                    let with = if names.contains(&"about") {
                        format!("about={about}&")
                    } else {
                        String::new()
                    };
                    let answer = server.get(&format!("{concrete}?{with}{required}&nosuch=1"));
                    if names.contains(&"si") && answer.status == 200 && !path.ends_with("command") {
                        assert_eq!(answer.header("x-heapdiff-ignored"), "nosuch", "{path}");
                    }
                }
                for name in &names {
                    let refused = server.get(&format!("{concrete}?{required}&{name}=%28%28"));
                    let ignored = refused.header("x-heapdiff-ignored").contains("nosuch");
                    assert!(refused.status < 500 && !ignored, "{path} {name}: {}", refused.text());
                }
            }
        }
    }
    // Nothing is served that it doesn't describe.
    for path in ["/api/v1/nosuch", "/api/v1", "/api/v2/report", "/api/v1/report/x", "/api"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}
