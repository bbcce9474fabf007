//! URLs as inputs: what services serve is read as files are, and each fault is named.

use super::corpus;
use super::program::{Said, folder};
use super::service::{Reply, Service};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Variables that change how services are asked.
const VARIABLES: [&str; 9] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "HEAPDIFF_TOKEN",
    "HEAPDIFF_BASIC_AUTH",
];

/// The program in a folder, without variables that change how services are asked.
pub(super) fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.args(args).current_dir(folder);
    command
}

/// Runs the program with these variables.
pub(super) fn run_with(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> Said {
    let output = program(folder, args).envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the program in a folder that no test removes.
fn run(args: &[&str]) -> Said {
    run_with(Path::new(env!("CARGO_TARGET_TMPDIR")), &[], args)
}

fn profile(name: &str) -> Vec<u8> {
    corpus::read(name)
}

/// A service that serves a profile at the usual path.
fn serving(bytes: Vec<u8>) -> Service {
    Service::new(move |_, request| {
        if request.starts_with("GET /debug/pprof/heap") {
            Reply::Body(bytes.clone())
        } else {
            Reply::Status(404, "Unknown profile")
        }
    })
}

/// The message about a service that always answers in this way.
fn message(reply: Reply, options: &[&str]) -> String {
    let service = Service::new(move |_, _| reply.clone());
    let url = service.url("");
    let said = run(&[&["--http-retries=0", &url], options].concat());
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stdout.is_empty());
    let subject = format!("heapdiff: {}: ", service.url("/debug/pprof/heap?gc=1"));
    said.stderr.strip_prefix(&subject).unwrap_or_else(|| panic!("{}", said.stderr)).to_owned()
}

#[test]
fn services_are_compared_like_files() {
    let (before, after) = (profile("rate1/before.pb.gz"), profile("rate1/after.pb.gz"));
    let home = folder("urls-files");
    fs::write(home.join("before"), &before).unwrap();
    fs::write(home.join("after"), &after).unwrap();
    let (old, new) = (serving(before), serving(after));
    let rows = |args: &[&str]| {
        let said = run_with(&home, &[], &[args, &["--format=csv"]].concat());
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
        said.stdout
    };
    let of_files = rows(&["before", "after"]);
    assert_eq!(rows(&[&old.url(""), &new.url("/debug/pprof/")]), of_files);
    let bare = new.url("").replace("http://", "");
    assert_eq!(rows(&["before", &bare]), of_files, "a host and a port are a service");
    assert!(new.requests().iter().all(|r| r.starts_with("GET /debug/pprof/heap?gc=1 ")));
    fs::write(home.join(&bare), "x").unwrap();
    let said = run_with(&home, &[], &["before", &bare]);
    assert!(
        said.stderr.contains("expected a pprof profile") || said.code == Some(2),
        "a file comes first"
    );
}

#[test]
fn each_question_asks_for_its_profile() {
    let service = Service::new(|_, _| Reply::Body(profile("goroutine/after.pb.gz")));
    let said = run(&["goroutines", &service.url("")]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let heap = run(&["top", &service.url("/x/debug/pprof/allocs?seconds=1")]);
    assert_eq!(heap.code, Some(0), "{}", heap.stderr);
    let requests = service.requests();
    let lines: Vec<_> = requests.iter().map(|r| r.lines().next().unwrap()).collect();
    let asked =
        ["GET /debug/pprof/goroutine HTTP/1.1", "GET /x/debug/pprof/allocs?seconds=1 HTTP/1.1"];
    assert_eq!(lines, asked);
}

#[test]
fn each_fault_is_named() {
    let heap = profile("rate1/before.pb.gz");
    let cases: Vec<(Reply, &[&str])> = vec![
        (Reply::Status(404, "Unknown profile\n"), &["404", "(Unknown profile)", "check the path"]),
        (Reply::Status(401, "no"), &["401", "wants a login", "HEAPDIFF_TOKEN"]),
        (Reply::Status(403, "no"), &["403", "doesn't allow this"]),
        (Reply::Status(502, "bad gateway"), &["502", "doesn't answer", "directly"]),
        (
            Reply::Status(400, "profile duration exceeds server's WriteTimeout"),
            &["400", "exceeds server's WriteTimeout"],
        ),
        (
            Reply::Status(400, "Client sent an HTTP request to an HTTPS server.\n"),
            &["use https://"],
        ),
        (
            Reply::Redirect("https://login.example.com/?next=secret".to_owned()),
            &["redirects to https://login.example.com/, which is another service", "-H @FILE"],
        ),
        (Reply::Redirect("/debug/pprof/heap".to_owned()), &["redirects again and again"]),
        (
            Reply::Typed("text/html; charset=utf-8", b"<html><title>Sign in</title>".to_vec()),
            &["an HTML page (Sign in) instead of a profile"],
        ),
        (Reply::Body(b"<!DOCTYPE html><html>".to_vec()), &["an HTML page instead"]),
        (Reply::Cut(heap.clone(), 100), &["broke after 100 of"]),
        (Reply::CutChunk(heap.clone(), 100), &["broke after 100 bytes"]),
        (Reply::Close, &["broke after 0 bytes"]),
        (Reply::Body(Vec::new()), &["0 bytes"]),
        (Reply::Body(heap[..heap.len() / 2].to_vec()), &["cut off"]),
        (Reply::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), &["doesn't answer in HTTP"]),
        (Reply::Body(b"{}".to_vec()), &["JSON"]),
    ];
    for (reply, words) in cases {
        let message = message(reply.clone(), &[]);
        for word in words {
            assert!(message.contains(word), "{reply:?}: `{word}` does not stand in: {message}");
        }
        assert!(!message.contains("next=secret") && message.lines().count() == 1, "{message}");
    }
    let stalled = message(Reply::Stall(heap.clone(), 10), &["--http-timeout=300ms"]);
    assert!(stalled.contains("no more bytes within 300ms"), "{stalled}");
    let late = Reply::Late(Duration::from_secs(3), heap.clone());
    let late = message(late, &["--http-timeout=300ms"]);
    assert!(late.contains("no answer within 300ms"), "{late}");
    let large = message(Reply::Body(heap), &["--http-limit=100"]);
    assert!(large.contains("more than 100 bytes"), "{large}");
}

#[test]
fn what_may_pass_is_tried_again() {
    let heap = profile("rate1/before.pb.gz");
    let service = Service::new(move |number, _| match number {
        0 => Reply::Status(503, "starting"),
        1 => Reply::Cut(heap.clone(), 50),
        _ => Reply::Body(heap.clone()),
    });
    let said = run(&["top", &service.url("")]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert_eq!(service.requests().len(), 3);
    let refuses = Service::new(|_, _| Reply::Status(403, "no"));
    assert_eq!(run(&["top", &refuses.url("")]).code, Some(2));
    assert_eq!(refuses.requests().len(), 1, "a refusal is final");
}

/// Variables and options that log in.
type Way<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn secrets_are_sent_and_never_shown() {
    let heap = profile("rate1/before.pb.gz");
    let service = Service::new(move |_, request| {
        let request = request.to_ascii_lowercase();
        let is_known = request.contains("authorization: bearer s3cret\r\n")
            || request.contains("authorization: basic bwu6cznjcmv0\r\n")
            || request.contains("x-key: s3cret\r\n");
        if is_known { Reply::Body(heap.clone()) } else { Reply::Status(401, "who are you?") }
    });
    let home = folder("urls-secrets");
    fs::write(home.join("headers"), "X-Key: s3cret\n").unwrap();
    fs::write(home.join("token"), "s3cret\n").unwrap();
    fs::write(home.join("basic"), "me:s3cret\n").unwrap();
    let url = service.url("/debug/pprof/heap?access_token=s3cret");
    let ways: [Way<'_>; 5] = [
        (&[("HEAPDIFF_TOKEN", "s3cret")], &[]),
        (&[("HEAPDIFF_BASIC_AUTH", "me:s3cret")], &[]),
        (&[], &["-H", "@headers"]),
        (&[], &["--token-file=token"]),
        (&[], &["--basic-auth-file", "basic"]),
    ];
    for (variables, options) in ways {
        for format in ["table", "json"] {
            let format = format!("--format={format}");
            let said = run_with(&home, variables, &[&["top", &url, &format], options].concat());
            assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{options:?}");
            assert!(!said.stdout.contains("s3cret"), "{}", said.stdout);
        }
    }
    let said = run_with(&home, &[("HEAPDIFF_TOKEN", "wr0ng")], &["top", &url]);
    assert_eq!(said.code, Some(2));
    assert!(!said.stderr.contains("wr0ng") && !said.stderr.contains("s3cret"), "{}", said.stderr);
    let said = run(&["top", "http://me:s3cret@127.0.0.1:1/"]);
    assert!(said.stderr.contains("a user name or password in it"), "{}", said.stderr);
    assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
}

#[test]
fn wrong_options_are_named() {
    for (options, words) in [
        (&["-H", "nothing"][..], "expected a header"),
        (&["-H", "@no-such"], "no-such: can't read it"),
        (&["--tls_ca=no-such"], "no-such: can't read it"),
        (&["--tls_cert=x"], "--tls-key"),
        (&["--http-timeout=soon"], "expected a time such as 30s"),
    ] {
        let said = run(&[&["top", "http://127.0.0.1:1/"], options].concat());
        assert_eq!(said.code, Some(2));
        assert!(said.stderr.contains(words), "{options:?}: {}", said.stderr);
    }
    let refused = run(&["--http-retries=0", "http://127.0.0.1:1/"]);
    assert!(refused.stderr.contains("connection refused"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn sockets_are_services() {
    use std::io::{Read, Write};
    let home = folder("urls-socket");
    // The path of a socket is short.
    let socket = std::env::temp_dir().join(format!("heapdiff-{}.sock", std::process::id()));
    let _ = fs::remove_file(&socket);
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let heap = profile("rate1/before.pb.gz");
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut start = [0; 32];
        stream.read_exact(&mut start).unwrap();
        assert!(start.starts_with(b"GET /debug/pprof/heap?gc=1 HTTP"));
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", heap.len()).unwrap();
        stream.write_all(&heap).unwrap();
    });
    let said = run_with(&home, &[], &["top", &format!("unix://{}", socket.display())]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    thread.join().unwrap();
    fs::remove_file(&socket).unwrap();
    let said = run_with(&home, &[], &["top", &format!("unix://{}", socket.display())]);
    assert!(said.stderr.contains("no such socket"), "{}", said.stderr);
}

#[test]
fn reports_about_a_process_have_no_secrets_of_urls() {
    let lines = "gc 1 @0.1s 0%: 0.1+0.2+0.1 ms clock, 0.1+0.1/0.1/0.1+0.1 ms cpu, 4->4->1 MB, 5 MB goal, 2 P\n";
    let statistics = r#"{"Alloc":4000000,"HeapAlloc":4000000,"HeapIdle":2000000,"HeapInuse":5000000,
        "HeapReleased":1000000,"HeapSys":7000000,"NumGC":9,"StackInuse":300000,"Sys":12000000}"#;
    for (command, body) in
        [("gc", lines), ("memory", statistics), ("memory", "no format"), ("gc", "no log")]
    {
        let service = Service::new(move |_, _| Reply::Body(body.as_bytes().to_vec()));
        let url = service.url("/file?token=s3cret");
        let shown = service.url("/file?token=...");
        for format in ["table", "json", "markdown"] {
            let said = run(&[command, &url, &format!("--format={format}")]);
            let all = said.stdout + &said.stderr;
            assert!(!all.contains("s3cret"), "{command} {format}: {all}");
            let is_named = format != "json" || said.code == Some(2) || all.contains(&shown);
            assert!(is_named, "{command} {format}: {all}");
        }
    }
    // A list of resident sets may be a URL too.
    let rss = Service::new(|_, _| {
        Reply::Body(b"time,rss\n1764298000,1000000\n1764298060,2000000\n".to_vec())
    });
    let said = run(&["memory", "--rss", &rss.url("/rss.csv?token=s3cret")]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(!(said.stdout + &said.stderr).contains("s3cret"));
}
