//! Writes a page in one file: the answer that was asked for, and the answers to what its reader asks
//! next, which are questions about the same snapshots.

use super::CommandError;
use super::request::{Output, with_page};
use super::sources::SourceOptions;
use crate::analysis::cut_trees::{CutTrees, CutTreesQuery};
use crate::analysis::refs::{RefsDirection, RefsQuery};
use crate::filter::{Granularity, Spec};
use crate::graph::trim::TrimLimits;
use crate::model::series::Series;
use crate::output::{self, Style};
use crate::report::page::{OfType, Page};
use crate::report::{
    Answer, Profiles, Query, Question, Report, ReportError, Sort, Subject, SubjectKind, analyze,
};
use std::collections::BTreeSet;

/// Rows that a reader without scripts gets, and whose call paths are in the page.
const ROWS: usize = 40;
/// Rows in each sample type that the answer isn't about.
const ROWS_OF_TYPE: usize = 1000;
/// Most values of rows through time.
const VALUES: usize = 60_000;
/// Rows of an answer that is too large for a page.
const FEW_ROWS: usize = 500;
/// Lines of the call paths to each function.
const LINES: usize = 60;
/// Most characters of a name whose call paths are in the page: a regular expression has to hold it.
const LONGEST: usize = 500;
/// Most paths of a tree, and fewest.
const MOST: usize = 50_000;
const FEWEST: usize = 200;
/// Most bytes of a page.
const LARGEST: usize = 2_000_000;
/// Lines of source code around each line with a value.
const CONTEXT: i64 = 3;

/// What a page is about.
pub(super) struct Asked<'a> {
    pub(super) query: &'a Query,
    pub(super) spec: &'a Spec,
    pub(super) output: &'a Output,
    /// The command line, if it can be shown.
    pub(super) typed: Option<String>,
}

/// Why there is no page.
fn fail(error: ReportError) -> CommandError {
    CommandError::Answer(Box::new(error))
}

/// Answers the question about the subject, whose first and last snapshot are the `ends` unless it
/// consists of them. Returns the answer and the page, which has as much as fits.
pub(super) fn answered(
    subject: Subject<'_>,
    ends: Option<Series>,
    asked: &Asked<'_>,
    style: &Style,
) -> Result<(Report, Vec<u8>), CommandError> {
    let Asked { query, spec, .. } = *asked;
    let series = ends.unwrap_or_else(|| match &subject.profiles {
        Profiles::Snapshots(snapshots) => snapshots.series.clone(),
        _ => Series::default(),
    });
    let follow_up = FollowUp { asked, series };
    let is_through_time = query.question.subject() == SubjectKind::Recording;
    // Without a limit on the command line, as many as fit.
    let rows = match query.nodecount {
        0 if is_through_time => VALUES / snapshots(&subject).max(1),
        asked => asked,
    };
    let few = |most: usize| if rows == 0 { most } else { rows.min(most) };
    let all = |nodecount| Query { nodecount, all: query.all || !is_through_time, ..query.clone() };
    let of = |query: &Query| analyze(subject.clone(), query, spec).map_err(fail);
    let goroutines = goroutines(&subject, asked);
    let shown = of(&Query { nodecount: few(ROWS), ..query.clone() })?;
    let named = named(&shown.answer);
    let command = with_page(&query.question).unwrap_or_default();
    let answer = of(&all(rows))?;
    let mut page = Page {
        by_type: follow_up.by_type(&shown),
        refs: follow_up.refs(&named),
        source: follow_up.source(&named),
        goroutines,
        compared: follow_up.compared(),
        ..Page::alone(command, asked.typed.clone(), answer, shown)
    };
    let mut written = written(&page, style)?;
    if written.len() > LARGEST / 2 {
        page.by_type.clear();
        written = self::written(&page, style)?;
    }
    if written.len() > LARGEST / 2 {
        page.answer = of(&all(few(FEW_ROWS)))?;
        page.notes.push(format!(
            "The page has the first {FEW_ROWS} rows: more don't fit into 2 MB. --format json has all."
        ));
        written = self::written(&page, style)?;
    }
    drop(subject);
    let written = with_trees(&mut page, written.len(), &follow_up, style)?;
    Ok((page.answer, written))
}

/// Number of snapshots over time.
fn snapshots(subject: &Subject<'_>) -> usize {
    match &subject.profiles {
        Profiles::Recording(recording) => recording.main().history.moments.len(),
        _ => 0,
    }
}

/// What the goroutines do, if they were recorded beside what the answer is about.
fn goroutines(subject: &Subject<'_>, asked: &Asked<'_>) -> Option<Report> {
    let Profiles::Recording(recording) = &subject.profiles else { return None };
    if recording.goroutines.is_empty() || recording.is_of_goroutines() {
        return None;
    }
    let query =
        Query { nodecount: ROWS, own: asked.query.own.clone(), ..Query::new(Question::Goroutines) };
    analyze((**recording).clone(), &query, asked.spec).ok()
}

/// The bytes of the page.
fn written(page: &Page, style: &Style) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    output::write_page(page, style, &mut bytes).map_err(CommandError::Stdout)?;
    Ok(bytes)
}

/// The bytes of the page with as many paths as fit, given how many it has without them.
fn with_trees(
    page: &mut Page,
    without: usize,
    follow_up: &FollowUp<'_>,
    style: &Style,
) -> Result<Vec<u8>, CommandError> {
    let mut most = MOST;
    while most >= FEWEST {
        match follow_up.trees(most) {
            Ok(trees) => page.trees = trees,
            Err(error) => {
                page.notes.push(format!("The page has no flame graph: {error}."));
                return written(page, style);
            }
        }
        let Some(trees) = &page.trees else { break };
        let shown = trees.root_first.stacks_shown(trees.paths);
        let note = (shown < trees.paths).then(|| {
            format!(
                "The flame graph has the paths with the largest shares: {shown} of {} stacks are \
                 whole. What it leaves out is in frames named “other”, so that everything adds up.",
                trees.paths
            )
        });
        let notes = page.notes.len();
        page.notes.extend(note);
        let bytes = written(page, style)?;
        if bytes.len() <= LARGEST {
            return Ok(bytes);
        }
        page.notes.truncate(notes);
        // A little fewer than what would fit if all paths took as many bytes.
        let room = LARGEST.saturating_sub(without) as f64 / (bytes.len() - without).max(1) as f64;
        most = (most as f64 * room.min(0.9) * 0.95) as usize;
    }
    if page.trees.take().is_some() {
        page.notes.push("The page has no flame graph: it doesn't fit into 2 MB.".to_owned());
    }
    written(page, style)
}

/// The names of functions that an answer names first.
fn named(answer: &Answer) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    match answer {
        Answer::Diff(diff) => {
            names.extend(diff.rows.iter().map(|row| row.name.as_str()));
            names.extend(diff.sites.iter().map(|site| site.place.function.as_str()));
        }
        Answer::Top(top) => names.extend(top.rows.iter().map(|row| row.name.as_str())),
        Answer::Leaks(answer) => {
            for suspect in &answer.suspects {
                let shown_by = suspect.shown_by.iter().flat_map(|by| &by.functions);
                names.extend(shown_by.chain([&suspect.site.function]).map(String::as_str));
            }
        }
        Answer::Timeline(timeline) => {
            names.extend(timeline.rows.iter().map(|row| row.name.as_str()));
        }
        _ => {}
    }
    let mut known = BTreeSet::new();
    names.retain(|name| name.len() <= LONGEST && known.insert(*name));
    names.truncate(2 * ROWS);
    names.into_iter().map(str::to_owned).collect()
}

/// Further questions about the snapshots that the answer is about, or about the first and the last.
struct FollowUp<'a> {
    asked: &'a Asked<'a>,
    series: Series,
}

impl FollowUp<'_> {
    fn ask(&self, query: &Query, sources: Option<&SourceOptions>) -> Result<Report, ReportError> {
        let subject =
            Subject { sources: sources.map(|sources| sources as _), ..self.series.clone().into() };
        analyze(subject, query, self.asked.spec)
    }

    /// A question with the options of the one that was asked.
    fn query(&self, question: Question) -> Query {
        Query { question, sort: None, nodecount: 0, all: false, ..self.asked.query.clone() }
    }

    /// Whether two snapshots are compared; otherwise they are added up.
    fn is_comparison(&self) -> bool {
        self.series.snapshots.len() == 2 && self.asked.query.question != Question::Top
    }

    /// Whether the question is one about one snapshot or two.
    fn is_answerable(&self) -> bool {
        self.is_comparison() || self.series.snapshots.len() == 1
    }

    fn compared(&self) -> Vec<String> {
        let names = self.series.snapshots.iter().map(|snapshot| snapshot.name.clone());
        names.filter(|_| self.is_comparison()).collect()
    }

    /// The answer in the sample types that it isn't about.
    fn by_type(&self, shown: &Report) -> Vec<OfType> {
        let Query { question: Question::Diff | Question::Top, .. } = self.asked.query else {
            return Vec::new();
        };
        let others = shown.totals.iter().filter(|total| total.sample_type != shown.sample_type);
        let answers = others.filter_map(|total| {
            let sample_type = total.sample_type.clone();
            let query = Query {
                sample_type: Some(sample_type.clone()),
                nodecount: ROWS_OF_TYPE,
                all: true,
                ..self.asked.query.clone()
            };
            Some(OfType { sample_type, answer: self.ask(&query, None).ok()? })
        });
        answers.collect()
    }

    /// The call paths to functions.
    fn refs(&self, names: &[String]) -> Option<Report> {
        if names.is_empty() || !self.is_answerable() {
            return None;
        }
        let question = Question::Refs(RefsQuery {
            pattern: pattern(names),
            direction: RefsDirection::Callers,
            sites: 0,
            lines: LINES,
            depth: 0,
            branches: 0,
            fraction: TrimLimits::default().nodefraction,
        });
        let mut report = self.ask(&self.query(question), None).ok()?;
        if let Answer::Refs(refs) = &mut report.answer {
            // They are those of all functions together.
            (refs.paths, refs.omitted_paths) = (Vec::new(), None);
        }
        Some(report)
    }

    /// The lines of functions, with their text where the sources are.
    fn source(&self, names: &[String]) -> Option<Report> {
        let is_of_functions = self.asked.query.granularity == Granularity::Functions;
        if names.is_empty() || !is_of_functions || !self.is_answerable() {
            return None;
        }
        let query = Query {
            granularity: Granularity::Lines,
            sort: Some(Sort::Cum),
            ..self.query(Question::List { pattern: pattern(names) })
        };
        let sources = SourceOptions {
            source_path: None,
            trim_path: self.asked.output.trim_path.clone(),
            context: CONTEXT,
        };
        self.ask(&query, Some(&sources)).ok()
    }

    /// The paths, with at most so many of them.
    fn trees(&self, most: usize) -> Result<Option<CutTrees>, ReportError> {
        if self.series.snapshots.is_empty() {
            return Ok(None);
        }
        let asked = CutTreesQuery { most, is_comparison: self.is_comparison() };
        let report = self.ask(&self.query(Question::CutTrees(asked)), None)?;
        Ok(match report.answer {
            Answer::CutTrees(trees) => Some(trees),
            _ => None,
        })
    }
}

/// A regular expression that matches these names and no others.
fn pattern(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    format!("^(?:{})$", names.join("|"))
}
