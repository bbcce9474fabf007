//! `heapdiff memory INPUT...`: where the resident memory of a process is, from whatever there is.

use super::advised::Profiles;
use super::process::{self, ProcessArgs};
use super::symbols::SymbolArgs;
use super::values::size;
use super::whole::{self, WholeArgs};
use super::{CommandError, Console, page_process, run};
use crate::analysis::memory::MemoryAsked;
use crate::output::{self, Format};
use crate::report::memory::MemoryReport;
use crate::report::page::{Page, Shown};
use crate::rules::memory::MemoryLimits;
use clap::Args;

/// Show where the resident memory is: a waterfall that adds up
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff memory [OPTIONS] INPUT...",
    after_help = "\
Examples:
  heapdiff memory heap-debug1.txt smaps_rollup    one moment: each part of the resident set
  heapdiff memory memstats.json server.log        the live heap from the collector's log
  heapdiff memory --rss rss.csv heap-*.txt        several moments: where the growth went
  heapdiff memory --limit 2GiB cgroup.txt         how far the limit is
  heapdiff memory incident/                       whatever is in a folder
  heapdiff memory incident/ -o memory.html        a page for a browser

Inputs are heap profiles (those with ?debug=1 have Go's statistics), runtime.MemStats or /debug/vars \
as JSON, logs with gctrace lines, goroutine profiles, /proc/PID/smaps_rollup and status, a cgroup's \
memory.current, memory.max, memory.stat and memory.events, and lists of times and resident sets. A \
file may have many samples of these, each after a line with its time. What is missing is named with \
the command that records it. It looks for: M1 live-grows, M2 idle-kept, M3 returned-lazily, M4 \
fragmented, M5 goal-beyond-limit, M6 outside-grows, M7 profiler-buckets and M8 page-cache-counted. \
Their thresholds are keys of [memory] in heapdiff.toml (see docs/guide.md). CSV has a line per \
moment and part, and docs/schema/memory.v1.json describes the JSON."
)]
pub(super) struct MemoryArgs {
    /// Inputs of one process, in any order, also packed. Files, folders or globs; `-` reads standard input
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    whole: WholeArgs,
    /// Say how far SIZE is [default: the limit in the inputs]
    #[arg(long, value_name = "SIZE", value_parser = size::<u64>, allow_negative_numbers = true)]
    limit: Option<u64>,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn answer(
    args: MemoryArgs,
    typed: Option<String>,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let MemoryArgs { inputs, whole, limit, process } = args;
    if inputs.is_empty() && whole.rss.is_empty() {
        return Err(CommandError::Usage(
            "memory needs inputs: heapdiff memory INPUT..., or - for standard input".to_owned(),
        ));
    }
    let times = whole.times()?;
    process.check_page("memory", console)?;
    let asked = process.settle(MemoryLimits::read)?;
    let expanded = asked.inputs(&inputs, &whole.rss)?;
    let reading = &asked.output.reading;
    let progress = run::progress(console, reading, &SymbolArgs::default())?;
    let read = whole::load(&expanded.inputs, &whole.rss, times, &progress)?;
    let mut warnings = read.warnings;
    warnings.extend(read.skipped);
    warnings.extend(process::nested(&expanded));
    let (recording, about) = (&read.recording, MemoryAsked { limit });
    let mut report = MemoryReport::new(recording, read.inputs, about, &asked.limits, warnings);
    let profiles = Profiles::of(&report.inputs);
    let findings = report.memory.iter_mut().flat_map(|memory| &mut memory.findings);
    findings.for_each(|finding| profiles.name_in(&mut finding.command));
    if report.memory.is_none() {
        return Err(CommandError::Answer(
            "no input says how much memory the process has; record it: curl -s \
             'http://HOST/debug/pprof/heap?debug=1' > heap.txt; cat /proc/PID/smaps_rollup > \
             smaps_rollup"
                .into(),
        ));
    }
    if reading.quiet {
        report.warnings.clear();
    }
    if asked.output.format == Format::Html {
        let mut notes = Vec::new();
        let collector = page_process::collector(recording, &mut notes);
        let page = Page {
            collector,
            memory: Some(report),
            notes,
            ..Page::of_process("memory", typed, Shown::Memory)
        };
        return asked.write_page(&page, console);
    }
    asked.write(&report.warnings, console, |format, style, out| {
        output::write_memory(format, &report, style, out)
    })
}
