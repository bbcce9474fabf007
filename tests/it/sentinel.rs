//! `heapdiff watch` on behalf of others: its metrics, its command, its webhook, and what stays on the
//! disk.

use super::corpus;
use super::program::{Said, folder};
use super::service::{Reply, Service};
use super::urls::{program, run_with};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LEAK: &str = "main.(*harbor).hail";
const SECRET: &str = "s3cret";

/// A service in which goroutines leak, and the number of snapshots that it has served.
fn leaking() -> (Service, Arc<AtomicUsize>) {
    let read = |kind: &str| -> Vec<Vec<u8>> {
        (0..12).map(|i| corpus::read(&format!("harbor/one/{kind}-{i:02}.pb.gz"))).collect()
    };
    let (heaps, goroutines) = (read("heap"), read("goroutine"));
    let taken = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&taken);
    let service = Service::new(move |_, request| {
        let path = request.split_whitespace().nth(1).unwrap();
        let newest = counted.load(Ordering::SeqCst);
        match path.split('?').next().unwrap() {
            "/debug/pprof/heap" if path.ends_with("debug=1") => Reply::Status(404, "no text"),
            "/debug/pprof/heap" => {
                counted.fetch_add(1, Ordering::SeqCst);
                Reply::Body(heaps[newest.min(11)].clone())
            }
            "/debug/pprof/goroutine" => Reply::Body(goroutines[newest.clamp(1, 12) - 1].clone()),
            _ => Reply::Status(404, "not here"),
        }
    });
    (service, taken)
}

/// Watches twelve snapshots.
fn watch(home: &Path, variables: &[(&str, &str)], options: &[&str]) -> Said {
    let (service, _) = leaking();
    let url = service.url("");
    let usual = ["watch", &url, "--every=20ms", "--count=12", "--no-ui"];
    let said = run_with(home, variables, &[&usual, options].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said
}

/// The reports that a webhook was sent, by the functions that they are about.
fn sites(service: &Service) -> Vec<String> {
    let requests = service.requests();
    let bodies = requests.iter().map(|request| request.split_once("\r\n\r\n").unwrap().1);
    let site = |body: &str| {
        let report: Value = serde_json::from_str(body).unwrap();
        assert_eq!(report["schema"], "heapdiff.report/v1");
        assert_eq!(report["suspects"].as_array().unwrap().len(), 1);
        assert_eq!(report["suspects"][0]["class"], "leak");
        report["suspects"][0]["site"]["function"].as_str().unwrap().to_owned()
    };
    bodies.map(site).collect()
}

#[test]
fn a_webhook_is_told_once_of_each_leak_even_if_it_fails_at_first() {
    let home = folder("sentinel-webhook");
    let webhook = Service::new(|number, _| match number {
        0 => Reply::Close,
        1 => Reply::Head(503, "Retry-After: 0".to_owned()),
        2 => Reply::Head(307, "Location: /moved".to_owned()),
        _ => Reply::Head(204, "X: y".to_owned()),
    });
    let (service, taken) = leaking();
    let (url, to) = (service.url(""), webhook.url("/hook"));
    let args = ["watch", &url, "--every=20ms", "--count=12", "--no-ui", "-o", "out"];
    let args = [&args[..], &["--webhook", &to]].concat();
    let said = run_with(&home, &[], &args);
    assert_eq!((said.code, said.stderr.contains("--webhook")), (Some(0), false), "{}", said.stderr);
    assert_eq!(sites(&webhook), [LEAK; 4], "three tries and a delivery");
    let requests = webhook.requests();
    assert!(requests[0].starts_with("POST /hook HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[3].starts_with("POST /moved HTTP/1.1\r\n"), "{}", requests[3]);
    let named = format!("heapdiff-service: {url}\r\n");
    assert!(requests[3].to_ascii_lowercase().contains(&named), "{}", requests[3]);
    // The service starts again, and so does the watch.
    taken.store(0, Ordering::SeqCst);
    assert_eq!(run_with(&home, &[], &args).code, Some(0));
    assert_eq!(webhook.requests().len(), 4, "the folder remembers");
    let other = [&args[..6], &["out-2"], &args[7..]].concat();
    taken.store(0, Ordering::SeqCst);
    assert_eq!(run_with(&home, &[], &other).code, Some(0));
    assert_eq!(webhook.requests().len(), 5, "another folder doesn't");
}

#[test]
fn surer_or_less_sure_leaks_are_told_as_asked() {
    let home = folder("sentinel-confidence");
    let webhook = Service::new(|_, _| Reply::Body(b"ok".to_vec()));
    let to = webhook.url("");
    watch(&home, &[], &["--webhook", &to, "--confidence=medium", "-o", "out"]);
    let sites = sites(&webhook);
    for leak in [LEAK, "main.(*logbook).enter"] {
        assert_eq!(sites.iter().filter(|site| *site == leak).count(), 1, "{sites:?}");
    }
}

#[test]
fn a_slow_webhook_delays_no_snapshot() {
    let home = folder("sentinel-slow");
    let (service, taken) = leaking();
    let seen = Arc::clone(&taken);
    let webhook = Service::new(move |_, _| {
        let begun = Instant::now();
        // It answers when all snapshots are taken.
        while seen.load(Ordering::SeqCst) < 30 {
            assert!(begun.elapsed() < Duration::from_secs(100), "no snapshot is taken");
            thread::sleep(Duration::from_millis(5));
        }
        Reply::Body(b"ok".to_vec())
    });
    let (url, to) = (service.url(""), webhook.url(""));
    let args = ["watch", &url, "--every=20ms", "--count=30", "--no-ui", "-o", "out"];
    let said = run_with(&home, &[], &[&args[..], &["--webhook", &to]].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(sites(&webhook), [LEAK]);
}

#[test]
fn what_fails_for_good_is_said_and_ends_nothing() {
    let home = folder("sentinel-refused");
    let elsewhere = Service::new(|_, _| Reply::Body(b"ok".to_vec()));
    let to = elsewhere.url("/s3cret");
    for (name, reply, words) in [
        ("gone", Reply::Status(404, SECRET), ": it answers 404 Not Found\n"),
        ("moved", Reply::Redirect(to.clone()), "it redirects to another address; give that one"),
        ("login", Reply::Head(307, format!("Location: {to}")), "it redirects to another address"),
    ] {
        let webhook = Service::new(move |_, _| reply.clone());
        let to = webhook.url("/hooks/s3cret?key=s3cret");
        let said = watch(&home, &[], &["--webhook", &to, "-o", name]);
        assert!(said.stderr.contains(words), "{name}: {}", said.stderr);
        let shown = format!("--webhook {}: {LEAK}: ", webhook.url(""));
        assert!(said.stderr.contains(&shown), "{name}: {}", said.stderr);
        assert!(!said.stderr.contains(SECRET) && !said.stdout.contains(SECRET), "{}", said.stderr);
        let tries = webhook.requests().len();
        assert!((1..4).contains(&tries), "{name}: what can't pass isn't tried at once: {tries}");
    }
    assert!(elsewhere.requests().is_empty(), "nothing goes to another service");
    let hang = ["--on-leak=echo went to sleep >&2; sleep 600", "--on-leak-timeout=300ms"];
    let said = watch(&home, &[], &[&hang[..], &["-o", "hang"]].concat());
    let words = "--on-leak: main.(*harbor).hail: it was ended after 300.0 ms";
    assert!(said.stderr.contains(words), "{}", said.stderr);
    assert!(said.stderr.contains("(went to sleep)"), "{}", said.stderr);
    let quiet = watch(&home, &[], &["--on-leak=exit 3", "-q", "-o", "quiet"]);
    assert!(!quiet.stderr.contains("--on-leak"), "{}", quiet.stderr);
}

#[test]
fn a_command_has_the_report_and_what_it_is_about() {
    let home = folder("sentinel-command");
    let command = "cat > report.json; env | grep ^HEAPDIFF_ | sort > facts; echo x >> runs";
    watch(&home, &[], &["--on-leak", command, "-o", "out"]);
    let report: Value =
        serde_json::from_slice(&fs::read(home.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["suspects"][0]["site"]["function"], LEAK);
    let facts = fs::read_to_string(home.join("facts")).unwrap();
    for fact in [
        "HEAPDIFF_CLASS=leak\n",
        "HEAPDIFF_CONFIDENCE=high\n",
        "HEAPDIFF_FILE=harbor/harbor.go\n",
        "HEAPDIFF_FOLDER=out\n",
        "HEAPDIFF_LINE=112\n",
        "HEAPDIFF_PATTERN=goroutine\n",
        "HEAPDIFF_SERVICE=http://127.0.0.1:",
        "HEAPDIFF_SITE=main.(*harbor).hail\n",
    ] {
        assert!(facts.contains(fact), "{fact}: {facts}");
    }
    assert_eq!(fs::read_to_string(home.join("runs")).unwrap(), "x\n");
}

#[test]
fn secrets_are_in_no_file_message_title_or_environment() {
    let home = folder("sentinel-secrets");
    let webhook = Service::new(|number, request| match number {
        // It repeats what it was sent.
        0 => Reply::Typed("text/plain", request.as_bytes().to_vec()),
        _ => Reply::Status(404, SECRET),
    });
    fs::write(home.join("url"), webhook.url("/hooks/s3cret?x=s3cret") + "\n").unwrap();
    fs::write(home.join("headers"), "X-Key: s3cret-hook\n").unwrap();
    let command = "env > env.txt; tr '\\0' ' ' < /proc/$PPID/cmdline > title.txt; cat > report";
    let options =
        ["--webhook=@url", "--webhook-header=@headers", "--on-leak", command, "-o", "out"];
    let variables = [("HEAPDIFF_TOKEN", "s3cret-token")];
    let said = watch(&home, &variables, &options);
    assert!(!said.stdout.contains(SECRET) && !said.stderr.contains(SECRET), "{}", said.stderr);
    fs::remove_file(home.join("url")).unwrap();
    fs::remove_file(home.join("headers")).unwrap();
    assert!(fs::read_to_string(home.join("title.txt")).unwrap().contains("--webhook=@url"));
    let mut read = 0;
    for place in [home.clone(), home.join("out")] {
        for file in fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(bytes) = fs::read(&file) else { continue };
            read += 1;
            let has = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!has, "{}", file.display());
        }
    }
    assert!(read > 20, "{read} files");
    let sent = webhook.requests();
    let head = sent[0].to_ascii_lowercase();
    assert!(head.contains("x-key: s3cret-hook\r\n"), "{head}");
    assert!(!head.contains("s3cret-token"), "the token is for the service: {head}");
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The value of a metric.
fn number(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("{name}: {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn metrics_are_those_of_the_newest_snapshot() {
    let home = folder("sentinel-metrics");
    let (service, taken) = leaking();
    let url = service.url("");
    let args =
        ["watch", &url, "--every=50ms", "--no-ui", "--metrics=:0", "--limit=1GiB", "-o", "out"];
    let mut watch = program(&home, &args);
    let mut watch = watch.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watch.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("metrics: http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let begun = Instant::now();
    let leak = r#"function="main.(*harbor).hail",file="harbor/harbor.go",line="112",class="leak",pattern="goroutine",confidence="high"} "#;
    let text = loop {
        let text = get(address, "/metrics");
        if text.contains(&format!("heapdiff_suspect_goroutines{{service=\"{url}\",{leak}130.0\n")) {
            break text;
        }
        assert!(begun.elapsed() < Duration::from_secs(100), "{text}");
        // The service stays with its last snapshot, which comes again and again.
        thread::sleep(Duration::from_millis(20));
    };
    // Numbers of this size are exact.
    let whole = |name: &str| -> i64 { number(&text, name) as i64 };
    let value = |name: &str| number(&text, name);
    let ours = format!("{{service=\"{url}\"");
    assert_eq!(whole(&format!("heapdiff_heap_inuse_bytes{ours}}}")), 4_285_004);
    assert_eq!(whole(&format!("heapdiff_goroutines{ours}}}")), 131);
    assert!(
        (value(&format!("heapdiff_suspect_slope_goroutines_per_second{ours},{leak}")) - 62.1).abs()
            < 1.0
    );
    let lower = value(&format!("heapdiff_suspect_slope_lower_goroutines_per_second{ours},{leak}"));
    let upper = value(&format!("heapdiff_suspect_slope_upper_goroutines_per_second{ours},{leak}"));
    assert!(lower < 62.2 && upper > 62.0, "{lower} {upper}");
    assert!(value(&format!("heapdiff_seconds_to_limit{ours}}}")) > 0.0);
    assert!(value("heapdiff_snapshots_total{") >= 12.0);
    assert!(taken.load(Ordering::SeqCst) >= 12);
    assert_eq!(whole(&format!("heapdiff_capture_errors_total{ours},kind=\"heap\"}}")), 0);
    // The service goes away: its errors are counted, and the watch goes on.
    drop(service);
    loop {
        let text = get(address, "/metrics");
        let zero = format!("heapdiff_capture_errors_total{ours},kind=\"heap\"}} 0\n");
        if !text.contains(&zero) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(200), "{text}");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    let stopped = Command::new("kill").arg("-TERM").arg(watch.id().to_string()).status();
    assert!(stopped.unwrap().success());
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}

#[test]
fn mistakes_of_a_sentinel_are_refused_before_anything_is_kept() {
    let home = folder("sentinel-mistakes");
    fs::create_dir(home.join("filled")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("--metrics={}", listener.local_addr().unwrap());
    for (args, words) in [
        (&["watch", "h:1", "--metrics=host:9188"][..], "expected :PORT for this machine alone"),
        (&["watch", "h:1", &taken], "; use another port"),
        (
            &["watch", "h:1", "--webhook=http://me:s3cret@h/"],
            "--webhook: the address has a user name",
        ),
        (&["watch", "h:1", "--webhook=@absent"], "--webhook: absent: can't read it"),
        (&["watch", "h:1", "--webhook=h:1", "--webhook-header=s3cret"], "expected a header"),
        (&["watch", "h:1", "--on-leak-timeout=5s"], "--on-leak <COMMAND>"),
        (&["watch", "h:1", "--confidence=certain"], "high, medium, low"),
        (&["watch", "filled", "--keep=1h"], "--keep is about the snapshots of a service"),
    ] {
        let args = [args, if args.contains(&"filled") { &[] } else { &["-o", "out"] }].concat();
        let said = run_with(&home, &[], &args);
        assert_eq!(said.code, Some(2), "{args:?}: {}", said.stdout);
        assert!(said.stderr.contains(words), "{args:?}: {}", said.stderr);
        assert!(!said.stderr.contains(SECRET), "{}", said.stderr);
        assert!(!home.join("out").exists(), "{args:?}");
    }
    drop(listener);
}
