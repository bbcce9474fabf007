//! Suspects with all their details, one line each. Several names in a cell are a path, root first;
//! several values are a series in order of time.

use crate::analysis::Place;
use crate::analysis::suspects::Suspect;
use crate::output::columns::Columns;
use crate::output::columns::cells::{finite, joined, scientific, word};

pub(super) fn columns<'a>() -> Columns<'a, &'a Suspect> {
    Columns::<&Suspect>::new()
        .column("rank", |suspect| suspect.rank)
        .optional("class", |suspect| word(suspect.class))
        .optional("confidence", |suspect| word(suspect.confidence))
        .column("function", |suspect| &suspect.site.function)
        .optional("file", |suspect| suspect.site.file.as_ref())
        .optional("line", |suspect| suspect.site.line)
        .column("sample_type", |suspect| &suspect.sample_type)
        .column("unit", |suspect| &suspect.unit)
        .estimate(["growth", "growth_lower", "growth_upper"], |suspect| Some(suspect.growth))
        .estimate(["slope_per_hour", "slope_lower", "slope_upper"], |suspect| {
            suspect.slope_per_hour
        })
        .optional("q_value", |suspect| suspect.q_value.and_then(finite).map(scientific))
        .share(["retention", "retention_lower", "retention_upper"], |suspect| suspect.retention)
        .optional("persistence", |suspect| finite(suspect.persistence))
        .optional("load_factor", |suspect| suspect.load_factor.and_then(finite))
        .optional("replaces", |suspect| Some(place(&suspect.replaces.as_ref()?.site)))
        .estimate(["together", "together_lower", "together_upper"], |suspect| {
            Some(suspect.replaces.as_ref()?.together)
        })
        .column("patterns", |suspect| joined(&suspect.patterns))
        .optional("mechanism", |suspect| suspect.mechanism.as_ref())
        .column("path", |suspect| joined(&suspect.path))
        .column("places", |suspect| joined(suspect.places.iter().map(place)))
        .column("parts", |suspect| {
            joined(suspect.parts.iter().map(|part| {
                format!("{} {} {}", place(&part.site), part.growth.estimate, part.unit)
            }))
        })
        .optional("goroutines_before", |suspect| Some(suspect.goroutines.as_ref()?.before))
        .optional("goroutines_after", |suspect| Some(suspect.goroutines.as_ref()?.after))
        .optional("goroutines_state", |suspect| Some(&suspect.goroutines.as_ref()?.state))
        .optional("goroutines_started_by", |suspect| Some(&suspect.goroutines.as_ref()?.started_by))
        .optional("goroutines_parked_in", |suspect| Some(&suspect.goroutines.as_ref()?.parked_in))
        .column("explanation", |suspect| &suspect.explanation)
        .column("fix", |suspect| &suspect.fix)
        .column("process", |suspect| suspect.process)
        .column("since", |suspect| suspect.since)
        .optional("first", |suspect| suspect.values.first())
        .optional("last", |suspect| suspect.values.last())
        .column("values", |suspect| joined(suspect.values.iter().map(i64::to_string)))
}

/// `main.serve chat.go:31`.
fn place(place: &Place) -> String {
    let Place { function, file, line } = place;
    match (file, line) {
        (Some(file), Some(line)) => format!("{function} {file}:{line}"),
        (Some(file), None) => format!("{function} {file}"),
        (None, _) => function.clone(),
    }
}
