//! The settings and leak patterns of a command: the built-in ones, those of `heapdiff.toml` in the
//! working directory, and those of files named on the command line.
//!
//! A later pattern replaces an earlier one with the same id. Files are read up to a limit, because
//! a name may be that of a device.

use super::CommandError;
use super::options::PatternArgs;
use crate::patterns::Catalog;
use crate::source::pipe;
use crate::toml_file::TomlFile;
use std::io::{self, Read};
use std::path::Path;

/// The file that is read by default.
pub(super) const USUAL: &str = "heapdiff.toml";
/// Most bytes read from a file: one more than a pattern file may have.
const READ_MAX: u64 = (1 << 20) + 1;

/// A settings file: `heapdiff.toml`, or the file named instead.
pub(super) struct Settings {
    /// Its name.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
}

/// Reads the settings from the named file, else from the working directory if it has any.
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

/// Returns all patterns, including the user's own.
pub(super) fn catalog(args: &PatternArgs) -> Result<Catalog, CommandError> {
    catalog_with(args, settings(None)?.as_ref())
}

/// Returns all patterns, including those of these settings.
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

/// Returns the text of a file.
fn decoded(name: &str, text: io::Result<Vec<u8>>) -> Result<String, CommandError> {
    let text = text.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => {
                "no such file; check the path (relative paths start at the working directory)"
                    .to_owned()
            }
            io::ErrorKind::IsADirectory => "is a folder; name a file (TOML)".to_owned(),
            io::ErrorKind::TimedOut => error.to_string(),
            _ => format!("can't read it: {error}"),
        };
        CommandError::Usage(format!("{name}: {why}"))
    })?;
    String::from_utf8(text).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let text = String::from_utf8_lossy(valid);
        let (line, column) = TomlFile { name, text: &text }.position(text.len());
        CommandError::Usage(format!(
            "{name}:{line}:{column}: byte {} isn't UTF-8; rules and patterns are text files (TOML)",
            valid.len()
        ))
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    pipe::open_to_read(path)?.take(READ_MAX).read_to_end(&mut text)?;
    Ok(text)
}
