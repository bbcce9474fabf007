//! What a recording shows so far: totals, the verdict of `leaks`, and whether it has settled.

use super::manifest::{Manifest, Shot, Totals};
use super::thinning::NEWEST;
use crate::analysis::estimates::Class;
use crate::analysis::suspects::LeaksQuery;
use crate::analysis::{self, rfc3339};
use crate::command::facts::{self, Facts};
use crate::command::progress::Progress;
use crate::command::symbols::Symbolizer;
use crate::command::times::Times;
use crate::filter::Spec;
use crate::input::{self, Budget, Content, Inflate};
use crate::model::history::Gather;
use crate::model::measures;
use crate::model::profile::{Profile, SampleType};
use crate::model::recording::Recording;
use crate::patterns::Confidence;
use crate::report::{Answer, LeaksAnswer, Query, Question, Report, analyze};
use crate::units;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Analyses in a row that have to agree before a verdict counts as settled.
const AGREEING: usize = 5;

/// Fewest snapshots for a verdict that isn't sure: a cache that is being filled looks like a leak.
const LEAST: usize = 12;

/// What was recorded so far. Each file is read once, when it is taken.
#[derive(Default)]
pub(in crate::command) struct Recorded {
    profiles: Gather,
    goroutines: Gather,
    /// The names of the profiles, as they were taken.
    names: Vec<String>,
    facts: Facts,
    /// How many were added.
    added: usize,
    /// What the newest shot adds up to.
    pub(in crate::command) newest: Totals,
    /// The sample types that the heap profiles so far have in common; none before the first.
    common: Option<Vec<SampleType>>,
    /// Whether snapshots were dropped.
    is_thinned: bool,
    /// What the last verdict knew of who answers.
    pub(in crate::command) answering: Answering,
}

impl Recorded {
    /// Adds a profile. An error says why it can't be judged together with those before it.
    pub(in crate::command) fn add(
        &mut self,
        path: &Path,
        kind: &str,
        profile: &Profile,
    ) -> Result<(), String> {
        let name = path.to_string_lossy().into_owned();
        let is_of_goroutines = kind == "goroutine";
        let (track, common) = if is_of_goroutines {
            (&mut self.goroutines, self.common.clone())
        } else {
            let common = in_common(self.common.as_deref(), &profile.header.sample_types)?;
            (&mut self.profiles, Some(common))
        };
        track.add_at(self.added, &name, profile).map_err(|error| error.to_string())?;
        if is_of_goroutines {
            self.newest.goroutines = Some(sum(profile, 0));
        } else {
            self.newest.live = in_use(profile);
        }
        self.common = common;
        self.names.push(name);
        self.added += 1;
        Ok(())
    }

    /// Adds what else was taken of the process.
    pub(in crate::command) fn add_beside(&mut self, shot: &Shot, folder: &Path, budget: Budget) {
        let progress = Progress::new(false, budget, Symbolizer::default());
        let facts = facts::read(&beside(std::slice::from_ref(shot), folder), false, &progress);
        self.newest.resident = facts.resident().or(self.newest.resident);
        self.facts.add(facts);
    }

    /// Adds something else about the process, instead of what was read from this file before.
    pub(in crate::command) fn add_fact(&mut self, path: &Path, budget: Budget) {
        let name = path.to_string_lossy().into_owned();
        let progress = Progress::new(false, budget, Symbolizer::default());
        self.facts.keep(|own| own != name);
        let facts = facts::read(&[name], false, &progress);
        self.newest.resident = facts.resident().or(self.newest.resident);
        self.facts.add(facts);
    }

    /// The distinct stacks that are held.
    #[cfg(test)]
    pub(in crate::command) fn records(&self) -> usize {
        self.profiles.clone().finish().map_or(0, |history| history.len())
    }

    /// The names of the profiles that are held.
    pub(in crate::command) fn held(&self) -> BTreeSet<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// Drops what was read from other files.
    pub(in crate::command) fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.is_thinned |= !self.names.iter().all(|name| is_kept(name));
        self.profiles.keep(&is_kept);
        self.goroutines.keep(&is_kept);
        self.facts.keep(&is_kept);
        self.names.retain(|name| is_kept(name));
    }

    /// Reads the profiles again, so that nothing is left of those that were dropped. If one of them
    /// can't be read any more, all stays as it is.
    pub(in crate::command) fn compact(&mut self, budget: Budget) {
        let mut again = Self { added: self.added, newest: self.newest, ..Self::default() };
        for (place, name) in self.names.iter().enumerate() {
            let Ok(content) = read(Path::new(name), budget) else { return };
            let (track, profile) = match content {
                Content::Goroutines(profile) => (&mut again.goroutines, profile),
                Content::Profile(profile) => (&mut again.profiles, profile),
                _ => return,
            };
            if track.add_at(place, name, &profile).is_err() {
                return;
            }
        }
        (self.profiles, self.goroutines) = (again.profiles, again.goroutines);
    }

    fn recording(&self) -> Option<Recording> {
        let finish = |track: &Gather| track.clone().finish().ok();
        let recording = analysis::recording(finish(&self.profiles)?, finish(&self.goroutines)?);
        Some(self.facts.clone().beside(recording).0)
    }
}

/// The sample types that a profile shares with all those before it.
fn in_common(before: Option<&[SampleType]>, own: &[SampleType]) -> Result<Vec<SampleType>, String> {
    let Some(before) = before else { return Ok(own.to_vec()) };
    let is_same = |a: &SampleType, b: &SampleType| {
        a.name == b.name && units::conversion(&a.unit, &b.unit).is_some()
    };
    let shared = before.iter().filter(|one| own.iter().any(|other| is_same(one, other)));
    let shared: Vec<SampleType> = shared.cloned().collect();
    if shared.is_empty() {
        let names = |types: &[SampleType]| {
            types.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        return Err(format!(
            "it is a profile of {}, and those before it are of {}: another program answers; record \
             that one into a folder of its own",
            names(own),
            names(before)
        ));
    }
    Ok(shared)
}

/// Reads a file of a recording. What doesn't say when it was taken gets its time from its name.
pub(in crate::command) fn read(path: &Path, budget: Budget) -> Result<Content, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut content =
        input::read_any(file, budget, Inflate::Here).map_err(|error| error.to_string())?;
    if let Content::Profile(profile) | Content::Goroutines(profile) = &mut content {
        profile.header.take_time(|| Times::default().of(&path.to_string_lossy()));
    }
    Ok(content)
}

fn sum(profile: &Profile, column: usize) -> i64 {
    let values = (0..profile.samples.len()).filter_map(|i| profile.values(i).get(column).copied());
    values.fold(0, i64::wrapping_add)
}

/// The bytes in use, if the profile has them.
fn in_use(profile: &Profile) -> Option<i64> {
    let types = &profile.header.sample_types;
    let named = types.iter().position(|one| one.name == "inuse_space");
    let usual = || measures::default_position(types, &profile.header.default_sample_type);
    let column = named.or_else(usual).filter(|&column| types[column].unit == "bytes")?;
    Some(sum(profile, column))
}

/// What the snapshots so far show.
#[derive(Debug)]
pub(in crate::command) struct SoFar {
    pub(in crate::command) report: Report,
    /// Restarts, and several processes behind one address.
    pub(in crate::command) faults: Vec<String>,
    /// Restarts that the snapshots show.
    pub(in crate::command) restarts: usize,
    /// What these are made of.
    pub(in crate::command) answering: Answering,
}

/// Judges all snapshots that are held: `None` if there are too few to say anything, or they can't be judged.
pub(in crate::command) fn judge(recorded: &Recorded, asked: &LeaksQuery) -> Option<SoFar> {
    let recording = recorded.recording()?;
    let mut answering = Answering::of(&recording, &recorded.names);
    if recorded.is_thinned {
        answering = answering.after(&recorded.answering);
    }
    let query = Query::new(Question::Leaks(asked.clone()));
    let report = analyze(recording, &query, &Spec::default()).ok()?;
    let faults = answering.fault().into_iter().collect();
    let restarts = if answering.in_turns > 0 { 0 } else { answering.restarts.len() };
    Some(SoFar { report, faults, restarts, answering })
}

/// The kinds of profiles that are recorded.
const PROFILES: [&str; 2] = ["heap", "goroutine"];

/// The profiles of a recording, with their folder.
pub(in crate::command) fn inputs(manifest: &Manifest, folder: &Path) -> Vec<String> {
    let files = PROFILES.into_iter().flat_map(|kind| manifest.files(kind));
    files.map(|file| named(folder, file)).collect()
}

/// What else was recorded of the process.
pub(in crate::command) fn beside(shots: &[Shot], folder: &Path) -> Vec<String> {
    let files = shots.iter().flat_map(|shot| &shot.files);
    let others = files.filter(|file| !PROFILES.contains(&file.kind));
    others.map(|file| named(folder, &file.file)).collect()
}

/// A file with its folder.
pub(in crate::command) fn named(folder: &Path, file: &str) -> String {
    folder.join(file).to_string_lossy().into_owned()
}

/// Who answers: one process, one after another, or several in turns.
#[derive(Clone, Debug, Default)]
pub(in crate::command) struct Answering {
    /// When the first snapshot after each restart was taken, in nanoseconds since the epoch.
    restarts: Vec<i64>,
    /// How many processes answer in turns; 0 if they don't.
    in_turns: usize,
    /// When the first snapshot was taken, and the first of the newest, of which none is dropped.
    first: i64,
    newest: i64,
}

impl Answering {
    /// What the order shows in which processes answered. `names` are in that order.
    fn of(recording: &Recording, names: &[String]) -> Self {
        let track = recording.main();
        let of_each = track.process_of_each();
        let place = |name: &str| names.iter().position(|own| own == name);
        let mut order: Vec<usize> =
            track.processes.iter().flat_map(|span| &span.moments).copied().collect();
        order.sort_by_cached_key(|&moment| place(&track.history.moments[moment].name));
        let all = &track.order;
        let time = |at: usize| all.get(at).map_or(0, |&moment| track.time(moment));
        let newest = time(all.len().saturating_sub(NEWEST));
        let mut answering = Self { first: time(0), newest, ..Self::default() };
        let mut seen: Vec<usize> = Vec::new();
        let (mut returns, mut last) = (0, None);
        for moment in order {
            let process = of_each[moment];
            if last.is_some_and(|last| last != process) {
                if seen.contains(&process) {
                    returns += 1;
                } else {
                    answering.restarts.push(track.time(moment));
                }
            }
            if !seen.contains(&process) {
                seen.push(process);
            }
            last = Some(process);
        }
        if returns > 0 {
            answering.in_turns = seen.len();
        }
        answering
    }

    /// With what an earlier verdict knew: snapshots that were dropped may have shown a restart, and its
    /// time.
    fn after(self, earlier: &Self) -> Self {
        let is_known = |time: &i64| *time >= self.first && *time <= self.newest;
        let known = earlier.restarts.iter().copied().filter(is_known);
        let new = self.restarts.iter().copied().filter(|time| !is_known(time));
        let in_turns = self.in_turns.max(earlier.in_turns);
        Self { restarts: known.chain(new).collect(), in_turns, ..self }
    }

    fn fault(&self) -> Option<String> {
        if self.in_turns > 0 {
            return Some(format!(
                "{} processes answer in turns: this address is most likely a load balancer; record \
                 one of them, at its own address",
                self.in_turns
            ));
        }
        let last = self.restarts.last()?;
        let many = if self.restarts.len() == 1 { "" } else { "s" };
        Some(format!(
            "the service was restarted {} time{many}, last before the snapshot of {}",
            self.restarts.len(),
            rfc3339(*last).unwrap_or_default()
        ))
    }
}

impl SoFar {
    /// The suspects and the verdict.
    pub(in crate::command) fn leaks(&self) -> Option<&LeaksAnswer> {
        match &self.report.answer {
            Answer::Leaks(answer) => Some(answer),
            _ => None,
        }
    }

    /// The leaks that the verdict names, by the function to blame: those that are sure, and with enough
    /// snapshots those that are likely. None while there are too few to tell a leak from a cache that
    /// fills up.
    fn named(&self) -> Vec<String> {
        let answer = self.leaks().filter(|answer| answer.verdict.needed.is_none());
        let Some(LeaksAnswer { suspects, verdict, .. }) = answer else { return Vec::new() };
        let is_enough = |confidence| match confidence {
            Confidence::High => true,
            Confidence::Med => verdict.snapshots >= LEAST,
            Confidence::Low => false,
        };
        let leaks = suspects.iter().filter(|one| one.class == Class::Leak);
        let named = leaks.filter(|one| is_enough(one.confidence));
        let mut names: Vec<String> = named.map(|one| one.site.function.clone()).collect();
        names.sort_unstable();
        names
    }
}

/// Tells when a verdict has settled: the same leaks, several times in a row.
#[derive(Debug, Default)]
pub(in crate::command) struct Settling {
    last: Vec<String>,
    agreeing: usize,
}

impl Settling {
    /// Takes the next verdict. Returns whether it has settled.
    pub(in crate::command) fn add(&mut self, so_far: &SoFar) -> bool {
        let named = so_far.named();
        self.agreeing = if named == self.last { self.agreeing + 1 } else { 1 };
        self.last = named;
        !self.last.is_empty() && self.agreeing >= AGREEING
    }
}
