//! A page in one file: the answer as text that needs no script, and what the page's own program shows
//! of it. It loads nothing from anywhere, and its policy forbids that.

use super::escape::{escape, html::text as html};
use super::{Format, Style, Width, check_wording, tree_columns};
use crate::graph::walk::From;
use crate::report::Answer;
use crate::report::page::Page;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::io::{self, Write};

/// The program of the page, and how it looks. web/ has their sources.
const SCRIPT: &str = include_str!("../../web/dist/app.js");
const LOOK: &str = include_str!("../../web/dist/app.css");
/// The digests of both, as the policy names them.
const HASHES: &str = include_str!("../../web/dist/hashes.json");

/// Columns of the text that needs no script.
const COLUMNS: usize = 100;
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
}

/// Writes a page.
///
/// # Errors
///
/// Returns the errors of `out`.
pub fn write(page: &Page, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let [script, look] = hashes()?;
    let title = html(&title(page));
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src \
         '{script}'; style-src '{look}'; img-src data:; base-uri 'none'; form-action 'none'\">"
    )?;
    writeln!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
         name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>"
    )?;
    writeln!(out, "<style>{LOOK}</style>\n</head>\n<body>\n<main id=\"app\">\n<h1>{title}</h1>")?;
    write_text(page, style, out)?;
    writeln!(out, "</main>")?;
    let data = Data {
        page,
        heading: super::what_it_was(&page.answer),
        verdict: match &page.answer.answer {
            Answer::Leaks(answer) => Some(super::verdict(&page.answer, answer)),
            Answer::Check(answer) => Some(check_wording::summary(&answer.check)),
            _ => None,
        },
    };
    block("heapdiff-report", &serde_json::to_vec(&data)?, out)?;
    if let Some(trees) = &page.trees {
        let granularity = page.answer.granularity;
        for (id, from) in [("heapdiff-tree-root", From::Root), ("heapdiff-tree-leaf", From::Leaf)] {
            block(id, &tree_columns::encode(trees, from, granularity)?, out)?;
        }
    }
    writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>")
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
    let heading = super::what_it_was(&page.answer);
    format!("heapdiff {}: {}", page.command, heading.join(", "))
}

/// The answer as the table has it.
fn write_text(page: &Page, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let width = match style.width {
        Width::Unlimited => Width::Columns(COLUMNS),
        asked @ Width::Columns(_) => asked,
    };
    let style = Style { width, color: false, ..style.clone() };
    let mut text = Vec::new();
    super::write(Format::Table, &page.shown, &style, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    writeln!(out, "<pre>")?;
    for line in text.lines() {
        writeln!(out, "{}", html(line))?;
    }
    writeln!(out, "</pre>")?;
    if let Some(command) = &page.command_line {
        writeln!(out, "<p>Made by <code>{}</code></p>", html(command))?;
    }
    page.notes.iter().try_for_each(|note| writeln!(out, "<p>{}</p>", html(note)))
}

/// Writes data that the program of the page reads. No text of it can end the block.
fn block(id: &str, bytes: &[u8], out: &mut dyn io::Write) -> io::Result<()> {
    let mut packed = GzEncoder::new(Vec::new(), LEVEL);
    packed.write_all(bytes)?;
    let packed = STANDARD.encode(packed.finish()?);
    writeln!(out, "<script type=\"application/octet-stream\" id=\"{id}\">{packed}</script>")
}

/// The digests of the script and of the style sheet.
fn hashes() -> io::Result<[String; 2]> {
    let hashes: serde_json::Value = serde_json::from_str(HASHES)?;
    Ok(["app.js", "app.css"].map(|file| hashes[file].as_str().unwrap_or_default().to_owned()))
}
