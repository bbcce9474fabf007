//! Suspects in Markdown, with the facts that the table has.

use crate::analysis::suspects::{Suspect, Verdict};
use crate::output::columns::cells::file_and_line;
use crate::output::escape::markdown::{code, fenced, prose};
use crate::output::{FileNames, Style, Width, next_about, suspect_facts as facts};
use crate::report::Report;

/// Most columns of a call path: a longer one loses frames in its middle.
const PATH: usize = 280;
/// Most bytes of a command. A longer one is left out, since half of it would be wrong.
const COMMAND: usize = 2_000;

/// A suspect in full, under a heading.
pub(super) fn whole(report: &Report, verdict: &Verdict, suspect: &Suspect) -> String {
    let style =
        Style { width: Width::Unlimited, color: false, unit: None, file_names: FileNames::Short };
    let place = file_and_line(&suspect.site, FileNames::Short);
    let at = if place.is_empty() { String::new() } else { format!(" at {}", code(&place)) };
    let mut text = format!(
        "### {}. {}: {}{at}, {}",
        suspect.rank,
        facts::class(suspect),
        code(&suspect.site.function),
        facts::confidence(suspect.confidence)
    );
    if verdict.processes.len() > 1 {
        text.extend([format!(", process {}", suspect.process + 1)]);
    }
    text.push_str("\n\n");
    let lines = facts::growth(report, suspect, &style)
        .into_iter()
        .chain(facts::goroutines(suspect, &style))
        .chain(facts::places(suspect, &style))
        .chain(facts::patterns(suspect, style.width));
    for fact in lines.filter(|fact| fact.parts.iter().any(|part| !part.is_empty())) {
        text.extend([item(fact.word, &prose(&joined(&fact.parts)))]);
    }
    if let Some(path) = facts::path(suspect, Width::Columns(PATH)) {
        text.extend([item(path.word, &code(&path.parts.concat()))]);
    }
    for (word, said) in [("why", &suspect.explanation), ("fix", &suspect.fix)] {
        if !said.is_empty() {
            text.extend([item(word, &prose(said))]);
        }
    }
    let command = next_about(report, suspect);
    if let Some(command) = command.filter(|command| command.len() <= COMMAND) {
        text.extend([format!("\n{}", fenced(&command))]);
    }
    text.push('\n');
    text
}

fn item(word: &str, text: &str) -> String {
    if word.is_empty() { format!("  - {text}\n") } else { format!("- **{word}:** {text}\n") }
}

/// The parts in a row: one in parentheses belongs to the one before it.
fn joined(parts: &[String]) -> String {
    let mut text = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        match text.is_empty() {
            true => {}
            false if part.starts_with('(') || text.ends_with(['█', '▁']) => text.push(' '),
            false => text.push_str(", "),
        }
        text.push_str(part);
    }
    text
}
