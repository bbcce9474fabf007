//! Runs a request: loads the profiles, analyzes them and writes the report.

use super::load::{Keep, LoadError, load, load_recording, unordered};
use super::options::Color;
use super::progress::Progress;
use super::request::{Layout, Output, Request};
use super::{CommandError, Console, graphviz};
use crate::input::pprof::encode;
use crate::model::profile::Profile;
use crate::output::{self, Format, Style, Width};
use crate::report::{
    Question, Report, Runs, Snapshots, Subject, SubjectKind, Warning, WarningCode, analyze,
};
use crate::units;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Reads the inputs in the form that the question needs.
fn subject<'a>(
    question: &Question,
    inputs: &[String],
    progress: &Progress,
) -> Result<Subject<'a>, LoadError> {
    let snapshots = |keep| {
        let sum = matches!(question, Question::Top | Question::Matches(_));
        let sorted = if sum { unordered(inputs) } else { inputs.to_vec() };
        let series = load(&sorted, keep, progress)?;
        Ok(Snapshots { series, given: inputs.len() }.into())
    };
    match question.subject() {
        SubjectKind::Snapshots => snapshots(Keep::All),
        SubjectKind::Ends => snapshots(Keep::Ends),
        SubjectKind::Recording => Ok(load_recording(inputs, progress)?.into()),
        SubjectKind::Runs => {
            Ok(Runs { series: load(inputs, Keep::All, progress)?, ..Runs::default() }.into())
        }
    }
}

/// Runs a request and writes its report. `warnings` are those about the inputs that were known
/// before any of them was read.
pub(super) fn run(
    request: Request,
    warnings: &[Warning],
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let Request { query, spec, inputs, output, sources } = request;
    if output.format == Format::Svg && output.file.is_none() && console.columns.is_some() {
        return Err(CommandError::Usage(
            "refusing to write SVG to a terminal; use -o X.svg".to_owned(),
        ));
    }
    let progress = progress(console, output.quiet);
    let subject = subject(&query.question, &inputs, &progress);
    let subject = Subject {
        warnings: heard(warnings.to_vec(), &output),
        sources: sources.as_ref().map(|sources| sources as _),
        ..subject.map_err(|e| CommandError::Answer(Box::new(e)))?
    };
    let report = analyze(subject, &query, &spec).map_err(|e| CommandError::Answer(Box::new(e)))?;
    check_unit(&report, output.unit.as_deref())?;
    write(&report, &output, console)?;
    warn(&report, &output, console);
    Ok(())
}

/// The warnings to report: with `--quiet`, the report of a person doesn't mention skipped files.
pub(super) fn heard(mut warnings: Vec<Warning>, output: &Output) -> Vec<Warning> {
    let is_silent = output.quiet && output.format != Format::Json;
    warnings.retain(|warning| !is_silent || warning.code != WarningCode::SetAside);
    warnings
}

/// Returns progress that is shown on a terminal, unless `--quiet` is given.
pub(super) fn progress(console: &Console<'_>, quiet: bool) -> Progress {
    Progress::new(console.stderr_is_terminal && !quiet)
}

/// Prints the warnings of a report to standard error, for formats other than the table and JSON,
/// which include them.
pub(super) fn warn(report: &Report, output: &Output, console: &mut Console<'_>) {
    if matches!(output.format, Format::Table | Format::Json) || output.quiet {
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
        Some(path) => write_file(path, write)
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

/// Writes a file in full or not at all: to a temporary file next to it, which is then renamed. A
/// pipe or a device is written directly.
fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let mut file = BufWriter::new(OpenOptions::new().write(true).open(path)?);
        write(&mut file)?;
        return file.flush();
    }
    let path = target(path);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it doesn't name a file"));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(beside);
    let file = File::create_new(&beside)?;
    let written = (|| {
        if let Ok(metadata) = fs::metadata(&path) {
            file.set_permissions(metadata.permissions())?;
        }
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        fs::rename(&beside, &path)
    })();
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Follows links, even if the file they lead to doesn't exist: a link stays a link, and its target
/// is replaced.
pub(super) fn target(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let mut path = path.to_owned();
    // More links than this in a row are a cycle.
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| next.clone(), |folder| folder.join(&next));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::write_file;
    use std::io;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("heapdiff-write-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("out.json");
        write_file(&path, |out| out.write_all(b"first")).unwrap();
        let failed = write_file(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk on fire"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        write_file(&path, |out| out.write_all(b"second")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
