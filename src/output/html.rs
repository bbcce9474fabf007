//! A page in one file: the answer as text that needs no script, and what the page's own program shows
//! of it. It loads nothing from anywhere, and its policy forbids that.

use super::closing;
use super::escape::{escape, html::text as html};
use super::rich::{self, Block};
use super::{
    ChartSite, Format, Style, Width, check_wording, collector_wording, memory_wording, tree_columns,
};
use crate::analysis::cut_trees::CutTrees;
use crate::graph::walk::From;
use crate::parallel;
use crate::report::page::{Page, Shown};
use crate::report::{Answer, Report};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::io::{self, Write};

/// The program of the page. web/ has its sources.
pub const SCRIPT: &str = include_str!("../../web/dist/app.js");
/// How the page looks.
pub const LOOK: &str = include_str!("../../web/dist/app.css");
/// The digests of both, as the policy names them.
const HASHES: &str = include_str!("../../web/dist/hashes.json");

/// Columns of the text that needs no script.
const COLUMNS: usize = 100;
/// Most inputs that a title names.
const NAMED: usize = 3;
/// The level of compression: a higher one takes ten times as long for 3 % less.
const LEVEL: Compression = Compression::new(6);

/// The data of a page, with the words that the table has for them.
#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    page: &'a Page,
    heading: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<Vec<Block>>,
    /// What the answer can't show, and the next command, as the table ends with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    closing: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next: Vec<Next>,
    /// What the chart of the values through time has areas for, as `timeline -o X.svg` draws it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    chart: Vec<ChartSite>,
}

/// A next command, and what it is about.
#[derive(Serialize)]
struct Next {
    lead: &'static str,
    command: String,
}

impl<'a> Data<'a> {
    fn of(page: &'a Page) -> io::Result<Self> {
        let answer = &page.answer;
        let shown = super::as_shown(answer);
        let sites = |timeline| super::chart_sites(answer, timeline);
        Ok(Self {
            page,
            heading: super::what_it_was(answer),
            verdict: verdict(page),
            card: card(page)?,
            closing: closing(&shown).into_iter().collect(),
            next: next(&shown).into_iter().collect(),
            chart: answer.answer.timeline().map_or_else(Vec::new, sites),
        })
    }
}

/// The data of a page that a server sends, with what it says about itself.
#[derive(Serialize)]
struct Served<'a, S> {
    #[serde(flatten)]
    data: Data<'a>,
    server: &'a S,
}

/// Writes the data of a page alone, with what a server says about itself.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write_data(page: &Page, server: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    Ok(serde_json::to_writer(out, &Served { data: Data::of(page)?, server })?)
}

/// The data of a page, packed: so many bytes of the file.
pub struct PackedPage {
    answers: String,
    trees: Vec<(&'static str, String)>,
}

impl PackedPage {
    /// Packs the answers of a page.
    ///
    /// # Errors
    ///
    /// Fails if an answer can't be serialized.
    pub fn new(page: &Page) -> io::Result<Self> {
        Ok(Self { answers: packed(&serde_json::to_vec(&Data::of(page)?)?)?, trees: Vec::new() })
    }

    /// Packs the trees of the page.
    ///
    /// # Errors
    ///
    /// Fails if a tree can't be serialized.
    pub fn add_trees(&mut self, trees: &CutTrees, page: &Page) -> io::Result<()> {
        let granularity = page.answer.granularity;
        let of = |from| packed(&tree_columns::encode(trees, from, granularity)?);
        let (root, leaf) = parallel::join(|| of(From::Root), || of(From::Leaf));
        self.trees = vec![("heapdiff-tree-root", root?), ("heapdiff-tree-leaf", leaf?)];
        Ok(())
    }

    /// Bytes of the answers.
    pub fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Bytes of the trees.
    pub fn trees(&self) -> usize {
        self.trees.iter().map(|(_, tree)| tree.len()).sum()
    }

    /// Writes the page.
    ///
    /// # Errors
    ///
    /// Returns the errors of `out`.
    pub fn write(&self, page: &Page, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        let [script, look] = hashes()?;
        let title = html(&title(page));
        writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
        writeln!(
            out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             script-src '{script}'; style-src '{look}'; img-src data:; base-uri 'none'; \
             form-action 'none'\">"
        )?;
        writeln!(
            out,
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
             name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>"
        )?;
        writeln!(out, "<style>{LOOK}</style>\n</head>\n<body>\n<main id=\"app\">")?;
        if let Some(card) = card(page)? {
            // It begins with a title of its own.
            let (happened, rest) = card.split_at(rich::section(&card, "Verdict"));
            rich::write_html(happened, out)?;
            write_chart(&page.answer, style, out)?;
            rich::write_html(rest, out)?;
        } else {
            writeln!(out, "<h1>{title}</h1>")?;
            write_chart(&page.answer, style, out)?;
            write_text(page, style, out)?;
        }
        write_notes(page, out)?;
        writeln!(out, "</main>")?;
        block("heapdiff-report", &self.answers, out)?;
        self.trees.iter().try_for_each(|(id, tree)| block(id, tree, out))?;
        writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>")
    }
}

/// Writes a page without trees.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write(page: &Page, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    PackedPage::new(page)?.write(page, style, out)
}

/// The verdict in a sentence, where the table has one.
fn verdict(page: &Page) -> Option<String> {
    match (&page.shown, &page.answer.answer) {
        (Shown::Collector, _) => page.collector.as_ref().map(|of| collector_wording::verdict(of).0),
        (Shown::Memory, _) => {
            let memory = page.memory.as_ref().and_then(|report| report.memory.as_ref());
            memory.map(|memory| memory_wording::verdict(memory).0)
        }
        (_, Answer::Leaks(answer)) => Some(super::verdict(&page.answer, answer)),
        (_, Answer::Check(answer)) => Some(check_wording::summary(&answer.check)),
        _ => None,
    }
}

/// What the table says below the rows.
fn closing(report: &Report) -> Option<String> {
    match &report.answer {
        Answer::Diff(diff) => closing::of_diff(report, diff),
        Answer::Top(top) => closing::of_top(report, top),
        _ => None,
    }
}

/// The next command, as the table has it.
fn next(report: &Report) -> Option<Next> {
    let (lead, command) = match &report.answer {
        Answer::Diff(diff) => (closing::PATHS, closing::after_diff(report, diff)?),
        Answer::Check(answer) => check_wording::next_of_all(report, &answer.check)?,
        _ => return None,
    };
    Some(Next { lead, command })
}

/// The card of an incident.
fn card(page: &Page) -> io::Result<Option<Vec<Block>>> {
    let (Shown::Card(card), Answer::Leaks(answer)) = (&page.shown, &page.answer.answer) else {
        return Ok(None);
    };
    let mut markdown = Vec::new();
    super::write_incident(Format::Markdown, card, (&page.answer, answer), &mut markdown)?;
    Ok(Some(rich::blocks(&String::from_utf8_lossy(&markdown))))
}

/// Writes that a check could not run, and why.
pub(super) fn write_failure(message: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let lines: Vec<String> = message.lines().map(|line| html(&escape(line))).collect();
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
         http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\">\n<title>heapdiff \
         check: error</title>\n</head>\n<body>\n<h1>heapdiff check: error</h1>\n<p>The check could \
         not run: {}</p>\n</body>\n</html>",
        lines.join("<br>\n")
    )
}

/// What the page is about.
fn title(page: &Page) -> String {
    let heading = match (&page.shown, &page.collector, &page.memory) {
        (Shown::Collector, Some(report), _) => {
            let names = report.inputs.iter().map(|input| input.name.clone());
            some_of(names)
        }
        (Shown::Memory, _, Some(report)) => {
            some_of(report.inputs.iter().map(|input| input.name.clone()))
        }
        _ => super::what_it_was(&page.answer),
    };
    format!("heapdiff {}: {}", page.command, escape(&heading.join(", ")))
}

/// The first few names, and how many there are besides.
fn some_of(names: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let all = names.len();
    let more = (all > NAMED).then(|| format!("{} more", all - NAMED));
    names.take(NAMED).chain(more).collect()
}

/// The values through time, as `timeline -o X.svg` draws them.
fn write_chart(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(timeline) = report.answer.timeline().filter(|timeline| timeline.times.len() > 1)
    else {
        return Ok(());
    };
    super::write_chart(report, timeline, style, out)?;
    writeln!(out)
}

/// The answer as the table has it.
fn write_text(page: &Page, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let width = match style.width {
        Width::Unlimited => Width::Columns(COLUMNS),
        asked @ Width::Columns(_) => asked,
    };
    let style = Style { width, color: false, ..style.clone() };
    let mut text = Vec::new();
    match (&page.shown, &page.collector, &page.memory) {
        (Shown::Answer(report), ..) => super::write(Format::Table, report, &style, &mut text)?,
        (Shown::Collector, Some(report), _) => {
            super::write_collector(Format::Table, report, &style, &mut text)?;
        }
        (Shown::Memory, _, Some(report)) => {
            super::write_memory(Format::Table, report, &style, &mut text)?;
        }
        _ => {}
    }
    let text = String::from_utf8_lossy(&text);
    writeln!(out, "<pre>")?;
    for line in text.lines() {
        writeln!(out, "{}", html(line))?;
    }
    writeln!(out, "</pre>")
}

/// The command that makes the page, and what the page leaves out.
fn write_notes(page: &Page, out: &mut dyn io::Write) -> io::Result<()> {
    if let Some(command) = &page.command_line {
        writeln!(out, "<p>Made by <code>{}</code></p>", html(command))?;
    }
    page.notes.iter().try_for_each(|note| writeln!(out, "<p>{}</p>", html(note)))
}

/// Data as text that can end no element.
fn packed(bytes: &[u8]) -> io::Result<String> {
    let mut packed = GzEncoder::new(Vec::new(), LEVEL);
    packed.write_all(bytes)?;
    Ok(STANDARD.encode(packed.finish()?))
}

/// Writes data that the program of the page reads.
fn block(id: &str, packed: &str, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<script type=\"application/octet-stream\" id=\"{id}\">{packed}</script>")
}

/// The digests of the script and of the style sheet.
fn hashes() -> io::Result<[String; 2]> {
    let hashes: serde_json::Value = serde_json::from_str(HASHES)?;
    Ok(["app.js", "app.css"].map(|file| hashes[file].as_str().unwrap_or_default().to_owned()))
}
