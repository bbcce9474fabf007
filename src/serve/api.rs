//! Answers questions: the parameters become a command line, its report is written as the command would write it.

use super::Service;
use super::backend::{Asked, Backend, Wanted};
use super::listing::What;
use super::query::{self, Options, Parameters};
use super::refusal::Refusal;
use super::shell;
use super::work::{Answer, Work};
use super::world::World;
use crate::analysis::NoAnswer;
use crate::analysis::cut_trees::{CutTrees, CutTreesQuery};
use crate::graph::walk::From;
use crate::output::{self, FileNames, Format, Style, Width, shell as words};
use crate::printable::escape;
use crate::report::page::{self, Page, Shown};
use crate::report::session::Cancel;
use crate::report::{self, Query, Question, Report, ReportError};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;

/// Names the parameters that have no effect on an answer.
const IGNORED: HeaderName = HeaderName::from_static("x-heapdiff-ignored");
/// A tree in the format of docs/tree-format.md.
const TREE: &str = "application/vnd.heapdiff.tree";
const JSON: &str = "application/json";
/// Most paths of a tree if nothing is said, and at most.
const PATHS: usize = 50_000;
const MOST_PATHS: usize = 1_000_000;

/// The commands that can be asked about, by `about`.
const REPORTS: [&str; 9] =
    ["diff", "top", "leaks", "timeline", "goroutines", "tags", "traces", "gc", "memory"];
/// Those that a page is about.
const PAGES: [&str; 4] = ["diff", "top", "leaks", "timeline"];
/// Those whose command line names functions.
const OF_FUNCTIONS: [&str; 3] = ["refs", "peek", "list"];
/// Those that the command itself answers, from its inputs.
const RUN: [&str; 3] = ["goroutines", "gc", "memory"];

/// A command line, word by word.
struct Line {
    command: &'static str,
    options: Options,
    /// The regular expression that comes before the inputs.
    pattern: Option<String>,
    wanted: Wanted,
    names: Vec<String>,
    /// Inputs that aren't there for a command.
    absent: Vec<String>,
}

impl Line {
    fn new(
        what: What,
        command: &'static str,
        parameters: &Parameters,
        world: &World,
        backend: &dyn Backend,
    ) -> Result<Self, Refusal> {
        let mut options = parameters.options(command, backend)?;
        for name in parameters.unread(what, command) {
            if !options.ignored.contains(&name) {
                options.ignored.push(name);
            }
        }
        let is_of_functions = OF_FUNCTIONS.contains(&command);
        let pattern = is_of_functions.then(|| world.pattern(parameters));
        let (wanted, names) = match command {
            _ if RUN.contains(&command) => (Wanted::Recording, world.arguments.clone()),
            _ => world.wanted(command, parameters)?,
        };
        let absent = world.absent(&wanted);
        Ok(Self { command, options, pattern: pattern.transpose()?, wanted, names, absent })
    }

    /// What follows the options.
    fn arguments(&self) -> Vec<String> {
        self.pattern.iter().chain(&self.names).cloned().collect()
    }

    /// The question.
    fn asked(&self, backend: &dyn Backend) -> Result<Asked, Refusal> {
        let asked = backend.asked(self.command, &self.options.words, &self.arguments());
        asked.map_err(|message| query::refused(&message))
    }

    /// The line as it is typed, or why there is none.
    fn typed(&self) -> Result<String, String> {
        if let Some(name) = self.absent.first() {
            let why = "it was added in the browser, or its file is gone";
            return Err(format!("no command can read {}: {why}", escape(name)));
        }
        let mut typed = vec![Cow::Borrowed("heapdiff"), Cow::Borrowed(self.command)];
        typed.extend(self.options.words.iter().map(|word| words::quote(word)));
        if let Some(pattern) = &self.pattern {
            if pattern.starts_with('-') {
                typed.push(Cow::Borrowed("--"));
            }
            typed.push(words::quote(pattern));
        }
        typed.extend(self.names.iter().map(|name| words::file(name)));
        let line = typed.join(" ");
        match escape(&line) {
            Cow::Borrowed(_) => Ok(line),
            Cow::Owned(_) => Err("a word of the command doesn't print".to_owned()),
        }
    }

    /// Tells questions apart.
    fn key(&self, what: What, rest: &str) -> String {
        let Options { words, ignored } = &self.options;
        format!("{what:?} {} {rest} {words:?} {:?} {ignored:?}", self.command, self.arguments())
    }
}

/// Answers a question.
pub(super) async fn answer(
    service: Arc<Service>,
    what: What,
    request: Request,
) -> Result<Response, Refusal> {
    let parameters = Parameters::parse(request.uri().query());
    let world = service.world();
    let command = command(what, &parameters, &world)?;
    let mut line = Line::new(what, command, &parameters, &world, &*service.backend)?;
    let wants_all = what == What::Rows || what == What::Page && matches!(command, "diff" | "top");
    if wants_all && !line.options.words.iter().any(|word| word == "--all") {
        line.options.words.push("--all".to_owned());
    }
    // What is wrong with the question is said before anything is loaded.
    let is_run = RUN.contains(&command);
    let asked = if is_run { None } else { Some(line.asked(&*service.backend)?) };
    let (tree, rest) = match what {
        What::Tree => {
            let tree = TreeAsked::new(&parameters, request.headers())?;
            let rest = format!("{tree:?}");
            (Some(tree), rest)
        }
        _ => (None, String::new()),
    };
    if what == What::Command {
        return Ok(shell::json(&match line.typed() {
            Ok(line) => json!({ "command": line }),
            Err(why) => json!({ "command": null, "why": why }),
        }));
    }
    let key = line.key(what, &rest);
    // The text of source files may change any time.
    let is_kept = what != What::Source;
    let tag = shell::tag(&[&world.stamp(), &key]);
    if is_kept && shell::is_known(request.headers(), &tag) {
        let mut response = shell::unchanged();
        shell::mark(&mut response, &tag);
        return Ok(response);
    }
    let key = format!("{} {key}", world.revision);
    let work: Arc<Work> = Arc::clone(&service.work);
    let made = work
        .answer(key, is_kept, move |cancel| {
            let question = Made { service: &service, world: &world, line: &line, cancel };
            let bytes = match (what, asked, tree) {
                (_, None, _) => question.run(),
                (What::Page, Some(asked), _) => question.page(asked),
                (What::Tree, Some(asked), Some(tree)) => question.tree(asked, tree),
                (_, Some(asked), _) => question.report(&asked).and_then(|report| as_json(&report)),
            };
            let kind = if tree.is_some_and(|tree| !tree.is_json) { TREE } else { JSON };
            let ignored = line.options.ignored.join(", ");
            Ok(Answer { bytes: Bytes::from(bytes?), kind, ignored })
        })
        .await?;
    let mut response = Response::new(Body::from(made.bytes.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(made.kind));
    if let Ok(ignored) = HeaderValue::from_str(&made.ignored)
        && !made.ignored.is_empty()
    {
        headers.insert(IGNORED, ignored);
    }
    if is_kept {
        shell::mark(&mut response, &tag);
    }
    Ok(response)
}

/// The inputs.
pub(super) fn inputs(service: &Service, headers: &HeaderMap) -> Response {
    let listed = service.listed();
    let tag = shell::tag(&["inputs", &listed.to_string()]);
    let mut response =
        if shell::is_known(headers, &tag) { shell::unchanged() } else { shell::json(&listed) };
    shell::mark(&mut response, &tag);
    response
}

/// The command that a question is of.
fn command(what: What, parameters: &Parameters, world: &World) -> Result<&'static str, Refusal> {
    let compared = if is_single(parameters, world) { "top" } else { "diff" };
    let known: &[&[&'static str]] = match what {
        What::Rows | What::Tree => return Ok(compared),
        What::Series => return Ok("timeline"),
        What::Refs => return Ok("refs"),
        What::Peek => return Ok("peek"),
        What::Source => return Ok("list"),
        What::Page => &[&PAGES],
        What::Report => &[&REPORTS],
        What::Command => &[&REPORTS, &OF_FUNCTIONS],
    };
    let Some(about) = parameters.get("about") else {
        if parameters.given("a") == Some("") {
            return Ok("top");
        }
        let usual = world.about(parameters.get("si"));
        return Ok(Some(usual).filter(|about| known[0].contains(about)).unwrap_or("diff"));
    };
    // A page calls the question by what it shows.
    let about = if about == "source" { "list" } else { about };
    known.iter().copied().flatten().find(|known| **known == about).copied().ok_or_else(|| {
        let known: Vec<&str> = known.iter().copied().flatten().copied().collect();
        let message = format!("about: expected one of {}", known.join(", "));
        Refusal::about("about", "bad-parameter", message)
    })
}

/// Whether a question is about one snapshot.
fn is_single(parameters: &Parameters, world: &World) -> bool {
    let chosen = world.chosen(parameters);
    chosen.map_or_else(|_| world.is_single(), |chosen| chosen.before.is_none())
}

/// Which tree, and in which form.
#[derive(Clone, Copy, Debug)]
struct TreeAsked {
    from: From,
    most: usize,
    is_json: bool,
}

impl TreeAsked {
    fn new(parameters: &Parameters, headers: &HeaderMap) -> Result<Self, Refusal> {
        let from = match parameters.get("order") {
            None | Some("root-first") => From::Root,
            Some("leaf-first") => From::Leaf,
            Some(_) => {
                let message = "order: expected root-first or leaf-first";
                return Err(Refusal::about("order", "bad-parameter", message));
            }
        };
        let most = parameters.number("most")?.unwrap_or(PATHS).clamp(1, MOST_PATHS);
        let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        let is_json = accepted.contains(JSON) && !accepted.contains(TREE);
        Ok(Self { from, most, is_json })
    }
}

/// A question while it is answered.
struct Made<'a> {
    service: &'a Service,
    world: &'a World,
    line: &'a Line,
    cancel: &'a Cancel,
}

impl Made<'_> {
    fn ask(&self, wanted: &Wanted, asked: &Asked) -> Result<Report, Refusal> {
        let session = self.world.sessions.get(wanted, &*self.service.backend, self.cancel);
        if self.cancel.is_set() {
            return Err(unanswered(&ReportError::Cancelled));
        }
        let session = session.map_err(|why| Refusal::new(StatusCode::CONFLICT, "input", why))?;
        let Asked { query, spec, sources } = asked;
        let sources = sources.as_deref().map(|sources| sources as &dyn report::Sources);
        session.analyze(query, spec, sources, self.cancel).map_err(|error| unanswered(&error))
    }

    fn report(&self, asked: &Asked) -> Result<Report, Refusal> {
        self.ask(&self.line.wanted, asked)
    }

    /// What the command prints.
    fn run(&self) -> Result<Vec<u8>, Refusal> {
        let mut words = vec![self.line.command.to_owned()];
        words.extend(self.line.options.words.iter().cloned());
        words.extend(["--format=json".to_owned(), "--".to_owned()]);
        words.extend(self.line.arguments());
        let printed = self.service.backend.run(&words, self.cancel);
        if self.cancel.is_set() {
            return Err(unanswered(&ReportError::Cancelled));
        }
        printed.map_err(|message| query::refused(&message))
    }

    fn page(&self, mut asked: Asked) -> Result<Vec<u8>, Refusal> {
        let is_through_time = self.line.wanted == Wanted::Recording;
        if is_through_time && asked.query.nodecount == 0 {
            asked.query.nodecount = page::VALUES / self.world.snapshots().len().max(1);
        }
        let answer = self.report(&asked)?;
        let shown = Shown::Answer(Box::new(answer.clone()));
        let mut page = Page::alone(self.line.command, self.line.typed().ok(), answer, shown);
        if is_through_time && self.world.abouts.contains(&"goroutines") {
            page.goroutines = self.goroutines(&asked)?;
        }
        if self.line.command == "diff" {
            page.compared.clone_from(&self.line.names);
        }
        let mut server = self.world.described();
        server["ignored"] = json!(self.line.options.ignored);
        let mut bytes = Vec::new();
        output::write_page_data(&page, &server, &mut bytes).map_err(|error| failed(&error))?;
        Ok(bytes)
    }

    /// What the goroutines do, if they were recorded beside what the page is about.
    fn goroutines(&self, asked: &Asked) -> Result<Option<Report>, Refusal> {
        let own = asked.query.own.clone();
        let query = Query { nodecount: page::CLUSTERS, own, ..Query::new(Question::Goroutines) };
        let asked = Asked { query, spec: asked.spec.clone(), sources: None };
        match self.report(&asked) {
            Err(refusal) if refusal.code == "cancelled" => Err(refusal),
            answer => Ok(answer.ok()),
        }
    }

    fn tree(&self, asked: Asked, tree: TreeAsked) -> Result<Vec<u8>, Refusal> {
        let is_comparison = self.line.command == "diff";
        let question = Question::CutTrees(CutTreesQuery {
            most: tree.most,
            is_comparison,
            from: Some(tree.from),
        });
        let query = Query { question, sort: None, nodecount: 0, all: false, ..asked.query };
        let report = self.report(&Asked { query, ..asked })?;
        let report::Answer::CutTrees(trees) = &report.answer else {
            return Err(Refusal::missing("there is no tree"));
        };
        let write: fn(&CutTrees, From, _) -> _ =
            if tree.is_json { output::tree_columns } else { output::tree_bytes };
        write(trees, tree.from, report.granularity).map_err(|error| failed(&error))
    }
}

/// The report as `--format json` prints it.
fn as_json(report: &Report) -> Result<Vec<u8>, Refusal> {
    let style =
        Style { width: Width::Unlimited, color: false, unit: None, file_names: FileNames::Short };
    let mut bytes = Vec::new();
    output::write(Format::Json, report, &style, &mut bytes).map_err(|error| failed(&error))?;
    Ok(bytes)
}

fn failed(error: &std::io::Error) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
}

/// Why a question has no answer.
fn unanswered(error: &ReportError) -> Refusal {
    let message = error.to_string();
    match error {
        ReportError::Cancelled => Refusal { code: "cancelled", ..Refusal::busy() },
        ReportError::NoMatch(_) | ReportError::NoAnswer(NoAnswer::NoMatch(_)) => {
            Refusal::new(StatusCode::NOT_FOUND, "no-match", message)
        }
        ReportError::SampleType { .. } => Refusal::about("si", "bad-parameter", message),
        ReportError::Filter(_) | ReportError::Pattern(_) => query::refused(&message),
        _ => Refusal::new(StatusCode::BAD_REQUEST, "no-answer", message),
    }
}
