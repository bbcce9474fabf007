//! The page of a check: its outcome, and where what broke it was allocated.

use super::{Gate, exit_code};
use crate::command::request::Output;
use crate::command::{CommandError, Console, page, run};
use crate::model::merge::{Merge, Sign};
use crate::model::rebase::Rebase;
use crate::model::series::Series;
use crate::output::Format;
use crate::report::{Query, Question, Report, Runs};

/// What a page compares: both sides as a snapshot each.
pub(in crate::command) struct Sides {
    series: Option<Series>,
    /// What they are, if not two profiles.
    notes: Vec<String>,
}

impl Gate {
    /// What a page compares, if there is to be one. The first `before` runs are before.
    pub(in crate::command) fn sides(&self, runs: &Runs, before: usize) -> Option<Sides> {
        let formats = self.reports.iter().map(|also| Format::from(also.format));
        let mut formats = formats.chain([self.output.format]);
        formats.any(|format| format == Format::Html).then(|| {
            sides(&runs.series, before).unwrap_or_else(|why| Sides {
                series: None,
                notes: vec![format!("The page has no flame graph and no call paths: {why}.")],
            })
        })
    }

    /// Writes the page.
    pub(super) fn write_page(
        &self,
        report: &Report,
        sides: Option<&Sides>,
        output: &Output,
        console: &mut Console<'_>,
    ) -> Result<(), CommandError> {
        let style = run::style(output, console);
        let query = Query {
            own: self.own.clone(),
            trim_path: self.trim_path(),
            ..Query::new(Question::Diff)
        };
        let asked = page::Asked {
            command: "check",
            query: &query,
            spec: &self.spec,
            output,
            typed: self.command_line.clone(),
        };
        let series = sides.and_then(|sides| sides.series.as_ref());
        let notes = sides.map(|sides| sides.notes.clone()).unwrap_or_default();
        let page = page::judged(report, (series, notes), exit_code(report), &asked, &style)?;
        run::write_to(output.file.as_deref(), console, |out| out.write_all(&page))
    }
}

/// Adds up the runs of each side: as many of them as both have, since sums of unlike numbers of runs can't be
/// compared.
fn sides(series: &Series, before: usize) -> Result<Sides, String> {
    let after = series.snapshots.len().saturating_sub(before);
    if after == 0 {
        return Err("there is nothing after".to_owned());
    }
    if before <= 1 && after == 1 {
        return Ok(Sides { series: Some(series.clone()), notes: Vec::new() });
    }
    let most = if before == 0 { after } else { before.min(after) };
    let mut profiles = series.clone().into_profiles();
    let of_after = profiles.split_off(before);
    let mut rebase = Rebase::default();
    for side in [profiles, of_after] {
        let Some((first, _)) = side.first() else { continue };
        let first = first.clone();
        let mut merge = Merge::default();
        for (name, profile) in side.iter().take(most) {
            merge.add(name, profile, Sign::Plus).map_err(|error| error.to_string())?;
        }
        rebase.add(&first, merge.finish());
    }
    let what = match (before, after) {
        (0, _) => format!("all {after} profiles"),
        (before, after) if before == after => format!("the {most} profiles of each side"),
        _ if most == 1 => {
            format!("only the first profile of each side, since there are {before} and {after}")
        }
        _ => {
            format!("the first {most} profiles of each side, since there are {before} and {after}")
        }
    };
    let verb = if most == 1 { "have" } else { "add up" };
    let notes = vec![format!(
        "The flame graph, the call paths and the source lines {verb} {what}; a command names the first of \
         each side."
    )];
    let series = rebase.finish().map_err(|error| error.to_string())?;
    Ok(Sides { series: Some(series), notes })
}
