//! Dumps of goroutines: what they hold, wherever they stand, and what `heapdiff goroutines` makes of them.

use crate::random::Random;
use crate::{ask, corpus, program};
use heapdiff::analysis::goroutines::{Cluster, Clusters};
use heapdiff::report::{Answer, Question};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn recorded(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/parked").join(name);
    fs::read(path).unwrap()
}

fn clusters(inputs: &[&[u8]]) -> Clusters {
    match ask::ask(Question::Goroutines, inputs, "goroutine").answer {
        Answer::Goroutines(answer) => answer.goroutines,
        other => panic!("no clusters: {other:?}"),
    }
}

fn at<'c>(clusters: &'c Clusters, function: &str) -> &'c Cluster {
    let mut found = clusters.rows.iter().filter(|row| row.at.place.function == function);
    let row = found.next().unwrap_or_else(|| panic!("{function} in {clusters:?}"));
    assert!(found.next().is_none(), "{function} twice");
    row
}

/// How many goroutines are in each place, and what they wait for.
fn counts(clusters: &Clusters) -> BTreeMap<(String, i64), (String, i64)> {
    let one = |row: &Cluster| {
        let place = (row.at.place.function.clone(), row.at.place.line.unwrap_or(0));
        // A profile in protobuf doesn't show that a channel is nil.
        let state = row.at.waits_for.replace(" (nil chan)", "");
        (place, (state, row.value.after))
    };
    clusters.rows.iter().map(one).collect()
}

#[test]
fn a_dump_says_what_the_protobuf_of_the_same_moment_says_and_more() {
    for moment in ["before", "after"] {
        let dump = clusters(&[&recorded(&format!("{moment}.txt"))]);
        let profile = clusters(&[&recorded(&format!("{moment}.pb.gz"))]);
        let without_writer = |clusters| {
            let mut counts = counts(clusters);
            // One of them was written first.
            counts.retain(|(function, _), _| function != "main.write");
            counts
        };
        assert_eq!(without_writer(&dump), without_writer(&profile));
        assert!(profile.rows.iter().all(|row| row.created_by.is_none()));
    }
    let dump = clusters(&[&recorded("after.txt")]);
    let asked = at(&dump, "main.ask.func1");
    assert_eq!((asked.at.waits_for.as_str(), asked.value.after), ("chan send", 40));
    assert_eq!(asked.longest_wait_minutes, Some(1));
    let creator = asked.created_by.as_ref().unwrap();
    assert_eq!((creator.function.as_str(), creator.line), ("main.ask", Some(23)));
    assert_eq!(at(&dump, "main.leave.func1").at.waits_for, "chan receive (nil chan)");
}

#[test]
fn the_goroutine_in_the_same_object_likely_holds_the_lock() {
    let dump = clusters(&[&recorded("after.txt")]);
    let waiting = at(&dump, "main.(*till).pay");
    assert_eq!((waiting.at.waits_for.as_str(), waiting.value.after), ("sync.Mutex.Lock", 7));
    assert_eq!(waiting.lock_held_in.as_deref(), Some("main.(*till).close"));
    assert!(dump.rows.iter().all(|row| row.lock_held_in.is_none() || std::ptr::eq(row, waiting)));
    // In another till.
    let text = String::from_utf8(recorded("after.txt")).unwrap();
    let close = text.split_once("main.(*till).close(0x").unwrap().1;
    let address = close.split_once(')').unwrap().0;
    let other = text.replace(&format!("close(0x{address})"), "close(0x10)");
    assert_eq!(at(&clusters(&[other.as_bytes()]), "main.(*till).pay").lock_held_in, None);
}

#[test]
fn what_the_collector_has_proven_is_said() {
    let dump = String::from_utf8(recorded("after.txt")).unwrap();
    let proven = dump.replace("[chan send,", "[chan send (leaked),");
    assert_eq!(at(&clusters(&[proven.as_bytes()]), "main.ask.func1").proven_leaked, 40);
    assert!(clusters(&[dump.as_bytes()]).rows.iter().all(|row| row.proven_leaked == 0));
    let profile =
        "goroutineleak profile: total 3\n3 @ 0x11 0x21\n#\t0x10\tmain.f+0x1\t/app/main.go:3\n";
    let Answer::Goroutines(answer) =
        ask::ask(Question::Goroutines, &[profile.as_bytes()], "goroutineleak").answer
    else {
        panic!("no clusters");
    };
    assert_eq!(at(&answer.goroutines, "main.f").proven_leaked, 3);
}

#[test]
fn two_dumps_show_what_is_new_and_what_grew() {
    let both = clusters(&[&recorded("before.txt"), &recorded("after.txt")]);
    let change = |function| {
        let row = at(&both, function);
        (row.value.before, row.value.after)
    };
    assert_eq!(change("main.ask.func1"), (Some(12), 40));
    assert_eq!(change("main.(*till).pay"), (Some(0), 7));
    assert_eq!(change("main.watch"), (Some(5), 5));
}

/// Dumps in a folder, five seconds apart, whose number of goroutines in `main.ask` is given.
fn dumps(folder: &str, numbers: &[usize]) -> (PathBuf, Vec<String>) {
    let folder = program::folder(folder);
    let names = numbers.iter().enumerate().map(|(at, &number)| {
        let one = |id: usize, function: &str| {
            format!(
                "goroutine {id} [chan send, {at} minutes]:\n{function}(0xc0000{id:05x})\n\t/app/main.go:7 +0x1\n\
                 created by main.serve in goroutine 1\n\t/app/main.go:3 +0x1\n\n"
            )
        };
        let asking = (0..number).map(|id| one(1000 + id, "main.ask"));
        let dump: String = [one(5, "main.watch")].into_iter().chain(asking).collect();
        let name = format!("goroutines-2026-01-02T03-04-{:02}Z.txt", at * 5);
        fs::write(folder.join(&name), dump).unwrap();
        name
    });
    let names = names.collect();
    (folder, names)
}

#[test]
fn many_dumps_show_what_leaks_and_how_fast() {
    let (folder, names) =
        dumps("goroutines-over-time", &[12, 40, 71, 99, 131, 160, 190, 222, 250, 280]);
    let ask = |options: &[&str], names: &[String]| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = program::run(&folder, &[&["goroutines"], options, &names].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.stdout
    };
    let json = ask(&["--format", "json"], &names);
    let report: Value = serde_json::from_str(&json).unwrap();
    let row = &report["goroutines"]["rows"][0];
    assert_eq!((&row["function"], &row["class"]), (&"main.ask".into(), &"leak".into()));
    assert_eq!(
        (&row["before"], &row["after"], &row["delta"]),
        (&12.into(), &280.into(), &268.into())
    );
    assert_eq!(row["values"].as_array().unwrap().len(), 10);
    assert_eq!((&row["longest_wait_minutes"], &row["created_by"]["line"]), (&9.into(), &3.into()));
    // 29.8 in five seconds.
    let slope = row["slope_per_hour"]["estimate"].as_i64().unwrap();
    assert!((20_000..23_000).contains(&slope), "{slope}");
    assert_eq!(report["goroutines"]["unchanged"]["rows"], 1);
    assert_eq!(report["timeline"]["times"].as_array().unwrap().len(), 10);
    // In any order of the arguments.
    let mut mixed = names.clone();
    mixed.rotate_left(4);
    mixed.swap(0, 3);
    assert_eq!(ask(&["--format", "json"], &mixed), json);
    let table = ask(&["--width", "120"], &names);
    for text in ["main.ask", "▁▂", "+268", "leak", "unchanged: 1 cluster", "times from the names"]
    {
        assert!(table.contains(text), "{text} in\n{table}");
    }
    assert!(ask(&["--all"], &names).contains("main.watch"));
    let csv = ask(&["--format", "csv"], &names);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let first: BTreeMap<String, String> = reader.deserialize().next().unwrap().unwrap();
    assert_eq!(
        (first["class"].as_str(), first["slope_per_hour"].as_str()),
        ("leak", &*slope.to_string())
    );
    assert!(first["values"].starts_with("12;40;71"), "{}", first["values"]);
}

#[test]
fn without_times_there_is_a_class_and_no_slope() {
    let (folder, names) = dumps("goroutines-without-times", &[12, 40, 71, 99, 131, 160, 190, 222]);
    let plain: Vec<String> = (0..names.len()).map(|at| format!("dump{at}.txt")).collect();
    for (name, plain) in names.iter().zip(&plain) {
        fs::rename(folder.join(name), folder.join(plain)).unwrap();
    }
    let said = program::run(&folder, &["goroutines", "--format", "json", "."]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let row = &report["goroutines"]["rows"][0];
    assert_eq!((&row["class"], row.get("slope_per_hour")), (&"leak".into(), None));
    assert!(report["warnings"].as_array().unwrap().iter().any(|one| one["code"] == "no-time"));
}

#[test]
fn a_single_dump_next_to_many_profiles_is_skipped() {
    let folder = program::folder("goroutines-beside-many");
    for at in 0..4 {
        fs::write(folder.join(format!("goroutine-{at}.pb.gz")), recorded("after.pb.gz")).unwrap();
    }
    fs::write(folder.join("dump.txt"), recorded("after.txt")).unwrap();
    let said = program::run(&folder, &["goroutines", "--format", "json", "."]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(report.get("timeline").is_some(), "{report}");
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("skipped 1 profile in text next to profiles"), "{warnings}");
}

/// The lines of a dump as a log has them.
fn logged(dump: &str, line: impl Fn(usize, &str) -> String) -> Vec<u8> {
    dump.lines()
        .enumerate()
        .map(|(number, text)| line(number, text) + "\n")
        .collect::<String>()
        .into()
}

#[test]
fn a_dump_is_found_in_every_kind_of_log() {
    let log = String::from_utf8(recorded("quit.log")).unwrap();
    let plain = clusters(&[log.as_bytes()]);
    assert_eq!(at(&plain, "main.ask.func1").value.after, 12);
    assert_eq!(at(&plain, "main.(*till).pay").value.after, 7);
    let logs = [
        logged(&log, |number, text| format!("2026-01-02T03:04:05.{number:09}Z stderr F {text}")),
        logged(&log, |number, text| format!("Jan  2 03:04:05 host svc[{number}]: {text}")),
        logged(&log, |_, text| format!("web-1  | {text}")),
        logged(&log, |_, text| {
            let text = serde_json::to_string(&format!("{text}\n")).unwrap();
            format!(r#"{{"log":{text},"stream":"stderr","time":"2026-01-02T03:04:05Z"}}"#)
        }),
        logged(&log, |_, text| format!("{text}\r")),
    ];
    for log in logs {
        assert_eq!(clusters(&[&log]), plain, "{}", String::from_utf8_lossy(&log[..200]));
    }
}

#[test]
fn of_two_dumps_in_a_log_the_last_counts() {
    let two = [recorded("before.txt"), b"\nmore\n\n".to_vec(), recorded("after.txt")].concat();
    assert_eq!(clusters(&[&two]), clusters(&[&recorded("after.txt")]));
}

#[test]
fn goroutines_that_panicked_and_went_on_are_no_dump() {
    let log = "serving\n2026/01/02 03:04:05 http: panic serving 10.0.0.1:80: boom\n\
               goroutine 5 [running]:\nmain.f()\n\t/app/main.go:3 +0x1\n\nserving\n";
    let error = ask::series(&[log.as_bytes()]).unwrap_err();
    assert!(error.contains("is text, not a profile"), "{error}");
    let crash =
        log.replace("2026/01/02 03:04:05 http: panic serving 10.0.0.1:80: boom", "panic: boom\n");
    assert_eq!(at(&clusters(&[crash.as_bytes()]), "main.f").value.after, 1);
}

/// A stack that a goroutine wrote of itself, which went on.
const WRITTEN: &str = "2026/01/02 03:04:05 http: panic serving 10.0.0.1:80: boom\n\
    goroutine 5 [running]:\nnet/http.(*conn).serve.func1()\n\t/go/server.go:3 +0x1\n\
    panic({0x1, 0x2})\n\t/go/panic.go:3 +0x1\nmain.f()\n\t/app/main.go:3 +0x1\n\n";

const TWO: &str = "goroutine 1 [select]:\nmain.main()\n\t/app/main.go:9 +0x1\n\n\
    goroutine 5 [IO wait]:\nmain.serve(0x1)\n\t/app/main.go:7 +0x1\n\n";

#[test]
fn a_stack_that_a_goroutine_wrote_of_itself_is_not_part_of_a_dump() {
    let dump = clusters(&[TWO.as_bytes()]);
    let other = WRITTEN.replace("goroutine 5", "goroutine 77");
    for log in [
        // Before it, after it, and with a number that isn't in it.
        format!("{WRITTEN}{TWO}"),
        format!("{TWO}{WRITTEN}"),
        format!("{other}{TWO}serving\n{other}"),
    ] {
        assert_eq!(clusters(&[log.as_bytes()]), dump, "{log}");
    }
    let alone = WRITTEN.split_once('\n').unwrap().1;
    assert_eq!(at(&clusters(&[alone.as_bytes()]), "main.f").value.after, 1);
}

/// The warnings about one dump.
fn warnings(dump: &[u8]) -> String {
    let report = ask::ask(Question::Goroutines, &[dump], "goroutine");
    let all = report.inputs[0].warnings.iter().map(|warning| warning.message.as_str());
    all.collect::<Vec<_>>().join("; ")
}

#[test]
fn a_crash_of_one_goroutine_does_not_replace_the_dump_before_it() {
    let dump = clusters(&[TWO.as_bytes()]);
    let crash =
        "serving\npanic: boom\n\ngoroutine ID [running]:\nmain.f()\n\t/app/main.go:3 +0x1\n";
    for id in ["5", "77"] {
        let log = format!("{TWO}{}", crash.replace("ID", id));
        assert_eq!(clusters(&[log.as_bytes()]), dump, "{log}");
        let said = warnings(log.as_bytes());
        assert!(said.contains("has 2 dumps of goroutines; this is number 1,"), "{said}");
        assert!(said.ends_with("begins in line 1"), "{said}");
    }
    let two = format!("serving\n{TWO}{TWO}");
    let said = warnings(two.as_bytes());
    assert!(said.contains("this is the last, which begins in line 10"), "{said}");
    assert_eq!(warnings(TWO.as_bytes()), "");
    let written = format!("{WRITTEN}{TWO}{WRITTEN}");
    assert_eq!(warnings(written.as_bytes()), "");
}

#[test]
fn a_dump_that_is_cut_off_is_said_to_be() {
    for end in [10, 35, 47] {
        let cut = &TWO[..TWO.len() - end];
        let said = warnings(cut.as_bytes());
        assert!(said.contains("ends in the middle of a goroutine"), "{said} of {cut:?}");
    }
    assert_eq!(warnings(TWO.trim_end().as_bytes()), "");
    // As Go's handler stops.
    let one = |id: usize| format!("goroutine {id} [select]:\nmain.g()\n\t/app/main.go:12 +0x1\n\n");
    let mut numbered = String::new();
    for id in 1..1_500_000 {
        numbered.push_str(&one(id));
    }
    numbered.truncate(64 << 20);
    let said = warnings(numbered.as_bytes());
    assert!(said.contains("has 64 MiB, at which"), "{said}");
    assert!(said.contains("goroutine?debug=1"), "{said}");
}

#[test]
fn stacks_are_estimated_by_the_number_of_frames() {
    let dump = clusters(&[&recorded("after.txt")]);
    let asked = at(&dump, "main.ask.func1").stack_bytes;
    assert_eq!((asked.estimate, asked.lower, asked.upper), (40 * 2048, 40 * 2048, 40 * 2048));
    let sum: i64 = dump.rows.iter().map(|row| row.stack_bytes.estimate).sum();
    assert_eq!(dump.stack_bytes.estimate, sum);
    let folder = program::folder("goroutines-stacks");
    fs::write(folder.join("after.txt"), recorded("after.txt")).unwrap();
    let said = program::run(&folder, &["goroutines", "after.txt"]);
    assert!(said.stdout.contains("stacks of all goroutines: about"), "{}", said.stdout);
}

#[test]
fn a_header_in_the_message_of_a_panic_begins_no_goroutine() {
    for message in [
        "panic: goroutine 5 [running]:\n\thello [recovered]\n\tpanic: goroutine 5 [running]:\n\tagain\n\n",
        "serving\n\npanic: a worker failed:\n\tgoroutine 5 [running]:\n\tmain.work()\n\t\t/app/main.go:3 +0x1\n\n",
    ] {
        for rest in [TWO.to_owned(), TWO.replace("select", "running")] {
            let log = format!("{message}{rest}");
            assert_eq!(clusters(&[log.as_bytes()]), clusters(&[rest.as_bytes()]), "{log}");
        }
    }
}

#[test]
fn a_panic_of_one_goroutine_is_found_in_a_log_of_a_container() {
    let log = "serving\npanic: boom\n\ngoroutine 1 [running]:\nmain.f()\n\t/app/main.go:3 +0x1\n";
    let log = logged(log, |_, text| format!("2026-01-02T03:04:05Z stderr F {text}"));
    assert_eq!(at(&clusters(&[&log]), "main.f").value.after, 1);
}

#[test]
fn of_a_folder_dumps_are_taken_and_else_profiles_of_goroutines() {
    let folder = program::folder("goroutines-of-a-folder");
    let heap = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/chat/before.pb.gz");
    fs::copy(heap, folder.join("heap.pb.gz")).unwrap();
    fs::write(folder.join("after.pb.gz"), recorded("after.pb.gz")).unwrap();
    let profile = program::run(&folder, &["goroutines", "."]);
    assert_eq!(profile.code, Some(0), "{}", profile.stderr);
    assert!(
        profile.stdout.contains("skipped 1 profile: ./heap.pb.gz (not of goroutines)"),
        "{}",
        profile.stdout
    );
    assert!(!profile.stdout.contains("go statement"), "{}", profile.stdout);
    fs::write(folder.join("after.txt"), recorded("after.txt")).unwrap();
    let dump = program::run(&folder, &["goroutines", "."]);
    assert_eq!(dump.code, Some(0), "{}", dump.stderr);
    let said = dump.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("skipped 2 profiles next to goroutine dumps"), "{said}");
    assert!(said.contains("go statement"), "{said}");
    let all =
        program::run(&folder, &["goroutines", "--quiet", "after.pb.gz", "heap.pb.gz", "after.txt"]);
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    assert!(all.stdout.contains("Δ"), "{}", all.stdout);
}

#[test]
fn who_waits_or_has_released_the_lock_does_not_hold_it() {
    let wait = |id: u64, inner: &str, outer: &str| {
        format!(
            "goroutine {id} [sync.Mutex.Lock]:\ninternal/sync.(*Mutex).lockSlow(0xc0000100)\n\t/go/m.go:1 +0x1\n\
             main.(*q).{inner}(0x0?)\n\t/app/main.go:5 +0x1\nmain.(*q).{outer}(0xc0000100)\n\t/app/main.go:9 +0x1\n\n"
        )
    };
    let waiting = wait(1, "push", "run") + &wait(2, "push", "run");
    let cond = "goroutine 3 [sync.Cond.Wait]:\nsync.runtime_notifyListWait(0xc0000140, 0x0)\n\t/go/s.go:1 +0x1\n\
        sync.(*Cond).Wait(0xc0000130)\n\t/go/c.go:1 +0x1\nmain.(*q).pop(0xc0000100)\n\t/app/main.go:15 +0x1\n\n";
    let text = waiting.clone() + cond;
    assert_eq!(at(&clusters(&[text.as_bytes()]), "main.(*q).push").lock_held_in, None);
    let holder = cond.replace("sync.Cond.Wait", "chan receive");
    let holder = holder.lines().filter(|line| !line.contains("sync.") && !line.contains("/go/"));
    let text = waiting + &holder.collect::<Vec<_>>().join("\n") + "\n";
    let held = clusters(&[text.as_bytes()]);
    assert_eq!(at(&held, "main.(*q).push").lock_held_in.as_deref(), Some("main.(*q).pop"));
}

#[test]
fn other_profiles_are_refused() {
    let folder = program::folder("goroutines-of-a-heap");
    let heap = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/chat/before.pb.gz");
    let said = program::run(&folder, &["goroutines", heap.to_str().unwrap()]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("isn't about goroutines"), "{}", said.stderr);
}

#[test]
fn the_table_explains_what_grew() {
    let folder = program::folder("goroutines-table");
    for name in ["before.txt", "after.txt"] {
        fs::write(folder.join(name), recorded(name)).unwrap();
    }
    let said = program::run(&folder, &["goroutines", "before.txt", "after.txt"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for text in [
        "main.ask.func1",
        "Who likely holds the locks",
        "main.(*till).pay: a goroutine in main.(*till).close (chan receive)",
        "What they wait for",
        "chan send: waits until another goroutine takes its value.",
        "unchanged: 3 clusters, 7 goroutines",
    ] {
        assert!(said.stdout.contains(text), "{text} in\n{}", said.stdout);
    }
    assert!(!said.stdout.contains("select:"), "what didn't grow isn't explained\n{}", said.stdout);
}

#[test]
fn a_dump_that_is_cut_off_or_changed_holds_no_more_than_its_headers() {
    let mut random = Random(7);
    for name in ["before.txt", "quit.log"] {
        let whole = recorded(name);
        for _ in 0..400 {
            let mut dump = whole[..=random.below(whole.len())].to_vec();
            for _ in 0..random.below(4) {
                let at = random.below(dump.len());
                dump[at] = b"\n\t ([{:]0xg\xff"[random.below(12)];
            }
            let Ok(series) = ask::series(&[&dump]) else { continue };
            let headers = dump.windows(10).filter(|part| *part == b"goroutine ").count() as i64;
            let held: i64 = series.snapshots.iter().flat_map(|one| &one.samples.values).sum();
            assert!(held <= headers, "{held} of {headers}");
        }
    }
}

/// Every dump of the corpus has as many goroutines as headers; thread 0 is none.
#[test]
fn dumps_of_other_programs_are_read_whole() {
    for file in corpus::shared(&["corpus/goroutine-dump-debug2"]) {
        let bytes = fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let is_header = |line: &&str| {
            let rest = line.strip_prefix("goroutine ").unwrap_or("0");
            line.trim_end().ends_with("]:") && !rest.starts_with("0 ") && rest != "0"
        };
        let headers = text.lines().filter(is_header).count();
        let json = program::run(
            &program::folder("goroutines-corpus"),
            &["goroutines", "--format", "json", file.to_str().unwrap()],
        );
        assert_eq!(json.code, Some(0), "{}: {}", file.display(), json.stderr);
        let report: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(report["totals"][0]["after"], headers, "{}", file.display());
    }
}
