//! Reads what Linux says about a process (`/proc/PID/smaps_rollup`, `smaps` and `status`) and about a
//! cgroup of version 2 (`memory.current`, `memory.max`, `memory.stat`, `memory.events`).
//!
//! A file may be a copy of one of these, or have many samples of several of them, each after a line
//! with its time: `date -u +%FT%TZ; cat /proc/PID/smaps_rollup`. Names in front of lines, as `grep -H`
//! and `tail` write them, are used. A number alone says nothing about itself; then the name of the
//! file has to tell what it is.

use super::time;
use super::{Lines, Samples, beginning};
use crate::input::{Content, Format, Holds, InputError, Meter, Sniff};
use crate::model::gauges::{Gauge, GaugeSample, GaugeTime};
use std::io::Read;

/// The entry in the list of formats.
pub(in crate::input) const FORMAT: Format = Format {
    name: "memory sample of Linux",
    holds: Holds::Gauges,
    sniff: Sniff::Start(is_kernel),
    read,
};

/// Lines of `/proc/PID/smaps_rollup` and `status`, which have a number of kB.
const OF_PROCESS: [(&str, Gauge); 13] = [
    ("Rss", Gauge::Rss),
    ("Pss", Gauge::Pss),
    ("Anonymous", Gauge::Anonymous),
    ("Private_Clean", Gauge::PrivateClean),
    ("Private_Dirty", Gauge::PrivateDirty),
    ("LazyFree", Gauge::LazyFree),
    ("AnonHugePages", Gauge::HugePages),
    ("Swap", Gauge::Swap),
    ("VmRSS", Gauge::Rss),
    ("RssAnon", Gauge::Anonymous),
    ("RssFile", Gauge::File),
    ("RssShmem", Gauge::Shared),
    ("VmSwap", Gauge::Swap),
];

/// Lines of `memory.stat` and `memory.events`.
const OF_CGROUP: [(&str, Gauge); 9] = [
    ("anon", Gauge::CgroupAnonymous),
    ("file", Gauge::CgroupFile),
    ("file_mapped", Gauge::CgroupMapped),
    ("inactive_file", Gauge::CgroupInactive),
    ("shmem", Gauge::CgroupShared),
    ("kernel", Gauge::CgroupKernel),
    ("sock", Gauge::CgroupSockets),
    ("max", Gauge::CgroupLimitHits),
    ("oom_kill", Gauge::CgroupKills),
];

/// Lines of `memory.stat` that add up to `kernel`, which systems before Linux 5.18 don't have.
const IN_KERNEL: [&str; 5] = ["kernel_stack", "pagetables", "percpu", "vmalloc", "slab"];
/// What their sum is called.
const KERNEL: &str = "kernel_stack + pagetables + percpu + vmalloc + slab";

/// Files with one number.
const WITH_ONE: [(&str, Gauge); 2] =
    [("memory.current", Gauge::CgroupCurrent), ("memory.max", Gauge::CgroupLimit)];

/// Files whose lines name themselves.
const WITH_NAMES: [&str; 4] = ["memory.stat", "memory.events", "smaps_rollup", "status"];

/// What a line is.
enum Line<'t> {
    Empty,
    Time(GaugeTime),
    /// A number alone; `None` for `max`.
    Number(&'t str, u64),
    Field(&'t str, u64),
    /// The beginning of a mapping; whether it stands for all.
    Mapping {
        is_rollup: bool,
    },
    /// Of one of these files, but without a use.
    Unused,
    Other,
}

fn line(text: &str) -> Line<'_> {
    let text = text.trim();
    if text.is_empty() {
        return Line::Empty;
    }
    if let Some(number) = amount(text) {
        return Line::Number(text, number);
    }
    if let Some(time) = time::of(text) {
        return Line::Time(time);
    }
    if let Some((name, value)) = text.split_once(':') {
        let is_name =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let value = value.trim();
        if is_name && let Some(kibibytes) = value.strip_suffix("kB") {
            return kibibytes.trim().parse::<u64>().map_or(Line::Other, |kibibytes| {
                Line::Field(name, kibibytes.saturating_mul(1024))
            });
        }
        let is_of_status = ["Name", "Umask", "State", "Threads", "THPeligible", "VmFlags"]
            .contains(&name)
            || value.bytes().all(|byte| byte.is_ascii_hexdigit() || b"\t ,-".contains(&byte));
        if is_name && is_of_status && !name.is_empty() {
            return Line::Unused;
        }
    }
    let mut words = text.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(name), Some(number), None) if is_key(name) => {
            number.parse().map_or(Line::Other, |number| Line::Field(name, number))
        }
        (Some(range), Some(flags), Some(_)) if is_range(range) && flags.len() == 4 => {
            Line::Mapping { is_rollup: text.ends_with("[rollup]") }
        }
        _ => Line::Other,
    }
}

fn is_key(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
}

fn is_range(text: &str) -> bool {
    let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit());
    text.split_once('-').is_some_and(|(from, to)| is_hex(from) && is_hex(to))
}

/// A number alone, or `max`.
fn amount(text: &str) -> Option<u64> {
    match text {
        "max" => Some(u64::MAX),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

/// The file that a line names, and what is after the name: `==> memory.stat <==`, and
/// `/sys/fs/cgroup/memory.stat:anon 4096`.
fn named(text: &str) -> Option<(&'static str, &str)> {
    let (path, rest) = match text.strip_prefix("==> ") {
        Some(path) => (path.strip_suffix(" <==")?, ""),
        None => text.split_once(':')?,
    };
    let file = path.rsplit('/').next()?;
    let known = WITH_ONE.iter().map(|(name, _)| *name).chain(WITH_NAMES);
    // What other lines call themselves isn't a file: `status: ok`.
    let is_file = path.contains('/') || path.starts_with("memory.") || rest.is_empty();
    known.into_iter().find(|name| *name == file && is_file).map(|name| (name, rest))
}

fn gauge(name: &str) -> Option<(&'static str, Gauge)> {
    let known = OF_PROCESS.iter().chain(&OF_CGROUP);
    known.into_iter().find(|(own, _)| *own == name).copied()
}

/// Whether a text begins like one of these files, after lines with a time.
fn is_kernel(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(&head[..head.len().min(512)]) else {
        // The last character may be cut.
        return false;
    };
    let mut lines = text.lines().map(str::trim).filter(|text| !text.is_empty()).peekable();
    let mut numbers = 0;
    while let Some(text) = lines.next() {
        if named(text).is_some() {
            return true;
        }
        match line(text) {
            Line::Time(_) => {}
            Line::Number(..) => {
                numbers += 1;
                // One number alone, or times and numbers.
                if numbers > 1 || lines.peek().is_none() {
                    return numbers > 1 || text.len() < head.len() + 1;
                }
            }
            Line::Mapping { is_rollup } => return is_rollup || text.contains("-p 00000000"),
            Line::Field(name, _) => return gauge(name).is_some() || name == "low",
            Line::Unused => return text.starts_with("Name:") && head.starts_with(b"Name:\t"),
            Line::Empty | Line::Other => return false,
        }
    }
    false
}

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    let mut lines = Lines::new(reader);
    let mut samples = Samples::new(meter);
    let mut open = Open::default();
    while let Some((number, text)) = lines.next()? {
        open.take(number, &text, &mut samples)?;
    }
    open.finish(&mut samples)?;
    let log = samples.finish();
    if log.samples.is_empty() {
        return Err(InputError::Record {
            line: lines.number,
            expected: "expected a line such as `Rss: 4096 kB` or `anon 4096` before the end; \
                       append smaps_rollup or memory.stat to the file"
                .to_owned(),
        });
    }
    Ok(Content::Gauges(log))
}

/// The sample that is being read.
#[derive(Default)]
struct Open {
    sample: GaugeSample,
    /// The file that the lines are of, if a line said so.
    file: Option<&'static str>,
    /// Whether mappings are added up.
    adds: bool,
    /// The sums of [`IN_KERNEL`].
    kernel: u64,
    /// A number that may be a time: what comes next tells.
    number: Option<(u64, String, u64)>,
}

impl Open {
    fn take(
        &mut self,
        number: u64,
        text: &str,
        samples: &mut Samples<'_>,
    ) -> Result<(), InputError> {
        let mut text = text;
        if let Some((file, rest)) = named(text) {
            self.number(false, samples)?;
            self.file = Some(file);
            text = rest;
        }
        let line = line(text);
        match line {
            Line::Empty => return Ok(()),
            Line::Number(..) => self.number(true, samples)?,
            _ => self.number(false, samples)?,
        }
        match line {
            Line::Time(time) => self.begin(time, samples)?,
            Line::Number(text, value) => match self.file.take() {
                Some(file) => {
                    let known = WITH_ONE.iter().find(|(name, _)| *name == file);
                    if let Some(&(name, gauge)) = known {
                        self.add(gauge, name, value, samples)?;
                    }
                }
                None => self.number = Some((number, text.to_owned(), value)),
            },
            Line::Field(name, value) => self.field(name, value, samples)?,
            Line::Mapping { is_rollup } => {
                let is_next = is_rollup && self.sample.get(Gauge::Rss).is_some();
                if is_next && !self.adds {
                    self.begin(GaugeTime::Unknown, samples)?;
                }
                self.adds = !is_rollup;
            }
            Line::Empty | Line::Unused => {}
            Line::Other => samples.log.skipped += 1,
        }
        Ok(())
    }

    /// Decides what a number alone was: a time if another number or a field follows, else the
    /// memory of a cgroup.
    fn number(
        &mut self,
        is_number_next: bool,
        samples: &mut Samples<'_>,
    ) -> Result<(), InputError> {
        let Some((line, text, value)) = self.number.take() else { return Ok(()) };
        let follows_time = self.sample.time != GaugeTime::Unknown && self.sample.is_empty();
        if !follows_time && let Some(time) = time::since_epoch(&text) {
            return self.begin(time, samples);
        }
        let is_current = self.sample.get(Gauge::CgroupCurrent).is_none();
        if follows_time && is_current && value != u64::MAX {
            self.sample.add(Gauge::CgroupCurrent, "memory.current", value);
            return Ok(());
        }
        if value == u64::MAX {
            self.sample.add(Gauge::CgroupLimit, "memory.max", value);
            return Ok(());
        }
        if is_current && !is_number_next {
            self.sample.add(Gauge::CgroupCurrent, "memory.current", value);
            return Ok(());
        }
        Err(InputError::Record {
            line,
            expected: format!(
                "expected one number for each time, found {}; write the names of the files with them: \
                 grep -H . /sys/fs/cgroup/memory.current /sys/fs/cgroup/memory.max",
                beginning(&text)
            ),
        })
    }

    fn field(
        &mut self,
        name: &str,
        value: u64,
        samples: &mut Samples<'_>,
    ) -> Result<(), InputError> {
        if IN_KERNEL.contains(&name) {
            self.kernel = self.kernel.saturating_add(value);
        }
        match gauge(name) {
            Some((field, gauge)) => self.add(gauge, field, value, samples),
            None => Ok(()),
        }
    }

    fn add(
        &mut self,
        gauge: Gauge,
        field: &'static str,
        value: u64,
        samples: &mut Samples<'_>,
    ) -> Result<(), InputError> {
        let known = self.sample.readings.iter_mut().find(|reading| reading.gauge == gauge);
        match known {
            Some(reading) if self.adds && reading.field == field => {
                reading.value = reading.value.saturating_add(value);
            }
            // Another file says the same.
            Some(reading) if reading.field != field => {}
            Some(_) => {
                self.begin(GaugeTime::Unknown, samples)?;
                self.sample.add(gauge, field, value);
            }
            None => self.sample.add(gauge, field, value),
        }
        Ok(())
    }

    /// Begins the next sample.
    fn begin(&mut self, time: GaugeTime, samples: &mut Samples<'_>) -> Result<(), InputError> {
        if self.sample.get(Gauge::CgroupKernel).is_none() && self.kernel > 0 {
            self.sample.add(Gauge::CgroupKernel, KERNEL, self.kernel);
        }
        self.kernel = 0;
        self.adds = false;
        self.file = None;
        let next = GaugeSample { time, ..GaugeSample::default() };
        samples.add(std::mem::replace(&mut self.sample, next))
    }

    fn finish(mut self, samples: &mut Samples<'_>) -> Result<(), InputError> {
        let is_alone = self.sample == GaugeSample::default() && samples.log.samples.is_empty();
        if is_alone && let Some((_, _, value)) = self.number.take() {
            self.sample.add(Gauge::Unnamed, "", value);
        }
        self.number(false, samples)?;
        self.begin(GaugeTime::Unknown, samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Budget, Inflate};
    use crate::model::gauges::GaugeLog;

    fn log(text: &str) -> GaugeLog {
        match crate::input::read(text.as_bytes(), Budget::default(), Inflate::Here).unwrap() {
            Content::Gauges(log) => log,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn values(sample: &GaugeSample) -> Vec<(&'static str, u64)> {
        sample.readings.iter().map(|reading| (reading.field, reading.value)).collect()
    }

    const ROLLUP: &str = "55d435c6f000-7fff6888d000 ---p 00000000 00:00 0                          [rollup]\n\
        Rss:                1620 kB\nPss:                 474 kB\nShared_Clean:       1396 kB\n\
        Private_Dirty:       116 kB\nAnonymous:           116 kB\nLazyFree:              0 kB\n";
    const STAT: &str =
        "anon 4096\nfile 8192\nkernel_stack 16384\npagetables 100\nslab 50\nshmem 0\n";

    #[test]
    fn a_copy_of_each_file_is_read() {
        let rollup = log(ROLLUP);
        assert_eq!(rollup.samples.len(), 1);
        assert_eq!(rollup.samples[0].get(Gauge::Rss).map(|one| one.value), Some(1620 << 10));
        assert_eq!(rollup.samples[0].get(Gauge::LazyFree).map(|one| one.value), Some(0));
        let stat = log(STAT);
        assert_eq!(
            values(&stat.samples[0]),
            [("anon", 4096), ("file", 8192), ("shmem", 0), (KERNEL, 16_534)]
        );
        let status = log("Name:\tserver\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\n\
                          VmRSS:\t    2188 kB\nRssAnon:\t     148 kB\nThreads:\t3\n");
        assert_eq!(values(&status.samples[0]), [("VmRSS", 2188 << 10), ("RssAnon", 148 << 10)]);
        assert_eq!(status.skipped, 0);
        assert_eq!(values(&log("123456789\n").samples[0]), [("", 123_456_789)]);
        assert_eq!(values(&log("max\n").samples[0]), [("", u64::MAX)]);
        let events = log("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n");
        assert_eq!(values(&events.samples[0]), [("max", 12), ("oom_kill", 1)]);
        let mapping = |from: &str, rss: u32| {
            format!(
                "{from}-7fff6888d000 rw-p 00000000 00:00 0\nRss: {rss} kB\nAnonymous: {rss} kB\n"
            )
        };
        let maps = log(&[mapping("5500", 4), mapping("5600", 8)].concat());
        assert_eq!(values(&maps.samples[0]), [("Rss", 12 << 10), ("Anonymous", 12 << 10)]);
    }

    #[test]
    fn repeated_samples_have_the_time_before_them() {
        let first = GaugeTime::Utc(1_795_836_379_000_000_000);
        let second = GaugeTime::Utc(1_795_836_389_000_000_000);
        for (a, b) in [
            ("2026-11-28T03:26:19Z", "2026-11-28T03:26:29Z"),
            ("Sat Nov 28 03:26:19 UTC 2026", "Sat Nov 28 03:26:29 UTC 2026"),
            ("1795836379", "1795836389"),
            ("1795836379.0", "1795836389.0"),
        ] {
            for body in [ROLLUP, STAT, "1795836381\n", "memory.current:77\nmemory.max:max\n"] {
                let log = log(&format!("{a}\n{body}\n{b}\n{body}"));
                let times: Vec<GaugeTime> = log.samples.iter().map(|one| one.time).collect();
                assert_eq!(times, [first, second], "{a} {body}");
                assert_eq!(log.samples[0].readings, log.samples[1].readings, "{a} {body}");
                assert_eq!(log.skipped, 0, "{a} {body}");
            }
        }
        let files = log("2026-11-28T03:26:19Z\n/sys/fs/cgroup/memory.current:5000000000\n\
                         /sys/fs/cgroup/memory.max:max\n/sys/fs/cgroup/memory.stat:anon 4096\n\
                         ==> memory.events <==\nmax 3\n\n==> /proc/7/smaps_rollup <==\nRss: 4 kB\n");
        assert_eq!(
            values(&files.samples[0]),
            [
                ("memory.current", 5_000_000_000),
                ("memory.max", u64::MAX),
                ("anon", 4096),
                ("max", 3),
                ("Rss", 4096)
            ]
        );
        let untimed = log(&[ROLLUP, ROLLUP].concat());
        assert_eq!(untimed.samples.len(), 2);
        assert!(untimed.is_untimed());
    }

    #[test]
    fn other_text_is_not_taken_for_it() {
        for text in [
            "listening on :80\nanon 4096\n",
            "status: ok\n",
            "gc 1 @0.1s\n",
            "12 monkeys\n",
            "heap profile: 1: 2 [3: 4] @ heap/1\n",
            "error: 17 kB missing\n",
            "",
        ] {
            assert!(!is_kernel(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn numbers_that_nothing_names_are_refused() {
        let text = "2026-11-28T03:26:19Z\n12345\n99999\n";
        let error = crate::input::read(text.as_bytes(), Budget::default(), Inflate::Here);
        let Err(error) = error else { panic!("read") };
        let message = error.to_string();
        assert!(message.contains("line 3: expected one number for each time"), "{message}");
    }
}
