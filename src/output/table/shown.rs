//! The report as the table shows it: rates instead of values where profiles cover different times,
//! a function with several names as one, and samples without a stack among the others.
//!
//! JSON has the values of each name as pprof prints them, and these next to them.

use crate::analysis::diff::{Diff, DiffRow, Together};
use crate::analysis::rates::{PerSecond, RateBounds};
use crate::analysis::top::TopRow;
use crate::analysis::{Bounds, Measure, OmittedRows};
use crate::model::change::Value;
use crate::report::{Answer, Report, Sort, Total};
use crate::units::{self, RATE};
use std::borrow::Cow;

/// The report with what the table shows.
pub(in crate::output) fn shown(report: &Report) -> Cow<'_, Report> {
    let seconds = report.comparison.as_ref().and_then(|comparison| comparison.seconds);
    let is_as_it_is = match &report.answer {
        Answer::Top(top) => top.no_stack.is_none(),
        Answer::Diff(diff) => {
            let is_one = |row: &DiffRow| row.together.is_none();
            seconds.is_none() && diff.no_stack.is_none() && diff.rows.iter().all(is_one)
        }
        _ => true,
    };
    if is_as_it_is {
        return Cow::Borrowed(report);
    }
    let mut shown = report.clone();
    if let Answer::Top(top) = &mut shown.answer {
        let size = |row: &TopRow| if report.sort == Sort::Cum { row.cum } else { row.flat };
        if let Some(row) = top.no_stack.take() {
            let heavier = |other: &TopRow| size(other).unsigned_abs() >= size(&row).unsigned_abs();
            top.rows.insert(top.rows.partition_point(heavier), row);
        }
        return Cow::Owned(shown);
    }
    if let Answer::Diff(diff) = &mut shown.answer {
        diff.rows.extend(diff.no_stack.take().map(|row| *row));
        join(diff);
        if let Some(seconds) = seconds {
            let rates =
                Rates { seconds, scale: scale(&report.unit), by_cum: report.sort == Sort::Cum };
            rates.of_diff(diff);
        }
    }
    if seconds.is_some() {
        shown.totals.iter_mut().for_each(of_total);
        shown.unit.push_str(RATE);
    }
    Cow::Owned(shown)
}

/// Most other names of a function that a line repeats.
const NAMES: usize = 3;

/// Makes the rows of a function with several names two: one for all of them before, one after.
fn join(diff: &mut Diff) {
    let joined: Vec<(String, Together)> = diff
        .rows
        .iter()
        .filter_map(|row| Some((row.name.clone(), row.together.clone()?)))
        .collect();
    for (name, together) in joined {
        let is_member = |row: &DiffRow| {
            row.moved_to.as_deref() == Some(&name) && together.names.contains(&row.name)
        };
        let Some(from) =
            diff.rows.iter().find(|row| row.name == name).and_then(|row| row.moved_from.clone())
        else {
            continue;
        };
        let held = diff.rows.iter().filter(|row| is_member(row) || row.name == name);
        let held = held.filter(|row| row.before != Measure::default());
        let names: Vec<&str> = held.map(|row| row.name.as_str()).collect();
        let all = match names.len() {
            0 => from.clone(),
            1..=NAMES => names.join(", "),
            many => format!("{many} names"),
        };
        let has_objects = together.names.len() == 1;
        let mut has_member = false;
        diff.rows.retain(|row| !is_member(row) || !std::mem::replace(&mut has_member, true));
        let none = Measure::default();
        for row in &mut diff.rows {
            if is_member(row) {
                row.name.clone_from(&all);
                (row.before, row.after, row.delta) =
                    (together.before, none, none.minus(together.before));
                row.error = row.error.map(|_| Bounds { lower: 0, upper: 0 });
                row.per_second = None;
                row.objects = row.objects.filter(|_| has_objects);
            } else if row.name == name {
                row.moved_from = Some(if has_member { all.clone() } else { from.clone() });
                let before = if has_member { none } else { together.before };
                (row.before, row.after, row.delta) =
                    (before, together.after, together.after.minus(before));
                (row.error, row.per_second) = (together.error, together.per_second);
                row.objects = row.objects.filter(|_| has_objects);
            }
        }
    }
}

/// How rates are written as whole numbers: counts in thousandths, because few events a second
/// aren't whole numbers.
fn scale(unit: &str) -> f64 {
    match units::classify(unit).0 {
        units::Kind::Count => 1000.0,
        units::Kind::Bytes | units::Kind::Time => 1.0,
    }
}

fn whole(rate: f64, scale: f64) -> i64 {
    (rate * scale).round() as i64
}

fn bounds(error: Option<RateBounds>, scale: f64) -> Option<Bounds> {
    error.map(|RateBounds { lower, upper }| Bounds {
        lower: whole(lower, scale),
        upper: whole(upper, scale),
    })
}

fn percent(delta: f64, before: f64) -> Option<f64> {
    (before != 0.0).then(|| delta / before.abs() * 100.0)
}

fn of_total(total: &mut Total) {
    let Some(PerSecond { before, after, delta, error }) = total.per_second else { return };
    let scale = scale(&total.unit);
    total.value.before = Some(whole(before, scale));
    total.value.after = whole(after, scale);
    total.value.delta = Some(whole(delta, scale));
    total.delta_percent = percent(delta, before);
    total.error = bounds(error, scale);
    total.unit.push_str(RATE);
}

/// The times that two profiles cover.
struct Rates {
    seconds: [f64; 2],
    scale: f64,
    by_cum: bool,
}

impl Rates {
    fn of_measure(&self, measure: Measure, seconds: f64) -> Measure {
        let rate = |value: i64| whole(value as f64 / seconds, self.scale);
        Measure { flat: rate(measure.flat), cum: rate(measure.cum) }
    }

    fn of_row(&self, row: &mut DiffRow) {
        let [before, after] = self.seconds;
        row.before = self.of_measure(row.before, before);
        row.after = self.of_measure(row.after, after);
        row.delta = Measure {
            flat: row.after.flat.saturating_sub(row.before.flat),
            cum: row.after.cum.saturating_sub(row.before.cum),
        };
        let of = |measure: Measure| if self.by_cum { measure.cum } else { measure.flat };
        row.delta_percent = percent(of(row.delta) as f64, of(row.before) as f64);
        if let Some(PerSecond { error, .. }) = row.per_second {
            row.error = bounds(error, self.scale);
        }
        row.objects = None;
        row.addresses.iter_mut().for_each(|row| self.of_row(row));
    }

    fn of_diff(&self, diff: &mut Diff) {
        diff.rows.iter_mut().for_each(|row| self.of_row(row));
        for site in &mut diff.sites {
            if let Some(PerSecond { delta, error, .. }) = site.per_second {
                site.value.delta = whole(delta, self.scale);
                site.error = bounds(error, self.scale).unwrap_or(site.error);
            }
        }
        // What is left out is added up for the longer time.
        let longer = self.seconds[0].max(self.seconds[1]);
        for OmittedRows { sum, net, .. } in [&mut diff.within_noise, &mut diff.omitted] {
            *sum = whole(*sum as f64 / longer, self.scale);
            *net = whole(*net as f64 / longer, self.scale);
        }
    }
}
