//! The columns of clusters of goroutines.

use super::Kind::{Number, Text, Word};
use super::cells::{in_file, joined, short_class, word};
use super::{Columns, View};
use crate::analysis::Status;
use crate::analysis::goroutines::Cluster;
use crate::output::number::{self, Scale, percent_change, percent_text};
use crate::units;

pub(in crate::output) fn columns(View { report, style }: View<'_>) -> Columns<'_, &Cluster> {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let is_comparison = report.comparison.is_some();
    let is_through_time = report.answer.timeline().is_some();
    let percent = move |row: &&Cluster| match row.status {
        Some(Status::New) if is_comparison => Some("new".to_owned()),
        Some(Status::Gone) if is_comparison => Some("gone".to_owned()),
        _ if is_through_time => None,
        _ if is_comparison => row.percent.map(percent_change),
        _ => row.percent.map(percent_text),
    };
    let names = style.file_names;
    let columns = Columns::<&Cluster>::new()
        .optional("before", |row| row.value.before)
        .column("after", |row| row.value.after)
        .optional("delta", |row| row.value.delta)
        .optional("percent", |row| row.percent)
        .shown((1, Number, if is_comparison { "Δ %" } else { "share" }, Some(0)), percent)
        .column("waits_for", |row| &row.at.waits_for)
        .shown((7, Word, "in", Some(6)), |row| Some(row.at.waits_for.clone()))
        .both(
            "longest_wait_minutes",
            (8, Number, "longest", Some(5)),
            |row| row.longest_wait_minutes,
            |_, minutes| wait(minutes),
        )
        .column("function", |row| &row.at.place.function)
        .label(9, "goroutines at")
        .optional("file", |row| row.at.place.file.as_ref())
        .optional("line", |row| row.at.place.line)
        .shown((10, Text, "where", Some(3)), move |row| {
            in_file(row.at.place.file.as_deref(), row.at.place.line, names)
        })
        .optional("root", |row| row.at.root.as_ref())
        .optional("started_by", |row| row.at.started_by.as_ref())
        .optional("created_by", |row| Some(&row.created_by.as_ref()?.function))
        .optional("created_in", |row| row.created_by.as_ref()?.file.as_ref())
        .optional("created_at_line", |row| row.created_by.as_ref()?.line)
        .shown((11, Text, "go statement", Some(2)), move |row| {
            let creator = row.created_by.as_ref();
            creator.map(|at| in_file(at.file.as_deref(), at.line, names))
        })
        .optional("lock_held_in", |row| row.lock_held_in.as_ref())
        .column("locked_to_thread", |row| row.locked_to_thread)
        .column("proven_leaked", |row| row.proven_leaked)
        .estimate(["stack_bytes", "stack_bytes_lower", "stack_bytes_upper"], |row| {
            Some(row.stack_bytes)
        })
        .shown((13, Number, "≈ stacks", Some(1)), |row| {
            (row.stack_bytes.estimate > 0)
                .then(|| units::display(row.stack_bytes.estimate as f64, "bytes"))
        })
        .shown((12, Number, "proven leaked", None), |row| {
            (row.proven_leaked > 0).then(|| row.proven_leaked.to_string())
        })
        .column("stack", |row| joined(&row.stack));
    if is_through_time {
        return through_time(columns, scale);
    }
    if is_comparison {
        changes(columns, scale, ["before", "after"])
    } else {
        columns.shown((0, Number, "count", None), move |row| scale.value(row.value.after))
    }
}

/// Adds what changed, with the titles of both ends.
fn changes<'a>(
    columns: Columns<'a, &'a Cluster>,
    scale: Scale<'a>,
    [before, after]: [&'static str; 2],
) -> Columns<'a, &'a Cluster> {
    columns
        .shown((0, Number, "Δ", None), move |row| scale.change(row.value.delta_or_value()))
        .shown((2, Number, before, Some(1)), move |row| {
            row.value.before.map(|before| scale.value(before))
        })
        .shown((3, Number, after, Some(4)), move |row| scale.value(row.value.after))
}

/// Adds what more than two snapshots show.
fn through_time<'a>(
    columns: Columns<'a, &'a Cluster>,
    scale: Scale<'a>,
) -> Columns<'a, &'a Cluster> {
    let columns = columns
        .optional("class", |row| word(row.class?))
        .estimate(["slope_per_hour", "slope_lower", "slope_upper"], |row| row.slope_per_hour)
        .column("values", |row| joined(row.values.iter().map(i64::to_string)));
    changes(columns, scale, ["first", "last"])
        .shown((4, Number, "slope", Some(7)), move |row| {
            Some(format!("{}/h", scale.change(row.slope_per_hour?.estimate)))
        })
        .shown((5, Text, "95 % interval", Some(0)), move |row| {
            let slope = row.slope_per_hour?;
            Some(number::range(&scale.change(slope.lower), &scale.change(slope.upper)))
        })
        .shown((6, Word, "class", Some(8)), |row| Some(short_class(row.class?).to_owned()))
}

/// Minutes as a person says them.
fn wait(minutes: i64) -> String {
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn a_wait_is_in_the_largest_unit_of_which_there_are_two() {
        let cases = [(1, "1 min"), (119, "119 min"), (120, "2 h"), (2879, "47 h"), (2880, "2 d")];
        for (minutes, text) in cases {
            assert_eq!(wait(minutes), text);
        }
    }
}
