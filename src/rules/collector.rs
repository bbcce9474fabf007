//! The thresholds of `heapdiff gc`, and their reader: the table `[gc]` of `heapdiff.toml`.

use super::thresholds::{self, Kind, Table};
use crate::toml_file::TomlError;

/// What the collector may do before it is worth a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CollectorLimits {
    /// Fewest collections to judge a trend by.
    pub least_collections: f64,
    /// Fewest seconds from the first to the last collection to judge a trend by.
    pub least_seconds: f64,
    /// MiB by which the live heap has to grow to be a leak.
    pub leak_growth: f64,
    /// Percent by which it has to grow.
    pub leak_growth_percent: f64,
    /// MiB by which stacks have to grow.
    pub stacks_growth: f64,
    /// Collections per second.
    pub churn_per_second: f64,
    /// CPU share of the collector in percent.
    pub churn_cpu_percent: f64,
    /// Milliseconds of CPU time in a second below which any number of collections is harmless.
    pub churn_least_cpu_ms: f64,
    /// Percent of the goal that is live right after a collection.
    pub thrash_live_percent: f64,
    /// CPU share of the collector in percent.
    pub thrash_cpu_percent: f64,
    /// Percent of the time in which the collector runs.
    pub thrash_running_percent: f64,
    /// Percent of the collections that the program asks for.
    pub forced_percent: f64,
    /// Such collections in an hour.
    pub forced_per_hour: f64,
    /// Percent of the marking that goroutines have to do when they allocate.
    pub assist_percent: f64,
    /// CPU share of that in percent below which no request notices.
    pub assist_least_cpu_percent: f64,
    /// Percent by which the heap exceeds its goal.
    pub overshoot_percent: f64,
    /// Milliseconds for which the world stands still.
    pub stop_ms: f64,
    /// Percent of the collections that stop the world for so long.
    pub stop_share_percent: f64,
    /// Live heap at its peak over its usual size.
    pub burst_factor: f64,
    /// MiB of live heap above the usual size.
    pub burst_least: f64,
    /// Objects that wait for a finalizer or cleanup.
    pub finalizers: f64,
}

impl Default for CollectorLimits {
    fn default() -> Self {
        Self {
            least_collections: 8.0,
            least_seconds: 1.0,
            leak_growth: 4.0,
            leak_growth_percent: 5.0,
            stacks_growth: 2.0,
            churn_per_second: 2.0,
            churn_cpu_percent: 10.0,
            churn_least_cpu_ms: 20.0,
            thrash_live_percent: 85.0,
            thrash_cpu_percent: 25.0,
            thrash_running_percent: 50.0,
            forced_percent: 10.0,
            forced_per_hour: 40.0,
            assist_percent: 25.0,
            assist_least_cpu_percent: 1.0,
            overshoot_percent: 10.0,
            stop_ms: 10.0,
            stop_share_percent: 1.0,
            burst_factor: 2.0,
            burst_least: 8.0,
            finalizers: 10_000.0,
        }
    }
}

impl CollectorLimits {
    /// Reads the table `[gc]` of a file; what it doesn't set keeps its default.
    pub fn read(name: &str, text: &str) -> Result<Self, TomlError> {
        let mut limits = Self::default();
        thresholds::read(name, text, Table::Gc, &mut limits.keys())?;
        Ok(limits)
    }

    fn keys(&mut self) -> [(&'static str, Kind, &mut f64); 21] {
        use Kind::{Number, Size};
        [
            ("least_collections", Number, &mut self.least_collections),
            ("least_seconds", Number, &mut self.least_seconds),
            ("leak_growth", Size, &mut self.leak_growth),
            ("leak_growth_percent", Number, &mut self.leak_growth_percent),
            ("stacks_growth", Size, &mut self.stacks_growth),
            ("churn_per_second", Number, &mut self.churn_per_second),
            ("churn_cpu_percent", Number, &mut self.churn_cpu_percent),
            ("churn_least_cpu_ms", Number, &mut self.churn_least_cpu_ms),
            ("thrash_live_percent", Number, &mut self.thrash_live_percent),
            ("thrash_cpu_percent", Number, &mut self.thrash_cpu_percent),
            ("thrash_running_percent", Number, &mut self.thrash_running_percent),
            ("forced_percent", Number, &mut self.forced_percent),
            ("forced_per_hour", Number, &mut self.forced_per_hour),
            ("assist_percent", Number, &mut self.assist_percent),
            ("assist_least_cpu_percent", Number, &mut self.assist_least_cpu_percent),
            ("overshoot_percent", Number, &mut self.overshoot_percent),
            ("stop_ms", Number, &mut self.stop_ms),
            ("stop_share_percent", Number, &mut self.stop_share_percent),
            ("burst_factor", Number, &mut self.burst_factor),
            ("burst_least", Size, &mut self.burst_least),
            ("finalizers", Number, &mut self.finalizers),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::CollectorLimits;

    fn read(text: &str) -> Result<CollectorLimits, String> {
        CollectorLimits::read("h.toml", text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_key_is_read_and_the_others_keep_their_defaults() {
        let text = "[gc]\nchurn_per_second = 5\nstop_ms = 0.5\nleak_growth = '64MiB'\n\
                    [baseline]\nwindow = 9\n";
        let limits = read(text).unwrap();
        let expected = CollectorLimits {
            churn_per_second: 5.0,
            stop_ms: 0.5,
            leak_growth: 64.0,
            ..CollectorLimits::default()
        };
        assert_eq!(limits, expected);
        assert_eq!(read(""), Ok(CollectorLimits::default()));
        for (key, ..) in CollectorLimits::default().keys() {
            let all = [format!("[gc]\n{key} = 77\n"), format!("[gc]\n{key} = '77MiB'\n")];
            let changed = all.iter().filter_map(|text| read(text).ok());
            let changed: Vec<_> = changed.collect();
            assert_eq!(changed.len(), 1, "{key}");
            assert_ne!(changed[0], CollectorLimits::default(), "{key}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cases = [
            (
                "[gc]\nstop = 3\n",
                "h.toml:2:1: `stop` isn't a key of [gc]; they are `least_collections`, ",
            ),
            ("[gc]\nstop_ms = '3'\n", "h.toml:2:11: `stop_ms` should be a number of at least 0"),
            ("[gc]\nstop_ms = -1\n", "h.toml:2:11: `stop_ms` should be a number of at least 0"),
            ("[gc]\nstop_ms = nan\n", "h.toml:2:11: "),
            (
                "[gc]\nburst_least = 3\n",
                "h.toml:2:15: `burst_least` should be a size such as \"4MiB\"",
            ),
            ("[gcc]\nstop_ms = 1\n", "h.toml:1:"),
            ("gc = 3\n", "h.toml:1:6: "),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
