//! Heap and goroutine profiles as Go writes them, from what sites of a simulated service hold.

use super::draw::Draw;
use heapdiff::input::pprof::proto;
use prost::Message;
use std::collections::BTreeMap;

/// A site: what its stack allocates, from one snapshot to the next.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Functions from root to leaf; `name@12` is line 12 of it.
    pub(crate) stack: String,
    /// Bytes of each object.
    pub(crate) size: f64,
    /// Objects held at each snapshot, in expectation.
    pub(crate) level: Vec<f64>,
    /// Objects exchanged for others since the last snapshot.
    pub(crate) exchanged: Vec<f64>,
    /// Objects made and thrown away since the last snapshot.
    pub(crate) garbage: Vec<f64>,
    /// Of these, how many are still seen.
    pub(crate) seen: Vec<f64>,
}

/// Goroutines of one stack, counted at each snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// Functions from root to leaf.
    pub(crate) stack: String,
    pub(crate) count: Vec<i64>,
}

/// Everything that a service does while it is recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    /// Seconds of each snapshot since the first.
    pub(crate) seconds: Vec<f64>,
    /// Bytes between two samples.
    pub(crate) period: f64,
    pub(crate) sites: Vec<Site>,
    pub(crate) waiting: Vec<Waiting>,
}

/// Bytes from which an object is large.
const LARGE: f64 = 262_144.0;

/// What was sampled at a site so far.
#[derive(Clone, Copy, Debug, Default)]
struct Sampled {
    /// All objects that it holds, sampled or not.
    held: f64,
    kept: f64,
    made: f64,
}

impl Sampled {
    /// Goes on to the next snapshot; returns the sampled objects in use and ever made.
    fn go_on(&mut self, site: &Site, at: usize, p: f64, draw: &mut Draw) -> (f64, f64) {
        let before = if at == 0 { 0.0 } else { site.level[at - 1] };
        // Of what is large there are as many as planned; what is small comes by chance.
        if site.size >= LARGE {
            let rise = site.level[at].round() - before.round();
            self.take(rise.max(0.0), p, draw);
            self.lose((-rise).max(0.0), draw);
        } else {
            let rise = site.level[at] - before;
            let come = draw.poisson(rise.max(0.0));
            self.take(come, p, draw);
            self.lose((-rise).max(0.0), draw);
        }
        let exchanged = draw.poisson(site.exchanged[at]);
        // What comes beyond what it holds has gone again.
        let stays = exchanged.min(self.held);
        self.lose(stays, draw);
        self.take(stays, p, draw);
        self.made += draw.binomial(exchanged - stays, p);
        let seen = draw.poisson(site.seen[at]);
        let seen = draw.binomial(seen, p);
        let gone = draw.poisson(site.garbage[at]);
        self.made += draw.binomial(gone, p).max(seen);
        (self.kept + seen, self.made)
    }

    fn take(&mut self, objects: f64, p: f64, draw: &mut Draw) {
        let sampled = draw.binomial(objects, p);
        self.held += objects;
        self.kept += sampled;
        self.made += sampled;
    }

    fn lose(&mut self, objects: f64, draw: &mut Draw) {
        if self.held > 0.0 && objects > 0.0 {
            let share = (objects / self.held).min(1.0);
            self.kept -= draw.binomial(self.kept, share);
            self.held = (self.held - objects).max(0.0);
        }
    }
}

impl Service {
    /// The heap profiles, and the goroutine profiles if any goroutine waits.
    pub(crate) fn record(&self, draw: &mut Draw) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut sampled = vec![Sampled::default(); self.sites.len()];
        let heaps = (0..self.seconds.len()).map(|at| {
            let mut profile = Writer::new(&HEAP, ("space", "bytes"), self.period as i64);
            for (site, sampled) in self.sites.iter().zip(&mut sampled) {
                let p = 1.0 - (-site.size / self.period).exp();
                let (kept, made) = sampled.go_on(site, at, p, draw);
                let scaled = |n: f64| [(n / p) as i64, (n * site.size / p) as i64];
                let values = [scaled(made), scaled(kept)].concat();
                if made > 0.0 {
                    profile.add(&site.stack, &values, Some(site.size as i64));
                }
            }
            profile.finish(self.seconds[at])
        });
        let heaps = heaps.collect();
        let goroutines = (0..self.seconds.len()).filter(|_| !self.waiting.is_empty()).map(|at| {
            let mut profile = Writer::new(&[("goroutine", "count")], ("goroutine", "count"), 1);
            for waiting in self.waiting.iter().filter(|waiting| waiting.count[at] > 0) {
                profile.add(&waiting.stack, &[waiting.count[at]], None);
            }
            profile.finish(self.seconds[at] + 0.05)
        });
        (heaps, goroutines.collect())
    }
}

const HEAP: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// Writes a profile.
struct Writer {
    profile: proto::Profile,
    strings: BTreeMap<String, i64>,
    functions: BTreeMap<String, u64>,
    locations: BTreeMap<(u64, i64), u64>,
}

impl Writer {
    fn new(types: &[(&str, &str)], period_type: (&str, &str), period: i64) -> Self {
        let mut writer = Self {
            profile: proto::Profile {
                period,
                string_table: vec![Vec::new()],
                ..Default::default()
            },
            strings: BTreeMap::from([(String::new(), 0)]),
            functions: BTreeMap::new(),
            locations: BTreeMap::new(),
        };
        for &(name, unit) in types {
            let value_type = writer.value_type(name, unit);
            writer.profile.sample_type.push(value_type);
        }
        writer.profile.period_type = Some(writer.value_type(period_type.0, period_type.1));
        writer
    }

    fn value_type(&mut self, name: &str, unit: &str) -> proto::ValueType {
        proto::ValueType { r#type: self.string(name), unit: self.string(unit) }
    }

    fn string(&mut self, text: &str) -> i64 {
        let next = self.profile.string_table.len() as i64;
        let known = *self.strings.entry(text.to_owned()).or_insert(next);
        if known == next {
            self.profile.string_table.push(text.as_bytes().into());
        }
        known
    }

    fn location(&mut self, frame: &str) -> u64 {
        let (name, line) = frame.split_once('@').unwrap_or((frame, "10"));
        let line: i64 = line.parse().unwrap();
        let next = self.functions.len() as u64 + 1;
        let function_id = *self.functions.entry(name.to_owned()).or_insert(next);
        if function_id == next {
            let [name, filename] = [name.to_owned(), file(name)].map(|text| self.string(&text));
            let function =
                proto::Function { id: next, name, system_name: name, filename, start_line: 1 };
            self.profile.function.push(function);
        }
        let next = self.locations.len() as u64 + 1;
        let id = *self.locations.entry((function_id, line)).or_insert(next);
        if id == next {
            // Addresses are the same in all profiles of one program.
            let address = 0x40_0000
                + name.bytes().fold(line as u64, |a, b| {
                    a.wrapping_mul(31).wrapping_add(b.into()) & 0xff_ffff
                });
            let line = vec![proto::Line { function_id, line, column: 0 }];
            let location = proto::Location { id, address, line, ..Default::default() };
            self.profile.location.push(location);
        }
        id
    }

    fn add(&mut self, stack: &str, values: &[i64], size: Option<i64>) {
        let frames = stack.rsplit(';').map(|frame| self.location(frame)).collect();
        let mut sample =
            proto::Sample { location_id: frames, value: values.to_vec(), ..Default::default() };
        if let Some(num) = size {
            let (key, num_unit) = (self.string("bytes"), self.string("bytes"));
            sample.label.push(proto::Label { key, num, num_unit, ..Default::default() });
        }
        self.profile.sample.push(sample);
    }

    fn finish(mut self, seconds: f64) -> Vec<u8> {
        self.profile.time_nanos = 1_760_000_000_000_000_000 + (seconds * 1e9) as i64;
        self.profile.encode_to_vec()
    }
}

/// The file of a function: of a module in the module cache, the standard library, or the service.
fn file(name: &str) -> String {
    let path = name.rsplit_once('/').map_or("", |(path, _)| path);
    let last = name.rsplit('/').next().unwrap_or(name).split('.').next().unwrap_or(name);
    let package = if path.is_empty() { last.to_owned() } else { format!("{path}/{last}") };
    match path.split('/').next().unwrap_or("") {
        "github.com" => format!("/go/pkg/mod/{package}@v1.4.0/{last}.go"),
        "example.org" => format!("/src/{package}/{last}.go"),
        _ if last == "main" => "/src/example.org/shop/main.go".to_owned(),
        _ => format!("/usr/local/go/src/{package}/{last}.go"),
    }
}
