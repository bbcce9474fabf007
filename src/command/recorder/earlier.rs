//! What earlier recordings left in a folder: the manifest goes on listing it, so that it can be removed
//! when it is too old, and nothing else is.

use super::manifest::{Earlier, Manifest, NAME, Removed, SCHEMA};
use super::store::Store;
use crate::command::manifests::LARGEST;
use crate::source::times;
use crate::units::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A manifest as an earlier recording wrote it, as far as it matters here.
#[derive(Deserialize)]
struct Written {
    schema: String,
    #[serde(default)]
    shots: Vec<WrittenShot>,
    #[serde(default)]
    earlier: Vec<Earlier>,
    #[serde(default)]
    removed: Removed,
}

#[derive(Deserialize)]
struct WrittenShot {
    time: String,
    #[serde(default)]
    files: Vec<WrittenFile>,
}

#[derive(Deserialize)]
struct WrittenFile {
    file: String,
}

/// Reads what the manifest of a folder lists; nothing if there is none. An error says why it is none of a
/// recording: writing another one would destroy it.
pub(in crate::command) fn read(folder: &Path) -> Result<(Vec<Earlier>, Removed), String> {
    let file = match File::open(folder.join(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Vec::new(), Removed::default()));
        }
        Err(error) => return Err(format!("can't be read: {error}")),
    };
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("can't be read: {error}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("is larger than {}", Bytes(LARGEST as f64)));
    }
    let written = serde_json::from_slice::<Written>(&bytes);
    let written = written.ok().filter(|written| written.schema == SCHEMA);
    let written =
        written.ok_or_else(|| format!("isn't a list that this version writes ({SCHEMA})"))?;
    let shots = written.shots.into_iter().map(|shot| Earlier {
        time: shot.time,
        files: shot.files.into_iter().map(|file| file.file).collect(),
    });
    let mut earlier: Vec<Earlier> = written.earlier.into_iter().chain(shots).collect();
    for one in &mut earlier {
        one.files.retain(|file| is_ours(file) && folder.join(file).is_file());
    }
    earlier.retain(|one| !one.files.is_empty());
    Ok((earlier, written.removed))
}

/// Whether a name is one that a recording gives: no path that leads elsewhere, and with a time.
fn is_ours(file: &str) -> bool {
    let is_plain = file.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    is_plain && !file.starts_with('.') && times::in_name(file).is_some()
}

/// Removes what is older.
pub(super) fn remove(manifest: &mut Manifest, store: &Store, oldest: Timestamp) {
    let Manifest { earlier, removed, .. } = manifest;
    earlier.retain(|one| {
        let is_old = one.time.parse().is_ok_and(|time: Timestamp| time < oldest);
        if is_old {
            one.files.iter().for_each(|file| store.remove(file));
            removed.add(&one.time, one.files.len());
        }
        !is_old
    });
}

#[cfg(test)]
mod tests {
    use super::{Manifest, Store, read, remove};
    use std::fs;
    use std::time::Duration;

    #[test]
    fn only_files_of_recordings_that_the_manifest_lists_are_removed() {
        let folder = std::env::temp_dir().join(format!("heapdiff-earlier-{}", std::process::id()));
        let inner = folder.join("inner");
        fs::create_dir_all(&inner).unwrap();
        let old = "heap-20260102T030405Z.pb.gz";
        let young = "heap-20260103T030405Z.pb.gz";
        let unlisted = "heap-20260101T030405Z.pb.gz";
        let outside = folder.join("heap-20260102T030405Z.txt");
        let others = [unlisted, "notes.txt", "heap.pb.gz"];
        for file in [old, young].into_iter().chain(others) {
            fs::write(inner.join(file), "x").unwrap();
        }
        fs::write(&outside, "x").unwrap();
        let shot = |time: &str, files: &[&str]| {
            let files = files.iter().map(|file| serde_json::json!({ "file": file }));
            serde_json::json!({ "time": time, "files": files.collect::<Vec<_>>() })
        };
        let hostile = ["../heap-20260102T030405Z.txt", outside.to_str().unwrap(), "notes.txt"];
        let manifest = serde_json::json!({
            "schema": super::SCHEMA,
            "removed": { "shots": 7, "files": 9, "last": "2025-12-31T00:00:00Z" },
            "earlier": [{ "time": "2026-01-02T01:00:00Z", "files": hostile }],
            "shots": [
                shot("2026-01-02T03:04:05.000Z", &[old, "heap.pb.gz", "heap-20250101T000000Z.gone"]),
                shot("2026-01-03T03:04:05.000Z", &[young]),
            ],
        });
        fs::write(inner.join("manifest.json"), manifest.to_string()).unwrap();
        let (earlier, removed) = read(&inner).unwrap();
        let store = Store::open(&inner).unwrap();
        let mut manifest = Manifest::of("s".to_owned(), Duration::ZERO);
        (manifest.earlier, manifest.removed) = (earlier, removed);
        remove(&mut manifest, &store, "2026-01-02T12:00:00Z".parse().unwrap());
        assert!(!inner.join(old).exists() && inner.join(young).exists() && outside.exists());
        assert!(others.iter().all(|file| inner.join(file).exists()));
        assert_eq!((manifest.removed.shots, manifest.removed.files), (8, 10));
        assert_eq!(manifest.earlier.len(), 1);
        for other in ["{}", "", "{\"name\": \"web app\"}", "{\"schema\": \"heapdiff.capture/v2\"}"]
        {
            fs::write(inner.join("manifest.json"), other).unwrap();
            assert!(read(&inner).unwrap_err().contains("isn't a list"), "{other}");
        }
        let large = fs::File::create(inner.join("manifest.json")).unwrap();
        large.set_len(super::LARGEST + 1).unwrap();
        assert!(read(&inner).unwrap_err().contains("is larger than 64"));
        fs::remove_file(inner.join("manifest.json")).unwrap();
        assert!(read(&inner).unwrap().0.is_empty());
        fs::remove_dir_all(folder).unwrap();
    }
}
