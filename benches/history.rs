//! Measures the cost of a history: `cargo bench --profile dist --bench history`; append `-- 50 100`
//! for these sizes.
//!
//! One profile of size M becomes N snapshots of a service, an interval apart: the same stacks, each with values that
//! grow or sway in their own way. (Equal files would be recognised as copies and skipped.) Two things are measured,
//! each in its own process, so that their memory doesn't mix:
//!
//! - decoding all files one after the other on one thread, dropping each before reading the next. Nothing that reads
//!   all of them can be cheaper;
//! - `heapdiff leaks FILES` through [`heapdiff::command::run`], from the files to the last byte of the table.
//!
//! The ratio is the time of the second, times the cores, to the time of the first: 1 would be decoding alone, spread
//! evenly over the cores. Peak memory is the high-water mark that Linux keeps per process; elsewhere it isn't shown.
//!
//! `HEAPDIFF_BENCH_PROFILE=FILE` uses another profile, `HEAPDIFF_BENCH_QUESTION=timeline` another command.

#[expect(dead_code, reason = "shared with the other benchmark, which uses the rest")]
mod generate;

use flate2::bufread::MultiGzDecoder;
use generate::Shape;
use heapdiff::command::{self, Console};
use heapdiff::input;
use heapdiff::input::pprof::encode;
use heapdiff::model::profile::Profile;
use heapdiff::parallel;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Default number of snapshots.
const COUNTS: [usize; 4] = [50, 100, 200, 400];
/// Runs of each measurement; the fastest counts.
const RUNS: usize = 3;
/// Nanoseconds between two snapshots.
const INTERVAL: i64 = 60_000_000_000;
/// Tells a child process its role.
const ROLE: &str = "HEAPDIFF_BENCH_ROLE";

fn main() -> io::Result<()> {
    if let Some(role) = std::env::var_os(ROLE) {
        return child(&role);
    }
    let asked: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let counts = if asked.is_empty() { COUNTS.to_vec() } else { asked };
    let folder = std::env::temp_dir().join(format!("heapdiff-history-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = measure(&counts, &folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn measure(counts: &[usize], folder: &Path) -> io::Result<()> {
    let files = snapshots(counts.iter().copied().max().unwrap_or(0), folder)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut out = io::stdout().lock();
    writeln!(out, "{cores} cores, the fastest of {RUNS} runs")?;
    writeln!(
        out,
        "{:>5} {:>9} {:>12} {:>12} {:>14} {:>12}",
        "files", "MB packed", "decoded in", "answered in", "ratio × cores", "peak memory"
    )?;
    for &count in counts {
        let files = &files[..count];
        let bytes: u64 = files.iter().map(|file| fs::metadata(file).map_or(0, |m| m.len())).sum();
        let mut best: [Option<Cost>; 2] = [None, None];
        // Alternating, so that a busy machine affects both alike.
        for _ in 0..RUNS {
            for (best, role) in best.iter_mut().zip(["decode", "answer"]) {
                let cost = run(role, files)?;
                *best = Some(best.take().map_or(cost, |best| best.min(cost)));
            }
        }
        let [Some(decoded), Some(answered)] = best else { continue };
        let ratio = answered.time.as_secs_f64() / decoded.time.as_secs_f64() * cores as f64;
        let peak = answered
            .peak
            .map_or_else(|| "-".to_owned(), |kib| format!("{} MB", kib * 1024 / 1_000_000));
        writeln!(
            out,
            "{count:>5} {:>9.1} {:>10.2} s {:>10.2} s {ratio:>14.2} {peak:>12}",
            bytes as f64 / 1e6,
            decoded.time.as_secs_f64(),
            answered.time.as_secs_f64()
        )?;
        out.flush()?;
    }
    Ok(())
}

/// The cost of a child process.
#[derive(Clone, Copy, Debug)]
struct Cost {
    time: Duration,
    /// Peak memory in KiB.
    peak: Option<u64>,
}

impl Cost {
    fn min(self, other: Self) -> Self {
        Self {
            time: self.time.min(other.time),
            // For memory, the worst run counts.
            peak: self.peak.max(other.peak),
        }
    }
}

/// Runs this program again to do `role` with `files`.
fn run(role: &str, files: &[PathBuf]) -> io::Result<Cost> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(ROLE, role).args(files).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(nanos)), true) = (numbers.next(), output.status.success()) else {
        return Err(io::Error::other(format!("{role} failed: {}", output.status)));
    };
    Ok(Cost { time: Duration::from_nanos(nanos), peak: numbers.next().and_then(Result::ok) })
}

/// Runs the measured work, and prints nanoseconds and KiB.
fn child(role: &OsString) -> io::Result<()> {
    let files: Vec<OsString> = std::env::args_os().skip(1).collect();
    let start = Instant::now();
    if role == "decode" {
        // Unpacked beforehand, since the reader of packed profiles unpacks on another thread.
        let mut plain = Vec::new();
        parallel::limited(1, || {
            files.iter().try_for_each(|file| {
                plain.clear();
                MultiGzDecoder::new(BufReader::new(File::open(file)?)).read_to_end(&mut plain)?;
                input::read_profile(plain.as_slice()).map(drop).map_err(io::Error::other)
            })
        })?;
    } else {
        answer(files)?;
    }
    let nanos = start.elapsed().as_nanos();
    let peak = peak().map_or_else(String::new, |kib| kib.to_string());
    writeln!(io::stdout(), "{nanos} {peak}")
}

fn answer(files: Vec<OsString>) -> io::Result<()> {
    parallel::join_in();
    let question = std::env::var_os("HEAPDIFF_BENCH_QUESTION").unwrap_or_else(|| "leaks".into());
    let (mut out, mut err) = (io::sink(), io::stderr());
    let mut console = Console::of_streams(&mut out, &mut err);
    let args = ["heapdiff".into(), question, "--quiet".into()].into_iter().chain(files);
    match command::run(args, &mut console) {
        0 => Ok(()),
        code => Err(io::Error::other(format!("heapdiff ended with {code}"))),
    }
}

fn read(file: impl AsRef<Path>) -> io::Result<Profile> {
    input::read_profile(BufReader::new(File::open(file)?)).map_err(io::Error::other)
}

/// The peak memory of this process in KiB, if the system provides it in /proc.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Writes `count` snapshots of one service.
fn snapshots(count: usize, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let first = match std::env::var_os("HEAPDIFF_BENCH_PROFILE") {
        Some(file) => read(&file)?,
        None => {
            input::read_profile(Shape::MEDIUM.pair()[0].as_slice()).map_err(io::Error::other)?
        }
    };
    let start = first.header.time_nanos.max(1);
    (0..count)
        .map(|number| {
            let mut profile = first.clone();
            profile.header.time_nanos = start + number as i64 * INTERVAL;
            profile.header.duration_nanos = 0;
            age(&mut profile, number as i64);
            let file = folder.join(format!("heap-{number:04}.pb.gz"));
            let mut out = BufWriter::new(File::create(&file)?);
            encode::write(&profile, &mut out)?;
            out.flush()?;
            Ok(file)
        })
        .collect()
}

/// Values after this many intervals: allocated memory rises everywhere; memory in use rises in
/// every fiftieth sample and sways in the others. All by whole objects.
fn age(profile: &mut Profile, number: i64) {
    let width = profile.header.sample_types.len();
    if width != 4 {
        return;
    }
    for (sample, values) in profile.samples.values.chunks_exact_mut(width).enumerate() {
        let [alloc_objects, alloc_space, inuse_objects, inuse_space] = values else { continue };
        if *alloc_objects <= 0 {
            continue;
        }
        let size = (*alloc_space / *alloc_objects).max(1);
        let objects = (*inuse_objects).max(0);
        let sway = (sample as i64 * 7 + number * 5) % 11;
        let kept = match sample % 50 {
            0 => objects + (objects / 20 + 1) * number,
            _ => objects * (100 + sway) / 110,
        };
        *alloc_objects += (*alloc_objects / 50 + 1) * number + kept;
        *alloc_space = *alloc_objects * size;
        *inuse_objects = kept;
        *inuse_space = kept * size;
    }
}
