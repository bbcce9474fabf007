//! Uses heapdiff as a library: bytes in, a report out.

use heapdiff::analysis::flame::{FlameDirection, FlameOptions, FlamePart, FlameWidth};
use heapdiff::analysis::refs::{RefsDirection, RefsQuery};
use heapdiff::filter::{Granularity, Spec};
use heapdiff::graph::trim::Fraction;
use heapdiff::input;
use heapdiff::model::rebase::Rebase;
use heapdiff::model::series::Series;
use heapdiff::report::{Answer, Query, Question, Report, analyze};
use std::collections::BTreeMap;

/// Every row of a report, by function.
pub(crate) fn query(question: Question, sample_type: &str) -> Query {
    Query {
        question,
        sample_type: Some(sample_type.to_owned()),
        granularity: Granularity::Functions,
        sort: None,
        nodecount: 0,
        all: true,
        own: heapdiff::model::origin::Own::default(),
        normalize: false,
        trim_path: Vec::new(),
    }
}

/// Every path to the callers of three functions.
pub(crate) fn refs() -> RefsQuery {
    RefsQuery {
        pattern: ".".to_owned(),
        direction: RefsDirection::Callers,
        sites: 3,
        lines: 20,
        depth: 0,
        branches: 0,
        fraction: Fraction::default(),
    }
}

/// The whole flame graph, from the root, without frames narrower than half a pixel.
pub(crate) fn flame() -> FlameOptions {
    FlameOptions {
        width: FlameWidth::After,
        direction: FlameDirection::RootFirst,
        min_width: 500,
        part: FlamePart::Whole,
    }
}

pub(crate) fn series(inputs: &[&[u8]]) -> Result<Series, String> {
    let mut rebase = Rebase::default();
    for (i, bytes) in inputs.iter().enumerate() {
        let profile = input::read_profile(*bytes).map_err(|error| error.to_string())?;
        rebase.add(&format!("input {i}"), profile);
    }
    rebase.finish().map_err(|error| error.to_string())
}

/// Δ, or the value of a single profile; the profile's own sample type if `sample_type` is empty.
pub(crate) fn ask(question: Question, inputs: &[&[u8]], sample_type: &str) -> Report {
    let series = series(inputs).unwrap();
    analyze(series, &query(question, sample_type), &Spec::default()).unwrap()
}

/// Flat, cum and objects of each row; rows with the same name are added up, and rows of zeros left
/// out.
pub(crate) fn rows(report: &Report) -> BTreeMap<String, [i64; 3]> {
    let mut rows: BTreeMap<String, [i64; 3]> = BTreeMap::new();
    let mut add = |name: &str, values: [i64; 3]| {
        let sum = rows.entry(name.to_owned()).or_default();
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    };
    match &report.answer {
        Answer::Diff(diff) => diff.rows.iter().for_each(|row| {
            let objects = row.objects.map_or(0, |objects| objects.delta);
            add(&row.name, [row.delta.flat, row.delta.cum, objects]);
        }),
        Answer::Top(top) => top.rows.iter().for_each(|row| {
            add(&row.name, [row.flat, row.cum, row.objects.unwrap_or(0)]);
        }),
        other => panic!("no rows: {other:?}"),
    }
    rows.retain(|_, values| *values != [0; 3]);
    rows
}

/// Total of each sample type: Δ, or the sum.
pub(crate) fn totals(report: &Report) -> BTreeMap<String, i64> {
    let total =
        |total: &heapdiff::report::Total| (total.sample_type.clone(), total.value.delta_or_value());
    report.totals.iter().map(total).collect()
}
