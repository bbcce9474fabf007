//! Where goroutines are.
//!
//! Nearly every goroutine of a program waits, and the leaf of its stack is then `runtime.gopark`: a row that holds
//! everything and says nothing. So goroutines are also counted by **place**: the code to blame by the rule in
//! `model/site.rs`, what they wait for there, and the function that `go` started.

use super::parts::Keyed;
use super::{OmittedRows, Order, Place, RowOptions, Status, Subject};
use crate::graph::frames::Frames;
use crate::model::change::Change;
use crate::model::goroutines::{starter, state};
use crate::model::ids::LocationId;
use crate::model::measures::{Kind, kind};
use crate::model::origin::Owner;
use crate::model::profile::Header;
use crate::model::series::Series;
use crate::model::site::{Frame, Owners};
use crate::model::symbols::Symbols;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// A place that goroutines are in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GoroutinePlace {
    /// The frame nearest to the leaf in own code, or else in a dependency, or else the outermost of the standard
    /// library; with the line that most of them are at.
    #[serde(flatten)]
    pub place: Place,
    /// What they wait for, in the words of Go's own stack dumps; `running` if nothing shows it.
    pub waits_for: String,
    /// The function that `go` started, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The function that contains the `go` statement, if the name of the first function reveals it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
}

/// How many goroutines are in a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlaceCount {
    /// The place.
    #[serde(flatten)]
    pub at: GoroutinePlace,
    /// Their number.
    #[serde(flatten)]
    pub value: Change<i64>,
    /// Of a single profile, the share of all goroutines, in percent; of two, Δ / before. Absent if the whole is 0.
    pub percent: Option<f64>,
}

/// Goroutines by place: the most, or the largest change, first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlaceCounts {
    /// The places. They add up to the rows.
    pub counts: Vec<PlaceCount>,
    /// Further places left out by `--nodecount`.
    pub omitted: OmittedRows,
}

/// Whether all profiles are of goroutines, by their headers.
pub(super) fn are_goroutines<'h>(headers: impl Iterator<Item = &'h Header>) -> bool {
    let mut headers = headers.peekable();
    headers.peek().is_some() && headers.all(|header| kind(header) == Kind::Goroutine)
}

/// The places of goroutines; `None` if the profiles are of something else, if the question is about rows of another
/// kind than functions and their own values, or if a stack has addresses alone.
pub(super) fn place_counts(
    (series, frames): (&Series, &Frames),
    (column, whole): (usize, Option<i64>),
    order: Order,
    wanted: RowOptions,
) -> Option<PlaceCounts> {
    let headers = series.snapshots.iter().map(|snapshot| &snapshot.header);
    if !frames.by_function_name() || order == Order::Cum || !are_goroutines(headers) {
        return None;
    }
    let is_comparison = whole.is_none();
    let mut places = Places::new(&series.symbols, frames.owners());
    for (number, snapshot) in series.snapshots.iter().enumerate() {
        let side = usize::from(!is_comparison || number > 0);
        for sample in 0..snapshot.samples.len() {
            let value = series.values(snapshot, sample)[column];
            let mut values = [0; 2];
            values[side] = value;
            let is_placed = places.add(snapshot.stack(sample), values).is_some();
            // Without names there are no places, and rows have addresses.
            if !is_placed && value != 0 && snapshot.stack(sample).next().is_some() {
                return None;
            }
        }
    }
    let mut all = places.counts(is_comparison, whole);
    if is_comparison && !wanted.all {
        all.retain(|one| one.value.delta != Some(0));
    }
    let shown = if wanted.nodecount == 0 { all.len() } else { wanted.nodecount };
    let mut omitted = OmittedRows::default();
    let rest = all.split_off(shown.min(all.len()));
    rest.iter().for_each(|one| omitted.add(one.value.delta_or_value()));
    Some(PlaceCounts { counts: all, omitted })
}

impl PlaceCount {
    /// What happened to it between two snapshots. Counts are exact.
    pub fn status(&self) -> Status {
        Status::of([self.value.before.unwrap_or_default(), self.value.after], true)
    }
}

/// A function, what goroutines wait for in it, and the function that `go` started if that is another one.
type Key<'a> = (&'a str, &'static str, Option<&'a str>);

/// Numbers the places of stacks.
pub(super) struct Places<'a> {
    symbols: &'a Symbols,
    owners: &'a Owners,
    sums: Keyed<Key<'a>, Sum>,
    frames: Vec<Frame>,
}

/// How many goroutines are in a place.
#[derive(Debug, Default)]
struct Sum {
    /// Before and after; a single profile is the second.
    values: [i64; 2],
    /// How many are at each line, both sides together.
    lines: Keyed<Frame, u64>,
}

impl<'a> Places<'a> {
    pub(super) fn new(symbols: &'a Symbols, owners: &'a Owners) -> Self {
        Self { symbols, owners, sums: Keyed::new(), frames: Vec::new() }
    }

    /// Adds goroutines with a stack, leaf first, and returns the number of their place; `None` for one without frames.
    pub(super) fn add(
        &mut self,
        stack: impl Iterator<Item = LocationId>,
        values: [i64; 2],
    ) -> Option<u32> {
        let symbols = self.symbols;
        let lines = stack.flat_map(|location| symbols.locations.lines(location));
        self.frames.clear();
        self.frames.extend(lines.map(Frame::from));
        let name = |frame: &Frame| symbols.name(frame.function);
        let is_runtime = |frame: &&Frame| self.owners.of(frame.function) == Owner::Runtime;
        // A goroutine with labels may begin in `pprof.Do`, which sets them.
        let sets_labels = |frame: &Frame| name(frame).starts_with("runtime/pprof.");
        let mut outer = self.frames.iter().rev();
        let first = outer.find(|frame| !is_runtime(frame) && !sets_labels(frame));
        // A goroutine of the runtime is in what the runtime started.
        let site = self.owners.site(&self.frames).filter(|site| !is_runtime(&site));
        let site = site.or(self.frames.last().copied())?;
        let root = first.map(name).filter(|root| *root != name(&site));
        let key = (name(&site), state(self.frames.iter().map(name)), root);
        let number = self.sums.number(key);
        let Sum { values: sum, lines } = self.sums.at(key);
        *sum = [sum[0].wrapping_add(values[0]), sum[1].wrapping_add(values[1])];
        let weight = values[0].unsigned_abs().saturating_add(values[1].unsigned_abs());
        let sum = lines.at(site);
        *sum = sum.saturating_add(weight);
        Some(number)
    }

    /// The places, by number.
    pub(super) fn named(&self) -> Vec<GoroutinePlace> {
        let symbols = self.symbols;
        let named = |((function, waits_for, root), Sum { lines, .. }): &(Key<'_>, Sum)| {
            let heaviest =
                lines.met().iter().max_by_key(|(frame, sum)| (*sum, Reverse(frame.line)));
            let file = heaviest.map(|(frame, _)| symbols.function(frame.function).filename);
            let file = file.map_or("", |file| symbols.text(file));
            let line = heaviest.map_or(0, |(frame, _)| frame.line);
            GoroutinePlace {
                place: Place {
                    function: (*function).to_owned(),
                    file: (!file.is_empty()).then(|| file.to_owned()),
                    line: (line != 0).then_some(line),
                },
                waits_for: (*waits_for).to_owned(),
                root: root.map(str::to_owned),
                started_by: starter(root.unwrap_or(function)).map(str::to_owned),
            }
        };
        self.sums.met().iter().map(named).collect()
    }

    /// How many goroutines are in each, those that changed most first. A percentage is of `whole`, or else of before.
    pub(super) fn counts(&self, is_comparison: bool, whole: Option<i64>) -> Vec<PlaceCount> {
        let sums = self.sums.met().iter().map(|(_, sum)| sum.values);
        let counted = self.named().into_iter().zip(sums).map(|(at, [before, after])| {
            let value = Change::new(is_comparison.then_some(before), after);
            let percent = super::percent(value.delta_or_value(), whole.unwrap_or(before));
            PlaceCount { at, value, percent }
        });
        let mut all: Vec<PlaceCount> = counted.filter(|one| !one.value.is_zero()).collect();
        let size = |one: &PlaceCount| (one.value.delta_or_value().unsigned_abs(), one.value.after);
        let name = |one: &PlaceCount| {
            let GoroutinePlace { place, waits_for, root, .. } = &one.at;
            (place.function.clone(), waits_for.clone(), root.clone())
        };
        all.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| name(a).cmp(&name(b))));
        all
    }
}

/// The places of the subject of a question.
pub(super) fn of_subject(
    subject: &Subject<'_>,
    order: Order,
    wanted: RowOptions,
) -> Option<PlaceCounts> {
    let measured = (subject.measured.column, Some(subject.whole));
    place_counts((subject.series, subject.frames), measured, order, wanted)
}
