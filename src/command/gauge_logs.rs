//! What samples of memory don't say themselves, and where they come from besides files of their own.

use crate::model::gauges::{Gauge, GaugeLog, GaugeSample, GaugeTime};
use crate::model::profile::{Header, TimeSource};
use std::path::Path;

/// Says what the only number of a file is, by the file's name.
pub(super) fn named(mut log: GaugeLog, name: &str) -> Result<GaugeLog, String> {
    let [sample] = log.samples.as_mut_slice() else { return Ok(log) };
    let [reading] = sample.readings.as_mut_slice() else { return Ok(log) };
    if reading.gauge != Gauge::Unnamed {
        return Ok(log);
    }
    let file = Path::new(name).file_name().and_then(|file| file.to_str()).unwrap_or(name);
    let known = [
        ("memory.current", Gauge::CgroupCurrent),
        ("memory.max", Gauge::CgroupLimit),
        ("memory.limit", Gauge::CgroupLimit),
    ];
    let Some((field, gauge)) = known.into_iter().find(|(own, _)| file.contains(own)) else {
        return Err(
            "is a number alone, and its name doesn't say of what; name it memory.current or \
                    memory.max"
                .to_owned(),
        );
    };
    (reading.field, reading.gauge) = (field, gauge);
    Ok(log)
}

/// The statistics that a profile in text ends with, as a sample of this time.
pub(super) fn statistics(
    name: &str,
    header: &Header,
    (nanos, time_source): (i64, TimeSource),
) -> Option<GaugeLog> {
    let statistics = Some(header.memory_statistics.clone()?);
    let time = if nanos == 0 { GaugeTime::Unknown } else { GaugeTime::Utc(nanos) };
    let samples = vec![GaugeSample { time, statistics, ..GaugeSample::default() }];
    Some(GaugeLog { name: name.to_owned(), samples, time_source, ..GaugeLog::default() })
}
