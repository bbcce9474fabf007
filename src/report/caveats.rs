//! Warns about inputs that might mislead, and about how they were handled.

use super::{Warning, WarningCode};
use crate::analysis::{identical, sampling, sampling_of};
use crate::model::goroutines::{DumpEnd, DumpFacts};
use crate::model::measures::{Kind, Negative, kind};
use crate::model::origin::is_standard_library;
use crate::model::profile::{Header, SampleType};
use crate::model::series::{Series, Snapshot};
use crate::model::symbols::is_build_id;
use crate::stats::sampling::Sampling;
use crate::units::{Bytes, Nanoseconds};
use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

fn warning(code: WarningCode, message: impl Into<String>) -> Warning {
    Warning { code, message: message.into() }
}

/// Warnings about a goroutine dump: that its end is missing, and that it isn't the only one.
fn of_dump(DumpFacts { end, dumps, number, line }: DumpFacts) -> Vec<Warning> {
    let cut = match end {
        DumpEnd::Whole => None,
        DumpEnd::AtLimit => Some(
            "has 64 MiB, at which Go's goroutine?debug=2 stops, so goroutines are missing; fetch \
             goroutine?debug=1, or goroutine without debug, which have all",
        ),
        DumpEnd::InGoroutine => Some(
            "ends in the middle of a goroutine, so this one is incomplete and others may be \
             missing; fetch it again, or use the whole log",
        ),
    };
    let cut = cut.map(|message| warning(WarningCode::Truncated, message));
    let others = (dumps > 1).then(|| {
        let which = if number == dumps {
            "the last".to_owned()
        } else {
            format!("number {number}, since a crash of one goroutine follows")
        };
        let message = format!(
            "has {dumps} dumps of goroutines; this is {which}, which begins in line {line}"
        );
        warning(WarningCode::Other, message)
    });
    cut.into_iter().chain(others).collect()
}

/// Warnings about one input with this number of samples, in a series of these sample types.
pub(super) fn of_snapshot(
    types: &[SampleType],
    snapshot: &Snapshot,
    samples: usize,
    negative: Negative,
) -> Vec<Warning> {
    let header = &snapshot.header;
    let heap = kind(header) == Kind::Heap;
    let mut warnings = Vec::new();
    if samples == 0 {
        let message = format!("has no samples: {}", why_empty(header));
        warnings.push(warning(WarningCode::EmptyProfile, message));
    }
    if header.is_incomplete {
        let message =
            "holds less than its first line says: its end seems to be missing; fetch it again";
        warnings.push(warning(WarningCode::Truncated, message));
    }
    warnings.extend(of_dump(header.dump));
    warnings.extend(difference(header, negative).filter(|_| heap));
    if heap && sampling_of(snapshot) == Sampling::Unknown && samples > 0 {
        let go = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"];
        let whole =
            !go.iter().all(|name| header.position(name).is_some()) || header.time_nanos != 0;
        let (code, message) = if whole {
            (
                WarningCode::NoSamplingPeriod,
                "records no sampling period, so there are no error bars",
            )
        } else {
            (
                WarningCode::Truncated,
                "records neither a sampling period nor a time: it may be truncated; there are no \
                 error bars",
            )
        };
        warnings.push(warning(code, message));
    }
    if header.sample_types != types {
        let left: Vec<String> = header
            .sample_types
            .iter()
            .filter(|t| types.iter().all(|known| known.name != t.name))
            .map(|t| t.name.clone())
            .collect();
        if !left.is_empty() {
            warnings.push(warning(
                WarningCode::DifferentSampleTypes,
                format!(
                    "has sample types that the other input lacks, left out: {}",
                    left.join(", ")
                ),
            ));
        }
    }
    warnings
}

/// Why a profile may have no samples.
fn why_empty(header: &Header) -> &'static str {
    let is_span = header.duration_nanos > 0;
    match kind(header) {
        Kind::Heap => "the profiler sampled no allocation, or profiling is off",
        Kind::Cpu => "no CPU time was spent while it was taken, or too little to be sampled",
        Kind::Contention if is_span => {
            "nothing waited while it was taken, or this profile is off (in Go, \
             runtime.SetBlockProfileRate and runtime.SetMutexProfileFraction turn it on)"
        }
        Kind::Contention => {
            "nothing has waited, or this profile is off (in Go, runtime.SetBlockProfileRate and \
             runtime.SetMutexProfileFraction turn it on)"
        }
        Kind::Goroutine if is_span => "no goroutine was added while it was taken",
        Kind::Goroutine => "no goroutine was recorded",
        Kind::Threads if is_span => "no thread was created while it was taken",
        Kind::Threads => "no thread was recorded",
        Kind::Other => "nothing was recorded",
    }
}

/// Warns that a heap profile is a difference of two, or that it only looks like one.
fn difference(header: &Header, negative: Negative) -> Option<Warning> {
    let has_negative = negative == Negative::Counts;
    let (code, what, span) = match header.duration_nanos {
        1.. => {
            let span = Nanoseconds(header.duration_nanos as f64);
            let what = if has_negative {
                "has negative values: a delta profile"
            } else {
                "is a delta profile"
            };
            (WarningCode::DeltaProfile, what, format!(" over {span} (from ?seconds=N)"))
        }
        _ if has_negative => {
            (WarningCode::NegativeValues, "has negative values: a delta profile", String::new())
        }
        _ if negative == Negative::Sizes => {
            return Some(warning(
                WarningCode::Other,
                "has sizes below zero, as programs write them for objects of unknown size; they are \
                 counted as recorded",
            ));
        }
        _ => return None,
    };
    let message = format!(
        "{what}{span}, not a snapshot of the heap; fetch it without seconds= to compare snapshots"
    );
    Some(warning(code, message))
}

/// Warnings about the comparison as a whole.
pub(super) fn of_series(series: &Series, is_diff: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let [before, after] = series.snapshots.as_slice() else { return warnings };
    if !is_diff {
        return warnings;
    }
    let heap = kind(&after.header) == Kind::Heap;
    let (b, a) = (&before.header, &after.header);
    if b.time_nanos != 0 && a.time_nanos != 0 && b.time_nanos > a.time_nanos {
        warnings.push(warning(
            WarningCode::SwappedOrder,
            format!(
                "the first profile is {} newer than the second; put the older one first",
                Nanoseconds(b.time_nanos.saturating_sub(a.time_nanos) as f64)
            ),
        ));
    }
    if heap && b.time_nanos == 0 && a.time_nanos == 0 && !identical(before, after) {
        warnings.push(warning(
            WarningCode::NoTime,
            "neither profile records when it was taken: they are compared in the order given",
        ));
    }
    if !before.samples.is_empty() && identical(before, after) {
        let why = if b.time_nanos == a.time_nanos {
            "the same profile was given twice"
        } else if heap {
            "no garbage collection ended between them, which is not the same as no growth; take \
             the second one later, or with ?gc=1"
        } else {
            nothing_between(&after.header)
        };
        warnings.push(warning(
            WarningCode::IdenticalData,
            format!("the two profiles hold the same data: {why}"),
        ));
    }
    if let (Some(x), Some(y)) = (before.main, after.main)
        && x.build_id != y.build_id
        && [x, y].iter().all(|main| is_build_id(series.symbols.text(main.build_id)))
    {
        warnings.push(warning(
            WarningCode::DifferentBuilds,
            "the two profiles come from different builds: functions are compared by name, so a \
             renamed function shows as one gone and one new",
        ));
    }
    // If one records no period, another warning covers the missing error bars.
    let period = |header: &Header| match sampling(header) {
        Sampling::Heap { period } => Some(period),
        Sampling::Exact if kind(header) == Kind::Heap => Some(1.0),
        _ => None,
    };
    if let (Some(x), Some(y)) = (period(b), period(a))
        && (x - y).abs() > 0.5
    {
        warnings.push(warning(
            WarningCode::DifferentPeriods,
            format!(
                "the two profiles have different sampling periods ({} and {}): the error bars \
                 account for that",
                Bytes(x),
                Bytes(y)
            ),
        ));
    }
    if b.sample_types
        .iter()
        .any(|t| a.position(&t.name).is_some_and(|p| a.sample_types[p].unit != t.unit))
    {
        warnings.push(warning(
            WarningCode::DifferentSampleTypes,
            "the two profiles give the same values in different units: the coarser one was scaled",
        ));
    }
    // Go's limit in physical frames was 32 up to 1.22 and has been 128 since.
    let (x, y) = (before.samples.deepest, after.samples.deepest);
    if heap && (x == 32) != (y == 32) && x.max(y) > 32 {
        warnings.push(warning(
            WarningCode::DifferentStackDepth,
            "one profile cuts its stacks at 32 frames (Go up to 1.22), the other doesn't: cum \
             values of outer functions aren't comparable",
        ));
    }
    warnings
}

/// Why two profiles other than heap profiles can be equal.
fn nothing_between(header: &Header) -> &'static str {
    match kind(header) {
        Kind::Goroutine => "as many goroutines are in the same places",
        Kind::Contention if header.duration_nanos == 0 => "nothing waited between them",
        Kind::Threads => "no thread was created between them",
        _ => "nothing else was recorded",
    }
}

/// Warns if before and after seem to be two programs.
pub(super) fn another_program(series: &Series, before: usize) -> Option<Warning> {
    let (first, last) = series.snapshots.split_at(before.min(series.snapshots.len()));
    let functions = |snapshots: &[Arc<Snapshot>]| {
        let mut names: HashSet<&str, FxBuildHasher> = HashSet::default();
        for location in snapshots.iter().flat_map(|snapshot| &snapshot.locations) {
            let lines = series.symbols.locations.lines(*location).iter();
            names.extend(lines.map(|line| series.symbols.name(line.function)));
        }
        names.retain(|name| !is_standard_library(name));
        names
    };
    let (a, b) = (functions(first), functions(last));
    let is_other = !a.is_empty() && !b.is_empty() && a.is_disjoint(&b);
    is_other.then(|| {
        let message = "before and after share no function outside the standard library: are they \
                       the same program?";
        warning(WarningCode::Other, message)
    })
}
