//! Inputs that come and go while a server runs.

use crate::client::{PATIENCE, Server, heapdiff};
use crate::support::program::folder;
use crate::{chat, given};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SOON: [&str; 2] = ["--limits", "10s,60s,30s,50ms"];

/// Takes a snapshot of the heap alone, ten times a second.
const RECORDED: [&str; 6] = ["--every", "100ms", "--no-goroutines", "--no-memstats", "-o", "kept"];

/// Waits until the inputs are as they should be.
fn until(server: &Server, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let listed = server.get("/api/v1/inputs").json();
        if is_so(&listed) {
            return listed;
        }
        assert!(begin.elapsed() < PATIENCE, "{what} never came: {listed:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn states(listed: &Value) -> Vec<&str> {
    let inputs = listed["inputs"].as_array().unwrap();
    inputs.iter().map(|input| input["state"].as_str().unwrap()).collect()
}

fn put(folder: &Path, name: &str) {
    fs::copy(given(&format!("harbor/one/{name}")), folder.join(name)).unwrap();
}

#[test]
fn an_empty_page_takes_profiles_and_gives_them_back() {
    let here = folder("serve-upload");
    let server = Server::start(&here, &[]);
    let empty = server.get("/api/v1/page");
    assert_eq!((empty.status, empty.code().as_str()), (404, "no-inputs"));
    let [before, after] =
        ["chat/before.pb.gz", "chat/after.pb.gz"].map(|name| fs::read(given(name)).unwrap());
    let first = server.add("before.pb.gz", &before);
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.json()["input"]["samples"], 32);
    assert_eq!(server.get("/api/v1/page").json()["command"], "top");
    let second = server.add("after.pb.gz", &after).json();
    assert_eq!(second["input"]["name"], "after.pb.gz");
    // What it answers is what files of these names have.
    for (name, bytes) in [("before.pb.gz", &before), ("after.pb.gz", &after)] {
        fs::write(here.join(name), bytes).unwrap();
    }
    let printed =
        heapdiff(&here, &["diff", "before.pb.gz", "after.pb.gz", "--format", "json"]).output();
    assert_eq!(server.get("/api/v1/report?about=diff").body, printed.unwrap().stdout);
    // No command reads what is in memory alone.
    for about in ["top", "diff", "leaks"] {
        let said = server.get(&format!("/api/v1/command?about={about}")).json();
        assert_eq!(said["command"], Value::Null, "{about}");
        assert!(said["why"].as_str().unwrap().contains("added in the browser"), "{said}");
    }
    // What is no profile, or damaged, or fits no other, changes nothing.
    let revision = server.revision();
    let cpu = fs::read_dir(given("cpu")).unwrap().next().unwrap().unwrap().path();
    for (name, bytes) in [
        ("notes.txt", b"no profile".to_vec()),
        ("cut.pb.gz", after[..after.len() / 2].to_vec()),
        ("", after.clone()),
        ("a%0Ab", after.clone()),
        ("localhost:9199", after.clone()),
        ("http:%2F%2Flocalhost%2Fheap", after.clone()),
        ("*.pb.gz", after.clone()),
        ("heap-%3F.pb.gz", after.clone()),
        ("heap-[01].pb.gz", after.clone()),
        ("{before,after}.pb.gz", after.clone()),
        ("..%2Fafter.pb.gz", after.clone()),
        ("..%5Cafter.pb.gz", after.clone()),
        ("--focus=x", after.clone()),
        ("-", after.clone()),
        ("..", after.clone()),
        (".", after.clone()),
    ] {
        let answer = server.add(name, &bytes);
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        assert_eq!(answer.json()["error"]["parameter"], "name");
    }
    assert_eq!(server.revision(), revision);
    let other = server.add("cpu.pb.gz", &fs::read(cpu).unwrap());
    assert_eq!((other.status, other.code().as_str()), (400, "bad-input"), "{}", other.text());
    assert_eq!(server.get("/api/v1/inputs").json()["inputs"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/api/v1/report?about=diff").status, 200);
    // One of the same name is another input.
    let third = server.add("after.pb.gz", &after).json();
    assert_ne!(third["input"]["name"], "after.pb.gz");
    let id = third["input"]["id"].as_str().unwrap().to_owned();
    let gone = server.ask(&format!("DELETE /api/v1/inputs/{id}"), &[("X-Heapdiff", "1")], b"");
    assert_eq!((gone.status, gone.json()["inputs"].as_array().unwrap().len()), (200, 2));
    let again = server.ask(&format!("DELETE /api/v1/inputs/{id}"), &[("X-Heapdiff", "1")], b"");
    assert_eq!(again.status, 404);
}

#[test]
fn a_name_of_an_upload_never_leads_to_a_file() {
    let here = folder("serve-upload-run");
    let server = Server::start(&here, &[]);
    let heap = fs::read(given("harbor/one/heap-00.pb.gz")).unwrap();
    assert_eq!(server.add("heap.pb.gz", &heap).status, 201);
    let ask = |about: &str| server.get(&format!("/api/v1/report?about={about}"));
    let abouts = ["goroutines", "gc", "memory"];
    let before = abouts.map(|about| ask(about).text());
    assert!(before.iter().all(|text| !text.contains("added in the browser")), "{before:?}");
    // A file or a folder of the same name that comes later is something else.
    let path = here.join("heap.pb.gz");
    for is_folder in [false, true] {
        if is_folder {
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
            put(&path, "heap-01.pb.gz");
        } else {
            fs::write(&path, &heap).unwrap();
        }
        for about in abouts {
            // Another question than the one before, whose answer may be kept.
            let answer = ask(&format!("{about}&own={is_folder}"));
            assert_eq!(answer.status, 400, "{about}: {}", answer.text());
            assert!(answer.text().contains("heap.pb.gz was added"), "{}", answer.text());
        }
    }
}

#[test]
fn an_upload_that_fits_nothing_goes_even_if_its_client_has_left() {
    let server = chat("serve-upload-left");
    let cpu = fs::read_dir(given("cpu")).unwrap().next().unwrap().unwrap().path();
    let cpu = fs::read(cpu).unwrap();
    let length = cpu.len().to_string();
    let headers = [
        ("Content-Type", "application/octet-stream"),
        ("X-Heapdiff", "1"),
        ("Content-Length", &length),
    ];
    let mut client = server.connect();
    let head = server.head("POST /api/v1/inputs?name=cpu.pb.gz", &headers);
    client.write_all(&[head.as_bytes(), &cpu].concat()).unwrap();
    drop(client);
    // It comes, and it goes.
    let listed = until(&server, "the end of it", |listed| listed["revision"].as_u64() >= Some(3));
    assert_eq!(states(&listed), ["ready", "ready"]);
}

#[test]
fn a_folder_is_looked_at_again_and_clients_are_told() {
    let here = folder("serve-folder");
    let snapshots = here.join("snapshots");
    fs::create_dir(&snapshots).unwrap();
    let server = Server::start(&here, &[&SOON[..], &["snapshots"]].concat());
    assert_eq!(server.get("/api/v1/inputs").json()["default"], Value::Null);
    let mut stream = server.connect();
    stream.write_all(server.head("GET /api/v1/events", &[]).as_bytes()).unwrap();
    let mut events = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(events.by_ref().any(|line| line == "content-type: text/event-stream"));
    assert!(events.by_ref().any(|line| line.is_empty()), "the end of the head");
    for name in ["heap-00.pb.gz", "heap-01.pb.gz"] {
        put(&snapshots, name);
    }
    let listed = until(&server, "the second snapshot", |listed| {
        listed["inputs"].as_array().unwrap().len() == 2
    });
    assert_eq!(states(&listed), ["ready", "ready"]);
    assert!(events.by_ref().any(|line| line == "event: inputs"));
    let data =
        events.by_ref().find_map(|line| Some(line.strip_prefix("data: ")?.to_owned())).unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    assert!(data["revision"].as_u64() > Some(1) && data["new"].as_u64() >= Some(1), "{data}");
    let old = server.get("/api/v1/report?about=diff").body;
    put(&snapshots, "heap-02.pb.gz");
    until(&server, "the third snapshot", |listed| listed["inputs"].as_array().unwrap().len() == 3);
    let page = server.get("/api/v1/page").json();
    assert_eq!(
        (&page["command"], &page["server"]["default"]["b"]),
        (&"leaks".into(), &"i3".into())
    );
    assert_ne!(server.get("/api/v1/report?about=diff").body, old);
    // The ids of the others are as they were, and a plain number is a place.
    assert_eq!(server.get("/api/v1/report?about=diff&a=i1&b=i2").body, old);
    assert_eq!(server.get("/api/v1/report?about=diff&a=1&b=2").body, old);
    // One that is being written is no failure until it stays as it is; then it is named, and the page goes on.
    let whole = fs::read(given("harbor/one/heap-03.pb.gz")).unwrap();
    fs::write(snapshots.join("heap-03.pb.gz"), &whole[..whole.len() / 2]).unwrap();
    let listed = until(&server, "the failure", |listed| states(listed).contains(&"failed"));
    let failed =
        listed["inputs"].as_array().unwrap().iter().find(|input| input["state"] == "failed");
    let failed = failed.unwrap();
    assert!(failed["error"].as_str().unwrap().contains("heap-03.pb.gz"), "{failed}");
    assert_eq!(server.get("/api/v1/report?about=leaks").status, 200);
    // The command that prints this leaves the damaged one out, and so does what it prints.
    let line = server.get("/api/v1/command?about=leaks").json()["command"].clone();
    let line = line.as_str().unwrap();
    assert!(line.contains("heap-02.pb.gz") && !line.contains("heap-03.pb.gz"), "{line}");
    let words: Vec<&str> = line.split(' ').skip(1).chain(["--format=json"]).collect();
    let printed = heapdiff(&here, &words).output().unwrap();
    assert!(printed.status.success(), "{line}");
    assert!(server.get("/api/v1/report?about=leaks").body == printed.stdout);
    fs::write(snapshots.join("heap-03.pb.gz"), &whole).unwrap();
    until(&server, "the whole file", |listed| states(listed) == ["ready"; 4]);
}

#[test]
fn what_vanishes_stays_and_is_said() {
    let here = folder("serve-vanished");
    for name in ["heap-00.pb.gz", "heap-01.pb.gz", "heap-02.pb.gz"] {
        put(&here, name);
    }
    let names = ["heap-00.pb.gz", "heap-01.pb.gz", "heap-02.pb.gz"];
    let server = Server::start(&here, &[&SOON[..], &names].concat());
    let questions = ["report?about=leaks", "report?about=diff", "report?about=diff&a=1&b=2"];
    let answers = || questions.map(|query| server.get(&format!("/api/v1/{query}")).body);
    let before = answers();
    fs::remove_file(here.join("heap-01.pb.gz")).unwrap();
    let listed = until(&server, "the loss", |listed| states(listed).contains(&"vanished"));
    assert_eq!(states(&listed), ["ready", "vanished", "ready"]);
    assert!(listed["inputs"][1]["error"].as_str().unwrap().contains("gone"), "{listed}");
    assert_eq!(answers(), before);
    put(&here, "heap-01.pb.gz");
    let listed = until(&server, "the return", |listed| states(listed) == ["ready"; 3]);
    assert_eq!(listed["inputs"][1]["id"], "i2");
    // Another file of the same name is another snapshot.
    fs::copy(given("harbor/one/heap-05.pb.gz"), here.join("heap-01.pb.gz")).unwrap();
    let is_new = |listed: &Value| listed["revision"].as_u64() > Some(3);
    until(&server, "the change", is_new);
    assert_ne!(answers(), before);
}

#[test]
fn ids_and_places_are_not_mixed_up() {
    let here = folder("serve-places");
    for name in ["heap-00.pb.gz", "heap-02.pb.gz"] {
        put(&here, name);
    }
    let server = Server::start(&here, &[&SOON[..], &["heap-00.pb.gz", "heap-02.pb.gz"]].concat());
    let between = fs::read(given("harbor/one/heap-01.pb.gz")).unwrap();
    let added = server.add("heap-01.pb.gz", &between).json();
    // It came last, and its place is in the middle.
    assert_eq!(added["input"]["id"], "i3");
    let top = |b: &str| server.get(&format!("/api/v1/report?about=top&b={b}")).body;
    assert_eq!(top("2"), top("i3"));
    assert_eq!(top("3"), top("i2"));
    assert_ne!(top("2"), top("3"));
}

/// A service that answers each request with the next snapshot, until its count is as high as can be.
fn service() -> (String, Arc<AtomicUsize>) {
    service_that_takes(Duration::ZERO)
}

fn service_that_takes(time: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while head.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            if count.load(Ordering::SeqCst) >= DEAD {
                continue;
            }
            thread::sleep(time);
            let number = count.fetch_add(1, Ordering::SeqCst) % 12;
            let bytes = fs::read(given(&format!("harbor/one/heap-{number:02}.pb.gz"))).unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes));
        }
    });
    (address, asked)
}

/// A count at which a service answers no more.
const DEAD: usize = usize::MAX / 2;

#[test]
fn a_service_that_dies_is_said_at_once_and_so_is_its_return() {
    let here = folder("serve-dead");
    let (address, asked) = service();
    let mut server = Server::start(&here, &[&SOON[..], &RECORDED, &[&address]].concat());
    until(&server, "a snapshot", |listed| listed["live"]["next"].is_string());
    let mut stream = server.connect();
    stream.write_all(server.head("GET /api/v1/events", &[]).as_bytes()).unwrap();
    let mut events = BufReader::new(stream).lines().map(Result::unwrap);
    asked.store(DEAD, Ordering::SeqCst);
    let listed = until(&server, "the failure", |listed| listed["live"]["failed"].is_string());
    assert!(listed["live"]["failed"].as_str().unwrap().contains("heap"), "{listed}");
    let mut data = events.by_ref().filter_map(|line| Some(line.strip_prefix("data: ")?.to_owned()));
    assert!(data.any(|line| line.contains("\"failed\":\"")), "clients are told");
    // When the next one is due is read anew.
    let next = listed["live"]["next"].clone();
    until(&server, "the next round", |listed| listed["live"]["next"] != next);
    asked.store(0, Ordering::SeqCst);
    until(&server, "the return", |listed| listed["live"]["failed"].is_null());
    assert!(data.any(|line| line.contains("\"failed\":null")), "clients are told");
    end(&mut server, "-TERM");
    let mut said = String::new();
    server.said.read_to_string(&mut said).unwrap();
    for part in ["no snapshot of http", "go on"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_pace_that_a_service_cannot_keep_is_said() {
    let here = folder("serve-slow-service");
    let (address, _) = service_that_takes(Duration::from_millis(40));
    let mut server = Server::start(&here, &[&SOON[..], &RECORDED, &[&address]].concat());
    let listed = until(&server, "a snapshot", |listed| listed["live"]["next"].is_string());
    // A snapshot costs the service a tenth of its time at most.
    assert!(listed["live"]["every_seconds"].as_f64() >= Some(0.4), "{listed}");
    until(&server, "two", |listed| listed["inputs"].as_array().unwrap().len() >= 2);
    end(&mut server, "-TERM");
    let mut said = String::new();
    server.said.read_to_string(&mut said).unwrap();
    assert!(said.contains("heapdiff: warning: a snapshot takes"), "{said}");
}

#[test]
fn only_the_address_is_said_if_it_is_to_be_quiet() {
    let here = folder("serve-quiet");
    let (address, _) = service();
    let options =
        ["-q", "--every", "1h", "-o", "kept", "--no-goroutines", "--no-memstats", &address];
    let mut server = Server::start(&here, &options);
    end(&mut server, "-TERM");
    let mut said = String::new();
    server.said.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
    assert!(here.join("kept/manifest.json").exists());
}

#[test]
fn a_service_is_recorded_meanwhile() {
    let here = folder("serve-live");
    let (address, asked) = service();
    let mut server = Server::start(&here, &[&SOON[..], &RECORDED, &[&address]].concat());
    let listed =
        until(&server, "three snapshots", |listed| listed["inputs"].as_array().unwrap().len() >= 3);
    assert!(listed["live"]["url"].as_str().unwrap().starts_with(&address), "{listed}");
    assert!(listed["live"]["next"].is_string() && listed["live"]["failed"].is_null(), "{listed}");
    assert!(asked.load(Ordering::SeqCst) >= 3);
    assert!(listed["live"]["every_seconds"].as_f64() >= Some(0.1), "{listed}");
    // It was asked for what the command line named, and for nothing else: no address comes from the page.
    let refused = server.get("/api/v1/page?url=http%3A%2F%2Fevil.example");
    assert_eq!(refused.header("x-heapdiff-ignored"), "url");
    end(&mut server, "-TERM");
    let mut rest = String::new();
    server.said.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("the snapshots are in kept: heapdiff serve kept"), "{rest}");
    assert!(here.join("kept/manifest.json").exists());
    // A service that isn't there is an error.
    let said = heapdiff(&here, &["serve", "--no_browser", "--http", ":0", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.code() == Some(2) && message.contains("127.0.0.1:1"), "{message}");
}

fn end(server: &mut Server, signal: &str) {
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = server.child.try_wait().unwrap() {
            break status;
        }
        assert!(begin.elapsed() < PATIENCE, "it goes on");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(0), "{signal}");
}

#[test]
fn signals_end_it_and_it_says_so() {
    for signal in ["-TERM", "-INT"] {
        let mut server = chat("serve-signals");
        // Also while a client listens, one is slow, and one is in the middle of an upload.
        let mut listening = server.connect();
        listening.write_all(server.head("GET /api/v1/events", &[]).as_bytes()).unwrap();
        let mut slow = server.connect();
        slow.write_all(b"GET / HTT").unwrap();
        let headers = [
            ("X-Heapdiff", "1"),
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", "100"),
        ];
        let mut uploading = server.connect();
        uploading
            .write_all(server.head("POST /api/v1/inputs?name=x", &headers).as_bytes())
            .unwrap();
        end(&mut server, signal);
        let mut rest = String::new();
        server.said.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("no longer serving"), "{rest}");
    }
}
