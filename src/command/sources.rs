//! Reads the source lines that a report lists: finds the file of each function, selects the lines
//! to show, and checks whether the file may have changed since the profile.

use crate::analysis::list::{Changed, List, Listing, NoSource, Source, SourceLine};
use crate::report::{Input, Sources};
use crate::source::code::{Code, Files, Missing, Search, has_word, short_name};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Most lines between the start line of a function and its name: the same statement may begin
/// earlier or continue.
const NEAR: i64 = 5;
/// Most characters of a line that are kept.
const LONGEST: usize = 1000;

/// Where to look, and how much to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceOptions {
    /// Folders separated by `:`.
    pub(super) source_path: Option<String>,
    /// Folders that `-trim_path` removes from file names, each with its slash.
    pub(super) trim_path: Vec<String>,
    /// Lines to show around each line with a value.
    pub(super) context: i64,
    /// Show no text but that of files below these folders; of any without it.
    pub(super) roots: Option<Vec<PathBuf>>,
}

impl SourceOptions {
    /// Shows no text but that of files below the folders where it looks for them.
    #[cfg(feature = "serve")]
    pub(super) fn below_roots(self) -> Self {
        let Search { folders, working, module_caches, standard_library, .. } =
            Search::new(self.source_path.as_deref(), &self.trim_path);
        let all = folders.into_iter().chain(working).chain(module_caches).chain(standard_library);
        // A folder that isn't there holds no file.
        let roots = all.filter_map(|folder| folder.canonicalize().ok()).collect();
        Self { roots: Some(roots), ..self }
    }

    /// Whether the text of a file may be shown. Links lead to where they lead.
    fn is_allowed(&self, path: &Path) -> bool {
        let Some(roots) = &self.roots else { return true };
        path.canonicalize().is_ok_and(|path| roots.iter().any(|root| path.starts_with(root)))
    }
}

impl Sources for SourceOptions {
    fn fill(&self, list: &mut List, inputs: &[Input]) {
        let taken = inputs.iter().filter_map(taken).min();
        let search = Search::new(self.source_path.as_deref(), &self.trim_path);
        let mut files = Files::default();
        for listing in &mut list.functions {
            let Some(file) = &listing.file else {
                listing.no_source = Some(NoSource::Unnamed);
                continue;
            };
            match search.find(file, &listing.function, &mut files) {
                Ok(code) if !self.is_allowed(&code.path) => {
                    listing.no_source = Some(NoSource::NotFound);
                }
                Ok(code) => listing.source = Some(source(&code, listing, self.context, taken)),
                Err(missing) => listing.no_source = Some(why(missing)),
            }
        }
    }
}

/// Returns when a profile was taken.
fn taken(input: &Input) -> Option<SystemTime> {
    let time: jiff::Timestamp = input.time.as_ref()?.parse().ok()?;
    let since = u64::try_from(time.as_second()).ok()?;
    // One second later, because file systems and profiles round differently.
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since.checked_add(1)?))
}

fn source(code: &Code, listing: &Listing, context: i64, taken: Option<SystemTime>) -> Source {
    let mut lines = Vec::new();
    for (from, to) in listing.ranges(context) {
        for line in from..=to {
            let Some(text) = usize::try_from(line).ok().and_then(|line| code.line(line)) else {
                break;
            };
            lines.push(SourceLine { line, text: cut(text) });
        }
    }
    let path = code.path.to_string_lossy().into_owned();
    Source { path, changed: changed(code, listing, taken), lines }
}

fn changed(code: &Code, listing: &Listing, taken: Option<SystemTime>) -> Vec<Changed> {
    let mut changed = Vec::new();
    let is_newer = code.modified.zip(taken).is_some_and(|(modified, taken)| modified > taken);
    if is_newer && !code.is_versioned {
        changed.push(Changed::Newer);
    }
    let last = listing.lines.iter().filter_map(|line| line.line).max();
    if last.max(listing.start_line).is_some_and(|last| last > code.len() as i64) {
        changed.push(Changed::Shorter);
    }
    if let (Some(start), Some(word)) = (listing.start_line, short_name(&listing.function)) {
        let near = start.saturating_sub(NEAR)..=start.saturating_add(NEAR);
        let says = |line: i64| {
            let text = usize::try_from(line).ok().and_then(|line| code.line(line));
            text.is_some_and(|text| has_word(text, word))
        };
        // A closure starts where it is defined, somewhere inside its function.
        let is_closure = listing
            .function
            .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
            .ends_with("func");
        if !is_closure && !near.into_iter().any(says) {
            changed.push(Changed::Elsewhere);
        }
    }
    changed
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

fn why(missing: Missing) -> NoSource {
    match missing {
        Missing::NotFound => NoSource::NotFound,
        Missing::Unreadable => NoSource::Unreadable,
        Missing::TooLarge => NoSource::TooLarge,
        Missing::NotText => NoSource::NotText,
        Missing::NoSourceName => NoSource::NoSourceName,
    }
}
