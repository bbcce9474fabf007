//! What the terminal says, in words.

use super::state::{State, View};
use crate::output::{self, escape};
use std::time::{Duration, Instant};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What the keys do.
pub(super) const KEYS: [(&str, &str); 9] = [
    ("↑ ↓  k j", "select a leak, or move through a page"),
    ("PgUp PgDn", "the same by a screen"),
    ("Home End", "to the first, to the last"),
    ("Enter", "every call path to the selected leak"),
    ("g", "goroutines: what they wait for, and which pile up"),
    ("r", "on a page: read it again, with the newest snapshot"),
    ("Esc", "back"),
    ("?", "these keys"),
    ("q  Ctrl-C", "end; the snapshots stay"),
];

/// The verdict so far.
pub(super) fn verdict(state: &State) -> String {
    if let Some((so_far, answer)) = state.answer() {
        return output::verdict(&so_far.report, answer);
    }
    match (&state.round, state.missing()) {
        (None, _) if state.is_folder => "waiting for the first profile".to_owned(),
        (None, _) => "taking the first snapshot".to_owned(),
        (Some(_), 0) => "these snapshots can't be judged together".to_owned(),
        (Some(_), 1) => "too early for a verdict: it takes one more snapshot".to_owned(),
        (Some(_), more) => format!("too early for a verdict: it takes {more} more snapshots"),
    }
}

/// What is wrong with the newest shot, and with the service.
pub(super) fn troubles(state: &State) -> Vec<String> {
    let mut troubles = Vec::new();
    if let Some(round) = &state.round {
        troubles.extend(round.failures.iter().map(|text| escape(text).into_owned()));
        let faults = round.so_far.as_ref().map(|so_far| so_far.faults.as_slice());
        troubles.extend(faults.unwrap_or_default().iter().map(|text| escape(text).into_owned()));
    }
    troubles
}

/// The process, and how the watch goes: the most important first.
pub(super) fn details(state: &State, now: Instant) -> Vec<String> {
    let mut details = Vec::new();
    let report = state.answer().map(|(so_far, _)| &so_far.report);
    if let Some(round) = &state.round {
        let many = if round.taken == 1 { "" } else { "s" };
        let mut taken = format!("{} snapshot{many}", round.taken);
        if round.kept < round.taken {
            taken = format!("{taken}, {} kept", round.kept);
        }
        details.push(taken);
        if round.failed > 0 {
            details.push(format!("{} failed", round.failed));
        }
        details.push(format!("last {}", round.when.strftime("%H:%M:%S UTC")));
    }
    details.push(format!("watching for {}", short(now.saturating_duration_since(state.begun))));
    let each = if state.is_folder { "a look every" } else { "every" };
    details.push(format!("{each} {}", exact(state.every)));
    if let Some(input) = report.and_then(|report| report.inputs.last()) {
        details.extend(input.program.iter().map(|program| escape(program).into_owned()));
        details.extend(state.pid.map(|pid| format!("pid {pid}")));
        let build = input.build_id.iter().map(|id| id.chars().take(12).collect::<String>());
        details.extend(build.map(|id| format!("build {}", escape(&id))));
    }
    details
}

/// When the next snapshot is due; looks at a folder are too frequent to be told.
pub(super) fn next(state: &State, now: Instant) -> String {
    if state.is_folder {
        return String::new();
    }
    match state.due.map(|due| due.saturating_duration_since(now)) {
        None => String::new(),
        Some(left) if left.is_zero() => "now".to_owned(),
        Some(left) => format!("next in {}", short(left + Duration::from_millis(999))),
    }
}

/// The keys that matter now.
pub(super) fn foot(state: &State, columns: usize) -> String {
    let all: &[&str] = match state.view {
        View::Leaks if state.suspects().is_empty() => &["q quit", "? keys", "g goroutines"],
        View::Leaks => &["q quit", "? keys", "Enter call paths", "g goroutines", "j k select"],
        View::Page => &["Esc back", "? keys", "j k PgUp PgDn scroll", "r read again", "q quit"],
        View::Keys => &["Esc back", "q quit"],
    };
    joined(&all.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), "  ", columns)
}

/// The first of these that fit into so many columns.
pub(super) fn joined(parts: &[String], between: &str, columns: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let lead = if line.is_empty() { "" } else { between };
        if line.width() + lead.width() + part.width() > columns {
            break;
        }
        line.push_str(lead);
        line.push_str(part);
    }
    line
}

/// A length of time in its two largest units: `2 h 5 min`.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    let [days, hours, minutes] = [seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60];
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn exact(time: Duration) -> String {
    if time.subsec_nanos() > 0 {
        return format!("{} ms", time.as_millis());
    }
    match time.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// A text in at most so many columns; what was cut ends with `…`.
pub(super) fn cut(text: String, columns: usize) -> String {
    if text.width() <= columns {
        return text;
    }
    let mut line = String::new();
    let mut left = columns.saturating_sub(1);
    for c in text.chars() {
        let width = c.width().unwrap_or_default();
        if width > left {
            break;
        }
        left -= width;
        line.push(c);
    }
    if columns > 0 {
        line.push('…');
    }
    line
}

/// A text in lines of at most so many columns, and at most so many of them.
pub(super) fn wrap(text: &str, columns: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let lead = usize::from(!line.is_empty());
        if !line.is_empty() && line.width() + lead + word.width() > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // A word that is wider than a line.
        while line.width() > columns && columns > 0 {
            let at = line
                .char_indices()
                .scan(0, |wide, (at, c)| {
                    *wide += c.width().unwrap_or_default();
                    Some((at, *wide))
                })
                .find(|&(at, wide)| wide > columns && at > 0);
            let Some((at, _)) = at else { break };
            let rest = line.split_off(at);
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = cut(format!("{last} …"), columns);
        }
    }
    lines
}
