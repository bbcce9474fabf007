//! The files that a gate writes: checks that none is also an input, and replaces them if the check
//! fails with an error.
//!
//! CI publishes reports however a step ends. So a report of an earlier run must not survive a run
//! without a result: it is replaced by one with the error, or deleted if its format can't express
//! that. A file that may not be written isn't touched then either, because that may be the error.

use super::{GateArgs, GateFormat};
use crate::command::{CommandError, Console, catalog, destination, inputs, run};
use crate::output::{self, Format};
use crate::source::pipe;
use clap::ValueEnum;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An additional report to write.
#[derive(Clone, Debug)]
pub(super) struct Also {
    pub(super) format: GateFormat,
    pub(super) file: PathBuf,
}

pub(super) fn also(text: &str) -> Result<Also, String> {
    let (format, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("expected FORMAT=FILE, such as junit=heap.xml")?;
    let format = GateFormat::from_str(format, true)?;
    Ok(Also { format, file: PathBuf::from(file) })
}

/// A file that a report is written to.
#[derive(Clone, Debug)]
struct Written {
    option: &'static str,
    format: Format,
    file: PathBuf,
}

/// The files of a gate, other than its profiles.
#[derive(Clone, Debug)]
pub(in crate::command) struct Files {
    written: Vec<Written>,
    read: Vec<PathBuf>,
    /// Whether protected files may be replaced.
    force: bool,
}

impl GateArgs {
    /// Returns the files that these arguments name.
    pub(in crate::command) fn files(&self) -> Files {
        let report = |Also { format, file }: &Also| Written {
            option: "--report",
            format: (*format).into(),
            file: file.clone(),
        };
        let output = self.output.dress.destination.file().map(Path::to_owned);
        let answer = output.map(|file| Written {
            option: "--output",
            format: self.output.settled().into(),
            file,
        });
        let rules = self.rules.config.clone().unwrap_or_else(|| PathBuf::from(catalog::USUAL));
        Files {
            written: answer.into_iter().chain(self.output.report.iter().map(report)).collect(),
            read: [rules].into_iter().chain(self.patterns.patterns.iter().cloned()).collect(),
            force: self.output.dress.destination.force,
        }
    }
}

impl Files {
    /// Checks that no report overwrites a profile, rules, patterns or another report.
    pub(in crate::command) fn check(&self, profiles: &[String]) -> Result<(), CommandError> {
        let clash = self.clashes(profiles, None).into_iter().flatten().next();
        clash.map_or(Ok(()), |message| Err(CommandError::Usage(message)))
    }

    /// Returns for each file why it may not be written, or `None` if it may.
    fn clashes(&self, profiles: &[String], kept: Option<&Path>) -> Vec<Option<String>> {
        let profiles = profiles.iter().map(Path::new);
        let read = self.read.iter().map(PathBuf::as_path).chain(profiles);
        let read: Vec<(PathBuf, &Path)> = read.map(|name| (identity(name), name)).collect();
        let protection = |file| destination::protection(file).filter(|_| !self.force);
        let kept = kept.map(identity);
        let written: Vec<PathBuf> = self.written.iter().map(|own| identity(&own.file)).collect();
        let clash = |at: usize| {
            let Written { option, file, .. } = &self.written[at];
            let own = &written[at];
            // A pipe or a device can take any number of reports and loses nothing.
            if fs::metadata(own).is_ok_and(|metadata| !metadata.is_file()) {
                return None;
            }
            let is_read =
                |(read, name): &&(PathBuf, &Path)| read == own || destination::is_same(name, file);
            let why = if let Some((_, name)) = read.iter().find(is_read) {
                destination::overwrites(name)
            } else if written.iter().enumerate().any(|(other, path)| other != at && path == own) {
                "two reports can't be written to one file".to_owned()
            } else if kept.as_ref().is_some_and(|kept| own.starts_with(kept)) {
                "it is inside the folder of the baselines".to_owned()
            } else if let Some(why) = protection(file) {
                return Some(format!("{option} {}: {why}", destination::shown(file)));
            } else {
                return None;
            };
            Some(format!("{option} {}: {why}; name another file", destination::shown(file)))
        };
        (0..self.written.len()).map(clash).collect()
    }

    /// Writes the error to every place where a report was expected. `typed` are the profiles as
    /// they were named; nothing in the folder `kept` is touched.
    pub(in crate::command) fn give_up(
        &self,
        title: &str,
        error: &CommandError,
        typed: &[String],
        kept: Option<&Path>,
        console: &mut Console<'_>,
    ) {
        let message = error.to_string();
        if console.github.is_there {
            // An annotation, so that the error can be read without opening the log of the step.
            let _ = writeln!(console.stderr, "{}", output::github_error(title, &message));
        }
        if let Some(path) = &console.github.step_summary {
            let _ = append(path, |out| output::write_failure(Format::Markdown, &message, out));
        }
        // The reports are in the files already.
        if self.written.is_empty() || matches!(error, CommandError::Stdout(_)) {
            return;
        }
        let meant = |name: &String| {
            let found = inputs::find(std::slice::from_ref(name)).map(|found| found.names);
            found.unwrap_or_else(|_| vec![name.clone()])
        };
        let profiles: Vec<String> = typed.iter().flat_map(meant).collect();
        for (own, clash) in self.written.iter().zip(self.clashes(&profiles, kept)) {
            if clash.is_none() {
                // The error that matters has been reported already.
                let _ = own.replace(&message, console);
            }
        }
    }
}

impl Written {
    /// Replaces the file by one with the error.
    fn replace(&self, message: &str, console: &mut Console<'_>) -> Result<(), CommandError> {
        let mut text = Vec::new();
        output::write_failure(self.format, message, &mut text).map_err(CommandError::Stdout)?;
        if !text.is_empty() {
            return run::write_to(Some(&self.file), console, |out| out.write_all(&text));
        }
        let is_stale =
            self.option == "--report" && self.file.metadata().is_ok_and(|found| found.is_file());
        let removed = if is_stale { fs::remove_file(&self.file) } else { Ok(()) };
        removed.map_err(|source| CommandError::Output { path: self.file.clone(), source })
    }
}

/// Returns a path that is the same for all names of a file, even if it doesn't exist yet.
fn identity(name: &Path) -> PathBuf {
    let path = destination::target(name);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")));
    match (folder, path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Appends to a file that other steps write to as well.
pub(super) fn append(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut text = Vec::new();
    write(&mut text)?;
    let mut file = pipe::open(path, OpenOptions::new().append(true).create(true))?;
    file.write_all(&text)
}
