//! Adds up the samples of each rule: per run, and per place to blame.
//!
//! Makes one pass per sample type. Two snapshots that may come from one process are matched sample by sample,
//! as in a comparison. Several runs count separately, each weighted by its share in the mean.

use super::Measured;
use super::scopes::{Hits, Scopes, Test};
use crate::analysis::RawSamples;
use crate::analysis::entries::{self, Entries};
use crate::analysis::matched_samples::{MatchedSamples, SumEvidence};
use crate::analysis::pairing::NONE;
use crate::analysis::snapshot_pair::{Process, Record};
use crate::model::ids::LocationId;
use crate::model::series::Series;
use crate::model::site::{self, Claim, Frame, Owners};
use crate::parallel;
use crate::stats::growth::{self, Pair};
use crate::stats::sampling;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Samples per piece of work. It doesn't depend on the machine, so sums are the same everywhere.
const AT_ONCE: usize = 16 * 1024;

/// The samples of a place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SiteSum {
    /// Sums over the runs, before and after.
    pub(super) values: [i64; 2],
    pub(super) change: growth::GrowthEvidence,
}

impl SiteSum {
    pub(super) fn merge(&mut self, other: &Self) {
        self.values
            .iter_mut()
            .zip(other.values)
            .for_each(|(sum, own)| *sum = sum.wrapping_add(own));
        self.change.merge(&other.change);
    }
}

/// Places of a rule: sums of records that exist only before, and sums of the others.
pub(super) type Sites = HashMap<Frame, [SiteSum; 2], FxBuildHasher>;

/// The samples of a rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    /// How many samples it covers before and after, including those with nothing left in use.
    pub(super) samples: [usize; 2],
    /// How many of those the allow-list covers.
    pub(super) taken: usize,
    /// The value in each run.
    pub(super) values: Vec<i64>,
    /// Evidence about the change of the mean.
    pub(super) change: growth::GrowthEvidence,
    /// Evidence about the means before and after.
    pub(super) held: [sampling::SampleEvidence; 2],
    /// Sums over the runs of the allowed samples, before and after.
    pub(super) allowed: [i64; 2],
    pub(super) sites: Sites,
}

impl Sum {
    fn new(snapshots: usize) -> Self {
        Self { values: vec![0; snapshots], ..Self::default() }
    }

    fn merge(&mut self, other: Self) {
        self.samples.iter_mut().zip(other.samples).for_each(|(sum, own)| *sum += own);
        self.taken += other.taken;
        let add = |sums: &mut [i64], own: &[i64]| {
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum = sum.wrapping_add(*own));
        };
        add(&mut self.values, &other.values);
        add(&mut self.allowed, &other.allowed);
        self.change.merge(&other.change);
        self.held.iter_mut().zip(&other.held).for_each(|(sum, own)| sum.merge(own));
        for (site, [gone, came]) in other.sites {
            let sums = self.sites.entry(site).or_default();
            sums[0].merge(&gone);
            sums[1].merge(&came);
        }
    }
}

/// A rule of the pass: the test that selects its samples, and the allow-list entries that exempt them.
pub(super) struct RuleTests {
    pub(super) test: Test,
    /// Numbers of the allow-list tests that apply to it.
    pub(super) allowed: Vec<usize>,
}

/// The sites of stacks.
pub(super) struct Places<'a> {
    scopes: &'a Scopes<'a>,
    owners: &'a Owners,
    /// Which site each location proposes for the stacks it is in.
    claims: Vec<Option<(Frame, Claim)>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(series: &Series, scopes: &'a Scopes<'a>, owners: &'a Owners) -> Self {
        let claim = |location| owners.claim(scopes.lines(location).iter().map(Frame::from));
        let claims = series.symbols.locations.ids().map(claim).collect();
        Self { scopes, owners, claims }
    }

    /// The site of a stack.
    pub(super) fn site(&self, stack: &(impl Iterator<Item = LocationId> + Clone)) -> Option<Frame> {
        let claims = stack.clone().filter_map(|location| self.claims[location.index()]);
        if let Some((frame, _)) = site::answer(claims) {
            return Some(frame);
        }
        let lines = stack.clone().flat_map(|location| self.scopes.lines(location));
        let frames: Vec<Frame> = lines.map(Frame::from).collect();
        self.owners.unclaimed(&frames)
    }
}

/// What is counted.
pub(super) struct Pass<'a> {
    pub(super) series: &'a Series,
    pub(super) scopes: &'a Scopes<'a>,
    /// How many of the snapshots are before.
    pub(super) before: usize,
    /// How the two snapshots relate, where there are two.
    pub(super) process: Option<Process>,
    pub(super) measured: Measured,
    pub(super) rules: &'a [RuleTests],
    /// The tests of the allow-list.
    pub(super) allowances: &'a [Test],
    pub(super) owners: &'a Owners,
}

/// What was counted.
#[derive(Default)]
pub(super) struct Counted {
    /// Of each rule.
    pub(super) sums: Vec<Sum>,
    /// Whether each allow-list entry matched a sample.
    pub(super) used: Vec<bool>,
    /// Whether all profiles say how they were sampled.
    pub(super) known: bool,
    /// The error of one unseen sample, in the unit of the values.
    pub(super) unit: f64,
}

/// A sample, or two that are one record.
#[derive(Clone, Copy)]
enum Item {
    Sample { snapshot: usize, sample: usize },
    Record(Record),
}

/// What is counted, by number: a profile may have many millions of samples.
enum Items {
    /// Samples, each snapshot's behind those of the one before: where each ends.
    Samples(Vec<usize>),
    /// Records: the sample before and the sample after.
    Records(Vec<[u32; 2]>),
}

impl Items {
    fn len(&self) -> usize {
        match self {
            Self::Samples(ends) => ends.last().copied().unwrap_or_default(),
            Self::Records(records) => records.len(),
        }
    }

    fn get(&self, number: usize) -> Item {
        match self {
            Self::Samples(ends) => {
                let snapshot = ends.partition_point(|&end| end <= number);
                let start = if snapshot == 0 { 0 } else { ends[snapshot - 1] };
                Item::Sample { snapshot, sample: number - start }
            }
            Self::Records(records) => {
                let [before, after] = records[number];
                let sample = |sample: u32| (sample != NONE).then_some(sample as usize);
                Item::Record(Record { before: sample(before), after: sample(after) })
            }
        }
    }
}

impl Pass<'_> {
    /// Adds up.
    pub(super) fn run(&self) -> Counted {
        let snapshots = &self.series.snapshots;
        let raw: Vec<RawSamples<'_>> =
            snapshots.iter().map(|snapshot| RawSamples::new(self.series, snapshot)).collect();
        let matched = match (snapshots.as_slice(), self.process) {
            ([_, _], Some(process)) if self.before == 1 && process != Process::Different => {
                Some(MatchedSamples::new(self.series, self.measured, self.process))
            }
            _ => None,
        };
        let number = |sample: Option<usize>| sample.map_or(NONE, |sample| sample as u32);
        let items = if let Some(matched) = &matched {
            let records = matched.records().map(|r| [number(r.before), number(r.after)]);
            Items::Records(records.collect())
        } else {
            let mut end = 0;
            let ends = raw.iter().map(|raw| {
                end += raw.len();
                end
            });
            Items::Samples(ends.collect())
        };
        let places = Places::new(self.series, self.scopes, self.owners);
        let pieces = parallel::map(items.len().div_ceil(AT_ONCE), |i| {
            let mut piece = self.nothing();
            for number in i * AT_ONCE..items.len().min((i + 1) * AT_ONCE) {
                self.count(items.get(number), &raw, matched.as_ref(), &places, &mut piece);
            }
            piece
        });
        let mut counted = self.nothing();
        counted.known = raw.iter().all(RawSamples::known);
        for piece in pieces {
            counted.sums.iter_mut().zip(piece.sums).for_each(|(sum, own)| sum.merge(own));
            counted.used.iter_mut().zip(&piece.used).for_each(|(used, own)| *used |= own);
        }
        self.redirect(&mut counted);
        counted.unit = raw.iter().map(|raw| raw.unit(&self.measured)).fold(0.0, f64::max);
        counted
    }

    /// Blames the callers of libraries for what the libraries allocate in their own goroutines.
    fn redirect(&self, counted: &mut Counted) {
        let symbols = &self.series.symbols;
        let Self { series, owners, measured, before, process, .. } = *self;
        let name = |site: &Frame| symbols.name(site.function);
        let is_asked = |site: &Frame| entries::is_asked(name(site), owners.of(site.function));
        let all = counted.sums.iter().flat_map(|sum| sum.sites.keys());
        let mut asked = all.filter(|site| is_asked(site)).map(name).peekable();
        if asked.peek().is_none() {
            return;
        }
        let entries = Entries::of_runs(series, owners, &measured, (before, process), asked);
        for sum in &mut counted.sums {
            let mut asked: Vec<Frame> = sum.sites.keys().copied().filter(is_asked).collect();
            asked.sort_unstable();
            for site in asked {
                let Some(entry) = entries.of(name(&site)) else { continue };
                let [gone, came] = sum.sites.remove(&site).unwrap_or_default();
                let sums = sum.sites.entry(entry).or_default();
                sums[0].merge(&gone);
                sums[1].merge(&came);
            }
        }
    }

    fn nothing(&self) -> Counted {
        Counted {
            sums: vec![Sum::new(self.series.snapshots.len()); self.rules.len()],
            used: vec![false; self.allowances.len()],
            ..Counted::default()
        }
    }

    fn count(
        &self,
        item: Item,
        raw: &[RawSamples<'_>],
        matched: Option<&MatchedSamples<'_>>,
        places: &Places<'_>,
        piece: &mut Counted,
    ) {
        let Some((shown, sample)) = (match item {
            Item::Sample { snapshot, sample } => Some((snapshot, sample)),
            Item::Record(Record { after: Some(sample), .. }) => Some((1, sample)),
            Item::Record(Record { before, .. }) => before.map(|sample| (0, sample)),
        }) else {
            return;
        };
        let stack = raw[shown].stack(sample);
        let hits = self.scopes.hits(stack.clone());
        let mut facts: Option<(Facts, Option<Frame>)> = None;
        for (rule, wanted) in self.rules.iter().enumerate() {
            if !hits.pass(wanted.test) {
                continue;
            }
            let sum = &mut piece.sums[rule];
            let facts =
                facts.get_or_insert_with(|| (self.facts(item, raw, matched), places.site(&stack)));
            let (facts, site) = (&facts.0, facts.1);
            for (samples, value) in sum.samples.iter_mut().zip(&facts.values) {
                *samples += usize::from(value.is_some());
            }
            if let Some(allowed) = self.allowed(wanted, &hits) {
                piece.used[allowed] = true;
                sum.taken += facts.values.iter().flatten().count();
                for &(snapshot, value) in facts.values.iter().flatten() {
                    let side = usize::from(snapshot >= self.before);
                    sum.allowed[side] = sum.allowed[side].wrapping_add(value);
                }
                continue;
            }
            let mut values = [0_i64; 2];
            for &(snapshot, value) in facts.values.iter().flatten() {
                sum.values[snapshot] = sum.values[snapshot].wrapping_add(value);
                let side = &mut values[usize::from(snapshot >= self.before)];
                *side = side.wrapping_add(value);
            }
            sum.held.iter_mut().zip(&facts.held).for_each(|(sum, own)| sum.merge(own));
            sum.change.merge(&facts.change);
            if let Some(site) = site
                .filter(|_| values != [0; 2] || facts.change != growth::GrowthEvidence::default())
            {
                let side = usize::from(facts.values[1].is_some());
                sum.sites.entry(site).or_default()[side]
                    .merge(&SiteSum { values, change: facts.change });
            }
        }
    }

    fn allowed(&self, wanted: &RuleTests, hits: &Hits) -> Option<usize> {
        wanted.allowed.iter().copied().find(|&allowance| hits.pass(self.allowances[allowance]))
    }

    /// The values of a sample, and the evidence in them.
    fn facts(
        &self,
        item: Item,
        raw: &[RawSamples<'_>],
        matched: Option<&MatchedSamples<'_>>,
    ) -> Facts {
        let runs = [self.before, raw.len() - self.before].map(|runs| 1.0 / runs.max(1) as f64);
        let mut facts = Facts::default();
        let samples = match item {
            Item::Sample { snapshot, sample } => [Some((snapshot, sample)), None],
            Item::Record(record) => [record.before.map(|s| (0, s)), record.after.map(|s| (1, s))],
        };
        for (snapshot, sample) in samples.into_iter().flatten() {
            let raw = &raw[snapshot];
            let values = raw.values(sample);
            let side = usize::from(snapshot >= self.before);
            facts.values[side] = Some((snapshot, values[self.measured.column]));
            let weight = raw.weight(raw.set(sample), values, &self.measured).scaled(runs[side]);
            let n = raw.raw(sample, &self.measured.records);
            facts.held[side].add(n, weight);
            if matched.is_none() {
                let pair =
                    if side == 0 { Pair::independent(n, 0) } else { Pair::independent(0, n) };
                facts.change.add(pair, weight, weight);
            }
        }
        if let (Some(matched), Item::Record(record)) = (matched, item)
            && let Some(SumEvidence::Change(change)) = matched.evidence(record)
        {
            facts.change = change;
        }
        facts
    }
}

/// The values of a sample or a record, before and after.
#[derive(Default)]
struct Facts {
    /// Snapshot and value.
    values: [Option<(usize, i64)>; 2],
    held: [sampling::SampleEvidence; 2],
    change: growth::GrowthEvidence,
}
