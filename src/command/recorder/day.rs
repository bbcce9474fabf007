//! A day of watching on a clock that jumps: what stays in memory and on the disk, and what the
//! verdict says.
//!
//! The days of a service have a fourth of the usual snapshots, and of those a fourth stays. So the distance
//! between them doubles as often as in a day of the usual ones, and all but a few are removed. The day of a
//! folder keeps as many as usual.

use super::clock::{Clock, FastClock};
use super::filled::Filled;
use super::manifest::Manifest;
use super::rounds::{self, Observer, Plan, Seen};
use super::service::{self, Asked, LeftOutArgs};
use super::stop::Stop;
use super::{Recorder, Source};
use crate::analysis::estimates::Class;
use crate::analysis::suspects::LeaksQuery;
use crate::command::options::ReadingArgs;
use crate::input::Budget;
use crate::input::pprof::proto;
use crate::patterns::Catalog;
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub(in crate::command) const EVERY: Duration = Duration::from_secs(120);
const DAY: Duration = Duration::from_secs(24 * 3600);
const MOST: usize = 200;
pub(in crate::command) const FEW: usize = 50;

/// A heap in which `main.leak` grows by 4 kB in a second, `main.cache` stays and the stacks of a
/// request are others each time.
fn heap(time: Timestamp, seconds: i64) -> Vec<u8> {
    let mut strings = vec![String::new()];
    let mut text = |text: &str| {
        strings.push(text.to_owned());
        strings.len() as i64 - 1
    };
    let names = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"];
    let units = ["count", "bytes", "count", "bytes"];
    let sample_type = names.iter().zip(units);
    let sample_type: Vec<proto::ValueType> = sample_type
        .map(|(name, unit)| proto::ValueType { r#type: text(name), unit: text(unit) })
        .collect();
    let request = format!("main.request{}", seconds / 30 % 5000);
    let file = text("/src/main.go");
    let mut function = Vec::new();
    let mut location = Vec::new();
    let mut sample = Vec::new();
    let now = 1000 + seconds;
    let noise = seconds / 30 * 7919 % 13 * 4096;
    for (at, (name, values)) in [
        ("main.leak", [now * 4, now * 4096, now * 4, now * 4096]),
        ("main.cache", [5000 + now, 5_000_000 + now * 512, 5000, 5_000_000 + noise]),
        (&request, [0, 0, 1, 4096]),
    ]
    .into_iter()
    .enumerate()
    {
        let id = at as u64 + 1;
        let name = text(name);
        function.push(proto::Function {
            id,
            name,
            system_name: name,
            filename: file,
            start_line: 3,
        });
        let line = vec![proto::Line { function_id: id, line: 7, column: 0 }];
        location.push(proto::Location {
            id,
            address: 4096 + id,
            line,
            ..proto::Location::default()
        });
        sample.push(proto::Sample {
            location_id: vec![id],
            value: values.to_vec(),
            label: Vec::new(),
        });
    }
    let period_type = Some(proto::ValueType { r#type: text("space"), unit: text("bytes") });
    let profile = proto::Profile {
        sample_type,
        sample,
        location,
        function,
        string_table: strings.into_iter().map(String::into_bytes).collect(),
        time_nanos: time.as_nanosecond() as i64,
        period_type,
        period: 512 * 1024,
        ..proto::Profile::default()
    };
    profile.encode_to_vec()
}

fn seconds(clock: &FastClock) -> i64 {
    clock.time().duration_since(start()).as_secs()
}

pub(in crate::command) fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// What was seen of a day.
#[derive(Default)]
struct Noted {
    shots: usize,
    most_files: usize,
    most_shots: usize,
    most_stacks: usize,
    most_judged: usize,
    leaks: Vec<String>,
    wrong: usize,
}

impl Observer for Noted {
    fn seen(&mut self, seen: &Seen<'_>) {
        self.shots += 1;
        let files = fs::read_dir(seen.folder()).unwrap().count();
        self.most_files = self.most_files.max(files);
        self.most_shots = self.most_shots.max(seen.recorder.manifest.shots.len());
        if self.shots.is_multiple_of(20) {
            self.most_stacks = self.most_stacks.max(seen.recorder.recorded.records());
        }
        self.most_judged = self.most_judged.max(seen.recorder.recorded.held().len());
        let leaks = seen.so_far.and_then(|so_far| so_far.leaks());
        let suspects = leaks.map(|leaks| leaks.suspects.as_slice()).unwrap_or_default();
        let leaks = suspects.iter().filter(|one| one.class == Class::Leak);
        self.leaks = leaks.map(|one| one.site.function.clone()).collect();
        self.wrong += usize::from(seen.taken() >= 24 && self.leaks != ["main.leak"]);
    }

    fn say(&mut self, message: &str) {
        panic!("{message}");
    }

    fn waits(&mut self, _: Duration) {}
}

fn plan(every: Duration) -> Plan {
    let asked = LeaksQuery { catalog: Arc::new(Catalog::builtin()), limit: None };
    Plan { every, count: usize::MAX, length: Some(DAY), until_sure: false, asked }
}

pub(in crate::command) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("heapdiff-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

/// A service that serves the heap of that clock, and begins anew after so many seconds.
fn serve(clock: Arc<FastClock>, life: i64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or_default();
            let is_heap = request[..read].starts_with(b"GET /debug/pprof/heap");
            let body =
                if is_heap { heap(clock.time(), seconds(&clock) % life) } else { Vec::new() };
            let status = if is_heap { "200 OK" } else { "404 Not Found" };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // The client may be gone.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    url
}

/// A recorder of such a service, for its heap alone.
pub(in crate::command) fn recorder(folder: &Path, clock: &Arc<FastClock>) -> Recorder {
    recorder_of(serve(Arc::clone(clock), i64::MAX), folder)
}

fn recorder_of(service: String, folder: &Path) -> Recorder {
    let asked = Asked {
        services: &[service],
        output: Some(folder),
        every: EVERY,
        pid: None,
        left_out: LeftOutArgs { no_gc: false, no_goroutines: true, no_memstats: true },
        reading: &ReadingArgs::default(),
    };
    service::recorders(&asked, &Stop::default()).unwrap().pop().unwrap()
}

#[test]
fn a_day_of_a_service_stays_within_bounds() {
    let clock = Arc::new(FastClock::starting(start()));
    let folder = folder("day");
    let mut recorders = [recorder(&folder, &clock).at_most(FEW)];
    let mut noted = Noted::default();
    let ended =
        rounds::take(&mut recorders, &plan(EVERY), &Stop::default(), &*clock, &mut noted).unwrap();
    assert_eq!(ended, "for");
    is_bounded(&noted, 720, FEW);
    // The manifest is the one file more.
    assert!(noted.most_files <= FEW + 1, "{} files", noted.most_files);
    let manifest = fs::metadata(folder.join("manifest.json")).unwrap().len();
    assert!(manifest < 25_000, "the list of files has {manifest} bytes");
    fs::remove_dir_all(folder).unwrap();
}

/// All files stay, and only so many are judged. What no longer shows is known from before.
#[test]
fn a_day_of_which_all_stays() {
    let clock = Arc::new(FastClock::starting(start()));
    let folder = folder("whole-day");
    // Restarts between two snapshots, and what shows them is dropped later.
    let life = 7 * 3600 + 60;
    let service = serve(Arc::clone(&clock), life);
    let mut recorders = [recorder_of(service, &folder).judging_at_most(FEW)];
    let mut noted = Noted::default();
    rounds::take(&mut recorders, &plan(EVERY), &Stop::default(), &*clock, &mut noted).unwrap();
    let manifest = &recorders[0].manifest;
    assert_eq!((manifest.shots.len(), noted.most_files), (noted.shots, noted.shots + 1));
    assert_eq!(noted.most_judged, FEW);
    assert!(noted.most_stacks <= 2 * FEW + 2, "{} stacks are held", noted.most_stacks);
    assert!(!noted.leaks.is_empty() && noted.leaks.iter().all(|leak| leak == "main.leak"));
    let fault = manifest.faults.concat();
    let last =
        fault.strip_prefix("the service was restarted 3 times, last before the snapshot of ");
    let last: Timestamp = last.unwrap_or_else(|| panic!("{fault}")).parse().unwrap();
    let since = last.duration_since(start()).as_secs() - 3 * life;
    assert!((0..120).contains(&since), "{since} s after the last restart");
    fs::remove_dir_all(folder).unwrap();
}

/// What a watch left behind when it was killed.
fn leave(folder: &Path, time: &str) -> String {
    let name = format!("heap-{time}.pb.gz");
    fs::write(folder.join(&name), "old").unwrap();
    let time: Timestamp = time.parse().unwrap();
    let shot = serde_json::json!({ "time": time.to_string(), "files": [{ "file": name }] });
    let manifest = serde_json::json!({ "schema": super::manifest::SCHEMA, "shots": [shot] });
    fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    name
}

#[test]
fn a_day_of_which_six_hours_stay() {
    let keep = Duration::from_secs(6 * 3600);
    let clock = Arc::new(FastClock::starting(start()));
    let folder = folder("kept-day");
    fs::create_dir(&folder).unwrap();
    let left = leave(&folder, "20260102T000000Z");
    fs::write(folder.join("heap-20250101T000000Z.pb.gz"), "of another program").unwrap();
    let mut recorders = [recorder(&folder, &clock).at_most(FEW).for_so_long(Some(keep))];
    let mut noted = Noted::default();
    rounds::take(&mut recorders, &plan(EVERY), &Stop::default(), &*clock, &mut noted).unwrap();
    is_bounded(&noted, 720, FEW);
    let shots = &recorders[0].manifest.shots;
    let times: Vec<Timestamp> = shots.iter().map(|shot| shot.time.parse().unwrap()).collect();
    let ages: Vec<i64> =
        times.iter().map(|&time| clock.time().duration_since(time).as_secs()).collect();
    assert!(ages.iter().all(|&age| age <= 6 * 3600 + 120), "{ages:?}");
    // The six hours are spread over, and aren't the rest of a day that is.
    assert!(
        ages[0] > 5 * 3600 && shots.len() >= 25,
        "{} snapshots from {} s",
        shots.len(),
        ages[0]
    );
    let removed = &recorders[0].manifest.removed;
    assert_eq!(removed.shots as usize + shots.len(), noted.shots + 1);
    assert!(!folder.join(left).exists(), "what an earlier watch left is removed by its age");
    assert!(folder.join("heap-20250101T000000Z.pb.gz").exists(), "others' files stay");
    // These shots, the file of another program, and the manifest.
    assert_eq!(fs::read_dir(&folder).unwrap().count(), shots.len() + 2);
    assert!(fs::metadata(folder.join("manifest.json")).unwrap().len() < 25_000);
    fs::remove_dir_all(folder).unwrap();
}

fn is_bounded(noted: &Noted, shots: usize, most: usize) {
    assert!((shots - 5..=shots + 1).contains(&noted.shots), "{} shots", noted.shots);
    assert!(noted.most_shots <= most, "{} shots", noted.most_shots);
    assert_eq!((noted.wrong, noted.leaks.as_slice()), (0, ["main.leak".to_owned()].as_slice()));
    // One of each snapshot that stays, and of those that were dropped since what stays was read again.
    assert!(noted.most_stacks <= 2 * most + 2, "{} stacks are held", noted.most_stacks);
}

/// A clock whose date is wrong for a while: ten years ahead, and then ten behind.
struct Jumping(Arc<FastClock>);

impl Clock for Jumping {
    fn now(&self) -> std::time::Instant {
        self.0.now()
    }

    fn time(&self) -> Timestamp {
        let years = SignedDuration::from_hours(10 * 365 * 24);
        match seconds(&self.0) / 3600 {
            1 => self.0.time() + years,
            2 => self.0.time() - years,
            _ => self.0.time(),
        }
    }

    fn sleep(&self, length: Duration) {
        self.0.sleep(length);
    }
}

#[test]
fn a_date_that_jumps_removes_nothing() {
    let clock = Arc::new(FastClock::starting(start()));
    let folder = folder("jumping");
    fs::create_dir(&folder).unwrap();
    let left = leave(&folder, "20260102T020000Z");
    let keep = Some(Duration::from_secs(6 * 3600));
    let mut recorders = [recorder(&folder, &clock).at_most(MOST).for_so_long(keep)];
    let plan = Plan { length: Some(Duration::from_secs(4 * 3600)), ..plan(EVERY) };
    let clock = Jumping(clock);
    let mut noted = Noted::default();
    rounds::take(&mut recorders, &plan, &Stop::default(), &clock, &mut noted).unwrap();
    let manifest = &recorders[0].manifest;
    assert_eq!((manifest.removed.shots, manifest.shots.len()), (0, noted.shots));
    assert!(noted.shots >= 118 && folder.join(left).exists(), "{} snapshots", noted.shots);
    fs::remove_dir_all(folder).unwrap();
}

/// A folder that a file is put into whenever its time has come.
struct Filling {
    clock: FastClock,
    folder: PathBuf,
}

impl Filling {
    fn put(&self, to: &Path) {
        fs::write(to, heap(self.clock.time(), seconds(&self.clock))).unwrap();
    }
}

impl Clock for Filling {
    fn now(&self) -> std::time::Instant {
        self.clock.now()
    }

    fn time(&self) -> Timestamp {
        self.clock.time()
    }

    fn sleep(&self, length: Duration) {
        let before = seconds(&self.clock) / 300;
        self.clock.sleep(length);
        let after = seconds(&self.clock) / 300;
        if after > before {
            self.put(&self.folder.join(format!("heap-{after}.pb")));
        }
    }
}

#[test]
fn a_day_of_a_folder_stays_within_bounds() {
    let folder = folder("filled-day");
    fs::create_dir(&folder).unwrap();
    let clock = Filling { clock: FastClock::starting(start()), folder: folder.clone() };
    let filled = Filled::new(folder.clone(), Budget::default());
    let recorder = Recorder::new(Source::Folder(filled), Manifest::of("folder".to_owned(), EVERY));
    let mut recorders = [recorder.at_most(MOST)];
    let mut noted = Noted::default();
    let plan = plan(Duration::from_secs(60));
    rounds::take(&mut recorders, &plan, &Stop::default(), &clock, &mut noted).unwrap();
    is_bounded(&noted, 288, MOST);
    assert!(fs::read_dir(&folder).unwrap().count() >= 283, "the files of another program stay");
    fs::remove_dir_all(folder).unwrap();
}
