//! The files that a card was made from: what they are, when they are from, and their SHA-256.

use crate::analysis::rfc3339;
use crate::command::CommandError;
use crate::command::inputs::MANIFEST;
use crate::command::manifests;
use crate::command::process::fail;
use crate::input::{self, Beginning};
use crate::parallel;
use crate::report::Report;
use crate::report::incident::{CapturedRecording, Evidence, kind};
use crate::source;
use crate::source::digest;
use crate::source::expand::natural;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Refuses what can be read only once, before anything is.
pub(super) fn check(names: &[String]) -> Result<(), CommandError> {
    let once = names.iter().find(|name| {
        let metadata = std::fs::metadata(name);
        metadata.is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
    });
    match once {
        Some(name) => Err(fail(
            name,
            "isn't a regular file, and incident reads its inputs twice, the second time for their \
             SHA-256: save it to a file first",
        )),
        None => Ok(()),
    }
}

/// The folder that all files are in, and the files in the order of their names.
pub(super) fn of(
    report: &Report,
    names: &[String],
    manifests: &BTreeMap<String, Value>,
    settings: &[PathBuf],
) -> Result<(String, Vec<Evidence>), CommandError> {
    let profiles: BTreeMap<&str, _> =
        report.inputs.iter().map(|input| (input.name.as_str(), input)).collect();
    let settings = settings.iter().map(|path| path.to_string_lossy().into_owned());
    let settings: BTreeSet<String> = settings.collect();
    let mut all: Vec<&String> = names.iter().chain(manifests.keys()).chain(&settings).collect();
    all.sort_by(|a, b| natural(a, b));
    all.dedup();
    let folder = folder(&all);
    let one = |name: &&String| {
        let (bytes, sha256) =
            digest::sha256(name).map_err(|error| fail(name, &error.to_string()))?;
        let (kind, time) = match profiles.get(name.as_str()) {
            Some(input) => (kind(input).to_owned(), input.time.clone()),
            None if settings.contains(*name) => ("settings of heapdiff".to_owned(), None),
            None if manifests.contains_key(*name) => {
                ("manifest of heapdiff capture".to_owned(), None)
            }
            None => (format_of(name), source::times::in_name(name).and_then(rfc3339)),
        };
        let name = name[folder.len()..].to_owned();
        Ok(Evidence { name, kind, time, bytes, sha256 })
    };
    let files: Result<Vec<Evidence>, CommandError> =
        parallel::map_items(&all, 1, one).into_iter().collect();
    Ok((folder.clone(), files?))
}

/// The longest folder that all names begin with, with its slash.
fn folder(names: &[&String]) -> String {
    let own = |name: &str| name.rfind('/').map_or(0, |slash| slash + 1);
    let Some(first) = names.first() else { return String::new() };
    let mut end = own(first);
    for name in names {
        while end > 0 && !name.starts_with(&first[..end]) {
            end = own(&first[..end - 1]);
        }
    }
    first[..end].to_owned()
}

/// What a file is by its beginning.
fn format_of(name: &str) -> String {
    match source::open(name).map(input::look) {
        Ok(Ok(Beginning::Known(format))) => format.name.to_owned(),
        Ok(Ok(Beginning::Other(refusal))) => refusal.what,
        _ => "other".to_owned(),
    }
}

/// The SHA-256 of what `sha256sum` writes about the files in this order.
pub(super) fn together(files: &[Evidence]) -> String {
    let list = files.iter().fold(String::new(), |mut list, file| {
        let _ = writeln!(list, "{}  {}", file.sha256, file.name);
        list
    });
    digest::of_text(&list)
}

/// The manifests of recordings in the folders of the inputs, by name.
pub(super) fn manifests(names: &[String]) -> BTreeMap<String, Value> {
    let folders: BTreeSet<&Path> =
        names.iter().filter_map(|name| Path::new(name).parent()).collect();
    let files =
        folders.into_iter().map(|folder| folder.join(MANIFEST).to_string_lossy().into_owned());
    files.filter_map(|name| manifests::read(&name).map(|manifest| (name, manifest))).collect()
}

/// How the recordings went whose files are among the inputs.
pub(super) fn recordings(manifests: &BTreeMap<String, Value>) -> Vec<CapturedRecording> {
    manifests.iter().map(|(name, value)| recording(name.clone(), value)).collect()
}

fn recording(manifest: String, value: &Value) -> CapturedRecording {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let shots = list(&value["shots"]);
    let mut failed = BTreeMap::new();
    for failure in shots.iter().flat_map(|shot| list(&shot["failed"])) {
        let why = format!("{}: {}", text(&failure["kind"]), text(&failure["error"]));
        *failed.entry(why).or_default() += 1;
    }
    CapturedRecording {
        manifest,
        target: text(&value["target"]),
        shots: shots.len(),
        failed,
        faults: list(&value["faults"]).iter().map(text).collect(),
        ended: value["ended"].as_str().map(str::to_owned),
    }
}
