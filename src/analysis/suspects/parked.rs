//! Uses goroutines as evidence, and as suspects of their own.
//!
//! A goroutine that never ends keeps everything it refers to. If a site's goroutines multiply, that
//! supports a leak; if a pattern expects goroutines and there are none, that speaks against it.

use super::goroutines::{Group, LEAST_BYTES, groups};
use super::{Goroutines, LeaksQuery, Ranked, Replaced, Suspect, ids, is_any};
use crate::analysis::entries::Entries;
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::evolution::{Evolution, RecordChange};
use crate::analysis::{Measured, Place, place_at};
use crate::model::ids::FunctionId;
use crate::model::origin::{self, Owner};
use crate::model::recording::{Span, Track};
use crate::model::site::{Frame, Owners};
use crate::patterns::{Catalog, Confidence, Matcher, PatternId};
use crate::stats::class::LEAST;
use hashbrown::HashSet;
use regex::Regex;
use rustc_hash::FxBuildHasher;

/// The goroutines of a recording.
pub(super) struct Parked<'a> {
    track: &'a Track,
    /// Each group with its process.
    groups: Vec<(usize, Group)>,
    /// For each group, the patterns that its goroutines match.
    patterns: Vec<Vec<PatternId>>,
    /// Likewise, whatever they wait for.
    kinds: Vec<Vec<PatternId>>,
}

impl<'a> Parked<'a> {
    /// Groups the goroutines of a track by process.
    pub(super) fn new(
        track: &'a Track,
        processes: &[Span],
        (owners, asked): (&Owners, &LeaksQuery),
    ) -> Self {
        let mut parked =
            Self { track, groups: Vec::new(), patterns: Vec::new(), kinds: Vec::new() };
        let history = &track.history;
        let owners = Owners::new(&history.records.symbols, owners.own());
        for (process, span) in processes.iter().enumerate() {
            if span.moments.len() > 1 {
                let groups = groups(history, &owners, span);
                parked.groups.extend(groups.into_iter().map(|group| (process, group)));
            }
        }
        let symbols = &history.records.symbols;
        let names = symbols.functions.iter().map(|function| symbols.text(function.name));
        let matcher = Matcher::new(&asked.catalog, names);
        let of = |group: &Group, state| {
            matcher.parked(group.stack.iter().map(|function| function.index()), state)
        };
        let groups = parked.groups.iter().map(|(_, group)| group);
        parked.kinds = groups.clone().map(|group| of(group, None)).collect();
        parked.patterns = groups.map(|group| of(group, Some(group.state))).collect();
        parked.contradict(&asked.catalog);
        parked
    }

    /// Removes the patterns that other goroutines contradict, because they pile up as well: at least half as
    /// many.
    fn contradict(&mut self, catalog: &Catalog) {
        let symbols = &self.track.history.records.symbols;
        let growth = |group: &Group| group.after().saturating_sub(group.before());
        let has = |group: &Group, regex: &Regex| {
            group.stack.iter().any(|&function| regex.is_match(symbols.name(function)))
        };
        for (lists, (process, group)) in
            self.patterns.iter_mut().zip(&mut self.kinds).zip(&self.groups)
        {
            let is_contradicted = |id: &PatternId| {
                catalog[*id].unless.as_ref().is_some_and(|regex| {
                    self.groups.iter().any(|(of, other)| {
                        of == process
                            && 2 * growth(other) >= growth(group).max(1)
                            && has(other, regex)
                    })
                })
            };
            lists.0.retain(|id| !is_contradicted(id));
            lists.1.retain(|id| !is_contradicted(id));
        }
    }

    /// The functions that start goroutines.
    pub(super) fn starters(&self) -> HashSet<&str, FxBuildHasher> {
        let all = self.groups.iter().map(|(_, group)| group.started_by());
        all.filter(|name| !name.is_empty()).collect()
    }

    /// The changes of all stacks over a process.
    pub(super) fn changes(&self, span: &Span) -> Vec<RecordChange> {
        let history = &self.track.history;
        let measured = &Measured::new(&history.sample_types, 0);
        Evolution { history, measured, span }.changes()
    }

    fn facts(&self, group: &Group) -> Goroutines {
        let symbols = &self.track.history.records.symbols;
        Goroutines {
            before: group.before(),
            after: group.after(),
            state: group.state.to_owned(),
            started_by: group.started_by().to_owned(),
            parked_in: symbols.name(group.frame.function).to_owned(),
        }
    }

    /// The goroutines that go with a site: those that wait beneath it, those it started, or those
    /// that one of its patterns expects. If there are several groups, the one that multiplied most.
    pub(super) fn of(
        &self,
        function: &str,
        patterns: &[PatternId],
        catalog: &Catalog,
    ) -> Option<(Goroutines, &Group, &[PatternId])> {
        let symbols = &self.track.history.records.symbols;
        let is_named = |id: &PatternId| !is_any(&catalog[*id]);
        let goes_with = |(_, group): &&(usize, Group), own: &[PatternId]| {
            group.started == function
                || group.stack.iter().any(|&frame| symbols.name(frame) == function)
                || patterns.iter().filter(|id| is_named(id)).any(|id| own.contains(id))
        };
        let groups = self.groups.iter().zip(self.kinds.iter().zip(&self.patterns));
        let rising = groups.filter(|((_, group), _)| group.after() > group.before());
        let fitting = rising.filter(|(group, (kinds, _))| goes_with(group, kinds));
        let ((_, most), (_, patterns)) =
            fitting.max_by_key(|((_, group), _)| group.after().saturating_sub(group.before()))?;
        Some((self.facts(most), most, patterns))
    }

    /// The patterns whose goroutines most snapshots have, each with the own function that they are in.
    pub(super) fn present<'s>(
        &'s self,
        catalog: &'s Catalog,
    ) -> impl Iterator<Item = (PatternId, &'s str)> {
        let symbols = &self.track.history.records.symbols;
        let groups = self.groups.iter().zip(&self.patterns);
        groups.filter(|((_, group), _)| group.is_own && group.is_usual()).flat_map(
            move |((_, group), own)| {
                let function = symbols.name(group.frame.function);
                let present = own.iter().filter(|&&id| catalog[id].present);
                present.map(move |&id| (id, function))
            },
        )
    }

    /// Whether goroutines that a pattern expects pile up.
    pub(super) fn has_those_of(&self, pattern: PatternId, catalog: &Catalog) -> bool {
        let groups = self.groups.iter().zip(&self.patterns);
        groups.into_iter().any(|((_, group), own)| {
            (group.is_leak() || catalog[pattern].present && group.is_usual())
                && own.contains(&pattern)
        })
    }

    /// The groups that pile up, as suspects of their own. `place_of` is the place of a frame of `entries`.
    pub(super) fn suspects(
        &self,
        asked: &LeaksQuery,
        entries: &Entries<'_>,
        place_of: &dyn Fn(Frame) -> Place,
    ) -> Vec<Ranked> {
        let series = &self.track.history.records;
        let timed = self.track.is_timed();
        let catalog = &asked.catalog;
        let name = |&function: &FunctionId| series.symbols.name(function);
        let suspect = |(process, group): &(usize, Group), own: &[PatternId]| {
            let slope = group.slope();
            let growth = group.after() - group.before();
            let parked = name(&group.frame.function);
            let entry = entries.of(&group.started).or_else(|| entries.of(parked));
            // A library's own goroutine belongs to the caller of its type, unless one of the library's
            // goroutines started it.
            let entry = entry.filter(|_| {
                !(group.is_own || group.is_starter && entries.is_alone(&group.started))
            });
            let site = match entry {
                Some(frame) => place_of(frame),
                // What a library runs in a goroutine of its own is not the library's.
                _ if group.started == parked || group.is_own && group.first_owner != Owner::Own => {
                    place_at(series, group.frame)
                }
                _ => Place { function: group.started.clone(), ..place_at(series, group.first) },
            };
            let suspect = Suspect {
                rank: 0,
                site,
                class: group.class,
                confidence: if group.class == Class::Leak {
                    Confidence::High
                } else {
                    Confidence::Low
                },
                sample_type: "goroutine".to_owned(),
                unit: "count".to_owned(),
                patterns: if group.replaces.is_some() {
                    Vec::new()
                } else {
                    ids(catalog, own, group.class)
                },
                growth: Estimate { estimate: growth, lower: growth, upper: growth },
                slope_per_hour: (timed && group.line.values.len() >= LEAST).then(|| slope.into()),
                q_value: None,
                retention: None,
                persistence: group.judgement.persistence,
                path: group.stack.iter().rev().map(|f| name(f).to_owned()).collect(),
                mechanism: None,
                dependency: (!group.is_own && group.first_owner == Owner::Dependency)
                    .then(|| origin::package(&group.started).to_owned()),
                places: Vec::new(),
                parts: Vec::new(),
                load_factor: None,
                replaces: group.replaces.map(|(frame, grew)| Replaced {
                    site: place_at(series, frame),
                    together: Estimate { estimate: grew, lower: grew, upper: grew },
                }),
                goroutines: Some(self.facts(group)),
                explanation: String::new(),
                fix: String::new(),
                process: *process,
                since: group.judgement.since,
                values: group.line.values.clone(),
                shown_by: None,
                one_for_each: None,
            };
            let per_hour = if timed && group.line.values.len() >= LEAST {
                slope.inner.lower
            } else {
                growth as f64
            };
            let is_own = group.is_own || entry.is_some();
            Ranked {
                bound: per_hour * LEAST_BYTES as f64,
                suspect,
                is_own,
                records: group.records.clone(),
                is_payload: false,
                objects: 0.0,
                trail: std::iter::once(parked)
                    .chain(group.stack.iter().map(name))
                    .map(str::to_owned)
                    .collect(),
            }
        };
        let groups = self.groups.iter().zip(&self.patterns);
        // Goroutines that only come and go with the load are no suspect.
        let rises = |group: &Group| matches!(group.class, Class::Leak | Class::GrowingDecelerating);
        // Ignore small numbers that come and go.
        let few = |group: &Group| {
            let growth = group.after() - group.before();
            group.line.values.len() < LEAST && growth as f64 >= SOME
        };
        let is_told = |group: &Group| rises(group) || few(group) || group.replaces.is_some();
        groups
            .filter(|((_, group), _)| group.piles_up() && is_told(group))
            .map(|(group, own)| suspect(group, own))
            .collect()
    }
}

/// With fewer than four snapshots, goroutines are reported from this increase on.
const SOME: f64 = 10.0;
