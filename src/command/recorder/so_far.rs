//! What a recording shows so far: totals, the verdict of `leaks`, and whether it has settled.

use super::manifest::{Manifest, Shot};
use crate::analysis::estimates::Class;
use crate::analysis::suspects::LeaksQuery;
use crate::analysis::{self, rfc3339};
use crate::command::facts::{self, Facts};
use crate::command::progress::Progress;
use crate::command::symbols::Symbolizer;
use crate::filter::Spec;
use crate::input::Budget;
use crate::model::history::Gather;
use crate::model::profile::Profile;
use crate::model::recording::Recording;
use crate::patterns::{Catalog, Confidence};
use crate::report::{Answer, LeaksAnswer, Query, Question, Report, analyze};
use std::path::Path;
use std::sync::Arc;

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
    /// Whether a profile can't be part of a history.
    is_unfit: bool,
}

impl Recorded {
    /// Adds a profile.
    pub(in crate::command) fn add(&mut self, path: &Path, kind: &str, profile: &Profile) {
        let name = path.to_string_lossy().into_owned();
        let track = if kind == "goroutine" { &mut self.goroutines } else { &mut self.profiles };
        self.is_unfit |= track.add_at(self.names.len(), &name, profile).is_err();
        self.names.push(name);
    }

    /// Adds what else was taken of the process.
    pub(in crate::command) fn add_beside(&mut self, shot: &Shot, folder: &Path, budget: Budget) {
        let progress = Progress::new(false, budget, Symbolizer::default());
        self.facts.add(facts::read(&beside(std::slice::from_ref(shot), folder), false, &progress));
    }

    fn recording(&self) -> Option<Recording> {
        let finish = |track: &Gather| track.clone().finish().ok();
        let recording = analysis::recording(finish(&self.profiles)?, finish(&self.goroutines)?);
        (!self.is_unfit).then(|| self.facts.clone().beside(recording).0)
    }
}

/// What the snapshots so far show.
#[derive(Debug)]
pub(in crate::command) struct SoFar {
    pub(in crate::command) report: Report,
    /// Restarts, and several processes behind one address.
    pub(in crate::command) faults: Vec<String>,
}

/// Judges all snapshots: `None` if there are too few to say anything, or they can't be judged.
pub(in crate::command) fn judge(recorded: &Recorded, catalog: &Arc<Catalog>) -> Option<SoFar> {
    let recording = recorded.recording()?;
    let faults = faults(&recording, &recorded.names);
    let asked = LeaksQuery { catalog: Arc::clone(catalog), limit: None };
    let query = Query::new(Question::Leaks(asked));
    let report = analyze(recording, &query, &Spec::default()).ok()?;
    Some(SoFar { report, faults })
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

fn named(folder: &Path, file: &str) -> String {
    folder.join(file).to_string_lossy().into_owned()
}

/// What the order shows in which processes answered. `names` are in that order.
fn faults(recording: &Recording, names: &[String]) -> Vec<String> {
    let track = recording.main();
    if track.processes.len() < 2 {
        return Vec::new();
    }
    let of_each = track.process_of_each();
    let mut seen: Vec<usize> = Vec::new();
    let (mut returns, mut restarts) = (0, Vec::new());
    let mut last = None;
    let place = |name: &str| names.iter().position(|own| own == name);
    let mut order: Vec<usize> =
        track.processes.iter().flat_map(|span| &span.moments).copied().collect();
    order.sort_by_key(|&moment| place(&track.history.moments[moment].name));
    for moment in order {
        let process = of_each[moment];
        if last.is_some_and(|last| last != process) {
            if seen.contains(&process) {
                returns += 1;
            } else {
                restarts.push(rfc3339(track.time(moment)).unwrap_or_default());
            }
        }
        if !seen.contains(&process) {
            seen.push(process);
        }
        last = Some(process);
    }
    if returns > 0 {
        return vec![format!(
            "{} processes answer in turns: this address is most likely a load balancer; record \
             one of them, at its own address",
            seen.len()
        )];
    }
    let many = if restarts.len() == 1 { "" } else { "s" };
    vec![format!(
        "the service was restarted {} time{many}, last before the snapshot of {}",
        restarts.len(),
        restarts.last().map_or("", String::as_str)
    )]
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
