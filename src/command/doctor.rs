//! `heapdiff doctor URL|INPUT...`: what evidence is missing, what that hides, and how to get it.

use super::local;
use super::options::NO_PAGE;
#[cfg(feature = "http")]
use super::process::fail;
use super::process::{self, ProcessOutputArgs};
use super::progress::Progress;
use super::symbols::SymbolArgs;
use super::values::{duration, size};
use super::whole::{self, Gathering, Whole, WholeArgs};
use super::{CommandError, Console, DONE, GAPS, inputs, manifests, run};
use crate::analysis::gaps::{GapId, GapsAsked, Known};
use crate::input::{self, Content, Inflate};
use crate::model::gauges::GaugeLog;
use crate::output::{self, Format};
use crate::printable::escape;
use crate::report::doctor::{DoctorReport, DoctorSubject, Requirement};
use crate::source::expand::Found;
use clap::Args;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// Say what evidence is missing, what that hides, and how to get it
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff doctor [OPTIONS] URL...\n       heapdiff doctor [OPTIONS] INPUT...",
    after_help = "\
Examples:
  heapdiff doctor http://localhost:6060               what the service could not tell you in an incident
  heapdiff doctor --leak 4MiB --within 1h app:6060    whether a leak of 4 MiB an hour shows in an hour
  heapdiff doctor incident/                           what a folder of profiles, logs and samples lacks
  heapdiff doctor --require goroutines,rate app:6060  exit code 1 if one of these is missing
  heapdiff doctor --require all --format json app:6060

A URL is asked once, for its heap, goroutines and statistics. With one URL, files given beside it are about \
the same process. What can't be known from the inputs isn't reported. docs/schema/doctor.v1.json describes the \
JSON; CSV has a line per gap. Exit codes: 0 done, 1 something in --require is missing or unknown, 2 any \
error."
)]
pub(super) struct DoctorArgs {
    /// Services, or inputs of one process: profiles, dumps, logs of the collector, samples of memory. Files, folders,
    /// globs or URLs; `-` reads standard input
    #[arg(value_name = "URL|INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    whole: WholeArgs,
    /// Ask whether a leak of SIZE per hour shows
    #[arg(long, value_name = "SIZE", value_parser = size::<u64>, allow_negative_numbers = true)]
    leak: Option<u64>,
    /// The time within which it has to show [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    within: Option<Duration>,
    /// The size at which the process is killed [default: the limit in the inputs]
    #[arg(long, value_name = "SIZE", value_parser = size::<u64>, allow_negative_numbers = true)]
    limit: Option<u64>,
    /// Also look at this process of this machine: its memory, its cgroup, GOGC and GOMEMLIMIT
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Exit with 1 unless all of these are there; `all` is everything that can be known from these inputs
    #[arg(long, value_name = "ID,...", value_delimiter = ',', value_parser = required)]
    require: Vec<Required>,
    #[command(flatten)]
    output: ProcessOutputArgs,
}

/// What `--require` names.
#[derive(Clone, Copy, Debug)]
enum Required {
    One(GapId),
    All,
}

fn required(text: &str) -> Result<Required, String> {
    if text == "all" {
        return Ok(Required::All);
    }
    let found = GapId::ALL.into_iter().find(|id| id.name() == text);
    found.map(Required::One).ok_or_else(|| {
        let names: Vec<&str> = GapId::ALL.iter().map(|id| id.name()).collect();
        format!("expected `all` or some of {}", names.join(", "))
    })
}

/// Returns the exit code.
pub(super) fn answer(args: DoctorArgs, console: &mut Console<'_>) -> Result<u8, CommandError> {
    let DoctorArgs { inputs, whole, leak, within, limit, pid, require, output } = args;
    if inputs.is_empty() && whole.rss.is_empty() && pid.is_none() {
        return Err(CommandError::Usage(
            "doctor needs a service or inputs: heapdiff doctor http://HOST:PORT, or heapdiff doctor \
             INPUT..."
                .to_owned(),
        ));
    }
    let is_all = require.iter().any(|one| matches!(one, Required::All));
    let named = require.iter().filter_map(|one| match one {
        Required::One(id) => Some(*id),
        Required::All => None,
    });
    let required: BTreeSet<GapId> = named.collect();
    let required = Requirement { ids: required.into_iter().collect(), is_all };
    let asked = GapsAsked {
        leak: leak.map(|leak| leak as f64),
        within: within.map_or(1.0, |time| time.as_secs_f64() / 3600.0),
        limit,
    };
    let times = whole.times()?;
    let settled = output.settle()?;
    if settled.output.format == Format::Html {
        return Err(CommandError::Usage(NO_PAGE.to_owned()));
    }
    let (services, files) = services(&inputs)?;
    local::check(pid, services.len())?;
    let expanded = settled.inputs(&files, &whole.rss)?;
    let reading = &settled.output.reading;
    let progress = run::progress(console, reading, &SymbolArgs::default())?;
    let mut warnings: Vec<String> = process::nested(&expanded).collect();
    let (manifests, found) = self::manifests(expanded.inputs);
    let mut subjects = Vec::new();
    let mut diagnose = |name: String, read: Whole, known: &Known| {
        warnings.extend(read.warnings);
        warnings.extend(read.skipped);
        let about = (&read.recording, known);
        subjects.push(DoctorSubject::new((name, read.inputs), about, asked, &required));
    };
    let has_files = !found.is_empty() || !whole.rss.is_empty();
    let mut of_files = (has_files || services.is_empty()).then_some((found, times));
    for service in &services {
        let mut gathering = Gathering::default();
        let mut known = service.ask(&progress, &mut gathering)?;
        let mut skipped = None;
        if services.len() == 1 {
            of_pid(pid, &progress, &mut gathering, &mut known)?;
            if let Some((found, times)) = of_files.take() {
                skipped =
                    whole::gather(&mut gathering, &found, &whole.rss, times, &progress)?.warning;
            }
        }
        diagnose(service.name.clone(), gathering.finish(skipped)?, &known);
    }
    if let Some((found, times)) = of_files {
        let mut gathering = Gathering::default();
        let mut known = Known { collects: manifests::collects(&manifests), ..Known::default() };
        if services.is_empty() {
            of_pid(pid, &progress, &mut gathering, &mut known)?;
        }
        let skipped = whole::gather(&mut gathering, &found, &whole.rss, times, &progress)?;
        let name = match inputs.as_slice() {
            [one] => escape(one).into_owned(),
            [] => "the process".to_owned(),
            all => format!("{} inputs", all.len() - services.len()),
        };
        let skipped = skipped.unless_all(&gathering)?;
        diagnose(name, gathering.finish(skipped)?, &known);
    }
    progress.finish();
    let mut report = DoctorReport::new(subjects, &required, warnings);
    if reading.quiet {
        report.warnings.clear();
    }
    settled.write(&report.warnings, console, |format, style, out| {
        output::write_doctor(format, &report, style, out)
    })?;
    Ok(if report.is_met { DONE } else { GAPS })
}

/// A service that is asked.
struct Service {
    /// Its address, as messages have it.
    name: String,
    #[cfg(feature = "http")]
    address: crate::source::http::Address,
}

/// Separates services from other inputs. A URL of one profile is an input.
#[cfg(feature = "http")]
fn services(typed: &[String]) -> Result<(Vec<Service>, Vec<String>), CommandError> {
    let (mut services, mut others) = (Vec::new(), Vec::new());
    for text in typed {
        if !inputs::is_url(text) {
            others.push(text.clone());
            continue;
        }
        let address = inputs::address(text)?;
        if address.is_service() {
            services.push(Service { name: address.to_string(), address });
        } else {
            others.push(address.full());
        }
    }
    Ok((services, others))
}

#[cfg(not(feature = "http"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail with the feature")]
fn services(typed: &[String]) -> Result<(Vec<Service>, Vec<String>), CommandError> {
    Ok((Vec::new(), typed.to_vec()))
}

impl Service {
    #[cfg(not(feature = "http"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the feature")]
    fn ask(&self, _: &Progress, _: &mut Gathering) -> Result<Known, CommandError> {
        Ok(Known::default())
    }

    /// Asks for the heap, the goroutines and the statistics. What fails is a gap, unless the service
    /// doesn't serve a heap at all.
    #[cfg(feature = "http")]
    fn ask(&self, progress: &Progress, gathering: &mut Gathering) -> Result<Known, CommandError> {
        use crate::analysis::gaps::ServiceFacts;
        let address = &self.address;
        let mut failed = Vec::new();
        let parts = [
            (GapId::Heap, address.or_profile("heap", "gc=1")),
            (GapId::Goroutines, address.profile("goroutine", "")),
            (GapId::Memstats, address.profile("heap", "debug=1")),
        ];
        for (id, part) in parts {
            let name = part.full();
            let read = progress.open(&name).map_err(|error| error.to_string()).and_then(|reader| {
                let content = input::read_any(reader, progress.budget(), Inflate::Here);
                content.map_err(|error| error.to_string())
            });
            match read {
                Ok(Content::Profile(profile)) if id == GapId::Memstats => {
                    gathering.statistics(&part.to_string(), &profile);
                }
                Ok(content @ (Content::Profile(_) | Content::Goroutines(_))) => {
                    gathering.read(content, &part.to_string())?;
                }
                Ok(_) => failed.push((id, "it answers with something else".to_owned())),
                // Whoever doesn't serve a heap serves nothing to diagnose.
                Err(why) if id == GapId::Heap => return Err(fail(&name, &why)),
                Err(why) => failed.push((id, why)),
            }
        }
        let service = ServiceFacts {
            address: self.name.clone(),
            is_public: address.is_public(),
            is_guarded: progress.access().is_identified(),
        };
        Ok(Known { service: Some(service), failed, ..Known::default() })
    }
}

/// Reads what this machine says about a process.
fn of_pid(
    pid: Option<u32>,
    progress: &Progress,
    gathering: &mut Gathering,
    known: &mut Known,
) -> Result<(), CommandError> {
    let Some(pid) = pid else { return Ok(()) };
    for (_, file) in local::memory_files(pid) {
        let name = file.to_string_lossy().into_owned();
        let Ok(reader) = File::open(&file) else { continue };
        let content = input::read_any(reader, progress.budget(), Inflate::Here);
        if let Ok(Content::Gauges(log)) = content {
            // Other lines of these files are about other things.
            gathering.read(Content::Gauges(GaugeLog { skipped: 0, ..log }), &name)?;
        }
    }
    known.environment = local::environment(pid);
    Ok(())
}

/// Separates the manifests of recordings from what else was found.
fn manifests(found: Vec<Found>) -> (Vec<Value>, Vec<Found>) {
    let is_manifest = |found: &Found| {
        Path::new(&found.name).file_name().is_some_and(|name| name == inputs::MANIFEST)
    };
    let (manifests, others): (Vec<Found>, Vec<Found>) = found.into_iter().partition(is_manifest);
    (manifests.iter().filter_map(|found| manifests::read(&found.name)).collect(), others)
}
