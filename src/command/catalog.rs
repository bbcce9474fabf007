//! The settings and the patterns that a command works with: those of heapdiff, those of `heapdiff.toml` in the working directory, and
//! those of the files that were named.
//!
//! Each takes the place of an earlier one of its id. Files are read up to a limit, since a name may stand for a device.

use super::CommandError;
use super::options::PatternArgs;
use crate::patterns::Catalog;
use crate::toml_file::TomlFile;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The file that is read without being named.
pub(super) const USUAL: &str = "heapdiff.toml";
/// Bytes that are read at most: more than a pattern file may have.
const READ_MAX: u64 = (1 << 20) + 1;

/// A file of settings: `heapdiff.toml`, or one that was named in its place.
pub(super) struct Settings {
    /// Its name.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
}

/// The settings: those of the file that was named, else those in the working directory, if there are any.
pub(super) fn settings(named: Option<&Path>) -> Result<Option<Settings>, CommandError> {
    let path = named.unwrap_or(Path::new(USUAL));
    match read(path) {
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => {
            let name = path.to_string_lossy().into_owned();
            decoded(&name, text).map(|text| Some(Settings { name, text }))
        }
    }
}

/// The patterns, a user's own among them.
pub(super) fn catalog(args: &PatternArgs) -> Result<Catalog, CommandError> {
    catalog_with(args, settings(None)?.as_ref())
}

/// The patterns, those of these settings among them.
pub(super) fn catalog_with(
    args: &PatternArgs,
    settings: Option<&Settings>,
) -> Result<Catalog, CommandError> {
    let mut catalog = Catalog::builtin();
    let mut add = |name: &str, text: &str| {
        catalog.add_toml(name, text).map_err(|error| CommandError::Usage(error.to_string()))
    };
    if let Some(Settings { name, text }) = settings {
        add(name, text)?;
    }
    for file in &args.patterns {
        let name = file.to_string_lossy();
        add(&name, &decoded(&name, read(file))?)?;
    }
    Ok(catalog)
}

/// The text of a file.
fn decoded(name: &str, text: io::Result<Vec<u8>>) -> Result<String, CommandError> {
    let text = text.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => {
                "no such file; check the path (relative paths start at the working directory)"
                    .to_owned()
            }
            io::ErrorKind::IsADirectory => "is a folder; name a file (TOML)".to_owned(),
            _ => format!("can't read it: {error}"),
        };
        CommandError::Usage(format!("{name}: {why}"))
    })?;
    String::from_utf8(text).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let text = String::from_utf8_lossy(valid);
        let (line, column) = TomlFile { name, text: &text }.position(text.len());
        CommandError::Usage(format!(
            "{name}:{line}:{column}: byte {} is no UTF-8; a file of rules or patterns is text (TOML)",
            valid.len()
        ))
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(READ_MAX).read_to_end(&mut text)?;
    Ok(text)
}
