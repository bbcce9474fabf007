//! Reads what isn't a profile and says how much memory a process has: `rows` reads lists of times
//! and resident sets, `kernel` what Linux writes in `/proc` and of cgroups, `statistics` Go's
//! `runtime.MemStats` as JSON.
//!
//! Many of these are written by a line of shell, once or again and again into one file. So a time
//! may be before each sample, in any common form (`time`), and a file with a single sample may have
//! none. Then its name or its own time tells, which the caller knows.

pub(super) mod kernel;
pub(super) mod rows;
pub(super) mod statistics;
mod time;

pub(super) use time::of as time;

use super::{InputError, Meter};
use crate::model::builder::Share;
use crate::model::gauges::{GaugeLog, GaugeSample, GaugeTime, Reading};
use std::io::{BufRead, BufReader, Read};

/// Bytes of the longest line.
const LONGEST: u64 = 64 * 1024;
/// Samples after which they are weighed again.
const BATCH: usize = 256;

/// As much of a text as a message has room for.
fn beginning(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The lines of a text, each with its number from 1 and without its end.
struct Lines<'a> {
    reader: BufReader<&'a mut dyn Read>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    fn new(reader: &'a mut dyn Read) -> Self {
        Self { reader: BufReader::new(reader), line: Vec::new(), number: 0 }
    }

    /// The next line; `None` at the end.
    fn next(&mut self) -> Result<Option<(u64, String)>, InputError> {
        self.line.clear();
        let read = self.reader.by_ref().take(LONGEST + 1).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if read as u64 > LONGEST {
            let expected = format!("expected a line of at most {LONGEST} bytes");
            return Err(InputError::Record { line: self.number, expected });
        }
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        Ok(Some((self.number, text.to_owned())))
    }
}

/// Samples, as they are read.
struct Samples<'a> {
    log: GaugeLog,
    meter: Meter<'a>,
    weight: u64,
}

impl<'a> Samples<'a> {
    fn new(meter: Meter<'a>) -> Self {
        Self { log: GaugeLog::default(), meter, weight: 0 }
    }

    fn add(&mut self, sample: GaugeSample) -> Result<(), InputError> {
        if sample.is_empty() {
            return Ok(());
        }
        let numbers = sample.statistics.as_ref().map_or(0, |one| one.numbers.len());
        self.weight += (size_of::<GaugeSample>()
            + 2 * sample.readings.len() * size_of::<Reading>()
            + 64 * numbers) as u64;
        self.log.samples.push(sample);
        let count = self.log.samples.len();
        if count.is_multiple_of(BATCH) {
            let share = Share { what: "samples", count: count as u64, bytes: self.weight };
            self.meter.weigh([share].into_iter())?;
        }
        Ok(())
    }

    /// The samples in order of time.
    fn finish(mut self) -> GaugeLog {
        let at = |sample: &GaugeSample| match sample.time {
            GaugeTime::Unknown => i64::MIN,
            GaugeTime::Utc(nanos) | GaugeTime::SinceStart(nanos) => nanos,
        };
        if self.log.samples.iter().all(|sample| sample.time != GaugeTime::Unknown) {
            self.log.samples.sort_by_key(at);
        }
        self.log
    }
}
