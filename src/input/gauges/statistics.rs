//! Reads Go's memory statistics as JSON: `runtime.MemStats` as `encoding/json` writes it, the
//! `memstats` of `/debug/vars`, and lists of samples whose keys are spelled like `heap_alloc`.
//!
//! Keys are Go's names in any spelling; what isn't known is skipped. A sample may have a time, the
//! resident set and the number of goroutines beside the statistics.

use super::time;
use super::{Samples, beginning};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::gauges::{Gauge, GaugeSample, GaugeTime};
use crate::model::memory_statistics::MemoryStatistics;
use memchr::memmem;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::cell::RefCell;
use std::fmt;
use std::io::Read;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "list of Go's memory statistics",
    holds: Holds::Gauges,
    sniff: Sniff::Line(is_statistics),
    read,
};

/// Go's names of the statistics that are kept.
const NAMES: [&str; 29] = [
    "Alloc",
    "TotalAlloc",
    "Sys",
    "Lookups",
    "Mallocs",
    "Frees",
    "HeapAlloc",
    "HeapSys",
    "HeapIdle",
    "HeapInuse",
    "HeapReleased",
    "HeapObjects",
    "StackInuse",
    "StackSys",
    "MSpanInuse",
    "MSpanSys",
    "MCacheInuse",
    "MCacheSys",
    "BuckHashSys",
    "GCSys",
    "OtherSys",
    "NextGC",
    "LastGC",
    "PauseTotalNs",
    "NumGC",
    "NumForcedGC",
    "GCCPUFraction",
    "DebugGC",
    "EnableGC",
];
/// Keys of the time of a sample.
const TIMES: [&str; 7] = ["time", "timestamp", "unixnano", "unix", "unixms", "ts", "t"];
/// Other keys that are used.
const GAUGES: [(&str, &str, Gauge); 6] = [
    ("rss", "rss", Gauge::Rss),
    ("vmrss", "rss", Gauge::Rss),
    ("goroutines", "goroutines", Gauge::Goroutines),
    ("numgoroutine", "goroutines", Gauge::Goroutines),
    ("gomemlimit", "GOMEMLIMIT", Gauge::GoLimit),
    ("memorylimit", "GOMEMLIMIT", Gauge::GoLimit),
];
/// `math.MaxInt64`, which stands for no limit.
const NO_LIMIT: u64 = i64::MAX as u64;

/// Whether a text is JSON with statistics near its beginning.
fn is_statistics(text: &[u8]) -> bool {
    let start = text.trim_ascii_start();
    let keys =
        ["\"HeapAlloc\":", "\"heap_alloc\":", "\"HeapInuse\":", "\"heap_inuse\":", "\"memstats\":"];
    (start.starts_with(b"{") || start.starts_with(b"["))
        && keys.iter().any(|key| memmem::find(text, key.as_bytes()).is_some())
}

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    let samples = RefCell::new(Samples::new(meter));
    let failed = RefCell::new(None);
    let mut json = serde_json::Deserializer::from_reader(std::io::BufReader::new(reader));
    loop {
        let into = Into { samples: &samples, failed: &failed };
        match into.deserialize(&mut json) {
            Ok(()) => {}
            Err(_) if failed.borrow().is_some() => {
                return Err(failed.take().unwrap_or(InputError::Empty));
            }
            Err(error) if error.is_io() => return Err(InputError::Io(error.into())),
            Err(error) => return Err(refused(&error)),
        }
        // Several documents in a row, one for each sample.
        if json.end().is_ok() {
            break;
        }
    }
    let log = samples.into_inner().finish();
    if log.samples.is_empty() {
        return Err(InputError::Record {
            line: 1,
            expected:
                "expected objects with HeapAlloc, HeapInuse or rss, found none; write them with \
                       json.Marshal of a runtime.MemStats"
                    .to_owned(),
        });
    }
    Ok(Content::Gauges(log))
}

fn refused(error: &serde_json::Error) -> InputError {
    let what = error.to_string();
    let what = beginning(what.split(" at line ").next().unwrap_or_default());
    InputError::Record {
        line: error.line() as u64,
        expected: format!(
            "expected JSON of Go's memory statistics, found {what} in column {}; write it again",
            error.column()
        ),
    }
}

/// Where samples go, at the top of the text and in its lists.
#[derive(Clone, Copy)]
struct Into<'a, 'm> {
    samples: &'a RefCell<Samples<'m>>,
    failed: &'a RefCell<Option<InputError>>,
}

impl<'de> DeserializeSeed<'de> for Into<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Into<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with memory statistics, or a list of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut sample = GaugeSample::default();
        Fields(&mut sample).visit_map(map)?;
        let added = self.samples.borrow_mut().add(sample);
        added.map_err(|error| {
            let message = error.to_string();
            self.failed.replace(Some(error));
            A::Error::custom(message)
        })
    }
}

/// The fields of a sample, also in objects within it.
struct Fields<'a>(&'a mut GaugeSample);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with memory statistics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
            let plain = plain.to_ascii_lowercase();
            if plain == "memstats" || plain == "memorystatistics" {
                map.next_value_seed(Fields(self.0))?;
                continue;
            }
            let name = NAMES.iter().find(|name| name.eq_ignore_ascii_case(&plain));
            let gauge = GAUGES.iter().find(|(own, ..)| *own == plain);
            let is_time = TIMES.contains(&plain.as_str());
            if name.is_none() && gauge.is_none() && !is_time {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let scalar = map.next_value::<Scalar>()?;
            if is_time && self.0.time == GaugeTime::Unknown {
                self.0.time = scalar.time();
            } else if let Some((_, field, gauge)) = gauge {
                let value = scalar.whole().and_then(|value| u64::try_from(value).ok());
                if let Some(value) = value {
                    let value = if value >= NO_LIMIT { u64::MAX } else { value };
                    self.0.add(*gauge, field, value);
                }
            } else if let Some(name) = name {
                let statistics = self.0.statistics.get_or_insert_with(MemoryStatistics::default);
                match (*name, scalar.whole()) {
                    ("GCCPUFraction", _) => statistics.collector_share = scalar.number(),
                    (name, Some(value)) => statistics.set(name, value),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// A value that is used if it is a number or a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Whole(i64),
    Number(f64),
    Text(String),
    Other(IgnoredAny),
}

impl Scalar {
    fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(value) => Some(*value),
            Self::Number(value) if value.abs() < 9e18 => Some(*value as i64),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(value) => Some(*value as f64),
            Self::Number(value) => Some(*value).filter(|value| value.is_finite()),
            _ => None,
        }
    }

    fn time(&self) -> GaugeTime {
        match self {
            Self::Whole(value) => time::of(&value.to_string()),
            Self::Number(value) => time::of(&format!("{value:.6}")),
            Self::Text(text) => time::of(text),
            Self::Other(_) => None,
        }
        .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Budget, Inflate};
    use crate::model::gauges::GaugeLog;

    fn read_text(text: &str) -> Result<GaugeLog, String> {
        match crate::input::read(text.as_bytes(), Budget::default(), Inflate::Here) {
            Ok(Content::Gauges(log)) => Ok(log),
            Ok(other) => panic!("{text}: {other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    fn number(sample: &GaugeSample, name: &str) -> Option<i64> {
        sample.statistics.as_ref()?.numbers.get(name).copied()
    }

    #[test]
    fn statistics_are_read_in_every_spelling() {
        for text in [
            r#"[{"snapshot": 0, "unix_nano": 1795836379000000000, "heap_alloc": 7, "heap_inuse": 9, "num_gc": 5, "rss": 17, "goroutines": 3}]"#,
            r#"{"time": "2026-11-28T03:26:19Z", "HeapAlloc": 7, "HeapInuse": 9, "NumGC": 5, "PauseNs": [1, 2], "BySize": [{"Size": 8, "Mallocs": 4}], "rss": 17, "goroutines": 3}"#,
            r#"{"cmdline": ["./server"], "memstats": {"HeapAlloc": 7, "HeapInuse": 9, "NumGC": 5, "BySize": []}, "rss": 17, "goroutines": 3, "t": 1795836379}"#,
        ] {
            let log = read_text(text).unwrap();
            assert_eq!(log.samples.len(), 1, "{text}");
            let sample = &log.samples[0];
            assert_eq!(sample.time, GaugeTime::Utc(1_795_836_379_000_000_000), "{text}");
            let numbers = ["HeapAlloc", "HeapInuse", "NumGC", "Mallocs"];
            let found = numbers.map(|name| number(sample, name));
            assert_eq!(found, [Some(7), Some(9), Some(5), None], "{text}");
            assert_eq!(sample.get(Gauge::Rss).map(|one| one.value), Some(17), "{text}");
            assert_eq!(sample.get(Gauge::Goroutines).map(|one| one.value), Some(3), "{text}");
        }
        let lines = "{\"HeapAlloc\":1,\"ts\":1795836389}\n{\"HeapAlloc\":2,\"ts\":1795836379}\n";
        let log = read_text(lines).unwrap();
        let alloc = |sample: &GaugeSample| number(sample, "HeapAlloc");
        assert_eq!(log.samples.iter().map(alloc).collect::<Vec<_>>(), [Some(2), Some(1)]);
        let limit = r#"{"HeapAlloc": 1, "gomemlimit": 9223372036854775807}"#;
        let limit = read_text(limit).unwrap().samples[0].get(Gauge::GoLimit);
        assert_eq!(limit.map(|one| one.value), Some(u64::MAX));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cut = read_text("[{\"heap_alloc\": 7},\n {\"heap_alloc\": ").unwrap_err();
        assert!(cut.contains("line 2: expected JSON of Go's memory statistics"), "{cut}");
        let none = read_text(r#"{"memstats": {"x": 1}}"#).unwrap_err();
        assert!(none.contains("expected objects with HeapAlloc"), "{none}");
        let twice = read_text("{\"HeapAlloc\": 7} x").unwrap_err();
        assert!(twice.contains("line 1: expected JSON"), "{twice}");
    }
}
