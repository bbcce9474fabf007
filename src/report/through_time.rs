//! Answers questions about snapshots over time: the timeline, and the suspects with their verdict.

use super::draft::{Draft, ReportError, column, input, no_match, settle_order, total, warn_of_own};
use super::{Answer, GoroutinesAnswer, LeaksAnswer, Query, Report, Total, Warning, WarningCode};
use crate::analysis::beside::{self, Beside, clock_time};
use crate::analysis::could_show::{self, Evidence};
use crate::analysis::estimates::Class;
use crate::analysis::goroutines::{self, Followed};
use crate::analysis::places::GoroutinePlace;
use crate::analysis::suspects::{Findings, LeaksQuery, Verdict, suspects};
use crate::analysis::timeline::{self, Choice, Timeline, TimelinePlace};
use crate::analysis::{Measured, Order, RowOptions, Suspect};
use crate::filter::{Applied, Filter, Spec};
use crate::graph::frames::Frames;
use crate::model::change::Change;
use crate::model::history::{History, Moment};
use crate::model::measures::{self, Kind};
use crate::model::recording::{Lack, Recording, Track};
use crate::model::series::trimmed;
use crate::model::site::Owners;
use crate::patterns::Catalog;
use crate::stats::class::LEAST;
use crate::units;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

/// Maximum number of timeline rows next to suspects.
const BESIDE: usize = 25;

/// Maximum number of inputs that a warning names.
const NAMED: usize = 3;

/// Answers the timeline.
pub(super) fn timeline(
    recording: Recording,
    query: &Query,
    spec: &Spec,
) -> Result<Report, ReportError> {
    let mut settled = Settled::new(recording, None, query, spec)?;
    settled.judge();
    let timeline = settled.rows(Choice::Peak, query.nodecount, query, spec);
    Ok(settled.draft.answered(Answer::Timeline(timeline)))
}

/// Answers the question about leaks.
pub(super) fn leaks(
    recording: Recording,
    asked: &LeaksQuery,
    query: &Query,
    spec: &Spec,
) -> Result<Report, ReportError> {
    let mut settled = Settled::new(recording, Some(asked), query, spec)?;
    let (suspects, mut verdict) = settled.suspects(asked, query);
    if verdict.leaks == 0 && verdict.needed.is_none() {
        let Settled { recording, owners, measured, .. } = &settled;
        verdict.could_show = could_show::could_show(recording, measured, owners);
    }
    let rows = if query.nodecount == 0 { BESIDE } else { query.nodecount };
    let timeline = settled.rows(Choice::Ends, rows, query, spec);
    Ok(settled.draft.answered(Answer::Leaks(LeaksAnswer { timeline, suspects, verdict })))
}

/// Answers what the goroutines do over time. Profiles of other kinds tell processes apart.
pub(super) fn goroutines(
    mut recording: Recording,
    query: &Query,
    spec: &Spec,
) -> Result<Report, ReportError> {
    recording.set_profiles_aside();
    if !recording.is_of_goroutines() {
        let first = recording.profiles.history.moments.first();
        let name = first.map_or_else(String::new, |moment| moment.name.clone());
        return Err(ReportError::NotGoroutines(name));
    }
    let mut settled = Settled::new(recording, None, query, spec)?;
    settled.judge();
    settled.draft.warnings.extend(warn_of_own(&settled.owners));
    let mut timeline = settled.rows(Choice::Peak, 0, query, spec);
    let key =
        |at: &GoroutinePlace| (at.place.function.clone(), at.waits_for.clone(), at.root.clone());
    let places = timeline.places.take().map(|places| places.rows).unwrap_or_default();
    let places: HashMap<_, _, FxBuildHasher> = places
        .into_iter()
        .map(|TimelinePlace { waits_for, root, row, .. }| {
            ((row.name.clone(), waits_for, root), row)
        })
        .collect();
    let follow = |at: &GoroutinePlace| {
        let row = places.get(&key(at))?;
        let (class, slope_per_hour) = (row.class, row.slope_per_hour);
        Some(Followed { values: row.flat.clone(), class, slope_per_hour })
    };
    let wanted = RowOptions { nodecount: query.nodecount, all: query.all };
    let track = settled.recording.main();
    let column = settled.measured.column;
    let goroutines = goroutines::through_time(track, &settled.owners, column, wanted, follow);
    keep(&mut timeline, query.nodecount);
    let answer = GoroutinesAnswer { goroutines, timeline: Some(timeline) };
    Ok(settled.draft.answered(Answer::Goroutines(answer)))
}

/// Leaves out the rows beyond a limit; 0 is no limit.
fn keep(timeline: &mut Timeline, rows: usize) {
    if rows == 0 || timeline.rows.len() <= rows {
        return;
    }
    for row in timeline.rows.drain(rows..) {
        let omitted = &mut timeline.omitted;
        omitted.rows += 1;
        omitted.sum = omitted.sum.saturating_add_unsigned(row.delta.flat.unsigned_abs());
    }
}

/// Leaks for another question.
pub(super) struct LeaksAlone {
    pub(super) suspects: Vec<Suspect>,
    pub(super) verdict: Verdict,
    pub(super) evidence: Evidence,
    pub(super) warnings: Vec<Warning>,
}

/// Finds leaks for another question: the suspects, the verdict, what else is known of the snapshots,
/// and warnings about them.
pub(super) fn leaks_alone(
    recording: Recording,
    asked: &LeaksQuery,
    query: &Query,
    spec: &Spec,
) -> Result<LeaksAlone, ReportError> {
    let mut settled = Settled::new(recording, Some(asked), query, spec)?;
    let (mut suspects, verdict) = settled.suspects(asked, query);
    // The report of the other question has other inputs.
    suspects.iter_mut().for_each(|suspect| suspect.shown_by = None);
    let Settled { recording, owners, measured, draft, .. } = settled;
    let evidence = could_show::evidence(&recording, &measured, &owners);
    Ok(LeaksAlone { suspects, verdict, evidence, warnings: draft.warnings })
}

/// The filtered snapshots of a question, and what was determined from all samples before filtering.
struct Settled {
    recording: Recording,
    /// Whose code the functions of the main track are.
    owners: Owners,
    measured: Measured,
    order: Order,
    draft: Draft,
    /// What was recorded beside the profiles.
    beside: Beside,
    /// The class of the suspect that each record is part of, once suspects have been found.
    classes: Vec<Option<Class>>,
}

impl Settled {
    /// `leaks` has the options of a question about leaks.
    fn new(
        mut recording: Recording,
        leaks: Option<&LeaksQuery>,
        query: &Query,
        spec: &Spec,
    ) -> Result<Self, ReportError> {
        let history = &recording.main().history;
        if history.sample_types.is_empty() {
            let name = history.moments.first().map_or_else(String::new, |m| m.name.clone());
            return Err(ReportError::NoSampleTypes { name });
        }
        let filter = Filter::new(spec)?;
        let defaults = history.moments.iter().map(|m| m.header.default_sample_type.as_str());
        let at = column(&history.sample_types, defaults, query.sample_type.as_deref())?;
        if let Some(asked) = leaks {
            check_leaks(history, at, asked)?;
        }
        let (sort, order) = settle_order(query, true);
        let measured = Measured::new(&history.sample_types, at);
        let mut draft = Draft::new(query, &history.sample_types[at], sort);
        for Track { history, .. } in recording.tracks() {
            let one = |moment: &Moment| {
                let (symbols, types) = (&history.records.symbols, &history.sample_types);
                let snapshot = moment.as_snapshot();
                input(symbols, types, &snapshot, moment.samples, moment.negative)
            };
            draft.inputs.extend(history.moments.iter().map(one));
        }
        draft.totals = totals(recording.main());
        let beside = beside::beside(&recording);
        draft.warnings = caveats(recording.main(), &beside);
        for (number, Track { history, .. }) in recording.tracks_mut().enumerate() {
            history.records.name_empty_stacks();
            let Applied { series, unmatched, .. } =
                filter.apply(std::mem::take(&mut history.records))?;
            history.records = series;
            if number == 0 {
                draft.warnings.extend(unmatched.into_iter().map(no_match));
            }
        }
        let owners = Owners::new(&recording.main().history.records.symbols, &query.own);
        Ok(Self { recording, owners, measured, order, draft, beside, classes: Vec::new() })
    }

    /// Finds the class of each record: that of its suspect, so that `timeline` and `leaks` agree about a place.
    /// Without a trend nothing leaks, neither a suspect nor a row.
    fn judge(&mut self) {
        let track = self.recording.main();
        if track.processes.iter().all(|span| span.moments.len() < LEAST) {
            return;
        }
        let asked = LeaksQuery { catalog: Arc::new(Catalog::builtin()), limit: None };
        if check_leaks(&track.history, self.measured.column, &asked).is_ok() {
            let found =
                suspects(&self.recording, &self.measured, (&self.owners, &asked), &self.beside);
            self.classes = found.classes;
        }
    }

    /// Returns the suspects, the worst first. File names must be whole: they determine whether a
    /// function is own code.
    fn suspects(&mut self, asked: &LeaksQuery, query: &Query) -> (Vec<Suspect>, Verdict) {
        let Findings { mut suspects, mut verdict, classes } =
            suspects(&self.recording, &self.measured, (&self.owners, asked), &self.beside);
        self.classes = classes;
        if query.nodecount > 0 {
            verdict.omitted = suspects.len().saturating_sub(query.nodecount);
            suspects.truncate(query.nodecount);
        }
        for suspect in &mut suspects {
            for place in std::iter::once(&mut suspect.site).chain(&mut suspect.places) {
                let file = place.file.as_deref().map(|file| trimmed(file, &query.trim_path));
                place.file = file.map(str::to_owned);
            }
        }
        self.draft.warnings.extend(warn_of_leaks(&self.owners, &verdict));
        (suspects, verdict)
    }

    /// Returns the rows over time. File names are trimmed from here on.
    fn rows(&mut self, choice: Choice, rows: usize, query: &Query, spec: &Spec) -> Timeline {
        for Track { history, .. } in self.recording.tracks_mut() {
            history.records.trim_file_names(&query.trim_path);
        }
        let track = self.recording.main();
        let records = &track.history.records;
        let frames = Frames::new(records, &self.owners, query.granularity, spec.noinlines);
        let shown = (self.order, choice, rows);
        let tracks = self.beside.tracks.clone();
        let rows = timeline::timeline(track, &frames, &self.measured, shown, &self.classes);
        Timeline { tracks, ..rows }
    }
}

/// Refuses sample types that can't leak.
fn check_leaks(history: &History, column: usize, asked: &LeaksQuery) -> Result<(), ReportError> {
    let measured = &history.sample_types[column];
    let kind = history.moments.first().map(|moment| measures::kind(&moment.header));
    let is_goroutines = kind == Some(Kind::Goroutine);
    let measure = match kind {
        Some(Kind::Cpu) => Some("CPU time"),
        Some(Kind::Contention) => Some("how long something waited"),
        Some(Kind::Threads) => Some("threads that were created, which never fall"),
        _ => None,
    };
    if let Some(measure) = measure {
        return Err(ReportError::CannotLeak(format!(
            "these profiles measure {measure}; leaks need heap or goroutine profiles"
        )));
    }
    if measures::is_cumulative(measured) {
        return Err(ReportError::CannotLeak(format!(
            "{} counts everything ever allocated, which never falls; leaks need a sample type for \
             memory in use. heapdiff timeline shows how fast it grows",
            measured.name
        )));
    }
    let is_bytes = units::classify(&measured.unit).0 == units::Kind::Bytes;
    if asked.limit.is_some() && (is_goroutines || !is_bytes) {
        return Err(ReportError::CannotLeak(format!(
            "--limit is a memory limit, but {} is measured in {}; leave one of them out",
            measured.name, measured.unit
        )));
    }
    Ok(())
}

/// Warns about suspects that might mislead.
fn warn_of_leaks(owners: &Owners, verdict: &Verdict) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = warn_of_own(owners).into_iter().collect();
    if verdict.not_followed > 0 {
        warnings.push(Warning {
            code: WarningCode::Other,
            message: format!(
                "too many sites grew: the {} with the smallest certain growth are not judged and \
                 not in the sums",
                verdict.not_followed
            ),
        });
    }
    warnings
}

/// The totals of the first and the last snapshot of the judged process.
fn totals(track: &Track) -> Vec<Total> {
    let History { sample_types, moments, .. } = &track.history;
    let (first, last) = track.ends();
    let sum =
        |moment: Option<usize>, i: usize| moment.map_or(0, |moment| moments[moment].totals[i]);
    let types = sample_types.iter().enumerate();
    types
        .map(|(i, sample_type)| total(sample_type, Change::new(Some(sum(first, i)), sum(last, i))))
        .collect()
}

/// Why snapshots hold the same data as the ones before them, if the log of the collector covers them.
fn why_repeated(track: &Track, beside: &Beside) -> Option<String> {
    let mut without = Vec::new();
    let mut collections = 0;
    for (process, span) in track.processes.iter().enumerate() {
        for &repeat in &span.repeats {
            let at = track.time(repeat);
            let before = track.order.iter().copied().filter(|&i| track.time(i) < at);
            let own = |i: &usize| span.moments.contains(i) || span.repeats.contains(i);
            let from = track.time(before.filter(own).max_by_key(|&i| track.time(i))?);
            match beside.collections_between(process, from, at)? {
                0 => without.push((from, at)),
                n => collections += n,
            }
        }
    }
    let said: Vec<String> = without
        .iter()
        .take(NAMED)
        .filter_map(|&(from, to)| {
            Some(format!("between {} and {}", clock_time(from)?, clock_time(to)?))
        })
        .collect();
    let more = match without.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more times"),
    };
    if without.is_empty() {
        return Some(format!(
            "{} ended in between, so nothing that is sampled changed. They add no evidence",
            counted_collections(collections)
        ));
    }
    Some(format!(
        "no collection ended {}{more}, and a heap profile shows the state of the last collection. \
         They aren't evidence; fetch with ?gc=1, or further apart",
        said.join(", ")
    ))
}

fn counted_collections(count: usize) -> String {
    if count == 1 { "1 collection".to_owned() } else { format!("{count} collections") }
}

/// Warns about snapshots that might mislead.
fn caveats(track: &Track, beside: &Beside) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code, message: String| warnings.push(Warning { code, message });
    let named = |moments: &[usize]| {
        let names = moments.iter().take(NAMED).map(|&i| track.history.moments[i].name.clone());
        let more = moments.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("{more} more"));
        names.chain(more).collect::<Vec<_>>().join(", ")
    };
    let count = |moments: &[usize], one: &str, many: &str| match moments.len() {
        1 => format!("1 snapshot {one}"),
        n => format!("{n} snapshots {many}"),
    };
    if !track.differences.is_empty() {
        let which = count(&track.differences, "is a delta profile", "are delta profiles");
        warn(
            WarningCode::DeltaProfile,
            format!(
                "{which} (from ?seconds=N), not a snapshot of the heap, and left out: {}",
                named(&track.differences)
            ),
        );
    }
    if !track.in_text.is_empty() {
        let which = count(&track.in_text, "is in text", "are in text");
        warn(
            WarningCode::SetAside,
            format!(
                "{which} and left out, since the others say when they were taken: {}",
                named(&track.in_text)
            ),
        );
    }
    if !track.copies.is_empty() {
        let which = count(&track.copies, "appears twice", "appear twice");
        warn(
            WarningCode::IdenticalData,
            format!("{which} and counted once: {}", named(&track.copies)),
        );
    }
    let repeats: Vec<usize> = track.repeats().collect();
    if !repeats.is_empty() {
        let which = count(
            &repeats,
            "holds the same data as the one before it",
            "hold the same data as the one before them",
        );
        let why = why_repeated(track, beside).unwrap_or_else(|| {
            "no garbage collection ended in between, which is not the same as no growth. They \
             aren't evidence; fetch with ?gc=1, or further apart"
                .to_owned()
        });
        warn(WarningCode::IdenticalData, format!("{which}: {why}: {}", named(&repeats)));
    }
    if !beside.unplaced.is_empty() {
        let logs = beside.unplaced.join(", ");
        warn(
            WarningCode::NoTime,
            format!(
                "nothing says when the collections in {logs} were, so they have a clock of their own: \
                 use a log with times (docker logs -t, kubectl logs --timestamps, journalctl -o \
                 short-iso), or fetch the heap with ?debug=1 once as well, which has the number and \
                 the time of its last collection"
            ),
        );
    }
    if track.lacks(Lack::Times) && track.order.len() > 1 {
        warn(
            WarningCode::NoTime,
            "the snapshots don't all record when they were taken, or all record the same time: \
             they are used in the order given, without rates per hour"
                .to_owned(),
        );
    }
    if track.processes.len() > 1 {
        let (judged, size) = (track.main_process(), track.sizes().max().unwrap_or(0));
        let few = track.sizes().filter(|&size| size < LEAST).count();
        let few = if few > 0 && size >= LEAST {
            let have = if few == 1 { "has" } else { "have" };
            format!(" {few} of them {have} fewer than {LEAST} snapshots, too few for a trend.")
        } else {
            String::new()
        };
        warn(
            WarningCode::SeveralProcesses,
            format!(
                "the snapshots come from {} processes (another build, or counters that fall: a \
                 restart, or replicas). Each is judged on its own; the timeline's classes are for \
                 process {} with its {size} snapshot{}.{few}",
                track.processes.len(),
                judged + 1,
                if size == 1 { "" } else { "s" },
            ),
        );
    }
    warnings
}
