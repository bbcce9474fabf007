//! Finds goroutines that pile up.
//!
//! A goroutine profile counts the goroutines of each stack exactly. They are grouped by the
//! function that started them and the one they wait in. A group whose count rises like a leak is a
//! leak, whatever the heap shows: goroutine stacks aren't in a heap profile.

use crate::analysis::estimates::Class;
use crate::analysis::evolution::{Evolution, GroupValues, Groups};
use crate::analysis::turnover::judge_line;
use crate::analysis::{Measured, frames_of};
use crate::model::goroutines::{starter, state};
use crate::model::history::History;
use crate::model::ids::FunctionId;
use crate::model::origin::{self, Owner};
use crate::model::recording::Span;
use crate::model::site::{Frame, Owners};
use crate::stats::class::{Growth, Judgement, LEAST};
use crate::stats::trend::Slope;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The least memory of a goroutine, in bytes: its first stack, and its descriptor.
pub(super) const LEAST_BYTES: i64 = 2048 + 480;

/// Standard deviations by which the number of goroutines of own code must grow.
const DEVIATIONS: f64 = 2.0;

/// Standard deviations by which the number of other goroutines must grow: those of a library, such as
/// the connections of a server, come and go with the load.
const DEVIATIONS_OF_OTHERS: f64 = 3.0;

/// Goroutines that begin and those that end together grow by at most this share of those that begin,
const NOTHING: f64 = 0.1;

/// and in each part of the time by less than this share.
const IN_PART: f64 = 0.5;

/// Parts of the time.
const PARTS: usize = 3;

/// At most this multiple of those that begin end.
const LOSES: f64 = 1.5;

/// Goroutines that were started in one function and wait in one function.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Name of the function that started them, or of their first function if that isn't known.
    pub(super) started: String,
    /// Whether `started` is the function that started them.
    pub(super) is_starter: bool,
    /// The frame that most of them wait in: of own code, or else the one nearest to the leaf.
    pub(super) frame: Frame,
    /// Whether that frame is own code.
    pub(super) is_own: bool,
    /// A frame that shows where they were started, and whose code it is.
    pub(super) first: Frame,
    pub(super) first_owner: Owner,
    /// What they wait for.
    pub(super) state: &'static str,
    /// The functions of the stack that grew most, leaf first.
    pub(super) stack: Vec<FunctionId>,
    pub(super) line: GroupValues,
    /// Its records.
    pub(super) records: Vec<u32>,
    pub(super) judgement: Judgement,
    pub(super) class: Class,
    /// A frame of the goroutines that these replace, and by how many both together grew.
    pub(super) replaces: Option<(Frame, i64)>,
}

impl Group {
    /// The function that started them, if the name of their first function reveals it.
    pub(super) fn started_by(&self) -> &str {
        if self.is_starter { &self.started } else { "" }
    }

    pub(super) fn before(&self) -> i64 {
        self.line.values.first().copied().unwrap_or(0)
    }

    pub(super) fn after(&self) -> i64 {
        self.line.values.last().copied().unwrap_or(0)
    }

    /// How fast it grows.
    pub(super) fn slope(&self) -> Slope {
        self.judgement.late.or_whole(self.judgement.slope)
    }

    /// Whether most snapshots have it.
    pub(super) fn is_usual(&self) -> bool {
        let present = self.line.values.iter().filter(|&&count| count > 0).count();
        2 * present > self.line.values.len()
    }

    /// Whether it piles up, and shows no sign of leveling off.
    pub(super) fn is_leak(&self) -> bool {
        self.class == Class::Leak && self.piles_up()
    }

    /// Whether it piles up: by more than a number of independent goroutines fluctuates, and with
    /// enough snapshots also by a slope that is certainly above 0.
    pub(super) fn piles_up(&self) -> bool {
        let (before, after) = (self.before().max(0) as f64, self.after().max(0) as f64);
        // The variance of a Poisson count is the count.
        let fluctuation = (before + after).sqrt();
        let is_own = self.is_own || self.first_owner == Owner::Own;
        let deviations = if is_own { DEVIATIONS } else { DEVIATIONS_OF_OTHERS };
        let rises = self.line.values.len() < LEAST || self.slope().interval.lower > 0.0;
        rises && after - before >= deviations * fluctuation
    }
}

/// The groups of one process.
pub(super) fn groups(history: &History, owners: &Owners, span: &Span) -> Vec<Group> {
    let series = &history.records;
    let Some(snapshot) = series.snapshots.first() else { return Vec::new() };
    let measured = Measured::new(&history.sample_types, 0);
    let evolution = Evolution { history, measured: &measured, span };
    let changes = evolution.changes();
    let mut keys: HashMap<(String, FunctionId), u32, FxBuildHasher> = HashMap::default();
    let mut of_record: Vec<Option<u32>> = vec![None; history.len()];
    // For each group, the sample that grew most.
    let mut best: Vec<(i64, usize)> = Vec::new();
    let mut frames = Vec::new();
    for sample in 0..snapshot.samples.len() {
        frames_of(series, snapshot.stack(sample), &mut frames);
        let (Some(parked), Some(first)) = (parked(&frames, owners), frames.last()) else {
            continue;
        };
        if owners.is_profiler(&frames) {
            continue;
        }
        let name = series.symbols.name(first.function);
        let started = starter(name).unwrap_or(name).to_owned();
        let next = keys.len() as u32;
        let key = *keys.entry((started, parked.function)).or_insert(next);
        let record = history.record(sample);
        let delta = changes[record].delta();
        match best.get_mut(key as usize) {
            None => best.push((delta, sample)),
            Some(best) if delta > best.0 => *best = (delta, sample),
            Some(_) => {}
        }
        of_record[record] = Some(key);
    }
    let groups = Groups::new(keys.len(), history.len(), |record, groups| {
        groups.extend(of_record[record]);
    });
    let lines = evolution.lines(&groups);
    let mut names: Vec<(u32, String)> =
        keys.into_iter().map(|((name, _), key)| (key, name)).collect();
    names.sort_unstable();
    let mut records: Vec<Vec<u32>> = vec![Vec::new(); names.len()];
    for (record, group) in of_record.iter().enumerate() {
        if let Some(group) = group {
            records[*group as usize].push(record as u32);
        }
    }
    let all =
        names.into_iter().zip(lines).zip(best).map(|(((key, started), line), (_, sample))| {
            frames_of(series, snapshot.stack(sample), &mut frames);
            let judgement = judge_line(&evolution, &line, Growth::Proven);
            let stack: Vec<FunctionId> = frames.iter().map(|frame| frame.function).collect();
            let (leaf, root) = (frames[0], frames[frames.len() - 1]);
            let frame = parked(&frames, owners).unwrap_or(leaf);
            Group {
                is_starter: series.symbols.name(root.function) != started,
                started,
                is_own: owners.is_own(frame.function),
                frame,
                first: root,
                first_owner: owners.of(root.function),
                state: state(stack.iter().map(|&function| series.symbols.name(function))),
                stack,
                line,
                records: std::mem::take(&mut records[key as usize]),
                class: judgement.class.into(),
                judgement,
                replaces: None,
            }
        });
    let mut groups = all.collect::<Vec<_>>();
    replace(&mut groups, |function| origin::package(series.symbols.name(function)));
    groups
}

/// Finds leaks that only replace other goroutines: as many of another group of the same package end as begin here, or
/// all goroutines together don't grow. Numbers of goroutines are exact.
fn replace<'n>(groups: &mut [Group], package: impl Fn(FunctionId) -> &'n str) {
    let rising: Vec<usize> = (0..groups.len()).filter(|&i| groups[i].is_leak()).collect();
    let falling: Vec<usize> =
        (0..groups.len()).filter(|&i| groups[i].after() < groups[i].before()).collect();
    if rising.is_empty() || falling.is_empty() {
        return;
    }
    let mut all = groups[0].line.clone();
    groups[1..].iter().for_each(|group| all.add(&group.line));
    let lost = |i: usize| groups[i].before() - groups[i].after();
    let loses_most = falling.iter().copied().max_by_key(|&i| (lost(i), std::cmp::Reverse(i)));
    let pairs: Vec<(usize, usize, i64)> = rising
        .iter()
        .flat_map(|&new| falling.iter().map(move |&old| (new, old)))
        .filter(|&(new, old)| {
            package(groups[new].first.function) == package(groups[old].first.function)
        })
        .filter_map(|(new, old)| {
            let mut both = groups[new].line.clone();
            both.add(&groups[old].line);
            let is_one =
                lost(old) as f64 <= LOSES * (groups[new].after() - groups[new].before()) as f64;
            Some((new, old, stays(&groups[new].line, &both).filter(|_| is_one)?))
        })
        .collect();
    let mut found = Vec::new();
    for &new in &rising {
        let is_only = |&&(one, other, _): &&(usize, usize, i64)| {
            one == new && pairs.iter().filter(|pair| pair.0 == one || pair.1 == other).count() == 1
        };
        let together =
            stays(&groups[new].line, &all).zip(loses_most).map(|(grew, old)| (old, grew));
        let pair = pairs.iter().find(is_only).map(|&(_, old, grew)| (old, grew));
        if let Some((old, grew)) = pair.or(together) {
            found.push((new, (groups[old].frame, grew)));
        }
    }
    for (new, replaced) in found {
        groups[new].class = Class::Grew;
        groups[new].replaces = Some(replaced);
    }
}

/// By how much values that include those of a group grew, if that is next to nothing beside the group's growth, in the
/// whole time and in each part of it.
fn stays(own: &GroupValues, together: &GroupValues) -> Option<i64> {
    let last = own.values.len().checked_sub(1)?;
    let delta = |line: &GroupValues, from: usize, to: usize| {
        line.values[to].saturating_sub(line.values[from])
    };
    let grew = delta(together, 0, last);
    let is_even = (0..PARTS).all(|part| {
        let (from, to) = (last * part / PARTS, last * (part + 1) / PARTS);
        let gain = delta(own, from, to) as f64;
        gain <= 0.0 || delta(together, from, to) as f64 <= IN_PART * gain
    });
    (is_even && grew as f64 <= NOTHING * delta(own, 0, last) as f64).then_some(grew)
}

/// The frame that a goroutine waits in: of own code if there is one, else the outermost.
fn parked(frames: &[Frame], owners: &Owners) -> Option<Frame> {
    frames.iter().find(|frame| owners.is_own(frame.function)).or(frames.last()).copied()
}
