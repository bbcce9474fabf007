//! Reverse references: every path to the matching functions, from each of them up to the roots,
//! heaviest first.
//!
//! A heap profile records where memory was *allocated through*: its stacks are calls. Only a
//! profile of references, whose stacks are chains of fields, records what memory is *held by*;
//! [`Relation`] tells the two apart.
//!
//! Values alone decide which part of a tree is shown; evidence is added up afterwards, for the
//! lines that are left. A line's value is always the sum of its shown branches, of the stacks that
//! end at it, and of what it reports as left out.

mod passed;
mod site;

use super::places::{PlaceCount, Places, are_goroutines};
use super::{Bounds, NoAnswer, NoMatch, Subject};
use crate::graph::distinct_stacks::{StackId, Stacks};
use crate::graph::frames::{RowId, Unsymbolized};
use crate::graph::inverted;
use crate::graph::row_table::RowTable;
use crate::graph::trim::Fraction;
use crate::model::change::Change;
use crate::model::origin::Owner;
use crate::parallel;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// What the stacks of a profile represent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Stacks are calls: the memory was allocated through them.
    AllocatedThrough,
    /// Stacks are chains of references: the memory is held by them.
    HeldBy,
}

/// Which way the trees grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RefsDirection {
    /// From the function to its callers and on to the roots.
    Callers,
    /// From the function to its callees and on to the leaves.
    Callees,
}

/// How many branches or paths were left out, and their sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rest {
    /// How many: branches of a line, or paths.
    pub count: usize,
    /// Their values.
    #[serde(flatten)]
    pub values: Change<i64>,
}

/// One line of a tree: a frame, and the frames that follow it without a branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefsLine {
    /// Number of lines above it: 0 is the function itself. It branches from the nearest line before
    /// it whose depth is one less.
    pub depth: usize,
    /// The frame and those folded into its line, in the direction of the tree.
    pub frames: Vec<RefsFrame>,
    /// Its values.
    #[serde(flatten)]
    pub values: Change<i64>,
    /// Its change as a share of the change of the function (for a single profile its value as a
    /// share of the function's value), in percent; negative if the two have opposite signs. Absent
    /// if the function's is 0.
    pub share: Option<f64>,
    /// Objects, if the profile counts them next to the sample type.
    pub objects: Option<Change<i64>>,
    /// 95 % interval of the change, or of the value of a single profile.
    pub error: Option<Bounds>,
    /// The part that ends here: stacks whose root (among callees, whose leaf) is the last frame.
    /// Absent if none of it ends here, or all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Change<i64>>,
    /// Its branches that were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted: Option<Rest>,
}

/// A frame of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefsFrame {
    /// Name as `go tool pprof` prints it at the same granularity.
    pub name: String,
    /// Whether it is own code: neither the standard library nor a dependency.
    pub own: bool,
    /// Whether paths return to it: the frames in between are folded into it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
}

/// A function that all, or nearly all, of a change passes through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dominator {
    /// Its name.
    pub function: String,
    /// The share that passes through it, in percent.
    pub share: f64,
}

/// A matching function, with the paths to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefsSite {
    /// The immediate dominator: the nearest function of the program's own code that all paths pass,
    /// except the lightest, which make up at most 5 %. Absent if there is none, and for callees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dominator: Option<Dominator>,
    /// Goroutines whose stacks it is in, by the place to blame, if they are of several and none is its dominator: those
    /// that changed most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PlaceCount>,
    /// Its tree: the function first, branches after the line they branch from, the heaviest first.
    pub lines: Vec<RefsLine>,
}

/// A whole path: from the function to a root, or to a leaf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Path {
    /// Names, starting with the function.
    pub frames: Vec<String>,
    /// Its values.
    #[serde(flatten)]
    pub values: Change<i64>,
}

/// The call paths into matching functions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refs {
    /// The requested regular expression.
    pub pattern: String,
    /// What the paths represent.
    pub relation: Relation,
    /// Which way the trees grow.
    pub direction: RefsDirection,
    /// The matching functions, the ones with most change first, added up path by path (for a single
    /// profile: the largest).
    pub sites: Vec<RefsSite>,
    /// The values of all stacks with a matching function, if several match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<Change<i64>>,
    /// Further matching functions, the heaviest first; one may be part of another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_sites: Vec<String>,
    /// Whole paths of the functions above, the heaviest first.
    pub paths: Vec<Path>,
    /// Further paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted_paths: Option<Rest>,
}

/// A question about references, and limits for the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct RefsQuery {
    /// Regular expression, unanchored, on the names of rows.
    pub pattern: String,
    /// Which way the trees grow.
    pub direction: RefsDirection,
    /// Maximum number of functions; 0 is no limit.
    pub sites: usize,
    /// Maximum number of lines per function, the heaviest, and of paths in all; 0 is no limit.
    pub lines: usize,
    /// Maximum depth of a line; 0 is no limit.
    pub depth: usize,
    /// Maximum number of branches per line, the heaviest; 0 is no limit.
    pub branches: usize,
    /// Least share of its function that a line must have.
    pub fraction: Fraction,
}

/// Maximum number of frames in all lines and paths of an answer, since each is named in full.
const MOST_FRAMES: usize = 4 << 20;

/// Finds the paths through which the functions matching `regex` were allocated; `regex` is the
/// compiled pattern of `asked`.
pub fn refs(subject: &Subject<'_>, asked: &RefsQuery, regex: &Regex) -> Result<Refs, NoAnswer> {
    let Subject { series, frames, .. } = *subject;
    let matching = |&row: &RowId| {
        let of_binary = frames.row(row).parent.map(|parent| frames.name(parent));
        regex.is_match(frames.name(row)) || of_binary.is_some_and(|name| regex.is_match(name))
    };
    let mut is_binary = vec![false; frames.len()];
    let all = || (0..frames.len() as u32).map(RowId);
    all().filter_map(|row| frames.row(row).parent).for_each(|b| is_binary[b.0 as usize] = true);
    // Paths lead through addresses, not through the binary that contains them.
    let rows = || all().filter(|row| !is_binary[row.0 as usize]);
    let matched: Vec<RowId> = rows().filter(matching).collect();
    if matched.is_empty() {
        let what = if frames.by_function_name() { "function" } else { "row" };
        let names = rows().map(|row| frames.name(row));
        return Err(NoMatch::new(what, &asked.pattern, names).into());
    }
    let rows_of = RowTable::new(series, frames, Unsymbolized::Address);
    let stacks = subject.stacks(&rows_of, Unsymbolized::Address)?;
    let sums = Sums::new(subject, &stacks);
    let (mut totals, together) = totals(subject, (&stacks, &rows_of), &sums, &matched);
    totals.sort_by(|(a, change_a, size_a), (b, change_b, size_b)| {
        let by_size = change_b.cmp(change_a).then(size_b.cmp(size_a));
        by_size.then_with(|| frames.name(*a).cmp(frames.name(*b)))
    });
    // Rows that hold nothing are left out, unless there are no others.
    let moving = totals.iter().filter(|(_, (change, _), _)| *change != 0).count().max(1);
    let wanted = if asked.sites == 0 { totals.len() } else { asked.sites.min(moving) };
    let (shown, more) = totals.split_at(wanted.min(totals.len()));
    let together = (moving > 1).then_some(together);
    let matched = subject.matched();
    let direction = match asked.direction {
        RefsDirection::Callers => inverted::Direction::Callers,
        RefsDirection::Callees => inverted::Direction::Callees,
    };
    let mut answer = Refs {
        pattern: asked.pattern.clone(),
        relation: if series.snapshots.iter().all(|snapshot| snapshot.is_of_references) {
            Relation::HeldBy
        } else {
            Relation::AllocatedThrough
        },
        direction: asked.direction,
        sites: Vec::new(),
        together,
        more_sites: more.iter().map(|(row, ..)| frames.name(*row).to_owned()).collect(),
        paths: Vec::new(),
        omitted_paths: None,
    };
    let mut rest = Rest { count: 0, values: subject.change([0, 0]) };
    let mut all = Vec::new();
    let mut left = MOST_FRAMES;
    let mut passed = None;
    for (site, (row, ..)) in shown.iter().enumerate() {
        let bit = site % passed::AT_ONCE;
        if bit == 0 && shown.len() > 1 {
            let next = shown[site..].iter().take(passed::AT_ONCE).map(|(row, ..)| *row);
            let next: Vec<RowId> = next.collect();
            passed = Some(passed::Passed::new((&stacks, &rows_of), &next, &matched, frames.len()));
        }
        if left == 0 {
            answer.more_sites.push(frames.name(*row).to_owned());
            continue;
        }
        let mut some =
            passed.as_ref().map_or_else(|| stacks.ids().collect(), |passed| passed.stacks(bit));
        some.retain(|id| sums.counts(*id));
        let records = passed.as_ref().and_then(|passed| passed.records(bit));
        let ways = site::Ways::new(
            subject,
            (&stacks, &rows_of),
            &sums,
            (*row, direction),
            (&some, records),
        );
        drop(some);
        let mut found = ways.answer(asked, &matched);
        let is_own = frames.row(*row).owner == Owner::Own;
        let by_caller = asked.direction == RefsDirection::Callers;
        if found.dominator.is_none() && by_caller && !is_own {
            found.places = places_of(subject, &stacks, &sums, *row);
        }
        left = found.lines.iter().fold(left, |left, line| left.saturating_sub(line.frames.len()));
        answer.sites.push(found);
        let mut own: Vec<u32> = ways.ends().collect();
        let weight =
            |values: &Change<i64>| Reverse((values.delta_or_value().unsigned_abs(), values.after));
        let rank = |step: &u32| (weight(&ways.of_path(*step)), *step);
        let wanted = if asked.lines == 0 { own.len() } else { asked.lines };
        let mut left_out = Vec::new();
        if wanted < own.len() {
            own.select_nth_unstable_by_key(wanted, rank);
            left_out = own.split_off(wanted);
        }
        own.sort_unstable_by_key(rank);
        for step in own.into_iter().chain(left_out.iter().copied()).enumerate() {
            let (i, step) = step;
            if i < wanted && left > 0 {
                let path = ways.path(step);
                left = left.saturating_sub(path.frames.len());
                all.push((weight(&path.values), site, path));
            } else {
                rest.count += 1;
                rest.values = rest.values.plus(ways.of_path(step));
            }
        }
        // Keep no more of them than all functions together may have.
        if asked.lines > 0 && all.len() > asked.lines {
            all.sort_by_key(|(weight, site, _)| (*weight, *site));
            for (_, _, path) in all.drain(asked.lines..) {
                rest.count += 1;
                rest.values = rest.values.plus(path.values);
            }
        }
    }
    all.sort_by_key(|(weight, site, _)| (*weight, *site));
    answer.paths = all.into_iter().map(|(_, _, path)| path).collect();
    answer.omitted_paths = (rest.count > 0).then_some(rest);
    Ok(answer)
}

/// The places of the goroutines whose stacks a row is in; none if the profiles aren't of goroutines.
fn places_of(
    subject: &Subject<'_>,
    stacks: &Stacks<'_>,
    sums: &Sums,
    row: RowId,
) -> Vec<PlaceCount> {
    let Subject { series, frames, .. } = *subject;
    if !are_goroutines(series.snapshots.iter().map(|snapshot| &snapshot.header)) {
        return Vec::new();
    }
    let mut places = Places::new(&series.symbols, frames.owners());
    for id in stacks.ids() {
        if stacks.rows(id, frames, Unsymbolized::Address).any(|other| other == row) {
            let (before, after) = sums.at(id);
            places.add(stacks.locations(id), [before, after]);
        }
    }
    places.counts(subject.is_comparison(), None)
}

/// Values of each distinct stack.
struct Sums {
    /// Before, if two snapshots are compared.
    before: Option<Vec<i64>>,
    after: Vec<i64>,
    objects_before: Option<Vec<i64>>,
    objects_after: Option<Vec<i64>>,
}

impl Sums {
    fn new(subject: &Subject<'_>, stacks: &Stacks<'_>) -> Self {
        let is_comparison = subject.is_comparison();
        let of = |snapshot: usize, column: usize| stacks.sums(snapshot, column);
        let column = subject.measured.column;
        // A count needs no second count next to it.
        let count = subject.measured.count.filter(|&count| count != column);
        let after = usize::from(is_comparison);
        Self {
            before: is_comparison.then(|| of(0, column)),
            after: of(after, column),
            objects_before: count.filter(|_| is_comparison).map(|count| of(0, count)),
            objects_after: count.map(|count| of(after, count)),
        }
    }

    /// Value of a stack before and after.
    fn at(&self, id: StackId) -> (i64, i64) {
        (self.before.as_ref().map_or(0, |before| before[id.index()]), self.after[id.index()])
    }

    /// Whether a stack holds anything.
    fn counts(&self, id: StackId) -> bool {
        let zero = |values: &Option<Vec<i64>>| values.as_ref().is_none_or(|v| v[id.index()] == 0);
        self.at(id) != (0, 0) || !zero(&self.objects_before) || !zero(&self.objects_after)
    }

    /// The change of a stack, or its value if there is one snapshot.
    fn main(&self, id: StackId) -> i64 {
        let (before, after) = self.at(id);
        after.wrapping_sub(before)
    }
}

/// A row, how much changed in and beneath it and in itself, and its size.
type Total = (RowId, (u64, u64), u64);

/// Stacks whose values are added up at once, if rows are few.
const PIECE: usize = 64 * 1024;

/// Returns for each row how much changed in and beneath it and in itself, added up path by path, so
/// that opposite changes don't cancel; and its size. Also returns the values of all stacks with one
/// of the rows.
fn totals(
    subject: &Subject<'_>,
    (stacks, rows_of): (&Stacks<'_>, &RowTable<'_>),
    sums: &Sums,
    rows: &[RowId],
) -> (Vec<Total>, Change<i64>) {
    const NONE: u32 = u32::MAX;
    let mut position = vec![NONE; subject.frames.len()];
    for (i, row) in (0..).zip(rows) {
        position[row.0 as usize] = i;
    }
    let is_asked = |unit| rows_of.rows(unit).iter().any(|row| position[row.0 as usize] != NONE);
    let is_asked: Vec<bool> = rows_of.all().map(is_asked).collect();
    // Sums of all rows for each piece take no more memory than the stacks.
    let piece = PIECE.max(8 * rows.len());
    let of_piece = |number: usize| {
        let mut found = vec![(0_u64, 0_u64, 0_u64); rows.len()];
        let mut whole = [0_i64; 2];
        let mut last = vec![NONE; rows.len()];
        for stack in (number * piece..stacks.len().min((number + 1) * piece)).map(|i| i as u32) {
            let (id, mut is_flat) = (StackId(stack), true);
            let (before, after) = sums.at(id);
            let mut is_through = false;
            for unit in rows_of.units(stacks.first(id)) {
                let is_leaf = std::mem::take(&mut is_flat);
                if !is_asked[unit as usize] {
                    continue;
                }
                for (inner, row) in rows_of.rows(unit).iter().enumerate() {
                    let row = position[row.0 as usize];
                    if row == NONE || std::mem::replace(&mut last[row as usize], stack) == stack {
                        continue;
                    }
                    is_through = true;
                    // The sum of all |values| was checked to fit.
                    let change = sums.main(id).unsigned_abs();
                    let size = before.unsigned_abs().max(after.unsigned_abs());
                    let (cum, flat, sizes) = &mut found[row as usize];
                    *cum += change;
                    *flat += if is_leaf && inner == 0 { change } else { 0 };
                    *sizes += size;
                }
            }
            if is_through {
                whole = [whole[0].wrapping_add(before), whole[1].wrapping_add(after)];
            }
        }
        (found, whole)
    };
    let mut found = vec![(0_u64, 0_u64, 0_u64); rows.len()];
    let mut whole = [0_i64; 2];
    for (own, own_whole) in parallel::map(stacks.len().div_ceil(piece), of_piece) {
        for (sum, own) in found.iter_mut().zip(own) {
            *sum = (sum.0 + own.0, sum.1 + own.1, sum.2 + own.2);
        }
        whole = [whole[0].wrapping_add(own_whole[0]), whole[1].wrapping_add(own_whole[1])];
    }
    // On a tie, a row that allocates itself is more informative than its caller.
    let of = |(&row, (cum, flat, size)): (&RowId, (u64, u64, u64))| (row, (cum, flat), size);
    (rows.iter().zip(found).map(of).collect(), subject.change(whole))
}
