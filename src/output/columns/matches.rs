//! The columns of functions of own code, with the patterns of their stacks.

use super::Kind::{Number, Text, Word};
use super::cells::{cut_right, in_file, joined};
use super::{Columns, View};
use crate::analysis::matches::{Match, Matches};
use crate::output::number::Scale;
use crate::output::{Width, escape};
use crate::report::InputKind;
use unicode_width::UnicodeWidthStr;

pub(in crate::output) fn columns<'a>(
    View { report, style }: View<'a>,
    matches: &Matches,
) -> Columns<'a, &'a Match> {
    let is_goroutine = report.inputs.iter().all(|input| input.kind == InputKind::Goroutine);
    let held = if is_goroutine { "goroutines" } else { "in use" };
    let has_held = matches.rows.iter().any(|row| row.inuse_space.or(row.goroutines).is_some());
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let value = move |_: &&Match, value: i64| scale.value(value);
    Columns::<&Match>::new()
        .column("function", |row| &row.function)
        .label(2, "function")
        .both(
            "file",
            (4, Text, "file", Some(0)),
            |row| row.file.as_deref(),
            |_, file| in_file(Some(file), None, style.file_names),
        )
        .column("patterns", |row| joined(&row.patterns))
        .shown((3, Word, "patterns", None), |row| ids(&row.patterns, style.width))
        .optional("inuse_space", |row| row.inuse_space)
        .shown((0, Number, held, None), move |row| {
            row.inuse_space.or(row.goroutines).map(|held| scale.value(held))
        })
        .both(
            "alloc_space",
            (1, Number, "allocated", has_held.then_some(1)),
            |row| row.alloc_space,
            value,
        )
        .optional("goroutines", |row| row.goroutines)
}

/// The ids that fit, at least the first, and the number of others.
fn ids(patterns: &[String], width: Width) -> String {
    let Width::Columns(columns) = width else {
        return patterns.iter().map(|id| escape(id)).collect::<Vec<_>>().join(", ");
    };
    let mut text = String::new();
    for (shown, id) in patterns.iter().enumerate() {
        let id = escape(id);
        if shown > 0 && text.width() + 2 + id.width() > columns / 3 {
            text = format!("{text} +{}", patterns.len() - shown);
            break;
        }
        if shown > 0 {
            text.push_str(", ");
        }
        text.push_str(&id);
    }
    cut_right(&text, columns * 2 / 5)
}
