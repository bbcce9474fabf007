//! The rules and the dashboard for Prometheus: each metric that they name is served, `promtool` accepts
//! all of it, and a real Prometheus fires on a leak and stays silent without one.

use super::capture_program::{build, start};
use super::gc_program::skip;
use super::program::folder;
use super::urls::program;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A program that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn docs(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(docs(path)).unwrap()
}

/// Whether a program is there; without it the test is skipped.
fn is_there(name: &str) -> bool {
    let ran = Command::new(name).arg("--version").output().is_ok();
    if !ran {
        skip(&format!("no {name} on this machine"));
    }
    ran
}

/// What a watch of this service serves, once it has taken so many snapshots.
fn watch(home: &Path, url: &str) -> (Running, String) {
    let args = ["watch", url, "--every=300ms", "--no-ui", "--metrics=:0", "--limit=1TiB"];
    let mut watch = program(home, &[&args[..], &["--on-leak=true", "-o", "out"]].concat());
    let mut watch = watch.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watch.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("metrics: http://").unwrap();
    (Running(watch), address.strip_suffix("/metrics").unwrap().to_owned())
}

/// The body of an answer; empty while there is none.
fn get(address: &str, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    let request = format!("GET {path} HTTP/1.0\r\nHost: h\r\n\r\n");
    let mut answer = String::new();
    match stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer)) {
        Ok(_) => answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Asks until the answer is as wanted.
fn until(what: &str, mut ask: impl FnMut() -> (bool, String)) -> String {
    let begun = Instant::now();
    loop {
        let (is_done, answer) = ask();
        if is_done {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(180), "{what}: {answer}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The names of our metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\bheapdiff_[a-z0-9_]+").unwrap();
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// All expressions of a dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if ["expr", "query", "definition"].contains(&&**name) => {
                        found.push(text.clone());
                    }
                    other => expressions(other, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

fn promtool(args: &[&str], input: &str) {
    let mut tool = Command::new("promtool");
    let tool = tool.args(args).current_dir(docs("prometheus")).stdin(Stdio::piped());
    let mut tool = tool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn rules_and_their_tests_hold() {
    if is_there("promtool") {
        promtool(&["check", "rules", "heapdiff.rules.yml"], "");
        promtool(&["test", "rules", "heapdiff.test.yml"], "");
    }
}

#[test]
fn every_metric_that_is_named_is_served() {
    let home = folder("sentinel-names");
    let Some(served) = build(&home) else { return skip("no Go on this machine") };
    let service = start(&served, &["audit", "subscribe"]);
    let (_watch, address) = watch(&home, &service.1);
    let text_served = until("suspects of both kinds", || {
        let text = get(&address, "/metrics");
        let is_whole = text.contains("heapdiff_suspect_slope_bytes_per_second{")
            && text.contains("heapdiff_suspect_slope_goroutines_per_second{")
            && text.contains("heapdiff_seconds_to_limit{");
        (is_whole, text)
    });
    let described =
        names(&text_served.lines().filter(|line| line.starts_with("# HELP")).collect::<String>());
    // Only --pid has it.
    let mut known = described.clone();
    known.insert("heapdiff_rss_bytes".to_owned());
    let dashboard: Value = serde_json::from_str(&text("grafana/heapdiff.json")).unwrap();
    let mut asked = Vec::new();
    expressions(&dashboard, &mut asked);
    assert!(asked.len() > 15, "{asked:?}");
    for (place, text) in [
        ("the dashboard", asked.join("\n")),
        ("the rules", text("prometheus/heapdiff.rules.yml")),
        ("their tests", text("prometheus/heapdiff.test.yml")),
    ] {
        let unknown: Vec<String> = names(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?} isn't served");
    }
    let documented = names(&text("watch.md"));
    let undocumented: Vec<&String> = described
        .iter()
        .filter(|name| !documented.contains(*name))
        // Bounds are named by their parts.
        .filter(|name| !name.contains("_lower_") && !name.contains("_upper_"))
        .collect();
    assert!(undocumented.is_empty(), "docs/watch.md: {undocumented:?}");
    if is_there("promtool") {
        promtool(&["check", "metrics"], &text_served);
    }
}

/// A Prometheus that scrapes a sentinel each second, with the rules without their patience.
fn prometheus(home: &Path, scraped: &str) -> (Running, String) {
    let patience = Regex::new(r"(?m)^( +)(for|keep_firing_for): .*$").unwrap();
    let rules = text("prometheus/heapdiff.rules.yml");
    fs::write(home.join("rules.yml"), &*patience.replace_all(&rules, "$1$2: 1s")).unwrap();
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
         scrape_configs:\n  - job_name: heapdiff\n    static_configs: [{{targets: [\"{scraped}\"]}}]\n"
    );
    fs::write(home.join("prometheus.yml"), config).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let mut command = Command::new("prometheus");
    command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
    command.arg(format!("--web.listen-address={address}")).current_dir(home);
    let log = fs::File::create(home.join("prometheus.log")).unwrap();
    let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    (Running(child), address)
}

/// The alerts that fire, by name and function.
fn firing(address: &str) -> BTreeSet<(String, String)> {
    let answer: Value = serde_json::from_str(&get(address, "/api/v1/alerts")).unwrap_or_default();
    let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
    let label =
        |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
    let fires = alerts.iter().filter(|alert| alert["state"] == "firing");
    fires.map(|alert| (label(alert, "alertname"), label(alert, "function"))).collect()
}

#[test]
fn a_real_prometheus_fires_on_a_leak_and_stays_silent_without_one() {
    if !is_there("prometheus") {
        return;
    }
    let home = folder("sentinel-prometheus");
    let Some(served) = build(&home) else { return skip("no Go on this machine") };
    for (mode, leaks) in [("subscribe", true), ("none", false)] {
        let home = home.join(mode);
        fs::create_dir(&home).unwrap();
        let service = start(&served, &[mode]);
        let (_watch, scraped) = watch(&home, &service.1);
        let (_prometheus, address) = prometheus(&home, &scraped);
        if leaks {
            until("an alert", || {
                let firing = firing(&address);
                let is_leak = |(name, function): &(String, String)| {
                    name == "HeapdiffGoroutineLeak" && function == "main.deliver"
                };
                (firing.iter().any(is_leak), format!("{firing:?}"))
            });
        } else {
            // As many snapshots as show any leak, seen by Prometheus.
            until("snapshots", || {
                let asked = "/api/v1/query?query=heapdiff_snapshots_total%3E20";
                let answer = get(&address, asked);
                (answer.contains("\"__name__\""), answer)
            });
            let firing = firing(&address);
            let sure = ["HeapdiffLeak", "HeapdiffGoroutineLeak"];
            assert!(firing.iter().all(|(name, _)| !sure.contains(&&**name)), "{firing:?}");
        }
    }
}

/// What Prometheus answers to a query: the number of series, or why there is none.
fn series(address: &str, query: &str) -> Result<usize, String> {
    let encoded = query.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    });
    let body = get(address, &format!("/api/v1/query?query={encoded}"));
    let answer: Value = serde_json::from_str(&body).unwrap_or_default();
    match answer["data"]["result"].as_array() {
        Some(series) if answer["status"] == "success" => Ok(series.len()),
        _ => Err(body),
    }
}

#[test]
fn every_query_of_the_dashboard_has_data() {
    if !is_there("prometheus") {
        return;
    }
    let home = folder("sentinel-dashboard");
    let Some(served) = build(&home) else { return skip("no Go on this machine") };
    let service = start(&served, &["audit", "subscribe"]);
    let (_watch, scraped) = watch(&home, &service.1);
    let (_prometheus, address) = prometheus(&home, &scraped);
    let dashboard: Value = serde_json::from_str(&text("grafana/heapdiff.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    // What Grafana puts in place of its variables, with all services selected.
    let query = |target: &Value| {
        let query = target["expr"].as_str().unwrap().replace("$service", ".*");
        query.replace("$__range", "6h")
    };
    let queries: Vec<String> = targets.map(query).collect();
    assert!(queries.len() > 15 && !queries.concat().contains('$'), "{queries:?}");
    for query in queries {
        // Only --pid has it.
        let least = usize::from(!query.contains("heapdiff_rss_bytes"));
        until(&query, || match series(&address, &query) {
            Ok(count) => (count >= least, format!("{count} series")),
            Err(body) => (false, body),
        });
    }
}

/// Grafana fills in what a panel doesn't say, each version in its own way.
#[test]
fn panels_say_what_they_show() {
    let dashboard: Value = serde_json::from_str(&text("grafana/heapdiff.json")).unwrap();
    assert!(dashboard["annotations"]["list"].is_array());
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another panel's");
        for text in ["description", "type"] {
            assert!(panel[text].as_str().is_some_and(|text| !text.is_empty()), "{title}: {text}");
        }
        let options: &[&str] = match panel["type"].as_str() {
            Some("stat") => &["colorMode", "graphMode", "orientation", "reduceOptions", "textMode"],
            Some("timeseries") => &["legend", "tooltip"],
            Some("table") => &["frameIndex", "showHeader"],
            other => panic!("{title}: {other:?} is no panel of Grafana's that is used here"),
        };
        for option in options {
            assert!(!panel["options"][option].is_null(), "{title}: {option}");
        }
        let place = &panel["gridPos"];
        let [x, width] = ["x", "w"].map(|name| place[name].as_u64().unwrap());
        assert!(x + width <= 24, "{title} is wider than the page");
        let mut letters = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(letters.insert(target["refId"].as_str().unwrap()), "{title}: refId");
            assert_eq!(target["datasource"]["uid"], "${source}", "{title}");
        }
    }
}
