//! The kinds of services that are simulated, each drawn at random: what leaks in them, and what only looks like it.

use super::draw::Draw;
use super::profiles::{Service, Site, Waiting};
use super::{growing, lookalikes, rest};

/// What is known about a service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// The functions that leak, a list of names for each cause.
    pub(crate) culprits: Vec<Vec<String>>,
    /// Functions that fill a bounded container which isn't full at the end.
    pub(crate) filling: Vec<String>,
}

/// A kind of service.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) is_leak: bool,
    add: fn(&mut Plan<'_>),
}

/// A service that is being drawn.
pub(crate) struct Plan<'a> {
    pub(crate) draw: &'a mut Draw,
    pub(crate) service: Service,
    pub(crate) truth: Truth,
    /// The share of the recorded time at each snapshot, 0 to 1.
    pub(crate) at: Vec<f64>,
    /// How much work there is before each snapshot, 1 on average.
    pub(crate) load: Vec<f64>,
    /// The package of own code.
    pub(crate) package: &'static str,
    /// Names that are used up.
    names: usize,
}

macro_rules! kinds {
    ($($name:literal $is_leak:literal $add:path,)*) => {
        &[$(Kind { name: $name, is_leak: $is_leak, add: $add }),*]
    };
}

/// All kinds. The first group leaks.
pub(crate) const KINDS: &[Kind] = kinds! {
    "container, small objects" true growing::small_objects,
    "container, large objects" true growing::large_objects,
    "late leak" true growing::late,
    "buffer or map that doubles" true growing::doubling,
    "several lines of a function" true growing::lines,
    "goroutines that hold memory" true growing::goroutines,
    "timers, tickers, contexts" true growing::timers,
    "requests, in library frames" true growing::requests,
    "two leaks" true growing::two,
    "leak and churn at one site" true growing::over_churn,
    "slow, beside a noisy rest" true growing::slow,
    "a cache without a limit" true growing::cache_without_limit,
    "sessions, some of which end" true growing::sessions,
    "steady" false lookalikes::steady,
    "churn" false lookalikes::churn,
    "cache, not full, even rate" false lookalikes::filling,
    "cache, not full, misses fall" false lookalikes::filling_with_hits,
    "cache that stops half way" false lookalikes::stops,
    "LRU that is full and evicts" false lookalikes::evicts,
    "entries that grow in size" false lookalikes::entries,
    "random walk" false lookalikes::walk,
    "wave" false lookalikes::wave,
    "load ramp" false lookalikes::ramp,
    "one step" false lookalikes::step,
    "connections that come and go" false lookalikes::connections,
    "worker pool that grows to its limit" false lookalikes::workers,
    "garbage while marking" false lookalikes::marking,
    "pool that warms up" false lookalikes::pool,
};

/// Draws a service of a kind, with this many snapshots.
pub(crate) fn service(
    kind: &Kind,
    snapshots: usize,
    period: f64,
    draw: &mut Draw,
) -> (Service, Truth) {
    let step = draw.scale(3.0, 600.0);
    let mut now = 0.0;
    let mut seconds = Vec::new();
    for _ in 0..snapshots {
        seconds.push(now);
        now += step * draw.between(0.9, 1.1);
    }
    let end = seconds[snapshots - 1];
    let at: Vec<f64> = seconds.iter().map(|second| second / end).collect();
    let spread = *draw.pick(&[0.0, 0.05, 0.2]);
    let memory = draw.between(0.0, 0.8);
    let load = draw.remembering(snapshots, memory).into_iter().map(|x| (spread * x).exp());
    let load = load.collect();
    let package = *draw.pick(&["main", "main", "example.org/shop/app"]);
    let service = Service { seconds, period, ..Service::default() };
    let mut plan = Plan { draw, service, truth: Truth::default(), at, load, package, names: 0 };
    rest::add(&mut plan);
    (kind.add)(&mut plan);
    (plan.service, plan.truth)
}

/// Words for names of functions, each used once.
const WORDS: [&str; 40] = [
    "order", "invoice", "track", "basket", "quote", "parcel", "route", "stock", "price", "tenant",
    "audit", "ledger", "report", "voucher", "device", "shift", "ticket", "offer", "asset", "claim",
    "metric", "batch", "feed", "alert", "match", "score", "topic", "rule", "plan", "query",
    "frame", "label", "digest", "ballot", "cargo", "depot", "fleet", "grant", "hotel", "issue",
];

impl Plan<'_> {
    /// The number of snapshots.
    pub(crate) fn n(&self) -> usize {
        self.at.len()
    }

    /// A word that isn't in use yet.
    pub(crate) fn word(&mut self) -> String {
        let n = self.names;
        self.names += 1;
        let (word, round) = (WORDS[n % WORDS.len()], n / WORDS.len());
        if round == 0 { word.to_owned() } else { format!("{word}{round}") }
    }

    /// A function of own code.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}.{name}", self.package)
    }

    /// The frames from the root of a stack to where own code takes over: a handler, or a worker.
    pub(crate) fn root(&mut self, word: &str) -> String {
        match self.draw.whole(0, 3) {
            0 => format!("main.main;{}", self.own(&format!("run{word}"))),
            1 => self.own(&format!("(*worker).{word}")),
            _ => format!("{SERVE};{}", self.own(&format!("(*server).handle_{word}"))),
        }
    }

    /// How much a leak or a lookalike grows while it is recorded, in bytes.
    pub(crate) fn growth(&mut self) -> f64 {
        let unit = if self.service.period > 1e5 { 2.0 } else { 0.6 };
        MIB * self.draw.scale(unit, 20.0 * unit)
    }

    /// Adds a site with this level of bytes at each snapshot, of which the share `renewed` is exchanged over the
    /// whole time.
    pub(crate) fn site(&mut self, stack: &str, size: f64, bytes: &[f64], renewed: f64) {
        let level: Vec<f64> = bytes.iter().map(|bytes| bytes / size).collect();
        let exchanged = (0..self.n())
            .map(|i| if i == 0 { 0.0 } else { renewed * level[i] * (self.at[i] - self.at[i - 1]) });
        let none = vec![0.0; self.n()];
        self.service.sites.push(Site {
            stack: stack.to_owned(),
            size,
            exchanged: exchanged.collect(),
            garbage: none.clone(),
            seen: none,
            level,
        });
    }

    /// Adds garbage to the site added last: this many bytes per snapshot, of which this many are seen.
    pub(crate) fn garbage(&mut self, bytes: &[f64], seen: &[f64]) {
        let load = self.load.clone();
        if let Some(site) = self.service.sites.last_mut() {
            let size = site.size;
            let by_load = |all: &[f64]| all.iter().zip(&load).map(|(b, l)| b * l / size).collect();
            (site.garbage, site.seen) = (by_load(bytes), by_load(seen));
        }
    }

    /// Adds goroutines.
    pub(crate) fn wait(&mut self, stack: &str, count: Vec<i64>) {
        self.service.waiting.push(Waiting { stack: stack.to_owned(), count });
    }

    /// The sum of a rate from the start to each snapshot, by the work that there was; `rate` is a share per share of
    /// the recorded time, so that a rate of 1 sums up to about 1.
    pub(crate) fn sum(&self, rate: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut sum = 0.0;
        let mut before = 0.0;
        let one = |i: usize| {
            let (now, load) = (self.at[i], self.load[i]);
            // The rate changes within long intervals.
            let parts = (0..8).map(|k| rate(before + (now - before) * (f64::from(k) + 0.5) / 8.0));
            sum += load * (now - before) * parts.sum::<f64>() / 8.0;
            before = now;
            sum
        };
        (0..self.n()).map(one).collect()
    }
}

pub(crate) const MIB: f64 = 1_048_576.0;

/// A connection of a server, up to the handler.
pub(crate) const SERVE: &str =
    "net/http.(*conn).serve;net/http.serverHandler.ServeHTTP;net/http.HandlerFunc.ServeHTTP";
