//! What the card of an incident says, in words.

use super::number::Scale;
use super::{CLASS_HEADINGS, more_verdicts, track_wording, verdict, what_it_was, whole_seconds};
use crate::analysis::beside::TrackKind;
use crate::analysis::estimates::Class;
use crate::report::incident::{
    CapturedRecording, CardMoment, CardTrack, DECISIVE, IncidentReport, Mark, ReproducedWhat,
    RuledOut, SuspectOwner,
};
use crate::report::{LeaksAnswer, Report};
use crate::units::Bytes;

/// What it was: the program, its build, the snapshots and their times.
pub(super) fn whence(report: &Report) -> String {
    what_it_was(report).join(", ")
}

/// How the memory went.
pub(super) fn memory(card: &IncidentReport) -> String {
    let what = &card.what;
    let scale = Scale::new(&what.unit, None);
    let mut parts = vec![format!(
        "{} {} → {} ({})",
        what.sample_type,
        scale.value(what.before),
        scale.value(what.after),
        scale.change(what.after.saturating_sub(what.before))
    )];
    if what.snapshots < 2 {
        parts = vec![format!("{} {}", what.sample_type, scale.value(what.after))];
    }
    if what.processes > 1 {
        parts[0].push_str(" in the process with the most snapshots");
    }
    let sizes = [TrackKind::LiveHeap, TrackKind::ResidentSet, TrackKind::Cgroup];
    for track in card.beside.iter().filter(|track| sizes.contains(&track.kind)) {
        let scale = Scale::new(&track.unit, None);
        let (name, first, last) = (track_wording::name(track.kind), track.first, track.last);
        parts.push(format!("{name} {} → {}", scale.value(first), scale.value(last)));
    }
    let limits = card.verdict.known_limits.iter();
    let mut limits: Vec<String> =
        limits.map(|known| format!("{} {}", known.field, Bytes(known.limit as f64))).collect();
    if let Some(limit) = &card.verdict.limit {
        limits.insert(0, format!("--limit {}", Bytes(limit.limit as f64)));
    }
    if limits.is_empty() {
        parts.push("limit not known".to_owned());
    } else {
        parts.push(format!("limit: {}", limits.join(", ")));
    }
    parts.join("; ")
}

/// The sentences of `leaks`: the verdict, and what the whole process says about it.
pub(super) fn verdicts(report: &Report, answer: &LeaksAnswer) -> Vec<String> {
    let mut sentences = vec![verdict(report, answer)];
    sentences.extend(more_verdicts(&answer.verdict));
    sentences
}

/// Why nothing is said about the whole process.
pub(super) fn no_agreement(card: &IncidentReport) -> &'static str {
    let has = |kinds: &[TrackKind]| card.beside.iter().any(|track| kinds.contains(&track.kind));
    match (has(&[TrackKind::LiveHeap]), has(&[TrackKind::ResidentSet])) {
        (false, false) => {
            "Whether the whole process grows as well isn't known: there is neither a log of the \
             collector nor a resident set over time."
        }
        (false, true) => {
            "Whether the live heap after collections agrees isn't known: there is no log of the \
             collector (GODEBUG=gctrace=1)."
        }
        (true, _) => {
            "Whether the live heap after collections agrees is open: too few of its values are of \
             the time of these snapshots."
        }
    }
}

/// The remark about a moment.
pub(super) fn marks(moment: &CardMoment, card: &IncidentReport) -> String {
    let own = |mark: &Mark| match *mark {
        Mark::ProcessStarts => {
            format!("process {} begins: a restart, or a replica", moment.process)
        }
        Mark::GrowthBegins(rank) => format!("suspect {rank} begins to grow"),
        Mark::Most => "most of all".to_owned(),
    };
    let mut parts: Vec<String> = Vec::new();
    if moment.snapshot == 1 {
        parts.push("first".to_owned());
    }
    parts.extend(moment.marks.iter().map(own));
    if moment.snapshot == card.what.snapshots && moment.snapshot > 1 {
        parts.push("last".to_owned());
    }
    parts.join("; ")
}

/// `2026-11-28 03:26:19` of a time in RFC 3339.
pub(super) fn time(time: Option<&str>) -> String {
    time.map_or_else(|| "no time".to_owned(), whole_seconds)
}

/// The time of a moment: with a tenth of a second if the snapshots are close together.
pub(super) fn time_of(moment: &CardMoment, card: &IncidentReport) -> String {
    let shown = |at: &CardMoment| time(at.time.as_deref());
    let mut times: Vec<String> = card.timeline.iter().map(shown).collect();
    let count = times.len();
    times.dedup();
    let own = shown(moment);
    let fraction = moment.time.as_deref().and_then(|time| time.split_once('.'));
    match fraction.filter(|_| times.len() < count) {
        Some((_, fraction)) => format!("{own}.{}", fraction.get(..1).unwrap_or("0")),
        None => own,
    }
}

/// What the timeline leaves out.
pub(super) fn not_in_timeline(card: &IncidentReport) -> Option<String> {
    let (shown, what) = (card.timeline.len(), &card.what);
    let is_start = |moment: &&CardMoment| moment.marks.contains(&Mark::ProcessStarts);
    let starts = card.timeline.iter().filter(is_start).count();
    let mut parts = Vec::new();
    if shown < what.snapshots {
        parts.push(format!("{shown} of {} snapshots are shown.", what.snapshots));
    }
    if what.processes > starts + 1 {
        parts.push(format!(
            "Of {} processes, only the first {} are marked.",
            what.processes,
            starts + 1
        ));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// A track from its first value to its last.
pub(super) fn track(track: &CardTrack) -> String {
    let scale = Scale::new(&track.unit, None);
    let value = |value| scale.value(value);
    let name = track_wording::name(track.kind);
    let at = track.highest_at.as_deref().map(|at| format!(" at {}", time(Some(at))));
    let at = at.unwrap_or_default();
    match track.kind {
        TrackKind::Stops => {
            format!("{name}: {}{at} (of {} collections)", value(track.highest), track.samples)
        }
        _ if track.samples == 1 || track.first == track.last && track.first == track.highest => {
            format!("{name}: {} ({})", value(track.last), track.field)
        }
        _ if track.highest == track.last || track.highest == track.first => {
            let (first, last) = (value(track.first), value(track.last));
            format!("{name}: {first} → {last} ({}, {} values)", track.field, track.samples)
        }
        _ => format!(
            "{name}: {} → {}, highest {}{at} ({}, {} values)",
            value(track.first),
            value(track.last),
            value(track.highest),
            track.field,
            track.samples
        ),
    }
}

/// Why something that grew isn't taken for a leak.
pub(super) fn reason(one: &RuledOut, card: &IncidentReport) -> String {
    let heading = CLASS_HEADINGS.iter().find(|(class, _)| *class == one.class);
    let why = heading.map(|(_, why)| *why).unwrap_or_default();
    let is_few = card.verdict.needed.is_some() || one.snapshots < DECISIVE;
    let many = if one.snapshots == 1 { "snapshot is" } else { "snapshots are" };
    let few = format!("but {} {many} too few to rule it out", one.snapshots);
    match (one.class, one.is_ruled_out) {
        (Class::Steady, true) => {
            "Within sampling error, and less than a tenth of the whole growth".to_owned()
        }
        (Class::Steady, false) if is_few => format!("Within sampling error; {few}"),
        (Class::Steady, false) => "Within sampling error, but so is a leak of this size".to_owned(),
        (Class::Step | Class::WarmUp | Class::Churn, false) if is_few => format!("{why}; {few}"),
        _ => why.to_owned(),
    }
}

/// By how much it grew.
pub(super) fn growth(one: &RuledOut) -> String {
    Scale::new(&one.unit, None).change(one.growth)
}

/// Why there is no owner to name.
pub(super) fn no_owner(owner: &SuspectOwner) -> &'static str {
    match (&owner.file, &owner.path, &owner.rule_file, owner.rule_line) {
        (None, ..) => "the profile names no file",
        (_, None, ..) => "isn't in this checkout; --source-path DIR says where it is",
        (_, _, None, _) => "the checkout has no CODEOWNERS below 3 MB",
        (_, _, _, None) => "its CODEOWNERS has no rule for this file",
        _ => "its rule names no owner",
    }
}

/// What a command writes.
pub(super) fn reproduces(what: ReproducedWhat) -> &'static str {
    match what {
        ReproducedWhat::Card => "This card",
        ReproducedWhat::Leaks => "The verdict and the suspects with all numbers",
        ReproducedWhat::Timeline => "Every function through time",
    }
}

/// Most reasons of failures that are told.
const REASONS: usize = 5;

/// How a recording went.
pub(super) fn recording(one: &CapturedRecording) -> String {
    let many = if one.shots == 1 { "" } else { "s" };
    let ended = match one.ended.as_deref() {
        Some("interrupted") => "interrupted",
        Some(_) => "finished",
        None => "not finished",
    };
    let mut text = format!("{}: {} snapshot{many}, {ended}", one.target, one.shots);
    if one.failed.is_empty() {
        text.push_str("; nothing failed");
    }
    for (why, times) in one.failed.iter().take(REASONS) {
        let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
        text.extend([format!("; failed {times}: {why}")]);
    }
    if one.failed.len() > REASONS {
        text.extend([format!(
            "; {} more reasons are in {}",
            one.failed.len() - REASONS,
            one.manifest
        )]);
    }
    for fault in &one.faults {
        text.extend([format!("; {fault}")]);
    }
    text
}
