//! `heapdiff incident INPUT...`: a card of what happened, with the evidence, for a ticket or the next
//! shift.
//!
//! The answer is that of `leaks`. This adds what only the command knows: the files with their hashes,
//! who owns the code, and the command line.

mod author;
mod evidence;
mod owners;
mod reproduce;

use super::catalog::{self, catalog};
use super::limit::LimitArgs;
use super::load::{load_recording, load_recording_and_ends};
use super::options::{
    DestinationArgs, DressArgs, FilterArgs, Options, OutputArgs, OwnArgs, PatternArgs, ReadingArgs,
    SampleArgs, extension,
};
use super::request::{self, Request};
use super::symbols::SymbolArgs;
use super::times::AtArgs;
#[cfg(feature = "http")]
use super::values::duration;
use super::{CommandError, Console, inputs, manifests, page, run};
use crate::analysis::gaps::{self, GapsAsked, Known};
use crate::analysis::suspects::LeaksQuery;
use crate::output::{self, Format};
use crate::printable::escape;
use crate::report::incident::{IncidentReport, Surroundings};
use crate::report::{Answer, Query, Question, Subject, analyze};
use crate::source;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Snapshots of a service, and the time between two: as few as tell a leak from a cache that fills.
#[cfg(feature = "http")]
const COUNT: u32 = 8;
#[cfg(feature = "http")]
const EVERY: &str = "15s";

/// Write a card of an incident: what happened, suspects, what is ruled out, who to ask, and the evidence
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff incident [OPTIONS] INPUT...",
    after_help = "\
Examples:
  heapdiff incident case-12/ -o card.md                a folder that was recorded
  heapdiff incident heap-*.pb.gz server.log -o card.md whatever there is
  heapdiff incident host:6060 -o card.md               8 snapshots in 2 minutes, then the card
  heapdiff incident host:6060 --every 1m --count 30 -o card.md
  heapdiff incident --source-path ~/src/app case-12/   with the owners of the code
  heapdiff incident case-12/ -o card.html              a page with flame graph, call paths and timeline
  heapdiff incident case-12/ -o card.json              for scripts

Inputs are those of heapdiff leaks, and so are the verdict and the suspects. The card is Markdown with \
the same headings each time, so that diff compares two of them, and fits into an issue on GitHub. It \
names each file with its SHA-256, and the commands that give the same answer. Of a service, the \
snapshots are kept in a folder beside the card: card.md has card-evidence. docs/schema/incident.v1.json \
describes the JSON."
)]
pub(super) struct IncidentArgs {
    /// Files, folders or globs of one service, as for leaks; or a service to record: http://HOST:PORT, HOST:PORT
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    #[cfg(feature = "http")]
    #[command(flatten)]
    recording: RecordingArgs,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    patterns: PatternArgs,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    at: AtArgs,
    #[command(flatten)]
    sample: SampleArgs,
    /// Look for source files below these folders and in their parents; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "source_path", help_heading = "Source")]
    source_path: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: IncidentOutputArgs,
}

/// How a service is recorded.
#[cfg(feature = "http")]
#[derive(Debug, Args)]
#[command(next_help_heading = "Recording of a service")]
struct RecordingArgs {
    /// Time between two snapshots [default: 15s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    every: Option<String>,
    /// Number of snapshots [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// Record the memory of this process of this machine as well
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct IncidentOutputArgs {
    /// Output format [default: by the name of the file, else markdown]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<IncidentFormat>,
    #[command(flatten)]
    destination: DestinationArgs,
    /// Remove these folders from file names; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "trim_path")]
    trim_path: Option<String>,
    /// Leave the lines of source files out of a page
    #[arg(long, alias = "no_source")]
    no_source: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    symbols: SymbolArgs,
}

/// The output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IncidentFormat {
    /// For a ticket, or a comment on GitHub.
    Markdown,
    /// For scripts: the whole card.
    Json,
    /// For a browser: the card with its flame graph, call paths, timeline and lines, in one file.
    Html,
}

/// Checks a time, and keeps it as it is typed.
#[cfg(feature = "http")]
fn time(text: &str) -> Result<String, String> {
    duration(text).map(|_| text.to_owned())
}

#[cfg(feature = "http")]
impl IncidentArgs {
    /// How much is read, and whether that is reported.
    pub(super) fn reading(&self) -> &ReadingArgs {
        &self.output.reading
    }

    /// The arguments of `capture`, if a service is to be recorded first. From here on, what it records
    /// is the input.
    pub(super) fn recording(&mut self) -> Result<Option<Vec<String>>, CommandError> {
        let services = self.inputs.iter().filter(|name| inputs::is_url(name)).count();
        let RecordingArgs { every, count, pid } = &self.recording;
        match (services, self.inputs.len()) {
            (0, _) if every.is_some() || count.is_some() || pid.is_some() => {
                return Err(CommandError::Usage(
                    "--every, --count and --pid are about the recording of a service, and none is \
                     given: leave them out"
                        .to_owned(),
                ));
            }
            (0, _) => return Ok(None),
            (1, 1) => {}
            _ => {
                return Err(CommandError::Usage(
                    "incident records one service, and nothing beside it: heapdiff incident URL. For \
                     several, record them with heapdiff capture, and write a card of each folder"
                        .to_owned(),
                ));
            }
        }
        let file = self.output.destination.file();
        format(self.output.format, file)?;
        run::check_destination(file, self.output.destination.force, &[], [])?;
        let mut words = vec![
            format!("--every={}", every.as_deref().unwrap_or(EVERY)),
            format!("--count={}", count.unwrap_or(COUNT)),
        ];
        words.extend(pid.map(|pid| format!("--pid={pid}")));
        if let Some(folder) = file.map(evidence_folder) {
            words.push(format!("--output={}", folder.to_string_lossy()));
        }
        words.extend(["--".to_owned(), self.inputs[0].clone()]);
        self.recording = RecordingArgs { every: None, count: None, pid: None };
        Ok(Some(words))
    }

    /// What was recorded is the input.
    pub(super) fn recorded(&mut self, folder: &Path) {
        self.inputs = vec![folder.to_string_lossy().into_owned()];
    }
}

impl IncidentArgs {
    /// Refuses to write a page to a terminal, and to leave lines out of what has none, before anything is
    /// recorded or read.
    pub(super) fn check_page(&self, console: &Console<'_>) -> Result<(), CommandError> {
        let file = self.output.destination.file();
        let is_page = format(self.output.format, file)? == Format::Html;
        if self.output.no_source && !is_page {
            return Err(CommandError::Usage(request::NO_SOURCE.to_owned()));
        }
        if is_page && file.is_none() { run::check_terminal("incident", console) } else { Ok(()) }
    }
}

/// The folder beside a card for what is recorded for it: `card-evidence` beside `card.md`.
#[cfg(feature = "http")]
fn evidence_folder(card: &Path) -> PathBuf {
    let name = card.file_stem().unwrap_or_default().to_string_lossy();
    card.with_file_name(format!("{name}-evidence"))
}

/// The format that is asked for, else the one of the file's name.
fn format(given: Option<IncidentFormat>, file: Option<&Path>) -> Result<Format, CommandError> {
    let shown = |file: &Path| escape(&file.to_string_lossy()).into_owned();
    Ok(match (given, file.and_then(extension).as_deref(), file) {
        (Some(IncidentFormat::Markdown), ..)
        | (None, Some("md" | "markdown"), _)
        | (None, _, None) => Format::Markdown,
        (Some(IncidentFormat::Json), ..) | (None, Some("json"), _) => Format::Json,
        (Some(IncidentFormat::Html), ..) | (None, Some("html" | "htm"), _) => Format::Html,
        (None, _, Some(file)) => {
            return Err(CommandError::Usage(format!(
                "-o {}: can't tell the format; use .md, .html or .json, or --format",
                shown(file)
            )));
        }
    })
}

/// Answers what leaks, and writes the card.
pub(super) fn answer(args: IncidentArgs, console: &mut Console<'_>) -> Result<(), CommandError> {
    let IncidentArgs {
        inputs: typed,
        own,
        patterns,
        limit,
        at,
        sample,
        source_path,
        filter,
        output,
        ..
    } = args;
    check(&typed, &filter)?;
    let found = inputs::find(&typed)?;
    let settings = settings(&patterns);
    let words = reproduce::Words {
        own: own.own.clone(),
        at: at.words().to_vec(),
        patterns: patterns.patterns.clone(),
        trim_path: output.trim_path.clone(),
        source_path: source_path.clone(),
        symbols: output.symbols.clone(),
        memory_limit: output.reading.words(),
    };
    let asked = LeaksQuery { catalog: Arc::new(catalog(&patterns)?), limit: limit.query() };
    let IncidentOutputArgs { format: given, destination, trim_path, no_source, reading, symbols } =
        output;
    let format = format(given, destination.file())?;
    let dress =
        DressArgs { destination, trim_path, no_source, reading, symbols, ..DressArgs::default() };
    let output = OutputArgs { format, dress, ..OutputArgs::default() };
    let options = Options { sample, filter, output, ..Options::default() };
    let request = request::request(Question::Leaks(asked), found.names, options)?;
    let request = request.with_own(own.own()?).with_times(at.times()?);
    let Request { query, spec, inputs, output, times, .. } = request;

    let beside = found.beside;
    let all = [inputs.as_slice(), &beside.names].concat();
    let settings_paths = settings.iter().map(PathBuf::as_path);
    run::check_destination(output.file.as_deref(), output.force, &all, settings_paths)?;
    evidence::check(&all)?;
    let progress = run::progress(console, &output.reading, &output.symbols)?.with_times(times);
    let is_page = output.format == Format::Html;
    let read = if is_page {
        load_recording_and_ends(&inputs, (&beside.names, true), &progress)
            .map(|(recording, warnings, ends)| (recording, warnings, Some(ends)))
    } else {
        load_recording(&inputs, &beside.names, &progress)
            .map(|(recording, warnings)| (recording, warnings, None))
    };
    let (recording, warnings, ends) = read.map_err(|e| CommandError::Answer(Box::new(e)))?;
    progress.times_left()?;
    let named = run::named(&progress, &output.reading, console);
    let warnings = run::heard([beside.warnings, warnings, named].concat(), &output);
    let recordings = evidence::manifests(&all);
    let collects = manifests::collects(recordings.values());
    let known = Known { collects, ..Known::default() };
    let limit = limit_of(&query).and_then(|bytes| u64::try_from(bytes).ok());
    let missing = gaps::diagnose(&recording, &known, GapsAsked { leak: None, within: 1.0, limit });
    let subject = Subject { warnings, ..recording.into() };
    let kept = ends.map(|ends| (subject.clone(), ends));
    let report = analyze(subject, &query, &spec).map_err(|e| CommandError::Answer(Box::new(e)))?;
    let Answer::Leaks(leaks) = &report.answer else { return Ok(()) };

    let (folder, evidence) = evidence::of(&report, &all, &recordings, &settings)?;
    let around = Surroundings {
        evidence: missing,
        owners: owners::of(leaks, source_path.as_deref(), &output.trim_path),
        reproduce: words.commands(&query, &spec, &typed, output.format),
        inputs_sha256: evidence::together(&evidence),
        folder,
        inputs: evidence,
        recordings: evidence::recordings(&recordings),
    };
    let card = IncidentReport::new(&report, leaks, around, output::warnings(&report));
    if let Some((subject, ends)) = kept {
        // The one that makes a card of what was recorded.
        let typed = card.around.reproduce.first().and_then(|card| card.command.clone());
        let asked =
            page::Asked { command: "incident", query: &query, spec: &spec, output: &output, typed };
        let style = run::style(&output, console);
        let card = Some((card, report));
        let (_, page) = page::answered(subject, Some(ends), &asked, card, &style)?;
        return run::write_to(output.file.as_deref(), console, |out| out.write_all(&page));
    }
    run::write_to(output.file.as_deref(), console, |out| {
        output::write_incident(output.format, &card, (&report, leaks), out)
    })
}

/// The limit that is asked about.
fn limit_of(query: &Query) -> Option<i64> {
    match &query.question {
        Question::Leaks(asked) => asked.limit.map(|limit| limit.limit),
        _ => None,
    }
}

/// The files with patterns and settings that are read.
fn settings(patterns: &PatternArgs) -> Vec<PathBuf> {
    let usual = PathBuf::from(catalog::USUAL);
    usual.is_file().then_some(usual).into_iter().chain(patterns.patterns.iter().cloned()).collect()
}

fn check(inputs: &[String], filter: &FilterArgs) -> Result<(), CommandError> {
    let usage = |text: &str| Err(CommandError::Usage(text.to_owned()));
    if inputs.is_empty() {
        return usage("incident needs inputs: heapdiff incident DIR, URL or PROFILE...");
    }
    if inputs.iter().any(|input| input == source::STDIN) {
        return usage(
            "incident reads its inputs twice, the second time for their SHA-256, and standard input \
             can be read once: save it to a file first",
        );
    }
    if filter.noinlines {
        return usage(
            "-noinlines changes which function a line belongs to, and incident has to know that: \
             leave it out",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_card_says_its_format() {
        let of = |name: &str| format(None, Some(Path::new(name))).map_err(|e| e.to_string());
        assert_eq!(of("a/card.md"), Ok(Format::Markdown));
        assert_eq!(of("card.JSON"), Ok(Format::Json));
        assert_eq!(of("card.HTML"), Ok(Format::Html));
        assert!(of("card.txt").unwrap_err().contains("use .md, .html or .json"));
        assert_eq!(format(None, None).unwrap(), Format::Markdown);
        let json = format(Some(IncidentFormat::Json), Some(Path::new("card.md"))).unwrap();
        assert_eq!(json, Format::Json);
    }

    #[cfg(feature = "http")]
    #[test]
    fn what_is_recorded_is_beside_the_card() {
        assert_eq!(evidence_folder(Path::new("a/card.md")), Path::new("a/card-evidence"));
        assert_eq!(evidence_folder(Path::new("card")), Path::new("card-evidence"));
    }
}
