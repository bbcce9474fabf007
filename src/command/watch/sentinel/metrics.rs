//! What Prometheus is told: names, units and help of each metric, and their text.
//!
//! Each scrape writes the newest reading from scratch, so a suspect that goes vanishes from the text.
//! At most [`MOST`] suspects have series, whatever a profile holds.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Most suspects with series of their own; the worst come first.
pub(super) const MOST: usize = 50;
/// Most characters of a label.
const LONGEST: usize = 512;

/// An estimate with its 95 % interval, in bytes or goroutines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Interval {
    pub(super) estimate: f64,
    pub(super) lower: f64,
    pub(super) upper: f64,
}

/// A suspect with its labels.
#[derive(Clone, Debug, Default)]
pub(super) struct SuspectReading {
    pub(super) function: String,
    pub(super) file: String,
    pub(super) line: String,
    pub(super) class: &'static str,
    pub(super) pattern: String,
    pub(super) confidence: &'static str,
    /// Whether its values are numbers of goroutines; otherwise they are bytes.
    pub(super) is_of_goroutines: bool,
    /// What it holds now.
    pub(super) value: f64,
    pub(super) growth: Interval,
    /// Per second.
    pub(super) slope: Option<Interval>,
}

/// What a watch shows of a service.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    pub(super) service: String,
    pub(super) interval_seconds: f64,
    pub(super) suspects: Vec<SuspectReading>,
    pub(super) leaks: [(&'static str, u64); 3],
    pub(super) heap_bytes: Option<f64>,
    pub(super) goroutines: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    /// Until the limit: the earliest, and the latest.
    pub(super) seconds_to_limit: Option<[f64; 2]>,
    pub(super) snapshots: u64,
    /// By the kind of what failed.
    pub(super) errors: BTreeMap<&'static str, u64>,
    pub(super) last_snapshot_seconds: Option<f64>,
    pub(super) restarts: u64,
    /// By channel and outcome.
    pub(super) alarms: BTreeMap<(&'static str, &'static str), u64>,
}

/// The metrics, for the thread that reads and the one that serves.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics {
    newest: Arc<Mutex<Arc<Reading>>>,
}

impl Metrics {
    /// Replaces the reading.
    pub(super) fn set(&self, reading: Reading) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(reading);
    }

    fn newest(&self) -> Arc<Reading> {
        Arc::clone(&self.newest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The text for a scrape, and its type: `OpenMetrics` if that is asked for.
    pub(super) fn text(&self, is_open_metrics: bool) -> (String, &'static str) {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut out = String::new();
        // Writing to a string can't fail.
        let (_, kind) = if is_open_metrics {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (text::encode(&mut out, &registry), kind)
        } else {
            (prometheus_text::encode(&mut out, &registry), prometheus_text::CONTENT_TYPE)
        };
        (out, kind)
    }
}

/// Labels of a series.
type Labels = Vec<(&'static str, String)>;

/// A label no longer than [`LONGEST`].
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Writes families of series.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    /// A gauge; none without series.
    fn gauge(&mut self, name: &str, help: &str, series: Vec<(Labels, f64)>) -> fmt::Result {
        self.family(name, help, series, ConstGauge::new)
    }

    fn counter(&mut self, name: &str, help: &str, series: Vec<(Labels, u64)>) -> fmt::Result {
        self.family(name, help, series, ConstCounter::new)
    }

    fn family<V, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        series: Vec<(Labels, V)>,
        metric: impl Fn(V) -> M,
    ) -> fmt::Result {
        let mut series = series.into_iter().map(|(labels, value)| (labels, metric(value)));
        let Some(first) = series.next() else { return Ok(()) };
        let mut family = self.0.encode_descriptor(name, help, None, first.1.metric_type())?;
        for (labels, metric) in std::iter::once(first).chain(series) {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.newest().write(&mut Writer(encoder))
    }
}

impl Reading {
    fn labels(&self, more: &[(&'static str, &str)]) -> Labels {
        let service = ("service", cut(&self.service));
        std::iter::once(service).chain(more.iter().map(|&(name, text)| (name, cut(text)))).collect()
    }

    fn write(&self, to: &mut Writer<'_>) -> fmt::Result {
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        let one = |value: Option<f64>| value.map(|v| (self.labels(&[]), v)).into_iter().collect();
        to.gauge("heapdiff_build_info", "The version of heapdiff; always 1", vec![(version, 1.0)])?;
        to.gauge(
            "heapdiff_snapshot_interval_seconds",
            "Time between two snapshots",
            one(Some(self.interval_seconds)),
        )?;
        to.counter(
            "heapdiff_snapshots",
            "Snapshots that were taken",
            vec![(self.labels(&[]), self.snapshots)],
        )?;
        let errors = self.errors.iter().map(|(kind, &n)| (self.labels(&[("kind", kind)]), n));
        to.counter(
            "heapdiff_capture_errors",
            "Parts of snapshots that could not be taken, by their kind",
            errors.collect(),
        )?;
        to.gauge(
            "heapdiff_last_snapshot_timestamp_seconds",
            "When the newest whole snapshot was taken",
            one(self.last_snapshot_seconds),
        )?;
        to.counter(
            "heapdiff_restarts",
            "Restarts of the service that the snapshots show",
            vec![(self.labels(&[]), self.restarts)],
        )?;
        to.gauge(
            "heapdiff_heap_inuse_bytes",
            "Memory in use in the heap, by its profile",
            one(self.heap_bytes),
        )?;
        to.gauge("heapdiff_goroutines", "Goroutines, by their profile", one(self.goroutines))?;
        to.gauge("heapdiff_rss_bytes", "Resident set of the process", one(self.resident_bytes))?;
        let to_limit = |place: usize| one(self.seconds_to_limit.map(|both| both[place]));
        to.gauge(
            "heapdiff_seconds_to_limit",
            "Time until the limit at the fastest growth that fits the snapshots",
            to_limit(0),
        )?;
        to.gauge(
            "heapdiff_seconds_to_limit_upper",
            "Time until the limit at the slowest growth that fits the snapshots",
            to_limit(1),
        )?;
        let leaks = self.leaks.iter().filter(|(confidence, _)| !confidence.is_empty());
        to.gauge(
            "heapdiff_leaks",
            "Suspects of class leak in the newest process, by confidence",
            leaks.map(|(word, n)| (self.labels(&[("confidence", word)]), *n as f64)).collect(),
        )?;
        let alarms = self.alarms.iter().map(|(&(channel, outcome), &n)| {
            (self.labels(&[("channel", channel), ("outcome", outcome)]), n)
        });
        to.counter(
            "heapdiff_alarms",
            "Alarms about leaks, by channel and outcome",
            alarms.collect(),
        )?;
        self.write_suspects(to)
    }

    fn write_suspects(&self, to: &mut Writer<'_>) -> fmt::Result {
        let mut seen = std::collections::BTreeSet::new();
        let labelled = self.suspects.iter().map(|one| {
            let labels = self.labels(&[
                ("function", &one.function),
                ("file", &one.file),
                ("line", &one.line),
                ("class", one.class),
                ("pattern", &one.pattern),
                ("confidence", one.confidence),
            ]);
            (labels, one)
        });
        // Two series with the same labels would fail the whole scrape.
        let distinct: Vec<(Labels, &SuspectReading)> = labelled
            .filter(|(labels, one)| seen.insert((one.is_of_goroutines, labels.clone())))
            .take(MOST)
            .collect();
        let omitted = self.suspects.len() - distinct.len();
        to.gauge(
            "heapdiff_suspects_omitted",
            "Suspects without series of their own, because there are too many",
            vec![(self.labels(&[]), omitted as f64)],
        )?;
        for (is_of_goroutines, unit, name) in
            [(false, "bytes", "memory"), (true, "goroutines", "goroutines")]
        {
            let of = |value: &dyn Fn(&SuspectReading) -> Option<f64>| -> Vec<(Labels, f64)> {
                let own = distinct.iter().filter(|one| one.1.is_of_goroutines == is_of_goroutines);
                own.filter_map(|(labels, one)| Some((labels.clone(), value(one)?))).collect()
            };
            to.gauge(
                &format!("heapdiff_suspect_{unit}"),
                &format!("What a suspect holds now, in {name}"),
                of(&|one| Some(one.value)),
            )?;
            for (part, what) in
                [("", ""), ("_lower", ", lower 95 % bound"), ("_upper", ", upper 95 % bound")]
            {
                let choose = |interval: Interval| match part {
                    "" => interval.estimate,
                    "_lower" => interval.lower,
                    _ => interval.upper,
                };
                to.gauge(
                    &format!("heapdiff_suspect_growth{part}_{unit}"),
                    &format!("Growth of a suspect since the first snapshot of its process{what}"),
                    of(&|one| Some(choose(one.growth))),
                )?;
                to.gauge(
                    &format!("heapdiff_suspect_slope{part}_{unit}_per_second"),
                    &format!("How fast a suspect grows now{what}"),
                    of(&|one| one.slope.map(choose)),
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Interval, MOST, Metrics, Reading, SuspectReading};

    fn suspect(function: &str) -> SuspectReading {
        let growth = Interval { estimate: 4096.0, lower: 1024.0, upper: 8192.0 };
        SuspectReading {
            function: function.to_owned(),
            class: "leak",
            confidence: "high",
            growth,
            slope: Some(growth),
            ..SuspectReading::default()
        }
    }

    fn text(suspects: Vec<SuspectReading>, is_open_metrics: bool) -> String {
        let metrics = Metrics::default();
        metrics.set(Reading { service: "s".to_owned(), suspects, ..Reading::default() });
        metrics.text(is_open_metrics).0
    }

    #[test]
    fn hostile_names_stay_within_their_quotes() {
        let name = "a\"b\\c\nd{}=#\u{fffd}\u{1b}[31m";
        for is_open_metrics in [false, true] {
            let text = text(vec![suspect(name)], is_open_metrics);
            let line = text.lines().find(|l| l.starts_with("heapdiff_suspect_bytes{")).unwrap();
            assert!(line.contains("function=\"a\\\"b\\\\c\\nd{}=#\u{fffd}\u{1b}[31m\""), "{line}");
            assert_eq!(text.lines().filter(|line| line.starts_with("d{}")).count(), 0);
        }
    }

    #[test]
    fn suspects_are_bounded_distinct_and_vanish() {
        let many: Vec<SuspectReading> = (0..3 * MOST).map(|i| suspect(&format!("f{i}"))).collect();
        let series = |text: &str| {
            text.lines().filter(|line| line.starts_with("heapdiff_suspect_bytes{")).count()
        };
        let full = text(many, false);
        assert_eq!(series(&full), MOST);
        assert!(full.contains("heapdiff_suspects_omitted{service=\"s\"} 100"), "{full}");
        assert_eq!(series(&text(vec![suspect("f"), suspect("f")], false)), 1);
        let long = "x".repeat(5000);
        assert!(text(vec![suspect(&long)], false).len() < 10_000);
        assert_eq!(series(&text(Vec::new(), false)), 0);
    }
}
