//! The lines of a row that several callers are behind: one for each part that the report lists, and one for the others.
//!
//! A line with a caller holds that caller's part and nothing else, so that all lines add up. Where a row has one line
//! although it has several callers, the caller's share is next to its name.

use super::label::RowLabel;
use super::{counted, names_functions, number, rows};
use crate::analysis::parts::{CallerPart, OtherCallers, PartValue};
use crate::analysis::{OmittedRows, Place, Status};
use crate::report::Report;

/// Others with at least this share of their row have a line.
const LEAST_SHARE: f64 = 0.1;
/// A caller with less than this share of a row isn't named on its only line.
const MOST: f64 = 0.5;

/// How a row is split.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) name: &'a str,
    pub(super) via: Option<&'a Place>,
    pub(super) via_share: Option<f64>,
    pub(super) callers: &'a [CallerPart],
    pub(super) others: Option<&'a OtherCallers>,
}

/// One line of a row.
pub(super) struct PartLine<'a> {
    /// The part; `None` for the whole row.
    pub(super) part: Option<&'a PartValue>,
    /// The caller that the label names.
    pub(super) place: Option<&'a Place>,
    pub(super) label: RowLabel,
    /// The largest size by which it may be sorted: other callers come after those that are named.
    pub(super) at_most: u64,
}

impl<'a> Parts<'a> {
    /// Whether the row has a line for each part.
    fn is_split(&self, report: &Report) -> bool {
        // Only a part that changed by more than sampling error says more than the whole row.
        let is_told = |part: &PartValue| part.status.is_none_or(Status::is_real);
        let lines = self.callers.len() + usize::from(self.others.is_some());
        lines > 1
            && names_functions(report)
            && self.callers.iter().any(|caller| is_told(&caller.part))
    }

    /// The number of lines it may take.
    pub(super) fn count(&self, report: &Report) -> usize {
        if self.is_split(report) {
            self.callers.len() + usize::from(self.others.is_some())
        } else {
            1
        }
    }

    /// Its lines. Others that are smaller than `least` and than a tenth of the row are added to `hidden` instead.
    pub(super) fn lines(
        &self,
        report: &Report,
        least: u64,
        hidden: &mut OmittedRows,
    ) -> Vec<PartLine<'a>> {
        if !self.is_split(report) {
            return vec![self.whole(report)];
        }
        let name = || rows::name(report, self.name);
        let under = |place: Option<&Place>| match place {
            Some(place) => name().under(&place.function),
            None => name(),
        };
        let listed = self.callers.iter().map(|CallerPart { place, part }| PartLine {
            part: Some(part),
            place: place.as_ref(),
            label: under(place.as_ref()),
            at_most: u64::MAX,
        });
        let mut lines: Vec<PartLine<'a>> = listed.collect();
        if let Some(OtherCallers { count, place, part }) = self.others {
            if part.share >= LEAST_SHARE || size(part) >= least {
                let label = match count {
                    1 => under(place.as_ref()),
                    _ => name().under(&counted(*count, "other callers")),
                };
                let sizes = self.callers.iter().map(|caller| size(&caller.part));
                let at_most = sizes.min().unwrap_or(u64::MAX);
                lines.push(PartLine { part: Some(part), place: place.as_ref(), label, at_most });
            } else if size(part) > 0 {
                hidden.add(part.value.delta_or_value());
            }
        }
        lines
    }

    /// The line of the whole row.
    pub(super) fn whole(&self, report: &Report) -> PartLine<'a> {
        let name = rows::name(report, self.name);
        let others = self.others.map_or(0, |others| others.count);
        let parts = self.callers.len() + others;
        let share = self.via_share.unwrap_or(1.0);
        let is_whole = share >= 1.0;
        let line = |label, place| PartLine { part: None, place, label, at_most: u64::MAX };
        match self.via.filter(|_| names_functions(report)) {
            Some(via) if is_whole => line(name.under(&via.function), Some(via)),
            Some(via) if share >= MOST || parts == 0 => {
                let more = parts.saturating_sub(1);
                let others = if more == 1 { "other" } else { "others" };
                let share = number::part_text(share * 100.0);
                let remark = if more > 0 { format!("{share}, {more} {others}") } else { share };
                line(name.under(&via.function).remark(&remark), Some(via))
            }
            Some(_) => line(name.under(&counted(parts, "callers")), None),
            None => line(name, None),
        }
    }
}

fn size(part: &PartValue) -> u64 {
    part.value.delta_or_value().unsigned_abs()
}

/// The number of rows, each with a number of lines, that fit into `limit` lines.
pub(super) fn fitting(counts: impl Iterator<Item = usize>, limit: usize) -> usize {
    let mut lines = 0_usize;
    counts
        .take_while(|count| {
            lines = lines.saturating_add(*count);
            lines <= limit
        })
        .count()
}

/// A remark on other callers that have no line.
pub(super) fn remark(hidden: OmittedRows, sum: &str) -> Option<(&'static str, String)> {
    let what = counted(hidden.rows, "functions");
    (hidden.rows > 0).then(|| ("other callers: ", format!("of {what}, {sum} (-n 0 shows them)")))
}
