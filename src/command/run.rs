//! Runs a request: loads the profiles, analyzes them and writes the report.

use super::inputs::{Beside, of_the_heap, others};
use super::load::{
    Goroutines, Keep, LoadError, load, load_goroutines, load_recording, load_recording_and_ends,
    unordered,
};
use super::options::{Color, NO_PAGE, ReadingArgs};
use super::progress::Progress;
use super::request::{Layout, Output, Request, with_page};
use super::symbols::{SymbolArgs, Symbolizer};
use super::{CommandError, Console, catalog, destination, graphviz, page};
use crate::input::pprof::encode;
use crate::model::profile::Profile;
use crate::output::{self, Format, Style, Width};
use crate::report::{
    Answer, Query, Question, Report, Runs, Snapshots, Subject, SubjectKind, Warning, WarningCode,
    analyze,
};
use crate::units;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Reads the inputs in the form that the question needs.
fn subject<'a>(
    question: &Question,
    inputs: &[String],
    beside: &[String],
    progress: &Progress,
) -> Result<Subject<'a>, LoadError> {
    let snapshots = |keep| {
        let sum = matches!(question, Question::Top | Question::Matches(_));
        let sorted = if sum { unordered(inputs) } else { inputs.to_vec() };
        let series = load(&sorted, keep, progress)?;
        Ok(Snapshots { series, given: inputs.len() }.into())
    };
    if matches!(question, Question::Goroutines) {
        let (goroutines, aside) = load_goroutines(inputs, progress)?;
        let (subject, warning) = match goroutines {
            Goroutines::Snapshots(series) => ((*series).into(), others(&aside)),
            Goroutines::Recording(recording) => {
                let has_heap = !recording.profiles.is_empty();
                let warning = if has_heap { of_the_heap(&aside) } else { others(&aside) };
                ((*recording).into(), warning)
            }
        };
        return Ok(Subject { warnings: warning.into_iter().collect(), ..subject });
    }
    match question.subject() {
        SubjectKind::Snapshots => snapshots(Keep::All),
        SubjectKind::Ends => snapshots(Keep::Ends),
        SubjectKind::Recording => {
            let (recording, warnings) = load_recording(inputs, beside, progress)?;
            Ok(Subject { warnings, ..recording.into() })
        }
        SubjectKind::Runs => {
            Ok(Runs { series: load(inputs, Keep::All, progress)?, ..Runs::default() }.into())
        }
    }
}

/// Runs a request and writes its report. `warnings` are those about the inputs that were known
/// before any of them was read, and `beside` is what a question about snapshots over time reads next
/// to them.
pub(super) fn run(
    request: Request,
    warnings: &[Warning],
    beside: Beside,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let Request { query, spec, inputs, read, output, sources, times, typed } = request;
    check_page(&query, &output, console)?;
    if output.format == Format::Svg && output.file.is_none() && console.columns.is_some() {
        return Err(CommandError::Usage(
            "refusing to write SVG to a terminal; use -o X.svg".to_owned(),
        ));
    }
    let others = read.iter().map(PathBuf::as_path);
    let uses_all = query.question.subject() == SubjectKind::Recording;
    let (beside, warnings) = match beside {
        Beside { names, warnings } if uses_all => (names, warnings),
        _ => (Vec::new(), warnings.to_vec()),
    };
    let all = [inputs.as_slice(), &beside].concat();
    check_destination(output.file.as_deref(), output.force, &all, others)?;
    let progress = progress(console, &output.reading, &output.symbols)?.with_times(times);
    let is_page = output.format == Format::Html;
    let (subject, ends) = if is_page && uses_all {
        let read = load_recording_and_ends(&inputs, (&beside, true), &progress);
        let (recording, warnings, ends) = read.map_err(|e| CommandError::Answer(Box::new(e)))?;
        (Subject { warnings, ..recording.into() }, Some(ends))
    } else {
        let subject = subject(&query.question, &inputs, &beside, &progress);
        (subject.map_err(|e| CommandError::Answer(Box::new(e)))?, None)
    };
    progress.times_left()?;
    let warnings =
        [warnings, subject.warnings, named(&progress, &output.reading, console)].concat();
    let subject = Subject { warnings: heard(warnings, &output), ..subject };
    if is_page {
        let command = with_page(&query.question).unwrap_or_default();
        let asked = page::Asked { command, query: &query, spec: &spec, output: &output, typed };
        let style = style(&output, console);
        let (report, page) = page::answered(subject, ends, &asked, None, &style)?;
        write_to(output.file.as_deref(), console, |out| out.write_all(&page))?;
        warn(&report, &output, console);
        return Ok(());
    }
    let sources = sources.as_ref().map(|sources| sources as _);
    let subject = Subject { sources, ..subject };
    let report = analyze(subject, &query, &spec).map_err(|e| CommandError::Answer(Box::new(e)))?;
    check_unit(&report, output.unit.as_deref())?;
    if let Answer::List(list) = &report.answer {
        let sources = list.functions.iter().filter_map(|listing| listing.source.as_ref());
        let sources = sources.map(|source| Path::new(&source.path));
        check_destination(output.file.as_deref(), output.force, &[], sources)?;
    }
    write(&report, &output, console)?;
    warn(&report, &output, console);
    Ok(())
}

/// Checks that there is a page about the question, and that it doesn't go to a terminal.
fn check_page(query: &Query, output: &Output, console: &Console<'_>) -> Result<(), CommandError> {
    if output.format != Format::Html {
        return Ok(());
    }
    let Some(command) = with_page(&query.question) else {
        return Err(CommandError::Usage(NO_PAGE.to_owned()));
    };
    check_not_html_to_terminal(output, command, console)
}

/// Refuses to write a page to a terminal.
pub(super) fn check_not_html_to_terminal(
    output: &Output,
    command: &str,
    console: &Console<'_>,
) -> Result<(), CommandError> {
    if output.format == Format::Html && output.file.is_none() {
        return check_terminal(command, console);
    }
    Ok(())
}

/// Refuses to write a page to standard output if that is a terminal.
pub(super) fn check_terminal(command: &str, console: &Console<'_>) -> Result<(), CommandError> {
    if console.columns.is_some() {
        return Err(CommandError::Usage(format!(
            "refusing to write HTML to a terminal; use heapdiff {command} ... -o X.html"
        )));
    }
    Ok(())
}

/// Checks that the output replaces no input, no settings and none of `others`, and nothing that is
/// protected.
pub(super) fn check_destination<'a>(
    file: Option<&Path>,
    force: bool,
    inputs: &'a [String],
    others: impl IntoIterator<Item = &'a Path>,
) -> Result<(), CommandError> {
    let read = inputs.iter().map(Path::new).chain([Path::new(catalog::USUAL)]).chain(others);
    destination::check(file, force, read)
}

/// The warnings to report: with `--quiet`, the report of a person doesn't mention skipped files.
pub(super) fn heard(mut warnings: Vec<Warning>, output: &Output) -> Vec<Warning> {
    let is_silent = output.reading.quiet && output.format != Format::Json;
    warnings.retain(|warning| !is_silent || warning.code != WarningCode::SetAside);
    warnings
}

/// Returns progress that is shown on a terminal, unless `--quiet` is given.
pub(super) fn progress(
    console: &Console<'_>,
    reading: &ReadingArgs,
    symbols: &SymbolArgs,
) -> Result<Progress, CommandError> {
    let is_shown = console.stderr_is_terminal && !reading.quiet;
    let progress = Progress::new(is_shown, reading.budget(), Symbolizer::new(symbols)?);
    let progress = progress.with_held(console.held.clone());
    #[cfg(feature = "http")]
    let progress = progress.with_access((*reading.access).clone());
    Ok(progress)
}

/// Says on standard error what names addresses, and returns the warnings about that. All profiles are read.
pub(super) fn named(
    progress: &Progress,
    reading: &ReadingArgs,
    console: &mut Console<'_>,
) -> Vec<Warning> {
    for note in progress.symbolizer().notes().iter().filter(|_| !reading.quiet) {
        // A note that can't be printed is no reason to fail.
        let _ = writeln!(console.stderr, "heapdiff: {}", output::escape(note));
    }
    progress.symbolizer().warnings()
}

/// Prints the warnings of a report to standard error, for formats other than the table and JSON,
/// which include them.
pub(super) fn warn(report: &Report, output: &Output, console: &mut Console<'_>) {
    if matches!(output.format, Format::Table | Format::Json) || output.reading.quiet {
        return;
    }
    let of_all = report.warnings.iter().map(|warning| warning.message.clone());
    let of_format = output::left_out(output.format, report);
    let of_inputs = report.inputs.iter().flat_map(|input| {
        input.warnings.iter().map(move |warning| format!("{}: {}", input.name, warning.message))
    });
    of_all.chain(of_format).chain(of_inputs).for_each(|message| say_warning(&message, console));
}

/// Prints a warning to standard error.
pub(super) fn say_warning(message: &str, console: &mut Console<'_>) {
    // A warning that can't be printed is no reason to fail.
    let _ = writeln!(console.stderr, "heapdiff: warning: {}", output::escape(message));
}

/// Checks that the values can be converted to the unit; otherwise the option would have no effect.
fn check_unit(report: &Report, unit: Option<&str>) -> Result<(), CommandError> {
    match unit {
        Some(unit) if units::conversion(&report.unit, unit).is_none() => {
            Err(CommandError::Usage(format!(
                "-unit: {} is measured in {}, which can't be converted to `{unit}`",
                report.sample_type, report.unit
            )))
        }
        _ => Ok(()),
    }
}

pub(super) fn write(
    report: &Report,
    output: &Output,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let style = style(output, console);
    if output.layout == Layout::Graphviz {
        let mut graph = Vec::new();
        output::write(output.format, report, &style, &mut graph).map_err(CommandError::Stdout)?;
        let drawing = graphviz::svg(graph).map_err(|e| CommandError::Answer(Box::new(e)))?;
        return write_to(output.file.as_deref(), console, |out| out.write_all(&drawing));
    }
    write_to(output.file.as_deref(), console, |out| {
        output::write(output.format, report, &style, out)
    })
}

/// Returns the width, colour and names to use at the destination.
pub(super) fn style(output: &Output, console: &Console<'_>) -> Style {
    let terminal = console.columns.filter(|_| output.file.is_none());
    Style {
        width: output.width.or(terminal).map_or(Width::Unlimited, Width::Columns),
        color: match output.color {
            Color::Auto => console.color && output.file.is_none(),
            Color::Always => true,
            Color::Never => false,
        },
        unit: output.unit.clone(),
        file_names: output.file_names,
    }
}

/// Writes to a file, or to standard output if none is named.
pub(super) fn write_to(
    file: Option<&Path>,
    console: &mut Console<'_>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CommandError> {
    match file {
        None => write(console.stdout).map_err(CommandError::Stdout),
        Some(path) => destination::write_file(path, write)
            .map_err(|source| CommandError::Output { path: path.to_owned(), source }),
    }
}

/// Refuses to write binary data to a terminal.
pub(super) fn check_binary(file: Option<&Path>, console: &Console<'_>) -> Result<(), CommandError> {
    if file.is_none() && console.columns.is_some() {
        return Err(CommandError::Usage(
            "refusing to write a binary profile to a terminal; write it to a file with -o \
             FILE.pb.gz, or to a pipe"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Writes a profile: compressed with gzip, unless the file is named `.pb`.
pub(super) fn write_profile(
    profile: &Profile,
    file: Option<&Path>,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let is_plain = file.and_then(Path::extension).is_some_and(|extension| extension == "pb");
    write_to(file, console, |out| {
        if is_plain { encode::write_plain(profile, out) } else { encode::write(profile, out) }
    })
}
