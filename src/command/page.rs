//! Writes a page in one file: the answer that was asked for, and the answers to what its reader asks
//! next, which are questions about the same snapshots.

use super::CommandError;
use super::page_process::{self, Answers};
use super::request::Output;
use super::sources::SourceOptions;
use crate::analysis::check::Outcome;
use crate::analysis::cut_trees::{CutTrees, CutTreesQuery};
use crate::analysis::refs::{RefsDirection, RefsQuery};
use crate::filter::{Granularity, Spec};
use crate::graph::trim::TrimLimits;
use crate::model::recording::Recording;
use crate::model::series::Series;
use crate::output::{PackedPage, Style};
use crate::report::incident::IncidentReport;
use crate::report::page::{CLUSTERS, OfType, Page, Shown, VALUES};
use crate::report::session::{Cancel, Session};
use crate::report::{
    Answer, Profiles, Query, Question, Report, ReportError, Sort, Subject, SubjectKind,
};
use std::collections::BTreeSet;

/// Rows that a reader without scripts gets, and whose call paths are in the page.
const ROWS: usize = 40;
/// Rows in each sample type that the answer isn't about.
const ROWS_OF_TYPE: usize = 1000;
/// Rows of an answer that is too large for a page.
const FEW_ROWS: usize = 500;
/// Lines of the call paths to each function.
const LINES: usize = 60;
/// Most characters of a name whose call paths are in the page: a regular expression has to hold it.
const LONGEST: usize = 500;
/// Most paths of a tree, and fewest.
const MOST: usize = 50_000;
const FEWEST: usize = 200;
/// Most bytes of a page, and of its answers.
const LARGEST: usize = 2_000_000;
const LARGEST_ANSWERS: usize = 900_000;
/// Lines of source code around each line with a value.
const CONTEXT: i64 = 3;

/// What a page is about.
pub(super) struct Asked<'a> {
    /// The command.
    pub(super) command: &'static str,
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
/// consists of them. Returns the answer and the page, which has as much as fits. With a card, the page
/// is about that; the answer that it was made from is known.
pub(super) fn answered(
    subject: Subject<'static>,
    ends: Option<Series>,
    asked: &Asked<'_>,
    card: Option<(IncidentReport, Report)>,
    style: &Style,
) -> Result<(Report, Vec<u8>), CommandError> {
    let (card, known) = card.unzip();
    let Asked { query, spec, .. } = *asked;
    let is_through_time = query.question.subject() == SubjectKind::Recording;
    let (snapshots, process, names) = match &subject.profiles {
        Profiles::Recording(recording) => {
            let limit = limit_of(query);
            let process = page_process::answers(recording, limit);
            (recording.main().history.moments.len(), process, ends.as_ref().map(names_of))
        }
        Profiles::Snapshots(of) => (0, Answers::default(), Some(names_of(&of.series))),
        Profiles::Runs(_) => (0, Answers::default(), None),
    };
    let goroutines = goroutines(&subject, asked);
    let session = Session::new(subject);
    let ends = ends.map(|ends| Session::new(ends.into()));
    let follow_up = FollowUp {
        asked,
        session: ends.as_ref().unwrap_or(&session),
        names: names.unwrap_or_default(),
        sample_type: query.sample_type.clone(),
    };
    // Without a limit on the command line, as many as fit.
    let rows = match query.nodecount {
        0 if is_through_time => VALUES / snapshots.max(1),
        asked => asked,
    };
    let few = |most: usize| if rows == 0 { most } else { rows.min(most) };
    let all = |nodecount| Query { nodecount, all: query.all || !is_through_time, ..query.clone() };
    let of = |query: &Query| session.analyze(query, spec, None, &Cancel::default()).map_err(fail);
    let answer = match known {
        Some(known) if is_within(&known.answer, rows) => known,
        _ => of(&all(rows))?,
    };
    let (shown, named) = match (card, &query.question) {
        (Some(card), _) => (Shown::Card(Box::new(card)), named(&answer.answer)),
        // The table of suspects has no rows.
        (None, Question::Leaks(_)) => {
            (Shown::Answer(Box::new(answer.clone())), named(&answer.answer))
        }
        _ => {
            let shown = of(&Query { nodecount: few(ROWS), ..query.clone() })?;
            let named = named(&shown.answer);
            (Shown::Answer(Box::new(shown)), named)
        }
    };
    let by_type = follow_up.by_type(&answer);
    let page = Page {
        by_type,
        goroutines,
        collector: process.collector,
        memory: process.memory,
        notes: process.notes,
        ..Page::alone(asked.command, asked.typed.clone(), answer, shown)
    };
    let fewer = || of(&all(few(FEW_ROWS)));
    let (page, written) = follow_up.whole(page, &named, fewer, style)?;
    Ok((page.answer, written))
}

/// The page of a check, whose runs before and after, or first and last snapshot, are the `ends`; `notes` say
/// what these are.
pub(super) fn judged(
    report: &Report,
    (ends, notes): (Option<&Series>, Vec<String>),
    exit_code: u8,
    asked: &Asked<'_>,
    style: &Style,
) -> Result<Vec<u8>, CommandError> {
    let session = ends.map(|ends| Session::new(ends.clone().into()));
    let shown = Shown::Answer(Box::new(report.clone()));
    let alone = Page::alone(asked.command, asked.typed.clone(), report.clone(), shown);
    let page = Page { exit_code: Some(exit_code), notes, ..alone };
    let Some(session) = &session else { return written(&pack(&page)?, &page, style) };
    let follow_up = FollowUp {
        asked,
        session,
        names: ends.map(names_of).unwrap_or_default(),
        sample_type: Some(report.sample_type.clone()),
    };
    let named = named(&report.answer);
    follow_up.whole(page, &named, || Ok(report.clone()), style).map(|(_, written)| written)
}

/// Whether an answer has no more rows through time than this.
fn is_within(answer: &Answer, rows: usize) -> bool {
    answer.timeline().is_none_or(|timeline| rows == 0 || timeline.rows.len() <= rows)
}

/// The names of the snapshots.
fn names_of(series: &Series) -> Vec<String> {
    series.snapshots.iter().map(|snapshot| snapshot.name.clone()).collect()
}

/// The limit of the memory that is asked about.
fn limit_of(query: &Query) -> Option<u64> {
    match &query.question {
        Question::Leaks(asked) => asked.limit.and_then(|limit| u64::try_from(limit.limit).ok()),
        _ => None,
    }
}

/// What the goroutines do, if they were recorded beside what the answer is about.
fn goroutines(subject: &Subject<'_>, asked: &Asked<'_>) -> Option<Report> {
    let Profiles::Recording(recording) = &subject.profiles else { return None };
    let recording: &Recording = recording;
    if recording.goroutines.is_empty()
        || recording.is_of_goroutines()
        || asked.query.question == Question::Goroutines
    {
        return None;
    }
    let query = Query {
        nodecount: CLUSTERS,
        own: asked.query.own.clone(),
        ..Query::new(Question::Goroutines)
    };
    crate::report::analyze(recording.clone(), &query, asked.spec).ok()
}

/// The page without its trees, packed.
fn pack(page: &Page) -> Result<PackedPage, CommandError> {
    PackedPage::new(page).map_err(CommandError::Stdout)
}

/// The bytes of the page.
fn written(packed: &PackedPage, page: &Page, style: &Style) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    packed.write(page, style, &mut bytes).map_err(CommandError::Stdout)?;
    Ok(bytes)
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
        Answer::Check(answer) => {
            // What broke a rule comes first.
            let rules = || answer.check.rules.iter();
            let broken = rules().filter(|rule| rule.outcome != Outcome::Pass);
            let kept = rules().filter(|rule| rule.outcome == Outcome::Pass);
            let offenders = broken.chain(kept).flat_map(|rule| rule.offenders.iter());
            names.extend(offenders.map(|offender| offender.place.function.as_str()));
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
    session: &'a Session,
    /// The names of the snapshots.
    names: Vec<String>,
    /// The sample type of further questions; that of the profiles if there is none.
    sample_type: Option<String>,
}

impl FollowUp<'_> {
    /// The page with what is asked next, and its bytes: as many paths as fit. `fewer` is the answer with fewer
    /// rows.
    fn whole(
        &self,
        page: Page,
        named: &[String],
        fewer: impl Fn() -> Result<Report, CommandError>,
        style: &Style,
    ) -> Result<(Page, Vec<u8>), CommandError> {
        let mut page = Page {
            refs: self.refs(named),
            source: self.source(named),
            compared: self.compared(),
            ..page
        };
        let notes = page.notes.len();
        let (mut most, mut is_fitted) = (MOST, false);
        loop {
            let trees = if most < FEWEST { Ok(None) } else { self.trees(most) };
            page.notes.truncate(notes + usize::from(is_fitted));
            match &trees {
                Ok(trees) => page.notes.extend(trees.as_ref().and_then(cut_note)),
                Err(error) => page.notes.push(format!("The page has no flame graph: {error}.")),
            }
            if most < FEWEST {
                page.notes
                    .push("The page has no flame graph: it doesn't fit into 2 MB.".to_owned());
            }
            let mut packed = pack(&page)?;
            if packed.answers() > LARGEST_ANSWERS && !page.by_type.is_empty() {
                page.by_type.clear();
                packed = pack(&page)?;
            }
            if packed.answers() > LARGEST_ANSWERS && !is_fitted {
                is_fitted = true;
                page.answer = fewer()?;
                page.notes.insert(notes, format!(
                    "The page has the first {FEW_ROWS} rows: more don't fit into 2 MB. --format json has all."
                ));
                packed = pack(&page)?;
            }
            if let Ok(Some(trees)) = &trees {
                packed.add_trees(trees, &page).map_err(CommandError::Stdout)?;
            }
            let bytes = written(&packed, &page, style)?;
            if bytes.len() <= LARGEST || packed.trees() == 0 {
                return Ok((page, bytes));
            }
            // A little fewer than what would fit if all paths took as many bytes.
            let without = bytes.len() - packed.trees();
            let room = LARGEST.saturating_sub(without) as f64 / packed.trees() as f64;
            most = (most as f64 * room.min(0.95) * 0.97) as usize;
        }
    }

    fn ask(&self, query: &Query, sources: Option<&SourceOptions>) -> Result<Report, ReportError> {
        let sources = sources.map(|sources| sources as _);
        self.session.analyze(query, self.asked.spec, sources, &Cancel::default())
    }

    /// A question with the options of the one that was asked.
    fn query(&self, question: Question) -> Query {
        Query {
            question,
            sort: None,
            nodecount: 0,
            all: false,
            sample_type: self.sample_type.clone(),
            ..self.asked.query.clone()
        }
    }

    /// Whether two snapshots are compared; otherwise they are added up.
    fn is_comparison(&self) -> bool {
        self.names.len() == 2 && self.asked.query.question != Question::Top
    }

    /// Whether the question is one about one snapshot or two.
    fn is_answerable(&self) -> bool {
        self.is_comparison() || self.names.len() == 1
    }

    fn compared(&self) -> Vec<String> {
        if self.is_comparison() { self.names.clone() } else { Vec::new() }
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
        let is_wanted = is_of_functions && !self.asked.output.no_source;
        if names.is_empty() || !is_wanted || !self.is_answerable() {
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
            roots: None,
        };
        self.ask(&query, Some(&sources)).ok()
    }

    /// The paths, with at most so many of them.
    fn trees(&self, most: usize) -> Result<Option<CutTrees>, ReportError> {
        if self.names.is_empty() {
            return Ok(None);
        }
        let asked = CutTreesQuery { most, is_comparison: self.is_comparison(), from: None };
        let report = self.ask(&self.query(Question::CutTrees(asked)), None)?;
        Ok(match report.answer {
            Answer::CutTrees(trees) => Some(trees),
            _ => None,
        })
    }
}

/// What a page says about a tree that was cut.
fn cut_note(trees: &CutTrees) -> Option<String> {
    let shown = trees.root_first.stacks_shown(trees.paths);
    (shown < trees.paths).then(|| {
        format!(
            "The flame graph has the paths with the largest shares: {shown} of {} stacks are \
             whole. What it leaves out is in frames named “other”, so that everything adds up.",
            trees.paths
        )
    })
}

/// A regular expression that matches these names and no others.
fn pattern(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    format!("^(?:{})$", names.join("|"))
}
