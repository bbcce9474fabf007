//! Which sample type a gate judges, and whether every file has it.
//!
//! Other questions fall back to a sample type that all profiles share. A gate must not: a rule about
//! memory in use that judges allocations because one side lacks the former is another rule. So the
//! type is settled from what the files hold together, and a file without it is an error, as is one
//! that has two columns of a name, of which a rule would judge either.

use super::draft::{ReportError, position};
use crate::analysis::check::Unanswerable;
use crate::model::measures;
use crate::model::profile::{Header, SampleType};
use crate::model::series::Series;
use crate::rules::Rule;
use std::collections::BTreeMap;

/// The default sample type of a check: memory in use is what kills a process, while the total ever
/// allocated depends on how long it ran.
const IN_USE: &str = "inuse_space";

/// The files of a series, by name.
pub(super) fn files(series: &Series) -> Vec<(&str, &Header)> {
    series.snapshots.iter().map(|s| (s.name.as_str(), &s.header)).collect()
}

/// The column, among the `types` that all `files` share, of the sample type that is asked for, or
/// else of memory in use, or else of the default of the files. `rule` is the rule that asks, if the
/// type is its own.
pub(super) fn column(
    files: &[(&str, &Header)],
    types: &[SampleType],
    asked: Option<&str>,
    rule: Option<&str>,
) -> Result<usize, ReportError> {
    for &(file, Header { sample_types, .. }) in files {
        let named = |name: &str| sample_types.iter().filter(|t| t.name == name).count();
        if let Some(twice) = sample_types.iter().find(|t| named(&t.name) > 1) {
            let (file, name) = (file.to_owned(), twice.name.clone());
            return Err(ReportError::Check(Unanswerable::TwoColumns { file, name }));
        }
    }
    let wanted = match asked {
        Some(asked) => in_any(files, asked, rule)?,
        None if files.iter().any(|(_, header)| has(header, IN_USE)) => IN_USE.to_owned(),
        None => default(files).unwrap_or_default(),
    };
    match files.iter().find(|(_, header)| !has(header, &wanted)) {
        Some(&(file, header)) => Err(ReportError::Check(Unanswerable::LacksType {
            file: file.to_owned(),
            rule: rule.map(str::to_owned),
            asked: wanted,
            known: known(&header.sample_types),
        })),
        None => position(types, &wanted),
    }
}

/// The columns of the sample types that rules name.
pub(super) fn of_rules(
    files: &[(&str, &Header)],
    types: &[SampleType],
    rules: &[Rule],
) -> Result<BTreeMap<String, usize>, ReportError> {
    let named = rules.iter().filter_map(|rule| Some((rule.sample_type.as_ref()?, &rule.name)));
    let found =
        named.map(|(own, rule)| Ok((own.clone(), column(files, types, Some(own), Some(rule))?)));
    found.collect()
}

/// The name of a sample type that a file has, by name or by position.
fn in_any(
    files: &[(&str, &Header)],
    asked: &str,
    rule: Option<&str>,
) -> Result<String, ReportError> {
    let found = files.iter().find_map(|(_, header)| {
        let at = position(&header.sample_types, asked).ok()?;
        Some(header.sample_types[at].name.clone())
    });
    found.ok_or_else(|| {
        let mut all: Vec<SampleType> = Vec::new();
        for t in files.iter().flat_map(|(_, header)| &header.sample_types) {
            if all.iter().all(|known| known.name != t.name) {
                all.push(t.clone());
            }
        }
        match rule {
            Some(rule) => ReportError::Check(Unanswerable::SampleType {
                rule: rule.to_owned(),
                asked: asked.to_owned(),
                known: known(&all),
            }),
            // Says it, with the positions.
            None => position(&all, asked)
                .err()
                .unwrap_or(ReportError::SampleType { asked: asked.to_owned(), known: known(&all) }),
        }
    })
}

/// The default sample type of the last file that names one, or else its own.
fn default(files: &[(&str, &Header)]) -> Option<String> {
    let names = files.iter().rev().map(|(_, header)| header.default_sample_type.as_str());
    let named = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let (_, header) = files.last()?;
    let at = measures::default_position(&header.sample_types, named).unwrap_or_default();
    header.sample_types.get(at).map(|t| t.name.clone())
}

fn has(Header { sample_types, .. }: &Header, name: &str) -> bool {
    sample_types.iter().any(|t| t.name == name)
}

fn known(types: &[SampleType]) -> String {
    types.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ")
}
