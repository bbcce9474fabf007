//! The thresholds of `heapdiff memory`, and their reader: the table `[memory]` of `heapdiff.toml`.

use super::thresholds::{self, Kind, Table};
use crate::toml_file::TomlError;

/// What may take memory before it is worth a finding. Sizes are in MiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryLimits {
    /// MiB below which nothing is worth a finding.
    pub least: f64,
    /// Fewest moments to judge a trend by.
    pub least_moments: f64,
    /// Percent by which something has to grow.
    pub growth_percent: f64,
    /// Percent of the resident set that is idle, not returned, and more than the heap needs until its
    /// next collection.
    pub idle_percent: f64,
    /// Percent of the resident set that Go has returned and the system still counts.
    pub lazy_percent: f64,
    /// Percent of the heap in use that holds no object.
    pub fragmentation_percent: f64,
    /// Percent of the limit that is live, below which a goal beyond the limit is a setting.
    pub goal_live_percent: f64,
    /// Percent of the resident set that is anonymous and not Go's.
    pub outside_percent: f64,
    /// Percent of Go's memory that profiling takes.
    pub buckets_percent: f64,
    /// Percent of the limit that a cgroup is charged for.
    pub charged_percent: f64,
    /// Percent of the limit that is anonymous, below which the charge is mostly page cache.
    pub anonymous_percent: f64,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            least: 16.0,
            least_moments: 6.0,
            growth_percent: 10.0,
            idle_percent: 30.0,
            lazy_percent: 20.0,
            fragmentation_percent: 40.0,
            goal_live_percent: 50.0,
            outside_percent: 20.0,
            buckets_percent: 5.0,
            charged_percent: 80.0,
            anonymous_percent: 60.0,
        }
    }
}

impl MemoryLimits {
    /// Reads the table `[memory]` of a file; what it doesn't set keeps its default.
    pub fn read(name: &str, text: &str) -> Result<Self, TomlError> {
        let mut limits = Self::default();
        thresholds::read(name, text, Table::Memory, &mut limits.keys())?;
        Ok(limits)
    }

    fn keys(&mut self) -> [thresholds::Key<'_>; 11] {
        use Kind::{Number, Size};
        [
            ("least", Size, &mut self.least),
            ("least_moments", Number, &mut self.least_moments),
            ("growth_percent", Number, &mut self.growth_percent),
            ("idle_percent", Number, &mut self.idle_percent),
            ("lazy_percent", Number, &mut self.lazy_percent),
            ("fragmentation_percent", Number, &mut self.fragmentation_percent),
            ("goal_live_percent", Number, &mut self.goal_live_percent),
            ("outside_percent", Number, &mut self.outside_percent),
            ("buckets_percent", Number, &mut self.buckets_percent),
            ("charged_percent", Number, &mut self.charged_percent),
            ("anonymous_percent", Number, &mut self.anonymous_percent),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryLimits;

    #[test]
    fn every_key_is_read_and_the_others_keep_their_defaults() {
        let read = |text: &str| MemoryLimits::read("h.toml", text).map_err(|e| e.to_string());
        let limits =
            read("[memory]\nleast = '1MiB'\nidle_percent = 50\n[gc]\nstop_ms = 3\n").unwrap();
        let expected = MemoryLimits { least: 1.0, idle_percent: 50.0, ..MemoryLimits::default() };
        assert_eq!(limits, expected);
        for (key, ..) in MemoryLimits::default().keys() {
            let all = [format!("[memory]\n{key} = 77\n"), format!("[memory]\n{key} = '77MiB'\n")];
            let changed: Vec<_> = all.iter().filter_map(|text| read(text).ok()).collect();
            assert_eq!(changed.len(), 1, "{key}");
            assert_ne!(changed[0], MemoryLimits::default(), "{key}");
        }
        let error = read("[memory]\nidle = 3\n").unwrap_err();
        let expected = "h.toml:2:1: `idle` isn't a key of [memory]; they are `least`, ";
        assert!(error.starts_with(expected), "{error}");
    }
}
