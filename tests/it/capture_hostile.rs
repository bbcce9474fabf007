//! `heapdiff capture` and `watch` against services and folders that mean no good: what would be lost, shown or
//! destroyed stays as it is.

use super::capture::{heaps, serving};
use super::corpus;
use super::dsl::{bytes, heap, stack};
use super::program::folder;
use super::service::{Reply, Service};
use super::urls::{program, run_with};
use heapdiff::input::pprof::proto;
use serde_json::Value;
use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// A heap of one stack, with these names of its sample types.
fn named(types: &[&str]) -> Vec<u8> {
    let mut profile = heap(&[stack("main.main;main.keep").inuse(1, 4096)]);
    for (own, name) in profile.sample_type.iter_mut().zip(types) {
        profile.string_table.push(name.as_bytes().to_vec());
        own.r#type = profile.string_table.len() as i64 - 1;
    }
    profile.default_sample_type = 0;
    bytes(&profile)
}

#[test]
fn a_manifest_of_another_program_stays() {
    let home = folder("capture-manifest");
    let service = serving(heaps("harbor/one"), |_, reply| reply);
    let url = service.url("");
    for (text, why) in [
        ("{\"name\": \"web app\"}", "isn't a list that this version writes"),
        ("{\"schema\": \"heapdiff.capture/v9\", \"shots\": []}", "isn't a list"),
        ("{\"schema\": \"heapdiff.capture/v1\", \"shots\": [{", "isn't a list"),
    ] {
        fs::write(home.join("manifest.json"), text).unwrap();
        for command in [&["capture", "--count=1"][..], &["watch", "--count=1", "--no-ui"]] {
            let said = run_with(&home, &[], &[command, &["-o", ".", &url]].concat());
            assert_eq!(said.code, Some(2), "{}", said.stderr);
            assert!(said.stderr.contains(why) && said.stderr.contains("use another folder"));
            assert_eq!(fs::read_to_string(home.join("manifest.json")).unwrap(), text);
            assert_eq!(fs::read_dir(&home).unwrap().count(), 1);
        }
    }
    assert!(service.requests().is_empty(), "before it asks anything");
}

#[test]
fn what_a_service_sends_cannot_write_to_the_terminal() {
    let home = folder("capture-escapes");
    let odd = named(&["\x1b[31mred\n::error::x", "\x1b]0;title\x07", "a", "b"]);
    let service = Service::new(move |_, request| {
        if request.starts_with("GET /debug/pprof/heap?gc=1")
            || request.starts_with("GET /debug/pprof/goroutine")
        {
            return Reply::Body(odd.clone());
        }
        Reply::Status(404, "\x1b[2J no")
    });
    for command in [&["capture", "--no-report"][..], &["watch", "--no-ui"]] {
        let options = ["--count=2", "--every=10ms", "-o", command[0]];
        let url = service.url("");
        let said = run_with(&home, &[], &[command, &options, &[&url]].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let all = said.stdout + &said.stderr;
        assert!(all.contains("\\u{1b}[31mred"), "{all}");
        assert!(!all.contains(['\x1b', '\x07']) && !all.contains("\n::error"), "{all:?}");
    }
}

#[test]
fn a_profile_of_another_program_does_not_spoil_the_others() {
    let home = folder("capture-changed");
    let other = named(&["w", "x", "y", "z"]);
    let large = {
        let mut profile: proto::Profile = heap(&[stack("main.main").inuse(1, i64::MAX / 2)]);
        profile.time_nanos += 1;
        bytes(&profile)
    };
    let service = serving(heaps("harbor/one"), move |number, reply| match number {
        4 => Reply::Body(other.clone()),
        7 => Reply::Body(large.clone()),
        _ => reply,
    });
    let args = ["capture", &service.url(""), "--every=10ms", "--count=12", "-o", "out"];
    let said = run_with(&home, &[], &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("it is a profile of w, x, y, z"), "{}", said.stderr);
    assert!(said.stderr.contains("add up to more than 64 bits hold"), "{}", said.stderr);
    let shots = manifest(&home.join("out"))["shots"].as_array().unwrap().clone();
    let heaps = shots.iter().flat_map(|shot| shot["files"].as_array().unwrap().clone());
    assert_eq!(heaps.filter(|file| file["kind"] == "heap").count(), 10);
    // The verdict goes on, and the folder can be read.
    let last = said.stderr.lines().rfind(|line| line.starts_with("12 of 12")).unwrap();
    assert!(last.contains("leak"), "{last}");
    assert!(said.stdout.contains("main.(*logbook).enter"), "{}", said.stdout);
}

#[test]
fn passwords_in_addresses_stay_hidden_wherever_they_end() {
    let home = folder("capture-passwords");
    for secret in ["s3/cret", "s3#cret", "s3?cret", "s3@cret", "s3:cret"] {
        let url = format!("http://me:{secret}@127.0.0.1:1/");
        for command in ["capture", "watch", "doctor", "incident", "top"] {
            let said = run_with(&home, &[], &[command, &url]);
            assert_eq!(said.code, Some(2), "{command} {url}");
            let all = said.stdout + &said.stderr;
            assert!(!all.contains("s3") && !all.contains("cret"), "{command} {url}: {all}");
            assert!(all.contains("HEAPDIFF_BASIC_AUTH"), "{command} {url}: {all}");
        }
    }
}

#[test]
fn statistics_come_from_long_texts_and_not_from_endless_variables() {
    let home = folder("capture-long");
    let text = String::from_utf8(corpus::read("text-heap/after.txt")).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    // Many stacks, as a service has that holds much.
    let stacks = "1: 4096 [1: 4096] @ 0x43f716 0x4407ce\n".repeat(200_000);
    let text = format!("{first}\n{stacks}{rest}");
    let profile = corpus::read("harbor/one/heap-00.pb.gz");
    let variables = format!("{{\"memstats\": {{\"x\": \"{}\"}}}}", "y".repeat(40 << 20));
    let service = Service::new(move |_, request| {
        let path = request.split_whitespace().nth(1).unwrap();
        match path {
            "/debug/pprof/heap?gc=1" => Reply::Body(profile.clone()),
            "/debug/pprof/heap?debug=1" => Reply::Body(text.clone().into_bytes()),
            "/debug/vars" => Reply::Body(variables.clone().into_bytes()),
            _ => Reply::Status(404, "not here"),
        }
    });
    let args = ["capture", &service.url(""), "--count=1", "--no-report", "-o", "out"];
    let said = run_with(&home, &[], &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let statistics = fs::read_dir(home.join("out")).unwrap().map(|entry| entry.unwrap().path());
    let statistics: Vec<_> =
        statistics.filter(|path| path.to_string_lossy().contains("memstats-")).collect();
    let statistics: Value = serde_json::from_slice(&fs::read(&statistics[0]).unwrap()).unwrap();
    assert!(statistics["HeapAlloc"].as_i64().unwrap() > 0, "{statistics}");
    assert!(statistics.get("x").is_none());
}

/// A socket whose service accepts nothing: a plain attempt to connect would wait for ever.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_accepts_nothing_is_given_up() {
    let home = folder("capture-socket");
    let path = home.join("s");
    let listener = UnixListener::bind(&path).unwrap();
    // Fill what waits to be accepted; the last attempt is left waiting.
    let filling = path.clone();
    thread::spawn(move || {
        let waiting: Vec<UnixStream> =
            (0..10_000).map_while(|_| UnixStream::connect(&filling).ok()).collect();
        drop(waiting);
    });
    thread::sleep(Duration::from_millis(500));
    let url = format!("unix://{}", path.display());
    let options = ["--count=1", "--http-timeout=300ms", "--http-retries=0", "-o", "out"];
    let said = run_with(&home, &[], &[&["capture", &url], &options[..]].concat());
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("no connection within 300ms"), "{}", said.stderr);
    drop(listener);
}

/// Ctrl-C before anything came leaves nothing, and no other files are taken for what was recorded.
#[test]
fn a_stop_before_the_first_snapshot_leaves_nothing() {
    let home = folder("capture-stopped");
    fs::write(home.join("other.pb.gz"), corpus::read("harbor/one/heap-00.pb.gz")).unwrap();
    for command in [&["capture", "-o", "out"][..], &["incident", "-o", "out.md"]] {
        let service = Service::new(|_, _| Reply::Late(Duration::from_secs(60), Vec::new()));
        let mut child = program(&home, &[command, &[&service.url("")]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while service.requests().is_empty() {
            thread::sleep(Duration::from_millis(20));
        }
        interrupt(&mut child);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("stopped before the first snapshot was whole"), "{said}");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1, "{command:?} left something: {said}");
    }
}

fn interrupt(child: &mut Child) {
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}
