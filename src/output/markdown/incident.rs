//! The card of an incident as Markdown, for a ticket or the next shift.
//!
//! Headings are the same in every card, in the same order, and each section says so if there is nothing
//! in it, so that two cards of a case can be compared line by line. What doesn't fit GitHub's limit is
//! counted: suspects after the first, and files, whose common SHA-256 stands for all of them.

use super::suspects;
use crate::analysis::estimates::Class;
use crate::analysis::suspects::Suspect;
use crate::output::columns::cells::file_and_line;
use crate::output::escape::markdown::{cell, code, fenced, prose};
use crate::output::number::Scale;
use crate::output::{FileNames, doctor_wording, incident_wording as wording};
use crate::report::incident::{IncidentReport, RuledOut, SuspectOwner, is_in_full};
use crate::report::{LeaksAnswer, Report};
use crate::units::Bytes;
use std::io;

/// Most bytes of the card, below GitHub's limit of 65,536 characters.
const MOST: usize = 62_000;
/// Most bytes up to the last suspect.
const SUSPECTS: usize = 30_000;
/// Most suspects in full, and lines about each other kind.
const IN_FULL: usize = 10;
const LINES: usize = 10;
/// Most lines about growth within sampling error.
const NOISE: usize = 3;
/// Most warnings.
const WARNINGS: usize = 8;

/// Writes the card.
pub(in crate::output) fn write(
    card: &IncidentReport,
    report: &Report,
    answer: &LeaksAnswer,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut text = String::new();
    what(card, report, answer, &mut text);
    timeline(card, &mut text);
    verdict(card, report, answer, &mut text);
    in_full(card, report, &mut text);
    ruled_out(card, &mut text);
    missing(card, &mut text);
    owners(card, &mut text);
    reproduce(card, &mut text);
    inputs(card, &mut text);
    out.write_all(text.as_bytes())
}

/// What evidence is missing: the worst gaps, and what is there.
fn missing(card: &IncidentReport, text: &mut String) {
    section("Gaps", text);
    let gaps = &card.around.evidence.gaps;
    if gaps.is_empty() {
        text.push_str("Nothing is missing.\n");
    }
    for gap in gaps.iter().take(LINES) {
        let (severity, id) = (doctor_wording::severity(gap.severity), gap.id.name());
        let (message, effect) = (prose(&gap.message), prose(&gap.effect));
        text.extend([format!("- **{severity} {id}:** {message}; {effect}\n")]);
    }
    left_out(gaps.len(), LINES, "gaps", text);
    if let Some(reach) = &card.around.evidence.reach {
        text.extend([format!("\nDetects: {}\n", prose(&doctor_wording::reach(reach)))]);
    }
    if !gaps.is_empty() {
        text.push_str("\n`heapdiff doctor` with the same inputs says how to close them.\n");
    }
}

fn section(title: &str, text: &mut String) {
    text.extend([format!("\n## {title}\n\n")]);
}

fn place(suspect: &Suspect) -> String {
    let place = file_and_line(&suspect.site, FileNames::Short);
    let at = if place.is_empty() { String::new() } else { format!(" at {}", code(&place)) };
    format!("{}{at}", code(&suspect.site.function))
}

fn what(card: &IncidentReport, report: &Report, answer: &LeaksAnswer, text: &mut String) {
    let program = card.what.program.as_deref().map(|name| format!(": {}", code(name)));
    text.extend([format!("# Incident{}\n", program.unwrap_or_default())]);
    section("What happened", text);
    text.extend([format!("- **Process:** {}\n", prose(&wording::whence(report)))]);
    text.extend([format!("- **Memory:** {}\n", prose(&wording::memory(card)))]);
    let sentences = wording::verdicts(report, answer);
    let first = card.suspects.iter().find(|suspect| is_in_full(suspect, &card.verdict));
    let first = first.map(|suspect| format!(". First suspect: {}", place(suspect)));
    let sentence = sentences.first().map(|sentence| prose(sentence)).unwrap_or_default();
    text.extend([format!("- **Verdict:** {sentence}{}\n", first.unwrap_or_default())]);
}

fn timeline(card: &IncidentReport, text: &mut String) {
    section("Timeline", text);
    if card.timeline.is_empty() {
        text.push_str("No snapshots.\n");
        return;
    }
    let has_resident = card.timeline.iter().any(|moment| moment.resident_set.is_some());
    let has_goroutines = card.timeline.iter().any(|moment| moment.goroutines.is_some());
    let mut titles = vec!["time (UTC)".to_owned(), "snapshot".to_owned()];
    titles.push(cell(&card.what.sample_type));
    titles.extend(has_resident.then(|| "resident set".to_owned()));
    titles.extend(has_goroutines.then(|| "goroutines".to_owned()));
    let numbers = titles.len() - 1;
    text.extend([format!("| {} | |\n", titles.join(" | "))]);
    text.extend([format!("| --- |{} --- |\n", " ---: |".repeat(numbers))]);
    let scale = Scale::new(&card.what.unit, None);
    let bytes = |value: i64| Bytes(value as f64).to_string();
    for moment in &card.timeline {
        let mut cells = vec![prose(&wording::time_of(moment, card))];
        cells.push(moment.snapshot.to_string());
        cells.push(scale.value(moment.total));
        cells.extend(has_resident.then(|| moment.resident_set.map(bytes).unwrap_or_default()));
        let count = |count: i64| crate::units::Grouped(count).to_string();
        cells.extend(has_goroutines.then(|| moment.goroutines.map(count).unwrap_or_default()));
        cells.push(prose(&wording::marks(moment, card)));
        text.extend([format!("| {} |\n", cells.join(" | "))]);
    }
    if let Some(said) = wording::not_in_timeline(card) {
        text.extend([format!("\n{}\n", prose(&said))]);
    }
    if card.beside.is_empty() {
        text.push_str("\nNothing was recorded beside the profiles.\n");
    } else {
        text.push_str("\nBeside the profiles:\n\n");
        for track in &card.beside {
            text.extend([format!("- {}\n", prose(&wording::track(track)))]);
        }
    }
}

fn verdict(card: &IncidentReport, report: &Report, answer: &LeaksAnswer, text: &mut String) {
    section("Verdict", text);
    for sentence in wording::verdicts(report, answer) {
        text.extend([format!("{}\n\n", prose(&sentence))]);
    }
    if card.verdict.agreement.is_none() {
        text.extend([format!("{}\n\n", wording::no_agreement(card))]);
    }
    for warning in card.warnings.iter().take(WARNINGS) {
        text.extend([format!("**Warning:** {}\n\n", prose(warning))]);
    }
    left_out(card.warnings.len(), WARNINGS, "warnings", text);
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// Says how many of something aren't written.
fn left_out(all: usize, shown: usize, what: &str, text: &mut String) {
    if all > shown {
        text.extend([format!("\n{} more {what} are in the JSON.\n", all - shown)]);
    }
}

fn in_full(card: &IncidentReport, report: &Report, text: &mut String) {
    section("Suspects", text);
    let all: Vec<&Suspect> =
        card.suspects.iter().filter(|suspect| is_in_full(suspect, &card.verdict)).collect();
    if all.is_empty() {
        text.push_str("None: nothing grew the way a leak does.\n");
    }
    let mut shown = 0;
    for suspect in all.iter().take(IN_FULL) {
        let whole = suspects::whole(report, &card.verdict, suspect);
        if text.len() + whole.len() > SUSPECTS && shown > 0 {
            break;
        }
        text.push_str(&whole);
        shown += 1;
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    left_out(all.len(), shown, "suspects", text);
}

fn ruled_out(card: &IncidentReport, text: &mut String) {
    section("Ruled out, and why", text);
    if card.ruled_out.is_empty() {
        text.push_str("Nothing: nothing else grew.\n");
        return;
    }
    text.push_str("| | change | | why |\n| --- | ---: | --- | --- |\n");
    let (noise, grew): (Vec<&RuledOut>, Vec<&RuledOut>) =
        card.ruled_out.iter().partition(|one| one.class == Class::Steady);
    let shown: Vec<&RuledOut> =
        grew.into_iter().chain(noise.into_iter().take(NOISE)).take(LINES).collect();
    for one in &shown {
        let place = crate::analysis::Place {
            function: one.name.clone(),
            file: one.file.clone(),
            line: one.line,
        };
        let at = cell(&file_and_line(&place, FileNames::Short));
        let word = if one.is_ruled_out { "ruled out" } else { "**not decided**" };
        let name = format!("{} {at}", cell(&one.name));
        let why = prose(&wording::reason(one, card));
        text.extend([format!(
            "| {} | {} | {word} | {why} |\n",
            name.trim_end(),
            wording::growth(one)
        )]);
    }
    left_out(card.ruled_out.len(), shown.len(), "places", text);
}

fn owners(card: &IncidentReport, text: &mut String) {
    section("Who to ask", text);
    if card.around.owners.is_empty() {
        text.push_str("No one: there is no suspect.\n");
    }
    for owner in card.around.owners.iter().take(LINES) {
        text.extend([format!("- {}\n", who(owner))]);
    }
    left_out(card.around.owners.len(), LINES, "suspects", text);
}

fn who(owner: &SuspectOwner) -> String {
    let line = owner.line.map_or_else(String::new, |line| format!(":{line}"));
    let file = owner.path.as_ref().or(owner.file.as_ref());
    let file = file.map_or_else(|| "no file".to_owned(), |file| code(&format!("{file}{line}")));
    let mut text = format!("suspect {}, {file}: ", owner.rank);
    if owner.owners.is_empty() {
        text.push_str(wording::no_owner(owner));
    } else {
        let owners: Vec<String> = owner.owners.iter().map(|owner| mention(owner)).collect();
        text.push_str(&owners.join(" "));
    }
    if let (Some(rules), Some(line), Some(pattern)) =
        (&owner.rule_file, owner.rule_line, &owner.rule_pattern)
    {
        let rules = code(&format!("{rules}:{line}"));
        text.extend([format!(" ({rules}, {})", code(pattern))]);
    }
    if let Some(author) = &owner.author {
        let commit = code(&author.commit);
        text.extend([format!(
            "; the line in this checkout was last changed by {} on {} ({commit})",
            prose(&author.name),
            prose(&author.day)
        )]);
    }
    text
}

/// An owner as it notifies: what isn't the name of a user or a team is only a name.
fn mention(owner: &str) -> String {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let name = owner.strip_prefix('@').filter(|name| name.split('/').all(is_word));
    match name {
        // An underscore could begin an emphasis.
        Some(name) => format!("@{}", name.replace('_', "\\_")),
        None => code(owner),
    }
}

fn reproduce(card: &IncidentReport, text: &mut String) {
    section("Reproduce", text);
    for (number, one) in card.around.reproduce.iter().enumerate() {
        let gap = if number == 0 { "" } else { "\n" };
        let what = wording::reproduces(one.what);
        match &one.command {
            Some(command) => text.extend([format!("{gap}{what}:\n\n{}", fenced(command))]),
            None => text.extend([format!(
                "{gap}{what}: a name has characters that no command can have; rename the file.\n"
            )]),
        }
    }
}

fn inputs(card: &IncidentReport, text: &mut String) {
    section("Inputs", text);
    for recording in &card.around.recordings {
        text.extend([format!("Recording of {}.\n\n", prose(&wording::recording(recording)))]);
    }
    for skipped in card.skipped.iter().take(WARNINGS) {
        text.extend([format!("Note: {}\n\n", prose(skipped))]);
    }
    let bytes: u64 = card.around.inputs.iter().map(|input| input.bytes).sum();
    let files = if card.around.inputs.len() == 1 { "file" } else { "files" };
    let folder = match card.around.folder.as_str() {
        "" => String::new(),
        folder => format!(" in {}", code(folder)),
    };
    text.extend([format!(
        "{} {files}{folder}, {}. SHA-256 of what `sha256sum` writes about them there, in this order: `{}`\n\n",
        card.around.inputs.len(),
        Bytes(bytes as f64),
        card.around.inputs_sha256
    )]);
    text.push_str("<details><summary>Files</summary>\n\n");
    text.push_str(
        "| file | kind | time (UTC) | bytes | SHA-256 |\n| --- | --- | --- | ---: | --- |\n",
    );
    let mut shown = 0;
    for input in &card.around.inputs {
        let time = input.time.as_deref().map(|time| wording::time(Some(time)));
        let row = format!(
            "| {} | {} | {} | {} | {} |\n",
            cell(&input.name),
            prose(&input.kind),
            prose(&time.unwrap_or_default()),
            input.bytes,
            cell(&input.sha256)
        );
        if text.len() + row.len() > MOST {
            break;
        }
        text.push_str(&row);
        shown += 1;
    }
    left_out(card.around.inputs.len(), shown, "files", text);
    text.push_str("\n</details>\n");
}
